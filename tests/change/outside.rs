//! A real keepalived and ipvsadm at a table that the console watches: what they do is told as
//! theirs, what the console does is not, and a replay of it all shows what ipvsadm showed.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::common::lab::{Lab, sh, until, weight};
use crate::common::{Console, Launch, Screen, ipvs_tui, key};
use crate::keepalived::{
    CONFIG, FIRST, Keepalived, SECOND, SERVICE, TCP, config, start_second, stop_second,
};
use crate::tell;

const RECORDING: &str = "/run/recording";
/// A real server that keepalived knows nothing of.
const OTHER: &str = "10.1.3.2:80";

#[track_caller]
fn open() -> Console {
    let arguments = ["--interval", "500ms", "--record", RECORDING];
    let console = Launch::new(&arguments).size(118, 40).start();
    console.wait_until("the first screen", |s| s.server(SERVICE, FIRST).is_some());
    console
}

/// Waits until the row of a server has this weight, and returns the screen.
#[track_caller]
fn wait_for_weight(console: &Console, server: &str, wanted: u64) -> Screen {
    let what = format!("{server} has weight {wanted}");
    console.wait_until(&what, |s| s.server(SERVICE, server).is_some_and(|r| r.weight == wanted))
}

/// The same, marked as changed by others, of so many changes from outside.
#[track_caller]
fn wait_for_mark(console: &Console, server: &str, wanted: u64, outside: usize) -> Screen {
    let what = format!("{server} was given weight {wanted} by others");
    console.wait_until(&what, |s| {
        let count = s.header().contains(&format!("  {outside} outside"));
        count && s.server(SERVICE, server).is_some_and(|r| r.changed && r.weight == wanted)
    })
}

/// What ipvsadm shows of the second server, again and again, with the times right before and after.
struct Log {
    seen: Vec<(Timestamp, Timestamp, Option<u64>)>,
}

impl Log {
    fn look(&mut self) {
        let before = Timestamp::now();
        let seen = weight(SERVICE, SECOND);
        self.seen.push((before, Timestamp::now(), seen));
    }

    /// Looks until the second server's weight is as wanted.
    #[track_caller]
    fn until(&mut self, wanted: Option<u64>) {
        until(&format!("weight {wanted:?}"), || {
            self.look();
            self.seen.last().unwrap().2 == wanted
        });
        // While it stays so, there is a reading before and one after to compare with.
        for _ in 0..4 {
            std::thread::sleep(Duration::from_millis(300));
            self.look();
        }
    }
}

#[test]
fn keepalived_and_ipvsadm_are_told_as_others_and_a_replay_shows_what_was() {
    let Some(_lab) = Lab::with("nat") else { return };
    let begun = Instant::now();
    let _ = std::fs::remove_file(RECORDING);
    sh("rm -f /var/lib/ipvs-tui/journal.jsonl*"); // other tests have quiesced the same server
    let second = format!("weight 10\n inhibit_on_failure\n {TCP}");
    let keepalived = Keepalived::start(&config("", &second));
    sh("ipvsadm -a -t 10.0.0.1:80 -r 10.1.3.2:80 -m -w 10");
    let mut console = open();
    let mut log = Log { seen: Vec::new() };
    log.look();

    // keepalived's check fails, and recovers.
    stop_second();
    log.until(Some(0));
    let screen = wait_for_mark(&console, SECOND, 0, 1);
    assert!(screen.server(SERVICE, SECOND).unwrap().quiesced, "{screen}");
    assert!(!screen.server(SERVICE, FIRST).unwrap().changed, "{screen}");
    start_second();
    log.until(Some(10));
    wait_for_mark(&console, SECOND, 10, 2);

    // ipvsadm, on another server.
    sh("ipvsadm -e -t 10.0.0.1:80 -r 10.1.3.2:80 -m -w 4");
    wait_for_mark(&console, OTHER, 4, 3);

    // An own edit, and its undo: nobody else's.
    assert_eq!(console.screen().selected().unwrap().name, FIRST);
    console.keys("+");
    wait_for_weight(&console, FIRST, 11);
    console.keys("u");
    let screen = wait_for_weight(&console, FIRST, 10);
    assert!(!screen.server(SERVICE, FIRST).unwrap().changed, "{screen}");

    // A script of this program, in the same journal.
    let words = ["quiesce", "-t", "10.0.0.1:80", "-r", SECOND, "--yes", "--reason", "test"];
    let ran = ipvs_tui(&words);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    wait_for_weight(&console, SECOND, 0);
    let screen = console.wait_until("who did it", |s| s.says("weight 10 → 0, by root,"));
    assert!(screen.header().contains("3 outside"), "it is not from outside\n{screen}");
    log.until(Some(0));

    // A weight that goes back and forth.
    for (n, wanted) in [7, 4, 7, 4, 7].into_iter().enumerate() {
        sh(&format!("ipvsadm -e -t 10.0.0.1:80 -r {OTHER} -m -w {wanted}"));
        wait_for_weight(&console, OTHER, wanted);
        if n == 3 {
            console.wait_until("it is told as flapping", |s| {
                s.says("its weight flaps between 4 and 7, 5 times in")
                    || s.says("its weight flaps between 4 and 7, 4 times in")
            });
        }
    }
    console.wait_until("the mark of one that flaps", |s| {
        s.server(SERVICE, OTHER).is_some_and(|r| r.flapping)
    });

    // The journal has them all, with old and new value, and whose they were.
    console.keys("5");
    let screen =
        console.wait_until("the journal", |s| s.has(" outside  10.1.3.2:80 of 10.0.0.1:80: "));
    let lines = |wanted: &[&str]| {
        let all = |line: &&String| wanted.iter().all(|text| line.contains(text));
        screen.lines.iter().filter(all).count()
    };
    assert_eq!(lines(&["outside", SECOND, "weight 10 → 0"]), 1, "{screen}");
    assert_eq!(lines(&["outside", SECOND, "weight 0 → 10"]), 1, "{screen}");
    assert_eq!(lines(&["outside", OTHER, "weight 10 → 4"]), 1, "{screen}");
    assert_eq!(lines(&["outside", FIRST]), 0, "{screen}");
    assert_eq!(lines(&["root", FIRST, "weight 10 → 11"]), 1, "{screen}");

    // keepalived with its processes and configuration, and what it would do.
    console.keys("6");
    console.wait_until("the director", |s| s.has("This director"));
    console.keys("r");
    let pid = keepalived.0.id();
    let told = format!("keepalived, pid {pid} with ");
    let mut seen = String::new();
    for _ in 0..12 {
        seen += &console.screen().text();
        if seen.contains(&told) {
            break;
        }
        console.keys(key::PAGE_DOWN);
        std::thread::sleep(Duration::from_millis(300));
    }
    assert!(seen.contains(&told), "{told}\n{seen}");
    assert!(seen.contains(&format!("below it, reads {CONFIG}")), "{seen}");

    log.look();
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    replay_shows(&log);
    tell(format!("outside: {:.0} s", begun.elapsed().as_secs_f64()));
}

