//! Checks of what surrounds the table: forwarding, addresses, routes, filters.

use super::made::*;
use crate::doctor::{On, Severity};
use crate::ipvs::{DaemonRole, Forwarding, Tunnel, TunnelKind};
use crate::kernel::route::Route;
use crate::snapshot::{Part, ServiceEntry};

const WEB: &str = "TCP 10.0.0.1:80";
const FORWARD: &str = "net/ipv4/ip_forward";

fn masq() -> ServiceEntry {
    service(WEB, "wlc", Forwarding::Masq, &[10, 10])
}

fn route() -> ServiceEntry {
    service(WEB, "wlc", Forwarding::Route, &[10, 10])
}

fn tunnel() -> ServiceEntry {
    service(WEB, "wlc", Forwarding::Tunnel, &[10, 10])
}

fn via(gateway: &str) -> Route {
    Route::Via { gateway: ip(gateway), link: ETH0, source: None }
}

fn nowhere() -> Route {
    Route::Nowhere("there is no route to it".to_owned())
}

// --- forwarding -----------------------------------------------------------------------------

#[test]
fn masquerading_needs_ip_forward() {
    let off = |made: Made| made.set(FORWARD, "0").set("net/ipv4/conf/eth0/forwarding", "0");
    let finding = off(Made::new(vec![masq()])).one("forwarding");
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(places(&finding).len(), 2);
    assert_eq!(finding.evidence[0], "net.ipv4.ip_forward = 0");
    assert_eq!(commands(&finding), ["sysctl -w net.ipv4.ip_forward=1"]);
    Made::new(vec![masq()]).passes("forwarding");
    off(Made::new(vec![route()])).passes("forwarding"); // direct routing forwards nothing
}

#[test]
fn the_interface_that_answers_come_by_decides() {
    let eth0 = "net/ipv4/conf/eth0/forwarding";
    let finding = Made::new(vec![masq()]).set(eth0, "0").one("forwarding");
    assert_eq!(commands(&finding), ["sysctl -w net.ipv4.conf.eth0.forwarding=1"]);
    // Off for all, and on again where it matters.
    Made::new(vec![masq()]).set(FORWARD, "0").set(eth0, "1").passes("forwarding");
    let why = Made::new(vec![masq()]).unset(eth0, "no").unset(FORWARD, "hidden");
    let unchecked = why.unchecked("forwarding");
    assert_eq!(unchecked, [(Some("2 masqueraded servers".into()), "hidden".into())]);
}

#[test]
fn ipv6_asks_all_interfaces_together() {
    let v6 = || Made::new(vec![service("TCP [fd00::1]:80", "wlc", Forwarding::Masq, &[10])]);
    let all = "net/ipv6/conf/all/forwarding";
    let finding = v6().set(all, "0").one("forwarding");
    assert_eq!(commands(&finding), ["sysctl -w net.ipv6.conf.all.forwarding=1"]);
    v6().set(all, "0").set("net/ipv6/conf/eth0/force_forwarding", "1").passes("forwarding");
    v6().set(FORWARD, "0").set("net/ipv4/conf/eth0/forwarding", "0").passes("forwarding");
}

#[test]
fn tunnels_without_ip_forward_are_worth_a_note() {
    let finding = Made::new(vec![tunnel()]).set(FORWARD, "0").one("forwarding");
    assert_eq!(finding.severity, Severity::Note);
    Made::new(vec![tunnel()]).passes("forwarding");
}

#[test]
fn a_masqueraded_server_on_the_director_forwards_nothing() {
    let made = Made::new(vec![masq()]).set(FORWARD, "0").set("net/ipv4/conf/eth0/forwarding", "0");
    made.route("10.1.1.2", Route::Local).route("10.1.2.2", Route::Local).passes("forwarding");
}

// --- virtual addresses ----------------------------------------------------------------------

#[test]
fn a_virtual_address_must_be_here() {
    let finding = Made::new(vec![masq()]).route("10.0.0.1", via("10.1.0.254"));
    let finding = finding.one("virtual-address");
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(places(&finding), [WEB]);
    assert_eq!(finding.evidence, ["the route to it goes to 10.1.0.254"]);
    assert_eq!(commands(&finding), ["ip addr replace 10.0.0.1/32 dev eth0"]);
    Made::new(vec![masq()]).passes("virtual-address");
}

#[test]
fn services_of_one_address_are_told_once() {
    let dns = service("UDP 10.0.0.1:53", "wlc", Forwarding::Masq, &[10]);
    let finding = Made::new(vec![masq(), dns]).route("10.0.0.1", nowhere());
    let finding = finding.one("virtual-address");
    assert_eq!(places(&finding), [WEB, "UDP 10.0.0.1:53"]);
    // No neighbour is known: the way out is the best guess.
    assert_eq!(commands(&finding), ["ip addr replace 10.0.0.1/32 dev eth1"]);
}

