//! From the lines of `/proc/net/ip_vs` to services.

use std::net::Ipv4Addr;

use super::table::{Line, Name, Persistence, ServerLine, ServiceLine, Table};
use super::text::Fault;
use crate::ipvs::{
    Family, Forwarding, Netmask, SchedulerName, Server, Service, ServiceFlags, ServiceKey,
};
use crate::snapshot::{Known, Moment, ServerEntry, ServiceEntry};

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
