//! What the console sends to its terminal, beside what people run today, in one run.
//!
//! Needs root and IPVS, and replaces the table: `tests/lab/bench bookworm bytes` runs it in a
//! guest. At 80x24, on the cluster of `topology nat` under live traffic, the console (also with
//! `--slow`) and `watch -n1 ipvsadm -Ln --rate` each have a terminal of their own, all at the same
//! time, and what they write is counted. So is what the console writes in a namespace without any
//! traffic, when nothing on the screen changes.
//!
//! Fails where the console sends more than 2.5 times what `watch` does, which draws no lines of
//! values, or anything at all when nothing changes.

#![allow(clippy::print_stdout, clippy::print_stderr)] // a benchmark prints what it saw
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;

use std::process::{Command, ExitCode};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::{Console, Launch};

/// Long enough that one busy second of the traffic does not decide.
const SECONDS: u64 = 45;
/// The console may send so many times what `watch` sends: it draws lines of values.
const BOUND: f64 = 2.5;

fn main() -> ExitCode {
    if !common::in_lab() {
        println!("left out: a real kernel is needed; run it with tests/lab/bench bookworm bytes");
        return ExitCode::SUCCESS;
    }
    sh("topology nat; traffic start 75");
    // Another namespace has no clients: there, nothing changes once the lines of values are full.
    sh("ipr netns add other; ipr netns exec other ipr link set lo up");
    sh("ipr netns exec other ipvsadm -A -t 10.0.0.1:80");
    let still = [("ipvs-tui, nothing changes", console(&["--netns", "other"]).start())];
    let started = Instant::now();
    let rows = [
        ("ipvs-tui", console(&[])),
        ("ipvs-tui --slow", console(&["--slow"])),
        ("ipvs-tui --interval 5s", console(&["--interval", "5s"])),
        (
            "watch -n1 ipvsadm -Ln --rate",
            Launch::any(&["pwatch", "-n1", "ipvsadm", "-Ln", "--rate"]),
        ),
    ];
    let running = rows.map(|(name, launch)| (name, launch.start()));
    sleep(Duration::from_secs(8)); // the rates have come up
    let live = counted(&running);
    println!("80x24, {SECONDS} s of live traffic, 3 services x 4 servers:");
    for ((name, _), bytes) in running.iter().zip(&live) {
        println!("{name:<32} {bytes:>8} bytes, {:>6} a second", bytes / SECONDS);
    }
    drop(running);
    sleep(Duration::from_secs(66).saturating_sub(started.elapsed()));
    let nothing = counted(&still)[0];
    println!("{:<32} {nothing:>8} bytes", still[0].0);
    if nothing > 0 {
        let raw = still[0].1.raw();
        println!("the last of it: {}", raw[raw.len().saturating_sub(400)..].escape_ascii());
    }
    let (ours, watch) = (live[0], live[3]);
    println!("the console sends {:.2} of what watch sends", ours as f64 / watch as f64);
    let mut failed = false;
    for (wrong, what) in [
        (ours as f64 > BOUND * watch as f64, "MISSED: the console sends too much"),
        (live[1] > ours * 11 / 10, "MISSED: --slow sends more"),
        (nothing > 0, "MISSED: something is sent when nothing changes"),
        (watch == 0, "watch has sent nothing: nothing was measured"),
    ] {
        if wrong {
            println!("{what}");
            failed = true;
        }
    }
    ExitCode::from(u8::from(failed))
}

fn console(more: &[&str]) -> Launch {
    Launch::new(&[&["--no-journal"], more].concat())
}

/// What each writes in the time.
fn counted<const N: usize>(running: &[(&str, Console); N]) -> [u64; N] {
    let written = |(_, console): &(&str, Console)| console.raw().len() as u64;
    let before = running.each_ref().map(written);
    sleep(Duration::from_secs(SECONDS));
    let after = running.each_ref().map(written);
    std::array::from_fn(|n| after[n] - before[n])
}

fn sh(script: &str) {
    let status = Command::new("sh").args(["-ec", script]).status().expect("a shell");
    assert!(status.success(), "{script}");
}
