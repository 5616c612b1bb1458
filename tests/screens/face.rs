//! What makes the console quick to use: the palette, chosen columns, the mouse, the clipboard.

use std::collections::BTreeSet;

use crossterm::event::{KeyCode, KeyEvent};
use insta::assert_snapshot;
use ipvs_tui::command::{COMMANDS, Command, View, available};
use ipvs_tui::glyphs::{Glyphs, UNICODE};
use ipvs_tui::keys::{Binding, Key, Keymap};
use ipvs_tui::model::{By, Column, Copied, Effect, Focus, Hit, Message, Prompt, Row};

use super::stage::*;

impl Stage {
    fn command_line(&mut self, text: &str) -> Vec<Effect> {
        self.types(":");
        self.types(text);
        self.key(KeyCode::Enter)
    }

    fn click(&mut self, hit: Hit) -> Vec<Effect> {
        self.model.update(Message::Click(hit))
    }

    /// What is where the text stands on the screen.
    fn hit(&mut self, text: &str) -> Option<Hit> {
        let (screen, hits) = (self.screen(), self.hits());
        let lines = screen.lines().skip(1).zip(0..);
        let (line, y) = lines.into_iter().find(|(line, _)| line.contains(text)).unwrap();
        let x = line[..line.find(text).unwrap()].chars().count() - 1; // behind the frame
        hits.at(u16::try_from(x).unwrap(), y)
    }

    fn names(&self, text: &str) -> Vec<&'static str> {
        self.model.found(text).into_iter().map(|found| found.spec.name).collect()
    }
}

// --- the palette ------------------------------------------------------------------------------

#[test]
fn palette() {
    for size in SIZES {
        let mut stage = Stage::web().sized(size);
        stage.types(":dr");
        assert_snapshot!(format!("palette_{}x{}", size.0, size.1), stage.screen());
    }
    let mut stage = Stage::web().ascii();
    stage.types(":xyzzy");
    assert_snapshot!("palette_nothing_ascii", stage.screen());
    // The letters that were found stand out.
    let mut stage = Stage::web();
    stage.types(":undo");
    stage.key(KeyCode::Down);
    assert_snapshot!("palette_styles", format!("{:#?}", stage.draw()));
}

#[test]
fn the_palette_finds_by_name_then_by_what_is_done_best_first() {
    let stage = Stage::web();
    assert_eq!(stage.names("")[0], COMMANDS[0].name);
    assert_eq!(stage.names("drain")[0], "drain");
    assert_eq!(stage.names("q")[0], "quit", "fingers type :q");
    assert_eq!(stage.names("d")[0], "drain");
    assert_eq!(stage.names("undo")[0], "undo");
    assert!(stage.names("scheduler").contains(&"set-scheduler"));
    assert!(stage.names("QUIESCE").contains(&"quiesce"));
    assert!(stage.names("clipboard").contains(&"copy"), "by its doc");
    assert_eq!(stage.names("refuse the earth"), [""; 0]);
}

#[test]
fn every_command_is_in_the_palette_and_runs_from_it() {
    for spec in available(false).filter(|spec| spec.command != Command::Palette) {
        let mut stage = Stage::web();
        let view = spec.views[0];
        stage.model.update(Message::Command(view.command()));
        assert!(stage.names(spec.name).contains(&spec.name), "{}", spec.name);
        assert_eq!(stage.names(spec.name)[0], spec.name, "typed whole, it comes first");
        // It does what each of its keys does.
        let by_name = stage.command_line(spec.name);
        let screen = stage.screen();
        assert!(!spec.keys.is_empty(), "{}", spec.name);
        for key in spec.keys {
            let mut other = Stage::web();
            other.model.update(Message::Command(view.command()));
            let event = KeyEvent::from(key.parse::<Key>().unwrap());
            let message = other.keymap.message(event, &other.model).unwrap();
            let right = matches!(message, Message::Command(command) if command == spec.command);
            assert!(right, "{key}: {message:?}");
            assert_eq!(by_name, other.model.update(message), "{} by {key}", spec.name);
            assert_eq!(screen, other.screen(), "{} by {key}", spec.name);
        }
    }
}

