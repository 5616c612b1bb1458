//! A screen on the wall, and what needs an operator.

use std::time::Duration;

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ipvs_tui::command::View;
use ipvs_tui::ipvs::*;
use ipvs_tui::kernel::sim::Scenario;
use ipvs_tui::model::{Severity, Wall};

use super::stage::*;

impl Stage {
    fn on_the_wall(mut self, seconds: u64) -> Self {
        self = self.watching();
        self.model.wall = Some(Wall::new(Duration::from_secs(seconds)));
        self
    }

    fn deletes(&mut self, service: &str, server: &str) {
        let (service, server) = keys(service, server);
        let now = self.model.snapshot.clone().unwrap();
        let before = now.server(&service, &server).map(|s| s.server.clone());
        self.outside(&Change::Server { service, before, after: None });
    }
}

/// A service without servers, one where all have weight 0, and a full server.
fn bad_day() -> Stage {
    let mut stage = Stage::web();
    stage.deletes("TCP [fd00::1]:443", "[fd00::11]:443");
    stage.deletes("TCP [fd00::1]:443", "[fd00::12]:443");
    for server in [FIRST, LAST] {
        stage.outside_weight(HTTP, server, 0);
    }
    let (service, server) = keys("TCP 10.0.0.1:443", "10.1.1.2:443");
    let now = stage.model.snapshot.clone().unwrap();
    let before = now.server(&service, &server).unwrap().server.clone();
    let after = Server { upper_threshold: 100, ..before.clone() };
    stage.outside(&Change::Server { service, before: Some(before), after: Some(after) });
    stage.polls(1);
    stage
}

#[test]
fn alarms_are_told_below_the_table_worst_first() {
    let mut stage = bad_day();
    let told: Vec<_> = stage.model.alarms().iter().map(|a| (a.severity, a.text.clone())).collect();
    let refuses =
        |service: &str, why: &str| (Severity::Error, format!("{service} refuses clients: {why}"));
    assert_eq!(told[0], refuses(HTTP, "every real server has weight 0"));
    assert_eq!(told[1], refuses("TCP [fd00::1]:443", "it has no real servers"));
    assert_eq!((told.len(), told[2].0), (3, Severity::Warning));
    assert!(told[2].1.starts_with("10.1.1.2:443 of TCP 10.0.0.1:443 is full"), "{told:?}");
    assert_snapshot!("alarms_80x24", stage.screen());
    let screen = stage.ascii().screen();
    assert!(screen.is_ascii(), "{screen}");
    assert_snapshot!("alarms_80x24_ascii", screen);
    // Each has its sign where it is about a row, in a folded service on that one's.
    let mut stage = bad_day();
    let screen = stage.screen();
    for row in ["▾!TCP 10.0.0.1:80 ", "▾!TCP [fd00::1]:443 ", "  ! 10.1.1.2:443 "] {
        assert!(screen.contains(row), "{row}\n{screen}");
    }
    assert!(screen.contains("▾ TCP 10.0.0.1:443 "), "{screen}");
    stage.does("f");
    assert!(stage.screen().contains("▸!TCP 10.0.0.1:443 "), "{}", stage.screen());
    stage.does("2");
    assert!(stage.screen().contains("! 10.1.1.2 "), "{}", stage.screen());
    // Where there is little room, the worst of them has a line.
    let screen = bad_day().sized((60, 15)).screen();
    assert!(screen.contains("✗ TCP 10.0.0.1:80 refuses clients"), "{screen}");
    assert!(screen.contains(", and 2 more"), "{screen}");
    // What was mended is not told any more.
    let mut stage = bad_day();
    stage.outside_weight(HTTP, FIRST, 1);
    stage.polls(1);
    assert!(stage.model.alarms().iter().all(|a| !a.text.contains(HTTP)));
}

