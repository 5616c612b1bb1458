//! Hosts, the director itself and all of one row, as the screen shows them and as the keys act on them.

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ipvs_tui::command::View;
use ipvs_tui::ipvs::*;
use ipvs_tui::kernel::KernelError;
use ipvs_tui::kernel::proc::owners::{Owner, OwnerKind};
use ipvs_tui::kernel::sim::Scenario;
use ipvs_tui::model::{Focus, Message, Prompt, Standing, Tone};
use ipvs_tui::snapshot::{Part, UnknownAttribute};
use ipvs_tui::theme::Depth;

use super::from_proc;
use super::stage::*;

const HTTPS: &str = "TCP 10.0.0.1:443";
const TLS: &str = "10.1.1.2:443";

/// Both alphabets, in every size.
pub(crate) fn everywhere(mut stage: Stage, name: &str) {
    let unicode = stage.look.glyphs.clone();
    for size in SIZES {
        stage = stage.sized(size);
        assert_snapshot!(format!("{name}_{}x{}", size.0, size.1), stage.screen());
        stage = stage.ascii();
        let screen = stage.screen();
        assert!(screen.is_ascii(), "{screen}");
        assert_snapshot!(format!("{name}_{}x{}_ascii", size.0, size.1), screen);
        stage.look.glyphs = unicode.clone();
    }
}

/// Answers the page with Apply, wherever the focus is.
fn applies(stage: &mut Stage) {
    for _ in 0..9 {
        match &stage.model.prompt {
            Some(Prompt::Page(page)) if page.focus == Focus::Apply => break,
            Some(Prompt::Page(_)) => stage.key(KeyCode::Tab),
            other => panic!("{other:?} {:?}", stage.notice()),
        };
    }
    let effects = stage.key(KeyCode::Enter);
    stage.carry_out(effects);
}

fn selected(stage: &Stage) -> Option<String> {
    stage.model.hosts.selected().map(|host| host.addr.to_string())
}

fn select(stage: &mut Stage, addr: &str) {
    stage.does("g");
    while selected(stage).as_deref() != Some(addr) {
        let before = selected(stage);
        stage.does("j");
        assert_ne!(selected(stage), before, "{addr} is not there");
    }
}

fn both(stage: &Stage) -> (u32, u32) {
    (stage.weight(HTTP, FIRST), stage.weight(HTTPS, TLS))
}

fn found(kind: OwnerKind, config: Option<&str>, same_namespace: bool) -> Owner {
    let config = config.map(str::to_owned);
    Owner { kind, pid: Some(812), children: vec![813], config, same_namespace }
}

// --- hosts ------------------------------------------------------------------------------------

#[test]
fn hosts() {
    let mut stage = Stage::web();
    stage.does("2");
    everywhere(stage, "hosts");
}

#[test]
fn hosts_with_a_drain() {
    let mut stage = Stage::web();
    stage.does("2D");
    applies(&mut stage);
    stage.polls(4);
    everywhere(stage, "hosts_drain");
}

#[test]
fn a_host_is_drained_restored_and_quiesced_in_every_service() {
    let mut stage = Stage::web();
    stage.does("2");
    assert_eq!(selected(&stage).as_deref(), Some("10.1.1.2"), "that of the selected server");
    stage.does("D");
    let screen = stage.screen();
    assert!(screen.contains("Drain 10.1.1.2 everywhere"), "{screen}");
    applies(&mut stage);
    assert_eq!(both(&stage), (0, 0));
    let host = stage.model.hosts.selected().unwrap();
    assert_eq!(stage.model.standing(host), Standing::Draining(2));
    stage.does("D");
    assert!(stage.notice().1.contains("draining already"), "{:?}", stage.notice());
    stage.does("R");
    applies(&mut stage);
    assert_eq!(both(&stage), (10, 10));
    stage.does("x");
    assert_eq!(both(&stage), (0, 0));
    let host = stage.model.hosts.selected().unwrap();
    assert_eq!(stage.model.standing(host), Standing::Quiesced(2));
    stage.does("u");
    assert_eq!(both(&stage), (10, 10), "one undo");
}

