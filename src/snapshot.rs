//! What the kernel said at one instant. A snapshot is never edited: the next one replaces it.
//!
//! Missing is not zero: what a source cannot tell is `None` or [`Part::Unreadable`], and the
//! screen shows a dot for it.

mod servers;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::ipvs::{
    Daemon, Info, PeName, Server, ServerKey, Service, ServiceKey, Stats, Timeouts, Tunnel,
};

pub use servers::Servers;

/// A monotonic instant: the time since the director was opened, see [`Epoch`]. Steps of the wall
/// clock do not move it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub Duration);

impl Moment {
    /// How long after `earlier` this is; zero if it is not.
    pub fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment so long behind this one.
    #[must_use]
    pub fn after(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }
}

/// When a director was opened: what its moments are counted from. They go on while the machine
/// sleeps (`CLOCK_BOOTTIME`, Linux 2.6.39), as ages and lines of values have to.
#[derive(Clone, Copy, Debug)]
pub struct Epoch(Duration);

impl Epoch {
    /// Counts from now on.
    pub fn now() -> Self {
        Self(clock(ClockId::Boottime))
    }

    /// How long ago that was.
    pub fn elapsed(self) -> Moment {
        Moment(clock(ClockId::Boottime).saturating_sub(self.0))
    }
}

/// How long this machine has slept since it was started. It does not while it runs.
pub fn slept() -> Duration {
    // In this order it is never more than it was.
    let whole = clock(ClockId::Boottime);
    whole.saturating_sub(clock(ClockId::Monotonic))
}

/// What a clock of this machine shows.
pub fn clock(id: ClockId) -> Duration {
    let time = clock_gettime(id);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Where a snapshot came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The kernel over generic netlink: everything.
    Netlink,
    /// The kernel through `/proc/net`: no rates, thresholds, scheduler flags, engine or tunnel.
    Proc,
    /// The embedded director.
    Demo,
}

/// A part of the snapshot that is read by itself and may fail by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part<T> {
    /// Read with this snapshot.
    Fresh(T),
    /// Carried over from an earlier reading.
    Stale {
        /// What was read then.
        value: T,
        /// When that was.
        read: Moment,
    },
    /// Could not be read; the sentence says why.
    Unreadable(String),
}

impl<T> Part<T> {
    /// The value, fresh or stale.
    pub fn get(&self) -> Option<&T> {
        match self {
            Self::Fresh(value) | Self::Stale { value, .. } => Some(value),
            Self::Unreadable(_) => None,
        }
    }

    /// Fresh if `result` is a value, unreadable with its sentence if it is an error.
    pub fn from_result<E: std::fmt::Display>(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Fresh(value),
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }
}

/// How much of a service's and its servers' configuration the source could tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Known {
    /// Everything (netlink, the embedded director).
    Whole,
    /// What `/proc/net/ip_vs` prints. Everything else in [`Service`] and [`Server`] holds a
    /// default that must be neither shown nor written: the accessors of [`ServiceEntry`] return
    /// `None` for it. Bypass reads as `Masq` there, and a fwmark's family is a guess.
    Listed,
}

/// An attribute that this program does not know. Never discard what the kernel said: it is kept
/// and shown by number, so that a newer kernel does not go unnoticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownAttribute {
    /// Its number in its nest (`IPVS_SVC_ATTR_*`, `IPVS_DEST_ATTR_*`).
    pub number: u16,
    /// Its bytes as they came.
    pub bytes: Vec<u8>,
}

/// A real server with its connections and counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerEntry {
    /// Its configuration.
    pub server: Server,
    /// Active connections now; live, not stepped. UDP never counts as active.
    pub active: u32,
    /// Inactive connections now.
    pub inactive: u32,
    /// Persistence templates now; `None` from `/proc`.
    pub persistent: Option<u32>,
    /// Counters and rates; `None` from `/proc`.
    pub stats: Option<Stats>,
    /// What else the kernel said of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<UnknownAttribute>,
}

