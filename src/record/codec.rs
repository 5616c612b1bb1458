//! A snapshot as what is new against the one before it.
//!
//! The first of a group is written against nothing; from there on every model learns, so that a
//! group can only be read from its beginning. Writing and reading are the same code (see
//! [`Pipe`]): what is read is what was written.
//!
//! Times are kept to the millisecond ([`kept`]); everything else as it was.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Flaw;
use super::coder::{Bit, Number, Pipe};
use super::config::{AroundModels, ServerModels, ServiceModels, blank_server, blank_service, near};
use super::meter::{Five, Guess, Meter, MeterModels, Passed, sum};
use crate::ipvs::{Info, Server, Service, Stats, Timeouts};
use crate::snapshot::{
    Known, Moment, Part, ServerEntry, Servers, ServiceEntry, Snapshot, Source, Sysctls,
};

/// The kernel's estimator works this often, in milliseconds.
const ESTIMATOR: i64 = 2_000;
/// And so often at most in one step of ours: what lies further apart is not guessed.
const MOST_STEPS: i64 = 32;

/// Snapshots, one after the other, in or out of a group.
#[derive(Debug)]
pub(super) struct Codec {
    models: Box<Models>,
    last: Arc<Snapshot>,
    /// From the snapshot before the last to it, in milliseconds.
    pace: i64,
    totals: Meter,
    services: Vec<ServiceTrack>,
}

/// The meters of a service and its servers, in the order of the last snapshot.
#[derive(Clone, Debug, Default)]
struct ServiceTrack {
    meter: Meter,
    servers: Vec<Meter>,
}

#[derive(Clone, Debug, Default)]
struct Models {
    at: Number,
    taken: Number,
    took: Number,
    source: Number,
    part: Number,
    same_part: Bit,
    read: Number,
    around: AroundModels,
    totals: MeterModels,
    walk: [WalkModels; 2],
    same_service: Bit,
    whole: [Bit; 2],
    service: ServiceModels,
    service_meter: MeterModels,
    read_now: Bit,
    read_before: Bit,
    same_server: Bit,
    server: ServerModels,
    server_meter: MeterModels,
    connections: [Number; 3],
    templates: [Bit; 2],
}

#[derive(Clone, Debug, Default)]
struct WalkModels {
    same: Bit,
    step: Number,
}

impl Codec {
    /// At the beginning of a group.
    pub(super) fn new() -> Self {
        let last = Snapshot {
            taken: Timestamp::UNIX_EPOCH,
            at: Moment::default(),
            took: Duration::ZERO,
            source: Source::Netlink,
            info: Part::Unreadable(String::new()),
            totals: Part::Unreadable(String::new()),
            timeouts: Part::Unreadable(String::new()),
            daemons: Part::Unreadable(String::new()),
            sysctls: Part::Unreadable(String::new()),
            services: Vec::new(),
        };
        Self {
            models: Box::default(),
            last: Arc::new(last),
            pace: 1_000,
            totals: Meter::default(),
            services: Vec::new(),
        }
    }

