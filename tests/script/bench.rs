//! A director, a clock and a journal that the test holds; every run is a process of its own to
//! the journal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser;
use ipvs_tui::cli::{Cli, Verb, Wanted};
use ipvs_tui::ipvs::{Change, Server, Service, ServiceKey};
use ipvs_tui::journal::{self, Author, Book, History, Operator, Place, Scene};
use ipvs_tui::kernel::proc::modules::Schedulers;
use ipvs_tui::kernel::proc::owners::Owner;
use ipvs_tui::kernel::sim::{Clock, Director as Sim, Scenario, SimReader};
use ipvs_tui::kernel::{Connections, KernelError, Reader, Want, Writer};
use ipvs_tui::script::{self, Exit, Talk, Time};
use ipvs_tui::snapshot::{ServiceEntry, Snapshot, Sysctls};
use ipvs_tui::worker::{Director, Hand};
use jiff::Timestamp;
use serde_json::Value;

/// Services with their servers, and the sysctls.
pub(crate) type Config = (Vec<(Service, Vec<Server>)>, Sysctls);
type Act = Box<dyn FnOnce(&mut Outside)>;

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) exit: Exit,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The same again, as JSON.
    pub(crate) fn json(&self, bench: &mut Bench, words: &str) -> Value {
        let document = bench.json(words);
        assert_eq!(document["exit_code"], self.exit.code(), "{document}");
        document
    }
}

pub(crate) struct Bench {
    sim: Sim,
    place: Place,
    folder: PathBuf,
    pub(crate) began: Config,
    pub(crate) width: Option<u16>,
    /// What every third reading leaves out.
    pub(crate) forgets: Option<ServiceKey>,
    /// What others do, by the time of the next run.
    acts: BTreeMap<Duration, Act>,
    passed: Duration,
}

/// Someone else at the table.
pub(crate) struct Outside(Sim);

