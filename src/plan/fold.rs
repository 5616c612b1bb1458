//! Many changes as few: a session's edits as what they come to.

use std::collections::HashMap;

use crate::ipvs::{Change, ServerKey, ServiceKey, Timeouts};

/// What a change is about, where later changes of the same can be drawn together with it.
#[derive(Clone, PartialEq, Eq, Hash)]
enum About {
    Service(ServiceKey),
    Server(ServiceKey, ServerKey),
    Sysctl(String),
    Timeouts,
}

impl About {
    fn of(change: &Change) -> Option<Self> {
        match change {
            Change::Service { .. } => change.service().map(Self::Service),
            Change::Server { .. } => {
                change.service().zip(change.server()).map(|(k, s)| Self::Server(k, s))
            }
            Change::Sysctl { name, .. } => Some(Self::Sysctl(name.clone())),
            Change::Timeouts { .. } => Some(Self::Timeouts),
            // A running daemon cannot be edited, only stopped and started.
            Change::Daemon { .. } | Change::Zero(_) | Change::Flush => None,
        }
    }

    fn service(&self) -> Option<ServiceKey> {
        match self {
            Self::Service(key) | Self::Server(key, _) => Some(*key),
            Self::Sysctl(_) | Self::Timeouts => None,
        }
    }
}

/// Draws successive changes of the same service, server, sysctl or timeouts together into one,
/// from the first `before` to the last `after`, where the first one stood. What ends where it
/// began is dropped.
///
/// Order is kept where it matters. Nothing is drawn across the deletion or addition of its
/// service, nor across counters of it being zeroed; no sysctl across any deletion, because one
/// decides over the connections of what is deleted; and nothing where somebody else has changed
/// the entry in between, whose change would be taken for one of these.
pub fn fold(changes: &[Change]) -> Vec<Change> {
    let mut folded: Vec<Option<Change>> = Vec::new();
    let mut open: HashMap<About, usize> = HashMap::new();
    let mut since_sysctl = 0;
    for change in changes {
        close(change, &mut open);
        if matches!(change, Change::Sysctl { .. }) {
            since_sysctl = folded.len();
        }
        let Some(about) = About::of(change) else {
            folded.push(Some(change.clone()));
            continue;
        };
        let deletes = matches!(change, Change::Server { after: None, .. });
        let first = open.get(&about).filter(|at| !deletes || **at >= since_sysctl);
        let first = first.and_then(|at| folded.get_mut(*at));
        let drawn = first.as_ref().and_then(|first| first.as_ref()).and_then(|f| draw(f, change));
        match (first, drawn) {
            (Some(first), Some(drawn)) => *first = Some(drawn),
            _ => {
                open.insert(about, folded.len());
                folded.push(Some(change.clone()));
            }
        }
        // A deleted service has nothing more to be drawn to.
        if let Change::Service { before: Some(gone), after: None } = change {
            open.remove(&About::Service(gone.key));
        }
    }
    folded.into_iter().flatten().filter(|change| !is_nothing(change)).collect()
}

/// Forgets what may not be drawn together across `change`.
fn close(change: &Change, open: &mut HashMap<About, usize>) {
    let gone = match change {
        Change::Service { before: None, after: Some(s) }
        | Change::Service { before: Some(s), after: None } => Some(s.key),
        Change::Zero(Some(key)) => Some(*key),
        Change::Zero(None) | Change::Flush => {
            open.retain(|about, _| about.service().is_none());
            None
        }
        _ => None,
    };
    if let Some(gone) = gone {
        open.retain(|about, _| about.service() != Some(gone));
    }
    let deletes = matches!(
        change,
        Change::Service { after: None, .. } | Change::Server { after: None, .. } | Change::Flush
    );
    if deletes {
        open.retain(|about, _| !matches!(about, About::Sysctl(_)));
    }
}

