//! Which rows are shown and in which order, and what their lines of values span.

use std::time::Duration;

use super::filter::Filter;
use super::rows::{Lost, Seen};
use super::{By, Column, Model, Row, Rows, Share, Sieve, Sort, Tone};
use crate::command::View;
use crate::history::Metric;
use crate::ipvs::{ServerKey, ServiceKey};
use crate::snapshot::{ServiceEntry, Snapshot};

/// What lines of values can span. The history holds a little more than the longest.
pub const WINDOWS: [Duration; 3] =
    [Duration::from_secs(60), Duration::from_secs(300), Duration::from_secs(1800)];

/// What a line of values is as high as the largest of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scale {
    /// Its own values.
    #[default]
    Own,
    /// Those of every server of its service, so that their lines can be compared. The service's
    /// own line is their sum and keeps its own.
    Service,
}

impl Model {
    /// Has the rows taken from `snapshot`.
    pub(super) fn with_seen<T>(
        &mut self,
        snapshot: &Snapshot,
        take: impl FnOnce(&mut Rows, &Seen<'_>) -> T,
    ) -> T {
        let mut rows = std::mem::take(&mut self.rows);
        let drains = &self.drains;
        let draining =
            |service: &ServiceKey, server: &ServerKey| drains.of(service, server).is_some();
        let gets = |entry: &ServiceEntry| {
            let percent = |share: Share| share.gets.map(|gets| (gets * 1000.0) as u64);
            self.shares(entry).into_iter().map(percent).collect()
        };
        let outside = &self.outside;
        let changed = |service: &ServiceKey, server: Option<&ServerKey>| {
            outside.on(service, server, snapshot.at).is_some()
        };
        let flapping = |service: &ServiceKey, server: &ServerKey| {
            outside.flap(service, server, snapshot.at).is_some()
        };
        let seen = Seen {
            snapshot,
            rate: self.rate,
            draining: &draining,
            changed: &changed,
            flapping: &flapping,
            gets: &gets,
        };
        let taken = take(&mut rows, &seen);
        self.rows = rows;
        taken
    }

    /// Takes the rows of a new snapshot; says what became of the selected one.
    pub(super) fn follow_rows(&mut self, snapshot: &Snapshot) {
        let asked = self.prompt.is_some() && !self.types_a_table_s_filter();
        match self.with_seen(snapshot, |rows, seen| rows.follow(seen, asked)) {
            Some(Lost::Gone(gone)) => {
                let text = format!("{gone} is gone from the table; nothing is selected");
                self.say(Tone::Warning, text);
                if self.view == View::Services {
                    self.detail = None; // the journal's is of an entry
                }
                if matches!(&self.prompt, Some(p) if p.is_about(&gone)) {
                    self.prompt = None;
                }
            }
            Some(Lost::Hidden(row)) if self.notice.is_none() => {
                let text = format!("{row} does not match any more; nothing is selected");
                self.say(Tone::Info, text);
            }
            Some(Lost::Hidden(_)) | None => {}
        }
    }

    /// Takes the rows anew from the snapshot that is there, after a key.
    pub(super) fn arrange(&mut self) {
        if let Some(snapshot) = self.shown().cloned() {
            self.with_seen(&snapshot, Rows::arrange);
        }
    }

    /// Asks what rows have to be.
    pub(super) fn ask_filter(&mut self) {
        let (before, selected) = (self.filter_here().cloned(), self.rows.selected());
        self.ask_for(Sieve::Table { before, selected });
    }

    /// The rows follow what is typed; `wanted` is selected where it is among them.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) fn rows_typed(&mut self, text: &str, wanted: Option<Row>) -> Result<(), String> {
        let filter = Filter::read(text)?;
        let unfinished = filter.as_ref().zip(self.shown());
        if !unfinished.is_some_and(|(filter, now)| filter.is_unfinished(now)) {
            self.narrow(filter, wanted);
        }
        Ok(())
    }

