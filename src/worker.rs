//! The sole owner of the kernel: samples, applies, verifies. Reading and writing meet only here,
//! on one thread, so that a sample never interleaves with half a plan.
//!
//! ```text
//! apply   an order: re-read, compare, write down, write, read back, write down
//! settle  what a process that died left in doubt
//! home    a network namespace whose name is deleted and comes back
//! sampling  the connection table, on a thread of its own and within a budget
//! names   names of clients, in the background
//! tiers   what the next poll shall bring: everything, or what is on the screen and a share of
//!         the rest, within a budget of CPU time
//! others  what somebody else has changed
//! record  what is told is recorded, on a thread of its own
//! replay  a worker over a recording
//! ```

mod apply;
mod home;
mod names;
mod others;
mod record;
mod replay;
mod sampling;
mod settle;
#[cfg(test)]
mod tests;
mod tiers;

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::time::ClockId;
use tokio::sync::mpsc::UnboundedSender;

pub use apply::apply;
pub use home::{Home, Opener};
use names::Names;
pub use names::Resolve;
use others::Others;
use record::Tap;
pub use sampling::CpuClock;
use sampling::Sampling;
pub use settle::settle;
use tiers::Tiers;

use crate::connections::{Budget, Errand, Told};
use crate::doctor;
use crate::drain::Census;
use crate::ipvs::{Change, ServerKey, ServiceKey};
use crate::journal::{Book, JournalError, News, Order, Written};
use crate::kernel::again::mend;
use crate::kernel::proc::modules::Schedulers;
use crate::kernel::proc::owners::Owner;
use crate::kernel::{KernelError, Reader, Writer};
use crate::model::Ticket;
use crate::outside::Theirs;
use crate::plan::Outcome;
use crate::record::{Play, Player, Playing, Recorder, Scene, Status};
use crate::snapshot::{Part, Snapshot, clock};

/// A director as a value. One without a hand can only be watched.
pub struct Director {
    /// Its name: the host, or the scenario.
    pub name: String,
    /// Reads it.
    pub reader: Box<dyn Reader>,
    /// Changes it.
    pub hand: Option<Hand>,
    /// The network namespace that it is in, if that has a name.
    pub home: Option<Home>,
}

/// The right to change a director, and the book that every change is written in.
pub struct Hand {
    /// Changes it.
    pub writer: Box<dyn Writer>,
    /// What is written down.
    pub book: Book,
}

/// When the director is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Once in every interval, and when it is asked for.
    Every {
        /// From the beginning of one poll to that of the next.
        interval: Duration,
        /// The share of one core that polling may take, above 0 and up to 1.
        budget: f64,
        /// What looking at the connection table may cost until something else is wished for.
        connections: Budget,
    },
    /// So many times at the start, and then only when it is asked for or has been changed. Nothing
    /// is done on the side, so that the same requests bring the same reports in the same order.
    Asked(NonZeroU32),
}

/// What the worker is asked for.
#[derive(Debug)]
pub enum Request {
    /// Apply a plan.
    Apply(Ticket, Box<Order>),
    /// Read the kernel now, everything around the table included.
    Refresh,
    /// These services are on the screen: keep their counters fresh.
    Visible(BTreeSet<ServiceKey>),
    /// These servers are drained: keep their counters fresh, and look at what they hold.
    Follow(BTreeSet<(ServiceKey, ServerKey)>),
    /// Look at the connection table.
    Connections(Errand),
    /// Play a recording differently.
    Play(Play),
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
    Outcome(Ticket, Box<Outcome>, Written),
    /// What the journal says now.
    Journal(Arc<News>),
    /// The journal cannot be read or written.
    NoJournal(JournalError),
    /// What the connection table says of drained servers.
    Census(Arc<Census>),
    /// What is known of the connection table.
    Connections(Told),
    /// Changes that the last snapshot shows and this worker did not make.
    Theirs(Arc<Vec<Theirs>>),
    /// How the recording is getting on.
    Recording(Status),
    /// A recording is played at another place.
    Scene(Box<Scene>),
    /// How a recording is being played.
    Playing(Playing),
    /// Something that is worth a sentence.
    Note(String),
    /// What else the machine tells: the programs that also write the table, the schedulers that
    /// the kernel has, and its release; `None` where that cannot be told.
    Machine(Result<Vec<Owner>, KernelError>, Option<Schedulers>, Option<String>),
    /// What the doctor found.
    Doctor(Box<doctor::Report>),
}

