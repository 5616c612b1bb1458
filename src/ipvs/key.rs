//! What names a virtual service and a real server. Keys never change: the kernel has no rename.

use std::cmp::Ordering;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Address family of a virtual service, as the kernel numbers it (`AF_INET`, `AF_INET6`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// `AF_INET`, 2.
    V4,
    /// `AF_INET6`, 10.
    V6,
}

impl Family {
    /// The kernel's number for the family.
    pub fn number(self) -> u16 {
        match self {
            Self::V4 => 2,
            Self::V6 => 10,
        }
    }

    /// The family with the kernel's number `n`; IPVS knows no others (`EAFNOSUPPORT`).
    pub fn from_number(n: u16) -> Option<Self> {
        match n {
            2 => Some(Self::V4),
            10 => Some(Self::V6),
            _ => None,
        }
    }

    /// The family that `addr` belongs to.
    pub fn of(addr: IpAddr) -> Self {
        if addr.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The address that means "any" in this family.
    pub fn unspecified(self) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Self::V6 => Ipv6Addr::UNSPECIFIED.into(),
        }
    }
}

/// Transport protocol of a virtual service, by its IP number.
///
/// The kernel's netlink interface does not validate it (47 is accepted), so unknown numbers must
/// survive reading, showing and editing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Protocol(pub u16);

impl Protocol {
    /// TCP, 6.
    pub const TCP: Self = Self(6);
    /// UDP, 17.
    pub const UDP: Self = Self(17);
    /// SCTP, 132.
    pub const SCTP: Self = Self(132);
}

impl fmt::Display for Protocol {
    /// `TCP`, `UDP`, `SCTP`, or `IP_n` as the kernel writes a protocol without a name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TCP => f.pad("TCP"),
            Self::UDP => f.pad("UDP"),
            Self::SCTP => f.pad("SCTP"),
            Self(n) => f.pad(&format!("IP_{n}")),
        }
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What identifies a virtual service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKey {
    /// Protocol, address and port. The family is the address's.
    Endpoint {
        /// Transport protocol.
        protocol: Protocol,
        /// The virtual address (VIP).
        addr: IpAddr,
        /// Port; 0 means every port, which the kernel allows for persistent services.
        port: u16,
    },
    /// Packets that a firewall rule has marked.
    Fwmark {
        /// One mark can be two services, one a family.
        family: Family,
        /// The mark; never 0, which the kernel would silently take for TCP 0.0.0.0:0.
        mark: u32,
    },
}

impl ServiceKey {
    /// A service by protocol, address and port.
    pub fn endpoint(protocol: Protocol, addr: IpAddr, port: u16) -> Self {
        Self::Endpoint { protocol, addr, port }
    }

    /// The family whose packets the service takes.
    pub fn family(&self) -> Family {
        match self {
            Self::Endpoint { addr, .. } => Family::of(*addr),
            Self::Fwmark { family, .. } => *family,
        }
    }

    /// The protocol, which a fwmark service does not have.
    pub fn protocol(&self) -> Option<Protocol> {
        match self {
            Self::Endpoint { protocol, .. } => Some(*protocol),
            Self::Fwmark { .. } => None,
        }
    }

    /// The port that a direct-route or tunnel server is stored with when none is given: the
    /// service's own, 0 for a fwmark service (as ipvsadm and keepalived do).
    pub fn default_server_port(&self) -> u16 {
        match self {
            Self::Endpoint { port, .. } => *port,
            Self::Fwmark { .. } => 0,
        }
    }

    fn rank(&self) -> (u32, Family, Protocol, IpAddr, u16) {
        match *self {
            Self::Endpoint { protocol, addr, port } => (0, Family::of(addr), protocol, addr, port),
            Self::Fwmark { family, mark } => (mark, family, Protocol(0), family.unspecified(), 0),
        }
    }
}

/// ipvsadm's order: endpoints before marks; then family, protocol, address, port.
impl Ord for ServiceKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let kind = |k: &Self| matches!(k, Self::Fwmark { .. });
        kind(self).cmp(&kind(other)).then_with(|| self.rank().cmp(&other.rank()))
    }
}

