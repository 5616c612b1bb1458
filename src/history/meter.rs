//! Rates of our own from counters that the kernel refreshes every 2 seconds.
//!
//! A poll every second sees the counters stand still, then step. Dividing each difference by the
//! polling interval would draw a comb; so a rate is made only when a counter moves, over the
//! time since it moved last, and holds until the next step is due.

use std::time::Duration;

use crate::ipvs::Counters;
use crate::snapshot::Moment;

/// The kernel's estimator period (`ip_vs_est.c`).
const ESTIMATOR: Duration = Duration::from_secs(2);
/// A step may be seen this much late: timers, and kernels from 6.2 that spread the work.
const SLACK: Duration = Duration::from_millis(500);

/// Rates a second, in the order of [`Metric::RATES`](super::Metric::RATES).
pub(super) type OwnRates = [f32; 5];

/// Turns readings of one object's counters into rates.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    last: Option<Reading>,
}

#[derive(Clone, Debug)]
struct Reading {
    counters: Counters,
    /// When it was read first.
    first: Moment,
    /// When it was read last.
    read: Moment,
    /// When it was seen to move last, if it was: how old the first step is, nobody knows.
    moved: Option<Moment>,
    rates: Option<OwnRates>,
}

impl Meter {
    /// Takes a reading at `at`. `None` means that the rate is not known: the first reading, or a
    /// counter that went backwards because it was zeroed, wrapped, or belongs to an object made
    /// anew.
    pub(super) fn read(&mut self, at: Moment, counters: Counters) -> Option<OwnRates> {
        let Some(last) = &mut self.last else {
            self.last = Some(Reading { counters, first: at, read: at, moved: None, rates: None });
            return None;
        };
        let polled = at.since(last.read);
        if counters == last.counters {
            last.read = at;
            // Standing still for longer than the estimator's period means that nothing came.
            let moved = last.moved.unwrap_or(last.first);
            if at.since(moved) > ESTIMATOR + SLACK {
                last.rates = Some([0.0; 5]);
            }
            return last.rates;
        }
        let rates = difference(&last.counters, &counters).map(|delta| {
            // What a step brings was gathered within one period, however long ago the last was.
            let longest = (ESTIMATOR + SLACK).max(polled);
            let known = last.moved.map(|moved| at.since(moved)).filter(|over| *over <= longest);
            let over = known.unwrap_or(ESTIMATOR.max(polled));
            let seconds = over.as_secs_f32().max(0.001);
            delta.map(|d| d as f32 / seconds)
        });
        let first = last.first;
        self.last = Some(Reading { counters, first, read: at, moved: Some(at), rates });
        rates
    }
}

/// What was added, or `None` if any counter went backwards.
fn difference(old: &Counters, new: &Counters) -> Option<[u64; 5]> {
    Some([
        new.connections.checked_sub(old.connections)?,
        new.in_packets.checked_sub(old.in_packets)?,
        new.out_packets.checked_sub(old.out_packets)?,
        new.in_bytes.checked_sub(old.in_bytes)?,
        new.out_bytes.checked_sub(old.out_bytes)?,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Moment {
        Moment(Duration::from_millis(millis))
    }

    fn conns(connections: u64) -> Counters {
        Counters { connections, ..Counters::default() }
    }

    /// Reads a counter that the kernel refreshes every 2 s while `per_second` connections come.
    fn poll(interval: u64, per_second: u64, until: u64) -> Vec<Option<f32>> {
        let mut meter = Meter::default();
        (0..=until / interval)
            .map(|n| n * interval)
            .map(|t| meter.read(at(t), conns(t / 2000 * 2 * per_second)).map(|r| r[0]))
            .collect()
    }

    #[test]
    fn a_steady_stream_is_a_steady_rate_whatever_the_interval() {
        for interval in [200, 500, 1000, 2000, 5000] {
            let rates = poll(interval, 50, 40_000);
            let steady = &rates[rates.len() / 2..];
            for rate in steady {
                let rate = rate.expect("known by now");
                assert!((rate - 50.0).abs() < 10.1, "{interval} ms: {rate}");
            }
            let mean: f32 = steady.iter().flatten().sum::<f32>() / steady.len() as f32;
            assert!((mean - 50.0).abs() < 3.0, "{interval} ms: mean {mean}");
        }
    }

    #[test]
    fn a_reset_is_a_gap_and_not_a_spike() {
        let mut meter = Meter::default();
        meter.read(at(0), conns(1_000_000));
        meter.read(at(2000), conns(1_000_100));
        assert_eq!(meter.read(at(4000), conns(20)), None);
        assert_eq!(meter.read(at(6000), conns(120)).map(|r| r[0]), Some(50.0));
    }

    #[test]
    fn silence_is_zero_and_what_follows_counts_for_one_period_only() {
        let mut meter = Meter::default();
        for t in 0..10 {
            meter.read(at(t * 1000), conns(5));
        }
        assert_eq!(meter.read(at(10_000), conns(5)).map(|r| r[0]), Some(0.0));
        assert_eq!(meter.read(at(60_000 - 1000), conns(5)).map(|r| r[0]), Some(0.0));
        assert_eq!(meter.read(at(60_000), conns(105)).map(|r| r[0]), Some(50.0));
    }

    #[test]
    fn the_first_reading_knows_no_rate() {
        assert_eq!(Meter::default().read(at(0), conns(7)), None);
    }
}
