//! Numbers that are read from across the room: letters of 8 by 8 dots, four dots in a cell, or one
//! in ASCII.

use font8x8::{BASIC_FONTS, UnicodeFonts};
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::Look;

/// The cells of a letter, and its lines.
pub(super) const LETTER: u16 = 4;
pub(super) const HEIGHT: u16 = 4;

/// Four dots of a cell as a number: upper left 1, upper right 2, lower left 4, lower right 8.
const QUADRANTS: [char; 16] =
    [' ', '▘', '▝', '▀', '▖', '▌', '▞', '▛', '▗', '▚', '▐', '▜', '▄', '▙', '▟', '█'];

/// Writes `text` from the upper left of `area` on, as much of it as fits.
pub(super) fn write(text: &str, style: Style, look: &Look, area: Rect, frame: &mut Frame<'_>) {
    for (n, letter) in (0..).zip(text.chars()) {
        let x = area.x.saturating_add(n * LETTER);
        if x + LETTER > area.right() {
            return;
        }
        let rows = BASIC_FONTS.get(letter).unwrap_or_default();
        for (y, pair) in (area.y..area.bottom()).zip(rows.chunks(2)) {
            let [upper, lower] = pair else { continue };
            for column in 0..LETTER {
                let two = |row: u8| usize::from(row >> (2 * column) & 3);
                let dots = two(*upper) | two(*lower) << 2;
                let symbol = match (look.glyphs.unicode, dots) {
                    (true, _) => QUADRANTS.get(dots).copied().unwrap_or(' '),
                    (false, 0) => ' ',
                    (false, _) => '#',
                };
                if let Some(cell) = frame.buffer_mut().cell_mut((x + column, y)) {
                    cell.set_char(symbol).set_style(style);
                }
            }
        }
    }
}
