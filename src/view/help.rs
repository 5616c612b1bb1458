//! Every key with what it does, from the one command table.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::Look;
use super::frame::framed;
use crate::command::available;
use crate::model::Model;

pub(super) fn draw(model: &Model, scrolled: u16, look: &Look, area: Rect, frame: &mut Frame<'_>) {
    let theme = &look.theme;
    let mut lines: Vec<Line<'_>> = available(model.read_only)
        .map(|spec| {
            Line::from(vec![
                Span::styled(format!("{:>18}  ", spec.keys.join(" ")), theme.key),
                Span::styled(spec.doc, theme.text),
            ])
        })
        .collect();
    let glyphs = &look.glyphs;
    for (glyph, meaning) in [
        (glyphs.quiesced, "weight 0: takes no new connections"),
        (glyphs.draining, "weight 0 and drained: 4 shows how far"),
        (glyphs.ramping, "its weight comes back in steps"),
    ] {
        lines.push(Line::from(Span::styled(format!("{glyph:>18}  {meaning}"), theme.dim)));
    }
    let all = u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let height = all.saturating_add(2).min(area.height);
    let more = all.saturating_sub(height.saturating_sub(2));
    let title =
        if more > 0 { " Keys (Esc closes, Down shows more) " } else { " Keys (Esc closes) " };
    let inner = framed(title, 62, height, look, area, frame);
    frame.render_widget(Paragraph::new(lines).scroll((scrolled.min(more), 0)), inner);
}
