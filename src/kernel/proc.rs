//! The kernel through `/proc`.
