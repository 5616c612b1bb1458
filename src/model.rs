//! What the console knows and shows. [`Model::update`] takes a message and says what is to be
//! done about it; it is pure: no clock, no I/O, so that every flow can be tested as values.
//!
//! ```text
//! message what happened, and what is to be done about it
//! row     a service or a server
//! rows    the services and servers as rows, and which one is selected
//! filter  what rows have to be      sort    the order of servers
//! sieve   a filter, of whatever view, while it is typed
//! arrange the keys for these, and what lines of values span
//! column  the table's columns        choose  choosing them
//! share   what servers get of new connections, beside what their weights ask for
//! frozen  the screen held still, and the past
//! alarms  what needs an operator        wall    a screen that turns by itself
//! others  what somebody else has changed       replay  a recording that is played
//! act     what the keys do to servers: weights, quiesce, drain, restore
//! entries adding, editing, deleting; counters and timeouts          form    their fields
//! edit    orders under way, made and taken back: undo and redo
//! drains  the drains that are followed          ramp    weights that come back over a time
//! doctor  what the doctor found
//! hosts   real servers by address, over all their services
//! connections   the connection table, or a sample of it
//! views   going from one view to another, and what moves there
//! log     the journal, which lines of it show, and undo from it
//! palette every command by its name       mouse  what can be clicked
//! copy    what is handed to the clipboard
//! prompt  the one thing that may be typed into, or has to be answered
//! page    a plan before it is applied
//! ```

mod act;
mod alarms;
mod arrange;
mod choose;
mod column;
mod connections;
mod copy;
mod doctor;
mod drains;
mod edit;
mod entries;
mod filter;
mod form;
mod frozen;
mod hosts;
mod log;
mod message;
mod mouse;
mod others;
mod page;
mod palette;
mod prompt;
mod ramp;
mod replay;
mod row;
mod rows;
mod share;
mod sieve;
mod sort;
mod views;
mod wall;

use std::sync::Arc;
use std::time::Duration;

use crate::command::{Command, KeyNames, View};
use crate::drain::Past;
use crate::history::{History, Metric};
use crate::ipvs::{counted, duration};
use crate::journal::{JournalError, News};
use crate::kernel::KernelError;
use crate::kernel::proc::modules::Schedulers;
use crate::kernel::proc::owners::Owner;
use crate::outside;
use crate::record::{Playing, Status};
use crate::snapshot::{Moment, ServiceEntry, Snapshot};
pub use alarms::{Alarm, Severity};
pub use arrange::{Scale, WINDOWS};
pub use column::Column;
pub use connections::{Connections, List, Names, Order, Picked, Seen};
pub use copy::Copied;
pub use doctor::{Doctor, Told};
pub use drains::Drains;
pub use edit::{Edits, Kind, Ticket};
pub use filter::Filter;
pub use form::{Field, FieldKind, Form, Wrong};
pub use frozen::Frozen;
pub use hosts::{Host, Hosts, Standing};
pub use log::{Item, Log, LogFilter};
pub use message::{Effect, Message, Notice, Tone};
pub use mouse::{Hit, WHEEL};
pub use others::from;
pub use page::{Ask, Focus, Line, Page, span};
pub use palette::Found;
pub use prompt::Prompt;
pub use ramp::{Ramps, Running};
pub use row::Row;
pub use rows::Rows;
pub use share::Share;
pub use sieve::Sieve;
pub use sort::{By, Sort};
pub use views::Scroll;
pub use wall::Wall;

/// The share of one core that reading the director may take by default.
pub const BUDGET: f64 = 0.05;

/// Whether what is on the screen is what the kernel holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Freshness {
    /// Nothing was read yet.
    Waiting,
    /// The last poll succeeded and is recent.
    Live,
    /// The last poll succeeded, but is older than three intervals: the worker is stuck, or the
    /// machine slept.
    Late,
    /// The last poll failed.
    Failed(KernelError),
}

