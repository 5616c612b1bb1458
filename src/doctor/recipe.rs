//! What has to be set on the real servers themselves, which the director cannot see: the virtual
//! address, silence about it, and for tunnels an end that lets packets out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::ipvs::{Family, Forwarding, ServiceKey, Tunnel, TunnelKind, counted};

use super::command::{hold, sysctl};
use super::evidence::Evidence;
use super::finding::{Finding, On, Place};
use super::report::Found;

/// How a server is reached, as far as it has to do something for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Direct,
    /// A tunnel of this kind, over the family of the server.
    Tunnel {
        kind: u8,
        port: u16,
        over: Family,
    },
    /// A tunnel whose kind cannot be read without rights.
    Unread {
        over: Family,
    },
}

/// What a server has to hold: the addresses of its services, and marks that stand for some.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Holds {
    ways: BTreeSet<Way>,
    addresses: BTreeSet<IpAddr>,
    marks: BTreeSet<(u32, Family)>,
}

pub(super) fn check(evidence: &Evidence, found: &mut Found) {
    let mut servers: BTreeMap<IpAddr, (Holds, Vec<Place>)> = BTreeMap::new();
    for (service, entry) in evidence.forwarded(&[Forwarding::Route, Forwarding::Tunnel]) {
        let key = entry.server.key;
        let over = Family::of(key.addr);
        let way = match (entry.server.forwarding, service.tunnel(entry)) {
            (Forwarding::Route, _) => Way::Direct,
            (_, Some(Tunnel { kind, port, .. })) => Way::Tunnel { kind: kind.number(), port, over },
            (_, None) => Way::Unread { over },
        };
        let (holds, places) = servers.entry(key.addr).or_default();
        holds.ways.insert(way);
        match service.service.key {
            ServiceKey::Endpoint { addr, .. } => drop(holds.addresses.insert(addr)),
            ServiceKey::Fwmark { family, mark } => drop(holds.marks.insert((mark, family))),
        }
        places.push(Place::server(service.service.key, key));
    }
    // Servers that need the same are told once.
    let mut alike: BTreeMap<Holds, (Vec<IpAddr>, Vec<Place>)> = BTreeMap::new();
    for (addr, (holds, places)) in servers {
        let (addrs, all) = alike.entry(holds).or_default();
        addrs.push(addr);
        all.extend(places);
    }
    for (holds, (addrs, places)) in alike {
        found.add(told(&holds, addrs, places));
    }
}

fn told(holds: &Holds, servers: Vec<IpAddr>, places: Vec<Place>) -> Finding {
    let tunnels = holds.ways.iter().any(|way| *way != Way::Direct);
    let direct = holds.ways.contains(&Way::Direct);
    let method = match (direct, tunnels) {
        (true, false) => "direct-route",
        (false, _) => "tunnel",
        (true, true) => "direct-route and tunnel",
    };
    let who = match servers.as_slice() {
        [server] => format!("{method} server {server}"),
        all => format!("{} {method} servers", all.len()),
    };
    let held = holds.addresses.iter().map(ToString::to_string);
    let marks = holds.marks.iter().map(|(mark, _)| format!("the addresses of mark {mark}"));
    let held: Vec<String> = held.chain(marks).collect();
    let held = match held.as_slice() {
        [first, _, _, ..] => format!("{first} and {} more", held.len() - 1),
        few => few.join(" and "),
    };
    let count = counted(servers.len() as u64, "server");
    let finding = Finding::note(format!("{who} must hold {held}, in silence"))
        .at(places)
        .seen(format!(
            "{count}, {}",
            counted((holds.addresses.len() + holds.marks.len()) as u64, "virtual address")
        ))
        .because(
            "Packets arrive at the server still addressed to the virtual address, so it must hold \
             that address and tell nobody: a server that answers ARP for it takes the director's \
             clients. The director cannot see a server's settings; where they are as they should \
             be, these commands change nothing.",
        );
    finding.fix_on(On::Servers(servers), commands(holds))
}

