//! What each scheduler does with weights, above all with weight 0.

use std::collections::BTreeMap;

use super::*;
use crate::ipvs::{Forwarding, Server, ServerKey, ServiceKey};

/// A service with servers 10.1.0.1, 10.1.0.2... of the given weights, in list order.
struct Bench {
    dests: Dests,
    order: Vec<DestId>,
    scheduler: Box<dyn Scheduler>,
    flags: ServiceFlags,
    addr: IpAddr,
    random: Random,
}

impl Bench {
    fn new(name: &str, weights: &[u32]) -> Self {
        let key: ServiceKey = "TCP 10.0.0.1:80".parse().unwrap();
        let mut dests = Dests::default();
        let server = |host: usize, weight| {
            let key = ServerKey::new([10, 1, 0, host as u8 + 1].into(), 80);
            Server::new(key, Forwarding::Masq, weight)
        };
        let order: Vec<DestId> = weights
            .iter()
            .enumerate()
            .map(|(host, weight)| dests.add(key, 1, server(host, *weight)))
            .collect();
        let scheduler = bind(name, Pool { order: &order, dests: &dests }).unwrap().unwrap();
        let flags = ServiceFlags::empty();
        let addr = [10, 0, 0, 1].into();
        Self { dests, order, scheduler, flags, addr, random: Random::new(1) }
    }

    fn dest(&mut self, host: usize) -> &mut Dest {
        self.dests.get_mut(self.order[host]).unwrap()
    }

    fn set_weight(&mut self, host: usize, weight: u32) {
        let dest = self.dest(host);
        let server = Server { weight, ..dest.server.clone() };
        dest.configure(&server);
        self.scheduler.changed(Pool { order: &self.order, dests: &self.dests });
    }

    fn ask(&mut self, request: &Request) -> Option<usize> {
        let pool = Pool { order: &self.order, dests: &self.dests };
        let chosen = self.scheduler.choose(pool, request, &mut self.random)?;
        self.order.iter().position(|id| *id == chosen)
    }

    fn request(&self, client: u32) -> Request {
        Request {
            client: std::net::Ipv4Addr::from_bits(0xc612_0000 + client).into(),
            client_port: 40_000,
            virtual_addr: self.addr,
            flags: self.flags,
            now: 0,
            lblcr_expiration: 86_400_000,
        }
    }

    /// Where each of `clients` clients goes; nobody keeps a connection.
    fn spread(&mut self, clients: u32) -> Vec<Option<usize>> {
        (0..clients).map(|client| self.ask(&self.request(client))).collect()
    }

    /// Where each of `clients` goes when every connection stays open.
    fn fill(&mut self, clients: u32) -> Vec<Option<usize>> {
        let mut chosen = Vec::new();
        for client in 0..clients {
            let host = self.ask(&self.request(client));
            if let Some(host) = host {
                self.dest(host).active += 1;
            }
            chosen.push(host);
        }
        chosen
    }
}

fn counts(chosen: &[Option<usize>]) -> BTreeMap<Option<usize>, usize> {
    let mut counts = BTreeMap::new();
    for host in chosen {
        *counts.entry(*host).or_default() += 1;
    }
    counts
}

/// Every scheduler except the hashing ones moves the clients of a weight-0 server elsewhere.
#[test]
fn weight_0_takes_nobody_and_refuses_nobody() {
    for name in ["rr", "wrr", "lc", "wlc", "sed", "nq", "lblc", "lblcr", "fo", "ovf", "twos"] {
        let mut bench = Bench::new(name, &[1_000, 0, 500]);
        let chosen = counts(&bench.fill(60));
        assert_eq!(chosen.get(&Some(1)), None, "{name}");
        assert_eq!(chosen.get(&None), None, "{name}");
        bench.set_weight(1, 2_000);
        // lblc and lblcr know another address for as long as nobody asks for this one.
        bench.addr = [10, 0, 0, 2].into();
        assert!(counts(&bench.fill(400)).contains_key(&Some(1)), "{name} comes back");
    }
}

#[test]
fn every_scheduler_refuses_when_all_are_at_0() {
    for scheduler in crate::ipvs::SCHEDULERS {
        let mut bench = Bench::new(scheduler.name, &[0, 0, 0]);
        assert_eq!(counts(&bench.spread(50)), [(None, 50)].into(), "{}", scheduler.name);
    }
}

#[test]
fn every_scheduler_refuses_without_servers_and_passes_over_the_overloaded() {
    for scheduler in crate::ipvs::SCHEDULERS {
        let name = scheduler.name;
        assert_eq!(Bench::new(name, &[]).spread(1), [None], "{name}");
        let mut bench = Bench::new(name, &[5, 5]);
        bench.dest(0).overloaded = true;
        assert!(!counts(&bench.spread(50)).contains_key(&Some(0)), "{name}");
    }
}

