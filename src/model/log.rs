//! The journal as the console shows it: newest first, with one entry selected.

use super::{Effect, Kind, Model, Page, Tone};
use crate::journal::{self, Act, DrainEnd, Entry, Id, Order};

/// Where the cursor is in the journal.
#[derive(Debug, Default)]
pub struct Log {
    selected: Option<Id>,
}

impl Model {
    /// The journal's entries about this table, newest first.
    pub fn entries(&self) -> Vec<&Entry> {
        let Some(news) = &self.news else { return Vec::new() };
        let here = |e: &&Entry| e.intent.scene.same_table(&news.scene);
        news.history.entries.iter().rev().filter(here).collect()
    }

    /// The entry that is selected, by its place among [`entries`](Self::entries).
    pub fn entry_place(&self) -> usize {
        let place = |id: Id| self.entries().iter().position(|e| e.id() == id);
        self.log.selected.and_then(place).unwrap_or(0)
    }

    pub(super) fn select_entry(&mut self, by: isize) {
        let entries = self.entries();
        let most = entries.len().saturating_sub(1);
        let place = self.entry_place().saturating_add_signed(by).min(most);
        let selected = entries.get(place).map(|e| e.id());
        self.log.selected = selected;
    }

    /// Selects the entry at a place among [`entries`](Self::entries).
    pub(super) fn select_entry_at(&mut self, place: usize) {
        let selected = self.entries().get(place).map(|e| e.id());
        self.log.selected = selected;
    }

    /// Takes the selected entry back, whenever and by whomever it was made.
    pub(super) fn undo_entry(&mut self) -> Vec<Effect> {
        let place = self.entry_place();
        let Some(entry) = self.entries().get(place).copied().cloned() else {
            self.say(Tone::Info, "the journal has no entry about this table yet");
            return Vec::new();
        };
        let id = entry.id();
        if let journal::Undone::By(by) = entry.undone {
            self.say(Tone::Info, format!("{id} was taken back already, by {by}"));
            return Vec::new();
        }
        let Some(inverse) = entry.inverse() else {
            self.say(Tone::Info, format!("{id} made nothing that can be taken back"));
            return Vec::new();
        };
        let drain = entry.intent.drain;
        let ends =
            drain.filter(|d| entry.intent.kind == journal::Kind::Drain && self.drains.is_open(*d));
        let order = Order {
            act: Act { kind: journal::Kind::Undo, undoes: Some(id), drain, ..Act::new(inverse) },
            begins: None,
            ends: ends.map(|d| (d, DrainEnd::Cancelled)).into_iter().collect(),
        };
        let page = Page::new(&format!("Take back {id}?"), order, Kind::New);
        self.turn_to(page, true)
    }
}
