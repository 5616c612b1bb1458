//! Drains, restoring, ramps and the journal, as the screen shows them and as they are decided.

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ipvs_tui::command::View;
use ipvs_tui::drain::Verdict;
use ipvs_tui::ipvs::*;
use ipvs_tui::journal::DrainEnd;
use ipvs_tui::kernel::sim::Scenario;
use ipvs_tui::kernel::{KernelError, Writer};
use ipvs_tui::model::{Message, Model, Prompt, Tone};

use super::stage::*;

/// Who forgets Tab before the reason changes nothing else with its letters, and is told.
#[test]
fn a_reason_that_is_typed_too_early_is_no_row_of_commands() {
    for server in [LIGHT, HEAVY] {
        let mut stage = Stage::new(Scenario::Web);
        stage.polls(30);
        stage.select(MARK, server);
        stage.does("+");
        stage.polls(2);
        let weight = stage.weight(MARK, server);
        stage.does("d");
        for letter in "disks uuxn".chars() {
            assert_eq!(stage.key(KeyCode::Char(letter)), [], "{letter}");
        }
        assert!(matches!(stage.model.prompt, Some(Prompt::Page(_))), "{}", stage.screen());
        assert_eq!(stage.notice().1, "n is no answer; Tab goes to what is typed, Esc leaves");
        stage.polls(2);
        assert_eq!(stage.weight(MARK, server), weight);
    }
}

/// Nothing is written where the weight is 0 already; the page, its answer and the undo say so.
#[test]
fn a_quiesced_server_is_drained_without_a_change() {
    let quiesced = "10.1.2.2:80";
    let mut stage = Stage::web();
    stage.select(HTTP, quiesced);
    assert_eq!(stage.weight(HTTP, quiesced), 0);
    stage.does("d");
    assert_snapshot!("drain_page_of_a_quiesced_server", stage.screen());
    stage.applies();
    let name = format!("drain {quiesced} of {HTTP}");
    assert_eq!(stage.notice().1, format!("{name}: nothing had to be written"));
    assert_eq!(stage.model.drains.open().len(), 1);
    stage.does("u");
    stage.polls(1);
    assert_eq!(stage.notice().1, format!("undone: {name}: nothing had to be written"));
    assert_eq!((stage.model.drains.open().len(), stage.weight(HTTP, quiesced)), (0, 0));
    assert_eq!(stage.how_the_last_drain_ended(), Some(DrainEnd::Cancelled));
    // One of a host's servers is at 0, the other is not.
    stage.does("D");
    let page = stage.screen();
    assert!(page.contains("1 of 2 have weight 0 already"), "{page}");
}

#[test]
fn an_entry_tells_what_it_takes_back_and_what_took_it_back() {
    let mut stage = Stage::web();
    stage.does("+u5");
    let screen = stage.screen();
    let states: Vec<_> =
        screen.lines().filter(|line| line.contains(" alice    10.1.1.2")).collect();
    let [undo, edit] = states.as_slice() else { panic!("{screen}") };
    assert!(undo.contains(": weight 11 → 10") && undo.ends_with(" undo|"), "{screen}");
    assert!(edit.contains(": weight 10 → 11") && edit.ends_with(" undone|"), "{screen}");
    assert!(screen.contains("   takes back "), "{screen}");
    stage.does("j");
    let screen = stage.screen();
    assert!(screen.contains("   undone by "), "{screen}");
}

const MARK: &str = "FWM 5";
const HEAVY: &str = "10.3.0.7:0";
const LIGHT: &str = "10.3.1.7:0";

impl Stage {
    /// Answers the page with Apply, wherever the focus is.
    pub(super) fn applies(&mut self) {
        let Some(Prompt::Page(_)) = &self.model.prompt else { panic!("{:?}", self.notice()) };
        for _ in 0..9 {
            let Some(Prompt::Page(page)) = &self.model.prompt else { panic!() };
            if page.focus == ipvs_tui::model::Focus::Apply {
                break;
            }
            self.key(KeyCode::Tab);
        }
        let effects = self.key(KeyCode::Enter);
        self.carry_out(effects);
    }

