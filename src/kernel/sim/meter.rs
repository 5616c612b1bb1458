//! Counters as the kernel keeps and shows them (`ip_vs_est.c`, 6.1).
//!
//! Packets count at once, but what is shown is a copy that the estimator takes every 2 seconds,
//! together with moving averages in fixed point. While `run_estimation` is 0, both stand still.

use super::Ms;
use crate::ipvs::{Counters, Rates, Stats};

/// Time between two estimations, in milliseconds.
pub(super) const PERIOD: Ms = 2_000;

/// Bits behind the point of connection and packet rates, and of byte rates.
const FINE: u32 = 10;
const COARSE: u32 = 5;

/// The counters of one real server, one service or the whole director.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    live: Counters,
    copied: Counters,
    zeroed_at: Counters,
    averages: Rates,
}

/// Applies `f` to each of five pairs of numbers, with the fixed-point bits of its rate.
fn each(a: &Counters, b: &Counters, f: impl Fn(u64, u64, u32) -> u64) -> [u64; 5] {
    [
        f(a.connections, b.connections, FINE),
        f(a.in_packets, b.in_packets, FINE),
        f(a.out_packets, b.out_packets, FINE),
        f(a.in_bytes, b.in_bytes, COARSE),
        f(a.out_bytes, b.out_bytes, COARSE),
    ]
}

impl Meter {
    /// A connection was scheduled, or a packet in one-packet mode.
    pub(super) fn connection(&mut self) {
        self.connections(1);
    }

    /// Several connections were scheduled.
    pub(super) fn connections(&mut self, count: u64) {
        self.live.connections += count;
    }

    /// Packets came from clients.
    pub(super) fn packets_in(&mut self, packets: u64, bytes: u64) {
        self.live.in_packets += packets;
        self.live.in_bytes += bytes;
    }

    /// Packets went to clients.
    pub(super) fn packets_out(&mut self, packets: u64, bytes: u64) {
        self.live.out_packets += packets;
        self.live.out_bytes += bytes;
    }

    /// One step of the estimator: sample = delta / 2 s, average += (sample - average) / 4.
    pub(super) fn estimate(&mut self) {
        let old = self.averages;
        let sample =
            each(&self.live, &self.copied, |new, last, bits| new.wrapping_sub(last) << (bits - 1));
        let step = |average: u64, sample: u64| {
            average.wrapping_add_signed((sample as i64).wrapping_sub(average as i64) >> 2)
        };
        let [connections, in_packets, out_packets, in_bytes, out_bytes] = sample;
        self.averages = Rates {
            connections: step(old.connections, connections),
            in_packets: step(old.in_packets, in_packets),
            out_packets: step(old.out_packets, out_packets),
            in_bytes: step(old.in_bytes, in_bytes),
            out_bytes: step(old.out_bytes, out_bytes),
        };
        self.copied = self.live;
    }

    /// What `ZERO` does: the copy becomes the baseline, the averages restart.
    pub(super) fn zero(&mut self) {
        self.zeroed_at = self.copied;
        self.averages = Rates::default();
    }

    /// Makes the totals `factor` times as large, as after a longer life. No rate moves.
    pub(super) fn age(&mut self, factor: u64) {
        let more = factor.saturating_sub(1);
        let past = self.copied;
        for counters in [&mut self.live, &mut self.copied] {
            counters.connections += past.connections * more;
            counters.in_packets += past.in_packets * more;
            counters.out_packets += past.out_packets * more;
            counters.in_bytes += past.in_bytes * more;
            counters.out_bytes += past.out_bytes * more;
        }
    }

    /// Starts as if `a_second` had gone on for `seconds`, averages settled.
    pub(super) fn settle(&mut self, a_second: &Counters, seconds: u64) {
        let totals = each(a_second, a_second, |rate, _, _| rate * seconds);
        let [connections, in_packets, out_packets, in_bytes, out_bytes] = totals;
        self.live = Counters { connections, in_packets, out_packets, in_bytes, out_bytes };
        self.copied = self.live;
        let averages = each(a_second, a_second, |rate, _, bits| rate << bits);
        let [connections, in_packets, out_packets, in_bytes, out_bytes] = averages;
        self.averages = Rates { connections, in_packets, out_packets, in_bytes, out_bytes };
    }

    /// What a read shows.
    pub(super) fn stats(&self) -> Stats {
        let total = each(&self.copied, &self.zeroed_at, |now, base, _| now.wrapping_sub(base));
        let [connections, in_packets, out_packets, in_bytes, out_bytes] = total;
        let counters = Counters { connections, in_packets, out_packets, in_bytes, out_bytes };
        let shown = |average: u64, bits: u32| (average + (1 << (bits - 1)) - 1) >> bits;
        let rates = Rates {
            connections: shown(self.averages.connections, FINE),
            in_packets: shown(self.averages.in_packets, FINE),
            out_packets: shown(self.averages.out_packets, FINE),
            in_bytes: shown(self.averages.in_bytes, COARSE),
            out_bytes: shown(self.averages.out_bytes, COARSE),
        };
        Stats { counters, rates }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The kernel's answer to a step, as measured: 25 % after 2 s, 44 % after 4 s, 68 % after
    /// 8 s, 90 % after 16 s.
    #[test]
    fn a_step_shows_by_quarters() {
        let mut meter = Meter::default();
        let mut shown = Vec::new();
        for _ in 0..8 {
            meter.connections(2_000);
            meter.estimate();
            shown.push(meter.stats().rates.connections);
        }
        assert_eq!((shown[0], shown[1]), (250, 437), "437.5 is rounded down");
        assert_eq!((shown[3], shown[7]), (684, 900));
    }

    #[test]
    fn nothing_shows_before_the_estimator_ran() {
        let mut meter = Meter::default();
        meter.packets_in(3, 300);
        assert_eq!(meter.stats(), Stats::default());
        meter.estimate();
        assert_eq!(meter.stats().counters.in_bytes, 300);
        assert_eq!(meter.stats().rates.in_bytes, 37, "150 bytes a second, a quarter of it");
    }

    #[test]
    fn zero_hides_what_was_copied_and_no_more() {
        let mut meter = Meter::default();
        meter.connections(10);
        meter.estimate();
        meter.connections(5);
        meter.zero();
        assert_eq!(meter.stats(), Stats::default());
        meter.estimate();
        assert_eq!(meter.stats().counters.connections, 5);
    }

    #[test]
    fn age_moves_totals_and_no_rate() {
        let mut meter = Meter::default();
        meter.connections(10);
        meter.estimate();
        let young = meter.stats();
        meter.connections(4);
        meter.age(100);
        assert_eq!(meter.stats().counters.connections, 1_000);
        assert_eq!(meter.stats().rates, young.rates);
        meter.estimate();
        assert_eq!(meter.stats().counters.connections, 1_004);
    }
}
