//! What a recording costs: bytes an hour and time a snapshot, of the embedded director.
//!
//! `cargo bench --bench record` prints, for each table, an hour at 1 s:
//!
//! - the bytes of the recording as it is written, the target being 2 MB for 10 x 10,
//! - what plain differences would take as bytes, for comparison,
//! - the time to write one snapshot, to read one, and to jump to the end with the past.
//!
//! The crowds of `big` make every packet alike, so a second 10 x 10 has requests of all sizes on
//! top: the bytes of a connection are spread like a file's, and independent of each other. Fails
//! when either misses the target.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::indexing_slicing)]

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ipvs_tui::ipvs::Stats;
use ipvs_tui::kernel::{Reader, Want, sim};
use ipvs_tui::outside::Watch;
use ipvs_tui::record::{
    About, FileTape, Limits, Player, Recorder, Recording, Seen, Step, Tape, To, kept,
};
use ipvs_tui::snapshot::{Moment, Snapshot};

/// Bytes an hour that a recording of 10 x 10 may take.
const BOUND: u64 = 2_000_000;
const HOUR: usize = 3_600;

fn main() -> ExitCode {
    println!(
        "{:<28} {:>10} {:>12} {:>10} {:>10} {:>10}",
        "an hour at 1 s", "bytes", "plain deltas", "write", "read", "jump"
    );
    let mut met = true;
    for (what, scenario, sizes) in [
        ("10 x 10", "big:10x10", false),
        ("10 x 10, all sizes", "big:10x10", true),
        ("web", "web", false),
        ("incident", "incident", false),
        ("100 x 20 (10 minutes)", "big:100x20", true),
    ] {
        let bytes = measure(what, scenario, sizes);
        met &= !what.starts_with("10 x 10") || bytes <= BOUND;
    }
    others();
    if !met {
        println!("MISSED: 10 x 10 may take {BOUND} bytes an hour");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// What it costs to look for what others have changed: two readings compared.
fn others() {
    let step = sim::Clock::Step(Duration::from_secs(1));
    let director = sim::Director::open("big:1000x20".parse().unwrap(), 1, step);
    let (mut reader, mut watch) = (director.reader(), Watch::default());
    let mut fastest = Duration::MAX;
    for _ in 0..10 {
        let snapshot = reader.snapshot(&Want::everything()).unwrap();
        let began = Instant::now();
        assert!(watch.look(&snapshot).is_empty());
        fastest = fastest.min(began.elapsed());
    }
    println!("two readings of 1,000 x 20 compared: {:.2} ms", fastest.as_secs_f64() * 1e3);
}

fn measure(what: &str, scenario: &str, sizes: bool) -> u64 {
    let count = if scenario == "big:100x20" { 600 } else { HOUR };
    let step = sim::Clock::Step(Duration::from_secs(1));
    let director = sim::Director::open(scenario.parse().unwrap(), 1, step);
    let (mut reader, mut noise) = (director.reader(), Noise::default());
    let path = std::env::temp_dir().join(format!("ipvs-tui-bench-{}", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let place = ipvs_tui::journal::Place::at(&path).unwrap();
    let about = About {
        program: "bench".into(),
        name: scenario.into(),
        interval_ms: 1_000,
        began: jiff::Timestamp::UNIX_EPOCH,
    };
    let (tape, length) = FileTape::open(place).unwrap();
    let mut recorder = Recorder::on(Box::new(Asleep(tape)), length, Limits::default(), about);
    let (mut writing, mut plain) = (Duration::ZERO, 0);
    let mut last: Option<Arc<Snapshot>> = None;
    for _ in 0..count {
        let mut snapshot = reader.snapshot(&Want::everything()).unwrap();
        if sizes {
            noise.add(&mut snapshot);
        }
        let snapshot = Arc::new(snapshot);
        plain += last.as_ref().map_or(0, |last| deltas(last, &snapshot));
        let began = Instant::now();
        recorder.take(&Seen::Snapshot(Arc::clone(&snapshot)));
        writing += began.elapsed();
        last = Some(snapshot);
    }
    drop(recorder);
    let bytes = std::fs::metadata(&path).unwrap().len();
    let recording = Recording::open(&path).unwrap();
    let began = Instant::now();
    let end = recording.steps().filter_map(Step::snapshot).last().unwrap();
    let reading = began.elapsed();
    assert!(*end == kept((*last.unwrap()).clone()), "what was read is what was written");
    let mut player = Player::new(recording, Moment::default());
    let began = Instant::now();
    player.jump(To::Time(end.taken), Moment::default()).unwrap();
    let jump = began.elapsed();
    let _ = std::fs::remove_file(&path);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    println!(
        "{what:<28} {bytes:>10} {plain:>12} {:>7.0} us {:>7.0} us {:>7.0} ms",
        each(writing),
        each(reading),
        jump.as_secs_f64() * 1e3
    );
    bytes
}

/// A file that is not waited for: how fast the disk syncs is not measured.
struct Asleep(FileTape);

impl Tape for Asleep {
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.append(bytes)
    }

    fn cut(&mut self, length: u64) -> std::io::Result<()> {
        self.0.cut(length)
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn turn(&mut self, keep: u32) -> Result<(), ipvs_tui::record::RecordError> {
        self.0.turn(keep)
    }

    fn is_there(&self) -> bool {
        self.0.is_there()
    }

    fn name(&self) -> String {
        self.0.name()
    }
}

fn numbers(stats: &Option<Stats>) -> [u64; 10] {
    let Stats { counters: c, rates: r } = stats.unwrap_or_default();
    [
        c.connections,
        c.in_packets,
        c.out_packets,
        c.in_bytes,
        c.out_bytes,
        r.connections,
        r.in_packets,
        r.out_packets,
        r.in_bytes,
        r.out_bytes,
    ]
}

/// What the differences of all numbers take, seven bits a byte.
fn deltas(last: &Snapshot, now: &Snapshot) -> u64 {
    let bytes = |old: u64, new: u64| {
        let delta = new.wrapping_sub(old) as i64;
        let zigzag = (delta << 1 ^ delta >> 63) as u64;
        u64::from((64 - zigzag.leading_zeros()).div_ceil(7).max(1))
    };
    let all = |snapshot: &Snapshot| {
        let mut all = numbers(&snapshot.totals.get().copied()).to_vec();
        for entry in &snapshot.services {
            all.extend(numbers(&entry.stats));
            for server in &entry.servers {
                all.extend([u64::from(server.active), u64::from(server.inactive)]);
                all.extend(numbers(&server.stats));
            }
        }
        all
    };
    all(last).into_iter().zip(all(now)).map(|(old, new)| bytes(old, new)).sum()
}

/// Requests of all sizes: what a connection carries differs from the mean by as much again.
#[derive(Default)]
struct Noise {
    state: u64,
    /// Bytes in and out that were added to each row so far, and what was read last.
    rows: Vec<([u64; 2], Stats, [i64; 2])>,
}

impl Noise {
    /// Nearly normal, of deviation 1.
    fn normal(&mut self) -> f64 {
        let mut sum = -6.0;
        for _ in 0..12 {
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut x = self.state;
            x = (x ^ x >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            x = (x ^ x >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
            sum += ((x ^ x >> 31) >> 11) as f64 / (1_u64 << 53) as f64;
        }
        sum
    }

    fn add(&mut self, snapshot: &mut Snapshot) {
        let mut row = 0;
        for entry in &mut snapshot.services {
            let mut of_service = [0; 2];
            for server in &mut entry.servers {
                let added = self.row(row, server.stats.as_mut().unwrap(), None);
                // Some of it is less than nothing.
                (0..2).for_each(|n| of_service[n] = u64::wrapping_add(of_service[n], added[n]));
                row += 1;
            }
            self.row(row, entry.stats.as_mut().unwrap(), Some(of_service));
            row += 1;
        }
    }

    /// Adds to the bytes of a row, and works its averages out anew as the kernel does.
    fn row(&mut self, row: usize, stats: &mut Stats, parts: Option<[u64; 2]>) -> [u64; 2] {
        if self.rows.len() <= row {
            let shown = [stats.rates.in_bytes, stats.rates.out_bytes].map(|r| (r as i64) << 5);
            self.rows.push(([0; 2], *stats, shown));
        }
        let before = self.rows[row].1;
        let raw = *stats;
        let moved = raw.counters != before.counters;
        let connections = raw.counters.connections.wrapping_sub(before.counters.connections);
        let spread = (connections.max(1) as f64).sqrt().recip();
        let bytes = |s: &Stats| [s.counters.in_bytes, s.counters.out_bytes];
        let mut added = [0; 2];
        for n in 0..2 {
            let real = bytes(&raw)[n].wrapping_sub(bytes(&before)[n]);
            let noise = (self.normal() * spread * real as f64).max(-(real as f64)) as i64;
            let more = parts.map_or(if moved { noise } else { 0 }, |parts| parts[n] as i64);
            added[n] = more as u64;
            let entry = &mut self.rows[row];
            entry.0[n] = entry.0[n].wrapping_add(more as u64);
            if moved {
                let sample = (real as i64 + more) << 4;
                entry.2[n] += (sample - entry.2[n]) >> 2;
            }
        }
        let entry = &mut self.rows[row];
        entry.1 = raw;
        stats.counters.in_bytes = stats.counters.in_bytes.wrapping_add(entry.0[0]);
        stats.counters.out_bytes = stats.counters.out_bytes.wrapping_add(entry.0[1]);
        stats.rates.in_bytes = ((entry.2[0] + 15) >> 5) as u64;
        stats.rates.out_bytes = ((entry.2[1] + 15) >> 5) as u64;
        added
    }
}
