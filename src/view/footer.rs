//! The two lines at the foot: what is to be said or typed, and what the keys do.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

use super::{Look, connections, filter, page};
use crate::command::{Command, Spec, View};
use crate::ipvs::duration;
use crate::model::{Freshness, Item, Model, Notice, Prompt, Row, Told, Tone, from};
use crate::record::Playing;

/// What is said may be long: a conflict tells three values. It gets up to this many lines.
const MOST_LINES: u16 = 3;

/// How many lines the foot wants at this width.
pub(super) fn height(model: &Model, look: &Look, width: u16) -> u16 {
    let filter = u16::from(filter::line(model, look, width).is_some());
    filter
        + match &model.prompt {
            Some(
                Prompt::Filter { wrong: Some(wrong), .. }
                | Prompt::Time { wrong: Some(wrong), .. }
                | Prompt::Weight { wrong: Some(wrong), .. },
            ) => 1 + wrapped(wrong.width() + 1, width),
            Some(Prompt::WholePass) => 1 + wrapped(connections::question(model).width() + 1, width),
            Some(Prompt::Filter { .. } | Prompt::Time { .. } | Prompt::Weight { .. }) => 2,
            _ => {
                let (said, _) = status(model, look);
                let lines = page::wrap(&said, usize::from(width.saturating_sub(1))).len();
                1 + u16::try_from(lines).unwrap_or(MOST_LINES).min(MOST_LINES)
            }
        }
}

/// Lines that a text of so many cells takes.
fn wrapped(cells: usize, width: u16) -> u16 {
    // Words leave some cells free at the end of each line.
    let lines = (cells + cells / 8).div_ceil(usize::from(width.max(1)));
    let lines = if cells < usize::from(width) { 1 } else { lines };
    u16::try_from(lines).unwrap_or(MOST_LINES).clamp(1, MOST_LINES)
}

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) {
    let mut area = area;
    if let Some(line) = filter::line(model, look, area.width) {
        frame.render_widget(line, Rect { height: 1, ..area });
        area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    }
    let theme = &look.theme;
    let upper = Rect { height: area.height.saturating_sub(1), ..area };
    let lower = Rect { y: area.y + upper.height, height: 1, ..area };
    match &model.prompt {
        Some(Prompt::WholePass) => {
            let question = connections::question(model);
            let question = Line::styled(format!(" {}", look.glyphs.say(&question)), theme.focus);
            let question = Paragraph::new(question).wrap(Wrap { trim: false });
            frame.render_widget(question, upper);
            frame.render_widget(Line::styled(" Enter reads it   Esc does not", theme.dim), lower);
        }
        Some(Prompt::Filter { input, wrong, .. }) => {
            filter::prompt(model, input, wrong.as_deref(), look, area, frame);
        }
        Some(Prompt::Weight { .. } | Prompt::Time { .. }) => {
            let [first, rest] =
                Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
            prompt(model, look, first, rest, frame);
        }
        _ => {
            let (said, style) = status(model, look);
            let lines = page::wrap(&said, usize::from(upper.width.saturating_sub(1)));
            for (y, line) in (upper.y..upper.bottom()).zip(lines) {
                let line = Line::styled(format!(" {line}"), style);
                frame.render_widget(line, Rect { y, height: 1, ..upper });
            }
            frame.render_widget(hints(model, look, lower.width), lower);
        }
    }
}

/// What the line above the keys says, in the symbols of the screen.
fn status(model: &Model, look: &Look) -> (String, Style) {
    let (said, style) = said(model, look);
    (look.glyphs.say(&said).into_owned(), style)
}

/// What went wrong, what was done last, or what undo would do.
fn said(model: &Model, look: &Look) -> (String, Style) {
    let theme = &look.theme;
    if let Some(Notice { tone, text, .. }) = &model.notice {
        let style = match tone {
            Tone::Info => theme.good,
            Tone::Outside => theme.outside,
            Tone::Warning => theme.warning,
            Tone::Error => theme.error,
        };
        return (text.replace("->", look.glyphs.arrow), style);
    }
    if let (Freshness::Failed(error), true) = (model.freshness(), model.snapshot.is_some()) {
        return (error.to_string(), theme.error);
    }
    if let Some(text) = about_selected(model) {
        return (text.replace("->", look.glyphs.arrow), theme.outside);
    }
    // Where drains are shown, that is all there is to be seen.
    let drains = model.drains.open().last().filter(|_| model.view != View::Drains);
    if let (Some(drain), Some(now)) = (drains, model.drains.now()) {
        let count = model.drains.open().len();
        let key = model.keys.say(Command::ViewDrains);
        let more = match count - 1 {
            0 => String::new(),
            more => format!(" (and {more} more: {key})"),
        };
        return (format!("{}{more}", drain.summary(now)), theme.text);
    }
    match model.edits.next_undo() {
        Some(undo) => {
            let undo = undo.replace("->", look.glyphs.arrow);
            (format!("{} undoes: {undo}", model.keys.say(Command::Undo)), theme.dim)
        }
        None => match &model.playing {
            Some(playing) => (recorded(playing), theme.dim),
            None => (String::new(), theme.dim),
        },
    }
}

