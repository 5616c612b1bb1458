//! What comes out is what went in.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::ipvs::{
    Counters, Daemon, DaemonRole, Family, Forwarding, Info, Netmask, PeName, Protocol, Rates,
    SchedulerName, Server, ServerKey, Service, ServiceFlags, ServiceKey, Stats, Timeouts, Tunnel,
    TunnelKind,
};
use crate::journal::{
    Act, Author, Book, DrainEnd, Ending, Kind, Operator, Scene, StepOutcome, Terms, Then,
};
use crate::plan::Plan;
use crate::record::codec::Codec;
use crate::record::coder::{Decoder, Encoder};
use crate::snapshot::{Known, Moment, Part, ServerEntry, ServiceEntry, Source, UnknownAttribute};

#[test]
fn every_scenario_comes_out_as_it_went_in() {
    for scenario in ["web", "dr-farm", "dns-udp", "incident", "big:20x5"] {
        let readings = readings(&director(scenario), 320);
        let bytes = recorded(&readings);
        let out: Vec<Snapshot> = played(bytes).iter().map(|s| (**s).clone()).collect();
        assert!(out == as_kept(&readings), "{scenario}");
    }
}

/// The figure that the format is made for; `cargo bench --bench record` tells it of a whole hour.
#[test]
fn an_hour_of_10_x_10_takes_less_than_two_megabytes() {
    let bytes = recorded(&readings(&director("big:10x10"), 600)).len();
    assert!(bytes * 6 < 1_500_000, "{} an hour", bytes * 6);
}

#[test]
fn what_is_no_snapshot_comes_out_where_it_was() {
    let director = director("incident");
    let readings = readings(&director, 6);
    let disk = Disk::default();
    let mut recorder = recorder(&disk, Limits::default());
    let machine = Machine {
        owners: Err("cannot look".into()),
        schedulers: Some(["rr".to_owned(), "wlc".to_owned()].into()),
        release: Some("6.1.0-13-amd64".into()),
    };
    let failed = Unreadable { time: readings[3].taken, why: "no".into() };
    let seen = theirs(&readings[1], 3);
    recorder.take(&Seen::Machine(machine.clone()));
    for (n, reading) in readings.iter().enumerate() {
        recorder.take(&Seen::Snapshot(Arc::clone(reading)));
        match n {
            1 => recorder.take(&Seen::Theirs(Arc::new(vec![seen.clone()]))),
            3 => recorder.take(&Seen::Unreadable(failed.clone())),
            4 => recorder.take(&Seen::Machine(machine.clone())),
            _ => {}
        }
    }
    drop(recorder);
    let recording = Recording::of(disk.bytes()).unwrap();
    let mut told = Vec::new();
    for step in recording.steps() {
        told.push(match step {
            Step::About(about) => about.name,
            Step::Snapshot(_) => "snapshot".into(),
            Step::Theirs(theirs) => theirs[0].to_string(),
            Step::Unreadable(failed) => failed.why,
            Step::Machine(machine) => machine.owners.unwrap_err(),
            Step::End => "end".into(),
            other => panic!("{other:?}"),
        });
    }
    let change = seen.to_string();
    let s = "snapshot";
    assert_eq!(
        told,
        ["demo", "cannot look", s, s, &change, s, s, "no", s, s, "end"],
        "what the machine tells again is not written again"
    );
    assert_eq!(recording.damages(), []);
}

