//! What rows of the connection table have in common: a lane is a service, a server of it, and
//! whether the rows are templates. There are few lanes and many rows.

use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;
use std::net::IpAddr;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::ipvs::{Family, Protocol, ServerKey, ServiceKey, Target};
use crate::kernel::proc::conn::ConnRow;
use crate::snapshot::Snapshot;

/// A server in a service.
pub type Place = (ServiceKey, ServerKey);

/// FTP's control port. The kernel lets connections from other ports, to the data port or above
/// 1023, follow a client of that service (`ip_vs_service_find`), and its template has port 0.
const FTP: u16 = 21;
const FTP_DATA: u16 = 20;
const UNPRIVILEGED: u16 = 1_024;

/// The port of a template that no client will find any more.
const INVALIDATED: u16 = 0xFFFF;

/// What a row has in common with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// Transport protocol; `IP` (0) for templates of fwmark services.
    pub protocol: Protocol,
    /// What was asked for.
    pub target: Target,
    /// The real server it was given.
    pub server: ServerKey,
    /// The client's family, which is the service's.
    pub family: Family,
    /// Whether these are persistence templates.
    pub template: bool,
}

impl Lane {
    /// That of a row.
    pub fn of(row: &ConnRow<'_>) -> Self {
        Self {
            protocol: row.protocol,
            target: row.target,
            server: row.server,
            family: Family::of(row.client),
            template: row.is_template(),
        }
    }

    /// The service as the row names it; see [`crate::ipvs::Connection::service`].
    pub fn service(&self) -> ServiceKey {
        match self.target {
            Target::Address(to) => ServiceKey::endpoint(self.protocol, to.addr, to.port),
            Target::Fwmark(mark) => ServiceKey::Fwmark { family: self.family, mark },
        }
    }

    /// See [`ConnRow::is_invalidated`].
    pub fn is_invalidated(&self) -> bool {
        self.template && self.server.port == INVALIDATED
    }

    /// Whether the row may belong to this server: to one of the service whose address and port it
    /// names, or of a shared service that could have taken it.
    pub fn may_be_at(&self, place: &Place) -> bool {
        let (service, server) = place;
        if server.addr != self.server.addr {
            return false;
        }
        if is_shared(service) {
            return self.could_be_of(service) && self.could_be_at(place);
        }
        // A server without a port is given the client's.
        *service == self.service() && (server.port == self.server.port || server.port == 0)
    }

    /// Whether the row could be of this [shared](is_shared) service.
    fn could_be_of(&self, service: &ServiceKey) -> bool {
        match (*service, self.target) {
            (ServiceKey::Fwmark { .. }, Target::Fwmark(_)) => self.service() == *service,
            (ServiceKey::Fwmark { family, .. }, Target::Address(_)) => {
                // Its templates name the mark.
                family == self.family && !self.template
            }
            (ServiceKey::Endpoint { protocol, addr, port }, Target::Address(to)) => {
                let any = match (self.template, port) {
                    (true, _) => to.port == 0,
                    (false, FTP) => matches!(to.port, FTP | FTP_DATA | UNPRIVILEGED..),
                    (false, _) => true,
                };
                protocol == self.protocol && addr == to.addr && any
            }
            (ServiceKey::Endpoint { .. }, Target::Fwmark(_)) => false,
        }
    }

    /// Whether the row's server is this one of a [shared](is_shared) service. Templates of such
    /// services have port 0; and connections keep the port that the client asked for where the
    /// server has none, or where the service is persistent (`ip_vs_sched_persist`).
    fn could_be_at(&self, (service, server): &Place) -> bool {
        let port = self.server.port;
        let asked = matches!(self.target, Target::Address(to) if to.port == port);
        let free = matches!(service, ServiceKey::Endpoint { port: FTP, .. }) || server.port == 0;
        server.addr == self.server.addr
            && (free || port == server.port || asked || (self.template && port == 0))
    }

    /// Whether this place may be the one of an invalidated template: its server's port is gone,
    /// and up to kernel 7.0 the service's too.
    fn was_at(&self, (service, server): &Place) -> bool {
        let served = match (*service, self.target) {
            (ServiceKey::Endpoint { protocol, addr, port }, Target::Address(to)) => {
                let shared = is_shared(service) && to.port == 0;
                let port = to.port == INVALIDATED || to.port == port || shared;
                protocol == self.protocol && addr == to.addr && port
            }
            _ => *service == self.service(),
        };
        served && server.addr == self.server.addr
    }
}

/// Whether the service takes connections to other addresses or ports than its own: by firewall
/// mark, for every port, or FTP.
pub fn is_shared(service: &ServiceKey) -> bool {
    match *service {
        ServiceKey::Fwmark { .. } | ServiceKey::Endpoint { port: 0, .. } => true,
        ServiceKey::Endpoint { protocol, port, .. } => protocol == Protocol::TCP && port == FTP,
    }
}

