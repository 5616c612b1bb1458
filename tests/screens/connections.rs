//! Who is on the director, as the screen shows it and as the keys go through it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyCode;
use ipvs_tui::command::View;
use ipvs_tui::connections::Stage as At;
use ipvs_tui::connections::{
    Attention, Budget, By, Errand, Estimate, Filter, Progress, Scope, Sign, Told, Wish,
};
use ipvs_tui::ipvs::*;
use ipvs_tui::kernel::KernelError;
use ipvs_tui::kernel::sim::Scenario;
use ipvs_tui::model::{Alarm, Copied, Effect, Hit, Message, Order, Prompt, Severity};
use ipvs_tui::snapshot::Part;

use super::stage::*;
use super::views::everywhere;

/// The scenario `web` with a sample of 900 rows on the screen.
fn sampled() -> Stage {
    let mut stage = Stage::web();
    stage.does("3");
    stage.sample(900);
    stage.idles(3);
    stage
}

fn filter(stage: &Stage) -> &str {
    stage.model.connections.filter().map_or("", Filter::text)
}

// --- what it looks like -----------------------------------------------------------------------

#[test]
fn clients_of_a_sample() {
    everywhere(sampled(), "connections_clients");
}

#[test]
fn servers_of_the_whole_table() {
    let mut stage = Stage::web();
    stage.does("3bb");
    everywhere(stage, "connections_servers");
}

#[test]
fn one_by_one_with_a_filter() {
    let mut stage = sampled();
    stage.does("/proto:tcp !is:template");
    stage.key(KeyCode::Enter);
    stage.does("B");
    assert_eq!(stage.model.connections.by(), None);
    everywhere(stage, "connections_rows");
}

#[test]
fn a_bad_day() {
    let mut stage = Stage::new(Scenario::Incident);
    stage.polls(26);
    stage.does("3bb");
    everywhere(stage, "connections_incident");
}

#[test]
fn what_a_drain_waits_for() {
    let mut stage = Stage::web();
    let service = HTTP.parse().unwrap();
    let place = (service, FIRST.parse().unwrap());
    stage.select(HTTP, FIRST);
    stage.does("C");
    assert_eq!(stage.model.connections.scope(), &Scope::Places(vec![place]));
    stage.does("B");
    everywhere(stage, "connections_of_a_server");
}

#[test]
fn templates_that_are_discarded_bring_nobody_back() {
    let mut stage = Stage::web();
    stage.size = (200, 60);
    let last = stage.last.as_mut().unwrap();
    let Part::Fresh(sysctls) = &mut last.sysctls else { panic!() };
    sysctls.insert("expire_quiescent_template".to_owned(), "1".to_owned());
    let mut places = Vec::new();
    for entry in &mut last.services {
        for at in entry.servers.iter_mut().filter(|at| at.persistent > Some(1)) {
            at.server.weight = 0;
            places.push((entry.service.key.to_string(), at.server.key.to_string()));
        }
    }
    let (service, server) = &places[0];
    stage.select(service, server);
    stage.does("C");
    let screen = stage.screen();
    assert!(screen.contains("are discarded when their clients come back"), "{screen}");
    assert!(!screen.contains("clients back, for up to"), "{screen}");
}

#[test]
fn before_anything_is_read_and_without_anything_to_read() {
    let mut stage = Stage::new(Scenario::Empty);
    stage.polls(1);
    stage.model.update(Message::Command(ipvs_tui::command::Command::ViewConnections));
    assert!(stage.screen().contains("reading the connection table"), "{}", stage.screen());
    stage.sample(100);
    assert!(stage.screen().contains("There are no connections."), "{}", stage.screen());
    stage.tells(Told::Unreadable(KernelError::NoIpvs));
    assert!(stage.screen().contains("this kernel has no IPVS loaded"), "{}", stage.screen());
    stage.sample(100);
    assert!(!stage.screen().contains("no IPVS"), "{}", stage.screen());
}

// --- reading ----------------------------------------------------------------------------------

