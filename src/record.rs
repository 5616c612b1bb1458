//! What the console saw, in a file and out of it: snapshots, outside changes, own plans.
//!
//! # The file
//! A line that tells what it is, then frames, each with its length and a checksum. A file that was
//! cut anywhere plays up to the last whole frame; behind a damaged one it goes on with the next
//! that begins a group.
//!
//! ```text
//! ipvs-tui recording 1\n
//! F1 kind length:u32 crc32:u32 payload        numbers little-endian; the checksum is that of kind,
//! F1 kind length:u32 crc32:u32 payload        length and payload
//! ```
//!
//! | kind | payload | holds |
//! |---|---|---|
//! | `A` | JSON | a session begins: [`About`] |
//! | `K` | taken and at, in milliseconds (i64, u64), then coded | a snapshot, whole |
//! | `D` | coded | a snapshot, as what is new against the one before |
//! | `O` | JSON | changes that this console did not make, [`Theirs`](crate::outside::Theirs) |
//! | `J` | JSON lines | the journal's scene, then its records as its own file has them |
//! | `M` | JSON | programs that also write the table, loaded schedulers, the kernel's release |
//! | `U` | JSON | a poll that failed, and why |
//! | `L` | JSON | what could not be written for a while, and why |
//! | `Z` | JSON | the session ends |
//!
//! Kinds that a program does not know it passes over. A group is a `K` with the `D`s behind it, 5
//! minutes at most at one a second. What belongs to a snapshot stands behind it.
//!
//! # Why it is coded so
//! Of 10 services x 10 servers at 1 s, an hour of differences costs 6.6 MB as bytes and 3.2 MB
//! deflated, a frame each. But the kernel's rates follow from its counters, a service's counters
//! from its servers', bytes from packets: guessed so (`meter`), only what the guess misses is
//! written, which deflated still takes 1.8 to 2.0 MB, and an adaptive range coder (`coder`) 1.1 to
//! 1.4 MB. `cargo bench --bench record` measures it.
//!
//! ```text
//! coder    numbers into few bytes, and back         frame    length and checksum; the index
//! meter    counters and rates, guessed              config   services, servers, surroundings
//! codec    a snapshot against the one before        event    what is no snapshot
//! tape     where frames go: a file, and its older parts
//! writer   Recorder: frames, groups, rotation, what could not be written
//! parts    the files that a recording is in        pages    the journal in it
//! reader   Recording: steps through them
//! player   time, speed, pause, jumps               when     times as they are typed
//! error    why it cannot be written or read
//! ```

mod codec;
mod coder;
mod config;
mod error;
mod event;
mod frame;
mod meter;
mod pages;
mod parts;
mod player;
mod reader;
mod tape;
mod when;
mod writer;

pub use codec::kept;
pub use error::{Flaw, RecordError};
pub use event::{About, Lost, Machine, Unreadable};
pub use frame::VERSION;
pub use player::{Direction, Play, Player, Playing, SPEEDS, Scene, To};
pub use reader::{Damage, Place, Recording, Step};
pub use tape::{FileTape, Tape};
pub use when::When;
pub use writer::{Limits, Recorder, Seen, Status};

#[cfg(test)]
mod tests;
