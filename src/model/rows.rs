//! The services and their servers as rows, which of them are shown, and which one is selected.
//!
//! The selection is a key and not a place: rows that come and go, or change their order, never
//! move it onto another server. When its row goes, or hides because its values moved, nothing is
//! selected, so that a key meant for it hits nobody else.
//!
//! Nothing acts on a row that is hidden, by the filter or in a folded service: it is never
//! selected, and its mark does not count.

use std::collections::BTreeSet;
use std::mem::take;

use super::Column;
use super::filter::{Filter, Sifted, State};
use super::row::Row;
use super::sort::{By, Sort};
use crate::history::Metric;
use crate::ipvs::{ServerKey, ServiceKey};
use crate::snapshot::{ServerEntry, ServiceEntry, Snapshot};

/// What rows are made of.
pub(super) struct Seen<'a> {
    pub(super) snapshot: &'a Snapshot,
    /// The rate that is shown.
    pub(super) rate: Metric,
    /// Whether a drain follows a server.
    pub(super) draining: &'a dyn Fn(&ServiceKey, &ServerKey) -> bool,
    /// Whether somebody else has changed a row a while ago.
    pub(super) changed: &'a dyn Fn(&ServiceKey, Option<&ServerKey>) -> bool,
    /// Whether a server's weight flaps.
    pub(super) flapping: &'a dyn Fn(&ServiceKey, &ServerKey) -> bool,
    /// Thousandths that a service's servers get of its new connections, as far as known.
    pub(super) gets: &'a dyn Fn(&ServiceEntry) -> Vec<Option<u64>>,
}

/// A selected row that is not there with a new snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// It is not in the table any more.
    Gone(Row),
    /// It does not match the filter any more.
    Hidden(Row),
}

/// The rows, the selection, and the part that is on the screen.
#[derive(Debug, Default)]
pub struct Rows {
    all: Vec<Row>,
    /// Where the cursor is, or would be: the place is kept when the row goes.
    place: usize,
    selected: Option<Row>,
    top: usize,
    page: usize,
    marked: BTreeSet<Row>,
    filter: Option<Filter>,
    /// A filter begins with everything unfolded: what it finds is to be seen.
    folded: BTreeSet<ServiceKey>,
    /// What was folded before there was a filter, and will be again.
    folded_before: BTreeSet<ServiceKey>,
    sort: Sort,
    matching: usize,
    servers: usize,
}

impl Rows {
    /// Every row that is shown.
    pub fn all(&self) -> &[Row] {
        &self.all
    }

    /// The selected row, unless it has gone.
    pub fn selected(&self) -> Option<Row> {
        self.selected
    }

    /// Whether a row is marked, shown or hidden. Only servers can be.
    pub fn is_marked(&self, row: &Row) -> bool {
        self.marked.contains(row)
    }

    /// The marked rows that are shown, in the order of the screen. Hidden ones do not count.
    pub fn marked(&self) -> impl Iterator<Item = &Row> {
        let any = !self.marked.is_empty();
        self.all.iter().filter(move |row| any && self.marked.contains(row))
    }

    /// How many marked rows are hidden.
    pub fn hidden_marks(&self) -> usize {
        self.marked.len().saturating_sub(self.marked().count())
    }

    /// Marks the selected server or takes its mark away, and goes on to the next row.
    pub fn mark(&mut self) {
        let Some(row @ Row::Server(..)) = self.selected else { return };
        if !self.marked.remove(&row) {
            self.marked.insert(row);
        }
        self.step(1);
    }

    /// Takes every mark away, hidden ones too. False if there was none.
    pub fn unmark(&mut self) -> bool {
        let any = !self.marked.is_empty();
        self.marked.clear();
        any
    }

    /// The first row on the screen.
    pub fn top(&self) -> usize {
        self.top
    }

    /// The service whose row has scrolled away above the first line while its servers have not:
    /// it is shown in that line, over a row that is never the selected one.
    pub fn above(&self) -> Option<ServiceKey> {
        match self.all.get(self.top) {
            Some(Row::Server(service, _)) if self.page > 1 => Some(*service),
            _ => None,
        }
    }

    /// What a row has to be in order to show.
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// How many servers match the filter, in folded services too, and how many there are.
    pub fn matching(&self) -> (usize, usize) {
        (self.matching, self.servers)
    }

