//! Tunnels.

use crate::common::lab::{listed, sh};
use crate::*;

#[track_caller]
fn tun(table: &str) -> Option<Director> {
    director("tun", table)
}

/// It works, so it is no more than a note.
#[test]
fn tunnels_without_ip_forward() {
    let Some(mut director) = tun(&web("-i", &[1])) else { return };
    passes("forwarding");
    director.sets("net/ipv4/ip_forward", "0");
    finds("forwarding", "note");
    assert_eq!(client(), "rs1");
}

/// A server that comes under another name keeps its tunnel and its thresholds.
#[test]
fn a_port_that_is_not_mapped() {
    let Some(_director) = tun(&web("-i", &[1])) else { return };
    passes("port");
    let values = "-i -w 10 -x 100 -y 50 --tun-type gue --tun-port 6080 --tun-csum";
    sh(&format!("ipvs-tui add --no-journal -t 10.0.0.1:80 -r 10.1.2.2:81 {values}"));
    let finding = finds("port", "error");
    paste(&finding, None);
    passes("port");
    let table = sh("ipvsadm -Sn");
    let tunnel = "-r 10.1.2.2:80 -i -w 10 --tun-type gue --tun-port 6080 --tun-csum";
    assert!(table.contains(tunnel) && !table.contains("10.1.2.2:81"), "{table}");
    let thresholds = listed("--thresholds", "TCP 10.0.0.1:80", "10.1.2.2:80").unwrap();
    assert!(thresholds.join(" ").contains("100 50"), "{thresholds:?}");
}

/// The end of a tunnel on this machine, for when it changes roles with another director.
#[test]
fn a_strict_filter_at_the_end_of_a_tunnel() {
    let Some(mut director) = tun(&web("-i", &[1])) else { return };
    passes("rp-filter");
    director.sets("net/ipv4/conf/tunl0/rp_filter", "1");
    passes("rp-filter"); // it is down
    director.does("ipr link set tunl0 up", "ipr link set tunl0 down");
    let finding = finds("rp-filter", "warning");
    paste(&finding, None);
    passes("rp-filter");
}

/// The virtual address is this machine's for marked packets alone, and the servers' answers are
/// routed through it: a strict filter drops them.
#[test]
fn a_strict_filter_on_the_way_of_answers() {
    let Some(mut director) = tun(&web("-i", &[1])) else { return };
    director.sets("net/ipv4/conf/br0/rp_filter", "0");
    let vip = "10.0.0.1/32 dev br0";
    director.does(
        &format!(
            "ipr addr del {vip}
             nft add table ip marks
             nft add chain ip marks pre '{{ type filter hook prerouting priority mangle; }}'
             nft add rule ip marks pre iif br0 ip daddr 10.0.0.1 meta mark set 7
             ipr rule add fwmark 7 lookup 100
             ipr route add local 0/0 dev lo table 100"
        ),
        &format!(
            "nft delete table ip marks; ipr rule del fwmark 7; ipr route flush table 100
             ipr addr replace {vip}"
        ),
    );
    let straight = "10.9.0.0/24 dev eth0";
    director.does(
        &format!("ipr -n rs1 route del {straight}; ipr -n rs1 route add 10.9.0.0/24 via 10.1.0.1"),
        &format!("ipr -n rs1 route del 10.9.0.0/24; ipr -n rs1 route add {straight}"),
    );
    passes("rp-filter");
    assert_eq!(client(), "rs1");
    director.sets("net/ipv4/conf/all/rp_filter", "1");
    let finding = finds("rp-filter", "warning");
    cut_off("the filter let it through");
    paste(&finding, None);
    passes("rp-filter");
    assert_eq!(client(), "rs1");
}

#[test]
fn a_strict_filter_where_tunnel_servers_are() {
    let Some(mut director) = tun(&web("-i", &[1])) else { return };
    passes("rp-filter");
    director.sets("net/ipv4/conf/all/rp_filter", "1");
    finds("rp-filter", "note");
    assert_eq!(client(), "rs1"); // on one interface it does no harm
}

/// A server that was never told anything works after its commands were pasted, by every kind of
/// tunnel.
#[test]
fn what_the_server_has_to_be_told() {
    let Some(mut director) = tun(&web("-i", &[1])) else { return };
    // Modules of the guest make their devices in every namespace.
    sh("modprobe ip_gre; modprobe fou");
    for kind in ["ipip", "gre", "gue --tun-port 6080"] {
        sh(&format!("ipvsadm -e -t 10.0.0.1:80 -r 10.1.1.2:80 -i -w 10 --tun-type {kind}"));
        director.does(
            "for device in tunl0 gre0; do
                ipr -n rs1 addr flush dev $device
                ipr -n rs1 link set $device down
                ipr netns exec rs1 sh -c \"echo 1 >/proc/sys/net/ipv4/conf/$device/rp_filter\"
             done",
            "ipr -n rs1 link set gre0 down
             ipr -n rs1 addr flush dev gre0
             ipr netns exec rs1 sh -c 'echo 0 >/proc/sys/net/ipv4/conf/tunl0/rp_filter'
             ipr -n rs1 link set tunl0 up
             ipr -n rs1 addr replace 10.0.0.1/32 dev tunl0
             ipr -n rs1 addr replace 10.0.0.2/32 dev tunl0",
        );
        cut_off(&format!("{kind}: answered without the address"));
        paste(&finds("real-server", "note"), Some("rs1"));
        assert_eq!(client(), "rs1", "{kind}");
    }
}
