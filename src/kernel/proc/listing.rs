//! From the lines of `/proc/net/ip_vs` to services, and back onto services that are already
//! known better.

use std::cmp::Ordering;
use std::net::{IpAddr, Ipv4Addr};

use super::table::{Line, Name, Persistence, ServerLine, ServiceLine, Table};
use super::text::Fault;
use crate::ipvs::{
    Family, Forwarding, Netmask, SchedulerName, Server, Service, ServiceFlags, ServiceKey,
};
use crate::snapshot::{Known, Moment, ServerEntry, ServiceEntry};

/// What a cheap tick found that it could not bring up to date by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Listed and not in the table. The family of a fwmark is a guess.
    pub new: Vec<ServiceKey>,
    /// In the table, where they stay, and not listed. An edit during the reading can make the
    /// kernel leave out an entry, so ask for it before believing that it is gone.
    pub gone: Vec<ServiceKey>,
    /// Servers were added or removed; or the scheduler, `ops`, persistence (not its timeout), or
    /// a weight or forwarding method changed.
    pub changed: Vec<ServiceKey>,
}

impl Changed {
    /// Whether the table is up to date as far as the listing can tell.
    pub fn is_empty(&self) -> bool {
        self.new.is_empty() && self.gone.is_empty() && self.changed.is_empty()
    }
}

/// Makes services of a whole listing, sorted by key, [`Known::Listed`].
///
/// # Errors
/// The first [`Fault`] of the listing.
pub fn build(table: Table<'_>, at: Moment) -> Result<Vec<ServiceEntry>, Fault> {
    let mut services = Vec::new();
    let mut servers = Vec::new();
    each_service(table, &mut servers, |service, number, servers| {
        services.push(entry(service, servers, at).map_err(|what| Fault::new(number, what))?);
        Ok(())
    })?;
    settle(&mut services);
    Ok(services)
}

/// Brings weights, forwarding methods and connections of the listed servers up to date in
/// `services`, which is sorted by key, and tells what else has changed. Nothing is added to the
/// table and nothing taken away.
///
/// `servers` is scratch space to be reused.
///
/// # Errors
/// The first [`Fault`] of the listing. The services before it are up to date then.
pub fn refresh(
    table: Table<'_>,
    services: &mut [ServiceEntry],
    servers: &mut Vec<ServerLine>,
) -> Result<Changed, Fault> {
    let mut changed = Changed::default();
    let mut seen = vec![false; services.len()];
    each_service(table, servers, |listed, _, listed_servers| {
        let found = find(services, &seen, listed, listed_servers);
        let known = found.ok().and_then(|place| services.get_mut(place).zip(seen.get_mut(place)));
        match (known, found) {
            (Some((entry, seen)), _) => {
                *seen = true;
                if update(entry, listed, listed_servers) {
                    changed.changed.push(entry.service.key);
                }
            }
            (None, Err(key)) => changed.new.push(key),
            (None, Ok(_)) => {}
        }
        Ok(())
    })?;
    let gone = services.iter().zip(seen).filter(|(_, seen)| !seen);
    changed.gone = gone.map(|(entry, _)| entry.service.key).collect();
    // A listing that was edited while it was read can repeat a service.
    for keys in [&mut changed.new, &mut changed.changed] {
        keys.sort_unstable();
        keys.dedup();
    }
    Ok(changed)
}

/// Calls `visit` with each service, the number of its line and its servers, sorted by key.
fn each_service<'a>(
    table: Table<'a>,
    servers: &mut Vec<ServerLine>,
    mut visit: impl FnMut(ServiceLine<'a>, usize, &[ServerLine]) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut visit_sorted = |service, number, servers: &mut Vec<ServerLine>| {
        servers.sort_by_key(|server| server.key);
        servers.dedup_by_key(|server| server.key);
        visit(service, number, servers)
    };
    let mut table = table;
    let mut current = None;
    servers.clear();
    while let Some(line) = table.next() {
        match line? {
            Line::Server(server) => servers.push(server),
            Line::Service(service) => {
                if let Some((before, number)) = current.replace((service, table.line_number())) {
                    visit_sorted(before, number, servers)?;
                }
                servers.clear();
            }
        }
    }
    match current {
        Some((last, number)) => visit_sorted(last, number, servers),
        None => Ok(()),
    }
}

