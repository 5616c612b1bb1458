//! The console in a terminal: how soon it answers, and what it takes. Built for release.
//!
//! `cargo bench --bench frame` on any machine, over the embedded director:
//!
//! - from the start to the first frame, and to the first one with real servers,
//! - from a key to the end of its frame, at 200x60 with 20,000 real servers, and with 100,000: that
//!   frame in which the selection has moved, found afterwards by a terminal emulation. The keys come
//!   as somebody presses them who looks at the screen, four a second: no more than ten frames are
//!   drawn in any second, so that those of a key that is held down wait for one another,
//! - of such a key, the most frames in a second, and how long after its last one the screen is right,
//! - what the process takes of a core at 80x24 in a minute when nobody types, and of memory,
//! - memory with 1,000 services x 20 servers, all of them busy, after a minute, or after SECONDS with
//!   `frame SECONDS`; the history grows for half an hour, and most in the first minute. What
//!   the embedded director takes in this process is taken off.
//!
//! `tests/lab/bench bookworm frame [SECONDS]` in a guest, over its kernel, root and IPVS needed:
//! memory, and what the process takes of a core in so many seconds (60), with a small table and
//! with 1,000 services x 20 servers. The core is an emulated one and far slower than any other:
//! the demo beside it, in the same guest, tells by how much.
//!
//! Prints what it measured beside the bounds, and fails above them. Whatever else runs on the
//! machine only adds to a time: what missed is measured again, and the best of three counts.

#![allow(clippy::print_stdout)] // a benchmark prints what it saw
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::io::{Read, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use ipvs_tui::ipvs::{
    Change, Forwarding, Protocol, SchedulerName, Server, ServerKey, Service, ServiceKey,
};
use ipvs_tui::kernel::proc::ProcRoot;
use ipvs_tui::kernel::sim::{Clock, Director};
use ipvs_tui::kernel::{Writer, netlink};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// The end of a synchronized frame.
const END: &[u8] = b"\x1b[?2026l";
/// From a key to its frame, 99 of 100 times.
const ANSWER: Duration = Duration::from_millis(16);
const START: Duration = Duration::from_millis(100);
/// MiB that the console may take, of 1,000 x 20 and of a small table.
const LARGE: f64 = 64.0;
const SMALL: f64 = 16.0;
/// Percent of one core when nobody types.
const IDLE: f64 = 0.3;
/// Percent of one core that polling and looking at connections may take by default.
const BUDGETS: [f64; 2] = [5.0, 2.0];
/// How long idling is watched: long enough for what happens every 30 seconds.
const IDLING: Duration = Duration::from_secs(60);
/// On a real core the demo takes some 0.1% with a small table, looks at connections apart: so many
/// times that is [`IDLE`].
const BESIDE_DEMO: f64 = 3.0;
const ROUNDS: usize = 3;
/// Threads that have ended.
const ENDED: &str = "ended";

const TABLE: &str = "big:1000x20";
/// So many are sent.
const KEYS: u64 = 300;
/// Frames in any second, and how long the last of many keys may wait for its own.
const MOST: usize = 10;
const HELD: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    let number = std::env::args().skip(1).find_map(|a| a.parse().ok());
    let mut bounds = Bounds { kept: true };
    if std::env::var_os("IPVS_TUI_LAB").is_some() {
        on_the_kernel(Duration::from_secs(number.unwrap_or(60)), &mut bounds);
    } else {
        start(&mut bounds);
        keys(TABLE, Some(ANSWER), &mut bounds);
        keys("big:5000x20", None, &mut bounds); // five times as many as is promised
        held(TABLE, &mut bounds);
        idle(&["demo", "--scenario", "big:5x4"], IDLING, Some(IDLE), &mut bounds);
        memory(number.map_or(IDLING, Duration::from_secs), &mut bounds);
    }
    if bounds.kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Bounds {
    kept: bool,
}

impl Bounds {
    fn at_most(&mut self, what: &str, value: f64, bound: f64, unit: &str) {
        let missed = if value > bound { "   MISSED" } else { "" };
        self.kept &= value <= bound;
        println!("{what:<58} {value:>8.2} {unit}, at most {bound}{missed}");
    }
}

/// Measures until the bound is kept, three times at most. The best.
fn best(bound: f64, mut measure: impl FnMut() -> f64) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..ROUNDS {
        least = least.min(measure());
        if least <= bound {
            break;
        }
        println!("... {least:.2} is too much, once more");
    }
    least
}

