//! The schedulers: their names as the kernel knows them, and what each does with weights.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What is known of a scheduler (`net/netfilter/ipvs/ip_vs_*.c`, 6.1 to 7.3).
#[derive(Debug, PartialEq, Eq)]
pub struct Scheduler {
    /// The kernel's name, as `ipvsadm -s` takes it.
    pub name: &'static str,
    /// What it does, in one line.
    pub doc: &'static str,
    /// Whether a weight other than 0 matters to it.
    pub weighs: bool,
    /// Whether new clients of a weight-0 server are refused instead of moved elsewhere, unless
    /// a fallback flag is set (sh, mh) or at all (dh).
    pub refuses_at_zero: bool,
}

const fn scheduler(
    name: &'static str,
    doc: &'static str,
    weighs: bool,
    refuses_at_zero: bool,
) -> Scheduler {
    Scheduler { name, doc, weighs, refuses_at_zero }
}

/// Every scheduler of the mainline kernel, in the order of ipvsadm's manual.
pub const SCHEDULERS: &[Scheduler] = &[
    scheduler("rr", "round robin: in turn, whatever the weight", false, false),
    scheduler("wrr", "weighted round robin: as often as the weight asks", true, false),
    scheduler("lc", "least connections, whatever the weight", false, false),
    scheduler("wlc", "least connections for its weight", true, false),
    scheduler("lblc", "by destination address, away from overloaded servers", true, false),
    scheduler("lblcr", "by destination address, to a set of servers", true, false),
    scheduler("dh", "hash of the destination address, no fallback", false, true),
    scheduler("sh", "hash of the source address over 256 slots", true, true),
    scheduler("sed", "shortest expected delay: (active + 1) / weight", true, false),
    scheduler("nq", "an idle server, else the shortest expected delay", true, false),
    scheduler("fo", "failover: the highest weight takes everything", true, false),
    scheduler("ovf", "overflow: the weight is a capacity, highest first", true, false),
    scheduler("mh", "Maglev hash of the source address", true, true),
    scheduler("twos", "power of two random choices by weight", true, false),
];

/// The name of a scheduler: 1 to 15 printable bytes without white space (kernel: 15 and a NUL).
///
/// Names that the table does not know are kept, as kernels carry schedulers of their own.
/// `none` is the kernel's word for a service without a scheduler.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SchedulerName(Cow<'static, str>);

impl SchedulerName {
    /// The kernel's word for a service without a scheduler.
    pub const NONE: Self = Self(Cow::Borrowed("none"));

    /// Checks and keeps `name`; known names cost no allocation.
    ///
    /// # Errors
    /// A sentence, when the name is empty, longer than 15 bytes or not printable.
    pub fn new(name: &str) -> Result<Self, String> {
        if let Some(known) = SCHEDULERS.iter().find(|s| s.name == name) {
            return Ok(Self(Cow::Borrowed(known.name)));
        }
        check_module_name("scheduler", name)?;
        Ok(Self(Cow::Owned(name.to_owned())))
    }

    /// The name as the kernel spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is known of it, if it is one of the mainline kernel's.
    pub fn known(&self) -> Option<&'static Scheduler> {
        SCHEDULERS.iter().find(|s| s.name == self.0)
    }
}

/// The kernel's rule for scheduler and persistence engine names, which become module names.
pub(super) fn check_module_name(kind: &str, name: &str) -> Result<(), String> {
    if name.is_empty() || name.len() > 15 || !name.bytes().all(|b| b.is_ascii_graphic()) {
        let shown = name.escape_default();
        return Err(format!("'{shown}' is no {kind} name: 1 to 15 printable characters"));
    }
    Ok(())
}

impl TryFrom<String> for SchedulerName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        Self::new(&name)
    }
}

impl From<SchedulerName> for String {
    fn from(name: SchedulerName) -> Self {
        name.0.into_owned()
    }
}

impl fmt::Display for SchedulerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SchedulerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
