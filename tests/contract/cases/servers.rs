//! Real servers: what is taken, what is refused and how, what reads back.

use ipvs_tui::ipvs::{
    Forwarding, MAX_WEIGHT, Protocol, Server, ServerKey, ServiceKey, Tunnel, TunnelKind,
};

use ipvs_tui::snapshot::{Servers, ServiceEntry};

use crate::bench::*;

fn v6_service(port: u16) -> ServiceKey {
    ServiceKey::endpoint(Protocol::TCP, "fd99::1".parse().unwrap(), port)
}

fn at(addr: &str, forwarding: Forwarding) -> Server {
    Server::new(ServerKey::new(addr.parse().unwrap(), PORT), forwarding, 1)
}

pub(crate) fn a_server_is_added_once(bench: &mut dyn Bench) {
    let key = tcp(8201);
    bench.farm(&service(key, "wlc"), &[5]);
    assert_eq!(errno(bench.add_server(key, &server(1, 7))), EEXIST);
    assert_eq!(bench.server(key, 1).server.weight, 5, "as it was");
}

pub(crate) fn servers_that_are_not_there_are_not_found(bench: &mut dyn Bench) {
    let key = tcp(8202);
    bench.farm(&service(key, "wlc"), &[5]);
    assert_eq!(errno(bench.edit_server(key, &server(2, 7))), ENOENT);
    assert_eq!(errno(bench.delete_server(key, &server(2, 7))), ENOENT);
    let other_port = Server { key: ServerKey::new(server(1, 5).key.addr, 1), ..server(1, 5) };
    assert_eq!(errno(bench.edit_server(key, &other_port)), ENOENT);
    assert_eq!(bench.found(key).servers.len(), 1);
}

pub(crate) fn weights_reach_up_to_an_int(bench: &mut dyn Bench) {
    let key = tcp(8203);
    bench.farm(&service(key, "wlc"), &[MAX_WEIGHT]);
    assert_eq!(bench.server(key, 1).server.weight, MAX_WEIGHT);
    bench.set_weight(key, 1, 0);
    assert_eq!(bench.server(key, 1).server.weight, 0);
    refused(bench.edit_server(key, &server(1, MAX_WEIGHT + 1)));
    refused(bench.add_server(key, &server(2, u32::MAX)));
    assert_eq!(bench.server(key, 1).server.weight, 0);
    assert_eq!(bench.found(key).servers.len(), 1);
}

pub(crate) fn thresholds_read_back_and_must_not_cross(bench: &mut dyn Bench) {
    let key = tcp(8204);
    let limited =
        |upper, lower| Server { upper_threshold: upper, lower_threshold: lower, ..server(1, 1) };
    bench.add(&service(key, "wlc")).unwrap();
    bench.add_server(key, &limited(200, 100)).unwrap();
    for (upper, lower) in [(200, 200), (7, 0), (0, 0), (300, 1)] {
        bench.edit_server(key, &limited(upper, lower)).unwrap();
        assert_eq!(bench.server(key, 1).server, limited(upper, lower));
    }
    refused(bench.edit_server(key, &limited(0, 1)));
    refused(bench.edit_server(key, &limited(5, 6)));
    assert_eq!(bench.server(key, 1).server, limited(300, 1), "as it was");
}

pub(crate) fn what_the_kernel_would_swallow_is_not_sent(bench: &mut dyn Bench) {
    let key = tcp(8205);
    bench.add(&service(key, "wlc")).unwrap();
    let tunnel = |kind, port| Tunnel { kind, port, flags: 0 };
    for wrong in [
        at("10.99.1.1", Forwarding::Unknown(5)),
        Server { tunnel: tunnel(TunnelKind::Unknown(9), 0), ..at("10.99.1.1", Forwarding::Tunnel) },
        Server { tunnel: tunnel(TunnelKind::Gue, 0), ..at("10.99.1.1", Forwarding::Tunnel) },
    ] {
        refused(bench.add_server(key, &wrong));
        refused(bench.edit_server(key, &wrong));
    }
    assert_eq!(bench.found(key).servers, Servers::default());
}

pub(crate) fn servers_are_unicast(bench: &mut dyn Bench) {
    let (v4, v6) = (tcp(8206), v6_service(8206));
    bench.add(&service(v4, "wlc")).unwrap();
    bench.add(&service(v6, "wlc")).unwrap();
    for addr in ["0.0.0.0", "224.0.0.1", "255.255.255.255"] {
        assert_eq!(errno(bench.add_server(v4, &at(addr, Forwarding::Route))), EINVAL, "{addr}");
    }
    for addr in ["ff02::1", "fe80::1"] {
        assert_eq!(errno(bench.add_server(v6, &at(addr, Forwarding::Route))), EINVAL, "{addr}");
    }
    bench.add_server(v4, &at("127.0.0.1", Forwarding::Local)).unwrap();
    assert_eq!((bench.found(v4).servers.len(), bench.found(v6).servers.len()), (1, 0));
}

