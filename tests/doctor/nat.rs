//! Masquerading, and what has nothing to do with the method.

use crate::common::lab::{sh, until};
use crate::*;

#[track_caller]
fn nat(table: &str) -> Option<Director> {
    director("nat", table)
}

#[test]
fn answers_need_ip_forward() {
    let Some(mut director) = nat(&web("-m", &[1, 2])) else { return };
    passes("forwarding");
    assert!(client().starts_with("rs"));
    director.sets("net/ipv4/ip_forward", "0");
    let finding = finds("forwarding", "error");
    cut_off("answered without forwarding");
    paste(&finding, None);
    passes("forwarding");
    assert!(client().starts_with("rs"));
    director.sets("net/ipv4/conf/br0/forwarding", "0");
    let finding = finds("forwarding", "error");
    cut_off("answered without forwarding by br0");
    paste(&finding, None);
    passes("forwarding");
}

#[test]
fn answers_of_ipv6_need_forwarding_too() {
    let table = "-A -t [fd00::1]:80 -s rr\n-a -t [fd00::1]:80 -r [fd00:1::2]:80 -m -w 10";
    let Some(mut director) = nat(table) else { return };
    let client = || {
        let get = "timeout 2 wget -q -O- 'http://[fd00::1]/' 2>/dev/null || true";
        sh(&format!("ipr netns exec client {get}")).trim().to_owned()
    };
    passes("forwarding");
    assert_eq!(client(), "rs1");
    director.sets("net/ipv6/conf/all/forwarding", "0");
    let finding = finds("forwarding", "error");
    assert_eq!(finding["places"][0]["server"], "[fd00:1::2]:80");
    assert_eq!(client(), "", "answered without forwarding");
    // IPv4 has a setting of its own.
    sh("ipvsadm -C; ipvsadm -A -t 10.0.0.1:80; ipvsadm -a -t 10.0.0.1:80 -r 10.1.1.2:80 -m");
    passes("forwarding");
    sh(&format!("ipvsadm -C; ipvsadm -R <<'TABLE'\n{table}\nTABLE"));
    paste(&finding, None);
    passes("forwarding");
    assert_eq!(client(), "rs1");
}

#[test]
fn a_virtual_address_is_held_or_explained() {
    let Some(mut director) = nat(&web("-m", &[1])) else { return };
    passes("virtual-address");
    let vip = "10.0.0.1/32 dev br0";
    director.does(&format!("ipr addr del {vip}"), &format!("ipr addr replace {vip}"));
    sh("ipvsadm -Z"); // packets that came in of late would speak against it
    let finding = finds("virtual-address", "error");
    assert_eq!(finding["places"][0]["service"], "TCP 10.0.0.1:80");
    cut_off("answered all the same");

    // A local route holds it.
    sh("ipr route add local 10.0.0.1 dev lo");
    passes("virtual-address");
    assert_eq!(client(), "rs1");
    sh("ipr route del local 10.0.0.1 dev lo");

    // So does a rule for marked packets.
    director.does(
        "nft add table ip marks
         nft add chain ip marks pre '{ type filter hook prerouting priority mangle; }'
         nft add rule ip marks pre ip daddr 10.0.0.1 meta mark set 7
         ipr rule add fwmark 7 lookup 100
         ipr route add local 0/0 dev lo table 100",
        "nft delete table ip marks; ipr rule del fwmark 7; ipr route flush table 100",
    );
    passes("virtual-address");
    assert_eq!(client(), "rs1");
    sh("ipr route flush table 100");
    // What came in a moment ago counts for a while.
    until("no packet comes in", || {
        sh("ipvsadm -Z; sleep 3; ipvsadm -Ln --rate -t 10.0.0.1:80 | awk '$1 == \"TCP\" { print $4 }'").trim() == "0"
    });
    finds("virtual-address", "error");

    // On a standby director it is right.
    director.does(
        "ipvsadm --start-daemon backup --mcast-interface br0",
        "ipvsadm --stop-daemon backup",
    );
    finds("virtual-address", "note");
    director.does("true", "ipr addr del 10.0.0.1/32 dev lo"); // where there is no better place
    paste(&finding, None);
    passes("virtual-address");
    assert_eq!(client(), "rs1");
}

