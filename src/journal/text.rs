//! A history for people.

use std::io::{self, BufWriter, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{Drain, Entry, History, Noticed, State};
use crate::ipvs::Change;

/// Up to so many changes of an entry are told one by one. Of more, only those that were refused
/// or are in doubt.
const FEW: usize = 8;

/// Writes `history` oldest first, a paragraph for each entry, drain and outside change, times in
/// `zone`, and the damaged lines at the end:
///
/// ```text
/// vb2k0  2026-11-21T04:49:00+01:00  alice (sudo) on /dev/pts/3 from 192.0.2.7, host lb1
///     real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 10 -> 0
///     reason: kernel update
///     made; undone by vb2ks
/// ```
///
/// What came from outside (reasons, names, the kernel's words) is written with control and
/// direction characters escaped, so that it cannot steer the terminal.
///
/// # Errors
/// When `out` cannot be written; a closed pipe is [`io::ErrorKind::BrokenPipe`].
pub fn text(history: &History, zone: &TimeZone, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    enum Item<'a> {
        Entry(&'a Entry),
        Drain(&'a Drain),
        Outside(&'a Noticed),
    }
    let mut out = BufWriter::new(out);
    let mut items: Vec<(u64, Item<'_>)> = Vec::new();
    items.extend(history.entries.iter().map(|e| (e.line, Item::Entry(e))));
    items.extend(history.drains.iter().map(|d| (d.line, Item::Drain(d))));
    items.extend(history.outside.iter().map(|o| (o.line, Item::Outside(o))));
    items.sort_by_key(|(line, _)| *line);
    for (place, (_, item)) in items.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        match item {
            Item::Entry(entry) => entry_text(entry, zone, &mut out)?,
            Item::Drain(drain) => drain_text(drain, zone, &mut out)?,
            Item::Outside(noticed) => outside_text(noticed, zone, &mut out)?,
        }
    }
    damage_text(history, !items.is_empty(), &mut out)?;
    out.flush()
}

fn entry_text(entry: &Entry, zone: &TimeZone, out: &mut impl Write) -> io::Result<()> {
    let intent = &entry.intent;
    let time = local(intent.time, zone);
    let who = clean(&intent.operator.to_string());
    writeln!(out, "{}  {time}  {who}, {}", intent.id, scene(&intent.scene))?;
    writeln!(out, "    {}", clean(&intent.plan.title))?;
    if !intent.reason.is_empty() {
        writeln!(out, "    reason: {}", clean(&intent.reason))?;
    }
    let drain = intent.drain.map(|drain| format!("belongs to drain {drain}"));
    let mut more: Vec<String> = drain.into_iter().chain(entry.ties()).collect();
    if let Some(note) = entry.end.as_ref().map(|e| &e.note).filter(|note| !note.is_empty()) {
        more.push(clean(note));
    }
    let more: String = more.iter().map(|m| format!("; {m}")).collect();
    match (intent.plan.changes.as_slice(), entry.states.as_slice()) {
        ([change], [state]) if change.to_string() == intent.plan.title => {
            writeln!(out, "    {}{}{more}", state.word(), why(state))
        }
        (changes, states) => {
            writeln!(out, "    {}{more}", summary(states))?;
            for (change, state) in changes.iter().zip(states) {
                if changes.len() <= FEW || matters(state) {
                    writeln!(out, "    {}: {}{}", state.word(), one(change, state), why(state))?;
                }
            }
            Ok(())
        }
    }
}

/// `20 changes: 18 made, 1 refused, 1 UNKNOWN`.
fn summary(states: &[State]) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for state in states {
        match kinds.iter_mut().find(|(word, _)| *word == state.word()) {
            Some((_, count)) => *count += 1,
            None => kinds.push((state.word(), 1)),
        }
    }
    let kinds: Vec<String> = kinds.iter().map(|(word, count)| format!("{count} {word}")).collect();
    match states.len() {
        0 => "no changes".to_owned(),
        1 => format!("1 change: {}", kinds.join(", ")),
        many => format!("{many} changes: {}", kinds.join(", ")),
    }
}

fn matters(state: &State) -> bool {
    matches!(state, State::Refused(_) | State::Unknown { .. })
}

/// The change as it was written, where that is known.
fn one(planned: &Change, state: &State) -> String {
    clean(&match state {
        State::Made(change) | State::Unknown { change, .. } => change.to_string(),
        _ => planned.to_string(),
    })
}

fn why(state: &State) -> String {
    match state {
        State::Refused(why) => format!(", because {}", clean(why)),
        State::Unknown { doubt, .. } => format!(", because {}", clean(&doubt.to_string())),
        _ => String::new(),
    }
}

fn drain_text(drain: &Drain, zone: &TimeZone, out: &mut impl Write) -> io::Result<()> {
    let started = &drain.started;
    let time = local(started.time, zone);
    let who = clean(&started.operator.to_string());
    writeln!(out, "{}  {time}  {who}, {}", started.id, scene(&started.scene))?;
    let servers = started.servers.len();
    let services = if servers == 1 { "1 service".into() } else { format!("{servers} services") };
    write!(out, "    drain {} in {services}", clean(&started.target))?;
    match drain.deadline() {
        Some(deadline) => {
            writeln!(out, ", until {}, then {}", local(deadline, zone), started.then)?;
        }
        None => writeln!(out)?,
    }
    if !started.reason.is_empty() {
        writeln!(out, "    reason: {}", clean(&started.reason))?;
    }
    match &drain.ended {
        None if drain.touched => writeln!(out, "    under way"),
        None => writeln!(out, "    under way, but no weight was set"),
        Some(ended) => {
            write!(out, "    {} at {}", ended.how, local(ended.time, zone))?;
            if ended.note.is_empty() {
                writeln!(out)?;
            } else {
                writeln!(out, "; {}", clean(&ended.note))?;
            }
            if ended.left.verdict.is_empty() {
                Ok(())
            } else {
                writeln!(out, "    before that: {}", clean(&ended.left.verdict))
            }
        }
    }
}

fn outside_text(noticed: &Noticed, zone: &TimeZone, out: &mut impl Write) -> io::Result<()> {
    let seen = &noticed.outside;
    writeln!(out, "-      {}  someone else, {}", local(seen.time, zone), scene(&seen.scene))?;
    let subject = match (&seen.server, &seen.service) {
        (Some(server), Some(service)) => format!("real server {server} of {service}: "),
        (Some(server), None) => format!("real server {server}: "),
        (None, Some(service)) => format!("service {service}: "),
        (None, None) => String::new(),
    };
    let value = |value: &Option<String>| value.as_deref().map_or_else(|| "none".to_owned(), clean);
    let (field, before, after) = (clean(&seen.field), value(&seen.before), value(&seen.after));
    writeln!(out, "    {subject}{field} {before} -> {after}")
}

fn damage_text(history: &History, apart: bool, out: &mut impl Write) -> io::Result<()> {
    if history.damaged_lines > 0 && apart {
        writeln!(out)?;
    }
    for damage in &history.damaged {
        writeln!(out, "line {} cannot be used: {}", damage.line, damage.flaw)?;
    }
    let told = u64::try_from(history.damaged.len()).unwrap_or(u64::MAX);
    let more = history.damaged_lines.saturating_sub(told);
    if more > 0 {
        writeln!(out, "{more} more lines cannot be used")?;
    }
    Ok(())
}

/// `host lb1`, `host lb1 netns blue`.
fn scene(scene: &super::Scene) -> String {
    let host = clean(&scene.host);
    match &scene.namespace {
        Some(name) => format!("host {host} netns {}", clean(name)),
        None => format!("host {host}"),
    }
}

/// ISO 8601 with the offset, to the second.
fn local(time: Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// `text` with everything escaped that a terminal would act upon: controls, and what turns the
/// direction of writing or cannot be seen.
pub fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            clean.extend(c.escape_unicode());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// Whether a terminal acts upon `c` instead of showing it.
pub fn acts(c: char) -> bool {
    let hidden = matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}');
    c.is_control() || hidden
}
