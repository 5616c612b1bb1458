//! From what is known of a drained server to its verdict. The rules are the kernel's: see
//! `ip_vs_sched_persist`, `is_new_conn_expected` and the state tables of `ip_vs_proto_*.c`.

use super::census::Held;
use super::verdict::{Basis, Note, Reuse, Unlooked, Verdict, Why};
use crate::ipvs::{DaemonRole, Forwarding, Protocol};
use crate::snapshot::{ServerEntry, ServiceEntry, Snapshot};

/// What `tcpfin` is when the kernel was not asked, in seconds.
const TCP_FIN: u32 = 120;

/// Whether the counters of new connections and packets say anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counters {
    Live,
    /// `run_estimation` is 0.
    Still,
    /// Without netlink.
    Unread,
}

/// What a snapshot, and those before it, tell of a server at weight 0.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) active: u32,
    pub(super) inactive: u32,
    /// Templates; `None` without netlink.
    pub(super) templates: Option<u32>,
    /// Whether the service is persistent.
    pub(super) persistent: bool,
    /// `None` for a fwmark service, which takes any.
    pub(super) protocol: Option<Protocol>,
    pub(super) forwarding: Forwarding,
    pub(super) one_packet: bool,
    /// `conn_reuse_mode`; 1 where it could not be read.
    pub(super) reuse_mode: i32,
    /// `expire_quiescent_template` is on.
    pub(super) discards: bool,
    /// A backup sync daemon runs.
    pub(super) synced: bool,
    pub(super) counters: Counters,
    /// `tcpfin`, in seconds.
    pub(super) tcp_fin: u32,
    /// Connections, and packets from clients, that were new lately.
    pub(super) new: u64,
    pub(super) packets: u64,
}

impl Facts {
    /// What `snapshot` alone tells: nothing is new.
    pub(super) fn of(snapshot: &Snapshot, service: &ServiceEntry, server: &ServerEntry) -> Self {
        let sysctl = |name: &str| snapshot.sysctls.get()?.get(name)?.parse::<i32>().ok();
        let daemons = snapshot.daemons.get();
        let counters = match server.stats {
            None => Counters::Unread,
            Some(_) if snapshot.estimator_off() => Counters::Still,
            Some(_) => Counters::Live,
        };
        Self {
            active: server.active,
            inactive: server.inactive,
            templates: server.persistent,
            persistent: service.service.persistent().is_some(),
            protocol: service.service.key.protocol(),
            forwarding: server.server.forwarding,
            one_packet: service.service.one_packet(),
            reuse_mode: sysctl("conn_reuse_mode").unwrap_or(1),
            discards: sysctl("expire_quiescent_template").is_some_and(|v| v != 0),
            synced: daemons.is_some_and(|all| all.iter().any(|d| d.role == DaemonRole::Backup)),
            counters,
            tcp_fin: snapshot.timeouts.get().map_or(TCP_FIN, |t| t.tcp_fin),
            new: 0,
            packets: 0,
        }
    }

    fn sees_replies(&self) -> bool {
        self.forwarding == Forwarding::Masq
    }

    /// Which ended entries a client may open again, past the scheduler (`is_new_conn_expected`).
    fn reuses(&self, held: Option<&Held>) -> Option<Reuse> {
        let some = |count: &dyn Fn(&Held) -> u32| held.is_none_or(|held| count(held) > 0);
        let tcp = self.protocol.is_none_or(|protocol| protocol == Protocol::TCP);
        let blind = self.reuse_mode & 2 == 0 && !self.sees_replies();
        match self.reuse_mode {
            _ if self.inactive == 0 || !tcp => None,
            0 if some(&|held| held.ended) => Some(Reuse::Ended),
            _ if blind && some(&|held| held.half_closed) => Some(Reuse::FinWait),
            _ => None,
        }
    }

    /// What the server still holds: connections that may carry data, where a look at the table
    /// tells, else all of them.
    pub(super) fn holding(&self, held: Option<&Held>) -> u64 {
        let inactive = held.map_or(self.inactive, |held| held.carrying().min(self.inactive));
        u64::from(self.active) + u64::from(inactive)
    }
}

