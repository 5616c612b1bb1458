//! What is configured: services, servers, and what stands around them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Flaw;
use super::coder::{Bit, Bytes, Number, Pipe};
use crate::ipvs::{
    Daemon, DaemonRole, Family, Forwarding, Info, Netmask, PeName, Protocol, SchedulerName, Server,
    ServerKey, Service, ServiceFlags, ServiceKey, Timeouts, Tunnel, TunnelKind,
};
use crate::snapshot::{Sysctls, UnknownAttribute};

/// Passes a number through that is near `guess`. What does not fit was never written.
pub(super) fn near<T>(
    model: &mut Number,
    pipe: &mut impl Pipe,
    value: T,
    guess: T,
) -> Result<T, Flaw>
where
    T: Into<i64> + TryFrom<i64>,
{
    let (value, guess): (i64, i64) = (value.into(), guess.into());
    let passed = guess.wrapping_add(model.pass(pipe, value.wrapping_sub(guess)));
    T::try_from(passed).map_err(|_| Flaw::malformed("a number out of range"))
}

/// Passes text through.
pub(super) fn text(model: &mut Bytes, pipe: &mut impl Pipe, value: &str) -> Result<String, Flaw> {
    let bytes = model.pass(pipe, value.as_bytes());
    String::from_utf8(bytes).map_err(|_| Flaw::malformed("text that is none"))
}

/// Passes something through that may not be there.
fn maybe<T, P: Pipe>(
    model: &mut Bit,
    pipe: &mut P,
    value: Option<T>,
    blank: T,
    pass: impl FnOnce(&mut P, T) -> Result<T, Flaw>,
) -> Result<Option<T>, Flaw> {
    if !pipe.bit(model, value.is_some()) {
        return Ok(None);
    }
    pass(pipe, value.unwrap_or(blank)).map(Some)
}

/// Addresses, each near the one before it.
#[derive(Clone, Debug, Default)]
struct AddrModels {
    v6: [Bit; 2],
    v4: Number,
    halves: [Number; 2],
}

impl AddrModels {
    fn pass(&mut self, pipe: &mut impl Pipe, addr: IpAddr, guess: IpAddr) -> Result<IpAddr, Flaw> {
        let [four, six] = &mut self.v6;
        let model = if guess.is_ipv6() { six } else { four };
        if pipe.bit(model, addr.is_ipv6()) {
            let bits = |addr| match addr {
                IpAddr::V6(addr) => Ipv6Addr::to_bits(addr),
                IpAddr::V4(_) => 0,
            };
            let (addr, guess) = (bits(addr), bits(guess));
            let [high, low] = &mut self.halves;
            let half = |model: &mut Number, pipe: &mut _, value: u64, guess: u64| {
                guess.wrapping_add(model.pass(pipe, value.wrapping_sub(guess) as i64) as u64)
            };
            let high = half(high, pipe, (addr >> 64) as u64, (guess >> 64) as u64);
            let low = half(low, pipe, addr as u64, guess as u64);
            return Ok(Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).into());
        }
        let bits = |addr| match addr {
            IpAddr::V4(addr) => Ipv4Addr::to_bits(addr),
            IpAddr::V6(_) => 0,
        };
        let bits = near(&mut self.v4, pipe, bits(addr), bits(guess))?;
        Ok(Ipv4Addr::from_bits(bits).into())
    }
}

/// Services.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceModels {
    fwmark: Bit,
    v6: Bit,
    protocol: Number,
    addr: AddrModels,
    port: Number,
    mark: Number,
    same_scheduler: Bit,
    scheduler: Bytes,
    flags: Number,
    timeout: Number,
    mask: Number,
    engine: Bit,
    engine_name: Bytes,
}

/// What a reader hands in for what it will be given.
pub(super) fn blank_service() -> Service {
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let key = ServiceKey::endpoint(Protocol::TCP, any, 0);
    Service::new(key, SchedulerName::NONE)
}

impl ServiceModels {
    pub(super) fn key(
        &mut self,
        pipe: &mut impl Pipe,
        key: ServiceKey,
        guess: ServiceKey,
    ) -> Result<ServiceKey, Flaw> {
        let parts = |key| match key {
            ServiceKey::Endpoint { protocol, addr, port } => (protocol.0, addr, port, 0),
            ServiceKey::Fwmark { family, mark } => (0, family.unspecified(), 0, mark),
        };
        let (protocol, addr, port, mark) = parts(key);
        let (protocol2, addr2, port2, mark2) = parts(guess);
        if pipe.bit(&mut self.fwmark, matches!(key, ServiceKey::Fwmark { .. })) {
            let v6 = pipe.bit(&mut self.v6, key.family() == Family::V6);
            let family = if v6 { Family::V6 } else { Family::V4 };
            return Ok(ServiceKey::Fwmark {
                family,
                mark: near(&mut self.mark, pipe, mark, mark2)?,
            });
        }
        let protocol = Protocol(near(&mut self.protocol, pipe, protocol, protocol2)?);
        let addr = self.addr.pass(pipe, addr, addr2)?;
        let port = near(&mut self.port, pipe, port, port2)?;
        Ok(ServiceKey::Endpoint { protocol, addr, port })
    }

