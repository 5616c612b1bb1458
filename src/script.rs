//! One change from a script: what the console does with a key, done by a command line that ends
//! with an exit code.
//!
//! ```text
//! settle -> look -> order -> dangers -+-> dry run: told, nothing written
//!                                     +-> refused: told, nothing written
//!                                     +-> apply -> told
//!                                           +-> follow (drain, quiesce --wait)
//!                                           +-> step, step, ... (restore --ramp)
//! ```
//!
//! ```text
//! order    from what is wanted to an order, or why there is none
//! apply    an order through the worker's hands, with patience for a locked journal
//! follow   drained servers, until they may be stopped or the time is up
//! ramp     weights given back in steps
//! report   what came of it                     json    for programs, ipvs-tui/change/1
//! list     the connection table, or a sample of it
//! text     for people                          talk    standard output, progress
//! time     the clock, which tests replace
//! ```
//!
//! Standard output has the report, standard error what went wrong and, on a terminal, progress.

mod apply;
mod follow;
pub mod json;
mod list;
mod order;
mod ramp;
mod report;
mod talk;
mod text;
mod time;

use std::time::Duration;

use crate::cli::{Wanted, What};
use crate::drain::Past;
use crate::journal::{JournalError, News, holder};
use crate::kernel::check::{self, Abilities};
use crate::kernel::proc::owners::Owner;
use crate::kernel::{KernelError, Want};
use crate::plan::{Around, Level, dangers, level, offers};
use crate::snapshot::Snapshot;
use crate::worker::{Director, Hand, settle};
pub use json::SCHEMA;
pub use list::{ListError, Listing};
use order::{Made, Stop};
use report::{Outcome, Report};
pub use talk::Talk;
pub use time::{Real, Time};

/// How long a locked journal is waited for when no time was given. Other plans take milliseconds.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a lock that someone else has is tried.
const TRY: Duration = Duration::from_millis(200);

/// How it ended: what a script looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to do.
    Done,
    /// The kernel, the system or the journal failed; no such service or server.
    Failed,
    /// What was typed makes no sense.
    Usage,
    /// Too dangerous to be done unasked.
    Refused,
    /// Someone else has changed what it is about.
    Conflict,
    /// The time is up.
    Timeout,
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Conflict => 4,
            Self::Timeout => 5,
        }
    }
}

/// Does what is wanted to `director`, and tells what came of it.
pub fn run(
    wanted: &Wanted,
    director: &mut Director,
    talk: &mut Talk<'_>,
    time: &mut dyn Time,
) -> Exit {
    let report = Run { wanted, director, talk, time, notes: Vec::new() }.go();
    talk.tell(wanted, &report)
}

/// Tells that the director could not be opened, in the form that is wanted.
pub fn failed(wanted: &Wanted, why: &str, talk: &mut Talk<'_>) -> Exit {
    talk.tell(wanted, &Report::stopped(Exit::Failed, title(wanted), why))
}

/// What is wanted before there is a plan that has a title of its own.
fn title(wanted: &Wanted) -> &'static str {
    match wanted.what {
        What::Weight(..) => "weight",
        What::Quiesce(..) => "quiesce",
        What::Drain(..) => "drain",
        What::Restore(..) => "restore",
        What::Scheduler(..) => "scheduler",
        What::AddService(..) | What::AddServer(..) => "add",
        What::EditService(..) | What::EditServer(..) => "edit",
        What::Delete(..) | What::DeleteService(..) => "delete",
        What::Undo(..) => "undo",
    }
}

/// One call.
struct Run<'a, 't> {
    wanted: &'a Wanted,
    director: &'a mut Director,
    talk: &'a mut Talk<'t>,
    time: &'a mut dyn Time,
    /// What else is worth knowing.
    notes: Vec<String>,
}

/// What was looked at before anything was decided.
struct Ground {
    news: News,
    past: Past,
    snapshot: Snapshot,
    owners: Vec<Owner>,
}

/// Why it ended early.
struct Early(Exit, String);

impl From<KernelError> for Early {
    fn from(error: KernelError) -> Self {
        Self(Exit::Failed, error.to_string())
    }
}

impl From<JournalError> for Early {
    fn from(error: JournalError) -> Self {
        Self(Exit::Failed, error.to_string())
    }
}

impl Run<'_, '_> {
    fn go(mut self) -> Report {
        let mut report = match self.look() {
            Ok(ground) => match order::make(&self.wanted.what, &ground) {
                Ok(made) => self.decide(&ground, made),
                Err(Stop::Nothing(why)) => Report::nothing(title(self.wanted), &why),
                Err(Stop::Not(exit, why)) => Report::stopped(exit, title(self.wanted), &why),
            },
            Err(Early(exit, why)) => Report::stopped(exit, title(self.wanted), &why),
        };
        report.notes.splice(0..0, self.notes);
        report
    }

    /// Settles what dead processes left behind, and reads what a plan has to know.
    fn look(&mut self) -> Result<Ground, Early> {
        let news = if self.wanted.dry_run {
            // A dry run leaves doubts as they are, too: settling them is writing.
            match &mut self.director.hand {
                Some(Hand { book, .. }) => book.news(Vec::new())?,
                None => News::default(),
            }
        } else {
            self.wait_for_lock()?;
            settle(self.director)?
        };
        for told in &news.told {
            self.talk.warn(told);
        }
        self.notes.extend(news.told.iter().cloned());
        let snapshot = self.director.reader.snapshot(&Want::everything())?;
        let owners = self.director.reader.owners().unwrap_or_else(|error| {
            self.notes.push(format!("{error}; whether one of them undoes this is not known"));
            Vec::new()
        });
        let past = Past::of(&news.history, &news.scene);
        Ok(Ground { news, past, snapshot, owners })
    }

