//! `/proc/net/ip_vs`: every virtual service with its real servers, a line each.
//!
//! ```text
//! IP Virtual Server version 1.2.1 (size=4096)
//! Prot LocalAddress:Port Scheduler Flags
//!   -> RemoteAddress:Port Forward Weight ActiveConn InActConn
//! TCP  0A000001:0050 wrr ops persistent 75000 FFFFFFFF
//!   -> 0A010102:0050      Masq    1      0          0
//! FWM  00000005 rr
//! ```
//!
//! The text comes from `ip_vs_info_seq_show` in `ip_vs_ctl.c` and has been the same since 2.6.
//! It lacks what later kernels learned: counters, thresholds, scheduler flags, persistence
//! engines, tunnels, and the family of a fwmark.

use std::net::IpAddr;

use super::text::{
    Fault, Lines, Words, count, decimal, decimal_u32, endpoint, hex_word, protocol, quoted,
};
use crate::ipvs::{Forwarding, Info, MAX_WEIGHT, Protocol, ServerKey};

/// One line below the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A virtual service. Its servers follow.
    Service(ServiceLine<'a>),
    /// A real server of the service before it.
    Server(ServerLine),
}

/// What names a service in the listing. It is no [`ServiceKey`](crate::ipvs::ServiceKey), as a
/// fwmark comes without its family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Protocol, address and port.
    Endpoint(Protocol, IpAddr, u16),
    /// A firewall mark, never 0.
    Fwmark(u32),
}

/// A virtual service as listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceLine<'a> {
    /// What names it.
    pub name: Name,
    /// The scheduler: 1 to 15 printable bytes, `none` without one.
    pub scheduler: &'a str,
    /// Whether `ops` is printed. The kernel never prints it for a v6 endpoint: `false` there may
    /// be anything.
    pub one_packet: bool,
    /// What is printed of persistence, if there is any.
    pub persistence: Option<Persistence>,
}

/// Persistence as listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persistence {
    /// The timeout in jiffies, whose length is not told: 300 s are 30,000 with HZ=100 and 75,000
    /// with HZ=250.
    pub jiffies: u32,
    /// A v4 netmask in reading order; or a v6 prefix length, byte-swapped on little-endian
    /// machines (64 is printed `40000000`). See [`Persistence::prefix`].
    pub mask: u32,
}

impl Persistence {
    /// The mask as a v6 prefix length, 1 to 128. As neither byte order can mistake one for the
    /// other, this also holds for text from another machine.
    pub fn prefix(self) -> Option<u8> {
        [self.mask, self.mask.swap_bytes()]
            .into_iter()
            .find(|n| (1..=128).contains(n))
            .and_then(|n| u8::try_from(n).ok())
    }
}

/// A real server as listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerLine {
    /// What names it.
    pub key: ServerKey,
    /// How packets reach it. Bypass and unknown methods are printed as `Masq`.
    pub forwarding: Forwarding,
    /// Weight, 0 to [`MAX_WEIGHT`].
    pub weight: u32,
    /// Active connections now.
    pub active: u32,
    /// Inactive connections now.
    pub inactive: u32,
}

/// The listing, a line at a time, borrowed from the file's bytes. After a fault it ends.
pub struct Table<'a> {
    info: Info,
    lines: Lines<'a>,
    in_service: bool,
    failed: bool,
}

impl<'a> Table<'a> {
    /// Reads the three header lines of `file`.
    ///
    /// # Errors
    /// A [`Fault`] when they are not the kernel's.
    pub fn open(file: &'a [u8]) -> Result<Self, Fault> {
        let mut lines = Lines::new(file);
        let first = lines.expect("'IP Virtual Server version'")?;
        let info = info(first)
            .ok_or_else(|| Fault::expected(1, "'IP Virtual Server version N (size=N)'", first))?;
        for start in ["Prot ", "  -> "] {
            let line = lines.expect("two header lines")?;
            if !line.starts_with(start.as_bytes()) {
                return Err(Fault::expected(lines.number(), "a header line", line));
            }
        }
        Ok(Self { info, lines, in_service: false, failed: false })
    }

    /// Version and size of the connection table.
    pub fn info(&self) -> Info {
        self.info
    }

    /// The number of the line that was returned last.
    pub fn line_number(&self) -> usize {
        self.lines.number()
    }

    fn parse(&mut self, line: &'a [u8]) -> Result<Line<'a>, Fault> {
        let number = self.lines.number();
        if let Some(server) = line.strip_prefix(b"  -> ") {
            if !self.in_service {
                return Err(Fault::expected(number, "a service before its first server", line));
            }
            return server_line(server, number).map(Line::Server);
        }
        self.in_service = true;
        service_line(line, number).map(Line::Service)
    }
}

impl<'a> Iterator for Table<'a> {
    type Item = Result<Line<'a>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let line = match self.lines.next()? {
            Ok(line) => self.parse(line),
            Err(fault) => Err(fault),
        };
        self.failed = line.is_err();
        Some(line)
    }
}

