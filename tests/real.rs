//! The program in a terminal, on a real kernel, with ipvsadm as the judge in both directions.
//!
//! Runs in the guest of `tests/lab/test`, one test after the other; elsewhere each test says that
//! it was left out and does nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::print_stderr)]

#[path = "real/change.rs"]
mod change;
mod common;
#[path = "real/connections.rs"]
mod connections;
#[path = "real/faults.rs"]
mod faults;
#[path = "real/rights.rs"]
mod rights;
#[path = "real/scale.rs"]
mod scale;
#[path = "real/watch.rs"]
mod watch;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use common::lab::{Lab, listed, sh, table, weight};
use common::{Console, Launch, Ran, Screen, ipvs_tui, key};

const HTTP: &str = "TCP 10.0.0.1:80";
const FIRST: &str = "10.1.1.2:80";
const FOURTH: &str = "10.1.4.2:80";

/// The lines of `ipvsadm -Ln` (or with more arguments) in which names are, in sorted order, and
/// without connections, which move by themselves.
#[track_caller]
fn thresholds() -> BTreeSet<String> {
    let mut service = String::new();
    let mut lines = BTreeSet::new();
    for line in sh("ipvsadm -Ln --thresholds").lines().skip(3) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.first() != Some(&"->") {
            service = line.trim_end().to_owned();
            lines.insert(service.clone());
        } else {
            // -> address upper lower active inactive
            lines.insert(format!("{service} {}", words[1..4].join(" ")));
        }
    }
    lines
}

/// Waits until `done`; the screen is shown if it never is.
#[track_caller]
fn wait(console: &Console, what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        let late = begun.elapsed() > common::patience();
        assert!(!late, "not within {:?}: {what}\n{}", common::patience(), console.screen());
        std::thread::sleep(Duration::from_millis(200)); // `done` is mostly ipvsadm, see `until`
    }
}

#[track_caller]
fn open_with(arguments: &[&str], service: &str, server: &str) -> Console {
    let console = Launch::new(arguments).start();
    console.wait_until("the first screen", |s| s.server(service, server).is_some());
    console
}

#[track_caller]
fn open() -> Console {
    open_with(&["--interval", "500ms"], HTTP, FIRST)
}

#[track_caller]
fn wait_for_weight(console: &Console, server: &str, wanted: u64) -> Screen {
    let what = format!("the screen shows weight {wanted} for {server}");
    console.wait_until(&what, |s| s.server(HTTP, server).is_some_and(|r| r.weight == wanted))
}

#[track_caller]
fn select(console: &mut Console, server: &str) {
    for _ in 0..20 {
        let before = console.screen();
        if before.selected().is_some_and(|r| r.name == server) {
            return;
        }
        console.keys("j");
        console.wait_until("the selection moves", |s| selected_line(s) != selected_line(&before));
    }
    panic!("{server} cannot be selected\n{}", console.screen());
}

fn selected_line(screen: &Screen) -> Option<usize> {
    screen.lines.iter().position(|l| l.starts_with('▌'))
}

// --- watching -------------------------------------------------------------------------------

#[test]
fn the_screen_shows_what_ipvsadm_shows() {
    let Some(_lab) = Lab::with("nat") else { return };
    sh("traffic start 300");
    let console = open();
    let screen = console.screen();
    let release = sh("uname -n");
    assert!(screen.header().contains(release.trim()), "{screen}");
    assert!(screen.header().contains("3 services 12 servers"), "{screen}");

    // Rates: the kernel's, as in ipvsadm, at the same time.
    wait(&console, "a CPS above 0 that ipvsadm shows too", || {
        let Some(row) = console.screen().server(HTTP, FIRST) else { return false };
        let theirs = listed("--rate", HTTP, FIRST).unwrap();
        row.cps != "0" && row.cps == theirs[0]
    });
    // Lines of values: they move while there is traffic.
    let lines = |s: &Screen| s.servers(HTTP).into_iter().map(|r| r.lines).collect::<Vec<_>>();
    for _ in 0..3 {
        let before = lines(&console.screen());
        console.wait_until("the lines move", |s| lines(s) != before);
    }
    let bars = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    assert!(lines(&console.screen()).iter().all(|l| l.contains(bars)), "{}", console.screen());
    wait(&console, "active connections that ipvsadm shows too", || {
        let Some(row) = console.screen().server(HTTP, FIRST) else { return false };
        let theirs = listed("", HTTP, FIRST).unwrap();
        row.active > 0 && row.active.to_string() == theirs[2]
    });

    // At rest every number of every row is the same.
    sh("traffic stop");
    wait(&console, "the numbers of ipvsadm -Ln", || {
        let rows = console.screen().servers(HTTP);
        rows.len() == 4
            && rows.iter().all(|row| {
                let theirs = listed("", HTTP, &row.name).unwrap();
                row.inactive > 0
                    && [row.forwarding.clone(), row.weight.to_string()] == theirs[..2]
                    && [row.active.to_string(), row.inactive.to_string()] == theirs[2..]
            })
    });
}

