//! What a poll costs on the real kernel, side by side in one run.
//!
//! Needs root and IPVS, and replaces the table: `tests/lab/bench` runs it in a guest. Makes
//! 1,000 services x 20 servers (or `poll SERVICES SERVERS`) and times, round after round:
//!
//! - the bare netlink dumps, without looking inside,
//! - a whole poll, from the request to the snapshot and the history,
//! - `ipvsadm -Ln --rate`, which people watch today,
//!
//! and then a tick at the defaults, by the worker as the console runs it, with a large screen:
//! services, what is on the screen, a share of the rest, and the history.
//!
//! Prints the CPU time of each and their ratios, and fails above the bounds.

#![allow(clippy::print_stdout, clippy::print_stderr)] // a benchmark prints what it saw

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use ipvs_tui::connections::Budget;
use ipvs_tui::history::History;
use ipvs_tui::ipvs::{
    Change, Forwarding, Protocol, SchedulerName, Server, ServerKey, Service, ServiceKey,
};
use ipvs_tui::kernel::proc::ProcRoot;
use ipvs_tui::kernel::{KernelError, Reader, Want, Writer, netlink};
use ipvs_tui::model::BUDGET;
use ipvs_tui::worker::{Director, Pace, Report, Request, Worker};
use procfs::process::Process;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use rustix::time::{ClockId, clock_gettime};
use tokio::sync::mpsc::unbounded_channel;

/// What may cost how much of what.
const BOUNDS: [(&str, &str, f64); 3] =
    [(POLL, BARE, 1.3), (POLL, IPVSADM, 1.0 / 5.0), (TICK, IPVSADM_MEAN, 1.0 / 15.0)];
const BARE: &str = "the bare dumps";
const POLL: &str = "a whole poll";
const TICK: &str = "a tick at the defaults";
const IPVSADM: &str = "ipvsadm -Ln --rate";
/// As ticks are told, of which the fastest would be one that reads nothing beside the services.
const IPVSADM_MEAN: &str = "the same, as a rule";

/// So many rounds without a faster one are enough.
const ROUNDS: usize = 15;
const MOST_ROUNDS: usize = 60;
/// Ticks until the worker has learned what the budget leaves room for, and those that count.
const TICKS: (usize, usize) = (4, 12);

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).filter_map(|a| a.parse().ok());
    let (services, servers) = (numbers.next().unwrap_or(1000), numbers.next().unwrap_or(20));
    match run(services, servers) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("poll: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(services: u32, servers: u32) -> Result<bool, KernelError> {
    let (mut reader, mut writer) = netlink::open(&ProcRoot::default())?;
    let keys = fill(&mut writer, services, servers)?;
    let all = Want { detail: None, surroundings: false };
    let mut history = History::default();
    let (mut bare, mut read, mut past, mut ipvsadm) = (vec![], vec![], vec![], vec![]);
    let mut bytes = 0;
    // More of them where other work on the machine keeps the fastest from being that yet.
    let (mut best, mut since, mut rounds) = ([Duration::MAX; 3], 0, 0);
    while since < ROUNDS && rounds < MOST_ROUNDS {
        bare.push(cpu(|| {
            bytes = reader.bare_dumps(&keys)?;
            Ok(())
        })?);
        let mut snapshot = None;
        read.push(cpu(|| {
            snapshot = Some(reader.snapshot(&all)?);
            Ok(())
        })?);
        past.push(cpu(|| {
            snapshot.iter().for_each(|s| history.push(s));
            drop(snapshot);
            Ok(())
        })?);
        let mut listing = Command::new("ipvsadm");
        listing.args(["-Ln", "--rate"]).stdout(Stdio::null());
        ipvsadm.push(program(listing)?);
        let now = [&bare, &read, &ipvsadm].map(|times| fastest(times));
        if now.iter().zip(&best).any(|(now, best)| *now < best.mul_f64(0.995)) {
            (best, since) = (now, 0);
        }
        (since, rounds) = (since + 1, rounds + 1);
    }
    drop(history);
    let tick = middle(ticks(keys.iter().take(3).copied().collect())?);
    writer.apply(&Change::Flush)?;

    println!("{services} services x {servers} servers, {bytes} bytes of dumps, {rounds} rounds");
    // Whatever else runs on the machine only adds, so the fastest round is the truest; but what
    // the history does now and then counts too.
    let (read, past) = (fastest(&read), middle(past));
    let costs = [
        (BARE, fastest(&bare)),
        ("dumps to snapshot", read),
        ("snapshot to history", past),
        (POLL, read + past),
        (TICK, tick),
        (IPVSADM, fastest(&ipvsadm)),
        (IPVSADM_MEAN, middle(ipvsadm)),
    ];
    for (what, time) in costs {
        println!("{what:<24} {:>9.2} ms", time.as_secs_f64() * 1e3);
    }
    let cost = |wanted: &str| costs.iter().find(|(what, _)| *what == wanted).map(|(_, time)| *time);
    let mut kept = true;
    for (what, beside, bound) in BOUNDS {
        let (Some(one), Some(other)) = (cost(what), cost(beside)) else { continue };
        let ratio = one.as_secs_f64() / other.as_secs_f64();
        let missed = if ratio > bound { "   MISSED" } else { "" };
        kept &= ratio <= bound;
        println!("{what} to {beside}: {}, at most {}{missed}", said(ratio), said(bound));
    }
    Ok(kept)
}

