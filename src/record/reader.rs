//! Reading: the parts of a recording, and steps through it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::codec::Codec;
use super::coder::Decoder;
use super::error::shown;
use super::event::{About, Lost, Machine, Unreadable};
use super::frame::{Kind, Scan, Title, beginning, payload, read_title, scan};
use super::pages::Pages;
use super::parts::Parts;
use super::{Flaw, RecordError};
use crate::ipvs::counted;
use crate::journal::News;
use crate::outside::Theirs;
use crate::snapshot::{Moment, Part, Snapshot};

/// A session begins at least this much later than the last group of the one before it.
const APART: Duration = Duration::from_secs(1);
/// The wall clock goes so much slower from one group to the next, at most, without being set back.
const SLACK: Duration = Duration::from_secs(1);

/// A step through a recording.
#[derive(Clone, Debug)]
pub enum Step {
    /// A session begins.
    About(About),
    /// A poll succeeded.
    Snapshot(Arc<Snapshot>),
    /// A poll failed.
    Unreadable(Unreadable),
    /// Changes that the snapshot before it shows and the console did not make.
    Theirs(Vec<Theirs>),
    /// What the journal said.
    Journal(Arc<News>),
    /// What else the machine told.
    Machine(Machine),
    /// Snapshots could not be written here.
    Lost(Lost),
    /// The session is over.
    End,
    /// A frame that cannot be used.
    Flawed(Flaw),
}

impl Step {
    /// The snapshot that it is.
    pub fn snapshot(self) -> Option<Arc<Snapshot>> {
        match self {
            Self::Snapshot(snapshot) => Some(snapshot),
            _ => None,
        }
    }
}

/// What cannot be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file, as it can be shown.
    pub file: String,
    /// From which byte on.
    pub from: u64,
    /// How many bytes.
    pub bytes: u64,
    /// Whether nothing stands behind it: it was cut, by a crash or a copy.
    pub cut: bool,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, from, bytes, cut } = self;
        let bytes = counted(*bytes, "byte");
        if *cut {
            write!(f, "{file} was cut: {bytes} behind byte {from} are no whole frame")
        } else {
            write!(f, "{file} is damaged: {bytes} behind byte {from} cannot be played")
        }
    }
}

/// Where a step is, in the order of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(pub(super) usize);

#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) kind: Kind,
    part: u32,
    length: u32,
    /// Where its payload begins.
    at: u64,
}

/// The beginning of a group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) item: usize,
    pub(super) taken: Timestamp,
    /// By the recording's own clock, which goes on from one session to the next.
    pub(super) at: Moment,
}

impl Key {
    /// Whether the wall clock was set back between this beginning and the next.
    fn is_set_back(&self, next: &Self) -> bool {
        let wall = next.taken.duration_since(self.taken);
        // A negative one is none.
        let Ok(wall) = Duration::try_from(wall) else { return true };
        wall + SLACK < next.at.since(self.at)
    }
}

/// Since which item moments are so much later than they were written.
#[derive(Clone, Copy, Debug)]
struct Shift {
    item: usize,
    by: Duration,
    back: Duration,
}

/// A recording that is read: all parts of it that are there, oldest first.
pub struct Recording {
    parts: Vec<Box<dyn Source>>,
    pub(super) items: Vec<Item>,
    pub(super) keys: Vec<Key>,
    /// The items that tell of a change, other than those that repeat what was told before.
    pub(super) changes: Vec<usize>,
    shifts: Vec<Shift>,
    damages: Vec<Damage>,
    /// Parts that are not there, though older ones are; as they can be shown.
    missing: Vec<String>,
}

/// Where the bytes of a part are.
trait Source: Send {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()>;
}

impl Source for File {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        self.read_exact_at(bytes, at)
    }
}

impl Source for Vec<u8> {
    fn read_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        let found = self.get(at..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

impl Recording {
    /// Opens the recording at `path` with its older parts.
    ///
    /// # Errors
    /// [`RecordError`]: it is no recording, a newer one, or holds no snapshot. Damage is none: see
    /// [`Self::damages`].
    pub fn open(path: &Path) -> Result<Self, RecordError> {
        let Parts { files, missing } = Parts::of(path)?;
        let mut recording = Self { missing, ..Self::empty() };
        for (number, (path, mut file)) in files.into_iter().rev().enumerate() {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).map_err(|e| RecordError::system(&path, "read", &e))?;
            recording.add(&path, &bytes, number)?;
            recording.parts.push(Box::new(file));
        }
        recording.ready(path)
    }

    /// The recording that these bytes are.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn of(bytes: Vec<u8>) -> Result<Self, RecordError> {
        let path = Path::new("the recording");
        let mut recording = Self::empty();
        recording.add(path, &bytes, 0)?;
        recording.parts.push(Box::new(bytes));
        recording.ready(path)
    }

