//! Least privilege on a real kernel: whoever has CAP_NET_ADMIN and nothing else can do everything,
//! and whoever lacks it changes nothing.

use super::*;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

/// On a file system that keeps capabilities, which the guest's root is not.
const FOLDER: &str = "/tmp/rights";
/// Where the journal of `nobody` is, whose home is /tmp.
const STATE: &str = "/tmp/.local/state/ipvs-tui";
const USER: &str = "65534";

/// What `setcap cap_net_admin+ep` writes (`include/uapi/linux/capability.h`, `struct vfs_cap_data`
/// of revision 2): the revision with the effective bit, then twice permitted and inherited.
const NET_ADMIN: u32 = 1 << 12;
const REVISION: u32 = 0x0200_0001;

/// The program as `setcap` leaves it, and without a trace of earlier tests.
fn installed() -> String {
    sh(&format!("rm -rf {FOLDER} /tmp/.local; mkdir -m 755 {FOLDER}"));
    let path = format!("{FOLDER}/ipvs-tui");
    fs::copy(common::program(), &path).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    let rights: Vec<u8> =
        [REVISION, NET_ADMIN, 0, 0, 0].iter().flat_map(|word| word.to_le_bytes()).collect();
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(path.as_str(), "security.capability", &rights, flags).unwrap();
    path
}

/// Runs `program` as nobody.
fn nobody(program: &str, arguments: &str) -> Ran {
    let script = format!("cd /tmp; exec {program} {arguments}");
    common::run(std::process::Command::new("su").args(["nobody", "-c", &script]))
}

fn mode(path: &str) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

/// A line of /proc/PID/status.
fn status(pid: rustix::process::Pid, name: &str) -> String {
    let all = fs::read_to_string(format!("/proc/{}/status", pid.as_raw_nonzero())).unwrap();
    let line = all.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_start_matches(':').split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn cap_net_admin_alone_is_enough() {
    let Some(_lab) = Lab::with("nat") else { return };
    let program = installed();

    // The console.
    let script = format!("exec su nobody -c 'exec {program} --interval 500ms'");
    let mut console = Launch::shell(&script).start();
    console.wait_until("the first screen", |s| s.server(HTTP, FIRST).is_some());
    let us = format!("{USER} {USER} {USER} {USER}");
    assert_eq!(status(console.pid(), "Uid"), us, "not root, and never was");
    for rights in ["CapEff", "CapPrm"] {
        assert_eq!(status(console.pid(), rights), format!("{NET_ADMIN:016x}"), "{rights}");
    }
    console.keys("+");
    wait(&console, "ipvsadm shows the weight", || weight(HTTP, FIRST) == Some(11));
    console.keys("u");
    wait(&console, "it is taken back", || weight(HTTP, FIRST) == Some(10));
    console.keys("q");
    assert_eq!(console.exit_code(), 0);

    // Scripts, up to a scheduler that the kernel has to load, and a sysctl, which is only offered
    // where a template brings clients back.
    let sysctl = "/proc/sys/net/ipv4/vs/expire_quiescent_template";
    sh(&format!("echo 0 > {sysctl}; ipvsadm -E -t 10.0.0.1:80 -s wlc -p 60"));
    sh("ipr netns exec client wget -q -O- http://10.0.0.1/");
    let entries = sh("ipvsadm -Lnc");
    // A template is of the client's address alone.
    let template = entries.lines().find(|line| line.contains(":0 ")).unwrap();
    let server = template.split_whitespace().last().unwrap();
    for (arguments, told) in [
        (format!("weight -t 10.0.0.1:80 -r {server} -w 7"), "weight 10 -> 7"),
        (
            format!("drain -t 10.0.0.1:80 -r {server} --expire-quiescent --yes"),
            "expire_quiescent_template: 0 -> 1",
        ),
        ("scheduler -t 10.0.0.1:80 mh --yes".to_owned(), "mh"),
    ] {
        let ran = nobody(&program, &arguments);
        assert_eq!(ran.code, Some(0), "{arguments}: {ran:?}");
        assert!(ran.out.contains(told), "{arguments}: {ran:?}");
    }
    assert_eq!(weight(HTTP, server), Some(0));
    assert_eq!(sh(&format!("cat {sysctl}")).trim(), "1");
    assert!(sh("ipvsadm -Sn").contains("-A -t 10.0.0.1:80 -s mh"), "{}", sh("ipvsadm -Sn"));
    sh(&format!("echo 0 > {sysctl}"));

    // Its journal is its own, and nobody else's to read.
    assert_eq!(mode(STATE), 0o750);
    for name in ["journal.jsonl", "journal.jsonl.lock"] {
        let path = format!("{STATE}/{name}");
        assert_eq!(mode(&path), 0o640, "{path}");
        assert_eq!(sh(&format!("stat -c %u {path}")).trim(), USER, "{path}");
    }

    // Another network namespace is more than that.
    sh("ipr netns add other");
    let ran = nobody(&program, "snapshot --netns other");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("CAP_SYS_ADMIN"), "{ran:?}");
}

#[test]
fn without_it_nothing_is_changed_and_that_is_told() {
    let Some(_lab) = Lab::with("services") else { return };
    installed();
    let before = table();
    let program = common::program();
    let ran = nobody(&program, "weight -t 10.0.0.1:80 -r 10.1.1.2:80 -w 7 --no-journal");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("CAP_NET_ADMIN"), "{ran:?}");
    assert_eq!(table(), before);
    let ran = nobody(&program, "snapshot");
    assert_eq!(ran.code, Some(0), "it can be looked at: {ran:?}");
    assert!(ran.out.contains("10.0.0.1:80"), "{ran:?}");
}

#[test]
fn a_link_in_the_state_folder_is_not_followed() {
    let Some(_lab) = Lab::with("services") else { return };
    let program = installed();
    let change = "weight -t 10.0.0.1:80 -r 10.1.1.2:80 -w 7";
    let victim = Path::new(FOLDER).join("victim");
    fs::write(&victim, "mine").unwrap();
    fs::set_permissions(&victim, Permissions::from_mode(0o666)).unwrap();
    sh(&format!("su nobody -c 'umask 022; mkdir -p {STATE}'"));
    for name in ["journal.jsonl", "journal.jsonl.lock"] {
        let link = format!("{STATE}/{name}");
        symlink(&victim, &link).unwrap();
        let ran = nobody(&program, change);
        assert_eq!(ran.code, Some(1), "{name}: {ran:?}");
        assert!(ran.err.contains("symbolic link"), "{name}: {ran:?}");
        fs::remove_file(link).unwrap();
    }
    assert_eq!(fs::read_to_string(&victim).unwrap(), "mine");
    assert_eq!(weight(HTTP, FIRST), Some(10), "what cannot be written down is not done");
    assert_eq!(nobody(&program, change).code, Some(0), "without a link it is");
}