    /// Passes the next snapshot through. A reader hands in [`None`].
    pub(super) fn pass(
        &mut self,
        pipe: &mut impl Pipe,
        now: Option<Snapshot>,
    ) -> Result<Arc<Snapshot>, Flaw> {
        let last = Arc::clone(&self.last);
        let now = now.map_or_else(|| (*Self::new().last).clone(), kept);
        let m = self.models.as_mut();
        let gone_by = m.at.pass(pipe, less(less(millis(now.at.0), millis(last.at.0)), self.pace));
        self.pace = self.pace.wrapping_add(gone_by);
        let at = moment(millis(last.at.0).wrapping_add(self.pace))?;
        let guess = last.taken.as_millisecond().wrapping_add(self.pace);
        let taken = guess.wrapping_add(m.taken.pass(pipe, less(now.taken.as_millisecond(), guess)));
        let taken = Timestamp::from_millisecond(taken);
        let taken = taken.map_err(|_| Flaw::malformed("a time out of range"))?;
        let took = m.took.pass(pipe, less(millis(now.took), millis(last.took)));
        let Moment(took) = moment(millis(last.took).wrapping_add(took))?;
        let number = m.source.pass(pipe, source_number(now.source) - source_number(last.source));
        let source = source_of(source_number(last.source).wrapping_add(number))?;
        let steps = self.pace.saturating_add(ESTIMATOR / 2) / ESTIMATOR;
        let steps = steps.clamp(1, MOST_STEPS).unsigned_abs();

        let none = Info { version: 0, conn_tab_size: 0 };
        let info = m.part(pipe, &last.info, now.info, at, none, AroundModels::info)?;
        let none = Timeouts::default();
        let timeouts =
            m.part(pipe, &last.timeouts, now.timeouts, at, none, AroundModels::timeouts)?;
        let daemons = m.part(pipe, &last.daemons, now.daemons, at, Vec::new(), |m, p, all| {
            m.daemons(p, &all)
        })?;
        let none = Sysctls::new();
        let sysctls =
            m.part(pipe, &last.sysctls, now.sysctls, at, none, |m, p, all| m.sysctls(p, &all))?;
        let (services, added) = self.services(pipe, &last, now.services, (at, steps))?;
        let totals = self.totals(pipe, &last.totals, &now.totals, at, (added, steps))?;

        if pipe.is_dry() {
            return Err(Flaw::Short);
        }
        let snapshot = Snapshot {
            taken,
            at,
            took,
            source,
            info,
            totals,
            timeouts,
            daemons,
            sysctls,
            services,
        };
        self.last = Arc::new(snapshot);
        Ok(Arc::clone(&self.last))
    }

    /// The totals are always read with the snapshot, or not at all.
    fn totals(
        &mut self,
        pipe: &mut impl Pipe,
        last: &Part<Stats>,
        now: &Part<Stats>,
        at: Moment,
        (added, steps): (Five, u64),
    ) -> Result<Part<Stats>, Flaw> {
        let guess =
            Guess { last: last.get(), parts: Some(added), steps, neighbour: added != [0; 5] };
        let m = self.models.as_mut();
        let passed = m.totals.pass(pipe, &guess, now.get(), &mut self.totals);
        let (now, last) = (
            now.clone(),
            passed.stats.map_or_else(|| Part::Unreadable(String::new()), Part::Fresh),
        );
        // Only whether it is fresh is left, or why there is none.
        m.part(pipe, &last, now, at, Stats::default(), |_, _, value| Ok(value))
    }

    fn services(
        &mut self,
        pipe: &mut impl Pipe,
        last: &Snapshot,
        now: Vec<ServiceEntry>,
        (at, steps): (Moment, u64),
    ) -> Result<(Vec<ServiceEntry>, Five), Flaw> {
        let m = self.models.as_mut();
        let old = &last.services;
        let [mut walk, mut server_walk] = std::mem::take(&mut m.walk);
        let ops = walk.pass(pipe, old, &now, |s: &ServiceEntry| s.service.key)?;
        let mut tracks: Vec<Option<ServiceTrack>> =
            std::mem::take(&mut self.services).into_iter().map(Some).collect();
        let mut now = now.into_iter();
        let (mut passed, mut added) = (Vec::with_capacity(ops.len()), [0; 5]);
        let (mut guess, mut neighbour) = (blank_service(), false);
        for op in ops {
            if pipe.is_dry() {
                return Err(Flaw::Short);
            }
            let place = op.filter(|place| *place < old.len());
            let before = place.and_then(|place| old.get(place));
            let track = place.and_then(|place| tracks.get_mut(place)).and_then(Option::take);
            let mut track = track.unwrap_or_default();
            let entry = now.next().unwrap_or_else(blank_entry);
            let like = before.map_or(&guess, |b| &b.service);
            let service = m.service(pipe, before, &entry.service, like)?;
            let known = before.map_or(Known::Whole, |b| b.known);
            let [listed, whole] = &mut m.whole;
            let model = if known == Known::Whole { whole } else { listed };
            let is_whole = pipe.bit(model, entry.known == Known::Whole);
            let known = if is_whole { Known::Whole } else { Known::Listed };
            let servers_read = m.servers_read(pipe, &entry, before, at)?;
            let unknown = m.around.unknown(pipe, &entry.unknown)?;
            let servers = entry.servers.to_vec();
            let (servers, of_servers) =
                m.servers(pipe, &mut server_walk, before, servers, (&mut track, steps))?;
            let servers = servers.into();
            let last = before.and_then(|b| b.stats.as_ref());
            let told = Guess { last, parts: Some(of_servers), steps, neighbour };
            let Passed { stats, added: more, moved } =
                m.service_meter.pass(pipe, &told, entry.stats.as_ref(), &mut track.meter);
            sum(&mut added, &more);
            neighbour = moved;
            guess = service.clone();
            self.services.push(track);
            passed.push(ServiceEntry { service, known, stats, servers, servers_read, unknown });
        }
        m.walk = [walk, server_walk];
        Ok((passed, added))
    }
}

