//! A dangerous act is a value before it is an act: a plan is shown, checked, applied, verified
//! and can be inverted.
//!
//! ```text
//! weight    "12", "+5", "-3", "50%" as an operator types them
//! danger    what a plan would do to clients, computed from the snapshot
//! merge     a change against what the kernel holds now: write, nothing to do, or conflict
//! ```

mod danger;
mod merge;
mod weight;

use serde::{Deserialize, Serialize};

pub use danger::{Danger, dangers};
pub use merge::{Conflict, Found, Step, merge};
pub use weight::{WeightEdit, WeightError};

use crate::ipvs::{Change, Server, Service, ServiceKey};

/// Changes that belong together, in the order in which they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// One line on what it is for, in an operator's words.
    pub title: String,
    /// The changes, each with the values it expects to find.
    pub changes: Vec<Change>,
}

impl Plan {
    /// A plan for one server's weight.
    pub fn weight(service: ServiceKey, server: &Server, weight: u32) -> Self {
        let change = Change::weight(service, server, weight);
        Self { title: change.to_string(), changes: vec![change] }
    }

    /// A plan that edits one service.
    pub fn service(before: Service, after: Service) -> Self {
        let change = Change::Service { before: Some(before), after: Some(after) };
        Self { title: change.to_string(), changes: vec![change] }
    }

    /// A plan for the weights of several servers, each with the weight it shall have. Servers
    /// that have it already are left out.
    pub fn weights(title: &str, servers: &[(ServiceKey, Server, u32)]) -> Self {
        let changes: Vec<_> = servers
            .iter()
            .filter(|(_, server, weight)| server.weight != *weight)
            .map(|(service, server, weight)| Change::weight(*service, server, *weight))
            .collect();
        match changes.as_slice() {
            [one] => Self { title: format!("{title} {one}"), changes },
            all => Self { title: format!("{title} {} real servers", all.len()), changes },
        }
    }

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
    /// Watch mode.
    #[error("this console only watches: it was started without the right to change anything")]
    ReadOnly,
}
