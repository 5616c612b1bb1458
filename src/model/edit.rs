//! Weights, undo and redo.
//!
//! The screen never shows hoped-for state, but a plan must be made on what the kernel will hold
//! when its turn comes: three quick presses of `+` are three plans, each on top of the one
//! before. So plans under way are remembered until the snapshot after them.

use std::collections::{HashMap, VecDeque};

use super::{Effect, Model, Row, Tone};
use crate::ipvs::{Change, Server, ServerKey, ServiceKey};
use crate::plan::{Failure, Outcome, Plan, WeightEdit};

/// Names a plan between the model and the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Where a plan came from, which decides where it goes when it is through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The operator's own: can be undone.
    New,
    /// Takes one back: can be redone.
    Undo,
    /// Makes it again: can be undone.
    Redo,
}

/// Changes under way, made, and taken back, in this session.
#[derive(Debug, Default)]
pub struct Edits {
    tickets: u64,
    under_way: Vec<(Ticket, Kind, Plan)>,
    /// Undo and redo pressed while a plan was under way: what they are about is known only when
    /// it is through.
    waiting: VecDeque<Kind>,
    /// The weight that a server had before this console set it to 0.
    quiesced: HashMap<(ServiceKey, ServerKey), u32>,
    /// Made, newest last, each as it was written.
    done: Vec<Plan>,
    /// Taken back, newest last: the plans that took them back.
    undone: Vec<Plan>,
}

impl Edits {
    /// What `u` would take back, in one line.
    pub fn next_undo(&self) -> Option<String> {
        self.done.last().and_then(Plan::inverse).map(|p| p.title)
    }

    /// What `U` would make again, in one line.
    pub fn next_redo(&self) -> Option<String> {
        self.undone.last().and_then(Plan::inverse).map(|p| p.title)
    }

    /// The weight that a server had before this console set it to 0.
    pub fn before_quiesce(&self, service: &ServiceKey, server: &ServerKey) -> Option<u32> {
        self.quiesced.get(&(*service, *server)).copied()
    }

    /// Remembers the weights of servers that go to 0, and forgets them when they come back.
    fn remember(&mut self, made: &Plan) {
        for change in &made.changes {
            let Change::Server { service, before: Some(before), after: Some(after) } = change
            else {
                continue;
            };
            let key = (*service, after.key);
            match (before.weight, after.weight) {
                (1.., 0) => drop(self.quiesced.insert(key, before.weight)),
                (0, 1..) => drop(self.quiesced.remove(&key)),
                _ => {}
            }
        }
    }

    /// Whether a plan is on its way to the kernel.
    pub fn busy(&self) -> bool {
        !self.under_way.is_empty()
    }
}

impl Model {
    /// The selected real server.
    pub fn selected_server(&self) -> Option<(ServiceKey, ServerKey)> {
        match self.rows.selected()? {
            Row::Server(service, server) => Some((service, server)),
            Row::Service(_) => None,
        }
    }

    /// What the kernel will hold of a server when the plans under way are through.
    pub(super) fn expected(&self, service: &ServiceKey, server: &ServerKey) -> Option<Server> {
        let planned =
            self.edits.under_way.iter().rev().flat_map(|(_, _, plan)| plan.changes.iter().rev());
        let mut planned = planned.filter_map(|change| match change {
            Change::Server { service: s, after, .. }
                if s == service && change.server().as_ref() == Some(server) =>
            {
                Some(after.clone())
            }
            _ => None,
        });
        match planned.next() {
            Some(after) => after,
            None => Some(self.snapshot.as_ref()?.server(service, server)?.server.clone()),
        }
    }

    /// The marked servers, or the selected one, as the kernel will hold them.
    fn targets(&mut self) -> Vec<(ServiceKey, Server)> {
        let marked = self.rows.marked().filter_map(|row| match row {
            Row::Server(service, server) => Some((*service, *server)),
            Row::Service(_) => None,
        });
        let mut keys: Vec<_> = marked.collect();
        if keys.is_empty() {
            keys.extend(self.selected_server());
        }
        if keys.is_empty() {
            self.say(Tone::Info, "select a real server first: weights belong to servers");
        }
        let known = |(service, server): (ServiceKey, ServerKey)| {
            self.expected(&service, &server).map(|known| (service, known))
        };
        keys.into_iter().filter_map(known).collect()
    }

    /// Weight 0 for the marked servers, or the selected one.
    pub(super) fn quiesce(&mut self) -> Vec<Effect> {
        let targets = self.targets();
        let wanted: Vec<_> = targets.into_iter().map(|(s, server)| (s, server, 0)).collect();
        self.propose_weights("quiesce", &wanted, "weight 0 already")
    }

    /// The weights from before this console set them to 0.
    pub(super) fn restore(&mut self) -> Vec<Effect> {
        let targets = self.targets();
        let old = |(service, server): (ServiceKey, Server)| {
            let weight = self.edits.before_quiesce(&service, &server.key)?;
            (server.weight == 0).then_some((service, server, weight))
        };
        let wanted: Vec<_> = targets.into_iter().filter_map(old).collect();
        let nothing = "nothing to restore: this console did not set a weight to 0 here; w sets one";
        self.propose_weights("restore", &wanted, nothing)
    }

