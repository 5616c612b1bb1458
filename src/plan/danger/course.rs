//! The services that a plan touches: as it finds them, and as each of its changes leaves them.

use std::collections::{BTreeMap, BTreeSet};

use crate::ipvs::{Change, Server, ServerKey, Service, ServiceKey};
use crate::plan::{Found, Plan, Step, merge};
use crate::snapshot::{ServiceEntry, Snapshot};

/// A service with its servers, as configured.
#[derive(Clone, Debug, Default)]
pub(in crate::plan) struct Held {
    /// `None` if there is no such service, or none that was read.
    pub(in crate::plan) service: Option<Service>,
    pub(in crate::plan) servers: BTreeMap<ServerKey, Server>,
}

impl Held {
    fn of(entry: &ServiceEntry) -> Self {
        let servers = entry.servers.iter().map(|s| (s.server.key, s.server.clone()));
        Self { service: Some(entry.service.clone()), servers: servers.collect() }
    }

    /// The servers that take new connections.
    pub(in crate::plan) fn serving(&self) -> impl Iterator<Item = &Server> {
        self.servers.values().filter(|s| s.weight > 0)
    }

    /// The weight of a server; 0 also if there is none.
    pub(in crate::plan) fn weight(&self, key: &ServerKey) -> u32 {
        self.servers.get(key).map_or(0, |s| s.weight)
    }
}

/// Where a plan leads.
pub(in crate::plan) struct Course<'a> {
    pub(super) snapshot: &'a Snapshot,
    found: BTreeMap<ServiceKey, Held>,
    left: BTreeMap<ServiceKey, Held>,
    /// Sysctls that the plan has set so far.
    sysctls: BTreeMap<String, String>,
    /// Services that the plan deletes, even if it adds them again.
    doomed: BTreeSet<ServiceKey>,
    /// Services that had a server with a weight above 0, and then none.
    emptied: BTreeSet<ServiceKey>,
}

/// What a plan makes of one service.
#[derive(Clone, Copy)]
pub(in crate::plan) struct Leg<'a> {
    pub(in crate::plan) key: ServiceKey,
    pub(in crate::plan) found: &'a Held,
    pub(in crate::plan) left: &'a Held,
    /// Its connections and counters, if it is there.
    pub(in crate::plan) entry: Option<&'a ServiceEntry>,
    /// Whether it was without a serving server on the way.
    pub(super) emptied: bool,
}

impl<'a> Leg<'a> {
    /// Servers that take new connections before and not after.
    pub(super) fn stopped(self) -> impl Iterator<Item = &'a Server> {
        self.found.serving().filter(move |s| self.left.weight(&s.key) == 0)
    }

    /// Servers that take new connections after and not before; added ones among them.
    pub(super) fn raised(self) -> impl Iterator<Item = &'a Server> {
        self.left.serving().filter(move |s| self.found.weight(&s.key) == 0)
    }

    /// Servers there before and after, as they were and as they are.
    pub(super) fn edited(self) -> impl Iterator<Item = (&'a Server, &'a Server)> {
        self.found.servers.values().filter_map(move |s| Some((s, self.left.servers.get(&s.key)?)))
    }
}

impl<'a> Course<'a> {
    /// Stands before the first change of `plan`. Where the plan expects other values than the
    /// snapshot shows, because plans before it are under way, its own count.
    pub(in crate::plan) fn new(plan: &Plan, snapshot: &'a Snapshot) -> Self {
        let mut found: BTreeMap<ServiceKey, Held> = BTreeMap::new();
        let mut doomed = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for change in &plan.changes {
            let Some(key) = change.service() else { continue };
            let held = found
                .entry(key)
                .or_insert_with(|| snapshot.service(&key).map(Held::of).unwrap_or_default());
            // What comes after a deletion finds what the plan itself has made.
            let edits = matches!(change, Change::Service { .. } | Change::Server { .. });
            if edits && !doomed.contains(&key) && seen.insert((key, change.server())) {
                match change {
                    Change::Service { before, .. } => held.service = before.clone(),
                    Change::Server { before: Some(server), .. } => {
                        held.servers.insert(server.key, server.clone());
                    }
                    Change::Server { after: Some(server), .. } => {
                        held.servers.remove(&server.key);
                    }
                    _ => {}
                }
            }
            if matches!(change, Change::Service { after: None, .. }) {
                doomed.insert(key);
            }
        }
        let (left, sysctls, emptied) = (found.clone(), BTreeMap::new(), BTreeSet::new());
        Self { snapshot, found, left, sysctls, doomed, emptied }
    }

    /// Where `plan` leads in the end.
    pub(in crate::plan) fn whole(plan: &Plan, snapshot: &'a Snapshot) -> Self {
        let mut course = Self::new(plan, snapshot);
        plan.changes.iter().for_each(|change| course.make(change));
        course
    }

    /// Goes on by one change. As in the kernel, an edit leaves alone what it does not alter.
    pub(super) fn make(&mut self, change: &Change) {
        match change {
            Change::Sysctl { name, after, .. } => {
                self.sysctls.insert(name.clone(), after.clone());
            }
            Change::Flush => self.left.values_mut().for_each(|held| *held = Held::default()),
            _ => {}
        }
        let Some(key) = change.service() else { return };
        let Some(held) = self.left.get_mut(&key) else { return };
        let served = held.serving().next().is_some();
        match change {
            Change::Service { after: None, .. } => *held = Held::default(),
            Change::Service { after, .. } => {
                held.service = match merge(change, &Found::Service(held.service.clone())) {
                    Ok(Step::Write(Change::Service { after, .. })) => after,
                    Ok(Step::Already) => held.service.clone(),
                    _ => after.clone(),
                };
            }
            Change::Server { before, after, .. } => {
                let server = change.server().and_then(|key| held.servers.get(&key)).cloned();
                let merged = match merge(change, &Found::Server(server.clone())) {
                    Ok(Step::Write(Change::Server { after, .. })) => after,
                    Ok(Step::Already) => server,
                    _ => after.clone(),
                };
                match (merged, before) {
                    (Some(server), _) => drop(held.servers.insert(server.key, server)),
                    (None, Some(before)) => drop(held.servers.remove(&before.key)),
                    (None, None) => {}
                }
            }
            _ => {}
        }
        if served && held.serving().next().is_none() {
            self.emptied.insert(key);
        }
    }

    /// What has become of each service that is there before and after, and was not deleted
    /// meanwhile.
    pub(in crate::plan) fn services(&self) -> impl Iterator<Item = Leg<'_>> {
        self.found.iter().filter_map(|(key, found)| {
            let left = self.left.get(key)?;
            let stays = found.service.is_some() && left.service.is_some();
            let emptied = self.emptied.contains(key);
            (stays && !self.doomed.contains(key)).then(|| {
                let entry = self.snapshot.service(key);
                Leg { key: *key, found, left, entry, emptied }
            })
        })
    }

    /// A service as it is now.
    pub(super) fn held(&self, key: &ServiceKey) -> Option<&Held> {
        self.left.get(key)
    }

    /// Whether the plan deletes this service, now or later.
    pub(super) fn is_doomed(&self, key: &ServiceKey) -> bool {
        self.doomed.contains(key)
    }

    /// Whether `net.ipv4.vs.NAME` is on now; `None` if it could not be read.
    pub(in crate::plan) fn is_on(&self, name: &str) -> Option<bool> {
        let read = || self.snapshot.sysctls.get().and_then(|all| all.get(name));
        self.sysctls.get(name).or_else(read).map(|value| value != "0")
    }
}
