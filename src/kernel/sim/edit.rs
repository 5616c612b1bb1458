//! Changing the simulated kernel's table, with the kernel's answers (`ip_vs_ctl.c`, 6.1).

use std::net::IpAddr;

use rustix::io::Errno;

use super::dest::{DestId, VirtualService};
use super::meter::Meter;
use super::schedulers::{self, Pool, Scheduler};
use super::state::Kernel;
use crate::ipvs::{
    Change, Daemon, DaemonRole, Family, Forwarding, MAX_WEIGHT, Netmask, Server, ServerKey,
    Service, ServiceFlags, ServiceKey, Timeouts, TunnelKind,
};

/// Ticks a second: a timeout that would exceed an int in ticks is refused.
const HZ: u32 = 250;

/// The interfaces that a sync daemon can use here.
const INTERFACES: [&str; 3] = ["lo", "eth0", "eth1"];

/// What the kernel fills in for a sync daemon.
const SYNC_GROUP: std::net::Ipv4Addr = std::net::Ipv4Addr::new(224, 0, 0, 81);
const SYNC_PORT: u16 = 8_848;
const SYNC_MAX_LEN: u16 = 1_472;

impl Kernel {
    /// Does what one netlink message would, or answers with its error number.
    pub(super) fn apply(&mut self, change: &Change) -> Result<(), Errno> {
        match change {
            Change::Service { before: None, after: Some(new) } => self.add_service(new),
            Change::Service { before: Some(_), after: Some(new) } => self.edit_service(new),
            Change::Service { before: Some(old), after: None } => self.delete_service(&old.key),
            Change::Server { service, before: None, after: Some(new) } => {
                self.add_server(service, new)
            }
            Change::Server { service, before: Some(_), after: Some(new) } => {
                self.edit_server(service, new)
            }
            Change::Server { service, before: Some(old), after: None } => {
                self.delete_server(service, &old.key)
            }
            Change::Timeouts { after, .. } => self.set_timeouts(after),
            Change::Daemon { after: Some(new), .. } => self.start_daemon(new),
            Change::Daemon { before: Some(old), after: None } => self.stop_daemon(old.role),
            Change::Sysctl { name, after, .. } => self.tunables.set(name, after),
            Change::Zero(Some(key)) => self.zero(key),
            Change::Zero(None) => {
                self.zero_everything();
                Ok(())
            }
            Change::Flush => {
                self.flush();
                Ok(())
            }
            Change::Service { .. } | Change::Server { .. } | Change::Daemon { .. } => {
                Err(Errno::INVAL)
            }
        }
    }

    fn add_service(&mut self, new: &Service) -> Result<(), Errno> {
        if self.services.contains_key(&new.key) {
            return Err(Errno::EXIST);
        }
        let empty = Pool { order: &[], dests: &self.dests };
        let scheduler = schedulers::bind(new.scheduler.as_str(), empty)?;
        engine(new)?;
        check_service(new)?;
        self.services_made += 1;
        let service = VirtualService {
            id: self.services_made,
            config: Service { flags: new.flags | ServiceFlags::HASHED, ..new.clone() },
            dests: Vec::new(),
            scheduler,
            meter: Meter::default(),
        };
        self.services.insert(new.key, service);
        Ok(())
    }

    /// Replaces the whole configuration. The scheduler keeps its state unless its name changes.
    fn edit_service(&mut self, new: &Service) -> Result<(), Errno> {
        let service = self.services.get_mut(&new.key).ok_or(Errno::SRCH)?;
        let pool = Pool { order: &service.dests, dests: &self.dests };
        // The kernel looks the scheduler up before anything else, bound already or not.
        let bound = schedulers::bind(new.scheduler.as_str(), pool)?;
        engine(new)?;
        check_service(new)?;
        if service.config.scheduler != new.scheduler || service.scheduler.is_none() {
            service.scheduler = bound;
        }
        service.config = Service { flags: new.flags | ServiceFlags::HASHED, ..new.clone() };
        Ok(())
    }

    fn delete_service(&mut self, key: &ServiceKey) -> Result<(), Errno> {
        let service = self.services.remove(key).ok_or(Errno::SRCH)?;
        for id in service.dests {
            self.put_into_trash(id);
        }
        Ok(())
    }

    fn flush(&mut self) {
        for key in self.services.keys().copied().collect::<Vec<_>>() {
            // The key was just listed, so it is there.
            let _ = self.delete_service(&key);
        }
    }

