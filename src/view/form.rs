//! A form in the middle of the screen:
//!
//! ```text
//! ┌ Edit a real server ────────────────────────┐
//! │   Real server      10.1.1.2:80             │
//! │   Forwarding       Masq                    │
//! │ ▌ Weight           20_  was 10             │   the field with the focus
//! │ ✗ Lower threshold  5                       │   a field that is wrong
//! │                                            │
//! │ what the field with the focus does, or     │
//! │ why it is wrong                            │
//! │ keys                                       │
//! └────────────────────────────────────────────┘
//! ```
//!
//! On a low screen the fields scroll, so that the one with the focus is always in sight.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use super::Look;
use super::frame::framed;
use super::place::fit;
use crate::model::{Field, FieldKind, Form};

/// What is said about a field gets so many lines.
const TOLD: u16 = 3;

/// Cursor, mark and a blank before the label.
const BEFORE: u16 = 3;

pub(super) fn draw(form: &Form, look: &Look, area: Rect, frame: &mut Frame<'_>) {
    let width = area.width.min(78);
    let label = form.fields.iter().map(|f| f.label.width()).max().unwrap_or_default();
    let label = u16::try_from(label).unwrap_or(u16::MAX);
    let narrow = width < 70;
    // One blank on the narrowest screen, where the longest IPv6 address then just fits.
    let before = BEFORE + label + if narrow { 1 } else { 2 };
    let room = width.saturating_sub(2 + before);
    // As high as with every field in sight, so that it stays where it is while fields come and go.
    let all: u16 = form.fields.iter().map(|f| lines(f, room)).sum();
    let height = all.saturating_add(TOLD + 4);
    let inner = framed(&format!(" {} ", form.title), width, height, look, area, frame);
    let [fields, between, told, keys] = Layout::vertical([
        Constraint::Fill(1),
        Constraint::Length(1),
        Constraint::Length(TOLD),
        Constraint::Length(1),
    ])
    .areas(inner);
    let painter = Painter { form, look, label, before, room };
    painter.fields(fields, between, frame);
    let margin = |area: Rect| Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let said = Paragraph::new(painter.told()).wrap(Wrap { trim: false });
    frame.render_widget(said, margin(told));
    let help = if narrow {
        "Tab moves  Left Right choose  Enter applies or asks  Esc"
    } else {
        "Tab Up Down move   Left Right choose   Enter applies or asks   Esc leaves"
    };
    frame.render_widget(Line::styled(help, look.theme.dim), margin(keys));
}

/// A key does not lose a character: it takes as many lines as it needs.
fn lines(field: &Field, room: u16) -> u16 {
    match &field.kind {
        FieldKind::Fixed(key) => {
            let lines = key.width().div_ceil(usize::from(room.max(1))).max(1);
            u16::try_from(lines).unwrap_or(u16::MAX)
        }
        _ => 1,
    }
}

struct Painter<'a> {
    form: &'a Form,
    look: &'a Look,
    /// Cells of the longest label, of everything before a value, and of a value.
    label: u16,
    before: u16,
    room: u16,
}

