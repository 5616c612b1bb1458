//! What others change: each reading compared with the last, less what this worker made itself.

use std::sync::Arc;

use jiff::Timestamp;

use crate::ipvs::Change;
use crate::journal::{News, Scene};
use crate::kernel::{KernelError, Reader};
use crate::outside::{Theirs, Watch, by};
use crate::plan::{Failure, Outcome};
use crate::snapshot::Snapshot;

/// A table or a service with at least so many entries takes more than one batch to dump, and one
/// that is edited meanwhile can seem to be gone.
const BATCH: usize = 64;
/// So many deletions of a reading are looked at twice; of more at once, none was left out.
const LOOKS: usize = 8;

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
    pub(super) fn look(&mut self, snapshot: &Snapshot, reader: &mut dyn Reader) -> Vec<Change> {
        let mut changes = self.watch.look(snapshot);
        let doubtful = changes.iter().filter(|change| is_doubtful(change, snapshot)).count();
        if (1..=LOOKS).contains(&doubtful) {
            changes.retain(|change| {
                let there = is_doubtful(change, snapshot) && is_there(change, reader);
                if there {
                    self.watch.refute(change);
                }
                !there
            });
        }
        changes
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

/// A deletion that may be none: of an entry that the kernel left out of a dump.
fn is_doubtful(change: &Change, snapshot: &Snapshot) -> bool {
    match change {
        Change::Service { after: None, .. } => snapshot.services.len() >= BATCH,
        Change::Server { service, after: None, .. } => {
            snapshot.service(service).is_some_and(|entry| entry.servers.len() >= BATCH)
        }
        _ => false,
    }
}

/// Whether what seems to be deleted is there all the same.
fn is_there(deleted: &Change, reader: &mut dyn Reader) -> bool {
    let Some(service) = deleted.service() else { return false };
    let Ok(Some(entry)) = reader.service(&service) else { return false };
    deleted.server().is_none_or(|server| entry.server(&server).is_some())
}
