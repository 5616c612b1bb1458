//! How far drained servers have emptied: whether they may be stopped, what that rests on, and how
//! long it will take. Pure values: snapshots and censuses go in, verdicts come out.
//!
//! ```text
//! Drain        one drain, taken up from its record in the journal
//! followed     one of its servers in one service, from snapshot to snapshot
//! census       what the connection table says of it
//! past         what the journal tells that a plan has to know
//! judge        the rules: what holds a drain up, and what does not
//! verdict      what they come to, in an operator's words
//! curve        what it has held since
//! estimate     how long until it is empty
//! ```
//!
//! A server at weight 0 is not empty, and may not stay empty. TCP connections end by themselves;
//! a half-closed one counts as inactive and may still carry data, one in TIME_WAIT or CLOSE does
//! not; UDP has no end but its timer; persistence templates bring clients back past the scheduler.
//! Counters alone cannot tell the inactive ones apart, so where the connection table is small
//! enough it is read as well, and where it is not, only a server without any connection is safe.

mod census;
mod curve;
mod estimate;
mod followed;
mod judge;
mod past;
#[cfg(test)]
mod tests;
mod verdict;

use std::time::Duration;

use jiff::Timestamp;

pub use crate::connections::Place;
use crate::ipvs::{ServerKey, ServiceKey, duration, separated};
use crate::journal;
use crate::snapshot::Snapshot;
pub use census::{AFFORDABLE, Census, Held, affordable, entries, take};
pub use curve::{Curve, Point};
pub use estimate::Estimate;
pub use followed::Followed;
pub use past::Past;
pub use verdict::{Basis, Note, Reuse, Unlooked, Verdict, Why};

/// In so many parts what a drain held is written down.
const PARTS: u32 = 16;

/// One drain and how it stands.
#[derive(Clone, Debug)]
pub struct Drain {
    /// Its name in the journal.
    pub id: journal::Id,
    /// What is drained, in an operator's words.
    pub target: String,
    /// The operator's reason; empty if none was given.
    pub reason: String,
    /// Who began it.
    pub who: String,
    /// When, by the wall clock.
    pub started: Timestamp,
    /// When its time is up; `None` for never.
    pub deadline: Option<Timestamp>,
    /// What happens then.
    pub then: journal::Then,
    /// Its servers, in the order of the record.
    pub servers: Vec<Followed>,
}

impl Drain {
    /// Takes a drain up from its record, be it this process's or another's. What it held before
    /// is not known: its curve begins now.
    ///
    /// A weight above 0 means that someone else gave it back, unless the record says that nothing
    /// of the drain was done so far: then there are 10 s to do it.
    pub fn resumed(record: &journal::Drain) -> Self {
        let started = &record.started;
        let follow = |drained| Followed::new(drained, record.touched);
        Self {
            id: started.id,
            target: started.target.clone(),
            reason: started.reason.clone(),
            who: started.operator.to_string(),
            started: started.time,
            deadline: record.deadline(),
            then: started.then,
            servers: started.servers.iter().map(follow).collect(),
        }
    }

    /// Takes a snapshot in. One that was taken in before changes nothing.
    pub fn follow(&mut self, snapshot: &Snapshot) {
        let entries = census::entries(snapshot);
        self.servers.iter_mut().for_each(|server| server.follow(snapshot, entries));
    }

    /// The machine slept for so long, and no connection came, ended or timed out meanwhile: that
    /// time does not count for estimates, nor for how old a look at the table is.
    pub fn slept(&mut self, time: Duration) {
        self.servers.iter_mut().for_each(|server| server.slept(time));
    }

    /// Takes a look at the connection table in. One with lines that were no rows says nothing: of
    /// whom they were is not known.
    pub fn census(&mut self, census: &Census) {
        if census.skipped == 0 {
            self.servers.iter_mut().for_each(|server| server.census(census));
        }
    }

    /// What a census has to look for.
    pub fn servers(&self) -> impl Iterator<Item = (ServiceKey, ServerKey)> {
        self.servers.iter().map(Followed::place)
    }

    /// The worst of its servers' verdicts.
    pub fn verdict(&self) -> &Verdict {
        self.worst().map_or(&Verdict::Gone, |server| &server.verdict)
    }

    /// The [`worst`] of its servers.
    pub fn worst(&self) -> Option<&Followed> {
        worst(self.servers.iter())
    }

