//! Watching on a real kernel: what it asks the kernel for, and what it shows without any right.

use super::*;

/// Where strace writes.
const TRACE: &str = "/tmp/watch.strace";

/// The generic netlink commands of IPVS that only read (`include/uapi/linux/ip_vs.h`): GET_SERVICE,
/// GET_DEST, GET_DAEMON, GET_CONFIG, GET_INFO.
const READS: [u8; 5] = [4, 8, 11, 13, 15];
/// The generic netlink controller, which resolves families by name, and may load their module.
const CONTROLLER: u16 = 0x10;

/// A message to the kernel: the netlink protocol of its socket, its type, its command (of a routing
/// message: its address family).
type Sent = (String, u16, u8);

/// Every message that was sent. Numbers of generic families and of routing messages are the same
/// ones, so the sockets are followed: the last one that got a descriptor has it.
fn sent(trace: &str) -> Vec<Sent> {
    let mut sockets = std::collections::HashMap::new();
    let mut sent = Vec::new();
    for line in trace.lines() {
        if let Some((_, call)) = line.split_once("socket(AF_NETLINK, ") {
            let protocol = call.split(", ").nth(1).and_then(|p| p.split(')').next()).unwrap();
            let descriptor = call.rsplit("= ").next().unwrap().trim();
            sockets.insert(descriptor.to_owned(), protocol.to_owned());
        }
        let Some((_, call)) = line.split_once("sendto(") else { continue };
        let (descriptor, message) = call.split_once(", ").unwrap();
        let Some((_, kind)) = message.split_once("nlmsg_type=0x") else { continue };
        let kind = kind.split([' ', ',']).next().unwrap();
        let data = message.split('"').nth(1).and_then(|d| d.strip_prefix("\\x")).unwrap();
        sent.push((
            sockets.get(descriptor).cloned().unwrap_or_else(|| panic!("{descriptor}: {trace}")),
            u16::from_str_radix(kind, 16).unwrap(),
            u8::from_str_radix(&data[..2], 16).unwrap(),
        ));
    }
    sent
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
    let Some(_lab) = Lab::with("services") else { return };
    let mut console = traced("watch --interval 500ms").start();
    console.wait_until("the first screen", |s| s.server(HTTP, FIRST).is_some());
    // Keys that would change something, everything that opens, and the palette.
    for keys in ["+", "x", "d", "D", "w", "s", "u", "a", "Z", "2", "6", "1", "?"] {
        console.keys(keys);
        std::thread::sleep(Duration::from_millis(100)); // not all of them show something
    }
    // Together with what comes next, Esc would be another key.
    console.wait_until("the help", |s| s.has("Keys ("));
    console.keys(key::ESC);
    console.wait_until("the table", |s| !s.has("Keys ("));
    console.keys(":quiesce");
    console.wait_until("no such command", |s| s.has("no command matches"));
    console.keys(key::ESC);
    console.wait_until("the table", |s| s.server(HTTP, FIRST).is_some() && !s.has("Commands ("));
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    let trace = trace();
    let sent = sent(&trace);
    assert!(sent.len() > 5, "{trace}");
    let family = ("NETLINK_GENERIC".to_owned(), CONTROLLER, 3);
    assert_eq!(sent.first(), Some(&family), "it asks for the family");
    for (protocol, kind, command) in &sent {
        let reads = match protocol.as_str() {
            "NETLINK_GENERIC" if *kind == CONTROLLER => *command == 3,
            "NETLINK_GENERIC" => READS.contains(command),
            // The doctor asks for addresses, routes and rules: RTM_GET… (`rtnetlink.h`: each kind
            // of object has four types, NEW, DEL, GET and SET).
            "NETLINK_ROUTE" => kind % 4 == 2,
            _ => false,
        };
        assert!(reads, "{protocol} {kind:#x} {command}\n{trace}");
    }
    let routing = sent.iter().any(|(protocol, ..)| protocol == "NETLINK_ROUTE");
    assert!(routing, "the doctor looked: {trace}");
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

/// The filters of hosts, connections and journal, the order of services, and a screen that is too
/// small for anybody to see what a key does.
#[test]
fn every_view_shows_the_kernel_s_table_as_far_as_is_wished() {
    let Some(_lab) = Lab::with("nat") else { return };
    let journal = "/tmp/views.jsonl";
    sh(&format!("rm -f {journal}*"));
    let mut console = open_with(&["--interval", "500ms", "--journal", journal], HTTP, FIRST);
    console.keys("+");
    wait_for_weight(&console, FIRST, 11);
    sh(&format!("ipvsadm -e -t 10.0.0.1:80 -r {FOURTH} -m -w 0"));
    wait_for_weight(&console, FOURTH, 0);
    console.keys("2");
    console.wait_until("the hosts", |s| s.has("10.1.1.2") && s.has("10.1.4.2"));
    console.keys("/is:quiesced").keys(key::ENTER);
    console.wait_until("one", |s| s.has("10.1.4.2") && !s.has("10.1.1.2 "));
    console.keys("5");
    let both = |s: &Screen| (s.says("root 10.1.1.2:80 of"), s.says("outside 10.1.4.2:80 of"));
    console.wait_until("the journal", |s| both(s) == (true, true));
    console.keys("/by:outside").keys(key::ENTER);
    console.wait_until("what others did", |s| both(s) == (false, true));
    console.keys("/\x15!is:outside").keys(key::ENTER);
    console.wait_until("what was done here", |s| both(s) == (true, false));
    // Sorted by connections, whatever ipvsadm's order is.
    sh("traffic start 300");
    console.keys("1");
    for _ in 0..12 {
        let screen = console.wait_until("the table", |s| s.has("Service / real server"));
        if screen.heads().contains("↓Active") {
            break;
        }
        console.keys("o");
        console.wait_until("the next column", |s| s.heads() != screen.heads());
    }
    let order = |s: &Screen| -> Vec<u64> { s.servers(HTTP).iter().map(|row| row.active).collect() };
    console.wait_until("the busiest first", |s| {
        let all = order(s);
        all.len() == 4 && all[0] > 0 && all.is_sorted_by(|a, b| a >= b)
    });
    sh("traffic stop");
    let before = table();
    console.resize(58, 14);
    console.wait_until("it is too small", |s| s.has("58x14 is too small"));
    for keys in ["x", "d", key::ENTER, "D", key::ENTER, "+"] {
        console.keys(keys);
        std::thread::sleep(Duration::from_millis(200)); // nothing shows
    }
    std::thread::sleep(Duration::from_secs(1));
    console.resize(80, 24);
    console.wait_until("the table", |s| s.server(HTTP, FIRST).is_some() && !s.has("too small"));
    assert_eq!(table(), before);
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}
