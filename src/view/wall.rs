//! The upper part of a wall: totals that are read from across the room, and below them what needs
//! an operator.
//!
//! ```text
//! │ Active      CPS         In B/s      Out B/s          │
//! │ 1,309       137         1.2M        14.1M            │  large
//! │ ▅▅▆▆▇▇▆     ▂▃▅▆▅       ▃▄▅▅        ▃▄▅▅             │
//! │ ✗ TCP 10.0.0.1:80 refuses clients: ...               │
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::cells::{line, samples};
use super::lines::window;
use super::{Look, alarms, big, number};
use crate::history::Metric;
use crate::model::{Freshness, Model};
use crate::snapshot::ServiceEntry;

/// Alarms have so many lines.
const MOST: usize = 6;
/// A screen lower than this has no room for large numbers.
const LOW: u16 = 30;
/// Lines of values under each total.
const CURVE: u16 = 2;

/// How many lines it wants of a screen of that size.
pub(super) fn height(model: &Model, look: &Look, screen: Rect) -> u16 {
    if model.wall.is_none() || model.detail.is_some() {
        return 0;
    }
    let totals = if screen.height < LOW { 0 } else { 1 + big::HEIGHT + CURVE };
    totals + u16::try_from(told(model, look, screen, MOST).len()).unwrap_or(0)
}

/// The alarms that a screen of that size has room for, in at most so many lines.
fn told(model: &Model, look: &Look, screen: Rect, room: usize) -> Vec<Line<'static>> {
    let most = if screen.height < LOW { 2 } else { MOST };
    alarms::lines(model.alarms(), look, screen.width, most.min(room))
}

pub(super) fn draw(model: &Model, look: &Look, screen: Rect, area: Rect, frame: &mut Frame<'_>) {
    let told = told(model, look, screen, area.height.into());
    let alarms = u16::try_from(told.len()).unwrap_or(0);
    let [upper, lower] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(alarms)]).areas(area);
    if upper.height > 0 {
        totals(model, look, upper, frame);
    }
    for (y, text) in (lower.y..lower.bottom()).zip(told) {
        frame.render_widget(text, Rect { y, height: 1, ..lower });
    }
}

fn totals(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) {
    let Some(snapshot) = model.shown() else { return };
    let stats = snapshot.totals.get().filter(|_| !snapshot.estimator_off());
    let rate = |metric: Metric| stats.map(|stats| metric.now(&stats.rates));
    let active: u64 = snapshot.services.iter().map(ServiceEntry::active).sum();
    let all = [
        ("Active", Metric::Active, Some(active)),
        ("CPS", Metric::Cps, rate(Metric::Cps)),
        ("In, bytes a second", Metric::InBps, rate(Metric::InBps)),
        ("Out, bytes a second", Metric::OutBps, rate(Metric::OutBps)),
    ];
    // Old numbers are not shown as if they were new.
    let old = !matches!(model.freshness(), Freshness::Live);
    let theme = &look.theme;
    let fit = usize::from(area.width / (7 * big::LETTER + 1)).clamp(1, all.len());
    let width = area.width / u16::try_from(fit).unwrap_or(1);
    for (n, (name, metric, value)) in (0..).zip(all.into_iter().take(fit)) {
        let place = Rect { x: area.x + n * width, width: width.saturating_sub(1), ..area };
        let [head, digits, curve] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(big::HEIGHT),
            Constraint::Fill(1),
        ])
        .areas(place);
        let style = if old { theme.dim } else { theme.header };
        frame.render_widget(Line::styled(format!(" {name}, {}", window(model)), theme.dim), head);
        let letters = usize::from(digits.width.saturating_sub(1) / big::LETTER);
        let text = value.map_or_else(
            || look.glyphs.unknown.to_owned(),
            |value| number::short(value, letters.clamp(4, 7)),
        );
        let digits = Rect { x: digits.x + 1, width: digits.width.saturating_sub(1), ..digits };
        big::write(&text, style, look, digits, frame);
        let curve = Rect { x: curve.x + 1, width: curve.width.saturating_sub(2), ..curve };
        let past = model.history.director();
        let buckets = samples(look, curve.width);
        let values = past.window(metric, snapshot.at, model.window, buckets, model.hold());
        line(&values, theme.axis, look, curve, frame);
    }
}
