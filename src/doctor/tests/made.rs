//! Made-up evidence: a sound director, and what is wrong with it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crate::doctor::{Evidence, Finding, Outcome, Report, examine, wanted};
use crate::ipvs::*;
use crate::kernel::host::Host;
use crate::kernel::proc::app::App;
use crate::kernel::proc::config::Config;
use crate::kernel::proc::owners::{Owner, OwnerKind};
use crate::kernel::route::{Link, Network, Route, Rule};
use crate::snapshot::*;

pub(super) const LO: u32 = 1;
pub(super) const ETH0: u32 = 2;
pub(super) const ETH1: u32 = 3;
pub(super) const TUNL0: u32 = 4;

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn key(text: &str) -> ServiceKey {
    text.parse().unwrap()
}

/// A service with a server for each weight, at 10.1.N.2 or fd00:N::2 on the service's port.
pub(super) fn service(
    name: &str,
    scheduler: &str,
    method: Forwarding,
    weights: &[u32],
) -> ServiceEntry {
    let service = Service::new(key(name), SchedulerName::new(scheduler).unwrap());
    let port = service.key.default_server_port();
    let addr = |n| match service.key.family() {
        Family::V4 => ip(&format!("10.1.{n}.2")),
        Family::V6 => ip(&format!("fd00:{n}::2")),
    };
    let servers = (1..).zip(weights).map(|(n, weight)| {
        server_entry(Server::new(ServerKey::new(addr(n), port), method, *weight))
    });
    ServiceEntry {
        servers: servers.collect(),
        service,
        known: Known::Whole,
        stats: Some(Stats::default()),
        servers_read: Moment::default(),
        unknown: Vec::new(),
    }
}

pub(super) fn server_entry(server: Server) -> ServerEntry {
    ServerEntry {
        server,
        active: 0,
        inactive: 0,
        persistent: Some(0),
        stats: Some(Stats::default()),
        unknown: Vec::new(),
    }
}

/// The same with one more server, as `ADDRESS:PORT`.
pub(super) fn and(mut entry: ServiceEntry, server: &str, method: Forwarding) -> ServiceEntry {
    entry.servers.push(server_entry(Server::new(server.parse().unwrap(), method, 10)));
    entry.servers.sort_by_key(|s| s.server.key);
    entry
}

pub(super) fn persistent(mut entry: ServiceEntry) -> ServiceEntry {
    entry.service.flags |= ServiceFlags::PERSISTENT;
    entry.service.timeout = 300;
    entry
}

pub(super) fn keepalived() -> Owner {
    Owner {
        kind: OwnerKind::Keepalived,
        pid: Some(100),
        children: Vec::new(),
        config: None,
        same_namespace: true,
    }
}

pub(super) fn daemon(role: DaemonRole, interface: &str) -> Daemon {
    Daemon {
        role,
        interface: interface.to_owned(),
        sync_id: 1,
        max_len: None,
        group: None,
        group6: None,
        port: None,
        ttl: None,
    }
}

/// A director in the making. It begins sound: virtual addresses are local, servers are on eth0,
/// packets are forwarded, and everything could be read.
pub(super) struct Made {
    pub(super) snapshot: Snapshot,
    pub(super) network: Network,
    pub(super) settings: Vec<(String, Result<String, String>)>,
    pub(super) owners: Part<Vec<Owner>>,
    pub(super) apps: Part<Vec<App>>,
    pub(super) failover: Part<Vec<String>>,
    pub(super) configs: Vec<Config>,
    pub(super) drained: BTreeSet<(ServiceKey, ServerKey)>,
    why_blind: Option<String>,
}

