//! One row's past, read in windows of time or at a moment.

use std::time::Duration;

use super::Metric;
use super::code::{self, NOTHING, UNREAD};
use super::store::{ACTIVE, INACTIVE, Row, Store, WEIGHT, number};
use crate::ipvs::Rates;
use crate::snapshot::Moment;

/// The past of one row: as it was polled for the last minute, averages of 5 s for five, of 30 s
/// for half an hour. Connections and weights are exact, rates are off by at most 0.8%.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    store: &'a Store,
    row: Row,
}

/// What was known of a row at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The weight; only servers have one.
    pub weight: Option<u32>,
    /// Active connections.
    pub active: u64,
    /// Inactive connections.
    pub inactive: u64,
    /// What the counters made a second, which the kernel's own averages follow within seconds.
    pub rates: Option<Rates>,
}

/// A value, when it began, and the time that it is the average of.
struct Sample {
    at: u64,
    step: u64,
    value: Option<f32>,
}

impl<'a> Series<'a> {
    pub(super) fn new(store: &'a Store, row: Row) -> Self {
        Self { store, row }
    }

    /// `metric` over the `span` that ends at `end`, in `buckets` of equal length, oldest first;
    /// `None` where nothing is known. A sample stands for the time up to the next one, but not
    /// for longer than `hold`: behind that is a gap.
    ///
    /// Buckets are aligned to multiples of their length, so that a line scrolls and does not
    /// shiver.
    pub fn window(
        &self,
        metric: Metric,
        end: Moment,
        span: Duration,
        buckets: usize,
        hold: Duration,
    ) -> Vec<Option<f32>> {
        let width = millis(span) / (buckets.max(1) as u64);
        if width == 0 || buckets == 0 {
            return vec![None; buckets];
        }
        let (end, hold) = (millis(end.0), millis(hold));
        let last_bucket = end / width;
        let first_bucket = (last_bucket + 1).saturating_sub(buckets as u64);
        let samples = self.samples(metric, first_bucket * width, end, hold);

        let mut values = vec![None; buckets];
        let mut sums = vec![(0.0_f32, 0_u32); buckets];
        let mut next = samples.iter().skip(1).map(|s| s.at);
        for sample in &samples {
            // Up to the next sample, and not into its bucket.
            let until = next.next().map_or(end.max(sample.at), |at| at.saturating_sub(1));
            let Some(value) = sample.value else { continue };
            let hold = hold.max(sample.step);
            let until = until.min(sample.at + hold.saturating_sub(1)).max(sample.at);
            let (a, b) = (sample.at / width, until / width);
            for bucket in a.max(first_bucket)..=b.min(last_bucket) {
                let index = (bucket - first_bucket) as usize;
                if bucket == a {
                    if let Some(slot) = sums.get_mut(index) {
                        slot.0 += value;
                        slot.1 += 1;
                    }
                } else if let Some(held) = values.get_mut(index) {
                    *held = Some(value); // held over: only where nothing newer begins
                }
            }
        }
        for (value, (sum, n)) in values.iter_mut().zip(sums) {
            if n > 0 {
                *value = Some(sum / n as f32);
            }
        }
        // Where the line of time begins later than the window, there are fewer buckets than room.
        let short = buckets as u64 - (last_bucket + 1 - first_bucket).min(buckets as u64);
        values.rotate_right(short as usize);
        values
    }

    /// What was known at `moment`. A sample stands for the time up to the next one, but not for
    /// longer than `hold`; `None` behind that, in a gap, and where the row was not there.
    pub fn at(&self, moment: Moment, hold: Duration) -> Option<Known> {
        let (at, hold) = (millis(moment.0), millis(hold));
        let counts = &self.store.counts;
        let (frame, step) = counts.get(counts.find(at)?)?;
        if at - frame.at >= hold.max(step) {
            return None;
        }
        let count = |column| number(frame, step, column, self.row).checked_sub(1);
        let rate = |metric| self.rate_at(metric, at, hold).map(|rate| rate.round() as u64);
        let rates = || {
            Some(Rates {
                connections: rate(Metric::Cps)?,
                in_packets: rate(Metric::InPps)?,
                out_packets: rate(Metric::OutPps)?,
                in_bytes: rate(Metric::InBps)?,
                out_bytes: rate(Metric::OutBps)?,
            })
        };
        Some(Known {
            weight: count(WEIGHT),
            active: count(ACTIVE)?.into(),
            inactive: count(INACTIVE)?.into(),
            rates: rates(),
        })
    }

