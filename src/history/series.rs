//! Samples of one row in three tiers: as polled for the last minutes, then averages of 5 and of
//! 30 seconds. At most [`FINE`] + [`MIDDLE`] + [`COARSE`] samples, however long the console runs.

use std::collections::VecDeque;
use std::time::Duration;

use super::Metric;
use super::meter::OwnRates;
use crate::snapshot::Moment;

/// Samples as polled: a minute and a half at 1 s.
const FINE: usize = 96;
/// Averages of 5 seconds: six and a half minutes.
const MIDDLE: usize = 78;
/// Averages of 30 seconds: thirty-two minutes.
const COARSE: usize = 64;

/// One row at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    at: Moment,
    active: f32,
    inactive: f32,
    /// NaN where unknown: half the size of an Option, and a large table has many of these.
    rates: OwnRates,
}

impl Sample {
    /// A sample of connections and, where known, rates.
    pub(super) fn new(at: Moment, active: u64, inactive: u64, rates: Option<OwnRates>) -> Self {
        let rates = rates.unwrap_or([f32::NAN; 5]);
        Self { at, active: active as f32, inactive: inactive as f32, rates }
    }

    fn gap(at: Moment) -> Self {
        Self { at, active: f32::NAN, inactive: f32::NAN, rates: [f32::NAN; 5] }
    }

    fn is_gap(&self) -> bool {
        self.active.is_nan()
    }

    fn value(&self, metric: Metric) -> Option<f32> {
        let [cps, in_pps, out_pps, in_bps, out_bps] = self.rates;
        let value = match metric {
            Metric::Active => self.active,
            Metric::Connections => self.active + self.inactive,
            Metric::Cps => cps,
            Metric::InPps => in_pps,
            Metric::OutPps => out_pps,
            Metric::InBps => in_bps,
            Metric::OutBps => out_bps,
        };
        (!value.is_nan()).then_some(value)
    }
}

/// A ring of averages over `step`; zero keeps every sample.
#[derive(Clone, Debug)]
struct Tier {
    step: Duration,
    room: usize,
    samples: VecDeque<Sample>,
    /// How many samples the newest average is made of.
    weight: u32,
}

impl Tier {
    fn new(step: Duration, room: usize) -> Self {
        Self { step, room, samples: VecDeque::new(), weight: 0 }
    }

    fn push(&mut self, sample: Sample) {
        let bucket = |m: Moment| m.0.as_nanos() / self.step.as_nanos().max(1);
        let step = self.step;
        match self.samples.back_mut() {
            Some(last) if !step.is_zero() && bucket(last.at) == bucket(sample.at) => {
                if sample.is_gap() {
                    return; // part of the bucket is known, which is more than nothing
                }
                if last.is_gap() {
                    *last = sample;
                    self.weight = 1;
                    return;
                }
                let n = self.weight as f32;
                let mean = |old: f32, new: f32| match (old.is_nan(), new.is_nan()) {
                    (true, _) => new,
                    (_, true) => old,
                    _ => (old * n + new) / (n + 1.0),
                };
                last.active = mean(last.active, sample.active);
                last.inactive = mean(last.inactive, sample.inactive);
                for (old, new) in last.rates.iter_mut().zip(sample.rates) {
                    *old = mean(*old, new);
                }
                self.weight += 1;
            }
            _ => {
                if self.samples.len() == self.room {
                    self.samples.pop_front();
                }
                self.samples.push_back(sample);
                self.weight = 1;
            }
        }
    }

    /// How far back it reaches, if it has been full; everything otherwise.
    fn reaches(&self, from: Moment) -> bool {
        self.samples.len() < self.room || self.samples.front().is_some_and(|s| s.at <= from)
    }
}

/// The past of one row.
#[derive(Clone, Debug)]
pub struct Series {
    tiers: [Tier; 3],
}

impl Default for Series {
    fn default() -> Self {
        let tier = |seconds, room| Tier::new(Duration::from_secs(seconds), room);
        Self { tiers: [tier(0, FINE), tier(5, MIDDLE), tier(30, COARSE)] }
    }
}

impl Series {
    /// Adds the newest sample.
    pub(super) fn push(&mut self, sample: Sample) {
        for tier in &mut self.tiers {
            tier.push(sample);
        }
    }

