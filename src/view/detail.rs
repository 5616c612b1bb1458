//! Everything about the selected service or real server: its attributes, counters and rates, what
//! it gets of new connections, its servers or siblings, which a wide screen shows beside it, and who
//! changed it last. Below, connections and the chosen rate over the chosen time, large enough to
//! read.

use std::collections::BTreeSet;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span as Text};

use super::cells::{line, samples};
use super::lines::window;
use super::sheet::{INDENT, Sheet};
use super::siblings::{Part, Siblings};
use super::{HitBoxes, Look, director, drains, number, table};
use crate::command::Command;
use crate::connections::About;
use crate::drain::Followed;
use crate::history::{Metric, Series};
use crate::ipvs::{Change, Forwarding, Stats, counted, span};
use crate::journal::clean;
use crate::model::{Model, Row, from};
use crate::outside::Theirs;
use crate::snapshot::{ServerEntry, ServiceEntry, Snapshot, UnknownAttribute};

/// The last changes that are told.
const CHANGES: usize = 8;
/// The fewest lines of a chart, with its head.
const CHART: u16 = 4;
/// Cells that the counters take.
const ATTRIBUTES: u16 = 54;
/// Between two halves of the screen.
const GAP: u16 = 2;

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) -> HitBoxes {
    let found = model.rows.selected().and_then(|row| {
        let snapshot = model.shown()?.as_ref();
        Some((row, snapshot, snapshot.service(&row.service())?))
    });
    let Some((row, snapshot, entry)) = found else {
        let key = model.keys.say(Command::Close);
        table::empty(&format!("Nothing is selected. {key} goes back."), look, area, frame);
        return HitBoxes::default();
    };
    let siblings = Siblings::new(model, snapshot, entry, row);
    let half = area.width.saturating_sub(GAP) / 2;
    let beside = half > siblings.width().max(ATTRIBUTES);
    let width = if beside { half } else { area.width };
    let [mut sheet, mut second] = [Sheet::new(look, width), Sheet::new(look, width)];
    let teller = Teller { model, snapshot, entry };
    let past = match row {
        Row::Service(key) => {
            teller.service(&mut sheet);
            model.history.service(&key)
        }
        Row::Server(service, key) => {
            if let Some(server) = entry.server(&key) {
                teller.server(server, &mut sheet);
            }
            model.history.server(&service, &key)
        }
    };
    teller.age(&mut sheet);
    teller.signs(&row, &mut sheet);
    siblings.tell(width, if beside { &mut second } else { &mut sheet });
    teller.outside(&row, &mut sheet);
    teller.changes(&row, &mut sheet);
    let top = model.detail.map_or(0, |scroll| scroll.top());
    let longest = if second.lines() > sheet.lines() { &second } else { &sheet };
    let charts = Constraint::Length(charts(longest.lines(), area.height));
    let [text, charts] = Layout::vertical([Constraint::Fill(1), charts]).areas(area);
    let [left, right] = halves(text);
    let first = if beside { left } else { text };
    for (part, area) in [(&sheet, first), (&second, right)] {
        if part.lines() > 0 {
            let page = part.draw(model.keys.say(Command::PageDown), top, area, frame);
            siblings.draw(part, top, page, frame);
        }
    }
    if let Some(past) = past {
        let [left, right] = halves(charts);
        let theme = &look.theme;
        chart(model, past, Metric::Connections, theme.connections, look, left, frame);
        chart(model, past, model.rate, theme.rate, look, right, frame);
    }
    let visible = BTreeSet::from([row.service()]);
    HitBoxes { rows: longest.page(text), lines: longest.lines(), visible, ..HitBoxes::default() }
}

fn halves(area: Rect) -> [Rect; 2] {
    Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).spacing(GAP).areas(area)
}

/// Lines for the charts of a screen so high: they give way where the text, of so many lines, has no
/// room.
fn charts(lines: usize, height: u16) -> u16 {
    let most = (height / 4).max(CHART);
    let fits = lines + usize::from(most) <= usize::from(height);
    if fits { most } else { CHART }
}

/// A metric over the chosen time, with its largest value.
fn chart(
    model: &Model,
    past: Series<'_>,
    metric: Metric,
    style: Style,
    look: &Look,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let [head, body] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(area);
    let body = Rect { x: body.x + 1, width: body.width.saturating_sub(1), ..body };
    let Some(snapshot) = model.shown() else { return };
    let buckets = samples(look, body.width);
    let values = past.window(metric, snapshot.at, model.window, buckets, model.hold());
    let most = values.iter().flatten().copied().reduce(f32::max);
    let most = most.map_or_else(
        || look.glyphs.unknown.to_owned(),
        |most| number::separated(most.round() as u64),
    );
    let text = format!(" {} {}, most {most}", metric.word(), window(model));
    frame.render_widget(Line::styled(text, look.theme.dim), head);
    line(&values, style, look, body, frame);
}

