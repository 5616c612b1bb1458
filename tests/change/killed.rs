//! `kill -9` in the middle of a plan: the journal tells exactly what is made, and undo takes that
//! back.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ipvs_tui::ipvs::Change;
use serde_json::Value;

use crate::common::lab::{Lab, sh, table};
use crate::common::{ipvs_tui, program, run};
use crate::journal::{change, entries_and_damage};
use crate::tell;

const HOST: &str = "10.1.2.2";
const SERVICES: usize = 200;
const KILLS: u32 = 12;

#[test]
fn after_a_kill_the_journal_is_right_and_undo_works() {
    let Some(_lab) = Lab::with("nat") else { return };
    many_services();
    let (before, weights_before) = (table(), weights());
    let whole = undisturbed();
    assert_eq!(table(), before, "undone");

    tell(format_args!("\nquiescing a host in {SERVICES} services takes {whole:.0?}"));
    let mut in_the_middle = 0;
    for kill in 0..KILLS {
        // Evenly spread, in an order that looks like none.
        let part = f64::from(kill) * 0.618 % 1.0;
        let moment = match kill % 4 {
            3 => Moment::After(whole.mul_f64(part)),
            _ => Moment::Lines((part * SERVICES as f64) as usize),
        };
        let journal = PathBuf::from(format!("/tmp/killed-{kill}.jsonl"));
        let killed = quiesce_and_kill(&journal, moment);
        let now = weights();
        let says = what_it_says(&journal).map(|entry| judge(&entry, &weights_before, &now));
        let changed = now.iter().filter(|(_, weight)| **weight == 0).count();
        tell(format_args!(
            "{} {moment}: {changed} made, the journal says {}",
            if killed { "killed" } else { "had ended" },
            says.map_or("nothing".to_owned(), |(made, unknown)| format!(
                "{made} made and {unknown} unknown"
            )),
        ));
        assert!(says.is_some() || changed == 0, "nothing is made that is not written down");
        in_the_middle += usize::from(killed && (1..SERVICES).contains(&changed));
        if changed > 0 {
            undo(&journal);
        }
        assert_eq!(table(), before, "after undo");
    }
    assert!(in_the_middle >= 5, "kills hit the plan: {in_the_middle}");
}

/// A host with a real server in each of many services, with weights of their own, and another
/// server beside it.
fn many_services() {
    let mut rules = String::new();
    for n in 0..SERVICES {
        let service = format!("-t 10.0.0.1:{}", 1000 + n);
        rules += &format!("-A {service} -s wlc\n");
        rules += &format!("-a {service} -r {HOST}:80 -m -w {}\n", 1 + n % 9);
        rules += &format!("-a {service} -r 10.1.1.2:80 -m -w 5\n");
    }
    std::fs::write("/tmp/many", rules).unwrap();
    sh("ipvsadm -C && ipvsadm -R </tmp/many");
}

/// When it is killed.
#[derive(Clone, Copy)]
enum Moment {
    /// So long after its start.
    After(Duration),
    /// When its journal has that many lines, or a few more.
    Lines(usize),
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(time) => write!(f, "{time:.0?} after its start"),
            Self::Lines(lines) => write!(f, "behind line {lines} of its journal"),
        }
    }
}

/// How long the program takes when nobody kills it. What it does is taken back.
fn undisturbed() -> Duration {
    let journal = Path::new("/tmp/not-killed.jsonl");
    let begun = Instant::now();
    let ran = run(&mut quiesce(journal));
    let took = begun.elapsed();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let now = weights();
    assert!(now.iter().all(|((_, server), weight)| (*weight == 0) == server.starts_with(HOST)));
    undo(journal);
    took
}

fn quiesce(journal: &Path) -> Command {
    let mut command = Command::new(program());
    command.args(["quiesce", HOST, "--yes", "--reason", "test", "--journal"]).arg(journal);
    command
}

#[track_caller]
fn undo(journal: &Path) {
    let file = journal.to_str().unwrap();
    let ran = ipvs_tui(&["undo", "--yes", "--reason", "test", "--journal", file]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

/// Kills it at that moment. Whether it still ran.
fn quiesce_and_kill(journal: &Path, moment: Moment) -> bool {
    let mut command = quiesce(journal);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    match moment {
        Moment::After(time) => std::thread::sleep(time),
        Moment::Lines(wanted) => {
            let lines =
                || std::fs::read(journal).map_or(0, |l| l.split(|b| *b == b'\n').count() - 1);
            while lines() < wanted && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    let ended = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    if let Some(status) = ended {
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(status.success(), "{status}: {said}");
    }
    ended.is_none()
}

type Weights = BTreeMap<(String, String), u32>;

/// The weights that ipvsadm shows, by service (`TCP 10.0.0.1:1000`) and server.
fn weights() -> Weights {
    let table = table();
    let servers = table.iter().filter(|line| line.starts_with("-a "));
    servers
        .map(|line| {
            // -a -t SERVICE -r SERVER -m -w WEIGHT
            let words: Vec<&str> = line.split(' ').collect();
            let name = (format!("TCP {}", words[2]), words[4].to_owned());
            (name, words[7].parse().unwrap())
        })
        .collect()
}

/// The entry of the killed process. Its last line may be torn: the kernel ends a write between two
/// pages of the file for a process that is killed. No other may.
#[track_caller]
fn what_it_says(journal: &Path) -> Option<Value> {
    let (entries, damaged) = entries_and_damage(journal);
    if let Some(torn) = damaged.first() {
        let whole = std::fs::read(journal).unwrap();
        assert_ne!(whole.last(), Some(&b'\n'), "{torn}");
        assert_eq!(torn["line"], whole.split(|byte| *byte == b'\n').count(), "the last: {torn}");
        assert!(torn["why"].as_str().unwrap().starts_with("it stops in the middle"), "{torn}");
        tell(format_args!("the last line is torn: {torn}"));
    }
    assert!(damaged.len() <= 1, "{damaged:?}");
    assert!(entries.len() <= 1, "{entries:?}");
    entries.into_iter().next()
}

/// Holds the table against what an entry says of each of its changes. Returns how many it says are
/// made, and of how many it says that it does not know.
#[track_caller]
fn judge(entry: &Value, before: &Weights, now: &Weights) -> (usize, usize) {
    let changes = entry["changes"].as_array().unwrap();
    assert_eq!(changes.len(), SERVICES);
    let (mut expected, mut made, mut unknown) = (before.clone(), 0, 0);
    for told in changes {
        let planned = change(&told["planned"]);
        let Change::Server { service, before: Some(was), after: Some(shall) } = planned else {
            panic!("it is about no weight: {told}");
        };
        let name = (service.to_string(), was.key.to_string());
        assert_eq!((before[&name], 0), (was.weight, shall.weight), "{told}");
        match told["state"].as_str().unwrap() {
            "made" => {
                expected.insert(name, 0);
                made += 1;
            }
            "not_tried" | "refused" => {}
            "unknown" => {
                assert!([was.weight, 0].contains(&now[&name]), "{told}");
                expected.insert(name.clone(), now[&name]);
                unknown += 1;
            }
            other => panic!("'{other}' is no state for it: {told}"),
        }
    }
    assert!(unknown <= 1, "one change is under way at a time: {unknown} unknown");
    assert_eq!(*now, expected, "the table, and what the journal says of it");
    (made, unknown)
}
