//! The configuration as it was read last, compared with a newer reading.

use crate::ipvs::{
    Change, Daemon, Family, Forwarding, Netmask, Server, ServerKey, Service, ServiceFlags,
    ServiceKey, Timeouts,
};
use crate::snapshot::{Known, Moment, Part, ServiceEntry, Snapshot, Sysctls};

/// Sysctls that the kernel moves between 1 and 2 by itself as memory runs short
/// (`update_defense_level` in `ip_vs_ctl.c`).
const MOVED_BY_THE_KERNEL: [&str; 3] = ["drop_entry", "drop_packet", "secure_tcp"];

/// One service with its servers, as far as they are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) service: Service,
    pub(super) known: Known,
    /// Sorted by key.
    pub(super) servers: Vec<Server>,
    /// When they were read: most of a large table is carried over from one snapshot to the next,
    /// and says nothing new.
    read: Moment,
}

impl Entry {
    fn of(entry: &ServiceEntry) -> Self {
        let service = told(&entry.service, entry.known);
        let servers = entry.servers.iter().map(|s| s.server.clone()).collect();
        Self { service, known: entry.known, servers, read: entry.servers_read }
    }

    fn place(&self, key: &ServerKey) -> Result<usize, usize> {
        self.servers.binary_search_by(|s| s.key.cmp(key))
    }

    pub(super) fn server(&self, key: &ServerKey) -> Option<&Server> {
        self.place(key).ok().and_then(|at| self.servers.get(at))
    }

    /// Puts a server in, or takes it out.
    pub(super) fn set(&mut self, key: &ServerKey, server: Option<Server>) {
        match (self.place(key), server) {
            (Ok(at), Some(server)) => {
                if let Some(old) = self.servers.get_mut(at) {
                    *old = server;
                }
            }
            (Ok(at), None) => drop(self.servers.remove(at)),
            (Err(at), Some(server)) => self.servers.insert(at, server),
            (Err(_), None) => {}
        }
    }
}

/// The configuration as it was read last, with what was written since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Table {
    /// Sorted by key.
    pub(super) services: Vec<Entry>,
    pub(super) timeouts: Option<Timeouts>,
    pub(super) daemons: Option<Vec<Daemon>>,
    pub(super) sysctls: Option<Sysctls>,
}

impl Table {
    /// As a first reading tells.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        Self {
            services: snapshot.services.iter().map(Entry::of).collect(),
            timeouts: snapshot.timeouts.get().copied(),
            daemons: snapshot.daemons.get().cloned(),
            sysctls: snapshot.sysctls.get().cloned(),
        }
    }

    fn place(&self, key: &ServiceKey) -> Result<usize, usize> {
        self.services.binary_search_by(|s| s.service.key.cmp(key))
    }

    pub(super) fn entry(&mut self, key: &ServiceKey) -> Option<&mut Entry> {
        self.place(key).ok().and_then(|at| self.services.get_mut(at))
    }

    /// Puts a service in, or takes it out with its servers.
    pub(super) fn set(&mut self, key: &ServiceKey, service: Option<Service>) {
        match (self.place(key), service) {
            (Ok(at), Some(service)) => {
                if let Some(old) = self.services.get_mut(at) {
                    old.service = service;
                }
            }
            (Ok(at), None) => drop(self.services.remove(at)),
            (Err(at), Some(service)) => {
                let (servers, read) = (Vec::new(), Moment::default());
                let entry = Entry { service, known: Known::Whole, servers, read };
                self.services.insert(at, entry);
            }
            (Err(_), None) => {}
        }
    }

    /// Takes a newer reading in. Returns what it differs in, in the order of the table. A service
    /// that has gone takes its servers along without a word for each.
    pub(super) fn take(&mut self, snapshot: &Snapshot) -> Vec<Change> {
        let mut changes = Vec::new();
        let old = std::mem::take(&mut self.services);
        self.services.reserve(snapshot.services.len());
        let mut old = old.into_iter().peekable();
        for entry in &snapshot.services {
            let key = entry.service.key;
            while let Some(gone) = old.next_if(|o| o.service.key < key) {
                changes.push(Change::Service { before: Some(gone.service), after: None });
            }
            let next = match old.next_if(|o| o.service.key == key) {
                Some(mut known) => {
                    compare(&mut known, entry, &mut changes);
                    known
                }
                None => {
                    let new = Entry::of(entry);
                    let (before, after) = (None, Some(new.service.clone()));
                    changes.push(Change::Service { before, after });
                    changes.extend(new.servers.iter().map(|server| Change::Server {
                        service: key,
                        before: None,
                        after: Some(server.clone()),
                    }));
                    new
                }
            };
            self.services.push(next);
        }
        let gone = old.map(|gone| Change::Service { before: Some(gone.service), after: None });
        changes.extend(gone);
        self.surroundings(snapshot, &mut changes);
        changes
    }

    /// What was read with this snapshot and not carried over.
    fn surroundings(&mut self, snapshot: &Snapshot, changes: &mut Vec<Change>) {
        if let Part::Fresh(now) = snapshot.timeouts
            && let Some(before) = self.timeouts.replace(now)
            && before != now
        {
            changes.push(Change::Timeouts { before, after: now });
        }
        if let Part::Fresh(now) = &snapshot.daemons
            && let Some(before) = self.daemons.replace(now.clone())
        {
            let of = |all: &[Daemon], role| all.iter().find(|d| d.role == role).cloned();
            let mut roles: Vec<_> = before.iter().chain(now).map(|d| d.role).collect();
            roles.sort_unstable();
            roles.dedup();
            for role in roles {
                let (before, after) = (of(&before, role), of(now, role));
                if before != after {
                    changes.push(Change::Daemon { before, after });
                }
            }
        }
        if let Part::Fresh(now) = &snapshot.sysctls
            && let Some(before) = self.sysctls.replace(now.clone())
        {
            // One that was not there before, or is not any more, belongs to another module.
            let both = before.into_iter().filter_map(|(name, b)| {
                let after = now.get(&name)?.clone();
                Some((name, b, after))
            });
            let moved = both.filter(|(name, before, after)| {
                let by_itself = MOVED_BY_THE_KERNEL.contains(&name.as_str())
                    && [before, after].iter().all(|v| ["1", "2"].contains(&v.as_str()));
                before != after && !by_itself
            });
            changes.extend(moved.map(|(name, before, after)| Change::Sysctl {
                name,
                before,
                after,
            }));
        }
    }
}

