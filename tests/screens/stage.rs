//! The console without a terminal.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ipvs_tui::connections::{
    self, Attention, Cost, Errand, Holder, Limits, Still, Survey, Told, Under,
};
use ipvs_tui::drain::{Drain, take};
use ipvs_tui::glyphs;
use ipvs_tui::ipvs::*;
use ipvs_tui::journal::{Author, Book, Operator, Scene, Written};
use ipvs_tui::kernel::sim::{self, Scenario};
use ipvs_tui::kernel::{KernelError, Want, Writer};
use ipvs_tui::keys::Keymap;
use ipvs_tui::model::{Effect, Message, Model, Ticket, Tone};
use ipvs_tui::plan::Outcome;
use ipvs_tui::snapshot::{Moment, Snapshot};
use ipvs_tui::theme::{Depth, Theme, Themes};
use ipvs_tui::view::{HitBoxes, Look, draw};
use ipvs_tui::worker::{Director, Hand, apply};
use jiff::Timestamp;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

/// Somebody, somewhere, always the same.
fn author() -> Author {
    let operator = Operator { uid: 1000, name: Some("alice".to_owned()), ..Operator::default() };
    let scene = Scene {
        host: "lb1".to_owned(),
        namespace: None,
        namespace_inode: Some(1),
        boot_id: Some("boot".to_owned()),
    };
    Author { operator, scene, pid: 7 }
}

/// A compiled theme.
pub(crate) fn theme(name: &str, depth: Depth) -> Theme {
    Themes::built_in().unwrap().get(name, depth).unwrap()
}

/// Every size that the console promises to be of use at, and the one that it grows into.
pub(crate) const SIZES: [(u16, u16); 4] = [(60, 15), (80, 24), (120, 36), (200, 60)];

/// A console without a terminal, on a director without a clock of its own.
pub(crate) struct Stage {
    /// The kernel, for clients and for time.
    pub(crate) kernel: sim::Director,
    /// What the worker owns.
    pub(crate) director: Director,
    /// The journal's clock: the last snapshot's.
    wall: Arc<Mutex<Timestamp>>,
    pub(crate) keymap: Keymap,
    pub(crate) model: Model,
    pub(crate) look: Look,
    pub(crate) size: (u16, u16),
    pub(crate) last: Option<Snapshot>,
}

impl Stage {
    /// A director that moves on by a second with every poll.
    pub(crate) fn new(scenario: Scenario) -> Self {
        let kernel = sim::Director::open(scenario, 1, sim::Clock::Step(Duration::from_secs(1)));
        let wall = Arc::new(Mutex::new(Timestamp::UNIX_EPOCH));
        let clock = {
            let wall = Arc::clone(&wall);
            Box::new(move || *wall.lock().unwrap())
        };
        let hand =
            Hand { writer: Box::new(kernel.writer()), book: Book::in_memory(author(), clock) };
        let director = Director {
            name: "lb1".to_owned(),
            reader: Box::new(kernel.reader()),
            hand: Some(hand),
            home: None,
        };
        Self {
            kernel,
            director,
            wall,
            keymap: Keymap::defaults(false).unwrap(),
            model: Model::new("lb1".to_owned(), Duration::from_secs(1), false),
            look: Look { theme: theme("ansi", Depth::Ansi), glyphs: glyphs::UNICODE },
            size: (80, 24),
            last: None,
        }
    }

    /// The scenario `web`, half a minute in.
    pub(crate) fn web() -> Self {
        let mut stage = Self::new(Scenario::Web);
        stage.polls(30);
        stage
    }

    pub(crate) fn watching(mut self) -> Self {
        self.keymap = Keymap::defaults(true).unwrap();
        self.model.read_only = true;
        self
    }

    pub(crate) fn sized(mut self, size: (u16, u16)) -> Self {
        self.size = size;
        self.draw();
        self
    }

    pub(crate) fn ascii(mut self) -> Self {
        self.look.glyphs = glyphs::ASCII;
        self
    }

    pub(crate) fn polls(&mut self, times: usize) {
        for _ in 0..times {
            let snapshot = self.director.reader.snapshot(&Want::everything()).unwrap();
            self.take_in(snapshot);
        }
    }

