//! Replies to nouns. Everything is read in place; only names that are not well known, and
//! attributes that are not known at all, are copied.
//!
//! Attributes may come in any order and any may be missing, so the raw values are gathered
//! first. A decode error names the kernel's constant.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::NLA_TYPE_MASK;

use super::constants::{self, daemon as d, dest, svc, top};
use super::usual;
use crate::ipvs::{
    Counters, Daemon, DaemonRole, Family, Forwarding, Info, Netmask, PeName, Protocol, Rates,
    SchedulerName, Server, ServerKey, Service, ServiceFlags, ServiceKey, Stats, Timeouts, Tunnel,
    TunnelKind,
};
use crate::kernel::KernelError;
use crate::snapshot::{Known, Moment, ServerEntry, Servers, ServiceEntry, UnknownAttribute};

/// Walks the attributes of a nest in place, and remembers the first thing that was wrong.
///
/// netlink-packet-core has such an iterator; with its checked getters, and a Result for each of
/// some 30 values a server, a large table's poll spent more time here than the kernel did in
/// making the dump (measured by tests/bench/poll.rs). So there is one check, in [`Walk::end`].
struct Walk<'a> {
    rest: &'a [u8],
    wrong: Option<&'static str>,
}

impl<'a> Walk<'a> {
    fn new(nest: &'a [u8]) -> Self {
        Self { rest: nest, wrong: None }
    }

    /// The next attribute: its number without the flag bits, and its bytes.
    #[inline]
    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let (header, _) = self.rest.split_first_chunk::<4>()?;
        let [length, kind] =
            [[header[0], header[1]], [header[2], header[3]]].map(u16::from_ne_bytes);
        let (length, kind) = (usize::from(length), kind & NLA_TYPE_MASK);
        let Some(value) = self.rest.get(4..length) else {
            self.wrong = Some("the length of an attribute");
            self.rest = &[];
            return None;
        };
        self.rest = self.rest.get((length + 3) & !3..).unwrap_or_default();
        Some((kind, value))
    }

    /// A number of exactly as many bytes as `N`; zeroes, and something wrong, if it has others.
    #[inline]
    fn number<const N: usize>(&mut self, value: &[u8], constant: &'static str) -> [u8; N] {
        value.try_into().unwrap_or_else(|_| {
            self.wrong.get_or_insert(constant);
            [0; N]
        })
    }

    #[inline]
    fn u8(&mut self, value: &[u8], constant: &'static str) -> u8 {
        u8::from_ne_bytes(self.number(value, constant))
    }

    #[inline]
    fn u16(&mut self, value: &[u8], constant: &'static str) -> u16 {
        u16::from_ne_bytes(self.number(value, constant))
    }

    /// Ports are big-endian.
    #[inline]
    fn port(&mut self, value: &[u8], constant: &'static str) -> u16 {
        u16::from_be_bytes(self.number(value, constant))
    }

    #[inline]
    fn u32(&mut self, value: &[u8], constant: &'static str) -> u32 {
        u32::from_ne_bytes(self.number(value, constant))
    }

    /// Whether everything was understood.
    fn end(self) -> Result<(), KernelError> {
        match self.wrong {
            None => Ok(()),
            Some(constant) => Err(KernelError::malformed(constant, "it has the wrong length")),
        }
    }
}

fn absent(constant: &str) -> KernelError {
    KernelError::malformed("an IPVS reply", format!("{constant} is missing"))
}

/// The nest numbered `kind` at the top level of a message.
fn nest<'a>(payload: &'a [u8], kind: u16, constant: &str) -> Result<&'a [u8], KernelError> {
    let mut walk = Walk::new(payload);
    while let Some((found, value)) = walk.next() {
        if found == kind {
            return Ok(value);
        }
    }
    walk.end()?;
    Err(absent(constant))
}

