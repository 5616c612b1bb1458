//! What the tests of the program share: a console in a terminal of its own, and the program run
//! in a pipe.
//!
//! ```text
//! console   starts the program in a pty, types, resizes, signals, waits for the screen
//! screen    a screen as lines of text, and its rows as values
//! lab       the guest's director, its table as ipvsadm sees it
//! ```
//!
//! Nothing here sleeps for a fixed time: what a test waits for is a condition on the screen.

#![allow(dead_code, unused_imports, unreachable_pub)] // each test uses its part
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing, clippy::print_stderr)]

mod console;
pub mod lab;
mod screen;

pub use console::{Console, Launch, key, sequences};
pub use screen::{Row, Screen};

use std::process::{Command, Stdio};
use std::time::Duration;

/// The program under test: the one that the lab has put into its guest, or this build's.
pub fn program() -> String {
    std::env::var("IPVS_TUI_BIN").unwrap_or_else(|_| env!("CARGO_BIN_EXE_ipvs-tui").to_owned())
}

/// Whether this is the lab's guest, with a kernel of our own.
pub fn in_lab() -> bool {
    std::env::var_os("IPVS_TUI_LAB").is_some()
}

/// How long a screen may take: an emulated machine is some ten times slower.
pub fn patience() -> Duration {
    Duration::from_secs(if in_lab() { 40 } else { 12 })
}

/// What a program that has ended left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs `command` to its end with nothing on standard input.
pub fn run(command: &mut Command) -> Ran {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| {
        panic!("{} cannot be run: {e}", command.get_program().to_string_lossy())
    });
    Ran {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("standard output is text"),
        err: String::from_utf8(output.stderr).expect("standard error is text"),
    }
}

/// Runs `ipvs-tui` with these arguments, without a terminal, and without the tester's settings.
pub fn ipvs_tui(arguments: &[&str]) -> Ran {
    run(Command::new(program()).args(arguments).env("XDG_CONFIG_HOME", "/nonexistent"))
}
