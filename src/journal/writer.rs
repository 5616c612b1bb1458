//! Writing: the intent before anything is sent to the kernel, each change's outcome after it.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use jiff::Timestamp;

use super::line::{MAX_LINE, Record};
use super::lock::Holder;
use super::record::{
    DrainEnd, DrainEnded, DrainStarted, Drained, End, Intent, Kind, Left, Outside, Step,
    StepOutcome, Tally, Then,
};
use super::store::FileStore;
use super::{Author, Id, JournalError, Place, Store};
use crate::ipvs::{ServerKey, ServiceKey};
use crate::plan::Plan;

/// Tells the wall clock.
pub type Clock = Box<dyn FnMut() -> Timestamp + Send>;

/// The outcomes of a longer plan are synced by so many. A crash of the machine can lose one less,
/// along with the table that they are about; a process that dies loses none that was written.
const SYNC_EVERY: usize = 16;

/// What [`Journal::check`] asks the disk for, in bytes: the entry of an everyday plan.
const EVERYDAY: u64 = 16 << 10;

/// What the operator is about to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// What for.
    pub kind: Kind,
    /// The changes.
    pub plan: Plan,
    /// The operator's reason; empty if none was given.
    pub reason: String,
    /// The entry that it takes back.
    pub undoes: Option<Id>,
    /// The drain that it belongs to.
    pub drain: Option<Id>,
    /// The entry that it goes on with; see [`Intent::part_of`].
    pub part_of: Option<Id>,
}

impl Act {
    /// The operator's own plan, without a reason.
    pub fn new(plan: Plan) -> Self {
        let (undoes, drain, part_of) = (None, None, None);
        Self { kind: Kind::New, plan, reason: String::new(), undoes, drain, part_of }
    }
}

/// An act with what else is to be written down around it: what whoever applies it has to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What is to be done.
    pub act: Act,
    /// The drain that begins with it.
    pub begins: Option<Terms>,
    /// The drains that end when all of it is done.
    pub ends: Vec<Ending>,
}

impl Order {
    /// An act that neither begins nor ends a drain.
    pub fn new(act: Act) -> Self {
        Self { act, begins: None, ends: Vec::new() }
    }
}

/// The end of a drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The drain.
    pub id: Id,
    /// How it ends.
    pub how: DrainEnd,
    /// What it came to, where that is known.
    pub left: Left,
}

impl Ending {
    /// Of a drain that nobody here has followed.
    pub fn new(id: Id, how: DrainEnd) -> Self {
        Self { id, how, left: Left::default() }
    }
}

/// What the journal made of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The entry; `None` if nothing was begun.
    pub entry: Option<Id>,
    /// The drain that began.
    pub drain: Option<Id>,
    /// Why something that was done could not be written down. It will be, before anything else,
    /// as soon as that is possible.
    pub owed: Option<JournalError>,
}

/// What a drain is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What is drained, in an operator's words.
    pub target: String,
    /// The operator's reason; empty if none was given.
    pub reason: String,
    /// The servers, with the weights from before.
    pub servers: Vec<Drained>,
    /// After so many seconds its time is up; `None` for never.
    pub timeout_seconds: Option<u64>,
    /// What happens then.
    pub then: Then,
}

/// A journal that is written to.
pub struct Journal {
    store: Box<dyn Store>,
    path: PathBuf,
    author: Author,
    clock: Clock,
    /// The newest id given or seen.
    newest: Option<Id>,
    /// What the entries under way came to so far.
    under_way: BTreeMap<Id, Tally>,
    /// Outcomes that could not be written yet. They go before anything else.
    owed: Vec<u8>,
}

impl Journal {
    /// Opens the journal at `place`, and makes it (0640, its own folder 0750) when it is not
    /// there. It is locked only while an entry is under way.
    ///
    /// # Errors
    /// [`JournalError::Refused`] when the file or its folder is a symbolic link, belongs to
    /// someone else or may be written by everyone; [`JournalError::System`] when it cannot be
    /// made or opened for writing.
    pub fn open(place: &Place, author: Author, clock: Clock) -> Result<Self, JournalError> {
        let store = Box::new(FileStore::open(place)?);
        Ok(Self::on(store, place.path(), author, clock))
    }

    /// A journal on a store of another kind, which `path` names in messages.
    pub fn on(store: Box<dyn Store>, path: PathBuf, author: Author, clock: Clock) -> Self {
        let (newest, under_way, owed) = (None, BTreeMap::new(), Vec::new());
        Self { store, path, author, clock, newest, under_way, owed }
    }

    /// On which table it is written.
    pub fn author(&self) -> &Author {
        &self.author
    }

