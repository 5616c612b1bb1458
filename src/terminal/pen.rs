//! Turns the cells that changed into what is sent for them.
//!
//! ratatui's own backend for crossterm names row and column before every cell that does not follow
//! the last one, both colours where one changes, and the end of every frame, changed or not. A table
//! of numbers is many single cells, and a line to a director may be slow: here each is told as
//! briefly as every terminal understands, and nothing is where nothing changed.

use std::io;

use crossterm::cursor::{Hide, MoveTo, MoveToColumn, Show};
use crossterm::queue;
use crossterm::style::{Attribute, Print, SetAttribute, SetBackgroundColor, SetForegroundColor};
use crossterm::terminal::{self, BeginSynchronizedUpdate, Clear, EndSynchronizedUpdate};
use ratatui::backend::{Backend, ClearType, IntoCrossterm, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};

/// The bytes that mark where a frame begins and ends.
const MARKS: usize = 16;

/// A backend for ratatui that collects what is to be sent.
#[derive(Debug, Default)]
pub(super) struct Pen {
    bytes: Vec<u8>,
    /// Where the terminal writes next, where that is known.
    at: Option<Position>,
    /// Whether the cursor is seen, where that is known.
    seen: Option<bool>,
}

/// How cells are drawn until something else is said. Between frames it is the terminal's own way.
#[derive(Clone, Copy, Default, PartialEq)]
struct Ink {
    fg: Color,
    bg: Color,
    modifier: Modifier,
}

impl Pen {
    /// What was collected since the last time, as one frame that the terminal shows at once; empty
    /// where nothing was.
    pub(super) fn frame(&mut self) -> io::Result<Vec<u8>> {
        let mut frame = Vec::new();
        if !self.bytes.is_empty() {
            frame.reserve_exact(self.bytes.len() + MARKS);
            queue!(frame, BeginSynchronizedUpdate)?;
            frame.extend_from_slice(&self.bytes);
            queue!(frame, EndSynchronizedUpdate)?;
            self.bytes.clear();
        }
        Ok(frame)
    }

    fn move_to(&mut self, to: Position) -> io::Result<()> {
        match self.at {
            Some(at) if at == to => Ok(()),
            // By its column and not by how far it is: some terminals are of another mind about the
            // width of what was written before.
            Some(at) if at.y == to.y => queue!(self.bytes, MoveToColumn(to.x)),
            _ => queue!(self.bytes, MoveTo(to.x, to.y)),
        }
    }

    fn change(&mut self, mut from: Ink, to: Ink) -> io::Result<()> {
        // Nothing ends bold alone: its end is that of dim, too.
        let ends = !to.modifier.contains(from.modifier);
        if ends || (from != to && to == Ink::default()) {
            queue!(self.bytes, SetAttribute(Attribute::Reset))?;
            from = Ink::default();
        }
        for (modifier, attribute) in MODIFIERS {
            if (to.modifier - from.modifier).contains(modifier) {
                queue!(self.bytes, SetAttribute(attribute))?;
            }
        }
        if from.fg != to.fg {
            queue!(self.bytes, SetForegroundColor(to.fg.into_crossterm()))?;
        }
        if from.bg != to.bg {
            queue!(self.bytes, SetBackgroundColor(to.bg.into_crossterm()))?;
        }
        Ok(())
    }
}

const MODIFIERS: [(Modifier, Attribute); 9] = [
    (Modifier::BOLD, Attribute::Bold),
    (Modifier::DIM, Attribute::Dim),
    (Modifier::ITALIC, Attribute::Italic),
    (Modifier::UNDERLINED, Attribute::Underlined),
    (Modifier::SLOW_BLINK, Attribute::SlowBlink),
    (Modifier::RAPID_BLINK, Attribute::RapidBlink),
    (Modifier::REVERSED, Attribute::Reverse),
    (Modifier::HIDDEN, Attribute::Hidden),
    (Modifier::CROSSED_OUT, Attribute::CrossedOut),
];

