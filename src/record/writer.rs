//! Writing: every frame whole and at once, so that what was seen is in the file when the program
//! dies the moment after.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::codec::{Codec, cut};
use super::coder::Encoder;
use super::event::{About, End, Lost, Machine, Unreadable};
use super::frame::{Kind, frame};
use super::pages::Told;
use super::tape::{FileTape, Tape, beginning};
use super::{RecordError, kept};
use crate::journal::{News, Place};
use crate::outside::Theirs;
use crate::snapshot::{Moment, Snapshot};

/// A group has so many snapshots, and spans so much time, at most.
const GROUP: u32 = 300;
const GROUP_TIME: Duration = Duration::from_secs(600);
/// The disk is asked this often to hold what it was given: a crash of the machine takes no more.
const SYNC: Duration = Duration::from_secs(10);

/// What is to be recorded.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A poll succeeded.
    Snapshot(Arc<Snapshot>),
    /// A poll failed.
    Unreadable(Unreadable),
    /// Changes that the last snapshot shows and this console did not make.
    Theirs(Arc<Vec<Theirs>>),
    /// What the journal says now.
    Journal(Arc<News>),
    /// What else the machine tells.
    Machine(Machine),
}

/// How large a recording becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a file; then a new one is begun.
    pub most: u64,
    /// Older files that are kept.
    pub keep: u32,
}

impl Default for Limits {
    /// 64 MiB, and 7 older files of the same size.
    fn default() -> Self {
        Self { most: 64 << 20, keep: 7 }
    }
}

/// How a recording is getting on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The file, as it can be shown.
    pub name: String,
    /// Bytes that were written in this session.
    pub bytes: u64,
    /// Why nothing can be written now; it is tried again with every snapshot.
    pub failing: Option<String>,
    /// Snapshots that could not be written in this session.
    pub lost: u64,
}

/// Writes a recording.
pub struct Recorder {
    tape: Box<dyn Tape>,
    limits: Limits,
    about: About,
    /// How long the file is, as far as it is whole.
    length: u64,
    /// `None`: the next snapshot begins a group.
    group: Option<Group>,
    /// Whether the next group is to begin with everything that a reader has to know.
    context_due: bool,
    /// Whether nothing is to be written before a new file is begun.
    turn_due: bool,
    machine: Option<Machine>,
    news: Option<Arc<News>>,
    told: Told,
    status: Status,
    /// Snapshots lost since it could be written last.
    lost: u64,
    synced: Option<Moment>,
}

struct Group {
    codec: Codec,
    snapshots: u32,
    began: Moment,
    /// When its last snapshot was taken.
    taken: Timestamp,
}

impl Recorder {
    /// Records into the file at `place`. A recording that is there is gone on with.
    ///
    /// # Errors
    /// As [`FileTape::open`].
    pub fn open(place: Place, limits: Limits, about: About) -> Result<Self, RecordError> {
        let (tape, length) = FileTape::open(place)?;
        Ok(Self::on(Box::new(tape), length, limits, about))
    }

    /// Records on a tape that holds `length` whole bytes of a recording.
    pub fn on(tape: Box<dyn Tape>, length: u64, limits: Limits, about: About) -> Self {
        let status = Status { name: tape.name(), bytes: 0, failing: None, lost: 0 };
        Self {
            tape,
            limits,
            about,
            length,
            group: None,
            context_due: true,
            turn_due: false,
            machine: None,
            news: None,
            told: Told::default(),
            status,
            lost: 0,
            synced: None,
        }
    }

    /// How it is getting on.
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// Writes what was seen. What cannot be written is lost, and told by [`Self::status`]; the
    /// next snapshot is tried again.
    pub fn take(&mut self, seen: &Seen) {
        match seen {
            Seen::Snapshot(snapshot) => self.snapshot(snapshot),
            Seen::Unreadable(failed) => self.event(Kind::UNREADABLE, failed),
            Seen::Theirs(theirs) => {
                // To the millisecond, as the snapshot that shows it.
                let mut theirs = (**theirs).clone();
                theirs.iter_mut().for_each(|one| one.at = cut(one.at));
                self.event(Kind::OUTSIDE, &theirs);
            }
            Seen::Machine(machine) => {
                if self.machine.as_ref() != Some(machine) {
                    self.machine = Some(machine.clone());
                    self.event(Kind::MACHINE, machine);
                }
            }
            Seen::Journal(news) => {
                self.news = Some(Arc::clone(news));
                // Before the first snapshot it waits for the context.
                if !self.context_due
                    && let Some(page) = self.told.new_in(news)
                {
                    self.page(&page);
                }
            }
        }
    }

    /// So many snapshots never came here, because the disk took too long.
    pub fn missed(&mut self, snapshots: u64) {
        self.lost += snapshots;
        self.status.lost += snapshots;
        self.status.failing = Some(format!("{} took too long to be written", self.status.name));
        self.group = None;
        self.context_due = true;
    }

    /// Writes that the session is over.
    pub fn finish(&mut self) {
        if self.group.is_some() {
            let time = Timestamp::now();
            self.event(Kind::END, &End { time });
        }
        let _ = self.tape.sync();
        self.group = None;
    }

