//! The doctor's page.

use std::collections::BTreeSet;
use std::sync::Arc;

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ipvs_tui::command::View;
use ipvs_tui::doctor::{self, Evidence, wanted};
use ipvs_tui::kernel::host::Host;
use ipvs_tui::kernel::route::{Link, Network, Route};
use ipvs_tui::kernel::sim::Scenario;
use ipvs_tui::model::{Copied, Effect, Hit, Message, Row, Severity, Told};
use ipvs_tui::snapshot::{Part, Snapshot};

use super::stage::*;
use super::views::everywhere;

/// Where everything is as it should be, but for one virtual address that is not here and one
/// direct-route server that is behind a gateway.
fn network(snapshot: &Snapshot) -> Network {
    let asked = wanted(snapshot);
    let direct = Route::Direct { link: 2, source: None };
    let mut routes: std::collections::BTreeMap<_, _> =
        asked.own.iter().map(|addr| (*addr, Route::Local)).collect();
    routes.extend(asked.others.iter().map(|addr| (*addr, direct.clone())));
    let gateway = "10.2.0.254".parse().unwrap();
    let via = Route::Via { gateway, link: 2, source: None };
    routes.insert("10.2.0.53".parse().unwrap(), via.clone());
    let nowhere = Route::Nowhere("there is no route to it".to_owned());
    routes.insert("fd00::1".parse().unwrap(), nowhere);
    let link = Link { index: 2, name: "eth0".to_owned(), up: true, loopback: false, kind: 1 };
    Network {
        links: vec![link],
        addresses: Vec::new(),
        rules: Vec::new(),
        routes,
        marked: BTreeSet::new(),
        outward: via,
        left_out: 0,
    }
}

/// A director that the doctor has been to, with errors, a warning, notes and what he could not
/// look at.
fn examined() -> Stage {
    let mut stage = Stage::web();
    examine(&mut stage, |_| {});
    stage
}

fn examine(stage: &mut Stage, change: impl FnOnce(&mut Snapshot)) {
    let mut snapshot = stage.last.clone().unwrap();
    snapshot.daemons = Part::Unreadable("reading them needs CAP_NET_ADMIN".to_owned());
    if let Part::Fresh(sysctls) = &mut snapshot.sysctls {
        sysctls.insert("conn_reuse_mode".to_owned(), "0".to_owned());
    }
    // No packets come for an address that is not here.
    let v6 = "TCP [fd00::1]:443".parse().unwrap();
    let missing = snapshot.services.iter_mut().find(|entry| entry.service.key == v6).unwrap();
    missing.stats = Some(Default::default());
    change(&mut snapshot);
    let mut host = Host::absent("it was not read")
        .with("net/ipv4/ip_forward", Ok("1"))
        .with("net/ipv4/conf/all/send_redirects", Ok("0"))
        .with("net/ipv4/conf/eth0/send_redirects", Ok("0"));
    host.network = Part::Fresh(network(&snapshot));
    host.failover = Part::Fresh(Vec::new());
    let owners = Part::Fresh(Vec::new());
    let evidence = Evidence::new(Arc::new(snapshot), owners, host, BTreeSet::new());
    let report = doctor::examine(&evidence);
    stage.model.update(Message::Doctor(Box::new(report)));
}

fn selected(stage: &Stage) -> String {
    match stage.model.doctor.selected() {
        Some(Told::Finding(finding)) => finding.check.to_owned(),
        Some(Told::Unchecked(check, _)) => format!("not {}", check.name),
        None => String::new(),
    }
}

#[test]
fn the_doctors_page() {
    let mut stage = examined();
    stage.does("7");
    everywhere(stage, "doctor");
}

/// Nothing is made up of a director without a machine.
#[test]
fn the_embedded_director_says_what_it_has_no_answer_to() {
    let mut stage = Stage::new(Scenario::DrFarm);
    stage.polls(2);
    stage.does("7");
    assert!(stage.screen().contains("The doctor has not come yet"));
    let snapshot = Arc::new(stage.last.clone().unwrap());
    let reader = stage.director.reader.as_mut();
    let evidence = doctor::gather(reader, snapshot, Part::Fresh(Vec::new()), BTreeSet::new());
    let report = doctor::examine(&evidence);
    assert_eq!(report.exit_code(), 0, "{:#?}", report.findings);
    stage.model.update(Message::Doctor(Box::new(report)));
    stage.does("G");
    assert_snapshot!("doctor_embedded", stage.screen());
}