    fn add_server(&mut self, key: &ServiceKey, new: &Server) -> Result<(), Errno> {
        let owner = self.services.get(key).ok_or(Errno::SRCH)?.id;
        self.check_server(key, new)?;
        if self.find(key, &new.key).is_some() {
            return Err(Errno::EXIST);
        }
        let id = match self.take_from_trash(key, &new.key) {
            Some(id) => id,
            None if !may_be_server(new.key.addr) => return Err(Errno::INVAL),
            None => self.dests.add(*key, owner, new.clone()),
        };
        if let Some(dest) = self.dests.get_mut(id) {
            dest.configure(new);
            dest.available = true;
            dest.idle_since = None;
            if dest.owner != owner {
                dest.owner = owner;
                dest.meter.zero();
            }
        }
        if let Some(service) = self.services.get_mut(key) {
            service.dests.insert(0, id);
        }
        self.tell_scheduler(key);
        Ok(())
    }

    fn edit_server(&mut self, key: &ServiceKey, new: &Server) -> Result<(), Errno> {
        if !self.services.contains_key(key) {
            return Err(Errno::SRCH);
        }
        self.check_server(key, new)?;
        let id = self.find(key, &new.key).ok_or(Errno::NOENT)?;
        if let Some(dest) = self.dests.get_mut(id) {
            dest.configure(new);
        }
        self.tell_scheduler(key);
        Ok(())
    }

    fn delete_server(&mut self, key: &ServiceKey, server: &ServerKey) -> Result<(), Errno> {
        if !self.services.contains_key(key) {
            return Err(Errno::SRCH);
        }
        let id = self.find(key, server).ok_or(Errno::NOENT)?;
        if let Some(service) = self.services.get_mut(key) {
            let pool = Pool { order: &service.dests, dests: &self.dests };
            if let Some(scheduler) = &mut service.scheduler {
                scheduler.leaving(id, pool);
            }
            service.dests.retain(|other| *other != id);
        }
        self.tell_scheduler(key);
        self.put_into_trash(id);
        Ok(())
    }

    /// What the kernel checks of a server before it looks for it.
    fn check_server(&self, service: &ServiceKey, server: &Server) -> Result<(), Errno> {
        if Family::of(server.key.addr) != service.family()
            && (!self.daemons.is_empty() || server.forwarding != Forwarding::Tunnel)
        {
            return Err(Errno::INVAL);
        }
        if server.weight > MAX_WEIGHT || server.lower_threshold > server.upper_threshold {
            return Err(Errno::RANGE);
        }
        if server.tunnel.kind == TunnelKind::Gue && server.tunnel.port == 0 {
            return Err(Errno::INVAL);
        }
        Ok(())
    }

    fn find(&self, service: &ServiceKey, server: &ServerKey) -> Option<DestId> {
        let mut ids = self.services.get(service)?.dests.iter().copied();
        ids.find(|id| self.dests.get(*id).is_some_and(|dest| dest.server.key == *server))
    }

    fn take_from_trash(&mut self, service: &ServiceKey, server: &ServerKey) -> Option<DestId> {
        let at = self.trash.iter().position(|id| {
            let dest = self.dests.get(*id);
            dest.is_some_and(|dest| dest.service == *service && dest.server.key == *server)
        })?;
        Some(self.trash.remove(at))
    }

    fn put_into_trash(&mut self, id: DestId) {
        if let Some(dest) = self.dests.get_mut(id) {
            dest.available = false;
            dest.idle_since = None;
        }
        self.discard(id);
        if self.tunables.expire_nodest_conn {
            let orphans = self.conns.iter().filter(|(_, conn)| conn.dest == id);
            let orphans = orphans.map(|(id, conn)| (id, conn.template)).collect::<Vec<_>>();
            // Templates go with the last of their connections.
            for (id, template) in orphans {
                if self.conns.get(id).is_some_and(|conn| conn.children == 0) {
                    self.end(id);
                }
                if let Some(template) = template
                    && self.conns.get(template).is_some_and(|conn| conn.children == 0)
                {
                    self.end(template);
                }
            }
        }
    }

    /// Takes the scheduler off a service, which refuses new connections without it.
    pub(super) fn unbind(&mut self, key: &ServiceKey) -> Option<Box<dyn Scheduler>> {
        self.services.get_mut(key)?.scheduler.take()
    }

