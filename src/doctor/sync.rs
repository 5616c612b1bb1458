//! Sync daemons: settings by which no peer can match what is sent or received.

use std::net::IpAddr;

use crate::ipvs::{Daemon, DaemonRole, Family, counted};
use crate::kernel::route::Network;
use crate::snapshot::Part;

use super::evidence::Evidence;
use super::finding::{Finding, Place};
use super::keepalived::SyncDaemon;
use super::report::Found;

/// Where a daemon sends when nothing was said (`IP_VS_SYNC_GROUP`, `IP_VS_SYNC_PORT`).
const GROUP: [u8; 4] = [224, 0, 0, 81];
const PORT: u16 = 8848;

pub(super) fn check(evidence: &Evidence, found: &mut Found) {
    let daemons = match &evidence.snapshot.daemons {
        Part::Fresh(daemons) | Part::Stale { value: daemons, .. } => daemons,
        Part::Unreadable(why) => return found.unchecked(why.clone()),
    };
    if daemons.is_empty() {
        return;
    }
    match evidence.network() {
        Ok(network) => daemons.iter().for_each(|daemon| interface(network, daemon, found)),
        Err(why) => found.partly("interfaces of sync daemons", why),
    }
    if let [one, other] = daemons.as_slice() {
        pair(one, other, found);
    }
    for daemon in daemons {
        match daemon.role {
            DaemonRole::Master => version(evidence, found),
            DaemonRole::Backup => nothing_to_match(evidence, found),
        }
    }
    // What keepalived's configuration says, which its peer goes by as well.
    for (path, config) in &evidence.keepalived {
        match config.get().and_then(|config| config.daemon.as_ref()) {
            None => {}
            Some(Err(why)) => found.partly(path.clone(), why.clone()),
            Some(Ok(wanted)) => {
                daemons.iter().for_each(|daemon| compare(path, wanted, daemon, found));
            }
        }
    }
}

/// The group that a daemon speaks to.
fn group(daemon: &Daemon) -> IpAddr {
    match (daemon.group6, daemon.group) {
        (Some(group), _) => group.into(),
        (None, Some(group)) => group.into(),
        (None, None) => GROUP.into(),
    }
}

fn port(daemon: &Daemon) -> u16 {
    daemon.port.filter(|port| *port != 0).unwrap_or(PORT)
}

/// `master sync daemon: 224.0.0.81 port 8848 on eth1, id 3`.
fn told(daemon: &Daemon) -> String {
    let Daemon { role, interface, sync_id, .. } = daemon;
    let (group, port) = (group(daemon), port(daemon));
    format!("{role} sync daemon: {group} port {port} on {interface}, id {sync_id}")
}

fn interface(network: &Network, daemon: &Daemon, found: &mut Found) {
    let (role, name) = (daemon.role, &daemon.interface);
    let finding = match network.named(name) {
        None => Finding::error(format!("the {role} sync daemon's interface {name} is gone"))
            .because("Nothing is sent or received until the daemon is started anew."),
        Some(link) if link.loopback => Finding::error(format!(
            "the {role} sync daemon uses {name}, where no peer is"
        ))
        .because("Connections are not synchronised: after a failover clients have to come anew."),
        Some(link) if !link.up => Finding::error(format!(
            "the {role} sync daemon's interface {name} is down"
        ))
        .because("Connections are not synchronised: after a failover clients have to come anew."),
        Some(link) => {
            let family = Family::of(group(daemon));
            let mut held = network.addresses.iter().filter(|(on, _)| *on == link.index);
            if held.any(|(_, addr)| Family::of(*addr) == family) {
                return;
            }
            Finding::warning(format!("the {role} sync daemon's interface {name} has no address"))
                .seen(format!("no address of the family of {} on {name}", group(daemon)))
                .because("Messages are sent from an address of the interface, and peers drop them without one.")
        }
    };
    found.add(finding.seen(told(daemon)));
}

/// Both daemons here: the peer is most often set the same way, so that each hears the other.
fn pair(one: &Daemon, other: &Daemon, found: &mut Found) {
    let places = |daemon: &Daemon| (group(daemon), port(daemon));
    let finding = if places(one) != places(other) {
        Finding::warning("the two sync daemons use different groups or ports").because(
            "A peer that is set like this director sends where nobody listens. Only one that is \
             set the other way round can match.",
        )
    } else if one.sync_id != other.sync_id {
        Finding::note("the two sync daemons have different ids").because(
            "A peer that is set like this director is ignored, as the ids differ. It is right \
             where both directors are active and the peer is set the other way round.",
        )
    } else {
        return;
    };
    found.add(finding.seen(told(one)).seen(told(other)));
}

/// Message format 0 knows neither IPv6 nor firewall marks nor timeouts.
fn version(evidence: &Evidence, found: &mut Found) {
    let version = match evidence.sysctl("sync_version") {
        Ok(version) => version,
        Err(why) => return found.partly("net.ipv4.vs.sync_version", why),
    };
    if version != "0" {
        return;
    }
    let v6 = evidence.snapshot.services.iter().map(|entry| entry.service.key);
    let v6: Vec<Place> = v6.filter(|k| k.family() == Family::V6).map(Place::service).collect();
    if v6.is_empty() {
        return;
    }
    found.add(
        Finding::warning("connections of IPv6 services are not synchronised")
            .seen(format!(
                "net.ipv4.vs.sync_version = 0, {}",
                counted(v6.len() as u64, "IPv6 service")
            ))
            .at(v6)
            .because("The old message format, for kernels before 2.6.39, carries IPv4 alone.")
            .fix([super::command::ipvs_sysctl("sync_version", "1")]),
    );
}

/// Services and servers are never synchronised.
fn nothing_to_match(evidence: &Evidence, found: &mut Found) {
    if evidence.servers().next().is_some() {
        return;
    }
    let services = counted(evidence.snapshot.services.len() as u64, "service");
    found.add(
        Finding::warning("the backup sync daemon's connections match nothing here")
            .seen(format!("{services}, 0 real servers"))
            .because(
                "A sync daemon brings connections and templates, never services, servers or \
                 weights. Those have to be made here too, by keepalived or a script.",
            ),
    );
}

/// A daemon beside the one that is configured in the file at `path`.
fn compare(path: &str, wanted: &SyncDaemon, daemon: &Daemon, found: &mut Found) {
    let mut unlike = Vec::new();
    let mut differ = |what: &str, is: String, wanted: Option<String>| {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != is) {
            unlike.push(format!("{what} {is}, configured {wanted} ({path})"));
        }
    };
    differ("interface", daemon.interface.clone(), Some(wanted.interface.clone()));
    differ("id", daemon.sync_id.to_string(), wanted.id.map(|id| id.to_string()));
    differ("port", port(daemon).to_string(), wanted.port.map(|port| port.to_string()));
    differ("group", group(daemon).to_string(), wanted.group.map(|group| group.to_string()));
    if unlike.is_empty() {
        return;
    }
    let mut finding =
        Finding::warning(format!("the {} sync daemon is unlike its configuration", daemon.role))
            .seen(told(daemon))
            .because("The peer goes by the configuration: what one sends the other ignores.");
    finding.evidence.extend(unlike);
    found.add(finding);
}
