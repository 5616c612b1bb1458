//! The reader on a made-up procfs with files of a real kernel.

use super::*;
use crate::kernel::proc::fake::Tree;
use crate::kernel::proc::{ConnFile, ProcReader};
use crate::kernel::{Connections, KernelError, Reader, Want};
use crate::snapshot::{Part, Source};

/// A tree with the files that the lab captured from kernel 6.1.
fn tree() -> Tree {
    let tree = Tree::new();
    for (name, file) in [
        ("ip_vs", captured!("proc-net-ip_vs")[1].1),
        ("ip_vs_stats", captured!("proc-net-ip_vs_stats")[1].1),
        ("ip_vs_stats_percpu", captured!("proc-net-ip_vs_stats_percpu")[1].1),
        ("ip_vs_conn", captured!("proc-net-ip_vs_conn")[1].1),
        ("ip_vs_conn_sync", captured!("proc-net-ip_vs_conn_sync")[1].1),
    ] {
        tree.write(&format!("thread-self/net/{name}"), file);
    }
    tree.write("sys/net/ipv4/vs/run_estimation", "0\n");
    tree
}

#[test]
fn the_reader_brings_what_needs_no_rights() {
    let tree = tree();
    let mut reader = ProcReader::open(tree.root()).unwrap();
    let snapshot = reader.snapshot(&Want::everything()).unwrap();
    assert_eq!(snapshot.source, Source::Proc);
    assert_eq!(snapshot.info.get().unwrap().version_text(), "1.2.1");
    assert_eq!(snapshot.totals.get(), Some(&reader.totals().unwrap()));
    assert_eq!(reader.per_cpu().unwrap().cpus.len(), 2);
    assert!(matches!(&snapshot.timeouts, Part::Unreadable(why) if why.contains("CAP_NET_ADMIN")));
    assert!(matches!(&snapshot.daemons, Part::Unreadable(_)));
    assert!(snapshot.estimator_off());

    let key = "TCP 10.0.0.1:80".parse().unwrap();
    assert_eq!(
        reader.service(&key).unwrap().as_ref().map(|e| &e.servers),
        snapshot.service(&key).map(|e| &e.servers)
    );
    assert_eq!(reader.service(&"TCP 10.0.0.1:81".parse().unwrap()).unwrap(), None);

    tree.write("sys/net/ipv4/vs/run_estimation", "1\n");
    let next = reader.snapshot(&Want::default()).unwrap();
    assert!(matches!(&next.sysctls, Part::Stale { read, .. } if *read == snapshot.at));
    let next = reader.snapshot(&Want::everything()).unwrap();
    assert!(matches!(&next.sysctls, Part::Fresh(_)) && !next.estimator_off());
}

#[test]
fn what_is_missing_is_told() {
    let tree = Tree::new();
    let error = ProcReader::open(tree.root()).unwrap_err();
    assert!(matches!(&error, KernelError::System { .. }), "{error}");
    tree.write("thread-self/net/dev", "");
    assert_eq!(ProcReader::open(tree.root()).unwrap_err(), KernelError::NoIpvs);

    tree.write("thread-self/net/ip_vs", HEADER);
    let mut reader = ProcReader::open(tree.root()).unwrap();
    let snapshot = reader.snapshot(&Want::everything()).unwrap();
    assert!(snapshot.services.is_empty());
    assert!(matches!(snapshot.totals, Part::Unreadable(_)));
    assert!(matches!(snapshot.sysctls, Part::Unreadable(_)));

    tree.write("thread-self/net/ip_vs", format!("{HEADER}TCP  0A000001:0050"));
    let error = reader.snapshot(&Want::everything()).unwrap_err().to_string();
    assert!(error.contains("thread-self/net/ip_vs is not understood: line 4: "), "{error}");
}

#[test]
fn the_connection_table_is_read_in_pieces() {
    let tree = tree();
    let row = "TCP 0A090002 AD06 0A000001 0050 0A010102 0050 TIME_WAIT       113\n";
    let many = format!("Pro FromIP\n{}TCP 0A09", row.repeat(5000));
    tree.write("thread-self/net/ip_vs_conn", many);
    let mut file = ConnFile::open(&tree.root(), false).unwrap();
    let (mut pieces, mut count, mut skipped) = (0, 0, 0);
    while let Some(mut rows) = file.next_rows().unwrap() {
        pieces += 1;
        count += rows.by_ref().count();
        skipped += rows.skipped();
    }
    assert!(pieces > 5);
    assert_eq!((count, skipped), (5000, 1));

    tree.write("thread-self/net/ip_vs_conn", "x".repeat(200_000) + "\n" + row);
    let mut file = ConnFile::open(&tree.root(), false).unwrap();
    let mut count = 0;
    while let Some(rows) = file.next_rows().unwrap() {
        count += rows.count();
    }
    assert_eq!(count, 1);

    let mut synced = ConnFile::open(&tree.root(), true).unwrap();
    assert!(synced.next_rows().unwrap().unwrap().all(|row| row.origin.is_some()));
}

/// A pass is begun here and read elsewhere; owners come from the same procfs.
#[test]
fn connections_and_owners_are_asked_of_the_reader() {
    let tree = tree();
    tree.write("thread-self/net/ip_vs_conn", captured!("6.1", "proc-net-ip_vs_conn"));
    let mut reader = ProcReader::open(tree.root()).unwrap();
    let mut pass = reader.connections().unwrap();
    let read = std::thread::spawn(move || {
        let mut count = 0;
        while let Some(rows) = pass.next_rows().unwrap() {
            count += rows.count();
        }
        count
    });
    let lines = captured!("6.1", "proc-net-ip_vs_conn").iter().filter(|b| **b == b'\n').count();
    assert_eq!(read.join().unwrap(), lines - 1);

    assert!(reader.owners().is_err(), "no process can be seen here");
    tree.write("1/stat", "1 (systemd) S 0");
    assert_eq!(reader.owners().unwrap(), []);
}
