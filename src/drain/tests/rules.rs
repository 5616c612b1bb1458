//! Every rule by itself.

use super::*;
use crate::ipvs::{Daemon, DaemonRole};

/// A drain that is followed by hand.
struct Bench {
    drain: Drain,
    service: &'static str,
    /// What is done to every snapshot before it is looked at.
    around: fn(&mut Snapshot),
}

impl Bench {
    fn new(service: &'static str, around: fn(&mut Snapshot)) -> Self {
        Self { drain: Drain::resumed(&record(&[(service, SERVER)], true)), service, around }
    }

    fn tcp() -> Self {
        Self::new(WEB, |_| ())
    }

    fn look(&mut self, seconds: u64, server: ServerEntry) -> String {
        let mut snapshot = snapshot(seconds, vec![service(self.service, server)]);
        (self.around)(&mut snapshot);
        self.drain.follow(&snapshot);
        self.words()
    }

    fn census(&mut self, seconds: u64, held: Held) -> String {
        let mut census = Census::of(at(seconds), &self.drain.servers().collect());
        for of in census.of.values_mut() {
            *of = Held { shared: of.shared, ..held };
        }
        self.drain.census(&census);
        self.words()
    }

    fn words(&self) -> String {
        self.drain.verdict().to_string()
    }
}

fn counted(active: u32, inactive: u32, connections: u64, in_packets: u64) -> ServerEntry {
    let mut server = server(active, inactive);
    let counters = &mut server.stats.as_mut().unwrap().counters;
    (counters.connections, counters.in_packets) = (connections, in_packets);
    server
}

fn templates(count: u32) -> ServerEntry {
    ServerEntry { persistent: Some(count), ..server(0, 0) }
}

fn weight(weight: u32) -> ServerEntry {
    let mut server = server(1, 2);
    server.server.weight = weight;
    server
}

fn ended(ended: u32) -> Held {
    Held { ended, ..Held::default() }
}

fn direct(server: ServerEntry) -> ServerEntry {
    let mut server = server;
    server.server.forwarding = Forwarding::Route;
    server
}

#[test]
fn a_weight_from_elsewhere_ends_it_and_so_does_deletion() {
    let mut bench = Bench::tcp();
    assert_eq!(bench.words(), "not looked at yet");
    assert!(bench.look(1, server(1, 2)).starts_with("emptying"));
    assert!(!bench.drain.is_over() && !bench.drain.is_safe());
    assert_eq!(bench.look(2, weight(7)), "taking new clients again: it has weight 7");
    assert!(bench.drain.is_over() && !bench.drain.is_safe());
    assert!(bench.look(3, server(1, 2)).starts_with("emptying"), "and back");
    bench.drain.follow(&snapshot(4, vec![]));
    assert_eq!(bench.words(), "gone: the service does not have it any more");
    assert!(bench.drain.is_over() && bench.drain.is_safe());
    assert_eq!(bench.drain.servers[0].active, None);
    let other = ServerEntry { server: weight(3).server, ..server(0, 0) };
    assert!(bench.look(5, other).contains("weight 3"), "added again by someone else");
}

#[test]
fn a_drain_that_was_not_begun_has_a_moment_to_begin() {
    let mut bench = Bench::tcp();
    assert!(bench.look(1, weight(10)).contains("new clients again"), "it was at 0 once");
    bench.drain = Drain::resumed(&record(&[(WEB, SERVER)], false));
    assert_eq!(bench.look(1, weight(10)), "not quiesced yet: its weight is 10");
    assert!(!bench.drain.is_over());
    assert!(bench.look(2, server(1, 0)).starts_with("emptying"));
    assert!(bench.look(3, weight(10)).contains("new clients again"));
    bench.drain = Drain::resumed(&record(&[(WEB, SERVER)], false));
    bench.look(1, weight(10));
    assert!(bench.look(12, weight(10)).contains("new clients again"), "too late");
}

#[test]
fn active_connections_are_not_safe_whatever_the_table_says() {
    let mut bench = Bench::tcp();
    assert_eq!(bench.look(1, server(12, 80)), "emptying: 12 active, 80 inactive left");
    assert_eq!(bench.census(2, ended(92)), "emptying: 12 active, 80 inactive left");
}