#[test]
fn rr_takes_turns_whatever_the_weight() {
    let mut bench = Bench::new("rr", &[1, 0, 100]);
    assert_eq!(bench.spread(4), [Some(0), Some(2), Some(0), Some(2)]);
}

/// When the server that was chosen last leaves, the turn stays where it was.
#[test]
fn rr_goes_on_after_a_server_left() {
    let mut bench = Bench::new("rr", &[1, 1, 1, 1]);
    assert_eq!(bench.spread(2), [Some(0), Some(1)]);
    let left = bench.order[1];
    bench.scheduler.leaving(left, Pool { order: &bench.order, dests: &bench.dests });
    bench.order.remove(1);
    assert_eq!(bench.spread(3), [Some(1), Some(2), Some(0)], "numbers after the removal");
}

#[test]
fn wrr_takes_turns_as_often_as_the_weight_asks() {
    let mut bench = Bench::new("wrr", &[4, 2, 0]);
    assert_eq!(bench.spread(6), [0, 0, 1, 0, 0, 1].map(Some)[..6].to_vec());
    let mut uneven = Bench::new("wrr", &[5, 1, 1]);
    let chosen = counts(&uneven.spread(70));
    assert_eq!(chosen, [(Some(0), 50), (Some(1), 10), (Some(2), 10)].into());
}

/// Weights near the limit must not make the passes of wrr visible as time.
#[test]
fn wrr_is_quick_with_huge_weights() {
    let mut bench = Bench::new("wrr", &[i32::MAX as u32, 1, i32::MAX as u32 - 1]);
    bench.dest(0).overloaded = true;
    bench.dest(2).overloaded = true;
    assert_eq!(bench.spread(3), [Some(1); 3]);
}

#[test]
fn lc_ignores_and_wlc_obeys_the_weight() {
    let lc = counts(&Bench::new("lc", &[1, 9]).fill(100));
    assert_eq!(lc, [(Some(0), 50), (Some(1), 50)].into());
    let wlc = counts(&Bench::new("wlc", &[1, 9]).fill(100));
    assert_eq!(wlc, [(Some(0), 10), (Some(1), 90)].into());
}

#[test]
fn an_active_connection_weighs_256_inactive_ones() {
    let mut bench = Bench::new("wlc", &[1, 1]);
    bench.dest(0).active = 1;
    bench.dest(1).inactive = 255;
    assert_eq!(bench.spread(1), [Some(1)]);
    bench.dest(1).inactive = 257;
    assert_eq!(bench.spread(1), [Some(0)]);
}

#[test]
fn sed_prefers_the_strong_and_nq_the_idle() {
    assert_eq!(Bench::new("sed", &[1, 10]).fill(4), [Some(1); 4]);
    assert_eq!(Bench::new("nq", &[1, 10]).fill(4), [0, 1, 1, 1].map(Some));
}

#[test]
fn fo_gives_everything_to_the_highest_and_ovf_until_it_is_full() {
    assert_eq!(counts(&Bench::new("fo", &[3, 7, 5]).fill(30)), [(Some(1), 30)].into());
    let mut ovf = Bench::new("ovf", &[3, 7, 5]);
    let chosen = counts(&ovf.fill(30));
    // "active > weight" is full: each takes one more than its weight, then all refuse.
    assert_eq!(chosen, [(Some(1), 8), (Some(2), 6), (Some(0), 4), (None, 12)].into());
}

#[test]
fn dh_refuses_the_clients_of_a_server_at_0() {
    let mut bench = Bench::new("dh", &[1, 1, 1]);
    let host = bench.spread(1)[0].unwrap();
    assert_eq!(counts(&bench.spread(40)), [(Some(host), 40)].into(), "one address, one server");
    bench.set_weight(host, 0);
    assert_eq!(counts(&bench.spread(40)), [(None, 40)].into());
    bench.flags = ServiceFlags::SCHED1;
    assert_eq!(counts(&bench.spread(40)), [(None, 40)].into(), "dh knows no fallback");
}

#[test]
fn sh_and_mh_refuse_the_share_of_a_server_at_0_unless_they_fall_back() {
    for name in ["sh", "mh"] {
        let mut bench = Bench::new(name, &[1, 1, 1]);
        let before = bench.spread(600);
        let share = before.iter().filter(|host| **host == Some(1)).count();
        assert!((100..300).contains(&share), "{name}: {share} of 600");
        bench.set_weight(1, 0);
        let after = bench.spread(600);
        for (before, after) in before.iter().zip(&after) {
            let expected = if *before == Some(1) { None } else { *before };
            assert_eq!(*after, expected, "{name}: weight 1 and 0 fill the same slots");
        }
        bench.flags = ServiceFlags::SCHED1;
        let fallen = bench.spread(600);
        for (before, fallen) in before.iter().zip(&fallen) {
            assert!(fallen.is_some() && *fallen != Some(1), "{name}");
            assert!(*before == Some(1) || fallen == before, "{name} moves only the drained share");
        }
    }
}

