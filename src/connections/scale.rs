//! From a count in a sample to the count in the whole table, with its error.
//!
//! The table is ordered by a hash of the client with a random seed, so its first rows are a sample
//! of all, drawn without putting back. How many there are altogether is told by the kernel's
//! own count (from 7.2 on, where it may be read), or by the counters of the servers: active,
//! inactive, and with netlink the persistence templates. Counters leave some rows out, orphans of
//! deleted servers among them; how many those are follows from their share in the sample, and so
//! does the error of that.
//!
//! A range is Wilson's, narrowed by the part of the table that was read, and widened where the
//! size of the table is itself an estimate.

use std::fmt;

use crate::ipvs::separated;

/// 95 of 100 ranges hold the true value.
pub const USUAL: f64 = 1.96;

/// A count in the whole table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Estimate {
    /// The likeliest value.
    pub value: u64,
    /// At least so many, 95 times in 100.
    pub low: u64,
    /// At most so many; `None` where nothing tells how large the table is.
    pub high: Option<u64>,
}

impl Estimate {
    /// A count of everything.
    pub fn exact(value: u64) -> Self {
        Self { value, low: value, high: Some(value) }
    }

    /// Whether it is a count and no estimate.
    pub fn is_exact(&self) -> bool {
        self.high == Some(self.low)
    }

    /// With what is counted: `1 connection`, `at least 12 connections`.
    pub fn counted(&self, what: &str) -> String {
        let s = if self.is_one() { "" } else { "s" };
        format!("{self} {what}{s}")
    }

    /// Whether it is told as one: `1`, `at least 1`, `at most 1`.
    pub fn is_one(&self) -> bool {
        self.to_string().rsplit(' ').next() == Some("1")
    }

    /// How far off it may be, 95 times in 100.
    pub fn error(&self) -> Option<u64> {
        let high = self.high?;
        Some((high - self.value.min(high)).max(self.value - self.low.min(self.value)))
    }
}

impl fmt::Display for Estimate {
    /// `1,204`, `1,200 ±90`, `at least 12`, `at most 7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.error() {
            None => format!("at least {}", separated(self.low)),
            Some(error @ 1..) if self.value == 0 => format!("at most {}", separated(error)),
            Some(0) => separated(self.value),
            Some(error) => {
                // Digits below the error say nothing.
                let round = |n: u64, unit: u64| (n + unit / 2) / unit * unit;
                let unit = 10_u64.pow(error.ilog10().saturating_sub(1));
                let (value, error) = (round(self.value, unit), round(error, unit));
                format!("{} ±{}", separated(value), separated(error))
            }
        };
        f.pad(&text)
    }
}

/// A share, with its error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// The likeliest, 0 to 1.
    pub value: f64,
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

impl fmt::Display for Share {
    /// `44%`, `44% ±2`, `0.4% ±0.2`; `0% to 3%` where it is lopsided.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = (self.high - self.value).max(self.value - self.low) * 100.0;
        let digits = usize::from(self.value < 0.0995);
        let text = if error < 0.05 {
            format!("{:.*}%", digits, self.value * 100.0)
        } else {
            let fine = usize::from(error < 0.95);
            format!("{:.*}% ±{:.*}", digits.max(fine), self.value * 100.0, fine, error)
        };
        f.pad(&text)
    }
}

/// Rows of a sample: those that the counters count, and the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tally {
    /// Rows that the total is made of.
    pub counted: u64,
    /// Rows that it leaves out.
    pub beside: u64,
}

impl Tally {
    /// All of them.
    pub fn rows(&self) -> u64 {
        self.counted + self.beside
    }

    /// One more.
    pub fn add(&mut self, counted: bool) {
        if counted {
            self.counted += 1;
        } else {
            self.beside += 1;
        }
    }

    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { counted: self.counted + other.counted, beside: self.beside + other.beside }
    }
}

/// How a sample stands to the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scale {
    /// Every row of the sample.
    sample: Tally,
    /// What the counters say of the counted ones in the whole table; `None` if nothing tells.
    total: Option<u64>,
    /// The pass reached the table's end.
    whole: bool,
}

impl Scale {
    /// A sample of a table of which the counters count so many rows.
    pub fn new(sample: Tally, total: Option<u64>, whole: bool) -> Self {
        // Counters can lag behind what was read.
        let total = total.map(|total| total.max(sample.counted));
        let total = total.filter(|total| *total > 0 && sample.counted > 0);
        Self { sample, total, whole }
    }

