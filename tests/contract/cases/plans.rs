//! Plans as the worker applies them: journaled, verified, and taken back from the journal.

use std::net::Ipv4Addr;

use ipvs_tui::drain::Past;
use ipvs_tui::ipvs::*;
use ipvs_tui::journal::{Act, Kind, Order};
use ipvs_tui::kernel::Want;
use ipvs_tui::plan::{Around, Failure, Plan, everywhere, offers};
use ipvs_tui::snapshot::{ServiceEntry, Snapshot, Sysctls};
use ipvs_tui::worker::{Director, apply};

use crate::bench::{Bench, VIP, persistent, service, tcp};

type Config = (Vec<(Service, Vec<Server>)>, Timeouts, Sysctls);

/// Every attribute of the table and what is around it, but no counter.
fn config(snapshot: &Snapshot) -> Config {
    let services = snapshot.services.iter().map(|entry| {
        let servers = entry.servers.iter().map(|server| server.server.clone());
        (entry.service.clone(), servers.collect())
    });
    let mut sysctls = snapshot.sysctls.get().unwrap().clone();
    // They come with the scheduler's module, which stays.
    sysctls.retain(|name, _| !name.starts_with("lblc"));
    (services.collect(), *snapshot.timeouts.get().unwrap(), sysctls)
}

fn look(director: &mut Director) -> Snapshot {
    director.reader.snapshot(&Want::everything()).unwrap()
}

fn at(host: u8, port: u16) -> ServerKey {
    ServerKey::new([10, 99, 1, host].into(), port)
}

fn tunnel(kind: TunnelKind, port: u16, flags: u16) -> Tunnel {
    Tunnel { kind, port, flags }
}

/// One of everything that breaks tools: see `tests/lab/guest/hard-table`.
fn hard_table(bench: &mut dyn Bench) {
    let host = |n: u8, port: u16, forwarding, weight| Server::new(at(n, port), forwarding, weight);
    let mut services: Vec<(Service, Vec<Server>)> = Vec::new();
    services.push((
        service(tcp(80), "wlc"),
        vec![
            Server {
                upper_threshold: 1000,
                lower_threshold: 800,
                ..host(1, 80, Forwarding::Masq, 10)
            },
            host(2, 80, Forwarding::Masq, 0),
            Server { upper_threshold: 5, ..host(3, 8080, Forwarding::Masq, 65_535) },
        ],
    ));
    let mut sh = persistent(service(tcp(443), "sh"), 300);
    sh.flags |= ServiceFlags::SCHED1 | ServiceFlags::SCHED2;
    sh.netmask = Netmask::V4(Ipv4Addr::new(255, 255, 255, 0));
    let tunnelled = |n, tunnel| Server { tunnel, ..host(n, 443, Forwarding::Tunnel, 1) };
    services.push((
        sh,
        vec![
            host(1, 443, Forwarding::Route, 1),
            tunnelled(2, tunnel(TunnelKind::Ipip, 0, 0)),
            tunnelled(3, tunnel(TunnelKind::Gue, 6080, 0)),
            tunnelled(4, tunnel(TunnelKind::Gre, 0, Tunnel::CSUM)),
        ],
    ));
    services.push((
        service(tcp(8443), "mh"),
        vec![host(1, 8443, Forwarding::Masq, 2), host(2, 8443, Forwarding::Masq, MAX_WEIGHT)],
    ));
    services.push((service(tcp(8445), "ovf"), Vec::new()));
    let any = ServiceKey::endpoint(Protocol::TCP, [10, 99, 0, 2].into(), 0);
    services.push((persistent(service(any, "lc"), 50), vec![host(1, 0, Forwarding::Route, 1)]));
    let mut dns = service(ServiceKey::endpoint(Protocol::UDP, VIP, 53), "rr");
    dns.flags |= ServiceFlags::ONE_PACKET;
    services
        .push((dns, vec![host(1, 53, Forwarding::Masq, 1), host(2, 5353, Forwarding::Masq, 1)]));
    let calls = ServiceKey::endpoint(Protocol::UDP, VIP, 5060);
    let mut sip = persistent(service(calls, "rr"), 300);
    sip.pe = Some(PeName::new("sip").unwrap());
    services.push((sip, vec![host(1, 5060, Forwarding::Masq, 1)]));
    let sctp = ServiceKey::endpoint(Protocol::SCTP, VIP, 9999);
    services.push((service(sctp, "sed"), vec![host(4, 9999, Forwarding::Masq, 7)]));
    let mark = |family, mark| ServiceKey::Fwmark { family, mark };
    let mut five = persistent(service(mark(Family::V4, 5), "wlc"), 120);
    five.netmask = Netmask::V4(Ipv4Addr::new(255, 255, 0, 0));
    services.push((five, vec![host(1, 0, Forwarding::Masq, 4), host(2, 0, Forwarding::Route, 4)]));
    services.push((service(mark(Family::V4, u32::MAX), "nq"), Vec::new()));
    let mut six = persistent(service(mark(Family::V6, 6), "rr"), 600);
    six.netmask = Netmask::V6(64);
    let v6 = |host: u16, port, forwarding, weight| {
        let addr: std::net::IpAddr = format!("fd99:1::{host:x}").parse().unwrap();
        Server::new(ServerKey::new(addr, port), forwarding, weight)
    };
    services.push((six, vec![v6(2, 0, Forwarding::Route, 1)]));
    let vip6: ServiceKey = "TCP [fd99::1]:443".parse().unwrap();
    let mut web6 = persistent(service(vip6, "wrr"), 300);
    web6.netmask = Netmask::V6(48);
    services.push((
        web6,
        vec![v6(2, 443, Forwarding::Route, 4), tunnelled(4, tunnel(TunnelKind::Ipip, 0, 0))],
    ));
    for (service, servers) in services {
        bench.add(&service).unwrap();
        for server in servers {
            bench.add_server(service.key, &server).unwrap();
        }
    }
}