/// What the console knows and shows.
#[derive(Debug)]
pub struct Model {
    /// The director's name: its host, or the scenario.
    pub name: String,
    /// What is polled how often.
    pub interval: Duration,
    /// The share of one core that polling may take; a poll that takes more is waited for longer.
    pub budget: f64,
    /// Whether there is no Writer.
    pub read_only: bool,
    /// Which keys are bound to what, for help and for every sentence that names one.
    pub keys: KeyNames,
    /// The newest snapshot.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The past.
    pub history: History,
    /// What is on the screen.
    pub view: View,
    /// Services and servers as rows.
    pub rows: Rows,
    /// Real servers by address.
    pub hosts: Hosts,
    /// The connection table.
    pub connections: Connections,
    /// How far the view of the director is scrolled.
    pub scroll: Scroll,
    /// Whether all of the selected row is shown instead of the table, or all of the selected entry
    /// instead of the journal, and how far that is scrolled.
    pub detail: Option<Scroll>,
    /// The drains that are followed.
    pub drains: Drains,
    /// Weights that come back over a time.
    pub ramps: Ramps,
    /// What others have changed.
    pub outside: outside::Log,
    /// How a recording of this console is getting on; `None` without one.
    pub recording: Option<Status>,
    /// How a recording is being played; `None` where a director is watched.
    pub playing: Option<Playing>,
    /// Where the cursor is in the journal.
    pub log: Log,
    /// What the journal says; `None` before it was read.
    pub news: Option<Arc<News>>,
    /// Why the journal cannot be read or written.
    pub no_journal: Option<JournalError>,
    /// The programs that also write the table.
    pub owners: Vec<Owner>,
    /// Whether they were looked for at all; the error says why they could not be.
    pub looked_for_owners: Option<Result<(), KernelError>>,
    /// The schedulers that the kernel has; `None` where that cannot be told.
    pub schedulers: Option<Schedulers>,
    /// The kernel's release; `None` where that was not told yet, or not recorded.
    pub kernel: Option<String>,
    /// The rate that is shown as number and line.
    pub rate: Metric,
    /// The time that lines of values span, one of [`WINDOWS`].
    pub window: Duration,
    /// What they are as high as.
    pub scale: Scale,
    /// The table's columns from left to right.
    pub columns: Vec<Column>,
    /// What the doctor found.
    pub doctor: Doctor,
    /// The terminal is too small for anything to be seen: no key acts, but for the one that quits.
    pub too_small: bool,
    /// The screen held still.
    pub frozen: Option<Frozen>,
    /// The screen turns by itself.
    pub wall: Option<Wall>,
    /// What may be typed into.
    pub prompt: Option<Prompt>,
    /// How far help is scrolled, if it is open.
    pub help: Option<Scroll>,
    /// One line to the operator.
    pub notice: Option<Notice>,
    /// Changes under way, made, taken back.
    pub edits: Edits,
    /// The console's clock.
    pub now: Moment,
    alarms: Vec<Alarm>,
    past: Past,
    received: Option<Moment>,
    failure: Option<KernelError>,
}

impl Model {
    /// An information goes away by itself after this long; warnings and errors stay for longer.
    const INFO_FOR: Duration = Duration::from_secs(6);
    const WARNING_FOR: Duration = Duration::from_secs(30);

    /// An empty console for the director `name`, polled every `interval`.
    pub fn new(name: String, interval: Duration, read_only: bool) -> Self {
        Self {
            name,
            interval,
            budget: BUDGET,
            read_only,
            keys: KeyNames::default(),
            snapshot: None,
            history: History::default(),
            view: View::default(),
            rows: Rows::default(),
            hosts: Hosts::default(),
            connections: Connections::default(),
            scroll: Scroll::default(),
            detail: None,
            drains: Drains::default(),
            ramps: Ramps::default(),
            outside: outside::Log::default(),
            recording: None,
            playing: None,
            log: Log::default(),
            news: None,
            no_journal: None,
            owners: Vec::new(),
            looked_for_owners: None,
            schedulers: None,
            kernel: None,
            rate: Metric::Cps,
            window: Duration::from_secs(60),
            scale: Scale::default(),
            columns: Column::defaults(),
            doctor: Doctor::default(),
            too_small: false,
            frozen: None,
            wall: None,
            prompt: None,
            help: None,
            notice: None,
            edits: Edits::default(),
            now: Moment::default(),
            alarms: Vec::new(),
            past: Past::default(),
            received: None,
            failure: None,
        }
    }

