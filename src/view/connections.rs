//! Who is on this director: the connection table, grouped or row by row, with what it tells.
//!
//! ```text
//! head    what was read, how large a part of the whole that is, and how old
//! tabs    what it is grouped by
//! groups  groups with estimates, errors and bars        rows   one by one, in ipvsadm's columns
//! below   all of the selected one; what keeps a drain from ending; signs of trouble
//! ```

mod below;
mod groups;
mod rows;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span as Text};
use unicode_width::UnicodeWidthStr;

use super::{HitBoxes, Look, number, place, table};
use crate::command::Command;
use crate::connections::{By, End, Scope, Shape, Survey};
use crate::ipvs::{counted, duration};
use crate::model::{Hit, Model};

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) -> HitBoxes {
    let below = 1 + area.height / 4;
    let [head, tabs, list, below] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(below),
    ])
    .areas(area);
    let (text, style) = told(model, look, head.width.into());
    let text = look.glyphs.say(&text).into_owned();
    frame.render_widget(Line::styled(text, style), head);
    let mut hits = HitBoxes::default();
    groupings(model, look, tabs, &mut hits, frame);
    let Some(seen) = model.connections.seen() else {
        return hits;
    };
    let survey = &*seen.survey;
    let [heads, lines] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(list);
    hits.rows = lines;
    hits.add_rows(lines, model.connections.top(), Hit::Connection);
    if model.connections.by().is_some() {
        groups::draw(model, survey, look, (heads, lines), &mut hits, frame);
    } else {
        rows::draw(model, survey, look, (heads, lines), &mut hits, frame);
    }
    if model.connections.list().is_empty() {
        let text = nothing(model, survey);
        table::empty(&look.glyphs.say(&text), look, lines, frame);
    }
    below::draw(model, survey, look, below, frame);
    hits
}

/// What was read: ` 8,847 rows, a sample: 8.8% of 100,000 ±40, read 3 s ago`.
fn told(model: &Model, look: &Look, width: usize) -> (String, Style) {
    let (connections, theme) = (&model.connections, &look.theme);
    if let Some(progress) = connections.progress() {
        let rows = number::separated(progress.rows);
        let of = progress.of.map_or_else(String::new, |of| format!(" of about {of}"));
        let (time, key) = (duration(progress.wall), model.keys.say(Command::Close));
        let text = format!(" reading all: {rows}{of} rows in {time}; {key} calls it off");
        return (place::begin(&text, width, look.glyphs.ellipsis), theme.focus);
    }
    let fit = |forms: &[String]| {
        let fits = forms.iter().find(|form| form.width() <= width);
        fits.or(forms.last()).cloned().unwrap_or_default()
    };
    let Some(seen) = connections.seen() else {
        let text = match connections.unreadable() {
            Some(error) => return (format!(" {error}"), theme.error),
            None if model.playing.is_some() => " connections are not recorded".to_owned(),
            None if connections.budget.is_nothing() => {
                let key = model.keys.say(Command::WholePass);
                format!(" the budget for connections is 0; {key} reads the whole table")
            }
            None => " reading the connection table".to_owned(),
        };
        return (text, theme.dim);
    };
    if let Some(error) = connections.unreadable() {
        return (format!(" not read any more: {error}"), theme.error);
    }
    let survey = &*seen.survey;
    let (newest, _) = model.connections_age().unwrap_or_default();
    let age = duration(newest);
    let rows = counted(survey.rows.len() as u64, "row");
    let all = survey.all();
    if connections.is_whole_asked() {
        let took = duration(survey.passed.wall);
        let key = model.keys.say(Command::Close);
        let what = match (survey.is_whole(), survey.passed.end) {
            (true, _) => format!("the whole table, {rows}"),
            (false, End::Whole) => format!("{rows} of {all}: the table changed under the pass"),
            (false, _) => format!("{rows} of {all}: no more are held"),
        };
        let forms = [
            format!(" {what}, read in {took}, {age} ago; {key} goes back to samples"),
            format!(" {what}, read {age} ago"),
        ];
        return (fit(&forms), theme.header);
    }
    if survey.is_whole() {
        return (format!(" all {rows} of the table, exact, read {age} ago"), theme.text);
    }
    let part = survey.scale.part().map_or_else(String::new, |part| {
        let digits = usize::from(part < 0.0995);
        format!("{:.digits$}% of ", part * 100.0)
    });
    let cost = match (survey.whole_pass(), survey.shape()) {
        (Some(cost), Shape::Quadratic) => format!("; all would take {cost}, quadratic"),
        (Some(cost), _) => format!("; all would take {cost}"),
        (None, _) => String::new(),
    };
    let sample = format!(" {rows}, a sample: {part}{all}, read {age} ago");
    let forms = [format!("{sample}{cost}"), sample, format!(" {rows}, {part}{all}, {age} old")];
    (fit(&forms), theme.text)
}