    /// Goes to a server.
    pub(super) fn select(&mut self, service: &str, server: &str) {
        let wanted = keys(service, server);
        self.does("g");
        for _ in 0..99 {
            if self.model.selected_server() == Some(wanted) {
                return;
            }
            self.does("j");
        }
        panic!("{service} {server} is not there");
    }

    /// Another console on the same director and journal.
    fn starts_anew(&mut self) {
        self.model = Model::new("lb1".to_owned(), std::time::Duration::from_secs(1), false);
        self.polls(1);
        self.news();
        self.polls(1);
    }

    pub(super) fn how_the_last_drain_ended(&mut self) -> Option<DrainEnd> {
        let history = self.director.hand.as_mut().unwrap().book.history().unwrap();
        history.drains.last().unwrap().ended.as_ref().map(|e| e.how)
    }
}

#[test]
fn a_server_is_drained_until_it_is_safe_and_restored() {
    let mut stage = Stage::web();
    assert_eq!(stage.types("d"), [], "a page first: reason and time limit");
    assert_snapshot!("drain_page", stage.screen());
    // The reason is typed, and no key of it acts.
    stage.key(KeyCode::Tab);
    stage.does("xuDR!q");
    stage.applies();
    assert_eq!(stage.weight(HTTP, FIRST), 0);
    stage.polls(8);
    stage.census();
    assert_snapshot!("drain_in_the_table", stage.screen());
    stage.does("4");
    assert_snapshot!("drains", stage.screen());
    assert!(matches!(stage.model.drains.open()[0].verdict(), Verdict::Emptying { .. }));
    assert_eq!(stage.model.drains.open()[0].reason, "xuDR!q");
    // Another console shows the same drain.
    stage.starts_anew();
    assert!(stage.notice().1.contains("from an earlier session"), "{:?}", stage.notice());
    assert_eq!(stage.model.drains.open().len(), 1);
    for _ in 0..200 {
        stage.polls(5);
        stage.census();
        if stage.model.drains.open()[0].is_safe() {
            break;
        }
    }
    stage.does("4");
    assert!(stage.screen().contains("safe to stop"), "{}", stage.screen());
    assert_snapshot!("drains_safe", stage.screen());
    // From the drains' own view.
    stage.does("R");
    assert_snapshot!("restore_page", stage.screen());
    stage.applies();
    assert_eq!(stage.weight(HTTP, FIRST), 10);
    assert!(stage.model.drains.open().is_empty());
    assert_eq!(stage.how_the_last_drain_ended(), Some(DrainEnd::Restored));
    stage.does("5");
    assert_snapshot!("journal", stage.screen());
    // What it came to is known to whoever comes later.
    stage.starts_anew();
    stage.does("4");
    assert!(stage.screen().contains("before that: safe to stop"), "{}", stage.screen());
    assert_snapshot!("drains_over", stage.screen());
}

#[test]
fn a_host_is_drained_everywhere_as_one_plan_with_one_undo() {
    let mut stage = Stage::web();
    stage.does("D");
    stage.applies();
    let https = "TCP 10.0.0.1:443";
    assert_eq!((stage.weight(HTTP, FIRST), stage.weight(https, "10.1.1.2:443")), (0, 0));
    assert_eq!(stage.model.drains.open()[0].servers.len(), 2);
    // Draining it once more is no second drain.
    assert_eq!(stage.types("d"), []);
    assert!(stage.notice().1.contains("draining already"), "{:?}", stage.notice());
    stage.does("u");
    assert_eq!((stage.weight(HTTP, FIRST), stage.weight(https, "10.1.1.2:443")), (10, 10));
    assert_eq!(stage.how_the_last_drain_ended(), Some(DrainEnd::Cancelled));
    // Made again, it is a drain again.
    stage.does("U");
    assert_eq!(stage.weight(HTTP, FIRST), 0);
    assert_eq!(stage.model.drains.open().len(), 1);
    assert_eq!(stage.how_the_last_drain_ended(), None);
}

