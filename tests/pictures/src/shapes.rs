//! Blocks, braille and lines, drawn to the edges of their cells: a font's would leave seams.

/// A cell's width and height, in the picture's units. Eighths of both are whole.
pub const CELL: (f32, f32) = (8.0, 16.0);

/// Part of a cell: from its left upper corner, downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    Box {
        x: f32,
        y: f32,
        w: f32,
        h: f32,
    },
    Dot {
        x: f32,
        y: f32,
        r: f32,
    },
    /// A round corner of a light line, between these sides.
    Round {
        right: bool,
        down: bool,
    },
}

/// A letter as parts, and how much of its colour they have; `None` for what a font draws.
pub fn parts(letter: char) -> Option<(Vec<Part>, f32)> {
    let whole = |parts| Some((parts, 1.0));
    match letter {
        '░' => Some((vec![part(0.0, 0.0, 8.0, 8.0)], 0.25)),
        '▒' => Some((vec![part(0.0, 0.0, 8.0, 8.0)], 0.5)),
        '▓' => Some((vec![part(0.0, 0.0, 8.0, 8.0)], 0.75)),
        '▀'..='▟' => whole(block(letter)),
        '\u{2800}'..='\u{28ff}' => whole(braille(letter)),
        '╭' => whole(vec![Part::Round { right: true, down: true }]),
        '╮' => whole(vec![Part::Round { right: false, down: true }]),
        '╰' => whole(vec![Part::Round { right: true, down: false }]),
        '╯' => whole(vec![Part::Round { right: false, down: false }]),
        _ => arms(letter).map(|arms| (line(arms), 1.0)),
    }
}

/// A box measured in eighths of the cell.
fn part(x: f32, y: f32, w: f32, h: f32) -> Part {
    let (across, down) = (CELL.0 / 8.0, CELL.1 / 8.0);
    Part::Box { x: x * across, y: y * down, w: w * across, h: h * down }
}

fn block(letter: char) -> Vec<Part> {
    let nth = |first: char| (u32::from(letter) - u32::from(first)) as f32;
    const LEFT_UPPER: u8 = 1;
    const RIGHT_UPPER: u8 = 2;
    const LEFT_LOWER: u8 = 4;
    const RIGHT_LOWER: u8 = 8;
    let quarters = match letter {
        '▀' => return vec![part(0.0, 0.0, 8.0, 4.0)],
        '▁'..='█' => {
            let high = nth('▁') + 1.0;
            return vec![part(0.0, 8.0 - high, 8.0, high)];
        }
        '▉'..='▏' => return vec![part(0.0, 0.0, 7.0 - nth('▉'), 8.0)],
        '▐' => return vec![part(4.0, 0.0, 4.0, 8.0)],
        '▔' => return vec![part(0.0, 0.0, 8.0, 1.0)],
        '▕' => return vec![part(7.0, 0.0, 1.0, 8.0)],
        '▖' => LEFT_LOWER,
        '▗' => RIGHT_LOWER,
        '▘' => LEFT_UPPER,
        '▙' => LEFT_UPPER | LEFT_LOWER | RIGHT_LOWER,
        '▚' => LEFT_UPPER | RIGHT_LOWER,
        '▛' => LEFT_UPPER | RIGHT_UPPER | LEFT_LOWER,
        '▜' => LEFT_UPPER | RIGHT_UPPER | RIGHT_LOWER,
        '▝' => RIGHT_UPPER,
        '▞' => RIGHT_UPPER | LEFT_LOWER,
        _ => RIGHT_UPPER | LEFT_LOWER | RIGHT_LOWER,
    };
    let places = [
        (LEFT_UPPER, part(0.0, 0.0, 4.0, 4.0)),
        (RIGHT_UPPER, part(4.0, 0.0, 4.0, 4.0)),
        (LEFT_LOWER, part(0.0, 4.0, 4.0, 4.0)),
        (RIGHT_LOWER, part(4.0, 4.0, 4.0, 4.0)),
    ];
    places.into_iter().filter(|(bit, _)| quarters & bit != 0).map(|(_, part)| part).collect()
}

