//! What looking at the connection table costs.
//!
//! Without arguments: a million rows of the embedded director, without a kernel. How many rows a
//! second are parsed on one core, and how many are parsed and held.
//!
//! `kernel ROWS [quadratic]`, in a guest as root (`tests/lab/bench`): as many rows through the sync
//! daemon. How soon there is something to see, what a minute of looking costs, a whole pass beside
//! a bare read loop, and the memory of a row. Fails above the bounds.

#![allow(clippy::print_stdout, clippy::print_stderr)] // a benchmark prints what it saw

#[path = "connections/kernel.rs"]
mod kernel;
#[path = "connections/sync.rs"]
mod sync;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use ipvs_tui::connections::{By, Holder, Scope, Sieve, Survey, group};
use ipvs_tui::kernel::Reader;
use ipvs_tui::kernel::proc::conn::Rows;
use ipvs_tui::kernel::sim::{Clock, Director, Scenario};

const ROWS: usize = 1_000_000;
/// Million rows a second on one core, at least.
const PARSED: f64 = 4.0;
/// Memory of a row, at most.
const BYTES: f64 = 200.0;

/// What the figures are held to.
struct Bounds {
    /// Whether reading the whole table is quadratic on this kernel.
    quadratic: bool,
}

/// Prints a figure beside its bound, and whether that is kept.
fn told(kept: bool, figure: &str) -> bool {
    println!("{}{figure}", if kept { "" } else { "MISSED: " });
    kept
}

fn at_most(what: &str, value: f64, most: f64) -> bool {
    told(value <= most, &format!("{value:.2} {what}, at most {most}"))
}

fn at_least(what: &str, value: f64, least: f64) -> bool {
    told(value >= least, &format!("{value:.2} {what}, at least {least}"))
}

/// Whatever else runs on the machine only adds, so the fastest round is the truest.
#[derive(Default)]
struct Times(Vec<Duration>);

impl Times {
    fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    fn fastest(&self) -> Duration {
        self.0.iter().min().copied().unwrap_or_default()
    }
}

/// What the first lines of the view are made of.
fn view(survey: &Survey) -> String {
    let sieve = Sieve::new(&survey.placement, &Scope::All, None);
    let groups = group(survey, &sieve, By::Server);
    let first = groups.first().map_or_else(String::new, |g| {
        format!("; most at {}: {}", g.key, survey.scale.count(g.tally))
    });
    let part = survey.scale.part().unwrap_or(0.0) * 100.0;
    format!("{} rows, {part:.1}% of {}{first}", survey.rows.len(), survey.all())
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let count = |word: &str| word.parse().unwrap_or(100_000);
    let done = match words.as_slice() {
        ["send", rows] => sync::send(count(rows)).map(|()| true).map_err(Into::into),
        ["kernel", rows] => kernel::bench(count(rows), &Bounds { quadratic: false }),
        ["kernel", rows, "quadratic"] => kernel::bench(count(rows), &Bounds { quadratic: true }),
        _ => embedded(),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("connections: {error}");
            ExitCode::from(2)
        }
    }
}

/// A million rows of the embedded director.
fn embedded() -> Result<bool, Box<dyn std::error::Error>> {
    let scenario = Scenario::Big { services: 1_000, servers: 20 };
    let director = Director::open(scenario, 1, Clock::Manual);
    let mut pass = director.reader().connections()?;
    let (mut text, mut lines) = (Vec::new(), 0);
    while lines < ROWS {
        let Some(rows) = pass.next_rows()? else { break };
        text.extend_from_slice(rows.bytes());
        lines += rows.count();
    }
    let (mut parse, mut hold) = (Times::default(), Times::default());
    let (mut worst, mut held) = (0, 0);
    for _ in 0..5 {
        let began = Instant::now();
        let sum: u64 = Rows::new(&text).map(|row| u64::from(row.expires)).sum();
        parse.push(began.elapsed());
        let began = Instant::now();
        let mut holder = Holder::default();
        Rows::new(&text).for_each(|row| holder.push(&row));
        hold.push(began.elapsed());
        worst = holder.bytes();
        held = holder.finish().bytes();
        assert!(sum > 0, "nothing was read");
    }
    let rows = lines as f64;
    let a_second = |times: &Times| rows / times.fastest().as_secs_f64() / 1e6;
    println!("{lines} rows, {} bytes of text", text.len());
    println!("{:.2} million rows a second parsed and held", a_second(&hold));
    let mut kept = at_least("million rows a second parsed", a_second(&parse), PARSED);
    kept &= at_most("bytes a row while reading", worst as f64 / rows, BYTES);
    kept &= at_most("bytes a row held", held as f64 / rows, BYTES);
    Ok(kept)
}
