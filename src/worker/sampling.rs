//! Has the connection table looked at: samples to a budget, for the screen, for drains and for
//! signs of trouble; and a whole pass when it is asked for. At most one pass is under way, on a
//! thread of its own, unless everything is to happen in turn.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use rustix::time::ClockId;
use tokio::sync::mpsc::UnboundedSender;

use super::Report;
use crate::connections::{
    Attention, Budget, Clock, Cost, End, Errand, Estimate, Holder, Ledger, Limits, Passed, Place,
    Progress, Still, Survey, Told, Under, Wish, take,
};
use crate::drain::Census;
use crate::ipvs::{DaemonRole, ServiceKey};
use crate::kernel::ahead::Ahead;
use crate::kernel::{Connections, KernelError, Reader};
use crate::snapshot::{Snapshot, clock};

/// Between the beginnings of two passes, at least: where they are looked at, and a drain's
/// connections do not end faster; and where they are not.
const CLOSE: Duration = Duration::from_secs(2);
const ASIDE: Duration = Duration::from_secs(30);
/// What a pass may take and hold where nobody looks: enough for signs of trouble, with an error of
/// some per cent, and little for a console that idles.
const ASIDE_CPU: Duration = Duration::from_millis(50);
const ASIDE_ROWS: usize = 20_000;
/// Of the very first pass something is shown this soon.
const FIRST: Duration = Duration::from_millis(50);
/// How often a whole pass tells how far it is.
const PROGRESS: Duration = Duration::from_millis(200);
/// How often it is looked whether a pass is through that another one waits for.
const SOON: Duration = Duration::from_millis(10);
/// Whoever lists connections is in nobody's way.
const NICE: i32 = 10;

/// CPU time of the thread that asks, or of the whole program.
pub struct CpuClock {
    began: Instant,
    of: ClockId,
}

impl CpuClock {
    /// That of the thread that asks.
    pub fn of_thread() -> Self {
        Self { began: Instant::now(), of: ClockId::ThreadCPUTime }
    }

    /// That of all threads together: one of them may read ahead.
    pub fn of_process() -> Self {
        Self { began: Instant::now(), of: ClockId::ProcessCPUTime }
    }
}

impl Clock for CpuClock {
    fn cpu(&mut self) -> Duration {
        clock(self.of)
    }

    fn wall(&mut self) -> Duration {
        self.began.elapsed()
    }
}

/// Has work done on a thread of its own.
type Spawn = fn(Box<dyn FnOnce() + Send>) -> io::Result<()>;

fn on_a_thread(work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    std::thread::Builder::new().name("connections".to_owned()).spawn(work).map(drop)
}

/// Has the connection table looked at.
pub(super) struct Sampling {
    /// Servers that are drained.
    servers: BTreeSet<Place>,
    wish: Wish,
    in_turn: bool,
    /// In turn: something was asked for.
    asked: bool,
    /// When the next sample may begin.
    due: Instant,
    /// When the last one began, and what it took.
    last: Option<(Instant, Duration)>,
    /// What samples have taken.
    ledger: Ledger,
    spawn: Spawn,
    whole_wanted: bool,
    under_way: Option<UnderWay>,
    cost: Cost,
    /// Rows of the table, as the last sample tells.
    rows: Option<Estimate>,
    /// What is under way is a pass over another director's table.
    moved: bool,
}

struct UnderWay {
    through: Receiver<Through>,
    off: Arc<AtomicBool>,
    whole: bool,
    began: Instant,
}

/// What a pass leaves behind.
struct Through {
    spent: Duration,
    cost: Cost,
    rows: Option<Estimate>,
}

impl Sampling {
    /// On a thread of its own, and within the budget.
    pub(super) fn aside(budget: Budget) -> Self {
        Self {
            servers: BTreeSet::new(),
            wish: Wish { budget, ..Wish::default() },
            in_turn: false,
            asked: false,
            due: Instant::now(),
            last: None,
            ledger: Ledger::default(),
            spawn: on_a_thread,
            whole_wanted: false,
            under_way: None,
            cost: Cost::default(),
            rows: None,
            moved: false,
        }
    }

    /// Before every snapshot, whatever it costs.
    pub(super) fn in_turn() -> Self {
        Self { in_turn: true, ..Self::aside(Budget::default()) }
    }

