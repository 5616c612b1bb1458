//! Which of the chosen columns the width has room for, and where they are.
//!
//! ```text
//!  cursor changed state mark name       Fwd Weight Active  InAct  rates… conns────── rate───────
//! ```

use ratatui::layout::Rect;

use super::cells::LONGEST_LINE;
use crate::history::Metric;
use crate::model::Column;

/// The table's columns from left to right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    /// Cursor, signs and name.
    pub name: Span,
    /// The others.
    pub cells: Vec<(Column, Span)>,
}

/// A column's place in the row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub x: u16,
    pub width: u16,
}

impl Span {
    pub(super) fn row(self, y: u16) -> Rect {
        Rect::new(self.x, y, self.width, 1)
    }

    pub(super) fn end(self) -> u16 {
        self.x + self.width
    }
}

impl Columns {
    /// Where a column is, if there was room for it.
    pub(super) fn of(&self, column: Column) -> Option<Span> {
        self.cells.iter().find(|(other, _)| *other == column).map(|(_, span)| *span)
    }

    /// The room of a service's name: it has nothing to say in the columns that are about servers.
    pub(super) fn service(&self) -> Span {
        let free = self.cells.iter().take_while(|(column, _)| column.is_of_servers());
        let end = free.last().map_or(self.name.end(), |(_, span)| span.end());
        Span { x: self.name.x, width: end - self.name.x }
    }
}

const NUMBER: u16 = 6;
/// The cell of the sign that somebody else has changed it.
pub(super) const CHANGED: u16 = 1;
/// The cell of the state's sign.
pub(super) const STATE: u16 = 2;
/// The cell of the mark: the one that touches the name, as no other sign does.
pub(super) const MARK: u16 = 3;
/// Cursor, what others did, state and mark before the name.
pub(super) const PREFIX: u16 = 4;
/// The shortest line of values that still shows a shape.
const LINE: u16 = 9;
/// Cursor, state, and an IPv4 service with its scheduler.
const NAME: u16 = 24;

/// The cells of a column where a line of values and a weight have so many.
fn width(column: Column, (line, weight): (u16, u16)) -> u16 {
    match column {
        Column::ConnectionsLine | Column::RateLine => line,
        Column::Weight => weight,
        Column::Share => 9,
        _ => NUMBER,
    }
}

/// The cells of all, with a gap before each.
fn needed(list: &[Column], cells: (u16, u16)) -> u16 {
    list.iter().map(|column| 1 + width(*column, cells)).sum()
}

/// What is to be seen in the widest of the rows on the screen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Widest {
    /// The name of a server.
    pub names: u16,
    /// A weight with the one before it.
    pub weights: u16,
}

/// Lays `area` out for the chosen columns. `rate` is the one that is shown.
pub(super) fn columns(area: Rect, seen: Widest, wanted: &[Column], rate: Metric) -> Columns {
    let widest = seen.names.saturating_add(PREFIX).max(NAME);
    let list = fitting(wanted, widest, area.width, rate);
    let weight = weight(&list, widest, seen.weights, area.width);
    let lines = u16::try_from(list.iter().filter(|c| c.is_line()).count()).unwrap_or(0);
    let numbers = needed(&list, (0, weight)).saturating_sub(lines);
    let shortest = lines * if weight > NUMBER { LINE } else { 1 + LINE };
    let name = widest.min(area.width.saturating_sub(numbers + shortest)).max(NAME);
    let left = area.width.saturating_sub(name + numbers);
    let line = left.checked_div(lines).unwrap_or(0).saturating_sub(1).min(LONGEST_LINE);
    let name = name + left.saturating_sub(lines * (1 + line)).min(40);

    let mut x = area.x + name;
    let mut next = |column: &Column| {
        let span = Span { x: x + 1, width: width(*column, (line, weight)) };
        x = span.end();
        (*column, span)
    };
    Columns { name: Span { x: area.x, width: name }, cells: list.iter().map(&mut next).collect() }
}

/// The cells of the weights: as many as are `wanted`, as far as no column goes for it and no more
/// of a name is cut. Lines of values give a cell each.
fn weight(list: &[Column], widest: u16, wanted: u16, width: u16) -> u16 {
    let name = widest.min(width.saturating_sub(needed(list, (LINE, NUMBER)))).max(NAME);
    let fits = |weight: &u16| name + needed(list, (LINE - 1, *weight)) <= width;
    (NUMBER + 1..=wanted).rev().find(fits).unwrap_or(NUMBER)
}

