//! The fields of a virtual service, and the service that they make.

use std::borrow::Cow;
use std::net::IpAddr;

use super::field::{Field, Found, Id};
use super::typed::{address, netmask, number, port};
use super::{Form, field, typed};
use crate::ipvs::{
    Family, Netmask, PeName, Protocol, SCHEDULERS, SchedulerName, Service, ServiceFlags, ServiceKey,
};

/// ipvsadm's persistence timeout where none is given, in seconds.
const DEFAULT_TIMEOUT: u32 = 300;

/// ipvsadm's longest, 31 days; [`crate::kernel::check`] says why.
const LONGEST_TIMEOUT: u32 = 31 * 86_400;

/// What a service can be, with ipvsadm's option for it.
const KINDS: [(&str, &str); 5] = [
    ("TCP", "connections to an address and port (-t)"),
    ("UDP", "packets to an address and port (-u)"),
    ("SCTP", "associations with an address and port (--sctp-service)"),
    ("mark IPv4", "what a firewall rule has marked, of IPv4 (-f)"),
    ("mark IPv6", "what a firewall rule has marked, of IPv6 (-f -6)"),
];

/// The fields of a service that is not there yet.
pub(super) fn new(like: Option<&Service>) -> Vec<Field> {
    let (kind, addr) = match like.map(|s| s.key) {
        Some(ServiceKey::Endpoint { protocol, addr, .. }) => {
            (protocol.to_string(), addr.to_string())
        }
        Some(ServiceKey::Fwmark { family: Family::V4, .. }) => ("mark IPv4".into(), String::new()),
        Some(ServiceKey::Fwmark { family: Family::V6, .. }) => ("mark IPv6".into(), String::new()),
        None => (String::new(), String::new()),
    };
    let kinds = KINDS.iter().map(|(name, doc)| ((*name).to_owned(), Cow::from(*doc))).collect();
    let mut fields = vec![
        Field::choice(Id::Kind, "Kind", kinds, &kind),
        Field::text(Id::Address, "Address", addr).hint("the address that clients connect to (VIP)"),
        Field::text(Id::Port, "Port", "")
            .hint("1 to 65535; 0 takes every port, for a persistent service alone"),
        Field::text(Id::Mark, "Mark", "")
            .hint("decimal, 1 to 4294967295; iptables and /proc print marks in hex"),
    ];
    let scheduler = like.map(|s| &s.scheduler).filter(|name| name.as_str() != "none");
    let flags = like.map_or(ServiceFlags::empty(), |s| s.flags & ServiceFlags::SCHED);
    fields.extend(scheduling(scheduler, flags));
    fields.push(persistent(false));
    fields.extend([timeout(DEFAULT_TIMEOUT), mask(""), engine(None), one_packet(false)]);
    fields
}

/// The fields of a service as it is.
pub(super) fn present(service: &Service) -> Vec<Field> {
    let persists = service.persistent().is_some();
    let stored = service.timeout;
    // A timeout of 0, which a service without persistence holds, would keep nobody.
    let proposed = if persists || stored != 0 { stored } else { DEFAULT_TIMEOUT };
    let mut fields = vec![Field::fixed("Service", &service.key)];
    fields.extend(scheduling(Some(&service.scheduler), service.flags));
    fields.push(persistent(persists));
    fields.push(timeout(proposed).holding(stored.to_string()));
    fields.push(mask(&service.netmask.to_string()));
    fields.push(engine(service.pe.as_ref()));
    fields.push(one_packet(service.one_packet()));
    fields.into_iter().map(Field::held).collect()
}

