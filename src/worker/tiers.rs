//! What the next poll shall bring. A small table is read whole; of a large one, every tick brings
//! weights and connections of all from `/proc`, counters of what is on the screen, and the
//! counters of the others in turn.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ipvs::ServiceKey;
use crate::kernel::Want;
use crate::snapshot::Snapshot;

/// Up to this many real servers the whole table is read every tick: some 10 ms of CPU.
const SMALL: usize = 1_000;
/// In a large table every service's counters are read anew within this time.
const ROUND: Duration = Duration::from_secs(20);
/// Timeouts, daemons and sysctls are read anew after this time.
const SURROUNDINGS: Duration = Duration::from_secs(10);

/// The tiers of polling.
pub(super) struct Tiers {
    interval: Duration,
    large: bool,
    all: Vec<ServiceKey>,
    visible: BTreeSet<ServiceKey>,
    followed: BTreeSet<ServiceKey>,
    /// Where in `all` the rotation is.
    turn: usize,
    /// Ticks until the surroundings are read again.
    surroundings_in: u32,
    everything: bool,
}

impl Tiers {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            large: false,
            all: Vec::new(),
            visible: BTreeSet::new(),
            followed: BTreeSet::new(),
            turn: 0,
            surroundings_in: 0,
            everything: true,
        }
    }

    /// The services that are on the screen.
    pub(super) fn visible(&mut self, keys: BTreeSet<ServiceKey>) {
        self.visible = keys;
    }

    /// The services that have drained servers.
    pub(super) fn followed(&mut self, keys: BTreeSet<ServiceKey>) {
        self.followed = keys;
    }

    /// The next poll shall bring everything.
    pub(super) fn everything_next(&mut self) {
        self.everything = true;
    }

    /// Learns from a poll how large the table is.
    pub(super) fn saw(&mut self, snapshot: &Snapshot) {
        let servers: usize = snapshot.services.iter().map(|s| s.servers.len()).sum();
        self.large = servers > SMALL;
        self.all.clear();
        if self.large {
            self.all.extend(snapshot.services.iter().map(|s| s.service.key));
        }
    }

    /// What the next poll shall bring.
    pub(super) fn want(&mut self) -> Want {
        let surroundings = self.everything || self.surroundings_in == 0;
        let ticks = |time: Duration| time.as_millis() / self.interval.as_millis().max(1);
        self.surroundings_in = if surroundings {
            u32::try_from(ticks(SURROUNDINGS)).unwrap_or(0)
        } else {
            self.surroundings_in - 1
        };
        if !self.large || std::mem::take(&mut self.everything) {
            return Want { detail: None, surroundings };
        }
        let rounds = usize::try_from(ticks(ROUND)).unwrap_or(1).max(1);
        let share = self.all.len().div_ceil(rounds);
        let mut detail = self.visible.clone();
        detail.extend(&self.followed);
        detail.extend(self.all.iter().cycle().skip(self.turn).take(share));
        self.turn = (self.turn + share) % self.all.len().max(1);
        Want { detail: Some(detail), surroundings }
    }
}
