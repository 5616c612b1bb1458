//! The kernel through `/proc`: what it shows to anyone, without netlink and without rights.
//!
//! | file | module | brings |
//! | --- | --- | --- |
//! | `/proc/net/ip_vs` | [`table`], [`listing`] | services, servers, weights, connections |
//! | `/proc/net/ip_vs_conn` | [`conn`] | the connection table, row by row |
//! | `/proc/net/ip_vs_stats` | [`stats`] | totals and rates of the namespace |
//! | `/proc/sys/net/ipv4/vs` | [`sysctl`] | the knobs |
//! | `/proc/modules` | [`modules`] | which schedulers are loaded |
//! | `/proc/PID` | [`owners`] | the programs that also write the table |
//!
//! [`ProcReader`] makes snapshots of them, and the cheap tick that keeps a netlink reader's table
//! up to date between its dumps. The parsers take bytes and borrow from them.

mod cmdline;
pub mod conn;
mod conn_file;
mod file;
pub mod listing;
pub mod modules;
pub mod owners;
mod reader;
pub mod stats;
pub mod sysctl;
pub mod table;
mod text;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use conn_file::ConnFile;
pub use file::ProcRoot;
pub use listing::Changed;
pub use reader::ProcReader;
pub use text::Fault;
