//! Checks of the director as a whole: estimator, tracking, sync daemons, the connection table.

use super::made::*;
use crate::doctor::Severity;
use crate::ipvs::{Daemon, DaemonRole, Forwarding};
use crate::kernel::proc::owners::{Owner, OwnerKind};
use crate::snapshot::{Part, ServiceEntry};

const WEB: &str = "TCP 10.0.0.1:80";

fn of(method: Forwarding) -> ServiceEntry {
    service(WEB, "wlc", method, &[10])
}

#[test]
fn a_stopped_estimator_is_told() {
    let made = || Made::new(vec![of(Forwarding::Masq)]);
    let finding = made().sysctl("run_estimation", "0").one("estimator");
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(commands(&finding), ["sysctl -w net.ipv4.vs.run_estimation=1"]);
    let finding = made().sysctl("est_cpulist", "").one("estimator");
    assert_eq!(commands(&finding), ["sysctl -w net.ipv4.vs.est_cpulist=0"]);
    made().sysctl("est_cpulist", "0-1").passes("estimator");
    made().passes("estimator"); // a kernel without that setting
}

// --- connection tracking --------------------------------------------------------------------

#[test]
fn tracking_sees_half_of_a_direct_route_connection() {
    let tracking = |method| Made::new(vec![of(method)]).sysctl("conntrack", "1");
    for method in [Forwarding::Route, Forwarding::Tunnel] {
        let at_work = tracking(method).set("net/netfilter/nf_conntrack_count", "12");
        let finding = at_work.one("conntrack");
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(commands(&finding), ["sysctl -w net.ipv4.vs.conntrack=0"]);
        // No rule asks for tracking, so nothing is tracked.
        assert_eq!(tracking(method).one("conntrack").severity, Severity::Note);
        Made::new(vec![of(method)]).passes("conntrack");
    }
    tracking(Forwarding::Masq).set("net/netfilter/nf_conntrack_count", "12").passes("conntrack");
}

fn kube(made: Made) -> Made {
    made.with(|m| {
        m.owners = Part::Fresh(vec![Owner { kind: OwnerKind::KubeProxy, ..keepalived() }]);
    })
}

/// What one finding asks for another must not take back.
#[test]
fn tracking_stays_on_where_others_need_it() {
    let beside = || {
        let both = and(of(Forwarding::Masq), "10.1.5.2:80", Forwarding::Route);
        Made::new(vec![both]).set("net/netfilter/nf_conntrack_count", "12")
    };
    let direct = || Made::new(vec![of(Forwarding::Route)]);
    for made in [beside(), kube(beside()), kube(direct())] {
        let finding = made.sysctl("conntrack", "1").one("conntrack");
        assert_eq!((finding.severity, finding.fixes.len()), (Severity::Note, 0), "{finding:#?}");
    }
    let off = kube(beside()).one("conntrack");
    assert_eq!(commands(&off), ["sysctl -w net.ipv4.vs.conntrack=1"]);
    beside().passes("conntrack");
}

#[test]
fn kube_proxy_needs_tracking() {
    let finding = kube(Made::new(vec![of(Forwarding::Masq)])).one("conntrack");
    assert_eq!(commands(&finding), ["sysctl -w net.ipv4.vs.conntrack=1"]);
    kube(Made::new(vec![of(Forwarding::Masq)])).sysctl("conntrack", "1").passes("conntrack");
    Made::new(vec![of(Forwarding::Masq)]).passes("conntrack");
}

// --- sync daemons ---------------------------------------------------------------------------

fn syncing(daemons: &[Daemon]) -> Made {
    let daemons = daemons.to_vec();
    Made::new(vec![of(Forwarding::Masq)]).with(|m| m.snapshot.daemons = Part::Fresh(daemons))
}

fn master(interface: &str) -> Daemon {
    daemon(DaemonRole::Master, interface)
}

#[test]
fn a_sync_daemon_needs_an_interface_with_neighbours() {
    syncing(&[master("eth1")]).passes("sync");
    syncing(&[]).passes("sync");
    for (interface, what) in
        [("lo", "uses lo, where no peer is"), ("eth9", "interface eth9 is gone")]
    {
        let finding = syncing(&[master(interface)]).one("sync");
        assert_eq!(finding.severity, Severity::Error);
        assert!(finding.what.ends_with(what), "{finding:#?}");
        assert!(finding.evidence[0].contains("224.0.0.81 port 8848"), "{finding:#?}");
    }
    let down = syncing(&[master("eth1")]).with(|m| m.network.links[2].up = false);
    assert!(down.one("sync").what.ends_with("is down"));
    let bare = syncing(&[master("eth1")]).with(|m| m.network.addresses.clear());
    assert_eq!(bare.one("sync").severity, Severity::Warning);
}

#[test]
fn two_daemons_that_speak_past_each_other_are_told() {
    let backup = daemon(DaemonRole::Backup, "eth1");
    syncing(&[master("eth1"), backup.clone()]).passes("sync");
    let port = Daemon { port: Some(8849), ..backup.clone() };
    assert_eq!(syncing(&[master("eth1"), port]).one("sync").severity, Severity::Warning);
    let group = Daemon { group: Some([224, 0, 0, 90].into()), ..backup.clone() };
    syncing(&[master("eth1"), group]).one("sync");
    let same = Daemon { group: Some([224, 0, 0, 81].into()), port: Some(8848), ..backup.clone() };
    syncing(&[master("eth1"), same]).passes("sync"); // the defaults, said
    let id = Daemon { sync_id: 2, ..backup };
    assert_eq!(syncing(&[master("eth1"), id]).one("sync").severity, Severity::Note);
}