#[test]
fn a_console_that_watches_finds_nothing_that_changes_anything() {
    let mut stage = Stage::web().watching();
    let found: BTreeSet<&str> = View::ALL
        .iter()
        .flat_map(|view| {
            stage.model.update(Message::Command(view.command()));
            stage.names("")
        })
        .collect();
    let all: BTreeSet<&str> = available(true).map(|spec| spec.name).collect();
    assert!(found.is_subset(&all) && found.len() + 1 == all.len(), "{:?}", all.difference(&found));
    assert!(COMMANDS.iter().filter(|s| s.mutates).all(|s| !found.contains(s.name)));
}

#[test]
fn esc_leaves_the_palette_and_nothing_was_done() {
    let mut stage = Stage::web();
    let before = stage.screen();
    stage.types(":quiesce");
    assert_eq!(stage.key(KeyCode::Esc), []);
    assert_eq!(stage.screen(), before);
    // Nor does Enter where nothing matches.
    assert_eq!(stage.command_line("xyzzy"), []);
    assert!(stage.model.prompt.is_none());
}

// --- columns ----------------------------------------------------------------------------------

#[test]
fn columns_are_chosen_and_moved() {
    let mut stage = Stage::web();
    stage.types("c");
    assert_snapshot!("columns", stage.screen());
    // Without fwd and inact; the share, which is last, in front of everything. The table behind
    // follows at once.
    stage.types(" jjj ");
    let gone = [Column::Forwarding, Column::Inactive];
    assert!(gone.iter().all(|column| !stage.model.columns.contains(column)));
    for _ in 0..Column::ALL.len() {
        stage.key(KeyCode::Down);
    }
    stage.types(" ");
    assert_eq!(stage.model.columns.last(), Some(&Column::Share));
    for _ in 0..Column::ALL.len() {
        stage.key(KeyCode::Left);
    }
    assert_eq!(stage.model.columns.first(), Some(&Column::Share));
    assert_eq!(stage.model.columns.len(), Column::defaults().len() - 1);
    let copied = stage.types("y");
    let names: Vec<String> =
        stage.model.columns.iter().map(|c| format!("\"{}\"", c.name())).collect();
    let line = format!("columns = [{}]", names.join(", "));
    assert_eq!(copied, [Effect::Copy(Copied::Text(line))]);
    stage.key(KeyCode::Esc);
    assert!(stage.model.prompt.is_none());
}

#[test]
fn every_column_tells_what_the_kernel_does() {
    let mut stage = Stage::web();
    stage.model.columns = Column::ALL.map(|(column, ..)| column).to_vec();
    for size in [(80, 24), (200, 60)] {
        stage = stage.sized(size);
        assert_snapshot!(format!("every_column_{}x{}", size.0, size.1), stage.screen());
    }
    stage.model.columns =
        vec![Column::Share, Column::Weight, Column::Persistent, Column::ConnectionsLine];
    let mut stage = stage.sized((80, 24));
    assert_snapshot!("columns_of_ones_own", stage.screen());
    // None at all: a list of names.
    stage.model.columns = Vec::new();
    assert_snapshot!("no_columns", stage.screen());
}

