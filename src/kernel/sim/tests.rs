//! The embedded director as a whole. What it shares with a real kernel is tested in
//! `tests/contract.rs`, on both.

use std::collections::BTreeMap;

use super::*;
use crate::ipvs::{Forwarding, Server, ServerKey, Service, ServiceFlags, Stats};
use crate::snapshot::{Part, Source};

const SCENARIOS: [&str; 6] = ["web", "dr-farm", "dns-udp", "incident", "big:60x8", "empty"];

fn open(scenario: &str, clock: Clock) -> Director {
    Director::open(scenario.parse().unwrap(), 42, clock)
}

fn look(director: &Director) -> Snapshot {
    director.reader().snapshot(&Want::everything()).unwrap()
}

fn second() -> Clock {
    Clock::Step(Duration::from_secs(1))
}

fn sum(stats: impl Iterator<Item = Stats>) -> crate::ipvs::Counters {
    stats.fold(crate::ipvs::Counters::default(), |mut sum, stats| {
        sum.connections += stats.counters.connections;
        sum.in_packets += stats.counters.in_packets;
        sum.out_packets += stats.counters.out_packets;
        sum.in_bytes += stats.counters.in_bytes;
        sum.out_bytes += stats.counters.out_bytes;
        sum
    })
}

#[test]
fn the_same_seed_and_steps_show_the_same_bytes() {
    for name in SCENARIOS {
        let tell = |seed| {
            let director = Director::open(name.parse().unwrap(), seed, second());
            let snapshots: Vec<Snapshot> = (0..20).map(|_| look(&director)).collect();
            (serde_json::to_string(&snapshots).unwrap(), director.connections())
        };
        assert_eq!(tell(7), tell(7), "{name}");
        if name != "empty" {
            assert_ne!(tell(7).0, tell(8).0, "{name}");
        }
    }
}

/// Whatever the steps of looking, the same time brings the same state.
#[test]
fn looking_more_often_changes_nothing() {
    let (one, many) = (open("incident", Clock::Manual), open("incident", Clock::Manual));
    one.advance(Duration::from_secs(90));
    for _ in 0..900 {
        many.advance(Duration::from_millis(100));
        look(&many);
    }
    assert_eq!(look(&one), look(&many));
}

#[test]
fn a_director_opens_at_work() {
    for name in SCENARIOS.into_iter().filter(|name| *name != "empty") {
        let snapshot = look(&open(name, Clock::Manual));
        assert_eq!(snapshot.source, Source::Demo);
        assert_eq!(snapshot.at, Moment(Duration::ZERO));
        for service in &snapshot.services {
            let stats = service.stats.unwrap();
            assert!(stats.rates.connections > 0, "{name}: {}", service.service.key);
            assert!(stats.counters.in_bytes > stats.rates.in_bytes * 60, "{name}");
        }
        let Part::Fresh(totals) = snapshot.totals else { panic!("totals") };
        assert!(totals.counters.connections > 10_000, "{name}: {totals:?}");
    }
}

/// A service's counters are its servers' sum, and the whole is the services' sum.
#[test]
fn counters_add_up() {
    for name in ["web", "dr-farm", "dns-udp", "big:60x8"] {
        let director = open(name, second());
        for _ in 0..30 {
            let snapshot = look(&director);
            let services = snapshot.services.iter();
            for service in services.clone() {
                let servers = service.servers.iter().map(|server| server.stats.unwrap());
                assert_eq!(sum(servers), service.stats.unwrap().counters, "{name}");
            }
            let all = sum(services.map(|service| service.stats.unwrap()));
            assert_eq!(snapshot.totals.get().unwrap().counters, all, "{name}");
        }
    }
}

/// Every connection that is counted is in the table, and the other way round.
#[test]
fn counts_are_the_rows_of_the_table() {
    for name in ["web", "dr-farm", "dns-udp", "incident"] {
        let director = open(name, Clock::Manual);
        for _ in 0..12 {
            director.advance(Duration::from_secs(11));
            let snapshot = look(&director);
            let mut rows: BTreeMap<(bool, ServerKey), u32> = BTreeMap::new();
            let mut unused: BTreeMap<IpAddr, u32> = BTreeMap::new();
            for row in director.connections() {
                if row.template && row.server.port == u16::MAX {
                    *unused.entry(row.server.addr).or_default() += 1;
                } else {
                    *rows.entry((row.template, row.server)).or_default() += 1;
                }
            }
            let mut known = 0;
            for server in snapshot.services.iter().flat_map(|service| &service.servers) {
                let key = server.server.key;
                if key.port == 0 {
                    continue;
                }
                let row = |template| rows.get(&(template, key)).copied().unwrap_or(0);
                let same = snapshot.services.iter().flat_map(|service| &service.servers);
                let same = same.filter(|other| other.server.key == key);
                let counted: u32 = same.map(|s| s.active + s.inactive).sum();
                assert_eq!(row(false), counted, "{name}: {key}");
                // An unused template still counts; which service it was of, its row does not say.
                let templates = row(true)..=row(true) + unused.get(&key.addr).unwrap_or(&0);
                assert!(templates.contains(&server.persistent.unwrap()), "{name}: {key}");
                known += counted;
            }
            assert!(known > 0, "{name}");
        }
    }
}

