//! What belongs to the director as a whole, and to no service.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// What the IPVS code says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Version, a byte a part: `0x010201` is 1.2.1.
    pub version: u32,
    /// Hash buckets of the connection table. From 7.2 on its current size, 0 before the first
    /// service.
    pub conn_tab_size: u32,
}

impl Info {
    /// The version as the kernel prints it, `1.2.1`.
    pub fn version_text(&self) -> String {
        let [_, major, minor, patch] = self.version.to_be_bytes();
        format!("{major}.{minor}.{patch}")
    }
}

/// Timeouts of idle connections, in seconds. In an edit, 0 keeps what the kernel has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// An established TCP connection (900 by default).
    pub tcp: u32,
    /// A TCP connection after a FIN (120 by default).
    pub tcp_fin: u32,
    /// A UDP flow (300 by default).
    pub udp: u32,
}

/// Which side of connection synchronisation a daemon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DaemonRole {
    /// Sends, 1.
    Master,
    /// Receives, 2.
    Backup,
}

impl DaemonRole {
    /// The kernel's number (`IP_VS_STATE_*`).
    pub fn number(self) -> u32 {
        match self {
            Self::Master => 1,
            Self::Backup => 2,
        }
    }

    /// The role with the kernel's number `n`.
    pub fn from_number(n: u32) -> Option<Self> {
        match n {
            1 => Some(Self::Master),
            2 => Some(Self::Backup),
            _ => None,
        }
    }
}

impl fmt::Display for DaemonRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Master => "master",
            Self::Backup => "backup",
        })
    }
}

/// A connection synchronisation daemon. Services, servers and weights never synchronise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Daemon {
    /// Sending or receiving.
    pub role: DaemonRole,
    /// Multicast interface, 1 to 15 bytes.
    pub interface: String,
    /// Peers with another id are ignored, 0 to 255.
    pub sync_id: u32,
    /// Largest message in bytes; `None` lets the kernel derive it from the MTU.
    pub max_len: Option<u16>,
    /// IPv4 group; `None` means 224.0.0.81 unless `group6` is set.
    pub group: Option<Ipv4Addr>,
    /// IPv6 group.
    pub group6: Option<Ipv6Addr>,
    /// UDP port; `None` means 8848.
    pub port: Option<u16>,
    /// Time to live of the messages; `None` means 1.
    pub ttl: Option<u8>,
}
