//! A change to the kernel's table as a value: what was, and what shall be.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Daemon, Server, ServerKey, Service, ServiceKey, Timeouts};

/// One change. `before` and `after` are whole entries, because the kernel replaces what an edit
/// leaves out; `None` means that the entry does not exist. Swapping them inverts the change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Adds, edits or deletes a virtual service. Deleting one takes its servers along.
    Service {
        /// As it is.
        before: Option<Service>,
        /// As it shall be.
        after: Option<Service>,
    },
    /// Adds, edits or deletes a real server of `service`.
    Server {
        /// The service it belongs to.
        service: ServiceKey,
        /// As it is.
        before: Option<Server>,
        /// As it shall be.
        after: Option<Server>,
    },
    /// Sets the protocol timeouts.
    Timeouts {
        /// As they are.
        before: Timeouts,
        /// As they shall be; 0 keeps one.
        after: Timeouts,
    },
    /// Starts or stops a synchronisation daemon.
    Daemon {
        /// What runs.
        before: Option<Daemon>,
        /// What shall run.
        after: Option<Daemon>,
    },
    /// Sets `net.ipv4.vs.NAME`.
    Sysctl {
        /// The name below `net.ipv4.vs.`.
        name: String,
        /// The value read.
        before: String,
        /// The value to write.
        after: String,
    },
    /// Zeroes the counters of one service with its servers, or of everything. Not invertible.
    Zero(Option<ServiceKey>),
    /// Deletes every service. Not invertible as one message.
    Flush,
}

impl Change {
    /// Turns the weight of `server` into `weight`.
    pub fn weight(service: ServiceKey, server: &Server, weight: u32) -> Self {
        let after = Server { weight, ..server.clone() };
        Self::Server { service, before: Some(server.clone()), after: Some(after) }
    }

    /// The change that takes this one back, where the kernel can do that at all.
    pub fn inverse(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::Service { before, after } => Self::Service { before: after, after: before },
            Self::Server { service, before, after } => {
                Self::Server { service, before: after, after: before }
            }
            Self::Timeouts { before, after } => Self::Timeouts { before: after, after: before },
            Self::Daemon { before, after } => Self::Daemon { before: after, after: before },
            Self::Sysctl { name, before, after } => {
                Self::Sysctl { name, before: after, after: before }
            }
            Self::Zero(_) | Self::Flush => return None,
        })
    }

    /// The virtual service it is about, if it is about one.
    pub fn service(&self) -> Option<ServiceKey> {
        match self {
            Self::Service { before, after } => before.as_ref().or(after.as_ref()).map(|s| s.key),
            Self::Server { service, .. } => Some(*service),
            Self::Zero(service) => *service,
            _ => None,
        }
    }

    /// The real server it is about, if it is about one.
    pub fn server(&self) -> Option<ServerKey> {
        match self {
            Self::Server { before, after, .. } => before.as_ref().or(after.as_ref()).map(|s| s.key),
            _ => None,
        }
    }

    /// Whom it is about, in an operator's words: `real server 10.1.1.2:80 of TCP 10.0.0.1:80`.
    pub fn subject(&self) -> String {
        match (self.server(), self.service(), self) {
            (Some(server), Some(service), _) => format!("real server {server} of {service}"),
            (_, Some(service), _) => format!("service {service}"),
            (_, _, Self::Timeouts { .. }) => "the protocol timeouts".to_owned(),
            (_, _, Self::Daemon { before, after }) => {
                let role = before.as_ref().or(after.as_ref()).map(|d| d.role.to_string());
                format!("the {} sync daemon", role.unwrap_or_default())
            }
            (_, _, Self::Sysctl { name, .. }) => format!("sysctl net.ipv4.vs.{name}"),
            _ => "the whole table".to_owned(),
        }
    }
}

impl fmt::Display for Change {
    /// One line: what it does, to whom.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = self.subject();
        match self {
            Self::Server { before: Some(b), after: Some(a), .. } if b.weight != a.weight => {
                write!(f, "{subject}: weight {} -> {}", b.weight, a.weight)
            }
            Self::Service { before: Some(b), after: Some(a) } if b.scheduler != a.scheduler => {
                write!(f, "{subject}: scheduler {} -> {}", b.scheduler, a.scheduler)
            }
            Self::Service { before: None, .. } | Self::Server { before: None, .. } => {
                write!(f, "add {subject}")
            }
            Self::Service { after: None, .. } | Self::Server { after: None, .. } => {
                write!(f, "delete {subject}")
            }
            Self::Daemon { after: None, .. } => write!(f, "stop {subject}"),
            Self::Daemon { .. } => write!(f, "start {subject}"),
            Self::Sysctl { before, after, .. } => write!(f, "{subject}: {before} -> {after}"),
            Self::Zero(_) => write!(f, "zero the counters of {subject}"),
            Self::Flush => write!(f, "delete every service"),
            _ => write!(f, "edit {subject}"),
        }
    }
}
