//! What an operator gets wrong is told in a sentence and with an exit code: 2 for what was typed
//! or where, 1 for what failed. Runs anywhere, without root and without IPVS.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]

mod common;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{Launch, Ran, ipvs_tui, program, run};

/// Nothing in it is meant for a programmer.
#[track_caller]
fn assert_for_operators(text: &str) {
    for word in ["panicked", "backtrace", "unwrap", "Err(", "Some(", "os error"] {
        assert!(!text.contains(word), "'{word}' in {text}");
    }
}

/// The command line is wrong: exit code 2, and the first line says what about it, in clap's words.
#[track_caller]
fn assert_usage(arguments: &[&str], told: &[&str]) {
    let Ran { code, out, err } = ipvs_tui(arguments);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {err}");
    let sentence = err.split("\n\n").next().unwrap();
    assert!(sentence.starts_with("error: "), "{arguments:?}: {err}");
    for word in told {
        assert!(sentence.contains(word), "{arguments:?}: '{word}' is not in '{sentence}'");
    }
    assert_for_operators(&err);
}

/// Something failed: exit code 1 and one line that says what, and nothing on standard output.
#[track_caller]
fn assert_failure(ran: &Ran, told: &[&str]) {
    assert_eq!((ran.code, ran.out.as_str()), (Some(1), ""), "{}", ran.err);
    assert_sentence(&ran.err, told);
}

#[track_caller]
fn assert_sentence(err: &str, told: &[&str]) {
    assert_eq!(err.lines().count(), 1, "one line: {err}");
    assert!(err.starts_with("ipvs-tui: "), "{err}");
    for word in told {
        assert!(err.contains(word), "'{word}' is not in '{err}'");
    }
    assert_for_operators(err);
}

// --- the command line -------------------------------------------------------------------------

#[test]
fn what_is_no_option_or_command() {
    assert_usage(&["--no-such-flag"], &["--no-such-flag"]);
    assert_usage(&["demo", "--colour"], &["--colour"]);
    assert_usage(&["snapshots"], &["snapshots"]);
    assert_usage(&["demo", "extra"], &["extra"]);
    assert_usage(&["--read-only", "demo"], &["demo"]);
}

#[test]
fn intervals() {
    let range = ["49ms", "61s", "0s", "1h", "0.01s"];
    for text in range {
        assert_usage(&["demo", "--interval", text], &[text, "50ms to 60s"]);
        assert_usage(&["--interval", text], &[text, "50ms to 60s"]);
        assert_usage(&["watch", "--interval", text], &[text, "50ms to 60s"]);
    }
    for text in ["", "1", "fast", "1s2", "nan", "s", "99999999999999999999s"] {
        assert_usage(&["demo", "--interval", text], &["50ms", "60s", "such as 1s"]);
    }
    assert_usage(&["demo", "--interval=-1s"], &["-1s"]);
    assert_usage(&["demo", "--interval"], &["--interval"]);
    for text in ["", "5", "0.4%", "101%", "half"] {
        assert_usage(&["demo", "--budget", text], &["0.5% to 100%", "such as 5%"]);
    }
}

#[test]
fn scenarios() {
    for text in ["nope", "Web", "", "web:3"] {
        assert_usage(&["demo", "--scenario", text], &["is no scenario", "web", "incident"]);
    }
    for text in ["big", "big:", "big:0x5", "big:5x0", "big:5", "big:1000000x1000000", "big:-1x2"] {
        let told = ["is no table size", "big:SERVICESxSERVERS"];
        assert_usage(&["snapshot", "--demo", "--scenario", text], &told);
    }
    assert_usage(&["demo", "--seed", "one"], &["one"]);
    assert_usage(&["demo", "--seed", "18446744073709551616"], &["18446744073709551616"]);
}

#[test]
fn formats() {
    for text in ["xml", "", "JSON"] {
        assert_usage(&["snapshot", "--demo", "--format", text], &["text", "json", "ipvsadm"]);
    }
}

#[test]
fn what_does_not_go_together() {
    assert_usage(&["snapshot", "--demo", "--netns", "other"], &["--demo", "--netns"]);
    assert_usage(&["snapshot", "--netns", ""], &["--netns", "empty"]);
}

/// What was typed may hold anything; a terminal that shows the complaint must not obey it.
#[test]
fn control_characters_are_not_passed_on() {
    let hostile = "x\u{1b}[2Jy\u{7}";
    for arguments in [
        &["demo", "--scenario", hostile][..],
        &["demo", "--interval", hostile],
        &["snapshot", "--netns", hostile],
        &["snapshot", "--format", hostile],
        &[hostile],
    ] {
        let ran = ipvs_tui(arguments);
        assert!(!ran.err.contains(['\u{1b}', '\u{7}']), "{arguments:?}: {:?}", ran.err);
    }
}

#[test]
fn help_and_version_are_no_errors() {
    for arguments in [&["--help"][..], &["demo", "--help"], &["snapshot", "-h"], &["--version"]] {
        let Ran { code, out, err } = ipvs_tui(arguments);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}");
        assert!(out.contains("ipvs-tui"), "{arguments:?}: {out}");
    }
}

// --- namespaces -------------------------------------------------------------------------------

