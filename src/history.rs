//! The past of one director, of bounded size: for lines of values, and for the table as it was at
//! an earlier moment.
//!
//! ```text
//! meter    counters -> rates of our own, where a reset is a gap and not a spike
//! store    the numbers of all rows over time: a row is a slot in every frame
//! ring     frames in three tiers of coarseness
//! packed   a frame's numbers in as few bits as they want       code   rates as small numbers
//! series   one row of all that, in windows of time or at a moment
//! recall   all rows at a moment, in the shape of a snapshot
//! ```
//!
//! A row of a large busy table takes some 1.5 KB for half an hour, one that stands still almost
//! nothing.

mod code;
mod meter;
mod packed;
mod recall;
mod ring;
mod series;
mod store;

use std::time::Duration;

use meter::Meter;
use series::millis;
pub use series::{Known, Series};
use store::{Kind, Row, Store};

use crate::ipvs::{Counters, Rates, ServerKey, ServiceKey};
use crate::snapshot::{Moment, ServerEntry, Servers, ServiceEntry, Snapshot};

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

    /// Its place among the rates. What is no rate counts as [`Cps`](Self::Cps).
    fn column(self) -> usize {
        Self::RATES.iter().position(|rate| *rate == self).unwrap_or(0)
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

/// A row: where its past is, and the meter that makes rates of its counters.
#[derive(Clone, Debug, Default)]
struct Track {
    row: Option<Row>,
    /// When it was seen last, in milliseconds.
    seen: u64,
    meter: Meter,
}

/// What a poll found of a row.
struct Found {
    active: u64,
    inactive: u64,
    weight: Option<u32>,
    /// `None` where they were not read.
    counters: Option<Counters>,
}

impl Track {
    fn push(&mut self, store: &mut Store, at: u64, found: &Found) {
        let kind = if found.weight.is_some() { Kind::Server } else { Kind::Sum };
        let row = *self.row.get_or_insert_with(|| store.row(kind, at));
        store.count(row, found.active, found.inactive, found.weight);
        if let Some(counters) = found.counters {
            store.rate(row, self.meter.read(at, counters));
        }
        self.seen = at;
    }

    /// The row is not there: a gap, and counters that come back later start anew.
    fn absent(&mut self, store: &mut Store) {
        if let Some(row) = self.row {
            store.absent(row);
        }
        self.meter = Meter::default();
    }

    /// Whether it was there less than `keep` milliseconds ago. If not, its past is forgotten.
    fn lasts(&self, store: &mut Store, at: u64, keep: u64) -> bool {
        let lasts = at.saturating_sub(self.seen) < keep;
        if let (Some(row), false) = (self.row, lasts) {
            store.free(row, at);
        }
        lasts
    }

    fn series<'a>(&self, store: &'a Store) -> Series<'a> {
        Series::new(store, self.row.unwrap_or(Row::NONE))
    }
}

/// A service's track with those of its servers, sorted by key as in every snapshot.
#[derive(Clone, Debug)]
struct ServiceTrack {
    key: ServiceKey,
    track: Track,
    servers: Vec<(ServerKey, Track)>,
    /// What the last poll brought of them, and their connections: a poll in tiers carries most of
    /// a large table over, and what is not read again is not looked at again.
    read: Servers,
    sums: (u64, u64),
}

/// The past of one director.
///
/// Rows are sorted as snapshots are, so that taking one in is a walk along both and not a
/// look-up for every server.
#[derive(Clone, Debug, Default)]
pub struct History {
    store: Store,
    director: Track,
    services: Vec<ServiceTrack>,
}

impl History {
    /// How long the past of a row that has gone is kept, so that a server that is deleted and
    /// added again (keepalived does) shows its gap and not a fresh start; in milliseconds.
    const KEEP_GONE: u64 = 600_000;
    /// And how long where more rows have gone than are there.
    const KEEP_MANY: u64 = 60_000;
    /// Fewer gone rows than this are never many.
    const FEW: usize = 1_000;

    /// Takes a snapshot in. Rows that are not in it get a gap.
    pub fn push(&mut self, snapshot: &Snapshot) {
        let at = millis(snapshot.at.0);
        let Self { store, director, services } = self;
        store.begin(at);
        let (mut active, mut inactive) = (0, 0);
        let (mut there, mut gone) = (0, 0);
        let new = |entry: &ServiceEntry| ServiceTrack {
            key: entry.service.key,
            track: Track::default(),
            servers: Vec::new(),
            read: Servers::default(),
            sums: (0, 0),
        };
        walk(
            services,
            &snapshot.services,
            |s| s.key,
            |s| s.service.key,
            new,
            |past, entry| {
                let Some(entry) = entry else {
                    past.servers.iter_mut().for_each(|(_, track)| track.absent(store));
                    past.track.absent(store);
                    past.read = Servers::default();
                    gone += 1 + past.servers.len();
                    return;
                };
                if !past.read.same_reading(&entry.servers) {
                    past.servers(entry, at, store);
                }
                let (a, i) = past.sums;
                active += a;
                inactive += i;
                there += entry.servers.len();
                gone += past.servers.len().saturating_sub(entry.servers.len());
                let counters = entry.stats.map(|s| s.counters);
                let found = Found { active: a, inactive: i, weight: None, counters };
                past.track.push(store, at, &found);
            },
        );
        let counters = snapshot.totals.get().map(|s| s.counters);
        director.push(store, at, &Found { active, inactive, weight: None, counters });
        store.end(at);
        if gone > 0 {
            let many = gone > there + Self::FEW;
            self.forget(at, if many { Self::KEEP_MANY } else { Self::KEEP_GONE });
        }
    }

