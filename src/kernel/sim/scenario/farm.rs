//! Direct routing: the director sees the clients' packets only.

use std::net::{IpAddr, SocketAddr};

use super::{Setup, plain, server};
use crate::ipvs::{Forwarding, Protocol, ServiceKey};
use crate::kernel::sim::traffic::Source;

pub(super) fn setup() -> Setup {
    let mut setup = Setup { warm_up: 150_000, age: 4_973, ..Setup::default() };
    let farms = [
        ([192, 0, 2, 10], 80, "wlc", 18.0, 10.0),
        ([192, 0, 2, 20], 443, "wrr", 12.0, 25.0),
        ([192, 0, 2, 30], 443, "mh", 9.0, 15.0),
    ];
    for (net, (vip, port, scheduler, rate, length)) in (1u8..).zip(farms) {
        let vip: IpAddr = vip.into();
        let key = ServiceKey::endpoint(Protocol::TCP, vip, port);
        // Two generations of hardware, the newer with twice the weight.
        let weight = |host: u8| if host > 5 { 200 } else { 100 };
        let servers =
            (1..=8).map(|host| server([10, 10, net, host], port, Forwarding::Route, weight(host)));
        setup.add(key, scheduler, plain, servers);
        let source = Source::web(SocketAddr::new(vip, port), rate);
        setup.sources.push(Source { length, ..source });
    }
    setup
}
