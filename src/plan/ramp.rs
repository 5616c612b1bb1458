//! Giving weights back over a time, in steps that the scheduler can make use of: under wlc a
//! server that comes back with its full weight gets every new connection until it has caught up.

use std::time::Duration;

use super::Plan;
use crate::ipvs::{Server, Service, ServiceKey, counted};

/// Weights that go to their final values in steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ramp {
    /// In order; none if every server has its final weight already.
    pub steps: Vec<Step>,
    /// Why some servers have no steps, as sentences.
    pub notes: Vec<String>,
}

/// One step of a [`Ramp`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When it is due, since the start.
    pub after: Duration,
    /// What it changes: what the step before left is what it expects.
    pub plan: Plan,
}

impl Ramp {
    /// The kernel's counters move every 2 s: what a faster step does cannot be seen.
    pub const SPACING: Duration = Duration::from_secs(2);
    /// More steps are finer than anyone can tell.
    pub const MOST_STEPS: u32 = 20;

    /// Leads each server, as it is now, to its final weight. The first step is due at once, the
    /// last after `over`, and all servers go in step. Where one step is all there is, it is made
    /// at once.
    pub fn new(targets: &[(Service, Server, u32)], over: Duration) -> Self {
        let mut notes = Vec::new();
        let moving = targets.iter().filter(|(_, server, to)| server.weight != *to);
        let ways: Vec<Way<'_>> = moving
            .map(|(service, server, to)| {
                let why = at_once(service).or_else(|| too_near(server, *to));
                if let Some(why) = why {
                    let note = why.note(service, server, *to);
                    if !notes.contains(&note) {
                        notes.push(note);
                    }
                }
                Way { service: service.key, server, to: *to, at_once: why.is_some() }
            })
            .collect();
        let farthest = ways.iter().filter(|w| !w.at_once).map(Way::distance).max().unwrap_or(0);
        let pauses = over.as_nanos() / Self::SPACING.as_nanos();
        let fit = u32::try_from(pauses).unwrap_or(u32::MAX).saturating_add(1);
        let count = fit.min(Self::MOST_STEPS).min(farthest).max(1);
        if count == 1 && farthest > 1 {
            notes.push(format!(
                "{} s leave no time for steps, which are {} s apart: all at once",
                over.as_secs_f32(),
                Self::SPACING.as_secs()
            ));
        }
        let pause = over / (count - 1).max(1);
        let step = |n: u32| {
            let changes: Vec<_> = ways.iter().filter_map(|way| way.change(n, count)).collect();
            if changes.is_empty() {
                return None;
            }
            let last = n + 1 == count;
            let after = if last && n > 0 { over } else { pause * n };
            Some(Step { after, plan: titled(n, count, &changes) })
        };
        Self { steps: (0..count).filter_map(step).collect(), notes }
    }
}

/// A server on its way.
struct Way<'a> {
    service: ServiceKey,
    server: &'a Server,
    to: u32,
    at_once: bool,
}

impl Way<'_> {
    fn distance(&self) -> u32 {
        self.server.weight.abs_diff(self.to)
    }

    /// The weight when `n` of `count` steps are made.
    fn at(&self, n: u32, count: u32) -> u32 {
        if n == 0 {
            return self.server.weight;
        }
        if self.at_once || n >= count {
            return self.to;
        }
        let way = u64::from(self.distance()) * u64::from(n) / u64::from(count);
        let way = u32::try_from(way).unwrap_or(u32::MAX);
        if self.to > self.server.weight {
            self.server.weight.saturating_add(way)
        } else {
            self.server.weight.saturating_sub(way)
        }
    }

    /// What step `n` of `count` does, if it does anything.
    fn change(&self, n: u32, count: u32) -> Option<(ServiceKey, Server, u32)> {
        let (from, to) = (self.at(n, count), self.at(n + 1, count));
        let server = Server { weight: from, ..self.server.clone() };
        (from != to).then_some((self.service, server, to))
    }
}

