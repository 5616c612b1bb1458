//! What is listed of a survey: groups or rows, those that pass, in order.

use std::cmp::{Ordering, Reverse};
use std::net::{IpAddr, SocketAddr};

use crate::connections::{By, Group, Key, Lane, Row, Sieve, Stage, Survey, Tally, group};

/// What a list is ordered by. Numbers descend and names ascend, unless it is the other way round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The table's own order: a hash.
    #[default]
    Table,
    /// The timer.
    Expires,
    /// The client.
    Client,
    /// The virtual service.
    Service,
    /// The real server.
    Server,
    /// The state.
    State,
    /// How many there are; their share and its error go with it.
    Count,
    /// What they have in common.
    Name,
    /// How many are at a stage.
    Stage(Stage),
    /// The longest timer.
    Longest,
}

impl Order {
    const ROWS: [Self; 6] =
        [Self::Expires, Self::Client, Self::Service, Self::Server, Self::State, Self::Table];
    const GROUPS: [Self; 8] = [
        Self::Count,
        Self::Name,
        Self::Stage(Stage::Established),
        Self::Stage(Stage::Opening),
        Self::Stage(Stage::Closing),
        Self::Stage(Stage::Ended),
        Self::Stage(Stage::Template),
        Self::Longest,
    ];

    /// The first order of such a list.
    pub fn of(by: Option<By>) -> Self {
        if by.is_some() { Self::Count } else { Self::Expires }
    }

    /// The next one.
    #[must_use]
    pub(super) fn next(self, by: Option<By>) -> Self {
        let all: &[Self] = if by.is_some() { &Self::GROUPS } else { &Self::ROWS };
        let place = all.iter().position(|order| *order == self).map_or(0, |place| place + 1);
        all.iter().cycle().nth(place).copied().unwrap_or_default()
    }

    /// Whether the largest comes first.
    pub fn descends(self, reversed: bool) -> bool {
        let names = matches!(
            self,
            Self::Table | Self::Client | Self::Service | Self::Server | Self::State | Self::Name
        );
        names == reversed
    }
}

/// What is listed.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// Rows, by their places in the survey; none where they are grouped.
    pub rows: Vec<usize>,
    /// Groups.
    pub groups: Vec<Group>,
    /// All rows that pass.
    pub tally: Tally,
}

/// What the cursor is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picked {
    /// A group.
    Group(Key),
    /// A row, by what stays the same from sample to sample.
    Row(IpAddr, u16, Lane),
}

impl Picked {
    fn of(row: &Row<'_>) -> Option<Self> {
        Some(Self::Row(row.client(), row.client_port(), *row.lane()?))
    }
}

impl List {
    pub(super) fn new(
        survey: &Survey,
        sieve: &Sieve<'_>,
        by: Option<By>,
        order: Order,
        reversed: bool,
    ) -> Self {
        let mut tally = Tally::default();
        let Some(by) = by else {
            let mut rows = Vec::new();
            for row in survey.rows.iter().filter(|row| sieve.passes(row)) {
                survey.tally(&mut tally, &row);
                rows.push(row.place());
            }
            sort_rows(&mut rows, survey, order);
            if reversed {
                rows.reverse();
            }
            return Self { rows, groups: Vec::new(), tally };
        };
        let mut groups = group(survey, sieve, by);
        for one in &groups {
            tally = tally.and(one.tally);
        }
        match order {
            Order::Name => groups.sort_by(|a, b| a.key.cmp(&b.key)),
            Order::Longest => groups.sort_by_key(|one| Reverse(one.longest)),
            Order::Stage(stage) => groups.sort_by_key(|one| Reverse(one.at(stage))),
            _ => {} // they come with the largest first
        }
        if reversed {
            groups.reverse();
        }
        Self { rows: Vec::new(), groups, tally }
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.rows.len().max(self.groups.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What stands at a place.
    pub(super) fn picked(&self, place: usize, survey: &Survey) -> Option<Picked> {
        match (self.groups.get(place), self.rows.get(place)) {
            (Some(one), _) => Some(Picked::Group(one.key.clone())),
            (None, Some(row)) => Picked::of(&survey.rows.get(*row)?),
            (None, None) => None,
        }
    }

    /// Where this is listed.
    pub(super) fn find(&self, picked: &Picked, survey: &Survey) -> Option<usize> {
        match picked {
            Picked::Group(key) => self.groups.iter().position(|one| one.key == *key),
            Picked::Row(client, port, lane) => self.rows.iter().position(|place| {
                let row = survey.rows.get(*place);
                row.is_some_and(|row| {
                    row.client_port() == *port
                        && row.client() == *client
                        && row.lane() == Some(lane)
                })
            }),
        }
    }
}

fn sort_rows(rows: &mut [usize], survey: &Survey, order: Order) {
    let row = |place: &usize| survey.rows.get(*place);
    let client =
        |place: &usize| row(place).map(|row| SocketAddr::new(row.client(), row.client_port()));
    match order {
        Order::Expires => {
            rows.sort_by_key(|place| Reverse(row(place).map(|row| row.expires())));
        }
        Order::Client => rows.sort_by_key(client),
        Order::State => rows.sort_by_cached_key(|place| row(place).map(|row| row.state().clone())),
        Order::Service | Order::Server => {
            // Lanes are few: they are put in order once.
            let lanes = survey.rows.lanes();
            let mut sorted: Vec<usize> = (0..lanes.len()).collect();
            let compare = |a: &Lane, b: &Lane| -> Ordering {
                let (service, server) = (a.service().cmp(&b.service()), a.server.cmp(&b.server));
                match order {
                    Order::Service => service.then(server),
                    _ => server.then(service),
                }
            };
            sorted.sort_by(|a, b| match (lanes.get(*a), lanes.get(*b)) {
                (Some(a), Some(b)) => compare(a, b),
                _ => Ordering::Equal,
            });
            let mut rank = vec![0; lanes.len()];
            for (place, lane) in sorted.into_iter().enumerate() {
                if let Some(rank) = rank.get_mut(lane) {
                    *rank = place;
                }
            }
            rows.sort_by_key(|place| row(place).and_then(|r| rank.get(r.lane_number()).copied()));
        }
        _ => {}
    }
}
