//! The drains that are followed, as the journal names them and the snapshots show them.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Effect, Kind, Model, Scroll, Tone};
use crate::command::Command;
use crate::drain::{Census, Drain, Followed, Past, worst};
use crate::ipvs::{ServerKey, ServiceKey, duration};
use crate::journal::{self, Act, DrainEnd, Ending, Id, Left, News, Order, Then};
use crate::plan::Plan;
use crate::snapshot::{Moment, Snapshot};

/// A drain whose servers all have a weight again, or are gone, is over after this long: the
/// journal of whoever did it has been read by then.
const OVER: Duration = Duration::from_secs(6);

/// A step of the wall clock smaller than this is none: clocks are slewed all the time.
const STEP: SignedDuration = SignedDuration::from_secs(5);

/// Of so many drains that are over is remembered what they came to.
const MOST_ENDED: usize = 50;

/// The drains that are followed.
#[derive(Debug, Default)]
pub struct Drains {
    open: Vec<Drain>,
    selected: Option<Id>,
    /// How far the view is scrolled from where the selected one is in sight.
    pub scroll: Scroll,
    /// What those came to that were followed here and are over now; oldest first.
    ended: VecDeque<(Id, Left)>,
    /// Since when they are over by what the table shows.
    over: HashMap<Id, Moment>,
    /// The wall clock of the last snapshot, and its moment.
    now: Option<Timestamp>,
    at: Moment,
    /// How far the wall clock was set ahead since this console looks at it, by hand or while the
    /// machine slept. A time limit must not be up because of that.
    ahead: SignedDuration,
}

impl Drains {
    /// Those that are open, oldest first.
    pub fn open(&self) -> &[Drain] {
        &self.open
    }

    /// What one that is over came to: as the journal has it, or as it was seen here where somebody
    /// else ended it.
    pub fn left<'a>(&'a self, drain: &'a journal::Drain) -> Option<&'a Left> {
        let written = drain.ended.as_ref().map(|ended| &ended.left).filter(|left| !left.is_empty());
        let seen = || self.ended.iter().find(|(id, _)| *id == drain.id()).map(|(_, left)| left);
        written.or_else(seen)
    }

    /// Adds what they came to.
    pub(super) fn sum_up(&self, ends: &mut [Ending]) {
        for ending in ends {
            if let Some(drain) = self.open.iter().find(|drain| drain.id == ending.id) {
                ending.left = drain.left();
            }
        }
    }

    /// Whether this one is.
    pub fn is_open(&self, id: Id) -> bool {
        self.open.iter().any(|drain| drain.id == id)
    }

    /// The one that a server belongs to.
    pub fn of(&self, service: &ServiceKey, server: &ServerKey) -> Option<&Drain> {
        self.open.iter().find(|d| d.servers().any(|key| key == (*service, *server)))
    }

    /// Of the drained servers on a host, the one that is farthest from safe.
    pub fn worst_on(&self, host: IpAddr) -> Option<&Followed> {
        worst(self.open.iter().flat_map(|d| &d.servers).filter(|s| s.server.addr == host))
    }

    /// The one that is selected where drains are shown.
    pub fn selected(&self) -> Option<&Drain> {
        self.open.iter().find(|drain| Some(drain.id) == self.selected).or(self.open.first())
    }

    /// The wall clock of the last snapshot, without the steps it made since this console looks at
    /// it.
    pub fn now(&self) -> Option<Timestamp> {
        let now = self.now?;
        Some(now.checked_sub(self.ahead).unwrap_or(now))
    }

    /// Takes the clock of a snapshot; says how far it was set ahead since the last one, if it was.
    fn pass(&mut self, taken: Timestamp, at: Moment) -> Option<SignedDuration> {
        let (before, passed) = (self.now.replace(taken), at.since(self.at));
        self.at = at;
        let passed = SignedDuration::try_from(passed).unwrap_or_default();
        let step = taken.duration_since(before?).saturating_sub(passed);
        if step.abs() < STEP {
            return None;
        }
        self.ahead = self.ahead.saturating_add(step);
        Some(step)
    }