#[test]
fn active_connections_follow_their_states() {
    let director = open("web", Clock::Manual);
    let snapshot = look(&director);
    let rows = director.connections();
    let active = |row: &&Connection| {
        !row.template && matches!(row.state.as_str(), "ESTABLISHED" | "SYN_RECV" | "SYN_SENT")
    };
    let shown: u64 = snapshot.services.iter().map(ServiceEntry::active).sum();
    assert_eq!(rows.iter().filter(active).count() as u64, shown);
    assert!(shown > 300, "{shown}");
}

#[test]
fn web_shows_a_server_that_empties() {
    let director = open("web", Clock::Manual);
    let entry = |director: &Director| {
        let snapshot = look(director);
        let service = snapshot.service(&"TCP 10.0.0.1:80".parse().unwrap()).unwrap();
        service.server(&"10.1.2.2:80".parse().unwrap()).unwrap().clone()
    };
    let first = entry(&director);
    assert_eq!(first.server.weight, 0);
    assert!(first.active > 0, "somebody is left: {first:?}");
    director.advance(Duration::from_secs(60));
    let later = entry(&director);
    assert!(later.active < first.active && later.inactive < first.inactive, "{later:?}");
    assert_eq!(
        later.stats.unwrap().counters.connections,
        first.stats.unwrap().counters.connections
    );
    director.advance(Duration::from_secs(400));
    assert_eq!((entry(&director).active, entry(&director).inactive), (0, 0));
}

#[test]
fn direct_routing_shows_no_replies_and_masquerading_does() {
    let farm = look(&open("dr-farm", Clock::Manual));
    for service in &farm.services {
        let counters = service.stats.unwrap().counters;
        assert!(counters.in_packets > 0 && counters.out_packets == 0, "{counters:?}");
    }
    let states: Vec<String> = open("dr-farm", Clock::Manual)
        .connections()
        .into_iter()
        .map(|row| row.state.to_string())
        .collect();
    assert!(states.iter().any(|state| state == "FIN_WAIT"));
    assert!(!states.iter().any(|state| state == "TIME_WAIT"));
    let web = look(&open("web", Clock::Manual));
    let http = web.service(&"TCP 10.0.0.1:80".parse().unwrap()).unwrap();
    assert!(http.stats.unwrap().counters.out_bytes > http.stats.unwrap().counters.in_bytes);
}

#[test]
fn in_one_packet_mode_every_packet_is_a_connection_and_none_lingers() {
    let director = open("dns-udp", Clock::Manual);
    director.advance(Duration::from_secs(30));
    let snapshot = look(&director);
    let ops = snapshot.service(&"UDP 192.0.2.53:53".parse().unwrap()).unwrap();
    let counters = ops.stats.unwrap().counters;
    assert_eq!(counters.connections, counters.in_packets);
    assert_eq!((ops.active(), ops.inactive()), (0, 0));
    let flows = snapshot.service(&"UDP 10.0.0.53:53".parse().unwrap()).unwrap();
    assert_eq!(flows.active(), 0, "UDP is never active");
    assert!(flows.inactive() > 1_000);
}

#[test]
fn the_incident_has_its_stages() {
    let director = open("incident", second());
    let key: ServiceKey = "TCP 10.0.0.1:80".parse().unwrap();
    let sick: ServerKey = "10.1.3.2:80".parse().unwrap();
    let flapping: ServerKey = "10.1.4.2:80".parse().unwrap();
    let (mut gone, mut back, mut piled, mut weights) = (0, 0, 0, BTreeMap::new());
    for _ in 0..240 {
        let snapshot = look(&director);
        match snapshot.server(&key, &sick) {
            None => gone += 1,
            Some(_) if gone > 0 => back += 1,
            Some(_) => (),
        }
        let opening = director.connections();
        let opening = opening.iter().filter(|row| row.state.as_str() == "SYN_RECV");
        piled = piled.max(opening.filter(|row| row.server.addr == sick.addr).count());
        let weight = snapshot.server(&key, &flapping).unwrap().server.weight;
        *weights.entry(weight).or_insert(0) += 1;
    }
    assert!((100..140).contains(&gone), "out for 59 s of every 120: {gone}");
    assert!(back > 30, "{back}");
    assert!(piled > 20, "opening connections pile up: {piled}");
    assert_eq!(weights.keys().copied().collect::<Vec<_>>(), [2, 10]);
}

