//! The filter at the foot: what it is while it holds, and where it is typed.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use super::{Look, number, place};
use crate::command::View;
use crate::model::{Filter, LogFilter, Model, Prompt};

/// `filter: weight:0  3 of 12 servers`, and which marks do not count. Always there where rows may
/// be hidden: an operator who forgets the filter believes that the rest is gone.
pub(super) fn line(model: &Model, look: &Look, width: u16) -> Option<Line<'static>> {
    let typed = matches!(model.prompt, Some(Prompt::Filter { .. }));
    match model.view {
        _ if typed => return None,
        View::Connections => return rows(model, look, width),
        View::Services | View::Hosts | View::Journal => {}
        _ => return None,
    }
    let theme = &look.theme;
    let (filter, marks) = match model.view {
        View::Hosts => (model.hosts.filter().map(Filter::text), String::new()),
        View::Journal => (model.log.filter().map(LogFilter::text), String::new()),
        _ => (model.rows.filter().map(Filter::text), marks(model)),
    };
    if filter.is_none() && marks.is_empty() {
        return None;
    }
    let mut line = Line::raw(" ");
    if let Some(text) = filter {
        let count = format!("  {}  ", count(model));
        let taken = " filter: ".len() + count.width() + marks.width();
        let room = usize::from(width).saturating_sub(taken).max(8);
        line.push_span(Span::styled("filter: ", theme.header));
        line.push_span(Span::styled(place::fit(text, room, look.glyphs.ellipsis), theme.text));
        line.push_span(Span::styled(count, theme.text));
    }
    line.push_span(Span::styled(marks, theme.warning));
    Some(line)
}

/// The same where connections are shown: rows of the sample, and what they make in the table.
fn rows(model: &Model, look: &Look, width: u16) -> Option<Line<'static>> {
    let text = model.connections.filter()?.text();
    let count = format!("  {}", count_rows(model));
    let room = usize::from(width).saturating_sub(" filter: ".len() + count.width()).max(8);
    Some(Line::from(vec![
        Span::styled(" filter: ", look.theme.header),
        Span::styled(place::fit(text, room, look.glyphs.ellipsis), look.theme.text),
        Span::styled(look.glyphs.say(&count).into_owned(), look.theme.text),
    ]))
}

fn count_rows(model: &Model) -> String {
    let connections = &model.connections;
    let Some(seen) = connections.seen() else { return String::new() };
    let found = connections.list().tally;
    let [some, all] = [found.rows(), seen.survey.rows.len() as u64].map(number::separated);
    if seen.survey.is_whole() {
        return format!("{some} of {all} rows");
    }
    format!("{some} of {all} rows, {} in the table", seen.survey.scale.count(found))
}

/// How many the filter leaves, of what it is for.
fn left(model: &Model) -> String {
    if model.view == View::Connections { count_rows(model) } else { count(model) }
}

fn count(model: &Model) -> String {
    let ((matching, all), what) = match model.view {
        View::Hosts => ((model.hosts.all().len(), model.hosts.total()), "host"),
        View::Journal => ((model.items().len(), model.all_items().len()), "line"),
        _ => (model.rows.matching(), "server"),
    };
    let [matching, all] = [matching, all].map(|n| number::separated(n as u64));
    format!("{matching} of {all} {what}{}", if all == "1" { "" } else { "s" })
}

fn marks(model: &Model) -> String {
    match model.rows.hidden_marks() {
        0 => String::new(),
        1 => "1 hidden mark does not count".to_owned(),
        n => format!("{n} hidden marks do not count"),
    }
}

/// Where the filter is typed, with how many servers it leaves.
pub(super) fn prompt(
    model: &Model,
    input: &Input,
    wrong: Option<&str>,
    look: &Look,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let theme = &look.theme;
    let label = " Filter: ";
    let found = look.glyphs.say(&left(model)).into_owned();
    let found = Line::styled(format!(" {found} "), theme.dim);
    let cells = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    let end = area.right().saturating_sub(cells(found.width()));
    let first = Rect { height: 1, ..area };
    frame.render_widget(Line::styled(label, theme.header), first);
    frame.render_widget(found, Rect { x: end, width: area.right() - end, ..first });
    let x = area.x + cells(label.width());
    let field = Rect { x, width: end.saturating_sub(x), ..first };
    // A long one shows its end, where the cursor is.
    let scrolled = input.visual_scroll(usize::from(field.width.saturating_sub(1)));
    let text = Paragraph::new(input.value().to_owned()).style(theme.text);
    frame.render_widget(text.scroll((0, cells(scrolled))), field);
    let cursor = x + cells(input.visual_cursor().saturating_sub(scrolled));
    frame.set_cursor_position(Position::new(cursor, first.y));

    let rest = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let below = match wrong {
        Some(wrong) => Line::styled(format!(" {wrong}"), theme.warning),
        None => Line::styled(hint(model.view, area.width), theme.dim),
    };
    frame.render_widget(Paragraph::new(below).wrap(Wrap { trim: false }), rest);
}

/// How to leave, and as many examples as fit.
fn hint(view: View, width: u16) -> String {
    let mut hint = " Enter keeps it   Esc takes it back   ".to_owned();
    let servers =
        &["10.1.2", "weight:0", "cps>5", "is:draining", "!udp", "sched:wlc", "fwd:masq"][..];
    let rows = &[
        "10.9.0.0/16",
        "state:syn",
        "is:template",
        "expires>60",
        "server:10.1.1.2",
        "proto:udp",
        "is:orphan",
        "pe:any",
    ];
    let lines = &["10.1.1.2", "weight", "by:root", "is:outside", "!is:undone", "is:failed"];
    let examples = match view {
        View::Connections => &rows[..],
        View::Journal => &lines[..],
        _ => servers,
    };
    for example in examples {
        if hint.width() + example.width() < usize::from(width) {
            hint.push_str(example);
            hint.push(' ');
        }
    }
    hint
}