/// Every kind of plan that an operator can make of this table.
fn plans(bench: &dyn Bench, now: &Snapshot) -> Vec<Plan> {
    let mut plans = Vec::new();
    for entry in &now.services {
        let before = entry.service.clone();
        let key = before.key;
        let mut edit = |edit: &dyn Fn(&mut Service)| {
            let mut after = before.clone();
            edit(&mut after);
            if !after.same_config(&before) {
                plans.push(Plan::service(before.clone(), after));
            }
        };
        for scheduler in SCHEDULERS.iter().filter(|s| bench.knows(s.name)) {
            edit(&|s| s.scheduler = SchedulerName::new(scheduler.name).unwrap());
        }
        edit(&|s| s.flags.toggle(ServiceFlags::PERSISTENT));
        edit(&|s| s.flags.toggle(ServiceFlags::ONE_PACKET));
        edit(&|s| s.flags.toggle(ServiceFlags::SCHED1));
        edit(&|s| s.flags.toggle(ServiceFlags::SCHED3));
        edit(&|s| s.pe = None);
        edit(&|s| s.timeout = 77);
        edit(&|s| {
            s.netmask = match s.netmask {
                Netmask::V4(_) => Netmask::V4(Ipv4Addr::new(255, 240, 0, 0)),
                Netmask::V6(_) => Netmask::V6(33),
            }
        });
        plans.push(Plan::delete_service(entry));
        plans.extend(server_plans(key, entry));
    }
    let new = tcp(7_777);
    plans.push(Plan::add_service(service(new, "wlc")));
    let hosts: Vec<_> = everywhere(now, [10, 99, 1, 1].into());
    plans.push(Plan::drain("drain 10.99.1.1 everywhere", &hosts));
    plans.push(Plan::delete_servers(&hosts));
    let timeouts = *now.timeouts.get().unwrap();
    plans.push(Plan::timeouts(timeouts, Timeouts { tcp: 901, tcp_fin: 121, udp: 301 }));
    let quiescent = &now.sysctls.get().unwrap()["expire_quiescent_template"];
    plans.push(Plan::sysctl("expire_quiescent_template", quiescent, "1"));
    plans
}

fn server_plans(key: ServiceKey, entry: &ServiceEntry) -> Vec<Plan> {
    let mut plans = Vec::new();
    if key.family() == Family::V4 {
        let after = Server { upper_threshold: 9, ..Server::new(at(9, 99), Forwarding::Masq, 3) };
        plans.push(Plan::add_server(key, after));
    }
    for server in entry.servers.iter().map(|s| &s.server) {
        let mut edit = |edit: &dyn Fn(&mut Server)| {
            let mut after = server.clone();
            edit(&mut after);
            if after != *server {
                plans.push(Plan::server(key, server.clone(), after));
            }
        };
        edit(&|s| s.weight = 0);
        edit(&|s| s.weight = 12_345);
        edit(&|s| (s.upper_threshold, s.lower_threshold) = (500, 400));
        edit(&|s| s.tunnel = tunnel(TunnelKind::Gue, 7070, Tunnel::REMCSUM));
        if Family::of(server.key.addr) == key.family() {
            edit(&|s| s.forwarding = Forwarding::Route);
            edit(&|s| s.forwarding = Forwarding::Tunnel);
        }
        plans.push(Plan::delete_server(key, server.clone()));
    }
    plans
}