    /// Forgets the rows that have been gone for `keep` milliseconds.
    fn forget(&mut self, at: u64, keep: u64) {
        let store = &mut self.store;
        self.services.retain_mut(|service| {
            service.servers.retain(|(_, track)| track.lasts(store, at, keep));
            service.track.lasts(store, at, keep)
        });
    }

    /// Notes that a poll failed at `at`: everything has a gap from here on.
    pub fn gap(&mut self, at: Moment) {
        self.store.gap(millis(at.0));
    }

    /// The machine stood still from `at` on: a gap, and what counters gain over it is no rate.
    pub fn stood_still(&mut self, at: Moment) {
        self.gap(at);
        self.director.meter = Meter::default();
        for service in &mut self.services {
            service.track.meter = Meter::default();
            service.servers.iter_mut().for_each(|(_, track)| track.meter = Meter::default());
        }
    }

    /// The past of the whole director.
    pub fn director(&self) -> Series<'_> {
        self.director.series(&self.store)
    }

    /// The past of a service.
    pub fn service(&self, key: &ServiceKey) -> Option<Series<'_>> {
        self.find(key).map(|s| s.track.series(&self.store))
    }

    /// The past of a real server.
    pub fn server(&self, service: &ServiceKey, server: &ServerKey) -> Option<Series<'_>> {
        let servers = &self.find(service)?.servers;
        let found = servers.binary_search_by(|(key, _)| key.cmp(server)).ok()?;
        servers.get(found).map(|(_, track)| track.series(&self.store))
    }

    /// The moments at which something is known, oldest first: polls in the last minute, the
    /// beginnings of averages before.
    pub fn moments(&self) -> impl DoubleEndedIterator<Item = Moment> {
        let known = self.store.counts.iter().filter(|(frame, _)| frame.columns.is_some());
        known.map(|(frame, _)| Moment(Duration::from_millis(frame.at)))
    }

    /// From when to when something is known.
    pub fn held(&self) -> Option<(Moment, Moment)> {
        let mut moments = self.moments();
        let first = moments.next()?;
        Some((first, moments.next_back().unwrap_or(first)))
    }

    /// What it takes in memory, in bytes, as far as that can be told from within.
    pub fn bytes(&self) -> usize {
        let servers = |s: &ServiceTrack| s.servers.capacity() * size_of::<(ServerKey, Track)>();
        let services = self.services.capacity() * size_of::<ServiceTrack>();
        self.store.bytes() + services + self.services.iter().map(servers).sum::<usize>()
    }

    fn find(&self, key: &ServiceKey) -> Option<&ServiceTrack> {
        let found = self.services.binary_search_by(|s| s.key.cmp(key)).ok()?;
        self.services.get(found)
    }
}

