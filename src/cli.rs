//! The command line: what an operator types, checked before anything is opened.

mod change;
mod connections;
mod replay;
mod value;
mod wanted;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Config, budget, interval};
use crate::kernel::netlink::Namespace;
use crate::kernel::sim::Scenario;
pub use change::{Change, ServerFields, ServiceFields, ServiceOptions, TargetOptions, Without};
pub use connections::{ListFormat, ListOptions, Listed};
pub use replay::{RecordOptions, Replay, ReplayFormat};
pub use value::{Flags, Mask, ServerName};
pub use wanted::{Target, Wanted, What};

/// The version, in a release build with its commit; made by `tests/package/version.rs`.
const VERSION: &str = env!("IPVS_TUI_VERSION");

/// Operations console for IPVS (LVS) directors: see and steer virtual services and real servers.
#[derive(Debug, Parser)]
#[command(version = VERSION, args_conflicts_with_subcommands = true, max_term_width = 90)]
pub struct Cli {
    /// What to do; without a word, the console opens on this machine's director.
    #[command(subcommand)]
    pub command: Option<Verb>,

    /// What the console looks at.
    #[command(flatten)]
    pub console: Console,
}

/// What the console looks at, and how.
#[derive(Clone, Debug, Args)]
pub struct Console {
    /// Look at another network namespace: a name of `ip netns`, or a path.
    #[arg(long, value_name = "NAME|PATH", value_parser = namespace)]
    pub netns: Option<Namespace>,

    /// Only watch: nothing can be changed, and no rights are needed.
    #[arg(long)]
    pub read_only: bool,

    /// Where changes are written down.
    #[command(flatten)]
    pub journal: JournalOptions,

    /// Where what is seen is recorded.
    #[command(flatten)]
    pub record: RecordOptions,

    /// How it is drawn and how often it is read.
    #[command(flatten)]
    pub screen: ScreenOptions,

    /// Which file says the rest.
    #[command(flatten)]
    pub config: ConfigOptions,
}

/// Which file says what is not typed; and what then holds.
#[derive(Clone, Debug, Default, Args)]
pub struct ConfigOptions {
    /// Read settings and keys from here instead of ~/.config/ipvs-tui/config.toml.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Print every setting with its value and where it comes from, and end.
    #[arg(long)]
    pub print_config: bool,

    /// Print every command with its keys, and end.
    #[arg(long, conflicts_with = "print_config")]
    pub print_keys: bool,
}

/// Where changes are written down.
#[derive(Clone, Debug, Default, Args)]
pub struct JournalOptions {
    /// Write the journal here instead of where the settings say, or /var/lib/ipvs-tui/journal.jsonl
    /// (root) or the state folder.
    #[arg(long, value_name = "FILE", value_parser = clap::value_parser!(PathBuf))]
    pub journal: Option<PathBuf>,

    /// Keep no journal: nobody will know who changed what, and undo ends with the session.
    #[arg(long, conflicts_with = "journal")]
    pub no_journal: bool,
}

/// How the console is drawn and how often the director is read, over what files say.
#[derive(Clone, Debug, Args)]
pub struct ScreenOptions {
    /// Read the director this often, 50ms to 60s. The default is 1s.
    #[arg(long, value_name = "TIME", value_parser = interval)]
    pub interval: Option<Duration>,

    /// Reading may take this share of one core; a large table then is read in turns. The default
    /// is 5%.
    #[arg(long, value_name = "PERCENT", value_parser = budget)]
    pub budget: Option<f64>,

    /// How it is drawn.
    #[command(flatten)]
    pub look: LookOptions,
}

/// How the console is drawn, over what files say.
#[derive(Clone, Debug, Args)]
pub struct LookOptions {
    /// Draw with ASCII characters only. The default follows the locale.
    #[arg(long)]
    pub ascii: bool,

    /// For a slow line: at most 2 frames a second.
    #[arg(long)]
    pub slow: bool,

    /// Draw in this theme; T goes through them. The default follows the terminal's colours.
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
}

impl Console {
    /// Puts what was typed over what files say.
    pub fn over(&self, config: &mut Config) {
        self.screen.over(config);
        if self.read_only {
            config.watch();
        }
        let JournalOptions { journal, no_journal } = &self.journal;
        if journal.is_some() || *no_journal {
            config.journal.clone_from(journal);
            config.argued("journal");
        }
    }
}

impl ScreenOptions {
    /// Puts what was typed over what files say.
    pub fn over(&self, config: &mut Config) {
        if let Some(interval) = self.interval {
            config.interval = interval;
            config.argued("interval");
        }
        if let Some(budget) = self.budget {
            config.budget = budget;
            config.argued("budget");
        }
        self.look.over(config);
    }
}

impl LookOptions {
    /// Puts what was typed over what files say.
    pub fn over(&self, config: &mut Config) {
        if let Some(theme) = &self.theme {
            config.theme.clone_from(theme);
            config.argued("theme");
        }
        if self.slow {
            config.slow = true;
            config.argued("slow");
        }
        if self.ascii {
            config.ascii = Some(true);
            config.argued("ascii");
        }
    }
}

