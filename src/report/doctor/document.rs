//! The document for programs.

use std::io::{self, BufWriter, Write};

use jiff::Timestamp;
use serde::Serialize;

use crate::doctor::{Checked, Finding, Fix, On, Outcome, Place, Report, Severity, Unchecked};
use crate::journal::clean;
use crate::snapshot::Source;

/// Name and number of the schema, the first field of the document.
pub const SCHEMA: &str = "ipvs-tui/doctor/1";

/// Writes one pretty-printed JSON document of [`SCHEMA`], with a newline at its end.
///
/// # Errors
/// When `out` cannot be written; a closed pipe is [`io::ErrorKind::BrokenPipe`].
pub fn json(report: &Report, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    serde_json::to_writer_pretty(&mut out, &Document::new(report))?;
    out.write_all(b"\n")?;
    out.flush()
}

#[derive(Serialize)]
struct Document {
    schema: &'static str,
    taken: Timestamp,
    source: Source,
    services: usize,
    servers: usize,
    exit_code: u8,
    errors: usize,
    warnings: usize,
    notes: usize,
    findings: Vec<FindingFields>,
    checks: Vec<CheckFields>,
}

impl Document {
    fn new(report: &Report) -> Self {
        Self {
            schema: SCHEMA,
            taken: report.taken,
            source: report.source,
            services: report.services,
            servers: report.servers,
            exit_code: report.exit_code(),
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            notes: report.count(Severity::Note),
            findings: report.findings.iter().map(FindingFields::new).collect(),
            checks: report.checks.iter().map(CheckFields::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct FindingFields {
    check: &'static str,
    severity: Severity,
    what: String,
    places: Vec<PlaceFields>,
    more_places: usize,
    evidence: Vec<String>,
    why: String,
    fixes: Vec<FixFields>,
}

impl FindingFields {
    fn new(finding: &Finding) -> Self {
        Self {
            check: finding.check,
            severity: finding.severity,
            what: clean(&finding.what),
            places: finding.places.iter().map(PlaceFields::new).collect(),
            more_places: finding.more_places,
            evidence: finding.evidence.iter().map(|line| clean(line)).collect(),
            why: clean(&finding.why),
            fixes: finding.fixes.iter().map(FixFields::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct PlaceFields {
    service: String,
    server: Option<String>,
}

impl PlaceFields {
    fn new(place: &Place) -> Self {
        let server = place.server.map(|server| server.to_string());
        Self { service: place.service.to_string(), server }
    }
}

#[derive(Serialize)]
struct FixFields {
    on: Vec<String>,
    commands: Vec<String>,
}

impl FixFields {
    fn new(fix: &Fix) -> Self {
        let on = match &fix.on {
            On::Director => vec!["director".to_owned()],
            On::Servers(servers) => servers.iter().map(ToString::to_string).collect(),
        };
        Self { on, commands: fix.commands.iter().map(|command| clean(command)).collect() }
    }
}

#[derive(Serialize)]
struct CheckFields {
    name: &'static str,
    looks_for: &'static str,
    outcome: &'static str,
    not_checked: Vec<UncheckedFields>,
}

impl CheckFields {
    fn new(check: &Checked) -> Self {
        Self {
            name: check.name,
            looks_for: check.looks_for,
            outcome: match check.outcome() {
                Outcome::Found => "found",
                Outcome::Passed => "passed",
                Outcome::Partly => "partly",
                Outcome::NotChecked => "not_checked",
            },
            not_checked: check.unchecked.iter().map(UncheckedFields::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct UncheckedFields {
    what: Option<String>,
    why: String,
}

impl UncheckedFields {
    fn new(unchecked: &Unchecked) -> Self {
        Self { what: unchecked.what.as_deref().map(clean), why: clean(&unchecked.why) }
    }
}
