//! A real server as every kernel from 5.3 to 7.2 sends it: the same attributes in the same order,
//! each of them as long as always. Then every attribute is at a place that the compiler knows, and
//! costs one comparison. What is different in any way is walked by [`decode`](super::decode).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::constants::{dest, stats, top};
use crate::ipvs::{
    Counters, Family, Forwarding, Rates, Server, ServerKey, Stats, Tunnel, TunnelKind,
};
use crate::snapshot::ServerEntry;

/// The attributes in the order of `ip_vs_genl_fill_dest`, with the lengths of their values.
const ORDER: [(u16, usize); 15] = [
    (dest::ADDR, 16),
    (dest::PORT, 2),
    (dest::FWD_METHOD, 4),
    (dest::WEIGHT, 4),
    (dest::TUN_TYPE, 1),
    (dest::TUN_PORT, 2),
    (dest::TUN_FLAGS, 2),
    (dest::U_THRESH, 4),
    (dest::L_THRESH, 4),
    (dest::ACTIVE_CONNS, 4),
    (dest::INACT_CONNS, 4),
    (dest::PERSIST_CONNS, 4),
    (dest::ADDR_FAMILY, 2),
    (dest::STATS, 88),
    (dest::STATS64, NUMBERS * WIDE),
];
/// How many numbers STATS64 holds, and how many bytes each with its header.
const NUMBERS: usize = (stats::OUTBPS - stats::CONNS + 1) as usize;
const WIDE: usize = HEADER + 8;
const HEADER: usize = 4;
/// The bytes of all of it.
const SIZE: usize = place(0);

/// Where the value of an attribute is; where they end, if there is no such attribute.
const fn place(kind: u16) -> usize {
    let (mut at, mut order) = (HEADER, ORDER.as_slice());
    while let [(found, length), rest @ ..] = order {
        if *found == kind {
            return at + HEADER;
        }
        at += HEADER + length.next_multiple_of(4);
        order = rest;
    }
    at
}

/// How long the value of an attribute is.
const fn length(kind: u16) -> usize {
    let mut order = ORDER.as_slice();
    while let [(found, length), rest @ ..] = order {
        if *found == kind {
            return *length;
        }
        order = rest;
    }
    0
}

/// The header of an attribute, as one number.
const fn header(kind: u16, length: usize) -> u32 {
    let ([a, b], [c, d]) = (((HEADER + length) as u16).to_ne_bytes(), kind.to_ne_bytes());
    u32::from_ne_bytes([a, b, c, d])
}

/// The server in `payload`, if that is as always.
#[inline]
pub(super) fn server(payload: &[u8]) -> Option<ServerEntry> {
    let bytes: &[u8; SIZE] = payload.try_into().ok()?;
    let nests = number_at(bytes, 0) == const { header(top::DEST, SIZE - HEADER) }
        && head::<{ dest::STATS }>(bytes)
        && head::<{ dest::STATS64 }>(bytes);
    if !nests {
        return None;
    }
    let addr = value::<{ dest::ADDR }, 16>(bytes)?;
    let [a, b, c, d, ..] = addr;
    let addr: IpAddr = match Family::from_number(short::<{ dest::ADDR_FAMILY }>(bytes)?)? {
        Family::V4 => Ipv4Addr::new(a, b, c, d).into(),
        Family::V6 => Ipv6Addr::from(addr).into(),
    };
    let server = Server {
        key: ServerKey { addr, port: u16::from_be(short::<{ dest::PORT }>(bytes)?) },
        forwarding: Forwarding::from_number(long::<{ dest::FWD_METHOD }>(bytes)?),
        weight: long::<{ dest::WEIGHT }>(bytes)?,
        upper_threshold: long::<{ dest::U_THRESH }>(bytes)?,
        lower_threshold: long::<{ dest::L_THRESH }>(bytes)?,
        tunnel: Tunnel {
            kind: TunnelKind::from_number(u8::from_ne_bytes(value::<{ dest::TUN_TYPE }, 1>(
                bytes,
            )?)),
            port: u16::from_be(short::<{ dest::TUN_PORT }>(bytes)?),
            flags: short::<{ dest::TUN_FLAGS }>(bytes)?,
        },
    };
    let counters = Counters {
        connections: count::<0>(bytes)?,
        in_packets: count::<1>(bytes)?,
        out_packets: count::<2>(bytes)?,
        in_bytes: count::<3>(bytes)?,
        out_bytes: count::<4>(bytes)?,
    };
    let rates = Rates {
        connections: count::<5>(bytes)?,
        in_packets: count::<6>(bytes)?,
        out_packets: count::<7>(bytes)?,
        in_bytes: count::<8>(bytes)?,
        out_bytes: count::<9>(bytes)?,
    };
    Some(ServerEntry {
        server,
        active: long::<{ dest::ACTIVE_CONNS }>(bytes)?,
        inactive: long::<{ dest::INACT_CONNS }>(bytes)?,
        persistent: Some(long::<{ dest::PERSIST_CONNS }>(bytes)?),
        stats: Some(Stats { counters, rates }),
        unknown: Vec::new(),
    })
}

/// Whether an attribute is where it always is, as long as always.
#[inline(always)]
fn head<const KIND: u16>(bytes: &[u8; SIZE]) -> bool {
    let place = const { place(KIND) - HEADER };
    number_at(bytes, place) == const { header(KIND, length(KIND)) }
}

/// The value of an attribute, if it is where it always is.
#[inline(always)]
fn value<const KIND: u16, const N: usize>(bytes: &[u8; SIZE]) -> Option<[u8; N]> {
    const { assert!(length(KIND) == N) };
    let place = const { place(KIND) };
    bytes.get(place..)?.first_chunk().copied().filter(|_| head::<KIND>(bytes))
}

#[inline(always)]
fn short<const KIND: u16>(bytes: &[u8; SIZE]) -> Option<u16> {
    value::<KIND, 2>(bytes).map(u16::from_ne_bytes)
}

#[inline(always)]
fn long<const KIND: u16>(bytes: &[u8; SIZE]) -> Option<u32> {
    value::<KIND, 4>(bytes).map(u32::from_ne_bytes)
}

/// The number in place `N` of STATS64.
#[inline(always)]
fn count<const N: usize>(bytes: &[u8; SIZE]) -> Option<u64> {
    let place = const { place(dest::STATS64) + N * WIDE };
    let head = const { header(stats::CONNS + N as u16, WIDE - HEADER) };
    let value = bytes.get(place + HEADER..)?.first_chunk().map(|n| u64::from_ne_bytes(*n));
    value.filter(|_| number_at(bytes, place) == head)
}

#[inline(always)]
fn number_at(bytes: &[u8; SIZE], place: usize) -> u32 {
    bytes.get(place..).and_then(|rest| rest.first_chunk()).map_or(0, |n| u32::from_ne_bytes(*n))
}