/// `first` and then `next` as one, if `next` begins where `first` ended.
fn draw(first: &Change, next: &Change) -> Option<Change> {
    match (first, next) {
        (
            Change::Service { before, after: Some(middle) },
            Change::Service { before: Some(found), after },
        ) if middle.same_config(found) => {
            Some(Change::Service { before: before.clone(), after: after.clone() })
        }
        (
            Change::Server { service, before, after: middle },
            Change::Server { before: found, after, .. },
        ) if middle == found => {
            Some(Change::Server { service: *service, before: before.clone(), after: after.clone() })
        }
        (
            Change::Sysctl { name, before, after: middle },
            Change::Sysctl { before: found, after, .. },
        ) if middle == found => Some(Change::Sysctl {
            name: name.clone(),
            before: before.clone(),
            after: after.clone(),
        }),
        (Change::Timeouts { before, after: middle }, Change::Timeouts { before: found, after }) => {
            let middle = settled(*before, *middle);
            let after = settled(*found, *after);
            (middle == *found).then_some(Change::Timeouts { before: *before, after })
        }
        _ => None,
    }
}

/// What the kernel holds after `wanted` was written over `present`: 0 keeps a timeout.
fn settled(present: Timeouts, wanted: Timeouts) -> Timeouts {
    let keep = |present, wanted| if wanted == 0 { present } else { wanted };
    Timeouts {
        tcp: keep(present.tcp, wanted.tcp),
        tcp_fin: keep(present.tcp_fin, wanted.tcp_fin),
        udp: keep(present.udp, wanted.udp),
    }
}

