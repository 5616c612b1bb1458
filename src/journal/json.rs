//! A history for programs: one JSON document, `ipvs-tui/journal/1`.
//!
//! # The schema
//! Every field is always there, in this order. Fields will be added without a new number; a
//! field that changes its meaning or its type, or goes, makes it `ipvs-tui/journal/2`. Times are
//! RFC 3339, UTC. `null` says that there is no such thing, or that it is not known.
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | `schema` | string | [`SCHEMA`] |
//! | `entries` | array | what was done, oldest first |
//! | `drains` | array | drains, oldest first |
//! | `outside` | array | what others did, oldest first |
//! | `damaged` | array | `{line, why}` of lines that could not be used |
//! | `damaged_lines` | integer | how many there are; `damaged` holds the first 1,000 |
//! | `lines` | integer | lines of the journal |
//!
//! An entry, `entries[]`:
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | `id` | string | its name, as `ipvs-tui undo` takes it |
//! | `line` | integer | where its intent stands in the journal |
//! | `time` | string | when it was begun |
//! | `ended` | string or null | when it was through; `null` if its process never told |
//! | `operator` | object | `uid`; `name`, `sudo_user`, `login_uid`, `tty`, `ssh_connection`, each or null |
//! | `pid` | integer | the process |
//! | `host`, `namespace`, `namespace_inode`, `boot_id` | string, string or null, integer or null, string or null | which table |
//! | `kind` | string | `new`, `undo`, `redo`, `drain`, `restore`, `other` |
//! | `title` | string | what it is for |
//! | `reason` | string | the operator's; empty if none was given |
//! | `note` | string | what its end said; empty if nothing |
//! | `undoes` | string or null | the entry that it takes back |
//! | `drain` | string or null | the drain that it belongs to |
//! | `part_of` | string or null | the entry that it goes on with, and is taken back with |
//! | `undone` | string | `no`, `partly`, `yes` |
//! | `undone_by` | string or null | the entry that took it back |
//! | `changes` | array | each change of the plan, in order |
//! | `changes[].summary` | string | in words |
//! | `changes[].state` | string | `made`, `already`, `refused`, `not_tried`, `unknown` |
//! | `changes[].why` | string or null | why it was refused or is not known |
//! | `changes[].planned` | object | the change as the journal's file has it |
//! | `changes[].written` | object or null | as it was written: the values from before are the kernel's |
//! | `inverse` | array or null | the changes that take back what is known to be made, in order |
//!
//! A drain, `drains[]`: `id`, `line`, `time`, `operator`, the four of the table, `target`,
//! `reason`, `servers` (array of `{service, server, weight}`, the names as people write them),
//! `deadline` (string or null), `then` (`keep`, `restore`, `delete`), `plans` (array of ids),
//! `touched` (boolean: whether a weight was set), `ended` (string or null), `how` (`restored`,
//! `deleted`, `kept`, `cancelled`, `outside`, `other`, or null), `note`, `verdict` (string or null:
//! how it stood last while its weights were 0), `held` (array of integers: its connections in equal
//! parts of the time it took).
//!
//! A change by others, `outside[]`: `line`, `time`, the four of the table, `service`, `server`
//! (string or null), `field`, `before`, `after` (string or null).

