//! Times as an operator types them: `14:30`, `+5m`, `2026-11-21 14:30:05`.

use std::str::FromStr;

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};

/// A time that was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A time of day: `14:30`, `14:30:05`.
    Clock(Time),
    /// A day and a time: `2026-11-21T14:30`.
    Day(DateTime),
    /// With an offset, or UTC: `2026-11-21T14:30:05Z`.
    Instant(Timestamp),
    /// So much later or earlier: `+5m`, `-1h30m`.
    By(SignedDuration),
}

impl FromStr for When {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || {
            format!(
                "'{}' is no time: write 14:30, 14:30:05, 2026-11-21T14:30, +5m or -30s",
                text.escape_debug()
            )
        };
        if let Some(rest) = text.strip_prefix(['+', '-']) {
            let by = length(rest).ok_or_else(wrong)?;
            return Ok(Self::By(if text.starts_with('-') { -by } else { by }));
        }
        let is_day = text.len() > 10;
        if is_day && let Ok(instant) = text.parse::<Timestamp>() {
            return Ok(Self::Instant(instant));
        }
        if is_day && let Ok(day) = text.parse::<DateTime>() {
            return Ok(Self::Day(day));
        }
        // jiff reads 1430 too, which may have been meant as something else.
        let clock = text.parse::<Time>().ok().filter(|_| text.contains(':') && !is_day);
        clock.map(Self::Clock).ok_or_else(wrong)
    }
}

/// `5m`, `1h30m`, `90s`, `90` (seconds).
fn length(text: &str) -> Option<SignedDuration> {
    let (mut seconds, mut number) = (0_i64, String::new());
    for c in text.chars() {
        let unit = match c {
            '0'..='9' => {
                number.push(c);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        seconds = number.parse::<i64>().ok()?.checked_mul(unit)?.checked_add(seconds)?;
        number.clear();
    }
    if !number.is_empty() {
        seconds = number.parse::<i64>().ok()?.checked_add(seconds)?;
    } else if text.is_empty() {
        return None;
    }
    Some(SignedDuration::from_secs(seconds))
}

impl When {
    /// The moment that is meant in a recording that goes from `first` to `last`, seen from `now`.
    /// A time of day is that of the same day; where the recording has none of it there, that of
    /// the day on which it has. Offsets are counted from `now`. `None` if there is no such moment.
    pub fn resolve(
        self,
        now: Timestamp,
        (first, last): (Timestamp, Timestamp),
        zone: &TimeZone,
    ) -> Option<Timestamp> {
        match self {
            Self::Instant(time) => Some(time),
            Self::By(by) => now.checked_add(by).ok(),
            Self::Day(day) => Some(day.to_zoned(zone.clone()).ok()?.timestamp()),
            Self::Clock(time) => {
                let today = now.to_zoned(zone.clone()).date();
                let on = |days: i64| {
                    let day = today.checked_add(days.days()).ok()?;
                    Some(day.to_datetime(time).to_zoned(zone.clone()).ok()?.timestamp())
                };
                let days = |from: Timestamp| {
                    let date = from.to_zoned(zone.clone()).date();
                    (date - today).get_days().into()
                };
                let inside = |time: &Timestamp| (first..=last).contains(time);
                let nearest = [0, -1, 1].into_iter().chain([days(first), days(last)]);
                let found = nearest.filter_map(on).find(inside);
                found.or_else(|| on(0))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn meant(text: &str, now: &str) -> Option<String> {
        let span = (at("2026-11-20T22:00:00Z"), at("2026-11-21T20:00:00Z"));
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let when: When = text.parse().unwrap();
        when.resolve(at(now), span, &zone).map(|t| t.to_string())
    }

    #[test]
    fn times_are_those_of_the_recording() {
        let now = "2026-11-21T10:00:00Z";
        for (text, expected) in [
            ("14:30", "2026-11-21T13:30:00Z"),
            ("14:30:05", "2026-11-21T13:30:05Z"),
            ("23:30", "2026-11-20T22:30:00Z"), // yesterday: today's is not recorded
            ("22:30", "2026-11-21T21:30:00Z"), // on no day
            ("2026-11-21T09:00", "2026-11-21T08:00:00Z"),
            ("2026-11-21 09:00:01", "2026-11-21T08:00:01Z"),
            ("2026-11-21T09:00:00Z", "2026-11-21T09:00:00Z"),
            ("+5m", "2026-11-21T10:05:00Z"),
            ("-1h30m", "2026-11-21T08:30:00Z"),
            ("+90", "2026-11-21T10:01:30Z"),
        ] {
            assert_eq!(meant(text, now).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_told_with_what_is_one() {
        for text in ["", "now", "25:00", "1430", "+", "+5x", "5m", "+99999999999999999999h", "2026"]
        {
            let told = text.parse::<When>().unwrap_err();
            assert!(
                told.ends_with("write 14:30, 14:30:05, 2026-11-21T14:30, +5m or -30s"),
                "{told}"
            );
        }
    }
}
