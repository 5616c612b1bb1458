//! One pass over the connection table, in pieces, so that whoever reads can count, show progress
//! and stop.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

use super::conn::Rows;
use super::file::ProcRoot;
use super::text::decimal;
use crate::kernel::{Connections, KernelError};

/// The connection table, being read.
///
/// The kernel hands out about 4 KiB (62 v4 rows, 25 v6 rows) a read, whatever the buffer, and up
/// to 6.12 walks the table from its start for each: reading all of it is quadratic there. Its
/// order is a hash of the client, so that its first rows are a random sample of all.
///
/// Reading belongs on a thread of its own: a single piece can take milliseconds of kernel time.
#[derive(Debug)]
pub struct ConnFile {
    file: File,
    path: PathBuf,
    /// Tells how many rows there are, from kernel 7.2 on, to root.
    status: Option<File>,
    buffer: Vec<u8>,
    /// Bytes in the buffer, of which the first `used` were handed out.
    filled: usize,
    used: usize,
    ended: bool,
}

impl ConnFile {
    /// What is offered to one read.
    const PIECE: usize = 64 * 1024;

    /// Opens `ip_vs_conn`, whose rows tell engine data; or, `with_origin`, `ip_vs_conn_sync`,
    /// whose rows tell where they came from instead.
    ///
    /// # Errors
    /// [`KernelError::NoIpvs`] when IPVS is not loaded, [`KernelError::System`] when the file
    /// cannot be opened.
    pub fn open(root: &ProcRoot, with_origin: bool) -> Result<Self, KernelError> {
        let path = root.net(if with_origin { "ip_vs_conn_sync" } else { "ip_vs_conn" });
        let file = File::open(&path).map_err(|error| root.error(&path, &error))?;
        // Opened here, because it is the calling thread's namespace that counts.
        let status = File::open(root.net("ip_vs_status")).ok();
        let buffer = vec![0; Self::PIECE];
        Ok(Self { file, path, status, buffer, filled: 0, used: 0, ended: false })
    }
}

impl Connections for ConnFile {
    /// `Conns:` of `ip_vs_status`.
    fn total(&mut self) -> Option<u64> {
        let mut text = Vec::new();
        self.status.take()?.take(Self::PIECE as u64).read_to_end(&mut text).ok()?;
        conns(&text)
    }

    fn next_rows(&mut self) -> Result<Option<Rows<'_>>, KernelError> {
        if self.ended {
            return Ok(None);
        }
        self.buffer.copy_within(self.used..self.filled, 0);
        self.filled -= self.used;
        self.used = 0;

        let read = loop {
            match self.file.read(self.buffer.get_mut(self.filled..).unwrap_or_default()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let action = || format!("read {}", self.path.display());
        let read = read.map_err(|error| KernelError::system(action(), &error))?;
        self.filled += read;
        self.ended = read == 0;

        let filled = self.buffer.get(..self.filled).unwrap_or_default();
        let full = self.filled == self.buffer.len();
        self.used = match filled.iter().rposition(|&b| b == b'\n') {
            Some(newline) if !self.ended => newline + 1,
            None if !self.ended && !full => 0,
            // A cut line at the end, or a line that no kernel writes: skipped and counted.
            _ => self.filled,
        };
        Ok(Some(Rows::new(filled.get(..self.used).unwrap_or_default())))
    }
}

/// How many entries the table has, as `ip_vs_status_show` prints it: `Conns:\t51234`.
fn conns(status: &[u8]) -> Option<u64> {
    let line = status.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(b"Conns:"))?;
    decimal(line.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_own_count_is_found() {
        let status = b"Conns:\t51234\nConn buckets:\t65536 (16 bits, lfactor -4)\nServices:\t1\n";
        assert_eq!(conns(status), Some(51_234));
        for other in [&b""[..], b"Conns:\n", b"Conns:\tmany\n", b"Conn buckets:\t5\n"] {
            assert_eq!(conns(other), None);
        }
    }
}
