//! A theme file as it is written: its keys, palette and parent, each with the line it stands in.
//! What a colour's name means is open until the file's place among the others is known.

use std::collections::BTreeSet;
use std::ops::Range;

use ratatui::style::{Color, Modifier, Style};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::colour::{hex, indexed, named, names};
use super::error::{Nearest, ThemeError, Wrong, shown};
use super::{KEYS, is_key};

/// A theme file.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// The theme's name.
    pub(super) name: String,
    /// Where it is, for whoever has to correct it.
    pub(super) place: String,
    /// The parent and the line that names it.
    pub(super) inherits: Option<(String, usize)>,
    /// The background that it is made for.
    pub(super) ground: Option<Paint>,
    palette: Vec<(String, Color)>,
    styles: Vec<(String, Spec)>,
}

/// A style as it is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Spec {
    fg: Option<Paint>,
    bg: Option<Paint>,
    modifiers: Modifier,
}

/// A colour as it is written, and its line.
#[derive(Clone, Debug)]
pub(super) struct Paint {
    written: Written,
    line: usize,
}

#[derive(Clone, Debug)]
enum Written {
    Colour(Color),
    Name(String),
}

/// The modifiers by name. Those that blink are left out.
const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
];

const COLOUR: &str = "a colour: \"#rrggbb\", a name, or 0 to 255";

