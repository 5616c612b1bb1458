//! Themes on the screen.

use crossterm::event::KeyCode;
use ipvs_tui::model::Effect;
use ipvs_tui::theme::{Depth, Themes};
use ratatui::style::{Color, Modifier};

use super::stage::*;

/// A theme that paints its background paints all of it, whatever lies on it.
#[test]
fn no_cell_is_left_in_the_terminals_own_colours() {
    let mut stage = Stage::web();
    stage.does("jj");
    let scenes: [&dyn Fn(&mut Stage); 8] = [
        &|_| {},
        &|s| s.does("?"),
        &|s| s.does("?w12x"),
        &|s| {
            s.key(KeyCode::Enter);
        },
        &|s| {
            s.key(KeyCode::Esc);
            s.does("d");
        },
        &|s| {
            s.key(KeyCode::Esc);
            s.does("s");
        },
        &|s| {
            s.key(KeyCode::Esc);
            s.does("A");
        },
        &|s| {
            s.key(KeyCode::Esc);
            s.does("45");
        },
    ];
    for scene in scenes {
        scene(&mut stage);
        for name in ["light", "high-contrast", "gruvbox", "nord", "dracula"] {
            stage.look.theme = theme(name, Depth::True);
            for size in [(40, 10), (80, 24)] {
                stage.size = size;
                let screen = stage.draw();
                let open = screen.content().iter().find(|cell| {
                    let reversed = cell.modifier.contains(Modifier::REVERSED);
                    cell.bg == Color::Reset || cell.fg == Color::Reset && !reversed
                });
                assert_eq!(open, None, "{name}\n{screen:#?}");
            }
        }
    }
}

/// A state has its colour where its sign is, and nowhere else.
#[test]
fn signs_have_their_colours() {
    let mut stage = Stage::web();
    stage.look.theme = theme("dark", Depth::True);
    stage.does("j ");
    stage.does("g");
    let screen = stage.draw();
    let at = |x, y| screen.cell((x, y)).unwrap();
    let theme = &stage.look.theme;
    let sign = |symbol: &str| {
        let prefixes = (0..24).flat_map(|y| (1..4).map(move |x| (x, y)));
        let cell = prefixes.map(|(x, y)| at(x, y)).find(|cell| cell.symbol() == symbol);
        cell.unwrap_or_else(|| panic!("no {symbol}\n{screen:?}")).fg
    };
    assert_eq!(Some(sign("✓")), theme.marked.fg);
    assert_eq!(Some(sign("○")), theme.quiesced.fg);
}

/// The model leaves the look to the app, and says what it is told.
#[test]
fn another_theme_is_an_effect() {
    for mut stage in [Stage::web(), Stage::web().watching()] {
        assert_eq!(stage.types("T"), [Effect::NextTheme]);
        stage.model.update(ipvs_tui::model::Message::Theme("nord".to_owned()));
        assert_eq!(stage.notice().1, "theme nord");
        // While something is typed it is a letter; over help it closes help.
        stage.does("?T");
        assert!(stage.model.help.is_none());
    }
    let mut stage = Stage::web();
    stage.does("jw");
    assert_eq!(stage.types("T"), []);
}

/// Each theme at each depth draws the same text: what is told is never left to colour alone.
#[test]
fn a_theme_changes_no_letter() {
    let mut stage = Stage::web();
    let text = stage.screen();
    let themes = Themes::built_in().unwrap();
    for name in themes.names() {
        for depth in [Depth::None, Depth::Ansi, Depth::Indexed, Depth::True] {
            stage.look.theme = themes.get(name, depth).unwrap();
            assert_eq!(stage.screen(), text, "{name} {depth:?}");
        }
    }
}