#[test]
fn the_worker_is_told_what_is_looked_at() {
    let mut stage = Stage::web();
    let close = Wish { attention: Attention::Close, ..Wish::default() };
    let sample = |wish| vec![Effect::Connections(Errand::Sample(wish))];
    assert_eq!(stage.types("3"), sample(close));
    assert_eq!(stage.types("j"), []);
    // Where rows came from is another listing.
    stage.types("/origin:sync");
    assert_eq!(stage.key(KeyCode::Enter), []);
    assert_eq!(stage.model.connections.filter().map(Filter::wants_origin), Some(true));
    assert_eq!(stage.key(KeyCode::Esc), sample(close));
    assert_eq!(stage.types("1"), sample(Wish::default()));
    stage.model.connections.budget = Budget::percent(0.5).unwrap();
    let wish = Wish { budget: Budget::percent(0.5).unwrap(), ..Wish::default() };
    assert_eq!(stage.types("j"), sample(wish));
}

#[test]
fn a_whole_pass_is_asked_for_with_its_cost_and_can_be_called_off() {
    let mut stage = sampled();
    stage.types("W");
    assert!(matches!(stage.model.prompt, Some(Prompt::WholePass)));
    assert!(stage.screen().contains("Read all of about"), "{}", stage.screen());
    assert_eq!(stage.key(KeyCode::Esc), []);
    assert!(stage.model.prompt.is_none());
    stage.types("W");
    assert_eq!(stage.key(KeyCode::Enter), [Effect::Connections(Errand::Whole)]);
    let of = Some(Estimate { value: 5_000, low: 4_900, high: Some(5_100) });
    stage.tells(Told::Under(Progress { rows: 2_000, of, wall: Duration::from_secs(2) }));
    let screen = stage.screen();
    assert!(screen.contains("2,000 of about 5,000 ±100 rows in 2 s; Esc calls it off"), "{screen}");
    // Samples come meanwhile, and one pass at a time is enough.
    stage.sample(900);
    stage.types("W");
    assert!(stage.notice().1.contains("under way"));
    stage.key(KeyCode::Esc);
    assert_eq!(stage.key(KeyCode::Esc), [Effect::Connections(Errand::CallOff)]);
    assert!(stage.model.connections.progress().is_none());
    // What was on its way when it was called off does not bring it back.
    stage.tells(Told::Under(Progress { rows: 3_000, of, wall: Duration::from_secs(3) }));
    assert!(stage.model.connections.progress().is_none());

    stage.types("W");
    let effects = stage.key(KeyCode::Enter);
    stage.carry_out(effects);
    let screen = stage.screen();
    assert!(
        screen.contains("the whole table") && screen.contains("goes back to samples"),
        "{screen}"
    );
    stage.sample(900);
    assert!(stage.screen().contains("the whole table"), "it stays until it is closed");
    stage.key(KeyCode::Esc);
    assert!(stage.screen().contains("a sample"), "{}", stage.screen());
    // Where the table is small there is nothing more.
    stage.sample(100_000);
    stage.types("W");
    assert!(stage.model.prompt.is_none() && stage.notice().1.contains("this is all of it"));
}

#[test]
fn a_budget_of_nothing_reads_nothing_unasked() {
    let mut stage = Stage::web();
    stage.model.connections.budget = Budget::percent(0.0).unwrap();
    stage.types("3");
    assert!(
        stage.screen().contains("the budget for connections is 0; W reads"),
        "{}",
        stage.screen()
    );
    stage.types("W");
    assert_eq!(stage.key(KeyCode::Enter), [Effect::Connections(Errand::Whole)]);
}

#[test]
fn a_screen_that_is_held_still_keeps_its_rows() {
    let mut stage = sampled();
    let before = stage.model.connections.list().tally;
    stage.types("p");
    stage.sample(300);
    assert_eq!(stage.model.connections.list().tally, before);
    stage.types("p");
    assert_ne!(stage.model.connections.list().tally, before);
}

// --- finding ----------------------------------------------------------------------------------

#[test]
fn a_group_is_entered_and_left_again() {
    let mut stage = sampled();
    stage.does("jj");
    let place = stage.model.connections.place();
    assert_eq!(place, 2);
    let group = stage.model.connections.list().groups[2].clone();
    stage.key(KeyCode::Enter);
    assert_eq!(filter(&stage), group.key.terms());
    assert_eq!(stage.model.connections.by(), None);
    assert_eq!(stage.model.connections.list().rows.len() as u64, group.tally.rows());
    stage.key(KeyCode::Esc);
    assert_eq!((filter(&stage), stage.model.connections.by()), ("", Some(By::Client)));
    assert_eq!(stage.model.connections.place(), 2);
    stage.key(KeyCode::Esc);
    assert_eq!(stage.model.view, View::Services);
}

