//! Changes from scripts: the program on an embedded director of its own, and the same code on a
//! director and a clock that the test holds.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing, clippy::print_stderr)]

#[path = "script/bench.rs"]
mod bench;
mod common;
#[path = "script/program.rs"]
mod program;

use std::process::{Command, Stdio};
use std::time::Duration;

use bench::{Bench, changes, told};
use ipvs_tui::ipvs::Change;
use ipvs_tui::journal::{self, Act, DrainEnd, Kind, Undone};
use ipvs_tui::kernel::sim::Scenario;
use ipvs_tui::plan::Plan;
use ipvs_tui::script::Exit;
use ipvs_tui::snapshot::ServiceEntry;

const ONE: &str = "-t 10.0.0.1:80 -r 10.1.1.2:80";
const WEB: (&str, &str) = ("TCP 10.0.0.1:80", "10.1.1.2:80");
const TLS: (&str, &str) = ("TCP 10.0.0.1:443", "10.1.1.2:443");

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

// --- weights, taken back across processes -----------------------------------------------------

#[test]
fn a_weight_is_set_and_written_down_and_taken_back() {
    let mut bench = Bench::new(Scenario::Web);
    let ran = bench.run(&format!("weight {ONE} -w +5 --reason maintenance"));
    assert_eq!((ran.exit, bench.weight(WEB)), (Exit::Done, Some(15)));
    assert!(
        ran.out.starts_with("made: real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 10 -> 15")
    );
    let entry = bench.history().entries[0].clone();
    assert_eq!(entry.intent.reason, "maintenance");
    let undo = format!("ipvs-tui undo {}", entry.id());
    assert!(ran.out.contains(&undo), "{}", ran.out);

    // A process later: the last one, without its name.
    let ran = bench.run("undo");
    assert_eq!((ran.exit, bench.weight(WEB)), (Exit::Done, Some(10)), "{ran:?}");
    let history = bench.history();
    let undo = history.entries[1].id();
    assert_eq!(history.entries[0].undone, Undone::By(undo));

    // It is taken back already; taking the undo back is a redo.
    let ran = bench.run(&format!("undo {}", entry.id()));
    assert_eq!(ran.exit, Exit::Done);
    assert!(ran.out.contains("nothing to do") && ran.out.contains(&undo.to_string()), "{ran:?}");
    let ran = bench.run(&format!("undo {undo}"));
    assert_eq!((ran.exit, bench.weight(WEB)), (Exit::Done, Some(15)), "{ran:?}");
    assert_eq!(bench.history().entries[2].intent.kind, Kind::Redo);
    assert!(ran.out.contains("made: "), "{ran:?}");
}

#[test]
fn what_is_so_already_is_nothing_to_do() {
    let mut bench = Bench::new(Scenario::Web);
    for (words, why) in [
        ("weight -w 10 -t 10.0.0.1:80 -r 10.1.1.2", "that weight already"),
        ("quiesce -t 10.0.0.1:80 -r 10.1.2.2", "weight 0 already"),
        ("restore -t 10.0.0.1:80 -r 10.1.1.2", "the weight is not 0"),
        ("scheduler -t 10.0.0.1:80 wlc", "so already"),
        ("edit -t 10.0.0.1:80 -r 10.1.1.2 -w 10 -m", "so already"),
        ("add -t 10.0.0.1:80 -s wlc", "there already"),
        ("add -t 10.0.0.1:80 -r 10.1.1.2:80 -m -w 10", "there already"),
    ] {
        let ran = bench.run(words);
        assert_eq!(ran.exit, Exit::Done, "{words}: {ran:?}");
        assert!(
            ran.out.starts_with("nothing to do: ") && ran.out.contains(why),
            "{words}: {ran:?}"
        );
        assert_eq!(ran.json(&mut bench, words)["outcome"], "nothing_to_do", "{words}");
    }
    assert_eq!(bench.history().entries, []);
}