impl Backend for Pen {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut content = content.peekable();
        if content.peek().is_some() {
            self.at = None; // `wall` or the kernel may have written meanwhile
        }
        let mut ink = Ink::default();
        for (x, y, cell) in content {
            self.move_to(Position { x, y })?;
            let next = Ink { fg: cell.fg, bg: cell.bg, modifier: cell.modifier };
            self.change(ink, next)?;
            ink = next;
            queue!(self.bytes, Print(cell.symbol()))?;
            // Where a wide one leaves it is never where the next one is.
            self.at = Some(Position { x: x.saturating_add(1), y });
        }
        self.change(ink, Ink::default())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.seen.replace(false) == Some(false) { Ok(()) } else { queue!(self.bytes, Hide) }
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.seen.replace(true) == Some(true) { Ok(()) } else { queue!(self.bytes, Show) }
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        self.at.ok_or_else(|| io::Error::other("the cursor may be anywhere"))
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        self.move_to(position)?;
        self.at = Some(position);
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        let region = match region {
            ClearType::All => terminal::ClearType::All,
            ClearType::AfterCursor => terminal::ClearType::FromCursorDown,
            ClearType::BeforeCursor => terminal::ClearType::FromCursorUp,
            ClearType::CurrentLine => terminal::ClearType::CurrentLine,
            ClearType::UntilNewLine => terminal::ClearType::UntilNewLine,
        };
        self.at = None;
        queue!(self.bytes, SetAttribute(Attribute::Reset), Clear(region))
    }

    fn size(&self) -> io::Result<Size> {
        let (width, height) = terminal::size()?;
        Ok(Size { width, height })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::default() })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::backend::CrosstermBackend;
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    const WIDTH: u16 = 12;
    const HEIGHT: u16 = 4;

    fn terminal() -> vt100::Parser {
        vt100::Parser::new(HEIGHT.try_into().unwrap(), WIDTH.try_into().unwrap(), 0)
    }

    type Drawn = (u16, u16, &'static str, Style);

    fn cells() -> impl Strategy<Value = Vec<Drawn>> {
        let symbol = prop::sample::select(vec!["a", "7", "▄", "·", "界", " "]);
        let colour = || prop::sample::select(vec![Color::Reset, Color::Red, Color::Indexed(114)]);
        // The emulator has one place for bold and dim.
        let intensity =
            prop::sample::select(vec![Modifier::empty(), Modifier::BOLD, Modifier::DIM]);
        let others = Modifier::ITALIC | Modifier::UNDERLINED | Modifier::REVERSED;
        let modifier = (intensity, any::<u16>())
            .prop_map(move |(one, bits)| one | (Modifier::from_bits_truncate(bits) & others));
        let style = (colour(), colour(), modifier)
            .prop_map(|(fg, bg, modifier)| Style::reset().fg(fg).bg(bg).add_modifier(modifier));
        prop::collection::vec((0..WIDTH - 1, 0..HEIGHT, symbol, style), 0..40)
    }

    fn buffer(cells: &[Drawn]) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, WIDTH, HEIGHT));
        for (x, y, symbol, style) in cells {
            buffer.set_string(*x, *y, symbol, *style);
        }
        buffer
    }

    proptest! {
        #[test]
        fn a_terminal_shows_what_ratatuis_own_backend_shows(frames in prop::collection::vec(cells(), 1..5)) {
            let (mut theirs, mut ours) = (terminal(), terminal());
            let mut pen = Pen::default();
            let mut before = buffer(&[]);
            for cells in frames {
                let now = buffer(&cells);
                let mut bytes = Vec::new();
                CrosstermBackend::new(&mut bytes).draw(before.diff(&now).into_iter()).unwrap();
                theirs.process(&bytes);
                pen.draw(before.diff(&now).into_iter()).unwrap();
                ours.process(&pen.frame().unwrap());
                prop_assert_eq!(ours.screen().contents_formatted(), theirs.screen().contents_formatted());
                before = now;
            }
        }
    }

    #[test]
    fn single_cells_are_told_briefly() {
        let bold = Style::new().fg(Color::Indexed(114)).add_modifier(Modifier::BOLD);
        let now = buffer(&[(2, 1, "7", bold), (4, 1, "8", Style::new().fg(Color::Indexed(114)))]);
        let mut pen = Pen::default();
        pen.draw(buffer(&[]).diff(&now).into_iter()).unwrap();
        let sent = String::from_utf8(pen.frame().unwrap()).unwrap().replace('\u{1b}', "^");
        assert_eq!(sent, "^[?2026h^[2;3H^[1m^[38;5;114m7^[5G^[0m^[38;5;114m8^[0m^[?2026l");
    }

    #[test]
    fn what_did_not_change_is_not_sent() {
        let mut pen = Pen::default();
        let frame = |pen: &mut Pen, cursor: Option<(u16, u16)>| {
            pen.draw([].into_iter()).unwrap();
            match cursor {
                Some(at) => pen.show_cursor().and_then(|()| pen.set_cursor_position(at)).unwrap(),
                None => pen.hide_cursor().unwrap(),
            }
            let sent = String::from_utf8(pen.frame().unwrap()).unwrap();
            sent.replace("\u{1b}[?2026h", "").replace("\u{1b}[?2026l", "")
        };
        assert_eq!(frame(&mut pen, None), "\u{1b}[?25l");
        assert_eq!(frame(&mut pen, None), "");
        assert_eq!(frame(&mut pen, Some((3, 1))), "\u{1b}[?25h\u{1b}[2;4H");
        assert_eq!(frame(&mut pen, Some((3, 1))), "");
        assert_eq!(frame(&mut pen, Some((5, 1))), "\u{1b}[6G");
    }
}
