//! Two writers of one weight: ipvsadm sets it to the next hundred, `ipvs-tui weight -w +1` adds to
//! whatever it finds.
//!
//! The kernel has no compare-and-set. Between the program's last reading and its write there is a
//! moment in which it overwrites what someone else has just written, and no test can ask for less.
//! So one test stops the program behind each of its messages to the kernel in turn, and asks that
//! this moment is the only one. Another lets both run freely and tells how often it is hit.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use ipvs_tui::ipvs::Change;
use rustix::process::{Pid, Signal, kill_process};

use crate::common::lab::{Lab, sh, until, weight};
use crate::common::{ipvs_tui, program};
use crate::journal::{entries, made};
use crate::tell;

const SERVICE: &str = "TCP 10.0.0.1:80";
const SERVER: &str = "127.0.0.1:80";
const STEP: u32 = 100;

fn one_server() {
    sh(&format!("ipvsadm -A -t 10.0.0.1:80 -s rr && ipvsadm -a -t 10.0.0.1:80 -r {SERVER} -m"));
}

fn set(value: u32) {
    sh(&format!("ipvsadm -e -t 10.0.0.1:80 -r {SERVER} -m -w {value}"));
}

fn now() -> u32 {
    u32::try_from(weight(SERVICE, SERVER).unwrap()).unwrap()
}

/// The command line that adds one to the weight.
fn plus_one<'a>(reason: &'a str, journal: &'a Path) -> Vec<&'a str> {
    let journal = journal.to_str().unwrap();
    let words = ["weight", "-t", "10.0.0.1:80", "-r", SERVER, "-w", "+1", "--yes"];
    [&words[..], &["--reason", reason, "--journal", journal]].concat()
}

// --- message by message ---------------------------------------------------------------------------

const TRACE: &str = "/run/trace";

#[test]
fn only_between_the_last_reading_and_the_write_is_another_writer_overwritten() {
    let Some(_lab) = Lab::enter() else { return };
    one_server();
    set(STEP);
    let code = traced(None, || {});
    assert_eq!((code, now()), (Some(0), STEP + 1));
    let messages = messages();
    // IPVS_CMD_SET_DEST, and IPVS_CMD_GET_DEST before it.
    let write = messages.iter().position(|m| *m == 6).expect("a write");
    let reading = messages[..write].iter().rposition(|m| *m == 8).expect("a reading");

    let mut overwritten = Vec::new();
    for at in 0..messages.len() {
        set(STEP);
        let code = traced(Some(at), || set(2 * STEP));
        let found = now();
        let told = format!("stopped behind message {at} of {messages:?}: {code:?}, {found}");
        if at < reading {
            // Added to theirs, or a conflict and nothing written.
            let good = [(Some(0), 2 * STEP + 1), (Some(4), 2 * STEP)];
            assert!(good.contains(&(code, found)), "{told}");
        } else if at < write {
            overwritten.extend((found != 2 * STEP && found != 2 * STEP + 1).then_some(at));
        } else {
            assert_eq!(found, 2 * STEP, "theirs came last: {told}");
        }
    }
    tell(format_args!(
        "\n{} messages to the kernel; the last reading is number {reading}, the write {write}; \
         what another writes behind these is overwritten: {overwritten:?}",
        messages.len()
    ));
}

/// Runs the program under strace. Behind message `at` to the kernel it is stopped, `meanwhile` is
/// done, and it goes on. Returns its exit code.
#[track_caller]
fn traced(at: Option<usize>, meanwhile: impl Fn()) -> Option<i32> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", TRACE, "-e", "trace=sendto"]);
    if let Some(at) = at {
        strace.args(["-e", &format!("inject=sendto:signal=SIGSTOP:when={}", at + 1)]);
    }
    strace.arg(program()).args(plus_one("traced", Path::new("/tmp/traced.jsonl")));
    File::create(TRACE).unwrap();
    let output = File::create("/run/traced.output").unwrap();
    strace.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
    let mut strace = strace.spawn().unwrap();

    let mut stops = 0;
    until("the program has ended", || {
        let trace = std::fs::read_to_string(TRACE).unwrap();
        let stopped: Vec<&str> =
            trace.lines().filter(|l| l.contains("stopped by SIGSTOP")).collect();
        if let Some(line) = stopped.get(stops) {
            // Each thread counts its own messages.
            if stops == 0 {
                meanwhile();
            }
            let pid = line.split(' ').next().and_then(|pid| pid.parse().ok()).unwrap();
            kill_process(Pid::from_raw(pid).unwrap(), Signal::CONT).unwrap();
            stops += 1;
        }
        ended(&mut strace)
    });
    assert_eq!(stops > 0, at.is_some(), "{}", std::fs::read_to_string(TRACE).unwrap());
    strace.wait().unwrap().code()
}

fn ended(child: &mut Child) -> bool {
    child.try_wait().unwrap().is_some()
}

/// The commands of the messages that strace saw: those of IPVS, and 0 for others.
fn messages() -> Vec<u8> {
    let trace = std::fs::read_to_string(TRACE).unwrap();
    let command = |line: &str| {
        // sendto(3, [{nlmsg_len=68, ...}, "\x08\x01...: command 8 of the family's version 1
        let (_, payload) = line.split_once("}, \"\\x")?;
        let command = u8::from_str_radix(payload.get(..2)?, 16).ok()?;
        payload.get(2..)?.starts_with("\\x01").then_some(command)
    };
    trace.lines().filter(|l| l.contains("sendto(")).map(|l| command(l).unwrap_or(0)).collect()
}

