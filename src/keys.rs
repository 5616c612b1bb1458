//! From a key to a message: the keymap, and how keys are written.
//!
//! Keys are written as an operator reads them: `k`, `G`, `+`, `Ctrl-c`, `PageUp`, `F7`, `Esc`.
//! While something is typed, keys are text and no command but the prompt's own works.
//!
//! [`Keymap::with`] lays bindings over the defaults: a command's binding replaces all its default
//! keys, and takes its keys from the commands that have them by default, so that two commands can
//! swap theirs.

mod key;

use std::collections::HashMap;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tui_input::backend::crossterm::to_input_request;

use crate::command::{COMMANDS, Command, KeyNames, Spec, available, of_replay};
use crate::model::{Message, Model};
pub use key::{Key, KeyError};

/// The keys of one command, in place of its default ones; none at all unbinds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Which command.
    pub command: Command,
    /// Its keys, the one to show first.
    pub keys: Vec<Key>,
}

/// Why bindings make no keymap.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// Two commands want one key.
    #[error("the key {key} is given to '{}' and to '{}'", name(*.first), name(*.second))]
    Twice {
        /// The key.
        key: Key,
        /// The command that is bound to it first.
        first: Command,
        /// The other one.
        second: Command,
    },
    /// The console itself needs the key.
    #[error("the key {key} cannot be given to '{}': {why}", name(*.command))]
    Reserved {
        /// The key.
        key: Key,
        /// The command that wants it.
        command: Command,
        /// What the key is needed for.
        why: &'static str,
    },
    /// A command that nobody can do without would have no key.
    #[error("'{}' would have no key, and nobody can do without; give it one", name(*.command))]
    NoKey {
        /// The command.
        command: Command,
        /// The command that takes the last of its default keys, unless it is unbound itself.
        taken_by: Option<Command>,
    },
    /// The table of commands names a key that is none.
    #[error("a default key of '{}' {why}", name(*.command))]
    Default {
        /// The command.
        command: Command,
        /// Why it is none.
        why: KeyError,
    },
}

fn name(command: Command) -> &'static str {
    command.spec().map_or("", |spec| spec.name)
}

/// What the console needs a key for, whatever else is bound.
fn reserved(key: Key) -> Option<&'static str> {
    match (key.code, key.modifiers) {
        (KeyCode::Enter, KeyModifiers::NONE) => Some("it answers what is asked"),
        (KeyCode::Esc, KeyModifiers::NONE) => Some("it leaves what is asked"),
        (KeyCode::Char('z'), KeyModifiers::CONTROL) => Some("it stops the console until fg"),
        _ => None,
    }
}

/// Which key does what.
#[derive(Clone, Debug)]
pub struct Keymap {
    commands: HashMap<Key, Command>,
    keys: Vec<(Command, Vec<Key>)>,
}

impl Keymap {
    /// The default keys, without those that change anything if the console only watches.
    ///
    /// # Errors
    /// [`KeymapError`] when the table of commands contradicts itself.
    pub fn defaults(read_only: bool) -> Result<Self, KeymapError> {
        Self::with(&[], read_only)
    }

    /// The default keys with these bindings over them; of two for one command the later counts.
    /// In a console that only watches, keys of commands that change anything do nothing: they are
    /// not given back to the commands that have them by default.
    ///
    /// # Errors
    /// The first [`KeymapError`] of [`Keymap::faults`].
    pub fn with(bindings: &[Binding], read_only: bool) -> Result<Self, KeymapError> {
        let (all, faults) = lay(bindings);
        if let Some(fault) = faults.into_iter().next() {
            return Err(fault);
        }
        Ok(Self::of(all, available(read_only)))
    }

