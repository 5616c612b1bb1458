//! Lines of values beside the numbers: connections and the chosen rate, over the model's window.

use std::collections::{BTreeMap, BTreeSet};

use ratatui::Frame;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::Look;
use super::cells::{largest, scaled};
use super::columns::{Columns, Span};
use crate::history::{Metric, Series};
use crate::ipvs::{ServerKey, ServiceKey};
use crate::model::{Model, Scale};
use crate::snapshot::Snapshot;

pub(super) struct Lines<'a> {
    model: &'a Model,
    look: &'a Look,
    snapshot: &'a Snapshot,
    /// What is drawn where: connections, and the chosen rate.
    pairs: [(Metric, Span); 2],
    /// The largest value of each among a service's servers, where they share a scale.
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
        let pairs = [(Metric::Connections, columns.connections), (model.rate, columns.rate)];
        let mut lines = Self { model, look, snapshot, pairs, shared: BTreeMap::new() };
        if model.scale == Scale::Service {
            lines.shared = visible.iter().map(|key| (*key, lines.largest(key))).collect();
        }
        lines
    }

    /// The heads of both. `conns 60s` and `CPS 60s`; the last of them says whether a service's
    /// servers share a scale, and leaves out for it what the one before it says.
    pub(super) fn heads(&self) -> (String, String) {
        let time = match self.model.window.as_secs() {
            seconds @ 0..=60 => format!("{seconds}s"),
            seconds => format!("{}m", seconds / 60),
        };
        let [(_, connections), (_, rate)] = self.pairs;
        let head = |word: &str, span: Span, shared: bool| {
            let scale = "one scale";
            let forms = if shared {
                [format!("{word} {time}, {scale}"), format!("{time}, {scale}"), scale.to_owned()]
            } else {
                [format!("{word} {time}"), word.to_owned(), String::new()]
            };
            let fits = |form: &String| form.width() <= usize::from(span.width);
            forms.into_iter().find(fits).unwrap_or_default()
        };
        let shared = self.model.scale == Scale::Service;
        let alone = shared && rate.width == 0;
        (head("conns", connections, alone), head(self.model.rate.word(), rate, shared))
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

    /// The largest values of a service's servers, hidden ones too: a filter moves no scale.
    fn largest(&self, service: &ServiceKey) -> [f32; 2] {
        let entry = self.snapshot.service(service);
        let servers = entry.into_iter().flat_map(|entry| &entry.servers);
        let pasts = servers.filter_map(|s| self.model.history.server(service, &s.server.key));
        pasts.fold([0.0; 2], |[connections, rate], past| {
            let [first, second] = self.pairs.map(|pair| largest(&self.values(past, pair)));
            [connections.max(first), rate.max(second)]
        })
    }

    fn values(&self, past: &Series, (metric, span): (Metric, Span)) -> Vec<Option<f32>> {
        let (end, hold) = (self.snapshot.at, self.model.hold());
        past.window(metric, end, self.model.window, span.width.into(), hold)
    }

    fn draw(
        &self,
        past: Option<&Series>,
        most: Option<[f32; 2]>,
        styles: [Style; 2],
        y: u16,
        frame: &mut Frame<'_>,
    ) {
        let Some(past) = past else { return };
        let most = most.map_or([None; 2], |most| most.map(Some));
        for ((pair, style), most) in self.pairs.into_iter().zip(styles).zip(most) {
            let values = self.values(past, pair);
            let most = most.unwrap_or_else(|| largest(&values));
            scaled(&values, most, style, self.look, pair.1.row(y), frame);
        }
    }
}
