//! `lblc` and `lblcr`: by the address that the client asked for, for farms of caches.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::least::least_for_weight;
use super::{Pool, Request, Scheduler};
use crate::kernel::sim::Ms;
use crate::kernel::sim::dest::{Dest, DestId};
use crate::kernel::sim::random::Random;

/// Whether `dest` has more active connections than its weight while another destination has
/// fewer than half of its own.
fn overloaded(dest: &Dest, pool: Pool<'_>) -> bool {
    let active = |dest: &Dest| u64::from(dest.active_shown());
    active(dest) > u64::from(dest.server.weight)
        && pool.iter().any(|other| active(other) * 2 < u64::from(other.server.weight))
}

/// Locality-based least connections: one destination an address.
#[derive(Default)]
pub(super) struct Lblc {
    cache: BTreeMap<IpAddr, DestId>,
}

impl Scheduler for Lblc {
    fn choose(&mut self, pool: Pool<'_>, request: &Request, _: &mut Random) -> Option<DestId> {
        let cached = self.cache.get(&request.virtual_addr).and_then(|id| pool.get(*id));
        if let Some(dest) = cached
            && dest.server.weight > 0
            && !overloaded(dest, pool)
        {
            return Some(dest.id);
        }
        let chosen = least_for_weight(pool.iter(), Dest::overhead)?.id;
        self.cache.insert(request.virtual_addr, chosen);
        Some(chosen)
    }
}

/// Locality-based least connections with replication: a set of destinations an address, which
/// grows while its members are overloaded and shrinks by one each `lblcr_expiration`.
#[derive(Default)]
pub(super) struct Lblcr {
    cache: BTreeMap<IpAddr, Set>,
}

struct Set {
    members: Vec<DestId>,
    modified: Ms,
}

impl Set {
    fn insert(&mut self, id: DestId, now: Ms) {
        if !self.members.contains(&id) {
            self.members.push(id);
            self.modified = now;
        }
    }

    /// Drops the member with the highest load for its weight.
    fn shrink(&mut self, pool: Pool<'_>, now: Ms) {
        let weighing = self.members.iter().filter_map(|id| pool.get(*id));
        let most = weighing.filter(|dest| dest.server.weight > 0).reduce(|most, dest| {
            let product =
                |load: &Dest, w: &Dest| u128::from(load.overhead()) * u128::from(w.server.weight);
            if product(most, dest) < product(dest, most) { dest } else { most }
        });
        if let Some(most) = most {
            self.members.retain(|id| *id != most.id);
            self.modified = now;
        }
    }
}

impl Scheduler for Lblcr {
    fn choose(&mut self, pool: Pool<'_>, request: &Request, _: &mut Random) -> Option<DestId> {
        let now = request.now;
        let empty = || Set { members: Vec::new(), modified: now };
        let set = self.cache.entry(request.virtual_addr).or_insert_with(empty);
        let members = set.members.iter().filter_map(|id| pool.get(*id)).collect::<Vec<_>>();
        let least = least_for_weight(members.into_iter(), Dest::overhead);
        if set.members.len() > 1 && now > set.modified + request.lblcr_expiration {
            set.shrink(pool, now);
        }
        if let Some(dest) = least.filter(|dest| !overloaded(dest, pool)) {
            return Some(dest.id);
        }
        let chosen = least_for_weight(pool.iter(), Dest::overhead)?.id;
        set.insert(chosen, now);
        Some(chosen)
    }
}
