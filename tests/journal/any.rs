//! Any record that a journal can hold.

use ipvs_tui::ipvs::*;
use ipvs_tui::journal::*;
use ipvs_tui::plan::Plan;
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) fn record() -> impl Strategy<Value = Record> {
    prop_oneof![
        intent().prop_map(|i| Record::Intent(Box::new(i))),
        (id(), any::<usize>(), outcome())
            .prop_map(|(id, index, outcome)| Record::Step(Box::new(Step { id, index, outcome }))),
        (id(), time(), any::<[u16; 4]>(), any::<String>()).prop_map(|(id, time, counts, note)| {
            let [made, already, refused, unknown] = counts.map(usize::from);
            let tally = Tally { made, already, refused, unknown };
            Record::End(End { id, time, tally, note })
        }),
        outside().prop_map(|o| Record::Outside(Box::new(o))),
        drain_started().prop_map(|d| Record::DrainStarted(Box::new(d))),
        (id(), time(), any::<String>(), 0..6_usize, left()).prop_map(
            |(id, time, note, how, left)| {
                use DrainEnd::*;
                let how = [Restored, Deleted, Kept, Cancelled, Outside, Other][how];
                Record::DrainEnded(DrainEnded { id, time, how, note, left })
            }
        ),
    ]
}

fn intent() -> impl Strategy<Value = Intent> {
    let kinds = [Kind::New, Kind::Undo, Kind::Redo, Kind::Drain, Kind::Restore, Kind::Other];
    let plan = (any::<String>(), vec(change(), 0..4));
    let plan = plan.prop_map(|(title, changes)| Plan { title, changes });
    let who = (operator(), any_scene(), any::<u32>());
    let links = (option::of(id()), option::of(id()), option::of(id()));
    (id(), time(), who, 0..kinds.len(), any::<String>(), links, plan).prop_map(
        move |(id, time, (operator, scene, pid), kind, reason, (undoes, drain, part_of), plan)| {
            Intent {
                id,
                time,
                operator,
                scene,
                pid,
                kind: kinds[kind],
                reason,
                undoes,
                drain,
                part_of,
                plan,
            }
        },
    )
}

fn outcome() -> impl Strategy<Value = StepOutcome> {
    prop_oneof![
        change().prop_map(|change| StepOutcome::Made { change }),
        Just(StepOutcome::Already),
        any::<String>().prop_map(|why| StepOutcome::Refused { why }),
        (change(), any::<String>()).prop_map(|(change, why)| StepOutcome::Unknown { change, why }),
    ]
}

fn outside() -> impl Strategy<Value = Outside> {
    let text = || option::of(any::<String>());
    let of = (option::of(service_key()), option::of(server_key()));
    (time(), any_scene(), of, any::<String>(), text(), text()).prop_map(
        |(time, scene, (service, server), field, before, after)| Outside {
            time,
            scene,
            service,
            server,
            field,
            before,
            after,
        },
    )
}

fn drain_started() -> impl Strategy<Value = DrainStarted> {
    let drained = (service_key(), server_key(), any::<u32>())
        .prop_map(|(service, server, weight)| Drained { service, server, weight });
    let texts = (any::<String>(), any::<String>());
    let end = (option::of(any::<u64>()), 0..3_usize);
    (id(), time(), operator(), any_scene(), texts, vec(drained, 0..4), end).prop_map(
        |(id, time, operator, scene, (target, reason), servers, (timeout_seconds, then))| {
            let then = [Then::Keep, Then::Restore, Then::Delete][then];
            DrainStarted {
                id,
                time,
                operator,
                scene,
                target,
                reason,
                servers,
                timeout_seconds,
                then,
            }
        },
    )
}

fn left() -> impl Strategy<Value = Left> {
    (any::<String>(), vec(any::<u64>(), 0..20)).prop_map(|(verdict, held)| Left { verdict, held })
}

fn id() -> impl Strategy<Value = Id> {
    "[0-9a-hjkmnp-tv-z]{1,12}".prop_map(|text| text.parse().unwrap())
}

fn time() -> impl Strategy<Value = Timestamp> {
    (-62_000_000_000_000_i64..250_000_000_000_000)
        .prop_map(|millis| Timestamp::from_millisecond(millis).unwrap())
}

