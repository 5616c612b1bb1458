//! A key, and how it is written.

use std::fmt;
use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Terminals know F1 to F12, those of old terminals up to F24.
const LAST_FUNCTION: u8 = 24;

/// A key with its modifiers. Shift is in the character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub(super) code: KeyCode,
    pub(super) modifiers: KeyModifiers,
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

impl From<Key> for KeyEvent {
    /// As a terminal tells that it was pressed.
    fn from(key: Key) -> Self {
        Self::new(key.code, key.modifiers)
    }
}

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

/// Why a text names no key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing is called that.
    #[error("is no key: write k, G, +, Ctrl-c, PageUp or F7")]
    Unknown,
    /// A terminal sends another key for it.
    #[error("reaches a program as {0}: write that")]
    SentAs(Key),
}

impl Key {
    /// Names of keys that are not a character.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }

    /// What a terminal makes of it, where that is something else: Shift is in the character,
    /// Control knows no capitals, and some control characters are keys of their own.
    fn sent_as(self) -> Option<Self> {
        let plain = |code| Some(Self { code, modifiers: KeyModifiers::NONE });
        let Self { code, modifiers } = self;
        match code {
            KeyCode::Tab if modifiers == KeyModifiers::SHIFT => plain(KeyCode::BackTab),
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::SHIFT) => {
                let c = c.to_uppercase().next().unwrap_or(c);
                let sent =
                    Self { code: KeyCode::Char(c), modifiers: modifiers - KeyModifiers::SHIFT };
                sent.sent_as().or(Some(sent))
            }
            KeyCode::Char(c) if modifiers == KeyModifiers::CONTROL => match c {
                'i' | 'I' => plain(KeyCode::Tab),
                'm' | 'M' => plain(KeyCode::Enter),
                '[' => plain(KeyCode::Esc),
                'A'..='Z' => Some(Self { code: KeyCode::Char(c.to_ascii_lowercase()), modifiers }),
                _ => None,
            },
            _ => None,
        }
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
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
        let function = rest.strip_prefix('F').filter(|n| !n.starts_with(['0', '+']));
        let function = function.and_then(|n| n.parse().ok()).filter(|n| *n <= LAST_FUNCTION);
        let mut chars = rest.chars();
        let single = match (chars.next(), chars.next()) {
            (Some(c), None) if !c.is_control() => Some(KeyCode::Char(c)),
            _ => None,
        };
        let code = named.or(function.map(KeyCode::F)).or(single).ok_or(KeyError::Unknown)?;
        let key = Self { code, modifiers };
        key.sent_as().map_or(Ok(key), |sent| Err(KeyError::SentAs(sent)))
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
                    // Quotes and backslashes are keys; what could steer a terminal is not.
                    KeyCode::Char(c) if c.is_ascii_punctuation() => write!(f, "{c}"),
                    KeyCode::Char(c) => write!(f, "{}", c.escape_debug()),
                    other => write!(f, "{other:?}"),
                },
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::COMMANDS;

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    #[test]
    fn every_default_key_is_written_as_it_is_shown() {
        for text in COMMANDS.iter().flat_map(|s| s.keys) {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), **text);
        }
    }

    #[test]
    fn nonsense_is_no_key() {
        for text in
            ["", "Ctrl-", "Hyper-x", "F0x", "F0", "F01", "F+1", "F25", "abc", "ctrl-c", "\u{1b}"]
        {
            assert_eq!(text.parse::<Key>(), Err(KeyError::Unknown), "{text:?}");
        }
    }

    #[test]
    fn keys_that_a_terminal_cannot_tell_apart_have_one_name() {
        for (text, sent) in [
            ("Ctrl-i", "Tab"),
            ("Ctrl-m", "Enter"),
            ("Ctrl-[", "Esc"),
            ("Ctrl-X", "Ctrl-x"),
            ("Shift-x", "X"),
            ("Alt-Shift-x", "Alt-X"),
            ("Ctrl-Shift-i", "Tab"),
            ("Shift-Tab", "BackTab"),
        ] {
            assert_eq!(text.parse::<Key>(), Err(KeyError::SentAs(key(sent))), "{text}");
        }
        for text in
            ["'", "\"", "\\", "|", "#", "Space", "Ctrl-Space", "-", "Ctrl--", "Shift-Up", "é"]
        {
            assert_eq!(key(text).to_string(), text);
        }
    }
}
