//! A real server (the kernel's "destination"): everything an edit must send back.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ServerKey;

/// The largest weight the kernel accepts: it reads the attribute as a signed int.
pub const MAX_WEIGHT: u32 = i32::MAX as u32;

/// How packets reach the real server (`IP_VS_CONN_F_FWD_MASK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Forwarding {
    /// Masquerading (NAT), 0.
    Masq,
    /// The director itself, 1.
    Local,
    /// Tunnelled, 2; see [`Tunnel`].
    Tunnel,
    /// Direct routing, 3.
    Route,
    /// To the original destination, for transparent caches, 4.
    Bypass,
    /// A number that no kernel documents. It is shown, and refused in an edit: the kernel would
    /// take it without a word.
    Unknown(u32),
}

impl Forwarding {
    /// The kernel's number.
    pub fn number(self) -> u32 {
        match self {
            Self::Masq => 0,
            Self::Local => 1,
            Self::Tunnel => 2,
            Self::Route => 3,
            Self::Bypass => 4,
            Self::Unknown(n) => n,
        }
    }

    /// The method with the kernel's number `n`, which comes masked with 7.
    pub fn from_number(n: u32) -> Self {
        match n {
            0 => Self::Masq,
            1 => Self::Local,
            2 => Self::Tunnel,
            3 => Self::Route,
            4 => Self::Bypass,
            other => Self::Unknown(other),
        }
    }
}

impl fmt::Display for Forwarding {
    /// ipvsadm's words: `Masq`, `Local`, `Tunnel`, `Route`; and `Bypass`, for which it has none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Masq => f.pad("Masq"),
            Self::Local => f.pad("Local"),
            Self::Tunnel => f.pad("Tunnel"),
            Self::Route => f.pad("Route"),
            Self::Bypass => f.pad("Bypass"),
            Self::Unknown(n) => f.pad(&format!("fwd {n}")),
        }
    }
}

/// What a tunnel wraps packets in (`IP_VS_CONN_F_TUNNEL_TYPE_*`, from kernel 5.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TunnelKind {
    /// IP in IP, 0: what a kernel without tunnel types does.
    #[default]
    Ipip,
    /// Generic UDP encapsulation, 1.
    Gue,
    /// Generic routing encapsulation, 2.
    Gre,
    /// A number that no kernel documents: shown, and refused in an edit.
    Unknown(u8),
}

impl TunnelKind {
    /// The kernel's number.
    pub fn number(self) -> u8 {
        match self {
            Self::Ipip => 0,
            Self::Gue => 1,
            Self::Gre => 2,
            Self::Unknown(n) => n,
        }
    }

    /// The kind with the kernel's number `n`.
    pub fn from_number(n: u8) -> Self {
        match n {
            0 => Self::Ipip,
            1 => Self::Gue,
            2 => Self::Gre,
            other => Self::Unknown(other),
        }
    }
}

impl fmt::Display for TunnelKind {
    /// ipvsadm's words for `--tun-type`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipip => f.pad("ipip"),
            Self::Gue => f.pad("gue"),
            Self::Gre => f.pad("gre"),
            Self::Unknown(n) => f.pad(&format!("tunnel {n}")),
        }
    }
}

/// Tunnel attributes. The kernel stores them whatever the forwarding method, and an edit that
/// leaves them out resets them to IPIP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tunnel {
    /// What packets are wrapped in.
    pub kind: TunnelKind,
    /// UDP port for GUE, not 0 there; 0 otherwise.
    pub port: u16,
    /// `IP_VS_TUNNEL_ENCAP_FLAG_*`: see [`Tunnel::CSUM`] and [`Tunnel::REMCSUM`].
    pub flags: u16,
}

impl Tunnel {
    /// The outer header carries a checksum.
    pub const CSUM: u16 = 0x1;
    /// Remote checksum offload (GUE).
    pub const REMCSUM: u16 = 0x2;
}

impl fmt::Display for Tunnel {
    /// `ipip`, `gue port 6080`, with `csum` and `remcsum` behind.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        if self.port != 0 {
            write!(f, " port {}", self.port)?;
        }
        if self.flags & Self::CSUM != 0 {
            f.write_str(" csum")?;
        }
        if self.flags & Self::REMCSUM != 0 {
            f.write_str(" remcsum")?;
        }
        Ok(())
    }
}

/// A real server as configured, without its connections and counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// What names it within its service.
    pub key: ServerKey,
    /// How packets reach it.
    pub forwarding: Forwarding,
    /// Share of new connections, 0 to [`MAX_WEIGHT`]; 0 quiesces it. ipvsadm stops at 65,535.
    pub weight: u32,
    /// Connections (active and inactive) at which it counts as overloaded; 0 means no limit.
    pub upper_threshold: u32,
    /// Connections below which it is no longer overloaded; 0 means 3/4 of the upper threshold.
    pub lower_threshold: u32,
    /// Tunnel attributes.
    pub tunnel: Tunnel,
}

impl Server {
    /// A server with `weight` and neither thresholds nor tunnel attributes.
    pub fn new(key: ServerKey, forwarding: Forwarding, weight: u32) -> Self {
        let tunnel = Tunnel::default();
        Self { key, forwarding, weight, upper_threshold: 0, lower_threshold: 0, tunnel }
    }
}
