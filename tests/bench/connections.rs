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
const PARSED: f64 = 4.0;

/// What the figures are held to.
struct Bounds {
    /// Whether reading the whole table is quadratic on this kernel.
    quadratic: bool,
}

impl Bounds {
    fn at_most(&self, what: &str, value: f64, most: f64) -> bool {
        let kept = value <= most;
        let word = if kept { "" } else { "MISSED: " };
        println!("{word}{value:.2} {what}, at most {most}");
        kept
    }
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
    println!("parsed: {:.1} million rows a second, at least {PARSED}", a_second(&parse));
    println!("parsed and held: {:.1} million rows a second", a_second(&hold));
    println!(
        "{:.1} bytes a row held, {:.1} while reading",
        held as f64 / rows,
        worst as f64 / rows
    );
    let kept = a_second(&parse) >= PARSED && held as f64 / rows <= 200.0;
    if !kept {
        println!("MISSED: {PARSED} million rows a second, 200 bytes a row");
    }
    Ok(kept)
}
