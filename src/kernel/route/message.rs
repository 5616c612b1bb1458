//! The few messages of route netlink that are needed here (`linux/rtnetlink.h`, `if_link.h`,
//! `if_addr.h`, `fib_rules.h`): requests to bytes, bytes to values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{
    NLA_TYPE_MASK, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN, NetlinkBuffer,
};

use super::{Link, Route, Rule};
use crate::ipvs::Family;
use crate::kernel::KernelError;
use crate::kernel::errno::errno_text;

const RTM_GETLINK: u16 = 18;
const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const RTM_GETRULE: u16 = 34;

const IFLA_IFNAME: u16 = 3;
const IFLA_EXT_MASK: u16 = 29;
/// Leaves the counters out, which are most of a link's message.
const RTEXT_FILTER_SKIP_STATS: u32 = 1 << 3;
const IFF_UP: u32 = 0x1;
const IFF_LOOPBACK: u32 = 0x8;

const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;
const IFA_F_DADFAILED: u8 = 0x08;

const FRA_IIFNAME: u16 = 3;
const FRA_FWMARK: u16 = 10;
const FRA_TABLE: u16 = 15;

const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PREFSRC: u16 = 7;
const RTA_MARK: u16 = 16;
const RTA_VIA: u16 = 18;

/// `RTN_*`, what becomes of a packet.
mod fate {
    pub(super) const UNICAST: u8 = 1;
    pub(super) const LOCAL: u8 = 2;
    pub(super) const ANYCAST: u8 = 4;
}

/// The netlink header.
const HEADER: usize = 16;

/// A request without its netlink header.
#[derive(Debug)]
pub(super) struct Request {
    kind: u16,
    body: Vec<u8>,
}

impl Request {
    /// `struct ifinfomsg` and the filter.
    pub(super) fn links() -> Self {
        let mut request = Self { kind: RTM_GETLINK, body: vec![0; 16] };
        request.attribute(IFLA_EXT_MASK, &RTEXT_FILTER_SKIP_STATS.to_ne_bytes());
        request
    }

    /// `struct ifaddrmsg`.
    pub(super) fn addresses() -> Self {
        Self { kind: RTM_GETADDR, body: vec![0; 8] }
    }

    /// `struct fib_rule_hdr`.
    pub(super) fn rules(family: Family) -> Self {
        let mut body = vec![0; 12];
        body.splice(..1, number(family));
        Self { kind: RTM_GETRULE, body }
    }

    /// `struct rtmsg` and the address, with a mark if there is one.
    pub(super) fn route(addr: IpAddr, mark: Option<u32>) -> Self {
        let mut body = vec![0; 12];
        let octets = match addr {
            IpAddr::V4(addr) => addr.octets().to_vec(),
            IpAddr::V6(addr) => addr.octets().to_vec(),
        };
        let bits = u8::try_from(octets.len() * 8).ok();
        body.splice(..2, number(Family::of(addr)).into_iter().chain(bits));
        let mut request = Self { kind: RTM_GETROUTE, body };
        request.attribute(RTA_DST, &octets);
        if let Some(mark) = mark {
            request.attribute(RTA_MARK, &mark.to_ne_bytes());
        }
        request
    }

    fn attribute(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
        self.body.extend(length.to_ne_bytes());
        self.body.extend(kind.to_ne_bytes());
        self.body.extend(value);
        self.body.resize(self.body.len().next_multiple_of(4), 0);
    }

