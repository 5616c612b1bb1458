//! Any entry, odd as it may be.

use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::ipvs::{Family, Protocol};

fn addr() -> impl Strategy<Value = std::net::IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|a| std::net::Ipv4Addr::from(a).into()),
        any::<u128>().prop_map(|a| std::net::Ipv6Addr::from(a).into()),
    ]
}

fn service_key() -> impl Strategy<Value = ServiceKey> {
    let mark = |(v6, mark): (bool, u32)| {
        let family = if v6 { Family::V6 } else { Family::V4 };
        ServiceKey::Fwmark { family, mark }
    };
    prop_oneof![
        (any::<u16>(), addr(), any::<u16>()).prop_map(|(number, addr, port)| ServiceKey::endpoint(
            Protocol(number),
            addr,
            port
        )),
        (any::<bool>(), 1..=u32::MAX).prop_map(mark),
    ]
}

fn any_service() -> impl Strategy<Value = Service> {
    let scheduler = prop_oneof!["[!-~]{1,15}", "none|rr|sh|mh|dh|wlc"];
    let named = |name: String| PeName::new(&name).unwrap();
    let rest = (any::<u32>(), any::<u32>(), any::<u32>(), 1..=128_u8);
    (service_key(), scheduler, rest, option::of("[!-~]{1,15}".prop_map(named))).prop_map(
        |(key, scheduler, (flags, timeout, mask, prefix), pe)| Service {
            key,
            scheduler: SchedulerName::new(&scheduler).unwrap(),
            flags: ServiceFlags::from_bits_retain(flags),
            timeout,
            netmask: match key.family() {
                Family::V4 => Netmask::V4(mask.into()),
                Family::V6 => Netmask::V6(prefix),
            },
            pe,
        },
    )
}

fn any_server() -> impl Strategy<Value = Server> {
    let tunnel = (0..4_u8, any::<u16>(), any::<u16>());
    (addr(), any::<u16>(), 0..6_u32, any::<[u32; 3]>(), tunnel).prop_map(
        |(addr, port, method, [weight, upper_threshold, lower_threshold], tunnel)| Server {
            key: ServerKey::new(addr, port),
            forwarding: Forwarding::from_number(method),
            weight,
            upper_threshold,
            lower_threshold,
            tunnel: Tunnel {
                kind: TunnelKind::from_number(tunnel.0),
                port: tunnel.1,
                flags: tunnel.2,
            },
        },
    )
}

/// A server that the kernel can hold and that may be edited, odd as it may be.
fn editable() -> impl Strategy<Value = Server> {
    any_server().prop_map(|mut s| {
        s.key.addr = "10.1.1.2".parse().unwrap();
        s.weight &= i32::MAX as u32;
        s.upper_threshold &= i32::MAX as u32;
        s.lower_threshold = s.lower_threshold.min(s.upper_threshold);
        s.tunnel.port = s.tunnel.port.max(1);
        if matches!(s.forwarding, Forwarding::Unknown(_)) {
            s.forwarding = Forwarding::Tunnel;
        }
        if matches!(s.tunnel.kind, TunnelKind::Unknown(_)) {
            s.tunnel.kind = TunnelKind::Gue;
        }
        s
    })
}

/// Alters the field with the focus to another value that is right.
fn alter(form: &mut Form) -> Id {
    let field = &form.fields[form.focus];
    let (id, label, value) = (field.id, field.label, field.value().to_owned());
    let other = |one: &str, two: &str| if value == one { two.to_owned() } else { one.to_owned() };
    let v6 =
        matches!(&form.what, What::Service { before: Some(b), .. } if b.key.family() == Family::V6);
    let text = match id {
        Id::Timeout | Id::Tcp | Id::TcpFin | Id::Udp => other("77", "78"),
        Id::Netmask if v6 => other("64", "65"),
        Id::Netmask => other("255.0.255.0", "8"),
        Id::Engine => other("sip", "own"),
        Id::Weight => other("70000", "70001"),
        Id::Upper => other("2147483647", "2147483646"),
        Id::Lower => other("0", "0"),
        Id::TunnelPort => other("6080", "6081"),
        _ => {
            form.choose(1);
            return id;
        }
    };
    set(form, label, &text);
    id
}

