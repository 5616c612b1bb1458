//! What the records of a journal hold.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Id, Operator, Scene};
use crate::ipvs::{Change, ServerKey, ServiceKey};
use crate::plan::Plan;

/// What an intent is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The operator's own plan.
    New,
    /// Takes an entry back.
    Undo,
    /// Takes an undo back.
    Redo,
    /// Drains servers.
    Drain,
    /// Gives drained servers their weights again, or a step of a ramp towards them.
    Restore,
    /// A kind that a later program writes.
    #[serde(other)]
    Other,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::New => "new",
            Self::Undo => "undo",
            Self::Redo => "redo",
            Self::Drain => "drain",
            Self::Restore => "restore",
            Self::Other => "other",
        })
    }
}

/// What is about to be done. Written before anything is sent to the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The entry's name.
    pub id: Id,
    /// When, by the wall clock.
    pub time: Timestamp,
    /// Who.
    pub operator: Operator,
    /// Where.
    #[serde(flatten)]
    pub scene: Scene,
    /// The process that wrote it.
    pub pid: u32,
    /// What for.
    pub kind: Kind,
    /// The operator's reason; empty if none was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The entry that it takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<Id>,
    /// The drain that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Id>,
    /// The entry that it goes on with: later steps of a ramp name the first, and are taken back
    /// with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<Id>,
    /// The changes, each with what it expects to find.
    pub plan: Plan,
}

/// What came of one change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum StepOutcome {
    /// Written and verified.
    Made {
        /// As it was written: `before` is what the kernel held.
        change: Change,
    },
    /// The kernel held it already.
    Already,
    /// Not made: a conflict, or the kernel refused. Nothing of the plan is tried after it.
    Refused {
        /// Why.
        why: String,
    },
    /// Sent, but whether it was made cannot be told: the kernel's answer was lost, or it shows
    /// something else. Nothing of the plan is tried after it.
    Unknown {
        /// As it was sent.
        change: Change,
        /// Why it cannot be told.
        why: String,
    },
}

impl StepOutcome {
    /// Whether nothing of the plan is tried after it.
    pub fn stops(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unknown { .. })
    }
}

/// What came of one change of an intent. A later step of the same change stands for an earlier
/// one: a doubt can be settled by looking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The entry.
    pub id: Id,
    /// Which change of its plan, from 0.
    pub index: usize,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: StepOutcome,
}

/// How many changes of an entry came to what. What is left of the plan was not tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Written and verified.
    pub made: usize,
    /// The kernel held them already.
    pub already: usize,
    /// Not made.
    pub refused: usize,
    /// Cannot be told.
    pub unknown: usize,
}

impl Tally {
    /// Counts one more.
    pub fn count(&mut self, outcome: &StepOutcome) {
        match outcome {
            StepOutcome::Made { .. } => self.made += 1,
            StepOutcome::Already => self.already += 1,
            StepOutcome::Refused { .. } => self.refused += 1,
            StepOutcome::Unknown { .. } => self.unknown += 1,
        }
    }

    /// How many changes have an outcome.
    pub fn steps(&self) -> usize {
        self.made + self.already + self.refused + self.unknown
    }
}

/// An entry is through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The entry.
    pub id: Id,
    /// When, by the wall clock.
    pub time: Timestamp,
    /// What its steps came to.
    #[serde(flatten)]
    pub tally: Tally,
    /// What else is to be said; empty if nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A value that someone else changed, seen between two snapshots.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    /// When it was seen, by the wall clock.
    pub time: Timestamp,
    /// On which table.
    #[serde(flatten)]
    pub scene: Scene,
    /// Of which service; `None` for what belongs to the whole table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceKey>,
    /// Of which of its servers; `None` for the service itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<ServerKey>,
    /// Which value: "weight", "scheduler", "the entry".
    pub field: String,
    /// What it was; `None` if it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is; `None` if it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// What happens when a drain's time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Weight 0 stays.
    Keep,
    /// The weights from before come back.
    Restore,
    /// The servers are deleted.
    Delete,
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Keep => "keep",
            Self::Restore => "restore",
            Self::Delete => "delete",
        })
    }
}

/// A server that is drained, in one service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Drained {
    /// The service.
    pub service: ServiceKey,
    /// The server.
    pub server: ServerKey,
    /// Its weight from before.
    pub weight: u32,
}

/// A drain begins. Written before the first intent that belongs to it, with all that is needed to
/// follow and to end it from another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainStarted {
    /// The drain's name.
    pub id: Id,
    /// When, by the wall clock.
    pub time: Timestamp,
    /// Who.
    pub operator: Operator,
    /// Where.
    #[serde(flatten)]
    pub scene: Scene,
    /// What is drained, in an operator's words: "10.1.2.2".
    pub target: String,
    /// The operator's reason; empty if none was given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The servers, with the weights from before.
    pub servers: Vec<Drained>,
    /// When its time is up, in seconds from `time`; `None` for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<u64>,
    /// What happens then.
    pub then: Then,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrainEnd {
    /// The weights from before are back.
    Restored,
    /// The servers are deleted.
    Deleted,
    /// Its time was up, and weight 0 stays.
    Kept,
    /// Undone, or never begun.
    Cancelled,
    /// Someone else gave the servers a weight or deleted them.
    Outside,
    /// An end that a later program knows.
    #[serde(other)]
    Other,
}

impl fmt::Display for DrainEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Restored => "restored",
            Self::Deleted => "deleted",
            Self::Kept => "kept at weight 0",
            Self::Cancelled => "cancelled",
            Self::Outside => "ended from outside",
            Self::Other => "ended",
        })
    }
}

/// A drain is over: nobody follows it any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrainEnded {
    /// The drain.
    pub id: Id,
    /// When, by the wall clock.
    pub time: Timestamp,
    /// How.
    pub how: DrainEnd,
    /// What else is to be said; empty if nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// What it came to; empty if nobody who ended it had followed it.
    #[serde(default, skip_serializing_if = "Left::is_empty")]
    pub left: Left,
}

/// What a drain came to, in the eyes of who followed it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// How it stood last, while its servers were at weight 0; of several servers the one that was
    /// farthest from safe.
    pub verdict: String,
    /// The connections of all its servers, in equal parts of the time that it took.
    pub held: Vec<u64>,
}

impl Left {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.verdict.is_empty() && self.held.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_a_later_program_does_not_hide_the_entry() {
        assert_eq!(serde_json::from_str::<Kind>("\"ramp\"").unwrap(), Kind::Other);
        assert_eq!(serde_json::from_str::<DrainEnd>("\"melted\"").unwrap(), DrainEnd::Other);
    }
}
