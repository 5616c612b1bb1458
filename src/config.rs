//! Settings and keys, from files in TOML. What counts more stands further left:
//!
//! ```text
//! arguments > --config FILE, or else ~/.config/ipvs-tui/config.toml
//!           > /etc/ipvs-tui/config.toml > the defaults
//! ```
//!
//! Each is merged setting by setting over what lies below it. Nothing falls back silently: every
//! mistake of every file is told with its line, before a screen opens, and nothing is opened.
//!
//! ```text
//! place     where the files are, and which of them are not to be trusted
//! settings  the one table of settings
//! read      a file's text into settings; mistakes with their lines
//! bindings  its [keys]
//! mistake   what is told about a mistake, and the known names nearest to a wrong one
//! print     --print-config and --print-keys
//! ```

mod bindings;
mod mistake;
mod place;
mod print;
mod read;
mod settings;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::command::Command;
use crate::connections::Budget;
use crate::history::Metric;
use crate::keys::{Binding, Key};
use crate::model::{BUDGET, Column, Scale};
pub use mistake::{ConfigError, Mistake};
pub use place::Places;
pub use print::{print_config, print_keys};
pub use settings::{SETTINGS, Setting, budget, interval};

/// What holds for a console.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// How often the director is read, 50 ms to 60 s.
    pub interval: Duration,
    /// The share of one core that reading it may take, 0.005 to 1.
    pub budget: f64,
    /// The theme's name, as it is written; [`crate::theme`] knows which there are.
    pub theme: String,
    /// Whether to draw with ASCII characters only; `None` follows the locale.
    pub ascii: Option<bool>,
    /// Whether to draw at most 2 frames a second, for slow lines.
    pub slow: bool,
    /// Whether the console only watches.
    pub read_only: bool,
    /// Where the journal is, an absolute path; `None` is its default place.
    pub journal: Option<PathBuf>,
    /// The time that lines of values span.
    pub window: Duration,
    /// The rate that is shown first.
    pub rate: Metric,
    /// What a line of values is scaled to.
    pub scale: Scale,
    /// What looking at the connection table may cost.
    pub connections: Budget,
    /// Whether the mouse is listened to, which keeps the terminal from selecting text.
    pub mouse: bool,
    /// What lines of values are drawn with.
    pub charts: Charts,
    /// The table's columns from left to right.
    pub columns: Vec<Column>,
    given: Vec<Given>,
    origins: BTreeMap<&'static str, Origin>,
    files: Vec<(PathBuf, Found)>,
}

/// What lines of values are drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charts {
    /// Block elements, which every font has.
    Blocks,
    /// Braille dots, which show more.
    Braille,
}

/// Where the value of a setting comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// A line of a file.
    File(Line),
    /// The command line.
    Arguments,
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The file.
    pub file: Arc<Path>,
    /// Counted from 1.
    pub line: usize,
}

/// What became of a file that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Read,
    NotThere,
    /// In a folder that is not ours to enter, which happens where HOME is another user's.
    OutOfReach,
}

/// A binding of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Given {
    command: Command,
    at: Line,
    /// Each in its own line, for a list of several lines.
    keys: Vec<(Key, Line)>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(1),
            budget: BUDGET,
            theme: "default".to_owned(),
            ascii: None,
            slow: false,
            read_only: false,
            journal: None,
            window: Duration::from_secs(60),
            rate: Metric::Cps,
            scale: Scale::Own,
            connections: Budget::default(),
            mouse: true,
            charts: Charts::Blocks,
            columns: Column::defaults(),
            given: Vec::new(),
            origins: BTreeMap::new(),
            files: Vec::new(),
        }
    }
}

impl Config {
    /// Reads the files that are there, each over the one before.
    ///
    /// # Errors
    /// Every mistake of every file.
    pub fn load(places: &Places) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let mut mistakes = Vec::new();
        let order: Vec<PathBuf> = places.all().map(|place| place.path).collect();
        for place in places.all() {
            match place.text() {
                Ok(Ok(text)) => {
                    config.files.push((place.path.clone(), Found::Read));
                    mistakes.extend(read::read(&place.path, &text, &mut config));
                }
                Ok(Err(missing)) => config.files.push((place.path.clone(), missing)),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        mistakes.extend(bindings::check(&config.given));
        // The bindings of all files are looked at last, and told where they stand.
        mistakes.sort_by_key(|m| (order.iter().position(|path| *path == m.file), m.line));
        if mistakes.is_empty() { Ok(config) } else { Err(ConfigError { mistakes }) }
    }

    /// Notes that the command line says what the setting `name` is, whatever files say.
    pub fn argued(&mut self, name: &'static str) {
        self.origins.insert(name, Origin::Arguments);
    }

    /// The command line says that the console only watches.
    pub fn watch(&mut self) {
        self.read_only = true;
        self.argued("read_only");
    }

    /// Where a setting's value comes from.
    pub fn origin(&self, name: &str) -> &Origin {
        self.origins.get(name).unwrap_or(&Origin::Default)
    }

    /// The keys that the files bind, for [`crate::keys::Keymap::with`].
    pub fn bindings(&self) -> Vec<Binding> {
        let keys = |given: &Given| given.keys.iter().map(|(key, _)| *key).collect();
        self.given.iter().map(|g| Binding { command: g.command, keys: keys(g) }).collect()
    }

    /// At most this many frames in any second.
    pub fn frames(&self) -> u32 {
        if self.slow { 2 } else { 10 }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", mistake::shown(&self.file), self.line)
    }
}

#[cfg(test)]
mod tests;
