//! Real servers by address, each over all services that have it: what is switched off as one.
//!
//! As with the [rows](super::Rows) of services, the selection is a key and not a place. The list is
//! made only while it is on the screen: on a large table it costs some milliseconds a snapshot.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{By, Column, Filter, Model, Row, Sort, Tone};
use crate::command::View;
use crate::history::Metric;
use crate::ipvs::{ServerKey, ServiceKey};
use crate::snapshot::{ServerEntry, ServiceEntry, Snapshot};

/// An address, with every server that has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The address.
    pub addr: IpAddr,
    /// Its servers with their services, in the table's order; never none. A service can have it
    /// several times, on several ports.
    pub servers: Vec<(ServiceKey, ServerKey)>,
}

impl Host {
    /// The hosts of a table, by address.
    pub fn all(snapshot: &Snapshot) -> Vec<Self> {
        let every = snapshot
            .services
            .iter()
            .flat_map(|e| e.servers.iter().map(|s| (e.service.key, s.server.key)));
        let mut every: Vec<(ServiceKey, ServerKey)> = every.collect();
        every.sort_by_key(|(_, server)| server.addr);
        let alike = every.chunk_by(|(_, a), (_, b)| a.addr == b.addr);
        let host = |servers: &[(ServiceKey, ServerKey)]| {
            let (_, first) = servers.first()?;
            Some(Self { addr: first.addr, servers: servers.to_vec() })
        };
        alike.filter_map(host).collect()
    }

    /// What a snapshot tells of its servers.
    pub fn entries<'a>(
        &'a self,
        snapshot: &'a Snapshot,
    ) -> impl Iterator<Item = (&'a ServiceEntry, &'a ServerEntry)> {
        self.servers.iter().filter_map(|(service, server)| {
            let entry = snapshot.service(service)?;
            Some((entry, entry.server(server)?))
        })
    }

    /// What it is sorted by: sums over its servers, of weights the largest. `None` where that of
    /// a server is not known, or hosts have no such column.
    fn value(&self, snapshot: &Snapshot, by: By, rate: Metric) -> Option<u64> {
        let servers = || self.entries(snapshot).map(|(_, server)| server);
        match by {
            By::Column(Column::Weight) => servers().map(|s| s.server.weight.into()).max(),
            By::Column(Column::Active) => Some(servers().map(|s| u64::from(s.active)).sum()),
            By::Column(Column::Inactive) => Some(servers().map(|s| u64::from(s.inactive)).sum()),
            By::Rate if snapshot.estimator_off() => None,
            By::Rate => servers().map(|s| Some(rate.now(&s.stats?.rates))).sum(),
            By::Address | By::Column(_) => None,
        }
    }

    /// In how many services it is.
    pub fn services(&self) -> usize {
        self.servers.chunk_by(|a, b| a.0 == b.0).count()
    }
}

/// How a host stands over all its services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Every server of it takes new connections.
    Serving,
    /// So many of its servers have weight 0, and nobody follows how they empty.
    Quiesced(usize),
    /// So many of its servers are drained.
    Draining(usize),
    /// The weights of so many of its servers come back in steps.
    Ramping(usize),
}

/// The hosts, the selection, and the part that is on the screen.
#[derive(Debug, Default)]
pub struct Hosts {
    all: Vec<Host>,
    /// How many there are, also of those that the filter hides.
    total: usize,
    filter: Option<Filter>,
    place: usize,
    selected: Option<IpAddr>,
    top: usize,
    page: usize,
    /// The host of the server that was selected among the services, when hosts were shown last.
    came_from: Option<IpAddr>,
    sort: Sort,
}

impl Hosts {
    /// Every host that shows, in order.
    pub fn all(&self) -> &[Host] {
        &self.all
    }

    /// How many there are, also of those that the filter hides.
    pub fn total(&self) -> usize {
        self.total
    }

    /// What a server of a host has to be for the host to show.
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    pub(super) fn set_filter(&mut self, filter: Option<Filter>) {
        self.filter = filter;
    }

    /// Selects the first one where the filter hides the selected one.
    pub(super) fn select_shown(&mut self) {
        if self.selected().is_none() {
            self.select(0);
        }
    }

