//! What came of it for people.

use crate::cli::Wanted;
use crate::ipvs::shell;
use crate::journal::{Id, clean};
use crate::report::Commands;

use super::Exit;
use super::report::{Outcome, Report, State};

/// The report, a line a change. What is planned and not done comes with ipvsadm's commands:
///
/// ```text
/// drain 10.1.1.2:80 of TCP 10.0.0.1:80
///   real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 10 -> 0
///       ipvsadm -e -t 10.0.0.1:80 -r 10.1.1.2:80 -m -w 0
/// danger (tell): ...
/// ```
pub(super) fn text(report: &Report, wanted: &Wanted) -> Vec<u8> {
    let mut lines = Lines::default();
    match report.outcome {
        Outcome::DryRun | Outcome::Refused => plan(report, wanted, &mut lines),
        _ => done(report, wanted, &mut lines),
    }
    lines.0
}

#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    /// One line, whatever was in it.
    fn add(&mut self, line: &str) {
        self.0.extend(clean(line).into_bytes());
        self.0.push(b'\n');
    }
}

fn plan(report: &Report, wanted: &Wanted, lines: &mut Lines) {
    lines.add(&report.title);
    if !wanted.reason.is_empty() {
        lines.add(&format!("  reason: {}", wanted.reason));
    }
    for (change, _) in &report.changes {
        lines.add(&format!("  {change}"));
        if let Some(details) = change.details() {
            lines.add(&format!("      {details}"));
        }
        let commands = Commands::of(change);
        for note in &commands.notes {
            lines.add(&format!("      # {note}"));
        }
        for command in &commands.lines {
            lines.add(&format!("      {command}"));
        }
    }
    for danger in &report.dangers {
        lines.add(&format!("danger ({}): {}", danger.level(), danger.text));
    }
    for offer in &report.offers {
        let how = match (offer.taken, offer.option) {
            (true, _) => "taken".to_owned(),
            (false, Some(option)) => format!("offered, {option} takes it"),
            (false, None) => "offered to 'quiesce' and 'drain', until restored".to_owned(),
        };
        lines.add(&format!("{how}: {}", offer.what));
    }
    notes(report, lines);
    if report.outcome == Outcome::DryRun {
        lines.add("dry run: nothing was changed");
    }
}

fn done(report: &Report, wanted: &Wanted, lines: &mut Lines) {
    if let Some(nothing) = &report.nothing {
        lines.add(&format!("nothing to do: {nothing}"));
    }
    for (change, state) in &report.changes {
        let word = match state {
            State::Made => "made",
            State::Already => "already so",
            State::NotMade => "NOT MADE",
            State::Unknown => "UNKNOWN",
        };
        lines.add(&format!("{word}: {change}"));
        if let Some(details) = change.details() {
            lines.add(&format!("    {details}"));
        }
    }
    for danger in report.dangers.iter().filter(|_| report.entry.is_some()) {
        lines.add(&format!("note: {}", danger.text));
    }
    if let Some(verdict) = &report.verdict {
        for server in &verdict.servers {
            lines.add(&format!("{} of {}: {}", server.server, server.service, server.verdict));
        }
    }
    notes(report, lines);
    if let Some(drain) = report.drain.filter(|_| report.exit == Exit::Done) {
        lines.add(&format!("drain {drain}: weight 0 stays until 'ipvs-tui restore' or 'delete'"));
    }
    if let Some(entry) = report.entry.filter(|_| report.exit == Exit::Done && report.kept) {
        lines.add(&format!("journal entry {entry}: '{}' takes it back", undo(entry, wanted)));
    }
}

fn notes(report: &Report, lines: &mut Lines) {
    for note in &report.notes {
        lines.add(&format!("note: {note}"));
    }
}

/// The command line that takes an entry back.
fn undo(entry: Id, wanted: &Wanted) -> String {
    let mut words = vec!["ipvs-tui".to_owned(), "undo".to_owned(), entry.to_string()];
    if let Some(netns) = &wanted.netns {
        words.extend(["--netns".to_owned(), netns.to_string()]);
    }
    if let Some(journal) = &wanted.journal.journal {
        words.extend(["--journal".to_owned(), journal.to_string_lossy().into_owned()]);
    }
    shell(words.iter().map(String::as_str))
}

/// What went wrong, in a line for standard error.
pub(super) fn trouble(report: &Report, wanted: &Wanted) -> Option<String> {
    if report.outcome == Outcome::Refused {
        return Some(format!("refused: {}; add --yes to do it all the same", report.title));
    }
    let failed = report.failed.as_ref()?;
    let made = report.changes.iter().any(|(_, state)| *state != State::NotMade);
    let more = match report.entry {
        _ if failed.change.is_none() => String::new(),
        None => "; nothing was changed".to_owned(),
        Some(entry) if made && report.kept => {
            format!("; '{}' takes back what was made", undo(entry, wanted))
        }
        Some(_) => String::new(),
    };
    Some(failed.why.clone() + &more)
}
