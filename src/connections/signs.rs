//! Trouble that the rows tell of. Each sign wants so much to go on that small numbers raise none,
//! however many servers and clients are looked at.
//!
//! ```text
//! silent   connections of one server wait in SYN_RECV, those of its neighbours do not
//! share    a server's part of its service's connections is far from its weight's
//! crowd    a client with an outsized part of the table; a table near its limits
//! orphans  rows of servers that the table of services does not have
//! ```

mod crowd;
mod orphans;
mod share;
mod silent;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;

use super::lane::{Lane, Place, Taker};
use super::sample::Row;
use super::scale::{Estimate, Share};
use super::survey::Survey;
use crate::ipvs::{ConnState, ServiceKey, counted, larger_table, separated};
use crate::snapshot::Snapshot;

/// A connection stays in SYN_RECV for 60 s (`ip_vs_proto_tcp.c`). One whose timer has run for this
/// many seconds was not answered in time.
const SYN_RECV: u32 = 60;
const PATIENCE: u32 = 3;

/// Trouble.
#[derive(Clone, Debug, PartialEq)]
pub enum Sign {
    /// A real server does not answer.
    Silent {
        /// Which.
        place: Place,
        /// Connections that wait.
        waiting: Estimate,
        /// Their share of its active connections.
        share: Share,
    },
    /// No server of a service completes handshakes: none answers, or clients do not.
    Unanswered {
        /// Which.
        service: ServiceKey,
        /// Connections that wait.
        waiting: Estimate,
        /// Their share of its connections.
        share: Share,
    },
    /// The table is nearly as large as `conn_max` lets it be (from kernel 7.2 on).
    NearMax {
        /// Rows of the table.
        rows: Estimate,
        /// How many there may be.
        most: u64,
    },
    /// A server's share of its service's connections is not its weight's.
    OffWeight {
        /// Which.
        place: Place,
        /// What it holds.
        held: Share,
        /// What its weight asks for, 0 to 1.
        due: f64,
    },
    /// One client has much more of the table than others.
    Client {
        /// Which.
        client: IpAddr,
        /// Its rows.
        rows: Estimate,
        /// Their share of the table.
        share: Share,
    },
    /// Connections that packets may come for, and whose server is not in the table of services.
    Orphans {
        /// What they were addressed to, and the server.
        lane: Lane,
        /// The service that has lost the server.
        taker: Taker,
        /// How many.
        rows: Estimate,
    },
    /// Orphans of more servers than are listed.
    MoreOrphans {
        /// Of how many servers.
        servers: usize,
        /// How many.
        rows: Estimate,
    },
    /// The buckets of the hash table are long lists.
    Crowded {
        /// Rows of the table.
        rows: Estimate,
        /// Its buckets.
        buckets: u64,
        /// Whether it grows by itself (from kernel 7.2 on) and has reached its largest size.
        grown: bool,
    },
}

/// What a sign is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// A real server in a service.
    Server(Place),
    /// A service.
    Service(ServiceKey),
    /// The whole table.
    Table,
}

impl Sign {
    /// What it is about.
    pub fn about(&self) -> About {
        match self {
            Self::Silent { place, .. } | Self::OffWeight { place, .. } => About::Server(*place),
            Self::Unanswered { service, .. }
            | Self::Orphans { taker: Taker::Service(service), .. } => About::Service(*service),
            _ => About::Table,
        }
    }

    /// Whether clients suffer now.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Self::Silent { .. } | Self::Unanswered { .. } | Self::NearMax { .. })
    }

    /// The sentence without the name of what it is [`about`](Self::about), for where that stands
    /// already.
    pub fn of_itself(&self) -> String {
        match self {
            Self::Silent { waiting, share, .. } => {
                format!(
                    "does not answer: {waiting} connections wait in SYN_RECV, {share} of its \
                     active ones"
                )
            }
            Self::Unanswered { waiting, share, .. } => format!(
                "handshakes are not completed: {waiting} connections wait in SYN_RECV, {share}; no \
                 server answers, or it is a SYN flood"
            ),
            Self::OffWeight { held, due, .. } => {
                let due = due * 100.0;
                let digits = usize::from(due < 9.95);
                format!("holds {held} of the connections, its weight asks for {due:.digits$}%")
            }
            Self::Orphans { lane: Lane { server, .. }, taker: Taker::Service(_), rows } => {
                let (rows, lost) = (rows.counted("connection"), lost(rows));
                format!("{rows} of {server}, which was deleted: {lost}")
            }
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { place: (service, server), .. }
            | Self::OffWeight { place: (service, server), .. } => {
                write!(f, "{server} of {service} {}", self.of_itself())
            }
            Self::Unanswered { service, .. } => write!(f, "{service}: {}", self.of_itself()),
            Self::NearMax { rows, most } => write!(
                f,
                "the table holds {rows} of at most {} connections (net.ipv4.vs.conn_max); beyond \
                 that new ones are dropped",
                separated(*most)
            ),
            Self::Client { client, rows, share } => {
                write!(f, "client {client} has {rows} rows, {share} of the table")
            }
            Self::Orphans { lane, taker, rows } => {
                let (to, server) = (lane.service(), lane.server);
                let (rows, lost) = (rows.counted("connection"), lost(rows));
                match taker {
                    Taker::Service(service) => {
                        write!(f, "{rows} of {server}, which was deleted from {service}: {lost}")
                    }
                    Taker::Somebody => {
                        write!(f, "{rows} to {to} at {server}, which no service has: {lost}")
                    }
                    Taker::Nobody => {
                        write!(f, "{rows} to {to} at {server}: there is no such service")
                    }
                }
            }
            Self::MoreOrphans { servers, rows } => {
                let (rows, servers) = (rows.counted("connection"), *servers as u64);
                write!(f, "{rows} of {} more that are not there", counted(servers, "server"))
            }
            Self::Crowded { rows, buckets, grown } => {
                let each = rows.value / (*buckets).max(1);
                write!(
                    f,
                    "{rows} rows in {} hash buckets, {each} each: packets walk long lists; ",
                    separated(*buckets)
                )?;
                if *grown {
                    return write!(f, "raise ip_vs's conn_tab_bits to let the table grow");
                }
                match larger_table(rows.value, *buckets, false) {
                    Ok(bits) => write!(f, "load ip_vs with conn_tab_bits={bits}"),
                    Err(why) => write!(f, "it cannot grow: {why}"),
                }
            }
        }
    }
}

/// What becomes of connections whose server was deleted.
fn lost(rows: &Estimate) -> &'static str {
    if rows.is_one() { "its packets go nowhere" } else { "their packets go nowhere" }
}

/// Whether a connection waits for its handshake for longer than a network takes.
pub(super) fn is_waiting(row: &Row<'_>) -> bool {
    let overdue = row.expires().saturating_add(PATIENCE) <= SYN_RECV;
    *row.state() == ConnState::SynRecv && overdue && !row.is_template()
}

/// Everything that is wrong, the worst first.
pub(super) fn all(survey: &Survey, snapshot: &Snapshot) -> Vec<Sign> {
    let mut signs = silent::signs(survey, snapshot);
    let silent: Vec<Place> = signs
        .iter()
        .filter_map(|sign| match sign {
            Sign::Silent { place, .. } => Some(*place),
            _ => None,
        })
        .collect();
    signs.extend(crowd::near_max(survey, snapshot));
    signs.extend(share::signs(survey, snapshot, &silent));
    signs.extend(crowd::client(survey));
    signs.extend(orphans::signs(survey));
    signs.extend(crowd::crowded(survey, snapshot));
    signs
}
