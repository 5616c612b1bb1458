//! `rr` and `wrr`: in turn.

use super::{Pool, Request, Scheduler, gcd};
use crate::kernel::sim::dest::{Dest, DestId};
use crate::kernel::sim::random::Random;

/// Round robin. The weight only says whether a destination takes part.
#[derive(Default)]
pub(super) struct Rr {
    /// The last choice; `None` stands at the head of the list.
    last: Option<DestId>,
}

impl Scheduler for Rr {
    fn leaving(&mut self, id: DestId, pool: Pool<'_>) {
        if self.last == Some(id) {
            let before = pool.position(id).and_then(|at| at.checked_sub(1));
            self.last = before.and_then(|at| pool.order.get(at)).copied();
        }
    }

    fn choose(&mut self, pool: Pool<'_>, _: &Request, _: &mut Random) -> Option<DestId> {
        let start = self.last.and_then(|id| pool.position(id)).map_or(0, |at| at + 1);
        let mut circle = pool.iter().skip(start).chain(pool.iter().take(start));
        let chosen = circle.find(|dest| dest.takes_new())?.id;
        self.last = Some(chosen);
        Some(chosen)
    }
}

/// Weighted round robin. The threshold of a pass falls from the highest weight by the greatest
/// common divisor of all, so that a pass takes every destination whose weight reaches it.
#[derive(Default)]
pub(super) struct Wrr {
    last: Option<DestId>,
    threshold: i64,
    highest: i64,
    step: i64,
}

impl Scheduler for Wrr {
    fn changed(&mut self, pool: Pool<'_>) {
        let weights = || pool.iter().map(|dest| dest.server.weight);
        self.last = None;
        self.step = i64::from(weights().fold(0, gcd).max(1));
        self.highest = i64::from(weights().max().unwrap_or(0)) - (self.step - 1);
        if self.threshold > self.highest || self.threshold == 0 {
            self.threshold = self.highest;
        } else if self.step > 1 {
            self.threshold = self.threshold / self.step * self.step + 1;
        }
    }

    fn choose(&mut self, pool: Pool<'_>, _: &Request, _: &mut Random) -> Option<DestId> {
        // Without this the passes below could go on for as many rounds as the weight is high.
        let best = pool.iter().filter(|dest| dest.takes_new()).map(|d| d.server.weight).max()?;
        let mut start = self.last.and_then(|id| pool.position(id)).map_or(0, |at| at + 1);
        loop {
            let fits =
                |dest: &&Dest| dest.takes_new() && i64::from(dest.server.weight) >= self.threshold;
            if let Some(dest) = pool.iter().skip(start).find(fits) {
                self.last = Some(dest.id);
                return self.last;
            }
            start = 0;
            self.threshold -= self.step;
            if self.threshold <= 0 {
                self.threshold = self.highest;
            }
            // Passes above the best available weight choose nobody.
            if self.threshold > i64::from(best) {
                let above = self.threshold - i64::from(best);
                self.threshold -= (above + self.step - 1) / self.step * self.step;
            }
        }
    }
}
