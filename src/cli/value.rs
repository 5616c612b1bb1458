//! Values on the command line: what is wrong with one is told in a sentence, with what is right.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::ipvs::{
    Family, MAX_WEIGHT, Netmask, PeName, SchedulerName, ServerKey, ServiceFlags, ServiceKey,
    TunnelKind,
};

/// A real server as it is typed: the port may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerName {
    /// Its address.
    pub addr: IpAddr,
    /// Its port, if one was given.
    pub port: Option<u16>,
}

impl ServerName {
    /// The server of `service` that is meant: without a port, the one with the service's.
    pub fn key(self, service: &ServiceKey) -> ServerKey {
        ServerKey::new(self.addr, self.port.unwrap_or_else(|| service.default_server_port()))
    }
}

/// Scheduler flags in ipvsadm's words; none of them clears all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flags(Vec<&'static str>);

const FLAGS: [(&str, ServiceFlags); 7] = [
    ("sh-fallback", ServiceFlags::SCHED1),
    ("sh-port", ServiceFlags::SCHED2),
    ("mh-fallback", ServiceFlags::SCHED1),
    ("mh-port", ServiceFlags::SCHED2),
    ("flag-1", ServiceFlags::SCHED1),
    ("flag-2", ServiceFlags::SCHED2),
    ("flag-3", ServiceFlags::SCHED3),
];

impl Flags {
    /// The bits, for a service with this scheduler.
    ///
    /// # Errors
    /// A sentence, when one of them belongs to another scheduler.
    pub fn of(&self, scheduler: &SchedulerName) -> Result<ServiceFlags, String> {
        let mut bits = ServiceFlags::empty();
        for name in &self.0 {
            let of = name.split('-').next().unwrap_or_default();
            if of != "flag" && of != scheduler.as_str() {
                return Err(format!("the flag {name} is one of {of}, and this is {scheduler}"));
            }
            bits |= FLAGS.iter().filter(|(n, _)| n == name).map(|(_, bit)| *bit).collect();
        }
        Ok(bits)
    }
}

/// Groups clients: an IPv4 mask, or the length of a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// `255.255.255.0`
    V4(Ipv4Addr),
    /// `24`, `64`
    Prefix(u8),
}

impl Mask {
    /// The mask for a service of this family.
    ///
    /// # Errors
    /// A sentence, when it does not fit.
    pub fn of(self, family: Family) -> Result<Netmask, String> {
        match (self, family) {
            (Self::V4(mask), Family::V4) => Ok(Netmask::V4(mask)),
            (Self::Prefix(length @ 1..=32), Family::V4) => {
                Ok(Netmask::V4(Ipv4Addr::from_bits(u32::MAX << (32 - u32::from(length)))))
            }
            (Self::Prefix(length @ 1..=128), Family::V6) => Ok(Netmask::V6(length)),
            (_, Family::V4) => {
                Err("the mask of an IPv4 service is 255.255.255.0, or 1 to 32".to_owned())
            }
            (_, Family::V6) => {
                Err("the mask of an IPv6 service is the length of a prefix, 1 to 128".to_owned())
            }
        }
    }
}

/// `10.0.0.1:80`, `[fd00::1]:443`.
pub(super) fn endpoint(text: &str) -> Result<(IpAddr, u16), String> {
    let socket = text.parse().ok().filter(plain);
    let socket = socket.map(|socket: SocketAddr| (socket.ip(), socket.port()));
    socket
        .ok_or_else(|| "write a numeric address and port: 10.0.0.1:80 or [fd00::1]:443".to_owned())
}

/// Without a zone, which no key of the kernel's has.
fn plain(socket: &SocketAddr) -> bool {
    !matches!(socket, SocketAddr::V6(v6) if v6.scope_id() != 0)
}

/// `10.1.1.2:80`, `[fd00::11]:443`, or an address alone.
pub(super) fn address(text: &str) -> Result<ServerName, String> {
    if let Ok((addr, port)) = endpoint(text) {
        return Ok(ServerName { addr, port: Some(port) });
    }
    let name = host(text).map(|addr| ServerName { addr, port: None });
    name.map_err(|_| {
        "write a numeric address, with a port: 10.1.1.2:80 or [fd00::11]:443".to_owned()
    })
}

/// `10.1.1.2`, `fd00::11`, `[fd00::11]`.
pub(super) fn host(text: &str) -> Result<IpAddr, String> {
    if endpoint(text).is_ok() {
        return Err(
            "a HOST has no port; one of its servers is named by its service and -r".to_owned()
        );
    }
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse().map_err(|_| "write a numeric address: 10.1.1.2 or fd00::11".to_owned())
}

pub(super) fn mark(text: &str) -> Result<u32, String> {
    let mark = text.parse().ok().filter(|mark| *mark != 0);
    mark.ok_or_else(|| "write a number from 1 to 4294967295".to_owned())
}

pub(super) fn scheduler(text: &str) -> Result<SchedulerName, String> {
    SchedulerName::new(text)
}

pub(super) fn pe(text: &str) -> Result<PeName, String> {
    PeName::new(text)
}