    /// The machine slept for so long, which both clocks count.
    pub(super) fn slept(&mut self, time: Duration) {
        self.open.iter_mut().for_each(|drain| drain.slept(time));
        let time = SignedDuration::try_from(time).unwrap_or_default();
        self.ahead = self.ahead.saturating_add(time);
    }

    /// Selects the one `by` places further on.
    pub(super) fn select(&mut self, by: isize) {
        let selected = self.selected().map(|drain| drain.id);
        let place = self.open.iter().position(|d| Some(d.id) == selected).unwrap_or(0);
        let most = self.open.len().saturating_sub(1);
        let to = place.saturating_add_signed(by).min(most);
        if to != place {
            self.select_place(to);
        }
    }

    /// Selects the one at a place of [`open`](Self::open).
    pub(super) fn select_place(&mut self, place: usize) {
        self.selected = self.open.get(place).map(|drain| drain.id);
        self.scroll = Scroll::default();
    }

    /// Scrolls by so many lines. Where all lines are in sight, or above the first of them, it goes
    /// on to another drain.
    pub(super) fn turn(&mut self, by: isize) {
        let first = self.scroll.top() == 0;
        if first && (by < 0 || self.scroll.below() == 0) {
            self.select(by.signum());
        } else {
            self.scroll.by(by);
        }
    }

    fn servers(&self) -> BTreeSet<(ServiceKey, ServerKey)> {
        self.open.iter().flat_map(Drain::servers).collect()
    }
}

impl Model {
    /// The weight that a server had before this program set it to 0.
    pub fn before_quiesce(&self, service: &ServiceKey, server: &ServerKey) -> Option<u32> {
        self.past.weight(service, server)
    }

    /// The drains of this table that are over, as the journal tells them, newest first.
    pub fn finished(&self) -> impl Iterator<Item = &journal::Drain> {
        let news = self.news.as_deref();
        let all = news.into_iter().flat_map(|news| {
            let here = |drain: &&journal::Drain| drain.started.scene.same_table(&news.scene);
            news.history.drains.iter().filter(here)
        });
        all.filter(|drain| !drain.open()).collect::<Vec<_>>().into_iter().rev()
    }

    /// Takes in what the journal says now.
    pub(super) fn read_journal(&mut self, news: Arc<News>) -> Vec<Effect> {
        self.no_journal = None;
        if let [first, ..] = news.told.as_slice() {
            let more = news.told.len() - 1;
            let more = if more > 0 {
                format!(" ({more} more; {} shows the journal)", self.keys.say(Command::ViewJournal))
            } else {
                String::new()
            };
            self.say(Tone::Warning, format!("{first}{more}"));
        }
        self.past = Past::of(&news.history, &news.scene);
        let before = self.drains.servers();
        let resumed = self.news.is_none();
        let open = news.history.open_drains(&news.scene);
        let mut drains = Vec::new();
        for record in open {
            let known = self.drains.open.iter().position(|d| d.id == record.id());
            drains.push(match known {
                Some(place) => self.drains.open.swap_remove(place),
                None => Drain::resumed(record),
            });
        }
        drains.sort_by_key(|drain| drain.id);
        let over = std::mem::replace(&mut self.drains.open, drains);
        self.drains.ended.extend(over.iter().map(|drain| (drain.id, drain.left())));
        while self.drains.ended.len() > MOST_ENDED {
            self.drains.ended.pop_front();
        }
        if resumed && !self.drains.open.is_empty() && self.notice.is_none() {
            let count = self.drains.open.len();
            let s = if count == 1 { "" } else { "s" };
            let key = self.keys.say(Command::ViewDrains);
            let text = format!("{count} drain{s} from an earlier session; {key} shows how far");
            self.say(Tone::Warning, text);
        }
        self.news = Some(news);
        self.follow_log();
        let servers = self.drains.servers();
        if servers == before { Vec::new() } else { vec![Effect::Follow(servers)] }
    }

