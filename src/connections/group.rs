//! Rows by what they have in common, and what that comes to in the whole table.

use std::cmp::Reverse;
use std::fmt;
use std::hash::Hash;
use std::net::IpAddr;

use hashbrown::HashMap;

use super::filter::Sieve;
use super::net::Net;
use super::scale::Tally;
use super::stage::Stage;
use super::survey::Survey;
use crate::ipvs::{ConnState, ServerKey, ServiceKey};

/// What rows are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The client's address; of templates that is masked.
    Client,
    /// The client's network: /24, and /64 of IPv6.
    Network,
    /// The real server, over all services.
    Server,
    /// The virtual service.
    Service,
    /// The state.
    State,
}

impl By {
    /// All of them, in the order in which they are chosen.
    pub const ALL: [Self; 5] =
        [Self::Client, Self::Network, Self::Server, Self::Service, Self::State];

    /// The head of its column.
    pub fn word(self) -> &'static str {
        match self {
            Self::Client => "Client",
            Self::Network => "Client network",
            Self::Server => "Real server",
            Self::Service => "Service",
            Self::State => "State",
        }
    }
}

/// What the rows of a group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// A client.
    Client(IpAddr),
    /// Its network.
    Network(Net),
    /// A real server.
    Server(ServerKey),
    /// A service.
    Service(ServiceKey),
    /// A state, and whether it is one of templates.
    State(ConnState, bool),
}

impl Key {
    /// The terms of a [`super::Filter`] that these rows match.
    pub fn terms(&self) -> String {
        match self {
            Self::Client(addr) => format!("client:{addr}"),
            Self::Network(net) => format!("client:{net}"),
            Self::Server(server) => format!("server:{server}"),
            Self::Service(ServiceKey::Fwmark { mark, family }) => {
                let family = if *family == crate::ipvs::Family::V6 { "v6" } else { "v4" };
                format!("service:fwm/{mark}/{family}")
            }
            Self::Service(ServiceKey::Endpoint { protocol, addr, port }) => {
                let to = std::net::SocketAddr::new(*addr, *port);
                format!("service:{}/{to}", protocol.to_string().to_lowercase())
            }
            Self::State(state, template) => {
                let is = if *template { "template" } else { "connection" };
                format!("state:{} is:{is}", state.as_str().to_lowercase())
            }
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(addr) => f.pad(&addr.to_string()),
            Self::Network(net) => fmt::Display::fmt(net, f),
            Self::Server(server) => f.pad(&server.to_string()),
            Self::Service(service) => f.pad(&service.to_string()),
            Self::State(state, false) => f.pad(state.as_str()),
            Self::State(state, true) => f.pad(&format!("{state} (template)")),
        }
    }
}

/// Rows that have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// What that is.
    pub key: Key,
    /// How many of the sample.
    pub tally: Tally,
    /// Of these, how many are at each [`Stage`], by its number.
    pub stages: [u32; Stage::ALL.len()],
    /// The longest timer, in seconds.
    pub longest: u32,
}

impl Group {
    fn new(key: Key) -> Self {
        Self { key, tally: Tally::default(), stages: [0; Stage::ALL.len()], longest: 0 }
    }

    /// Rows of the sample at a stage.
    pub fn at(&self, stage: Stage) -> u32 {
        self.stages.get(stage.number()).copied().unwrap_or(0)
    }

    fn add(&mut self, survey: &Survey, row: &super::Row<'_>) {
        survey.tally(&mut self.tally, row);
        let stage = Stage::of(row.state(), row.is_template());
        if let Some(count) = self.stages.get_mut(stage.number()) {
            *count += 1;
        }
        self.longest = self.longest.max(row.expires());
    }
}

/// The rows that pass, grouped; the largest group first, and among equals by what they have in
/// common.
pub fn group(survey: &Survey, sieve: &Sieve<'_>, by: By) -> Vec<Group> {
    let rows = survey.rows.iter().filter(|row| sieve.passes(row));
    let mut groups = match by {
        By::Client => gather(survey, rows, |row| row.client(), Key::Client),
        By::Network => gather(survey, rows, |row| Net::of_client(row.client()), Key::Network),
        By::Server => {
            let key = |row: super::Row<'_>| row.lane().map(|lane| Key::Server(lane.server));
            by_number(survey, rows, |row| row.lane_number(), key)
        }
        By::Service => {
            let key =
                |row: super::Row<'_>| survey.placement.service(row.lane_number()).map(Key::Service);
            by_number(survey, rows, |row| row.lane_number(), key)
        }
        By::State => {
            let number =
                |row: super::Row<'_>| row.state_number() << 1 | usize::from(row.is_template());
            let key =
                |row: super::Row<'_>| Some(Key::State(row.state().clone(), row.is_template()));
            by_number(survey, rows, number, key)
        }
    };
    groups.sort_unstable_by(|a, b| {
        Reverse(a.tally.rows()).cmp(&Reverse(b.tally.rows())).then_with(|| a.key.cmp(&b.key))
    });
    groups
}

fn gather<'a, T: Hash + Eq + Copy>(
    survey: &Survey,
    rows: impl Iterator<Item = super::Row<'a>>,
    of: impl Fn(super::Row<'a>) -> T,
    key: impl Fn(T) -> Key,
) -> Vec<Group> {
    let mut found: HashMap<T, Group> = HashMap::new();
    for row in rows {
        let common = of(row);
        found.entry(common).or_insert_with(|| Group::new(key(common))).add(survey, &row);
    }
    found.into_values().collect()
}

/// Where there are few groups, rows are gathered by a number first, and numbers that mean the same
/// are put together at the end.
fn by_number<'a>(
    survey: &Survey,
    rows: impl Iterator<Item = super::Row<'a>>,
    number: impl Fn(super::Row<'a>) -> usize,
    key: impl Fn(super::Row<'a>) -> Option<Key>,
) -> Vec<Group> {
    let mut numbered: HashMap<usize, Option<Group>> = HashMap::new();
    for row in rows {
        let group = numbered.entry(number(row)).or_insert_with(|| key(row).map(Group::new));
        if let Some(group) = group {
            group.add(survey, &row);
        }
    }
    let mut found: HashMap<Key, Group> = HashMap::new();
    for group in numbered.into_values().flatten() {
        match found.get_mut(&group.key) {
            Some(other) => {
                other.tally = other.tally.and(group.tally);
                other.stages.iter_mut().zip(group.stages).for_each(|(sum, more)| *sum += more);
                other.longest = other.longest.max(group.longest);
            }
            None => {
                found.insert(group.key.clone(), group);
            }
        }
    }
    found.into_values().collect()
}
