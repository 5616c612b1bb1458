//! What the director does with a packet (`ip_vs_core.c`, `ip_vs_conn.c`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Ms;
use super::conn::{Conn, ConnId, ConnKey, SctpState, Segment, State, TcpState, Way};
use super::dest::DestId;
use super::schedulers::{Pool, Request};
use super::state::Kernel;
use crate::ipvs::{
    DaemonRole, Family, Netmask, Protocol, ServerKey, Service, ServiceFlags, ServiceKey,
};

/// Who talks to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Transport protocol of the packets.
    pub protocol: Protocol,
    /// The client.
    pub client: SocketAddr,
    /// The virtual address and port that it asks for.
    pub target: SocketAddr,
    /// The mark that a firewall rule has put on its packets; 0 is none.
    pub mark: u32,
}

/// Packets of one kind that go one way together.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// What they do to the connection.
    pub segment: Segment,
    /// How many.
    pub packets: u32,
    /// IP bytes of all of them.
    pub bytes: u64,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Sent on to this real server.
    Forwarded(ServerKey),
    /// Answered with ICMP port unreachable: no real server may take a new connection.
    Refused,
    /// Dropped without a word: its real server is deleted. The client stalls.
    Dropped,
    /// No business of IPVS: no service wants it, or it belongs to no connection.
    NotOurs,
}

impl Kernel {
    /// A client's packets arrive.
    pub(super) fn packet_in(&mut self, flow: &Flow, burst: Burst) -> Verdict {
        let key = ConnKey {
            protocol: flow.protocol,
            client: flow.client,
            target: flow.target,
            template: false,
        };
        let mut found = self.conns.find(&key);
        let opens = burst.segment == Segment::Open && flow.protocol != Protocol::UDP;
        if let Some(id) = found
            && opens
            && self.reschedules(id)
        {
            if self.conns.get(id).is_some_and(|conn| conn.children == 0) {
                self.end(id);
            }
            found = None;
        }
        let id = match found {
            Some(id) => id,
            None => match self.schedule(flow, burst) {
                Ok(id) => id,
                Err(verdict) => return verdict,
            },
        };
        self.deliver(id, flow.protocol, burst)
    }

    /// Sends packets on over an entry that exists.
    fn deliver(&mut self, id: ConnId, protocol: Protocol, burst: Burst) -> Verdict {
        let Some(conn) = self.conns.get(id) else { return Verdict::NotOurs };
        let (dest, server) = (conn.dest, conn.server);
        let way = if conn.sees_replies() { Way::In } else { Way::InOnly };
        if !self.dests.get(dest).is_some_and(|dest| dest.available) {
            if self.tunables.expire_nodest_conn {
                self.end(id);
            }
            return Verdict::Dropped;
        }
        self.count(dest, |meter| meter.packets_in(u64::from(burst.packets), burst.bytes));
        self.transit(id, protocol, way, burst.segment);
        Verdict::Forwarded(server)
    }

    /// A real server's replies. Only masqueraded ones pass the director.
    pub(super) fn packet_out(&mut self, flow: &Flow, burst: Burst) {
        let key = ConnKey {
            protocol: flow.protocol,
            client: flow.client,
            target: flow.target,
            template: false,
        };
        let Some(id) = self.conns.find(&key) else { return };
        let Some(conn) = self.conns.get(id).filter(|conn| conn.sees_replies()) else { return };
        let dest = conn.dest;
        if self.dests.get(dest).is_some_and(|dest| dest.available) {
            self.count(dest, |meter| meter.packets_out(u64::from(burst.packets), burst.bytes));
        }
        self.transit(id, flow.protocol, Way::Out, burst.segment);
    }

    /// Counts for the destination, its service and the whole.
    fn count(&mut self, id: DestId, add: impl Fn(&mut super::meter::Meter)) {
        let Some(dest) = self.dests.get_mut(id) else { return };
        add(&mut dest.meter);
        if let Some(service) = self.services.get_mut(&dest.service) {
            add(&mut service.meter);
        }
        add(&mut self.totals);
    }

    /// Moves a connection's state and restarts its timer.
    fn transit(&mut self, id: ConnId, protocol: Protocol, way: Way, segment: Segment) {
        let Some(conn) = self.conns.get_mut(id) else { return };
        conn.state = conn.state.after(protocol, way, segment);
        conn.timeout = Ms::from(conn.state.timeout(&self.timeouts)) * 1_000;
        let (active, template) = (conn.state.is_active(), conn.template);
        let assures = conn.state.is_established() || (protocol == Protocol::UDP && way == Way::Out);
        if active != conn.active
            && let Some(dest) = self.dests.get_mut(conn.dest)
        {
            conn.active = active;
            let (up, down) = if active {
                (&mut dest.active, &mut dest.inactive)
            } else {
                (&mut dest.inactive, &mut dest.active)
            };
            *up += 1;
            *down = down.saturating_sub(1);
        }
        self.conns.restart(id, self.now);
        if let Some(template) = template.filter(|_| assures)
            && let Some(template) = self.conns.get_mut(template)
        {
            template.state = State::Assured;
        }
    }

