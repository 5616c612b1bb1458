//! Replies to nouns. Everything is read in place; only names that are not well known, and
//! attributes that are not known at all, are copied.
//!
//! Attributes may come in any order and any may be missing, so the raw values are gathered
//! first. A decode error names the kernel's constant.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{
    DecodeError, NlaBuffer, NlasIterator, parse_u8, parse_u16, parse_u16_be, parse_u32, parse_u64,
};

use super::constants::{self, daemon as d, dest, svc, top};
use crate::ipvs::{
    Counters, Daemon, DaemonRole, Family, Forwarding, Info, Netmask, PeName, Protocol, Rates,
    SchedulerName, Server, ServerKey, Service, ServiceFlags, ServiceKey, Stats, Timeouts, Tunnel,
    TunnelKind,
};
use crate::kernel::KernelError;
use crate::snapshot::{Known, Moment, ServerEntry, ServiceEntry, UnknownAttribute};

type Nla<'a> = NlaBuffer<&'a [u8]>;

/// What every decoder needs: an error that names the constant.
trait Named<T> {
    fn named(self, constant: &str) -> Result<T, KernelError>;
}

impl<T> Named<T> for Result<T, DecodeError> {
    fn named(self, constant: &str) -> Result<T, KernelError> {
        self.map_err(|e| KernelError::malformed(constant, e.to_string()))
    }
}

fn absent(constant: &str) -> KernelError {
    KernelError::malformed("an IPVS reply", format!("{constant} is missing"))
}

/// Calls `each` for every attribute of a nest.
fn walk(
    nest: &[u8],
    what: &str,
    mut each: impl FnMut(&Nla<'_>) -> Result<(), KernelError>,
) -> Result<(), KernelError> {
    for nla in NlasIterator::new(nest) {
        each(&nla.named(what)?)?;
    }
    Ok(())
}

/// The nest numbered `kind` at the top level of a message.
fn nest<'a>(payload: &'a [u8], kind: u16, constant: &str) -> Result<&'a [u8], KernelError> {
    for nla in NlasIterator::new(payload) {
        let nla = nla.named("the attributes of an IPVS reply")?;
        if nla.kind() == kind {
            let length = usize::from(nla.length());
            return Ok(nla.into_inner().get(4..length).unwrap_or_default());
        }
    }
    Err(absent(constant))
}

fn keep(unknown: &mut Vec<UnknownAttribute>, nla: &Nla<'_>) {
    unknown.push(UnknownAttribute { number: nla.kind(), bytes: nla.value().to_vec() });
}

/// An address attribute: 16 bytes from the kernel, of which v4 uses the first 4. Four bytes are
/// understood too.
fn address(raw: &[u8], family: Family, constant: &str) -> Result<IpAddr, KernelError> {
    let wrong = || KernelError::malformed(constant, format!("{} bytes are no address", raw.len()));
    Ok(match family {
        Family::V4 => Ipv4Addr::from(*raw.first_chunk::<4>().ok_or_else(wrong)?).into(),
        Family::V6 => Ipv6Addr::from(*raw.first_chunk::<16>().ok_or_else(wrong)?).into(),
    })
}

fn family(number: u16, constant: &str) -> Result<Family, KernelError> {
    Family::from_number(number)
        .ok_or_else(|| KernelError::malformed(constant, format!("family {number} is unknown")))
}

/// NUL-terminated text.
fn text<'a>(raw: &'a [u8], constant: &str) -> Result<&'a str, KernelError> {
    let end = raw.iter().position(|b| *b == 0).unwrap_or(raw.len());
    std::str::from_utf8(raw.get(..end).unwrap_or_default())
        .map_err(|e| KernelError::malformed(constant, e.to_string()))
}

