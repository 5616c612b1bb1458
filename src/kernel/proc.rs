//! The kernel through `/proc`: what it shows to anyone, without netlink and without rights.
//!
//! | file | module | brings |
//! | --- | --- | --- |
//! | `/proc/net/ip_vs` | [`table`], [`listing`] | services, servers, weights, connections |
//! | `/proc/net/ip_vs_conn` | [`conn`] | the connection table, row by row |
//! | `/proc/net/ip_vs_stats` | [`stats`] | totals and rates of the namespace |
//! | `/proc/sys/net/ipv4/vs` | [`sysctl`] | the knobs |
//! | `/proc/net/ip_vs_app` | [`app`] | which protocol helpers are loaded |
//! | `/proc/sys` | [`setting`] | other settings, one by one |
//! | `/proc/modules`, `/lib/modules` | [`modules`] | which schedulers are loaded, or can be |
//! | `/proc/PID` | [`owners`], [`failover`] | the programs that also write the table, or move addresses |
//! | `/proc/PID/root` | [`config`] | what the table's owners are configured to do |
//!
//! [`ProcReader`] makes snapshots of them. The parsers take bytes and borrow from them.

pub mod app;
mod cmdline;
pub mod config;
pub mod conn;
mod conn_file;
pub mod failover;
mod file;
pub mod listing;
pub mod modules;
pub mod owners;
mod reader;
pub mod setting;
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
pub use reader::ProcReader;
pub use text::Fault;