#[test]
fn marks_among_the_services_mean_nothing_to_a_host() {
    let mut stage = Stage::web();
    stage.does(" 2");
    select(&mut stage, "10.1.3.2");
    stage.does("x");
    assert_eq!(both(&stage), (10, 10));
    assert_eq!(stage.weight(HTTP, LAST), 0);
    assert_eq!(stage.weight(HTTPS, "10.1.3.2:443"), 0);
}

#[test]
fn the_selection_is_an_address_and_not_a_place() {
    let mut stage = Stage::web();
    stage.does("2");
    select(&mut stage, "10.1.2.2");
    // One comes before it.
    let service = HTTP.parse().unwrap();
    let early = Server::new("10.0.9.9:80".parse().unwrap(), Forwarding::Masq, 0);
    stage.outside(&Change::Server { service, before: None, after: Some(early) });
    stage.polls(1);
    assert_eq!(selected(&stage).as_deref(), Some("10.1.2.2"));
    // It goes: nothing is selected, and no key hits another.
    for (service, server) in [(HTTP, "10.1.2.2:80"), (HTTPS, "10.1.2.2:443")] {
        let (service, server) = keys(service, server);
        let snapshot = stage.model.snapshot.clone().unwrap();
        let before = Some(snapshot.server(&service, &server).unwrap().server.clone());
        stage.outside(&Change::Server { service, before, after: None });
    }
    stage.does("D");
    assert!(stage.model.prompt.is_some());
    stage.polls(1);
    assert!(stage.model.prompt.is_none(), "a page about what has gone is closed");
    assert_eq!(selected(&stage), None);
    let (tone, text) = stage.notice();
    assert_eq!(
        (tone, text),
        (Tone::Warning, "host 10.1.2.2 is gone from the table; nothing is selected")
    );
    for key in ["D", "x", "R"] {
        assert_eq!(stage.types(key), []);
        assert!(stage.model.prompt.is_none());
        assert_eq!(stage.notice().1, "select a host first");
    }
    assert_snapshot!("hosts_gone", stage.screen());
    stage.does("j");
    assert_eq!(selected(&stage).as_deref(), Some("10.1.3.2"), "the place first");
}

#[test]
fn hosts_follow_the_selected_server_and_keep_their_own_selection() {
    let mut stage = Stage::web();
    stage.does("2");
    select(&mut stage, "10.3.0.7");
    stage.does("12");
    assert_eq!(selected(&stage).as_deref(), Some("10.3.0.7"), "nothing else was selected");
    stage.does("1jj2");
    assert_eq!(selected(&stage).as_deref(), Some("10.1.3.2"));
}

#[test]
fn weights_of_a_host_on_many_ports() {
    let mut stage = Stage::web();
    stage.outside_weight(HTTPS, TLS, 5);
    let service = HTTP.parse().unwrap();
    for port in 8_001..8_009 {
        let key = ServerKey::new("10.1.3.2".parse().unwrap(), port);
        let server = Server::new(key, Forwarding::Masq, 65_535);
        stage.outside(&Change::Server { service, before: None, after: Some(server) });
    }
    stage.polls(3);
    stage.does("2");
    select(&mut stage, "10.1.3.2");
    everywhere(stage, "hosts_ports");
}

