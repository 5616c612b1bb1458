//! Which servers a plan is for.

use std::net::IpAddr;

use crate::ipvs::{Server, ServiceKey};
use crate::snapshot::Snapshot;

/// The host `addr` in every service that has it, whatever the port, protocol or mark: what has
/// to be drained before it can be switched off. In the table's order.
pub fn everywhere(snapshot: &Snapshot, addr: IpAddr) -> Vec<(ServiceKey, Server)> {
    let all = snapshot.services.iter();
    let servers = all.flat_map(|e| e.servers.iter().map(|s| (e.service.key, &s.server)));
    let here = servers.filter(|(_, server)| server.key.addr == addr);
    here.map(|(service, server)| (service, server.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::sim::{Clock, Director, Scenario};
    use crate::kernel::{Reader, Want};

    #[test]
    fn a_host_is_found_under_every_service() {
        let director = Director::open(Scenario::Web, 1, Clock::Manual);
        let snapshot = director.reader().snapshot(&Want::everything()).unwrap();
        let found = everywhere(&snapshot, "10.1.1.2".parse().unwrap());
        let told: Vec<_> = found.iter().map(|(k, s)| format!("{k} {}", s.key)).collect();
        assert_eq!(told, ["TCP 10.0.0.1:80 10.1.1.2:80", "TCP 10.0.0.1:443 10.1.1.2:443"]);
        let found = everywhere(&snapshot, "10.3.0.7".parse().unwrap());
        assert_eq!(found.len(), 1, "under a mark, on port 0");
        assert_eq!(everywhere(&snapshot, "10.9.9.9".parse().unwrap()), []);
    }
}
