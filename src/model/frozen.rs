//! The screen held still, and the past: what the history knows of an earlier moment, as if it
//! were read then.

use std::sync::Arc;
use std::time::Duration;

use super::{Model, Tone};
use crate::command::Command;
use crate::snapshot::{Moment, Snapshot};

/// The screen held still. The director is read on meanwhile, and drains and ramps go on.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// The newest snapshot when it began.
    held: Arc<Snapshot>,
    /// What is on the screen: that, or what is known of an earlier moment.
    shown: Arc<Snapshot>,
}

impl Frozen {
    /// What is on the screen.
    pub fn shown(&self) -> &Arc<Snapshot> {
        &self.shown
    }

    /// Whether it is of an earlier moment than when the screen was frozen: then it is what the
    /// history kept, and totals of counters are not known.
    pub fn is_past(&self) -> bool {
        self.shown.at < self.held.at
    }
}

impl Model {
    /// Whether an earlier moment is on the screen; see [`Frozen::is_past`].
    pub fn is_past(&self) -> bool {
        self.frozen.as_ref().is_some_and(Frozen::is_past)
    }

    /// Holds the screen still, or lets it go on.
    pub(super) fn freeze(&mut self) {
        if self.frozen.take().is_some() {
            if let Some(now) = self.snapshot.clone() {
                self.follow_rows(&now);
                self.follow_hosts();
                self.follow_connections();
            }
            return;
        }
        match self.snapshot.clone() {
            Some(held) => {
                self.frozen = Some(Frozen { shown: Arc::clone(&held), held });
                self.follow_connections();
            }
            None => self.say(Tone::Info, "the director has not been read yet"),
        }
    }

    /// Refuses, in words, to change anything on what is not the present.
    pub(super) fn refused_as_frozen(&mut self) -> bool {
        if self.frozen.is_none() {
            return false;
        }
        let key = self.keys.say(Command::Freeze);
        let text = format!("nothing was changed: the screen is frozen; {key} lets it go on");
        self.say(Tone::Error, text);
        true
    }

    /// How far one step through the past goes: a sixtieth of the time that lines span.
    fn step(&self) -> Duration {
        (self.window / 60).max(self.interval)
    }

    /// A step further back in time; holds the screen still first.
    pub(super) fn look_back(&mut self) {
        if self.frozen.is_none() {
            self.freeze();
        }
        let Some(shown) = self.shown().map(|s| s.at) else { return };
        let earliest = self.history.earliest();
        let mut at = shown;
        // Gaps are stepped over: nothing is known of them.
        while at > earliest {
            at = Moment(at.0.saturating_sub(self.step())).max(earliest);
            if self.history.knows(at, self.hold()) {
                return self.show_moment(at);
            }
        }
        self.say(Tone::Info, "nothing is known of the time before");
    }

    /// A step back towards the present.
    pub(super) fn look_forward(&mut self) {
        let Some(Frozen { held, shown }) = &self.frozen else {
            let key = self.keys.say(Command::Back);
            let text = format!("this is the present; {key} looks back");
            return self.say(Tone::Info, text);
        };
        let (held, mut at) = (Arc::clone(held), shown.at);
        while at < held.at {
            at = at.after(self.step());
            if at < held.at && self.history.knows(at, self.hold()) {
                return self.show_moment(at);
            }
        }
        self.frozen = Some(Frozen { shown: Arc::clone(&held), held });
        self.arrange();
        self.follow_hosts();
    }

    /// Shows what is known of an earlier moment.
    fn show_moment(&mut self, at: Moment) {
        let Some(Frozen { held, .. }) = &self.frozen else { return };
        let shown = Arc::new(self.history.recall(held, at, self.hold()));
        let held = Arc::clone(held);
        self.frozen = Some(Frozen { held, shown });
        self.arrange();
        self.follow_hosts();
    }
}