    /// Gives a service its scheduler back.
    pub(super) fn rebind(&mut self, key: &ServiceKey, scheduler: Option<Box<dyn Scheduler>>) {
        if let Some(service) = self.services.get_mut(key) {
            service.scheduler = scheduler;
        }
        self.tell_scheduler(key);
    }

    fn tell_scheduler(&mut self, key: &ServiceKey) {
        let Some(service) = self.services.get_mut(key) else { return };
        let pool = Pool { order: &service.dests, dests: &self.dests };
        if let Some(scheduler) = &mut service.scheduler {
            scheduler.changed(pool);
        }
    }

    fn set_timeouts(&mut self, new: &Timeouts) -> Result<(), Errno> {
        let longest = i32::MAX.unsigned_abs() / HZ;
        if [new.tcp, new.tcp_fin, new.udp].iter().any(|timeout| *timeout > longest) {
            return Err(Errno::INVAL);
        }
        let old = self.timeouts;
        let keep = |new, old| if new == 0 { old } else { new };
        self.timeouts = Timeouts {
            tcp: keep(new.tcp, old.tcp),
            tcp_fin: keep(new.tcp_fin, old.tcp_fin),
            udp: keep(new.udp, old.udp),
        };
        Ok(())
    }

    fn start_daemon(&mut self, new: &Daemon) -> Result<(), Errno> {
        let mixed = |service: &VirtualService| {
            let family = service.config.key.family();
            let dests = service.dests.iter().filter_map(|id| self.dests.get(*id));
            dests.into_iter().any(|dest| Family::of(dest.server.key.addr) != family)
        };
        if self.services.values().any(mixed) {
            return Err(Errno::INVAL);
        }
        if self.daemons.iter().any(|daemon| daemon.role == new.role) {
            return Err(Errno::EXIST);
        }
        if !INTERFACES.contains(&new.interface.as_str()) {
            return Err(Errno::NODEV);
        }
        let group = new.group.or((new.group6.is_none()).then_some(SYNC_GROUP));
        self.daemons.push(Daemon {
            max_len: new.max_len.filter(|len| *len != 0).or(Some(SYNC_MAX_LEN)),
            group,
            port: new.port.filter(|port| *port != 0).or(Some(SYNC_PORT)),
            ttl: new.ttl.filter(|ttl| *ttl != 0).or(Some(1)),
            ..new.clone()
        });
        self.daemons.sort_by_key(|daemon| daemon.role);
        Ok(())
    }

    fn stop_daemon(&mut self, role: DaemonRole) -> Result<(), Errno> {
        let at = self.daemons.iter().position(|daemon| daemon.role == role).ok_or(Errno::SRCH)?;
        self.daemons.remove(at);
        Ok(())
    }

    fn zero(&mut self, key: &ServiceKey) -> Result<(), Errno> {
        let service = self.services.get_mut(key).ok_or(Errno::SRCH)?;
        service.meter.zero();
        for id in &service.dests {
            if let Some(dest) = self.dests.get_mut(*id) {
                dest.meter.zero();
            }
        }
        Ok(())
    }

    fn zero_everything(&mut self) {
        for key in self.services.keys().copied().collect::<Vec<_>>() {
            // The key was just listed, so it is there.
            let _ = self.zero(&key);
        }
        self.totals.zero();
    }
}

/// IPv6 services want a prefix of 1 to 128, persistent or not.
fn check_service(service: &Service) -> Result<(), Errno> {
    match (service.key.family(), service.netmask) {
        (Family::V4, Netmask::V4(_)) | (Family::V6, Netmask::V6(1..=128)) => Ok(()),
        _ => Err(Errno::INVAL),
    }
}

/// The one persistence engine of the mainline kernel.
fn engine(service: &Service) -> Result<(), Errno> {
    match &service.pe {
        Some(name) if name.as_str() != "sip" => Err(Errno::NOENT),
        _ => Ok(()),
    }
}

/// Unicast or local addresses: neither the unspecified one, nor multicast, broadcast or IPv6
/// link-local.
fn may_be_server(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => !(addr.is_unspecified() || addr.is_multicast() || addr.is_broadcast()),
        IpAddr::V6(addr) => {
            !(addr.is_unspecified() || addr.is_multicast() || addr.is_unicast_link_local())
        }
    }
}
