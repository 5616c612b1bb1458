//! Servers that take no new connections any more.

use std::net::{Ipv4Addr, SocketAddr};

use super::*;
use crate::ipvs::{ServiceFlags, Timeouts};
use crate::kernel::sim::{Clock, Director, Scenario, Verdict};
use crate::kernel::{Reader, Want, Writer};

#[test]
fn the_last_server_is_a_danger_and_one_of_two_is_a_share() {
    let snapshot = director("wlc", &[10, 30, 0]);
    let share = "10.1.0.2:80 takes 25% of the capacity of TCP 10.0.0.1:80 and 33% of its \
                 connections (3 active); 1 of 2 servers is left";
    assert_eq!(told(&quiesce(&snapshot, &[0]), &snapshot), one(Level::Tell, share));
    let last = "no server of TCP 10.0.0.1:80 would be left with a weight above 0: new connections \
                are refused (21 connections now)";
    assert_eq!(told(&quiesce(&snapshot, &[0, 1]), &snapshot), one(Level::Type, last));
    // Whoever has weight 0 already is not stopped, and raising one instead leaves one.
    let swap = then(weigh(&snapshot, 2, 5), quiesce(&snapshot, &[0, 1]));
    assert_eq!(told(&swap, &snapshot)[0].0, Level::Tell);
    let swap = then(quiesce(&snapshot, &[0, 1]), weigh(&snapshot, 2, 5));
    let gap = "between two changes of this plan no server of TCP 10.0.0.1:80 has a weight above \
               0: new connections are refused for a moment";
    assert_eq!(told(&swap, &snapshot)[0], (Level::Ask, gap.to_owned()));
    assert_eq!(told(&weigh(&snapshot, 0, 9), &snapshot), [], "a step is no danger");
}

#[test]
fn what_the_plan_expects_counts_for_more_than_the_snapshot() {
    let snapshot = director("wlc", &[10, 0]);
    let (key, server) = {
        let entry = &snapshot.services[0];
        (entry.service.key, entry.servers[1].server.clone())
    };
    // A weight of 4 is on its way to the kernel.
    let plan = Plan::weight(key, &Server { weight: 4, ..server }, 0);
    assert!(told(&plan, &snapshot)[0].1.contains("takes 29% of the capacity"));
}

#[test]
fn deleting_the_last_server_is_a_danger_too() {
    let snapshot = director("wlc", &[10, 0]);
    let found = dangers(&delete(&snapshot, 0), &around(&snapshot));
    assert!(matches!(found[0], Danger::LastServer { connections: 14, .. }), "{found:?}");
    assert!(matches!(found[1], Danger::DeleteServer { .. }), "{found:?}");
}