/// The service of one listed record; a sentence when it cannot be one.
fn entry(
    listed: ServiceLine<'_>,
    servers: &[ServerLine],
    at: Moment,
) -> Result<ServiceEntry, String> {
    let key = match listed.name {
        Name::Endpoint(protocol, addr, port) => ServiceKey::endpoint(protocol, addr, port),
        Name::Fwmark(mark) => ServiceKey::Fwmark { family: guess(listed, servers), mark },
    };
    let mut service = Service::new(key, SchedulerName::new(listed.scheduler)?);
    service.flags.set(ServiceFlags::ONE_PACKET, listed.one_packet);
    service.flags.set(ServiceFlags::PERSISTENT, listed.persistence.is_some());
    if let Some(persistence) = listed.persistence {
        service.netmask = netmask(key.family(), persistence);
    }
    let servers = servers.iter().map(server_entry).collect();
    Ok(ServiceEntry {
        service,
        known: Known::Listed,
        stats: None,
        servers,
        servers_read: at,
        unknown: Vec::new(),
    })
}

fn server_entry(line: &ServerLine) -> ServerEntry {
    ServerEntry {
        server: Server::new(line.key, line.forwarding, line.weight),
        active: line.active,
        inactive: line.inactive,
        persistent: None,
        stats: None,
        unknown: Vec::new(),
    }
}

fn netmask(family: Family, persistence: Persistence) -> Netmask {
    match family {
        Family::V4 => Netmask::V4(Ipv4Addr::from_bits(persistence.mask)),
        Family::V6 => persistence.prefix().map_or(Netmask::host(family), Netmask::V6),
    }
}

/// The family of a fwmark service as far as the listing proves it.
///
/// Only a tunnel may lead to a server of another family, so every other server has the
/// service's. And persistence prints a v6 prefix length where v4 has a mask: no sane v4 mask
/// looks like one (128 would be the mask 128.0.0.0).
fn proven(listed: ServiceLine<'_>, servers: &[ServerLine]) -> Option<Family> {
    let direct = servers.iter().find(|server| server.forwarding != Forwarding::Tunnel);
    let by_server = direct.map(|server| Family::of(server.key.addr));
    by_server.or_else(|| {
        let prefix = listed.persistence?.prefix();
        Some(if prefix.is_some() { Family::V6 } else { Family::V4 })
    })
}

/// The family of a fwmark service: proven, or that of its first tunnel, or v4.
fn guess(listed: ServiceLine<'_>, servers: &[ServerLine]) -> Family {
    let by_tunnel = || servers.first().map(|server| Family::of(server.key.addr));
    proven(listed, servers).or_else(by_tunnel).unwrap_or(Family::V4)
}

/// Sorts services by key and resolves those with the same.
///
/// An edit during the reading can repeat a service: the later reading holds. But a fwmark twice
/// may also be one service a family, and the guess was wrong for one of them.
fn settle(services: &mut Vec<ServiceEntry>) {
    services.sort_by_key(|entry| entry.service.key);
    let mut turned = false;
    services.dedup_by(|later, kept| {
        if later.service.key != kept.service.key {
            return false;
        }
        if let ServiceKey::Fwmark { family, mark } = kept.service.key
            && !repeats(later, kept)
        {
            if has_direct_server(later) && !has_direct_server(kept) {
                std::mem::swap(later, kept);
            }
            let family = other(family);
            later.service.key = ServiceKey::Fwmark { family, mark };
            turned = true;
            return false;
        }
        std::mem::swap(later, kept);
        true
    });
    if turned {
        services.sort_by_key(|entry| entry.service.key);
        services.dedup_by_key(|entry| entry.service.key);
    }
}