    /// Whether a service's servers are folded away.
    pub fn is_folded(&self, service: &ServiceKey) -> bool {
        self.folded.contains(service)
    }

    /// The order of servers.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Takes the rows of a new snapshot. While something is `asked`, nothing that was shown
    /// hides: the question is about it. Returns the selected row if that was lost.
    pub(super) fn follow(&mut self, seen: &Seen<'_>, asked: bool) -> Option<Lost> {
        let first = self.all.is_empty() && self.filter.is_none();
        let held = if asked && self.filter.is_some() {
            self.all.iter().copied().collect()
        } else {
            BTreeSet::new()
        };
        let is_there = |row: &Row| match row {
            Row::Service(service) => seen.snapshot.service(service).is_some(),
            Row::Server(service, server) => seen.snapshot.server(service, server).is_some(),
        };
        // A mark on a server that has gone must not come back with a new one of its name.
        self.marked.retain(|row| is_there(row));
        for folded in [&mut self.folded, &mut self.folded_before] {
            folded.retain(|service| seen.snapshot.service(service).is_some());
        }
        self.lay(seen, &held);
        if first {
            // A fresh console selects the first server, which is what most keys are about.
            self.select(self.first_server().unwrap_or(0));
            return None;
        }
        let lost = match self.selected.map(|row| (row, self.position(&row))) {
            Some((_, Some(place))) => {
                self.place = place;
                None
            }
            Some((row, None)) if is_there(&row) => Some(Lost::Hidden(row)),
            Some((row, None)) => Some(Lost::Gone(row)),
            None => None,
        };
        if lost.is_some() {
            self.selected = None;
        }
        self.place = self.place.min(self.all.len().saturating_sub(1));
        self.show();
        lost
    }

    /// Takes the rows of the same snapshot anew, after a key. A selected row that hides gives
    /// the selection to its service.
    pub(super) fn arrange(&mut self, seen: &Seen<'_>) {
        self.lay(seen, &BTreeSet::new());
        let Some(row) = self.selected else {
            self.place = self.place.min(self.all.len().saturating_sub(1));
            return self.show();
        };
        let service = Row::Service(row.service());
        match self.position(&row).or_else(|| self.position(&service)) {
            Some(place) => self.select(place),
            None => {
                self.selected = None;
                self.place = 0;
                self.show();
            }
        }
    }

    /// Sets the filter or takes it away.
    pub(super) fn set_filter(&mut self, filter: Option<Filter>) {
        match (&self.filter, &filter) {
            (None, Some(_)) => self.folded_before = take(&mut self.folded),
            (Some(_), None) => self.folded = take(&mut self.folded_before),
            _ => {}
        }
        self.filter = filter;
    }

    /// Sets the filter while it is typed: what is `wanted` stays selected as long as it shows,
    /// then what is selected now, then the first server that shows.
    pub(super) fn narrow(&mut self, filter: Option<Filter>, wanted: Option<Row>, seen: &Seen<'_>) {
        self.set_filter(filter);
        self.lay(seen, &BTreeSet::new());
        let shown = wanted.and_then(|row| self.position(&row));
        let shown = shown.or_else(|| self.position(&self.selected?));
        self.select(shown.or_else(|| self.first_server()).unwrap_or(0));
    }

    /// By which column servers are sorted.
    pub(super) fn set_sort(&mut self, sort: Sort) {
        self.sort = sort;
    }

    /// Goes from a server to its service; folds a service. The rows are to be arranged anew.
    pub(super) fn fold(&mut self) {
        match self.selected {
            Some(Row::Server(service, _)) => {
                let place = self.position(&Row::Service(service));
                self.select(place.unwrap_or(self.place));
            }
            Some(Row::Service(service)) => drop(self.folded.insert(service)),
            None => {}
        }
    }

    /// Selects a row that is shown; false if it is not.
    pub(super) fn find(&mut self, row: &Row) -> bool {
        let place = self.position(row);
        if let Some(place) = place {
            self.select(place);
        }
        place.is_some()
    }

    /// Unfolds a service. The rows are to be arranged anew.
    pub(super) fn open(&mut self, service: &ServiceKey) {
        self.folded.remove(service);
    }

