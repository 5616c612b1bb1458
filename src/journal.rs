//! Who changed what, when, why, and what came of it: an append-only file that feeds undo, the
//! audit, and drains that outlive the console.
//!
//! # The file
//! JSON lines. One record a line, each with the format's version, each on the disk (fsync)
//! before the call that wrote it returns; only of plans of more than 16 changes, steps are synced
//! by sixteens. Nothing is ever overwritten or cut off.
//!
//! ```text
//! {"journal":1,"record":"intent","id":"vb2k0","time":"2026-11-21T03:49:00.25Z","plan":{...},...}
//! {"journal":1,"record":"step","id":"vb2k0","index":0,"outcome":"made","change":{...}}
//! {"journal":1,"record":"step","id":"vb2k0","index":1,"outcome":"refused","why":"..."}
//! {"journal":1,"record":"end","id":"vb2k0","time":"...","made":1,"already":0,"refused":1,"unknown":0}
//! ```
//!
//! | record | written | holds |
//! |---|---|---|
//! | `intent` | before anything is sent to the kernel | [`Intent`]: who, where, why, the plan |
//! | `step` | after each change | [`Step`]: the change as it was written, or why it was not |
//! | `end` | after the last | [`End`]: how many steps there are, so that a lost one is noticed |
//! | `outside` | when someone else's change is seen | [`Outside`] |
//! | `drain_started`, `drain_ended` | around a drain | [`DrainStarted`], [`DrainEnded`] |
//!
//! Fields will be added to a record without a new version, and readers pass over those they do
//! not know. A line of another version is counted as one that this program cannot read.
//!
//! # What is known after a crash
//! Steps are written one at a time, and a change is not tried before the step of the one before
//! it is written. So wherever a process was killed, at most one change of a plan is in doubt:
//!
//! ```text
//! intent | step 0 | step 1 | killed ...       change    0     1     2        3
//!                                             state     made  made  unknown  not tried
//! ```
//!
//! A line that was torn by a crash, a full disk or a hand is reported with its number, and takes
//! no other line along: whoever appends next begins a line of its own.
//!
//! # Several writers
//! The journal is locked (`flock` on `FILE.lock`) from an intent to its end, and for the moment of
//! any other record. So two consoles and a script share one journal, and their plans never
//! interleave. Readers take no lock.
//!
//! ```text
//! id        short names that are never given twice      place    where the file is, opened safely
//! author    who writes, and on which table              lock     one plan at a time
//! record    what is written down                        line     a record as a line, and back
//! writer    Journal: intent, steps, end                 store    append, sync, reserve
//! reader    lines -> History                            entry    an intent and what came of it
//! text      History for people                          drain    a drain and its plans
//! json      History for programs                        book     both sides in one hand
//! ```

mod author;
mod book;
mod drain;
mod entry;
mod error;
mod id;
mod json;
mod line;
mod lock;
mod place;
mod reader;
mod record;
mod store;
mod text;
mod writer;

pub use author::{Author, Operator, Scene};
pub use book::{Book, News};
pub use drain::Drain;
pub use entry::{Doubt, Entry, State, Undone};
pub use error::JournalError;
pub use id::{Id, IdError};
pub use json::{SCHEMA, json, write_fragment};
pub use line::{Flaw, MAX_LINE, Record, VERSION};
pub use lock::{Holder, holder};
pub use place::Place;
pub use reader::{Damage, History, MOST_DAMAGES, Noticed, read, read_from, read_last};
pub use record::{
    DrainEnd, DrainEnded, DrainStarted, Drained, End, Intent, Kind, Left, Outside, Step,
    StepOutcome, Tally, Then,
};
pub use store::Store;
pub use text::{acts, clean, text};
pub use writer::{Act, Clock, Ending, Journal, Order, Terms, Written};