    /// The same when it is kept.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) fn keep_rows(&mut self, text: &str, wanted: Option<Row>) -> Result<(), String> {
        self.narrow(Filter::read(text)?, wanted);
        if self.view == View::Hosts {
            self.hosts.select_shown();
        }
        Ok(())
    }

    /// The filter of the view: of services, or of hosts.
    fn filter_here(&self) -> Option<&Filter> {
        if self.view == View::Hosts { self.hosts.filter() } else { self.rows.filter() }
    }

    pub(super) fn narrow(&mut self, filter: Option<Filter>, wanted: Option<Row>) {
        if self.filter_here() == filter.as_ref() {
            return;
        }
        if self.view == View::Hosts {
            self.hosts.set_filter(filter);
            return self.follow_hosts();
        }
        match self.shown().cloned() {
            Some(now) => self.with_seen(&now, |rows, seen| rows.narrow(filter, wanted, seen)),
            None => self.rows.set_filter(filter),
        }
    }

    /// Esc in the table shows everything again.
    pub(super) fn clear_filter(&mut self) {
        if self.rows.filter().is_some() {
            self.rows.set_filter(None);
            self.arrange();
        }
    }

    /// The same among hosts; false if there was no filter.
    pub(super) fn clear_filter_of_hosts(&mut self) -> bool {
        let filtered = self.hosts.filter().is_some();
        if filtered {
            self.hosts.set_filter(None);
            self.follow_hosts();
        }
        filtered
    }

    /// Left: from a server to its service, which it then folds.
    pub(super) fn fold(&mut self) {
        self.rows.fold();
        self.arrange();
    }

    pub(super) fn unfold(&mut self) {
        self.rows.unfold();
        self.arrange();
    }

    pub(super) fn fold_all(&mut self) {
        self.rows.fold_all();
        self.arrange();
    }

    pub(super) fn sort_by_next(&mut self) {
        let hosts = [Column::Weight, Column::Active, Column::Inactive, Column::Rate(self.rate)];
        let columns = if self.view == View::Hosts { &hosts[..] } else { &self.columns };
        self.set_sort(self.sort().next(columns));
    }

    pub(super) fn reverse_sort(&mut self) {
        let sort = self.sort();
        self.set_sort(Sort { reversed: !sort.reversed, ..sort });
    }

    /// A head was clicked.
    pub(super) fn sort_by(&mut self, by: By) {
        self.set_sort(self.sort().clicked(by));
    }

    /// Sets a filter as if it had been typed, and selects the first server that it finds.
    pub(super) fn show_only(&mut self, text: &str) {
        if let Ok(filter) = Filter::read(text) {
            self.narrow(filter, None);
            self.rows.select_first_server();
        }
    }

    /// Selects a row, whatever hides it. False if it is not in the table.
    pub(super) fn select_row(&mut self, row: &Row) -> bool {
        if self.rows.find(row) {
            return true;
        }
        self.rows.set_filter(None);
        self.rows.open(&row.service());
        self.arrange();
        self.rows.find(row)
    }

    fn sort(&self) -> Sort {
        if self.view == View::Hosts { self.hosts.sort() } else { self.rows.sort() }
    }

    fn set_sort(&mut self, sort: Sort) {
        if self.view == View::Hosts {
            self.hosts.set_sort(sort);
            self.follow_hosts();
        } else {
            self.rows.set_sort(sort);
            self.arrange();
        }
    }

    /// A click on the sign of a service.
    pub(super) fn turn_fold(&mut self) {
        self.rows.turn_fold();
        self.arrange();
    }

    pub(super) fn next_rate(&mut self) {
        self.rate = after(&Metric::RATES, self.rate);
        self.arrange(); // servers may be sorted by it
    }

    pub(super) fn next_window(&mut self) {
        self.window = after(&WINDOWS, self.window);
    }

    pub(super) fn next_scale(&mut self) {
        self.scale = after(&[Scale::Own, Scale::Service], self.scale);
    }
}

/// The one after `present`, round and round.
fn after<T: Copy + PartialEq>(all: &[T], present: T) -> T {
    let place = all.iter().position(|one| *one == present).map_or(0, |place| place + 1);
    all.iter().cycle().nth(place).copied().unwrap_or(present)
}
