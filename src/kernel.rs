//! The door to the kernel: what can be read and written, and how it fails.
//!
//! Three rooms implement [`Reader`]: `netlink` (everything, needs CAP_NET_ADMIN), `proc` (what is
//! world-readable) and `sim` (the embedded director). Netlink and sim also implement [`Writer`].
//! A read-only console holds no Writer. [`host`] tells what surrounds the table: `proc`'s files and
//! the kernel's [`route`]s; [`again`] looks a second time at what a dump left out.

pub(crate) mod advice;
pub mod again;
pub mod ahead;
pub mod check;
pub mod errno;
pub mod host;
pub mod netlink;
pub mod proc;
pub mod route;
pub mod sim;

use std::collections::BTreeSet;

use crate::ipvs::{Change, ServiceKey};
use crate::snapshot::{ServiceEntry, Snapshot};
use errno::errno_text;
use host::Host;
use route::Addresses;

/// What a poll shall bring. See "what polling may cost" in the crate's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Want {
    /// Services whose servers are wanted with counters and rates now. `None` wants all.
    /// Servers of other services that are known already are carried over as they were read last.
    pub detail: Option<BTreeSet<ServiceKey>>,
    /// Also timeouts, daemons and sysctls, which change rarely.
    pub surroundings: bool,
}

impl Want {
    /// Everything there is.
    pub fn everything() -> Self {
        Self { detail: None, surroundings: true }
    }
}

/// Reads a director. Calls block and belong on the worker's thread.
pub trait Reader: Send {
    /// Looks at the whole table.
    ///
    /// # Errors
    /// [`KernelError`] when the table itself cannot be read. Parts around it fail by themselves
    /// and are [`Part::Unreadable`](crate::snapshot::Part::Unreadable).
    fn snapshot(&mut self, want: &Want) -> Result<Snapshot, KernelError>;

    /// Reads one service with its servers from the kernel now; `None` if there is no such
    /// service. Before a write it tells what is there, after it what came of it.
    ///
    /// # Errors
    /// [`KernelError`] when the kernel cannot be asked.
    fn service(&mut self, key: &ServiceKey) -> Result<Option<ServiceEntry>, KernelError>;

    /// Begins a pass over the connection table of the calling thread's network namespace. The
    /// pass keeps to that table wherever it is read, and belongs on a thread of its own: reading
    /// can take seconds. See "what polling may cost".
    ///
    /// # Errors
    /// [`KernelError`] when the table cannot be opened.
    fn connections(&mut self) -> Result<Box<dyn Connections>, KernelError>;

    /// The same over the listing that tells where rows came from, and not what persistence
    /// engines keep: on a backup director some are synchronised from another one.
    ///
    /// # Errors
    /// As for [`connections`](Self::connections).
    fn origins(&mut self) -> Result<Box<dyn Connections>, KernelError> {
        self.connections()
    }

    /// The programs that also write this table. Looks at every process, so ask rarely.
    ///
    /// # Errors
    /// [`KernelError`] when they cannot be looked for, so that finding none would mean nothing.
    fn owners(&mut self) -> Result<Vec<proc::owners::Owner>, KernelError>;

    /// The schedulers whose code the kernel has loaded, and those that it has to load when a
    /// service asks.
    ///
    /// # Errors
    /// [`KernelError`] when that cannot be told.
    fn schedulers(&mut self) -> Result<proc::modules::Schedulers, KernelError>;

    /// The kernel's release, as `uname -r` prints it: what it can and how it counts goes by that.
    /// A director without a kernel says what it behaves like.
    fn release(&self) -> String;

    /// What surrounds the table on its machine: how the network reaches the addresses `wanted`,
    /// settings, and what the `owners` are configured to do. Ask rarely. Nothing is loaded by it.
    fn host(&mut self, wanted: &Addresses, owners: &[proc::owners::Owner]) -> Host {
        let _ = (wanted, owners);
        Host::absent("this director has no machine to look at")
    }
}

/// The running kernel's release, as `uname -r` prints it.
pub(crate) fn release() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}

