//! Checks of the table itself: ports, weights, persistence, FTP, and what is configured.

use super::made::*;
use crate::doctor::Severity;
use crate::ipvs::{Forwarding, Protocol, ServerKey};
use crate::kernel::proc::app::App;
use crate::kernel::proc::config::Config;
use crate::kernel::proc::owners::{Owner, OwnerKind};
use crate::snapshot::{Part, ServiceEntry};

const WEB: &str = "TCP 10.0.0.1:80";

fn web(weights: &[u32]) -> ServiceEntry {
    service(WEB, "wlc", Forwarding::Masq, weights)
}

/// With connections on each server.
fn busy(mut entry: ServiceEntry) -> ServiceEntry {
    for server in &mut entry.servers {
        server.active = 5;
        server.persistent = Some(2);
    }
    entry
}

fn owner(kind: OwnerKind) -> Part<Vec<Owner>> {
    Part::Fresh(vec![Owner { kind, ..keepalived() }])
}

// --- ports ----------------------------------------------------------------------------------

#[test]
fn direct_routing_and_tunnels_do_not_map_ports() {
    for (method, letter) in [(Forwarding::Route, "-g"), (Forwarding::Tunnel, "-i")] {
        let entry = and(service(WEB, "wlc", method, &[10]), "10.1.5.2:8080", method);
        let finding = Made::new(vec![entry]).one("port");
        assert_eq!(finding.severity, Severity::Error);
        assert_eq!(places(&finding), ["TCP 10.0.0.1:80 -> 10.1.5.2:8080"]);
        let add = format!("ipvs-tui add -t 10.0.0.1:80 -r 10.1.5.2:80 {letter} -w 10");
        let delete = "ipvs-tui delete -t 10.0.0.1:80 -r 10.1.5.2:8080";
        assert_eq!(commands(&finding), [&add, delete]);
        Made::new(vec![service(WEB, "wlc", method, &[10])]).passes("port");
    }
    Made::new(vec![and(web(&[10]), "10.1.5.2:8080", Forwarding::Masq)]).passes("port");
}

#[test]
fn where_every_port_arrives_none_is_named() {
    let any = service("TCP 10.0.0.1:0", "wlc", Forwarding::Route, &[]);
    let finding = Made::new(vec![and(any.clone(), "10.1.5.2:80", Forwarding::Route)]).one("port");
    assert!(finding.evidence[0].ends_with("the port that the client asked for"), "{finding:#?}");
    Made::new(vec![and(any, "10.1.5.2:0", Forwarding::Route)]).passes("port");
    let mark =
        and(service("FWM 5", "wlc", Forwarding::Route, &[]), "10.1.5.2:80", Forwarding::Route);
    Made::new(vec![mark]).one("port");
    // A port of 0 claims nothing.
    let zero = and(service(WEB, "wlc", Forwarding::Route, &[]), "10.1.5.2:0", Forwarding::Route);
    Made::new(vec![zero]).passes("port");
}

// --- weights --------------------------------------------------------------------------------

#[test]
fn weight_0_everywhere_refuses_every_client() {
    let finding = Made::new(vec![busy(web(&[0, 0]))]).one("weight-zero");
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(finding.evidence[1], "10 active and 0 inactive connections are left");
    assert_eq!(commands(&finding)[0], "ipvs-tui weight -t 10.0.0.1:80 -r 10.1.1.2:80 -w 1");
    Made::new(vec![web(&[0, 1])]).passes("weight-zero");
}

#[test]
fn a_drain_of_the_last_server_is_named_and_given_back_by_restore() {
    let drained = (key(WEB), ServerKey::new(ip("10.1.1.2"), 80));
    let made = Made::new(vec![web(&[0])]).with(|m| {
        m.drained.insert(drained);
    });
    let finding = made.one("weight-zero");
    assert!(finding.evidence[2].starts_with("an open drain"), "{finding:#?}");
    assert_eq!(commands(&finding), ["ipvs-tui restore -t 10.0.0.1:80 -r 10.1.1.2:80"]);
}

#[test]
fn a_service_without_servers_is_told_unless_kube_proxy_keeps_it() {
    let finding = Made::new(vec![web(&[])]).one("weight-zero");
    assert_eq!(finding.severity, Severity::Warning);
    let kube = Made::new(vec![web(&[])]).with(|m| m.owners = owner(OwnerKind::KubeProxy));
    assert_eq!(kube.one("weight-zero").severity, Severity::Note);
}