    /// The same for a console over a recording.
    ///
    /// # Errors
    /// As [`Self::with`].
    pub fn of_replay(bindings: &[Binding]) -> Result<Self, KeymapError> {
        let (all, faults) = lay(bindings);
        match faults.into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(Self::of(all, of_replay())),
        }
    }

    /// The keys of those commands that there are.
    fn of(all: Vec<(Command, Vec<Key>)>, there: impl Iterator<Item = &'static Spec>) -> Self {
        let there: Vec<Command> = there.map(|spec| spec.command).collect();
        let keys: Vec<_> = all.into_iter().filter(|(command, _)| there.contains(command)).collect();
        let each = keys.iter().flat_map(|(command, keys)| keys.iter().map(|key| (*key, *command)));
        let commands = each.collect();
        Self { commands, keys }
    }

    /// Everything that keeps these bindings from being a keymap.
    pub fn faults(bindings: &[Binding]) -> Vec<KeymapError> {
        lay(bindings).1
    }

    /// The keys of a command as they are written, the one to show first.
    pub fn keys_of(&self, command: Command) -> Vec<String> {
        let keys = self.keys.iter().find(|(of, _)| *of == command);
        keys.map(|(_, keys)| keys.iter().map(Key::to_string).collect()).unwrap_or_default()
    }

    /// The commands that this console has, in the table's order.
    pub fn commands(&self) -> impl Iterator<Item = &'static Spec> {
        self.keys.iter().filter_map(|(command, _)| command.spec())
    }

    /// The keys of every command, for help, footer and sentences.
    pub fn names(&self) -> KeyNames {
        self.keys.iter().map(|(command, _)| (*command, self.keys_of(*command))).collect()
    }

    /// What a key means now. Releases mean nothing; nor does a key in an open prompt that is
    /// neither text nor one of its own.
    pub fn message(&self, event: KeyEvent, model: &Model) -> Option<Message> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        let key = Key::from(event);
        let command = self.commands.get(&key).copied();
        if model.too_small {
            let quits = command == Some(Command::Quit);
            return quits.then_some(Message::Command(Command::Quit));
        }
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

/// Every command with its keys, in the table's order, and what is wrong with that.
fn lay(bindings: &[Binding]) -> (Vec<(Command, Vec<Key>)>, Vec<KeymapError>) {
    let mut faults = Vec::new();
    let last = |command| bindings.iter().rev().find(|b| b.command == command);
    let mut given: HashMap<Key, Vec<Command>> = HashMap::new();
    // A key may write in one console and play in another.
    let meets = |other: &Command, spec: &Spec| other.spec().is_none_or(|other| other.meets(spec));
    let taken = |given: &HashMap<Key, Vec<Command>>, key: &Key, spec: &Spec| {
        given.get(key).and_then(|by| by.iter().copied().find(|by| meets(by, spec)))
    };
    for binding in bindings.iter().filter(|b| last(b.command).is_some_and(|l| std::ptr::eq(l, *b)))
    {
        let Binding { command, keys } = binding;
        for key in keys {
            let own =
                command.spec().is_some_and(|spec| defaults(spec, &mut Vec::new()).contains(key));
            if let Some(why) = reserved(*key).filter(|_| !own) {
                faults.push(KeymapError::Reserved { key: *key, command: *command, why });
            }
            if let Some(first) = command.spec().and_then(|spec| taken(&given, key, spec)) {
                faults.push(KeymapError::Twice { key: *key, first, second: *command });
            }
            given.entry(*key).or_default().push(*command);
        }
    }
    let mut all = Vec::new();
    let mut bound: HashMap<Key, Command> = HashMap::new();
    for spec in COMMANDS {
        let own = defaults(spec, &mut faults);
        let keys = match last(spec.command) {
            Some(binding) => binding.keys.clone(),
            None => own.iter().copied().filter(|key| taken(&given, key, spec).is_none()).collect(),
        };
        for key in keys.iter().filter(|key| !given.contains_key(key)) {
            let first = bound.insert(*key, spec.command);
            if let Some(first) = first.filter(|first| meets(first, spec)) {
                faults.push(KeymapError::Twice { key: *key, first, second: spec.command });
            }
        }
        if keys.is_empty() && matches!(spec.command, Command::Quit | Command::Help) {
            let taken_by = match last(spec.command) {
                Some(_) => None,
                None => own.iter().rev().find_map(|key| taken(&given, key, spec)),
            };
            faults.push(KeymapError::NoKey { command: spec.command, taken_by });
        }
        all.push((spec.command, keys));
    }
    (all, faults)
}

