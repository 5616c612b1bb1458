//! The arguments of what changes the table from scripts, with ipvsadm's letters where they mean
//! the same.

use std::net::IpAddr;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::value::{
    Flags, Mask, ServerName, address, endpoint, flags, host, mark, mask, pe, persistence, reason,
    scheduler, tunnel_kind, weight,
};
use super::{JournalOptions, namespace};
use crate::ipvs::{PeName, SchedulerName, TunnelKind};
use crate::journal::{Id, Then};
use crate::kernel::netlink::Namespace;
use crate::model::span;
use crate::plan::WeightEdit;

const CODES: &str = "\
SERVICE is -t, -u, --sctp-service or -f. Addresses are numeric; IPv6 stands in brackets before a \
port.

Exit codes:
  0  done, or nothing to do
  1  the kernel, the system or the journal failed; no such service or server
  2  the command line, a value or a configuration file is wrong
  3  refused: it is dangerous, and --yes was not given
  4  conflict: someone else has changed what this is about
  5  the time is up";

/// What changes the table.
#[derive(Debug, Subcommand)]
pub enum Change {
    /// Set the weight of real servers.
    #[command(after_help = CODES, override_usage =
        "ipvs-tui weight [OPTIONS] -w WEIGHT SERVICE -r RS:PORT\n       \
         ipvs-tui weight [OPTIONS] -w WEIGHT HOST")]
    Weight {
        /// 12, a step as +5 or -3, 50% of what it is, or "share 25%" of its service.
        #[arg(short, long, allow_hyphen_values = true)]
        weight: WeightEdit,
        /// Which servers.
        #[command(flatten)]
        target: TargetOptions,
        /// How it is done.
        #[command(flatten)]
        common: Common,
    },
    /// Set weight 0: no new clients but those of persistence templates.
    ///
    /// With --wait until the servers may be stopped. 'drain' does the same and begins a drain in
    /// the journal, which every console follows.
    #[command(after_help = CODES, override_usage =
        "ipvs-tui quiesce [OPTIONS] SERVICE -r RS:PORT\n       \
         ipvs-tui quiesce [OPTIONS] HOST")]
    Quiesce {
        /// What is set along with it.
        #[command(flatten)]
        offers: Offers,
        /// Which servers.
        #[command(flatten)]
        target: TargetOptions,
        /// How it is done.
        #[command(flatten)]
        common: Common,
    },
    /// Set weight 0 and follow the servers until they may be stopped.
    ///
    /// The drain is written down in the journal: it outlives this program, every console follows
    /// it, and 'restore' gives the weights back. With --wait this program follows it too and ends
    /// when the servers may be stopped, or when the time is up; then it carries out --then.
    /// Without --wait, a console that is open when the time is up carries it out, and nobody else.
    /// Interrupted, it leaves the drain as it is.
    #[command(after_help = CODES, override_usage =
        "ipvs-tui drain [OPTIONS] SERVICE -r RS:PORT\n       \
         ipvs-tui drain [OPTIONS] HOST")]
    Drain {
        /// What happens when the time is up before the servers may be stopped: weight 0 stays,
        /// the weights come back, or the servers are deleted with what connections they have.
        #[arg(long, value_name = "keep|restore|delete", default_value = "keep", value_parser = then)]
        then: Then,
        /// What is set along with it.
        #[command(flatten)]
        offers: Offers,
        /// Which servers.
        #[command(flatten)]
        target: TargetOptions,
        /// How it is done.
        #[command(flatten)]
        common: Common,
    },
    /// Give servers the weights back that they had before they were drained or quiesced.
    ///
    /// What was set until restored is taken back too. A ramp is made by this program, which ends
    /// with it; each of its steps is written down, and one undo takes all of them back.
    #[command(after_help = CODES, override_usage =
        "ipvs-tui restore [OPTIONS] SERVICE -r RS:PORT\n       \
         ipvs-tui restore [OPTIONS] HOST")]
    Restore {
        /// Over this time, in steps of 2s or more, and wait for the last one.
        #[arg(long, value_name = "TIME", value_parser = span)]
        ramp: Option<Duration>,
        /// Which servers.
        #[command(flatten)]
        target: TargetOptions,
        /// How it is done.
        #[command(flatten)]
        common: Common,
    },
    /// Set the scheduler of a service.
    #[command(after_help = CODES, override_usage = "ipvs-tui scheduler [OPTIONS] SERVICE NAME")]
    Scheduler {
        /// The scheduler: rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos, ...
        #[arg(value_name = "NAME", value_parser = scheduler)]
        name: SchedulerName,
        /// Scheduler flags with commas, or none; without it they stay as they are.
        #[arg(short = 'b', long = "sched-flags", value_name = "FLAGS", value_parser = flags)]
        flags: Option<Flags>,
        /// Which service.
        #[command(flatten)]
        service: ServiceOptions,
        /// How it is done.
        #[command(flatten)]
        common: Common,
    },
    /// Add a service, or a real server to one.
    ///
    /// A real server's port is the one that is typed, and the service's where none is. (ipvsadm
    /// puts the service's in its place for direct routing and tunnels.)
    #[command(after_help = CODES, override_usage =
        "ipvs-tui add [OPTIONS] SERVICE -s NAME [-p [SECONDS]] [-M MASK] [-o] [--pe NAME] [-b FLAGS]\n       \
         ipvs-tui add [OPTIONS] SERVICE -r RS[:PORT] [-g|-i|-m] [-w N] [-x N] [-y N]")]
    Add {
        /// Which service.
        #[command(flatten)]
        service: ServiceOptions,
        /// A real server of it.
        #[arg(short = 'r', long = "real-server", value_name = "RS[:PORT]", value_parser = address)]
        server: Option<ServerName>,
        /// What is set of a service.
        #[command(flatten)]
        of_service: ServiceFields,
        /// What is set of a real server.
        #[command(flatten)]
        of_server: ServerFields,
        /// How it is done.
        #[command(flatten)]
        common: Common,
    },
    /// Edit a service, or a real server of one: only what is given changes.
    #[command(after_help = CODES, override_usage =
        "ipvs-tui edit [OPTIONS] SERVICE [-s NAME] [-p [SECONDS]] [-M MASK] [-o] [--pe NAME] [-b FLAGS]\n       \
         ipvs-tui edit [OPTIONS] SERVICE -r RS[:PORT] [-g|-i|-m] [-w N] [-x N] [-y N]")]
    Edit {
        /// Which service.
        #[command(flatten)]
        service: ServiceOptions,
        /// A real server of it.
        #[arg(short = 'r', long = "real-server", value_name = "RS[:PORT]", value_parser = address)]
        server: Option<ServerName>,
        /// What is set of a service.
        #[command(flatten)]
        of_service: ServiceFields,
        /// What is taken away from a service.
        #[command(flatten)]
        without: Without,
        /// What is set of a real server.
        #[command(flatten)]
        of_server: ServerFields,
        /// How it is done.
        #[command(flatten)]
        common: Common,
    },
    /// Delete real servers, or a service with its servers.
    ///
    /// A host is deleted from every service that has it, whatever the port, protocol or mark.
    #[command(after_help = CODES, override_usage =
        "ipvs-tui delete [OPTIONS] SERVICE [-r RS:PORT]\n       \
         ipvs-tui delete [OPTIONS] HOST")]
    Delete {
        /// Which servers.
        #[command(flatten)]
        target: TargetOptions,
        /// How it is done.
        #[command(flatten)]
        common: Common,
    },
    /// Take a change of the journal back; to take an undo back is to make the change again.
    #[command(after_help = CODES)]
    Undo {
        /// The entry, as 'ipvs-tui journal' names it; the default is the last on this table that
        /// can be taken back.
        id: Option<Id>,
        /// How it is done.
        #[command(flatten)]
        common: Common,
    },
}

