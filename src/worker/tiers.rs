//! What the next poll shall bring, within a budget of CPU time. A small table is read whole; of a
//! large one, every poll brings all services, the servers of what is on the screen, drained or
//! just changed, and those of the others in turn: as many as the budget leaves room for.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ipvs::ServiceKey;
use crate::kernel::Want;
use crate::snapshot::Snapshot;

/// Up to this many real servers the whole table is read every time: some 10 ms on a slow machine.
const SMALL: usize = 1_000;
/// Where the budget has room for more, the servers of a large table are still not read more often
/// than this without need: a director has better things to do.
const ROUND: Duration = Duration::from_secs(8);
/// In so many polls all have had their turn, at the latest. Where that is more than the budget has
/// room for, polls come less often instead.
const TURNS: f64 = 30.0;
/// Timeouts, daemons and sysctls are read anew after this time.
const SURROUNDINGS: Duration = Duration::from_secs(10);

/// The tiers of polling.
pub(super) struct Tiers {
    interval: Duration,
    /// The share of one core that polling may take.
    budget: f64,
    /// Every service of a large table, with the number of its servers.
    all: Vec<(ServiceKey, usize)>,
    servers: usize,
    visible: BTreeSet<ServiceKey>,
    followed: BTreeSet<ServiceKey>,
    /// The services whose servers the last poll read; `None` where it read all.
    read: Option<BTreeSet<ServiceKey>>,
    /// Services that were changed since the last poll.
    touched: BTreeSet<ServiceKey>,
    /// Where in `all` the rotation is.
    turn: usize,
    /// How many servers a poll reads in rotation.
    share: f64,
    /// What reading one server costs, in seconds of CPU, as far as a whole poll told.
    each: f64,
    /// Polls until the surroundings are read again.
    surroundings_in: u32,
    everything: bool,
}

impl Tiers {
    pub(super) fn new(interval: Duration, budget: f64) -> Self {
        Self {
            interval,
            budget,
            all: Vec::new(),
            servers: 0,
            visible: BTreeSet::new(),
            followed: BTreeSet::new(),
            read: None,
            touched: BTreeSet::new(),
            turn: 0,
            share: 0.0,
            each: 0.0,
            surroundings_in: 0,
            everything: true,
        }
    }

    /// The services that are on the screen. Tells whether the last poll left one of them out.
    pub(super) fn visible(&mut self, keys: BTreeSet<ServiceKey>) -> bool {
        let old = self.read.as_ref().is_some_and(|read| !keys.is_subset(read));
        self.visible = keys;
        old
    }

    /// The services that have drained servers.
    pub(super) fn followed(&mut self, keys: BTreeSet<ServiceKey>) {
        self.followed = keys;
    }

    /// A service that was changed.
    pub(super) fn touched(&mut self, key: ServiceKey) {
        self.touched.insert(key);
    }

    /// The next poll shall bring everything.
    pub(super) fn everything_next(&mut self) {
        self.everything = true;
    }

    /// Whether that is so, of itself or because someone wishes it.
    pub(super) fn is_asked(&self) -> bool {
        self.everything
    }

    /// What the next poll shall bring.
    pub(super) fn want(&mut self) -> Want {
        let surroundings = self.everything || self.surroundings_in == 0;
        self.surroundings_in = if surroundings {
            u32::try_from(self.polls_in(SURROUNDINGS)).unwrap_or(0)
        } else {
            self.surroundings_in - 1
        };
        let touched = std::mem::take(&mut self.touched);
        if std::mem::take(&mut self.everything) || !self.is_large() {
            return Want { detail: None, surroundings };
        }
        let mut detail = touched;
        detail.extend(self.visible.iter().chain(&self.followed));
        let mut left = self.share;
        for _ in 0..self.all.len() {
            if left <= 0.0 {
                break;
            }
            let Some((key, servers)) = self.all.get(self.turn) else { break };
            if detail.insert(*key) {
                left -= (*servers).max(1) as f64;
            }
            self.turn = (self.turn + 1) % self.all.len();
        }
        Want { detail: Some(detail), surroundings }
    }

    /// Learns from the poll of `want`, which took so much CPU time: how large the table is, and
    /// how much of it the next poll can afford.
    pub(super) fn learn(&mut self, want: &Want, snapshot: &Snapshot, cpu: Duration) {
        let (allowed, cpu) = (self.interval.as_secs_f64() * self.budget, cpu.as_secs_f64());
        self.read.clone_from(&want.detail);
        self.servers = snapshot.services.iter().map(|s| s.servers.len()).sum();
        self.all.clear();
        if !self.is_large() {
            return;
        }
        self.all.extend(snapshot.services.iter().map(|s| (s.service.key, s.servers.len())));
        self.turn %= self.all.len().max(1);
        if want.detail.is_none() {
            // More than it is, as it also paid for what every poll reads.
            self.each = cpu / self.servers as f64;
            self.share = allowed / self.each.max(1e-9) / 2.0;
        } else {
            // Half of what is missing: a poll that was slow by chance must not turn it over.
            self.share += (allowed - cpu) / self.each.max(1e-9) / 2.0;
        }
        let round = self.polls_in(ROUND).max(1) as f64;
        let servers = self.servers as f64;
        self.share = self.share.clamp(servers / round.max(TURNS), servers / round);
    }