pub(crate) fn the_other_family_needs_a_tunnel(bench: &mut dyn Bench) {
    let cases = [(tcp(8207), "fd99:1::7"), (v6_service(8207), "10.99.1.7")];
    for (key, addr) in cases {
        bench.add(&service(key, "wlc")).unwrap();
        for forwarding in [Forwarding::Masq, Forwarding::Route, Forwarding::Local] {
            assert_eq!(errno(bench.add_server(key, &at(addr, forwarding))), EINVAL, "{key}");
        }
        let mut tunnelled = at(addr, Forwarding::Tunnel);
        bench.add_server(key, &tunnelled).unwrap();
        tunnelled.weight = 9;
        bench.edit_server(key, &tunnelled).unwrap();
        assert_eq!(bench.found(key).servers[0].server, tunnelled);
        assert_eq!(errno(bench.edit_server(key, &at(addr, Forwarding::Masq))), EINVAL);
        bench.delete_server(key, &tunnelled).unwrap();
        assert_eq!(bench.found(key).servers, Servers::default());
    }
}

pub(crate) fn every_way_of_forwarding_reads_back(bench: &mut dyn Bench) {
    use Forwarding::{Bypass, Local, Masq, Route, Tunnel};
    let key = tcp(8208);
    bench.farm(&service(key, "wlc"), &[1]);
    for forwarding in [Local, Tunnel, Route, Bypass, Masq] {
        let after = Server { forwarding, ..server(1, 1) };
        bench.edit_server(key, &after).unwrap();
        assert_eq!(bench.server(key, 1).server, after);
    }
}

pub(crate) fn tunnels_read_back_and_an_edit_replaces_them(bench: &mut dyn Bench) {
    let key = tcp(8209);
    let tunnelled = |kind, port, flags| Server {
        forwarding: Forwarding::Tunnel,
        tunnel: Tunnel { kind, port, flags },
        ..server(1, 1)
    };
    let gue = tunnelled(TunnelKind::Gue, 6_080, Tunnel::CSUM | Tunnel::REMCSUM);
    let gre = tunnelled(TunnelKind::Gre, 0, Tunnel::CSUM);
    let ipip = tunnelled(TunnelKind::Ipip, 0, 0);
    bench.add(&service(key, "wlc")).unwrap();
    bench.add_server(key, &gue).unwrap();
    assert_eq!(bench.server(key, 1).server, gue);
    for after in [gre, ipip, gue] {
        bench.edit_server(key, &after).unwrap();
        assert_eq!(bench.server(key, 1).server, after);
    }
    bench.set_weight(key, 1, 4);
    assert_eq!(bench.server(key, 1).server.tunnel.port, 6_080, "a weight leaves the tunnel alone");
}

pub(crate) fn an_edit_replaces_the_whole_server(bench: &mut dyn Bench) {
    let key = tcp(8210);
    let rich = Server {
        forwarding: Forwarding::Tunnel,
        weight: 40,
        upper_threshold: 50,
        lower_threshold: 20,
        tunnel: Tunnel { kind: TunnelKind::Gre, port: 0, flags: Tunnel::CSUM },
        ..server(1, 1)
    };
    bench.farm(&service(key, "wlc"), &[1]);
    bench.edit_server(key, &rich).unwrap();
    assert_eq!(bench.server(key, 1).server, rich);
    bench.edit_server(key, &server(1, 1)).unwrap();
    assert_eq!(bench.server(key, 1).server, server(1, 1), "thresholds and tunnel are gone");
}

pub(crate) fn ports_tell_servers_apart(bench: &mut dyn Bench) {
    let key = tcp(8211);
    bench.farm(&service(key, "wlc"), &[1]);
    let other = Server { key: ServerKey::new(server(1, 1).key.addr, 0), ..server(1, 2) };
    bench.add_server(key, &other).unwrap();
    let entry = bench.found(key);
    let listed = entry.servers.iter().map(|server| server.server.key);
    assert_eq!(listed.collect::<Vec<_>>(), [other.key, server(1, 1).key], "sorted");
    bench.delete_server(key, &other).unwrap();
    assert_eq!(bench.server(key, 1).server.weight, 1);
}

/// The kernel tells some 20 entries at a time; with lists this long, every dump takes many turns.
pub(crate) fn long_lists_are_read_whole(bench: &mut dyn Bench) {
    let key = tcp(8212);
    let mut expected: Vec<Server> = (1..=200).map(|number| server(number, number.into())).collect();
    bench.add(&service(key, "wlc")).unwrap();
    for server in &expected {
        bench.add_server(key, server).unwrap();
    }
    let others: Vec<ServiceKey> = (9_000..9_120).map(tcp).collect();
    others.iter().for_each(|key| bench.farm(&service(*key, "rr"), &[1, 2]));
    let snapshot = bench.snapshot();
    for other in &others {
        let weights = snapshot.service(other).unwrap().servers.iter().map(|s| s.server.weight);
        assert_eq!(weights.collect::<Vec<_>>(), [1, 2], "{other:?}");
    }
    let told = |entry: ServiceEntry| entry.servers.iter().map(|s| s.server.clone()).collect();
    expected.sort_by_key(|server| server.key);
    let found: Vec<Server> = told(bench.found(key));
    assert_eq!(found, expected);
    let judged = bench.judge(); // which the embedded director has none of
    let servers = judged.iter().filter(|line| line.starts_with("-a ")).count();
    assert!(judged.is_empty() || servers == 440, "ipvsadm tells {servers} servers");
}
