//! What a plan would do to clients, computed from the snapshot and never canned.

use std::fmt;

use super::Plan;
use crate::ipvs::{Change, Server, ServerKey, Service, ServiceFlags, ServiceKey};
use crate::snapshot::{ServiceEntry, Snapshot};

/// Something an operator has to know, and to agree to, before the plan is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Danger {
    /// No server with a weight above 0 is left: new connections are refused.
    LastServer {
        /// The service that would refuse.
        service: ServiceKey,
        /// How many connections it has now.
        connections: u64,
    },
    /// While the scheduler is switched, the service has none.
    Switch {
        /// The service.
        service: ServiceKey,
        /// The scheduler it has.
        from: String,
        /// The scheduler it shall have.
        to: String,
    },
    /// A hash is made anew: clients come to other servers than before.
    Remapped {
        /// The service.
        service: ServiceKey,
        /// The hashing scheduler.
        scheduler: String,
    },
    /// The scheduler keeps sending clients to the quiesced server and refuses them.
    RefusedClients {
        /// The service.
        service: ServiceKey,
        /// The server that is quiesced.
        server: ServerKey,
        /// Its scheduler.
        scheduler: String,
        /// Share of the service's weight that the server has now, in percent.
        percent: u32,
    },
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LastServer { service, connections } => write!(
                f,
                "no server of {service} would be left with a weight above 0: new connections are \
                 refused ({connections} connections now)"
            ),
            Self::Switch { service, from, to } => write!(
                f,
                "while {service} goes from {from} to {to} it has no scheduler: new connections are \
                 refused for a moment, some milliseconds"
            ),
            Self::Remapped { service, scheduler } => write!(
                f,
                "{scheduler} hashes the clients of {service} anew: new connections of a client may \
                 come to another server than before"
            ),
            Self::RefusedClients { service, server, scheduler, percent } => write!(
                f,
                "{scheduler} would refuse the clients of {server} instead of moving them: about \
                 {percent}% of the clients of {service}"
            ),
        }
    }
}

/// The dangers of `plan`, as far as `snapshot` tells.
pub fn dangers(plan: &Plan, snapshot: &Snapshot) -> Vec<Danger> {
    let mut found: Vec<Danger> = Vec::new();
    for change in &plan.changes {
        match change {
            Change::Server { service, before: Some(before), after } => {
                let stops = after.as_ref().is_none_or(|a| a.weight == 0) && before.weight > 0;
                if let Some(entry) = snapshot.service(service).filter(|_| stops) {
                    found.extend(stopped(plan, entry, before, after.is_some()));
                }
            }
            Change::Service { before: Some(before), after: Some(after) } => {
                found.extend(switched(before, after));
                let entry = snapshot.service(&before.key);
                let servers = entry.iter().flat_map(|e| &e.servers).map(|s| &s.server);
                let newly = after.refuses_at_zero() && !before.refuses_at_zero();
                let quiesced = servers.filter(|s| newly && s.weight == 0);
                found.extend(quiesced.filter_map(|s| Some(refused(entry?, after, s))));
            }
            _ => {}
        }
    }
    let mut seen: Vec<Danger> = Vec::new();
    found.retain(|danger| {
        let new = !seen.contains(danger);
        if new {
            seen.push(danger.clone());
        }
        new
    });
    found
}

/// A server of `entry` gets weight 0, or is deleted.
fn stopped(plan: &Plan, entry: &ServiceEntry, before: &Server, stays: bool) -> Option<Danger> {
    let service = entry.service.key;
    let lost = |key: ServerKey| {
        plan.changes.iter().any(|c| match c {
            Change::Server { service: s, after, .. } => {
                *s == service
                    && c.server() == Some(key)
                    && after.as_ref().is_none_or(|a| a.weight == 0)
            }
            _ => false,
        })
    };
    let left = entry.servers.iter().any(|s| s.server.weight > 0 && !lost(s.server.key));
    if !left {
        let connections = entry.active() + entry.inactive();
        return Some(Danger::LastServer { service, connections });
    }
    (stays && entry.service.refuses_at_zero()).then(|| refused(entry, &entry.service, before))
}

/// The share of clients that the scheduler goes on sending to a quiesced server.
fn refused(entry: &ServiceEntry, service: &Service, server: &Server) -> Danger {
    let scheduler = &service.scheduler;
    let all: u64 = entry.servers.iter().map(|s| u64::from(s.server.weight)).sum();
    let count = entry.servers.len().max(1) as u64;
    // dh shares its slots evenly; sh and mh by weight, of which a server at 0 keeps a slot.
    let weighs = scheduler.known().is_some_and(|s| s.weighs) && server.weight > 0;
    let percent = if weighs { u64::from(server.weight) * 100 / all.max(1) } else { 100 / count };
    Danger::RefusedClients {
        service: service.key,
        server: server.key,
        scheduler: scheduler.to_string(),
        percent: u32::try_from(percent).unwrap_or(100),
    }
}

