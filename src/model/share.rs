//! What a real server gets of its service's new connections, beside what its weight asks for.

use super::Model;
use crate::history::Metric;
use crate::ipvs::{ServerKey, ServiceKey};
use crate::snapshot::ServiceEntry;

/// Two shares of a service, from 0 to 1 each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Of the new connections over the time that lines of values span, by the counters. `None`
    /// where that is not known of every server, or nobody got any.
    pub gets: Option<f32>,
    /// Of the weights; `None` where all are 0.
    pub asks: Option<f32>,
}

/// Samples that a mean is made of.
const BUCKETS: usize = 60;

impl Model {
    /// The shares of a service's servers, in the snapshot's order.
    pub fn shares(&self, entry: &ServiceEntry) -> Vec<Share> {
        let service = &entry.service.key;
        let got: Vec<Option<f32>> =
            entry.servers.iter().map(|s| self.new_connections(service, &s.server.key)).collect();
        let all: Option<f32> = got.iter().copied().sum();
        let all = all.filter(|all| *all > 0.0);
        let weights: u64 = entry.servers.iter().map(|s| u64::from(s.server.weight)).sum();
        let share = |(server, got): (&crate::snapshot::ServerEntry, Option<f32>)| {
            let asks = server.server.weight as f32 / weights as f32;
            Share {
                gets: got.zip(all).map(|(got, all)| got / all),
                asks: (weights > 0).then_some(asks),
            }
        };
        entry.servers.iter().zip(got).map(share).collect()
    }

    /// New connections a second, the mean over the window as far as it is known.
    fn new_connections(&self, service: &ServiceKey, server: &ServerKey) -> Option<f32> {
        let past = self.history.server(service, server)?;
        let end = self.shown()?.at;
        let values = past.window(Metric::Cps, end, self.window, BUCKETS, self.hold());
        let known = values.iter().flatten().count();
        (known > 0).then(|| values.iter().flatten().sum::<f32>() / known as f32)
    }
}
