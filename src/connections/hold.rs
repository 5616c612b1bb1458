//! What keeps a drain from ending: the longest timers, the templates, the busiest clients.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::filter::Sieve;
use super::scale::{Estimate, Tally};
use super::stage::Stage;
use super::survey::Survey;

/// So many clients and timers are told.
const MOST: usize = 5;

/// What some servers still hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Connections that may still carry data.
    pub carrying: Estimate,
    /// Connections that have ended but for their timer.
    pub ended: Estimate,
    /// Persistence templates: each brings its client back.
    pub templates: Estimate,
    /// Those that are discarded when their client comes back.
    pub discarded: Estimate,
    /// The longest timers among connections that may carry data, as places of rows.
    pub longest: Vec<usize>,
    /// The longest timer of a template that brings its client back, in seconds.
    pub longest_template: u32,
    /// The clients with the most connections that may carry data, and how many they have.
    pub busiest: Vec<(IpAddr, Estimate)>,
}

/// What keeps the servers of a scope busy.
pub fn holding(survey: &Survey, sieve: &Sieve<'_>) -> Holding {
    let (mut carrying, mut ended) = <(Tally, Tally)>::default();
    let (mut templates, mut discarded) = <(Tally, Tally)>::default();
    let mut longest: Vec<(u32, usize)> = Vec::new();
    let mut longest_template = 0;
    let mut clients: HashMap<IpAddr, Tally> = HashMap::new();
    for row in survey.rows.iter().filter(|row| sieve.passes(row)) {
        match Stage::of(row.state(), row.is_template()) {
            Stage::Template => {
                if row.lane().is_some_and(super::Lane::is_invalidated) {
                    continue; // nobody comes back by it
                }
                if survey.is_discarded(row.lane_number()) {
                    survey.tally(&mut discarded, &row);
                    continue;
                }
                survey.tally(&mut templates, &row);
                longest_template = longest_template.max(row.expires());
            }
            Stage::Ended => survey.tally(&mut ended, &row),
            _ => {
                survey.tally(&mut carrying, &row);
                survey.tally(clients.entry(row.client()).or_default(), &row);
                longest.push((row.expires(), row.place()));
            }
        }
    }
    longest.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    longest.truncate(MOST);
    let mut busiest: Vec<(IpAddr, Tally)> = clients.into_iter().collect();
    busiest.sort_unstable_by(|a, b| b.1.rows().cmp(&a.1.rows()).then(a.0.cmp(&b.0)));
    busiest.truncate(MOST);
    let scale = &survey.scale;
    Holding {
        carrying: scale.count(carrying),
        ended: scale.count(ended),
        templates: scale.count(templates),
        discarded: scale.count(discarded),
        longest: longest.into_iter().map(|(_, place)| place).collect(),
        longest_template,
        busiest: busiest.into_iter().map(|(client, rows)| (client, scale.count(rows))).collect(),
    }
}
