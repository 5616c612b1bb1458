//! The servers of a service side by side: what each asks for and gets, and what it held.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::cells::{LONGEST_LINE, ceiling, samples, scaled};
use super::lines::window;
use super::number;
use super::sheet::{INDENT, Sheet};
use crate::history::Metric;
use crate::ipvs::ServerKey;
use crate::model::{Model, Row, Scale};
use crate::snapshot::{ServiceEntry, Snapshot};

/// The shortest line of values that still compares.
const LINE: u16 = 8;
/// Cells of a row beside the name: cursor, weight, two shares, active connections.
const NUMBERS: u16 = 34;
/// Between the numbers and the line of values.
const GAP: u16 = 2;

/// Lines of text, of which those of servers have their values at the end.
pub(super) type Part<'a> = Sheet<'a, ServerKey>;

/// The servers of a service.
pub(super) struct Siblings<'a> {
    model: &'a Model,
    snapshot: &'a Snapshot,
    entry: &'a ServiceEntry,
    /// The one, or the service, that the page is about.
    row: Row,
    /// Cells of the longest name.
    name: u16,
}

impl<'a> Siblings<'a> {
    pub(super) fn new(
        model: &'a Model,
        snapshot: &'a Snapshot,
        entry: &'a ServiceEntry,
        row: Row,
    ) -> Self {
        let name = entry.servers.iter().map(|s| s.server.key.to_string().len()).max();
        let name = name.and_then(|name| u16::try_from(name).ok()).unwrap_or(0);
        Self { model, snapshot, entry, row, name }
    }

    /// Cells of a row without its line of values.
    pub(super) fn width(&self) -> u16 {
        self.name + NUMBERS
    }

    /// Cells of a line of values where rows have so many; 0 where that is too few.
    fn line(&self, width: u16) -> u16 {
        let room = width.saturating_sub(self.width() + GAP);
        if room < LINE { 0 } else { room.min(LONGEST_LINE) }
    }

    /// Each server's weight, the share that it asks for, and the share of new connections that it
    /// got by the counters, in rows of so many cells.
    pub(super) fn tell(&self, width: u16, part: &mut Part<'_>) {
        let theme = &part.look.theme;
        let unknown = part.look.glyphs.unknown;
        part.head(match self.row {
            Row::Service(_) => "Its servers",
            Row::Server(..) => "The servers of the service",
        });
        if self.entry.servers.is_empty() {
            return part.say(2, "none: clients are refused", theme.warning);
        }
        let percent = |share: Option<f32>| {
            share.map_or_else(|| unknown.to_owned(), |share| format!("{:.0}%", share * 100.0))
        };
        let (name, time) = (usize::from(self.name), window(self.model));
        let scale = if self.model.scale == Scale::Service { ", one scale" } else { "" };
        let line =
            if self.line(width) == 0 { String::new() } else { format!("conns {time}{scale}") };
        let head = format!("    {:name$}  weight   asks   gets  active  {line}", "");
        part.line(Line::styled(head, theme.dim));
        for (server, share) in self.entry.servers.iter().zip(self.model.shares(self.entry)) {
            let config = &server.server;
            let (asks, gets) = (percent(share.asks), percent(share.gets));
            let here = self.row == Row::Server(self.entry.service.key, config.key);
            let style = match (here, config.weight) {
                (true, _) => theme.header,
                (false, 0) => theme.quiesced,
                (false, _) => theme.text,
            };
            let cursor = if here { part.look.glyphs.cursor } else { " " };
            let weight = number::short(config.weight.into(), 6);
            let active = number::short(server.active.into(), 6);
            let named = config.key.to_string();
            let text =
                format!("  {cursor} {named:name$}  {weight:>6}{asks:>7}{gets:>7}{active:>8}");
            part.curve(Line::styled(text, style), config.key);
        }
        let note = format!(
            "asks: its part of the weights; gets: its part of new connections in the last {time}"
        );
        part.say(INDENT, &note, theme.dim);
    }

    /// What those held that are on the `page`.
    pub(super) fn draw(&self, part: &Part<'_>, top: usize, page: Rect, frame: &mut Frame<'_>) {
        let width = self.line(page.width);
        if width == 0 {
            return;
        }
        let look = part.look;
        let values = |server: &ServerKey| {
            let past = self.model.history.server(&self.entry.service.key, server)?;
            let (end, buckets) = (self.snapshot.at, samples(look, width));
            let metric = Metric::Connections;
            Some(past.window(metric, end, self.model.window, buckets, self.model.hold()))
        };
        let shared = (self.model.scale == Scale::Service).then(|| {
            let all = self.entry.servers.iter().filter_map(|s| values(&s.server.key));
            all.map(|values| ceiling(&values)).fold(0.0, f32::max)
        });
        for (server, row) in part.curves(top, page) {
            let Some(values) = values(&server) else { continue };
            let most = shared.unwrap_or_else(|| ceiling(&values));
            let place = Rect { x: row.x + self.width() + GAP, width, ..row };
            scaled(&values, most, look.theme.connections, look, place, frame);
        }
    }
}