    /// Ends the line: nothing is known from `at` until the next sample.
    pub(super) fn gap(&mut self, at: Moment) {
        for tier in &mut self.tiers {
            if tier.samples.back().is_some_and(|s| !s.is_gap()) {
                tier.push(Sample::gap(at));
            }
        }
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
        let width = span.as_nanos() / (buckets.max(1) as u128);
        if width == 0 || buckets == 0 {
            return vec![None; buckets];
        }
        let last_bucket = end.0.as_nanos() / width;
        let first_bucket = (last_bucket + 1).saturating_sub(buckets as u128);
        let from = Moment(nanos(first_bucket * width));
        let tier = self.tiers.iter().find(|t| t.reaches(from)).or(self.tiers.last());
        let Some(tier) = tier else { return vec![None; buckets] };
        let hold = hold.max(tier.step.mul_f32(1.5));

        let mut values = vec![None; buckets];
        let mut sums = vec![(0.0_f32, 0_u32); buckets];
        let samples: Vec<&Sample> = tier.samples.iter().collect();
        for (i, sample) in samples.iter().enumerate() {
            let Some(value) = sample.value(metric) else { continue };
            let until = samples.get(i + 1).map_or(end.0.max(sample.at.0), |next| next.at.0);
            let until = until.min(sample.at.0 + hold);
            // Up to the next sample, and not into its bucket.
            let until = if i + 1 < samples.len() { until - Duration::from_nanos(1) } else { until };
            let until = until.max(sample.at.0);
            let (a, b) = (sample.at.0.as_nanos() / width, until.as_nanos() / width);
            for bucket in a.max(first_bucket)..=b.min(last_bucket) {
                let index = (bucket - first_bucket) as usize;
                let start_here = bucket == a;
                if let (Some(slot), true) = (sums.get_mut(index), start_here) {
                    slot.0 += value;
                    slot.1 += 1;
                }
                // Held over from an earlier bucket: only where nothing newer begins.
                if let (Some(held), false) = (values.get_mut(index), start_here) {
                    *held = Some(value);
                }
            }
        }
        for (value, (sum, n)) in values.iter_mut().zip(sums) {
            if n > 0 {
                *value = Some(sum / n as f32);
            }
        }
        // Where the line of time begins later than the window, there are fewer buckets than room.
        let short = buckets as u128 - (last_bucket + 1 - first_bucket).min(buckets as u128);
        values.rotate_right(short as usize);
        values
    }
}

fn nanos(n: u128) -> Duration {
    Duration::from_nanos(u64::try_from(n).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    fn at(s: u64) -> Moment {
        Moment(secs(s))
    }

    fn filled(until: u64) -> Series {
        let mut series = Series::default();
        for s in 0..until {
            series.push(Sample::new(at(s), s, 0, None));
        }
        series
    }

    fn line(series: &Series, end: u64, span: u64, buckets: usize) -> Vec<Option<f32>> {
        series.window(Metric::Active, at(end), secs(span), buckets, secs(3))
    }

    #[test]
    fn one_sample_a_bucket_is_drawn_as_it_came() {
        let series = filled(20);
        assert_eq!(line(&series, 19, 4, 4), [16.0, 17.0, 18.0, 19.0].map(Some));
    }

    #[test]
    fn a_sample_holds_until_the_next_but_not_over_a_gap() {
        let mut series = filled(3); // 0, 1, 2
        series.push(Sample::new(at(10), 7, 0, None));
        let line = line(&series, 11, 12, 12);
        assert_eq!(line[..3], [0.0, 1.0, 2.0].map(Some));
        assert_eq!(line[2..5], [Some(2.0); 3]); // held for 3 s
        assert_eq!(line[5..10], [None; 5]);
        assert_eq!(line[10..], [Some(7.0); 2]);
    }

    #[test]
    fn an_explicit_gap_ends_the_line_at_once() {
        let mut series = filled(3);
        series.gap(at(3));
        assert_eq!(line(&series, 5, 3, 3), [None; 3]);
    }

    #[test]
    fn an_unknown_rate_is_a_gap_while_connections_are_drawn() {
        let mut series = Series::default();
        series.push(Sample::new(at(1), 5, 5, None));
        assert_eq!(series.window(Metric::Cps, at(1), secs(1), 1, secs(3)), [None]);
        assert_eq!(series.window(Metric::Connections, at(1), secs(1), 1, secs(3)), [Some(10.0)]);
    }

    #[test]
    fn a_young_console_draws_at_the_right_edge() {
        let series = filled(2);
        assert_eq!(line(&series, 1, 4, 4), [None, None, Some(0.0), Some(1.0)]);
    }

    #[test]
    fn half_an_hour_comes_from_the_coarse_tier_and_room_is_bounded() {
        let series = filled(7200);
        let line = line(&series, 7199, 1800, 60);
        assert!(line.iter().all(Option::is_some));
        let steps: Vec<f32> = line.windows(2).map(|w| w[1].unwrap() - w[0].unwrap()).collect();
        assert!(steps[..58].iter().all(|s| (s - 30.0).abs() < 1.0), "{steps:?}");
        let held: usize = series.tiers.iter().map(|t| t.samples.len()).sum();
        assert_eq!(held, FINE + MIDDLE + COARSE);
    }
}
