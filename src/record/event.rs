//! What a recording holds that is no snapshot.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kernel::proc::owners::Owner;

/// What is recorded, by whom. Every session begins with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The program that records, with its version.
    pub program: String,
    /// The director's name.
    pub name: String,
    /// How often it is read, in milliseconds.
    pub interval_ms: u64,
    /// When the session began.
    pub began: Timestamp,
}

/// The programs that also write the table, the schedulers that are loaded, and the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// The programs, or why they could not be looked for.
    pub owners: Result<Vec<Owner>, String>,
    /// The schedulers; `None` where that could not be told.
    pub schedulers: Option<BTreeSet<String>>,
    /// The kernel's release; `None` where a program recorded that did not know it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
}

/// A poll that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreadable {
    /// When it failed, by the wall clock.
    pub time: Timestamp,
    /// Why, as a sentence.
    pub why: String,
}

/// What could not be written for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// When it could be written again.
    pub time: Timestamp,
    /// How many snapshots are missing.
    pub snapshots: u64,
    /// Why, as a sentence.
    pub why: String,
}

/// A session is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) time: Timestamp,
}