/// The commands, silence before the address.
fn commands(holds: &Holds) -> Vec<String> {
    let mut lines = Vec::new();
    let families: BTreeSet<Family> = holds
        .addresses
        .iter()
        .map(|addr| Family::of(*addr))
        .chain(holds.marks.iter().map(|(_, family)| *family))
        .collect();
    if families.contains(&Family::V4) {
        lines.push(sysctl(&[
            ("net/ipv4/conf/all/arp_ignore", "1"),
            ("net/ipv4/conf/all/arp_announce", "2"),
        ]));
    }
    let mut device = None;
    for way in &holds.ways {
        for inner in &families {
            let end = match way {
                Way::Direct => continue,
                Way::Tunnel { kind, port, over } => {
                    end(TunnelKind::from_number(*kind), *port, *over, *inner)
                }
                Way::Unread { over } => {
                    lines.push(
                        "# the kind of tunnel cannot be read without rights; for IPIP:".to_owned(),
                    );
                    end(TunnelKind::Ipip, 0, *over, *inner)
                }
            };
            lines.extend(end.lines);
            if *inner == Family::V4 {
                device = device.or(end.device);
            }
        }
    }
    // Each line once, in the order of its first use.
    let mut seen = BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    // What stands on a tunnel is off every segment, like what stands on lo.
    let device = device.unwrap_or("lo");
    for addr in &holds.addresses {
        lines.push(hold(*addr, if addr.is_ipv4() { device } else { "lo" }));
    }
    for (mark, family) in &holds.marks {
        let (example, device) = match family {
            Family::V4 => ("ip addr replace ADDRESS/32", device),
            Family::V6 => ("ip -6 addr replace ADDRESS/128", "lo"),
        };
        lines.push(format!(
            "# and each address that mark {mark} stands for: {example} dev {device}"
        ));
    }
    lines
}

/// The end of a tunnel on a real server.
struct End {
    lines: Vec<String>,
    /// The device that packets come out of.
    device: Option<&'static str>,
}

/// The device that takes every packet of this kind, and what makes it do so. IPVS wraps packets in
/// IPIP (protocols 4 and 41), in GRE without a key, or in GUE around IPIP.
fn end(kind: TunnelKind, port: u16, over: Family, inner: Family) -> End {
    let (module, device) = match (kind, over, inner) {
        (TunnelKind::Gre, Family::V4, _) => ("ip_gre", "gre0"),
        (TunnelKind::Gre, Family::V6, _) => ("ip6_gre", "ip6gre0"),
        (_, Family::V4, Family::V4) => ("ipip", "tunl0"),
        (_, Family::V4, Family::V6) => ("sit", "sit0"),
        (_, Family::V6, _) => ("ip6_tunnel", "ip6tnl0"),
    };
    let mut lines = vec![format!("modprobe {module}")];
    if kind == TunnelKind::Gue {
        let (fou, family) = if over == Family::V4 { ("fou", "") } else { ("fou6", "-6 ") };
        lines.push(format!("modprobe {fou}"));
        lines.push(format!(
            "ip fou show | grep -q 'port {port} ' || ip {family}fou add port {port} gue"
        ));
    }
    if let TunnelKind::Unknown(number) = kind {
        lines.insert(0, format!("# tunnel type {number} means nothing; for IPIP:"));
    }
    // The IPv6 device takes IPv6 alone, unless it is told otherwise.
    if kind != TunnelKind::Gre && (over, inner) == (Family::V6, Family::V4) {
        lines.push(format!("ip -6 tunnel change {device} mode any"));
    }
    if inner == Family::V4 {
        let path = format!("net/ipv4/conf/{device}/rp_filter");
        lines.push(sysctl(&[("net/ipv4/conf/all/rp_filter", "0"), (&path, "0")]));
    }
    lines.push(format!("ip link set {device} up"));
    End { lines, device: Some(device) }
}
