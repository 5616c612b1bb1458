//! The numbers of all rows over time, a frame a tick: a row is a slot in every frame.
//!
//! ```text
//! slot      0 ... 63     64 ... 127   128 ...
//!           servers      sums         servers             frame.at
//! counts    active, inactive connections, weight of each   1 s
//! counts                                                   2 s
//! rates     cps inpps outpps inbps outbps of each          2 s   as often as the kernel counts
//! ```

use std::collections::VecDeque;
use std::ops::Range;

use super::code::{self, NOTHING, UNREAD};
use super::meter::OwnRates;
use super::packed::{BLOCK, Packed};
use super::ring::{Frame, Ring};

/// Where active connections, inactive ones and the weight stand in a frame: each is one more than
/// it is, and 0 where there is none.
pub(super) const ACTIVE: usize = 0;
pub(super) const INACTIVE: usize = 1;
pub(super) const WEIGHT: usize = 2;

/// Polls far apart: of so many the counts are kept as they came.
const LEAST: usize = 64;
/// Three frames of counts within this time are one too many: a line shows seconds.
const TIGHT: u64 = 1_100;
/// Rates of polls closer together than this share a frame: the kernel counts every 2 seconds.
const SHARED: u64 = 1_900;
/// A slot is given away again when no average can hold both its old row and its new one.
const REST: u64 = 35_000;

/// Where a row's numbers are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    slot: u32,
    kind: Kind,
    /// Before this the slot was another's.
    pub(super) born: u64,
}

impl Row {
    /// A row that has no numbers.
    pub(super) const NONE: Self = Self { slot: u32::MAX, kind: Kind::Sum, born: 0 };

    fn slot(self) -> usize {
        self.slot as usize
    }
}

/// The numbers of all rows. All times are in milliseconds since the director was opened.
#[derive(Clone, Debug)]
pub(super) struct Store {
    pub(super) counts: Ring<3>,
    pub(super) rates: Ring<5>,
    /// The newest counts of every slot.
    counts_now: Vec<[u32; 3]>,
    /// The codes of rates that are not in a frame yet.
    rates_now: Vec<[u32; 5]>,
    /// The polls that they are of: the first and the last.
    open: Option<(u64, u64)>,
    /// Slots that are to be had, of each kind.
    free: [Free; 2],
}

/// Numbers of one kind stand together: among those of servers, sums over many would make every
/// number of their block wider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A real server.
    Server = 0,
    /// A service or the whole director.
    Sum = 1,
}

/// Slots that are to be had.
#[derive(Clone, Debug, Default)]
struct Free {
    /// Of a block that was taken for this kind, those that nobody has had yet.
    fresh: Range<u32>,
    /// Those that are to be had again, and since when nobody has them.
    again: VecDeque<(u64, u32)>,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            counts: Ring::new(LEAST, average_counts),
            rates: Ring::new(LEAST / 2, average_rates),
            counts_now: Vec::new(),
            rates_now: Vec::new(),
            open: None,
            free: Default::default(),
        }
    }
}

impl Store {
    /// Room for a new row.
    pub(super) fn row(&mut self, kind: Kind, at: u64) -> Row {
        let [servers, sums] = &mut self.free;
        let free = if kind == Kind::Server { servers } else { sums };
        if free.again.front().is_some_and(|(since, _)| since + REST <= at)
            && let Some((_, slot)) = free.again.pop_front()
        {
            return Row { slot, kind, born: at };
        }
        if free.fresh.is_empty() {
            let (start, end) = (self.counts_now.len(), self.counts_now.len() + BLOCK);
            let number = |slots: usize| u32::try_from(slots).unwrap_or(u32::MAX);
            free.fresh = number(start)..number(end);
            self.counts_now.resize(end, [0; 3]);
            self.rates_now.resize(end, [NOTHING; 5]);
        }
        Row { slot: free.fresh.next().unwrap_or(u32::MAX), kind, born: at }
    }

    /// A row that is forgotten.
    pub(super) fn free(&mut self, row: Row, at: u64) {
        self.absent(row);
        if let Some(free) = self.free.get_mut(row.kind as usize) {
            free.again.push_back((at, row.slot));
        }
    }

    /// A poll begins.
    pub(super) fn begin(&mut self, at: u64) {
        if self.open.is_some_and(|(first, _)| at.saturating_sub(first) >= SHARED) {
            self.close();
        }
    }

