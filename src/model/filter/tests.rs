use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::kernel::sim::{Clock, Director, Scenario};
use crate::kernel::{Reader, Want};
use crate::snapshot::Part;

/// The scenario `web`: the second server of TCP 10.0.0.1:80 has weight 0.
fn web() -> Snapshot {
    let director = Director::open(Scenario::Web, 1, Clock::Step(Duration::from_secs(1)));
    let mut snapshot = None;
    for _ in 0..3 {
        snapshot = Some(director.reader().snapshot(&Want::everything()).unwrap());
    }
    snapshot.unwrap()
}

/// What shows, as it is written.
fn shown(text: &str, snapshot: &Snapshot) -> Vec<String> {
    let filter = Filter::read(text).unwrap().unwrap();
    let sieve = filter.over(snapshot);
    let mut found = Vec::new();
    for entry in &snapshot.services {
        let sifted = sieve.over(entry);
        if sifted.service(false) {
            found.push(entry.service.key.to_string());
        }
        let first = entry.servers.first().map(|s| s.server.key);
        let is = |server: &ServerEntry, state| match state {
            State::Draining | State::Quiesced => server.server.weight == 0,
            State::Marked => Some(server.server.key) == first,
            State::Changed | State::Flapping => false,
        };
        let servers = entry.servers.iter().filter(|s| sifted.server(s, |state| is(s, state)));
        found.extend(servers.map(|s| s.server.key.to_string()));
    }
    found
}

fn matches(text: &str, snapshot: &Snapshot, wanted: impl Fn(&ServerEntry) -> bool) {
    let filter = Filter::read(text).unwrap().unwrap();
    let sieve = filter.over(snapshot);
    for entry in &snapshot.services {
        let sifted = sieve.over(entry);
        for server in &entry.servers {
            let key = server.server.key;
            assert_eq!(sifted.server(server, |_| false), wanted(server), "{text}: {key}");
        }
    }
}

#[test]
fn every_relation_compares() {
    let web = web();
    let conns = |s: &ServerEntry| u64::from(s.active) + u64::from(s.inactive);
    let cps = |s: &ServerEntry| s.stats.unwrap().rates.connections;
    matches("weight:0", &web, |s| s.server.weight == 0);
    matches("weight=10", &web, |s| s.server.weight == 10);
    matches("weight>4", &web, |s| s.server.weight > 4);
    matches("weight>=4", &web, |s| s.server.weight >= 4);
    matches("weight<4", &web, |s| s.server.weight < 4);
    matches("weight<=4", &web, |s| s.server.weight <= 4);
    matches("!weight:0", &web, |s| s.server.weight != 0);
    matches("!!weight:0", &web, |s| s.server.weight == 0);
    matches("active>100", &web, |s| s.active > 100);
    matches("inact>=500", &web, |s| s.inactive >= 500);
    matches("INACTIVE>=500", &web, |s| s.inactive >= 500);
    matches("conns>1000", &web, |s| conns(s) > 1000);
    matches("cps>5", &web, |s| cps(s) > 5);
    matches("cps>5 weight>1", &web, |s| cps(s) > 5 && s.server.weight > 1);
}

#[test]
fn text_finds_addresses_ports_and_words() {
    let web = web();
    assert_eq!(shown("10.1.2.2:80", &web), ["10.1.2.2:80"]);
    assert_eq!(shown("10.1.2.2", &web), ["10.1.2.2:80", "10.1.2.2:443"]);
    assert_eq!(shown("[fd00::12]", &web), ["[fd00::12]:443"]);
    // A service that is named shows all its servers.
    assert_eq!(shown("FWM", &web), ["FWM 5", "10.3.0.7:0", "10.3.1.7:0"]);
    let resolvers = ["UDP 10.0.0.1:53", "10.2.0.53:53", "10.2.1.53:53"];
    assert_eq!(shown("Udp", &web), resolvers);
    assert_eq!(shown("sched:rr", &web), resolvers);
    assert_eq!(shown("proto:udp", &web), resolvers);
    assert_eq!(shown("proto:FWM weight>1", &web), ["10.3.0.7:0"]);
    assert_eq!(shown("wrr ::12", &web), ["[fd00::12]:443"]);
    assert_eq!(shown("route !wrr !fwm !:53", &web), [""; 0]);
    matches("fwd:Masq", &web, |s| s.server.forwarding == Forwarding::Masq);
    matches("!fwd:masq", &web, |s| s.server.forwarding != Forwarding::Masq);
    let but = ["UDP 10.0.0.1:53", "10.2.1.53:53"];
    assert_eq!(shown("udp !10.2.0.53", &web), but);
}

