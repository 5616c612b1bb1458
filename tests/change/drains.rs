//! Safe to stop means: stopping loses nothing.
//!
//! Four real servers under load. One is drained; when `ipvs-tui drain --wait` says that it is safe,
//! the server is taken off the network and killed, so that a connection that had been overlooked
//! hangs and its request is lost. None may be. The same with `ipvsadm -d` in place of the drain, once
//! for each way of forwarding, shows that the load is one that can lose.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::common::lab::{Lab, listed, sh, table, until};
use crate::common::{Ran, ipvs_tui};
use crate::keepalived::stop_second;
use crate::load::{Load, Request};
use crate::tell;

const SERVICE: &str = "TCP 10.0.0.1:80";
const HOST: &str = "10.1.2.2";
const SERVER: &str = "10.1.2.2:80";
/// How long the clients go on when the server is stopped: longer than the slowest request takes,
/// so that each client makes one more.
const AFTERWARDS: Duration = Duration::from_secs(4);
/// A connection that the client has closed is kept for 5 s instead of two minutes. In direct
/// routing and tunnels the director knows no better end, so a drain lasts that long.
const TIMEOUTS: &str = "900 5 300";

#[rustfmt::skip]
const TRIALS: [(&str, &str, &[&str]); 9] = [
    ("nat", "wrr", &[]),
    ("nat", "wlc", &[]),
    ("nat", "rr", &[]),
    ("nat", "lc", &[]),
    ("nat", "sed", &[]),
    ("nat", "nq", &[]),
    // Without it the clients of a server of weight 0 are refused.
    ("nat", "sh", &["--fallback"]),
    ("dr", "wlc", &[]),
    ("tun", "wlc", &[]),
];