#[test]
fn without_the_table_only_nothing_is_safe() {
    let mut bench = Bench::tcp();
    assert_eq!(
        bench.look(1, server(0, 80)),
        "emptying: 0 active, 80 inactive left; which of them still carry data is not known: the \
         connection table was not read yet"
    );
    let none = "safe to stop (the counters alone: the connection table was not read yet)";
    assert_eq!(bench.look(2, server(0, 0)), none);

    let mut large = Bench::new(WEB, |snapshot| {
        let mut other = server(90_000, 3_204);
        other.server.key = "10.1.3.2:80".parse().unwrap();
        snapshot.services[0].servers.push(other);
        assert!(!affordable(snapshot));
    });
    assert!(large.look(1, server(0, 1)).contains("has 93,205 entries, too many to read"));
    let none = "safe to stop (the counters alone: the connection table has 93,204 entries, too \
                many to read)";
    assert_eq!(large.look(2, server(0, 0)), none);
    // An operator may have it read all the same.
    assert!(large.look(3, server(0, 5)).starts_with("emptying"));
    assert!(large.census(4, ended(5)).starts_with("safe"));
}

#[test]
fn with_the_table_time_wait_is_safe_and_half_closed_is_not() {
    let mut bench = Bench::tcp();
    bench.look(1, server(0, 80));
    let half = Held { half_closed: 3, longest: 50, ..ended(77) };
    assert_eq!(
        bench.census(2, half),
        "emptying: 0 active, 80 inactive left; 3 of them may still carry data, the last ends in \
         50 s"
    );
    assert_eq!(bench.drain.estimate().unwrap().to_string(), "about 50 s (±1)");
    let safe = "safe to stop (every entry of the table was looked at: only TIME_WAIT is left)";
    assert_eq!(bench.census(3, ended(80)), safe);
    assert!(bench.drain.is_safe() && bench.drain.estimate().is_none());
    assert_eq!(bench.look(4, server(0, 70)), safe, "the look still holds");
    let none = "safe to stop (every entry of the table was looked at: none is left)";
    assert_eq!(bench.look(5, server(0, 0)), none);
}

#[test]
fn a_look_at_the_table_is_outdated_by_a_change_and_by_age() {
    let outdated = "the connection table was not read since the last change";
    let mut bench = Bench::tcp();
    bench.look(1, server(2, 5));
    bench.census(2, ended(7));
    let turned = bench.look(3, server(0, 5));
    assert!(turned.contains(outdated), "how the active ones ended is not known: {turned}");
    assert!(bench.census(4, ended(5)).starts_with("safe"));
    assert!(bench.look(5, server(0, 6)).contains(outdated), "one more");
    assert!(bench.census(6, ended(6)).starts_with("safe"));
    assert!(bench.look(60, server(0, 4)).starts_with("safe"));
    assert!(bench.look(67, server(0, 4)).contains(outdated), "a minute ago");
    // One from before it was quiesced.
    let mut bench = Bench::tcp();
    bench.census(1, ended(5));
    assert!(bench.look(2, server(0, 5)).contains(outdated));
}

#[test]
fn entries_that_were_not_found_are_not_safe() {
    let mut bench = Bench::tcp();
    bench.look(1, server(0, 9));
    bench.census(2, ended(4));
    let short = bench.look(3, server(0, 9));
    assert!(short.contains("only 4 of them were found in the table"), "{short}");
    let mut census = Census::of(at(4), &bench.drain.servers().collect());
    census.skipped = 1;
    bench.drain.census(&census);
    assert_eq!(bench.words(), short, "a table with unreadable lines says nothing");
}

#[test]
fn udp_is_never_active_and_its_entries_count() {
    let mut bench = Bench::new(DNS, |_| ());
    assert!(bench.look(10, counted(0, 9, 70, 500)).starts_with("emptying: 0 active, 9 inactive"));
    let all = Held { udp: 9, longest: 290, ..Held::default() };
    let words = bench.census(11, all);
    assert!(words.ends_with("9 of them may still carry data, the last ends in 4m50s"), "{words}");
    assert_eq!(bench.drain.estimate().unwrap().to_string(), "about 4m50s (±1 s)");
    bench.look(15, counted(0, 9, 70, 500));
    let words = bench.look(17, counted(0, 9, 70, 912));
    assert_eq!(
        words,
        "still receiving: UDP clients that reuse their port stay while packets flow (412 packets \
         lately)"
    );
    assert_eq!(bench.drain.estimate(), None);
    assert!(bench.look(23, counted(0, 9, 70, 912)).starts_with("still receiving"));
    let words = bench.look(24, counted(0, 9, 70, 912));
    assert!(words.starts_with("emptying") && words.contains("since the last change"), "{words}");
    assert!(bench.look(30, counted(0, 0, 70, 912)).starts_with("safe"));
}

