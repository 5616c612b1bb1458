//! What was seen: the last changes, how many there were, which rows they were on.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::flap::Flaps;
use super::{Flap, Theirs};
use crate::ipvs::{ServerKey, ServiceKey};
use crate::snapshot::Moment;

/// So many changes are kept.
pub const KEPT: usize = 1_000;

/// A row of the table.
type Row = (ServiceKey, Option<ServerKey>);

/// What was seen of changes that this console did not make.
#[derive(Clone, Debug, Default)]
pub struct Log {
    kept: VecDeque<Theirs>,
    outside: u64,
    others: u64,
    /// The last change of each row that was changed within [`Self::MARKED`].
    rows: HashMap<Row, Theirs>,
    flaps: Flaps,
}

impl Log {
    /// A row is marked for this long after it was changed.
    pub const MARKED: Duration = Duration::from_secs(120);

    /// Takes a change in. Returns the flap that it makes, if there was none before it.
    pub fn take(&mut self, theirs: Theirs) -> Option<Flap> {
        if theirs.is_outside() {
            self.outside += 1;
        } else {
            self.others += 1;
        }
        let flap = self.flaps.take(&theirs);
        if let Some(row) = theirs.row() {
            self.rows.insert(row, theirs.clone());
        }
        self.kept.push_back(theirs);
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        flap
    }

    /// Forgets marks and flaps that are over.
    pub fn pass(&mut self, now: Moment) {
        self.rows.retain(|_, theirs| now.since(theirs.at) <= Self::MARKED);
        self.flaps.let_go(now);
    }

    /// The last changes, oldest first, each with a number that no other ever has.
    pub fn kept(&self) -> impl DoubleEndedIterator<Item = (u64, &Theirs)> {
        let first = self.outside + self.others - self.kept.len() as u64;
        self.kept.iter().enumerate().map(move |(n, theirs)| (first + n as u64, theirs))
    }

    /// How many changes came from outside, those that are not kept any more included.
    pub fn outside(&self) -> u64 {
        self.outside
    }

    /// How many another program made that shares the journal.
    pub fn others(&self) -> u64 {
        self.others
    }

    /// The last change of a row, within [`Self::MARKED`] of `now`.
    pub fn on(
        &self,
        service: &ServiceKey,
        server: Option<&ServerKey>,
        now: Moment,
    ) -> Option<&Theirs> {
        let theirs = self.rows.get(&(*service, server.copied()))?;
        (theirs.at <= now && now.since(theirs.at) <= Self::MARKED).then_some(theirs)
    }

    /// Every server whose weight flaps at `now`, in the order of the table.
    pub fn flapping(&self, now: Moment) -> Vec<(ServiceKey, ServerKey, Flap)> {
        self.flaps.all(now)
    }

    /// How a server's weight flaps at `now`.
    pub fn flap(&self, service: &ServiceKey, server: &ServerKey, now: Moment) -> Option<Flap> {
        self.flaps.of(service, server, now)
    }
}
