//! From text to numbers, addresses and masks, with a sentence for what is none.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};

use crate::ipvs::{Family, Netmask, PeName};

/// A sentence repeats so much of what was typed.
const QUOTED: usize = 32;

/// A decimal number from `from` to `to`; `what` it is says the sentence.
pub(super) fn number(text: &str, what: &str, from: u32, to: u32) -> Result<u32, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let value = text.parse().ok().filter(|n| digits && (from..=to).contains(n));
    value.ok_or_else(|| no(text, what, format!("a number from {from} to {to}")))
}

/// A port, 0 among them.
pub(super) fn port(text: &str) -> Result<u16, String> {
    let number = number(text, "port", 0, u16::MAX.into())?;
    u16::try_from(number).map_err(|_| no(text, "port", "a smaller one"))
}

/// An address alone, in brackets or not.
pub(super) fn address(text: &str) -> Result<IpAddr, String> {
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    let how = "10.0.0.1 or fd00::1; the port has its own field";
    bare.parse().map_err(|_| no(text, "IP address", how))
}

/// An IPv4 mask or prefix length, or an IPv6 prefix length; empty means single clients.
pub(super) fn netmask(text: &str, family: Family) -> Result<Netmask, String> {
    let prefix = text.strip_prefix('/').unwrap_or(text);
    match family {
        _ if text.is_empty() => Ok(Netmask::host(family)),
        Family::V4 => {
            if let Ok(mask) = text.parse::<Ipv4Addr>() {
                return Ok(Netmask::V4(mask));
            }
            let how = "255.255.255.0, or a prefix length from 0 to 32";
            let length = number(prefix, "", 0, 32).map_err(|_| no(text, "IPv4 netmask", how))?;
            let bits = u32::MAX.checked_shl(32 - length).unwrap_or_default();
            Ok(Netmask::V4(bits.into()))
        }
        Family::V6 => {
            let how = "a number from 1 to 128";
            let length = number(prefix, "", 1, 128).ok().and_then(|n| u8::try_from(n).ok());
            length.map(Netmask::V6).ok_or_else(|| no(text, "IPv6 prefix length", how))
        }
    }
}

/// The name of a persistence engine; empty means none.
pub(super) fn engine(text: &str) -> Result<Option<PeName>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let how = "sip, or 1 to 15 printable characters without a blank";
    PeName::new(text).map(Some).map_err(|_| no(text, "persistence engine", how))
}

fn no(text: &str, what: &str, how: impl Display) -> String {
    if text.is_empty() {
        return format!("nothing is typed: write {how}");
    }
    let mut quoted: String = text.escape_debug().take(QUOTED + 1).collect();
    if quoted.chars().count() > QUOTED {
        quoted = quoted.chars().take(QUOTED).chain("...".chars()).collect();
    }
    format!("'{quoted}' is no {what}: write {how}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_decimal_and_in_range() {
        assert_eq!(number("65535", "port", 0, 65_535), Ok(65_535));
        for text in ["", "+5", "-1", "0x10", "1e3", "65536", "99999999999999999999", "5 5", "٣"] {
            let why = number(text, "port", 0, 65_535).unwrap_err();
            assert!(why.contains("a number from 0 to 65535"), "{text:?}: {why}");
        }
    }

    #[test]
    fn addresses_stand_alone() {
        let v6: IpAddr = "fd00::1".parse().unwrap();
        assert_eq!(address("fd00::1"), Ok(v6));
        assert_eq!(address("[fd00::1]"), Ok(v6));
        for text in ["", "10.0.0", "10.0.0.1:80", "[fd00::1]:80", "[fd00::1", "web1", "10.0.0.1/24"]
        {
            assert!(address(text).unwrap_err().contains("own field"), "{text:?}");
        }
    }

    #[test]
    fn masks_are_typed_as_masks_or_lengths() {
        let v4 = |mask: [u8; 4]| Ok(Netmask::V4(mask.into()));
        assert_eq!(netmask("255.255.255.0", Family::V4), v4([255, 255, 255, 0]));
        assert_eq!(netmask("/24", Family::V4), v4([255, 255, 255, 0]));
        assert_eq!(netmask("0", Family::V4), v4([0; 4]));
        assert_eq!(netmask("32", Family::V4), v4([255; 4]));
        assert_eq!(netmask("255.0.255.0", Family::V4), v4([255, 0, 255, 0]));
        assert_eq!(netmask("", Family::V4), v4([255; 4]));
        assert_eq!(netmask("64", Family::V6), Ok(Netmask::V6(64)));
        assert_eq!(netmask("", Family::V6), Ok(Netmask::V6(128)));
        for (text, family) in
            [("33", Family::V4), ("0", Family::V6), ("129", Family::V6), ("ffff::", Family::V6)]
        {
            assert!(netmask(text, family).is_err(), "{text}");
        }
    }
}
