//! The report for people: the gravest first, commands on lines of their own.

use std::io::{self, BufWriter, Write};

use crate::doctor::{Finding, On, Outcome, Report, Severity};
use crate::ipvs::{counted, separated};
use crate::journal::clean;
use crate::snapshot::Source;

/// Columns that sentences are broken at. Commands never are.
const WIDTH: usize = 90;
/// So many services and servers of a finding are named.
const PLACES: usize = 6;

/// Writes the report:
///
/// ```text
/// 2 services, 8 real servers: 1 error, 0 warnings, 1 note
///
/// ERROR  every server of TCP 10.0.0.1:80 has weight 0  (weight-zero)
///   at    TCP 10.0.0.1:80 -> 10.1.1.2:80
///   seen  4 real servers at weight 0
///   why   New clients are refused: the director answers with an ICMP error.
///   fix   on this director:
///         ipvs-tui weight -t 10.0.0.1:80 -r 10.1.1.2:80 -w 1
///
/// NOT CHECKED
///   sync: the sync daemons are not in /proc
///
/// Nothing found by: forwarding, on-link, port.
/// ```
///
/// # Errors
/// When `out` cannot be written; a closed pipe is [`io::ErrorKind::BrokenPipe`].
pub fn text(report: &Report, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    writeln!(out, "{}", head(report))?;
    let mut before = None;
    for finding in &report.findings {
        // What matters is said once of findings of a kind.
        let kind = Some((finding.check, finding.why.as_str()));
        one(finding, kind != before, &mut out)?;
        before = kind;
    }
    not_checked(report, &mut out)?;
    let passed = report.checks.iter().filter(|check| check.outcome() == Outcome::Passed);
    let passed: Vec<&str> = passed.map(|check| check.name).collect();
    if !passed.is_empty() {
        writeln!(out)?;
        block("", "  ", &format!("Nothing found by: {}.", passed.join(", ")), &mut out)?;
    }
    out.flush()
}

/// What could not be looked at, by the reason.
fn not_checked(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut by_reason: Vec<(&str, Vec<String>)> = Vec::new();
    for (check, unchecked) in report.unchecked() {
        let name = match &unchecked.what {
            Some(what) => format!("{} of {what}", check.name),
            None => check.name.to_owned(),
        };
        match by_reason.iter_mut().find(|(why, _)| *why == unchecked.why) {
            Some((_, names)) => names.push(name),
            None => by_reason.push((&unchecked.why, vec![name])),
        }
    }
    if !by_reason.is_empty() {
        writeln!(out, "\nNOT CHECKED")?;
    }
    for (why, names) in by_reason {
        block("  ", "    ", &format!("{}: {why}", names.join(", ")), out)?;
    }
    Ok(())
}

/// `3 services, 12 real servers: 0 errors, 1 warning, 2 notes`.
fn head(report: &Report) -> String {
    let number = |n: usize, what: &str| counted(n as u64, what);
    let from = match report.source {
        Source::Netlink => "",
        Source::Proc => ", from /proc alone",
        Source::Demo => ", embedded",
    };
    format!(
        "{}, {}{from}: {}, {}, {}",
        number(report.services, "service"),
        number(report.servers, "real server"),
        number(report.count(Severity::Error), "error"),
        number(report.count(Severity::Warning), "warning"),
        number(report.count(Severity::Note), "note"),
    )
}

fn one(finding: &Finding, new: bool, out: &mut impl Write) -> io::Result<()> {
    let severity = finding.severity.name().to_uppercase();
    writeln!(out, "\n{severity}  {}  ({})", clean(&finding.what), finding.check)?;
    let mut label = "  at    ";
    for place in finding.places.iter().take(PLACES) {
        writeln!(out, "{label}{place}")?;
        label = "        ";
    }
    let more = finding.places.len().saturating_sub(PLACES) + finding.more_places;
    if more > 0 {
        writeln!(out, "{label}and {} more", separated(more as u64))?;
    }
    let mut label = "  seen  ";
    for line in &finding.evidence {
        block(label, "        ", line, out)?;
        label = "        ";
    }
    if new {
        block("  why   ", "        ", &finding.why, out)?;
    }
    let mut label = "  fix   ";
    for fix in &finding.fixes {
        let on = match &fix.on {
            On::Director => "this director".to_owned(),
            On::Servers(servers) => {
                servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
        };
        block(label, "        ", &format!("on {on}:"), out)?;
        for command in &fix.commands {
            writeln!(out, "        {}", clean(command))?;
        }
        label = "        ";
    }
    Ok(())
}

/// A sentence, broken at blanks.
fn block(label: &str, margin: &str, sentence: &str, out: &mut impl Write) -> io::Result<()> {
    let sentence = clean(sentence);
    let (mut line, mut empty) = (label.to_owned(), true);
    for word in sentence.split(' ') {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(out, "{line}")?;
            (line, empty) = (margin.to_owned(), true);
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(word);
        empty = false;
    }
    writeln!(out, "{line}")
}