// --- what is measured -------------------------------------------------------------------------

/// From the start to the first frame, the middle of several.
fn start(bounds: &mut Bounds) {
    for (scenario, size) in [("web", (80, 24)), ("web", (200, 60)), (TABLE, (200, 60))] {
        let mut whole = 0.0;
        let measure = || {
            let mut times: Vec<_> = (0..9)
                .map(|_| {
                    let begun = Instant::now();
                    let mut console = Console::start(&["demo", "--scenario", scenario], size);
                    let first = console.until(|_| true).duration_since(begun);
                    let whole = console.until(has_servers);
                    (first, whole.duration_since(begun))
                })
                .collect();
            times.sort_unstable();
            whole = millis(times[times.len() / 2].1);
            millis(times[times.len() / 2].0)
        };
        let what = format!("start to first frame, {scenario} {}x{}", size.0, size.1);
        if scenario == "web" {
            bounds.at_most(&what, best(millis(START), measure), millis(START), "ms");
        } else {
            let first = best(f64::INFINITY, measure);
            println!("{what:<58} {first:>8.2} ms, with the making of the clients");
        }
        println!("{:<58} {whole:>8.2} ms", "... to the first with real servers");
    }
}

/// From keys to their frames.
fn keys(scenario: &str, bound: Option<Duration>, bounds: &mut Bounds) {
    let bound = bound.map_or(f64::INFINITY, millis);
    let within = best(bound, || {
        let mut console = Console::start(&["demo", "--scenario", scenario], (200, 60));
        console.until(has_servers);
        sleep(Duration::from_secs(3));
        console.drain();
        let (before, begun) = (cpu(console.pid()), Instant::now());
        let answers = answers(&mut console);
        let (after, took) = (cpu(console.pid()), begun.elapsed());
        let at =
            |share: f64| millis(answers[((answers.len() - 1) as f64 * share).round() as usize]);
        println!("key to frame, {scenario}, 200x60, {KEYS} keys:");
        let (half, most) = (at(0.5), at(1.0));
        println!("... median {half:.2} ms, 90% {:.2} ms, most {most:.2} ms", at(0.9));
        println!("... {}", spent(&before, &after, took));
        at(0.99)
    });
    bounds.at_most("... 99 of 100 within", within, bound, "ms");
}

/// A key that is held down for some seconds.
fn held(scenario: &str, bounds: &mut Bounds) {
    let mut console = Console::start(&["demo", "--scenario", scenario], (200, 60));
    console.until(has_servers);
    sleep(Duration::from_secs(3));
    console.drain();
    for _ in 0..100 {
        console.type_in("j");
        sleep(Duration::from_millis(33));
    }
    let last = console.type_in("g");
    sleep(Duration::from_secs(2));
    let frames = console.selections();
    let top = frames.last().map(|(_, row)| row.clone()).filter(|row| row.starts_with("3 "));
    assert!(top.is_some(), "the first row is selected: {:?}", frames.last());
    let ends: Vec<Instant> = frames.iter().skip(1).map(|(at, _)| *at).collect();
    let within = |from: &Instant| {
        ends.iter().filter(|at| (*from..*from + Duration::from_secs(1)).contains(at)).count()
    };
    let most = ends.iter().map(within).max().unwrap_or(0);
    println!("a key held down for three seconds, {scenario}, 200x60:");
    bounds.at_most("... the most frames in a second", most as f64, MOST as f64, "frames");
    let right = frames.iter().find(|(at, row)| *at > last && Some(row) == top.as_ref());
    let late = right.map_or(f64::INFINITY, |(at, _)| millis(at.duration_since(last)));
    bounds.at_most("... the screen is right after the last key in", late, millis(HELD), "ms");
}

