//! `dh` and `sh`: 256 slots, chosen by a hash of an address.

use super::{Pool, Request, Scheduler, fold, hash_32};
use crate::ipvs::ServiceFlags;
use crate::kernel::sim::dest::{Dest, DestId};
use crate::kernel::sim::random::Random;

const BITS: u32 = 8;
const SLOTS: usize = 1 << BITS;

/// Destination hashing. The slots are dealt in list order, whatever the weight, and a slot whose
/// destination takes no connections refuses them.
#[derive(Default)]
pub(super) struct Dh {
    slots: Vec<DestId>,
}

impl Scheduler for Dh {
    fn changed(&mut self, pool: Pool<'_>) {
        self.slots = pool.order.iter().copied().cycle().take(SLOTS).collect();
    }

    fn choose(&mut self, pool: Pool<'_>, request: &Request, _: &mut Random) -> Option<DestId> {
        let slot = hash_32(fold(request.virtual_addr), BITS) as usize;
        let dest = pool.dests.get(*self.slots.get(slot)?)?;
        dest.takes_new().then_some(dest.id)
    }
}

/// Source hashing. A destination fills as many neighbouring slots as its weight says, but never
/// none, so one with weight 0 keeps a slot in each round; once all 256 are dealt, later
/// destinations get nothing.
#[derive(Default)]
pub(super) struct Sh {
    slots: Vec<DestId>,
}

impl Sh {
    fn at<'a>(&self, pool: Pool<'a>, slot: usize) -> Option<&'a Dest> {
        pool.dests.get(*self.slots.get(slot % SLOTS)?)
    }
}

impl Scheduler for Sh {
    fn changed(&mut self, pool: Pool<'_>) {
        let shares = pool
            .iter()
            .map(|dest| (dest.id, (dest.server.weight as usize).clamp(1, SLOTS)))
            .collect::<Vec<_>>();
        let round = shares.iter().flat_map(|(id, share)| std::iter::repeat_n(*id, *share));
        self.slots = round.cycle().take(SLOTS).collect();
    }

    fn choose(&mut self, pool: Pool<'_>, request: &Request, _: &mut Random) -> Option<DestId> {
        let with_port = request.flags.contains(ServiceFlags::SCHED2);
        let port = if with_port { u32::from(request.client_port) } else { 0 };
        let slot = hash_32(port.wrapping_add(fold(request.client)), BITS) as usize;
        let dest = self.at(pool, slot)?;
        if dest.takes_new() {
            return Some(dest.id);
        }
        if !request.flags.contains(ServiceFlags::SCHED1) {
            return None;
        }
        // The fallback starts at twice the slot's number and walks the whole circle from there.
        let circle = (0..SLOTS).filter_map(|step| self.at(pool, slot + slot + step));
        circle.into_iter().find(|dest| dest.takes_new()).map(|dest| dest.id)
    }
}