/// The keys that the table gives a command.
fn defaults(spec: &Spec, faults: &mut Vec<KeymapError>) -> Vec<Key> {
    let read = |text: &&str| match text.parse() {
        Ok(key) => Some(key),
        Err(why) => {
            faults.push(KeymapError::Default { command: spec.command, why });
            None
        }
    };
    spec.keys.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a file that spells the defaults does.
    #[test]
    fn a_key_that_plays_is_not_taken_from_the_one_that_writes() {
        let keys = |words: &[&str]| words.iter().map(|word| word.parse().unwrap()).collect();
        let faster = Binding { command: Command::Faster, keys: keys(&["+"]) };
        let raise = Binding { command: Command::WeightUp, keys: keys(&["+", "="]) };
        let with = |bindings: &[Binding]| Keymap::with(bindings, false).unwrap();
        assert!(
            with(std::slice::from_ref(&faster))
                .keys_of(Command::WeightUp)
                .contains(&"+".to_owned())
        );
        assert_eq!(with(&[faster, raise.clone()]).keys_of(Command::WeightUp), ["+", "="]);
        let quiesce = Binding { command: Command::Quiesce, keys: keys(&["+"]) };
        assert!(Keymap::with(&[quiesce, raise], false).is_err(), "both write");
    }

    #[test]
    fn no_key_is_bound_twice_and_watch_mode_binds_nothing_that_writes() {
        let all = Keymap::defaults(false).unwrap();
        let watch = Keymap::defaults(true).unwrap();
        assert!(all.commands.len() > watch.commands.len());
        assert!(watch.commands.values().all(|c| !c.spec().unwrap().mutates));
    }

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    fn bind(command: Command, keys: &[&str]) -> Binding {
        Binding { command, keys: keys.iter().map(|text| key(text)).collect() }
    }

    #[test]
    fn a_binding_replaces_the_default_keys_and_takes_those_of_others() {
        let swapped = [bind(Command::Quiesce, &["d"]), bind(Command::Drain, &["x", "Ctrl-x"])];
        let map = Keymap::with(&swapped, false).unwrap();
        assert_eq!(map.keys_of(Command::Quiesce), ["d"]);
        assert_eq!(map.keys_of(Command::Drain), ["x", "Ctrl-x"]);
        assert_eq!(map.commands.get(&key("d")), Some(&Command::Quiesce));

        let map = Keymap::with(&[bind(Command::NextRate, &["k"])], false).unwrap();
        assert_eq!(map.keys_of(Command::Up), ["Up"]);
        assert!(!map.commands.contains_key(&key("t")));
        assert_eq!(map.names().first(Command::NextRate), Some("k"));

        let map = Keymap::with(&[bind(Command::Mark, &[])], false).unwrap();
        assert_eq!(map.names().say(Command::Mark), "mark");
    }

    /// A key that is for writing elsewhere does nothing where nothing can be written.
    #[test]
    fn watch_mode_gives_no_key_back() {
        let map = Keymap::with(&[bind(Command::Quiesce, &["t"])], true).unwrap();
        assert!(!map.commands.contains_key(&key("t")));
        assert_eq!(map.keys_of(Command::NextRate), [""; 0]);
    }

    #[test]
    fn what_makes_no_keymap_is_told() {
        let told = |bindings: &[Binding]| Keymap::with(bindings, false).unwrap_err().to_string();
        let both = [bind(Command::Drain, &["y"]), bind(Command::Quiesce, &["y"])];
        assert_eq!(told(&both), "the key y is given to 'drain' and to 'quiesce'");
        for text in ["Enter", "Esc", "Ctrl-z"] {
            assert!(told(&[bind(Command::Drain, &[text])]).contains("cannot be given"), "{text}");
        }
        assert!(Keymap::with(&[bind(Command::Close, &["Esc", "y"])], false).is_ok());
        assert!(told(&[bind(Command::Help, &[])]).contains("'help' would have no key"));
        let taken = [bind(Command::Drain, &["q"]), bind(Command::Quiesce, &["Ctrl-c"])];
        let taken_by = Some(Command::Quiesce);
        assert_eq!(
            Keymap::with(&taken, true).unwrap_err(),
            KeymapError::NoKey { command: Command::Quit, taken_by }
        );
    }
}
