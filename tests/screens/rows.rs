//! Which rows are shown and in which order: filter, folds, sorting, the row of a service that has
//! scrolled away, and what the lines of values span.

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ipvs_tui::ipvs::*;
use ipvs_tui::model::{By, Column, Filter, Prompt, Row, Tone};

use super::stage::*;

impl Stage {
    /// Types a filter and keeps it.
    fn filters(&mut self, text: &str) {
        self.does("/");
        self.does(text);
        assert_eq!(self.key(KeyCode::Enter), []);
        assert!(self.model.prompt.is_none(), "{text}");
    }

    fn filter(&self) -> Option<&str> {
        self.model.rows.filter().map(Filter::text)
    }

    /// The servers of a service that are shown, in the order of the screen.
    fn shown(&self, service: &str) -> Vec<String> {
        let wanted: ServiceKey = service.parse().unwrap();
        let server = |row: &Row| match row {
            Row::Server(service, server) if *service == wanted => Some(server.to_string()),
            _ => None,
        };
        self.model.rows.all().iter().filter_map(server).collect()
    }

    pub(super) fn selected(&self) -> String {
        self.model.rows.selected().map_or_else(|| "nothing".to_owned(), |row| row.to_string())
    }
}

// --- the filter -------------------------------------------------------------------------------

#[test]
fn a_filter_narrows_while_it_is_typed_and_is_always_to_be_seen() {
    let mut stage = Stage::web();
    stage.does("/w");
    let before = stage.model.rows.all().len();
    assert_eq!(before, 14, "without rr");
    stage.does("eight:");
    assert!(stage.screen().contains("weight wants a number"), "{}", stage.screen());
    assert_eq!(stage.model.rows.all().len(), before, "what is not whole narrows nothing");
    stage.key(KeyCode::Enter);
    assert!(matches!(stage.model.prompt, Some(Prompt::Filter { .. })), "nor can it be kept");
    stage.does("0");
    assert_snapshot!("filter_prompt", stage.screen());
    stage.key(KeyCode::Enter);
    assert_snapshot!("filter", stage.screen());
    let mut stage = stage.sized((60, 15));
    assert_snapshot!("filter_60x15", stage.screen());
    // A notice takes another line, and so does a prompt.
    stage.does("w");
    assert!(stage.screen().contains("filter: weight:0  1 of 12 servers"), "{}", stage.screen());
}

#[test]
fn a_filter_moves_the_selection_to_what_shows_and_esc_gives_it_back() {
    let mut stage = Stage::web();
    stage.does("/10.1.3");
    assert_eq!(stage.selected(), "real server 10.1.3.2:80 of TCP 10.0.0.1:80");
    stage.does(".2:443");
    assert_eq!(stage.selected(), "real server 10.1.3.2:443 of TCP 10.0.0.1:443");
    stage.key(KeyCode::Esc);
    assert_eq!(stage.filter(), None);
    assert_eq!(stage.selected(), "real server 10.1.1.2:80 of TCP 10.0.0.1:80");
    // What was kept comes back, too.
    stage.filters("10.1.3");
    stage.does("j/");
    let last = stage.selected();
    stage.does(" udp");
    assert_eq!(stage.selected(), "nothing");
    stage.key(KeyCode::Esc);
    assert_eq!((stage.filter(), stage.selected()), (Some("10.1.3"), last.clone()));
    // In the table it is cleared, and the selection stays.
    stage.key(KeyCode::Esc);
    assert_eq!((stage.filter(), stage.selected()), (None, last));
    // An empty one is none.
    stage.filters("udp");
    stage.does("/");
    for _ in 0..3 {
        stage.key(KeyCode::Backspace);
    }
    stage.key(KeyCode::Enter);
    assert_eq!(stage.filter(), None);
}

#[test]
fn nothing_acts_where_nothing_matches() {
    let mut stage = Stage::web();
    stage.filters("nosuchthing");
    assert_snapshot!("filter_nothing", stage.screen());
    for key in "+-<>wx dDRseaZjkgG{}".chars() {
        assert_eq!(stage.key(KeyCode::Char(key)), [], "{key}");
        assert!(stage.model.prompt.is_none(), "{key}");
    }
    assert_eq!(stage.key(KeyCode::Delete), []);
    stage.polls(1);
    assert_eq!(stage.selected(), "nothing");
    stage.model.notice = None;
    stage.key(KeyCode::Esc);
    stage.does("j+");
    assert_eq!(stage.model.rows.all().len(), 17);
}

