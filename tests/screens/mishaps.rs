//! What goes wrong in the middle: services and servers that vanish under a plan, under a drain and
//! under the cursor, answers that are lost, and a machine that slept.

use std::time::Duration;

use crossterm::event::KeyCode;
use ipvs_tui::history::Metric;
use ipvs_tui::ipvs::*;
use ipvs_tui::journal::{DrainEnd, State};
use ipvs_tui::kernel::{KernelError, Want, Writer};
use ipvs_tui::model::{Focus, Message, Prompt, Tone};
use ipvs_tui::snapshot::Moment;
use jiff::SignedDuration;

use super::stage::*;

const HTTPS: &str = "TCP 10.0.0.1:443";

/// What the kernel does with a change, and what it says of it.
#[derive(Clone, Debug)]
enum Mishap {
    /// Somebody else makes this one right behind it.
    Then(Change),
    /// It is made, and the answer is lost.
    NoAnswer,
    /// It is made, and the system reports an error.
    Broken,
    /// It is taken without a word, and not made.
    Ignored,
}

/// A writer that has one mishap, at its first change.
struct Unlucky {
    inner: Box<dyn Writer>,
    mishap: Option<Mishap>,
}

impl Writer for Unlucky {
    fn apply(&mut self, change: &Change) -> Result<(), KernelError> {
        let (action, subject) = ("set a weight".to_owned(), change.subject());
        let mishap = self.mishap.take();
        if !matches!(mishap, Some(Mishap::Ignored)) {
            self.inner.apply(change)?;
        }
        match mishap {
            Some(Mishap::Then(theirs)) => self.inner.apply(&theirs),
            Some(Mishap::NoAnswer) => Err(KernelError::NoAnswer { action, subject }),
            Some(Mishap::Broken) => {
                Err(KernelError::System { action, why: "Bad address".to_owned() })
            }
            Some(Mishap::Ignored) | None => Ok(()),
        }
    }
}

fn unlucky(mishap: Mishap) -> Stage {
    let mut stage = Stage::web();
    let inner = Box::new(stage.kernel.writer());
    stage.director.hand.as_mut().unwrap().writer =
        Box::new(Unlucky { inner, mishap: Some(mishap) });
    stage
}

/// That somebody else deletes the service, with its servers.
fn deletion(service: &str) -> Change {
    let mut stage = Stage::web();
    let key = service.parse().unwrap();
    let entry = stage.director.reader.service(&key).unwrap().unwrap();
    Change::Service { before: Some(entry.service), after: None }
}

/// The states of the newest entry's changes.
fn states(stage: &Stage) -> Vec<State> {
    stage.model.entries()[0].states.clone()
}

#[test]
fn a_service_that_goes_in_the_middle_of_a_plan_is_told_and_the_rest_can_be_taken_back() {
    let mut stage = unlucky(Mishap::Then(deletion(HTTPS)));
    stage.does("D");
    stage.applies();
    assert_eq!(stage.weight(HTTP, FIRST), 0, "what was made before");
    let (tone, text) = stage.notice();
    assert_eq!(tone, Tone::Error);
    assert!(text.contains("1 of 2 changes were made") && text.contains("gone"), "{text}");
    let states = states(&stage);
    assert!(matches!(states[..], [State::Made(_), State::Refused(_)]), "{states:?}");
    // What was made is offered to be taken back, and Cancel is ready.
    let Some(Prompt::Page(page)) = &stage.model.prompt else { panic!("{:?}", stage.notice()) };
    assert_eq!(page.focus, Focus::Cancel);
    stage.applies();
    assert_eq!(stage.weight(HTTP, FIRST), 10);
    assert!(!stage.screen().contains(HTTPS), "{}", stage.screen());
}

#[test]
fn a_lost_answer_is_settled_by_reading_back() {
    let mut stage = unlucky(Mishap::NoAnswer);
    stage.does("+");
    assert_eq!(stage.weight(HTTP, FIRST), 11);
    let states = states(&stage);
    assert!(matches!(states[..], [State::Made(_)]), "{states:?}");
    stage.does("u");
    assert_eq!(stage.weight(HTTP, FIRST), 10);
}

#[test]
fn an_error_of_the_system_leaves_it_open_whether_it_was_made() {
    let mut stage = unlucky(Mishap::Broken);
    stage.does("+");
    let (tone, text) = stage.notice();
    assert_eq!(tone, Tone::Error);
    assert!(text.contains("Bad address"), "{text}");
    assert_eq!(stage.weight(HTTP, FIRST), 11, "the screen shows what the kernel has");
    let states = states(&stage);
    assert!(matches!(states[..], [State::Unknown { .. }]), "{states:?}");
}

#[test]
fn what_the_kernel_did_not_take_is_not_called_made() {
    let mut stage = unlucky(Mishap::Ignored);
    stage.does("+");
    let (tone, text) = stage.notice();
    assert_eq!(tone, Tone::Error);
    assert!(text.contains("10.1.1.2:80"), "{text}");
    assert_eq!(stage.weight(HTTP, FIRST), 10);
    let states = states(&stage);
    assert!(!matches!(states[..], [State::Made(_)]), "{states:?}");
}

