//! Where the journal is, and opening it so that nobody can lead the writer elsewhere.

use std::ffi::{OsStr, OsString};
use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::JournalError;
use super::error::shown;

const NAME: &str = "journal.jsonl";
const ROOTS: &str = "/var/lib/ipvs-tui";
const OTHERS: &str = "ipvs-tui";
/// Readable for a group that the administrator gives the folder to.
const FILE_MODE: u32 = 0o640;
const FOLDER_MODE: u32 = 0o750;
/// What the XDG specification asks of folders that have to be made on the way.
const WAY_MODE: u32 = 0o700;

/// Where a journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    name: OsString,
    /// Whether the folder is the program's own, and made when it is not there.
    own: bool,
}

impl Place {
    /// The default: `/var/lib/ipvs-tui/journal.jsonl` for root,
    /// `$XDG_STATE_HOME/ipvs-tui/journal.jsonl` or `~/.local/state/ipvs-tui/journal.jsonl` for
    /// others. Its folder is made with mode 0750 when it is not there.
    ///
    /// # Errors
    /// [`JournalError::NoPlace`] when neither variable holds an absolute path.
    pub fn of(uid: u32, env: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, JournalError> {
        let absolute = |name| env(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = if uid == 0 {
            PathBuf::from(ROOTS)
        } else {
            let state = absolute("XDG_STATE_HOME")
                .or_else(|| Some(absolute("HOME")?.join(".local/state")))
                .ok_or(JournalError::NoPlace)?;
            state.join(OTHERS)
        };
        Ok(Self { folder, name: NAME.into(), own: true })
    }

    /// A file that the operator names. Its folder has to be there.
    ///
    /// # Errors
    /// [`JournalError::Refused`] when the path has no file name.
    pub fn at(path: &Path) -> Result<Self, JournalError> {
        let name =
            path.file_name().filter(|_| !path.as_os_str().as_encoded_bytes().ends_with(b"/"));
        let name = name.ok_or_else(|| JournalError::refused(path, "it names no file"))?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { folder: folder.to_owned(), name: name.to_owned(), own: false })
    }

    /// The file.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// The file's name, and that of the file that is locked.
    pub(super) fn lock_name(&self) -> OsString {
        let mut name = self.name.clone();
        name.push(".lock");
        name
    }

    pub(crate) fn name(&self) -> &OsStr {
        &self.name
    }

    /// Opens the folder for writing in it.
    ///
    /// # Errors
    /// [`JournalError::Refused`] when it is a symbolic link, belongs to someone else, or everyone
    /// may write in it; [`JournalError::System`] when it cannot be made or opened.
    pub(crate) fn folder(&self) -> Result<OwnedFd, JournalError> {
        let failed = |errno: Errno| JournalError::system(&self.folder, "opened", &errno.into());
        let folder = match self.open_folder() {
            Err(Errno::NOENT) if self.own => {
                self.make_folder()?;
                self.open_folder()
            }
            other => other,
        };
        let folder = folder.map_err(|errno| {
            if is_link(CWD, self.folder.as_os_str()) {
                return JournalError::refused(
                    &self.folder,
                    "it is a symbolic link; name the folder that it leads to",
                );
            }
            failed(errno)
        })?;
        let stat = rustix::fs::fstat(&folder).map_err(failed)?;
        self.belongs_to_us(&self.folder, &stat)?;
        let sticky = stat.st_mode & 0o1000 != 0;
        if stat.st_mode & 0o002 != 0 && !sticky {
            let why = "everyone may write in it, and so replace the file; run 'chmod o-w' on it";
            return Err(JournalError::refused(&self.folder, why));
        }
        Ok(folder)
    }

    fn open_folder(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        rustix::fs::open(&self.folder, flags, Mode::empty())
    }

    fn make_folder(&self) -> Result<(), JournalError> {
        let failed = |error: io::Error| JournalError::system(&self.folder, "made", &error);
        let parent = self.folder.parent().unwrap_or(Path::new("/"));
        DirBuilder::new().recursive(true).mode(WAY_MODE).create(parent).map_err(failed)?;
        match DirBuilder::new().mode(FOLDER_MODE).create(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(failed(error)),
            _ => File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed),
        }
    }

    /// Opens a file of the folder for reading and appending, and makes it when it is not there.
    ///
    /// # Errors
    /// [`JournalError::Refused`] when it is a symbolic link or no plain file, belongs to someone
    /// else, or everyone may write it; [`JournalError::System`] when it cannot be made or opened.
    pub(super) fn file(&self, folder: &OwnedFd, name: &OsStr) -> Result<File, JournalError> {
        self.file_of(folder, name, FILE_MODE)
    }

