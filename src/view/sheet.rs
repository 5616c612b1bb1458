//! Text in lines that scroll: heads, labels, sentences.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span as Text};

use super::cells::right;
use super::columns::Span;
use super::{Look, page};
use crate::history::Metric;

/// The indentation of what belongs to a line above it.
pub(super) const INDENT: usize = 4;
/// A label's cells.
const LABEL: usize = 14;

/// A line, and the line of values at its end.
struct Item {
    line: Line<'static>,
    past: Option<Metric>,
}

/// Lines of a width.
pub(super) struct Sheet<'a> {
    pub(super) look: &'a Look,
    width: usize,
    label: Style,
    items: Vec<Item>,
}

impl Sheet<'_> {
    pub(super) fn new(look: &Look, width: u16) -> Sheet<'_> {
        let label = look.theme.detail_label;
        Sheet { look, width: width.into(), label, items: Vec::new() }
    }

    /// The same with labels in another style.
    pub(super) fn labelled(self, label: Style) -> Self {
        Self { label, ..self }
    }

    pub(super) fn line(&mut self, line: Line<'static>) {
        self.items.push(Item { line, past: None });
    }

    /// The head of a part, with an empty line before it.
    pub(super) fn head(&mut self, text: &str) {
        if !self.items.is_empty() {
            self.line(Line::default());
        }
        self.line(Line::styled(format!(" {text}"), self.look.theme.header));
    }

    /// A sentence over as many lines as it takes.
    pub(super) fn say(&mut self, indent: usize, text: &str, style: Style) {
        for piece in page::wrap(text, self.width.saturating_sub(indent + 1)) {
            self.line(Line::styled(format!("{:indent$}{piece}", ""), style));
        }
    }

    /// A label, and a sentence beside it.
    pub(super) fn pair(&mut self, label: &str, text: &str, style: Style) {
        self.wide_pair(label, LABEL, text, style);
    }

    /// The same with a label of so many cells.
    pub(super) fn wide_pair(&mut self, label: &str, cells: usize, text: &str, style: Style) {
        let mut label = label;
        for piece in page::wrap(text, self.width.saturating_sub(2 + cells + 1)) {
            self.line(Line::from(vec![
                Text::styled(format!("  {label:<cells$}"), self.label),
                Text::styled(piece, style),
            ]));
            label = "";
        }
    }

    /// A line, with a line of values at its end.
    pub(super) fn curve(&mut self, line: Line<'static>, past: Metric) {
        self.items.push(Item { line, past: Some(past) });
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> usize {
        self.items.len()
    }

    /// Draws from the line `top` on. Over the end of the last line it says how many are below.
    pub(super) fn draw(&self, top: usize, area: Rect, frame: &mut Frame<'_>) {
        for (item, row) in self.rows(top, area) {
            frame.render_widget(&item.line, row);
        }
        let below = self.items.len().saturating_sub(top + usize::from(area.height));
        if below > 0 && area.height > 0 {
            let s = if below == 1 { "" } else { "s" };
            let text = format!(" PageDown: {below} more line{s}");
            let all = Span { x: area.x, width: area.width };
            right(&text, self.look.theme.key, all, area.bottom() - 1, frame);
        }
    }

    /// The lines with values that are in `area`, and where.
    pub(super) fn curves(&self, top: usize, area: Rect) -> impl Iterator<Item = (Metric, Rect)> {
        self.rows(top, area).filter_map(|(item, row)| Some((item.past?, row)))
    }

    fn rows(&self, top: usize, area: Rect) -> impl Iterator<Item = (&Item, Rect)> {
        let rows = (area.y..area.bottom()).map(move |y| Rect { y, height: 1, ..area });
        self.items.iter().skip(top).zip(rows)
    }
}
