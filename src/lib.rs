//! The console of an IPVS director.
pub mod ipvs;
pub mod kernel;
pub mod snapshot;
