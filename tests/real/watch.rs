//! Watching on a real kernel: what it asks the kernel for, and what it shows without any right.

use super::*;

/// Where strace writes.
const TRACE: &str = "/tmp/watch.strace";

/// The generic netlink commands of IPVS that only read (`include/uapi/linux/ip_vs.h`): GET_SERVICE,
/// GET_DEST, GET_DAEMON, GET_CONFIG, GET_INFO.
const READS: [u8; 5] = [4, 8, 11, 13, 15];
/// The generic netlink controller, which resolves families by name, and may load their module.
const CONTROLLER: &str = "0x10";

/// The routing messages that only read (`rtnetlink.h`): RTM_GETLINK, RTM_GETADDR. The doctor asks
/// which addresses this machine has.
const LOOKS: [&str; 4] = ["0x12", "0x16", "RTM_GETLINK", "RTM_GETADDR"];

/// Every message that was sent: its type and its command.
fn sent(trace: &str) -> Vec<(String, u8)> {
    let message = |line: &str| {
        let line = line.split("sendto(").nth(1)?;
        let kind = line.split("nlmsg_type=").nth(1)?.split([' ', ',']).next()?.to_owned();
        let data = line.split('"').nth(1)?.strip_prefix("\\x")?;
        Some((kind, u8::from_str_radix(data.get(..2)?, 16).unwrap()))
    };
    trace
        .lines()
        .filter(|l| l.contains("NETLINK") || l.contains("nlmsg"))
        .filter_map(message)
        .collect()
}

fn trace() -> String {
    std::fs::read_to_string(TRACE).unwrap()
}

fn traced(arguments: &str) -> Launch {
    let calls = "%network,init_module,finit_module,execve,fork,vfork";
    Launch::shell(&format!("exec strace -f -xx -o {TRACE} -e trace={calls} \"$TUI\" {arguments}"))
}

#[test]
fn watching_only_reads_and_starts_no_program() {
    let Some(_lab) = Lab::with("nat") else { return };
    let mut console = traced("watch --interval 500ms").start();
    console.wait_until("the first screen", |s| s.server(HTTP, FIRST).is_some());
    // Keys that would change something, everything that opens, and the palette.
    for keys in ["+", "x", "d", "D", "w", "s", "u", "a", "Z", "2", "6", "1", "?", "\x1b"] {
        console.keys(keys);
        std::thread::sleep(Duration::from_millis(100)); // not all of them show something
    }
    console.keys(":quiesce");
    console.wait_until("no such command", |s| s.has("no command matches"));
    console.keys(key::ESC);
    console.wait_until("the table", |s| s.server(HTTP, FIRST).is_some() && !s.has("Commands ("));
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    let trace = trace();
    let sent = sent(&trace);
    assert!(sent.len() > 5, "{trace}");
    let first = sent.first().unwrap();
    assert_eq!((first.0.as_str(), first.1), (CONTROLLER, 3), "it asks for the family");
    for (kind, command) in &sent {
        let reads = match kind.as_str() {
            CONTROLLER => *command == 3,
            kind => LOOKS.contains(&kind) || READS.contains(command),
        };
        assert!(reads, "{kind} {command}\n{trace}");
    }
    assert_eq!(trace.matches("execve(").count(), 1, "{trace}");
    assert!(!trace.contains("init_module"), "{trace}");
}

#[test]
fn without_ipvs_watching_asks_for_nothing_that_could_load_it() {
    let Some(_lab) = Lab::enter() else { return };
    unload();
    let mut console = traced("watch").start();
    assert_ne!(console.exit_code(), 0);
    assert!(console.screen().says("modprobe ip_vs"), "{}", console.screen());
    let trace = trace();
    assert!(!trace.contains("AF_NETLINK") && !trace.contains("init_module"), "{trace}");
    assert!(!loaded());
    sh("modprobe ip_vs");
}