#[test]
fn the_unspecified_address_matches_nothing() {
    let table = "-A -t 0.0.0.0:80 -s rr\n-a -t 0.0.0.0:80 -r 10.1.1.2:80 -m";
    let Some(_director) = nat(table) else { return };
    let finding = finds("virtual-address", "warning");
    assert!(finding["what"].as_str().unwrap().starts_with("0.0.0.0"), "{finding:#}");
    cut_off("answered all the same");
}

#[test]
fn a_server_that_is_the_director() {
    let Some(_director) = nat(&web("-m", &[1])) else { return };
    passes("self");
    sh("ipvsadm -a -t 10.0.0.1:80 -r 10.1.0.1:80 -m");
    let finding = finds("self", "warning");
    assert_eq!(finding["places"][0]["server"], "10.1.0.1:80");
    assert!(finding["evidence"][0].as_str().unwrap().contains("br0"), "{finding:#}");
    paste(&finding, None);
    passes("self");
    sh("ipvsadm -a -t 10.0.0.1:80 -r 127.0.0.1:80 -m");
    finds("self", "note");
}

#[test]
fn weight_0_everywhere() {
    let Some(_director) = nat(&web("-m", &[1])) else { return };
    passes("weight-zero");
    sh("ipvsadm -e -t 10.0.0.1:80 -r 10.1.1.2:80 -m -w 0");
    let finding = finds("weight-zero", "error");
    cut_off("answered all the same");
    paste(&finding, None);
    passes("weight-zero");
    assert_eq!(client(), "rs1");
    sh("ipvsadm -d -t 10.0.0.1:80 -r 10.1.1.2:80");
    finds("weight-zero", "error");
    cut_off("answered without a server");
}

#[test]
fn a_scheduler_that_ignores_weights() {
    let Some(_director) = nat(&web("-m", &[1, 2])) else { return };
    passes("weight-ignored");
    sh("ipvsadm -e -t 10.0.0.1:80 -r 10.1.1.2:80 -m -w 30");
    let finding = finds("weight-ignored", "warning");
    paste(&finding, None);
    passes("weight-ignored");
    assert!(sh("ipvsadm -Sn").contains("-A -t 10.0.0.1:80 -s wrr"));
}

/// The client comes back to the server of weight 0 until its template is made to expire.
#[test]
fn templates_keep_sending_clients() {
    let table = web("-m", &[1, 2]).replace("-s rr", "-s rr -p 60");
    let Some(mut director) = nat(&table) else { return };
    director.sets("net/ipv4/vs/expire_quiescent_template", "0");
    let first = client();
    let n = first.strip_prefix("rs").unwrap();
    passes("templates");
    sh(&format!("ipvsadm -e -t 10.0.0.1:80 -r 10.1.{n}.2:80 -m -w 0"));
    let finding = finds("templates", "warning");
    assert!(finding["evidence"][1].as_str().unwrap().contains("1 template,"), "{finding:#}");
    assert_eq!(client(), first, "the template did not hold");
    paste(&finding, None);
    passes("templates");
    assert_ne!(client(), first, "the template still holds");
}

#[test]
fn settings_that_strand_connections() {
    let Some(mut director) = nat(&web("-m", &[1, 2])) else { return };
    director.sets("net/ipv4/vs/expire_nodest_conn", "0");
    passes("reuse");
    director.sets("net/ipv4/vs/conn_reuse_mode", "0");
    let finding = finds("reuse", "warning");
    write("net/ipv4/vs/expire_nodest_conn", "1");
    passes("reuse");
    write("net/ipv4/vs/expire_nodest_conn", "0");
    paste(&finding, None);
    passes("reuse");
}

/// Whether this kernel has a sysctl of IPVS; says so if not.
fn has_sysctl(name: &str) -> bool {
    let there = std::path::Path::new("/proc/sys/net/ipv4/vs").join(name).exists();
    if !there {
        eprintln!("left out: this kernel has no net.ipv4.vs.{name}");
    }
    there
}

#[track_caller]
fn estimator_stops_by(name: &str, off: &str) {
    let Some(mut director) = nat(&web("-m", &[1])) else { return };
    if !has_sysctl(name) {
        return;
    }
    passes("estimator");
    director.sets(&format!("net/ipv4/vs/{name}"), off);
    let finding = finds("estimator", "warning");
    paste(&finding, None);
    passes("estimator");
}