// --- at full speed --------------------------------------------------------------------------------

const WRITES: u32 = 100;

#[test]
fn another_writer_is_told_from_the_value_that_was_expected() {
    let Some(_lab) = Lab::enter() else { return };
    one_server();
    let Race { lost, made, conflicts } = race(Path::new("/tmp/race.jsonl"));
    tell(format_args!(
        "\nipvsadm writes {WRITES} times, 0 to 450 ms apart: {made} edits made, {conflicts} refused \
         as conflicts, {lost} of ipvsadm's values overwritten"
    ));
    assert!(made > 0 && conflicts > 0, "there was a race");
    // That moment is much shorter than the time from the first reading on.
    assert!(lost * 2 <= conflicts, "{lost} overwritten, {conflicts} conflicts");
}

/// What came of a race.
struct Race {
    /// Values of ipvsadm that an edit replaced which expected another.
    lost: usize,
    made: usize,
    conflicts: usize,
}

/// A run of the program that has ended.
struct Run {
    /// Of the values that ipvsadm writes, the one that was written when it began, and the last one
    /// that may have been when it ended.
    between: (u32, u32),
    ended: Ended,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Made,
    /// Nothing was written.
    Conflict,
    /// It was written, and before that could be read again ipvsadm had written this.
    Overwritten(u32),
}

fn race(journal: &Path) -> Race {
    // What ipvsadm has begun to write, and what it has written, in steps.
    let (begun, written) = (AtomicU32::new(1), AtomicU32::new(1));
    let over = AtomicBool::new(false);
    set(STEP);
    let (lost, runs) = std::thread::scope(|scope| {
        let console = scope.spawn(|| {
            let mut runs = Vec::new();
            while !over.load(Ordering::SeqCst) {
                let from = written.load(Ordering::SeqCst);
                let ended = add_one(runs.len(), journal);
                runs.push(Run { between: (from, begun.load(Ordering::SeqCst)), ended });
            }
            runs
        });
        let mut lost = 0;
        for n in 2..=WRITES {
            std::thread::sleep(Duration::from_millis(u64::from(n * 7 % 10) * 50));
            lost += usize::from(now() / STEP != n - 1);
            begun.store(n, Ordering::SeqCst);
            set(n * STEP);
            written.store(n, Ordering::SeqCst);
        }
        over.store(true, Ordering::SeqCst);
        let runs = console.join().unwrap();
        (lost + usize::from(now() / STEP != WRITES), runs)
    });
    judge(&runs, journal);

    let count = |ended| runs.iter().filter(|run| run.ended == ended).count();
    Race { lost, made: count(Ended::Made), conflicts: count(Ended::Conflict) }
}

/// One run of the program.
fn add_one(number: usize, journal: &Path) -> Ended {
    let ran = ipvs_tui(&plus_one(&format!("run {number}"), journal));
    let shown = || {
        let (front, _) = ran.err.split_once(" now, but this change expected")?;
        let unseen = "the kernel acknowledged the change but does not show it";
        ran.err.contains(unseen).then(|| front.rsplit(' ').next()?.parse().ok()).flatten()
    };
    match (ran.code, shown()) {
        (Some(0), None) => Ended::Made,
        (Some(4), None) => Ended::Conflict,
        (Some(1), Some(shown)) => Ended::Overwritten(shown),
        _ => panic!("neither made, nor a conflict, nor overwritten: {ran:?}"),
    }
}

/// Each run that says 0 went up by one, from what ipvsadm wrote last or from what the run before
/// made of it; each that says 4 wrote nothing; each that was overwritten tells by which value.
#[track_caller]
fn judge(runs: &[Run], journal: &Path) {
    let entries = entries(journal);
    let mut ours = None;
    for (number, run) in runs.iter().enumerate() {
        let reason = format!("run {number}");
        let mine: Vec<_> = entries.iter().filter(|e| e["reason"] == reason.as_str()).collect();
        let made: Vec<Change> = mine.iter().flat_map(|e| made(e)).collect();
        let (first, last) = run.between;
        if run.ended != Ended::Made {
            assert_eq!(made, [], "{reason}: {:?}", run.ended);
        }
        match run.ended {
            Ended::Made => {}
            Ended::Conflict => continue,
            Ended::Overwritten(shown) => {
                let theirs = (first..=last).any(|n| shown == n * STEP);
                assert!(theirs, "{reason}: {shown}, ipvsadm wrote {first} to {last} times {STEP}");
                continue;
            }
        }
        let [Change::Server { before: Some(before), after: Some(after), .. }] = &made[..] else {
            panic!("{reason} made one change, says its exit code: {mine:#?}");
        };
        assert_eq!(after.weight, before.weight + 1, "{reason}");
        let theirs = (first..=last).any(|n| before.weight == n * STEP);
        assert!(
            theirs || ours == Some(before.weight),
            "{reason} went from {}; ipvsadm wrote {first} to {last} times {STEP}, the run before {ours:?}",
            before.weight
        );
        ours = Some(after.weight);
    }
}