    /// In which order.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    pub(super) fn set_sort(&mut self, sort: Sort) {
        self.sort = sort;
    }

    /// The first on the screen.
    pub fn top(&self) -> usize {
        self.top
    }

    /// How many fit on the screen; 0 before they were drawn.
    pub fn page(&self) -> usize {
        self.page
    }

    /// The selected one; none when it has gone.
    pub fn selected(&self) -> Option<&Host> {
        self.find(self.selected?).and_then(|place| self.all.get(place))
    }

    fn find(&self, addr: IpAddr) -> Option<usize> {
        self.all.iter().position(|host| host.addr == addr)
    }

    /// Takes the hosts of a new snapshot, those that `pass`. Returns the selected one if it has
    /// gone or does not pass any more; while the filter is typed (`held`) that is still the
    /// selected one.
    fn follow(
        &mut self,
        snapshot: &Snapshot,
        rate: Metric,
        pass: Option<&BTreeSet<IpAddr>>,
        held: bool,
    ) -> Option<Host> {
        let before = self.selected().cloned();
        let fresh = self.all.is_empty() && self.selected.is_none();
        self.all = Host::all(snapshot);
        self.total = self.all.len();
        if let Some(pass) = pass {
            self.all.retain(|host| pass.contains(&host.addr));
        }
        self.sort.apply(&mut self.all, |host| host.value(snapshot, self.sort.by, rate));
        if fresh {
            self.select(0);
            return None;
        }
        let gone = match self.selected.and_then(|addr| self.find(addr)) {
            Some(place) => {
                self.place = place;
                None
            }
            None if held => None,
            None => {
                self.selected = None;
                before
            }
        };
        self.place = self.place.min(self.all.len().saturating_sub(1));
        self.show();
        gone
    }

    /// Selects the host of the server that is selected among the services, if that is another
    /// than the last time.
    fn come_from(&mut self, addr: Option<IpAddr>) {
        if addr == self.came_from {
            return;
        }
        self.came_from = addr;
        if let Some(place) = addr.and_then(|addr| self.find(addr)) {
            self.select(place);
        }
    }

    /// Moves by so many. From nothing selected, a step selects the place itself first.
    pub(super) fn step(&mut self, by: isize) {
        let by = if self.selected.is_none() && by.unsigned_abs() == 1 { 0 } else { by };
        self.select(self.place.saturating_add_signed(by));
    }

    /// Says how many fit on the screen.
    pub(super) fn fit(&mut self, page: usize) {
        if self.page != page {
            self.page = page;
            self.show();
        }
    }

    pub(super) fn select(&mut self, place: usize) {
        self.place = place.min(self.all.len().saturating_sub(1));
        self.selected = self.all.get(self.place).map(|host| host.addr);
        self.show();
    }

    /// Scrolls so that the place is on the screen, and no further than there are hosts.
    fn show(&mut self) {
        self.top = super::views::top_for(self.top, self.place, self.page, self.all.len());
    }
}

impl Model {
    /// How a host stands: what is under way with it first.
    pub fn standing(&self, host: &Host) -> Standing {
        let ramping = host.servers.iter().filter(|(s, key)| self.ramps.of(s, key).is_some());
        let ramping = ramping.count();
        if ramping > 0 {
            return Standing::Ramping(ramping);
        }
        let Some(snapshot) = self.shown() else { return Standing::Serving };
        let (mut quiesced, mut draining) = (0, 0);
        for (entry, server) in host.entries(snapshot).filter(|(_, s)| s.server.weight == 0) {
            quiesced += 1;
            let drained = self.drains.of(&entry.service.key, &server.server.key).is_some();
            draining += usize::from(drained);
        }
        match (draining, quiesced) {
            (0, 0) => Standing::Serving,
            (0, quiesced) => Standing::Quiesced(quiesced),
            (draining, _) => Standing::Draining(draining),
        }
    }

    /// The addresses of the servers that a filter lets through.
    fn hosts_that_pass(&mut self, filter: &Filter, snapshot: &Snapshot) -> BTreeSet<IpAddr> {
        let sieve = filter.over(snapshot);
        self.with_seen(snapshot, |rows, seen| {
            let mut pass = BTreeSet::new();
            for entry in &snapshot.services {
                let (key, sifted) = (&entry.service.key, sieve.over(entry));
                let passes =
                    |s: &&ServerEntry| sifted.server(s, |state| rows.is(key, s, state, seen));
                let passing = entry.servers.iter().filter(passes);
                pass.extend(passing.map(|server| server.server.key.addr));
            }
            pass
        })
    }

    /// Hosts are about to be shown.
    pub(super) fn enter_hosts(&mut self) {
        self.follow_hosts();
        let addr = self.selected_server().map(|(_, server)| server.addr);
        self.hosts.come_from(addr);
    }

    /// The services of the selected host, with nothing else beside them.
    pub(super) fn open_host(&mut self) {
        let Some(addr) = self.hosts.selected().map(|host| host.addr) else {
            return self.say(Tone::Info, "select a host first");
        };
        self.go_to(View::Services);
        self.show_only(&format!("host:{addr}"));
    }

    /// Takes the newest snapshot to the hosts, if they are on the screen.
    pub(super) fn follow_hosts(&mut self) {
        let Some(snapshot) = self.shown().cloned().filter(|_| self.view == View::Hosts) else {
            return;
        };
        let filter = self.hosts.filter().cloned();
        let pass = filter.map(|filter| self.hosts_that_pass(&filter, &snapshot));
        let typed = self.types_a_table_s_filter();
        let gone = self.hosts.follow(&snapshot, self.rate, pass.as_ref(), typed);
        let Some(gone) = gone else { return };
        if gone.entries(&snapshot).next().is_some() {
            let text = format!("host {} does not match any more; nothing is selected", gone.addr);
            return self.say(Tone::Info, text);
        }
        let text = format!("host {} is gone from the table; nothing is selected", gone.addr);
        self.say(Tone::Warning, text);
        let about = |(service, server)| {
            let row = Row::Server(service, server);
            self.prompt.as_ref().is_some_and(|prompt| prompt.is_about(&row))
        };
        if gone.servers.iter().copied().any(about) {
            self.prompt = None;
        }
    }
}
