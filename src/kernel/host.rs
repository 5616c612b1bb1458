//! What surrounds the table on its machine: the network, the settings beside IPVS's own, and the
//! programs that move addresses. Everything here is readable without rights, and nothing is loaded
//! by reading it.

use std::collections::BTreeMap;

use super::proc::app::App;
use super::proc::config::Config;
use super::proc::owners::Owner;
use super::proc::{ProcRoot, app, config, failover, setting};
use super::route::{Addresses, Network};
use crate::snapshot::Part;

/// What surrounds the table. Each part may be unreadable by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Interfaces, addresses and routes.
    pub network: Part<Network>,
    /// Protocol helpers that IPVS has loaded, such as FTP's.
    pub apps: Part<Vec<App>>,
    /// Programs that move addresses from one machine to another, by name.
    pub failover: Part<Vec<String>>,
    /// The configuration files of the owners of the table.
    pub configs: Vec<Config>,
    settings: BTreeMap<String, Result<String, String>>,
    why_not: String,
}

impl Host {
    /// A director of which nothing but its table is known; why, as a sentence.
    pub fn absent(why: &str) -> Self {
        let why = why.to_owned();
        Self {
            network: Part::Unreadable(why.clone()),
            apps: Part::Unreadable(why.clone()),
            failover: Part::Unreadable(why.clone()),
            configs: Vec::new(),
            settings: BTreeMap::new(),
            why_not: why,
        }
    }

    /// Looks around, in the network namespace of the calling thread.
    pub fn read(root: &ProcRoot, wanted: &Addresses, owners: &[Owner]) -> Self {
        let network = Part::from_result(Network::read(wanted));
        let mut host = Self {
            apps: Part::from_result(app::read(root)),
            failover: Part::from_result(failover::find(root)),
            configs: owners.iter().filter_map(|owner| config::read(root, owner)).collect(),
            network,
            settings: BTreeMap::new(),
            why_not: "it was not read".to_owned(),
        };
        for name in host.names() {
            let value = setting::read(root, &name);
            host.settings.insert(name, value);
        }
        host
    }

    /// The same with a setting as given, for made-up hosts.
    #[must_use]
    pub fn with(mut self, name: &str, value: Result<&str, &str>) -> Self {
        let value = value.map(str::to_owned).map_err(str::to_owned);
        self.settings.insert(name.to_owned(), value);
        self
    }

    /// A setting below `/proc/sys`, by its path there (`net/ipv4/ip_forward`), trimmed.
    ///
    /// # Errors
    /// Why it is not known, as a sentence.
    pub fn setting(&self, path: &str) -> Result<&str, String> {
        match self.settings.get(path) {
            Some(Ok(value)) => Ok(value),
            Some(Err(why)) => Err(why.clone()),
            None => Err(self.why_not.clone()),
        }
    }

    /// The settings that matter: of all interfaces together, and of those that packets pass.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = [
            "net/ipv4/ip_forward",
            "net/ipv4/conf/all/rp_filter",
            "net/ipv4/conf/all/send_redirects",
            "net/ipv6/conf/all/forwarding",
            "net/netfilter/nf_conntrack_count",
        ]
        .map(str::to_owned)
        .into();
        let Some(network) = self.network.get() else { return names };
        let routes = network.routes.values().chain([&network.outward]);
        let mut passed: Vec<u32> = routes.filter_map(super::route::Route::link).collect();
        passed.extend(network.links.iter().filter(|l| l.is_tunnel()).map(|l| l.index));
        passed.sort_unstable();
        passed.dedup();
        for link in passed.into_iter().filter_map(|index| network.link(index)) {
            let name = &link.name;
            for setting in ["forwarding", "rp_filter", "send_redirects"] {
                names.push(format!("net/ipv4/conf/{name}/{setting}"));
            }
            names.push(format!("net/ipv6/conf/{name}/force_forwarding"));
        }
        names
    }
}