#[test]
fn an_address_in_a_vrf_is_held_though_the_main_table_does_not_know() {
    let made = Made::new(vec![masq()]).route("10.0.0.1", nowhere());
    made.with(|m| m.network.addresses.push((ETH1, ip("10.0.0.1")))).passes("virtual-address");
}

#[test]
fn a_rule_for_marked_packets_explains_an_address_that_is_not_held() {
    let made = || Made::new(vec![masq()]).route("10.0.0.1", nowhere()).rule(Some(7), None);
    made()
        .with(|m| {
            m.network.marked.insert((ip("10.0.0.1"), 7));
        })
        .passes("virtual-address");
    // A mark that leads elsewhere explains nothing.
    made().one("virtual-address");
    // What a rule for an interface leads to cannot be asked.
    let by_link = Made::new(vec![masq()]).route("10.0.0.1", nowhere()).rule(None, Some("eth0"));
    let unchecked = by_link.unchecked("virtual-address");
    assert!(unchecked[0].1.contains("what comes in by eth0"), "{unchecked:?}");
}

#[test]
fn a_standby_director_does_not_hold_its_addresses() {
    let made = || Made::new(vec![masq()]).route("10.0.0.1", nowhere());
    let note = |made: Made| {
        let finding = made.one("virtual-address");
        assert_eq!(finding.severity, Severity::Note, "{finding:#?}");
        assert_eq!(finding.fixes, [], "{finding:#?}");
        finding.evidence[1].clone()
    };
    let backup = |m: &mut Made| {
        m.snapshot.daemons = Part::Fresh(vec![daemon(DaemonRole::Backup, "eth1")]);
    };
    assert!(note(made().with(backup)).contains("another director is active"));
    let vrrp = "vrrp_instance A {\n virtual_ipaddress {\n 10.0.0.1\n }\n}";
    assert!(note(made().configured(vrrp)).starts_with("VRRP holds it on the active director"));
    let runs = |name: &str| {
        let programs = vec![name.to_owned()];
        move |m: &mut Made| m.failover = Part::Fresh(programs)
    };
    assert!(note(made().with(runs("pacemakerd"))).starts_with("pacemakerd runs here"));
    // keepalived's addresses are known, and this is none of them; unless a file was left out.
    let whole = made().configured("vrrp_instance A {\n}").with(runs("keepalived"));
    assert_eq!(whole.one("virtual-address").severity, Severity::Error);
    note(made().configured("include conf.d/*").with(runs("keepalived")));
    note(made().with(runs("keepalived")));
    // Nobody knows who runs.
    let hidden = made().with(|m| m.failover = Part::Unreadable("hidden".to_owned()));
    assert_eq!(hidden.one("virtual-address").severity, Severity::Warning);
}

#[test]
fn packets_that_come_in_speak_against_a_missing_address() {
    let made = Made::new(vec![masq()]).route("10.0.0.1", nowhere());
    let made = made.with(|m| {
        m.snapshot.services[0].stats.as_mut().unwrap().rates.in_packets = 1_200;
    });
    let finding = made.one("virtual-address");
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.evidence[1].contains("1,200 packets a second"), "{finding:#?}");
}

#[test]
fn the_unspecified_address_matches_nothing() {
    let any = service("TCP 0.0.0.0:80", "wlc", Forwarding::Masq, &[10]);
    let finding = Made::new(vec![any]).one("virtual-address");
    assert_eq!(finding.severity, Severity::Warning);
    assert!(finding.what.starts_with("0.0.0.0 is no address"));
}

#[test]
fn of_marks_it_is_told_that_nothing_is_known() {
    let mark = service("FWM 5", "wlc", Forwarding::Masq, &[10]);
    let unchecked = Made::new(vec![mark]).unchecked("virtual-address");
    assert_eq!(unchecked[0].0.as_deref(), Some("FWM 5"));
}

#[test]
fn ipv6_addresses_are_held_too() {
    let v6 = service("TCP [fd00::1]:80", "wlc", Forwarding::Masq, &[10]);
    Made::new(vec![v6.clone()]).passes("virtual-address");
    let finding = Made::new(vec![v6]).route("fd00::1", nowhere()).one("virtual-address");
    assert_eq!(commands(&finding), ["ip -6 addr replace fd00::1/128 dev eth1"]);
}

// --- routes to servers ----------------------------------------------------------------------