/// How long after each key its frame had come, the shortest first.
fn answers(console: &mut Console) -> Vec<Duration> {
    // Moves by lines, by pages and to the ends, one after the other, not in step with the polls.
    let moves = ["j", "j", "\x1b[6~", "j", "G", "k", "\x1b[5~", "k", "g", "j"];
    let mut sent = Vec::new();
    for n in 0..KEYS {
        sleep(Duration::from_millis(200 + (n * 37) % 101));
        sent.push(console.type_in(moves[n as usize % moves.len()]));
    }
    sleep(Duration::from_millis(500));
    let frames = console.selections();
    let mut answers = Vec::new();
    for (n, key) in sent.iter().enumerate() {
        let old = frames.iter().rev().find(|(at, _)| at <= key).map(|(_, row)| row.clone());
        let next = sent.get(n + 1).copied().unwrap_or(*key + Duration::from_secs(1));
        let new = frames.iter().find(|(at, row)| at > key && Some(row) != old.as_ref());
        match new {
            Some((at, _)) if *at < next => answers.push(at.duration_since(*key)),
            _ => answers.push(next - *key), // later than the next key: as bad as that
        }
    }
    answers.sort_unstable();
    answers
}

/// What it takes when nobody types, with a small table. The percent of a core, without looks at the
/// connection table.
fn idle(arguments: &[&str], time: Duration, bound: Option<f64>, bounds: &mut Bounds) -> f64 {
    let (mut memory, mut without) = (0.0, 0.0);
    let percent = best(bound.unwrap_or(f64::INFINITY), || {
        let mut console = Console::start(arguments, (80, 24));
        console.until(has_servers);
        sleep(Duration::from_secs(5));
        let (before, begun) = (cpu(console.pid()), Instant::now());
        sleep(time);
        let (after, took) = (cpu(console.pid()), begun.elapsed());
        println!("idle at 80x24, {}: {}", arguments.join(" "), spent(&before, &after, took));
        memory = resident(console.pid());
        let whole = share(&before, &after, took);
        without = whole - of(ENDED, &before, &after, took);
        whole
    });
    if let Some(bound) = bound {
        bounds.at_most("... of a core", percent, bound, "%");
    }
    bounds.at_most("... memory, small table", memory, SMALL, "MiB");
    without
}

/// Memory after so long with a large table.
fn memory(time: Duration, bounds: &mut Bounds) {
    let before = resident(std::process::id());
    let director = Director::open(TABLE.parse().unwrap(), 1, Clock::Manual);
    let own = resident(std::process::id()) - before;
    drop(director);
    let mut console = Console::start(&["demo", "--scenario", TABLE], (200, 60));
    let begun = Instant::now();
    while begun.elapsed() < time {
        sleep(Duration::from_secs(1));
        console.drain();
    }
    let whole = resident(console.pid());
    println!("{TABLE}: {whole:.1} MiB, {own:.1} of them the embedded director");
    let what = format!("... memory after {} s, without it", time.as_secs());
    bounds.at_most(&what, whole - own, LARGE, "MiB");
}

