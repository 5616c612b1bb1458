//! The services with their servers beneath them. Only the rows on the screen are looked at.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span as Text};
use ratatui::widgets::{Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

use super::cells::{WINDOW, left, line, right};
use super::columns::{Columns, MARK, PREFIX, STATE, Span, columns};
use super::{HitBoxes, Look, number, place};
use crate::command::Command;
use crate::history::{Metric, Series};
use crate::ipvs::{Rates, Stats};
use crate::model::{Freshness, Model, Row};
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
    let shown = model.rows.all().iter().skip(model.rows.top()).take(rows.height.into());
    let names = shown.clone().map(|row| match row {
        Row::Service(_) => 0,
        Row::Server(_, server) => server.to_string().width(),
    });
    let names = u16::try_from(names.max().unwrap_or(0)).unwrap_or(u16::MAX);
    let painter = Painter { model, look, snapshot, columns: columns(area, names, model.rate) };
    painter.head(area.y, frame);
    for (y, row) in (rows.y..).zip(shown) {
        hits.visible.insert(row.service());
        painter.row(row, y, frame);
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
}

impl Painter<'_> {
    fn head(&self, y: u16, frame: &mut Frame<'_>) {
        let c = &self.columns;
        let style = self.look.theme.head;
        left("    Service / real server", style, c.name, y, frame);
        left("Fwd", style, c.forwarding, y, frame);
        right("Weight", style, c.weight, y, frame);
        right("Active", style, c.active, y, frame);
        right("InAct", style, c.inactive, y, frame);
        for (metric, span) in &c.rates {
            right(metric.word(), style, *span, y, frame);
        }
        let head = |word: &str, span: Span| {
            let long = format!("{word} 60s");
            if long.width() <= usize::from(span.width) { long } else { word.to_owned() }
        };
        left(&head("conns", c.connections), style, c.connections, y, frame);
        left(&head(self.model.rate.word(), c.rate), style, c.rate, y, frame);
    }

    fn row(&self, row: &Row, y: u16, frame: &mut Frame<'_>) {
        match row {
            Row::Service(key) => {
                if let Some(entry) = self.snapshot.service(key) {
                    self.service(entry, y, frame);
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

    fn service(&self, entry: &ServiceEntry, y: u16, frame: &mut Frame<'_>) {
        let (c, theme) = (&self.columns, &self.look.theme);
        let key = entry.service.key;
        let (flags, mut name) = (self.flags(entry), key.to_string());
        let width = usize::from(c.weight.x + c.weight.width - c.name.x - 3);
        let room = width.saturating_sub(flags.width() + 1).max(width / 2);
        name = place::fit(&name, room, self.look.glyphs.ellipsis);
        let flags =
            place::fit(&flags, width.saturating_sub(name.width() + 1), self.look.glyphs.ellipsis);
        let area = Span { x: c.name.x, width: c.weight.x + c.weight.width - c.name.x };
        let line = Line::from(vec![
            Text::styled(format!(" {} ", self.look.glyphs.open), theme.dim),
            Text::styled(name, theme.service),
            Text::styled(format!(" {flags}"), theme.text),
        ]);
        frame.render_widget(line, area.row(y));
        let past = self.model.history.service(&key);
        self.numbers(entry.active(), entry.inactive(), entry.stats, theme.service, y, frame);
        self.lines(past, theme.chart_service, theme.chart_service, y, frame);
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
        let past = self.model.history.server(&entry.service.key, &key);
        self.lines(past, theme.connections, theme.rate, y, frame);
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
                    let text = text(rate(&stats.rates, *metric), *span);
                    right(&text, style, *span, y, frame);
                }
                None => right(self.look.glyphs.unknown, self.look.theme.unknown, *span, y, frame),
            }
        }
    }

    fn lines(
        &self,
        past: Option<&Series>,
        conns: Style,
        rate: Style,
        y: u16,
        frame: &mut Frame<'_>,
    ) {
        let Some(past) = past else { return };
        let c = &self.columns;
        for (metric, span, style) in
            [(Metric::Connections, c.connections, conns), (self.model.rate, c.rate, rate)]
        {
            let hold = self.model.hold();
            let buckets = usize::from(span.width);
            let values = past.window(metric, self.snapshot.at, WINDOW, buckets, hold);
            line(&values, style, self.look, span.row(y), frame);
        }
    }
}

pub(super) fn rate(rates: &Rates, metric: Metric) -> u64 {
    match metric {
        Metric::InPps => rates.in_packets,
        Metric::OutPps => rates.out_packets,
        Metric::InBps => rates.in_bytes,
        Metric::OutBps => rates.out_bytes,
        Metric::Cps | Metric::Active | Metric::Connections => rates.connections,
    }
}