fn switched(before: &Service, after: &Service) -> Vec<Danger> {
    let hashes = |s: &Service| matches!(s.scheduler.as_str(), "sh" | "dh" | "mh");
    let mut found = Vec::new();
    if before.scheduler != after.scheduler {
        let (from, to) = (before.scheduler.to_string(), after.scheduler.to_string());
        found.push(Danger::Switch { service: before.key, from, to });
    }
    let flags = (before.flags ^ after.flags).contains(ServiceFlags::SCHED2);
    if hashes(after) && (before.scheduler != after.scheduler || flags) {
        let (service, scheduler) = (before.key, after.scheduler.to_string());
        found.push(Danger::Remapped { service, scheduler });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::{Forwarding, SchedulerName};
    use crate::snapshot::{Known, Moment, Part, ServerEntry, Source};

    /// A service with servers of these weights.
    fn director(scheduler: &str, weights: &[u32]) -> Snapshot {
        let key = "TCP 10.0.0.1:80".parse().unwrap();
        let service = Service::new(key, SchedulerName::new(scheduler).unwrap());
        let server = |(n, weight): (usize, &u32)| {
            let key = format!("10.1.{n}.2:80").parse().unwrap();
            let server = Server::new(key, Forwarding::Masq, *weight);
            let (persistent, stats, unknown) = (None, None, Vec::new());
            ServerEntry { server, active: 3, inactive: 4, persistent, stats, unknown }
        };
        let entry = ServiceEntry {
            service,
            known: Known::Whole,
            stats: None,
            servers: weights.iter().enumerate().map(server).collect(),
            servers_read: Moment::default(),
            unknown: Vec::new(),
        };
        Snapshot {
            taken: jiff::Timestamp::UNIX_EPOCH,
            at: Moment::default(),
            took: std::time::Duration::ZERO,
            source: Source::Netlink,
            info: Part::Unreadable(String::new()),
            totals: Part::Unreadable(String::new()),
            timeouts: Part::Unreadable(String::new()),
            daemons: Part::Unreadable(String::new()),
            sysctls: Part::Unreadable(String::new()),
            services: vec![entry],
        }
    }

    fn to_zero(snapshot: &Snapshot, which: &[usize]) -> Vec<Danger> {
        let entry = &snapshot.services[0];
        let wanted: Vec<_> = which
            .iter()
            .map(|n| (entry.service.key, entry.servers[*n].server.clone(), 0))
            .collect();
        dangers(&Plan::weights("quiesce", &wanted), snapshot)
    }

    #[test]
    fn the_last_server_is_a_danger_and_one_of_two_is_not() {
        let snapshot = director("wlc", &[10, 10, 0]);
        assert_eq!(to_zero(&snapshot, &[0]), []);
        let found = to_zero(&snapshot, &[0, 1]);
        let service = snapshot.services[0].service.key;
        assert_eq!(found, [Danger::LastServer { service, connections: 21 }]);
    }

    #[test]
    fn a_hash_without_fallback_refuses_the_servers_share() {
        let share = |scheduler, weights| match &to_zero(&director(scheduler, weights), &[0])[..] {
            [Danger::RefusedClients { percent, .. }] => *percent,
            other => panic!("{other:?}"),
        };
        assert_eq!(share("sh", &[30, 10]), 75);
        assert_eq!(share("mh", &[10, 10, 20]), 25);
        assert_eq!(share("dh", &[30, 10]), 50, "dh does not weigh");
        let mut safe = director("sh", &[30, 10]);
        safe.services[0].service.flags = ServiceFlags::SCHED1;
        assert_eq!(to_zero(&safe, &[0]), []);
    }

    #[test]
    fn a_switch_tells_the_moment_without_a_scheduler_and_who_is_remapped() {
        let snapshot = director("wlc", &[10, 0]);
        let before = snapshot.services[0].service.clone();
        let to =
            |name: &str| Service { scheduler: SchedulerName::new(name).unwrap(), ..before.clone() };
        let found = dangers(&Plan::service(before.clone(), to("wrr")), &snapshot);
        assert!(matches!(found[..], [Danger::Switch { .. }]), "{found:?}");
        let found = dangers(&Plan::service(before.clone(), to("mh")), &snapshot);
        let all = matches!(
            found[..],
            [Danger::Switch { .. }, Danger::Remapped { .. }, Danger::RefusedClients { .. }]
        );
        assert!(all, "{found:?}");
    }
}
