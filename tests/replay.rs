//! `--record` and `ipvs-tui replay` as an operator uses them: in a terminal, in a pipe, and on
//! files that are no recordings. On the embedded director; runs anywhere.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::{Console, Launch, Screen, ipvs_tui, key};
use rustix::process::Signal;

const HTTP: &str = "TCP 10.0.0.1:80";
const FIRST: &str = "10.1.1.2:80";

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("ipvs-tui-replay-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A console that records into `file`.
#[track_caller]
fn recording(file: &str) -> Console {
    let arguments = ["demo", "--seed", "1", "--interval", "200ms", "--record", file];
    let console = Launch::new(&arguments).start();
    console.wait_until("the first screen", |s| s.server(HTTP, FIRST).is_some());
    console
}

#[track_caller]
fn wait_for_weight(console: &Console, wanted: u64) -> Screen {
    let what = format!("weight {wanted}");
    console.wait_until(&what, |s| s.server(HTTP, FIRST).is_some_and(|r| r.weight == wanted))
}

#[track_caller]
fn wait_for_readings(console: &Console) {
    for _ in 0..3 {
        let before = console.screen().servers(HTTP);
        console.wait_until("another reading", |s| s.servers(HTTP) != before);
    }
}

/// Records an edit and its undo, and leaves.
fn recorded(file: &str) {
    let mut console = recording(file);
    wait_for_readings(&console);
    console.keys("+");
    wait_for_weight(&console, 11);
    wait_for_readings(&console);
    console.keys("u");
    wait_for_weight(&console, 10);
    wait_for_readings(&console);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

#[test]
fn what_was_done_is_played_with_its_keys() {
    let folder = Folder::new("keys");
    let file = folder.file("rec");
    recorded(&file);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let mut console = Launch::new(&["replay", &file]).start();
    let screen = console.wait_until("it plays", |s| s.has("replay") && s.has("1x"));
    assert!(screen.header().contains("demo web"), "{screen}");
    // A change after the other: while it is under way, and when it is through.
    let mut weights = Vec::new();
    for _ in 0..8 {
        let before = console.screen();
        console.keys("n");
        let screen = console.wait_until("it moves, or says that there is no more", |s| {
            s.lines != before.lines && (s.has("paused") || s.says("no change was recorded after"))
        });
        weights.push(screen.server(HTTP, FIRST).unwrap().weight);
        if screen.says("no change was recorded after this") {
            break;
        }
    }
    weights.dedup();
    assert!(weights.ends_with(&[11, 10]), "{weights:?}\n{}", console.screen());
    console.keys("5");
    console.wait_until("the journal of then", |s| s.says("weight 10 → 11"));
    console.keys("1").keys("J-1h").keys(key::ENTER);
    wait_for_weight(&console, 10);
    // A key that writes is none here, and x has no other meaning.
    console.keys("x");
    console.wait_until("nothing is done", |s| s.says("x does nothing here"));
    console.keys("60p");
    console.wait_until("it goes on", |s| s.has("1x"));
    console.keys("++++++++");
    console.wait_until("it ends by itself", |s| s.has("the end"));
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    console.assert_given_back();
}

#[test]
fn it_is_printed_for_programs() {
    let folder = Folder::new("print");
    let file = folder.file("rec");
    recorded(&file);
    let print = |arguments: &[&str]| {
        let all: Vec<&str> =
            ["replay", &file].into_iter().chain(arguments.iter().copied()).collect();
        let ran = ipvs_tui(&all);
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{arguments:?}");
        ran.out
    };
    let text = print(&["--format", "text"]);
    assert!(text.starts_with("IP Virtual Server version 1.2.1"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&print(&["--format", "json"])).unwrap();
    assert_eq!(json["schema"], "ipvs-tui/snapshot/1");
    let begin: serde_json::Value =
        serde_json::from_str(&print(&["--format", "json", "--at", "+0s"])).unwrap();
    assert!(begin["taken"].as_str() < json["taken"].as_str());
    assert!(print(&["--format", "ipvsadm"]).contains("-A -t 10.0.0.1:80 -s wlc"));

    let csv = print(&["--format", "csv"]);
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines[0][..3], ["time", "service", "server"]);
    assert!(lines.iter().all(|line| line.len() == lines[0].len()), "every row has all columns");
    let weights: Vec<&str> =
        lines.iter().filter(|line| line[1..3] == [HTTP, FIRST]).map(|line| line[5]).collect();
    let mut steps = weights.clone();
    steps.dedup();
    assert_eq!(steps, ["10", "11", "10"]);
    let later = print(&["--format", "csv", "--from", "+1s"]);
    assert!(later.lines().count() < csv.lines().count() && later.lines().count() > 1);

    let changes = print(&["--format", "changes"]);
    let told = "real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 10 -> 11: made";
    assert!(changes.contains(told), "{changes}");
    assert!(changes.contains("weight 11 -> 10: made"), "{changes}");
    assert!(changes.contains("begins to record demo web"), "{changes}");
}

#[test]
fn a_console_that_was_killed_leaves_what_it_saw() {
    let folder = Folder::new("killed");
    let file = folder.file("rec");
    let console = recording(&file);
    wait_for_readings(&console);
    console.signal(Signal::KILL);
    drop(console);
    let before = fs::read(&file).unwrap();
    let ran = ipvs_tui(&["replay", &file, "--format", "csv"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.out.lines().count() > 30);
    // Torn in the middle of its last frame, it plays up to there and says so.
    fs::write(&file, &before[..before.len() - 2]).unwrap();
    let torn = ipvs_tui(&["replay", &file, "--format", "csv"]);
    assert!(torn.err.contains("was cut: "), "{}", torn.err);
    assert!(ran.out.starts_with(&torn.out) && torn.out.len() < ran.out.len());
    // The next console goes on with it.
    let mut console = recording(&file);
    wait_for_readings(&console);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    let both = ipvs_tui(&["replay", &file, "--format", "csv"]);
    assert_eq!(both.err, "");
    assert!(both.out.starts_with(&torn.out) && both.out.len() > torn.out.len());
}

#[test]
fn what_cannot_be_recorded_into_is_told_before_the_screen_opens() {
    let folder = Folder::new("refused");
    let notes = folder.file("notes");
    fs::write(&notes, "buy milk\n").unwrap();
    let link = folder.file("link");
    std::os::unix::fs::symlink(&notes, &link).unwrap();
    let busy = folder.file("busy");
    let mut other = recording(&busy);
    for (file, why) in [
        (notes.as_str(), "is no recording of ipvs-tui"),
        (link.as_str(), "it is a symbolic link"),
        ("/no/such/folder/rec", "cannot be opened"),
        (busy.as_str(), "is being recorded into by"),
    ] {
        let launch = Launch::new(&["demo", "--record", file]).size(250, 24); // in one line
        let mut console = launch.start();
        console.wait_until(why, |s| s.says(why));
        assert_eq!(console.exit_code(), 1, "{file}");
        assert!(!console.raw().windows(8).any(|w| w == b"\x1b[?1049h"), "no screen was opened");
    }
    assert_eq!(fs::read_to_string(&notes).unwrap(), "buy milk\n");
    other.keys("q");
    assert_eq!(other.exit_code(), 0);
}

#[test]
fn what_is_no_recording_is_refused_with_a_sentence() {
    let folder = Folder::new("foreign");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.file(name);
        fs::write(Path::new(&path), bytes).unwrap();
        path
    };
    for (file, why) in [
        (write("notes", b"buy milk\n"), "is no recording of ipvs-tui"),
        (write("newer", b"ipvs-tui recording 7\n"), "by a newer ipvs-tui, in format 7"),
        (write("cut", b"ipvs-tui recor"), "holds no snapshot: it was cut before the first one"),
        (write("new", b"ipvs-tui recording 1\n"), "holds no snapshot: nothing was recorded yet"),
        (folder.file("missing"), "cannot be read: there is no such file"),
    ] {
        let ran = ipvs_tui(&["replay", &file]);
        assert_eq!(ran.code, Some(1), "{file}");
        assert!(ran.err.contains(why), "{file}: {}", ran.err);
        assert_eq!(ran.out, "");
    }
    let file = write("any", b"");
    for wrong in [
        &["replay", &file, "--at", "noon"][..],
        &["replay", &file, "--from", "+1s"],
        &["replay", &file, "--format", "xml"],
        &["demo", "--record-size", "2M"],
        &["demo", "--record", &file, "--record-size", "12"],
        &["replay"],
    ] {
        assert_eq!(ipvs_tui(wrong).code, Some(2), "{wrong:?}");
    }
}
