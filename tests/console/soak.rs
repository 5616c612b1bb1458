//! The console for a long time: the embedded director read every 50 ms, with servers that come, go
//! and are drained, and somebody at the keys. Memory must stay flat and no descriptor, thread or line
//! may be lost.
//!
//! Ten minutes are simulated. The director's clock, and with it everything that the console keeps
//! of the past, goes ten times as fast as the readings come: half a second with each, 1,200 of
//! them. After the first five minutes the history of the last minute and of the last five has its
//! size, as have the allocator and the screens, and the counting begins. It goes by the director's
//! clock, so that a slow machine takes longer and does not do less. Samples of the connection
//! table are taken as always, every 30 seconds of real time, and every 2 while they are looked at.

use std::fs;
use std::time::{Duration, Instant};

use super::common::{self, Console, Launch};

const HTTP: &str = "TCP 10.0.0.1:80";
/// Where the director's clock stands (it begins at 12:00) when all has its size, and at the end.
const WARM: &str = "12:05";
const END: &str = "12:10";
/// MiB that it may grow meanwhile: averages of 30 seconds, which are kept for half an hour, and the
/// journal in memory.
const GROWTH: f64 = 2.0;
/// What a round needs for a moment, and the allocator keeps for the next, comes and goes by as much:
/// the least of so many rounds is what is held.
const ROUNDS: usize = 5;
/// A machine that is so slow says nothing about memory.
const TOO_SLOW: Duration = Duration::from_secs(600);

#[test]
fn for_ten_minutes_of_churn_nothing_is_lost() {
    if common::in_lab() {
        eprintln!("left out: needs no kernel");
        return;
    }
    let arguments = [
        "demo",
        "--scenario",
        "incident",
        "--interval",
        "50ms",
        "--speed",
        "10",
        "--budget",
        "100%",
    ];
    let mut console = Launch::new(&arguments).size(120, 40).env("TZ", "UTC").start();
    console.wait_until("the first screen", |s| !s.servers(HTTP).is_empty());
    let begun = Instant::now();
    let (mut rounds, mut held) = (0, Vec::new());
    // What an operator does: looks around, changes weights, looks at details; and the time.
    let mut work = |console: &mut Console, until: &str| loop {
        for keys in ["gj", "+", "-", "\r", "\x1b", "2", "3", "4", "5", "6", "1", "G", "z", "t", "?"]
        {
            console.keys(keys);
            std::thread::sleep(Duration::from_millis(60));
        }
        for keys in ["?", "1", "g", "p"] {
            console.keys(keys);
            std::thread::sleep(Duration::from_millis(60));
        }
        let screen = console.wait_until("the time", |s| s.header().contains("frozen at "));
        let time = screen.header().split("frozen at ").nth(1).unwrap()[..5].to_owned();
        console.keys("p");
        console.wait_until("it goes on", |s| s.header().contains("live"));
        rounds += 1;
        held.push(resident(console));
        if time.as_str() >= until {
            let last = held.iter().rev().take(ROUNDS);
            break Held {
                memory: last.copied().fold(f64::INFINITY, f64::min),
                ..Held::by(console)
            };
        }
        assert!(begun.elapsed() < TOO_SLOW, "only {time} after {rounds} rounds");
    };
    let before = work(&mut console, WARM);
    let after = work(&mut console, END);
    eprintln!("{rounds} rounds in {:.0?}; {before:?} then {after:?}", begun.elapsed());
    assert!(after.memory - before.memory <= GROWTH, "{before:?} then {after:?}");
    assert_eq!(after.descriptors, before.descriptors);
    assert_eq!(after.threads, before.threads);
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
    /// Between two looks at the connection table, which have a thread of their own for a moment.
    fn by(console: &Console) -> Self {
        let place = format!("/proc/{}", console.pid().as_raw_nonzero());
        let looks = || {
            fs::read_dir(format!("{place}/task")).unwrap().any(|task| {
                let name = fs::read_to_string(task.unwrap().path().join("comm"));
                name.is_ok_and(|name| name.trim() == "connections")
            })
        };
        while looks() {
            std::thread::sleep(Duration::from_millis(5));
        }
        let count = |folder: &str| fs::read_dir(format!("{place}/{folder}")).unwrap().count();
        let memory = resident(console);
        Self { memory, descriptors: count("fd"), threads: count("task") }
    }
}

/// MiB of memory.
fn resident(console: &Console) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", console.pid())).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
