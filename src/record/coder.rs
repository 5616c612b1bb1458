//! An adaptive binary range coder: numbers that are guessed well cost next to nothing.
//!
//! It is the coder of LZMA (Pavlov) with probabilities of 15 bits. Each yes or no has a [`Bit`]
//! that learns how likely it is; a [`Number`] is a row of such answers: is it zero, below zero, how
//! long, its upper digits. The digits below are written as they are.
//!
//! Writing and reading are one road, [`Pipe`]: whoever writes hands values in and gets them back,
//! whoever reads hands in anything and gets what was written. So what is written cannot be read in
//! another order.

/// Probabilities are parts of this many bits.
const BITS: u32 = 15;
const EVEN: u16 = 1 << (BITS - 1);
/// How slowly a settled probability moves: by a 32nd of the surprise.
const SLOWEST: u8 = 5;
/// Below this the range grows by a byte.
const LEAST: u32 = 1 << 24;
/// What a reader asks for beyond the end, at most, of what was written whole.
const BEYOND: usize = 8;

/// How likely the answer to a question is, learnt from the answers before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bit {
    no: u16,
    speed: u8,
}

impl Default for Bit {
    fn default() -> Self {
        Self { no: EVEN, speed: 1 }
    }
}

impl Bit {
    fn learn(&mut self, yes: bool) {
        let speed = self.speed;
        if yes {
            self.no -= self.no >> speed;
        } else {
            self.no += ((1 << BITS) - self.no) >> speed;
        }
        // Never quite certain.
        self.no = self.no.clamp(16, (1 << BITS) - 16);
        self.speed = SLOWEST.min(speed + 1);
    }
}

/// What values pass through, on their way into a file or out of it.
pub(super) trait Pipe {
    /// An answer of which something is known.
    fn bit(&mut self, model: &mut Bit, value: bool) -> bool;

    /// A digit of which nothing is known.
    fn digit(&mut self, value: bool) -> bool;

    /// Whether more was asked for than was written: what comes out is made up.
    fn is_dry(&self) -> bool;
}

/// Writes.
#[derive(Debug)]
pub(super) struct Encoder {
    low: u64,
    range: u32,
    /// The last byte, and how many of all ones wait behind it for a carry.
    held: Option<u8>,
    waiting: usize,
    out: Vec<u8>,
}

impl Encoder {
    /// Appends to `out`.
    pub(super) fn new(out: Vec<u8>) -> Self {
        Self { low: 0, range: u32::MAX, held: None, waiting: 0, out }
    }

    fn shift(&mut self) {
        let carry = (self.low >> 32) as u8;
        if (self.low as u32) < 0xff00_0000 || carry != 0 {
            if let Some(held) = self.held {
                self.out.push(held.wrapping_add(carry));
            }
            for _ in 0..self.waiting {
                self.out.push(0xff_u8.wrapping_add(carry));
            }
            self.waiting = 0;
            self.held = Some((self.low >> 24) as u8);
        } else {
            self.waiting += 1;
        }
        self.low = u64::from((self.low as u32) << 8);
    }

    fn grow(&mut self) {
        while self.range < LEAST {
            self.range <<= 8;
            self.shift();
        }
    }

    /// Ends, in as few bytes as will do: beyond the end a reader finds zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let start = self.out.len();
        let end = self.low + u64::from(self.range);
        for zeros in (0..=32).rev() {
            let mask = (1_u64 << zeros) - 1;
            let round = (self.low + mask) & !mask;
            if round < end {
                self.low = round;
                break;
            }
        }
        for _ in 0..5 {
            self.shift();
        }
        while self.out.len() > start && self.out.last() == Some(&0) {
            self.out.pop();
        }
        self.out
    }
}

impl Pipe for Encoder {
    fn bit(&mut self, model: &mut Bit, value: bool) -> bool {
        let bound = (self.range >> BITS) * u32::from(model.no);
        if value {
            self.low += u64::from(bound);
            self.range -= bound;
        } else {
            self.range = bound;
        }
        model.learn(value);
        self.grow();
        value
    }

