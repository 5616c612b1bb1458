//! Weights: all at 0, or set for nothing.

use std::collections::BTreeSet;

use crate::ipvs::{Server, ServiceKey, counted, separated};
use crate::kernel::proc::owners::OwnerKind;
use crate::snapshot::{Part, ServiceEntry};

use super::command::ipvs_tui;
use super::config;
use super::evidence::Evidence;
use super::finding::{Finding, Place};
use super::keepalived::RealServer;
use super::report::Found;

/// Services that take no new client.
pub(super) fn zero(evidence: &Evidence, found: &mut Found) {
    for entry in &evidence.snapshot.services {
        if entry.servers.is_empty() {
            found.add(empty(evidence, entry));
        } else if entry.servers.iter().all(|s| s.server.weight == 0) {
            found.add(quiesced(evidence, entry));
        }
    }
}

/// kube-proxy keeps services without endpoints on purpose.
fn empty(evidence: &Evidence, entry: &ServiceEntry) -> Finding {
    let key = entry.service.key;
    let what = format!("{key} has no real server");
    let meant = evidence.owner(OwnerKind::KubeProxy).is_some();
    let finding = if meant { Finding::note(what) } else { Finding::error(what) };
    let finding = finding
        .at([Place::service(key)])
        .seen("0 real servers")
        .because("New clients are refused: the director answers with an ICMP error.");
    if meant {
        return finding.seen("kube-proxy keeps a service without endpoints like this");
    }
    finding
}

fn quiesced(evidence: &Evidence, entry: &ServiceEntry) -> Finding {
    let key = entry.service.key;
    let places: Vec<Place> =
        entry.servers.iter().map(|s| Place::server(key, s.server.key)).collect();
    let drained: Vec<&Place> = places.iter().filter(|p| evidence.is_drained(p)).collect();
    let (active, inactive) = (separated(entry.active()), separated(entry.inactive()));
    let mut finding = Finding::error(format!("every server of {key} has weight 0"))
        .at(places.clone())
        .seen(format!("{} at weight 0", counted(places.len() as u64, "real server")))
        .seen(format!("{active} active and {inactive} inactive connections are left"))
        .because(
            "New clients are refused: the director answers with an ICMP error. Only connections \
             that are there already, and clients of persistence templates, go on.",
        );
    if !drained.is_empty() {
        let drained = counted(drained.len() as u64, "server");
        finding = finding.seen(format!("an open drain of the journal is about {drained} of them"));
    }
    let owners = evidence.owners.get().into_iter().flatten();
    finding.evidence.extend(owners.map(|owner| owner.kind.about_zero().to_owned()));
    finding.fix(entry.servers.iter().filter_map(|s| raise(evidence, key, &s.server)))
}

/// The command that gives a server a weight again; a comment where that is not for the doctor to
/// say, as its check may have failed.
fn raise(evidence: &Evidence, service: ServiceKey, server: &Server) -> Option<String> {
    let place = Place::server(service, server.key);
    if evidence.is_drained(&place) {
        return ipvs_tui("restore", &service, place.server, &[]);
    }
    match weight(evidence, service, server) {
        Ok(weight) => ipvs_tui("weight", &service, place.server, &["-w", &weight.to_string()]),
        Err(why) => Some(format!("# {}: {why}", server.key)),
    }
}

/// The weight that a server of weight 0 should have, or why none is given.
fn weight(evidence: &Evidence, service: ServiceKey, server: &Server) -> Result<u32, String> {
    let owners = match &evidence.owners {
        Part::Fresh(owners) | Part::Stale { value: owners, .. } => owners,
        Part::Unreadable(why) => {
            return Err(format!("whether a health check set weight 0 is not known: {why}"));
        }
    };
    if owners.is_empty() {
        return Ok(1);
    }
    if let Some(other) = owners.iter().find(|owner| owner.kind != OwnerKind::Keepalived) {
        let name = other.kind.name();
        return Err(format!("{name} may have set weight 0: see first that the server is well"));
    }
    match config::configured(evidence, service, server) {
        None => Err("what keepalived makes of it is not known: see first that it is well".into()),
        Some(RealServer { inhibit: true, .. }) => Err(
            "its check may have failed (inhibit_on_failure): keepalived raises it when it is well"
                .into(),
        ),
        Some(RealServer { weight: None, .. }) => {
            Err("its weight in keepalived's configuration is computed or not understood".into())
        }
        Some(RealServer { weight: Some(0), .. }) => {
            Err("keepalived is configured with weight 0".into())
        }
        Some(RealServer { weight: Some(weight), .. }) => Ok(*weight),
    }
}

/// Different weights under a scheduler that knows zero and not zero. Equal ones say nothing.
pub(super) fn ignored(evidence: &Evidence, found: &mut Found) {
    for entry in &evidence.snapshot.services {
        let scheduler = &entry.service.scheduler;
        if scheduler.known().is_none_or(|known| known.weighs) {
            continue;
        }
        let weights = entry.servers.iter().map(|s| s.server.weight).filter(|weight| *weight > 0);
        let distinct: BTreeSet<u32> = weights.collect();
        let (Some(least), Some(most)) = (distinct.first(), distinct.last()) else { continue };
        if least == most {
            continue;
        }
        let key = entry.service.key;
        let alike = "Every server gets clients as if all weights were the same.";
        // Another scheduler in place of dh takes away what it is there for.
        let (better, why) = match scheduler.as_str() {
            "rr" => (Some("wrr"), "wrr heeds them."),
            "lc" => (Some("wlc"), "wlc heeds them."),
            _ => (
                None,
                "lblc and lblcr heed them and keep a destination with its server as well, but \
                 move it away once that one has more active connections than its weight.",
            ),
        };
        let switch = "Switching the scheduler refuses new clients for a moment.";
        let command = better.and_then(|better| ipvs_tui("scheduler", &key, None, &[better]));
        found.add(
            Finding::warning(format!("{scheduler} ignores the weights of {key}"))
                .at([Place::service(key)])
                .seen(format!(
                    "weights from {} to {}",
                    separated(u64::from(*least)),
                    separated(u64::from(*most))
                ))
                .seen(format!("{scheduler} knows only zero and not zero"))
                .because(format!("{alike} {why} {switch}"))
                .fix(command),
        );
    }
}
