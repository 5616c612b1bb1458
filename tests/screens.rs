//! What the console draws, and what it decides: the model fed by the embedded director on a
//! clock that steps, with keys in and a screen or effects out. Nothing waits.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "screens/connections.rs"]
mod connections;
#[path = "screens/doctor.rs"]
mod doctor;
#[path = "screens/drains.rs"]
mod drains;
#[path = "screens/face.rs"]
mod face;
#[path = "screens/forms.rs"]
mod forms;
#[path = "screens/looks.rs"]
mod looks;
#[path = "screens/mishaps.rs"]
mod mishaps;
#[path = "screens/outside.rs"]
mod outside;
#[path = "screens/past.rs"]
mod past;
#[path = "screens/rows.rs"]
mod rows;
#[path = "screens/stage.rs"]
mod stage;
#[path = "screens/views.rs"]
mod views;
#[path = "screens/wall.rs"]
mod wall;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ipvs_tui::history::Metric;
use ipvs_tui::ipvs::*;
use ipvs_tui::kernel::proc::{ProcReader, ProcRoot};
use ipvs_tui::kernel::sim::Scenario;
use ipvs_tui::kernel::{KernelError, Reader, Want};
use ipvs_tui::model::{Effect, Freshness, Message, Prompt, Tone};
use ipvs_tui::snapshot;
use ipvs_tui::snapshot::{Moment, Snapshot};
use ipvs_tui::theme::Depth;
use stage::*;

// --- screens ----------------------------------------------------------------------------------

#[test]
fn first_screen() {
    for size in SIZES {
        let mut stage = Stage::web().sized(size);
        assert_snapshot!(format!("first_{}x{}", size.0, size.1), stage.screen());
        let mut stage = stage.ascii();
        let screen = stage.screen();
        assert!(screen.is_ascii(), "{screen}");
        assert_snapshot!(format!("first_{}x{}_ascii", size.0, size.1), screen);
    }
}

/// Colours and weights, in one size: whoever changes them sees where.
#[test]
fn styles() {
    let mut stage = Stage::web();
    assert_snapshot!("styles_80x24", format!("{:#?}", stage.draw()));
    stage.look.theme = theme("mono", Depth::None);
    let reset = ratatui::style::Color::Reset;
    let assert_plain = |stage: &mut Stage| {
        let screen = stage.draw();
        assert!(screen.content().iter().all(|c| (c.fg, c.bg) == (reset, reset)), "{screen:#?}");
    };
    assert_plain(&mut stage);
    // A question, a warning, a failure, and what lies over the table.
    stage.outside_weight(HTTP, FIRST, 0);
    stage.polls(1);
    stage.does("jjw0");
    stage.key(KeyCode::Enter);
    assert_plain(&mut stage);
    stage.key(KeyCode::Esc);
    stage.does("?");
    assert_plain(&mut stage);
    stage.does("?w!");
    stage.key(KeyCode::Enter);
    assert_plain(&mut stage);
    stage.key(KeyCode::Esc);
    stage.fails(5, KernelError::NoIpvs);
    stage.model.notice = None;
    assert_plain(&mut stage);
}

#[test]
fn before_the_first_poll() {
    let mut stage = Stage::new(Scenario::Web);
    assert_snapshot!("waiting", stage.screen());
}

#[test]
fn after_the_first_poll() {
    let mut stage = Stage::new(Scenario::Web);
    stage.polls(1);
    assert_snapshot!("one_poll", stage.screen());
}

#[test]
fn help() {
    for size in SIZES {
        let mut stage = Stage::web().sized(size);
        stage.does("?");
        assert_snapshot!(format!("help_{}x{}", size.0, size.1), stage.screen());
    }
    let mut stage = Stage::web().watching();
    stage.does("?");
    assert_snapshot!("help_watching", stage.screen());
}

#[test]
fn weight_prompt() {
    let mut stage = Stage::web();
    stage.does("w+5");
    assert_snapshot!("weight_prompt", stage.screen());
    stage.does("x");
    stage.key(KeyCode::Enter);
    assert_snapshot!("weight_prompt_wrong", stage.screen());
    let mut stage = stage.sized((60, 15));
    assert_snapshot!("weight_prompt_wrong_60x15", stage.screen());
}

