//! What belongs to no service: totals and rates, the IPVS code, timeouts, sync daemons, what
//! polling costs, who else writes the table, and the sysctls. Lines that scroll; on a wide screen
//! the sysctls stand beside the rest.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span as Text};

use super::cells::{LONGEST_LINE, line, samples};
use super::lines::window;
use super::sheet::{INDENT, Sheet, page_height};
use super::{HitBoxes, Look, number, sysctls, table};
use crate::command::Command;
use crate::connections::About;
use crate::drain::entries;
use crate::history::Metric;
use crate::ipvs::{Counters, Daemon, DaemonRole, Info, counted, span};
use crate::journal::clean;
use crate::kernel::proc::owners::Owner;
use crate::model::Model;
use crate::snapshot::{Part, Snapshot, Source};

/// From this width on the sysctls stand beside the rest.
const TWO_COLUMNS: u16 = 120;
/// Where lines of values begin: label, total, rate.
const VALUES: u16 = 2 + 20 + 14 + 10 + 2;
/// What was read longer ago than this is told with its age; every 10 s is usual.
const OLD: Duration = Duration::from_secs(20);

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) -> HitBoxes {
    let Some(snapshot) = model.shown() else {
        table::empty(&table::waiting(model), look, area, frame);
        return HitBoxes::default();
    };
    let half = area.width / 2;
    let columns = if area.width < TWO_COLUMNS {
        vec![area]
    } else {
        let right = Rect { x: area.x + half, width: area.width - half, ..area };
        vec![Rect { width: half, ..area }, right]
    };
    let new = |width| Sheet::new(look, width).labelled(look.theme.director_label);
    let mut sheet = new(columns.first().map_or(area.width, |c| c.width));
    traffic(model, snapshot, &mut sheet);
    about(model, snapshot, &mut sheet);
    owners(model, &mut sheet);
    let mut sheets = vec![sheet];
    if let Some(second) = columns.get(1) {
        sheets.push(new(second.width));
    }
    if let Some(last) = sheets.last_mut() {
        sysctls::list(&snapshot.sysctls, last);
    }
    let (key, top) = (model.keys.say(Command::PageDown), model.scroll.top());
    for (column, sheet) in columns.iter().zip(&sheets) {
        let page = sheet.draw(key, top, *column, frame);
        for (metric, row) in sheet.curves(top, page) {
            curve(model, snapshot, metric, look, row, frame);
        }
    }
    // The longest column says how far it goes.
    let lines = sheets.iter().map(Sheet::lines).max().unwrap_or_default();
    let rows = Rect { height: page_height(lines, area.height), ..area };
    HitBoxes { rows, lines, ..HitBoxes::default() }
}

fn curve(
    model: &Model,
    snapshot: &Snapshot,
    metric: Metric,
    look: &Look,
    row: Rect,
    frame: &mut Frame<'_>,
) {
    let width = row.width.saturating_sub(VALUES + 1).min(LONGEST_LINE);
    let place = Rect { x: row.x + VALUES.min(row.width), width, ..row };
    let past = model.history.director();
    let values = past.window(metric, snapshot.at, model.window, samples(look, width), model.hold());
    let connections = matches!(metric, Metric::Cps);
    let style = if connections { look.theme.connections } else { look.theme.rate };
    line(&values, style, look, place, frame);
}

fn traffic(model: &Model, snapshot: &Snapshot, sheet: &mut Sheet<'_>) {
    let theme = &sheet.look.theme;
    sheet.head("Traffic of the whole director");
    let totals = match &snapshot.totals {
        Part::Unreadable(why) => return sheet.say(2, why, theme.warning),
        readable => readable.get(),
    };
    let off = snapshot.estimator_off();
    let head = format!("  {:<20}{:>14}{:>10}  {}", "", "total", "a second", window(model));
    sheet.line(Line::styled(head, theme.dim));
    for metric in Metric::RATES {
        let label = label(metric);
        let unknown = || sheet.look.glyphs.unknown.to_owned();
        let total = totals.filter(|_| !model.is_past());
        let total = total.map(|t| number::short(self::total(&t.counters, metric), 13));
        let rate = totals.filter(|_| !off);
        let rate = rate.map(|t| number::short(metric.now(&t.rates), 9));
        let (total, rate) = (total.unwrap_or_else(unknown), rate.unwrap_or_else(unknown));
        let word = metric.word();
        let line = Line::from(vec![
            Text::styled(format!("  {label:<12}{word:<8}"), theme.director_label),
            Text::styled(format!("{total:>14}{rate:>10}"), theme.director_value),
        ]);
        sheet.curve(line, metric);
    }
    if off {
        let why = "The kernel's estimator is off (run_estimation, est_cpulist): every counter and \
                   rate stands still.";
        sheet.say(2, why, theme.warning);
    }
    old(model, snapshot, &snapshot.totals, sheet);
}