#[test]
fn packets_on_closing_tcp_bring_nobody_back() {
    let mut bench = Bench::tcp();
    bench.look(10, counted(0, 9, 70, 500));
    bench.look(15, counted(0, 9, 70, 500));
    assert!(bench.look(17, counted(0, 9, 70, 900)).starts_with("emptying"));
    // A mark can bring both.
    let mut mark = Bench::new("FWM 5", |_| ());
    mark.look(10, counted(0, 9, 70, 500));
    mark.look(15, counted(0, 9, 70, 500));
    mark.look(17, counted(0, 9, 70, 900));
    let held = Held { udp: 2, ended: 7, ..Held::default() };
    assert!(mark.census(18, held).contains("UDP clients"));
}

#[test]
fn templates_hold_it_up() {
    let mut bench = Bench::tcp();
    let words = bench.look(1, templates(31));
    assert_eq!(words, "still receiving: 31 persistence templates bring clients back");
    let held = Held { templates: 31, longest_template: 290, ..Held::default() };
    assert_eq!(
        bench.census(2, held),
        "still receiving: 31 persistence templates bring clients back (the longest lives 4m50s)"
    );
    assert_eq!(
        bench.look(3, templates(1)),
        "still receiving: 31 persistence templates bring clients back (the longest lives 4m50s)",
        "the worse of the two, until the table is looked at again"
    );
    let one = Held { templates: 1, longest_template: 9, ..Held::default() };
    assert!(bench.census(4, one).ends_with("brings its client back (it lives 9 s)"));
    bench.census(5, Held::default());
    assert!(bench.look(6, templates(0)).starts_with("safe"));
}

#[test]
fn templates_that_are_discarded_do_not() {
    let around = |snapshot: &mut Snapshot| set(snapshot, "expire_quiescent_template", "1");
    let mut bench = Bench::new(WEB, around);
    bench.look(1, templates(31));
    assert_eq!(
        bench.census(2, Held { templates: 31, ..Held::default() }),
        "safe to stop (every entry of the table was looked at: none is left); 31 persistence \
         templates are discarded when their clients come back"
    );
}

/// `/proc/net/ip_vs` has neither templates nor counters.
#[test]
fn templates_that_cannot_be_counted_are_not_none() {
    let from_proc = |active| ServerEntry { persistent: None, stats: None, ..server(active, 0) };
    let mut bench = Bench::new(WEB, |snapshot| {
        snapshot.services[0].service.flags = ServiceFlags::PERSISTENT;
    });
    assert_eq!(
        bench.look(1, from_proc(0)),
        "may still be receiving: the service is persistent, and its templates cannot be counted \
         without netlink; new connections are not counted without netlink, and would not show"
    );
    let told = bench.census(2, Held::default());
    assert!(told.starts_with("safe to stop (every entry"), "{told}");
    let mut plain = Bench::tcp();
    assert!(plain.look(1, from_proc(0)).starts_with("safe"), "it is not persistent");
}

#[test]
fn new_connections_count_once_the_counters_have_settled() {
    let mut bench = Bench::tcp();
    bench.look(10, counted(3, 9, 70, 0));
    assert!(bench.look(12, counted(3, 9, 75, 0)).starts_with("emptying"), "copied late");
    bench.look(14, counted(3, 9, 75, 0));
    assert_eq!(
        bench.look(16, counted(3, 9, 77, 0)),
        "still receiving: 2 new connections; nothing that is known here explains them"
    );
    assert!(bench.look(22, counted(3, 9, 77, 0)).starts_with("still receiving"));
    assert!(bench.look(23, counted(3, 9, 77, 0)).starts_with("emptying"));
    assert!(bench.look(24, counted(3, 9, 4, 0)).starts_with("emptying"), "zeroed");
    assert!(bench.look(26, counted(3, 9, 5, 0)).starts_with("still receiving: 1 new connection;"));
    // Looked at once in a long while: what came in between may be from before.
    let mut seldom = Bench::tcp();
    seldom.look(10, counted(3, 9, 70, 0));
    assert!(seldom.look(40, counted(3, 9, 71, 0)).starts_with("emptying"));
    assert!(seldom.look(70, counted(3, 9, 72, 0)).starts_with("still receiving"));
}

