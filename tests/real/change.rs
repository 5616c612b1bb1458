//! Marks, quiesce, drain, restore, ramps, schedulers, forms and the journal, by keys on a real
//! kernel, with ipvsadm as the judge.

use super::*;
use rustix::process::Signal;

const JOURNAL: &str = "/tmp/real.jsonl";
const SECOND: &str = "10.1.2.2:80";
const UDP: &str = "UDP 10.0.0.1:53";

/// A console with a journal of the test's own.
fn with_journal() -> Console {
    open_with(&["--interval", "500ms", "--journal", JOURNAL], HTTP, FIRST)
}

fn fresh() {
    sh(&format!("rm -f {JOURNAL} {JOURNAL}.lock"));
}

#[track_caller]
fn weighs(console: &Console, service: &str, server: &str, wanted: u64) {
    let what = format!("ipvsadm shows weight {wanted} for {server}");
    wait(console, &what, || weight(service, server) == Some(wanted));
}

/// Tab until Apply is ready, and Enter.
#[track_caller]
fn applies(console: &mut Console) {
    let ready = |s: &Screen, answer: &str| {
        let Some(line) = s.lines.iter().position(|l| l.contains("[ Cancel ]")) else {
            return false;
        };
        let Some(at) = s.lines[line].find(answer) else { return false };
        let column = s.lines[line][..at].chars().count() + 2;
        let cell = s.vt.cell(u16::try_from(line).unwrap(), u16::try_from(column).unwrap());
        cell.is_some_and(vt100::Cell::inverse)
    };
    // Which answer is ready, or where the cursor stands: in which column, as the lines move when
    // what is said above them becomes longer.
    let focus = |s: &Screen| {
        let cursor = (!s.vt.hide_cursor()).then(|| s.vt.cursor_position().1);
        (ready(s, "[ Cancel"), ready(s, "[ Apply"), cursor)
    };
    let mut screen = console.wait_until("the page", |s| s.has("[ Cancel ]"));
    for _ in 0..9 {
        if ready(&screen, "[ Apply") {
            break;
        }
        let before = focus(&screen);
        console.keys(key::TAB);
        screen = console.wait_until("the focus moves", |s| focus(s) != before);
    }
    console.keys(key::ENTER);
    console.wait_until("the page is gone", |s| !s.has("[ Cancel ]"));
}