#[test]
fn servers_are_sorted_by_what_they_get() {
    let mut stage = Stage::web();
    stage.click(Hit::Head(By::Column(Column::Share)));
    let entry = stage.model.snapshot.clone().unwrap();
    for entry in &entry.services {
        let shares = stage.model.shares(entry);
        let key = entry.service.key;
        let gets = |row: &Row| match row {
            Row::Server(service, server) if *service == key => {
                let place = entry.servers.iter().position(|s| s.server.key == *server).unwrap();
                shares[place].gets.map(|gets| (gets * 1000.0) as u64)
            }
            _ => None,
        };
        let order: Vec<u64> = stage.model.rows.all().iter().filter_map(gets).collect();
        assert_eq!(order.len(), entry.servers.len());
        assert!(order.is_sorted_by(|a, b| a >= b), "{key}: {order:?}");
        let all: f32 = shares.iter().filter_map(|share| share.gets).sum();
        assert!((all - 1.0).abs() < 0.01, "{key}: {all}");
    }
}

#[test]
fn braille() {
    let mut stage = Stage::web();
    stage.look.glyphs = Glyphs { braille: true, ..UNICODE };
    let mut stage = stage.sized((120, 36));
    assert_snapshot!("braille", stage.screen());
}

// --- the mouse --------------------------------------------------------------------------------

#[test]
fn a_click_selects_what_is_there() {
    let mut stage = Stage::web();
    let hit = stage.hit("10.1.3.2:80 ").unwrap();
    stage.click(hit);
    let (service, server) = keys(HTTP, LAST);
    assert_eq!(stage.model.rows.selected(), Some(Row::Server(service, server)));
    // The sign of a service folds it, its name selects it.
    assert!(matches!(stage.hit("TCP 10.0.0.1:443"), Some(Hit::Row(4))));
    let hit = stage.hit("▾ TCP 10.0.0.1:443").unwrap();
    stage.click(hit);
    assert!(stage.model.rows.is_folded(&"TCP 10.0.0.1:443".parse().unwrap()));
    let hit = stage.hit("▸ TCP 10.0.0.1:443").unwrap();
    stage.click(hit);
    assert!(!stage.model.rows.is_folded(&"TCP 10.0.0.1:443".parse().unwrap()));
    // Heads sort, a second time the other way round.
    let hit = stage.hit("Active").unwrap();
    assert_eq!(hit, Hit::Head(By::Column(Column::Active)));
    stage.click(hit);
    assert!(stage.screen().contains("↓Active"));
    stage.click(hit);
    assert!(stage.screen().contains("↑Active"));
    let hit = stage.hit("Service / real").unwrap();
    stage.click(hit);
    assert!(stage.model.rows.sort().is_plain());
    // Names of views open them.
    for view in View::ALL {
        let hit = stage.hit(view.name());
        assert_eq!(hit, Some(Hit::View(view)));
        stage.click(hit.unwrap());
        assert_eq!(stage.model.view, view);
    }
}

#[test]
fn a_scrolled_screen_is_clicked_where_things_are() {
    let mut stage = Stage::web().sized((80, 15));
    stage.types("G");
    stage.draw();
    let top = stage.model.rows.top();
    assert!(top > 0 && stage.model.rows.above().is_some());
    let hits = stage.hits();
    let rows = hits.rows;
    assert_eq!(hits.at(10, rows.y), None, "the service above is not a row to be clicked");
    for (y, place) in (rows.y + 1..rows.bottom()).zip(top + 1..) {
        assert_eq!(hits.at(10, y), Some(Hit::Row(place)));
    }
}

