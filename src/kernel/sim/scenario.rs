//! The directors to choose from, by name.

mod dns;
mod farm;
mod grid;
mod incident;
mod web;

use std::fmt;
use std::str::FromStr;

use super::Ms;
use super::actor::Actor;
use super::bulk::Load;
#[cfg(test)]
use super::state::Kernel;
use super::traffic::Source;
use crate::ipvs::{
    Change, Forwarding, SchedulerName, Server, ServerKey, Service, ServiceFlags, ServiceKey,
};

/// Most services, and most real servers altogether, of a `big` director.
pub const MOST_SERVICES: u32 = 20_000;
/// See [`MOST_SERVICES`].
pub const MOST_SERVERS: u32 = 500_000;

/// What the embedded director directs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scenario {
    /// A mixed site: masqueraded web servers, one of them emptying, persistent TLS, one-packet
    /// DNS, a firewall mark, IPv6.
    #[default]
    Web,
    /// Direct routing: three addresses, eight servers each; replies pass the director by.
    DrFarm,
    /// Resolvers over UDP and TCP.
    DnsUdp,
    /// A bad day: a server hangs, a health checker takes it out and puts it back, a weight flaps.
    Incident,
    /// A table of `services` times `servers`, with statistical load.
    Big {
        /// Virtual services, 1 to [`MOST_SERVICES`].
        services: u32,
        /// Real servers of each; altogether at most [`MOST_SERVERS`].
        servers: u32,
    },
    /// Nothing: no services, no clients.
    Empty,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Web => f.pad("web"),
            Self::DrFarm => f.pad("dr-farm"),
            Self::DnsUdp => f.pad("dns-udp"),
            Self::Incident => f.pad("incident"),
            Self::Empty => f.pad("empty"),
            Self::Big { services, servers } => f.pad(&format!("big:{services}x{servers}")),
        }
    }
}

/// Why a text names no scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// Nothing has this name.
    #[error(
        "'{0}' is no scenario; there are web, dr-farm, dns-udp, incident, empty and big:SERVICESxSERVERS (big:1000x20)"
    )]
    Unknown(String),
    /// A table size that is not one.
    #[error(
        "'{0}' is no table size; write big:SERVICESxSERVERS with 1 to {MOST_SERVICES} services and at most {MOST_SERVERS} servers altogether, as in big:1000x20"
    )]
    Size(String),
}

impl FromStr for Scenario {
    type Err = ScenarioError;

    fn from_str(text: &str) -> Result<Self, ScenarioError> {
        match text {
            "web" => Ok(Self::Web),
            "dr-farm" => Ok(Self::DrFarm),
            "dns-udp" => Ok(Self::DnsUdp),
            "incident" => Ok(Self::Incident),
            "empty" => Ok(Self::Empty),
            _ => match text.strip_prefix("big:") {
                Some(size) => parse_size(size).ok_or_else(|| ScenarioError::Size(text.to_owned())),
                None if text == "big" => Err(ScenarioError::Size(text.to_owned())),
                None => Err(ScenarioError::Unknown(text.to_owned())),
            },
        }
    }
}

fn parse_size(size: &str) -> Option<Scenario> {
    let (services, servers) = size.split_once('x')?;
    let (services, servers) = (services.parse().ok()?, servers.parse().ok()?);
    let fits = (1..=MOST_SERVICES).contains(&services)
        && servers > 0
        && u64::from(services) * u64::from(servers) <= u64::from(MOST_SERVERS);
    fits.then_some(Scenario::Big { services, servers })
}

/// Everything that a scenario puts together.
#[derive(Default)]
pub(super) struct Setup {
    /// Sent to the kernel in order, before the first client comes.
    pub(super) table: Vec<Change>,
    /// Clients, one by one.
    pub(super) sources: Vec<Source>,
    /// Clients by the crowd.
    pub(super) loads: Vec<Load>,
    /// Someone else at the table.
    pub(super) actor: Option<Actor>,
    /// How long it has been running when it opens, and how much longer its totals look.
    pub(super) warm_up: Ms,
    pub(super) age: u64,
}

impl Scenario {
    pub(super) fn setup(self) -> Setup {
        match self {
            Self::Web => web::setup(),
            Self::DrFarm => farm::setup(),
            Self::DnsUdp => dns::setup(),
            Self::Incident => incident::setup(),
            Self::Big { services, servers } => grid::setup(services, servers),
            Self::Empty => Setup { age: 1, ..Setup::default() },
        }
    }
}

impl Setup {
    /// Adds a service with its servers, after `shape` has had a look at it. The kernel lists the
    /// newest server first, so the first of `servers` goes in last.
    ///
    /// A scheduler name that is none leaves the service out; the tests count what is there.
    fn add(
        &mut self,
        key: ServiceKey,
        scheduler: &str,
        shape: impl FnOnce(Service) -> Service,
        servers: impl DoubleEndedIterator<Item = Server>,
    ) {
        let Ok(scheduler) = SchedulerName::new(scheduler) else { return };
        let after = Some(shape(Service::new(key, scheduler)));
        self.table.push(Change::Service { before: None, after });
        self.table.extend(servers.rev().map(|server| Change::Server {
            service: key,
            before: None,
            after: Some(server),
        }));
    }
}

fn plain(service: Service) -> Service {
    service
}

/// Persistent for five minutes, ipvsadm's default.
fn persistent(service: Service) -> Service {
    Service { flags: service.flags | ServiceFlags::PERSISTENT, timeout: 300, ..service }
}

fn one_packet(service: Service) -> Service {
    Service { flags: service.flags | ServiceFlags::ONE_PACKET, ..service }
}

fn server(addr: [u8; 4], port: u16, forwarding: Forwarding, weight: u32) -> Server {
    Server::new(ServerKey::new(addr.into(), port), forwarding, weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_what_they_print() {
        for name in ["web", "dr-farm", "dns-udp", "incident", "empty", "big:1000x20"] {
            assert_eq!(name.parse::<Scenario>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn errors_name_what_there_is() {
        let unknown = "wbe".parse::<Scenario>().unwrap_err().to_string();
        assert!(unknown.contains("'wbe'") && unknown.contains("dr-farm"), "{unknown}");
        for size in [
            "big",
            "big:",
            "big:0x5",
            "big:5x0",
            "big:20001x1",
            "big:5000x101",
            "big:5x5x5",
            "big:-1x2",
        ] {
            let error = size.parse::<Scenario>().unwrap_err();
            assert_eq!(error, ScenarioError::Size(size.to_owned()));
            assert!(error.to_string().contains("500000"), "{error}");
        }
        assert!("big:20000x25".parse::<Scenario>().is_ok());
    }

    /// Every scenario's table is taken whole by a fresh kernel.
    #[test]
    fn the_kernel_takes_every_table() {
        for (name, services, servers) in [
            ("web", 5, 12),
            ("dr-farm", 3, 24),
            ("dns-udp", 3, 8),
            ("incident", 3, 9),
            ("big:40x7", 40, 280),
            ("empty", 0, 0),
        ] {
            let setup = name.parse::<Scenario>().unwrap().setup();
            let mut kernel = Kernel::new(1);
            for change in &setup.table {
                assert_eq!(crate::kernel::check::check(change), Ok(()));
                assert_eq!(kernel.apply(change), Ok(()), "{name}: {change}");
            }
            assert_eq!(kernel.services.len(), services, "{name}");
            assert_eq!(kernel.dests.iter().count(), servers, "{name}");
        }
    }
}
