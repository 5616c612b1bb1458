//! What the tests of the journal work with: disks, processes that die, plans.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ipvs_tui::ipvs::*;
use ipvs_tui::journal::*;
use ipvs_tui::plan::Plan;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A disk in memory that can be full, fail, and be looked at.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Content>>);

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    room: Option<usize>,
    reserves: bool,
    reserved: usize,
    failing_sync: bool,
    synced: usize,
    locked: bool,
}

impl Disk {
    pub(crate) fn holding(bytes: &[u8]) -> Self {
        let disk = Self::default();
        disk.push(bytes);
        disk
    }

    fn with<T>(&self, act: impl FnOnce(&mut Content) -> T) -> T {
        act(&mut self.0.lock().unwrap())
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.with(|c| c.bytes.clone())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }

    pub(crate) fn push(&self, bytes: &[u8]) {
        self.with(|c| c.bytes.extend(bytes));
    }

    pub(crate) fn truncate(&self, length: usize) {
        self.with(|c| c.bytes.truncate(length));
    }

    pub(crate) fn room(&self, room: Option<usize>) {
        self.with(|c| c.room = room);
    }

    pub(crate) fn reserves(&self, reserves: bool) {
        self.with(|c| c.reserves = reserves);
    }

    pub(crate) fn reserved(&self) -> usize {
        self.with(|c| c.reserved)
    }

    pub(crate) fn failing_sync(&self, failing: bool) {
        self.with(|c| c.failing_sync = failing);
    }

    /// How many lines are written and not synced.
    pub(crate) fn loose(&self) -> usize {
        self.with(|c| c.bytes[c.synced..].iter().filter(|b| **b == b'\n').count())
    }

    pub(crate) fn locked(&self) -> bool {
        self.with(|c| c.locked)
    }

    /// A process that writes on it, by a clock that goes on by a second at every look.
    pub(crate) fn journal(&self) -> Journal {
        let seconds = AtomicU64::new(0);
        let clock = move || start() + tick(seconds.fetch_add(1, Ordering::Relaxed));
        Journal::on(Box::new(self.clone()), "j".into(), author(), Box::new(clock))
    }

    /// The same by a clock that stands still.
    pub(crate) fn journal_at(&self, second: u64) -> Journal {
        let clock = move || start() + tick(second);
        Journal::on(Box::new(self.clone()), "j".into(), author(), Box::new(clock))
    }

    pub(crate) fn read(&self) -> History {
        read_from(&mut self.bytes().as_slice(), None).unwrap()
    }
}

impl Store for Disk {
    fn acquire(&mut self, _: &Holder) -> Result<(), JournalError> {
        self.with(|c| c.locked = true);
        Ok(())
    }

    fn release(&mut self) {
        self.with(|c| c.locked = false);
    }

    fn torn(&mut self) -> io::Result<bool> {
        Ok(self.with(|c| c.bytes.last().is_some_and(|b| *b != b'\n')))
    }

    fn newest(&mut self) -> io::Result<Option<Id>> {
        let history = self.read();
        let entries = history.entries.iter().map(Entry::id);
        Ok(entries.chain(history.drains.iter().map(Drain::id)).max())
    }

