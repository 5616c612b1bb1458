//! Each check on made-up evidence, with the mistake and without it.

mod director;
mod made;
mod network;
mod table;

use super::*;
use crate::ipvs::Forwarding;
use made::Made;

/// Whatever is looked at, a check that has no evidence says so, and an empty director is well.
#[test]
fn an_empty_table_is_well() {
    let report = Made::new(Vec::new()).report();
    assert_eq!(report.findings, []);
    assert_eq!(report.exit_code(), 0);
    assert!(report.checks.iter().all(|check| check.outcome() == Outcome::Passed), "{report:#?}");
}

#[test]
fn a_sound_director_passes_every_check() {
    let web = made::service("TCP 10.0.0.1:80", "wlc", Forwarding::Masq, &[10, 20]);
    let report = Made::new(vec![web]).report();
    assert_eq!(report.findings, []);
    assert_eq!(report.unchecked().count(), 0);
}

/// A director of which nothing but the table is known: every check that needs more says so.
#[test]
fn what_is_not_known_is_told_check_by_check() {
    let route = made::service("TCP 10.0.0.1:21", "wlc", Forwarding::Route, &[10, 0]);
    let masq = made::service("TCP 10.0.0.2:21", "wlc", Forwarding::Masq, &[10]);
    let tunnel = made::service("TCP 10.0.0.3:80", "wlc", Forwarding::Tunnel, &[10]);
    let mark = made::service("FWM 5", "wlc", Forwarding::Route, &[10]);
    let mut route = made::persistent(route);
    route.servers[1].persistent = None;
    let report = Made::new(vec![route, masq, tunnel, mark]).blind("nobody looked").report();
    let blind: Vec<(&str, Outcome)> = report
        .checks
        .iter()
        .filter(|check| !check.unchecked.is_empty())
        .map(|check| (check.name, check.outcome()))
        .collect();
    assert_eq!(
        blind,
        [
            ("forwarding", Outcome::Partly),
            ("virtual-address", Outcome::NotChecked),
            ("on-link", Outcome::NotChecked),
            ("self", Outcome::NotChecked),
            ("config-weights", Outcome::NotChecked),
            ("templates", Outcome::NotChecked),
            ("reuse", Outcome::NotChecked),
            ("estimator", Outcome::NotChecked),
            ("conntrack", Outcome::NotChecked),
            ("ftp", Outcome::Partly),
            ("sync", Outcome::NotChecked),
            ("table-size", Outcome::NotChecked),
            ("rp-filter", Outcome::NotChecked),
            ("redirects", Outcome::NotChecked),
        ]
    );
    for (check, unchecked) in report.unchecked() {
        assert!(!unchecked.why.is_empty(), "{}", check.name);
    }
    // Nothing graver than what the table itself tells.
    assert!(report.worst() <= Some(Severity::Note), "{:#?}", report.findings);
}

#[test]
fn the_gravest_comes_first_and_decides_the_exit_code() {
    let rr = made::service("TCP 10.0.0.1:80", "rr", Forwarding::Route, &[10, 20]);
    let zero = made::service("TCP 10.0.0.2:80", "wlc", Forwarding::Masq, &[0, 0]);
    let warned = Made::new(vec![rr.clone()]).report();
    assert_eq!((warned.worst(), warned.exit_code()), (Some(Severity::Warning), 3));
    let report = Made::new(vec![rr, zero]).report();
    let order: Vec<_> = report.findings.iter().map(|f| (f.severity, f.check)).collect();
    let sorted = [
        (Severity::Error, "weight-zero"),
        (Severity::Warning, "weight-ignored"),
        (Severity::Note, "real-server"),
    ];
    assert_eq!(order, sorted);
    assert_eq!(report.exit_code(), 4);
    assert_eq!(report.count(Severity::Warning), 1);
}

/// Every finding of every test says what it was seen by and why it matters, in sentences.
#[test]
fn names_and_lines_are_short_and_unique() {
    for (place, check) in CHECKS.iter().enumerate() {
        assert!(CHECKS[..place].iter().all(|other| other.name != check.name), "{}", check.name);
        assert!(check.looks_for.len() <= 75, "{}", check.looks_for);
        assert!(!check.looks_for.ends_with('.'), "{}", check.looks_for);
    }
}
