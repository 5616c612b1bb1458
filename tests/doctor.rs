//! The doctor on a real kernel: every mistake is made for real, and put right by the commands that
//! the doctor prints.
//!
//! Runs in the guest of `tests/lab/test`, one test after the other; elsewhere each test says that
//! it was left out and does nothing. A topology is built once for all tests that want it, so each
//! test takes back what it did, whether it passes or not.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]

mod common;
#[path = "doctor/dr.rs"]
mod dr;
#[path = "doctor/machine.rs"]
mod machine;
#[path = "doctor/nat.rs"]
mod nat;
#[path = "doctor/tun.rs"]
mod tun;
#[path = "doctor/unloaded.rs"]
mod unloaded; // last: the others want IPVS

use std::sync::{Mutex, PoisonError};

use common::ipvs_tui;
use common::lab::{Lab, sh};
use serde_json::Value;

/// The topology that stands, with the lab that it stands in, which outlives every test.
static STANDING: Mutex<Option<(String, Lab)>> = Mutex::new(None);

/// A director with the cluster of `topology` around it, and these lines of `ipvsadm -R` as its
/// table. None outside the lab.
#[track_caller]
fn director(topology: &str, table: &str) -> Option<Director> {
    let mut standing = STANDING.lock().unwrap_or_else(PoisonError::into_inner);
    if standing.as_ref().is_none_or(|(name, _)| name != topology) {
        *standing = None;
        *standing = Some((topology.to_owned(), Lab::with(topology)?));
    }
    sh(&format!("ipvsadm -C; ipvsadm -R <<'TABLE'\n{table}\nTABLE"));
    Some(Director { undo: Vec::new() })
}

/// What stood there is not there any more.
fn forget() {
    *STANDING.lock().unwrap_or_else(PoisonError::into_inner) = None;
}

struct Director {
    undo: Vec<String>,
}

impl Director {
    /// Runs a script, and `undo` at the end of the test.
    #[track_caller]
    fn does(&mut self, script: &str, undo: &str) {
        self.undo.push(undo.to_owned());
        sh(&format!("set -e\n{script}"));
    }

    /// Sets a setting below `/proc/sys` until the end of the test.
    #[track_caller]
    fn sets(&mut self, path: &str, value: &str) {
        let file = format!("/proc/sys/{path}");
        let before = std::fs::read_to_string(&file).unwrap();
        self.undo.push(format!("echo '{}' >{file}", before.trim()));
        write(path, value);
    }
}

impl Drop for Director {
    fn drop(&mut self) {
        for script in self.undo.iter().rev() {
            let ran = common::run(std::process::Command::new("sh").args(["-c", script]));
            if ran.code != Some(0) {
                eprintln!("not taken back: {script}\n{}{}", ran.out, ran.err);
                forget();
            }
        }
    }
}

#[track_caller]
fn write(path: &str, value: &str) {
    std::fs::write(format!("/proc/sys/{path}"), format!("{value}\n")).unwrap();
}

/// What `ipvs-tui doctor --json` says, whose exit code is the one it names.
#[track_caller]
fn doctor_with(arguments: &[&str]) -> Value {
    let ran = ipvs_tui(&[&["doctor", "--json"], arguments].concat());
    let report = parsed(&ran.out, &ran.err);
    assert_eq!(report["exit_code"].as_i64(), ran.code.map(i64::from), "{}", ran.err);
    report
}

#[track_caller]
fn parsed(out: &str, err: &str) -> Value {
    serde_json::from_str(out).unwrap_or_else(|error| panic!("{error}: {out}{err}"))
}

#[track_caller]
fn doctor() -> Value {
    doctor_with(&[])
}

/// The findings of a check.
fn findings<'a>(report: &'a Value, check: &str) -> Vec<&'a Value> {
    let all = report["findings"].as_array().unwrap();
    all.iter().filter(|finding| finding["check"] == check).collect()
}

/// The one finding of a check, which is as grave as that.
#[track_caller]
fn one(report: &Value, check: &str, severity: &str) -> Value {
    let found = findings(report, check);
    let [finding] = found.as_slice() else {
        panic!("not one finding of {check}: {found:#?}\n{report:#}")
    };
    assert_eq!(finding["severity"], severity, "{finding:#}");
    assert!(!finding["evidence"].as_array().unwrap().is_empty(), "{finding:#}");
    (*finding).clone()
}

/// The doctor finds it, as grave as that.
#[track_caller]
fn finds(check: &str, severity: &str) -> Value {
    one(&doctor(), check, severity)
}

fn outcome(report: &Value, check: &str) -> String {
    let all = report["checks"].as_array().unwrap();
    let found = all.iter().find(|c| c["name"] == check).unwrap_or_else(|| panic!("no {check}"));
    found["outcome"].as_str().unwrap().to_owned()
}

/// The doctor looks at everything, and finds nothing of the kind.
#[track_caller]
fn passes(check: &str) {
    let report = doctor();
    assert_eq!(outcome(&report, check), "passed", "{:#?}", findings(&report, check));
}

/// The commands of a finding.
fn commands(finding: &Value) -> Vec<String> {
    let fixes = finding["fixes"].as_array().unwrap();
    let lines = fixes.iter().flat_map(|fix| fix["commands"].as_array().unwrap());
    lines.map(|line| line.as_str().unwrap().to_owned()).collect()
}

/// Pastes the commands of a finding into a shell, in a namespace if one is named. The guest's own
/// `ip` is busybox's, and iproute2's goes by another name. What `ipvs-tui` asks about is wanted.
#[track_caller]
fn paste(finding: &Value, namespace: Option<&str>) {
    let mut lines = commands(finding).join("\n");
    for dangerous in ["ipvs-tui delete", "ipvs-tui scheduler"] {
        lines = lines.replace(dangerous, &format!("{dangerous} --yes"));
    }
    let script = format!("set -e\nip() {{ /usr/lib/iproute2/ip \"$@\"; }}\n{lines}");
    match namespace {
        Some(name) => sh(&format!("ipr netns exec {name} sh <<'PASTED'\n{script}\nPASTED")),
        None => sh(&script),
    };
}

/// What the client gets of the web service: the name of the real server that answers, empty if
/// none does in time.
fn client() -> String {
    let script = "ipr netns exec client timeout 2 wget -q -O- http://10.0.0.1/ 2>/dev/null || true";
    sh(script).trim().to_owned()
}

/// That the client gets nothing: an answer takes a tenth of the time.
#[track_caller]
fn cut_off(why: &str) {
    let script = "ipr netns exec client timeout 1 wget -q -O- http://10.0.0.1/ 2>/dev/null || true";
    assert_eq!(sh(script), "", "{why}");
}

/// The web service on these real servers, by a method's letter.
fn web(letter: &str, servers: &[u32]) -> String {
    let mut table = "-A -t 10.0.0.1:80 -s rr".to_owned();
    for n in servers {
        table.push_str(&format!("\n-a -t 10.0.0.1:80 -r 10.1.{n}.2:80 {letter} -w 10"));
    }
    table
}