    /// With --wait, waits until nobody is in the middle of a plan, so that this one is made on
    /// what comes after it.
    fn wait_for_lock(&mut self) -> Result<(), Early> {
        let Some(Hand { book, .. }) = &mut self.director.hand else { return Ok(()) };
        let until = self.time.now() + patience(self.wanted);
        while self.wanted.wait && book.history_at_rest()?.is_none() {
            if self.time.now() >= until {
                let who = book.place().and_then(|place| holder(place).ok().flatten());
                let who = who.map_or_else(|| "another process".to_owned(), |who| who.to_string());
                let why = format!(
                    "the journal is locked by {who}, which is in the middle of a change; waited \
                     {} s",
                    patience(self.wanted).as_secs()
                );
                return Err(Early(Exit::Timeout, why));
            }
            self.time.sleep(TRY);
        }
        Ok(())
    }

    /// Weighs the dangers, and does it or not.
    fn decide(&mut self, ground: &Ground, mut made: Made) -> Report {
        let around = Around { snapshot: &ground.snapshot, owners: &ground.owners };
        let plan = &made.order.act.plan;
        let (taken, left): (Vec<_>, Vec<_>) =
            offers(plan, &around).into_iter().partition(|o| self.wanted.accepts.contains(&o.key));
        for key in &self.wanted.accepts {
            if !taken.iter().any(|offer| offer.key == *key) {
                let option = order::option(*key).unwrap_or_default();
                self.notes.push(format!("{option}: nothing to set for this"));
            }
        }
        made.order.act.plan = plan.with_offers(&taken);
        made.order.act.reason.clone_from(&self.wanted.reason);
        let drains = matches!(self.wanted.what, What::Drain(..) | What::Quiesce(..));
        if let (Some(terms), What::Drain(_, then)) = (&mut made.order.begins, &self.wanted.what) {
            terms.reason.clone_from(&self.wanted.reason);
            if !self.wanted.wait {
                // Who waits carries it out; two at it would look like strangers to each other.
                terms.timeout_seconds = self.wanted.timeout.map(|time| time.as_secs());
                terms.then = *then;
            }
        }
        let order = &made.order;
        let found = dangers(&order.act.plan, &around);
        let mut report = Report::planned(&made);
        report.dangers = found.iter().map(report::Told::of).collect();
        report.offers =
            taken.iter().map(|offer| report::Offered::of(offer, true, drains)).collect();
        report.offers.extend(left.iter().map(|offer| report::Offered::of(offer, false, drains)));
        report.owners = ground.owners.iter().map(report::Owning::of).collect();
        let changes = &order.act.plan.changes;
        if let Some(why) = changes.iter().find_map(|c| check::check(c).err()) {
            return report.ended(Exit::Usage, Outcome::Failed).because(None, &why.to_string());
        }
        let reader = self.director.reader.as_mut();
        let able = Abilities {
            // Half a megabyte is read for that.
            schedulers: changes
                .iter()
                .any(|c| check::new_scheduler(c).is_some())
                .then(|| reader.schedulers().ok())
                .flatten(),
            release: Some(reader.release()),
        };
        if let Some(why) = changes.iter().find_map(|c| able.check(c).err()) {
            return report.ended(Exit::Failed, Outcome::Failed).because(None, &why.to_string());
        }
        if let Some(why) = &made.nothing {
            report.nothing = Some(why.clone());
            report = report.ended(Exit::Done, Outcome::NothingToDo);
            if self.wanted.dry_run || !self.follows() {
                return report;
            }
        } else if self.wanted.dry_run {
            if let What::Restore(_, Some(over)) = self.wanted.what {
                report.notes.extend(ramp::foreseen(ground, &made, over));
            }
            return report.ended(Exit::Done, Outcome::DryRun);
        } else if level(&found) > Level::Tell && !self.wanted.yes {
            return report.ended(Exit::Refused, Outcome::Refused);
        } else if let What::Restore(_, Some(over)) = self.wanted.what {
            return self.ramp(ground, &made, over, report);
        } else {
            report = self.apply_whole(&made, report);
            if report.exit != Exit::Done {
                return report;
            }
        }
        if self.follows() { self.follow(&made, report) } else { self.say_who_waits(report) }
    }

    fn follows(&self) -> bool {
        self.wanted.wait && matches!(self.wanted.what, What::Drain(..) | What::Quiesce(..))
    }

    fn say_who_waits(&self, mut report: Report) -> Report {
        if let (What::Drain(_, then), Some(time)) = (&self.wanted.what, self.wanted.timeout)
            && report.drain.is_some()
        {
            let time = crate::ipvs::span(time.as_secs());
            let what = report::then_words(*then);
            report.notes.push(format!(
                "its time is up in {time}: a console that is open then sees to it that {what}, \
                 nobody else does; --wait waits here"
            ));
        }
        report
    }
}

/// How long a locked journal is waited for. What a drain waits for are its connections.
fn patience(wanted: &Wanted) -> Duration {
    match (&wanted.what, wanted.timeout) {
        (_, None) => PATIENCE,
        (What::Drain(..) | What::Quiesce(..), Some(time)) => time.min(PATIENCE),
        (_, Some(time)) => time,
    }
}