#[test]
fn offers_hold_for_the_length_of_a_drain() {
    let mut stage = Stage::web();
    let fallback = |stage: &Stage| {
        let key: ServiceKey = MARK.parse().unwrap();
        let service = &stage.model.snapshot.as_ref().unwrap().service(&key).unwrap().service;
        service.flags.contains(ServiceFlags::SCHED1)
    };
    let quiescent = |stage: &Stage| {
        let snapshot = stage.model.snapshot.as_ref().unwrap();
        snapshot.sysctls.get().unwrap()["expire_quiescent_template"].clone()
    };
    stage.select(MARK, LIGHT);
    stage.does("d");
    assert!(stage.screen().contains("refuses them"), "{}", stage.screen());
    stage.does("f");
    assert!(!stage.screen().contains("refuses them"), "the danger goes with the offer");
    stage.does("e");
    assert_snapshot!("drain_page_offers", stage.screen());
    stage.applies();
    assert_eq!(stage.weight(MARK, LIGHT), 0);
    assert!(fallback(&stage) && quiescent(&stage) == "1");
    // A second drain needs them still when the first is over.
    let https = "TCP 10.0.0.1:443";
    stage.select(https, "10.1.1.2:443");
    stage.does("d");
    stage.applies();
    stage.select(MARK, LIGHT);
    stage.does("R");
    stage.applies();
    assert_eq!(stage.weight(MARK, LIGHT), 1);
    assert!(!fallback(&stage) && quiescent(&stage) == "1");
    stage.starts_anew();
    stage.select(https, "10.1.1.2:443");
    stage.does("R");
    stage.applies();
    assert_eq!(quiescent(&stage), "0", "taken back with the last drain that needs it");
    assert!(stage.model.drains.open().is_empty());
}

#[test]
fn what_someone_else_has_set_meanwhile_is_not_taken_back() {
    let mut stage = Stage::web();
    stage.select(MARK, LIGHT);
    stage.does("dfe");
    stage.applies();
    let before = stage.model.snapshot.as_ref().unwrap().sysctls.get().unwrap().clone();
    let name = "expire_quiescent_template".to_owned();
    let set = |before: &str, after: &str| Change::Sysctl {
        name: name.clone(),
        before: before.to_owned(),
        after: after.to_owned(),
    };
    stage.outside(&set(&before[&name], "0"));
    stage.polls(1);
    stage.does("R");
    stage.applies();
    assert_eq!(stage.weight(MARK, LIGHT), 1, "{:?}", stage.notice());
}

#[test]
fn weights_come_back_in_steps_and_one_undo_takes_them_all() {
    let mut stage = Stage::web();
    stage.does("d");
    stage.applies();
    stage.does("R");
    stage.key(KeyCode::Tab);
    stage.key(KeyCode::Tab);
    stage.does("soon");
    stage.applies();
    assert!(stage.screen().contains("write a time with its unit"), "{}", stage.screen());
    for _ in 0..4 {
        stage.key(KeyCode::Backspace);
    }
    stage.does("20s");
    stage.applies();
    let first = stage.weight(HTTP, FIRST);
    assert!((1..10).contains(&first), "the first step at once: {first}");
    assert_snapshot!("ramp_in_the_table", stage.screen());
    let mut weights = vec![first];
    for _ in 0..25 {
        stage.polls(1);
        weights.push(stage.weight(HTTP, FIRST));
    }
    weights.dedup();
    assert!(weights.len() > 5 && weights.is_sorted(), "{weights:?}");
    assert_eq!(weights.last(), Some(&10));
    assert!(stage.model.drains.open().is_empty() && stage.model.ramps.running().is_empty());
    assert_eq!(stage.how_the_last_drain_ended(), Some(DrainEnd::Restored));
    stage.does("u");
    assert_eq!(stage.weight(HTTP, FIRST), 0, "one undo");
}

