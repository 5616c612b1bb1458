//! ipvs-tui, the operations console of IPVS directors. This page is the map.
//!
//! Two streams run through the house and meet in one place, the worker:
//!
//! ```text
//! read    kernel -> snapshot -> history -> model -> view
//! write   keys -> command -> plan -> worker -> kernel -> journal   (the next snapshot shows the effect)
//! ```
//!
//! | layer | modules | what for |
//! | --- | --- | --- |
//! | 6 | [`app`], [`script`], [`open`], `main` | the only `select!`; one change from a script; directors and journals as the command line names them; arguments in, exit code out |
//! | 5 | [`worker`], [`terminal`], [`cli`], [`config`] | sole owner of the kernel; claims and restores the terminal; arguments over files over defaults |
//! | 4 | [`view`] ([`theme`], [`glyphs`]), [`report`] | draws the model, in a theme of `themes/`; prints a snapshot |
//! | 3 | [`keys`] | from a key to a command |
//! | 2 | [`command`], [`model`] | the one table of commands; what the console knows, pure |
//! | 1 | [`history`], [`plan`], [`journal`], [`connections`], [`drain`], [`doctor`], [`kernel`], [`outside`], [`record`] | samples and rates; acts as values; their append-only record; who is on this director, from a sample; how far a quiesced server has emptied; mistakes that LVS guides warn of; netlink, proc and the embedded director; what others change; what the console saw, in a file and out of it |
//! | 0 | [`snapshot`], [`ipvs`] | what the kernel said at one instant; the nouns |
//!
//! A module uses only what lies below it, and of its own layer what `tests/house.rs` names, which
//! reads the sources and holds them to it. Decisions that carry the house:
//!
//! - Reading and writing meet only in the worker. The screen's thread never waits for the kernel.
//! - A console that only watches has no Writer, so no mutating command is bound or listed.
//! - A dangerous act is a value before it is an act: a plan, with what it expects to find.
//! - Edits send the whole entry, merged field by field with a fresh read, and are read back.
//! - The screen never shows hoped-for state: success is the next snapshot.
//! - Missing is not zero: what cannot be read is a dot, and so is a gap in history.
//! - A director is a value; nothing is global but the terminal's restoration.
//!
//! # What polling may cost
//!
//! A table of up to a thousand real servers is read whole every tick over netlink. Of a larger one,
//! every tick reads one dump of all services, with their counters and rates, and dumps of the
//! servers of what is on the screen, draining, or just changed; those of the others come in turn, as
//! many as a budget of CPU time leaves room for (5% of one core by default). What is not of the last
//! tick is dim and says its age.
//!
//! The connection table is never simply listed, because up to kernel 6.12 that is quadratic: it is
//! sampled on a thread of its own to a budget of CPU, see [`connections`].

pub mod app;
pub mod cli;
pub mod command;
pub mod config;
pub mod connections;
pub mod doctor;
pub mod drain;
pub mod glyphs;
pub mod history;
pub mod ipvs;
pub mod journal;
pub mod kernel;
pub mod keys;
pub mod model;
pub mod open;
pub mod outside;
pub mod plan;
pub mod record;
pub mod report;
pub mod script;
pub mod snapshot;
pub mod terminal;
pub mod theme;
pub mod view;
pub mod worker;
