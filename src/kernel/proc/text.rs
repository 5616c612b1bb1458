//! Small pieces of the kernel's `/proc` text: lines, words, numbers and addresses. Bytes in,
//! borrowed values out, nothing allocated unless something is wrong.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use crate::ipvs::Protocol;
use crate::kernel::KernelError;

/// What is wrong in a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, from 1.
    pub line: usize,
    /// What was expected there and what was found.
    pub what: String,
}

impl Fault {
    pub(super) fn new(line: usize, what: impl Into<String>) -> Self {
        Self { line, what: what.into() }
    }

    /// `expected` says what should have been there; `found` is quoted.
    pub(super) fn expected(line: usize, expected: &str, found: &[u8]) -> Self {
        Self::new(line, format!("expected {expected}, found {}", quoted(found)))
    }

    /// The error to hand on, naming the file.
    pub fn in_file(&self, file: &Path) -> KernelError {
        KernelError::malformed(file.display().to_string(), self.to_string())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

/// Bytes of unknown origin, quoted and escaped so that no terminal can be harmed by them, and cut
/// so that no message fills the screen.
pub(super) fn quoted(bytes: &[u8]) -> String {
    const MOST: usize = 48;
    match bytes.get(..MOST) {
        Some(start) if bytes.len() > MOST => format!("'{}...'", start.escape_ascii()),
        _ => format!("'{}'", bytes.escape_ascii()),
    }
}

/// The lines of a whole file with their numbers. The kernel ends every line with a newline, so a
/// last line without one was cut off, and might end in half a number.
pub(super) struct Lines<'a> {
    rest: &'a [u8],
    number: usize,
}

impl<'a> Lines<'a> {
    pub(super) fn new(file: &'a [u8]) -> Self {
        Self { rest: file, number: 0 }
    }

    /// The number of the line that was returned last.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// The next line, or a fault at the end of the file.
    pub(super) fn expect(&mut self, what: &str) -> Result<&'a [u8], Fault> {
        match self.next() {
            Some(line) => line,
            None => Err(Fault::new(self.number + 1, format!("expected {what}, the file ends"))),
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Result<&'a [u8], Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        self.number += 1;
        if let Some((line, rest)) = split_line(self.rest) {
            self.rest = rest;
            return Some(Ok(line));
        }
        let cut = std::mem::take(&mut self.rest);
        Some(Err(Fault::expected(self.number, "a whole line", cut)))
    }
}

/// Splits after the first newline, which belongs to neither half.
pub(super) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&b| b == b'\n')?;
    let (line, rest) = bytes.split_at_checked(end)?;
    Some((line, rest.split_first()?.1))
}

/// The words of a line, between any number of blanks.
#[derive(Clone)]
pub(super) struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    pub(super) fn new(line: &'a [u8]) -> Self {
        Self(line)
    }

    /// What no word has been taken of yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let start = self.0.iter().position(|&b| b != b' ')?;
        let (_, text) = self.0.split_at_checked(start)?;
        let end = text.iter().position(|&b| b == b' ').unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        self.0 = rest;
        Some(word)
    }
}

/// What a byte that is no hexadecimal digit has in [`HEX`].
const NO_DIGIT: u8 = 0xFF;

/// The value of every byte as a hexadecimal digit.
static HEX: [u8; 256] = hex_table();

#[expect(clippy::indexing_slicing, reason = "runs in the compiler; the index is a u8's value")]
const fn hex_table() -> [u8; 256] {
    let mut table = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        table[b"0123456789ABCDEF"[value] as usize] = value as u8;
        table[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    table
}

/// A number of exactly `N` hexadecimal digits, at most 8.
pub(super) fn hex<const N: usize>(digits: &[u8; N]) -> Option<u32> {
    const { assert!(N <= 8) };
    let (mut value, mut seen) = (0_u32, 0_u8);
    for &byte in digits {
        let digit = HEX.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT);
        seen |= digit;
        value = value << 4 | u32::from(digit & 0xF);
    }
    (seen <= 0xF).then_some(value)
}

/// A hexadecimal number of 1 to 16 digits.
pub(super) fn hex_u64(word: &[u8]) -> Option<u64> {
    if word.is_empty() || word.len() > 16 {
        return None;
    }
    word.iter().try_fold(0_u64, |value, &byte| {
        let digit = *HEX.get(usize::from(byte))?;
        (digit != NO_DIGIT).then_some(value << 4 | u64::from(digit))
    })
}

/// A word that is exactly `N` hexadecimal digits.
pub(super) fn hex_word<const N: usize>(word: &[u8]) -> Option<u32> {
    hex::<N>(word.try_into().ok()?)
}

/// A port: 4 hexadecimal digits.
pub(super) fn port(word: &[u8]) -> Option<u16> {
    hex_word::<4>(word).and_then(|n| u16::try_from(n).ok())
}

