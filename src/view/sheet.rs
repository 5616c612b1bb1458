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
/// How much further the other lines of a sentence in a list are indented.
const HANGING: usize = 2;
/// A label's cells.
const LABEL: usize = 14;

/// A line, and what the line of values at its end is of.
struct Item<V> {
    line: Line<'static>,
    past: Option<V>,
}

/// Lines of a width.
pub(super) struct Sheet<'a, V = Metric> {
    pub(super) look: &'a Look,
    width: usize,
    label: Style,
    items: Vec<Item<V>>,
}

impl<V: Copy> Sheet<'_, V> {
    pub(super) fn new(look: &Look, width: u16) -> Sheet<'_, V> {
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

    /// A sentence of a list: what its first line has no room for is indented further.
    pub(super) fn item(&mut self, indent: usize, text: &str, style: Style) {
        let mut indent = indent;
        let room = self.width.saturating_sub(indent + HANGING + 1);
        for (n, piece) in page::wrap(text, room).into_iter().enumerate() {
            if n == 1 {
                indent += HANGING;
            }
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
    pub(super) fn curve(&mut self, line: Line<'static>, past: V) {
        self.items.push(Item { line, past: Some(past) });
    }

    /// How many lines there are.
    pub(super) fn lines(&self) -> usize {
        self.items.len()
    }

    /// Draws from the line `top` on. Where not all lines fit, the last row says how many are below
    /// and which `key` shows them; it is never laid over a line. Returns where the lines are.
    pub(super) fn draw(&self, key: &str, top: usize, area: Rect, frame: &mut Frame<'_>) -> Rect {
        let page = self.page(area);
        for (item, row) in self.rows(top, page) {
            frame.render_widget(&item.line, row);
        }
        let below = self.items.len().saturating_sub(top + usize::from(page.height));
        if below > 0 && page.height < area.height {
            let s = if below == 1 { "" } else { "s" };
            let text = format!("{key}: {below} more line{s}");
            let all = Span { x: area.x, width: area.width };
            right(&text, self.look.theme.key, all, page.bottom(), frame);
        }
        page
    }

    /// The part of `area` that lines are drawn in.
    pub(super) fn page(&self, area: Rect) -> Rect {
        Rect { height: page_height(self.items.len(), area.height), ..area }
    }

    /// The lines with values that are on the `page`, and where.
    pub(super) fn curves(&self, top: usize, page: Rect) -> impl Iterator<Item = (V, Rect)> {
        self.rows(top, page).filter_map(|(item, row)| Some((item.past?, row)))
    }

    fn rows(&self, top: usize, page: Rect) -> impl Iterator<Item = (&Item<V>, Rect)> {
        let rows = (page.y..page.bottom()).map(move |y| Rect { y, height: 1, ..page });
        self.items.iter().skip(top).zip(rows)
    }
}

/// How many of so many lines are in sight at once on so many rows: without the row that says how
/// many more there are, where it is needed.
pub(super) fn page_height(lines: usize, rows: u16) -> u16 {
    if lines > usize::from(rows) && rows > 1 { rows - 1 } else { rows }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::{glyphs, theme};

    #[test]
    fn what_is_said_of_lines_below_hides_none_of_them() {
        let look = Look { theme: theme::Theme::default(), glyphs: glyphs::ASCII };
        let drawn = |lines: usize, top: usize| {
            let mut sheet: Sheet<'_> = Sheet::new(&look, 20);
            (0..lines).for_each(|n| sheet.line(Line::raw(format!("line {n}"))));
            let mut terminal = Terminal::new(TestBackend::new(20, 3)).unwrap();
            terminal
                .draw(|frame| {
                    sheet.draw("Down", top, frame.area(), frame);
                })
                .unwrap();
            let cells = terminal.backend().buffer().content().to_vec();
            let text: String = cells.iter().map(ratatui::buffer::Cell::symbol).collect();
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(drawn(3, 0), "line 0 line 1 line 2");
        assert_eq!(drawn(4, 0), "line 0 line 1 Down: 2 more lines");
        assert_eq!(drawn(4, 1), "line 1 line 2 Down: 1 more line");
        assert_eq!(drawn(4, 2), "line 2 line 3");
    }

    #[test]
    fn a_long_sentence_of_a_list_is_told_from_the_next() {
        let look = Look { theme: theme::Theme::default(), glyphs: glyphs::ASCII };
        let mut sheet: Sheet<'_> = Sheet::new(&look, 20);
        sheet.item(3, "one two three four five", Style::new());
        let lines: Vec<String> = sheet.items.iter().map(|item| item.line.to_string()).collect();
        assert_eq!(lines, ["   one two three", "     four five"]);
    }
}