    /// Whether a client that opens a connection anew on an old entry is scheduled again
    /// (`is_new_conn_expected`).
    fn reschedules(&self, id: ConnId) -> bool {
        let Some(conn) = self.conns.get(id) else { return false };
        let quiesced = self.dests.get(conn.dest).is_some_and(|dest| dest.server.weight == 0);
        if self.tunables.expire_nodest_conn && quiesced {
            return true;
        }
        let mode = self.tunables.conn_reuse_mode;
        if mode == 0 || conn.template.is_some() {
            return false;
        }
        match conn.state {
            State::Tcp(TcpState::TimeWait | TcpState::Close) | State::Sctp(SctpState::Closed) => {
                true
            }
            State::Tcp(TcpState::FinWait) => mode & 2 != 0 && !conn.sees_replies(),
            _ => false,
        }
    }

    /// Finds the service of a packet: by mark, by address and port, or for every port.
    fn service_of(&self, flow: &Flow) -> Option<ServiceKey> {
        let family = Family::of(flow.target.ip());
        let endpoint = |port| ServiceKey::endpoint(flow.protocol, flow.target.ip(), port);
        [ServiceKey::Fwmark { family, mark: flow.mark }, endpoint(flow.target.port()), endpoint(0)]
            .into_iter()
            .find(|key| self.services.contains_key(key))
    }

    /// Makes an entry for a packet without one. One-packet scheduling makes none: the packet is
    /// counted and sent.
    fn schedule(&mut self, flow: &Flow, burst: Burst) -> Result<ConnId, Verdict> {
        let sloppy = match flow.protocol {
            Protocol::TCP => self.tunables.sloppy_tcp,
            Protocol::SCTP => self.tunables.sloppy_sctp,
            _ => true,
        };
        let starts = burst.segment == Segment::Open || (sloppy && burst.segment != Segment::Reset);
        let backup = self.daemons.iter().any(|daemon| daemon.role == DaemonRole::Backup);
        if !starts || (backup && self.tunables.backup_only) {
            return Err(Verdict::NotOurs);
        }
        let key = self.service_of(flow).ok_or(Verdict::NotOurs)?;
        let service = self.services.get(&key).ok_or(Verdict::NotOurs)?;
        let one_packet = service.config.one_packet() && flow.protocol == Protocol::UDP;
        let (dest, template) = if service.config.persistent().is_some() {
            let config = service.config.clone();
            let (dest, template) = self.persist(&key, &config, flow)?;
            (dest, Some(template))
        } else {
            // The kernel supports port 0 for persistent services only.
            if matches!(key, ServiceKey::Endpoint { port: 0, .. }) {
                return Err(Verdict::Refused);
            }
            (self.choose(&key, flow).ok_or(Verdict::Refused)?, None)
        };
        let server = self.server_for(dest, &key, template.is_some(), flow);
        self.count(dest, super::meter::Meter::connection);
        if one_packet {
            for _ in 1..burst.packets {
                self.count(dest, super::meter::Meter::connection);
            }
            self.count(dest, |meter| meter.packets_in(u64::from(burst.packets), burst.bytes));
            return Err(Verdict::Forwarded(server));
        }
        let key = ConnKey {
            protocol: flow.protocol,
            client: flow.client,
            target: flow.target,
            template: false,
        };
        self.bind(key, dest, server, template).ok_or(Verdict::Refused)
    }

    /// Where packets for `dest` go: a destination without a port gets the one that the client
    /// asked for, and so does any under a persistent service for every port or for a mark.
    fn server_for(
        &self,
        dest: DestId,
        service: &ServiceKey,
        persistent: bool,
        flow: &Flow,
    ) -> ServerKey {
        let key = self.dests.get(dest).map(|dest| dest.server.key);
        let key = key.unwrap_or(ServerKey::new(flow.target.ip(), 0));
        let other_port = flow.target.port() != service.default_server_port();
        let keeps = key.port == 0 || (persistent && other_port);
        ServerKey::new(key.addr, if keeps { flow.target.port() } else { key.port })
    }

    /// Asks the scheduler.
    fn choose(&mut self, key: &ServiceKey, flow: &Flow) -> Option<DestId> {
        let service = self.services.get_mut(key)?;
        let pool = Pool { order: &service.dests, dests: &self.dests };
        let request = Request {
            client: flow.client.ip(),
            client_port: flow.client.port(),
            virtual_addr: flow.target.ip(),
            flags: service.config.flags & ServiceFlags::SCHED,
            now: self.now,
            lblcr_expiration: self.tunables.lblcr_expiration * 1_000,
        };
        service.scheduler.as_mut()?.choose(pool, &request, &mut self.random)
    }