#[test]
fn a_mark_that_is_hidden_does_not_count() {
    let mut stage = Stage::web();
    stage.does("   g");
    assert_eq!(stage.model.rows.marked().count(), 3);
    stage.filters("10.1.1.2:80");
    assert!(stage.screen().contains("2 hidden marks do not count"), "{}", stage.screen());
    let effects = stage.types("jw7");
    assert_eq!(effects, []);
    assert!(stage.screen().contains("Weight of the 1 marked"), "{}", stage.screen());
    let effects = stage.key(KeyCode::Enter);
    assert_eq!(weights(&effects[0]), (FIRST.to_owned(), 10, 7));
    stage.carry_out(effects);
    stage.model.notice = None;
    // Marks go before the filter.
    stage.key(KeyCode::Esc);
    assert!(stage.filter().is_some() && stage.model.rows.hidden_marks() == 0);
    stage.key(KeyCode::Esc);
    assert_eq!(stage.filter(), None);
}

#[test]
fn what_moves_out_of_the_filter_is_not_selected_any_more() {
    let mut stage = Stage::web();
    stage.filters("weight:10");
    stage.outside_weight(HTTP, FIRST, 7);
    stage.polls(1);
    assert_eq!(stage.selected(), "nothing");
    let (tone, text) = stage.notice();
    assert_eq!(tone, Tone::Info);
    assert!(text.contains(FIRST) && text.contains("does not match any more"), "{text}");
    assert_eq!(stage.types("+"), []);
    // A step selects what stands in its place.
    stage.does("j");
    assert_eq!(stage.selected(), "real server 10.1.3.2:80 of TCP 10.0.0.1:80");
}

/// A question is about what was shown when it was asked.
#[test]
fn nothing_hides_while_something_is_asked() {
    let mut stage = Stage::web();
    stage.filters("weight:10");
    stage.does("w5");
    stage.outside_weight(HTTP, FIRST, 7);
    stage.polls(2);
    assert_eq!(stage.model.selected_server(), Some(keys(HTTP, FIRST)));
    let effects = stage.key(KeyCode::Enter);
    assert_eq!(weights(&effects[0]), (FIRST.to_owned(), 7, 5));
    stage.polls(1);
    assert_eq!(stage.selected(), "nothing");
}

#[test]
fn keys_in_a_filter_are_text() {
    let mut stage = Stage::web();
    for c in (' '..='~').chain(['é', '漢']) {
        stage.does("/");
        assert_eq!(stage.key(KeyCode::Char(c)), [], "{c:?}");
        assert!(matches!(stage.model.prompt, Some(Prompt::Filter { .. })), "{c:?}");
        stage.draw();
        stage.key(KeyCode::Esc);
        assert!(stage.model.prompt.is_none() && stage.filter().is_none(), "{c:?}");
    }
    assert!(stage.model.rows.marked().next().is_none());
    // However long it gets, the end is to be seen, at every size.
    stage.does("/");
    stage.does(&"10.1.2.3 ".repeat(20));
    stage.does("!");
    for width in (60..200).step_by(11) {
        for height in [15, 24, 40] {
            stage.size = (width, height);
            assert!(stage.screen().contains("! wants the term"), "{}", stage.screen());
        }
    }
}

#[test]
fn a_watching_console_filters_too() {
    let mut stage = Stage::web().watching();
    stage.filters("is:quiesced");
    assert_eq!(stage.shown(HTTP), ["10.1.2.2:80"]);
    stage.does("4/");
    assert!(stage.model.prompt.is_none());
    assert!(!stage.screen().contains("filter:"), "it is about services");
}

// --- weights ----------------------------------------------------------------------------------