    /// The whole message.
    pub(super) fn bytes(&self, flags: u16, sequence: u32) -> Vec<u8> {
        let length = u32::try_from(HEADER + self.body.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(HEADER + self.body.len());
        bytes.extend(length.to_ne_bytes());
        bytes.extend(self.kind.to_ne_bytes());
        bytes.extend((NLM_F_REQUEST | flags).to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend(0_u32.to_ne_bytes());
        bytes.extend(&self.body);
        bytes
    }
}

fn number(family: Family) -> Option<u8> {
    u8::try_from(family.number()).ok()
}

/// What a message of an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An interface, for [`link`].
    Link,
    /// An address, for [`address`].
    Address,
    /// A route, for [`route`].
    Route,
    /// A rule, for [`rule`].
    Rule,
    /// Something that was not asked for.
    Other,
}

impl Kind {
    /// `RTM_NEWLINK` and its like.
    fn of(number: u16) -> Self {
        match number {
            16 => Self::Link,
            20 => Self::Address,
            24 => Self::Route,
            32 => Self::Rule,
            _ => Self::Other,
        }
    }
}

/// What takes the messages of an answer.
pub type Take<'a> = dyn FnMut(Kind, &[u8]) -> Result<(), KernelError> + 'a;

/// Takes one datagram apart. Returns the error number, 0 for success, if it ends the answer to
/// the request with this sequence number.
///
/// # Errors
/// [`KernelError::Malformed`] for what is no message; what `take` says.
pub fn messages(
    mut datagram: &[u8],
    sequence: u32,
    take: &mut Take<'_>,
) -> Result<Option<i32>, KernelError> {
    let malformed = |detail: String| KernelError::malformed("a route netlink message", detail);
    while !datagram.is_empty() {
        let message = NetlinkBuffer::new_checked(datagram).map_err(|e| malformed(e.to_string()))?;
        let length = message.length() as usize;
        let body = datagram.get(HEADER..length).unwrap_or_default();
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        if message.sequence_number() != sequence {
            continue;
        }
        match message.message_type() {
            NLMSG_NOOP => {}
            NLMSG_OVERRUN => return Err(malformed("the kernel reports an overrun".to_owned())),
            NLMSG_ERROR | NLMSG_DONE => {
                let code = body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                return Ok(Some(code.checked_neg().unwrap_or(i32::MAX).max(0)));
            }
            kind => take(Kind::of(kind), body)?,
        }
    }
    Ok(None)
}

/// An interface, from `struct ifinfomsg` on.
///
/// # Errors
/// [`KernelError::Malformed`] when it is cut, or without its name.
pub fn link(body: &[u8]) -> Result<Link, KernelError> {
    let wrong = |detail: &str| KernelError::malformed("RTM_NEWLINK", detail);
    let head: &[u8; 16] = body.first_chunk().ok_or_else(|| wrong("it has no header"))?;
    let [_, _, k0, k1, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *head;
    let mut name = None;
    for (kind, value) in attributes(body, 16) {
        if kind == IFLA_IFNAME {
            name = Some(text(value));
        }
    }
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    Ok(Link {
        index: u32::from_ne_bytes([i0, i1, i2, i3]),
        name: name.ok_or_else(|| wrong("IFLA_IFNAME is missing"))?,
        up: flags & IFF_UP != 0,
        loopback: flags & IFF_LOOPBACK != 0,
        kind: u16::from_ne_bytes([k0, k1]),
    })
}

/// An address with the index of its interface, from `struct ifaddrmsg` on. `None` for one that
/// cannot be used, and for other families.
///
/// # Errors
/// [`KernelError::Malformed`] when it is cut, or without an address.
pub fn address(body: &[u8]) -> Result<Option<(u32, IpAddr)>, KernelError> {
    let wrong = |detail: &str| KernelError::malformed("RTM_NEWADDR", detail);
    let head: &[u8; 8] = body.first_chunk().ok_or_else(|| wrong("it has no header"))?;
    let [family, _, flags, _, index @ ..] = *head;
    let Some(family) = Family::from_number(family.into()) else { return Ok(None) };
    if family == Family::V6 && flags & IFA_F_DADFAILED != 0 {
        return Ok(None);
    }
    // On a link with a peer IFA_ADDRESS is the peer's.
    let (mut local, mut other) = (None, None);
    for (kind, value) in attributes(body, 8) {
        match kind {
            IFA_LOCAL => local = ip(value),
            IFA_ADDRESS => other = ip(value),
            _ => {}
        }
    }
    let addr = local.or(other).ok_or_else(|| wrong("IFA_ADDRESS is missing"))?;
    Ok(Some((u32::from_ne_bytes(index), addr)))
}

/// A rule that chooses by mark or by interface, from `struct fib_rule_hdr` on; `None` for others.
///
/// # Errors
/// [`KernelError::Malformed`] when it is cut.
pub fn rule(body: &[u8]) -> Result<Option<Rule>, KernelError> {
    let wrong = |detail: &str| KernelError::malformed("RTM_NEWRULE", detail);
    let head: &[u8; 12] = body.first_chunk().ok_or_else(|| wrong("it has no header"))?;
    let [family, _, _, _, table, ..] = *head;
    let Some(family) = Family::from_number(family.into()) else { return Ok(None) };
    let (mut mark, mut incoming, mut table) = (None, None, u32::from(table));
    for (kind, value) in attributes(body, 12) {
        match kind {
            FRA_FWMARK => mark = word(value).filter(|mark| *mark != 0),
            FRA_IIFNAME => incoming = Some(text(value)),
            FRA_TABLE => table = word(value).unwrap_or(table),
            _ => {}
        }
    }
    let chooses = mark.is_some() || incoming.is_some();
    Ok(chooses.then_some(Rule { family, mark, incoming, table }))
}

/// A route, from `struct rtmsg` on.
///
/// # Errors
/// [`KernelError::Malformed`] when it is cut, or without the interface it leaves by.
pub fn route(body: &[u8]) -> Result<Route, KernelError> {
    let wrong = |detail: &str| KernelError::malformed("RTM_NEWROUTE", detail);
    let head: &[u8; 12] = body.first_chunk().ok_or_else(|| wrong("it has no header"))?;
    let [_, _, _, _, _, _, _, kind, ..] = *head;
    let (mut link, mut gateway, mut source) = (None, None, None);
    for (kind, value) in attributes(body, 12) {
        match kind {
            RTA_OIF => link = word(value),
            RTA_GATEWAY => gateway = ip(value),
            // Behind two bytes of family.
            RTA_VIA => gateway = value.get(2..).and_then(ip),
            RTA_PREFSRC => source = ip(value),
            _ => {}
        }
    }
    Ok(match kind {
        // An anycast address is taken in like one of its own.
        fate::LOCAL | fate::ANYCAST => Route::Local,
        fate::UNICAST => {
            let link = link.ok_or_else(|| wrong("RTA_OIF is missing"))?;
            match gateway {
                Some(gateway) => Route::Via { gateway, link, source },
                None => Route::Direct { link, source },
            }
        }
        6..=8 => Route::Nowhere("a route refuses it".to_owned()),
        _ => Route::Nowhere("it is a broadcast or multicast address".to_owned()),
    })
}

/// What the kernel means with an error in place of a route.
pub fn refused(errno: i32) -> Route {
    match errno {
        // ENETUNREACH
        101 => Route::Nowhere("there is no route to it".to_owned()),
        // How blackhole, prohibit and unreachable routes answer: EINVAL, EACCES, EHOSTUNREACH.
        22 | 13 | 113 => Route::Nowhere("a route refuses it".to_owned()),
        // ENETDOWN
        100 => Route::Nowhere("the interface on the way is down".to_owned()),
        errno => Route::Unknown(errno_text(errno)),
    }
}

/// The attributes behind a header of `head` bytes, without their flag bits. What comes behind a
/// broken one is left out.
fn attributes(body: &[u8], head: usize) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = body.get(head..).unwrap_or_default();
    std::iter::from_fn(move || {
        let [l0, l1, k0, k1] = *rest.first_chunk::<4>()?;
        let length = usize::from(u16::from_ne_bytes([l0, l1]));
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([k0, k1]) & NLA_TYPE_MASK, value))
    })
}

fn word(value: &[u8]) -> Option<u32> {
    value.try_into().ok().map(u32::from_ne_bytes)
}

fn ip(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => <[u8; 4]>::try_from(value).ok().map(|v| Ipv4Addr::from(v).into()),
        16 => <[u8; 16]>::try_from(value).ok().map(|v| Ipv6Addr::from(v).into()),
        _ => None,
    }
}

/// NUL-terminated text.
fn text(value: &[u8]) -> String {
    let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
    String::from_utf8_lossy(value.get(..end).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests;