#[test]
fn servers_that_come_and_go_are_followed() {
    let Some(_lab) = Lab::with("services") else { return };
    let mut console = open();
    sh("ipvsadm -a -t 10.0.0.1:80 -r 10.1.5.2:80 -m -w 3");
    console.wait_until("the new server", |s| {
        s.server(HTTP, "10.1.5.2:80").is_some_and(|r| r.weight == 3) && s.has("13 servers")
    });
    sh("ipvsadm -a -t 10.0.0.1:80 -r 10.1.0.9:80 -m -w 4");
    let screen = console.wait_until("another", |s| s.server(HTTP, "10.1.0.9:80").is_some());
    // It stands above the selected one, which stays selected.
    assert_eq!(screen.selected().unwrap().name, FIRST, "{screen}");
    assert_eq!(screen.servers(HTTP)[0].name, "10.1.0.9:80", "{screen}");
    sh("ipvsadm -d -t 10.0.0.1:80 -r 10.1.5.2:80; ipvsadm -d -t 10.0.0.1:80 -r 10.1.0.9:80");
    let screen = console.wait_until("they have gone", |s| s.servers(HTTP).len() == 4);
    assert_eq!(screen.selected().unwrap().name, FIRST, "{screen}");

    select(&mut console, FOURTH);
    sh("ipvsadm -d -t 10.0.0.1:80 -r 10.1.4.2:80");
    let screen = console.wait_until("the selected one has gone", |s| s.says("is gone"));
    assert!(screen.server(HTTP, FOURTH).is_none(), "{screen}");
    assert_eq!(selected_line(&screen), None, "{screen}");
    let before = table();
    console.keys("+");
    console.wait_until("+ hits nobody", |s| s.says("select a real server first"));
    console.keys("w");
    console.keys("5").keys(key::ENTER);
    console.wait_until("no prompt was open to take them", |s| {
        s.has("live") && !s.has("Service / real server")
    });
    assert_eq!(table(), before);
    console.keys("1");
    // Back again, it is not selected unasked.
    sh("ipvsadm -a -t 10.0.0.1:80 -r 10.1.4.2:80 -m -w 10");
    let screen = console.wait_until("it is back", |s| s.server(HTTP, FOURTH).is_some());
    assert_eq!(screen.selected(), None, "{screen}");
}

#[test]
fn a_service_that_goes_takes_its_rows_along() {
    let Some(_lab) = Lab::with("services") else { return };
    let console = open();
    sh("ipvsadm -D -u 10.0.0.1:53");
    console.wait_until("it has gone", |s| !s.has("UDP 10.0.0.1:53") && s.has("2 services"));
    sh("ipvsadm -C");
    console.wait_until("an empty table", |s| s.says("no virtual services yet"));
    sh("ipvsadm -A -t 10.0.0.2:8080 -s wrr -p 60");
    console.wait_until("a new one", |s| s.has("TCP 10.0.0.2:8080 wrr persistent 60"));
}

// --- editing --------------------------------------------------------------------------------

