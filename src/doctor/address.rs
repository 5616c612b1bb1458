//! Virtual addresses: packets to an address that is not this machine's own never come to IPVS.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::ipvs::{DaemonRole, Family, ServiceKey, separated};
use crate::kernel::proc::owners::OwnerKind;
use crate::kernel::route::{Network, Route};
use crate::snapshot::Part;

use super::command::hold;
use super::evidence::Evidence;
use super::finding::{Finding, Place, Severity};
use super::report::Found;

pub(super) fn check(evidence: &Evidence, found: &mut Found) {
    let mut services: BTreeMap<IpAddr, Vec<ServiceKey>> = BTreeMap::new();
    for entry in &evidence.snapshot.services {
        match entry.service.key {
            ServiceKey::Endpoint { addr, .. } => {
                services.entry(addr).or_default().push(entry.service.key);
            }
            key @ ServiceKey::Fwmark { .. } => found.partly(
                key.to_string(),
                "which packets a firewall rule marks, and whether their addresses are this \
                 machine's, cannot be read without the firewall's programs",
            ),
        }
    }
    for addr in [Family::V4, Family::V6].map(Family::unspecified) {
        if let Some(keys) = services.remove(&addr) {
            found.add(
                Finding::warning(format!("{addr} is no address that clients can use"))
                    .at(keys.into_iter().map(Place::service))
                    .seen(format!("the virtual address is {addr}"))
                    .because(
                        "IPVS compares the destination of a packet with the virtual address as \
                         it is: this one does not stand for every address, and matches none. \
                         Services for many addresses are made with a firewall mark.",
                    ),
            );
        }
    }
    if services.is_empty() {
        return;
    }
    match evidence.network() {
        Ok(network) => {
            for (addr, keys) in &services {
                one(evidence, network, *addr, keys, found);
            }
        }
        Err(why) => found.unchecked(why),
    }
}

fn one(
    evidence: &Evidence,
    network: &Network,
    addr: IpAddr,
    keys: &[ServiceKey],
    found: &mut Found,
) {
    match network.is_own(addr) {
        Some(true) => return,
        Some(false) => {}
        None => {
            let why = match network.routes.get(&addr) {
                Some(Route::Unknown(why)) => why.clone(),
                _ => "there are too many addresses to ask for".to_owned(),
            };
            return found.partly(addr.to_string(), why);
        }
    }
    // A rule for marked packets hands them to this machine.
    if network.marked.iter().any(|(marked, _)| *marked == addr) {
        return;
    }
    let family = Family::of(addr);
    let by_link = network.rules.iter().find(|r| r.family == family && r.incoming.is_some());
    if let Some(rule) = by_link {
        let link = rule.incoming.as_deref().unwrap_or_default();
        let why = format!(
            "it is on no interface, but a rule for what comes in by {link} may lead it here by \
             table {}",
            rule.table
        );
        return found.partly(addr.to_string(), why);
    }
    let (severity, standby) = severity(evidence, addr, keys);
    let route = match network.routes.get(&addr) {
        Some(Route::Nowhere(why)) => why.clone(),
        Some(Route::Via { gateway, .. }) => format!("the route to it goes to {gateway}"),
        Some(Route::Direct { link, .. }) => {
            let name = network.link(*link).map_or("an interface", |link| link.name.as_str());
            format!("the route to it goes out by {name}")
        }
        _ => "it is not local".to_owned(),
    };
    let mut finding = Finding::new(severity, format!("{addr} is on no interface of this machine"))
        .at(keys.iter().copied().map(Place::service))
        .seen(route)
        .because(
            "IPVS sees only packets that are for this machine. Without the address, or a local \
             route for it, clients get no answer, or one from elsewhere.",
        );
    finding.evidence.extend(standby);
    if severity > Severity::Note {
        finding = finding.fix([hold(addr, &device(network, addr))]);
    }
    found.add(finding);
}

/// How grave it is that an address is not here, and what speaks for less.
fn severity(evidence: &Evidence, addr: IpAddr, keys: &[ServiceKey]) -> (Severity, Vec<String>) {
    if let Some(told) = standby(evidence, addr) {
        return (Severity::Note, vec![told]);
    }
    let services = keys.iter().filter_map(|key| evidence.snapshot.service(key));
    let packets: u64 = services.filter_map(|s| s.stats).map(|s| s.rates.in_packets).sum();
    if packets > 0 {
        // Averages of the last seconds: the address may only just have gone.
        let told = format!(
            "and yet {} packets a second came in of late: from this machine itself, by a way that \
             cannot be seen, or before the address went",
            separated(packets)
        );
        return (Severity::Warning, vec![told]);
    }
    if let Part::Unreadable(why) = &evidence.host.failover {
        return (Severity::Warning, vec![why.clone()]);
    }
    (Severity::Error, Vec::new())
}

/// Why the address may be right to be elsewhere: this may be the standby director.
fn standby(evidence: &Evidence, addr: IpAddr) -> Option<String> {
    if evidence.syncs(DaemonRole::Backup) == Some(true) {
        return Some("the backup sync daemon runs here: another director is active".to_owned());
    }
    for (path, config) in &evidence.keepalived {
        if config.get().is_some_and(|config| config.addresses.contains(&addr)) {
            return Some(format!("VRRP holds it on the active director ({path})"));
        }
    }
    let programs = evidence.host.failover.get()?;
    // What keepalived moves is known if all of its configuration was understood.
    let all_known = evidence.owner(OwnerKind::Keepalived).is_some()
        && !evidence.keepalived.is_empty()
        && evidence.keepalived.iter().all(|(_, c)| c.get().is_some_and(|c| c.skipped.is_empty()));
    let program = programs.iter().find(|name| *name != "keepalived" || !all_known)?;
    Some(format!("{program} runs here and may hold it on another director"))
}

/// The interface that the address most likely belongs on: the one that leads to its neighbours.
fn device(network: &Network, addr: IpAddr) -> String {
    let link = |route: &Route| route.link().and_then(|index| network.link(index));
    let near = network.routes.get(&addr).and_then(link);
    let out = || Some(&network.outward).and_then(link);
    near.or_else(out).map_or_else(|| "lo".to_owned(), |link| link.name.clone())
}
