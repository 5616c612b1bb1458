//! The real servers by address, each over all services that have it; below them the selected
//! one's servers.
//!
//! ```text
//!  Δ◐ host            weights            Active  InAct    CPS state         conns 60s  verdict
//! ```

use std::collections::BTreeSet;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr;

use super::cells::{LONGEST_LINE, left, line, right, samples};
use super::columns::Span;
use super::lines::window;
use super::{HitBoxes, Look, alarms, drains, number, page, place, table};
use crate::command::Command;
use crate::history::{Metric, summed};
use crate::ipvs::counted;
use crate::model::{By, Column, Hit, Host, Model, Row, Standing};
use crate::snapshot::{ServerEntry, ServiceEntry, Snapshot};

/// Cursor, what others did, state, and a blank before the address: bare IPv6 may begin with any
/// letter from a to f.
const PREFIX: u16 = 4;
const CHANGED: u16 = 1;
const STATE: u16 = 2;
const NUMBER: u16 = 6;
/// The shortest line of values that still shows a shape.
const LINE: u16 = 8;
/// A verdict shorter than this says nothing.
const VERDICT: u16 = 24;
/// From this width on there is room for whole words.
const WIDE: u16 = 120;
/// Of a large table, the counters of so many services are read at every tick for this view; those
/// of the others come in turn.
const MOST_VISIBLE: usize = 200;

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) -> HitBoxes {
    let Some(snapshot) = model.shown() else {
        table::empty(&table::waiting(model), look, area, frame);
        return HitBoxes::default();
    };
    let hosts = model.hosts.all();
    if hosts.is_empty() && model.hosts.total() > 0 {
        let [filter, close] = [Command::Filter, Command::Close].map(|c| model.keys.say(c));
        let text = format!("No host matches.\n\n{filter} changes the filter, {close} shows all.");
        table::empty(&text, look, area, frame);
        return HitBoxes::default();
    }
    if hosts.is_empty() {
        let key = model.keys.say(Command::ViewServices);
        let text = format!(
            "This director has no real servers yet.\n\n{key} shows the services, where they are \
             added."
        );
        table::empty(&text, look, area, frame);
        return HitBoxes::default();
    }
    let [head, rows, detail] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(1 + area.height / 4),
    ])
    .areas(area);
    let shown = hosts.iter().skip(model.hosts.top()).take(rows.height.into());
    let names = shown.clone().map(|host| host.addr.to_string().width()).max().unwrap_or(0);
    let names = u16::try_from(names).unwrap_or(u16::MAX);
    let columns = columns(area, names, !model.drains.open().is_empty());
    let painter = Painter { model, look, snapshot, columns };
    let mut hits = HitBoxes { rows, ..HitBoxes::default() };
    painter.head(head.y, &mut hits, frame);
    let mut visible = BTreeSet::new();
    for (y, host) in (rows.y..).zip(shown) {
        let services = host.servers.iter().map(|(service, _)| *service);
        visible.extend(services.take(MOST_VISIBLE.saturating_sub(visible.len())));
        painter.row(host, y, frame);
    }
    if let Some(host) = model.hosts.selected() {
        painter.detail(host, detail, frame);
    }
    hits.visible = visible;
    hits.add_rows(rows, model.hosts.top(), Hit::Host);
    hits
}

/// Columns from left to right; one of width 0 is not drawn.
struct Columns {
    name: Span,
    weights: Span,
    active: Span,
    inactive: Span,
    rate: Span,
    state: Span,
    connections: Span,
    verdict: Span,
}

/// Lays `area` out. `names` is the widest address; `drains` says whether there are verdicts.
fn columns(area: Rect, names: u16, drains: bool) -> Columns {
    let wide = area.width >= WIDE;
    let weights = if area.width >= 80 { 17 } else { 11 };
    let inactive = if area.width >= 70 { NUMBER } else { 0 };
    let state = if wide { 19 } else { 12 };
    let gap = |width: u16| u16::from(width > 0);
    let fixed = 1 + weights + 2 * (1 + NUMBER) + inactive + gap(inactive) + 2 + state;
    let wanted = names.saturating_add(PREFIX).max(PREFIX + 13);
    let name = wanted.min(area.width.saturating_sub(fixed));
    let rest = area.width.saturating_sub(name + fixed);
    let verdict = match rest.checked_sub(1 + LINE + 2) {
        Some(room) if drains && room >= VERDICT => (rest - 3) * 2 / 3,
        _ => 0,
    };
    let line = rest.saturating_sub(verdict + 2 * gap(verdict) + 1);
    let line = if line < LINE { 0 } else { line.min(LONGEST_LINE) };
    let mut x = area.x;
    let mut next = |gap: u16, width: u16| {
        let span = Span { x: x + gap, width };
        x += gap + width;
        span
    };
    Columns {
        name: next(0, name),
        weights: next(1, weights),
        active: next(1, NUMBER),
        inactive: next(gap(inactive), inactive),
        rate: next(1, NUMBER),
        state: next(2, state),
        connections: next(gap(line), line),
        verdict: next(2 * gap(verdict), verdict),
    }
}