    /// Whether an everyday entry could be written now. Writes nothing but outcomes that are owed.
    ///
    /// # Errors
    /// [`JournalError`], as [`begin`](Self::begin) would return it. That another process is in the
    /// middle of a plan is none.
    pub fn check(&mut self) -> Result<(), JournalError> {
        let checked = self.acquire().and_then(|()| {
            let room = self.store.reserve(EVERYDAY).and_then(|()| self.store.sync());
            room.map_err(|error| JournalError::system(&self.path, "written", &error))?;
            if self.owed.is_empty() { Ok(()) } else { Ok(self.write(&[], true)?) }
        });
        self.release_if_idle();
        match checked {
            Err(JournalError::Locked { .. }) => Ok(()),
            other => other,
        }
    }

    /// Writes down what is about to be done, and makes room for what will be said of it. The
    /// journal is locked until [`end`](Self::end).
    ///
    /// # Errors
    /// [`JournalError`]: nothing may be sent to the kernel then.
    pub fn begin(&mut self, act: Act) -> Result<Id, JournalError> {
        let begun = self.acquire().and_then(|()| self.try_begin(act));
        self.release_if_idle();
        begun
    }

    fn try_begin(&mut self, act: Act) -> Result<Id, JournalError> {
        let Act { kind, plan, reason, undoes, drain, part_of } = act;
        let changes = u64::try_from(plan.changes.len()).unwrap_or(u64::MAX);
        let id = self.next_id()?;
        let intent = Intent {
            id,
            time: self.now(),
            operator: self.author.operator.clone(),
            scene: self.author.scene.clone(),
            pid: self.author.pid,
            kind,
            reason,
            undoes,
            drain,
            part_of,
            plan,
        };
        let line = self.encode(&Record::Intent(Box::new(intent)))?;
        if line.len() > MAX_LINE {
            return Err(JournalError::TooLong { bytes: line.len() });
        }
        // The steps repeat the changes, and a refusal says why. A disk that fills up between a
        // change and its outcome would leave a doubt.
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        let room = length.saturating_mul(2).saturating_add(changes.saturating_mul(256) + 4096);
        let full = |error| JournalError::system(&self.path, "written", &error);
        self.store.reserve(room).map_err(full)?;
        match self.write(&line, true) {
            Ok(()) => {
                self.under_way.insert(id, Tally::default());
                Ok(id)
            }
            Err(error) => {
                // The line may be there all the same; it shall not look as if it was acted upon.
                let note = "not begun: the journal could not be written".to_owned();
                let end = End { id, time: self.now(), tally: Tally::default(), note };
                if error.written {
                    self.owe(&Record::End(end));
                }
                Err(error.error)
            }
        }
    }

    /// Writes down what came of change `index` (from 0) of entry `id`. To be called after each
    /// change and before the next is tried.
    ///
    /// # Errors
    /// [`JournalError`]: nothing more of the plan may be tried then. The outcome is kept, and
    /// written before anything else when the journal can be written again.
    pub fn step(&mut self, id: Id, index: usize, outcome: StepOutcome) -> Result<(), JournalError> {
        let steps = self.under_way.get_mut(&id).map_or(0, |tally| {
            tally.count(&outcome);
            tally.steps()
        });
        let sync = steps <= SYNC_EVERY || steps.is_multiple_of(SYNC_EVERY) || outcome.stops();
        self.owe(&Record::Step(Box::new(Step { id, index, outcome })));
        self.write_alone(&[], sync)
    }

    /// Writes down that entry `id` is through, and lets others write.
    ///
    /// # Errors
    /// [`JournalError`]; the record is kept as by [`step`](Self::step). The lock is released all
    /// the same.
    pub fn end(&mut self, id: Id, note: &str) -> Result<(), JournalError> {
        let tally = self.under_way.remove(&id).unwrap_or_default();
        let end = End { id, time: self.now(), tally, note: note.to_owned() };
        self.must_write(&Record::End(end))
    }

    /// Settles the doubts about an entry of a process that died, after looking at the kernel:
    /// every change of [`Entry::doubts`](super::Entry::doubts) with what it turned out to be.
    ///
    /// # Errors
    /// [`JournalError`]; the records are kept as by [`step`](Self::step).
    pub fn settle(
        &mut self,
        id: Id,
        outcomes: Vec<(usize, StepOutcome)>,
        note: &str,
    ) -> Result<(), JournalError> {
        self.under_way.insert(id, Tally::default());
        let mut settled = Ok(());
        for (index, outcome) in outcomes {
            settled = settled.and(self.step(id, index, outcome));
        }
        settled.and(self.end(id, note))
    }

