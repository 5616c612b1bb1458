//! Recording on a thread of its own: a slow disk holds up neither the director nor the screen.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use super::Report;
use crate::kernel::KernelError;
use crate::record::{Machine, Recorder, Seen, Status, Unreadable};

/// So much may wait for the disk; what does not fit any more is not recorded.
const WAITING: usize = 128;
/// How the recording is getting on is told whenever so many bytes more are written.
const TOLD: u64 = 16 << 10;

/// Everything that is reported goes through here.
pub(super) struct Tap {
    reports: UnboundedSender<Report>,
    recorder: Option<SyncSender<Seen>>,
    late: Arc<Mutex<Late>>,
    thread: Option<JoinHandle<()>>,
}

/// What the recorder's thread had no time for. While a disk hangs that thread can tell nothing.
#[derive(Default)]
struct Late {
    /// How the recording is getting on, as far as the thread has told.
    status: Option<Status>,
    /// Whether something was left out that the thread does not know of yet.
    behind: bool,
    /// So many snapshots of that.
    missed: u64,
}

impl Late {
    /// What is to be told while something is left out, or just was.
    fn told(&self) -> Option<Status> {
        let mut status = self.status.clone()?;
        status.lost += self.missed;
        let slow = format!(
            "{} takes too long to be written; what comes meanwhile is not recorded",
            status.name
        );
        status.failing.get_or_insert(slow);
        Some(status)
    }
}