struct Painter<'a> {
    model: &'a Model,
    look: &'a Look,
    snapshot: &'a Snapshot,
    columns: Columns,
}

impl Painter<'_> {
    fn head(&self, y: u16, hits: &mut HitBoxes, frame: &mut Frame<'_>) {
        let (c, theme) = (&self.columns, &self.look.theme);
        let sort = self.model.hosts.sort();
        let glyphs = &self.look.glyphs;
        let arrow = if sort.descends() { glyphs.down } else { glyphs.up };
        let mut head = |word: &str, by: Option<By>, span: Span, to_right: bool| {
            let sorted = !sort.is_plain() && by == Some(sort.by);
            let style = if sorted { theme.header } else { theme.head };
            let word = if sorted { format!("{arrow}{word}") } else { word.to_owned() };
            if to_right {
                // Where the word fills its column, the arrow stands in the gap before it.
                let wide = Span { x: span.x.saturating_sub(1), width: span.width + 1 };
                right(&word, style, if sorted { wide } else { span }, y, frame);
            } else {
                left(&word, style, span, y, frame);
            }
            if let Some(by) = by {
                hits.add(span.row(y), Hit::Head(by));
            }
        };
        let name = Span { x: c.name.x + PREFIX, width: c.name.width.saturating_sub(PREFIX) };
        head("Host", Some(By::Address), name, false);
        head("Weight", Some(By::Column(Column::Weight)), c.weights, false);
        head("Active", Some(By::Column(Column::Active)), c.active, true);
        head("InAct", Some(By::Column(Column::Inactive)), c.inactive, true);
        head(self.model.rate.word(), Some(By::Rate), c.rate, true);
        head("State", None, c.state, false);
        let conns = format!("conns {}", window(self.model));
        let conns = if usize::from(c.connections.width) < conns.len() { "conns" } else { &conns };
        head(conns, None, c.connections, false);
        head("Drain", None, c.verdict, false);
    }

    fn row(&self, host: &Host, y: u16, frame: &mut Frame<'_>) {
        let (c, theme, glyphs) = (&self.columns, &self.look.theme, &self.look.glyphs);
        let standing = self.model.standing(host);
        let all = host.servers.len();
        let (style, named) = match standing {
            Standing::Quiesced(n) | Standing::Draining(n) if n == all => {
                (theme.quiesced, theme.quiesced)
            }
            _ => (theme.text, theme.host),
        };
        let (symbol, sign) = self.symbol(host, standing).unwrap_or((" ", style));
        let room = usize::from(c.name.width.saturating_sub(PREFIX));
        let name = place::fit(&host.addr.to_string(), room, glyphs.ellipsis);
        let changed = self.changed(host);
        left(&format!(" {}{symbol} {name}", changed.unwrap_or(" ")), named, c.name, y, frame);
        let mut paint = |cell: u16, style| {
            let cell = Span { x: c.name.x + cell, width: 1 };
            frame.buffer_mut().set_style(cell.row(y), style);
        };
        paint(STATE, sign);
        if changed.is_some() {
            paint(CHANGED, theme.outside);
        }
        let weights = weights(host, self.snapshot, c.weights.width.into());
        left(&weights, style, c.weights, y, frame);

        let servers = || host.entries(self.snapshot).map(|(_, server)| server);
        let number = |n: u64| number::short(n, NUMBER.into());
        // Some of what is summed up may be older than the rest of the screen.
        let mut services = host.servers.iter().filter_map(|(s, _)| self.snapshot.service(s));
        let carried = services.any(|entry| self.model.carried(entry).is_some());
        let style = if carried { theme.dim } else { style };
        let active: u64 = servers().map(|s| u64::from(s.active)).sum();
        let inactive: u64 = servers().map(|s| u64::from(s.inactive)).sum();
        right(&number(active), style, c.active, y, frame);
        right(&number(inactive), style, c.inactive, y, frame);
        match self.rate(host) {
            Some(rate) => right(&number(rate), style, c.rate, y, frame),
            None => right(glyphs.unknown, theme.dim, c.rate, y, frame),
        }
        left(&word(standing, all, c.state.width), style, c.state, y, frame);
        self.line(host, y, frame);
        if let Some(worst) = self.model.drains.worst_on(host.addr) {
            let width = c.verdict.width.into();
            let text = place::begin(&worst.verdict.to_string(), width, glyphs.ellipsis);
            left(&text, drains::style_of(&worst.verdict, self.look), c.verdict, y, frame);
        }
        if self.model.hosts.selected() == Some(host) {
            // Not over the line of values: reversed columns are hard to read.
            let width = c.state.x + c.state.width - c.name.x;
            let area = Rect { width, ..c.name.row(y) };
            frame.buffer_mut().set_style(area, theme.selected);
            left(glyphs.cursor, theme.selected, c.name, y, frame);
        }
    }

    /// Whether somebody else has changed one of its servers a while ago.
    fn changed(&self, host: &Host) -> Option<&'static str> {
        let glyphs = &self.look.glyphs;
        let mut servers = host.servers.iter();
        if servers.any(|(service, server)| self.model.flaps(service, server).is_some()) {
            return Some(glyphs.flapping);
        }
        let mut servers = host.servers.iter();
        servers
            .any(|(service, server)| self.model.changed(service, Some(server)).is_some())
            .then_some(glyphs.changed)
    }

    /// The sign of its state, if that has one: trouble before what the words tell too.
    fn symbol(&self, host: &Host, standing: Standing) -> Option<(&'static str, Style)> {
        let (glyphs, theme) = (&self.look.glyphs, &self.look.theme);
        let is_its = |row: Row| match row {
            Row::Server(_, server) => server.addr == host.addr,
            Row::Service(_) => false,
        };
        if alarms::shown(self.model).iter().filter_map(|alarm| alarm.row).any(is_its) {
            return Some((glyphs.trouble, theme.trouble));
        }
        match standing {
            Standing::Serving => None,
            Standing::Quiesced(_) => Some((glyphs.quiesced, theme.quiesced)),
            Standing::Draining(_) => Some((glyphs.draining, theme.draining)),
            Standing::Ramping(_) => Some((glyphs.ramping, theme.ramping)),
        }
    }

    /// The chosen rate; `None` if that of one server is not known.
    fn rate(&self, host: &Host) -> Option<u64> {
        if self.snapshot.estimator_off() {
            return None;
        }
        let metric = self.model.rate;
        host.entries(self.snapshot).map(|(_, s)| Some(metric.now(&s.stats?.rates))).sum()
    }

    fn line(&self, host: &Host, y: u16, frame: &mut Frame<'_>) {
        let span = self.columns.connections;
        let past = host.servers.iter().filter_map(|(s, key)| self.model.history.server(s, key));
        let (end, hold) = (self.snapshot.at, self.model.hold());
        let buckets = samples(self.look, span.width);
        let metric = Metric::Connections;
        let values =
            summed(past.map(|past| past.window(metric, end, self.model.window, buckets, hold)));
        line(&values, self.look.theme.connections, self.look, span.row(y), frame);
    }

    /// The selected host: the worst verdict of its drains in full, and its servers.
    fn detail(&self, host: &Host, area: Rect, frame: &mut Frame<'_>) {
        let (theme, ellipsis) = (&self.look.theme, self.look.glyphs.ellipsis);
        let width = usize::from(area.width);
        let room = usize::from(area.height);
        let standing = word(self.model.standing(host), host.servers.len(), u16::MAX);
        let services = counted(host.services() as u64, "service");
        let head = format!(" {} in {services}: {standing}", host.addr);
        let mut lines = vec![Line::styled(head, theme.header)];
        if let Some(worst) = self.model.drains.worst_on(host.addr) {
            let text = format!("{} of {}: {}", worst.server, worst.service, worst.verdict);
            let style = drains::style_of(&worst.verdict, self.look);
            let mut pieces = page::wrap(&text, width.saturating_sub(2));
            let most = room.saturating_sub(3).max(1);
            if pieces.len() > most {
                let rest = pieces.split_off(most - 1).join(" ");
                pieces.push(place::begin(&rest, width.saturating_sub(2), ellipsis));
            }
            lines.extend(pieces.into_iter().map(|piece| Line::styled(format!(" {piece}"), style)));
        }
        let entries: Vec<_> = host.entries(self.snapshot).collect();
        let free = room.saturating_sub(lines.len());
        let fit = if entries.len() > free { free.saturating_sub(1) } else { entries.len() };
        for (entry, server) in entries.iter().take(fit) {
            let quiesced = server.server.weight == 0;
            let style = if quiesced { theme.quiesced } else { theme.text };
            lines.push(Line::styled(self.server(entry, server, width), style));
        }
        if fit < entries.len() {
            let more = counted((entries.len() - fit) as u64, "server");
            let text = if fit == 0 { format!(" {more}") } else { format!(" and {more} more") };
            lines.push(Line::styled(text, theme.dim));
        }
        for (y, text) in (area.y..area.bottom()).zip(lines) {
            frame.render_widget(text, Rect { y, height: 1, ..area });
        }
    }

    /// ` TCP 10.0.0.1:80 wlc  port 80 Masq  weight 0 (10)  12 active 80 inactive`, or less of it.
    fn server(&self, entry: &ServiceEntry, server: &ServerEntry, width: usize) -> String {
        let service = &entry.service;
        let (key, weight) = (server.server.key, server.server.weight);
        let before = self.model.before_quiesce(&service.key, &key).filter(|_| weight == 0);
        let before = before.map_or_else(String::new, |old| format!(" ({old})"));
        let active = number::separated(server.active.into());
        let inactive = number::separated(server.inactive.into());
        let how = format!("port {} {}", key.port, server.server.forwarding);
        let (name, scheduler) = (&service.key, &service.scheduler);
        let weight = format!("weight {weight}{before}");
        let long =
            format!(" {name} {scheduler}  {how}  {weight}  {active} active {inactive} inactive");
        if long.width() <= width {
            return long;
        }
        let short = format!(" {name}  {weight}  {active} act {inactive} inact");
        place::fit(&short, width, self.look.glyphs.ellipsis)
    }
}

