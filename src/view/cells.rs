//! Text and lines of values in their cells.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Sparkline, SparklineBar};
use unicode_width::UnicodeWidthStr;

use super::Look;
use super::columns::Span;

/// A minute at a sample a second; longer lines say no more.
pub(super) const LONGEST_LINE: u16 = 60;

pub(super) fn left(text: &str, style: Style, span: Span, y: u16, frame: &mut Frame<'_>) {
    frame.buffer_mut().set_stringn(span.x, y, text, span.width.into(), style);
}

pub(super) fn right(text: &str, style: Style, span: Span, y: u16, frame: &mut Frame<'_>) {
    let short = u16::try_from(text.width()).unwrap_or(span.width).min(span.width);
    let x = span.x + span.width - short;
    frame.buffer_mut().set_stringn(x, y, text, short.into(), style);
}

/// Values as columns, as high as `area`: a chart is scaled to the largest of them, a line in a row
/// as [`ceiling`] tells. Anything above 0 shows as something.
pub(super) fn line(
    values: &[Option<f32>],
    style: Style,
    look: &Look,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let most = if area.height > 1 { largest(values) } else { ceiling(values) };
    scaled(values, most, style, look, area, frame);
}

/// What a line in a row is scaled to: the largest of its values, or twice their mean where that is
/// more. What is steady stands at half height: full blocks would be the loudest of the screen, and
/// tell the least. In halves of the largest, as a scale that moves with every value would draw all
/// of the line anew each time.
pub(super) fn ceiling(values: &[Option<f32>]) -> f32 {
    let (sum, known) =
        values.iter().flatten().fold((0.0_f32, 0.0_f32), |(sum, n), v| (sum + v, n + 1.0));
    let most = largest(values);
    if most <= 0.0 {
        return 0.0;
    }
    let halves = (4.0 * sum / known / most).ceil();
    most * (halves / 2.0).max(1.0)
}

/// The largest of some values; 0 of none.
fn largest(values: &[Option<f32>]) -> f32 {
    values.iter().flatten().copied().fold(0.0, f32::max)
}

/// Values as columns scaled to `most`. Anything above 0 shows as something, and nothing fills the
/// highest cell: rows of steady values would run into one another.
pub(super) fn scaled(
    values: &[Option<f32>],
    most: f32,
    style: Style,
    look: &Look,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let values = &begun(values);
    if look.glyphs.braille {
        return dots(values, most, style, look, area, frame);
    }
    let steps = 8 * u64::from(area.height);
    let top = steps.saturating_sub(1);
    let bars = values.iter().map(|value| {
        let height =
            value.map(|v| if most > 0.0 { (v / most * top as f32).ceil() as u64 } else { 0 });
        SparklineBar::from(height)
    });
    let glyphs = &look.glyphs;
    let line = Sparkline::default()
        .data(bars.collect::<Vec<_>>())
        .max(steps)
        .bar_set(glyphs.bars.clone())
        .absent_value_symbol(glyphs.gap)
        .absent_value_style(look.theme.gap)
        .style(style);
    frame.render_widget(line, area);
}

/// What was before the first value is no gap: a line begins there, and as it moves on its empty part
/// is not drawn anew, cell by cell, on every row. Where there is no value at all, nothing begins.
fn begun(values: &[Option<f32>]) -> Vec<Option<f32>> {
    let first = values.iter().position(Option::is_some).unwrap_or(0);
    values.iter().enumerate().map(|(n, value)| value.or((n < first).then_some(0.0))).collect()
}

/// How many values a line of so many cells shows: braille has two in a cell.
pub(super) fn samples(look: &Look, cells: u16) -> usize {
    usize::from(cells) * if look.glyphs.braille { 2 } else { 1 }
}

/// The dots of a braille cell from the lowest to the highest, of its left and right half
/// (Unicode 6.2, U+2800 and on).
const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];