#[test]
fn a_direct_route_server_must_be_on_the_segment() {
    let finding = Made::new(vec![route()]).route("10.1.2.2", via("10.1.0.254")).one("on-link");
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(places(&finding), ["TCP 10.0.0.1:80 -> 10.1.2.2:80"]);
    assert_eq!(finding.evidence, ["the route to 10.1.2.2 goes via 10.1.0.254 on eth0"]);
    assert_eq!(commands(&finding), ["ipvs-tui edit -t 10.0.0.1:80 -r 10.1.2.2:80 -i"]);
    Made::new(vec![route()]).passes("on-link");
    // A route that names the server as its own gateway (onlink) is as good.
    Made::new(vec![route()]).route("10.1.2.2", via("10.1.2.2")).passes("on-link");
    // A gateway does no harm to the other methods.
    Made::new(vec![masq()]).route("10.1.2.2", via("10.1.0.254")).passes("on-link");
    Made::new(vec![tunnel()]).route("10.1.2.2", via("10.1.0.254")).passes("on-link");
    // Nor to a server that is the director.
    Made::new(vec![route()]).route("10.1.2.2", Route::Local).passes("on-link");
}

#[test]
fn a_gateway_of_the_other_family_may_be_the_server() {
    let finding = Made::new(vec![route()]).route("10.1.2.2", via("fe80::2")).one("on-link");
    assert_eq!(finding.severity, Severity::Warning);
}

#[test]
fn every_server_needs_a_route() {
    for entry in [masq(), route(), tunnel()] {
        let finding = Made::new(vec![entry]).route("10.1.2.2", nowhere()).one("on-link");
        assert_eq!(finding.severity, Severity::Error);
        assert!(finding.what.ends_with("there is no route to it"), "{finding:#?}");
    }
    let unknown = Route::Unknown("Cannot allocate memory (ENOMEM)".to_owned());
    let unchecked = Made::new(vec![masq()]).route("10.1.2.2", unknown).unchecked("on-link");
    assert_eq!(unchecked, [(Some("10.1.2.2".into()), "Cannot allocate memory (ENOMEM)".into())]);
}

#[test]
fn a_server_that_is_the_director_is_told() {
    let finding = Made::new(vec![route()]).route("10.1.2.2", Route::Local).one("self");
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(finding.evidence[0], "the route to 10.1.2.2 is local");
    assert_eq!(commands(&finding), ["ipvs-tui delete -t 10.0.0.1:80 -r 10.1.2.2:80"]);
    Made::new(vec![route()]).passes("self");
    // A sorry server, and the method that says so, are meant.
    let sorry = and(service(WEB, "wlc", Forwarding::Masq, &[]), "127.0.0.1:80", Forwarding::Masq);
    let finding = Made::new(vec![sorry]).route("127.0.0.1", Route::Local).one("self");
    assert_eq!((finding.severity, finding.fixes.len()), (Severity::Note, 0));
    let local = service(WEB, "wlc", Forwarding::Local, &[10]);
    let finding = Made::new(vec![local]).route("10.1.1.2", Route::Local).one("self");
    assert_eq!(finding.severity, Severity::Note);
}

// --- filters and redirects ------------------------------------------------------------------

#[test]
fn a_strict_filter_on_a_tunnels_end_drops_what_comes_out() {
    let up = |m: &mut Made| m.network.links[3].up = true;
    let strict = || Made::new(vec![tunnel()]).set("net/ipv4/conf/tunl0/rp_filter", "1");
    let finding = strict().with(up).one("rp-filter");
    assert_eq!(finding.severity, Severity::Warning);
    let both = "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.tunl0.rp_filter=0";
    assert_eq!(commands(&finding), [both]);
    strict().passes("rp-filter"); // it is down
    strict().set("net/ipv4/conf/all/rp_filter", "2").with(up).passes("rp-filter"); // loose wins
    Made::new(vec![tunnel()]).with(up).passes("rp-filter");
    let masq = Made::new(vec![masq()]).set("net/ipv4/conf/tunl0/rp_filter", "1");
    masq.with(up).passes("rp-filter"); // somebody else's tunnel
}

#[test]
fn a_tunnel_of_its_own_may_filter_as_it_likes() {
    let mut vpn = Made::new(vec![tunnel()]).set("net/ipv4/conf/vpn/rp_filter", "1");
    vpn.network.links[3].name = "vpn".to_owned();
    vpn.network.links[3].up = true;
    vpn.passes("rp-filter");
}

