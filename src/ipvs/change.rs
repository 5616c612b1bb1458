//! A change to the kernel's table as a value: what was, and what shall be.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Daemon, Server, ServerKey, Service, ServiceFlags, ServiceKey, Timeouts, Tunnel};

/// One change. `before` and `after` are whole entries, because the kernel replaces what an edit
/// leaves out; `None` means that the entry does not exist. Swapping them inverts the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Adds, edits or deletes a virtual service. Deleting one takes its servers along.
    Service {
        /// As it is.
        before: Option<Service>,
        /// As it shall be.
        after: Option<Service>,
    },
    /// Adds, edits or deletes a real server of `service`.
    Server {
        /// The service it belongs to.
        service: ServiceKey,
        /// As it is.
        before: Option<Server>,
        /// As it shall be.
        after: Option<Server>,
    },
    /// Sets the protocol timeouts.
    Timeouts {
        /// As they are.
        before: Timeouts,
        /// As they shall be; 0 keeps one.
        after: Timeouts,
    },
    /// Starts or stops a synchronisation daemon.
    Daemon {
        /// What runs.
        before: Option<Daemon>,
        /// What shall run.
        after: Option<Daemon>,
    },
    /// Sets `net.ipv4.vs.NAME`.
    Sysctl {
        /// The name below `net.ipv4.vs.`.
        name: String,
        /// The value read.
        before: String,
        /// The value to write.
        after: String,
    },
    /// Zeroes the counters of one service with its servers, or of everything. Not invertible.
    Zero(Option<ServiceKey>),
    /// Deletes every service. Not invertible as one message.
    Flush,
}

impl Change {
    /// Turns the weight of `server` into `weight`.
    pub fn weight(service: ServiceKey, server: &Server, weight: u32) -> Self {
        let after = Server { weight, ..server.clone() };
        Self::Server { service, before: Some(server.clone()), after: Some(after) }
    }

    /// The change that takes this one back, where the kernel can do that at all.
    pub fn inverse(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::Service { before, after } => Self::Service { before: after, after: before },
            Self::Server { service, before, after } => {
                Self::Server { service, before: after, after: before }
            }
            Self::Timeouts { before, after } => Self::Timeouts { before: after, after: before },
            Self::Daemon { before, after } => Self::Daemon { before: after, after: before },
            Self::Sysctl { name, before, after } => {
                Self::Sysctl { name, before: after, after: before }
            }
            Self::Zero(_) | Self::Flush => return None,
        })
    }

    /// The virtual service it is about, if it is about one.
    pub fn service(&self) -> Option<ServiceKey> {
        match self {
            Self::Service { before, after } => before.as_ref().or(after.as_ref()).map(|s| s.key),
            Self::Server { service, .. } => Some(*service),
            Self::Zero(service) => *service,
            _ => None,
        }
    }

    /// The real server it is about, if it is about one.
    pub fn server(&self) -> Option<ServerKey> {
        match self {
            Self::Server { before, after, .. } => before.as_ref().or(after.as_ref()).map(|s| s.key),
            _ => None,
        }
    }

    /// Whom it is about, in an operator's words: `real server 10.1.1.2:80 of TCP 10.0.0.1:80`.
    pub fn subject(&self) -> String {
        match (self.server(), self.service(), self) {
            (Some(server), Some(service), _) => format!("real server {server} of {service}"),
            (_, Some(service), _) => format!("service {service}"),
            (_, _, Self::Timeouts { .. }) => "the protocol timeouts".to_owned(),
            (_, _, Self::Daemon { before, after }) => {
                let role = before.as_ref().or(after.as_ref()).map(|d| d.role.to_string());
                format!("the {} sync daemon", role.unwrap_or_default())
            }
            (_, _, Self::Sysctl { name, .. }) => format!("sysctl net.ipv4.vs.{name}"),
            _ => "the whole table".to_owned(),
        }
    }
}

impl Change {
    /// The values of an entry that is added or deleted, in a line; what is as it usually is goes
    /// without saying. An edit names what it alters by itself.
    pub fn details(&self) -> Option<String> {
        let values = match self {
            Self::Service { before: None, after: Some(one) }
            | Self::Service { before: Some(one), after: None } => service_values(one),
            Self::Server { before: None, after: Some(one), .. }
            | Self::Server { before: Some(one), after: None, .. } => server_values(one),
            _ => return None,
        };
        let told = values.into_iter().filter(|(_, _, usual)| !usual);
        Some(told.map(|(name, text, _)| format!("{name} {text}")).collect::<Vec<_>>().join(", "))
    }
}

