//! The connection table of a real kernel, with `ipvsadm -Lnc` and the kernel's own file as judges:
//! one of every kind of entry, a server and a drain entered, a table that is large, and a network
//! namespace that is another one all of a sudden.

use super::*;
use std::thread;

use common::lab::forget;
use ipvs_tui::kernel::netlink::Namespace;

#[allow(dead_code)] // the benchmark needs more of it
#[path = "../bench/connections/sync.rs"]
mod sync;

/// More than fits into a pass up to kernel 6.12, and little enough to be read whole now and then.
const MANY: u32 = 30_000;

/// Takes entries, and another director in a namespace, away with it.
struct Entries;

impl Drop for Entries {
    fn drop(&mut self) {
        let script = "ipvsadm --stop-daemon backup
            ipr netns pids peer | xargs -r kill -9
            ipr netns del peer
            ipr link del peer; ipr link del s0";
        common::run(std::process::Command::new("sh").args(["-c", script]));
        forget();
    }
}

/// Entries as `ipvsadm -Lnc` prints them: protocol, state, source, virtual, destination. Timers
/// go on from one listing to the next, and it leaves out what persistence engines keep.
fn entries(listing: &str) -> Vec<String> {
    let lines =
        listing.lines().filter(|line| !line.starts_with(['I', 'p']) || line.starts_with("IP "));
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut all: Vec<String> =
        words.map(|words| format!("{} {}", words[0], words[2..6].join(" "))).collect();
    all.sort();
    all
}

/// What the program prints and what ipvsadm prints, at a moment when nothing changed in between.
#[track_caller]
fn as_ipvsadm(print: impl Fn() -> String) -> Vec<String> {
    for _ in 0..20 {
        let before = entries(&sh("ipvsadm -Lnc"));
        let ours = entries(&print());
        if ours == before {
            return ours;
        }
        if before == entries(&sh("ipvsadm -Lnc")) {
            assert_eq!(ours, before);
        }
    }
    panic!("the table never stands still");
}

fn connections(arguments: &[&str]) -> String {
    let all = [&["connections"], arguments].concat();
    let Ran { code, out, err } = ipvs_tui(&all);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{arguments:?}");
    out
}