/// Memory and CPU over a real kernel.
fn on_the_kernel(time: Duration, bounds: &mut Bounds) {
    fill(5, 4);
    let here = idle(&["demo", "--scenario", "big:5x4"], time / 2, None, bounds);
    let kernel = idle(&["--no-journal"], time, None, bounds);
    bounds.at_most("... beside the demo on this core", kernel / here, BESIDE_DEMO, "times");

    fill(1_000, 20);
    let mut console = Console::start(&["--no-journal"], (200, 60));
    console.until(has_servers);
    let first = millis(console.begun.elapsed());
    println!("1,000 x 20: {first:.0} ms from the start to the first frame with real servers");
    sleep(Duration::from_secs(10));
    let (before, begun) = (cpu(console.pid()), Instant::now());
    sleep(time);
    let (after, took) = (cpu(console.pid()), begun.elapsed());
    println!("... {}", spent(&before, &after, took));
    for (thread, bound) in ["director", ENDED].into_iter().zip(BUDGETS) {
        let percent = of(thread, &before, &after, took);
        bounds.at_most(&format!("... {thread} of a core"), percent, bound, "%");
    }
    let what = format!("... memory after {} s, no traffic", time.as_secs() + 10);
    bounds.at_most(&what, resident(console.pid()), LARGE, "MiB");
}

/// Makes the table of the guest.
fn fill(services: u32, servers: u32) {
    let (_, mut writer) = netlink::open(&ProcRoot::default()).expect("root and IPVS");
    let mut apply = |change: Change| writer.apply(&change).expect("the kernel takes it");
    apply(Change::Flush);
    for n in 0..services {
        let addr = Ipv4Addr::from_bits(0x0a64_0000 + n / 100);
        let port = u16::try_from(1000 + n % 100).unwrap();
        let key = ServiceKey::endpoint(Protocol::TCP, addr.into(), port);
        let after = Some(Service::new(key, SchedulerName::new("wlc").unwrap()));
        apply(Change::Service { before: None, after });
        for m in 0..servers {
            let server = ServerKey::new(Ipv4Addr::from_bits(0x0a01_0002 + m).into(), port);
            let after = Some(Server::new(server, Forwarding::Masq, 10));
            apply(Change::Server { service: key, before: None, after });
        }
    }
}

/// Whether a real server stands on the screen.
fn has_servers(screen: &str) -> bool {
    ["Route", "Masq"].iter().any(|method| screen.contains(method))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// MiB of memory.
fn resident(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}

/// Each thread's name and the CPU time that it has taken, and those that have ended together: each
/// look at the connection table is one.
fn cpu(pid: u32) -> Vec<(String, Duration)> {
    let mut all = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let task = task.unwrap().path();
        let read = |name: &str| fs::read_to_string(task.join(name)).unwrap_or_default();
        let spent = match read("schedstat").split_whitespace().next() {
            Some(nanos) => Duration::from_nanos(nanos.parse().unwrap()),
            None => {
                let stat = read("stat");
                let fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
                Duration::from_millis(10 * fields.map(|n| n.parse::<u64>().unwrap()).sum::<u64>())
            }
        };
        all.push((read("comm").trim().to_owned(), spent));
    }
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    // In hundredths of a second.
    let whole = Duration::from_millis(10 * fields.map(|n| n.parse::<u64>().unwrap()).sum::<u64>());
    let alive = all.iter().map(|(_, time)| *time).sum();
    all.push((ENDED.to_owned(), whole.saturating_sub(alive)));
    all
}

/// Percent of a core.
fn share(before: &[(String, Duration)], after: &[(String, Duration)], took: Duration) -> f64 {
    let sum = |all: &[(String, Duration)]| all.iter().map(|(_, t)| t.as_secs_f64()).sum::<f64>();
    (sum(after) - sum(before)) / took.as_secs_f64() * 100.0
}

/// Percent of a core that a thread has taken.
fn of(
    thread: &str,
    before: &[(String, Duration)],
    after: &[(String, Duration)],
    took: Duration,
) -> f64 {
    let named = |(name, _): &&(String, Duration)| name == thread;
    let pick = |all: &[(String, Duration)]| all.iter().find(named).cloned().into_iter().collect();
    let [before, after]: [Vec<_>; 2] = [pick(before), pick(after)];
    share(&before, &after, took)
}

