//! Chance, the same for the same seed, and what it does to bytes.

/// Longer inputs find nothing that these do not, and take longer.
const LONGEST: usize = 64 << 10;

/// What numbers are near their ends.
const NUMBERS: [&str; 12] = [
    "0",
    "-1",
    "1",
    "255",
    "256",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "18446744073709551616",
];

/// What texts choke on, and what steers a terminal.
const TEXTS: [&[u8]; 20] = [
    b"\x1b[2J",
    b"\x1b]0;x\x07",
    b"\x7f",
    b"\xc2\x9b31m",
    b"\xe2\x80\xae",
    b"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
    b"e\xcc\x81\xcc\x81\xcc\x81",
    b"\xff",
    b"\0",
    b"\r\n",
    b"\n",
    b"\t",
    b"\"",
    b"\\u0000",
    b"\\u001b",
    b"'''",
    b"[[",
    b"{",
    b"  ",
    b"\xef\xbb\xbf",
];

/// SplitMix64 (Steele, Lea and Flood 2014).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Less than `n`; 0 for 0.
    fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }

    fn one<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }

    /// A piece of so many bytes, mostly short.
    fn piece(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length);
        let most = if self.below(8) == 0 { length } else { 16 };
        start..(start + 1 + self.below(most)).min(length)
    }

    /// An entry of the corpus, altered in one to six places.
    pub(crate) fn altered(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.one(corpus).clone();
        // Most are altered a little: what is damaged everywhere is refused at its beginning.
        let times = [1, 1, 1, 2, 2, 3, 4, 6][self.below(8)];
        for _ in 0..times {
            self.alter(&mut bytes, corpus);
        }
        bytes.truncate(LONGEST);
        bytes
    }

    fn alter(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        if bytes.is_empty() {
            bytes.extend(self.one(corpus));
        }
        let at = self.below(bytes.len());
        match self.below(14) {
            0 | 1 => bytes[at] ^= 1 << self.below(8),
            2 => bytes[at] = self.roll() as u8,
            3 => bytes[at] = *self.one(&[0, 1, 0x7F, 0x80, 0xFF, b' ', b'\n', 0x1B]),
            4 => bytes.truncate(at),
            5 => {
                bytes.drain(self.piece(bytes.len()));
            }
            6 => {
                let piece = bytes[self.piece(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            7 => {
                let text = *self.one(&TEXTS);
                bytes.splice(at..at, text.iter().copied());
            }
            8 => {
                let random: Vec<u8> = (0..=self.below(8)).map(|_| self.roll() as u8).collect();
                bytes.splice(at..at, random);
            }
            // A number in the machine's bytes, 2, 4 or 8 of them.
            9 => {
                let ends = [0, 1, u64::MAX, u64::MAX >> 1, 1 << 31, (1 << 31) - 1, 0xFFFF_FFFF];
                let number = self.one(&ends).to_ne_bytes();
                let width = *self.one(&[2, 4, 8]);
                let at = at & !1;
                let end = (at + width).min(bytes.len());
                bytes[at..end].copy_from_slice(&number[..end - at]);
            }
            // A number in digits.
            10 | 11 => {
                let is_digit = |b: &u8| b.is_ascii_digit();
                if let Some(start) = bytes[at..].iter().position(is_digit).map(|n| at + n) {
                    let digits = bytes[start..].iter().take_while(|b| is_digit(b)).count();
                    let number = *self.one(&NUMBERS);
                    bytes.splice(start..start + digits, number.bytes());
                }
            }
            // The end of another entry, or a piece of it.
            12 => {
                let other = self.one(corpus).clone();
                bytes.truncate(at);
                bytes.extend(&other[self.below(other.len())..]);
            }
            _ => {
                let other = self.one(corpus).clone();
                let piece = other[self.piece(other.len())].to_vec();
                let end = if self.below(2) == 0 { at } else { (at + piece.len()).min(bytes.len()) };
                bytes.splice(at..end, piece);
            }
        }
    }
}
