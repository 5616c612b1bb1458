//! What came of it for programs: one JSON document, `ipvs-tui/change/1`.
//!
//! # The schema
//! Every field is always there, in this order. Fields will be added without a new number; a
//! field that changes its meaning, its unit or its type, or goes, makes it `ipvs-tui/change/2`.
//! `null` says that there is no such thing, or that it is not known. Texts are for people, and
//! will be worded better; control characters in them are escaped. A command line that is wrong by
//! itself (most of exit code 2) is told on standard error only.
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | `schema` | string | [`SCHEMA`] |
//! | `outcome` | string | `done`, `nothing_to_do`, `dry_run`, `refused`, `conflict`, `timeout`, `failed` |
//! | `exit_code` | integer | the process's: 0 to 5, as `--help` has them |
//! | `title` | string | what it is, in words |
//! | `entry` | string or null | the journal's entry, as `ipvs-tui undo` takes it; of a ramp, the first; `null` if nothing was begun |
//! | `drain` | string or null | the drain that began |
//! | `changes` | array | each change, in order |
//! | `changes[].summary` | string | in words |
//! | `changes[].planned` | object | the change as the journal's file has it, with `before` and `after` |
//! | `changes[].state` | string | `made`; `already`: the kernel held it; `not_made`: refused, or not tried; `unknown`: sent, and the kernel's answer was lost, or it shows something else |
//! | `changes[].commands` | array of strings | the command lines that do the same; empty where none does |
//! | `dangers` | array | gravest first |
//! | `dangers[].level` | string | `tell`; `ask` and `type` need `--yes` |
//! | `dangers[].text` | string | a sentence |
//! | `offers` | array | what can be set so that a danger goes away |
//! | `offers[].option` | string or null | the option that takes it; `null` where only `quiesce` and `drain` do |
//! | `offers[].what` | string | a sentence |
//! | `offers[].taken` | boolean | |
//! | `owners` | array | programs that write the table too |
//! | `owners[].name` | string | `keepalived`, `ldirectord`, `kube-proxy` |
//! | `owners[].pid` | integer or null | its first process; `null` where only its traces were found |
//! | `owners[].text` | string | when it overwrites what is set by hand |
//! | `failed` | object or null | why it stopped; also why a conflict or the end of the time is one |
//! | `failed.change` | string or null | the change that failed, in words |
//! | `failed.why` | string | a sentence |
//! | `verdict` | object or null | how the servers stand, for `--wait` with `drain` and `quiesce` |
//! | `verdict.text` | string | in a line |
//! | `verdict.safe` | boolean | whether all may be stopped |
//! | `verdict.seconds` | number | how long they were followed |
//! | `verdict.servers` | array | each server in each service |
//! | `verdict.servers[].service`, `.server` | string | `TCP 10.0.0.1:80`, `10.1.1.2:80` |
//! | `verdict.servers[].active`, `.inactive` | integer or null | connections at the last look; `null` if it is gone |
//! | `verdict.servers[].persistent` | integer or null | persistence templates |
//! | `verdict.servers[].safe` | boolean | whether it may be stopped |
//! | `verdict.servers[].verdict` | string | a sentence |
//! | `notes` | array of strings | what else is worth knowing, why there is nothing to do included |

use std::io;

use serde::Serialize;

use super::follow::{Standing, Stood};
use super::report::{Offered, Owning, Report, State, Told, Why};
use crate::ipvs::Change;
use crate::journal::{Id, clean};
use crate::report::Commands;

/// Name and number of the schema, the first field of the document.
pub const SCHEMA: &str = "ipvs-tui/change/1";

/// One pretty-printed document with a newline at its end.
pub(super) fn json(report: &Report) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(&Document::new(report))?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    outcome: &'static str,
    exit_code: u8,
    title: String,
    entry: Option<Id>,
    drain: Option<Id>,
    changes: Vec<Changed<'a>>,
    dangers: Vec<DangerFields>,
    offers: Vec<OfferFields>,
    owners: Vec<OwnerFields>,
    failed: Option<Failed>,
    verdict: Option<Verdict>,
    notes: Vec<String>,
}

impl<'a> Document<'a> {
    fn new(report: &'a Report) -> Self {
        let notes = report.nothing.iter().chain(&report.notes);
        Self {
            schema: SCHEMA,
            outcome: report.outcome.name(),
            exit_code: report.exit.code(),
            title: clean(&report.title),
            entry: report.entry,
            drain: report.drain,
            changes: report.changes.iter().map(Changed::new).collect(),
            dangers: report.dangers.iter().map(DangerFields::new).collect(),
            offers: report.offers.iter().map(OfferFields::new).collect(),
            owners: report.owners.iter().map(OwnerFields::new).collect(),
            failed: report.failed.as_ref().map(Failed::new),
            verdict: report.verdict.as_ref().map(Verdict::new),
            notes: notes.map(|note| clean(note)).collect(),
        }
    }
}

#[derive(Serialize)]
struct Changed<'a> {
    summary: String,
    planned: &'a Change,
    state: &'static str,
    commands: Vec<String>,
}

impl<'a> Changed<'a> {
    fn new((change, state): &'a (Change, State)) -> Self {
        Self {
            summary: clean(&change.to_string()),
            planned: change,
            state: state.name(),
            commands: Commands::of(change).lines,
        }
    }
}

#[derive(Serialize)]
struct DangerFields {
    level: &'static str,
    text: String,
}

impl DangerFields {
    fn new(told: &Told) -> Self {
        Self { level: told.level(), text: clean(&told.text) }
    }
}

#[derive(Serialize)]
struct OfferFields {
    option: Option<&'static str>,
    what: String,
    taken: bool,
}

impl OfferFields {
    fn new(offer: &Offered) -> Self {
        Self { option: offer.option, what: clean(&offer.what), taken: offer.taken }
    }
}

#[derive(Serialize)]
struct OwnerFields {
    name: &'static str,
    pid: Option<u32>,
    text: &'static str,
}

impl OwnerFields {
    fn new(owner: &Owning) -> Self {
        Self { name: owner.name, pid: owner.pid, text: owner.text }
    }
}

#[derive(Serialize)]
struct Failed {
    change: Option<String>,
    why: String,
}

impl Failed {
    fn new(failed: &Why) -> Self {
        let change = failed.change.as_ref().map(|change| clean(&change.to_string()));
        Self { change, why: clean(&failed.why) }
    }
}

#[derive(Serialize)]
struct Verdict {
    text: String,
    safe: bool,
    seconds: f64,
    servers: Vec<ServerFields>,
}

impl Verdict {
    fn new(standing: &Standing) -> Self {
        let servers = standing.servers.iter().map(ServerFields::new).collect();
        let Standing { safe, seconds, .. } = *standing;
        Self { text: clean(&standing.text), safe, seconds, servers }
    }
}

#[derive(Serialize)]
struct ServerFields {
    service: String,
    server: String,
    active: Option<u32>,
    inactive: Option<u32>,
    persistent: Option<u32>,
    safe: bool,
    verdict: String,
}

impl ServerFields {
    fn new(stood: &Stood) -> Self {
        Self {
            service: stood.service.to_string(),
            server: stood.server.to_string(),
            active: stood.active,
            inactive: stood.inactive,
            persistent: stood.persistent,
            safe: stood.safe,
            verdict: clean(&stood.verdict),
        }
    }
}
