//! Fuzzing with any compiler, for some seconds: a corpus from real kernels and of what people
//! write, altered at random and given to the functions in `tests/fuzz/src`, which say what has to
//! hold. libFuzzer runs the same functions for as long as one likes.
//!
//! `IPVS_TUI_FUZZ_SECONDS` (all targets together, 22) and `IPVS_TUI_FUZZ_SEED` (1) may be set. The
//! seed makes the inputs, the time only how many of them are tried. A failure leaves its input in
//! a file and says where; `IPVS_TUI_FUZZ_INPUT` names one to be tried again.
//!
//! `tests/netlink_bytes.rs`, `tests/bad_input.rs`, `tests/journal.rs` and the properties beside the
//! parsers hold what the right answers are. Here are far more inputs, and what holds of all.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "journal/any.rs"]
mod any;
#[path = "fuzz/corpus.rs"]
mod corpus;
#[path = "fuzz/dice.rs"]
mod dice;
#[path = "fuzz/src/lib.rs"]
mod targets;
#[allow(dead_code)] // what the journal's own tests need besides
#[path = "journal/tools.rs"]
mod tools;

use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, io};

use dice::Dice;

/// No input may take longer, however slow the machine: a quadratic reader would.
const SLOW: Duration = Duration::from_secs(5);

/// Its name, what it runs, and how many parts of the time it gets: drawing is slow.
type Target = (&'static str, fn(&[u8]), u32);

const TARGETS: [Target; 13] = [
    ("netlink", targets::netlink, 1),
    ("proc_table", targets::proc_table, 1),
    ("proc_conn", targets::proc_conn, 3),
    ("proc_stats", targets::proc_stats, 1),
    ("proc_tree", targets::proc_tree, 2),
    ("proc_host", targets::proc_host, 2),
    ("route", targets::route, 1),
    ("theme", targets::theme, 1),
    ("config", targets::config, 1),
    ("keymap", targets::keymap, 1),
    ("journal", targets::journal, 2),
    ("recording", targets::recording, 4),
    ("screen", targets::screen, 5),
];

fn number(name: &str, otherwise: u64) -> u64 {
    let text = env::var(name).unwrap_or_default();
    if text.is_empty() { otherwise } else { text.parse().unwrap_or_else(|e| panic!("{name}: {e}")) }
}

/// Runs a target on one input; where that fails, the input is kept.
fn try_one(target: Target, input: &[u8], which: &str) {
    let (name, run, _) = target;
    let began = Instant::now();
    let failed = panic::catch_unwind(AssertUnwindSafe(|| run(input))).is_err();
    let took = began.elapsed();
    if failed || took > SLOW {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
        fs::write(&file, input).unwrap();
        let how = if failed { "failed".to_owned() } else { format!("took {took:?}") };
        panic!(
            "{name} {how} on {which}: {}\nagain: IPVS_TUI_FUZZ_INPUT={} cargo test --test fuzz {name}",
            input.escape_ascii().to_string().chars().take(2000).collect::<String>(),
            file.display()
        );
    }
}

/// Every entry of the corpus as it is, then altered ones for this target's part of the time.
fn fuzz(name: &str) {
    let target = *TARGETS.iter().find(|(known, ..)| *known == name).unwrap();
    if let Some(file) = env::var_os("IPVS_TUI_FUZZ_INPUT") {
        return try_one(target, &fs::read(&file).unwrap(), "the input given");
    }
    let corpus = corpus::of(name);
    for (n, input) in corpus.iter().enumerate() {
        try_one(target, input, &format!("entry {n} of the corpus"));
    }
    let seed = number("IPVS_TUI_FUZZ_SEED", 1);
    let parts: u32 = TARGETS.iter().map(|(.., part)| part).sum();
    let time = Duration::from_secs(number("IPVS_TUI_FUZZ_SECONDS", 22)) * target.2 / parts;
    let mut dice = Dice::new(seed);
    let (began, mut count) = (Instant::now(), 0_u64);
    while began.elapsed() < time {
        let input = dice.altered(&corpus);
        try_one(target, &input, &format!("input {count} of seed {seed}"));
        count += 1;
    }
    assert!(count > 0);
    // Past the test runner's capture: how much was tried is worth knowing of a run that passes.
    let tried =
        format!("fuzz {name}: {count} inputs from {} in {time:.1?}, seed {seed}\n", corpus.len());
    io::stderr().write_all(tried.as_bytes()).unwrap();
}

macro_rules! tests {
    ($($name:ident)+) => {
        $(#[test]
        fn $name() {
            fuzz(stringify!($name));
        })+

        #[test]
        fn every_target_is_run() {
            assert_eq!([$(stringify!($name)),+], TARGETS.map(|(name, ..)| name));
            for (name, ..) in TARGETS {
                let file = Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join(format!("tests/fuzz/fuzz_targets/{name}.rs"));
                assert!(file.is_file(), "libFuzzer does not run {name}");
            }
        }
    };
}

tests! { netlink proc_table proc_conn proc_stats proc_tree proc_host route theme config keymap journal recording screen }

/// Writes what libFuzzer begins with, where `IPVS_TUI_FUZZ_CORPUS` says.
#[test]
fn corpus() {
    let folder = env::var_os("IPVS_TUI_FUZZ_CORPUS").map(PathBuf::from);
    for (name, ..) in TARGETS {
        let all = corpus::of(name);
        assert!(!all.is_empty() && all.iter().all(|input| !input.is_empty()), "{name}");
        let Some(folder) = folder.as_ref().map(|folder| folder.join(name)) else { continue };
        fs::create_dir_all(&folder).unwrap();
        for (n, input) in all.iter().enumerate() {
            fs::write(folder.join(format!("{n:04}")), input).unwrap();
        }
    }
}