#[test]
fn an_operators_change_moves_the_clients() {
    let director = open("web", Clock::Manual);
    let key: ServiceKey = "TCP 10.0.0.1:80".parse().unwrap();
    let server: ServerKey = "10.1.1.2:80".parse().unwrap();
    let connections = |director: &Director| {
        let snapshot = look(director);
        let entry = snapshot.server(&key, &server).unwrap().clone();
        (entry.stats.unwrap().counters.connections, entry.server)
    };
    let (_, before) = connections(&director);
    director.writer().apply(&Change::weight(key, &before, 0)).unwrap();
    director.advance(Duration::from_secs(2));
    let (drained, _) = connections(&director);
    director.advance(Duration::from_secs(20));
    let (still, now) = connections(&director);
    assert_eq!(still, drained);
    director.writer().apply(&Change::weight(key, &now, 10)).unwrap();
    director.advance(Duration::from_secs(20));
    assert!(connections(&director).0 > still + 100, "wlc sends everybody to the empty one");
}

/// While another scheduler is bound, new connections are refused.
#[test]
fn a_scheduler_switch_takes_its_time() {
    let director = open("empty", Clock::Manual);
    let key: ServiceKey = "TCP 10.0.0.1:80".parse().unwrap();
    let mut writer = director.writer();
    let before = Service::new(key, "rr".to_owned().try_into().unwrap());
    let after = Service { scheduler: "wlc".to_owned().try_into().unwrap(), ..before.clone() };
    writer.apply(&Change::Service { before: None, after: Some(before.clone()) }).unwrap();
    let at = look(&director).at;
    writer.apply(&Change::Service { before: Some(before), after: Some(after) }).unwrap();
    assert_eq!(look(&director).at.since(at), Duration::from_millis(8));
}

#[test]
fn quiesced_crowds_shrink() {
    let director = open("big:5x4", Clock::Manual);
    let snapshot = look(&director);
    let sh = snapshot.services.iter().find(|s| s.service.scheduler.as_str() == "sh").unwrap();
    let (key, server) = (sh.service.key, sh.servers[0].server.clone());
    director.writer().apply(&Change::weight(key, &server, 0)).unwrap();
    director.advance(Duration::from_secs(2));
    let count = |director: &Director| {
        let entry = director.reader().service(&key).unwrap().unwrap();
        let drained = entry.server(&server.key).unwrap().clone();
        (drained.stats.unwrap().counters.connections, drained.active + drained.inactive)
    };
    let (conns, crowd) = count(&director);
    director.advance(Duration::from_secs(60));
    let (later, left) = count(&director);
    assert_eq!(conns, later);
    assert!(left < crowd * 9 / 10, "{left} of {crowd}");
}

/// The template's timer ends while a connection lives: another minute, as often as needed.
#[test]
fn a_template_outlives_its_timeout_while_it_has_connections() {
    let director = open("empty", Clock::Manual);
    let key: ServiceKey = "TCP 10.0.0.1:80".parse().unwrap();
    let mut service = Service::new(key, "rr".to_owned().try_into().unwrap());
    service.flags = ServiceFlags::PERSISTENT;
    service.timeout = 5;
    let server = Server::new("10.1.1.2:80".parse().unwrap(), Forwarding::Masq, 1);
    let mut writer = director.writer();
    writer.apply(&Change::Service { before: None, after: Some(service) }).unwrap();
    writer.apply(&Change::Server { service: key, before: None, after: Some(server) }).unwrap();
    let client: SocketAddr = "198.18.0.9:40000".parse().unwrap();
    assert!(matches!(director.connect(client, &key), Verdict::Forwarded(_)));
    let templates =
        |director: &Director| director.connections().iter().filter(|row| row.template).count();
    director.advance(Duration::from_secs(800));
    assert_eq!(templates(&director), 1, "the connection is established for 900 s");
    director.advance(Duration::from_secs(102));
    assert_eq!(director.connections().len(), 1, "the connection has ended, the template not yet");
    director.advance(Duration::from_secs(3));
    assert_eq!(director.connections().len(), 0, "5 s and fifteen minutes on");
}