/// What ticks cost at the defaults, with these services on the screen.
fn ticks(visible: BTreeSet<ServiceKey>) -> Result<Vec<Duration>, KernelError> {
    let (reports, mut inbox) = unbounded_channel();
    let open = || -> Result<Director, KernelError> {
        let reader = Box::new(netlink::NetlinkReader::open(&ProcRoot::default())?);
        Ok(Director { name: "bench".to_owned(), reader, hand: None, home: None })
    };
    let interval = Duration::from_secs(1);
    let pace = Pace::Every { interval, budget: BUDGET, connections: Budget::default() };
    let worker = Worker::start(open, pace, reports)?;
    worker.ask(Request::Visible(visible));
    let mut history = History::default();
    let (mut times, mut last) = (vec![], cpu_time());
    while times.len() <= TICKS.0 + TICKS.1 {
        match inbox.blocking_recv() {
            Some(Report::Snapshot(snapshot)) => {
                history.push(&snapshot);
                drop(snapshot);
                let now = cpu_time();
                times.push(now.saturating_sub(last));
                last = now;
            }
            Some(Report::Unreadable(error)) => return Err(error),
            Some(_) => {}
            None => return Err(KernelError::malformed("the worker", "it has ended")),
        }
    }
    times.drain(..=TICKS.0);
    Ok(times)
}

/// A ratio as people say it.
fn said(ratio: f64) -> String {
    if ratio < 1.0 { format!("1/{:.1}", 1.0 / ratio) } else { format!("{ratio:.2}") }
}

fn fill(
    writer: &mut dyn Writer,
    services: u32,
    servers: u32,
) -> Result<Vec<ServiceKey>, KernelError> {
    writer.apply(&Change::Flush)?;
    let scheduler = SchedulerName::new("wlc").map_err(|why| KernelError::malformed("wlc", why))?;
    let mut keys = Vec::new();
    for n in 0..services {
        let addr = Ipv4Addr::from_bits(0x0a64_0000 + n / 100);
        let port = u16::try_from(1000 + n % 100).unwrap_or(1);
        let key = ServiceKey::endpoint(Protocol::TCP, addr.into(), port);
        let after = Some(Service::new(key, scheduler.clone()));
        writer.apply(&Change::Service { before: None, after })?;
        for m in 0..servers {
            let server = ServerKey::new(Ipv4Addr::from_bits(0x0a01_0002 + m).into(), port);
            let after = Some(Server::new(server, Forwarding::Masq, 10));
            writer.apply(&Change::Server { service: key, before: None, after })?;
        }
        keys.push(key);
    }
    keys.sort();
    Ok(keys)
}

/// CPU time of this process: what other processes do meanwhile does not count.
fn cpu(work: impl FnOnce() -> Result<(), KernelError>) -> Result<Duration, KernelError> {
    let began = cpu_time();
    work()?;
    Ok(cpu_time().saturating_sub(began))
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// CPU time of a program with one thread, from its start to its end, in the kernel's nanoseconds.
fn program(mut command: Command) -> Result<Duration, KernelError> {
    let failed = |why: String| KernelError::malformed("ipvsadm", why);
    let mut child = command.spawn().map_err(|why| failed(why.to_string()))?;
    let pid = Pid::from_child(&child);
    // Until it is waited for, the kernel keeps what it took.
    let ended = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    ended.map_err(|why| failed(why.to_string()))?;
    let took = Process::new(pid.as_raw_nonzero().get()).and_then(|process| process.schedstat());
    let status = child.wait().map_err(|why| failed(why.to_string()))?;
    if !status.success() {
        return Err(failed(status.to_string()));
    }
    let took = took.map_err(|why| failed(why.to_string()))?;
    Ok(Duration::from_nanos(took.sum_exec_runtime))
}

fn fastest(times: &[Duration]) -> Duration {
    times.iter().min().copied().unwrap_or_default()
}

/// The mean of the middle half: what comes now and then counts, a disturbance from outside does
/// not.
fn middle(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let quarter = times.len() / 4;
    let middle = times.get(quarter..times.len() - quarter).unwrap_or_default();
    middle.iter().sum::<Duration>() / u32::try_from(middle.len()).unwrap_or(1).max(1)
}
