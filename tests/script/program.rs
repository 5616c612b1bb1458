//! The program itself: arguments, streams and exit codes, on an embedded director.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::common::{Ran, ipvs_tui, program};

/// Runs on an embedded director; blanks part words.
fn demo(words: &str) -> Ran {
    let words: Vec<&str> = words.split_whitespace().chain(["--demo"]).collect();
    ipvs_tui(&words)
}

/// A folder that goes when the test is over.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("script-program-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn journal(&self) -> String {
        self.0.join("journal").to_str().unwrap().to_owned()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Every verb, with a word of what it plans.
const VERBS: [(&str, &str); 12] = [
    ("weight -w 50% -t 10.0.0.1:80 -r 10.1.1.2", "weight 10 -> 5"),
    ("weight -w -3 10.1.1.2", "weight 10 -> 7"),
    ("quiesce -t 10.0.0.1:80 -r 10.1.1.2:80", "weight 10 -> 0"),
    ("drain 10.1.1.2", "drain 10.1.1.2 everywhere"),
    ("scheduler -t 10.0.0.1:80 mh -b mh-fallback,mh-port", "none -> mh-fallback,mh-port"),
    (
        "add -t 10.0.0.8:80 -s wlc -p -M 24",
        "ipvsadm -A -t 10.0.0.8:80 -s wlc -p 300 -M 255.255.255.0",
    ),
    ("add -t 10.0.0.1:80 -r 10.1.9.9 -m -w 3", "ipvsadm -a -t 10.0.0.1:80 -r 10.1.9.9:80 -m -w 3"),
    ("edit -t 10.0.0.1:443 -p 60", "persistence 300 s -> 60 s"),
    ("edit -f 5 -r 10.3.0.7 -x 9 -y 3", "upper threshold 0 -> 9"),
    (
        "delete -t [fd00::1]:443 -r [fd00::11]:443",
        "ipvsadm -d -t '[fd00::1]:443' -r '[fd00::11]:443'",
    ),
    ("delete -u 10.0.0.1:53", "ipvsadm -D -u 10.0.0.1:53"),
    ("weight -w 0 -f 5 -r 10.3.0.7", "offered to 'quiesce' and 'drain'"),
];

#[test]
fn a_dry_run_tells_the_plan_and_touches_nothing() {
    for (words, told) in VERBS {
        let home = Home::new();
        let Ran { code, out, err } =
            demo(&format!("{words} --dry-run --journal {}", home.journal()));
        assert_eq!((code, err.as_str()), (Some(0), ""), "{words}: {out}");
        assert!(out.contains(told), "{words}: {out}");
        assert!(out.contains("ipvsadm -"), "{words}: {out}");
        assert!(out.ends_with("dry run: nothing was changed\n"), "{words}: {out}");
        assert_eq!(fs::read_dir(&home.0).unwrap().count(), 0, "{words}");
        let Ran { code, out, err } = demo(&format!("{words} --dry-run --json"));
        assert_eq!((code, err.as_str()), (Some(0), ""), "{words}: {out}");
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["outcome"], "dry_run", "{words}");
        assert_eq!(document["entry"], Value::Null, "{words}");
        for change in document["changes"].as_array().unwrap() {
            assert_eq!(change["state"], "not_made", "{words}");
            assert!(change["planned"].is_object(), "{words}");
        }
    }
}

#[test]
fn what_is_done_is_written_down_with_its_reason() {
    let home = Home::new();
    let journal = home.journal();
    let arguments =
        ["drain", "10.1.1.2", "--demo", "--reason", "new\u{1b}[2J disks", "--journal", &journal];
    let Ran { code, out, err } = ipvs_tui(&arguments);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert_eq!(out.lines().filter(|line| line.starts_with("made: ")).count(), 2, "{out}");
    let undo = out.lines().last().unwrap();
    assert!(undo.contains("'ipvs-tui undo ") && undo.contains(&journal), "{out}");
    let Ran { code, out, .. } = ipvs_tui(&["journal", "--journal", &journal]);
    assert_eq!(code, Some(0));
    assert!(out.contains("disks") && !out.contains('\u{1b}'), "{out:?}");
    // The next process has another director, and the same journal.
    let Ran { code, out, err } = ipvs_tui(&["undo", "--demo", "--journal", &journal]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "the weights are as before: {out}");
}

