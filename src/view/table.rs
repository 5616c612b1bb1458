//! The services with their servers beneath them. Only the rows on the screen are looked at.
//!
//! Where a service's row has scrolled away, it is drawn over the first line, dim, above those of
//! its servers that are still to be seen. What needs an operator has lines of its own below the
//! rows, however many there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span as Text};
use ratatui::widgets::{Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

use super::cells::{left, right};
use super::columns::{CHANGED, Columns, MARK, PREFIX, STATE, Span, Widest, columns};
use super::lines::Lines;
use super::{HitBoxes, Look, alarms, number, place};
use crate::command::Command;
use crate::history::Metric;
use crate::ipvs::{ServerKey, ServiceKey, Stats};
use crate::model::{By, Column, Freshness, Hit, Model, Row, Share};
use crate::snapshot::{ServerEntry, ServiceEntry, Snapshot};

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) -> HitBoxes {
    let Some(snapshot) = model.shown() else {
        empty(&waiting(model), look, area, frame);
        return HitBoxes::default();
    };
    let below_head = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let reserved = reserved(model, below_head.height);
    let rows = Rect { height: below_head.height - reserved, ..below_head };
    if reserved > 0 {
        tell(model, look, below_head, rows, frame);
    }
    let mut hits = HitBoxes { rows, ..HitBoxes::default() };
    if snapshot.services.is_empty() {
        let how = if model.read_only {
            "ipvsadm -A -t 10.0.0.1:80 -s wlc adds one; it shows here with the next reading."
                .to_owned()
        } else {
            let key = model.keys.say(Command::Add);
            format!("{key} adds one; so does ipvsadm -A -t 10.0.0.1:80 -s wlc.")
        };
        let text = format!("This director has no virtual services yet.\n\n{how}");
        empty(&text, look, Rect { height: area.height - reserved, ..area }, frame);
        return hits;
    }
    if model.rows.all().is_empty() {
        let place = Rect { height: area.height - reserved, ..area };
        empty("Nothing matches the filter.", look, place, frame);
        return hits;
    }
    let shown = model.rows.all().iter().skip(model.rows.top()).take(rows.height.into());
    let names = shown.clone().map(|row| match row {
        Row::Service(_) => 0,
        Row::Server(_, server) => server.to_string().width(),
    });
    let names = u16::try_from(names.max().unwrap_or(0)).unwrap_or(u16::MAX);
    let weights = shown.clone().filter_map(|row| before(model, snapshot, row)).max();
    let weights = weights.map_or(0, |old| BEFORE + number::separated(old.into()).len());
    let widest = Widest { names, weights: u16::try_from(weights).unwrap_or(u16::MAX) };
    hits.visible.extend(shown.clone().map(Row::service));
    let columns = columns(area, widest, &model.columns, model.rate);
    let lines = Lines::new(model, look, snapshot, &columns, &hits.visible);
    let shares = match columns.of(Column::Share) {
        Some(_) => hits.visible.iter().filter_map(|key| snapshot.service(key)).collect(),
        None => Vec::new(),
    };
    let shares = shares.into_iter().map(|e| (e.service.key, model.shares(e))).collect();
    let trouble = alarms::shown(model).iter().filter_map(|alarm| alarm.row);
    let trouble = trouble.filter(|row| hits.visible.contains(&row.service())).collect();
    let painter = Painter { model, look, snapshot, columns, lines, shares, trouble };
    painter.head(area.y, &mut hits, frame);
    let above = model.rows.above().filter(|_| rows.height > 1);
    hits.above = above.is_some();
    for (y, row) in (rows.y..).zip(shown).skip(usize::from(hits.above)) {
        painter.row(row, y, frame);
    }
    if let Some(entry) = above.and_then(|key| snapshot.service(&key)) {
        painter.service(entry, look.theme.dim, rows.y, frame);
    }
    let top = model.rows.top();
    let below = usize::from(hits.above);
    let lines = Rect { y: rows.y + u16::from(hits.above), ..rows };
    let there = model.rows.all().len().saturating_sub(top + below);
    let there = u16::try_from(there).unwrap_or(u16::MAX);
    let lines = Rect { height: (rows.bottom() - lines.y).min(there), ..lines };
    hits.add_rows(lines, top + below, Hit::Row);
    let signs = Rect { width: SIGN.min(lines.width), ..lines };
    for (y, (place, row)) in
        (lines.y..lines.bottom()).zip(model.rows.all().iter().enumerate().skip(top + below))
    {
        if matches!(row, Row::Service(_)) {
            hits.add(Rect { y, height: 1, ..signs }, Hit::Fold(place));
        }
    }
    hits
}