/// Deleted while it is drained, by itself or with its service, the drains in view or not.
#[test]
fn a_server_that_goes_while_it_is_drained_ends_its_drain() {
    let (service, server) = keys(HTTP, FIRST);
    for (view, with_service) in [("4", false), ("1", false), ("4", true)] {
        let mut stage = Stage::web();
        stage.does("d");
        stage.applies();
        stage.does(view);
        let gone = if with_service {
            deletion(HTTP)
        } else {
            let now = stage.director.reader.service(&service).unwrap().unwrap();
            let before = Some(now.server(&server).unwrap().server.clone());
            Change::Server { service, before, after: None }
        };
        stage.outside(&gone);
        stage.polls(2);
        stage.does("4");
        assert!(stage.screen().contains("gone"), "{}", stage.screen());
        stage.polls(10);
        assert!(stage.model.drains.open().is_empty(), "{}", stage.screen());
        assert_eq!(stage.how_the_last_drain_ended(), Some(DrainEnd::Outside));
        assert!(stage.screen().contains("Over"), "{}", stage.screen());
        assert_eq!(stage.types("R"), [], "there is nothing to restore");
    }
}

#[test]
fn a_selected_service_that_goes_leaves_nothing_selected() {
    let mut stage = Stage::web();
    stage.select(HTTPS, "10.1.1.2:443");
    stage.key(KeyCode::Left);
    assert_eq!(stage.selected(), format!("service {HTTPS}"));
    stage.outside(&deletion(HTTPS));
    stage.polls(1);
    assert_eq!(stage.model.rows.selected(), None);
    assert!(stage.notice().1.contains("is gone from the table"), "{:?}", stage.notice());
    for keys in ["s", "e", "a", "Z", "+"] {
        assert_eq!(stage.types(keys), [], "{keys}");
        assert!(stage.model.prompt.is_none(), "{keys}: {}", stage.screen());
    }
}

/// One whose weight comes back after a minute.
fn with_a_minute_s_drain() -> Stage {
    let mut stage = Stage::web();
    stage.does("d");
    stage.key(KeyCode::Tab);
    stage.key(KeyCode::Tab);
    stage.does("60s");
    stage.key(KeyCode::Enter);
    stage.key(KeyCode::Right);
    stage.applies();
    stage.polls(10);
    stage
}

/// That the drain's minute was not up while nothing could drain, and is when the rest of it is over.
#[track_caller]
fn goes_on_draining(stage: &mut Stage) {
    stage.polls(40);
    assert_eq!(stage.weight(HTTP, FIRST), 0, "{}", stage.screen());
    stage.polls(20);
    assert_eq!(stage.weight(HTTP, FIRST), 10, "{}", stage.screen());
}

/// Its clocks go on while it sleeps, and its connections do not.
#[test]
fn a_machine_that_slept_ends_no_drain_and_leaves_a_gap() {
    let mut stage = with_a_minute_s_drain().sized((120, 30));
    let time = Duration::from_secs(30);
    let woke = Moment(stage.model.now.0 + time);
    stage.model.update(Message::Slept(time, woke));
    stage.model.update(Message::Clock(woke));
    let (tone, text) = stage.notice();
    assert_eq!(
        (tone, text),
        (Tone::Warning, "the machine slept for 30 s; times of drains go on as before")
    );
    stage.kernel.advance(time);
    stage.polls(1);
    let now = stage.model.snapshot.as_ref().unwrap().at;
    let (window, hold) = (Duration::from_secs(40), Duration::from_secs(3));
    let line = stage.model.history.director().window(Metric::Active, now, window, 40, hold);
    let known: Vec<bool> = line.iter().map(Option::is_some).collect();
    assert_eq!((known[8], &known[9..39], known[39]), (true, &[false; 30][..], true), "{known:?}");
    // What was counted before is no rate of the time after it.
    let rate = |stage: &Stage| {
        let now = stage.model.snapshot.as_ref().unwrap().at;
        stage.model.history.director().at(now, hold).and_then(|known| known.rates)
    };
    assert_eq!(rate(&stage), None);
    stage.polls(3);
    assert!(rate(&stage).unwrap().connections > 0);
    goes_on_draining(&mut stage);
}

/// A machine that was halted from outside, as virtual ones are, does not know it: its wall clock is
/// set when it goes on.
#[test]
fn a_clock_that_is_set_ends_no_drain() {
    let mut stage = with_a_minute_s_drain();
    let mut set = stage.director.reader.snapshot(&Want::everything()).unwrap();
    set.taken += SignedDuration::from_hours(3);
    stage.take_in(set);
    let (tone, text) = stage.notice();
    assert_eq!(tone, Tone::Warning);
    assert!(text.contains("clock went ahead by 3h"), "{text}");
    stage.polls(1);
    assert!(stage.notice().1.contains("clock went back by 3h"), "{:?}", stage.notice());
    goes_on_draining(&mut stage);
}

/// Steps that follow at once, because time has passed that the console did not see, are no ramp.
#[test]
fn a_ramp_that_was_held_up_takes_its_time() {
    let mut stage = with_a_minute_s_drain();
    stage.does("R");
    for _ in 0..2 {
        stage.key(KeyCode::Tab);
    }
    stage.does("60s");
    stage.applies();
    stage.polls(8);
    stage.kernel.advance(Duration::from_secs(60));
    stage.polls(1);
    let (first, begun) = (stage.weight(HTTP, FIRST), stage.model.now);
    assert!((2..5).contains(&first), "{first}");
    while stage.weight(HTTP, FIRST) < 10 {
        stage.polls(1);
        assert!(!stage.model.ramps.running().is_empty() || stage.weight(HTTP, FIRST) == 10);
    }
    let (steps, took) = (10 - first, stage.model.now.since(begun));
    assert!(took >= Duration::from_secs(6) * (steps - 1), "{steps} steps in {took:?}");
}