    /// The same, made with the permissions `mode`.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub(crate) fn file_of(
        &self,
        folder: &OwnedFd,
        name: &OsStr,
        mode: u32,
    ) -> Result<File, JournalError> {
        let path = self.folder.join(name);
        let open = |more: OFlags| {
            // Not blocking, in case it is a pipe.
            let flags = OFlags::RDWR | OFlags::APPEND | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mode = Mode::from_raw_mode(mode);
            rustix::fs::openat(folder, name, flags | OFlags::NONBLOCK | more, mode)
        };
        let opened = match open(OFlags::empty()) {
            Err(Errno::NOENT) => match open(OFlags::CREATE | OFlags::EXCL) {
                Ok(made) => {
                    let failed = |e: Errno| JournalError::system(&self.folder, "synced", &e.into());
                    rustix::fs::fsync(folder).map_err(failed)?;
                    Ok(made)
                }
                // Someone was faster.
                Err(Errno::EXIST) => open(OFlags::empty()),
                other => other,
            },
            other => other,
        };
        let file = opened.map_err(|errno| not_opened(folder.as_fd(), name, &path, errno))?;
        let stat = plain(&file, &path)?;
        self.belongs_to_us(&path, &stat)?;
        if stat.st_mode & 0o002 != 0 {
            let why = "everyone may write it; run 'chmod o-w' on it";
            return Err(JournalError::refused(&path, why));
        }
        Ok(File::from(file))
    }

    /// Opens the journal for reading; `None` if there is none.
    ///
    /// # Errors
    /// [`JournalError::Refused`] when it is a symbolic link or no plain file;
    /// [`JournalError::System`] when it cannot be opened.
    pub(crate) fn readable(&self, name: &OsStr) -> Result<Option<File>, JournalError> {
        let path = self.folder.join(name);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
        match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(file) => {
                plain(&file, &path)?;
                Ok(Some(File::from(file)))
            }
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(not_opened(CWD, path.as_os_str(), &path, errno)),
        }
    }

    /// Whether `file` is still what the journal's name leads to.
    pub(crate) fn leads_to(&self, file: &File) -> bool {
        let there = rustix::fs::lstat(self.path());
        let (Ok(there), Ok(ours)) = (there, rustix::fs::fstat(file)) else { return false };
        (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)
    }

    fn belongs_to_us(&self, path: &Path, stat: &Stat) -> Result<(), JournalError> {
        let us = rustix::process::geteuid().as_raw();
        if stat.st_uid == us || stat.st_uid == 0 {
            return Ok(());
        }
        let why = format!(
            "it belongs to user {}, who could replace the file; name one that belongs to user \
             {us} or root",
            stat.st_uid
        );
        Err(JournalError::refused(path, why))
    }
}

impl std::fmt::Display for Place {
    /// The path, control characters escaped.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shown(&self.path()))
    }
}

fn is_link(folder: impl AsFd, name: &OsStr) -> bool {
    rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
        .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

fn not_opened(folder: impl AsFd, name: &OsStr, path: &Path, errno: Errno) -> JournalError {
    if is_link(folder, name) {
        JournalError::refused(path, "it is a symbolic link; name the file that it leads to")
    } else if errno == Errno::ISDIR {
        JournalError::refused(path, "it is a folder; name a file in it")
    } else {
        JournalError::system(path, "opened", &errno.into())
    }
}

fn plain(file: &OwnedFd, path: &Path) -> Result<Stat, JournalError> {
    let failed = |errno: Errno| JournalError::system(path, "opened", &errno.into());
    let stat = rustix::fs::fstat(file).map_err(failed)?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(stat),
        FileType::Directory => {
            Err(JournalError::refused(path, "it is a folder; name a file in it"))
        }
        _ => Err(JournalError::refused(path, "it is no plain file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uid: u32, env: &[(&str, &str)]) -> Result<PathBuf, JournalError> {
        let look = |name: &str| env.iter().find(|(k, _)| *k == name).map(|(_, v)| (*v).into());
        Place::of(uid, &look).map(|place| place.path())
    }

    #[test]
    fn the_default_place_is_where_state_belongs() {
        let env = [("XDG_STATE_HOME", "/s"), ("HOME", "/home/alice")];
        assert_eq!(of(0, &env), Ok("/var/lib/ipvs-tui/journal.jsonl".into()));
        assert_eq!(of(1000, &env), Ok("/s/ipvs-tui/journal.jsonl".into()));
        let home = "/home/alice/.local/state/ipvs-tui/journal.jsonl";
        assert_eq!(of(1000, &env[1..]), Ok(home.into()));
        let relative = [("XDG_STATE_HOME", "state"), ("HOME", "/home/alice")];
        assert_eq!(of(1000, &relative), Ok(home.into()), "XDG says to ignore relative paths");
        assert_eq!(of(1000, &[]), Err(JournalError::NoPlace));
    }

    #[test]
    fn a_named_place_has_to_name_a_file() {
        assert_eq!(Place::at(Path::new("j")).unwrap().path(), Path::new("./j"));
        assert_eq!(Place::at(Path::new("/j")).unwrap().path(), Path::new("/j"));
        for path in ["", "/", "..", "/tmp/"] {
            assert!(Place::at(Path::new(path)).is_err(), "{path}");
        }
    }
}