#[test]
fn sh_and_mh_look_at_the_port_only_when_told() {
    for name in ["sh", "mh"] {
        let mut bench = Bench::new(name, &[1, 1, 1, 1]);
        let ask = |bench: &mut Bench, port| {
            let request = Request { client_port: port, ..bench.request(7) };
            bench.ask(&request).unwrap()
        };
        let hosts = |bench: &mut Bench| {
            (0..64).map(|port| ask(bench, 40_000 + port)).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(hosts(&mut bench).len(), 1, "{name}");
        bench.flags = ServiceFlags::SCHED2;
        assert_eq!(hosts(&mut bench).len(), 4, "{name} with port");
    }
}

/// The weights are dealt one after the other into 256 slots; what does not fit gets nothing.
#[test]
fn sh_starves_what_comes_after_256_slots() {
    let mut bench = Bench::new("sh", &[200, 100, 50]);
    let chosen = counts(&bench.spread(4_096));
    assert_eq!(chosen.get(&Some(2)), None);
    let first = chosen[&Some(0)] as f64 / 4_096.0;
    assert!((0.7..0.86).contains(&first), "200 of 256 slots, got {first}");
}

#[test]
fn mh_shares_by_weight_and_a_server_added_at_0_has_no_share() {
    let mut bench = Bench::new("mh", &[1, 3, 0]);
    let chosen = counts(&bench.spread(4_000));
    assert_eq!(chosen.get(&None), None, "no slots, so nobody is refused");
    let ratio = chosen[&Some(1)] as f64 / chosen[&Some(0)] as f64;
    assert!((2.6..3.4).contains(&ratio), "{ratio}");
}

/// Removing one of ten servers must leave nearly all other clients where they are.
#[test]
fn mh_moves_few_clients_when_a_server_leaves() {
    let mut bench = Bench::new("mh", &[1; 10]);
    let before = bench.spread(2_000);
    let gone = bench.order.pop().unwrap();
    bench.scheduler.changed(Pool { order: &bench.order, dests: &bench.dests });
    assert!(bench.dests.get(gone).is_some());
    let after = bench.spread(2_000);
    let stayed = before.iter().zip(&after).filter(|(b, _)| **b != Some(9));
    let moved = stayed.filter(|(before, after)| before != after).count();
    assert!(moved < 200, "{moved} of 2000");
}

#[test]
fn lblc_keeps_an_address_with_its_server_until_that_is_overloaded_or_quiesced() {
    let mut bench = Bench::new("lblc", &[10, 10]);
    let host = bench.spread(1)[0].unwrap();
    bench.dest(host).active = 10;
    assert_eq!(counts(&bench.spread(20)), [(Some(host), 20)].into(), "as active as its weight");
    bench.dest(host).active = 11;
    assert_eq!(bench.spread(1), [Some(1 - host)], "over it, and the other idles");
    bench.set_weight(1 - host, 0);
    assert_eq!(bench.spread(1), [Some(host)]);
}

#[test]
fn lblcr_adds_servers_to_an_address_and_drops_one_a_day() {
    let mut bench = Bench::new("lblcr", &[10, 10, 10]);
    let first = bench.spread(1)[0].unwrap();
    bench.dest(first).active = 11;
    let second = bench.spread(1)[0].unwrap();
    assert_ne!(first, second);
    bench.dest(second).active = 11;
    bench.dest(first).active = 3;
    assert_eq!(bench.spread(1), [Some(first)], "the less loaded member of the set");
    bench.dest(first).active = 0;
    let later = Request { now: 86_400_001, ..bench.request(0) };
    assert_eq!(bench.ask(&later), Some(first));
    bench.dest(first).active = 11;
    bench.dest(second).active = 6;
    let after = Request { now: 86_400_002, ..bench.request(0) };
    let third = bench.ask(&after).unwrap();
    assert!(third != first && third != second, "the set has lost its most loaded member");
}

#[test]
fn twos_prefers_the_heavier_and_the_idler() {
    let mut bench = Bench::new("twos", &[1, 9]);
    let chosen = counts(&bench.fill(500));
    assert!(chosen[&Some(1)] > 400, "{chosen:?}");
    let mut even = Bench::new("twos", &[5, 5]);
    even.dest(0).active = 50;
    let chosen = counts(&even.spread(400));
    assert!(chosen[&Some(1)] > 250, "{chosen:?}");
}

#[test]
fn names_that_are_none() {
    let dests = Dests::default();
    let pool = Pool { order: &[], dests: &dests };
    assert!(matches!(bind("none", pool), Ok(None)));
    assert!(matches!(bind("wlcx", pool), Err(Errno::NOENT)));
}