/// The handle to the worker's thread.
pub struct Worker {
    requests: Sender<Request>,
    thread: Option<JoinHandle<()>>,
    names: Names,
    /// The director's name.
    pub name: String,
    /// Whether the director has no Writer.
    pub read_only: bool,
}

/// How often the journal is looked at for what others wrote.
const NEWS: Duration = Duration::from_secs(2);
/// How often processes and modules are looked through.
const MACHINE: Duration = Duration::from_secs(30);
/// An interval that never passes: some 136 years.
const NEVER: Duration = Duration::from_secs(u32::MAX as u64);

impl Worker {
    /// Starts the thread and opens the director on it: a socket belongs to the network namespace
    /// of the thread that made it. Returns when the director is open.
    ///
    /// # Errors
    /// What `open` says; [`KernelError::System`] when there is no thread to be had.
    pub fn start<E: From<KernelError> + Send + 'static>(
        open: impl FnOnce() -> Result<Director, E> + Send + 'static,
        pace: Pace,
        reports: UnboundedSender<Report>,
    ) -> Result<Self, E> {
        Self::recording(move || Ok((open()?, None)), pace, reports)
    }

    /// The same, with a recorder of what is told.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn recording<E: From<KernelError> + Send + 'static>(
        open: impl FnOnce() -> Result<(Director, Option<Recorder>), E> + Send + 'static,
        pace: Pace,
        reports: UnboundedSender<Report>,
    ) -> Result<Self, E> {
        let (requests, inbox) = channel();
        let (opened, answer) = channel();
        let names = Names::new(reports.clone());
        let thread = std::thread::Builder::new()
            .name("director".to_owned())
            .spawn(move || {
                let open = open()
                    .and_then(|(director, recorder)| Ok((director, Tap::new(reports, recorder)?)));
                match open {
                    Ok((director, tap)) => {
                        let _ = opened.send(Ok((director.name.clone(), director.hand.is_none())));
                        Loop::new(director, pace, inbox, tap).run();
                    }
                    Err(error) => {
                        let _ = opened.send(Err(error));
                    }
                }
            })
            .map_err(|e| KernelError::system("start the director's thread", &e))?;
        let dead = |_| KernelError::malformed("the director", "its thread ended while opening it");
        let (name, read_only) = answer.recv().map_err(dead)??;
        Ok(Self { requests, thread: Some(thread), names, name, read_only })
    }

    /// A worker over a recording, which tells what was recorded as it was told then. What cannot
    /// be asked of a recording is not answered. `begun` is when `player` was at its moment 0.
    ///
    /// # Errors
    /// [`KernelError::System`] when there is no thread to be had.
    pub fn replay(
        name: String,
        player: Player,
        begun: Instant,
        reports: UnboundedSender<Report>,
    ) -> Result<Self, KernelError> {
        let (requests, inbox) = channel();
        let names = Names::new(reports.clone());
        let thread = std::thread::Builder::new()
            .name("player".to_owned())
            .spawn(move || replay::run(player, begun, &inbox, &reports))
            .map_err(|e| KernelError::system("start the player's thread", &e))?;
        Ok(Self { requests, thread: Some(thread), names, name, read_only: true })
    }

    /// Asks for something. A worker that has ended takes nothing any more; its reports have
    /// ended then too.
    pub fn ask(&self, request: Request) {
        match request {
            // Not the director's business, and its network namespace may have no name server.
            Request::Connections(Errand::Names(clients)) => self.names.ask(clients),
            other => {
                let _ = self.requests.send(other);
            }
        }
    }

    /// Has names told by `resolve` and not by the system.
    pub fn resolve_with(&mut self, resolve: Resolve) {
        self.names.resolve_with(resolve);
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
    /// How often it is read at the start.
    at_once: u32,
    inbox: Receiver<Request>,
    tap: Tap,
    others: Others,
    /// What the journal said last.
    news: Option<Arc<News>>,
    tiers: Tiers,
    /// When the last poll has been paid for, and the next may begin.
    paid: Instant,
    /// When the journal was looked at last.
    looked: Instant,
    sampling: Sampling,
    /// When processes and modules are looked through next, and the doctor comes.
    machine_due: Instant,
    /// The last poll that succeeded, which what the connection table tells is placed in.
    last: Option<Arc<Snapshot>>,
}