    /// These servers are drained.
    pub(super) fn follow(&mut self, servers: BTreeSet<Place>) {
        self.servers = servers;
        self.plan();
    }

    /// The services whose counters a drain is judged by.
    pub(super) fn services(&self) -> impl Iterator<Item = ServiceKey> {
        self.servers.iter().map(|(service, _)| *service)
    }

    /// Something is asked for.
    pub(super) fn ask(&mut self, ask: &Errand) {
        self.asked = true;
        match ask {
            Errand::Sample(wish) => {
                let other = wish.origins != self.wish.origins;
                self.wish = *wish;
                self.plan();
                if other {
                    self.plan_anew(); // what is shown was never read
                }
            }
            Errand::Whole => self.whole_wanted = true,
            Errand::CallOff => {
                self.whole_wanted = false;
                if let Some(pass) = self.under_way.as_ref().filter(|pass| pass.whole) {
                    pass.off.store(true, Ordering::Relaxed);
                }
            }
            Errand::Names(_) => {}
        }
    }

    /// The director is another one now: what is under way is called off, and nothing of it counts.
    pub(super) fn moved(&mut self) {
        if let Some(pass) = &self.under_way {
            pass.off.store(true, Ordering::Relaxed);
            self.moved = true;
        }
        self.rows = None;
        self.plan_anew();
    }

    /// The director cannot be read.
    pub(super) fn failed(&mut self, error: KernelError, reports: &UnboundedSender<Report>) {
        if let Some(pass) = &self.under_way {
            pass.off.store(true, Ordering::Relaxed);
        }
        self.last = Some((Instant::now(), Duration::ZERO));
        self.whole_wanted = false;
        self.asked = false;
        self.plan();
        Tell(reports.clone()).tell(Told::Unreadable(error));
    }

    /// Whether somebody looks, or a drain waits.
    fn is_close(&self) -> bool {
        self.wish.attention == Attention::Close || !self.servers.is_empty()
    }

    /// How far a sample goes.
    fn limits(&self) -> Limits {
        let cpu = self.wish.budget.pass();
        if self.is_close() {
            Limits { cpu, rows: Limits::SAMPLE_ROWS }
        } else {
            Limits { cpu: cpu.min(ASIDE_CPU), rows: ASIDE_ROWS }
        }
    }

    /// When the next sample may begin.
    fn plan(&mut self) {
        let Some((began, spent)) = self.last else { return };
        let least = if self.is_close() { CLOSE } else { ASIDE };
        let every = self.wish.budget.every(spent).max(least);
        let due = began.checked_add(every).unwrap_or(self.due);
        self.due = self.ledger.room(self.wish.budget, due);
    }

    /// The next sample may begin as soon as those before it are paid for.
    fn plan_anew(&mut self) {
        self.due = self.ledger.room(self.wish.budget, Instant::now());
    }

    /// When [`go_on`](Self::go_on) has something to do.
    pub(super) fn wakes(&self) -> Option<Instant> {
        if self.in_turn {
            return self.asked.then(Instant::now);
        }
        match (&self.under_way, self.whole_wanted) {
            (Some(_), true) => Some(Instant::now() + SOON),
            (Some(pass), false) => Some(Instant::now() + if pass.whole { PROGRESS } else { CLOSE }),
            (None, true) => Some(Instant::now()),
            (None, false) => (!self.wish.budget.is_nothing()).then_some(self.due),
        }
    }

