//! What is fuzzed: a function for everything that reads bytes which this program has not written,
//! or which somebody may have altered since. Each takes any bytes, must not panic, and holds what
//! it says to be true of its answer:
//!
//! | target | bytes of | holds besides |
//! |---|---|---|
//! | [`netlink`] | the kernel's netlink answers | an entry sent back is read as the same |
//! | [`proc_table`] | `/proc/net/ip_vs` | printed as the kernel does, it is read as the same |
//! | [`proc_conn`] | `/proc/net/ip_vs_conn`, `_sync` | so is a row; the state and the engine's data are escaped, printed and drawn |
//! | [`proc_stats`] | `/proc/net/ip_vs_stats`, `_percpu` | so are counters |
//! | [`proc_host`] | helpers, module lists, a status, settings, keepalived.conf, passwd | the doctor's report and what the console draws steer no terminal |
//! | [`route`] | the kernel's route netlink answers | as `proc_host` |
//! | [`proc_tree`] | modules, sysctls, processes | what the console draws of them steers no terminal |
//! | [`theme`] | a theme | a style for every key at every depth, or an error with a line |
//! | [`config`] | a configuration | what is printed is read as the same; no key is bound twice |
//! | [`keymap`] | a key's name, keys pressed | a key's name is read as the same key |
//! | [`journal`] | a journal | every line is counted; a record written again is the same |
//! | [`recording`] | a recording, its checksums put right | what was played is recorded and played as the same |
//! | [`screen`] | what a kernel and an operator may name, keys pressed | as `proc_tree`, in every view |
//!
//! Of all of them: an error is one sentence, and nothing that is drawn or printed has control
//! characters, or characters that turn the direction of writing.
//!
//! Two drivers run them. `tests/fuzz.rs` alters a corpus for some seconds with any compiler.
//! libFuzzer, which learns from what the code does, needs cargo-fuzz:
//!
//! ```text
//! IPVS_TUI_FUZZ_CORPUS=tests/fuzz/corpus cargo test --test fuzz corpus    # what it begins with
//! cargo fuzz run --fuzz-dir tests/fuzz -s none journal -- -max_total_time=60
//! ```
//!
//! `-s none` leaves the address sanitizer out, for which the compiler would have to be a nightly
//! one; this program has no unsafe code of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(unreachable_pub)] // tests/fuzz.rs has all of this as a module

mod files;
mod host;
mod kernel;
mod proc;
mod record;
mod screen;
mod told;

pub use files::{config, journal, keymap, theme};
pub use host::{proc_host, route};
pub use kernel::netlink;
pub use proc::{proc_conn, proc_stats, proc_table, proc_tree};
pub use record::{Reel, about, recording};
pub use screen::screen;
