//! Rows of servers that are not in the table of services.

use std::cmp::Reverse;

use super::Sign;
use crate::connections::lane::Lane;
use crate::connections::sample::Row;
use crate::connections::scale::Tally;
use crate::connections::stage::Stage;
use crate::connections::survey::Survey;

/// So many servers are listed.
const MOST: usize = 3;

pub(super) fn signs(survey: &Survey) -> Vec<Sign> {
    let tallies = survey.by_lane(|tally: &mut Tally, row| {
        if is_live(row) {
            survey.tally(tally, row);
        }
    });
    let lanes = survey.rows.lanes().iter().zip(tallies).enumerate();
    let mut found: Vec<(Lane, Tally)> = lanes
        .filter(|(number, (_, tally))| tally.rows() > 0 && survey.placement.is_orphan(*number))
        .map(|(_, (lane, tally))| (*lane, tally))
        .collect();
    found.sort_by_key(|(lane, tally)| (Reverse(tally.rows()), lane.service(), lane.server));
    let more = found.split_off(found.len().min(MOST));
    let mut signs: Vec<Sign> = found
        .into_iter()
        .map(|(lane, tally)| {
            let taker = survey.placement.places().taker(&lane);
            Sign::Orphans { lane, taker, rows: survey.scale.count(tally) }
        })
        .collect();
    if !more.is_empty() {
        let rows = more.iter().fold(Tally::default(), |sum, (_, tally)| sum.and(*tally));
        signs.push(Sign::MoreOrphans { servers: more.len(), rows: survey.scale.count(rows) });
    }
    signs
}

/// Whether somebody waits for its packets. What is closing ends within two minutes in any case, and
/// a template of a server that is gone is passed over (`ip_vs_check_template`).
fn is_live(row: &Row<'_>) -> bool {
    let stage = Stage::of(row.state(), row.is_template());
    !matches!(stage, Stage::Closing | Stage::Ended | Stage::Template)
}