/// A virtual service with its real servers, in ipvsadm's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceEntry {
    /// Its configuration; see [`Known`] for what of it holds.
    pub service: Service,
    /// How much of the configuration was read.
    pub known: Known,
    /// Counters and rates; `None` from `/proc`.
    pub stats: Option<Stats>,
    /// Its servers, sorted by key.
    pub servers: Servers,
    /// When the servers were read. Polling in tiers reads some services less often.
    pub servers_read: Moment,
    /// What else the kernel said of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<UnknownAttribute>,
}

impl ServiceEntry {
    /// The server with this key.
    pub fn server(&self, key: &ServerKey) -> Option<&ServerEntry> {
        let found = self.servers.binary_search_by(|s| s.server.key.cmp(key)).ok()?;
        self.servers.get(found)
    }

    /// The persistence engine: `None` unread, `Some(None)` without one.
    pub fn pe(&self) -> Option<Option<&PeName>> {
        self.whole().then_some(self.service.pe.as_ref())
    }

    /// Persistence timeout in seconds: `None` if unread (`/proc` prints jiffies of unknown
    /// length), `Some(None)` if not persistent.
    pub fn persistent(&self) -> Option<Option<u32>> {
        let persistent = self.service.persistent();
        (self.whole() || persistent.is_none()).then_some(persistent)
    }

    /// The scheduler's flags in ipvsadm's words, if they were read.
    pub fn scheduler_flags(&self) -> Option<Vec<&'static str>> {
        self.whole().then(|| self.service.scheduler_flags())
    }

    /// Upper and lower threshold of one of its servers, if they were read.
    pub fn thresholds(&self, server: &ServerEntry) -> Option<(u32, u32)> {
        let server = &server.server;
        self.whole().then_some((server.upper_threshold, server.lower_threshold))
    }

    /// Tunnel attributes of one of its servers, if they were read.
    pub fn tunnel(&self, server: &ServerEntry) -> Option<Tunnel> {
        self.whole().then_some(server.server.tunnel)
    }

    /// Active connections of all its servers.
    pub fn active(&self) -> u64 {
        self.servers.iter().map(|s| u64::from(s.active)).sum()
    }

    /// Inactive connections of all its servers.
    pub fn inactive(&self) -> u64 {
        self.servers.iter().map(|s| u64::from(s.inactive)).sum()
    }

    fn whole(&self) -> bool {
        self.known == Known::Whole
    }
}

/// The `net.ipv4.vs.*` sysctls by name, values as the kernel prints them, trimmed.
pub type Sysctls = BTreeMap<String, String>;

/// What the kernel said at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When the reading began, by the wall clock.
    pub taken: Timestamp,
    /// When the reading began, monotonic.
    pub at: Moment,
    /// How long the reading took.
    pub took: Duration,
    /// Who told it.
    pub source: Source,
    /// Version and table size.
    pub info: Part<Info>,
    /// Totals of the network namespace.
    pub totals: Part<Stats>,
    /// Protocol timeouts.
    pub timeouts: Part<Timeouts>,
    /// Synchronisation daemons, none to two.
    pub daemons: Part<Vec<Daemon>>,
    /// The `net.ipv4.vs` sysctls.
    pub sysctls: Part<Sysctls>,
    /// The virtual services, sorted by key.
    pub services: Vec<ServiceEntry>,
}

impl Snapshot {
    /// The service with this key.
    pub fn service(&self, key: &ServiceKey) -> Option<&ServiceEntry> {
        let found = self.services.binary_search_by(|s| s.service.key.cmp(key)).ok()?;
        self.services.get(found)
    }

    /// A real server by its service's key and its own.
    pub fn server(&self, service: &ServiceKey, server: &ServerKey) -> Option<&ServerEntry> {
        self.service(service)?.server(server)
    }

    /// How long before this snapshot the servers were read that were not read for longest.
    pub fn oldest(&self) -> Duration {
        self.services.iter().map(|s| self.at.since(s.servers_read)).max().unwrap_or_default()
    }

    /// Whether the kernel's estimator runs, as far as the sysctls tell. When it does not, every
    /// counter and rate stands still.
    pub fn estimator_off(&self) -> bool {
        let Some(sysctls) = self.sysctls.get() else { return false };
        sysctls.get("run_estimation").is_some_and(|v| v == "0")
            || sysctls.get("est_cpulist").is_some_and(String::is_empty)
    }
}