#[test]
fn hosts_are_filtered_by_what_their_servers_are() {
    let mut stage = Stage::web();
    stage.does("2");
    let shown = |stage: &Stage| -> Vec<String> {
        stage.model.hosts.all().iter().map(|host| host.addr.to_string()).collect()
    };
    let all = shown(&stage);
    stage.does("j");
    assert_eq!(selected(&stage).as_deref(), Some("10.1.2.2"));
    // They follow while it is typed; what is hidden stays selected until it is kept, and nothing
    // acts on it.
    stage.does("/");
    stage.does("udp");
    assert_eq!(shown(&stage), ["10.2.0.53", "10.2.1.53"]);
    assert_eq!(selected(&stage), None);
    assert!(stage.screen().contains("2 of 9 hosts"), "{}", stage.screen());
    stage.polls(1);
    stage.key(KeyCode::Esc);
    assert_eq!((shown(&stage), selected(&stage).as_deref()), (all.clone(), Some("10.1.2.2")));
    stage.does("/");
    stage.does("is:quiesced");
    stage.key(KeyCode::Enter);
    assert_eq!(shown(&stage), ["10.1.2.2"]);
    assert_snapshot!("hosts_filtered", stage.screen());
    // It is the hosts' own: the services show all.
    stage.does("1");
    assert!(stage.model.rows.filter().is_none());
    stage.does("2");
    // One that does not match any more is no longer selected.
    stage.outside_weight(HTTP, "10.1.2.2:80", 7);
    stage.polls(1);
    assert_eq!((shown(&stage).len(), selected(&stage)), (0, None));
    assert!(stage.screen().contains("No host matches"), "{}", stage.screen());
    assert!(stage.notice().1.contains("does not match any more"), "{:?}", stage.notice());
    stage.key(KeyCode::Esc);
    stage.key(KeyCode::Esc);
    assert_eq!((shown(&stage), stage.model.view), (all, View::Hosts));
    stage.key(KeyCode::Esc);
    assert_eq!(stage.model.view, View::Services);
}

#[test]
fn hosts_on_a_bad_day() {
    let mut stage = Stage::new(Scenario::Incident);
    stage.polls(25);
    stage.does("2");
    let mut stage = stage.sized((80, 24));
    assert_snapshot!("hosts_incident", stage.screen());
    stage.does("G");
    let last = selected(&stage);
    for _ in 0..120 {
        stage.polls(1);
        assert_eq!(selected(&stage), last);
    }
}

#[test]
fn more_hosts_than_fit() {
    let mut stage = Stage::new("big:20x10".parse().unwrap());
    stage.polls(5);
    let mut stage = stage.sized((80, 24));
    stage.does("2");
    stage.draw();
    stage.does("G");
    stage.draw();
    let last = stage.model.hosts.all().last().unwrap().addr.to_string();
    assert_eq!(selected(&stage), Some(last.clone()));
    assert!(stage.screen().contains(&last));
    stage.key(KeyCode::PageUp);
    assert_snapshot!("hosts_big", stage.screen());
}

// --- the director -----------------------------------------------------------------------------

/// A director with everything: two sysctls changed, both daemons, two owners.
fn busy() -> Stage {
    let mut stage = Stage::web();
    let sysctl = |name: &str, before: &str, after: &str| Change::Sysctl {
        name: name.to_owned(),
        before: before.to_owned(),
        after: after.to_owned(),
    };
    stage.outside(&sysctl("conn_reuse_mode", "1", "0"));
    stage.outside(&sysctl("expire_nodest_conn", "0", "1"));
    stage.polls(1);
    let mut snapshot = stage.last.clone().unwrap();
    snapshot.took = std::time::Duration::from_millis(12);
    let daemon = |role| Daemon {
        role,
        interface: "eth0".to_owned(),
        sync_id: 5,
        max_len: Some(1_472),
        group: None,
        group6: None,
        port: None,
        ttl: None,
    };
    snapshot.daemons = Part::Fresh(vec![daemon(DaemonRole::Master), daemon(DaemonRole::Backup)]);
    stage.take_in(snapshot);
    let owners = vec![
        found(OwnerKind::Keepalived, Some("/etc/lvs.conf"), true),
        found(OwnerKind::KubeProxy, None, false),
    ];
    stage.model.update(Message::Machine(Ok(owners), None, Some("6.1.0-13-amd64".to_owned())));
    stage.does("6");
    stage
}

#[test]
fn director() {
    everywhere(busy(), "director");
}

