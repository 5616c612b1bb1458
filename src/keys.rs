//! From a key to a message: the keymap, and how keys are written.
//!
//! Keys are written as an operator reads them: `k`, `G`, `+`, `Ctrl-c`, `PageUp`, `F7`, `Esc`.
//! While something is typed, keys are text and no command but the prompt's own works.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tui_input::backend::crossterm::to_input_request;

use crate::command::{Command, available};
use crate::model::{Message, Model};

/// A key with its modifiers. Shift is in the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

const NAMED: &[(&str, KeyCode)] = &[
    ("Up", KeyCode::Up),
    ("Down", KeyCode::Down),
    ("Left", KeyCode::Left),
    ("Right", KeyCode::Right),
    ("PageUp", KeyCode::PageUp),
    ("PageDown", KeyCode::PageDown),
    ("Home", KeyCode::Home),
    ("End", KeyCode::End),
    ("Enter", KeyCode::Enter),
    ("Esc", KeyCode::Esc),
    ("Tab", KeyCode::Tab),
    ("BackTab", KeyCode::BackTab),
    ("Backspace", KeyCode::Backspace),
    ("Delete", KeyCode::Delete),
    ("Insert", KeyCode::Insert),
    ("Space", KeyCode::Char(' ')),
];

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let kept = match event.code {
            // Terminals differ on whether they report Shift with a capital letter.
            KeyCode::Char(_) | KeyCode::BackTab => event.modifiers - KeyModifiers::SHIFT,
            _ => event.modifiers,
        };
        let known = KeyModifiers::CONTROL | KeyModifiers::ALT | KeyModifiers::SHIFT;
        Self { code: event.code, modifiers: kept & known }
    }
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut rest = text;
        let mut modifiers = KeyModifiers::NONE;
        for (prefix, modifier) in [
            ("Ctrl-", KeyModifiers::CONTROL),
            ("Alt-", KeyModifiers::ALT),
            ("Shift-", KeyModifiers::SHIFT),
        ] {
            if let Some(after) = rest.strip_prefix(prefix).filter(|r| !r.is_empty()) {
                rest = after;
                modifiers |= modifier;
            }
        }
        let named = NAMED.iter().find(|(name, _)| *name == rest).map(|(_, code)| *code);
        let function = rest.strip_prefix('F').and_then(|n| n.parse().ok()).map(KeyCode::F);
        let mut chars = rest.chars();
        let single = match (chars.next(), chars.next()) {
            (Some(c), None) => Some(KeyCode::Char(c)),
            _ => None,
        };
        named
            .or(function)
            .or(single)
            .map(|code| Self { code, modifiers })
            .ok_or_else(|| format!("'{text}' is no key: write k, G, +, Ctrl-c, PageUp or F7"))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (modifier, prefix) in [
            (KeyModifiers::CONTROL, "Ctrl-"),
            (KeyModifiers::ALT, "Alt-"),
            (KeyModifiers::SHIFT, "Shift-"),
        ] {
            if self.modifiers.contains(modifier) {
                f.write_str(prefix)?;
            }
        }
        match self.code {
            KeyCode::F(n) => write!(f, "F{n}"),
            code => match NAMED.iter().find(|(_, named)| *named == code) {
                Some((name, _)) => f.write_str(name),
                None => match code {
                    KeyCode::Char(c) => write!(f, "{}", c.escape_debug()),
                    other => write!(f, "{other:?}"),
                },
            },
        }
    }
}

/// Which key does what.
#[derive(Clone, Debug)]
pub struct Keymap {
    commands: HashMap<Key, Command>,
}

impl Keymap {
    /// The default keys, without those that change anything if the console only watches.
    ///
    /// # Errors
    /// A sentence when two commands want the same key, or a key cannot be read.
    pub fn defaults(read_only: bool) -> Result<Self, String> {
        let mut commands = HashMap::new();
        for spec in available(read_only) {
            for text in spec.keys {
                let key: Key = text.parse()?;
                if commands.insert(key, spec.command).is_some() {
                    return Err(format!("the key {key} is bound twice, last to {}", spec.name));
                }
            }
        }
        Ok(Self { commands })
    }

    /// What a key means now. Releases mean nothing; nor does a key in an open prompt that is
    /// neither text nor one of its own.
    pub fn message(&self, event: KeyEvent, model: &Model) -> Option<Message> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let key = Key::from(event);
        let command = self.commands.get(&key).copied();
        if model.prompt.is_some() {
            return match (event.code, command) {
                (KeyCode::Esc, _) => Some(Message::Command(Command::Close)),
                (KeyCode::Enter, _) => Some(Message::Accept),
                (KeyCode::Char('c'), _) if key.modifiers == KeyModifiers::CONTROL => {
                    Some(Message::Command(Command::Close))
                }
                (KeyCode::Tab | KeyCode::Down, _) => Some(Message::Choose(1)),
                (KeyCode::BackTab | KeyCode::Up, _) => Some(Message::Choose(-1)),
                (KeyCode::PageDown, _) => Some(Message::Scroll(5)),
                (KeyCode::PageUp, _) => Some(Message::Scroll(-5)),
                _ => to_input_request(&Event::Key(event)).map(Message::Typed),
            };
        }
        if model.help.is_some() {
            // Help covers the table, so nothing that changes it works underneath: what does not
            // move help closes it, and does no more than that.
            return match command {
                Some(command) if !command.spec().is_some_and(|s| s.mutates) => {
                    Some(Message::Command(command))
                }
                _ => None,
            };
        }
        Some(match command {
            Some(command) => Message::Command(command),
            None => Message::UnknownKey(key.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::COMMANDS;

    #[test]
    fn every_default_key_is_written_as_it_is_shown() {
        for text in COMMANDS.iter().flat_map(|s| s.keys) {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), **text);
        }
    }

    #[test]
    fn no_key_is_bound_twice_and_watch_mode_binds_nothing_that_writes() {
        let all = Keymap::defaults(false).unwrap();
        let watch = Keymap::defaults(true).unwrap();
        assert!(all.commands.len() > watch.commands.len());
        assert!(watch.commands.values().all(|c| !c.spec().unwrap().mutates));
    }

    #[test]
    fn nonsense_is_no_key() {
        for text in ["", "Ctrl-", "Hyper-x", "F0x", "abc"] {
            assert!(text.parse::<Key>().is_err(), "{text:?}");
        }
    }
}