    fn digit(&mut self, value: bool) -> bool {
        self.range >>= 1;
        if value {
            self.low += u64::from(self.range);
        }
        self.grow();
        value
    }

    fn is_dry(&self) -> bool {
        false
    }
}

/// Reads.
#[derive(Debug)]
pub(super) struct Decoder<'a> {
    code: u32,
    range: u32,
    rest: &'a [u8],
    beyond: usize,
}

impl<'a> Decoder<'a> {
    /// Reads what [`Encoder::finish`] ended with.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut decoder = Self { code: 0, range: u32::MAX, rest: bytes, beyond: 0 };
        for _ in 0..4 {
            decoder.next();
        }
        decoder
    }

    fn next(&mut self) {
        let byte = match self.rest.split_first() {
            Some((first, rest)) => {
                self.rest = rest;
                *first
            }
            None => {
                self.beyond += 1;
                0
            }
        };
        self.code = self.code << 8 | u32::from(byte);
    }

    fn grow(&mut self) {
        while self.range < LEAST {
            self.range <<= 8;
            self.next();
        }
    }
}

impl Pipe for Decoder<'_> {
    fn bit(&mut self, model: &mut Bit, _: bool) -> bool {
        let bound = (self.range >> BITS) * u32::from(model.no);
        let yes = self.code >= bound;
        if yes {
            self.code -= bound;
            self.range -= bound;
        } else {
            self.range = bound;
        }
        model.learn(yes);
        self.grow();
        yes
    }

    fn digit(&mut self, _: bool) -> bool {
        self.range >>= 1;
        let yes = self.code >= self.range;
        if yes {
            self.code -= self.range;
        }
        self.grow();
        yes
    }

    fn is_dry(&self) -> bool {
        self.beyond > BEYOND
    }
}

/// How many of the digits below the first are learnt: the others are as good as random.
const LEARNT: u32 = 2;

/// A number that is most likely near 0.
#[derive(Clone, Debug)]
pub(super) struct Number {
    below: Bit,
    /// Whether it is longer than so many digits.
    longer: [Bit; 64],
    digits: [[Bit; 4]; 65],
}

impl Default for Number {
    fn default() -> Self {
        let bit = Bit::default();
        Self { below: bit, longer: [bit; 64], digits: [[bit; 4]; 65] }
    }
}

impl Number {
    /// Passes a number through.
    pub(super) fn pass(&mut self, pipe: &mut impl Pipe, value: i64) -> i64 {
        let size = value.unsigned_abs();
        let length = self.length(pipe, u64::BITS - size.leading_zeros());
        if length == 0 {
            return 0;
        }
        let below = pipe.bit(&mut self.below, value < 0);
        let size = self.digits(pipe, size, length);
        if below { (size as i64).wrapping_neg() } else { size as i64 }
    }

    /// How many digits it has, one question after the other.
    fn length(&mut self, pipe: &mut impl Pipe, length: u32) -> u32 {
        for (n, model) in (0..).zip(&mut self.longer) {
            if !pipe.bit(model, length > n) {
                return n;
            }
        }
        u64::BITS
    }

    /// The digits below the first, which is a one.
    fn digits(&mut self, pipe: &mut impl Pipe, size: u64, length: u32) -> u64 {
        let mut told = 1_u64;
        let mut models = self.digits.get_mut(length as usize);
        for place in (0..length.saturating_sub(1)).rev() {
            let digit = size >> place & 1 == 1;
            let deep = length - 2 - place;
            let model = models.as_mut().filter(|_| deep < LEARNT);
            let digit = match model.and_then(|m| m.get_mut(told as usize)) {
                Some(model) => pipe.bit(model, digit),
                None => pipe.digit(digit),
            };
            told = told << 1 | u64::from(digit);
        }
        told
    }
}

/// Text and other bytes.
#[derive(Clone, Debug)]
pub(super) struct Bytes {
    length: Number,
    /// A tree of the eight digits of a byte.
    tree: Box<[Bit; 256]>,
}

