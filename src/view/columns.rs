//! Which columns the width has room for, and where they are.
//!
//! ```text
//!  cursor state name                    Fwd Weight Active  InAct  rates… conns────── rate───────
//! ```

use ratatui::layout::Rect;

use super::cells::LONGEST_LINE;
use crate::history::Metric;

/// The table's columns from left to right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// Cursor, state and name.
    pub name: Span,
    /// Forwarding method.
    pub forwarding: Span,
    /// Weight.
    pub weight: Span,
    /// Active connections.
    pub active: Span,
    /// Inactive connections.
    pub inactive: Span,
    /// Rates as numbers.
    pub rates: Vec<(Metric, Span)>,
    /// The line of connections.
    pub connections: Span,
    /// The line of the chosen rate.
    pub rate: Span,
}

/// A column's place in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub x: u16,
    pub width: u16,
}

impl Span {
    pub(super) fn row(self, y: u16) -> Rect {
        Rect::new(self.x, y, self.width, 1)
    }
}

const NUMBER: u16 = 6;
const FORWARDING: u16 = 6;
/// The cell of the mark.
pub(super) const MARK: u16 = 1;
/// The cell of the state's sign.
pub(super) const STATE: u16 = 2;
/// Cursor, mark, state and a space before the name.
pub(super) const PREFIX: u16 = 4;
/// The shortest line of values that still shows a shape.
const LINE: u16 = 9;
/// Cursor, state, and an IPv4 service with its scheduler.
const NAME: u16 = 24;

/// Lays `area` out. `names` is the widest name of a server, `chosen` the rate that is shown.
pub(super) fn columns(area: Rect, names: u16, chosen: Metric) -> Columns {
    let fixed = 1 + FORWARDING + 3 * (1 + NUMBER);
    let lines = |line: u16| 2 * (1 + line);
    // The chosen rate first; more of them while there is room for everything else.
    let mut rates = vec![chosen];
    let others = || Metric::RATES.into_iter().filter(move |m| *m != chosen);
    let free = |names: u16, n: u16, line| {
        area.width.checked_sub(names + fixed + n * (1 + NUMBER) + lines(line))
    };
    let wanted = names.saturating_add(PREFIX).max(NAME);
    if free(wanted, 5, 2 * LINE).is_some() {
        rates.extend(others());
        rates.sort_by_key(|m| Metric::RATES.iter().position(|r| r == m));
    }
    let n = u16::try_from(rates.len()).unwrap_or(1);
    let numbers = fixed + n * (1 + NUMBER);
    // Lines shorter than a shape are left out, that of the rate first.
    let room = area.width.saturating_sub(numbers + lines(LINE));
    // An address is what is acted upon: lines give way before it is cut.
    // Where even that is not enough, it is cut and the lines stay.
    let room =
        [room, area.width.saturating_sub(numbers + 1 + LINE), area.width.saturating_sub(numbers)]
            .into_iter()
            .find(|room| *room >= wanted)
            .unwrap_or(room);
    let name = wanted.min(room).max(NAME);
    let left = area.width.saturating_sub(name + numbers);
    let (connections, rate) = match left {
        0..10 => (0, 0),
        10..20 => (left - 1, 0),
        _ => ((left / 2 - 1).min(LONGEST_LINE), (left / 2 - 1).min(LONGEST_LINE)),
    };
    let used = connections + rate + 2;
    let name = name + left.saturating_sub(used).min(40);

    let mut x = area.x;
    let mut next = |gap: u16, width: u16| {
        let span = Span { x: x + gap, width };
        x += gap + width;
        span
    };
    Columns {
        name: next(0, name),
        forwarding: next(1, FORWARDING),
        weight: next(1, NUMBER),
        active: next(1, NUMBER),
        inactive: next(1, NUMBER),
        rates: rates.into_iter().map(|m| (m, next(1, NUMBER))).collect(),
        connections: next(u16::from(connections > 0), connections),
        rate: next(u16::from(rate > 0), rate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_is_filled_and_never_overrun() {
        for width in 80..=300 {
            for names in [10, 21, 46] {
                let area = Rect::new(0, 0, width, 1);
                let c = columns(area, names, Metric::Cps);
                let end = c.rate.x + c.rate.width;
                assert!(end <= width, "{width} {names}: {c:?}");
                assert!(c.name.width >= NAME);
                assert!(names > 21 || c.rate.width >= LINE, "{width} {names}: {c:?}");
            }
        }
    }

    #[test]
    fn a_narrow_screen_does_without_lines() {
        for width in 60..80 {
            let c = columns(Rect::new(0, 0, width, 1), 21, Metric::Cps);
            assert!(c.rate.x + c.rate.width <= width, "{width}: {c:?}");
        }
    }

    #[test]
    fn a_wide_screen_shows_every_rate() {
        let c = columns(Rect::new(0, 0, 200, 1), 21, Metric::InBps);
        assert_eq!(c.rates.iter().map(|r| r.0).collect::<Vec<_>>(), Metric::RATES);
    }
}
