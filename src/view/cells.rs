//! Text and lines of values in their cells.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Sparkline, SparklineBar};
use unicode_width::UnicodeWidthStr;

use super::Look;
use super::columns::Span;

/// The time that lines of values span.
pub(super) const WINDOW: Duration = Duration::from_secs(60);
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

/// Values as columns, as high as `area`, scaled to the largest of them. Anything above 0 shows as
/// something.
pub(super) fn line(
    values: &[Option<f32>],
    style: Style,
    look: &Look,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    scaled(values, largest(values), style, look, area, frame);
}

/// The largest of some values; 0 of none.
pub(super) fn largest(values: &[Option<f32>]) -> f32 {
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
        .style(style);
    frame.render_widget(line, area);
}
