//! Servers that do not answer.

use std::collections::BTreeMap;

use super::{Sign, is_waiting};
use crate::connections::lane::{Claims, Lane, Place};
use crate::connections::scale::{Tally, USUAL, strict};
use crate::connections::survey::Survey;
use crate::ipvs::{ConnState, Protocol};
use crate::snapshot::Snapshot;

/// So many waiting connections of the sample are no accident.
const ENOUGH: u64 = 8;
/// A healthy service has some as well, of clients that went away or never were there: up to this
/// share of all its rows.
const USUAL_SHARE: f64 = 0.2;
/// One server of a service that has this share of its active ones, and others that do not, is
/// looked at: long-lived connections that it had before it fell silent stay established.
const ODD_SHARE: f64 = 0.05;
/// A silent server has so many times the share of its neighbours.
const APART: f64 = 3.0;

/// A server's TCP connections in the sample.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    rows: u64,
    /// Those that IPVS counts as active: open, or in their handshake. What has ended lingers for
    /// two minutes, and tells nothing of how the server is now.
    active: u64,
    waiting: Tally,
}

impl Seen {
    fn share(&self) -> f64 {
        self.waiting.rows() as f64 / (self.rows as f64).max(1.0)
    }

    /// The share of those that are active.
    fn active_share(&self) -> f64 {
        self.waiting.rows() as f64 / (self.active as f64).max(1.0)
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            active: self.active + other.active,
            waiting: self.waiting.and(other.waiting),
        }
    }

    fn without(&self, part: &Self) -> Self {
        let (a, b) = (self.waiting, part.waiting);
        let waiting = Tally { counted: a.counted - b.counted, beside: a.beside - b.beside };
        Self { rows: self.rows - part.rows, active: self.active - part.active, waiting }
    }
}

pub(super) fn signs(survey: &Survey, snapshot: &Snapshot) -> Vec<Sign> {
    // This defence against floods goes by other states, but not while it only waits for one, at 1
    // (`update_defense_level`).
    let secure = snapshot.sysctls.get().and_then(|sysctls| sysctls.get("secure_tcp"));
    if secure.and_then(|value| value.parse::<u32>().ok()).is_some_and(|mode| mode > 1) {
        return Vec::new();
    }
    let tcp = |lane: &Lane| lane.protocol == Protocol::TCP && !lane.template;
    let seen = survey.by_lane(|seen: &mut Seen, row| {
        seen.rows += 1;
        let active = matches!(row.state(), ConnState::Established | ConnState::SynRecv);
        seen.active += u64::from(active);
        if is_waiting(row) {
            survey.tally(&mut seen.waiting, row);
        }
    });
    let mut of: BTreeMap<Place, Seen> = BTreeMap::new();
    for (number, (lane, seen)) in survey.rows.lanes().iter().zip(seen).enumerate() {
        let Claims::One(place) = survey.placement.claims(number) else { continue };
        if let Some(place) = survey.placement.places().get(*place).filter(|_| tcp(lane)) {
            let sum = of.entry(*place).or_default();
            *sum = sum.and(&seen);
        }
    }
    let z = strict(of.len());
    let of: Vec<(Place, Seen)> = of.into_iter().collect();
    let mut signs = Vec::new();
    for service in of.chunk_by(|(a, _), (b, _)| a.0 == b.0) {
        signs.extend(of_service(survey, service, z));
    }
    signs
}

fn of_service(survey: &Survey, servers: &[(Place, Seen)], z: f64) -> Vec<Sign> {
    let together = servers.iter().fold(Seen::default(), |sum, (_, seen)| sum.and(seen));
    let said = |seen: &Seen, of: u64| {
        let share = survey.scale.share(seen.waiting.rows(), of, USUAL);
        (survey.scale.count(seen.waiting), share)
    };
    let silent = servers.iter().filter(|(_, seen)| stands_out(seen, &together.without(seen), z));
    let signs: Vec<Sign> = silent
        .map(|(place, seen)| {
            let (waiting, share) = said(seen, seen.active);
            Sign::Silent { place: *place, waiting, share }
        })
        .collect();
    let all = together.waiting.rows() >= 2 * ENOUGH
        && least(together.share(), together.rows, z) >= USUAL_SHARE;
    match servers.first() {
        Some((place, _)) if signs.is_empty() && all => {
            let (waiting, share) = said(&together, together.rows);
            vec![Sign::Unanswered { service: place.0, waiting, share }]
        }
        _ => signs,
    }
}

/// Whether one server's connections wait more often than those of the others of its service, by
/// far and not by chance.
fn stands_out(one: &Seen, others: &Seen, z: f64) -> bool {
    if one.waiting.rows() < ENOUGH || others.active == 0 {
        return false;
    }
    let (p, q) = (one.active_share(), others.active_share());
    let (n, m) = (one.active as f64, others.active as f64);
    let both = (p * n + q * m) / (n + m);
    let error = (both * (1.0 - both) * (1.0 / n + 1.0 / m)).sqrt();
    p >= ODD_SHARE && p >= APART * q && p - q > z * error
}

/// The least that a share can be. What is asked is how the server behaves, and not what the table
/// holds: reading the whole of it makes the answer no surer.
fn least(share: f64, rows: u64, z: f64) -> f64 {
    let n = rows as f64;
    let z2 = z * z / n;
    let half = z / (1.0 + z2) * (share * (1.0 - share) / n + z2 / (4.0 * n)).sqrt();
    (share + z2 / 2.0) / (1.0 + z2) - half
}