fn unknown_one(number: u16, value: &[u8]) -> UnknownAttribute {
    UnknownAttribute { number, bytes: value.to_vec() }
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
    let mut walk = Walk::new(nest);
    while let Some((kind, value)) = walk.next() {
        match kind {
            svc::AF => af = Some(walk.u16(value, "IPVS_SVC_ATTR_AF")),
            svc::PROTOCOL => protocol = walk.u16(value, "IPVS_SVC_ATTR_PROTOCOL"),
            svc::ADDR => addr = padded(value),
            svc::PORT => port = walk.port(value, "IPVS_SVC_ATTR_PORT"),
            svc::FWMARK => mark = Some(walk.u32(value, "IPVS_SVC_ATTR_FWMARK")),
            svc::SCHED_NAME => {
                let name = text(value, "IPVS_SVC_ATTR_SCHED_NAME")?;
                scheduler = Some(
                    SchedulerName::new(name)
                        .map_err(|why| KernelError::malformed("IPVS_SVC_ATTR_SCHED_NAME", why))?,
                );
            }
            svc::FLAGS => {
                let bits = value.get(..4).unwrap_or_default(); // the mask behind is all ones
                flags = walk.u32(bits, "IPVS_SVC_ATTR_FLAGS");
            }
            svc::TIMEOUT => timeout = walk.u32(value, "IPVS_SVC_ATTR_TIMEOUT"),
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
            svc::STATS => narrow = Some(value),
            svc::STATS64 => wide = Some(value),
            _ => unknown.push(unknown_one(kind, value)),
        }
    }
    walk.end()?;

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
        stats: wide.or(narrow).map(stats).transpose()?,
        servers: Servers::default(),
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
    let mut one = VecDeque::with_capacity(1);
    server_before(payload, service, &mut one)?;
    one.pop_front().ok_or_else(|| absent("IPVS_CMD_ATTR_DEST"))
}

/// As [`server`], before all others: the kernel lists the newest first, so servers that were added
/// in order come backwards.
pub(super) fn server_before(
    payload: &[u8],
    service: Family,
    all: &mut VecDeque<ServerEntry>,
) -> Result<(), KernelError> {
    if let Some(entry) = usual::server(payload) {
        all.push_front(entry);
        return Ok(());
    }
    let nest = nest(payload, top::DEST, "IPVS_CMD_ATTR_DEST")?;
    let (mut af, mut addr, mut port) = (None, None, 0);
    let (mut forwarding, mut weight, mut upper, mut lower) = (0, None, 0, 0);
    let (mut active, mut inactive, mut persistent) = (0, 0, None);
    let (mut narrow, mut wide) = (None, None);
    let mut tunnel = Tunnel::default();
    let mut unknown = Vec::new();
    let mut walk = Walk::new(nest);
    while let Some((kind, value)) = walk.next() {
        match kind {
            dest::ADDR => addr = Some(padded(value)),
            dest::PORT => port = walk.port(value, "IPVS_DEST_ATTR_PORT"),
            dest::FWD_METHOD => forwarding = walk.u32(value, "IPVS_DEST_ATTR_FWD_METHOD"),
            dest::WEIGHT => weight = Some(walk.u32(value, "IPVS_DEST_ATTR_WEIGHT")),
            dest::U_THRESH => upper = walk.u32(value, "IPVS_DEST_ATTR_U_THRESH"),
            dest::L_THRESH => lower = walk.u32(value, "IPVS_DEST_ATTR_L_THRESH"),
            dest::ACTIVE_CONNS => active = walk.u32(value, "IPVS_DEST_ATTR_ACTIVE_CONNS"),
            dest::INACT_CONNS => inactive = walk.u32(value, "IPVS_DEST_ATTR_INACT_CONNS"),
            dest::PERSIST_CONNS => {
                persistent = Some(walk.u32(value, "IPVS_DEST_ATTR_PERSIST_CONNS"));
            }
            dest::STATS => narrow = Some(value),
            dest::STATS64 => wide = Some(value),
            dest::ADDR_FAMILY => af = Some(walk.u16(value, "IPVS_DEST_ATTR_ADDR_FAMILY")),
            dest::TUN_TYPE => {
                let kind = walk.u8(value, "IPVS_DEST_ATTR_TUN_TYPE");
                tunnel.kind = TunnelKind::from_number(kind);
            }
            dest::TUN_PORT => tunnel.port = walk.port(value, "IPVS_DEST_ATTR_TUN_PORT"),
            dest::TUN_FLAGS => tunnel.flags = walk.u16(value, "IPVS_DEST_ATTR_TUN_FLAGS"),
            _ => unknown.push(unknown_one(kind, value)),
        }
    }
    walk.end()?;

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
    let stats = wide.or(narrow).map(stats).transpose()?;
    all.push_front(ServerEntry { server, active, inactive, persistent, stats, unknown });
    Ok(())
}

