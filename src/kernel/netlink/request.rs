//! Commands of the family, built from the nouns.

use netlink_packet_core::Emitable;
use netlink_packet_generic::GenlFamily;

use super::attribute::Attributes;
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
    attributes: Attributes,
}

impl Request {
    fn new(command: Command, fill: impl FnOnce(&mut Attributes)) -> Self {
        let mut attributes = Attributes::with_room();
        fill(&mut attributes);
        Self { command, attributes }
    }

    /// NEW_SERVICE or SET_SERVICE: every attribute, because the kernel replaces what is left
    /// out. The flags' mask is all ones, so the service has exactly the flags given.
    pub fn put_service(command: Command, service: &Service) -> Self {
        let entry = |all: &mut Attributes| {
            service_key(&service.key, all);
            all.text(svc::SCHED_NAME, service.scheduler.as_str());
            all.flags(svc::FLAGS, service.flags.bits(), u32::MAX);
            all.u32(svc::TIMEOUT, service.timeout);
            match service.netmask {
                Netmask::V4(mask) => all.v4(svc::NETMASK, mask),
                Netmask::V6(prefix) => all.u32(svc::NETMASK, prefix.into()),
            }
            if let Some(pe) = &service.pe {
                all.text(svc::PE_NAME, pe.as_str());
            }
        };
        Self::new(command, |all| all.nest(top::SERVICE, entry))
    }

    /// DEL_SERVICE, GET_SERVICE (one), GET_DEST or ZERO of a service: its key alone.
    pub fn service(command: Command, key: &ServiceKey) -> Self {
        Self::new(command, |all| all.nest(top::SERVICE, |all| service_key(key, all)))
    }

    /// NEW_DEST or SET_DEST: every attribute. Kernels before 5.3 ignore the tunnel's, so only
    /// reading back tells whether they took.
    pub fn put_server(command: Command, service: &ServiceKey, server: &Server) -> Self {
        Self::with_server(command, service, |all| {
            server_key(&server.key, all);
            all.u32(dest::FWD_METHOD, server.forwarding.number());
            all.u32(dest::WEIGHT, server.weight);
            all.u32(dest::U_THRESH, server.upper_threshold);
            all.u32(dest::L_THRESH, server.lower_threshold);
            all.u8(dest::TUN_TYPE, server.tunnel.kind.number());
            all.port(dest::TUN_PORT, server.tunnel.port);
            all.u16(dest::TUN_FLAGS, server.tunnel.flags);
        })
    }

    /// DEL_DEST.
    pub fn delete_server(service: &ServiceKey, server: &ServerKey) -> Self {
        Self::with_server(Command::DelDest, service, |all| server_key(server, all))
    }

    fn with_server(
        command: Command,
        service: &ServiceKey,
        server: impl FnOnce(&mut Attributes),
    ) -> Self {
        Self::new(command, |all| {
            all.nest(top::SERVICE, |all| service_key(service, all));
            all.nest(top::DEST, server);
        })
    }

    /// NEW_DAEMON.
    pub fn start_daemon(wanted: &Daemon) -> Self {
        let entry = |all: &mut Attributes| {
            all.u32(daemon::STATE, wanted.role.number());
            all.text(daemon::MCAST_IFN, &wanted.interface);
            all.u32(daemon::SYNC_ID, wanted.sync_id);
            if let Some(max_len) = wanted.max_len {
                all.u16(daemon::SYNC_MAXLEN, max_len);
            }
            if let Some(group) = wanted.group {
                all.v4(daemon::MCAST_GROUP, group);
            }
            if let Some(group) = wanted.group6 {
                all.v6(daemon::MCAST_GROUP6, group);
            }
            if let Some(port) = wanted.port {
                all.u16(daemon::MCAST_PORT, port);
            }
            if let Some(ttl) = wanted.ttl {
                all.u8(daemon::MCAST_TTL, ttl);
            }
        };
        Self::new(Command::NewDaemon, |all| all.nest(top::DAEMON, entry))
    }

    /// DEL_DAEMON.
    pub fn stop_daemon(role: DaemonRole) -> Self {
        let state = |all: &mut Attributes| all.u32(daemon::STATE, role.number());
        Self::new(Command::DelDaemon, |all| all.nest(top::DAEMON, state))
    }

    /// SET_CONFIG; 0 keeps a timeout.
    pub fn set_timeouts(timeouts: &Timeouts) -> Self {
        Self::new(Command::SetConfig, |all| {
            all.u32(top::TIMEOUT_TCP, timeouts.tcp);
            all.u32(top::TIMEOUT_TCP_FIN, timeouts.tcp_fin);
            all.u32(top::TIMEOUT_UDP, timeouts.udp);
        })
    }

    /// GET_CONFIG, GET_INFO, FLUSH, ZERO of everything, and the dumps of services and daemons.
    pub fn bare(command: Command) -> Self {
        Self::new(command, |_| {})
    }
}

fn service_key(key: &ServiceKey, all: &mut Attributes) {
    all.u16(svc::AF, key.family().number());
    match *key {
        ServiceKey::Endpoint { protocol, addr, port } => {
            all.u16(svc::PROTOCOL, protocol.0);
            all.address(svc::ADDR, addr);
            all.port(svc::PORT, port);
        }
        ServiceKey::Fwmark { mark, .. } => all.u32(svc::FWMARK, mark),
    }
}

fn server_key(key: &ServerKey, all: &mut Attributes) {
    all.address(dest::ADDR, key.addr);
    all.port(dest::PORT, key.port);
    all.u16(dest::ADDR_FAMILY, Family::of(key.addr).number());
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
        self.attributes.bytes().len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        if let Some(room) = buffer.get_mut(..self.buffer_len()) {
            room.copy_from_slice(self.attributes.bytes());
        }
    }
}