/// The verdict at weight 0. `table` is a census that still holds, or why there is none.
pub(super) fn judge(facts: &Facts, table: Result<&Held, Unlooked>) -> Verdict {
    let Facts { active, inactive, .. } = *facts;
    let held = table.ok();
    let templates = facts.templates.unwrap_or(0).max(held.map_or(0, |held| held.templates));

    let mut notes = Vec::new();
    match facts.counters {
        Counters::Live => {}
        Counters::Still => notes.push(Note::CountersStill),
        Counters::Unread => notes.push(Note::CountersUnread),
    }
    if facts.discards && templates > 0 {
        notes.push(Note::Discarded { templates });
    }

    let why = ways_in(facts, held, templates);
    if !why.is_empty() {
        return Verdict::Receiving { new: facts.new, why, notes };
    }
    if active == 0 {
        match settled(facts, table) {
            Ok(basis) => {
                if facts.reuse_mode == 0 && inactive > 0 {
                    notes.insert(0, Note::MayReuse);
                }
                return Verdict::Safe { basis, notes };
            }
            Err(more) => notes = [more, notes].concat(),
        }
    }
    Verdict::Emptying { active, inactive, notes }
}

/// How clients still reach it, or could.
fn ways_in(facts: &Facts, held: Option<&Held>, templates: u32) -> Vec<Why> {
    let mut why = Vec::new();
    if !facts.discards {
        if templates > 0 {
            let longest = held.filter(|held| held.templates > 0).map(|h| h.longest_template);
            why.push(Why::Templates { count: templates, longest });
        } else if facts.persistent && facts.templates.is_none() && held.is_none() {
            why.push(Why::TemplatesUnread);
        }
    }
    // Entries of UDP only: packets on a half-closed TCP connection bring nobody back.
    let udp = facts.protocol == Some(Protocol::UDP)
        || (facts.active == 0 && held.is_some_and(|held| held.udp > 0));
    if udp && facts.inactive > 0 && facts.packets > 0 {
        why.push(Why::Udp { packets: facts.packets });
    }
    if facts.new > 0 {
        why.extend(facts.reuses(held).map(Why::Reused));
        if facts.one_packet {
            why.push(Why::OnePacket);
        }
        if facts.synced {
            why.push(Why::Synced);
        }
        if why.is_empty() {
            why.push(Why::Unknown);
        }
    }
    why
}

/// Whether nothing is left that matters, when nothing is active: what that rests on, or what is
/// in the way.
fn settled(facts: &Facts, table: Result<&Held, Unlooked>) -> Result<Basis, Vec<Note>> {
    let inactive = facts.inactive;
    let late = |longest| (!facts.sees_replies()).then_some(Note::Late { longest });
    let held = match table {
        Ok(held) => held,
        Err(unlooked) if inactive == 0 => return Ok(Basis::Counters(unlooked)),
        Err(unlooked) => {
            let mut notes = vec![Note::Unlooked(unlooked)];
            let tcp = facts.protocol != Some(Protocol::UDP);
            notes.extend(late(facts.tcp_fin).filter(|_| tcp));
            return Err(notes);
        }
    };
    let found = held.not_established();
    // No connection is active, so established ones can only be of other services.
    let elsewhere = if held.shared { 0 } else { held.established };
    let carrying = held.carrying().saturating_add(elsewhere);
    if inactive == 0 {
        // What was found has ended since, or is another service's.
        let told = carrying == 0 || held.shared;
        let outdated = Basis::Counters(Unlooked::Outdated);
        return Ok(if told { Basis::Table { ended: 0 } } else { outdated });
    }
    if found < inactive {
        return Err(vec![Note::Unlooked(Unlooked::Short { found })]);
    }
    if carrying == 0 {
        return Ok(Basis::Table { ended: inactive });
    }
    let longest = held.longest;
    // UDP ends late in any case: that is its timer, and not the director's blind eye.
    let blind = late(longest).filter(|_| held.half_closed > 0);
    let mut notes =
        vec![blind.unwrap_or(Note::Carrying { count: carrying.min(inactive), longest })];
    notes.extend(held.shared.then_some(Note::Shared));
    Err(notes)
}
