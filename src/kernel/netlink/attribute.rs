//! Attributes as values, for sending. Byte order is the kernel's own mixture: ports and the IPv4
//! mask are big-endian, everything else is the machine's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::{Emitable, NLA_F_NESTED, Nla};

/// What an attribute holds.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    U8(u8),
    U16(u16),
    U16Be(u16),
    U32(u32),
    Bytes(Vec<u8>),
    Text(String),
    Nest(Vec<Attribute>),
}

/// One attribute of a request: its number in its nest, and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    kind: u16,
    value: Value,
}

impl Attribute {
    pub(super) fn u8(kind: u16, value: u8) -> Self {
        Self { kind, value: Value::U8(value) }
    }

    pub(super) fn u16(kind: u16, value: u16) -> Self {
        Self { kind, value: Value::U16(value) }
    }

    pub(super) fn port(kind: u16, value: u16) -> Self {
        Self { kind, value: Value::U16Be(value) }
    }

    pub(super) fn u32(kind: u16, value: u32) -> Self {
        Self { kind, value: Value::U32(value) }
    }

    /// An address in 16 bytes, as the kernel itself sends it: v4 in the first 4, rest zero.
    pub(super) fn address(kind: u16, addr: IpAddr) -> Self {
        let bytes = match addr {
            IpAddr::V4(v4) => {
                let mut all = v4.octets().to_vec();
                all.resize(16, 0);
                all
            }
            IpAddr::V6(v6) => v6.octets().to_vec(),
        };
        Self { kind, value: Value::Bytes(bytes) }
    }

    /// Four bytes big-endian: a mask or a multicast group.
    pub(super) fn v4(kind: u16, addr: Ipv4Addr) -> Self {
        Self { kind, value: Value::Bytes(addr.octets().to_vec()) }
    }

    pub(super) fn v6(kind: u16, addr: Ipv6Addr) -> Self {
        Self { kind, value: Value::Bytes(addr.octets().to_vec()) }
    }

    /// Flags of a service with the mask of those to set (`struct ip_vs_flags`).
    pub(super) fn flags(kind: u16, flags: u32, mask: u32) -> Self {
        let bytes = [flags.to_ne_bytes(), mask.to_ne_bytes()].concat();
        Self { kind, value: Value::Bytes(bytes) }
    }

    /// NUL-terminated text: without the NUL the kernel answers EINVAL.
    pub(super) fn text(kind: u16, text: &str) -> Self {
        Self { kind, value: Value::Text(text.to_owned()) }
    }

    pub(super) fn nest(kind: u16, attributes: Vec<Self>) -> Self {
        Self { kind, value: Value::Nest(attributes) }
    }
}

impl Nla for Attribute {
    fn kind(&self) -> u16 {
        match self.value {
            Value::Nest(_) => self.kind | NLA_F_NESTED,
            _ => self.kind,
        }
    }

    fn value_len(&self) -> usize {
        match &self.value {
            Value::U8(_) => 1,
            Value::U16(_) | Value::U16Be(_) => 2,
            Value::U32(_) => 4,
            Value::Bytes(bytes) => bytes.len(),
            Value::Text(text) => text.len() + 1,
            Value::Nest(attributes) => attributes.as_slice().buffer_len(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match &self.value {
            Value::U8(v) => buffer.copy_from_slice(&[*v]),
            Value::U16(v) => buffer.copy_from_slice(&v.to_ne_bytes()),
            Value::U16Be(v) => buffer.copy_from_slice(&v.to_be_bytes()),
            Value::U32(v) => buffer.copy_from_slice(&v.to_ne_bytes()),
            Value::Bytes(bytes) => buffer.copy_from_slice(bytes),
            Value::Text(text) => {
                if let Some((nul, body)) = buffer.split_last_mut() {
                    body.copy_from_slice(text.as_bytes());
                    *nul = 0;
                }
            }
            Value::Nest(attributes) => attributes.as_slice().emit(buffer),
        }
    }
}
