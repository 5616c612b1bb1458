//! The palette: commands that match what is typed, with their keys and what they do.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use super::frame::framed;
use super::{HitBoxes, Look, place};
use crate::model::{Found, Hit, Model};

/// Cells for a command's name and for its first key.
const NAME: usize = 18;
const KEY: usize = 10;

pub(super) fn draw(
    model: &Model,
    (input, chosen): (&Input, usize),
    look: &Look,
    area: Rect,
    hits: &mut HitBoxes,
    frame: &mut Frame<'_>,
) {
    let theme = &look.theme;
    let found = model.found(input.value());
    let most = area.height.saturating_sub(4).clamp(3, 16);
    let title = " Commands (Enter does it, Esc leaves) ";
    let inner = framed(title, 74, most + 3, look, area, frame);
    let label = " : ";
    let line = Line::from(vec![
        Span::styled(label, theme.focus),
        Span::styled(input.value().to_owned(), theme.input),
    ]);
    frame.render_widget(line, Rect { height: 1, ..inner });
    let cells = u16::try_from(label.width() + input.visual_cursor()).unwrap_or(u16::MAX);
    let x = inner.x.saturating_add(cells).min(inner.right().saturating_sub(1));
    frame.set_cursor_position(Position::new(x, inner.y));

    let rows = Rect { y: inner.y + 1, height: inner.height.saturating_sub(1), ..inner };
    if found.is_empty() {
        frame.render_widget(Line::styled(" no command matches that", theme.warning), rows);
        return;
    }
    let fit = usize::from(rows.height).max(1);
    let top = (chosen + 1).saturating_sub(fit);
    for (y, (n, found)) in (rows.y..rows.bottom()).zip(found.iter().enumerate().skip(top)) {
        let row = Rect { y, height: 1, ..rows };
        let key = model.keys.first(found.spec.command).unwrap_or("");
        let base = if n == chosen { theme.selected } else { theme.text };
        let doc_room = usize::from(row.width).saturating_sub(1 + NAME + 1 + KEY + 2);
        let mut spans = vec![Span::styled(" ", base)];
        spans.extend(letters(found.spec.name, &found.name, base, look));
        let gap = (NAME + 1).saturating_sub(found.spec.name.width());
        spans.push(Span::styled(
            format!("{:gap$}{key:<KEY$} ", ""),
            base.patch(key_style(look, n == chosen)),
        ));
        spans.extend(docs(found, doc_room, base, look));
        let line = Line::from(spans);
        frame.buffer_mut().set_style(row, base);
        frame.render_widget(line, row);
    }
    hits.add_rows(rows, top, Hit::Answer);
}

/// Keys stand out, but not from the chosen row.
fn key_style(look: &Look, chosen: bool) -> Style {
    if chosen { Style::new() } else { look.theme.key }
}

/// What a command does, with the letters that were found; where it has no room, its beginning.
fn docs(found: &Found, room: usize, base: Style, look: &Look) -> Vec<Span<'static>> {
    let doc = found.spec.doc;
    if doc.width() <= room {
        return letters(doc, &found.doc, base, look);
    }
    vec![Span::styled(place::begin(doc, room, look.glyphs.ellipsis), base)]
}

/// A text with the letters at `places` standing out.
fn letters(text: &'static str, places: &[u32], base: Style, look: &Look) -> Vec<Span<'static>> {
    let at = |n: usize| u32::try_from(n).is_ok_and(|n| places.binary_search(&n).is_ok());
    let letter = |(n, c): (usize, char)| {
        let style = if at(n) { base.patch(look.theme.matched) } else { base };
        Span::styled(c.to_string(), style)
    };
    text.chars().enumerate().map(letter).collect()
}
