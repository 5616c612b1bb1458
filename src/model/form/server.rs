//! The fields of a real server, and the server that they make.

use std::borrow::Cow;
use std::net::IpAddr;

use super::Form;
use super::field::{Field, Found, Id};
use super::typed::{address, number, port};
use crate::ipvs::{
    Family, Forwarding, MAX_WEIGHT, Server, ServerKey, ServiceKey, Tunnel, TunnelKind,
};
use crate::snapshot::ServiceEntry;

/// Thresholds are unsigned, but newer kernels refuse what an int cannot hold.
const MAX_THRESHOLD: u32 = i32::MAX as u32;

/// The forwarding methods in the order of use.
const METHODS: [(Forwarding, &str); 5] = [
    (Forwarding::Masq, "NAT: both ways go through the director (-m)"),
    (Forwarding::Route, "direct routing: the server has the VIP and answers by itself (-g)"),
    (Forwarding::Tunnel, "wrapped up; the server has the VIP and answers by itself (-i)"),
    (Forwarding::Local, "the director itself takes the connections"),
    (Forwarding::Bypass, "to the original destination, as transparent caches need it"),
];

const TUNNELS: [(TunnelKind, &str); 3] = [
    (TunnelKind::Ipip, "IP in IP"),
    (TunnelKind::Gue, "IP in UDP, to a port of the server (kernel 5.3 or newer)"),
    (TunnelKind::Gre, "IP in GRE (kernel 5.3 or newer)"),
];

/// The fields of a server that is not there yet.
pub(super) fn new(entry: &ServiceEntry) -> Vec<Field> {
    let siblings = || entry.servers.iter().map(|s| &s.server);
    // ipvsadm's default is direct routing.
    let known = |method: &Forwarding| METHODS.iter().any(|(known, _)| known == method);
    let forwarding = commonest(siblings().map(|s| s.forwarding).filter(known));
    let forwarding = forwarding.unwrap_or(Forwarding::Route);
    let weight = commonest(siblings().map(|s| s.weight).filter(|w| *w > 0)).unwrap_or(1);
    let alike = siblings().filter(|s| s.forwarding == forwarding);
    let mapped = forwarding == Forwarding::Masq;
    let port = commonest(alike.map(|s| s.key.port).filter(|_| mapped));
    let port = port.unwrap_or_else(|| entry.service.key.default_server_port());
    let server = Server { forwarding, weight, ..nobody(entry.service.key, port) };
    let mut fields = vec![
        Field::fixed("Service", &entry.service.key),
        Field::text(Id::Address, "Address", "").hint("the real server's own address"),
        Field::text(Id::Port, "Port", port.to_string())
            .hint("empty for the service's; with Masq 0 keeps the port that the client asked for")
            .empty("the service's"),
    ];
    fields.extend(settings(&server));
    fields
}

/// The fields of a server as it is.
pub(super) fn present(service: ServiceKey, server: &Server) -> Vec<Field> {
    let mut fields =
        vec![Field::fixed("Service", &service), Field::fixed("Real server", &server.key)];
    fields.extend(settings(server));
    fields.into_iter().map(Field::held).collect()
}

fn settings(server: &Server) -> [Field; 8] {
    let Tunnel { kind, port, flags } = server.tunnel;
    let tunnel_port = if port == 0 { String::new() } else { port.to_string() };
    [
        Field::choice(
            Id::Forwarding,
            "Forwarding",
            options(&METHODS, server.forwarding),
            &server.forwarding.to_string(),
        ),
        Field::text(Id::Weight, "Weight", server.weight.to_string())
            .hint("share of new connections, 0 to 2147483647; 0 takes no new ones"),
        Field::text(Id::Upper, "Upper threshold", server.upper_threshold.to_string())
            .hint("connections, inactive ones too, at which it takes no more; 0: no limit"),
        Field::text(Id::Lower, "Lower threshold", server.lower_threshold.to_string())
            .hint("connections below which it takes new ones again; 0: 3/4 of the upper"),
        Field::choice(Id::TunnelKind, "Tunnel", options(&TUNNELS, kind), &kind.to_string()),
        Field::text(Id::TunnelPort, "Tunnel port", tunnel_port)
            .hint("the UDP port that the real server listens on for gue, 1 to 65535")
            .empty("none"),
        Field::switch(Id::Checksum, "Checksum", flags & Tunnel::CSUM != 0)
            .hint("the outer header carries a checksum (csum, else nocsum)"),
        Field::switch(Id::RemoteChecksum, "Remote checksum", flags & Tunnel::REMCSUM != 0)
            .hint("the real server makes the inner checksum (remcsum)"),
    ]
}

