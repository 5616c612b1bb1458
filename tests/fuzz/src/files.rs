//! What operators write, and what this program has written: themes, configuration, the journal.

use std::path::{Path, PathBuf};
use std::str;

use ipvs_tui::command::{COMMANDS, Command};
use ipvs_tui::config::{Config, Places, print_config, print_keys};
use ipvs_tui::journal::{self as book, MOST_DAMAGES, News, Record, read_from};
use ipvs_tui::keys::{Binding, Key, Keymap};
use ipvs_tui::model::Message;
use ipvs_tui::theme::{Depth, ThemeError};
use jiff::tz::TimeZone;

use super::told::{Folder, assert_lines, assert_quiet, assert_sentence, console, show, themes};

/// A theme of the operator's.
pub fn theme(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let themes = match themes().clone().and("mine", "mine.toml", text) {
        Ok(themes) => themes,
        Err(error) => {
            assert_sentence(&error);
            let ThemeError::Wrong { line, .. } = error else { panic!("without a line: {error}") };
            assert!((1..=text.lines().count() + 1).contains(&line), "line {line}");
            return;
        }
    };
    for depth in [Depth::None, Depth::Ansi, Depth::Indexed, Depth::True] {
        let theme = themes.get("mine", depth).unwrap();
        assert!(theme.styles().count() > 20);
    }
    themes.ground("mine").unwrap();
}

/// A configuration, read from a file as it would be.
pub fn config(data: &[u8]) {
    thread_local! { static HOME: Folder = Folder::new(); }
    HOME.with(|home| {
        let config = match load(&home.write("config.toml", data)) {
            Ok(config) => config,
            Err(lines) => {
                assert!(!lines.is_empty());
                return lines.iter().for_each(assert_sentence);
            }
        };
        let keymaps = [false, true].map(|watch| Keymap::with(&config.bindings(), watch).unwrap());
        keymaps.iter().for_each(no_key_twice);
        let settings = printed(&config);
        let again = load(&home.write("settings.toml", settings.as_bytes())).unwrap();
        assert_eq!(said(&printed(&again)), said(&settings));
        let mut keys = Vec::new();
        print_keys(&config, &keymaps[0], &mut keys).unwrap();
        assert_lines(&keys);
        if !config.read_only {
            let again = load(&home.write("keys.toml", &keys)).unwrap();
            let again = Keymap::with(&again.bindings(), false).unwrap();
            assert_eq!(again.names(), keymaps[0].names());
        }
    });
}

fn load(path: &Path) -> Result<Config, Vec<String>> {
    let mut places = Places::of(Some(path), 0, &|_| None);
    places.system = PathBuf::from("/nonexistent/config.toml");
    Config::load(&places).map_err(|error| error.lines().collect())
}

fn printed(config: &Config) -> String {
    let mut out = Vec::new();
    print_config(config, &mut out).unwrap();
    assert_lines(&out);
    String::from_utf8(out).unwrap()
}

/// The lines that say something, without where they come from.
fn said(printed: &str) -> Vec<&str> {
    let lines = printed.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines.map(|line| line.rsplit_once("  # ").map_or(line, |(said, _)| said)).collect()
}

fn no_key_twice(keymap: &Keymap) {
    let keys = COMMANDS.iter().flat_map(|spec| keymap.keys_of(spec.command));
    let mut keys: Vec<String> = keys.collect();
    keys.iter().for_each(|key| assert_quiet(key));
    let count = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), count, "a key has two commands");
    for command in [Command::Quit, Command::Help] {
        assert!(!keymap.keys_of(command).is_empty());
    }
}

/// Lines of keys as they are written: `quiesce X Ctrl-x`, each of them read by itself too.
pub fn keymap(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut bindings = Vec::new();
    for line in text.split('\n').take(64) {
        let mut words = line.split(' ');
        let command = words.next().and_then(Command::named);
        let keys: Vec<Key> = words.filter_map(key).collect();
        if let Some(spec) = command {
            bindings.push(Binding { command: spec.command, keys });
        }
    }
    let faults = Keymap::faults(&bindings);
    faults.iter().for_each(assert_sentence);
    for watch in [false, true] {
        match Keymap::with(&bindings, watch) {
            Ok(keymap) => no_key_twice(&keymap),
            Err(fault) => assert_eq!(faults.first(), Some(&fault)),
        }
    }
}

fn key(text: &str) -> Option<Key> {
    match text.parse::<Key>() {
        Ok(key) => {
            let name = key.to_string();
            assert_quiet(&name);
            // A character that cannot be seen is named by its number, which is no name.
            if name.is_ascii() && !name.contains("\\u{") {
                assert_eq!(name.parse(), Ok(key), "{name:?}");
            }
            Some(key)
        }
        Err(error) => {
            assert_sentence(&error);
            None
        }
    }
}

/// A journal.
pub fn journal(data: &[u8]) {
    let history = read_from(&mut &*data, None).unwrap();
    let mut lines: Vec<&[u8]> = data.split(|b| *b == b'\n').collect();
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    assert_eq!(history.lines, lines.len() as u64);
    assert!(history.damaged.len() as u64 <= history.damaged_lines.min(MOST_DAMAGES as u64));
    let mut useful = 0;
    for line in lines.iter().filter(|line| !line.trim_ascii().is_empty()) {
        match Record::decode(line) {
            Err(flaw) => {
                assert_sentence(&flaw);
                useful += 1;
            }
            Ok(record) => {
                let again = record.encode().unwrap();
                assert_eq!(again.iter().position(|b| *b == b'\n'), Some(again.len() - 1));
                assert_eq!(Record::decode(&again), Ok(record));
            }
        }
    }
    assert!(useful <= history.damaged_lines, "{useful} of {} damaged", history.damaged_lines);

    let mut out = Vec::new();
    book::text(&history, &TimeZone::UTC, &mut out).unwrap();
    assert_lines(&out);
    out.clear();
    book::json(&history, &mut out).unwrap();
    assert_lines(&out);
    serde_json::from_slice::<serde_json::Value>(&out).expect("JSON");

    // Of a limited reading there is the end, and every open drain.
    let last = read_from(&mut &*data, Some(1)).unwrap();
    assert_eq!(last.lines, history.lines);
    assert!(last.entries.len() <= 1 && last.outside.len() <= 1);
    let open = |h: &book::History| h.drains.iter().filter(|d| d.open()).count();
    assert_eq!(open(&last), open(&history));

    for entry in &history.entries {
        let scene = &entry.intent.scene;
        let _ = (history.undoable(scene).count(), history.redoable(scene).count());
        let _ = (entry.inverse(), entry.inverse_with_doubts(), entry.under_way(None));
    }
    let scene = history.entries.last().map(|e| e.intent.scene.clone());
    let scene = scene.or_else(|| Some(history.drains.last()?.started.scene.clone()));
    let news = News { history, scene: scene.unwrap_or_default(), ..News::default() };
    let mut model = console();
    model.update(Message::Journal(news.into()));
    for view in [Command::ViewJournal, Command::ViewDrains] {
        model.update(Message::Command(view));
        show(&mut model, (100, 30));
    }
}
