//! The program in a terminal, on the embedded director: what an operator types and sees. Runs
//! anywhere, without root and without IPVS.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]

mod common;
#[path = "console/soak.rs"]
mod soak; // here, so that it runs beside others

use std::time::{Duration, Instant};

use common::{Console, Launch, Screen, key};
use ipvs_tui::command::COMMANDS;
use ipvs_tui::terminal::Terminal;
use rustix::process::Signal;

const HTTP: &str = "TCP 10.0.0.1:80";
const FIRST: &str = "10.1.1.2:80";
const EMPTYING: &str = "10.1.2.2:80";
const LAST: &str = "10.1.3.2:80";

/// The console on the scenario `web`, read five times a second so that tests are short.
fn demo(more: &[&str]) -> Launch {
    let mut arguments = vec!["demo", "--seed", "1", "--interval", "200ms"];
    arguments.extend(more);
    Launch::new(&arguments)
}

/// Opens the console and waits for its first screen.
#[track_caller]
fn open(launch: Launch) -> Console {
    let console = launch.start();
    console.wait_until("the first screen", |s| s.server(HTTP, FIRST).is_some());
    console
}

fn weight(screen: &Screen, server: &str) -> u64 {
    screen.server(HTTP, server).unwrap_or_else(|| panic!("{server} is not there\n{screen}")).weight
}

#[track_caller]
fn wait_for_weight(console: &Console, server: &str, wanted: u64) -> Screen {
    let what = format!("{server} has weight {wanted}");
    console.wait_until(&what, |s| s.server(HTTP, server).is_some_and(|r| r.weight == wanted))
}

/// Waits until the director has been read several times more, which shows in the lines of values
/// or in the numbers.
#[track_caller]
fn wait_for_readings(console: &Console) -> Screen {
    let mut last = console.screen();
    for _ in 0..3 {
        let before = last.servers(HTTP);
        last = console.wait_until("another reading", |s| s.servers(HTTP) != before);
    }
    last
}

// --- the first screen -------------------------------------------------------------------------

#[test]
fn the_first_screen_is_there_at_once_and_in_ipvsadms_order() {
    let begun = Instant::now();
    let console = Launch::new(&["demo", "--seed", "1"]).size(200, 60).start();
    let screen = console.wait_until("the first screen", |s| s.server(HTTP, LAST).is_some());
    let limit = if common::in_lab() { 20 } else { 2 };
    assert!(begun.elapsed() < Duration::from_secs(limit), "took {:?}", begun.elapsed());

    for text in ["demo web", "5 services 12 servers", "active", "CPS", "live", "IPVS 1.2.1"] {
        assert!(screen.header().contains(text), "the header lacks '{text}'\n{screen}");
    }
    for text in ["Fwd", "Weight", "Active", "InAct", "CPS", "InPPS", "OutPPS", "InBPS", "OutBPS"] {
        assert!(screen.heads().contains(text), "the head lacks '{text}'\n{screen}");
    }
    // Protocol, address, port; fwmarks last, by number, as ipvsadm lists them.
    let order = [
        "TCP 10.0.0.1:80 wlc",
        "10.1.1.2:80 ",
        "10.1.2.2:80 ",
        "10.1.3.2:80 ",
        "TCP 10.0.0.1:443 wlc persistent 300",
        "10.1.1.2:443 ",
        "10.1.2.2:443 ",
        "10.1.3.2:443 ",
        "UDP 10.0.0.1:53 rr ops",
        "10.2.0.53:53 ",
        "10.2.1.53:53 ",
        "TCP [fd00::1]:443 wrr",
        "[fd00::11]:443 ",
        "[fd00::12]:443 ",
        "FWM 5 sh persistent 300 sh-port",
        "10.3.0.7:0 ",
        "10.3.1.7:0 ",
    ];
    for (row, text) in screen.lines.iter().skip(3).zip(order) {
        assert!(row.contains(text), "'{text}' should be in '{row}'\n{screen}");
    }
    assert_eq!(screen.selected().map(|r| r.name).as_deref(), Some(FIRST));
    for key in ["? help", "q quit"] {
        assert!(screen.footer().contains(key), "the foot lacks '{key}'\n{screen}");
    }
    let row = screen.server(HTTP, EMPTYING).unwrap();
    assert_eq!((row.weight, row.quiesced, row.forwarding.as_str()), (0, true, "Masq"));
}

/// Whoever opens it first must find the way to help and out, at any size.
#[test]
fn the_foot_names_help_and_the_way_out() {
    for (columns, rows) in [(60, 15), (80, 24), (200, 60)] {
        for more in [&[][..], &["--read-only"], &["--ascii"]] {
            let console = open(demo(more).size(columns, rows));
            let screen = console.screen();
            for key in ["? help", "q quit"] {
                assert!(screen.footer().contains(key), "the foot lacks '{key}'\n{screen}");
            }
        }
    }
}

#[test]
fn lines_of_values_move() {
    let console = open(demo(&[]).size(200, 60));
    let lines = |s: &Screen| s.servers(HTTP).into_iter().map(|r| r.lines).collect::<Vec<_>>();
    let first = lines(&console.screen());
    let columns = |lines: &[String]| lines.join("").chars().filter(|c| !" ·".contains(*c)).count();
    // With 60 cells for 60 seconds they grow by a column a second.
    let grown = console.wait_until("three more columns in each line", |s| {
        columns(&lines(s)) >= columns(&first) + 3 * 3
    });
    let now = lines(&grown);
    console.wait_until("other columns", |s| lines(s) != now);
}

// --- weights ----------------------------------------------------------------------------------