/// What differs between two services, as the ids of fields.
fn service_differences(a: &Service, b: &Service) -> Vec<Id> {
    let flag = |flag| (a.flags ^ b.flags).contains(flag);
    let named = ServiceFlags::SCHED1
        | ServiceFlags::SCHED2
        | ServiceFlags::PERSISTENT
        | ServiceFlags::ONE_PACKET;
    let differs = [
        (Id::Key, a.key != b.key || !(a.flags ^ b.flags).difference(named).is_empty()),
        (Id::Scheduler, a.scheduler != b.scheduler),
        (Id::Fallback, flag(ServiceFlags::SCHED1)),
        (Id::HashPort, flag(ServiceFlags::SCHED2)),
        (Id::Persistent, flag(ServiceFlags::PERSISTENT)),
        (Id::OnePacket, flag(ServiceFlags::ONE_PACKET)),
        (Id::Timeout, a.timeout != b.timeout),
        (Id::Netmask, a.netmask != b.netmask),
        (Id::Engine, a.pe != b.pe),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(id, _)| id).collect()
}

fn server_differences(a: &Server, b: &Server) -> Vec<Id> {
    let bits = a.tunnel.flags ^ b.tunnel.flags;
    let named = Tunnel::CSUM | Tunnel::REMCSUM;
    let differs = [
        (Id::Key, a.key != b.key || bits & !named != 0),
        (Id::Forwarding, a.forwarding != b.forwarding),
        (Id::Weight, a.weight != b.weight),
        (Id::Upper, a.upper_threshold != b.upper_threshold),
        (Id::Lower, a.lower_threshold != b.lower_threshold),
        (Id::TunnelKind, a.tunnel.kind != b.tunnel.kind),
        (Id::TunnelPort, a.tunnel.port != b.tunnel.port),
        (Id::Checksum, bits & Tunnel::CSUM != 0),
        (Id::RemoteChecksum, bits & Tunnel::REMCSUM != 0),
    ];
    differs.into_iter().filter(|(_, differs)| *differs).map(|(id, _)| id).collect()
}

proptest! {
    #[test]
    fn an_edit_that_alters_nothing_changes_nothing(
        service in any_service(),
        server in any_server(),
        [tcp, tcp_fin, udp] in any::<[u32; 3]>(),
    ) {
        prop_assert_eq!(edit_service(service.clone()).plan(), Ok(None));
        let entry = entry(service, vec![server]);
        prop_assert_eq!(Form::edit_server(&entry, &entry.servers[0]).plan(), Ok(None));
        prop_assert_eq!(Form::timeouts(Timeouts { tcp, tcp_fin, udp }).plan(), Ok(None));
    }

    #[test]
    fn altering_a_field_of_a_service_alters_it_alone(
        mut before in any_service(),
        steps in 0..9_usize,
    ) {
        if let ServiceKey::Endpoint { port, .. } = &mut before.key {
            *port = (*port).max(1);
        }
        let mut form = edit_service(before.clone());
        (0..steps).for_each(|_| form.next(1));
        let id = alter(&mut form);
        let after = made_service(form);
        let mut found = service_differences(&before, &after);
        if id == Id::Persistent && before.timeout == 0 {
            found.retain(|id| *id != Id::Timeout); // ipvsadm's default comes with it
        }
        prop_assert_eq!(found, [id]);
    }

    #[test]
    fn altering_a_field_of_a_server_alters_it_alone(before in editable(), steps in 0..8_usize) {
        let mut form = edit_server(before.clone());
        (0..steps).for_each(|_| form.next(1));
        let id = alter(&mut form);
        prop_assume!(!(id == Id::Lower && before.lower_threshold == 0));
        prop_assume!(!(id == Id::Upper && before.lower_threshold > 2_147_483_646));
        let after = made_server(form);
        prop_assert_eq!(server_differences(&before, &after), [id]);
    }

    /// Whatever is typed, a form answers, and complains only where it can be seen.
    #[test]
    fn no_text_breaks_a_form(text in "\\PC{0,20}", steps in 0..12_usize, kind in 0..5_usize) {
        let entry = web();
        let mut form = match kind {
            0 => Form::add_service(Some(&entry.service), vec![entry.service.key]),
            1 => edit_service(entry.service.clone()),
            2 => Form::add_server(&entry),
            3 => edit_server(server("10.1.1.2:80")),
            _ => Form::timeouts(Timeouts::default()),
        };
        (0..steps).for_each(|_| form.next(1));
        text.chars().for_each(|c| form.typed(InputRequest::InsertChar(c)));
        if form.plan().is_err() {
            prop_assert!(form.fields[form.focus].wrong.is_some());
            prop_assert!(form.applies(form.focus));
        }
        for n in 0..form.fields.len() {
            form.note(n);
        }
    }
}
