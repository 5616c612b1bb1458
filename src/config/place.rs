//! Where the files are, and which of them are not to be trusted.
//!
//! The console runs as root. Under sudo, HOME may still be the operator's, and whoever can write
//! that file would decide what root's keys do; so a file that was not named on the command line
//! must belong to root or to whom the console runs as, and nobody but its owner and group may be
//! able to write any of them.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::Found;
use super::mistake::Mistake;
use crate::kernel::errno::errno_text;

const SYSTEM: &str = "/etc/ipvs-tui/config.toml";
const NAME: &str = "ipvs-tui/config.toml";
/// What people write by hand is far smaller.
const LARGEST: u64 = 256 * 1024;

/// Where configuration is looked for.
#[derive(Clone, Debug)]
pub struct Places {
    /// The machine's file.
    pub system: PathBuf,
    /// The user's file, unless the environment names no home.
    pub user: Option<PathBuf>,
    /// A file named on the command line, which is read instead of the user's and must be there.
    pub named: Option<PathBuf>,
    /// Whom the console runs as.
    pub uid: u32,
}

/// A file to look at.
pub(super) struct Place {
    pub(super) path: PathBuf,
    named: bool,
    uid: u32,
}

impl Places {
    /// Those of this machine and of whom the console runs as: `$XDG_CONFIG_HOME/ipvs-tui/`, or
    /// `~/.config/ipvs-tui/` without it. As the XDG specification has it, relative paths count as
    /// none.
    pub fn of(named: Option<&Path>, uid: u32, env: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let absolute = |name| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || Some(absolute("HOME")?.join(".config"));
        let user = absolute("XDG_CONFIG_HOME").or_else(home).map(|folder| folder.join(NAME));
        Self { system: PathBuf::from(SYSTEM), user, named: named.map(Path::to_owned), uid }
    }

    /// The files from the one that counts least.
    pub(super) fn all(&self) -> impl Iterator<Item = Place> {
        let place = |path: &PathBuf, named| Place { path: path.clone(), named, uid: self.uid };
        let own = match &self.named {
            Some(named) => Some(place(named, true)),
            None => self.user.as_ref().map(|user| place(user, false)),
        };
        std::iter::once(place(&self.system, false)).chain(own)
    }
}

impl Place {
    /// What the file says, or why there is none.
    pub(super) fn text(&self) -> Result<Result<String, Found>, Mistake> {
        let cannot = |errno: Option<Errno>| {
            let why = match errno {
                Some(Errno::NOENT) => "it does not exist".to_owned(),
                Some(Errno::ACCESS) => "that is not permitted".to_owned(),
                Some(errno) => errno_text(errno.raw_os_error()),
                None => "its end is missing".to_owned(),
            };
            Mistake::of(&self.path, format!("cannot be read: {why}"))
        };
        let file = match self.open() {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR) if !self.named => return Ok(Err(Found::NotThere)),
            // Of a file that is there but may not be read, stat tells more.
            Err(Errno::ACCESS) if !self.named && rustix::fs::stat(&self.path).is_err() => {
                return Ok(Err(Found::OutOfReach));
            }
            Err(errno) => return Err(cannot(Some(errno))),
        };
        self.trust(&file)?;
        let mut bytes = Vec::new();
        file.take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| cannot(Errno::from_io_error(&e)))?;
        if bytes.len() as u64 > LARGEST {
            let says = format!("is larger than {} KiB: no configuration is", LARGEST / 1024);
            return Err(Mistake::of(&self.path, says));
        }
        String::from_utf8(bytes).map(Ok).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            Mistake { line: Some(line), ..Mistake::of(&self.path, "this is not text in UTF-8") }
        })
    }

    fn open(&self) -> Result<File, Errno> {
        // A pipe in place of the file must not hang the console; one that is named may be meant:
        // --config <(...).
        let wait = if self.named { OFlags::empty() } else { OFlags::NONBLOCK };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | wait;
        rustix::fs::open(&self.path, flags, Mode::empty()).map(File::from)
    }

    /// Refuses what others than root and the user may have written.
    fn trust(&self, file: &File) -> Result<(), Mistake> {
        let refuse = |says: String| Err(Mistake::of(&self.path, says));
        let stat = match rustix::fs::fstat(file) {
            Ok(stat) => stat,
            Err(errno) => {
                return refuse(format!("cannot be read: {}", errno_text(errno.raw_os_error())));
            }
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory || (kind != FileType::RegularFile && !self.named) {
            return refuse("is no file".to_owned());
        }
        if kind == FileType::RegularFile && stat.st_mode & 0o002 != 0 {
            return refuse(
                "is refused, because everyone may write it; take that away with 'chmod o-w'"
                    .to_owned(),
            );
        }
        if self.named || stat.st_uid == 0 || stat.st_uid == self.uid {
            return Ok(());
        }
        let whom = if self.uid == 0 { "root".to_owned() } else { format!("user {}", self.uid) };
        refuse(format!(
            "is refused, because it belongs to user {} and this runs as {whom}; name it with \
             --config if you trust it, or leave their HOME behind with 'sudo -H'",
            stat.st_uid
        ))
    }
}
