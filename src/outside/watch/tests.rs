use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::ipvs::{
    Daemon, DaemonRole, Forwarding, Netmask, SchedulerName, Server, Service, ServiceFlags,
    ServiceKey,
};
use crate::journal::{Act, Author, Book, Scene, StepOutcome};
use crate::kernel::{Reader, Want, Writer, sim};
use crate::outside::by;
use crate::plan::Plan;
use crate::snapshot::{Known, Moment, Part, ServerEntry, ServiceEntry, Source};

fn key(n: u8) -> ServiceKey {
    format!("TCP 10.0.0.{n}:80").parse().unwrap()
}

fn server(n: u8, weight: u32) -> Server {
    Server::new(format!("10.1.{n}.2:80").parse().unwrap(), Forwarding::Masq, weight)
}

fn service(n: u8) -> Service {
    Service::new(key(n), SchedulerName::new("wlc").unwrap())
}

fn at(second: u64) -> Moment {
    Moment(Duration::from_secs(second))
}

fn clock(second: u64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + i64::try_from(second).unwrap()).unwrap()
}

/// A reading of these services.
fn reading(second: u64, services: &[(Service, Vec<Server>)]) -> Snapshot {
    let entry = |(service, servers): &(Service, Vec<Server>)| ServiceEntry {
        service: service.clone(),
        known: Known::Whole,
        stats: None,
        servers: servers
            .iter()
            .map(|server| ServerEntry {
                server: server.clone(),
                active: 0,
                inactive: 0,
                persistent: None,
                stats: None,
                unknown: Vec::new(),
            })
            .collect(),
        servers_read: at(second),
        unknown: Vec::new(),
    };
    let not = || "not here".to_owned();
    Snapshot {
        taken: clock(second),
        at: at(second),
        took: Duration::ZERO,
        source: Source::Netlink,
        info: Part::Unreadable(not()),
        totals: Part::Unreadable(not()),
        timeouts: Part::Unreadable(not()),
        daemons: Part::Unreadable(not()),
        sysctls: Part::Unreadable(not()),
        services: services.iter().map(entry).collect(),
    }
}

fn told(changes: &[Change]) -> Vec<String> {
    changes.iter().map(ToString::to_string).collect()
}

const FIRST: &str = "real server 10.1.1.2:80 of TCP 10.0.0.1:80";

#[test]
fn what_others_did_is_told_with_old_and_new_value() {
    let mut watch = Watch::default();
    let table = [(service(1), vec![server(1, 10), server(2, 10)]), (service(2), vec![])];
    assert_eq!(watch.look(&reading(0, &table)), [], "the first reading is the measure");
    assert_eq!(watch.look(&reading(1, &table)), []);
    let limited = Server { upper_threshold: 90, ..server(1, 3) };
    let sh = Service { scheduler: SchedulerName::new("sh").unwrap(), ..service(1) };
    let table = [(sh, vec![limited, server(3, 7)])];
    assert_eq!(
        told(&watch.look(&reading(2, &table))),
        [
            "service TCP 10.0.0.1:80: scheduler wlc -> sh",
            &format!("{FIRST}: weight 10 -> 3, upper threshold 0 -> 90"),
            "delete real server 10.1.2.2:80 of TCP 10.0.0.1:80",
            "add real server 10.1.3.2:80 of TCP 10.0.0.1:80",
            "delete service TCP 10.0.0.2:80",
        ]
    );
    assert_eq!(watch.look(&reading(3, &table)), [], "it is told once");
}

#[test]
fn own_changes_are_not_told() {
    let mut watch = Watch::default();
    let ours = Change::weight(key(1), &server(1, 10), 0);
    watch.made(&ours); // before the first reading
    watch.look(&reading(0, &[(service(1), vec![server(1, 10)])]));
    watch.made(&ours);
    watch.made(&Change::Service { before: None, after: Some(service(2)) });
    let add = |after| Change::Server { service: key(2), before: None, after: Some(after) };
    watch.made(&add(server(5, 1)));
    let now = [(service(1), vec![server(1, 0)]), (service(2), vec![server(5, 1)])];
    assert_eq!(watch.look(&reading(1, &now)), []);
    watch.made(&Change::Service { before: Some(service(2)), after: None });
    assert_eq!(watch.look(&reading(2, &now[..1])), [], "its server goes along");
    watch.made(&Change::Flush);
    assert_eq!(watch.look(&reading(3, &[])), []);
}

