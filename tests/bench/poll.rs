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

const BARE: &str = "the bare dumps";
const POLL: &str = "a whole poll";
const TICK: &str = "a tick at the defaults";
const IPVSADM: &str = "ipvsadm -Ln --rate";
const ROUNDS: usize = 24;
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
    for _ in 0..ROUNDS {
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
    }
    drop(history);
    let ticks = ticks(keys.iter().take(3).copied().collect())?;
    writer.apply(&Change::Flush)?;

    println!("{services} services x {servers} servers, {bytes} bytes of dumps, {ROUNDS} rounds");
    let poll: Vec<Duration> = read.iter().zip(&past).map(|(read, past)| *read + *past).collect();
    let costs = [
        (BARE, &bare),
        ("dumps to snapshot", &read),
        ("snapshot to history", &past),
        (POLL, &poll),
        (IPVSADM, &ipvsadm),
        (TICK, &ticks),
    ];
    for (what, times) in costs {
        let (rule, fastest) = (as_a_rule(times) * 1e3, fastest(times) * 1e3);
        println!("{what:<24} {rule:>9.2} ms, the fastest {fastest:.2}");
    }
    // The dumps and a poll are alike, so what else the machine does adds alike to both in a round.
    // ipvsadm takes five times as long: of these two the fastest are compared,
    // and of ticks, each of which reads something else, what they take as a rule.
    let ratios = [
        (POLL, BARE, beside(&poll, &bare), 1.3),
        (POLL, IPVSADM, fastest(&poll) / fastest(&ipvsadm), 1.0 / 5.0),
        (TICK, IPVSADM, as_a_rule(&ticks) / as_a_rule(&ipvsadm), 1.0 / 15.0),
    ];
    let mut kept = true;
    for (what, other, ratio, bound) in ratios {
        let missed = if ratio > bound { "   MISSED" } else { "" };
        kept &= ratio <= bound;
        println!("{what} to {other}: {}, at most {}{missed}", said(ratio), said(bound));
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

/// How much of the other one it costs, round by round.
fn beside(one: &[Duration], other: &[Duration]) -> f64 {
    let ratio = |(one, other): (&Duration, &Duration)| one.as_secs_f64() / other.as_secs_f64();
    middle(one.iter().zip(other).map(ratio).collect())
}

/// In seconds, like the next.
fn fastest(times: &[Duration]) -> f64 {
    times.iter().map(Duration::as_secs_f64).fold(f64::INFINITY, f64::min)
}

fn as_a_rule(times: &[Duration]) -> f64 {
    middle(times.iter().map(Duration::as_secs_f64).collect())
}

/// The mean of the middle half: what comes now and then counts, a disturbance from outside does
/// not.
fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let quarter = values.len() / 4;
    let middle = values.get(quarter..values.len() - quarter).unwrap_or_default();
    middle.iter().sum::<f64>() / middle.len() as f64
}
