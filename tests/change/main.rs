//! Changes as an operator's scripts make them, on a real kernel: nothing is lost by a drain, to a
//! second writer, to keepalived, or to a kill in the middle of a plan.
//!
//! ```text
//! drains          four servers under load; one is drained, stopped, and no request is lost
//! load            the clients: every request is counted, with why it failed
//! second_writer   ipvsadm and the program set the same weight
//! killed          kill -9 in the middle of a plan of 200 changes
//! keepalived      a keepalived that checks the servers, and what it does to a weight set by hand
//! outside         what the console tells of keepalived and ipvsadm, and a replay of that
//! journal         what `ipvs-tui journal` says, read
//! ```
//!
//! Runs in the guest of `tests/lab/test`, one test after the other; elsewhere each test says that
//! it was left out and does nothing. ipvsadm is the judge.

#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "../common/mod.rs"]
mod common;
mod drains;
mod journal;
mod keepalived;
mod killed;
mod load;
mod outside;
mod second_writer;

use std::fmt::Display;
use std::io::Write;

/// Says something that is worth reading of a test that passes: past the harness, which keeps what
/// those print to itself.
fn tell(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
