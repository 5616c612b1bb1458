//! What others change: each reading compared with the last, less what this worker made itself.

use std::sync::Arc;

use jiff::Timestamp;

use crate::ipvs::Change;
use crate::journal::{News, Scene};
use crate::kernel::KernelError;
use crate::outside::{Theirs, Watch, by};
use crate::plan::{Failure, Outcome};
use crate::snapshot::Snapshot;

/// Whoever else is at the table.
#[derive(Debug, Default)]
pub(super) struct Others {
    watch: Watch,
    /// Since when what the last reading told may have changed: most of a large table was carried
    /// over in it.
    since: Option<Timestamp>,
}

impl Others {
    /// What this worker has done.
    pub(super) fn ours(&mut self, outcome: &Outcome) {
        outcome.done.changes.iter().for_each(|change| self.watch.made(change));
        if let Some((change, failure)) = &outcome.failed {
            let unclear = matches!(
                failure,
                Failure::Kernel(
                    KernelError::System { .. }
                        | KernelError::Malformed { .. }
                        | KernelError::NoAnswer { .. }
                )
            );
            if unclear {
                self.watch.sent(change);
            }
        }
    }

    /// Compares a reading with the last one.
    pub(super) fn look(&mut self, snapshot: &Snapshot) -> Vec<Change> {
        self.watch.look(snapshot)
    }

    /// The same with who made them, as far as the journal tells.
    pub(super) fn named(
        &mut self,
        changes: Vec<Change>,
        snapshot: &Snapshot,
        journal: Option<(&Arc<News>, &Scene, u32)>,
    ) -> Vec<Theirs> {
        let oldest = snapshot.taken.checked_sub(snapshot.oldest()).unwrap_or(snapshot.taken);
        let since = self.since.replace(oldest).unwrap_or(oldest);
        let span = (since, snapshot.taken);
        let named = |change: Change| {
            let by =
                journal.and_then(|(news, scene, me)| by(&change, &news.history, scene, me, span));
            Theirs { time: snapshot.taken, at: snapshot.at, change, by }
        };
        changes.into_iter().map(named).collect()
    }
}
