//! Virtual services: what is taken, what is refused and how, what reads back.

use ipvs_tui::ipvs::{
    Change, Family, Netmask, PeName, Protocol, Service, ServiceFlags, ServiceKey,
};

use ipvs_tui::snapshot::Servers;

use crate::bench::*;

pub(crate) fn a_service_is_added_once(bench: &mut dyn Bench) {
    let web = service(tcp(8101), "wlc");
    bench.add(&web).unwrap();
    assert_eq!(errno(bench.add(&web)), EEXIST);
    assert_eq!(errno(bench.add(&service(tcp(8101), "rr"))), EEXIST);
    assert_eq!(bench.found(web.key).service.scheduler.as_str(), "wlc", "as it was");
}

pub(crate) fn what_is_not_there_is_not_found(bench: &mut dyn Bench) {
    let web = service(tcp(8102), "wlc");
    assert_eq!(errno(bench.edit(&web)), ESRCH);
    assert_eq!(errno(bench.delete(web.key)), ESRCH);
    assert_eq!(errno(bench.apply(&Change::Zero(Some(web.key)))), ESRCH);
    assert_eq!(errno(bench.add_server(web.key, &server(1, 1))), ESRCH);
    assert_eq!(errno(bench.edit_server(web.key, &server(1, 1))), ESRCH);
    assert_eq!(errno(bench.delete_server(web.key, &server(1, 1))), ESRCH);
    assert_eq!(bench.look(web.key), None);
}

pub(crate) fn schedulers_and_engines_must_exist(bench: &mut dyn Bench) {
    let web = service(tcp(8103), "wlc");
    let unknown = service(web.key, "nosuch");
    let engine = Service { pe: Some(PeName::new("nosuch").unwrap()), ..web.clone() };
    for wrong in [&unknown, &engine] {
        assert_eq!(errno(bench.add(wrong)), ENOENT);
    }
    assert_eq!(bench.look(web.key), None);
    bench.add(&web).unwrap();
    for wrong in [&unknown, &engine] {
        assert_eq!(errno(bench.edit(wrong)), ENOENT);
    }
    assert!(bench.found(web.key).service.same_config(&web), "as it was");
}

pub(crate) fn ipv6_services_want_a_prefix(bench: &mut dyn Bench) {
    let key = ServiceKey::endpoint(Protocol::TCP, "fd99::1".parse().unwrap(), 8104);
    for prefix in [0, 129] {
        let web = Service { netmask: Netmask::V6(prefix), ..service(key, "wlc") };
        assert_eq!(errno(bench.add(&web)), EINVAL, "a prefix of {prefix}, not even persistent");
    }
    for prefix in [1, 64, 128] {
        let web = Service { netmask: Netmask::V6(prefix), ..service(key, "wlc") };
        bench.add(&web).unwrap();
        assert_eq!(bench.found(key).service.netmask, Netmask::V6(prefix));
        bench.delete(key).unwrap();
    }
}

pub(crate) fn the_hashed_flag_is_the_kernels(bench: &mut dyn Bench) {
    let web = service(tcp(8105), "wlc");
    bench.add(&web).unwrap();
    assert_eq!(bench.found(web.key).service.flags, ServiceFlags::HASHED);
    bench.edit(&web).unwrap();
    assert_eq!(bench.found(web.key).service.flags, ServiceFlags::HASHED);
}

pub(crate) fn an_edit_replaces_the_whole_service(bench: &mut dyn Bench) {
    let plain = service(tcp(8106), "wlc");
    let rich = Service {
        flags: ServiceFlags::PERSISTENT | ServiceFlags::SCHED2,
        timeout: 1_234,
        netmask: Netmask::V4([255, 255, 240, 0].into()),
        pe: Some(PeName::new("sip").unwrap()),
        ..service(plain.key, "sh")
    };
    bench.add(&plain).unwrap();
    bench.edit(&rich).unwrap();
    assert!(bench.found(plain.key).service.same_config(&rich));
    bench.edit(&plain).unwrap();
    let back = bench.found(plain.key).service;
    assert!(back.same_config(&plain), "persistence, flags and engine are gone: {back:?}");
}