#[test]
fn a_ramp_stops_where_it_is() {
    let mut stage = Stage::web();
    stage.does("d");
    stage.applies();
    let ramp = |stage: &mut Stage| {
        stage.does("R");
        for _ in 0..2 {
            stage.key(KeyCode::Tab);
        }
        stage.does("20s");
        stage.applies();
        stage.polls(5);
    };
    ramp(&mut stage);
    // By its own key,
    stage.does("R");
    let here = stage.weight(HTTP, FIRST);
    assert!((1..10).contains(&here), "{here}");
    assert!(stage.notice().1.contains("stopped after"), "{:?}", stage.notice());
    stage.polls(20);
    assert_eq!(stage.weight(HTTP, FIRST), here);
    stage.does("u");
    assert_eq!(stage.weight(HTTP, FIRST), 0);
    // by another command,
    ramp(&mut stage);
    stage.does("x");
    stage.polls(20);
    assert_eq!(stage.weight(HTTP, FIRST), 0);
    // and when someone else moves the weight.
    ramp(&mut stage);
    stage.outside_weight(HTTP, FIRST, 77);
    stage.polls(20);
    assert_eq!(stage.weight(HTTP, FIRST), 77);
    assert!(stage.model.ramps.running().is_empty());
}

#[test]
fn what_happens_when_the_time_is_up_is_the_operators() {
    for (right, weight, there) in [(0, Some(0), true), (1, Some(10), true), (2, None, false)] {
        let mut stage = Stage::web();
        stage.does("d");
        stage.key(KeyCode::Tab);
        stage.key(KeyCode::Tab);
        stage.does("30s");
        stage.key(KeyCode::Enter);
        for _ in 0..right {
            stage.key(KeyCode::Right);
        }
        stage.applies();
        stage.polls(20);
        assert_eq!(stage.weight(HTTP, FIRST), 0);
        stage.polls(20);
        let (service, server) = keys(HTTP, FIRST);
        let now = stage.model.snapshot.as_ref().unwrap().server(&service, &server).cloned();
        assert_eq!(now.is_some(), there);
        assert_eq!(now.map(|s| s.server.weight), weight);
        let ended = [None, Some(DrainEnd::Restored), Some(DrainEnd::Deleted)][right];
        assert_eq!(stage.how_the_last_drain_ended(), ended);
    }
}

#[test]
fn a_drain_that_someone_else_ends_is_over() {
    let mut stage = Stage::web();
    stage.does("d");
    stage.applies();
    stage.outside_weight(HTTP, FIRST, 5);
    stage.polls(2);
    stage.does("4");
    assert!(stage.screen().contains("it has weight 5"), "{}", stage.screen());
    stage.polls(10);
    assert!(stage.model.drains.open().is_empty());
    assert_eq!(stage.how_the_last_drain_ended(), Some(DrainEnd::Outside));
    assert_eq!(stage.notice().0, Tone::Warning);
    assert_eq!(stage.weight(HTTP, FIRST), 5, "nothing was written");
}

#[test]
fn any_entry_of_the_journal_can_be_taken_back() {
    let mut stage = Stage::web();
    stage.does("+");
    stage.does("jj>");
    stage.starts_anew();
    assert_eq!((stage.weight(HTTP, FIRST), stage.weight(HTTP, LAST)), (11, 20));
    stage.does("u");
    assert!(stage.notice().1.contains("nothing to undo in this session"));
    stage.does("5ju");
    assert_snapshot!("journal_undo", stage.screen());
    stage.applies();
    assert_eq!((stage.weight(HTTP, FIRST), stage.weight(HTTP, LAST)), (10, 20));
    // It cannot be taken back twice; and where it does not apply, nothing is written.
    stage.does("jju");
    assert!(stage.notice().1.contains("taken back already"), "{:?}", stage.notice());
    stage.outside_weight(HTTP, LAST, 99);
    stage.polls(1);
    stage.does("ku");
    stage.applies();
    assert!(stage.notice().1.contains("99 now"), "{:?}", stage.notice());
    assert_eq!(stage.weight(HTTP, LAST), 99);
}

