//! Servers whose share of the connections is not what their weight asks for.
//!
//! Connections of one client are not independent of each other: persistence, a hash of the
//! address, or one client behind many addresses bring them to the same server. So a client counts
//! as one draw, however many connections it has: the variance of a share is that between clients.
//!
//! Where a server was given hardly any, its own clients tell nothing of how far chance goes. So the
//! variance is also what a server that behaves would have, with connections of one client as much
//! together as they are all over the service; the larger one counts.

use std::collections::BTreeMap;
use std::hash::BuildHasher;

use hashbrown::DefaultHashBuilder;

use super::{Sign, is_waiting};
use crate::connections::lane::{Claims, Place};
use crate::connections::net::Net;
use crate::connections::scale::{Share, USUAL, strict};
use crate::connections::survey::Survey;
use crate::ipvs::{Netmask, ServiceKey};
use crate::snapshot::{ServiceEntry, Snapshot};

/// Schedulers that give every server its weight's share in the long run, and those that give all
/// servers the same.
const BY_WEIGHT: [&str; 5] = ["wrr", "wlc", "sed", "sh", "mh"];
const ALIKE: [&str; 2] = ["rr", "lc"];

/// Fewer connections or clients say nothing.
const ROWS: u64 = 50;
const CLIENTS: u64 = 20;
/// A share that is off by less is none to speak of.
const FAR: f64 = 1.25;

/// Sums over the clients of a service; m is a client's connections.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    rows: u64,
    clients: u64,
    /// Of m squared.
    squares: f64,
    /// Of the squares of what each of its servers holds of a client.
    inside: f64,
    /// Of the squares of what weights ask for.
    due: f64,
}

impl Sums {
    /// How much connections of one client go together: 0 as if they had nothing to do with each
    /// other, 1 all to the same server.
    fn together(&self) -> f64 {
        let (rows, by_chance) = (self.rows as f64, self.due.min(1.0));
        let pairs = self.squares - rows;
        if pairs <= 0.0 || by_chance >= 1.0 {
            return 0.0;
        }
        let met = (self.inside - rows) / pairs;
        ((met - by_chance) / (1.0 - by_chance)).clamp(0.0, 1.0)
    }

    /// The variance of what a server holds whose weight asks for `due`, if it behaves.
    fn usual(&self, due: f64) -> f64 {
        let rows = self.rows as f64;
        due * (1.0 - due) * (rows + self.together() * (self.squares - rows).max(0.0))
    }
}

/// Sums over the clients of a server; m is a client's connections to it.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    rows: u64,
    /// Of m squared.
    squares: f64,
    /// Of m times the client's connections to the service.
    products: f64,
}

pub(super) fn signs(survey: &Survey, snapshot: &Snapshot, silent: &[Place]) -> Vec<Sign> {
    let due = due(snapshot);
    if due.is_empty() {
        return Vec::new();
    }
    let (mut services, held) = gather(survey, snapshot, &due);
    for (place, due) in &due {
        if let Some(sums) = services.get_mut(&place.0) {
            sums.inside += held.get(place).map_or(0.0, |held| held.squares);
            sums.due += due * due;
        }
    }
    let looked = |service: &ServiceKey| {
        services.get(service).filter(|sums| sums.rows >= ROWS && sums.clients >= CLIENTS)
    };
    let tries = due.keys().filter(|(service, _)| looked(service).is_some()).count();
    let z = strict(tries);
    let mut signs = Vec::new();
    for (place, due) in &due {
        let Some(sums) = looked(&place.0).filter(|_| !silent.contains(place)) else { continue };
        let here = held.get(place).copied().unwrap_or_default();
        let n = sums.rows as f64;
        let share = here.rows as f64 / n;
        let variance = here.squares - 2.0 * due * here.products + due * due * sums.squares;
        let error = variance.max(sums.usual(*due)).sqrt() / n;
        if (share - due).abs() <= z * error {
            continue;
        }
        let far = share - z * error > due * FAR || share + z * error < due / FAR;
        if far {
            let usual = USUAL * error;
            let held = Share {
                value: share,
                low: (share - usual).max(0.0),
                high: (share + usual).min(1.0),
            };
            signs.push(Sign::OffWeight { place: *place, held, due: *due });
        }
    }
    // The farthest off first.
    let off = |sign: &Sign| match sign {
        Sign::OffWeight { held, due, .. } => (held.value.max(1e-9) / due).ln().abs(),
        _ => 0.0,
    };
    signs.sort_by(|a, b| off(b).total_cmp(&off(a)));
    signs
}

/// The share that each server's weight asks for, where the scheduler goes by weight and more than
/// one server takes new connections.
fn due(snapshot: &Snapshot) -> BTreeMap<Place, f64> {
    let mut due = BTreeMap::new();
    for entry in &snapshot.services {
        let scheduler = entry.service.scheduler.as_str();
        let alike = ALIKE.contains(&scheduler);
        if !(alike || BY_WEIGHT.contains(&scheduler)) {
            continue;
        }
        let weight = |weight: u32| if alike { f64::from(weight.min(1)) } else { weight.into() };
        let serving = entry.servers.iter().filter(|s| s.server.weight > 0);
        let all: f64 = serving.clone().map(|s| weight(s.server.weight)).sum();
        if serving.clone().count() > 1 {
            let key = entry.service.key;
            due.extend(serving.map(|s| ((key, s.server.key), weight(s.server.weight) / all)));
        }
    }
    due
}

fn gather(
    survey: &Survey,
    snapshot: &Snapshot,
    due: &BTreeMap<Place, f64>,
) -> (BTreeMap<ServiceKey, Sums>, BTreeMap<Place, Held>) {
    // By lane: the number of the place, and how its service groups clients.
    let lanes = survey.rows.lanes().iter().enumerate().map(|(number, lane)| {
        let Claims::One(place) = survey.placement.claims(number) else { return None };
        let key = survey.placement.places().get(*place)?;
        let looked = !lane.template && due.contains_key(key);
        looked.then(|| (*place, key.0, snapshot.service(&key.0).map(mask)))
    });
    let lanes: Vec<_> = lanes.collect();
    let hasher = DefaultHashBuilder::default();
    let mut draws: Vec<(ServiceKey, u64, u32)> = Vec::new();
    for row in survey.rows.iter() {
        let Some(Some((place, service, mask))) = lanes.get(row.lane_number()) else { continue };
        if is_waiting(&row) {
            continue;
        }
        let client = Net::new(row.client(), mask.unwrap_or(u8::MAX));
        draws.push((*service, hasher.hash_one(client), *place));
    }
    draws.sort_unstable();
    let (mut services, mut held) = (BTreeMap::new(), BTreeMap::new());
    for client in draws.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let Some((service, ..)) = client.first() else { continue };
        let all = client.len() as f64;
        let sums: &mut Sums = services.entry(*service).or_default();
        sums.rows += client.len() as u64;
        sums.clients += 1;
        sums.squares += all * all;
        for here in client.chunk_by(|a, b| a.2 == b.2) {
            let place = here.first().and_then(|(.., place)| survey.placement.places().get(*place));
            let Some(place) = place else { continue };
            let some = here.len() as f64;
            let server: &mut Held = held.entry(*place).or_default();
            server.rows += here.len() as u64;
            server.squares += some * some;
            server.products += some * all;
        }
    }
    (services, held)
}

/// The prefix that a persistent service groups clients by.
fn mask(entry: &ServiceEntry) -> u8 {
    match entry.service.netmask {
        Netmask::V4(mask) => mask.to_bits().leading_ones() as u8,
        Netmask::V6(prefix) => prefix,
    }
}
