//! Where lines go: append, sync, reserve. The seam through which tests see a disk fill up.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;

use rustix::fs::{FallocateFlags, fallocate};
use rustix::io::Errno;

use super::lock::{Holder, Lock};
use super::{Id, JournalError, MAX_LINE, Place, Record};

/// How much of the end of the file is read first, in bytes, to find the newest id.
const TAIL: u64 = 64 << 10;

/// What a journal writes to.
pub trait Store: Send {
    /// Makes ready for writing: what is written next goes to the end of the journal, and nobody
    /// else writes until [`release`](Self::release). Does nothing when it is ready already.
    ///
    /// # Errors
    /// [`JournalError::Locked`], or why it cannot be opened.
    fn acquire(&mut self, me: &Holder) -> Result<(), JournalError>;

    /// Lets others write.
    fn release(&mut self);

    /// Whether the last line has no newline: a process died in the middle of it.
    ///
    /// # Errors
    /// When the end cannot be read.
    fn torn(&mut self) -> io::Result<bool>;

    /// The newest id near the end; `None` in an empty journal.
    ///
    /// # Errors
    /// When the end cannot be read.
    fn newest(&mut self) -> io::Result<Option<Id>>;

    /// Makes sure that so many more bytes fit, without writing them, as far as it can.
    ///
    /// # Errors
    /// When they do not fit.
    fn reserve(&mut self, bytes: u64) -> io::Result<()>;

    /// Appends.
    ///
    /// # Errors
    /// When not all could be written; a part may have been.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Brings what was appended to the disk.
    ///
    /// # Errors
    /// When the disk did not take it.
    fn sync(&mut self) -> io::Result<()>;
}

/// A journal's file.
#[derive(Debug)]
pub(super) struct FileStore {
    place: Place,
    file: File,
    lock: Option<Lock>,
}

impl FileStore {
    /// Opens the journal, and makes it when it is not there.
    pub(super) fn open(place: &Place) -> Result<Self, JournalError> {
        let folder = place.folder()?;
        let file = place.file(&folder, place.name())?;
        Ok(Self { place: place.clone(), file, lock: None })
    }

    /// `length` bytes from `start` on.
    fn piece(&self, start: u64, length: u64) -> io::Result<Vec<u8>> {
        let mut piece = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut piece, start)?;
        Ok(piece)
    }
}

impl Store for FileStore {
    fn acquire(&mut self, me: &Holder) -> Result<(), JournalError> {
        if self.lock.is_some() {
            return Ok(()); // an entry stays in one file
        }
        self.lock = Some(Lock::take(&self.place, me)?);
        if !self.place.leads_to(&self.file) {
            // Moved away (logrotate) or deleted: what is written there would be read by nobody.
            self.file = Self::open(&self.place)?.file;
        }
        Ok(())
    }

    fn release(&mut self) {
        self.lock = None;
    }

    fn torn(&mut self) -> io::Result<bool> {
        let length = self.file.metadata()?.len();
        let Some(last) = length.checked_sub(1) else { return Ok(false) };
        Ok(self.piece(last, 1)? != b"\n")
    }

    fn newest(&mut self) -> io::Result<Option<Id>> {
        let length = self.file.metadata()?.len();
        let most = u64::try_from(MAX_LINE * 2).unwrap_or(u64::MAX).min(length);
        let mut window = TAIL;
        loop {
            let take = window.min(most);
            let tail = self.piece(length - take, take)?;
            let lines = tail.split(|byte| *byte == b'\n');
            // The first may have lost its beginning; if it has not, it is only one more.
            let newest = lines.filter_map(Record::id_of).max();
            if newest.is_some() || take == most {
                return Ok(newest);
            }
            window *= 16;
        }
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        let length = self.file.metadata()?.len();
        match fallocate(&self.file, FallocateFlags::KEEP_SIZE, length, bytes) {
            // A file system that cannot reserve shows that it is full only when written to.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => Ok(()),
            other => Ok(other?),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}