#[test]
fn plus_undo_and_redo() {
    let mut console = open(demo(&[]));
    console.keys("+");
    wait_for_weight(&console, FIRST, 11);
    console.wait_until("what was done", |s| {
        s.says("real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 10")
    });
    console.keys("u");
    wait_for_weight(&console, FIRST, 10);
    console.wait_until("what was undone", |s| s.has("undone:"));
    console.keys("U");
    wait_for_weight(&console, FIRST, 11);
    console.wait_until("what was redone", |s| s.has("redone:"));
    console.keys("u");
    wait_for_weight(&console, FIRST, 10);
    console.keys("u");
    console.wait_until("nothing is left to undo", |s| s.has("nothing to undo"));
    assert_eq!(weight(&console.screen(), FIRST), 10);
}

#[test]
fn keys_by_ten_and_by_function() {
    let mut console = open(demo(&[]));
    console.keys(">");
    wait_for_weight(&console, FIRST, 20);
    console.keys("<");
    wait_for_weight(&console, FIRST, 10);
    console.keys(key::F7);
    wait_for_weight(&console, FIRST, 11);
    console.keys("-");
    wait_for_weight(&console, FIRST, 10);
}

#[test]
fn a_key_that_is_held_counts_every_time() {
    let mut console = open(demo(&[]));
    console.keys(&"+".repeat(30));
    wait_for_weight(&console, FIRST, 40);
    console.keys(&"u".repeat(30));
    wait_for_weight(&console, FIRST, 10);
    console.keys("u");
    console.wait_until("nothing is left to undo", |s| s.has("nothing to undo"));
    assert_eq!(weight(&wait_for_readings(&console), FIRST), 10);
}

/// A slow line takes ten frames a second; keys come faster, and the last one counts.
#[test]
fn a_held_key_is_answered_ten_times_a_second_at_most() {
    for (arguments, most) in [(&[][..], 10), (&["--slow"], 2)] {
        let mut console = open(demo(arguments));
        let frames = |console: &Console| {
            common::sequences(&console.raw()).iter().filter(|s| *s == "?2026l").count()
        };
        let (before, begun) = (frames(&console), Instant::now());
        for n in 0..90 {
            console.keys(if n % 2 == 0 { "+" } else { "-" });
            std::thread::sleep(Duration::from_millis(33));
        }
        console.keys("++"); // it was never as high
        wait_for_weight(&console, FIRST, 12);
        let (drawn, took) = (frames(&console) - before, begun.elapsed().as_secs_f64());
        assert!(drawn as f64 <= f64::from(most) * (took + 1.0), "{drawn} frames in {took:.1} s");
        assert!(drawn as f64 >= f64::from(most) * 2.0, "{drawn} frames in {took:.1} s");
    }
}

/// What is typed in one go is typed blind. On a screen that is drawn twice a second no key answers a
/// plan before it was there.
#[test]
fn a_plan_is_drawn_before_a_key_answers_it() {
    let mut console = open(demo(&["--slow"]));
    for _ in 0..3 {
        let before = console.raw().len();
        console.keys("d\r");
        wait_for_weight(&console, FIRST, 0);
        let drawn = String::from_utf8_lossy(&console.raw()[before..]).into_owned();
        assert!(drawn.contains("Apply"), "{drawn}");
        console.keys("u");
        wait_for_weight(&console, FIRST, 10);
    }
}

#[test]
fn a_weight_is_typed() {
    let mut console = open(demo(&[]));
    console.keys("w");
    console.wait_until("the prompt", |s| s.has("Weight of 10.1.1.2:80 (now 10):"));
    console.keys("5").keys(key::ENTER);
    wait_for_weight(&console, FIRST, 5);
    console.keys("w+7").keys(key::ENTER);
    wait_for_weight(&console, FIRST, 12);
    console.keys("w50%").keys(key::ENTER);
    wait_for_weight(&console, FIRST, 6);
    for _ in 0..3 {
        console.keys("u");
    }
    wait_for_weight(&console, FIRST, 10);
}

#[test]
fn nonsense_in_the_prompt_is_told_and_the_prompt_stays() {
    let mut console = open(demo(&[]));
    console.keys("wtwelve").keys(key::ENTER);
    let screen = console.wait_until("why that is no weight", |s| s.says("is not a weight"));
    assert!(screen.has("Weight of 10.1.1.2:80 (now 10): twelve"), "{screen}");
    assert!(!screen.vt.hide_cursor(), "the cursor shows where text goes");
    console.keys(key::ESC);
    console.wait_until("the prompt is closed", |s| !s.has("Weight of"));
    assert_eq!(weight(&wait_for_readings(&console), FIRST), 10);
}

