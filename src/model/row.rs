//! What a row of the table stands for.

use std::cmp::Ordering;
use std::fmt;

use crate::ipvs::{ServerKey, ServiceKey};

/// What a row stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Row {
    /// A virtual service.
    Service(ServiceKey),
    /// A real server of a service.
    Server(ServiceKey, ServerKey),
}

impl Row {
    /// The service it is, or belongs to.
    pub fn service(&self) -> ServiceKey {
        match self {
            Self::Service(service) | Self::Server(service, _) => *service,
        }
    }
}

/// ipvsadm's order: a service, then its servers.
impl Ord for Row {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |row: &Self| match row {
            Self::Service(service) => (*service, None),
            Self::Server(service, server) => (*service, Some(*server)),
        };
        rank(self).cmp(&rank(other))
    }
}

impl PartialOrd for Row {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => write!(f, "service {service}"),
            Self::Server(service, server) => write!(f, "real server {server} of {service}"),
        }
    }
}