    /// How long until the last of its servers is empty; `None` if that cannot be told of one.
    pub fn estimate(&self) -> Option<Estimate> {
        let emptying = |s: &&Followed| !s.verdict.is_safe() && !s.verdict.is_over();
        let all: Option<Vec<Estimate>> =
            self.servers.iter().filter(emptying).map(|server| server.estimate).collect();
        all?.into_iter().max()
    }

    /// Whether every server of it may be stopped.
    pub fn is_safe(&self) -> bool {
        self.servers.iter().all(|server| server.verdict.is_safe())
    }

    /// Whether there is nothing left to follow: every server was deleted, or given a weight by
    /// someone else.
    pub fn is_over(&self) -> bool {
        self.servers.iter().all(|server| server.verdict.is_over())
    }

    /// Active connections of all its servers.
    pub fn active(&self) -> u64 {
        self.servers.iter().filter_map(|s| s.active).map(u64::from).sum()
    }

    /// Inactive connections of all its servers.
    pub fn inactive(&self) -> u64 {
        self.servers.iter().filter_map(|s| s.inactive).map(u64::from).sum()
    }

    /// What it came to, to be written down at its end.
    pub fn left(&self) -> journal::Left {
        let last = self.servers.iter().filter_map(Followed::last);
        let verdict = last.max_by_key(|verdict| verdict.rank()).map(Verdict::to_string);
        let mut held = Vec::new();
        for shape in self.servers.iter().map(|server| server.curve().shape(PARTS)) {
            held.resize(shape.len().max(held.len()), 0);
            held.iter_mut().zip(shape).for_each(|(all, one)| *all += one);
        }
        journal::Left { verdict: verdict.unwrap_or_default(), held }
    }

    /// One line: `10.1.2.2:80 draining for 2m10s, 12 active left, about 40 s (±15)`.
    pub fn summary(&self, now: Timestamp) -> String {
        let (target, time) = (&self.target, duration(between(self.started, now)));
        let (active, inactive) = (self.active(), self.inactive());
        let left = match active {
            0 => format!("{} inactive left", separated(inactive)),
            _ => format!("{} active left", separated(active)),
        };
        let estimate = self.estimate().map_or_else(String::new, |e| format!(", {e}"));
        // Of several servers, those that are drained still are what is asked about.
        let still = |server: &&Followed| !server.verdict.is_over();
        let rank = |server: &&Followed| server.verdict.rank();
        let worst = self.servers.iter().filter(still).max_by_key(rank).or(self.worst());
        let line = match worst.map_or(&Verdict::Gone, |server| &server.verdict) {
            Verdict::Unread => format!("{target} draining for {time}, not looked at yet"),
            Verdict::Unquiesced { weight } => {
                format!("{target} not quiesced yet, weight {weight}")
            }
            Verdict::Gone => return format!("{target} gone, {time} after its drain began"),
            Verdict::Raised { weight } => {
                let server = self.worst().map_or(target.clone(), |s| s.server.to_string());
                format!("{target} not draining any more: {server} has weight {weight}")
            }
            Verdict::Receiving { .. } => {
                format!("{target} draining for {time}, still receiving, {left}")
            }
            Verdict::Emptying { .. } => format!("{target} draining for {time}, {left}{estimate}"),
            Verdict::Safe { .. } => format!("{target} drained for {time}, safe to stop"),
        };
        match self.deadline {
            Some(deadline) if !self.is_over() => {
                let rest = between(now, deadline);
                let then = match self.then {
                    journal::Then::Keep => "time is up",
                    journal::Then::Restore => "weight comes back",
                    journal::Then::Delete => "is deleted",
                };
                format!("{line}; {then} in {}", duration(rest))
            }
            _ => line,
        }
    }
}

/// The server that is farthest from safe; among equals, the one that holds the most.
pub fn worst<'a>(servers: impl DoubleEndedIterator<Item = &'a Followed>) -> Option<&'a Followed> {
    let holds = |s: &Followed| s.active.unwrap_or(0).saturating_add(s.inactive.unwrap_or(0));
    servers.rev().max_by_key(|server| (server.verdict.rank(), holds(server)))
}

/// From `earlier` to `later` by the wall clock; zero if it was set back meanwhile.
fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    later.duration_since(earlier).try_into().unwrap_or_default()
}