/// keepalived moves the weight before an own change, and again after it.
#[test]
fn what_happens_around_an_own_change_is_told() {
    let mut watch = Watch::default();
    watch.look(&reading(0, &[(service(1), vec![server(1, 10)])]));
    let found = Server { upper_threshold: 5, ..server(1, 10) };
    watch.made(&Change::weight(key(1), &found, 0));
    let now = Server { upper_threshold: 5, ..server(1, 10) };
    assert_eq!(
        told(&watch.look(&reading(1, &[(service(1), vec![now])]))),
        [format!("{FIRST}: upper threshold 0 -> 5"), format!("{FIRST}: weight 0 -> 10")]
    );
}

#[test]
fn what_was_sent_without_an_answer_is_ours_if_it_shows() {
    let mut watch = Watch::default();
    let table = |weight| [(service(1), vec![server(1, weight), server(2, 1)])];
    watch.look(&reading(0, &table(10)));
    watch.sent(&Change::weight(key(1), &server(1, 10), 3));
    assert_eq!(watch.look(&reading(1, &table(3))), []);
    watch.sent(&Change::weight(key(1), &server(1, 3), 4));
    let seen = told(&watch.look(&reading(2, &table(9))));
    assert_eq!(seen, [format!("{FIRST}: weight 3 -> 9")]);
    // A server of a service that came since the last reading.
    watch.made(&Change::weight(key(7), &server(1, 8), 3));
    let [one] = table(9);
    let now = [one, (service(7), vec![server(1, 3)])];
    let seen = told(&watch.look(&reading(3, &now)));
    assert_eq!(seen.len(), 2, "the service, and the server that nobody here has added: {seen:?}");
}

/// Of a large table most is carried over from one reading to the next.
#[test]
fn what_was_carried_over_is_not_compared() {
    let mut watch = Watch::default();
    watch.look(&reading(0, &[(service(1), vec![server(1, 10)])]));
    let limited = Server { upper_threshold: 90, ..server(1, 10) };
    let (before, after) = (Some(server(1, 10)), Some(limited.clone()));
    watch.made(&Change::Server { service: key(1), before, after });
    let mut tick = reading(1, &[(service(1), vec![server(1, 10)])]);
    tick.services[0].servers_read = at(0);
    assert_eq!(watch.look(&tick), [], "the threshold of the last reading");
    let moved = Server { weight: 4, ..limited };
    let read = reading(2, &[(service(1), vec![moved])]);
    assert_eq!(told(&watch.look(&read)), [format!("{FIRST}: weight 10 -> 4")]);
}

#[test]
fn what_a_listing_does_not_tell_is_not_compared() {
    let sticky = Service {
        flags: ServiceFlags::PERSISTENT | ServiceFlags::SCHED1,
        timeout: 300,
        scheduler: SchedulerName::new("sh").unwrap(),
        ..service(1)
    };
    let limited = Server { upper_threshold: 90, ..server(1, 10) };
    let mut watch = Watch::default();
    watch.look(&reading(0, &[(sticky.clone(), vec![limited.clone()])]));
    // As /proc tells it.
    let flags = ServiceFlags::PERSISTENT;
    let bare = Service { flags, timeout: 0, ..sticky.clone() };
    let mut listed = reading(1, &[(bare, vec![server(1, 10)])]);
    listed.services[0].known = Known::Listed;
    assert_eq!(watch.look(&listed), []);
    listed.services[0].service.netmask = Netmask::V4([255, 255, 255, 0].into());
    listed.services[0].servers[0].server.weight = 0;
    listed.services[0].servers_read = at(2);
    let seen = told(&watch.look(&listed));
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[1], format!("{FIRST}: weight 10 -> 0"));
    let mask = Netmask::V4([255, 255, 255, 0].into());
    let table = [(Service { netmask: mask, ..sticky }, vec![Server { weight: 0, ..limited }])];
    assert_eq!(watch.look(&reading(2, &table)), [], "and read whole again");
}

