//! Which rows are looked at: what is typed behind `/` in the console, and behind
//! `ipvs-tui connections`.
//!
//! Terms stand side by side with blanks between them, and all must match; `!` negates one.
//!
//! ```text
//! 10.9.0.2  10.9.0.0/16  10.0.0.1:80  :443   client, or any address for one without a network
//! client:10.9.0.0/16  client:10.9.0.2:4242   the client
//! service:10.0.0.1:80  service:udp/10.0.0.1  service:fwm/5
//! server:10.1.1.2:80  server:10.1.1.0/24     the real server
//! state:syn_recv  state:opening,closing      the kernel's words; stages: opening established
//!                                            closing ended udp other
//! proto:udp  expires>60  expires<=2m
//! is:template  is:connection  is:orphan  is:invalid  is:waiting  is:ftp-data  is:ipv6  is:ipv4
//! pe:9b2c41d0  pe:any                        what a persistence engine keeps
//! origin:sync  origin:local                  who saw it first
//! ```
//!
//! What was not read of a row matches neither a term nor its negation: the kernel tells either
//! what engines keep or where rows came from.

mod read;
mod sieve;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use super::net::Net;
use super::stage::Stage;
use super::term::{Relation, Terms};
use crate::ipvs::{ConnState, Family, Origin, Protocol};

pub use sieve::Sieve;

/// The names of fields.
const FIELDS: [&str; 9] =
    ["client", "service", "server", "state", "proto", "expires", "is", "pe", "origin"];

/// What rows have to be. At least one term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Terms<Wants>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wants {
    /// Part of anything that is shown, in lower case.
    Text(String),
    /// The client; or any address.
    Peer(Peer),
    Client(Peer),
    Service(Option<Protocol>, Peer),
    Mark(u32, Option<Family>),
    Server(Peer),
    States(Vec<StateOf>),
    Protocol(Protocol),
    Expires(Relation, u32),
    Is(Kind),
    Engine(Option<String>),
    Origin(Origin),
}

/// An address, or more of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peer {
    Address(IpAddr),
    Network(Net),
    Endpoint(IpAddr, u16),
    Port(u16),
}

impl Peer {
    fn is(&self, addr: IpAddr, port: u16) -> bool {
        match *self {
            Self::Address(wanted) => addr == wanted,
            Self::Network(net) => net.contains(addr),
            Self::Endpoint(wanted, at) => addr == wanted && port == at,
            Self::Port(at) => port == at,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum StateOf {
    State(ConnState),
    /// Any state that begins like this, where it is no whole word of the kernel's: SCTP has many,
    /// and operators type half of one.
    Beginning(String),
    Stage(Stage),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Template,
    Connection,
    Orphan,
    Invalid,
    Waiting,
    FtpData,
    Ipv4,
    Ipv6,
}

impl Filter {
    /// It as it was typed.
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// Whether the last term may be the beginning of a field's name that is still typed, and would
    /// find nothing until it is whole.
    pub fn is_unfinished(&self) -> bool {
        match self.0.last() {
            Some(Wants::Text(text)) => FIELDS.iter().any(|field| field.starts_with(text.as_str())),
            _ => false,
        }
    }

    /// Whether it asks where rows came from, which only `ip_vs_conn_sync` tells.
    pub fn wants_origin(&self) -> bool {
        self.0.all().iter().any(|term| matches!(term.wants, Wants::Origin(_)))
    }

    /// Whether it asks what engines keep, which only `ip_vs_conn` tells.
    pub fn wants_engine(&self) -> bool {
        self.0.all().iter().any(|term| matches!(term.wants, Wants::Engine(_)))
    }
}
