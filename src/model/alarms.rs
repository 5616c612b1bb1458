//! What needs an operator: told at the foot of the services and on a wall, worst first.

use super::{Model, Row};
use crate::drain::Verdict;
use crate::ipvs::separated;
use crate::snapshot::{ServerEntry, ServiceEntry, Snapshot};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Clients are refused.
    Error,
    /// It may become worse, or hides something.
    Warning,
}

/// Something that needs an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// How bad it is.
    pub severity: Severity,
    /// The service or server that it is about.
    pub row: Option<Row>,
    /// A sentence without a full stop.
    pub text: String,
}

impl Model {
    /// What needs an operator now, worst first.
    pub fn alarms(&self) -> &[Alarm] {
        &self.alarms
    }

    /// Looks at a new snapshot.
    pub(super) fn look_for_alarms(&mut self, snapshot: &Snapshot) {
        let mut all: Vec<Alarm> = snapshot.services.iter().flat_map(of_service).collect();
        if snapshot.estimator_off() {
            let text = "the kernel's estimator is off: counters and rates stand still".to_owned();
            all.push(Alarm { severity: Severity::Warning, row: None, text });
        }
        all.extend(self.doctor.alarms());
        let followed = self.drains.open().iter().flat_map(|drain| &drain.servers);
        let receiving = followed.filter(|f| matches!(f.verdict, Verdict::Receiving { .. }));
        all.extend(receiving.map(|f| Alarm {
            severity: Severity::Warning,
            row: Some(Row::Server(f.service, f.server)),
            text: format!("{} of {} is drained and {}", f.server, f.service, f.verdict),
        }));
        all.extend(self.outside.flapping(snapshot.at).into_iter().map(
            |(service, server, flap)| Alarm {
                severity: Severity::Warning,
                row: Some(Row::Server(service, server)),
                text: format!("the weight of {server} of {service} {flap}"),
            },
        ));
        all.extend(self.connection_alarms());
        all.sort_by_key(|alarm| alarm.severity);
        self.alarms = all;
    }
}

fn of_service(entry: &ServiceEntry) -> Vec<Alarm> {
    let key = entry.service.key;
    let refused = |why: &str| {
        let text = format!("{key} refuses clients: {why}");
        vec![Alarm { severity: Severity::Error, row: Some(Row::Service(key)), text }]
    };
    if entry.servers.is_empty() {
        return refused("it has no real servers");
    }
    if entry.servers.iter().all(|server| server.server.weight == 0) {
        return refused("every real server has weight 0");
    }
    let taking = || entry.servers.iter().filter(|server| server.server.weight > 0);
    let full = |server: &ServerEntry| {
        let (upper, _) = entry.thresholds(server)?;
        let held = u64::from(server.active) + u64::from(server.inactive);
        (upper > 0 && held >= upper.into()).then_some((held, upper))
    };
    if taking().all(|server| full(server).is_some()) {
        return refused("every real server with a weight is full");
    }
    let one = |server: &ServerEntry| {
        let (held, upper) = full(server)?;
        let name = server.server.key;
        let [held, upper] = [held, upper.into()].map(separated);
        Some(Alarm {
            severity: Severity::Warning,
            row: Some(Row::Server(key, name)),
            text: format!("{name} of {key} is full: {held} connections, threshold {upper}"),
        })
    };
    taking().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::{Forwarding, Server, Service, ServiceKey};
    use crate::snapshot::{Known, Moment};

    /// A server for each weight, upper threshold and number of connections.
    fn told(servers: &[(u32, u32, u32)]) -> Vec<(Severity, String)> {
        let key: ServiceKey = "TCP 10.0.0.1:80".parse().unwrap();
        let server = |(n, (weight, upper, active)): (usize, &(u32, u32, u32))| {
            let name = format!("10.1.1.{}:80", n + 1).parse().unwrap();
            let mut server = Server::new(name, Forwarding::Masq, *weight);
            server.upper_threshold = *upper;
            let (active, inactive) = (*active, 0);
            let (persistent, stats, unknown) = (None, None, Vec::new());
            ServerEntry { server, active, inactive, persistent, stats, unknown }
        };
        let entry = ServiceEntry {
            service: Service::new(key, crate::ipvs::SchedulerName::new("wlc").unwrap()),
            known: Known::Whole,
            stats: None,
            servers: servers.iter().enumerate().map(server).collect(),
            servers_read: Moment::default(),
            unknown: Vec::new(),
        };
        of_service(&entry).into_iter().map(|alarm| (alarm.severity, alarm.text)).collect()
    }

    #[test]
    fn a_service_that_refuses_clients_is_an_error_and_one_that_serves_is_none() {
        assert_eq!(told(&[(1, 0, 99), (0, 0, 0)]), []);
        assert_eq!(told(&[(1, 10, 9)]), []);
        for (servers, why) in [
            (&[][..], "no real servers"),
            (&[(0, 0, 5), (0, 0, 0)], "every real server has weight 0"),
            (&[(1, 10, 10), (0, 0, 0)], "is full"),
        ] {
            let told = told(servers);
            assert!(
                matches!(&told[..], [(Severity::Error, text)] if text.contains(why)),
                "{told:?}"
            );
        }
    }

    #[test]
    fn a_full_server_beside_others_is_a_warning() {
        let told = told(&[(1, 1000, 1200), (1, 0, 0)]);
        let text = "10.1.1.1:80 of TCP 10.0.0.1:80 is full: 1,200 connections, threshold 1,000";
        assert_eq!(told, [(Severity::Warning, text.to_owned())]);
    }
}
