//! Any sequence of plans, followed by undoing them all from the journal, leaves what was there
//! before.

use ipvs_tui::ipvs::{
    Change, Daemon, Forwarding, Netmask, Server, ServerKey, Service, ServiceFlags, ServiceKey,
    Timeouts, Tunnel, TunnelKind,
};
use ipvs_tui::journal::{Act, Kind, Order};
use ipvs_tui::kernel::sim::{Clock, Director, Scenario};
use ipvs_tui::kernel::{Reader, Want, Writer};
use ipvs_tui::plan::Plan;
use ipvs_tui::snapshot::{Snapshot, Sysctls};
use ipvs_tui::worker::apply;
use proptest::prelude::*;

use crate::bench::owned;

/// An edit in the abstract: numbers that are fitted to whatever the table holds.
#[derive(Clone, Debug)]
struct Edit {
    kind: u8,
    service: u8,
    server: u8,
    value: u32,
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = (0..9u8, any::<u8>(), any::<u8>(), any::<u32>())
        .prop_map(|(kind, service, server, value)| Edit { kind, service, server, value });
    proptest::collection::vec(edit, 1..40)
}

type Config = (Vec<(Service, Vec<Server>)>, Timeouts, Vec<Daemon>, Sysctls);

fn config(snapshot: &Snapshot) -> Config {
    let services = snapshot.services.iter().map(|entry| {
        let servers = entry.servers.iter().map(|server| server.server.clone());
        (entry.service.clone(), servers.collect())
    });
    (
        services.collect(),
        *snapshot.timeouts.get().unwrap(),
        snapshot.daemons.get().unwrap().clone(),
        snapshot.sysctls.get().unwrap().clone(),
    )
}

const SCHEDULERS: [&str; 7] = ["rr", "wlc", "sh", "mh", "dh", "lblcr", "wrr"];

fn shaped(key: ServiceKey, value: u32) -> Service {
    let scheduler = SCHEDULERS[value as usize % SCHEDULERS.len()];
    let mut service = Service::new(key, scheduler.to_owned().try_into().unwrap());
    service.flags = ServiceFlags::from_bits_retain(value >> 8 & 0x3d);
    service.timeout = value >> 16;
    if matches!(service.netmask, Netmask::V4(_)) {
        service.netmask = Netmask::V4(std::net::Ipv4Addr::from_bits(value | 0xff00_0000));
    }
    service
}

fn sized(key: ServerKey, value: u32) -> Server {
    let upper = value >> 4 & 0xfff;
    Server {
        weight: value >> 1,
        upper_threshold: upper,
        lower_threshold: upper / 2,
        tunnel: Tunnel {
            kind: TunnelKind::from_number((value % 3) as u8),
            port: 6_080,
            flags: (value & 3) as u16,
        },
        ..Server::new(key, Forwarding::from_number(value % 5), 1)
    }
}

