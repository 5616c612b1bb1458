//! Without rights, in a console, in another namespace.

use std::process::Command;

use crate::common::lab::sh;
use crate::common::{Launch, run};
use crate::*;

/// What needs rights is told as not checked, and the rest is looked at all the same.
#[test]
fn without_rights_it_says_what_it_cannot_see() {
    let Some(mut director) = director("nat", &web("-m", &[1, 2])) else { return };
    let as_nobody = || {
        let script = "ipvs-tui doctor --json";
        let ran = run(Command::new("su").args(["nobody", "-s", "/bin/sh", "-c", script]));
        parsed(&ran.out, &ran.err)
    };
    let report = as_nobody();
    assert_eq!(report["source"], "proc");
    assert_eq!(report["servers"], 2);
    assert_eq!(outcome(&report, "sync"), "not_checked");
    for check in report["checks"].as_array().unwrap() {
        let name = check["name"].as_str().unwrap();
        if name != "sync" {
            assert_eq!(outcome(&report, name), "passed", "{check:#}");
        }
    }
    let sync = report["checks"].as_array().unwrap().iter().find(|c| c["name"] == "sync").unwrap();
    let why = sync["not_checked"][0]["why"].as_str().unwrap();
    assert!(why.contains("CAP_NET_ADMIN"), "{why}");

    // What root sees of the machine, nobody sees too.
    director.sets("net/ipv4/ip_forward", "0");
    let vip = "10.0.0.1/32 dev br0";
    director.does(&format!("ipr addr del {vip}"), &format!("ipr addr replace {vip}"));
    let report = as_nobody();
    one(&report, "forwarding", "error");
    one(&report, "virtual-address", "error");
    assert_eq!(report["exit_code"], 4);
}

/// In the console the doctor comes at once, and again when he is asked.
#[test]
fn the_page_follows_the_machine() {
    let Some(mut director) = director("nat", &web("-m", &[1, 2])) else { return };
    director.sets("net/ipv4/ip_forward", "0");
    let mut console = Launch::new(&["watch", "--interval", "500ms"]).start();
    console.wait_until("the error below the services", |s| {
        s.has("doctor: net.ipv4.ip_forward is 0") && s.has("7 Doctor 1")
    });
    console.keys("7");
    console.wait_until("its page", |s| s.has("sysctl -w net.ipv4.ip_forward=1"));
    write("net/ipv4/ip_forward", "1");
    console.keys("r");
    console.wait_until("it has gone", |s| s.has("0 errors, 0 warnings"));
}

/// In a namespace commands are written as they are run there.
#[test]
fn another_namespace_is_looked_at_as_it_is() {
    let Some(mut director) = director("nat", "") else { return };
    director.does(
        "ipr netns add other
         ipr -n other link set lo up
         ipr netns exec other ipvsadm -A -t 10.0.0.5:80 -s rr
         ipr netns exec other ipvsadm -a -t 10.0.0.5:80 -r 127.0.0.1:80 -m",
        "ipr netns exec other ipvsadm -C; ipr netns del other",
    );
    let report = doctor_with(&["--netns", "other"]);
    let finding = one(&report, "virtual-address", "error");
    let command = "ip netns exec other ip addr replace 10.0.0.5/32 dev lo";
    assert_eq!(commands(&finding), [command]);
    sh(&command.replacen("ip ", "ipr ", 1).replace(" ip ", " /usr/lib/iproute2/ip "));
    let report = doctor_with(&["--netns", "other"]);
    assert_eq!(outcome(&report, "virtual-address"), "passed");
    one(&report, "self", "note");
}
