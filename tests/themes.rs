//! The compiled themes: that they can be read, and that what is told apart by colour is told
//! apart at every depth.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;

use common::Launch;
use ipvs_tui::theme::{Depth, Theme, Themes, rgb};
use ratatui::style::{Color, Modifier, Style};

const DEPTHS: [Depth; 4] = [Depth::None, Depth::Ansi, Depth::Indexed, Depth::True];

/// Keys that are read second, lines and charts: 3:1 is enough (WCAG 2.2, 1.4.11). Everything
/// else is text and wants 4.5:1 (1.4.3).
const SECOND: &[&str] = &[
    "ui.dim",
    "ui.tab",
    "ui.frame",
    "table.head",
    "table.weight.before",
    "table.unknown",
    "chart.connections",
    "chart.rate",
    "chart.service",
    "chart.axis",
    "chart.gap",
    "plan.command",
    "detail.label",
    "connection.closing",
    "director.label",
];

/// What the terminal's owner chose the colours of, or what has none.
const NOT_JUDGED: &[&str] = &["ansi", "mono"];

/// Relative luminance, as WCAG 2.2 defines it.
fn luminance(rgb: [u8; 3]) -> f64 {
    let [r, g, b] = rgb.map(|channel| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// What a style looks like where it says nothing itself: text on the theme's ground.
fn seen(theme: &Theme, style: Style, ground: Color) -> (Option<[u8; 3]>, [u8; 3]) {
    let fixed = |color: Option<Color>| color.filter(|c| *c != Color::Reset).and_then(rgb);
    let ground = rgb(ground).unwrap();
    (fixed(style.fg).or(fixed(theme.text.fg)), fixed(style.bg).unwrap_or(ground))
}

/// With xterm's 16, whose dark blue nobody can read on black. Light grounds are left out: yellow
/// and green on white are as their owner made them.
#[test]
fn on_black_every_theme_can_be_read_in_16_colours() {
    let themes = Themes::built_in().unwrap();
    for name in themes.names().filter(|name| !NOT_JUDGED.contains(name) && *name != "light") {
        let theme = themes.get(name, Depth::Ansi).unwrap();
        for (key, style) in theme.styles() {
            if let (Some(fg), bg) = seen(&theme, style, Color::Black) {
                let is = contrast(fg, bg);
                assert!(is >= 3.0, "{name} {key}: {is:.2}, {style:?}");
            }
        }
    }
}

#[test]
fn the_measure_is_wcags() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 1e-9);
    assert!((contrast([0x77; 3], [255; 3]) - 4.48).abs() < 0.005);
}

#[test]
fn every_theme_can_be_read() {
    let themes = Themes::built_in().unwrap();
    let mut poor = Vec::new();
    for name in themes.names().filter(|name| !NOT_JUDGED.contains(name)) {
        let ground = themes.ground(name).unwrap().expect("a theme says what it is seen on");
        let (text, second) = if name == "high-contrast" { (7.0, 7.0) } else { (4.5, 3.0) };
        for depth in [Depth::True, Depth::Indexed] {
            let theme = themes.get(name, depth).unwrap();
            // What a form or a page has beneath it may differ.
            let under = [Some(ground), theme.popup.bg.filter(|c| *c != Color::Reset)];
            for (key, style) in theme.styles() {
                for ground in under.into_iter().flatten() {
                    let (Some(fg), bg) = seen(&theme, style, ground) else {
                        continue; // the terminal's own on the terminal's own
                    };
                    let least = if SECOND.contains(&key) { second } else { text };
                    let is = contrast(fg, bg);
                    if is < least {
                        poor.push(format!("{name} {depth:?} {key}: {is:.2}, not {least}"));
                    }
                }
                let only_bg = style.bg.is_some_and(|bg| bg != Color::Reset) && style.fg.is_none();
                let open = only_bg && !key.starts_with("ui.background");
                assert!(!open || theme.text.fg != Some(Color::Reset), "{name} {key}: on what?");
            }
        }
    }
    assert!(poor.is_empty(), "{}", poor.join("\n"));
}

/// Two states that look the same are one: what is told by style alone, and what is told in words
/// or by a symbol too, which may look like text without colour.
#[test]
fn states_are_told_apart_at_every_depth() {
    type Field = fn(&Theme) -> Style;
    let by_style: [(&str, Field); 7] = [
        ("text", |t| t.text),
        ("dim", |t| t.dim),
        ("selected", |t| t.selected),
        ("weight 0", |t| t.quiesced),
        ("warning", |t| t.warning),
        ("error", |t| t.error),
        ("button", |t| t.button),
    ];
    // Weight 0 and a warning have signs (a circle and a word), and may share a colour. So have:
    //   good      the words "live" with a dot, and what a notice says
    //   marked    a tick before the name
    //   draining, ramping   their signs
    let in_words: [(&str, Field); 4] = [
        ("good", |t| t.good),
        ("marked", |t| t.marked),
        ("draining", |t| t.draining),
        ("ramping", |t| t.ramping),
    ];
    let themes = Themes::built_in().unwrap();
    for name in themes.names() {
        for depth in DEPTHS {
            let theme = themes.get(name, depth).unwrap();
            let coloured = depth > Depth::None && name != "mono";
            let look = |style: Style| {
                let shown = |c: Option<Color>| c.filter(|c| *c != Color::Reset);
                let style = theme.base().patch(style);
                format!("{:?}", (shown(style.fg), shown(style.bg), style.add_modifier))
            };
            let mut seen: BTreeMap<String, &str> = BTreeMap::new();
            for (what, field) in by_style {
                if let Some(other) = seen.insert(look(field(&theme)), what) {
                    let signs = ["weight 0", "warning"];
                    let both = signs.contains(&what) && signs.contains(&other);
                    assert!(both, "{name} {depth:?}: {what} looks like {other}");
                }
            }
            if coloured {
                assert!(![theme.warning, theme.error].contains(&theme.good), "{name} {depth:?}");
            }
            for (what, field) in in_words {
                let plain = look(field(&theme)) == look(theme.text);
                assert!(!(coloured && plain), "{name} {depth:?}: {what} looks like text");
            }
        }
    }
    let mono = themes.get("mono", Depth::None).unwrap();
    assert_eq!(mono.quiesced.add_modifier, Modifier::ITALIC);
    assert_ne!(mono.quiesced.add_modifier, mono.warning.add_modifier);
    assert_eq!(mono.marked.add_modifier, Modifier::UNDERLINED);
}

