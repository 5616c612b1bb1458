//! Rates as small numbers: the upper bits of an `f32`, right to 1 in 128.

/// Nothing is known: the row was not there, its counters were read for the first time, or they
/// went backwards.
pub(super) const NOTHING: u32 = 0;
/// The row was there, but its counters were not read: what they are next brings the average of
/// the time since they were read last.
pub(super) const UNREAD: u32 = 1;
/// A rate of zero.
const ZERO: u32 = 2;
/// Bits that are cut off: 6 of the mantissa stay.
const CUT: u32 = 17;
/// What is left of the lowest rate that is told from zero.
const BELOW: u32 = LEAST.to_bits() >> CUT;
/// A connection in a minute.
const LEAST: f32 = 1.0 / 64.0;

/// The code of a rate, which is not negative. Off by at most 0.8%, and never made zero.
pub(super) fn encode(rate: f32) -> u32 {
    if rate <= 0.0 {
        return ZERO;
    }
    // Half of what is cut off, so that it rounds; a carry goes into the exponent, as it should.
    let upper = (rate.max(LEAST).to_bits() + (1 << (CUT - 1))) >> CUT;
    ZERO + 1 + upper - BELOW
}

/// The rate of a code; `None` if there is none in it.
pub(super) fn decode(code: u32) -> Option<f32> {
    match code {
        NOTHING | UNREAD => None,
        ZERO => Some(0.0),
        code => Some(f32::from_bits((code - ZERO - 1 + BELOW) << CUT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_right_to_one_in_a_hundred() {
        let mut rate = LEAST;
        while rate < 1e12 {
            let told = decode(encode(rate)).unwrap();
            assert!((told - rate).abs() <= rate * 0.008, "{rate} is told as {told}");
            rate *= 1.000_37;
        }
    }

    #[test]
    fn nothing_something_and_zero_are_told_apart() {
        assert_eq!(decode(encode(0.0)), Some(0.0));
        assert!(decode(encode(1e-9)).unwrap() > 0.0);
        assert_eq!(decode(encode(50.0)), Some(50.0));
        assert_eq!(decode(NOTHING), None);
        assert_eq!(decode(UNREAD), None);
        assert!(encode(0.0) > UNREAD);
    }

    #[test]
    fn a_table_of_ordinary_rates_takes_12_bits() {
        assert!(encode(1e12) < 1 << 12);
    }
}