    /// What the connection table says of the drained servers.
    pub(super) fn count_connections(&mut self, census: &Census) {
        for drain in &mut self.drains.open {
            drain.census(census);
        }
    }

    /// Takes a snapshot to the drains: how far they are, whose time is up, and which are over.
    pub(super) fn follow_drains(&mut self, snapshot: &Snapshot) -> Vec<Effect> {
        let before = self.drains.now();
        if let Some(step) = self.drains.pass(snapshot.taken, snapshot.at) {
            let by = duration(step.unsigned_abs());
            let way = if step.is_negative() { "back" } else { "ahead" };
            let text = format!(
                "the machine's clock went {way} by {by}: it was set, or the machine stood \
                 still; times of drains go on as before"
            );
            self.say(Tone::Warning, text);
        }
        let now = self.drains.now().unwrap_or(snapshot.taken);
        for drain in &mut self.drains.open {
            drain.follow(snapshot);
        }
        let mut effects = Vec::new();
        if self.read_only {
            return effects; // a recording tells of itself how they ended
        }
        let passed = |deadline: Timestamp| {
            // One that passed while nobody watched is shown, and left to the operator.
            before.is_some_and(|before| before < deadline) && deadline <= now
        };
        let up: Vec<Id> = self
            .drains
            .open
            .iter()
            .filter(|drain| drain.deadline.is_some_and(passed))
            .map(|drain| drain.id)
            .collect();
        for id in up {
            effects.extend(self.time_is_up(id, snapshot));
        }
        effects.extend(self.end_drains(snapshot.at));
        effects
    }

    fn time_is_up(&mut self, id: Id, snapshot: &Snapshot) -> Vec<Effect> {
        let Some(drain) = self.drains.open.iter().find(|drain| drain.id == id) else {
            return Vec::new();
        };
        let target = drain.target.clone();
        let then = drain.then;
        let known = |(service, server): (ServiceKey, ServerKey)| {
            let entry = snapshot.server(&service, &server)?;
            Some((service, entry.server.clone()))
        };
        let servers: Vec<_> = drain.servers().filter_map(known).collect();
        let order = match then {
            Then::Keep => {
                let text = format!("the time of the drain of {target} is up; weight 0 stays");
                self.say(Tone::Warning, text);
                return Vec::new();
            }
            Then::Restore => self.past.restore(&self.past.weights_of(&servers), snapshot),
            Then::Delete => self.past.order(Plan::delete_servers(&servers), snapshot),
        };
        let mut order = order;
        order.act.reason = "the drain's time is up".to_owned();
        self.start(Kind::New, order)
    }

    /// Drains that someone else has ended: their servers have a weight again, or are gone.
    fn end_drains(&mut self, now: Moment) -> Vec<Effect> {
        if self.read_only || self.edits.busy() {
            return Vec::new();
        }
        let ramping = |drain: &Drain| {
            drain.servers().any(|(service, server)| self.ramps.of(&service, &server).is_some())
        };
        let over: Vec<Id> = self
            .drains
            .open
            .iter()
            .filter(|drain| drain.is_over() && !ramping(drain))
            .map(|drain| drain.id)
            .collect();
        self.drains.over.retain(|id, _| over.contains(id));
        let mut ended = Vec::new();
        for id in over {
            let since = *self.drains.over.entry(id).or_insert(now);
            if now.since(since) >= OVER {
                ended.push(Ending::new(id, DrainEnd::Outside));
            }
        }
        if ended.is_empty() {
            return Vec::new();
        }
        for Ending { id, .. } in &ended {
            self.drains.over.remove(id);
            let target = self.drains.open.iter().find(|d| d.id == *id).map(|d| d.target.clone());
            let target = target.unwrap_or_default();
            let text =
                format!("the drain of {target} is over: someone else gave a weight or deleted");
            self.say(Tone::Warning, text);
        }
        let plan = Plan { title: "drains that others ended".to_owned(), changes: Vec::new() };
        let order = Order { act: Act::new(plan), begins: None, ends: ended };
        self.start(Kind::Quiet, order)
    }
}