    /// Everything but the key, which is `key`.
    pub(super) fn rest(
        &mut self,
        pipe: &mut impl Pipe,
        key: ServiceKey,
        service: &Service,
        guess: &Service,
    ) -> Result<Service, Flaw> {
        let named = |name: &str| SchedulerName::new(name).map_err(Flaw::Malformed);
        let same = service.scheduler == guess.scheduler;
        let scheduler = if pipe.bit(&mut self.same_scheduler, same) {
            guess.scheduler.clone()
        } else {
            named(&text(&mut self.scheduler, pipe, service.scheduler.as_str())?)?
        };
        let flags = near(&mut self.flags, pipe, service.flags.bits(), guess.flags.bits())?;
        let timeout = near(&mut self.timeout, pipe, service.timeout, guess.timeout)?;
        let bits = |mask| match mask {
            Netmask::V4(mask) => Ipv4Addr::to_bits(mask),
            Netmask::V6(prefix) => prefix.into(),
        };
        let host = Netmask::host(key.family());
        let mask = near(&mut self.mask, pipe, bits(service.netmask), bits(host))?;
        let netmask = match key.family() {
            Family::V4 => Netmask::V4(Ipv4Addr::from_bits(mask)),
            Family::V6 => {
                let wrong = |_| Flaw::malformed("a prefix out of range");
                Netmask::V6(u8::try_from(mask).map_err(wrong)?)
            }
        };
        let engine = service.pe.as_ref().map(|pe| pe.as_str().to_owned());
        let names = &mut self.engine_name;
        let pass = |pipe: &mut _, name: String| text(names, pipe, &name);
        let pe = maybe(&mut self.engine, pipe, engine, String::new(), pass)?;
        let pe = pe.map(|name| PeName::new(&name).map_err(Flaw::Malformed)).transpose()?;
        let flags = ServiceFlags::from_bits_retain(flags);
        Ok(Service { key, scheduler, flags, timeout, netmask, pe })
    }
}

/// Real servers.
#[derive(Clone, Debug, Default)]
pub(super) struct ServerModels {
    addr: AddrModels,
    port: Number,
    forwarding: Number,
    weight: Number,
    thresholds: [Number; 2],
    tunnel: [Number; 3],
}

/// What a reader hands in for what it will be given.
pub(super) fn blank_server() -> Server {
    Server::new(ServerKey::new(Ipv4Addr::UNSPECIFIED.into(), 0), Forwarding::Masq, 0)
}

impl ServerModels {
    pub(super) fn key(
        &mut self,
        pipe: &mut impl Pipe,
        key: ServerKey,
        guess: ServerKey,
    ) -> Result<ServerKey, Flaw> {
        let addr = self.addr.pass(pipe, key.addr, guess.addr)?;
        Ok(ServerKey::new(addr, near(&mut self.port, pipe, key.port, guess.port)?))
    }

    /// Everything but the key, which is `key`.
    pub(super) fn rest(
        &mut self,
        pipe: &mut impl Pipe,
        key: ServerKey,
        server: &Server,
        guess: &Server,
    ) -> Result<Server, Flaw> {
        let (method, guessed) = (server.forwarding.number(), guess.forwarding.number());
        let method = near(&mut self.forwarding, pipe, method, guessed)?;
        let weight = near(&mut self.weight, pipe, server.weight, guess.weight)?;
        let [upper, lower] = &mut self.thresholds;
        let upper_threshold = near(upper, pipe, server.upper_threshold, guess.upper_threshold)?;
        let lower_threshold = near(lower, pipe, server.lower_threshold, guess.lower_threshold)?;
        let [kind, port, flags] = &mut self.tunnel;
        let (tunnel, like) = (server.tunnel, guess.tunnel);
        let kind = near(kind, pipe, tunnel.kind.number(), like.kind.number())?;
        let tunnel = Tunnel {
            kind: TunnelKind::from_number(kind),
            port: near(port, pipe, tunnel.port, like.port)?,
            flags: near(flags, pipe, tunnel.flags, like.flags)?,
        };
        let forwarding = Forwarding::from_number(method);
        Ok(Server { key, forwarding, weight, upper_threshold, lower_threshold, tunnel })
    }
}

/// What belongs to no service, and changes rarely.
#[derive(Clone, Debug, Default)]
pub(super) struct AroundModels {
    info: [Number; 2],
    timeouts: [Number; 3],
    count: Number,
    role: Number,
    sync_id: Number,
    there: [Bit; 5],
    numbers: [Number; 3],
    addr: AddrModels,
    text: Bytes,
    any_unknown: Bit,
    attribute: Number,
    bytes: Bytes,
}

impl AroundModels {
    pub(super) fn info(&mut self, pipe: &mut impl Pipe, info: Info) -> Result<Info, Flaw> {
        let [version, size] = &mut self.info;
        Ok(Info {
            version: near(version, pipe, info.version, 0x01_02_01)?,
            conn_tab_size: near(size, pipe, info.conn_tab_size, 4096)?,
        })
    }

