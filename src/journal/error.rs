//! Why the journal cannot be written or read, in an operator's words.

use std::io;
use std::path::Path;

use rustix::io::Errno;

use super::{Holder, MAX_LINE};

/// Why the journal cannot be written or read. No change is made whose intent met one of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// No environment variable tells where state belongs.
    #[error(
        "there is no place for the journal: neither XDG_STATE_HOME nor HOME is set; name a file with --journal FILE"
    )]
    NoPlace,
    /// The file or its folder is not fit for a journal.
    #[error("{path} is refused as a journal: {why}")]
    Refused {
        /// The file or folder, control characters escaped.
        path: String,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// Another process is in the middle of a plan.
    #[error(
        "the journal {path} is locked by {holder}, which is in the middle of a change; try again when it is through"
    )]
    Locked {
        /// The journal, control characters escaped.
        path: String,
        /// Who holds it.
        holder: Holder,
    },
    /// The operating system failed: disk full, read-only, no permission.
    #[error("the journal {path} cannot be {action}: {why}")]
    System {
        /// The file or folder, control characters escaped.
        path: String,
        /// What was tried, as a participle: "written".
        action: &'static str,
        /// The reason, and what to do.
        why: String,
    },
    /// The plan does not fit in a line.
    #[error(
        "this plan takes {bytes} bytes in the journal, which takes {MAX_LINE} in a line; apply it in parts"
    )]
    TooLong {
        /// The length of its record.
        bytes: usize,
    },
}

impl JournalError {
    pub(crate) fn system(path: &Path, action: &'static str, error: &io::Error) -> Self {
        let text = error.to_string();
        let mut why = text.split(" (os error").next().unwrap_or_default().to_owned();
        let advice = match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NOSPC | Errno::DQUOT) => "free some space on that disk",
            Some(Errno::ROFS) => "that disk is mounted read-only",
            Some(Errno::ACCESS | Errno::PERM) => "name another file with --journal FILE",
            Some(Errno::NOENT | Errno::NOTDIR) => "name a file in a folder that is there",
            Some(Errno::IO) => "that disk is failing",
            _ => "",
        };
        if !advice.is_empty() {
            why.push_str("; ");
            why.push_str(advice);
        }
        Self::System { path: shown(path), action, why }
    }

    pub(super) fn refused(path: &Path, why: impl Into<String>) -> Self {
        Self::Refused { path: shown(path), why: why.into() }
    }
}

/// A path as it can be shown on a terminal.
pub(super) fn shown(path: &Path) -> String {
    super::text::clean(&path.to_string_lossy())
}