pub(super) fn waiting(model: &Model) -> String {
    match model.freshness() {
        Freshness::Failed(error) => error.to_string(),
        _ => "Reading the director ...".to_owned(),
    }
}

pub(super) fn empty(text: &str, look: &Look, area: Rect, frame: &mut Frame<'_>) {
    let height = area.height / 3;
    let area = Rect { y: area.y + height, height: area.height - height, ..area };
    let text = Paragraph::new(text.to_owned()).style(look.theme.text);
    frame.render_widget(text.alignment(Alignment::Center).wrap(Wrap { trim: true }), area);
}

/// The cells that fold a service when they are clicked: cursor, sign and the blanks beside it.
const SIGN: u16 = 3;

/// Alarms have so many lines below the table, where it leaves them free.
const MOST_ALARMS: usize = 6;
/// So many where it does not, and one on a screen that has fewer than `LOW` lines for both.
const RESERVED: u16 = 2;
const LOW: u16 = 13;

/// The lines below the rows that alarms have at any scroll position. A wall has them above, and of
/// the past there are none.
fn reserved(model: &Model, height: u16) -> u16 {
    if model.wall.is_some() {
        return 0;
    }
    let most = if height < LOW { 1 } else { RESERVED };
    u16::try_from(alarms::shown(model).len()).unwrap_or(most).min(most).min(height)
}

/// What needs an operator, below the `rows`, and in what these leave free.
fn tell(model: &Model, look: &Look, area: Rect, rows: Rect, frame: &mut Frame<'_>) {
    let taken = model.rows.all().len().saturating_sub(model.rows.top());
    // An empty line stands between, where there is one.
    let free = usize::from(rows.height).saturating_sub(taken + 1);
    let reserved = usize::from(area.height - rows.height);
    let lines =
        alarms::lines(alarms::shown(model), look, area.width, (reserved + free).min(MOST_ALARMS));
    let from = area.bottom() - u16::try_from(lines.len()).unwrap_or(0);
    for (y, line) in (from..area.bottom()).zip(lines) {
        frame.render_widget(line, Rect { y, height: 1, ..area });
    }
}

/// The cells that a former weight wants beside its digits: `(10) 0`.
const BEFORE: usize = 4;

/// The weight that a quiesced server had before, and that restoring would give back.
fn before(model: &Model, snapshot: &Snapshot, row: &Row) -> Option<u32> {
    let Row::Server(service, server) = row else { return None };
    let quiesced = snapshot.server(service, server)?.server.weight == 0;
    quiesced.then(|| model.before_quiesce(service, server))?
}

/// A former weight in so many cells, with the 0 behind it: exact as long as that fits.
fn former(old: u32, width: usize) -> Option<String> {
    let room = width.checked_sub(BEFORE)?;
    let exact = [number::separated(old.into()), old.to_string()];
    // Short are thousands and more.
    let short = (old >= 1000).then(|| number::short(old.into(), room));
    let mut forms = exact.into_iter().chain(short);
    forms.find(|form| form.len() <= room).map(|form| format!("({form})"))
}

/// What a row holds now.
struct Held {
    active: u64,
    inactive: u64,
    persistent: Option<u64>,
    stats: Option<Stats>,
    /// How the connections are drawn, and the rates: a service's own are read every time.
    styles: (Style, Style),
}

struct Painter<'a> {
    model: &'a Model,
    look: &'a Look,
    snapshot: &'a Snapshot,
    columns: Columns,
    lines: Lines<'a>,
    /// The shares of the servers of what is on the screen, where they are shown.
    shares: BTreeMap<ServiceKey, Vec<Share>>,
    /// What of it needs an operator.
    trouble: BTreeSet<Row>,
}

