//! The connection table on the screen: a sample of it or all of it, grouped or row by row.
//!
//! ```text
//! list    what is listed: groups or rows, filtered and in order
//! keys    what the keys do
//! names   names of clients, for who asks for them
//! ```
//!
//! Samples come by themselves, and the list follows them; a whole pass is asked for, and stays
//! until it is closed. The cursor is on a client, a group, a connection and not on a place.

mod keys;
mod list;
mod names;

use std::sync::Arc;
use std::time::Duration;

use super::{Alarm, Effect, Model, Row, Severity, Tone};
use crate::command::View;
use crate::connections::{
    About, Attention, Budget, By, Errand, Filter, Holding, Lane, Progress, Scope, Sieve, Sign,
    Survey, Taker, Told, Wish, holding,
};
use crate::kernel::KernelError;
use crate::snapshot::Moment;
pub use list::{List, Order, Picked};
pub use names::Names;

/// A survey and when it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// What it tells.
    pub survey: Arc<Survey>,
    received: Moment,
}

/// What was listed before a group was entered.
#[derive(Clone, Debug)]
struct Entered {
    by: Option<By>,
    filter: Option<Filter>,
    picked: Option<Picked>,
    order: (Order, bool),
}

/// The connection table on the screen.
#[derive(Debug, Default)]
pub struct Connections {
    /// What looking at it may cost.
    pub budget: Budget,
    /// The newest sample.
    sample: Option<Seen>,
    /// All of it, as long as that is looked at.
    whole: Option<Seen>,
    /// What is on the screen while that is held still.
    held: Option<Seen>,
    progress: Option<Progress>,
    unreadable: Option<KernelError>,
    scope: Scope,
    /// From where the scope was chosen.
    from: Option<View>,
    filter: Option<Filter>,
    by: Option<By>,
    entered: Vec<Entered>,
    order: Order,
    reversed: bool,
    list: List,
    holding: Option<Holding>,
    picked: Option<Picked>,
    place: usize,
    top: usize,
    page: usize,
    /// Names of clients.
    pub names: Names,
    wished: Wish,
    /// It was on the screen before.
    opened: bool,
}

impl Connections {
    /// What is on the screen.
    pub fn seen(&self) -> Option<&Seen> {
        self.held.as_ref().or(self.whole.as_ref()).or(self.sample.as_ref())
    }

    /// The newest sample, whatever is on the screen.
    pub fn sample(&self) -> Option<&Survey> {
        self.sample.as_ref().map(|seen| &*seen.survey)
    }

    /// Whether all of the table is on the screen because it was asked for.
    pub fn is_whole_asked(&self) -> bool {
        self.whole.is_some()
    }

