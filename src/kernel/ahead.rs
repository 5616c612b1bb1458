//! Reading ahead: the kernel prints the next rows while those before are looked at.
//!
//! A whole pass over the connection table then takes hardly longer than reading the file, also
//! where the rows are written out as they come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::proc::conn::Rows;
use super::{Connections, KernelError};

/// Bytes that are handed over at a time: some sixteen pages, so that handing over costs nothing.
const BATCH: usize = 64 * 1024;
/// Where the kernel takes longer for them, pages are handed over before: whoever takes them can
/// call the pass off, and waits for no more than a page.
const PATIENCE: Duration = Duration::from_millis(10);
/// Batches that may wait. More would not make it faster.
const WAITING: usize = 4;

/// A pass that is read on a thread of its own. Dropping it calls the pass off within a page.
pub struct Ahead {
    batches: Option<Receiver<Result<Vec<u8>, KernelError>>>,
    batch: Vec<u8>,
    off: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    total: Option<u64>,
}

impl Ahead {
    /// Begins to read.
    ///
    /// # Errors
    /// [`KernelError::System`] when there is no thread to be had.
    pub fn new(mut pass: Box<dyn Connections>) -> Result<Self, KernelError> {
        let total = pass.total();
        let off = Arc::new(AtomicBool::new(false));
        let (sender, batches) = sync_channel(WAITING);
        let stop = Arc::clone(&off);
        let thread = std::thread::Builder::new()
            .name("ahead".to_owned())
            .spawn(move || read(pass.as_mut(), &sender, &stop))
            .map_err(|e| KernelError::system("start a thread that reads ahead", &e))?;
        let (batches, thread) = (Some(batches), Some(thread));
        Ok(Self { batches, batch: Vec::new(), off, thread, total })
    }
}

fn read(
    pass: &mut dyn Connections,
    sender: &SyncSender<Result<Vec<u8>, KernelError>>,
    off: &AtomicBool,
) {
    let mut batch = Vec::with_capacity(BATCH + BATCH / 4);
    let mut began = Instant::now();
    loop {
        match pass.next_rows() {
            Ok(Some(rows)) => batch.extend_from_slice(rows.bytes()),
            Ok(None) => break,
            Err(error) => {
                let _ = sender.send(Ok(batch)); // nobody may listen any more
                let _ = sender.send(Err(error));
                return;
            }
        }
        if off.load(Ordering::Relaxed) {
            return;
        }
        if batch.len() >= BATCH || began.elapsed() >= PATIENCE {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH + BATCH / 4));
            if sender.send(Ok(full)).is_err() {
                return;
            }
            began = Instant::now();
        }
    }
    let _ = sender.send(Ok(batch));
}

impl Connections for Ahead {
    fn next_rows(&mut self) -> Result<Option<Rows<'_>>, KernelError> {
        let next = self.batches.as_ref().and_then(|batches| batches.recv().ok());
        match next {
            Some(batch) => {
                self.batch = batch?;
                Ok(Some(Rows::new(&self.batch)))
            }
            None => Ok(None),
        }
    }

    fn total(&mut self) -> Option<u64> {
        self.total
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.off.store(true, Ordering::Relaxed);
        self.batches = None; // it may wait to hand a batch over
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "TCP 0A090002 AD06 0A000001 0050 0A010102 0050 TIME_WAIT       113\n";

    struct Table {
        page: String,
        pages: usize,
        fails: bool,
        takes: Duration,
    }

    impl Connections for Table {
        fn next_rows(&mut self) -> Result<Option<Rows<'_>>, KernelError> {
            if self.pages == 0 {
                let failed = Err(KernelError::malformed("the table", "on purpose"));
                return if self.fails { failed } else { Ok(None) };
            }
            self.pages -= 1;
            std::thread::sleep(self.takes);
            Ok(Some(Rows::new(self.page.as_bytes())))
        }

        fn total(&mut self) -> Option<u64> {
            Some(7)
        }
    }

    fn table(pages: usize, fails: bool) -> Ahead {
        slow(pages, fails, Duration::ZERO)
    }

    fn slow(pages: usize, fails: bool, takes: Duration) -> Ahead {
        Ahead::new(Box::new(Table { page: ROW.repeat(62), pages, fails, takes })).unwrap()
    }

    #[test]
    fn slow_pages_come_one_by_one() {
        let mut pass = slow(5, false, PATIENCE);
        for _ in 0..5 {
            assert_eq!(pass.next_rows().unwrap().unwrap().count(), 62);
        }
    }

    #[test]
    fn every_row_comes_and_an_error_after_them() {
        for fails in [false, true] {
            let mut pass = table(1_000, fails);
            assert_eq!(pass.total(), Some(7));
            let mut rows = 0;
            let end = loop {
                match pass.next_rows() {
                    Ok(Some(piece)) => rows += piece.count(),
                    other => break other.map(|_| ()),
                }
            };
            assert_eq!((rows, end.is_err()), (62_000, fails));
        }
    }

    #[test]
    fn dropping_it_ends_the_pass() {
        let mut pass = table(usize::MAX, false);
        assert!(pass.next_rows().unwrap().unwrap().count() > 500);
        drop(pass); // waits for the thread: a pass that went on would never end
    }
}