/// A virtual service from a NEW_SERVICE message, without servers.
///
/// # Errors
/// [`KernelError::Malformed`] naming the constant that is missing or not understood.
pub fn service(payload: &[u8]) -> Result<ServiceEntry, KernelError> {
    let nest = nest(payload, top::SERVICE, "IPVS_CMD_ATTR_SERVICE")?;
    let mut af = None;
    let (mut protocol, mut addr, mut port, mut mark) = (0, [0; 16], 0, None);
    let (mut scheduler, mut flags, mut timeout, mut netmask) = (None, 0, 0, None);
    let (mut pe, mut narrow, mut wide) = (None, None, None);
    let mut unknown = Vec::new();
    walk(nest, "IPVS_CMD_ATTR_SERVICE", |nla| {
        let value = nla.value();
        match nla.kind() {
            svc::AF => af = Some(parse_u16(value).named("IPVS_SVC_ATTR_AF")?),
            svc::PROTOCOL => protocol = parse_u16(value).named("IPVS_SVC_ATTR_PROTOCOL")?,
            svc::ADDR => addr = padded(value),
            svc::PORT => port = parse_u16_be(value).named("IPVS_SVC_ATTR_PORT")?,
            svc::FWMARK => mark = Some(parse_u32(value).named("IPVS_SVC_ATTR_FWMARK")?),
            svc::SCHED_NAME => {
                let name = text(value, "IPVS_SVC_ATTR_SCHED_NAME")?;
                scheduler = Some(
                    SchedulerName::new(name)
                        .map_err(|why| KernelError::malformed("IPVS_SVC_ATTR_SCHED_NAME", why))?,
                );
            }
            svc::FLAGS => {
                let bits = value.get(..4).unwrap_or_default(); // the mask behind is all ones
                flags = parse_u32(bits).named("IPVS_SVC_ATTR_FLAGS")?;
            }
            svc::TIMEOUT => timeout = parse_u32(value).named("IPVS_SVC_ATTR_TIMEOUT")?,
            svc::NETMASK => netmask = value.first_chunk::<4>().copied(),
            svc::PE_NAME => {
                let name = text(value, "IPVS_SVC_ATTR_PE_NAME")?;
                if !name.is_empty() {
                    pe = Some(
                        PeName::new(name)
                            .map_err(|why| KernelError::malformed("IPVS_SVC_ATTR_PE_NAME", why))?,
                    );
                }
            }
            svc::STATS => narrow = Some(stats(value)?),
            svc::STATS64 => wide = Some(stats(value)?),
            _ => keep(&mut unknown, nla),
        }
        Ok(())
    })?;

    let family = family(af.ok_or_else(|| absent("IPVS_SVC_ATTR_AF"))?, "IPVS_SVC_ATTR_AF")?;
    let key = match mark {
        Some(mark) if mark != 0 => ServiceKey::Fwmark { family, mark },
        _ => {
            let addr = address(&addr, family, "IPVS_SVC_ATTR_ADDR")?;
            ServiceKey::Endpoint { protocol: Protocol(protocol), addr, port }
        }
    };
    let netmask = netmask.ok_or_else(|| absent("IPVS_SVC_ATTR_NETMASK"))?;
    let netmask = match family {
        Family::V4 => Netmask::V4(Ipv4Addr::from(netmask)),
        Family::V6 => Netmask::V6(
            u8::try_from(u32::from_ne_bytes(netmask))
                .map_err(|e| KernelError::malformed("IPVS_SVC_ATTR_NETMASK", e.to_string()))?,
        ),
    };
    let service = Service {
        key,
        scheduler: scheduler.ok_or_else(|| absent("IPVS_SVC_ATTR_SCHED_NAME"))?,
        flags: ServiceFlags::from_bits_retain(flags),
        timeout,
        netmask,
        pe,
    };
    Ok(ServiceEntry {
        service,
        known: Known::Whole,
        stats: wide.or(narrow),
        servers: Vec::new(),
        servers_read: Moment::default(),
        unknown,
    })
}

