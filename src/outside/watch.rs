//! Readings and own changes in, what others did out.

use super::table::Table;
use crate::ipvs::{Change, ServiceFlags, Timeouts};
use crate::snapshot::Snapshot;

/// Compares each reading with the one before it.
///
/// Own changes are told between two readings, as they were written: each says what the kernel held
/// right before, so what someone else did between the last reading and an own change is seen even
/// where both are about the same server. A change whose outcome nobody knows counts as own if it
/// shows.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    table: Option<Table>,
    /// Seen between the readings: what others did before an own change.
    between: Vec<Change>,
    /// Own changes that could not be placed: sent without an answer, or to a service that was not
    /// known yet.
    doubtful: Vec<Change>,
}

impl Watch {
    /// A change that this console made, as it was written. To be told before the next reading.
    pub fn made(&mut self, change: &Change) {
        let Some(table) = &mut self.table else { return }; // the first reading has it
        let noticed = &mut self.between;
        match change {
            Change::Service { before, after } => {
                let Some(key) = change.service() else { return };
                let known = table.entry(&key).map(|e| e.service.clone());
                let same = match (&known, before) {
                    (Some(known), Some(before)) => known.same_config(before),
                    (known, before) => known.is_none() && before.is_none(),
                };
                if !same {
                    noticed.push(Change::Service { before: known, after: before.clone() });
                }
                table.set(&key, after.clone());
            }
            Change::Server { service, before, after } => {
                let Some(key) = change.server() else { return };
                let Some(entry) = table.entry(service) else {
                    return self.doubtful.push(change.clone());
                };
                let known = entry.server(&key).cloned();
                if known != *before {
                    let (service, after) = (*service, before.clone());
                    noticed.push(Change::Server { service, before: known, after });
                }
                entry.set(&key, after.clone());
            }
            Change::Timeouts { before, after } => {
                let known = table.timeouts.replace(kept(*before, *after));
                if let Some(known) = known.filter(|known| known != before) {
                    noticed.push(Change::Timeouts { before: known, after: *before });
                }
            }
            // The kernel fills in what was left open, and writes values in its own way: what the
            // next reading says is taken for what was meant.
            Change::Daemon { .. } => table.daemons = None,
            Change::Sysctl { name, before, .. } => {
                let known = table.sysctls.as_mut().and_then(|all| all.remove(name));
                if let Some(known) = known.filter(|known| known != before) {
                    let (name, after) = (name.clone(), before.clone());
                    noticed.push(Change::Sysctl { name, before: known, after });
                }
            }
            Change::Flush => table.services.clear(),
            Change::Zero(_) => {}
        }
    }

    /// A change that this console sent, of which nobody knows whether the kernel made it.
    pub fn sent(&mut self, change: &Change) {
        self.doubtful.push(change.clone());
    }

    /// Takes a reading in. Returns what others did since the last one; nothing for the first.
    pub fn look(&mut self, snapshot: &Snapshot) -> Vec<Change> {
        let Some(table) = &mut self.table else {
            self.table = Some(Table::of(snapshot));
            return Vec::new();
        };
        let doubtful = std::mem::take(&mut self.doubtful);
        let mut changes = std::mem::take(&mut self.between);
        let differs = table.take(snapshot);
        changes.extend(differs.into_iter().filter(|c| !doubtful.iter().any(|d| explains(d, c))));
        changes
    }
}

/// 0 keeps a timeout.
fn kept(before: Timeouts, after: Timeouts) -> Timeouts {
    let keep = |before, after| if after == 0 { before } else { after };
    Timeouts {
        tcp: keep(before.tcp, after.tcp),
        tcp_fin: keep(before.tcp_fin, after.tcp_fin),
        udp: keep(before.udp, after.udp),
    }
}

/// Whether `done` accounts for all that was `seen`: everything that changed is as `done` would
/// have made it.
pub(super) fn explains(done: &Change, seen: &Change) -> bool {
    match (done, seen) {
        (
            Change::Flush,
            Change::Service { after: None, .. } | Change::Server { after: None, .. },
        ) => true,
        (Change::Service { after: None, .. }, Change::Server { service, after: None, .. }) => {
            done.service() == Some(*service)
        }
        (
            Change::Service { before: had, after: Some(a) },
            Change::Service { before, after: Some(b) },
        ) if a.key == b.key => {
            let Some(old) = before else { return had.is_none() && a.same_config(b) };
            let flags = ((old.flags ^ b.flags) & (a.flags ^ b.flags)) - ServiceFlags::HASHED;
            let moved = |same_before, same_after| same_before || same_after;
            flags.is_empty()
                && moved(old.scheduler == b.scheduler, a.scheduler == b.scheduler)
                && moved(old.timeout == b.timeout, a.timeout == b.timeout)
                && moved(old.netmask == b.netmask, a.netmask == b.netmask)
                && moved(old.pe == b.pe, a.pe == b.pe)
        }
        (
            Change::Server { service: s, before: had, after: Some(a) },
            Change::Server { service: t, before, after: Some(b) },
        ) if s == t && a.key == b.key => {
            let Some(old) = before else { return had.is_none() && a == b };
            let moved = |same_before, same_after| same_before || same_after;
            moved(old.weight == b.weight, a.weight == b.weight)
                && moved(old.forwarding == b.forwarding, a.forwarding == b.forwarding)
                && moved(
                    old.upper_threshold == b.upper_threshold,
                    a.upper_threshold == b.upper_threshold,
                )
                && moved(
                    old.lower_threshold == b.lower_threshold,
                    a.lower_threshold == b.lower_threshold,
                )
                && moved(old.tunnel == b.tunnel, a.tunnel == b.tunnel)
        }
        (Change::Service { after: None, .. }, Change::Service { after: None, .. })
        | (Change::Server { after: None, .. }, Change::Server { after: None, .. }) => {
            (done.service(), done.server()) == (seen.service(), seen.server())
        }
        (Change::Timeouts { before, after: a }, Change::Timeouts { after: b, .. }) => {
            kept(*before, *a) == *b
        }
        (Change::Daemon { after: a, before }, Change::Daemon { after: b, before: old }) => {
            let role = |d: &Option<crate::ipvs::Daemon>| d.as_ref().map(|d| d.role);
            let same = role(a).or(role(before)) == role(b).or(role(old));
            same && a.is_some() == b.is_some()
        }
        (Change::Sysctl { name: a, after: to, .. }, Change::Sysctl { name: b, after: now, .. }) => {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            a == b && words(to) == words(now)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
