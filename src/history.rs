//! Bounded samples per service and server, for sparklines and charts.
//!
//! ```text
//! meter    counters -> rates of our own, where a reset is a gap and not a spike
//! series   samples in three tiers of coarseness, read in windows of time
//! ```

mod meter;
mod series;

use std::time::Duration;

use meter::Meter;
use series::Sample;
pub use series::Series;

use crate::ipvs::{Counters, Rates, ServerKey, ServiceKey};
use crate::snapshot::{Moment, ServerEntry, ServiceEntry, Snapshot};

/// A value that can be drawn over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Metric {
    /// Active connections.
    Active,
    /// Active and inactive connections.
    Connections,
    /// New connections a second.
    Cps,
    /// Packets a second from clients.
    InPps,
    /// Packets a second to clients.
    OutPps,
    /// Bytes a second from clients.
    InBps,
    /// Bytes a second to clients.
    OutBps,
}

impl Metric {
    /// Those that are rates, in the order in which they are chosen.
    pub const RATES: [Self; 5] = [Self::Cps, Self::InPps, Self::OutPps, Self::InBps, Self::OutBps];

    /// The kernel's average of it a second. What is no rate counts as [`Cps`](Self::Cps).
    pub fn now(self, rates: &Rates) -> u64 {
        match self {
            Self::InPps => rates.in_packets,
            Self::OutPps => rates.out_packets,
            Self::InBps => rates.in_bytes,
            Self::OutBps => rates.out_bytes,
            Self::Cps | Self::Active | Self::Connections => rates.connections,
        }
    }

    /// ipvsadm's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Connections => "Conns",
            Self::Cps => "CPS",
            Self::InPps => "InPPS",
            Self::OutPps => "OutPPS",
            Self::InBps => "InBPS",
            Self::OutBps => "OutBPS",
        }
    }
}

/// One row's past: its samples, and the meter that makes rates of its counters.
#[derive(Clone, Debug, Default)]
struct Track {
    meter: Meter,
    series: Series,
    seen: Moment,
}

impl Track {
    fn push(&mut self, at: Moment, active: u64, inactive: u64, counters: Option<Counters>) {
        let rates = counters.map(|counters| self.meter.read(at, counters));
        self.series.push(Sample::new(at, active, inactive, rates.flatten()));
        self.seen = at;
    }

    /// The row is not there: a gap, and counters that come back later start anew.
    fn absent(&mut self, at: Moment) {
        self.series.gap(at);
        self.meter = Meter::default();
    }
}

/// A service's past with that of its servers, sorted by key as in every snapshot.
#[derive(Clone, Debug)]
struct ServiceTrack {
    key: ServiceKey,
    track: Track,
    servers: Vec<(ServerKey, Track)>,
}

/// The past of one director.
///
/// Rows are sorted as snapshots are, so that taking one in is a walk along both and not a
/// look-up for every server.
#[derive(Clone, Debug, Default)]
pub struct History {
    director: Track,
    services: Vec<ServiceTrack>,
}

impl History {
    /// How long the past of a row that has gone is kept, so that a server that is deleted and
    /// added again (keepalived does) shows its gap and not a fresh start.
    const KEEP_GONE: Duration = Duration::from_secs(600);

    /// Takes a snapshot in. Rows that are not in it get a gap.
    pub fn push(&mut self, snapshot: &Snapshot) {
        let at = snapshot.at;
        let (mut active, mut inactive) = (0, 0);
        let new = |entry: &ServiceEntry| ServiceTrack {
            key: entry.service.key,
            track: Track::default(),
            servers: Vec::new(),
        };
        walk(
            &mut self.services,
            &snapshot.services,
            |s| s.key,
            |s| s.service.key,
            new,
            |past, entry| {
                let Some(entry) = entry else {
                    past.servers.iter_mut().for_each(|(_, track)| track.absent(at));
                    past.track.absent(at);
                    return;
                };
                let (a, i) = (entry.active(), entry.inactive());
                active += a;
                inactive += i;
                past.track.push(at, a, i, entry.stats.map(|s| s.counters));
                past.servers(entry, at);
            },
        );
        let totals = snapshot.totals.get().map(|s| s.counters);
        self.director.push(at, active, inactive, totals);
        self.services.retain(|s| at.since(s.track.seen) < Self::KEEP_GONE);
    }

    /// Notes that a poll failed at `at`: everything has a gap from here on.
    pub fn gap(&mut self, at: Moment) {
        self.director.series.gap(at);
        for service in &mut self.services {
            service.track.series.gap(at);
            service.servers.iter_mut().for_each(|(_, track)| track.series.gap(at));
        }
    }