    /// Whether the sample is the whole.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Every row of the sample.
    pub fn sample(&self) -> Tally {
        self.sample
    }

    /// The part of the table that was read, 0 to 1; `None` where nothing tells its size.
    pub fn part(&self) -> Option<f64> {
        if self.whole {
            return Some(1.0);
        }
        Some(self.sample.counted as f64 / self.total? as f64)
    }

    /// Rows of the whole table.
    pub fn all(&self) -> Estimate {
        self.count(self.sample)
    }

    /// Rows of the whole table that are like these of the sample.
    pub fn count(&self, rows: Tally) -> Estimate {
        self.range(rows, USUAL)
    }

    /// The same with a range that is missed less often: `z` is in standard deviations.
    pub fn range(&self, rows: Tally, z: f64) -> Estimate {
        let held = rows.rows();
        if self.whole {
            return Estimate::exact(held);
        }
        let Some(total) = self.total else {
            return Estimate { value: held, low: held, high: None };
        };
        if rows.counted == self.sample.counted && rows.beside == 0 && self.sample.beside > 0 {
            return Estimate::exact(total); // the counted rows themselves
        }
        let (n, k) = (self.sample.rows() as f64, held as f64);
        let counted = self.sample.counted as f64;
        let up = total as f64 / counted;
        let left = (1.0 - counted / total as f64).max(0.0);
        let (p, size) = (k / n, n * up);

        // How far the ratio of these rows to the counted ones strays, against what a share of a
        // table of known size would: less where they are counted themselves, more where they and
        // the size of the table stray apart.
        let ratio = k / counted;
        let (inside, beside) = (rows.counted as f64, rows.beside as f64);
        let strays = inside * (1.0 - ratio).powi(2) + beside + (counted - inside) * ratio.powi(2);
        let plain = n * p * (1.0 - p);
        let narrower = if plain > 0.0 { (strays / plain).min(1.0) } else { 1.0 };

        // The size of the table, from the share of counted rows; and what of its error concerns
        // these.
        let known = wilson(counted, n, n / left.max(1e-12), z);
        let size_strays = (n - counted) * n / counted;
        let of_it = match size_strays > 0.0 {
            true => ((strays - plain).max(0.0) / size_strays).sqrt(),
            false => p,
        };
        let smaller = (size - total as f64 / known.high) * of_it;
        let larger = (total as f64 / known.low - size) * of_it;

        let share = wilson(k, n, n / (narrower * left).max(1e-12), z);
        let value = k * up;
        let low = value - (value - share.low * size).hypot(smaller);
        let high = value + (share.high * size - value).hypot(larger);
        // What was read is there.
        let most = size - (n - k) + larger;
        Estimate {
            value: value.round() as u64,
            low: (low.floor() as u64).clamp(held, value.round() as u64),
            high: Some((high.min(most).ceil().max(0.0) as u64).max(value.round() as u64)),
        }
    }

    /// The share of `part` among `of`, both rows of the sample, in the whole table.
    pub fn share(&self, part: u64, of: u64, z: f64) -> Share {
        let left = 1.0 - self.part().unwrap_or(0.0).min(1.0);
        let (k, n) = (part as f64, of as f64);
        if n <= 0.0 {
            return Share { value: 0.0, low: 0.0, high: 1.0 };
        }
        wilson(k, n, n / left.max(1e-12), z)
    }
}

/// Wilson's interval of `k` of `n`, as sharp as if `sharp` had been asked.
fn wilson(k: f64, n: f64, sharp: f64, z: f64) -> Share {
    let p = k / n;
    let z2 = z * z / sharp;
    let middle = (p + z2 / 2.0) / (1.0 + z2);
    let half = z / (1.0 + z2) * (p * (1.0 - p) / sharp + z2 / (4.0 * sharp)).max(0.0).sqrt();
    Share { value: p, low: (middle - half).clamp(0.0, p), high: (middle + half).clamp(p, 1.0) }
}

