//! Playing a recording: time, speed, pause, jumps. The clock is handed in.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::event::{About, Machine, Unreadable};
use super::frame::Kind;
use super::reader::{Place, Recording, Step, Walk};
use super::when::When;
use crate::history::History;
use crate::journal::News;
use crate::outside::Log;
use crate::snapshot::{Moment, Snapshot};

/// Speeds to choose from.
pub const SPEEDS: [f64; 9] = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0];
/// What is further apart, in which nothing was recorded, is passed over in a second.
const GAP: Duration = Duration::from_secs(90);
/// The past that a jump brings along: the longest that lines of values span, and a little.
const PAST: Duration = Duration::from_secs(31 * 60);
/// And so many rows of it at most, a row being one of one snapshot: about a second's work.
const ROWS: usize = 2_000_000;

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The last snapshot by this time, as [`Recording::at`] has it.
    Time(Timestamp),
    /// So much later, or earlier.
    By(SignedDuration),
    /// The next snapshot, or the one before.
    Snapshot(Direction),
    /// The snapshot that shows the next change, or the one before: from outside, or by a plan.
    Change(Direction),
}

/// What a player is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Play {
    /// Stand still, or go on.
    Pause,
    /// So many of [`SPEEDS`] faster, or slower.
    Faster(isize),
    /// Go elsewhere.
    To(To),
    /// Go to a time as it was typed.
    When(When),
}

/// Forward or back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Later.
    Forward,
    /// Earlier.
    Back,
}

/// Everything that is known at one place, for whoever comes from elsewhere.
#[derive(Clone, Debug)]
pub struct Scene {
    /// What is recorded.
    pub about: Option<About>,
    /// What else the machine told.
    pub machine: Option<Machine>,
    /// What the journal said.
    pub news: Option<Arc<News>>,
    /// What the table was.
    pub snapshot: Arc<Snapshot>,
    /// Why it could not be read any more.
    pub unreadable: Option<Unreadable>,
    /// The past, with this snapshot in it.
    pub history: History,
    /// Changes that the console did not make.
    pub outside: Log,
}

/// How a recording is being played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Playing {
    /// When the snapshot was taken that is shown.
    pub time: Timestamp,
    /// When the first of the recording was.
    pub first: Timestamp,
    /// When the last one was.
    pub last: Timestamp,
    /// How many times as fast as it was.
    pub speed: f64,
    /// Whether it stands still.
    pub paused: bool,
    /// Whether there is nothing behind what is shown.
    pub ended: bool,
}

/// Plays a recording. Moments of the clock are those of whoever plays.
pub struct Player {
    recording: Recording,
    walk: Walk,
    /// The snapshot that is shown.
    shown: usize,
    time: Timestamp,
    last: Timestamp,
    /// What comes next, read ahead.
    ahead: Option<(Place, Step)>,
    speed: usize,
    paused: bool,
    /// The clock, and the recorded time that it was then.
    anchor: (Moment, Timestamp),
}

impl Player {
    /// A player that stands before the first snapshot, at `now`.
    pub fn new(recording: Recording, now: Moment) -> Self {
        let first = recording.began().unwrap_or_default();
        let last = recording.last().map_or(first, |snapshot| snapshot.taken);
        let speed = SPEEDS.iter().position(|speed| *speed == 1.0).unwrap_or(0);
        let mut player = Self {
            recording,
            walk: Walk::from(0),
            shown: 0,
            time: first,
            last,
            ahead: None,
            speed,
            paused: false,
            anchor: (now, first),
        };
        player.read_ahead();
        player
    }

    /// The recording.
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// How it is being played.
    pub fn playing(&self) -> Playing {
        Playing {
            time: self.time,
            first: self.recording.began().unwrap_or(self.time),
            last: self.last,
            speed: self.factor(),
            paused: self.paused,
            ended: self.ahead.is_none(),
        }
    }

    fn factor(&self) -> f64 {
        SPEEDS.get(self.speed).copied().unwrap_or(1.0)
    }