pub(super) fn flags(text: &str) -> Result<Flags, String> {
    if text == "none" {
        return Ok(Flags(Vec::new()));
    }
    let known = |name: &str| FLAGS.iter().find(|(n, _)| *n == name).map(|(n, _)| *n);
    let all: Option<Vec<_>> = text.split(',').map(known).collect();
    all.map(Flags).ok_or_else(|| {
        let names = FLAGS.map(|(name, _)| name).join(", ");
        format!("write none, or some of {names} with commas")
    })
}

pub(super) fn mask(text: &str) -> Result<Mask, String> {
    if let Ok(mask) = text.parse() {
        return Ok(Mask::V4(mask));
    }
    let length = text.parse().ok().filter(|length| (1..=128).contains(length));
    length.map(Mask::Prefix).ok_or_else(|| {
        "write an IPv4 mask such as 255.255.255.0, or the length of a prefix, 1 to 128".to_owned()
    })
}

/// Seconds of persistence. The upper end is [`crate::kernel::check`]'s.
pub(super) fn persistence(text: &str) -> Result<u32, String> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| "write seconds, 1 to 2678400 (31 days)".to_owned())
}

pub(super) fn weight(text: &str) -> Result<u32, String> {
    let weight = text.parse().ok().filter(|weight| *weight <= MAX_WEIGHT);
    weight.ok_or_else(|| format!("write a weight from 0 to {MAX_WEIGHT}; steps are for 'weight'"))
}

pub(super) fn tunnel_kind(text: &str) -> Result<TunnelKind, String> {
    let kinds = [TunnelKind::Ipip, TunnelKind::Gue, TunnelKind::Gre];
    let kind = kinds.into_iter().find(|kind| kind.to_string() == text);
    kind.ok_or_else(|| "write ipip, gue or gre".to_owned())
}

/// A reason is a line in everyone's journal.
pub(super) fn reason(text: &str) -> Result<String, String> {
    const LONGEST: usize = 1_000;
    let text = text.trim();
    if text.len() <= LONGEST {
        return Ok(text.to_owned());
    }
    Err(format!("a reason has {LONGEST} bytes at most, and this one {}", text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_a_port_has_the_services() {
        let web = "TCP 10.0.0.1:80".parse().unwrap();
        let mark = "FWM 5".parse().unwrap();
        for (text, service, key) in [
            ("10.1.1.2", &web, "10.1.1.2:80"),
            ("10.1.1.2:0", &web, "10.1.1.2:0"),
            ("10.1.1.2:8080", &web, "10.1.1.2:8080"),
            ("10.1.1.2", &mark, "10.1.1.2:0"),
            ("fd00::11", &web, "[fd00::11]:80"),
            ("[fd00::11]", &web, "[fd00::11]:80"),
            ("[fd00::11]:443", &web, "[fd00::11]:443"),
        ] {
            assert_eq!(address(text).unwrap().key(service).to_string(), key, "{text}");
        }
        for text in ["", "web1", "10.1.1", "10.1.1.2:", "10.1.1.2:65536", "[fe80::1%2]:80", "::1]"]
        {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_host_is_an_address_alone() {
        assert_eq!(host("fd00::11"), Ok("fd00::11".parse().unwrap()));
        assert!(host("10.1.1.2:80").unwrap_err().contains("no port"));
        assert!(host("web1").is_err());
    }

    #[test]
    fn flags_are_ipvsadms_and_belong_to_their_scheduler() {
        let of = |text: &str, scheduler: &str| {
            flags(text).unwrap().of(&SchedulerName::new(scheduler).unwrap())
        };
        assert_eq!(of("none", "wlc"), Ok(ServiceFlags::empty()));
        let both = ServiceFlags::SCHED1 | ServiceFlags::SCHED2;
        assert_eq!(of("sh-fallback,sh-port", "sh"), Ok(both));
        assert_eq!(of("flag-3", "wlc"), Ok(ServiceFlags::SCHED3));
        assert!(of("mh-port", "sh").unwrap_err().contains("mh-port is one of mh"));
        for text in ["", "sh", "sh-fallback,", "sh-fallback, sh-port", "flag-4"] {
            assert!(flags(text).is_err(), "{text}");
        }
    }

    #[test]
    fn masks_fit_their_family() {
        let of = |text: &str, family| mask(text).unwrap().of(family).map(|m| m.to_string());
        assert_eq!(of("255.255.255.0", Family::V4), Ok("255.255.255.0".to_owned()));
        assert_eq!(of("24", Family::V4), Ok("255.255.255.0".to_owned()));
        assert_eq!(of("32", Family::V4), Ok("255.255.255.255".to_owned()));
        assert_eq!(of("64", Family::V6), Ok("64".to_owned()));
        for (text, family) in [("33", Family::V4), ("255.0.0.0", Family::V6)] {
            assert!(of(text, family).is_err(), "{text}");
        }
        for text in ["0", "129", "-1", "fd00::"] {
            assert!(mask(text).is_err(), "{text}");
        }
    }
}