/// How many standard deviations to look for where `tries` things are looked at and one false
/// alarm in a thousand looks is too many. Errs to the quiet side.
pub fn strict(tries: usize) -> f64 {
    (2.0 * (1_000.0 * tries.max(1) as f64).ln()).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(counted: u64, beside: u64) -> Tally {
        Tally { counted, beside }
    }

    #[test]
    fn a_whole_table_is_counted() {
        let scale = Scale::new(tally(900, 100), Some(905), true);
        assert_eq!(scale.count(tally(10, 5)), Estimate::exact(15));
        assert_eq!(scale.all().to_string(), "1,000");
        assert_eq!(scale.part(), Some(1.0));
        assert_eq!(scale.share(250, 1_000, USUAL).to_string(), "25%");
    }

    #[test]
    fn a_sample_is_scaled_up_and_says_how_far_off_it_may_be() {
        let scale = Scale::new(tally(20_000, 0), Some(100_000), false);
        // There may be some that the counters leave out, although none was seen.
        let all = scale.all();
        assert_eq!((all.value, all.low), (100_000, 99_984), "{all:?}");
        assert!(all.high.unwrap() < 100_020, "{all:?}");
        let half = scale.count(tally(10_000, 0));
        // 1.96 * sqrt(0.25 / 20,000 * 0.8) of 100,000 is 620.
        assert_eq!(half.value, 50_000);
        assert!((600..640).contains(&half.error().unwrap()), "{half:?}");
        assert_eq!(half.to_string(), "50,000 ±620");
        // Nothing found does not mean that there is nothing.
        let none = scale.count(tally(0, 0));
        assert_eq!((none.value, none.low), (0, 0));
        assert!((10..25).contains(&none.high.unwrap()), "{none:?}");
        let one = scale.count(tally(1, 0));
        assert_eq!((one.value, one.low), (5, 1));
        assert!(one.high.unwrap() > 15, "{one:?}");
    }

    #[test]
    fn what_the_counters_leave_out_is_estimated_too() {
        // A third of the sample are templates, which /proc does not count.
        let scale = Scale::new(tally(2_000, 1_000), Some(20_000), false);
        let all = scale.all();
        assert_eq!(all.value, 30_000);
        assert!((700..900).contains(&all.error().unwrap()), "{all:?}");
        assert_eq!(scale.count(tally(2_000, 0)), Estimate::exact(20_000));
        let templates = scale.count(tally(0, 1_000));
        assert_eq!(templates.value, 10_000);
        assert!(templates.error().unwrap().abs_diff(all.error().unwrap()) < 20, "{templates:?}");
    }

    #[test]
    fn without_a_total_there_is_only_what_was_read() {
        for total in [None, Some(0)] {
            let scale = Scale::new(tally(0, 50), total, false);
            assert_eq!(scale.part(), None);
            let few = scale.count(tally(0, 5));
            assert_eq!(few, Estimate { value: 5, low: 5, high: None });
            assert_eq!(few.to_string(), "at least 5");
        }
        // The counters lag behind: more was read than they tell.
        let scale = Scale::new(tally(500, 0), Some(400), false);
        assert_eq!((scale.all().value, scale.all().low), (500, 500));
    }

    #[test]
    fn an_estimate_has_no_more_digits_than_it_knows() {
        let of = |value, low, high| Estimate { value, low, high: Some(high) }.to_string();
        assert_eq!(of(98_713, 97_000, 100_426), "98,700 ±1,700");
        assert_eq!(of(50, 40, 63), "50 ±13");
        assert_eq!(of(0, 0, 7), "at most 7");
        assert_eq!(Estimate::exact(1).counted("row"), "1 row");
        let counted = |value, low, high| Estimate { value, low, high }.counted("row");
        assert_eq!(counted(1, 1, None), "at least 1 row");
        assert_eq!(counted(1, 0, Some(2)), "1 ±1 rows");
        assert_eq!(counted(0, 0, Some(0)), "0 rows");
        let share = |value, low, high| Share { value, low, high }.to_string();
        assert_eq!(share(0.44, 0.42, 0.46), "44% ±2");
        assert_eq!(share(0.004, 0.002, 0.006), "0.4% ±0.2");
        assert_eq!(share(0.5, 0.5, 0.5), "50%");
    }

    #[test]
    fn many_looks_want_more_to_go_on() {
        assert!((3.5..4.0).contains(&strict(1)) && (5.0..5.5).contains(&strict(1_000)));
        assert_eq!(strict(0).to_bits(), strict(1).to_bits());
    }
}
