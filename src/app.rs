//! The only `select!`: drains what is waiting, updates the model, draws if something changed.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Context;
use crossterm::event::{Event, MouseButton, MouseEvent, MouseEventKind};
use jiff::tz::TimeZone;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use crate::ipvs::ServiceKey;
use crate::journal;
use crate::keys::Keymap;
use crate::model::{Copied, Effect, Freshness, Message, Model, Row, WHEEL};
use crate::report;
use crate::snapshot::{Epoch, Moment, slept};
use crate::terminal::{Input, Terminal, listen};
use crate::theme::Choice;
use crate::view::{HitBoxes, Look, draw};
use crate::worker::{Report, Request, Worker};

pub use self::frames::Frames;

mod frames;

/// The age of the data is looked at this often.
const CLOCK: Duration = Duration::from_millis(500);

/// Why the console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The operator left.
    Quit,
    /// A signal with this number ended it.
    Signal(i32),
}

/// What the console's clock goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The time that passes.
    Real,
    /// The moments of the snapshots: between two of them time stands still.
    Snapshots,
}

/// How the console looks, and how often it is drawn.
pub struct Face {
    /// Symbols, and the theme that is on.
    pub look: Look,
    /// What [`crate::command::Command::NextTheme`] goes through.
    pub themes: Choice,
    /// How often it is drawn.
    pub frames: Frames,
    /// Whether the mouse is listened to.
    pub mouse: bool,
}

/// The machine has slept when its clocks are so far apart: they are read one after the other.
const NAP: Duration = Duration::from_secs(1);

/// The console of one director.
pub struct App {
    model: Model,
    keymap: Keymap,
    look: Look,
    themes: Choice,
    worker: Worker,
    reports: UnboundedReceiver<Report>,
    clock: Clock,
    started: Epoch,
    /// How long the machine had slept when that was last looked at.
    slept: Duration,
    visible: BTreeSet<ServiceKey>,
    /// Where things are on the screen.
    hits: HitBoxes,
    mouse: bool,
    frames: Frames,
    /// Waits for the terminal's clipboard.
    copy: Option<String>,
    /// Whether the next frame is to be drawn whole.
    repaint: bool,
}

impl App {
    /// A console over a started worker.
    pub fn new(
        model: Model,
        keymap: Keymap,
        face: Face,
        worker: Worker,
        reports: UnboundedReceiver<Report>,
        clock: Clock,
    ) -> Self {
        let Face { look, themes, frames, mouse } = face;
        Self {
            model,
            keymap,
            look,
            themes,
            worker,
            reports,
            clock,
            started: Epoch::now(),
            slept: slept(),
            visible: BTreeSet::new(),
            hits: HitBoxes::default(),
            mouse,
            frames,
            copy: None,
            repaint: false,
        }
    }

