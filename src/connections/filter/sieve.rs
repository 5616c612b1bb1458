//! A filter over the rows of one survey. What rows have in common is looked at once.

use std::fmt::Write as _;

use super::{Filter, Kind, Peer, StateOf, Wants};
use crate::connections::lane::Lane;
use crate::connections::placement::Placement;
use crate::connections::sample::{Row, contains};
use crate::connections::scope::Scope;
use crate::connections::signs::is_waiting;
use crate::connections::stage::Stage;
use crate::connections::term::Term;
use crate::ipvs::{Family, ServiceKey, Target};

/// A scope and a filter, ready for the rows of one pass.
pub struct Sieve<'a> {
    scope: &'a Scope,
    terms: &'a [Term<Wants>],
    /// By the lanes' numbers: `None` where no row can pass.
    lanes: Vec<Option<Asked>>,
}

/// What is left to be asked of the rows of a lane; a bit a term.
#[derive(Clone, Copy, Debug, Default)]
struct Asked {
    /// These have to be looked at row by row.
    rows: u64,
    /// These every row matches by what it has in common with others.
    found: u64,
}

impl<'a> Sieve<'a> {
    /// Rows of `scope` that match `filter`, of lanes that were placed already.
    pub fn new(placement: &Placement, scope: &'a Scope, filter: Option<&'a Filter>) -> Self {
        let terms = filter.map_or(&[][..], |filter| filter.0.all());
        let mut sieve = Self { scope, terms, lanes: Vec::new() };
        sieve.extend(placement);
        sieve
    }

    /// Takes in the lanes that are new.
    pub fn extend(&mut self, placement: &Placement) {
        for (number, lane) in placement.lanes().iter().enumerate().skip(self.lanes.len()) {
            let asked = match self.scope.holds(placement, number) {
                true => self.of_lane(placement, number, lane),
                false => None,
            };
            self.lanes.push(asked);
        }
    }

    /// Whether a row passes.
    pub fn passes(&self, row: &Row<'_>) -> bool {
        let asked = self.lanes.get(row.lane_number()).copied().flatten();
        asked.is_some_and(|asked| {
            asked.rows == 0
                || self.terms.iter().enumerate().all(|(number, term)| {
                    if asked.rows >> number & 1 == 0 {
                        return true;
                    }
                    let found = asked.found >> number & 1 == 1;
                    let found = if found { Some(true) } else { in_row(&term.wants, row) };
                    found == Some(!term.negated)
                })
        })
    }

    fn of_lane(&self, placement: &Placement, number: usize, lane: &Lane) -> Option<Asked> {
        let mut asked = Asked::default();
        for (bit, term) in self.terms.iter().enumerate() {
            let found = in_lane(&term.wants, placement, number, lane);
            if is_of_lanes(&term.wants) {
                if found == term.negated {
                    return None;
                }
            } else {
                asked.rows |= 1 << bit;
                asked.found |= u64::from(found) << bit;
            }
        }
        Some(asked)
    }
}

/// Whether a lane alone decides.
fn is_of_lanes(wants: &Wants) -> bool {
    match wants {
        Wants::Service(..) | Wants::Mark(..) | Wants::Server(_) | Wants::Protocol(_) => true,
        Wants::Is(kind) => !matches!(kind, Kind::Waiting | Kind::FtpData),
        Wants::Text(_)
        | Wants::Peer(_)
        | Wants::Client(_)
        | Wants::States(_)
        | Wants::Expires(..)
        | Wants::Engine(_)
        | Wants::Origin(_) => false,
    }
}

