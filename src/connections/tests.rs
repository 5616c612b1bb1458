//! Tables that are known to the last row, and what samples of them tell.

mod any;
mod error;
mod groups;

use std::ops::ControlFlow;
use std::time::Duration;

use super::*;
use crate::ipvs::{Forwarding, Info, SchedulerName, Server, ServerKey, Service, ServiceKey};
use crate::kernel::proc::conn::ConnRow;
use crate::kernel::sim::{Clock as SimClock, Director, Scenario};
use crate::kernel::{Reader, Want};
use crate::snapshot::{Known, Moment, Part, ServerEntry, ServiceEntry, Snapshot, Source};

/// The same random numbers for the same seed.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5eed)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(z ^ (z >> 31)) * limit as u128) >> 64) as usize
    }

    /// The first `n` of a random order: what a prefix of the hash order is.
    pub(super) fn draw<T: Clone>(&mut self, all: &[T], n: usize) -> Vec<T> {
        let mut all = all.to_vec();
        for place in 0..n.min(all.len()) {
            let other = place + self.below(all.len() - place);
            all.swap(place, other);
        }
        all.truncate(n);
        all
    }
}

/// Services with scheduler and servers, these with their weights.
pub(super) type Services<'a> = &'a [(&'a str, &'a str, &'a [(&'a str, u32)])];

/// A table of services without entries, to be filled.
pub(super) fn table(services: Services<'_>) -> Snapshot {
    let director = Director::open(Scenario::Empty, 1, SimClock::Manual);
    let mut snapshot = director.reader().snapshot(&Want::everything()).unwrap();
    snapshot.source = Source::Netlink;
    snapshot.info = Part::Fresh(Info { version: 0x01_02_01, conn_tab_size: 1 << 20 });
    for (service, scheduler, servers) in services {
        let key: ServiceKey = service.parse().unwrap();
        let mut servers: Vec<ServerEntry> = servers
            .iter()
            .map(|(server, weight)| ServerEntry {
                server: Server::new(server.parse().unwrap(), Forwarding::Masq, *weight),
                active: 0,
                inactive: 0,
                persistent: Some(0),
                stats: None,
                unknown: Vec::new(),
            })
            .collect();
        servers.sort_by_key(|s| s.server.key);
        snapshot.services.push(ServiceEntry {
            service: Service::new(key, SchedulerName::new(scheduler).unwrap()),
            known: Known::Whole,
            stats: None,
            servers: servers.into(),
            servers_read: Moment::default(),
            unknown: Vec::new(),
        });
    }
    snapshot.services.sort_by_key(|entry| entry.service.key);
    snapshot
}

/// Counts rows as the kernel counts them.
pub(super) fn count(snapshot: &mut Snapshot, rows: &[String]) {
    for line in rows {
        let row = ConnRow::parse(line.as_bytes()).unwrap();
        let (service, server) = (row.service(), row.server);
        let entry = snapshot.services.iter_mut().find(|e| e.service.key == service);
        let entry = entry.and_then(|e| e.servers.iter_mut().find(|s| s.server.key == server));
        let Some(entry) = entry else { continue };
        if row.is_template() {
            *entry.persistent.get_or_insert(0) += 1;
        } else if matches!(row.state, b"ESTABLISHED" | b"SYN_RECV") {
            entry.active += 1;
        } else {
            entry.inactive += 1;
        }
    }
    if snapshot.source == Source::Proc {
        let servers = snapshot.services.iter_mut().flat_map(|s| &mut s.servers);
        servers.for_each(|s| s.persistent = None);
    }
}

/// A row of TCP 10.0.0.1:80.
pub(super) fn web(client: u32, port: usize, server: u32, state: &str, expires: u32) -> String {
    format!(
        "TCP {client:08X} {port:04X} 0A000001 0050 {:08X} 0050 {state:<11} {expires:>7}",
        0x0A01_0000 | server << 8 | 2
    )
}

/// What a pass over these rows comes to.
pub(super) fn survey(
    rows: &[impl AsRef<str>],
    end: End,
    told: Option<u64>,
    snapshot: &Snapshot,
) -> Survey {
    let mut holder = Holder::default();
    holder.piece(Duration::ZERO);
    for line in rows {
        holder.push(&ConnRow::parse(line.as_ref().as_bytes()).unwrap());
    }
    let passed = Passed { end, cpu: Duration::ZERO, wall: Duration::ZERO, skipped: 0 };
    let repeated = holder.repeated();
    Survey::new((holder.finish(), passed, repeated), Cost::default(), told, snapshot)
}

