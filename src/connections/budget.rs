//! How much of a core looking at the connection table may take.

use std::time::Duration;

/// A share of one core.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    share: f64,
}

impl Default for Budget {
    /// 2%.
    fn default() -> Self {
        Self { share: 0.02 }
    }
}

impl Budget {
    /// A pass takes no longer than this, so that the first one is there at once.
    const LONGEST: Duration = Duration::from_millis(200);
    /// The budget holds over any time as long as this.
    const OVER: Duration = Duration::from_secs(60);

    /// So many per cent of one core: 0 (the table is never read unless asked for) to 100.
    pub fn percent(percent: f64) -> Option<Self> {
        (0.0..=100.0).contains(&percent).then_some(Self { share: percent / 100.0 })
    }

    /// In per cent of one core.
    pub fn in_percent(&self) -> f64 {
        self.share * 100.0
    }

    /// Whether nothing may be spent.
    pub fn is_nothing(&self) -> bool {
        self.share <= 0.0
    }

    /// The CPU time that one pass may take.
    pub fn pass(&self) -> Duration {
        // Two of them must fit where the budget is looked at.
        Self::LONGEST.min(Self::OVER.mul_f64(self.share / 2.0))
    }

    /// How long after the beginning of a pass that took `spent` the next one may begin, so that
    /// no minute takes more than its share, wherever it begins.
    pub fn every(&self, spent: Duration) -> Duration {
        let over = Self::OVER.as_secs_f64();
        let spent = spent.as_secs_f64();
        // A minute can hold one pass more than its length by the time between two.
        let rest = self.share - spent / over;
        let seconds = if rest > 0.0 { spent / rest } else { f64::INFINITY };
        // A pass that took more than a minute's share was not meant to; it is made up for.
        let most = spent / self.share.max(1e-6) + over;
        Duration::try_from_secs_f64(seconds.min(most)).unwrap_or(Duration::from_secs(86_400))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that passes of `spent` take in any minute.
    fn worst_minute(budget: Budget, spent: Duration) -> Duration {
        let every = budget.every(spent);
        let passes = (Budget::OVER.as_secs_f64() / every.as_secs_f64()).floor() as u32 + 1;
        spent * passes
    }

    #[test]
    fn no_minute_takes_more_than_its_share() {
        for percent in [0.1, 0.5, 2.0, 10.0, 50.0] {
            let budget = Budget::percent(percent).unwrap();
            let most = Budget::OVER.mul_f64(percent / 100.0);
            assert!(budget.pass() * 2 <= most + Duration::from_nanos(2), "{percent}");
            for part in [0.01, 0.3, 1.0] {
                let spent = budget.pass().mul_f64(part);
                let worst = worst_minute(budget, spent);
                assert!(worst <= most + Duration::from_micros(1), "{percent} {part}: {worst:?}");
                assert!(worst >= most.mul_f64(0.4), "{percent} {part}: {worst:?} is timid");
            }
        }
    }

    #[test]
    fn nothing_and_all_can_be_given() {
        assert!(Budget::percent(0.0).unwrap().is_nothing());
        assert_eq!(Budget::percent(0.0).unwrap().pass(), Duration::ZERO);
        assert!(Budget::percent(100.0).is_some() && Budget::percent(-1.0).is_none());
        assert!(Budget::percent(f64::NAN).is_none() && Budget::percent(101.0).is_none());
        let every = Budget::default().every(Duration::from_millis(200));
        assert!((11.9..12.1).contains(&every.as_secs_f64()), "{every:?}");
        // A single page on a crowded machine can take longer than meant.
        assert!(Budget::default().every(Duration::from_secs(3)) >= Duration::from_secs(150));
    }
}
