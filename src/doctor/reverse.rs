//! What the director's own network drops or says: reverse-path filters and ICMP redirects. Both
//! are matters of IPv4.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::ipvs::{Forwarding, ServiceKey, counted};
use crate::kernel::route::{Link, Network, Route};

use super::command::{dotted, sysctl};
use super::evidence::Evidence;
use super::finding::{Finding, Place};
use super::report::Found;

/// The setting of an interface and of all of them. For `rp_filter` the larger counts
/// (`IN_DEV_MAXCONF`), for `send_redirects` either (`IN_DEV_ORCONF`).
struct Pair {
    all: u32,
    one: u32,
    path: String,
}

impl Pair {
    fn read(evidence: &Evidence, name: &str, link: &Link) -> Result<Self, String> {
        let number = |path: &str| {
            let value = evidence.host.setting(path)?;
            value.parse::<u32>().map_err(|_| format!("{} is '{value}'", dotted(path)))
        };
        let path = format!("net/ipv4/conf/{}/{name}", link.name);
        let all = number(&format!("net/ipv4/conf/all/{name}"))?;
        Ok(Self { all, one: number(&path)?, path })
    }

    fn told(&self) -> String {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        let (all, one) = (self.all, self.one);
        format!("net.ipv4.conf.all.{name} = {all}, {} = {one}", dotted(&self.path))
    }

    /// Sets both, as both have a say.
    fn to(&self, value: &str) -> String {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        sysctl(&[(&format!("net/ipv4/conf/all/{name}"), value), (&self.path, value)])
    }
}

/// Strict filters where packets of tunnels come out, or answers of tunnel servers come by.
pub(super) fn filter(evidence: &Evidence, found: &mut Found) {
    let servers: Vec<Place> = evidence
        .forwarded(&[Forwarding::Tunnel])
        .map(|(service, entry)| Place::server(service.service.key, entry.server.key))
        .collect();
    if servers.is_empty() {
        return;
    }
    let network = match evidence.network() {
        Ok(network) => network,
        Err(why) => return found.unchecked(why),
    };
    for link in network.links.iter().filter(|link| takes_tunnels(network, link, &servers)) {
        match Pair::read(evidence, "rp_filter", link) {
            Ok(pair) if pair.all.max(pair.one) == 1 => found.add(strict_end(link, &pair)),
            Ok(_) => {}
            Err(why) => found.partly(link.name.clone(), why),
        }
    }
    // By the interface that leads to them.
    let mut by_link: BTreeMap<u32, Vec<Place>> = BTreeMap::new();
    for place in servers {
        let addr = place.server.map(|server| server.addr).filter(IpAddr::is_ipv4);
        let route = addr.and_then(|addr| network.routes.get(&addr));
        if let Some(link) = route.and_then(Route::link) {
            by_link.entry(link).or_default().push(place);
        }
    }
    for (index, places) in by_link {
        let Some(link) = network.link(index) else { continue };
        match Pair::read(evidence, "rp_filter", link) {
            Ok(pair) if pair.all.max(pair.one) == 1 => {
                found.add(strict_way(network, link, &pair, places));
            }
            Ok(_) => {}
            Err(why) => found.partly(link.name.clone(), why),
        }
    }
}

/// Whether packets that other directors tunnel to this machine come out here: one of the devices
/// that take every tunnel, or one that holds a virtual address. A tunnel of its own is none of
/// IPVS's business. SIT carries IPv6, which has no such filter.
fn takes_tunnels(network: &Network, link: &Link, servers: &[Place]) -> bool {
    const SIT: u16 = 776;
    let held: BTreeSet<IpAddr> =
        network.addresses.iter().filter(|(on, _)| *on == link.index).map(|(_, a)| *a).collect();
    let virtual_here = servers.iter().any(|place| match place.service {
        ServiceKey::Endpoint { addr, .. } => held.contains(&addr),
        ServiceKey::Fwmark { .. } => false,
    });
    let every = ["tunl0", "gre0", "ip6tnl0", "ip6gre0"].contains(&link.name.as_str());
    link.is_tunnel() && link.kind != SIT && link.up && (every || virtual_here)
}

