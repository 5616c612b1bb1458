//! Lengths of time and counts as an operator says them.

use std::time::Duration;

/// Two units at most: `45 s`, `2m10s`, `3h05m`, `2d04h`.
/// Rounded to seconds; from an hour on, cut to the smaller unit.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_millis() >= 500));
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h{:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d{:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// `93204` as `93,204`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 packet`, `2,410 packets`.
pub fn count(n: u64, one: &str) -> String {
    format!("{} {one}{}", thousands(n), if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_two_units() {
        for (millis, text) in [
            (0, "0 s"),
            (499, "0 s"),
            (45_000, "45 s"),
            (59_500, "1m00s"),
            (130_000, "2m10s"),
            (3_599_499, "59m59s"),
            (11_100_000, "3h05m"),
            (86_400_000 * 2 + 3_600_000 * 4, "2d04h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text, "{millis}");
        }
        assert!(!duration(Duration::from_secs(u64::MAX - 1)).is_empty());
    }

    #[test]
    fn counts_are_separated_and_agree_with_their_noun() {
        assert_eq!(count(1, "packet"), "1 packet");
        assert_eq!(count(1_204, "packet"), "1,204 packets");
        assert_eq!(thousands(0), "0");
        assert_eq!(thousands(93_204), "93,204");
    }
}
