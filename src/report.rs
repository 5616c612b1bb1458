//! What `ipvs-tui snapshot` writes: a [`Snapshot`](crate::snapshot::Snapshot) for people
//! ([`text()`]), for `ipvsadm -R` ([`rules()`]) and for programs ([`json()`], with the schema in
//! [`mod@json`]); what `ipvs-tui replay` prints of a recording ([`csv()`], [`changes()`]); what
//! `ipvs-tui connections` writes ([`mod@connections`]); single changes as the command lines that
//! would do the same ([`Commands`]); and what the doctor found ([`mod@doctor`]).
//!
//! Everything is numeric: no name is ever resolved. Everything is written through
//! [`std::io::Write`], so that a pipe closed at the other end is an error value and not a panic.
//! The writers buffer by themselves and flush before they return.

mod command;
pub mod connections;
pub mod doctor;
mod ipvsadm;
pub mod json;
mod pretty;
mod recorded;
mod text;

pub use command::{Commands, command, script};
pub use doctor::{json as doctor_json, text as doctor_text};
pub use ipvsadm::rules;
pub use json::{SCHEMA, json};
pub use recorded::{CSV, changes, csv};
pub use text::{rows, text};

/// A field of RFC 4180.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}
