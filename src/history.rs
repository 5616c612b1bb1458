//! Bounded samples per service and server, for sparklines and charts.
//!
//! ```text
//! meter    counters -> rates of our own, where a reset is a gap and not a spike
//! series   samples in three tiers of coarseness, read in windows of time
//! ```

mod meter;
mod series;

use std::collections::HashMap;
use std::time::Duration;

use meter::Meter;
use series::Sample;
pub use series::Series;

use crate::ipvs::{Counters, ServerKey, ServiceKey};
use crate::snapshot::{Moment, Snapshot};

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
}

/// The past of one director.
#[derive(Clone, Debug, Default)]
pub struct History {
    director: Track,
    services: HashMap<ServiceKey, Track>,
    servers: HashMap<(ServiceKey, ServerKey), Track>,
}

impl History {
    /// How long the past of a row that has gone is kept, so that a server that is deleted and
    /// added again (keepalived does) shows its gap and not a fresh start.
    const KEEP_GONE: Duration = Duration::from_secs(600);

    /// Takes a snapshot in. Rows that are not in it get a gap.
    pub fn push(&mut self, snapshot: &Snapshot) {
        let at = snapshot.at;
        let (mut active, mut inactive) = (0, 0);
        for entry in &snapshot.services {
            let key = entry.service.key;
            let (a, i) = (entry.active(), entry.inactive());
            active += a;
            inactive += i;
            let track = self.services.entry(key).or_default();
            track.push(at, a, i, entry.stats.map(|s| s.counters));
            for server in &entry.servers {
                let track = self.servers.entry((key, server.server.key)).or_default();
                // Counters that were not read again are not a rate of zero.
                let fresh = entry.servers_read >= at;
                let counters = server.stats.filter(|_| fresh).map(|s| s.counters);
                track.push(at, server.active.into(), server.inactive.into(), counters);
            }
        }
        let totals = snapshot.totals.get().map(|s| s.counters);
        self.director.push(at, active, inactive, totals);
        Self::sweep(&mut self.services, at);
        Self::sweep(&mut self.servers, at);
    }

    /// Notes that a poll failed at `at`: everything has a gap from here on.
    pub fn gap(&mut self, at: Moment) {
        self.director.series.gap(at);
        self.services.values_mut().for_each(|t| t.series.gap(at));
        self.servers.values_mut().for_each(|t| t.series.gap(at));
    }

    fn sweep<K: Eq + std::hash::Hash>(tracks: &mut HashMap<K, Track>, at: Moment) {
        tracks.retain(|_, track| {
            if track.seen < at {
                track.series.gap(at);
                track.meter = Meter::default();
            }
            at.since(track.seen) < Self::KEEP_GONE
        });
    }

    /// The past of the whole director.
    pub fn director(&self) -> &Series {
        &self.director.series
    }

    /// The past of a service.
    pub fn service(&self, key: &ServiceKey) -> Option<&Series> {
        self.services.get(key).map(|t| &t.series)
    }

    /// The past of a real server.
    pub fn server(&self, service: &ServiceKey, server: &ServerKey) -> Option<&Series> {
        self.servers.get(&(*service, *server)).map(|t| &t.series)
    }
}