    /// A poll by whoever made it. The console's clock is the snapshot's.
    pub(crate) fn take_in(&mut self, snapshot: Snapshot) {
        let now = snapshot.at;
        *self.wall.lock().unwrap() = snapshot.taken;
        self.last = Some(snapshot.clone());
        let effects = self.model.update(Message::Snapshot(Arc::new(snapshot), now));
        self.carry_out(effects);
    }

    /// A poll that fails, so many seconds after the last that did not.
    pub(crate) fn fails(&mut self, after: u64, error: KernelError) {
        let last = self.last.as_ref().map_or(Duration::ZERO, |s| s.at.0);
        let now = Moment(last + Duration::from_secs(after));
        self.model.update(Message::Unreadable(error, now));
    }

    /// Time passes on the console's clock, and nothing else happens.
    pub(crate) fn idles(&mut self, seconds: u64) {
        let now = Moment(self.model.now.0 + Duration::from_secs(seconds));
        self.model.update(Message::Clock(now));
    }

    /// Someone else changes the director.
    pub(crate) fn outside(&mut self, change: &Change) {
        self.kernel.writer().apply(change).unwrap();
    }

    /// Someone else sets a weight.
    pub(crate) fn outside_weight(&mut self, service: &str, server: &str, weight: u32) {
        let (service, server) = keys(service, server);
        let now = self.director.reader.service(&service).unwrap().unwrap();
        let now = now.server(&server).unwrap().server.clone();
        self.outside(&Change::weight(service, &now, weight));
    }

    /// A key; what is to be done about it is not done.
    pub(crate) fn key(&mut self, code: KeyCode) -> Vec<Effect> {
        let event = KeyEvent::new(code, KeyModifiers::NONE);
        let message = self.keymap.message(event, &self.model);
        message.map(|m| self.model.update(m)).unwrap_or_default()
    }

    /// Text as keys; the effects of all of them.
    pub(crate) fn types(&mut self, text: &str) -> Vec<Effect> {
        text.chars().flat_map(|c| self.key(KeyCode::Char(c))).collect()
    }