/// One virtual service.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Service")]
pub struct ServiceOptions {
    /// Which.
    #[command(flatten)]
    pub(super) one: OneService,
    /// The IPv6 service of that mark.
    #[arg(short = '6', long, conflicts_with_all = ["tcp", "udp", "sctp"])]
    pub(super) ipv6: bool,
}

#[derive(Clone, Debug, Args)]
#[group(multiple = false)]
pub(super) struct OneService {
    /// A TCP service.
    #[arg(short = 't', long = "tcp-service", value_name = "VIP:PORT", value_parser = endpoint)]
    pub(super) tcp: Option<(IpAddr, u16)>,
    /// A UDP service.
    #[arg(short = 'u', long = "udp-service", value_name = "VIP:PORT", value_parser = endpoint)]
    pub(super) udp: Option<(IpAddr, u16)>,
    /// An SCTP service.
    #[arg(long = "sctp-service", value_name = "VIP:PORT", value_parser = endpoint)]
    pub(super) sctp: Option<(IpAddr, u16)>,
    /// The service of a firewall mark, a decimal number.
    #[arg(short, long = "fwmark-service", value_name = "MARK", value_parser = mark)]
    pub(super) fwmark: Option<u32>,
}

/// Real servers.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Service")]
pub struct TargetOptions {
    /// Every real server with this address, whatever its service, port, protocol or mark.
    #[arg(value_name = "HOST", value_parser = host, help_heading = None,
        conflicts_with_all = ["tcp", "udp", "sctp", "fwmark", "ipv6", "server"])]
    pub(super) host: Option<IpAddr>,
    /// The service.
    #[command(flatten)]
    pub(super) service: ServiceOptions,
    /// A real server of it; without a port, the service's.
    #[arg(short = 'r', long = "real-server", value_name = "RS:PORT", value_parser = address)]
    pub(super) server: Option<ServerName>,
}