    /// What the poll found of a row: connections, and the weight of a server.
    pub(super) fn count(&mut self, row: Row, active: u64, inactive: u64, weight: Option<u32>) {
        let one_more = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).saturating_add(1);
        let weight = weight.map_or(0, |weight| one_more(weight.into()));
        if let Some(counts) = self.counts_now.get_mut(row.slot()) {
            *counts = [one_more(active), one_more(inactive), weight];
        }
    }

    /// What the poll made of a row's counters; without this they were not read.
    pub(super) fn rate(&mut self, row: Row, rates: Option<OwnRates>) {
        if let Some(codes) = self.rates_now.get_mut(row.slot()) {
            *codes = rates.map_or([NOTHING; 5], |rates| rates.map(code::encode));
        }
    }

    /// The poll found no such row.
    pub(super) fn absent(&mut self, row: Row) {
        if let Some(counts) = self.counts_now.get_mut(row.slot()) {
            *counts = [0; 3];
        }
        self.rate(row, None);
    }

    /// A poll has ended.
    pub(super) fn end(&mut self, at: u64) {
        let frame = Frame { at, columns: Some(pack(&self.counts_now)) };
        if self.counts.is_tight(at, TIGHT) {
            self.counts.replace(frame);
        } else {
            self.counts.push(frame);
        }
        let first = self.open.map_or(at, |(first, _)| first);
        self.open = Some((first, at));
    }

    /// Nothing is known from `at` on until the next poll.
    pub(super) fn gap(&mut self, at: u64) {
        self.close();
        if !self.counts.ends_in_gap() {
            self.counts.push(Frame { at, columns: None });
            self.rates.push(Frame { at, columns: None });
        }
    }

    /// Puts the open rates into a frame.
    fn close(&mut self) {
        let Some((_, at)) = self.open.take() else { return };
        self.rates.push(Frame { at, columns: Some(pack(&self.rates_now)) });
        for (codes, [present, ..]) in self.rates_now.iter_mut().zip(&self.counts_now) {
            *codes = [if *present > 0 { UNREAD } else { NOTHING }; 5];
        }
    }

    /// How many frames of rates there are, the open one included.
    pub(super) fn rate_frames(&self) -> usize {
        self.rates.len() + usize::from(self.open.is_some())
    }

    /// The place of the last frame of rates that begins at `at` or before.
    pub(super) fn find_rates(&self, at: u64) -> Option<usize> {
        match self.open {
            Some((_, last)) if last <= at => Some(self.rates.len()),
            _ => self.rates.find(at),
        }
    }

    /// The code of a rate of a row in the frame at a place, with the frame's time and what it is
    /// the average of.
    pub(super) fn rate_code(&self, place: usize, column: usize, row: Row) -> (u64, u64, u32) {
        match self.rates.get(place) {
            Some((frame, step)) => (frame.at, step, number(frame, step, column, row)),
            None => {
                let code = self.rates_now.get(row.slot()).and_then(|codes| codes.get(column));
                (self.open.map_or(0, |(_, last)| last), 0, code.copied().unwrap_or(NOTHING))
            }
        }
    }

    /// What it takes in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let counts = self.counts_now.capacity() * size_of::<[u32; 3]>();
        let rates = self.rates_now.capacity() * size_of::<[u32; 5]>();
        self.counts.bytes() + self.rates.bytes() + counts + rates
    }
}

/// The numbers of all rows, a column each.
fn pack<const N: usize>(rows: &[[u32; N]]) -> [Packed; N] {
    let mut numbers = Vec::with_capacity(rows.len());
    std::array::from_fn(|column| {
        numbers.clear();
        numbers.extend(rows.iter().map(|row| row.get(column).copied().unwrap_or(0)));
        Packed::new(&numbers)
    })
}

/// A row's number in a column of a frame; 0 where it has none.
pub(super) fn number<const N: usize>(frame: &Frame<N>, step: u64, column: usize, row: Row) -> u32 {
    if frame.at < row.born && frame.at + step <= row.born {
        return 0;
    }
    let packed = frame.columns.as_ref().and_then(|columns| columns.get(column));
    packed.map_or(0, |packed| packed.get(row.slot()))
}

/// Adds the numbers of each row up with `add`, and makes of each sum what `make` says.
fn fold<S: Clone>(
    all: &[&Packed],
    none: S,
    add: impl Fn(&mut S, u32),
    make: impl Fn(S) -> u32,
) -> Packed {
    let rows = all.iter().map(|packed| packed.rows()).max().unwrap_or(0);
    let mut sums = vec![none; rows];
    let mut numbers = Vec::with_capacity(rows);
    for packed in all {
        packed.unpack(&mut numbers);
        sums.iter_mut().zip(&numbers).for_each(|(sum, number)| add(sum, *number));
    }
    numbers.clear();
    numbers.extend(sums.into_iter().map(make));
    Packed::new(&numbers)
}

/// The mean of connections, rounded, but nothing that was there is rounded to none; the last
/// weight.
fn average_counts(column: usize, all: &[&Packed]) -> Packed {
    if column == WEIGHT {
        let last = |last: &mut u32, weight| *last = if weight > 0 { weight } else { *last };
        return fold(all, 0, last, |last| last);
    }
    let add = |(sum, known): &mut (u64, u64), number: u32| {
        if let Some(number) = number.checked_sub(1) {
            *sum += u64::from(number);
            *known += 1;
        }
    };
    fold(all, (0, 0), add, |(sum, known)| {
        if known == 0 {
            return 0;
        }
        let mean = ((sum + known / 2) / known).max(u64::from(sum > 0));
        u32::try_from(mean).unwrap_or(u32::MAX).saturating_add(1)
    })
}

/// The mean of what is known of a rate.
fn average_rates(_: usize, all: &[&Packed]) -> Packed {
    // Sum, how many are known, and whether the counters were not read everywhere else.
    let add = |(sum, known, unread): &mut (f32, u32, bool), code: u32| match code::decode(code) {
        Some(rate) => {
            *sum += rate;
            *known += 1;
        }
        None => *unread &= code == UNREAD,
    };
    fold(all, (0.0, 0, true), add, |(sum, known, unread)| match (known, unread) {
        (0, true) => UNREAD,
        (0, false) => NOTHING,
        _ => code::encode(sum / known as f32),
    })
}