    fn samples(&self, metric: Metric, from: u64, end: u64, hold: u64) -> Vec<Sample> {
        let column = match metric {
            Metric::Active | Metric::Connections => return self.counts(metric, from, end),
            rate => rate.column(),
        };
        let first = self.store.find_rates(from).unwrap_or(0);
        let codes = (first..self.store.rate_frames())
            .map(|place| self.store.rate_code(place, column, self.row))
            .take_while(|(at, ..)| *at <= end);
        let mut codes: Vec<_> = codes.collect();
        fill(&mut codes, hold);
        let told = |(at, step, code)| Sample { at, step, value: code::decode(code) };
        codes.into_iter().map(told).collect()
    }

    fn counts(&self, metric: Metric, from: u64, end: u64) -> Vec<Sample> {
        let counts = &self.store.counts;
        let first = counts.find(from).unwrap_or(0);
        let frames = (first..counts.len()).map_while(|place| counts.get(place));
        let samples = frames.take_while(|(frame, _)| frame.at <= end).map(|(frame, step)| {
            let count = |column| Some(number(frame, step, column, self.row).checked_sub(1)? as f32);
            let value = match metric {
                Metric::Connections => {
                    count(ACTIVE).and_then(|active| Some(active + count(INACTIVE)?))
                }
                _ => count(ACTIVE),
            };
            Sample { at: frame.at, step, value }
        });
        samples.collect()
    }

    fn rate_at(&self, metric: Metric, at: u64, hold: u64) -> Option<f32> {
        let code = |place| self.store.rate_code(place, metric.column(), self.row);
        let place = self.store.find_rates(at)?;
        let (began, step, first) = code(place);
        if first == NOTHING || at - began >= hold.max(step) {
            return None;
        }
        // What is read next is the average of the time since the last reading.
        let mut later = (place..self.store.rate_frames()).map(|place| code(place).2);
        let read = later.find(|code| *code != UNREAD).filter(|code| *code != NOTHING);
        let earlier = || {
            let mut all = (0..place).rev().map(code).take_while(|(began, ..)| at - began < hold);
            all.find(|(_, _, code)| *code != UNREAD).map(|(_, _, code)| code)
        };
        code::decode(read.or_else(earlier)?)
    }
}