#[test]
fn a_scheduler_that_ignores_weights_is_told() {
    for (scheduler, better) in [("rr", "wrr"), ("lc", "wlc"), ("dh", "wlc")] {
        let of =
            |weights: &[u32]| Made::new(vec![service(WEB, scheduler, Forwarding::Masq, weights)]);
        let finding = of(&[10, 20]).one("weight-ignored");
        assert_eq!(finding.severity, Severity::Warning);
        let command = format!("ipvs-tui scheduler -t 10.0.0.1:80 {better}");
        assert_eq!(commands(&finding), [command]);
        of(&[10, 10]).passes("weight-ignored"); // nobody asked for a difference
        of(&[10, 0]).passes("weight-ignored"); // zero is heeded
    }
    for scheduler in ["wlc", "sh", "mh", "fo", "mine"] {
        Made::new(vec![service(WEB, scheduler, Forwarding::Masq, &[1, 2])])
            .passes("weight-ignored");
    }
}

// --- templates and ports that come back -----------------------------------------------------

#[test]
fn templates_keep_a_draining_server_busy() {
    let draining = || busy(persistent(web(&[10, 0])));
    let finding = Made::new(vec![draining()]).one("templates");
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(places(&finding), ["TCP 10.0.0.1:80 -> 10.1.2.2:80"]);
    assert!(finding.evidence[1].contains("2 templates, 5 active"), "{finding:#?}");
    assert_eq!(commands(&finding), ["sysctl -w net.ipv4.vs.expire_quiescent_template=1"]);
    Made::new(vec![draining()]).sysctl("expire_quiescent_template", "1").passes("templates");
    Made::new(vec![busy(persistent(web(&[10, 10])))]).passes("templates"); // nothing drains
    Made::new(vec![busy(web(&[10, 0]))]).passes("templates"); // not persistent
    Made::new(vec![persistent(web(&[10, 0]))]).passes("templates"); // empty already
    // Without rights templates cannot be counted, so they may be there.
    let mut unread = persistent(web(&[10, 0]));
    unread.servers[1].persistent = None;
    assert!(Made::new(vec![unread]).one("templates").evidence[1].contains("not counted"));
}

#[test]
fn both_settings_at_0_strand_clients() {
    let reuse = |made: Made| made.sysctl("conn_reuse_mode", "0");
    let finding = reuse(Made::new(vec![web(&[10, 0])])).one("reuse");
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(finding.evidence[1], "1 server at weight 0");
    reuse(Made::new(vec![web(&[10])])).sysctl("expire_nodest_conn", "1").passes("reuse");
    Made::new(vec![web(&[10])]).passes("reuse");
    // UDP has no SYN to be scheduled anew by.
    let udp = service("UDP 10.0.0.1:53", "wlc", Forwarding::Masq, &[10]);
    reuse(Made::new(vec![udp])).passes("reuse");
}

#[test]
fn an_owner_that_deletes_failed_servers_leaves_clients_hanging() {
    let deletes = || Made::new(vec![web(&[10])]).with(|m| m.owners = owner(OwnerKind::Keepalived));
    assert_eq!(deletes().one("reuse").severity, Severity::Note);
    deletes().sysctl("expire_nodest_conn", "1").passes("reuse");
    let inhibits = "virtual_server 10.0.0.1 80 {
        inhibit_on_failure
        real_server 10.1.1.2 80 {
        }
    }";
    Made::new(vec![web(&[10])]).configured(inhibits).passes("reuse");
    let ldirectord = Made::new(vec![web(&[10])]).with(|m| m.owners = owner(OwnerKind::Ldirectord));
    assert!(ldirectord.one("reuse").evidence[1].contains("quiescent=yes"));
}

// --- FTP ------------------------------------------------------------------------------------

fn ftp(method: Forwarding) -> ServiceEntry {
    service("TCP 10.0.0.1:21", "wlc", method, &[10])
}

#[test]
fn masqueraded_ftp_needs_its_helper() {
    let finding = Made::new(vec![ftp(Forwarding::Masq)]).one("ftp");
    assert_eq!(finding.severity, Severity::Error);
    assert_eq!(commands(&finding), ["modprobe ip_vs_ftp"]);
    let app = |port| App { protocol: Protocol::TCP, port, name: "ftp".to_owned() };
    let with = |port| {
        Made::new(vec![ftp(Forwarding::Masq)]).with(|m| m.apps = Part::Fresh(vec![app(port)]))
    };
    with(21).passes("ftp");
    with(2121).one("ftp");
    Made::new(vec![web(&[10])]).passes("ftp");
    let unread = Made::new(vec![ftp(Forwarding::Masq)]);
    let unread = unread.with(|m| m.apps = Part::Unreadable("no such file".to_owned()));
    assert_eq!(unread.unchecked("ftp")[0].0.as_deref(), Some("TCP 10.0.0.1:21"));
}