impl Loop {
    fn new(director: Director, pace: Pace, inbox: Receiver<Request>, tap: Tap) -> Self {
        let (interval, budget, at_once, sampling) = match pace {
            Pace::Every { interval, budget, connections } => {
                (interval, budget, 1, Sampling::aside(connections))
            }
            Pace::Asked(times) => (NEVER, 1.0, times.get(), Sampling::in_turn()),
        };
        Self {
            director,
            interval,
            at_once,
            inbox,
            tap,
            others: Others::default(),
            news: None,
            tiers: Tiers::new(interval, budget),
            paid: Instant::now(),
            looked: Instant::now(),
            sampling,
            machine_due: Instant::now(),
            last: None,
        }
    }

    fn run(mut self) {
        let mut due = Instant::now();
        if !self.settle() {
            return;
        }
        for _ in 1..self.at_once {
            if !self.sample() {
                return;
            }
        }
        loop {
            if Instant::now() >= due && !(self.sample() && self.news() && self.machine()) {
                return; // nobody listens any more
            }
            // From the plan and not from now, so that ticks do not drift; missed ones are let go.
            let now = Instant::now();
            while due <= now {
                due += self.interval;
            }
            due = due.max(self.paid);
            self.look_at_connections();
            // Before the table of services was read nothing is sampled.
            let wakes = self.last.as_ref().and_then(|_| self.sampling.wakes());
            let until = wakes.map_or(due, |at| at.min(due));
            match self.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Request::Apply(ticket, order)) => {
                    let (outcome, written) = apply(&order, &mut self.director);
                    self.others.ours(&outcome);
                    // What came of it is to be seen in the next poll.
                    for change in &order.act.plan.changes {
                        match change.service() {
                            Some(key) => self.tiers.touched(key),
                            None => self.tiers.everything_next(),
                        }
                    }
                    let outcome = Report::Outcome(ticket, Box::new(outcome), written);
                    // The effect is seen before the outcome is told.
                    if !(self.sample() && self.news_now() && self.tap.tell(outcome)) {
                        return;
                    }
                }
                Ok(Request::Refresh) => {
                    self.tiers.everything_next();
                    due = Instant::now();
                    self.machine_due = due;
                }
                Ok(Request::Visible(keys)) => {
                    // What has come on the screen is read as soon as the last poll is paid for.
                    if self.tiers.visible(keys) && self.interval < NEVER {
                        due = due.min(self.paid.max(Instant::now()));
                    }
                }
                Ok(Request::Follow(servers)) => {
                    self.sampling.follow(servers);
                    self.tiers.followed(self.sampling.services().collect());
                }
                Ok(Request::Connections(ask)) => self.sampling.ask(&ask),
                Ok(Request::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                // Nothing is played here.
                Ok(Request::Play(_)) | Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// Looks at what processes that died left in doubt. False when nobody listens.
    fn settle(&mut self) -> bool {
        if self.director.hand.is_none() {
            return true;
        }
        let report = match settle(&mut self.director) {
            Ok(news) => self.read(news),
            Err(error) => Report::NoJournal(error),
        };
        self.tap.tell(report)
    }

    fn read(&mut self, news: News) -> Report {
        let news = Arc::new(news);
        self.news = Some(Arc::clone(&news));
        Report::Journal(news)
    }

    /// Tells what others wrote into the journal. False when nobody listens.
    fn news(&mut self) -> bool {
        if self.looked.elapsed() < NEWS { true } else { self.news_now() }
    }

    /// Looks at what changes rarely on the machine. False when nobody listens.
    fn machine(&mut self) -> bool {
        if Instant::now() < self.machine_due {
            return true;
        }
        self.machine_due = Instant::now() + MACHINE;
        let reader = &mut self.director.reader;
        let owners = reader.owners();
        let schedulers = reader.schedulers().ok();
        let examined = self.last.clone().map(|snapshot| {
            let owners = Part::from_result(owners.clone());
            let drained = self.news.as_deref().map(drained).unwrap_or_default();
            doctor::examine(&doctor::gather(reader.as_mut(), snapshot, owners, drained))
        });
        let doctor = examined.map(|report| Report::Doctor(Box::new(report)));
        let release = Some(self.director.reader.release());
        let machine = Report::Machine(owners, schedulers, release);
        [machine].into_iter().chain(doctor).all(|report| self.tap.tell(report))
    }

    fn news_now(&mut self) -> bool {
        self.fresh_news().is_none_or(|report| self.tap.tell(report))
    }

    /// What the journal says, if anything was written since it was read last.
    fn fresh_news(&mut self) -> Option<Report> {
        self.looked = Instant::now();
        let Hand { book, .. } = self.director.hand.as_mut()?;
        if !book.has_news() {
            return None;
        }
        Some(match book.news(Vec::new()) {
            Ok(news) => self.read(news),
            Err(error) => Report::NoJournal(error),
        })
    }

    /// Begins a pass over the connection table if it is time for one.
    fn look_at_connections(&mut self) {
        if self.sampling.wakes().is_none() {
            return;
        }
        if let Err(error) = self.is_home() {
            return self.sampling.failed(error, self.tap.reports());
        }
        if let Some(newest) = &self.last {
            self.sampling.go_on(self.director.reader.as_mut(), newest, self.tap.reports());
        }
    }

    /// Makes sure that what is read is the director that is meant. Of another one before it
    /// nothing counts.
    ///
    /// # Errors
    /// As [`Director::stays_home`].
    fn is_home(&mut self) -> Result<(), KernelError> {
        if self.director.stays_home()? {
            self.last = None;
            self.sampling.moved();
        }
        Ok(())
    }

    /// Reads and reports. False when nobody listens.
    fn sample(&mut self) -> bool {
        let asked = self.tiers.is_asked();
        let want = self.tiers.want();
        let (began, before) = (Instant::now(), cpu());
        let read = self.is_home().and_then(|()| self.director.reader.snapshot(&want));
        let snapshot = match read {
            Ok(mut snapshot) => {
                if let Some(last) = &self.last {
                    mend(&mut snapshot, last, self.director.reader.as_mut());
                }
                Arc::new(snapshot)
            }
            Err(error) => {
                self.tiers.everything_next();
                self.paid = began + self.tiers.worth(cpu().saturating_sub(before));
                return self.tap.tell(Report::Unreadable(error));
            }
        };
        self.last = Some(Arc::clone(&snapshot));
        let reader = self.director.reader.as_mut();
        self.sampling.go_on(reader, &snapshot, self.tap.reports());
        let changes = self.others.look(&snapshot);
        // What another program did it has written down before. It is told behind what shows it.
        let news = if changes.is_empty() { None } else { self.fresh_news() };
        let theirs = self.named(changes, &snapshot);
        let spent = cpu().saturating_sub(before);
        self.tiers.learn(&want, &snapshot, spent);
        // The operator's own wish is not put off, and does not put off what follows.
        self.paid = if asked { began } else { began + self.tiers.worth(spent) };
        let told = [
            Some(Report::Snapshot(snapshot)),
            news,
            Some(theirs).filter(|all| !all.is_empty()).map(|all| Report::Theirs(Arc::new(all))),
        ];
        told.into_iter().flatten().all(|report| self.tap.tell(report))
    }

    /// What others have changed, and who as far as the journal says.
    fn named(&mut self, changes: Vec<Change>, snapshot: &Snapshot) -> Vec<Theirs> {
        let hand = self.director.hand.as_ref();
        let journal = self.news.as_ref().zip(hand).map(|(news, hand)| {
            let author = hand.book.author();
            (news, &author.scene, author.pid)
        });
        self.others.named(changes, snapshot, journal)
    }
}

/// The servers of the drains that are open on this table.
fn drained(news: &News) -> BTreeSet<(ServiceKey, ServerKey)> {
    let open = news.history.open_drains(&news.scene);
    let servers = open.flat_map(|drain| &drain.started.servers);
    servers.map(|drained| (drained.service, drained.server)).collect()
}

/// The CPU time that this thread has taken.
fn cpu() -> Duration {
    clock(ClockId::ThreadCPUTime)
}
