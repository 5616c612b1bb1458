//! FTP: its data connections go to ports that the control connection names.

use crate::ipvs::{Forwarding, Protocol, ServiceKey, counted};
use crate::snapshot::{Part, ServiceEntry};

use super::command::ipvs_tui;
use super::evidence::Evidence;
use super::finding::{Finding, Place};
use super::report::Found;

const FTP: u16 = 21;

pub(super) fn check(evidence: &Evidence, found: &mut Found) {
    for entry in &evidence.snapshot.services {
        let ServiceKey::Endpoint { protocol: Protocol::TCP, port: FTP, .. } = entry.service.key
        else {
            continue;
        };
        helper(evidence, entry, found);
        persistence(entry, found);
    }
}

fn by(entry: &ServiceEntry, methods: &[Forwarding]) -> Vec<Place> {
    let servers = entry.servers.iter().map(|s| &s.server);
    let servers = servers.filter(|server| methods.contains(&server.forwarding));
    servers.map(|server| Place::server(entry.service.key, server.key)).collect()
}

/// Masquerading has to rewrite the address that a server tells its client.
fn helper(evidence: &Evidence, entry: &ServiceEntry, found: &mut Found) {
    let places = by(entry, &[Forwarding::Masq]);
    if places.is_empty() {
        return;
    }
    let key = entry.service.key;
    let apps = match &evidence.host.apps {
        Part::Fresh(apps) | Part::Stale { value: apps, .. } => apps,
        Part::Unreadable(why) => return found.partly(key.to_string(), why.clone()),
    };
    if apps.iter().any(|app| app.name == "ftp" && app.port == FTP) {
        return;
    }
    let servers = counted(places.len() as u64, "masqueraded server");
    found.add(
        Finding::error(format!("ip_vs_ftp is not loaded for {key}"))
            .at(places)
            .seen(format!("/proc/net/ip_vs_app lists no ftp on port {FTP}, {servers}"))
            .because(
                "An FTP server names the address and port of a data connection in its answer. \
                 Without the helper a client of masquerading is told the server's private address: \
                 it logs in, and every listing and transfer hangs.",
            )
            .fix(["modprobe ip_vs_ftp".to_owned()]),
    );
}

/// Direct routing and tunnels need the data connection to find the same server, which only a
/// template sees to.
fn persistence(entry: &ServiceEntry, found: &mut Found) {
    let places = by(entry, &[Forwarding::Route, Forwarding::Tunnel]);
    if places.is_empty() || entry.service.persistent().is_some() {
        return;
    }
    let key = entry.service.key;
    found.add(
        Finding::warning(format!("{key} is FTP without persistence"))
            .at(places)
            .seen("the service is not persistent, and its servers are not masqueraded")
            .because(
                "Passive data connections come to another port of the virtual address. IPVS takes \
                 them for this service, and to the right server, only if it is persistent.",
            )
            .fix(ipvs_tui("edit", &key, None, &["-p", "360"])),
    );
}