#[test]
fn what_is_selected_is_told_in_full_and_scrolls() {
    let mut stage = examined().sized((80, 24));
    stage.does("7");
    let mut seen = Vec::new();
    loop {
        seen.push(selected(&stage));
        let mut told = stage.screen();
        stage.key(KeyCode::PageDown);
        stage.key(KeyCode::PageDown);
        told.push_str(&stage.screen());
        assert!(told.contains("why "), "{told}");
        stage.does("j");
        if Some(&selected(&stage)) == seen.last() && stage.model.doctor.scroll.top() > 0 {
            break; // the last one stays, scrolled as it is
        }
        assert_eq!(stage.model.doctor.scroll.top(), 0, "another begins at its first line");
    }
    let expected = [
        "virtual-address",
        "on-link",
        "reuse",
        "real-server",
        "real-server",
        "real-server",
        "not virtual-address",
        "not sync",
    ];
    assert_eq!(seen, expected);
    stage.does("g");
    assert_eq!(selected(&stage), "virtual-address");
}

/// The next visit leaves the cursor on what it was on.
#[test]
fn what_is_said_again_stays_selected() {
    let mut stage = examined();
    stage.does("7jj");
    assert_eq!(selected(&stage), "reuse");
    let quiesce = |snapshot: &mut Snapshot| {
        let service = &mut snapshot.services[0];
        service.servers.iter_mut().for_each(|server| server.server.weight = 0);
    };
    examine(&mut stage, quiesce);
    assert_eq!(selected(&stage), "reuse", "though another error stands before it");
    // It is said no more.
    examine(&mut stage, |snapshot| snapshot.services.clear());
    assert_ne!(selected(&stage), "reuse");
    assert!(!stage.screen().is_empty());
}

#[test]
fn commands_are_copied_and_enter_leads_to_the_table() {
    let mut stage = examined();
    stage.does("7j");
    let screen = stage.screen();
    let foot = screen.lines().last().unwrap();
    assert!(foot.contains("Enter go to it") && foot.contains("y copy"), "{foot}");
    let effects = stage.types("y");
    assert!(
        matches!(&effects[..], [Effect::Copy(Copied::Text(copied))]
            if copied.starts_with("ipvs-tui edit -u 10.0.0.1:53 -r 10.2.0.53:53 -i")),
        "{effects:?}"
    );
    stage.key(KeyCode::Enter);
    assert_eq!(stage.model.view, View::Services);
    let (service, server) = keys("UDP 10.0.0.1:53", "10.2.0.53:53");
    assert_eq!(stage.model.rows.selected(), Some(Row::Server(service, server)));
    // What is about the whole director leads nowhere.
    stage.does("7G");
    stage.key(KeyCode::Enter);
    assert_eq!(stage.model.view, View::Doctor);
    assert!(stage.notice().1.contains("no service or real server"), "{:?}", stage.notice());
    stage.key(KeyCode::Esc);
    stage.key(KeyCode::Esc);
    assert_eq!(stage.model.view, View::Services);
}

#[test]
fn errors_are_told_where_an_operator_looks() {
    let mut stage = examined();
    let alarms: Vec<_> =
        stage.model.alarms().iter().map(|a| (a.severity, a.text.as_str())).collect();
    let expected = [
        (Severity::Error, "doctor: fd00::1 is on no interface of this machine"),
        (Severity::Error, "doctor: direct-route server 10.2.0.53 is behind the gateway 10.2.0.254"),
    ];
    assert_eq!(alarms, expected);
    let screen = stage.screen();
    assert!(screen.contains("7 Doctor 3"), "{screen}");
    stage.does("6");
    let screen = stage.sized((80, 60)).screen();
    assert!(screen.contains("2 errors, 1 warning; 7 tells what puts them right"), "{screen}");
}

/// In watch mode too: it only looks.
#[test]
fn watching_has_a_doctor_as_well() {
    let mut stage = examined().watching();
    stage.does("7");
    assert_eq!(stage.model.view, View::Doctor);
    assert!(stage.screen().contains("2 errors, 1 warning"));
}

#[test]
fn a_click_selects() {
    let mut stage = examined();
    stage.does("7");
    let hits = stage.hits();
    let place = hits.targets.iter().find(|(_, hit)| *hit == Hit::Finding(2)).unwrap().0;
    let hit = hits.at(place.x + 5, place.y).unwrap();
    stage.model.update(Message::Click(hit));
    assert_eq!(selected(&stage), "reuse");
    stage.model.update(Message::Wheel(3));
    assert_eq!(selected(&stage), "reuse", "the wheel scrolls what is told");
}

/// In another namespace commands are written as they are run there.
#[test]
fn commands_of_another_namespace_lead_there() {
    let mut stage = Stage::web();
    stage.model.doctor.within = Some("ip netns exec lb2".to_owned());
    examine(&mut stage, |_| {});
    stage.does("7j");
    let effects = stage.types("y");
    assert!(
        matches!(&effects[..], [Effect::Copy(Copied::Text(copied))]
            if copied.starts_with("ip netns exec lb2 ipvs-tui edit ")),
        "{effects:?}"
    );
}
