//! Groups of connections, with estimates, errors and bars.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::super::cells::{left, right};
use super::super::columns::Span;
use super::super::{HitBoxes, Look, number, place};
use crate::connections::{Group, Key, Stage, Survey, Tally};
use crate::ipvs::span;
use crate::model::{Hit, Model, Order};

const NUMBER: u16 = 6;
const COUNT: u16 = 8;
/// The shortest bar that still compares.
const BAR: u16 = 8;
const LONGEST_BAR: u16 = 40;
/// The least for an IPv4 client, a service of which at least is told apart.
const NAME: u16 = 20;
/// Where clients have names: an address, and enough of a name.
const NAMED: u16 = 36;

/// Columns from left to right; one of width 0 is not drawn.
#[derive(Clone, Copy, Debug)]
struct Columns {
    name: Span,
    count: Span,
    error: Span,
    share: Span,
    bar: Span,
    established: Span,
    opening: Span,
    closing: Span,
    ended: Span,
    templates: Span,
    longest: Span,
}

/// Lays `area` out. Names get `least` cells, and up to `names`, the widest, of what is left over;
/// `exact` says that there are no errors.
fn columns(area: Rect, least: u16, names: u16, exact: bool) -> Columns {
    let error = if exact { 0 } else { COUNT };
    let mut left = area.width.saturating_sub(least + 1 + COUNT + 1 + NUMBER + 1 + BAR);
    let mut take = |width: u16| {
        let taken = if width > 0 && left > width { 1 + width } else { 0 };
        left -= taken;
        taken.saturating_sub(1)
    };
    // What matters most has its room first.
    let error = take(error);
    let opening = take(NUMBER);
    let established = take(NUMBER);
    let templates = take(NUMBER);
    let longest = take(NUMBER);
    let ended = take(NUMBER);
    let closing = take(NUMBER);
    let name = least + left.min(names.saturating_sub(least));
    left -= name - least;
    let bar = BAR + left.min(LONGEST_BAR - BAR);
    let mut x = area.x;
    let mut next = |width: u16| {
        let gap = u16::from(width > 0 && x > area.x);
        let span = Span { x: x + gap, width };
        x += gap + width;
        span
    };
    Columns {
        name: next(name),
        count: next(COUNT),
        error: next(error),
        share: next(NUMBER),
        bar: next(bar),
        established: next(established),
        opening: next(opening),
        closing: next(closing),
        ended: next(ended),
        templates: next(templates),
        longest: next(longest),
    }
}

pub(super) fn draw(
    model: &Model,
    survey: &Survey,
    look: &Look,
    (heads, lines): (Rect, Rect),
    hits: &mut HitBoxes,
    frame: &mut Frame<'_>,
) {
    let connections = &model.connections;
    let groups = &connections.list().groups;
    let shown = groups.iter().skip(connections.top()).take(lines.height.into());
    let named = |one: &Group| name(model, one).width() + 2;
    let widest = shown.clone().map(named).max().unwrap_or(0);
    let widest = u16::try_from(widest).unwrap_or(u16::MAX);
    let has_names = shown.clone().any(|one| is_named(model, one));
    let least = if has_names && heads.width >= 80 { widest.clamp(NAME, NAMED) } else { NAME };
    let columns = columns(heads, least, widest, survey.is_whole());
    let most = groups.iter().map(|one| one.tally.rows()).max().unwrap_or(1);
    let painter = Painter { model, survey, look, columns, most };
    painter.head(heads.y, hits, frame);
    for (place, (y, one)) in (connections.top()..).zip((lines.y..).zip(shown)) {
        painter.row(one, place == connections.place(), y, frame);
    }
}

/// A client with its name, if that is known and asked for.
fn name(model: &Model, one: &Group) -> String {
    match one.key {
        Key::Client(client) => match model.connections.names.of(client) {
            Some(name) => format!("{client} {name}"),
            None => client.to_string(),
        },
        _ => one.key.to_string(),
    }
}

/// Whether it is a client whose name is shown.
fn is_named(model: &Model, one: &Group) -> bool {
    matches!(one.key, Key::Client(client) if model.connections.names.of(client).is_some())
}

struct Painter<'a> {
    model: &'a Model,
    survey: &'a Survey,
    look: &'a Look,
    columns: Columns,
    most: u64,
}

