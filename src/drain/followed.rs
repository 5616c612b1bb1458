//! One drained server in one service, from snapshot to snapshot.

use std::time::Duration;

use super::Place;
use super::census::{AFFORDABLE, Census, Held};
use super::curve::{Curve, Point};
use super::estimate::Estimate;
use super::judge::{Counters, Facts, judge};
use super::verdict::{Unlooked, Verdict};
use crate::ipvs::{Protocol, ServerKey, ServiceKey};
use crate::journal;
use crate::snapshot::{Moment, ServerEntry, ServiceEntry, Snapshot};

/// How long after weight 0 was seen the counters may still tell of what was before: the kernel
/// copies them every 2 s, and since 6.2 not all at once.
const SETTLES: Duration = Duration::from_secs(4);
/// How long something new counts as lately: three copies.
const LATELY: Duration = Duration::from_secs(6);
/// How long a look at the table is believed, if nothing has changed that can be seen. A
/// connection that is opened again and closed between two snapshots cannot.
const LASTS: Duration = Duration::from_secs(60);
/// How long a drain may take from its first snapshot to weight 0. Later than that, someone else
/// has got in between.
const BEGINS: Duration = Duration::from_secs(10);

/// A server that is drained, in one service, and what is known of it.
#[derive(Clone, Debug)]
pub struct Followed {
    /// The service.
    pub service: ServiceKey,
    /// The server.
    pub server: ServerKey,
    /// Its weight from before.
    pub weight: u32,
    /// Active connections now; `None` if it is gone or was not looked at.
    pub active: Option<u32>,
    /// Inactive connections now.
    pub inactive: Option<u32>,
    /// Persistence templates now; `None` also without netlink.
    pub persistent: Option<u32>,
    /// How it stands.
    pub verdict: Verdict,
    /// How long until it is empty; `None` where that cannot be told or is not the question.
    pub estimate: Option<Estimate>,
    /// How it stood last while it was at weight 0.
    last: Option<Verdict>,
    curve: Curve,
    /// Whether it has been at weight 0 in this drain, as far as is known.
    quiesced: bool,
    first_look: Option<Moment>,
    at_zero: Option<AtZero>,
    census: Option<(Moment, Held)>,
}

/// What is kept while it is at weight 0.
#[derive(Clone, Debug)]
struct AtZero {
    since: Moment,
    /// The newest snapshot.
    at: Moment,
    facts: Facts,
    /// Entries of the whole table.
    entries: u64,
    /// The last change that a look at the table must be younger than.
    changed: Moment,
    connections: Rise,
    packets: Rise,
    /// Active connections can only become fewer, unless old entries are opened again or another
    /// director's are brought here. The counter of connections does not show those.
    active: Rise,
}

/// A value that should not rise.
#[derive(Clone, Copy, Debug, Default)]
struct Rise {
    read: Option<(Moment, u64)>,
    last: Option<(Moment, u64)>,
}

impl Rise {
    /// Takes a reading; tells whether it is higher than the last. A rise between readings of
    /// which the first is from before `settled` is not kept. A lower value is a counter that has
    /// started again.
    fn read(&mut self, at: Moment, value: u64, settled: Moment) -> bool {
        let before = self.read.filter(|(read, _)| *read < at);
        if before.is_none() && self.read.is_some() {
            return false;
        }
        self.read = Some((at, value));
        let Some((read, old)) = before.filter(|(_, old)| value > *old) else { return false };
        if read >= settled {
            self.last = Some((at, value - old));
        }
        true
    }

    fn put_off(&mut self, by: Duration) {
        for (at, _) in self.read.iter_mut().chain(&mut self.last) {
            *at = at.after(by);
        }
    }

    fn lately(&self, now: Moment) -> u64 {
        self.last.filter(|(at, _)| now.since(*at) <= LATELY).map_or(0, |(_, by)| by)
    }
}

impl Followed {
    pub(super) fn new(drained: &journal::Drained, quiesced: bool) -> Self {
        Self {
            service: drained.service,
            server: drained.server,
            weight: drained.weight,
            active: None,
            inactive: None,
            persistent: None,
            verdict: Verdict::Unread,
            estimate: None,
            last: None,
            curve: Curve::default(),
            quiesced,
            first_look: None,
            at_zero: None,
            census: None,
        }
    }

    /// What names it.
    pub fn place(&self) -> Place {
        (self.service, self.server)
    }

    /// What it has held since it was first seen at weight 0.
    pub fn curve(&self) -> &Curve {
        &self.curve
    }

    /// How it stood last while it was at weight 0; `None` if it never was.
    pub(super) fn last(&self) -> Option<&Verdict> {
        self.last.as_ref()
    }

