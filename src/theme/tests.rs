//! What a theme file may say, what is wrong with others, and what the compiled ones look like.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use ratatui::style::{Color, Style};

use super::builtin::BUILT_IN;
use super::file::File;
use super::*;

/// The compiled themes and one more, called `mine`.
fn with(text: &str) -> Result<Themes, ThemeError> {
    Themes::built_in().unwrap().and("mine", "mine.toml", text)
}

fn mine(text: &str) -> Theme {
    with(text).unwrap().get("mine", Depth::True).unwrap()
}

/// What is said about a wrong theme.
fn said(text: &str) -> String {
    with(text).unwrap_err().to_string()
}

#[test]
fn a_style_is_a_colour_or_a_table() {
    let theme = mine(
        r##"
        "ui.frame" = "#5cc2cf"
        "ui.dim" = "bright-black"
        "table.weight" = 136
        "table.weight.zero" = { fg = "sea", bg = "default", modifiers = ["bold", "italic"] }
        [palette]
        sea = "#000080"
        "##,
    );
    assert_eq!(theme.frame, Style::new().fg(Color::Rgb(0x5c, 0xc2, 0xcf)));
    assert_eq!(theme.dim, Style::new().fg(Color::DarkGray));
    assert_eq!(theme.weight, Style::new().fg(Color::Indexed(136)));
    let zero = Style::new().fg(Color::Rgb(0, 0, 128)).bg(Color::Reset);
    assert_eq!(theme.quiesced, zero.bold().italic());
    assert_eq!(theme.error, Style::new(), "nobody said anything about it");
}

#[test]
fn a_key_falls_back_along_its_dots() {
    let theme = mine("\"table\" = \"red\"\n\"table.weight\" = { bg = \"blue\" }");
    let (red, blue) = (Style::new().fg(Color::Red), Style::new().bg(Color::Blue));
    assert_eq!((theme.service, theme.marked), (red, red));
    // A style is found whole: the group's red is not mixed in.
    assert_eq!((theme.weight, theme.quiesced), (blue, blue));
    assert_eq!(theme.text, Style::new());
    // What is inherited is looked through before anything falls back.
    let theme = mine("inherits = \"dark\"\ntable = \"red\"\n");
    let dark = Themes::built_in().unwrap().get("dark", Depth::True).unwrap();
    assert_eq!((theme.quiesced, theme.server), (dark.quiesced, red));
}