impl File {
    /// Reads a theme file. Colours' names are not looked up yet.
    pub(super) fn parse(name: &str, place: &str, text: &str) -> Result<Self, ThemeError> {
        let mut file = Self {
            name: name.to_owned(),
            place: place.to_owned(),
            inherits: None,
            ground: None,
            palette: Vec::new(),
            styles: Vec::new(),
        };
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or_else(|| text.lines().count().max(1), |s| at(text, &s));
            file.wrong(line, Wrong::Toml(shown(error.message())))
        })?;
        for (key, value) in in_order(table.get_ref()) {
            let line = at(text, &key.span());
            match key.get_ref().as_ref() {
                "inherits" => {
                    let parent = file.string(value, "inherits", "a theme's name", line)?;
                    file.inherits = Some((parent.to_owned(), line));
                }
                "palette" => file.read_palette(value, text, line)?,
                "meta" => file.read_meta(value, text, line)?,
                name if is_key(name) => {
                    let spec = file.spec(name, value, text)?;
                    file.styles.push((name.to_owned(), spec));
                }
                name => {
                    let keys = KEYS.iter().map(|key| key.name);
                    let known = nearest(name, keys.chain(["inherits", "palette", "meta"]));
                    return Err(file.wrong(line, Wrong::Key { name: shown(name), known }));
                }
            }
        }
        Ok(file)
    }

    /// What is wrong in a line of this file.
    pub(super) fn wrong(&self, line: usize, wrong: Wrong) -> ThemeError {
        ThemeError::Wrong { file: self.place.clone(), line, wrong }
    }

    /// The style that this file gives a key or a group of keys.
    pub(super) fn style(&self, key: &str) -> Option<&Spec> {
        self.styles.iter().find(|(name, _)| name == key).map(|(_, spec)| spec)
    }

    /// Every style of this file, in its order.
    pub(super) fn styles(&self) -> impl Iterator<Item = &Spec> {
        self.styles.iter().map(|(_, spec)| spec)
    }

    /// A style's colours, looked up in the palettes of `chain`, the nearest first.
    pub(super) fn resolve(&self, spec: &Spec, chain: &[&Self]) -> Result<Style, ThemeError> {
        let look_up = |paint: &Option<Paint>| {
            paint.as_ref().map(|paint| self.colour(paint, chain)).transpose()
        };
        let style = Style { fg: look_up(&spec.fg)?, bg: look_up(&spec.bg)?, ..Style::new() };
        Ok(style.add_modifier(spec.modifiers))
    }

    /// A colour, looked up in the palettes of `chain`, the nearest first, and then among the
    /// terminal's own.
    pub(super) fn colour(&self, paint: &Paint, chain: &[&Self]) -> Result<Color, ThemeError> {
        let name = match &paint.written {
            Written::Colour(colour) => return Ok(*colour),
            Written::Name(name) => name,
        };
        let mut palette = chain.iter().flat_map(|file| &file.palette);
        let found = palette.find(|(known, _)| known == name).map(|(_, colour)| *colour);
        found.or_else(|| named(name)).ok_or_else(|| {
            let palette = chain.iter().flat_map(|file| &file.palette);
            let all: BTreeSet<&str> = palette.map(|(known, _)| known.as_str()).collect();
            let terminal: Vec<&str> = names().collect();
            let known = nearest(name, all.into_iter().chain(terminal));
            self.wrong(paint.line, Wrong::Colour { name: shown(name), known })
        })
    }

    fn read_palette(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        text: &str,
        line: usize,
    ) -> Result<(), ThemeError> {
        for (key, value) in self.table(value, "palette", "a table of colours", line)? {
            let name = key.get_ref();
            let paint = self.paint(name, value, text)?;
            // A name in the palette means one of the terminal's colours, never another of it.
            let colour = self.colour(&paint, &[])?;
            self.palette.push((name.to_string(), colour));
        }
        Ok(())
    }

    fn read_meta(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        text: &str,
        line: usize,
    ) -> Result<(), ThemeError> {
        for (key, value) in self.table(value, "meta", "a table with background", line)? {
            match key.get_ref().as_ref() {
                "background" => self.ground = Some(self.paint("background", value, text)?),
                name => return Err(self.part(name, &["background"], at(text, &key.span()))),
            }
        }
        Ok(())
    }

    /// `"yellow"` or `{ fg = "yellow", modifiers = ["bold"] }`.
    fn spec(
        &self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        text: &str,
    ) -> Result<Spec, ThemeError> {
        let DeValue::Table(table) = value.get_ref() else {
            return Ok(Spec { fg: Some(self.paint(name, value, text)?), ..Spec::default() });
        };
        let mut spec = Spec::default();
        for (key, value) in in_order(table) {
            match key.get_ref().as_ref() {
                "fg" => spec.fg = Some(self.paint("fg", value, text)?),
                "bg" => spec.bg = Some(self.paint("bg", value, text)?),
                "modifiers" => spec.modifiers = self.modifiers(value, text)?,
                name => {
                    let parts = ["fg", "bg", "modifiers"];
                    return Err(self.part(name, &parts, at(text, &key.span())));
                }
            }
        }
        Ok(spec)
    }

    fn modifiers(&self, value: &Spanned<DeValue<'_>>, text: &str) -> Result<Modifier, ThemeError> {
        let wanted = "a list, such as [\"bold\", \"underlined\"]";
        let line = at(text, &value.span());
        let DeValue::Array(list) = value.get_ref() else {
            return Err(self.kind("modifiers", value, wanted, line));
        };
        let mut all = Modifier::empty();
        for entry in list {
            let line = at(text, &entry.span());
            let name = self.string(entry, "modifiers", wanted, line)?;
            let found = MODIFIERS.iter().find(|(known, _)| *known == name);
            all |= found.map(|(_, modifier)| *modifier).ok_or_else(|| {
                let known = nearest(name, MODIFIERS.iter().map(|(known, _)| *known));
                self.wrong(line, Wrong::Modifier { name: shown(name), known })
            })?;
        }
        Ok(all)
    }

    fn paint(
        &self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        text: &str,
    ) -> Result<Paint, ThemeError> {
        let line = at(text, &value.span());
        let written = match value.get_ref() {
            DeValue::Integer(index) => u8::from_str_radix(index.as_str(), index.radix())
                .ok()
                .map(|index| Written::Colour(indexed(index))),
            DeValue::String(written) if written.starts_with('#') => {
                hex(written).map(Written::Colour)
            }
            DeValue::String(written) => Some(Written::Name(written.to_string())),
            _ => None,
        };
        match written {
            Some(written) => Ok(Paint { written, line }),
            None => match value.get_ref().as_str() {
                Some(hex) => {
                    let known = nearest(hex, names());
                    Err(self.wrong(line, Wrong::Colour { name: shown(hex), known }))
                }
                None => Err(self.kind(name, value, COLOUR, line)),
            },
        }
    }

    fn table<'a, 'i>(
        &self,
        value: &'a Spanned<DeValue<'i>>,
        name: &str,
        wanted: &'static str,
        line: usize,
    ) -> Result<Vec<Entry<'a, 'i>>, ThemeError> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(in_order(table)),
            _ => Err(self.kind(name, value, wanted, line)),
        }
    }

    fn string<'a>(
        &self,
        value: &'a Spanned<DeValue<'_>>,
        name: &str,
        wanted: &'static str,
        line: usize,
    ) -> Result<&'a str, ThemeError> {
        value.get_ref().as_str().ok_or_else(|| self.kind(name, value, wanted, line))
    }

    fn kind(
        &self,
        name: &str,
        value: &Spanned<DeValue<'_>>,
        wanted: &'static str,
        line: usize,
    ) -> ThemeError {
        let found = match value.get_ref() {
            DeValue::String(_) => "text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number that does not do",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.wrong(line, Wrong::Kind { name: shown(name), found, wanted })
    }

    fn part(&self, name: &str, known: &[&str], line: usize) -> ThemeError {
        let known = nearest(name, known.iter().copied());
        self.wrong(line, Wrong::Part { name: shown(name), known })
    }
}

type Entry<'a, 'i> = (&'a Spanned<std::borrow::Cow<'i, str>>, &'a Spanned<DeValue<'i>>);

/// The entries of a table as they stand in the file, so that the first mistake is told first.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<Entry<'a, 'i>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

/// The line of a place in the text, from 1.
fn at(text: &str, span: &Range<usize>) -> usize {
    1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
}

fn nearest<'a>(name: &str, all: impl Iterator<Item = &'a str>) -> Nearest {
    Nearest::to(&shown(name), all)
}