/// What somebody else did to the selected row, while it is marked for it.
fn about_selected(model: &Model) -> Option<String> {
    let row = model.rows.selected().filter(|_| model.view == View::Services)?;
    let (service, server) = match row {
        Row::Service(service) => (service, None),
        Row::Server(service, server) => (service, Some(server)),
    };
    let name = server.map_or(service.to_string(), |server| server.to_string());
    if let Some(flap) = server.and_then(|server| model.flaps(&service, &server)) {
        return Some(format!("{name}: its weight {flap}"));
    }
    let theirs = model.changed(&service, server.as_ref())?;
    let ago = duration(model.shown()?.at.since(theirs.at));
    Some(format!("{name}: {}, {}, {ago} ago", theirs.what(), from(theirs)))
}

/// `recorded 2026-11-21 13:02:00 to 16:02:11`.
fn recorded(playing: &Playing) -> String {
    let local = |time: jiff::Timestamp| time.to_zoned(jiff::tz::TimeZone::system());
    let (first, last) = (local(playing.first), local(playing.last));
    let same = first.date() == last.date();
    let until = last.strftime(if same { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" });
    format!("recorded {} to {until}", first.strftime("%Y-%m-%d %H:%M:%S"))
}

/// `+ - w weight  u undo  ? help  q quit`: as many as fit, and always how to get help and out.
/// What lies over the view tells its own keys, and these do nothing there.
fn hints(model: &Model, look: &Look, width: u16) -> Line<'static> {
    if model.prompt.is_some() || model.help.is_some() {
        return Line::default();
    }
    let theme = &look.theme;
    let last = |spec: &Spec| matches!(spec.command, Command::Close | Command::Help | Command::Quit);
    let all: Vec<(String, &str, bool)> = model
        .commands()
        .into_iter()
        .filter(|spec| spec.views.contains(&model.view) && fits(spec.command, model))
        .filter_map(|spec| {
            // The keys for weights share a hint.
            let commands: &[Command] = match spec.command {
                Command::WeightUp => &[Command::WeightUp, Command::WeightDown, Command::SetWeight],
                _ => &[spec.command],
            };
            let keys: Vec<&str> = commands.iter().filter_map(|c| model.keys.first(*c)).collect();
            let hint = hint(spec, model)?;
            Some((keys.join(" "), hint, last(spec))).filter(|(keys, ..)| !keys.is_empty())
        })
        .collect();
    let cells = |(key, hint, _): &(String, &str, bool)| key.width() + 1 + hint.width() + 2;
    let kept: usize = all.iter().filter(|h| h.2).map(cells).sum();
    let mut free = usize::from(width).saturating_sub(1 + kept);
    let mut spans = vec![Span::raw(" ")];
    for hint in &all {
        if !hint.2 {
            let Some(left) = free.checked_sub(cells(hint)) else { continue };
            free = left;
        }
        spans.push(Span::styled(hint.0.clone(), theme.key));
        spans.push(Span::styled(format!(" {}  ", hint.1), theme.dim));
    }
    Line::from(spans)
}

/// The word for a command in this view, if it belongs into the foot.
fn hint(spec: &Spec, model: &Model) -> Option<&'static str> {
    let runs = model.playing.is_some_and(|playing| !playing.paused);
    match (spec.command, model.view) {
        (Command::Freeze, _) if runs => Some("pause"),
        (Command::Open, View::Drains | View::Doctor) => Some("go to it"),
        (Command::Open, View::Journal) => Some("all of it"),
        (Command::Connections, View::Drains) => Some("connections"),
        (Command::Copy, View::Doctor) => Some("copy"),
        _ => spec.hint,
    }
}