/// A real server from a NEW_DEST message. `service` is the family of its service, which it has
/// when the kernel (before 4.4) names none.
///
/// # Errors
/// As [`service`].
pub fn server(payload: &[u8], service: Family) -> Result<ServerEntry, KernelError> {
    let nest = nest(payload, top::DEST, "IPVS_CMD_ATTR_DEST")?;
    let (mut af, mut addr, mut port) = (None, None, 0);
    let (mut forwarding, mut weight, mut upper, mut lower) = (0, None, 0, 0);
    let (mut active, mut inactive, mut persistent) = (0, 0, None);
    let (mut narrow, mut wide) = (None, None);
    let mut tunnel = Tunnel::default();
    let mut unknown = Vec::new();
    walk(nest, "IPVS_CMD_ATTR_DEST", |nla| {
        let value = nla.value();
        match nla.kind() {
            dest::ADDR => addr = Some(padded(value)),
            dest::PORT => port = parse_u16_be(value).named("IPVS_DEST_ATTR_PORT")?,
            dest::FWD_METHOD => forwarding = parse_u32(value).named("IPVS_DEST_ATTR_FWD_METHOD")?,
            dest::WEIGHT => weight = Some(parse_u32(value).named("IPVS_DEST_ATTR_WEIGHT")?),
            dest::U_THRESH => upper = parse_u32(value).named("IPVS_DEST_ATTR_U_THRESH")?,
            dest::L_THRESH => lower = parse_u32(value).named("IPVS_DEST_ATTR_L_THRESH")?,
            dest::ACTIVE_CONNS => active = parse_u32(value).named("IPVS_DEST_ATTR_ACTIVE_CONNS")?,
            dest::INACT_CONNS => inactive = parse_u32(value).named("IPVS_DEST_ATTR_INACT_CONNS")?,
            dest::PERSIST_CONNS => {
                persistent = Some(parse_u32(value).named("IPVS_DEST_ATTR_PERSIST_CONNS")?);
            }
            dest::STATS => narrow = Some(value_stats(nla)?),
            dest::STATS64 => wide = Some(value_stats(nla)?),
            dest::ADDR_FAMILY => af = Some(parse_u16(value).named("IPVS_DEST_ATTR_ADDR_FAMILY")?),
            dest::TUN_TYPE => {
                let kind = parse_u8(value).named("IPVS_DEST_ATTR_TUN_TYPE")?;
                tunnel.kind = TunnelKind::from_number(kind);
            }
            dest::TUN_PORT => tunnel.port = parse_u16_be(value).named("IPVS_DEST_ATTR_TUN_PORT")?,
            dest::TUN_FLAGS => tunnel.flags = parse_u16(value).named("IPVS_DEST_ATTR_TUN_FLAGS")?,
            _ => keep(&mut unknown, nla),
        }
        Ok(())
    })?;

    let family = match af {
        Some(number) => family(number, "IPVS_DEST_ATTR_ADDR_FAMILY")?,
        None => service,
    };
    let addr = addr.ok_or_else(|| absent("IPVS_DEST_ATTR_ADDR"))?;
    let addr = address(&addr, family, "IPVS_DEST_ATTR_ADDR")?;
    let server = Server {
        key: ServerKey { addr, port },
        forwarding: Forwarding::from_number(forwarding),
        weight: weight.ok_or_else(|| absent("IPVS_DEST_ATTR_WEIGHT"))?,
        upper_threshold: upper,
        lower_threshold: lower,
        tunnel,
    };
    Ok(ServerEntry { server, active, inactive, persistent, stats: wide.or(narrow), unknown })
}

/// At most 16 bytes, padded with zeroes.
fn padded(value: &[u8]) -> [u8; 16] {
    let mut all = [0; 16];
    for (to, from) in all.iter_mut().zip(value) {
        *to = *from;
    }
    all
}

fn value_stats(nla: &Nla<'_>) -> Result<Stats, KernelError> {
    stats(nla.value())
}

/// STATS and STATS64 share their numbers; the width tells them apart. On machines that need no
/// 8-byte alignment the u64 values may be 4-byte aligned, so they are read byte by byte.
fn stats(nest: &[u8]) -> Result<Stats, KernelError> {
    use constants::stats as s;
    let mut counters = Counters::default();
    let mut rates = Rates::default();
    walk(nest, "IPVS_SVC_ATTR_STATS64", |nla| {
        let field = match nla.kind() {
            s::CONNS => &mut counters.connections,
            s::INPKTS => &mut counters.in_packets,
            s::OUTPKTS => &mut counters.out_packets,
            s::INBYTES => &mut counters.in_bytes,
            s::OUTBYTES => &mut counters.out_bytes,
            s::CPS => &mut rates.connections,
            s::INPPS => &mut rates.in_packets,
            s::OUTPPS => &mut rates.out_packets,
            s::INBPS => &mut rates.in_bytes,
            s::OUTBPS => &mut rates.out_bytes,
            _ => return Ok(()), // PAD, and whatever a later kernel counts besides
        };
        let value = nla.value();
        *field = match value.len() {
            4 => parse_u32(value).named("IPVS_STATS_ATTR_*")?.into(),
            _ => parse_u64(value).named("IPVS_STATS_ATTR_*")?,
        };
        Ok(())
    })?;
    Ok(Stats { counters, rates })
}