/// What a metric counts.
pub(super) fn label(metric: Metric) -> &'static str {
    match metric {
        Metric::InPps => "packets in",
        Metric::OutPps => "packets out",
        Metric::InBps => "bytes in",
        Metric::OutBps => "bytes out",
        Metric::Cps | Metric::Active | Metric::Connections => "connections",
    }
}

pub(super) fn total(counters: &Counters, metric: Metric) -> u64 {
    match metric {
        Metric::InPps => counters.in_packets,
        Metric::OutPps => counters.out_packets,
        Metric::InBps => counters.in_bytes,
        Metric::OutBps => counters.out_bytes,
        Metric::Cps | Metric::Active | Metric::Connections => counters.connections,
    }
}

/// Says that something was carried over for longer than is usual.
fn old<T>(model: &Model, snapshot: &Snapshot, part: &Part<T>, sheet: &mut Sheet<'_>) {
    // A recording has no present but its own.
    let now = if model.replays() { snapshot.at } else { model.now };
    if let Part::Stale { read, .. } = part
        && now.since(*read) > OLD
    {
        let text = format!("read {} ago", span(now.since(*read).as_secs()));
        sheet.say(INDENT, &text, sheet.look.theme.dim);
    }
}

/// The IPVS code, its timeouts and daemons, and what reading them costs.
fn about(model: &Model, snapshot: &Snapshot, sheet: &mut Sheet<'_>) {
    let theme = &sheet.look.theme;
    sheet.head("This director");
    let held = match entries(snapshot) {
        1 => "1 entry".to_owned(),
        n => format!("{} entries", number::separated(n)),
    };
    match &model.kernel {
        Some(release) => sheet.pair("kernel", &clean(release), theme.text),
        None if model.replays() => sheet.pair("kernel", "its release was not recorded", theme.dim),
        None => sheet.pair("kernel", "not asked yet", theme.dim),
    }
    match &snapshot.info {
        Part::Unreadable(why) => sheet.pair("IPVS", why, theme.warning),
        info => {
            let info = info.get();
            let version = info.map(Info::version_text).unwrap_or_default();
            sheet.pair("IPVS", &format!("version {version}"), theme.director_value);
            let size = match info.map_or(0, |i| i.conn_tab_size) {
                0 => "whose table is not made yet".to_owned(),
                size => format!("in {}", counted(size.into(), "bucket")),
            };
            sheet.pair("connections", &format!("{held} {size}"), theme.director_value);
        }
    }
    for sign in model.signs().iter().filter(|sign| sign.about() == About::Table) {
        let text = sheet.look.glyphs.say(&sign.to_string()).into_owned();
        sheet.pair("", &text, theme.warning);
    }
    match &snapshot.timeouts {
        Part::Unreadable(why) => sheet.pair("timeouts", why, theme.warning),
        timeouts => {
            let text = timeouts.get().map(|t| {
                let [tcp, fin, udp] = [t.tcp, t.tcp_fin, t.udp].map(|s| span(s.into()));
                format!("TCP {tcp}, after a FIN {fin}, UDP {udp}")
            });
            sheet.pair("timeouts", &text.unwrap_or_default(), theme.director_value);
        }
    }
    match &snapshot.daemons {
        Part::Unreadable(why) => sheet.pair("sync daemons", why, theme.warning),
        daemons => {
            let all = daemons.get().map(Vec::as_slice).unwrap_or_default();
            if all.is_empty() {
                let none = "none: no other director knows these connections";
                sheet.pair("sync daemons", none, theme.director_value);
            }
            let mut label = "sync daemons";
            for one in all {
                sheet.pair(label, &daemon(one), theme.director_value);
                label = "";
            }
        }
    }
    let source = match snapshot.source {
        Source::Netlink => "netlink: everything that the kernel tells",
        Source::Proc => {
            "/proc, as anyone may: no counters, thresholds or flags of single services and servers"
        }
        Source::Demo => "the embedded director: simulated, and no kernel's",
    };
    sheet.pair("read from", source, theme.director_value);
    sheet.pair("polling", &polling(snapshot.took, model.period()), theme.director_value);
    let oldest = snapshot.oldest();
    if oldest > model.period() * 2 {
        let oldest = span(oldest.as_secs());
        let text = format!("what is not on the screen in turn, the oldest {oldest} ago");
        sheet.pair("", &text, theme.director_value);
    }
    if model.doctor.report().is_some() {
        let (errors, warnings) = model.doctor.counts();
        let key = model.keys.say(Command::ViewDoctor);
        let (text, style) = match (errors, warnings) {
            (0, 0) => (
                format!("no mistakes found; {key} tells what was looked for"),
                theme.director_value,
            ),
            _ => {
                let errors_are = counted(errors as u64, "error");
                let warnings = counted(warnings as u64, "warning");
                let style = if errors > 0 { theme.error } else { theme.warning };
                (format!("{errors_are}, {warnings}; {key} tells what puts them right"), style)
            }
        };
        sheet.pair("doctor", &text, style);
    }
}

