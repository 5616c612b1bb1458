//! How much of a core looking at the connection table may take.

use std::time::{Duration, Instant};

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

    /// The CPU time that a minute may take.
    fn minute(&self) -> Duration {
        Self::OVER.mul_f64(self.share)
    }

    /// For how long a pass that took `spent` is counted: a minute, unless it took more than that
    /// has.
    fn counts(&self, spent: Duration) -> Duration {
        if spent > self.minute() { self.every(spent) } else { Self::OVER }
    }
}

/// What passes have taken lately, for those that do not come at their time: what is asked for anew
/// may begin at once, until a minute's share is used up.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// When each began, and what it took.
    passes: Vec<(Instant, Duration)>,
}

impl Ledger {
    /// A pass that began then took so much.
    pub fn note(&mut self, budget: Budget, began: Instant, spent: Duration) {
        self.passes.retain(|(then, took)| *then + budget.counts(*took) > began);
        self.passes.push((began, spent));
    }

    /// The first moment from `from` on at which a pass like the last one leaves every minute within
    /// its share.
    pub fn room(&self, budget: Budget, from: Instant) -> Instant {
        let like = self.passes.last().map_or(Duration::ZERO, |(_, took)| *took);
        let like = like.min(budget.pass());
        let end = |(began, took): &(Instant, Duration)| *began + budget.counts(*took);
        let fits = |at: &Instant| {
            let counted = self.passes.iter().filter(|pass| end(pass) > *at);
            counted.map(|(_, took)| *took).sum::<Duration>() + like <= budget.minute()
        };
        let mut ends: Vec<Instant> =
            self.passes.iter().map(end).filter(|end| *end > from).collect();
        ends.sort_unstable();
        std::iter::once(from).chain(ends).find(fits).unwrap_or(from)
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
    fn what_is_asked_for_again_and_again_keeps_within_every_minute() {
        let (budget, spent) = (Budget::default(), Duration::from_millis(200));
        let (mut ledger, mut passes) = (Ledger::default(), Vec::new());
        let began = Instant::now();
        let mut now = began;
        while now < began + 10 * Budget::OVER {
            now = ledger.room(budget, now);
            ledger.note(budget, now, spent);
            passes.push(now);
            now += Duration::from_secs(1);
        }
        for first in &passes {
            let minute = *first..*first + Budget::OVER;
            let within = passes.iter().filter(|at| minute.contains(at)).count();
            assert!(spent * within as u32 <= budget.minute(), "{within} passes");
        }
        assert!(passes.len() >= 50, "{} passes are timid", passes.len());
        // Those that come at their time are not put off.
        let (mut ledger, mut now) = (Ledger::default(), began);
        for _ in 0..20 {
            assert_eq!(ledger.room(budget, now), now);
            ledger.note(budget, now, spent);
            now += budget.every(spent);
        }
        // What took more than a minute has is made up for.
        let mut ledger = Ledger::default();
        ledger.note(budget, began, Duration::from_secs(3));
        assert!(ledger.room(budget, began) >= began + Duration::from_secs(150));
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
