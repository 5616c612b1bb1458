//! The services with their servers beneath them. Only the rows on the screen are looked at.
//!
//! Where a service's row has scrolled away, it is drawn over the first line, dim, above those of
//! its servers that are still to be seen.

use std::fmt::Write as _;

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span as Text};
use ratatui::widgets::{Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

use super::cells::{left, right};
use super::columns::{Columns, MARK, PREFIX, STATE, Span, columns};
use super::lines::Lines;
use super::{HitBoxes, Look, number, place};
use crate::command::Command;
use crate::ipvs::Stats;
use crate::model::{By, Freshness, Model, Row};
use crate::snapshot::{ServerEntry, ServiceEntry, Snapshot};

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) -> HitBoxes {
    let Some(snapshot) = &model.snapshot else {
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
    let columns = columns(area, names, model.rate);
    let lines = Lines::new(model, look, snapshot, &columns, &hits.visible);
    let painter = Painter { model, look, snapshot, columns, lines };
    painter.head(area.y, frame);
    let above = model.rows.above().filter(|_| rows.height > 1);
    hits.above = above.is_some();
    for (y, row) in (rows.y..).zip(shown).skip(usize::from(hits.above)) {
        painter.row(row, y, frame);
    }
    if let Some(entry) = above.and_then(|key| snapshot.service(&key)) {
        painter.service(entry, look.theme.dim, rows.y, frame);
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

struct Painter<'a> {
    model: &'a Model,
    look: &'a Look,
    snapshot: &'a Snapshot,
    columns: Columns,
    lines: Lines<'a>,
}

impl Painter<'_> {
    fn head(&self, y: u16, frame: &mut Frame<'_>) {
        let c = &self.columns;
        let style = self.look.theme.head;
        let sort = self.model.rows.sort();
        let glyphs = &self.look.glyphs;
        let arrow = if sort.descends() { glyphs.down } else { glyphs.up };
        // ipvsadm's own order wants no mark.
        let sorted = |by| sort.by == by && !sort.is_plain();
        let mark = if sorted(By::Address) { arrow } else { " " };
        left(&format!("  {mark} Service / real server"), style, c.name, y, frame);
        left("Fwd", style, c.forwarding, y, frame);
        let head = |word: &str, by: Option<By>, span: Span, frame: &mut Frame<'_>| {
            if by.is_some_and(sorted) {
                // Where the word fills its column, the arrow stands in the gap before it.
                let wide = Span { x: span.x.saturating_sub(1), width: span.width + 1 };
                right(&format!("{arrow}{word}"), self.look.theme.header, wide, y, frame);
            } else {
                right(word, style, span, y, frame);
            }
        };
        head("Weight", Some(By::Weight), c.weight, frame);
        head("Active", Some(By::Active), c.active, frame);
        head("InAct", Some(By::Inactive), c.inactive, frame);
        for (metric, span) in &c.rates {
            let by = (*metric == self.model.rate).then_some(By::Rate);
            head(metric.word(), by, *span, frame);
        }
        let (connections, rate) = self.lines.heads();
        left(&connections, style, c.connections, y, frame);
        left(&rate, style, c.rate, y, frame);
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
        if self.model.rows.selected() == Some(*row) {
            // Not over the lines of values: reversed columns are hard to read.
            let width = self.columns.connections.x - self.columns.name.x;
            let area = Rect { width, ..self.columns.name.row(y) };
            frame.buffer_mut().set_style(area, self.look.theme.selected);
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
        let fold = if folded { glyphs.closed } else { glyphs.open };
        let plain = if style == theme.service { theme.text } else { style };
        let width = usize::from(c.weight.x + c.weight.width - c.name.x - 3);
        let room = width.saturating_sub(flags.width() + 1).max(width / 2);
        name = place::fit(&name, room, self.look.glyphs.ellipsis);
        let flags =
            place::fit(&flags, width.saturating_sub(name.width() + 1), self.look.glyphs.ellipsis);
        let area = Span { x: c.name.x, width: c.weight.x + c.weight.width - c.name.x };
        let line = Line::from(vec![
            Text::styled(format!(" {fold} "), theme.dim),
            Text::styled(name, style),
            Text::styled(format!(" {flags}"), plain),
        ]);
        frame.render_widget(line, area.row(y));
        self.numbers(entry.active(), entry.inactive(), entry.stats, style, y, frame);
        self.lines.service(&key, y, frame);
    }

    fn server(&self, entry: &ServiceEntry, server: &ServerEntry, y: u16, frame: &mut Frame<'_>) {
        let (c, theme) = (&self.columns, &self.look.theme);
        let quiesced = server.server.weight == 0;
        let (style, weighs) = match quiesced {
            true => (theme.quiesced, theme.quiesced),
            false => (theme.server, theme.weight),
        };
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
        let room = usize::from(c.name.width.saturating_sub(PREFIX));
        let name = place::fit(&key.to_string(), room, self.look.glyphs.ellipsis);
        left(&format!(" {mark}{state} {name}"), style, c.name, y, frame);
        let mut paint = |from: u16, cells: u16, style| {
            let area = Rect::new(c.name.x + from, y, cells, 1);
            frame.buffer_mut().set_style(area, style);
        };
        paint(STATE, 1, sign);
        if marked {
            paint(MARK, 1, theme.marked);
            paint(PREFIX, u16::try_from(name.width()).unwrap_or(0), theme.marked);
        }
        left(&server.server.forwarding.to_string(), style, c.forwarding, y, frame);
        let weight = number::short(server.server.weight.into(), c.weight.width.into());
        right(&weight, weighs, c.weight, y, frame);
        if let (true, Some(old)) = (quiesced, self.model.before_quiesce(service, &key)) {
            // What R would restore, left of the 0.
            let old = number::short(old.into(), usize::from(c.weight.width) - 2);
            left(&format!("({old})"), theme.before, c.weight, y, frame);
        }
        let (active, inactive) = (server.active.into(), server.inactive.into());
        self.numbers(active, inactive, server.stats, style, y, frame);
        self.lines.server(service, &key, y, frame);
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

    fn numbers(
        &self,
        active: u64,
        inactive: u64,
        stats: Option<Stats>,
        style: Style,
        y: u16,
        frame: &mut Frame<'_>,
    ) {
        let c = &self.columns;
        let text = |n: u64, span: Span| number::short(n, span.width.into());
        right(&text(active, c.active), style, c.active, y, frame);
        right(&text(inactive, c.inactive), style, c.inactive, y, frame);
        let stats = stats.filter(|_| !self.snapshot.estimator_off());
        for (metric, span) in &c.rates {
            match stats {
                Some(stats) => {
                    let text = text(metric.now(&stats.rates), *span);
                    right(&text, style, *span, y, frame);
                }
                None => right(self.look.glyphs.unknown, self.look.theme.unknown, *span, y, frame),
            }
        }
    }
}
