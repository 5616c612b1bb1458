//! A theme for the colours that a terminal shows.
//!
//! To 256: the nearest to the eye of the 240 that are fixed. To 16, which their owner chooses:
//! greys become greys and colours keep their hue, so that a pale yellow is yellow and not white.
//! Orange and brown count as yellow, because a warning that turned red would be a lie. To none:
//! colours go, modifiers stay.
//!
//! What a style tells by a colour that is gone it tells as the theme `mono` does: in none, and
//! where a bar's colour has become the background's.

use ratatui::style::{Color, Style};

use super::colour::{ANSI, Lab, rgb};
use super::{Depth, Theme};

/// Fits themes to a depth.
pub(super) struct Fit<'a> {
    depth: Depth,
    /// The colours there are.
    colours: Vec<(Color, Lab)>,
    /// How things are told without colour.
    mono: &'a Theme,
}

/// What a colour is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Front,
    Back,
}

impl<'a> Fit<'a> {
    pub(super) fn new(depth: Depth, mono: &'a Theme) -> Self {
        let colours: Vec<Color> = match depth {
            Depth::None | Depth::True => Vec::new(),
            Depth::Ansi => ANSI.iter().map(|(_, color, _)| *color).collect(),
            Depth::Indexed => (16..=255).map(Color::Indexed).collect(),
        };
        let lab = |color| Some((color, Lab::of(rgb(color)?)));
        Self { depth, colours: colours.into_iter().filter_map(lab).collect(), mono }
    }

    /// Fits a theme that is made for `ground`, where that is known.
    pub(super) fn theme(&self, theme: &Theme, ground: Option<Color>) -> Theme {
        match self.depth {
            Depth::True => theme.clone(),
            Depth::None => theme.with(self.mono, |style, mono| {
                let coloured = |color: Option<Color>| color.and_then(rgb).is_some();
                let lost = coloured(style.fg) || coloured(style.bg);
                let kept = Style { fg: None, bg: None, ..style };
                if lost { kept.add_modifier(mono.add_modifier) } else { kept }
            }),
            Depth::Ansi | Depth::Indexed => {
                let fitted = ground.map(|color| self.nearest(color, Side::Back, None));
                theme.with(self.mono, |style, mono| self.style(style, mono, ground, fitted))
            }
        }
    }

    fn style(
        &self,
        style: Style,
        mono: Style,
        ground: Option<Color>,
        fitted: Option<Color>,
    ) -> Style {
        let bg = style.bg.map(|color| self.nearest(color, Side::Back, None));
        let lost = bg.is_some() && bg == fitted && style.bg != ground;
        let bg = if lost { None } else { bg };
        let under = bg.filter(|bg| *bg != Color::Reset).or(fitted);
        let fg = style.fg.map(|color| self.nearest(color, Side::Front, under));
        let kept = Style { fg, bg, ..style };
        if lost { kept.add_modifier(mono.add_modifier) } else { kept }
    }

    /// The colour there is that is most like `wanted`, and not `except`.
    fn nearest(&self, wanted: Color, side: Side, except: Option<Color>) -> Color {
        // The 16 are at each depth as their owner chose them.
        let named = ANSI.iter().any(|(_, color, _)| *color == wanted);
        let there = named || self.colours.iter().any(|(color, _)| *color == wanted);
        let Some(value) = rgb(wanted).filter(|_| !there) else { return wanted };
        let lab = Lab::of(value);
        let unlike = |other: &Lab| match self.depth {
            Depth::Ansi => unlike_of_16(lab, *other, side),
            _ => lab.distance(*other),
        };
        let allowed = self.colours.iter().filter(|(color, _)| Some(*color) != except);
        let best = allowed.min_by(|(_, one), (_, other)| unlike(one).total_cmp(&unlike(other)));
        best.map_or(wanted, |(color, _)| *color)
    }
}

/// How unlike one of the 16 is to a colour: greys are compared by lightness, colours by hue first.
fn unlike_of_16(wanted: Lab, other: Lab, side: Side) -> f32 {
    let grey = is_grey(wanted);
    if grey != (other.chroma() < 0.01) {
        return f32::INFINITY;
    }
    let light = wanted.l - other.l;
    match (grey, side) {
        // Nothing can be read on the two in the middle.
        (true, Side::Back) if other.l > 0.01 && other.l < 0.99 => f32::INFINITY,
        (true, _) => light.abs(),
        (false, _) => (light / 2.0).powi(2) + turn(wanted, other).powi(2),
    }
}