#[test]
fn plus_is_confirmed_by_ipvsadm_and_undo_puts_it_back() {
    let expected = [("nat", "Masq"), ("dr", "Route"), ("tun", "Tunnel")];
    for (topology, forwarding) in expected {
        let Some(_lab) = Lab::with(topology) else { return };
        sh("traffic start 300");
        let before = table();
        let mut console = open();
        console.wait_until("traffic", |s| s.server(HTTP, FIRST).is_some_and(|r| r.cps != "0"));
        assert_eq!(console.screen().server(HTTP, FIRST).unwrap().forwarding, forwarding);

        console.keys("+");
        wait_for_weight(&console, FIRST, 11);
        assert_eq!(table(), with_weight(&before, "-t 10.0.0.1:80", FIRST, 11), "{topology}");
        console.keys("u");
        wait_for_weight(&console, FIRST, 10);
        assert_eq!(table(), before, "{topology}");
        console.keys("U");
        wait_for_weight(&console, FIRST, 11);
        assert_eq!(weight(HTTP, FIRST), Some(11), "{topology}");
        console.keys("w25").keys(key::ENTER);
        wait_for_weight(&console, FIRST, 25);
        assert_eq!(weight(HTTP, FIRST), Some(25), "{topology}");
        console.keys("uu");
        wait_for_weight(&console, FIRST, 10);
        assert_eq!(table(), before, "{topology}");
        console.keys("q");
        assert_eq!(console.exit_code(), 0);
        console.assert_given_back();
    }
}

/// `before` with another weight for one server. Panics if there is no such line.
#[track_caller]
fn with_weight(
    before: &BTreeSet<String>,
    service: &str,
    server: &str,
    to: u64,
) -> BTreeSet<String> {
    let begin = format!("-a {service} -r {server} ");
    let line = before.iter().find(|l| l.starts_with(&begin));
    let line = line.unwrap_or_else(|| panic!("'{begin}' is not in {before:#?}"));
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let at = words.iter().position(|w| w == "-w").unwrap() + 1;
    words[at] = to.to_string();
    let mut after = before.clone();
    after.remove(line);
    after.insert(words.join(" "));
    after
}

#[test]
fn an_edit_from_outside_is_not_overwritten_by_undo() {
    let Some(_lab) = Lab::with("services") else { return };
    let mut console = open();
    console.keys("+");
    wait_for_weight(&console, FIRST, 11);
    sh("ipvsadm -e -t 10.0.0.1:80 -r 10.1.1.2:80 -m -w 77");
    let before = table();
    console.keys("u");
    let screen = console.wait_until("a conflict", |s| s.says("expected"));
    for value in ["77 now", "expected 11", "make it 10"] {
        assert!(screen.says(value), "the message lacks '{value}'\n{screen}");
    }
    assert!(screen.says("real server 10.1.1.2:80 of TCP 10.0.0.1:80"), "{screen}");
    wait_for_weight(&console, FIRST, 77);
    assert_eq!(table(), before);
    // What does not apply any more is not offered again.
    console.keys("u");
    console.wait_until("nothing is left to undo", |s| s.has("nothing to undo"));
    assert_eq!(table(), before);
    // A new edit builds on what is there.
    console.keys("+");
    wait_for_weight(&console, FIRST, 78);
    assert_eq!(weight(HTTP, FIRST), Some(78));
}

/// Other fields changed from outside are no conflict, and are kept.
#[test]
fn what_an_edit_is_not_about_keeps_what_others_set() {
    let Some(_lab) = Lab::with("services") else { return };
    let mut console = open_with(&["--interval", "60s"], HTTP, FIRST);
    sh("ipvsadm -e -t 10.0.0.1:80 -r 10.1.1.2:80 -m -w 10 -x 900 -y 100");
    let before = thresholds();
    assert!(before.iter().any(|l| l.ends_with("900 100")), "{before:#?}");
    // The console has not read again since: its own idea of the thresholds is 0.
    console.keys("+");
    wait_for_weight(&console, FIRST, 11);
    assert_eq!(weight(HTTP, FIRST), Some(11));
    assert_eq!(thresholds(), before);
}