#[test]
fn control_characters_are_shown_and_not_passed_on() {
    let hostile = "x\u{1b}[2Jy\u{9b}z\u{202e}";
    let arguments = ["drain", "10.1.1.2", "--demo", "--dry-run", "--reason", hostile];
    let Ran { code, out, .. } = ipvs_tui(&arguments);
    assert_eq!(code, Some(0));
    assert!(out.contains("reason: x\\u{1b}[2Jy\\u{9b}z"), "{out:?}");
    assert!(!out.contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{out:?}");
    for arguments in [
        &["drain", hostile][..],
        &["drain", "-t", hostile, "-r", "10.1.1.2"],
        &["scheduler", "-t", "10.0.0.1:80", hostile],
        &["undo", hostile],
        &["weight", "10.1.1.2", "-w", hostile],
        &["edit", "-t", "10.0.0.1:80", "-b", hostile],
    ] {
        let Ran { code, err, .. } = ipvs_tui(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {err}");
        assert!(!err.contains(['\u{1b}', '\u{7}']), "{arguments:?}: {err:?}");
    }
}

#[test]
fn exit_codes_are_what_scripts_look_at() {
    for (words, wanted) in [
        ("weight -w 3 -t 10.0.0.1:80 -r 10.1.1.2", 0),
        ("weight -w 10 -t 10.0.0.1:80 -r 10.1.1.2", 0),
        ("weight -w 3 -t 10.0.0.1:81 -r 10.1.1.2", 1),
        ("weight -w x -t 10.0.0.1:80 -r 10.1.1.2", 2),
        ("edit -t 10.0.0.1:80 -b mh-port", 2),
        ("delete -t 10.0.0.1:80", 3),
        ("add -t 10.0.0.1:80 -s rr", 4),
        ("drain 10.1.1.2 --wait --timeout 1s", 5),
    ] {
        let Ran { code, out, err } = demo(words);
        assert_eq!(code, Some(wanted), "{words}: {out}{err}");
        assert_eq!(err.is_empty(), wanted == 0, "{words}: {err}");
        if wanted == 2 && err.starts_with("error: ") {
            continue; // clap's
        }
        let Ran { code, out, .. } = demo(&format!("{words} --json"));
        assert_eq!(code, Some(wanted), "{words}: {out}");
        let document: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(document["exit_code"], wanted, "{words}");
    }
}

/// The command line is wrong: exit code 2 and a sentence.
#[track_caller]
fn assert_usage(words: &str, told: &[&str]) {
    let words: Vec<&str> = words.split_whitespace().collect();
    let Ran { code, out, err } = ipvs_tui(&words);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{words:?}: {err}");
    let sentence = err.split("\n\n").next().unwrap();
    assert!(sentence.starts_with("error: "), "{words:?}: {err}");
    for word in told {
        assert!(sentence.contains(word), "{words:?}: '{word}' is not in '{sentence}'");
    }
}

#[test]
fn what_is_missing() {
    for verb in ["quiesce", "drain", "restore", "weight -w 3", "delete"] {
        assert_usage(verb, &["say which real server", "HOST"]);
        assert_usage(&format!("{verb} -r 10.1.1.2:80"), &["of which service"]);
    }
    assert_usage("drain -t 10.0.0.1:80", &["which real server of it"]);
    assert_usage("weight 10.1.1.2", &["--weight"]);
    assert_usage("scheduler wlc", &["which service"]);
    assert_usage("scheduler -t 10.0.0.1:80", &["NAME"]);
    assert_usage("add -t 10.0.0.1:80", &["-s", "-r"]);
    assert_usage("add -s wlc", &["which service"]);
    assert_usage("edit -t 10.0.0.1:80", &["what of it shall change"]);
    assert_usage("edit -t 10.0.0.1:80 -r 10.1.1.2", &["what of it shall change"]);
    assert_usage("drain 10.1.1.2 --then restore", &["--timeout"]);
    assert_usage("weight 10.1.1.2 -w 3 --timeout 3s", &["--wait"]);
}

#[test]
fn what_does_not_go_together() {
    assert_usage(
        "drain -t 10.0.0.1:80 -u 10.0.0.1:53 -r 10.1.1.2",
        &["--tcp-service", "--udp-service"],
    );
    assert_usage("drain 10.1.1.2 -t 10.0.0.1:80", &["HOST", "--tcp-service"]);
    assert_usage("drain 10.1.1.2 -r 10.1.1.2", &["HOST", "--real-server"]);
    assert_usage("drain -t 10.0.0.1:80 -6 -r 10.1.1.2", &["--ipv6", "--tcp-service"]);
    assert_usage("drain -6 -r 10.1.1.2", &["of which service"]);
    assert_usage("drain 10.1.1.2 -6", &["HOST", "--ipv6"]);
    assert_usage("add -t 10.0.0.1:80 -r 10.1.1.2 -s wlc", &["--scheduler", "--real-server"]);
    assert_usage("add -t 10.0.0.1:80 -s wlc -w 3", &["are a real server's"]);
    assert_usage("edit -t 10.0.0.1:80 --tun-csum", &["are a real server's"]);
    assert_usage("add -t 10.0.0.1:80 -r 10.1.1.2 -g -m", &["--gatewaying", "--masquerading"]);
    assert_usage("edit -t 10.0.0.1:80 -p --no-persistent", &["--persistent", "--no-persistent"]);
    assert_usage("edit -u 10.0.0.1:53 -o --no-ops", &["--ops", "--no-ops"]);
    assert_usage("edit -u 10.0.0.1:53 --pe sip --no-pe", &["--pe", "--no-pe"]);
    assert_usage("add -t 10.0.0.1:80 -r 10.1.1.2 -i --tun-csum --tun-nocsum", &["--tun-csum"]);
    assert_usage("drain 10.1.1.2 --journal x --no-journal", &["--journal", "--no-journal"]);
    assert_usage("drain 10.1.1.2 --demo --netns blue", &["--demo", "--netns"]);
    assert_usage("scheduler -t 10.0.0.1:80 wlc -b sh-port", &["sh-port is one of sh"]);
    assert_usage("--read-only drain 10.1.1.2", &["drain"]);
}

#[test]
fn values_that_are_none() {
    for text in ["web1", "10.1.1.2:80", "10.1.1", "::g", "10.1.1.2/24"] {
        assert_usage(&format!("drain {text}"), &[text, "HOST"]);
    }
    for text in ["web:80", "10.0.0.1", "10.0.0.1:", "10.0.0.1:65536", "fd00::1:80", "10.0.0.1:http"]
    {
        assert_usage(
            &format!("drain -t {text} -r 10.1.1.2"),
            &[text, "10.0.0.1:80 or [fd00::1]:443"],
        );
    }
    for text in ["web1", "10.1.1.2:x", "[10.1.1.2", ":80"] {
        assert_usage(&format!("drain -t 10.0.0.1:80 -r {text}"), &[text, "10.1.1.2:80"]);
    }
    for text in ["0", "4294967296", "0x5", "five"] {
        assert_usage(&format!("drain -f {text} -r 10.1.1.2"), &[text, "1 to 4294967295"]);
    }
    for text in ["", "x", "1.5", "--5", "+", "5%%", "99999999999"] {
        let arguments = ["weight", "10.1.1.2", &format!("-w={text}")];
        assert_eq!(ipvs_tui(&arguments).code, Some(2), "{text}");
    }
    for text in ["10", "0s", "8d", "soon", "-5m"] {
        assert_usage(&format!("drain 10.1.1.2 --timeout={text}"), &["from 1s to 7d"]);
        assert_usage(&format!("restore 10.1.1.2 --ramp={text}"), &["from 1s to 7d"]);
    }
    assert_usage("drain 10.1.1.2 --timeout 9m --then stop", &["keep, restore or delete"]);
    assert_usage("scheduler -t 10.0.0.1:80 sixteen-letters-", &["no scheduler name"]);
    assert_usage("scheduler -t 10.0.0.1:80 sh -b sh-fall", &["none", "sh-fallback"]);
    assert_usage("add -t 10.0.0.1:80 -s wlc -p 0", &["1 to 2678400"]);
    assert_usage("add -t 10.0.0.1:80 -s wlc -M 0", &["255.255.255.0"]);
    assert_usage("add -t 10.0.0.1:80 -s wlc --pe a/b\u{e9}", &["persistence engine"]);
    assert_usage("add -t 10.0.0.1:80 -r 10.1.1.2 -w -1", &[]);
    assert_usage("add -t 10.0.0.1:80 -r 10.1.1.2 -w 2147483648", &["0 to 2147483647"]);
    assert_usage("add -t 10.0.0.1:80 -r 10.1.1.2 -x many", &["many"]);
    assert_usage("add -t 10.0.0.1:80 -r 10.1.1.2 -i --tun-type vxlan", &["ipip, gue or gre"]);
    assert_usage("add -t 10.0.0.1:80 -r 10.1.1.2 -i --tun-port 65536", &["65536"]);
    assert_usage("undo an-entry", &["names no entry"]);
    let long = "x".repeat(1_001);
    assert_usage(&format!("undo --reason {long}"), &["1000 bytes at most"]);
}

#[test]
fn every_help_has_the_exit_codes() {
    for verb in
        ["weight", "quiesce", "drain", "restore", "scheduler", "add", "edit", "delete", "undo"]
    {
        for help in ["-h", "--help"] {
            let Ran { code, out, err } = ipvs_tui(&[verb, help]);
            assert_eq!((code, err.as_str()), (Some(0), ""), "{verb}");
            for told in ["Exit codes:", "3  refused", "5  the time is up", "--dry-run", "--json"] {
                assert!(out.contains(told), "{verb} {help}: {told}");
            }
            assert!(!out.contains("--demo") && !out.contains("--scenario"), "{verb}: {out}");
        }
    }
}

#[test]
fn closed_streams_are_values() {
    let code = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env("TUI", program()).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code()
    };
    assert_eq!(code("exec \"$TUI\" weight -w 3 10.1.1.2 --demo >&-"), Some(0));
    assert_eq!(code("exec \"$TUI\" delete -t 10.0.0.1:80 --demo >&- 2>&-"), Some(3));
    assert_eq!(code("{ \"$TUI\" drain 10.1.1.2 --demo; echo $? >&3; } 3>&1 | true"), Some(0));
    assert_eq!(code("exec \"$TUI\" weight -w 3 10.1.1.2 --demo >/dev/full"), Some(1));
}

#[test]
fn a_director_that_cannot_be_opened_is_a_document_too() {
    let Ran { code, out, err } =
        ipvs_tui(&["drain", "10.1.1.2", "--netns", "no-such-netns", "--json"]);
    assert_eq!((code, err.as_str()), (Some(1), ""));
    let document: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(document["outcome"], "failed");
    assert!(document["failed"]["why"].as_str().unwrap().contains("'no-such-netns'"), "{document}");
    let Ran { code, out, err } = ipvs_tui(&["drain", "10.1.1.2", "--netns", "no-such-netns"]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.starts_with("ipvs-tui: network namespace 'no-such-netns'"), "{err}");
}