/// A value's name, its text, and whether it is as it usually is.
type Value = (&'static str, String, bool);

fn service_values(service: &Service) -> Vec<Value> {
    let flags = service.scheduler_flags().join(",");
    let seconds = service.persistent().map(|s| format!("{s} s"));
    let engine = service.pe.as_ref().map(ToString::to_string);
    let value = |name, text: Option<String>| {
        let usual = text.is_none();
        (name, text.unwrap_or_default(), usual)
    };
    vec![
        ("scheduler", service.scheduler.to_string(), false),
        ("flags", flags.clone(), flags.is_empty()),
        value("persistence", seconds),
        ("netmask", service.netmask.to_string(), service.netmask.is_host()),
        value("engine", engine),
        ("one-packet scheduling", "on".to_owned(), !service.one_packet()),
    ]
}

fn server_values(server: &Server) -> Vec<Value> {
    vec![
        ("forwarding", server.forwarding.to_string(), false),
        ("weight", server.weight.to_string(), false),
        ("upper threshold", server.upper_threshold.to_string(), server.upper_threshold == 0),
        ("lower threshold", server.lower_threshold.to_string(), server.lower_threshold == 0),
        ("tunnel", server.tunnel.to_string(), server.tunnel == Tunnel::default()),
    ]
}

impl fmt::Display for Change {
    /// One line: what it does, to whom.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = self.subject();
        match self {
            Self::Server { before: Some(before), after: Some(after), .. } => {
                write!(f, "{subject}: {}", listed(&server_edits(before, after)))
            }
            Self::Service { before: Some(before), after: Some(after) } => {
                write!(f, "{subject}: {}", listed(&service_edits(before, after)))
            }
            Self::Service { before: None, .. } | Self::Server { before: None, .. } => {
                write!(f, "add {subject}")
            }
            Self::Service { after: None, .. } | Self::Server { after: None, .. } => {
                write!(f, "delete {subject}")
            }
            Self::Daemon { after: None, .. } => write!(f, "stop {subject}"),
            Self::Daemon { .. } => write!(f, "start {subject}"),
            Self::Sysctl { before, after, .. } => {
                // The kernel separates several values by tabs.
                let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
                write!(f, "{subject}: {} -> {}", words(before), words(after))
            }
            Self::Timeouts { before, after } => {
                let mut edits = Edits::default();
                let kept = |before, after| if after == 0 { before } else { after };
                edits.note("tcp", &before.tcp, &kept(before.tcp, after.tcp));
                edits.note("tcpfin", &before.tcp_fin, &kept(before.tcp_fin, after.tcp_fin));
                edits.note("udp", &before.udp, &kept(before.udp, after.udp));
                write!(f, "{subject}: {}", listed(&edits.0))
            }
            Self::Zero(_) => write!(f, "zero the counters of {subject}"),
            Self::Flush => write!(f, "delete every service"),
        }
    }
}

/// What an edit alters, a field each: `weight 10 -> 0`.
#[derive(Default)]
struct Edits(Vec<String>);

impl Edits {
    fn note<T: PartialEq + fmt::Display>(&mut self, field: &str, before: &T, after: &T) {
        if before != after {
            self.0.push(format!("{field} {before} -> {after}"));
        }
    }
}

fn listed(edits: &[String]) -> String {
    if edits.is_empty() { "nothing altered".to_owned() } else { edits.join(", ") }
}

fn server_edits(before: &Server, after: &Server) -> Vec<String> {
    let mut edits = Edits::default();
    edits.note("weight", &before.weight, &after.weight);
    edits.note("forwarding", &before.forwarding, &after.forwarding);
    edits.note("upper threshold", &before.upper_threshold, &after.upper_threshold);
    edits.note("lower threshold", &before.lower_threshold, &after.lower_threshold);
    edits.note("tunnel", &before.tunnel, &after.tunnel);
    edits.0
}

fn service_edits(before: &Service, after: &Service) -> Vec<String> {
    let mut edits = Edits::default();
    let none = || "none".to_owned();
    let or_none = |words: Vec<&str>| if words.is_empty() { none() } else { words.join(",") };
    edits.note("scheduler", &before.scheduler, &after.scheduler);
    // What the flags are called is the scheduler's business.
    if (before.flags ^ after.flags).intersects(ServiceFlags::SCHED) {
        let flags = |s: &Service| or_none(s.scheduler_flags());
        edits.note("flags", &flags(before), &flags(after));
    }
    let persistent = |s: &Service| s.persistent().map_or_else(none, |t| format!("{t} s"));
    edits.note("persistence", &persistent(before), &persistent(after));
    if before.persistent().is_none() && after.persistent().is_none() {
        edits.note("stored persistence timeout", &before.timeout, &after.timeout);
    }
    edits.note("netmask", &before.netmask, &after.netmask);
    let engine = |s: &Service| s.pe.as_ref().map_or_else(none, ToString::to_string);
    edits.note("engine", &engine(before), &engine(after));
    let ops = |s: &Service| if s.one_packet() { "on" } else { "off" };
    edits.note("one-packet scheduling", &ops(before), &ops(after));
    edits.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::{Forwarding, SchedulerName};

    #[test]
    fn every_value_that_moves_is_named() {
        let key = "TCP 10.0.0.1:80".parse().unwrap();
        let wlc = Service::new(key, SchedulerName::new("wlc").unwrap());
        let sh = Service {
            scheduler: SchedulerName::new("sh").unwrap(),
            flags: ServiceFlags::SCHED1 | ServiceFlags::PERSISTENT,
            timeout: 60,
            ..wlc.clone()
        };
        let edit = Change::Service { before: Some(wlc), after: Some(sh.clone()) };
        let told = "service TCP 10.0.0.1:80: scheduler wlc -> sh, flags none -> sh-fallback, \
                    persistence none -> 60 s";
        assert_eq!((edit.to_string().as_str(), edit.details()), (told, None));
        let add = Change::Service { before: None, after: Some(sh) };
        let told = "scheduler sh, flags sh-fallback, persistence 60 s";
        assert_eq!(add.details().as_deref(), Some(told));
        let server = Server::new("10.1.1.2:80".parse().unwrap(), Forwarding::Masq, 3);
        let delete = Change::Server { service: key, before: Some(server), after: None };
        assert_eq!(delete.details().as_deref(), Some("forwarding Masq, weight 3"));
    }
}