#[test]
fn a_server_deleted_under_an_edit_is_told_and_not_made_again() {
    let Some(_lab) = Lab::with("services") else { return };
    let mut console = open_with(&["--interval", "60s"], HTTP, FIRST);
    sh("ipvsadm -d -t 10.0.0.1:80 -r 10.1.1.2:80");
    let before = table();
    console.keys("+");
    let screen = console.wait_until("that it is gone", |s| s.says("gone"));
    assert!(screen.says("10.1.1.2:80"), "{screen}");
    assert_eq!(table(), before);
}

/// The name by which ipvsadm's options know a service of the screen.
fn option(service: &str) -> String {
    let words: Vec<&str> = service.split_whitespace().collect();
    match words[..] {
        ["TCP", address, ..] => format!("-t {address}"),
        ["UDP", address, ..] => format!("-u {address}"),
        ["SCTP", address, ..] => format!("--sctp-service {address}"),
        ["FWM", mark, "v6", ..] => format!("-f {mark} -6"),
        ["FWM", mark, ..] => format!("-f {mark}"),
        _ => panic!("'{service}' is no service"),
    }
}

#[test]
fn a_weight_edit_changes_that_weight_and_nothing_else() {
    let Some(_lab) = Lab::with("services") else { return };
    sh("hard-table");
    let (before, limits) = (table(), thresholds());
    let mut console = Launch::new(&["--interval", "500ms"]).size(160, 60).start();
    console.wait_until("the first screen", |s| s.has("SCTP 10.0.0.1:9999"));
    console.keys("g");
    console.wait_until("the first row is selected", |s| selected_line(s) == Some(3));
    let servers = before.iter().filter(|l| l.starts_with("-a ")).count();
    let (mut service, mut edited) = (String::new(), 0);
    loop {
        let screen = console.wait_until("a selection", |s| selected_line(s).is_some());
        let y = selected_line(&screen).unwrap();
        match screen.selected() {
            None => service = option(screen.lines[y].trim_start_matches(['▌', '▾', '!', ' '])),
            Some(row) => {
                console.keys("+");
                let to = row.weight + 1;
                let named = |s: &Screen| s.selected().map(|r| (r.name, r.weight));
                let made = Some((row.name.clone(), to));
                console.wait_until("the weight has changed", |s| named(s) == made);
                assert_eq!(table(), with_weight(&before, &service, &row.name, to));
                assert_eq!(thresholds(), limits, "{service} {}", row.name);
                console.keys("u");
                let back = Some((row.name.clone(), row.weight));
                console.wait_until("the weight is back", |s| named(s) == back);
                assert_eq!(table(), before, "{service} {}", row.name);
                assert_eq!(thresholds(), limits, "{service} {}", row.name);
                edited += 1;
            }
        }
        if edited == servers {
            break;
        }
        // All rows are on the screen; where there is no next one, this fails.
        console.keys("j");
        console.wait_until("the next row", |s| selected_line(s).is_some_and(|at| at != y));
    }
}

// --- snapshots ------------------------------------------------------------------------------

