//! What goes wrong around the console on a real kernel: it says so, loses nothing, and goes on by
//! itself.

use super::*;

/// A journal on a file system of its own, which can be filled and made read-only.
const DISK: &str = "/tmp/disk";
const JOURNAL: &str = "/tmp/disk/journal.jsonl";

#[test]
fn without_room_for_the_journal_nothing_is_changed_and_with_room_it_goes_on() {
    let Some(_lab) = Lab::with("services") else { return };
    sh(&format!("mkdir -p {DISK}; mount -t tmpfs -o size=64k none {DISK}"));
    let mut console = open_with(&["--interval", "500ms", "--journal", JOURNAL], HTTP, FIRST);
    sh(&format!("dd if=/dev/zero of={DISK}/filler bs=1k 2>/dev/null || true"));
    // The last page of the journal has some room left.
    let mut last = 10;
    while !console.screen().says("free some space on that disk") {
        assert!(last < 60, "{}", console.screen());
        console.keys("+");
        let done = |s: &Screen| s.server(HTTP, FIRST).is_some_and(|r| r.weight == last + 1);
        console.wait_until("done or told", |s| done(s) || s.says("free some space on that disk"));
        last += u64::from(done(&console.screen()));
    }

    assert_eq!(weight(HTTP, FIRST), Some(last), "what cannot be written down is not done");
    sh(&format!("rm {DISK}/filler"));
    console.keys(key::ESC);
    console.wait_until("the sentence goes", |s| !s.says("free some space on that disk"));
    console.keys("+");
    wait(&console, "it is done", || weight(HTTP, FIRST) == Some(last + 1));
    console.keys("u");
    wait(&console, "it is taken back", || weight(HTTP, FIRST) == Some(last));
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    let written = ipvs_tui(&["journal", "--journal", JOURNAL]);
    let once = format!("weight {last} -> {}", last + 1);
    assert_eq!(written.out.matches(&once).count(), 1, "{}", written.out);
    // On a disk that cannot be written at all it says so before it opens a screen.
    sh(&format!("mount -o remount,ro {DISK}"));
    let (code, said) = told(&format!("exec \"$TUI\" --journal {JOURNAL}"));
    assert!(code == 1 && said.contains("Read-only file system"), "{code} {said}");
    assert!(said.contains("--no-journal"), "{said}");
    sh(&format!("umount {DISK}"));
}

/// Errors that the kernel returns under load, in the middle of dumps.
#[test]
fn answers_that_the_kernel_dropped_are_asked_for_again() {
    for (error, told) in [("ENOBUFS", true), ("EINTR", false)] {
        let Some(_lab) = Lab::with("services") else { return };
        let inject = format!("inject=recvfrom:error={error}:when=40+45");
        let trace = "-f -o /dev/null -e trace=recvfrom";
        let script =
            format!("exec strace {trace} -e {inject} \"$TUI\" --no-journal --interval 300ms");
        let mut console = Launch::shell(&script).start();
        console.wait_until("the first screen", |s| s.server(HTTP, FIRST).is_some());
        for round in 0..3 {
            if told {
                console.wait_until("it is told", |s| s.says("ENOBUFS"));
            }
            console.wait_until("it goes on", |s| s.header().contains("live"));
            sh(&format!("ipvsadm -e -t 10.0.0.1:80 -r {FIRST} -m -w {}", 20 + round));
            wait_for_weight(&console, FIRST, 20 + round);
        }
        console.keys("q");
        assert_eq!(console.exit_code(), 0);
    }
}

