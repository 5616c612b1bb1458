//! IP forwarding: masqueraded answers pass the director.

use std::collections::BTreeMap;

use crate::ipvs::{Family, Forwarding, counted};

use super::command::{dotted, sysctl};
use super::evidence::Evidence;
use super::finding::{Finding, Place};
use super::report::Found;

/// `ip_forward` of a family, and of one interface.
fn global(family: Family) -> &'static str {
    match family {
        Family::V4 => "net/ipv4/ip_forward",
        Family::V6 => "net/ipv6/conf/all/forwarding",
    }
}

pub(super) fn check(evidence: &Evidence, found: &mut Found) {
    for family in [Family::V4, Family::V6] {
        if !masquerading(evidence, found, family) {
            tunnels(evidence, found, family);
        }
    }
}

/// Where answers come in and are not forwarded. True if anything was said.
fn masquerading(evidence: &Evidence, found: &mut Found, family: Family) -> bool {
    // By the setting that is off: the places, and what it was seen by.
    let mut off: BTreeMap<String, Vec<Place>> = BTreeMap::new();
    let mut unknown: BTreeMap<String, usize> = BTreeMap::new();
    for (service, entry) in evidence.forwarded(&[Forwarding::Masq]) {
        let key = entry.server.key;
        if Family::of(key.addr) != family {
            continue;
        }
        match forwards(evidence, family, link(evidence, key.addr).as_deref()) {
            Ok(None) => {}
            Ok(Some(path)) => {
                off.entry(path).or_default().push(Place::server(service.service.key, key));
            }
            Err(why) => *unknown.entry(why).or_default() += 1,
        }
    }
    let said = !off.is_empty() || !unknown.is_empty();
    for (why, servers) in unknown {
        found.partly(counted(servers as u64, "masqueraded server"), why);
    }
    for (path, places) in off {
        let servers = counted(places.len() as u64, "masqueraded server");
        let name = dotted(&path);
        found.add(
            Finding::error(format!("{name} is 0: answers of masqueraded servers are dropped"))
                .seen(format!("{name} = 0"))
                .seen(format!("{servers} answer through it"))
                .at(places)
                .because(
                    "A masqueraded server answers by way of the director, which has to forward \
                     the answer in order to put the virtual address back. Without forwarding the \
                     client never hears it.",
                )
                .fix([sysctl(&[(&path, "1")])]),
        );
    }
    said
}

/// The interface that a server is reached by, and so answers through.
fn link(evidence: &Evidence, addr: std::net::IpAddr) -> Option<String> {
    let network = evidence.network().ok()?;
    let index = network.routes.get(&addr)?.link()?;
    network.link(index).map(|link| link.name.clone())
}

/// The setting that keeps packets of an interface from being forwarded; `None` if they are.
///
/// IPv4 asks the interface that a packet came in by (`IN_DEV_FORWARD`), and `ip_forward` sets all
/// of them. IPv6 asks `all`, and from 6.17 on the interface's `force_forwarding`.
fn forwards(
    evidence: &Evidence,
    family: Family,
    link: Option<&str>,
) -> Result<Option<String>, String> {
    let host = &evidence.host;
    let all = host.setting(global(family));
    match (family, link) {
        (Family::V4, Some(link)) => {
            let path = format!("net/ipv4/conf/{link}/forwarding");
            if let Ok(value) = host.setting(&path) {
                let cause = if all == Ok("0") { global(family).to_owned() } else { path };
                return Ok((value == "0").then_some(cause));
            }
        }
        (Family::V6, Some(link)) => {
            if host.setting(&format!("net/ipv6/conf/{link}/force_forwarding")) == Ok("1") {
                return Ok(None);
            }
        }
        (_, None) => {}
    }
    Ok((all? == "0").then(|| global(family).to_owned()))
}

/// Tunnelled packets leave without it: tried on kernels 6.1 and 7.2, see `tests/doctor.rs`.
fn tunnels(evidence: &Evidence, found: &mut Found, family: Family) {
    let tunnels = evidence.forwarded(&[Forwarding::Tunnel]);
    let places: Vec<Place> = tunnels
        .filter(|(_, entry)| Family::of(entry.server.key.addr) == family)
        .map(|(service, entry)| Place::server(service.service.key, entry.server.key))
        .collect();
    if places.is_empty() {
        return;
    }
    let path = global(family);
    match evidence.host.setting(path) {
        Err(why) => found.partly(counted(places.len() as u64, "tunnel server"), why),
        Ok("0") => found.add(
            Finding::note(format!("{} is 0, with tunnels", dotted(path)))
                .seen(format!("{} = 0", dotted(path)))
                .seen(counted(places.len() as u64, "tunnel server"))
                .at(places)
                .because(
                    "LVS guides ask for it. IPVS sends packets into tunnels without it, so the \
                     services work; but this machine routes nothing else for the servers, and a \
                     server that is changed to masquerading will not answer.",
                )
                .fix([sysctl(&[(path, "1")])]),
        ),
        Ok(_) => {}
    }
}
