//! The program with configuration files: what holds, what is told, and what the screen then shows.
//! Runs anywhere, without root and without IPVS.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::{Launch, Ran, ipvs_tui, program, run};

/// A file that is gone when the test is over.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let name = format!("ipvs-tui-{}-{name}.toml", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn printing_needs_no_terminal_no_root_and_no_ipvs() {
    for words in [&[][..], &["watch"], &["demo"], &["--read-only"]] {
        for option in ["--print-config", "--print-keys"] {
            let Ran { code, out, err } = ipvs_tui(&[words, &[option]].concat());
            assert_eq!((code, err.as_str()), (Some(0), ""), "{words:?} {option}");
            let watches = words.first().is_some_and(|word| *word != "demo");
            let expected = if option == "--print-config" {
                format!("\nread_only = {watches}  # ")
            } else {
                "\nquit = [\"q\", \"Ctrl-c\"]".to_owned()
            };
            assert!(out.contains(&expected), "{words:?} {out}");
            if option == "--print-keys" {
                assert_eq!(out.contains("\nquiesce = "), !watches, "{words:?} {out}");
            }
        }
    }
}

#[test]
fn arguments_count_more_than_files() {
    let file = File::new("arguments", "interval = '5s'\nascii = false\nslow = true\n");
    let printed = |words: &[&str]| {
        let Ran { code, out, err } =
            ipvs_tui(&[words, &["--config", file.path(), "--print-config"]].concat());
        assert_eq!((code, err.as_str()), (Some(0), ""), "{words:?}");
        out
    };
    let out = printed(&["demo", "--interval", "2s"]);
    assert!(out.contains("\ninterval = \"2s\"  # the command line\n"), "{out}");
    assert!(out.contains(&format!("\nslow = true  # {}:3\n", file.path())), "{out}");
    let out = printed(&["--ascii", "--journal", "/tmp/j"]);
    assert!(out.contains("\nascii = true  # the command line\n"), "{out}");
    assert!(out.contains("\njournal = \"/tmp/j\"  # the command line\n"), "{out}");
    assert!(out.contains(&format!("\ninterval = \"5s\"  # {}:1\n", file.path())), "{out}");
    let out = printed(&["--no-journal"]);
    assert!(out.contains("\n# journal = ...  # the command line\n"), "{out}");
}

#[test]
fn every_mistake_is_told_before_the_screen_opens() {
    let file = File::new("mistakes", "intervall = '1s'\n\n[keys]\nquiesce = 'Enter'\n");
    for words in ["", "demo", "watch", "--print-keys"] {
        let script = format!("exec \"$TUI\" {words} --config {}", file.path());
        let mut console = Launch::shell(&script).size(250, 24).start();
        assert_eq!(console.exit_code(), 2, "{words}");
        console.assert_given_back();
        let raw = String::from_utf8_lossy(&console.raw()).replace("\r\n", "\n");
        assert!(!raw.contains('\u{1b}'), "{raw:?}");
        let lines: Vec<&str> = raw.lines().collect();
        assert_eq!(lines.len(), 2, "{raw}");
        assert!(
            lines[0].starts_with(&format!("ipvs-tui: {}:1: 'intervall'", file.path())),
            "{raw}"
        );
        assert!(
            lines[1].starts_with(&format!("ipvs-tui: {}:4: the key Enter", file.path())),
            "{raw}"
        );
    }
    let ran = ipvs_tui(&["demo", "--config", "/no/such/file"]);
    let told = "ipvs-tui: /no/such/file: cannot be read: it does not exist\n";
    assert_eq!((ran.code, ran.err.as_str()), (Some(2), told));
}