/// One pass over the connection table, in pieces, so that whoever reads can count, show progress
/// and stop. Nothing holds the table still meanwhile: rows can come twice or be left out.
pub trait Connections: Send {
    /// The rows of one more read, `None` at the end. There may be none in a piece.
    ///
    /// # Errors
    /// [`KernelError`] when the kernel refuses to go on.
    fn next_rows(&mut self) -> Result<Option<proc::conn::Rows<'_>>, KernelError>;

    /// How many entries the kernel itself says the table has, where it says so. Ask once a pass;
    /// the kernel walks the table to answer.
    fn total(&mut self) -> Option<u64> {
        None
    }
}

/// Changes a director. Whoever has no Writer cannot change anything.
pub trait Writer: Send {
    /// Makes ready what can be made ready before the last reading. The kernel has no
    /// compare-and-set, so as little as possible is to lie between that reading and the write.
    ///
    /// # Errors
    /// [`KernelError`] when nothing could be sent.
    fn prepare(&mut self) -> Result<(), KernelError> {
        Ok(())
    }

    /// Sends one change. It is checked for what the kernel would swallow silently, sent, and
    /// acknowledged; reading back is the caller's (see [`crate::plan`]). Only `after` is sent:
    /// whole entries, as the kernel has no partial edit.
    ///
    /// # Errors
    /// [`KernelError`], with the service and server it was about.
    fn apply(&mut self, change: &Change) -> Result<(), KernelError>;
}

/// Why the kernel could not be read or changed, in an operator's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// IPVS is not there.
    #[error(
        "this kernel has no IPVS loaded: run 'modprobe ip_vs' as root, or try 'ipvs-tui demo' for the embedded director"
    )]
    NoIpvs,
    /// Netlink wants more rights than this process has.
    #[error(
        "{action} needs the capability CAP_NET_ADMIN in the initial user namespace: run as root or with sudo; 'ipvs-tui watch' works without it"
    )]
    NotPermitted {
        /// What was tried.
        action: String,
    },
    /// The kernel did not acknowledge: it may have done it or not.
    #[error("{subject}: the kernel did not say whether it did it ({action})")]
    NoAnswer {
        /// What was tried, as a verb.
        action: String,
        /// Which service and server.
        subject: String,
    },
    /// Refused before anything was sent, because the kernel would take it silently or fail.
    #[error("{subject}: {why}; nothing was sent")]
    Refused {
        /// Which service and server.
        subject: String,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// The kernel said no.
    #[error("{subject}: the kernel refused to {action}: {}", reason(*.errno, .text, .advice))]
    Kernel {
        /// What was tried, as a verb: "set weight 5".
        action: String,
        /// Which service and server.
        subject: String,
        /// The positive error number.
        errno: i32,
        /// The kernel's extended acknowledgement; empty if it gave none.
        text: String,
        /// What the error number means for this command; empty if nothing is known.
        advice: String,
    },
    /// The kernel's bytes make no sense.
    #[error("{what} is not understood: {detail}")]
    Malformed {
        /// Which message, attribute or file.
        what: String,
        /// What is wrong, with the place.
        detail: String,
    },
    /// The operating system failed below IPVS.
    #[error("cannot {action}: {why}")]
    System {
        /// What was tried, as a verb: "open a netlink socket".
        action: String,
        /// The operating system's reason.
        why: String,
    },
    /// What a recording tells of a reading that failed, in the words of then.
    #[error("{0}")]
    Told(String),
    /// The network namespace cannot be entered.
    #[error("network namespace '{name}' cannot be looked at: {why}")]
    Namespace {
        /// As given.
        name: String,
        /// What is wrong, and what to do.
        why: String,
    },
}

impl KernelError {
    /// A system error of the operating system with what was tried.
    pub fn system(action: impl Into<String>, error: &std::io::Error) -> Self {
        let why = error.raw_os_error().map_or_else(|| error.to_string(), errno_text);
        Self::System { action: action.into(), why }
    }

    /// A malformed message or file.
    pub fn malformed(what: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Malformed { what: what.into(), detail: detail.into() }
    }
}

fn reason(errno: i32, text: &str, advice: &str) -> String {
    let mut all = errno_text(errno);
    for more in [text, advice] {
        if !more.is_empty() {
            all.push_str("; ");
            all.push_str(more);
        }
    }
    all
}