#[test]
fn one_of_every_kind_is_listed_as_ipvsadm_does() {
    let Some(_lab) = Lab::enter() else { return };
    let _entries = Entries;
    // One screen has to hold them all, and nothing is left of other tests.
    // What it leaves running would keep a pipe open.
    sh(
        "timeout 120 connections >/tmp/connections.log 2>&1 </dev/null || { cat /tmp/connections.log; false; }",
    );
    let all = as_ipvsadm(|| connections(&[]));
    assert!(all.len() > 20, "{all:#?}");
    as_ipvsadm(|| connections(&["--full"]));
    // Anybody may look.
    let script = format!("cd /tmp; exec {} connections", common::program());
    as_ipvsadm(|| {
        common::run(std::process::Command::new("su").args(["nobody", "-c", &script])).out
    });

    // A filter for each kind finds it.
    let found = |filter: &str| {
        let words: Vec<&str> = filter.split(' ').collect();
        entries(&connections(&words))
    };
    for (filter, prefix) in [
        ("proto:udp is:connection", "UDP UDP "),
        ("proto:sctp", "SCTP "),
        ("service:fwm/5", "IP NONE 10.9.0.0:0 0.0.0.5:0 "),
        ("is:template pe:9b2c41d0", "UDP NONE 10.9.0.2:0 10.0.0.1:5060 "),
        ("is:ipv6 state:established", "TCP ESTABLISHED [fd00:9::2]:"),
        ("is:invalid", "TCP NONE 10.9.0.2:0 10.0.0.1:"),
        ("is:orphan service:10.0.0.2:8444", "TCP ESTABLISHED 10.9.0.2:"),
        ("client:10.9.0.7", "TCP SYN_RECV 10.9.0.7:"),
        ("server:10.1.4.2 client:fd00:9::/64 is:template", "TCP NONE [fd00:9::]:0 [fd00::1]:443 "),
    ] {
        let rows = found(filter);
        assert!(!rows.is_empty(), "{filter}: {all:#?}");
        let right = rows.iter().any(|row| row.starts_with(prefix));
        assert!(right && rows.iter().all(|row| all.contains(row)), "{filter}: {rows:#?}");
    }
    let sip = connections(&["--format", "json", "pe:any"]);
    let sip: serde_json::Value = serde_json::from_str(&sip).unwrap();
    let calls = sip["connections"].as_array().unwrap().iter().map(|row| &row["engine_data"]);
    assert!(calls.into_iter().any(|call| call == "a84b4c76e66710@client.lab"), "{sip:#}");
    let origins = connections(&["--origin", "--format", "csv", "origin:sync"]);
    assert!(origins.lines().nth(1).is_some_and(|row| row.contains("10.9.0.20")), "{origins}");

    // On the screen the same, one by one.
    let mut console = Launch::new(&["watch", "--interval", "500ms"]).size(160, 64).start();
    console.wait_until("the first screen", |s| s.has("TCP 10.0.0.1:80"));
    console.keys("3");
    console.wait_until("all of it", |s| s.has("of the table, exact"));
    console.keys("B");
    wait(&console, "every entry of ipvsadm -Lnc", || {
        let screen = console.screen();
        let shown = |row: &String| {
            let words: Vec<&str> = row.split(' ').collect();
            // A firewall mark is told as one.
            let [protocol, state, client, _, server] = words[..] else { return false };
            screen.lines.iter().any(|line| {
                [protocol, state, client, server].iter().all(|word| line.contains(word))
            })
        };
        entries(&sh("ipvsadm -Lnc")).iter().all(shown)
    });
    console.keys("/is:orphan").keys(key::ENTER);
    console.wait_until("those of the deleted server", |s| {
        s.has("10.1.3.2:80") && !s.has("10.1.4.2:9999")
    });
    assert!(console.screen().says("which was deleted"), "{}", console.screen());
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

/// Clients that hold a connection to the service open, without a request.
fn hold(clients: u32) {
    sh(&format!(
        "for n in $(seq 1 {clients}); do
            ipr netns exec client setsid socat -u EXEC:'sleep 600' TCP:10.0.0.1:80 \
                >/dev/null 2>&1 </dev/null &
        done"
    ));
    let established = || sh("ipvsadm -Lnc").matches("ESTABLISHED").count() >= clients as usize;
    common::lab::until("they are established", established);
}

/// The clients that ipvsadm tells of a server, with their ports.
fn clients_of(server: &str) -> Vec<String> {
    let all = entries(&sh("ipvsadm -Lnc")).into_iter();
    let of: Vec<String> = all.filter(|row| row.ends_with(&format!(" {server}"))).collect();
    of.iter().map(|row| row.split(' ').nth(2).unwrap().to_owned()).collect()
}

#[test]
fn a_server_and_a_drain_are_entered() {
    let Some(_lab) = Lab::with("nat") else { return };
    let _entries = Entries;
    hold(8);
    let clients = clients_of(FIRST);
    assert!(!clients.is_empty(), "wlc gives some to each");
    let mut console = Launch::new(&["--interval", "500ms"]).size(140, 40).start();
    console.wait_until("the first screen", |s| s.server(HTTP, FIRST).is_some());
    let lists = |s: &Screen| {
        let rows = s.lines.iter().filter(|line| line.contains("ESTABLISHED 10.9.0.2:")).count();
        rows == clients.len() && clients.iter().all(|client| s.has(client))
    };
    console.keys("C");
    console.wait_until("whose they are", |s| s.has(&format!("of {FIRST} of {HTTP}")));
    console.keys("B");
    console.wait_until("the server's connections and no others", lists);
    console.keys(key::ESC);
    console.wait_until("the services again", |s| s.server(HTTP, FIRST).is_some());

    console.keys("d");
    console.wait_until("the page", |s| s.has("[ Apply ]"));
    console.keys(key::ENTER);
    wait_for_weight(&console, FIRST, 0);
    console.keys("4");
    console.wait_until("the drain", |s| s.says("emptying"));
    console.keys("C");
    console.wait_until("what it waits for", |s| {
        let carry = format!("{} may still carry data", clients.len());
        lists(s) && s.has(&carry) && s.has("longest timers:") && s.has("busiest clients: 10.9.0.2")
    });
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

/// As many entries as wished for, told by a sync daemon in a namespace.
#[track_caller]
fn fill(count: u32) {
    let mut script = "modprobe ip_vs; ipr link set lo up
        ipr netns add peer
        ipr link add s0 type veth peer name s1 netns peer
        ipr addr add 10.77.0.1/24 dev s0; ipr link set s0 up
        ipr -n peer addr add 10.77.0.2/24 dev s1; ipr -n peer link set s1 up
        ipr -n peer route add 224.0.0.0/4 dev s1\n"
        .to_owned();
    let addr = std::net::Ipv4Addr::from_bits;
    for service in 0..sync::SERVICES {
        let vip = addr(sync::vip(service));
        script += &format!("ipvsadm -A -t {vip}:80 -s wlc -p 300\n");
        for server in 0..sync::SERVERS {
            script +=
                &format!("ipvsadm -a -t {vip}:80 -r {}:80 -m\n", addr(sync::rip(service, server)));
        }
    }
    sh(&format!("{script}ipvsadm --start-daemon backup --mcast-interface s0; sleep 1"));
    // The kernel drops some when they come too fast; each is told again.
    for _ in 0..30 {
        let sender = thread::spawn(move || {
            Namespace::new("peer").enter().unwrap();
            sync::send(count).unwrap();
        });
        sender.join().unwrap();
        thread::sleep(Duration::from_millis(300));
        if lines() >= count as usize {
            return;
        }
    }
    panic!("{} of {count} entries came", lines());
}

/// Entries of the table.
fn lines() -> usize {
    sh("wc -l </proc/net/ip_vs_conn").trim().parse::<usize>().unwrap() - 1
}

/// CPU time that a process has taken, with all of its threads, also those that have ended.
fn cpu(console: &Console) -> Duration {
    let path = format!("/proc/{}/stat", console.pid().as_raw_nonzero());
    let stat = std::fs::read_to_string(path).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |number: usize| fields[number].parse::<u64>().unwrap();
    Duration::from_millis((ticks(11) + ticks(12)) * 10) // USER_HZ is 100
}

#[test]
fn a_large_table_is_sampled_within_the_budget_and_read_whole_when_that_is_wished() {
    let Some(_lab) = Lab::enter() else { return };
    let _entries = Entries;
    fill(MANY);
    let there = lines();

    let ran = ipvs_tui(&["connections", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let number = |field: &str| told[field].as_f64().unwrap();
    // A page more than 0.2 s.
    assert!(number("read_cpu_seconds") < 0.25, "{}", number("read_cpu_seconds"));
    let (low, high) = (number("table_rows_low"), number("table_rows_high"));
    assert!(low <= there as f64 && there as f64 <= high, "{low} to {high} of {there}");
    let whole = told["whole"].as_bool().unwrap();
    assert_eq!(whole, ran.err.is_empty(), "{}", ran.err);
    assert!(whole || ran.err.contains("this is a sample: "), "{}", ran.err);
    let full = ipvs_tui(&["connections", "--full", "--format", "csv"]);
    assert_eq!(full.out.lines().count(), 1 + there, "{}", full.err);

    let mut console = Launch::new(&["--interval", "60s"]).size(100, 30).start();
    console.wait_until("the first screen", |s| s.has("TCP 10.0.0.1:80"));
    console.keys("3");
    let read = |s: &Screen| s.has(", a sample: ") || s.has("of the table, exact");
    console.wait_until("something to look at", read);
    // In every minute at most 2% of it, of which a pass takes no more than 0.2 s; the screen is
    // drawn besides.
    let (before, begun) = (cpu(&console), Instant::now());
    thread::sleep(Duration::from_secs(6));
    let most = begun.elapsed().mul_f64(0.02) + Duration::from_millis(200 + 150);
    let spent = cpu(&console) - before;
    assert!(spent <= most, "{spent:?} in {:?}\n{}", begun.elapsed(), console.screen());

    if console.screen().has(", a sample: ") {
        console.keys("W");
        let screen = console.wait_until("what that costs", |s| s.says("of one CPU"));
        assert!(screen.says("Read all of about 30,"), "{screen}");
        console.keys(key::ENTER);
        console.wait_until("all of it", |s| s.has("the whole table, 30,000 rows"));
        console.keys(key::ESC);
        console.wait_until("samples again", |s| s.has(", a sample: "));
    }
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}

/// What is shown is the table of the namespace that has the name now.
#[test]
fn in_a_namespace_that_was_made_anew_the_new_table_is_read() {
    let Some(_lab) = Lab::enter() else { return };
    let there = |addr: &str| {
        sh(&format!(
            "ipr netns add other
            ipr netns exec other sh -c '
                ipr link set lo up; ipr addr add {addr}/32 dev lo
                ipvsadm -A -t {addr}:80 -s rr; ipvsadm -a -t {addr}:80 -r {addr}:80 -m
                httpd -p {addr}:80 -h /tmp; timeout 5 wget -q -O- http://{addr}/ >/dev/null || true
                [ \"$(wc -l </proc/net/ip_vs_conn)\" -gt 1 ]'"
        ));
    };
    there("10.6.0.1");
    let mut console = Launch::new(&["watch", "--netns", "other", "--interval", "300ms"]).start();
    console.wait_until("the first screen", |s| s.has("TCP 10.6.0.1:80"));
    console.keys("3B");
    console.wait_until("its connection", |s| s.has("10.6.0.1:80 10.6.0.1:80"));
    sh("ipr netns pids other | xargs -r kill; ipr netns del other");
    console.wait_until("it is told", |s| s.says("it was deleted"));
    there("10.6.0.2");
    console.wait_until("the connection of the next one", |s| {
        // That a server of the old one is gone is told at the foot for a while.
        s.has("10.6.0.2:80 10.6.0.2:80") && !s.has("10.6.0.1:80 10.6.0.1:80")
    });
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
    sh("ipr netns pids other | xargs -r kill -9; ipr netns del other");
}