#[test]
fn director_scrolls_to_its_end_and_no_further() {
    let mut stage = busy().sized((80, 24));
    let mut seen = stage.screen();
    for _ in 0..20 {
        stage.key(KeyCode::PageDown);
        seen.push_str(&stage.screen());
    }
    for sysctl in stage.last.as_ref().unwrap().sysctls.get().unwrap().keys() {
        assert!(seen.contains(sysctl), "{sysctl}");
    }
    assert_snapshot!("director_end", stage.screen());
    let end = stage.model.scroll.top();
    stage.does("j");
    assert_eq!(stage.model.scroll.top(), end);
    assert_eq!(stage.model.scroll.below(), 0);
    stage.does("k");
    assert_eq!(stage.model.scroll.top(), end - 1, "the first key up moves");
    stage.does("g");
    assert_eq!(stage.model.scroll.top(), 0);
    // A larger screen leaves nothing empty.
    stage.does("G");
    let stage = stage.sized((120, 300));
    assert_eq!(stage.model.scroll.top(), 0);
}

#[test]
fn consequences_of_owners_are_told_in_full() {
    let mut stage = busy().sized((60, 15));
    let mut words = String::new();
    let mut tops = Vec::new();
    while tops.last() != Some(&stage.model.scroll.top()) {
        tops.push(stage.model.scroll.top());
        let screen = stage.screen();
        let body = screen.lines().nth(2).unwrap_or_default();
        words.push_str(body.trim_matches('|').trim());
        words.push(' ');
        stage.does("j");
    }
    for kind in [OwnerKind::Keepalived, OwnerKind::KubeProxy] {
        assert!(words.contains(kind.consequences()), "{words}");
        assert!(words.contains(kind.lasting()), "{words}");
    }
}

/// Which kernel it is decides what it can and how it counts.
#[test]
fn the_kernels_release_is_told() {
    let mut stage = Stage::web();
    let kernel = |stage: &mut Stage| {
        let screen = stage.screen();
        let line = screen.lines().find(|line| line.contains(" kernel ")).unwrap_or_default();
        line.trim_matches('|').trim().to_owned()
    };
    stage = stage.sized((80, 50));
    stage.does("6");
    assert!(kernel(&mut stage).ends_with("not asked yet"), "{}", stage.screen());
    let release = stage.director.reader.release();
    stage.model.update(Message::Machine(Ok(Vec::new()), None, Some(release)));
    assert!(kernel(&mut stage).ends_with("embedded; behaves like 6.1"), "{}", stage.screen());
    let release = Some("6.1.0-13-amd64\u{1b}[2J".to_owned());
    stage.model.update(Message::Machine(Ok(Vec::new()), None, release));
    let told = kernel(&mut stage);
    assert!(told.contains("6.1.0-13-amd64") && !told.contains('\u{1b}'), "{told}");
}

#[test]
fn what_could_not_be_read_of_the_director_says_why() {
    let mut stage = Stage::web();
    stage.does("6");
    assert!(stage.screen().contains("not looked for yet"));
    let hidden = KernelError::system(
        "look for other programs that write the table among the processes",
        &std::io::Error::from_raw_os_error(2),
    );
    stage.model.update(Message::Machine(Err(hidden), None, None));
    let mut snapshot = stage.last.clone().unwrap();
    let why = |what: &str| format!("cannot read {what}: not permitted");
    snapshot.info = Part::Unreadable(why("the version"));
    snapshot.totals = Part::Unreadable(why("the totals"));
    snapshot.timeouts = Part::Unreadable(why("the timeouts"));
    snapshot.daemons = Part::Unreadable(why("the daemons"));
    snapshot.sysctls = Part::Unreadable(why("the sysctls"));
    stage.take_in(snapshot);
    assert_snapshot!("director_unreadable", stage.sized((80, 36)).screen());
}

#[test]
fn the_directors_estimator_is_off() {
    let mut stage = Stage::web();
    let (name, before, after) = ("run_estimation".to_owned(), "1".to_owned(), "0".to_owned());
    stage.outside(&Change::Sysctl { name, before, after });
    stage.polls(1);
    stage.does("6");
    let screen = stage.screen();
    let row = screen.lines().find(|l| l.contains("packets in")).unwrap();
    assert!(row.contains('·') && screen.contains("estimator is off"), "{screen}");
    stage.does("2");
    let screen = stage.screen();
    let row = screen.lines().find(|l| l.contains("10.1.1.2 ")).unwrap();
    assert_eq!(unknown(row), 1, "{row}");
}

// --- all of them -------------------------------------------------------------------------------------

