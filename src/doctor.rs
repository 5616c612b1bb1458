//! The mistakes that LVS guides warn of, looked for on the running director. Pure: [`Evidence`]
//! goes in, a [`Report`] comes out.
//!
//! ```text
//! evidence     what is known: the table, its machine, its owners, open drains
//! finding      what was found, how grave it is, and the commands that put it right
//! report       all of it, and what could not be looked at
//! command      the commands, quoted to be pasted
//!
//! forwarding   ip_forward                     persistence  templates and ports that come back
//! address      virtual addresses              conntrack    nf_conntrack against the method
//! servers      port, segment, the director    ftp          the helper for port 21
//! weights      all at 0, or ignored           sync         connection synchronisation
//! estimator    counters that stand still      config       keepalived's own idea of weights
//! capacity     the connection table           keepalived   its configuration, read tolerantly
//! reverse      rp_filter and redirects        recipe       what the real servers need
//! ```
//!
//! A check that lacks its evidence says so and never passes in silence. Each says under which
//! conditions it is right: a false alarm teaches operators to look away.

mod address;
mod capacity;
mod command;
mod config;
mod conntrack;
mod estimator;
mod evidence;
mod finding;
mod forwarding;
mod ftp;
mod keepalived;
mod persistence;
mod recipe;
mod report;
mod reverse;
mod servers;
mod sync;
#[cfg(test)]
mod tests;
mod weights;

pub use evidence::{Evidence, gather, wanted};
pub use finding::{Finding, Fix, On, PLACES, Place, Severity};
pub use report::{Checked, Outcome, Report, Unchecked};

use report::Found;

/// One kind of mistake.
#[derive(Clone, Copy)]
pub struct Check {
    /// Its name, for people and programs.
    pub name: &'static str,
    /// What it looks for, in one line.
    pub looks_for: &'static str,
    run: fn(&Evidence, &mut Found),
}

const fn check(
    name: &'static str,
    looks_for: &'static str,
    run: fn(&Evidence, &mut Found),
) -> Check {
    Check { name, looks_for, run }
}

/// Every check, in the order in which an operator would go about it.
pub const CHECKS: &[Check] = &[
    check("forwarding", "IP forwarding off with masquerading or tunnels", forwarding::check),
    check("virtual-address", "virtual addresses that this machine does not hold", address::check),
    check(
        "on-link",
        "direct-route servers behind a gateway, servers without a route",
        servers::on_link,
    ),
    check(
        "port",
        "direct-route and tunnel servers on another port than their service",
        servers::port,
    ),
    check("self", "real servers that are the director itself", servers::itself),
    check("weight-zero", "services with every server at weight 0, or without one", weights::zero),
    check("weight-ignored", "weights that the scheduler ignores", weights::ignored),
    check(
        "config-weights",
        "weights unlike those that keepalived is configured with",
        config::weights,
    ),
    check(
        "templates",
        "templates that keep sending clients to a draining server",
        persistence::templates,
    ),
    check("reuse", "settings that strand the connections of servers taken out", persistence::reuse),
    check("estimator", "counters and rates that stand still", estimator::check),
    check("conntrack", "connection tracking against the forwarding method", conntrack::check),
    check("ftp", "FTP without its helper, or without persistence", ftp::check),
    check("sync", "sync daemons that no peer can match", sync::check),
    check("table-size", "a connection table too small for its load", capacity::check),
    check("rp-filter", "reverse-path filters that drop what comes out of tunnels", reverse::filter),
    check(
        "redirects",
        "ICMP redirects that lead masqueraded servers past the director",
        reverse::redirects,
    ),
    check("real-server", "what direct-route and tunnel servers have to be told", recipe::check),
];

/// Looks for every mistake.
pub fn examine(evidence: &Evidence) -> Report {
    Report::of(evidence, CHECKS)
}
