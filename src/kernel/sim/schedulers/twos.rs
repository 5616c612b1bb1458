//! `twos`: of two random destinations the less loaded one.

use super::{Pool, Request, Scheduler};
use crate::kernel::sim::dest::{Dest, DestId};
use crate::kernel::sim::random::Random;

/// Power of two choices. The draws run from 0 to the sum of weights inclusive, and all products
/// are the kernel's 32-bit ones, which huge weights overflow.
pub(super) struct Twos;

fn draw<'a>(pool: Pool<'a>, sum: i32, random: &mut Random) -> Option<&'a Dest> {
    let limit = u64::from(sum.wrapping_add(1).cast_unsigned().max(1));
    let mut left = random.below(limit) as i32;
    pool.iter().filter(|dest| dest.takes_new()).find(|dest| {
        left = left.wrapping_sub(dest.server.weight.cast_signed());
        left <= 0
    })
}

impl Scheduler for Twos {
    fn choose(&mut self, pool: Pool<'_>, _: &Request, random: &mut Random) -> Option<DestId> {
        let weight = |dest: &Dest| dest.server.weight.cast_signed();
        let open = || pool.iter().filter(|dest| dest.takes_new());
        let last = open().last()?;
        let sum = open().fold(0i32, |sum, dest| sum.wrapping_add(weight(dest)));
        let one = draw(pool, sum, random).unwrap_or(last);
        let Some(two) = draw(pool, sum, random) else { return Some(one.id) };
        let cross = |w: &Dest, load: &Dest| weight(w).wrapping_mul(load.overhead() as i32);
        let better = cross(two, one) > cross(one, two);
        Some(if better { two.id } else { one.id })
    }
}
