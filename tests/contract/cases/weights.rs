//! Where clients go: schedulers, weights, thresholds.

use std::collections::BTreeMap;

use ipvs_tui::ipvs::{Server, Service, ServiceFlags};

use crate::bench::*;
use Outcome::{Refused, Served};

/// Schedulers that move the clients of a weight-0 server elsewhere.
const MOVING: [&str; 11] =
    ["rr", "wrr", "lc", "wlc", "sed", "nq", "lblc", "lblcr", "fo", "ovf", "twos"];

pub(crate) fn weight_0_moves_new_clients_elsewhere(bench: &mut dyn Bench) {
    for (port, scheduler) in (8301..).zip(MOVING) {
        if !bench.knows(scheduler) {
            continue;
        }
        let key = tcp(port);
        bench.farm(&service(key, scheduler), &[90, 100, 80]);
        bench.set_weight(key, 2, 0);
        let met = tally(&bench.spread(key, 0..24));
        assert_eq!(met.get(&Served(2)), None, "{scheduler}: {met:?}");
        assert_eq!(met.get(&Refused), None, "{scheduler}: {met:?}");
    }
}

pub(crate) fn dh_refuses_the_clients_of_weight_0(bench: &mut dyn Bench) {
    let key = tcp(8321);
    bench.farm(&service(key, "dh"), &[1, 1, 1]);
    let met = tally(&bench.spread(key, 0..10));
    let [(Served(number), 10)] = met.into_iter().collect::<Vec<_>>()[..] else {
        panic!("one address is one server's");
    };
    bench.set_weight(key, number, 0);
    assert_eq!(tally(&bench.spread(key, 0..10)), [(Refused, 10)].into());
}

pub(crate) fn sh_and_mh_refuse_a_share_without_fallback_and_move_it_with(bench: &mut dyn Bench) {
    for (port, scheduler) in [(8322, "sh"), (8323, "mh")] {
        let key = tcp(port);
        let plain = service(key, scheduler);
        bench.farm(&plain, &[1, 1, 1]);
        let before = bench.spread(key, 0..48);
        let share = tally(&before);
        assert_eq!(share.len(), 3, "{scheduler}: every server has a share: {share:?}");
        assert_eq!(bench.spread(key, 0..48), before, "{scheduler}: a client keeps its server");

        bench.set_weight(key, 2, 0);
        let expected: Vec<Outcome> =
            before.iter().map(|met| if *met == Served(2) { Refused } else { *met }).collect();
        assert_eq!(bench.spread(key, 0..48), expected, "{scheduler}");

        bench.edit(&Service { flags: ServiceFlags::SCHED1, ..plain }).unwrap();
        let fallen = bench.spread(key, 0..48);
        for (before, fallen) in before.iter().zip(&fallen) {
            assert!(!matches!(fallen, Refused | Served(2)), "{scheduler}");
            assert!(*before == Served(2) || before == fallen, "{scheduler} moves no one else");
        }
    }
}

pub(crate) fn mh_gives_no_slots_to_a_server_added_at_0(bench: &mut dyn Bench) {
    let key = tcp(8324);
    bench.farm(&service(key, "mh"), &[1, 0, 1]);
    let met = tally(&bench.spread(key, 0..40));
    assert_eq!((met.get(&Refused), met.get(&Served(2))), (None, None), "{met:?}");
}

pub(crate) fn all_at_0_refuses(bench: &mut dyn Bench) {
    for (port, scheduler) in (8330..).zip(MOVING.into_iter().chain(["dh", "sh", "mh"])) {
        if bench.knows(scheduler) {
            bench.farm(&service(tcp(port), scheduler), &[0, 0]);
            assert_eq!(bench.connect(1, &tcp(port)), Refused, "{scheduler}");
        }
    }
}

pub(crate) fn established_connections_continue_at_0(bench: &mut dyn Bench) {
    let key = tcp(8325);
    bench.farm(&service(key, "rr"), &[1]);
    assert_eq!(bench.connect(1, &key), Served(1));
    bench.set_weight(key, 1, 0);
    assert!(bench.talk(1, &key));
    assert_eq!(bench.connect(2, &key), Refused);
    assert_eq!(bench.server(key, 1).active, 1);
}

