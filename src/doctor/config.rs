//! Weights beside those that keepalived is configured with. Weights are never synchronised: after
//! a failover, what the other director is configured with holds.

use std::collections::BTreeMap;

use crate::ipvs::{DaemonRole, Forwarding, Server, ServiceKey, counted};
use crate::kernel::proc::owners::OwnerKind;
use crate::snapshot::Part;

use super::command::ipvs_tui;
use super::evidence::Evidence;
use super::finding::{Finding, Place, Severity};
use super::keepalived::{Keepalived, RealServer};
use super::report::Found;

pub(super) fn weights(evidence: &Evidence, found: &mut Found) {
    match &evidence.owners {
        Part::Unreadable(why) => return found.unchecked(why.clone()),
        owners => {
            let all = owners.get().into_iter().flatten();
            for owner in all.filter(|owner| owner.kind == OwnerKind::Ldirectord) {
                let path = owner.config.as_deref().or(owner.kind.default_config());
                let path = path.unwrap_or("ldirectord").to_owned();
                found.partly(path, "ldirectord's configuration is not understood here");
            }
        }
    }
    for (path, config) in &evidence.keepalived {
        match config {
            Part::Unreadable(why) => found.partly(path.clone(), why.clone()),
            config => {
                if let Some(config) = config.get() {
                    compare(evidence, path, config, found);
                }
            }
        }
    }
}

/// One server whose weight is another.
struct Unlike<'a> {
    place: Place,
    is: u32,
    configured: u32,
    server: &'a RealServer,
}

fn compare(evidence: &Evidence, path: &str, config: &Keepalived, found: &mut Found) {
    if !config.skipped.is_empty() {
        found.partly(path, format!("left out: {}", config.skipped.join("; ")));
    }
    let mut unlike: BTreeMap<ServiceKey, Vec<Unlike<'_>>> = BTreeMap::new();
    for server in &config.servers {
        let (Some(weight), Some(entry)) =
            (server.weight, evidence.snapshot.service(&server.service))
        else {
            continue;
        };
        // A server that failed its check is not there, unless it is inhibited.
        let Some(is) = entry.servers.iter().find(|s| is_of(&s.server, server)) else { continue };
        if is.server.weight != weight {
            let place = Place::server(server.service, is.server.key);
            let (is, configured) = (is.server.weight, weight);
            unlike.entry(server.service).or_default().push(Unlike {
                place,
                is,
                configured,
                server,
            });
        }
    }
    for (service, unlike) in unlike {
        found.add(finding(evidence, path, service, &unlike));
    }
}

/// Whether a server of the kernel is the configured one. By direct routing and tunnels keepalived
/// puts the service's port in place of the server's.
fn is_of(server: &Server, wanted: &RealServer) -> bool {
    let unmapped = matches!(server.forwarding, Forwarding::Route | Forwarding::Tunnel);
    server.key.addr == wanted.addr && (server.key.port == wanted.port || unmapped)
}

/// What keepalived is configured to make of a server, as far as that was understood.
pub(super) fn configured<'a>(
    evidence: &'a Evidence,
    service: ServiceKey,
    server: &Server,
) -> Option<&'a RealServer> {
    let configs = evidence.keepalived.iter().filter_map(|(_, config)| config.get());
    let mut servers = configs.flat_map(|config| &config.servers);
    servers.find(|wanted| wanted.service == service && is_of(server, wanted))
}

fn finding(evidence: &Evidence, path: &str, service: ServiceKey, unlike: &[Unlike<'_>]) -> Finding {
    let backup = evidence.syncs(DaemonRole::Backup) == Some(true)
        && evidence.syncs(DaemonRole::Master) == Some(false);
    let role = if backup { "this backup director's" } else { "the" };
    let what = format!("{role} weights of {service} are unlike keepalived's");
    // A drain says so itself, and keepalived quiesces a server whose check failed.
    let told = |u: &Unlike<'_>| evidence.is_drained(&u.place) || (u.is == 0 && u.server.inhibit);
    let severity = if unlike.iter().all(told) { Severity::Note } else { Severity::Warning };
    let mut finding = Finding::new(severity, what)
        .at(unlike.iter().map(|u| u.place))
        .seen(format!("{} in {path}", counted(unlike.len() as u64, "server")))
        .because(
            "keepalived does not look at the kernel's weights: they stay until it next acts on \
             the server, and then the configured ones are back. The other director never hears of \
             a change made here, so a failover undoes it as well.",
        );
    for Unlike { place, is, configured, server } in unlike {
        let key = place.server.map(|key| key.to_string()).unwrap_or_default();
        let mut line = format!("{key}: weight {is}, configured {configured}");
        if evidence.is_drained(place) {
            line.push_str(", an open drain");
        } else if *is == 0 && server.inhibit {
            line.push_str(", as when its check fails (inhibit_on_failure)");
        }
        finding = finding.seen(line);
    }
    let back = unlike.iter().filter(|u| !told(u)).filter_map(|u| {
        ipvs_tui("weight", &service, u.place.server, &["-w", &u.configured.to_string()])
    });
    let back: Vec<String> = back.collect();
    if back.is_empty() {
        return finding;
    }
    let or = format!("# or set the weights in {path} and reload keepalived; otherwise:");
    finding.fix([or].into_iter().chain(back))
}
