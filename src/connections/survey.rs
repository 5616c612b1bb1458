//! A sample, placed in the table of services that was there when it was read.

use super::cost::{Cost, Expected, Shape};
use super::lane::{Lane, Place, Places};
use super::placement::Placement;
use super::sample::{Row, Rows};
use super::scale::{Estimate, Scale, Tally};
use super::signs::{self, Sign};
use super::take::{End, Passed};
use crate::snapshot::{Snapshot, Source};

/// Who tells how many rows there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Total {
    /// The kernel's own count of the whole table (`ip_vs_status`, from 7.2 on, for root).
    Kernel(u64),
    /// The servers' counters: active, inactive, and templates.
    Counters(u64),
    /// The same without templates, which `/proc` does not tell.
    WithoutTemplates(u64),
}

impl Total {
    /// What the counters of a snapshot come to.
    pub fn counted(snapshot: &Snapshot) -> Self {
        let servers = || snapshot.services.iter().flat_map(|service| &service.servers);
        let live: u64 = servers().map(|s| u64::from(s.active) + u64::from(s.inactive)).sum();
        if snapshot.source == Source::Proc {
            return Self::WithoutTemplates(live);
        }
        match servers().map(|s| s.persistent.map(u64::from)).sum::<Option<u64>>() {
            Some(templates) => Self::Counters(live + templates),
            None => Self::WithoutTemplates(live),
        }
    }

    fn rows(self) -> u64 {
        match self {
            Self::Kernel(rows) | Self::Counters(rows) | Self::WithoutTemplates(rows) => rows,
        }
    }
}

/// A sample of the connection table and what it stands for.
#[derive(Clone, Debug)]
pub struct Survey {
    /// The rows.
    pub rows: Rows,
    /// What the pass came to.
    pub passed: Passed,
    /// Rows that came twice and were dropped.
    pub repeated: u64,
    /// From the sample to the whole.
    pub scale: Scale,
    /// Who told the size of the whole.
    pub total: Total,
    /// Trouble that the rows tell of, the worst first.
    pub signs: Vec<Sign>,
    /// Which servers the rows belong to.
    pub placement: Placement,
    cost: Cost,
    counted: Vec<bool>,
    discarded: Vec<bool>,
}

impl Survey {
    /// Places `rows` in the table of `snapshot`. `told` is the kernel's own count of the rows.
    pub fn new(
        (rows, passed, repeated): (Rows, Passed, u64),
        cost: Cost,
        told: Option<u64>,
        snapshot: &Snapshot,
    ) -> Self {
        let placement = Placement::whole(Places::of(snapshot), rows.shared_lanes());
        let total = told.map_or_else(|| Total::counted(snapshot), Total::Kernel);
        let counts = |(number, lane): (usize, &Lane)| match total {
            Total::Kernel(_) => true,
            Total::Counters(_) => !placement.is_orphan(number),
            Total::WithoutTemplates(_) => !placement.is_orphan(number) && !lane.template,
        };
        let counted: Vec<bool> = rows.lanes().iter().enumerate().map(counts).collect();
        let mut sample = Tally::default();
        for row in rows.iter() {
            sample.add(counted.get(row.lane_number()).copied().unwrap_or(false));
        }
        let whole = passed.end == End::Whole && !is_short(total, sample.counted, &rows, &passed);
        let scale = Scale::new(sample, Some(total.rows()), whole);
        let mut survey = Self {
            rows,
            passed,
            repeated,
            scale,
            total,
            signs: Vec::new(),
            discarded: discarded(&placement, snapshot),
            placement,
            cost,
            counted,
        };
        survey.signs = signs::all(&survey, snapshot);
        survey
    }

    /// Whether it is the whole table, and its numbers are exact: the pass came to its end, and
    /// found about as many rows as are counted.
    pub fn is_whole(&self) -> bool {
        self.scale.is_whole()
    }

    /// Rows of the whole table.
    pub fn all(&self) -> Estimate {
        self.scale.all()
    }

    /// How the cost of reading grows on this kernel, as far as that was seen.
    pub fn shape(&self) -> Shape {
        self.cost.shape()
    }

    /// The CPU time that reading all of it would take.
    pub fn whole_pass(&self) -> Option<Expected> {
        let all = self.all();
        let most = all.high.unwrap_or(all.value);
        let (low, high) = (self.cost.expected(0, all.value)?, self.cost.expected(0, most)?);
        Some(Expected { low: low.low, high: low.high.max(high.high) })
    }

    /// What was learned of the cost.
    pub fn cost(&self) -> &Cost {
        &self.cost
    }

    /// Something gathered over the rows of each lane, by the lanes' numbers.
    pub(super) fn by_lane<T: Clone + Default>(
        &self,
        mut add: impl FnMut(&mut T, &Row<'_>),
    ) -> Vec<T> {
        let mut all = vec![T::default(); self.rows.lanes().len()];
        for row in self.rows.iter() {
            if let Some(one) = all.get_mut(row.lane_number()) {
                add(one, &row);
            }
        }
        all
    }

    /// Whether the templates of a lane are discarded when their clients come back.
    pub fn is_discarded(&self, lane: usize) -> bool {
        self.discarded.get(lane).copied().unwrap_or(false)
    }

    /// Adds a row to a tally.
    pub fn tally(&self, tally: &mut Tally, row: &Row<'_>) {
        tally.add(self.counted.get(row.lane_number()).copied().unwrap_or(false));
    }
}

/// Whether a pass that came to the table's end has missed rows: a table that grows while it is read
/// can end early (from kernel 7.2 on), and up to 6.12 rows are passed over where others go. `read`
/// are those that `total` counts. What comes and goes meanwhile is not missing.
fn is_short(total: Total, read: u64, rows: &Rows, passed: &Passed) -> bool {
    /// Rows of one read.
    const PAGE: u64 = 62;
    // The kernel's count is of when the pass began; the counters are of some polls before.
    let usual = match total {
        Total::Kernel(all) => PAGE + all / 100,
        Total::Counters(all) | Total::WithoutTemplates(all) => PAGE + all / 10,
    };
    let missing = total.rows().saturating_sub(read);
    if missing <= usual {
        return false;
    }
    // As many have gone as the timers of those that were read run out in the same time.
    let time = passed.wall.as_secs() + 1;
    let going = rows.iter().filter(|row| u64::from(row.expires()) <= time).count() as u64;
    missing > usual + 2 * going
}

/// By lane, whether its templates bring nobody back: none of the servers that they may belong to
/// is there, or with `expire_quiescent_template` all have weight 0 (`ip_vs_check_template`).
fn discarded(placement: &Placement, snapshot: &Snapshot) -> Vec<bool> {
    let sysctl = snapshot.sysctls.get().and_then(|all| all.get("expire_quiescent_template"));
    let quiescent = sysctl.and_then(|value| value.parse::<i32>().ok()).is_some_and(|v| v != 0);
    let passed_over = |(service, server): &Place| {
        let weight = snapshot.server(service, server).map(|at| at.server.weight);
        quiescent && weight == Some(0)
    };
    let of_lane = |(number, lane): (usize, &Lane)| {
        lane.template && placement.places_of(number).all(passed_over)
    };
    placement.lanes().iter().enumerate().map(of_lane).collect()
}
