//! Names of clients: looked up in the background, for what is on the screen, once it was asked for.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use crate::snapshot::Moment;

/// So many are remembered.
const MOST: usize = 10_000;
/// A name is asked for again after this time, and none sooner: it may have been a name server that
/// did not answer.
const NAMED: Duration = Duration::from_secs(600);
const NAMELESS: Duration = Duration::from_secs(60);

/// The names of clients.
#[derive(Debug, Default)]
pub struct Names {
    on: bool,
    known: HashMap<IpAddr, (Option<String>, Moment)>,
    asked: HashSet<IpAddr>,
}

impl Names {
    /// Whether they are shown.
    pub fn is_on(&self) -> bool {
        self.on
    }

    pub(super) fn toggle(&mut self) -> bool {
        self.on = !self.on;
        self.on
    }

    /// The name of a client, if they are shown and it is known.
    pub fn of(&self, client: IpAddr) -> Option<&str> {
        let (name, _) = self.known.get(&client).filter(|_| self.on)?;
        name.as_deref()
    }

    /// Those of `clients` that have to be asked for.
    pub(super) fn missing(
        &mut self,
        clients: impl IntoIterator<Item = IpAddr>,
        now: Moment,
    ) -> Vec<IpAddr> {
        if !self.on {
            return Vec::new();
        }
        let mut missing = Vec::new();
        for client in clients {
            let fresh = self.known.get(&client).is_some_and(|(name, since)| {
                now.since(*since) < if name.is_some() { NAMED } else { NAMELESS }
            });
            if !fresh && self.asked.insert(client) {
                missing.push(client);
            }
        }
        missing
    }

    pub(super) fn take_in(&mut self, names: Vec<(IpAddr, Option<String>)>, now: Moment) {
        if self.known.len() + names.len() > MOST {
            self.known.clear();
        }
        for (client, name) in names {
            self.asked.remove(&client);
            self.known.insert(client, (name, now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment(Duration::from_secs(seconds))
    }

    #[test]
    fn a_client_is_asked_for_once_and_again_after_a_while() {
        let (one, two): (IpAddr, IpAddr) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let mut names = Names::default();
        assert!(names.missing([one, two], at(0)).is_empty());
        assert!(names.toggle());
        assert_eq!(names.missing([one, two, one], at(0)), [one, two]);
        assert!(names.missing([one, two], at(30)).is_empty());
        names.take_in(vec![(one, Some("web.example".to_owned())), (two, None)], at(30));
        assert_eq!((names.of(one), names.of(two)), (Some("web.example"), None));
        assert!(names.missing([one, two], at(80)).is_empty());
        assert_eq!(names.missing([one, two], at(100)), [two]);
        assert_eq!(names.missing([one], at(700)), [one]);
        names.toggle();
        assert_eq!(names.of(one), None);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut names = Names::default();
        names.toggle();
        for number in 0..30_000_u32 {
            let client = std::net::Ipv4Addr::from_bits(number).into();
            names.take_in(vec![(client, None)], at(1));
        }
        assert!(names.known.len() <= MOST);
    }
}
