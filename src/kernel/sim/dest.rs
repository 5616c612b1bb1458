//! The simulated kernel's own view of services and real servers (its "destinations").

use super::Ms;
use super::meter::Meter;
use super::schedulers::Scheduler;
use crate::ipvs::{Server, Service, ServiceKey};

/// Names a destination for as long as it is in a service, in the trash, or in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct DestId(u32);

/// Connections that are counted but not held one by one; see [`super::bulk`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Crowd {
    pub(super) active: u32,
    pub(super) inactive: u32,
}

/// A real server as the kernel keeps it.
#[derive(Debug)]
pub(super) struct Dest {
    pub(super) id: DestId,
    /// The service it was added to. A re-add to the same key finds it in the trash.
    pub(super) service: ServiceKey,
    /// Which incarnation of that service. Statistics restart when it is another one.
    pub(super) owner: u64,
    pub(super) server: Server,
    /// The last weight that was not 0; `mh` builds its table from it.
    pub(super) last_weight: u32,
    /// In its service's list, and not in the trash.
    pub(super) available: bool,
    /// `IP_VS_DEST_F_OVERLOAD`, which no read shows.
    pub(super) overloaded: bool,
    pub(super) active: u32,
    pub(super) inactive: u32,
    pub(super) persistent: u32,
    pub(super) crowd: Crowd,
    pub(super) meter: Meter,
    /// Since when it lies unreferenced in the trash.
    pub(super) idle_since: Option<Ms>,
}

impl Dest {
    pub(super) fn new(id: DestId, service: ServiceKey, owner: u64, server: Server) -> Self {
        Self {
            id,
            service,
            owner,
            last_weight: server.weight,
            server,
            available: true,
            overloaded: false,
            active: 0,
            inactive: 0,
            persistent: 0,
            crowd: Crowd::default(),
            meter: Meter::default(),
            idle_since: None,
        }
    }

    pub(super) fn active_shown(&self) -> u32 {
        self.active.saturating_add(self.crowd.active)
    }

    pub(super) fn inactive_shown(&self) -> u32 {
        self.inactive.saturating_add(self.crowd.inactive)
    }

    /// What the thresholds compare: active and inactive connections together.
    pub(super) fn total(&self) -> u64 {
        u64::from(self.active_shown()) + u64::from(self.inactive_shown())
    }

    /// Whether connections or templates still hold it.
    pub(super) fn referenced(&self) -> bool {
        self.total() > 0 || self.persistent > 0
    }

    /// `ip_vs_dest_conn_overhead`: an active connection costs as much as 256 inactive ones.
    pub(super) fn overhead(&self) -> u64 {
        (u64::from(self.active_shown()) << 8) + u64::from(self.inactive_shown())
    }

    /// Takes new connections: neither quiesced nor overloaded.
    pub(super) fn takes_new(&self) -> bool {
        self.server.weight > 0 && !self.overloaded
    }

    /// A connection was bound to it. The flag is only ever set here (`ip_vs_bind_dest`, 6.1).
    pub(super) fn bound(&mut self) {
        let upper = u64::from(self.server.upper_threshold);
        if upper != 0 && self.total() >= upper {
            self.overloaded = true;
        }
    }

    /// A connection left it (`ip_vs_unbind_dest`).
    pub(super) fn unbound(&mut self) {
        let (upper, lower) = (self.server.upper_threshold, self.server.lower_threshold);
        let relieved = match (lower, upper) {
            (0, 0) => true,
            (0, upper) => self.total() * 4 < u64::from(upper) * 3,
            (lower, _) => self.total() < u64::from(lower),
        };
        if relieved {
            self.overloaded = false;
        }
    }

    /// Replaces its configuration (`__ip_vs_update_dest`). Raising or lifting the upper
    /// threshold clears the overload; no edit sets it (6.1).
    pub(super) fn configure(&mut self, server: &Server) {
        let upper = server.upper_threshold;
        if upper == 0 || upper > self.server.upper_threshold {
            self.overloaded = false;
        }
        if server.weight > 0 {
            self.last_weight = server.weight;
        }
        self.server = server.clone();
    }
}

/// All destinations, those in the trash included.
#[derive(Debug, Default)]
pub(super) struct Dests {
    slots: Vec<Option<Dest>>,
    free: Vec<u32>,
}

impl Dests {
    pub(super) fn get(&self, id: DestId) -> Option<&Dest> {
        self.slots.get(id.0 as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: DestId) -> Option<&mut Dest> {
        self.slots.get_mut(id.0 as usize)?.as_mut()
    }

    pub(super) fn add(&mut self, service: ServiceKey, owner: u64, server: Server) -> DestId {
        let index = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            (self.slots.len() - 1) as u32
        });
        let id = DestId(index);
        if let Some(slot) = self.slots.get_mut(index as usize) {
            *slot = Some(Dest::new(id, service, owner, server));
        }
        id
    }

    pub(super) fn remove(&mut self, id: DestId) {
        if let Some(slot) = self.slots.get_mut(id.0 as usize)
            && slot.take().is_some()
        {
            self.free.push(id.0);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Dest> {
        self.slots.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Dest> {
        self.slots.iter_mut().flatten()
    }
}

/// A virtual service as the kernel keeps it.
pub(super) struct VirtualService {
    /// Which incarnation: a service that is deleted and added again is another one.
    pub(super) id: u64,
    pub(super) config: Service,
    /// Its destinations, the newest first: the kernel adds at the head of the list.
    pub(super) dests: Vec<DestId>,
    /// `None` for a service without a scheduler, which refuses every new connection.
    pub(super) scheduler: Option<Box<dyn Scheduler>>,
    pub(super) meter: Meter,
}