impl Painter<'_> {
    fn head(&self, y: u16, hits: &mut HitBoxes, frame: &mut Frame<'_>) {
        let (c, theme, glyphs) = (&self.columns, &self.look.theme, &self.look.glyphs);
        let (order, reversed) = self.model.connections.order();
        let arrow = if order.descends(reversed) { glyphs.down } else { glyphs.up };
        let word = self.model.connections.by().map_or("", crate::connections::By::word);
        let mark = if order == Order::Name { arrow } else { " " };
        left(&format!(" {mark}{word}"), theme.head, c.name, y, frame);
        hits.add(c.name.row(y), Hit::Order(Order::Name));
        for (word, span, by) in [
            ("Conns", c.count, Order::Count),
            ("Error", c.error, Order::Count),
            ("Share", c.share, Order::Count),
            ("Estab", c.established, Order::Stage(Stage::Established)),
            ("Open", c.opening, Order::Stage(Stage::Opening)),
            ("Close", c.closing, Order::Stage(Stage::Closing)),
            ("Ended", c.ended, Order::Stage(Stage::Ended)),
            ("Tmpl", c.templates, Order::Stage(Stage::Template)),
            ("Timer", c.longest, Order::Longest),
        ] {
            let sorted = by == order && (by != Order::Count || span == c.count);
            let text = if sorted { format!("{arrow}{word}") } else { word.to_owned() };
            let style = if sorted { theme.header } else { theme.head };
            right(&text, style, span, y, frame);
            hits.add(span.row(y), Hit::Order(by));
        }
    }

    fn row(&self, one: &Group, selected: bool, y: u16, frame: &mut Frame<'_>) {
        let (c, theme, survey) = (&self.columns, &self.look.theme, self.survey);
        let style = theme.text;
        let room = usize::from(c.name.width.saturating_sub(2));
        // A name is known by its beginning, an address by its end too.
        let cut = if is_named(self.model, one) { place::begin } else { place::fit };
        let name = cut(&name(self.model, one), room, self.look.glyphs.ellipsis);
        left(&format!("  {name}"), style, c.name, y, frame);
        let count = survey.scale.count(one.tally);
        right(&number::short(count.value, c.count.width.into()), style, c.count, y, frame);
        let error = match count.error() {
            None => self.look.glyphs.unknown.to_owned(),
            Some(error) => format!("±{}", number::short(error, usize::from(COUNT) - 1)),
        };
        right(&self.look.glyphs.say(&error), theme.dim, c.error, y, frame);
        let all = self.survey.rows.len() as u64;
        let share = one.tally.rows() as f64 / (all as f64).max(1.0) * 100.0;
        let digits = usize::from(share < 9.95);
        right(&format!("{share:.digits$}%"), style, c.share, y, frame);
        self.bar(one, y, frame);
        let mut stage = |stage: Stage, span: Span, style: Style| {
            let rows = u64::from(one.at(stage));
            let shown = match rows {
                0 => String::new(),
                _ => number::short(self.like(rows, one.tally), span.width.into()),
            };
            right(&shown, style, span, y, frame);
        };
        stage(Stage::Established, c.established, style);
        stage(Stage::Opening, c.opening, style);
        stage(Stage::Closing, c.closing, style);
        stage(Stage::Ended, c.ended, style);
        stage(Stage::Template, c.templates, style);
        right(&span(one.longest.into()), style, c.longest, y, frame);
        if selected {
            // Not over the bar: a reversed one says the opposite.
            for span in [Span { x: c.name.x, width: c.bar.x - c.name.x }, after(c)] {
                frame.buffer_mut().set_style(span.row(y), theme.selected);
            }
            left(self.look.glyphs.cursor, theme.selected, c.name, y, frame);
        }
    }

    /// Rows of a group that are alike, in the whole table.
    fn like(&self, rows: u64, group: Tally) -> u64 {
        // How many of them the counters count is told of the group alone.
        let counted = (rows * group.counted).checked_div(group.rows()).unwrap_or(0);
        self.survey.scale.count(Tally { counted, beside: rows - counted }).value
    }

    fn bar(&self, one: &Group, y: u16, frame: &mut Frame<'_>) {
        let span = self.columns.bar;
        let part = one.tally.rows() as f64 / self.most.max(1) as f64;
        let full = self.look.glyphs.bars.full;
        let cells = (part * f64::from(span.width)).ceil() as usize;
        left(&full.repeat(cells.max(1)), self.look.theme.connections, span, y, frame);
    }
}

/// What stands right of the bar.
fn after(c: &Columns) -> Span {
    let last = [c.longest, c.templates, c.ended, c.closing, c.opening, c.established, c.bar];
    let end = last.iter().map(|span| span.x + span.width).max().unwrap_or(0);
    let start = c.bar.x + c.bar.width;
    Span { x: start, width: end.saturating_sub(start) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_is_filled_and_never_overrun() {
        for width in 58..=300 {
            for (names, exact) in [(8, true), (22, false), (60, true), (60, false)] {
                let c = columns(Rect::new(0, 0, width, 1), NAME, names, exact);
                let end = after(&c).x + after(&c).width;
                assert!(end <= width, "{width} {names}: {c:?}");
                assert!(c.name.width >= NAME && c.bar.width >= BAR, "{width}: {c:?}");
                assert!(width < 80 || c.templates.width > 0, "{width}: {c:?}");
                let c = columns(Rect::new(0, 0, width.max(80), 1), NAMED, names, exact);
                assert!(after(&c).x + after(&c).width <= width.max(80), "{width}: {c:?}");
                assert!(c.name.width >= NAMED && c.bar.width >= BAR, "{width}: {c:?}");
            }
        }
    }
}