    /// One weight edit for the marked servers, or the selected one.
    pub(super) fn set_weights(&mut self, edit: WeightEdit) -> Result<Vec<Effect>, String> {
        let mut wanted = Vec::new();
        for (service, server) in self.targets() {
            let weight = edit.of(server.weight).map_err(|why| format!("{}: {why}", server.key))?;
            wanted.push((service, server, weight));
        }
        Ok(self.propose_weights("set", &wanted, "that weight already"))
    }

    fn propose_weights(
        &mut self,
        verb: &str,
        wanted: &[(ServiceKey, Server, u32)],
        nothing: &str,
    ) -> Vec<Effect> {
        let plan = Plan::weights(verb, wanted);
        if plan.changes.is_empty() {
            self.say(Tone::Info, nothing);
            return Vec::new();
        }
        self.propose(plan)
    }

    pub(super) fn step_weight(&mut self, by: i64) -> Vec<Effect> {
        if self.rows.marked().next().is_some() {
            return self.set_weights(WeightEdit::By(by)).unwrap_or_else(|why| {
                self.say(Tone::Error, why);
                Vec::new()
            });
        }
        let Some((service, server)) = self.selected_server() else {
            self.say(Tone::Info, "select a real server first: weights belong to servers");
            return Vec::new();
        };
        let Some(known) = self.expected(&service, &server) else { return Vec::new() };
        match WeightEdit::By(by).of(known.weight) {
            Ok(weight) if weight == known.weight => {
                self.say(Tone::Info, format!("the weight of {server} is {weight} already"));
                Vec::new()
            }
            Ok(weight) => self.propose(Plan::weight(service, &known, weight)),
            Err(why) => {
                self.say(Tone::Error, why.to_string());
                Vec::new()
            }
        }
    }

    pub(super) fn apply_now(&mut self, plan: Plan) -> Vec<Effect> {
        self.start(Kind::New, plan)
    }

    pub(super) fn undo(&mut self) -> Vec<Effect> {
        self.take_back(Kind::Undo)
    }

    pub(super) fn redo(&mut self) -> Vec<Effect> {
        self.take_back(Kind::Redo)
    }

    fn take_back(&mut self, kind: Kind) -> Vec<Effect> {
        if self.edits.busy() {
            self.edits.waiting.push_back(kind);
            return Vec::new();
        }
        let (stack, nothing) = match kind {
            Kind::Redo => (&self.edits.undone, "nothing to redo"),
            _ => (&self.edits.done, "nothing to undo: this session has changed nothing"),
        };
        match stack.last().map(Plan::inverse) {
            Some(Some(inverse)) => self.start(kind, inverse),
            Some(None) => {
                self.say(Tone::Error, "the last change cannot be taken back");
                Vec::new()
            }
            None => {
                self.say(Tone::Info, nothing);
                Vec::new()
            }
        }
    }

    fn start(&mut self, kind: Kind, plan: Plan) -> Vec<Effect> {
        if self.refused_as_stale() {
            return Vec::new();
        }
        self.edits.tickets += 1;
        let ticket = Ticket(self.edits.tickets);
        self.edits.under_way.push((ticket, kind, plan.clone()));
        vec![Effect::Apply(ticket, plan)]
    }

    pub(super) fn finish(&mut self, ticket: Ticket, outcome: &Outcome) -> Vec<Effect> {
        let Some(place) = self.edits.under_way.iter().position(|(t, ..)| *t == ticket) else {
            return Vec::new();
        };
        let (_, kind, plan) = self.edits.under_way.remove(place);
        let conflict = matches!(outcome.failed, Some((_, Failure::Conflict(_))));
        let complete = outcome.failed.is_none();
        match kind {
            // What was taken back in full, or does not apply any more, leaves the stack; after
            // any other failure it can be tried again.
            Kind::Undo if complete || conflict => drop(self.edits.done.pop()),
            Kind::Redo if complete || conflict => drop(self.edits.undone.pop()),
            _ => {}
        }
        self.edits.remember(&outcome.done);
        if !outcome.done.changes.is_empty() {
            match kind {
                Kind::Undo => self.edits.undone.push(outcome.done.clone()),
                Kind::Redo => self.edits.done.push(outcome.done.clone()),
                Kind::New => {
                    self.edits.done.push(outcome.done.clone());
                    self.edits.undone.clear();
                }
            }
        }
        self.tell(kind, &plan, outcome);
        if !complete {
            // What was pressed in the belief that this would work is not carried out.
            self.edits.waiting.clear();
        }
        if self.edits.busy() {
            return Vec::new();
        }
        match self.edits.waiting.pop_front() {
            Some(kind) => self.take_back(kind),
            None => Vec::new(),
        }
    }

    fn tell(&mut self, kind: Kind, plan: &Plan, outcome: &Outcome) {
        let what = match kind {
            Kind::New => "",
            Kind::Undo => "undone: ",
            Kind::Redo => "redone: ",
        };
        match &outcome.failed {
            None if outcome.done.changes.is_empty() => {
                self.say(Tone::Info, format!("{}: the kernel holds that already", plan.title));
            }
            None => self.say(Tone::Info, format!("{what}{}", plan.title)),
            Some((_, why)) => {
                let made = outcome.done.changes.len();
                let rest = match (made, why) {
                    (0, Failure::NotVerified(_)) => String::new(),
                    (0, _) => " Nothing was written.".to_owned(),
                    (made, _) => format!(" {made} of {} changes were made.", plan.changes.len()),
                };
                let text = format!(
                    "{}{why}.{rest}",
                    if what.is_empty() { "" } else { "not " }.to_owned() + what
                );
                self.say(Tone::Error, text);
            }
        }
    }
}
