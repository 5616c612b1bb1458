//! Frames in three tiers: as they came for the last minute, then averages of 5 and of 30 seconds.
//! What leaves one tier is averaged into the next, so every time is held once.

use std::collections::VecDeque;
use std::mem::take;

use super::packed::Packed;

/// As they came: the shortest window and a little more.
const FINE: u64 = 64_000;
/// Averages of 5 seconds: the middle window and a little more.
const MIDDLE: Tier = Tier { step: 5_000, reach: 305_000 };
/// Averages of 30 seconds: the longest window and a little more.
const COARSE: Tier = Tier { step: 30_000, reach: 1_830_000 };

/// All times are in milliseconds since the director was opened.
#[derive(Clone, Copy, Debug)]
struct Tier {
    /// What a frame of it is the average of.
    step: u64,
    /// How far back it goes from the newest frame.
    reach: u64,
}

/// Numbers of all rows at one time; `None` is a gap.
#[derive(Clone, Debug)]
pub(super) struct Frame<const N: usize> {
    pub(super) at: u64,
    pub(super) columns: Option<[Packed; N]>,
}

/// A column of the average of some frames, made of that column of each.
pub(super) type Average<const N: usize> = fn(usize, &[&Packed]) -> Packed;

/// The frames of one kind, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Ring<const N: usize> {
    coarse: VecDeque<Frame<N>>,
    middle: VecDeque<Frame<N>>,
    fine: VecDeque<Frame<N>>,
    /// So many at least are kept as they came, however far apart.
    least: usize,
    average: Average<N>,
}

impl<const N: usize> Ring<N> {
    pub(super) fn new(least: usize, average: Average<N>) -> Self {
        let [coarse, middle, fine] = [const { VecDeque::new() }; 3];
        Self { coarse, middle, fine, least, average }
    }

    /// Adds the newest frame.
    pub(super) fn push(&mut self, frame: Frame<N>) {
        let now = frame.at;
        add(&mut self.fine, frame);
        let (fine, middle, average) = (&mut self.fine, &mut self.middle, self.average);
        while let Some(frame) = leave(fine, MIDDLE.step, FINE, self.least, now, average) {
            add(middle, frame);
        }
        while let Some(frame) = leave(middle, COARSE.step, MIDDLE.reach, 0, now, average) {
            add(&mut self.coarse, frame);
        }
        let over = |frame: &Frame<N>| frame.at + COARSE.step + COARSE.reach < now;
        while self.coarse.front().is_some_and(over) {
            self.coarse.pop_front();
        }
    }

    /// Puts a frame in the place of the newest.
    pub(super) fn replace(&mut self, frame: Frame<N>) {
        self.fine.pop_back();
        self.push(frame);
    }

    /// Whether the last two frames, neither of them a gap, and one at `at` lie within `time`.
    pub(super) fn is_tight(&self, at: u64, time: u64) -> bool {
        let mut newest = self.fine.iter().rev().filter(|frame| frame.columns.is_some());
        newest.nth(1).is_some_and(|frame| at.saturating_sub(frame.at) <= time)
            && !self.ends_in_gap()
    }

    /// Whether the newest frame is a gap; none is one too.
    pub(super) fn ends_in_gap(&self) -> bool {
        self.fine.back().is_none_or(|frame| frame.columns.is_none())
    }

    pub(super) fn len(&self) -> usize {
        self.coarse.len() + self.middle.len() + self.fine.len()
    }

    /// The frame at a place, from the oldest on, and the time that it is the average of: 0 where
    /// it is as it came.
    pub(super) fn get(&self, place: usize) -> Option<(&Frame<N>, u64)> {
        let (coarse, middle) = (self.coarse.len(), self.coarse.len() + self.middle.len());
        if place < coarse {
            self.coarse.get(place).map(|frame| (frame, COARSE.step))
        } else if place < middle {
            self.middle.get(place - coarse).map(|frame| (frame, MIDDLE.step))
        } else {
            self.fine.get(place - middle).map(|frame| (frame, 0))
        }
    }

    /// Frames with the time that each is the average of, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Frame<N>, u64)> {
        let coarse = self.coarse.iter().map(|frame| (frame, COARSE.step));
        let middle = self.middle.iter().map(|frame| (frame, MIDDLE.step));
        coarse.chain(middle).chain(self.fine.iter().map(|frame| (frame, 0)))
    }

    /// The place of the last frame that begins at `at` or before.
    pub(super) fn find(&self, at: u64) -> Option<usize> {
        let mut before = 0;
        for frames in [&self.coarse, &self.middle, &self.fine] {
            before += frames.partition_point(|frame| frame.at <= at);
        }
        before.checked_sub(1)
    }

    /// What it takes in memory, in bytes.
    pub(super) fn bytes(&self) -> usize {
        let columns = |f: &Frame<N>| f.columns.iter().flatten().map(Packed::bytes).sum::<usize>();
        let frames = [&self.coarse, &self.middle, &self.fine];
        frames.into_iter().flatten().map(|f| size_of::<Frame<N>>() + columns(f)).sum()
    }
}