fn lock(late: &Mutex<Late>) -> MutexGuard<'_, Late> {
    late.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tap {
    /// Reports, and records with `recorder`.
    pub(super) fn new(
        reports: UnboundedSender<Report>,
        recorder: Option<Recorder>,
    ) -> Result<Self, KernelError> {
        let status = recorder.as_ref().map(|recorder| recorder.status().clone());
        let late = Arc::new(Mutex::new(Late { status, ..Late::default() }));
        let Some(recorder) = recorder else {
            return Ok(Self { reports, recorder: None, late, thread: None });
        };
        let (sender, inbox) = sync_channel(WAITING);
        let (told, known) = (reports.clone(), Arc::clone(&late));
        let thread = Builder::new()
            .name("recorder".to_owned())
            .spawn(move || record(recorder, &inbox, &known, &told))
            .map_err(|e| KernelError::system("start the recorder's thread", &e))?;
        Ok(Self { reports, recorder: Some(sender), late, thread: Some(thread) })
    }

    /// What is told besides.
    pub(super) fn reports(&self) -> &UnboundedSender<Report> {
        &self.reports
    }

    /// Tells. False when nobody listens.
    pub(super) fn tell(&self, report: Report) -> bool {
        if let (Some(recorder), Some(seen)) = (&self.recorder, seen(&report)) {
            let counts = u64::from(matches!(seen, Seen::Snapshot(_)));
            // A disk that hangs holds nobody up.
            if recorder.try_send(seen).is_err() {
                let mut late = lock(&self.late);
                late.behind = true;
                late.missed += counts;
                // Under the lock, so that nothing that is older comes behind it.
                if let Some(status) = late.told() {
                    let _ = self.reports.send(Report::Recording(status));
                }
            }
        }
        self.reports.send(report).is_ok()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.recorder = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What of a report is recorded.
fn seen(report: &Report) -> Option<Seen> {
    Some(match report {
        Report::Snapshot(snapshot) => Seen::Snapshot(snapshot.clone()),
        Report::Unreadable(error) => {
            Seen::Unreadable(Unreadable { time: Timestamp::now(), why: error.to_string() })
        }
        Report::Theirs(theirs) => Seen::Theirs(theirs.clone()),
        Report::Journal(news) => Seen::Journal(news.clone()),
        Report::Machine(owners, schedulers, release) => {
            let owners = owners.clone().map_err(|error| error.to_string());
            // A recording is not written to: what could be loaded matters to nobody there.
            let schedulers = schedulers.as_ref().map(|schedulers| schedulers.loaded.clone());
            Seen::Machine(Machine { owners, schedulers, release: release.clone() })
        }
        _ => return None,
    })
}

fn record(
    mut recorder: Recorder,
    inbox: &Receiver<Seen>,
    late: &Mutex<Late>,
    reports: &UnboundedSender<Report>,
) {
    let mut told: Option<Status> = None;
    while let Ok(seen) = inbox.recv() {
        let (was_behind, missed) = {
            let mut late = lock(late);
            (std::mem::take(&mut late.behind), std::mem::take(&mut late.missed))
        };
        if was_behind {
            recorder.missed(missed);
        }
        recorder.take(&seen);
        let mut late = lock(late);
        late.status = Some(recorder.status().clone());
        // It goes on when something came in time again.
        let behind = was_behind || late.behind;
        let Some(now) = (if behind { late.told() } else { late.status.clone() }) else { continue };
        let news = told.as_ref().is_none_or(|told| {
            (&told.failing, told.lost) != (&now.failing, now.lost)
                || now.bytes >= told.bytes.saturating_add(TOLD)
        });
        if news && (now.bytes > 0 || now.failing.is_some()) {
            told = Some(now.clone());
            let _ = reports.send(Report::Recording(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

    use super::*;
    use crate::kernel::{Reader, Want, sim};
    use crate::record::{About, Limits, RecordError, Tape};

    /// A disk that hangs for as long as the lock is held.
    struct Disk(Arc<Mutex<()>>);

    impl Tape for Disk {
        fn append(&mut self, _: &[u8]) -> io::Result<()> {
            drop(self.0.lock().unwrap());
            Ok(())
        }

        fn cut(&mut self, _: u64) -> io::Result<()> {
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }

        fn turn(&mut self, _: u32) -> Result<(), RecordError> {
            Ok(())
        }

        fn is_there(&self) -> bool {
            true
        }

        fn name(&self) -> String {
            "rec".into()
        }
    }

    /// The next that is told about the recording.
    fn status(reports: &mut UnboundedReceiver<Report>) -> Status {
        loop {
            if let Report::Recording(status) = reports.blocking_recv().unwrap() {
                return status;
            }
        }
    }

    #[test]
    fn while_a_disk_hangs_it_is_told_and_afterwards_what_is_missing() {
        let step = sim::Clock::Step(Duration::from_secs(1));
        let director = sim::Director::open("web".parse().unwrap(), 1, step);
        let mut reader = director.reader();
        let mut next = || {
            let snapshot = reader.snapshot(&Want::everything()).unwrap();
            Report::Snapshot(Arc::new(snapshot))
        };
        let about = About {
            program: "ipvs-tui 0.1.0".into(),
            name: "demo".into(),
            interval_ms: 1_000,
            began: Timestamp::UNIX_EPOCH,
        };
        let disk = Arc::new(Mutex::new(()));
        let tape = Box::new(Disk(Arc::clone(&disk)));
        let recorder = Recorder::on(tape, 0, Limits::default(), about);
        let (sender, mut reports) = unbounded_channel();
        let tap = Tap::new(sender, Some(recorder)).unwrap();

        assert!(tap.tell(next()));
        let first = status(&mut reports);
        assert!(first.failing.is_none() && first.bytes > 0, "{first:?}");
        let hangs = disk.lock().unwrap();
        // One may be with the thread, and as many as can wait do; the others are left out.
        let left_out = 5;
        for _ in 0..WAITING + 1 + left_out {
            assert!(tap.tell(next()));
        }
        let told = status(&mut reports);
        let why = "rec takes too long to be written; what comes meanwhile is not recorded";
        assert_eq!((told.failing.as_deref(), told.lost), (Some(why), 1));
        drop(hangs);
        let on = loop {
            let status = status(&mut reports);
            if status.failing.is_none() {
                break status;
            }
            assert!(
                status.failing.as_deref().is_some_and(|f| f.contains("too long")),
                "{status:?}"
            );
        };
        assert!((left_out as u64..=left_out as u64 + 1).contains(&on.lost), "{on:?}");
        drop(tap);
        while let Ok(report) = reports.try_recv() {
            if let Report::Recording(status) = report {
                assert_eq!((status.failing, status.lost), (None, on.lost), "it is told once");
            }
        }
    }
}