/// Leaves out what there is no room for.
fn fitting(wanted: &[Column], widest: u16, width: u16, rate: Metric) -> Vec<Column> {
    let fits = |list: &[Column], name: u16, line: u16| name + needed(list, (line, NUMBER)) <= width;
    // All rates while there is room for lines of some length beside them; else the chosen one.
    let mut list = wanted.to_vec();
    if list.iter().filter(|c| c.is_rate()).count() > 1 && !fits(&list, widest, 2 * LINE) {
        let first = list.iter().position(|c| c.is_rate()).unwrap_or(0);
        list.retain(|c| !c.is_rate());
        list.insert(first.min(list.len()), Column::Rate(rate));
    }
    // An address is what is acted upon: lines give way before it is cut, that of the rate first.
    // Where even that is not enough, it is cut and the lines stay.
    let without = |list: &[Column], gone: &[Column]| -> Vec<Column> {
        list.iter().copied().filter(|c| !gone.contains(c)).collect()
    };
    let fewer = [
        list.clone(),
        without(&list, &[Column::RateLine]),
        without(&list, &[Column::RateLine, Column::ConnectionsLine]),
    ];
    let whole = fewer.iter().find(|list| fits(list, widest, LINE));
    if let Some(list) = whole.or(fewer.iter().find(|list| fits(list, NAME, LINE))) {
        return list.clone();
    }
    // What was chosen beyond that gives way from the right, weights and connections last.
    let [_, _, mut list] = fewer;
    let kept = [Column::Weight, Column::Active];
    while !fits(&list, NAME, LINE)
        && let Some(last) = list.iter().rposition(|column| !kept.contains(column))
    {
        list.remove(last);
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid(width: u16, names: u16, wanted: &[Column]) -> Columns {
        weighed(width, (names, 0), wanted)
    }

    fn weighed(width: u16, (names, weights): (u16, u16), wanted: &[Column]) -> Columns {
        columns(Rect::new(0, 0, width, 1), Widest { names, weights }, wanted, Metric::Cps)
    }

    fn end(columns: &Columns) -> u16 {
        columns.cells.last().map_or(columns.name.end(), |(_, span)| span.end())
    }

    #[test]
    fn every_width_is_filled_and_never_overrun() {
        let all = Column::ALL.map(|(column, ..)| column);
        for wanted in [&Column::defaults()[..], &all, &[Column::Share], &[]] {
            for width in 60..=300 {
                for names in [10, 21, 46] {
                    let c = laid(width, names, wanted);
                    assert!(end(&c) <= width, "{width} {names}: {c:?}");
                    assert!(c.name.width >= NAME);
                    let line = c.of(Column::RateLine).map_or(LINE, |line| line.width);
                    assert!(line >= LINE, "{width} {names}: {c:?}");
                }
            }
        }
    }

    #[test]
    fn weights_get_room_where_nothing_else_goes_for_it() {
        let wanted = Column::defaults();
        for width in 60..=300 {
            for names in [10, 21, 46] {
                let (plain, wide) =
                    (laid(width, names, &wanted), weighed(width, (names, 10), &wanted));
                let list = |c: &Columns| c.cells.iter().map(|(c, _)| *c).collect::<Vec<_>>();
                assert_eq!(list(&plain), list(&wide), "{width} {names}");
                let weight = wide.of(Column::Weight).unwrap().width;
                assert!((6..=10).contains(&weight) && end(&wide) <= width, "{width} {names}");
                assert!(wide.name.width >= plain.name.width.min(names + PREFIX), "{width} {names}");
            }
        }
        let weight =
            |width, names| weighed(width, (names, 10), &wanted).of(Column::Weight).unwrap().width;
        assert_eq!((weight(60, 11), weight(80, 11), weight(120, 21)), (7, 9, 10));
    }

    #[test]
    fn a_narrow_screen_does_without_lines_and_most_rates() {
        for width in 60..80 {
            let c = laid(width, 21, &Column::defaults());
            let rates: Vec<Column> =
                c.cells.iter().map(|(c, _)| *c).filter(|c| c.is_rate()).collect();
            assert_eq!(rates, [Column::Rate(Metric::Cps)], "{width}");
            assert!(c.of(Column::Weight).is_some() && c.of(Column::Inactive).is_some());
        }
        assert!(laid(80, 21, &Column::defaults()).of(Column::RateLine).is_some());
        assert!(laid(70, 21, &Column::defaults()).of(Column::RateLine).is_none());
    }

    #[test]
    fn a_wide_screen_shows_every_column_in_the_chosen_order() {
        let wanted = Column::defaults();
        let c = laid(200, 21, &wanted);
        assert_eq!(c.cells.iter().map(|(c, _)| *c).collect::<Vec<_>>(), wanted);
        let wanted = [Column::ConnectionsLine, Column::Share, Column::Weight];
        let c = laid(80, 21, &wanted);
        assert_eq!(c.cells.iter().map(|(c, _)| *c).collect::<Vec<_>>(), wanted);
    }

    #[test]
    fn a_services_name_takes_the_room_of_what_is_about_servers() {
        let c = laid(120, 21, &Column::defaults());
        assert_eq!(c.service().end(), c.of(Column::Weight).unwrap().end());
        let c = laid(120, 21, &[Column::Active, Column::Weight]);
        assert_eq!(c.service(), c.name);
    }
}
