//! A file's text into settings. Everything that is wrong is told, each with its line.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{Mistake, quoted, unknown};
use super::settings::{No, SETTINGS};
use super::{Config, Line, Origin, bindings};
use crate::command::Command;

/// Something wrong at these bytes of the text.
pub(super) struct Wrong {
    pub(super) at: Range<usize>,
    pub(super) says: String,
}

impl Wrong {
    pub(super) fn new<T>(of: &Spanned<T>, says: impl Into<String>) -> Self {
        Self { at: of.span(), says: says.into() }
    }
}

/// A file's text, and where its lines begin.
pub(super) struct Source<'a> {
    file: Arc<Path>,
    text: &'a str,
    begins: Vec<usize>,
}

impl<'a> Source<'a> {
    fn new(file: &Path, text: &'a str) -> Self {
        let next = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(n, _)| n + 1);
        Self { file: Arc::from(file), text, begins: std::iter::once(0).chain(next).collect() }
    }

    fn number(&self, at: usize) -> usize {
        self.begins.partition_point(|begin| *begin <= at)
    }

    pub(super) fn line(&self, at: &Range<usize>) -> Line {
        Line { file: Arc::clone(&self.file), line: self.number(at.start) }
    }

    fn mistake(&self, wrong: Wrong) -> Mistake {
        let line = self.number(wrong.at.start);
        let begin = self.begins.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let before = self.text.get(begin..wrong.at.start);
        Mistake {
            file: self.file.to_path_buf(),
            line: Some(line),
            column: before.map(|before| 1 + before.chars().count()),
            says: wrong.says,
        }
    }
}

/// Takes the text's settings over those of `config`; returns everything that is wrong.
pub(super) fn read(file: &Path, text: &str, config: &mut Config) -> Vec<Mistake> {
    let source = Source::new(file, text);
    let (table, flaws) = DeTable::parse_recoverable(text);
    let mut all: Vec<Wrong> = flaws
        .iter()
        .map(|flaw| Wrong {
            at: flaw.span().unwrap_or_default(),
            says: format!("this is not TOML: {}", flaw.message()),
        })
        .collect();
    // What a broken line would have said, nobody knows.
    let broken: BTreeSet<usize> = all.iter().map(|wrong| source.number(wrong.at.start)).collect();
    let mut wrong = Vec::new();
    for (name, value) in table.get_ref() {
        if name.get_ref() == "keys" {
            bindings::read(value, &source, &mut config.given, &mut wrong);
            continue;
        }
        let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name.get_ref()) else {
            wrong.push(Wrong::new(name, stranger(name.get_ref())));
            continue;
        };
        match (setting.set)(config, value) {
            Ok(()) => {
                config.origins.insert(setting.name, Origin::File(source.line(&name.span())));
            }
            Err(No::Unfit) => {
                let is = said(value.get_ref());
                let says = format!("'{}' wants {}; this is {is}", setting.name, setting.words);
                wrong.push(Wrong::new(value, says));
            }
            Err(No::These(these)) => wrong.extend(these),
        }
    }
    all.extend(wrong.into_iter().filter(|w| !broken.contains(&source.number(w.at.start))));
    all.sort_by_key(|wrong| wrong.at.start);
    all.into_iter().map(|wrong| source.mistake(wrong)).collect()
}

/// A name that is no setting's.
fn stranger(name: &str) -> String {
    if Command::named(name).is_some() {
        return format!("'{name}' is a command; its keys stand under [keys]");
    }
    unknown(name, "setting", SETTINGS.iter().map(|setting| setting.name).chain(["keys"]))
}

/// A value in a sentence.
pub(super) fn said(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => quoted(text),
        DeValue::Integer(_) | DeValue::Float(_) => "a number".to_owned(),
        DeValue::Boolean(yes) => yes.to_string(),
        DeValue::Datetime(_) => "a date or time of day".to_owned(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a section".to_owned(),
    }
}
