//! Schedulers, flags, persistence, forwarding, and weights that come back.

use super::course::{Course, Leg};
use super::stop::all_of;
use super::{Danger, Remap, Stickiness};
use crate::ipvs::{Change, Forwarding, Server, Service, ServiceFlags};
use crate::snapshot::ServerEntry;

/// A row of new connections to one server that is worth a word.
const MANY: u64 = 10;

/// The moment without a scheduler.
pub(super) fn switch(change: &Change) -> Option<Danger> {
    let Change::Service { before: Some(before), after: Some(after) } = change else { return None };
    (before.scheduler != after.scheduler).then(|| Danger::Switch {
        service: before.key,
        from: before.scheduler.to_string(),
        to: after.scheduler.to_string(),
    })
}

/// What the plan's edits come to.
pub(super) fn dangers(course: &Course<'_>) -> Vec<Danger> {
    let mut found = Vec::new();
    for leg in course.services() {
        let (Some(before), Some(after)) = (&leg.found.service, &leg.left.service) else {
            continue;
        };
        if let Some(by) = remap(leg, before, after) {
            let scheduler = after.scheduler.to_string();
            found.push(Danger::Remapped { service: leg.key, scheduler, by });
        }
        found.extend(persistence(leg, before, after));
        found.extend(leg.edited().filter_map(|(old, new)| forwarding(leg, old, new)));
        found.extend(leg.raised().filter_map(|server| raise(leg, after, server)));
    }
    found
}

/// Why the clients of a hash come to other servers, if they do: the gravest reason.
fn remap(leg: Leg<'_>, before: &Service, after: &Service) -> Option<Remap> {
    let scheduler = after.scheduler.as_str();
    if !matches!(scheduler, "sh" | "dh" | "mh") {
        return None;
    }
    if before.scheduler != after.scheduler {
        return Some(Remap::Scheduler);
    }
    let port = (before.flags ^ after.flags).contains(ServiceFlags::SCHED2);
    if port && scheduler != "dh" {
        return Some(Remap::Port);
    }
    if leg.found.servers.is_empty() || leg.left.servers.len() < 2 {
        return None; // there was, or is, nobody else
    }
    // A server without a weight has a slot of sh and dh, and none of mh.
    let counts = |s: &&Server| s.weight > 0 || scheduler != "mh";
    let added = leg.left.servers.values().filter(counts);
    let mut added = added.filter(|s| !leg.found.servers.contains_key(&s.key));
    let deleted = leg.found.servers.keys().any(|key| !leg.left.servers.contains_key(key));
    if deleted || added.next().is_some() {
        return Some(Remap::Servers);
    }
    let weights = leg.edited().any(|(old, new)| match scheduler {
        "sh" => old.weight != new.weight,
        // The table is made of the last weights above 0.
        "mh" => old.weight != new.weight && old.weight > 0 && new.weight > 0,
        _ => false,
    });
    weights.then_some(Remap::Weights)
}

fn persistence(leg: Leg<'_>, before: &Service, after: &Service) -> Option<Danger> {
    let (old, new) = (before.persistent()?, after.persistent());
    let what = match new {
        None => Stickiness::Off,
        Some(_) if before.netmask != after.netmask || before.pe != after.pe => Stickiness::Grouping,
        Some(new) if new != old => Stickiness::Timeout(old),
        Some(_) => return None,
    };
    let servers = leg.entry.map(|e| e.servers.iter());
    let templates: Option<u64> =
        servers.and_then(|mut all| all.try_fold(0, |sum, s| Some(sum + u64::from(s.persistent?))));
    (templates != Some(0)).then_some(Danger::Persistence { service: leg.key, what, templates })
}

fn forwarding(leg: Leg<'_>, old: &Server, new: &Server) -> Option<Danger> {
    let connections = leg.entry.and_then(|e| e.server(&old.key)).map_or(0, all_of);
    let (service, server) = (leg.key, old.key);
    if connections == 0 {
        return None;
    }
    if old.forwarding != new.forwarding {
        return Some(Danger::Forwarding { service, server, from: old.forwarding, connections });
    }
    let tunnels = old.tunnel != new.tunnel && new.forwarding == Forwarding::Tunnel;
    tunnels.then_some(Danger::Tunnel { service, server, connections })
}

/// What the schedulers that look for the least loaded server count, in 256ths of an active
/// connection (`ip_vs_dest_conn_overhead`: an inactive one weighs 1/256), and whether they divide
/// it by the weight.
fn load(scheduler: &str, entry: Option<&ServerEntry>) -> Option<(u64, bool)> {
    let (active, inactive) = entry.map_or((0, 0), |s| (u64::from(s.active), u64::from(s.inactive)));
    match scheduler {
        "lc" => Some((active * 256 + inactive, false)),
        "wlc" | "lblc" | "lblcr" => Some((active * 256 + inactive, true)),
        "sed" | "nq" => Some(((active + 1) * 256, true)),
        _ => None,
    }
}

/// How many new connections go to a server that comes back, before it is level with the others.
fn raise(leg: Leg<'_>, service: &Service, server: &Server) -> Option<Danger> {
    let scheduler = service.scheduler.as_str();
    let entry = |s: &Server| leg.entry.and_then(|e| e.server(&s.key));
    // Load for the weight, so that servers of different weights compare.
    let burden = |s: &Server| {
        let (load, weighs) = load(scheduler, entry(s))?;
        Some(if weighs { load as f64 / f64::from(s.weight) } else { load as f64 })
    };
    let others = leg.left.serving().filter(|s| leg.found.weight(&s.key) > 0);
    let burdens = others.filter_map(|s| Some((burden(s)?, s)));
    let (level, least) = burdens.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let (own, weighs) = load(scheduler, entry(server))?;
    let until = if weighs { level * f64::from(server.weight) } else { level };
    // Where nothing counts as active (UDP), a new connection counts for 1/256 too.
    let all_inactive =
        leg.entry.is_some_and(|e| e.active() == 0) && !matches!(scheduler, "sed" | "nq");
    let (each, count): (f64, fn(&ServerEntry) -> u32) =
        if all_inactive { (1.0, |s| s.inactive) } else { (256.0, |s| s.active) };
    let in_a_row = ((until - own as f64) / each).floor().max(0.0) as u64;
    let cps = leg.entry.and_then(|e| e.stats).map(|stats| stats.rates.connections);
    (in_a_row >= MANY).then(|| Danger::Raise {
        service: leg.key,
        server: server.key,
        scheduler: scheduler.to_owned(),
        own: entry(server).map_or(0, count).into(),
        others: entry(least).map_or(0, count).into(),
        in_a_row,
        cps: cps.filter(|cps| *cps > 0),
    })
}
