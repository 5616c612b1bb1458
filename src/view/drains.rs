//! The drains: those that are followed, each with its servers, how far they are, and what that
//! rests on; and below them those that are over. All of it in lines that scroll.

use std::ops::Range;
use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Sparkline, SparklineBar, Wrap};
use unicode_width::UnicodeWidthStr;

use super::sheet::{Sheet, page_height};
use super::{HitBoxes, Look, number, place};
use crate::command::Command;
use crate::drain::{Drain, Followed, Verdict};
use crate::ipvs::duration;
use crate::journal::{self, Left, clean};
use crate::model::{Hit, Model};

/// Cells of a curve, of a server or of a drain that is over.
const CURVE: u16 = 16;
/// The indentation of how a drain that is over stood last.
const LAST: usize = 6;
/// Lines that say how to begin a drain, with those around them.
const NOTHING: u16 = 7;
/// Who drained and why is told of a drain that is over where there are so many cells for it.
const BY: usize = 10;

/// What a curve is of.
#[derive(Clone, Copy)]
enum Past<'a> {
    Followed(&'a Followed),
    /// What was held in equal parts of the time.
    Told(&'a [u64]),
}

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) -> HitBoxes {
    let open = model.drains.open();
    let mut area = area;
    if open.is_empty() {
        let y = nothing(model, look, area, frame);
        area = Rect { y, height: area.bottom() - y, ..area };
    }
    let selected = model.drains.selected().map(|drain| drain.id);
    let place = open.iter().position(|drain| Some(drain.id) == selected).unwrap_or(0);
    let mut sheet: Sheet<'_, Past<'_>> = Sheet::new(look, area.width);
    let mut places: Vec<Range<usize>> = Vec::new();
    for (n, drain) in open.iter().enumerate() {
        let first = sheet.lines();
        one(model, drain, n == place, &mut sheet, area.width);
        places.push(first..sheet.lines());
    }
    let ended: Vec<_> = model.finished().map(|drain| (drain, model.drains.left(drain))).collect();
    let head = usize::from(!ended.is_empty());
    let of_ended: usize = ended.iter().map(|(_, left)| 1 + usize::from(left.is_some())).sum();
    let all = sheet.lines() + head + of_ended;
    let page = usize::from(page_height(all, area.height));
    let first = first(&places, place, page);
    let top = (first + model.drains.scroll.top()).min(all.saturating_sub(page));
    if head > 0 {
        sheet.line(Line::styled(" Over", look.theme.header));
    }
    for (drain, left) in ended {
        // There may be thousands; those out of sight only count.
        let lines = sheet.lines()..sheet.lines() + 1 + usize::from(left.is_some());
        if lines.start < top + page && lines.end > top {
            finished(drain, left, area.width, &mut sheet);
        } else {
            lines.for_each(|_| sheet.line(Line::default()));
        }
    }
    let rows = sheet.draw(model.keys.say(Command::PageDown), top, area, frame);
    for (past, row) in sheet.curves(top, rows) {
        curve(past, look, row, frame);
    }
    if rows.height < area.height && top > 0 {
        let s = if top == 1 { "" } else { "s" };
        let text = format!(" {} line{s} above", number::separated(top as u64));
        let below = Rect { y: rows.bottom(), height: 1, ..area };
        frame.render_widget(Line::styled(text, look.theme.dim), below);
    }
    let mut hits = HitBoxes { rows, lines: all - first.min(all), ..HitBoxes::default() };
    for (n, lines) in places.iter().enumerate() {
        let seen = lines.start.max(top)..lines.end.min(top + page);
        let cells = |lines: usize| u16::try_from(lines).unwrap_or(u16::MAX);
        if !seen.is_empty() {
            let y = rows.y + cells(seen.start - top);
            hits.add(Rect { y, height: cells(seen.len()), ..rows }, Hit::Drain(n));
        }
    }
    hits
}

