//! Numbers and times in sentences: whole, with separators. Columns of bounded width are the
//! view's business.

use std::time::Duration;

/// `1204` as `1,204`.
pub fn separated(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 connection`, `1,204 connections`.
pub fn counted(n: u64, what: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {what}{s}", separated(n))
}

/// A time that goes by, two units at most: `45 s`, `2m10s`, `3h05m`, `2d04h`.
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

/// A time that was set: seconds as `45s`, `4m50s`, `5m`, `2h`, `1h30m`, `3d`: the two largest parts that are not 0.
pub fn span(seconds: u64) -> String {
    let parts = [(seconds / 86_400, 'd'), (seconds / 3_600 % 24, 'h')];
    let parts = parts.into_iter().chain([(seconds / 60 % 60, 'm'), (seconds % 60, 's')]);
    let first = parts.skip_while(|(n, _)| *n == 0).take(2).filter(|(n, _)| *n > 0);
    let text: String = first.map(|(n, unit)| format!("{n}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { text }
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
    fn numbers_and_times_read_as_an_operator_writes_them() {
        assert_eq!(separated(0), "0");
        assert_eq!(separated(999), "999");
        assert_eq!(separated(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(counted(1, "server"), "1 server");
        assert_eq!(counted(1_204, "server"), "1,204 servers");
        for (seconds, text) in [
            (0, "0s"),
            (45, "45s"),
            (290, "4m50s"),
            (300, "5m"),
            (3_605, "1h"),
            (5_400, "1h30m"),
            (86_400 * 3 + 59, "3d"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