pub(crate) fn a_raised_weight_counts_at_once(bench: &mut dyn Bench) {
    let key = tcp(8326);
    bench.farm(&service(key, "wlc"), &[1, 0]);
    assert_eq!(tally(&bench.spread(key, 0..4)), [(Served(1), 4)].into());
    bench.set_weight(key, 2, 1);
    assert_eq!(tally(&bench.spread(key, 4..8)), [(Served(2), 4)].into(), "the returning flood");
}

pub(crate) fn rr_ignores_and_wrr_obeys_weights(bench: &mut dyn Bench) {
    let shares = |one, two| BTreeMap::from([(Served(1), one), (Served(2), two)]);
    bench.farm(&service(tcp(8327), "rr"), &[1, 50]);
    assert_eq!(tally(&bench.spread(tcp(8327), 0..12)), shares(6, 6));
    bench.farm(&service(tcp(8328), "wrr"), &[2, 10]);
    assert_eq!(tally(&bench.spread(tcp(8328), 0..12)), shares(2, 10));
}

pub(crate) fn wlc_fills_by_weight(bench: &mut dyn Bench) {
    let key = tcp(8329);
    bench.farm(&service(key, "wlc"), &[1, 3]);
    let met = tally(&bench.spread(key, 0..16));
    assert_eq!(met, [(Served(1), 4), (Served(2), 12)].into());
    assert_eq!((bench.server(key, 1).active, bench.server(key, 2).active), (4, 12));
}

pub(crate) fn the_upper_threshold_diverts_and_raising_it_admits(bench: &mut dyn Bench) {
    let key = tcp(8350);
    bench.add(&service(key, "rr")).unwrap();
    let limited = |upper| Server { upper_threshold: upper, ..server(1, 1) };
    bench.add_server(key, &limited(3)).unwrap();
    bench.add_server(key, &server(2, 1)).unwrap();
    let met = tally(&bench.spread(key, 0..12));
    assert_eq!(met, [(Served(1), 3), (Served(2), 9)].into(), "every connection is kept");
    bench.edit_server(key, &limited(5)).unwrap();
    let met = tally(&bench.spread(key, 12..24));
    assert_eq!(met, [(Served(1), 2), (Served(2), 10)].into());
    bench.edit_server(key, &limited(0)).unwrap();
    assert_eq!(tally(&bench.spread(key, 24..36)), [(Served(1), 6), (Served(2), 6)].into());
}

pub(crate) fn switching_the_scheduler_keeps_connections(bench: &mut dyn Bench) {
    let key = tcp(8351);
    bench.farm(&service(key, "rr"), &[1, 1]);
    bench.spread(key, 0..4);
    for scheduler in ["mh", "wlc", "sh", "rr"] {
        bench.edit(&service(key, scheduler)).unwrap();
        assert_eq!(bench.found(key).active(), 4, "{scheduler}");
        assert!(bench.talk(0, &key), "{scheduler}");
    }
}

/// The embedded director hashes as the kernel does, so a client meets the same server on both.
pub(crate) fn hashing_is_the_embedded_directors(bench: &mut dyn Bench) {
    for (port, scheduler, flags) in [
        (8352, "sh", ServiceFlags::empty()),
        (8353, "sh", ServiceFlags::SCHED1),
        (8354, "mh", ServiceFlags::empty()),
        (8355, "mh", ServiceFlags::SCHED1),
        (8356, "dh", ServiceFlags::empty()),
    ] {
        let web = Service { flags, ..service(tcp(port), scheduler) };
        let met = |bench: &mut dyn Bench| {
            bench.farm(&web, &[3, 1, 5, 2]);
            bench.set_weight(web.key, 3, 0);
            bench.spread(web.key, 0..64)
        };
        let here = met(bench);
        crate::sim_bench::run(|embedded| assert_eq!(met(embedded), here, "{scheduler} {flags:?}"));
    }
}