/// The servers that rows may belong to.
///
/// A row does not name its service where a firewall mark or a service for every port took it, so
/// several places may claim it there.
#[derive(Clone, Debug, Default)]
pub struct Places {
    all: Vec<Place>,
    /// The numbers of those that are found by their name alone.
    exact: HashTable<u32>,
    hasher: DefaultHashBuilder,
    by_address: HashMap<IpAddr, Vec<u32>>,
    /// Those without a server too.
    services: HashSet<ServiceKey>,
    /// Those among them that are [shared](is_shared).
    shared: Vec<ServiceKey>,
}

/// What else there is follows from these.
impl PartialEq for Places {
    fn eq(&self, other: &Self) -> bool {
        self.all == other.all && self.services == other.services
    }
}

impl Eq for Places {}

impl Places {
    /// These.
    pub fn new(all: impl IntoIterator<Item = Place>) -> Self {
        let mut places = Self::default();
        for place in all {
            let number = u32::try_from(places.all.len()).unwrap_or(u32::MAX);
            places.all.push(place);
            places.knows(place.0);
            places.by_address.entry(place.1.addr).or_default().push(number);
            if !is_shared(&place.0) {
                let Self { all, hasher, exact, .. } = &mut places;
                let hash = |at: &u32| all.get(*at as usize).map_or(0, |at| hasher.hash_one(at));
                exact.insert_unique(hasher.hash_one(place), number, hash);
            }
        }
        places
    }

    /// There is this service, whether or not it has a server.
    fn knows(&mut self, service: ServiceKey) {
        if self.services.insert(service) && is_shared(&service) {
            self.shared.push(service);
        }
    }

    /// The number of a place that is found by its name alone.
    fn exact(&self, place: &Place) -> Option<u32> {
        let is = |at: &u32| self.all.get(*at as usize) == Some(place);
        self.exact.find(self.hasher.hash_one(place), is).copied()
    }

    /// Every service and server of a table.
    pub fn of(snapshot: &Snapshot) -> Self {
        let servers = |entry: &crate::snapshot::ServiceEntry| {
            let key = entry.service.key;
            entry.servers.iter().map(move |at| (key, at.server.key)).collect::<Vec<_>>()
        };
        let mut places = Self::new(snapshot.services.iter().flat_map(servers));
        snapshot.services.iter().for_each(|entry| places.knows(entry.service.key));
        places
    }

    /// The place with this number.
    pub fn get(&self, number: u32) -> Option<&Place> {
        self.all.get(number as usize)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Which service took the rows of `lane`, whether or not it has their server still.
    pub fn taker(&self, lane: &Lane) -> Taker {
        let named = lane.service();
        let every_port = match named {
            ServiceKey::Endpoint { protocol, addr, .. } => ServiceKey::endpoint(protocol, addr, 0),
            ServiceKey::Fwmark { .. } => named,
        };
        let found = [named, every_port].into_iter().find(|key| self.services.contains(key));
        match found {
            Some(service) => Taker::Service(service),
            None if self.shared.iter().any(|service| lane.could_be_of(service)) => Taker::Somebody,
            None => Taker::Nobody,
        }
    }

    /// The places that rows of `lane` may belong to: that of the service whose address and port
    /// they name, or else any that could have taken them. None for an orphan.
    pub fn claim(&self, lane: &Lane) -> Claims {
        if lane.is_invalidated() {
            return self.among(lane, |place| lane.was_at(place));
        }
        let exact = lane.service();
        // A row to port 0 is a template of a service for every port, or of FTP.
        if !is_shared(&exact) {
            // A server without a port is given the client's.
            for server in [lane.server, ServerKey::new(lane.server.addr, 0)] {
                if let Some(number) = self.exact(&(exact, server)) {
                    return Claims::One(number);
                }
            }
        }
        self.among(lane, |place| {
            is_shared(&place.0) && lane.could_be_of(&place.0) && lane.could_be_at(place)
        })
    }

    /// Those at the lane's server's address for which `holds`.
    fn among(&self, lane: &Lane, holds: impl Fn(&Place) -> bool) -> Claims {
        let here = self.by_address.get(&lane.server.addr).into_iter().flatten().copied();
        let mut found = here.filter(|number| self.get(*number).is_some_and(&holds));
        match (found.next(), found.next()) {
            (None, _) => Claims::None,
            (Some(one), None) => Claims::One(one),
            (Some(one), Some(two)) => {
                Claims::Several([one, two].into_iter().chain(found).collect())
            }
        }
    }
}

/// Which service took the rows of a lane, as far as rows tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// None that is there.
    Nobody,
    /// This one: the rows name it, or it takes every port of their address.
    Service(ServiceKey),
    /// A service by firewall mark, or FTP, may have: rows do not tell.
    Somebody,
}

/// Who claims the rows of a lane, by the numbers of [`Places`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claims {
    /// Nobody: the server was deleted, or another director's table has it.
    None,
    /// One.
    One(u32),
    /// Several, of which the row does not tell which.
    Several(Box<[u32]>),
}

impl Claims {
    /// The numbers.
    pub fn numbers(&self) -> &[u32] {
        match self {
            Self::None => &[],
            Self::One(number) => std::slice::from_ref(number),
            Self::Several(numbers) => numbers,
        }
    }
}
