//! How colours are written, which ones a terminal has, and how alike two of them look.

use ratatui::style::Color;

/// The terminal's 16 by name, with the values that xterm gives them.
pub(super) const ANSI: [(&str, Color, [u8; 3]); 16] = [
    ("black", Color::Black, [0, 0, 0]),
    ("red", Color::Red, [205, 0, 0]),
    ("green", Color::Green, [0, 205, 0]),
    ("yellow", Color::Yellow, [205, 205, 0]),
    ("blue", Color::Blue, [0, 0, 238]),
    ("magenta", Color::Magenta, [205, 0, 205]),
    ("cyan", Color::Cyan, [0, 205, 205]),
    ("white", Color::Gray, [229, 229, 229]),
    ("bright-black", Color::DarkGray, [127, 127, 127]),
    ("bright-red", Color::LightRed, [255, 0, 0]),
    ("bright-green", Color::LightGreen, [0, 255, 0]),
    ("bright-yellow", Color::LightYellow, [255, 255, 0]),
    ("bright-blue", Color::LightBlue, [92, 92, 255]),
    ("bright-magenta", Color::LightMagenta, [255, 0, 255]),
    ("bright-cyan", Color::LightCyan, [0, 255, 255]),
    ("bright-white", Color::White, [255, 255, 255]),
];

/// The terminal's own foreground or background.
pub(super) const DEFAULT: &str = "default";

/// A colour by name.
pub(super) fn named(name: &str) -> Option<Color> {
    if name == DEFAULT {
        return Some(Color::Reset);
    }
    ANSI.iter().find(|(known, ..)| *known == name).map(|(_, color, _)| *color)
}

/// Every name that [`named`] knows.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ANSI.iter().map(|(name, ..)| *name).chain([DEFAULT])
}

/// `#rrggbb`.
pub(super) fn hex(text: &str) -> Option<Color> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6)?;
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None; // from_str_radix takes a sign
    }
    let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
    Some(Color::Rgb(r, g, b))
}

/// One of the 256; the first 16 are those that have names.
pub(super) fn indexed(index: u8) -> Color {
    ANSI.get(usize::from(index)).map_or(Color::Indexed(index), |(_, color, _)| *color)
}

/// Red, green and blue of a colour, where the terminal's own have xterm's values; `None` for the
/// terminal's default.
pub fn rgb(color: Color) -> Option<[u8; 3]> {
    match color {
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(index) => value_of(index),
        _ => ANSI.iter().find(|(_, known, _)| *known == color).map(|(.., value)| *value),
    }
}

/// xterm's 256: 16 by name, a cube of 6, and 24 greys.
fn value_of(index: u8) -> Option<[u8; 3]> {
    let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
    match index {
        0..16 => ANSI.get(usize::from(index)).map(|(.., value)| *value),
        16..232 => {
            let n = index - 16;
            Some([level(n / 36), level(n / 6 % 6), level(n % 6)])
        }
        232.. => Some([8 + 10 * (index - 232); 3]),
    }
}

/// A colour in OKLab, where distances are those that people see
/// (<https://bottosson.github.io/posts/oklab/>).
#[derive(Clone, Copy, Debug)]
pub(super) struct Lab {
    /// Lightness, 0 to 1.
    pub(super) l: f32,
    a: f32,
    b: f32,
}

impl Lab {
    pub(super) fn of(rgb: [u8; 3]) -> Self {
        let [r, g, b] = rgb.map(linear);
        let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
        let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
        let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
        Self {
            l: 0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
            a: 1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
            b: 0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
        }
    }

    /// How colourful: 0 for greys, about 0.3 for the terminal's purest.
    pub(super) fn chroma(self) -> f32 {
        self.a.hypot(self.b)
    }

    /// The hue in radians.
    pub(super) fn hue(self) -> f32 {
        self.b.atan2(self.a)
    }

    /// The square of the distance.
    pub(super) fn distance(self, other: Self) -> f32 {
        (self.l - other.l).powi(2) + (self.a - other.a).powi(2) + (self.b - other.b).powi(2)
    }
}

/// sRGB to light.
fn linear(channel: u8) -> f32 {
    let c = f32::from(channel) / 255.0;
    if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_as_they_are_written() {
        assert_eq!(hex("#5cC2cf"), Some(Color::Rgb(0x5c, 0xc2, 0xcf)));
        for text in ["", "#", "5cc2cf", "#5cc2c", "#5cc2cff", "#+cc2cf", "#gggggg", "#ääx"] {
            assert_eq!(hex(text), None, "{text}");
        }
        assert_eq!(named("white"), Some(Color::Gray));
        assert_eq!(named("bright-white"), Some(Color::White));
        assert_eq!(named("default"), Some(Color::Reset));
        assert_eq!(names().count(), 17);
    }

    #[test]
    fn the_256_have_xterms_values() {
        for (index, value) in [
            (1, [205, 0, 0]),
            (16, [0, 0, 0]),
            (67, [95, 135, 175]),
            (208, [255, 135, 0]),
            (231, [255, 255, 255]),
            (232, [8, 8, 8]),
            (255, [238, 238, 238]),
        ] {
            assert_eq!(rgb(Color::Indexed(index)), Some(value), "{index}");
        }
        assert_eq!(rgb(Color::Reset), None);
        assert_eq!((indexed(9), indexed(99)), (Color::LightRed, Color::Indexed(99)));
    }

    #[test]
    fn oklab_has_its_authors_values() {
        let red = Lab::of([255, 0, 0]);
        assert!((red.l - 0.628).abs() < 0.001 && (red.chroma() - 0.258).abs() < 0.001, "{red:?}");
        assert!((red.hue().to_degrees() - 29.2).abs() < 0.1, "{red:?}");
        let grey = Lab::of([127, 127, 127]);
        assert!(grey.chroma() < 0.001, "{grey:?}");
    }
}