use std::io::{self, BufWriter, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::ser::Formatter;

use super::text::acts;
use super::{
    Drain, DrainEnd, Entry, History, Id, Kind, Noticed, Operator, Scene, State, Then, Undone,
};
use crate::ipvs::Change;

/// The schema's name, in the document's field `schema`.
pub const SCHEMA: &str = "ipvs-tui/journal/1";

/// Writes `history` as one document, a line long, with a newline at the end. Characters that a
/// terminal would act upon are written as `\u....`.
///
/// # Errors
/// When `out` cannot be written; a closed pipe is [`io::ErrorKind::BrokenPipe`].
pub fn json(history: &History, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let document = Document {
        schema: SCHEMA,
        entries: history.entries.iter().map(EntryJson::of).collect(),
        drains: history.drains.iter().map(DrainJson::of).collect(),
        outside: history.outside.iter().map(OutsideJson::of).collect(),
        damaged: history
            .damaged
            .iter()
            .map(|d| DamageJson { line: d.line, why: d.flaw.to_string() })
            .collect(),
        damaged_lines: history.damaged_lines,
        lines: history.lines,
    };
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Plain);
    document.serialize(&mut serializer)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Escapes what serde_json leaves: DEL, the C1 controls, and what turns the writing's direction.
struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        write_fragment(out, fragment)
    }
}

/// A piece of a JSON string that needs no other escapes, with those that [`acts`] asks for.
///
/// # Errors
/// When `out` cannot be written.
pub fn write_fragment(out: &mut (impl Write + ?Sized), fragment: &str) -> io::Result<()> {
    for piece in fragment.split_inclusive(acts) {
        let last = piece.chars().next_back().filter(|c| acts(*c));
        let rest = last.map_or(piece, |c| piece.strip_suffix(c).unwrap_or(piece));
        out.write_all(rest.as_bytes())?;
        if let Some(c) = last {
            write!(out, "\\u{:04x}", u32::from(c))?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'a str,
    entries: Vec<EntryJson<'a>>,
    drains: Vec<DrainJson<'a>>,
    outside: Vec<OutsideJson<'a>>,
    damaged: Vec<DamageJson>,
    damaged_lines: u64,
    lines: u64,
}

#[derive(Serialize)]
struct DamageJson {
    line: u64,
    why: String,
}

#[derive(Serialize)]
struct OperatorJson<'a> {
    uid: u32,
    name: Option<&'a str>,
    sudo_user: Option<&'a str>,
    login_uid: Option<u32>,
    tty: Option<&'a str>,
    ssh_connection: Option<&'a str>,
}

impl<'a> OperatorJson<'a> {
    fn of(who: &'a Operator) -> Self {
        Self {
            uid: who.uid,
            name: who.name.as_deref(),
            sudo_user: who.sudo_user.as_deref(),
            login_uid: who.login_uid,
            tty: who.tty.as_deref(),
            ssh_connection: who.ssh_connection.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct SceneJson<'a> {
    host: &'a str,
    namespace: Option<&'a str>,
    namespace_inode: Option<u64>,
    boot_id: Option<&'a str>,
}

impl<'a> SceneJson<'a> {
    fn of(scene: &'a Scene) -> Self {
        Self {
            host: &scene.host,
            namespace: scene.namespace.as_deref(),
            namespace_inode: scene.namespace_inode,
            boot_id: scene.boot_id.as_deref(),
        }
    }
}

#[derive(Serialize)]
struct EntryJson<'a> {
    id: Id,
    line: u64,
    time: Timestamp,
    ended: Option<Timestamp>,
    operator: OperatorJson<'a>,
    pid: u32,
    #[serde(flatten)]
    scene: SceneJson<'a>,
    kind: Kind,
    title: &'a str,
    reason: &'a str,
    note: &'a str,
    undoes: Option<Id>,
    drain: Option<Id>,
    part_of: Option<Id>,
    undone: &'static str,
    undone_by: Option<Id>,
    changes: Vec<ChangeJson<'a>>,
    inverse: Option<Vec<Change>>,
}

#[derive(Serialize)]
struct ChangeJson<'a> {
    summary: String,
    state: &'static str,
    why: Option<String>,
    planned: &'a Change,
    written: Option<&'a Change>,
}

impl<'a> EntryJson<'a> {
    fn of(entry: &'a Entry) -> Self {
        let intent = &entry.intent;
        let (undone, undone_by) = match entry.undone {
            Undone::No => ("no", None),
            Undone::Partly(by) => ("partly", Some(by)),
            Undone::By(by) => ("yes", Some(by)),
        };
        Self {
            id: intent.id,
            line: entry.line,
            time: intent.time,
            ended: entry.end.as_ref().map(|e| e.time),
            operator: OperatorJson::of(&intent.operator),
            pid: intent.pid,
            scene: SceneJson::of(&intent.scene),
            kind: intent.kind,
            title: &intent.plan.title,
            reason: &intent.reason,
            note: entry.end.as_ref().map_or("", |e| &e.note),
            undoes: intent.undoes,
            drain: intent.drain,
            part_of: intent.part_of,
            undone,
            undone_by,
            changes: entry.changes().map(|(change, state)| ChangeJson::of(change, state)).collect(),
            inverse: entry.inverse().map(|plan| plan.changes),
        }
    }
}

impl<'a> ChangeJson<'a> {
    fn of(planned: &'a Change, state: &'a State) -> Self {
        let (word, why, written) = match state {
            State::Made(change) => ("made", None, Some(change)),
            State::Already => ("already", None, None),
            State::Refused(why) => ("refused", Some(why.clone()), None),
            State::NotTried => ("not_tried", None, None),
            State::Unknown { doubt, .. } => ("unknown", Some(doubt.to_string()), None),
        };
        let summary = written.unwrap_or(planned).to_string();
        Self { summary, state: word, why, planned, written }
    }
}

#[derive(Serialize)]
struct DrainJson<'a> {
    id: Id,
    line: u64,
    time: Timestamp,
    operator: OperatorJson<'a>,
    #[serde(flatten)]
    scene: SceneJson<'a>,
    target: &'a str,
    reason: &'a str,
    servers: Vec<ServerJson>,
    deadline: Option<Timestamp>,
    then: Then,
    plans: &'a [Id],
    touched: bool,
    ended: Option<Timestamp>,
    how: Option<DrainEnd>,
    note: &'a str,
    verdict: Option<&'a str>,
    held: &'a [u64],
}