impl Made {
    pub(super) fn new(mut services: Vec<ServiceEntry>) -> Self {
        services.sort_by_key(|entry| entry.service.key);
        let sysctls = [
            ("conn_reuse_mode", "1"),
            ("conntrack", "0"),
            ("expire_nodest_conn", "0"),
            ("expire_quiescent_template", "0"),
            ("run_estimation", "1"),
            ("sync_version", "1"),
        ];
        let sysctls = sysctls.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let snapshot = Snapshot {
            taken: jiff::Timestamp::UNIX_EPOCH,
            at: Moment::default(),
            took: std::time::Duration::ZERO,
            source: Source::Netlink,
            info: Part::Fresh(Info { version: 0x01_02_01, conn_tab_size: 4_096 }),
            totals: Part::Fresh(Stats::default()),
            timeouts: Part::Fresh(Timeouts::default()),
            daemons: Part::Fresh(Vec::new()),
            sysctls: Part::Fresh(sysctls.into()),
            services,
        };
        let link = |index, name: &str, kind| Link {
            index,
            name: name.to_owned(),
            up: true,
            loopback: index == LO,
            kind,
        };
        let mut links = vec![link(LO, "lo", 772), link(ETH0, "eth0", 1), link(ETH1, "eth1", 1)];
        links.push(Link { up: false, ..link(TUNL0, "tunl0", 768) });
        let asked = wanted(&snapshot);
        let direct = Route::Direct { link: ETH0, source: None };
        let routes = asked.own.iter().map(|addr| (*addr, Route::Local));
        let routes = routes.chain(asked.others.iter().map(|addr| (*addr, direct.clone())));
        let network = Network {
            links,
            addresses: vec![(LO, ip("127.0.0.1")), (ETH0, ip("10.1.0.1")), (ETH1, ip("10.9.0.1"))],
            rules: Vec::new(),
            routes: routes.collect(),
            marked: BTreeSet::new(),
            outward: Route::Via { gateway: ip("10.9.0.254"), link: ETH1, source: None },
            left_out: 0,
        };
        let mut settings = Vec::new();
        for (name, value) in [
            ("net/ipv4/ip_forward", "1"),
            ("net/ipv6/conf/all/forwarding", "1"),
            ("net/netfilter/nf_conntrack_count", "0"),
            ("net/ipv4/conf/all/rp_filter", "0"),
            ("net/ipv4/conf/all/send_redirects", "0"),
        ] {
            settings.push((name.to_owned(), Ok(value.to_owned())));
        }
        for link in ["eth0", "eth1", "tunl0"] {
            for (name, value) in [("forwarding", "1"), ("rp_filter", "0"), ("send_redirects", "0")]
            {
                let path = format!("net/ipv4/conf/{link}/{name}");
                settings.push((path, Ok(value.to_owned())));
            }
            let path = format!("net/ipv6/conf/{link}/force_forwarding");
            settings.push((path.clone(), Err(format!("there is no /proc/sys/{path}"))));
        }
        Self {
            snapshot,
            network,
            settings,
            owners: Part::Fresh(Vec::new()),
            apps: Part::Fresh(Vec::new()),
            failover: Part::Fresh(Vec::new()),
            configs: Vec::new(),
            drained: BTreeSet::new(),
            why_blind: None,
        }
    }

    pub(super) fn set(mut self, path: &str, value: &str) -> Self {
        self.settings.push((path.to_owned(), Ok(value.to_owned())));
        self
    }

    pub(super) fn unset(mut self, path: &str, why: &str) -> Self {
        self.settings.push((path.to_owned(), Err(why.to_owned())));
        self
    }