struct Teller<'a> {
    model: &'a Model,
    snapshot: &'a Snapshot,
    entry: &'a ServiceEntry,
}

impl Teller<'_> {
    fn service(&self, sheet: &mut Part<'_>) {
        let (entry, theme) = (self.entry, &sheet.look.theme);
        let unknown = sheet.look.glyphs.unknown;
        let service = &entry.service;
        sheet.head(&format!("{} {}", service.key, service.scheduler));
        let flags = match entry.scheduler_flags() {
            None => unknown.to_owned(),
            Some(flags) if flags.is_empty() => "no flags".to_owned(),
            Some(flags) => flags.join(" "),
        };
        let ops = if service.one_packet() { ", every packet by itself (ops)" } else { "" };
        sheet.pair(
            "scheduler",
            &format!("{}, {flags}{ops}", service.scheduler),
            theme.detail_value,
        );
        let persistent = match entry.persistent() {
            None => format!("persistent {unknown}"),
            Some(None) => "not persistent".to_owned(),
            Some(Some(seconds)) => {
                let mask = if service.netmask.is_host() {
                    "each client by itself".to_owned()
                } else {
                    format!("clients by mask {}", service.netmask)
                };
                format!("persistent {seconds} ({}), {mask}", span(seconds.into()))
            }
        };
        sheet.pair("persistence", &persistent, theme.detail_value);
        let engine = match entry.pe() {
            None => unknown.to_owned(),
            Some(None) => "none".to_owned(),
            Some(Some(name)) => name.to_string(),
        };
        sheet.pair("engine", &engine, theme.detail_value);
        let held = connections(entry.active(), entry.inactive());
        sheet.pair("connections", &held, theme.detail_value);
        self.stats(entry.stats, sheet);
        unknowns(&entry.unknown, sheet);
    }

    fn server(&self, server: &ServerEntry, sheet: &mut Part<'_>) {
        let (entry, theme) = (self.entry, &sheet.look.theme);
        let unknown = sheet.look.glyphs.unknown;
        let config = &server.server;
        let (service, key) = (&entry.service.key, &config.key);
        sheet.head(&format!("{key} of {service} {}", entry.service.scheduler));
        let before = self.model.before_quiesce(service, key).filter(|_| config.weight == 0);
        let before = before.map_or_else(String::new, |old| format!(" ({old} before)"));
        let weight = number::separated(config.weight.into());
        sheet.pair("weight", &format!("{weight}{before}"), theme.detail_value);
        let tunnel = match entry.tunnel(server) {
            None => format!(", tunnel {unknown}"),
            Some(tunnel) if config.forwarding == Forwarding::Tunnel => {
                format!(", {tunnel}")
            }
            Some(_) => String::new(),
        };
        sheet.pair("forwarding", &format!("{}{tunnel}", config.forwarding), theme.detail_value);
        let thresholds = match entry.thresholds(server) {
            None => unknown.to_owned(),
            Some((0, 0)) => "none".to_owned(),
            Some((upper, lower)) => {
                // Without a lower one the kernel takes three quarters.
                let (upper, lower) = (u64::from(upper), u64::from(lower));
                let lower = if lower == 0 { (upper * 3).div_ceil(4) } else { lower };
                let [upper, lower] = [upper, lower].map(number::separated);
                format!("full at {upper} connections, until there are fewer than {lower}")
            }
        };
        sheet.pair("thresholds", &thresholds, theme.detail_value);
        let templates = match server.persistent {
            None => format!(", {unknown} templates"),
            Some(n) => format!(", {}", counted(n.into(), "template")),
        };
        let held = connections(server.active.into(), server.inactive.into());
        sheet.pair("connections", &format!("{held}{templates}"), theme.detail_value);
        self.stats(server.stats, sheet);
        unknowns(&server.unknown, sheet);
        let drain = self.model.drains.of(service, key);
        let mine = |f: &&Followed| f.service == *service && f.server == *key;
        if let Some(followed) = drain.and_then(|drain| drain.servers.iter().find(mine)) {
            let style = drains::style_of(&followed.verdict, sheet.look);
            sheet.pair("drain", &followed.verdict.to_string(), style);
        }
    }

    /// Trouble that the connection table tells of.
    fn signs(&self, row: &Row, sheet: &mut Part<'_>) {
        let about = match row {
            Row::Service(service) => About::Service(*service),
            Row::Server(service, server) => About::Server((*service, *server)),
        };
        let mine = self.model.signs().iter().filter(|sign| sign.about() == about);
        for sign in mine.filter(|sign| self.model.is_timely(sign)) {
            let theme = &sheet.look.theme;
            let style = if sign.is_alarm() { theme.error } else { theme.warning };
            let text = sheet.look.glyphs.say(&sign.of_itself()).into_owned();
            sheet.pair("trouble", &text, style);
        }
    }

    /// Counters in full, and the kernel's rates.
    fn stats(&self, stats: Option<Stats>, sheet: &mut Part<'_>) {
        let theme = &sheet.look.theme;
        let unknown = || sheet.look.glyphs.unknown.to_owned();
        let off = self.snapshot.estimator_off();
        let mut lines = Vec::new();
        let head = format!("  {:<14}{:>26}{:>12}", "", "total", "a second");
        lines.push(Line::styled(head, theme.dim));
        for metric in Metric::RATES {
            let total = stats.filter(|_| !self.model.is_past());
            let total = total.map(|s| number::separated(director::total(&s.counters, metric)));
            let rate = stats.filter(|_| !off);
            let rate = rate.map(|s| number::short(metric.now(&s.rates), 10));
            let (total, rate) = (total.unwrap_or_else(unknown), rate.unwrap_or_else(unknown));
            let label = format!("  {:<14}", director::label(metric));
            lines.push(Line::from(vec![
                Text::styled(label, theme.detail_label),
                Text::styled(format!("{total:>26}{rate:>12}"), theme.detail_value),
            ]));
        }
        lines.into_iter().for_each(|line| sheet.line(line));
    }

    /// How old what the servers told is, where the last reading carried that over.
    fn age(&self, sheet: &mut Part<'_>) {
        let Some(age) = self.model.carried(self.entry) else { return };
        let ago = span(age.as_secs().max(1));
        let text = format!("servers {ago} ago, and anew while they are on the screen");
        sheet.pair("read", &text, sheet.look.theme.dim);
    }

    /// What others did to it, as far as this console saw it.
    fn outside(&self, row: &Row, sheet: &mut Part<'_>) {
        let theme = &sheet.look.theme;
        let mine = |theirs: &&Theirs| match (row, theirs.row()) {
            (Row::Service(key), Some((service, None))) => *key == service,
            (Row::Server(service, key), Some((of, Some(server)))) => {
                (*service, *key) == (of, server)
            }
            _ => false,
        };
        let kept = self.model.outside.kept().rev().map(|(_, theirs)| theirs);
        let all: Vec<&Theirs> = kept.filter(mine).take(CHANGES).collect();
        if all.is_empty() {
            return;
        }
        sheet.head("Last changes by others");
        if let Row::Server(service, key) = row
            && let Some(flap) = self.model.flaps(service, key)
        {
            sheet.say(2, &format!("Its weight {flap}."), theme.warning);
        }
        for theirs in all {
            let zone = jiff::tz::TimeZone::system();
            let time = theirs.time.to_zoned(zone).strftime("%m-%d %H:%M:%S");
            let what = clean(&theirs.what()).replace("->", sheet.look.glyphs.arrow);
            let text = format!("{time} {}: {what}", clean(&from(theirs)));
            sheet.say(2, &text, theme.outside);
        }
        for owner in &self.model.owners {
            sheet.say(INDENT, owner.kind.consequences(), theme.dim);
        }
    }

    /// The last changes of it in the journal.
    fn changes(&self, row: &Row, sheet: &mut Part<'_>) {
        let theme = &sheet.look.theme;
        sheet.head("Last changes by this program");
        let about = |change: &Change| match row {
            Row::Service(key) => change.service() == Some(*key),
            Row::Server(service, key) => {
                change.service() == Some(*service) && change.server() == Some(*key)
            }
        };
        let entries = self.model.entries();
        let mine = entries.iter().filter(|entry| entry.changes().any(|(change, _)| about(change)));
        let mut any = false;
        for entry in mine.take(CHANGES) {
            any = true;
            let intent = &entry.intent;
            let zone = jiff::tz::TimeZone::system();
            let time = intent.time.to_zoned(zone).strftime("%m-%d %H:%M:%S");
            let who = clean(&intent.operator.to_string());
            sheet.say(2, &format!("{time} {} {who}", intent.id), theme.dim);
            for (change, state) in entry.changes().filter(|(change, _)| about(change)) {
                let text = clean(&change.to_string()).replace("->", sheet.look.glyphs.arrow);
                sheet.say(INDENT, &format!("{}: {text}", state.word()), theme.text);
            }
            if !intent.reason.is_empty() {
                sheet.say(INDENT, &format!("reason: {}", clean(&intent.reason)), theme.text);
            }
        }
        if !any {
            sheet.say(2, "none that the journal tells", theme.dim);
        }
    }
}

fn connections(active: u64, inactive: u64) -> String {
    format!("{} active, {} inactive", number::separated(active), number::separated(inactive))
}

/// What the kernel said that this program does not know.
fn unknowns(all: &[UnknownAttribute], sheet: &mut Part<'_>) {
    for one in all {
        let bytes: Vec<String> = one.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("attribute {}: {}", one.number, bytes.join(" "));
        sheet.pair("unknown", &text, sheet.look.theme.warning);
    }
}
