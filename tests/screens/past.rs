//! The screen held still, and the past.

use std::time::Duration;

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ipvs_tui::kernel::sim::Scenario;
use ipvs_tui::model::{Row, Tone};
use ipvs_tui::snapshot::Moment;

use super::stage::*;

impl Stage {
    /// What is on the screen, as seconds after the director was opened.
    fn shows(&self) -> u64 {
        self.model.shown().unwrap().at.0.as_secs()
    }

    fn active(&self) -> u32 {
        let (service, server) = keys(HTTP, FIRST);
        self.model.shown().unwrap().server(&service, &server).unwrap().active
    }
}

#[test]
fn a_frozen_screen_stands_still_while_the_director_is_read_on() {
    let mut stage = Stage::web();
    let before = stage.screen();
    stage.does("p");
    let frozen = stage.screen();
    assert!(frozen.contains("frozen at"), "{frozen}");
    assert_snapshot!("frozen", frozen);
    stage.polls(5);
    let later = stage.screen();
    let body = |screen: &str| screen.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(body(&later), body(&frozen), "only its age goes on");
    assert!(later.contains("5 s ago"), "{later}");
    stage.does("p");
    assert_ne!(body(&stage.screen()), body(&before), "it goes on with the present");
    assert!(stage.screen().contains("● live"));
}

#[test]
fn nothing_is_changed_on_what_is_not_the_present() {
    for key in ["+", "x", "d", "w", "s", "e", "a", "A", "D", "R", "u", "Z", "S"] {
        let mut stage = Stage::web();
        stage.does("p");
        let weight = stage.weight(HTTP, FIRST);
        assert_eq!(stage.types(key), [], "{key}");
        assert!(stage.model.prompt.is_none(), "{key}");
        let (tone, text) = stage.notice();
        assert!(tone == Tone::Error && text.contains("p lets it go on"), "{key}: {text}");
        stage.polls(1);
        assert_eq!(stage.weight(HTTP, FIRST), weight);
    }
}

#[test]
fn a_drain_and_a_ramp_go_on_behind_it() {
    let mut stage = Stage::web();
    stage.does("+"); // a change that is undone later
    stage.does("p");
    stage.outside_weight(HTTP, LAST, 0);
    stage.polls(3);
    assert_eq!(stage.weight(HTTP, LAST), 0, "the console knows");
    let screen = stage.screen();
    assert!(!screen.contains("○ 10.1.3.2:80"), "the screen does not show it yet: {screen}");
    stage.does("p");
    assert!(stage.screen().contains("○ 10.1.3.2:80"));

    // A drain and a ramp that were under way when it was frozen.
    let https = "TCP 10.0.0.1:443";
    stage.outside_weight(HTTP, LAST, 10);
    stage.polls(1);
    stage.does("d");
    stage.applies();
    stage.select(https, "10.1.1.2:443");
    stage.does("d");
    stage.applies();
    stage.does("R");
    for _ in 0..2 {
        stage.key(KeyCode::Tab);
    }
    stage.does("10s");
    stage.applies();
    stage.does("p");
    let frozen = stage.screen();
    stage.polls(15);
    assert_eq!(stage.weight(https, "10.1.1.2:443"), 10, "the ramp has gone on");
    stage.outside_weight(HTTP, FIRST, 7);
    stage.polls(10);
    assert!(stage.model.drains.open().is_empty(), "somebody else has ended the drain");
    assert!(frozen.contains("(11) 0"), "{frozen}");
    assert!(stage.screen().contains("(11) 0"), "{}", stage.screen());
    stage.does("p");
    assert!(!stage.screen().contains("(11) 0"), "{}", stage.screen());
}

#[test]
fn the_past_shows_what_was_then() {
    let mut stage = Stage::web();
    let (was, at) = (stage.active(), stage.shows());
    stage.outside_weight(HTTP, FIRST, 3);
    stage.polls(20);
    assert_eq!(stage.weight(HTTP, FIRST), 3);
    // Back holds it still by itself; a step is a second where lines span a minute.
    for _ in 0..20 {
        stage.does("[");
    }
    assert_eq!(stage.shows(), at);
    assert_eq!(stage.active(), was);
    let (service, server) = keys(HTTP, FIRST);
    let weight = stage.model.shown().unwrap().server(&service, &server).unwrap().server.weight;
    assert_eq!(weight, 10, "the weight of then");
    assert_snapshot!("past", stage.screen());
    assert_snapshot!("past_detail", {
        stage.does(":open");
        stage.key(crossterm::event::KeyCode::Enter);
        stage.screen()
    });
    // What no history keeps is a dot.
    let detail = stage.screen();
    let line = detail.lines().find(|l| l.contains("packets in")).unwrap();
    assert!(line.contains(" · "), "{line}");
    // Forward comes to the moment at which it was held, and stays there.
    for _ in 0..25 {
        stage.does("]");
    }
    assert_eq!(stage.shows(), at + 20);
    assert!(!stage.model.is_past() && stage.model.frozen.is_some());
    stage.key(crossterm::event::KeyCode::Esc);
    assert!(stage.model.frozen.is_none(), "Esc goes back to the present");
}

#[test]
fn the_past_ends_where_the_history_begins_and_gaps_are_stepped_over() {
    let mut stage = Stage::new(Scenario::Web);
    stage.polls(5);
    let from = stage.shows();
    // Ten seconds of which nothing is known.
    stage.fails(4, ipvs_tui::kernel::KernelError::NoIpvs);
    stage.kernel.advance(Duration::from_secs(10));
    stage.polls(3);
    let to = stage.shows();
    assert!(to - from > 10);
    let mut seen = Vec::new();
    for _ in 0..40 {
        stage.does("[");
        seen.push(stage.shows());
    }
    let (_, text) = stage.notice();
    assert!(text.contains("nothing is known of the time before"), "{text}");
    let hold = stage.model.hold();
    for at in &seen {
        let moment = Moment(Duration::from_secs(*at));
        assert!(stage.model.history.knows(moment, hold), "{at}");
    }
    assert_eq!(seen.last(), Some(&(from - 4)));
    // A filter and an order hold for the past too, and the selection stays with its server.
    let row = stage.model.rows.selected();
    stage.does("o]");
    assert_eq!(stage.model.rows.selected(), row);
    assert!(matches!(row, Some(Row::Server(..))));
}

#[test]
fn hosts_and_the_director_have_a_past_too() {
    let mut stage = Stage::web();
    stage.outside_weight(HTTP, FIRST, 0);
    stage.polls(10);
    stage.does("2");
    assert!(stage.screen().contains("quiesced in 1 of 2"));
    for _ in 0..12 {
        stage.does("[");
    }
    let screen = stage.screen();
    let line = screen.lines().find(|l| l.contains("10.1.1.2")).unwrap();
    assert!(line.contains("serving"), "{screen}");
    stage.does("6");
    assert_snapshot!("past_director", stage.screen());
}
