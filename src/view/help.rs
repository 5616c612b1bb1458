//! Every key with what it does, from the one command table.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use super::Look;
use super::frame::framed;
use crate::command::Command;
use crate::model::{Model, Scroll};

/// Cells of a column.
const WIDTH: u16 = 59;
/// Cells for the keys of a command.
const KEYS: usize = 18;

/// Draws it; returns the part that scrolls, and how many lines there are.
pub(super) fn draw(
    model: &Model,
    scroll: Scroll,
    look: &Look,
    area: Rect,
    frame: &mut Frame<'_>,
) -> (Rect, usize) {
    let theme = &look.theme;
    let mut lines: Vec<Line<'_>> = model
        .commands()
        .into_iter()
        .map(|spec| {
            Line::from(vec![
                Span::styled(format!("{}  ", keys(model.keys.of(spec.command), look)), theme.key),
                Span::styled(spec.doc, theme.text),
            ])
        })
        .collect();
    let (glyphs, key) = (&look.glyphs, |command| model.keys.say(command));
    let drained = format!("weight 0 and drained: {} shows how far", key(Command::ViewDrains));
    let changed = format!("changed by someone else; {} tells", key(Command::Open));
    for (glyph, meaning) in [
        (glyphs.quiesced, "weight 0: takes no new connections"),
        (glyphs.draining, drained.as_str()),
        (glyphs.ramping, "its weight comes back in steps"),
        (glyphs.changed, changed.as_str()),
        (glyphs.flapping, "its weight goes back and forth"),
        (glyphs.trouble, "needs an operator: the foot tells why"),
        (glyphs.gap, "in a line of values: nothing is known"),
    ] {
        lines.push(Line::from(Span::styled(format!("{glyph:>KEYS$}  {meaning}"), theme.dim)));
    }
    // As many columns as are needed and fit.
    let all = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let rows = area.height.saturating_sub(2).max(1);
    let columns = all.div_ceil(rows).min(area.width.saturating_sub(2) / WIDTH).max(1);
    let deep = all.div_ceil(columns);
    let more = deep.saturating_sub(rows);
    // Every key that moves nothing closes help, so one of these always does.
    let key = |command| model.keys.first(command);
    let close = key(Command::Close).or_else(|| key(Command::Help)).unwrap_or_default();
    let title = match key(Command::Down) {
        Some(down) if more > 0 => format!(" Keys ({close} closes, {down} shows more) "),
        _ => format!(" Keys ({close} closes) "),
    };
    let (wide, high) = (columns * WIDTH + 2, deep.saturating_add(2).min(area.height));
    let inner = framed(&title, wide, high, look, area, frame);
    let parts = Layout::horizontal(vec![Constraint::Fill(1); columns.into()]).split(inner);
    let top = u16::try_from(scroll.top()).unwrap_or(u16::MAX).min(more);
    for (part, lines) in parts.iter().zip(lines.chunks(deep.max(1).into())) {
        frame.render_widget(Paragraph::new(lines.to_vec()).scroll((top, 0)), *part);
    }
    (inner, deep.into())
}

/// As many of a command's keys as there is room for; what is left out is told by an ellipsis.
fn keys(names: &[String], look: &Look) -> String {
    let mut text = names.join(" ");
    for shown in (1..names.len()).rev() {
        if text.width() <= KEYS {
            break;
        }
        text = format!(
            "{} {}",
            names.get(..shown).unwrap_or_default().join(" "),
            look.glyphs.ellipsis
        );
    }
    let space = KEYS.saturating_sub(text.width());
    format!("{:space$}{text}", "")
}