pub(crate) fn scheduler_flags_survive_a_switch_and_change_their_owner(bench: &mut dyn Bench) {
    let key = tcp(8107);
    let flags = ServiceFlags::SCHED1 | ServiceFlags::SCHED2;
    let sh = Service { flags, ..service(key, "sh") };
    let mh = Service { flags, ..service(key, "mh") };
    bench.farm(&sh, &[1, 2]);
    assert_eq!(bench.found(key).service.scheduler_flags(), ["sh-fallback", "sh-port"]);
    let servers = bench.found(key).servers;
    for (next, words) in [(&mh, ["mh-fallback", "mh-port"]), (&sh, ["sh-fallback", "sh-port"])] {
        bench.edit(next).unwrap();
        let entry = bench.found(key);
        assert_eq!(entry.service.scheduler_flags(), words);
        let config = |servers: &[ipvs_tui::snapshot::ServerEntry]| {
            servers.iter().map(|server| server.server.clone()).collect::<Vec<_>>()
        };
        assert_eq!(config(&entry.servers), config(&servers));
    }
}

pub(crate) fn a_service_may_have_no_scheduler(bench: &mut dyn Bench) {
    let key = tcp(8108);
    bench.farm(&service(key, "none"), &[1, 1]);
    assert_eq!(bench.found(key).service.scheduler.as_str(), "none");
    assert_eq!(bench.connect(1, &key), Outcome::Refused);
    bench.edit(&service(key, "rr")).unwrap();
    assert!(matches!(bench.connect(2, &key), Outcome::Served(_)));
}

pub(crate) fn every_kind_of_key_reads_back(bench: &mut dyn Bench) {
    let v6 = "fd99::1".parse().unwrap();
    let mut keys = vec![
        tcp(8109),
        ServiceKey::endpoint(Protocol::UDP, VIP, 8109),
        ServiceKey::endpoint(Protocol::SCTP, VIP, 8109),
        ServiceKey::endpoint(Protocol(47), VIP, 8109),
        ServiceKey::endpoint(Protocol::TCP, v6, 8109),
        ServiceKey::endpoint(Protocol::TCP, VIP, 0),
        ServiceKey::Fwmark { family: Family::V4, mark: u32::MAX },
        ServiceKey::Fwmark { family: Family::V6, mark: 1 },
    ];
    for key in &keys {
        bench.add(&service(*key, "rr")).unwrap();
    }
    keys.sort_unstable();
    let snapshot = bench.snapshot();
    let listed = snapshot.services.iter().map(|entry| entry.service.key);
    assert_eq!(listed.collect::<Vec<_>>(), keys);
    for key in keys {
        assert!(bench.found(key).service.same_config(&service(key, "rr")));
    }
}

pub(crate) fn a_mark_is_a_service_in_each_family(bench: &mut dyn Bench) {
    let [v4, v6] = [Family::V4, Family::V6].map(|family| ServiceKey::Fwmark { family, mark: 7 });
    bench.add(&service(v4, "rr")).unwrap();
    bench.add(&service(v6, "wlc")).unwrap();
    assert_eq!(errno(bench.add(&service(v4, "rr"))), EEXIST);
    bench.add_server(v4, &server(1, 3)).unwrap();
    assert_eq!(bench.found(v4).servers.len(), 1);
    assert_eq!(bench.found(v6).servers.len(), 0);
    bench.delete(v4).unwrap();
    assert_eq!(bench.look(v4), None);
    assert_eq!(bench.found(v6).service.scheduler.as_str(), "wlc");
}

pub(crate) fn mark_0_is_never_sent(bench: &mut dyn Bench) {
    let key = ServiceKey::Fwmark { family: Family::V4, mark: 0 };
    refused(bench.add(&service(key, "rr")));
    refused(bench.delete(key));
    refused(bench.add_server(key, &server(1, 1)));
    refused(bench.apply(&Change::Zero(Some(key))));
    assert_eq!(bench.snapshot().services, []);
}

pub(crate) fn a_deleted_service_takes_its_servers_along(bench: &mut dyn Bench) {
    let web = service(tcp(8110), "wlc");
    bench.farm(&web, &[1, 1, 1]);
    assert_eq!(bench.found(web.key).servers.len(), 3);
    bench.delete(web.key).unwrap();
    assert_eq!(bench.look(web.key), None);
    bench.add(&web).unwrap();
    assert_eq!(bench.found(web.key).servers, Servers::default());
}

pub(crate) fn flush_deletes_everything(bench: &mut dyn Bench) {
    bench.farm(&service(tcp(8111), "wlc"), &[1]);
    bench.farm(&service(ServiceKey::Fwmark { family: Family::V4, mark: 9 }, "rr"), &[1]);
    assert_eq!(bench.snapshot().services.len(), 2);
    bench.apply(&Change::Flush).unwrap();
    assert_eq!(bench.snapshot().services, []);
}
