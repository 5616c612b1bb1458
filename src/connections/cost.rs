//! What reading the connection table costs, learned while it is read.
//!
//! The kernel hands out a page of rows a read. Up to 6.12 every read walks the table from its
//! start again, so that a page costs the more the further down it lies, and all of them together
//! grow with the square of the rows; from 6.16 on every page costs the same. Which of the two this
//! kernel does is seen from the pages that were read, not from its version: distributions backport.

use std::fmt;
use std::time::Duration;

/// How the cost of a pass grows with the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// Too few pages were read to tell.
    #[default]
    Unknown,
    /// With the rows.
    Linear,
    /// With their square.
    Quadratic,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "unknown",
            Self::Linear => "linear",
            Self::Quadratic => "quadratic",
        })
    }
}

/// CPU time that something is expected to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// At least about this.
    pub low: Duration,
    /// At most about this.
    pub high: Duration,
}

impl fmt::Display for Expected {
    /// `0.4 s`, `5 to 14 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = (self.low.as_secs_f64(), self.high.as_secs_f64());
        let digits = |seconds: f64| usize::from(seconds < 9.95);
        if high < 0.1 {
            return f.write_str("less than 0.1 s");
        }
        let (from, to) = (format!("{low:.*}", digits(high)), format!("{high:.*}", digits(high)));
        if from == to { write!(f, "{to} s") } else { write!(f, "{from} to {to} s") }
    }
}

/// Pages that were read, as a straight line of their cost over the rows before them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    pages: f64,
    /// Seconds of CPU.
    spent: f64,
    /// Sums over pages: x is the rows before it, y its seconds of CPU, none of them far beyond
    /// what those before let expect: a page that was disturbed tells nothing of the others.
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
    yy: f64,
    rows: f64,
    deepest: f64,
}

/// A line fitted to the pages.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Seconds of the first page.
    first: f64,
    /// Seconds that a page costs more for every row before it.
    slope: f64,
    /// The slope's standard error.
    error: f64,
}

impl Cost {
    /// So many pages tell something.
    const ENOUGH: f64 = 24.0;
    /// Where a page would cost half more than the first, a pass is not linear; this many rows
    /// down a kernel that walks from the start has long shown it.
    const DEEP: f64 = 20_000.0;
    /// Caches overflow: 93,000 rows took 8 times as long as 51,000, where the square is 3.3.
    const WORSE: f64 = 3.0;
    /// A page that takes so many times what is usual was disturbed; a few tell what is usual.
    const FEW: f64 = 8.0;
    const DISTURBED: f64 = 3.0;

    /// A page of `rows` rows was read, with `before` rows before it.
    pub fn page(&mut self, before: usize, rows: usize, cpu: Duration) {
        let (x, spent) = (before as f64, cpu.as_secs_f64());
        let line = self.line().map_or(0.0, |line| line.first + line.slope.max(0.0) * x);
        let y = match self.pages >= Self::FEW {
            true => spent.min(line.max(self.y / self.pages) * Self::DISTURBED),
            false => spent,
        };
        self.pages += 1.0;
        self.spent += spent;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
        self.yy += y * y;
        self.rows += rows as f64;
        self.deepest = self.deepest.max(x);
    }

    /// Another pass begins: what was learned counts half.
    pub fn fade(&mut self) {
        for sum in [
            &mut self.pages,
            &mut self.spent,
            &mut self.x,
            &mut self.y,
            &mut self.xx,
            &mut self.xy,
            &mut self.yy,
            &mut self.rows,
        ] {
            *sum /= 2.0;
        }
    }

    fn line(&self) -> Option<Line> {
        let n = self.pages;
        let (mean_x, mean_y) = (self.x / n, self.y / n);
        let spread = self.xx / n - mean_x * mean_x;
        if n < Self::ENOUGH || spread <= 0.0 {
            return None;
        }
        let slope = (self.xy / n - mean_x * mean_y) / spread;
        let left = self.yy / n - mean_y * mean_y - slope * slope * spread;
        let error = (left.max(0.0) / spread / (n - 2.0)).sqrt();
        Some(Line { first: (mean_y - slope * mean_x).max(0.0), slope, error })
    }

    /// How a pass grows.
    pub fn shape(&self) -> Shape {
        let Some(line) = self.line() else { return Shape::Unknown };
        let mean = self.y / self.pages;
        if line.slope > 4.0 * line.error && line.slope * self.deepest > 0.5 * mean {
            return Shape::Quadratic;
        }
        let steepest = line.slope.max(0.0) + 3.0 * line.error;
        if steepest * Self::DEEP < 0.5 * mean { Shape::Linear } else { Shape::Unknown }
    }