    fn empty() -> Self {
        Self {
            parts: Vec::new(),
            items: Vec::new(),
            keys: Vec::new(),
            changes: Vec::new(),
            shifts: Vec::new(),
            damages: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Takes the frames of a part in.
    fn add(&mut self, path: &Path, bytes: &[u8], part: usize) -> Result<(), RecordError> {
        let start = match read_title(bytes) {
            Title::Ours(start) => start,
            Title::Cut => 0,
            Title::Newer(version) => return Err(RecordError::Newer { path: shown(path), version }),
            Title::Foreign => return Err(RecordError::foreign(path)),
        };
        let scan = if start > 0 { scan(bytes, start) } else { Scan::default() };
        let damage = |from: usize, until: usize, cut| Damage {
            file: shown(path),
            from: from as u64,
            bytes: (until - from) as u64,
            cut,
        };
        self.damages.extend(scan.damaged.iter().map(|(from, until)| damage(*from, *until, false)));
        if scan.whole < bytes.len() {
            self.damages.push(damage(scan.whole, bytes.len(), true));
        }
        let mut broken = true; // until a group begins
        for found in scan.frames {
            let starts_behind_damage =
                scan.damaged.iter().any(|(_, until)| *until == beginning(found.at));
            broken |= starts_behind_damage;
            if found.kind == Kind::KEY {
                let Some((taken, at)) = key_times(bytes.get(found.at..).unwrap_or_default()) else {
                    continue;
                };
                broken = false;
                self.keys.push(Key { item: self.items.len(), taken, at });
            } else if found.kind == Kind::DELTA && broken {
                continue; // the snapshot that it differs from is lost
            }
            self.items.push(Item {
                kind: found.kind,
                part: u32::try_from(part).unwrap_or(u32::MAX),
                length: u32::try_from(found.length).unwrap_or(u32::MAX),
                at: found.at as u64,
            });
        }
        Ok(())
    }

    /// Brings the clocks of its sessions onto one: each begins as much later as the wall clock
    /// says.
    fn ready(mut self, path: &Path) -> Result<Self, RecordError> {
        let Some(first) = self.keys.first().copied() else {
            let why = match self.damages.first() {
                Some(damage) if damage.cut => "it was cut before the first one",
                Some(_) => "it is damaged",
                None => "nothing was recorded yet",
            };
            return Err(RecordError::Empty { path: shown(path), why: why.to_owned() });
        };
        let mut shift = Shift { item: 0, by: Duration::ZERO, back: Duration::ZERO };
        let (mut session, mut begins, mut last) = (None, None, first.at);
        let mut keys = std::mem::take(&mut self.keys).into_iter();
        for (n, item) in self.items.iter().enumerate() {
            if item.kind == Kind::ABOUT {
                let about: Option<About> = self.payload(item).and_then(|p| json(&p)).ok();
                let began = about.map(|about| about.began);
                // The same one goes on in another file.
                if session.is_some() && session != began {
                    begins = Some(n);
                }
                session = began;
            }
            if item.kind != Kind::KEY {
                continue;
            }
            let Some(mut key) = keys.next() else { break };
            if let Some(item) = begins.take() {
                let wall = Duration::try_from(key.taken.duration_since(first.taken));
                // Where the wall clock was set back, it begins later all the same.
                let wanted = (first.at.0 + wall.unwrap_or_default()).max(last.0 + APART);
                let (by, back) = (wanted.saturating_sub(key.at.0), key.at.0.saturating_sub(wanted));
                shift = Shift { item, by, back };
                self.shifts.push(shift);
            }
            shift.moment(&mut key.at);
            last = last.max(key.at);
            self.keys.push(key);
        }
        self.changes = changes(&self.items);
        Ok(self)
    }

    /// What cannot be played.
    pub fn damages(&self) -> &[Damage] {
        &self.damages
    }

    /// What is to be told of it before it is played, a sentence each: parts that are missing, and
    /// damage.
    pub fn told(&self) -> Vec<String> {
        let missing = self
            .missing
            .iter()
            .map(|file| format!("{file} is missing, and older parts are there: it is not played"));
        missing.chain(self.damages.iter().map(ToString::to_string)).collect()
    }

    /// When its first snapshot was taken.
    pub fn began(&self) -> Option<Timestamp> {
        self.keys.first().map(|key| key.taken)
    }

    /// How many snapshots it has.
    pub fn snapshots(&self) -> usize {
        self.items.iter().filter(|item| item.kind.is_snapshot()).count()
    }

    /// Reads the payload of an item.
    pub(super) fn payload(&self, item: &Item) -> Result<Vec<u8>, Flaw> {
        let part = self.parts.get(item.part as usize).ok_or(Flaw::Short)?;
        let begin = beginning(usize::try_from(item.at).unwrap_or(usize::MAX));
        let head = usize::try_from(item.at).unwrap_or(usize::MAX) - begin;
        let mut bytes = vec![0; head + item.length as usize];
        part.read_at(&mut bytes, begin as u64).map_err(|_| Flaw::Short)?;
        payload(&bytes)?; // the file may have changed since it was opened
        bytes.drain(..head);
        Ok(bytes)
    }

    fn shift_at(&self, item: usize) -> Option<&Shift> {
        let at = self.shifts.partition_point(|shift| shift.item <= item);
        at.checked_sub(1).and_then(|at| self.shifts.get(at))
    }

    /// Every step of it, from the beginning.
    pub fn steps(&self) -> impl Iterator<Item = Step> {
        let mut walk = Walk::from(0);
        std::iter::from_fn(move || walk.step(self).map(|(_, step)| step))
    }

    /// Its steps from the beginning until everything that was taken by `until` has come.
    pub fn steps_until(&self, until: Timestamp) -> impl Iterator<Item = Step> {
        self.walk(0, self.end_of(until)).map(|(_, step)| step)
    }

    /// Its steps from one time to another, and a little around them. Where the wall clock was set
    /// back between them, more is among them: whoever wants to be exact looks at each.
    pub fn steps_between(&self, from: Timestamp, until: Timestamp) -> impl Iterator<Item = Step> {
        // A group that the clock was set back behind may reach beyond its successor.
        let mut groups = self.keys.windows(2);
        let last = groups.position(
            |two| matches!(two, [key, next] if next.taken > from || key.is_set_back(next)),
        );
        let last = last.unwrap_or(self.keys.len().saturating_sub(1));
        let begin = self.keys.get(last).map_or(0, |key| key.item);
        self.walk(begin, self.end_of(until)).map(|(_, step)| step)
    }

    /// Behind the last group that begins by `until`.
    fn end_of(&self, until: Timestamp) -> usize {
        let groups = self.keys.iter().rposition(|key| key.taken <= until).map_or(0, |n| n + 1);
        self.keys.get(groups).map_or(self.items.len(), |key| key.item)
    }

    /// Its steps from one item to another.
    fn walk(&self, from: usize, until: usize) -> impl Iterator<Item = (Place, Step)> {
        let mut walk = Walk::from(from);
        let steps = std::iter::from_fn(move || walk.step(self));
        steps.take_while(move |(place, _)| place.0 < until)
    }

    /// The snapshot that was taken last by `time`; the first one if all are later. By the wall
    /// clock: where that was set back, so that a time was twice, the one that is nearest before
    /// `time` counts, of two at once the one that was recorded later.
    pub fn at(&self, time: Timestamp) -> Option<Arc<Snapshot>> {
        self.taken_by(time).map(|(_, snapshot)| snapshot)
    }

    /// The same, with its place.
    pub(super) fn taken_by(&self, time: Timestamp) -> Option<(Place, Arc<Snapshot>)> {
        let mut nearest: Option<(Place, Arc<Snapshot>)> = None;
        let mut end = self.items.len();
        // From one time that the clock was set back to the next, groups can be searched.
        for groups in self.keys.chunk_by(|key, next| !key.is_set_back(next)).rev() {
            let by_then = groups.partition_point(|key| key.taken <= time);
            if let Some(key) = by_then.checked_sub(1).and_then(|n| groups.get(n)) {
                let behind = groups.get(by_then).map_or(end, |key| key.item);
                let found =
                    self.snapshots_of(key.item, behind).take_while(|(_, s)| s.taken <= time);
                if let Some(found) = found.last()
                    && nearest.as_ref().is_none_or(|(_, other)| found.1.taken > other.taken)
                {
                    nearest = Some(found);
                }
            }
            end = groups.first().map_or(0, |key| key.item);
        }
        nearest.or_else(|| self.snapshots_of(end, self.items.len()).next())
    }

    /// The snapshots from one item to another.
    fn snapshots_of(
        &self,
        from: usize,
        until: usize,
    ) -> impl Iterator<Item = (Place, Arc<Snapshot>)> {
        self.walk(from, until).filter_map(|(place, step)| Some((place, step.snapshot()?)))
    }

    /// The last snapshot.
    pub fn last(&self) -> Option<Arc<Snapshot>> {
        let mut walk = Walk::from(self.keys.last()?.item);
        let steps = std::iter::from_fn(|| walk.step(self));
        steps.filter_map(|(_, step)| step.snapshot()).last()
    }
}

/// The items that tell of a change: of those between the beginning of a session and its first
/// snapshot nobody knows when it was made.
fn changes(items: &[Item]) -> Vec<usize> {
    let mut context = true;
    let mut found = Vec::new();
    for (n, item) in items.iter().enumerate() {
        match item.kind {
            Kind::ABOUT => context = true,
            kind if kind.is_snapshot() => context = false,
            kind if kind.is_change() && !context => found.push(n),
            _ => {}
        }
    }
    found
}

/// The times that a group begins with.
fn key_times(payload: &[u8]) -> Option<(Timestamp, Moment)> {
    let (taken, rest) = payload.split_first_chunk::<8>()?;
    let (at, _) = rest.split_first_chunk::<8>()?;
    let taken = Timestamp::from_millisecond(i64::from_le_bytes(*taken)).ok()?;
    Some((taken, Moment(Duration::from_millis(u64::from_le_bytes(*at)))))
}

impl Kind {
    pub(super) fn is_snapshot(self) -> bool {
        matches!(self, Self::KEY | Self::DELTA)
    }

    /// Whether something was changed: by others, or by a plan.
    pub(super) fn is_change(self) -> bool {
        matches!(self, Self::OUTSIDE | Self::JOURNAL)
    }
}

/// A walk through a recording, step by step.
#[derive(Debug)]
pub(super) struct Walk {
    /// The item that comes next.
    pub(super) next: usize,
    codec: Option<Codec>,
    pub(super) pages: Pages,
}

impl Walk {
    /// From this item on. Snapshots come from the next beginning of a group on.
    pub(super) fn from(next: usize) -> Self {
        Self { next, codec: None, pages: Pages::default() }
    }

    /// Goes on. `None` at the end.
    pub(super) fn step(&mut self, recording: &Recording) -> Option<(Place, Step)> {
        loop {
            let place = self.next;
            let item = *recording.items.get(place)?;
            self.next += 1;
            let step = match self.read(recording, place, &item) {
                Ok(Some(step)) => step,
                Ok(None) => continue,
                Err(flaw) => {
                    if item.kind.is_snapshot() {
                        self.codec = None;
                    }
                    Step::Flawed(flaw)
                }
            };
            return Some((Place(place), step));
        }
    }

    fn read(
        &mut self,
        recording: &Recording,
        place: usize,
        item: &Item,
    ) -> Result<Option<Step>, Flaw> {
        let bytes = recording.payload(item)?;
        Ok(Some(match item.kind {
            Kind::KEY => {
                let coded = bytes.get(16..).ok_or(Flaw::Short)?;
                let mut codec = Codec::new();
                let snapshot = codec.pass(&mut Decoder::new(coded), None)?;
                self.codec = Some(codec);
                Step::Snapshot(recording.shifted(place, snapshot))
            }
            Kind::DELTA => {
                let Some(codec) = &mut self.codec else { return Ok(None) };
                let snapshot = codec.pass(&mut Decoder::new(&bytes), None)?;
                Step::Snapshot(recording.shifted(place, snapshot))
            }
            Kind::ABOUT => Step::About(json(&bytes)?),
            Kind::OUTSIDE => {
                let mut theirs: Vec<Theirs> = json(&bytes)?;
                if let Some(shift) = recording.shift_at(place) {
                    theirs.iter_mut().for_each(|t| shift.moment(&mut t.at));
                }
                Step::Theirs(theirs)
            }
            Kind::JOURNAL => {
                self.pages.take(&bytes)?;
                Step::Journal(Arc::new(self.pages.news()))
            }
            Kind::MACHINE => Step::Machine(json(&bytes)?),
            Kind::UNREADABLE => Step::Unreadable(json(&bytes)?),
            Kind::LOST => Step::Lost(json(&bytes)?),
            Kind::END => Step::End,
            _ => return Ok(None),
        }))
    }
}

impl Recording {
    /// A snapshot by the recording's own clock.
    fn shifted(&self, item: usize, snapshot: Arc<Snapshot>) -> Arc<Snapshot> {
        let Some(shift) = self.shift_at(item) else { return snapshot };
        let mut snapshot = Arc::unwrap_or_clone(snapshot);
        shift.moment(&mut snapshot.at);
        for entry in &mut snapshot.services {
            shift.moment(&mut entry.servers_read);
        }
        shift.part(&mut snapshot.info);
        shift.part(&mut snapshot.totals);
        shift.part(&mut snapshot.timeouts);
        shift.part(&mut snapshot.daemons);
        shift.part(&mut snapshot.sysctls);
        Arc::new(snapshot)
    }
}

impl Shift {
    fn moment(&self, moment: &mut Moment) {
        moment.0 = moment.0.saturating_add(self.by).saturating_sub(self.back);
    }

    fn part<T>(&self, part: &mut Part<T>) {
        if let Part::Stale { read, .. } = part {
            self.moment(read);
        }
    }
}

fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Flaw> {
    serde_json::from_slice(bytes).map_err(|e| Flaw::json("a record", &e))
}
