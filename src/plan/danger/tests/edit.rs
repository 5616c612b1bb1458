//! Schedulers, flags, persistence, forwarding, and weights that come back.

use super::*;
use crate::ipvs::{Netmask, Rates, ServiceFlags, Stats, TunnelKind};
use crate::plan::{Remap, Stickiness};

#[test]
fn a_switch_tells_the_moment_without_a_scheduler_and_who_is_remapped() {
    let snapshot = director("wlc", &[10, 0]);
    let to = |name| edit(&snapshot, |s| s.scheduler = scheduler(name));
    let switch = "while TCP 10.0.0.1:80 goes from wlc to wrr it has no scheduler: new connections \
                  are refused for a moment, some milliseconds";
    assert_eq!(told(&to("wrr"), &snapshot), one(Level::Ask, switch));
    let found = dangers(&to("mh"), &around(&snapshot));
    let all = matches!(
        found[..],
        [
            Danger::Switch { .. },
            Danger::RefusedClients { .. },
            Danger::Remapped { by: Remap::Scheduler, .. },
        ]
    );
    assert!(all, "{found:?}");
    let none = "TCP 10.0.0.1:80 has wlc and would have no scheduler: new connections are refused";
    assert_eq!(told(&to("none"), &snapshot), one(Level::Type, none));
}

#[test]
fn a_hash_is_dealt_anew_by_weights_servers_and_the_port() {
    let by = |plan: &Plan, snapshot: &Snapshot| {
        let found = dangers(plan, &around(snapshot));
        let remap = |d: &Danger| match d {
            Danger::Remapped { by, .. } => Some((*by, d.level())),
            _ => None,
        };
        found.iter().find_map(remap)
    };
    let weights = Some((Remap::Weights, Level::Tell));
    let servers = Some((Remap::Servers, Level::Ask));
    let [sh, mh, dh] = ["sh", "mh", "dh"].map(|name| director(name, &[10, 10, 0]));
    assert_eq!(by(&weigh(&sh, 0, 11), &sh), weights);
    assert_eq!(by(&weigh(&sh, 0, 0), &sh), weights);
    assert_eq!(by(&weigh(&mh, 0, 11), &mh), weights);
    assert_eq!(by(&weigh(&mh, 0, 0), &mh), None, "Maglev's table keeps the last weight");
    assert_eq!(by(&weigh(&mh, 2, 10), &mh), None);
    assert_eq!(by(&weigh(&dh, 0, 11), &dh), None, "dh has one slot a server");
    for snapshot in [&sh, &mh, &dh] {
        assert_eq!(by(&delete(snapshot, 1), snapshot), servers);
        let mut new = snapshot.services[0].servers[0].server.clone();
        new.key = "10.1.9.2:80".parse().unwrap();
        let key = snapshot.services[0].service.key;
        assert_eq!(by(&Plan::add_server(key, new), snapshot), servers);
    }
    let port = edit(&sh, |s| s.flags |= ServiceFlags::SCHED2);
    assert_eq!(by(&port, &sh), Some((Remap::Port, Level::Ask)));
    let fallback = edit(&sh, |s| s.flags |= ServiceFlags::SCHED1);
    assert_eq!(told(&fallback, &sh), []);
    assert_eq!(by(&weigh(&director("sh", &[1]), 0, 5), &director("sh", &[1])), None);
    let text = told(&weigh(&sh, 0, 11), &sh);
    let wanted = "sh deals the clients of TCP 10.0.0.1:80 anew with every weight: new connections \
                  of a client may come to another server than before";
    assert_eq!(text, one(Level::Tell, wanted));
}

#[test]
fn a_server_added_at_zero_takes_a_slot_of_sh_and_none_of_mh() {
    for (name, refuses) in [("sh", true), ("dh", true), ("mh", false), ("wlc", false)] {
        let snapshot = director(name, &[10, 10]);
        let mut new = snapshot.services[0].servers[0].server.clone();
        (new.key, new.weight) = ("10.1.9.2:80".parse().unwrap(), 0);
        let plan = Plan::add_server(snapshot.services[0].service.key, new);
        let found = dangers(&plan, &around(&snapshot));
        let refused = found.iter().any(|d| matches!(d, Danger::RefusedClients { .. }));
        assert_eq!(refused, refuses, "{name}: {found:?}");
    }
}