/// `10 in 3 services` where they are the same; `10, 0, 5` in the table's order, or from the lowest
/// to the highest, where they are not.
fn weights(host: &Host, snapshot: &Snapshot, width: usize) -> String {
    let all: Vec<u32> = host.entries(snapshot).map(|(_, s)| s.server.weight).collect();
    let services = host.services();
    let (Some(low), Some(high)) = (all.iter().min(), all.iter().max()) else {
        return String::new();
    };
    let range = if low == high { low.to_string() } else { format!("{low}-{high}") };
    let mut forms = Vec::new();
    if low != high {
        forms.push(all.iter().map(u32::to_string).collect::<Vec<_>>().join(", "));
    }
    forms.push(format!("{range} in {}", counted(services as u64, "service")));
    forms.push(format!("{range} in {services}"));
    forms.push(range);
    forms.into_iter().find(|form| form.len() <= width).unwrap_or_default()
}

/// The state in words; where it is one of some servers only, of how many, as far as that fits:
/// numbers are never cut.
fn word(standing: Standing, all: usize, width: u16) -> String {
    let (word, short, some) = match standing {
        Standing::Serving => ("serving", "serving", all),
        Standing::Quiesced(n) => ("quiesced", "quiesc", n),
        Standing::Draining(n) => ("draining", "drain", n),
        Standing::Ramping(n) => ("ramping", "ramp", n),
    };
    if some == all {
        return word.to_owned();
    }
    let forms = [
        format!("{word} in {some} of {all}"),
        format!("{word} {some}/{all}"),
        format!("{short} {some}/{all}"),
    ];
    let fits = forms.into_iter().find(|form| form.len() <= usize::from(width));
    fits.unwrap_or_else(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_is_filled_and_never_overrun() {
        for width in 60..=300 {
            for (names, drains) in [(8, true), (13, false), (39, true), (39, false)] {
                let c = columns(Rect::new(0, 0, width, 1), names, drains);
                let end = c.verdict.x + c.verdict.width;
                assert!(end <= width, "{width} {names}: {end}");
                assert!(c.name.width >= 9, "{width} {names}");
            }
        }
    }

    #[test]
    fn no_number_of_a_state_is_cut() {
        for all in [2, 12, 120, 1200] {
            for some in [1, 2, all - 1] {
                for standing in
                    [Standing::Quiesced(some), Standing::Draining(some), Standing::Ramping(some)]
                {
                    for width in [12, 19] {
                        let text = word(standing, all, width);
                        assert!(text.len() <= width.into(), "{text}");
                        assert!(!text.contains('/') || text.ends_with(&format!("/{all}")));
                    }
                }
            }
        }
    }

    #[test]
    fn a_state_of_some_says_of_how_many() {
        assert_eq!(word(Standing::Quiesced(3), 3, 12), "quiesced");
        assert_eq!(word(Standing::Draining(1), 2, 19), "draining in 1 of 2");
        assert_eq!(word(Standing::Draining(1), 2, 12), "draining 1/2");
        assert_eq!(word(Standing::Draining(3), 12, 12), "drain 3/12");
        assert_eq!(word(Standing::Quiesced(10), 12, 12), "quiesc 10/12");
        assert_eq!(word(Standing::Ramping(10), 12, 12), "ramp 10/12");
        assert_eq!(word(Standing::Quiesced(100), 120, 12), "quiesced");
        assert_eq!(word(Standing::Quiesced(10), 12, 19), "quiesced 10/12");
    }
}
