//! Real servers: where they are, and on which port.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::ipvs::{Forwarding, ServerKey, ServiceKey, counted};
use crate::kernel::route::{Network, Route};
use crate::snapshot::{Known, ServerEntry, ServiceEntry};

use super::command::{add_like, ipvs_tui};
use super::evidence::Evidence;
use super::finding::{Finding, Place};
use super::report::Found;

/// Methods that leave the packet's own addresses and ports as they are.
const UNMAPPED: &[Forwarding] = &[Forwarding::Route, Forwarding::Tunnel];

/// Direct routing and tunnels do not touch ports. A server port of 0 claims nothing.
pub(super) fn port(evidence: &Evidence, found: &mut Found) {
    for entry in &evidence.snapshot.services {
        let service = entry.service.key;
        let right = service.default_server_port();
        let wrong: Vec<&ServerEntry> = entry
            .servers
            .iter()
            .filter(|s| {
                let (method, port) = (s.server.forwarding, s.server.key.port);
                UNMAPPED.contains(&method) && port != 0 && port != right
            })
            .collect();
        let Some(first) = wrong.first().map(|s| s.server.key) else { continue };
        // The mark may cover the servers' port alone.
        if matches!(service, ServiceKey::Fwmark { .. }) {
            let why = format!(
                "server {first} is right if the firewall marks packets to its port alone, which \
                 cannot be read without the firewall's programs"
            );
            found.partly(service.to_string(), why);
            continue;
        }
        let arrives = match right {
            0 => "the port that the client asked for".to_owned(),
            port => format!("port {port}"),
        };
        let mut finding = Finding::error(format!(
            "port {} of {} will not be mapped: {service} arrives at {arrives}",
            first.port, first.addr
        ))
        .at(wrong.iter().map(|s| Place::server(service, s.server.key)))
        .because(
            "Direct routing and tunnels hand packets on as they came, with the service's port: \
             a server's own port is only part of its name. Only masquerading maps ports.",
        )
        .fix(wrong.iter().flat_map(|server| renamed(entry, server, right)));
        for server in &wrong {
            let (key, method) = (server.server.key, server.server.forwarding);
            finding = finding.seen(format!("{key} by {method}, packets go to {arrives}"));
        }
        found.add(finding);
    }
}

/// The commands that put a server under its service's port, as it is in all else. Where that cannot
/// be said, nothing is deleted either.
fn renamed(service: &ServiceEntry, entry: &ServerEntry, port: u16) -> Vec<String> {
    let (of, old) = (service.service.key, entry.server.key);
    let new = ServerKey::new(old.addr, port);
    let delete = ipvs_tui("delete", &of, Some(old), &[]);
    if service.server(&new).is_some() {
        return delete.into_iter().collect();
    }
    if service.known != Known::Whole {
        return vec![format!(
            "# {old}: its thresholds and its tunnel cannot be read without rights, so its \
             commands are told to root alone"
        )];
    }
    match (add_like(&of, new, &entry.server), delete) {
        (Some(add), Some(delete)) => vec![add, delete],
        _ => vec![format!("# {old}: no command of ipvs-tui makes one like it at {new}")],
    }
}

/// The servers that packets are sent to by these methods, by address.
fn by_address(evidence: &Evidence, methods: &[Forwarding]) -> BTreeMap<IpAddr, Vec<Place>> {
    let mut all: BTreeMap<IpAddr, Vec<Place>> = BTreeMap::new();
    for (service, entry) in evidence.servers() {
        let server = &entry.server;
        if methods.contains(&server.forwarding) {
            let place = Place::server(service.service.key, server.key);
            all.entry(server.key.addr).or_default().push(place);
        }
    }
    all
}

/// A direct-route server gets the packet as a frame, so there must be no router between; and
/// every server needs a route.
pub(super) fn on_link(evidence: &Evidence, found: &mut Found) {
    let routed = by_address(evidence, &[Forwarding::Route]);
    let others = by_address(evidence, &[Forwarding::Masq, Forwarding::Tunnel]);
    if routed.is_empty() && others.is_empty() {
        return;
    }
    let network = match evidence.network() {
        Ok(network) => network,
        Err(why) => return found.unchecked(why),
    };
    for (addr, places) in routed {
        match network.routes.get(&addr) {
            Some(Route::Via { gateway, link, .. }) if *gateway != addr => {
                found.add(behind(network, addr, *gateway, *link, places));
            }
            Some(Route::Local | Route::Direct { .. } | Route::Via { .. }) => {}
            Some(Route::Nowhere(why)) => found.add(nowhere(addr, why, places)),
            unknown => unasked(addr, unknown, found),
        }
    }
    for (addr, places) in others {
        match network.routes.get(&addr) {
            Some(Route::Local | Route::Direct { .. } | Route::Via { .. }) => {}
            Some(Route::Nowhere(why)) => found.add(nowhere(addr, why, places)),
            unknown => unasked(addr, unknown, found),
        }
    }
}

