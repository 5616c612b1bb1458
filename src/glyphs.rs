//! The symbols of the screen, for terminals that show Unicode and for those that do not. Every
//! state has a symbol, so that it is told without colour too.

use std::borrow::Cow;

use ratatui::symbols::bar;

/// A set of symbols.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// A service with its servers beneath it.
    pub open: &'static str,
    /// A service whose servers are folded away.
    pub closed: &'static str,
    /// A server that takes no new connections: weight 0.
    pub quiesced: &'static str,
    /// A server that is drained: somebody follows how it empties.
    pub draining: &'static str,
    /// A server whose weight comes back in steps.
    pub ramping: &'static str,
    /// Somebody else has changed it.
    pub changed: &'static str,
    /// Its weight goes back and forth.
    pub flapping: &'static str,
    /// It needs an operator.
    pub trouble: &'static str,
    /// A recording is played.
    pub playing: &'static str,
    /// Worth knowing.
    pub note: &'static str,
    /// A marked server.
    pub marked: &'static str,
    /// The snapshot is recent.
    pub live: &'static str,
    /// The snapshot is old.
    pub late: &'static str,
    /// The director cannot be read.
    pub failed: &'static str,
    /// The screen is held still.
    pub frozen: &'static str,
    /// What cannot be known.
    pub unknown: &'static str,
    /// Something was left out.
    pub ellipsis: &'static str,
    /// From one value to another.
    pub arrow: &'static str,
    /// The smallest stands first.
    pub up: &'static str,
    /// The largest stands first.
    pub down: &'static str,
    /// The selected row.
    pub cursor: &'static str,
    /// Columns of a line of values.
    pub bars: bar::Set<'static>,
    /// Where nothing is known in a line of values.
    pub gap: &'static str,
    /// Whether boxes are drawn with Unicode lines.
    pub unicode: bool,
    /// Whether lines of values are drawn with braille dots, two values in a cell.
    pub braille: bool,
}

impl Glyphs {
    /// A sentence in these symbols: what counts and estimates write, `1,200 ±90`, is not ASCII.
    pub fn say<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.unicode || !text.contains('±') {
            return Cow::Borrowed(text);
        }
        Cow::Owned(text.replace('±', "+-"))
    }
}

/// Unicode symbols, one cell each.
pub const UNICODE: Glyphs = Glyphs {
    open: "▾",
    closed: "▸",
    quiesced: "○",
    draining: "◐",
    ramping: "◔",
    changed: "Δ",
    flapping: "↕",
    trouble: "!",
    playing: "▶",
    note: "!",
    marked: "✓",
    live: "●",
    late: "◌",
    failed: "✗",
    frozen: "‖",
    unknown: "·",
    ellipsis: "…",
    arrow: "→",
    up: "↑",
    down: "↓",
    cursor: "▌",
    bars: bar::NINE_LEVELS,
    gap: "·",
    unicode: true,
    braille: false,
};

/// ASCII only.
pub const ASCII: Glyphs = Glyphs {
    open: "v",
    closed: ">",
    quiesced: "o",
    draining: "d",
    ramping: "r",
    changed: "@",
    flapping: "&",
    trouble: "!",
    playing: ">",
    note: "!",
    marked: "+",
    live: "*",
    late: "?",
    failed: "x",
    frozen: "=",
    unknown: ".",
    ellipsis: "~",
    arrow: "->",
    up: "^",
    down: "v",
    cursor: ">",
    bars: bar::Set {
        full: "#",
        seven_eighths: "%",
        three_quarters: "*",
        five_eighths: "+",
        half: "=",
        three_eighths: "-",
        one_quarter: ":",
        one_eighth: "_",
        empty: " ",
    },
    gap: ".",
    unicode: false,
    braille: false,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn bars(set: &bar::Set<'static>) -> [&'static str; 9] {
        [
            set.empty,
            set.one_eighth,
            set.one_quarter,
            set.three_eighths,
            set.half,
            set.five_eighths,
            set.three_quarters,
            set.seven_eighths,
            set.full,
        ]
    }

    #[test]
    fn a_gap_looks_like_no_value() {
        for glyphs in [UNICODE, ASCII] {
            assert!(!bars(&glyphs.bars).contains(&glyphs.gap), "{}", glyphs.gap);
            assert_eq!(glyphs.gap, glyphs.unknown, "both are what is not known");
        }
    }

    /// They stand in the same cells, and `c` or `f` before an address would be a part of it.
    #[test]
    fn signs_of_rows_are_told_apart_and_are_no_digits() {
        for glyphs in [UNICODE, ASCII] {
            let states =
                [glyphs.trouble, glyphs.quiesced, glyphs.draining, glyphs.ramping, glyphs.marked];
            let signs = [&states[..], &[glyphs.changed, glyphs.flapping]].concat();
            for (n, sign) in signs.iter().enumerate() {
                assert!(!signs[..n].contains(sign), "{sign}");
            }
            for sign in [glyphs.changed, glyphs.flapping, glyphs.trouble, glyphs.marked] {
                assert!(!sign.chars().any(|c| c.is_ascii_alphanumeric()), "{sign}");
            }
        }
    }
}