#[test]
fn what_is_not_there_is_told_by_name() {
    let mut bench = Bench::new(Scenario::Web);
    for (words, why) in [
        ("drain -t 10.0.0.9:80 -r 10.1.1.2", "there is no service TCP 10.0.0.9:80"),
        ("drain -t 10.0.0.1:80 -r 10.1.1.2:81", "no real server 10.1.1.2:81; it has 10.1.1.2:80"),
        ("drain 10.9.9.9", "no service has a real server at 10.9.9.9"),
        ("delete -f 6", "there is no service FWM 6"),
        ("delete -f 5 -6", "there is no service FWM 5 v6"),
        ("edit -u 10.0.0.1:80 -s rr", "there is no service UDP 10.0.0.1:80"),
        ("restore -t 10.0.0.1:80 -r 10.1.2.2", "the weight from before is not known"),
        ("undo", "no change of this table"),
        ("undo zzz", "no entry zzz"),
    ] {
        let ran = bench.run(words);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Failed, ""), "{words}: {ran:?}");
        assert!(ran.err.contains(why), "{words}: {ran:?}");
        let document = ran.json(&mut bench, words);
        assert_eq!(document["outcome"], "failed", "{words}");
        assert!(document["failed"]["why"].as_str().unwrap().contains(why), "{document}");
    }
}

/// The kernel would say no more than that there is no such file, and a dry run not even that.
#[test]
fn a_scheduler_that_the_kernel_lacks_is_refused_before_anything_is_sent() {
    let mut bench = Bench::new(Scenario::Web);
    for words in ["scheduler -t 10.0.0.1:80 wrrr", "add -t 10.0.0.9:80 -s wrrr"] {
        for words in [words.to_owned(), format!("{words} --dry-run"), format!("{words} --yes")] {
            let ran = bench.run(&words);
            assert_eq!(ran.exit, Exit::Failed, "{words}: {ran:?}");
            assert!(ran.err.contains("this kernel has no wrrr"), "{words}: {ran:?}");
            assert!(ran.err.contains("module ip_vs_wrrr; choose another"), "{words}: {ran:?}");
        }
    }
    assert_eq!((bench.config(), bench.history().lines), (bench.began.clone(), 0));
    // Other fields of a service can be edited whatever its scheduler is.
    assert_eq!(bench.run("edit -t 10.0.0.1:80 -p 60 --yes").exit, Exit::Done);
}

// --- dangers ----------------------------------------------------------------------------------

#[test]
fn dangers_are_refused_without_yes() {
    for (words, level) in [
        ("quiesce -f 5 -r 10.3.0.7", "ask"),
        ("delete -t 10.0.0.1:80 -r 10.1.1.2", "ask"),
        ("delete -t 10.0.0.1:80", "type"),
        ("scheduler -t 10.0.0.1:80 none", "type"),
        ("delete 10.1.1.2", "ask"),
    ] {
        let mut bench = Bench::new(Scenario::Web);
        let before = bench.table();
        let ran = bench.run(words);
        assert_eq!(ran.exit, Exit::Refused, "{words}: {ran:?}");
        assert!(ran.out.contains(&format!("danger ({level}): ")), "{words}: {ran:?}");
        assert!(ran.err.contains("add --yes to do it all the same"), "{words}: {ran:?}");
        assert_eq!((bench.table(), bench.history().lines), (before, 0), "{words}");
        let ran = bench.run(&format!("{words} --yes"));
        assert_eq!(ran.exit, Exit::Done, "{words}: {ran:?}");
        assert!(ran.out.contains("made: "), "{words}: {ran:?}");
        // All of it comes back.
        let ran = bench.run("undo --yes");
        assert_eq!(ran.exit, Exit::Done, "{words}: {ran:?}");
        assert_eq!(bench.config(), bench.began, "{words}");
    }
}