#[test]
fn sctp_counts_as_active_only_when_established() {
    let director = open("empty", Clock::Manual);
    let key: ServiceKey = "SCTP 10.0.0.1:3868".parse().unwrap();
    let service = Service::new(key, "rr".to_owned().try_into().unwrap());
    let server = Server::new("10.1.1.2:3868".parse().unwrap(), Forwarding::Masq, 1);
    let mut writer = director.writer();
    writer.apply(&Change::Service { before: None, after: Some(service) }).unwrap();
    writer.apply(&Change::Server { service: key, before: None, after: Some(server) }).unwrap();
    let client: SocketAddr = "198.18.0.9:40000".parse().unwrap();
    let flow = Flow::to(client, &key);
    let counts = |director: &Director| {
        let entry = director.reader().service(&key).unwrap().unwrap();
        (entry.active(), entry.inactive())
    };
    director.send(&flow, packet(Segment::Open));
    assert_eq!(counts(&director), (0, 1));
    director.advance(Duration::from_secs(5));
    assert_eq!(counts(&director), (0, 0), "an unanswered INIT is forgotten after 4 s");
    director.connect(client, &key);
    assert_eq!(counts(&director), (1, 0));
    director.send(&flow, packet(Segment::Close));
    assert_eq!(counts(&director), (0, 1));
}

/// Not a promise about machines, only about the order of the work: a second of the largest table
/// that people poll must not take anywhere near a second, even unoptimised.
#[test]
fn opening_and_ticking_is_quick() {
    let begun = Instant::now();
    let director = open("big:1000x20", second());
    look(&director);
    let opened = begun.elapsed();
    let begun = Instant::now();
    look(&director);
    let ticked = begun.elapsed();
    let begun = Instant::now();
    let _web = open("web", second());
    let web = begun.elapsed();
    println!("big opened in {opened:?}, ticked in {ticked:?}; web opened in {web:?}");
    assert!(ticked < Duration::from_secs(1), "{ticked:?}");
}

/// What [`check`] refuses before it is sent, the simulated kernel refuses too, in its own way.
#[test]
fn the_kernel_itself_refuses_what_is_checked_before() {
    use rustix::io::Errno;
    let mut kernel = Kernel::new(1);
    let key: ServiceKey = "TCP 10.0.0.1:80".parse().unwrap();
    let service = Service::new(key, "rr".to_owned().try_into().unwrap());
    kernel.apply(&Change::Service { before: None, after: Some(service) }).unwrap();
    let good = Server::new("10.1.1.2:80".parse().unwrap(), Forwarding::Masq, 1);
    let gue = crate::ipvs::Tunnel { kind: crate::ipvs::TunnelKind::Gue, port: 0, flags: 0 };
    for (wrong, errno) in [
        (Server { weight: crate::ipvs::MAX_WEIGHT + 1, ..good.clone() }, Errno::RANGE),
        (Server { lower_threshold: 1, ..good.clone() }, Errno::RANGE),
        (Server { tunnel: gue, ..good.clone() }, Errno::INVAL),
    ] {
        let add = Change::Server { service: key, before: None, after: Some(wrong) };
        assert_eq!(kernel.apply(&add), Err(errno), "{add}");
        assert!(check::check(&add).is_err(), "{add}");
    }
    let add = Change::Server { service: key, before: None, after: Some(good) };
    assert_eq!(kernel.apply(&add), Ok(()));
}

#[test]
fn servers_that_are_not_wanted_are_carried_over_as_they_were_read() {
    let director = open("big:3x2", Clock::Step(Duration::from_secs(10)));
    let mut reader = director.reader();
    let first = reader.snapshot(&Want::everything()).unwrap();
    let wanted = first.services[1].service.key;
    let want = Want { detail: Some([wanted].into()), surroundings: false };
    let second = reader.snapshot(&want).unwrap();
    for (old, new) in first.services.iter().zip(&second.services) {
        let fresh = new.service.key == wanted;
        assert_eq!(new.servers_read, if fresh { second.at } else { first.at });
        assert_eq!(new.servers.same_reading(&old.servers), !fresh);
        assert_ne!(new.stats, old.stats, "what the service itself tells is always new");
    }
    let third = reader.snapshot(&Want::everything()).unwrap();
    assert_eq!(third.oldest(), Duration::ZERO);
}