impl Models {
    /// Passes a part through: whether it was read, when, and what it says if that is new.
    fn part<T: Clone + PartialEq, P: Pipe>(
        &mut self,
        pipe: &mut P,
        last: &Part<T>,
        now: Part<T>,
        at: Moment,
        blank: T,
        pass: impl FnOnce(&mut AroundModels, &mut P, T) -> Result<T, Flaw>,
    ) -> Result<Part<T>, Flaw> {
        let number = |part: &Part<T>| match part {
            Part::Fresh(_) => 0_i64,
            Part::Stale { .. } => 1,
            Part::Unreadable(_) => 2,
        };
        let kind = number(last).wrapping_add(self.part.pass(pipe, number(&now) - number(last)));
        let read = match &now {
            Part::Stale { read, .. } => *read,
            _ => at,
        };
        let (value, why) = match now {
            Part::Fresh(value) | Part::Stale { value, .. } => (Some(value), String::new()),
            Part::Unreadable(why) => (None, why),
        };
        if kind == 2 {
            let before = match last {
                Part::Unreadable(why) => Some(why),
                _ => None,
            };
            if pipe.bit(&mut self.same_part, before == Some(&why)) {
                let before = before.ok_or_else(|| Flaw::malformed("a part like none"))?;
                return Ok(Part::Unreadable(before.clone()));
            }
            return self.around.why(pipe, &why).map(Part::Unreadable);
        }
        let value = if pipe.bit(&mut self.same_part, last.get() == value.as_ref()) {
            last.get().cloned().ok_or_else(|| Flaw::malformed("a part like none"))?
        } else {
            pass(&mut self.around, pipe, value.unwrap_or(blank))?
        };
        match kind {
            0 => Ok(Part::Fresh(value)),
            1 => {
                let guess = match last {
                    Part::Stale { read, .. } => *read,
                    _ => at,
                };
                let off = self.read.pass(pipe, less(millis(read.0), millis(guess.0)));
                let read = moment(millis(guess.0).wrapping_add(off))?;
                Ok(Part::Stale { value, read })
            }
            _ => Err(Flaw::malformed("a part of no kind")),
        }
    }

    fn service(
        &mut self,
        pipe: &mut impl Pipe,
        before: Option<&ServiceEntry>,
        service: &Service,
        like: &Service,
    ) -> Result<Service, Flaw> {
        let key = match before {
            Some(before) => before.service.key,
            None => self.service.key(pipe, service.key, like.key)?,
        };
        if let Some(before) = before
            && pipe.bit(&mut self.same_service, *service == before.service)
        {
            return Ok(before.service.clone());
        }
        self.service.rest(pipe, key, service, like)
    }

