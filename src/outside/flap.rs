//! Weights that go back and forth.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Duration;

use super::Theirs;
use crate::ipvs::{ServerKey, ServiceKey, duration};
use crate::snapshot::Moment;

/// A weight flaps when within [`WINDOW`] it was changed so many times, and at least half of them
/// back to a value that it had there.
pub const FLAPS: usize = 4;
/// The time that is looked at.
pub const WINDOW: Duration = Duration::from_secs(300);
/// Changes of one server that are kept: one that flaps with every reading shows the last of them.
const MOST: usize = 600;

/// A weight that goes back and forth. `None` stands for a server that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flap {
    /// What it was before the last change.
    pub from: Option<u32>,
    /// What it is since.
    pub to: Option<u32>,
    /// How often it was changed.
    pub times: usize,
    /// From the first of these changes to the last.
    pub over: Duration,
}

impl fmt::Display for Flap {
    /// `flaps between 2 and 10, 6 times in 4m00s`, `comes and goes, 4 times in 45 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (Some(a), Some(b)) => write!(f, "flaps between {} and {}", a.min(b), a.max(b))?,
            _ => f.write_str("comes and goes")?,
        }
        write!(f, ", {} times in {}", self.times, duration(self.over))
    }
}

#[derive(Clone, Copy, Debug)]
struct Step {
    at: Moment,
    from: Option<u32>,
    to: Option<u32>,
    /// Whether it had this value before, in the window.
    back: bool,
}

/// The last changes of weights, a server each.
#[derive(Clone, Debug, Default)]
pub(super) struct Flaps {
    steps: HashMap<(ServiceKey, ServerKey), VecDeque<Step>>,
}

impl Flaps {
    /// Takes a change in. Returns the flap that it makes, if the server did not flap before it.
    pub(super) fn take(&mut self, theirs: &Theirs) -> Option<Flap> {
        let (from, to) = theirs.weights()?;
        let (service, server) = theirs.row()?;
        let row = (service, server?);
        let at = theirs.at;
        let steps = self.steps.entry(row).or_default();
        let before = flap(steps, at);
        while steps.len() >= MOST || steps.front().is_some_and(|s| at.since(s.at) > WINDOW) {
            steps.pop_front();
        }
        let back = steps.iter().any(|earlier| earlier.from == to || earlier.to == to);
        steps.push_back(Step { at, from, to, back });
        flap(steps, at).filter(|_| before.is_none())
    }

    /// How a server's weight flaps now.
    pub(super) fn of(&self, service: &ServiceKey, server: &ServerKey, now: Moment) -> Option<Flap> {
        flap(self.steps.get(&(*service, *server))?, now)
    }

    /// Every server whose weight flaps now, in the order of the table.
    pub(super) fn all(&self, now: Moment) -> Vec<(ServiceKey, ServerKey, Flap)> {
        let flaps = self
            .steps
            .iter()
            .filter_map(|((service, server), steps)| Some((*service, *server, flap(steps, now)?)));
        let mut all: Vec<_> = flaps.collect();
        all.sort_by_key(|(service, server, _)| (*service, *server));
        all
    }

    /// Forgets what was long ago.
    pub(super) fn let_go(&mut self, now: Moment) {
        self.steps.retain(|_, steps| steps.back().is_some_and(|s| now.since(s.at) <= WINDOW));
    }
}

fn flap(steps: &VecDeque<Step>, now: Moment) -> Option<Flap> {
    let recent = || steps.iter().filter(|s| s.at <= now && now.since(s.at) <= WINDOW);
    let times = recent().count();
    let back = recent().filter(|s| s.back).count();
    if times < FLAPS || back < times / 2 {
        return None;
    }
    let (first, last) = (recent().next()?, recent().next_back()?);
    Some(Flap { from: last.from, to: last.to, times, over: last.at.since(first.at) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::{Change, Forwarding, Server};

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    /// A change of the weight of one server; `None` deletes or adds it.
    fn step(seconds: u64, from: Option<u32>, to: Option<u32>) -> Theirs {
        let server = |weight| Server::new("10.1.1.2:80".parse().unwrap(), Forwarding::Masq, weight);
        Theirs {
            time: jiff::Timestamp::UNIX_EPOCH,
            at: at(seconds),
            change: Change::Server {
                service: "TCP 10.0.0.1:80".parse().unwrap(),
                before: from.map(server),
                after: to.map(server),
            },
            by: None,
        }
    }

    fn of(flaps: &Flaps, now: u64) -> Option<String> {
        let (service, server) =
            ("TCP 10.0.0.1:80".parse().unwrap(), "10.1.1.2:80".parse().unwrap());
        flaps.of(&service, &server, at(now)).map(|flap| flap.to_string())
    }

    #[test]
    fn a_weight_that_goes_back_and_forth_is_told_once_and_for_as_long_as_it_does() {
        let mut flaps = Flaps::default();
        let mut told = Vec::new();
        for n in 0..6 {
            let (from, to) = if n % 2 == 0 { (10, 2) } else { (2, 10) };
            told.extend(flaps.take(&step(n * 40, Some(from), Some(to))));
        }
        assert_eq!(told.len(), 1, "at the fourth change");
        assert_eq!(told[0].to_string(), "flaps between 2 and 10, 4 times in 2m00s");
        let six = "flaps between 2 and 10, 6 times in 3m20s";
        assert_eq!(of(&flaps, 200).as_deref(), Some(six));
        // Those that are longer ago than the window do not count any more.
        assert_eq!(of(&flaps, 380).as_deref(), Some("flaps between 2 and 10, 4 times in 2m00s"));
        assert_eq!(of(&flaps, 421), None);
        flaps.let_go(at(600));
        assert!(flaps.steps.is_empty());
    }

    #[test]
    fn a_server_that_is_deleted_and_added_again_comes_and_goes() {
        let mut flaps = Flaps::default();
        for n in 0..4 {
            let (from, to) = if n % 2 == 0 { (Some(10), None) } else { (None, Some(10)) };
            flaps.take(&step(n * 15, from, to));
        }
        assert_eq!(of(&flaps, 45).as_deref(), Some("comes and goes, 4 times in 45 s"));
    }

    #[test]
    fn a_ramp_does_not_flap() {
        let mut flaps = Flaps::default();
        for n in 0..20 {
            assert_eq!(flaps.take(&step(n.into(), Some(n), Some(n + 1))), None);
        }
    }
}
