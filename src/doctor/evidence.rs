//! What the checks rest on.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::ipvs::{DaemonRole, Forwarding, ServerKey, ServiceKey};
use crate::kernel::Reader;
use crate::kernel::host::Host;
use crate::kernel::proc::owners::{Owner, OwnerKind};
use crate::kernel::route::{Addresses, Network};
use crate::snapshot::{Part, ServerEntry, ServiceEntry, Snapshot};

use super::finding::Place;
use super::keepalived::{self, Keepalived};

/// Everything that is known of a director at one instant.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The table.
    pub snapshot: Arc<Snapshot>,
    /// Who else writes it.
    pub owners: Part<Vec<Owner>>,
    /// Its machine.
    pub host: Host,
    /// Servers that an open drain of the journal is about.
    pub drained: BTreeSet<(ServiceKey, ServerKey)>,
    /// What keepalived is configured to do, by the path of the file.
    pub(super) keepalived: Vec<(String, Part<Keepalived>)>,
}

/// The addresses that a table asks its network for.
pub fn wanted(snapshot: &Snapshot) -> Addresses {
    let keys = snapshot.services.iter().map(|entry| entry.service.key);
    let own = keys.filter_map(|key| match key {
        ServiceKey::Endpoint { addr, .. } => Some(addr),
        ServiceKey::Fwmark { .. } => None,
    });
    let servers = snapshot.services.iter().flat_map(|entry| &entry.servers);
    let others = servers.map(|entry| entry.server.key.addr);
    let named = |addr: &IpAddr| !addr.is_unspecified();
    Addresses { own: own.filter(named).collect(), others: others.filter(named).collect() }
}

/// Looks at the machine around a table that was just read, whose owners are known. Costs about as
/// much as a poll, so do it rarely. `drained` are the servers of open drains.
pub fn gather(
    reader: &mut dyn Reader,
    snapshot: Arc<Snapshot>,
    owners: Part<Vec<Owner>>,
    drained: BTreeSet<(ServiceKey, ServerKey)>,
) -> Evidence {
    let known = owners.get().map_or(&[][..], Vec::as_slice);
    let host = reader.host(&wanted(&snapshot), known);
    Evidence::new(snapshot, owners, host, drained)
}

impl Evidence {
    /// Puts together what was read.
    pub fn new(
        snapshot: Arc<Snapshot>,
        owners: Part<Vec<Owner>>,
        host: Host,
        drained: BTreeSet<(ServiceKey, ServerKey)>,
    ) -> Self {
        let configs = host.configs.iter().filter(|config| config.kind == OwnerKind::Keepalived);
        let keepalived = configs
            .map(|config| {
                let read = match &config.text {
                    Part::Fresh(text) | Part::Stale { value: text, .. } => {
                        Part::Fresh(keepalived::parse(text))
                    }
                    Part::Unreadable(why) => Part::Unreadable(why.clone()),
                };
                (config.path.clone(), read)
            })
            .collect();
        Self { snapshot, owners, host, drained, keepalived }
    }

    /// Every server with its service.
    pub(super) fn servers(&self) -> impl Iterator<Item = (&ServiceEntry, &ServerEntry)> {
        let services = self.snapshot.services.iter();
        services.flat_map(|entry| entry.servers.iter().map(move |server| (entry, server)))
    }

    /// Every server that packets leave this machine for, by one of these methods. One that is
    /// known to be this machine itself is left out.
    pub(super) fn forwarded<'a>(
        &'a self,
        methods: &'a [Forwarding],
    ) -> impl Iterator<Item = (&'a ServiceEntry, &'a ServerEntry)> {
        self.servers().filter(move |(_, entry)| {
            methods.contains(&entry.server.forwarding)
                && self.is_own(entry.server.key.addr) != Some(true)
        })
    }

    /// Whether an address is this machine's own, if that is known.
    pub(super) fn is_own(&self, addr: IpAddr) -> Option<bool> {
        self.network().ok()?.is_own(addr)
    }

    /// The machine's network, or why it is not known.
    pub(super) fn network(&self) -> Result<&Network, &str> {
        match &self.host.network {
            Part::Fresh(network) | Part::Stale { value: network, .. } => Ok(network),
            Part::Unreadable(why) => Err(why),
        }
    }

    /// A sysctl of IPVS, or why it is not known.
    pub(super) fn sysctl(&self, name: &str) -> Result<&str, String> {
        match &self.snapshot.sysctls {
            Part::Fresh(all) | Part::Stale { value: all, .. } => all
                .get(name)
                .map(String::as_str)
                .ok_or_else(|| format!("net.ipv4.vs.{name} was not read")),
            Part::Unreadable(why) => Err(why.clone()),
        }
    }

    /// The owner of this kind, if one was found.
    pub(super) fn owner(&self, kind: OwnerKind) -> Option<&Owner> {
        self.owners.get()?.iter().find(|owner| owner.kind == kind)
    }

    /// Whether an open drain is about this server.
    pub(super) fn is_drained(&self, place: &Place) -> bool {
        place.server.is_some_and(|server| self.drained.contains(&(place.service, server)))
    }

    /// Whether a sync daemon runs in this role, if that is known.
    pub(super) fn syncs(&self, role: DaemonRole) -> Option<bool> {
        Some(self.snapshot.daemons.get()?.iter().any(|daemon| daemon.role == role))
    }
}