    /// Unfolds the selected service. The rows are to be arranged anew.
    pub(super) fn unfold(&mut self) {
        if let Some(Row::Service(service)) = self.selected {
            self.folded.remove(&service);
        }
    }

    /// Folds the selected service, or unfolds it. The rows are to be arranged anew.
    pub(super) fn turn_fold(&mut self) {
        if let Some(Row::Service(service)) = self.selected
            && !self.folded.remove(&service)
        {
            self.folded.insert(service);
        }
    }

    /// Folds every service that is shown, or unfolds all where none is unfolded.
    pub(super) fn fold_all(&mut self) {
        let shown: Vec<ServiceKey> = self.all.iter().map(Row::service).collect();
        let before = self.folded.len();
        self.folded.extend(shown);
        if self.folded.len() == before {
            self.folded.clear();
        }
    }

    /// Lays out the rows that show; those `held` do in any case.
    fn lay(&mut self, seen: &Seen<'_>, held: &BTreeSet<Row>) {
        let mut all = take(&mut self.all);
        all.clear();
        (self.matching, self.servers) = (0, 0);
        let sieve = self.filter.as_ref().map(|filter| filter.over(seen.snapshot));
        for entry in services(self.sort, seen) {
            let service = entry.service.key;
            let sifted = sieve.as_ref().map(|sieve| sieve.over(entry));
            let shows = |server: &&ServerEntry| {
                let Some(sifted) = &sifted else { return true };
                let row = Row::Server(service, server.server.key);
                let is = |state| self.is(&service, server, state, seen);
                sifted.server(server, is) || held.contains(&row)
            };
            let mut servers: Vec<&ServerEntry> = entry.servers.iter().filter(shows).collect();
            self.servers += entry.servers.len();
            self.matching += servers.len();
            let row = Row::Service(service);
            let changed = || (seen.changed)(&service, None);
            let itself =
                sifted.as_ref().is_none_or(|sifted: &Sifted<'_>| sifted.service(changed()));
            if !itself && servers.is_empty() && !held.contains(&row) {
                continue;
            }
            all.push(row);
            if !self.folded.contains(&service) {
                sort(self.sort, &mut servers, entry, seen);
                all.extend(servers.iter().map(|s| Row::Server(service, s.server.key)));
            }
        }
        self.all = all;
    }

    /// Whether a server is what a filter asks for.
    pub(super) fn is(
        &self,
        service: &ServiceKey,
        server: &ServerEntry,
        state: State,
        seen: &Seen<'_>,
    ) -> bool {
        let (key, quiesced) = (server.server.key, server.server.weight == 0);
        match state {
            State::Quiesced => quiesced,
            State::Draining => quiesced && (seen.draining)(service, &key),
            State::Marked => self.is_marked(&Row::Server(*service, key)),
            State::Changed => (seen.changed)(service, Some(&key)),
            State::Flapping => (seen.flapping)(service, &key),
        }
    }

    fn position(&self, row: &Row) -> Option<usize> {
        self.all.iter().position(|shown| shown == row)
    }

    pub(super) fn select_first_server(&mut self) {
        self.select(self.first_server().unwrap_or(0));
    }

    fn first_server(&self) -> Option<usize> {
        self.all.iter().position(|row| matches!(row, Row::Server(..)))
    }

    /// Says how many rows fit on the screen.
    pub fn fit(&mut self, page: usize) {
        if self.page != page {
            self.page = page;
            self.show();
        }
    }

    /// Moves by `by` rows. From nothing selected, the place itself is selected first.
    pub fn step(&mut self, by: isize) {
        let by = if self.selected.is_none() { 0 } else { by };
        self.select(self.place.saturating_add_signed(by));
    }

    /// Moves by a page, of which a row stays in sight and one may lie under a service.
    pub fn page(&mut self, by: isize) {
        let page = isize::try_from(self.page.saturating_sub(2).max(1)).unwrap_or(1);
        self.select(self.place.saturating_add_signed(by * page));
    }

    /// Shows the next page, as a screen that nobody types at does. False on the last.
    pub(super) fn turn_page(&mut self) -> bool {
        let end = self.top + self.page;
        if self.page == 0 || end >= self.all.len() {
            return false;
        }
        // The first line may show a service again that has scrolled.
        let last = end + self.page.saturating_sub(2);
        self.select(last.min(self.all.len() - 1));
        true
    }

    /// Goes to the first row.
    pub fn first(&mut self) {
        self.select(0);
    }

    /// Goes to the last row.
    pub fn last(&mut self) {
        self.select(usize::MAX);
    }

    /// Goes to the next service, or to the service of the row and then the one before.
    pub fn service(&mut self, by: isize) {
        let is_service = |(_, row): &(usize, &Row)| matches!(row, Row::Service(_));
        let found = if by > 0 {
            self.all.iter().enumerate().skip(self.place + 1).find(is_service)
        } else {
            self.all.iter().enumerate().take(self.place).rev().find(is_service)
        };
        if let Some((place, _)) = found {
            self.select(place);
        }
    }

    pub(super) fn select(&mut self, place: usize) {
        self.place = place.min(self.all.len().saturating_sub(1));
        self.selected = self.all.get(self.place).copied();
        self.show();
    }

    /// Scrolls so that the place is on the screen, and no further than there are rows.
    fn show(&mut self) {
        if self.page == 0 {
            return;
        }
        self.top = super::views::top_for(self.top, self.place, self.page, self.all.len());
        // The first line of servers shows their service: the selection stays below it.
        if self.top == self.place && self.top > 0 && self.above().is_some() {
            self.top -= 1;
        }
    }
}

/// Sorts a service's servers, which stand in ipvsadm's order.
/// The services in order, by the sums of what their servers are sorted by. Where there is none, as
/// of addresses and weights, they stay in ipvsadm's.
fn services<'a>(sort: Sort, seen: &Seen<'a>) -> Vec<&'a ServiceEntry> {
    let mut all: Vec<&ServiceEntry> = seen.snapshot.services.iter().collect();
    if sort.by == By::Address {
        return all;
    }
    let rate = |entry: &ServiceEntry, metric: Metric| {
        let stats = entry.stats.filter(|_| !seen.snapshot.estimator_off());
        stats.map(|stats| metric.now(&stats.rates))
    };
    sort.apply(&mut all, |entry| match sort.by {
        By::Rate | By::Column(Column::RateLine) => rate(entry, seen.rate),
        By::Column(Column::Rate(metric)) => rate(entry, metric),
        By::Column(Column::Active) => Some(entry.active()),
        By::Column(Column::Inactive) => Some(entry.inactive()),
        By::Column(Column::ConnectionsLine) => Some(entry.active() + entry.inactive()),
        By::Column(Column::Persistent) => {
            entry.servers.iter().map(|server| server.persistent.map(u64::from)).sum()
        }
        By::Address | By::Column(_) => None,
    });
    all
}