    /// Takes in what happened; says what is to be done about it.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        if message.is_somebodys() {
            self.somebody();
        }
        let mut effects = self.respond(message);
        effects.extend(self.wish_for_connections());
        effects
    }

    fn respond(&mut self, message: Message) -> Vec<Effect> {
        if self.too_small && message.is_somebodys() {
            let quits = matches!(message, Message::Command(Command::Quit));
            return if quits { self.quit() } else { Vec::new() };
        }
        match message {
            Message::Snapshot(snapshot, now) => return self.take_in(&snapshot, now),
            Message::Unreadable(error, now) => {
                self.now = now;
                let age = if self.replays() { self.interval } else { self.age() };
                if let Some(at) = self.behind_the_last(age) {
                    self.history.gap(at);
                }
                if self.failure.replace(error).is_none() {
                    self.notice = None; // what was said before is not what matters now
                }
            }
            Message::Outcome(ticket, outcome, written) => {
                return self.finish(ticket, &outcome, &written);
            }
            Message::Journal(news) => return self.read_journal(news),
            Message::NoJournal(error) => {
                self.say(Tone::Error, error.to_string());
                self.no_journal = Some(error);
            }
            Message::Census(census) => self.count_connections(&census),
            Message::Connections(told) => return self.connections_told(told),
            Message::Machine(owners, schedulers, kernel) => {
                self.take_machine(owners, schedulers, kernel);
            }
            Message::Theirs(theirs) => self.take_theirs(&theirs),
            Message::Recording(status) => self.take_status(status),
            Message::Scene(scene, now) => self.take_scene(*scene, now),
            Message::Playing(playing) => self.playing = Some(playing),
            Message::Note(text) => self.take_note(text),
            Message::Doctor(report) => self.examined(*report),
            Message::Clock(now) => {
                self.pass(now);
                self.turn_wall();
                return self.ramps_go_on();
            }
            Message::Slept(time, now) => self.slept(time, now),
            Message::Command(command) => return self.command(command),
            Message::Typed(request) => return self.typed(request),
            Message::Choose(by) => self.choose(by),
            Message::Scroll(by) => self.scroll_page(by),
            Message::Accept => return self.accept(),
            Message::UnknownKey(key) => {
                let help = self.keys.say(Command::Help);
                self.say(Tone::Info, format!("{key} does nothing here; {help} shows every key"));
            }
            Message::Copied(text) => {
                let lines = text.lines().count();
                let first = text.lines().next().unwrap_or_default().trim();
                let more = match lines.saturating_sub(1) {
                    0 => String::new(),
                    more => format!(" and {} more", counted(more as u64, "line")),
                };
                self.say(Tone::Info, format!("copied: {first}{more}"));
            }
            Message::Pasted(text) => return self.paste(&text),
            Message::Click(hit) => return self.click(hit),
            Message::Wheel(by) => self.wheel(by),
            Message::Mouse(listened) => {
                let key = self.keys.say(Command::Mouse);
                let text = if listened {
                    format!("the mouse selects rows and views; {key} leaves it to the terminal")
                } else {
                    format!("the mouse selects text, as the terminal has it; {key} takes it back")
                };
                self.say(Tone::Info, text);
            }
            Message::Theme(name) => self.say(Tone::Info, format!("theme {name}")),
            Message::Drawn { page, lines, too_small } => {
                self.too_small = too_small;
                self.drawn(page, lines);
                return self.ask_names();
            }
        }
        Vec::new()
    }

    /// What is on the screen: the newest snapshot, or what is held still.
    pub fn shown(&self) -> Option<&Arc<Snapshot>> {
        self.frozen.as_ref().map(Frozen::shown).or(self.snapshot.as_ref())
    }

    /// How old the newest snapshot is.
    pub fn age(&self) -> Duration {
        self.now.since(self.received.unwrap_or_default())
    }

    /// Whether what is on the screen is what the kernel holds.
    pub fn freshness(&self) -> Freshness {
        match (&self.failure, &self.snapshot) {
            (Some(error), _) => Freshness::Failed(error.clone()),
            (None, None) => Freshness::Waiting,
            (None, Some(_)) if self.age() > self.stale_after() && !self.replays() => {
                Freshness::Late
            }
            (None, Some(_)) => Freshness::Live,
        }
    }

    /// From one poll to the next: the interval, or longer where a poll has to be paid for.
    pub fn period(&self) -> Duration {
        let took = self.snapshot.as_ref().map(|s| s.took).unwrap_or_default();
        self.interval.max(took.div_f64(self.budget.max(0.001)))
    }

    /// How long before the last poll a service's servers were read, where that poll carried them
    /// over: of a large table, what is not on the screen has its turn.
    pub fn carried(&self, entry: &ServiceEntry) -> Option<Duration> {
        let at = self.shown()?.at;
        (entry.servers_read < at).then(|| at.since(entry.servers_read))
    }

    /// Nothing is applied on a snapshot older than this: three polls, and at least 3 s.
    pub fn stale_after(&self) -> Duration {
        (self.period() * 3).max(Duration::from_secs(3))
    }

    /// How long a sample stands for itself before there is a gap.
    pub fn hold(&self) -> Duration {
        self.stale_after()
    }

    /// Refuses, in words, to change anything on a table that is not what the kernel holds now.
    fn refused_as_stale(&mut self) -> bool {
        let age = self.age().as_secs();
        let why = match self.freshness() {
            Freshness::Live => return false,
            Freshness::Waiting => "the director has not been read yet".to_owned(),
            Freshness::Late | Freshness::Failed(_) => {
                format!("what you see is {age} s old; wait for the director to be read again")
            }
        };
        self.say(Tone::Error, format!("nothing was changed: {why}"));
        true
    }

    fn say(&mut self, tone: Tone, text: impl Into<String>) {
        self.notice = Some(Notice { tone, text: text.into(), since: self.now });
    }

    fn take_in(&mut self, snapshot: &Arc<Snapshot>, now: Moment) -> Vec<Effect> {
        self.history.push(snapshot);
        self.outside.pass(snapshot.at);
        if self.failure.take().is_some() {
            self.say(Tone::Info, "the director can be read again");
        }
        if self.frozen.is_none() {
            self.follow_rows(snapshot);
        }
        self.snapshot = Some(Arc::clone(snapshot));
        self.received = Some(now);
        self.pass(now);
        self.follow_hosts();
        self.look_again();
        let mut effects = self.follow_drains(snapshot);
        self.look_for_alarms(snapshot);
        effects.extend(self.ramps_go_on());
        effects
    }

    /// The moment so long behind the last snapshot.
    fn behind_the_last(&self, age: Duration) -> Option<Moment> {
        self.snapshot.as_ref().map(|last| last.at.after(age))
    }

    /// The machine has slept: its director, and the timers of its connections, stood still.
    fn slept(&mut self, time: Duration, now: Moment) {
        self.pass(now);
        // Wherever in the interval it fell asleep.
        if let Some(at) = self.behind_the_last(Duration::from_millis(1)) {
            self.history.stood_still(at);
        }
        self.drains.slept(time);
        let time = duration(time);
        let text = format!("the machine slept for {time}; times of drains go on as before");
        self.say(Tone::Warning, text);
    }

    fn pass(&mut self, now: Moment) {
        self.now = now;
        let over = self.notice.as_ref().is_some_and(|notice| {
            let long = match notice.tone {
                Tone::Info | Tone::Outside => Self::INFO_FOR,
                Tone::Warning | Tone::Error => Self::WARNING_FOR,
            };
            now.since(notice.since) > long
        });
        if over {
            self.notice = None;
        }
    }

    fn command(&mut self, command: Command) -> Vec<Effect> {
        if self.read_only && command.spec().is_some_and(|s| s.mutates) {
            return Vec::new(); // no key leads here; a second lock on the door
        }
        let writes = command.spec().is_some_and(|s| s.mutates) && command != Command::Mark;
        if writes && self.help.is_none() && (self.refused_as_frozen() || self.refused_as_stale()) {
            return Vec::new();
        }
        if self.help.is_some() {
            self.command_in_help(command);
            return Vec::new();
        }
        if let Some(effects) = self.command_in_replay(command) {
            return effects;
        }
        if (self.view != View::Services || self.detail.is_some())
            && let Some(effects) = self.command_elsewhere(command)
        {
            return effects;
        }
        match command {
            Command::Up => self.rows.step(-1),
            Command::Down => self.rows.step(1),
            Command::PageUp => self.rows.page(-1),
            Command::PageDown => self.rows.page(1),
            Command::Top => self.rows.first(),
            Command::Bottom => self.rows.last(),
            Command::NextService => self.rows.service(1),
            Command::PreviousService => self.rows.service(-1),
            Command::Open => self.open_detail(),
            Command::WeightUp => return self.step_weight(1),
            Command::WeightDown => return self.step_weight(-1),
            Command::WeightUpTen => return self.step_weight(10),
            Command::WeightDownTen => return self.step_weight(-10),
            Command::SetWeight => self.ask_weight(),
            Command::Mark => self.rows.mark(),
            Command::Quiesce => return self.quiesce(),
            Command::Drain => return self.drain(),
            Command::DrainHost => return self.drain_host(),
            Command::Add => self.ask_add(),
            Command::AddService => self.ask_add_service(),
            Command::Edit => self.ask_edit(),
            Command::Delete => return self.delete(),
            Command::Zero => return self.zero(),
            Command::Timeouts => self.ask_timeouts(),
            Command::Restore => return self.restore(),
            Command::SetScheduler => self.ask_scheduler(),
            Command::Undo => return self.undo(),
            Command::Redo => return self.redo(),
            Command::Filter if self.view == View::Journal => self.ask_lines(),
            Command::Filter => self.ask_filter(),
            Command::Fold => self.fold(),
            Command::Unfold => self.unfold(),
            Command::FoldAll => self.fold_all(),
            Command::Sort => self.sort_by_next(),
            Command::SortReverse => self.reverse_sort(),
            Command::NextRate => self.next_rate(),
            Command::NextWindow => self.next_window(),
            Command::NextScale => self.next_scale(),
            Command::ViewServices => self.go_to(View::Services),
            Command::ViewHosts => self.go_to(View::Hosts),
            Command::ViewDrains => self.go_to(View::Drains),
            Command::ViewJournal => self.go_to(View::Journal),
            Command::ViewDirector => self.go_to(View::Director),
            Command::ViewDoctor => self.go_to(View::Doctor),
            Command::NextView => {
                let place = View::ALL.iter().position(|view| *view == self.view).unwrap_or(0);
                let next = View::ALL.iter().cycle().nth(place + 1).copied();
                self.go_to(next.unwrap_or_default());
            }
            Command::ViewConnections => self.go_to(View::Connections),
            Command::Connections => self.connections_of_selected(),
            Command::Columns => self.ask_columns(),
            Command::Freeze => self.freeze(),
            Command::Back => self.look_back(),
            Command::Forward => self.look_forward(),
            Command::Copy => return self.copy(),
            Command::CopyCommand => return self.copy_command(),
            Command::Mouse => return vec![Effect::ToggleMouse],
            Command::Palette => self.ask_palette(),
            Command::NextTheme => return vec![Effect::NextTheme],
            Command::Refresh => return vec![Effect::Refresh],
            // Open help takes every command itself.
            Command::Help => self.help = Some(Scroll::default()),
            Command::Close => self.close(),
            Command::Quit => return self.quit(),
            // Only of a recording, see `command_in_replay`, or where connections are shown.
            Command::Faster
            | Command::Slower
            | Command::NextChange
            | Command::PreviousChange
            | Command::Jump
            | Command::GroupBy
            | Command::GroupByPrevious
            | Command::Names
            | Command::WholePass => {}
        }
        Vec::new()
    }

    /// Leaving waits for nothing: a plan under way is finished by the worker before it ends.
    fn quit(&mut self) -> Vec<Effect> {
        vec![Effect::Quit]
    }

    fn close(&mut self) {
        match self.prompt.take() {
            Some(Prompt::Filter { sieve, .. }) => return self.take_filter_back(sieve),
            Some(_) => return,
            None => {}
        }
        if self.help.take().is_some() || self.notice.take().is_some() {
            return;
        }
        if self.frozen.is_some() {
            return self.freeze();
        }
        if !self.rows.unmark() {
            self.clear_filter();
        }
    }
}
