//! Weights as an operator types them.

use std::str::FromStr;

use crate::ipvs::MAX_WEIGHT;

/// A new weight, by itself or relative to the present one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum WeightEdit {
    /// `12`
    To(u32),
    /// `+5`, `-3`
    By(i64),
    /// `50%` of the present weight, rounded, and at least 1 unless it is `0%` or the weight is 0.
    Percent(f64),
}

/// Why a text is no weight.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeightError {
    /// Not one of the three forms.
    #[error("'{0}' is not a weight: write a number as 12, a step as +5 or -3, or a share as 50%")]
    Form(String),
    /// Outside what the kernel takes.
    #[error("a weight is 0 to {MAX_WEIGHT}, and this would be {0}")]
    Range(String),
}

impl WeightEdit {
    /// The weight that comes of it when the present one is `weight`.
    ///
    /// # Errors
    /// [`WeightError::Range`] above [`MAX_WEIGHT`], and for an absolute or relative weight
    /// below 0 when the present weight is 0 already; a step that would cross 0 stops there.
    pub fn of(self, weight: u32) -> Result<u32, WeightError> {
        let wanted = match self {
            Self::To(to) => i64::from(to),
            Self::By(step) => i64::from(weight).saturating_add(step).max(0),
            Self::Percent(percent) => {
                let exact = (f64::from(weight) * percent / 100.0).round();
                if weight > 0 && percent > 0.0 { exact.max(1.0) as i64 } else { exact as i64 }
            }
        };
        u32::try_from(wanted)
            .ok()
            .filter(|w| *w <= MAX_WEIGHT)
            .ok_or_else(|| WeightError::Range(wanted.to_string()))
    }
}

impl FromStr for WeightEdit {
    type Err = WeightError;

    fn from_str(text: &str) -> Result<Self, WeightError> {
        let text = text.trim();
        let form = || WeightError::Form(text.escape_debug().to_string());
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
        if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.trim();
            let plain = percent.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            let value: f64 = percent.parse().map_err(|_| form())?;
            return if plain { Ok(Self::Percent(value)) } else { Err(form()) };
        }
        let (sign, number) = match text.as_bytes().first() {
            Some(b'+') => (1, text.get(1..).unwrap_or_default()),
            Some(b'-') => (-1, text.get(1..).unwrap_or_default()),
            _ => (0, text),
        };
        if !digits(number) {
            return Err(form());
        }
        let range = || WeightError::Range(text.to_owned());
        let value: i64 = number.parse().map_err(|_| range())?;
        match sign {
            0 => u32::try_from(value).map(Self::To).map_err(|_| range()),
            sign => Ok(Self::By(sign * value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, weight: u32) -> Result<u32, WeightError> {
        text.parse::<WeightEdit>()?.of(weight)
    }

    #[test]
    fn the_three_forms() {
        assert_eq!(of("12", 10), Ok(12));
        assert_eq!(of("+5", 10), Ok(15));
        assert_eq!(of(" -3 ", 10), Ok(7));
        assert_eq!(of("50%", 10), Ok(5));
        assert_eq!(of("0%", 10), Ok(0));
        assert_eq!(of("12.5%", 80), Ok(10));
    }

    #[test]
    fn a_step_stops_at_zero_and_a_share_never_quiesces_by_rounding() {
        assert_eq!(of("-30", 10), Ok(0));
        assert_eq!(of("1%", 10), Ok(1));
    }

    #[test]
    fn nonsense_is_told() {
        for text in ["", "+", "ten", "5 5", "--3", "-5%", "1e9%", "NaN%", "0x10", "%", "\u{1b}[2J"]
        {
            assert!(matches!(of(text, 10), Err(WeightError::Form(_))), "{text:?}");
        }
        for text in ["2147483648", "99999999999999999999", "+2147483647"] {
            assert!(matches!(of(text, 10), Err(WeightError::Range(_))), "{text:?}");
        }
        assert_eq!(of("2147483647", 10), Ok(MAX_WEIGHT));
    }
}
