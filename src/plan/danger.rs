//! What a plan would do to clients, computed from what is known and never canned.
//!
//! ```text
//! course   the services a plan touches: as it finds them, and as each change leaves them
//! stop     servers that take no new connections any more: who is left, who is refused, who stays
//! edit     schedulers, flags, persistence, forwarding, weights that come back
//! delete   what does not come back: deleted entries, zeroed counters
//! words    each danger as a sentence
//! ```

mod course;
mod delete;
mod edit;
mod stop;
#[cfg(test)]
pub(super) mod tests;
mod words;

use std::cmp::Reverse;

use super::Plan;
use crate::ipvs::{Change, Forwarding, ServerKey, ServiceKey};
use crate::kernel::proc::owners::Owner;
use crate::snapshot::Snapshot;
pub(super) use course::{Course, Leg};

/// What is known around a plan.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// What the kernel said last. What the plan expects (`before`) counts for more.
    pub snapshot: &'a Snapshot,
    /// The programs that write the table too.
    pub owners: &'a [Owner],
}

/// How a danger is treated, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Shown; the plan is applied without asking.
    Tell,
    /// Asked, with Cancel as the answer that is ready.
    Ask,
    /// The word must be typed.
    Type,
}

/// Why the clients of a hash come to other servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remap {
    /// The scheduler hashes and another did not, or hashed otherwise.
    Scheduler,
    /// The client's port counts now, or counts no more.
    Port,
    /// A server was added or deleted.
    Servers,
    /// A weight was changed: `sh` deals its 256 slots anew, `mh` a part of them.
    Weights,
}

/// What of a service's persistence changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stickiness {
    /// It ends: templates are not looked at any more.
    Off,
    /// Netmask or engine: the templates are kept under a name that is not looked for any more.
    Grouping,
    /// The timeout in seconds: templates keep the one that they were made with.
    Timeout(u32),
}

/// Something an operator has to know before a plan is applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Danger {
    /// No server with a weight above 0 is left: new connections are refused.
    LastServer {
        /// The service that would refuse.
        service: ServiceKey,
        /// How many connections it has now, active and inactive.
        connections: u64,
    },
    /// Between two changes of the plan no server has a weight above 0.
    Gap {
        /// The service that would refuse for that moment.
        service: ServiceKey,
    },
    /// The scheduler keeps sending clients to the quiesced server and refuses them.
    RefusedClients {
        /// The service.
        service: ServiceKey,
        /// The server of weight 0.
        server: ServerKey,
        /// Its scheduler.
        scheduler: String,
        /// Share of the service's clients that would come to it, in percent, at least 1.
        percent: u32,
    },
    /// While the scheduler is switched, the service has none.
    Switch {
        /// The service.
        service: ServiceKey,
        /// The scheduler it has.
        from: String,
        /// The scheduler it shall have; `none` refuses every new connection.
        to: String,
    },
    /// A hash is made anew: clients come to other servers than before.
    Remapped {
        /// The service.
        service: ServiceKey,
        /// The hashing scheduler.
        scheduler: String,
        /// Why.
        by: Remap,
    },
    /// What stops taking new connections, while others go on. One a service.
    Share {
        /// The service.
        service: ServiceKey,
        /// The server, or how many.
        what: String,
        /// Their share of the weight, or of the servers where weights do not matter; for `fo`
        /// 100 or 0.
        capacity_percent: u32,
        /// Their share of the service's active connections; of the inactive ones where none is
        /// active, as with UDP.
        connections_percent: u32,
        /// Their active connections.
        active: u64,
        /// Their inactive connections.
        inactive: u64,
        /// Servers with a weight above 0 that stay.
        left: usize,
        /// Servers with a weight above 0 before.
        of: usize,
    },
    /// Persistent clients keep coming to a server of weight 0.
    Templates {
        /// The service.
        service: ServiceKey,
        /// The server.
        server: ServerKey,
        /// Persistence templates now; `None` if unread.
        count: Option<u32>,
        /// How long a template lives after its client's last connection, in seconds; `None` if
        /// unread.
        timeout: Option<u32>,
        /// Whether `expire_quiescent_template` is known to be 0; otherwise it could not be read.
        known: bool,
    },
    /// UDP flows do not follow the weight.
    UdpFlows {
        /// The service.
        service: ServiceKey,
        /// The server of weight 0.
        server: ServerKey,
        /// Its flows now.
        flows: u64,
        /// Seconds without a packet after which a flow ends; `None` if unread.
        timeout: Option<u32>,
    },
    /// A server leaves, and what hangs on it.
    DeleteServer {
        /// Its service.
        service: ServiceKey,
        /// The server.
        server: ServerKey,
        /// Its connections, active and inactive.
        connections: u64,
        /// The sysctl that says what becomes of them; `None` if unread.
        expire_nodest_conn: Option<bool>,
    },
    /// A service leaves with its servers.
    DeleteService {
        /// The service.
        service: ServiceKey,
        /// How many real servers it has.
        servers: usize,
        /// Their connections, active and inactive.
        connections: u64,
        /// The sysctl that says what becomes of them; `None` if unread.
        expire_nodest_conn: Option<bool>,
    },
    /// Everything leaves.
    Flush {
        /// How many virtual services there are.
        services: usize,
        /// How many real servers.
        servers: usize,
        /// Their connections, active and inactive.
        connections: u64,
    },
    /// Counters cannot be put back.
    Zero {
        /// Of one service, or of everything.
        service: Option<ServiceKey>,
    },
    /// A forwarding method counts for new connections only.
    Forwarding {
        /// The service.
        service: ServiceKey,
        /// The server.
        server: ServerKey,
        /// What its connections keep.
        from: Forwarding,
        /// How many there are, active and inactive.
        connections: u64,
    },
    /// Tunnel attributes are read with every packet, so they count for everyone at once.
    Tunnel {
        /// The service.
        service: ServiceKey,
        /// The server.
        server: ServerKey,
        /// Its connections, active and inactive.
        connections: u64,
    },
    /// Persistence changes while there are templates.
    Persistence {
        /// The service.
        service: ServiceKey,
        /// What of it.
        what: Stickiness,
        /// Templates now; `None` if unread.
        templates: Option<u64>,
    },
    /// A server comes back with so few connections that the scheduler gives it all new ones.
    Raise {
        /// The service.
        service: ServiceKey,
        /// The server.
        server: ServerKey,
        /// Its scheduler.
        scheduler: String,
        /// Its connections that count for the scheduler.
        own: u64,
        /// Those of the others' least loaded one.
        others: u64,
        /// About how many new connections go to it alone, until it is level.
        in_a_row: u64,
        /// New connections of the service a second, if known and not 0.
        cps: Option<u64>,
    },
    /// Somebody else writes the table too.
    Owner {
        /// The program.
        name: &'static str,
        /// Its first process, if it can be seen.
        pid: Option<u32>,
        /// Whether it is known to be in this network namespace.
        certain: bool,
        /// What it does to such a change, in sentences.
        text: String,
    },
}