#[test]
fn a_snapshot_restored_is_the_same_table() {
    let Some(_lab) = Lab::with("services") else { return };
    sh("hard-table");
    let (before, limits) = (table(), thresholds());
    let Ran { code, out, err } = ipvs_tui(&["snapshot", "--format", "ipvsadm"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    std::fs::write("/tmp/rules", &out).unwrap();
    sh("ipvsadm -C; test -z \"$(ipvsadm -Sn)\"; ipvsadm -R </tmp/rules");
    assert_eq!(table(), before);
    assert_eq!(thresholds(), limits);
}

#[test]
fn a_text_snapshot_is_what_ipvsadm_prints() {
    let Some(_lab) = Lab::with("services") else { return };
    sh("hard-table");
    // ipvsadm lists a service's servers in the kernel's order, newest first or last by release.
    let blocks = |text: &str| {
        let mut all = BTreeSet::new();
        let mut service = String::new();
        for line in text.lines().skip(3) {
            let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
            if line.starts_with("->") {
                all.insert(format!("{service} {line}"));
            } else {
                service.clone_from(&line);
                all.insert(line);
            }
        }
        all
    };
    let theirs = sh("ipvsadm -Ln").replace("FWM  -1 ", "FWM  4294967295 ");
    let ours = ipvs_tui(&["snapshot"]);
    assert_eq!(ours.code, Some(0), "{}", ours.err);
    assert_eq!(blocks(&ours.out), blocks(&theirs));
    assert_eq!(ours.out.lines().next(), theirs.lines().next());
}

#[test]
fn a_json_snapshot_holds_the_services() {
    let Some(_lab) = Lab::with("services") else { return };
    sh("hard-table");
    let Ran { code, out, err } = ipvs_tui(&["snapshot", "--format", "json"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let parsed: serde_json::Value = serde_json::from_str(&out).unwrap();
    let services = parsed["services"].as_array().unwrap();
    let rules = table();
    let count = |begin: &str| rules.iter().filter(|l| l.starts_with(begin)).count();
    assert_eq!(services.len(), count("-A "));
    let servers = services.iter().map(|s| s["servers"].as_array().unwrap().len());
    assert_eq!(servers.sum::<usize>(), count("-a "));
    assert_eq!(parsed["source"], "netlink");
}

// --- rights, namespaces, no IPVS ------------------------------------------------------------

/// Runs in a terminal until it ends; returns exit code and what is on the screen.
#[track_caller]
fn told(script: &str) -> (u32, String) {
    let mut console = Launch::shell(script).size(250, 24).start();
    let code = console.exit_code();
    console.assert_given_back();
    assert!(!String::from_utf8_lossy(&console.raw()).contains("?1049h"), "a screen was opened");
    (code, console.screen().text().trim().to_owned())
}

#[test]
fn without_rights_the_console_tells_what_is_missing() {
    let Some(_lab) = Lab::with("services") else { return };
    let (code, said) = told("exec su nobody -c \"$TUI\"");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("CAP_NET_ADMIN") && said.contains("'ipvs-tui watch'"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[test]
fn without_rights_watching_works_and_what_cannot_be_known_is_a_dot() {
    let Some(_lab) = Lab::with("nat") else { return };
    sh("traffic start 300");
    let mut console = Launch::shell("exec su nobody -c \"$TUI watch --interval 500ms\"").start();
    let screen = console.wait_until("rows with connections", |s| {
        s.server(HTTP, FIRST).is_some_and(|r| r.active > 0)
    });
    assert!(screen.header().contains("watching"), "{screen}");
    for row in screen.servers(HTTP) {
        assert_eq!((row.cps.as_str(), row.weight), ("·", 10), "{screen}");
    }
    let before = table();
    console.keys("+");
    console.wait_until("+ is no key here", |s| s.has("+ does nothing here"));
    assert_eq!(table(), before);
    let lines = |s: &Screen| s.servers(HTTP).into_iter().map(|r| r.lines).collect::<Vec<_>>();
    let first = lines(&console.screen());
    console.wait_until("the lines of connections move", |s| lines(s) != first);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

#[test]
fn as_root_watching_shows_rates_but_changes_nothing() {
    let Some(_lab) = Lab::with("nat") else { return };
    sh("traffic start 300");
    let before = table();
    for arguments in [&["watch"][..], &["--read-only"]] {
        let mut console = open_with(arguments, HTTP, FIRST);
        console.wait_until("a rate", |s| s.server(HTTP, FIRST).is_some_and(|r| r.cps != "0"));
        console.keys("+");
        console.wait_until("+ is no key here", |s| s.has("+ does nothing here"));
        assert_eq!(table(), before);
    }
}

#[test]
fn another_network_namespace_has_a_table_of_its_own() {
    let Some(_lab) = Lab::with("services") else { return };
    sh("ipr netns add other
        ipr -n other link set lo up
        ipr -n other addr add 10.5.5.1/24 dev lo
        ipr netns exec other ipvsadm -A -t 10.5.5.5:80 -s rr
        ipr netns exec other ipvsadm -a -t 10.5.5.5:80 -r 10.5.5.6:80 -m -w 4");
    let here = table();
    let elsewhere = || sh("ipr netns exec other ipvsadm -Sn");
    for name in ["other", "/run/netns/other"] {
        let (service, server) = ("TCP 10.5.5.5:80", "10.5.5.6:80");
        let mut console = Launch::new(&["--netns", name]).size(120, 24).start();
        console.wait_until("the first screen", |s| s.server(service, server).is_some());
        let screen = console.screen();
        assert!(!screen.has(HTTP) && screen.has("1 service 1 server"), "{screen}");
        assert!(screen.header().contains("other"), "{screen}");
        console.keys("+");
        console.wait_until("the weight", |s| s.server(service, server).unwrap().weight == 5);
        assert!(elsewhere().contains("-r 10.5.5.6:80 -m -w 5"), "{}", elsewhere());
        console.keys("u");
        console.wait_until("the weight", |s| s.server(service, server).unwrap().weight == 4);
        assert!(elsewhere().contains("-r 10.5.5.6:80 -m -w 4"), "{}", elsewhere());
        assert_eq!(table(), here);
        let snapshot = ipvs_tui(&["snapshot", "--netns", name, "--format", "ipvsadm"]);
        let entries = |begin: &str| snapshot.out.lines().filter(|l| l.starts_with(begin)).count();
        assert_eq!((entries("-A "), entries("-a ")), (1, 1), "{}", snapshot.out);
    }
    let (code, said) = told("exec su nobody -c \"$TUI watch --netns other\"");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("'other'") && said.contains("CAP_SYS_ADMIN"), "{said}");
}

/// Takes IPVS out of the kernel, schedulers first.
#[track_caller]
fn unload() {
    sh("ipvsadm -C
        for module in $(sed -n 's/^\\(ip_vs_[^ ]*\\) .*/\\1/p' /proc/modules); do
            rmmod $module
        done
        # A dump that somebody is in the middle of holds it for that long.
        for n in 1 2 3 4 5; do
            ! rmmod ip_vs || break
            usleep 200000
        done");
    assert!(!loaded());
}

fn loaded() -> bool {
    std::fs::read_to_string("/proc/modules").unwrap().contains("ip_vs ")
}

/// Asking must not load the module: a machine that only looks stays as it was.
#[test]
fn without_ipvs_the_module_is_named_and_not_loaded() {
    let Some(_lab) = Lab::enter() else { return };
    unload();
    for words in ["", "watch", "snapshot", "snapshot --format json"] {
        let (code, said) = told(&format!("exec \"$TUI\" {words}"));
        assert_eq!(code, 1, "'{words}': {said}");
        assert!(said.contains("'modprobe ip_vs'"), "'{words}': {said}");
        assert!(said.contains("'ipvs-tui demo'"), "'{words}': {said}");
        assert!(!loaded(), "'ipvs-tui {words}' has loaded the module");
    }
    sh("modprobe ip_vs");
    assert_eq!(ipvs_tui(&["snapshot"]).code, Some(0));
}

/// The module may go and come while the console looks.
#[test]
fn ipvs_that_goes_and_comes_back_is_told_and_followed() {
    let Some(_lab) = Lab::enter() else { return };
    sh("ipvsadm -A -t 10.0.0.1:80 -s rr; ipvsadm -a -t 10.0.0.1:80 -r 127.0.0.1:80 -m -w 3");
    let mut console = open_with(&["--interval", "500ms"], HTTP, "127.0.0.1:80");
    unload();
    let screen = console.wait_until("that it cannot be read", |s| s.has("not read for"));
    assert!(screen.says("modprobe ip_vs"), "{screen}");
    console.keys("+");
    console.wait_until("that nothing was changed", |s| s.says("nothing was changed"));
    sh("modprobe ip_vs");
    sh("ipvsadm -A -t 10.0.0.1:80 -s rr; ipvsadm -a -t 10.0.0.1:80 -r 127.0.0.1:80 -m -w 9");
    console.wait_until("the new table", |s| {
        s.has("live") && s.server(HTTP, "127.0.0.1:80").is_some_and(|r| r.weight == 9)
    });
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}