    /// What reading costs from row `from` to row `to`; `None` before anything was read.
    pub fn expected(&self, from: u64, to: u64) -> Option<Expected> {
        if self.pages < 1.0 || self.rows < 1.0 || self.spent <= 0.0 {
            return None;
        }
        let (from, to) = (from as f64, to.max(from) as f64);
        let per_page = self.rows / self.pages;
        let pages = (to - from) / per_page;
        let even = pages * self.spent / self.pages;
        let (low, high) = match (self.shape(), self.line()) {
            (Shape::Linear, _) => (even, even * 1.2),
            (Shape::Quadratic, Some(line)) => {
                let low = pages * (line.first + line.slope * (from + to) / 2.0);
                let beyond = to > self.deepest * 1.5;
                (low, if beyond { low * Self::WORSE } else { low * 1.3 })
            }
            // It may be either.
            (_, line) => {
                let steep = line.map_or(0.0, |line| line.slope.max(0.0) + 3.0 * line.error);
                (even, even.max(pages * (self.spent / self.pages + steep * (from + to) / 2.0)))
            }
        };
        let time = |seconds: f64| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX);
        Some(Expected { low: time(low), high: time(high) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pages of 62 rows, with `noise` in per cent.
    fn read(pages: usize, first: f64, slope: f64, noise: f64) -> Cost {
        let mut cost = Cost::default();
        for page in 0..pages {
            let jitter = ((page * 7_919) % 101) as f64 / 101.0 - 0.5;
            let seconds = (first + slope * (page * 62) as f64) * (1.0 + jitter * noise / 50.0);
            cost.page(page * 62, 62, Duration::from_secs_f64(seconds));
        }
        cost
    }

    #[test]
    fn a_kernel_that_walks_from_the_start_is_told_from_one_that_does_not() {
        // Microseconds a page, and nanoseconds a row before it.
        for noise in [0.0, 10.0, 40.0] {
            assert_eq!(read(300, 60e-6, 5e-9, noise).shape(), Shape::Quadratic, "{noise}");
            assert_eq!(read(300, 60e-6, 0.0, noise).shape(), Shape::Linear, "{noise}");
        }
        assert_eq!(read(10, 60e-6, 0.0, 5.0).shape(), Shape::Unknown);
        // 30 pages of a quadratic kernel look almost alike: it is not called linear.
        assert_ne!(read(30, 60e-6, 5e-9, 10.0).shape(), Shape::Linear);
    }

    #[test]
    fn pages_that_were_disturbed_hide_nothing() {
        for (slope, shape) in [(250e-9, Shape::Quadratic), (0.0, Shape::Linear)] {
            let mut cost = Cost::default();
            for page in 0..400 {
                let usual = 100e-6 + slope * (page * 62) as f64;
                let seconds = if page % 23 == 22 { usual + 0.02 } else { usual };
                cost.page(page * 62, 62, Duration::from_secs_f64(seconds));
            }
            assert_eq!(cost.shape(), shape);
        }
    }

    #[test]
    fn a_whole_pass_is_expected_from_a_part_of_it() {
        let linear = read(300, 60e-6, 0.0, 10.0).expected(0, 1_000_000).unwrap();
        assert!((0.8..1.1).contains(&linear.low.as_secs_f64()), "{linear}");
        assert!((0.9..1.3).contains(&linear.high.as_secs_f64()), "{linear}");
        // 100,000 rows: 1,613 pages of 60 us + 5 ns a row before: 0.1 s + 0.4 s.
        let square = read(300, 60e-6, 5e-9, 10.0).expected(0, 100_000).unwrap();
        assert!((0.4..0.6).contains(&square.low.as_secs_f64()), "{square}");
        assert!(square.high > square.low * 2, "{square}");
        assert_eq!(Cost::default().expected(0, 100), None);
    }

    #[test]
    fn what_was_learned_last_counts_most() {
        let mut cost = read(300, 60e-6, 0.0, 10.0);
        for _ in 0..6 {
            cost.fade();
            for page in 0..300 {
                cost.page(
                    page * 62,
                    62,
                    Duration::from_secs_f64(60e-6 + 5e-9 * (page * 62) as f64),
                );
            }
        }
        assert_eq!(cost.shape(), Shape::Quadratic);
    }

    #[test]
    fn expectations_are_short_words() {
        let of = |low: u64, high: u64| {
            let (low, high) = (Duration::from_millis(low), Duration::from_millis(high));
            Expected { low, high }.to_string()
        };
        assert_eq!(of(3, 9), "less than 0.1 s");
        assert_eq!(of(410, 430), "0.4 s");
        assert_eq!(of(400, 1_200), "0.4 to 1.2 s");
        assert_eq!(of(5_000, 14_200), "5 to 14 s");
    }
}