#[derive(Serialize)]
struct ServerJson {
    service: String,
    server: String,
    weight: u32,
}

impl<'a> DrainJson<'a> {
    fn of(drain: &'a Drain) -> Self {
        let started = &drain.started;
        let left = drain.ended.as_ref().map(|ended| &ended.left);
        let servers = started.servers.iter().map(|at| ServerJson {
            service: at.service.to_string(),
            server: at.server.to_string(),
            weight: at.weight,
        });
        Self {
            id: started.id,
            line: drain.line,
            time: started.time,
            operator: OperatorJson::of(&started.operator),
            scene: SceneJson::of(&started.scene),
            target: &started.target,
            reason: &started.reason,
            servers: servers.collect(),
            deadline: drain.deadline(),
            then: started.then,
            plans: &drain.plans,
            touched: drain.touched,
            ended: drain.ended.as_ref().map(|e| e.time),
            how: drain.ended.as_ref().map(|e| e.how),
            note: drain.ended.as_ref().map_or("", |e| &e.note),
            verdict: left.map(|left| left.verdict.as_str()).filter(|verdict| !verdict.is_empty()),
            held: left.map_or(&[], |left| &left.held),
        }
    }
}

#[derive(Serialize)]
struct OutsideJson<'a> {
    line: u64,
    time: Timestamp,
    #[serde(flatten)]
    scene: SceneJson<'a>,
    service: Option<String>,
    server: Option<String>,
    field: &'a str,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

impl<'a> OutsideJson<'a> {
    fn of(noticed: &'a Noticed) -> Self {
        let seen = &noticed.outside;
        Self {
            line: noticed.line,
            time: seen.time,
            scene: SceneJson::of(&seen.scene),
            service: seen.service.map(|s| s.to_string()),
            server: seen.server.map(|s| s.to_string()),
            field: &seen.field,
            before: seen.before.as_deref(),
            after: seen.after.as_deref(),
        }
    }
}
