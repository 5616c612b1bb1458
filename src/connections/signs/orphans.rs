//! Rows of servers that are not in the table of services.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Sign;
use crate::connections::scale::Tally;
use crate::connections::survey::Survey;
use crate::ipvs::{ServerKey, ServiceKey};

/// So many servers are listed.
const MOST: usize = 3;

pub(super) fn signs(survey: &Survey) -> Vec<Sign> {
    let tallies = survey.by_lane(|tally: &mut Tally, row| survey.tally(tally, row));
    let mut found: BTreeMap<(ServiceKey, ServerKey), Tally> = BTreeMap::new();
    for (number, (lane, tally)) in survey.rows.lanes().iter().zip(tallies).enumerate() {
        if survey.placement.is_orphan(number) && !lane.is_invalidated() {
            let sum = found.entry((lane.service(), lane.server)).or_default();
            *sum = sum.and(tally);
        }
    }
    let mut found: Vec<_> = found.into_iter().collect();
    found.sort_by_key(|(_, tally)| Reverse(tally.rows()));
    let more = found.split_off(found.len().min(MOST));
    let mut signs: Vec<Sign> = found
        .into_iter()
        .map(|((service, server), tally)| {
            let served = survey.placement.places().serves(&service);
            Sign::Orphans { service, server, rows: survey.scale.count(tally), served }
        })
        .collect();
    if !more.is_empty() {
        let rows = more.iter().fold(Tally::default(), |sum, (_, tally)| sum.and(*tally));
        signs.push(Sign::MoreOrphans { servers: more.len(), rows: survey.scale.count(rows) });
    }
    signs
}