/// What the rows are grouped by, and whose they are.
fn groupings(model: &Model, look: &Look, area: Rect, hits: &mut HitBoxes, frame: &mut Frame<'_>) {
    let (connections, theme) = (&model.connections, &look.theme);
    let mut x = area.x;
    for by in By::ALL.map(Some).into_iter().chain([None]) {
        let word = match by {
            Some(By::Client) => "clients",
            Some(By::Network) => "networks",
            Some(By::Server) => "servers",
            Some(By::Service) => "services",
            Some(By::State) => "states",
            None => "one by one",
        };
        let style = if by == connections.by() { theme.tab_active } else { theme.tab };
        let width = u16::try_from(word.width() + 2).unwrap_or(0);
        let Some(left) = area.right().checked_sub(x).filter(|left| *left >= width) else { break };
        let place = Rect { x, width: width.min(left), height: 1, ..area };
        frame.render_widget(Line::styled(format!(" {word} "), style), place);
        hits.add(place, Hit::Grouping(by));
        x += width;
    }
    if *connections.scope() != Scope::All {
        let rest = Rect { x, width: area.right().saturating_sub(x), ..area };
        let text = format!(" of {}", connections.scope());
        let text = place::begin(&text, rest.width.into(), look.glyphs.ellipsis);
        let line = Line::from(Text::styled(text, theme.header));
        frame.render_widget(line, rest);
    }
}

/// Why nothing is listed.
fn nothing(model: &Model, survey: &Survey) -> String {
    let connections = &model.connections;
    let ops = model.shown().is_some_and(|snapshot| {
        let held = |service: &crate::ipvs::ServiceKey| match connections.scope() {
            Scope::Service(wanted) => wanted == service,
            Scope::Places(places) => places.iter().any(|place| place.0 == *service),
            Scope::All | Scope::Host(_) => false,
        };
        let services = &snapshot.services;
        services.iter().any(|entry| entry.service.one_packet() && held(&entry.service.key))
    });
    if ops {
        return "Every packet is scheduled by itself here (ops): such connections are never in the \
                table."
            .to_owned();
    }
    let found = survey.scale.count(connections.list().tally);
    match (connections.filter(), survey.is_whole()) {
        (Some(_), true) => "No row matches.".to_owned(),
        (None, true) => "There are no connections.".to_owned(),
        (_, false) => {
            format!("None of the rows that were read; in the whole table {found}.")
        }
    }
}

/// What is asked before the whole table is read.
pub(super) fn question(model: &Model) -> String {
    let Some(survey) = model.connections.sample() else {
        return "Read the whole connection table? What that costs is not known yet.".to_owned();
    };
    let all = survey.all();
    let how = match survey.shape() {
        Shape::Quadratic => ", as on this kernel it grows with the square of the rows",
        Shape::Linear | Shape::Unknown => "",
    };
    match survey.whole_pass() {
        Some(cost) => {
            format!("Read all of about {all} rows? That takes about {cost} of one CPU{how}.")
        }
        None => format!("Read all of about {all} rows?"),
    }
}
