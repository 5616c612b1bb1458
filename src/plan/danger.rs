//! What a plan would do to clients, computed from the snapshot and never canned.

use std::fmt;

use super::Plan;
use crate::ipvs::{Change, ServerKey, ServiceKey};
use crate::snapshot::Snapshot;

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
    let mut found = Vec::new();
    for change in &plan.changes {
        let Change::Server { service, before: Some(before), after } = change else { continue };
        let stops = after.as_ref().is_none_or(|a| a.weight == 0) && before.weight > 0;
        let Some(entry) = snapshot.service(service).filter(|_| stops) else { continue };
        let lost = |key: &ServerKey| {
            plan.changes.iter().any(|c| match c {
                Change::Server { service: s, after, .. } => {
                    s == service
                        && c.server().as_ref() == Some(key)
                        && after.as_ref().is_none_or(|a| a.weight == 0)
                }
                _ => false,
            })
        };
        let left = entry.servers.iter().any(|s| s.server.weight > 0 && !lost(&s.server.key));
        if !left {
            let connections = entry.active() + entry.inactive();
            let danger = Danger::LastServer { service: *service, connections };
            if !found.contains(&danger) {
                found.push(danger);
            }
        } else if after.is_some() && entry.service.refuses_at_zero() {
            let all: u64 = entry.servers.iter().map(|s| u64::from(s.server.weight)).sum();
            let servers = entry.servers.len().max(1) as u64;
            // dh shares its slots evenly, sh and mh by weight.
            let weighs = entry.service.scheduler.known().is_some_and(|s| s.weighs);
            let percent =
                if weighs { u64::from(before.weight) * 100 / all.max(1) } else { 100 / servers };
            found.push(Danger::RefusedClients {
                service: *service,
                server: before.key,
                scheduler: entry.service.scheduler.to_string(),
                percent: u32::try_from(percent).unwrap_or(100),
            });
        }
    }
    found
}
