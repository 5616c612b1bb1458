//! What a poll costs on the real kernel, side by side in one run.
//!
//! Needs root and IPVS, and replaces the table: `tests/lab/bench` runs it in a guest. Makes
//! 1,000 services x 20 servers (or `poll SERVICES SERVERS`) and times, round after round:
//!
//! - the bare netlink dumps, without looking inside,
//! - a whole poll, from the request to the snapshot and the history,
//! - a tick of a large table at the defaults: services, `/proc`, what is on the screen, a share,
//! - `ipvsadm -Ln --rate`, which people watch today.
//!
//! Prints the fastest CPU time of each and their ratios, and fails above the bounds.

#![allow(clippy::print_stdout, clippy::print_stderr)] // a benchmark prints what it saw

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use ipvs_tui::history::History;
use ipvs_tui::ipvs::{
    Change, Forwarding, Protocol, SchedulerName, Server, ServerKey, Service, ServiceKey,
};
use ipvs_tui::kernel::proc::ProcRoot;
use ipvs_tui::kernel::{KernelError, Reader, Want, Writer, netlink};
use rustix::time::{ClockId, clock_gettime};

/// A poll may cost this much of the bare dumps.
const POLL_BOUND: f64 = 1.5;
const ROUNDS: usize = 25;

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
    // 60 rows are on a large screen, and a twentieth of the services has its turn.
    let share = keys.iter().take(3 + keys.len() / 20).copied().collect::<BTreeSet<_>>();
    let tick = Want { detail: Some(share), surroundings: false };
    let mut history = History::default();
    let (mut bare, mut read, mut past) = (vec![], vec![], vec![]);
    let (mut tiered, mut ipvsadm) = (vec![], vec![]);
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
        reader.snapshot(&tick)?; // makes the reader keep what the next tick carries over
        tiered.push(cpu(|| {
            history.push(&reader.snapshot(&tick)?);
            Ok(())
        })?);
        ipvsadm.push(wall(|| {
            let mut listing = Command::new("ipvsadm");
            let status = listing.args(["-Ln", "--rate"]).stdout(Stdio::null()).status();
            let done = status.is_ok_and(|s| s.success());
            done.then_some(()).ok_or_else(|| KernelError::malformed("ipvsadm", "it failed"))
        })?);
    }
    writer.apply(&Change::Flush)?;

    println!("{services} services x {servers} servers, {bytes} bytes of dumps, {ROUNDS} rounds");
    let [bare, read, past, tiered, ipvsadm] = [bare, read, past, tiered, ipvsadm].map(fastest);
    let poll = read + past;
    let line = |what: &str, time: Duration| {
        let ratio = time.as_secs_f64() / bare.as_secs_f64();
        println!(
            "{what:<34} {:>9.2} ms   {ratio:>6.2} of the bare dumps",
            time.as_secs_f64() * 1e3
        );
        ratio
    };
    line("bare netlink dumps", bare);
    line("dumps to snapshot", read);
    line("snapshot to history", past);
    let ratio = line("a whole poll, history included", poll);
    line("a tick in tiers, history included", tiered);
    line("ipvsadm -Ln --rate", ipvsadm);
    let share = |time: Duration| ipvsadm.as_secs_f64() / time.as_secs_f64();
    println!("ipvsadm costs {:.1} whole polls, {:.1} ticks", share(poll), share(tiered));
    if ratio > POLL_BOUND {
        println!("MISSED: a whole poll may cost {POLL_BOUND} of the bare dumps");
    }
    Ok(ratio <= POLL_BOUND)
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
    let now = || {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    };
    let began = now();
    work()?;
    Ok(now().saturating_sub(began))
}

fn wall(work: impl FnOnce() -> Result<(), KernelError>) -> Result<Duration, KernelError> {
    let began = Instant::now();
    work()?;
    Ok(began.elapsed())
}

/// Whatever else runs on the machine only adds, so the fastest round is the truest.
fn fastest(times: Vec<Duration>) -> Duration {
    times.into_iter().min().unwrap_or_default()
}
