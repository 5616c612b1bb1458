//! Resolvers: one packet a question, flows that linger, and the few questions over TCP.

use std::net::{IpAddr, SocketAddr};

use super::{Setup, one_packet, plain, server};
use crate::ipvs::{Forwarding, Protocol, ServiceKey};
use crate::kernel::sim::traffic::Source;

pub(super) fn setup() -> Setup {
    let mut setup = Setup { warm_up: 60_000, age: 19_937, ..Setup::default() };
    let anycast: IpAddr = [192, 0, 2, 53].into();
    let inside: IpAddr = [10, 0, 0, 53].into();
    let hosts = [[10, 53, 0, 1], [10, 53, 0, 2], [10, 53, 0, 3]];
    let key = |protocol, addr| ServiceKey::endpoint(protocol, addr, 53);
    let route = |host| server(host, 53, Forwarding::Route, 1);
    setup.add(key(Protocol::UDP, anycast), "rr", one_packet, hosts.into_iter().map(route));
    setup.add(key(Protocol::TCP, anycast), "lc", plain, hosts.into_iter().map(route));
    let masq = [([10, 53, 1, 1], 3), ([10, 53, 1, 2], 1)];
    let masq = masq.into_iter().map(|(host, weight)| server(host, 53, Forwarding::Masq, weight));
    setup.add(key(Protocol::UDP, inside), "wrr", plain, masq);
    setup.sources = vec![
        Source::dns(SocketAddr::new(anycast, 53), 150.0),
        Source {
            length: 2.0,
            pause: 1.0,
            request: 60,
            reply: 1_900,
            ..Source::web(SocketAddr::new(anycast, 53), 3.0)
        },
        Source::dns(SocketAddr::new(inside, 53), 25.0),
    ];
    setup
}