/// An unsigned decimal number.
pub(super) fn decimal(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0_u64, |value, &byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// An unsigned decimal number of 32 bits.
pub(super) fn decimal_u32(word: &[u8]) -> Option<u32> {
    decimal(word).and_then(|n| u32::try_from(n).ok())
}

/// A decimal count that the kernel prints as a signed int and that races can bring below zero
/// for a moment (`%d` of an `atomic_t`): negative reads as 0.
pub(super) fn count(word: &[u8]) -> Option<u32> {
    match word.split_first() {
        Some((b'-', digits)) => decimal_u32(digits).map(|_| 0),
        _ => decimal_u32(word),
    }
}

/// An address: 8 hexadecimal digits in reading order (`%08X`), or 8 groups of 4 (`%pI6`).
pub(super) fn addr(word: &[u8]) -> Option<IpAddr> {
    if let Some(bits) = hex_word::<8>(word) {
        return Some(Ipv4Addr::from_bits(bits).into());
    }
    let mut groups = word.split(|&b| b == b':');
    let mut bits = 0_u128;
    for _ in 0..8 {
        bits = bits << 16 | u128::from(port(groups.next()?)?);
    }
    groups.next().is_none().then(|| Ipv6Addr::from_bits(bits).into())
}

/// `ADDR:PORT` of a v4 address, `[ADDR]:PORT` of a v6 one.
pub(super) fn endpoint(word: &[u8]) -> Option<(IpAddr, u16)> {
    let (host, port_digits) = word.split_last_chunk::<4>()?;
    let host = host.strip_suffix(b":")?;
    let bare = host.strip_prefix(b"[").and_then(|h| h.strip_suffix(b"]"));
    let ip = addr(bare.unwrap_or(host))?;
    // Only and every v6 address wears brackets.
    (ip.is_ipv6() == bare.is_some()).then_some((ip, port(port_digits)?))
}

/// A protocol in the kernel's words (`ip_vs_proto_name`).
pub(super) fn protocol(word: &[u8]) -> Option<Protocol> {
    Some(match word {
        b"TCP" => Protocol::TCP,
        b"UDP" => Protocol::UDP,
        b"SCTP" => Protocol::SCTP,
        b"IP" => Protocol(0),
        b"ICMP" => Protocol(1),
        b"ICMPv6" => Protocol(58),
        _ => Protocol(decimal(word.strip_prefix(b"IP_")?).and_then(|n| u16::try_from(n).ok())?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_exact_or_refused() {
        assert_eq!(hex_word::<8>(b"FFFFffff"), Some(u32::MAX));
        assert_eq!(hex_word::<8>(b"FFFFFFF"), None);
        assert_eq!(hex_word::<4>(b"00G0"), None);
        assert_eq!(hex_u64(b"FFFFFFFFFFFFFFFF"), Some(u64::MAX));
        assert_eq!(hex_u64(b"10000000000000000"), None);
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(decimal(b"18446744073709551616"), None);
        assert_eq!(decimal(b"1:"), None);
        assert_eq!(decimal(b""), None);
        assert_eq!(decimal_u32(b"4294967296"), None);
        assert_eq!(count(b"-3"), Some(0));
        assert_eq!(count(b"-"), None);
    }

    #[test]
    fn addresses_are_the_kernels() {
        let v4: IpAddr = "10.0.0.1".parse().unwrap();
        let v6: IpAddr = "fd00::1".parse().unwrap();
        assert_eq!(addr(b"0A000001"), Some(v4));
        assert_eq!(addr(b"fd00:0000:0000:0000:0000:0000:0000:0001"), Some(v6));
        assert_eq!(addr(b"fd00:0000:0000:0000:0000:0000:0000:0001:0000"), None);
        assert_eq!(addr(b"fd00::1"), None);
        assert_eq!(endpoint(b"0A000001:0050"), Some((v4, 80)));
        assert_eq!(endpoint(b"[fd00:0000:0000:0000:0000:0000:0000:0001]:01BB"), Some((v6, 443)));
        assert_eq!(endpoint(b"[0A000001]:0050"), None);
        assert_eq!(endpoint(b"fd00:0000:0000:0000:0000:0000:0000:0001:01BB"), None);
        assert_eq!(endpoint(b"0A0000010050"), None);
    }

    #[test]
    fn a_cut_last_line_is_a_fault() {
        let mut lines = Lines::new(b"whole\n\ncut");
        assert_eq!(lines.next(), Some(Ok(&b"whole"[..])));
        assert_eq!(lines.next(), Some(Ok(&b""[..])));
        let fault = lines.next().unwrap().unwrap_err();
        assert_eq!(fault.to_string(), "line 3: expected a whole line, found 'cut'");
        assert_eq!(lines.next(), None);
    }

    #[test]
    fn quotes_are_harmless_and_short() {
        assert_eq!(quoted(b"\x1b[2J\0\xff"), r"'\x1b[2J\x00\xff'");
        assert_eq!(quoted(&[b'a'; 100]).len(), 48 + "'...'".len());
    }
}