    /// How far a whole pass is that is under way.
    pub fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }

    /// Why the table cannot be read.
    pub fn unreadable(&self) -> Option<&KernelError> {
        self.unreadable.as_ref()
    }

    /// Whose rows are listed.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Which of them.
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// What they are grouped by; `None` where they are listed one by one.
    pub fn by(&self) -> Option<By> {
        self.by
    }

    /// In which order, and whether the other way round.
    pub fn order(&self) -> (Order, bool) {
        (self.order, self.reversed)
    }

    /// What is listed.
    pub fn list(&self) -> &List {
        &self.list
    }

    /// What keeps the servers of the scope busy, where that is not everybody.
    pub fn holding(&self) -> Option<&Holding> {
        self.holding.as_ref()
    }

    /// Whether there is something to go back from.
    pub fn is_narrowed(&self) -> bool {
        self.progress.is_some()
            || self.whole.is_some()
            || self.filter.is_some()
            || self.scope != Scope::All
            || !self.entered.is_empty()
    }

    /// The first on the screen.
    pub fn top(&self) -> usize {
        self.top
    }

    /// How many fit on the screen; 0 before they were drawn.
    pub fn page(&self) -> usize {
        self.page
    }

    /// The place of the selected one.
    pub fn place(&self) -> usize {
        self.place
    }

    /// Moves the selection by so many.
    pub(super) fn step(&mut self, by: isize) {
        self.select(self.place.saturating_add_signed(by));
    }

    pub(super) fn select(&mut self, place: usize) {
        self.place = place.min(self.list.len().saturating_sub(1));
        let survey = self.seen().map(|seen| Arc::clone(&seen.survey));
        self.picked = survey.and_then(|survey| self.list.picked(self.place, &survey));
        self.show();
    }

    pub(super) fn fit(&mut self, page: usize) {
        if self.page != page {
            self.page = page;
            self.show();
        }
    }

    /// Scrolls so that the place is on the screen, and no further than there are rows.
    fn show(&mut self) {
        self.top = crate::model::views::top_for(self.top, self.place, self.page, self.list.len());
    }

    /// Lists anew, and keeps the selection where it is.
    fn arrange(&mut self) {
        let Some(survey) = self.seen().map(|seen| Arc::clone(&seen.survey)) else {
            self.list = List::default();
            return;
        };
        let sieve = Sieve::new(&survey.placement, &self.scope, self.filter.as_ref());
        self.holding = (self.scope != Scope::All).then(|| holding(&survey, &sieve));
        self.list = List::new(&survey, &sieve, self.by, self.order, self.reversed);
        let found = self.picked.as_ref().and_then(|picked| self.list.find(picked, &survey));
        self.place = found.unwrap_or(self.place).min(self.list.len().saturating_sub(1));
        if found.is_none() {
            self.picked = self.list.picked(self.place, &survey);
        }
        self.show();
    }
}

impl Model {
    /// Something is known of the connection table.
    pub(super) fn connections_told(&mut self, told: Told) -> Vec<Effect> {
        let received = self.now;
        match told {
            Told::Sample(survey) => {
                self.connections.sample = Some(Seen { survey, received });
                self.connections.unreadable = None;
                self.follow_connections();
                if let Some(snapshot) = self.snapshot.clone() {
                    self.look_for_alarms(&snapshot);
                }
            }
            Told::Whole(survey) => {
                self.connections.progress = None;
                self.connections.whole = Some(Seen { survey, received });
                self.follow_connections();
            }
            // What was called off may have one to tell still.
            Told::Under(progress) => {
                if self.connections.progress.is_some() {
                    self.connections.progress = Some(progress);
                }
            }
            Told::CalledOff => self.connections.progress = None,
            Told::Unreadable(error) => {
                self.connections.progress = None;
                self.connections.unreadable = Some(error);
            }
            Told::Names(names) => self.connections.names.take_in(names, received),
        }
        Vec::new()
    }

    /// How long ago the rows on the screen were read: the newest of them, and the oldest.
    pub fn connections_age(&self) -> Option<(Duration, Duration)> {
        let seen = self.connections.seen()?;
        let newest = self.now.since(seen.received);
        Some((newest, newest + seen.survey.passed.wall))
    }

    /// Takes the newest survey to the list, if it is on the screen and not held still.
    pub(super) fn follow_connections(&mut self) {
        match self.frozen {
            Some(_) if self.connections.held.is_none() => {
                self.connections.held = self.connections.seen().cloned();
            }
            Some(_) => {}
            None => self.connections.held = None,
        }
        if self.view == View::Connections {
            self.connections.arrange();
        }
    }

    /// The table is about to be shown.
    pub(super) fn enter_connections(&mut self) {
        if !std::mem::replace(&mut self.connections.opened, true) {
            self.connections.by = Some(By::Client);
            self.connections.order = Order::of(Some(By::Client));
        }
        self.follow_connections();
    }

    /// Shows the rows of some servers.
    pub(super) fn show_connections(&mut self, scope: Scope, by: Option<By>) {
        let from = self.view;
        let connections = &mut self.connections;
        (connections.opened, connections.from) = (true, Some(from));
        (connections.scope, connections.by, connections.filter) = (scope, by, None);
        (connections.order, connections.reversed) = (Order::of(by), false);
        (connections.picked, connections.place) = (None, 0);
        connections.entered.clear();
        self.go_to(View::Connections);
    }