impl PartialOrd for ServiceKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ServiceKey {
    /// `TCP 10.0.0.1:80`, `TCP [fd00::1]:443`, `FWM 5`, `FWM 5 v6`: ipvsadm's words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Endpoint { protocol, addr, port } => {
                write!(f, "{protocol} {}", SocketAddr::new(*addr, *port))
            }
            Self::Fwmark { family: Family::V4, mark } => write!(f, "FWM {mark}"),
            Self::Fwmark { family: Family::V6, mark } => write!(f, "FWM {mark} v6"),
        }
    }
}

/// What identifies a real server within its service.
///
/// The family may differ from the service's (a v4 tunnel server under a v6 service). For direct
/// routing and tunnels the port has no effect on packets but is still part of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ServerKey {
    /// Address of the real server.
    pub addr: IpAddr,
    /// Port, 0 for a fwmark or all-ports service.
    pub port: u16,
}

impl ServerKey {
    /// The real server at `addr` and `port`.
    pub fn new(addr: IpAddr, port: u16) -> Self {
        Self { addr, port }
    }
}

impl fmt::Display for ServerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&SocketAddr::new(self.addr, self.port), f)
    }
}

/// Why a text names no service or server.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// The text is not an address with a port.
    #[error("'{0}' is not an address and port: write 10.0.0.1:80 or [fd00::1]:443")]
    Address(String),
    /// A firewall mark out of range.
    #[error("'{0}' is not a firewall mark: write a number from 1 to 4294967295")]
    Mark(String),
}

impl FromStr for ServerKey {
    type Err = KeyError;

    /// `10.1.1.2:80`, `[fd00::11]:443`, or an address alone (port 0).
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let wrong = || KeyError::Address(text.to_owned());
        if let Ok(socket) = text.parse::<SocketAddr>() {
            return Ok(Self::new(socket.ip(), socket.port()));
        }
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        bare.parse::<IpAddr>().map(|addr| Self::new(addr, 0)).map_err(|_| wrong())
    }
}

impl FromStr for ServiceKey {
    type Err = KeyError;

    /// What [`Display`](fmt::Display) writes: `TCP 10.0.0.1:80`, `FWM 5`, `FWM 5 v6`.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut words = text.split_whitespace();
        let (kind, what, more) = (words.next(), words.next(), words.next());
        let (Some(kind), Some(what)) = (kind, what) else {
            return Err(KeyError::Address(text.to_owned()));
        };
        let protocol = match kind {
            "FWM" => {
                let mark = what.parse().ok().filter(|m| *m != 0);
                let mark = mark.ok_or_else(|| KeyError::Mark(what.to_owned()))?;
                let family = if more == Some("v6") { Family::V6 } else { Family::V4 };
                return Ok(Self::Fwmark { family, mark });
            }
            "TCP" => Protocol::TCP,
            "UDP" => Protocol::UDP,
            "SCTP" => Protocol::SCTP,
            other => other
                .strip_prefix("IP_")
                .and_then(|n| n.parse().ok())
                .map(Protocol)
                .ok_or_else(|| KeyError::Address(text.to_owned()))?,
        };
        let server: ServerKey = what.parse()?;
        Ok(Self::endpoint(protocol, server.addr, server.port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back_what_they_print() {
        for text in [
            "TCP 10.0.0.1:80",
            "UDP [fd00::1]:53",
            "SCTP 10.0.0.1:9",
            "IP_47 10.0.0.1:1",
            "FWM 5",
            "FWM 4294967295 v6",
        ] {
            assert_eq!(text.parse::<ServiceKey>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn order_is_ipvsadms() {
        let keys = [
            "TCP 9.0.0.1:90",
            "TCP 10.0.0.1:80",
            "TCP 10.0.0.1:443",
            "UDP 1.0.0.1:53",
            "TCP [::1]:80",
            "FWM 1",
            "FWM 1 v6",
            "FWM 2",
        ];
        let mut sorted: Vec<ServiceKey> = keys.iter().rev().map(|k| k.parse().unwrap()).collect();
        sorted.sort();
        assert_eq!(sorted.iter().map(ToString::to_string).collect::<Vec<_>>(), keys);
    }

    #[test]
    fn a_mark_of_zero_is_refused() {
        assert_eq!("FWM 0".parse::<ServiceKey>(), Err(KeyError::Mark("0".into())));
    }
}
