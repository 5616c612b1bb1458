//! Names of entries and drains: short, typeable, never given twice.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Crockford's digits: no I, L, O, U, so that nothing is misread over a telephone.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// 2026-01-01T00:00:00Z, in seconds.
const EPOCH: i64 = 1_767_225_600;

/// Names an entry or a drain of a journal, `vb2k0`.
///
/// It is the second in which it was given, since 2026, in base 32; or one more than the one
/// before it where that is later. So ids grow along the file, whatever the clock does, and stay
/// at six characters until 2060. None is given 0, the default.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct Id(u64);

impl Id {
    /// The id after `newest`, given at `now`.
    pub(super) fn after(newest: Option<Self>, now: Timestamp) -> Self {
        let clock = u64::try_from(now.as_second().saturating_sub(EPOCH)).unwrap_or(0).max(1);
        Self(newest.map_or(clock, |Self(newest)| clock.max(newest.saturating_add(1))))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = (0..13).rev().map(|place| (self.0 >> (place * 5)) & 31);
        let text: String = digits
            .skip_while(|digit| *digit == 0)
            .filter_map(|digit| DIGITS.get(usize::try_from(digit).ok()?))
            .map(|byte| char::from(*byte))
            .collect();
        f.pad(if text.is_empty() { "0" } else { &text })
    }
}

/// A text that is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{}' names no entry: write an id such as vb2k0, as 'ipvs-tui journal' shows it", .0.escape_debug())]
pub struct IdError(String);

impl FromStr for Id {
    type Err = IdError;

    /// What [`Display`](fmt::Display) writes, in either case; `o` counts as 0, `i` and `l` as 1.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let wrong = || IdError(text.to_owned());
        let mut value: u64 = 0;
        for byte in text.bytes() {
            let digit = match byte.to_ascii_lowercase() {
                b'o' => 0,
                b'i' | b'l' => 1,
                byte => DIGITS.iter().position(|d| *d == byte).ok_or_else(wrong)?,
            };
            value = value
                .checked_mul(32)
                .and_then(|v| v.checked_add(u64::try_from(digit).ok()?))
                .ok_or_else(wrong)?;
        }
        if text.is_empty() { Err(wrong()) } else { Ok(Self(value)) }
    }
}

impl TryFrom<String> for Id {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(EPOCH + second).unwrap()
    }

    #[test]
    fn ids_read_back_what_they_print() {
        for n in [0, 1, 31, 32, 33, 1 << 30, u64::MAX - 1, u64::MAX] {
            assert_eq!(Id(n).to_string().parse::<Id>(), Ok(Id(n)), "{n}");
        }
        assert_eq!(Id(0).to_string(), "0");
        assert_eq!(Id(32).to_string(), "10");
    }

    #[test]
    fn ids_are_read_as_people_type_them() {
        assert_eq!("VB2K0".parse::<Id>(), "vb2k0".parse());
        assert_eq!("1OIl".parse::<Id>(), "1011".parse());
        for text in ["", "u", "vb 2k0", "vb2k0\n", "-1", "zzzzzzzzzzzzzzz", "\u{e9}"] {
            assert!(text.parse::<Id>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn ids_grow_whatever_the_clock_does() {
        let first = Id::after(None, at(1000));
        assert_eq!(Id::after(Some(first), at(1000)), Id(1001), "the same second");
        assert_eq!(Id::after(Some(first), at(-5_000_000_000)), Id(1001), "back before 2026");
        assert_eq!(Id::after(Some(first), at(2000)), Id(2000));
        assert_eq!(Id::after(None, at(-1)), Id(1));
    }

    #[test]
    fn an_id_of_2059_is_still_short() {
        assert_eq!(Id::after(None, "2059-12-31T00:00:00Z".parse().unwrap()).to_string().len(), 6);
    }
}
