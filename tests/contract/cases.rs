//! The cases, by what they are about.

pub(crate) mod counters;
pub(crate) mod deletion;
pub(crate) mod director;
pub(crate) mod persistence;
pub(crate) mod plans;
pub(crate) mod servers;
pub(crate) mod services;
pub(crate) mod weights;