#[test]
fn confirm() {
    for size in [(60, 15), (80, 24), (200, 60)] {
        let mut stage = Stage::web().sized(size);
        stage.outside_weight(HTTP, FIRST, 0);
        stage.polls(1);
        stage.does("jjw0");
        let effects = stage.key(KeyCode::Enter);
        assert_eq!(effects, []);
        assert_snapshot!(format!("confirm_{}x{}", size.0, size.1), stage.screen());
    }
}

#[test]
fn confirm_for_sh() {
    let mut stage = Stage::web();
    stage.does("Gw0");
    stage.key(KeyCode::Enter);
    assert_snapshot!("confirm_sh", stage.screen());
}

#[test]
fn notices() {
    let mut stage = Stage::web();
    stage.does("+");
    assert_snapshot!("notice_done", stage.screen());
    stage.idles(7);
    stage.polls(1);
    assert_snapshot!("notice_over", stage.screen());
    stage.outside_weight(HTTP, FIRST, 77);
    stage.does("u");
    assert_snapshot!("notice_conflict", stage.screen());
    let mut stage = stage.sized((60, 15));
    assert_snapshot!("notice_conflict_60x15", stage.screen());
}

#[test]
fn empty_table() {
    let mut stage = Stage::new(Scenario::Empty);
    stage.polls(1);
    assert_snapshot!("empty", stage.screen());
}

#[test]
fn not_readable_from_the_start() {
    let mut stage = Stage::new(Scenario::Web);
    stage.fails(1, KernelError::NoIpvs);
    assert_snapshot!("unreadable_from_the_start", stage.screen());
}

#[test]
fn not_readable_any_more() {
    let mut stage = Stage::web();
    let why = std::io::Error::from_raw_os_error(105);
    stage.fails(2, KernelError::system("read an answer from netlink", &why));
    stage.idles(10);
    assert_snapshot!("unreadable", stage.screen());
}

#[test]
fn stale() {
    let mut stage = Stage::web();
    stage.idles(3);
    assert_eq!(stage.model.freshness(), Freshness::Live);
    stage.idles(1);
    assert_eq!(stage.model.freshness(), Freshness::Late);
    assert_snapshot!("late", stage.screen());
}

#[test]
fn the_selected_server_goes() {
    let mut stage = Stage::web();
    let (service, server) = keys(HTTP, FIRST);
    let before = stage.model.snapshot.as_ref().unwrap().server(&service, &server);
    let before = Some(before.unwrap().server.clone());
    stage.outside(&Change::Server { service, before, after: None });
    stage.polls(1);
    assert_snapshot!("gone", stage.screen());
}

#[test]
fn long_ipv6() {
    let mut stage = Stage::new(Scenario::Empty);
    let service: ServiceKey = "TCP [2001:db8:1234:5678:9abc:def0:1234:5678]:65535".parse().unwrap();
    let mut shape = Service::new(service, SchedulerName::new("sh").unwrap());
    shape.flags |= ServiceFlags::PERSISTENT | ServiceFlags::SCHED1 | ServiceFlags::SCHED2;
    shape.timeout = 86_400;
    stage.outside(&Change::Service { before: None, after: Some(shape) });
    for (last, weight) in [("5679", 2_147_483_647), ("fffe", 65_535), ("ffff", 0)] {
        let key = format!("[2001:db8:1234:5678:9abc:def0:1234:{last}]:65535").parse().unwrap();
        let server = Server::new(key, Forwarding::Tunnel, weight);
        stage.outside(&Change::Server { service, before: None, after: Some(server) });
    }
    stage.polls(1);
    for client in 0..2000_u32 {
        let client = format!("[2001:db8::{client:x}]:40000").parse().unwrap();
        stage.kernel.connect(client, &service);
    }
    stage.polls(10);
    for size in SIZES {
        stage = stage.sized(size);
        assert_snapshot!(format!("ipv6_{}x{}", size.0, size.1), stage.screen());
    }
}