impl Danger {
    /// How it is treated.
    pub fn level(&self) -> Level {
        match self {
            Self::LastServer { .. } | Self::Flush { .. } => Level::Type,
            Self::DeleteService { connections, .. } if *connections > 0 => Level::Type,
            Self::Switch { to, .. } if to == "none" => Level::Type,
            Self::Share { .. }
            | Self::Templates { .. }
            | Self::UdpFlows { .. }
            | Self::Forwarding { .. }
            | Self::Raise { .. }
            | Self::Owner { .. }
            | Self::Remapped { by: Remap::Weights, .. }
            | Self::Persistence { what: Stickiness::Timeout(_), .. } => Level::Tell,
            Self::Gap { .. }
            | Self::RefusedClients { .. }
            | Self::Switch { .. }
            | Self::Remapped { .. }
            | Self::DeleteServer { .. }
            | Self::DeleteService { .. }
            | Self::Zero { .. }
            | Self::Tunnel { .. }
            | Self::Persistence { .. } => Level::Ask,
        }
    }
}

/// How a plan with these dangers is treated: as the gravest of them asks.
pub fn level(dangers: &[Danger]) -> Level {
    dangers.iter().map(Danger::level).max().unwrap_or(Level::Tell)
}

/// The dangers of `plan`, as far as is known, gravest first. What the plan itself sets up, such
/// as a fallback flag, is taken into account.
pub fn dangers(plan: &Plan, around: &Around<'_>) -> Vec<Danger> {
    let mut course = Course::new(plan, around.snapshot);
    let mut found = Vec::new();
    for change in &plan.changes {
        found.extend(delete::before(change, &course));
        found.extend(edit::switch(change));
        course.make(change);
    }
    found.extend(stop::dangers(&course));
    found.extend(edit::dangers(&course));
    found.extend(owners(plan, &course, around.owners));
    found.sort_by_key(|danger| Reverse(danger.level()));
    found
}

/// What the programs that write the table will do about it.
fn owners(plan: &Plan, course: &Course<'_>, owners: &[Owner]) -> Vec<Danger> {
    let touches =
        |c: &Change| matches!(c, Change::Service { .. } | Change::Server { .. } | Change::Flush);
    if !plan.changes.iter().any(touches) {
        return Vec::new();
    }
    let raises = course.services().any(|step| step.raised().next().is_some());
    let told = |owner: &Owner| {
        let mut text = owner.kind.consequences().to_owned();
        if raises {
            text = format!("{text} {}", owner.kind.about_zero());
        }
        let (name, pid) = (owner.kind.name(), owner.pid);
        Danger::Owner { name, pid, certain: owner.same_namespace, text }
    };
    owners.iter().map(told).collect()
}