/// Values as columns of dots, two in a cell, scaled to `most`. A cell of which one half is known
/// shows that half.
fn dots(
    values: &[Option<f32>],
    most: f32,
    style: Style,
    look: &Look,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let steps = 4 * u32::from(area.height);
    let height = |value: Option<f32>| match value {
        Some(value) if most > 0.0 => ((value / most * steps as f32).ceil() as u32).min(steps),
        _ => 0,
    };
    for (x, pair) in (area.x..area.right()).zip(values.chunks(2)) {
        if pair.iter().all(Option::is_none) {
            for y in area.y..area.bottom() {
                frame.buffer_mut().set_string(x, y, look.glyphs.gap, style.patch(look.theme.gap));
            }
            continue;
        }
        for (level, y) in (area.y..area.bottom()).rev().enumerate() {
            let below = 4 * u32::try_from(level).unwrap_or(0);
            let mut cell = 0;
            for (half, value) in DOTS.iter().zip(pair) {
                let lit = height(*value).saturating_sub(below).min(4);
                cell |= half.iter().take(lit as usize).fold(0, |all, dot| all | dot);
            }
            let symbol = char::from_u32(0x2800 + cell).filter(|_| cell > 0).unwrap_or(' ');
            if let Some(target) = frame.buffer_mut().cell_mut((x, y)) {
                target.set_char(symbol).set_style(style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{glyphs, theme};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn drawn(values: &[Option<f32>], width: u16, height: u16) -> String {
        let glyphs = glyphs::Glyphs { braille: true, ..glyphs::UNICODE };
        drawn_with(glyphs, values, width, height)
    }

    fn drawn_with(
        glyphs: glyphs::Glyphs,
        values: &[Option<f32>],
        width: u16,
        height: u16,
    ) -> String {
        let look = Look { theme: theme::Theme::default(), glyphs };
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|f| line(values, Style::new(), &look, f.area(), f)).unwrap();
        let cells = terminal.backend().buffer().content().to_vec();
        cells.iter().map(ratatui::buffer::Cell::symbol).collect()
    }

    #[test]
    fn braille_shows_two_values_in_a_cell_and_whatever_is_above_nothing() {
        let values = [0.0, 1.0, 2.0, 3.0, 4.0, 0.1].map(Some);
        assert_eq!(drawn(&values, 3, 1), "⢀⣴⣇");
        assert_eq!(drawn(&[Some(4.0), None, Some(2.0), Some(8.0)], 2, 2), " ⢸⡇⣿".replace('⣿', "⣼"));
        assert_eq!(drawn(&[None, Some(0.0)], 1, 1), " ");
        let gap = [Some(1.0), Some(0.0), None, None, Some(0.0), Some(0.0)];
        assert_eq!(drawn(&gap, 3, 1), "⡇· ");
        assert_eq!(drawn(&[None, None, Some(0.0), Some(0.0)], 2, 1), "  ", "it begins there");
        assert_eq!(drawn(&[None; 4], 2, 1), "··", "unknown is no zero");
    }

    #[test]
    fn a_gap_shows_as_one_and_not_as_nothing() {
        let values = [None, Some(1.0), None, Some(0.0), Some(2.0), Some(8.0)];
        for (glyphs, wanted) in [(glyphs::UNICODE, " ▁· ▂▇"), (glyphs::ASCII, " _. :%")] {
            assert_eq!(drawn_with(glyphs, &values, 6, 1), wanted);
        }
    }

    #[test]
    fn what_is_steady_stands_at_half_height_and_a_chart_fills() {
        let steady = [9.0, 10.0, 9.0, 10.0].map(Some);
        assert_eq!(drawn_with(glyphs::UNICODE, &steady, 4, 1), "▄▄▄▄");
        assert_eq!(drawn_with(glyphs::UNICODE, &steady, 4, 2), "▆▇▆▇████");
        assert_eq!(ceiling(&[Some(0.0), None, Some(10.0), Some(0.0)]), 10.0);
        let [more, less] = [[10.0, 6.0, 5.0], [10.0, 7.0, 6.0]].map(|v| ceiling(&v.map(Some)));
        assert_eq!((more, less), (15.0, 20.0), "by halves");
        assert_eq!(ceiling(&[None]), 0.0);
    }
}
