//! What things look like. Colour only where it means something; without colour, weight, reverse
//! and the symbols of [`crate::glyphs`] still tell every state.

use ratatui::style::{Color, Modifier, Style};

/// A style for everything that is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Everything without a style of its own.
    pub text: Style,
    /// What is read second: column heads, units, servers without traffic.
    pub dim: Style,
    /// The line with the totals.
    pub header: Style,
    /// A virtual service's row.
    pub service: Style,
    /// The selected row.
    pub selected: Style,
    /// A server with weight 0.
    pub quiesced: Style,
    /// The line of connections.
    pub connections: Style,
    /// The line of the chosen rate.
    pub rate: Style,
    /// All is well.
    pub good: Style,
    /// Look here.
    pub warning: Style,
    /// Something failed.
    pub error: Style,
    /// A key in a hint.
    pub key: Style,
    /// The frame of what lies over the table.
    pub frame: Style,
    /// The answer that is chosen.
    pub button: Style,
}

impl Theme {
    /// The 16 colours that every terminal has, on its own background.
    pub fn ansi() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        Self {
            text: plain,
            dim: plain.fg(Color::DarkGray),
            header: bold,
            service: bold,
            selected: plain.add_modifier(Modifier::REVERSED),
            quiesced: plain.fg(Color::Yellow),
            connections: plain.fg(Color::Cyan),
            rate: plain.fg(Color::Green),
            good: plain.fg(Color::Green),
            warning: plain.fg(Color::Yellow),
            error: bold.fg(Color::Red),
            key: bold.fg(Color::Cyan),
            frame: plain.fg(Color::Cyan),
            button: bold.add_modifier(Modifier::REVERSED),
        }
    }

    /// No colour at all (`NO_COLOR`).
    pub fn mono() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        Self {
            text: plain,
            dim: plain.add_modifier(Modifier::DIM),
            header: bold,
            service: bold,
            selected: plain.add_modifier(Modifier::REVERSED),
            quiesced: plain.add_modifier(Modifier::ITALIC),
            connections: plain,
            rate: plain,
            good: plain,
            warning: bold,
            error: bold.add_modifier(Modifier::UNDERLINED),
            key: bold,
            frame: plain,
            button: bold.add_modifier(Modifier::REVERSED),
        }
    }
}
