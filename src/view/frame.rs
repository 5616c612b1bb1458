//! The frame of what lies over the table.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::symbols::border;
use ratatui::text::Span;
use ratatui::widgets::{Block, Clear};

use super::Look;

/// Draws an empty frame in the middle of `area` and returns its inside.
pub(super) fn framed(
    title: &str,
    width: u16,
    height: u16,
    look: &Look,
    area: Rect,
    frame: &mut Frame<'_>,
) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 2;
    let place = Rect { x, y, width, height };
    let set = if look.glyphs.unicode { border::PLAIN } else { ASCII_BORDER };
    let block = Block::bordered()
        .border_set(set)
        .border_style(look.theme.frame)
        .title(Span::styled(title.to_owned(), look.theme.title));
    let inner = block.inner(place);
    frame.render_widget(Clear, place);
    frame.buffer_mut().set_style(place, look.theme.base_popup());
    frame.render_widget(block, place);
    inner
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};