/// Whether a command would do something now.
fn fits(command: Command, model: &Model) -> bool {
    let mutates = command.spec().is_some_and(|spec| spec.mutates);
    match command {
        Command::Freeze | Command::Back | Command::Forward => {
            return model.frozen.is_some() || model.replays();
        }
        _ if mutates && model.frozen.is_some() => return false,
        _ => {}
    }
    if model.view == View::Hosts {
        return fits_host(command, model);
    }
    let server = model.selected_server();
    let weight = server.and_then(|(service, server)| {
        Some(model.shown()?.server(&service, &server)?.server.weight)
    });
    let before = server.and_then(|(service, server)| model.before_quiesce(&service, &server));
    let marked = model.rows.marked().next().is_some();
    match (command, model.view) {
        (Command::ViewServices, view) => view != View::Services,
        (Command::Close, View::Connections) => model.connections.is_narrowed(),
        (Command::WholePass, _) => model.connections.sample().is_none_or(|s| !s.is_whole()),
        (Command::Close, View::Journal) => model.detail.is_some() || model.log.filter().is_some(),
        (Command::Close, _) => model.detail.is_some(),
        (Command::Open, View::Journal) => model.detail.is_none() && model.item().is_some(),
        (Command::Open | Command::Copy, View::Doctor) => match model.doctor.selected() {
            Some(Told::Finding(finding)) if command == Command::Open => !finding.places.is_empty(),
            Some(Told::Finding(finding)) => !finding.fixes.is_empty(),
            _ => false,
        },
        (Command::DrainHost, _) => false, // d is told, and D is beside it in help
        (Command::Open | Command::Connections | Command::Restore, View::Drains) => {
            !model.drains.open().is_empty()
        }
        (Command::Restore, _) => marked || (weight == Some(0) && before.is_some()),
        (Command::Quiesce | Command::Drain, _) => marked || weight.is_some_and(|w| w > 0),
        (Command::Undo, View::Journal) => matches!(model.item(), Some(Item::Entry(_))),
        (Command::Undo, _) => model.edits.next_undo().is_some(),
        (Command::Redo, _) => model.edits.next_redo().is_some(),
        _ => true,
    }
}

/// The same for the selected host.
fn fits_host(command: Command, model: &Model) -> bool {
    let host = model.hosts.selected().zip(model.shown().map(Arc::as_ref));
    let weights: Vec<u32> = host.map_or_else(Vec::new, |(host, snapshot)| {
        host.entries(snapshot).map(|(_, server)| server.server.weight).collect()
    });
    let before = |(service, server): &(_, _)| model.before_quiesce(service, server).is_some();
    match command {
        Command::Quiesce | Command::DrainHost => weights.iter().any(|weight| *weight > 0),
        Command::Restore => {
            weights.contains(&0) && host.is_some_and(|(host, _)| host.servers.iter().any(before))
        }
        Command::Undo => model.edits.next_undo().is_some(),
        Command::Redo => model.edits.next_redo().is_some(),
        Command::Close => false,
        _ => true,
    }
}

fn prompt(model: &Model, look: &Look, upper: Rect, lower: Rect, frame: &mut Frame<'_>) {
    let theme = &look.theme;
    let (label, input, wrong) = match &model.prompt {
        Some(Prompt::Weight { service, server, input, wrong }) => {
            let present = model.snapshot.as_ref().and_then(|s| s.server(service, server));
            let present =
                present.map_or_else(String::new, |s| format!(" (now {})", s.server.weight));
            let label = match model.rows.marked().count() {
                0 => format!(" Weight of {server}{present}: "),
                n => format!(" Weight of the {n} marked: "),
            };
            (label, input, wrong)
        }
        Some(Prompt::Time { input, wrong }) => (" Go to the time: ".to_owned(), input, wrong),
        _ => return,
    };
    let x = upper.x + u16::try_from(label.width() + input.visual_cursor()).unwrap_or(u16::MAX);
    let line = Line::from(vec![
        Span::styled(label, theme.focus),
        Span::styled(input.value().to_owned(), theme.input),
    ]);
    frame.render_widget(line, upper);
    frame.set_cursor_position(Position::new(x.min(upper.right().saturating_sub(1)), upper.y));
    let below = match wrong {
        Some(wrong) => Line::styled(format!(" {wrong}"), theme.error),
        None if model.replays() => {
            let forms =
                " 14:30, 14:30:05, 2026-11-21T14:30, +5m or -30s   Enter goes   Esc cancels";
            Line::styled(forms, theme.dim)
        }
        None => {
            let forms = " 12, +5, -3, 50% or share 25%";
            let quiesces = "; 0 quiesces";
            let answers = "   Enter applies   Esc cancels";
            let fits = [forms, quiesces, answers].iter().map(|t| t.len()).sum::<usize>();
            let quiesces = if fits <= usize::from(lower.width) { quiesces } else { "" };
            Line::styled(format!("{forms}{quiesces}{answers}"), theme.dim)
        }
    };
    frame.render_widget(Paragraph::new(below).wrap(Wrap { trim: false }), lower);
}
