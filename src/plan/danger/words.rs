//! Each danger as a sentence for an operator, without a full stop.

use std::fmt;

use super::{Danger, Remap, Stickiness};
use crate::ipvs::{counted, separated, span};

/// `its 7 connections`, or `its connection` when there is one.
fn its(connections: u64) -> String {
    if connections == 1 {
        return "its connection".to_owned();
    }
    format!("its {}", counted(connections, "connection"))
}

/// What becomes of the connections of what is deleted.
fn fate(expire_nodest_conn: Option<bool>, connections: u64) -> String {
    let (stall, are) = if connections == 1 { ("stalls", "is") } else { ("stall", "are") };
    match expire_nodest_conn {
        Some(false) => format!("{stall} without a word (expire_nodest_conn is 0)"),
        Some(true) => format!(
            "{are} reset, at once or with the next packet on kernels before 5.10 \
             (expire_nodest_conn is 1)"
        ),
        None => format!(
            "{stall} without a word, or {are} reset if expire_nodest_conn is 1, which could not \
             be read"
        ),
    }
}

impl fmt::Display for Danger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LastServer { service, connections } => write!(
                f,
                "no server of {service} would be left with a weight above 0: new connections are \
                 refused ({} now)",
                counted(*connections, "connection")
            ),
            Self::Gap { service } => write!(
                f,
                "between two changes of this plan no server of {service} has a weight above 0: \
                 new connections are refused for a moment"
            ),
            Self::RefusedClients { service, server, scheduler, percent } => write!(
                f,
                "{scheduler} goes on choosing {server} for new clients, and refuses them instead of \
                 moving them: about {percent}% of the clients of {service}"
            ),
            Self::Switch { service, from, to } if to == "none" => write!(
                f,
                "{service} has {from} and would have no scheduler: new connections are refused"
            ),
            Self::Switch { service, from, to } => write!(
                f,
                "while {service} goes from {from} to {to} it has no scheduler: new connections are \
                 refused for a moment, some milliseconds"
            ),
            Self::Remapped { service, scheduler, by } => write_remap(f, service, scheduler, *by),
            Self::Share {
                service,
                what,
                capacity_percent,
                connections_percent,
                active,
                inactive,
                left,
                of,
            } => {
                let several = what.ends_with(" servers");
                let verb = if several { "take" } else { "takes" };
                write!(f, "{what} {verb} {capacity_percent}% of the capacity of {service} and ")?;
                match (active, inactive) {
                    (0, 0) => f.write_str("none of its connections")?,
                    (0, n) => {
                        write!(
                            f,
                            "{connections_percent}% of its connections ({} inactive)",
                            separated(*n)
                        )?;
                    }
                    (n, _) => {
                        write!(
                            f,
                            "{connections_percent}% of its connections ({} active)",
                            separated(*n)
                        )?;
                    }
                }
                let is = if *left == 1 { "is" } else { "are" };
                write!(f, "; {left} of {of} servers {is} left")
            }
            Self::Templates { service, server, count, timeout, known } => {
                match count {
                    Some(1) => f.write_str("a persistence template keeps")?,
                    Some(n) => {
                        write!(f, "{} keep", counted((*n).into(), "persistence template"))?;
                    }
                    None => f.write_str("persistence templates keep")?,
                }
                write!(f, " sending clients of {service} to {server} at weight 0, until ")?;
                match timeout {
                    Some(timeout) => f.write_str(&span((*timeout).into()))?,
                    None => f.write_str("the persistence timeout")?,
                }
                f.write_str(" after a client's last connection (expire_quiescent_template ")?;
                f.write_str(if *known { "is 0)" } else { "could not be read; 1 would end that)" })
            }
            Self::UdpFlows { service, server, flows, timeout } => {
                let flows = counted(*flows, "flow");
                write!(
                    f,
                    "UDP does not drain by weight: a client of {service} that keeps its source \
                     port stays on {server} until it pauses for "
                )?;
                match timeout {
                    Some(timeout) => f.write_str(&span((*timeout).into()))?,
                    None => f.write_str("the UDP timeout")?,
                }
                write!(f, " ({flows} now)")
            }
            Self::DeleteServer { service, server, connections: 0, .. } => write!(
                f,
                "{server} leaves {service} without connections; its statistics do not come back \
                 unless it is added again within two minutes"
            ),
            Self::DeleteServer { service, server, connections, expire_nodest_conn } => write!(
                f,
                "{server} leaves {service} and {} {}; its statistics come back only if it is \
                 added again while some of them last",
                its(*connections),
                fate(*expire_nodest_conn, *connections)
            ),
            Self::DeleteService { service, servers, connections, expire_nodest_conn } => {
                let servers = counted(*servers as u64, "real server");
                write!(f, "{service} leaves with {servers}")?;
                if *connections > 0 {
                    let fate = fate(*expire_nodest_conn, *connections);
                    write!(f, " and {} {fate}", its(*connections))?;
                }
                f.write_str("; its statistics do not come back even when it is added again")
            }
            Self::Flush { services, servers, connections } => write!(
                f,
                "everything leaves: {}, {} and {}; this cannot be taken back",
                counted(*services as u64, "virtual service"),
                counted(*servers as u64, "real server"),
                counted(*connections, "connection")
            ),
            Self::Zero { service: Some(service) } => write!(
                f,
                "the counters of {service} and of its real servers start anew from 0 and cannot \
                 be put back"
            ),
            Self::Zero { service: None } => {
                f.write_str("every counter starts anew from 0 and cannot be put back")
            }
            Self::Forwarding { service, server, from, connections } => write!(
                f,
                "the new forwarding method of {server} counts for new connections only: {} of \
                 {service} keep {from}",
                its(*connections)
            ),
            Self::Tunnel { service, server, connections } => write!(
                f,
                "the tunnel of {server} changes at once, under {} of {service} too: they break \
                 unless the real server takes both",
                counted(*connections, "connection")
            ),
            Self::Persistence { service, what, templates } => {
                let templates = match templates {
                    Some(n) => counted(*n, "persistence template"),
                    None => "the persistence templates".to_owned(),
                };
                match what {
                    Stickiness::Off => write!(
                        f,
                        "{templates} of {service} count no more: a client's next connection may \
                         come to another server"
                    ),
                    Stickiness::Grouping => write!(
                        f,
                        "{templates} of {service} are not found under the new netmask or engine: \
                         a client's next connection may come to another server"
                    ),
                    Stickiness::Timeout(old) => write!(
                        f,
                        "the new timeout counts for new templates: {templates} of {service} keep \
                         {}",
                        span((*old).into())
                    ),
                }
            }
            Self::Raise { service, server, scheduler, own, others, in_a_row, cps } => {
                write!(
                    f,
                    "{scheduler} sends new connections of {service} to {server} alone until it \
                     has caught up, about {} in a row",
                    separated(*in_a_row)
                )?;
                if let Some(cps) = cps {
                    write!(f, " ({} at {} CPS)", span(in_a_row.div_ceil(*cps)), separated(*cps))?;
                }
                let (own, others) = (separated(*own), separated(*others));
                write!(f, ": it has {own}, the least loaded other {others}")
            }
            Self::Owner { name, pid, certain, text } => {
                write!(f, "{name}")?;
                if let Some(pid) = pid {
                    write!(f, " (pid {pid})")?;
                }
                let writes = if *certain {
                    "writes this table too"
                } else {
                    "may write this table too, its network namespace cannot be seen"
                };
                write!(f, " {writes}: {}", text.trim_end_matches('.'))
            }
        }
    }
}

fn write_remap(
    f: &mut fmt::Formatter<'_>,
    service: &crate::ipvs::ServiceKey,
    scheduler: &str,
    by: Remap,
) -> fmt::Result {
    let moved = "new connections of a client may come to another server than before";
    match by {
        Remap::Scheduler => write!(f, "{scheduler} hashes the clients of {service} anew: {moved}"),
        Remap::Port => write!(
            f,
            "whether the port counts changes the hash of {service} under {scheduler}: {moved}"
        ),
        Remap::Servers => {
            write!(f, "{scheduler} deals the clients of {service} anew among its servers: {moved}")
        }
        Remap::Weights => {
            write!(f, "{scheduler} deals the clients of {service} anew with every weight: {moved}")
        }
    }
}
