//! A journal with both its sides: what is written, and what it says. Whoever may change the
//! director holds one, so that nothing is changed without being written down.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::lock::Holder;
use super::{
    Author, Clock, History, Id, Journal, JournalError, Place, Record, Scene, Store, read_from,
    read_last,
};

/// So many entries are kept of what a journal says; an open drain is never left out.
const RECENT: usize = 500;

/// What the journal says, and about which table it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// What it says.
    pub history: History,
    /// The table.
    pub scene: Scene,
    /// What was found out at the start about changes that a process left in doubt, a sentence
    /// each.
    pub told: Vec<String>,
    /// The file, as it can be shown; `None` for a journal that will be forgotten.
    pub kept: Option<String>,
}

/// A journal that is written and read.
pub struct Book {
    journal: Journal,
    pages: Pages,
    /// What the pages looked like when they were read last.
    read: Option<Mark>,
}

enum Pages {
    File(Place),
    Memory(Memory),
}

/// What changes when something is written: the file and its length.
type Mark = (u64, u64);

impl Book {
    /// Opens the journal at `place`; see [`Journal::open`].
    ///
    /// # Errors
    /// As [`Journal::open`].
    pub fn open(place: &Place, author: Author, clock: Clock) -> Result<Self, JournalError> {
        let journal = Journal::open(place, author, clock)?;
        Ok(Self { journal, pages: Pages::File(place.clone()), read: None })
    }

    /// A journal that is forgotten when it is dropped: the demo's, and an operator's who decided
    /// to keep none.
    pub fn in_memory(author: Author, clock: Clock) -> Self {
        let memory = Memory::default();
        let store = Box::new(memory.clone());
        let journal = Journal::on(store, PathBuf::from("in memory"), author, clock);
        Self { journal, pages: Pages::Memory(memory), read: None }
    }

    /// The side that is written.
    pub fn journal(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// Who writes it.
    pub fn author(&self) -> &Author {
        self.journal.author()
    }

    /// On which table it is written.
    pub fn scene(&self) -> &Scene {
        &self.journal.author().scene
    }

    /// Where it is kept; `None` for one that will be forgotten.
    pub fn place(&self) -> Option<&Place> {
        match &self.pages {
            Pages::File(place) => Some(place),
            Pages::Memory(_) => None,
        }
    }

    /// What it says: every open drain, and the last entries.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be read.
    pub fn history(&mut self) -> Result<History, JournalError> {
        // Before it is read: what is written meanwhile shows next time.
        self.read = self.mark();
        match &self.pages {
            Pages::File(place) => read_last(place, RECENT),
            Pages::Memory(memory) => {
                let bytes = memory.bytes();
                let failed = |e| JournalError::system(&PathBuf::from("in memory"), "read", &e);
                read_from(&mut bytes.as_slice(), Some(RECENT)).map_err(failed)
            }
        }
    }

    /// Whether anything was written since it was read, by whomever.
    pub fn has_news(&self) -> bool {
        self.read.is_none() || self.read != self.mark()
    }

    /// What it says, with what goes along with it.
    ///
    /// # Errors
    /// As [`history`](Self::history).
    pub fn news(&mut self, told: Vec<String>) -> Result<News, JournalError> {
        let history = self.history()?;
        let kept = self.place().map(ToString::to_string);
        Ok(News { history, scene: self.scene().clone(), told, kept })
    }

    /// What it says while nobody is in the middle of a plan: an entry without an end was left by
    /// a process that died. `None` when somebody is.
    ///
    /// # Errors
    /// [`JournalError`] when it cannot be locked or read.
    pub fn history_at_rest(&mut self) -> Result<Option<History>, JournalError> {
        match self.journal.alone() {
            Ok(()) => {}
            Err(JournalError::Locked { .. }) => return Ok(None),
            Err(error) => return Err(error),
        }
        let history = self.history();
        self.journal.release_if_idle();
        history.map(Some)
    }

    fn mark(&self) -> Option<Mark> {
        match &self.pages {
            Pages::File(place) => {
                let meta = std::fs::symlink_metadata(place.path()).ok()?;
                Some((meta.ino(), meta.len()))
            }
            Pages::Memory(memory) => Some((0, memory.bytes().len() as u64)),
        }
    }
}

/// Pages that no disk holds.
#[derive(Clone, Debug, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn acquire(&mut self, _: &Holder) -> Result<(), JournalError> {
        Ok(())
    }

    fn release(&mut self) {}

    fn torn(&mut self) -> io::Result<bool> {
        Ok(self.bytes().last().is_some_and(|last| *last != b'\n'))
    }

    fn newest(&mut self) -> io::Result<Option<Id>> {
        Ok(self.bytes().rsplit(|byte| *byte == b'\n').find_map(Record::id_of))
    }

    fn reserve(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.bytes().extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