/// A table longer than the screen hides no alarm, however far it is scrolled, and every view says
/// how many there are.
#[test]
fn alarms_are_told_below_a_table_of_any_length() {
    let mut stage = Stage::new("big:40x5".parse().unwrap());
    stage.polls(3);
    let last = stage.model.snapshot.as_ref().unwrap().services.last().unwrap().clone();
    let dead = last.service.key;
    for server in &last.servers {
        stage.deletes(&dead.to_string(), &server.server.key.to_string());
    }
    stage.polls(1);
    let told = format!("✗ {dead} refuses clients: it has no real servers");
    for size in SIZES {
        stage = stage.sized(size);
        for keys in ["g", "G", "{{{{", "gjjjjjjjjjjjjjjjj", "G"] {
            stage.does(keys);
            let hits = stage.hits();
            let screen = stage.screen();
            assert!(screen.contains(&told), "{screen}");
            assert!(screen.contains(" 1 alarm "), "{screen}");
            assert!(screen.contains('▌'), "the selection is hidden\n{screen}");
            // The first line of the framed screen is its size.
            let line = screen.lines().position(|l| l.contains(&told)).unwrap() - 1;
            let line = u16::try_from(line).unwrap();
            assert_eq!((hits.rows.bottom(), hits.at(10, line)), (line, None), "{screen}");
        }
        for key in ["2", "4", "5", "6", "7", "1"] {
            stage.does(key);
            let screen = stage.screen();
            assert!(screen.contains(" 1 alarm "), "{key} {screen}");
        }
    }
    // What needs an operator is marked in its row.
    stage.does("G");
    let screen = stage.screen();
    assert!(screen.contains(&format!("!{dead} ")), "{screen}");
    // A page is as long as what is to be seen of the rows.
    let (top, page) = (stage.model.rows.top(), usize::from(stage.hits().rows.height));
    stage.key(KeyCode::PageUp);
    stage.key(KeyCode::PageUp);
    let above = stage.model.rows.top();
    assert!(above < top && above + page > top, "{above} {page} {top}");
}

#[test]
fn wall() {
    for size in SIZES {
        let mut stage = bad_day().on_the_wall(20).sized(size);
        assert_snapshot!(format!("wall_{}x{}", size.0, size.1), stage.screen());
        let screen = stage.ascii().screen();
        assert!(screen.is_ascii(), "{screen}");
        assert_snapshot!(format!("wall_{}x{}_ascii", size.0, size.1), screen);
    }
    let mut stage = bad_day().on_the_wall(20);
    stage.look.theme = theme("dark", ipvs_tui::theme::Depth::True);
    assert_snapshot!("wall_styles", format!("{:#?}", stage.sized((120, 36)).draw()));
}

#[test]
fn it_turns_through_the_services_and_the_views() {
    let mut stage = Stage::new(Scenario::Big { services: 8, servers: 10 }).on_the_wall(20);
    stage.polls(2);
    let mut stage = stage.sized((80, 24));
    let services = 8;
    let mut seen = std::collections::BTreeSet::new();
    let mut views = Vec::new();
    for _ in 0..40 {
        stage.draw();
        if stage.model.view == View::Services {
            let (top, page) = (stage.model.rows.top(), stage.hits().rows.height);
            seen.extend(top..(top + usize::from(page)).min(stage.model.rows.all().len()));
        }
        if views.last() != Some(&stage.model.view) {
            views.push(stage.model.view);
        }
        stage.idles(20);
    }
    assert_eq!(seen.len(), services * 11, "every row was shown: {seen:?}");
    let round = [View::Services, View::Hosts, View::Director];
    assert!(views.len() > 3 && views.iter().zip(round.iter().cycle()).all(|(a, b)| a == b));
}

#[test]
fn a_key_holds_it_for_a_minute_and_what_is_open_for_five() {
    let mut stage = Stage::web().on_the_wall(5).sized((80, 24));
    stage.idles(1);
    stage.does("z");
    stage.idles(59);
    assert_eq!(stage.model.view, View::Services);
    stage.idles(2);
    assert_eq!(stage.model.view, View::Hosts);
    stage.does("?");
    stage.idles(299);
    assert!(stage.model.help.is_some() && stage.model.view == View::Hosts);
    stage.key(KeyCode::Esc);
    stage.idles(61);
    assert_eq!(stage.model.view, View::Director);
}

/// Somebody leaves it as no screen on a wall should be.
#[test]
fn what_was_left_open_is_closed_and_a_frozen_screen_goes_on() {
    for left in ["?", ":", "/10.1.1", "p"] {
        let mut stage = Stage::web().on_the_wall(5).sized((80, 24));
        stage.idles(1);
        let rows = stage.model.rows.all().len();
        stage.does(left);
        let open = |stage: &Stage| {
            let model = &stage.model;
            model.help.is_some() || model.prompt.is_some() || model.frozen.is_some()
        };
        for _ in 0..299 {
            stage.idles(1);
            assert!(open(&stage), "{left}");
        }
        stage.idles(1);
        assert!(!open(&stage), "{left}");
        assert_eq!(stage.model.rows.all().len(), rows, "{left}");
        let view = stage.model.view;
        stage.idles(6);
        assert_ne!(stage.model.view, view, "{left}: it turns again");
    }
}