/// Counters that were not read for a while tell the average of that while when they are read
/// again. Behind the last reading its rates hold for `hold`.
fn fill(codes: &mut [(u64, u64, u32)], hold: u64) {
    let mut later = UNREAD;
    for (_, _, code) in codes.iter_mut().rev() {
        if *code == UNREAD {
            *code = later;
        } else {
            later = if *code == NOTHING { UNREAD } else { *code };
        }
    }
    let mut last = None;
    for (at, _, code) in codes {
        match (&*code, last) {
            (&UNREAD, Some((read, rate))) if *at - read < hold => *code = rate,
            (&UNREAD, _) => {}
            (&NOTHING, _) => last = None,
            (rate, _) => last = Some((*at, *rate)),
        }
    }
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::store::Kind;
    use super::*;

    const HOLD: Duration = Duration::from_secs(3);
    const MINUTE: Duration = Duration::from_secs(60);

    fn secs(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn at(s: u64) -> Moment {
        Moment(secs(s))
    }

    /// A store with one row.
    struct One {
        store: Store,
        row: Row,
    }

    impl One {
        fn new() -> Self {
            let mut store = Store::default();
            let row = store.row(Kind::Server, 0);
            Self { store, row }
        }

        /// A poll at so many seconds; `cps` is `None` where the counters were not read.
        fn poll(&mut self, second: u64, active: u64, inactive: u64, cps: Option<Option<f32>>) {
            self.store.begin(second * 1000);
            self.store.count(self.row, active, inactive, Some(10));
            if let Some(cps) = cps {
                self.store.rate(self.row, cps.map(|cps| [cps, 0.0, 0.0, 0.0, 0.0]));
            }
            self.store.end(second * 1000);
        }

        fn filled(until: u64) -> Self {
            let mut one = Self::new();
            (0..until).for_each(|s| one.poll(s, s, 0, None));
            one
        }

        fn series(&self) -> Series<'_> {
            Series::new(&self.store, self.row)
        }

        fn line(&self, end: u64, span: u64, buckets: usize) -> Vec<Option<f32>> {
            self.series().window(Metric::Active, at(end), secs(span), buckets, HOLD)
        }

        fn cps(&self, end: u64, span: u64) -> Vec<Option<f32>> {
            self.series().window(Metric::Cps, at(end), secs(span), span as usize, HOLD)
        }
    }

    #[test]
    fn one_sample_a_bucket_is_drawn_as_it_came() {
        assert_eq!(One::filled(20).line(19, 4, 4), [16.0, 17.0, 18.0, 19.0].map(Some));
    }

    #[test]
    fn a_sample_holds_until_the_next_but_not_over_a_gap() {
        let mut one = One::filled(3); // 0, 1, 2
        one.poll(10, 7, 0, None);
        let line = one.line(11, 12, 12);
        assert_eq!(line[..3], [0.0, 1.0, 2.0].map(Some));
        assert_eq!(line[2..5], [Some(2.0); 3]); // held for 3 s
        assert_eq!(line[5..10], [None; 5]);
        assert_eq!(line[10..], [Some(7.0); 2]);
    }

    #[test]
    fn an_explicit_gap_ends_the_line_at_once() {
        let mut one = One::filled(3);
        one.store.gap(3_000);
        assert_eq!(one.line(5, 3, 3), [None; 3]);
        assert_eq!(one.series().at(at(2), HOLD).map(|k| k.active), Some(2));
        assert_eq!(one.series().at(at(3), HOLD), None);
    }

    #[test]
    fn an_unknown_rate_is_a_gap_while_connections_are_drawn() {
        let mut one = One::new();
        one.poll(1, 5, 5, Some(None));
        assert_eq!(one.series().window(Metric::Cps, at(1), secs(1), 1, HOLD), [None]);
        assert_eq!(one.series().window(Metric::Connections, at(1), secs(1), 1, HOLD), [Some(10.0)]);
        let known = one.series().at(at(1), HOLD).unwrap();
        assert_eq!((known.weight, known.rates), (Some(10), None));
    }

    #[test]
    fn a_young_console_draws_at_the_right_edge() {
        assert_eq!(One::filled(2).line(1, 4, 4), [None, None, Some(0.0), Some(1.0)]);
    }

    #[test]
    fn half_an_hour_is_whole_and_so_are_five_minutes() {
        let one = One::filled(7200);
        for (span, step) in [(1800, 30.0), (300, 5.0), (60, 1.0)] {
            let line = one.line(7199, span, 60);
            assert!(line.iter().all(Option::is_some), "{line:?}");
            let steps: Vec<f32> = line.windows(2).map(|w| w[1].unwrap() - w[0].unwrap()).collect();
            // Where a tier begins, its first average is cut short.
            let even = steps[..58].iter().filter(|s| (**s - step).abs() < 1.0).count();
            assert!(even >= 54, "{steps:?}");
        }
    }

    #[test]
    fn what_was_known_is_told_at_every_moment() {
        let one = One::filled(7200);
        for back in 0..60 {
            let known = one.series().at(at(7199 - back), HOLD).unwrap();
            assert_eq!(known.active, 7199 - back, "the last minute is exact");
        }
        for back in 60..1800 {
            let known = one.series().at(at(7199 - back), HOLD).unwrap();
            let off = known.active.abs_diff(7199 - back);
            assert!(off <= if back < 300 { 5 } else { 30 }, "{back} s back: off by {off}");
            assert_eq!(known.weight, Some(10));
        }
        assert_eq!(one.series().at(at(7199 - 1900), HOLD), None, "further back is nothing");
        assert!(one.series().at(at(7201), HOLD).is_some());
        assert_eq!(one.series().at(at(7202), HOLD), None, "nor is it known for long");
    }

    #[test]
    fn polls_closer_together_than_lines_can_show_are_thinned_out() {
        for millis in [200_u64, 350, 500, 600, 1000] {
            let mut one = One::new();
            for n in 0..(120_000 / millis) {
                one.store.begin(n * millis);
                one.store.count(one.row, n * millis, 0, None);
                one.store.end(n * millis);
            }
            let frames = one.store.counts.iter().filter(|(_, step)| *step == 0).count();
            assert!(frames <= 128, "{millis} ms: {frames}");
            let line = one.line(119, 60, 60);
            assert!(line.iter().all(Option::is_some), "{millis} ms: {line:?}");
            let last = 120_000 / millis * millis - millis;
            let newest = one.series().at(Moment(Duration::from_millis(last)), HOLD);
            assert_eq!(newest.map(|k| k.active), Some(last), "{millis} ms");
        }
    }

    /// The counters of what is not on the screen are read now and then; what they made in between
    /// is known afterwards.
    #[test]
    fn counters_that_were_not_read_are_filled_in_afterwards() {
        let mut one = One::new();
        for second in 0..60 {
            let rate = match second {
                0 => Some(None),
                n if n % 20 == 0 => Some(Some(n as f32)),
                _ => None,
            };
            one.poll(second, 1, 0, rate);
        }
        let line = one.cps(59, 60);
        assert_eq!(line[10], Some(20.0), "{line:?}");
        assert_eq!(line[30], Some(40.0), "{line:?}");
        assert_eq!(line[41], Some(40.0), "held: {line:?}");
        assert_eq!(line[45..], [None; 15], "{line:?}");
        let cps = |second| one.series().at(at(second), HOLD)?.rates.map(|rates| rates.connections);
        assert_eq!([10, 30, 42, 50].map(cps), [Some(20), Some(40), Some(40), None]);
    }

    #[test]
    fn a_reset_is_not_filled_in() {
        let mut one = One::new();
        one.poll(0, 1, 0, Some(Some(5.0)));
        one.poll(2, 1, 0, Some(Some(5.0)));
        one.poll(4, 1, 0, Some(None));
        one.poll(6, 1, 0, Some(None));
        one.poll(8, 1, 0, None);
        one.poll(10, 1, 0, Some(Some(7.0)));
        let five = Some(5.0);
        let line = one.cps(10, 11);
        assert_eq!(line[..4], [five; 4], "{line:?}");
        assert_eq!(line[4..8], [None; 4], "{line:?}");
        assert_eq!(line[8..], [Some(7.0); 3], "{line:?}");
    }

    #[test]
    fn a_slot_of_another_row_tells_nothing_of_it() {
        let mut one = One::filled(200);
        one.store.free(one.row, 200_000);
        for second in 200..400 {
            one.store.begin(second * 1000);
            one.store.end(second * 1000);
        }
        let old = format!("{:?}", one.row);
        one.row = one.store.row(Kind::Server, 400_000);
        assert_eq!(format!("{:?}", one.row), old.replace("born: 0", "born: 400000"));
        one.poll(400, 3, 0, None);
        let line = one.series().window(Metric::Active, at(400), 10 * MINUTE, 60, HOLD);
        assert_eq!(line.iter().flatten().count(), 1, "{line:?}");
        assert_eq!(one.series().at(at(100), HOLD), None);
    }
}