#[test]
fn views_follow_each_other_in_the_order_of_their_keys() {
    let mut stage = Stage::web();
    for view in View::ALL.into_iter().cycle().skip(1).take(View::ALL.len()) {
        stage.key(KeyCode::Tab);
        assert_eq!(stage.model.view, view);
        stage.draw();
    }
    stage.does("6");
    stage.key(KeyCode::Esc);
    assert_eq!(stage.model.view, View::Services);
}

#[test]
fn only_what_is_shown_is_acted_upon() {
    for view in ["2", "6"] {
        let mut stage = Stage::web();
        stage.does(view);
        for key in ["d", "+", "-", ">", "<", "w", "s", "e", "a", "A", "Z", "S", " ", "t"] {
            assert_eq!(stage.types(key), [], "{key}");
            assert!(stage.model.prompt.is_none(), "{key}");
        }
        assert_eq!(stage.key(KeyCode::Delete), []);
        if view == "6" {
            assert_eq!(stage.types("DRx"), []);
            assert!(stage.model.prompt.is_none());
        }
    }
}

#[test]
fn a_console_that_watches_shows_both_and_changes_nothing() {
    let mut stage = Stage::web().watching();
    stage.does("2");
    assert_snapshot!("hosts_watching", stage.screen());
    assert_eq!(stage.types("DRx"), []);
    assert!(stage.model.prompt.is_none());
    stage.does("6");
    assert_snapshot!("director_watching", stage.screen());
}

#[test]
fn an_empty_director_and_one_that_was_not_read() {
    let mut stage = Stage::new(Scenario::Empty);
    stage.does("2");
    assert!(stage.screen().contains("Reading the director"));
    stage.does("6");
    assert!(stage.screen().contains("Reading the director"));
    stage.polls(1);
    assert_snapshot!("director_empty", stage.screen());
    stage.does("2");
    assert_snapshot!("hosts_empty", stage.screen());
    assert_eq!(stage.types("DxR"), []);
    assert_eq!(stage.notice().1, "select a host first");
}

#[test]
fn what_proc_cannot_tell_is_a_dot_here_too() {
    let mut stage = Stage::new(Scenario::Empty).watching();
    let mut snapshot = from_proc();
    snapshot.took = std::time::Duration::from_millis(1);
    stage.take_in(snapshot);
    stage.does("2");
    let mut stage = stage.sized((80, 24));
    let screen = stage.screen();
    for host in stage.model.hosts.all() {
        let row = screen.lines().find(|l| l.contains(&format!("{} ", host.addr)));
        let row = row.unwrap_or_else(|| panic!("{}\n{screen}", host.addr));
        assert_eq!(unknown(row), 1, "{row}");
    }
    assert_snapshot!("hosts_proc", screen);
    stage.does("6");
    assert_snapshot!("director_proc", stage.screen());
}

// --- all of one row ---------------------------------------------------------------------------

#[test]
fn detail_of_a_server() {
    let mut stage = Stage::web();
    stage.does("+++");
    stage.polls(20);
    stage.idles(7);
    stage.polls(1);
    stage.key(KeyCode::Enter);
    let told = stage.screen();
    assert!(told.contains("10.1.1.2:80 of TCP 10.0.0.1:80 wlc"), "{told}");
    everywhere(stage, "detail_server");
}

#[test]
fn detail_of_a_service() {
    let mut stage = Stage::web();
    stage.does("g");
    stage.key(KeyCode::Enter);
    everywhere(stage, "detail_service");
}