    /// How much time a poll is worth that took so much CPU time: what cannot be made less is done
    /// less often.
    pub(super) fn worth(&self, cpu: Duration) -> Duration {
        cpu.div_f64(self.budget.max(1e-3))
    }

    fn is_large(&self) -> bool {
        self.servers > SMALL
    }

    fn polls_in(&self, time: Duration) -> u128 {
        time.as_millis() / self.interval.as_millis().max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Reader;
    use crate::kernel::sim::{Clock, Director, Scenario};

    const SECOND: Duration = Duration::from_secs(1);

    /// A director whose polls cost what is read: so much for every poll, so much for a server.
    struct Bench {
        tiers: Tiers,
        snapshot: Snapshot,
        fixed: Duration,
        each: Duration,
    }

    impl Bench {
        fn new(services: u32, budget: f64, each: Duration) -> Self {
            let scenario = Scenario::Big { services, servers: 20 };
            let director = Director::open(scenario, 1, Clock::Step(SECOND));
            let snapshot = director.reader().snapshot(&Want::everything()).unwrap();
            let fixed = Duration::from_millis(5);
            Self { tiers: Tiers::new(SECOND, budget), snapshot, fixed, each }
        }

        /// One poll; what it cost, and what was read.
        fn poll(&mut self) -> (Duration, Want) {
            let want = self.tiers.want();
            self.snapshot.at = self.snapshot.at.after(SECOND);
            let mut read = 0;
            for entry in &mut self.snapshot.services {
                if want.detail.as_ref().is_none_or(|keys| keys.contains(&entry.service.key)) {
                    entry.servers_read = self.snapshot.at;
                    read += entry.servers.len();
                }
            }
            let cost = self.fixed + self.each * u32::try_from(read).unwrap();
            self.tiers.learn(&want, &self.snapshot, cost);
            (cost, want)
        }

        fn oldest(&self) -> Duration {
            let ages =
                self.snapshot.services.iter().map(|s| self.snapshot.at.since(s.servers_read));
            ages.max().unwrap()
        }
    }

    #[test]
    fn a_small_table_is_read_whole() {
        let mut bench = Bench::new(50, 0.05, Duration::from_micros(9));
        for _ in 0..5 {
            assert_eq!(bench.poll().1.detail, None);
        }
    }

    #[test]
    fn a_large_table_costs_no_more_than_the_budget_and_everything_has_its_turn() {
        for (budget, each) in [(0.05, 9), (0.02, 9), (0.05, 30), (0.05, 1), (0.5, 9)] {
            let mut bench = Bench::new(1_000, budget, Duration::from_micros(each));
            assert_eq!(bench.poll().1.detail, None, "the first poll brings all");
            let costs: Vec<Duration> = (0..200).map(|_| bench.poll().0).collect();
            let mean = costs[20..].iter().sum::<Duration>() / 180;
            assert!(mean <= SECOND.mul_f64(budget * 1.03), "{budget} {each}: {mean:?}");
            let round = SECOND.mul_f64(20_000.0 * each as f64 / 1e6 / (budget - 0.005));
            let round = round.max(ROUND) + SECOND * 2;
            assert!(bench.oldest() <= round, "{budget} {each}: {:?} of {round:?}", bench.oldest());
        }
    }

    #[test]
    fn what_is_on_the_screen_drained_or_changed_is_read_every_time() {
        let mut bench = Bench::new(1_000, 0.01, Duration::from_micros(100));
        bench.poll();
        let keys: Vec<ServiceKey> = bench.snapshot.services.iter().map(|s| s.service.key).collect();
        let screen = BTreeSet::from([keys[500], keys[501]]);
        assert!(!bench.tiers.visible(screen.clone()), "all have just been read");
        bench.tiers.followed(BTreeSet::from([keys[700]]));
        bench.tiers.touched(keys[900]);
        for n in 0..30 {
            let detail = bench.poll().1.detail.unwrap();
            assert!([500, 501, 700].iter().all(|k| detail.contains(&keys[*k])), "poll {n}");
            if n < 20 {
                assert_eq!(detail.contains(&keys[900]), n == 0, "poll {n}"); // then it has its turn
            }
            let most = 1_000 / 30 + 1 + 4;
            assert!((30..=most).contains(&detail.len()), "their turn, however little there is");
        }
        assert!(bench.oldest() <= SECOND * 31);
        assert!(!bench.tiers.visible(screen));
        assert!(bench.tiers.visible(BTreeSet::from([keys[500], keys[300]])), "300 is to be read");
    }

    #[test]
    fn what_costs_too_much_is_done_less_often() {
        let tiers = Tiers::new(SECOND, 0.05);
        assert_eq!(tiers.worth(Duration::from_millis(30)), SECOND.mul_f64(0.6));
        assert_eq!(tiers.worth(Duration::from_millis(200)), SECOND * 4);
    }

    #[test]
    fn everything_is_read_when_it_is_asked_for() {
        let mut bench = Bench::new(1_000, 0.05, Duration::from_micros(9));
        bench.poll();
        assert!(bench.poll().1.detail.is_some());
        bench.tiers.everything_next();
        assert_eq!(bench.poll().1, Want::everything());
        assert!(bench.poll().1.detail.is_some());
    }
}
