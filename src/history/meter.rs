//! Rates of our own from counters that the kernel refreshes every 2 seconds.
//!
//! A poll every second sees the counters stand still, then step. Dividing each difference by the
//! polling interval would draw a comb; so a rate is made only when a counter moves, over the
//! time since it moved last, and holds until the next step is due.

use crate::ipvs::Counters;

/// The kernel's estimator period (`ip_vs_est.c`), in milliseconds.
const ESTIMATOR: u64 = 2_000;
/// A step may be seen this much late: timers, and kernels from 6.2 that spread the work.
const SLACK: u64 = 500;

/// Rates a second, in the order of [`Metric::RATES`](super::Metric::RATES).
pub(super) type OwnRates = [f32; 5];

/// Turns readings of one object's counters into rates. All times are in milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    last: Option<Reading>,
}

#[derive(Clone, Debug)]
struct Reading {
    counters: Counters,
    /// When it was read last.
    read: u64,
    /// When it was seen to move last, or else read first.
    moved: u64,
    /// Whether it was seen to move just then: how old the first step is, or one after a while
    /// without readings, nobody knows.
    moves: bool,
    rates: Option<OwnRates>,
}

impl Meter {
    /// Takes a reading at `at`. `None` means that the rate is not known: the first reading, or a
    /// counter that went backwards because it was zeroed, wrapped, or belongs to an object made
    /// anew.
    pub(super) fn read(&mut self, at: u64, counters: Counters) -> Option<OwnRates> {
        let Some(last) = &mut self.last else {
            self.last = Some(Reading { counters, read: at, moved: at, moves: false, rates: None });
            return None;
        };
        let polled = at.saturating_sub(last.read);
        let since = at.saturating_sub(last.moved);
        last.read = at;
        if counters == last.counters {
            // Standing still for longer than the estimator's period means that nothing came.
            if since > ESTIMATOR + SLACK {
                last.rates = Some([0.0; 5]);
            }
            return last.rates;
        }
        // What a step brings was gathered within one period, however long ago the last was.
        let known = last.moves && since <= ESTIMATOR + SLACK;
        let over = if known { since } else { ESTIMATOR.max(polled) };
        let seconds = over.max(1) as f32 / 1000.0;
        last.rates =
            difference(&last.counters, &counters).map(|delta| delta.map(|d| d as f32 / seconds));
        (last.counters, last.moved) = (counters, at);
        last.moves = polled <= ESTIMATOR + SLACK;
        last.rates
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

    fn conns(connections: u64) -> Counters {
        Counters { connections, ..Counters::default() }
    }

    /// Reads a counter that the kernel refreshes every 2 s while `per_second` connections come.
    fn poll(interval: u64, per_second: u64, until: u64) -> Vec<Option<f32>> {
        let mut meter = Meter::default();
        (0..=until / interval)
            .map(|n| n * interval)
            .map(|t| meter.read(t, conns(t / 2000 * 2 * per_second)).map(|r| r[0]))
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
        meter.read(0, conns(1_000_000));
        meter.read(2000, conns(1_000_100));
        assert_eq!(meter.read(4000, conns(20)), None);
        assert_eq!(meter.read(6000, conns(120)).map(|r| r[0]), Some(50.0));
    }

    #[test]
    fn silence_is_zero_and_what_follows_counts_for_one_period_only() {
        let mut meter = Meter::default();
        for t in 0..10 {
            meter.read(t * 1000, conns(5));
        }
        assert_eq!(meter.read(10_000, conns(5)).map(|r| r[0]), Some(0.0));
        assert_eq!(meter.read(60_000 - 1000, conns(5)).map(|r| r[0]), Some(0.0));
        assert_eq!(meter.read(60_000, conns(105)).map(|r| r[0]), Some(50.0));
    }

    /// Rows that come onto the screen are read seldom, and then often.
    #[test]
    fn the_first_step_after_a_while_without_readings_is_no_spike() {
        for phase in 0..2 {
            let mut meter = Meter::default();
            let mut read = |t: u64| meter.read(t, conns(t / 2000 * 2 * 50)).map(|r| r[0]);
            read(0);
            read(20_000);
            let began = 39_000 + phase * 1000;
            let rates = (0..8).map(|n| read(began + n * 1000).unwrap());
            for rate in rates.collect::<Vec<_>>() {
                assert!((40.0..60.0).contains(&rate), "{rate}");
            }
        }
    }

    #[test]
    fn the_first_reading_knows_no_rate() {
        assert_eq!(Meter::default().read(0, conns(7)), None);
    }
}