#[test]
fn a_share_counts_servers_where_weights_do_not_matter() {
    let percent = |name, weights: &[u32], n| {
        let snapshot = director(name, weights);
        match &dangers(&quiesce(&snapshot, &[n]), &around(&snapshot))[..] {
            [.., Danger::Share { capacity_percent, .. }] => *capacity_percent,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(percent("wrr", &[1, 3], 0), 25);
    assert_eq!(percent("rr", &[1, 3], 0), 50);
    assert_eq!(percent("fo", &[1, 3], 0), 0, "it gets nothing");
    assert_eq!(percent("fo", &[1, 3], 1), 100, "it gets everything");
    assert_eq!(percent("wlc", &[1, 1_000], 0), 1, "never nothing by rounding");
    assert_eq!(percent("wlc", &[1, 1_000], 1), 99, "nor everything");
}

#[test]
fn a_share_of_several_servers_is_one_sentence_with_large_numbers_apart() {
    let mut snapshot = director("wlc", &[1, 1, 1]);
    snapshot.services[0].servers[0].active = 12_345;
    let text = &told(&quiesce(&snapshot, &[0, 1]), &snapshot)[0].1;
    let wanted = "2 servers take 67% of the capacity of TCP 10.0.0.1:80 and 99% of its \
                  connections (12,348 active); 1 of 3 servers is left";
    assert_eq!(text, wanted);
    snapshot.services[0].servers.iter_mut().for_each(|s| s.active = 0);
    let text = &told(&quiesce(&snapshot, &[0]), &snapshot)[0].1;
    assert!(text.contains("33% of its connections (4 inactive); 2 of 3 servers are left"));
    snapshot.services[0].servers.iter_mut().for_each(|s| s.inactive = 0);
    let text = &told(&quiesce(&snapshot, &[0]), &snapshot)[0].1;
    assert!(text.contains("and none of its connections;"), "{text}");
}

#[test]
fn a_hash_without_fallback_refuses_who_still_comes() {
    let percent = |name, weights| {
        let snapshot = director(name, weights);
        match &dangers(&quiesce(&snapshot, &[0]), &around(&snapshot))[..] {
            [Danger::RefusedClients { percent, .. }, ..] => *percent,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(percent("mh", &[30, 10]), 75);
    assert_eq!(percent("mh", &[10, 10, 20]), 25);
    assert_eq!(percent("sh", &[1, 1]), 50);
    assert_eq!(percent("sh", &[30, 10]), 9, "one slot of eleven");
    assert_eq!(percent("dh", &[30, 10]), 50, "by its connections: dh does not weigh");
    let mut safe = director("sh", &[30, 10]);
    safe.services[0].service.flags = ServiceFlags::SCHED1;
    assert_eq!(level(&dangers(&quiesce(&safe, &[0]), &around(&safe))), Level::Tell);
    // Taking the fallback away refuses the clients of whoever is at 0 already.
    safe.services[0].servers[0].server.weight = 0;
    let off = edit(&safe, |s| s.flags = ServiceFlags::empty());
    let wanted = "sh goes on choosing 10.1.0.2:80 for new clients, and refuses them instead of \
                  moving them: about 9% of the clients of TCP 10.0.0.1:80";
    assert_eq!(told(&off, &safe), one(Level::Ask, wanted));
}

/// The embedded director has the kernel's own hashes: what is said of clients is counted there.
#[test]
fn the_share_that_is_refused_is_what_the_kernels_hash_refuses() {
    for (name, weights) in [("sh", [1, 1, 1]), ("sh", [10, 4, 6]), ("mh", [10, 4, 6])] {
        let made = director(name, &weights);
        let sim = Director::open(Scenario::Empty, 1, Clock::Manual);
        let entry = &made.services[0];
        let service = entry.service.clone();
        let mut writer = sim.writer();
        let mut apply = |change: &Change| writer.apply(change).unwrap();
        apply(&Change::Service { before: None, after: Some(service.clone()) });
        for server in &entry.servers {
            let after = Some(server.server.clone());
            apply(&Change::Server { service: service.key, before: None, after });
        }
        let plan = quiesce(&made, &[0]);
        plan.changes.iter().for_each(&mut apply);
        let clients = 4_000_u32;
        let refused = (0..clients).filter(|n| {
            let client = Ipv4Addr::from(0x0a40_0000 + n * 7);
            sim.connect(SocketAddr::new(client.into(), 4_000), &service.key) == Verdict::Refused
        });
        let counted = refused.count() as f64 * 100.0 / f64::from(clients);
        let snapshot = sim.reader().snapshot(&Want::everything()).unwrap();
        assert_eq!(snapshot.services[0].servers[0].server.weight, 0);
        let said = match &dangers(&plan, &around(&made))[0] {
            Danger::RefusedClients { percent, .. } => f64::from(*percent),
            other => panic!("{other:?}"),
        };
        assert!((said - counted).abs() < 3.0, "{name} {weights:?}: said {said}, {counted} refused");
    }
}

#[test]
fn templates_keep_clients_on_a_quiesced_server() {
    let mut snapshot = director("wlc", &[1, 1]);
    persistent(&mut snapshot, 290, 31);
    let last = |snapshot: &Snapshot| told(&quiesce(snapshot, &[0]), snapshot).pop().unwrap();
    let text = "31 persistence templates keep sending clients of TCP 10.0.0.1:80 to 10.1.0.2:80 \
                at weight 0, until 4m50s after a client's last connection \
                (expire_quiescent_template";
    let unread = format!("{text} could not be read; 1 would end that)");
    assert_eq!(last(&snapshot), (Level::Tell, unread));
    with_sysctl(&mut snapshot, "expire_quiescent_template", "0");
    assert_eq!(last(&snapshot), (Level::Tell, format!("{text} is 0)")));
    // They do not when the server is deleted, nor when there are none, nor with the sysctl.
    let none = |plan: &Plan, snapshot: &Snapshot| {
        let found = dangers(plan, &around(snapshot));
        !found.iter().any(|d| matches!(d, Danger::Templates { .. }))
    };
    assert!(none(&delete(&snapshot, 0), &snapshot));
    let on = Plan::sysctl("expire_quiescent_template", "0", "1");
    assert!(none(&then(on, quiesce(&snapshot, &[0])), &snapshot));
    persistent(&mut snapshot, 290, 0);
    assert!(none(&quiesce(&snapshot, &[0]), &snapshot));
}

#[test]
fn udp_flows_do_not_follow_the_weight() {
    let mut snapshot = director("wlc", &[1, 1]);
    snapshot.services[0].service.key = "UDP 10.0.0.1:53".parse().unwrap();
    snapshot.services[0].servers.iter_mut().for_each(|s| s.active = 0);
    snapshot.timeouts = Part::Fresh(Timeouts { tcp: 900, tcp_fin: 120, udp: 300 });
    let wanted = "UDP does not drain by weight: a client of UDP 10.0.0.1:53 that keeps its source \
                  port stays on 10.1.0.2:80 until it pauses for 5m (4 flows now)";
    let found = told(&quiesce(&snapshot, &[0]), &snapshot);
    assert_eq!(found[1], (Level::Tell, wanted.to_owned()));
    snapshot.services[0].service.flags = ServiceFlags::ONE_PACKET;
    assert_eq!(told(&quiesce(&snapshot, &[0]), &snapshot).len(), 1, "it keeps no flows");
}