fn braille(letter: char) -> Vec<Part> {
    // Column and row of each bit: the lowest two dots came later.
    const PLACES: [(f32, f32); 8] = [
        (0.0, 0.0),
        (0.0, 1.0),
        (0.0, 2.0),
        (1.0, 0.0),
        (1.0, 1.0),
        (1.0, 2.0),
        (0.0, 3.0),
        (1.0, 3.0),
    ];
    let bits = u32::from(letter) - 0x2800;
    let places = PLACES.into_iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    places.map(|(_, (x, y))| Part::Dot { x: 2.0 + 4.0 * x, y: 2.0 + 4.0 * y, r: 1.25 }).collect()
}

/// How thick the lines to the left, right, upper and lower edge are.
fn arms(letter: char) -> Option<[f32; 4]> {
    // Light and heavy alternate; every group has its lines in the same places.
    const KINDS: [(&str, [f32; 4]); 15] = [
        ("─━", [1.0, 1.0, 0.0, 0.0]),
        ("│┃", [0.0, 0.0, 1.0, 1.0]),
        ("┌┏", [0.0, 1.0, 0.0, 1.0]),
        ("┐┓", [1.0, 0.0, 0.0, 1.0]),
        ("└┗", [0.0, 1.0, 1.0, 0.0]),
        ("┘┛", [1.0, 0.0, 1.0, 0.0]),
        ("├┣", [0.0, 1.0, 1.0, 1.0]),
        ("┤┫", [1.0, 0.0, 1.0, 1.0]),
        ("┬┳", [1.0, 1.0, 0.0, 1.0]),
        ("┴┻", [1.0, 1.0, 1.0, 0.0]),
        ("┼╋", [1.0, 1.0, 1.0, 1.0]),
        ("╴╸", [1.0, 0.0, 0.0, 0.0]),
        ("╶╺", [0.0, 1.0, 0.0, 0.0]),
        ("╵╹", [0.0, 0.0, 1.0, 0.0]),
        ("╷╻", [0.0, 0.0, 0.0, 1.0]),
    ];
    KINDS.iter().find_map(|(letters, arms)| {
        let weight = letters.chars().position(|l| l == letter)?;
        Some(arms.map(|arm| arm * (weight + 1) as f32))
    })
}

/// Lines from the middle to the edges.
fn line([left, right, up, down]: [f32; 4]) -> Vec<Part> {
    let (x, y) = (CELL.0 / 2.0, CELL.1 / 2.0);
    let (across, along) = (left.max(right), up.max(down));
    let mut parts = Vec::new();
    if across > 0.0 {
        let from = if left > 0.0 { 0.0 } else { x - along / 2.0 };
        let to = if right > 0.0 { CELL.0 } else { x + along / 2.0 };
        parts.push(Part::Box { x: from, y: y - across / 2.0, w: to - from, h: across });
    }
    if along > 0.0 {
        let from = if up > 0.0 { 0.0 } else { y - across / 2.0 };
        let to = if down > 0.0 { CELL.1 } else { y + across / 2.0 };
        parts.push(Part::Box { x: x - along / 2.0, y: from, w: along, h: to - from });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_stay_within_their_cell() {
        for letter in ('─'..='▟').chain('\u{2801}'..='\u{28ff}') {
            let Some((parts, _)) = parts(letter) else { continue };
            assert!(!parts.is_empty(), "{letter}");
            for part in parts {
                if let Part::Box { x, y, w, h } = part {
                    let inside = x >= 0.0 && y >= 0.0 && x + w <= CELL.0 && y + h <= CELL.1;
                    assert!(inside && w > 0.0 && h > 0.0, "{letter} {part:?}");
                }
            }
        }
    }

    #[test]
    fn eighths_grow_up_and_to_the_right() {
        assert_eq!(block('▁'), [part(0.0, 7.0, 8.0, 1.0)]);
        assert_eq!(block('█'), [part(0.0, 0.0, 8.0, 8.0)]);
        assert_eq!(block('▌'), [part(0.0, 0.0, 4.0, 8.0)]);
        assert_eq!(block('▏'), [part(0.0, 0.0, 1.0, 8.0)]);
    }
}
