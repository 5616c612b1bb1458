//! A mixed site, the way most directors look.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::{Setup, one_packet, persistent, plain, server};
use crate::ipvs::{Family, Forwarding, Protocol, Server, ServerKey, ServiceFlags, ServiceKey};
use crate::kernel::sim::actor::{Act, Actor};
use crate::kernel::sim::traffic::Source;

/// Runs for this long before anyone looks, in milliseconds; long enough for TIME_WAIT to fill.
const WARM_UP: u64 = 150_000;

/// An operator has begun to empty a server this long before.
const DRAINING_FOR: u64 = 45_000;

pub(super) fn setup() -> Setup {
    let vip: IpAddr = [10, 0, 0, 1].into();
    let vip6: IpAddr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1).into();
    let http = ServiceKey::endpoint(Protocol::TCP, vip, 80);
    let https = ServiceKey::endpoint(Protocol::TCP, vip, 443);
    let dns = ServiceKey::endpoint(Protocol::UDP, vip, 53);
    let marked = ServiceKey::Fwmark { family: Family::V4, mark: 5 };
    let https6 = ServiceKey::endpoint(Protocol::TCP, vip6, 443);
    let hosts = [[10, 1, 1, 2], [10, 1, 2, 2], [10, 1, 3, 2]];
    let emptying = server(hosts[1], 80, Forwarding::Masq, 10);

    let mut setup = Setup { warm_up: WARM_UP, age: 1_987, ..Setup::default() };
    let masq = |port| move |host| server(host, port, Forwarding::Masq, 10);
    setup.add(http, "wlc", plain, hosts.into_iter().map(masq(80)));
    setup.add(https, "wlc", persistent, hosts.into_iter().map(masq(443)));
    let resolvers = [[10, 2, 0, 53], [10, 2, 1, 53]];
    let route = |host| server(host, 53, Forwarding::Route, 1);
    setup.add(dns, "rr", one_packet, resolvers.into_iter().map(route));
    let caches = [([10, 3, 0, 7], 3), ([10, 3, 1, 7], 1)];
    let tunnel = |(host, weight)| server(host, 0, Forwarding::Route, weight);
    let sticky = |service| {
        let mut service = persistent(service);
        service.flags |= ServiceFlags::SCHED2;
        service
    };
    setup.add(marked, "sh", sticky, caches.into_iter().map(tunnel));
    let hosts6 = [0x11, 0x12].map(|last| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last));
    let route6 =
        |host: Ipv6Addr| Server::new(ServerKey::new(host.into(), 443), Forwarding::Route, 4);
    setup.add(https6, "wrr", plain, hosts6.into_iter().map(route6));

    let at = |addr, port| SocketAddr::new(addr, port);
    setup.sources = vec![
        Source::web(at(vip, 80), 32.0),
        Source {
            length: 35.0,
            clients: ([198, 18, 64, 1].into(), 900),
            ..Source::web(at(vip, 443), 7.0)
        },
        Source::dns(at(vip, 53), 60.0),
        Source {
            mark: 5,
            clients: ([198, 19, 0, 1].into(), 120),
            length: 15.0,
            reply: 24_000,
            ..Source::web(at([203, 0, 113, 9].into(), 8_080), 1.5)
        },
        Source { length: 12.0, ..Source::web(at(vip6, 443), 14.0) },
    ];
    // Once, as an operator would; the script is over after its first round.
    let drain = Act::Weight(http, emptying.key, 0);
    setup.actor = Some(Actor::new(vec![(WARM_UP - DRAINING_FOR, drain)], u64::MAX / 2, 0));
    setup
}