/// What is set of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "A service's values")]
pub struct ServiceFields {
    /// The scheduler: rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos, ...
    #[arg(short = 's', long, value_name = "NAME", value_parser = scheduler, conflicts_with = "server")]
    pub scheduler: Option<SchedulerName>,
    /// Clients stick to their server for so long, in seconds; 300 when none is given.
    #[arg(short = 'p', long, value_name = "SECONDS", value_parser = persistence, num_args = 0..=1,
        conflicts_with = "server")]
    pub persistent: Option<Option<u32>>,
    /// Groups clients for persistence: an IPv4 mask, or the length of a prefix.
    #[arg(short = 'M', long, value_name = "MASK", value_parser = mask, conflicts_with = "server")]
    pub netmask: Option<Mask>,
    /// Every packet is scheduled by itself, of UDP.
    #[arg(short = 'o', long, conflicts_with = "server")]
    pub ops: bool,
    /// The persistence engine: sip.
    #[arg(long, value_name = "NAME", value_parser = pe, conflicts_with = "server")]
    pub pe: Option<PeName>,
    /// Scheduler flags with commas: sh-fallback, sh-port, mh-fallback, mh-port, flag-1 to flag-3;
    /// or none.
    #[arg(short = 'b', long = "sched-flags", value_name = "FLAGS", value_parser = flags,
        conflicts_with = "server")]
    pub flags: Option<Flags>,
}

/// What is taken away from a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
pub struct Without {
    /// Clients stick no more.
    #[arg(long = "no-persistent", id = "no_persistent", conflicts_with_all = ["server", "persistent"])]
    pub persistent: bool,
    /// Packets belong to connections again.
    #[arg(long = "no-ops", id = "no_ops", conflicts_with_all = ["server", "ops"])]
    pub ops: bool,
    /// No persistence engine.
    #[arg(long = "no-pe", id = "no_pe", conflicts_with_all = ["server", "pe"])]
    pub pe: bool,
}