#[test]
fn offers_are_taken_and_come_back_with_the_weight() {
    let mut bench = Bench::new(Scenario::Web);
    let words = "drain -f 5 -r 10.3.0.7 --fallback --expire-quiescent";
    let planned = bench.json(&format!("{words} --dry-run"));
    assert_eq!(planned["offers"].as_array().unwrap().len(), 2);
    assert!(planned["offers"].as_array().unwrap().iter().all(|o| o["taken"] == true));
    let ran = bench.run(words);
    assert_eq!(ran.exit, Exit::Done, "the danger is gone: {ran:?}");
    assert!(ran.out.contains("flags sh-port -> sh-fallback,sh-port"), "{ran:?}");
    assert!(ran.out.contains("expire_quiescent_template: 0 -> 1"), "{ran:?}");
    let ran = bench.run("restore 10.3.0.7");
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    assert_eq!(bench.config(), bench.began);
    assert_eq!(bench.history().drains[0].ended.as_ref().unwrap().how, DrainEnd::Restored);
    // Where there is nothing to set, that is said.
    let ran = bench.run(&format!("drain {ONE} --fallback"));
    assert!(ran.out.contains("--fallback: nothing to set"), "{ran:?}");
}

// --- services and servers ---------------------------------------------------------------------

#[test]
fn services_and_servers_come_change_and_go() {
    let mut bench = Bench::new(Scenario::Web);
    for words in [
        "add -t 10.0.0.8:80 -s wrr -p 60 -M 24",
        "add -t 10.0.0.8:80 -r 10.1.8.1 -m -w 3 -x 100 -y 50",
        "add -t 10.0.0.8:80 -r 10.1.8.2:8080 -m",
        "edit -t 10.0.0.8:80 -r 10.1.8.1 -w 4",
        "add -t 10.0.0.8:80 -r 10.1.8.3 -i --tun-type gue --tun-port 6080 --tun-csum",
        "edit -t 10.0.0.8:80 --no-persistent -s sh -b sh-port --yes",
        "add -u 10.0.0.8:53 -s rr -o",
        "edit -u 10.0.0.8:53 --no-ops -s sed --yes",
    ] {
        let ran = bench.run(words);
        assert_eq!(ran.exit, Exit::Done, "{words}: {ran:?}");
    }
    let table = bench.table();
    let web = told(&table, "TCP 10.0.0.8:80");
    assert_eq!(web.service.scheduler.as_str(), "sh");
    assert_eq!(web.service.scheduler_flags(), ["sh-port"]);
    assert_eq!(
        (web.service.persistent(), web.service.netmask.to_string().as_str()),
        (None, "255.255.255.0")
    );
    let servers: Vec<_> = web.servers.iter().map(|s| &s.server).collect();
    let told: Vec<_> = servers
        .iter()
        .map(|s| {
            format!(
                "{} {} {} {} {} {}",
                s.key, s.forwarding, s.weight, s.upper_threshold, s.lower_threshold, s.tunnel
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "10.1.8.1:80 Masq 4 100 50 ipip",
            "10.1.8.2:8080 Masq 1 0 0 ipip",
            "10.1.8.3:80 Tunnel 1 0 0 gue port 6080 csum",
        ]
    );
    assert!(!bench::told(&table, "UDP 10.0.0.8:53").service.one_packet());
    // What is there with other values is not what was wanted.
    for words in ["add -t 10.0.0.8:80 -s rr", "add -t 10.0.0.8:80 -r 10.1.8.1 -m -w 9"] {
        let ran = bench.run(words);
        assert_eq!(ran.exit, Exit::Conflict, "{words}: {ran:?}");
        assert!(ran.err.contains("with other values; 'edit' changes them"), "{ran:?}");
    }
    for words in ["delete -t 10.0.0.8:80 --yes", "delete -u 10.0.0.8:53 --yes"] {
        let ran = bench.run(words);
        assert_eq!(ran.exit, Exit::Done, "{words}: {ran:?}");
    }
    assert_eq!(bench.config(), bench.began);
}

#[test]
fn values_that_make_no_sense_here_are_usage() {
    let mut bench = Bench::new(Scenario::Web);
    for (words, why) in [
        ("edit -t 10.0.0.1:80 -b sh-port", "sh-port is one of sh, and this is wlc"),
        ("add -t 10.0.0.8:80 -s rr -M 64", "1 to 32"),
        ("add -t 10.0.0.8:80 -s rr -o", "-o is for UDP"),
        ("add -u 10.0.0.8:80 -s rr --pe sip", "needs a persistent service"),
        ("add -t 10.0.0.1:80 -r fd00::7 -m", "by a tunnel: -i"),
        ("add -t 10.0.0.1:80 -r 10.1.9.9 -m --tun-port 9", "by a tunnel: -i"),
        ("add -t 10.0.0.1:80 -r 10.1.9.9 -m -y 9", "lower threshold 9 is above"),
        ("weight -t 10.0.0.1:80 -r 10.1.1.2 -w +2147483647", "a weight is 0 to"),
        ("weight -u 10.0.0.1:53 -r 10.2.0.53 -w share=25%", "does not share by weight"),
    ] {
        let ran = bench.run(words);
        assert_eq!(ran.exit, Exit::Usage, "{words}: {ran:?}");
        assert!(ran.err.contains(why), "{words}: {ran:?}");
    }
    assert_eq!(bench.history().lines, 0);
}

// --- drains -----------------------------------------------------------------------------------

#[test]
fn a_host_is_drained_everywhere_and_restored() {
    let mut bench = Bench::new(Scenario::Web);
    let ran = bench.run("drain 10.1.1.2 --timeout 10m --then restore");
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    assert_eq!((bench.weight(WEB), bench.weight(TLS)), (Some(0), Some(0)));
    assert!(ran.out.contains("its time is up in 10m: a console that is open then"), "{ran:?}");
    let drains = bench.history().drains;
    assert_eq!(
        (drains[0].started.target.as_str(), drains[0].open()),
        ("10.1.1.2 everywhere", true)
    );
    assert_eq!(drains[0].started.timeout_seconds, Some(600));
    assert_eq!(drains[0].started.then, journal::Then::Restore);

    let ran = bench.run(&format!("drain {ONE}"));
    assert!(ran.exit == Exit::Done && ran.out.contains("draining already"), "{ran:?}");

    let ran = bench.run("restore 10.1.1.2");
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    assert_eq!((bench.weight(WEB), bench.weight(TLS)), (Some(10), Some(10)));
    assert!(!bench.history().drains[0].open());
}

#[test]
fn a_drain_is_taken_back_and_begun_again() {
    let mut bench = Bench::new(Scenario::Web);
    assert_eq!(bench.run(&format!("drain {ONE} --reason disks")).exit, Exit::Done);
    assert_eq!(bench.run("undo").exit, Exit::Done);
    let history = bench.history();
    assert_eq!(history.drains[0].ended.as_ref().unwrap().how, DrainEnd::Cancelled);
    let undo = history.entries[1].id();
    assert_eq!(bench.run(&format!("undo {undo}")).exit, Exit::Done);
    let drains = bench.history().drains;
    assert_eq!((drains.len(), drains[1].open()), (2, true), "the redo is a drain again");
    assert_eq!(drains[1].started.reason, "disks");
    assert_eq!(bench.run("undo").exit, Exit::Done);
    assert_eq!((bench.weight(WEB), bench.history().drains[1].open()), (Some(10), false));
}

#[test]
fn one_that_others_raised_is_drained_anew() {
    let mut bench = Bench::new(Scenario::Web);
    assert_eq!(bench.run(&format!("drain {ONE}")).exit, Exit::Done);
    bench.set_weight(WEB, 10);
    assert_eq!(bench.run(&format!("drain {ONE}")).exit, Exit::Done);
    let drains = bench.history().drains;
    assert_eq!(drains[0].ended.as_ref().unwrap().how, DrainEnd::Outside);
    assert!(drains[1].open());
}

#[test]
fn a_drain_is_followed_until_it_is_safe() {
    let mut bench = Bench::new(Scenario::Web);
    let words = format!("drain {ONE} --wait --timeout 20m --then delete");
    let ran = bench.run(&words);
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    assert!(
        ran.out.contains("10.1.1.2:80 of TCP 10.0.0.1:80: safe to stop (every entry"),
        "{ran:?}"
    );
    assert_eq!(bench.weight(WEB), Some(0), "nothing happens before the time is up");
    let drain = &bench.history().drains[0];
    assert!(drain.open() && drain.started.timeout_seconds.is_none(), "this process waited");
    // Without a terminal, a line for each change of the verdict.
    let lines: Vec<_> = ran.err.lines().collect();
    assert!((2..8).contains(&lines.len()), "{}", ran.err);
    assert!(lines.last().unwrap().contains(": safe to stop"), "{}", ran.err);
    assert!(!ran.err.contains('\r'), "{}", ran.err);
    // Once more: nothing to do but to look.
    let document = bench.json(&format!("drain {ONE} --wait"));
    assert_eq!((&document["outcome"], &document["exit_code"]), (&"done".into(), &0.into()));
    let verdict = &document["verdict"];
    assert_eq!(verdict["safe"], true);
    assert_eq!(verdict["servers"][0]["server"], "10.1.1.2:80");
    assert_eq!(verdict["servers"][0]["active"], 0);
}

/// A reading that lacks it does not end a drain.
#[test]
fn a_server_that_a_dump_left_out_is_still_followed() {
    let mut bench = Bench::new("big:70x2".parse().unwrap());
    let table = bench.table();
    let tcp = |entry: &&ServiceEntry| entry.service.key.to_string().starts_with("TCP ");
    let entry = table.services.iter().rev().find(tcp).unwrap();
    bench.forgets = Some(entry.service.key);
    let (service, server) = (entry.service.key.to_string(), entry.servers[0].server.key);
    let ran = bench.run(&format!("drain -t {} -r {server} --wait --timeout 60m", &service[4..]));
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    assert!(ran.out.contains("safe to stop"), "{ran:?}");
    assert!(bench.now() > Duration::from_secs(5), "it was read again and again");
}

#[test]
fn a_terminal_has_its_progress_in_one_line() {
    let mut bench = Bench::new(Scenario::Web);
    bench.width = Some(40);
    let ran = bench.run(&format!("quiesce {ONE} --wait --timeout 20m"));
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    assert!(bench.history().drains.is_empty(), "quiesce begins no drain");
    assert!(!ran.err.contains('\n'), "{:?}", ran.err);
    let pieces: Vec<&str> = ran.err.split('\r').filter(|p| !p.trim().is_empty()).collect();
    assert!(pieces.len() > 5, "{:?}", ran.err);
    assert!(pieces.iter().all(|p| p.chars().count() < 40), "{pieces:?}");
    assert!(pieces[1].starts_with("10.1.1.2:80 of TCP 10.0.0.1:80 drainin"), "{pieces:?}");
    assert!(ran.err.ends_with('\r'), "the line is wiped");
}

#[test]
fn when_the_time_is_up_weight_0_stays() {
    let mut bench = Bench::new(Scenario::Web);
    let ran = bench.run(&format!("drain {ONE} --wait --timeout 3s"));
    assert_eq!((ran.exit, bench.now()), (Exit::Timeout, seconds(3)), "{ran:?}");
    assert_eq!(bench.weight(WEB), Some(0));
    assert!(bench.history().drains[0].open(), "it is drained all the same");
    assert!(ran.err.contains("the time is up after 3s"), "{ran:?}");
    assert!(ran.err.contains("weight 0 stays"), "{ran:?}");
}

#[test]
fn when_the_time_is_up_the_weight_comes_back() {
    let mut bench = Bench::new(Scenario::Web);
    let words = format!("drain {ONE} --wait --timeout 3s --then restore --reason disks");
    let document = bench.json(&words);
    assert_eq!((&document["outcome"], &document["exit_code"]), (&"timeout".into(), &5.into()));
    assert_eq!(changes(&document), ["made weight 10 -> 0", "made weight 0 -> 10"]);
    assert_eq!(document["verdict"]["safe"], false);
    assert_eq!(bench.weight(WEB), Some(10));
    let history = bench.history();
    assert_eq!(history.drains[0].ended.as_ref().unwrap().how, DrainEnd::Restored);
    assert_eq!(history.entries[1].intent.reason, "the drain's time is up: disks");
}

#[test]
fn when_the_time_is_up_the_server_is_deleted() {
    let mut bench = Bench::new(Scenario::Web);
    let ran = bench.run(&format!("drain {ONE} --wait --timeout 3s --then delete"));
    assert_eq!((ran.exit, bench.weight(WEB)), (Exit::Timeout, None), "{ran:?}");
    assert_eq!(bench.history().drains[0].ended.as_ref().unwrap().how, DrainEnd::Deleted);
    assert!(ran.out.contains("made: delete real server 10.1.1.2:80"), "{ran:?}");
}

#[test]
fn what_others_do_to_a_drained_server_is_a_conflict() {
    for (words, verb) in [("drain", "drain"), ("quiesce", "quiesce")] {
        let mut bench = Bench::new(Scenario::Web);
        bench.at(seconds(2), |bench| bench.set_weight(WEB, 7));
        let ran = bench.run(&format!("{words} {ONE} --wait"));
        assert_eq!((ran.exit, bench.weight(WEB)), (Exit::Conflict, Some(7)), "{verb}: {ran:?}");
        assert!(ran.err.contains("it has weight 7"), "{ran:?}");
        if let [drain] = bench.history().drains.as_slice() {
            assert_eq!(drain.ended.as_ref().unwrap().how, DrainEnd::Outside);
        }
    }
    let mut bench = Bench::new(Scenario::Web);
    bench.at(seconds(2), |bench| bench.delete(WEB));
    let document = bench.json(&format!("drain {ONE} --wait"));
    assert_eq!(document["outcome"], "conflict");
    let why = document["failed"]["why"].as_str().unwrap();
    assert!(why.contains("deleted by someone else"), "{document}");
}

// --- ramps ------------------------------------------------------------------------------------

#[test]
fn a_ramp_gives_the_weight_back_in_steps_that_one_undo_takes_back() {
    let mut bench = Bench::new(Scenario::Web);
    assert_eq!(bench.run(&format!("drain {ONE} --expire-quiescent")).exit, Exit::Done);
    let ran = bench.run(&format!("restore {ONE} --ramp 20s --dry-run"));
    let way = "in 10 steps: the first at once, the last after 20s";
    assert!(ran.exit == Exit::Done && ran.out.contains(way), "{ran:?}");
    let ran = bench.run(&format!("restore {ONE} --ramp 20s"));
    assert_eq!((ran.exit, bench.weight(WEB)), (Exit::Done, Some(10)), "{ran:?}");
    assert_eq!(bench.now(), seconds(20));
    let history = bench.history();
    let steps = &history.entries[1..];
    assert_eq!(steps.len(), 10, "2 s apart at least");
    assert!(steps.iter().all(|e| e.intent.kind == Kind::Restore && e.complete()));
    let first = steps[0].id();
    assert!(steps[1..].iter().all(|e| e.intent.part_of == Some(first)));
    assert_eq!(history.drains[0].ended.as_ref().unwrap().how, DrainEnd::Restored);
    // By the name of any step.
    let ran = bench.run(&format!("undo {}", steps[4].id()));
    assert_eq!((ran.exit, bench.weight(WEB)), (Exit::Done, Some(0)), "{ran:?}");
}

#[test]
fn a_ramp_stops_where_someone_else_gets_in_between() {
    let mut bench = Bench::new(Scenario::Web);
    assert_eq!(bench.run(&format!("drain {ONE}")).exit, Exit::Done);
    bench.at(seconds(5), |bench| bench.set_weight(WEB, 99));
    let document = bench.json(&format!("restore {ONE} --ramp 20s"));
    assert_eq!((&document["outcome"], &document["exit_code"]), (&"conflict".into(), &4.into()));
    assert_eq!(changes(&document), ["not_made weight 0 -> 10"]);
    let why = document["failed"]["why"].as_str().unwrap();
    assert!(why.contains("weight is 99 now"), "{document}");
    let notes = document["notes"].to_string();
    assert!(
        notes.contains("10.1.1.2:80 of TCP 10.0.0.1:80 stands at weight 99, not 10"),
        "{notes}"
    );
    assert!(notes.contains("of 10"), "{notes}");
    assert_eq!(bench.weight(WEB), Some(99));
}

// --- the journal ------------------------------------------------------------------------------

#[test]
fn a_locked_journal_is_waited_for() {
    let mut bench = Bench::new(Scenario::Web);
    let mut other = bench.book();
    let plan = Plan { title: "someone else's".to_owned(), changes: vec![Change::Flush] };
    let id = other.journal().begin(Act::new(plan)).unwrap();

    let ran = bench.run(&format!("weight {ONE} -w 3"));
    assert_eq!((ran.exit, bench.weight(WEB)), (Exit::Failed, Some(10)), "{ran:?}");
    assert!(ran.err.contains("is locked by") && ran.err.contains("nothing was changed"), "{ran:?}");

    let document = bench.json(&format!("weight {ONE} -w 3 --wait --timeout 2s"));
    assert_eq!((&document["outcome"], bench.now()), (&"timeout".into(), seconds(2)));
    assert!(document["failed"]["why"].as_str().unwrap().contains("is locked by"), "{document}");

    bench.at(seconds(3), move |_| other.journal().end(id, "").unwrap());
    let ran = bench.run(&format!("weight {ONE} -w 3 --wait"));
    assert_eq!((ran.exit, bench.weight(WEB)), (Exit::Done, Some(3)), "{ran:?}");
}

/// A real file system that fills up. Needs root, and the right to mount.
#[test]
fn a_full_disk_is_told_before_anything_is_changed() {
    let mut bench = Bench::new(Scenario::Web);
    let folder = bench.folder().to_owned();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(&folder)
        .stderr(Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        eprintln!("left out: nothing can be mounted here");
        return;
    }
    let filler = folder.join("filler");
    std::fs::write(&filler, vec![0; 1 << 20]).unwrap_err();
    let ran = bench.run(&format!("weight {ONE} -w 6"));
    assert_eq!((ran.exit, bench.weight(WEB)), (Exit::Failed, Some(10)), "{ran:?}");
    assert!(
        ran.err.contains("No space left") && ran.err.contains("nothing was changed"),
        "{ran:?}"
    );
    // As soon as there is room, it goes on.
    std::fs::remove_file(&filler).unwrap();
    assert_eq!(bench.run(&format!("weight {ONE} -w 6")).exit, Exit::Done);
    let ran = bench.run("undo");
    assert_eq!((ran.exit, bench.weight(WEB)), (Exit::Done, Some(10)), "{ran:?}");
    assert!(Command::new("umount").arg(&folder).status().unwrap().success());
}

#[test]
fn a_conflict_between_look_and_hand_writes_nothing() {
    let mut bench = Bench::new(Scenario::Web);
    assert_eq!(bench.run(&format!("weight {ONE} -w 5")).exit, Exit::Done);
    bench.set_weight(WEB, 8);
    let ran = bench.run("undo");
    assert_eq!((ran.exit, bench.weight(WEB)), (Exit::Conflict, Some(8)), "{ran:?}");
    assert!(ran.err.contains("weight is 8 now"), "{ran:?}");
    assert!(ran.err.contains("nothing was changed"), "{ran:?}");
    assert!(ran.out.contains("NOT MADE: "), "{ran:?}");
}

#[test]
fn what_a_dead_process_left_is_settled_and_told() {
    let mut bench = Bench::new(Scenario::Web);
    let server = bench.server(WEB).unwrap();
    let change = Change::weight(WEB.0.parse().unwrap(), &server, 3);
    let mut dead = bench.book();
    let plan = Plan { title: "died".to_owned(), changes: vec![change] };
    dead.journal().begin(Act::new(plan)).unwrap();
    drop(dead);
    // Not by a dry run: that writes nothing.
    let lines = bench.history().lines;
    assert_eq!(bench.run(&format!("weight {ONE} -w 5 --dry-run")).exit, Exit::Done);
    assert_eq!(bench.history().lines, lines);
    let ran = bench.run(&format!("weight {ONE} -w 5"));
    assert_eq!(ran.exit, Exit::Done, "{ran:?}");
    assert!(ran.err.contains("interrupted at") && ran.err.contains("it was not made"), "{ran:?}");
}