/// Adds a frame that keeps what is the same as in the one before it only once.
fn add<const N: usize>(frames: &mut VecDeque<Frame<N>>, mut frame: Frame<N>) {
    let before = frames.back().and_then(|before| before.columns.as_ref());
    if let (Some(columns), Some(before)) = (frame.columns.as_mut(), before) {
        for (column, before) in columns.iter_mut().zip(before) {
            *column = take(column).like(before);
        }
    }
    frames.push_back(frame);
}

/// Takes what falls into the oldest `step` out of `frames`, if all of it is further back than
/// `reach` and more than `least` are left, as one average.
fn leave<const N: usize>(
    frames: &mut VecDeque<Frame<N>>,
    step: u64,
    reach: u64,
    least: usize,
    now: u64,
    average: Average<N>,
) -> Option<Frame<N>> {
    let at = frames.front()?.at / step * step;
    let end = at + step;
    if end + reach > now {
        return None;
    }
    let count = frames.partition_point(|frame| frame.at < end);
    if frames.len() < least + count {
        return None;
    }
    let gone: Vec<Frame<N>> = frames.drain(..count).collect();
    let known: Vec<&[Packed; N]> = gone.iter().filter_map(|f| f.columns.as_ref()).collect();
    let columns = (!known.is_empty()).then(|| {
        std::array::from_fn(|column| {
            let all: Vec<&Packed> = known.iter().filter_map(|c| c.get(column)).collect();
            average(column, &all)
        })
    });
    Some(Frame { at, columns })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(seconds: impl Iterator<Item = u64>) -> Ring<1> {
        // The newest stands for all: which frames went where is to be seen.
        let mut ring = Ring::<1>::new(64, |_, all| Packed::new(&[all.last().unwrap().get(0)]));
        for second in seconds {
            let number = Packed::new(&[u32::try_from(second).unwrap()]);
            ring.push(Frame { at: second * 1000, columns: Some([number]) });
        }
        ring
    }

    #[test]
    fn time_is_held_once_and_room_is_bounded() {
        let ring = ring(0..7_200);
        let at: Vec<u64> = ring.iter().map(|(frame, _)| frame.at).collect();
        assert!(at.is_sorted_by(|a, b| a < b));
        assert!(at[0] <= (7_199 - 1_800) * 1000, "{}", at[0]);
        let steps: Vec<usize> =
            [30_000, 5_000, 0].map(|step| ring.iter().filter(|(_, s)| *s == step).count()).to_vec();
        assert!((50..=53).contains(&steps[0]), "{steps:?}");
        assert!((48..=55).contains(&steps[1]), "{steps:?}");
        assert!((64..=70).contains(&steps[2]), "{steps:?}");
        assert_eq!(ring.len(), at.len());
        let mut ends = at.iter().skip(1);
        for (frame, step) in ring.iter() {
            let end = ends.next().copied().unwrap_or(7_200_000);
            let next = frame.at + if step == 0 { 1_000 } else { step };
            // Between tiers a frame can be cut short, never be missing.
            assert!(end <= next, "a hole behind {}", frame.at);
        }
    }

    #[test]
    fn frames_far_apart_stay_as_they_came() {
        let ring = ring((0..40).map(|n| n * 60));
        assert!(ring.iter().all(|(_, step)| step == 0));
        assert_eq!(ring.len(), 40);
    }

    #[test]
    fn a_place_is_found_by_its_time() {
        let ring = ring(0..2_000);
        for (place, (frame, _)) in ring.iter().enumerate() {
            assert_eq!(ring.find(frame.at), Some(place));
            assert_eq!(ring.find(frame.at + 1), Some(place));
            assert_eq!(ring.get(place).map(|(f, _)| f.at), Some(frame.at));
        }
        assert_eq!(ring.get(ring.len()).map(|(f, _)| f.at), None);
        assert_eq!(super::Ring::<1>::new(64, |_, _| Packed::default()).find(5), None);
    }

    #[test]
    fn a_gap_stays_a_gap() {
        let mut ring = ring(0..60);
        ring.push(Frame { at: 60_000, columns: None });
        assert!(ring.ends_in_gap());
        for second in 600..700 {
            ring.push(Frame { at: second * 1000, columns: Some([Packed::new(&[1])]) });
        }
        let gaps: Vec<u64> = ring
            .iter()
            .filter(|(frame, _)| frame.columns.is_none())
            .map(|(frame, _)| frame.at)
            .collect();
        assert_eq!(gaps, [60_000]);
    }
}