fn titled(n: u32, count: u32, changes: &[(ServiceKey, Server, u32)]) -> Plan {
    let mut plan = Plan::weights("ramp", changes);
    if count > 1 {
        plan.title = format!("{}, step {} of {count}", plan.title, n + 1);
    }
    plan
}

/// Why steps make no sense.
#[derive(Clone, Copy)]
enum Why {
    Ignores,
    None,
    Rehashes,
    Highest,
    Near,
}

fn at_once(service: &Service) -> Option<Why> {
    match service.scheduler.as_str() {
        "rr" | "lc" | "dh" => Some(Why::Ignores),
        "sh" | "mh" => Some(Why::Rehashes),
        "fo" => Some(Why::Highest),
        "none" => Some(Why::None),
        _ => None,
    }
}

fn too_near(server: &Server, to: u32) -> Option<Why> {
    (server.weight.abs_diff(to) == 1).then_some(Why::Near)
}

impl Why {
    fn note(self, service: &Service, server: &Server, to: u32) -> String {
        let Service { key, scheduler, .. } = service;
        match self {
            Self::Ignores => format!(
                "{scheduler} of {key} ignores weights above 0, so steps would change nothing: all \
                 at once"
            ),
            Self::None => format!("{key} has no scheduler, so weights decide nothing: all at once"),
            Self::Rehashes => format!(
                "{scheduler} of {key} makes its table anew with every weight and moves clients \
                 each time: all at once"
            ),
            Self::Highest => format!(
                "fo of {key} sends everything to the highest weight, so a step matters only when \
                 it makes this the highest: all at once"
            ),
            Self::Near => format!(
                "{} of {key} goes from weight {} to {to}: there are no steps between",
                server.key, server.weight
            ),
        }
    }
}

