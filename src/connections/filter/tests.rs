use super::*;
use crate::connections::tests::{survey, table, web};
use crate::connections::{End, Scope, Survey};

fn lines() -> Vec<String> {
    vec![
        web(0x0A09_0002, 44_294, 1, "ESTABLISHED", 890),
        web(0x0A09_0103, 44_295, 2, "SYN_RECV", 41),
        web(0x0A0A_0004, 44_296, 2, "TIME_WAIT", 110),
        web(0x0A09_0000, 0, 1, "ASSURED", 290),
        web(0x0A09_0005, 44_297, 9, "FIN_WAIT", 100),
        "UDP 0A090006 0000 0A000001 13C4 0A010102 13C4 NONE            294 sip 9b2c41D0@x"
            .to_owned(),
        "IP  0A090000 0000 00000005 0000 0A010202 0000 NONE            111".to_owned(),
        "TCP fd00:0009:0000:0000:0000:0000:0000:0002 8DBC \
         fd00:0000:0000:0000:0000:0000:0000:0001 0050 \
         fd00:0001:0000:0000:0000:0000:0000:0002 0050 ESTABLISHED     891"
            .to_owned(),
        "TCP 0A090008 0000 0A000001 0014 0A010102 0014 LISTEN          118".to_owned(),
        "TCP 0A090009 AD06 0A000009 01BB 0A010202 01BB ESTABLISHED     120".to_owned(),
    ]
}

fn surveyed() -> Survey {
    let snapshot = table(&[
        ("TCP 10.0.0.1:80", "wlc", &[("10.1.1.2:80", 1), ("10.1.2.2:80", 1)]),
        ("UDP 10.0.0.1:5060", "wlc", &[("10.1.1.2:5060", 1)]),
        ("TCP [fd00::1]:80", "wlc", &[("[fd00:1::2]:80", 1)]),
        ("TCP 10.0.0.1:21", "wlc", &[("10.1.1.2:21", 1)]),
        ("FWM 5", "wlc", &[("10.1.2.2:0", 1)]),
    ]);
    survey(&lines(), End::Whole, None, &snapshot)
}

/// The places of the rows that a filter lets through.
fn found(text: &str) -> Vec<usize> {
    let survey = surveyed();
    let filter = Filter::read(text).unwrap();
    let sieve = Sieve::new(&survey.placement, &Scope::All, filter.as_ref());
    survey.rows.iter().filter(|row| sieve.passes(row)).map(|row| row.place()).collect()
}

#[test]
fn rows_are_found_by_everything_that_they_are() {
    for (text, rows) in [
        ("", &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9][..]),
        ("10.9.0.0/16", &[0, 1, 3, 4, 5, 6, 8, 9]),
        ("client:10.9.1.0/24", &[1]),
        ("10.9.0.2", &[0]),
        ("client:10.9.0.2:44294", &[0]),
        ("client:10.9.0.2:1", &[]),
        ("10.1.1.2", &[0, 3, 5, 8]),
        ("10.0.0.1:80", &[0, 1, 2, 3, 4]),
        (":443", &[9]),
        ("fd00:9::2", &[7]),
        ("[fd00::1]:80", &[7]),
        ("fd00::/8", &[7]),
        ("service:10.0.0.1:80", &[0, 1, 2, 3, 4]),
        ("service:udp/10.0.0.1", &[5]),
        ("service:tcp/10.0.0.1:21", &[8]),
        ("service:fwm/5", &[6, 9]),
        ("service:fwm/5/v6", &[]),
        ("service:10.0.0.0/8 proto:udp", &[5]),
        ("server:10.1.2.2", &[1, 2, 6, 9]),
        ("server:10.1.2.0/24 !is:template", &[1, 2, 9]),
        ("state:established", &[0, 7, 9]),
        ("state:opening,closing", &[1, 4]),
        ("state:ended", &[2]),
        ("state:templates", &[3, 5, 6]),
        ("proto:ip", &[6]),
        ("expires>600", &[0, 7]),
        ("expires<=110s", &[1, 2, 4]),
        ("expires>=2m expires<10m", &[3, 5, 9]),
        ("is:template", &[3, 5, 6]),
        ("is:orphan", &[4]),
        ("is:waiting", &[1]),
        ("is:ftp-data", &[8]),
        ("is:ipv6", &[7]),
        ("is:ipv4 is:connection state:listen", &[8]),
        ("pe:any", &[5]),
        ("pe:41d0@", &[5]),
        ("!pe:any is:template", &[3, 6]),
        ("origin:sync", &[]),
        ("!origin:sync", &[]),
        ("wait", &[2, 4]),
        ("10.9.0", &[0, 3, 4, 5, 6, 8, 9]),
        ("!10.9.0.0/16", &[2, 7]),
        ("!!is:orphan", &[4]),
    ] {
        assert_eq!(found(text), rows, "{text}");
    }
}