    /// How long until the next step is due; `None` while it stands still, and at the end.
    pub fn due(&mut self, now: Moment) -> Option<Duration> {
        if self.paused {
            return None;
        }
        let (_, step) = self.ahead.as_ref()?;
        let Some(time) = time_of(step) else { return Some(Duration::ZERO) };
        let apart = Duration::try_from(time.duration_since(self.time)).unwrap_or_default();
        let back = time < self.time; // the wall clock was set back
        if apart > GAP || back {
            let second = Duration::from_secs_f64(self.factor());
            let shortly = time.checked_sub(second).unwrap_or(time);
            let reached = self.recorded(now);
            if back || reached < shortly {
                // Counted from here, it is due in a second.
                self.anchor = (now, shortly);
                self.time = shortly;
            }
        }
        let wait = time.duration_since(self.recorded(now));
        let wait = Duration::try_from(wait).unwrap_or_default();
        Some(wait.div_f64(self.factor()))
    }

    /// The recorded time that it is at `now`.
    fn recorded(&self, now: Moment) -> Timestamp {
        let (since, time) = self.anchor;
        let gone_by = now.since(since).mul_f64(self.factor());
        time.checked_add(gone_by).unwrap_or(time)
    }

    /// The next step, if it is due.
    pub fn next(&mut self, now: Moment) -> Option<Step> {
        if self.due(now)? > Duration::ZERO {
            return None;
        }
        let step = self.take()?;
        if self.ahead.is_none() {
            self.paused = true;
        }
        Some(step)
    }

    /// The next step, due or not.
    fn take(&mut self) -> Option<Step> {
        let (place, step) = self.ahead.take()?;
        if let Step::Snapshot(snapshot) = &step {
            (self.shown, self.time) = (place.0, snapshot.taken);
        } else if let Some(time) = time_of(&step) {
            self.time = time;
        }
        self.read_ahead();
        Some(step)
    }

    fn read_ahead(&mut self) {
        self.ahead = self.walk.step(&self.recording);
    }

    /// Stands still, or goes on. From the end it begins anew with [`Self::jump`] only.
    pub fn pause(&mut self, paused: bool, now: Moment) {
        self.paused = paused || self.ahead.is_none();
        self.anchor = (now, self.time);
    }

    /// Faster or slower by so many steps of [`SPEEDS`].
    pub fn faster(&mut self, by: isize, now: Moment) {
        let reached = if self.paused { self.time } else { self.recorded(now).max(self.time) };
        self.anchor = (now, reached);
        self.speed = self.speed.saturating_add_signed(by).min(SPEEDS.len() - 1);
    }

    /// Where a time is that was typed, in the zone of whoever typed it.
    pub fn time(&self, when: When, zone: &TimeZone) -> Option<To> {
        let Playing { time, first, last, .. } = self.playing();
        when.resolve(time, (first, last), zone).map(To::Time)
    }

    /// Goes elsewhere. `None` if there is no such place.
    pub fn jump(&mut self, to: To, now: Moment) -> Option<Scene> {
        let place = self.place_of(to)?;
        let looks = matches!(to, To::Snapshot(_) | To::Change(_));
        let scene = self.scene(place)?;
        // What is stepped to is looked at: it does not run on.
        self.paused |= looks || self.ahead.is_none();
        self.anchor = (now, self.time);
        Some(scene)
    }

    fn place_of(&self, to: To) -> Option<usize> {
        let items = &self.recording.items;
        let snapshot = |n: &usize| items.get(*n).is_some_and(|item| item.kind.is_snapshot());
        let before = |n: usize| (0..n).rev().find(snapshot);
        match to {
            To::Time(time) => self.by_time(time),
            To::By(by) => {
                let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
                self.by_time(self.time.checked_add(by).unwrap_or(end))
            }
            To::Snapshot(Direction::Forward) => (self.shown + 1..items.len()).find(snapshot),
            To::Snapshot(Direction::Back) => before(self.shown),
            To::Change(direction) => {
                // What stands behind a snapshot belongs to it.
                let end = (self.shown + 1..items.len()).find(snapshot).unwrap_or(items.len());
                let changes = &self.recording.changes;
                let change = match direction {
                    Direction::Forward => changes.get(changes.partition_point(|n| *n < end)),
                    Direction::Back => {
                        let at = changes.partition_point(|n| *n < self.shown);
                        at.checked_sub(1).and_then(|at| changes.get(at))
                    }
                };
                before(*change?)
            }
        }
    }

    /// The last snapshot by `time`, as [`Recording::at`] has it.
    fn by_time(&self, time: Timestamp) -> Option<usize> {
        self.recording.taken_by(time).map(|(place, _)| place.0)
    }