/// Who names no colour of his own leaves them to the terminal.
#[test]
fn ansi_fixes_no_colour() {
    let theme = Themes::built_in().unwrap().get("ansi", Depth::True).unwrap();
    for (key, style) in theme.styles() {
        for color in [style.fg, style.bg].into_iter().flatten() {
            assert!(!matches!(color, Color::Rgb(..) | Color::Indexed(_)), "{key}: {color}");
        }
    }
}

#[test]
fn a_theme_that_there_is_not_is_told_before_anything_opens() {
    let mut console = Launch::new(&["demo", "--theme", "drak"]).start();
    assert_eq!(console.exit_code(), 2);
    let said = String::from_utf8(console.raw()).unwrap();
    assert!(said.starts_with("ipvs-tui: no theme is called 'drak'; there are dark, "), "{said}");
}

/// The sequence that sets a colour of the text.
fn front(color: Color, depth: Depth) -> String {
    match (depth, rgb(color).unwrap()) {
        (Depth::True, [r, g, b]) => format!("38;2;{r};{g};{b}m"),
        _ => format!("38;5;{color}m"),
    }
}

/// The console draws in the theme that is named, or the default for the terminal's colours, and
/// `T` goes to the next.
#[test]
fn the_terminal_gets_the_colours_that_it_shows() {
    let themes = Themes::built_in().unwrap();
    for (named, color_term, name, depth) in [
        (None, "", "dark", Depth::Indexed),
        (None, "truecolor", "dark", Depth::True),
        (Some("nord"), "truecolor", "nord", Depth::True),
    ] {
        let mut words = vec!["demo", "--seed", "1"];
        words.extend(named.into_iter().flat_map(|name| ["--theme", name]));
        let mut console = Launch::new(&words).env("COLORTERM", color_term).start();
        console.wait_until("the first screen", |s| s.has("live"));
        let theme = themes.get(name, depth).unwrap();
        let key = front(theme.key.fg.unwrap(), depth);
        let sent = String::from_utf8_lossy(&console.raw()).into_owned();
        assert!(sent.contains(&key), "{name} {depth:?}: no {key}");
        console.keys("T");
        let mut all = themes.choice(Some(name), depth).unwrap();
        all.step();
        let next = format!("theme {}", all.name());
        console.wait_until(&next, |s| s.has(&next));
        let key = front(all.theme().key.fg.unwrap(), depth);
        let sent = String::from_utf8_lossy(&console.raw()).into_owned();
        assert!(sent.contains(&key), "{next}: no {key}");
        console.keys("q");
        assert_eq!(console.exit_code(), 0);
        console.assert_given_back();
    }
}

/// The operator's own are read from the configuration's folder, and what is wrong there is told
/// before the screen opens.
#[test]
fn the_operators_own_themes_are_found() {
    let config = std::env::temp_dir().join(format!("ipvs-tui-own-{}", std::process::id()));
    let folder = config.join("ipvs-tui/themes");
    std::fs::create_dir_all(&folder).unwrap();
    let text = "inherits = \"nord\"\n\"ui.key\" = \"#010203\"\n";
    std::fs::write(folder.join("wall.toml"), text).unwrap();
    let launch = || {
        let home = config.to_str().unwrap();
        let words = ["demo", "--theme", "wall"];
        Launch::new(&words).env("XDG_CONFIG_HOME", home).env("COLORTERM", "truecolor")
    };
    let mut console = launch().start();
    console.wait_until("the first screen", |s| s.has("live"));
    assert!(String::from_utf8_lossy(&console.raw()).contains("38;2;1;2;3m"));
    console.keys("q");
    assert_eq!(console.exit_code(), 0);

    std::fs::write(folder.join("wall.toml"), format!("{text}\"ui.kay\" = 1\n")).unwrap();
    let mut console = launch().start();
    assert_eq!(console.exit_code(), 2);
    let said = String::from_utf8(console.raw()).unwrap();
    let place = folder.join("wall.toml").display().to_string();
    let wanted = format!("ipvs-tui: {place}:3: 'ui.kay' is no key of a theme");
    assert!(said.replace("\r\n", "").starts_with(&wanted), "{said}");
    std::fs::remove_dir_all(&config).unwrap();
}
