//! Who else changes the table: what two readings differ in, less what this console made itself.
//!
//! The kernel tells no one of a change, so it is found by comparing one reading with the last.
//! Only what both really told is compared: `/proc` leaves out half of the configuration, and of a
//! large table most is carried over from one reading to the next.
//!
//! ```text
//! watch    readings and own changes in, what others did out
//! table    the configuration as it was read last, compared with a newer reading
//! theirs   a change that this console did not make, and which other program wrote it down
//! flap     weights that go back and forth
//! log      what was seen: the last changes, how many, which rows they were on
//! ```

mod flap;
mod log;
mod table;
mod theirs;
mod watch;

pub use flap::{FLAPS, Flap, WINDOW};
pub use log::{KEPT, Log};
pub use theirs::{By, Theirs, by};
pub use watch::Watch;
