//! Made-up clients: they come in waves, talk for a while and leave, one packet after the other.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Ms;
use super::conn::Segment;
use super::forward::{Burst, Flow, Verdict};
use super::random::{Random, scramble};
use super::state::Kernel;
use crate::ipvs::Protocol;

/// One day of the clients, in milliseconds: ten minutes, so that a demo sees a whole wave.
const DAY: Ms = 600_000;

/// How often the noise on top of the wave finds a new value.
const NOISE: Ms = 10_000;

/// Waits before each repeated SYN to a silent server, in milliseconds (RFC 6298).
const RETRIES: [Ms; 4] = [1_000, 2_000, 4_000, 8_000];

/// IP and TCP headers with timestamps, and the payload of a full segment, in bytes.
const HEADERS: u64 = 52;
const SEGMENT: u64 = 1_448;

/// A crowd of clients that asks one address.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) protocol: Protocol,
    pub(super) target: SocketAddr,
    /// What the director's firewall marks its packets with; 0 is nothing.
    pub(super) mark: u32,
    /// New connections a second, averaged over a day.
    pub(super) rate: f64,
    /// The first client's address, and how many there are. The first ones come most often.
    pub(super) clients: (IpAddr, u64),
    /// Mean length of a connection in seconds; 0 is one question and one answer.
    pub(super) length: f64,
    /// Mean pause between two questions, in seconds.
    pub(super) pause: f64,
    /// Payload of a question and of its answer, in bytes.
    pub(super) request: u64,
    pub(super) reply: u64,
}

impl Source {
    /// Web clients of `target`: connections of 20 s with a question every 2 s.
    pub(super) fn web(target: SocketAddr, rate: f64) -> Self {
        Self {
            protocol: Protocol::TCP,
            target,
            mark: 0,
            rate,
            clients: (clients_of(target.ip()), 20_000),
            length: 20.0,
            pause: 2.0,
            request: 420,
            reply: 6_200,
        }
    }

    /// Resolvers that ask `target`, one packet each way.
    pub(super) fn dns(target: SocketAddr, rate: f64) -> Self {
        Self {
            protocol: Protocol::UDP,
            length: 0.0,
            request: 48,
            reply: 180,
            clients: (clients_of(target.ip()), 3_000),
            ..Self::web(target, rate)
        }
    }
}

/// Documentation prefixes and their neighbours: the clients live in 198.18.0.0/15 (RFC 2544) and
/// 2001:db8::/32 (RFC 3849).
fn clients_of(target: IpAddr) -> IpAddr {
    match target {
        IpAddr::V4(_) => Ipv4Addr::new(198, 18, 0, 1).into(),
        IpAddr::V6(_) => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    }
}

/// `first` and `more` addresses on.
pub(super) fn offset(first: IpAddr, more: u64) -> IpAddr {
    match first {
        IpAddr::V4(addr) => Ipv4Addr::from_bits(addr.to_bits().wrapping_add(more as u32)).into(),
        IpAddr::V6(addr) => {
            Ipv6Addr::from_bits(addr.to_bits().wrapping_add(u128::from(more))).into()
        }
    }
}

/// Clients compared with the daily average at `now`: a wave a day and noise on top, both told
/// by `seed` alone.
pub(super) fn tide(seed: u64, now: Ms) -> f64 {
    let part = |value: u64| (scramble(value) >> 11) as f64 / (1u64 << 53) as f64;
    let phase = part(seed) * 0.4;
    let day = (now % DAY) as f64 / DAY as f64;
    let wave = 1.0 + 0.3 * ((day + phase) * std::f64::consts::TAU).sin();
    let noise = |step: Ms| 0.8 + 0.4 * part(seed ^ scramble(step));
    let (step, within) = (now / NOISE, (now % NOISE) as f64 / NOISE as f64);
    wave * (noise(step) * (1.0 - within) + noise(step + 1) * within)
}

/// What a client does next.
#[derive(Clone, Copy, Debug)]
enum Act {
    /// The next client of a source arrives.
    Arrive,
    /// Opens its connection, for the given time (0 is the first).
    Open(usize),
    /// Asks.
    Ask,
    /// Closes.
    Close,
}