    pub(super) fn follow(&mut self, snapshot: &Snapshot, entries: u64) {
        let at = snapshot.at;
        let first = *self.first_look.get_or_insert(at);
        let service = snapshot.service(&self.service);
        let entry = service.and_then(|service| Some((service, service.server(&self.server)?)));
        let server = entry.map(|(_, server)| server);
        self.active = server.map(|server| server.active);
        self.inactive = server.map(|server| server.inactive);
        self.persistent = server.and_then(|server| server.persistent);
        match entry {
            Some((service, server)) if server.server.weight == 0 => {
                self.quiesced = true;
                self.at_zero(snapshot, service, server, entries);
                self.judge();
            }
            other => {
                self.at_zero = None;
                self.estimate = None;
                self.verdict = match other.map(|(_, server)| server.server.weight) {
                    None => Verdict::Gone,
                    Some(weight) if self.quiesced || at.since(first) > BEGINS => {
                        Verdict::Raised { weight }
                    }
                    Some(weight) => Verdict::Unquiesced { weight },
                };
            }
        }
    }

    fn at_zero(
        &mut self,
        snapshot: &Snapshot,
        service: &ServiceEntry,
        server: &ServerEntry,
        entries: u64,
    ) {
        let (at, facts) = (snapshot.at, Facts::of(snapshot, service, server));
        if self.at_zero.is_none() {
            self.curve = Curve::default();
        }
        let zero = self.at_zero.get_or_insert_with(|| AtZero {
            since: at,
            at,
            facts: facts.clone(),
            entries,
            changed: at,
            connections: Rise::default(),
            packets: Rise::default(),
            active: Rise::default(),
        });
        // An active connection that ends turns inactive, and what kind of end that is, only a
        // new look at the table tells.
        let moved = facts.active != zero.facts.active || facts.inactive > zero.facts.inactive;
        let settled = zero.since.after(SETTLES);
        let read = service.servers_read;
        let mut came = false;
        match server.stats.filter(|_| facts.counters == Counters::Live) {
            Some(stats) => {
                let counters = stats.counters;
                came = zero.connections.read(read, counters.connections, settled);
                // They restart the timers of what has no other end.
                let packets = zero.packets.read(read, counters.in_packets, settled);
                came |= packets && facts.protocol != Some(Protocol::TCP);
            }
            // What was counted while they stood still is not new when they move again.
            None => (zero.connections, zero.packets) = (Rise::default(), Rise::default()),
        }
        came |= zero.active.read(at, facts.active.into(), settled);
        if moved || came {
            zero.changed = at;
        }
        zero.facts = Facts {
            new: zero.connections.lately(at).max(zero.active.lately(at)),
            packets: zero.packets.lately(at),
            ..facts
        };
        (zero.at, zero.entries) = (at, entries);
        // For the curve, a look of a moment ago is good enough.
        let held = self.census.filter(|(seen, _)| at.since(*seen) <= LASTS).map(|(_, held)| held);
        let (active, inactive) = (server.active, server.inactive);
        let holding = zero.facts.holding(held.as_ref());
        self.curve.push(Point { at, active, inactive, holding, looked: held.is_some() });
    }

    /// The director stood still for so long: what was seen before moves up to what comes now, as
    /// if that time had not been.
    pub(super) fn slept(&mut self, time: Duration) {
        let later = |at: &mut Moment| *at = at.after(time);
        self.first_look.as_mut().into_iter().for_each(later);
        self.census.as_mut().into_iter().for_each(|(seen, _)| later(seen));
        self.curve.put_off(time);
        let Some(zero) = &mut self.at_zero else { return };
        [&mut zero.since, &mut zero.at, &mut zero.changed].into_iter().for_each(later);
        let rises = [&mut zero.connections, &mut zero.packets, &mut zero.active];
        rises.into_iter().for_each(|rise| rise.put_off(time));
    }

    pub(super) fn census(&mut self, census: &Census) {
        let Some(held) = census.of.get(&self.place()) else { return };
        self.census = Some((census.at, *held));
        self.judge();
    }

    fn judge(&mut self) {
        let Some(zero) = &self.at_zero else { return };
        let table = zero.table(self.census.as_ref());
        self.verdict = judge(&zero.facts, table.as_ref().map(|(_, held)| held).map_err(|e| *e));
        self.last = Some(self.verdict.clone());
        self.estimate = match (&self.verdict, table) {
            (Verdict::Emptying { active: 0, .. }, Ok((seen, held)))
                if held.not_established() >= zero.facts.inactive =>
            {
                let timer = Duration::from_secs(held.longest.into());
                Estimate::of(&self.curve, Some(timer.saturating_sub(zero.at.since(seen))))
            }
            (Verdict::Emptying { .. }, _) => Estimate::of(&self.curve, None),
            _ => None,
        };
    }
}

impl AtZero {
    /// The look at the table, if it still holds.
    fn table(&self, census: Option<&(Moment, Held)>) -> Result<(Moment, Held), Unlooked> {
        let entries = self.entries;
        let otherwise = |why| {
            if entries > AFFORDABLE { Unlooked::TooLarge { entries } } else { why }
        };
        let (seen, held) = *census.ok_or(otherwise(Unlooked::NotYet))?;
        let old = seen < self.changed || self.at.since(seen) > LASTS;
        // What ends between a snapshot and a later look is not missing.
        let ahead = seen > self.at && held.not_established() < self.facts.inactive;
        if old || ahead { Err(otherwise(Unlooked::Outdated)) } else { Ok((seen, held)) }
    }
}
