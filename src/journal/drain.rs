//! A drain joined with its plans and its end.

use jiff::{SignedDuration, Timestamp};

use super::{DrainEnded, DrainStarted, Id};

/// A drain, which lives until its end is written down, in whatever process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// The line of its start, from 1.
    pub line: u64,
    /// What is drained, why, by whom, and what happens when its time is up.
    pub started: DrainStarted,
    /// The entries that belong to it, oldest first.
    pub plans: Vec<Id>,
    /// Whether one of them changed something, or nobody knows. Where none did, the process died
    /// between writing down the drain and setting the first weight.
    pub touched: bool,
    /// How it ended; `None` while it is followed.
    pub ended: Option<DrainEnded>,
}

impl Drain {
    /// Its name.
    pub fn id(&self) -> Id {
        self.started.id
    }

    /// Whether it is followed.
    pub fn open(&self) -> bool {
        self.ended.is_none()
    }

    /// When its time is up; `None` for never. By the wall clock, which is what two processes
    /// have in common.
    pub fn deadline(&self) -> Option<Timestamp> {
        let seconds = i64::try_from(self.started.timeout_seconds?).ok()?;
        self.started.time.checked_add(SignedDuration::from_secs(seconds)).ok()
    }
}
