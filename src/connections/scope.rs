//! Whose rows are looked at.

use std::fmt;
use std::net::IpAddr;

use super::lane::Place;
use super::placement::Placement;
use crate::ipvs::ServiceKey;

/// Whose rows are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's.
    #[default]
    All,
    /// Those of a service.
    Service(ServiceKey),
    /// Those of a real server's address, in every service.
    Host(IpAddr),
    /// Those of some servers in their services: one that was selected, or those of a drain.
    Places(Vec<Place>),
}

impl Scope {
    /// Whether the rows of a lane are among them. Where a row does not tell whose it is, it
    /// belongs to everyone who could have it.
    pub fn holds(&self, placement: &Placement, lane: usize) -> bool {
        let Some(route) = placement.lanes().get(lane) else { return false };
        let mut claims = placement.places_of(lane);
        match self {
            Self::All => true,
            Self::Host(addr) => route.server.addr == *addr,
            Self::Service(service) => {
                // Of a deleted server there is nobody to claim it.
                claims.any(|place| place.0 == *service)
                    || (placement.is_orphan(lane) && route.service() == *service)
            }
            Self::Places(places) => {
                claims.any(|place| places.contains(place))
                    || (placement.is_orphan(lane)
                        && places.contains(&(route.service(), route.server)))
            }
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("the whole table"),
            Self::Service(service) => write!(f, "{service}"),
            Self::Host(addr) => write!(f, "{addr}"),
            Self::Places(places) => match places.as_slice() {
                [(service, server)] => write!(f, "{server} of {service}"),
                [(_, first), rest @ ..] if rest.iter().all(|(_, s)| s.addr == first.addr) => {
                    write!(f, "{} in {} services", first.addr, places.len())
                }
                _ => write!(f, "{} servers", places.len()),
            },
        }
    }
}