/// What restoring gives back stands left of the 0, and never over it.
#[test]
fn the_weight_before_is_exact_where_it_fits() {
    for (before, at_60, at_80, wide) in [
        (10, "Masq   (10) 0 ", "Masq   (10) 0 ", "Masq   (10) 0 "),
        (200, "Masq   (200) 0 ", "Masq   (200) 0 ", "Masq   (200) 0 "),
        (1234, "Masq    (1k) 0 ", "Masq   (1,234) 0 ", "Masq   (1,234) 0 "),
        (65_535, "Masq   (66k) 0 ", "Masq   (65535) 0 ", "Masq   (65,535) 0 "),
    ] {
        let mut stage = Stage::web();
        stage.outside_weight(HTTP, FIRST, before);
        stage.polls(1);
        stage.does("x");
        assert_eq!(stage.weight(HTTP, FIRST), 0);
        for (size, wanted) in SIZES.into_iter().zip([at_60, at_80, wide, wide]) {
            stage.size = size;
            let screen = stage.screen();
            let line = screen.lines().find(|l| l.contains(FIRST)).unwrap();
            assert!(line.contains(wanted), "'{wanted}'\n{screen}");
        }
    }
}

// --- folds ------------------------------------------------------------------------------------

#[test]
fn left_goes_to_the_service_and_folds_it() {
    let mut stage = Stage::web();
    stage.does(" ");
    stage.key(KeyCode::Left);
    assert_eq!(stage.selected(), "service TCP 10.0.0.1:80");
    stage.key(KeyCode::Left);
    stage.polls(1);
    assert_eq!(stage.shown(HTTP), [""; 0]);
    assert_snapshot!("fold", stage.screen());
    assert!(stage.screen().contains("1 hidden mark does not count"));
    assert_eq!(stage.types("x"), [], "a service has no weight");
    let mut stage = stage.ascii();
    assert!(stage.screen().contains("> TCP 10.0.0.1:80 wlc, 3 servers"), "{}", stage.screen());
    stage.key(KeyCode::Right);
    assert_eq!(stage.shown(HTTP).len(), 3);
    assert_eq!(stage.selected(), "service TCP 10.0.0.1:80");
    // All of them, from a server.
    stage.does("jf");
    assert_eq!(stage.selected(), "service TCP 10.0.0.1:80");
    assert_eq!(stage.model.rows.all().len(), 5);
    stage.does("f");
    assert_eq!(stage.model.rows.all().len(), 17);
}

/// What a filter finds is to be seen, and what was folded is folded again behind it.
#[test]
fn a_filter_looks_into_folded_services() {
    let mut stage = Stage::web();
    stage.does("f");
    stage.filters("weight:0");
    assert_eq!(stage.shown(HTTP), ["10.1.2.2:80"]);
    assert_eq!(stage.selected(), "service TCP 10.0.0.1:80");
    stage.does("j");
    stage.key(KeyCode::Esc);
    assert_eq!(stage.model.rows.all().len(), 5);
    assert_eq!(stage.selected(), "service TCP 10.0.0.1:80");
}

// --- sorting ----------------------------------------------------------------------------------

#[test]
fn servers_are_sorted_within_their_service() {
    let mut stage = Stage::web();
    let services = |stage: &Stage| -> Vec<Row> {
        let all = stage.model.rows.all().iter().copied();
        all.filter(|row| matches!(row, Row::Service(_))).collect()
    };
    let before = services(&stage);
    stage.outside_weight(HTTP, LAST, 20);
    stage.polls(1);
    stage.does("o");
    assert_eq!(stage.shown(HTTP), [LAST, FIRST, "10.1.2.2:80"]);
    assert_eq!(stage.selected(), format!("real server {FIRST} of {HTTP}"));
    assert_snapshot!("sort_weight", stage.screen());
    // With the next snapshot the order moves, and the selection with its server.
    stage.outside_weight(HTTP, FIRST, 30);
    assert_eq!(stage.shown(HTTP), [LAST, FIRST, "10.1.2.2:80"]);
    stage.polls(1);
    assert_eq!(stage.shown(HTTP), [FIRST, LAST, "10.1.2.2:80"]);
    assert_eq!(stage.selected(), format!("real server {FIRST} of {HTTP}"));
    stage.does("O");
    assert_eq!(stage.shown(HTTP), ["10.1.2.2:80", LAST, FIRST]);
    assert!(stage.screen().contains("↑Weight"), "{}", stage.screen());
    for (by, head) in [
        (By::Column(Column::Active), "↓Active"),
        (By::Column(Column::Inactive), "↓InAct"),
        (By::Rate, "↓CPS"),
    ] {
        stage.does("o");
        assert_eq!(stage.model.rows.sort().by, by);
        assert!(stage.screen().contains(head), "{}", stage.screen());
    }
    let mut stage = stage.ascii();
    assert!(stage.screen().contains("vCPS"), "{}", stage.screen());
    stage.does("oo");
    assert_eq!(stage.shown(HTTP), [FIRST, "10.1.2.2:80", LAST]);
    stage.does("O");
    assert_eq!(stage.shown(HTTP), [LAST, "10.1.2.2:80", FIRST]);
    assert!(stage.screen().contains("v Service / real server"), "{}", stage.screen());
    assert_eq!(services(&stage), before);
}

