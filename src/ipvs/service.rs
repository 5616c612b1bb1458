//! A virtual service: everything the kernel stores of it that an edit must send back.

use std::fmt;
use std::net::Ipv4Addr;

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

use super::scheduler::check_module_name;
use super::{Family, SchedulerName, ServiceKey};

bitflags! {
    /// Flag bits of a service (`IP_VS_SVC_F_*`). Bits without a name are kept.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
    pub struct ServiceFlags: u32 {
        /// Clients stick to their server for [`Service::timeout`].
        const PERSISTENT = 0x1;
        /// Owned by the kernel and set on every read: left out when comparing.
        const HASHED = 0x2;
        /// Every UDP packet is scheduled by itself (`ops`).
        const ONE_PACKET = 0x4;
        /// Scheduler flag 1: `sh-fallback` or `mh-fallback`.
        const SCHED1 = 0x8;
        /// Scheduler flag 2: `sh-port` or `mh-port`.
        const SCHED2 = 0x10;
        /// Scheduler flag 3, without a name in any scheduler so far.
        const SCHED3 = 0x20;
        const _ = !0;
    }
}

impl ServiceFlags {
    /// The three bits that belong to the scheduler.
    pub const SCHED: Self = Self::SCHED1.union(Self::SCHED2).union(Self::SCHED3);
}

/// How persistence and source hashing group clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Netmask {
    /// An IPv4 mask. The kernel does not ask that it be contiguous.
    V4(Ipv4Addr),
    /// An IPv6 prefix length, 1 to 128.
    V6(u8),
}

impl Netmask {
    /// Every client by itself: what a service has when no mask was given.
    pub fn host(family: Family) -> Self {
        match family {
            Family::V4 => Self::V4(Ipv4Addr::BROADCAST),
            Family::V6 => Self::V6(128),
        }
    }

    /// Whether this is the mask of single clients.
    pub fn is_host(self) -> bool {
        matches!(self, Self::V4(Ipv4Addr::BROADCAST) | Self::V6(128))
    }

    /// The family that the mask fits.
    pub fn family(self) -> Family {
        match self {
            Self::V4(_) => Family::V4,
            Self::V6(_) => Family::V6,
        }
    }
}

impl fmt::Display for Netmask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(mask) => fmt::Display::fmt(mask, f),
            Self::V6(prefix) => fmt::Display::fmt(prefix, f),
        }
    }
}

/// The name of a persistence engine (`sip`): 1 to 15 printable bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PeName(String);

impl PeName {
    /// Checks and keeps `name`.
    ///
    /// # Errors
    /// A sentence, when the name is empty, longer than 15 bytes or not printable.
    pub fn new(name: &str) -> Result<Self, String> {
        check_module_name("persistence engine", name)?;
        Ok(Self(name.to_owned()))
    }

    /// The name as the kernel spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for PeName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::new(&name)
    }
}

impl From<PeName> for String {
    fn from(name: PeName) -> Self {
        name.0
    }
}

impl fmt::Display for PeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A virtual service as configured, without its servers and counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// What names it.
    pub key: ServiceKey,
    /// Its scheduler; `none` when it has none.
    pub scheduler: SchedulerName,
    /// Its flags.
    pub flags: ServiceFlags,
    /// Persistence timeout in seconds. Stored, and to be sent back, even when not persistent.
    pub timeout: u32,
    /// Groups clients for persistence. Stored, and to be sent back, even when not persistent.
    pub netmask: Netmask,
    /// The persistence engine. An edit that leaves it out removes it.
    pub pe: Option<PeName>,
}

impl Service {
    /// A service without persistence or flags.
    pub fn new(key: ServiceKey, scheduler: SchedulerName) -> Self {
        let netmask = Netmask::host(key.family());
        Self { key, scheduler, flags: ServiceFlags::empty(), timeout: 0, netmask, pe: None }
    }

    /// Persistence timeout in seconds, if the service is persistent.
    pub fn persistent(&self) -> Option<u32> {
        self.flags.contains(ServiceFlags::PERSISTENT).then_some(self.timeout)
    }

    /// Whether every packet is scheduled by itself.
    pub fn one_packet(&self) -> bool {
        self.flags.contains(ServiceFlags::ONE_PACKET)
    }

    /// Whether new clients of a weight-0 server are refused: `dh` always, `sh` and `mh` when
    /// the fallback flag (scheduler flag 1) is not set.
    pub fn refuses_at_zero(&self) -> bool {
        let refuses = self.scheduler.known().is_some_and(|s| s.refuses_at_zero);
        let falls_back =
            self.scheduler.as_str() != "dh" && self.flags.contains(ServiceFlags::SCHED1);
        refuses && !falls_back
    }

    /// The scheduler's flags in ipvsadm's words (`sh-fallback`, `mh-port`, `flag-3`).
    pub fn scheduler_flags(&self) -> Vec<&'static str> {
        let name = |bit: ServiceFlags| match (self.scheduler.as_str(), bit) {
            ("sh", ServiceFlags::SCHED1) => "sh-fallback",
            ("sh", ServiceFlags::SCHED2) => "sh-port",
            ("mh", ServiceFlags::SCHED1) => "mh-fallback",
            ("mh", ServiceFlags::SCHED2) => "mh-port",
            (_, ServiceFlags::SCHED1) => "flag-1",
            (_, ServiceFlags::SCHED2) => "flag-2",
            _ => "flag-3",
        };
        [ServiceFlags::SCHED1, ServiceFlags::SCHED2, ServiceFlags::SCHED3]
            .into_iter()
            .filter(|bit| self.flags.contains(*bit))
            .map(name)
            .collect()
    }

    /// Whether both are configured alike, the kernel's own `HASHED` bit aside.
    pub fn same_config(&self, other: &Self) -> bool {
        let bare = |s: &Self| Self { flags: s.flags - ServiceFlags::HASHED, ..s.clone() };
        bare(self) == bare(other)
    }
}