#[test]
fn counters_that_were_not_read_again_are_not_news() {
    let mut bench = Bench::new(WEB, |snapshot| snapshot.services[0].servers_read = at(10));
    bench.look(10, counted(3, 9, 70, 0));
    assert!(bench.look(20, counted(3, 9, 80, 0)).starts_with("emptying"));
}

/// Whether a rise of both counters, with nine inactive entries, is explained by `word`.
fn explained(around: fn(&mut Snapshot), key: &'static str, held: Option<Held>, word: &str) -> bool {
    let mut bench = Bench::new(key, around);
    for (seconds, count) in [(10, 70), (15, 70), (17, 71)] {
        bench.look(seconds, direct(counted(0, 9, count, count)));
        held.map(|held| bench.census(seconds, held));
    }
    assert!(matches!(bench.drain.verdict(), Verdict::Receiving { new: 1, .. }));
    bench.words().contains(word)
}

#[test]
fn new_connections_are_explained_by_what_is_known() {
    let reuse = |mode: &'static str| match mode {
        "0" => |snapshot: &mut Snapshot| set(snapshot, "conn_reuse_mode", "0"),
        "3" => |snapshot: &mut Snapshot| set(snapshot, "conn_reuse_mode", "3"),
        _ => |snapshot: &mut Snapshot| set(snapshot, "conn_reuse_mode", "1"),
    };
    let fin_wait = Held { half_closed: 9, ..Held::default() };
    let unknown = "nothing that is known here";
    for (mode, key, held, word) in [
        ("0", WEB, None, "an entry in TIME_WAIT comes back"),
        ("0", WEB, Some(ended(9)), "an entry in TIME_WAIT comes back"),
        ("0", WEB, Some(fin_wait), "an entry in FIN_WAIT comes back"),
        ("1", WEB, Some(fin_wait), "an entry in FIN_WAIT comes back"),
        ("1", WEB, Some(ended(9)), unknown),
        ("3", WEB, Some(fin_wait), unknown),
        ("0", DNS, None, "UDP clients that reuse their port"),
    ] {
        assert!(explained(reuse(mode), key, held, word), "{mode} {key} {held:?}: {word}");
    }
    let one_packet = |snapshot: &mut Snapshot| {
        snapshot.services[0].service.flags |= ServiceFlags::ONE_PACKET;
    };
    assert!(explained(one_packet, DNS, None, "with one-packet scheduling every packet counts"));
    let backup = |snapshot: &mut Snapshot| {
        let daemon = Daemon {
            role: DaemonRole::Backup,
            interface: "eth0".into(),
            sync_id: 1,
            max_len: None,
            group: None,
            group6: None,
            port: None,
            ttl: None,
        };
        snapshot.daemons = Part::Fresh(vec![daemon]);
    };
    assert!(explained(backup, WEB, None, "the backup sync daemon"));
    let sticky = |snapshot: &mut Snapshot| {
        snapshot.services[0].servers[0].persistent = Some(4);
    };
    assert!(explained(sticky, WEB, None, "1 new connection; 4 persistence templates"));
}

/// Neither a reused entry nor a synced one is counted as a new connection.
#[test]
fn active_connections_that_become_more_are_new_ones() {
    let mut bench = Bench::tcp();
    bench.look(10, counted(5, 9, 70, 0));
    bench.look(15, counted(3, 9, 70, 0));
    assert!(bench.look(16, counted(4, 8, 70, 0)).starts_with("still receiving: 1 new connection"));
}

