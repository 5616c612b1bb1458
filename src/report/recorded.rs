//! A recording for programs and for people: every row of every snapshot as CSV, and what was
//! changed, a line each.

use std::io::{self, BufWriter, Write};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::quoted;
use crate::ipvs::Stats;
use crate::journal::{Entry, State, clean};
use crate::record::{Recording, Step};
use crate::snapshot::Snapshot;

/// The columns of [`csv()`]. Rates are the kernel's averages a second, bytes and not bits; the
/// other counters are totals. `server` is empty in the row of a service; what was not read is
/// empty.
pub const CSV: &str = "time,service,server,scheduler,forwarding,weight,active_connections,\
                       inactive_connections,persistent_connections,connections,in_packets,\
                       out_packets,in_bytes,out_bytes,connections_per_second,\
                       in_packets_per_second,out_packets_per_second,in_bytes_per_second,\
                       out_bytes_per_second";

/// Writes every row of every snapshot between `from` and `until` (RFC 4180, times RFC 3339 in
/// UTC), with [`CSV`] at its head.
///
/// # Errors
/// When `out` cannot be written; a closed pipe is [`io::ErrorKind::BrokenPipe`].
pub fn csv(
    recording: &Recording,
    (from, until): (Timestamp, Timestamp),
    out: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    write!(out, "{CSV}\r\n")?;
    for step in recording.steps_between(from, until) {
        let Step::Snapshot(snapshot) = step else { continue };
        if (from..=until).contains(&snapshot.taken) {
            rows(&snapshot, &mut out)?;
        }
    }
    out.flush()
}

fn rows(snapshot: &Snapshot, out: &mut impl Write) -> io::Result<()> {
    let off = snapshot.estimator_off();
    for entry in &snapshot.services {
        let (time, key) = (snapshot.taken, entry.service.key);
        let scheduler = quoted(entry.service.scheduler.as_str());
        let (active, inactive) = (entry.active(), entry.inactive());
        write!(out, "{time},{key},,{scheduler},,,{active},{inactive},")?;
        stats(entry.stats, off, out)?;
        for at in &entry.servers {
            let server = &at.server;
            let templates = at.persistent.map_or_else(String::new, |n| n.to_string());
            write!(
                out,
                "{time},{key},{},{scheduler},{},{},{},{},{templates}",
                server.key, server.forwarding, server.weight, at.active, at.inactive
            )?;
            stats(at.stats, off, out)?;
        }
    }
    Ok(())
}

/// Counters and rates. Where the kernel's estimator is off, rates mean nothing.
fn stats(stats: Option<Stats>, off: bool, out: &mut impl Write) -> io::Result<()> {
    let Some(Stats { counters: c, rates: r }) = stats else {
        return write!(out, ",,,,,,,,,,\r\n");
    };
    let total = [c.connections, c.in_packets, c.out_packets, c.in_bytes, c.out_bytes];
    let rates = [r.connections, r.in_packets, r.out_packets, r.in_bytes, r.out_bytes];
    for number in total {
        write!(out, ",{number}")?;
    }
    for number in rates {
        if off { write!(out, ",")? } else { write!(out, ",{number}")? }
    }
    write!(out, "\r\n")
}

/// Writes what was changed between `from` and `until`, a line each, times in `zone`: what came
/// from outside, what was planned, and when the director could not be read or recorded.
///
/// ```text
/// 2026-11-21 14:30:05  outside     real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 10 -> 0
/// 2026-11-21 14:31:07  alice vb2k0 quiesce 10.1.1.2:80: made
/// ```
///
/// # Errors
/// When `out` cannot be written; a closed pipe is [`io::ErrorKind::BrokenPipe`].
pub fn changes(
    recording: &Recording,
    (from, until): (Timestamp, Timestamp),
    zone: &TimeZone,
    out: &mut (impl Write + ?Sized),
) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let mut told = std::collections::HashMap::new();
    let mut now = from;
    // From the beginning: what an entry was before is told nowhere else.
    for step in recording.steps_until(until) {
        if let Step::Snapshot(snapshot) = &step {
            now = snapshot.taken;
        }
        let mut line = |time: Timestamp, who: &str, what: &str| {
            if !(from..=until).contains(&time) {
                return Ok(());
            }
            let local = time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S");
            writeln!(out, "{local}  {:<11} {}", clean(who), clean(what))
        };
        match step {
            Step::Theirs(theirs) => {
                for one in theirs {
                    let who = one
                        .by
                        .as_ref()
                        .map_or("outside".to_owned(), |by| format!("{} {}", by.who, by.id));
                    line(one.time, &who, &one.to_string())?;
                }
            }
            Step::Journal(news) => {
                for entry in &news.history.entries {
                    let state = outcome(entry);
                    if told.insert(entry.id(), state.clone()) != Some(state.clone()) {
                        let (who, time) = (&entry.intent.operator, entry.intent.time);
                        let who = who.sudo_user.as_ref().or(who.name.as_ref());
                        let who = who.map_or_else(String::new, |who| format!("{who} "));
                        let what = format!("{}: {state}", entry.intent.plan.title);
                        line(time, &format!("{who}{}", entry.id()), &what)?;
                    }
                }
            }
            Step::Unreadable(failed) => line(failed.time, "not read", &failed.why)?,
            Step::Lost(lost) => {
                let what = format!("{} snapshots were not recorded: {}", lost.snapshots, lost.why);
                line(lost.time, "-", &what)?;
            }
            Step::About(about) => {
                let what = format!("{} begins to record {}", about.program, about.name);
                line(about.began, "-", &what)?;
            }
            Step::Flawed(flaw) => line(now, "-", &format!("a frame cannot be used: {flaw}"))?,
            Step::Snapshot(_) | Step::Machine(_) | Step::End => {}
        }
    }
    out.flush()
}

/// What came of a plan, as far as it is known.
fn outcome(entry: &Entry) -> String {
    let count = |wanted: &dyn Fn(&State) -> bool| entry.states.iter().filter(|s| wanted(s)).count();
    let made = count(&|s| matches!(s, State::Made(_)));
    match (made, entry.states.len()) {
        _ if entry.end.is_none() => "under way".to_owned(),
        (made, all) if made == all && all > 0 => "made".to_owned(),
        (_, _) if entry.complete() => "already so".to_owned(),
        (0, _) => "refused".to_owned(),
        (made, all) => format!("{made} of {all} made"),
    }
}
