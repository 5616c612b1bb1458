//! The clock, from outside: tests never sleep.

use std::time::{Duration, Instant};

/// A clock that can be waited on.
pub trait Time {
    /// Since it was made. Never goes back.
    fn now(&self) -> Duration;

    /// Waits.
    fn sleep(&mut self, time: Duration);
}

/// The machine's.
#[derive(Clone, Copy, Debug)]
pub struct Real(Instant);

impl Real {
    /// Begins now.
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Default for Real {
    fn default() -> Self {
        Self::new()
    }
}

impl Time for Real {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&mut self, time: Duration) {
        std::thread::sleep(time);
    }
}
