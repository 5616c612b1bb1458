//! The nouns of IPVS: pure values that every other layer speaks.
//!
//! Names follow the field ([`ipvsadm(8)`] and the kernel's `uapi/linux/ip_vs.h`). Nothing here
//! reads a clock, a file or a socket. Everything serialises, because the journal and recordings
//! store these values.
//!
//! [`ipvsadm(8)`]: https://manpages.debian.org/ipvsadm

mod change;
mod connection;
mod director;
mod key;
mod scheduler;
mod server;
mod service;
mod shell;
mod stats;
mod table;
mod words;

pub use change::Change;
pub use connection::{ConnState, Connection, EngineData, Origin, Target};
pub use director::{Daemon, DaemonRole, Info, Timeouts};
pub use key::{Family, KeyError, Protocol, ServerKey, ServiceKey};
pub use scheduler::{SCHEDULERS, Scheduler, SchedulerName};
pub use server::{Forwarding, MAX_WEIGHT, Server, Tunnel, TunnelKind};
pub use service::{Netmask, PeName, Service, ServiceFlags};
pub use shell::shell;
pub use stats::{Counters, Rates, Stats};
pub use table::{larger_table, wants_newer_kernel};
pub use words::{counted, duration, separated, span};
