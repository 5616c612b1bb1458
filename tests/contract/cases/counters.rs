//! Counters and rates: when they show, what zeroes them, what does not.

use std::time::Duration;

use ipvs_tui::ipvs::{Change, Counters, ServiceKey};

use crate::bench::*;

/// Two estimations and a bit: later kernels refresh every object at an instant of its own.
const ESTIMATED: Duration = Duration::from_millis(4_500);

fn counters(bench: &mut dyn Bench, key: ServiceKey) -> Counters {
    bench.found(key).stats.unwrap().counters
}

pub(crate) fn counters_come_every_two_seconds_and_counts_at_once(bench: &mut dyn Bench) {
    let key = tcp(8601);
    bench.farm(&service(key, "rr"), &[1, 1]);
    bench.spread(key, 0..6);
    assert_eq!(bench.found(key).active(), 6, "at once");
    bench.wait(ESTIMATED);
    let entry = bench.found(key);
    let stats = entry.stats.unwrap();
    assert_eq!(stats.counters.connections, 6);
    assert!(stats.counters.in_packets >= 12 && stats.counters.out_packets >= 6, "{stats:?}");
    assert!(stats.rates.connections <= 6, "{stats:?}");
    let servers = entry.servers.iter().map(|server| server.stats.unwrap().counters);
    assert_eq!(servers.clone().map(|c| c.connections).sum::<u64>(), 6);
    assert_eq!(servers.map(|c| c.in_bytes).sum::<u64>(), stats.counters.in_bytes);
    let before = stats.counters.in_packets;
    assert!(bench.talk(0, &key));
    bench.wait(ESTIMATED);
    assert!(counters(bench, key).in_packets > before);
}

pub(crate) fn edits_reset_no_counter(bench: &mut dyn Bench) {
    let key = tcp(8602);
    bench.farm(&service(key, "rr"), &[1]);
    bench.spread(key, 0..4);
    bench.wait(ESTIMATED);
    bench.edit(&persistent(service(key, "sh"), 40)).unwrap();
    bench.set_weight(key, 1, 9);
    assert_eq!(counters(bench, key).connections, 4);
    let server = bench.server(key, 1);
    assert_eq!((server.stats.unwrap().counters.connections, server.active), (4, 4));
}

pub(crate) fn zero_is_for_a_service_or_for_all(bench: &mut dyn Bench) {
    let (one, two) = (tcp(8603), tcp(8604));
    for key in [one, two] {
        bench.farm(&service(key, "rr"), &[1]);
        bench.spread(key, 0..3);
    }
    bench.wait(ESTIMATED);
    bench.apply(&Change::Zero(Some(one))).unwrap();
    assert_eq!(counters(bench, one), Counters::default());
    let server = bench.server(one, 1);
    assert_eq!(server.stats.unwrap().counters, Counters::default());
    assert_eq!(server.active, 3, "live counts are no counters");
    assert_eq!(counters(bench, two).connections, 3);
    let totals = |bench: &mut dyn Bench| bench.snapshot().totals.get().unwrap().counters;
    assert!(totals(bench).connections >= 6);
    bench.apply(&Change::Zero(None)).unwrap();
    assert_eq!(totals(bench), Counters::default());
    assert_eq!(counters(bench, two), Counters::default());
    bench.spread(one, 3..5);
    bench.wait(ESTIMATED);
    assert_eq!(counters(bench, one).connections, 2, "counting goes on from zero");
}

pub(crate) fn run_estimation_0_freezes_counters(bench: &mut dyn Bench) {
    let key = tcp(8605);
    bench.farm(&service(key, "rr"), &[1]);
    if !bench.snapshot().sysctls.get().unwrap().contains_key("run_estimation") {
        return;
    }
    bench.spread(key, 0..2);
    bench.wait(ESTIMATED);
    assert_eq!(counters(bench, key).connections, 2);
    bench.sysctl("run_estimation", "0").unwrap();
    // An estimation may be under way.
    bench.wait(ESTIMATED);
    let frozen = bench.found(key).stats;
    assert!(bench.snapshot().estimator_off());
    bench.spread(key, 2..6);
    bench.wait(ESTIMATED);
    assert_eq!(bench.found(key).stats, frozen, "rates included");
    assert_eq!(bench.found(key).active(), 6, "live counts go on");
    bench.sysctl("run_estimation", "1").unwrap();
    bench.wait(ESTIMATED);
    assert_eq!(counters(bench, key).connections, 6, "nothing was lost");
}
