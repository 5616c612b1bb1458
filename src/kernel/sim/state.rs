//! The simulated kernel: what one network namespace of IPVS holds, and the timers that run by
//! themselves.

use std::collections::BTreeMap;

use super::Ms;
use super::conn::ConnId;
use super::dest::{DestId, Dests, VirtualService};
use super::meter::{self, Meter};
use super::random::Random;
use super::table::Table;
use super::tunables::Tunables;
use crate::ipvs::{Daemon, Info, ServiceKey, Timeouts};

/// How long a deleted destination stays in the trash unreferenced (`IP_VS_DEST_TRASH_PERIOD`),
/// and how often that is looked at, in milliseconds.
const TRASH_IDLE: Ms = 120_000;
const TRASH_CHECK: Ms = 60_000;

/// What `conn_tab_bits` gives by default.
pub(super) const BUCKETS: u32 = 4_096;

/// Everything.
pub(super) struct Kernel {
    pub(super) now: Ms,
    pub(super) services: BTreeMap<ServiceKey, VirtualService>,
    pub(super) dests: Dests,
    /// Deleted destinations, the newest first. They wait for a re-add or for their connections.
    pub(super) trash: Vec<DestId>,
    pub(super) conns: Table,
    pub(super) totals: Meter,
    pub(super) timeouts: Timeouts,
    pub(super) daemons: Vec<Daemon>,
    pub(super) tunables: Tunables,
    pub(super) random: Random,
    /// Seeds the hash that orders the connection table.
    pub(super) salt: u64,
    pub(super) services_made: u64,
    next_estimate: Ms,
    next_trash_check: Option<Ms>,
}

impl Kernel {
    /// A freshly loaded module.
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self {
            now: 0,
            services: BTreeMap::new(),
            dests: Dests::default(),
            trash: Vec::new(),
            conns: Table::default(),
            totals: Meter::default(),
            timeouts: Timeouts { tcp: 900, tcp_fin: 120, udp: 300 },
            daemons: Vec::new(),
            tunables: Tunables::default(),
            salt: random.next(),
            random,
            services_made: 0,
            next_estimate: meter::PERIOD,
            next_trash_check: None,
        }
    }

    pub(super) fn info(&self) -> Info {
        Info { version: 0x01_02_01, conn_tab_size: BUCKETS }
    }

    /// Lets time pass until `until`: connections end, counters are copied, the trash is emptied.
    pub(super) fn run_until(&mut self, until: Ms) {
        loop {
            let timers = [self.conns.next_due(), Some(self.next_estimate), self.next_trash_check];
            let Some(due) = timers.into_iter().flatten().min().filter(|due| *due <= until) else {
                break;
            };
            self.now = self.now.max(due);
            while let Some(ended) = self.conns.expired(self.now) {
                if let Some(id) = ended {
                    self.timer_ended(id);
                }
            }
            if self.next_estimate <= self.now {
                self.next_estimate += meter::PERIOD;
                self.estimate();
            }
            if self.next_trash_check.is_some_and(|due| due <= self.now) {
                self.check_trash();
            }
        }
        self.now = self.now.max(until);
    }

    /// A connection ends; a template that still has connections gets another minute
    /// (`ip_vs_conn_expire`).
    fn timer_ended(&mut self, id: ConnId) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        if conn.children > 0 {
            conn.timeout = 60_000;
            // The event just taken was the entry's only one.
            conn.armed = Ms::MAX;
            self.conns.restart(id, self.now);
        } else {
            self.end(id);
        }
    }

    fn estimate(&mut self) {
        if !self.tunables.run_estimation {
            return;
        }
        self.totals.estimate();
        for service in self.services.values_mut() {
            service.meter.estimate();
        }
        for dest in self.dests.iter_mut().filter(|dest| dest.available) {
            dest.meter.estimate();
        }
    }

    /// Throws `id` away once nothing refers to it.
    pub(super) fn discard(&mut self, id: DestId) {
        self.trash.insert(0, id);
        self.next_trash_check.get_or_insert(self.now + TRASH_CHECK);
    }

    fn check_trash(&mut self) {
        let (now, dests) = (self.now, &mut self.dests);
        self.trash.retain(|id| {
            let Some(dest) = dests.get_mut(*id) else { return false };
            if dest.referenced() {
                return true;
            }
            let idle = now - *dest.idle_since.get_or_insert(now);
            if idle >= TRASH_IDLE {
                dests.remove(*id);
            }
            idle < TRASH_IDLE
        });
        self.next_trash_check = (!self.trash.is_empty()).then_some(now + TRASH_CHECK);
    }

    /// Makes every total `factor` times as large, as if the director had run for longer.
    pub(super) fn age(&mut self, factor: u64) {
        self.totals.age(factor);
        for service in self.services.values_mut() {
            service.meter.age(factor);
        }
        for dest in self.dests.iter_mut() {
            dest.meter.age(factor);
        }
    }
}