    fn snapshot(&mut self, snapshot: &Arc<Snapshot>) {
        if self.turn_due {
            return self.turn_and_begin(snapshot);
        }
        // Within a group the wall clock only goes on, so that a time can be looked up in it.
        let over = |group: &Group| {
            group.snapshots >= GROUP
                || snapshot.at.since(group.began) >= GROUP_TIME
                || snapshot.taken < group.taken
        };
        if self.group.as_ref().is_some_and(over) {
            self.group = None;
            if !self.tape.is_there() {
                // Moved away or deleted: what is written there would be found by nobody.
                return self.turn_and_begin(snapshot);
            }
        }
        let Some(group) = &mut self.group else { return self.begin(snapshot) };
        group.snapshots += 1;
        group.taken = snapshot.taken;
        let mut encoder = Encoder::new(Vec::new());
        let mut bytes = Vec::new();
        match group.codec.pass(&mut encoder, Some((**snapshot).clone())) {
            Ok(_) => frame(Kind::DELTA, &encoder.finish(), &mut bytes),
            Err(_) => return self.begin(snapshot), // what cannot be told as a difference
        }
        if self.length + bytes.len() as u64 > self.limits.most {
            return self.turn_and_begin(snapshot);
        }
        self.write(&bytes, Some(snapshot.at));
    }

    /// Goes on in a new file. While there is none to be had, nothing is written to the old one:
    /// where that was moved away, nobody would find it there.
    fn turn_and_begin(&mut self, snapshot: &Arc<Snapshot>) {
        self.group = None;
        self.context_due = true;
        self.turn_due = true;
        match self.tape.turn(self.limits.keep) {
            Ok(()) => {
                self.turn_due = false;
                self.length = 0;
                self.begin(snapshot);
            }
            Err(error) => self.failed(error.to_string(), true),
        }
    }

    /// Begins a group: a snapshot on its own feet, behind what a reader has to know.
    fn begin(&mut self, snapshot: &Arc<Snapshot>) {
        let (mut codec, mut encoder) = (Codec::new(), Encoder::new(Vec::new()));
        let plain = kept((**snapshot).clone());
        let mut payload = plain.taken.as_millisecond().to_le_bytes().to_vec();
        payload.extend((plain.at.0.as_millis() as u64).to_le_bytes());
        if codec.pass(&mut encoder, Some(plain)).is_err() {
            return self.failed("the snapshot cannot be told".to_owned(), true);
        }
        payload.extend(encoder.finish());
        let mut bytes = Vec::new();
        if self.context_due {
            self.context(snapshot.taken, &mut bytes);
        } else if self.lost > 0 {
            self.loss(snapshot.taken, &mut bytes);
        }
        frame(Kind::KEY, &payload, &mut bytes);
        let first = self.length <= beginning().len() as u64;
        if !first && self.length + bytes.len() as u64 > self.limits.most {
            return self.turn_and_begin(snapshot);
        }
        if self.length == 0 {
            let mut whole = beginning();
            whole.extend(&bytes);
            bytes = whole;
        }
        // What stands behind the length is the torn end of a frame.
        let cut = self.tape.cut(self.length);
        if let Err(error) = cut {
            return self.failed_to(&error);
        }
        if self.write(&bytes, Some(snapshot.at)) {
            let began = snapshot.at;
            self.group = Some(Group { codec, snapshots: 1, began, taken: snapshot.taken });
            (self.context_due, self.lost) = (false, 0);
        }
    }

    /// What a reader has to know that begins here.
    fn context(&mut self, time: Timestamp, bytes: &mut Vec<u8>) {
        put(Kind::ABOUT, &self.about, bytes);
        if self.lost > 0 {
            self.loss(time, bytes);
        }
        if let Some(machine) = &self.machine {
            put(Kind::MACHINE, machine, bytes);
        }
        self.told = Told::default();
        if let Some(page) = self.news.as_ref().and_then(|news| self.told.new_in(news)) {
            frame(Kind::JOURNAL, &page, bytes);
        }
    }

    fn loss(&self, time: Timestamp, bytes: &mut Vec<u8>) {
        let why = self.status.failing.clone().unwrap_or_default();
        put(Kind::LOST, &Lost { time, snapshots: self.lost, why }, bytes);
    }

    /// Writes what is no snapshot. Before the first one there is nothing that it could belong to.
    fn event(&mut self, kind: Kind, event: &impl Serialize) {
        if self.group.is_some() {
            let mut bytes = Vec::new();
            put(kind, event, &mut bytes);
            self.write(&bytes, None);
        }
    }

    fn page(&mut self, page: &[u8]) {
        if self.group.is_some() {
            let mut bytes = Vec::new();
            frame(Kind::JOURNAL, page, &mut bytes);
            self.write(&bytes, None);
        }
    }

    /// Writes whole frames; `at` is the moment of the snapshot that is among them. False if that
    /// failed.
    fn write(&mut self, bytes: &[u8], at: Option<Moment>) -> bool {
        if let Err(error) = self.tape.append(bytes) {
            self.lost += u64::from(at.is_some());
            self.status.lost += u64::from(at.is_some());
            self.failed_to(&error);
            return false;
        }
        self.length += bytes.len() as u64;
        self.status.bytes += bytes.len() as u64;
        self.status.failing = None;
        let due = |synced: Moment| at.is_some_and(|at| at.since(synced) >= SYNC);
        if self.synced.is_none_or(due) && at.is_some() {
            self.synced = at;
            let _ = self.tape.sync(); // what it could not hold, the next append tells
        }
        true
    }

    fn failed_to(&mut self, error: &std::io::Error) {
        let path = std::path::PathBuf::from(self.tape.name());
        let error = RecordError::system(&path, "written", error);
        let _ = self.tape.cut(self.length); // as `begin` does, when that fails too
        self.failed(error.to_string(), false);
    }

    /// What was under way is given up: the next snapshot stands on its own feet again.
    fn failed(&mut self, why: String, lost: bool) {
        self.group = None;
        self.context_due = true;
        self.lost += u64::from(lost);
        self.status.lost += u64::from(lost);
        self.status.failing = Some(why);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Everything here is made of values that JSON has.
fn put(kind: Kind, event: &impl Serialize, bytes: &mut Vec<u8>) {
    if let Ok(payload) = serde_json::to_vec(event) {
        frame(kind, &payload, bytes);
    }
}