fn sort(sort: Sort, servers: &mut [&ServerEntry], entry: &ServiceEntry, seen: &Seen<'_>) {
    let rate = |server: &ServerEntry, metric: Metric| {
        let stats = server.stats.filter(|_| !seen.snapshot.estimator_off());
        stats.map(|stats| metric.now(&stats.rates))
    };
    let gets: Vec<(ServerKey, Option<u64>)> = match sort.by {
        By::Column(Column::Share) => {
            let keys = entry.servers.iter().map(|server| server.server.key);
            keys.zip((seen.gets)(entry)).collect()
        }
        _ => Vec::new(),
    };
    sort.apply(servers, |server| {
        let config = &server.server;
        match sort.by {
            By::Address => None,
            By::Rate => rate(server, seen.rate),
            By::Column(column) => match column {
                Column::Forwarding => Some(u64::from(config.forwarding.number())),
                Column::Weight => Some(config.weight.into()),
                Column::Active => Some(server.active.into()),
                Column::Inactive => Some(server.inactive.into()),
                Column::Persistent => server.persistent.map(u64::from),
                Column::Rate(metric) => rate(server, metric),
                Column::RateLine => rate(server, seen.rate),
                Column::Upper => entry.thresholds(server).map(|(upper, _)| upper.into()),
                Column::Lower => entry.thresholds(server).map(|(_, lower)| lower.into()),
                Column::ConnectionsLine => {
                    Some(u64::from(server.active) + u64::from(server.inactive))
                }
                Column::Share => {
                    let found = gets.iter().find(|(key, _)| *key == config.key);
                    found.and_then(|(_, gets)| *gets)
                }
            },
        }
    });
}
