//! Entering another network namespace, as `ip netns` names them or by path.

use std::fmt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::ipvs::shell;
use crate::kernel::KernelError;

/// A network namespace to look at instead of the process's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    given: String,
    path: PathBuf,
}

impl Namespace {
    /// `NAME` means `/run/netns/NAME`; whatever holds a slash is a path, such as
    /// `/proc/1234/ns/net`.
    pub fn new(name_or_path: &str) -> Self {
        let path = if name_or_path.contains('/') {
            PathBuf::from(name_or_path)
        } else {
            Path::new("/run/netns").join(name_or_path)
        };
        Self { given: name_or_path.to_owned(), path }
    }

    /// What a command is written behind to be run in the namespace.
    pub fn prefix(&self) -> String {
        if self.given.contains('/') {
            return shell(["nsenter", &format!("--net={}", self.given)]);
        }
        shell(["ip", "netns", "exec", &self.given])
    }

    /// Which namespace the name stands for now, by its inode; `None` if for none.
    pub fn inode(&self) -> Option<u64> {
        rustix::fs::stat(&self.path).ok().map(|stat| stat.st_ino)
    }

    /// That it is not there any more: what a table of it shows belongs to nobody.
    pub fn gone(&self) -> KernelError {
        KernelError::Namespace {
            name: self.given.escape_debug().to_string(),
            why: "it was deleted; this goes on as soon as there is one of that name".to_owned(),
        }
    }

    /// Moves the calling thread into the namespace. Sockets keep the namespace they were made
    /// in, so this comes before any.
    ///
    /// # Errors
    /// [`KernelError::Namespace`] when it is not there, is none, or may not be entered.
    pub fn enter(&self) -> Result<(), KernelError> {
        let wrong = |why: String| KernelError::Namespace {
            name: self.given.escape_debug().to_string(),
            why,
        };
        let path = self.path.to_string_lossy().escape_debug().to_string();
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::open(&self.path, flags, Mode::empty()).map_err(|errno| {
            wrong(match errno {
                Errno::NOENT => format!("{path} does not exist; 'ip netns list' shows the names"),
                Errno::ACCESS => format!("{path} may not be opened; run as root"),
                other => format!("{path}: {other}"),
            })
        })?;
        move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(LinkNameSpaceType::Network))
            .map_err(|errno| {
                wrong(match errno {
                    Errno::PERM => {
                        "this needs the capability CAP_SYS_ADMIN; run as root".to_owned()
                    }
                    Errno::INVAL => format!("{path} is no network namespace"),
                    other => format!("{path}: {other}"),
                })
            })
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.given.escape_debug())
    }
}