impl ServiceTrack {
    /// Takes the servers in; their connections together are the service's.
    fn servers(&mut self, entry: &ServiceEntry, at: u64, store: &mut Store) {
        // Counters that were not read again are not a rate of zero.
        let fresh = millis(entry.servers_read.0) >= at;
        self.read = entry.servers.clone();
        let sums = &mut self.sums;
        *sums = (0, 0);
        let new = |server: &ServerEntry| (server.server.key, Track::default());
        self.servers.reserve_exact(entry.servers.len().saturating_sub(self.servers.len()));
        walk(
            &mut self.servers,
            &entry.servers,
            |s| s.0,
            |s| s.server.key,
            new,
            |past, server| match server {
                Some(server) => {
                    let counters = server.stats.filter(|_| fresh).map(|s| s.counters);
                    let (active, inactive) = (server.active.into(), server.inactive.into());
                    let weight = Some(server.server.weight);
                    past.1.push(store, at, &Found { active, inactive, weight, counters });
                    sums.0 += active;
                    sums.1 += inactive;
                }
                None => past.1.absent(store),
            },
        );
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
        if let Some(known) = past.get_mut(place).filter(|p| past_key(p) == key) {
            each(known, Some(item)); // as almost always
            place += 1;
            continue;
        }
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
    use crate::ipvs::Change;
    use crate::kernel::sim::{Clock, Director, Scenario, SimReader};
    use crate::kernel::{Reader, Want, Writer};

    const HOLD: Duration = Duration::from_secs(3);

    /// A director that moves on by a second with every poll.
    fn director(scenario: &str) -> (Director, SimReader) {
        let scenario: Scenario = scenario.parse().unwrap();
        let director = Director::open(scenario, 1, Clock::Step(Duration::from_secs(1)));
        let reader = director.reader();
        (director, reader)
    }

    fn poll(reader: &mut SimReader, history: &mut History) -> Snapshot {
        let snapshot = reader.snapshot(&Want::everything()).unwrap();
        history.push(&snapshot);
        snapshot
    }

    /// Every number of a table of the last minute can be had again.
    #[test]
    fn the_table_of_an_earlier_moment_is_what_it_was() {
        let (_, mut reader) = director("web");
        let mut history = History::default();
        let polls: Vec<Snapshot> = (0..200).map(|_| poll(&mut reader, &mut history)).collect();
        for snapshot in polls.iter().rev().take(60) {
            for entry in &snapshot.services {
                let key = &entry.service.key;
                let known = history.service(key).unwrap().at(snapshot.at, HOLD).unwrap();
                assert_eq!((known.active, known.inactive), (entry.active(), entry.inactive()));
                assert_eq!(known.weight, None);
                for server in &entry.servers {
                    let past = history.server(key, &server.server.key).unwrap();
                    let known = past.at(snapshot.at, HOLD).unwrap();
                    let counts = (server.active.into(), server.inactive.into());
                    assert_eq!((known.active, known.inactive), counts);
                    assert_eq!(known.weight, Some(server.server.weight));
                    let kernels = server.stats.unwrap().rates.in_packets;
                    let ours = known.rates.unwrap().in_packets;
                    let most = kernels.max(ours).max(40);
                    assert!(ours.abs_diff(kernels) <= most, "{ours} and {kernels} by the kernel");
                }
            }
        }
        let moments: Vec<Moment> = history.moments().collect();
        assert!(moments.is_sorted());
        let (first, last) = history.held().unwrap();
        assert!(polls[0].at.since(first) < Duration::from_secs(5), "an average begins earlier");
        assert_eq!((moments[0], last), (first, polls[199].at));
        let newest: Vec<Moment> = polls.iter().rev().take(60).map(|s| s.at).collect();
        assert_eq!(moments.iter().rev().take(60).copied().collect::<Vec<_>>(), newest);
    }

    #[test]
    fn a_server_that_comes_back_soon_shows_its_gap() {
        let (director, mut reader) = director("web");
        let mut history = History::default();
        let before = (0..5).map(|_| poll(&mut reader, &mut history)).last().unwrap();
        let entry = &before.services[0];
        let (service, server) = (entry.service.key, entry.servers[0].server.clone());
        let change = |before, after| Change::Server { service, before, after };
        let mut writer = director.writer();
        writer.apply(&change(Some(server.clone()), None)).unwrap();
        let gone = (0..10).map(|_| poll(&mut reader, &mut history)).last().unwrap();
        writer.apply(&change(None, Some(server.clone()))).unwrap();
        let back = poll(&mut reader, &mut history);
        let past = history.server(&service, &server.key).unwrap();
        assert!(past.at(before.at, HOLD).is_some());
        assert_eq!(past.at(gone.at, HOLD), None);
        assert!(past.at(back.at, HOLD).is_some());
        let active = past.window(Metric::Active, back.at, Duration::from_secs(16), 16, HOLD);
        assert_eq!(active.iter().filter(|v| v.is_none()).count(), 10, "{active:?}");
    }

    #[test]
    fn the_past_of_what_is_gone_for_long_is_forgotten_and_its_room_used_again() {
        let (director, mut reader) = director("web");
        let mut history = History::default();
        let mut writer = director.writer();
        let key =
            |n: u32| ServerKey::new(std::net::Ipv4Addr::from_bits(0x0a09_0000 + n).into(), 80);
        let service = poll(&mut reader, &mut history).services[0].service.key;
        let shape = crate::ipvs::Forwarding::Masq;
        let server = |n| crate::ipvs::Server::new(key(n), shape, 1);
        let mut largest = 0;
        for n in 0..3_000 {
            if n > 0 {
                let gone = Change::Server { service, before: Some(server(n - 1)), after: None };
                writer.apply(&gone).unwrap();
            }
            let new = Change::Server { service, before: None, after: Some(server(n)) };
            writer.apply(&new).unwrap();
            poll(&mut reader, &mut history);
            if n == 1_500 {
                largest = history.bytes();
            }
        }
        assert!(history.server(&service, &key(2_900)).is_some());
        assert!(history.server(&service, &key(2_300)).is_none());
        assert!(history.bytes() < largest * 11 / 10, "{} after {largest}", history.bytes());
    }

    /// What a table of 20,000 busy servers may take is 64 MiB with everything else.
    #[test]
    fn half_an_hour_of_a_busy_row_takes_a_kilobyte_and_a_half() {
        let (_, mut reader) = director("big:50x20");
        let mut history = History::default();
        (0..2_400).for_each(|_| drop(poll(&mut reader, &mut history)));
        let rows = 1 + 50 + 1_000;
        let each = history.bytes() / rows;
        println!("{each} bytes a row");
        assert!(each <= 1_500 + frames_overhead(rows), "{each} bytes a row");
    }

    /// Frames and columns have a size of their own, which a large table shares among its rows.
    fn frames_overhead(rows: usize) -> usize {
        (170 * 3 * 24 + 140 * 5 * 24 + 310 * 24) / rows
    }

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
