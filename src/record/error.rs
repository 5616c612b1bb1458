//! Why a recording cannot be written or read.

use std::io;
use std::path::Path;

use crate::journal::{JournalError, clean};

/// What is wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It ends before it is whole.
    #[error("it ends before it is whole")]
    Short,
    /// Its bytes are not those that were written.
    #[error("its checksum is wrong")]
    Damaged,
    /// It holds something that cannot be.
    #[error("it holds {0}")]
    Malformed(String),
}

impl Flaw {
    pub(super) fn malformed(what: &str) -> Self {
        Self::Malformed(what.to_owned())
    }

    /// JSON that is not what it should be. serde_json repeats names as they were found.
    pub(super) fn json(what: &str, error: &serde_json::Error) -> Self {
        Self::Malformed(format!("{what} that is none ({})", clean(&error.to_string())))
    }
}

/// Why a recording cannot be written or read, in an operator's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The file or its folder is not fit for a recording.
    #[error("{path} is refused as a recording: {why}")]
    Refused {
        /// The file or folder, control characters escaped.
        path: String,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// The file is something else.
    #[error("{path} is no recording of ipvs-tui")]
    Foreign {
        /// The file, control characters escaped.
        path: String,
    },
    /// A later program wrote it.
    #[error(
        "{path} was recorded by a newer ipvs-tui, in format {version}; this one reads format {}",
        super::VERSION
    )]
    Newer {
        /// The file, control characters escaped.
        path: String,
        /// Its format.
        version: u64,
    },
    /// Nothing of it can be played.
    #[error("{path} holds no snapshot: {why}")]
    Empty {
        /// The file, control characters escaped.
        path: String,
        /// Why.
        why: String,
    },
    /// Someone else records into it.
    #[error("{path} is being recorded into by another ipvs-tui; name another file")]
    Busy {
        /// The file, control characters escaped.
        path: String,
    },
    /// Something else stands where the file was that is recorded into.
    #[error(
        "{path} was moved away, and what stands there now is not empty and is left alone; move it \
         away too, and recording goes on"
    )]
    Taken {
        /// The file, control characters escaped.
        path: String,
    },
    /// The operating system failed: disk full, no permission.
    #[error("{path} cannot be {action}: {why}")]
    System {
        /// The file or folder, control characters escaped.
        path: String,
        /// What was tried, as a participle: "written".
        action: &'static str,
        /// The reason, and what to do.
        why: String,
    },
}

impl RecordError {
    pub(super) fn system(path: &Path, action: &'static str, error: &io::Error) -> Self {
        JournalError::system(path, action, error).into()
    }

    pub(super) fn foreign(path: &Path) -> Self {
        Self::Foreign { path: shown(path) }
    }
}

/// Both are files that are opened with the same care.
impl From<JournalError> for RecordError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Refused { path, why } => Self::Refused { path, why },
            JournalError::System { path, action, why } => {
                Self::System { path, action, why: why.replace("--journal", "--record") }
            }
            other => Self::Refused { path: "the file".to_owned(), why: other.to_string() },
        }
    }
}

/// A path as it can be shown on a terminal.
pub(super) fn shown(path: &Path) -> String {
    clean(&path.to_string_lossy())
}