#[test]
fn a_palette_colours_what_is_inherited() {
    let theme = mine("inherits = \"gruvbox\"\n[palette]\nerror = \"magenta\"\nblack = \"red\"");
    assert_eq!(theme.error, Style::new().fg(Color::Magenta).bold());
    assert_eq!(theme.warning, Style::new().fg(Color::Rgb(0xfa, 0xbd, 0x2f)));
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_the_nearest_name() {
    for (text, line, says) in [
        (
            "# one\n\n\"tabel.weight\" = \"red\"",
            3,
            "'tabel.weight' is no key of a theme; nearest first, there are table.weight, ",
        ),
        (
            "inherit = \"dark\"",
            1,
            "'inherit' is no key of a theme; nearest first, there are inherits, ",
        ),
        (
            "ui.text = \"red\"",
            1,
            "'text' has no place here; there are fg, bg, modifiers. A key with dots is written \"ui.text\"",
        ),
        (
            "\n\"ui.text\" = \"yelow\"",
            2,
            "'yelow' is no colour; write \"#rrggbb\", 0 to 255, or, nearest first, yellow, ",
        ),
        ("\"ui.text\" = \"#12345\"", 1, "'#12345' is no colour"),
        (
            "\"ui.text\" = { fg = \"see\" }\n[palette]\nsea = 1",
            1,
            "'see' is no colour; write \"#rrggbb\", 0 to 255, or, nearest first, sea, ",
        ),
        ("\"ui.text\" = 256", 1, "'ui.text' is a number that does not do; write a colour"),
        ("\"ui.text\" = -1", 1, "'ui.text' is a number"),
        ("\"ui.text\" = true", 1, "'ui.text' is true or false; write a colour"),
        ("\"ui.text\" = {\n fg = [1] }", 2, "'fg' is a list; write a colour"),
        (
            "\"ui.text\" = { modifiers = [\n\"bold\",\n\"bald\"] }",
            3,
            "'bald' is no modifier; nearest first, there are bold, ",
        ),
        ("\"ui.text\" = { modifiers = \"bold\" }", 1, "'modifiers' is text; write a list"),
        ("[palette]\n\na = \"b\"\nb = 1", 3, "'b' is no colour"),
        ("palette = 1", 1, "'palette' is a number"),
        ("[meta]\nauthor = \"me\"", 2, "'author' has no place here; there are background"),
        ("inherits = 1", 1, "'inherits' is a number that does not do; write a theme's name"),
        (
            "\ninherits = \"darc\"",
            2,
            "it inherits from 'darc', which is no theme; nearest first, there are dark, ",
        ),
        ("\ninherits = \"mine\"", 2, "it inherits from itself: mine from mine"),
        ("\"ui.text\" = \"red\"\n\"ui.text\" = \"red\"", 2, "this is no TOML: duplicate key"),
        ("\"ui.text\" =", 1, "this is no TOML: "),
        ("\"ui.text\" = \"\u{1b}[2J\"", 1, "this is no TOML: "),
        ("\"\\u001b[2J\" = 1", 1, "'\\u{1b}[2J' is no key"),
    ] {
        let wanted = format!("mine.toml:{line}: {says}");
        let said = said(text);
        assert!(said.starts_with(&wanted), "{text}\n{said}\n{wanted}");
        assert!(!said.contains(char::is_control), "{said:?}");
    }
}

/// The first mistake of a file is told, although TOML's tables have no order.
#[test]
fn the_first_mistake_is_told_first() {
    assert!(said("\"z.z\" = 1\n\"a.a\" = 1").starts_with("mine.toml:1: 'z.z'"));
}

#[test]
fn an_unknown_theme_is_told_with_those_there_are() {
    let error = Themes::built_in().unwrap().get("gruvbux", Depth::True).unwrap_err();
    let said = error.to_string();
    assert!(said.starts_with("no theme is called 'gruvbux'; there are gruvbox, "), "{said}");
    for (name, _) in BUILT_IN {
        assert!(said.contains(name), "{said}");
    }
}

struct Folder(std::path::PathBuf);

impl Folder {
    fn of(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("ipvs-tui-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        for (name, text) in files {
            fs::write(path.join(name), text).unwrap();
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_operators_own_stand_beside_the_compiled_ones() {
    let own = Folder::of(
        "themes",
        &[
            ("wall.toml", "inherits = \"dark\"\n[palette]\nzero = \"red\""),
            ("dark.toml", "inherits = \"dark\"\n\"ui.frame\" = \"red\""),
            ("README.md", "no theme"),
            (".wall.toml.swp.toml", "no theme"),
        ],
    );
    let themes = Themes::with_folder(&own.0).unwrap();
    let built_in = Themes::built_in().unwrap();
    let names: Vec<&str> = themes.names().collect();
    let mut wanted: Vec<&str> = built_in.names().collect();
    wanted.push("wall");
    assert_eq!(names, wanted);
    let get = |themes: &Themes, name| themes.get(name, Depth::True).unwrap();
    let (red, compiled) = (Style::new().fg(Color::Red), get(&built_in, "dark"));
    // One's own dark is what one's own inherit from; the compiled ones stay as they are.
    assert_eq!(get(&themes, "dark"), Theme { frame: red, ..compiled.clone() });
    let wall = get(&themes, "wall");
    assert_eq!((wall.frame, wall.quiesced, wall.error), (red, red, compiled.error));
    assert_eq!(get(&themes, "gruvbox"), get(&built_in, "gruvbox"));
    assert_eq!(themes.ground("wall").unwrap(), built_in.ground("dark").unwrap());
}

#[test]
fn wrong_files_in_the_folder_are_told_before_anything_is_drawn() {
    let missing = Path::new("/nonexistent/themes");
    assert_eq!(Themes::with_folder(missing).unwrap().names().count(), BUILT_IN.len());
    for (name, files, says) in [
        (
            "loop",
            &[("a.toml", "inherits = \"b\""), ("b.toml", "\ninherits = \"a\"")][..],
            "b.toml:2: it inherits from itself: a from b from a",
        ),
        ("name", &[("my theme.toml", "")], "my theme.toml: a theme is called as its file is"),
        ("key", &[("a.toml", "[palette]\nx = \"#12\"")], "a.toml:2: '#12' is no colour"),
    ] {
        let own = Folder::of(name, files);
        let said = Themes::with_folder(&own.0).unwrap_err().to_string();
        assert!(said.starts_with(own.0.to_str().unwrap()) && said.contains(says), "{said}");
    }
    let own = Folder::of("latin", &[]);
    fs::write(own.0.join("a.toml"), b"# caf\xe9").unwrap();
    let said = Themes::with_folder(&own.0).unwrap_err().to_string();
    assert!(said.contains("a.toml: the themes cannot be read: "), "{said}");
    // A file where the folder should be.
    let said = Themes::with_folder(&own.0.join("a.toml")).unwrap_err().to_string();
    assert!(said.contains("cannot be read"), "{said}");
}

#[test]
fn the_next_theme_goes_round() {
    let themes = with("").unwrap();
    let mut choice = themes.choice(Some("dracula"), Depth::True).unwrap();
    assert_eq!(
        (choice.name(), choice.theme()),
        ("dracula", &themes.get("dracula", Depth::True).unwrap())
    );
    choice.step();
    assert_eq!((choice.name(), choice.theme()), ("mine", &Theme::default()));
    choice.step();
    assert_eq!(choice.name(), "dark");
    for depth in [Depth::None, Depth::Ansi, Depth::Indexed, Depth::True] {
        let choice = themes.choice(None, depth).unwrap();
        assert_eq!(choice.name(), depth.default_theme());
    }
    assert!(themes.choice(Some("nobody"), Depth::True).is_err());
}

/// The table of keys is what the documentation and the errors are made of.
#[test]
fn every_key_is_named_once_and_told() {
    for (n, key) in KEYS.iter().enumerate() {
        assert!(key.doc.ends_with('.') && key.doc.len() > 6, "{key:?}");
        assert!(KEYS.iter().skip(n + 1).all(|other| other.name != key.name), "{key:?}");
    }
    assert!(is_key("ui") && is_key("table.weight") && is_key("ui.background.popup"));
    assert!(!is_key("u") && !is_key("table.weigh") && !is_key("") && !is_key("ui."));
}

/// The list in the code and the folder are the same.
#[test]
fn every_file_in_the_folder_is_compiled_in() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("themes");
    let mut files: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let mut listed: Vec<String> = BUILT_IN.iter().map(|(name, _)| format!("{name}.toml")).collect();
    listed.sort();
    assert_eq!(files, listed);
}

/// What `mono` tells without a colour is told by every compiled theme where there are none.
#[test]
fn without_colour_every_theme_tells_what_mono_tells() {
    let themes = Themes::built_in().unwrap();
    let mono = themes.get("mono", Depth::None).unwrap();
    assert_eq!(mono, themes.get("mono", Depth::True).unwrap(), "mono has no colour to lose");
    for name in themes.names() {
        let theme = themes.get(name, Depth::None).unwrap();
        for ((key, style), (_, mono)) in theme.styles().zip(mono.styles()) {
            assert_eq!((style.fg, style.bg), (None, None), "{name}: {key}");
            assert!(style.add_modifier.contains(mono.add_modifier), "{name}: {key}");
        }
    }
}

/// Any text is a theme or an error with a line.
fn try_any(text: &str) -> Result<(), TestCaseError> {
    match with(text) {
        Ok(themes) => {
            for depth in [Depth::None, Depth::Ansi, Depth::Indexed, Depth::True] {
                prop_assert!(themes.get("mine", depth).is_ok());
            }
        }
        Err(ThemeError::Wrong { file, line, wrong }) => {
            prop_assert_eq!(file, "mine.toml");
            prop_assert!((1..=text.lines().count() + 1).contains(&line), "{line}: {wrong}");
            prop_assert!(!wrong.to_string().contains(char::is_control), "{wrong}");
        }
        Err(other) => prop_assert!(false, "{other}"),
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_is_a_theme_or_an_error_with_a_line(text in any::<String>()) {
        try_any(&text)?;
    }

    #[test]
    fn so_is_what_almost_is_a_theme(lines in prop::collection::vec(
        prop_oneof![
            Just("[palette]".to_owned()),
            Just("[meta]".to_owned()),
            Just("[ui]".to_owned()),
            "(inherits|background|sea|ui|\"ui.text\"|\"table.weight.zero\"|ui.text|chart) = \
             (\"(dark|mine|sea|red|#[0-9a-f]{5,7})\"|[0-9]{1,4}|true|1979-05-27|0x[0-9a-f]{2}|\\[\\]|\
             \\{ (fg|bg|modifiers) = (\"sea\"|\\[\"bold\"\\]|7) \\})",
        ], 0..8)) {
        try_any(&lines.join("\n"))?;
    }
}

/// Found by the test above: an error's line when a tab stands in the name.
#[test]
fn a_control_character_in_a_name_is_told() {
    try_any("chart = { fg = \"sea\" }\n[palette]\n\"table0weight\tzero\" = 0x00").unwrap();
}

/// A text that names itself and others without end does not fill the memory or the screen.
#[test]
fn long_names_are_cut() {
    let long = "x".repeat(100_000);
    let said = said(&format!("\"{long}\" = 1"));
    assert!(said.len() < 2000, "{}", said.len());
    assert!(File::parse("mine", "mine.toml", &"[".repeat(100_000)).is_err());
}

/// Whoever sets a key sees something change: the view reads every field of a theme, by its name.
#[test]
fn every_key_is_drawn_somewhere() {
    fn read(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, all);
            } else {
                all.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut view = fs::read_to_string(source.join("view.rs")).unwrap();
    read(&source.join("view"), &mut view);
    let names = |field: &str| {
        let read = format!("theme.{field}");
        let mut after = view.split(&read).skip(1);
        after.any(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
    };
    for (field, key) in FIELDS.iter().zip(KEYS) {
        // What lies under everything is painted by these.
        let base = match *field {
            "background" => "base",
            "popup" => "base_popup",
            other => other,
        };
        assert!(names(base), "{} is accepted and drawn nowhere", key.name);
    }
}