    fn reserve(&mut self, bytes: u64) -> io::Result<()> {
        self.with(|c| {
            let wanted = c.bytes.len() + usize::try_from(bytes).unwrap();
            if c.reserves && c.room.is_some_and(|room| wanted > room) {
                return Err(io::Error::from_raw_os_error(28));
            }
            c.reserved = wanted;
            Ok(())
        })
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.with(|c| {
            assert!(c.locked, "nothing is written without the lock");
            let fits = c.room.map_or(bytes.len(), |room| room.saturating_sub(c.bytes.len()));
            let fits = fits.min(bytes.len());
            c.bytes.extend(&bytes[..fits]);
            if fits < bytes.len() { Err(io::Error::from_raw_os_error(28)) } else { Ok(()) }
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.with(|c| {
            if c.failing_sync {
                return Err(io::Error::from_raw_os_error(5));
            }
            c.synced = c.bytes.len();
            Ok(())
        })
    }
}

/// A folder that goes when the test is over.
pub(crate) struct Home(pub(crate) PathBuf);

impl Home {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("journal-{}-{number}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn place(&self, name: &str) -> Place {
        Place::at(&self.0.join(name)).unwrap()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

pub(crate) struct Unmount(pub(crate) PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

/// A process that journals a plan and stops after each thing it does.
pub(crate) struct Helper {
    pub(crate) child: Child,
    said: BufReader<std::process::ChildStderr>,
}

impl Helper {
    pub(crate) fn start(place: &Place) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "helper_process", "--ignored", "--nocapture"])
            .env("JOURNAL_HELPER", place.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap());
        Self { child, said }
    }

    /// Lets it do so many things, and says which.
    pub(crate) fn until(&mut self, count: usize) -> Vec<String> {
        let mut all = Vec::new();
        for turn in 0..count {
            if turn > 0 {
                self.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
            }
            let mut line = String::new();
            self.said.read_line(&mut line).unwrap();
            all.push(line.trim_end().to_owned());
        }
        all
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A journal of that many bytes that is made while it is read.
pub(crate) struct Long {
    left: u64,
    number: u64,
    ready: Vec<u8>,
    used: usize,
}

impl Long {
    pub(crate) fn new(length: u64) -> Self {
        Self { left: length, number: 0, ready: Vec::new(), used: 0 }
    }
}

impl Read for Long {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.used == self.ready.len() {
            if self.left == 0 {
                return Ok(0);
            }
            let disk = Disk::default();
            whole(&mut disk.journal_at(self.number), Act::new(plan(20)), 20);
            self.number += 1;
            (self.ready, self.used) = (disk.bytes(), 0);
            self.left = self.left.saturating_sub(self.ready.len() as u64);
        }
        let piece = into.len().min(self.ready.len() - self.used);
        into[..piece].copy_from_slice(&self.ready[self.used..self.used + piece]);
        self.used += piece;
        Ok(piece)
    }
}

pub(crate) fn start() -> Timestamp {
    "2026-11-21T03:49:00.25Z".parse().unwrap()
}

pub(crate) fn end_of_tests() -> Timestamp {
    start() + tick(1000)
}

pub(crate) fn tick(seconds: u64) -> jiff::SignedDuration {
    jiff::SignedDuration::from_secs(i64::try_from(seconds).unwrap())
}

pub(crate) fn scene() -> Scene {
    Scene {
        host: "lb1".to_owned(),
        namespace: None,
        namespace_inode: Some(4_026_531_840),
        boot_id: Some("6e1c0c3c-0000-4000-8000-000000000000".to_owned()),
    }
}

pub(crate) fn author() -> Author {
    let operator = Operator {
        uid: 0,
        name: Some("root".to_owned()),
        sudo_user: Some("alice".to_owned()),
        login_uid: Some(1000),
        tty: Some("/dev/pts/3".to_owned()),
        ssh_connection: Some("192.0.2.7 50022 192.0.2.1 22".to_owned()),
    };
    Author { operator, scene: scene(), pid: 42 }
}

pub(crate) fn service() -> ServiceKey {
    "TCP 10.0.0.1:80".parse().unwrap()
}

/// Change `index` of every plan of these tests.
pub(crate) fn weight(index: usize) -> Change {
    let key = ServerKey::new([10, 1, 1, u8::try_from(index).unwrap()].into(), 80);
    let before = Server::new(key, Forwarding::Masq, 10 + u32::try_from(index).unwrap());
    Change::weight(service(), &before, 0)
}

pub(crate) fn plan(changes: usize) -> Plan {
    let changes: Vec<Change> = (0..changes).map(weight).collect();
    let title = match changes.as_slice() {
        [one] => one.to_string(),
        many => format!("quiesce {} servers", many.len()),
    };
    Plan { title, changes }
}

pub(crate) fn made(change: Change) -> StepOutcome {
    StepOutcome::Made { change }
}

pub(crate) fn refused(why: &str) -> StepOutcome {
    StepOutcome::Refused { why: why.to_owned() }
}

pub(crate) fn terms() -> Terms {
    let server = "10.1.1.0:80".parse().unwrap();
    Terms {
        target: "10.1.1.0".to_owned(),
        reason: "kernel update".to_owned(),
        servers: vec![Drained { service: service(), server, weight: 10 }],
        timeout_seconds: Some(600),
        then: Then::Restore,
    }
}

/// An entry all of whose changes are made.
pub(crate) fn whole(journal: &mut Journal, act: Act, changes: usize) -> Id {
    let id = journal.begin(act).unwrap();
    for index in 0..changes {
        journal.step(id, index, made(weight(index))).unwrap();
    }
    journal.end(id, "").unwrap();
    id
}

pub(crate) fn whole_entry(journal: &mut Journal) -> Id {
    whole(journal, Act::new(plan(1)), 1)
}

pub(crate) fn open(place: &Place) -> Journal {
    let seconds = AtomicU64::new(0);
    let clock = move || start() + tick(seconds.fetch_add(1, Ordering::Relaxed));
    Journal::open(place, author(), Box::new(clock)).unwrap()
}

pub(crate) fn refusal(place: &Place) -> String {
    match Journal::open(place, author(), Box::new(start)) {
        Ok(_) => panic!("{place} was opened"),
        Err(error) => error.to_string(),
    }
}

pub(crate) fn append(path: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

pub(crate) fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let umask = status.lines().find_map(|l| l.strip_prefix("Umask:")).unwrap();
    u32::from_str_radix(umask.trim(), 8).unwrap()
}

/// The states of all entries, a letter a change: made, already, refused, not tried (-), unknown.
pub(crate) fn shorts(history: &History) -> String {
    let states = history.entries.iter().flat_map(|e| &e.states);
    states
        .map(|state| match state {
            State::Made(_) => 'M',
            State::Already => 'A',
            State::Refused(_) => 'R',
            State::NotTried => '-',
            State::Unknown { .. } => '?',
        })
        .collect()
}

pub(crate) fn text_of(history: &History) -> String {
    let mut out = Vec::new();
    let zone = TimeZone::fixed(jiff::tz::offset(1));
    text(history, &zone, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

pub(crate) fn json_of(history: &History) -> String {
    let mut out = Vec::new();
    json(history, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

pub(crate) fn one_of_everything() -> History {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let act = Act { reason: "slow disk".to_owned(), ..Act::new(plan(1)) };
    let first = whole(&mut journal, act, 1);
    let server = Some("10.1.1.9:80".parse().unwrap());
    let (before, after) = (Some("7".to_owned()), Some("0".to_owned()));
    journal.outside((Some(service()), server), "weight", before, after).unwrap();
    let drain = journal.drain_started(terms()).unwrap();
    let act = Act { kind: Kind::Drain, drain: Some(drain), ..Act::new(plan(4)) };
    let half = journal.begin(act).unwrap();
    journal.step(half, 0, made(weight(0))).unwrap();
    journal.step(half, 1, StepOutcome::Already).unwrap();
    drop(journal);
    let mut journal = disk.journal();
    let act = Act { kind: Kind::Undo, undoes: Some(first), ..Act::new(plan(1)) };
    whole(&mut journal, act, 1);
    journal
        .drain_started(Terms { timeout_seconds: None, reason: String::new(), ..terms() })
        .unwrap();
    journal.drain_ended(Ending::new(drain, DrainEnd::Cancelled), "undone").unwrap();
    let refused_one = journal.begin(Act::new(plan(1))).unwrap();
    disk.push(b"{\"journal\":1,\"rec\n");
    journal.step(refused_one, 0, refused("the kernel said no")).unwrap();
    journal.end(refused_one, "").unwrap();
    disk.read()
}