#[test]
fn surroundings_are_compared_when_they_are_read() {
    let mut watch = Watch::default();
    let with = |second, tcp, daemons: &[Daemon], sysctl: &[(&str, &str)]| {
        let mut snapshot = reading(second, &[]);
        snapshot.timeouts = Part::Fresh(Timeouts { tcp, tcp_fin: 120, udp: 300 });
        snapshot.daemons = Part::Fresh(daemons.to_vec());
        let all = sysctl.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        snapshot.sysctls = Part::Fresh(all.collect());
        snapshot
    };
    let master = Daemon {
        role: DaemonRole::Master,
        interface: "eth0".into(),
        sync_id: 1,
        max_len: None,
        group: None,
        group6: None,
        port: None,
        ttl: None,
    };
    let sysctls = [("conntrack", "0"), ("drop_entry", "1")];
    watch.look(&with(0, 900, &[], &sysctls));
    let mut stale = with(1, 60, &[], &sysctls);
    stale.timeouts = Part::Stale { value: Timeouts { tcp: 60, tcp_fin: 0, udp: 0 }, read: at(0) };
    assert_eq!(watch.look(&stale), []);
    let moved = [("conntrack", "1"), ("drop_entry", "2"), ("new", "7")];
    assert_eq!(
        told(&watch.look(&with(2, 600, std::slice::from_ref(&master), &moved))),
        [
            "the protocol timeouts: tcp 900 -> 600",
            "start the master sync daemon",
            "sysctl net.ipv4.vs.conntrack: 0 -> 1",
        ],
        "the kernel moves drop_entry by itself"
    );
    // Own ones, of which 0 keeps a timeout and the kernel fills in what was left open.
    let (before, after) = (Timeouts { tcp: 600, tcp_fin: 120, udp: 300 }, Timeouts::default());
    watch.made(&Change::Timeouts { before, after: Timeouts { udp: 30, ..after } });
    watch.made(&Change::Daemon { before: None, after: Some(master.clone()) });
    let (name, before, after) = ("conntrack".to_owned(), "1".to_owned(), "0".to_owned());
    watch.made(&Change::Sysctl { name, before, after });
    let mut now = with(3, 600, &[Daemon { max_len: Some(1472), ..master }], &sysctls);
    now.timeouts = Part::Fresh(Timeouts { tcp: 600, tcp_fin: 120, udp: 30 });
    assert_eq!(watch.look(&now), []);
}

/// What another program wrote into the shared journal is told as its doing.
#[test]
fn another_program_is_known_by_its_journal() {
    let here = Scene { host: "lb1".into(), boot_id: Some("b".into()), ..Scene::default() };
    let author = |pid| {
        let operator =
            crate::journal::Operator { name: Some("alice".into()), ..Default::default() };
        Author { operator, scene: here.clone(), pid }
    };
    let mut book = Book::in_memory(author(77), Box::new(|| clock(10)));
    let weight = |to| Change::weight(key(1), &server(1, 10), to);
    let plan = Plan { title: "quiesce".into(), changes: vec![weight(0)] };
    let id = book.journal().begin(Act::new(plan)).unwrap();
    let look = |history: &_, change: &Change, (since, until)| {
        let by = by(change, history, &here, 1, (clock(since), clock(until)));
        by.map(|by| by.to_string())
    };
    // Under way: only the intent is written.
    let history = book.history().unwrap();
    assert_eq!(look(&history, &weight(0), (9, 10)), Some(format!("alice, {id}")));
    assert_eq!(look(&history, &weight(3), (9, 10)), None, "another value");
    assert_eq!(look(&history, &weight(0), (3, 4)), None, "seen before it was begun");
    let step = StepOutcome::Made { change: weight(0) };
    book.journal().step(id, 0, step).unwrap();
    book.journal().end(id, "").unwrap();
    let history = book.history().unwrap();
    assert_eq!(look(&history, &weight(0), (9, 11)), Some(format!("alice, {id}")));
    assert_eq!(look(&history, &weight(0), (60, 61)), None, "long after it was through");
    let own = by(&weight(0), &history, &here, 77, (clock(9), clock(11)));
    assert_eq!(own, None, "this process knows better what it made");
    assert!(clock(0).duration_since(clock(1)) < SignedDuration::ZERO);
}