impl Default for Bytes {
    fn default() -> Self {
        Self { length: Number::default(), tree: Box::new([Bit::default(); 256]) }
    }
}

impl Bytes {
    /// Passes bytes through. What was written whole is never longer than its file.
    pub(super) fn pass(&mut self, pipe: &mut impl Pipe, bytes: &[u8]) -> Vec<u8> {
        let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        let length = self.length.pass(pipe, length);
        let mut passed = Vec::new();
        for n in 0..usize::try_from(length).unwrap_or(0) {
            if pipe.is_dry() {
                break;
            }
            let byte = bytes.get(n).copied().unwrap_or(0);
            let mut told = 1_usize;
            for place in (0..8).rev() {
                let digit = byte >> place & 1 == 1;
                let digit = match self.tree.get_mut(told) {
                    Some(model) => pipe.bit(model, digit),
                    None => pipe.digit(digit),
                };
                told = told << 1 | usize::from(digit);
            }
            passed.push((told & 0xff) as u8);
        }
        passed
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(values: &[i64]) -> Vec<u8> {
        let (mut encoder, mut model) = (Encoder::new(Vec::new()), Number::default());
        for value in values {
            model.pass(&mut encoder, *value);
        }
        encoder.finish()
    }

    fn read(bytes: &[u8], count: usize) -> (Vec<i64>, bool) {
        let (mut decoder, mut model) = (Decoder::new(bytes), Number::default());
        let values = (0..count).map(|_| model.pass(&mut decoder, 0)).collect();
        (values, decoder.is_dry())
    }

    #[test]
    fn what_is_guessed_costs_next_to_nothing() {
        let zeros = written(&[0; 10_000]);
        assert!(zeros.len() < 20, "{}", zeros.len());
        // Even odds over 16 values: 4 bits each, and a twentieth for the coder.
        let values: Vec<i64> = (0..10_000_i64).map(|n| (n * 7_919 + n * n * 31) % 16).collect();
        let bytes = written(&values).len();
        assert!(bytes < 5_250, "{bytes}");
    }

    #[test]
    fn the_ends_of_the_range_pass() {
        let ends = [i64::MIN, i64::MAX, 0, -1, 1, i64::MIN + 1, 1 << 62, -(1 << 62)];
        assert_eq!(read(&written(&ends), ends.len()), (ends.to_vec(), false));
    }

    #[test]
    fn whoever_reads_on_behind_the_end_is_told() {
        let bytes = written(&[5, 9, -70_000]);
        assert!(!read(&bytes, 3).1);
        assert!(read(&bytes, 100_000).1);
        assert!(read(&[], 100_000).1);
    }

    proptest! {
        #[test]
        fn what_went_in_comes_out(
            values in prop::collection::vec(
                prop_oneof![any::<i64>(), -3..3_i64, -3_000..3_000_i64], 0..300),
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let mut encoder = Encoder::new(vec![1, 2, 3]);
            let (mut number, mut text) = (Number::default(), Bytes::default());
            for value in &values {
                number.pass(&mut encoder, *value);
            }
            text.pass(&mut encoder, &bytes);
            let out = encoder.finish();
            prop_assert_eq!(&out[..3], &[1, 2, 3]);
            let mut decoder = Decoder::new(&out[3..]);
            let (mut number, mut text) = (Number::default(), Bytes::default());
            for value in &values {
                prop_assert_eq!(number.pass(&mut decoder, 0), *value);
            }
            prop_assert_eq!(text.pass(&mut decoder, &[]), bytes);
            prop_assert!(!decoder.is_dry());
        }

        /// Whatever is read, it ends.
        #[test]
        fn noise_is_read_to_its_end(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut decoder = Decoder::new(&bytes);
            let (mut number, mut text) = (Number::default(), Bytes::default());
            let mut count = 0_u64;
            while !decoder.is_dry() {
                number.pass(&mut decoder, 0);
                text.pass(&mut decoder, &[]);
                count += 1;
                prop_assert!(count < 10_000_000);
            }
        }
    }
}
