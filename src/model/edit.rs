//! Orders under way, made and taken back; undo and redo.
//!
//! The screen never shows hoped-for state, but a plan must be made on what the kernel will hold
//! when its turn comes: three quick presses of `+` are three plans, each on top of the one
//! before. So plans under way are remembered until the snapshot after them.

use std::collections::VecDeque;

use super::{Effect, Model, Page, Prompt, Tone};
use crate::command::Command;
use crate::ipvs::{Change, Server, ServerKey, ServiceKey};
use crate::journal::{self, Act, DrainEnd, Ending, Id, Order, Terms, Written};
use crate::plan::{Failure, Outcome, Plan, fold};

/// Names an order between the model and the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Where an order came from, which decides where it goes when it is through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The operator's own: can be undone.
    New,
    /// Takes one back: can be redone.
    Undo,
    /// Makes it again: can be undone.
    Redo,
    /// A step of the ramp with this number.
    Ramp(u64),
    /// Nothing that the operator asked for now: a drain that ended by itself.
    Quiet,
}

#[derive(Debug)]
struct UnderWay {
    ticket: Ticket,
    kind: Kind,
    order: Order,
}

/// What was made, as it was written, and what it takes to take it back or to make it again.
#[derive(Clone, Debug)]
struct Made {
    plan: Plan,
    entry: Option<Id>,
    drain: Option<Id>,
    begins: Option<Terms>,
    /// The ramp that it is the beginning of; later steps are added to it.
    ramp: Option<u64>,
}

/// Orders under way, made, and taken back, in this session.
#[derive(Debug, Default)]
pub struct Edits {
    tickets: u64,
    under_way: Vec<UnderWay>,
    /// Undo and redo pressed while a plan was under way: what they are about is known only when
    /// it is through.
    waiting: VecDeque<Kind>,
    /// Made, newest last.
    done: Vec<Made>,
    /// Taken back, newest last: what took them back.
    undone: Vec<Made>,
}

impl Edits {
    /// What `u` would take back, in one line.
    pub fn next_undo(&self) -> Option<String> {
        self.done.last().and_then(|made| made.plan.inverse()).map(|inverse| taken_back(&inverse))
    }

    /// What `U` would make again, in one line.
    pub fn next_redo(&self) -> Option<String> {
        self.undone.last().and_then(|made| made.plan.inverse()).map(|p| p.title)
    }

    /// The changes that are on their way to the kernel, as one plan.
    pub(super) fn under_way(&self) -> Plan {
        let changes = self.under_way.iter().flat_map(|u| u.order.act.plan.changes.clone());
        Plan { title: String::new(), changes: changes.collect() }
    }

    /// Whether an order is on its way to the kernel.
    pub fn busy(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Whether a step of this ramp is on its way.
    pub(super) fn ramp_under_way(&self, ramp: u64) -> bool {
        self.under_way.iter().any(|u| u.kind == Kind::Ramp(ramp))
    }
}

impl Model {
    /// What the kernel will hold of a server when the plans under way are through.
    pub(super) fn expected(&self, service: &ServiceKey, server: &ServerKey) -> Option<Server> {
        let planned =
            self.edits.under_way.iter().rev().flat_map(|u| u.order.act.plan.changes.iter().rev());
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
        let stack = if kind == Kind::Redo { &self.edits.undone } else { &self.edits.done };
        let Some(made) = stack.last().cloned() else {
            let key = self.keys.say(Command::ViewJournal);
            let nothing = match kind {
                Kind::Redo => "nothing to redo".to_owned(),
                _ => {
                    format!("nothing to undo in this session; the journal ({key}) has earlier ones")
                }
            };
            self.say(Tone::Info, nothing);
            return Vec::new();
        };
        let Some(plan) = made.plan.inverse() else {
            self.say(Tone::Error, "the last change cannot be taken back");
            return Vec::new();
        };
        let (journal_kind, begins) = match kind {
            Kind::Redo => (journal::Kind::Redo, made.begins),
            _ => (journal::Kind::Undo, None),
        };
        let order = Order {
            act: Act {
                kind: journal_kind,
                undoes: made.entry,
                drain: made.drain.filter(|_| begins.is_none()),
                ..Act::new(plan)
            },
            begins,
            ends: made
                .drain
                .filter(|drain| kind == Kind::Undo && self.drains.is_open(*drain))
                .map(|drain| Ending::new(drain, DrainEnd::Cancelled))
                .into_iter()
                .collect(),
        };
        self.start(kind, order)
    }

    /// Has an order carried out. Ramps of servers that it touches end where they are.
    pub(super) fn start(&mut self, kind: Kind, mut order: Order) -> Vec<Effect> {
        if self.refused_as_stale() {
            return Vec::new();
        }
        // A plan may be older than what is known of the kernel.
        let able = self.abilities();
        let mut changes = order.act.plan.changes.iter();
        if let Some(refused) = changes.find_map(|change| able.check(change).err()) {
            self.say(Tone::Error, format!("nothing was changed: {refused}"));
            return Vec::new();
        }
        self.drains.sum_up(&mut order.ends);
        if !matches!(kind, Kind::Ramp(_)) {
            self.stop_ramps(&order.act.plan);
        }
        self.edits.tickets += 1;
        let ticket = Ticket(self.edits.tickets);
        self.edits.under_way.push(UnderWay { ticket, kind, order: order.clone() });
        vec![Effect::Apply(ticket, Box::new(order))]
    }

