//! Commands of the family, built from the nouns.

use netlink_packet_core::Emitable;
use netlink_packet_generic::GenlFamily;

use super::attribute::Attribute;
use super::constants::{self, daemon, dest, svc, top};
use crate::ipvs::{
    Daemon, DaemonRole, Family, Netmask, Server, ServerKey, Service, ServiceKey, Timeouts,
};

/// `IPVS_CMD_*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the kernel's names say it; the reference has the table
pub enum Command {
    NewService = 1,
    SetService = 2,
    DelService = 3,
    GetService = 4,
    NewDest = 5,
    SetDest = 6,
    DelDest = 7,
    GetDest = 8,
    NewDaemon = 9,
    DelDaemon = 10,
    GetDaemon = 11,
    SetConfig = 12,
    GetConfig = 13,
    SetInfo = 14,
    GetInfo = 15,
    Zero = 16,
    Flush = 17,
}

impl Command {
    /// The kernel's number.
    pub fn number(self) -> u8 {
        self as u8
    }
}

/// A request to the family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    command: Command,
    attributes: Vec<Attribute>,
}

impl Request {
    fn new(command: Command, attributes: Vec<Attribute>) -> Self {
        Self { command, attributes }
    }

    /// NEW_SERVICE or SET_SERVICE: every attribute, because the kernel replaces what is left
    /// out. The flags' mask is all ones, so the service has exactly the flags given.
    pub fn put_service(command: Command, service: &Service) -> Self {
        let mut all = service_key(&service.key);
        all.push(Attribute::text(svc::SCHED_NAME, service.scheduler.as_str()));
        all.push(Attribute::flags(svc::FLAGS, service.flags.bits(), u32::MAX));
        all.push(Attribute::u32(svc::TIMEOUT, service.timeout));
        all.push(match service.netmask {
            Netmask::V4(mask) => Attribute::v4(svc::NETMASK, mask),
            Netmask::V6(prefix) => Attribute::u32(svc::NETMASK, prefix.into()),
        });
        if let Some(pe) = &service.pe {
            all.push(Attribute::text(svc::PE_NAME, pe.as_str()));
        }
        Self::new(command, vec![Attribute::nest(top::SERVICE, all)])
    }

    /// DEL_SERVICE, GET_SERVICE (one), GET_DEST or ZERO of a service: its key alone.
    pub fn service(command: Command, key: &ServiceKey) -> Self {
        Self::new(command, vec![Attribute::nest(top::SERVICE, service_key(key))])
    }

    /// NEW_DEST or SET_DEST: every attribute. Kernels before 5.3 ignore the tunnel's, so only
    /// reading back tells whether they took.
    pub fn put_server(command: Command, service: &ServiceKey, server: &Server) -> Self {
        let mut all = server_key(&server.key);
        all.push(Attribute::u32(dest::FWD_METHOD, server.forwarding.number()));
        all.push(Attribute::u32(dest::WEIGHT, server.weight));
        all.push(Attribute::u32(dest::U_THRESH, server.upper_threshold));
        all.push(Attribute::u32(dest::L_THRESH, server.lower_threshold));
        all.push(Attribute::u8(dest::TUN_TYPE, server.tunnel.kind.number()));
        all.push(Attribute::port(dest::TUN_PORT, server.tunnel.port));
        all.push(Attribute::u16(dest::TUN_FLAGS, server.tunnel.flags));
        Self::with_server(command, service, all)
    }

    /// DEL_DEST.
    pub fn delete_server(service: &ServiceKey, server: &ServerKey) -> Self {
        Self::with_server(Command::DelDest, service, server_key(server))
    }

    fn with_server(command: Command, service: &ServiceKey, server: Vec<Attribute>) -> Self {
        let service = Attribute::nest(top::SERVICE, service_key(service));
        Self::new(command, vec![service, Attribute::nest(top::DEST, server)])
    }

    /// NEW_DAEMON.
    pub fn start_daemon(wanted: &Daemon) -> Self {
        let mut all = vec![
            Attribute::u32(daemon::STATE, wanted.role.number()),
            Attribute::text(daemon::MCAST_IFN, &wanted.interface),
            Attribute::u32(daemon::SYNC_ID, wanted.sync_id),
        ];
        all.extend(wanted.max_len.map(|v| Attribute::u16(daemon::SYNC_MAXLEN, v)));
        all.extend(wanted.group.map(|v| Attribute::v4(daemon::MCAST_GROUP, v)));
        all.extend(wanted.group6.map(|v| Attribute::v6(daemon::MCAST_GROUP6, v)));
        all.extend(wanted.port.map(|v| Attribute::u16(daemon::MCAST_PORT, v)));
        all.extend(wanted.ttl.map(|v| Attribute::u8(daemon::MCAST_TTL, v)));
        Self::new(Command::NewDaemon, vec![Attribute::nest(top::DAEMON, all)])
    }

    /// DEL_DAEMON.
    pub fn stop_daemon(role: DaemonRole) -> Self {
        let state = vec![Attribute::u32(daemon::STATE, role.number())];
        Self::new(Command::DelDaemon, vec![Attribute::nest(top::DAEMON, state)])
    }

    /// SET_CONFIG; 0 keeps a timeout.
    pub fn set_timeouts(timeouts: &Timeouts) -> Self {
        let all = vec![
            Attribute::u32(top::TIMEOUT_TCP, timeouts.tcp),
            Attribute::u32(top::TIMEOUT_TCP_FIN, timeouts.tcp_fin),
            Attribute::u32(top::TIMEOUT_UDP, timeouts.udp),
        ];
        Self::new(Command::SetConfig, all)
    }

    /// GET_CONFIG, GET_INFO, FLUSH, ZERO of everything, and the dumps of services and daemons.
    pub fn bare(command: Command) -> Self {
        Self::new(command, Vec::new())
    }
}

fn service_key(key: &ServiceKey) -> Vec<Attribute> {
    let af = Attribute::u16(svc::AF, key.family().number());
    match *key {
        ServiceKey::Endpoint { protocol, addr, port } => vec![
            af,
            Attribute::u16(svc::PROTOCOL, protocol.0),
            Attribute::address(svc::ADDR, addr),
            Attribute::port(svc::PORT, port),
        ],
        ServiceKey::Fwmark { mark, .. } => vec![af, Attribute::u32(svc::FWMARK, mark)],
    }
}

fn server_key(key: &ServerKey) -> Vec<Attribute> {
    vec![
        Attribute::address(dest::ADDR, key.addr),
        Attribute::port(dest::PORT, key.port),
        Attribute::u16(dest::ADDR_FAMILY, Family::of(key.addr).number()),
    ]
}

impl GenlFamily for Request {
    fn family_name() -> &'static str {
        constants::FAMILY
    }

    fn command(&self) -> u8 {
        self.command.number()
    }

    fn version(&self) -> u8 {
        constants::VERSION
    }
}

impl Emitable for Request {
    fn buffer_len(&self) -> usize {
        self.attributes.as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.attributes.as_slice().emit(buffer);
    }
}