#[test]
fn a_drained_server_stops_without_a_lost_request() {
    if Lab::enter().is_none() {
        return;
    }
    tell(format_args!("\nset for this test: ipvsadm --set {TIMEOUTS}"));
    tell("forwarding scheduler  safe after  served meanwhile  lost with drain  with ipvsadm -d");
    let (mut why, mut without) = (BTreeMap::new(), 0);
    for (forwarding, scheduler, offers) in TRIALS {
        let _lab = Lab::with(forwarding);
        sh(&format!("ipvsadm --set {TIMEOUTS} && ipvsadm -E -t 10.0.0.1:80 -s {scheduler}"));
        if scheduler == "sh" {
            // It gives the clients to servers by a hash of their addresses. At weight 10 some
            // server gets none of these eight, at weight 1 each gets some.
            sh("for n in 1 2 3 4; do
                    ipvsadm -e -t 10.0.0.1:80 -r 10.1.$n.2:80 -m -w 1 || exit
                done");
        }
        let drain = drain_and_stop(offers);
        let theirs = (scheduler == "wlc").then(|| {
            let delete = delete_and_stop();
            without += delete.lost.len();
            format!("{:8} of {:5}", delete.lost.len(), delete.requests)
        });
        let (seconds, served) = (drain.took.as_secs_f64(), drain.served_meanwhile);
        let (lost, all, theirs) = (drain.lost.len(), drain.requests, theirs.unwrap_or_default());
        tell(format_args!(
            "{forwarding:10} {scheduler:9} {seconds:9.1} s {served:17} {lost:6} of {all:5} {theirs}"
        ));
        for reason in drain.lost {
            *why.entry(format!("{forwarding} {scheduler}: {reason}")).or_insert(0) += 1;
        }
    }
    assert!(without > 0, "nothing is lost without a drain either");
    assert!(why.is_empty(), "requests were lost, so many for this reason: {why:#?}");
}

/// What the clients saw while a server was taken out and stopped.
struct Outcome {
    /// Until the server was said to be safe to stop.
    took: Duration,
    served_meanwhile: usize,
    requests: usize,
    lost: Vec<String>,
}

/// Drains the server, stops it, and brings it back.
fn drain_and_stop(offers: &[&str]) -> Outcome {
    let before = table();
    let outcome = stop_under_load(|| {
        let words = ["drain", HOST, "--wait", "--timeout", "5m", "--yes", "--reason", "test"];
        let Ran { code, out, err } = ipvs_tui(&[&words, offers].concat());
        assert_eq!(code, Some(0), "{out}{err}");
    });
    // What was still open hangs, and shows.
    let [_, weight, active, ..] = &listed("", SERVICE, SERVER).unwrap()[..] else { panic!() };
    assert_eq!((weight.as_str(), active.as_str()), ("0", "0"), "weight, active connections");
    let elsewhere = listed("", "UDP 10.0.0.1:53", "10.1.2.2:53").unwrap();
    assert_eq!(elsewhere[1], "0", "the host is drained everywhere");
    let Ran { code, out, err } = ipvs_tui(&["restore", HOST, "--yes", "--reason", "test"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(table(), before, "restored");
    outcome
}

/// Deletes the server with ipvsadm, stops it, and brings it back.
fn delete_and_stop() -> Outcome {
    let outcome = stop_under_load(|| {
        sh(&format!("ipvsadm -d -t 10.0.0.1:80 -r {SERVER}"));
    });
    assert_eq!(listed("", SERVICE, SERVER), None);
    forget_connections();
    outcome
}

/// Takes the connections of deleted servers out of the kernel. It would give them back to a server
/// that is added again, established for a quarter of an hour, and the next drain would wait.
fn forget_connections() {
    // The kernel looks for them when a server, whichever, is deleted while this is set.
    sh("echo 1 >/proc/sys/net/ipv4/vs/expire_nodest_conn
        ipvsadm -A -f 1 && ipvsadm -a -f 1 -r 127.0.0.1:0 && ipvsadm -d -f 1 -r 127.0.0.1:0");
    until("the kernel has forgotten them", || {
        !sh("cat /proc/net/ip_vs_conn").contains(" 0A010202 ")
    });
    sh("echo 0 >/proc/sys/net/ipv4/vs/expire_nodest_conn");
}

/// Under load, has the server taken out, stops it, watches the clients for a while, and starts it.
fn stop_under_load(take_out: impl FnOnce()) -> Outcome {
    let load = Load::start();
    let by = |requests: &[Request], name: &str| {
        requests.iter().filter(|r| r.answer.as_deref() == Ok(name)).count()
    };
    let mut steady = 0;
    until("every server has answered, and the one to stop is at slow requests", || {
        let requests = load.so_far();
        let all = ["rs1", "rs2", "rs3", "rs4"].iter().all(|name| by(&requests, name) > 1);
        let active = listed("", SERVICE, SERVER).unwrap()[2].parse::<u32>().unwrap();
        // A short one is active for a few milliseconds.
        steady = if active >= 2 { steady + 1 } else { 0 };
        all && steady >= 3
    });

    let begun = Instant::now();
    take_out();
    let out = Instant::now();
    stop();
    std::thread::sleep(AFTERWARDS);
    let requests = load.end();
    start();

    let (mut lost, mut served) = (Vec::new(), Vec::new());
    for Request { ended, answer } in &requests {
        match answer {
            Ok(name) => served.push((*ended, name)),
            Err(why) => lost.push(why.clone()),
        }
    }
    let after = served.iter().filter(|(ended, _)| *ended > out).count();
    assert!(after > 20, "the other servers went on: {after}");
    Outcome {
        took: out - begun,
        served_meanwhile: served.iter().filter(|(t, _)| (begun..out).contains(t)).count(),
        requests: requests.len(),
        lost,
    }
}

/// Takes the server off the network, so that nobody is told, and kills all that runs on it.
fn stop() {
    sh("ipr link set rs2 down");
    stop_second();
}

fn start() {
    sh("ipr link set rs2 up; ipr netns exec rs2 httpd -p 80 -h /run/www/rs2");
    until("the server answers again", || {
        sh("timeout 2 wget -q -O - http://10.1.2.2/ || true").trim() == "rs2"
    });
}