/// From 6.1 on.
#[test]
fn an_estimator_that_is_off() {
    estimator_stops_by("run_estimation", "0");
}

/// From 6.2 on.
#[test]
fn an_estimator_without_a_cpu() {
    estimator_stops_by("est_cpulist", "");
}

/// kube-proxy is known by its interface, wherever it runs itself.
#[test]
fn kube_proxy_without_tracking() {
    let Some(mut director) = nat(&web("-m", &[1])) else { return };
    director.sets("net/ipv4/vs/conntrack", "0");
    passes("conntrack"); // nobody needs it
    director.does("modprobe dummy; ipr link add kube-ipvs0 type dummy", "ipr link del kube-ipvs0");
    let finding = finds("conntrack", "warning");
    paste(&finding, None);
    passes("conntrack");
    assert_eq!(client(), "rs1");
    // What suits direct routing would take away what was just set.
    sh("ipvsadm -a -t 10.0.0.1:80 -r 10.1.2.2:80 -g");
    let finding = finds("conntrack", "note");
    assert_eq!(commands(&finding), [""; 0], "{finding:#}");
}

#[test]
fn ftp_without_its_helper() {
    let table = "-A -t 10.0.0.1:21 -s rr\n-a -t 10.0.0.1:21 -r 10.1.1.2:21 -m";
    let Some(mut director) = nat(table) else { return };
    let finding = finds("ftp", "error");
    director.does("true", "ipvsadm -C; modprobe -r ip_vs_ftp");
    paste(&finding, None);
    passes("ftp");
    sh("ipvsadm -e -t 10.0.0.1:21 -r 10.1.1.2:21 -g");
    let finding = finds("ftp", "warning");
    paste(&finding, None);
    passes("ftp");
}

#[test]
fn sync_daemons_that_no_peer_can_match() {
    let Some(mut director) = nat(&web("-m", &[1])) else { return };
    let start = |role: &str, more: &str| {
        sh(&format!("ipvsadm --start-daemon {role} --syncid 3 --mcast-interface {more}"));
    };
    let stop = |role: &str| sh(&format!("ipvsadm --stop-daemon {role}"));
    passes("sync");
    start("master", "lo");
    assert!(finds("sync", "error")["what"].as_str().unwrap().contains("lo, where no peer is"));
    stop("master");

    director.does("modprobe dummy; ipr link add sync0 type dummy", "ipr link del sync0");
    sh("ipr link set sync0 up; ipr addr add 10.8.0.1/24 dev sync0");
    start("master", "sync0");
    passes("sync");
    sh("ipr addr flush dev sync0");
    finds("sync", "warning");
    sh("ipr addr add 10.8.0.1/24 dev sync0; ipr link set sync0 down");
    assert!(finds("sync", "error")["what"].as_str().unwrap().contains("sync0 is down"));
    sh("ipr link set sync0 up");
    passes("sync");

    start("backup", "sync0 --mcast-port 8849");
    finds("sync", "warning");
    stop("backup");
    start("backup", "sync0");
    passes("sync");
    sh("ipvsadm -C"); // nothing for a peer's connections to match
    finds("sync", "warning");
    stop("backup");
    passes("sync");

    sh("ipvsadm -A -t [fd00::1]:80 -s rr");
    director.sets("net/ipv4/vs/sync_version", "0");
    paste(&finds("sync", "warning"), None);
    passes("sync");
    stop("master");
}

/// A client port each, from this machine itself.
fn connect(ports: std::ops::Range<u16>) {
    for port in ports {
        let socket = std::net::UdpSocket::bind(("10.0.0.2", port)).unwrap();
        socket.send_to(b"?", "10.0.0.2:5353").unwrap();
    }
}

const CONNECTS: &str = "-A -u 10.0.0.2:5353 -s rr\n-a -u 10.0.0.2:5353 -r 10.1.1.2:5353 -m";

/// From 7.2 on the table grows, up to a limit.
#[test]
fn a_table_at_its_limit() {
    let Some(mut director) = nat(CONNECTS) else { return };
    if !has_sysctl("conn_max") {
        return;
    }
    connect(20_000..20_100);
    passes("table-size");
    director.sets("net/ipv4/vs/conn_max", "100");
    paste(&finds("table-size", "error"), None);
    passes("table-size");
}