/// Every value that means something, and the present one whatever it is.
fn options<T: Copy + PartialEq + ToString>(
    known: &[(T, &'static str)],
    present: T,
) -> Vec<(String, Cow<'static, str>)> {
    let mut all: Vec<_> =
        known.iter().map(|(value, doc)| (value.to_string(), Cow::from(*doc))).collect();
    if !known.iter().any(|(value, _)| *value == present) {
        all.push((present.to_string(), "no kernel documents this number".into()));
    }
    all
}

/// What most have; of two that are as common, what comes first.
fn commonest<T: PartialEq>(all: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: Vec<(T, usize)> = Vec::new();
    for value in all {
        match counts.iter_mut().find(|(seen, _)| *seen == value) {
            Some((_, count)) => *count += 1,
            None => counts.push((value, 1)),
        }
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(value, _)| value)
}

/// A server without an address yet.
fn nobody(service: ServiceKey, port: u16) -> Server {
    let key = ServerKey::new(service.family().unspecified(), port);
    Server::new(key, Forwarding::Route, 1)
}

/// Whether the field means anything with the others as they are.
pub(super) fn applies(form: &Form, id: Id) -> bool {
    let tunnel = || form.value(Id::Forwarding) == "Tunnel";
    match id {
        Id::TunnelKind => tunnel(),
        Id::TunnelPort | Id::RemoteChecksum => tunnel() && form.value(Id::TunnelKind) == "gue",
        Id::Checksum => tunnel() && matches!(form.value(Id::TunnelKind), "gue" | "gre"),
        _ => true,
    }
}

pub(super) fn note(form: &Form, service: &ServiceKey, id: Id) -> Option<String> {
    let text = form.value(id).trim();
    let method = form.value(Id::Forwarding);
    match id {
        Id::Address => match address(text).ok()? {
            IpAddr::V6(addr) if addr.is_unicast_link_local() => {
                Some("the kernel takes a link-local address only if it is the director's".into())
            }
            addr if Family::of(addr) != service.family() => Some(
                "of the other address family: by Tunnel alone, and not while a sync daemon runs"
                    .into(),
            ),
            _ => None,
        },
        Id::Port => {
            let own = service.default_server_port();
            let other = !text.is_empty() && port(text).is_ok_and(|port| port != own);
            let unmapped = other && matches!(method, "Route" | "Tunnel");
            let named = service.protocol().is_some();
            unmapped.then(|| match named {
                true => format!("{method} maps no port, packets keep theirs; ipvsadm stores {own}"),
                false => format!("{method} maps no port, packets keep theirs"),
            })
        }
        _ => None,
    }
}

/// The server that the fields make.
pub(super) fn read(
    form: &Form,
    service: ServiceKey,
    before: Option<&Server>,
    present: &[ServerKey],
) -> Result<Server, Found> {
    let mut found = Found::default();
    let key = match before {
        Some(before) => Some(before.key),
        None => key(form, service, present, &mut found),
    };
    let mut count = |id, what, most| {
        form.given(id).and_then(|text| found.take(id, number(text, what, 0, most)))
    };
    let weight = count(Id::Weight, "weight", MAX_WEIGHT);
    let upper = count(Id::Upper, "threshold", MAX_THRESHOLD);
    let lower = count(Id::Lower, "threshold", MAX_THRESHOLD);
    let tunnel_port = form.given(Id::TunnelPort).and_then(|text| match text {
        "" => Some(0),
        text => found.take(Id::TunnelPort, port(text)),
    });
    let forwarding = form.given(Id::Forwarding).and_then(|name| named(&METHODS, name));
    if let Some(key) = key
        && Family::of(key.addr) != service.family()
        && forwarding.is_some_and(|method| method != Forwarding::Tunnel)
    {
        let why = "a real server of the other address family is reached by Tunnel alone";
        found.add(Id::Forwarding, why);
    }
    let Some(key) = key else { return Err(found) };

    let mut after = match before {
        Some(before) => before.clone(),
        None => Server { key, ..nobody(service, key.port) },
    };
    after.forwarding = forwarding.unwrap_or(after.forwarding);
    after.weight = weight.unwrap_or(after.weight);
    after.upper_threshold = upper.unwrap_or(after.upper_threshold);
    after.lower_threshold = lower.unwrap_or(after.lower_threshold);
    let kind = form.given(Id::TunnelKind).and_then(|name| named(&TUNNELS, name));
    after.tunnel.kind = kind.unwrap_or(after.tunnel.kind);
    after.tunnel.port = tunnel_port.unwrap_or(after.tunnel.port);
    for (id, flag) in [(Id::Checksum, Tunnel::CSUM), (Id::RemoteChecksum, Tunnel::REMCSUM)] {
        match form.switched(id) {
            Some(true) => after.tunnel.flags |= flag,
            Some(false) => after.tunnel.flags &= !flag,
            None => {}
        }
    }
    found.or(after)
}

fn named<T: Copy + ToString>(known: &[(T, &str)], name: &str) -> Option<T> {
    known.iter().find(|(value, _)| value.to_string() == name).map(|(value, _)| *value)
}

fn key(
    form: &Form,
    service: ServiceKey,
    present: &[ServerKey],
    found: &mut Found,
) -> Option<ServerKey> {
    let addr = address(form.value(Id::Address).trim());
    let addr = addr.and_then(|addr| refused(addr).map_or(Ok(addr), Err));
    let addr = found.take(Id::Address, addr);
    let port = match form.value(Id::Port).trim() {
        "" => Some(service.default_server_port()),
        text => found.take(Id::Port, port(text)),
    };
    let key = ServerKey::new(addr?, port?);
    if present.contains(&key) {
        let why = format!("the real server {key} is there already; leave this and edit it");
        found.add(Id::Port, why);
    }
    Some(key)
}

/// Why the kernel takes no such real server (`ip_vs_new_dest`); it also refuses broadcast
/// addresses of the director's own networks, which are not known here.
fn refused(addr: IpAddr) -> Option<String> {
    let what = match addr {
        _ if addr.is_unspecified() => "the address that means any",
        _ if addr.is_multicast() => "a multicast address",
        IpAddr::V4(addr) if addr.is_broadcast() => "the broadcast address",
        IpAddr::V6(addr) if addr.to_ipv4_mapped().is_some() => "an IPv4 address in IPv6's clothes",
        _ => return None,
    };
    Some(format!("{addr} is {what}, which the kernel refuses; write a server's own address"))
}

/// The field that [`crate::kernel::check`] refuses.
pub(super) fn to_blame(after: &Server) -> Id {
    match after {
        Server { forwarding: Forwarding::Unknown(_), .. } => Id::Forwarding,
        Server { weight, .. } if *weight > MAX_WEIGHT => Id::Weight,
        Server { upper_threshold, lower_threshold, .. } if lower_threshold > upper_threshold => {
            Id::Lower
        }
        Server { tunnel: Tunnel { kind: TunnelKind::Gue, .. }, .. } => Id::TunnelPort,
        _ => Id::TunnelKind,
    }
}