    /// The destination of a client of a persistent service: its template's, past the scheduler
    /// and whatever the weight; else the scheduler's, with a new template (`ip_vs_sched_persist`).
    fn persist(
        &mut self,
        service: &ServiceKey,
        config: &Service,
        flow: &Flow,
    ) -> Result<(DestId, ConnId), Verdict> {
        let key = template_key(service, config, flow);
        if let Some(id) = self.conns.find(&key)
            && let Some(conn) = self.conns.get(id)
        {
            let dest = self.dests.get(conn.dest);
            let usable = dest.is_some_and(|dest| {
                let quiesced = dest.server.weight == 0;
                dest.available && !(quiesced && self.tunables.expire_quiescent_template)
            });
            if usable {
                let dest = conn.dest;
                self.conns.restart(id, self.now);
                return Ok((dest, id));
            }
            self.conns.hide(id);
        }
        let dest = self.choose(service, flow).ok_or(Verdict::Refused)?;
        let port = match service {
            ServiceKey::Endpoint { port: 1.., .. } => {
                self.dests.get(dest).map_or(0, |dest| dest.server.key.port)
            }
            _ => 0,
        };
        let addr = self.dests.get(dest).map_or(flow.target.ip(), |dest| dest.server.key.addr);
        let server = ServerKey::new(addr, port);
        let id = self.bind(key, dest, server, None).ok_or(Verdict::Refused)?;
        if let Some(template) = self.conns.get_mut(id) {
            template.timeout = Ms::from(config.timeout) * 1_000;
        }
        self.conns.restart(id, self.now);
        Ok((dest, id))
    }

    /// Puts an entry into the table and counts it (`ip_vs_bind_dest`). It starts inactive; its
    /// first packet moves that.
    fn bind(
        &mut self,
        key: ConnKey,
        id: DestId,
        server: ServerKey,
        template: Option<ConnId>,
    ) -> Option<ConnId> {
        let dest = self.dests.get_mut(id)?;
        if key.template {
            dest.persistent += 1;
        } else {
            dest.inactive += 1;
        }
        dest.bound();
        let expires = self.now + 3_000;
        let conn = Conn {
            key,
            dest: id,
            server,
            forwarding: dest.server.forwarding,
            state: State::None,
            active: false,
            children: 0,
            template,
            timeout: 3_000,
            expires,
            armed: expires,
            invalid: false,
        };
        if let Some(template) = template.and_then(|id| self.conns.get_mut(id)) {
            template.children += 1;
        }
        Some(self.conns.insert(conn))
    }

    /// Takes an entry out of the table.
    pub(super) fn end(&mut self, id: ConnId) {
        let Some(conn) = self.conns.remove(id) else { return };
        if let Some(dest) = self.dests.get_mut(conn.dest) {
            let count = match (conn.key.template, conn.active) {
                (true, _) => &mut dest.persistent,
                (false, true) => &mut dest.active,
                (false, false) => &mut dest.inactive,
            };
            *count = count.saturating_sub(1);
            dest.unbound();
        }
        if let Some(template) = conn.template.and_then(|id| self.conns.get_mut(id)) {
            template.children = template.children.saturating_sub(1);
        }
    }
}

/// The key of the template that a client's connections to a persistent service share.
fn template_key(service: &ServiceKey, config: &Service, flow: &Flow) -> ConnKey {
    let client = SocketAddr::new(masked(flow.client.ip(), config.netmask), 0);
    let (protocol, target) = match *service {
        ServiceKey::Endpoint { protocol, addr, port } => (protocol, SocketAddr::new(addr, port)),
        ServiceKey::Fwmark { family: Family::V4, mark } => {
            (Protocol(0), SocketAddr::new(Ipv4Addr::from_bits(mark).into(), 0))
        }
        ServiceKey::Fwmark { family: Family::V6, mark } => {
            let bits = u128::from(mark) << 96;
            (Protocol(0), SocketAddr::new(Ipv6Addr::from_bits(bits).into(), 0))
        }
    };
    ConnKey { protocol, client, target, template: true }
}

fn masked(addr: IpAddr, netmask: Netmask) -> IpAddr {
    match (addr, netmask) {
        (IpAddr::V4(addr), Netmask::V4(mask)) => (addr & mask).into(),
        (IpAddr::V6(addr), Netmask::V6(prefix @ 1..=128)) => {
            Ipv6Addr::from_bits(addr.to_bits() & (u128::MAX << (128 - u32::from(prefix)))).into()
        }
        (addr, _) => addr,
    }
}
