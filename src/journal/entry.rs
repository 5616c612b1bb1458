//! An intent joined with what came of it.

use std::fmt;

use super::{End, Holder, Id, Intent, StepOutcome};
use crate::ipvs::Change;
use crate::plan::Plan;

/// Why it is not known whether a change was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The process died, or still works, between trying the change and writing down what came
    /// of it.
    Interrupted,
    /// The line that told is damaged.
    LineLost,
    /// It was sent, and the kernel did not confirm it.
    Unconfirmed(String),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interrupted => f.write_str("the process ended before it told what came of it"),
            Self::LineLost => f.write_str("the line that told what came of it is damaged"),
            Self::Unconfirmed(why) => f.write_str(why),
        }
    }
}

/// What is known of one change of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Written and verified, as it was written.
    Made(Change),
    /// The kernel held it already.
    Already,
    /// Not made, and why.
    Refused(String),
    /// Never tried.
    NotTried,
    /// Nobody knows.
    Unknown {
        /// As it was sent, or as it was planned where that is not known.
        change: Change,
        /// Why.
        doubt: Doubt,
    },
}

impl State {
    /// `made`, `already so`, `refused`, `not tried`, `UNKNOWN`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Made(_) => "made",
            Self::Already => "already so",
            Self::Refused(_) => "refused",
            Self::NotTried => "not tried",
            Self::Unknown { .. } => "UNKNOWN",
        }
    }
}

/// Whether an entry was taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Undone {
    /// It was not.
    #[default]
    No,
    /// By this entry, but not all of it, or nobody knows whether all of it.
    Partly(Id),
    /// By this entry.
    By(Id),
}

/// An intent joined with what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The line of its intent, from 1.
    pub line: u64,
    /// Who wanted what, when and why.
    pub intent: Intent,
    /// What is known of each change of the plan.
    pub states: Vec<State>,
    /// How it ended; `None` if its process never told.
    pub end: Option<End>,
    /// Whether it was taken back.
    pub undone: Undone,
    /// What later entries that go on with this one are known to have made, as it was written.
    pub more: Vec<Change>,
}

impl Entry {
    /// Its name.
    pub fn id(&self) -> Id {
        self.intent.id
    }

    /// Each change of the plan with what is known of it.
    pub fn changes(&self) -> impl Iterator<Item = (&Change, &State)> {
        self.intent.plan.changes.iter().zip(&self.states)
    }

    /// The changes that are known to be made, as they were written.
    pub fn made(&self) -> impl Iterator<Item = &Change> {
        self.states.iter().filter_map(|state| match state {
            State::Made(change) => Some(change),
            _ => None,
        })
    }

    /// Whether every change is made, or was so already.
    pub fn complete(&self) -> bool {
        self.states.iter().all(|s| matches!(s, State::Made(_) | State::Already))
    }

    /// The changes of which nobody knows whether they were made, with their place in the plan.
    pub fn doubts(&self) -> impl Iterator<Item = (usize, &Change)> {
        self.states.iter().enumerate().filter_map(|(index, state)| match state {
            State::Unknown { change, .. } => Some((index, change)),
            _ => None,
        })
    }

    /// What it has to do with other entries, one each: `takes back vb7xn`, `undone by vb7yn`.
    pub fn ties(&self) -> Vec<String> {
        let intent = &self.intent;
        let mut ties = Vec::new();
        ties.extend(intent.undoes.map(|id| format!("takes back {id}")));
        ties.extend(intent.part_of.map(|first| format!("goes on with {first}")));
        ties.extend(match self.undone {
            Undone::No => None,
            Undone::Partly(by) => Some(format!("undone in part by {by}")),
            Undone::By(by) => Some(format!("undone by {by}")),
        });
        ties
    }

    /// Whether its process may still be at it, given who holds the journal now: its doubts will
    /// be settled by themselves then.
    pub fn under_way(&self, holder: Option<&Holder>) -> bool {
        self.end.is_none() && holder.is_some_and(|h| h.pid == Some(self.intent.pid))
    }

    /// The plan that takes back what is known to be made, as it was written, last change first,
    /// with what was made by the entries that go on with this one. `None` if nothing was made, or if one of the changes cannot be taken back.
    pub fn inverse(&self) -> Option<Plan> {
        self.taken_back(false)
    }

    /// The same with the changes that are in doubt: whether they were made or not, the table is
    /// afterwards as before, because a plan passes over what the kernel holds already.
    pub fn inverse_with_doubts(&self) -> Option<Plan> {
        self.taken_back(true)
    }

    fn taken_back(&self, doubts: bool) -> Option<Plan> {
        let made = self.states.iter().filter_map(|state| match state {
            State::Made(change) => Some(change.clone()),
            State::Unknown { change, .. } if doubts => Some(change.clone()),
            _ => None,
        });
        let changes: Vec<Change> = made.chain(self.more.iter().cloned()).collect();
        if changes.is_empty() {
            return None;
        }
        Plan { title: self.intent.plan.title.clone(), changes }.inverse()
    }

    /// How far it takes another entry back.
    pub(super) fn undoes(&self) -> Undone {
        let touched = |s: &State| matches!(s, State::Made(_) | State::Unknown { .. });
        if !self.states.is_empty() && self.complete() {
            Undone::By(self.id())
        } else if self.states.iter().any(touched) {
            Undone::Partly(self.id())
        } else {
            Undone::No
        }
    }
}

/// What is known of each change of a plan of `changes`, given its steps by index. `lost` is how
/// many lines are damaged where steps of this entry may have stood.
pub(super) fn states(
    changes: &[Change],
    steps: &[Option<StepOutcome>],
    end: Option<&End>,
    lost: usize,
) -> Vec<State> {
    let told = steps.iter().flatten().count();
    let last = steps.iter().rposition(Option::is_some);
    let stopped = steps.iter().flatten().any(StepOutcome::stops);
    let missing = |index: usize| {
        let passed = last.is_some_and(|last| index < last);
        let next = last.map_or(0, |last| last + 1);
        match end {
            // All steps are here: what has none was not tried.
            Some(end) if told >= end.tally.steps() => None,
            Some(_) => Some(Doubt::LineLost),
            // Changes are compared before the first is tried, so one that is refused in the
            // comparison leaves those before it untried.
            None if stopped => (passed && lost > 0).then_some(Doubt::LineLost),
            None if passed => Some(Doubt::LineLost),
            None if index == next => Some(Doubt::Interrupted),
            // Each lost line may have been the step of one more.
            None => (index <= next + lost).then_some(Doubt::LineLost),
        }
    };
    let state = |(index, change): (usize, &Change)| match steps.get(index).cloned().flatten() {
        Some(StepOutcome::Made { change }) => State::Made(change),
        Some(StepOutcome::Already) => State::Already,
        Some(StepOutcome::Refused { why }) => State::Refused(why),
        Some(StepOutcome::Unknown { change, why }) => {
            State::Unknown { change, doubt: Doubt::Unconfirmed(why) }
        }
        None => match missing(index) {
            Some(doubt) => State::Unknown { change: change.clone(), doubt },
            None => State::NotTried,
        },
    };
    changes.iter().enumerate().map(state).collect()
}