#[test]
fn the_journal_comes_out_as_it_was_read() {
    let here = Scene { host: "lb1".into(), boot_id: Some("b".into()), ..Scene::default() };
    let operator = Operator { name: Some("alice".into()), ..Operator::default() };
    let mut second = 1_800_000_000;
    let clock = Box::new(move || {
        second += 1;
        jiff::Timestamp::from_second(second).unwrap()
    });
    let mut book = Book::in_memory(Author { operator, scene: here, pid: 7 }, clock);
    let readings = readings(&director("incident"), 8);
    let change = theirs(&readings[0], 0).change;
    let plan = || Plan { title: "quiesce".into(), changes: vec![change.clone()] };
    let disk = Disk::default();
    let mut recorder = recorder(&disk, Limits::default());
    let mut expected = Vec::new();
    let mut entry = None;
    let mut drain = None;
    for (n, reading) in readings.iter().enumerate() {
        recorder.take(&Seen::Snapshot(Arc::clone(reading)));
        match n {
            0 => {
                let terms = Terms {
                    target: "10.1.1.2".into(),
                    reason: "disks".into(),
                    servers: Vec::new(),
                    timeout_seconds: Some(60),
                    then: Then::Restore,
                };
                drain = Some(book.journal().drain_started(terms).unwrap());
                entry = Some(book.journal().begin(Act { drain, ..Act::new(plan()) }).unwrap());
            }
            2 => {
                let step = StepOutcome::Made { change: change.clone() };
                book.journal().step(entry.unwrap(), 0, step).unwrap();
                book.journal().end(entry.unwrap(), "").unwrap();
            }
            4 => {
                let act = Act { kind: Kind::Undo, undoes: entry, ..Act::new(plan()) };
                let undo = book.journal().begin(act).unwrap();
                let why = "a conflict".to_owned();
                book.journal().step(undo, 0, StepOutcome::Refused { why }).unwrap();
                book.journal().end(undo, "").unwrap();
            }
            6 => {
                book.journal()
                    .drain_ended(Ending::new(drain.unwrap(), DrainEnd::Kept), "")
                    .unwrap();
            }
            _ => continue,
        }
        let news = Arc::new(book.news(Vec::new()).unwrap());
        expected.push(Arc::clone(&news));
        recorder.take(&Seen::Journal(Arc::clone(&news)));
        recorder.take(&Seen::Journal(news)); // nothing new
    }
    drop(recorder);
    let recording = Recording::of(disk.bytes()).unwrap();
    let told: Vec<_> = recording
        .steps()
        .filter_map(|step| match step {
            Step::Journal(news) => Some(news),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 4);
    for (told, expected) in told.iter().zip(&expected) {
        let plain = |news: &crate::journal::News| {
            let mut history = news.history.clone();
            history.lines = 0;
            // Lines are those of another file.
            history.entries.iter_mut().for_each(|e| e.line = 0);
            history.drains.iter_mut().for_each(|d| d.line = 0);
            (history, news.scene.clone())
        };
        assert_eq!(plain(told), plain(expected));
    }
}

fn addr() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0..4_u8).prop_map(|n| IpAddr::from([10, 0, 0, n])),
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
    ]
}

fn key() -> impl Strategy<Value = ServiceKey> {
    prop_oneof![
        (any::<u16>(), addr(), 0..3_u16).prop_map(|(p, addr, port)| ServiceKey::endpoint(
            Protocol(p),
            addr,
            port
        )),
        (any::<bool>(), 1..4_u32).prop_map(|(v6, mark)| ServiceKey::Fwmark {
            family: if v6 { Family::V6 } else { Family::V4 },
            mark,
        }),
    ]
}

fn stats() -> impl Strategy<Value = Option<Stats>> {
    let number = || prop_oneof![0..5_u64, any::<u64>()];
    let five = move || (number(), number(), number(), number(), number());
    prop::option::of((five(), five()).prop_map(|(c, r)| Stats {
        counters: Counters {
            connections: c.0,
            in_packets: c.1,
            out_packets: c.2,
            in_bytes: c.3,
            out_bytes: c.4,
        },
        rates: Rates {
            connections: r.0,
            in_packets: r.1,
            out_packets: r.2,
            in_bytes: r.3,
            out_bytes: r.4,
        },
    }))
}

fn unknown() -> impl Strategy<Value = Vec<UnknownAttribute>> {
    let one = (any::<u16>(), prop::collection::vec(any::<u8>(), 0..4))
        .prop_map(|(number, bytes)| UnknownAttribute { number, bytes });
    prop::collection::vec(one, 0..2)
}

fn server() -> impl Strategy<Value = ServerEntry> {
    let tunnel = (any::<u8>(), any::<u16>(), any::<u16>()).prop_map(|(kind, port, flags)| Tunnel {
        kind: TunnelKind::from_number(kind),
        port,
        flags,
    });
    let config = (addr(), 0..3_u16, any::<u32>(), any::<u32>(), any::<(u32, u32)>(), tunnel);
    let state = (any::<u32>(), any::<u32>(), any::<Option<u32>>(), stats(), unknown());
    (config, state).prop_map(|((addr, port, fwd, weight, thresholds, tunnel), state)| {
        let (active, inactive, persistent, stats, unknown) = state;
        let key = ServerKey::new(addr, port);
        let server = Server {
            upper_threshold: thresholds.0,
            lower_threshold: thresholds.1,
            tunnel,
            ..Server::new(key, Forwarding::from_number(fwd), weight)
        };
        ServerEntry { server, active, inactive, persistent, stats, unknown }
    })
}