impl Painter<'_> {
    /// The fields that apply, as many as fit; `below` says which, if they are not all.
    fn fields(&self, area: Rect, below: Rect, frame: &mut Frame<'_>) {
        let applies = |(n, _): &(usize, &Field)| self.form.applies(*n);
        let shown: Vec<_> = self.form.fields.iter().enumerate().filter(applies).collect();
        // The fewest fields left out above that bring the focus onto the screen.
        let focus = shown.iter().position(|(n, _)| *n == self.form.focus).unwrap_or_default();
        let mut left = area.height;
        let mut first = focus;
        for (place, (_, field)) in shown.iter().enumerate().take(focus + 1).rev() {
            let Some(rest) = left.checked_sub(lines(field, self.room)) else { break };
            (left, first) = (rest, place);
        }
        let (mut y, mut last) = (area.y, first);
        for (place, (n, field)) in shown.iter().enumerate().skip(first) {
            let height = lines(field, self.room);
            if y + height > area.bottom() {
                break;
            }
            self.field(*n, field, Rect { y, height, ..area }, frame);
            (y, last) = (y + height, place + 1);
        }
        if first > 0 || last < shown.len() {
            let text = format!("   fields {}-{last} of {}", first + 1, shown.len());
            frame.render_widget(Line::styled(text, self.look.theme.dim), below);
        }
    }

    fn field(&self, n: usize, field: &Field, area: Rect, frame: &mut Frame<'_>) {
        let (theme, glyphs) = (&self.look.theme, &self.look.glyphs);
        let focused = n == self.form.focus;
        let cursor = if focused { glyphs.cursor } else { " " };
        let (mark, told) = match field.wrong {
            Some(_) => (glyphs.failed, theme.error),
            None => (" ", theme.text), // an error may be underlined, or a block
        };
        let name = format!("{:<width$}", field.label, width = usize::from(self.label));
        let line = Line::from(vec![
            Span::styled(cursor, theme.focus),
            Span::styled(mark, told),
            Span::styled(format!(" {name}"), if focused { theme.focus } else { theme.dim }),
        ]);
        frame.render_widget(line, area);
        let x = area.x + self.before;
        let area = Rect { x, width: area.right().saturating_sub(x), ..area };
        match &field.kind {
            FieldKind::Text(input) if focused => self.typed(field, input, area, frame),
            FieldKind::Fixed(key) => {
                let key: Vec<char> = key.chars().collect();
                let rows = key.chunks(usize::from(self.room.max(1)));
                let rows: Vec<Line<'_>> =
                    rows.map(|row| Line::raw(row.iter().collect::<String>())).collect();
                frame.render_widget(Paragraph::new(rows).style(theme.text), area);
            }
            _ => self.value(field, focused, area, frame),
        }
    }

    /// A value that is not being typed, and what it was.
    fn value(&self, field: &Field, focused: bool, area: Rect, frame: &mut Frame<'_>) {
        let theme = &self.look.theme;
        let empty = field.value().is_empty();
        let text = fit(field.shown(), area.width.into(), self.look.glyphs.ellipsis);
        let value = match focused {
            true => Span::styled(format!("< {text} >"), theme.selected),
            false => Span::styled(text, if empty { theme.dim } else { theme.text }),
        };
        let line = Line::from(vec![value, self.was(field)]);
        frame.render_widget(line, area);
    }

    /// The text with the terminal's cursor in it, scrolled so that the cursor is in sight.
    fn typed(&self, field: &Field, input: &Input, area: Rect, frame: &mut Frame<'_>) {
        let theme = &self.look.theme;
        let scroll = input.visual_scroll(area.width.saturating_sub(1).into());
        let at = input.visual_cursor().saturating_sub(scroll);
        let value = match input.value() {
            "" => Span::styled(format!(" {}", field.empty), theme.dim),
            text => Span::styled(text.to_owned(), theme.input),
        };
        let line = Line::from(vec![value, self.was(field)]);
        let scroll = u16::try_from(scroll).unwrap_or(u16::MAX);
        frame.render_widget(Paragraph::new(line).scroll((0, scroll)), area);
        let x = area.x.saturating_add(u16::try_from(at).unwrap_or(u16::MAX));
        frame.set_cursor_position(Position::new(x.min(area.right().saturating_sub(1)), area.y));
    }

    fn was(&self, field: &Field) -> Span<'static> {
        let was = field.was().map_or_else(String::new, |was| format!("   was {was}"));
        Span::styled(was, self.look.theme.dim)
    }

    /// Why the field with the focus is wrong, or else what it does and what is to be known of it.
    fn told(&self) -> Vec<Line<'static>> {
        let theme = &self.look.theme;
        let Some(field) = self.form.fields.get(self.form.focus) else { return Vec::new() };
        if let Some(wrong) = &field.wrong {
            let text = format!("{} {wrong}", self.look.glyphs.failed);
            return vec![Line::styled(text, theme.error)];
        }
        let note = self.form.note(self.form.focus);
        let note = note.map(|note| Line::styled(format!("! {note}"), theme.warning));
        std::iter::once(Line::styled(field.doc(), theme.text)).chain(note).collect()
    }
}