/// The scheduler, `wlc` as ipvsadm's default, and the flags that sh and mh have.
fn scheduling(present: Option<&SchedulerName>, flags: ServiceFlags) -> [Field; 3] {
    let mut options: Vec<_> =
        SCHEDULERS.iter().map(|s| (s.name.to_owned(), Cow::from(s.doc))).collect();
    let name = present.map_or("wlc", SchedulerName::as_str);
    if !options.iter().any(|(known, _)| known == name) {
        let doc = match name {
            "none" => "no scheduler: every new connection is refused",
            _ => "a scheduler of this kernel's own",
        };
        options.push((name.to_owned(), doc.into()));
    }
    [
        Field::choice(Id::Scheduler, "Scheduler", options, name),
        Field::switch(Id::Fallback, "Fallback", flags.contains(ServiceFlags::SCHED1)).hint(
            "clients of a server that takes no new ones go to another, else they are refused",
        ),
        Field::switch(Id::HashPort, "Hash the port", flags.contains(ServiceFlags::SCHED2))
            .hint("the client's port counts too: its connections go to several servers"),
    ]
}

fn persistent(on: bool) -> Field {
    Field::switch(Id::Persistent, "Persistent", on)
        .hint("a client stays with its server, even at weight 0, until its template expires")
}

fn timeout(seconds: u32) -> Field {
    Field::text(Id::Timeout, "Timeout", seconds.to_string())
        .hint("seconds that a client stays after its last connection; ipvsadm's default is 300")
}

fn mask(mask: &str) -> Field {
    Field::text(Id::Netmask, "Netmask", mask)
        .hint("clients that go together: for IPv4 255.255.255.0 or 24, for IPv6 1 to 128")
        .empty("single clients")
}

fn engine(pe: Option<&PeName>) -> Field {
    Field::text(Id::Engine, "Engine", pe.map_or("", PeName::as_str))
        .hint("sip, the kernel's only one, keeps a call together; empty for none")
        .empty("none")
}

fn one_packet(on: bool) -> Field {
    Field::switch(Id::OnePacket, "One packet", on)
        .hint("ops: every UDP packet is scheduled by itself")
}

/// Whether the field means anything with the others as they are.
pub(super) fn applies(form: &Form, before: Option<&Service>, id: Id) -> bool {
    match id {
        Id::Address | Id::Port => !marked(form),
        Id::Mark => marked(form),
        Id::Fallback | Id::HashPort => matches!(form.value(Id::Scheduler), "sh" | "mh"),
        Id::Timeout | Id::Netmask | Id::Engine => form.value(Id::Persistent) == field::YES,
        // The kernel takes the flag for anything and heeds it for UDP; what is there can go.
        Id::OnePacket => takes_udp(form, before) || before.is_some_and(Service::one_packet),
        _ => true,
    }
}

fn marked(form: &Form) -> bool {
    form.value(Id::Kind).starts_with("mark")
}

fn takes_udp(form: &Form, before: Option<&Service>) -> bool {
    match before.map(|s| s.key.protocol()) {
        Some(protocol) => protocol.is_none_or(|p| p == Protocol::UDP),
        None => marked(form) || form.value(Id::Kind) == "UDP",
    }
}

/// The family of the service, as far as it is filled in.
fn family(form: &Form, before: Option<&Service>) -> Option<Family> {
    match (before, form.value(Id::Kind)) {
        (Some(before), _) => Some(before.key.family()),
        (None, "mark IPv4") => Some(Family::V4),
        (None, "mark IPv6") => Some(Family::V6),
        (None, _) => address(form.value(Id::Address).trim()).ok().map(Family::of),
    }
}

pub(super) fn note(form: &Form, before: Option<&Service>, id: Id) -> Option<String> {
    let text = form.value(id).trim();
    match id {
        Id::Address if address(text).is_ok_and(|a| a.is_unspecified()) => {
            Some("no client sends anything to this address".into())
        }
        Id::Netmask => match netmask(text, family(form, before)?).ok()? {
            Netmask::V4(mask) if mask.is_unspecified() => {
                Some("all clients go together, to one server".into())
            }
            Netmask::V4(mask) if u32::from(mask).leading_ones() != u32::from(mask).count_ones() => {
                Some("not contiguous; the kernel takes it as it is".into())
            }
            _ => None,
        },
        Id::Engine if text == "sip" && !takes_udp(form, before) => {
            Some("sip understands UDP alone".into())
        }
        Id::Engine if !matches!(text, "" | "sip") => {
            Some(format!("this needs a kernel module ip_vs_pe_{text}"))
        }
        Id::OnePacket if !takes_udp(form, before) => {
            Some("without effect here; ipvsadm refuses it but for UDP and marks".into())
        }
        _ => None,
    }
}