#[test]
fn other_ftp_needs_persistence() {
    for method in [Forwarding::Route, Forwarding::Tunnel] {
        let finding = Made::new(vec![ftp(method)]).one("ftp");
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(commands(&finding), ["ipvs-tui edit -t 10.0.0.1:21 -p 360"]);
        Made::new(vec![persistent(ftp(method))]).passes("ftp");
    }
}

// --- keepalived's idea ----------------------------------------------------------------------

/// The two servers of [`WEB`] at these weights.
fn conf(first: &str, second: &str) -> String {
    format!(
        "virtual_server 10.0.0.1 80 {{
            real_server 10.1.1.2 80 {{\n {first}\n }}
            real_server 10.1.2.2 80 {{\n {second}\n }}
        }}"
    )
}

#[test]
fn weights_unlike_the_configuration_are_told() {
    let made = || Made::new(vec![web(&[10, 5])]);
    let finding = made().configured(&conf("weight 10", "weight 10")).one("config-weights");
    assert_eq!(finding.severity, Severity::Warning);
    assert_eq!(finding.what, "the weights of TCP 10.0.0.1:80 are unlike keepalived's");
    assert_eq!(finding.evidence[1], "10.1.2.2:80: weight 5, configured 10");
    let back = "ipvs-tui weight -t 10.0.0.1:80 -r 10.1.2.2:80 -w 10";
    assert_eq!(commands(&finding)[1], back);
    made().configured(&conf("weight 10", "weight 5")).passes("config-weights");
    made().passes("config-weights"); // nobody is configured
}

#[test]
fn a_server_that_failed_or_is_computed_is_not_unlike() {
    // Deleted by its check.
    Made::new(vec![web(&[10])]).configured(&conf("weight 10", "weight 7")).passes("config-weights");
    let dynamic = "weight 10\n MISC_CHECK {\n misc_dynamic\n }";
    Made::new(vec![web(&[10, 5])]).configured(&conf("weight 10", dynamic)).passes("config-weights");
    // Inhibited by its check: worth a note, and nothing to be set.
    let inhibited = conf("weight 10", "weight 10\n inhibit_on_failure");
    let finding = Made::new(vec![web(&[10, 0])]).configured(&inhibited).one("config-weights");
    assert_eq!((finding.severity, finding.fixes.len()), (Severity::Note, 0));
}

#[test]
fn a_drain_is_unlike_on_purpose_and_the_peer_does_not_know() {
    let drained = (key(WEB), ServerKey::new(ip("10.1.2.2"), 80));
    let made = Made::new(vec![web(&[10, 0])]).with(|m| {
        m.drained.insert(drained);
    });
    let finding = made.configured(&conf("weight 10", "weight 10")).one("config-weights");
    assert_eq!(finding.severity, Severity::Note);
    assert!(finding.evidence[1].ends_with("an open drain"), "{finding:#?}");
    assert!(finding.why.contains("a failover undoes it"));
}

#[test]
fn by_direct_routing_keepalived_puts_the_services_port_in_place() {
    let entry = service(WEB, "wlc", Forwarding::Route, &[10, 5]);
    let conf = conf("weight 10", "weight 5").replace("10.1.2.2 80", "10.1.2.2 8080");
    Made::new(vec![entry]).configured(&conf).passes("config-weights");
}

#[test]
fn what_was_left_out_of_the_configuration_is_told() {
    let include = format!("include conf.d/*.conf\n{}", conf("weight 10", "weight 10"));
    let unchecked = Made::new(vec![web(&[10, 10])]).configured(&include);
    let unchecked = unchecked.unchecked("config-weights");
    assert_eq!(unchecked[0].1, "left out: line 1: include conf.d/*.conf");
    let denied = Made::new(vec![web(&[10])]).with(|m| {
        m.owners = owner(OwnerKind::Keepalived);
        m.configs = vec![Config {
            kind: OwnerKind::Keepalived,
            path: "/etc/keepalived/keepalived.conf".to_owned(),
            text: Part::Unreadable("Permission denied (EACCES)".to_owned()),
        }];
    });
    let path = Some("/etc/keepalived/keepalived.conf".to_owned());
    let why = "Permission denied (EACCES)".to_owned();
    assert_eq!(denied.unchecked("config-weights"), [(path, why)]);
    let ldirectord = Made::new(vec![web(&[10])]).with(|m| m.owners = owner(OwnerKind::Ldirectord));
    assert!(ldirectord.unchecked("config-weights")[0].1.contains("not understood"));
}