    pub(super) fn timeouts(&mut self, pipe: &mut impl Pipe, t: Timeouts) -> Result<Timeouts, Flaw> {
        let [tcp, fin, udp] = &mut self.timeouts;
        Ok(Timeouts {
            tcp: near(tcp, pipe, t.tcp, 900)?,
            tcp_fin: near(fin, pipe, t.tcp_fin, 120)?,
            udp: near(udp, pipe, t.udp, 300)?,
        })
    }

    pub(super) fn daemons(
        &mut self,
        pipe: &mut impl Pipe,
        daemons: &[Daemon],
    ) -> Result<Vec<Daemon>, Flaw> {
        let count = near(&mut self.count, pipe, length(daemons), 0)?;
        let mut all = Vec::new();
        for n in 0..count {
            if pipe.is_dry() {
                return Err(Flaw::Short);
            }
            let daemon = daemons.get(n as usize).cloned();
            all.push(self.daemon(pipe, &daemon.unwrap_or_else(blank_daemon))?);
        }
        Ok(all)
    }

    fn daemon(&mut self, pipe: &mut impl Pipe, d: &Daemon) -> Result<Daemon, Flaw> {
        let role = near(&mut self.role, pipe, d.role.number(), 1)?;
        let role =
            DaemonRole::from_number(role).ok_or_else(|| Flaw::malformed("a daemon's role"))?;
        let interface = text(&mut self.text, pipe, &d.interface)?;
        let sync_id = near(&mut self.sync_id, pipe, d.sync_id, 0)?;
        let [has_len, has_group, has_group6, has_port, has_ttl] = &mut self.there;
        let [len, port, ttl] = &mut self.numbers;
        let addr = &mut self.addr;
        let max_len = maybe(has_len, pipe, d.max_len, 0, |p, v| near(len, p, v, 1_472))?;
        let any = Ipv4Addr::UNSPECIFIED;
        let group = maybe(has_group, pipe, d.group, any, |p, v| {
            match addr.pass(p, v.into(), any.into())? {
                IpAddr::V4(group) => Ok(group),
                IpAddr::V6(_) => Err(Flaw::malformed("a group of another family")),
            }
        })?;
        let any = Ipv6Addr::UNSPECIFIED;
        let group6 = maybe(has_group6, pipe, d.group6, any, |p, v| {
            match addr.pass(p, v.into(), any.into())? {
                IpAddr::V6(group) => Ok(group),
                IpAddr::V4(_) => Err(Flaw::malformed("a group of another family")),
            }
        })?;
        let port = maybe(has_port, pipe, d.port, 0, |p, v| near(port, p, v, 8_848))?;
        let ttl = maybe(has_ttl, pipe, d.ttl, 0, |p, v| near(ttl, p, v, 1))?;
        Ok(Daemon { role, interface, sync_id, max_len, group, group6, port, ttl })
    }

    pub(super) fn sysctls(&mut self, pipe: &mut impl Pipe, all: &Sysctls) -> Result<Sysctls, Flaw> {
        let count = near(&mut self.count, pipe, u32::try_from(all.len()).unwrap_or(u32::MAX), 0)?;
        let mut values = all.iter();
        let mut passed = Sysctls::new();
        for _ in 0..count {
            if pipe.is_dry() {
                return Err(Flaw::Short);
            }
            let (name, value) = values.next().map_or(("", ""), |(n, v)| (n.as_str(), v.as_str()));
            let name = text(&mut self.text, pipe, name)?;
            passed.insert(name, text(&mut self.text, pipe, value)?);
        }
        Ok(passed)
    }

    /// A sentence: why a part could not be read.
    pub(super) fn why(&mut self, pipe: &mut impl Pipe, why: &str) -> Result<String, Flaw> {
        text(&mut self.text, pipe, why)
    }

    /// What the kernel said that this program does not know.
    pub(super) fn unknown(
        &mut self,
        pipe: &mut impl Pipe,
        all: &[UnknownAttribute],
    ) -> Result<Vec<UnknownAttribute>, Flaw> {
        if !pipe.bit(&mut self.any_unknown, !all.is_empty()) {
            return Ok(Vec::new());
        }
        let count = near(&mut self.count, pipe, length(all), 0)?;
        let mut passed = Vec::new();
        for n in 0..count {
            if pipe.is_dry() {
                return Err(Flaw::Short);
            }
            let one = all.get(n as usize);
            let number = near(&mut self.attribute, pipe, one.map_or(0, |a| a.number), 16)?;
            let bytes = self.bytes.pass(pipe, one.map_or(&[], |a| a.bytes.as_slice()));
            passed.push(UnknownAttribute { number, bytes });
        }
        Ok(passed)
    }
}

fn blank_daemon() -> Daemon {
    Daemon {
        role: DaemonRole::Master,
        interface: String::new(),
        sync_id: 0,
        max_len: None,
        group: None,
        group6: None,
        port: None,
        ttl: None,
    }
}

fn length<T>(all: &[T]) -> u32 {
    u32::try_from(all.len()).unwrap_or(u32::MAX)
}
