//! Plans for what an operator wants done, with titles in an operator's words.

use super::Plan;
use crate::ipvs::{Change, Server, Service, ServiceKey, Timeouts, counted};
use crate::snapshot::ServiceEntry;

impl Plan {
    /// One change, titled with what it says of itself.
    pub fn one(change: Change) -> Self {
        Self { title: change.to_string(), changes: vec![change] }
    }

    /// A plan for one server's weight.
    pub fn weight(service: ServiceKey, server: &Server, weight: u32) -> Self {
        Self::one(Change::weight(service, server, weight))
    }

    /// A plan that edits one service.
    pub fn service(before: Service, after: Service) -> Self {
        Self::one(Change::Service { before: Some(before), after: Some(after) })
    }

    /// A plan for the weights of several servers, each with the weight it shall have. Servers
    /// that have it already are left out.
    pub fn weights(title: &str, servers: &[(ServiceKey, Server, u32)]) -> Self {
        let changes: Vec<_> = servers
            .iter()
            .filter(|(_, server, weight)| server.weight != *weight)
            .map(|(service, server, weight)| Change::weight(*service, server, *weight))
            .collect();
        match changes.as_slice() {
            [one] => Self { title: format!("{title} {one}"), changes },
            all => Self { title: format!("{title} {} real servers", all.len()), changes },
        }
    }

    /// Weight 0 for servers, wherever they are. Those that have it already are left out.
    pub fn drain(title: &str, servers: &[(ServiceKey, Server)]) -> Self {
        let wanted: Vec<_> = servers.iter().map(|(key, s)| (*key, s.clone(), 0)).collect();
        Self::weights(title, &wanted)
    }

    /// Adds a virtual service.
    pub fn add_service(service: Service) -> Self {
        Self::one(Change::Service { before: None, after: Some(service) })
    }

    /// Adds a real server to `service`.
    pub fn add_server(service: ServiceKey, server: Server) -> Self {
        Self::one(Change::Server { service, before: None, after: Some(server) })
    }

    /// Edits one server: everything but its key.
    pub fn server(service: ServiceKey, before: Server, after: Server) -> Self {
        Self::one(Change::Server { service, before: Some(before), after: Some(after) })
    }

    /// Deletes one server.
    pub fn delete_server(service: ServiceKey, server: Server) -> Self {
        Self::one(Change::Server { service, before: Some(server), after: None })
    }

    /// Deletes several servers, wherever they are.
    pub fn delete_servers(servers: &[(ServiceKey, Server)]) -> Self {
        let delete = |(service, server): &(ServiceKey, Server)| Change::Server {
            service: *service,
            before: Some(server.clone()),
            after: None,
        };
        let changes: Vec<_> = servers.iter().map(delete).collect();
        let title = match changes.as_slice() {
            [one] => one.to_string(),
            all => format!("delete {}", counted(all.len() as u64, "real server")),
        };
        Self { title, changes }
    }

    /// Deletes a service. Its servers are deleted first and by themselves: the kernel would take
    /// them along, but then undo would not know them.
    pub fn delete_service(entry: &ServiceEntry) -> Self {
        let key = entry.service.key;
        let delete = |server: &Server| Change::Server {
            service: key,
            before: Some(server.clone()),
            after: None,
        };
        let mut changes: Vec<_> = entry.servers.iter().map(|s| delete(&s.server)).collect();
        changes.push(Change::Service { before: Some(entry.service.clone()), after: None });
        let title = match entry.servers.len() {
            0 => format!("delete service {key}"),
            n => format!("delete service {key} with {}", counted(n as u64, "real server")),
        };
        Self { title, changes }
    }

    /// Zeroes the counters of a service with its servers, or of everything. Cannot be undone.
    pub fn zero(service: Option<ServiceKey>) -> Self {
        Self::one(Change::Zero(service))
    }

    /// Sets the protocol timeouts, in seconds; 0 keeps one.
    pub fn timeouts(before: Timeouts, after: Timeouts) -> Self {
        Self::one(Change::Timeouts { before, after })
    }

    /// Sets `net.ipv4.vs.NAME`, for the whole network namespace.
    pub fn sysctl(name: &str, before: &str, after: &str) -> Self {
        let (name, before, after) = (name.to_owned(), before.to_owned(), after.to_owned());
        Self::one(Change::Sysctl { name, before, after })
    }
}

#[cfg(test)]
mod tests {
    use super::super::danger::tests::director;
    use super::*;

    #[test]
    fn a_service_goes_last_and_comes_back_first() {
        let snapshot = director("wlc", &[1, 2]);
        let entry = &snapshot.services[0];
        let plan = Plan::delete_service(entry);
        assert_eq!(plan.title, "delete service TCP 10.0.0.1:80 with 2 real servers");
        let words = |plan: &Plan| plan.changes.iter().map(ToString::to_string).collect::<Vec<_>>();
        let there = ["10.1.0.2:80", "10.1.1.2:80"];
        let gone = there.map(|s| format!("delete real server {s} of TCP 10.0.0.1:80"));
        assert_eq!(words(&plan)[..2], gone);
        let back = words(&plan.inverse().unwrap());
        assert_eq!(back[0], "add service TCP 10.0.0.1:80");
        assert_eq!(back[2], "add real server 10.1.0.2:80 of TCP 10.0.0.1:80");
    }

    #[test]
    fn titles_are_an_operators_words() {
        let snapshot = director("wlc", &[1, 2]);
        let entry = &snapshot.services[0];
        let key = entry.service.key;
        let all: Vec<_> = entry.servers.iter().map(|s| (key, s.server.clone())).collect();
        let (before, after) = (
            Timeouts { tcp: 900, tcp_fin: 120, udp: 300 },
            Timeouts { tcp: 600, tcp_fin: 0, udp: 30 },
        );
        for (plan, title) in [
            (Plan::drain("drain", &all), "drain 2 real servers"),
            (
                Plan::drain("drain", &all[..1]),
                "drain real server 10.1.0.2:80 of TCP 10.0.0.1:80: weight 1 -> 0",
            ),
            (Plan::delete_servers(&all), "delete 2 real servers"),
            (
                Plan::delete_server(key, all[0].1.clone()),
                "delete real server 10.1.0.2:80 of TCP 10.0.0.1:80",
            ),
            (Plan::add_service(entry.service.clone()), "add service TCP 10.0.0.1:80"),
            (Plan::zero(None), "zero the counters of the whole table"),
            (Plan::timeouts(before, after), "the protocol timeouts: tcp 900 -> 600, udp 300 -> 30"),
            (Plan::sysctl("conntrack", "0", "1"), "sysctl net.ipv4.vs.conntrack: 0 -> 1"),
        ] {
            assert_eq!(plan.title, title);
        }
    }
}
