//! Following servers of weight 0 until they may be stopped, or the time is up.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::order::Made;
use super::report::{Report, then_words};
use super::{Early, Exit, PATIENCE, Run};
use crate::cli::What;
use crate::drain::{Drain, Past, Place, Verdict, affordable, take};
use crate::ipvs::{Server, ServerKey, ServiceKey, span};
use crate::journal::{self, Act, DrainEnd, DrainStarted, Ending, Id, Operator, Order, Scene, Then};
use crate::kernel::again::mend;
use crate::kernel::{KernelError, Reader, Want};
use crate::plan::Plan;
use crate::snapshot::Snapshot;
use crate::worker::Hand;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// Timeouts, daemons and sysctls are read anew after this time.
const SURROUNDINGS: Duration = Duration::from_secs(10);
/// Between two passes over the connection table, at least.
const CENSUS: Duration = Duration::from_secs(2);
/// A pass that takes a second is followed by a pause of this many: 2% of a core.
const PAUSE: u32 = 50;
/// And at most: what is safe to stop is not to be told much later.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// So many looks may fail in a row; the kernel may be short of memory for a while.
const FAILURES: u32 = 10;

/// How the servers stand.
pub(super) struct Standing {
    pub(super) text: String,
    pub(super) safe: bool,
    /// How long they were followed, in seconds.
    pub(super) seconds: f64,
    pub(super) servers: Vec<Stood>,
}

/// How one stands in one service.
pub(super) struct Stood {
    pub(super) service: ServiceKey,
    pub(super) server: ServerKey,
    pub(super) active: Option<u32>,
    pub(super) inactive: Option<u32>,
    pub(super) persistent: Option<u32>,
    pub(super) safe: bool,
    pub(super) verdict: String,
}

enum End {
    Safe,
    Conflict(String),
    TimeUp,
    Unreadable(KernelError),
}

impl Run<'_, '_> {
    /// Follows what was drained or quiesced, and does what is to be done when the time is up.
    pub(super) fn follow(&mut self, made: &Made, report: Report) -> Report {
        let then = match self.wanted.what {
            What::Drain(_, then) => then,
            _ => Then::Keep,
        };
        let (end, drain, standing) = self.follow_to_the_end(made, then);
        let mut report = report;
        report.nothing = None;
        report.verdict = Some(standing);
        match end {
            End::Safe => report.with(Exit::Done),
            End::TimeUp => self.time_is_up(made, then, &drain, report),
            End::Unreadable(error) => report.with(Exit::Failed).because(None, &error.to_string()),
            End::Conflict(why) => {
                if let (Some(id), true) = (report.drain, drain.is_over()) {
                    self.end_drain(Ending {
                        left: drain.left(),
                        ..Ending::new(id, DrainEnd::Outside)
                    });
                }
                report.with(Exit::Conflict).because(None, &why)
            }
        }
    }

    fn follow_to_the_end(&mut self, made: &Made, then: Then) -> (End, Drain, Standing) {
        let mut drain = Drain::resumed(&record(made, self.wanted.timeout, then));
        let places: BTreeSet<Place> = drain.servers().collect();
        let began = self.time.now();
        let mut looked: Option<(Timestamp, Timestamp)> = None;
        let (mut surroundings, mut census) = (None, began);
        let mut failures = 0;
        let mut shown = None;
        // What a reading seems to have lost is looked for where one before it had it.
        let mut last = self.director.reader.snapshot(&Want::default()).ok();
        let end = loop {
            let now = self.time.now();
            let due = surroundings.is_none_or(|read| now.saturating_sub(read) >= SURROUNDINGS);
            let detail = Some(places.iter().map(|(service, _)| *service).collect());
            let want = Want { detail, surroundings: due };
            match self.director.reader.snapshot(&want) {
                Ok(mut snapshot) => {
                    if let Some(last) = &last {
                        mend(&mut snapshot, last, self.director.reader.as_mut());
                    }
                    failures = 0;
                    surroundings = if due { Some(now) } else { surroundings };
                    let first = looked.map_or(snapshot.taken, |(first, _)| first);
                    looked = Some((first, snapshot.taken));
                    begin_at(&mut drain, first, self.wanted.timeout);
                    drain.follow(&snapshot);
                    let looked_at = self.time.now();
                    if looked_at >= census && affordable(&snapshot) {
                        count(self.director.reader.as_mut(), &snapshot, &places, &mut drain);
                        let through = self.time.now();
                        let took = through.saturating_sub(looked_at);
                        census = through + CENSUS.max(took * PAUSE).min(LONGEST_PAUSE);
                    }
                    let verdict = drain.verdict();
                    let kind = std::mem::discriminant(verdict);
                    let new = (shown.replace(kind) != Some(kind))
                        .then(|| format!("{}: {verdict}", drain.target));
                    self.talk.progress(&drain.summary(snapshot.taken), new.as_deref());
                    if let Some(why) = lost(&drain) {
                        break End::Conflict(why);
                    }
                    if drain.is_safe() {
                        break End::Safe;
                    }
                    last = Some(snapshot);
                }
                Err(error) => {
                    failures += 1;
                    if failures >= FAILURES {
                        break End::Unreadable(error);
                    }
                }
            }
            let passed = self.time.now().saturating_sub(began);
            let left = self.wanted.timeout.map(|time| time.saturating_sub(passed));
            if left.is_some_and(|left| left.is_zero()) {
                break End::TimeUp;
            }
            self.time.sleep(left.unwrap_or(EVERY).min(EVERY));
        };
        self.talk.wipe();
        let seconds = self.time.now().saturating_sub(began).as_secs_f64();
        let last = looked.map_or(drain.started, |(_, last)| last);
        let standing = standing(&drain, last, seconds);
        (end, drain, standing)
    }

