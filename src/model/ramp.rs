//! Ramps: weights that come back over a time, a step after the other.

use std::time::Duration;

use super::{Effect, Freshness, Kind, Model, Tone};
use crate::command::Command;
use crate::ipvs::{Server, ServerKey, ServiceKey};
use crate::journal::{self, Act, Id, Order};
use crate::plan::{Plan, Ramp};
use crate::snapshot::Moment;

/// A step may come so much later than it was to be, and the next one is not.
const LATE: Duration = Duration::from_secs(5);

/// A ramp under way.
#[derive(Debug)]
pub struct Running {
    number: u64,
    ramp: Ramp,
    started: Moment,
    /// Which step comes next.
    next: usize,
    /// The entry of the first step.
    first: Option<Id>,
    /// Reason, ends of drains, and what is taken back with the last step.
    order: Order,
    servers: Vec<(ServiceKey, ServerKey)>,
}

impl Running {
    /// Steps made and steps in all.
    pub fn progress(&self) -> (usize, usize) {
        (self.next, self.ramp.steps.len())
    }

    /// How long it still takes.
    pub fn left(&self, now: Moment) -> Duration {
        let whole = self.ramp.steps.last().map(|s| s.after).unwrap_or_default();
        whole.saturating_sub(now.since(self.started))
    }

    /// Whether it is about this server.
    pub fn is_about(&self, service: &ServiceKey, server: &ServerKey) -> bool {
        self.servers.contains(&(*service, *server))
    }

    /// What it is for, in one line.
    pub fn title(&self) -> &str {
        &self.order.act.plan.title
    }
}

/// The ramps under way.
#[derive(Debug, Default)]
pub struct Ramps {
    running: Vec<Running>,
    begun: u64,
}

impl Ramps {
    /// Those under way, oldest first.
    pub fn running(&self) -> &[Running] {
        &self.running
    }

    /// The one that is about this server.
    pub fn of(&self, service: &ServiceKey, server: &ServerKey) -> Option<&Running> {
        self.running.iter().find(|r| r.is_about(service, server))
    }
}

impl Model {
    /// Begins to give `servers` their weights over a time. `order` holds the whole plan, whose
    /// changes beyond the weights come with the last step.
    pub(super) fn start_ramp(
        &mut self,
        servers: &[(ServiceKey, Server, u32)],
        over: Duration,
        order: Order,
    ) -> Vec<Effect> {
        let Some(snapshot) = self.snapshot.clone() else { return Vec::new() };
        let known = |(service, server, weight): &(ServiceKey, Server, u32)| {
            let service = snapshot.service(service)?.service.clone();
            Some((service, server.clone(), *weight))
        };
        let targets: Vec<_> = servers.iter().filter_map(known).collect();
        let mut ramp = Ramp::new(&targets, over);
        let rest = order.act.plan.changes.iter().filter(|c| c.server().is_none());
        if let Some(last) = ramp.steps.last_mut() {
            last.plan.changes.extend(rest.cloned());
        }
        let note = ramp.notes.join(" ");
        if !note.is_empty() {
            self.say(Tone::Warning, note);
        }
        self.stop_ramps(&order.act.plan);
        self.ramps.begun += 1;
        self.ramps.running.push(Running {
            number: self.ramps.begun,
            ramp,
            started: self.now,
            next: 0,
            first: None,
            order,
            servers: targets.iter().map(|(s, server, _)| (s.key, server.key)).collect(),
        });
        self.ramps_go_on()
    }

    /// The steps that are due.
    pub(super) fn ramps_go_on(&mut self) -> Vec<Effect> {
        // On old data nothing is applied; the ramp waits.
        if self.freshness() != Freshness::Live {
            return Vec::new();
        }
        let now = self.now;
        let due = self.ramps.running.iter().filter_map(|running| {
            let step = running.ramp.steps.get(running.next)?;
            let idle = !self.edits.ramp_under_way(running.number);
            let due = now.since(running.started) >= step.after;
            (due && idle).then(|| (running.number, running.step(&step.plan)))
        });
        let due: Vec<(u64, Order)> = due.collect();
        for running in &mut self.ramps.running {
            running.takes_its_time(now);
        }
        due.into_iter().flat_map(|(number, order)| self.start(Kind::Ramp(number), order)).collect()
    }

    /// A step is through, or has failed.
    pub(super) fn ramp_went_on(&mut self, number: u64, entry: Option<Id>, complete: bool) {
        let Some(place) = self.ramps.running.iter().position(|r| r.number == number) else {
            return;
        };
        if !complete {
            // The outcome's own words tell why.
            self.ramps.running.remove(place);
            return;
        }
        let Some(running) = self.ramps.running.get_mut(place) else { return };
        running.first = running.first.or(entry);
        running.next += 1;
        if running.next >= running.ramp.steps.len() {
            let title = running.title().to_owned();
            self.ramps.running.remove(place);
            self.say(Tone::Info, format!("{title}: the ramp is through"));
        }
    }

    /// Ends the ramps of the servers that `plan` touches, where they are.
    pub(super) fn stop_ramps(&mut self, plan: &Plan) {
        let touched = |running: &Running| {
            plan.changes.iter().any(|change| match (change.service(), change.server()) {
                (Some(service), Some(server)) => running.is_about(&service, &server),
                (Some(service), None) => running.servers.iter().any(|(s, _)| *s == service),
                _ => false,
            })
        };
        self.ramps.running.retain(|running| !touched(running));
    }

    /// Ends the ramp of a server where it is. False if there is none.
    pub(super) fn stop_ramp_of(&mut self, service: &ServiceKey, server: &ServerKey) -> bool {
        let Some(place) = self.ramps.running.iter().position(|r| r.is_about(service, server))
        else {
            return false;
        };
        let running = self.ramps.running.remove(place);
        let (made, all) = running.progress();
        let title = running.title();
        let key = self.keys.say(Command::Undo);
        let text = format!("{title}: stopped after {made} of {all} steps; {key} takes it back");
        self.say(Tone::Info, text);
        true
    }
}

impl Running {
    /// What comes late, since the machine slept or the console was stopped, comes late as a whole:
    /// steps that follow at once are no ramp.
    fn takes_its_time(&mut self, now: Moment) {
        let Some(step) = self.ramp.steps.get(self.next) else { return };
        let late = now.since(self.started).saturating_sub(step.after);
        if late > LATE {
            self.started = self.started.after(late);
        }
    }

    /// The order of one step.
    fn step(&self, plan: &Plan) -> Order {
        let last = self.next + 1 == self.ramp.steps.len();
        let act = Act {
            kind: journal::Kind::Restore,
            plan: plan.clone(),
            part_of: self.first,
            ..self.order.act.clone()
        };
        Order { act, begins: None, ends: if last { self.order.ends.clone() } else { Vec::new() } }
    }
}
