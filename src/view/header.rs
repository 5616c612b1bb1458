//! The line with the totals: `lb1  IPVS 1.2.1  4 services 11 servers  1,204 active  412 CPS  ● live`;
//! on every view, too, how many [`alarms`] there are: `lb1  2 alarms  4 services ...`.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use unicode_width::UnicodeWidthStr;

use super::{Look, alarms, number};
use crate::ipvs::duration;
use crate::model::{Freshness, Frozen, Model};
use crate::record::{Playing, Status};
use crate::snapshot::ServiceEntry;

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) {
    let right = freshness(model, look);
    let width = u16::try_from(right.width()).unwrap_or(area.width).min(area.width);
    let start = Rect { width: area.width - width, ..area };
    let end = Rect { x: area.x + start.width, width, ..area };

    // What matters least goes first where the width does not do.
    let mut parts = parts(model, look);
    let long = |parts: &[Part]| parts.iter().map(|p| p.text.width() + 2).sum::<usize>();
    while long(&parts) > start.width.into() {
        let least = (0..parts.len()).max_by_key(|i| parts.get(*i).map(|p| p.rank));
        match least {
            Some(i) if parts.len() > 1 => drop(parts.remove(i)),
            _ => break,
        }
    }
    let mut line = vec![Span::raw(" ")];
    for part in parts {
        line.push(Span::styled(part.text, part.style));
        line.push(Span::raw("  "));
    }
    frame.render_widget(Line::from(line), start);
    frame.render_widget(right, end);
}

/// A part of the line; the highest rank is left out first.
struct Part {
    text: String,
    rank: u8,
    style: Style,
}

fn parts(model: &Model, look: &Look) -> Vec<Part> {
    let theme = &look.theme;
    let mut all = vec![Part { text: model.name.clone(), rank: 2, style: theme.header }];
    // A wall has them in full above each view.
    let alarms = if model.wall.is_some() { 0 } else { alarms::shown(model).len() };
    if alarms > 0 {
        all.push(Part { text: count(alarms, "alarm"), rank: 0, style: theme.error });
    }
    let mut add = |rank, text| all.push(Part { text, rank, style: theme.text });
    if model.read_only && !model.replays() {
        add(1, "watching".to_owned());
    }
    match &model.recording {
        Some(Status { failing: Some(_), .. }) => add(0, "not recorded".to_owned()),
        Some(Status { bytes, .. }) => add(5, format!("recorded {}B", number::short(*bytes, 6))),
        None => {}
    }
    let Some(snapshot) = model.shown() else { return all };
    if let Some(info) = snapshot.info.get() {
        add(4, format!("IPVS {}", info.version_text()));
    }
    let services = snapshot.services.len();
    let servers: usize = snapshot.services.iter().map(|s| s.servers.len()).sum();
    add(3, format!("{} {}", count(services, "service"), count(servers, "server")));
    let active: u64 = snapshot.services.iter().map(ServiceEntry::active).sum();
    add(0, format!("{} active", number::separated(active)));
    match snapshot.totals.get() {
        _ if snapshot.estimator_off() => add(0, "estimator off: no rates".to_owned()),
        Some(totals) => add(0, format!("{} CPS", number::separated(totals.rates.connections))),
        None => add(0, format!("{} CPS", look.glyphs.unknown)),
    }
    let oldest = snapshot.oldest();
    if oldest > model.period() * 2 {
        // Of a large table, what is not on the screen is read in turn.
        let oldest = Duration::from_secs(oldest.as_secs());
        add(1, format!("rest up to {} old", duration(oldest)));
    }
    match model.outside.outside() {
        0 => {}
        n => add(2, format!("{} outside", number::separated(n))),
    }
    all
}

/// Interval, age and whether what is shown is what the kernel holds.
fn freshness(model: &Model, look: &Look) -> Line<'static> {
    let theme = &look.theme;
    if let Some(playing) = &model.playing {
        return replayed(playing, model, look);
    }
    if let Some(shown) = model.frozen.as_ref().map(Frozen::shown) {
        let time = shown.taken.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S");
        let now = model.snapshot.as_ref().map_or(shown.at, |now| now.at.after(model.age()));
        let ago = duration(now.since(shown.at));
        let text = format!(" {} frozen at {time}, {ago} ago ", look.glyphs.frozen);
        return Line::styled(text, theme.warning.add_modifier(Modifier::REVERSED));
    }
    let age = format!("{}s", model.age().as_secs());
    let (symbol, word, style) = match model.freshness() {
        Freshness::Waiting => (look.glyphs.late, "reading".to_owned(), theme.dim),
        // With long intervals even live data has an age.
        Freshness::Live if model.age().as_secs() < 2 => {
            (look.glyphs.live, "live".to_owned(), theme.good)
        }
        Freshness::Live => (look.glyphs.live, format!("live, {age} old"), theme.good),
        Freshness::Late => (look.glyphs.late, format!("late {age}"), theme.warning),
        Freshness::Failed(_) => (look.glyphs.failed, format!("not read for {age}"), theme.error),
    };
    Line::from(vec![
        Span::styled(format!(" every {} ", interval(model)), theme.dim),
        Span::styled(format!("{symbol} {word} "), style),
    ])
}

/// When what is shown was, and how fast it goes on: nobody shall take it for the present.
fn replayed(playing: &Playing, model: &Model, look: &Look) -> Line<'static> {
    let time = playing.time.to_zoned(jiff::tz::TimeZone::system()).strftime("%m-%d %H:%M:%S");
    let glyph = if playing.paused { look.glyphs.frozen } else { look.glyphs.playing };
    let how = match (playing.ended, playing.paused) {
        (true, _) => "the end".to_owned(),
        (false, true) => "paused".to_owned(),
        (false, false) => format!("{}x", playing.speed),
    };
    let failed = match model.freshness() {
        Freshness::Failed(_) => ", not read",
        _ => "",
    };
    let text = format!(" {glyph} replay {time} {how}{failed} ");
    Line::styled(text, look.theme.warning.add_modifier(Modifier::REVERSED))
}

fn interval(model: &Model) -> String {
    match model.interval.as_millis() {
        millis if millis % 1000 == 0 => format!("{}s", millis / 1000),
        millis => format!("{millis}ms"),
    }
}

fn count(n: usize, noun: &str) -> String {
    let n = number::separated(n as u64);
    let s = if n == "1" { "" } else { "s" };
    format!("{n} {noun}{s}")
}
