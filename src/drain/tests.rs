//! The rules of a drain, on snapshots made by hand and on the embedded director.

mod director;
mod rules;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::*;
use crate::ipvs::{Forwarding, Server, Service, ServiceFlags, Stats, Timeouts};
use crate::journal::{DrainStarted, Drained, Operator, Scene, Then};
use crate::snapshot::{Known, Moment, Part, ServerEntry, ServiceEntry, Source, Sysctls};

const WEB: &str = "TCP 10.0.0.1:80";
const DNS: &str = "UDP 10.0.0.53:53";
const SERVER: &str = "10.1.2.2:80";

fn at(seconds: u64) -> Moment {
    Moment(Duration::from_secs(seconds))
}

fn clock(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

/// The record of a drain of these places, whose weight was 10.
fn record(places: &[(&str, &str)], touched: bool) -> journal::Drain {
    let drained = |(service, server): &(&str, &str)| Drained {
        service: service.parse().unwrap(),
        server: server.parse().unwrap(),
        weight: 10,
    };
    let started = DrainStarted {
        id: "vb2k0".parse().unwrap(),
        time: clock(0),
        operator: Operator { uid: 0, name: Some("root".into()), ..Operator::default() },
        scene: Scene::default(),
        target: places[0].1.to_owned(),
        reason: "new disks".to_owned(),
        servers: places.iter().map(drained).collect(),
        timeout_seconds: None,
        then: Then::Restore,
    };
    journal::Drain { line: 1, started, plans: Vec::new(), touched, ended: None }
}

/// A server at weight 0 with these connections, masqueraded, counters read.
fn server(active: u32, inactive: u32) -> ServerEntry {
    ServerEntry {
        server: Server::new(SERVER.parse().unwrap(), Forwarding::Masq, 0),
        active,
        inactive,
        persistent: Some(0),
        stats: Some(Stats::default()),
        unknown: Vec::new(),
    }
}

fn service(key: &str, server: ServerEntry) -> ServiceEntry {
    ServiceEntry {
        service: Service::new(key.parse().unwrap(), "wlc".to_owned().try_into().unwrap()),
        known: Known::Whole,
        stats: None,
        servers: vec![server].into(),
        servers_read: Moment::default(),
        unknown: Vec::new(),
    }
}

fn snapshot(seconds: u64, mut services: Vec<ServiceEntry>) -> Snapshot {
    for service in &mut services {
        service.servers_read = at(seconds);
    }
    let unread = || "not asked for".to_owned();
    Snapshot {
        taken: clock(seconds as i64),
        at: at(seconds),
        took: Duration::ZERO,
        source: Source::Netlink,
        info: Part::Unreadable(unread()),
        totals: Part::Unreadable(unread()),
        timeouts: Part::Fresh(Timeouts { tcp: 900, tcp_fin: 120, udp: 300 }),
        daemons: Part::Fresh(Vec::new()),
        sysctls: Part::Fresh(Sysctls::default()),
        services,
    }
}

fn set(snapshot: &mut Snapshot, name: &str, value: &str) {
    let Part::Fresh(sysctls) = &mut snapshot.sysctls else { panic!("sysctls") };
    sysctls.insert(name.into(), value.into());
}