/// A table of a real kernel as anyone may read it; its text is in `tests/lab/fixtures`.
fn from_proc() -> Snapshot {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/fixtures/6.1");
    static CALLS: AtomicUsize = AtomicUsize::new(0); // tests run side by side
    let call = CALLS.fetch_add(1, Ordering::Relaxed);
    let name = format!("ipvs-tui-screens-{}-{call}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    let net = folder.join("thread-self/net");
    std::fs::create_dir_all(&net).unwrap();
    for name in ["ip_vs", "ip_vs_stats"] {
        std::fs::copy(format!("{fixtures}/proc-net-{name}"), net.join(name)).unwrap();
    }
    let mut reader = ProcReader::open(ProcRoot::new(&folder)).unwrap();
    let mut snapshot = reader.snapshot(&Want::default()).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    snapshot.at = Moment(Duration::from_secs(10));
    for service in &mut snapshot.services {
        service.servers_read = snapshot.at;
    }
    snapshot
}

#[test]
fn from_proc_alone() {
    let mut stage = Stage::new(Scenario::Empty).watching();
    stage.take_in(from_proc());
    for size in [(80, 24), (200, 60)] {
        stage = stage.sized(size);
        assert_snapshot!(format!("proc_{}x{}", size.0, size.1), stage.screen());
    }
}

#[test]
fn estimator_off() {
    let mut stage = Stage::web();
    let (name, before, after) = ("run_estimation".to_owned(), "1".to_owned(), "0".to_owned());
    stage.outside(&Change::Sysctl { name, before, after });
    stage.polls(1);
    assert_snapshot!("estimator_off", stage.screen());
}

#[test]
fn more_rows_than_fit() {
    let mut stage = Stage::new("big:40x5".parse().unwrap()).sized((80, 24));
    stage.polls(5);
    assert_snapshot!("big_top", stage.sized((80, 24)).screen());
    let mut stage = Stage::new("big:40x5".parse().unwrap());
    stage.polls(5);
    stage.draw();
    stage.does("G");
    assert_snapshot!("big_bottom", stage.screen());
    stage.key(KeyCode::PageUp);
    stage.does("k");
    assert_snapshot!("big_middle", stage.screen());
}

#[test]
fn other_rates() {
    let mut stage = Stage::web();
    stage.does("tttt");
    assert_eq!(stage.model.rate, Metric::OutBps);
    assert_snapshot!("out_bps", stage.screen());
}

#[test]
fn too_small() {
    let mut stage = Stage::web().sized((40, 10));
    assert_snapshot!("too_small", stage.screen());
    // No size is too small to be drawn at.
    for width in 1..90 {
        for height in 1..30 {
            stage.size = (width, height);
            stage.draw();
        }
    }
}

/// Nothing acts on what cannot be seen, and what was asked before is asked again.
#[test]
fn on_a_screen_that_is_too_small_no_key_acts_but_the_one_that_quits() {
    for asked in ["", "d", "w7", "/udp", "?", ":"] {
        let mut stage = Stage::web();
        let before = stage.screen();
        stage.does(asked);
        let open = stage.screen();
        for size in [(59, 15), (60, 14)] {
            stage.size = size;
            assert!(stage.screen().contains("is too small"), "{}", stage.screen());
            for code in [KeyCode::Enter, KeyCode::Esc, KeyCode::Tab, KeyCode::Down, KeyCode::Delete]
            {
                assert_eq!(stage.key(code), [], "{asked} {code:?}");
            }
            assert_eq!(stage.types("xdDR+->w5s:U2/j"), [], "{asked}");
            assert_eq!(stage.model.update(Message::Pasted("x".to_owned())), []);
            assert_eq!(stage.model.update(Message::Wheel(3)), []);
            assert_eq!(stage.types("q"), [Effect::Quit], "{asked}");
        }
        stage.size = (80, 24);
        assert_eq!(stage.screen(), open, "{asked}");
        if asked.is_empty() {
            assert_eq!(open, before);
        }
        stage.size = (60, 15);
        assert!(!stage.screen().contains("is too small"), "{}", stage.screen());
    }
}

/// Every screen at every size between, with whatever lies over it.
#[test]
fn no_size_breaks_what_lies_over_the_table() {
    let mut stage = Stage::web();
    stage.outside_weight(HTTP, FIRST, 0);
    stage.polls(1);
    let scenes: [&dyn Fn(&mut Stage); 5] = [
        &|s| {
            s.does("A");
            s.key(KeyCode::Enter);
            s.does("x");
        },
        &|s| {
            s.key(KeyCode::Esc);
            s.does("?");
            s.draw();
            s.does("jjj");
        },
        &|s| {
            s.key(KeyCode::Esc);
            s.does("gjjjw0");
            s.key(KeyCode::Enter);
        },
        &|s| {
            s.key(KeyCode::Esc);
            s.does("wnonsense");
            s.key(KeyCode::Enter);
        },
        &|s| {
            s.key(KeyCode::Esc);
            s.fails(5, KernelError::NoIpvs);
        },
    ];
    for scene in scenes {
        scene(&mut stage);
        for width in (60..210).step_by(7) {
            for height in (15..64).step_by(5) {
                stage.size = (width, height);
                stage.draw();
            }
        }
    }
}

/// What does not fit is found by scrolling.
#[test]
fn help_holds_every_command() {
    let mut stage = Stage::web();
    for size in SIZES {
        stage = stage.sized(size);
        stage.does("?");
        let mut seen = stage.screen();
        for _ in 0..ipvs_tui::command::COMMANDS.len() {
            stage.does("j");
            seen += &stage.screen();
        }
        for spec in ipvs_tui::command::available(false) {
            assert!(seen.contains(spec.doc), "help lacks '{}' at {size:?}", spec.doc);
        }
        let last = stage.screen();
        assert!(last.contains("weight 0: takes no new connections"), "{last}");
        stage.key(KeyCode::Esc);
        assert!(!stage.screen().contains("weight 0: takes"));
    }
}

/// The first key back moves, however often one was pressed at the end.
#[test]
fn what_lies_over_the_table_scrolls_to_its_end_and_no_further() {
    let mut stage = Stage::web().sized((80, 24));
    stage.does("?");
    stage.draw();
    stage.does("Gjjj");
    let end = stage.model.help.unwrap();
    assert!(end.top() > 0 && end.below() == 0, "{end:?}");
    stage.does("k");
    assert_eq!(stage.model.help.unwrap().top(), end.top() - 1);
    stage.key(KeyCode::Esc);

    let mut stage = stage.sized((60, 15));
    stage.does("D");
    stage.draw();
    let scroll = |stage: &Stage| match &stage.model.prompt {
        Some(Prompt::Page(page)) => page.scroll,
        other => panic!("{other:?}"),
    };
    for _ in 0..20 {
        stage.key(KeyCode::PageDown);
    }
    let end = scroll(&stage);
    assert!(end.top() > 0 && end.below() == 0, "{end:?}");
    stage.key(KeyCode::PageUp);
    assert_eq!(scroll(&stage).top(), end.top().saturating_sub(5));
}

/// A fault that is there now is told, whatever was said before it.
#[test]
fn a_failed_poll_is_told_over_an_older_notice() {
    let mut stage = Stage::web();
    let (service, server) = keys(HTTP, FIRST);
    let before = stage.model.snapshot.as_ref().unwrap().server(&service, &server);
    let before = Some(before.unwrap().server.clone());
    stage.outside(&Change::Server { service, before, after: None });
    stage.polls(1);
    assert!(stage.notice().1.contains("is gone"));
    stage.fails(1, KernelError::NoIpvs);
    let screen = stage.screen();
    assert!(screen.contains("modprobe ip_vs"), "{screen}");
}

// --- flows ------------------------------------------------------------------------------------

#[test]
fn three_quick_steps_are_three_plans_on_top_of_each_other() {
    let mut stage = Stage::web();
    let effects = stage.types("+++");
    let steps: Vec<_> = effects.iter().map(weights).collect();
    let first = FIRST.to_owned();
    assert_eq!(steps, [(first.clone(), 10, 11), (first.clone(), 11, 12), (first.clone(), 12, 13)]);
    // Nothing is shown that the kernel has not reported.
    assert_eq!(stage.weight(HTTP, FIRST), 10);
    assert!(stage.model.edits.busy());
    stage.carry_out(effects);
    assert_eq!(stage.weight(HTTP, FIRST), 13);
    assert!(!stage.model.edits.busy());
    // A typed step builds on what is under way, too.
    let mut effects = stage.types("+w+5");
    effects.extend(stage.key(KeyCode::Enter));
    let steps: Vec<_> = effects.iter().map(weights).collect();
    assert_eq!(steps, [(first.clone(), 13, 14), (first, 14, 19)]);
}

#[test]
fn undo_takes_back_step_by_step_and_redo_makes_again() {
    let mut stage = Stage::web();
    stage.does("+");
    stage.does("w50");
    let effects = stage.key(KeyCode::Enter);
    stage.carry_out(effects);
    assert_eq!(stage.weight(HTTP, FIRST), 50);
    stage.does("u");
    assert_eq!(stage.weight(HTTP, FIRST), 11);
    stage.does("u");
    assert_eq!(stage.weight(HTTP, FIRST), 10);
    stage.does("u");
    assert_eq!(
        stage.notice().1,
        "nothing to undo in this session; the journal (5) has earlier ones"
    );
    stage.does("UU");
    assert_eq!(stage.weight(HTTP, FIRST), 50);
    stage.does("U");
    assert_eq!(stage.notice().1, "nothing to redo");
    stage.does("u");
    assert_eq!(stage.weight(HTTP, FIRST), 11);
    // A new edit forgets what was taken back.
    stage.does("-");
    stage.does("U");
    assert_eq!(stage.weight(HTTP, FIRST), 10);
}

#[test]
fn undo_that_was_pressed_too_early_waits_for_its_edit() {
    let mut stage = Stage::web();
    let effects = stage.types("+u");
    assert_eq!(effects.len(), 1, "the edit alone: {effects:?}");
    stage.carry_out(effects);
    assert_eq!(stage.weight(HTTP, FIRST), 10);
    let undone = format!("undone: real server {FIRST} of {HTTP}: weight 10 -> 11");
    assert_eq!(stage.notice().1, undone, "what was made, not what took it back");
}

#[test]
fn nothing_is_changed_on_old_data() {
    let mut stage = Stage::web();
    stage.does("+");
    assert_eq!(stage.weight(HTTP, FIRST), 11);
    stage.idles(9);
    for keys in ["u", "U", "+", "-", ">", "<"] {
        stage.model.notice = None;
        assert_eq!(stage.types(keys), [], "{keys}");
        if keys == "U" {
            continue; // nothing to redo
        }
        let (tone, text) = stage.notice();
        assert_eq!(tone, Tone::Error, "{keys}: {text}");
        assert!(text.starts_with("nothing was changed: what you see is 9 s old"), "{keys}: {text}");
    }
    stage.types("w7");
    assert_eq!(stage.key(KeyCode::Enter), []);
    stage.fails(10, KernelError::NoIpvs);
    assert_eq!(stage.types("+"), []);
    stage.polls(1);
    stage.does("u");
    assert_eq!(stage.weight(HTTP, FIRST), 10);
}

#[test]
fn a_conflict_tells_the_three_values_and_writes_nothing() {
    let mut stage = Stage::web();
    stage.does("+");
    stage.outside_weight(HTTP, FIRST, 77);
    // The console has not seen it yet; the comparison right before the write has.
    assert_eq!(stage.weight(HTTP, FIRST), 11);
    stage.does("u");
    let (tone, text) = stage.notice();
    assert_eq!(tone, Tone::Error);
    for value in ["77 now", "expected 11", "make it 10", "Nothing was written", FIRST, HTTP] {
        assert!(text.contains(value), "'{value}' is not in '{text}'");
    }
    assert_eq!(stage.weight(HTTP, FIRST), 77);
    assert_eq!(stage.model.edits.next_undo(), None);
}

#[test]
fn an_edit_that_conflicts_stops_what_was_pressed_after_it() {
    let mut stage = Stage::web();
    let effects = stage.types("+++u");
    stage.outside_weight(HTTP, FIRST, 77);
    stage.carry_out(effects);
    assert_eq!(stage.weight(HTTP, FIRST), 77);
    assert_eq!(stage.model.edits.next_undo(), None);
}

#[test]
fn a_server_comes_and_goes_and_the_selection_stays() {
    let mut stage = Stage::web();
    let (service, first) = keys(HTTP, FIRST);
    let (_, new) = keys(HTTP, "10.1.0.1:80");
    let server = Server::new(new, Forwarding::Masq, 3);
    stage.outside(&Change::Server { service, before: None, after: Some(server.clone()) });
    stage.polls(1);
    assert_eq!(stage.model.selected_server(), Some((service, first)));
    assert_eq!(stage.model.rows.all().len(), 18);
    stage.does("k");
    assert_eq!(stage.model.selected_server(), Some((service, new)));

    stage.outside(&Change::Server { service, before: Some(server.clone()), after: None });
    stage.polls(1);
    assert_eq!(stage.model.selected_server(), None);
    let (tone, text) = stage.notice();
    assert_eq!(tone, Tone::Warning);
    assert!(text.contains("10.1.0.1:80") && text.contains("gone"), "{text}");
    // A key meant for it hits nobody else.
    for keys in ["+", "-", ">", "<", "w"] {
        assert_eq!(stage.types(keys), [], "{keys}");
    }
    assert!(stage.model.prompt.is_none());
    // It comes back, as after a restart: it is not selected unasked, and a step selects it.
    stage.outside(&Change::Server { service, before: None, after: Some(server) });
    stage.polls(1);
    assert_eq!(stage.model.selected_server(), None);
    stage.does("j");
    assert_eq!(stage.model.selected_server(), Some((service, new)));
}

#[test]
fn a_prompt_goes_with_its_server_and_not_with_another() {
    let mut stage = Stage::web();
    let (service, first) = keys(HTTP, FIRST);
    let (_, last) = keys(HTTP, LAST);
    let entry = |stage: &Stage, key| {
        let snapshot = stage.model.snapshot.as_ref().unwrap();
        Some(snapshot.server(&service, &key).unwrap().server.clone())
    };
    stage.does("w5");
    let before = entry(&stage, last);
    stage.outside(&Change::Server { service, before, after: None });
    stage.polls(1);
    assert!(stage.model.prompt.is_some());
    let before = entry(&stage, first);
    stage.outside(&Change::Server { service, before, after: None });
    stage.polls(1);
    assert!(stage.model.prompt.is_none());
    assert_eq!(stage.key(KeyCode::Enter), []);
}

/// What is pasted may be anything.
#[test]
fn what_is_pasted_is_text_or_nothing() {
    let mut stage = Stage::web();
    let paste = |stage: &mut Stage, text: &str| {
        stage.model.update(ipvs_tui::model::Message::Pasted(text.into()))
    };
    let server = stage.model.selected_server().unwrap();
    for text in ["x", "d\n", "q", ":quit\r", ""] {
        assert_eq!(paste(&mut stage, text), [], "{text:?}");
        assert!(stage.model.prompt.is_none(), "{text:?}");
        assert!(stage.notice().1.starts_with("nothing was done with what was pasted"), "{text:?}");
    }
    // The first line of it; what a terminal would act upon is left out.
    stage.does("w");
    assert_eq!(paste(&mut stage, "\r\n1\u{1b}\u{7f}2\r5\n"), []);
    let screen = stage.screen();
    assert!(screen.contains("(now 10): 12") && !screen.contains("(now 10): 125"), "{screen}");
    assert_eq!(stage.model.selected_server(), Some(server));
    stage.key(KeyCode::Esc);
    // A field of a form, if it takes text.
    stage.does("a");
    assert_eq!(paste(&mut stage, "10.1.9.9\t80"), []);
    assert!(stage.screen().contains("10.1.9.9 80"), "{}", stage.screen());
    stage.key(KeyCode::Esc);
    // An answer is no text.
    stage.does("s");
    let chosen = |stage: &Stage| format!("{:?}", stage.model.prompt);
    let before = chosen(&stage);
    assert_eq!(paste(&mut stage, "j"), []);
    assert_eq!(chosen(&stage), before);
}

/// While text is typed, no character is a command, whichever it is.
#[test]
fn keys_in_a_prompt_are_text() {
    let mut stage = Stage::web();
    for c in (' '..='~').chain(['é', '漢', '\u{7f}']) {
        stage.does("w");
        assert_eq!(stage.key(KeyCode::Char(c)), [], "{c:?}");
        assert!(stage.model.prompt.is_some(), "{c:?}");
        stage.draw();
        stage.key(KeyCode::Esc);
        assert!(stage.model.prompt.is_none(), "{c:?}");
    }
    assert!(stage.model.rows.marked().next().is_none());
}

#[test]
fn a_gap_in_history_shows_as_a_gap() {
    let mut stage = Stage::web().sized((200, 60));
    for second in 1..=10 {
        stage.fails(second, KernelError::NoIpvs);
        stage.kernel.advance(Duration::from_secs(1));
    }
    stage.polls(10);
    let (service, server) = keys(HTTP, FIRST);
    let end = stage.last.as_ref().unwrap().at;
    let minute = Duration::from_secs(60);
    let series = stage.model.history.server(&service, &server).unwrap();
    let values = series.window(Metric::Connections, end, minute, 60, stage.model.hold());
    let known: String = values.iter().map(|v| if v.is_some() { '#' } else { ' ' }).collect();
    let gap = known.trim().split('#').filter(|s| !s.is_empty()).collect::<Vec<_>>();
    assert_eq!(gap.len(), 1, "one gap in the middle: '{known}'");
    assert!((8..=10).contains(&gap[0].len()), "'{known}'");
    // A minute of which nothing is known does not look like one without connections.
    let screen = stage.screen();
    let line = screen.lines().find(|l| l.contains(FIRST)).unwrap();
    let between = line.split(|c: char| ('▁'..='█').contains(&c));
    let dots = between.filter(|part| part.chars().all(|c| c == '·')).map(|p| p.chars().count());
    assert!(dots.max() >= Some(3), "{screen}");
    assert_snapshot!("gap_200x60", stage.screen());
}

/// The first step of the counters covers an unknown part of the estimator's two seconds; drawn
/// as if it were the time since the first poll, it would be a spike that presses the rest of the
/// line down for a minute.
#[test]
fn the_first_rate_is_no_spike() {
    let stage = Stage::web();
    let end = stage.last.as_ref().unwrap().at;
    let minute = Duration::from_secs(60);
    // Of the whole director: 150 connections a second come evenly enough.
    let series = stage.model.history.director();
    let rates = series.window(Metric::Cps, end, minute, 60, stage.model.hold());
    let rates: Vec<f32> = rates.into_iter().flatten().collect();
    assert!(rates.len() > 20, "{rates:?}");
    let (first, rest) = rates.split_at(2);
    let mean = rest.iter().sum::<f32>() / rest.len() as f32;
    for rate in first {
        assert!(
            (mean * 0.7..mean * 1.3).contains(rate),
            "{rate} at first, {mean} later: {rates:?}"
        );
    }
}

/// An address is what is acted upon: where there is room for it, it is whole.
#[test]
fn an_address_is_whole_where_there_is_room() {
    let mut stage = Stage::new(Scenario::Empty);
    let add = |stage: &mut Stage, service: &str, servers: &[&str]| {
        let service: ServiceKey = service.parse().unwrap();
        let shape = Service::new(service, SchedulerName::new("wlc").unwrap());
        stage.outside(&Change::Service { before: None, after: Some(shape) });
        for server in servers {
            let server = Server::new(server.parse().unwrap(), Forwarding::Masq, 1);
            stage.outside(&Change::Server { service, before: None, after: Some(server) });
        }
    };
    let four = ["192.168.100.101:8080", "192.168.100.102:18080"];
    add(&mut stage, "TCP 203.0.113.201:18080", &four);
    stage.polls(2);
    for size in SIZES {
        stage.size = size;
        let screen = stage.screen();
        for name in four.iter().chain(&["TCP 203.0.113.201:18080 wlc"]) {
            assert!(screen.contains(name), "'{name}' is cut\n{screen}");
        }
    }
    let six = ["[2001:db8:1234:5678:9abc:def0:1234:5679]:65535"];
    add(&mut stage, "TCP [2001:db8:1234:5678:9abc:def0:1234:5678]:65535", &six);
    stage.polls(2);
    for size in [(120, 36), (200, 60)] {
        stage.size = size;
        let screen = stage.screen();
        for name in six.iter().chain(&["TCP [2001:db8:1234:5678:9abc:def0:1234:5678]:65535 wlc"]) {
            assert!(screen.contains(name), "'{name}' is cut\n{screen}");
        }
    }
}

/// A question whose answers cannot be seen is a trap.
#[test]
fn the_answers_to_a_question_are_always_on_the_screen() {
    let mut stage = Stage::new(Scenario::Empty);
    let service: ServiceKey = "TCP [2001:db8:1234:5678:9abc:def0:1234:5678]:65535".parse().unwrap();
    let shape = Service::new(service, SchedulerName::new("sh").unwrap());
    stage.outside(&Change::Service { before: None, after: Some(shape) });
    let server = "[2001:db8:1234:5678:9abc:def0:1234:5679]:65535".parse().unwrap();
    let server = Server::new(server, Forwarding::Tunnel, 2_147_483_647);
    stage.outside(&Change::Server { service, before: None, after: Some(server) });
    stage.polls(2);
    stage.does("w0");
    stage.key(KeyCode::Enter);
    for width in (60..200).step_by(5) {
        for height in [15, 18, 24, 40] {
            stage.size = (width, height);
            let screen = stage.screen();
            let seen = screen.contains("[ Cancel ]") && screen.contains("[ Apply ]");
            assert!(seen, "the answers are not to be seen\n{screen}");
        }
    }
    stage.size = (60, 15);
    assert_snapshot!("confirm_long_60x15", stage.screen());
    stage.size = (80, 24);
    assert_snapshot!("confirm_long_80x24", stage.screen());
}

/// The second of two servers that are quiesced faster than the kernel is read may be the last.
#[test]
fn the_last_server_is_asked_about_while_others_are_under_way() {
    let mut stage = Stage::web();
    // The service has three, of which the second is at 0 already.
    let effects = stage.types("x");
    assert_eq!(effects.len(), 1, "one of two is no question");
    stage.types("jj");
    assert_eq!(stage.model.selected_server(), Some(keys(HTTP, LAST)));
    assert_eq!(stage.types("x"), []);
    assert!(stage.model.prompt.is_some(), "it is the last");
}

/// A share is solved for the service, and what small weights cannot give is told.
#[test]
fn a_share_is_typed_like_a_weight() {
    let mut stage = Stage::web();
    stage.does("wshare 25%");
    let effects = stage.key(KeyCode::Enter);
    stage.carry_out(effects);
    assert_eq!(stage.weight(HTTP, FIRST), 3);
    let (_, text) = stage.notice();
    assert!(text.ends_with("10 -> 3"), "{text}");
    stage.does("wshare 1%");
    let effects = stage.key(KeyCode::Enter);
    stage.carry_out(effects);
    assert_eq!(stage.weight(HTTP, FIRST), 1);
    let (_, text) = stage.notice();
    assert!(text.contains("weight 1 is 9.1% of TCP 10.0.0.1:80, not 1%"), "{text}");
    stage.does("wshare 100%");
    assert_eq!(stage.key(KeyCode::Enter), []);
    assert!(stage.screen().contains("leave nothing for its other servers"));
}

/// Why something is no weight is told whole.
#[test]
fn complaints_are_not_cut() {
    let mut stage = Stage::web();
    let why = "+5x".parse::<ipvs_tui::plan::WeightEdit>().unwrap_err().to_string();
    stage.does("w+5x");
    stage.key(KeyCode::Enter);
    for size in SIZES {
        stage.size = size;
        let screen = stage.screen();
        let words: Vec<&str> = screen.split(['|', ' ', '\n']).filter(|w| !w.is_empty()).collect();
        assert!(words.join(" ").contains(&why), "'{why}' is cut\n{screen}");
    }
}

/// A poll that was read from `/proc` alone shows dots where it cannot know; never a 0.
#[test]
fn what_cannot_be_known_is_never_a_zero() {
    let mut stage = Stage::new(Scenario::Empty).watching();
    stage.take_in(from_proc());
    let mut stage = stage.sized((200, 60));
    let screen = stage.screen();
    let row = screen.lines().find(|l| l.contains("10.1.1.2:21 ")).unwrap();
    assert_eq!(unknown(row), Metric::RATES.len(), "{row}");
    assert!(matches!(stage.last.as_ref().unwrap().source, snapshot::Source::Proc));
}