#[test]
fn a_scope_holds_the_rows_of_its_servers() {
    let survey = surveyed();
    let of = |scope: &Scope| {
        let sieve = Sieve::new(&survey.placement, scope, None);
        survey
            .rows
            .iter()
            .filter(|row| sieve.passes(row))
            .map(|row| row.place())
            .collect::<Vec<_>>()
    };
    let place = |service: &str, server: &str| (service.parse().unwrap(), server.parse().unwrap());
    let web = place("TCP 10.0.0.1:80", "10.1.1.2:80");
    assert_eq!(of(&Scope::Places(vec![web])), [0, 3]);
    // A deleted server's connections are still its own.
    let gone = place("TCP 10.0.0.1:80", "10.1.9.2:80");
    assert_eq!(of(&Scope::Places(vec![gone])), [4]);
    assert_eq!(of(&Scope::Service("FWM 5".parse().unwrap())), [6, 9]);
    assert_eq!(of(&Scope::Service("TCP 10.0.0.1:80".parse().unwrap())), [0, 1, 2, 3, 4]);
    assert_eq!(of(&Scope::Host("10.1.2.2".parse().unwrap())), [1, 2, 6, 9]);
    assert_eq!(Scope::Places(vec![web]).to_string(), "10.1.1.2:80 of TCP 10.0.0.1:80");
    let twice = Scope::Places(vec![web, place("UDP 10.0.0.1:5060", "10.1.1.2:5060")]);
    assert_eq!(twice.to_string(), "10.1.1.2 in 2 services");
}

#[test]
fn mistakes_are_told_with_what_is_right() {
    for (text, says) in [
        ("!", "is:template"),
        ("clent:10.9.0.2", "names no field"),
        ("client:web1", "client:10.9.0.0/16"),
        ("10.9.0.0/40", "no network"),
        ("server:10.1.1.0/x", "no network"),
        ("service:web", "service:fwm/5"),
        ("service:fwm/x", "service:fwm/5"),
        ("service:fwm/5/v7", "service:fwm/5"),
        ("service:abc/10.0.0.1", "service:udp/10.0.0.1:53"),
        ("state:", "state:syn_recv"),
        ("state>1", "state:1"),
        ("proto:xyz", "ip_47"),
        ("expires>soon", "expires<=2m"),
        ("expires>99999999999", "expires<=2m"),
        ("is:nice", "template, connection"),
        ("pe:", "pe:any"),
        ("origin:here", "sync or local"),
    ] {
        let why = Filter::read(text).unwrap_err();
        assert!(why.contains(says), "{text}: {why}");
    }
}

#[test]
fn terms_are_added_once() {
    let one = Filter::read("is:template").unwrap();
    let two = Filter::and(one.as_ref(), "proto:udp").unwrap();
    assert_eq!(two.as_ref().unwrap().text(), "is:template proto:udp");
    assert_eq!(Filter::and(two.as_ref(), "proto:udp").unwrap(), two);
    assert_eq!(Filter::and(None, "proto:udp").unwrap().unwrap().text(), "proto:udp");
    assert!(two.as_ref().is_some_and(|f| !f.wants_origin() && !f.wants_engine()));
}
