//! Where things were drawn.

use std::collections::BTreeSet;

use ratatui::layout::{Position, Rect};

use crate::ipvs::ServiceKey;
use crate::model::Hit;

/// Where things were drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HitBoxes {
    /// The rows of the table, without its head, or the part that scrolls; of what lies over it,
    /// if that scrolls.
    pub rows: Rect,
    /// Lines that there are, in a view that scrolls by lines.
    pub lines: usize,
    /// Whether nothing could be shown but that the terminal is too small.
    pub too_small: bool,
    /// Whether the first of them shows the service of the servers below it, which have scrolled:
    /// nothing is selected there.
    pub above: bool,
    /// The services of which something is on the screen.
    pub visible: BTreeSet<ServiceKey>,
    /// What can be clicked; what lies over another stands behind it.
    pub targets: Vec<(Rect, Hit)>,
}

impl HitBoxes {
    /// What is at a place of the screen.
    pub fn at(&self, column: u16, row: u16) -> Option<Hit> {
        let here = Position::new(column, row);
        self.targets.iter().rev().find(|(area, _)| area.contains(here)).map(|(_, hit)| *hit)
    }

    /// Notes that something can be clicked.
    pub(super) fn add(&mut self, area: Rect, hit: Hit) {
        self.targets.push((area, hit));
    }

    /// Rows from `top` on, one line each.
    pub(super) fn add_rows(&mut self, area: Rect, top: usize, hit: impl Fn(usize) -> Hit) {
        for (y, place) in (area.y..area.bottom()).zip(top..) {
            self.add(Rect { y, height: 1, ..area }, hit(place));
        }
    }
}