impl std::fmt::Display for Ramp {
    /// `7 steps over 30s`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let over = self.steps.last().map_or(Duration::ZERO, |step| step.after).as_secs();
        f.write_str(&counted(self.steps.len() as u64, "step"))?;
        if over > 0 { write!(f, " over {}", crate::ipvs::span(over)) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ipvs::{Change, Forwarding, MAX_WEIGHT, SCHEDULERS, SchedulerName, ServerKey};

    fn target(n: usize, scheduler: &str, from: u32, to: u32) -> (Service, Server, u32) {
        let key = format!("TCP 10.0.0.{n}:80").parse().unwrap();
        let service = Service::new(key, SchedulerName::new(scheduler).unwrap());
        let server = format!("10.1.{n}.2:80").parse().unwrap();
        (service, Server::new(server, Forwarding::Masq, from), to)
    }

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// When and to which weights.
    fn told(ramp: &Ramp) -> Vec<(u64, Vec<u32>)> {
        let weights = |step: &Step| {
            let after = step.plan.changes.iter().map(|c| match c {
                Change::Server { after: Some(after), .. } => after.weight,
                other => panic!("{other}"),
            });
            (step.after.as_secs(), after.collect())
        };
        ramp.steps.iter().map(weights).collect()
    }

    #[test]
    fn a_weight_of_ten_comes_back_in_ten_steps() {
        let ramp = Ramp::new(&[target(1, "wlc", 0, 10)], secs(90));
        let wanted: Vec<_> = (0..10).map(|n| (n * 10, vec![n as u32 + 1])).collect();
        assert_eq!(told(&ramp), wanted);
        assert_eq!(ramp.notes, [""; 0]);
        let title = "ramp real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 2 -> 3, step 3 of 10";
        assert_eq!(ramp.steps[2].plan.title, title);
        assert_eq!(ramp.to_string(), "10 steps over 1m30s");
    }

    #[test]
    fn several_servers_go_in_step() {
        let ramp = Ramp::new(&[target(1, "wlc", 0, 4), target(2, "wrr", 0, 8)], secs(6));
        let wanted = [(0, vec![1, 2]), (2, vec![2, 4]), (4, vec![3, 6]), (6, vec![4, 8])];
        assert_eq!(told(&ramp), wanted);
        // One that does not gain from steps has its weight at the first.
        let ramp = Ramp::new(&[target(1, "rr", 0, 4), target(2, "wrr", 0, 3)], secs(60));
        assert_eq!(told(&ramp), [(0, vec![4, 1]), (30, vec![2]), (60, vec![3])]);
    }

    #[test]
    fn where_steps_make_no_sense_there_is_one_with_a_reason() {
        for (scheduler, why) in [
            ("rr", "ignores weights"),
            ("lc", "ignores weights"),
            ("dh", "ignores weights"),
            ("sh", "moves clients each time"),
            ("mh", "moves clients each time"),
            ("fo", "highest weight"),
            ("none", "no scheduler"),
        ] {
            let targets = [target(1, scheduler, 0, 50), target(1, scheduler, 0, 40)];
            let ramp = Ramp::new(&targets, secs(60));
            assert_eq!(told(&ramp), [(0, vec![50, 40])], "{scheduler}");
            assert_eq!(ramp.notes.len(), 1, "{:?}", ramp.notes);
            assert!(ramp.notes[0].contains(why), "{:?}", ramp.notes);
        }
        let ramp = Ramp::new(&[target(1, "wlc", 0, 1)], secs(60));
        assert_eq!(told(&ramp), [(0, vec![1])]);
        let wanted = "10.1.1.2:80 of TCP 10.0.0.1:80 goes from weight 0 to 1: there are no steps \
                      between";
        assert_eq!(ramp.notes, [wanted]);
        let ramp = Ramp::new(&[target(1, "wlc", 0, 10)], secs(1));
        assert_eq!(told(&ramp), [(0, vec![10])]);
        assert_eq!(ramp.notes, ["1 s leave no time for steps, which are 2 s apart: all at once"]);
        assert_eq!(Ramp::new(&[target(1, "wlc", 7, 7)], secs(60)), Ramp::default());
    }

    proptest! {
        #[test]
        fn every_ramp_rises_evenly_and_ends_exactly(
            of in prop::collection::vec(
                (0..SCHEDULERS.len() + 1, 0..=MAX_WEIGHT, prop_oneof![
                    0..30_u32, 0..=MAX_WEIGHT,
                ], any::<bool>()),
                0..5,
            ),
            millis in prop_oneof![0..70_000_u64, any::<u64>()],
        ) {
            let targets: Vec<_> = of.iter().enumerate().map(|(n, (scheduler, from, to, rest))| {
                let name = SCHEDULERS.get(*scheduler).map_or("custom", |s| s.name);
                target(n, name, if *rest { 0 } else { *from }, *to)
            }).collect();
            let over = Duration::from_millis(millis);
            let ramp = Ramp::new(&targets, over);
            prop_assert!(ramp.steps.len() <= 20);
            prop_assert!(ramp.steps.first().is_none_or(|s| s.after == Duration::ZERO));
            if let [.., last] = &ramp.steps[..] && ramp.steps.len() > 1 {
                prop_assert_eq!(last.after, over);
            }
            for pair in ramp.steps.windows(2) {
                prop_assert!(pair[1].after >= pair[0].after + Ramp::SPACING);
            }
            let mut held: BTreeMap<ServerKey, Server> =
                targets.iter().map(|(_, server, _)| (server.key, server.clone())).collect();
            for step in &ramp.steps {
                prop_assert!(!step.plan.changes.is_empty());
                for change in &step.plan.changes {
                    let Change::Server { before: Some(before), after: Some(after), .. } = change
                    else { panic!("{change}") };
                    // On what the step before left, and always towards the end.
                    prop_assert_eq!(held.get(&before.key), Some(before));
                    let (.., to) = targets.iter().find(|(_, s, _)| s.key == before.key).unwrap();
                    prop_assert!(after.weight.abs_diff(*to) < before.weight.abs_diff(*to));
                    prop_assert_eq!(before.weight < *to, after.weight <= *to && before.weight < after.weight);
                    held.insert(after.key, after.clone());
                }
            }
            for (_, server, to) in &targets {
                prop_assert_eq!(held[&server.key].weight, *to);
            }
        }
    }
}
