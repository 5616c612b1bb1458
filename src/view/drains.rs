//! The drains: those that are followed, each with its servers, how far they are, and what that
//! rests on; and below them those that are over.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Sparkline, SparklineBar, Wrap};
use unicode_width::UnicodeWidthStr;

use super::{HitBoxes, Look, place};
use crate::command::Command;
use crate::drain::{Drain, Followed, Verdict};
use crate::ipvs::duration;
use crate::journal::{self, clean};
use crate::model::{Hit, Model};

/// Cells of a server's curve.
const CURVE: u16 = 16;
/// Lines that say how to begin a drain, with those around them.
const NOTHING: u16 = 7;

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) -> HitBoxes {
    let mut hits = HitBoxes::default();
    let open = model.drains.open();
    let mut y = area.y;
    if open.is_empty() {
        y = nothing(model, look, area, frame);
    }
    let selected = model.drains.selected().map(|d| d.id);
    // The selected drain is always in sight: those before it give way.
    let heights: Vec<usize> = open.iter().map(|d| 4 + d.servers.len() * 3).collect();
    let place = open.iter().position(|d| Some(d.id) == selected).unwrap_or(0);
    let mut first = 0;
    while heights.get(first..=place).is_some_and(|h| h.iter().sum::<usize>() > area.height.into())
        && first < place
    {
        first += 1;
    }
    for (n, drain) in open.iter().enumerate().skip(first) {
        if y >= area.bottom() {
            break;
        }
        let here = Some(drain.id) == selected;
        let rest = Rect { y, height: area.bottom() - y, ..area };
        y = one(model, drain, here, look, rest, frame).min(area.bottom());
        hits.add(Rect { height: y - rest.y, ..rest }, Hit::Drain(n));
    }
    finished(model, look, Rect { y, height: area.bottom().saturating_sub(y), ..area }, frame);
    hits
}

/// Says how to begin; returns the first line below.
fn nothing(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) -> u16 {
    let key = |command| model.keys.say(command);
    let how = format!(
        "In the services ({}), {} drains the selected server in its service, {} its host \
         everywhere. ",
        key(Command::ViewServices),
        key(Command::Drain),
        key(Command::DrainHost),
    );
    let how = if model.read_only { "" } else { &how };
    let text = format!(
        "Nothing is drained.\n\n{how}A drain shows here until it is restored, also after \
         leaving the console."
    );
    let inside = area.inner(Margin::new(2, 1));
    let text = Paragraph::new(text).style(look.theme.dim).wrap(Wrap { trim: false });
    frame.render_widget(text, Rect { width: inside.width.min(74), ..inside });
    area.y.saturating_add(NOTHING).min(area.bottom())
}

/// The drains that are over, newest first, as many as there is room for.
fn finished(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) {
    let theme = &look.theme;
    let mut all = model.finished().peekable();
    // A head without anything below it says nothing.
    if all.peek().is_none() || area.height < 2 {
        return;
    }
    frame.render_widget(Line::styled(" Over", theme.header), Rect { height: 1, ..area });
    for (y, drain) in (area.y + 1..area.bottom()).zip(all) {
        let row = Rect { y, height: 1, ..area };
        let width = usize::from(area.width.saturating_sub(CURVE + 1));
        let text = place::fit(&over(drain), width, look.glyphs.ellipsis);
        frame.render_widget(Line::styled(text, theme.text), row);
        let curves = model.drains.ended(drain.id()).into_iter().flat_map(|d| &d.servers);
        let most = curves.max_by_key(|server| server.curve().points().count());
        if let Some(server) = most {
            curve(server, look, area, y, frame);
        }
    }
}

/// `  vb2k0 11-24 14:02 10.1.2.2 everywhere: restored after 3m10s (alice: kernel update)`.
fn over(drain: &journal::Drain) -> String {
    let started = &drain.started;
    let time = started.time.to_zoned(jiff::tz::TimeZone::system()).strftime("%m-%d %H:%M");
    let end = drain.ended.as_ref().map_or(String::new(), |ended| {
        let took = ended.time.duration_since(started.time).try_into().unwrap_or_default();
        format!(": {} after {}", ended.how, duration(took))
    });
    let reason = if started.reason.is_empty() {
        String::new()
    } else {
        format!(": {}", clean(&started.reason))
    };
    let who = started.operator.sudo_user.as_deref().or(started.operator.name.as_deref());
    let who = clean(who.unwrap_or("somebody"));
    format!("  {} {time} {}{end} ({who}{reason})", started.id, clean(&started.target))
}

