//! Where frames go: a file, which makes room by number when it is full.
//!
//! ```text
//! FILE     what is written now
//! FILE.1   what was written before it
//! FILE.2   and before that; behind the last that is kept, the oldest goes
//! ```

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FlockOperation, flock, renameat, unlinkat};
use rustix::io::Errno;

use super::RecordError;
use super::error::shown;
use super::frame::{Title, read_title, scan, title};
use crate::journal::Place;

/// Whoever may read it sees everything that the console shows.
const MODE: u32 = 0o600;

/// What a recorder writes to: the seam through which tests see a disk fill up.
pub trait Tape: Send {
    /// Appends. A part may be written when it fails.
    ///
    /// # Errors
    /// What the disk says.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts off what is behind `length` bytes.
    ///
    /// # Errors
    /// What the disk says.
    fn cut(&mut self, length: u64) -> io::Result<()>;

    /// Brings what was appended to the disk.
    ///
    /// # Errors
    /// What the disk says.
    fn sync(&mut self) -> io::Result<()>;

    /// Begins an empty file in place of this one, which becomes the newest of the `keep` older
    /// ones.
    ///
    /// # Errors
    /// Why that cannot be done; nothing was lost then. What somebody else has put in its place is
    /// left alone.
    fn turn(&mut self, keep: u32) -> Result<(), RecordError>;

    /// Whether it can still be found under its name.
    fn is_there(&self) -> bool;

    /// Its name, as it can be shown.
    fn name(&self) -> String;
}

/// A file, locked against other recorders.
#[derive(Debug)]
pub struct FileTape {
    place: Place,
    file: File,
}

impl FileTape {
    /// Opens a file to go on with, and makes it when it is not there: 0600, never through a
    /// symbolic link. Returns up to where it is whole; what is behind was cut off by a crash and is
    /// to be overwritten.
    ///
    /// # Errors
    /// [`RecordError`]; a file that is no recording, or a newer one, is not touched.
    pub fn open(place: Place) -> Result<(Self, u64), RecordError> {
        let path = place.path();
        let file = open_file(&place)?;
        let mut bytes = Vec::new();
        let read = (&file).read_to_end(&mut bytes);
        read.map_err(|e| RecordError::system(&path, "read", &e))?;
        let whole = match read_title(&bytes) {
            Title::Ours(start) => scan(&bytes, start).whole,
            Title::Cut => 0,
            Title::Newer(version) => {
                return Err(RecordError::Newer { path: shown(&path), version });
            }
            Title::Foreign => return Err(RecordError::foreign(&path)),
        };
        Ok((Self { place, file }, whole as u64))
    }

    /// The name of the file, or of the part with this number.
    fn part(&self, number: u32) -> OsString {
        part_name(&self.place, number)
    }
}

/// The name of a recording's older part, or of the recording itself, which is number 0.
pub(super) fn part_name(place: &Place, number: u32) -> OsString {
    let mut name = place.name().to_owned();
    if number > 0 {
        name.push(format!(".{number}"));
    }
    name
}

fn open_file(place: &Place) -> Result<File, RecordError> {
    let folder = place.folder()?;
    let file = place.file_of(&folder, place.name(), MODE)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        // A file system without locks has nobody to lock out.
        Ok(()) | Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::NOLCK) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(RecordError::Busy { path: shown(&place.path()) }),
        Err(errno) => Err(RecordError::system(&place.path(), "locked", &errno.into())),
    }
}

impl Tape for FileTape {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::Start(length)).map(drop)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn turn(&mut self, keep: u32) -> Result<(), RecordError> {
        let path = self.place.path();
        let failed = |errno: Errno| RecordError::system(&path, "moved aside", &errno.into());
        let folder = self.place.folder()?;
        if self.is_there() {
            move_aside(&folder, keep, |number| self.part(number)).map_err(failed)?;
        }
        let file = open_file(&self.place)?;
        let length = file.metadata().map_err(|e| RecordError::system(&path, "opened", &e))?.len();
        // Only what was made here is empty for certain: another recorder may have written this.
        if length > 0 {
            return Err(RecordError::Taken { path: shown(&path) });
        }
        self.file = file;
        Ok(())
    }

    fn is_there(&self) -> bool {
        self.place.leads_to(&self.file)
    }

    fn name(&self) -> String {
        self.place.to_string()
    }
}

/// Gives each part the next number, the oldest first; what is beyond `keep` goes.
fn move_aside(folder: &OwnedFd, keep: u32, name: impl Fn(u32) -> OsString) -> Result<(), Errno> {
    match unlinkat(folder, name(keep), AtFlags::empty()) {
        Err(Errno::NOENT) => {}
        // With none to keep, the file itself.
        other => other?,
    }
    for number in (0..keep).rev() {
        match renameat(folder, name(number), folder, name(number + 1)) {
            Err(Errno::NOENT) => {}
            other => other?,
        }
    }
    rustix::fs::fsync(folder)
}

/// What an empty file is given first.
pub(super) fn beginning() -> Vec<u8> {
    title()
}
