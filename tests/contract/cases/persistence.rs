//! Persistence templates, which pass the scheduler by.

use ipvs_tui::ipvs::{Netmask, Service};

use crate::bench::*;
use Outcome::Served;

/// A persistent service with two servers, on which client 1 has a template; and on which server.
fn with_template(bench: &mut dyn Bench, port: u16) -> u8 {
    bench.farm(&persistent(service(tcp(port), "rr"), 60), &[1, 1]);
    match bench.connect(1, &tcp(port)) {
        Served(number) => number,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn a_template_passes_weight_0_by(bench: &mut dyn Bench) {
    let key = tcp(8401);
    let number = with_template(bench, 8401);
    assert_eq!(bench.server(key, number).persistent, Some(1));
    bench.set_weight(key, number, 0);
    for _ in 0..4 {
        assert_eq!(bench.connect(1, &key), Served(number), "back where the template says");
    }
    for client in 2..6 {
        assert_eq!(bench.connect(client, &key), Served(3 - number), "without a template");
    }
    let entry = bench.server(key, number);
    assert_eq!((entry.active, entry.persistent), (5, Some(1)));
    assert_eq!(bench.server(key, 3 - number).persistent, Some(4));
}

pub(crate) fn expire_quiescent_template_ends_that(bench: &mut dyn Bench) {
    let key = tcp(8402);
    let number = with_template(bench, 8402);
    bench.sysctl("expire_quiescent_template", "1").unwrap();
    assert_eq!(bench.connect(1, &key), Served(number), "its server still has a weight");
    bench.set_weight(key, number, 0);
    assert_eq!(bench.connect(1, &key), Served(3 - number));
    assert!(bench.talk(1, &key));
    bench.set_weight(key, number, 1);
    assert_eq!(bench.connect(1, &key), Served(3 - number), "the new template holds");
}

pub(crate) fn the_netmask_groups_clients(bench: &mut dyn Bench) {
    let key = tcp(8403);
    let grouped = Service {
        netmask: Netmask::V4([255, 255, 255, 0].into()),
        ..persistent(service(key, "rr"), 60)
    };
    bench.farm(&grouped, &[1, 1]);
    let first = tally(&bench.spread(key, 0x100..0x108));
    let second = tally(&bench.spread(key, 0x200..0x208));
    assert_eq!((first.len(), second.len()), (1, 1), "one server a group");
    assert_ne!(first.keys().next(), second.keys().next(), "rr gives the next group the other");
    let entry = bench.found(key);
    let templates: u32 = entry.servers.iter().filter_map(|server| server.persistent).sum();
    assert_eq!(templates, 2);
}

pub(crate) fn without_persistence_templates_are_not_asked(bench: &mut dyn Bench) {
    let key = tcp(8404);
    let number = with_template(bench, 8404);
    bench.edit(&service(key, "rr")).unwrap();
    let met = tally(&(0..4).map(|_| bench.connect(1, &key)).collect::<Vec<_>>());
    assert_eq!(met, [(Served(1), 2), (Served(2), 2)].into());
    assert_eq!(bench.server(key, number).persistent, Some(1), "it lives on");
    bench.edit(&persistent(service(key, "rr"), 60)).unwrap();
    assert_eq!(bench.connect(1, &key), Served(number), "and is asked again");
}
