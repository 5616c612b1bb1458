//! A change that this console did not make, and which other program wrote it down.

use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::watch::explains;
use crate::ipvs::{Change, ServerKey, ServiceKey};
use crate::journal::{Entry, History, Id, Scene, State};
use crate::snapshot::Moment;

/// How far a program's clock readings and its work on the kernel may lie apart.
const SLACK: SignedDuration = SignedDuration::from_secs(2);

/// A change between two readings that this console did not make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Theirs {
    /// When it was seen, by the wall clock: it was made since the reading before.
    pub time: Timestamp,
    /// The same, by the director's clock.
    pub at: Moment,
    /// What changed. Values that were not read are alike on both sides.
    pub change: Change,
    /// Who wrote it into the journal that this console shares; `None` if nobody did: it came from
    /// outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
}

/// Another console or script that shares the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// The entry.
    pub id: Id,
    /// Who, in short: the name of who called sudo, or of the user.
    pub who: String,
}

impl fmt::Display for By {
    /// `alice, vb2k0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.who, self.id)
    }
}

impl Theirs {
    /// Whether nobody has written it down.
    pub fn is_outside(&self) -> bool {
        self.by.is_none()
    }

    /// The row it is on; `None` for what belongs to no service.
    pub fn row(&self) -> Option<(ServiceKey, Option<ServerKey>)> {
        Some((self.change.service()?, self.change.server()))
    }

    /// The weights before and after of a server; `None` inside says that it was not there.
    pub fn weights(&self) -> Option<(Option<u32>, Option<u32>)> {
        let Change::Server { before, after, .. } = &self.change else { return None };
        let weights = [before, after].map(|s| s.as_ref().map(|s| s.weight));
        let [before, after] = weights;
        (before != after).then_some((before, after))
    }

    /// What of the subject changed, with its old and new value: `weight 10 -> 0`,
    /// `deleted, its weight was 10`.
    pub fn what(&self) -> String {
        match &self.change {
            Change::Server { before: None, after: Some(new), .. } => {
                format!("added, with weight {}", new.weight)
            }
            Change::Server { before: Some(old), after: None, .. } => {
                format!("deleted, its weight was {}", old.weight)
            }
            Change::Service { before: None, after: Some(new) } => {
                format!("added, with scheduler {}", new.scheduler)
            }
            Change::Service { before: Some(old), after: None } => {
                format!("deleted, its scheduler was {}", old.scheduler)
            }
            Change::Daemon { before: Some(_), after: Some(_) } => "started anew".to_owned(),
            Change::Daemon { after: None, .. } => "stopped".to_owned(),
            Change::Daemon { .. } => "started".to_owned(),
            edit => {
                let text = edit.to_string();
                let subject = format!("{}: ", edit.subject());
                text.strip_prefix(&subject).map_or(text.clone(), str::to_owned)
            }
        }
    }
}

impl fmt::Display for Theirs {
    /// `real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 10 -> 0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.change.subject(), self.what())
    }
}

/// Which entry of the journal accounts for `change`, that was seen between `since` and `until`. An
/// intent is written before the kernel is touched, so what another program did is in a journal
/// that is read after the reading that shows it. The entries of process `me` are not looked at: it
/// knows better what it made.
pub fn by(
    change: &Change,
    history: &History,
    scene: &Scene,
    me: u32,
    (since, until): (Timestamp, Timestamp),
) -> Option<By> {
    let after = |time: Timestamp, limit: Timestamp| time.duration_since(limit) > -SLACK;
    let entries = history.entries.iter().rev();
    let mut entries = entries
        // Ids grow with time: what began long before may still be under way.
        .filter(|e| e.intent.pid != me && e.intent.scene.same_table(scene))
        .filter(|e| after(until, e.intent.time))
        .filter(|e| e.end.as_ref().is_none_or(|end| after(end.time, since)));
    let entry = entries.find(|e| accounts(e, change))?;
    let operator = &entry.intent.operator;
    let who = operator.sudo_user.clone().or_else(|| operator.name.clone());
    Some(By { id: entry.id(), who: who.unwrap_or_else(|| format!("uid {}", operator.uid)) })
}

fn accounts(entry: &Entry, seen: &Change) -> bool {
    entry.changes().any(|(planned, state)| match state {
        State::Made(done) | State::Unknown { change: done, .. } => explains(done, seen),
        // Its outcome may not be written yet.
        State::NotTried => entry.end.is_none() && explains(planned, seen),
        State::Already | State::Refused(_) => false,
    })
}