#[test]
fn nothing_acts_on_a_server_that_is_not_on_the_screen() {
    for view in ["4", "5"] {
        let mut stage = Stage::web();
        stage.does(view);
        for key in ["x", "d", "D", "+", "-", ">", "<", "w", "s", "e", "a", "A", "Z", "S", " "] {
            assert_eq!(stage.types(key), [], "{key}");
            assert!(stage.model.prompt.is_none(), "{key}");
        }
        assert_eq!(stage.key(KeyCode::Delete), []);
        assert!(stage.model.prompt.is_none() || view == "4");
        stage.key(KeyCode::Esc);
        stage.key(KeyCode::Esc);
        assert_eq!(stage.model.view, View::Services);
    }
}

/// The scheduler deals clients by hash: a drain without fallback would have them refused.
#[test]
fn a_drain_tells_what_it_would_break_before_it_does() {
    let mut stage = Stage::new(Scenario::Web);
    stage.polls(30);
    stage.select(MARK, HEAVY);
    stage.does("d");
    let screen = stage.screen();
    assert!(screen.contains("refuses them") && screen.contains("templates"), "{screen}");
    let Some(Prompt::Page(page)) = &stage.model.prompt else { panic!() };
    assert_eq!(page.focus, ipvs_tui::model::Focus::Cancel);
    let effects = stage.key(KeyCode::Enter);
    assert_eq!(effects, []);
    assert_eq!(stage.notice().1, "cancelled; nothing was changed");
}

/// A writer that the kernel refuses from some change on.
struct Failing {
    inner: Box<dyn Writer>,
    left: usize,
}

impl Writer for Failing {
    fn apply(&mut self, change: &Change) -> Result<(), KernelError> {
        if self.left == 0 {
            let (action, subject) = ("set a weight".to_owned(), change.subject());
            let (text, advice) = (String::new(), String::new());
            return Err(KernelError::Kernel { action, subject, errno: 12, text, advice });
        }
        self.left -= 1;
        self.inner.apply(change)
    }
}

#[test]
fn a_plan_that_fails_half_way_says_so_and_offers_to_take_it_back() {
    let mut stage = Stage::web();
    let https = "TCP 10.0.0.1:443";
    let hand = stage.director.hand.as_mut().unwrap();
    hand.writer = Box::new(Failing { inner: Box::new(stage.kernel.writer()), left: 1 });
    stage.does("D");
    stage.applies();
    let weights = (stage.weight(HTTP, FIRST), stage.weight(https, "10.1.1.2:443"));
    assert_eq!(weights, (0, 10), "the first was made, the second not");
    let (tone, text) = stage.notice();
    assert_eq!(tone, Tone::Error);
    assert!(text.contains("1 of 2 changes were made, the others not"), "{text}");
    assert_snapshot!("half_way", stage.screen());
    // The offer is no trap: Cancel is ready.
    let Some(Prompt::Page(page)) = &stage.model.prompt else { panic!("{:?}", stage.notice()) };
    assert_eq!(page.focus, ipvs_tui::model::Focus::Cancel);
    stage.director.hand.as_mut().unwrap().writer = Box::new(stage.kernel.writer());
    stage.applies();
    assert_eq!(stage.weight(HTTP, FIRST), 10);
    assert_eq!(stage.how_the_last_drain_ended(), Some(DrainEnd::Cancelled));
}

/// A host in so many services of a director that has no other.
fn host_in(services: u16) -> Stage {
    let mut stage = Stage::new(Scenario::Empty);
    for port in 80..80 + services {
        let key: ServiceKey = format!("TCP 10.0.0.1:{port}").parse().unwrap();
        let service = Service::new(key, SchedulerName::new("wlc").unwrap());
        stage.outside(&Change::Service { before: None, after: Some(service) });
        for host in [2, 3] {
            let server = format!("10.1.1.{host}:{port}").parse().unwrap();
            let after = Some(Server::new(server, Forwarding::Masq, 10));
            stage.outside(&Change::Server { service: key, before: None, after });
        }
    }
    stage.polls(3);
    stage.news();
    stage.select("TCP 10.0.0.1:80", "10.1.1.2:80");
    stage
}

