//! A worker over the embedded director: what it tells of others, what it records, and a replay of
//! that. Nothing waits: the director is read when it is asked for.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipvs_tui::ipvs::{Change, ServerKey, ServiceKey};
use ipvs_tui::journal::{Act, Author, Book, Operator, Order, Place, Scene};
use ipvs_tui::kernel::{KernelError, Reader, Writer, sim};
use ipvs_tui::model::Ticket;
use ipvs_tui::outside::Theirs;
use ipvs_tui::plan::Plan;
use ipvs_tui::record::{
    About, Direction, Limits, Play, Player, Recorder, Recording, Step, To, kept,
};
use ipvs_tui::snapshot::{Moment, Snapshot};
use ipvs_tui::worker::{Director, Hand, Pace, Report, Request, Worker, apply};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

fn author(pid: u32, name: &str) -> Author {
    let operator = Operator { name: Some(name.to_owned()), ..Operator::default() };
    let scene = Scene { host: "lb1".into(), boot_id: Some("b".into()), ..Scene::default() };
    Author { operator, scene, pid }
}

fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("ipvs-tui-outside-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

struct Console {
    kernel: sim::Director,
    worker: Worker,
    reports: UnboundedReceiver<Report>,
    tickets: u64,
}

/// What was told in answer to something.
#[derive(Default)]
struct Told {
    snapshots: Vec<Arc<Snapshot>>,
    theirs: Vec<Theirs>,
}

impl Console {
    /// A console of alice's, whose journal is `journal`.
    fn open(journal: Option<PathBuf>, record: Option<PathBuf>) -> Self {
        let step = sim::Clock::Step(Duration::from_secs(1));
        let kernel = sim::Director::open("web".parse().unwrap(), 1, step);
        let (director, wall) = (kernel.clone(), kernel.clone());
        let (sender, reports) = unbounded_channel();
        let open = move || {
            let clock = Box::new(move || wall.time());
            let author = author(7, "alice");
            let book = match journal {
                Some(path) => Book::open(&Place::at(&path).unwrap(), author, clock).unwrap(),
                None => Book::in_memory(author, clock),
            };
            let hand = Hand { writer: Box::new(director.writer()), book };
            let reader = Box::new(director.reader());
            let recorder = record.map(|path| {
                let about = About {
                    program: "test".into(),
                    name: "web".into(),
                    interval_ms: 1_000,
                    began: director.time(),
                };
                Recorder::open(Place::at(&path).unwrap(), Limits::default(), about).unwrap()
            });
            let director = Director { name: "web".into(), reader, hand: Some(hand), home: None };
            Ok::<_, KernelError>((director, recorder))
        };
        let once = Pace::Asked(NonZeroU32::MIN);
        let worker = Worker::recording(open, once, sender).unwrap();
        let mut console = Self { kernel, worker, reports, tickets: 0 };
        console.wait(|report| matches!(report, Report::Machine(..)));
        console
    }

    /// What is told until it is `enough`.
    fn wait(&mut self, enough: impl Fn(&Report) -> bool) -> Told {
        let mut told = Told::default();
        loop {
            let report = self.reports.blocking_recv().unwrap();
            let last = enough(&report);
            match report {
                Report::Snapshot(snapshot) => told.snapshots.push(snapshot),
                Report::Theirs(theirs) => told.theirs.extend(theirs.iter().cloned()),
                _ => {}
            }
            if last {
                return told;
            }
        }
    }

    /// Reads once more. The next reading's snapshot ends what this one told.
    fn look(&mut self) -> Told {
        let snapshot = |report: &Report| matches!(report, Report::Snapshot(_));
        self.worker.ask(Request::Refresh);
        let mut told = self.wait(snapshot);
        self.worker.ask(Request::Refresh);
        let more = self.wait(snapshot);
        told.theirs.extend(more.theirs);
        told.snapshots.extend(more.snapshots);
        told
    }

    fn apply(&mut self, change: Change) -> Told {
        self.tickets += 1;
        let plan = Plan { title: change.to_string(), changes: vec![change] };
        let order = Box::new(Order::new(Act::new(plan)));
        self.worker.ask(Request::Apply(Ticket(self.tickets), order));
        let mut told = self.wait(|report| match report {
            Report::Outcome(_, outcome, _) => {
                assert_eq!(outcome.failed, None);
                true
            }
            _ => false,
        });
        let more = self.look();
        told.theirs.extend(more.theirs);
        told.snapshots.extend(more.snapshots);
        told
    }

    fn weight_to(&self, server: &str, weight: u32) -> Change {
        let (service, server) = keys(server);
        let entry = self.kernel.reader().service(&service).unwrap().unwrap();
        Change::weight(service, &entry.server(&server).unwrap().server, weight)
    }

    fn outside(&self, server: &str, weight: u32) {
        self.kernel.writer().apply(&self.weight_to(server, weight)).unwrap();
    }
}

fn keys(server: &str) -> (ServiceKey, ServerKey) {
    ("TCP 10.0.0.1:80".parse().unwrap(), server.parse().unwrap())
}

const FIRST: &str = "10.1.1.2:80";
const THIRD: &str = "10.1.3.2:80";

#[test]
fn own_changes_are_not_told_and_those_of_others_are() {
    let mut console = Console::open(None, None);
    let told = console.apply(console.weight_to(FIRST, 4));
    assert_eq!(told.theirs, [], "an own change");
    console.outside(FIRST, 9);
    console.outside(THIRD, 1);
    let told = console.look();
    let words: Vec<String> = told.theirs.iter().map(ToString::to_string).collect();
    assert_eq!(
        words,
        [
            "real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 4 -> 9",
            "real server 10.1.3.2:80 of TCP 10.0.0.1:80: weight 10 -> 1",
        ]
    );
    assert!(told.theirs.iter().all(Theirs::is_outside));
    // Somebody is faster than an own plan, which then refuses: theirs is told, ours was none.
    let planned = console.weight_to(FIRST, 0);
    console.outside(FIRST, 5);
    let plan = Plan { title: "late".into(), changes: vec![planned] };
    let order = Box::new(Order::new(Act::new(plan)));
    console.worker.ask(Request::Apply(Ticket(99), order));
    let mut theirs = console.wait(|r| matches!(r, Report::Outcome(..))).theirs;
    theirs.extend(console.look().theirs);
    assert_eq!(theirs.len(), 1);
    assert!(theirs[0].to_string().ends_with("weight 9 -> 5"), "{theirs:?}");
}

/// Another console, with the same journal: what it does is told as its doing.
#[test]
fn a_script_that_shares_the_journal_is_named() {
    let folder = folder("shared");
    let journal = folder.join("journal.jsonl");
    let mut console = Console::open(Some(journal.clone()), None);
    let (kernel, wall) = (console.kernel.clone(), console.kernel.clone());
    let place = Place::at(&journal).unwrap();
    let clock = Box::new(move || wall.time());
    let book = Book::open(&place, author(8, "bob"), clock).unwrap();
    let hand = Hand { writer: Box::new(kernel.writer()), book };
    let reader = Box::new(kernel.reader());
    let mut bob = Director { name: "web".into(), reader, hand: Some(hand), home: None };
    let change = console.weight_to(FIRST, 2);
    let plan = Plan { title: change.to_string(), changes: vec![change] };
    let (outcome, written) = apply(&Order::new(Act::new(plan)), &mut bob);
    assert_eq!(outcome.failed, None);
    let told = console.look();
    let [theirs] = &told.theirs[..] else { panic!("{:?}", told.theirs) };
    let by = theirs.by.as_ref().unwrap();
    assert_eq!((by.who.as_str(), Some(by.id)), ("bob", written.entry));
    // What comes from outside at the same time is not his.
    console.outside(THIRD, 3);
    let told = console.look();
    assert!(told.theirs.len() == 1 && told.theirs[0].is_outside(), "{:?}", told.theirs);
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_the_console_saw_is_what_is_played() {
    let folder = folder("replay");
    let path = folder.join("rec");
    let mut console = Console::open(None, Some(path.clone()));
    let mut seen = Vec::new();
    let mut theirs = Vec::new();
    let mut take = |told: Told| {
        seen.extend(told.snapshots);
        theirs.extend(told.theirs);
    };
    for n in 0..20 {
        match n {
            5 => take(console.apply(console.weight_to(FIRST, 3))),
            9 => console.outside(THIRD, 7),
            _ => {}
        }
        take(console.look());
    }
    console.worker.stop(); // and the recorder with it
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.damages(), []);
    let mut played = Vec::new();
    let mut told = Vec::new();
    let mut plans = BTreeSet::new();
    for step in recording.steps() {
        match step {
            Step::Snapshot(snapshot) => played.push(snapshot),
            Step::Theirs(theirs) => told.extend(theirs),
            Step::Journal(news) => {
                plans.extend(news.history.entries.iter().map(|e| e.intent.plan.title.clone()));
            }
            _ => {}
        }
    }
    let expected: Vec<Snapshot> = seen.iter().map(|s| kept((**s).clone())).collect();
    // The first was read before this test began to look.
    assert!(played.iter().skip(1).map(|s| &**s).eq(expected.iter()));
    assert_eq!(told, theirs);
    assert_eq!(theirs.len(), 1);
    let own = "real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 10 -> 3";
    assert_eq!(plans.into_iter().collect::<Vec<_>>(), [own]);

    // The same through the worker that plays it.
    let begun = Instant::now();
    let mut player = Player::new(recording, Moment::default());
    player.pause(true, Moment::default());
    let (sender, mut reports) = unbounded_channel();
    let worker = Worker::replay("web".into(), player, begun, sender).unwrap();
    let mut go = |play: Play| {
        worker.ask(Request::Play(play));
        let mut scene = None;
        loop {
            match reports.blocking_recv().unwrap() {
                Report::Scene(found) => scene = Some(found),
                Report::Playing(playing) => return (scene, playing),
                _ => {}
            }
        }
    };
    let weight = |snapshot: &Snapshot, server| {
        let (service, server) = keys(server);
        snapshot.server(&service, &server).unwrap().server.weight
    };
    let next = Play::To(To::Change(Direction::Forward));
    // The own plan, written down while it is under way and when it is through.
    let (scene, playing) = go(next);
    let scene = scene.unwrap();
    assert_eq!(weight(&scene.snapshot, FIRST), 3);
    assert_eq!(scene.news.unwrap().history.entries.len(), 1);
    assert!(playing.paused);
    // What came from outside.
    let mut scene = go(next).0.unwrap();
    if scene.outside.outside() == 0 {
        scene = go(next).0.unwrap();
    }
    assert_eq!((weight(&scene.snapshot, FIRST), weight(&scene.snapshot, THIRD)), (3, 7));
    assert_eq!(scene.outside.outside(), 1);
    assert!(go(next).0.is_none(), "there is no other");
    std::fs::remove_dir_all(folder).unwrap();
}