impl Painter<'_> {
    fn head(&self, y: u16, hits: &mut HitBoxes, frame: &mut Frame<'_>) {
        let c = &self.columns;
        let theme = &self.look.theme;
        let sort = self.model.rows.sort();
        let glyphs = &self.look.glyphs;
        let arrow = if sort.descends() { glyphs.down } else { glyphs.up };
        // ipvsadm's own order wants no mark.
        let sorted = |by| sort.by == by && !sort.is_plain();
        let mark = if sorted(By::Address) { arrow } else { " " };
        left(&format!("  {mark} Service / real server"), theme.head, c.name, y, frame);
        hits.add(c.name.row(y), Hit::Head(By::Address));
        for (column, span) in &c.cells {
            let by = match column {
                Column::Rate(metric) if *metric == self.model.rate => By::Rate,
                Column::RateLine => By::Rate,
                other => By::Column(*other),
            };
            let line = column.is_line();
            let word = if line { self.lines.head(*column) } else { column.head().to_owned() };
            let style = if sorted(by) { theme.header } else { theme.head };
            let marked = sorted(by) && !(line && by == By::Rate && self.shows_rate());
            let word = if marked { format!("{arrow}{word}") } else { word };
            // Where the word fills its column, the arrow stands in the gap before it.
            let wide = Span { x: span.x.saturating_sub(1), width: span.width + 1 };
            match column {
                Column::Forwarding => left(&word, style, *span, y, frame),
                _ if line => left(&word, style, *span, y, frame),
                _ if marked => right(&word, style, wide, y, frame),
                _ => right(&word, style, *span, y, frame),
            }
            hits.add(span.row(y), Hit::Head(by));
        }
    }

    /// Whether the chosen rate stands there as a number, too.
    fn shows_rate(&self) -> bool {
        self.columns.of(Column::Rate(self.model.rate)).is_some()
    }

    fn row(&self, row: &Row, y: u16, frame: &mut Frame<'_>) {
        match row {
            Row::Service(key) => {
                if let Some(entry) = self.snapshot.service(key) {
                    self.service(entry, self.look.theme.service, y, frame);
                }
            }
            Row::Server(service, server) => {
                let entry = self.snapshot.service(service);
                if let Some((entry, server)) = entry.and_then(|e| Some((e, e.server(server)?))) {
                    self.server(entry, server, y, frame);
                }
            }
        }
        // Nobody types at a wall: nothing is selected there.
        if self.model.rows.selected() == Some(*row) && self.model.wall.is_none() {
            let mut paint = |span: Span| {
                frame.buffer_mut().set_style(span.row(y), self.look.theme.selected);
            };
            paint(self.columns.name);
            // Not over the lines of values: reversed columns are hard to read.
            for (_, span) in self.columns.cells.iter().filter(|(column, _)| !column.is_line()) {
                paint(Span { x: span.x - 1, width: span.width + 1 });
            }
            left(self.look.glyphs.cursor, self.look.theme.selected, self.columns.name, y, frame);
        }
    }

    fn service(&self, entry: &ServiceEntry, style: Style, y: u16, frame: &mut Frame<'_>) {
        let (c, theme) = (&self.columns, &self.look.theme);
        let key = entry.service.key;
        let (mut flags, mut name) = (self.flags(entry), key.to_string());
        let folded = self.model.rows.is_folded(&key);
        if folded {
            let n = entry.servers.len();
            let _ = write!(flags, ", {n} server{}", if n == 1 { "" } else { "s" });
        }
        let glyphs = &self.look.glyphs;
        let (sign, sign_style) = if self.is_trouble(&key, folded) {
            (glyphs.trouble, theme.trouble)
        } else if self.model.changed(&key, None).is_some() {
            (glyphs.changed, theme.outside)
        } else {
            (" ", theme.dim)
        };
        let fold = if folded { glyphs.closed } else { glyphs.open };
        let plain = if style == theme.service { theme.text } else { style };
        let area = c.service();
        let width = usize::from(area.width.saturating_sub(3));
        let room = width.saturating_sub(flags.width() + 1).max(width / 2);
        name = place::fit(&name, room, self.look.glyphs.ellipsis);
        let flags =
            place::fit(&flags, width.saturating_sub(name.width() + 1), self.look.glyphs.ellipsis);
        let line = Line::from(vec![
            Text::styled(format!(" {fold}"), theme.dim),
            Text::styled(sign, sign_style),
            Text::styled(name, style),
            Text::styled(format!(" {flags}"), plain),
        ]);
        frame.render_widget(line, area.row(y));
        let persistent = entry.servers.iter().map(|s| s.persistent.map(u64::from)).sum();
        let held = Held {
            active: entry.active(),
            inactive: entry.inactive(),
            persistent,
            stats: entry.stats,
            styles: (self.by_age(entry, style), style),
        };
        self.numbers(&held, y, frame);
        self.lines.service(&key, y, frame);
    }

    /// Whether a service needs an operator, or one of its servers whose rows are not to be seen.
    fn is_trouble(&self, service: &ServiceKey, folded: bool) -> bool {
        self.trouble.contains(&Row::Service(*service))
            || folded && self.trouble.iter().any(|row| row.service() == *service)
    }

    /// The sign of a server's state: trouble before what the weight tells too.
    fn state(&self, row: &Row, quiesced: bool) -> (&'static str, Style) {
        let (glyphs, theme) = (&self.look.glyphs, &self.look.theme);
        let Row::Server(service, server) = row else { return (" ", theme.text) };
        if self.trouble.contains(row) {
            (glyphs.trouble, theme.trouble)
        } else if self.model.ramps.of(service, server).is_some() {
            (glyphs.ramping, theme.ramping)
        } else if quiesced && self.model.drains.of(service, server).is_some() {
            (glyphs.draining, theme.draining)
        } else if quiesced {
            (glyphs.quiesced, theme.quiesced)
        } else {
            (" ", theme.server)
        }
    }

    fn server(&self, entry: &ServiceEntry, server: &ServerEntry, y: u16, frame: &mut Frame<'_>) {
        let (c, theme) = (&self.columns, &self.look.theme);
        let quiesced = server.server.weight == 0;
        let (style, weighs) = match quiesced {
            true => (theme.quiesced, theme.quiesced),
            false => (theme.server, theme.weight),
        };
        let (numbers, weighs) = (self.by_age(entry, style), self.by_age(entry, weighs));
        let key = server.server.key;
        let row = Row::Server(entry.service.key, key);
        let marked = self.model.rows.is_marked(&row);
        let mark = if marked { self.look.glyphs.marked } else { " " };
        let service = &entry.service.key;
        let (state, sign) = self.state(&row, quiesced);
        let changed = if self.model.flaps(service, &key).is_some() {
            self.look.glyphs.flapping
        } else if self.model.changed(service, Some(&key)).is_some() {
            self.look.glyphs.changed
        } else {
            " "
        };
        let room = usize::from(c.name.width.saturating_sub(PREFIX));
        let name = place::fit(&key.to_string(), room, self.look.glyphs.ellipsis);
        left(&format!(" {changed}{state}{mark}{name}"), style, c.name, y, frame);
        let mut paint = |from: u16, cells: u16, style| {
            let area = Rect::new(c.name.x + from, y, cells, 1);
            frame.buffer_mut().set_style(area, style);
        };
        paint(STATE, 1, sign);
        if changed != " " {
            paint(CHANGED, 1, theme.outside);
        }
        if marked {
            paint(MARK, 1, theme.marked);
            paint(PREFIX, u16::try_from(name.width()).unwrap_or(0), theme.marked);
        }
        if let Some(span) = c.of(Column::Forwarding) {
            left(&server.server.forwarding.to_string(), style, span, y, frame);
        }
        if let Some(span) = c.of(Column::Weight) {
            let weight = number::short(server.server.weight.into(), span.width.into());
            right(&weight, weighs, span, y, frame);
            let old = before(self.model, self.snapshot, &row);
            if let Some(old) = old.and_then(|old| former(old, span.width.into())) {
                let place = Span { width: span.width.saturating_sub(2), ..span };
                right(&old, theme.before, place, y, frame);
            }
        }
        let thresholds = entry.thresholds(server);
        self.number(Column::Upper, thresholds.map(|t| t.0.into()), numbers, y, frame);
        self.number(Column::Lower, thresholds.map(|t| t.1.into()), numbers, y, frame);
        self.share(entry, &key, style, y, frame);
        let held = Held {
            active: server.active.into(),
            inactive: server.inactive.into(),
            persistent: server.persistent.map(u64::from),
            stats: server.stats,
            styles: (numbers, numbers),
        };
        self.numbers(&held, y, frame);
        self.lines.server(service, &key, y, frame);
    }

    /// `52/50%`: the share of new connections that it gets, and the one that its weight asks for.
    fn share(
        &self,
        entry: &ServiceEntry,
        key: &ServerKey,
        style: Style,
        y: u16,
        frame: &mut Frame<'_>,
    ) {
        let Some(span) = self.columns.of(Column::Share) else { return };
        let shares = self.shares.get(&entry.service.key);
        let place = entry.servers.iter().position(|server| server.server.key == *key);
        let share = shares.zip(place).and_then(|(shares, place)| shares.get(place));
        let Some(share) = share else { return };
        let percent = |part: Option<f32>| {
            let unknown = self.look.glyphs.unknown.to_owned();
            part.map_or(unknown, |part| format!("{:.0}", part * 100.0))
        };
        let text = format!("{}/{}%", percent(share.gets), percent(share.asks));
        right(&text, style, span, y, frame);
    }

    /// Scheduler and flags in ipvsadm's words; what `/proc` cannot tell is a dot.
    fn flags(&self, entry: &ServiceEntry) -> String {
        let mut words = vec![entry.service.scheduler.to_string()];
        if entry.service.one_packet() {
            words.push("ops".to_owned());
        }
        match entry.persistent() {
            Some(Some(seconds)) => words.push(format!("persistent {seconds}")),
            None => words.push(format!("persistent {}", self.look.glyphs.unknown)),
            Some(None) => {}
        }
        if entry.persistent().flatten().is_some() && !entry.service.netmask.is_host() {
            words.push(format!("mask {}", entry.service.netmask));
        }
        words.extend(entry.scheduler_flags().into_iter().flatten().map(str::to_owned));
        if let Some(Some(pe)) = entry.pe() {
            words.push(format!("pe {pe}"));
        }
        words.join(" ")
    }

    /// The style of numbers of servers: dim, where the last reading carried them over.
    fn by_age(&self, entry: &ServiceEntry, style: Style) -> Style {
        if self.model.carried(entry).is_some() { self.look.theme.dim } else { style }
    }

    fn numbers(&self, held: &Held, y: u16, frame: &mut Frame<'_>) {
        let (style, rates) = held.styles;
        self.number(Column::Active, Some(held.active), style, y, frame);
        self.number(Column::Inactive, Some(held.inactive), style, y, frame);
        self.number(Column::Persistent, held.persistent, style, y, frame);
        let stats = held.stats.filter(|_| !self.snapshot.estimator_off());
        for metric in Metric::RATES {
            let value = stats.map(|stats| metric.now(&stats.rates));
            self.number(Column::Rate(metric), value, rates, y, frame);
        }
    }

    /// A number in its column, or a dot where it is not known.
    fn number(
        &self,
        column: Column,
        value: Option<u64>,
        style: Style,
        y: u16,
        frame: &mut Frame<'_>,
    ) {
        let Some(span) = self.columns.of(column) else { return };
        match value {
            Some(n) => right(&number::short(n, span.width.into()), style, span, y, frame),
            None => right(self.look.glyphs.unknown, self.look.theme.unknown, span, y, frame),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_former_weight_is_exact_where_it_fits_and_never_covers_the_0() {
        for (old, width, wanted) in [
            (10, 6, Some("(10)")),
            (200, 6, None),
            (200, 7, Some("(200)")),
            (999, 6, None),
            (1234, 6, Some("(1k)")),
            (1234, 8, Some("(1234)")),
            (1234, 9, Some("(1,234)")),
            (9949, 6, None),
            (9949, 7, Some("(10k)")),
            (65_535, 6, None),
            (65_535, 7, Some("(66k)")),
            (65_535, 9, Some("(65535)")),
            (65_535, 10, Some("(65,535)")),
            (u32::MAX, 8, Some("(4.3G)")),
        ] {
            assert_eq!(former(old, width).as_deref(), wanted, "{old} in {width}");
        }
        for old in [0, 7, 99, 100, 999, 1000, 9949, 99_999, 100_000, 999_999, u32::MAX] {
            for width in 0..16 {
                let cells = former(old, width).map_or(0, |text| text.len() + 2);
                assert!(cells <= width, "{old} in {width}");
            }
        }
    }
}
