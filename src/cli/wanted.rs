//! What a command line wants, checked as far as it alone tells.

use std::net::IpAddr;
use std::time::Duration;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::change::{
    Change, Common, Hidden, OneService, ServerFields, ServiceFields, ServiceOptions, TargetOptions,
    Without,
};
use super::value::{Flags, ServerName};
use super::{Cli, DemoOptions, JournalOptions};
use crate::ipvs::{Family, Protocol, SchedulerName, ServiceKey};
use crate::journal::{Id, Then};
use crate::kernel::netlink::Namespace;
use crate::plan::WeightEdit;

/// Which real servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// One.
    One(ServiceKey, ServerName),
    /// Every one with this address.
    Host(IpAddr),
}

/// What shall be done.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// `weight`.
    Weight(Target, WeightEdit),
    /// `quiesce`.
    Quiesce(Target),
    /// `drain`, and what happens when its time is up.
    Drain(Target, Then),
    /// `restore`, at once or over a time.
    Restore(Target, Option<Duration>),
    /// `scheduler`, with the flags if they shall change.
    Scheduler(ServiceKey, SchedulerName, Option<Flags>),
    /// `add` of a service.
    AddService(ServiceKey, Box<ServiceFields>),
    /// `add` of a real server.
    AddServer(ServiceKey, ServerName, Box<ServerFields>),
    /// `edit` of a service.
    EditService(ServiceKey, Box<ServiceFields>, Without),
    /// `edit` of a real server.
    EditServer(ServiceKey, ServerName, Box<ServerFields>),
    /// `delete` of real servers.
    Delete(Target),
    /// `delete` of a service.
    DeleteService(ServiceKey),
    /// `undo`, of the last entry or of this one.
    Undo(Option<Id>),
}

/// What shall be done, and how.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What.
    pub what: What,
    /// Offers that are taken, by their keys.
    pub accepts: Vec<char>,
    /// Nothing is changed.
    pub dry_run: bool,
    /// It is done although it is dangerous.
    pub yes: bool,
    /// The operator's reason; empty if none was given.
    pub reason: String,
    /// Whether it is waited for.
    pub wait: bool,
    /// For so long at most.
    pub timeout: Option<Duration>,
    /// Whether one document is printed instead of lines.
    pub json: bool,
    /// The network namespace.
    pub netns: Option<Namespace>,
    /// Where it is written down.
    pub journal: JournalOptions,
    /// The embedded director, if it shall be one.
    pub demo: Option<DemoOptions>,
}