fn spent(before: &[(String, Duration)], after: &[(String, Duration)], took: Duration) -> String {
    let mut text = format!("{:.2}% of a core:", share(before, after, took));
    for (name, time) in after {
        let old = before.iter().find(|(n, _)| n == name).map_or(Duration::ZERO, |(_, t)| *t);
        let percent = time.saturating_sub(old).as_secs_f64() / took.as_secs_f64() * 100.0;
        text.push_str(&format!(" {name} {percent:.2}%"));
    }
    text
}

// --- the console in a terminal ----------------------------------------------------------------

/// What the program wrote, piece by piece, with the time at which it came.
type Pieces = Receiver<(Instant, Vec<u8>)>;

struct Console {
    child: Box<dyn Child + Send + Sync>,
    _master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    pieces: Pieces,
    vt: vt100::Parser,
    /// The end of the last piece, where a frame's end may be cut in two.
    tail: Vec<u8>,
    begun: Instant,
}

impl Console {
    fn start(arguments: &[&str], (columns, rows): (u16, u16)) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pty = native_pty_system().openpty(size).unwrap();
        let program = std::env::var("IPVS_TUI_BIN")
            .unwrap_or_else(|_| env!("CARGO_BIN_EXE_ipvs-tui").to_owned());
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env_clear();
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        let begun = Instant::now();
        let child = pty.slave.spawn_command(command).unwrap();
        let mut reader = pty.master.try_clone_reader().unwrap();
        let keyboard = pty.master.take_writer().unwrap();
        let (sender, pieces) = channel();
        spawn(move || {
            let mut bytes = [0; 65_536];
            while let Ok(n @ 1..) = reader.read(&mut bytes) {
                if sender.send((Instant::now(), bytes[..n].to_vec())).is_err() {
                    break;
                }
            }
        });
        let size = |n: u16| n.try_into().unwrap();
        let vt = vt100::Parser::new(size(rows), size(columns), 0);
        let tail = Vec::new();
        Self { child, _master: pty.master, keyboard, pieces, vt, tail, begun }
    }

    fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    fn type_in(&mut self, keys: &str) -> Instant {
        let now = Instant::now();
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        now
    }

    /// Takes a piece in. Whether a frame ended in it.
    fn take(&mut self, bytes: &[u8]) -> bool {
        self.vt.process(bytes);
        self.tail.extend_from_slice(bytes);
        let ended = self.tail.windows(END.len()).any(|w| w == END);
        self.tail.drain(..self.tail.len().saturating_sub(END.len() - 1));
        ended
    }

    /// When the frame had come in which the screen is as it is `wanted`.
    fn until(&mut self, wanted: impl Fn(&str) -> bool) -> Instant {
        loop {
            let (at, bytes) = self.pieces.recv_timeout(Duration::from_secs(60)).unwrap();
            if self.take(&bytes) && wanted(&self.vt.screen().contents()) {
                return at;
            }
        }
    }

    fn drain(&mut self) {
        while let Ok((_, bytes)) = self.pieces.try_recv() {
            self.take(&bytes);
        }
    }

    /// Every frame since then, with its end and the selected row.
    fn selections(&mut self) -> Vec<(Instant, String)> {
        let mut frames = vec![(self.begun, selected(self.vt.screen()))];
        while let Ok((at, bytes)) = self.pieces.try_recv() {
            if self.take(&bytes) {
                frames.push((at, selected(self.vt.screen())));
            }
        }
        frames
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the selection is, and what is there.
fn selected(screen: &vt100::Screen) -> String {
    let (_, columns) = screen.size();
    let mut rows = screen.rows(0, columns.get()).enumerate();
    let found = rows.find(|(_, row)| row.starts_with('▌'));
    found.map_or_else(String::new, |(y, row)| {
        let name: Vec<&str> = row.split_whitespace().take(3).collect();
        format!("{y} {}", name.join(" "))
    })
}