    pub(super) fn sysctl(mut self, name: &str, value: &str) -> Self {
        if let Part::Fresh(all) = &mut self.snapshot.sysctls {
            all.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    pub(super) fn route(mut self, addr: &str, route: Route) -> Self {
        self.network.routes.insert(ip(addr), route);
        self
    }

    pub(super) fn rule(mut self, mark: Option<u32>, incoming: Option<&str>) -> Self {
        let incoming = incoming.map(str::to_owned);
        self.network.rules.push(Rule { family: Family::V4, mark, incoming, table: 100 });
        self
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// keepalived with this configuration.
    pub(super) fn configured(mut self, text: &str) -> Self {
        self.owners = Part::Fresh(vec![keepalived()]);
        self.configs.push(Config {
            kind: OwnerKind::Keepalived,
            path: "/etc/keepalived/keepalived.conf".to_owned(),
            text: Part::Fresh(text.to_owned()),
        });
        self
    }

    /// Nothing but the table can be read.
    pub(super) fn blind(mut self, why: &str) -> Self {
        let why = why.to_owned();
        self.snapshot.sysctls = Part::Unreadable(why.clone());
        self.snapshot.daemons = Part::Unreadable(why.clone());
        self.snapshot.info = Part::Unreadable(why.clone());
        self.owners = Part::Unreadable(why.clone());
        self.why_blind = Some(why);
        self
    }

    pub(super) fn evidence(self) -> Evidence {
        let host = match &self.why_blind {
            Some(why) => Host::absent(why),
            None => {
                let mut host = Host::absent("it was not read");
                host.network = Part::Fresh(self.network);
                host.apps = self.apps;
                host.failover = self.failover;
                host.configs = self.configs;
                for (path, value) in &self.settings {
                    let value = value.as_ref().map(String::as_str).map_err(String::as_str);
                    host = host.with(path, value);
                }
                host
            }
        };
        Evidence::new(Arc::new(self.snapshot), self.owners, host, self.drained)
    }

    /// What is found. Whatever it is, it is told in full.
    #[track_caller]
    pub(super) fn report(self) -> Report {
        let report = examine(&self.evidence());
        for finding in &report.findings {
            assert!(!finding.what.is_empty() && !finding.what.ends_with('.'), "{finding:#?}");
            assert!(!finding.evidence.is_empty(), "no evidence: {finding:#?}");
            assert!(finding.why.ends_with('.') && !finding.why.contains("  "), "{finding:#?}");
            for command in finding.fixes.iter().flat_map(|fix| &fix.commands) {
                assert!(!command.contains('\n') && !command.is_empty(), "{finding:#?}");
            }
        }
        report
    }

    /// What `check` finds, and nothing else is looked at.
    #[track_caller]
    pub(super) fn found(self, check: &str) -> Vec<Finding> {
        let report = self.report();
        assert!(report.checks.iter().any(|checked| checked.name == check), "no check {check}");
        report.findings.into_iter().filter(|finding| finding.check == check).collect()
    }

    /// The one finding of `check`.
    #[track_caller]
    pub(super) fn one(self, check: &str) -> Finding {
        let found = self.found(check);
        let [finding] = found.as_slice() else { panic!("not one finding of {check}: {found:#?}") };
        finding.clone()
    }

    /// That `check` looked at everything and found nothing.
    #[track_caller]
    pub(super) fn passes(self, check: &str) {
        let report = self.report();
        let checked = report.checks.iter().find(|checked| checked.name == check).unwrap();
        let found: Vec<_> = report.findings.iter().filter(|f| f.check == check).collect();
        assert_eq!(checked.outcome(), Outcome::Passed, "{checked:?} {found:#?}");
    }

    /// Why `check` could not look at all or a part.
    #[track_caller]
    pub(super) fn unchecked(self, check: &str) -> Vec<(Option<String>, String)> {
        let report = self.report();
        let checked = report.checks.iter().find(|checked| checked.name == check).unwrap();
        checked.unchecked.iter().map(|u| (u.what.clone(), u.why.clone())).collect()
    }
}

/// The commands of a finding, of all its parts.
pub(super) fn commands(finding: &Finding) -> Vec<&str> {
    finding.fixes.iter().flat_map(|fix| &fix.commands).map(String::as_str).collect()
}

/// The places of a finding, as text.
pub(super) fn places(finding: &Finding) -> Vec<String> {
    finding.places.iter().map(ToString::to_string).collect()
}