#[test]
fn a_backup_without_servers_has_nothing_to_match() {
    let backup = [daemon(DaemonRole::Backup, "eth1")];
    syncing(&backup).passes("sync");
    let empty = syncing(&backup).with(|m| m.snapshot.services.clear());
    let finding = empty.one("sync");
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.why.contains("never services"));
}

#[test]
fn the_old_format_leaves_ipv6_out() {
    let v6 = || {
        let entry = service("TCP [fd00::1]:80", "wlc", Forwarding::Masq, &[10]);
        Made::new(vec![entry]).with(|m| m.snapshot.daemons = Part::Fresh(vec![master("eth1")]))
    };
    let finding = v6().sysctl("sync_version", "0").one("sync");
    assert_eq!(commands(&finding), ["sysctl -w net.ipv4.vs.sync_version=1"]);
    v6().passes("sync");
    syncing(&[master("eth1")]).sysctl("sync_version", "0").passes("sync");
}

#[test]
fn a_daemon_unlike_keepalived_s_configuration_is_told() {
    let conf = "global_defs {\n lvs_sync_daemon eth1 VI_1 id 51 port 8849\n}";
    let finding = syncing(&[master("eth1")]).configured(conf).one("sync");
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(
        finding.evidence[1..],
        [
            "id 1, configured 51 (/etc/keepalived/keepalived.conf)",
            "port 8848, configured 8849 (/etc/keepalived/keepalived.conf)",
        ]
    );
    let like = Daemon { sync_id: 51, port: Some(8849), ..master("eth1") };
    syncing(&[like]).configured(conf).passes("sync");
}

/// Which interface it is on this host is not known.
#[test]
fn a_daemon_that_is_configured_by_parameter_or_host_is_not_compared() {
    for line in [
        "lvs_sync_daemon $IF VI_1",
        "@node1 lvs_sync_daemon eth0 VI_1\n@node2 lvs_sync_daemon eth9 VI_1",
    ] {
        let made = || {
            let conf = format!("global_defs {{\n{line}\n}}");
            syncing(&[master("eth1"), daemon(DaemonRole::Backup, "eth1")]).configured(&conf)
        };
        assert_eq!(made().found("sync"), [], "{line}");
        let unchecked = made().unchecked("sync");
        assert_eq!(unchecked.len(), 1, "{unchecked:#?}");
        assert_eq!(unchecked[0].0.as_deref(), Some("/etc/keepalived/keepalived.conf"));
        assert!(unchecked[0].1.starts_with("line 2: "), "{unchecked:#?}");
    }
}

// --- the connection table -------------------------------------------------------------------

fn holding(connections: u32) -> Made {
    let mut entry = of(Forwarding::Masq);
    entry.servers[0].inactive = connections;
    Made::new(vec![entry])
}

#[test]
fn a_small_table_for_many_connections_is_told() {
    holding(4 * 4_096 - 1).passes("table-size");
    let finding = holding(4 * 4_096).one("table-size");
    assert_eq!(finding.severity, Severity::Note);
    assert_eq!(finding.evidence, ["16,384 connections in 4,096 buckets"]);
    let finding = holding(1_000_000).one("table-size");
    assert_eq!(finding.severity, Severity::Warning);
    let command = "echo options ip_vs conn_tab_bits=20 > /etc/modprobe.d/ip_vs-table-size.conf";
    assert_eq!(commands(&finding), [command]);
    // Templates are entries too.
    let templates = holding(0).with(|m| {
        m.snapshot.services[0].servers[0].persistent = Some(20_000);
    });
    templates.one("table-size");
    // From 7.2 on it grows by itself; before the first service there is none.
    let grows = |made: Made| made.sysctl("conn_lfactor", "-4");
    grows(holding(1_000_000)).passes("table-size");
    let none = holding(0).with(|m| {
        m.snapshot.info = Part::Fresh(crate::ipvs::Info { version: 0, conn_tab_size: 0 });
    });
    none.passes("table-size");
}

/// What is proposed is never smaller than what is there.
#[test]
fn a_table_as_large_as_it_can_be_is_told_without_a_command() {
    let sized = |bits: u32, connections| {
        holding(connections).with(|m| {
            let info = crate::ipvs::Info { version: 0, conn_tab_size: 1 << bits };
            m.snapshot.info = Part::Fresh(info);
        })
    };
    let old = |made: Made| {
        made.with(|m| {
            let Part::Fresh(all) = &mut m.snapshot.sysctls else { panic!() };
            all.remove("run_estimation");
        })
    };
    let finding = old(sized(20, 5_000_000)).one("table-size");
    assert!(finding.evidence[1].starts_with("it cannot grow: "), "{finding:#?}");
    assert_eq!(commands(&finding), [""; 0]);
    let finding = old(sized(22, 20_000_000)).one("table-size");
    assert!(commands(&finding)[0].contains("conn_tab_bits=25 "), "{finding:#?}");
    let finding = sized(27, 1_000_000_000).one("table-size");
    assert_eq!(commands(&finding), [""; 0]);
    // 6.1 and later, once updated, take more; which of them this is cannot be seen.
    if cfg!(target_pointer_width = "64") {
        let finding = sized(20, 5_000_000).one("table-size");
        assert!(commands(&finding)[0].starts_with("# "), "{finding:#?}");
        assert!(commands(&finding)[1].contains("conn_tab_bits=23 "), "{finding:#?}");
    }
}

#[test]
fn a_table_that_is_nearly_full_is_told() {
    let limited = |connections| holding(connections).sysctl("conn_lfactor", "-4");
    let finding = limited(900).sysctl("conn_max", "1000").one("table-size");
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(commands(&finding), ["sysctl -w net.ipv4.vs.conn_max=2000"]);
    limited(899).sysctl("conn_max", "1000").passes("table-size");
}
