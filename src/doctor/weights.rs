//! Weights: all at 0, or set for nothing.

use std::collections::BTreeSet;

use crate::ipvs::{counted, separated};
use crate::kernel::proc::owners::OwnerKind;
use crate::snapshot::ServiceEntry;

use super::command::ipvs_tui;
use super::evidence::Evidence;
use super::finding::{Finding, Place};
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
    let finding = if meant { Finding::note(what) } else { Finding::warning(what) };
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
    let commands = places.iter().filter_map(|place| {
        if evidence.is_drained(place) {
            ipvs_tui("restore", &key, place.server, &[])
        } else {
            ipvs_tui("weight", &key, place.server, &["-w", "1"])
        }
    });
    finding.fix(commands)
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
        let better = if scheduler.as_str() == "rr" { "wrr" } else { "wlc" };
        found.add(
            Finding::warning(format!("{scheduler} ignores the weights of {key}"))
                .at([Place::service(key)])
                .seen(format!(
                    "weights from {} to {}",
                    separated(u64::from(*least)),
                    separated(u64::from(*most))
                ))
                .seen(format!("{scheduler} knows only zero and not zero"))
                .because(format!(
                    "Every server gets clients as if all weights were the same. {better} heeds \
                     them. Switching the scheduler refuses new clients for a moment.",
                ))
                .fix(ipvs_tui("scheduler", &key, None, &[better])),
        );
    }
}