/// `IP Virtual Server version 1.2.1 (size=4096)`
fn info(line: &[u8]) -> Option<Info> {
    let rest = line.strip_prefix(b"IP Virtual Server version ")?;
    let mut words = Words::new(rest);
    let (version, size) = (words.next()?, words.next()?);
    let mut parts = version.split(|&b| b == b'.');
    let mut packed = 0;
    for _ in 0..3 {
        let part = decimal(parts.next()?).filter(|n| *n <= 255)?;
        packed = packed << 8 | u32::try_from(part).ok()?;
    }
    let size = size.strip_prefix(b"(size=")?.strip_suffix(b")")?;
    let whole = parts.next().is_none() && words.next().is_none();
    whole.then_some(Info { version: packed, conn_tab_size: decimal_u32(size)? })
}

/// `TCP  0A000001:0050 wrr ops persistent 75000 FFFFFFFF`
fn service_line(line: &[u8], number: usize) -> Result<ServiceLine<'_>, Fault> {
    let expected = |what, found: Option<&[u8]>| match found {
        Some(found) => Fault::expected(number, what, found),
        None => Fault::new(number, format!("expected {what}, the line ends: {}", quoted(line))),
    };
    let mut words = Words::new(line);

    let (kind, target) = (words.next(), words.next());
    let name = match kind {
        Some(b"FWM") => target
            .and_then(hex_word::<8>)
            .filter(|mark| *mark != 0)
            .map(Name::Fwmark)
            .ok_or_else(|| expected("a firewall mark", target))?,
        _ => {
            let protocol =
                kind.and_then(protocol).ok_or_else(|| expected("a protocol or 'FWM'", kind))?;
            let (addr, port) =
                target.and_then(endpoint).ok_or_else(|| expected("an address and port", target))?;
            Name::Endpoint(protocol, addr, port)
        }
    };

    let scheduler = words.next();
    let scheduler = scheduler
        .filter(|s| s.len() <= 15 && s.iter().all(u8::is_ascii_graphic))
        .and_then(|s| str::from_utf8(s).ok())
        .ok_or_else(|| expected("a scheduler", scheduler))?;

    let mut next = words.next();
    let one_packet = next == Some(b"ops");
    if one_packet {
        next = words.next();
    }
    let persistence = match next {
        None => None,
        Some(b"persistent") => {
            let (time, mask) = (words.next(), words.next());
            let jiffies = time.and_then(jiffies).ok_or_else(|| expected("jiffies", time))?;
            let v6 = matches!(name, Name::Endpoint(_, addr, _) if addr.is_ipv6());
            let persistence = mask
                .and_then(hex_word::<8>)
                .map(|mask| Persistence { jiffies, mask })
                .filter(|persistence| !v6 || persistence.prefix().is_some())
                .ok_or_else(|| expected("a netmask or prefix length", mask))?;
            Some(persistence)
        }
        Some(other) => return Err(expected("'ops' or 'persistent'", Some(other))),
    };
    match words.next() {
        None => Ok(ServiceLine { name, scheduler, one_packet, persistence }),
        Some(more) => Err(expected("the end of the line", Some(more))),
    }
}

/// The kernel prints its unsigned timeout as a signed int.
fn jiffies(word: &[u8]) -> Option<u32> {
    match word.strip_prefix(b"-") {
        Some(digits) => decimal_u32(digits).map(u32::wrapping_neg),
        None => decimal_u32(word),
    }
}

/// `0A010102:0050      Masq    1      0          0`, after the arrow.
fn server_line(line: &[u8], number: usize) -> Result<ServerLine, Fault> {
    let mut words = Words::new(line);
    let mut next = |what| {
        let ends = || format!("expected {what}, the line ends: {}", quoted(line));
        words.next().ok_or_else(|| Fault::new(number, ends()))
    };
    let word = next("an address and port")?;
    let (addr, port) =
        endpoint(word).ok_or_else(|| Fault::expected(number, "an address and port", word))?;

    let word = next("a forwarding method")?;
    let forwarding = match word {
        b"Masq" => Forwarding::Masq,
        b"Local" => Forwarding::Local,
        b"Tunnel" => Forwarding::Tunnel,
        b"Route" => Forwarding::Route,
        _ => return Err(Fault::expected(number, "a forwarding method", word)),
    };

    let word = next("a weight")?;
    let weight = decimal_u32(word)
        .filter(|w| *w <= MAX_WEIGHT)
        .ok_or_else(|| Fault::expected(number, "a weight from 0 to 2147483647", word))?;
    let word = next("active connections")?;
    let active =
        count(word).ok_or_else(|| Fault::expected(number, "a count of connections", word))?;
    let word = next("inactive connections")?;
    let inactive =
        count(word).ok_or_else(|| Fault::expected(number, "a count of connections", word))?;
    match words.next() {
        None => {
            Ok(ServerLine { key: ServerKey::new(addr, port), forwarding, weight, active, inactive })
        }
        Some(more) => Err(Fault::expected(number, "the end of the line", more)),
    }
}
