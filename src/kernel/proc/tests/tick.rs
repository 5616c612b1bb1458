//! The cheap tick: a listing brings a table up to date that netlink has filled.

use super::*;
use crate::ipvs::{Forwarding, ServiceFlags, ServiceKey};
use crate::kernel::proc::Changed;
use crate::snapshot::Known;

fn refresh(services: &mut [ServiceEntry], body: &str) -> Changed {
    let file = format!("{HEADER}{body}");
    let table = Table::open(file.as_bytes()).unwrap();
    listing::refresh(table, services, &mut Vec::new()).unwrap()
}

const TICK: &str = "TCP  0A000001:0050 wlc  persistent 12500 FFFFFFFF
  -> 0A010202:0050      Masq    5      2          3         
  -> 0A010102:0050      Masq    1      0          1         
FWM  00000005 rr 
  -> 0A010102:0000      Tunnel  1      0          0         
";

/// What netlink would have told, with a bypass server that `/proc` calls `Masq`.
fn whole() -> Vec<ServiceEntry> {
    let mut services = build(format!("{HEADER}{TICK}").as_bytes());
    for entry in &mut services {
        entry.known = Known::Whole;
        entry.service.flags |= ServiceFlags::HASHED | ServiceFlags::SCHED1;
        for server in &mut entry.servers {
            server.persistent = Some(7);
            server.server.upper_threshold = 100;
        }
    }
    services[0].servers[0].server.forwarding = Forwarding::Bypass;
    services
}

#[test]
fn a_quiet_tick_moves_only_connections() {
    let mut services = whole();
    let text = TICK.replace("5      2          3", "5      8          9");
    assert!(refresh(&mut services, &text).is_empty());
    let server = &services[0].servers[1];
    assert_eq!((server.active, server.inactive), (8, 9));
    assert_eq!((server.persistent, server.server.upper_threshold), (Some(7), 100));
    assert_eq!(services[0].servers[0].server.forwarding, Forwarding::Bypass);
}

#[test]
fn a_tick_tells_what_wants_a_closer_look() {
    let http: ServiceKey = "TCP 10.0.0.1:80".parse().unwrap();
    let changes = [
        ("Masq    5 ", "Masq    0 "),
        ("Masq    5 ", "Route   5 "),
        ("wlc  persistent", "wrr  persistent"),
        (" persistent 12500 FFFFFFFF", ""),
        ("wlc  ", "wlc ops  "),
        ("  -> 0A010202:0050", "  -> 0A010302:0050"),
        ("  -> 0A010202:0050      Masq    5      2          3         \n", ""),
    ];
    for (from, to) in changes {
        let mut services = whole();
        let changed = refresh(&mut services, &TICK.replace(from, to));
        let expected = Changed { changed: vec![http], ..Changed::default() };
        assert_eq!(changed, expected, "{from} -> {to}");
    }
    let mut services = whole();
    refresh(&mut services, &TICK.replace("Masq    5 ", "Route   0 "));
    let server = &services[0].servers[1].server;
    assert_eq!((server.forwarding, server.weight), (Forwarding::Route, 0));
}

#[test]
fn a_tick_tells_new_and_gone_services_and_leaves_the_table_alone() {
    let mut services = whole();
    let changed = refresh(&mut services, "TCP  0A000001:01BB rr  \n");
    let key = |text: &str| text.parse::<ServiceKey>().unwrap();
    let gone = vec![key("TCP 10.0.0.1:80"), key("FWM 5")];
    assert_eq!(changed, Changed { new: vec![key("TCP 10.0.0.1:443")], gone, changed: vec![] });
    assert_eq!(services, whole());
}

#[test]
fn a_tick_finds_marks_whose_family_netlink_knows() {
    let mut services = whole();
    let mut twin = services[1].clone();
    services[1].service.key = "FWM 5 v6".parse().unwrap();
    // A lone v6 service with a v4 tunnel: the listing alone would guess v4.
    assert!(refresh(&mut services, TICK).is_empty());
    // A second service of the mark is new, of the other family.
    let more = format!("{TICK}FWM  00000005 rr \n");
    let changed = refresh(&mut services, &more);
    assert_eq!(changed.new, ["FWM 5".parse::<ServiceKey>().unwrap()]);
    // Both known: their servers tell them apart.
    twin.servers[0].server.key = "10.1.9.9:0".parse().unwrap();
    services.insert(1, twin);
    let tick = format!(
        "{TICK}FWM  00000005 rr \n  -> 0A010909:0000      Tunnel  1      6          0         \n"
    );
    assert!(refresh(&mut services, &tick).is_empty());
    assert_eq!((services[1].servers[0].active, services[2].servers[0].active), (6, 0));
}
