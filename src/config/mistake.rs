//! What is told about a mistake in a file, and the known names nearest to a wrong one.

use std::fmt;
use std::path::{Path, PathBuf};

use super::Line;
use crate::journal::clean;

/// So many mistakes are told; a file with more is something else than a configuration.
const MOST: usize = 50;
/// A name this much like a known one, by Jaro and Winkler, was meant to be it; clap has the same.
const ALIKE: f64 = 0.7;
/// Characters of a wrong word that are repeated.
const LONGEST: usize = 60;

/// A mistake in a file: `/etc/ipvs-tui/config.toml:12: 'intervall' is no setting; ...`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Mistake {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1, unless it is about the file as a whole.
    pub line: Option<usize>,
    /// The character in the line, counted from 1.
    pub column: Option<usize>,
    /// What is wrong, and what is right.
    pub says: String,
}

impl Mistake {
    /// About a file as a whole.
    pub(super) fn of(file: &Path, says: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, column: None, says: says.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.file))?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.says)
    }
}

/// Everything that is wrong in the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// At least one; those of a file in the order of its lines.
    pub mistakes: Vec<Mistake>,
}

impl ConfigError {
    /// One mistake, in a line that says what nobody knows; where it is used, that shows.
    pub fn at(line: &Line, says: impl Into<String>) -> Self {
        let mistake = Mistake { line: Some(line.line), ..Mistake::of(&line.file, says) };
        Self { mistakes: vec![mistake] }
    }

    /// A line for each, of the first 50.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let more = self.mistakes.len().saturating_sub(MOST);
        let last = (more > 0).then(|| format!("and {more} more mistakes"));
        self.mistakes.iter().take(MOST).map(ToString::to_string).chain(last)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().collect::<Vec<_>>().join("\n"))
    }
}

impl std::error::Error for ConfigError {}

/// A path that steers no terminal.
pub(super) fn shown(path: &Path) -> String {
    clean(&path.to_string_lossy())
}

/// A word of the file in quotes; it may hold anything and be of any length.
pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(LONGEST).collect();
    let dots = if short.len() < text.len() { "..." } else { "" };
    format!("'{}{dots}'", clean(&short))
}

/// `'intervall' is no setting; did you mean 'interval'? Known are: interval, theme, ...`: the
/// near ones first, the rest in the order of their table.
pub(super) fn unknown<'a>(
    text: &str,
    what: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> String {
    let word: String = text.chars().take(LONGEST).collect::<String>().to_lowercase();
    let alike = |name: &str| strsim::jaro_winkler(&word, &name.to_lowercase());
    let known: Vec<(f64, &str)> = known.into_iter().map(|name| (alike(name), name)).collect();
    let (mut near, far): (Vec<_>, Vec<_>) = known.into_iter().partition(|(near, _)| *near >= ALIKE);
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let meant = near.first().map(|(_, name)| format!("; did you mean '{name}'?"));
    let names: Vec<&str> = near.into_iter().chain(far).map(|(_, name)| name).collect();
    let meant = meant.unwrap_or_else(|| ".".to_owned());
    format!("{} is no {what}{meant} Known are: {}", quoted(text), names.join(", "))
}
