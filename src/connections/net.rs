//! Networks in CIDR notation.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network: an address and the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Net {
    addr: IpAddr,
    prefix: u8,
}

impl Net {
    /// The network of `addr`. A prefix longer than the address is the address's.
    pub fn new(addr: IpAddr, prefix: u8) -> Self {
        match addr {
            IpAddr::V4(v4) => {
                let prefix = prefix.min(32);
                let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
                Self { addr: Ipv4Addr::from_bits(v4.to_bits() & mask).into(), prefix }
            }
            IpAddr::V6(v6) => {
                let prefix = prefix.min(128);
                let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
                Self { addr: Ipv6Addr::from_bits(v6.to_bits() & mask).into(), prefix }
            }
        }
    }

    /// The network that clients are grouped by: /24, and /64 of IPv6.
    pub fn of_client(addr: IpAddr) -> Self {
        Self::new(addr, if addr.is_ipv4() { 24 } else { 64 })
    }

    /// Whether `addr` lies in it.
    pub fn contains(&self, addr: IpAddr) -> bool {
        addr.is_ipv4() == self.addr.is_ipv4() && Self::new(addr, self.prefix).addr == self.addr
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.addr, self.prefix))
    }
}

impl FromStr for Net {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            let text = text.escape_debug();
            format!("'{text}' is no network: write 10.9.0.0/16 or fd00:9::/32")
        };
        let (addr, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let addr: IpAddr = addr.parse().map_err(|_| wrong())?;
        let most = if addr.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.parse().ok().filter(|prefix| *prefix <= most).ok_or_else(wrong)?;
        Ok(Self::new(addr, prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        for (net, inside, outside) in [
            ("10.9.0.0/16", "10.9.255.1", "10.10.0.0"),
            ("10.9.0.2/32", "10.9.0.2", "10.9.0.3"),
            ("0.0.0.0/0", "255.255.255.255", "::1"),
            ("fd00:9::/32", "fd00:9:ffff::1", "fd00:a::"),
            ("::/0", "fd00::1", "10.0.0.1"),
        ] {
            let net: Net = net.parse().unwrap();
            assert!(net.contains(inside.parse().unwrap()), "{net}");
            assert!(!net.contains(outside.parse().unwrap()), "{net}");
            assert_eq!(net.to_string().parse(), Ok(net));
        }
        // Host bits are no matter.
        assert_eq!("10.9.0.2/16".parse::<Net>().unwrap().to_string(), "10.9.0.0/16");
        for wrong in ["10.9.0.0", "10.9.0.0/33", "10.9/16", "fd00::/129", "x/8", "10.0.0.0/-1"] {
            assert!(wrong.parse::<Net>().is_err(), "{wrong}");
        }
    }
}
