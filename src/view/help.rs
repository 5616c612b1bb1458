//! Every key with what it does, from the one command table.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::Look;
use super::confirm::framed;
use crate::command::available;
use crate::model::Model;

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) {
    let theme = &look.theme;
    let mut lines: Vec<Line<'_>> = available(model.read_only)
        .map(|spec| {
            Line::from(vec![
                Span::styled(format!("{:>18}  ", spec.keys.join(" ")), theme.key),
                Span::styled(spec.doc, theme.text),
            ])
        })
        .collect();
    lines.push(Line::from(Span::styled(
        format!("{:>18}  a server with weight 0 takes no new connections", look.glyphs.quiesced),
        theme.dim,
    )));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let inner = framed(" Keys (Esc closes) ", 76, height, look, area, frame);
    frame.render_widget(Paragraph::new(lines), inner);
}
