//! What a drained server held since it was quiesced: every sample of the last minute or so, and
//! of what came before as many as fit.

use std::collections::VecDeque;
use std::time::Duration;

use crate::snapshot::Moment;

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub at: Moment,
    /// Active connections.
    pub active: u32,
    /// Inactive connections.
    pub inactive: u32,
    /// Connections that hold the drain up: those that may still carry data where the table was
    /// looked at, else all.
    pub holding: u64,
    /// Whether the table was looked at.
    pub looked: bool,
}

/// The samples of one server, oldest first; at most [`Curve::MOST`], however long it takes.
#[derive(Clone, Debug, Default)]
pub struct Curve {
    /// Evenly thinned, so that a drain of hours keeps its shape.
    old: Vec<Point>,
    recent: VecDeque<Point>,
    /// Least distance between two of `old`.
    step: Duration,
}

impl Curve {
    /// Samples kept at most.
    pub const MOST: usize = 240;
    const RECENT: usize = 60;

    /// All samples, oldest first.
    pub fn points(&self) -> impl DoubleEndedIterator<Item = &Point> {
        self.old.iter().chain(&self.recent)
    }

    /// What was held at the end of each of so many equal parts of the time; nothing without
    /// samples.
    pub fn shape(&self, parts: u32) -> Vec<u64> {
        let mut points = self.points().peekable();
        let (Some(mut held), Some(last)) = (points.next(), self.points().next_back()) else {
            return Vec::new();
        };
        let first = held.at;
        let whole = last.at.since(first);
        (1..=parts)
            .map(|part| {
                let until = whole * part / parts;
                while let Some(next) = points.next_if(|next| next.at.since(first) <= until) {
                    held = next;
                }
                u64::from(held.active) + u64::from(held.inactive)
            })
            .collect()
    }

    /// Moves what was held to so much later.
    pub(super) fn put_off(&mut self, by: Duration) {
        let points = self.old.iter_mut().chain(&mut self.recent);
        points.for_each(|point| point.at = point.at.after(by));
    }

    pub(super) fn push(&mut self, point: Point) {
        if self.recent.back().is_some_and(|last| last.at >= point.at) {
            return;
        }
        self.recent.push_back(point);
        if self.recent.len() <= Self::RECENT {
            return;
        }
        let Some(leaving) = self.recent.pop_front() else { return };
        if self.old.last().is_none_or(|last| leaving.at.since(last.at) >= self.step) {
            self.old.push(leaving);
        }
        if self.old.len() > Self::MOST - Self::RECENT {
            let mut nth = 0;
            self.old.retain(|_| {
                nth += 1;
                nth % 2 == 1
            });
            let span = self.old.first().map_or(Duration::ZERO, |first| leaving.at.since(first.at));
            self.step = span / u32::try_from(self.old.len()).unwrap_or(1).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Point {
        let at = Moment(Duration::from_millis(millis));
        Point { at, active: 1, inactive: 2, holding: 3, looked: true }
    }

    #[test]
    fn hours_fit_with_their_shape_and_the_last_minute_whole() {
        let mut curve = Curve::default();
        for second in 0..5 * 3_600u64 {
            curve.push(at(second * 1_000));
            assert!(curve.points().count() <= Curve::MOST);
        }
        let points: Vec<u64> = curve.points().map(|point| point.at.0.as_secs()).collect();
        assert!(points.is_sorted() && points[0] == 0 && points.len() > 120, "{}", points.len());
        let (old, recent) = points.split_at(points.len() - 60);
        assert!(recent.iter().copied().eq(5 * 3_600 - 60..5 * 3_600));
        let gaps = || old.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(gaps().max().unwrap() <= gaps().min().unwrap() * 3, "{old:?}");
    }

    #[test]
    fn a_shape_has_what_was_held_at_the_end_of_each_part() {
        let mut curve = Curve::default();
        assert!(curve.shape(4).is_empty());
        for (second, active) in [(0, 90), (10, 60), (20, 30), (40, 0)] {
            curve.push(Point { active, inactive: 5, ..at(second * 1_000) });
        }
        assert_eq!(curve.shape(4), [65, 35, 35, 5]);
        assert_eq!(curve.shape(1), [5]);
    }

    #[test]
    fn a_snapshot_that_is_looked_at_twice_is_one_sample() {
        let mut curve = Curve::default();
        [5, 5, 4, 6].into_iter().for_each(|millis| curve.push(at(millis)));
        assert_eq!(curve.points().count(), 2);
    }
}
