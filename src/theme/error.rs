//! What can be wrong with a theme, said so that an operator finds the place and the right word.

use std::fmt;
use std::io;
use std::path::Path;

use crate::journal::clean;

/// Why there is no such theme.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// Nobody knows the name.
    #[error("no theme is called '{name}'; there are {known}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names there are.
        known: Nearest,
    },
    /// A file says something that cannot be.
    #[error("{file}:{line}: {wrong}")]
    Wrong {
        /// The file, control characters escaped.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// What is wrong there.
        wrong: Wrong,
    },
    /// A file's name cannot be a theme's name.
    #[error("{file}: a theme is called as its file is; write letters, digits, '-' and '_'")]
    Name {
        /// The file, control characters escaped.
        file: String,
    },
    /// The folder or a file in it cannot be read.
    #[error("{file}: the themes cannot be read: {why}")]
    Unreadable {
        /// What cannot be read, control characters escaped.
        file: String,
        /// Why.
        why: String,
    },
}

impl ThemeError {
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::Unreadable { file: place(path), why: error.to_string() }
    }
}

/// A path as a terminal may show it.
pub(super) fn place(path: &Path) -> String {
    clean(&path.display().to_string())
}

/// What is wrong in a line of a theme file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is no TOML.
    #[error("this is no TOML: {0}")]
    Toml(String),
    /// A key that nothing on the screen has.
    #[error("'{name}' is no key of a theme; nearest first, there are {known}")]
    Key {
        /// As it was written.
        name: String,
        /// The keys there are.
        known: Nearest,
    },
    /// A part of a style, of `[palette]` or of `[meta]` that there is not.
    #[error(
        "'{name}' has no place here; there are {known}. A key with dots is written \"ui.text\""
    )]
    Part {
        /// As it was written.
        name: String,
        /// What there is.
        known: Nearest,
    },
    /// A colour that neither the palette nor the terminal has.
    #[error("'{name}' is no colour; write \"#rrggbb\", 0 to 255, or, nearest first, {known}")]
    Colour {
        /// As it was written.
        name: String,
        /// The palette and the terminal's 16.
        known: Nearest,
    },
    /// A modifier that there is not.
    #[error("'{name}' is no modifier; nearest first, there are {known}")]
    Modifier {
        /// As it was written.
        name: String,
        /// The modifiers there are.
        known: Nearest,
    },
    /// A parent that there is not.
    #[error("it inherits from '{name}', which is no theme; nearest first, there are {known}")]
    Parent {
        /// As it was written.
        name: String,
        /// The themes there are.
        known: Nearest,
    },
    /// It would be its own ancestor.
    #[error("it inherits from itself: {}", .0.join(" from "))]
    Cycle(Vec<String>),
    /// A value of another kind.
    #[error("'{name}' is {found}; write {wanted}")]
    Kind {
        /// What has the value.
        name: String,
        /// The kind it is.
        found: &'static str,
        /// What it could be.
        wanted: &'static str,
    },
}

/// Names there are, the most alike first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest(Vec<String>);

impl Nearest {
    /// Sorts `all` by how much they are like `name`. Equals keep their order.
    pub(super) fn to<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Self {
        let mut known: Vec<String> = all.map(shown).collect();
        known.sort_by_cached_key(|other| strsim::damerau_levenshtein(name, other));
        Self(known)
    }

    /// The names, the most alike first.
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Nearest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

/// What a file says, as a terminal may show it: nothing that it would act upon, and not without end.
pub(super) fn shown(text: &str) -> String {
    clean(&text.chars().take(64).collect::<String>())
}