    /// Writes down a value that someone else changed.
    ///
    /// # Errors
    /// [`JournalError`]; the record is not kept.
    pub fn outside(
        &mut self,
        of: (Option<ServiceKey>, Option<ServerKey>),
        field: &str,
        before: Option<String>,
        after: Option<String>,
    ) -> Result<(), JournalError> {
        let outside = Outside {
            time: self.now(),
            scene: self.author.scene.clone(),
            service: of.0,
            server: of.1,
            field: field.to_owned(),
            before,
            after,
        };
        let line = self.encode(&Record::Outside(Box::new(outside)))?;
        self.write_alone(&line, true)
    }

    /// Writes down that a drain begins. Its id goes into the [`Act`] of each plan that belongs
    /// to it, the one that sets the weights to 0 first.
    ///
    /// # Errors
    /// [`JournalError`]: the drain may not be begun then.
    pub fn drain_started(&mut self, terms: Terms) -> Result<Id, JournalError> {
        let started = self.acquire().and_then(|()| {
            let Terms { target, reason, servers, timeout_seconds, then } = terms;
            let id = self.next_id()?;
            let started = DrainStarted {
                id,
                time: self.now(),
                operator: self.author.operator.clone(),
                scene: self.author.scene.clone(),
                target,
                reason,
                servers,
                timeout_seconds,
                then,
            };
            let line = self.encode(&Record::DrainStarted(Box::new(started)))?;
            if line.len() > MAX_LINE {
                return Err(JournalError::TooLong { bytes: line.len() });
            }
            self.write(&line, true)?;
            Ok(id)
        });
        self.release_if_idle();
        started
    }

    /// Writes down that a drain is over.
    ///
    /// # Errors
    /// [`JournalError`]; the record is kept as by [`step`](Self::step).
    pub fn drain_ended(&mut self, ending: Ending, note: &str) -> Result<(), JournalError> {
        let Ending { id, how, left } = ending;
        let ended = DrainEnded { id, time: self.now(), how, note: note.to_owned(), left };
        self.must_write(&Record::DrainEnded(ended))
    }

    /// To the millisecond: more would only be noise in the file.
    fn now(&mut self) -> Timestamp {
        let now = (self.clock)();
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// Makes sure that nobody else is in the middle of a plan, until
    /// [`release_if_idle`](Self::release_if_idle).
    pub(super) fn alone(&mut self) -> Result<(), JournalError> {
        self.acquire()
    }

    fn acquire(&mut self) -> Result<(), JournalError> {
        let me = Holder { pid: Some(self.author.pid), since: Some(self.now()) };
        self.store.acquire(&me)
    }

    pub(super) fn release_if_idle(&mut self) {
        if self.under_way.is_empty() {
            self.store.release();
        }
    }

    fn next_id(&mut self) -> Result<Id, JournalError> {
        let unread = |error| JournalError::system(&self.path, "read", &error);
        let seen = self.store.newest().map_err(unread)?;
        let id = Id::after(self.newest.max(seen), self.now());
        self.newest = Some(id);
        Ok(id)
    }

    fn encode(&self, record: &Record) -> Result<Vec<u8>, JournalError> {
        let failed = |e: serde_json::Error| JournalError::system(&self.path, "written", &e.into());
        record.encode().map_err(failed)
    }

    /// Keeps a record for the next time that something can be written.
    fn owe(&mut self, record: &Record) {
        if let Ok(line) = self.encode(record) {
            self.owed.extend(line);
        }
    }

    /// Writes a record, or owes it.
    fn must_write(&mut self, record: &Record) -> Result<(), JournalError> {
        self.owe(record);
        self.write_alone(&[], true)
    }

    /// Writes what is owed, then `line`, under the lock.
    fn write_alone(&mut self, line: &[u8], sync: bool) -> Result<(), JournalError> {
        let written = self.acquire().and_then(|()| Ok(self.write(line, sync)?));
        self.release_if_idle();
        written
    }

    /// Writes what is owed, then `line`.
    fn write(&mut self, line: &[u8], sync: bool) -> Result<(), NotWritten> {
        let failed = |written| {
            let path = &self.path;
            move |error: io::Error| {
                let error = JournalError::system(path, "written", &error);
                NotWritten { written, error }
            }
        };
        let torn = self.store.torn().map_err(failed(false))?;
        let mut bytes = if torn { vec![b'\n'] } else { Vec::new() };
        bytes.extend_from_slice(&self.owed);
        bytes.extend_from_slice(line);
        self.store.append(&bytes).map_err(failed(false))?;
        self.owed.clear();
        if sync { self.store.sync().map_err(failed(true)) } else { Ok(()) }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if !self.owed.is_empty() {
            let _ = self.write_alone(&[], true);
        }
    }
}

/// A line that is not safely on the disk.
struct NotWritten {
    /// Whether it stands in the file all the same.
    written: bool,
    error: JournalError,
}

impl From<NotWritten> for JournalError {
    fn from(failed: NotWritten) -> Self {
        failed.error
    }
}