/// On the embedded director, through the same readings as the console's.
#[test]
fn the_bad_day_of_the_demo_is_told() {
    let step = sim::Clock::Step(Duration::from_secs(1));
    let director = sim::Director::open(sim::Scenario::Incident, 1, step);
    let (mut reader, mut writer) = (director.reader(), director.writer());
    let (mut watch, mut seen) = (Watch::default(), Vec::new());
    let mut own = 0;
    for second in 0..120 {
        if second == 60 {
            let snapshot = reader.snapshot(&Want::everything()).unwrap();
            seen.extend(watch.look(&snapshot));
            let entry = &snapshot.services[0];
            let change = Change::weight(entry.service.key, &entry.servers[1].server, 5);
            writer.apply(&change).unwrap();
            watch.made(&change);
            own += 1;
        }
        seen.extend(watch.look(&reader.snapshot(&Want::everything()).unwrap()));
    }
    let count = |text: &str| seen.iter().filter(|c| c.to_string().contains(text)).count();
    assert_eq!(own, 1);
    assert_eq!(count("delete real server 10.1.3.2"), 2, "{:#?}", told(&seen));
    assert_eq!(count("add real server 10.1.3.2"), 2);
    assert_eq!(count("real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight"), 2);
    let flaps = count("real server 10.1.4.2:80 of TCP 10.0.0.1:80: weight");
    assert!((16..=18).contains(&flaps), "{flaps}");
    assert_eq!(seen.len(), 6 + flaps);
}

/// One write between two readings: whose it is, to which server, weight or threshold.
#[derive(Clone, Debug)]
struct Write {
    ours: bool,
    server: u8,
    weighs: bool,
    value: u32,
}

fn write() -> impl Strategy<Value = Write> {
    (any::<bool>(), 0..3_u8, any::<bool>(), 0..3_u32)
        .prop_map(|(ours, server, weighs, value)| Write { ours, server, weighs, value })
}

proptest! {
    /// However own writes and those of others mix between readings: what is told is, for each
    /// server, what others came to between one look at it and the next, an own write being a look.
    #[test]
    fn nothing_of_others_is_missed_and_nothing_own_is_told(
        rounds in prop::collection::vec(prop::collection::vec(write(), 0..8), 1..6)
    ) {
        let mut table: BTreeMap<u8, Server> = (0..3).map(|n| (n, server(n, 1))).collect();
        let mut watch = Watch::default();
        let now = |table: &BTreeMap<u8, Server>, second| {
            reading(second, &[(service(1), table.values().cloned().collect())])
        };
        watch.look(&now(&table, 0));
        for (second, round) in (1..).zip(rounds) {
            let mut last_look = table.clone();
            let mut expected = Vec::new();
            let change = |before: &Server, after: &Server| Change::Server {
                service: key(1),
                before: Some(before.clone()),
                after: Some(after.clone()),
            };
            for write in round {
                let held = table.get_mut(&write.server).unwrap();
                let before = held.clone();
                if write.weighs { held.weight = write.value } else { held.upper_threshold = write.value }
                if write.ours {
                    let looked = last_look.insert(write.server, held.clone()).unwrap();
                    if looked != before {
                        expected.push(change(&looked, &before));
                    }
                    watch.made(&change(&before, held));
                }
            }
            for (n, held) in &table {
                if last_look[n] != *held {
                    expected.push(change(&last_look[n], held));
                }
            }
            prop_assert_eq!(watch.look(&now(&table, second)), expected);
        }
    }
}
