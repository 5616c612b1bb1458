//! The sole owner of the kernel: samples, applies, verifies. Reading and writing meet only here,
//! on one thread, so that a sample never interleaves with half a plan.
//!
//! ```text
//! apply   a plan: re-read, compare, write, read back
//! tiers   what the next poll shall bring: everything, or what is on the screen and a share
//! ```

mod apply;
mod tiers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

pub use apply::apply;
use tiers::Tiers;

use crate::ipvs::ServiceKey;
use crate::kernel::{KernelError, Reader, Writer};
use crate::model::{PAUSE, Ticket};
use crate::plan::{Outcome, Plan};
use crate::snapshot::Snapshot;

/// A director as a value. One without a Writer can only be watched.
pub struct Director {
    /// Its name: the host, or the scenario.
    pub name: String,
    /// Reads it.
    pub reader: Box<dyn Reader>,
    /// Changes it.
    pub writer: Option<Box<dyn Writer>>,
}

/// What the worker is asked for.
#[derive(Debug)]
pub enum Request {
    /// Apply a plan.
    Apply(Ticket, Plan),
    /// Read the kernel now, everything around the table included.
    Refresh,
    /// These services are on the screen: keep their counters fresh.
    Visible(BTreeSet<ServiceKey>),
    /// Finish what is under way and end.
    Stop,
}

/// What the worker tells.
#[derive(Debug)]
pub enum Report {
    /// A poll succeeded.
    Snapshot(Arc<Snapshot>),
    /// A poll failed. The worker goes on trying.
    Unreadable(KernelError),
    /// A plan is through, or has failed. The snapshot after it was reported before.
    Outcome(Ticket, Box<Outcome>),
}

/// The handle to the worker's thread.
pub struct Worker {
    requests: Sender<Request>,
    thread: Option<JoinHandle<()>>,
    /// The director's name.
    pub name: String,
    /// Whether the director has no Writer.
    pub read_only: bool,
}

impl Worker {
    /// Starts the thread and opens the director on it: a socket belongs to the network namespace
    /// of the thread that made it. Returns when the director is open.
    ///
    /// # Errors
    /// What `open` says; [`KernelError::System`] when there is no thread to be had.
    pub fn start(
        open: impl FnOnce() -> Result<Director, KernelError> + Send + 'static,
        interval: Duration,
        reports: UnboundedSender<Report>,
    ) -> Result<Self, KernelError> {
        let (requests, inbox) = channel();
        let (opened, answer) = channel();
        let thread = std::thread::Builder::new()
            .name("director".to_owned())
            .spawn(move || match open() {
                Ok(director) => {
                    let _ = opened.send(Ok((director.name.clone(), director.writer.is_none())));
                    Loop::new(director, interval, inbox, reports).run();
                }
                Err(error) => {
                    let _ = opened.send(Err(error));
                }
            })
            .map_err(|e| KernelError::system("start the director's thread", &e))?;
        let dead = |_| KernelError::malformed("the director", "its thread ended while opening it");
        let (name, read_only) = answer.recv().map_err(dead)??;
        Ok(Self { requests, thread: Some(thread), name, read_only })
    }

    /// Asks for something. A worker that has ended takes nothing any more; its reports have
    /// ended then too.
    pub fn ask(&self, request: Request) {
        let _ = self.requests.send(request);
    }

    /// Lets the worker finish what is under way, and waits for it.
    pub fn stop(&mut self) {
        self.ask(Request::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.stop();
    }
}

struct Loop {
    director: Director,
    interval: Duration,
    inbox: Receiver<Request>,
    reports: UnboundedSender<Report>,
    tiers: Tiers,
    /// How long the last poll took.
    took: Duration,
}

impl Loop {
    fn new(
        director: Director,
        interval: Duration,
        inbox: Receiver<Request>,
        reports: UnboundedSender<Report>,
    ) -> Self {
        Self {
            director,
            interval,
            inbox,
            reports,
            tiers: Tiers::new(interval),
            took: Duration::ZERO,
        }
    }

    fn run(mut self) {
        let mut due = Instant::now();
        loop {
            if Instant::now() >= due && !self.sample() {
                return; // nobody listens any more
            }
            // From the plan and not from now, so that ticks do not drift; missed ones are let go.
            let now = Instant::now();
            while due <= now {
                due += self.interval;
            }
            due = due.max(now + self.took * PAUSE);
            match self.inbox.recv_timeout(due.saturating_duration_since(now)) {
                Ok(Request::Apply(ticket, plan)) => {
                    let outcome = self.apply(&plan);
                    // The effect is seen before the outcome is told.
                    if !self.sample()
                        || self.reports.send(Report::Outcome(ticket, Box::new(outcome))).is_err()
                    {
                        return;
                    }
                }
                Ok(Request::Refresh) => {
                    self.tiers.everything_next();
                    due = Instant::now();
                }
                Ok(Request::Visible(keys)) => self.tiers.visible(keys),
                Ok(Request::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn apply(&mut self, plan: &Plan) -> Outcome {
        let Director { reader, writer, .. } = &mut self.director;
        apply(plan, reader.as_mut(), writer.as_mut())
    }

    /// Reads and reports. False when nobody listens.
    fn sample(&mut self) -> bool {
        let want = self.tiers.want();
        let began = Instant::now();
        let report = match self.director.reader.snapshot(&want) {
            Ok(snapshot) => {
                self.tiers.saw(&snapshot);
                Report::Snapshot(Arc::new(snapshot))
            }
            Err(error) => {
                self.tiers.everything_next();
                Report::Unreadable(error)
            }
        };
        self.took = began.elapsed();
        self.reports.send(report).is_ok()
    }
}