#[test]
fn a_forwarding_method_counts_for_new_connections_and_a_tunnel_at_once() {
    let mut snapshot = director("wlc", &[1, 1]);
    let route = edit_server(&snapshot, |s| s.forwarding = Forwarding::Route);
    let text = "the new forwarding method of 10.1.0.2:80 counts for new connections only: its 7 \
                connections of TCP 10.0.0.1:80 keep Masq";
    assert_eq!(told(&route, &snapshot), one(Level::Tell, text));
    let gre = |s: &mut Server| s.tunnel.kind = TunnelKind::Gre;
    assert_eq!(told(&edit_server(&snapshot, gre), &snapshot), [], "it has no tunnel");
    snapshot.services[0].servers[0].server.forwarding = Forwarding::Tunnel;
    let text = "the tunnel of 10.1.0.2:80 changes at once, under 7 connections of TCP \
                10.0.0.1:80 too: they break unless the real server takes both";
    assert_eq!(told(&edit_server(&snapshot, gre), &snapshot), one(Level::Ask, text));
}

#[test]
fn persistence_changes_are_told_while_there_are_templates() {
    let mut snapshot = director("wlc", &[1, 1]);
    persistent(&mut snapshot, 300, 20);
    let timeout = edit(&snapshot, |s| s.timeout = 600);
    let text = "the new timeout counts for new templates: 40 persistence templates of TCP \
                10.0.0.1:80 keep 5m";
    assert_eq!(told(&timeout, &snapshot), one(Level::Tell, text));
    let netmask = edit(&snapshot, |s| s.netmask = Netmask::V4([255, 255, 255, 0].into()));
    let text = "40 persistence templates of TCP 10.0.0.1:80 are not found under the new netmask \
                or engine: a client's next connection may come to another server";
    assert_eq!(told(&netmask, &snapshot), one(Level::Ask, text));
    let off = edit(&snapshot, |s| s.flags = ServiceFlags::empty());
    let found = dangers(&off, &around(&snapshot));
    let wanted = Danger::Persistence {
        service: snapshot.services[0].service.key,
        what: Stickiness::Off,
        templates: Some(40),
    };
    assert_eq!(found, [wanted]);
    persistent(&mut snapshot, 300, 0);
    for plan in [timeout, netmask, off] {
        assert_eq!(told(&plan, &snapshot), []);
    }
}

#[test]
fn a_server_that_comes_back_gets_everything_until_it_has_caught_up() {
    let mut snapshot = director("wlc", &[10, 10, 0]);
    for (server, active) in snapshot.services[0].servers.iter_mut().zip([300, 272, 12]) {
        (server.active, server.inactive) = (active, 0);
    }
    let text = "wlc sends new connections of TCP 10.0.0.1:80 to 10.1.2.2:80 alone until it has \
                caught up, about 260 in a row: it has 12, the least loaded other 272";
    assert_eq!(told(&weigh(&snapshot, 2, 10), &snapshot), one(Level::Tell, text));
    let rates = Rates { connections: 40, ..Rates::default() };
    snapshot.services[0].stats = Some(Stats { rates, ..Stats::default() });
    // Half the weight is level with half the connections.
    let text = &told(&weigh(&snapshot, 2, 5), &snapshot)[0].1;
    assert!(text.contains("about 124 in a row (4s at 40 CPS)"), "{text}");
    // One by one it is no matter, and others do not look at connections.
    assert_eq!(told(&weigh(&snapshot, 1, 11), &snapshot), []);
    for (name, tells) in
        [("lc", true), ("sed", true), ("nq", true), ("lblc", true), ("wrr", false), ("rr", false)]
    {
        snapshot.services[0].service.scheduler = scheduler(name);
        assert_eq!(!told(&weigh(&snapshot, 2, 10), &snapshot).is_empty(), tells, "{name}");
    }
    // An added server has nothing yet.
    snapshot.services[0].service.scheduler = scheduler("wlc");
    let mut new = snapshot.services[0].servers[0].server.clone();
    new.key = "10.1.9.2:80".parse().unwrap();
    let plan = Plan::add_server(snapshot.services[0].service.key, new);
    let text = &told(&plan, &snapshot)[0].1;
    assert!(text.contains("about 272 in a row (7s at 40 CPS): it has 0"), "{text}");
    // One that was away for a moment only has its connections still.
    snapshot.services[0].servers[2].active = 270;
    assert_eq!(told(&weigh(&snapshot, 2, 10), &snapshot), []);
}
