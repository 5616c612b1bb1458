//! When the console may draw.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// Keys that come closer than this are answered by one frame.
const TOGETHER: Duration = Duration::from_millis(10);

/// At most so many frames in any second, and when the next one may come.
///
/// The answer to a key comes at once as long as a third of a second's frames is left; a key that is
/// held down uses the others up, and then gets what is left in even steps, so that a slow line is
/// never behind it. What the director tells comes in even steps always.
#[derive(Clone, Debug)]
pub struct Frames {
    most: usize,
    /// When the last ones were drawn, the oldest first, no more than `most`.
    drawn: VecDeque<Instant>,
}

impl Frames {
    /// At most `most` in any second, at least one.
    pub fn new(most: u32) -> Self {
        let most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
        Self { most, drawn: VecDeque::new() }
    }

    /// The even step, which a terminal that takes nothing is asked again after.
    pub(super) fn step(&self) -> Duration {
        SECOND / u32::try_from(self.most).unwrap_or(u32::MAX)
    }

    /// One was drawn.
    pub(super) fn drawn(&mut self, now: Instant) {
        while self.drawn.len() >= self.most {
            self.drawn.pop_front();
        }
        self.drawn.push_back(now);
    }

    /// When the next one may be drawn, for somebody who waits for an answer or for nobody. None
    /// when it may be at once.
    pub(super) fn due(&self, waits: bool) -> Option<Instant> {
        let last = *self.drawn.back()?;
        let full = (self.drawn.len() == self.most).then(|| self.drawn.front()).flatten();
        let bound = full.map_or(last, |oldest| *oldest + SECOND);
        if !waits {
            return Some(bound.max(last + self.step()));
        }
        let free = (self.most * 2 / 3).max(1);
        let answer = match self.drawn.len().checked_sub(free).and_then(|n| self.drawn.get(n)) {
            // So many were drawn since then: at once when that is a second ago.
            Some(since) => (*since + SECOND).min(bound.max(last + self.share(last))),
            None => last,
        };
        Some(answer.max(last + TOGETHER))
    }

    /// What is left of the second, shared among the frames that are left in it.
    fn share(&self, last: Instant) -> Duration {
        let within = self.drawn.iter().filter(|drawn| **drawn + SECOND > last);
        let oldest = within.clone().next().map_or(last, |oldest| *oldest);
        let left = self.most.saturating_sub(within.count()).saturating_add(1);
        let rest = (oldest + SECOND).saturating_duration_since(last);
        (rest / u32::try_from(left).unwrap_or(u32::MAX)).max(self.step())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PACES: [u32; 4] = [1, 2, 3, 10];

    /// The milliseconds at which frames are drawn for what comes at such milliseconds: a key, or
    /// news of the director.
    fn played(most: u32, events: &[(u64, bool)]) -> Vec<u64> {
        let (mut frames, start) = (Frames::new(most), Instant::now());
        let (mut times, mut changed, mut waits) = (Vec::new(), false, false);
        let mut events = events.iter().peekable();
        for now in 0..20_000 {
            let moment = start + Duration::from_millis(now);
            while let Some((_, key)) = events.next_if(|(at, _)| *at <= now) {
                changed = true;
                waits |= key;
            }
            if changed && frames.due(waits).is_none_or(|due| due <= moment) {
                frames.drawn(moment);
                times.push(now);
                (changed, waits) = (false, false);
            }
        }
        times
    }

    /// Frames from each frame on, within its second.
    fn seconds(times: &[u64]) -> impl Iterator<Item = usize> + '_ {
        times.iter().map(|from| times.iter().filter(|at| (*from..from + 1000).contains(at)).count())
    }

    #[test]
    fn a_key_is_answered_at_once_beside_what_the_director_tells() {
        let mut events: Vec<_> = (0..19).map(|n| (n * 1000, false)).collect();
        let keys: Vec<_> = (0..70).map(|n| 507 + n * 257).collect();
        events.extend(keys.iter().map(|at| (*at, true)));
        events.sort_unstable();
        let times = played(10, &events);
        for key in keys {
            assert!(times.iter().any(|at| (key..key + 12).contains(at)), "{key}: {times:?}");
        }
    }

    #[test]
    fn a_held_key_is_drawn_at_once_and_then_in_even_steps() {
        let held: Vec<_> = (0..150).map(|n| (5000 + n * 33, true)).collect();
        let times = played(10, &held);
        assert_eq!(times[..6], [5000, 5033, 5066, 5099, 5132, 5165]);
        let steps = times.windows(2).skip(5).map(|pair| pair[1] - pair[0]);
        assert!(steps.clone().all(|step| (100..=200).contains(&step)), "{times:?}");
        assert!(steps.count() > 40);
        assert_eq!(played(2, &[(0, true), (10, true), (2000, true)]), [0, 500, 2000]);
    }

    #[test]
    fn what_the_director_tells_is_drawn_in_even_steps() {
        let told: Vec<_> = (0..100).map(|n| (n * 20, false)).collect();
        let times = played(10, &told);
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 100), "{times:?}");
    }

    proptest! {
        #[test]
        fn no_second_has_more_than_was_said(
            mut events in proptest::collection::vec((0u64..12_000, any::<bool>()), 1..400),
            pace in 0..PACES.len(),
        ) {
            events.sort_unstable();
            let times = played(PACES[pace], &events);
            prop_assert!(seconds(&times).all(|count| count <= PACES[pace] as usize), "{times:?}");
            // And what came last is on the screen within a second.
            let came = events.last().map_or(0, |(at, _)| *at);
            prop_assert!(times.last().is_some_and(|at| *at >= came && *at <= came + 1000));
        }
    }
}