    /// Runs until the operator leaves, a signal comes, or the terminal is lost.
    ///
    /// # Errors
    /// When the terminal or the director's thread fails.
    pub async fn run(mut self) -> anyhow::Result<End> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminal = Terminal::claim(self.mouse).context("the terminal cannot be used")?;
        let mut inputs = listen().context("the keyboard cannot be read")?;
        let mut clock = interval(CLOCK);
        clock.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut changed = self.draw(&mut terminal)?;
        // Somebody waits, for the answer to a key or for the first reading.
        let mut waits = false;
        let mut held = None;
        loop {
            tokio::select! {
                biased;
                _ = terminate.recv() => return Ok(End::Signal(15)),
                _ = hangup.recv() => return Ok(End::Signal(1)),
                _ = interrupt.recv() => return Ok(End::Signal(2)),
                () = until(held.max(self.frames.due(waits))), if changed => {
                    // A terminal that has not taken the last frame gets the newest one later.
                    if terminal.takes_more() {
                        changed = self.draw(&mut terminal)?;
                        waits &= changed;
                    } else {
                        held = Some(Instant::now() + self.frames.step());
                    }
                    continue;
                }
                // A plan is drawn before a key answers it; those that were typed ahead wait so long.
                input = inputs.recv(), if !(changed && self.model.asks_unseen()) => {
                    let event = match input {
                        Some(Input::Event(event)) => event,
                        Some(Input::Lost) | None => return Ok(End::Signal(1)),
                    };
                    waits = true;
                    if is_suspend(&event) {
                        terminal.suspend().context("the terminal cannot be given back")?;
                        changed = true;
                    } else if let Some(end) = self.event(&event, &mut changed) {
                        return Ok(end);
                    }
                }
                report = self.reports.recv() => {
                    let report = report.context("the director's thread has ended; this is a defect")?;
                    waits |= self.model.snapshot.is_none();
                    self.report(report);
                    changed = true;
                }
                _ = clock.tick() => {
                    let before = self.face();
                    self.wake();
                    let now = self.now();
                    self.update(Message::Clock(now));
                    changed |= before != self.face();
                }
            }
            while let Ok(report) = self.reports.try_recv() {
                waits |= self.model.snapshot.is_none();
                self.report(report);
                changed = true;
            }
            if let Some(text) = self.copy.take() {
                terminal.copy(&text).context("the terminal cannot be written")?;
            }
            if std::mem::take(&mut self.repaint) {
                terminal.repaint().context("the terminal cannot be written")?;
            }
            if self.mouse != terminal.listens_to_mouse() {
                terminal.listen_to_mouse(self.mouse).context("the terminal cannot be written")?;
            }
            // A key is answered at once; a flood of them waits for its frame.
            let due = self.frames.due(waits).is_none_or(|due| due <= Instant::now());
            if changed && due && terminal.takes_more() {
                changed = self.draw(&mut terminal)?;
                waits &= changed;
            }
        }
    }

    /// What of the screen changes by the passing of time alone.
    fn face(&self) -> (Freshness, u64, bool) {
        let age = self.model.age().as_secs();
        // The age of fresh data is not shown.
        (self.model.freshness(), if age < 2 { 0 } else { age }, self.model.notice.is_some())
    }

    fn now(&self) -> Moment {
        match self.clock {
            Clock::Real => self.started.elapsed(),
            Clock::Snapshots => self.model.snapshot.as_ref().map(|s| s.at).unwrap_or_default(),
        }
    }

    /// Tells that the machine has slept, before anything that came since.
    fn wake(&mut self) {
        let now = slept();
        let asleep = now.saturating_sub(self.slept);
        if self.clock == Clock::Real && asleep >= NAP {
            self.slept = now;
            self.update(Message::Slept(asleep, self.now()));
        }
    }

    fn report(&mut self, report: Report) {
        self.wake();
        let now = match (&report, self.clock) {
            (Report::Snapshot(snapshot), Clock::Snapshots) => snapshot.at,
            _ => self.now(),
        };
        self.update(match report {
            Report::Snapshot(snapshot) => Message::Snapshot(snapshot, now),
            Report::Unreadable(error) => Message::Unreadable(error, now),
            Report::Outcome(ticket, outcome, written) => Message::Outcome(ticket, outcome, written),
            Report::Journal(news) => Message::Journal(news),
            Report::NoJournal(error) => Message::NoJournal(error),
            Report::Census(census) => Message::Census(census),
            Report::Connections(told) => Message::Connections(told),
            Report::Machine(owners, schedulers, kernel) => {
                Message::Machine(owners, schedulers, kernel)
            }
            Report::Theirs(theirs) => Message::Theirs(theirs),
            Report::Recording(status) => Message::Recording(status),
            Report::Scene(scene) => Message::Scene(scene, now),
            Report::Playing(playing) => Message::Playing(playing),
            Report::Note(text) => Message::Note(text),
            Report::Doctor(report) => Message::Doctor(report),
        });
    }

    fn event(&mut self, event: &Event, changed: &mut bool) -> Option<End> {
        let message = match event {
            Event::Key(key) => self.keymap.message(*key, &self.model)?,
            Event::Mouse(mouse) => self.clicked(*mouse)?,
            Event::Paste(text) => Message::Pasted(text.clone()),
            Event::Resize(..) => {
                *changed = true;
                return None;
            }
            _ => return None,
        };
        *changed = true;
        let now = self.now();
        self.update(Message::Clock(now));
        self.update(message)
    }

    /// What the mouse means: the left button and the wheel.
    fn clicked(&self, mouse: MouseEvent) -> Option<Message> {
        match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                self.hits.at(mouse.column, mouse.row).map(Message::Click)
            }
            MouseEventKind::ScrollUp => Some(Message::Wheel(-WHEEL)),
            MouseEventKind::ScrollDown => Some(Message::Wheel(WHEEL)),
            _ => None,
        }
    }

    /// What is handed to the clipboard; it is named, because the terminal does not say whether it
    /// took it.
    fn text_of(&mut self, what: Copied) -> Option<String> {
        let text = match what {
            Copied::Text(text) => text,
            Copied::Commands(plan) => report::script(&plan),
            Copied::Entry(entry) => {
                let history = journal::History { entries: vec![*entry], ..Default::default() };
                let mut text = Vec::new();
                journal::text(&history, &TimeZone::system(), &mut text).ok()?;
                String::from_utf8_lossy(&text).into_owned()
            }
            Copied::Connection(connection) => report::connections::line(&connection),
            Copied::Rows(rows) => {
                let wanted: Vec<_> = rows
                    .iter()
                    .map(|row| match row {
                        Row::Service(service) => (*service, None),
                        Row::Server(service, server) => (*service, Some(*server)),
                    })
                    .collect();
                report::rows(self.model.shown()?, &wanted)
            }
        };
        self.update(Message::Copied(text.clone()));
        Some(text)
    }

    fn update(&mut self, message: Message) -> Option<End> {
        for effect in self.model.update(message) {
            match effect {
                Effect::Apply(ticket, order) => self.worker.ask(Request::Apply(ticket, order)),
                Effect::Follow(servers) => self.worker.ask(Request::Follow(servers)),
                Effect::Connections(ask) => self.worker.ask(Request::Connections(ask)),
                Effect::Copy(what) => self.copy = self.text_of(what),
                Effect::ToggleMouse => {
                    self.mouse = !self.mouse;
                    self.update(Message::Mouse(self.mouse));
                }
                Effect::Refresh => {
                    self.repaint = true;
                    self.worker.ask(Request::Refresh);
                }
                Effect::Play(play) => self.worker.ask(Request::Play(play)),
                Effect::NextTheme => {
                    self.themes.step();
                    self.look.theme = self.themes.theme().clone();
                    self.update(Message::Theme(self.themes.name().to_owned()));
                }
                Effect::Quit => return Some(End::Quit),
            }
        }
        None
    }

    /// Draws. Where fewer rows fit than before, the selected one may have been below them: the model
    /// has scrolled since, and true says that there is more to be drawn.
    fn draw(&mut self, terminal: &mut Terminal) -> anyhow::Result<bool> {
        let rows = self.hits.rows.height;
        let (model, look) = (&self.model, &self.look);
        let mut hits = HitBoxes::default();
        terminal
            .draw(|frame| hits = draw(model, look, frame))
            .context("the terminal cannot be written")?;
        let (page, lines) = (hits.rows.height.into(), hits.lines);
        self.update(Message::Drawn { page, lines, too_small: hits.too_small });
        if hits.visible != self.visible {
            self.visible.clone_from(&hits.visible);
            self.worker.ask(Request::Visible(hits.visible.clone()));
        }
        self.hits = hits;
        self.frames.drawn(Instant::now());
        Ok(self.hits.rows.height < rows)
    }
}

/// That moment, when there is one to wait for.
async fn until(moment: Option<Instant>) {
    if let Some(moment) = moment {
        sleep_until(moment).await;
    }
}

/// Ctrl-Z reaches a program in raw mode as a key.
fn is_suspend(event: &Event) -> bool {
    use crossterm::event::{KeyCode, KeyModifiers};
    matches!(event, Event::Key(key) if key.code == KeyCode::Char('z')
        && key.modifiers == KeyModifiers::CONTROL)
}
