//! Numbers of many rows at one time, each block of them in as few bits as its spread wants.
//!
//! ```text
//! block = 64 rows:  head  [ place 26 | width 6 | least 32 ]   in one word
//!                   words  of each row `width` bits, from `place` on: the number if it is small,
//!                          otherwise how much more than `least` it is, and SMALL
//! ```
//!
//! Rows that stand next to one another are much alike, or idle: an idle table takes a bit a row,
//! a busy one some eight. What is the same as before is kept once. Nothing is rounded.

use std::sync::Arc;

/// Rows in a block: a width of `n` bits fills `n` words.
pub(super) const BLOCK: usize = 64;

/// Numbers below this stand for themselves, so that idle rows among busy ones cost nothing.
const SMALL: u32 = 3;

/// One number of every row.
#[derive(Clone, Debug, Default)]
pub(super) struct Packed {
    rows: usize,
    /// The heads of all blocks, then their words.
    data: Arc<[u64]>,
}

impl Packed {
    /// Packs a number a row.
    pub(super) fn new(numbers: &[u32]) -> Self {
        let blocks = numbers.len().div_ceil(BLOCK);
        let mut data = Vec::with_capacity(blocks + numbers.len() / 4);
        data.resize(blocks, 0);
        for (block, numbers) in numbers.chunks(BLOCK).enumerate() {
            let first = numbers.first().copied().unwrap_or(0);
            let (mut least, mut width) = (first, 0);
            if numbers.iter().any(|number| *number != first) {
                let large = |number: &u32| if *number < SMALL { u32::MAX } else { *number };
                least = numbers.iter().map(large).min().unwrap_or(u32::MAX);
                let most = numbers.iter().copied().max().unwrap_or(0);
                width = u32::BITS - shorten(most, least).max(SMALL - 1).leading_zeros();
            }
            let place = data.len() as u64;
            if let Some(head) = data.get_mut(block) {
                *head = place << 38 | u64::from(width) << 32 | u64::from(least);
            }
            if width > 0 {
                pack(numbers, least, width, &mut data);
            }
        }
        Self { rows: numbers.len(), data: data.into() }
    }

    /// The same, sharing memory with `before` where the numbers are the same.
    pub(super) fn like(self, before: &Self) -> Self {
        let same = before.rows == self.rows && before.data == self.data;
        if same { before.clone() } else { self }
    }

    /// How many rows there were.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The number of a row; 0 of one that there was not.
    pub(super) fn get(&self, row: usize) -> u32 {
        if row >= self.rows {
            return 0;
        }
        let (least, width, place) = self.head(row / BLOCK);
        if width == 0 {
            return least;
        }
        let bit = (row % BLOCK) * width as usize;
        let word = |n: usize| self.data.get(place + n).copied().unwrap_or(0);
        let (first, shift) = (bit / 64, bit % 64);
        let mut number = word(first) >> shift;
        if shift + width as usize > 64 {
            number |= word(first + 1) << (64 - shift);
        }
        lengthen((number & mask(width)) as u32, least)
    }

    /// The numbers of all rows, in `numbers`.
    pub(super) fn unpack(&self, numbers: &mut Vec<u32>) {
        numbers.clear();
        for block in 0..self.rows.div_ceil(BLOCK) {
            let (least, width, place) = self.head(block);
            let rows = BLOCK.min(self.rows - block * BLOCK);
            if width == 0 {
                numbers.resize(numbers.len() + rows, least);
                continue;
            }
            let mut words = self.data.get(place..).unwrap_or_default().iter().copied();
            let (mut word, mut left) = (words.next().unwrap_or(0), 64);
            numbers.extend((0..rows).map(|_| {
                let mut number = word;
                if left < width {
                    let next = words.next().unwrap_or(0);
                    number |= next << left;
                    word = next >> (width - left);
                    left += 64 - width;
                } else {
                    word >>= width;
                    left -= width;
                }
                lengthen((number & mask(width)) as u32, least)
            }));
        }
    }

    /// What it takes in memory, in bytes: its part of what it shares.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.data) / Arc::strong_count(&self.data)
    }

    fn head(&self, block: usize) -> (u32, u32, usize) {
        let head = self.data.get(block).copied().unwrap_or(0);
        (head as u32, (head >> 32) as u32 & 63, (head >> 38) as usize)
    }
}

/// As it is kept: `least` is none of the small numbers, so it becomes no larger.
fn shorten(number: u32, least: u32) -> u32 {
    if number < SMALL { number } else { number - least + SMALL }
}

fn lengthen(number: u32, least: u32) -> u32 {
    if number < SMALL { number } else { number - SMALL + least }
}

fn mask(width: u32) -> u64 {
    (1 << width) - 1
}

fn pack(numbers: &[u32], least: u32, width: u32, data: &mut Vec<u64>) {
    let (mut word, mut filled) = (0_u64, 0);
    for number in numbers {
        let number = u64::from(shorten(*number, least));
        word |= number << filled;
        filled += width;
        if filled >= 64 {
            data.push(word);
            filled -= 64;
            // What of the number did not fit; a shift by 64 would be none at all.
            word = if filled == 0 { 0 } else { number >> (width - filled) };
        }
    }
    if filled > 0 {
        data.push(word);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_kept(numbers: &[u32]) {
        let packed = Packed::new(numbers);
        let one_by_one: Vec<u32> = (0..numbers.len()).map(|row| packed.get(row)).collect();
        assert_eq!(one_by_one, numbers);
        let mut all = vec![7];
        packed.unpack(&mut all);
        assert_eq!(all, numbers);
        assert_eq!(packed.get(numbers.len()), 0, "a row that was not there");
    }

    #[test]
    fn every_width_is_kept() {
        for bits in 0..=32 {
            let most = ((1_u64 << bits) - 1) as u32;
            for rows in [0, 1, 63, 64, 65, 200] {
                let numbers: Vec<u32> =
                    (0..rows).map(|n: u32| n.wrapping_mul(2_654_435_761) & most).collect();
                assert_kept(&numbers);
                let above: Vec<u32> = numbers.iter().map(|n| n | !most).collect();
                assert_kept(&above);
            }
        }
    }

    proptest! {
        #[test]
        fn anything_is_kept(
            numbers in prop::collection::vec(
                prop_oneof![Just(0_u32), 0..300_u32, any::<u32>()], 0..300)
        ) {
            assert_kept(&numbers);
        }
    }

    #[test]
    fn what_is_the_same_as_before_is_kept_once() {
        let before = Packed::new(&(0..1_000).collect::<Vec<_>>());
        let same = Packed::new(&(0..1_000).collect::<Vec<_>>()).like(&before);
        assert!(same.bytes() < 800 && Arc::ptr_eq(&same.data, &before.data), "{}", same.bytes());
        let other = Packed::new(&(1..1_001).collect::<Vec<_>>()).like(&before);
        assert_eq!(other.get(7), 8);
    }

    #[test]
    fn what_is_alike_takes_little() {
        let idle = Packed::new(&[1; 20_000]);
        assert!(idle.bytes() < 20_000 / 6, "{}", idle.bytes());
        let busy: Vec<u32> = (0..20_000).map(|n| 5_000 + n % 200).collect();
        assert!(Packed::new(&busy).bytes() < 20_000 * 9 / 8, "a byte a row and the heads");
    }
}
