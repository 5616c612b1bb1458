//! `mh`: Maglev hashing (Eisenbud and others, NSDI 2016).
//!
//! Every destination prefers the slots in an order of its own; they take turns in claiming the
//! next free one, as many at a time as the weight says. So a change moves few clients.

use super::{Pool, Request, Scheduler, fold, gcd};
use crate::ipvs::ServiceFlags;
use crate::kernel::sim::dest::{Dest, DestId};
use crate::kernel::sim::random::Random;

/// Slots: the kernel's prime for its default `CONFIG_IP_VS_MH_TAB_INDEX` of 12.
pub(super) const SIZE: usize = 4_093;

/// Turns are scaled down to this many bits.
const TURN_BITS: u32 = 6;

/// Keys of the two hashes, the same in every kernel.
const OFFSET_KEY: u64 = 2_654_435_761;
const SKIP_KEY: u64 = 2_654_446_892;

/// The table is built from the last weight that was not 0, so that draining moves nobody but the
/// clients of the drained destination.
#[derive(Default)]
pub(super) struct Mh {
    slots: Vec<Option<DestId>>,
}

/// One destination while the table is dealt.
struct Claimant {
    id: DestId,
    next: usize,
    skip: usize,
    turns: u32,
}

fn claimants(pool: Pool<'_>) -> Vec<Claimant> {
    let divisor = pool.iter().map(|dest| dest.last_weight).fold(0, gcd);
    let highest = pool.iter().map(|dest| dest.last_weight).max().unwrap_or(0);
    if divisor == 0 {
        return Vec::new();
    }
    let shift = (u32::BITS - (highest / divisor).leading_zeros()).saturating_sub(TURN_BITS);
    let claimant = |dest: &Dest| {
        let key = dest.server.key;
        let hash = |secret| hash(key.port, fold(key.addr), 0, secret) as usize;
        Claimant {
            id: dest.id,
            next: hash(OFFSET_KEY) % SIZE,
            skip: hash(SKIP_KEY) % (SIZE - 1) + 1,
            turns: ((dest.last_weight / divisor) >> shift).max(1),
        }
    };
    pool.iter().filter(|dest| dest.last_weight > 0).map(claimant).collect()
}

fn deal(mut claimants: Vec<Claimant>) -> Vec<Option<DestId>> {
    let mut slots = vec![None; SIZE];
    let mut left = if claimants.is_empty() { 0 } else { SIZE };
    while left > 0 {
        for claimant in &mut claimants {
            for _ in 0..claimant.turns.min(left as u32) {
                while slots.get(claimant.next).copied().flatten().is_some() {
                    claimant.next = (claimant.next + claimant.skip) % SIZE;
                }
                if let Some(slot) = slots.get_mut(claimant.next) {
                    *slot = Some(claimant.id);
                }
                left -= 1;
            }
        }
    }
    slots
}

impl Mh {
    fn at<'a>(&self, pool: Pool<'a>, slot: usize) -> Option<&'a Dest> {
        pool.dests.get(self.slots.get(slot).copied().flatten()?)
    }
}

impl Scheduler for Mh {
    fn changed(&mut self, pool: Pool<'_>) {
        self.slots = deal(claimants(pool));
    }

    fn choose(&mut self, pool: Pool<'_>, request: &Request, _: &mut Random) -> Option<DestId> {
        let with_port = request.flags.contains(ServiceFlags::SCHED2);
        let port = if with_port { request.client_port } else { 0 };
        let slot =
            |more: usize| hash(port, fold(request.client), more as u32, OFFSET_KEY) as usize % SIZE;
        let first = slot(0);
        let dest = self.at(pool, first)?;
        if dest.takes_new() {
            return Some(dest.id);
        }
        if !request.flags.contains(ServiceFlags::SCHED1) {
            return None;
        }
        let others = (0..SIZE).map_while(|step| self.at(pool, slot((step + first) % SIZE)));
        others.into_iter().find(|dest| dest.takes_new()).map(|dest| dest.id)
    }
}

fn hash(port: u16, addr: u32, more: u32, key: u64) -> u32 {
    siphash_1_3(more.wrapping_add(u32::from(port)).wrapping_add(addr), key)
}

/// SipHash-1-3 of one 32-bit word, cut to 32 bits; both halves of the key are `key`. That is what
/// `hsiphash` is on 64-bit machines.
fn siphash_1_3(word: u32, key: u64) -> u32 {
    let mut v = [
        key ^ 0x736f_6d65_7073_6575,
        key ^ 0x646f_7261_6e64_6f6d,
        key ^ 0x6c79_6765_6e65_7261,
        key ^ 0x7465_6462_7974_6573,
    ];
    let block = (4 << 56) | u64::from(word);
    let round = |[mut a, mut b, mut c, mut d]: [u64; 4]| {
        a = a.wrapping_add(b);
        b = b.rotate_left(13) ^ a;
        a = a.rotate_left(32);
        c = c.wrapping_add(d);
        d = d.rotate_left(16) ^ c;
        a = a.wrapping_add(d);
        d = d.rotate_left(21) ^ a;
        c = c.wrapping_add(b);
        b = b.rotate_left(17) ^ c;
        c = c.rotate_left(32);
        [a, b, c, d]
    };
    let [a, b, c, d] = v;
    v = round([a, b, c, d ^ block]);
    let [a, b, c, d] = v;
    v = round(round(round([a ^ block, b, c ^ 0xff, d])));
    v.into_iter().fold(0, |folded, part| folded ^ part) as u32
}

#[cfg(test)]
mod tests {
    use std::hash::Hasher;

    /// The standard library's hasher is SipHash-1-3 with keys of zero.
    #[test]
    fn the_hash_is_siphash_1_3() {
        for word in [0, 7, u32::MAX] {
            let mut reference = std::collections::hash_map::DefaultHasher::new();
            reference.write(&word.to_le_bytes());
            assert_eq!(super::siphash_1_3(word, 0), reference.finish() as u32);
        }
    }
}