/// Version and table size from the reply to GET_INFO.
///
/// # Errors
/// As [`service`].
pub fn info(payload: &[u8]) -> Result<Info, KernelError> {
    let (mut version, mut size) = (None, None);
    walk(payload, "IPVS_CMD_SET_INFO", |nla| {
        match nla.kind() {
            constants::info::VERSION => {
                version = Some(parse_u32(nla.value()).named("IPVS_INFO_ATTR_VERSION")?);
            }
            constants::info::CONN_TAB_SIZE => {
                size = Some(parse_u32(nla.value()).named("IPVS_INFO_ATTR_CONN_TAB_SIZE")?);
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(Info {
        version: version.ok_or_else(|| absent("IPVS_INFO_ATTR_VERSION"))?,
        conn_tab_size: size.ok_or_else(|| absent("IPVS_INFO_ATTR_CONN_TAB_SIZE"))?,
    })
}

/// Protocol timeouts in seconds from the reply to GET_CONFIG. A protocol that the kernel was
/// built without is left out and reads as 0.
///
/// # Errors
/// As [`service`].
pub fn timeouts(payload: &[u8]) -> Result<Timeouts, KernelError> {
    let mut all = Timeouts::default();
    walk(payload, "IPVS_CMD_SET_CONFIG", |nla| {
        let value = || parse_u32(nla.value()).named("IPVS_CMD_ATTR_TIMEOUT_*");
        match nla.kind() {
            top::TIMEOUT_TCP => all.tcp = value()?,
            top::TIMEOUT_TCP_FIN => all.tcp_fin = value()?,
            top::TIMEOUT_UDP => all.udp = value()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(all)
}

/// A synchronisation daemon from a NEW_DAEMON message.
///
/// # Errors
/// As [`service`].
pub fn daemon(payload: &[u8]) -> Result<Daemon, KernelError> {
    let nest = nest(payload, top::DAEMON, "IPVS_CMD_ATTR_DAEMON")?;
    let (mut role, mut interface, mut sync_id) = (None, String::new(), 0);
    let (mut max_len, mut group, mut group6, mut port, mut ttl) = (None, None, None, None, None);
    walk(nest, "IPVS_CMD_ATTR_DAEMON", |nla| {
        let value = nla.value();
        match nla.kind() {
            d::STATE => {
                let state = parse_u32(value).named("IPVS_DAEMON_ATTR_STATE")?;
                role = DaemonRole::from_number(state);
            }
            d::MCAST_IFN => text(value, "IPVS_DAEMON_ATTR_MCAST_IFN")?.clone_into(&mut interface),
            d::SYNC_ID => sync_id = parse_u32(value).named("IPVS_DAEMON_ATTR_SYNC_ID")?,
            d::SYNC_MAXLEN => {
                max_len = Some(parse_u16(value).named("IPVS_DAEMON_ATTR_SYNC_MAXLEN")?);
            }
            d::MCAST_GROUP => group = value.first_chunk::<4>().copied().map(Ipv4Addr::from),
            d::MCAST_GROUP6 => group6 = value.first_chunk::<16>().copied().map(Ipv6Addr::from),
            d::MCAST_PORT => port = Some(parse_u16(value).named("IPVS_DAEMON_ATTR_MCAST_PORT")?),
            d::MCAST_TTL => ttl = Some(parse_u8(value).named("IPVS_DAEMON_ATTR_MCAST_TTL")?),
            _ => {}
        }
        Ok(())
    })?;
    let role = role.ok_or_else(|| absent("IPVS_DAEMON_ATTR_STATE"))?;
    Ok(Daemon { role, interface, sync_id, max_len, group, group6, port, ttl })
}