#[derive(Clone, Copy, Debug)]
struct Due {
    at: Ms,
    /// Breaks ties, so that the same seed tells the same story.
    number: u64,
    source: usize,
    act: Act,
    flow: Flow,
    /// When the client has had enough.
    until: Ms,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

/// All clients and what they are about to do.
pub(super) struct Traffic {
    sources: Vec<Source>,
    queue: BinaryHeap<Reverse<Due>>,
    random: Random,
    seed: u64,
    number: u64,
    /// Real servers that do not answer.
    pub(super) silent: BTreeSet<IpAddr>,
    /// Until then a client asks everything at once, so that a warm-up costs little.
    hurried_until: Ms,
}

impl Traffic {
    pub(super) fn new(seed: u64, sources: Vec<Source>, hurried_until: Ms) -> Self {
        let mut traffic = Self {
            queue: BinaryHeap::new(),
            random: Random::new(seed ^ 0x7472_6166),
            seed,
            number: 0,
            silent: BTreeSet::new(),
            hurried_until,
            sources,
        };
        for source in 0..traffic.sources.len() {
            traffic.expect_arrival(source, 0);
        }
        traffic
    }

    pub(super) fn next_due(&self) -> Option<Ms> {
        self.queue.peek().map(|Reverse(due)| due.at)
    }

    /// Does the next thing that a client does; the kernel's clock stands there.
    pub(super) fn step(&mut self, kernel: &mut Kernel) {
        let Some(Reverse(due)) = self.queue.pop() else { return };
        match due.act {
            Act::Arrive => {
                self.arrive(kernel, due.source);
                self.expect_arrival(due.source, due.at);
            }
            Act::Open(tries) => self.open(kernel, due, tries),
            Act::Ask => self.ask(kernel, due),
            Act::Close => self.close(kernel, &due),
        }
    }

    fn push(&mut self, due: Due) {
        self.number += 1;
        self.queue.push(Reverse(Due { number: self.number, ..due }));
    }

    fn expect_arrival(&mut self, source: usize, now: Ms) {
        let Some(spec) = self.sources.get(source) else { return };
        let rate = spec.rate * tide(self.seed ^ source as u64, now);
        let at = now + (self.random.wait(rate) * 1_000.0) as Ms;
        let flow = Flow {
            protocol: spec.protocol,
            client: SocketAddr::new(spec.clients.0, 0),
            target: spec.target,
            mark: spec.mark,
        };
        self.push(Due { at, number: 0, source, act: Act::Arrive, flow, until: 0 });
    }

    fn arrive(&mut self, kernel: &mut Kernel, source: usize) {
        let Some(spec) = self.sources.get(source) else { return };
        let (first, count) = spec.clients;
        let luck = self.random.unit();
        let client = offset(first, (luck * luck * count as f64) as u64);
        let port = 32_768 + self.random.below(28_232) as u16;
        let flow = Flow {
            protocol: spec.protocol,
            client: SocketAddr::new(client, port),
            target: spec.target,
            mark: spec.mark,
        };
        let length = self.random.wait(1.0 / spec.length.max(1e-3)).min(spec.length * 8.0);
        let until = kernel.now + (length * 1_000.0) as Ms;
        let due = Due { at: kernel.now, number: 0, source, act: Act::Ask, flow, until };
        if spec.protocol == Protocol::UDP {
            self.ask(kernel, due);
        } else {
            self.open(kernel, due, 0);
        }
    }

    fn answers(&self, verdict: Verdict) -> bool {
        matches!(verdict, Verdict::Forwarded(server) if !self.silent.contains(&server.addr))
    }