#[test]
fn counters_that_stand_still_say_nothing() {
    let still = |snapshot: &mut Snapshot| set(snapshot, "run_estimation", "0");
    let mut bench = Bench::new(WEB, still);
    let note = "the counters stand still (run_estimation is 0), so new connections would not show";
    assert_eq!(
        bench.look(10, counted(3, 9, 70, 0)),
        format!("emptying: 3 active, 9 inactive left; {note}")
    );
    bench.look(15, counted(3, 9, 70, 0));
    assert!(bench.look(20, counted(0, 0, 70, 0)).ends_with(note));
    assert!(bench.words().starts_with("safe"), "the counts themselves are live");
    // They move again, by what has happened long ago.
    bench.around = |_| ();
    assert!(bench.look(21, counted(0, 0, 95, 0)).starts_with("safe"));
    assert!(bench.look(23, counted(0, 0, 96, 0)).starts_with("still receiving"));
}

#[test]
fn direct_routing_ends_late() {
    let mut bench = Bench::tcp();
    let words = bench.look(1, direct(server(0, 7)));
    assert!(words.ends_with("the last entry goes in 2m00s"), "{words}");
    assert_eq!(
        bench.census(2, Held { half_closed: 7, longest: 97, ..Held::default() }),
        "emptying: 0 active, 7 inactive left; ends late: the director sees only clients' packets; \
         the last entry goes in 1m37s"
    );
    assert_eq!(bench.drain.estimate().unwrap().left, Duration::from_secs(97));
    assert_eq!(bench.look(99, direct(server(0, 0))).split(' ').next(), Some("safe"));
}

/// The same server has connections of its own web service, which a mark's census cannot tell
/// from the mark's.
#[test]
fn what_is_another_services_does_not_hold_a_mark_up_for_ever() {
    let mut bench = Bench::new("FWM 5", |_| ());
    bench.look(1, server(0, 4));
    assert!(bench.census(2, Held { established: 90, ..ended(30) }).starts_with("safe"));
    let half = Held { established: 90, half_closed: 2, longest: 60, ..ended(30) };
    let words = bench.census(3, half);
    assert!(words.ends_with("through other services may be counted with them"), "{words}");
    assert!(bench.look(4, server(0, 0)).starts_with("safe"));
}

#[test]
fn sctp_is_judged_by_what_is_not_closed() {
    let mut bench = Bench::new("SCTP 10.0.0.1:3868", |_| ());
    bench.look(1, server(0, 2));
    assert!(bench.census(2, Held { other: 1, ..ended(1) }).starts_with("emptying"));
    assert!(bench.census(3, ended(2)).starts_with("safe"));
}

#[test]
fn reuse_is_told_where_ended_entries_are_left() {
    let mut bench = Bench::new(WEB, |snapshot| set(snapshot, "conn_reuse_mode", "0"));
    bench.look(1, server(0, 2));
    let words = bench.census(2, ended(2));
    assert!(words.starts_with("safe") && words.contains("conn_reuse_mode is 0"), "{words}");
}

#[test]
fn a_drain_is_as_good_as_its_worst_server() {
    let places = [(WEB, SERVER), ("TCP 10.0.0.1:443", SERVER)];
    let mut drain = Drain::resumed(&record(&places, true));
    let mut both = |seconds, web, tls| {
        let services = vec![service(WEB, web), service("TCP 10.0.0.1:443", tls)];
        let mut snapshot = snapshot(seconds, services);
        snapshot.services.sort_by_key(|s| s.service.key);
        drain.follow(&snapshot);
        (drain.verdict().to_string(), drain.is_over(), drain.is_safe())
    };
    let (words, over, safe) = both(1, server(0, 0), server(3, 1));
    assert_eq!((words.as_str(), over, safe), ("emptying: 3 active, 1 inactive left", false, false));
    let (words, ..) = both(2, server(5, 0), server(3, 1));
    assert!(words.contains("5 active"), "of two alike, the fuller: {words}");
    let (words, over, safe) = both(3, server(0, 0), weight(9));
    assert!(words.contains("weight 9") && !over && !safe, "{words}");
    let (_, over, _) = both(4, weight(9), weight(9));
    assert!(over);
    let (_, over, safe) = both(5, server(0, 0), server(0, 0));
    assert!(safe && !over);
    let servers: BTreeSet<Place> = drain.servers().collect();
    assert_eq!(servers.len(), 2);
}