fn is_nothing(change: &Change) -> bool {
    match change {
        Change::Service { before: Some(before), after: Some(after) } => before.same_config(after),
        Change::Service { before, after } => before.is_none() && after.is_none(),
        Change::Server { before, after, .. } => before == after,
        Change::Sysctl { before, after, .. } => before == after,
        Change::Timeouts { before, after } => settled(*before, *after) == *before,
        Change::Daemon { before, after } => before == after,
        Change::Zero(_) | Change::Flush => false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::ipvs::{Forwarding, SchedulerName, Server, Service};

    fn key(n: u8) -> ServiceKey {
        format!("TCP 10.0.0.{n}:80").parse().unwrap()
    }

    fn server(n: u8, weight: u32) -> Server {
        Server::new(format!("10.1.{n}.2:80").parse().unwrap(), Forwarding::Masq, weight)
    }

    fn service(n: u8, timeout: u32) -> Service {
        Service { timeout, ..Service::new(key(n), SchedulerName::new("wlc").unwrap()) }
    }

    fn weight(n: u8, from: u32, to: u32) -> Change {
        Change::weight(key(1), &server(n, from), to)
    }

    fn sysctl(from: u32, to: u32) -> Change {
        let (before, after) = (from.to_string(), to.to_string());
        Change::Sysctl { name: "expire_nodest_conn".into(), before, after }
    }

    #[test]
    fn edits_become_one_where_the_first_stood() {
        let all = [weight(1, 10, 11), weight(2, 5, 0), weight(1, 11, 14), weight(2, 0, 5)];
        assert_eq!(fold(&all), [weight(1, 10, 14)]);
    }

    #[test]
    fn an_edit_of_somebody_else_stays_theirs() {
        let all = [weight(1, 10, 0), weight(1, 7, 8)];
        assert_eq!(fold(&all), all);
    }

    #[test]
    fn nothing_is_drawn_across_the_service() {
        let delete = Change::Service { before: Some(service(1, 0)), after: None };
        let add = delete.inverse().unwrap();
        let gone = Change::Server { service: key(1), before: Some(server(1, 3)), after: None };
        let back = gone.inverse().unwrap();
        let all = [gone, delete, add, back];
        assert_eq!(fold(&all), all);
    }

    #[test]
    fn a_sysctl_is_not_drawn_across_a_deletion_that_it_decides_over() {
        let gone = Change::Server { service: key(1), before: Some(server(1, 3)), after: None };
        let all = [sysctl(0, 1), gone, sysctl(1, 0)];
        assert_eq!(fold(&all), all);
        let gone = Change::Server { service: key(1), before: Some(server(1, 0)), after: None };
        let all = [weight(1, 3, 0), sysctl(0, 1), gone];
        assert_eq!(fold(&all), all);
        assert_eq!(fold(&[sysctl(0, 1), weight(1, 2, 3), sysctl(1, 0)]), [weight(1, 2, 3)]);
    }

    #[test]
    fn timeouts_keep_what_is_0() {
        let of = |tcp, udp| Timeouts { tcp, tcp_fin: 120, udp };
        let change = |before, after| Change::Timeouts { before, after };
        let only = |tcp, udp| Timeouts { tcp, tcp_fin: 0, udp };
        let all = [change(of(900, 300), only(600, 0)), change(of(600, 300), only(0, 30))];
        assert_eq!(fold(&all), [change(of(900, 300), of(600, 30))]);
        let back = [change(of(900, 300), only(600, 0)), change(of(600, 300), only(900, 0))];
        assert_eq!(fold(&back), []);
    }

    /// A kernel's table, without what cannot be compared: it takes a change only if it finds what
    /// the change expects.
    #[derive(Clone, Debug, Default, PartialEq)]
    struct Table {
        services: BTreeMap<ServiceKey, (Service, BTreeMap<ServerKey, Server>)>,
        sysctl: u32,
    }

    impl Table {
        fn take(&mut self, change: &Change) {
            match change {
                Change::Service { before, after } => {
                    let key = change.service().unwrap();
                    assert_eq!(self.services.get(&key).map(|(s, _)| s), before.as_ref());
                    match after {
                        Some(after) => {
                            let new = || (after.clone(), BTreeMap::new());
                            self.services.entry(key).or_insert_with(new).0 = after.clone();
                        }
                        None => drop(self.services.remove(&key)),
                    }
                }
                Change::Server { service, before, after } => {
                    let (_, servers) = self.services.get_mut(service).unwrap();
                    let key = change.server().unwrap();
                    assert_eq!(servers.get(&key), before.as_ref());
                    match after {
                        Some(after) => drop(servers.insert(key, after.clone())),
                        None => drop(servers.remove(&key)),
                    }
                }
                Change::Sysctl { before, after, .. } => {
                    assert_eq!(self.sysctl.to_string(), *before);
                    self.sysctl = after.parse().unwrap();
                }
                Change::Flush => self.services.clear(),
                _ => {}
            }
        }

        /// What an operator may do next.
        fn next(&self, (what, n, s, value): (u8, u8, u8, u32)) -> Change {
            let held = self.services.get(&key(n));
            let at = server(s, value);
            match (what, held) {
                (0, _) => sysctl(self.sysctl, value),
                (1, _) => Change::Zero((value > 0).then(|| key(n))),
                (2, _) if value == 0 => Change::Flush,
                (3, Some((now, _))) => Change::Service { before: Some(now.clone()), after: None },
                (4, Some((now, _))) => {
                    Change::Service { before: Some(now.clone()), after: Some(service(n, value)) }
                }
                (_, None) => Change::Service { before: None, after: Some(service(n, value)) },
                (5, Some((_, servers))) if servers.contains_key(&at.key) => {
                    let before = servers.get(&at.key).cloned();
                    Change::Server { service: key(n), before, after: None }
                }
                (_, Some((_, servers))) => {
                    let before = servers.get(&at.key).cloned();
                    Change::Server { service: key(n), before, after: Some(at) }
                }
            }
        }
    }

    proptest! {
        /// Whatever was done, folded it is taken by the same table, ends the same and is no
        /// longer.
        #[test]
        fn folded_is_the_same_as_all(
            before in prop::collection::vec((0..10_u8, 0..2_u8, 0..3_u8, 0..3_u32), 0..12),
            steps in prop::collection::vec((0..10_u8, 0..2_u8, 0..3_u8, 0..3_u32), 0..40),
        ) {
            let mut start = Table::default();
            for step in before {
                start.take(&start.next(step));
            }
            let (mut all, mut changes) = (start.clone(), Vec::new());
            for step in steps {
                let change = all.next(step);
                all.take(&change);
                changes.push(change);
            }
            let folded = fold(&changes);
            let mut same = start;
            folded.iter().for_each(|change| same.take(change));
            prop_assert_eq!(&same, &all);
            prop_assert!(folded.len() <= changes.len());
            let zeroed = |all: &[Change]| all.iter().filter(|c| matches!(c, Change::Zero(_))).count();
            prop_assert_eq!(zeroed(&folded), zeroed(&changes));
        }
    }
}
