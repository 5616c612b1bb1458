//! The wall: a screen that nobody types at turns through the services and views by itself. A key
//! holds it where it is, for as long as somebody seems to be there; what they leave open or frozen
//! holds it for longer, but not for ever.

use std::time::Duration;

use super::Model;
use crate::command::View;
use crate::snapshot::Moment;

/// After a key it turns no sooner than this.
const SOMEBODY: Duration = Duration::from_secs(60);

/// What was left open is closed so long after the last key, and a frozen screen goes on: whoever
/// looks from across the room shall see the present.
const LEFT: Duration = Duration::from_secs(5 * 60);

/// A screen that turns by itself.
#[derive(Clone, Copy, Debug)]
pub struct Wall {
    every: Duration,
    due: Option<Moment>,
    /// When somebody was there last.
    touched: Option<Moment>,
}

impl Wall {
    /// One that turns so often.
    pub fn new(every: Duration) -> Self {
        Self { every, due: None, touched: None }
    }

    /// How often it turns.
    pub fn every(&self) -> Duration {
        self.every
    }
}

impl Model {
    /// A key or the mouse: somebody is there.
    pub(super) fn somebody(&mut self) {
        if let Some(wall) = &mut self.wall {
            wall.due = Some(self.now.after(wall.every.max(SOMEBODY)));
            wall.touched = Some(self.now);
        }
    }

    /// Nobody is there any more: what is open is closed, as Esc would, and the screen goes on.
    fn tidy_up(&mut self) {
        if self.prompt.is_some() {
            self.close(); // takes back a filter that was half typed
        }
        self.help = None;
        if self.frozen.is_some() {
            self.freeze();
        }
    }

    /// Time passes: turns if it is time to, and nothing is open.
    pub(super) fn turn_wall(&mut self) {
        let now = self.now;
        let Some(wall) = &mut self.wall else { return };
        if wall.touched.take_if(|touched| now.since(*touched) >= LEFT).is_some() {
            self.tidy_up();
        }
        let Some(wall) = &mut self.wall else { return };
        let due = *wall.due.get_or_insert(self.now.after(wall.every));
        if self.now < due || self.prompt.is_some() || self.help.is_some() {
            return;
        }
        wall.due = Some(self.now.after(wall.every));
        if self.view == View::Services && self.detail.is_none() && self.rows.turn_page() {
            return;
        }
        let next = match self.view {
            View::Services if !self.drains.open().is_empty() => View::Drains,
            View::Services | View::Drains => View::Hosts,
            View::Hosts => View::Director,
            _ => View::Services,
        };
        self.go_to(next);
        if next == View::Services {
            self.rows.first();
        }
    }
}
