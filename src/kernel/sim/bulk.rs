//! Load on tables too large for single connections: crowds instead of clients.
//!
//! Every second each service's new connections are shared among its real servers the way its
//! scheduler would in the long run, and crowds end by their mean lifetimes. Counts, counters and
//! rates stay consistent (a service's are its servers' sum), weights and thresholds are obeyed;
//! what is lost is the single connection: no templates, no hashing of single clients.

use super::Ms;
use super::dest::{Crowd, Dest, DestId};
use super::meter::Meter;
use super::random::Random;
use super::state::Kernel;
use super::traffic::tide;
use crate::ipvs::{Counters, Forwarding, Protocol, ServiceKey};

const SECOND: Ms = 1_000;

/// Seconds that an inactive connection lingers: TIME_WAIT of TCP, and a UDP flow.
const LINGER: f64 = 120.0;
const FLOW: f64 = 300.0;

/// Packets a second on an active connection, and bytes in such a packet.
const IN_PACKETS: f64 = 1.5;
const OUT_PACKETS: f64 = 2.5;
const IN_BYTES: f64 = 260.0;
const OUT_BYTES: f64 = 1_150.0;

/// The clients of one service.
#[derive(Clone, Debug)]
pub(super) struct Load {
    pub(super) service: ServiceKey,
    /// New connections a second, averaged over a day.
    pub(super) rate: f64,
    /// Mean length of a connection in seconds.
    pub(super) length: f64,
}

/// All of them.
pub(super) struct Crowds {
    loads: Vec<Load>,
    random: Random,
    seed: u64,
    due: Ms,
}

impl Crowds {
    pub(super) fn new(seed: u64, loads: Vec<Load>) -> Self {
        Self { loads, random: Random::new(seed ^ 0x6275_6c6b), seed, due: SECOND }
    }

    pub(super) fn next_due(&self) -> Option<Ms> {
        (!self.loads.is_empty()).then_some(self.due)
    }

    /// Fills the table as after `uptime` seconds of this load, without simulating them.
    pub(super) fn settle(&mut self, kernel: &mut Kernel, uptime: u64) {
        let mut all = Counters::default();
        for (number, load) in self.loads.iter().enumerate() {
            let udp = load.service.protocol() == Some(Protocol::UDP);
            let shares = shares(kernel, load);
            let rate = load.rate * tide(self.seed ^ number as u64, kernel.now);
            let mut sum = Counters::default();
            for (id, share) in shares {
                let Some(dest) = kernel.dests.get_mut(id) else { continue };
                let mean = rate * share;
                let (active, inactive) =
                    if udp { (0.0, mean * FLOW) } else { (mean * load.length, mean * LINGER) };
                dest.crowd = Crowd {
                    active: self.random.round(active) as u32,
                    inactive: self.random.round(inactive) as u32,
                };
                let second = a_second(dest, udp, self.random.round(mean), &mut self.random);
                dest.meter.settle(&second, uptime);
                add(&mut sum, &second);
            }
            if let Some(service) = kernel.services.get_mut(&load.service) {
                service.meter.settle(&sum, uptime);
            }
            add(&mut all, &sum);
        }
        kernel.totals.settle(&all, uptime);
    }

    /// One second of load.
    pub(super) fn step(&mut self, kernel: &mut Kernel) {
        self.due += SECOND;
        let mut all = Counters::default();
        for (number, load) in self.loads.iter().enumerate() {
            let udp = load.service.protocol() == Some(Protocol::UDP);
            let shares = shares(kernel, load);
            let rate = load.rate * tide(self.seed ^ number as u64, kernel.now);
            let mut sum = Counters::default();
            for (id, share) in shares {
                let Some(dest) = kernel.dests.get_mut(id) else { continue };
                let new = self.random.round(rate * share) as u32;
                pass(dest, udp, new, load.length, &mut self.random);
                let second = a_second(dest, udp, u64::from(new), &mut self.random);
                record(&mut dest.meter, &second);
                add(&mut sum, &second);
            }
            if let Some(service) = kernel.services.get_mut(&load.service) {
                record(&mut service.meter, &sum);
            }
            add(&mut all, &sum);
        }
        record(&mut kernel.totals, &all);
        for id in &kernel.trash {
            if let Some(dest) = kernel.dests.get_mut(*id) {
                stall(dest, &mut self.random);
            }
        }
    }
}

/// The long-run share of new connections of each destination. Shares of destinations that take
/// none are lost where the scheduler refuses their clients, and spread otherwise.
fn shares(kernel: &Kernel, load: &Load) -> Vec<(DestId, f64)> {
    let Some(service) = kernel.services.get(&load.service) else { return Vec::new() };
    let weighs = service.config.scheduler.known().is_some_and(|scheduler| scheduler.weighs);
    let loses = service.config.refuses_at_zero();
    let pull = |dest: &Dest| match (dest.takes_new(), weighs) {
        (true, true) => f64::from(dest.server.weight),
        (true, false) => 1.0,
        (false, _) => 0.0,
    };
    let slots = |dest: &Dest| match (loses, weighs) {
        (true, true) => f64::from(dest.last_weight.max(1)),
        (true, false) => 1.0,
        (false, _) => pull(dest),
    };
    let dests = || service.dests.iter().filter_map(|id| kernel.dests.get(*id));
    let whole: f64 = dests().map(slots).sum();
    let none = service.scheduler.is_none() || whole <= 0.0;
    dests().map(|dest| (dest.id, if none { 0.0 } else { pull(dest) / whole })).collect()
}