    fn open(&mut self, kernel: &mut Kernel, due: Due, tries: usize) {
        let verdict = kernel.packet_in(&due.flow, burst(Segment::Open, 1, 8));
        if self.answers(verdict) {
            kernel.packet_out(&due.flow, burst(Segment::Open, 1, 8));
            kernel.packet_in(&due.flow, burst(Segment::Data, 1, 0));
            if due.flow.protocol == Protocol::SCTP {
                kernel.packet_out(&due.flow, burst(Segment::Data, 1, 0));
            }
            self.ask(kernel, due);
        } else if matches!(verdict, Verdict::Forwarded(_) | Verdict::Dropped)
            && let Some(wait) = RETRIES.get(tries)
        {
            self.push(Due { at: kernel.now + wait, act: Act::Open(tries + 1), ..due });
        }
    }

    fn ask(&mut self, kernel: &mut Kernel, due: Due) {
        let Some(spec) = self.sources.get(due.source) else { return };
        let (request, reply, pause) = (spec.request, spec.reply, spec.pause);
        let now = kernel.now;
        let one_shot = spec.length <= 0.0;
        // A client that will be gone when the warm-up ends says everything in one go.
        let hurried = !one_shot && due.until < self.hurried_until;
        let left = due.until.saturating_sub(now) as f64 / 1_000.0;
        let questions = if hurried { (left / pause) as u64 + 1 } else { 1 };
        let reply_packets = reply / SEGMENT + 1;
        let acks = if due.flow.protocol == Protocol::TCP { reply_packets / 2 } else { 0 };
        let verdict = kernel.packet_in(
            &due.flow,
            burst(Segment::Data, ((1 + acks) * questions) as u32, request * questions),
        );
        if self.answers(verdict) {
            let packets = (reply_packets * questions) as u32;
            kernel.packet_out(&due.flow, burst(Segment::Data, packets, reply * questions));
        } else if !matches!(verdict, Verdict::Forwarded(_) | Verdict::Dropped) {
            return;
        }
        if one_shot {
            return;
        }
        // A client without an answer waits longer, and gives up when its time is over.
        let patience = if self.answers(verdict) { pause } else { pause * 4.0 };
        let mut next = now + 50 + (self.random.wait(1.0 / patience) * 1_000.0) as Ms;
        if hurried {
            next = due.until;
        } else if now < self.hurried_until {
            // The warm-up ends in the middle of this connection: carry on from there.
            let late = (self.random.unit() * pause * 1_000.0) as Ms;
            next = next.max(self.hurried_until + late);
        }
        let act = if next >= due.until { Act::Close } else { Act::Ask };
        self.push(Due { at: next.min(due.until.max(now)), act, ..due });
    }

    fn close(&mut self, kernel: &mut Kernel, due: &Due) {
        let server_first = self.random.unit() < 0.3;
        if server_first {
            kernel.packet_out(&due.flow, burst(Segment::Close, 1, 0));
        }
        let verdict = kernel.packet_in(&due.flow, burst(Segment::Close, 1, 0));
        if self.answers(verdict) {
            if !server_first {
                kernel.packet_out(&due.flow, burst(Segment::Close, 1, 0));
            }
            let last =
                if due.flow.protocol == Protocol::SCTP { Segment::Close } else { Segment::Data };
            kernel.packet_in(&due.flow, burst(last, 1, 0));
        }
    }
}

fn burst(segment: Segment, packets: u32, payload: u64) -> Burst {
    Burst { segment, packets, bytes: payload + HEADERS * u64::from(packets) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tide_averages_one_and_never_ebbs_dry() {
        let samples: Vec<f64> = (0..DAY / 1_000).map(|s| tide(3, s * 1_000)).collect();
        let mean = samples.iter().sum::<f64>() / samples.len() as f64;
        assert!((0.9..1.1).contains(&mean), "{mean}");
        let (low, high) =
            samples.iter().fold((f64::MAX, 0.0f64), |(low, high), s| (low.min(*s), high.max(*s)));
        assert!(low > 0.4 && low < 0.85 && high > 1.15, "{low} to {high}");
    }

    #[test]
    fn clients_of_a_source_have_neighbouring_addresses() {
        assert_eq!(offset([198, 18, 0, 1].into(), 300).to_string(), "198.18.1.45");
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        assert_eq!(offset(v6, 16).to_string(), "2001:db8::11");
    }
}
