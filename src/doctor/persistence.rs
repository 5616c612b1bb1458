//! What brings clients back to a server that is taken out, and what leaves them hanging.

use crate::ipvs::{Protocol, ServerKey, counted, separated};
use crate::kernel::proc::owners::OwnerKind;
use crate::snapshot::{ServerEntry, ServiceEntry};

use super::command::ipvs_sysctl;
use super::evidence::Evidence;
use super::finding::{Finding, Place};
use super::report::Found;

/// So many servers are told one by one.
const TOLD: usize = 20;

/// Templates bring the clients of a persistent service back to a server of weight 0, unless they
/// are made to expire. A server that certainly holds nothing is drained already.
pub(super) fn templates(evidence: &Evidence, found: &mut Found) {
    let services = evidence.snapshot.services.iter();
    let draining: Vec<(&ServiceEntry, &ServerEntry)> = services
        .filter(|entry| entry.service.persistent().is_some())
        .flat_map(|entry| entry.servers.iter().map(move |server| (entry, server)))
        .filter(|(_, s)| s.server.weight == 0 && holds(s))
        .collect();
    if draining.is_empty() {
        return;
    }
    match evidence.sysctl("expire_quiescent_template") {
        Err(why) => return found.unchecked(why),
        Ok("0") => {}
        Ok(_) => return,
    }
    let mut finding = Finding::warning("persistence templates keep sending clients to weight 0")
        .at(draining.iter().map(|(e, s)| Place::server(e.service.key, s.server.key)))
        .seen("net.ipv4.vs.expire_quiescent_template = 0")
        .because(
            "A client with a template goes past the scheduler to its old server, and each new \
             connection winds the template up again: the server may never get empty. With 1, such \
             a client is scheduled anew with its next connection. It counts for every service.",
        )
        .fix([ipvs_sysctl("expire_quiescent_template", "1")]);
    let more = draining.len().saturating_sub(TOLD);
    for (entry, server) in draining.into_iter().take(TOLD) {
        let held = match server.persistent {
            Some(templates) => counted(u64::from(templates), "template"),
            None => "templates not counted without rights".to_owned(),
        };
        let place = Place::server(entry.service.key, server.server.key);
        let (active, inactive) = (server.active, server.inactive);
        let drained = if evidence.is_drained(&place) { ", an open drain" } else { "" };
        finding = finding.seen(format!(
            "{place}: weight 0{drained}, {held}, {} active and {} inactive connections",
            separated(active.into()),
            separated(inactive.into())
        ));
    }
    if more > 0 {
        finding = finding.seen(format!("and {more} more"));
    }
    found.add(finding);
}

/// Whether a server has connections or templates, or may have.
fn holds(server: &ServerEntry) -> bool {
    server.active > 0 || server.inactive > 0 || server.persistent != Some(0)
}

/// `conn_reuse_mode` 0 leads a client port that was used before back to its old server, even one
/// of weight 0, and where that was deleted into nothing, unless `expire_nodest_conn` is 1. UDP has
/// no SYN to go by.
pub(super) fn reuse(evidence: &Evidence, found: &mut Found) {
    let concerned: Vec<&ServiceEntry> = evidence
        .snapshot
        .services
        .iter()
        .filter(|entry| !entry.servers.is_empty() && !entry.service.one_packet())
        .filter(|entry| entry.service.key.protocol() != Some(Protocol::UDP))
        .collect();
    if concerned.is_empty() {
        return;
    }
    let (mode, expire) =
        match (evidence.sysctl("conn_reuse_mode"), evidence.sysctl("expire_nodest_conn")) {
            (Ok(mode), Ok(expire)) => (mode, expire),
            (Err(why), _) | (_, Err(why)) => return found.unchecked(why),
        };
    if expire != "0" {
        return;
    }
    if mode == "0" {
        let quiesced = |entry: &&ServiceEntry| {
            let key = entry.service.key;
            let zero = entry.servers.iter().filter(|s| s.server.weight == 0);
            zero.map(|s| Place::server(key, s.server.key)).collect::<Vec<_>>()
        };
        let quiesced: Vec<Place> = concerned.iter().flat_map(quiesced).collect();
        let finding = Finding::warning("client ports that come back are stranded")
            .seen("net.ipv4.vs.conn_reuse_mode = 0, net.ipv4.vs.expire_nodest_conn = 0")
            .seen(counted(quiesced.len() as u64, "server at weight 0"))
            .at(quiesced)
            .because(
                "With both at 0 a new connection from a client port that is still in the table \
                 goes to its old server: one of weight 0 never gets empty, and of one that was \
                 deleted the packets vanish until the entry times out. Either setting helps.",
            )
            .fix([ipvs_sysctl("conn_reuse_mode", "1"), ipvs_sysctl("expire_nodest_conn", "1")]);
        return found.add(finding);
    }
    deleting_owner(evidence, found);
}

/// An owner that deletes failed servers leaves their clients hanging.
fn deleting_owner(evidence: &Evidence, found: &mut Found) {
    let inhibits = |server: &&ServerKey| {
        let configs = evidence.keepalived.iter().filter_map(|(_, config)| config.get());
        let mut same = configs.flat_map(|c| &c.servers).filter(|s| s.addr == server.addr);
        same.next().is_some_and(|first| first.inhibit && same.all(|s| s.inhibit))
    };
    let servers: Vec<ServerKey> = evidence.servers().map(|(_, s)| s.server.key).collect();
    let keepalived = evidence.owner(OwnerKind::Keepalived).is_some()
        && servers.iter().any(|server| !inhibits(&server));
    let ldirectord = evidence.owner(OwnerKind::Ldirectord).is_some();
    let (owner, keeps) = match (keepalived, ldirectord) {
        (true, _) => ("keepalived", "inhibit_on_failure"),
        (_, true) => ("ldirectord", "quiescent=yes"),
        _ => return,
    };
    found.add(
        Finding::note(format!("clients of a server that {owner} deletes will hang"))
            .seen("net.ipv4.vs.expire_nodest_conn = 0")
            .seen(format!(
                "{owner} runs here; unless {keeps} is configured, it deletes a server that fails"
            ))
            .because(
                "Packets of a deleted server's connections are dropped without a word until the \
                 client gives up. With 1 the connections end at once, and clients can come anew.",
            )
            .fix([ipvs_sysctl("expire_nodest_conn", "1")]),
    );
}
