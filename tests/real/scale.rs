//! A table of 1,000 services with 20 real servers each, which is read in tiers. What that costs is
//! measured by `tests/bench/frame.rs`.

use super::*;

const SERVICES: u32 = 1_000;
const SERVERS: u32 = 20;
const SERVER: &str = "10.1.0.2:1000";

/// The service at place `n`, by its key.
fn service(n: u32) -> String {
    format!("10.100.0.{}:{}", 1 + n / 100, 1000 + n % 100)
}

/// Makes the table.
fn fill() {
    let mut rules = String::new();
    for n in 0..SERVICES {
        let (service, port) = (service(n), 1000 + n % 100);
        rules += &format!("-A -t {service} -s wlc\n");
        for m in 0..SERVERS {
            rules += &format!("-a -t {service} -r 10.1.0.{}:{port} -m -w 10\n", 2 + m);
        }
    }
    std::fs::write("/tmp/large.rules", rules).unwrap();
    sh("ipvsadm -R < /tmp/large.rules");
}

#[test]
fn of_a_large_table_the_screen_is_fresh_and_changes_far_from_it_are_noticed() {
    let Some(_lab) = Lab::enter() else { return };
    let begun = Instant::now();
    fill();
    eprintln!("filled in {:.1?}", begun.elapsed());
    let begun = Instant::now();
    let mut console = Launch::new(&["--no-journal"]).start();
    let first = format!("TCP {}", service(0));
    console.wait_until("the first screen", |s| s.server(&first, SERVER).is_some());
    eprintln!("the first screen after {:.1?}", begun.elapsed());

    // On the screen: with the next reading. Ones that were scrolled to, too.
    for (n, keys) in [(0, "g"), (SERVICES - 1, "G")] {
        let (name, server) = (service(n), format!("10.1.0.21:{}", 1000 + n % 100));
        console.keys(keys);
        for _ in 0..if n == 0 { 20 } else { 0 } {
            console.keys("j");
        }
        let shown = |s: &Screen| s.selected().filter(|row| row.name == server);
        console.wait_until("it is selected", |s| shown(s).is_some());
        let begun = Instant::now();
        sh(&format!("ipvsadm -e -t {name} -r {server} -m -w 77"));
        console.wait_until("its new weight", |s| shown(s).is_some_and(|row| row.weight == 77));
        let took = begun.elapsed();
        eprintln!("on the screen {n}: after {took:.1?}");
        assert!(took < Duration::from_secs(10), "{took:?}");
    }

    // Far from it: in turn.
    let (far, begun) = (service(500), Instant::now());
    sh(&format!("ipvsadm -e -t {far} -r 10.1.0.9:1000 -m -w 55"));
    console.keys("5");
    let told = |s: &Screen| s.lines.iter().any(|l| l.contains(&far) && l.contains("55"));
    let all = Duration::from_secs(120);
    console.wait_for("what was changed far away", all, told);
    eprintln!("far from the screen: after {:.1?}", begun.elapsed());
    console.keys("1/");
    console.keys(&far);
    console.keys(key::ENTER);
    console.wait_until("found by the filter, and fresh", |s| {
        s.server(&format!("TCP {far}"), "10.1.0.9:1000").is_some_and(|row| row.weight == 55)
    });
    console.keys("q");
    assert_eq!(console.exit_code(), 0);
}