/// What was recorded is what ipvsadm showed at the same time.
fn replay_shows(log: &Log) {
    let ran = ipvs_tui(&["replay", RECORDING, "--format", "csv"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let rows: Vec<Vec<&str>> = ran.out.lines().skip(1).map(|l| l.split(',').collect()).collect();
    let recorded: Vec<(Timestamp, u64)> = rows
        .iter()
        .filter(|row| row[1..3] == [SERVICE, SECOND])
        .map(|row| (row[0].parse().unwrap(), row[5].parse().unwrap()))
        .collect();
    let mut compared = 0;
    for (from, to, weight) in &log.seen {
        // Where it is the same before and after, it was so in between.
        let first = recorded.partition_point(|(taken, _)| taken < from).checked_sub(1);
        let last = recorded.partition_point(|(taken, _)| taken <= to);
        let Some(around) = first.and_then(|first| recorded.get(first..=last)) else { continue };
        if around.iter().all(|(_, there)| *there == around[0].1) {
            assert_eq!(*weight, Some(around[0].1), "from {from} to {to}");
            compared += 1;
        }
    }
    assert!(compared * 2 > log.seen.len(), "{compared} of {}", log.seen.len());
    let mut steps: Vec<u64> = recorded.iter().map(|(_, weight)| *weight).collect();
    steps.dedup();
    assert_eq!(steps, [10, 0, 10, 0]);

    // At a time, as ipvsadm lists it.
    let zero = recorded.iter().find(|(_, weight)| *weight == 0).unwrap().0;
    let ran = ipvs_tui(&["replay", RECORDING, "--format", "text", "--at", &zero.to_string()]);
    let line = ran.out.lines().find(|line| line.contains(SECOND)).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[..4], ["->", SECOND, "Masq", "0"], "{line}");

    // What was changed, and by whom.
    let changes = ipvs_tui(&["replay", RECORDING, "--format", "changes"]).out;
    let count = |wanted: &[&str]| {
        changes.lines().filter(|line| wanted.iter().all(|text| line.contains(text))).count()
    };
    assert_eq!(count(&["outside", SECOND, "weight 10 -> 0"]), 1, "{changes}");
    assert_eq!(count(&["outside", SECOND, "weight 0 -> 10"]), 1, "{changes}");
    assert_eq!(count(&["root", SECOND, "weight 10 -> 0", "made"]), 1, "{changes}");
    assert_eq!(count(&["outside", FIRST]), 0, "{changes}");

    // In the console, too.
    let mut console = Launch::new(&["replay", RECORDING]).size(118, 40).start();
    console.wait_until("it plays", |s| s.header().contains("replay"));
    console.keys("n");
    wait_for_mark(&console, SECOND, 0, 1);
    console.keys("n");
    wait_for_mark(&console, SECOND, 10, 2);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}
