//! Files as an operator writes them.

mod any;
mod files;
mod print;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::keys::Keymap;
use crate::model::Scale;

/// A folder with a machine's file and a user's, removed when it is dropped.
struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        use std::sync::atomic::{AtomicUsize, Ordering};
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("ipvs-tui-config-{}-{n}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        path
    }

    fn places(&self) -> Places {
        Places {
            system: self.0.join("etc.toml"),
            user: Some(self.0.join("user.toml")),
            named: None,
            uid: rustix::process::geteuid().as_raw(),
        }
    }

    fn load(&self) -> Result<Config, String> {
        let folder = format!("{}/", self.0.display());
        Config::load(&self.places()).map_err(|error| error.to_string().replace(&folder, ""))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn load(text: &str) -> Result<Config, String> {
    let home = Home::new();
    home.write("etc.toml", text);
    home.load()
}

#[track_caller]
fn wrong(text: &str, told: &str) {
    assert_eq!(load(text).unwrap_err(), told, "{text}");
}

fn keys(config: &Config, command: Command) -> Vec<String> {
    Keymap::with(&config.bindings(), false).unwrap().keys_of(command)
}

// --- what holds -------------------------------------------------------------------------------

#[test]
fn the_table_tells_the_defaults() {
    let config = Config::default();
    for setting in SETTINGS {
        assert_eq!((setting.show)(&config).as_deref(), setting.default, "{}", setting.name);
        if let Some(default) = setting.default {
            let read = load(&format!("{} = {default}", setting.name)).unwrap();
            assert_eq!((setting.show)(&read).as_deref(), setting.default, "{}", setting.name);
        }
    }
}

#[test]
fn the_table_tells_every_column() {
    let words = SETTINGS.iter().find(|s| s.name == "columns").unwrap().words;
    let names: Vec<&str> = Column::ALL.iter().map(|(_, name, _)| *name).collect();
    assert_eq!(words, format!("a list of {}", names.join(", ")));
}

#[test]
fn no_file_is_no_mistake() {
    let config = Home::new().load().unwrap();
    assert_eq!(config.interval, Duration::from_secs(1));
    assert_eq!(config.origin("interval"), &Origin::Default);
}

#[test]
fn each_file_is_merged_over_the_one_below_setting_by_setting() {
    let home = Home::new();
    home.write(
        "etc.toml",
        "interval = \"5s\"\nrate = \"inbps\"\n[keys]\nquiesce = \"X\"\nmark = \"m\"",
    );
    home.write("user.toml", "\ninterval = \"500ms\"\n\n[keys]\nquiesce = [\"K\"]");
    let mut config = home.load().unwrap();
    assert_eq!(config.interval, Duration::from_millis(500));
    assert_eq!(config.rate, Metric::InBps);
    assert_eq!(keys(&config, Command::Quiesce), ["K"]);
    assert_eq!(keys(&config, Command::Mark), ["m"]);
    let Origin::File(line) = config.origin("interval") else { panic!() };
    assert!(line.to_string().ends_with("/user.toml:2"), "{line}");
    config.argued("interval");
    assert_eq!(config.origin("interval"), &Origin::Arguments);

    let named = home.write("named.toml", "slow = true");
    let config = Config::load(&Places { named: Some(named), ..home.places() }).unwrap();
    assert_eq!((config.slow, config.interval), (true, Duration::from_secs(5)), "not the user's");
    assert_eq!(config.frames(), 2);
}

#[test]
fn every_setting_can_be_said() {
    let config = load(
        "interval = '1.5s'\nbudget = '2.5%'\ntheme = 'dusk'\nascii = false\nslow = true\nread_only = true\n\
         journal = '/srv/j.jsonl'\nwindow = '30m'\nrate = 'outpps'\nscale = 'service'\n\
         mouse = false\nconnections_budget = '0.5%'\ncharts = 'braille'\ncolumns = ['weight', 'share', 'rate-line']",
    )
    .unwrap();
    assert_eq!((config.interval, config.budget), (Duration::from_millis(1500), 0.025));
    assert_eq!((config.theme.as_str(), config.ascii), ("dusk", Some(false)));
    assert_eq!((config.slow, config.read_only, config.mouse), (true, true, false));
    assert_eq!(config.connections, Budget::percent(0.5).unwrap());
    assert_eq!(config.journal, Some(PathBuf::from("/srv/j.jsonl")));
    assert_eq!((config.window, config.rate), (Duration::from_secs(1800), Metric::OutPps));
    assert_eq!((config.scale, config.charts), (Scale::Service, Charts::Braille));
    assert_eq!(config.columns, [Column::Weight, Column::Share, Column::RateLine]);
    assert!(SETTINGS.iter().all(|s| matches!(config.origin(s.name), Origin::File(_))));
}

#[test]
fn intervals_are_read_as_people_write_them() {
    for (text, millis) in [("1s", 1000), ("50ms", 50), ("1.5s", 1500), ("1m", 60_000)] {
        assert_eq!(interval(text), Ok(Duration::from_millis(millis)), "{text}");
    }
    for text in ["", "1", "s", "-1s", "49ms", "61s", "1h", "nan", "1s\u{1b}[2J"] {
        assert!(interval(text).is_err(), "{text:?}");
    }
}

#[test]
fn budgets_are_read_as_people_write_them() {
    for (text, share) in [("5%", 0.05), ("0.5%", 0.005), ("12.5 %", 0.125), ("100%", 1.0)] {
        assert_eq!(budget(text), Ok(share), "{text}");
    }
    for text in ["", "5", "%", "0%", "0.4%", "101%", "-5%", "nan%", "inf%", "5%%"] {
        assert!(budget(text).is_err(), "{text:?}");
    }
}

// --- mistakes ---------------------------------------------------------------------------------

#[test]
fn a_wrong_name_is_told_with_its_line_and_the_known_ones() {
    wrong(
        "# mine\n\nintervall = \"1s\"",
        "etc.toml:3: 'intervall' is no setting; did you mean 'interval'? Known are: interval, \
         budget, theme, ascii, slow, read_only, journal, window, rate, scale, connections_budget, mouse, charts, columns, keys",
    );
    let told = load("zzz = 1").unwrap_err();
    assert!(told.starts_with("etc.toml:1: 'zzz' is no setting. Known are: interval, "), "{told}");
    let told = load("[keys]\nquiece = 'x'").unwrap_err();
    assert!(told.contains(":2: 'quiece' is no command; did you mean 'quiesce'? Known"), "{told}");
    let told = load("columns = [\n'fwd',\n'wieght']").unwrap_err();
    assert!(told.contains(":3: 'wieght' is no column; did you mean 'weight'? Known"), "{told}");
}

#[test]
fn what_stands_in_the_wrong_place_is_told_where_it_belongs() {
    wrong("quiesce = 'X'", "etc.toml:1: 'quiesce' is a command; its keys stand under [keys]");
    wrong(
        "[keys]\ninterval = '1s'",
        "etc.toml:2: 'interval' is a setting, and no command: write it above [keys]",
    );
    wrong("keys = 3", "etc.toml:1: 'keys' is a section: write [keys]; this is a number");
}

#[test]
fn a_wrong_value_is_told_with_what_is_wanted() {
    let interval = "'interval' wants a time with its unit from \"50ms\" to \"60s\"; this is";
    wrong("interval = 5", &format!("etc.toml:1: {interval} a number"));
    wrong("interval = '20ms'", &format!("etc.toml:1: {interval} '20ms'"));
    wrong("slow = 'yes'", "etc.toml:1: 'slow' wants true or false; this is 'yes'");
    wrong(
        "ascii = 'on'",
        "etc.toml:1: 'ascii' wants \"auto\", which follows the locale, true or false; this is 'on'",
    );
    wrong(
        "[journal]\nfile = 'x'",
        "etc.toml:1: 'journal' wants the whole path of a file, from / on; this is a section",
    );
    wrong(
        "journal = 'j.jsonl'",
        "etc.toml:1: 'journal' wants the whole path of a file, from / on; this is 'j.jsonl'",
    );
    wrong("columns = ['fwd', 'fwd']", "etc.toml:1: the column 'fwd' stands there twice");
    wrong("columns = [1]", "etc.toml:1: 'columns' wants names of columns; this is a number");
}

/// Not only the first, and those of both files.
#[test]
fn all_mistakes_are_told_in_the_order_of_lines() {
    let home = Home::new();
    home.write("etc.toml", "slow = 1\ninterval = 1s\nmouse = 2\n[keys]\nup = 3\nup = 4\n");
    home.write("user.toml", "colour = true");
    let told = home.load().unwrap_err();
    let lines: Vec<&str> = told.lines().collect();
    let begins = [
        "etc.toml:1: 'slow'",
        "etc.toml:2: this is not TOML",
        "etc.toml:3: 'mouse'",
        "etc.toml:5: 'up' wants a key",
        "etc.toml:6: this is not TOML: duplicate",
        "user.toml:1: 'col",
    ];
    assert_eq!(lines.len(), begins.len(), "{told}");
    for (line, begin) in lines.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
    let rubbish = "x = = 1\n".repeat(1000);
    assert_eq!(load(&rubbish).unwrap_err().lines().count(), 51);
}

#[test]
fn what_a_file_holds_steers_no_terminal() {
    for text in [
        "'\u{1b}[2J' = 1",
        "\"\\u001b[2J\" = 1",
        "theme = \"\\u001b]0;x\\u0007\"\nslow = 1",
        "charts = \"\\u001b[2J\"",
        "[keys]\nup = \"\\u001b\"",
        "[keys]\n\"\\u0007\" = 'x'",
    ] {
        let told = load(text).unwrap_err();
        assert!(!told.contains(|c: char| c.is_control() && c != '\n'), "{told:?}");
    }
    let long = format!("slow = '{}'", "x".repeat(10_000));
    assert!(load(&long).unwrap_err().len() < 200);
}

// --- keys -------------------------------------------------------------------------------------

#[test]
fn keys_are_bound_swapped_and_taken_away() {
    let config = load("[keys]\nquiesce = 'd'\ndrain = ['x', 'Ctrl-x']\nzero = []").unwrap();
    assert_eq!(keys(&config, Command::Quiesce), ["d"]);
    assert_eq!(keys(&config, Command::Drain), ["x", "Ctrl-x"]);
    assert_eq!(keys(&config, Command::Zero), [""; 0]);
}

#[test]
fn two_commands_on_one_key_are_told_with_both_lines() {
    let home = Home::new();
    home.write("etc.toml", "[keys]\nquiesce = 'y'");
    home.write("user.toml", "[keys]\n\ndrain = [\n  'd',\n  'y',\n]");
    let told = home.load().unwrap_err();
    let both = "user.toml:5: the key y is given to 'quiesce' and to 'drain'; 'quiesce' is at ";
    assert!(told.starts_with(both) && told.ends_with("etc.toml:2"), "{told}");
    home.write("user.toml", "[keys]\ndrain = 'y'\nquiesce = 'x'");
    assert_eq!(keys(&home.load().unwrap(), Command::Drain), ["y"], "the binding below is gone");
    wrong("[keys]\nup = ['y', 'y']", "etc.toml:2: the key y stands there twice");
}

#[test]
fn keys_that_the_console_needs_stay() {
    for (key, why) in [("Enter", "answers what is asked"), ("Esc", "leaves"), ("Ctrl-z", "fg")] {
        let told = load(&format!("[keys]\ndrain = '{key}'")).unwrap_err();
        assert!(told.starts_with("etc.toml:2: the key ") && told.contains(why), "{told}");
    }
    assert!(load("[keys]\nclose = ['Esc', 'y']").is_ok());
    let told = load("[keys]\nquit = []").unwrap_err();
    assert!(told.starts_with("etc.toml:2: 'quit' would have no key"), "{told}");
    let told = load("[keys]\nup = ['q', 'Ctrl-c']").unwrap_err();
    assert!(told.ends_with("; 'up' takes its last one"), "{told}");
}

#[test]
fn keys_written_as_elsewhere_are_told_as_here() {
    for (text, meant) in [
        ("ctrl-x", "Ctrl-x"),
        ("C-x", "Ctrl-x"),
        ("^X", "Ctrl-x"),
        ("ctrl+alt+x", "Ctrl-Alt-x"),
        ("pgup", "PageUp"),
        ("f7", "F7"),
        ("M-x", "Alt-x"),
        ("Shift-Ctrl-Up", "Ctrl-Shift-Up"),
        ("space", "Space"),
    ] {
        let told = load(&format!("[keys]\nup = '{text}'")).unwrap_err();
        assert_eq!(told, format!("etc.toml:2: '{text}' is no key; did you mean '{meant}'?"));
    }
    let told = load("[keys]\nup = 'Ctrl-i'").unwrap_err();
    assert_eq!(told, "etc.toml:2: 'Ctrl-i' reaches a program as Tab: write that");
    let told = load("[keys]\nup = 'Bakspace'").unwrap_err();
    assert!(told.contains("'Bakspace' is no key; did you mean 'Backspace'? Known are: "), "{told}");
}

#[test]
fn commands_that_watch_mode_lacks_may_be_named() {
    let config = load("read_only = true\n[keys]\nquiesce = 'X'").unwrap();
    let keymap = Keymap::with(&config.bindings(), true).unwrap();
    assert_eq!(keymap.keys_of(Command::Quiesce), [""; 0]);
}
