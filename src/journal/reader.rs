//! Reading: one pass over the lines, which keeps no more than was asked for.

use std::collections::{HashMap, HashSet, VecDeque};
use std::io::{self, BufRead, BufReader};

use super::entry::{Undone, states};
use super::{
    Drain, DrainEnded, End, Entry, Flaw, Id, Intent, JournalError, Kind, MAX_LINE, Outside, Place,
    Record, Scene, State, Step, StepOutcome,
};
use crate::ipvs::Change;

/// So many damaged lines are kept with what is wrong with them; the others are only counted.
pub const MOST_DAMAGES: usize = 1_000;

/// A line that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Which line, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub flaw: Flaw,
}

/// A change by someone else, with its line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// Which line, from 1.
    pub line: u64,
    /// What changed.
    pub outside: Outside,
}

/// What a journal says, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// What was done; the last ones, where a limit was given.
    pub entries: Vec<Entry>,
    /// What others did; the last ones, where a limit was given.
    pub outside: Vec<Noticed>,
    /// The drains; where a limit was given, all that are open and the last that are not.
    pub drains: Vec<Drain>,
    /// The damaged lines, [`MOST_DAMAGES`] at most.
    pub damaged: Vec<Damage>,
    /// How many damaged lines there are.
    pub damaged_lines: u64,
    /// How many lines there are.
    pub lines: u64,
}

impl History {
    /// The entry with this name.
    pub fn entry(&self, id: Id) -> Option<&Entry> {
        self.entries.iter().rev().find(|e| e.id() == id)
    }

    /// What can be taken back on the table `here`, newest first, across sessions: entries that
    /// made something that can be taken back, that were not taken back, that do not themselves
    /// take something back, and that do not go on with another one. Whether one still applies, its plan finds out.
    pub fn undoable<'a>(&'a self, here: &'a Scene) -> impl Iterator<Item = &'a Entry> {
        self.of(here).filter(|e| {
            let whole = e.intent.kind != Kind::Undo && e.intent.part_of.is_none();
            whole && can_be_taken_back(e)
        })
    }

    /// What can be made again on the table `here`, the one to be made again first first: the
    /// undos since the operator last did something new.
    pub fn redoable<'a>(&'a self, here: &'a Scene) -> impl Iterator<Item = &'a Entry> {
        let made = |s: &State| matches!(s, State::Made(_) | State::Unknown { .. });
        self.of(here)
            .filter(move |e| e.states.iter().any(made))
            .take_while(|e| matches!(e.intent.kind, Kind::Undo | Kind::Redo))
            .filter(|e| e.intent.kind == Kind::Undo && can_be_taken_back(e))
    }

    /// Entries on the table `here` of which something is in doubt, newest first.
    pub fn doubtful<'a>(&'a self, here: &'a Scene) -> impl Iterator<Item = &'a Entry> {
        self.of(here).filter(|e| e.doubts().next().is_some())
    }

    /// Drains on the table `here` that are followed, oldest first.
    pub fn open_drains<'a>(&'a self, here: &'a Scene) -> impl Iterator<Item = &'a Drain> {
        self.drains.iter().filter(|d| d.open() && d.started.scene.same_table(here))
    }

    fn of<'a>(&'a self, here: &'a Scene) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().rev().filter(|e| e.intent.scene.same_table(here))
    }
}

fn can_be_taken_back(entry: &Entry) -> bool {
    !matches!(entry.undone, Undone::By(_)) && entry.inverse().is_some()
}

/// Reads the whole journal at `place`. One that is not there is empty.
///
/// # Errors
/// [`JournalError`] when it is there and cannot be read. Damaged lines are no error.
pub fn read(place: &Place) -> Result<History, JournalError> {
    read_place(place, None)
}

/// Reads the journal at `place` and keeps the last `most` entries and outside changes. It reads
/// every line, because an open drain may be anywhere, and needs the memory of what it keeps.
///
/// # Errors
/// As [`read`].
pub fn read_last(place: &Place, most: usize) -> Result<History, JournalError> {
    read_place(place, Some(most))
}

fn read_place(place: &Place, most: Option<usize>) -> Result<History, JournalError> {
    let Some(file) = place.readable(place.name())? else { return Ok(History::default()) };
    let mut lines = BufReader::with_capacity(1 << 16, file);
    read_from(&mut lines, most).map_err(|e| JournalError::system(&place.path(), "read", &e))
}

