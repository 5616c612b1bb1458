//! Servers that take no new connections any more: who is left, who is refused, and who goes on
//! coming to them.

use super::Danger;
use super::course::{Course, Held, Leg};
use crate::ipvs::{Protocol, Server, ServerKey, Service};
use crate::snapshot::{Known, ServerEntry, ServiceEntry};

/// What the plan stops.
pub(super) fn dangers(course: &Course<'_>) -> Vec<Danger> {
    let mut found = Vec::new();
    for leg in course.services() {
        let served = leg.found.serving().next().is_some();
        let serves = leg.left.serving().next().is_some();
        if served && !serves {
            let connections = leg.entry.map_or(0, |e| e.active() + e.inactive());
            found.push(Danger::LastServer { service: leg.key, connections });
        }
        if serves {
            if leg.emptied {
                found.push(Danger::Gap { service: leg.key });
            }
            found.extend(share(leg));
            found.extend(refused(leg));
        }
        found.extend(stay(leg, course));
    }
    found
}

/// `part` of `whole` in percent, rounded; 0 and 100 only when that is exact.
pub(super) fn percent(part: u64, whole: u64) -> u32 {
    if whole == 0 || part == 0 {
        return 0;
    }
    if part >= whole {
        return 100;
    }
    let exact = (part as f64 * 100.0 / whole as f64).round();
    (exact as u32).clamp(1, 99)
}

fn entry<'a>(leg: Leg<'a>, key: &ServerKey) -> Option<&'a ServerEntry> {
    leg.entry.and_then(|e| e.server(key))
}

/// What the servers that stop carry of their service.
fn share(leg: Leg<'_>) -> Option<Danger> {
    let stopped: Vec<&Server> = leg.stopped().collect();
    let what = match stopped.as_slice() {
        [] => return None,
        [one] => one.key.to_string(),
        all => format!("{} servers", all.len()),
    };
    let counts = |count: fn(&ServerEntry) -> u32| -> u64 {
        stopped.iter().filter_map(|s| entry(leg, &s.key)).map(|s| u64::from(count(s))).sum()
    };
    let (active, inactive) = (counts(|s| s.active), counts(|s| s.inactive));
    let (all_active, all_inactive) = leg.entry.map_or((0, 0), |e| (e.active(), e.inactive()));
    let connections_percent =
        if all_active > 0 { percent(active, all_active) } else { percent(inactive, all_inactive) };
    Some(Danger::Share {
        service: leg.key,
        what,
        capacity_percent: capacity(leg.found, &stopped),
        connections_percent,
        active,
        inactive,
        left: leg.left.serving().count(),
        of: leg.found.serving().count(),
    })
}

fn capacity(held: &Held, stopped: &[&Server]) -> u32 {
    let scheduler = held.service.as_ref().map(|s| &s.scheduler);
    if scheduler.is_some_and(|s| s.as_str() == "fo") {
        let highest = held.serving().map(|s| s.weight).max();
        return if stopped.iter().any(|s| Some(s.weight) == highest) { 100 } else { 0 };
    }
    let weighs = scheduler.is_some_and(|s| s.known().is_none_or(|known| known.weighs));
    let weight = |s: &Server| if weighs { u64::from(s.weight) } else { 1 };
    let part = stopped.iter().map(|s| weight(s)).sum();
    percent(part, held.serving().map(weight).sum())
}

/// Servers of weight 0 that the scheduler goes on choosing, because of this plan.
fn refused(leg: Leg<'_>) -> Vec<Danger> {
    let (Some(before), Some(after)) = (&leg.found.service, &leg.left.service) else {
        return Vec::new();
    };
    if !after.refuses_at_zero() {
        return Vec::new();
    }
    let newly = |server: &&Server| {
        let old = leg.found.servers.get(&server.key);
        match old {
            // mh gives a server no slots that never had a weight.
            None => after.scheduler.as_str() != "mh",
            Some(old) => old.weight > 0 || !before.refuses_at_zero(),
        }
    };
    let quiesced = leg.left.servers.values().filter(|s| s.weight == 0).filter(newly);
    let told = |server: &Server| Danger::RefusedClients {
        service: leg.key,
        server: server.key,
        scheduler: after.scheduler.to_string(),
        percent: of_clients(leg, after, &server.key).max(1),
    };
    quiesced.map(told).collect()
}

/// The share of clients that come to a server of weight 0 and are refused.
fn of_clients(leg: Leg<'_>, service: &Service, server: &ServerKey) -> u32 {
    let servers = || leg.left.servers.values();
    match service.scheduler.as_str() {
        // The slots are dealt anew with every edit, and a server of weight 0 keeps one a round.
        "sh" => percent(1, servers().map(|s| u64::from(s.weight.max(1))).sum()),
        // The table is made of the last weights above 0, so it keeps its part.
        "mh" if leg.found.weight(server) > 0 => {
            let all = leg.found.servers.values().map(|s| u64::from(s.weight)).sum();
            percent(leg.found.weight(server).into(), all)
        }
        // One slot an address: a service of one address has all its clients on one server.
        "dh" if connections(leg.entry) > 0 => {
            let own = entry(leg, server).map_or(0, all_of);
            percent(own, connections(leg.entry))
        }
        _ => percent(1, servers().count() as u64),
    }
}

fn connections(entry: Option<&ServiceEntry>) -> u64 {
    entry.map_or(0, |e| e.active() + e.inactive())
}

/// Active and inactive connections.
pub(super) fn all_of(server: &ServerEntry) -> u64 {
    u64::from(server.active) + u64::from(server.inactive)
}

/// Clients that go on coming to a server of weight 0.
fn stay(leg: Leg<'_>, course: &Course<'_>) -> Vec<Danger> {
    let Some(service) = &leg.left.service else { return Vec::new() };
    let mut found = Vec::new();
    for server in leg.stopped().filter(|s| leg.left.servers.contains_key(&s.key)) {
        let entry = entry(leg, &server.key);
        if let Some(templates) = templates(leg, service, server.key, entry, course) {
            found.push(templates);
        }
        let flows = entry.map_or(0, all_of);
        if leg.key.protocol() == Some(Protocol::UDP) && !service.one_packet() && flows > 0 {
            let timeout = course.snapshot.timeouts.get().map(|t| t.udp);
            found.push(Danger::UdpFlows { service: leg.key, server: server.key, flows, timeout });
        }
    }
    found
}

fn templates(
    leg: Leg<'_>,
    service: &Service,
    server: ServerKey,
    entry: Option<&ServerEntry>,
    course: &Course<'_>,
) -> Option<Danger> {
    let expires = course.is_on("expire_quiescent_template");
    let count = entry.and_then(|s| s.persistent);
    if expires == Some(true) || count == Some(0) {
        return None;
    }
    let timeout = service.persistent()?;
    let whole = leg.entry.is_some_and(|e| e.known == Known::Whole);
    Some(Danger::Templates {
        service: leg.key,
        server,
        count,
        timeout: whole.then_some(timeout),
        known: expires.is_some(),
    })
}