#[test]
fn a_table_too_small_for_its_load() {
    let Some(_director) = nat(CONNECTS) else { return };
    passes("table-size");
    if std::path::Path::new("/proc/sys/net/ipv4/vs/conn_lfactor").exists() {
        eprintln!("left out: this kernel's table grows by itself");
        return;
    }
    connect(10_000..26_500);
    let finding = finds("table-size", "note");
    assert!(commands(&finding)[0].contains("conn_tab_bits=15"), "{finding:#}");
    sh("ipvsadm -d -u 10.0.0.2:5353 -r 10.1.1.2:5353");
    passes("table-size");
}

#[test]
fn masquerading_on_one_arm_redirects() {
    let Some(mut director) = nat(&web("-m", &[1])) else { return };
    director.sets("net/ipv4/conf/all/send_redirects", "1");
    director.sets("net/ipv4/conf/br0/send_redirects", "1");
    passes("redirects"); // there is no world beyond a gateway
    director.does("ipr route add default via 10.9.0.254", "ipr route del default via 10.9.0.254");
    paste(&finds("redirects", "warning"), None);
    passes("redirects");
}

// --- keepalived -----------------------------------------------------------------------------

const CONFIG: &str = "/run/doctor.conf";

/// Two services: one of an address that is here, one of an address that VRRP has elsewhere.
fn configuration(weight: u32) -> String {
    let server = |vip: &str| {
        format!(
            "virtual_server {vip} 80 {{
                lvs_sched wlc
                lvs_method NAT
                protocol TCP
                real_server 10.1.1.2 80 {{ weight 10 }}
                real_server 10.1.2.2 80 {{ weight {weight} }}
            }}\n"
        )
    };
    // It has a master elsewhere for ever: its priority is low, and it waits for long.
    format!(
        "vrrp_instance VI {{
            state BACKUP
            interface br0
            virtual_router_id 51
            priority 1
            advert_int 40
            virtual_ipaddress {{
                10.0.0.99/32
            }}
        }}\n{}{}",
        server("10.0.0.1"),
        server("10.0.0.99")
    )
}

#[test]
fn weights_beside_keepaliveds() {
    let Some(mut director) = nat("") else { return };
    std::fs::write(CONFIG, configuration(20)).unwrap();
    let files = "--pid /run/k.pid --vrrp_pid /run/v.pid --checkers_pid /run/c.pid";
    director.does(
        &format!("keepalived --use-file {CONFIG} {files} >/dev/null 2>&1"),
        "kill $(cat /run/k.pid); while [ -e /run/k.pid ]; do usleep 50000; done; ipvsadm -C",
    );
    until("keepalived has made its servers", || sh("ipvsadm -Sn").matches("-w 20").count() == 2);
    passes("config-weights");
    // The address that VRRP has elsewhere is told, and is no mistake.
    let report = doctor();
    let finding = one(&report, "virtual-address", "note");
    assert_eq!(finding["places"][0]["service"], "TCP 10.0.0.99:80");
    assert!(finding["evidence"][1].as_str().unwrap().contains(CONFIG), "{finding:#}");
    one(&report, "reuse", "note"); // it deletes a server that fails

    sh("ipvsadm -e -t 10.0.0.1:80 -r 10.1.2.2:80 -m -w 5");
    let finding = finds("config-weights", "warning");
    assert_eq!(finding["evidence"][1], "10.1.2.2:80: weight 5, configured 20");
    // A peer that is the backup has the same mistake, and is told as what it is.
    director.does(
        "ipvsadm --start-daemon backup --mcast-interface br0",
        "ipvsadm --stop-daemon backup",
    );
    let what = finds("config-weights", "warning")["what"].as_str().unwrap().to_owned();
    assert!(what.starts_with("this backup director's weights"), "{what}");
    paste(&finding, None);
    passes("config-weights");

    // What keepalived reads besides is not known, and told.
    std::fs::write(CONFIG, format!("include /run/more/*.conf\n{}", configuration(20))).unwrap();
    let report = doctor();
    assert_eq!(outcome(&report, "config-weights"), "partly");
}
