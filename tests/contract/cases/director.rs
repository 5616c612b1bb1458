//! What belongs to no service: timeouts, sysctls, sync daemons.

use std::time::Duration;

use ipvs_tui::ipvs::{Change, Daemon, DaemonRole, Forwarding, Server, ServerKey, Timeouts};

use crate::bench::*;

/// A daemon that is stopped before its thread has run for the first time answers EINTR, and
/// netlink acknowledges everything but that (`kthread_stop`, `netlink_rcv_skb`; seen on 5.10 and
/// 7.2): whoever waits for the acknowledgement then waits for ever.
const THREAD_RUNS: Duration = Duration::from_millis(500);

fn timeouts(bench: &mut dyn Bench) -> Timeouts {
    *bench.snapshot().timeouts.get().unwrap()
}

pub(crate) fn timeouts_keep_what_is_0(bench: &mut dyn Bench) {
    let before = timeouts(bench);
    let mut set = |tcp, tcp_fin, udp| {
        let change = Change::Timeouts { before, after: Timeouts { tcp, tcp_fin, udp } };
        let outcome = bench.apply(&change);
        (outcome, timeouts(bench))
    };
    let all = Timeouts { tcp: 700, tcp_fin: 70, udp: 77 };
    assert_eq!(set(700, 70, 77), (Ok(()), all));
    assert_eq!(set(0, 0, 55), (Ok(()), Timeouts { udp: 55, ..all }));
    assert_eq!(set(0, 0, 0), (Ok(()), Timeouts { udp: 55, ..all }));
    let (outcome, after) = set(u32::MAX, 0, 60);
    assert_eq!(errno(outcome), EINVAL);
    assert_eq!(after, Timeouts { udp: 55, ..all }, "all or nothing");
    assert_eq!(set(before.tcp, before.tcp_fin, before.udp), (Ok(()), before));
}

pub(crate) fn sysctls_read_back(bench: &mut dyn Bench) {
    let read = |bench: &mut dyn Bench, name: &str| {
        bench.snapshot().sysctls.get().unwrap().get(name).cloned()
    };
    for (name, values) in [("expire_nodest_conn", ["1", "0"]), ("conn_reuse_mode", ["3", "1"])] {
        for value in values {
            bench.sysctl(name, value).unwrap();
            assert_eq!(read(bench, name).as_deref(), Some(value), "{name}");
        }
    }
    for (name, symbol) in [("no_such_sysctl", "ENOENT"), ("drop_entry", "EINVAL")] {
        let error = bench.sysctl(name, "9").unwrap_err().to_string();
        assert!(error.contains(symbol) && error.contains(name), "{error}");
    }
    refused(bench.sysctl("../conf/all/forwarding", "1"));
}

pub(crate) fn sync_daemons_start_once_and_stop_once(bench: &mut dyn Bench) {
    let master = daemon(DaemonRole::Master, bench.interface());
    let start = |daemon: &Daemon| Change::Daemon { before: None, after: Some(daemon.clone()) };
    let stop = |daemon: &Daemon| Change::Daemon { before: Some(daemon.clone()), after: None };
    let running = |bench: &mut dyn Bench| bench.snapshot().daemons.get().unwrap().clone();
    assert_eq!(errno(bench.apply(&stop(&master))), ESRCH);
    let nowhere = daemon(DaemonRole::Master, "nosuch0");
    assert_eq!(errno(bench.apply(&start(&nowhere))), ENODEV);
    assert_eq!(running(bench), []);
    bench.apply(&start(&master)).unwrap();
    assert_eq!(errno(bench.apply(&start(&master))), EEXIST);
    let backup = daemon(DaemonRole::Backup, bench.interface());
    bench.apply(&start(&backup)).unwrap();
    bench.wait(THREAD_RUNS);
    let both = running(bench);
    let roles = both.iter().map(|daemon| (daemon.role, daemon.sync_id));
    assert_eq!(roles.collect::<Vec<_>>(), [(DaemonRole::Master, 7), (DaemonRole::Backup, 7)]);
    let filled_in = &both[0];
    assert_eq!(filled_in.interface, bench.interface());
    assert_eq!(filled_in.group, Some([224, 0, 0, 81].into()));
    assert_eq!((filled_in.port, filled_in.ttl), (Some(8_848), Some(1)));
    bench.apply(&stop(&master)).unwrap();
    assert_eq!(running(bench).len(), 1);
    bench.apply(&stop(&backup)).unwrap();
    assert_eq!(running(bench), []);
}

pub(crate) fn sync_daemons_and_mixed_families_exclude_each_other(bench: &mut dyn Bench) {
    let key = tcp(8701);
    let other = ServerKey::new("fd99:1::7".parse().unwrap(), PORT);
    let other = Server::new(other, Forwarding::Tunnel, 1);
    let master = daemon(DaemonRole::Master, bench.interface());
    let start = Change::Daemon { before: None, after: Some(master.clone()) };
    bench.add(&service(key, "wlc")).unwrap();
    bench.add_server(key, &other).unwrap();
    assert_eq!(errno(bench.apply(&start)), EINVAL);
    bench.delete_server(key, &other).unwrap();
    bench.apply(&start).unwrap();
    assert_eq!(errno(bench.add_server(key, &other)), EINVAL);
    bench.wait(THREAD_RUNS);
    bench.apply(&start.inverse().unwrap()).unwrap();
    bench.add_server(key, &other).unwrap();
}