/// Compares what is known of a service with what was read, and takes it over.
fn compare(known: &mut Entry, entry: &ServiceEntry, changes: &mut Vec<Change>) {
    let key = known.service.key;
    let whole = known.known == Known::Whole && entry.known == Known::Whole;
    if !whole || known.service != entry.service {
        let read = told(&entry.service, entry.known);
        let (before, after) = if whole {
            (known.service.clone(), read.clone())
        } else {
            let listed = |service: &Service| told(service, Known::Listed);
            (listed(&known.service), listed(&read))
        };
        if !before.same_config(&after) {
            changes.push(Change::Service { before: Some(before), after: Some(after) });
        }
        known.service = read;
    }
    if entry.servers_read == known.read {
        return;
    }
    known.read = entry.servers_read;
    let same = known.servers.len() == entry.servers.len()
        && known.servers.iter().zip(&entry.servers).all(|(k, e)| *k == e.server);
    if !same {
        servers(known, entry, (key, whole), changes);
    }
    known.known = entry.known;
}

fn servers(
    known: &mut Entry,
    entry: &ServiceEntry,
    (service, whole): (ServiceKey, bool),
    changes: &mut Vec<Change>,
) {
    let mut change = |before, after| changes.push(Change::Server { service, before, after });
    let old = std::mem::take(&mut known.servers);
    let mut old = old.into_iter().peekable();
    for read in entry.servers.iter().map(|e| &e.server) {
        while let Some(gone) = old.next_if(|o| o.key < read.key) {
            change(Some(gone), None);
        }
        let next = match old.next_if(|o| o.key == read.key) {
            None => {
                change(None, Some(read.clone()));
                read.clone()
            }
            Some(before) => {
                let after = if whole { read.clone() } else { ticked(&before, read) };
                if before != after {
                    change(Some(before), Some(after.clone()));
                }
                after
            }
        };
        known.servers.push(next);
    }
    old.for_each(|gone| change(Some(gone), None));
}

/// What a listing tells of a server, over what is known of it.
fn ticked(known: &Server, read: &Server) -> Server {
    // A listing calls bypass masquerading.
    let forwarding = match (known.forwarding, read.forwarding) {
        (Forwarding::Bypass, Forwarding::Masq) => Forwarding::Bypass,
        (_, read) => read,
    };
    Server { weight: read.weight, forwarding, ..known.clone() }
}

/// What of a service was really read. A listing tells neither how long persistence lasts nor what
/// scheduler flags and engine there are, nor `ops` of an IPv6 service, nor the mask of one that is
/// not persistent.
fn told(service: &Service, known: Known) -> Service {
    if known == Known::Whole {
        return service.clone();
    }
    let mut flags = service.flags & (ServiceFlags::ONE_PACKET | ServiceFlags::PERSISTENT);
    if service.key.family() == Family::V6 {
        flags.remove(ServiceFlags::ONE_PACKET);
    }
    let persistent = flags.contains(ServiceFlags::PERSISTENT);
    let host = Netmask::host(service.key.family());
    Service {
        flags,
        timeout: 0,
        netmask: if persistent { service.netmask } else { host },
        pe: None,
        ..service.clone()
    }
}