/// The embedded director's whole table.
fn simulated(scenario: &str) -> (Survey, Snapshot) {
    let director = Director::open(scenario.parse().unwrap(), 5, SimClock::Manual);
    let mut reader = director.reader();
    let snapshot = reader.snapshot(&Want::everything()).unwrap();
    let mut pass = reader.connections().unwrap();
    let (mut holder, mut cost) = (Holder::default(), Cost::default());
    let go_on = &mut |_: &Under<'_>| ControlFlow::Continue(());
    let passed =
        take(pass.as_mut(), &mut holder, &mut cost, Limits::WHOLE, &mut Still, go_on).unwrap();
    let repeated = holder.repeated();
    let survey = Survey::new((holder.finish(), passed, repeated), cost, None, &snapshot);
    (survey, snapshot)
}

#[test]
fn every_row_of_every_scenario_has_its_server() {
    for scenario in ["web", "dr-farm", "dns-udp", "incident"] {
        let (survey, snapshot) = simulated(scenario);
        assert!(survey.is_whole() && survey.rows.len() > 100, "{scenario}");
        assert_eq!((survey.repeated, survey.passed.skipped), (0, 0), "{scenario}");
        // What the counters say is what the rows come to, templates included.
        let orphans =
            survey.rows.iter().filter(|r| survey.placement.is_orphan(r.lane_number())).count();
        let Total::Counters(counted) = survey.total else { panic!("{:?}", survey.total) };
        assert_eq!(survey.rows.len() as u64, counted + orphans as u64, "{scenario}");
        assert_eq!(survey.all(), Estimate::exact(survey.rows.len() as u64));
        assert!(scenario == "incident" || orphans == 0, "{scenario}: {orphans}");
        for service in &snapshot.services {
            let scope = Scope::Service(service.service.key);
            let sieve = Sieve::new(&survey.placement, &scope, None);
            let rows = survey.rows.iter().filter(|row| sieve.passes(row)).count() as u64;
            let templates: u64 =
                service.servers.iter().filter_map(|s| s.persistent).map(u64::from).sum();
            let counted = service.active() + service.inactive() + templates;
            assert!(rows >= counted, "{scenario} {}: {rows} {counted}", service.service.key);
        }
    }
}

/// The end of the table is no proof that nothing was missed.
#[test]
fn a_pass_that_was_cut_short_is_not_exact() {
    let row = |n: u32| web(0x0A09_0000 + n, 2_000, 1, "ESTABLISHED", 900);
    let rows: Vec<String> = (0..1_000).map(row).collect();
    let mut snapshot = table(&[("TCP 10.0.0.1:80", "wlc", &[("10.1.1.2:80", 1)])]);
    count(&mut snapshot, &rows);
    let of = |read: usize, told| survey(&rows[..read], End::Whole, told, &snapshot);
    for (read, told, whole) in [
        (1_000, None, true),
        (1_000, Some(1_000), true),
        // Some come and go in the meantime, and counters are older.
        (930, Some(1_000), true),
        (850, None, true),
        (900, Some(1_000), false),
        (800, None, false),
        (0, None, false),
    ] {
        assert_eq!(of(read, told).is_whole(), whole, "{read} {told:?}");
    }
    let cut = of(700, Some(1_000));
    assert_eq!((cut.all().value, cut.scale.part()), (1_000, Some(0.7)));
    assert!(!cut.scale.count(Tally { counted: 350, beside: 0 }).is_exact());
    // Where timers run out all the time, more has gone by itself.
    let short = |n: u32| web(0x0A09_0000 + n, 2_000, 1, "TIME_WAIT", n % 2);
    let brief: Vec<String> = (0..900).map(short).collect();
    assert!(survey(&brief, End::Whole, Some(1_000), &snapshot).is_whole());
}

#[test]
fn repeated_rows_are_dropped() {
    let one = web(1, 5_000, 1, "ESTABLISHED", 900);
    let later = web(1, 5_000, 1, "FIN_WAIT", 120);
    let other = web(1, 5_001, 1, "ESTABLISHED", 900);
    let rows = [one.clone(), other, later, one];
    let survey = survey(&rows, End::Whole, None, &table(&[]));
    assert_eq!((survey.rows.len(), survey.repeated), (2, 2));
}

#[test]
fn repeated_templates_are_dropped_where_none_are_alike() {
    let held = |lines: &[&str]| {
        let survey = survey(lines, End::Whole, None, &table(&[]));
        (survey.rows.len(), survey.repeated)
    };
    let (one, later) = (web(1, 0, 1, "NONE", 290), web(1, 0, 1, "ASSURED", 360));
    assert_eq!(held(&[&one, &later]), (1, 1));
    assert_eq!(held(&[&one, &web(1, 0, 2, "NONE", 290), &web(2, 0, 1, "NONE", 290)]), (3, 0));
    // A client with two calls; where origins are told, what the calls are is not.
    let sip = "UDP 0A090002 0000 0A000001 13C4 0A010102 13C4 NONE       ";
    assert_eq!(held(&[&format!("{sip} 294 sip a"), &format!("{sip} 294 sip b")]), (2, 0));
    assert_eq!(held(&[&format!("{sip} SYNC   294"), &format!("{sip} SYNC   294")]), (2, 0));
    let gone = "TCP 0A090002 0000 0A000001 FFFF 0A010102 FFFF NONE            299";
    assert_eq!(held(&[gone, gone]), (2, 0));
}

