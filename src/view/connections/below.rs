//! Below the list: all of the selected one, what keeps a drain from ending, and signs of trouble.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use super::super::alarms::{self, Trouble};
use super::super::{Look, page, place};
use crate::connections::{Group, Holding, Row, Sign, Stage, Survey, Tally, USUAL};
use crate::ipvs::{duration, separated, span};
use crate::model::{List, Model};

/// Lines of text, as many as fit.
struct Lines<'a> {
    look: &'a Look,
    width: usize,
    all: Vec<Line<'static>>,
}

impl Lines<'_> {
    fn say(&mut self, text: &str, style: Style) {
        let text = format!(" {}", self.look.glyphs.say(text));
        self.all
            .push(Line::styled(place::begin(&text, self.width, self.look.glyphs.ellipsis), style));
    }

    fn wrap(&mut self, text: &str, style: Style) {
        for piece in page::wrap(&self.look.glyphs.say(text), self.width.saturating_sub(2)) {
            self.all.push(Line::styled(format!(" {piece}"), style));
        }
    }
}

pub(super) fn draw(model: &Model, survey: &Survey, look: &Look, area: Rect, frame: &mut Frame<'_>) {
    let room = usize::from(area.height);
    let connections = &model.connections;
    let signs = signs(model, survey, look);
    let mut lines = Lines { look, width: area.width.into(), all: Vec::new() };
    let List { groups, rows, .. } = connections.list();
    let place = connections.place();
    if let Some(one) = groups.get(place) {
        group(survey, one, &mut lines);
    } else if let Some(row) = rows.get(place).and_then(|place| survey.rows.get(*place)) {
        one(model, survey, &row, &mut lines);
    }
    if let Some(holding) = connections.holding() {
        held(survey, holding, &mut lines);
    }
    // Trouble is told, whatever else there is.
    let reserved = signs.len().min(2).min(room.saturating_sub(1));
    lines.all.truncate(room - reserved);
    let left = room - lines.all.len();
    lines.all.extend(alarms::told(&signs, look, area.width, left));
    for (y, line) in (area.y..area.bottom()).zip(lines.all) {
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

fn signs(model: &Model, survey: &Survey, look: &Look) -> Vec<Trouble> {
    let theme = &look.theme;
    let trouble = |sign: &Sign| {
        let style = if sign.is_alarm() { theme.error } else { theme.warning };
        Trouble { sign: look.glyphs.note, style, text: sign.to_string() }
    };
    survey.signs.iter().filter(|sign| model.is_timely(sign)).map(trouble).collect()
}

/// A group with what it is made of.
fn group(survey: &Survey, one: &Group, lines: &mut Lines<'_>) {
    let theme = &lines.look.theme;
    let (rows, all) = (one.tally.rows(), survey.rows.len() as u64);
    let count = survey.scale.count(one.tally);
    let share = survey.scale.share(rows, all, USUAL);
    let read = match survey.is_whole() {
        true => String::new(),
        false => format!(" ({} read)", separated(rows)),
    };
    lines.say(&format!("{}: {count} rows{read}, {share} of the table", one.key), theme.header);
    let mut parts = Vec::new();
    for stage in Stage::ALL {
        let rows = u64::from(one.at(stage));
        if rows > 0 {
            let tally = part(one.tally, rows);
            let count = survey.scale.count(tally);
            let word = if stage == Stage::Template && count.value == 1 {
                "template"
            } else {
                stage.word()
            };
            parts.push(format!("{count} {word}"));
        }
    }
    let longest = span(one.longest.into());
    lines.wrap(&format!("{}; the longest timer {longest}", parts.join(", ")), theme.text);
}

/// Rows of a group, of which the counters count as many as of all of it.
fn part(all: Tally, rows: u64) -> Tally {
    let counted = (rows * all.counted).checked_div(all.rows()).unwrap_or(0);
    Tally { counted, beside: rows - counted }
}

/// One connection.
fn one(model: &Model, survey: &Survey, row: &Row<'_>, lines: &mut Lines<'_>) {
    let theme = &lines.look.theme;
    let Some(lane) = row.lane() else { return };
    let arrow = lines.look.glyphs.arrow;
    let client = std::net::SocketAddr::new(row.client(), row.client_port());
    let name = model.connections.names.of(row.client());
    let name = name.map_or_else(String::new, |name| format!(" {name}"));
    let head = format!("{client}{name} {arrow} {} {arrow} {}", lane.target, lane.server);
    lines.say(&head, theme.header);
    let what = match (lane.template, lane.is_invalidated()) {
        (true, true) => "template that no client finds any more",
        (true, false) => "persistence template",
        (false, _) if row.awaits_port() => "FTP data connection that waits for its port",
        (false, _) => "connection",
    };
    let claims: Vec<String> = survey
        .placement
        .places_of(row.lane_number())
        .map(|(service, server)| {
            let weight = model.shown().and_then(|s| s.server(service, server));
            let weight =
                weight.map_or_else(String::new, |s| format!(", weight {}", s.server.weight));
            format!("{server} of {service}{weight}")
        })
        .collect();
    let whose = match claims.as_slice() {
        [] => "its server is not in the table".to_owned(),
        [one] => one.clone(),
        several => format!("one of {}", several.join("; ")),
    };
    let (newest, _) = model.connections_age().unwrap_or_default();
    let since = newest + survey.passed.wall.saturating_sub(row.read_at());
    let expires = Duration::from_secs(row.expires().into());
    let (state, expires, ago) = (row.state(), duration(expires), duration(since));
    let origin = match row.origin() {
        Some(crate::ipvs::Origin::Sync) => ", synchronised from another director",
        Some(crate::ipvs::Origin::Local) => ", of this director",
        None => "",
    };
    let text = format!("{what}, {state}, expires in {expires}, read {ago} ago{origin}; {whose}");
    lines.wrap(&text, theme.text);
    if let Some((engine, cut)) = row.engine() {
        let more = if cut { lines.look.glyphs.ellipsis } else { "" };
        lines.wrap(&format!("{engine}{more}"), theme.text);
    }
}

/// What keeps servers from being empty.
fn held(survey: &Survey, holding: &Holding, lines: &mut Lines<'_>) {
    let theme = &lines.look.theme;
    let Holding { carrying, ended, templates, discarded, longest_template, .. } = holding;
    let mut text = format!("{carrying} may still carry data, {ended} have ended");
    if templates.value > 0 {
        let timer = span((*longest_template).into());
        let bring = if templates.value == 1 { "template brings" } else { "templates bring" };
        text.push_str(&format!(", {templates} {bring} clients back, for up to {timer}"));
    }
    if discarded.value > 0 {
        let what = match discarded.value {
            1 => "template is discarded when its client comes",
            _ => "templates are discarded when their clients come",
        };
        text.push_str(&format!(", {discarded} {what} back"));
    }
    lines.wrap(&text, theme.text);
    let row = |place: &usize| {
        let row = survey.rows.get(*place)?;
        let client = std::net::SocketAddr::new(row.client(), row.client_port());
        Some(format!("{client} {} {}", row.state(), span(row.expires().into())))
    };
    let longest: Vec<String> = holding.longest.iter().filter_map(row).take(3).collect();
    if !longest.is_empty() {
        lines.say(&format!("longest timers: {}", longest.join(", ")), theme.text);
    }
    let busiest: Vec<String> =
        holding.busiest.iter().take(3).map(|(client, rows)| format!("{client} ({rows})")).collect();
    if !busiest.is_empty() {
        lines.say(&format!("busiest clients: {}", busiest.join(", ")), theme.text);
    }
}
