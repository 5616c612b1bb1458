//! Every danger, with its numbers computed from a table that is made for it.

mod delete;
mod edit;
mod stop;

use std::time::Duration;

use super::{Around, Danger, Level, dangers, level};
use crate::ipvs::{Change, Forwarding, SchedulerName, Server, Service, ServiceFlags};
use crate::kernel::proc::owners::{Owner, OwnerKind};
use crate::plan::Plan;
use crate::snapshot::{Known, Moment, Part, ServerEntry, ServiceEntry, Snapshot, Source, Sysctls};

/// A director with one service, `TCP 10.0.0.1:80`, and servers `10.1.N.2:80` of these weights,
/// each with 3 active and 4 inactive connections. Nothing around it could be read.
pub(in crate::plan) fn director(scheduler: &str, weights: &[u32]) -> Snapshot {
    let key = "TCP 10.0.0.1:80".parse().unwrap();
    let service = Service::new(key, SchedulerName::new(scheduler).unwrap());
    let server = |(n, weight): (usize, &u32)| {
        let key = format!("10.1.{n}.2:80").parse().unwrap();
        let server = Server::new(key, Forwarding::Masq, *weight);
        let (persistent, stats, unknown) = (None, None, Vec::new());
        ServerEntry { server, active: 3, inactive: 4, persistent, stats, unknown }
    };
    let entry = ServiceEntry {
        service,
        known: Known::Whole,
        stats: None,
        servers: weights.iter().enumerate().map(server).collect(),
        servers_read: Moment::default(),
        unknown: Vec::new(),
    };
    Snapshot {
        taken: jiff::Timestamp::UNIX_EPOCH,
        at: Moment::default(),
        took: Duration::ZERO,
        source: Source::Netlink,
        info: Part::Unreadable(String::new()),
        totals: Part::Unreadable(String::new()),
        timeouts: Part::Unreadable(String::new()),
        daemons: Part::Unreadable(String::new()),
        sysctls: Part::Unreadable(String::new()),
        services: vec![entry],
    }
}

pub(in crate::plan) fn around(snapshot: &Snapshot) -> Around<'_> {
    Around { snapshot, owners: &[] }
}

/// Makes the service persistent, with so many templates on each server.
pub(in crate::plan) fn persistent(snapshot: &mut Snapshot, timeout: u32, templates: u32) {
    let entry = &mut snapshot.services[0];
    entry.service.flags |= ServiceFlags::PERSISTENT;
    entry.service.timeout = timeout;
    entry.servers.iter_mut().for_each(|s| s.persistent = Some(templates));
}

pub(in crate::plan) fn with_sysctl(snapshot: &mut Snapshot, name: &str, value: &str) {
    let mut all = snapshot.sysctls.get().cloned().unwrap_or_else(Sysctls::new);
    all.insert(name.to_owned(), value.to_owned());
    snapshot.sysctls = Part::Fresh(all);
}

/// Weight 0 for the servers in these places.
pub(in crate::plan) fn quiesce(snapshot: &Snapshot, which: &[usize]) -> Plan {
    let entry = &snapshot.services[0];
    let server = |n: &usize| (entry.service.key, entry.servers[*n].server.clone());
    Plan::drain("quiesce", &which.iter().map(server).collect::<Vec<_>>())
}

/// One weight for one server.
fn weigh(snapshot: &Snapshot, n: usize, weight: u32) -> Plan {
    let entry = &snapshot.services[0];
    Plan::weight(entry.service.key, &entry.servers[n].server, weight)
}

fn delete(snapshot: &Snapshot, n: usize) -> Plan {
    let entry = &snapshot.services[0];
    Plan::delete_server(entry.service.key, entry.servers[n].server.clone())
}

fn edit(snapshot: &Snapshot, edit: impl Fn(&mut Service)) -> Plan {
    let before = snapshot.services[0].service.clone();
    let mut after = before.clone();
    edit(&mut after);
    Plan::service(before, after)
}

fn edit_server(snapshot: &Snapshot, edit: impl Fn(&mut Server)) -> Plan {
    let entry = &snapshot.services[0];
    let before = entry.servers[0].server.clone();
    let mut after = before.clone();
    edit(&mut after);
    Plan::server(entry.service.key, before, after)
}

fn then(mut first: Plan, second: Plan) -> Plan {
    first.changes.extend(second.changes);
    first
}

fn scheduler(name: &str) -> SchedulerName {
    SchedulerName::new(name).unwrap()
}

/// Level and sentence of each danger.
fn told(plan: &Plan, snapshot: &Snapshot) -> Vec<(Level, String)> {
    let found = dangers(plan, &around(snapshot));
    assert!(found.is_sorted_by(|a, b| a.level() >= b.level()), "gravest first: {found:?}");
    found.iter().map(|d| (d.level(), d.to_string())).collect()
}

fn one(level: Level, text: &str) -> Vec<(Level, String)> {
    vec![(level, text.to_owned())]
}

#[test]
fn whoever_writes_the_table_too_is_told_in_its_own_words() {
    let owner = |kind, pid, same_namespace| Owner {
        kind,
        pid,
        children: Vec::new(),
        config: None,
        same_namespace,
    };
    let owners =
        [owner(OwnerKind::Keepalived, Some(812), true), owner(OwnerKind::KubeProxy, None, false)];
    let snapshot = director("wrr", &[1, 0]);
    let around = Around { snapshot: &snapshot, owners: &owners };
    let text = |plan: &Plan| -> Vec<String> {
        let found = dangers(plan, &around);
        let owners = found.iter().filter(|d| matches!(d, Danger::Owner { .. }));
        owners.inspect(|d| assert_eq!(d.level(), Level::Tell)).map(ToString::to_string).collect()
    };
    let told = text(&weigh(&snapshot, 0, 2));
    assert_eq!(told.len(), 2);
    let start = "keepalived (pid 812) writes this table too: keepalived never looks at";
    assert!(told[0].starts_with(start) && told[0].ends_with("is back"), "{}", told[0]);
    assert!(told[1].starts_with("kube-proxy may write this table too, its network"), "{}", told[1]);
    let told = text(&weigh(&snapshot, 1, 2));
    assert!(told[0].ends_with("raising it can send clients to a failed server"), "{}", told[0]);
    assert!(text(&Plan::zero(None)).is_empty());
    assert!(text(&Plan::sysctl("conntrack", "0", "1")).is_empty());
}

#[test]
fn a_plan_without_dangers_is_told_and_nothing_more() {
    assert_eq!(level(&[]), Level::Tell);
    assert!(Level::Tell < Level::Ask && Level::Ask < Level::Type);
}
