//! Recording on a thread of its own: a slow disk holds up neither the director nor the screen.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
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
    /// Snapshots that the recorder had no time for.
    missed: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Tap {
    /// Reports, and records with `recorder`.
    pub(super) fn new(
        reports: UnboundedSender<Report>,
        recorder: Option<Recorder>,
    ) -> Result<Self, KernelError> {
        let missed = Arc::new(AtomicU64::new(0));
        let Some(recorder) = recorder else {
            return Ok(Self { reports, recorder: None, missed, thread: None });
        };
        let (sender, inbox) = sync_channel(WAITING);
        let (told, late) = (reports.clone(), Arc::clone(&missed));
        let thread = Builder::new()
            .name("recorder".to_owned())
            .spawn(move || record(recorder, &inbox, &late, &told))
            .map_err(|e| KernelError::system("start the recorder's thread", &e))?;
        Ok(Self { reports, recorder: Some(sender), missed, thread: Some(thread) })
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
            if recorder.try_send(seen).is_err()
                && self.missed.fetch_add(counts, Ordering::Relaxed) == 0
            {
                let text = "recording waits for its disk; what comes meanwhile is not recorded";
                let _ = self.reports.send(Report::Note(text.to_owned()));
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
        Report::Machine(owners, schedulers) => {
            let owners = owners.clone().map_err(|error| error.to_string());
            Seen::Machine(Machine { owners, schedulers: schedulers.clone() })
        }
        _ => return None,
    })
}

fn record(
    mut recorder: Recorder,
    inbox: &Receiver<Seen>,
    missed: &AtomicU64,
    reports: &UnboundedSender<Report>,
) {
    let mut told: Option<Status> = None;
    while let Ok(seen) = inbox.recv() {
        let late = missed.swap(0, Ordering::Relaxed);
        if late > 0 {
            recorder.missed(late);
        }
        recorder.take(&seen);
        let now = recorder.status();
        let news = told.as_ref().is_none_or(|told| {
            told.failing != now.failing || now.bytes >= told.bytes.saturating_add(TOLD)
        });
        if news && (now.bytes > 0 || now.failing.is_some()) {
            told = Some(now.clone());
            let _ = reports.send(Report::Recording(now.clone()));
        }
    }
}