#[test]
fn the_estimate_is_that_of_the_slowest() {
    let places = [(WEB, SERVER), ("TCP 10.0.0.1:443", SERVER)];
    let mut drain = Drain::resumed(&record(&places, true));
    for second in 0..20 {
        let left = |pace: u32| server(1_000 - pace * second as u32, 0);
        let tls = service("TCP 10.0.0.1:443", left(20));
        drain.follow(&snapshot(second, vec![service(WEB, left(40)), tls]));
    }
    let of = |n: usize| drain.servers[n].estimate.unwrap().left;
    assert!(of(0) < of(1));
    assert_eq!(drain.estimate().unwrap().left, of(1));
    assert_eq!(drain.servers[0].curve().points().count(), 20);
}

/// What the director held before it slept tells as much of its pace as if it had not.
#[test]
fn a_sleep_changes_no_estimate() {
    let estimate = |sleep: u64| {
        let mut drain = Drain::resumed(&record(&[(WEB, SERVER)], true));
        for second in 0..30 {
            let asleep = if second < 15 { 0 } else { sleep };
            if second == 15 {
                drain.slept(Duration::from_secs(sleep));
            }
            let left = server(1_000 - 30 * second as u32, 0);
            drain.follow(&snapshot(second + asleep, vec![service(WEB, left)]));
        }
        let server = &drain.servers[0];
        (server.estimate.unwrap(), server.curve().shape(10))
    };
    assert_eq!(estimate(3_600), estimate(0));
}

/// Nor does a look at the table grow old, or a last timer run out, while nothing runs.
#[test]
fn a_sleep_ages_no_look_at_the_table() {
    let half = Held { half_closed: 3, longest: 50, ..Held::default() };
    for sleep in [0, 20, 3_600] {
        let mut bench = Bench::tcp();
        bench.look(1, server(0, 3));
        bench.census(1, half);
        bench.drain.slept(Duration::from_secs(sleep));
        let words = bench.look(11 + sleep, server(0, 3));
        assert!(words.contains("3 of them may still carry data"), "{sleep}: {words}");
        assert_eq!(bench.drain.estimate().unwrap().left, Duration::from_secs(40), "{sleep}");
    }
}

#[test]
fn a_drain_in_one_line() {
    let mut bench = Bench::tcp();
    let line = |bench: &Bench, seconds| bench.drain.summary(clock(seconds));
    assert_eq!(line(&bench, 130), "10.1.2.2:80 draining for 2m10s, not looked at yet");
    for second in 0..40u32 {
        bench.look(second.into(), server((60.0 * (-f64::from(second) / 25.0).exp()) as u32, 80));
    }
    let text = line(&bench, 130);
    let (front, estimate) = text.split_once(", about ").unwrap();
    assert_eq!(front, "10.1.2.2:80 draining for 2m10s, 12 active left");
    assert!(estimate.contains("(±"), "{estimate}");
    bench.look(50, server(0, 80));
    assert!(line(&bench, 130).starts_with("10.1.2.2:80 draining for 2m10s, 80 inactive left"));
    bench.census(51, ended(80));
    assert_eq!(line(&bench, 131), "10.1.2.2:80 drained for 2m11s, safe to stop");
    bench.drain.deadline = Some(clock(600));
    let text = line(&bench, 131);
    assert_eq!(text, "10.1.2.2:80 drained for 2m11s, safe to stop; weight comes back in 7m49s");
    bench.look(52, templates(2));
    assert!(line(&bench, 131).contains("still receiving, 0 inactive left; weight comes"));
    bench.look(53, weight(4));
    let text = line(&bench, 131);
    assert_eq!(text, "10.1.2.2:80 not draining any more: 10.1.2.2:80 has weight 4");
    bench.drain.follow(&snapshot(54, vec![]));
    assert_eq!(line(&bench, 131), "10.1.2.2:80 gone, 2m11s after its drain began");
    assert_eq!(line(&bench, -5), "10.1.2.2:80 gone, 0 s after its drain began");
}

#[test]
fn a_record_is_taken_up_whole() {
    let mut record = record(&[(WEB, SERVER)], true);
    record.started.timeout_seconds = Some(600);
    let drain = Drain::resumed(&record);
    assert_eq!((drain.id, drain.who.as_str()), (record.id(), "root"));
    assert_eq!((drain.deadline, drain.then), (Some(clock(600)), Then::Restore));
    assert_eq!((drain.reason.as_str(), drain.servers[0].weight), ("new disks", 10));
    assert_eq!(drain.servers().collect::<Vec<_>>(), [drain.servers[0].place()]);
}