impl Change {
    fn name(&self) -> &'static str {
        match self {
            Self::Weight { .. } => "weight",
            Self::Quiesce { .. } => "quiesce",
            Self::Drain { .. } => "drain",
            Self::Restore { .. } => "restore",
            Self::Scheduler { .. } => "scheduler",
            Self::Add { .. } => "add",
            Self::Edit { .. } => "edit",
            Self::Delete { .. } => "delete",
            Self::Undo { .. } => "undo",
        }
    }

    /// What is wanted, checked as far as the command line alone tells.
    ///
    /// # Errors
    /// What is missing or does not go together, to be printed with the verb's usage.
    pub fn wanted(self) -> Result<Wanted, clap::Error> {
        let name = self.name();
        self.check().map_err(|(kind, why)| {
            let mut cli = Cli::command();
            cli.build();
            match cli.find_subcommand_mut(name) {
                Some(verb) => verb.error(kind, why),
                None => cli.error(kind, why),
            }
        })
    }

    fn check(self) -> Result<Wanted, Wrong> {
        let (what, common, accepts) = match self {
            Self::Weight { target, weight, common } => {
                (What::Weight(target.servers()?, weight), common, Vec::new())
            }
            Self::Quiesce { target, offers, common } => {
                (What::Quiesce(target.servers()?), common, offers.taken())
            }
            Self::Drain { target, then, offers, common } => {
                if then != Then::Keep && common.timeout.is_none() {
                    let why = "--then says what happens when the time is up: give --timeout too";
                    return Err((ErrorKind::MissingRequiredArgument, why.to_owned()));
                }
                (What::Drain(target.servers()?, then), common, offers.taken())
            }
            Self::Restore { target, ramp, common } => {
                (What::Restore(target.servers()?, ramp), common, Vec::new())
            }
            Self::Scheduler { service, name, flags, common } => {
                if let Some(flags) = &flags {
                    flags.of(&name).map_err(value)?;
                }
                (What::Scheduler(service.key()?, name, flags), common, Vec::new())
            }
            Self::Add { service, server, of_service, of_server, common } => {
                let key = service.key()?;
                alone(server, &of_server)?;
                let what = match server {
                    Some(server) => What::AddServer(key, server, Box::new(of_server)),
                    None if of_service.scheduler.is_none() => {
                        let why = "give a new service its scheduler with -s, or a real server \
                                   with -r";
                        return Err((ErrorKind::MissingRequiredArgument, why.to_owned()));
                    }
                    None => What::AddService(key, Box::new(of_service)),
                };
                (what, common, Vec::new())
            }
            Self::Edit { service, server, of_service, without, of_server, common } => {
                let key = service.key()?;
                alone(server, &of_server)?;
                let nothing = of_service == ServiceFields::default()
                    && without == Without::default()
                    && of_server == ServerFields::default();
                if nothing {
                    let why = "say what of it shall change";
                    return Err((ErrorKind::MissingRequiredArgument, why.to_owned()));
                }
                let what = match server {
                    Some(server) => What::EditServer(key, server, Box::new(of_server)),
                    None => What::EditService(key, Box::new(of_service), without),
                };
                (what, common, Vec::new())
            }
            Self::Delete { target, common } => {
                let service = target.host.is_none() && target.server.is_none();
                let what = match target.service.given() {
                    Some(key) if service => What::DeleteService(key),
                    _ => What::Delete(target.servers()?),
                };
                (what, common, Vec::new())
            }
            Self::Undo { id, common } => (What::Undo(id), common, Vec::new()),
        };
        if common.timeout.is_some() && !common.wait && !matches!(what, What::Drain(..)) {
            let why = "--timeout says how long to wait: give --wait too";
            return Err((ErrorKind::MissingRequiredArgument, why.to_owned()));
        }
        let Common { dry_run, yes, reason, wait, timeout, json, netns, journal, demo, of } = common;
        let Hidden { scenario, seed } = of;
        let demo = demo.then_some(DemoOptions { scenario, seed });
        let reason = reason.unwrap_or_default();
        Ok(Wanted {
            what,
            accepts,
            dry_run,
            yes,
            reason,
            wait,
            timeout,
            json,
            netns,
            journal,
            demo,
        })
    }
}

/// What is wrong with a command line, for clap to tell.
type Wrong = (ErrorKind, String);

/// A real server's values want a real server. (clap does not ask for one where a service's
/// values, which go with none, are given too.)
fn alone(server: Option<ServerName>, fields: &ServerFields) -> Result<(), Wrong> {
    if server.is_some() || *fields == ServerFields::default() {
        return Ok(());
    }
    let why = "-g, -i, -m, -w, -x, -y and --tun-... are a real server's: say which with -r";
    Err((ErrorKind::MissingRequiredArgument, why.to_owned()))
}

fn value(why: String) -> Wrong {
    (ErrorKind::ValueValidation, why)
}

impl ServiceOptions {
    fn given(&self) -> Option<ServiceKey> {
        let OneService { tcp, udp, sctp, fwmark } = self.one;
        let of = |protocol| move |(addr, port)| ServiceKey::endpoint(protocol, addr, port);
        let family = if self.ipv6 { Family::V6 } else { Family::V4 };
        tcp.map(of(Protocol::TCP))
            .or(udp.map(of(Protocol::UDP)))
            .or(sctp.map(of(Protocol::SCTP)))
            .or(fwmark.map(|mark| ServiceKey::Fwmark { family, mark }))
    }

    fn key(&self) -> Result<ServiceKey, Wrong> {
        let why = "say which service: -t VIP:PORT, -u VIP:PORT, --sctp-service VIP:PORT or -f MARK";
        self.given().ok_or_else(|| (ErrorKind::MissingRequiredArgument, why.to_owned()))
    }
}

impl TargetOptions {
    fn servers(&self) -> Result<Target, Wrong> {
        let missing = |why: &str| (ErrorKind::MissingRequiredArgument, why.to_owned());
        match (self.host, self.service.given(), self.server) {
            (Some(host), ..) => Ok(Target::Host(host)),
            (None, Some(service), Some(server)) => Ok(Target::One(service, server)),
            (None, Some(_), None) => Err(missing("say which real server of it: -r RS:PORT")),
            (None, None, Some(_)) => {
                Err(missing("say of which service the real server is, or give the HOST alone"))
            }
            (None, None, None) => Err(missing(
                "say which real server: a service (-t, -u, --sctp-service, -f) with -r, or a HOST",
            )),
        }
    }
}