/// Applies a plan and panics unless all of it was made.
fn make(director: &mut Director, order: &Order) {
    let (outcome, written) = apply(order, director);
    assert_eq!(outcome.failed, None, "{}", order.act.plan.title);
    assert_eq!(written.owed, None);
    assert_eq!(outcome.done.changes.len() + outcome.already, order.act.plan.changes.len());
}

/// Takes the last change back, from what the journal says.
fn take_back(director: &mut Director) {
    let book = &mut director.hand.as_mut().unwrap().book;
    let history = book.history().unwrap();
    let entry = history.undoable(book.scene()).next().expect("something to undo");
    let plan = entry.inverse().unwrap();
    let undoes = Some(entry.id());
    make(director, &Order::new(Act { kind: Kind::Undo, undoes, ..Act::new(plan) }));
}

pub(crate) fn every_plan_is_taken_back_from_the_journal(bench: &mut dyn Bench) {
    hard_table(bench);
    let mut director = bench.director();
    let first = look(&mut director);
    let (before, judged) = (config(&first), bench.judge());
    let all = plans(bench, &first);
    assert!(all.len() > 150, "{} plans", all.len());
    for plan in &all {
        // A journal of its own: reading it back is not what is tried here.
        let mut director = bench.director();
        make(&mut director, &Order::new(Act::new(plan.clone())));
        assert_ne!(config(&look(&mut director)), before, "{} changed nothing", plan.title);
        take_back(&mut director);
        assert_eq!(config(&look(&mut director)), before, "after {} and its undo", plan.title);
    }
    assert_eq!(bench.judge(), judged);
}

pub(crate) fn a_day_of_plans_is_taken_back_last_first(bench: &mut dyn Bench) {
    hard_table(bench);
    let mut director = bench.director();
    let first = look(&mut director);
    let (before, judged) = (config(&first), bench.judge());
    // A host is drained with everything that is offered, restored, and drained again.
    let drain = |director: &mut Director| {
        let now = look(director);
        let hosts = everywhere(&now, [10, 99, 1, 2].into());
        let order = past(director).drain("10.99.1.2 everywhere", &hosts);
        let around = Around { snapshot: &now, owners: &[] };
        let offered = offers(&order.act.plan, &around);
        assert!(!offered.is_empty());
        let plan = order.act.plan.with_offers(&offered);
        make(director, &Order { act: Act { plan, ..order.act }, ..order });
    };
    drain(&mut director);
    let drained = look(&mut director);
    let hosts = everywhere(&drained, [10, 99, 1, 2].into());
    assert!(hosts.iter().all(|(_, server)| server.weight == 0), "{hosts:?}");
    let known = past(&mut director);
    let restore = known.restore(&known.weights_of(&hosts), &drained);
    assert_eq!(restore.ends.len(), 1, "the drain ends");
    make(&mut director, &restore);
    assert_eq!(config(&look(&mut director)), before, "restoring takes the offers back too");
    drain(&mut director);
    // And then one edit on top of the other.
    let mut made = 3;
    for turn in 0..12 {
        let now = look(&mut director);
        let all = plans(bench, &now);
        let plan = all[turn * 37 % all.len()].clone();
        make(&mut director, &Order::new(Act::new(plan)));
        made += 1;
    }
    for _ in 0..made {
        take_back(&mut director);
    }
    assert_eq!(config(&look(&mut director)), before);
    assert_eq!(bench.judge(), judged);
}

fn past(director: &mut Director) -> Past {
    let book = &mut director.hand.as_mut().unwrap().book;
    Past::of(&book.history().unwrap(), &book.scene().clone())
}

pub(crate) fn a_conflict_writes_nothing(bench: &mut dyn Bench) {
    hard_table(bench);
    let mut director = bench.director();
    let first = look(&mut director);
    let hosts = everywhere(&first, [10, 99, 1, 1].into());
    let plan = Plan::drain("drain 10.99.1.1 everywhere", &hosts);
    // Someone else moves the last of the weights that the plan expects.
    let (key, server) = hosts.last().unwrap();
    bench.edit_server(*key, &Server { weight: 77, ..server.clone() }).unwrap();
    let before = config(&look(&mut director));
    let (outcome, written) = apply(&Order::new(Act::new(plan)), &mut director);
    let Some((_, Failure::Conflict(conflict))) = outcome.failed else { panic!("{outcome:?}") };
    assert_eq!((conflict.found.as_str(), conflict.planned.as_str()), ("77", "0"));
    assert!(outcome.done.changes.is_empty() && written.entry.is_none());
    assert_eq!(config(&look(&mut director)), before);
}