#[test]
fn the_wheel_moves_and_answers_are_clicked() {
    let mut stage = Stage::web();
    stage.model.update(Message::Wheel(3));
    assert_eq!(stage.model.rows.selected(), Some(stage.model.rows.all()[4]));
    stage.types("2");
    stage.model.update(Message::Wheel(3));
    assert_eq!(
        stage.model.hosts.selected().map(|h| h.addr.to_string()).as_deref(),
        Some("10.2.0.53")
    );
    // Over a page, only what it offers is clicked.
    stage.types("1:");
    let before = stage.model.rows.selected();
    stage.click(Hit::Row(0));
    assert_eq!(stage.model.rows.selected(), before);
    stage.types("next-theme");
    assert_eq!(stage.hit("next-theme         T"), Some(Hit::Answer(0)));
    assert_eq!(stage.click(Hit::Answer(0)), [Effect::NextTheme], "what is chosen already is done");
    // A scheduler is chosen, and only a second click asks for it.
    stage.types("s");
    stage.draw();
    assert_eq!(stage.click(Hit::Answer(0)), []);
    assert!(matches!(stage.model.prompt, Some(Prompt::Scheduler { chosen: 0, .. })));
    // Help goes with any click.
    stage.key(KeyCode::Esc);
    stage.types("?");
    stage.draw();
    stage.model.update(Message::Wheel(3));
    assert_eq!(stage.model.help.unwrap().top(), 3);
    stage.click(Hit::Row(0));
    assert_eq!((stage.model.help, stage.model.rows.selected()), (None, before));
}

/// A first click goes to a line or to an answer, a second one on an answer gives it.
#[test]
fn a_plan_is_answered_by_clicks() {
    let mut stage = Stage::web();
    stage.types("d");
    let focus = |stage: &Stage| match &stage.model.prompt {
        Some(Prompt::Page(page)) => Some(page.focus),
        _ => None,
    };
    for (text, wanted) in [
        ("[ Cancel ]", Focus::Cancel),
        ("time limit", Focus::Line(1)),
        ("[ Apply ]", Focus::Apply),
        ("reason", Focus::Line(0)),
    ] {
        let hit = stage.hit(text).unwrap();
        assert_eq!((stage.click(hit), focus(&stage)), (vec![], Some(wanted)), "{text}");
    }
    let (apply, cancel) = (stage.hit("[ Apply ]").unwrap(), stage.hit("[ Cancel ]").unwrap());
    stage.click(cancel);
    assert_eq!((stage.click(cancel), focus(&stage)), (vec![], None), "cancelled");
    stage.types("d");
    stage.click(cancel);
    assert_eq!((stage.click(apply), focus(&stage)), (vec![], Some(Focus::Apply)));
    let applied = stage.click(apply);
    assert!(matches!(applied[..], [Effect::Apply(..)]), "{applied:?}");
    assert_eq!(focus(&stage), None);
}

// --- the clipboard ----------------------------------------------------------------------------

#[test]
fn rows_are_copied_and_the_commands_that_make_them() {
    let mut stage = Stage::web();
    let (service, server) = keys(HTTP, FIRST);
    assert_eq!(stage.types("y"), [Effect::Copy(Copied::Rows(vec![Row::Server(service, server)]))]);
    let Effect::Copy(Copied::Commands(plan)) = stage.types("Y").remove(0) else { panic!() };
    let script = ipvs_tui::report::script(&plan);
    assert_eq!(script, "ipvsadm -a -t 10.0.0.1:80 -r 10.1.1.2:80 -m -w 10\n");
    // A service comes with its servers.
    stage.types("{");
    let Effect::Copy(Copied::Commands(plan)) = stage.types("Y").remove(0) else { panic!() };
    assert_eq!(plan.changes.len(), 4);
    // Marked ones are meant before the selected one.
    stage.types("j  k");
    let Effect::Copy(Copied::Rows(rows)) = stage.types("y").remove(0) else { panic!() };
    assert_eq!(rows.len(), 2);
    let snapshot = stage.model.snapshot.clone().unwrap();
    let rows: Vec<_> = rows
        .iter()
        .map(|row| match row {
            Row::Service(service) => (*service, None),
            Row::Server(service, server) => (*service, Some(*server)),
        })
        .collect();
    let text = ipvs_tui::report::rows(&snapshot, &rows);
    assert_eq!(text.lines().count(), 3, "the service once: {text}");
    assert!(text.starts_with("TCP  10.0.0.1:80 wlc\n  -> 10.1.1.2:80"), "{text}");
    // A host is all its servers; of the director nothing can be copied.
    stage.types("2");
    let Effect::Copy(Copied::Rows(rows)) = stage.types("y").remove(0) else { panic!() };
    assert_eq!(rows.len(), 2);
    stage.types("6");
    assert_eq!(stage.types("y"), []);
    stage.model.update(Message::Copied("one\ntwo\nthree".to_owned()));
    assert_eq!(stage.notice().1, "copied: one and 2 lines more");
}