/// What is set of a real server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "A real server's values")]
pub struct ServerFields {
    /// Direct routing, which a new server has when nothing is given.
    #[arg(short = 'g', long = "gatewaying", group = "method")]
    pub route: bool,
    /// By a tunnel.
    #[arg(short = 'i', long = "ipip", group = "method")]
    pub tunnel: bool,
    /// Masquerading.
    #[arg(short = 'm', long = "masquerading", group = "method")]
    pub masq: bool,
    /// The weight, 1 for a new server when none is given.
    #[arg(short = 'w', long, value_name = "N", value_parser = weight)]
    pub weight: Option<u32>,
    /// Connections at which it counts as overloaded; 0 for no limit.
    #[arg(short = 'x', long = "u-threshold", value_name = "N")]
    pub upper: Option<u32>,
    /// Connections below which it does no more; 0 for three quarters of the other.
    #[arg(short = 'y', long = "l-threshold", value_name = "N")]
    pub lower: Option<u32>,
    /// ipip, gue or gre.
    #[arg(long, value_name = "TYPE", value_parser = tunnel_kind)]
    pub tun_type: Option<TunnelKind>,
    /// The UDP port of gue.
    #[arg(long, value_name = "PORT")]
    pub tun_port: Option<u16>,
    /// No checksum in the outer header.
    #[arg(long, group = "checksum")]
    pub tun_nocsum: bool,
    /// A checksum in the outer header.
    #[arg(long, group = "checksum")]
    pub tun_csum: bool,
    /// Remote checksum offload.
    #[arg(long, group = "checksum")]
    pub tun_remcsum: bool,
}

/// What can be set until restored, along with weight 0.
#[derive(Clone, Copy, Debug, Args)]
pub struct Offers {
    /// Also set sh-fallback or mh-fallback until restored, where the hash would refuse clients.
    #[arg(long)]
    fallback: bool,
    /// Also set net.ipv4.vs.expire_quiescent_template until restored, where templates bring
    /// clients back. It counts for every service of the network namespace.
    #[arg(long)]
    expire_quiescent: bool,
}

impl Offers {
    /// The keys of the offers that are taken; see [`crate::plan::Offer`].
    pub(super) fn taken(self) -> Vec<char> {
        let all = [('f', self.fallback), ('e', self.expire_quiescent)];
        all.into_iter().filter_map(|(key, taken)| taken.then_some(key)).collect()
    }
}

/// How a change is made.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "How")]
pub struct Common {
    /// Print what would be done, with ipvsadm's commands and the dangers, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do it although it is dangerous.
    #[arg(long)]
    pub(super) yes: bool,
    /// Why it is done, for the journal.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub(super) reason: Option<String>,
    /// Wait until it is done: for a journal that is locked by another change and, when servers
    /// are drained or quiesced, until they may be stopped.
    #[arg(long)]
    pub(super) wait: bool,
    /// Wait so long at most, such as 90s, 10m, 1h30m. 10s for a lock when it is not given; a
    /// drain has all the time.
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(super) timeout: Option<Duration>,
    /// Print one JSON document, of schema ipvs-tui/change/1.
    #[arg(long)]
    pub(super) json: bool,
    /// In another network namespace: a name of `ip netns`, or a path.
    #[arg(long, value_name = "NAME|PATH", value_parser = namespace, conflicts_with = "demo")]
    pub(super) netns: Option<Namespace>,
    /// Where it is written down.
    #[command(flatten)]
    pub(super) journal: JournalOptions,
    /// On an embedded director that ends with this program.
    #[arg(long, hide = true)]
    pub(super) demo: bool,
    /// What that looks like.
    #[command(flatten)]
    pub(super) of: Hidden,
}

/// [`DemoOptions`], hidden.
#[derive(Clone, Debug, Args)]
pub(super) struct Hidden {
    #[arg(long, default_value = "web", hide = true)]
    pub(super) scenario: crate::kernel::sim::Scenario,
    #[arg(long, default_value_t = 1, hide = true)]
    pub(super) seed: u64,
}

fn then(text: &str) -> Result<Then, String> {
    [Then::Keep, Then::Restore, Then::Delete]
        .into_iter()
        .find(|then| then.to_string() == text)
        .ok_or_else(|| "write keep, restore or delete".to_owned())
}
