//! The console for a long time: the embedded director read every 50 ms, with servers that come,
//! go and are drained. Ten minutes of polls at the default interval are over in half a minute; this
//! takes somewhat longer. Memory must stay flat and no descriptor, thread or line may be lost.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]

mod common;

use std::fs;
use std::time::{Duration, Instant};

use common::{Console, Launch};

const HTTP: &str = "TCP 10.0.0.1:80";
/// Until the history and the allocator have their size, and how long it is watched then.
const WARM: Duration = Duration::from_secs(25);
const LONG: Duration = Duration::from_secs(40);
/// MiB that it may grow meanwhile: what is left of the history's first minutes, which are kept
/// dense, and the journal in memory.
const GROWTH: f64 = 2.0;

#[test]
fn for_as_many_polls_as_ten_minutes_have_nothing_is_lost() {
    if common::in_lab() {
        eprintln!("left out: needs no kernel");
        return;
    }
    let arguments = ["demo", "--scenario", "incident", "--interval", "50ms", "--budget", "100%"];
    let mut console = Launch::new(&arguments).size(120, 40).start();
    console.wait_until("the first screen", |s| !s.servers(HTTP).is_empty());
    // What an operator does: looks around, changes weights, adds and deletes, looks at details.
    let mut rounds = 0;
    let mut work = |console: &mut Console, time: Duration| {
        let begun = Instant::now();
        while begun.elapsed() < time {
            for keys in ["gj", "+", "-", "\r", "\x1b", "2", "3", "4", "5", "1", "G", "z", "t", "?"]
            {
                console.keys(keys);
                std::thread::sleep(Duration::from_millis(60));
            }
            console.keys("\x1b");
            rounds += 1;
        }
    };
    work(&mut console, WARM);
    let before = Held::by(&console);
    work(&mut console, LONG);
    let after = Held::by(&console);
    eprintln!("{rounds} rounds; {before:?} then {after:?}");
    assert!(after.memory - before.memory <= GROWTH, "{before:?} then {after:?}");
    assert_eq!(after.descriptors, before.descriptors);
    assert_eq!(after.threads, before.threads);
    console.keys("\x1b1g");
    console.wait_until("the table, live as at first", |s| {
        s.header().contains("live") && !s.servers(HTTP).is_empty()
    });
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

/// What a process holds.
#[derive(Debug)]
struct Held {
    /// MiB.
    memory: f64,
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn by(console: &Console) -> Self {
        let place = format!("/proc/{}", console.pid().as_raw_nonzero());
        let count = |folder: &str| fs::read_dir(format!("{place}/{folder}")).unwrap().count();
        let status = fs::read_to_string(format!("{place}/status")).unwrap();
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        Self { memory: kib / 1024.0, descriptors: count("fd"), threads: count("task") }
    }
}
