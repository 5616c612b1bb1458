//! Reading the simulated kernel.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use jiff::Timestamp;

use super::conn::{Conn, ConnKey};
use super::dest::{Dest, VirtualService};
use super::random::scramble;
use super::state::{BUCKETS, Kernel};
use crate::ipvs::{ConnState, Connection, Protocol, ServerKey, ServiceKey, Target};
use crate::snapshot::{Known, Moment, Part, ServerEntry, Servers, ServiceEntry, Snapshot, Source};

/// Servers as they were read, and when.
pub(super) type Carried = BTreeMap<ServiceKey, (Servers, Moment)>;

impl Kernel {
    /// Everything, as one netlink dump would bring it; but the servers of the services in
    /// `carried` are as they were read then.
    pub(super) fn snapshot(&self, taken: Timestamp, at: Moment, carried: &Carried) -> Snapshot {
        Snapshot {
            taken,
            at,
            took: Duration::ZERO,
            source: Source::Demo,
            info: Part::Fresh(self.info()),
            totals: Part::Fresh(self.totals.stats()),
            timeouts: Part::Fresh(self.timeouts),
            daemons: Part::Fresh(self.daemons.clone()),
            sysctls: Part::Fresh(self.tunables.values().clone()),
            services: self
                .services
                .iter()
                .map(|(key, service)| match carried.get(key) {
                    Some((servers, read)) => entry(service, servers.clone(), *read),
                    None => entry(service, self.servers(service), at),
                })
                .collect(),
        }
    }

    pub(super) fn service(&self, key: &ServiceKey, at: Moment) -> Option<ServiceEntry> {
        self.services.get(key).map(|service| entry(service, self.servers(service), at))
    }

    fn servers(&self, service: &VirtualService) -> Servers {
        let dests = service.dests.iter().filter_map(|id| self.dests.get(*id));
        let mut servers: Vec<ServerEntry> = dests.map(server_entry).collect();
        servers.sort_unstable_by_key(|entry| entry.server.key);
        servers.into()
    }

    /// All connections and templates, in the order of a seeded hash of the client: a prefix is a
    /// random sample, as with the kernel's own table. Crowds are not among
    /// them (`rows` makes theirs up), and nobody here speaks SIP, so no engine keeps anything.
    pub(super) fn connections(&self) -> Vec<Connection> {
        let mut rows: Vec<_> = self
            .conns
            .iter()
            .map(|(id, conn)| ((self.bucket(conn), std::cmp::Reverse(id)), conn))
            .collect();
        rows.sort_unstable_by_key(|(order, _)| *order);
        rows.into_iter().map(|(_, conn)| self.row(conn)).collect()
    }

    fn bucket(&self, conn: &Conn) -> u64 {
        let client = conn.key.client;
        let addr = match client.ip() {
            IpAddr::V4(addr) => u128::from(addr.to_bits()),
            IpAddr::V6(addr) => addr.to_bits(),
        };
        let mix = |hash: u64, part: u64| scramble(hash ^ part);
        let hash = mix(mix(self.salt, addr as u64), (addr >> 64) as u64);
        let ports = u64::from(client.port()) << 16 | u64::from(conn.key.protocol.0);
        mix(hash, ports) % u64::from(BUCKETS)
    }

    fn row(&self, conn: &Conn) -> Connection {
        let port = |port| if conn.invalid { u16::MAX } else { port };
        let ConnKey { protocol, client, target, template, .. } = conn.key;
        let target = match target.ip() {
            IpAddr::V4(addr) if protocol == Protocol(0) => Target::Fwmark(addr.to_bits()),
            IpAddr::V6(addr) if protocol == Protocol(0) => {
                Target::Fwmark((addr.to_bits() >> 96) as u32)
            }
            addr => Target::Address(ServerKey::new(addr, port(target.port()))),
        };
        Connection {
            protocol,
            client,
            target,
            server: ServerKey::new(conn.server.addr, port(conn.server.port)),
            state: ConnState::from(conn.state.to_string()),
            template,
            expires: (conn.expires.saturating_sub(self.now) / 1_000) as u32,
            origin: None,
            engine: None,
        }
    }
}

fn entry(service: &VirtualService, servers: Servers, servers_read: Moment) -> ServiceEntry {
    ServiceEntry {
        service: service.config.clone(),
        known: Known::Whole,
        stats: Some(service.meter.stats()),
        servers,
        servers_read,
        unknown: Vec::new(),
    }
}

fn server_entry(dest: &Dest) -> ServerEntry {
    ServerEntry {
        server: dest.server.clone(),
        active: dest.active_shown(),
        inactive: dest.inactive_shown(),
        persistent: Some(dest.persistent),
        stats: Some(dest.meter.stats()),
        unknown: Vec::new(),
    }
}
