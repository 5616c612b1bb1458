//! The colours of a terminal and of the window around it.

use vt100::Color;

/// Red, green, blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// As SVG writes it.
    pub fn hex(self) -> String {
        let Self(r, g, b) = self;
        format!("#{r:02x}{g:02x}{b:02x}")
    }

    /// Halfway to another.
    pub fn half_to(self, other: Self) -> Self {
        let half = |a: u8, b: u8| u8::midpoint(a, b);
        Self(half(self.0, other.0), half(self.1, other.1), half(self.2, other.2))
    }
}

/// What a terminal's colours look like.
pub struct Paper {
    pub text: Rgb,
    pub ground: Rgb,
    /// The window's title line, its border, and the title.
    pub bar: Rgb,
    pub border: Rgb,
    pub title: Rgb,
    /// The 16 colours by number.
    pub ansi: [Rgb; 16],
}

const fn rgb(hex: u32) -> Rgb {
    let [_, r, g, b] = hex.to_be_bytes();
    Rgb(r, g, b)
}

/// Light on dark.
pub const DARK: Paper = Paper {
    text: rgb(0xd5dae2),
    ground: rgb(0x171b22),
    bar: rgb(0x222831),
    border: rgb(0x39424f),
    title: rgb(0x98a2b0),
    ansi: [
        rgb(0x2b323d),
        rgb(0xe8707a),
        rgb(0x8cc48c),
        rgb(0xe3bd6d),
        rgb(0x78a9e6),
        rgb(0xc397dc),
        rgb(0x6dbecb),
        rgb(0xc3cad4),
        rgb(0x7a8594),
        rgb(0xf38b93),
        rgb(0xa5d8a2),
        rgb(0xf2d189),
        rgb(0x97c0f5),
        rgb(0xd7b1ec),
        rgb(0x8bd7e2),
        rgb(0xf2f5f9),
    ],
};

/// Dark on light.
pub const LIGHT: Paper = Paper {
    text: rgb(0x24292f),
    ground: rgb(0xfbfbfa),
    bar: rgb(0xeceff2),
    border: rgb(0xcdd3da),
    title: rgb(0x5c6672),
    ansi: [
        rgb(0x24292f),
        rgb(0xb8323f),
        rgb(0x2f7a3a),
        rgb(0x8f6400),
        rgb(0x2259b3),
        rgb(0x7f3fa6),
        rgb(0x137480),
        rgb(0x6e7781),
        rgb(0x7d8690),
        rgb(0xd04552),
        rgb(0x3c9149),
        rgb(0xab7a0a),
        rgb(0x3a72cf),
        rgb(0x9956c2),
        rgb(0x1f8d9b),
        rgb(0x8c959f),
    ],
};

impl Paper {
    /// What a cell's colour looks like; `plain` where it has none.
    pub fn colour(&self, colour: Color, plain: Rgb) -> Rgb {
        match colour {
            Color::Default => plain,
            Color::Rgb(r, g, b) => Rgb(r, g, b),
            Color::Idx(n) => self.ansi.get(usize::from(n)).copied().unwrap_or_else(|| cube(n)),
        }
    }
}

/// The colours from 16 up, which every terminal has alike: a cube, and greys.
fn cube(n: u8) -> Rgb {
    if n >= 232 {
        let grey = 8 + 10 * (n - 232);
        return Rgb(grey, grey, grey);
    }
    let n = n.saturating_sub(16);
    let level = |step: u8| if step == 0 { 0 } else { 55 + 40 * step };
    Rgb(level(n / 36), level(n / 6 % 6), level(n % 6))
}
