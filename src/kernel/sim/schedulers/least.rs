//! `lc`, `wlc`, `sed` and `nq`: by the connections that each destination has.

use super::{Pool, Request, Scheduler};
use crate::kernel::sim::dest::{Dest, DestId};
use crate::kernel::sim::random::Random;

/// The destination with the least `load` for its weight, the first of equals. `load` / weight is
/// compared without dividing, as in the kernel.
pub(super) fn least_for_weight<'a>(
    dests: impl Iterator<Item = &'a Dest>,
    load: impl Fn(&Dest) -> u64,
) -> Option<&'a Dest> {
    let product = |dest: &Dest, weight: u32| u128::from(load(dest)) * u128::from(weight);
    dests.filter(|dest| dest.takes_new()).reduce(|least, dest| {
        if product(least, dest.server.weight) > product(dest, least.server.weight) {
            dest
        } else {
            least
        }
    })
}

/// `ip_vs_sed.c`: the connection to come counts already.
fn expected_delay(dest: &Dest) -> u64 {
    u64::from(dest.active_shown()) + 1
}

/// Least connections; the weight only says whether a destination takes part.
pub(super) struct Lc;

impl Scheduler for Lc {
    fn choose(&mut self, pool: Pool<'_>, _: &Request, _: &mut Random) -> Option<DestId> {
        pool.iter().filter(|dest| dest.takes_new()).min_by_key(|dest| dest.overhead()).map(|d| d.id)
    }
}

/// Weighted least connections.
pub(super) struct Wlc;

impl Scheduler for Wlc {
    fn choose(&mut self, pool: Pool<'_>, _: &Request, _: &mut Random) -> Option<DestId> {
        least_for_weight(pool.iter(), Dest::overhead).map(|dest| dest.id)
    }
}

/// Shortest expected delay.
pub(super) struct Sed;

impl Scheduler for Sed {
    fn choose(&mut self, pool: Pool<'_>, _: &Request, _: &mut Random) -> Option<DestId> {
        least_for_weight(pool.iter(), expected_delay).map(|dest| dest.id)
    }
}

/// Never queue: the first idle destination, else the shortest expected delay.
pub(super) struct Nq;

impl Scheduler for Nq {
    fn choose(&mut self, pool: Pool<'_>, _: &Request, _: &mut Random) -> Option<DestId> {
        let idle = pool.iter().find(|dest| dest.takes_new() && dest.active_shown() == 0);
        idle.or_else(|| least_for_weight(pool.iter(), expected_delay)).map(|dest| dest.id)
    }
}
