//! The kernel's schedulers, by their algorithms (`net/netfilter/ipvs/ip_vs_*.c`, 6.1).
//!
//! What each does with weight 0, with the overload flag and with clients follows the kernel. The
//! hashes of `sh`, `dh` and `mh` are the kernel's own on 64-bit machines, constants included.

mod failover;
mod hash;
mod least;
mod locality;
mod maglev;
mod round;
#[cfg(test)]
mod tests;
mod twos;

use std::net::IpAddr;

use rustix::io::Errno;

use super::Ms;
use super::dest::{Dest, DestId, Dests};
use super::random::Random;
use crate::ipvs::ServiceFlags;

/// The destinations of one service, in the kernel's list order.
#[derive(Clone, Copy)]
pub(super) struct Pool<'a> {
    pub(super) order: &'a [DestId],
    pub(super) dests: &'a Dests,
}

impl<'a> Pool<'a> {
    pub(super) fn iter(self) -> impl Iterator<Item = &'a Dest> {
        self.order.iter().filter_map(move |id| self.dests.get(*id))
    }

    /// The destination `id`, if it is one of this service.
    fn get(self, id: DestId) -> Option<&'a Dest> {
        self.order.contains(&id).then(|| self.dests.get(id)).flatten()
    }

    /// Where `id` stands in the list.
    fn position(self, id: DestId) -> Option<usize> {
        self.order.iter().position(|other| *other == id)
    }
}

/// What a scheduler may look at when a client comes.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub(super) client: IpAddr,
    pub(super) client_port: u16,
    /// The address that the client asked for.
    pub(super) virtual_addr: IpAddr,
    /// The service's flags; three bits of them are the scheduler's.
    pub(super) flags: ServiceFlags,
    pub(super) now: Ms,
    /// `lblcr_expiration`, in milliseconds.
    pub(super) lblcr_expiration: Ms,
}

/// Chooses a destination for each new connection of one service.
pub(super) trait Scheduler: Send {
    /// A destination was added, edited or removed; `pool` is the list after it.
    fn changed(&mut self, _pool: Pool<'_>) {}

    /// `id` is about to leave the list; `pool` still has it.
    fn leaving(&mut self, _id: DestId, _pool: Pool<'_>) {}

    /// The destination for a new connection; `None` refuses it.
    fn choose(&mut self, pool: Pool<'_>, request: &Request, random: &mut Random) -> Option<DestId>;
}

/// Binds the scheduler `name` to a service with the destinations of `pool`. The kernel's word
/// `none` gives no scheduler; `mh` takes at most 4,093 destinations.
pub(super) fn bind(name: &str, pool: Pool<'_>) -> Result<Option<Box<dyn Scheduler>>, Errno> {
    let mut scheduler: Box<dyn Scheduler> = match name {
        "none" => return Ok(None),
        "rr" => Box::new(round::Rr::default()),
        "wrr" => Box::new(round::Wrr::default()),
        "lc" => Box::new(least::Lc),
        "wlc" => Box::new(least::Wlc),
        "sed" => Box::new(least::Sed),
        "nq" => Box::new(least::Nq),
        "lblc" => Box::new(locality::Lblc::default()),
        "lblcr" => Box::new(locality::Lblcr::default()),
        "dh" => Box::new(hash::Dh::default()),
        "sh" => Box::new(hash::Sh::default()),
        "mh" if pool.order.len() > maglev::SIZE => return Err(Errno::INVAL),
        "mh" => Box::new(maglev::Mh::default()),
        "fo" => Box::new(failover::Fo),
        "ovf" => Box::new(failover::Ovf),
        "twos" => Box::new(twos::Twos),
        _ => return Err(Errno::NOENT),
    };
    scheduler.changed(pool);
    Ok(Some(scheduler))
}

/// The address as the 32-bit number that the hashing schedulers start from; the four words of an
/// IPv6 address are folded by exclusive or.
fn fold(addr: IpAddr) -> u32 {
    match addr {
        IpAddr::V4(addr) => addr.to_bits(),
        IpAddr::V6(addr) => {
            let bits = addr.to_bits();
            (0..4).fold(0, |folded, word| folded ^ (bits >> (32 * word)) as u32)
        }
    }
}

/// The kernel's `hash_32`: multiplication by the golden ratio, the upper `bits` of the product.
fn hash_32(value: u32, bits: u32) -> u32 {
    value.wrapping_mul(0x61c8_8647) >> (32 - bits)
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}