/// Connections come, turn inactive and end.
fn pass(dest: &mut Dest, udp: bool, new: u32, length: f64, random: &mut Random) {
    let Crowd { active, inactive } = dest.crowd;
    let mut part =
        |count: u32, life: f64| random.round(f64::from(count) / life).min(u64::from(count)) as u32;
    dest.crowd = if udp {
        Crowd { active: 0, inactive: inactive - part(inactive, FLOW) + new }
    } else {
        let (ended, gone) = (part(active, length), part(inactive, LINGER));
        Crowd { active: active - ended + new, inactive: inactive - gone + ended }
    };
    if new > 0 {
        dest.bound();
    } else {
        dest.unbound();
    }
}

/// The connections of a deleted destination wait for their timers.
fn stall(dest: &mut Dest, random: &mut Random) {
    let Crowd { active, inactive } = dest.crowd;
    let mut part =
        |count: u32, life: f64| random.round(f64::from(count) / life).min(u64::from(count)) as u32;
    let (ended, gone) = (part(active, 900.0), part(inactive, LINGER));
    dest.crowd = Crowd { active: active - ended, inactive: inactive - gone };
}

/// What one second adds to the counters of a destination.
fn a_second(dest: &Dest, udp: bool, new: u64, random: &mut Random) -> Counters {
    let busy = if udp { new as f64 } else { f64::from(dest.crowd.active) + new as f64 * 3.0 };
    let in_packets = random.round(busy * if udp { 1.0 } else { IN_PACKETS });
    let replies = dest.server.forwarding == Forwarding::Masq;
    let out = if replies { busy * if udp { 1.0 } else { OUT_PACKETS } } else { 0.0 };
    let out_packets = random.round(out);
    Counters {
        connections: new,
        in_packets,
        out_packets,
        in_bytes: (in_packets as f64 * IN_BYTES) as u64,
        out_bytes: (out_packets as f64 * OUT_BYTES) as u64,
    }
}

fn add(sum: &mut Counters, more: &Counters) {
    sum.connections += more.connections;
    sum.in_packets += more.in_packets;
    sum.out_packets += more.out_packets;
    sum.in_bytes += more.in_bytes;
    sum.out_bytes += more.out_bytes;
}

fn record(meter: &mut Meter, more: &Counters) {
    meter.connections(more.connections);
    meter.packets_in(more.in_packets, more.in_bytes);
    meter.packets_out(more.out_packets, more.out_bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::{Change, Server, ServerKey, Service, ServiceFlags};

    /// The shares of servers with weights 10, 0 (it was 10) and 20.
    fn after_quiescing(scheduler: &str, flags: ServiceFlags) -> Vec<f64> {
        let key: ServiceKey = "TCP 10.0.0.1:80".parse().unwrap();
        let mut service = Service::new(key, scheduler.to_owned().try_into().unwrap());
        service.flags = flags;
        let mut kernel = Kernel::new(1);
        kernel.apply(&Change::Service { before: None, after: Some(service) }).unwrap();
        for (host, weight) in [(3, 20), (2, 10), (1, 10)] {
            let server = ServerKey::new([10, 1, 0, host].into(), 80);
            let server = Server::new(server, Forwarding::Masq, weight);
            let add = |after| Change::Server { service: key, before: None, after: Some(after) };
            kernel.apply(&add(server.clone())).unwrap();
            if host == 2 {
                kernel.apply(&Change::weight(key, &server, 0)).unwrap();
            }
        }
        let load = Load { service: key, rate: 1.0, length: 1.0 };
        shares(&kernel, &load).into_iter().map(|(_, share)| share).collect()
    }

    #[test]
    fn shares_are_what_the_scheduler_gives_in_the_long_run() {
        let none = ServiceFlags::empty();
        let third = 1.0 / 3.0;
        assert_eq!(after_quiescing("wlc", none), [third, 0.0, 2.0 / 3.0]);
        assert_eq!(after_quiescing("rr", none), [0.5, 0.0, 0.5]);
        assert_eq!(after_quiescing("sh", none), [0.25, 0.0, 0.5], "a quarter is refused");
        assert_eq!(after_quiescing("sh", ServiceFlags::SCHED1), [third, 0.0, 2.0 / 3.0]);
        assert_eq!(after_quiescing("dh", none), [third, 0.0, third]);
        assert_eq!(after_quiescing("none", none), [0.0; 3]);
    }
}
