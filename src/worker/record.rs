//! Recording on a thread of its own: a slow disk holds up neither the director nor the screen.

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
    thread: Option<JoinHandle<()>>,
}

impl Tap {
    /// Reports, and records with `recorder`.
    pub(super) fn new(
        reports: UnboundedSender<Report>,
        recorder: Option<Recorder>,
    ) -> Result<Self, KernelError> {
        let Some(recorder) = recorder else {
            return Ok(Self { reports, recorder: None, thread: None });
        };
        let (sender, inbox) = sync_channel(WAITING);
        let told = reports.clone();
        let thread = Builder::new()
            .name("recorder".to_owned())
            .spawn(move || record(recorder, &inbox, &told))
            .map_err(|e| KernelError::system("start the recorder's thread", &e))?;
        Ok(Self { reports, recorder: Some(sender), thread: Some(thread) })
    }

    /// What is told besides.
    pub(super) fn reports(&self) -> &UnboundedSender<Report> {
        &self.reports
    }

    /// Tells. False when nobody listens.
    pub(super) fn tell(&self, report: Report) -> bool {
        if let (Some(recorder), Some(seen)) = (&self.recorder, seen(&report)) {
            let _ = recorder.try_send(seen); // a disk that hangs holds nobody up
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

fn record(mut recorder: Recorder, inbox: &Receiver<Seen>, reports: &UnboundedSender<Report>) {
    let mut told: Option<Status> = None;
    while let Ok(seen) = inbox.recv() {
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