#[test]
fn a_namespace_that_is_not_there() {
    let told = ["'no-such-netns'", "/run/netns/no-such-netns", "does not exist", "ip netns list"];
    assert_failure(&ipvs_tui(&["snapshot", "--netns", "no-such-netns"]), &told);
    let told = ["'/no/such/path'", "does not exist"];
    assert_failure(&ipvs_tui(&["snapshot", "--netns", "/no/such/path"]), &told);
}

#[test]
fn a_file_that_is_no_namespace() {
    for path in ["/proc/self/status", "/proc/self/ns/uts", "/"] {
        let ran = ipvs_tui(&["snapshot", "--netns", path]);
        assert_failure(&ran, &[&format!("'{path}'"), "no network namespace"]);
    }
}

/// Errors of that kind come before a screen is opened, and stay to be read.
#[test]
fn a_console_tells_it_before_the_screen_opens() {
    for words in ["--netns no-such-netns", "watch --netns no-such-netns"] {
        let mut console = Launch::shell(&format!("exec \"$TUI\" {words}")).size(250, 24).start();
        assert_eq!(console.exit_code(), 1);
        console.assert_given_back();
        let raw = String::from_utf8_lossy(&console.raw()).into_owned();
        assert!(!raw.contains('\u{1b}'), "{raw:?}");
        assert_sentence(&raw.replace("\r\n", "\n"), &["'no-such-netns'", "does not exist"]);
    }
}

// --- terminals and pipes ----------------------------------------------------------------------

#[test]
fn a_console_without_any_terminal() {
    for arguments in [&[][..], &["watch"], &["demo"], &["demo", "--read-only"]] {
        let Ran { code, out, err } = ipvs_tui(arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {err}");
        assert_sentence(&err, &["needs a terminal", "'ipvs-tui snapshot'"]);
    }
}

#[test]
fn a_console_with_half_a_terminal() {
    for redirected in ["</dev/null", ">/dev/null", "| cat"] {
        let script = format!("{{ \"$TUI\" demo; echo \"code $?\" >&2; }} {redirected}");
        let mut console = Launch::shell(&script).size(250, 24).start();
        console.exit_code();
        let screen = console.screen();
        assert!(screen.says("ipvs-tui: the console needs a terminal"), "{redirected}\n{screen}");
        assert!(screen.has("code 2"), "{redirected}\n{screen}");
        console.assert_given_back();
    }
}

#[test]
fn a_snapshot_needs_no_terminal() {
    for (format, begin) in
        [("text", "IP Virtual Server version"), ("json", "{"), ("ipvsadm", "-A -t 10.0.0.1:80")]
    {
        let Ran { code, out, .. } = ipvs_tui(&["snapshot", "--demo", "--format", format]);
        assert_eq!(code, Some(0), "{format}");
        assert!(out.lines().any(|l| l.starts_with(begin)), "{format}: {out}");
        assert!(out.ends_with('\n'), "{format}");
    }
}

/// `ipvs-tui snapshot --demo | head -1`, with more than a pipe holds.
#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    for format in ["text", "json", "ipvsadm"] {
        let mut child = Command::new(program())
            .args(["snapshot", "--demo", "--scenario", "big:500x20", "--format", format])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        let mut pipe = BufReader::new(child.stdout.take().unwrap());
        pipe.read_line(&mut first).unwrap();
        assert!(!first.is_empty());
        drop(pipe);
        let mut err = String::new();
        child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""), "{format}");
    }
}

#[test]
fn a_full_disk_is_told() {
    for format in ["text", "json", "ipvsadm"] {
        let mut command = Command::new(program());
        command.args(["snapshot", "--demo", "--format", format]);
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command.stdin(Stdio::null()).stdout(full).output().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{format}: {err}");
        assert_sentence(&err, &["cannot write the snapshot", "No space left"]);
    }
}

/// Whoever closes standard error too has nobody to tell, but the code remains.
#[test]
fn closed_streams_do_not_panic() {
    let code =
        |script: &str| run(Command::new("sh").args(["-c", script]).env("TUI", program())).code;
    assert_eq!(code("exec \"$TUI\" snapshot --demo >&-"), Some(0));
    assert_eq!(code("exec \"$TUI\" snapshot --netns no-such-netns 2>&-"), Some(1));
    assert_eq!(code("exec \"$TUI\" --no-such-flag 2>&-"), Some(2));
    assert_eq!(code("exec \"$TUI\" demo <&- >&- 2>&-"), Some(2));
}

// --- no IPVS ----------------------------------------------------------------------------------

#[test]
fn a_kernel_without_ipvs() {
    if Path::new("/proc/net/ip_vs").exists() {
        eprintln!("left out: this kernel has IPVS; tests/real.rs looks at one without");
        return;
    }
    let told = ["no IPVS", "'modprobe ip_vs'", "'ipvs-tui demo'"];
    for format in ["text", "json", "ipvsadm"] {
        assert_failure(&ipvs_tui(&["snapshot", "--format", format]), &told);
    }
    for words in ["", "watch", "--read-only"] {
        let mut console = Launch::shell(&format!("exec \"$TUI\" {words}")).size(250, 24).start();
        assert_eq!(console.exit_code(), 1, "'{words}'");
        let raw = String::from_utf8_lossy(&console.raw()).into_owned();
        assert_sentence(&raw.replace("\r\n", "\n"), &told);
    }
}
