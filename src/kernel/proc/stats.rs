//! `/proc/net/ip_vs_stats` and `ip_vs_stats_percpu`: counters and rates of the whole namespace,
//! in hexadecimal (`ip_vs_stats_show` and `ip_vs_stats_percpu_show` in `ip_vs_ctl.c`).

use super::text::{Fault, Lines, Words, hex_u64};
use crate::ipvs::{Counters, Rates, Stats};

/// Counters of one CPU: live, and not touched by zeroing, unlike every other counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuCounters {
    /// Number of the CPU; every possible one is listed, present or not.
    pub cpu: u32,
    /// What it counted since IPVS was loaded.
    pub counters: Counters,
}

/// `ip_vs_stats_percpu`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerCpu {
    /// A row each possible CPU.
    pub cpus: Vec<CpuCounters>,
    /// The sum as the estimator last took it, zeroed like `ip_vs_stats`, and its rates.
    pub sum: Stats,
}

/// Reads `ip_vs_stats`.
///
/// # Errors
/// A [`Fault`] when the file does not look as the kernel writes it.
pub fn totals(file: &[u8]) -> Result<Stats, Fault> {
    let mut lines = Lines::new(file);
    header(&mut lines, &["Total", "Conns"])?;
    let counters = row(&mut lines, "totals")?;
    blank(&mut lines)?;
    header(&mut lines, &["Conns/s"])?;
    let rates = row(&mut lines, "rates")?;
    Ok(Stats { counters: counters_of(counters), rates: rates_of(rates) })
}

/// Reads `ip_vs_stats_percpu`.
///
/// # Errors
/// A [`Fault`] when the file does not look as the kernel writes it.
pub fn per_cpu(file: &[u8]) -> Result<PerCpu, Fault> {
    let mut lines = Lines::new(file);
    header(&mut lines, &["Total", "CPU"])?;
    let mut cpus = Vec::new();
    let sum = loop {
        let line = lines.expect("a CPU's row")?;
        let mut words = Words::new(line);
        let cpu = words.next().unwrap_or_default();
        let counters = numbers(words).ok_or_else(|| wrong(&lines, "a CPU's row", line))?;
        if cpu == b"~" {
            break counters_of(counters);
        }
        let cpu = hex_u64(cpu).and_then(|n| u32::try_from(n).ok());
        let cpu = cpu.ok_or_else(|| wrong(&lines, "a CPU's row", line))?;
        cpus.push(CpuCounters { cpu, counters: counters_of(counters) });
    };
    blank(&mut lines)?;
    header(&mut lines, &["Conns/s"])?;
    let rates = rates_of(row(&mut lines, "rates")?);
    Ok(PerCpu { cpus, sum: Stats { counters: sum, rates } })
}

fn wrong(lines: &Lines<'_>, what: &str, line: &[u8]) -> Fault {
    Fault::expected(lines.number(), what, line)
}

/// Header lines, each known by its first word.
fn header(lines: &mut Lines<'_>, starts: &[&str]) -> Result<(), Fault> {
    for start in starts {
        let line = lines.expect("a header line")?;
        if Words::new(line).next() != Some(start.as_bytes()) {
            return Err(wrong(lines, "a header line", line));
        }
    }
    Ok(())
}

fn blank(lines: &mut Lines<'_>) -> Result<(), Fault> {
    let line = lines.expect("an empty line")?;
    if line.is_empty() { Ok(()) } else { Err(wrong(lines, "an empty line", line)) }
}

fn row(lines: &mut Lines<'_>, what: &str) -> Result<[u64; 5], Fault> {
    let line = lines.expect(what)?;
    numbers(Words::new(line)).ok_or_else(|| wrong(lines, what, line))
}

/// Five hexadecimal numbers and nothing more.
fn numbers(mut words: Words<'_>) -> Option<[u64; 5]> {
    let mut row = [0; 5];
    for number in &mut row {
        *number = hex_u64(words.next()?)?;
    }
    words.next().is_none().then_some(row)
}

fn counters_of([connections, in_packets, out_packets, in_bytes, out_bytes]: [u64; 5]) -> Counters {
    Counters { connections, in_packets, out_packets, in_bytes, out_bytes }
}

fn rates_of([connections, in_packets, out_packets, in_bytes, out_bytes]: [u64; 5]) -> Rates {
    Rates { connections, in_packets, out_packets, in_bytes, out_bytes }
}
