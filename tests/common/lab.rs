//! The director of the lab's guest, with ipvsadm as the judge.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{in_lab, patience, run};

/// The director of the guest. Whatever a test has left in its table goes with it.
pub struct Lab;

impl Lab {
    pub fn enter() -> Option<Self> {
        if !in_lab() {
            eprintln!("left out: a real kernel is needed; run it with tests/lab/test");
            return None;
        }
        clear();
        Some(Self)
    }

    /// With the cluster of `topology` and its three services.
    pub fn with(topology: &str) -> Option<Self> {
        let lab = Self::enter()?;
        sh(&format!("topology {topology}"));
        Some(lab)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        clear();
    }
}

/// Without services, traffic and the namespaces of `topology`. Processes of theirs end while this
/// runs, and a namespace is gone only a while after it was deleted, its cable with it.
fn clear() {
    let script = "traffic stop
        ipvsadm -C
        for name in client rs1 rs2 rs3 rs4; do
            [ ! -e /run/netns/$name ] || {
                ipr netns pids $name | xargs -r kill -9
                ipr netns del $name
            }
            [ ! -e /sys/class/net/$name ] || ipr link del $name
        done
        [ ! -e /run/netns/other ] || { ipr netns exec other ipvsadm -C; ipr netns del other; }";
    run(Command::new("sh").args(["-c", script]));
    forget();
}

/// Empties both tables. Entries outlive their service and its servers, and with them the forwarding
/// method: a client of the next test that has the same port would be sent where nobody is.
///
/// The kernel looks for entries whose server was deleted when one, whichever, is deleted while
/// `expire_nodest_conn` is set; those with packets on their way take a moment more, and those that
/// never had a server, told by another director, stay until they expire.
pub fn forget() {
    let script = "[ -e /proc/net/ip_vs_conn ] || exit 0
        ipvsadm -C
        same=0 before=
        while left=$(wc -l </proc/net/ip_vs_conn) && [ $left -gt 1 ] && [ $same -lt 3 ]; do
            [ -z \"$before\" ] || sleep 0.2
            if [ \"$left\" = \"$before\" ]; then same=$((same + 1)); else same=0; fi
            before=$left
            echo 1 >/proc/sys/net/ipv4/vs/expire_nodest_conn
            ipvsadm -A -f 1; ipvsadm -a -f 1 -r 127.0.0.1:0; ipvsadm -d -f 1 -r 127.0.0.1:0
            ipvsadm -C
        done
        echo 0 >/proc/sys/net/ipv4/vs/expire_nodest_conn";
    run(Command::new("sh").args(["-c", script]));
}

/// Runs a script in the guest's shell; returns what it printed.
#[track_caller]
pub fn sh(script: &str) -> String {
    let ran = run(Command::new("sh").args(["-c", script]));
    assert_eq!(ran.code, Some(0), "{script}\n{}{}", ran.out, ran.err);
    ran.out
}

/// The table as `ipvsadm -Sn` prints it, in an order of its own.
#[track_caller]
pub fn table() -> BTreeSet<String> {
    sh("ipvsadm -Sn").lines().map(|l| l.trim_end().to_owned()).collect()
}

/// What `ipvsadm -Ln`, with `option`, prints of a server: the words behind its address.
#[track_caller]
pub fn listed(option: &str, service: &str, server: &str) -> Option<Vec<String>> {
    let listing = sh(&format!("ipvsadm -Ln {option}"));
    let begins = |l: &&str| l.split_whitespace().take(2).collect::<Vec<_>>().join(" ") == service;
    let servers = listing.lines().skip_while(|l| !begins(l)).skip(1);
    let words = |l: &str| l.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    servers
        .take_while(|l| l.trim_start().starts_with("->"))
        .map(words)
        .find(|w| w[1] == server)
        .map(|w| w[2..].to_vec())
}

/// The weight that ipvsadm shows.
#[track_caller]
pub fn weight(service: &str, server: &str) -> Option<u64> {
    listed("", service, server).map(|words| words[1].parse().unwrap())
}

/// Waits until `done`.
#[track_caller]
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < patience(), "not within {:?}: {what}", patience());
        // What it asks is mostly ipvsadm, and starting a program takes long in the guest.
        std::thread::sleep(Duration::from_millis(250));
    }
}
