//! Chance from a seed: SplitMix64, so that the same seed tells the same story.

/// A small generator of pseudo-random numbers (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014). Good enough for made-up clients, not for secrets.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

/// Scrambles `value` so that neighbours look unrelated.
pub(super) fn scramble(value: u64) -> u64 {
    let z = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(scramble(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)))
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// From 0 to `limit` - 1; 0 for a limit of 0. The bias is below `limit` / 2^64.
    pub(super) fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// From 0 up to but not including 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The waiting time of events that come `rate` times a second, in seconds.
    pub(super) fn wait(&mut self, rate: f64) -> f64 {
        -(1.0 - self.unit()).ln() / rate.max(1e-9)
    }

    /// `mean` rounded up or down, so that the average of many is `mean`.
    pub(super) fn round(&mut self, mean: f64) -> u64 {
        let whole = mean.max(0.0).floor();
        whole as u64 + u64::from(self.unit() < mean - whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_tells_the_same_story() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..8).map(|_| random.next()).collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn draws_stay_in_range_and_average_out() {
        let mut random = Random::new(1);
        let draws = 20_000;
        let sum: u64 = (0..draws).map(|_| random.below(10)).inspect(|n| assert!(*n < 10)).sum();
        let mean = sum as f64 / f64::from(draws);
        assert!((4.3..4.7).contains(&mean), "{mean}");
        let rounded: u64 = (0..draws).map(|_| random.round(0.25)).sum();
        assert!((4_600..5_400).contains(&rounded), "{rounded}");
    }
}