fn unasked(addr: IpAddr, route: Option<&Route>, found: &mut Found) {
    let why = match route {
        Some(Route::Unknown(why)) => why.clone(),
        _ => "there are too many addresses to ask for".to_owned(),
    };
    found.partly(addr.to_string(), why);
}

fn behind(
    network: &Network,
    addr: IpAddr,
    gateway: IpAddr,
    link: u32,
    places: Vec<Place>,
) -> Finding {
    let name = network.link(link).map_or("an interface", |link| link.name.as_str());
    let tunnel = |place: &Place| ipvs_tui("edit", &place.service, place.server, &["-i"]);
    let commands: Vec<String> = places.iter().filter_map(tunnel).collect();
    // A gateway of the other family may be the server itself (BGP unnumbered).
    let other = gateway.is_ipv4() != addr.is_ipv4();
    let what = format!("direct-route server {addr} is behind the gateway {gateway}");
    let finding = if other { Finding::warning(what) } else { Finding::error(what) };
    let finding = finding
        .at(places)
        .seen(format!("the route to {addr} goes via {gateway} on {name}"))
        .because(
            "Direct routing puts the client's packet, still addressed to the virtual address, \
             onto the wire for the server's hardware address. Here it goes to a gateway, which \
             sends it back to the director. The server has to be on a segment with the director, \
             or be reached by a tunnel, once it is told to take tunnels.",
        )
        .fix(commands);
    if other {
        return finding.seen("it would be right if that gateway is the server itself");
    }
    finding
}

fn nowhere(addr: IpAddr, why: &str, places: Vec<Place>) -> Finding {
    let servers = counted(places.len() as u64, "service");
    Finding::error(format!("real server {addr} cannot be reached: {why}"))
        .at(places)
        .seen(format!("the kernel's answer to 'ip route get {addr}': {why}"))
        .seen(format!("{servers} would send clients there"))
        .because("Packets for a server without a route are dropped, and its clients wait in vain.")
        .fix([format!("ip route get {addr}")])
}

/// A server that is the director. Loopback addresses and the method Local are meant so.
pub(super) fn itself(evidence: &Evidence, found: &mut Found) {
    let methods = [Forwarding::Masq, Forwarding::Local, Forwarding::Tunnel, Forwarding::Route];
    let all = by_address(evidence, &methods);
    if all.is_empty() {
        return;
    }
    let network = match evidence.network() {
        Ok(network) => network,
        Err(why) => return found.unchecked(why),
    };
    for (addr, places) in all {
        match network.is_own(addr) {
            Some(true) => found.add(own(evidence, network, addr, places)),
            Some(false) => {}
            None => unasked(addr, network.routes.get(&addr), found),
        }
    }
}

fn own(evidence: &Evidence, network: &Network, addr: IpAddr, places: Vec<Place>) -> Finding {
    let forwarding = |place: &Place| {
        let entry = evidence.snapshot.server(&place.service, &place.server?)?;
        Some(entry.server.forwarding)
    };
    let methods: Vec<Forwarding> = places.iter().filter_map(forwarding).collect();
    let meant = addr.is_loopback() || methods.iter().all(|m| *m == Forwarding::Local);
    let what = format!("real server {addr} is this director itself");
    let held = match network.holder(addr) {
        Some(link) => format!("{addr} is an address of {}", link.name),
        None => format!("the route to {addr} is local"),
    };
    let unmapped = methods.iter().any(|m| UNMAPPED.contains(m));
    let finding = if meant { Finding::note(what) } else { Finding::warning(what) };
    let commands: Vec<String> = if meant {
        Vec::new()
    } else {
        places.iter().filter_map(|p| ipvs_tui("delete", &p.service, p.server, &[])).collect()
    };
    let because = if unmapped {
        "Its share of clients is handed to whatever listens on this machine at the virtual \
         address and port; if nothing does, they are refused. Where the other director has the \
         same server, a client's packet can go back and forth between the two."
    } else {
        "Its share of clients is handed to whatever listens on this machine at that address and \
         port; if nothing does, they are refused. It is right for a director that is also a real \
         server, or says sorry."
    };
    let services: Vec<ServiceKey> = places.iter().map(|place| place.service).collect();
    finding
        .seen(held)
        .seen(counted(services.len() as u64, "service"))
        .at(places)
        .because(because)
        .fix(commands)
}
