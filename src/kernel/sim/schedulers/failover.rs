//! `fo` and `ovf`: the highest weight first.

use super::{Pool, Request, Scheduler};
use crate::kernel::sim::dest::{Dest, DestId};
use crate::kernel::sim::random::Random;

/// The highest weight, the first of equals.
fn highest<'a>(dests: impl Iterator<Item = &'a Dest>) -> Option<DestId> {
    let higher = |best: &'a Dest, dest: &'a Dest| {
        if dest.server.weight > best.server.weight { dest } else { best }
    };
    dests.filter(|dest| dest.takes_new()).reduce(higher).map(|dest| dest.id)
}

/// Weighted failover: the highest weight takes everything.
pub(super) struct Fo;

impl Scheduler for Fo {
    fn choose(&mut self, pool: Pool<'_>, _: &Request, _: &mut Random) -> Option<DestId> {
        highest(pool.iter())
    }
}

/// Weighted overflow: the weight is also the number of active connections a destination may
/// have before the next takes over.
pub(super) struct Ovf;

impl Scheduler for Ovf {
    fn choose(&mut self, pool: Pool<'_>, _: &Request, _: &mut Random) -> Option<DestId> {
        highest(pool.iter().filter(|dest| dest.active_shown() <= dest.server.weight))
    }
}
