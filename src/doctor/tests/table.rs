//! Checks of the table itself: ports, weights, persistence, FTP, and what is configured.

use super::made::*;
use crate::doctor::Severity;
use crate::ipvs::{Forwarding, Protocol, Server, ServerKey, Tunnel, TunnelKind};
use crate::kernel::proc::app::App;
use crate::kernel::proc::config::Config;
use crate::kernel::proc::owners::{Owner, OwnerKind};
use crate::snapshot::{Known, Part, ServiceEntry};

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
    // A port of 0 claims nothing.
    let zero = and(service(WEB, "wlc", Forwarding::Route, &[]), "10.1.5.2:0", Forwarding::Route);
    Made::new(vec![zero]).passes("port");
}

/// The mark may cover that port alone: `ipvsadm -a -f 5 -r 10.1.5.2:80 -g` works.
#[test]
fn a_mark_s_ports_are_not_known() {
    let of = |method| {
        let mark = and(service("FWM 5", "wlc", method, &[]), "10.1.5.2:80", method);
        Made::new(vec![mark])
    };
    for method in [Forwarding::Route, Forwarding::Tunnel] {
        assert_eq!(of(method).found("port"), []);
        let unchecked = of(method).unchecked("port");
        assert_eq!(unchecked[0].0.as_deref(), Some("FWM 5"));
        assert!(unchecked[0].1.contains("10.1.5.2:80"), "{unchecked:#?}");
    }
    of(Forwarding::Masq).passes("port");
}

/// A server is put under another name with all that it had.
#[test]
fn what_is_added_anew_is_as_it_was() {
    let of = |change: &dyn Fn(&mut Server)| {
        let mut entry =
            and(service(WEB, "wlc", Forwarding::Tunnel, &[]), "10.1.5.2:81", Forwarding::Tunnel);
        change(&mut entry.servers[0].server);
        Made::new(vec![entry])
    };
    let added = |change: &dyn Fn(&mut Server)| {
        let finding = of(change).one("port");
        let all = commands(&finding);
        let rest = all[0].strip_prefix("ipvs-tui add -t 10.0.0.1:80 -r 10.1.5.2:80 ");
        assert_eq!(all.len(), 2, "{all:?}");
        rest.unwrap().to_owned()
    };
    let tunnel = |kind, port, flags| Tunnel { kind, port, flags };
    let gue = tunnel(TunnelKind::Gue, 6080, Tunnel::REMCSUM);
    assert_eq!(added(&|s| s.tunnel = gue), "-i -w 10 --tun-type gue --tun-port 6080 --tun-remcsum");
    let gre = tunnel(TunnelKind::Gre, 0, Tunnel::CSUM);
    assert_eq!(added(&|s| s.tunnel = gre), "-i -w 10 --tun-type gre --tun-csum");
    let full = |s: &mut Server| (s.upper_threshold, s.lower_threshold) = (100, 50);
    assert_eq!(added(&full), "-i -w 10 -x 100 -y 50");
    assert_eq!(added(&|s| s.forwarding = Forwarding::Route), "-g -w 10");
    // Nothing is deleted that cannot be made anew.
    let unsaid = |change: &dyn Fn(&mut Server)| {
        let finding = of(change).one("port");
        let all = commands(&finding);
        assert!(matches!(all[..], [only] if only.starts_with("# 10.1.5.2:81: ")), "{all:?}");
    };
    unsaid(&|s| s.tunnel = tunnel(TunnelKind::Unknown(9), 0, 0));
    unsaid(&|s| s.tunnel = tunnel(TunnelKind::Gue, 6080, Tunnel::CSUM | Tunnel::REMCSUM));
    let unread = of(&|_| {}).with(|m| m.snapshot.services[0].known = Known::Listed).one("port");
    assert!(commands(&unread)[0].contains("without rights"), "{unread:#?}");
    assert_eq!(commands(&unread).len(), 1);
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

/// Clients are not sent to a server whose check may have failed.
#[test]
fn weight_0_is_raised_to_what_is_configured_or_not_at_all() {
    let raise = |made: Made| {
        let finding = made.one("weight-zero");
        let all: Vec<String> = commands(&finding).into_iter().map(str::to_owned).collect();
        all
    };
    let made = || Made::new(vec![web(&[0, 0])]);
    let inhibited = conf("weight 10", "weight 20\n inhibit_on_failure");
    assert_eq!(
        raise(made().configured(&inhibited)),
        [
            "ipvs-tui weight -t 10.0.0.1:80 -r 10.1.1.2:80 -w 10",
            "# 10.1.2.2:80: its check may have failed (inhibit_on_failure): keepalived raises it \
             when it is well",
        ]
    );
    // Computed, configured so, not in the configuration.
    let computed = conf("weight 10\n MISC_CHECK {\n misc_dynamic\n }", "weight 0");
    for conf in [computed.as_str(), "include conf.d/*.conf"] {
        let all = raise(made().configured(conf));
        assert!(all.len() == 2 && all.iter().all(|line| line.starts_with("# ")), "{all:#?}");
    }
    for kind in [OwnerKind::Ldirectord, OwnerKind::KubeProxy] {
        let all = raise(made().with(|m| m.owners = owner(kind)));
        assert!(all[0].contains(kind.name()) && all[0].starts_with("# "), "{all:#?}");
    }
    let unseen = made().with(|m| m.owners = Part::Unreadable("they are hidden".to_owned()));
    assert!(raise(unseen)[0].ends_with("they are hidden"));
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
    assert_eq!(finding.severity, Severity::Error);
    let kube = Made::new(vec![web(&[])]).with(|m| m.owners = owner(OwnerKind::KubeProxy));
    assert_eq!(kube.one("weight-zero").severity, Severity::Note);
}

#[test]
fn a_scheduler_that_ignores_weights_is_told() {
    for (scheduler, better) in [("rr", Some("wrr")), ("lc", Some("wlc")), ("dh", None)] {
        let of =
            |weights: &[u32]| Made::new(vec![service(WEB, scheduler, Forwarding::Masq, weights)]);
        let finding = of(&[10, 20]).one("weight-ignored");
        assert_eq!(finding.severity, Severity::Warning);
        let switch = |better: &str| format!("ipvs-tui scheduler -t 10.0.0.1:80 {better}");
        assert_eq!(commands(&finding), Vec::from_iter(better.map(switch)));
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