#[test]
fn marked_servers_are_quiesced_and_restored_as_one() {
    let Some(_lab) = Lab::with("services") else { return };
    fresh();
    let before = table();
    let mut console = with_journal();
    console.keys("  ");
    console.wait_until("two marks", |s| s.lines.iter().filter(|l| l.contains('✓')).count() == 2);
    console.keys("x");
    weighs(&console, HTTP, FIRST, 0);
    weighs(&console, HTTP, SECOND, 0);
    let restorable = |s: &Screen| s.lines.iter().filter(|l| l.contains("(10) 0")).count();
    console.wait_until("what R restores", |s| restorable(s) == 2);
    console.keys("u");
    wait(&console, "both are back", || table() == before);
    console.wait_until("nothing to restore", |s| restorable(s) == 0);
    console.keys("U");
    weighs(&console, HTTP, SECOND, 0);
    console.wait_until("what R restores", |s| restorable(s) == 2);
    console.keys("R");
    applies(&mut console);
    wait(&console, "both are restored", || table() == before);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

#[test]
fn a_drain_outlives_the_console() {
    let Some(_lab) = Lab::with("nat") else { return };
    fresh();
    // What has ended counts for two minutes by default, as connections whose client may come back.
    sh("ipvsadm --set 0 6 0; traffic start 90");
    let before = table();
    let mut console = with_journal();
    console.keys("d");
    console.wait_until("the page with its command", |s| s.has("ipvsadm -e -t 10.0.0.1:80"));
    assert_eq!(weight(HTTP, FIRST), Some(10), "nothing is written by looking");
    applies(&mut console);
    weighs(&console, HTTP, FIRST, 0);
    console.keys("4");
    console.wait_until("the drain's verdict", |s| s.says("emptying") || s.says("safe to stop"));
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    drop(console);
    let told = sh(&format!("ipvs-tui journal --journal {JOURNAL}"));
    assert!(told.contains("weight 10 -> 0") && told.contains("under way"), "{told}");

    let mut console = with_journal();
    console.wait_until("the drain is remembered", |s| s.says("from an earlier session"));
    console.keys("4");
    console.wait_for("safe to stop", Duration::from_secs(90), |s| s.says("safe to stop"));
    let words = listed("", HTTP, FIRST).unwrap();
    assert_eq!(words[2], "0", "ipvsadm shows no active connection");
    console.keys("R");
    // Over twelve seconds, in steps.
    console.wait_until("the page", |s| s.has("over a time"));
    console.keys(key::TAB).keys(key::TAB).keys("12s");
    console.wait_until("it is typed", |s| s.has("over a time: 12s"));
    applies(&mut console);
    wait(&console, "the first step", || weight(HTTP, FIRST).is_some_and(|w| (1..10).contains(&w)));
    wait(&console, "the last step", || table() == before);
    console.keys("u");
    weighs(&console, HTTP, FIRST, 0);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    sh("ipvsadm --set 0 120 0");
}

/// The SSH session breaks, the process is terminated, the job is stopped and brought back: the
/// drain goes on, and the journal has its line.
#[test]
fn a_drain_outlives_every_road_out() {
    let Some(_lab) = Lab::with("services") else { return };
    fresh();
    let mut console = with_journal();
    console.keys("d");
    applies(&mut console);
    weighs(&console, HTTP, FIRST, 0);
    for (signal, number) in [(Signal::HUP, 1), (Signal::TERM, 15), (Signal::INT, 2)] {
        console.signal(signal);
        assert_eq!(console.exit_code(), 128 + number);
        console.assert_given_back();
        assert_eq!(weight(HTTP, FIRST), Some(0));
        let told = ipvs_tui(&["journal", "--journal", JOURNAL]);
        assert!(told.out.contains("drain 10.1.1.2:80") && told.err.is_empty(), "{told:?}");
        console = with_journal();
        console.wait_until("the drain is remembered", |s| s.says("from an earlier session"));
    }
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    // Only a shell with job control can stop a job.
    let script = format!(
        "set -m
        \"$TUI\" --interval 500ms --journal {JOURNAL}
        read -r line
        fg >/dev/null"
    );
    console = Launch::shell(&script).start();
    console.wait_until("the drain is remembered", |s| s.says("from an earlier session"));
    console.keys(key::CTRL_Z);
    console.wait_until("the shell", |s| !s.vt.alternate_screen());
    wait(&console, "the terminal's modes", || console.modes_are_as_before());
    assert_eq!(weight(HTTP, FIRST), Some(0));
    let told = ipvs_tui(&["journal", "--journal", JOURNAL]);
    assert!(told.out.contains("drain 10.1.1.2:80") && told.err.is_empty(), "{told:?}");
    console.keys("\n");
    console.wait_until("the console", |s| s.server(HTTP, FIRST).is_some());
    // What is drawn at first is from before the stop: too old to change anything by.
    sh(&format!("ipvsadm -e -t 10.0.0.1:80 -r {FOURTH} -m -w 33"));
    wait_for_weight(&console, FOURTH, 33);
    console.keys("4");
    console.wait_until("it is followed", |s| s.says("10.1.1.2:80 of TCP 10.0.0.1:80"));
    console.keys("R");
    applies(&mut console);
    weighs(&console, HTTP, FIRST, 10);
    console.wait_until("it is over", |s| s.has("Nothing is drained") && s.says("restored after"));
}

#[test]
fn a_host_is_drained_everywhere_with_one_undo_from_the_journal() {
    let Some(_lab) = Lab::with("services") else { return };
    fresh();
    let before = table();
    let mut console = with_journal();
    console.keys("D");
    applies(&mut console);
    weighs(&console, HTTP, FIRST, 0);
    weighs(&console, UDP, "10.1.1.2:53", 0);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    drop(console);
    // Another session takes it back, from the journal.
    let mut console = with_journal();
    console.keys("5u");
    applies(&mut console);
    wait(&console, "all are back", || table() == before);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

#[test]
fn a_scheduler_is_switched_and_everything_else_survives() {
    let Some(_lab) = Lab::enter() else { return };
    sh("hard-table");
    fresh();
    let before = table();
    let service = "TCP 10.0.0.1:443";
    let arguments = ["--interval", "500ms", "--journal", JOURNAL];
    let mut console = open_with(&arguments, service, "10.1.1.2:443");
    // The fourth server from the top is this service's first.
    select_in(&mut console, service, "10.1.1.2:443");
    console.keys("s");
    console.wait_until("the schedulers", |s| s.has("Maglev hash"));
    // From sh, the eighth of the list, to mh, the thirteenth.
    console.keys("jjjjj");
    console.wait_until("mh with its flags", |s| s.has("mh-fallback, mh-port"));
    console.keys(key::ENTER);
    applies(&mut console);
    let line = "-A -t 10.0.0.1:443 -s sh -p 300 -M 255.255.255.0 -b sh-fallback,sh-port";
    assert!(before.contains(line), "{before:#?}");
    let mut wanted = before.clone();
    wanted.remove(line);
    wanted.insert(line.replace("sh-", "mh-").replace("-s sh", "-s mh"));
    wait(&console, "only the scheduler changes", || table() == wanted);
    console.keys("u");
    wait(&console, "it is taken back", || table() == before);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

/// `twos` is not in every kernel here. ipvsadm tries it first: what the kernel takes from it is taken
/// from here, and what it does not take is refused before it is planned. One that no kernel has
/// stands for it where all are there.
#[test]
fn a_scheduler_that_the_kernel_lacks_is_refused_before_it_is_planned() {
    let Some(_lab) = Lab::with("services") else { return };
    fresh();
    let before = table();
    let tried = sh("if ipvsadm -A -t 10.9.9.9:80 -s twos 2>/dev/null; then
            ipvsadm -D -t 10.9.9.9:80; echo taken
        fi");
    let taken = tried.trim() == "taken";
    assert_eq!(table(), before);

    let service = ["scheduler", "-t", "10.0.0.1:80"];
    for (name, has) in [("twos", taken), ("wrrr", false), ("none", true), ("wrr", true)] {
        for how in [&["--dry-run"][..], &["--yes", "--journal", JOURNAL]] {
            let ran = ipvs_tui(&[&service[..], &[name], how].concat());
            let lacks = ran.err.contains(&format!("this kernel has no {name}"));
            assert_eq!((ran.code == Some(0), lacks), (has, !has), "{name} {how:?}: {ran:?}");
            let switched = has && how[0] == "--yes";
            assert_eq!(table() != before, switched, "{name} {how:?}: {ran:?}");
        }
        if has {
            let ran = ipvs_tui(&[&service[..], &["wlc", "--yes", "--journal", JOURNAL]].concat());
            assert_eq!((ran.code, table()), (Some(0), before.clone()), "{ran:?}");
        }
    }

    // By keys: from wlc, and back.
    let mut console = with_journal();
    console.keys("s");
    console.wait_until("the schedulers", |s| s.has("Maglev hash"));
    console.keys(&"j".repeat(20)); // to the last one
    // What the kernel has is read behind the table.
    let lacks = |s: &Screen| s.says("this kernel has no such scheduler");
    console.wait_until("whether it has it", |s| taken || lacks(s));
    console.keys(key::ENTER);
    if taken {
        console.wait_until("the plan", |s| s.has("-s twos"));
        applies(&mut console);
        wait(&console, "it is switched", || table().contains("-A -t 10.0.0.1:80 -s twos"));
        console.keys("u");
        wait(&console, "it is taken back", || table() == before);
    } else {
        console.wait_until("why not", |s| s.says("this kernel has no twos"));
        assert_eq!(table(), before);
        console.keys(key::ESC);
        console.wait_until("the list is closed", |s| !s.has("Maglev hash"));
    }
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

#[track_caller]
fn select_in(console: &mut Console, service: &str, server: &str) {
    for _ in 0..40 {
        let before = console.screen();
        if before.server(service, server).is_some_and(|row| row.selected) {
            return;
        }
        console.keys("j");
        console.wait_until("the selection moves", |s| selected_line(s) != selected_line(&before));
    }
    panic!("{server} of {service} cannot be selected\n{}", console.screen());
}

#[test]
fn a_server_is_added_edited_and_deleted_by_forms() {
    let Some(_lab) = Lab::with("services") else { return };
    fresh();
    let before = table();
    let mut console = with_journal();
    console.keys("a10.1.9.9").keys(key::ENTER);
    wait(&console, "ipvsadm shows it", || weight(HTTP, "10.1.9.9:80") == Some(10));
    console.wait_until("its row, and no form over it", |s| {
        s.server(HTTP, "10.1.9.9:80").is_some() && !s.has("Esc leaves")
    });
    select(&mut console, "10.1.9.9:80");
    console.keys("e").keys(key::TAB).keys("\x7f\x7f").keys("23").keys(key::ENTER);
    weighs(&console, HTTP, "10.1.9.9:80", 23);
    console.keys("\x1b[3~");
    applies(&mut console);
    wait(&console, "it is gone", || table() == before);
    console.keys("u");
    weighs(&console, HTTP, "10.1.9.9:80", 23);
    console.keys("uu");
    wait(&console, "as before", || table() == before);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}