#[test]
fn a_row_takes_no_more_memory_than_it_may() {
    let mut holder = Holder::default();
    // Every row with a server, a service and engine data of its own, all of IPv6: nothing is shared.
    for number in 0..50_000_u32 {
        let addr = |net: u32| {
            format!(
                "fd00:0000:0000:{net:04x}:0000:0000:{:04x}:{:04x}",
                number >> 16,
                number & 0xFFFF
            )
        };
        let line = format!(
            "UDP {} 0000 {} 13C4 {} 13C4 NONE            294 sip {}",
            addr(1),
            addr(2),
            addr(3),
            "x".repeat(200)
        );
        holder.push(&ConnRow::parse(line.as_bytes()).unwrap());
    }
    let worst = holder.bytes() / 50_000;
    let held = holder.finish().bytes() / 50_000;
    assert!(held <= 260 && worst <= 420, "{held} held, {worst} while reading");
    let mut holder = Holder::default();
    for number in 0..100_000_u32 {
        let line = web(
            0x0A09_0000 + number / 7,
            1_024 + number as usize % 60_000,
            number % 4,
            "ESTABLISHED",
            900,
        );
        holder.push(&ConnRow::parse(line.as_bytes()).unwrap());
    }
    let worst = holder.bytes() / 100_000;
    assert!(worst <= 50, "{worst} while reading");
    assert_eq!(holder.finish().bytes() / 100_000, 16);
}

#[test]
fn long_engine_data_is_cut_and_says_so() {
    let call = "a".repeat(120);
    let line =
        format!("UDP 0A090002 0000 0A000001 13C4 0A010102 13C4 NONE            294 sip {call}");
    let short = "UDP 0A090003 0000 0A000001 13C4 0A010102 13C4 NONE            294 sip \u{1b}[2Jx";
    let survey = survey(&[line, short.to_owned()], End::Whole, None, &table(&[]));
    let (engine, cut) = survey.rows.get(0).unwrap().engine().unwrap();
    assert_eq!((engine.data.len(), cut), (96, true));
    let (engine, cut) = survey.rows.get(1).unwrap().engine().unwrap();
    assert_eq!((&*engine.data, cut), (r"\x1b[2Jx", false));
}

#[test]
fn lanes_find_the_server_that_took_them() {
    let snapshot = table(&[
        ("TCP 10.0.0.1:80", "wlc", &[("10.1.1.2:80", 1), ("10.1.2.2:80", 1)]),
        ("TCP 10.0.0.1:21", "wlc", &[("10.1.1.2:21", 1)]),
        ("FWM 5", "wlc", &[("10.1.3.2:0", 1)]),
        ("FWM 6", "wlc", &[("10.1.3.2:0", 1)]),
    ]);
    let claims = |line: &str| {
        let survey = survey(&[line.to_owned()], End::Whole, None, &snapshot);
        survey
            .placement
            .places_of(0)
            .map(|(service, server)| format!("{service} {server}"))
            .collect::<Vec<_>>()
    };
    let row = |to: &str, at: &str, state: &str| {
        format!(
            "TCP 0A090002 {} {to} {at} {state:<11}     100",
            if state == "NONE" { "0000" } else { "AD06" }
        )
    };
    let web = ["TCP 10.0.0.1:80 10.1.1.2:80"];
    assert_eq!(claims(&row("0A000001 0050", "0A010102 0050", "ESTABLISHED")), web);
    assert_eq!(claims(&row("0A000001 0050", "0A010102 0050", "NONE")), web);
    // Invalidated templates: the server's port is gone, up to 7.0 the service's too.
    assert_eq!(claims(&row("0A000001 0050", "0A010102 FFFF", "NONE")), web);
    let either = claims(&row("0A000001 FFFF", "0A010102 FFFF", "NONE"));
    assert_eq!(either.len(), 2, "{either:?}");
    // FTP data, and two marks of which a row does not tell which.
    let ftp = ["TCP 10.0.0.1:21 10.1.1.2:21"];
    assert_eq!(claims(&row("0A000001 0014", "0A010102 0014", "LISTEN")), ftp);
    let marks = claims(&row("0A000009 01BB", "0A010302 01BB", "ESTABLISHED"));
    assert_eq!(marks, ["FWM 5 10.1.3.2:0", "FWM 6 10.1.3.2:0"]);
    assert_eq!(claims(&row("0A000001 0050", "0A010902 0050", "ESTABLISHED")), [""; 0]);
    let mark = "IP  0A090000 0000 00000006 0000 0A010302 0000 NONE            111";
    assert_eq!(claims(mark), ["FWM 6 10.1.3.2:0"]);
}

fn server(text: &str) -> ServerKey {
    text.parse().unwrap()
}