fn repeats(a: &ServiceEntry, b: &ServiceEntry) -> bool {
    let keys =
        |entry: &ServiceEntry| entry.servers.iter().map(|s| s.server.key).collect::<Vec<_>>();
    !a.servers.is_empty() && keys(a) == keys(b)
}

fn has_direct_server(entry: &ServiceEntry) -> bool {
    entry.servers.iter().any(|s| s.server.forwarding != Forwarding::Tunnel)
}

fn other(family: Family) -> Family {
    match family {
        Family::V4 => Family::V6,
        Family::V6 => Family::V4,
    }
}

/// Where in `services` the listed service is, or the key of a new one.
fn find(
    services: &[ServiceEntry],
    seen: &[bool],
    listed: ServiceLine<'_>,
    servers: &[ServerLine],
) -> Result<usize, ServiceKey> {
    let place = |key: ServiceKey| {
        services.binary_search_by(|entry| entry.service.key.cmp(&key)).map_err(|_| key)
    };
    let mark = match listed.name {
        Name::Endpoint(protocol, addr, port) => {
            return place(ServiceKey::endpoint(protocol, addr, port));
        }
        Name::Fwmark(mark) => mark,
    };
    let shared = |place: &usize| {
        let entry = services.get(*place);
        let known = |line: &&ServerLine| entry.is_some_and(|e| e.server(&line.key).is_some());
        servers.iter().filter(known).count()
    };
    let free = |place: &usize| seen.get(*place) == Some(&false);
    let proven = proven(listed, servers);
    let candidates = [Family::V6, Family::V4]
        .into_iter()
        .filter(|family| proven.is_none_or(|proven| proven == *family))
        .filter_map(|family| place(ServiceKey::Fwmark { family, mark }).ok())
        .filter(free);
    // Of equals the last is taken: v4.
    candidates.max_by_key(shared).ok_or_else(|| {
        let guess = guess(listed, servers);
        let taken = place(ServiceKey::Fwmark { family: guess, mark }).is_ok();
        let family = if taken && proven.is_none() { other(guess) } else { guess };
        ServiceKey::Fwmark { family, mark }
    })
}

/// Updates what the listing tells; whether it told of a change that wants a closer look.
fn update(entry: &mut ServiceEntry, listed: ServiceLine<'_>, servers: &[ServerLine]) -> bool {
    let service = &entry.service;
    // The kernel does not print `ops` for v6 endpoints.
    let silent = matches!(listed.name, Name::Endpoint(_, IpAddr::V6(_), _));
    let mut changed = service.scheduler.as_str() != listed.scheduler
        || service.persistent().is_some() != listed.persistence.is_some()
        || (!silent && service.one_packet() != listed.one_packet);

    let (mut known, mut listed) = (entry.servers.iter_mut().peekable(), servers.iter().peekable());
    while let (Some(server), Some(line)) = (known.peek_mut(), listed.peek()) {
        match server.server.key.cmp(&line.key) {
            Ordering::Equal => {
                changed |= update_server(server, line);
                known.next();
                listed.next();
            }
            Ordering::Less => {
                changed = true;
                known.next();
            }
            Ordering::Greater => {
                changed = true;
                listed.next();
            }
        }
    }
    changed || known.next().is_some() || listed.next().is_some()
}

fn update_server(entry: &mut ServerEntry, line: &ServerLine) -> bool {
    entry.active = line.active;
    entry.inactive = line.inactive;
    let server = &mut entry.server;
    // Bypass and unknown methods are listed as `Masq`, which must not overwrite them.
    let hidden = matches!(server.forwarding, Forwarding::Bypass | Forwarding::Unknown(_));
    let moved =
        server.forwarding != line.forwarding && !(hidden && line.forwarding == Forwarding::Masq);
    if moved {
        server.forwarding = line.forwarding;
    }
    let weighed = std::mem::replace(&mut server.weight, line.weight) != line.weight;
    moved || weighed
}
