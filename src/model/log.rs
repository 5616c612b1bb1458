//! The journal as the console shows it: newest first, with what came from outside between the
//! entries, and one line selected.

use jiff::Timestamp;

use super::{Effect, Kind, Model, Page, Tone};
use crate::journal::{self, Act, DrainEnd, Ending, Entry, Id, Order};
use crate::outside::Theirs;

/// A line of the journal.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// A plan, by whatever program that shares the journal.
    Entry(&'a Entry),
    /// A change from outside, with its number.
    Outside(u64, &'a Theirs),
}

/// What names a line, whatever comes and goes around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Entry(Id),
    Outside(u64),
}

impl Item<'_> {
    fn name(&self) -> Name {
        match self {
            Self::Entry(entry) => Name::Entry(entry.id()),
            Self::Outside(number, _) => Name::Outside(*number),
        }
    }

    /// When it was done, or seen.
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Entry(entry) => entry.intent.time,
            Self::Outside(_, theirs) => theirs.time,
        }
    }
}

/// Where the cursor is in the journal.
#[derive(Debug, Default)]
pub struct Log {
    selected: Option<Name>,
}

impl Model {
    /// The journal's entries about this table, newest first.
    pub fn entries(&self) -> Vec<&Entry> {
        let Some(news) = &self.news else { return Vec::new() };
        let here = |e: &&Entry| e.intent.scene.same_table(&news.scene);
        news.history.entries.iter().rev().filter(here).collect()
    }

    /// The journal's entries and the changes from outside, newest first. What another program has
    /// written down is an entry already.
    ///
    /// The journal keeps its own order, so that the newest entry is on top and is the one to be
    /// taken back, also where the wall clock was set back meanwhile. Only what came from outside is
    /// put between by its time.
    pub fn items(&self) -> Vec<Item<'_>> {
        let outside = self.outside.kept().rev().filter(|(_, theirs)| theirs.is_outside());
        let mut outside = outside.map(|(number, theirs)| Item::Outside(number, theirs)).peekable();
        let mut items = Vec::new();
        for entry in self.entries().into_iter().map(Item::Entry) {
            while let Some(later) = outside.next_if(|outside| outside.time() > entry.time()) {
                items.push(later);
            }
            items.push(entry);
        }
        items.extend(outside);
        items
    }

    /// The line that is selected, by its place among [`items`](Self::items).
    pub fn item_place(&self) -> usize {
        let place = |name: Name| self.items().iter().position(|item| item.name() == name);
        self.log.selected.and_then(place).unwrap_or(0)
    }

    pub(super) fn select_item(&mut self, by: isize) {
        let most = self.items().len().saturating_sub(1);
        let place = self.item_place().saturating_add_signed(by).min(most);
        self.select_item_at(place);
    }

    /// Selects the line at a place among [`items`](Self::items).
    pub(super) fn select_item_at(&mut self, place: usize) {
        let selected = self.items().get(place).map(Item::name);
        self.log.selected = selected;
    }

    /// Takes the selected entry back, whenever and by whomever it was made.
    pub(super) fn undo_entry(&mut self) -> Vec<Effect> {
        let place = self.item_place();
        let entry = match self.items().get(place) {
            Some(Item::Entry(entry)) => (*entry).clone(),
            Some(Item::Outside(..)) => {
                let text = "that came from outside: whoever did it may do it again; set the value \
                            among the services";
                self.say(Tone::Info, text);
                return Vec::new();
            }
            None => {
                self.say(Tone::Info, "the journal has no entry about this table yet");
                return Vec::new();
            }
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
            ends: ends.map(|d| Ending::new(d, DrainEnd::Cancelled)).into_iter().collect(),
        };
        let page = Page::new(&format!("Take back {id}?"), order, Kind::New);
        self.turn_to(page, true)
    }
}