    /// Everything that is known at the snapshot `to`, with what stands behind it.
    fn scene(&mut self, to: usize) -> Option<Scene> {
        let recording = &self.recording;
        let from = recording.past_of(to)?;
        let mut context = Context::default();
        context.look_back(recording, from);
        let mut walk = Walk::from(from);
        walk.pages = std::mem::take(&mut context.pages);
        let mut shown = None;
        let mut ahead = None;
        let mut changed = false;
        while let Some((place, step)) = walk.step(recording) {
            if place.0 > to && matches!(step, Step::Snapshot(_) | Step::About(_)) {
                ahead = Some((place, step));
                break;
            }
            match step {
                Step::Snapshot(snapshot) => {
                    context.history.push(&snapshot);
                    context.unreadable = None;
                    shown = Some((place, snapshot));
                }
                Step::Unreadable(failed) => {
                    if let Some((_, last)) = &shown {
                        context.history.gap(last.at.after(Duration::from_millis(1)));
                    }
                    context.unreadable = Some(failed);
                }
                Step::Theirs(theirs) => {
                    for theirs in theirs {
                        context.outside.take(theirs);
                    }
                }
                Step::Journal(_) => changed = true,
                Step::Machine(machine) => context.machine = Some(machine),
                Step::About(about) => context.about = Some(about),
                Step::Lost(_) | Step::End | Step::Flawed(_) => {}
            }
        }
        let (place, snapshot) = shown?;
        let Context { about, machine, unreadable, history, outside, journal, .. } = context;
        let news = (changed || journal).then(|| Arc::new(walk.pages.news()));
        (self.walk, self.ahead, self.shown, self.time) = (walk, ahead, place.0, snapshot.taken);
        Some(Scene { about, machine, news, snapshot, unreadable, history, outside })
    }
}

/// What is gathered on the way.
#[derive(Default)]
struct Context {
    about: Option<About>,
    machine: Option<Machine>,
    pages: super::pages::Pages,
    journal: bool,
    unreadable: Option<Unreadable>,
    history: History,
    outside: Log,
}

impl Context {
    /// Gathers what was told before `from` and still holds.
    fn look_back(&mut self, recording: &Recording, from: usize) {
        let before = recording.items.get(..from).unwrap_or_default();
        let places = |kind: Kind| {
            let all = before.iter().enumerate().filter(move |(_, item)| item.kind == kind);
            all.map(|(n, _)| n)
        };
        let read = |place: usize| Walk::from(place).step(recording).map(|(_, step)| step);
        if let Some(Step::About(about)) = places(Kind::ABOUT).next_back().and_then(read) {
            self.about = Some(about);
        }
        if let Some(Step::Machine(machine)) = places(Kind::MACHINE).next_back().and_then(read) {
            self.machine = Some(machine);
        }
        for item in before.iter().filter(|item| item.kind == Kind::JOURNAL) {
            let page = recording.payload(item).and_then(|page| self.pages.take(&page));
            self.journal |= page.is_ok();
        }
        for place in places(Kind::OUTSIDE) {
            if let Some(Step::Theirs(theirs)) = read(place) {
                for theirs in theirs {
                    self.outside.take(theirs);
                }
            }
        }
    }
}

impl Recording {
    /// Where to begin so that the past of the snapshot `to` is known, as far as it is affordable:
    /// a beginning of a group at or before it.
    fn past_of(&self, to: usize) -> Option<usize> {
        let own = self.keys.partition_point(|key| key.item <= to).checked_sub(1)?;
        let key = self.keys.get(own)?;
        let wanted = key.at.0.saturating_sub(PAST);
        let first = self.keys.partition_point(|key| key.at.0 < wanted);
        let rows = self.rows(key.item);
        let mut from = own;
        while from > first
            && let Some(earlier) = self.keys.get(from - 1)
            && to.saturating_sub(earlier.item).saturating_mul(rows) <= ROWS
        {
            from -= 1;
        }
        self.keys.get(from).map(|key| key.item)
    }

    /// How many rows the table has in the snapshot that a group begins with.
    fn rows(&self, key: usize) -> usize {
        let step = Walk::from(key).step(self).and_then(|(_, step)| step.snapshot());
        let rows = step.map_or(0, |s| s.services.iter().map(|s| 1 + s.servers.len()).sum());
        rows.max(1)
    }
}

/// When a step was, for those that happened by themselves.
fn time_of(step: &Step) -> Option<Timestamp> {
    match step {
        Step::Snapshot(snapshot) => Some(snapshot.taken),
        Step::Unreadable(failed) => Some(failed.time),
        _ => None,
    }
}