#[test]
fn services_are_sorted_by_their_sums() {
    let mut stage = Stage::web();
    let sums = |stage: &Stage| -> Vec<u64> {
        let snapshot = stage.model.snapshot.as_ref().unwrap();
        let all = stage.model.rows.all().iter();
        let services = all.filter(|row| matches!(row, Row::Service(_)));
        services.map(|row| snapshot.service(&row.service()).unwrap().active()).collect()
    };
    let in_order = |sums: &[u64]| sums.windows(2).all(|pair| pair[0] >= pair[1]);
    stage.does("G");
    let selected = stage.selected();
    stage.does("oo");
    let sorted = sums(&stage);
    assert!(in_order(&sorted) && sorted.len() == 5, "{sorted:?}");
    assert_eq!(stage.selected(), selected);
    stage.does("O");
    let turned: Vec<u64> = sums(&stage).into_iter().rev().collect();
    assert!(in_order(&turned), "{turned:?}");
    assert_ne!(turned, sums(&stage), "they have moved");
}

#[test]
fn servers_are_sorted_by_the_rate_that_is_shown() {
    let mut stage = Stage::web();
    stage.does("oooot");
    let key: ServiceKey = "TCP 10.0.0.1:443".parse().unwrap();
    let rate = |stage: &Stage, name: &String| {
        let snapshot = stage.model.snapshot.as_ref().unwrap();
        let server = snapshot.server(&key, &name.parse().unwrap()).unwrap();
        stage.model.rate.now(&server.stats.unwrap().rates)
    };
    for _ in 0..5 {
        let shown = stage.shown("TCP 10.0.0.1:443");
        let rates: Vec<u64> = shown.iter().map(|name| rate(&stage, name)).collect();
        assert!(rates.windows(2).all(|w| w[0] >= w[1]), "{rates:?}");
        stage.does("t");
        stage.polls(2);
    }
}

// --- the service above ------------------------------------------------------------------------

#[test]
fn a_service_that_has_scrolled_away_stands_above_its_servers() {
    let mut stage = Stage::new("big:3x30".parse().unwrap());
    stage.polls(5);
    stage.draw();
    for _ in 0..45 {
        stage.does("j");
    }
    assert_snapshot!("above", stage.screen());
    // It is no row: wherever the selection goes, it is to be seen.
    let moves = [KeyCode::PageUp, KeyCode::Up, KeyCode::PageDown, KeyCode::Down, KeyCode::Home];
    for (n, first) in moves.iter().cycle().take(25).enumerate() {
        stage.key(*first);
        for _ in 0..(n * 7 % 40) {
            stage.key(moves[n % 4]);
            let seen = stage.screen();
            assert!(seen.contains('▌'), "the selection is hidden\n{seen}");
        }
    }
}

// --- lines of values --------------------------------------------------------------------------

#[test]
fn lines_span_more_and_share_a_scale() {
    let mut stage = Stage::web();
    stage.does("z");
    assert!(stage.screen().contains("conns 5m"), "{}", stage.screen());
    stage.does("z");
    assert!(stage.screen().contains("CPS 30m"), "{}", stage.screen());
    stage.does("z%");
    assert_snapshot!("one_scale", stage.screen());
    let mut stage = stage.sized((200, 60));
    assert!(stage.screen().contains("conns 60s "), "{}", stage.screen());
    assert!(stage.screen().contains("CPS 60s, one scale"), "{}", stage.screen());
    stage.does("%");
    assert!(!stage.screen().contains("one scale"));
}