/// How far the hue `wanted` is from that of one of the 16, in half turns.
fn turn(wanted: Lab, other: Lab) -> f32 {
    /// Hues that are all the same one of the 16, in degrees: yellow from orange on, and blue,
    /// which xterm turns a little where it is bright.
    const SAME: [(f32, f32); 2] = [(66.0, 110.0), (-97.0, -83.0)];
    let (wanted, other) = (wanted.hue().to_degrees(), other.hue().to_degrees());
    let same = SAME.into_iter().find(|(from, to)| (*from..=*to).contains(&other));
    let (from, to) = same.unwrap_or((other, other));
    if (from..=to).contains(&wanted) {
        return 0.0;
    }
    let turn = |hue: f32| (wanted - hue).rem_euclid(360.0);
    let half = |turn: f32| turn.min(360.0 - turn) / 180.0;
    half(turn(from)).min(half(turn(to)))
}

/// Near black and white, a tint is no colour.
fn is_grey(lab: Lab) -> bool {
    let most = if (0.35..0.85).contains(&lab.l) { 0.04 } else { 0.08 };
    lab.chroma() < most
}

#[cfg(test)]
mod tests {
    use super::super::colour::hex;
    use super::*;

    fn fitted(depth: Depth, text: &str) -> Color {
        let mono = Theme::default();
        Fit::new(depth, &mono).nearest(hex(text).unwrap(), Side::Front, None)
    }

    #[test]
    fn to_256_by_eye() {
        for (text, index) in [
            ("#000000", 16),
            ("#ffffff", 231),
            ("#5f87af", 67),
            ("#ff8700", 208),
            ("#282828", 235),
            ("#808080", 244),
        ] {
            assert_eq!(fitted(Depth::Indexed, text), Color::Indexed(index), "{text}");
        }
    }

    #[test]
    fn to_16_by_hue_and_greys_to_greys() {
        for (text, color) in [
            ("#e5c07b", Color::Yellow),       // dark's warning
            ("#fe8019", Color::Yellow),       // gruvbox's orange
            ("#f1fa8c", Color::LightYellow),  // dracula's yellow
            ("#d55e00", Color::LightRed),     // vermillion
            ("#7d5200", Color::Yellow),       // light's brown
            ("#ff8a80", Color::LightRed),     // dark's error
            ("#b3261e", Color::Red),          // light's error
            ("#fb4934", Color::LightRed),     // gruvbox's red
            ("#8fca6f", Color::Green),        // dark's good
            ("#bd93f9", Color::LightMagenta), // dracula's purple
            ("#88c0d0", Color::Cyan),         // nord's frost
            ("#81a1c1", Color::LightBlue),
            ("#ebdbb2", Color::Gray), // gruvbox's text
            ("#d8dee9", Color::Gray), // nord's text
            ("#949494", Color::DarkGray),
            ("#1f2328", Color::Black),
        ] {
            assert_eq!(fitted(Depth::Ansi, text), color, "{text}");
        }
    }

    #[test]
    fn the_terminals_own_stay_as_they_are() {
        let mono = Theme::default();
        for depth in [Depth::Ansi, Depth::Indexed] {
            let fit = Fit::new(depth, &mono);
            for color in [Color::Red, Color::DarkGray, Color::Reset] {
                assert_eq!(fit.nearest(color, Side::Front, None), color);
            }
        }
        assert_eq!(
            Fit::new(Depth::Ansi, &mono).nearest(Color::Indexed(208), Side::Front, None),
            Color::Yellow
        );
    }

    /// What a bar was told by is told otherwise where the bar has the background's colour.
    #[test]
    fn a_bar_that_is_lost_is_told_as_without_colour() {
        let reversed = Style::new().reversed();
        let mono = Theme { selected: reversed, ..Theme::default() };
        let bar = Style::new().fg(hex("#fbf1c7").unwrap()).bg(hex("#504945").unwrap());
        let theme = Theme { selected: bar, ..Theme::default() };
        let ground = hex("#1d2021");
        let fitted = Fit::new(Depth::Ansi, &mono).theme(&theme, ground);
        assert_eq!(fitted.selected, reversed.fg(Color::Gray));
        let fitted = Fit::new(Depth::None, &mono).theme(&theme, ground);
        assert_eq!(fitted.selected, reversed);
        let fitted = Fit::new(Depth::Indexed, &mono).theme(&theme, ground);
        assert!(fitted.selected.bg.is_some() && fitted.selected.add_modifier.is_empty());
    }
}
