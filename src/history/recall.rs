//! The table as it was at an earlier moment, as far as the history knows it.

use std::time::Duration;

use super::{History, Known};
use crate::ipvs::{Counters, Stats};
use crate::snapshot::{Moment, Part, ServerEntry, ServiceEntry, Snapshot};

impl History {
    /// The earliest moment of which something is known.
    pub fn earliest(&self) -> Moment {
        self.held().map_or(Moment::default(), |(first, _)| first)
    }

    /// Whether the table was read at a moment, or not longer than `hold` before it.
    pub fn knows(&self, at: Moment, hold: Duration) -> bool {
        self.director().at(at, hold).is_some()
    }

    /// What is known of an earlier moment, in the shape of a snapshot: the rows of `held`, a later
    /// one, that were there then, with their weights, connections and rates.
    ///
    /// What no history keeps is as `held` has it (schedulers, thresholds, sysctls), or is not
    /// known: templates. Counters are 0 and must not be shown; whoever shows the past knows it.
    pub fn recall(&self, held: &Snapshot, at: Moment, hold: Duration) -> Snapshot {
        let totals = self.director().at(at, hold).and_then(stats);
        let before = held.at.since(at);
        Snapshot {
            taken: held.taken.checked_sub(before).unwrap_or(held.taken),
            at,
            totals: match totals {
                Some(totals) => Part::Fresh(totals),
                None => Part::Unreadable("the rates of that moment were not kept".to_owned()),
            },
            services: held.services.iter().filter_map(|e| self.service_at(e, at, hold)).collect(),
            ..held.clone()
        }
    }

    fn service_at(&self, entry: &ServiceEntry, at: Moment, hold: Duration) -> Option<ServiceEntry> {
        let key = &entry.service.key;
        let known = self.service(key)?.at(at, hold)?;
        let servers = entry.servers.iter().filter_map(|server| {
            let known = self.server(key, &server.server.key)?.at(at, hold)?;
            let mut config = server.server.clone();
            config.weight = known.weight.unwrap_or(config.weight);
            Some(ServerEntry {
                server: config,
                active: u32::try_from(known.active).unwrap_or(u32::MAX),
                inactive: u32::try_from(known.inactive).unwrap_or(u32::MAX),
                persistent: None,
                stats: stats(known),
                unknown: Vec::new(),
            })
        });
        Some(ServiceEntry {
            service: entry.service.clone(),
            known: entry.known,
            stats: stats(known),
            servers: servers.collect(),
            servers_read: at,
            unknown: Vec::new(),
        })
    }
}

fn stats(known: Known) -> Option<Stats> {
    Some(Stats { counters: Counters::default(), rates: known.rates? })
}