/// Whether every row of a lane matches already by what they have in common.
fn in_lane(wants: &Wants, placement: &Placement, number: usize, lane: &Lane) -> bool {
    match wants {
        Wants::Text(wanted) => lane_text(placement, number, lane).contains(wanted),
        // A network is one of clients.
        Wants::Peer(peer) if !matches!(peer, Peer::Network(_)) => {
            let to = matches!(lane.target, Target::Address(to) if peer.is(to.addr, to.port));
            to || peer.is(lane.server.addr, lane.server.port)
        }
        Wants::Service(protocol, peer) => {
            let is = |service: ServiceKey| match service {
                ServiceKey::Endpoint { protocol: of, addr, port } => {
                    protocol.is_none_or(|wanted| wanted == of) && peer.is(addr, port)
                }
                ServiceKey::Fwmark { .. } => false,
            };
            is(lane.service()) || placement.places_of(number).any(|place| is(place.0))
        }
        Wants::Mark(mark, family) => {
            let is = |service: ServiceKey| match service {
                ServiceKey::Fwmark { family: of, mark: is } => {
                    is == *mark && family.is_none_or(|wanted| wanted == of)
                }
                ServiceKey::Endpoint { .. } => false,
            };
            is(lane.service()) || placement.places_of(number).any(|place| is(place.0))
        }
        Wants::Server(peer) => peer.is(lane.server.addr, lane.server.port),
        Wants::Protocol(protocol) => lane.protocol == *protocol,
        Wants::Is(kind) => match kind {
            Kind::Template => lane.template,
            Kind::Connection => !lane.template,
            Kind::Orphan => placement.is_orphan(number),
            Kind::Invalid => lane.is_invalidated(),
            Kind::Ipv4 => lane.family == Family::V4,
            Kind::Ipv6 => lane.family == Family::V6,
            Kind::Waiting | Kind::FtpData => false,
        },
        Wants::Peer(_)
        | Wants::Client(_)
        | Wants::States(_)
        | Wants::Expires(..)
        | Wants::Engine(_)
        | Wants::Origin(_) => false,
    }
}

/// Whether a row matches by what is its own; `None` where that was not read.
fn in_row(wants: &Wants, row: &Row<'_>) -> Option<bool> {
    Some(match wants {
        Wants::Text(wanted) => row_contains(row, wanted),
        Wants::Peer(peer) | Wants::Client(peer) => peer.is(row.client(), row.client_port()),
        Wants::States(states) => states.iter().any(|wanted| match wanted {
            StateOf::State(state) => row.state() == state,
            StateOf::Beginning(word) => row.state().as_str().starts_with(word.as_str()),
            StateOf::Stage(stage) => Stage::of(row.state(), row.is_template()) == *stage,
        }),
        Wants::Expires(relation, n) => relation.holds(row.expires().into(), (*n).into()),
        Wants::Is(Kind::Waiting) => is_waiting(row),
        Wants::Is(Kind::FtpData) => row.awaits_port(),
        Wants::Engine(wanted) => {
            // Where origins were read, nothing is known of engines.
            if row.origin().is_some() {
                return None;
            }
            match wanted {
                None => row.has_engine(),
                Some(text) => row.engine_contains(text.as_bytes()).unwrap_or(false),
            }
        }
        Wants::Origin(origin) => row.origin()? == *origin,
        Wants::Service(..)
        | Wants::Mark(..)
        | Wants::Server(_)
        | Wants::Protocol(_)
        | Wants::Is(_) => false,
    })
}

/// What a lane shows, in lower case.
fn lane_text(placement: &Placement, number: usize, lane: &Lane) -> String {
    let mut text = format!("{} {} {}", lane.service(), lane.target, lane.server);
    if let Some(service) = placement.service(number) {
        let _ = write!(text, " {service}"); // into a string: cannot fail
    }
    text.make_ascii_lowercase();
    text
}

fn row_contains(row: &Row<'_>, wanted: &str) -> bool {
    if contains(row.state().as_str().as_bytes(), wanted.as_bytes()) {
        return true;
    }
    if row.engine_contains(wanted.as_bytes()) == Some(true) {
        return true;
    }
    let client = std::net::SocketAddr::new(row.client(), row.client_port());
    client.to_string().contains(wanted)
}
