//! All themes there are: the compiled ones and the operator's own, how they inherit, and which
//! one is on.

use std::fs;
use std::io;
use std::path::Path;

use ratatui::style::{Color, Style};

use super::builtin::BUILT_IN;
use super::error::{Nearest, ThemeError, Wrong, place, shown};
use super::file::File;
use super::fit::Fit;
use super::{Depth, Theme};

/// Every theme there is.
#[derive(Clone, Debug)]
pub struct Themes {
    built_in: Vec<File>,
    own: Vec<File>,
}

impl Themes {
    /// The themes that are compiled in.
    ///
    /// # Errors
    /// When one of them is wrong: a defect, which a test keeps out.
    pub fn built_in() -> Result<Self, ThemeError> {
        let mut themes = Self { built_in: Vec::new(), own: Vec::new() };
        for (name, text) in BUILT_IN {
            themes.built_in.push(File::parse(name, &format!("themes/{name}.toml"), text)?);
        }
        for file in &themes.built_in {
            themes.check(file)?;
        }
        Ok(themes)
    }

    /// The compiled ones and every `*.toml` of a folder, called as its file is. One that is called
    /// as a compiled one takes its place, and may inherit from it. A folder that is not there has
    /// no themes; hidden files are not looked at.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of the names, whether the theme is used or not.
    pub fn with_folder(folder: &Path) -> Result<Self, ThemeError> {
        let mut themes = Self::built_in()?;
        let unreadable = |path: &Path, error| ThemeError::unreadable(path, &error);
        let entries = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(themes),
            other => other.map_err(|error| unreadable(folder, error))?,
        };
        let mut paths = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| unreadable(folder, error))?.path();
            let hidden = path.file_name().is_some_and(|n| n.as_encoded_bytes().starts_with(b"."));
            if path.extension().is_some_and(|e| e == "toml") && !hidden {
                paths.push(path);
            }
        }
        paths.sort();
        for path in paths {
            let place = place(&path);
            let name = path.file_stem().and_then(|stem| stem.to_str()).filter(|n| is_name(n));
            let name = name.ok_or_else(|| ThemeError::Name { file: place.clone() })?;
            let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, error))?;
            themes.own.push(File::parse(name, &place, &text)?);
        }
        for file in &themes.own {
            themes.check(file)?;
        }
        Ok(themes)
    }

    /// These and another of the operator's own, without a disk; `place` names it in errors.
    ///
    /// # Errors
    /// What is wrong in it.
    pub fn and(mut self, name: &str, place: &str, text: &str) -> Result<Self, ThemeError> {
        self.own.push(File::parse(name, place, text)?);
        self.own.iter().try_for_each(|file| self.check(file))?;
        Ok(self)
    }

    /// The names: the compiled ones in their order, then the operator's own.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let is_built_in = |name: &str| self.built_in.iter().any(|file| file.name == name);
        let own = self.own.iter().filter(move |file| !is_built_in(&file.name));
        self.built_in.iter().chain(own).map(|file| file.name.as_str())
    }

    /// A theme for a terminal that shows so many colours.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn get(&self, name: &str, depth: Depth) -> Result<Theme, ThemeError> {
        let file = self.named(name)?;
        let mono = self.built_in.iter().find(|file| file.name == "mono");
        let mono = mono.map(|file| self.resolve(file)).transpose()?.unwrap_or_default();
        let theme = self.resolve(file)?;
        Ok(Fit::new(depth, &mono).theme(&theme, self.ground_of(file, &theme)?))
    }

    /// The background that a theme is seen on: the one that it paints, or else the one that it
    /// says it is made for. `None` where it says neither.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn ground(&self, name: &str) -> Result<Option<Color>, ThemeError> {
        let file = self.named(name)?;
        self.ground_of(file, &self.resolve(file)?)
    }

    /// Every theme fitted to the terminal, with the named one on, or the default for the depth.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn choice(&self, named: Option<&str>, depth: Depth) -> Result<Choice, ThemeError> {
        let name = named.unwrap_or_else(|| depth.default_theme());
        let theme = self.get(name, depth)?;
        let all: Result<Vec<_>, _> =
            self.names().map(|name| Ok((name.to_owned(), self.get(name, depth)?))).collect();
        Ok(Choice { name: name.to_owned(), theme, all: all? })
    }

    fn named(&self, name: &str) -> Result<&File, ThemeError> {
        let found = self.own.iter().chain(&self.built_in).find(|file| file.name == name);
        found.ok_or_else(|| {
            let name = shown(name);
            ThemeError::Unknown { known: Nearest::to(&name, self.names()), name }
        })
    }

    /// A file and what it inherits from, the nearest first.
    fn chain<'a>(&'a self, file: &'a File) -> Result<Vec<&'a File>, ThemeError> {
        let (mut chain, mut last) = (vec![file], file);
        while let Some((name, line)) = &last.inherits {
            let parent = self.parent(last, name).ok_or_else(|| {
                let name = shown(name);
                let known = Nearest::to(&name, self.names());
                last.wrong(*line, Wrong::Parent { known, name })
            })?;
            chain.push(parent);
            if chain.iter().filter(|file| std::ptr::eq(**file, parent)).count() > 1 {
                let names = chain.iter().map(|file| file.name.clone()).collect();
                return Err(last.wrong(*line, Wrong::Cycle(names)));
            }
            last = parent;
        }
        Ok(chain)
    }

    /// Who is meant by a parent's name. The compiled ones inherit from each other, whatever the
    /// operator calls his own; and his own `dark` inherits from the compiled `dark`.
    fn parent<'a>(&'a self, of: &'a File, name: &str) -> Option<&'a File> {
        let find = |files: &'a [File]| files.iter().find(|file| file.name == name);
        let built_in = find(&self.built_in);
        if self.built_in.iter().any(|file| std::ptr::eq(file, of)) {
            built_in
        } else if of.name == name {
            built_in.or(Some(of))
        } else {
            find(&self.own).or(built_in)
        }
    }

    /// Looks up every colour of a file, also those of keys that nobody falls back to.
    fn check(&self, file: &File) -> Result<(), ThemeError> {
        let chain = self.chain(file)?;
        for spec in file.styles() {
            file.resolve(spec, &chain)?;
        }
        if let Some(ground) = &file.ground {
            file.colour(ground, &chain)?;
        }
        Ok(())
    }

    /// Every key with the style that the chain has for it, or for what it falls back to.
    fn resolve(&self, file: &File) -> Result<Theme, ThemeError> {
        let chain = self.chain(file)?;
        Theme::of(|key| {
            let mut key = key;
            loop {
                let found = chain.iter().find_map(|file| Some((file, file.style(key)?)));
                if let Some((file, spec)) = found {
                    return file.resolve(spec, &chain);
                }
                match key.rsplit_once('.') {
                    Some((group, _)) => key = group,
                    None => return Ok(Style::new()),
                }
            }
        })
    }

    fn ground_of(&self, file: &File, theme: &Theme) -> Result<Option<Color>, ThemeError> {
        if let Some(painted) = theme.background.bg.filter(|color| *color != Color::Reset) {
            return Ok(Some(painted));
        }
        let chain = self.chain(file)?;
        let said = chain.iter().find_map(|file| Some((file, file.ground.as_ref()?)));
        said.map(|(file, ground)| file.colour(ground, &chain)).transpose()
    }
}

/// The theme that is on, and those that could be: all resolved, so that going from one to the
/// next cannot fail.
#[derive(Clone, Debug)]
pub struct Choice {
    name: String,
    theme: Theme,
    all: Vec<(String, Theme)>,
}

impl Choice {
    /// The name of the theme that is on.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The theme that is on.
    pub fn theme(&self) -> &Theme {
        &self.theme
    }

    /// Puts the next one on; after the last comes the first.
    pub fn step(&mut self) {
        let here = self.all.iter().position(|(name, _)| *name == self.name);
        let next = here.map_or(0, |n| (n + 1) % self.all.len().max(1));
        if let Some((name, theme)) = self.all.get(next) {
            (self.name, self.theme) = (name.clone(), theme.clone());
        }
    }
}

/// Names are shown in notices and typed on command lines.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}