fn strict_end(link: &Link, pair: &Pair) -> Finding {
    let name = &link.name;
    Finding::warning(format!("the reverse-path filter of {name} drops what tunnels bring"))
        .seen(pair.told())
        .seen(format!("{name} is up and takes packets out of tunnels"))
        .because(
            "A packet that comes out of a tunnel has the client's address, and the way to the \
             client is not back through the tunnel: a strict filter drops it. This machine cannot \
             be a real server of another director, which matters when the two change roles.",
        )
        .fix([pair.to("0")])
}

/// Where a virtual address is this machine's for marked packets only, answers that pass here are
/// checked against the way to that address: it must lead back by the same interface.
fn strict_way(network: &Network, link: &Link, pair: &Pair, places: Vec<Place>) -> Finding {
    let elsewhere = |place: &Place| match place.service {
        ServiceKey::Endpoint { addr, .. } => {
            let way = network.routes.get(&addr).and_then(Route::link);
            network.is_own(addr) == Some(false)
                && network.marked.iter().any(|(marked, _)| *marked == addr)
                && way != Some(link.index)
        }
        ServiceKey::Fwmark { .. } => false,
    };
    let name = &link.name;
    let through = places.iter().any(elsewhere);
    let finding = if through {
        Finding::warning(format!(
            "the reverse-path filter of {name} drops answers of tunnel servers"
        ))
        .because(
            "The virtual address is this machine's for marked packets only, and for others the \
             way to it is not by this interface: an answer from it that is routed through this \
             machine is dropped.",
        )
    } else {
        Finding::note(format!(
            "the reverse-path filter of {name}, where tunnel servers are, is strict"
        ))
        .because(
            "Answers and ICMP errors of tunnel servers that come back by another interface \
                 than the one that leads to them are dropped. Where all comes and goes by one \
                 interface it does no harm.",
        )
    };
    finding
        .seen(pair.told())
        .seen(format!("{} reached by {name}", counted(places.len() as u64, "tunnel server")))
        .at(places)
        .fix([pair.to("0")])
}

/// Masquerading on one arm: servers and clients by the same interface.
pub(super) fn redirects(evidence: &Evidence, found: &mut Found) {
    let masqueraded: Vec<Place> = evidence
        .forwarded(&[Forwarding::Masq])
        .filter(|(_, entry)| entry.server.key.addr.is_ipv4())
        .map(|(service, entry)| Place::server(service.service.key, entry.server.key))
        .collect();
    if masqueraded.is_empty() {
        return;
    }
    let network = match evidence.network() {
        Ok(network) => network,
        Err(why) => return found.unchecked(why),
    };
    let Route::Via { gateway, link, .. } = &network.outward else { return };
    let near = |place: &Place| {
        let route = place.server.and_then(|server| network.routes.get(&server.addr));
        matches!(route, Some(Route::Direct { link: on, .. }) if on == link)
    };
    let places: Vec<Place> = masqueraded.into_iter().filter(near).collect();
    let Some(link) = network.link(*link).filter(|_| !places.is_empty()) else { return };
    match Pair::read(evidence, "send_redirects", link) {
        Err(why) => found.partly(link.name.clone(), why),
        Ok(pair) if pair.all == 0 && pair.one == 0 => {}
        Ok(pair) => found.add(
            Finding::warning("redirects lead masqueraded servers past the director")
                .seen(pair.told())
                .seen(format!(
                    "{} and the gateway {gateway} are all on {}",
                    counted(places.len() as u64, "masqueraded server"),
                    link.name
                ))
                .at(places)
                .because(
                    "Answers to clients beyond the gateway go out by the interface that they came \
                     in by, so the director tells the servers of the shorter way: those that \
                     heed it answer past the director, from their own address, and the client \
                     drops that.",
                )
                .fix([pair.to("0")]),
        ),
    }
}