/// The first line to show of those of the drains so that the one at `place` is in sight: those
/// before it give way, as few as possible. What of it has no room is scrolled to from there.
fn first(places: &[Range<usize>], place: usize, page: usize) -> usize {
    let Some(selected) = places.get(place) else { return 0 };
    let fits = |lines: &&Range<usize>| selected.end <= lines.start + page;
    places.iter().take(place).find(fits).unwrap_or(selected).start
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

/// A drain that is over, with what it held and how it stood last, if that is known.
fn finished<'a>(
    drain: &journal::Drain,
    left: Option<&'a Left>,
    width: u16,
    sheet: &mut Sheet<'_, Past<'a>>,
) {
    let look = sheet.look;
    sheet.line(Line::styled(over(drain, width.into(), look), look.theme.text));
    let Some(left) = left else { return };
    let last = match left.verdict.as_str() {
        "" => "before that: not known".to_owned(),
        verdict => format!("before that: {}", clean(verdict)),
    };
    let room = usize::from(width.saturating_sub(CURVE + 1)).saturating_sub(LAST);
    let last = place::begin(&look.glyphs.say(&last), room, look.glyphs.ellipsis);
    let line = Line::styled(format!("{:LAST$}{last}", ""), look.theme.dim);
    sheet.curve(line, Past::Told(&left.held));
}

/// `  vb2k0 11-24 14:02 10.1.2.2 everywhere: restored after 3m10s (alice: kernel update)`. What
/// was drained, and how that ended, comes before who did it and why.
fn over(drain: &journal::Drain, width: usize, look: &Look) -> String {
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
    let front = format!("  {} {time} ", started.id);
    let room = width.saturating_sub(front.width());
    let ellipsis = look.glyphs.ellipsis;
    let what = place::about(&format!("{}{end}", clean(&started.target)), room, ellipsis);
    let room = room.saturating_sub(what.width());
    let by = if room < BY { String::new() } else { format!(" ({who}{reason})") };
    format!("{front}{what}{}", place::begin(&by, room, ellipsis))
}

/// A drain that is followed.
fn one<'a>(
    model: &Model,
    drain: &'a Drain,
    selected: bool,
    sheet: &mut Sheet<'_, Past<'a>>,
    width: u16,
) {
    let look = sheet.look;
    let theme = &look.theme;
    let width = usize::from(width);
    let cursor = if selected { look.glyphs.cursor } else { " " };
    let style = if selected { theme.selected } else { theme.service };
    let ramping = drain.servers().any(|(s, server)| model.ramps.of(&s, &server).is_some());
    let summary = match model.drains.now() {
        Some(now) if !ramping => drain.summary(now),
        _ if ramping => format!("{} coming back", drain.target),
        _ => drain.target.clone(),
    };
    let head = format!("{cursor}{} {summary}", look.glyphs.draining);
    for piece in lines_of(&look.glyphs.say(&head), width) {
        sheet.line(Line::styled(piece, style));
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
    sheet.line(Line::styled(place::fit(&terms, width, look.glyphs.ellipsis), theme.dim));
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
        let room = width.saturating_sub(usize::from(CURVE) + 26);
        let name = format!("{} of {}", server.server, server.service);
        let name = place::about(&name, room, look.glyphs.ellipsis);
        let counts = counts(server, look);
        let line = Line::styled(format!("    {name:<room$}{counts:>20} "), theme.text);
        sheet.curve(line, Past::Followed(server));
        let verdict = format!("      {text}");
        for piece in lines_of(&look.glyphs.say(&verdict), width) {
            sheet.line(Line::styled(piece, style));
        }
    }
    sheet.line(Line::default());
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

/// What a server held, at the end of its row.
fn curve(past: Past<'_>, look: &Look, row: Rect, frame: &mut Frame<'_>) {
    if row.width < CURVE {
        return;
    }
    let values = match past {
        Past::Followed(server) => server.curve().shape(CURVE.into()),
        Past::Told(held) => held.iter().copied().take(CURVE.into()).collect(),
    };
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    let bars: Vec<SparklineBar> = values.into_iter().map(SparklineBar::from).collect();
    let place = Rect { x: row.right() - CURVE, width: CURVE, ..row };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_drain_is_in_sight_and_as_many_before_it_as_there_is_room_for() {
        let places = [0..7, 7..14, 14..40, 40..47];
        for (place, page, expected) in
            [(0, 20, 0), (1, 20, 0), (1, 10, 7), (2, 20, 14), (3, 20, 40), (3, 40, 7)]
        {
            assert_eq!(first(&places, place, page), expected, "{place} {page}");
        }
        assert_eq!(first(&[], 0, 20), 0);
    }
}
