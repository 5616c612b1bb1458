//! `--record`, and `ipvs-tui replay`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ConfigOptions, LookOptions};
use crate::record::{Limits, When};

/// Where what the console sees is recorded.
#[derive(Clone, Debug, Default, Args)]
pub struct RecordOptions {
    /// Record what the console sees: about 1 MB an hour for 10 services x 10 servers at 1 s.
    /// A recording that is there is gone on with; 'ipvs-tui replay FILE' plays it.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,

    /// Begin a new file when it would become larger: 1M to 1G. What was written is FILE.1 then.
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size, requires = "record")]
    pub record_size: u64,

    /// Keep so many of these older files.
    #[arg(long, value_name = "N", default_value_t = Limits::default().keep, requires = "record")]
    pub record_keep: u32,
}

impl RecordOptions {
    /// How large it becomes.
    pub fn limits(&self) -> Limits {
        Limits { most: self.record_size, keep: self.record_keep }
    }
}

/// `1M`, `64M`, `2G`, in 1,024s as disks and ls -h count.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is no size: write 64M or 1G");
    let number = text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']);
    let shift = match text.get(number.len()..).unwrap_or_default() {
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return Err(wrong()),
    };
    let bytes = number.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift));
    let bytes = bytes.ok_or_else(wrong)?;
    if !(1 << 20..=1 << 30).contains(&bytes) {
        return Err(format!("{text} is not a size from 1M to 1G"));
    }
    Ok(bytes)
}

/// Plays what `--record` wrote, in the console; with `--format`, prints it.
#[derive(Clone, Debug, Args)]
pub struct Replay {
    /// The recording; its older parts (FILE.1, FILE.2, ...) are found by themselves.
    pub file: PathBuf,

    /// Print instead of opening the console.
    #[arg(long, value_enum)]
    pub format: Option<ReplayFormat>,

    /// Begin here, or print what the table was then: 14:30, 2026-11-21T14:30, or +5m from the
    /// beginning. Printed is the last snapshot without it.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<When>,

    /// Print csv or changes from this time on.
    #[arg(long, value_name = "TIME", requires = "format", conflicts_with = "at")]
    pub from: Option<When>,

    /// Print csv or changes up to this time.
    #[arg(long, value_name = "TIME", requires = "format", conflicts_with = "at")]
    pub until: Option<When>,

    /// How it is drawn; how often, the recording says.
    #[command(flatten)]
    pub look: LookOptions,

    /// Which file says the rest.
    #[command(flatten)]
    pub config: ConfigOptions,
}

/// The forms of `ipvs-tui replay --format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReplayFormat {
    /// One snapshot in the look of `ipvsadm -Ln`.
    Text,
    /// One snapshot, everything, with units in the names.
    Json,
    /// One snapshot as lines that `ipvsadm -R` takes.
    Ipvsadm,
    /// Every row of every snapshot.
    Csv,
    /// What was changed, from outside and by plans, a line each.
    Changes,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(size("64M"), Ok(64 << 20));
        assert_eq!(size("1g"), Ok(1 << 30));
        assert_eq!(size("2048k"), Ok(2 << 20));
        for wrong in ["", "64", "M", "1k", "2G", "-1M", "99999999999999999999G", "64MB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
