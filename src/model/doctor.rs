//! What the doctor found, as the console shows it: one thing selected, which is told in full.

use std::time::Duration;

use super::{Alarm, Model, Row, Scroll, Severity, Tone};
use crate::command::View;
use crate::doctor::{self, Checked, Finding, Report, Unchecked};
use crate::snapshot::Moment;

/// What the doctor says, and where the cursor is in it.
#[derive(Debug, Default)]
pub struct Doctor {
    /// What the director's commands are written behind, in another network namespace.
    pub within: Option<String>,
    /// How far what is told of the selected one is scrolled.
    pub scroll: Scroll,
    report: Option<Report>,
    examined: Moment,
    selected: usize,
}

/// One thing that the doctor says.
#[derive(Clone, Copy, Debug)]
pub enum Told<'a> {
    /// That it found something.
    Finding(&'a Finding),
    /// That it could not look.
    Unchecked(&'a Checked, &'a Unchecked),
}

impl Doctor {
    /// Everything it found; `None` before it came.
    pub fn report(&self) -> Option<&Report> {
        self.report.as_ref()
    }

    /// Everything it says: what it found, gravest first, and what it could not look at.
    pub fn told(&self) -> impl Iterator<Item = Told<'_>> {
        let findings = self.report.iter().flat_map(|report| &report.findings);
        let unchecked = self.report.iter().flat_map(Report::unchecked);
        let unchecked = unchecked.map(|(check, unchecked)| Told::Unchecked(check, unchecked));
        findings.map(Told::Finding).chain(unchecked)
    }

    /// The place of the selected one.
    pub fn place(&self) -> usize {
        self.selected
    }

    /// The selected one.
    pub fn selected(&self) -> Option<Told<'_>> {
        self.told().nth(self.selected)
    }

    /// How many findings are errors, and how many warnings.
    pub fn counts(&self) -> (usize, usize) {
        let count = |severity| self.report.as_ref().map_or(0, |report| report.count(severity));
        (count(doctor::Severity::Error), count(doctor::Severity::Warning))
    }

    /// The commands of the selected finding, a line each.
    pub(super) fn commands(&self) -> Option<String> {
        let Some(Told::Finding(finding)) = self.selected() else { return None };
        let lines: Vec<&str> =
            finding.fixes.iter().flat_map(|fix| &fix.commands).map(String::as_str).collect();
        (!lines.is_empty()).then(|| lines.join("\n") + "\n")
    }

    pub(super) fn select(&mut self, place: usize) {
        let most = self.told().count().saturating_sub(1);
        let place = place.min(most);
        if place != self.selected {
            (self.selected, self.scroll) = (place, Scroll::default());
        }
    }

    pub(super) fn step(&mut self, by: isize) {
        self.select(self.selected.saturating_add_signed(by));
    }

    /// What needs an operator at once. What the table tells by itself is not told twice.
    pub(super) fn alarms(&self) -> impl Iterator<Item = Alarm> {
        let findings = self.report.iter().flat_map(|report| &report.findings);
        let grave = findings.filter(|finding| {
            finding.severity == doctor::Severity::Error && finding.check != "weight-zero"
        });
        grave.map(|finding| Alarm {
            severity: Severity::Error,
            row: finding.places.first().map(row),
            text: format!("doctor: {}", finding.what),
        })
    }
}

fn row(place: &doctor::Place) -> Row {
    match place.server {
        Some(server) => Row::Server(place.service, server),
        None => Row::Service(place.service),
    }
}

impl Model {
    /// The doctor came. What was selected stays so, if it is still said.
    pub(super) fn examined(&mut self, mut report: Report) {
        let doctor = &mut self.doctor;
        if let Some(within) = &doctor.within {
            report.run_within(within);
        }
        let name = |told: Told<'_>| match told {
            Told::Finding(finding) => (finding.check, finding.what.clone()),
            Told::Unchecked(check, unchecked) => {
                (check.name, unchecked.what.clone().unwrap_or_default())
            }
        };
        let before = doctor.selected().map(name);
        doctor.report = Some(report);
        doctor.examined = self.now;
        let again = doctor.told().position(|told| Some(name(told)) == before);
        let last = doctor.told().count().saturating_sub(1);
        if again.is_none() {
            doctor.scroll = Scroll::default();
        }
        doctor.selected = again.unwrap_or(doctor.selected.min(last));
        if let Some(snapshot) = self.snapshot.clone() {
            self.look_for_alarms(&snapshot);
        }
    }

    /// How long ago the doctor came.
    pub fn since_examined(&self) -> Duration {
        self.now.since(self.doctor.examined)
    }

    /// Goes to the first service or server that the selected finding is about.
    pub(super) fn open_finding(&mut self) {
        let place = match self.doctor.selected() {
            Some(Told::Finding(finding)) => finding.places.first().map(row),
            _ => None,
        };
        let Some(row) = place else {
            return self.say(Tone::Info, "this is about no service or real server");
        };
        self.go_to(View::Services);
        if !self.select_row(&row) {
            self.say(Tone::Info, "it is gone from the table");
        }
    }
}