/// At most 16 bytes, padded with zeroes.
fn padded(value: &[u8]) -> [u8; 16] {
    if let Ok(whole) = value.try_into() {
        return whole; // what the kernel sends
    }
    let mut all = [0; 16];
    all.iter_mut().zip(value).for_each(|(to, from)| *to = *from);
    all
}

/// STATS and STATS64 share their numbers; the width tells them apart. On machines that need no
/// 8-byte alignment the u64 values may be 4-byte aligned, so they are read byte by byte.
fn stats(nest: &[u8]) -> Result<Stats, KernelError> {
    use constants::stats::{CONNS, OUTBPS};
    const CONSTANT: &str = "IPVS_STATS_ATTR_*";
    let mut values = [0_u64; 10];
    let mut walk = Walk::new(nest);
    while let Some((kind, value)) = walk.next() {
        // PAD, and whatever a later kernel counts besides, lie behind.
        let Some(slot) = values.get_mut(usize::from(kind.wrapping_sub(CONNS))) else { continue };
        *slot = match value.len() {
            4 => walk.u32(value, CONSTANT).into(),
            _ => u64::from_ne_bytes(walk.number(value, CONSTANT)),
        };
    }
    walk.end()?;
    const { assert!(OUTBPS - CONNS == 9, "ten numbers in a row") };
    let [connections, in_packets, out_packets, in_bytes, out_bytes, rates @ ..] = values;
    let counters = Counters { connections, in_packets, out_packets, in_bytes, out_bytes };
    let [connections, in_packets, out_packets, in_bytes, out_bytes] = rates;
    let rates = Rates { connections, in_packets, out_packets, in_bytes, out_bytes };
    Ok(Stats { counters, rates })
}

/// Version and table size from the reply to GET_INFO.
///
/// # Errors
/// As [`service`].
pub fn info(payload: &[u8]) -> Result<Info, KernelError> {
    let (mut version, mut size) = (None, None);
    let mut walk = Walk::new(payload);
    while let Some((kind, value)) = walk.next() {
        match kind {
            constants::info::VERSION => {
                version = Some(walk.u32(value, "IPVS_INFO_ATTR_VERSION"));
            }
            constants::info::CONN_TAB_SIZE => {
                size = Some(walk.u32(value, "IPVS_INFO_ATTR_CONN_TAB_SIZE"));
            }
            _ => {}
        }
    }
    walk.end()?;
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
    let mut walk = Walk::new(payload);
    while let Some((kind, value)) = walk.next() {
        let value = match kind {
            top::TIMEOUT_TCP..=top::TIMEOUT_UDP => walk.u32(value, "IPVS_CMD_ATTR_TIMEOUT_*"),
            _ => continue,
        };
        match kind {
            top::TIMEOUT_TCP => all.tcp = value,
            top::TIMEOUT_TCP_FIN => all.tcp_fin = value,
            top::TIMEOUT_UDP => all.udp = value,
            _ => {}
        }
    }
    walk.end()?;
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
    let mut walk = Walk::new(nest);
    while let Some((kind, value)) = walk.next() {
        match kind {
            d::STATE => {
                let state = walk.u32(value, "IPVS_DAEMON_ATTR_STATE");
                role = DaemonRole::from_number(state);
            }
            d::MCAST_IFN => text(value, "IPVS_DAEMON_ATTR_MCAST_IFN")?.clone_into(&mut interface),
            d::SYNC_ID => sync_id = walk.u32(value, "IPVS_DAEMON_ATTR_SYNC_ID"),
            d::SYNC_MAXLEN => {
                max_len = Some(walk.u16(value, "IPVS_DAEMON_ATTR_SYNC_MAXLEN"));
            }
            d::MCAST_GROUP => group = value.first_chunk::<4>().copied().map(Ipv4Addr::from),
            d::MCAST_GROUP6 => group6 = value.first_chunk::<16>().copied().map(Ipv6Addr::from),
            d::MCAST_PORT => port = Some(walk.u16(value, "IPVS_DAEMON_ATTR_MCAST_PORT")),
            d::MCAST_TTL => ttl = Some(walk.u8(value, "IPVS_DAEMON_ATTR_MCAST_TTL")),
            _ => {}
        }
    }
    walk.end()?;
    let role = role.ok_or_else(|| absent("IPVS_DAEMON_ATTR_STATE"))?;
    Ok(Daemon { role, interface, sync_id, max_len, group, group6, port, ttl })
}
