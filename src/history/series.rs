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

/// One row over one moment, or the sum of several: a value is its sum by its count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    /// Milliseconds since the director was opened.
    at: u64,
    /// How many samples are in the sums; 0 is a gap.
    count: u32,
    /// How many of them know their rates.
    rated: u32,
    active: u32,
    inactive: u32,
    rates: OwnRates,
}

impl Sample {
    /// A sample of connections and, where known, rates.
    pub(super) fn new(at: Moment, active: u64, inactive: u64, rates: Option<OwnRates>) -> Self {
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            at: millis(at.0),
            count: 1,
            rated: u32::from(rates.is_some()),
            active: number(active),
            inactive: number(inactive),
            rates: rates.unwrap_or_default(),
        }
    }

    fn gap(at: Moment) -> Self {
        let at = millis(at.0);
        Self { at, count: 0, rated: 0, active: 0, inactive: 0, rates: OwnRates::default() }
    }

    fn is_gap(&self) -> bool {
        self.count == 0
    }

    /// Takes another sample in. Sums only: a large table does this for every row at every tick.
    fn add(&mut self, new: &Self) {
        self.count += new.count;
        self.active = self.active.saturating_add(new.active);
        self.inactive = self.inactive.saturating_add(new.inactive);
        if new.rated > 0 {
            self.rated += new.rated;
            for (sum, rate) in self.rates.iter_mut().zip(new.rates) {
                *sum += rate;
            }
        }
    }

    /// The sums as one sample of their averages, so that coarser sums stay small.
    fn average(&self) -> Self {
        let mean = |sum: u32, n: u32| sum / n.max(1);
        Self {
            at: self.at,
            count: self.count.min(1),
            rated: self.rated.min(1),
            active: mean(self.active, self.count),
            inactive: mean(self.inactive, self.count),
            rates: self.rates.map(|sum| sum / self.rated.max(1) as f32),
        }
    }

    fn value(&self, metric: Metric) -> Option<f32> {
        let [cps, in_pps, out_pps, in_bps, out_bps] = self.rates;
        let (sum, count) = match metric {
            Metric::Active => (self.active as f32, self.count),
            Metric::Connections => (self.active as f32 + self.inactive as f32, self.count),
            Metric::Cps => (cps, self.rated),
            Metric::InPps => (in_pps, self.rated),
            Metric::OutPps => (out_pps, self.rated),
            Metric::InBps => (in_bps, self.rated),
            Metric::OutBps => (out_bps, self.rated),
        };
        (count > 0).then(|| sum / count as f32)
    }
}

/// A ring of averages over `step` milliseconds; zero keeps every sample.
#[derive(Clone, Debug)]
struct Tier {
    step: u64,
    room: usize,
    samples: VecDeque<Sample>,
}

impl Tier {
    fn new(step: u64, room: usize) -> Self {
        Self { step, room, samples: VecDeque::new() }
    }

    /// Adds a sample. Returns the average before it if that is complete now: the next coarser
    /// tier lives on those.
    fn push(&mut self, sample: Sample) -> Option<Sample> {
        let step = self.step.max(1);
        match self.samples.back_mut() {
            Some(last) if self.step > 0 && last.at / step == sample.at / step => {
                last.add(&sample);
                None
            }
            last => {
                let complete = last.filter(|_| self.step > 0).map(|s| {
                    *s = s.average();
                    *s
                });
                if self.samples.len() == self.room {
                    self.samples.pop_front();
                }
                self.samples.push_back(sample);
                complete
            }
        }
    }

    /// How far back it reaches, if it has been full; everything otherwise.
    fn reaches(&self, from: u64) -> bool {
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
        Self { tiers: [Tier::new(0, FINE), Tier::new(5_000, MIDDLE), Tier::new(30_000, COARSE)] }
    }
}

impl Series {
    /// Adds the newest sample.
    pub(super) fn push(&mut self, sample: Sample) {
        let [fine, middle, coarse] = &mut self.tiers;
        fine.push(sample);
        if let Some(average) = middle.push(sample) {
            coarse.push(average);
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
        let width = millis(span) / (buckets.max(1) as u64);
        if width == 0 || buckets == 0 {
            return vec![None; buckets];
        }
        let end = millis(end.0);
        let last_bucket = end / width;
        let first_bucket = (last_bucket + 1).saturating_sub(buckets as u64);
        let from = first_bucket * width;
        let tier = self.tiers.iter().find(|t| t.reaches(from)).or(self.tiers.last());
        let Some(tier) = tier else { return vec![None; buckets] };
        // The coarsest tier lags by what its next average is still made of.
        let hold = millis(hold).max(tier.step * 5 / 2);

        let mut values = vec![None; buckets];
        let mut sums = vec![(0.0_f32, 0_u32); buckets];
        let mut next = tier.samples.iter().skip(1).map(|s| s.at);
        for sample in &tier.samples {
            // Up to the next sample, and not into its bucket.
            let until = next.next().map_or(end.max(sample.at), |at| at.saturating_sub(1));
            let Some(value) = sample.value(metric) else { continue };
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
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
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