    /// When the servers were read: with the snapshot, when they were read before, or else.
    fn servers_read(
        &mut self,
        pipe: &mut impl Pipe,
        entry: &ServiceEntry,
        before: Option<&ServiceEntry>,
        at: Moment,
    ) -> Result<Moment, Flaw> {
        if pipe.bit(&mut self.read_now, entry.servers_read == at) {
            return Ok(at);
        }
        let before = before.map_or(at, |b| b.servers_read);
        if pipe.bit(&mut self.read_before, entry.servers_read == before) {
            return Ok(before);
        }
        let off = self.read.pass(pipe, less(millis(entry.servers_read.0), millis(at.0)));
        moment(millis(at.0).wrapping_add(off))
    }

    fn servers(
        &mut self,
        pipe: &mut impl Pipe,
        walk: &mut WalkModels,
        service: Option<&ServiceEntry>,
        now: Vec<ServerEntry>,
        (track, steps): (&mut ServiceTrack, u64),
    ) -> Result<(Vec<ServerEntry>, Five), Flaw> {
        let old = service.map_or(&[][..], |s| s.servers.as_slice());
        let ops = walk.pass(pipe, old, &now, |s: &ServerEntry| s.server.key)?;
        let mut meters: Vec<Option<Meter>> =
            std::mem::take(&mut track.servers).into_iter().map(Some).collect();
        let mut now = now.into_iter();
        let (mut passed, mut added) = (Vec::with_capacity(ops.len()), [0; 5]);
        let (mut guess, mut neighbour) = (blank_server(), false);
        for op in ops {
            if pipe.is_dry() {
                return Err(Flaw::Short);
            }
            let place = op.filter(|place| *place < old.len());
            let before = place.and_then(|place| old.get(place));
            let meter = place.and_then(|place| meters.get_mut(place)).and_then(Option::take);
            let mut meter = meter.unwrap_or_default();
            let entry = now.next().unwrap_or_else(blank_server_entry);
            let server = self.server(pipe, before, &entry.server, &guess)?;
            let [active, inactive, templates] = &mut self.connections;
            let (was_active, was_inactive) = before.map_or((0, 0), |b| (b.active, b.inactive));
            let active = near(active, pipe, entry.active, was_active)?;
            let inactive = near(inactive, pipe, entry.inactive, was_inactive)?;
            let was = before.and_then(|b| b.persistent);
            let [none, some] = &mut self.templates;
            let model = if was.is_some() { some } else { none };
            let persistent = if pipe.bit(model, entry.persistent.is_some()) {
                let now = entry.persistent.unwrap_or_default();
                Some(near(templates, pipe, now, was.unwrap_or_default())?)
            } else {
                None
            };
            let unknown = self.around.unknown(pipe, &entry.unknown)?;
            let last = before.and_then(|b| b.stats.as_ref());
            let told = Guess { last, parts: None, steps, neighbour };
            let Passed { stats, added: more, moved } =
                self.server_meter.pass(pipe, &told, entry.stats.as_ref(), &mut meter);
            sum(&mut added, &more);
            neighbour = moved;
            guess = server.clone();
            track.servers.push(meter);
            passed.push(ServerEntry { server, active, inactive, persistent, stats, unknown });
        }
        Ok((passed, added))
    }

    fn server(
        &mut self,
        pipe: &mut impl Pipe,
        before: Option<&ServerEntry>,
        server: &Server,
        like: &Server,
    ) -> Result<Server, Flaw> {
        let Some(ServerEntry { server: before, .. }) = before else {
            let key = self.server.key(pipe, server.key, like.key)?;
            return self.server.rest(pipe, key, server, like);
        };
        if pipe.bit(&mut self.same_server, server == before) {
            return Ok(before.clone());
        }
        self.server.rest(pipe, before.key, server, before)
    }
}

/// Where an entry of the new list was in the old one; `None` for one that was not.
type Op = Option<usize>;

/// The next of the old list stays, is gone, or something stands before it; or the end.
const STAYS: i64 = 0;
const GONE: i64 = 1;
const NEW: i64 = -1;
const END: i64 = 2;

