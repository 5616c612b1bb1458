//! Direct routing.

use crate::common::lab::sh;
use crate::*;

#[track_caller]
fn dr(table: &str) -> Option<Director> {
    director("dr", table)
}

#[test]
fn a_server_behind_a_gateway() {
    let Some(mut director) = dr(&web("-g", &[1])) else { return };
    passes("on-link");
    assert_eq!(client(), "rs1");
    let route = "10.1.1.2/32 via 10.1.3.2";
    director.does(&format!("ipr route add {route}"), &format!("ipr route del {route}"));
    let finding = finds("on-link", "error");
    assert_eq!(finding["evidence"][0], "the route to 10.1.1.2 goes via 10.1.3.2 on br0");
    assert_ne!(client(), "rs1", "the gateway got it to the server");
}

#[test]
fn a_server_without_a_route() {
    let Some(_director) = dr(&web("-g", &[1])) else { return };
    passes("on-link");
    sh("ipvsadm -a -t 10.0.0.1:80 -r 172.31.0.1:80 -g");
    let finding = finds("on-link", "error");
    assert_eq!(finding["places"][0]["server"], "172.31.0.1:80");
}

/// Packets come to the service's port, whatever the server's.
#[test]
fn a_port_that_is_not_mapped() {
    let Some(_director) = dr(&web("-g", &[1])) else { return };
    passes("port");
    sh("ipvsadm -d -t 10.0.0.1:80 -r 10.1.1.2:80
        ipvs-tui add --no-journal -t 10.0.0.1:80 -r 10.1.1.2:81 -g -w 10");
    let finding = finds("port", "error");
    // Nothing listens at 81.
    assert_eq!(client(), "rs1");
    paste(&finding, None);
    passes("port");
    assert_eq!(sh("ipvsadm -Sn").matches("-r 10.1.1.2:80 -g -w 10").count(), 1);
}

/// A firewall that drops what is invalid cuts the service off.
#[test]
fn tracking_half_of_a_connection() {
    let Some(mut director) = dr(&web("-g", &[1])) else { return };
    passes("conntrack");
    director.does(
        "nft add table ip f
         nft add chain ip f in '{ type filter hook input priority filter; }'
         nft add rule ip f in ct state invalid drop",
        "nft delete table ip f",
    );
    assert_eq!(client(), "rs1");
    director.sets("net/ipv4/vs/conntrack", "1");
    cut_off("the firewall let it through");
    let finding = finds("conntrack", "warning");
    paste(&finding, None);
    passes("conntrack");
    assert_eq!(client(), "rs1");
}

/// A server that was never told anything works after its commands were pasted.
#[test]
fn what_the_server_has_to_be_told() {
    let Some(mut director) = dr(&web("-g", &[1])) else { return };
    let finding = finds("real-server", "note");
    assert_eq!(finding["fixes"][0]["on"][0], "10.1.1.2");
    director.does(
        "ipr netns exec rs1 sh -c '
            echo 0 >/proc/sys/net/ipv4/conf/all/arp_ignore
            echo 0 >/proc/sys/net/ipv4/conf/all/arp_announce'
         ipr -n rs1 addr del 10.0.0.1/32 dev lo",
        "ipr -n rs1 addr replace 10.0.0.1/32 dev lo",
    );
    cut_off("answered without the address");
    paste(&finding, Some("rs1"));
    assert_eq!(client(), "rs1");
    let set = sh("ipr netns exec rs1 cat /proc/sys/net/ipv4/conf/all/arp_ignore \
                  /proc/sys/net/ipv4/conf/all/arp_announce");
    assert_eq!(set, "1\n2\n");
    sh("ipvsadm -e -t 10.0.0.1:80 -r 10.1.1.2:80 -m");
    passes("real-server");
}
