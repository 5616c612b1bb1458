//! All that the checks say.

use jiff::Timestamp;

use crate::snapshot::Source;

use super::finding::{Finding, On, Severity};
use super::{Check, Evidence};

/// Something that could not be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unchecked {
    /// What; `None` for all that the check looks for.
    pub what: Option<String>,
    /// Why not, as a sentence.
    pub why: String,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It found something.
    Found,
    /// It found nothing, in what could be looked at.
    Partly,
    /// It could not look.
    NotChecked,
    /// There is nothing to find.
    Passed,
}

/// A check that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The check's name.
    pub name: &'static str,
    /// What it looks for.
    pub looks_for: &'static str,
    /// How much it found.
    pub found: usize,
    /// What it could not look at.
    pub unchecked: Vec<Unchecked>,
}

impl Checked {
    /// What came of it.
    pub fn outcome(&self) -> Outcome {
        let whole = |unchecked: &Unchecked| unchecked.what.is_none();
        match (self.found, self.unchecked.is_empty()) {
            (1.., _) => Outcome::Found,
            (0, true) => Outcome::Passed,
            (0, false) if self.unchecked.iter().any(whole) => Outcome::NotChecked,
            (0, false) => Outcome::Partly,
        }
    }
}

/// What was found on a director at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// When its table was read.
    pub taken: Timestamp,
    /// From where.
    pub source: Source,
    /// How many services there are.
    pub services: usize,
    /// How many real servers they have.
    pub servers: usize,
    /// What was found, gravest first.
    pub findings: Vec<Finding>,
    /// Every check, in their order.
    pub checks: Vec<Checked>,
}

impl Report {
    pub(super) fn of(evidence: &Evidence, checks: &[Check]) -> Self {
        let snapshot = &evidence.snapshot;
        let mut findings = Vec::new();
        let checked = checks
            .iter()
            .map(|check| {
                let mut found = Found::default();
                (check.run)(evidence, &mut found);
                for mut finding in found.findings.iter().cloned() {
                    finding.check = check.name;
                    findings.push(finding);
                }
                Checked {
                    name: check.name,
                    looks_for: check.looks_for,
                    found: found.findings.len(),
                    unchecked: found.unchecked,
                }
            })
            .collect();
        // Stable: among equals the order of the checks and of the table stays.
        findings.sort_by_key(|finding: &Finding| std::cmp::Reverse(finding.severity));
        Self {
            taken: snapshot.taken,
            source: snapshot.source,
            services: snapshot.services.len(),
            servers: snapshot.services.iter().map(|entry| entry.servers.len()).sum(),
            findings,
            checks: checked,
        }
    }

    /// The gravest severity of all.
    pub fn worst(&self) -> Option<Severity> {
        self.findings.iter().map(|finding| finding.severity).max()
    }

    /// How many findings are of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// What could not be looked at, with the check that would have.
    pub fn unchecked(&self) -> impl Iterator<Item = (&Checked, &Unchecked)> {
        self.checks.iter().flat_map(|check| check.unchecked.iter().map(move |u| (check, u)))
    }

    /// Writes the director's commands as they are run in its network namespace, with what goes
    /// before them there.
    pub fn run_within(&mut self, prefix: &str) {
        let fixes = self.findings.iter_mut().flat_map(|finding| &mut finding.fixes);
        for fix in fixes.filter(|fix| fix.on == On::Director) {
            for command in &mut fix.commands {
                let global = ["#", "modprobe ", "echo "];
                if !global.iter().any(|word| command.starts_with(word)) {
                    *command = format!("{prefix} {command}");
                }
            }
        }
    }

    /// The exit code: 0 without errors and warnings, 3 with warnings, 4 with errors.
    pub fn exit_code(&self) -> u8 {
        match self.worst() {
            Some(Severity::Error) => 4,
            Some(Severity::Warning) => 3,
            Some(Severity::Note) | None => 0,
        }
    }
}

/// What one check says.
#[derive(Debug, Default)]
pub(super) struct Found {
    findings: Vec<Finding>,
    unchecked: Vec<Unchecked>,
}

impl Found {
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// All that the check looks for could not be looked at.
    pub(super) fn unchecked(&mut self, why: impl Into<String>) {
        self.unchecked.push(Unchecked { what: None, why: why.into() });
    }

    /// A part of it could not be looked at.
    pub(super) fn partly(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.unchecked.push(Unchecked { what: Some(what.into()), why: why.into() });
    }
}