#[test]
fn a_filter_typed_in_a_group_is_a_step_of_its_own() {
    let mut stage = sampled();
    stage.key(KeyCode::Enter);
    let group = filter(&stage).to_owned();
    stage.does("/");
    stage.types(" state:est");
    stage.key(KeyCode::Esc);
    assert_eq!(filter(&stage), group, "what was only typed is gone");
    stage.does("/");
    stage.types(" state:est");
    stage.key(KeyCode::Enter);
    assert_eq!(filter(&stage), format!("{group} state:est"));
    stage.key(KeyCode::Esc);
    assert_eq!((filter(&stage), stage.model.connections.by()), (&*group, None));
    stage.key(KeyCode::Esc);
    assert_eq!((filter(&stage), stage.model.connections.by()), ("", Some(By::Client)));
}

#[test]
fn from_a_connection_to_its_server() {
    let mut stage = Stage::web();
    stage.does("3/service:tcp/10.0.0.1:80 server:10.1.1.2");
    stage.key(KeyCode::Enter);
    stage.does("B");
    stage.key(KeyCode::Enter);
    assert_eq!(stage.model.view, View::Services);
    assert!(stage.model.detail.is_some());
    let selected = stage.model.rows.selected().unwrap().to_string();
    assert_eq!(selected, format!("real server {FIRST} of {HTTP}"));
}

#[test]
fn rows_follow_the_filter_while_it_is_typed() {
    let mut stage = sampled();
    let all = stage.model.connections.list().tally.rows();
    stage.types("/");
    // The beginning of a field's name hides nothing yet.
    stage.types("state");
    assert_eq!(stage.model.connections.list().tally.rows(), all);
    stage.types(":est");
    let some = stage.model.connections.list().tally.rows();
    assert!(some > 0 && some < all, "{some} of {all}");
    assert!(stage.screen().contains(&format!("{some} of {all} rows")), "{}", stage.screen());
    stage.types(" expires>soon");
    assert_eq!(stage.model.connections.list().tally.rows(), some);
    assert!(stage.screen().contains("expires wants a time"), "{}", stage.screen());
    stage.key(KeyCode::Enter);
    assert!(stage.model.prompt.is_some(), "a mistake is not kept");
    stage.key(KeyCode::Esc);
    assert_eq!((filter(&stage), stage.model.connections.list().tally.rows()), ("", all));
    stage.does("/state:est");
    stage.key(KeyCode::Enter);
    assert_eq!(filter(&stage), "state:est");
    stage.key(KeyCode::Esc);
    assert_eq!((filter(&stage), stage.model.view), ("", View::Connections));
}

#[test]
fn what_is_listed_is_put_in_order() {
    let mut stage = sampled();
    stage.does("bb");
    let names = |stage: &Stage| {
        let groups = &stage.model.connections.list().groups;
        groups.iter().map(|one| one.key.to_string()).collect::<Vec<_>>()
    };
    let counts = |stage: &Stage| {
        let groups = &stage.model.connections.list().groups;
        groups.iter().map(|one| one.tally.rows()).collect::<Vec<_>>()
    };
    assert!(counts(&stage).is_sorted_by(|a, b| a >= b));
    stage.does("O");
    assert!(counts(&stage).is_sorted());
    stage.does("o");
    let servers: Vec<ServerKey> = names(&stage).iter().map(|name| name.parse().unwrap()).collect();
    assert!(servers.is_sorted(), "{servers:?}");
    // By every stage that has a column, by key as by a click.
    for at in [At::Established, At::Opening, At::Closing, At::Ended, At::Template] {
        stage.does("o");
        assert_eq!(stage.model.connections.order(), (Order::Stage(at), false));
        let groups = &stage.model.connections.list().groups;
        assert!(groups.is_sorted_by(|a, b| a.at(at) >= b.at(at)), "{at:?}");
    }
    stage.does("o");
    assert_eq!(stage.model.connections.order().0, Order::Longest);
    stage.model.update(Message::Click(Hit::Order(Order::Count)));
    stage.model.update(Message::Click(Hit::Order(Order::Longest)));
    let groups = &stage.model.connections.list().groups;
    assert!(groups.is_sorted_by(|a, b| a.longest >= b.longest));
    stage.model.update(Message::Click(Hit::Grouping(None)));
    let expires = |stage: &Stage| {
        let seen = stage.model.connections.seen().unwrap();
        let rows = &stage.model.connections.list().rows;
        let rows = rows.iter().map(|place| seen.survey.rows.get(*place).unwrap());
        rows.map(|row| row.expires()).collect::<Vec<_>>()
    };
    assert!(expires(&stage).is_sorted_by(|a, b| a >= b));
    for _ in 0..5 {
        stage.does("o");
    }
    assert_eq!(stage.model.connections.order().0, Order::Table);
}