    /// The earliest moment of which anything may be known.
    pub fn earliest(&self) -> Moment {
        Moment::default()
    }

    /// Whether the table was read at a moment, or not longer than `hold` before it.
    pub fn knows(&self, _at: Moment, _hold: Duration) -> bool {
        false
    }

    /// What is known of an earlier moment, as if it were read then.
    pub fn recall(&self, held: &Snapshot, _at: Moment, _hold: Duration) -> Snapshot {
        held.clone()
    }

    /// The past of the whole director.
    pub fn director(&self) -> &Series {
        &self.director.series
    }

    /// The past of a service.
    pub fn service(&self, key: &ServiceKey) -> Option<&Series> {
        self.find(key).map(|s| &s.track.series)
    }

    /// The past of a real server.
    pub fn server(&self, service: &ServiceKey, server: &ServerKey) -> Option<&Series> {
        let servers = &self.find(service)?.servers;
        let found = servers.binary_search_by(|(key, _)| key.cmp(server)).ok()?;
        servers.get(found).map(|(_, track)| &track.series)
    }

    fn find(&self, key: &ServiceKey) -> Option<&ServiceTrack> {
        let found = self.services.binary_search_by(|s| s.key.cmp(key)).ok()?;
        self.services.get(found)
    }
}

impl ServiceTrack {
    fn servers(&mut self, entry: &ServiceEntry, at: Moment) {
        // Counters that were not read again are not a rate of zero.
        let fresh = entry.servers_read >= at;
        let new = |server: &ServerEntry| (server.server.key, Track::default());
        walk(
            &mut self.servers,
            &entry.servers,
            |s| s.0,
            |s| s.server.key,
            new,
            |past, server| match server {
                Some(server) => {
                    let counters = server.stats.filter(|_| fresh).map(|s| s.counters);
                    past.1.push(at, server.active.into(), server.inactive.into(), counters);
                }
                None => past.1.absent(at),
            },
        );
        self.servers.retain(|(_, track)| at.since(track.seen) < History::KEEP_GONE);
    }
}

/// Windows of several series, of equal length, as one: the sum of what is known. Nothing is known
/// only where nothing is of any: a server that was not in the table then held no connections.
pub fn summed(windows: impl Iterator<Item = Vec<Option<f32>>>) -> Vec<Option<f32>> {
    let add = |a: Option<f32>, b: Option<f32>| match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    };
    let sum = |all: Vec<_>, one: Vec<_>| all.into_iter().zip(one).map(|(a, b)| add(a, b)).collect();
    windows.reduce(sum).unwrap_or_default()
}

/// Walks along what is known and what was found, both sorted by key: adds what is new, and calls
/// `each` once for everything known, with what was found of it.
fn walk<P, F, K: Ord>(
    past: &mut Vec<P>,
    found: &[F],
    past_key: impl Fn(&P) -> K,
    found_key: impl Fn(&F) -> K,
    new: impl Fn(&F) -> P,
    mut each: impl FnMut(&mut P, Option<&F>),
) {
    let mut place = 0;
    for item in found {
        let key = found_key(item);
        while let Some(gone) = past.get_mut(place).filter(|p| past_key(p) < key) {
            each(gone, None);
            place += 1;
        }
        if past.get(place).is_none_or(|p| past_key(p) != key) {
            past.insert(place, new(item));
        }
        if let Some(known) = past.get_mut(place) {
            each(known, Some(item));
        }
        place += 1;
    }
    past.iter_mut().skip(place).for_each(|gone| each(gone, None));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_is_a_gap_only_where_nothing_is_known() {
        let windows = [vec![Some(1.0), Some(2.0), None], vec![Some(3.0), None, None]];
        assert_eq!(summed(windows.into_iter()), [Some(4.0), Some(2.0), None]);
        assert_eq!(summed(std::iter::empty()), []);
    }

    #[test]
    fn what_comes_stays_and_goes_is_walked_in_order() {
        let mut past = vec![(1, "old"), (3, "old"), (5, "old")];
        let mut seen = Vec::new();
        let found = [2, 3, 6];
        walk(
            &mut past,
            &found,
            |p| p.0,
            |f| *f,
            |f| (*f, "new"),
            |p, f| {
                seen.push((p.0, p.1, f.is_some()));
            },
        );
        let all = [
            (1, "old", false),
            (2, "new", true),
            (3, "old", true),
            (5, "old", false),
            (6, "new", true),
        ];
        assert_eq!(seen, all);
        assert_eq!(past.len(), 5);
    }
}