/// Draws a drain; returns the first line below it.
fn one(
    model: &Model,
    drain: &Drain,
    selected: bool,
    look: &Look,
    area: Rect,
    frame: &mut Frame<'_>,
) -> u16 {
    let theme = &look.theme;
    let width = usize::from(area.width);
    let mut y = area.y;
    let mut line = |line: Line<'_>, frame: &mut Frame<'_>| {
        if y < area.bottom() {
            frame.render_widget(line, Rect { y, height: 1, ..area });
        }
        y += 1;
        y - 1
    };
    let cursor = if selected { look.glyphs.cursor } else { " " };
    let style = if selected { theme.selected } else { theme.service };
    let ramping = drain.servers().any(|(s, server)| model.ramps.of(&s, &server).is_some());
    let summary = match model.drains.now() {
        Some(now) if !ramping => drain.summary(now),
        _ if ramping => format!("{} coming back", drain.target),
        _ => drain.target.clone(),
    };
    let head = format!("{cursor}{} {summary}", look.glyphs.draining);
    for piece in lines_of(&head, width) {
        line(Line::styled(piece, style), frame);
    }
    let mut terms = format!("    {} by {}", drain.id, drain.who);
    if !drain.reason.is_empty() {
        terms.push_str(&format!(", because: {}", drain.reason));
    }
    if let Some(deadline) = drain.deadline {
        let left = model.drains.now().map(|now| now.duration_until(deadline).as_secs());
        match left {
            Some(left @ 1..) => terms.push_str(&format!(
                ", time is up in {}, then {}",
                duration(Duration::from_secs(left.unsigned_abs())),
                drain.then
            )),
            _ => terms.push_str(", its time is up"),
        }
    }
    line(Line::styled(place::fit(&terms, width, look.glyphs.ellipsis), theme.dim), frame);
    for server in &drain.servers {
        let ramp = model.ramps.of(&server.service, &server.server);
        let (text, style) = match ramp {
            Some(ramp) => {
                let (made, all) = ramp.progress();
                let key = model.keys.say(Command::Restore);
                (format!("coming back: step {made} of {all}; {key} stops it"), theme.ramping)
            }
            None => (server.verdict.to_string(), style_of(&server.verdict, look)),
        };
        let name = format!("    {} of {}", server.server, server.service);
        let room = width.saturating_sub(usize::from(CURVE) + 22);
        let name = place::fit(&name, room, look.glyphs.ellipsis);
        let counts = counts(server, look);
        let at = line(
            Line::from(vec![
                Span::styled(format!("{name:<room$}"), theme.text),
                Span::styled(format!("{counts:>20} "), theme.text),
            ]),
            frame,
        );
        curve(server, look, area, at, frame);
        let verdict = format!("      {text}");
        for piece in lines_of(&verdict, width) {
            line(Line::styled(piece, style), frame);
        }
    }
    line(Line::raw(""), frame);
    y
}

fn lines_of(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_inclusive(' ') {
        let full = lines.last().is_some_and(|l| l.width() + word.trim_end().width() > width);
        if full {
            lines.push("      ".to_owned());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(word);
        }
    }
    lines
}

/// `12 act 80 inact 3 tpl`.
fn counts(server: &Followed, look: &Look) -> String {
    let text = |n: Option<u32>| n.map_or_else(|| look.glyphs.unknown.to_owned(), |n| n.to_string());
    format!("{} act {} inact", text(server.active), text(server.inactive))
}

fn curve(server: &Followed, look: &Look, area: Rect, y: u16, frame: &mut Frame<'_>) {
    if y >= area.bottom() || area.width < CURVE {
        return;
    }
    let values = shape(server, usize::from(CURVE));
    let most = values.iter().flatten().copied().max().unwrap_or(0).max(1);
    let bars: Vec<SparklineBar> = values.iter().map(|v| SparklineBar::from(*v)).collect();
    let place = Rect::new(area.right() - CURVE, y, CURVE, 1);
    let line = Sparkline::default()
        .data(bars)
        .max(most)
        .bar_set(look.glyphs.bars.clone())
        .style(look.theme.connections);
    frame.render_widget(line, place);
}

pub(super) fn style_of(verdict: &Verdict, look: &Look) -> Style {
    let theme = &look.theme;
    match verdict {
        Verdict::Safe { .. } => theme.drain_safe,
        Verdict::Receiving { .. } => theme.drain_receiving,
        Verdict::Raised { .. } | Verdict::Gone => theme.warning,
        _ => theme.drain_emptying,
    }
}

/// What a server held in `cells` parts of the time since its drain was first seen.
fn shape(server: &Followed, cells: usize) -> Vec<Option<u64>> {
    let points: Vec<_> = server.curve().points().collect();
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return Vec::new() };
    let whole = last.at.since(first.at);
    let mut place = 0;
    let held = |n: usize| -> u64 {
        points.get(n).map_or(0, |p| u64::from(p.active) + u64::from(p.inactive))
    };
    (1..=cells)
        .map(|cell| {
            let until = whole * u32::try_from(cell).ok()? / u32::try_from(cells).ok()?;
            while points.get(place + 1).is_some_and(|p| p.at.since(first.at) <= until) {
                place += 1;
            }
            Some(held(place))
        })
        .collect()
}
