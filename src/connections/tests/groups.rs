//! Rows by what they have in common.

use super::*;

fn lines() -> Vec<String> {
    let mut lines = Vec::new();
    for number in 0..60 {
        lines.push(web(0x0A09_0001, 2_000 + number, 1, "ESTABLISHED", 900 - number as u32));
    }
    for number in 0..30 {
        lines.push(web(0x0A09_0100 + number, 2_000, 2, "TIME_WAIT", 100));
    }
    lines.push(web(0x0A09_0105, 0, 2, "ASSURED", 290));
    lines.push("UDP 0A090003 AD06 0A000001 0035 0A010102 0035 UDP             222".to_owned());
    lines.push(
        "SCTP fd00:0009:0000:0000:0000:0000:0000:0002 9686 \
         fd00:0000:0000:0000:0000:0000:0000:0001 270F \
         0A010402 270F COOKIE          893"
            .to_owned(),
    );
    lines
}

fn told(by: By, filter: &str) -> Vec<String> {
    let snapshot = table(&[
        ("TCP 10.0.0.1:80", "wlc", &[("10.1.1.2:80", 1), ("10.1.2.2:80", 1)]),
        ("UDP 10.0.0.1:53", "wlc", &[("10.1.1.2:53", 1)]),
    ]);
    let survey = survey(&lines(), End::Whole, None, &snapshot);
    let filter = Filter::read(filter).unwrap();
    let sieve = Sieve::new(&survey.placement, &Scope::All, filter.as_ref());
    let groups = group(&survey, &sieve, by);
    groups.iter().map(|g| format!("{} {} {}", g.key, g.tally.rows(), g.longest)).collect()
}

#[test]
fn the_largest_group_comes_first() {
    assert_eq!(told(By::Client, "")[..2], ["10.9.0.1 60 900", "10.9.1.5 2 290"]);
    assert_eq!(
        told(By::Network, ""),
        ["10.9.0.0/24 61 900", "10.9.1.0/24 31 290", "fd00:9::/64 1 893"]
    );
    assert_eq!(
        told(By::Server, ""),
        ["10.1.1.2:80 60 900", "10.1.2.2:80 31 290", "10.1.1.2:53 1 222", "10.1.4.2:9999 1 893"]
    );
    assert_eq!(
        told(By::Service, ""),
        ["TCP 10.0.0.1:80 91 900", "UDP 10.0.0.1:53 1 222", "SCTP [fd00::1]:9999 1 893"]
    );
    assert_eq!(
        told(By::State, ""),
        [
            "ESTABLISHED 60 900",
            "TIME_WAIT 30 100",
            "ASSURED (template) 1 290",
            "UDP 1 222",
            "COOKIE 1 893"
        ]
    );
    assert_eq!(
        told(By::State, "server:10.1.2.2"),
        ["TIME_WAIT 30 100", "ASSURED (template) 1 290"]
    );
}

/// What a group says of itself finds its rows and no others.
#[test]
fn the_terms_of_a_group_are_its_rows() {
    let snapshot = table(&[("TCP 10.0.0.1:80", "wlc", &[("10.1.1.2:80", 1), ("10.1.2.2:80", 1)])]);
    let mut lines = lines();
    // One state's word is the beginning of another's.
    for (port, state) in ["INIT", "INIT1", "INIT1"].into_iter().enumerate() {
        lines.push(format!(
            "SCTP 0A090009 968{port} 0A000001 270F 0A010402 270F {state:<11}     100"
        ));
    }
    let survey = survey(&lines, End::Whole, None, &snapshot);
    for by in By::ALL {
        for one in group(&survey, &Sieve::new(&survey.placement, &Scope::All, None), by) {
            let filter = Filter::read(&one.key.terms()).unwrap();
            let sieve = Sieve::new(&survey.placement, &Scope::All, filter.as_ref());
            let rows = survey.rows.iter().filter(|row| sieve.passes(row)).count() as u64;
            assert_eq!(rows, one.tally.rows(), "{}", one.key.terms());
        }
    }
}

#[test]
fn what_keeps_a_drain_from_ending_is_told() {
    let snapshot = table(&[("TCP 10.0.0.1:80", "wlc", &[("10.1.1.2:80", 0), ("10.1.2.2:80", 0)])]);
    let survey = survey(&lines(), End::Whole, None, &snapshot);
    let places = ["10.1.1.2:80", "10.1.2.2:80"];
    let places = places.map(|s| ("TCP 10.0.0.1:80".parse().unwrap(), server(s)));
    let scope = Scope::Places(places.to_vec());
    let held = holding(&survey, &Sieve::new(&survey.placement, &scope, None));
    assert_eq!((held.carrying, held.ended), (Estimate::exact(60), Estimate::exact(30)));
    assert_eq!((held.templates, held.longest_template), (Estimate::exact(1), 290));
    let longest = held.longest.iter().map(|at| survey.rows.get(*at).unwrap().expires());
    assert_eq!(longest.collect::<Vec<_>>(), [900, 899, 898, 897, 896]);
    assert_eq!(held.busiest, [("10.9.0.1".parse().unwrap(), Estimate::exact(60))]);
    let one = Scope::Places(places[1..].to_vec());
    let held = holding(&survey, &Sieve::new(&survey.placement, &one, None));
    assert_eq!((held.carrying, held.longest.len()), (Estimate::exact(0), 0));
}

#[test]
fn templates_that_the_kernel_discards_bring_nobody_back() {
    let held = |weight: u32, expire: &str| {
        let servers = [("10.1.1.2:80", 1), ("10.1.2.2:80", weight)];
        let mut snapshot = table(&[("TCP 10.0.0.1:80", "wlc", &servers)]);
        let Part::Fresh(sysctls) = &mut snapshot.sysctls else { panic!() };
        sysctls.insert("expire_quiescent_template".to_owned(), expire.to_owned());
        let survey = survey(&lines(), End::Whole, None, &snapshot);
        let held = holding(&survey, &Sieve::new(&survey.placement, &Scope::All, None));
        (held.templates.value, held.discarded.value, held.longest_template)
    };
    assert_eq!(held(0, "0"), (1, 0, 290));
    assert_eq!(held(0, "1"), (0, 1, 0));
    assert_eq!(held(1, "1"), (1, 0, 290), "only of servers of weight 0");
    // A server that was deleted gets nobody, whatever the setting.
    let snapshot = table(&[("TCP 10.0.0.1:80", "wlc", &[])]);
    let survey = survey(&lines(), End::Whole, None, &snapshot);
    let held = holding(&survey, &Sieve::new(&survey.placement, &Scope::All, None));
    assert_eq!((held.templates.value, held.discarded.value), (0, 1));
}
