//! The embedded director.