#[test]
fn no_action_key_works_while_text_is_typed() {
    let mut console = open(demo(&[]));
    console.keys("wqu?");
    console.wait_until("the keys are text", |s| s.has("(now 10): qu?"));
    assert!(!console.has_ended());
    console.keys(key::CTRL_C);
    console.wait_until("the prompt is closed", |s| !s.has("Weight of"));
    assert!(!console.has_ended());
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

/// A weight of 0 while another server is left is no outage, so nothing is asked.
#[test]
fn a_server_is_quiesced_by_key() {
    let mut console = open(demo(&[]));
    console.keys(&"-".repeat(10));
    let screen = wait_for_weight(&console, FIRST, 0);
    let row = screen.server(HTTP, FIRST).unwrap();
    assert!(row.quiesced && row.selected, "{screen}");
    assert!(screen.has("○"), "{screen}");
    // What is told of the last change would cover it.
    console.wait_until("that is told", |s| s.says("weight 1 → 0"));
    console.keys("-");
    console.wait_until("there is nothing below 0", |s| s.has("is 0 already"));
    console.keys("+");
    let screen = wait_for_weight(&console, FIRST, 1);
    assert!(!screen.server(HTTP, FIRST).unwrap().quiesced, "{screen}");
}

/// The other two servers have weight 0, so this one is the service.
#[track_caller]
fn open_with_one_server_left() -> Console {
    let mut console = open(demo(&[]));
    console.keys("w0").keys(key::ENTER);
    wait_for_weight(&console, FIRST, 0);
    console.keys("jj");
    console.wait_until("the last is selected", |s| s.selected().is_some_and(|r| r.name == LAST));
    console.keys("w0").keys(key::ENTER);
    let screen = console.wait_until("a question", |s| s.has("[ Cancel ]") && s.has("[ Apply ]"));
    assert!(screen.has("connections are refused"), "{screen}");
    console
}

#[test]
fn the_last_server_of_a_service_is_quiesced_only_after_a_question() {
    let mut console = open_with_one_server_left();
    // Cancel is ready: Enter alone changes nothing.
    console.keys(key::ENTER);
    console.wait_until("that was cancelled", |s| s.has("cancelled; nothing was changed"));
    assert_eq!(weight(&wait_for_readings(&console), LAST), 10);

    console.keys("w0").keys(key::ENTER);
    console.wait_until("the question again", |s| s.has("[ Cancel ]"));
    // Apply alone is not enough: the word is wanted, and keys go there.
    console.keys(key::TAB).keys(key::ENTER);
    console.wait_until("the word is wanted", |s| s.has("type quiesce here if you mean it"));
    console.keys("quiesce").keys(key::ENTER).keys(key::ENTER);
    wait_for_weight(&console, LAST, 0);
    console.keys("u");
    wait_for_weight(&console, LAST, 10);
}

#[test]
fn the_button_that_is_ready_looks_so_and_tab_moves_it() {
    let mut console = open_with_one_server_left();
    // Which of the two words stands in reverse.
    let ready = |s: &Screen| {
        let y = s.lines.iter().position(|l| l.contains("[ Cancel ]")).unwrap();
        let line: Vec<char> = s.lines[y].chars().collect();
        let reversed = line.iter().enumerate().filter(|(x, _)| {
            let cell = s.vt.cell(u16::try_from(y).unwrap(), u16::try_from(*x).unwrap());
            cell.is_some_and(vt100::Cell::inverse)
        });
        reversed.map(|(_, c)| c).collect::<String>()
    };
    assert_eq!(ready(&console.screen()), "[ Cancel ]");
    console.keys(key::TAB);
    console.wait_until("Apply is ready", |s| ready(s) == "[ Apply ]");
    console.keys(key::BACK_TAB);
    console.wait_until("Cancel is ready", |s| ready(s) == "[ Cancel ]");
    console.keys(key::TAB).keys(key::ESC);
    console.wait_until("the question is gone", |s| !s.has("[ Cancel ]"));
    assert_eq!(weight(&wait_for_readings(&console), LAST), 10);
}

/// OSC 52, which a terminal takes into its clipboard, through SSH too.
#[test]
fn y_copies_the_ipvsadm_commands_of_a_plan() {
    let mut console = open(demo(&[]));
    console.keys("d");
    console.wait_until("the page", |s| s.has("ipvsadm -e -t 10.0.0.1:80 -r 10.1.1.2:80 -m -w 0"));
    console.keys("y");
    console.wait_until("it is told", |s| s.has("copied"));
    // The same line in base64.
    let copied = concat!(
        "\x1b]52;c;",
        "aXB2c2FkbSAtZSAtdCAxMC4wLjAuMTo4MCAtciAxMC4xLjEuMjo4MCAtbSAtdyAwCg==",
        "\x1b\\"
    );
    let raw = String::from_utf8_lossy(&console.raw()).into_owned();
    assert!(raw.contains(copied), "{}", raw.escape_debug());
    assert_eq!(weight(&wait_for_readings(&console), FIRST), 10, "nothing was changed");
}

#[test]
fn a_drain_is_applied_followed_and_restored() {
    let mut console = open(demo(&[]));
    console.keys("d").keys(key::ENTER);
    wait_for_weight(&console, FIRST, 0);
    console.keys("4");
    console.wait_until("how far it is", |s| s.says("emptying"));
    console.keys("R").keys(key::ENTER);
    console.wait_until("no drain is left", |s| s.has("Nothing is drained"));
    console.keys("5");
    console.wait_until("both entries", |s| s.has("drain 10.1.1.2:80") && s.has("restore real"));
    console.keys("1");
    wait_for_weight(&console, FIRST, 10);
}

// --- connections ------------------------------------------------------------------------------

#[test]
fn connections_are_grouped_filtered_entered_and_left() {
    let mut console = open(demo(&[]).size(160, 48));
    console.keys("3");
    console.wait_until("all of them, by client", |s| {
        s.has(" rows of the table, exact, read ") && s.has(" Client ") && s.has("█")
    });
    console.keys("bb");
    console.wait_until("by server", |s| s.has(" Real server ") && s.has("▌ 10.1.1.2:80"));
    console.keys(key::ENTER);
    let of = |s: &Screen, words: &str| s.lines.iter().filter(|l| l.contains(words)).count();
    let screen = console.wait_until("one by one", |s| of(s, " ESTABLISHED 198.18.") > 10);
    let others = screen.lines.iter().filter(|l| l.contains(" ESTABLISHED "));
    assert!(others.clone().all(|l| l.contains(" 10.1.1.2:80")), "{screen}");
    console.keys("/ state:time_wait").keys(key::ENTER);
    console.wait_until("those that have ended", |s| {
        of(s, " TIME_WAIT ") > 10 && of(s, " ESTABLISHED ") == 0
    });
    // One step back the cursor stays on its connection, among all of the group.
    console.keys(key::ESC);
    console.wait_until("the group", |s| s.has("filter: ") && !s.has("state:time_wait"));
    console.keys("g");
    console.wait_until("the longest timers", |s| of(s, " ESTABLISHED ") > 10);
    console.keys(key::ESC);
    console.wait_until("by server again", |s| s.has("▌ 10.1.1.2:80") && !s.has("filter: "));
    console.keys(key::ESC);
    console.wait_until("the services", |s| s.server(HTTP, FIRST).is_some());
    console.keys("C");
    console.wait_until("those of the selected server", |s| {
        s.has(&format!("of {FIRST} of {HTTP}")) && s.has(" may still carry data, ")
    });
}

#[test]
fn a_large_table_is_a_sample_until_all_of_it_is_asked_for() {
    let launch = Launch::new(&["demo", "--scenario", "big:20x20", "--interval", "500ms"]);
    let mut console = launch.size(100, 30).start();
    console.wait_until("the first screen", |s| s.has("20 services 400 servers"));
    console.keys("3");
    let sampled = |s: &Screen| s.has(" rows, a sample: ") && s.has("% of ") && s.has("±");
    console.wait_until("a sample with its error", sampled);
    console.keys("W");
    console.wait_until("what that costs", |s| s.says("Read all of about") && s.says("of one CPU"));
    console.keys(key::ESC);
    console.wait_until("it is not read", |s| !s.says("Read all of about") && sampled(s));
    console.keys("W").keys(key::ENTER);
    console.wait_until("all of it", |s| s.has(" the whole table, ") && !s.has("±"));
    console.keys(key::ESC);
    console.wait_until("samples again", sampled);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

#[test]
fn other_keys_do_nothing_under_a_question() {
    let mut console = open_with_one_server_left();
    console.keys("+u>qn");
    let screen = wait_for_readings(&console);
    assert!(screen.has("[ Cancel ]") && !console.has_ended(), "{screen}");
    console.keys(key::ESC);
    console.wait_until("the question is gone", |s| !s.has("[ Cancel ]"));
    let screen = wait_for_readings(&console);
    assert_eq!((weight(&screen, FIRST), weight(&screen, LAST)), (0, 10), "{screen}");
}

// --- selection --------------------------------------------------------------------------------

#[test]
fn the_selection_follows_the_keys() {
    let mut console = open(demo(&[]).size(80, 15));
    let wait = |console: &Console, name: &str| {
        let what = format!("{name} is selected");
        console.wait_until(&what, |s| s.selected().is_some_and(|r| r.name == name));
    };
    let wait_service = |console: &Console, name: &str| {
        let what = format!("{name} is selected");
        let begin = format!("▌▾ {name}");
        console.wait_until(&what, |s| s.lines.iter().any(|l| l.starts_with(&begin)));
    };
    console.keys("j");
    wait(&console, EMPTYING);
    console.keys(key::DOWN);
    wait(&console, LAST);
    console.keys(key::UP);
    wait(&console, EMPTYING);
    console.keys("k");
    wait(&console, FIRST);
    console.keys("G");
    wait(&console, "10.3.1.7:0");
    console.keys("g");
    wait_service(&console, HTTP);
    console.keys("}");
    wait_service(&console, "TCP 10.0.0.1:443");
    console.keys(key::END);
    wait(&console, "10.3.1.7:0");
    console.keys("{");
    wait_service(&console, "FWM 5");
    console.keys(key::HOME);
    wait_service(&console, HTTP);
    console.keys(key::PAGE_DOWN);
    console.wait_until("another page", |s| !s.lines[3].starts_with('▌'));
    console.keys(key::PAGE_UP);
    wait_service(&console, HTTP);
}

#[test]
fn a_weight_key_on_a_service_tells_what_to_select() {
    let mut console = open(demo(&[]));
    console.keys("g+");
    console.wait_until("what to select", |s| s.says("select a real server first"));
    assert_eq!(weight(&wait_for_readings(&console), FIRST), 10);
}

#[test]
fn the_next_rate_is_shown() {
    let mut console = open(demo(&[]));
    for rate in ["InPPS", "OutPPS", "InBPS", "OutBPS", "CPS"] {
        console.keys("t");
        console.wait_until(rate, |s| s.heads().split_whitespace().any(|w| w == rate));
    }
}

// --- help, watching ---------------------------------------------------------------------------

/// Opens help and scrolls through it to its end; returns every line of it.
#[track_caller]
fn help(console: &mut Console) -> Vec<String> {
    console.keys("?");
    let mut screen = console.wait_until("help", |s| s.has("select the row above"));
    let mut lines = screen.lines.clone();
    for _ in 0..COMMANDS.len() {
        if screen.has("weight 0: takes no new") {
            break;
        }
        let before = screen;
        console.keys("j");
        let lower = |s: &Screen| s.lines.iter().rev().find(|l| l.contains('│')).cloned();
        screen = console.wait_until("help moves", |s| lower(s) != lower(&before));
        lines.extend(screen.lines.clone());
    }
    assert!(screen.has("weight 0: takes no new"), "{screen}");
    lines
}

#[test]
fn the_doctor_comes_by_itself() {
    let mut console = open(demo(&[]));
    console.keys("7");
    let screen = console.wait_until("what he says", |s| s.has("0 errors, 0 warnings"));
    assert!(screen.has("direct-route servers must hold"), "{screen}");
    console.keys("G");
    // Of a network that it has not, the embedded director says nothing.
    console.wait_until("what he could not see", |s| s.has("left out      everything"));
}

#[test]
fn help_lists_every_command_and_nothing_works_underneath() {
    let mut console = open(demo(&[]));
    let lines = help(&mut console);
    for spec in COMMANDS.iter().filter(|spec| !spec.replays) {
        let line = lines.iter().find(|l| l.contains(spec.doc));
        let line = line.unwrap_or_else(|| panic!("help lacks '{}': {lines:#?}", spec.doc));
        for key in spec.keys {
            assert!(line.contains(key), "'{key}' is not in '{line}'");
        }
    }
    for key in COMMANDS.iter().filter(|s| s.mutates).flat_map(|s| s.keys) {
        if key.chars().count() == 1 {
            console.keys(key);
        }
    }
    console.keys(key::F7);
    // Help is still there, and goes on taking the keys that move it.
    let end = |s: &Screen| s.has("weight 0: takes no new");
    console.keys("k");
    console.wait_until("help moves", |s| s.has("Keys (Esc closes") && !end(s));
    console.keys(key::ESC);
    console.wait_until("help is closed", |s| !s.has("Keys (Esc closes"));
    let screen = wait_for_readings(&console);
    assert_eq!(weight(&screen, FIRST), 10);
    assert!(!screen.has("Weight of") && screen.selected().is_some_and(|r| !r.marked), "{screen}");
}

#[test]
fn a_console_that_only_watches_has_no_key_that_changes_anything() {
    let mut console = open(demo(&["--read-only"]).size(120, 40));
    let screen = console.screen();
    assert!(screen.header().contains("watching"), "{screen}");
    for spec in COMMANDS.iter().filter(|s| s.mutates) {
        let hint = spec.hint.unwrap_or(spec.name);
        assert!(!screen.footer().contains(hint), "the foot offers '{hint}'\n{screen}");
    }
    let lines = help(&mut console);
    for spec in COMMANDS {
        let listed = lines.iter().any(|l| l.contains(spec.doc));
        assert_eq!(listed, !spec.mutates && !spec.replays, "'{}' in {lines:#?}", spec.doc);
    }
    console.keys("?");
    console.wait_until("help is closed", |s| !s.has("select the row above"));
    for (keys, name) in [("+", "+"), (">", ">"), ("w", "w"), ("u", "u"), (key::F7, "F7")] {
        console.keys(keys);
        console
            .wait_until("a key that is not there", |s| s.has(&format!("{name} does nothing here")));
    }
    assert_eq!(weight(&wait_for_readings(&console), FIRST), 10);
}

// --- the terminal -----------------------------------------------------------------------------

#[test]
fn the_screen_follows_the_terminals_size() {
    let mut console = open(demo(&[]));
    assert!(!console.screen().heads().contains("OutBPS"));
    console.resize(200, 60);
    let screen = console.wait_until("every rate", |s| s.heads().contains("OutBPS"));
    assert!(screen.footer().contains("q quit"), "{screen}");
    console.resize(40, 10);
    console.wait_until("that this is too small", |s| {
        s.has("40x10 is too small") && !s.has("10.1.1.2")
    });
    console.resize(80, 24);
    let screen = console.wait_until("the table again", |s| s.server(HTTP, FIRST).is_some());
    assert!(!screen.has("too small"), "{screen}");
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

#[test]
fn quitting_leaves_the_terminal_as_it_was() {
    let script = "printf 'the line before\\n'; exec \"$TUI\" demo --seed 1";
    let mut console = open(Launch::shell(script));
    assert!(!console.modes_are_as_before(), "the console reads keys, so it is in raw mode");
    assert!(!console.screen().has("the line before"), "the alternate screen hides it");
    assert!(console.screen().vt.hide_cursor());
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
    let screen = console.screen();
    assert_eq!(screen.text().trim_end(), "the line before");
    assert_eq!(screen.vt.cursor_position(), (1, 0));
}

#[test]
fn ctrl_c_quits_like_q() {
    let mut console = open(demo(&[]));
    console.keys(key::CTRL_C);
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

#[test]
fn signals_give_the_terminal_back() {
    for (signal, number) in [(Signal::TERM, 15), (Signal::HUP, 1), (Signal::INT, 2)] {
        let mut console = open(demo(&[]));
        console.signal(signal);
        assert_eq!(console.exit_code(), 128 + number);
        console.assert_given_back();
    }
}

/// A signal while a prompt is open, which shows the cursor, is no other.
#[test]
fn a_signal_in_a_prompt_gives_the_terminal_back() {
    let mut console = open(demo(&[]));
    console.keys("w1");
    console.wait_until("the prompt", |s| s.has("(now 10): 1"));
    console.signal(Signal::TERM);
    assert_eq!(console.exit_code(), 143);
    console.assert_given_back();
}

/// Only a shell with job control can stop a job, so there is one around the console.
const JOBS: &str = r#"set -m
"$TUI" demo --seed 1 --interval 200ms
echo "stopped with $?"
read -r line
fg >/dev/null
echo "ended with $?"
"#;

#[test]
fn ctrl_z_stops_and_fg_draws_the_whole_screen_again() {
    let mut console = open(Launch::shell(JOBS));
    let before = console.screen();
    console.keys(key::CTRL_Z);
    // 128 + SIGTSTP
    let shell = console.wait_until("the shell", |s| s.has("stopped with 148"));
    assert!(!shell.vt.alternate_screen() && !shell.vt.hide_cursor(), "{shell}");
    console.assert_modes_as_before();

    console.keys("\n");
    let after = console.wait_until("the console", |s| {
        s.vt.alternate_screen() && s.server(HTTP, FIRST).is_some() && s.footer().contains("quit")
    });
    assert!(after.vt.hide_cursor());
    let fixed = |s: &Screen| {
        let names = s.lines.iter().skip(1).map(|l| l.chars().take(39).collect::<String>());
        names.chain([s.footer().to_owned()]).collect::<Vec<_>>()
    };
    assert_eq!(fixed(&after), fixed(&before));
    console.keys("+");
    wait_for_weight(&console, FIRST, 11);
    console.keys("q");
    console.wait_until("the shell again", |s| s.has("ended with 0"));
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

/// On a slow line the answer to a question may take longer than anyone waits.
#[test]
fn a_terminal_that_answers_nothing_is_enough() {
    let mut console = open(Launch::shell(JOBS).silent());
    console.resize(100, 30);
    console.wait_until("the new size", |s| s.lines[29].contains("weight"));
    console.keys(key::CTRL_Z);
    console.wait_until("the shell", |s| s.has("stopped with 148"));
    console.keys("\n");
    console
        .wait_until("the console", |s| s.vt.alternate_screen() && s.server(HTTP, FIRST).is_some());
    console.keys("q");
    console.wait_until("the shell again", |s| s.has("ended with 0"));
    assert_eq!(console.exit_code(), 0);
}

/// A job may be more than the console: a wrapper waits for it. All of the job has to stop, or
/// the shell behind it never gets the terminal.
#[test]
fn ctrl_z_stops_the_whole_job() {
    let script = JOBS.replace(r#""$TUI""#, r#"sh -c '"$TUI" "$@"; exit $?' wrapper"#);
    assert!(script.contains("wrapper"));
    let mut console = open(Launch::shell(&script));
    console.keys(key::CTRL_Z);
    console.wait_until("the shell", |s| s.has("stopped with 148"));
    console.assert_modes_as_before();
    console.keys("\n");
    console
        .wait_until("the console", |s| s.vt.alternate_screen() && s.server(HTTP, FIRST).is_some());
    console.keys("q");
    console.wait_until("the shell again", |s| s.has("ended with 0"));
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

// --- panics and lost terminals: this test binary, run by itself in a terminal -----------------

/// Has the test `name` of this binary play a part, in a terminal of its own.
fn play(name: &str) -> Launch {
    let this = std::env::current_exe().unwrap();
    let words = [this.to_str().unwrap(), "--exact", name, "--ignored", "--nocapture", "--quiet"];
    Launch::any(&words).env("IPVS_TUI_TEST_PART", name)
}

/// Whether this process was started by [`play`]: `cargo test -- --ignored` is nobody's part.
fn playing(name: &str) -> bool {
    std::env::var("IPVS_TUI_TEST_PART").is_ok_and(|part| part == name)
}

fn wait_for_the_frame(terminal: &Terminal) {
    while !terminal.takes_more() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
#[ignore = "a part, played for a_panic_gives_the_terminal_back"]
fn part_panics() {
    if playing("part_panics") {
        let mut terminal = Terminal::claim(true).unwrap();
        terminal.draw(|frame| frame.render_widget("drawn", frame.area())).unwrap();
        wait_for_the_frame(&terminal);
        panic!("as a defect would");
    }
}

#[test]
#[ignore = "a part, played for a_panic_gives_the_terminal_back"]
fn part_panics_on_another_thread() {
    if playing("part_panics_on_another_thread") {
        let mut terminal = Terminal::claim(true).unwrap();
        terminal.draw(|frame| frame.render_widget("drawn", frame.area())).unwrap();
        wait_for_the_frame(&terminal);
        let other = std::thread::spawn(|| panic!("as a defect would"));
        assert!(other.join().is_err());
        // Nothing may be drawn across the report.
        assert!(terminal.draw(|frame| frame.render_widget("late", frame.area())).is_err());
        std::process::exit(101);
    }
}

#[test]
fn a_panic_gives_the_terminal_back() {
    for part in ["part_panics", "part_panics_on_another_thread"] {
        let mut console = play(part).start();
        assert_eq!(console.exit_code(), 101, "{part}");
        console.assert_given_back();
        let raw = String::from_utf8_lossy(&console.raw()).into_owned();
        assert!(raw.contains("drawn"), "{part} has drawn nothing: {raw}");
        assert!(!raw.contains("late"), "{part}: {raw}");
        // What is told after the alternate screen is left stays to be read.
        let left = raw.find("\x1b[?1049l").unwrap();
        let told = raw.find("as a defect would").unwrap();
        assert!(left < told, "{part}: the report went to the screen that is gone");
        assert!(console.screen().has("as a defect would"), "{}", console.screen());
    }
}

#[test]
#[ignore = "a part, played for a_lost_terminal_ends_the_console"]
fn part_holds_a_terminal() {
    if playing("part_holds_a_terminal") {
        let console = open(demo(&[]));
        eprintln!("holding {}", console.pid().as_raw_nonzero());
        // Its terminal goes when this process is killed.
        let _ = console.wait_for("a signal", Duration::from_secs(60), |_| false);
    }
}

/// A session that breaks (SSH) takes the terminal away: the console must neither stay nor spin.
#[test]
fn a_lost_terminal_ends_the_console() {
    let holder = play("part_holds_a_terminal").start();
    let screen = holder.wait_until("the console's number", |s| s.has("holding "));
    let line = screen.lines.iter().find(|l| l.contains("holding ")).unwrap();
    let pid: u32 = line.split("holding ").nth(1).unwrap().trim().parse().unwrap();
    let running = || {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Ended, or ended and not yet waited for.
        !(state.is_empty() || state.contains(") Z "))
    };
    assert!(running());
    holder.signal(Signal::KILL);
    let begun = Instant::now();
    while running() {
        assert!(begun.elapsed() < common::patience(), "the console {pid} is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

// --- a terminal that hangs, a process that is stopped ---------------------------------------

/// The memory that the program has, in KiB.
fn resident(console: &Console) -> u64 {
    let status = format!("/proc/{}/status", console.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_terminal_that_takes_nothing_keeps_nothing_waiting_and_gets_the_newest_frame() {
    let mut console = open(demo(&[]).size(200, 60));
    wait_for_readings(&console);
    let before = resident(&console);
    console.hang(true);
    // Far more than a terminal holds back: every T draws the whole screen.
    for _ in 0..60 {
        console.keys("T");
        std::thread::sleep(Duration::from_millis(110));
    }
    let after = resident(&console);
    assert!(after < before + 4096, "{before} KiB, then {after} KiB");
    console.keys("+");
    std::thread::sleep(Duration::from_millis(500));
    console.hang(false);
    wait_for_weight(&console, FIRST, 11); // the director was changed meanwhile
    console.wait_until("the present", |s| s.header().contains("live"));

    // And it can be ended while it hangs.
    console.hang(true);
    for _ in 0..40 {
        console.keys("T");
        std::thread::sleep(Duration::from_millis(110));
    }
    console.signal(Signal::TERM);
    let begun = Instant::now();
    while !console.has_ended() {
        assert!(begun.elapsed() < common::patience(), "it has not ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(console.modes_are_as_before(), "the modes do not hang with the line");
}

/// As Ctrl-Z does by accident, a debugger, or a hypervisor that moves the director.
#[test]
fn a_process_that_was_stopped_for_a_minute_goes_on_with_a_gap() {
    let mut console = open(demo(&[]).size(160, 48));
    wait_for_readings(&console);
    console.keys("x");
    wait_for_weight(&console, FIRST, 0);
    console.signal(Signal::STOP);
    std::thread::sleep(Duration::from_secs(60));
    console.signal(Signal::CONT);
    wait_for_readings(&console);
    console.wait_until("the present", |s| s.header().contains("live"));
    // The minute is a gap in the lines of values, and what was done before it can be undone.
    console.keys("z");
    let screen = console
        .wait_until("five minutes", |s| s.lines.iter().any(|line| line.contains("conns 5m")));
    let lines = screen.server(HTTP, "10.1.3.2:80").unwrap().lines;
    let gap = lines.trim_start().trim_start_matches(|c| c != '·');
    assert!(gap.starts_with('·') && !lines.trim_start().starts_with('·'), "{screen}");
    assert!(!gap.trim_start_matches('·').trim().is_empty(), "and goes on: {screen}");
    console.keys("u");
    wait_for_weight(&console, FIRST, 10);
}

// --- the mouse --------------------------------------------------------------------------------

/// A click of the left button at a column and a line, counted from 0, as terminals send it (SGR).
fn click(column: usize, line: usize) -> String {
    format!("\x1b[<0;{0};{1}M\x1b[<0;{0};{1}m", column + 1, line + 1)
}

fn line_of(screen: &Screen, text: &str) -> usize {
    screen.lines.iter().position(|l| l.contains(text)).unwrap_or_else(|| panic!("{text}\n{screen}"))
}

#[test]
fn a_click_selects_sorts_and_opens_views_and_m_leaves_the_mouse_to_the_terminal() {
    let mut console = open(demo(&[]));
    let raw = |console: &Console| String::from_utf8_lossy(&console.raw()).into_owned();
    assert!(raw(&console).contains("\x1b[?1000h"), "buttons are asked for");
    assert!(!raw(&console).contains("\x1b[?1003h"), "moves are not: a slow line would carry them");
    let screen = console.screen();
    let keys = click(10, line_of(&screen, LAST));
    console.keys(&keys);
    console.wait_until("it is selected", |s| s.selected().is_some_and(|r| r.name == LAST));
    // The wheel goes on by rows.
    console.keys("\x1b[<65;5;5M");
    console.wait_until("another", |s| s.selected().is_none_or(|r| r.name != LAST));
    let screen = console.screen();
    let column = screen.heads().find("Active").unwrap();
    console.keys(&click(column, line_of(&screen, "Service / real server")));
    console.wait_until("sorted", |s| s.heads().contains("↓Active"));
    let screen = console.screen();
    let tabs = &screen.lines[1];
    let column = tabs[..tabs.find("Hosts").unwrap()].chars().count();
    console.keys(&click(column, 1));
    console.wait_until("the hosts", |s| s.has("State"));
    console.keys("m");
    console.wait_until("it is told", |s| s.says("the mouse selects text"));
    assert!(raw(&console).ends_with("\x1b[?2026l") && raw(&console).contains("\x1b[?1000l"));
    console.keys("m");
    console.wait_until("it is told", |s| s.says("the mouse selects rows"));
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

#[test]
fn y_copies_the_row_and_the_palette_quits() {
    let mut console = open(demo(&[]));
    console.keys("y");
    console.wait_until("it is told", |s| s.says("copied: TCP 10.0.0.1:80 wlc"));
    assert!(String::from_utf8_lossy(&console.raw()).contains("\x1b]52;c;"));
    console.keys(":q").keys(key::ENTER);
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

/// What is pasted, as a terminal sends it that was asked to tell it apart.
fn pasted(text: &str) -> String {
    format!("\x1b[200~{text}\x1b[201~")
}

#[test]
fn what_is_pasted_is_typed_into_a_prompt_and_is_no_key_elsewhere() {
    let mut console = open(demo(&[]));
    assert!(String::from_utf8_lossy(&console.raw()).contains("\x1b[?2004h"), "it is asked for");
    console.keys(&pasted("x"));
    console.wait_until("it is told", |s| s.says("nothing was done with what was pasted"));
    assert_eq!(weight(&wait_for_readings(&console), FIRST), 10);
    console.keys("/").keys(&pasted("10.1.3\rq"));
    console.wait_until("one server is left", |s| {
        s.server(HTTP, LAST).is_some() && s.server(HTTP, FIRST).is_none()
    });
    console.keys(key::ENTER).keys("q");
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

/// As `wall` and the kernel do.
#[test]
fn a_screen_that_was_written_across_is_drawn_anew() {
    let mut console = open(demo(&[]));
    console.writes_across("\x1b[23;30HBroadcast message");
    console.wait_until("it stands there", |s| s.has("Broadcast message"));
    wait_for_readings(&console);
    assert!(console.screen().has("Broadcast message"), "of itself nothing draws over it");
    console.keys("\x0c");
    console.wait_until("the whole screen", |s| {
        !s.has("Broadcast") && s.server(HTTP, FIRST).is_some() && s.footer().contains("quit")
    });
    assert!(console.screen().vt.hide_cursor());
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

#[test]
fn a_frozen_screen_stands_still_and_goes_back() {
    let mut console = open(demo(&[]));
    wait_for_readings(&console);
    console.keys("p");
    let frozen = console.wait_until("it is frozen", |s| s.header().contains("frozen at"));
    console.wait_until("its age goes on", |s| {
        (2..10).any(|seconds| s.header().contains(&format!(" {seconds} s ago")))
    });
    assert_eq!(console.screen().servers(HTTP), frozen.servers(HTTP));
    console.keys("[").keys("x");
    console.wait_until("nothing is changed", |s| s.says("the screen is frozen; p lets it go on"));
    console.keys(key::ESC);
    console.wait_until("the notice goes", |s| !s.says("the screen is frozen"));
    console.keys("p");
    console.wait_until("it goes on", |s| s.header().contains("live"));
    assert_eq!(weight(&console.screen(), FIRST), 10);
}

// --- what is sent -----------------------------------------------------------------------------

/// Opens everything there is to see, and returns every byte of it.
#[track_caller]
fn bytes_of_everything(launch: Launch) -> Vec<u8> {
    let mut console = launch.start();
    console.wait_until("the first screen", |s| s.server(HTTP, FIRST).is_some());
    console.keys("?");
    console.wait_until("help", |s| s.has("select the row above"));
    console.keys("?");
    console.wait_until("help is closed", |s| !s.has("select the row above"));
    console.keys("+");
    wait_for_weight(&console, FIRST, 11);
    console.keys("w0").keys(key::ENTER);
    wait_for_weight(&console, FIRST, 0);
    console.keys("jjw0").keys(key::ENTER);
    console.wait_until("a question", |s| s.has("[ Cancel ]"));
    console.keys(key::ESC);
    console.wait_until("the question is gone", |s| !s.has("[ Cancel ]"));
    console.keys("wx").keys(key::ENTER);
    console.wait_until("why that is no weight", |s| s.says("is not a weight"));
    console.keys(key::ESC);
    console.wait_until("the prompt is closed", |s| !s.has("Weight of"));
    wait_for_readings(&console);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    console.raw()
}

#[test]
fn without_unicode_every_byte_is_ascii() {
    let consoles = [
        demo(&["--ascii"]),
        demo(&[]).env("LANG", "C"),
        demo(&[]).without("LANG"),
        demo(&[]).env("LC_ALL", "de_DE.ISO-8859-1"),
    ];
    for launch in consoles {
        let bytes = bytes_of_everything(launch);
        let wrong = bytes.iter().position(|b| !b.is_ascii());
        if let Some(at) = wrong {
            let around = &bytes[at.saturating_sub(40)..(at + 10).min(bytes.len())];
            panic!("not ASCII: {}", around.escape_ascii());
        }
    }
}

#[test]
fn with_unicode_there_is_more() {
    for launch in [demo(&[]), demo(&[]).env("LC_ALL", "de_DE.utf8").without("LANG")] {
        let bytes = bytes_of_everything(launch);
        let text = String::from_utf8(bytes).unwrap();
        for symbol in ["▌", "●", "○", "┌", "▄"] {
            assert!(text.contains(symbol), "{symbol}");
        }
    }
}

/// Numbers of the sequences that set colours (`ESC [ ... m`).
fn colours(bytes: &[u8]) -> Vec<String> {
    let all = common::sequences(bytes);
    let styles = all.iter().filter_map(|s| s.strip_suffix('m'));
    let numbers = styles.flat_map(|s| s.split(';').map(str::to_owned).collect::<Vec<_>>());
    let colour = |n: &String| {
        let n = n.parse::<u32>().unwrap_or(0);
        matches!(n, 30..=38 | 40..=48 | 90..=107)
    };
    numbers.filter(colour).collect()
}

#[test]
fn no_color_sends_none() {
    let coloured = bytes_of_everything(demo(&[]));
    assert!(!colours(&coloured).is_empty(), "colours are found where there are some");
    let plain = bytes_of_everything(demo(&[]).env("NO_COLOR", "1"));
    assert_eq!(colours(&plain), Vec::<String>::new());
    let text = String::from_utf8_lossy(&plain).into_owned();
    assert!(text.contains("\x1b[7m"), "the selected row is told without colour, in reverse");
    // An empty value means that nobody asked: https://no-color.org
    let empty = bytes_of_everything(demo(&[]).env("NO_COLOR", ""));
    assert!(!colours(&empty).is_empty());
}

#[test]
fn the_console_asks_for_frames_that_come_whole() {
    let mut console = open(demo(&[]));
    wait_for_readings(&console);
    console.keys("q");
    console.exit_code();
    let all = common::sequences(&console.raw());
    let count = |mark: &str| all.iter().filter(|s| s.as_str() == mark).count();
    assert!(count("?2026h") > 3);
    assert!(count("?2026l") >= count("?2026h"));
}