    /// Begins a pass if it is time for one.
    pub(super) fn go_on(
        &mut self,
        reader: &mut dyn Reader,
        snapshot: &Arc<Snapshot>,
        reports: &UnboundedSender<Report>,
    ) {
        if self.in_turn {
            return self.take_turn(reader, snapshot, reports);
        }
        if let Some(pass) = &self.under_way {
            match pass.through.try_recv() {
                Err(TryRecvError::Empty) => {
                    if self.whole_wanted && !pass.whole {
                        pass.off.store(true, Ordering::Relaxed);
                    }
                    return;
                }
                Ok(through) => {
                    self.cost = through.cost;
                    self.rows = through.rows.or(self.rows);
                    // A whole pass was asked for, and nothing has to be made up for.
                    let spent = if pass.whole { Duration::ZERO } else { through.spent };
                    self.last = Some((pass.began, spent));
                    if !pass.whole {
                        self.ledger.note(self.wish.budget, pass.began, spent);
                    }
                }
                // Its thread has died; what it took is not known.
                Err(TryRecvError::Disconnected) => {
                    let (now, spent) = (Instant::now(), self.wish.budget.pass());
                    self.last = Some((now, spent));
                    self.ledger.note(self.wish.budget, now, spent);
                }
            }
            self.under_way = None;
            self.plan();
            if std::mem::take(&mut self.moved) {
                self.rows = None;
                self.plan_anew();
            }
        }
        let whole = self.whole_wanted;
        let due = Instant::now() >= self.due && !self.wish.budget.is_nothing();
        if !whole && !due {
            return;
        }
        self.whole_wanted = false;
        match open(reader, &self.wish, snapshot) {
            Ok(pass) => self.start(pass, whole, snapshot, reports),
            Err(error) => self.failed(error, reports),
        }
    }

    fn start(
        &mut self,
        pass: Box<dyn Connections>,
        whole: bool,
        snapshot: &Arc<Snapshot>,
        reports: &UnboundedSender<Report>,
    ) {
        let (through, receiver) = channel();
        let off = Arc::new(AtomicBool::new(false));
        let job = Job {
            snapshot: Arc::clone(snapshot),
            servers: self.servers.clone(),
            cost: self.cost,
            limits: self.limits(),
            // What is there already is better than a part.
            early: self.rows.is_none(),
            of: self.rows,
            off: Arc::clone(&off),
            tell: Tell(reports.clone()),
        };
        let started = (self.spawn)(Box::new(move || {
            let _ = rustix::process::setpriority_process(None, NICE); // only this thread's
            let mut clock = CpuClock::of_thread();
            let done = if whole { job.whole(pass) } else { job.sample(pass, &mut clock) };
            let (cost, rows) = done;
            let _ = through.send(Through { spent: clock.cpu(), cost, rows });
        }));
        match started {
            Ok(()) => {
                let began = Instant::now();
                self.under_way = Some(UnderWay { through: receiver, off, whole, began });
            }
            Err(error) => {
                let action = "start the thread that reads the connection table";
                self.failed(KernelError::system(action, &error), reports);
            }
        }
    }

    /// A whole pass, now and on this thread, without a clock.
    fn take_turn(
        &mut self,
        reader: &mut dyn Reader,
        snapshot: &Arc<Snapshot>,
        reports: &UnboundedSender<Report>,
    ) {
        self.asked = false;
        let tell = Tell(reports.clone());
        let Ok(pass) = open(reader, &self.wish, snapshot) else { return };
        let whole = std::mem::take(&mut self.whole_wanted);
        let rows = if whole { Limits::WHOLE.rows } else { Limits::SAMPLE_ROWS };
        let job = Job {
            snapshot: Arc::clone(snapshot),
            servers: self.servers.clone(),
            cost: Cost::default(),
            limits: Limits { cpu: Duration::MAX, rows },
            early: false,
            of: None,
            off: Arc::new(AtomicBool::new(false)),
            tell,
        };
        if whole {
            job.whole(pass);
        } else {
            job.sample(pass, &mut Still);
        }
    }
}

impl Drop for UnderWay {
    /// Nobody waits for it any more.
    fn drop(&mut self) {
        self.off.store(true, Ordering::Relaxed);
    }
}

/// The listing that tells what is wished for. Where rows came from is asked on a backup director,
/// unless a persistence engine keeps something that would not be told then.
fn open(
    reader: &mut dyn Reader,
    wish: &Wish,
    snapshot: &Snapshot,
) -> Result<Box<dyn Connections>, KernelError> {
    let daemons = snapshot.daemons.get().into_iter().flatten();
    let backup = daemons.into_iter().any(|daemon| daemon.role == DaemonRole::Backup);
    let engines = snapshot.services.iter().any(|entry| entry.service.pe.is_some());
    if wish.origins || (backup && !engines) { reader.origins() } else { reader.connections() }
}

/// To whom it is told. When nobody listens any more, the worker will notice.
struct Tell(UnboundedSender<Report>);