#[test]
fn the_cursor_stays_on_what_it_is_on() {
    let mut stage = sampled();
    stage.does("jjj");
    let client = stage.model.connections.list().groups[3].key.clone();
    stage.sample(1_800);
    let place = stage.model.connections.place();
    assert_eq!(stage.model.connections.list().groups[place].key, client);
    stage.does("G");
    let last = stage.model.connections.list().len() - 1;
    assert_eq!(stage.model.connections.place(), last);
    // A smaller sample lacks it: the cursor stays in the list.
    stage.sample(100);
    assert!(stage.model.connections.place() < stage.model.connections.list().len());
}

#[test]
fn connections_of_services_hosts_and_drains() {
    let mut stage = Stage::web();
    stage.does("gC");
    assert_eq!(stage.model.connections.scope(), &Scope::Service(HTTP.parse().unwrap()));
    stage.key(KeyCode::Esc);
    assert_eq!(stage.model.view, View::Services);
    stage.does("2gC");
    let Scope::Host(addr) = stage.model.connections.scope() else { panic!() };
    let rows = stage.model.connections.list().tally.rows();
    assert!(rows > 0 && addr.is_ipv4());
    stage.key(KeyCode::Esc);
    assert_eq!(stage.model.view, View::Hosts);
    stage.does("4C");
    assert_eq!(stage.notice().1, "select a drain first");
}

// --- names ------------------------------------------------------------------------------------

#[test]
fn names_are_asked_for_what_is_on_the_screen_and_once() {
    let mut stage = sampled();
    stage.draw();
    let asked = |effects: &[Effect]| match effects {
        [Effect::Connections(Errand::Names(clients))] => clients.len(),
        [] => 0,
        other => panic!("{other:?}"),
    };
    let drawn = |stage: &mut Stage| {
        let page = stage.model.connections.page();
        stage.model.update(Message::Drawn { page, lines: 0, too_small: false })
    };
    assert_eq!(asked(&drawn(&mut stage)), 0);
    stage.types("N");
    let effects = drawn(&mut stage);
    assert_eq!(asked(&effects), stage.model.connections.page());
    assert_eq!(asked(&drawn(&mut stage)), 0);
    let screen = stage.screen();
    assert!(!screen.contains(".example"), "nobody waits for names: {screen}");
    stage.carry_out(effects);
    assert!(stage.screen().contains(".example"), "{}", stage.screen());
    // A hostile name arrives escaped, and is cut to its column.
    let first = stage.model.connections.list().groups[0].key.to_string();
    let first: IpAddr = first.parse().unwrap();
    stage.tells(Told::Names(vec![(first, Some("x".repeat(250)))]));
    assert!(stage.screen().contains("xxxx"), "{}", stage.screen());
    stage.types("N");
    assert!(!stage.screen().contains(".example"));
}

// --- trouble ----------------------------------------------------------------------------------

#[test]
fn a_server_that_does_not_answer_is_told_where_it_stands() {
    let mut stage = Stage::new(Scenario::Incident);
    stage.polls(26);
    stage.sample(100_000);
    let silent = |sign: &&Sign| matches!(sign, Sign::Silent { .. });
    let sign = stage.model.signs().iter().find(silent).cloned();
    let sign = sign.expect("the scenario has a server that hangs");
    let Sign::Silent { place, .. } = sign else { panic!() };
    let told = |alarm: &&Alarm| alarm.text.contains("does not answer");
    let alarm = stage.model.alarms().iter().find(told).unwrap();
    assert_eq!(alarm.severity, Severity::Error);
    stage.size = (120, 36);
    assert!(stage.screen().contains("does not answer"), "{}", stage.screen());
    let (service, server) = (place.0.to_string(), place.1.to_string());
    stage.select(&service, &server);
    stage.key(KeyCode::Enter);
    let screen = stage.screen();
    assert!(screen.contains("trouble") && screen.contains("does not answer"), "{screen}");
}