impl Bench {
    pub(crate) fn new(scenario: Scenario) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("script-{}-{number}", std::process::id());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir(&folder).unwrap();
        let place = Place::at(&folder.join("journal")).unwrap();
        let sim = Sim::open(scenario, 1, Clock::Manual);
        let (acts, passed) = (BTreeMap::new(), Duration::ZERO);
        let (began, width, forgets) = (Config::default(), None, None);
        let mut bench = Self { sim, place, folder, began, width, forgets, acts, passed };
        bench.began = bench.config();
        bench
    }

    /// Where the journal is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A process that opens the journal.
    pub(crate) fn book(&self) -> Book {
        let scene = Scene {
            host: "lb1".to_owned(),
            boot_id: Some("a boot".to_owned()),
            ..Scene::default()
        };
        let author = Author { operator: Operator::default(), scene, pid: std::process::id() };
        Book::open(&self.place, author, Box::new(Timestamp::now)).unwrap()
    }

    /// What the command line does, in a process of its own. Words have no blanks: `=` stands for
    /// one in a weight.
    pub(crate) fn run(&mut self, words: &str) -> Ran {
        let wanted = wanted(words);
        let mut director = Director {
            name: "lb1".to_owned(),
            reader: match self.forgets {
                Some(forgets) => {
                    Box::new(Forgetful { reader: self.sim.reader(), forgets, readings: 0 })
                }
                None => Box::new(self.sim.reader()),
            },
            hand: Some(Hand { writer: Box::new(self.sim.writer()), book: self.book() }),
            home: None,
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let width = self.width;
        let width = move || width;
        let mut talk = Talk::new(&mut out, &mut err, &width);
        let acts = std::mem::take(&mut self.acts);
        let mut time = Hands { sim: self.sim.clone(), now: Duration::ZERO, acts };
        let exit = script::run(&wanted, &mut director, &mut talk, &mut time);
        self.passed = time.now;
        Ran { exit, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
    }

    /// The same as a document.
    pub(crate) fn json(&mut self, words: &str) -> Value {
        let ran = self.run(&format!("{words} --json"));
        let document: Value = serde_json::from_str(&ran.out).expect(&ran.out);
        assert_eq!(document["schema"], script::SCHEMA);
        assert_eq!(document["exit_code"], ran.exit.code(), "{document}");
        document
    }

    /// Has someone else do something during the next run.
    pub(crate) fn at(&mut self, time: Duration, act: impl FnOnce(&mut Outside) + 'static) {
        self.acts.insert(time, Box::new(act));
    }

    /// How long the last run took.
    pub(crate) fn now(&self) -> Duration {
        self.passed
    }

    pub(crate) fn history(&self) -> History {
        journal::read(&self.place).unwrap()
    }

    pub(crate) fn table(&self) -> Snapshot {
        self.sim.reader().snapshot(&Want::everything()).unwrap()
    }

    /// What is configured.
    pub(crate) fn config(&self) -> Config {
        let table = self.table();
        let services = table.services.iter().map(|entry| {
            let servers = entry.servers.iter().map(|at| at.server.clone());
            (entry.service.clone(), servers.collect())
        });
        (services.collect(), table.sysctls.get().unwrap().clone())
    }

    pub(crate) fn server(&self, of: (&str, &str)) -> Option<Server> {
        Outside(self.sim.clone()).server(of)
    }

    pub(crate) fn weight(&self, of: (&str, &str)) -> Option<u32> {
        self.server(of).map(|server| server.weight)
    }

    pub(crate) fn set_weight(&mut self, of: (&str, &str), weight: u32) {
        Outside(self.sim.clone()).set_weight(of, weight);
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Outside {
    fn server(&self, (service, server): (&str, &str)) -> Option<Server> {
        let table = self.0.reader().snapshot(&Want::everything()).unwrap();
        let at = table.server(&service.parse().unwrap(), &server.parse().unwrap())?;
        Some(at.server.clone())
    }

    pub(crate) fn set_weight(&mut self, of: (&str, &str), weight: u32) {
        let server = self.server(of).unwrap();
        let change = Change::weight(of.0.parse().unwrap(), &server, weight);
        self.0.writer().apply(&change).unwrap();
    }

    pub(crate) fn delete(&mut self, of: (&str, &str)) {
        let service = of.0.parse().unwrap();
        let change = Change::Server { service, before: self.server(of), after: None };
        self.0.writer().apply(&change).unwrap();
    }
}

/// A director some of whose readings leave a service out, as a kernel's dumps may.
struct Forgetful {
    reader: SimReader,
    forgets: ServiceKey,
    readings: usize,
}

impl Reader for Forgetful {
    fn snapshot(&mut self, want: &Want) -> Result<Snapshot, KernelError> {
        let mut snapshot = self.reader.snapshot(want)?;
        self.readings += 1;
        if self.readings.is_multiple_of(3) {
            snapshot.services.retain(|entry| entry.service.key != self.forgets);
        }
        Ok(snapshot)
    }

    fn service(&mut self, key: &ServiceKey) -> Result<Option<ServiceEntry>, KernelError> {
        self.reader.service(key)
    }

    fn connections(&mut self) -> Result<Box<dyn Connections>, KernelError> {
        self.reader.connections()
    }

    fn owners(&mut self) -> Result<Vec<Owner>, KernelError> {
        self.reader.owners()
    }

    fn schedulers(&mut self) -> Result<Schedulers, KernelError> {
        self.reader.schedulers()
    }

    fn release(&self) -> String {
        self.reader.release()
    }
}

/// A clock that moves only when it is waited on, and the director with it.
struct Hands {
    sim: Sim,
    now: Duration,
    acts: BTreeMap<Duration, Act>,
}

impl Time for Hands {
    fn now(&self) -> Duration {
        self.now
    }

    fn sleep(&mut self, time: Duration) {
        assert!(time > Duration::ZERO, "a pause without an end");
        self.sim.advance(time);
        self.now += time;
        assert!(self.now < Duration::from_secs(7_200), "it never ends");
        while let Some(first) = self.acts.first_entry()
            && *first.key() <= self.now
        {
            first.remove()(&mut Outside(self.sim.clone()));
        }
    }
}

/// What a command line wants.
pub(crate) fn wanted(words: &str) -> Wanted {
    let words = words.split_whitespace().map(|word| match word.strip_prefix("share=") {
        Some(share) => format!("share {share}"),
        None => word.to_owned(),
    });
    let arguments = std::iter::once("ipvs-tui".to_owned()).chain(words);
    match Cli::try_parse_from(arguments).unwrap_or_else(|why| panic!("{why}")).command {
        Some(Verb::Change(change)) => change.wanted().unwrap_or_else(|why| panic!("{why}")),
        other => panic!("{other:?}"),
    }
}

/// A service of a snapshot.
pub(crate) fn told<'a>(table: &'a Snapshot, key: &str) -> &'a ServiceEntry {
    table.service(&key.parse().unwrap()).expect(key)
}

/// The changes of a document: state and what moves.
pub(crate) fn changes(document: &Value) -> Vec<String> {
    let all = document["changes"].as_array().unwrap();
    let told = all.iter().map(|change| {
        let summary = change["summary"].as_str().unwrap();
        let what = summary.rsplit(": ").next().unwrap();
        format!("{} {what}", change["state"].as_str().unwrap())
    });
    told.collect()
}
