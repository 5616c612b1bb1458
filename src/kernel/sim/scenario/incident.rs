//! A bad day, again every two minutes.

use std::net::{IpAddr, SocketAddr};

use super::{Setup, persistent, plain, server};
use crate::ipvs::{Forwarding, Protocol, ServiceKey};
use crate::kernel::sim::actor::{Act, Actor};
use crate::kernel::sim::traffic::Source;

const WARM_UP: u64 = 140_000;
const PERIOD: u64 = 120_000;

pub(super) fn setup() -> Setup {
    let vip: IpAddr = [10, 0, 0, 1].into();
    let key = |port| ServiceKey::endpoint(Protocol::TCP, vip, port);
    let mut setup = Setup { warm_up: WARM_UP, age: 311, ..Setup::default() };
    let masq = |host: u8, port| server([10, 1, host, 2], port, Forwarding::Masq, 10);
    setup.add(key(80), "wlc", plain, (1..=4).map(|host| masq(host, 80)));
    setup.add(key(443), "wlc", persistent, (1..=3).map(|host| masq(host, 443)));
    let route = |host: u8| server([10, 4, host, 9], 6_379, Forwarding::Route, 1);
    setup.add(key(6_379), "lc", plain, (1..=2).map(route));
    setup.sources = vec![
        Source::web(SocketAddr::new(vip, 80), 24.0),
        Source {
            clients: ([198, 18, 64, 1].into(), 400),
            ..Source::web(SocketAddr::new(vip, 443), 6.0)
        },
        Source {
            clients: ([10, 1, 0, 1].into(), 40),
            length: 60.0,
            pause: 0.7,
            request: 90,
            reply: 300,
            ..Source::web(SocketAddr::new(vip, 6_379), 1.5)
        },
    ];
    setup.actor = Some(Actor::new(script(&masq), PERIOD, WARM_UP - PERIOD + 10_000));
    setup
}

/// One server hangs, is taken out when its check has failed often enough, and comes back with the
/// checker's own weight. Another checker keeps changing its mind about a second server. A third
/// gets a new weight, and its old one back.
fn script(masq: &impl Fn(u8, u16) -> crate::ipvs::Server) -> Vec<(u64, Act)> {
    let key = |port| ServiceKey::endpoint(Protocol::TCP, [10, 0, 0, 1].into(), port);
    let sick = [masq(3, 80), masq(3, 443)];
    let weight = |host, weight| Act::Weight(key(80), masq(host, 80).key, weight);
    let mut script = vec![
        (5_000, Act::Silence(sick[0].key.addr)),
        (17_000, Act::Remove(key(80), sick[0].key)),
        (17_050, Act::Remove(key(443), sick[1].key)),
        (45_000, weight(1, 20)),
        (70_000, Act::Answer(sick[0].key.addr)),
        (76_000, Act::Add(key(80), sick[0].clone())),
        (76_050, Act::Add(key(443), sick[1].clone())),
        (95_000, weight(1, 10)),
    ];
    script
        .extend((0..17).map(|turn| (turn * 7_000, weight(4, if turn % 2 == 0 { 2 } else { 10 }))));
    script.sort_by_key(|(at, _)| *at);
    script
}
