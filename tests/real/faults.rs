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

/// A file system that turns read-only under way, as ext4 does when its disk fails.
#[test]
fn a_journal_that_cannot_be_written_for_a_while_is_told_and_nothing_is_changed_meanwhile() {
    let Some(_lab) = Lab::with("services") else { return };
    let journal = "/tmp/erofs.jsonl";
    sh(&format!("rm -f {journal}*; touch {journal}; chmod 640 {journal}"));
    // A change writes three lines. The second one's intent cannot be written.
    let trace = format!("-f -o /dev/null -P {journal} -e trace=write");
    let inject = "inject=write:error=EROFS:when=4";
    let script =
        format!("exec strace {trace} -e {inject} \"$TUI\" --journal {journal} --interval 300ms");
    let mut console = Launch::shell(&script).start();
    console.wait_until("the first screen", |s| s.server(HTTP, FIRST).is_some());
    console.keys("+");
    wait_for_weight(&console, FIRST, 11);
    console.keys("+");
    console.wait_until("it is told", |s| s.says("Read-only file system"));
    let screen = console.screen();
    assert!(screen.says("that disk is mounted read-only"), "{screen}");
    assert_eq!(weight(HTTP, FIRST), Some(11), "what cannot be written down is not done");
    console.keys("+");
    wait(&console, "it goes on", || weight(HTTP, FIRST) == Some(12));
    console.keys("uu");
    wait(&console, "both are taken back", || weight(HTTP, FIRST) == Some(10));
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

/// A recording on a disk that is full for a while: told, and gone on with; the console never waits.
#[test]
fn a_recording_without_room_is_told_and_goes_on_with_room() {
    let Some(_lab) = Lab::with("services") else { return };
    sh(&format!("mkdir -p {DISK}; mount -t tmpfs -o size=64k none {DISK}"));
    let record = format!("{DISK}/lvs.rec");
    let arguments = ["--interval", "300ms", "--no-journal", "--record", &record];
    let mut console = open_with(&arguments, HTTP, FIRST);
    sh(&format!("dd if=/dev/zero of={DISK}/filler bs=1k 2>/dev/null || true"));
    for n in 0..60 {
        if console.screen().header().contains("not recorded") {
            break;
        }
        assert!(n < 59, "{}", console.screen());
        let now = weight(HTTP, FIRST).unwrap();
        console.keys("+");
        wait_for_weight(&console, FIRST, now + 1);
    }
    let now = weight(HTTP, FIRST).unwrap();
    console.keys("+");
    wait_for_weight(&console, FIRST, now + 1);
    sh(&format!("rm {DISK}/filler"));
    console.keys("w900").keys(key::ENTER);
    wait_for_weight(&console, FIRST, 900);
    console.wait_until("it is recorded again", |s| !s.header().contains("not recorded"));
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    // What there was no room for is missing, and nothing before or behind it.
    let csv = ipvs_tui(&["replay", &record, "--format", "csv"]);
    assert_eq!(csv.code, Some(0), "{}", csv.err);
    assert!(csv.out.lines().count() > 12, "{}", csv.out);
    let last = ipvs_tui(&["replay", &record, "--format", "ipvsadm"]);
    assert_eq!(last.code, Some(0), "{}", last.err);
    assert!(last.out.contains("-r 10.1.1.2:80 -m -w 900"), "{}", last.out);
    sh(&format!("umount {DISK}"));
}

/// Errors that the kernel returns under load, in the middle of dumps, and answers that are longer than
/// any that is expected and so come cut.
#[test]
fn answers_that_the_kernel_dropped_are_asked_for_again() {
    for (mishap, told) in [
        ("error=ENOBUFS", Some("ENOBUFS")),
        ("error=EINTR", None),
        ("retval=200000", Some("200000 bytes where")),
    ] {
        let Some(_lab) = Lab::with("services") else { return };
        let inject = format!("inject=recvfrom:{mishap}:when=40+45");
        let trace = "-f -o /dev/null -e trace=recvfrom";
        let script =
            format!("exec strace {trace} -e {inject} \"$TUI\" --no-journal --interval 300ms");
        let mut console = Launch::shell(&script).start();
        console.wait_until("the first screen", |s| s.server(HTTP, FIRST).is_some());
        for round in 0..3 {
            if let Some(told) = told {
                console.wait_until("it is told", |s| s.says(told));
            }
            console.wait_until("it goes on", |s| s.header().contains("live"));
            sh(&format!("ipvsadm -e -t 10.0.0.1:80 -r {FIRST} -m -w {}", 20 + round));
            wait_for_weight(&console, FIRST, 20 + round);
        }
        console.keys("q");
        assert_eq!(console.exit_code(), 0);
    }
}

/// Services and servers come and go while dumps are under way: a dump of more than one batch may skip
/// or repeat one, and nobody says so. The cursor, a mark and a drain stay where they are.
#[test]
fn a_table_that_never_stands_still_is_followed() {
    let Some(_lab) = Lab::with("services") else { return };
    let (stop, journal) = ("/tmp/churn.stop", "/tmp/churn.jsonl");
    sh(&format!("rm -f {stop} {journal}*"));
    // A hundred that stay, before and behind those that are looked at.
    sh("for n in $(seq 1 50); do
            for net in 9 10; do
                echo -A -t $net.8.0.$n:80 -s rr; echo -a -t $net.8.0.$n:80 -r 10.1.1.2:80 -m
            done
        done | ipvsadm -R");
    // One program for each round: starting it takes longer than what it does.
    let churn = format!(
        "round() {{
            for m in 1 2 3 4 5; do
                echo -A -t 8.9.0.$m:80 -s rr; echo -a -t 8.9.0.$m:80 -r 10.1.1.2:80 -m
            done
            for m in 5 1 4 2 3; do echo -D -t 8.9.0.$m:80; done
        }}
        round >/tmp/round
        for n in $(seq 1 2000); do
            ipvsadm -R </tmp/round || exit 1
            [ ! -e {stop} ] || exit 0
        done"
    );
    let (second, third) = ("10.1.2.2:80", "10.1.3.2:80");
    let mut console = Launch::new(&["--interval", "200ms", "--journal", journal]).start();
    console.wait_until("the first screen", |s| s.has("9.8.0.1:80"));
    console.keys("/host:10.1.2.2").keys(key::ENTER);
    console.wait_until("the servers", |s| s.server(HTTP, second).is_some());
    console.keys("gj "); // marked, and the next one selected
    console.wait_until("a mark", |s| s.server(HTTP, second).is_some_and(|row| row.marked));
    console.keys("/").keys("\x15").keys(key::ENTER);
    console.wait_until("everything", |s| !s.has("filter:"));
    let drain = ["drain", "-t", "10.0.0.1:80", "-r", third, "--yes", "--journal", journal];
    let ran = ipvs_tui(&drain);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let mut busy = std::process::Command::new("sh").args(["-c", &churn]).spawn().unwrap();
    let (begun, mut looks) = (Instant::now(), 0);
    while begun.elapsed().as_secs() < 20 {
        let screen = console.screen();
        for wrong in ["not understood", "panicked", "not read for"] {
            assert!(!screen.has(wrong), "{screen}");
        }
        // What comes and goes are these alone.
        let gone = screen.says("is gone") && !screen.says("8.9.0.");
        assert!(!gone && !screen.says("deleted by someone else"), "{screen}");
        assert!(busy.try_wait().unwrap().is_none(), "the table is not changed any more");
        std::thread::sleep(Duration::from_millis(50));
        looks += 1;
    }
    assert!(looks > 50, "{looks} looks");
    std::fs::write(stop, "").unwrap();
    assert!(busy.wait().unwrap().success(), "the table was not changed");
    console.keys("/host:10.1.2.2").keys(key::ENTER);
    console.wait_until("the mark", |s| s.server(HTTP, second).is_some_and(|row| row.marked));
    console.keys(key::ESC);
    console.keys("4");
    console.wait_until("the drain", |s| s.says(third) && !s.says("Over"));
    assert_eq!(weight(HTTP, third), Some(0));
    console.keys("1/").keys("\x15").keys(key::ENTER).keys("g");
    // That they came and went is told for a while longer, below the services.
    let row = |s: &Screen, service: &str| {
        s.lines.iter().any(|l| l.trim_start_matches(['▌', '▾', '!', ' ']).starts_with(service))
    };
    console.wait_until("the table as it is", |s| row(s, "TCP 9.8.0.1:80") && !row(s, "TCP 8.9.0."));
    let rules = table().iter().filter(|l| l.starts_with("-A ")).count();
    assert_eq!(rules, 103);
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

/// The machine sleeps for longer than a drain's time limit, as laptops and some virtual machines do.
/// It is told, the lines have a gap, and the time that nothing could drain in does not count.
#[test]
fn a_machine_that_slept_says_so_and_goes_on() {
    let Some(_lab) = Lab::with("services") else { return };
    let journal = "/tmp/slept.jsonl";
    sh(&format!("rm -f {journal}*"));
    let mut console = open_with(&["--interval", "500ms", "--journal", journal], HTTP, FIRST);
    let drain = ["drain", "-t", "10.0.0.1:80", "-r", FIRST, "--timeout", "25s", "--yes"];
    let ran = ipvs_tui(&[&drain[..], &["--journal", journal]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    console.keys("4");
    console.wait_until("the drain", |s| s.says("time is up in"));
    // The clock of this test stands still meanwhile, as the kernel's timers do.
    let (awake, wall) = (Instant::now(), std::time::SystemTime::now());
    sh("alarm=/sys/class/rtc/rtc0/wakealarm
        echo 0 >$alarm; echo +29 >$alarm; echo mem >/sys/power/state");
    let asleep = wall.elapsed().unwrap().saturating_sub(awake.elapsed());
    assert!(asleep.as_secs() >= 25, "slept for {asleep:?}");
    let told = |seconds| format!("the machine slept for {seconds} s");
    let about = asleep.as_secs() - 1..=asleep.as_secs() + 1;
    console.wait_until("it is told", |s| about.clone().any(|seconds| s.says(&told(seconds))));
    let screen = console.wait_until("it goes on", |s| s.header().contains("live"));
    assert!(screen.says("time is up in"), "after {:?}: {screen}", awake.elapsed());
    assert_eq!(weight(HTTP, FIRST), Some(0));
    console.keys("1");
    let screen = console.wait_until("the table", |s| s.server(HTTP, FIRST).is_some());
    let lines = screen.server(HTTP, FIRST).unwrap().lines;
    assert!(lines.trim_start_matches('·').contains('·'), "a gap: {screen}");
    sh(&format!("ipvsadm -e -t 10.0.0.1:80 -r {FOURTH} -m -w 33"));
    wait_for_weight(&console, FOURTH, 33);
    console.wait_until("the drain's time is up", |s| s.says("is up; weight 0 stays"));
    let took = awake.elapsed().as_secs();
    assert!((10..45).contains(&took), "{took} s awake");
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
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
