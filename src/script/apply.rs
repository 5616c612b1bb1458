//! An order through the worker's hands, and into the report.

use std::time::Duration;

use super::order::Made;
use super::report::{Outcome, Report, State, states};
use super::{Exit, Run, TRY, patience};
use crate::journal::{Order, Written};
use crate::plan::{self, Failure};
use crate::worker::{Hand, apply};

/// So often an order is tried anew although nobody holds the lock that it was refused for.
const RACES: u32 = 3;

/// What became of an order.
pub(super) struct Applied {
    pub(super) outcome: plan::Outcome,
    pub(super) written: Written,
    /// Whether the patience with a locked journal ran out.
    pub(super) impatient: bool,
}

impl Applied {
    pub(super) fn complete(&self) -> bool {
        self.outcome.failed.is_none() && self.written.owed.is_none()
    }
}

impl Run<'_, '_> {
    /// Applies the whole order of what was wanted.
    pub(super) fn apply_whole(&mut self, made: &Made, report: Report) -> Report {
        let until = if self.wanted.wait { patience(self.wanted) } else { Duration::ZERO };
        let applied = self.apply(&made.order, until);
        let mut report = report;
        report.changes.clear();
        self.take_in(&made.order, &applied, report)
    }

    /// Applies an order; a journal that someone else has locked is waited for so long.
    pub(super) fn apply(&mut self, order: &Order, patience: Duration) -> Applied {
        let until = self.time.now() + patience;
        let mut races = 0;
        loop {
            let (outcome, written) = apply(order, self.director);
            let not_begun = matches!(&outcome.failed, Some((_, Failure::Journal(_))));
            let not_begun = not_begun && written.entry.is_none();
            let done = |impatient| Applied { outcome, written, impatient };
            let Some(Hand { book, .. }) = &mut self.director.hand else { return done(false) };
            if !not_begun || patience.is_zero() {
                return done(false);
            }
            match book.history_at_rest() {
                Ok(None) => {}
                // Free now; or it was not the lock.
                Ok(Some(_)) if races < RACES => races += 1,
                _ => return done(false),
            }
            if self.time.now() >= until {
                return done(true);
            }
            self.time.sleep(TRY);
        }
    }

    /// Takes what became of an order into the report, after what is there.
    pub(super) fn take_in(&self, order: &Order, applied: &Applied, report: Report) -> Report {
        let Applied { outcome, written, impatient } = applied;
        let mut report = report;
        let changes = &order.act.plan.changes;
        report.changes.extend(states(changes, outcome, written.entry.is_some()));
        report.entry = report.entry.or(written.entry);
        report.drain = report.drain.or(written.drain);
        report.kept = self.director.hand.as_ref().is_some_and(|hand| hand.book.place().is_some());
        match (&outcome.failed, &written.owed) {
            (Some((change, failure)), _) => {
                let report = report.failing(change, failure);
                if *impatient { report.with(Exit::Timeout) } else { report }
            }
            // Only a drain to begin, and it could not be.
            (None, Some(error)) if written.entry.is_none() => {
                report.with(Exit::Failed).because(None, &error.to_string())
            }
            (None, Some(error)) => {
                let why = format!("done, but not written down: {error}");
                report.with(Exit::Failed).because(None, &why)
            }
            (None, None) if report.changes.iter().all(|(_, state)| *state == State::Already) => {
                if written.drain.is_none() && !report.changes.is_empty() {
                    report.nothing = Some("the kernel holds that already".to_owned());
                    report.outcome = Outcome::NothingToDo;
                }
                report
            }
            (None, None) => report,
        }
    }
}
