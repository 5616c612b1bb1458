//! `/proc/net/ip_vs_conn` and `ip_vs_conn_sync`: the connection table, a row each.
//!
//! ```text
//! Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
//! TCP 0A090002 AD06 0A000001 0050 0A010102 0050 TIME_WAIT       113
//! UDP 0A090002 0000 0A000001 13C4 0A010102 13C4 NONE            294 sip 9b2c41d0@10.9.0.2
//! TCP 0A090002 0000 0A090014 0050 0A090014 0050 ASSURED     SYNC        51
//! ```
//!
//! The table can hold millions of rows, so rows borrow from the bytes read and nothing is
//! allocated. It also changes while it is read: rows can come twice or be left out, and whoever
//! keeps them removes the repetitions.

use std::net::{IpAddr, SocketAddr};

use super::text::{Words, addr, decimal, port, protocol, split_line};
use crate::ipvs::{
    ConnState, Connection, EngineData, Family, Origin, Protocol, ServerKey, ServiceKey, Target,
};

/// A row, borrowed. See [`Connection`] for the fields that are not told here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnRow<'a> {
    /// Transport protocol; `IP` (0) for templates of fwmark services.
    pub protocol: Protocol,
    /// Address of the client.
    pub client: IpAddr,
    /// Port of the client.
    pub client_port: u16,
    /// What it asked for.
    pub target: Target,
    /// The real server it was given.
    pub server: ServerKey,
    /// The state, in the kernel's word.
    pub state: &'a [u8],
    /// Seconds until it expires; 0 also if that is overdue.
    pub expires: u32,
    /// Only in `ip_vs_conn_sync`.
    pub origin: Option<Origin>,
    /// Name and data of the persistence engine; only in `ip_vs_conn`. Not trustworthy: the data
    /// comes from the network.
    pub engine: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> ConnRow<'a> {
    /// Reads a line, without its newline; `None` if it is no row.
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut words = Words::new(line);
        let protocol = protocol(words.next()?)?;
        let (client, client_port) = (addr(words.next()?)?, port(words.next()?)?);
        let to = ServerKey::new(addr(words.next()?)?, port(words.next()?)?);
        let server = ServerKey::new(addr(words.next()?)?, port(words.next()?)?);
        let state = words.next()?;
        let mut word = words.next()?;
        let origin = match word {
            b"LOCAL" => Some(Origin::Local),
            b"SYNC" => Some(Origin::Sync),
            _ => None,
        };
        if origin.is_some() {
            word = words.next()?;
        }
        let expires = expires(word)?;
        let engine = match words.next() {
            None => None,
            // One blank parts name and data; the data may hold any byte.
            Some(name) => Some((name, words.rest().strip_prefix(b" ")?)),
        };
        let mut row = Self {
            protocol,
            client,
            client_port,
            target: Target::Address(to),
            server,
            state,
            expires,
            origin,
            engine,
        };
        if protocol == Protocol(0) && row.is_template() {
            row.target = Target::Fwmark(mark(to.addr));
        }
        Some(row)
    }

    /// Whether this is a persistence template: the client's port is 0 and the state is one of
    /// templates. Up to kernel 4.18 a UDP template says `UDP` instead. Port 0 with another state
    /// is an FTP data connection that waits for its port.
    pub fn is_template(&self) -> bool {
        self.client_port == 0
            && match self.state {
                b"NONE" | b"ASSURED" => true,
                b"UDP" => self.protocol == Protocol::UDP,
                _ => false,
            }
    }

    /// Whether this is a template that no client will find any more, because its server is gone
    /// or, with `expire_quiescent_template`, quiesced: the kernel sets its port to FFFF.
    pub fn is_invalidated(&self) -> bool {
        self.server.port == 0xFFFF && self.is_template()
    }

    /// The service as the row names it; see [`Connection::service`].
    pub fn service(&self) -> ServiceKey {
        match self.target {
            Target::Address(to) => ServiceKey::endpoint(self.protocol, to.addr, to.port),
            Target::Fwmark(mark) => ServiceKey::Fwmark { family: Family::of(self.client), mark },
        }
    }

    /// The row as a value of its own.
    pub fn to_connection(&self) -> Connection {
        Connection {
            protocol: self.protocol,
            client: SocketAddr::new(self.client, self.client_port),
            target: self.target,
            server: self.server,
            state: ConnState::new(self.state),
            template: self.is_template(),
            expires: self.expires,
            origin: self.origin,
            engine: self.engine.map(|(name, data)| Box::new(EngineData::new(name, data))),
        }
    }
}

/// Seconds. Up to kernel 4.18 an overdue timer is printed as a huge unsigned number.
fn expires(word: &[u8]) -> Option<u32> {
    decimal(word).map(|seconds| u32::try_from(seconds).unwrap_or(0))
}

/// The mark in the address field of a fwmark's template: its first 32 bits.
fn mark(addr: IpAddr) -> u32 {
    match addr {
        IpAddr::V4(v4) => v4.to_bits(),
        IpAddr::V6(v6) => (v6.to_bits() >> 96) as u32,
    }
}

/// The rows in a piece of the table that begins at the start of a line. Lines that are no rows
/// are skipped and counted, the header aside.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    rest: &'a [u8],
    skipped: u64,
}

impl<'a> Rows<'a> {
    /// The rows of `piece`; a last line without a newline is cut, and skipped.
    pub fn new(piece: &'a [u8]) -> Self {
        Self { rest: piece, skipped: 0 }
    }

    /// The bytes that were not looked at yet.
    pub fn bytes(&self) -> &'a [u8] {
        self.rest
    }

    /// Lines so far that were no rows.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

impl<'a> Iterator for Rows<'a> {
    type Item = ConnRow<'a>;

    fn next(&mut self) -> Option<ConnRow<'a>> {
        while let Some((line, rest)) = split_line(self.rest) {
            self.rest = rest;
            if let Some(row) = ConnRow::parse(line) {
                return Some(row);
            }
            if !line.starts_with(b"Pro FromIP") {
                self.skipped += 1;
            }
        }
        if !std::mem::take(&mut self.rest).is_empty() {
            self.skipped += 1;
        }
        None
    }
}