/// Services and servers come and go while dumps are under way: a dump may skip or repeat one, and
/// nobody says so.
#[test]
fn a_table_that_never_stands_still_is_followed() {
    let Some(_lab) = Lab::with("services") else { return };
    // One program for each round: starting it takes longer than what it does.
    let churn = "round() {
            for m in 1 2 3 4 5; do
                echo -A -t 10.9.0.$m:80 -s rr; echo -a -t 10.9.0.$m:80 -r 10.1.1.2:80 -m
            done
            for m in 5 1 4 2 3; do echo -D -t 10.9.0.$m:80; done
        }
        round >/tmp/round
        for n in $(seq 1 150); do ipvsadm -R </tmp/round || exit 1; done";
    let mut busy = std::process::Command::new("sh").args(["-c", churn]).spawn().unwrap();
    let mut console = open_with(&["--interval", "200ms", "--no-journal"], HTTP, FIRST);
    let begun = Instant::now();
    while busy.try_wait().unwrap().is_none() && begun.elapsed().as_secs() < 60 {
        let screen = console.screen();
        for wrong in ["not understood", "panicked", "not read for"] {
            assert!(!screen.has(wrong), "{screen}");
        }
        console.keys("jk");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(busy.wait().unwrap().success(), "the table was not changed");
    // That their weights came and went is told for a while longer, below the services.
    let gone = |s: &Screen| !s.lines.iter().any(|l| l.contains("10.9.0.") && !l.contains("! "));
    let count = |s: &Screen, word: &str| s.lines.iter().filter(|l| l.contains(word)).count();
    console.wait_until("the table as it is", |s| {
        count(s, "▾") == 3 && count(s, " Masq ") == 12 && gone(s)
    });
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

/// The clock is set ahead by more than a drain's time limit: its time is not up.
#[test]
fn a_clock_that_is_set_ends_no_drain() {
    let Some(_lab) = Lab::with("services") else { return };
    let journal = "/tmp/clock.jsonl";
    sh(&format!("rm -f {journal}*"));
    let mut console = open_with(&["--interval", "500ms", "--journal", journal], HTTP, FIRST);
    let drain = ["drain", "-t", "10.0.0.1:80", "-r", FIRST, "--timeout", "1h", "--yes"];
    let mut words: Vec<&str> = drain.to_vec();
    words.extend(["--journal", journal]);
    let ran = ipvs_tui(&words);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    console.keys("4");
    console.wait_until("the drain", |s| s.says("draining for"));
    sh("date -s @$(($(date +%s) + 7230)) >/dev/null");
    console.wait_until("it is told", |s| s.says("clock went ahead by 2h"));
    console.wait_until("its time goes on as before", |s| s.says("time is up in 59m"));
    assert_eq!(weight(HTTP, FIRST), Some(0));
    sh("date -s @$(($(date +%s) - 7230)) >/dev/null");
    console.wait_until("it is told", |s| s.says("clock went back by 2h"));
    assert!(console.screen().header().contains("live"), "{}", console.screen());
    console.keys("R");
    console.wait_until("the page", |s| s.has("[ Cancel ]"));
    console.keys(key::ESC).keys("q");
    drop(console);
}

/// A namespace whose name is deleted lives on while the console holds it: nothing is shown as live
/// and nothing changed there, and the next one of that name is looked at.
#[test]
fn a_network_namespace_that_goes_is_told_and_the_next_of_its_name_is_looked_at() {
    let Some(_lab) = Lab::enter() else { return };
    let there = |weight: u32| {
        sh(&format!(
            "ipr netns add other; ipr netns exec other ipr link set lo up
            ipr netns exec other ipvsadm -A -t 10.0.0.1:80 -s rr
            ipr netns exec other ipvsadm -a -t 10.0.0.1:80 -r 127.0.0.1:80 -m -w {weight}"
        ));
    };
    let only = "127.0.0.1:80";
    there(3);
    let journal = "/tmp/netns.jsonl";
    sh(&format!("rm -f {journal}*"));
    let arguments = ["--netns", "other", "--interval", "300ms", "--journal", journal];
    let mut console = open_with(&arguments, HTTP, only);
    console.keys("+");
    let weighs = |w: u64| move |s: &Screen| s.server(HTTP, only).is_some_and(|r| r.weight == w);
    console.wait_until("the first", weighs(4));
    sh("ipr netns del other");
    console.wait_until("it is told", |s| s.says("it was deleted") && s.has("not read for"));
    console.keys("+");
    console.wait_until("nothing is changed", |s| s.says("nothing was changed"));
    there(9);
    console.wait_until("the next of that name", |s| weighs(9)(s) && s.header().contains("live"));
    // The service was there before its server was: the cursor may have been left on it.
    select(&mut console, only);
    console.keys("+");
    console.wait_until("it is changed", weighs(10));
    let listed = sh("ipr netns exec other ipvsadm -Ln");
    assert!(listed.contains("127.0.0.1:80                 Masq    10"), "{listed}");
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}
