//! A client with an outsized part of the table, and a table near its limits.

use std::net::IpAddr;

use hashbrown::HashMap;

use super::Sign;
use crate::connections::scale::{Tally, USUAL, strict};
use crate::connections::survey::Survey;
use crate::snapshot::Snapshot;

/// A client with less of the table is not outsized, and one with fewer rows of the sample may be
/// an accident.
const SHARE: f64 = 0.1;
const ROWS: u64 = 20;
/// Where there are only some clients, large parts are usual.
const CLIENTS: usize = 10;
/// An outsized client has so many times the rows of others.
const TIMES: f64 = 10.0;

/// A table is near `conn_max` from this part of it on.
const NEAR: f64 = 0.8;
/// So many rows a bucket are long lists.
const LONG: u64 = 8;

pub(super) fn client(survey: &Survey) -> Option<Sign> {
    let mut clients: HashMap<IpAddr, Tally> = HashMap::new();
    for row in survey.rows.iter() {
        survey.tally(clients.entry(row.client()).or_default(), &row);
    }
    if clients.len() < CLIENTS {
        return None;
    }
    let (client, tally) =
        clients.iter().max_by_key(|(client, tally)| (tally.rows(), std::cmp::Reverse(**client)))?;
    let (rows, all) = (tally.rows(), survey.rows.len() as u64);
    let others = (all - rows) as f64 / (clients.len() - 1) as f64;
    // Of all clients this is the one that happens to have the most.
    let surely = survey.scale.share(rows, all, strict(clients.len())).low;
    if rows < ROWS || surely < SHARE || (rows as f64) < TIMES * others {
        return None;
    }
    let share = survey.scale.share(rows, all, USUAL);
    Some(Sign::Client { client: *client, rows: survey.scale.count(*tally), share })
}

pub(super) fn near_max(survey: &Survey, snapshot: &Snapshot) -> Option<Sign> {
    let most: u64 = snapshot.sysctls.get()?.get("conn_max")?.parse().ok()?;
    let rows = survey.all();
    (rows.low as f64 >= most as f64 * NEAR).then_some(Sign::NearMax { rows, most })
}

pub(super) fn crowded(survey: &Survey, snapshot: &Snapshot) -> Option<Sign> {
    let buckets = u64::from(snapshot.info.get()?.conn_tab_size);
    let rows = survey.all();
    let grown = snapshot.sysctls.get().is_some_and(|s| s.contains_key("conn_lfactor"));
    (buckets > 0 && rows.low / buckets >= LONG).then_some(Sign::Crowded { rows, buckets, grown })
}