/// Every server of a drain is told of, however many there are, and what is over too.
#[test]
fn a_drain_of_many_servers_is_scrolled_to_its_end() {
    let mut stage = host_in(12).sized((80, 24));
    for keys in ["d", "R", "D"] {
        stage.does(keys);
        stage.applies();
        stage.polls(2);
    }
    stage.does("4");
    let mut seen = stage.screen();
    assert!(seen.contains("PageDown: ") && seen.contains("more lines"), "{seen}");
    assert!(!seen.contains("10.0.0.1:91"), "it has no room: {seen}");
    for _ in 0..9 {
        stage.key(KeyCode::PageDown);
        seen.push_str(&stage.screen());
    }
    for port in 80..92 {
        assert!(seen.contains(&format!("10.1.1.2:{port} of 10.0.0.1:{port}")), "{port}: {seen}");
    }
    let end = stage.screen();
    assert!(end.contains(" Over") && end.contains("lines above"), "{end}");
    let over =
        |line: &str| line.contains(" 10.1.1.2:80 of ") && line.contains(":80: restored after");
    assert!(end.lines().any(over), "{end}");
    assert_eq!(stage.model.drains.scroll.below(), 0);
    let top = stage.model.drains.scroll.top();
    stage.key(KeyCode::Down);
    assert_eq!(stage.model.drains.scroll.top(), top, "there is no other drain");
    stage.key(KeyCode::PageUp);
    assert!(stage.model.drains.scroll.top() < top);
    stage.model.update(Message::Wheel(-99));
    assert_eq!(stage.model.drains.scroll.top(), 0);
}

/// What an entry holds is counted below the list, and told in full by Enter.
#[test]
fn an_entry_of_many_changes_is_told_in_full() {
    let mut stage = host_in(12).sized((80, 24));
    stage.does("D");
    stage.applies();
    stage.does("5");
    let screen = stage.screen();
    assert!(screen.contains("Enter: 7 more lines"), "{screen}");
    stage.key(KeyCode::Enter);
    let screen = stage.screen();
    for port in 80..92 {
        assert!(screen.contains(&format!("of TCP 10.0.0.1:{port}: weight 10")), "{port}: {screen}");
    }
    let mut stage = stage.sized((60, 15));
    let mut seen = String::new();
    for _ in 0..9 {
        seen.push_str(&stage.screen());
        stage.key(KeyCode::PageDown);
    }
    assert!(seen.contains("10.1.1.2:91 of TCP"), "{seen}");
    stage.key(KeyCode::Esc); // what was said of the drain
    stage.key(KeyCode::Esc);
    assert_eq!((stage.model.view, stage.model.detail), (View::Journal, None));
    stage.key(KeyCode::Esc);
    assert_eq!(stage.model.view, View::Services);
}

/// In a row of the journal the server and what was done to it have room at 80 columns.
#[test]
fn rows_of_the_journal_name_the_server() {
    let mut stage = Stage::web().sized((80, 24));
    stage.does("+");
    stage.does("5");
    let screen = stage.screen();
    assert!(screen.contains(" 10.1.1.2:80 of 10.0.0.1:80: weight 10 → 11"), "{screen}");
    let screen = stage.sized((60, 15)).screen();
    assert!(screen.contains(" 10.1.1.2:80…: weight 10 → 11"), "{screen}");
}

/// An estimate has an error, and its sign is not ASCII.
#[test]
fn an_estimate_is_told_without_unicode() {
    let mut stage = Stage::web().ascii();
    stage.does("d");
    stage.applies();
    for _ in 0..200 {
        if stage.model.drains.open()[0].estimate().is_some() {
            break;
        }
        stage.polls(1);
        stage.census();
    }
    assert!(stage.model.drains.open()[0].estimate().is_some());
    stage.idles(10);
    for view in ["1", "2", "4", "5"] {
        stage.does(view);
        for size in SIZES {
            stage.size = size;
            let screen = stage.screen();
            assert!(screen.is_ascii(), "{screen}");
            let words: Vec<&str> =
                screen.split(['|', ' ', '\n']).filter(|w| !w.is_empty()).collect();
            assert!(words.join(" ").contains("(+-"), "{screen}");
        }
    }
}