/// The service that the fields make.
pub(super) fn read(
    form: &Form,
    before: Option<&Service>,
    present: &[ServiceKey],
) -> Result<Service, Found> {
    let mut found = Found::default();
    let key = match before {
        Some(before) => Some(before.key),
        None => key(form, present, &mut found),
    };
    let scheduler = found.take(Id::Scheduler, SchedulerName::new(form.value(Id::Scheduler)));
    let timeout = form.given(Id::Timeout).and_then(|text| {
        let what = "persistence timeout in seconds";
        found.take(Id::Timeout, number(text, what, 1, LONGEST_TIMEOUT))
    });
    let netmask = family(form, before)
        .zip(form.given(Id::Netmask))
        .and_then(|(family, text)| found.take(Id::Netmask, netmask(text, family)));
    let engine =
        form.given(Id::Engine).and_then(|text| found.take(Id::Engine, typed::engine(text)));
    let (Some(key), Some(scheduler)) = (key, scheduler) else { return Err(found) };

    let mut after = match before {
        Some(before) => before.clone(),
        None => Service::new(key, scheduler.clone()),
    };
    if form.given(Id::Scheduler).is_some() {
        after.scheduler = scheduler;
    }
    for (id, flag) in [
        (Id::Fallback, ServiceFlags::SCHED1),
        (Id::HashPort, ServiceFlags::SCHED2),
        (Id::Persistent, ServiceFlags::PERSISTENT),
        (Id::OnePacket, ServiceFlags::ONE_PACKET),
    ] {
        if let Some(on) = form.switched(id) {
            after.flags.set(flag, on);
        }
    }
    after.timeout = timeout.unwrap_or(after.timeout);
    after.netmask = netmask.unwrap_or(after.netmask);
    after.pe = engine.unwrap_or(after.pe);
    let every_port = matches!(key, ServiceKey::Endpoint { port: 0, .. });
    if every_port && after.persistent().is_none() && form.switched(Id::Persistent).is_some() {
        let why = "port 0 takes every port for a persistent service alone; without persistence \
                   the kernel takes it too, and then refuses every connection";
        found.add(Id::Persistent, why);
    }
    found.or(after)
}

fn key(form: &Form, present: &[ServiceKey], found: &mut Found) -> Option<ServiceKey> {
    let kind = form.value(Id::Kind);
    let (key, id) = if marked(form) {
        let family = if kind == "mark IPv6" { Family::V6 } else { Family::V4 };
        let mark = number(form.value(Id::Mark).trim(), "firewall mark", 1, u32::MAX);
        (ServiceKey::Fwmark { family, mark: found.take(Id::Mark, mark)? }, Id::Mark)
    } else {
        let protocol = match kind {
            "UDP" => Protocol::UDP,
            "SCTP" => Protocol::SCTP,
            _ => Protocol::TCP,
        };
        let addr: Option<IpAddr> = found.take(Id::Address, address(form.value(Id::Address).trim()));
        let port = found.take(Id::Port, port(form.value(Id::Port).trim()));
        (ServiceKey::endpoint(protocol, addr?, port?), Id::Port)
    };
    if present.contains(&key) {
        found.add(id, format!("the service {key} is there already; leave this and edit it"));
    }
    Some(key)
}

/// The field that [`crate::kernel::check`] refuses.
pub(super) fn to_blame(before: Option<&Service>, after: &Service) -> Id {
    if before.is_none_or(|before| before.timeout != after.timeout)
        && after.timeout > LONGEST_TIMEOUT
    {
        Id::Timeout
    } else if after.netmask.family() != after.key.family() {
        Id::Netmask
    } else {
        Id::Key
    }
}