#[test]
fn what_nothing_contains_is_found_by_its_letters() {
    let web = web();
    // 10.3.0.7:0 would do by its letters, too.
    assert_eq!(shown("10.3.1.7", &web), ["10.3.1.7:0"]);
    assert_eq!(shown("f5sh", &web), ["FWM 5", "10.3.0.7:0", "10.3.1.7:0"]);
    assert_eq!(shown("1131", &web), [""; 0]);
    // What is left out has to be named.
    let all: usize = web.services.iter().map(|s| 1 + s.servers.len()).sum();
    assert_eq!(shown("!f5sh", &web).len(), all);
}

#[test]
fn states_are_of_servers() {
    let web = web();
    assert_eq!(shown("is:quiesced", &web), ["10.1.2.2:80"]);
    assert_eq!(shown("is:draining", &web), ["10.1.2.2:80"]);
    let first = ["10.1.1.2:80", "10.1.1.2:443", "10.2.0.53:53", "[fd00::11]:443", "10.3.0.7:0"];
    assert_eq!(shown("is:marked", &web), first);
    assert_eq!(shown("!is:marked is:quiesced", &web), ["10.1.2.2:80"]);
}

#[test]
fn what_is_not_known_matches_nothing() {
    let mut web = web();
    for server in web.services.iter_mut().flat_map(|s| &mut s.servers) {
        server.stats = None;
    }
    matches("cps>0", &web, |_| false);
    matches("!cps>0", &web, |_| false);
    assert!(!shown("cps<100000", &web).is_empty(), "services still tell");
    let off = ("run_estimation".to_owned(), "0".to_owned());
    web.sysctls = Part::Fresh([off].into());
    assert_eq!(shown("cps<100000", &web), [""; 0]);
}

#[test]
fn addresses_are_text_whatever_their_colons() {
    for text in ["10.0.0.1:80", ":80", "::1", "[fd00::1]:443", "dead:beef", "fe80:", "1:weight"] {
        let wants: Wants = text.parse().unwrap();
        assert_eq!(wants, Wants::Text(text.to_owned()));
    }
}

#[test]
fn a_field_that_is_still_typed_is_unfinished() {
    let web = web();
    let is = |text| Filter::read(text).unwrap().unwrap().is_unfinished(&web);
    for text in ["we", "weight", "wlc inac", "!sched", "sched:w"] {
        assert!(is(text), "{text}");
    }
    for text in ["w", "weight wlc", "wlc", "10.1", "zz", "sched:wlc", "sched:zz", "weight:0"] {
        assert!(!is(text), "{text}");
    }
}

#[test]
fn nothing_is_no_filter() {
    for text in ["", "  ", "\t"] {
        assert_eq!(Filter::read(text), Ok(None));
    }
    assert_eq!(Filter::read("  weight:0   wlc ").unwrap().unwrap().text(), "weight:0 wlc");
}

#[test]
fn errors_are_sentences() {
    for (text, why) in [
        ("weight:", "weight wants a number, such as weight:0 or weight>5, not ''"),
        ("weight>=x", "weight wants a number, such as weight:0 or weight>5, not 'x'"),
        ("cps>-1", "cps wants a number, such as cps:0 or cps>5, not '-1'"),
        ("cps>99999999999999999999", "not '99999999999999999999'"),
        ("wieght:0", "'wieght:0' names no field: weight, active, inact, conns, cps, is, sched"),
        ("10>5", "'10>5' names no field"),
        (">5", "'>5' names no field"),
        ("=", "'=' names no field"),
        ("is:up", "is wants draining, quiesced, marked, changed or flapping, not 'up'"),
        ("is>draining", "is wants a word and no number: write is:draining"),
        ("sched:", "sched wants a scheduler, such as sched:wlc"),
        ("fwd:nat", "fwd wants masq, local, tunnel, route or bypass, not 'nat'"),
        ("proto:icmp", "proto wants tcp, udp, sctp, fwm or ip_47, not 'icmp'"),
        ("wlc ! udp", "! wants the term that shall not match, such as !weight:0"),
        (
            "is:\u{1b}[2J",
            "is wants draining, quiesced, marked, changed or flapping, not '\\u{1b}[2j'",
        ),
    ] {
        let told = Filter::read(text).unwrap_err();
        assert!(told.contains(why), "{text}: {told}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_typed_breaks_it(text in any::<String>()) {
        let _ = Filter::read(&text);
    }

    /// What looks like terms is read or refused, and what is read sifts every row.
    #[test]
    fn terms_in_any_order_sift(words in prop::collection::vec(
        "!{0,2}(weight|active|inact|conns|cps|is|sched|fwd|proto|x|é|10\\.1)?(:|=|>|<|>=|<=|)(0|5|99|draining|wlc|masq|tcp|漢|\\[|)",
        0..5,
    )) {
        thread_local!(static WEB: Snapshot = web());
        let text = words.join(" ");
        if let Ok(Some(filter)) = Filter::read(&text) {
            WEB.with(|web| shown(filter.text(), web));
            prop_assert_eq!(Filter::read(filter.text()), Ok(Some(filter.clone())));
        }
    }
}
