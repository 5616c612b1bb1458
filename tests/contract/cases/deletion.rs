//! What becomes of connections and statistics when a server or a service is deleted.

use std::time::Duration;

use crate::bench::*;
use Outcome::Served;

/// Longer than the estimator's period.
const ESTIMATED: Duration = Duration::from_millis(4_500);

pub(crate) fn connections_of_a_deleted_server_stall_and_come_back(bench: &mut dyn Bench) {
    let key = tcp(8501);
    bench.farm(&service(key, "rr"), &[7]);
    assert_eq!(bench.connect(1, &key), Served(1));
    assert!(bench.talk(1, &key));
    bench.delete_server(key, &server(1, 7)).unwrap();
    assert!(!bench.talk(1, &key), "dropped without a word");
    assert_eq!(bench.connect(2, &key), Outcome::Refused);
    bench.add_server(key, &server(1, 3)).unwrap();
    let entry = bench.server(key, 1);
    assert_eq!((entry.server.weight, entry.active), (3, 1), "the new weight, the old connection");
    assert!(bench.talk(1, &key), "it resumes");
}

pub(crate) fn statistics_continue_with_the_service_and_restart_with_a_new_one(
    bench: &mut dyn Bench,
) {
    let key = tcp(8502);
    let web = service(key, "rr");
    bench.farm(&web, &[1]);
    bench.spread(key, 0..3);
    bench.wait(ESTIMATED);
    let connections =
        |bench: &mut dyn Bench| bench.server(key, 1).stats.unwrap().counters.connections;
    assert_eq!(connections(bench), 3);

    bench.delete_server(key, &server(1, 1)).unwrap();
    bench.add_server(key, &server(1, 1)).unwrap();
    assert_eq!((connections(bench), bench.server(key, 1).active), (3, 3), "continue");

    bench.delete(key).unwrap();
    bench.farm(&web, &[1]);
    assert_eq!((connections(bench), bench.server(key, 1).active), (0, 3), "restart");
    assert_eq!(bench.found(key).stats.unwrap().counters.connections, 0);
    bench.connect(9, &key);
    bench.wait(ESTIMATED);
    assert_eq!(connections(bench), 1);
}

pub(crate) fn expire_nodest_conn_ends_connections(bench: &mut dyn Bench) {
    let key = tcp(8503);
    bench.farm(&service(key, "rr"), &[1]);
    assert_eq!(bench.connect(1, &key), Served(1));
    bench.sysctl("expire_nodest_conn", "1").unwrap();
    bench.delete_server(key, &server(1, 1)).unwrap();
    bench.wait(Duration::from_millis(500));
    assert!(!bench.talk(1, &key));
    bench.add_server(key, &server(1, 1)).unwrap();
    let entry = bench.server(key, 1);
    assert_eq!((entry.active, entry.inactive), (0, 0), "nothing came back");
}