impl WalkModels {
    /// Passes through which entries of a sorted list stay, go and come.
    fn pass<T, K: Ord>(
        &mut self,
        pipe: &mut impl Pipe,
        old: &[T],
        new: &[T],
        key: impl Fn(&T) -> K,
    ) -> Result<Vec<Op>, Flaw> {
        let same = old.len() == new.len() && old.iter().zip(new).all(|(a, b)| key(a) == key(b));
        if pipe.bit(&mut self.same, same) {
            return Ok((0..old.len()).map(Some).collect());
        }
        let (mut ops, mut at, mut to) = (Vec::new(), 0, 0);
        loop {
            if pipe.is_dry() {
                return Err(Flaw::Short);
            }
            let step = match (old.get(at).map(&key), new.get(to).map(&key)) {
                (None, None) => END,
                (Some(a), Some(b)) if a == b => STAYS,
                (Some(a), Some(b)) if a > b => NEW,
                (Some(_), _) => GONE,
                (None, Some(_)) => NEW,
            };
            match self.step.pass(pipe, step) {
                STAYS if at < old.len() => {
                    ops.push(Some(at));
                    at += 1;
                    to += 1;
                }
                GONE if at < old.len() => at += 1,
                NEW => {
                    ops.push(None);
                    to += 1;
                }
                END if at == old.len() => return Ok(ops),
                _ => return Err(Flaw::malformed("a step that leads nowhere")),
            }
        }
    }
}

/// What a recording keeps of a snapshot: times to the millisecond.
pub fn kept(mut snapshot: Snapshot) -> Snapshot {
    let at = cut(snapshot.at);
    let taken = Timestamp::from_millisecond(snapshot.taken.as_millisecond());
    snapshot.taken = taken.unwrap_or(snapshot.taken);
    snapshot.took = cut(Moment(snapshot.took)).0;
    for entry in &mut snapshot.services {
        // Whether they were read with the snapshot is what counts.
        entry.servers_read = if entry.servers_read >= snapshot.at {
            at
        } else {
            let before = Moment(at.0.saturating_sub(Duration::from_millis(1)));
            cut(entry.servers_read).min(before)
        };
    }
    let read = |part: &mut Moment| *part = cut(*part);
    if let Part::Stale { read: r, .. } = &mut snapshot.info {
        read(r);
    }
    if let Part::Stale { read: r, .. } = &mut snapshot.totals {
        read(r);
    }
    if let Part::Stale { read: r, .. } = &mut snapshot.timeouts {
        read(r);
    }
    if let Part::Stale { read: r, .. } = &mut snapshot.daemons {
        read(r);
    }
    if let Part::Stale { read: r, .. } = &mut snapshot.sysctls {
        read(r);
    }
    snapshot.at = at;
    snapshot
}

/// A moment to the millisecond.
pub(super) fn cut(moment: Moment) -> Moment {
    Moment(Duration::from_millis(moment.0.as_millis() as u64))
}

/// What is read is anything before it was looked at.
fn less(a: i64, b: i64) -> i64 {
    a.wrapping_sub(b)
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn moment(millis: i64) -> Result<Moment, Flaw> {
    let millis = u64::try_from(millis).map_err(|_| Flaw::malformed("a moment before the first"))?;
    Ok(Moment(Duration::from_millis(millis)))
}

fn source_number(source: Source) -> i64 {
    match source {
        Source::Netlink => 0,
        Source::Proc => 1,
        Source::Demo => 2,
    }
}

fn source_of(number: i64) -> Result<Source, Flaw> {
    match number {
        0 => Ok(Source::Netlink),
        1 => Ok(Source::Proc),
        2 => Ok(Source::Demo),
        _ => Err(Flaw::malformed("a source of no kind")),
    }
}

fn blank_entry() -> ServiceEntry {
    ServiceEntry {
        service: blank_service(),
        known: Known::Whole,
        stats: None,
        servers: Servers::default(),
        servers_read: Moment::default(),
        unknown: Vec::new(),
    }
}

fn blank_server_entry() -> ServerEntry {
    ServerEntry {
        server: blank_server(),
        active: 0,
        inactive: 0,
        persistent: None,
        stats: None,
        unknown: Vec::new(),
    }
}
