//! Attributes as they are sent. Byte order is the kernel's own mixture: ports and the IPv4 mask
//! are big-endian, everything else is the machine's.
//!
//! netlink-packet-core has traits for this that go over every value several times; with them, a
//! large table's poll spent as much on asking as on reading the answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::NLA_F_NESTED;

/// The bytes of an attribute's header: its length with them, and its number.
const HEADER: usize = 4;

/// Attributes one behind the other, each padded to four bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    bytes: Vec<u8>,
}

impl Attributes {
    /// Room for the key of a service, which is what most requests consist of.
    pub(super) fn with_room() -> Self {
        Self { bytes: Vec::with_capacity(64) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn u8(&mut self, kind: u16, value: u8) {
        self.put(kind, &[value]);
    }

    pub(super) fn u16(&mut self, kind: u16, value: u16) {
        self.put(kind, &value.to_ne_bytes());
    }

    pub(super) fn port(&mut self, kind: u16, value: u16) {
        self.put(kind, &value.to_be_bytes());
    }

    pub(super) fn u32(&mut self, kind: u16, value: u32) {
        self.put(kind, &value.to_ne_bytes());
    }

    /// An address in 16 bytes, as the kernel itself sends it: v4 in the first 4, rest zero.
    pub(super) fn address(&mut self, kind: u16, addr: IpAddr) {
        match addr {
            IpAddr::V4(addr) => {
                let [a, b, c, d] = addr.octets();
                self.put(kind, &[a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            }
            IpAddr::V6(addr) => self.v6(kind, addr),
        }
    }

    /// Four bytes big-endian: a mask or a multicast group.
    pub(super) fn v4(&mut self, kind: u16, addr: Ipv4Addr) {
        self.put(kind, &addr.octets());
    }

    pub(super) fn v6(&mut self, kind: u16, addr: Ipv6Addr) {
        self.put(kind, &addr.octets());
    }

    /// Flags of a service with the mask of those to set (`struct ip_vs_flags`).
    pub(super) fn flags(&mut self, kind: u16, flags: u32, mask: u32) {
        self.put(kind, &[flags.to_ne_bytes(), mask.to_ne_bytes()].concat());
    }

    /// NUL-terminated text: without the NUL the kernel answers EINVAL.
    pub(super) fn text(&mut self, kind: u16, text: &str) {
        self.put(kind, &[text.as_bytes(), &[0]].concat());
    }

    /// A nest of what `fill` puts into it.
    pub(super) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) {
        let at = self.bytes.len();
        self.put(kind | NLA_F_NESTED, &[]);
        fill(self);
        let length = short(self.bytes.len() - at).to_ne_bytes();
        if let Some(place) = self.bytes.get_mut(at..at + length.len()) {
            place.copy_from_slice(&length);
        }
    }

    fn put(&mut self, kind: u16, value: &[u8]) {
        self.bytes.extend_from_slice(&short(HEADER + value.len()).to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

/// A length as netlink writes it. Nothing that is sent comes near the most.
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
