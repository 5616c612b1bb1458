//! The section `[keys]`: `quiesce = "X"`, `drain = ["d", "Ctrl-d"]`, `zero = []`.

use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::mistake::{Mistake, quoted, unknown};
use super::read::{Source, Wrong, said};
use super::settings::{SETTINGS, Value};
use super::{Given, Line};
use crate::command::{COMMANDS, Command};
use crate::keys::{Binding, Key, KeyError, Keymap, KeymapError};

/// Takes the section's bindings over those of the files before.
pub(super) fn read(
    section: &Value<'_>,
    source: &Source<'_>,
    all: &mut Vec<Given>,
    wrong: &mut Vec<Wrong>,
) {
    let Some(table) = section.get_ref().as_table() else {
        let is = said(section.get_ref());
        wrong.push(Wrong::new(section, format!("'keys' is a section: write [keys]; this is {is}")));
        return;
    };
    // The table is in the order of names; what is told about two lines is told of the later one.
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in entries {
        let Some(spec) = Command::named(name.get_ref()) else {
            wrong.push(Wrong::new(name, stranger(name.get_ref())));
            continue;
        };
        let items = match value.get_ref() {
            DeValue::String(_) => std::slice::from_ref(value),
            DeValue::Array(items) => items.as_ref(),
            other => {
                let says = format!(
                    "'{}' wants a key, such as \"x\", or a list of keys; this is {}",
                    spec.name,
                    said(other)
                );
                wrong.push(Wrong::new(value, says));
                continue;
            }
        };
        match keys(items, spec.name, source) {
            Ok(keys) => {
                all.retain(|given| given.command != spec.command);
                let at = source.line(&name.span());
                all.push(Given { command: spec.command, at, keys });
            }
            Err(more) => wrong.extend(more),
        }
    }
}

fn keys(
    items: &[Spanned<DeValue<'_>>],
    command: &str,
    source: &Source<'_>,
) -> Result<Vec<(Key, Line)>, Vec<Wrong>> {
    let mut keys: Vec<(Key, Line)> = Vec::new();
    let mut wrong = Vec::new();
    for item in items {
        let DeValue::String(text) = item.get_ref() else {
            let says = format!("'{command}' wants keys; this is {}", said(item.get_ref()));
            wrong.push(Wrong::new(item, says));
            continue;
        };
        match text.parse::<Key>() {
            Ok(key) if keys.iter().any(|(known, _)| *known == key) => {
                wrong.push(Wrong::new(item, format!("the key {key} stands there twice")));
            }
            Ok(key) => keys.push((key, source.line(&item.span()))),
            Err(why) => wrong.push(Wrong::new(item, no_key(text, &why))),
        }
    }
    if wrong.is_empty() { Ok(keys) } else { Err(wrong) }
}

/// A name that is no command's.
fn stranger(name: &str) -> String {
    if SETTINGS.iter().any(|setting| setting.name == name) {
        return format!("'{name}' is a setting, and no command: write it above [keys]");
    }
    unknown(name, "command", COMMANDS.iter().map(|spec| spec.name))
}

fn no_key(text: &str, why: &KeyError) -> String {
    match (why, meant(text)) {
        (KeyError::Unknown, Some(key)) => {
            format!("{} is no key; did you mean '{key}'?", quoted(text))
        }
        (KeyError::Unknown, None) => {
            let names = unknown(text, "key", Key::names());
            format!("{names}, F1 to F24, and every character; Ctrl-, Alt-, Shift- before them")
        }
        (KeyError::SentAs(_), _) => format!("{} {why}", quoted(text)),
    }
}

/// The key of a text that writes it as other programs do: `ctrl-x`, `C-x`, `^X`, `alt+pageup`.
fn meant(text: &str) -> Option<Key> {
    const PREFIXES: [(&str, &str); 8] = [
        ("control", "Ctrl-"),
        ("ctrl", "Ctrl-"),
        ("alt", "Alt-"),
        ("meta", "Alt-"),
        ("shift", "Shift-"),
        ("c", "Ctrl-"),
        ("m", "Alt-"),
        ("s", "Shift-"),
    ];
    let prefix = |rest: &str| {
        PREFIXES.iter().find_map(|(written, meant)| {
            let head = rest.get(..written.len()).filter(|h| h.eq_ignore_ascii_case(written))?;
            let after = rest.get(head.len()..)?.strip_prefix(['-', '+'])?;
            Some((*meant, after.to_owned()))
        })
    };
    let (mut before, mut rest) = match text.strip_prefix('^') {
        Some(rest) => (vec!["Ctrl-"], rest.to_owned()),
        None => (Vec::new(), text.to_owned()),
    };
    while let Some((meant, after)) = prefix(&rest) {
        before.push(meant);
        rest = after;
    }
    before.sort_by_key(|b| ["Ctrl-", "Alt-", "Shift-"].iter().position(|known| known == b));
    before.dedup();
    let name = match rest.to_ascii_lowercase().as_str() {
        "pgup" => "PageUp".to_owned(),
        "pgdn" | "pgdown" => "PageDown".to_owned(),
        "return" | "ret" => "Enter".to_owned(),
        "del" => "Delete".to_owned(),
        "ins" => "Insert".to_owned(),
        "escape" => "Esc".to_owned(),
        lower => {
            let named = Key::names().find(|name| name.eq_ignore_ascii_case(lower));
            let function = || lower.starts_with('f').then(|| rest.to_ascii_uppercase());
            let function = || function().filter(|f| f.parse::<Key>().is_ok());
            named.map(str::to_owned).or_else(function).unwrap_or(rest)
        }
    };
    match format!("{}{name}", before.concat()).parse() {
        Ok(key) | Err(KeyError::SentAs(key)) => Some(key),
        Err(KeyError::Unknown) => None,
    }
}

/// What is wrong with the bindings of all files together.
pub(super) fn check(all: &[Given]) -> Vec<Mistake> {
    let binding = |given: &Given| Binding {
        command: given.command,
        keys: given.keys.iter().map(|(key, _)| *key).collect(),
    };
    let bindings: Vec<Binding> = all.iter().map(binding).collect();
    Keymap::faults(&bindings).iter().map(|fault| told(fault, all)).collect()
}

/// A fault with the lines that make it.
fn told(fault: &KeymapError, all: &[Given]) -> Mistake {
    let given = |command: Command| all.iter().find(|given| given.command == command);
    let line = |command: Command, key: Key| {
        let given = given(command)?;
        Some(given.keys.iter().find(|(known, _)| *known == key).map_or(&given.at, |(_, at)| at))
    };
    let name = |command: Command| command.spec().map_or("", |spec| spec.name);
    let (at, more) = match fault {
        KeymapError::Twice { key, first, second } => {
            let other = line(*first, *key);
            (line(*second, *key), other.map(|at| format!("; '{}' is at {at}", name(*first))))
        }
        KeymapError::Reserved { key, command, .. } => (line(*command, *key), None),
        KeymapError::NoKey { command, taken_by } => {
            let more = taken_by.map(|by| format!("; '{}' takes its last one", name(by)));
            (given(taken_by.unwrap_or(*command)).map(|given| &given.at), more)
        }
        KeymapError::Default { .. } => (None, None),
    };
    let says = format!("{fault}{}", more.unwrap_or_default());
    match at {
        Some(at) => Mistake { line: Some(at.line), ..Mistake::of(&at.file, says) },
        None => Mistake::of(Path::new("the defaults"), says),
    }
}