// --- from hosts and drains to servers ---------------------------------------------------------

#[test]
fn a_host_opens_its_services_and_a_drain_its_server() {
    let mut stage = Stage::web();
    stage.types("2j");
    stage.key(KeyCode::Enter);
    assert_eq!(stage.model.view, View::Services);
    let all = stage.model.rows.all().to_vec();
    let servers = all.iter().filter(|row| matches!(row, Row::Server(..)));
    assert_eq!(servers.count(), 2, "{all:?}");
    assert_snapshot!("host_opened", stage.screen());
    stage.key(KeyCode::Esc);
    // A drain opens the server that holds it up, whatever hides it.
    stage.does("gjd");
    let effects = stage.key(KeyCode::Enter);
    stage.carry_out(effects);
    assert_eq!(stage.model.drains.open().len(), 1, "{}", stage.screen());
    let drained = stage.model.drains.open()[0].servers[0].server;
    stage.types("/weight:99999");
    stage.key(KeyCode::Enter);
    stage.types("4");
    stage.key(KeyCode::Enter);
    assert_eq!(stage.model.selected_server().map(|(_, server)| server), Some(drained));
    assert!(stage.model.detail.is_some());
    stage.types("4");
    assert_eq!(stage.model.view, View::Drains);
    assert!(matches!(stage.hit("draining for"), Some(Hit::Drain(0))));
}

// --- the foot, and keys in sentences ----------------------------------------------------------

/// What lies over the view tells its own keys.
#[test]
fn the_foot_offers_nothing_that_does_nothing() {
    for keys in ["?", ":", "s", "c", "e", "d"] {
        let mut stage = Stage::web().sized((200, 60));
        stage.does(keys);
        let screen = stage.screen();
        let foot = screen.lines().last().unwrap();
        assert_eq!(foot.trim_matches(['|', ' ']), "", "{keys}: {screen}");
    }
}

#[test]
fn the_foot_of_a_view_tells_what_can_be_done_with_what_is_selected() {
    let mut stage = Stage::web();
    stage.does("4");
    assert!(!stage.screen().contains("Enter go to it"), "there is no drain");
    stage.does("1d");
    stage.applies();
    for (view, hints) in
        [("4", &["Enter go to it", "C connections"][..]), ("5", &["Enter all of it"])]
    {
        stage.does(view);
        let screen = stage.screen();
        let foot = screen.lines().last().unwrap();
        assert!(hints.iter().all(|hint| foot.contains(hint)), "{foot}");
    }
}

#[test]
fn sentences_name_the_keys_that_are_bound() {
    let mut stage = Stage::web();
    let bind = |command, key: &str| Binding { command, keys: vec![key.parse().unwrap()] };
    let bindings = [
        bind(Command::ViewDrains, "F9"),
        bind(Command::ViewJournal, "F10"),
        bind(Command::PageDown, "F12"),
    ];
    stage.keymap = Keymap::with(&bindings, false).unwrap();
    stage.model.keys = stage.keymap.names();
    let mut stage = stage.sized((200, 60));
    stage.does("?");
    assert!(stage.screen().contains("F9 shows how far"), "{}", stage.screen());
    stage.key(KeyCode::Esc);
    stage.does("u");
    assert!(stage.notice().1.contains("the journal (F10)"), "{:?}", stage.notice());
    let mut stage = stage.sized((80, 24));
    stage.key(KeyCode::Enter);
    assert!(stage.screen().contains("F12: "), "{}", stage.screen());
}
