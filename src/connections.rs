//! The connection table: bounded samples of it, what they tell of the whole, and how sure that is.
//!
//! ```text
//! budget   how much of a core this may take, and so when the next pass begins
//! talk     what the console asks of whoever reads, and what it is told
//! take     one pass: to its end, to its budget, or until it is called off
//! cost     what pages cost, whether that grows, and so what a whole pass would cost
//! sample   the rows of a pass, held in 16 bytes each
//! lane     what many rows have in common, and which server of the table they belong to
//! placement   the same for the lanes of a whole pass
//! scale    from a count in the sample to one in the table, with its error
//! survey   a sample, placed in the table of services that was there
//! scope    whose rows are looked at
//! filter   which of them
//! term     how a filter's terms are written
//! group    rows by client, network, server, service or state
//! hold     what keeps a drain from ending
//! signs    trouble that the rows tell of
//! stage    how far a connection is, over all protocols          net      networks of clients
//! ```
//!
//! Up to kernel 6.12 reading the whole table is quadratic: a hundred thousand rows take seconds of
//! CPU, a million tens of minutes. So it is read to a budget, and what is held is a sample, which
//! is good for shares and no list of everything. A table that fits into the budget is read whole,
//! and its numbers are exact.

mod budget;
mod cost;
mod filter;
mod group;
mod hold;
mod lane;
mod net;
mod placement;
mod sample;
mod scale;
mod scope;
mod signs;
mod stage;
mod survey;
mod take;
mod talk;
pub mod term;
#[cfg(test)]
mod tests;

pub use budget::{Budget, Ledger};
pub use cost::{Cost, Expected, Shape};
pub use filter::{Filter, Sieve};
pub use group::{By, Group, Key, group};
pub use hold::{Holding, holding};
pub use lane::{Claims, Lane, Place, Places, Taker, is_shared};
pub use net::Net;
pub use placement::Placement;
pub use sample::{Holder, Row, Rows};
pub use scale::{Estimate, Scale, Share, Tally, USUAL, strict};
pub use scope::Scope;
pub use signs::{About, Sign};
pub use stage::Stage;
pub use survey::{Survey, Total};
pub use take::{Clock, End, Limits, Passed, Still, Under, take};
pub use talk::{Attention, Errand, Progress, Told, Wish};
