//! Tables of any size.

use std::net::IpAddr;

use super::Setup;
use super::plain;
use crate::ipvs::{Forwarding, Protocol, Server, ServerKey, ServiceKey};
use crate::kernel::sim::bulk::Load;
use crate::kernel::sim::traffic::offset;

const PORTS: [u16; 4] = [80, 443, 8_080, 53];
const SCHEDULERS: [&str; 5] = ["wlc", "wrr", "rr", "sh", "lc"];

pub(super) fn setup(services: u32, servers: u32) -> Setup {
    let mut setup = Setup { age: 1, ..Setup::default() };
    let vips: IpAddr = [10, 0, 0, 1].into();
    let hosts: IpAddr = [172, 16, 0, 1].into();
    for number in 0..services {
        let pick = |from: u32| (number % from) as usize;
        let port = PORTS.get(pick(4)).copied().unwrap_or(80);
        let protocol = if port == 53 { Protocol::UDP } else { Protocol::TCP };
        let vip = offset(vips, u64::from(number / 4));
        let key = ServiceKey::endpoint(protocol, vip, port);
        let forwarding = if number % 3 == 0 { Forwarding::Route } else { Forwarding::Masq };
        let first = u64::from(number) * u64::from(servers);
        let pool = (0..servers).map(|host| {
            let addr = offset(hosts, first + u64::from(host));
            // A few are quiesced, the rest differ in size.
            let weight = if (first + u64::from(host)) % 97 == 96 { 0 } else { 5 + host % 4 * 5 };
            Server::new(ServerKey::new(addr, port), forwarding, weight)
        });
        let scheduler = SCHEDULERS.get(pick(5)).copied().unwrap_or("rr");
        setup.add(key, scheduler, plain, pool);
        // The first services are the busiest, as everywhere.
        let rate = 2.0 + 400.0 / (1.0 + f64::from(number)).sqrt();
        setup.loads.push(Load { service: key, rate, length: 8.0 + f64::from(number % 7) * 4.0 });
    }
    setup
}
