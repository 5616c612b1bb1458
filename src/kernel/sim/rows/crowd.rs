//! Rows for the crowds of huge tables: as many as the servers count, made up as they are read.
//!
//! Each is drawn by its number alone, in an order that mixes all servers, so that the first rows
//! are a random sample of all, as with the kernel's own table. Nothing is kept: a million rows
//! take no memory, and the same director gives the same rows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::ipvs::{ConnState, Connection, Forwarding, Protocol, ServerKey, ServiceKey, Target};
use crate::kernel::sim::random::scramble;
use crate::kernel::sim::state::Kernel;

/// Clients behind the crowds, the first of them the busiest.
const CLIENTS: f64 = 50_000.0;
/// Where they come from: 198.18.0.0/15, the range for benchmarks, and the one for documentation.
const V4: u32 = 0xC612_0000;
const V6: u128 = 0x2001_0db8 << 96;

/// The crowd of a server.
#[derive(Clone, Copy, Debug)]
struct Part {
    service: ServiceKey,
    server: ServerKey,
    forwarding: Forwarding,
    active: u64,
    /// Rows of this and of all parts before it.
    until: u64,
}

/// All crowds, row by row.
#[derive(Clone, Debug)]
pub(in crate::kernel::sim) struct CrowdRows {
    parts: Vec<Part>,
    seed: u64,
    next: u64,
}

impl CrowdRows {
    /// The crowds of this moment.
    pub(in crate::kernel::sim) fn new(kernel: &Kernel) -> Self {
        let mut until = 0;
        let mut parts = Vec::new();
        for dest in kernel.dests.iter() {
            let crowd = dest.crowd;
            let (active, inactive) = (u64::from(crowd.active), u64::from(crowd.inactive));
            if active + inactive > 0 {
                until += active + inactive;
                let (service, server) = (dest.service, dest.server.key);
                let forwarding = dest.server.forwarding;
                parts.push(Part { service, server, forwarding, active, until });
            }
        }
        Self { parts, seed: kernel.salt, next: 0 }
    }

    fn rows(&self) -> u64 {
        self.parts.last().map_or(0, |part| part.until)
    }

    /// The row with this number.
    fn row(&self, number: u64) -> Option<Connection> {
        let at = self.parts.partition_point(|part| part.until <= number);
        let part = self.parts.get(at)?;
        let before = at.checked_sub(1).and_then(|at| self.parts.get(at)).map_or(0, |p| p.until);
        let draw = |what: u64| scramble(scramble(self.seed ^ what) ^ number);
        let unit = (draw(1) >> 11) as f64 / (1_u64 << 53) as f64;
        let client = (unit.powi(3) * CLIENTS) as u32;
        let addr: IpAddr = match part.service {
            ServiceKey::Endpoint { addr: IpAddr::V6(_), .. } => {
                Ipv6Addr::from_bits(V6 | u128::from(client)).into()
            }
            _ => Ipv4Addr::from_bits(V4 | client).into(),
        };
        let port = (1_024 + draw(2) % 64_512) as u16;
        let udp = part.service.protocol() == Some(Protocol::UDP);
        let active = number - before < part.active;
        let (state, life) = match (udp, active, part.forwarding) {
            (true, ..) => (ConnState::Udp, 300),
            // A handshake under way.
            (_, true, _) if draw(3) % 50 == 0 => (ConnState::SynRecv, 2),
            (_, true, _) => (ConnState::Established, 900),
            // The director sees only one side close.
            (_, _, Forwarding::Route | Forwarding::Tunnel) => (ConnState::FinWait, 120),
            _ => (ConnState::TimeWait, 120),
        };
        let left = (draw(4) % life) as u32;
        let expires = if state == ConnState::SynRecv { 60 - left } else { left };
        let (target, protocol) = match part.service {
            ServiceKey::Endpoint { protocol, addr, port } => (ServerKey::new(addr, port), protocol),
            ServiceKey::Fwmark { family, .. } => {
                (ServerKey::new(family.unspecified(), 80), Protocol::TCP)
            }
        };
        Some(Connection {
            protocol,
            client: SocketAddr::new(addr, port),
            target: Target::Address(target),
            server: part.server,
            state,
            template: false,
            expires,
            origin: None,
            engine: None,
        })
    }
}

impl Iterator for CrowdRows {
    type Item = Connection;

    fn next(&mut self) -> Option<Connection> {
        let rows = self.rows();
        if self.next >= rows {
            return None;
        }
        let number = mix(self.next, rows, self.seed);
        self.next += 1;
        self.row(number)
    }
}

/// A number below `limit` for each number below it, each once, in a random order: a Feistel
/// network over the next power of four, walked until it lands inside.
fn mix(number: u64, limit: u64, seed: u64) -> u64 {
    let half = limit.next_power_of_two().ilog2().div_ceil(2).max(1);
    let mask = (1_u64 << half) - 1;
    let mut value = number;
    loop {
        let (mut left, mut right) = (value >> half, value & mask);
        for round in 0..4 {
            (left, right) = (right, left ^ (scramble(right ^ seed ^ round << 60) & mask));
        }
        value = left << half | right;
        if value < limit {
            return value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Reader;
    use crate::kernel::sim::{Clock, Director};
    use std::collections::HashSet;

    #[test]
    fn every_number_comes_once_and_in_no_order() {
        for limit in [1, 2, 3, 1_000, 4_097] {
            let all: Vec<u64> = (0..limit).map(|n| mix(n, limit, 7)).collect();
            assert_eq!(all.iter().collect::<HashSet<_>>().len() as u64, limit);
            assert!(all.iter().all(|n| *n < limit));
        }
        let mean: u64 = (0..500).map(|n| mix(n, 100_000, 7)).sum::<u64>() / 500;
        assert!((43_000..57_000).contains(&mean), "{mean}");
    }

    #[test]
    fn a_huge_table_has_a_row_for_every_connection_that_is_counted() {
        let director = Director::open("big:40x7".parse().unwrap(), 3, Clock::Manual);
        let mut reader = director.reader();
        let snapshot = reader.snapshot(&crate::kernel::Want::everything()).unwrap();
        let (mut rows, mut active) = (0, 0);
        let mut pass = reader.connections().unwrap();
        while let Some(mut piece) = pass.next_rows().unwrap() {
            for row in piece.by_ref() {
                rows += 1;
                active += u64::from(matches!(row.state, b"ESTABLISHED" | b"SYN_RECV"));
                assert!(snapshot.server(&row.service(), &row.server).is_some());
            }
            assert_eq!(piece.skipped(), 0);
        }
        let counted = |of: fn(&crate::snapshot::ServiceEntry) -> u64| {
            snapshot.services.iter().map(of).sum::<u64>()
        };
        assert_eq!(active, counted(crate::snapshot::ServiceEntry::active));
        assert_eq!(rows - active, counted(crate::snapshot::ServiceEntry::inactive));
        assert!(rows > 100_000, "{rows}");
    }
}
