//! What does not come back.

use super::*;

#[test]
fn deleting_a_server_tells_what_becomes_of_its_connections() {
    let mut snapshot = director("wlc", &[1, 1]);
    let first = |snapshot: &Snapshot| told(&delete(snapshot, 0), snapshot).remove(0);
    let text = |fate| {
        format!(
            "10.1.0.2:80 leaves TCP 10.0.0.1:80 and its 7 connections {fate}; its statistics come \
             back only if it is added again while some of them last"
        )
    };
    let unread = "stall without a word, or are reset if expire_nodest_conn is 1, which could not \
                  be read";
    assert_eq!(first(&snapshot), (Level::Ask, text(unread)));
    with_sysctl(&mut snapshot, "expire_nodest_conn", "0");
    let stall = "stall without a word (expire_nodest_conn is 0)";
    assert_eq!(first(&snapshot), (Level::Ask, text(stall)));
    with_sysctl(&mut snapshot, "expire_nodest_conn", "1");
    let reset = "are reset, at once or with the next packet on kernels before 5.10 \
                 (expire_nodest_conn is 1)";
    assert_eq!(first(&snapshot), (Level::Ask, text(reset)));
    (snapshot.services[0].servers[0].active, snapshot.services[0].servers[0].inactive) = (0, 0);
    let idle = "10.1.0.2:80 leaves TCP 10.0.0.1:80 without connections; its statistics do not \
                come back unless it is added again within two minutes";
    assert_eq!(first(&snapshot), (Level::Ask, idle.to_owned()));
}

#[test]
fn deleting_a_service_is_told_once_for_all_its_servers() {
    let mut snapshot = director("wlc", &[1, 1]);
    with_sysctl(&mut snapshot, "expire_nodest_conn", "0");
    let plan = Plan::delete_service(&snapshot.services[0]);
    let text = "TCP 10.0.0.1:80 leaves with 2 real servers and its 14 connections stall without a \
                word (expire_nodest_conn is 0); its statistics do not come back even when it is \
                added again";
    assert_eq!(told(&plan, &snapshot), one(Level::Type, text));
    for server in &mut snapshot.services[0].servers {
        (server.active, server.inactive) = (0, 0);
    }
    let text = "TCP 10.0.0.1:80 leaves with 2 real servers; its statistics do not come back even \
                when it is added again";
    assert_eq!(told(&plan, &snapshot), one(Level::Ask, text));
}

#[test]
fn what_cannot_be_taken_back_is_told() {
    let snapshot = director("wlc", &[1, 1]);
    let flush = Plan::one(Change::Flush);
    let text = "everything leaves: 1 virtual service, 2 real servers and 14 connections; this \
                cannot be taken back";
    assert_eq!(told(&flush, &snapshot), one(Level::Type, text));
    let text = "every counter starts anew from 0 and cannot be put back";
    assert_eq!(told(&Plan::zero(None), &snapshot), one(Level::Ask, text));
    let text = "the counters of TCP 10.0.0.1:80 and of its real servers start anew from 0 and \
                cannot be put back";
    let zero = Plan::zero(Some(snapshot.services[0].service.key));
    assert_eq!(told(&zero, &snapshot), one(Level::Ask, text));
}