fn service() -> impl Strategy<Value = ServiceEntry> {
    let config = (
        key(),
        "[a-z]{1,15}",
        any::<u32>(),
        any::<u32>(),
        any::<u32>(),
        prop::option::of("[a-z]{1,15}"),
    );
    let servers = prop::collection::vec(server(), 0..4);
    let rest = (any::<bool>(), stats(), servers, 0..3_000_000_u64, unknown());
    (config, rest).prop_map(|((key, scheduler, flags, timeout, mask, pe), rest)| {
        let (whole, stats, mut servers, read, unknown) = rest;
        servers.sort_by_key(|s| s.server.key);
        servers.dedup_by_key(|s| s.server.key);
        let netmask = match key.family() {
            Family::V4 => Netmask::V4(std::net::Ipv4Addr::from_bits(mask)),
            Family::V6 => Netmask::V6(mask as u8),
        };
        let service = Service {
            flags: ServiceFlags::from_bits_retain(flags),
            timeout,
            netmask,
            pe: pe.map(|pe| PeName::new(&pe).unwrap()),
            ..Service::new(key, SchedulerName::new(&scheduler).unwrap())
        };
        ServiceEntry {
            service,
            known: if whole { Known::Whole } else { Known::Listed },
            stats,
            servers: servers.into(),
            servers_read: Moment(Duration::from_micros(read)),
            unknown,
        }
    })
}

fn part<T: Clone + std::fmt::Debug>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Part<T>> {
    (0..3, value, 0..9_000_u64, "[a-z ]{0,9}").prop_map(|(kind, value, read, why)| match kind {
        0 => Part::Fresh(value),
        1 => Part::Stale { value, read: Moment(Duration::from_micros(read)) },
        _ => Part::Unreadable(why),
    })
}

fn daemons() -> impl Strategy<Value = Vec<Daemon>> {
    let one =
        (any::<bool>(), "[a-z]{0,15}", any::<u32>(), any::<Option<u16>>(), any::<[bool; 4]>());
    let one = one.prop_map(|(backup, interface, sync_id, max_len, has)| Daemon {
        role: if backup { DaemonRole::Backup } else { DaemonRole::Master },
        interface,
        sync_id,
        max_len,
        group: has[0].then(|| [224, 0, 0, 81].into()),
        group6: has[1].then(|| "ff02::51".parse().unwrap()),
        port: has[2].then_some(8_848),
        ttl: has[3].then_some(1),
    });
    prop::collection::vec(one, 0..3)
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    let times = (any::<i32>(), 0..3_000_000_u64, 0..5_000_u64, 0..3_usize);
    let around = (
        part((any::<u32>(), any::<u32>())),
        stats(),
        part(any::<(u32, u32, u32)>()),
        part(daemons()),
        part(prop::collection::btree_map("[a-z_]{0,9}", "[0-9\t]{0,3}", 0..4)),
    );
    (times, around, prop::collection::vec(service(), 0..4)).prop_map(
        |((taken, at, took, source), (info, totals, timeouts, daemons, sysctls), services)| {
            let mut services = services;
            services.sort_by_key(|s| s.service.key);
            services.dedup_by_key(|s| s.service.key);
            let info = match info {
                Part::Fresh((version, conn_tab_size)) => {
                    Part::Fresh(Info { version, conn_tab_size })
                }
                Part::Stale { value: (version, conn_tab_size), read } => {
                    Part::Stale { value: Info { version, conn_tab_size }, read }
                }
                Part::Unreadable(why) => Part::Unreadable(why),
            };
            let of = |(tcp, tcp_fin, udp)| Timeouts { tcp, tcp_fin, udp };
            let timeouts = match timeouts {
                Part::Fresh(three) => Part::Fresh(of(three)),
                Part::Stale { value, read } => Part::Stale { value: of(value), read },
                Part::Unreadable(why) => Part::Unreadable(why),
            };
            Snapshot {
                taken: jiff::Timestamp::from_second(taken.into()).unwrap(),
                at: Moment(Duration::from_micros(at)),
                took: Duration::from_micros(took),
                source: [Source::Netlink, Source::Proc, Source::Demo][source],
                info,
                totals: totals.map_or_else(|| Part::Unreadable("none".into()), Part::Fresh),
                timeouts,
                daemons,
                sysctls,
                services,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever a kernel may say, one after the other, in any order.
    #[test]
    fn any_snapshots_come_out_as_they_went_in(all in prop::collection::vec(snapshot(), 1..5)) {
        let (mut into, mut out) = (Codec::new(), Codec::new());
        for snapshot in all {
            let mut encoder = Encoder::new(Vec::new());
            into.pass(&mut encoder, Some(snapshot.clone())).unwrap();
            let bytes = encoder.finish();
            let read = out.pass(&mut Decoder::new(&bytes), None).unwrap();
            prop_assert_eq!((*read).clone(), kept(snapshot));
        }
    }

    /// Whatever is read, it ends, with a snapshot or a flaw.
    #[test]
    fn noise_is_read_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut codec = Codec::new();
        let mut decoder = Decoder::new(&bytes);
        while codec.pass(&mut decoder, None).is_ok() {}
    }
}
