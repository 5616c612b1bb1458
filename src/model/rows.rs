//! The services and their servers as rows, in ipvsadm's order, and which one is selected.
//!
//! The selection is a key and not a place: rows that come and go never move it onto another
//! server. When its row goes, nothing is selected, so that a key meant for it hits nobody else.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::fmt;

use crate::ipvs::{ServerKey, ServiceKey};
use crate::snapshot::Snapshot;

/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Row {
    /// A virtual service.
    Service(ServiceKey),
    /// A real server of a service.
    Server(ServiceKey, ServerKey),
}

impl Row {
    /// The service it is, or belongs to.
    pub fn service(&self) -> ServiceKey {
        match self {
            Self::Service(service) | Self::Server(service, _) => *service,
        }
    }
}

/// The order on the screen: a service, then its servers.
impl Ord for Row {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |row: &Self| match row {
            Self::Service(service) => (*service, None),
            Self::Server(service, server) => (*service, Some(*server)),
        };
        rank(self).cmp(&rank(other))
    }
}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => write!(f, "service {service}"),
            Self::Server(service, server) => write!(f, "real server {server} of {service}"),
        }
    }
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
}

impl Rows {
    /// Every row.
    pub fn all(&self) -> &[Row] {
        &self.all
    }

    /// The selected row, unless it has gone.
    pub fn selected(&self) -> Option<Row> {
        self.selected
    }

    /// Whether a row is marked. Only servers can be.
    pub fn is_marked(&self, row: &Row) -> bool {
        self.marked.contains(row)
    }

    /// The marked rows, in the order of the screen.
    pub fn marked(&self) -> impl Iterator<Item = &Row> {
        self.marked.iter()
    }

    /// Marks the selected server or takes its mark away, and goes on to the next row.
    pub fn mark(&mut self) {
        let Some(row @ Row::Server(..)) = self.selected else { return };
        if !self.marked.remove(&row) {
            self.marked.insert(row);
        }
        self.step(1);
    }

    /// Takes every mark away. False if there was none.
    pub fn unmark(&mut self) -> bool {
        let any = !self.marked.is_empty();
        self.marked.clear();
        any
    }

    /// The first row on the screen.
    pub fn top(&self) -> usize {
        self.top
    }

    /// Takes the rows of a new snapshot. Returns the selected row if it has gone.
    pub fn follow(&mut self, snapshot: &Snapshot) -> Option<Row> {
        let first = self.all.is_empty();
        self.all.clear();
        for entry in &snapshot.services {
            let service = entry.service.key;
            self.all.push(Row::Service(service));
            self.all.extend(entry.servers.iter().map(|s| Row::Server(service, s.server.key)));
        }
        // A mark on a server that has gone must not come back with a new one of its name.
        self.marked.retain(|row| self.all.binary_search(row).is_ok());
        if first {
            // A fresh console selects the first server, which is what most keys are about.
            self.place = self.all.iter().position(|r| matches!(r, Row::Server(..))).unwrap_or(0);
            self.select(self.place);
            return None;
        }
        let gone = self.selected.filter(|row| match self.all.binary_search(row) {
            Ok(place) => {
                self.place = place;
                false
            }
            Err(_) => true,
        });
        if gone.is_some() {
            self.selected = None;
        }
        self.place = self.place.min(self.all.len().saturating_sub(1));
        self.show();
        gone
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

    /// Moves by a page, one row of which stays in sight.
    pub fn page(&mut self, by: isize) {
        let page = isize::try_from(self.page.saturating_sub(1).max(1)).unwrap_or(1);
        self.select(self.place.saturating_add_signed(by * page));
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

    fn select(&mut self, place: usize) {
        self.place = place.min(self.all.len().saturating_sub(1));
        self.selected = self.all.get(self.place).copied();
        self.show();
    }

    /// Scrolls so that the place is on the screen, and no further than there are rows.
    fn show(&mut self) {
        if self.page == 0 {
            return;
        }
        self.top = self.top.min(self.place);
        if self.place >= self.top + self.page {
            self.top = self.place + 1 - self.page;
        }
        self.top = self.top.min(self.all.len().saturating_sub(self.page));
        // The service's own row stays in sight with its first server.
        if self.top == self.place && self.top > 0 && self.page > 1 {
            let above = self.all.get(self.top - 1);
            if matches!(self.selected, Some(Row::Server(..)))
                && matches!(above, Some(Row::Service(_)))
            {
                self.top -= 1;
            }
        }
    }
}