/// What netlink alone tells: thresholds, tunnels, unknown attributes.
#[test]
fn detail_of_everything() {
    let mut stage = Stage::web();
    let mut snapshot = stage.last.clone().unwrap();
    let entry = &mut snapshot.services[0];
    entry.service.flags |= ServiceFlags::PERSISTENT | ServiceFlags::SCHED1;
    entry.service.netmask = Netmask::V4([255, 255, 255, 0].into());
    entry.service.timeout = 5_400;
    entry.service.scheduler = SchedulerName::new("sh").unwrap();
    let server = &mut entry.servers[0];
    server.server.forwarding = Forwarding::Tunnel;
    server.server.tunnel = Tunnel { kind: TunnelKind::Gue, port: 6_080, flags: Tunnel::CSUM };
    (server.server.upper_threshold, server.server.lower_threshold) = (1_001, 0);
    server.unknown.push(UnknownAttribute { number: 17, bytes: vec![0, 0x1b] });
    stage.take_in(snapshot);
    stage.key(KeyCode::Enter);
    let mut stage = stage.sized((80, 60));
    assert_snapshot!("detail_everything_server", stage.screen());
    stage.does("k");
    assert_snapshot!("detail_everything_service", stage.screen());
}

#[test]
fn keys_in_a_detail_act_on_what_it_shows() {
    let mut stage = Stage::web();
    stage.key(KeyCode::Enter);
    stage.does("x");
    assert_eq!(stage.weight(HTTP, FIRST), 0);
    stage.does("u");
    assert_eq!(stage.weight(HTTP, FIRST), 10);
    stage.draw();
    stage.key(KeyCode::PageDown);
    assert!(stage.model.detail.unwrap().top() > 0);
    stage.does("jj");
    assert_eq!(stage.model.selected_server(), Some(keys(HTTP, LAST)));
    assert_eq!(stage.model.detail.unwrap().top(), 0, "another row begins at its top");
    // It goes: back to the table, and nothing is selected.
    let (service, server) = keys(HTTP, LAST);
    let snapshot = stage.model.snapshot.clone().unwrap();
    let before = Some(snapshot.server(&service, &server).unwrap().server.clone());
    stage.outside(&Change::Server { service, before, after: None });
    stage.polls(1);
    assert!(stage.model.detail.is_none());
    stage.key(KeyCode::Enter);
    assert!(stage.model.detail.is_none());
    assert_eq!(stage.notice().1, "select a service or a real server first");
    // Esc takes the notice first, then the detail, then nothing.
    stage.does("g");
    stage.key(KeyCode::Enter);
    stage.key(KeyCode::Esc);
    stage.key(KeyCode::Esc);
    assert!(stage.model.detail.is_none());
    // Another view closes it.
    stage.key(KeyCode::Enter);
    stage.does("21");
    assert!(stage.model.detail.is_none());
}

#[test]
fn detail_from_proc_shows_dots() {
    let mut stage = Stage::new(Scenario::Empty).watching();
    stage.take_in(from_proc());
    stage.key(KeyCode::Enter);
    let mut stage = stage.sized((80, 36));
    assert_snapshot!("detail_proc_server", stage.screen());
    stage.does("k");
    assert_snapshot!("detail_proc_service", stage.screen());
}

// --- drains and the journal -------------------------------------------------------------------

/// A drain under way, one that is over, and what the journal tells of both.
fn changed() -> Stage {
    let mut stage = Stage::web();
    for keys in ["d", "R"] {
        stage.does(keys);
        applies(&mut stage);
        stage.polls(8);
    }
    stage.does("+");
    stage.does("jjD");
    stage.key(KeyCode::Tab);
    stage.types("kernel update");
    applies(&mut stage);
    stage.polls(20);
    stage.census();
    stage
}

#[test]
fn drains_open_and_over() {
    let mut stage = changed();
    stage.does("4");
    assert_eq!((stage.model.drains.open().len(), stage.model.finished().count()), (1, 1));
    everywhere(stage, "drains_all");
}

#[test]
fn journal_of_a_day() {
    let mut stage = changed();
    stage.does("5");
    everywhere(stage, "journal_all");
}

/// Colours and weights of every view in the default theme: whoever changes them sees where.
#[test]
fn styles_of_every_view() {
    let mut stage = changed();
    stage.look.theme = theme("dark", Depth::True);
    for view in View::ALL {
        stage.model.update(Message::Command(view.command()));
        let name = format!("styles_{}", view.name().to_lowercase());
        assert_snapshot!(name, format!("{:#?}", stage.draw()));
    }
    stage.does("1");
    stage.key(KeyCode::Enter);
    assert_snapshot!("styles_detail", format!("{:#?}", stage.draw()));
}
