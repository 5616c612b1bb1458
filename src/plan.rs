//! A dangerous act is a value before it is an act: a plan is shown, checked, applied, verified
//! and can be inverted.
//!
//! ```text
//! make      plans for what an operator wants done
//! select    which servers they are for
//! weight    "12", "+5", "-3", "50%", "share 25%" as an operator types them
//! ramp      weights given back in steps
//! danger    what a plan would do to clients, computed from what is known around it
//! offer     what can be set before it, so that a danger goes away
//! merge     a change against what the kernel holds now: write, nothing to do, or conflict
//! fold      many changes as few
//! ```

mod danger;
mod fold;
mod make;
mod merge;
mod offer;
mod ramp;
mod select;
mod weight;

use serde::{Deserialize, Serialize};

pub use danger::{Around, Danger, Level, Remap, Stickiness, dangers, level};
pub use fold::fold;
pub use merge::{Conflict, Found, Step, merge};
pub use offer::{Offer, offers};
pub use ramp::{Ramp, Step as RampStep};
pub use select::everywhere;
pub use weight::{Wanted, WeightEdit, WeightError};

use crate::ipvs::Change;

/// Changes that belong together, in the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One line on what it is for, in an operator's words.
    pub title: String,
    /// The changes, each with the values it expects to find.
    pub changes: Vec<Change>,
}

impl Plan {
    /// The plan that takes this one back: every change inverted, last first. `None` if one of
    /// them cannot be taken back (zeroing counters).
    pub fn inverse(&self) -> Option<Self> {
        let changes: Option<Vec<_>> = self.changes.iter().rev().map(Change::inverse).collect();
        let changes = changes?;
        let title = match changes.as_slice() {
            [one] => one.to_string(),
            _ => self.title.clone(),
        };
        Some(Self { title, changes })
    }
}

/// What came of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What was written and verified, as it was written: `before` is what the kernel held.
    pub done: Plan,
    /// How many changes the kernel already held as wanted.
    pub already: usize,
    /// Why it stopped, if it did, and at which change.
    pub failed: Option<(Change, Failure)>,
}

/// Why a change was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Someone else moved a value the plan expects.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The kernel could not be asked, or refused.
    #[error("{0}")]
    Kernel(#[from] crate::kernel::KernelError),
    /// The kernel took it and then showed something else.
    #[error("{0}; the kernel acknowledged the change but does not show it")]
    NotVerified(Conflict),
    /// It cannot be written down, so it is not done.
    #[error("{0}")]
    Journal(String),
    /// Watch mode.
    #[error("this console only watches: it was started without the right to change anything")]
    ReadOnly,
}