/// What the edit amounts to on this table: nothing, or changes that a plan would hold. Deleting a
/// service deletes its servers first, as their undo would be lost otherwise.
fn fitted(edit: &Edit, table: &Snapshot) -> Vec<Change> {
    let pick = |length: usize, number: u8| (length > 0).then(|| usize::from(number) % length);
    let chosen = pick(table.services.len(), edit.service).map(|at| &table.services[at]);
    let server = chosen.and_then(|entry| {
        pick(entry.servers.len(), edit.server).map(|at| (entry, &entry.servers[at].server))
    });
    let timeouts = *table.timeouts.get().unwrap();
    match (edit.kind, chosen, server) {
        (0, ..) => {
            let key: ServiceKey = format!("TCP 10.7.0.{}:80", edit.service).parse().unwrap();
            let absent = table.service(&key).is_none();
            let after = Some(shaped(key, edit.value));
            absent.then_some(Change::Service { before: None, after }).into_iter().collect()
        }
        (1, Some(entry), _) => {
            let service = entry.service.key;
            let before = Some(entry.service.clone());
            let servers = entry.servers.iter().map(|server| Change::Server {
                service,
                before: Some(server.server.clone()),
                after: None,
            });
            servers.chain([Change::Service { before, after: None }]).collect()
        }
        (2, Some(entry), _) => {
            let after = Some(shaped(entry.service.key, edit.value));
            vec![Change::Service { before: Some(entry.service.clone()), after }]
        }
        (3, Some(entry), _) if entry.service.key.family() == ipvs_tui::ipvs::Family::V4 => {
            let key = ServerKey::new([10, 8, 0, edit.server].into(), 80);
            let change = Change::Server {
                service: entry.service.key,
                before: None,
                after: Some(sized(key, edit.value)),
            };
            entry.server(&key).is_none().then_some(change).into_iter().collect()
        }
        (4, _, Some((entry, server))) => vec![Change::Server {
            service: entry.service.key,
            before: Some(server.clone()),
            after: None,
        }],
        (5, _, Some((entry, server))) => {
            let edited = Server { forwarding: server.forwarding, ..sized(server.key, edit.value) };
            vec![Change::Server {
                service: entry.service.key,
                before: Some(server.clone()),
                after: Some(edited),
            }]
        }
        (6, _, Some((entry, server))) => {
            vec![Change::weight(entry.service.key, server, edit.value >> 1)]
        }
        (7, ..) => {
            let after = Timeouts { udp: edit.value % 1_000, ..timeouts };
            vec![Change::Timeouts { before: timeouts, after }]
        }
        (8, ..) => {
            let sysctls = table.sysctls.get().unwrap();
            let names = ["expire_nodest_conn", "conn_reuse_mode", "sync_ports", "run_estimation"];
            let name = names[usize::from(edit.service) % names.len()];
            vec![Change::Sysctl {
                name: name.to_owned(),
                before: sysctls[name].clone(),
                after: "1".to_owned(),
            }]
        }
        _ => Vec::new(),
    }
}

proptest! {
    #[test]
    fn undoing_everything_restores_everything(edits in edits(), seed in any::<u64>()) {
        let kernel = Director::open(Scenario::Empty, seed, Clock::Manual);
        let mut director = owned(kernel.reader(), kernel.writer());
        let mut writer = kernel.writer();
        for (number, scheduler) in ["wlc", "mh", "sh"].iter().enumerate() {
            let key: ServiceKey = format!("TCP 10.6.0.{number}:80").parse().unwrap();
            let service = Service::new(key, (*scheduler).to_owned().try_into().unwrap());
            writer.apply(&Change::Service { before: None, after: Some(service) }).unwrap();
            for host in 1..4 {
                let server = ServerKey::new([10, 8, 0, host].into(), 80);
                let after = Some(Server::new(server, Forwarding::Masq, 5));
                writer.apply(&Change::Server { service: key, before: None, after }).unwrap();
            }
        }
        let mut reader = kernel.reader();
        let mut look = || reader.snapshot(&Want::everything()).unwrap();
        let before = config(&look());
        for edit in &edits {
            let changes = fitted(edit, &look());
            if !changes.is_empty() {
                let plan = Plan { title: "an edit".to_owned(), changes };
                let (outcome, _) = apply(&Order::new(Act::new(plan)), &mut director);
                prop_assert!(outcome.failed.is_none(), "{:?}", outcome.failed);
            }
        }
        loop {
            let book = &mut director.hand.as_mut().unwrap().book;
            let history = book.history().unwrap();
            let Some(entry) = history.undoable(book.scene()).next() else { break };
            let (plan, undoes) = (entry.inverse().unwrap(), Some(entry.id()));
            let act = Act { kind: Kind::Undo, undoes, ..Act::new(plan) };
            let (outcome, _) = apply(&Order::new(act), &mut director);
            prop_assert!(outcome.failed.is_none(), "{:?}", outcome.failed);
        }
        prop_assert_eq!(config(&look()), before);
    }
}
