//! Choosing the table's columns.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::frame::framed;
use super::{HitBoxes, Look};
use crate::model::{Column, Hit};

pub(super) fn draw(
    (choices, chosen): (&[(Column, bool)], usize),
    look: &Look,
    area: Rect,
    hits: &mut HitBoxes,
    frame: &mut Frame<'_>,
) {
    let theme = &look.theme;
    let height = u16::try_from(choices.len()).unwrap_or(u16::MAX).saturating_add(4);
    let inner = framed(" Columns, from left to right ", 74, height, look, area, frame);
    let help = [
        " Space shows or hides, Left and Right move, y copies it for config.toml,",
        " Esc closes. What has no room on the screen is left out.",
    ];
    let rows = inner.height.saturating_sub(2);
    let list = Rect { height: rows, ..inner };
    let fit = usize::from(rows).max(1);
    let top = (chosen + 1).saturating_sub(fit);
    for (y, (n, (column, shown))) in
        (list.y..list.bottom()).zip(choices.iter().enumerate().skip(top))
    {
        let mark = if *shown { look.glyphs.marked } else { " " };
        let style = match (n == chosen, shown) {
            (true, _) => theme.selected,
            (false, true) => theme.text,
            (false, false) => theme.dim,
        };
        let row = Rect { y, height: 1, ..list };
        frame.buffer_mut().set_style(row, style);
        let text = format!(" {mark} {:<11} {:<10} {}", column.name(), column.head(), column.doc());
        frame.render_widget(Line::styled(text, style), row);
    }
    hits.add_rows(list, top, Hit::Answer);
    for (y, text) in (list.bottom()..inner.bottom()).zip(help) {
        frame.render_widget(Line::styled(text, theme.dim), Rect { y, height: 1, ..inner });
    }
}
