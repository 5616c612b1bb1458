//! The journal as the console shows it: newest first, with what came from outside between the
//! entries, what a filter lets through of that, and one line selected.

mod filter;

use std::collections::HashSet;

use jiff::Timestamp;

pub use self::filter::Filter as LogFilter;
use super::{Effect, Kind, Model, Page, Prompt, Sieve, Tone};
use crate::command::View;
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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

/// What the cursor is on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cursor {
    /// The newest line, whichever that is: none was chosen yet.
    #[default]
    Newest,
    /// This one.
    On(Name),
    /// The one that was chosen does not show any more. A key meant for it hits no other.
    Lost,
}

/// Where the cursor is in the journal, and which lines show.
#[derive(Debug, Default)]
pub struct Log {
    cursor: Cursor,
    /// Where that is among the lines that show, or was.
    place: usize,
    /// What was chosen when the filter was asked for.
    chosen: Cursor,
    filter: Option<LogFilter>,
    /// The lines that the filter lets through. What they say is long, and they are looked at
    /// several times a frame.
    passing: HashSet<Name>,
}

impl Log {
    /// What a line has to be in order to show.
    pub fn filter(&self) -> Option<&LogFilter> {
        self.filter.as_ref()
    }

    /// Where the cursor is among the lines that show, or was when its line went.
    pub fn place(&self) -> usize {
        self.place
    }
}

impl Model {
    /// The journal's entries about this table, newest first.
    pub fn entries(&self) -> Vec<&Entry> {
        let Some(news) = &self.news else { return Vec::new() };
        let here = |e: &&Entry| e.intent.scene.same_table(&news.scene);
        news.history.entries.iter().rev().filter(here).collect()
    }

    /// The lines that show, newest first.
    pub fn items(&self) -> Vec<Item<'_>> {
        let mut items = self.all_items();
        if self.log.filter.is_some() {
            items.retain(|item| self.log.passing.contains(&item.name()));
        }
        items
    }

    /// The journal's entries and the changes from outside, newest first. What another program has
    /// written down is an entry already.
    ///
    /// The journal keeps its own order, so that the newest entry is on top and is the one to be
    /// taken back, also where the wall clock was set back meanwhile. Only what came from outside is
    /// put between by its time.
    pub fn all_items(&self) -> Vec<Item<'_>> {
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

    /// The line that is selected, by its place among [`items`](Self::items); none where it does not
    /// show any more.
    pub fn item_place(&self) -> Option<usize> {
        let items = self.items();
        match self.log.cursor {
            Cursor::Newest => (!items.is_empty()).then_some(0),
            Cursor::On(name) => items.iter().position(|item| item.name() == name),
            Cursor::Lost => None,
        }
    }

    /// The line that is selected.
    pub fn item(&self) -> Option<Item<'_>> {
        self.items().get(self.item_place()?).copied()
    }

    pub(super) fn select_item(&mut self, by: isize) {
        // From nothing selected, a step selects the place itself first.
        let lost = self.log.cursor == Cursor::Lost && by.unsigned_abs() == 1;
        let place = self.item_place().unwrap_or(self.log.place);
        self.select_item_at(if lost { place } else { place.saturating_add_signed(by) });
    }

    /// Selects the line at a place among [`items`](Self::items), or the last.
    pub(super) fn select_item_at(&mut self, place: usize) {
        let items = self.items();
        let place = place.min(items.len().saturating_sub(1));
        let cursor = items.get(place).map_or(Cursor::Newest, |item| Cursor::On(item.name()));
        (self.log.cursor, self.log.place) = (cursor, place);
    }

    /// Takes in what the journal and the changes from outside are now, if they are on the screen.
    pub(super) fn follow_log(&mut self) {
        if self.view != View::Journal {
            return;
        }
        self.sift_log();
        match self.item_place() {
            Some(place) => self.log.place = place,
            None => {
                let lost = matches!(self.log.cursor, Cursor::On(_));
                self.log.place = self.log.place.min(self.items().len().saturating_sub(1));
                self.detail = None;
                let typed = matches!(self.prompt, Some(Prompt::Filter { .. }));
                if lost && !typed {
                    self.log.cursor = Cursor::Lost;
                    let text = "that line of the journal does not show any more; none is selected";
                    self.say(Tone::Info, text);
                }
            }
        }
    }

    /// Has the filter look at every line.
    fn sift_log(&mut self) {
        let Some(filter) = &self.log.filter else { return self.log.passing.clear() };
        let all = self.all_items();
        self.log.passing = all.iter().filter(|item| filter.lets(item)).map(Item::name).collect();
    }

    /// Asks which lines shall show.
    pub(super) fn ask_lines(&mut self) {
        self.detail = None;
        self.log.chosen = self.log.cursor;
        self.ask_for(Sieve::Journal(self.log.filter.clone()));
    }

    /// Lines follow what is typed.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(super) fn lines_typed(&mut self, text: &str) -> Result<(), String> {
        let filter = LogFilter::read(text)?;
        if !filter.as_ref().is_some_and(LogFilter::is_unfinished) {
            self.show_lines(filter);
        }
        Ok(())
    }

    /// Shows these lines. The one that was chosen before stays so wherever it is among them; else
    /// the newest of them is.
    pub(super) fn show_lines(&mut self, filter: Option<LogFilter>) {
        if self.log.filter == filter {
            return;
        }
        self.log.filter = filter;
        self.sift_log();
        self.log.cursor = self.log.chosen;
        match self.item_place() {
            Some(place) => self.log.place = place,
            None => self.select_item_at(0),
        }
    }

    /// Esc in the journal shows everything again; false if there was no filter.
    pub(super) fn clear_filter_of_log(&mut self) -> bool {
        let filtered = self.log.filter.is_some();
        self.log.chosen = self.log.cursor;
        self.show_lines(None);
        filtered
    }

    /// Takes the selected entry back, whenever and by whomever it was made.
    pub(super) fn undo_entry(&mut self) -> Vec<Effect> {
        let entry = match self.item() {
            Some(Item::Entry(entry)) => entry.clone(),
            Some(Item::Outside(..)) => {
                let text = "that came from outside: whoever did it may do it again; set the value \
                            among the services";
                self.say(Tone::Info, text);
                return Vec::new();
            }
            None => {
                self.no_line();
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

    /// Why there is no line to act on.
    pub(super) fn no_line(&mut self) {
        let text = match (self.all_items().is_empty(), self.items().is_empty()) {
            (true, _) => "the journal has no entry about this table yet",
            (_, true) => "no line of the journal matches the filter",
            _ => "select a line of the journal first",
        };
        self.say(Tone::Info, text);
    }
}