#[test]
fn answers_from_an_address_that_is_not_local_are_filtered() {
    let strict = || Made::new(vec![tunnel()]).set("net/ipv4/conf/eth0/rp_filter", "1");
    let marked = |m: &mut Made| {
        m.network.routes.insert(ip("10.0.0.1"), nowhere());
        m.network.marked.insert((ip("10.0.0.1"), 7));
    };
    let finding = strict().with(marked).one("rp-filter");
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(places(&finding).len(), 2);
    // Back by the same interface it passes.
    let same = strict().with(marked).route("10.0.0.1", via("10.1.0.254"));
    assert_eq!(same.one("rp-filter").severity, Severity::Note);
    // Where the address is local it may still drop what comes another way.
    assert_eq!(strict().one("rp-filter").severity, Severity::Note);
    Made::new(vec![tunnel()]).with(marked).passes("rp-filter");
}

#[test]
fn masquerading_on_one_arm_must_not_redirect() {
    let one_arm = || Made::new(vec![masq()]).with(|m| m.network.outward = via("10.1.0.254"));
    for path in ["net/ipv4/conf/all/send_redirects", "net/ipv4/conf/eth0/send_redirects"] {
        let finding = one_arm().set(path, "1").one("redirects");
        assert_eq!(finding.severity, Severity::Warning);
        let both =
            "sysctl -w net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0";
        assert_eq!(commands(&finding), [both]);
    }
    one_arm().passes("redirects");
    // Two arms.
    Made::new(vec![masq()]).set("net/ipv4/conf/all/send_redirects", "1").passes("redirects");
    // Servers behind a router are not told.
    let far = one_arm().route("10.1.1.2", via("10.1.0.9")).route("10.1.2.2", via("10.1.0.9"));
    far.set("net/ipv4/conf/all/send_redirects", "1").passes("redirects");
}

// --- what real servers need -----------------------------------------------------------------

#[test]
fn direct_route_servers_are_told_to_hold_the_address_and_be_silent() {
    let dns = service("UDP 10.0.0.2:53", "wlc", Forwarding::Route, &[10, 10]);
    let finding = Made::new(vec![route(), dns]).one("real-server");
    assert_eq!(finding.severity, Severity::Note);
    assert_eq!(finding.fixes[0].on, On::Servers(vec![ip("10.1.1.2"), ip("10.1.2.2")]));
    assert_eq!(
        commands(&finding),
        [
            "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2",
            "ip addr replace 10.0.0.1/32 dev lo",
            "ip addr replace 10.0.0.2/32 dev lo",
        ]
    );
    Made::new(vec![masq()]).passes("real-server");
    Made::new(vec![route()])
        .route("10.1.1.2", Route::Local)
        .route("10.1.2.2", Route::Local)
        .passes("real-server");
}

#[test]
fn servers_of_different_addresses_are_told_apart() {
    let other = service("TCP 10.0.0.2:80", "wlc", Forwarding::Route, &[10]);
    let found = Made::new(vec![route(), other]).found("real-server");
    let servers: Vec<&On> = found.iter().map(|finding| &finding.fixes[0].on).collect();
    assert_eq!(servers, [&On::Servers(vec![ip("10.1.2.2")]), &On::Servers(vec![ip("10.1.1.2")])]);
}

#[test]
fn a_tunnel_needs_an_end_without_a_filter() {
    let finding = Made::new(vec![tunnel()]).one("real-server");
    assert_eq!(
        commands(&finding),
        [
            "sysctl -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2",
            "modprobe ipip",
            "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.tunl0.rp_filter=0",
            "ip link set tunl0 up",
            "ip addr replace 10.0.0.1/32 dev tunl0",
        ]
    );
    let mut gue = tunnel();
    for server in &mut gue.servers {
        server.server.tunnel = Tunnel { kind: TunnelKind::Gue, port: 6080, flags: 0 };
    }
    let finding = Made::new(vec![gue]).one("real-server");
    let add = "ip fou show | grep -q 'port 6080 ' || ip fou add port 6080 gue";
    assert!(commands(&finding).contains(&add), "{finding:#?}");
    // IPv6 in IPv4 comes out elsewhere, and no filter is in its way.
    let v6 = service("TCP [fd00::1]:80", "wlc", Forwarding::Tunnel, &[]);
    let finding = Made::new(vec![and(v6, "10.1.1.2:80", Forwarding::Tunnel)]).one("real-server");
    assert_eq!(
        commands(&finding),
        ["modprobe sit", "ip link set sit0 up", "ip -6 addr replace fd00::1/128 dev lo"]
    );
}

#[test]
fn what_a_mark_stands_for_is_left_to_the_reader() {
    let mark = service("FWM 5", "wlc", Forwarding::Route, &[10]);
    let finding = Made::new(vec![mark]).one("real-server");
    let last = commands(&finding).last().copied().unwrap().to_owned();
    assert_eq!(
        last,
        "# and each address that mark 5 stands for: ip addr replace ADDRESS/32 dev lo"
    );
}
