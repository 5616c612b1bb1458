//! One plan at a time: the lock that a journal's writers share.
//!
//! It is `flock` on a file of its own, `FILE.lock`, which stays locked by name when the journal is
//! moved away, and holds who took it. The file is never deleted, because that would let two
//! processes lock two files of one name.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::time::Duration;

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::{JournalError, Place};

/// How often a lock is tried, and how long it is waited in between. A reader that asks who holds
/// it does so for microseconds; another console's single change takes milliseconds.
const TRIES: u32 = 15;
const PAUSE: Duration = Duration::from_millis(20);
/// What a lock file holds is shorter.
const MOST: u64 = 1024;

/// Who holds the journal's lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process, as far as it told.
    #[serde(default)]
    pub pid: Option<u32>,
    /// When it took the lock, as far as it told.
    #[serde(default)]
    pub since: Option<Timestamp>,
}

impl fmt::Display for Holder {
    /// `process 1234 since 2026-11-21T03:49:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "process {pid}")?,
            None => f.write_str("another process")?,
        }
        self.since.map_or(Ok(()), |since| write!(f, " since {since}"))
    }
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock for `me`.
    ///
    /// # Errors
    /// [`JournalError::Locked`] when someone else keeps it; what [`Place`] says of its file.
    pub(super) fn take(place: &Place, me: &Holder) -> Result<Self, JournalError> {
        let folder = place.folder()?;
        let mut file = place.file(&folder, &place.lock_name())?;
        for attempt in 1.. {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::WOULDBLOCK) if attempt < TRIES => std::thread::sleep(PAUSE),
                Err(Errno::WOULDBLOCK) => {
                    let holder = who(&mut file);
                    return Err(JournalError::Locked { path: place.to_string(), holder });
                }
                Err(errno) => {
                    return Err(JournalError::system(&place.path(), "locked", &errno.into()));
                }
            }
        }
        // Only so that others can be told. Where it cannot be written they are told less.
        let _ = sign(&mut file, me);
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

fn sign(file: &mut File, me: &Holder) -> io::Result<()> {
    file.set_len(0)?;
    let mut line = serde_json::to_vec(me)?;
    line.push(b'\n');
    file.write_all(&line)
}

fn who(file: &mut File) -> Holder {
    let mut text = Vec::new();
    let read = file.rewind().and_then(|()| Read::take(file, MOST).read_to_end(&mut text));
    read.ok().and_then(|_| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

/// Who is in the middle of a plan; `None` if nobody is.
///
/// # Errors
/// [`JournalError`] when the lock's file is there and cannot be opened.
pub fn holder(place: &Place) -> Result<Option<Holder>, JournalError> {
    let Some(mut file) = place.readable(&place.lock_name())? else { return Ok(None) };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(None),
        Err(Errno::WOULDBLOCK) => Ok(Some(who(&mut file))),
        Err(errno) => Err(JournalError::system(&place.path(), "asked for its lock", &errno.into())),
    }
}
