//! Files as nobody would write them: a configuration or mistakes, and never a panic.

use proptest::prelude::*;

use super::print::printed;
use super::*;
use crate::command::COMMANDS;

/// Pieces that files are made of, right and wrong.
fn piece() -> impl Strategy<Value = String> {
    let names: Vec<&str> = SETTINGS.iter().map(|s| s.name).chain(["keys", "x", "[keys]"]).collect();
    prop_oneof![
        proptest::sample::select(names).prop_map(str::to_owned),
        proptest::sample::select(COMMANDS.iter().map(|s| s.name).collect::<Vec<_>>())
            .prop_map(str::to_owned),
        proptest::sample::select(vec![
            "=",
            " ",
            "\n",
            "\"1s\"",
            "'x'",
            "[",
            "]",
            "{",
            "}",
            ",",
            "true",
            "1",
            "1.5e",
            "#",
            "\"",
            "'''",
            "2020-01-01",
            ".",
            "\u{feff}",
            "\\u0000",
            "é",
            "\r\n",
            "['a', 'b']",
            "[[",
            "]]",
        ])
        .prop_map(str::to_owned),
        ".{0,4}",
    ]
}

/// A file of bindings that is TOML, with few keys, so that they often meet.
fn bindings_file() -> impl Strategy<Value = String> {
    let key = proptest::sample::select(vec![
        "q", "Ctrl-c", "?", "h", "F1", "x", "d", "Up", "k", "Esc", "Enter", "Tab", "Z", "Ctrl-z",
        "+",
    ]);
    let names: Vec<&str> = COMMANDS.iter().map(|spec| spec.name).collect();
    let row = (proptest::sample::select(names), proptest::collection::vec(key, 0..4));
    proptest::collection::vec(row, 0..6).prop_map(|rows| {
        let rows: BTreeMap<&str, Vec<&str>> = rows.into_iter().collect();
        let line = |(name, keys): (&str, Vec<&str>)| format!("{name} = {}\n", settings::list(keys));
        format!("[keys]\n{}", rows.into_iter().map(line).collect::<String>())
    })
}

/// What a user's file over a machine's makes, without a disk.
fn merge(texts: &[&str]) -> Result<Config, Vec<Mistake>> {
    let mut config = Config::default();
    let mut mistakes = Vec::new();
    for (n, text) in texts.iter().enumerate() {
        mistakes.extend(read::read(Path::new(&format!("/{n}.toml")), text, &mut config));
    }
    mistakes.extend(bindings::check(&config.given));
    if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
}

fn assert_told(mistakes: &[Mistake]) {
    for mistake in mistakes {
        assert!(
            mistake.line.is_some_and(|line| line > 0) && !mistake.says.is_empty(),
            "{mistake:?}"
        );
        assert!(!mistake.to_string().contains(char::is_control), "{mistake:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text_is_a_config_or_mistakes(text in proptest::collection::vec(piece(), 0..40)) {
        match merge(&[&text.concat()]) {
            Ok(config) => {
                let (settings, keys) = printed(&config);
                prop_assert!(merge(&[&settings]).is_ok(), "{}", settings);
                prop_assert!(merge(&[&keys]).is_ok(), "{}", keys);
            }
            Err(mistakes) => assert_told(&mistakes),
        }
    }

    #[test]
    fn any_bytes_as_text(text in ".{0,200}") {
        if let Err(mistakes) = merge(&[&text]) {
            assert_told(&mistakes);
        }
    }

    #[test]
    fn no_keymap_has_a_key_twice(below in bindings_file(), above in bindings_file()) {
        match merge(&[&below, &above]) {
            Ok(config) => for read_only in [false, true] {
                let keymap = Keymap::with(&config.bindings(), read_only).unwrap();
                let mut all: Vec<String> =
                    COMMANDS.iter().flat_map(|spec| keymap.keys_of(spec.command)).collect();
                let count = all.len();
                all.sort();
                all.dedup();
                prop_assert_eq!(count, all.len());
                for command in [Command::Quit, Command::Help] {
                    prop_assert!(!keymap.keys_of(command).is_empty());
                }
            },
            Err(mistakes) => assert_told(&mistakes),
        }
    }
}

/// Found by the test above: two files that open the same table, and no text at all.
#[test]
fn empty_files_and_tables_are_a_config() {
    for texts in [["", ""], ["[keys]\n", "[keys]\n"]] {
        assert!(merge(&texts).is_ok(), "{texts:?}");
    }
}
