//! Letters as outlines, so that a picture looks the same with whatever fonts are there.

use std::fmt::Write;

use anyhow::Context;
use ttf_parser::{Face, OutlineBuilder};

/// A cut of the font.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    Regular,
    Bold,
    Oblique,
    BoldOblique,
}

impl Cut {
    pub fn new(bold: bool, italic: bool) -> Self {
        match (bold, italic) {
            (false, false) => Self::Regular,
            (true, false) => Self::Bold,
            (false, true) => Self::Oblique,
            (true, true) => Self::BoldOblique,
        }
    }

    fn bytes(self) -> &'static [u8] {
        match self {
            Self::Regular => dejavu::sans_mono::regular(),
            Self::Bold => dejavu::sans_mono::bold(),
            Self::Oblique => dejavu::sans_mono::oblique(),
            Self::BoldOblique => dejavu::sans_mono::bold_oblique(),
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Regular => 'r',
            Self::Bold => 'b',
            Self::Oblique => 'o',
            Self::BoldOblique => 'x',
        }
    }
}

/// A letter in a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Glyph {
    pub cut: Cut,
    pub letter: char,
}

impl Glyph {
    /// Its name within a picture.
    pub fn id(self) -> String {
        format!("{}{:x}", self.cut.letter(), u32::from(self.letter))
    }

    /// Its outline as an SVG path, in units of the font: 1233 to a cell's width, upwards.
    pub fn outline(self) -> anyhow::Result<String> {
        let face = Face::parse(self.cut.bytes(), 0)?;
        let missing = || format!("the font has no {:?} ({})", self.letter, self.id());
        let glyph = face.glyph_index(self.letter).with_context(missing)?;
        let mut path = Path::default();
        face.outline_glyph(glyph, &mut path);
        Ok(path.text)
    }
}

/// An SVG path, in steps from where the pen is.
#[derive(Default)]
struct Path {
    text: String,
    pen: (f32, f32),
}

impl Path {
    fn step(&mut self, letter: char, points: &[(f32, f32)]) {
        self.text.push(letter);
        for (n, (x, y)) in points.iter().enumerate() {
            let (x, y) = (x - self.pen.0, y - self.pen.1);
            let comma = if n > 0 { " " } else { "" };
            let _ = write!(self.text, "{comma}{x} {y}");
        }
        self.pen = points.last().copied().unwrap_or(self.pen);
    }
}

impl OutlineBuilder for Path {
    fn move_to(&mut self, x: f32, y: f32) {
        let _ = write!(self.text, "M{x} {y}"); // closing has moved the pen
        self.pen = (x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.step('l', &[(x, y)]);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.step('q', &[(x1, y1), (x, y)]);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.step('c', &[(x1, y1), (x2, y2), (x, y)]);
    }

    fn close(&mut self) {
        self.text.push('z');
    }
}