/// `sends as master on eth0, id 5, to 224.0.0.81 port 8848, TTL 1`.
fn daemon(daemon: &Daemon) -> String {
    let group = match (daemon.group, daemon.group6) {
        (Some(group), _) => group.to_string(),
        (None, Some(group)) => group.to_string(),
        (None, None) => "224.0.0.81".to_owned(),
    };
    let port = daemon.port.unwrap_or(8848);
    let verb = match daemon.role {
        DaemonRole::Master => "sends to",
        DaemonRole::Backup => "listens to",
    };
    let mut text = format!(
        "{}, {verb} {group} port {port} on {}, id {}, TTL {}",
        daemon.role,
        clean(&daemon.interface),
        daemon.sync_id,
        daemon.ttl.unwrap_or(1)
    );
    if let Some(most) = daemon.max_len {
        text.push_str(&format!(", messages up to {most} bytes"));
    }
    text
}

/// The time that a reading takes is at most CPU of one core.
fn polling(took: Duration, every: Duration) -> String {
    let share = took.as_secs_f64() / every.as_secs_f64().max(0.001) * 100.0;
    let share = if share < 0.1 { "under 0.1%".to_owned() } else { format!("at most {share:.1}%") };
    let time = match took.as_secs_f64() * 1000.0 {
        millis if millis < 0.1 => "under 0.1 ms".to_owned(),
        millis => format!("{millis:.1} ms"),
    };
    let every = every.as_secs_f64();
    let every = (every * 10.0).round() / 10.0;
    format!("the last took {time}, every {every} s: {share} of a core")
}

fn owners(model: &Model, sheet: &mut Sheet<'_>) {
    let theme = &sheet.look.theme;
    sheet.head("Programs that also write the table");
    match &model.looked_for_owners {
        None => return sheet.say(2, "not looked for yet", theme.dim),
        Some(Err(error)) => return sheet.say(2, &error.to_string(), theme.warning),
        Some(Ok(())) => {}
    }
    if model.owners.is_empty() {
        let none = "none: neither keepalived, ldirectord nor kube-proxy runs here. A change by \
                    hand stays until someone takes it back.";
        sheet.say(2, none, theme.text);
    }
    let (outside, others) = (model.outside.outside(), model.outside.others());
    if outside + others > 0 {
        let key = model.keys.say(Command::ViewJournal);
        let text = format!(
            "Since this console began: {} from outside, {} by programs that share the journal; \
             {key} shows them.",
            counted(outside, "change"),
            number::separated(others)
        );
        sheet.say(2, &text, theme.outside);
    }
    for owner in &model.owners {
        sheet.say(2, &name(owner), theme.service);
        if !owner.same_namespace {
            let text = "its network namespace cannot be told: it may write another table";
            sheet.say(INDENT, text, theme.dim);
        }
        sheet.say(INDENT, owner.kind.consequences(), theme.warning);
        sheet.say(INDENT, owner.kind.about_zero(), theme.text);
        sheet.say(INDENT, &format!("What lasts: {}.", owner.kind.lasting()), theme.good);
    }
}

/// Of the processes below an owner's, so many are named.
const CHILDREN: usize = 4;

/// `keepalived, pid 812 with 813, 814 below it, reads /etc/lvs.conf`.
fn name(owner: &Owner) -> String {
    let mut text = owner.kind.name().to_owned();
    match owner.pid {
        Some(pid) => text.push_str(&format!(", pid {pid}")),
        None => text.push_str(", told by its interface; its process cannot be seen"),
    }
    if !owner.children.is_empty() {
        let few = owner.children.iter().take(CHILDREN).map(u32::to_string);
        let few = few.collect::<Vec<_>>().join(", ");
        let more = if owner.children.len() > CHILDREN { ", ..." } else { "" };
        text.push_str(&format!(" with {few}{more} below it"));
    }
    match (&owner.config, owner.kind.default_config()) {
        // A recording may have been altered since.
        (Some(path), _) => text.push_str(&format!(", reads {}", clean(path))),
        (None, Some(path)) => text.push_str(&format!(", reads {path} unless built otherwise")),
        (None, None) => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_polling_costs_is_told() {
        let second = Duration::from_secs(1);
        let text = polling(Duration::from_millis(12), second);
        assert_eq!(text, "the last took 12.0 ms, every 1 s: at most 1.2% of a core");
        let text = polling(second, second * 20);
        assert_eq!(text, "the last took 1000.0 ms, every 20 s: at most 5.0% of a core");
        let text = polling(Duration::ZERO, second);
        assert_eq!(text, "the last took under 0.1 ms, every 1 s: under 0.1% of a core");
    }
}