/// Reads a journal's lines, and keeps the last `most` entries and outside changes; all without.
///
/// # Errors
/// When `lines` cannot be read.
pub fn read_from(lines: &mut impl BufRead, most: Option<usize>) -> io::Result<History> {
    let mut join = Join { most: most.unwrap_or(usize::MAX), ..Join::default() };
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = next_line(lines, &mut line)?;
        if read == Line::End {
            return Ok(join.finish());
        }
        join.line += 1;
        if read == Line::TooLong {
            join.damaged(Flaw::TooLong);
        } else if !line.trim_ascii().is_empty() {
            match Record::decode(&line) {
                Ok(record) => join.take(record),
                Err(flaw) => join.damaged(flaw),
            }
        }
    }
}

#[derive(PartialEq)]
enum Line {
    Whole,
    TooLong,
    End,
}

/// Reads up to a newline, which is left out, or the end. Of a line that is too long nothing is
/// kept.
fn next_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Line> {
    let (mut long, mut any) = (false, false);
    loop {
        let ready = match lines.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            other => other?,
        };
        if ready.is_empty() && !any {
            return Ok(Line::End);
        }
        any = true;
        let newline = ready.iter().position(|byte| *byte == b'\n');
        let end = newline.unwrap_or(ready.len());
        let (piece, used) = (ready.get(..end).unwrap_or_default(), newline.map_or(end, |n| n + 1));
        long |= line.len() + piece.len() >= MAX_LINE;
        if long {
            *line = Vec::new();
        } else {
            line.extend_from_slice(piece);
        }
        let last = newline.is_some() || ready.is_empty();
        lines.consume(used);
        if last {
            return Ok(if long { Line::TooLong } else { Line::Whole });
        }
    }
}

/// An entry whose steps may still come.
struct Growing {
    line: u64,
    intent: Intent,
    steps: Vec<Option<StepOutcome>>,
    end: Option<End>,
    /// Damaged lines between its intent and its end, or the next intent.
    lost: usize,
}

impl Growing {
    fn finish(self) -> Entry {
        let Self { line, intent, steps, end, lost } = self;
        let states = states(&intent.plan.changes, &steps, end.as_ref(), lost);
        Entry { line, intent, states, end, undone: Undone::No, more: Vec::new() }
    }
}

/// Joins records as they come.
#[derive(Default)]
struct Join {
    most: usize,
    line: u64,
    entries: VecDeque<Growing>,
    /// How many entries were let go: the place of an entry in `entries` is its number less this.
    gone: usize,
    /// The number of every entry ever begun.
    numbers: HashMap<Id, usize>,
    outside: VecDeque<Noticed>,
    drains: HashMap<Id, Drain>,
    /// Drains that ended and are kept, in that order.
    over: VecDeque<Id>,
    /// Drains that ended and were let go.
    drains_gone: HashSet<Id>,
    damaged: Vec<Damage>,
    damaged_lines: u64,
}

impl Join {
    fn take(&mut self, record: Record) {
        match record {
            Record::Intent(intent) => self.intent(*intent),
            Record::Step(step) => self.step(*step),
            Record::End(end) => self.end(end),
            Record::Outside(outside) => {
                self.outside.push_back(Noticed { line: self.line, outside: *outside });
                if self.outside.len() > self.most {
                    self.outside.pop_front();
                }
            }
            Record::DrainStarted(started) => {
                let id = started.id;
                if self.drains.contains_key(&id) || self.drains_gone.contains(&id) {
                    return self.flawed(Flaw::Twice(id));
                }
                let (line, started) = (self.line, *started);
                let (plans, touched, ended) = (Vec::new(), false, None);
                self.drains.insert(id, Drain { line, started, plans, touched, ended });
            }
            Record::DrainEnded(ended) => self.drain_ended(ended),
        }
    }

    fn intent(&mut self, intent: Intent) {
        if self.numbers.contains_key(&intent.id) {
            return self.flawed(Flaw::Twice(intent.id));
        }
        self.numbers.insert(intent.id, self.gone + self.entries.len());
        if let Some(drain) = intent.drain.and_then(|id| self.drains.get_mut(&id)) {
            drain.plans.push(intent.id);
        }
        let steps = vec![None; intent.plan.changes.len()];
        self.entries.push_back(Growing { line: self.line, intent, steps, end: None, lost: 0 });
        if self.entries.len() > self.most {
            self.let_go();
        }
    }

