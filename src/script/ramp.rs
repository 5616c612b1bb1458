//! Weights given back in steps, by this process, which ends with the last one.

use std::time::Duration;

use super::apply::Applied;
use super::order::Made;
use super::report::{Report, State};
use super::{Exit, Ground, PATIENCE, Run};
use crate::ipvs::{Change, Server, ServiceKey, counted, span};
use crate::journal::{Act, Id, Kind, Order};
use crate::plan::{Ramp, RampStep};

/// Between two looks at the clock, for progress.
const EVERY: Duration = Duration::from_secs(1);

impl Run<'_, '_> {
    /// Gives the weights back over a time. Each step is an entry of its own, so that a process
    /// that dies leaves nothing in doubt but the step it was at; one undo takes all of them back.
    pub(super) fn ramp(
        &mut self,
        ground: &Ground,
        made: &Made,
        over: Duration,
        report: Report,
    ) -> Report {
        let ramp = steps(ground, made, over);
        self.notes.extend(ramp.notes.iter().cloned());
        let mut report = report;
        let count = ramp.steps.len();
        let began = self.time.now();
        let mut first = None;
        for (number, step) in (1..).zip(&ramp.steps) {
            self.wait_for_step(began, step, (number, count));
            let order = step_of(&made.order, step, first, number == count);
            let applied = self.apply(&order, PATIENCE);
            first = first.or(applied.written.entry);
            report = self.step_taken(&order, &applied, report);
            if report.exit != Exit::Done {
                self.talk.wipe();
                report.notes.extend(self.stands(made));
                report.notes.push(format!("stopped at step {number} of {count}"));
                return report;
            }
        }
        self.talk.wipe();
        for (_, state) in &mut report.changes {
            *state = State::Made;
        }
        report
    }

    fn wait_for_step(&mut self, began: Duration, step: &RampStep, (number, count): (usize, usize)) {
        loop {
            let left = step.after.saturating_sub(self.time.now().saturating_sub(began));
            if left.is_zero() {
                return;
            }
            let line = format!("ramp: step {number} of {count} in {} s", left.as_secs_f32().ceil());
            self.talk.progress(&line, None);
            self.time.sleep(left.min(EVERY));
        }
    }

    /// Takes a step into the report, which is about the whole way.
    fn step_taken(&self, order: &Order, applied: &Applied, report: Report) -> Report {
        let changes = report.changes.clone();
        let mut report = self.take_in(order, applied, report);
        report.changes = changes;
        if report.exit == Exit::Done {
            report.nothing = None;
            report = report.with(Exit::Done);
        }
        report
    }

    /// At which weights it stands.
    fn stands(&mut self, made: &Made) -> Vec<String> {
        let mut told = Vec::new();
        for (service, server, to) in &made.restores {
            let now = self.director.reader.service(service).ok().flatten();
            let now = now.and_then(|entry| entry.server(&server.key).map(|s| s.server.weight));
            told.push(match now {
                Some(weight) => {
                    format!("{} of {service} stands at weight {weight}, not {to}", server.key)
                }
                None => format!("{} of {service} is gone, or cannot be read", server.key),
            });
        }
        told
    }
}

/// What a ramp would be, for a dry run.
pub(super) fn foreseen(ground: &Ground, made: &Made, over: Duration) -> Vec<String> {
    let ramp = steps(ground, made, over);
    let count = counted(ramp.steps.len() as u64, "step");
    let span = span(ramp.steps.last().map_or(0, |step| step.after.as_secs()));
    let way = format!("in {count}: the first at once, the last after {span}");
    std::iter::once(way).chain(ramp.notes).collect()
}

/// The steps, with what is beyond the weights in the last one.
fn steps(ground: &Ground, made: &Made, over: Duration) -> Ramp {
    let known = |(service, server, weight): &(ServiceKey, Server, u32)| {
        let service = ground.snapshot.service(service)?.service.clone();
        Some((service, server.clone(), *weight))
    };
    let targets: Vec<_> = made.restores.iter().filter_map(known).collect();
    let mut ramp = Ramp::new(&targets, over);
    let rest = made.order.act.plan.changes.iter().filter(|c| !matches!(c, Change::Server { .. }));
    if let Some(last) = ramp.steps.last_mut() {
        last.plan.changes.extend(rest.cloned());
    }
    ramp
}

fn step_of(whole: &Order, step: &RampStep, first: Option<Id>, last: bool) -> Order {
    let (kind, plan) = (Kind::Restore, step.plan.clone());
    let act = Act { kind, plan, part_of: first, ..whole.act.clone() };
    Order { act, begins: None, ends: if last { whole.ends.clone() } else { Vec::new() } }
}