    /// Does what is to be done, as the worker does: apply, poll, tell. What follows from the
    /// outcome is done too.
    pub(crate) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Apply(ticket, order) => {
                    let (outcome, written) = apply(&order, &mut self.director);
                    self.polls(1);
                    self.news();
                    let more = self.tell(ticket, outcome, written);
                    self.carry_out(more);
                }
                Effect::Follow(_) => {}
                Effect::Connections(errand) => self.run(&errand),
                other => panic!("{other:?}"),
            }
        }
    }

    /// What the journal says, as the worker tells it.
    pub(crate) fn news(&mut self) {
        let Some(hand) = &mut self.director.hand else { return };
        let news = hand.book.news(Vec::new()).unwrap();
        let effects = self.model.update(Message::Journal(Arc::new(news)));
        self.carry_out(effects);
    }

    /// The connection table as far as `rows`, as the worker tells it.
    pub(crate) fn sample(&mut self, rows: usize) {
        let told = Told::Sample(Arc::new(self.survey(rows)));
        self.tells(told);
    }

    /// Something is told of the connection table.
    pub(crate) fn tells(&mut self, told: Told) {
        let effects = self.model.update(Message::Connections(told));
        self.carry_out(effects);
    }

    pub(crate) fn survey(&mut self, rows: usize) -> Survey {
        let mut pass = self.director.reader.connections().unwrap();
        let (mut holder, mut cost) = (Holder::default(), Cost::default());
        let limits = Limits { cpu: Duration::MAX, rows };
        let go_on = &mut |_: &Under<'_>| ControlFlow::Continue(());
        let passed =
            connections::take(pass.as_mut(), &mut holder, &mut cost, limits, &mut Still, go_on);
        let (passed, repeated) = (passed.unwrap(), holder.repeated());
        let snapshot = self.last.as_ref().unwrap();
        Survey::new((holder.finish(), passed, repeated), cost, None, snapshot)
    }

    /// What the worker does when it is asked.
    fn run(&mut self, errand: &Errand) {
        match errand {
            Errand::Sample(wish) if wish.attention == Attention::Close => self.sample(100_000),
            Errand::Whole => {
                let whole = self.survey(usize::MAX);
                self.tells(Told::Whole(Arc::new(whole)));
            }
            Errand::Names(clients) => {
                let named = clients.iter().map(|client| (*client, sim::name_of(*client)));
                self.tells(Told::Names(named.collect()));
            }
            Errand::Sample(_) | Errand::CallOff => {}
        }
    }

    /// What the connection table says of drained servers.
    pub(crate) fn census(&mut self) {
        let servers = self.model.drains.open().iter().flat_map(Drain::servers).collect();
        let at = self.last.as_ref().unwrap().at;
        let mut pass = self.director.reader.connections().unwrap();
        let census = take(pass.as_mut(), at, &servers).unwrap();
        self.model.update(Message::Census(Arc::new(census)));
    }

    pub(crate) fn tell(
        &mut self,
        ticket: Ticket,
        outcome: Outcome,
        written: Written,
    ) -> Vec<Effect> {
        self.model.update(Message::Outcome(ticket, Box::new(outcome), written))
    }

    /// Types and does what is to be done.
    pub(crate) fn does(&mut self, text: &str) {
        let effects = self.types(text);
        self.carry_out(effects);
    }

    /// On a page with Cancel ready, types the word that the worst plans want, and applies.
    pub(crate) fn types_the_word(&mut self, word: &str) {
        self.key(KeyCode::BackTab);
        self.types(word);
        self.key(KeyCode::Enter);
        let effects = self.key(KeyCode::Enter);
        self.carry_out(effects);
    }

    /// Where things are on the screen.
    pub(crate) fn hits(&mut self) -> HitBoxes {
        self.draw_with_hits().1
    }

    pub(crate) fn draw(&mut self) -> Buffer {
        self.draw_with_hits().0
    }

    fn draw_with_hits(&mut self) -> (Buffer, HitBoxes) {
        let (width, height) = self.size;
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let mut hits = HitBoxes::default();
        // Twice, as the app does: the first frame tells the model how many rows fit.
        for _ in 0..2 {
            terminal.draw(|frame| hits = draw(&self.model, &self.look, frame)).unwrap();
            let page = hits.rows.height.into();
            let effects = self.model.update(Message::Drawn {
                page,
                lines: hits.lines,
                too_small: hits.too_small,
            });
            self.carry_out(effects);
        }
        (terminal.backend().buffer().clone(), hits)
    }

    /// The screen as text, framed so that its edges show.
    pub(crate) fn screen(&mut self) -> String {
        let buffer = self.draw();
        let width = usize::from(self.size.0);
        let cells: Vec<&str> = buffer.content().iter().map(ratatui::buffer::Cell::symbol).collect();
        let mut text = format!("{}x{}\n", self.size.0, self.size.1);
        for line in cells.chunks(width) {
            text.push_str(&format!("|{}|\n", line.concat()));
        }
        text
    }

    pub(crate) fn notice(&self) -> (Tone, &str) {
        self.model.notice.as_ref().map_or((Tone::Info, ""), |n| (n.tone, n.text.as_str()))
    }

    pub(crate) fn weight(&self, service: &str, server: &str) -> u32 {
        let (service, server) = keys(service, server);
        let snapshot = self.model.snapshot.as_ref().unwrap();
        snapshot.server(&service, &server).unwrap().server.weight
    }
}

pub(crate) const HTTP: &str = "TCP 10.0.0.1:80";
pub(crate) const FIRST: &str = "10.1.1.2:80";
pub(crate) const LAST: &str = "10.1.3.2:80";

pub(crate) fn keys(service: &str, server: &str) -> (ServiceKey, ServerKey) {
    (service.parse().unwrap(), server.parse().unwrap())
}

/// The values of a row that are not known. The dots of its lines of values stand together.
pub(crate) fn unknown(row: &str) -> usize {
    row.split_whitespace().filter(|word| *word == "·").count()
}

/// From which weight to which a plan goes, for which server.
pub(crate) fn weights(effect: &Effect) -> (String, u32, u32) {
    let Effect::Apply(_, order) = effect else { panic!("{effect:?}") };
    let changes = &order.act.plan.changes;
    let [Change::Server { before: Some(before), after: Some(after), .. }] = &changes[..] else {
        panic!("{changes:?}")
    };
    (before.key.to_string(), before.weight, after.weight)
}