    /// What the worker is to be told when it is not what it was told last.
    pub(super) fn wish_for_connections(&mut self) -> Option<Effect> {
        let close = self.view == View::Connections;
        let origins = close && self.connections.filter.as_ref().is_some_and(Filter::wants_origin);
        let attention = if close { Attention::Close } else { Attention::Aside };
        let wish = Wish { attention, budget: self.connections.budget, origins };
        let told = std::mem::replace(&mut self.connections.wished, wish);
        (told != wish).then_some(Effect::Connections(Errand::Sample(wish)))
    }

    /// What the newest sample tells of a service, a server or the whole table.
    pub fn signs(&self) -> &[Sign] {
        self.connections.sample().map_or(&[], |survey| &survey.signs)
    }

    /// The signs that need an operator.
    pub(super) fn connection_alarms(&self) -> Vec<Alarm> {
        let alarm = |sign: &Sign| {
            let row = match sign.about() {
                About::Server((service, server)) => Some(Row::Server(service, server)),
                About::Service(service) => Some(Row::Service(service)),
                About::Table => None,
            };
            let severity = match sign {
                Sign::Silent { .. } | Sign::NearMax { .. } => Severity::Error,
                // Those of a service that is gone are usual on a backup director.
                Sign::Unanswered { .. }
                | Sign::Client { .. }
                | Sign::OffWeight { .. }
                | Sign::Orphans { taker: Taker::Service(_) | Taker::Somebody, .. } => {
                    Severity::Warning
                }
                _ => return None,
            };
            Some(Alarm { severity, row, text: sign.to_string() })
        };
        self.signs().iter().filter(|sign| self.is_timely(sign)).filter_map(alarm).collect()
    }

    /// Whether a sign means something now: while weights move, shares have not followed yet, and
    /// a server that is back has its connections back.
    pub fn is_timely(&self, sign: &Sign) -> bool {
        match sign {
            Sign::OffWeight { place, .. } => !self.is_unsettled(place),
            Sign::Orphans { lane, .. } => !self.is_back(lane),
            _ => true,
        }
    }

    /// Whether the newest table has the server of connections that had none: the table that they
    /// were placed in was read before them.
    fn is_back(&self, lane: &Lane) -> bool {
        let mut services = self.snapshot.iter().flat_map(|snapshot| &snapshot.services);
        services.any(|entry| {
            let key = entry.service.key;
            entry.servers.iter().any(|at| lane.may_be_at(&(key, at.server.key)))
        })
    }

    /// Whether a weight of the service was another one lately, as far back as is known, or one of
    /// its servers was not there, is drained, or comes back.
    fn is_unsettled(&self, place: &crate::connections::Place) -> bool {
        /// Most connections are younger.
        const SETTLES: Duration = Duration::from_secs(900);
        /// How often in that time is looked.
        const LOOKS: u32 = 30;
        let Some(snapshot) = &self.snapshot else { return true };
        let Some(entry) = snapshot.service(&place.0) else { return true };
        let keys = || entry.servers.iter().map(|held| held.server.key);
        let under_way = |key| {
            self.drains.of(&place.0, &key).is_some() || self.ramps.of(&place.0, &key).is_some()
        };
        if keys().any(under_way) {
            return true;
        }
        let before = Moment(snapshot.at.0.saturating_sub(SETTLES)).max(self.history.earliest());
        let step = snapshot.at.since(before) / LOOKS;
        (0..LOOKS).map(|n| before.after(step * n)).any(|then| {
            let known = |key| self.history.server(&place.0, &key)?.at(then, self.hold())?.weight;
            let weights: Vec<Option<u32>> = keys().map(known).collect();
            // A service's servers are read together: where only one is not known, it was not there.
            weights.iter().any(Option::is_some)
                && entry
                    .servers
                    .iter()
                    .zip(weights)
                    .any(|(at, then)| then != Some(at.server.weight))
        })
    }

    /// Says what cannot be done while nothing was read.
    fn nothing_read(&mut self) {
        self.say(Tone::Info, "the connection table has not been read yet");
    }
}