const DOCTOR_CODES: &str = "\
Exit codes:
  0  nothing, or notes alone
  1  the director could not be read
  2  the command line is wrong
  3  warnings
  4  errors";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Open the console on an embedded director with made-up clients; needs no root and no IPVS.
    Demo {
        /// What the director looks like.
        #[command(flatten)]
        demo: DemoOptions,
        /// Only watch: nothing can be changed.
        #[arg(long)]
        read_only: bool,
        /// Only watch, as a screen on the wall that turns this often, 2s to 1h.
        #[arg(long, value_name = "TIME", value_parser = cycle)]
        cycle: Option<Duration>,
        /// How it is drawn and how often it is read.
        #[command(flatten)]
        screen: ScreenOptions,
        /// For pictures (`tests/screenshots`): the director is read so many times at once, an
        /// interval apart by its own clock. Then time stands still, and every `r` and every change
        /// is one reading more, so that the screen follows from the seed and the keys alone.
        #[arg(long, hide = true, value_name = "N")]
        polls: Option<NonZeroU32>,
        /// For tests: the director's own clock, and the console with it, goes so many times as
        /// fast as the interval between two readings.
        #[arg(long, hide = true, value_name = "N", conflicts_with = "polls")]
        speed: Option<NonZeroU32>,
        /// Where what is seen is recorded.
        #[command(flatten)]
        record: RecordOptions,
        /// Which file says the rest.
        #[command(flatten)]
        config: ConfigOptions,
    },
    /// Open the console to watch only; needs no rights.
    Watch {
        /// For a screen on the wall: large totals and alarms, and it turns through the services
        /// and views this often, 2s to 1h. A key holds it for a minute.
        #[arg(long, value_name = "TIME", value_parser = cycle)]
        cycle: Option<Duration>,
        /// Look at another network namespace: a name of `ip netns`, or a path.
        #[arg(long, value_name = "NAME|PATH", value_parser = namespace)]
        netns: Option<Namespace>,
        /// Where what is seen is recorded.
        #[command(flatten)]
        record: RecordOptions,
        /// How it is drawn and how often it is read.
        #[command(flatten)]
        screen: ScreenOptions,
        /// Which file says the rest.
        #[command(flatten)]
        config: ConfigOptions,
    },
    /// Play what --record wrote, or print it.
    Replay(Box<Replay>),
    /// Print who changed what, when and why.
    Journal {
        /// In which form.
        #[arg(long, value_enum, default_value = "text")]
        format: JournalFormat,
        /// Only the last so many entries.
        #[arg(short = 'n', long = "last", value_name = "N")]
        last: Option<usize>,
        /// The journal; the default is that of the settings, or /var/lib/ipvs-tui/journal.jsonl
        /// (root) or the state folder.
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
    },
    /// Print the table once.
    Snapshot {
        /// In which form.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
        /// Look at another network namespace: a name of `ip netns`, or a path.
        #[arg(long, value_name = "NAME|PATH", value_parser = namespace, conflicts_with = "demo")]
        netns: Option<Namespace>,
        /// Print the embedded director instead of the kernel's table.
        #[arg(long)]
        demo: bool,
        /// What the embedded director looks like.
        #[command(flatten)]
        of: DemoOptions,
    },
    /// Look for the mistakes that LVS guides warn of, and print what puts them right.
    ///
    /// Needs no rights; what cannot be read without them is told as not checked. Nothing is
    /// changed, and no module is loaded.
    #[command(after_help = DOCTOR_CODES)]
    Doctor {
        /// Print one JSON document, of schema ipvs-tui/doctor/1.
        #[arg(long)]
        json: bool,
        /// Look at another network namespace: a name of `ip netns`, or a path.
        #[arg(long, value_name = "NAME|PATH", value_parser = namespace, conflicts_with = "demo")]
        netns: Option<Namespace>,
        /// The journal whose drains are known; the default is as for `ipvs-tui journal`.
        #[arg(long, value_name = "FILE", conflicts_with = "demo")]
        journal: Option<PathBuf>,
        /// Examine the embedded director instead of the kernel's table.
        #[arg(long)]
        demo: bool,
        /// What the embedded director looks like.
        #[command(flatten)]
        of: DemoOptions,
    },
    /// Print who is connected: a bounded sample of the connection table, or all of it.
    Connections(ListOptions),
    /// Change the table from a script.
    #[command(flatten)]
    Change(Box<Change>),
}

/// What the embedded director looks like.
#[derive(Clone, Debug, Args)]
pub struct DemoOptions {
    /// web, dr-farm, dns-udp, incident, or big:SERVICESxSERVERS.
    #[arg(long, default_value = "web")]
    pub scenario: Scenario,

    /// The same seed makes the same clients.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// The forms of `ipvs-tui snapshot`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The look of `ipvsadm -Ln`.
    Text,
    /// Everything, with units in the names.
    Json,
    /// Lines that `ipvsadm -R` takes, thresholds included.
    Ipvsadm,
}

/// The forms of `ipvs-tui journal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JournalFormat {
    /// For people.
    Text,
    /// For programs, one document.
    Json,
}

fn cycle(text: &str) -> Result<Duration, String> {
    let time = text.parse::<jiff::SignedDuration>().ok().and_then(|t| Duration::try_from(t).ok());
    let bounds = Duration::from_secs(2)..=Duration::from_secs(3600);
    time.filter(|time| bounds.contains(time))
        .ok_or_else(|| "write a time with its unit, from 2s to 1h, such as 20s".to_owned())
}

fn namespace(text: &str) -> Result<Namespace, String> {
    if text.is_empty() { Err("an empty name".to_owned()) } else { Ok(Namespace::new(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }
}