    /// The time is up: what was to happen then.
    fn time_is_up(&mut self, made: &Made, then: Then, drain: &Drain, report: Report) -> Report {
        let time = span(self.wanted.timeout.unwrap_or_default().as_secs());
        let words = then_words(then);
        let why = format!("the time is up after {time}, and it is not safe to stop: {words}");
        let report = report.with(Exit::Timeout).because(None, &why);
        if then == Then::Keep {
            return report;
        }
        let mut order = match self.last_order(made, then) {
            Ok(order) => order,
            Err(Early(exit, why)) => return report.with(exit).because(None, &why),
        };
        for ending in order.ends.iter_mut().filter(|ending| Some(ending.id) == report.drain) {
            ending.left = drain.left();
        }
        let applied = self.apply(&order, PATIENCE);
        let report = self.take_in(&order, &applied, report);
        if !applied.complete() {
            return report;
        }
        let mut report = report.with(Exit::Timeout);
        report.nothing = None;
        if let Some(entry) = applied.written.entry {
            report.notes.push(format!("journal entry {entry}: {}", order.act.plan.title));
        }
        report
    }

    fn last_order(&mut self, made: &Made, then: Then) -> Result<Order, Early> {
        let news = match &mut self.director.hand {
            Some(Hand { book, .. }) => book.news(Vec::new())?,
            None => journal::News::default(),
        };
        let past = Past::of(&news.history, &news.scene);
        let now = self.director.reader.snapshot(&Want::everything())?;
        let there = |drained: &journal::Drained| {
            let entry = now.server(&drained.service, &drained.server)?;
            Some((drained.service, entry.server.clone()))
        };
        let servers: Vec<(ServiceKey, Server)> = made.servers.iter().filter_map(there).collect();
        let mut order = match then {
            Then::Delete => past.order(Plan::delete_servers(&servers), &now),
            _ => past.restore(&past.weights_of(&servers), &now),
        };
        order.act.reason = match self.wanted.reason.as_str() {
            "" => "the drain's time is up".to_owned(),
            reason => format!("the drain's time is up: {reason}"),
        };
        Ok(order)
    }

    /// Writes down that someone else has ended a drain.
    fn end_drain(&mut self, ending: Ending) {
        let plan = Plan { title: "a drain that others ended".to_owned(), changes: Vec::new() };
        let order = Order { act: Act::new(plan), begins: None, ends: vec![ending] };
        if let Some(error) = self.apply(&order, PATIENCE).written.owed {
            self.talk.warn(&format!("the end of the drain is not written down: {error}"));
        }
    }
}

/// A drain as a journal would tell it, so that one of `quiesce`, and one that others began, are
/// followed alike.
fn record(made: &Made, timeout: Option<Duration>, then: Then) -> journal::Drain {
    let started = DrainStarted {
        id: Id::default(),
        time: Timestamp::UNIX_EPOCH,
        operator: Operator::default(),
        scene: Scene::default(),
        target: made.name.clone(),
        reason: String::new(),
        servers: made.servers.clone(),
        timeout_seconds: timeout.map(|time| time.as_secs()),
        then,
    };
    // Its weights are 0 by now: one above that was given by someone else.
    journal::Drain { line: 0, started, plans: Vec::new(), touched: true, ended: None }
}

/// It began with the first look, by the wall clock of the snapshots.
fn begin_at(drain: &mut Drain, first: Timestamp, timeout: Option<Duration>) {
    drain.started = first;
    drain.deadline = timeout.and_then(|time| first.checked_add(time).ok());
}

/// Looks at the connection table. Without a look, a drain is judged by the counters and says so.
fn count(
    reader: &mut dyn Reader,
    snapshot: &Snapshot,
    places: &BTreeSet<Place>,
    drain: &mut Drain,
) {
    if let Ok(mut pass) = reader.connections()
        && let Ok(census) = take(pass.as_mut(), snapshot.at, places)
    {
        drain.census(&census);
    }
}

/// What someone else has done to the servers.
fn lost(drain: &Drain) -> Option<String> {
    let over = drain.servers.iter().filter(|server| server.verdict.is_over());
    let told: Vec<String> = over
        .map(|s| match s.verdict {
            Verdict::Gone => format!("{} of {}: deleted by someone else", s.server, s.service),
            _ => format!("{} of {}: {}", s.server, s.service, s.verdict),
        })
        .collect();
    (!told.is_empty()).then(|| told.join("; "))
}

fn standing(drain: &Drain, now: Timestamp, seconds: f64) -> Standing {
    let stood = |followed: &crate::drain::Followed| Stood {
        service: followed.service,
        server: followed.server,
        active: followed.active,
        inactive: followed.inactive,
        persistent: followed.persistent,
        safe: followed.verdict.is_safe(),
        verdict: followed.verdict.to_string(),
    };
    let (text, servers) = (drain.summary(now), drain.servers.iter().map(stood).collect());
    Standing { text, safe: drain.is_safe(), seconds, servers }
}
