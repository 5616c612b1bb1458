//! The services with their servers beneath them. Only the rows on the screen are looked at.
//!
//! Where a service's row has scrolled away, it is drawn over the first line, dim, above those of
//! its servers that are still to be seen.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span as Text};
use ratatui::widgets::{Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

use super::cells::{left, right};
use super::columns::{CHANGED, Columns, MARK, PREFIX, STATE, Span, columns};
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
    let rows = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
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
        empty(&text, look, area, frame);
        return hits;
    }
    if model.rows.all().is_empty() {
        empty("Nothing matches the filter.", look, area, frame);
        return hits;
    }
    let shown = model.rows.all().iter().skip(model.rows.top()).take(rows.height.into());
    let names = shown.clone().map(|row| match row {
        Row::Service(_) => 0,
        Row::Server(_, server) => server.to_string().width(),
    });
    let names = u16::try_from(names.max().unwrap_or(0)).unwrap_or(u16::MAX);
    hits.visible.extend(shown.clone().map(Row::service));
    let columns = columns(area, names, &model.columns, model.rate);
    let lines = Lines::new(model, look, snapshot, &columns, &hits.visible);
    let shares = match columns.of(Column::Share) {
        Some(_) => hits.visible.iter().filter_map(|key| snapshot.service(key)).collect(),
        None => Vec::new(),
    };
    let shares = shares.into_iter().map(|e| (e.service.key, model.shares(e))).collect();
    let painter = Painter { model, look, snapshot, columns, lines, shares };
    painter.head(area.y, &mut hits, frame);
    let above = model.rows.above().filter(|_| rows.height > 1);
    hits.above = above.is_some();
    for (y, row) in (rows.y..).zip(shown).skip(usize::from(hits.above)) {
        painter.row(row, y, frame);
    }
    if let Some(entry) = above.and_then(|key| snapshot.service(&key)) {
        painter.service(entry, look.theme.dim, rows.y, frame);
    }
    painter.alarms(rows, frame);
    let top = model.rows.top();
    let below = usize::from(hits.above);
    let lines = Rect { y: rows.y + u16::from(hits.above), ..rows };
    let lines = Rect { height: rows.bottom() - lines.y, ..lines };
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

/// Alarms have so many lines below the table.
const MOST_ALARMS: usize = 6;

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

    /// What needs an operator, in the lines that the table leaves free; a wall has it above.
    fn alarms(&self, rows: Rect, frame: &mut Frame<'_>) {
        let all = self.model.alarms();
        let taken = self.model.rows.all().len().saturating_sub(self.model.rows.top());
        let free = usize::from(rows.height).saturating_sub(taken + 1);
        if self.model.wall.is_some() || self.model.frozen.is_some() || free == 0 {
            return;
        }
        let lines = alarms::lines(all, self.look, rows.width, free.min(MOST_ALARMS));
        let from = rows.bottom() - u16::try_from(lines.len()).unwrap_or(0);
        for (y, line) in (from..rows.bottom()).zip(lines) {
            frame.render_widget(line, Rect { y, height: 1, ..rows });
        }
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
        let changed = self.model.changed(&key, None).map(|_| self.look.glyphs.changed);
        let glyphs = &self.look.glyphs;
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
            Text::styled(changed.unwrap_or(" "), changed.map_or(theme.dim, |_| theme.outside)),
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

    fn server(&self, entry: &ServiceEntry, server: &ServerEntry, y: u16, frame: &mut Frame<'_>) {
        let (c, theme) = (&self.columns, &self.look.theme);
        let quiesced = server.server.weight == 0;
        let (style, weighs) = match quiesced {
            true => (theme.quiesced, theme.quiesced),
            false => (theme.server, theme.weight),
        };
        let (numbers, weighs) = (self.by_age(entry, style), self.by_age(entry, weighs));
        let key = server.server.key;
        let marked = self.model.rows.is_marked(&Row::Server(entry.service.key, key));
        let mark = if marked { self.look.glyphs.marked } else { " " };
        let service = &entry.service.key;
        let (state, sign) = if self.model.ramps.of(service, &key).is_some() {
            (self.look.glyphs.ramping, theme.ramping)
        } else if quiesced && self.model.drains.of(service, &key).is_some() {
            (self.look.glyphs.draining, theme.draining)
        } else if quiesced {
            (self.look.glyphs.quiesced, style)
        } else {
            (" ", style)
        };
        let changed = if self.model.flaps(service, &key).is_some() {
            self.look.glyphs.flapping
        } else if self.model.changed(service, Some(&key)).is_some() {
            self.look.glyphs.changed
        } else {
            " "
        };
        let room = usize::from(c.name.width.saturating_sub(PREFIX));
        let name = place::fit(&key.to_string(), room, self.look.glyphs.ellipsis);
        left(&format!(" {mark}{state}{changed}{name}"), style, c.name, y, frame);
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
            if let (true, Some(old)) = (quiesced, self.model.before_quiesce(service, &key)) {
                // What R would restore, left of the 0.
                let old = number::short(old.into(), usize::from(span.width) - 2);
                left(&format!("({old})"), theme.before, span, y, frame);
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