    pub(super) fn finish(
        &mut self,
        ticket: Ticket,
        outcome: &Outcome,
        written: &Written,
    ) -> Vec<Effect> {
        let Some(place) = self.edits.under_way.iter().position(|u| u.ticket == ticket) else {
            return Vec::new();
        };
        let UnderWay { kind, order, .. } = self.edits.under_way.remove(place);
        let conflict = matches!(outcome.failed, Some((_, Failure::Conflict(_))));
        let complete = outcome.failed.is_none();
        let mut begins = order.begins.clone();
        match kind {
            // What was taken back in full, or does not apply any more, leaves the stack; after
            // any other failure it can be tried again.
            Kind::Undo if complete || conflict => {
                begins = self.edits.done.pop().and_then(|made| made.begins);
            }
            Kind::Redo if complete || conflict => drop(self.edits.undone.pop()),
            _ => {}
        }
        if !outcome.done.changes.is_empty() || written.drain.is_some() {
            let made = Made {
                plan: outcome.done.clone(),
                entry: written.entry,
                drain: written.drain.or(order.act.drain),
                begins,
                ramp: None,
            };
            self.remember(kind, made);
        }
        if let Some(error) = &written.owed {
            self.say(Tone::Error, format!("done, but not written down yet: {error}"));
        } else if kind != Kind::Quiet || !complete {
            self.tell(kind, &order.act.plan, outcome);
        }
        if let Kind::Ramp(ramp) = kind {
            self.ramp_went_on(ramp, written.entry, complete);
        }
        if !complete {
            // What was pressed in the belief that this would work is not carried out.
            self.edits.waiting.clear();
            self.offer_the_inverse(kind, outcome, written);
        }
        if self.edits.busy() {
            return Vec::new();
        }
        match self.edits.waiting.pop_front() {
            Some(kind) => self.take_back(kind),
            None => Vec::new(),
        }
    }

    fn remember(&mut self, kind: Kind, made: Made) {
        match kind {
            // Zeroed counters cannot be taken back; what was done before still can.
            _ if made.plan.inverse().is_none() => {}
            Kind::Undo => self.edits.undone.push(made),
            Kind::Redo => self.edits.done.push(made),
            Kind::New => {
                self.edits.done.push(made);
                self.edits.undone.clear();
            }
            Kind::Ramp(ramp) => {
                self.edits.undone.clear();
                match self.edits.done.iter_mut().rev().find(|m| m.ramp == Some(ramp)) {
                    // One undo takes the whole ramp back.
                    Some(first) => {
                        let mut changes = std::mem::take(&mut first.plan.changes);
                        changes.extend(made.plan.changes);
                        first.plan.changes = fold(&changes);
                    }
                    None => self.edits.done.push(Made { ramp: Some(ramp), ..made }),
                }
            }
            Kind::Quiet => {}
        }
    }

    /// A plan of the operator's that failed half-way: what was made can be taken back at once.
    fn offer_the_inverse(&mut self, kind: Kind, outcome: &Outcome, written: &Written) {
        let half = kind == Kind::New && !outcome.done.changes.is_empty();
        let Some(inverse) = outcome.done.inverse().filter(|_| half && self.prompt.is_none()) else {
            return;
        };
        let ends = written.drain.map(|drain| Ending::new(drain, DrainEnd::Cancelled));
        let order = Order {
            act: Act {
                kind: journal::Kind::Undo,
                undoes: written.entry,
                drain: written.drain,
                ..Act::new(inverse)
            },
            begins: None,
            ends: ends.into_iter().collect(),
        };
        let mut page = Page::new("Take back what was made?", order, Kind::Undo);
        page.said = self.notice.as_ref().map(|notice| notice.text.clone());
        self.prompt = Some(Prompt::Page(Box::new(page)));
        self.look_again();
    }

    fn tell(&mut self, kind: Kind, plan: &Plan, outcome: &Outcome) {
        let (what, title) = match kind {
            Kind::Undo => ("undone: ", taken_back(plan)),
            Kind::Redo => ("redone: ", plan.title.clone()),
            Kind::New | Kind::Ramp(_) | Kind::Quiet => ("", plan.title.clone()),
        };
        match &outcome.failed {
            None if plan.changes.is_empty() => {
                self.say(Tone::Info, format!("{what}{title}: nothing had to be written"));
            }
            None if outcome.done.changes.is_empty() => {
                let so = match kind {
                    Kind::Undo => "it was taken back already",
                    _ => "the kernel holds that already",
                };
                self.say(Tone::Info, format!("{title}: {so}"));
            }
            None => self.say(Tone::Info, format!("{what}{title}")),
            Some((_, why)) => {
                let made = outcome.done.changes.len();
                let rest = match (made, why) {
                    (0, Failure::NotVerified(_)) => String::new(),
                    (0, _) => " Nothing was written.".to_owned(),
                    (made, _) => format!(
                        " {made} of {} changes were made, the others not.",
                        plan.changes.len()
                    ),
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

/// What an undo takes back, as it was said when it was made: who added a server reads that the
/// addition is undone, not the deletion.
fn taken_back(inverse: &Plan) -> String {
    inverse.inverse().map_or_else(|| inverse.title.clone(), |made| made.title)
}