impl Tell {
    fn tell(&self, told: Told) {
        let _ = self.0.send(Report::Connections(told));
    }
}

/// One pass.
struct Job {
    snapshot: Arc<Snapshot>,
    servers: BTreeSet<Place>,
    cost: Cost,
    limits: Limits,
    /// Whether something is shown before it is through.
    early: bool,
    /// Rows of the table, as the last sample tells.
    of: Option<Estimate>,
    off: Arc<AtomicBool>,
    tell: Tell,
}

impl Job {
    fn sample(
        self,
        mut pass: Box<dyn Connections>,
        clock: &mut dyn Clock,
    ) -> (Cost, Option<Estimate>) {
        let before = clock.cpu();
        let total = pass.total();
        let told = clock.cpu().saturating_sub(before);
        let limits = Limits { cpu: self.limits.cpu.saturating_sub(told), ..self.limits };
        let (mut holder, mut cost) = (Holder::default(), self.cost);
        cost.fade();
        let mut early = self.early;
        let passed =
            take(pass.as_mut(), &mut holder, &mut cost, limits, clock, &mut |under: &Under<'_>| {
                if early && under.wall >= FIRST && !under.holder.rows().is_empty() {
                    early = false;
                    let Under { holder, cost, cpu, wall } = *under;
                    let passed = Passed { end: End::Budget, cpu, wall, skipped: 0 };
                    let rows = (holder.rows().clone(), passed, holder.repeated());
                    let survey = Survey::new(rows, *cost, total, &self.snapshot);
                    self.tell.tell(Told::Sample(Arc::new(survey)));
                }
                self.go_on()
            });
        match passed {
            Ok(passed) if passed.end == End::Cancelled => (cost, None),
            Ok(passed) => {
                let all = self.found(holder, passed, cost, total, Told::Sample);
                (cost, Some(all))
            }
            Err(error) => {
                self.tell.tell(Told::Unreadable(error));
                (cost, None)
            }
        }
    }

    fn whole(self, pass: Box<dyn Connections>) -> (Cost, Option<Estimate>) {
        let cost = self.cost;
        let mut pass = match Ahead::new(pass) {
            Ok(pass) => pass,
            Err(error) => {
                self.tell.tell(Told::Unreadable(error));
                return (cost, None);
            }
        };
        let total = pass.total();
        let mut holder = Holder::default();
        let mut clock = CpuClock::of_thread();
        let mut told = Duration::ZERO;
        // What this thread takes is not what the kernel does.
        let (mut unlearned, limits) = (Cost::default(), Limits::WHOLE);
        let passed = take(
            &mut pass,
            &mut holder,
            &mut unlearned,
            limits,
            &mut clock,
            &mut |under: &Under<'_>| {
                if under.wall >= told + PROGRESS {
                    told = under.wall;
                    let (rows, wall) = (under.holder.rows().len() as u64, under.wall);
                    self.tell.tell(Told::Under(Progress { rows, of: self.of, wall }));
                }
                self.go_on()
            },
        );
        match passed {
            Ok(passed) if passed.end == End::Cancelled => {
                self.tell.tell(Told::CalledOff);
                (cost, None)
            }
            Ok(passed) => {
                let all = self.found(holder, passed, cost, total, Told::Whole);
                (cost, Some(all))
            }
            Err(error) => {
                self.tell.tell(Told::Unreadable(error));
                (cost, None)
            }
        }
    }

    fn go_on(&self) -> ControlFlow<()> {
        match self.off.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Tells what a pass came to; of the drained servers too, if it was through.
    fn found(
        &self,
        holder: Holder,
        passed: Passed,
        cost: Cost,
        total: Option<u64>,
        told: fn(Arc<Survey>) -> Told,
    ) -> Estimate {
        let (repeated, rows) = (holder.repeated(), holder.finish());
        if passed.end == End::Whole && !self.servers.is_empty() {
            let at = self.snapshot.at;
            let census = Census::of_rows(at, &self.servers, &rows, passed.skipped);
            let _ = self.tell.0.send(Report::Census(Arc::new(census)));
        }
        let survey = Survey::new((rows, passed, repeated), cost, total, &self.snapshot);
        let all = survey.all();
        self.tell.tell(told(Arc::new(survey)));
        all
    }
}

#[cfg(test)]
mod tests;