    fn let_go(&mut self) {
        if let Some(gone) = self.entries.pop_front() {
            self.gone += 1;
            self.touch_drain(&gone.finish());
        }
    }

    fn step(&mut self, step: Step) {
        let Step { id, index, outcome } = step;
        match self.growing(id) {
            Found::Here(entry) => match entry.steps.get_mut(index) {
                Some(place) => *place = Some(outcome),
                None => self.flawed(Flaw::NoSuchChange { id, index }),
            },
            Found::Gone => {}
            Found::Never => self.flawed(Flaw::Orphan(id)),
        }
    }

    fn end(&mut self, end: End) {
        match self.growing(end.id) {
            Found::Here(entry) => entry.end = Some(end),
            Found::Gone => {}
            Found::Never => self.flawed(Flaw::Orphan(end.id)),
        }
    }

    fn growing(&mut self, id: Id) -> Found<'_> {
        let Some(number) = self.numbers.get(&id) else { return Found::Never };
        let place = number.checked_sub(self.gone);
        place.and_then(|place| self.entries.get_mut(place)).map_or(Found::Gone, Found::Here)
    }

    fn drain_ended(&mut self, ended: DrainEnded) {
        let id = ended.id;
        match self.drains.get_mut(&id) {
            Some(drain) => {
                if drain.open() {
                    self.over.push_back(id);
                }
                drain.ended = Some(ended);
            }
            None if self.drains_gone.contains(&id) => {}
            None => self.flawed(Flaw::Orphan(id)),
        }
        if self.over.len() > self.most
            && let Some(oldest) = self.over.pop_front()
        {
            self.drains.remove(&oldest);
            self.drains_gone.insert(oldest);
        }
    }

    fn touch_drain(&mut self, entry: &Entry) {
        let touched =
            |s: &State| matches!(s, State::Made(_) | State::Already | State::Unknown { .. });
        if entry.states.iter().any(touched)
            && let Some(drain) = entry.intent.drain.and_then(|id| self.drains.get_mut(&id))
        {
            drain.touched = true;
        }
    }

    /// A line whose content is lost.
    fn damaged(&mut self, flaw: Flaw) {
        // What is torn was the last that its process wrote, or was written again after it: it
        // hides no step.
        let hides = !matches!(flaw, Flaw::Torn(_));
        if let Some(entry) = self.entries.back_mut().filter(|e| hides && e.end.is_none()) {
            entry.lost += 1;
        }
        self.flawed(flaw);
    }

    fn flawed(&mut self, flaw: Flaw) {
        self.damaged_lines += 1;
        if self.damaged.len() < MOST_DAMAGES {
            self.damaged.push(Damage { line: self.line, flaw });
        }
    }

    fn finish(mut self) -> History {
        let entries = std::mem::take(&mut self.entries);
        let mut entries: Vec<Entry> = entries.into_iter().map(Growing::finish).collect();
        for entry in &entries {
            self.touch_drain(entry);
        }
        let parts: Vec<(Id, Vec<Change>)> = entries
            .iter()
            .filter_map(|e| Some((e.intent.part_of?, e.made().cloned().collect())))
            .collect();
        for (id, made) in parts {
            let place = self.numbers.get(&id).and_then(|number| number.checked_sub(self.gone));
            if let Some(entry) = place.and_then(|place| entries.get_mut(place)) {
                entry.more.extend(made);
            }
        }
        // An entry stands after the one that it takes back.
        let taken_back: Vec<(Id, Undone)> =
            entries.iter().filter_map(|e| Some((e.intent.undoes?, e.undoes()))).collect();
        for (id, undone) in taken_back {
            let place = self.numbers.get(&id).and_then(|number| number.checked_sub(self.gone));
            let entry = place.and_then(|place| entries.get_mut(place));
            if let Some(entry) = entry.filter(|e| !matches!(e.undone, Undone::By(_)))
                && undone != Undone::No
            {
                entry.undone = undone;
            }
        }
        let mut drains: Vec<Drain> = self.drains.into_values().collect();
        drains.sort_by_key(|drain| drain.line);
        History {
            entries,
            outside: self.outside.into(),
            drains,
            damaged: self.damaged,
            damaged_lines: self.damaged_lines,
            lines: self.line,
        }
    }
}

enum Found<'a> {
    Here(&'a mut Growing),
    /// It was let go.
    Gone,
    Never,
}
