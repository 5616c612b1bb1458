//! Lines of values beside the numbers: connections and the chosen rate, over the model's window.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::Frame;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::Look;
use super::cells::{ceiling, samples, scaled};
use super::columns::{Columns, Span};
use crate::history::{Metric, Series};
use crate::ipvs::{ServerKey, ServiceKey};
use crate::model::{Column, Model, Scale};
use crate::snapshot::Snapshot;

pub(super) struct Lines<'a> {
    model: &'a Model,
    look: &'a Look,
    snapshot: &'a Snapshot,
    /// What is drawn where: connections, and the chosen rate; without a place, nothing.
    pairs: [(Metric, Option<Span>); 2],
    /// What each is scaled to for all of a service's servers, where they share a scale.
    shared: BTreeMap<ServiceKey, [f32; 2]>,
}

impl<'a> Lines<'a> {
    /// Lines for the services of which something is `visible`.
    pub(super) fn new(
        model: &'a Model,
        look: &'a Look,
        snapshot: &'a Snapshot,
        columns: &Columns,
        visible: &BTreeSet<ServiceKey>,
    ) -> Self {
        let pairs = [
            (Metric::Connections, columns.of(Column::ConnectionsLine)),
            (model.rate, columns.of(Column::RateLine)),
        ];
        let mut lines = Self { model, look, snapshot, pairs, shared: BTreeMap::new() };
        if model.scale == Scale::Service {
            lines.shared = visible.iter().map(|key| (*key, lines.ceiling(key))).collect();
        }
        lines
    }

    /// The head of a line: `conns 60s` or `CPS 60s`. Where a service's servers share a scale, the
    /// last line says so, and leaves out for it what the one before it says.
    pub(super) fn head(&self, column: Column) -> String {
        let time = window(self.model);
        let [connections, rate] = self.pairs;
        let ((metric, span), last) = match column {
            Column::RateLine => (rate, true),
            _ => (connections, rate.1.is_none()),
        };
        let word = if metric == Metric::Connections { "conns" } else { metric.word() };
        let width = usize::from(span.unwrap_or_default().width);
        let scale = "one scale";
        let forms = if last && self.model.scale == Scale::Service {
            [format!("{word} {time}, {scale}"), format!("{time}, {scale}"), scale.to_owned()]
        } else {
            [format!("{word} {time}"), word.to_owned(), String::new()]
        };
        forms.into_iter().find(|form| form.width() <= width).unwrap_or_default()
    }

    pub(super) fn service(&self, key: &ServiceKey, y: u16, frame: &mut Frame<'_>) {
        let service = self.look.theme.chart_service;
        self.draw(self.model.history.service(key), None, [service, service], y, frame);
    }

    pub(super) fn server(
        &self,
        service: &ServiceKey,
        server: &ServerKey,
        y: u16,
        frame: &mut Frame<'_>,
    ) {
        let theme = &self.look.theme;
        let past = self.model.history.server(service, server);
        let most = self.shared.get(service).copied();
        self.draw(past, most, [theme.connections, theme.rate], y, frame);
    }

    /// What the lines of a service's servers are scaled to, hidden ones too: a filter moves no
    /// scale.
    fn ceiling(&self, service: &ServiceKey) -> [f32; 2] {
        let entry = self.snapshot.service(service);
        let servers = entry.into_iter().flat_map(|entry| &entry.servers);
        let pasts = servers.filter_map(|s| self.model.history.server(service, &s.server.key));
        pasts.fold([0.0; 2], |[connections, rate], past| {
            let [first, second] = self.pairs.map(|pair| ceiling(&self.values(past, pair)));
            [connections.max(first), rate.max(second)]
        })
    }

    fn values(&self, past: Series<'_>, (metric, span): (Metric, Option<Span>)) -> Vec<Option<f32>> {
        let (end, hold) = (self.snapshot.at, self.model.hold());
        let buckets = span.map_or(0, |span| samples(self.look, span.width));
        past.window(metric, end, self.model.window, buckets, hold)
    }

    fn draw(
        &self,
        past: Option<Series<'_>>,
        most: Option<[f32; 2]>,
        styles: [Style; 2],
        y: u16,
        frame: &mut Frame<'_>,
    ) {
        let Some(past) = past else { return };
        let most = most.map_or([None; 2], |most| most.map(Some));
        for ((pair, style), most) in self.pairs.into_iter().zip(styles).zip(most) {
            let values = self.values(past, pair);
            let most = most.unwrap_or_else(|| ceiling(&values));
            if let Some(span) = pair.1 {
                scaled(&values, most, style, self.look, span.row(y), frame);
            }
        }
    }
}

/// The time that lines of values span: `60s` or `5m`.
pub(super) fn window(model: &Model) -> String {
    match model.window.as_secs() {
        seconds @ 0..=60 => format!("{seconds}s"),
        seconds => format!("{}m", seconds / 60),
    }
}
