//! What the console asks of whoever reads the connection table, and what it is told.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::budget::Budget;
use super::scale::Estimate;
use super::survey::Survey;
use crate::kernel::KernelError;

/// How closely the table is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Attention {
    /// It is not on the screen: now and then, for the signs of trouble.
    #[default]
    Aside,
    /// It is.
    Close,
}

/// How the table is to be sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Wish {
    /// How closely.
    pub attention: Attention,
    /// What that may cost.
    pub budget: Budget,
    /// Whether it is asked where rows came from, instead of what persistence engines keep.
    pub origins: bool,
}

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Errand {
    /// Samples, as wished for.
    Sample(Wish),
    /// A pass over the whole table, whatever it costs.
    Whole,
    /// No whole pass after all.
    CallOff,
    /// The names of these clients.
    Names(Vec<IpAddr>),
}

/// How far a whole pass is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rows that were read.
    pub rows: u64,
    /// Rows that there are, as the last sample tells.
    pub of: Option<Estimate>,
    /// Since it began.
    pub wall: Duration,
}

/// What is told.
#[derive(Clone, Debug)]
pub enum Told {
    /// A sample.
    Sample(Arc<Survey>),
    /// A whole pass goes on.
    Under(Progress),
    /// It is through.
    Whole(Arc<Survey>),
    /// It was called off.
    CalledOff,
    /// The table cannot be read.
    Unreadable(KernelError),
    /// Names of clients; `None` for those that have none, or none in time. Not trustworthy, and
    /// escaped: whoever runs a client's network chooses them.
    Names(Vec<(IpAddr, Option<String>)>),
}