fn operator() -> impl Strategy<Value = Operator> {
    let text = || option::of(any::<String>());
    (any::<u32>(), text(), text(), option::of(any::<u32>()), text(), text()).prop_map(
        |(uid, name, sudo_user, login_uid, tty, ssh_connection)| Operator {
            uid,
            name,
            sudo_user,
            login_uid,
            tty,
            ssh_connection,
        },
    )
}

fn any_scene() -> impl Strategy<Value = Scene> {
    let text = || option::of(any::<String>());
    (any::<String>(), text(), option::of(any::<u64>()), text()).prop_map(
        |(host, namespace, namespace_inode, boot_id)| Scene {
            host,
            namespace,
            namespace_inode,
            boot_id,
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let a_service = || option::of(any_service());
    let a_server = || option::of(any_server());
    let timeouts =
        || any::<[u32; 3]>().prop_map(|[tcp, tcp_fin, udp]| Timeouts { tcp, tcp_fin, udp });
    prop_oneof![
        (a_service(), a_service()).prop_map(|(before, after)| Change::Service { before, after }),
        (service_key(), a_server(), a_server())
            .prop_map(|(service, before, after)| Change::Server { service, before, after }),
        (timeouts(), timeouts()).prop_map(|(before, after)| Change::Timeouts { before, after }),
        option::of(daemon()).prop_map(|after| Change::Daemon { before: None, after }),
        any::<[String; 3]>().prop_map(|[name, before, after]| Change::Sysctl {
            name,
            before,
            after
        }),
        option::of(service_key()).prop_map(Change::Zero),
        Just(Change::Flush),
    ]
}

fn daemon() -> impl Strategy<Value = Daemon> {
    (any::<String>(), any::<u8>(), option::of(any::<u16>()), any::<bool>()).prop_map(
        |(interface, sync_id, port, master)| Daemon {
            role: if master { DaemonRole::Master } else { DaemonRole::Backup },
            interface,
            sync_id: sync_id.into(),
            max_len: port,
            group: None,
            group6: port.map(|p| std::net::Ipv6Addr::from(u128::from(p))),
            port,
            ttl: None,
        },
    )
}

fn addr() -> impl Strategy<Value = std::net::IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|a| std::net::Ipv4Addr::from(a).into()),
        any::<u128>().prop_map(|a| std::net::Ipv6Addr::from(a).into()),
    ]
}

fn service_key() -> impl Strategy<Value = ServiceKey> {
    prop_oneof![
        (any::<u16>(), addr(), any::<u16>()).prop_map(|(number, addr, port)| ServiceKey::endpoint(
            Protocol(number),
            addr,
            port
        )),
        (any::<bool>(), 1..=u32::MAX).prop_map(|(v6, mark)| {
            let family = if v6 { Family::V6 } else { Family::V4 };
            ServiceKey::Fwmark { family, mark }
        }),
    ]
}

fn server_key() -> impl Strategy<Value = ServerKey> {
    (addr(), any::<u16>()).prop_map(|(addr, port)| ServerKey::new(addr, port))
}

fn any_service() -> impl Strategy<Value = Service> {
    let engine = option::of(Just(PeName::new("sip").unwrap()));
    (service_key(), any::<u32>(), any::<u32>(), 1..=128_u8, engine).prop_map(
        |(key, flags, timeout, prefix, pe)| Service {
            key,
            scheduler: SchedulerName::new("mh").unwrap(),
            flags: ServiceFlags::from_bits_retain(flags),
            timeout,
            netmask: match key.family() {
                Family::V4 => Netmask::V4(u32::from(prefix).into()),
                Family::V6 => Netmask::V6(prefix),
            },
            pe,
        },
    )
}

fn any_server() -> impl Strategy<Value = Server> {
    let tunnel = (any::<u8>(), any::<u16>(), any::<u16>()).prop_map(|(kind, port, flags)| Tunnel {
        kind: TunnelKind::from_number(kind),
        port,
        flags,
    });
    (server_key(), any::<u32>(), any::<[u32; 3]>(), tunnel).prop_map(
        |(key, forwarding, [weight, upper_threshold, lower_threshold], tunnel)| Server {
            key,
            forwarding: Forwarding::from_number(forwarding),
            weight,
            upper_threshold,
            lower_threshold,
            tunnel,
        },
    )
}
