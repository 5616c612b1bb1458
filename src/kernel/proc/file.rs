//! Where the files are, and how they are read: from the start to the end, in large pieces.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use crate::kernel::KernelError;

/// Where procfs is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcRoot(PathBuf);

impl Default for ProcRoot {
    /// `/proc`.
    fn default() -> Self {
        Self("/proc".into())
    }
}

impl ProcRoot {
    /// A procfs, or a folder that looks like one, at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `NAME` in `/proc/net`, in the network namespace of the calling thread. `/proc/net` itself
    /// is the main thread's, which need not be the same.
    pub fn net(&self, name: &str) -> PathBuf {
        let own = self.0.join("thread-self");
        if own.exists() {
            return own.join("net").join(name);
        }
        // Before kernel 3.17 there is no thread-self.
        let thread = rustix::thread::gettid().as_raw_nonzero();
        self.0.join(format!("self/task/{thread}/net")).join(name)
    }

    /// The folder of the `net.ipv4.vs` sysctls, which are also the calling thread's.
    pub fn sysctls(&self) -> PathBuf {
        self.0.join("sys/net/ipv4/vs")
    }

    /// The folder of the kernels' modules, `/lib/modules`: beside `/proc`.
    pub(super) fn modules(&self) -> PathBuf {
        self.0.join("../lib/modules")
    }

    /// The error for a file in `/proc/net` that could not be read.
    pub(super) fn error(&self, file: &Path, error: &io::Error) -> KernelError {
        let net_is_there = file.parent().is_some_and(Path::exists);
        if error.kind() == ErrorKind::NotFound && net_is_there {
            return KernelError::NoIpvs;
        }
        KernelError::system(format!("read {}", file.display()), error)
    }
}

/// A buffer that is filled with one file after the other and keeps its size.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
}

impl Buffer {
    /// What is offered to one `read`. The kernel hands out a page or a whole record at a time;
    /// smaller pieces would only make it begin anew more often.
    const PIECE: usize = 64 * 1024;

    /// The whole of `file`, read sequentially: reading at an offset would make the kernel
    /// generate everything before it again.
    pub(super) fn read(&mut self, file: &Path) -> io::Result<&[u8]> {
        let mut file = File::open(file)?;
        let mut filled = 0;
        loop {
            if self.bytes.len() < filled + Self::PIECE {
                self.bytes.resize((filled + Self::PIECE).max(self.bytes.len() * 2), 0);
            }
            match file.read(self.bytes.get_mut(filled..).unwrap_or_default()) {
                Ok(0) => return Ok(self.bytes.get(..filled).unwrap_or_default()),
                Ok(more) => filled += more,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}