/// Which themes there are shows only when they are read; the mistake stands in the file.
#[test]
fn a_theme_that_there_is_not_is_told_with_its_line() {
    let file = File::new("theme", "slow = true\ntheme = 'drak'\n");
    let said = format!("ipvs-tui: {}:2: no theme is called 'drak'; there are dark, ", file.path());
    for words in [&["demo"][..], &["watch"], &["--print-config"], &["--print-keys"]] {
        let ran = ipvs_tui(&[words, &["--config", file.path()]].concat());
        assert_eq!((ran.code, ran.out.as_str()), (Some(2), ""), "{words:?}");
        assert!(ran.err.starts_with(&said), "{words:?} {}", ran.err);
    }
    // What the command line asks for stands in no file, and counts more.
    let ran = ipvs_tui(&["demo", "--config", file.path(), "--theme", "lihgt", "--print-config"]);
    assert!(
        ran.err.starts_with("ipvs-tui: no theme is called 'lihgt'; there are light"),
        "{ran:?}"
    );
    let ran = ipvs_tui(&["demo", "--config", file.path(), "--theme", "light", "--print-config"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
}

/// Help, footer and sentences name the keys that are bound.
#[test]
fn the_screen_shows_the_keys_that_hold() {
    let keys =
        "rate = 'inbps'\n[keys]\nquiesce = 'X'\nhelp = ['F2', '!']\nundo = 'y'\nclose = 'Tab'\n";
    let file = File::new("screen", keys);
    let mut console = Launch::new(&["demo", "--config", file.path()]).size(120, 50).start();
    let screen = console.wait_until("the first screen", |s| s.has("10.1.1.2:80"));
    for text in ["X quiesce", "F2 help"] {
        assert!(screen.footer().contains(text), "the foot lacks '{text}'\n{screen}");
    }
    assert!(screen.heads().contains("InBPS"), "{screen}");
    console.keys("x");
    console.wait_until("x is nobody's", |s| s.says("x does nothing here; F2 shows every key"));
    console.keys("!");
    let screen = console.wait_until("help", |s| s.has("Keys (Tab closes"));
    let line = screen.lines.iter().find(|l| l.contains("weight 0 now: no new")).unwrap();
    assert!(line.contains(" X  weight 0 now"), "{screen}");
    console.keys("\t");
    console.wait_until("help is closed", |s| !s.has("Keys ("));
    console.keys("X");
    console.wait_until("undo is offered", |s| s.footer().contains("y undo"));
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

/// Where nothing can be drained, no key for it is told.
#[test]
fn an_empty_list_of_drains_tells_how_to_drain_where_that_can_be_done() {
    let file = File::new("drains", "[keys]\ndrain = 'K'\nview-drains = 'L'\n");
    for (words, told) in [(&[][..], true), (&["--read-only"], false)] {
        let words = [&["demo", "--config", file.path()], words].concat();
        let mut console = Launch::new(&words).size(80, 24).start();
        console.wait_until("the first screen", |s| s.has("10.1.1.2:80"));
        console.keys("L");
        let screen = console.wait_until("no drains", |s| s.has("Nothing is drained."));
        assert_eq!(screen.has("In the services (1), K drains the selected"), told, "{screen}");
        assert!(!screen.has("drain-host"), "{screen}");
        assert!(screen.has("A drain shows here") || screen.says("A drain shows here"), "{screen}");
        console.keys("q");
        assert_eq!(console.exit_code(), 0);
    }
}

/// Consoles and scripts write one journal, so that each can undo what the others did.
#[test]
fn scripts_follow_the_journal_of_the_files() {
    let folder = std::env::temp_dir().join(format!("ipvs-tui-xdg-{}", std::process::id()));
    fs::create_dir_all(folder.join("ipvs-tui")).unwrap();
    let config = folder.join("ipvs-tui/config.toml");
    let journal = |arguments: &[&str]| {
        let mut command = Command::new(program());
        run(command.args(arguments).env("XDG_CONFIG_HOME", &folder))
    };
    let kept = folder.join("kept.jsonl");
    fs::write(&kept, "this is no entry\n").unwrap();
    fs::write(&config, format!("journal = '{}'", kept.display())).unwrap();
    let ran = journal(&["journal"]);
    assert!(ran.code == Some(0) && ran.out.contains("line 1 cannot be used"), "{ran:?}");
    fs::write(&config, "journal = 'j.jsonl'").unwrap();
    for arguments in [&["journal"][..], &["quiesce", "10.0.0.1"]] {
        let ran = journal(arguments);
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.err.contains("config.toml:1: 'journal' wants the whole path"), "{ran:?}");
    }
    let ran = journal(&["journal", "--journal", kept.to_str().unwrap()]);
    assert!(ran.code == Some(0) && ran.out.contains("line 1 cannot be used"), "{ran:?}");
    fs::remove_dir_all(folder).unwrap();
}
