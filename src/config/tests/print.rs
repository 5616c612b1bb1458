//! What is printed says where it comes from, and can be read again.

use super::*;
use crate::command::COMMANDS;

pub(super) fn printed(config: &Config) -> (String, String) {
    let keymap = Keymap::with(&config.bindings(), config.read_only).unwrap();
    let (mut settings, mut keys) = (Vec::new(), Vec::new());
    print_config(config, &mut settings).unwrap();
    print_keys(config, &keymap, &mut keys).unwrap();
    (String::from_utf8(settings).unwrap(), String::from_utf8(keys).unwrap())
}

#[test]
fn what_is_printed_says_where_it_comes_from() {
    let home = Home::new();
    home.write("etc.toml", "interval = '2s'\njournal = '/a\"b'\n[keys]\nnext-rate = ['k', '\"']");
    let mut config = home.load().unwrap();
    config.slow = true;
    config.argued("slow");
    let (settings, keys) = printed(&config);
    let folder = home.0.display();
    for line in [
        format!("interval = \"2s\"  # {folder}/etc.toml:1"),
        format!("# {folder}/user.toml (is not there)"),
        "slow = true  # the command line".to_owned(),
        "theme = \"default\"  # the default".to_owned(),
        "# draw at most 2 frames a second, for slow lines (true or false)".to_owned(),
        format!("next-rate = [\"k\", \"\\\"\"]  # {folder}/etc.toml:4"),
    ] {
        assert!(settings.lines().any(|l| l == line), "{line}\n{settings}");
    }
    let row = |name: &str| keys.lines().find(|l| l.starts_with(name)).unwrap().to_owned();
    assert!(row("up = ").starts_with("up = [\"Up\"] "), "{keys}");
    assert!(
        row("up = ").ends_with(&format!("; k is now next-rate: {folder}/etc.toml:4")),
        "{keys}"
    );
    assert!(row("next-rate = ").ends_with(&format!(" ({folder}/etc.toml:4)")), "{keys}");
    let mut there = COMMANDS.iter().filter(|spec| !spec.replays);
    assert!(there.all(|spec| row(&format!("{} = ", spec.name)).contains(spec.doc)));
}

#[test]
fn what_is_printed_can_be_read_again() {
    let config =
        load("theme = 'a\"\\b'\nslow = true\n[keys]\nup = ['\"', '\\']\nmark = 'u'").unwrap();
    let (settings, keys) = printed(&config);
    let again = load(&settings).unwrap();
    for setting in SETTINGS {
        assert_eq!((setting.show)(&again), (setting.show)(&config), "{}", setting.name);
    }
    assert_eq!(again.bindings(), config.bindings());
    let map = |config: &Config| Keymap::with(&config.bindings(), false).unwrap().names();
    assert_eq!(map(&load(&keys).unwrap()), map(&config));
}
