//! Counters and rates, guessed as the kernel makes them.
//!
//! Connections and packets go on at the rate that is shown; bytes follow the packets; a service
//! counts what its servers count. The rates are the kernel's moving averages of these very counters
//! (`ip_vs_est.c`: every 2 s, average += (sample - average) / 4 in fixed point), so they are worked
//! out again, and only where that fails is the difference written.

use super::coder::{Bit, Number, Pipe};
use crate::ipvs::{Counters, Rates, Stats};

/// Connections, packets in and out, bytes in and out.
pub(super) type Five = [u64; 5];

/// Bits behind the point of the kernel's averages.
const POINT: [u32; 5] = [10, 10, 10, 5, 5];

/// The kernel's averages of one row, as far as they can be worked out.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter {
    averages: [i64; 5],
    /// Whether the row's counters moved with the last snapshot.
    moved: bool,
}

impl Meter {
    /// Takes in what was added in `steps` estimations; returns the rates that the kernel shows
    /// then.
    fn step(&mut self, added: &Five, steps: u64) -> Five {
        let mut shown = [0; 5];
        let each = self.averages.iter_mut().zip(added).zip(POINT).zip(&mut shown);
        for (((average, added), point), shown) in each {
            let sample = ((added / steps.max(1)) as i64).wrapping_shl(point - 1);
            for _ in 0..steps {
                *average = average.wrapping_add(sample.wrapping_sub(*average) >> 2);
            }
            *shown = (average.wrapping_add((1 << (point - 1)) - 1) >> point) as u64;
        }
        shown
    }

    /// Takes in the rates that the kernel did show.
    fn settle(&mut self, shown: &Five) {
        for ((average, shown), point) in self.averages.iter_mut().zip(shown).zip(POINT) {
            let least = (*shown as i64).wrapping_shl(point).wrapping_sub((1 << (point - 1)) - 1);
            let most = least.wrapping_add((1 << point) - 1);
            *average = if least <= most { (*average).clamp(least, most) } else { least };
        }
    }
}

/// What is learnt of one kind of row: servers, services, totals.
#[derive(Clone, Debug, Default)]
pub(super) struct MeterModels {
    known: [Bit; 2],
    moved: [Bit; 4],
    counters: [Number; 5],
    rates: [Number; 5],
}

/// What is known before a row is passed.
pub(super) struct Guess<'a> {
    /// What it showed with the last snapshot.
    pub(super) last: Option<&'a Stats>,
    /// What its parts have added to their counters; `None` for a row without parts.
    pub(super) parts: Option<Five>,
    /// How often the kernel has estimated since the last snapshot, more or less.
    pub(super) steps: u64,
    /// Whether the row before it has moved.
    pub(super) neighbour: bool,
}

/// A row's stats, and what they have added.
pub(super) struct Passed {
    pub(super) stats: Option<Stats>,
    pub(super) added: Five,
    pub(super) moved: bool,
}

impl MeterModels {
    /// Passes the stats of one row through.
    pub(super) fn pass(
        &mut self,
        pipe: &mut impl Pipe,
        guess: &Guess<'_>,
        now: Option<&Stats>,
        meter: &mut Meter,
    ) -> Passed {
        let [unknown, known] = &mut self.known;
        let model = if guess.last.is_some() { known } else { unknown };
        if !pipe.bit(model, now.is_some()) {
            return Passed { stats: None, added: [0; 5], moved: false };
        }
        let last = guess.last.copied().unwrap_or_default();
        let now = now.copied().unwrap_or_default();
        let [a, b, c, d] = &mut self.moved;
        let model = match (meter.moved, guess.neighbour) {
            (false, false) => a,
            (false, true) => b,
            (true, false) => c,
            (true, true) => d,
        };
        meter.moved = pipe.bit(model, guess.last != Some(&now));
        if !meter.moved {
            return Passed { stats: Some(last), added: [0; 5], moved: false };
        }
        let (before, rates) = (counters(&last.counters), five(&last.rates));
        let wanted = counters(&now.counters);
        let mut added = [0; 5];
        for column in 0..5 {
            let guessed = match guess.parts {
                Some(parts) => at(&parts, column),
                None => expected(column, &rates, &added, guess.steps),
            };
            let is = at(&wanted, column).wrapping_sub(at(&before, column));
            let off = is.wrapping_sub(guessed) as i64;
            let model = self.counters.get_mut(column);
            let off = model.map_or(0, |model| model.pass(pipe, off));
            if let Some(added) = added.get_mut(column) {
                *added = guessed.wrapping_add(off as u64);
            }
        }
        let shown = meter.step(&added, guess.steps);
        let wanted = five(&now.rates);
        let mut told = [0; 5];
        for column in 0..5 {
            let off = at(&wanted, column).wrapping_sub(at(&shown, column)) as i64;
            let model = self.rates.get_mut(column);
            let off = model.map_or(0, |model| model.pass(pipe, off));
            if let Some(told) = told.get_mut(column) {
                *told = at(&shown, column).wrapping_add(off as u64);
            }
        }
        meter.settle(&told);
        let mut totals = before;
        for (total, added) in totals.iter_mut().zip(&added) {
            *total = total.wrapping_add(*added);
        }
        let stats = Stats { counters: of_counters(totals), rates: of_rates(told) };
        Passed { stats: Some(stats), added, moved: true }
    }
}

/// What a column has most likely added, given what those before it have.
fn expected(column: usize, rates: &Five, added: &Five, steps: u64) -> u64 {
    let rate = at(rates, column);
    let by_time = rate.wrapping_mul(2).wrapping_mul(steps);
    // Bytes follow their packets.
    let packets = match column {
        3 | 4 => column - 2,
        _ => return by_time,
    };
    match at(rates, packets) {
        0 => by_time,
        pps => (u128::from(at(added, packets)) * u128::from(rate) / u128::from(pps)) as u64,
    }
}

fn at(five: &Five, column: usize) -> u64 {
    five.get(column).copied().unwrap_or(0)
}

/// Adds what a part has added.
pub(super) fn sum(all: &mut Five, part: &Five) {
    for (all, part) in all.iter_mut().zip(part) {
        *all = all.wrapping_add(*part);
    }
}

fn counters(c: &Counters) -> Five {
    [c.connections, c.in_packets, c.out_packets, c.in_bytes, c.out_bytes]
}

fn five(r: &Rates) -> Five {
    [r.connections, r.in_packets, r.out_packets, r.in_bytes, r.out_bytes]
}

fn of_counters([connections, in_packets, out_packets, in_bytes, out_bytes]: Five) -> Counters {
    Counters { connections, in_packets, out_packets, in_bytes, out_bytes }
}

fn of_rates([connections, in_packets, out_packets, in_bytes, out_bytes]: Five) -> Rates {
    Rates { connections, in_packets, out_packets, in_bytes, out_bytes }
}