#[test]
fn a_share_is_no_trouble_while_weights_move() {
    let mut stage = Stage::web();
    stage.sample(100_000);
    let off = |stage: &Stage| {
        let off = stage.model.alarms().iter().filter(|a| a.text.contains("its weight asks for"));
        off.count()
    };
    let before = off(&stage);
    stage.outside_weight(HTTP, FIRST, 90);
    stage.polls(5);
    stage.sample(100_000);
    assert!(stage.model.signs().iter().any(|sign| matches!(sign, Sign::OffWeight { .. })));
    assert!(off(&stage) <= before, "{:?}", stage.model.alarms());
}

#[test]
fn connections_of_a_deleted_server_are_told() {
    let mut stage = Stage::web();
    let (service, server) = (HTTP.parse().unwrap(), FIRST.parse().unwrap());
    let now = stage.last.as_ref().unwrap().server(&service, &server).unwrap().server.clone();
    stage.outside(&Change::Server { service, before: Some(now.clone()), after: None });
    stage.polls(1);
    stage.sample(100_000);
    let told = |alarm: &&Alarm| alarm.text.contains("which was deleted from TCP 10.0.0.1:80");
    let alarm = stage.model.alarms().iter().find(told).expect("its connections stall");
    assert_eq!(alarm.severity, Severity::Warning);
    // It is back, and its connections with it, before anyone has looked at them again.
    stage.outside(&Change::Server { service, before: None, after: Some(now) });
    stage.polls(1);
    assert!(!stage.model.alarms().iter().any(|alarm| told(&alarm)), "{:?}", stage.model.alarms());
}

#[test]
fn connections_of_the_last_server_are_told_too() {
    let mut stage = Stage::web();
    let service = HTTP.parse().unwrap();
    let servers = stage.last.as_ref().unwrap().service(&service).unwrap().servers.clone();
    for at in &servers {
        let before = Some(at.server.clone());
        stage.outside(&Change::Server { service, before, after: None });
    }
    stage.polls(1);
    stage.sample(100_000);
    let told = |alarm: &&Alarm| alarm.text.contains("which was deleted from TCP 10.0.0.1:80");
    assert!(stage.model.alarms().iter().any(|alarm| told(&alarm)), "{:?}", stage.model.alarms());
}

// --- other ways -------------------------------------------------------------------------------

#[test]
fn a_watcher_has_the_view_too() {
    let mut stage = Stage::web().watching();
    stage.last.as_mut().unwrap().source = ipvs_tui::snapshot::Source::Proc;
    stage.does("3");
    stage.sample(900);
    let screen = stage.screen();
    assert!(screen.contains("a sample"), "{screen}");
    for key in ["b", "B", "o", "O", "N", "C"] {
        stage.does(key);
    }
    assert_eq!(stage.model.view, View::Connections);
}

#[test]
fn rows_are_copied_as_ipvsadm_shows_them() {
    let mut stage = sampled();
    let effects = stage.types("y");
    let [Effect::Copy(Copied::Text(text))] = &effects[..] else { panic!("{effects:?}") };
    assert!(text.starts_with("198.18."), "{text}");
    stage.does("B");
    let effects = stage.types("y");
    let [Effect::Copy(Copied::Connection(one))] = &effects[..] else { panic!("{effects:?}") };
    let line = ipvs_tui::report::connections::line(one);
    assert!(line.contains(&one.client.to_string()) && line.starts_with("TCP"), "{line}");
}

#[test]
fn a_click_selects_and_the_wheel_goes_on() {
    let mut stage = sampled();
    stage.draw();
    stage.model.update(Message::Click(Hit::Connection(2)));
    assert_eq!(stage.model.connections.place(), 2);
    stage.model.update(Message::Wheel(3));
    assert_eq!(stage.model.connections.place(), 5);
    stage.model.update(Message::Wheel(-9));
    assert_eq!(stage.model.connections.place(), 0);
}

#[test]
fn one_packet_services_say_that_they_leave_nothing() {
    let mut stage = Stage::web();
    let ops = stage.model.snapshot.as_ref().unwrap().services.iter();
    let ops = ops.map(|entry| &entry.service).find(|service| service.one_packet()).unwrap().key;
    stage.tells(Told::Sample(Arc::new(stage_survey(&mut Stage::web()))));
    while stage.model.rows.selected().map(|row| row.service()) != Some(ops) {
        stage.does("}");
    }
    stage.does("C");
    let screen = stage.screen();
    assert!(screen.contains("scheduled by itself here (ops)"), "{screen}");
}

fn stage_survey(stage: &mut Stage) -> ipvs_tui::connections::Survey {
    stage.survey(100_000)
}
