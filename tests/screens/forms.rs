//! Forms: adding, editing and deleting, counters and timeouts.

use std::collections::BTreeSet;

use crossterm::event::KeyCode;
use insta::assert_snapshot;
use ipvs_tui::ipvs::*;
use ipvs_tui::kernel::proc::modules::Schedulers;
use ipvs_tui::kernel::sim::Scenario;
use ipvs_tui::model::{FieldKind, Focus, Message, Prompt, Tone};
use ipvs_tui::snapshot;
use ipvs_tui::view::draw;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::stage::*;

#[test]
fn forms() {
    let mut stage = Stage::web();
    stage.does("A");
    assert_snapshot!("form_add_service", stage.screen());
    // Filled in, with what comes with persistence in sight.
    stage.does("8443");
    for _ in 0..2 {
        stage.key(KeyCode::Down);
    }
    stage.does(" ");
    stage.key(KeyCode::Tab);
    stage.key(KeyCode::Tab);
    stage.does("255.0.255.0");
    assert_snapshot!("form_add_service_persistent", stage.screen());
    assert_snapshot!("form_add_service_60x15", stage.sized((60, 15)).screen());
    let mut stage = Stage::web().ascii();
    stage.does("a10.1.9.9");
    let screen = stage.screen();
    assert!(screen.is_ascii(), "{screen}");
    assert_snapshot!("form_add_server_ascii", screen);
    stage.key(KeyCode::Esc);
    stage.does("S");
    assert_snapshot!("form_timeouts_ascii", stage.screen());
}

/// Goes to a tunnel by gue, from whatever the server is.
fn to_gue(stage: &mut Stage) {
    stage.does("etT"); // Tunnel, and then Tunnel again: nothing else begins so
    for _ in 0..4 {
        stage.key(KeyCode::Tab);
    }
    stage.key(KeyCode::Right);
    stage.key(KeyCode::Tab);
}

#[test]
fn form_of_a_tunnel() {
    let mut stage = Stage::web();
    to_gue(&mut stage);
    assert_eq!(stage.key(KeyCode::Enter), []);
    assert_snapshot!("form_edit_server_gue_wrong", stage.screen());
    stage.does("6080");
    assert_snapshot!("form_edit_server_gue", stage.screen());
    stage.key(KeyCode::Up);
    assert_snapshot!("form_edit_server_gue_60x15", stage.sized((60, 15)).screen());
}

#[test]
fn form_of_long_ipv6() {
    let mut stage = Stage::new(Scenario::Empty);
    let service: ServiceKey = "TCP [2001:db8:1234:5678:9abc:def0:1234:5678]:65535".parse().unwrap();
    let shape = Service::new(service, SchedulerName::new("sh").unwrap());
    stage.outside(&Change::Service { before: None, after: Some(shape) });
    let key = "[2001:db8:1234:5678:9abc:def0:1234:5679]:65535".parse().unwrap();
    let server = Server::new(key, Forwarding::Tunnel, 2_147_483_647);
    stage.outside(&Change::Server { service, before: None, after: Some(server) });
    stage.polls(2);
    stage.does("a2001:db8:1234:5678:9abc:def0:1234:5679");
    assert_eq!(stage.key(KeyCode::Enter), []);
    assert_snapshot!("form_ipv6", stage.screen());
    let mut stage = stage.sized((60, 15));
    assert_snapshot!("form_ipv6_60x15", stage.screen());
    stage.key(KeyCode::Esc);
    stage.does("e");
    assert_snapshot!("form_ipv6_edit_60x15", stage.screen());
}

impl Stage {
    fn enter(&mut self) {
        let effects = self.key(KeyCode::Enter);
        self.carry_out(effects);
    }

    /// Enter, and Enter again with Apply where it is asked.
    fn agrees(&mut self, text: &str) {
        self.does(text);
        assert!(matches!(self.model.prompt, Some(Prompt::Page(_))), "{:?}", self.notice());
        self.key(KeyCode::Tab);
        self.enter();
    }

    fn table(&self) -> Vec<(Service, Vec<Server>)> {
        let services = &self.model.snapshot.as_ref().unwrap().services;
        let servers =
            |e: &snapshot::ServiceEntry| e.servers.iter().map(|s| s.server.clone()).collect();
        services.iter().map(|e| (e.service.clone(), servers(e))).collect()
    }
}

/// Every sentence about every field is whole at the narrowest.
#[test]
fn what_a_form_says_is_not_cut() {
    let says = |stage: &mut Stage, what: &str| {
        let screen = stage.screen();
        let words: Vec<&str> =
            screen.split(['│', '|', ' ', '\n']).filter(|w| !w.is_empty()).collect();
        let said = what.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.join(" ").contains(&said), "'{what}' is cut\n{screen}");
    };
    // The key, where it is pressed, and how many fields apply when all do that can.
    for (way, key) in [("", "A"), ("", "a"), ("", "e"), ("{", "e"), ("", "S"), ("G{", "e")] {
        let mut stage = Stage::web().sized((60, 15));
        stage.does(way);
        let mut at = 0;
        loop {
            stage.key(KeyCode::Esc);
            stage.does(key);
            for answer in ["Tunnel", "gue", "yes", "sh"] {
                choose_everywhere(&mut stage, answer);
            }
            let first = form(&stage).focus;
            (0..at).for_each(|_| drop(stage.key(KeyCode::Tab)));
            if at > 0 && form(&stage).focus == first {
                break;
            }
            at += 1;
            let answers = match &form(&stage).fields[form(&stage).focus].kind {
                FieldKind::Choice { options, .. } => options.len(),
                _ => 1,
            };
            for _ in 0..answers {
                let form = form(&stage);
                let field = &form.fields[form.focus];
                assert!(!field.doc().is_empty(), "nothing is said about {}", field.label);
                let told = [Some(field.doc()), form.note(form.focus)];
                for told in told.iter().flatten() {
                    says(&mut stage, told);
                }
                if answers > 1 {
                    stage.key(KeyCode::Right);
                }
            }
            for nonsense in
                ["0", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]
            {
                stage.does(nonsense);
                let effects = stage.key(KeyCode::Enter);
                let Some(Prompt::Form(form)) = &stage.model.prompt else {
                    assert!(!effects.is_empty() || stage.model.prompt.is_some());
                    break;
                };
                if let Some(wrong) = form.fields[form.focus].wrong.clone() {
                    says(&mut stage, &wrong);
                }
            }
        }
        assert!(at > 2, "{key}");
    }
}

fn form(stage: &Stage) -> &ipvs_tui::model::Form {
    let Some(Prompt::Form(form)) = &stage.model.prompt else { panic!("{:?}", stage.model.prompt) };
    form
}

/// Answers every question of the form that has this answer.
fn choose_everywhere(stage: &mut Stage, answer: &str) {
    let Some(Prompt::Form(form)) = &mut stage.model.prompt else { panic!() };
    for field in &mut form.fields {
        match &mut field.kind {
            FieldKind::Choice { options, chosen } => {
                let found = options.iter().position(|(name, _)| name == answer);
                *chosen = found.unwrap_or(*chosen);
            }
            FieldKind::Switch(on) => *on |= answer == "yes",
            FieldKind::Text(_) | FieldKind::Fixed(_) => {}
        }
    }
}

#[test]
fn a_server_is_added_and_taken_back() {
    let mut stage = Stage::web();
    let before = stage.table();
    stage.does("a10.1.9.9");
    stage.enter();
    assert_eq!(stage.notice().1, format!("add real server 10.1.9.9:80 of {HTTP}"));
    assert_eq!(stage.weight(HTTP, "10.1.9.9:80"), 10, "as its siblings");
    stage.does("u");
    assert_eq!(stage.table(), before);
    stage.does("U");
    assert_eq!(stage.weight(HTTP, "10.1.9.9:80"), 10);
}

#[test]
fn a_service_is_added_and_taken_back() {
    let mut stage = Stage::web();
    let before = stage.table();
    stage.does("A8443");
    stage.enter();
    let added: ServiceKey = "TCP 10.0.0.1:8443".parse().unwrap();
    assert!(stage.model.snapshot.as_ref().unwrap().service(&added).is_some());
    stage.does("u");
    assert_eq!(stage.table(), before);
    // The first service of all, with the key that adds anything.
    let mut stage = Stage::new(Scenario::Empty);
    stage.polls(1);
    stage.does("a10.0.0.9");
    stage.key(KeyCode::Tab);
    stage.does("80");
    stage.enter();
    assert_eq!(stage.table().len(), 1);
}

#[test]
fn an_edit_alters_what_was_altered_and_can_be_undone() {
    let mut stage = Stage::web();
    let before = stage.table();
    stage.does("e");
    stage.key(KeyCode::Tab);
    stage.key(KeyCode::Backspace);
    stage.key(KeyCode::Backspace);
    stage.does("20");
    stage.key(KeyCode::Tab);
    stage.key(KeyCode::Backspace);
    stage.does("500");
    stage.enter();
    let told = format!("real server {FIRST} of {HTTP}: weight 10 -> 20, upper threshold 0 -> 500");
    assert_eq!(stage.notice().1, told);
    let (service, first) = keys(HTTP, FIRST);
    let now = stage.model.snapshot.as_ref().unwrap().server(&service, &first).unwrap();
    assert_eq!((now.server.weight, now.server.upper_threshold), (20, 500));
    stage.does("u");
    assert_eq!(stage.table(), before);
    // Nothing altered is nothing sent.
    stage.does("e");
    assert_eq!(stage.key(KeyCode::Enter), []);
    assert!(stage.model.prompt.is_none());
    assert_eq!(stage.notice().1, "nothing was altered, and nothing was changed");
    // A service, from its own row; what it names is asked where it is a danger.
    stage.does("{esh");
    stage.key(KeyCode::Enter);
    assert!(matches!(stage.model.prompt, Some(Prompt::Page(_))));
    stage.key(KeyCode::Tab);
    stage.enter();
    assert_eq!(stage.table()[0].0.scheduler.as_str(), "sh");
    stage.does("u");
    assert_eq!(stage.table(), before);
}

/// An edit stands on what is under way, as a step of the weight does.
#[test]
fn an_edit_builds_on_what_is_under_way() {
    let mut stage = Stage::web();
    let mut effects = stage.types("+e");
    for _ in 0..2 {
        stage.key(KeyCode::Tab);
    }
    stage.key(KeyCode::Backspace);
    stage.types("9");
    effects.extend(stage.key(KeyCode::Enter));
    stage.carry_out(effects);
    let (service, first) = keys(HTTP, FIRST);
    let now = stage.model.snapshot.as_ref().unwrap().server(&service, &first).unwrap();
    assert_eq!((now.server.weight, now.server.upper_threshold), (11, 9));
}

#[test]
fn an_edit_of_what_someone_else_has_altered_is_a_conflict() {
    let mut stage = Stage::web();
    stage.does("e");
    stage.key(KeyCode::Tab);
    stage.key(KeyCode::Backspace);
    stage.outside_weight(HTTP, FIRST, 77);
    stage.polls(1);
    stage.enter();
    let (tone, text) = stage.notice();
    assert_eq!(tone, Tone::Error);
    assert!(text.contains("77 now") && text.contains("expected 10"), "{text}");
    assert_eq!(stage.weight(HTTP, FIRST), 77);
}

#[test]
fn servers_are_deleted_and_brought_back() {
    let mut stage = Stage::web();
    let before = stage.table();
    assert_eq!(stage.key(KeyCode::Delete), [], "its connections would stall: it is asked");
    stage.key(KeyCode::Tab);
    stage.enter();
    assert_eq!(stage.table()[0].1.len(), 2);
    assert_eq!(stage.model.selected_server(), None);
    stage.does("u");
    assert_eq!(stage.table(), before);
    // All that are marked, wherever the selection is; it is asked where nobody would be left.
    stage.does("gj   ");
    stage.key(KeyCode::Delete);
    assert!(matches!(stage.model.prompt, Some(Prompt::Page(_))));
    stage.types_the_word("delete");
    assert_eq!(stage.notice().1, "delete 3 real servers");
    assert_eq!(stage.table()[0].1, []);
    assert_eq!(stage.model.rows.marked().count(), 0);
    stage.does("u");
    assert_eq!(stage.table(), before);
}

#[test]
fn a_service_is_deleted_and_brought_back_with_its_servers() {
    let mut stage = Stage::web();
    let before = stage.table();
    stage.does("g");
    assert_eq!(stage.key(KeyCode::Delete), [], "it is asked");
    assert_snapshot!("confirm_delete_service", stage.screen());
    stage.key(KeyCode::Tab);
    stage.enter();
    assert_eq!(stage.table(), before, "the word is wanted");
    stage.key(KeyCode::Esc);
    stage.key(KeyCode::Delete);
    stage.types_the_word("delete");
    assert_eq!(stage.notice().1, format!("delete service {HTTP} with its 3 real servers"));
    assert_eq!(stage.table(), before[1..]);
    stage.does("u");
    assert_eq!(stage.table(), before);
    // A plan under way could add what this one does not know of.
    let effects = stage.types("jj+k");
    assert_eq!(stage.key(KeyCode::Delete), []);
    assert!(stage.notice().1.contains("under way"), "{:?}", stage.notice());
    stage.carry_out(effects);
}

#[test]
fn zeroed_counters_are_asked_about_and_do_not_bar_undo() {
    let mut stage = Stage::web();
    stage.does("+");
    stage.agrees("Z");
    assert_eq!(stage.notice().1, format!("zero the counters of service {HTTP}"));
    let entry = &stage.model.snapshot.as_ref().unwrap().services[0];
    assert!(entry.stats.unwrap().counters.connections < 1000, "{:?}", entry.stats);
    stage.does("u");
    assert_eq!(stage.weight(HTTP, FIRST), 10);
}

#[test]
fn the_protocol_timeouts_are_set_and_taken_back() {
    let mut stage = Stage::web();
    stage.does("S");
    stage.key(KeyCode::Backspace);
    stage.enter();
    let now = |stage: &Stage| stage.model.snapshot.as_ref().unwrap().timeouts.get().unwrap().tcp;
    assert_eq!(now(&stage), 90);
    stage.does("u");
    assert_eq!(now(&stage), 900);
}

#[test]
fn forms_open_on_live_data_with_a_writer_and_on_something_selected() {
    let mut stage = Stage::web().watching();
    for key in ["a", "A", "e", "Z", "S"] {
        stage.does(key);
        assert!(stage.model.prompt.is_none(), "{key}");
    }
    let mut stage = Stage::web();
    stage.idles(9);
    for key in ["a", "A", "e", "Z", "S"] {
        assert_eq!(stage.types(key), [], "{key}");
        assert!(stage.model.prompt.is_none() && stage.notice().0 == Tone::Error, "{key}");
    }
    let mut stage = Stage::web();
    let (service, server) = keys(HTTP, FIRST);
    let before = stage.model.snapshot.as_ref().unwrap().server(&service, &server);
    let before = Some(before.unwrap().server.clone());
    stage.does("e");
    stage.outside(&Change::Server { service, before, after: None });
    stage.polls(1);
    assert!(stage.model.prompt.is_none(), "the form goes with its server");
    for key in ["a", "e", "Z"] {
        assert_eq!(stage.types(key), [], "{key}");
        assert!(stage.model.prompt.is_none(), "{key}");
        assert!(stage.notice().1.starts_with("select a service"), "{:?}", stage.notice());
    }
    assert_eq!(stage.key(KeyCode::Delete), []);
    assert!(stage.model.prompt.is_none());
}

/// The terminal's cursor stands where the next character goes.
#[test]
fn a_form_sets_the_cursor() {
    let mut stage = Stage::web();
    let at = |stage: &Stage| {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        terminal.draw(|frame| drop(draw(&stage.model, &stage.look, frame))).unwrap();
        let at = terminal.get_cursor_position().unwrap();
        let text: String =
            (0..at.x).map(|x| terminal.backend().buffer()[(x, at.y)].symbol().to_owned()).collect();
        text
    };
    stage.does("a10.1");
    assert!(at(&stage).ends_with(" 10.1"), "{}", at(&stage));
    stage.key(KeyCode::Left);
    assert!(at(&stage).ends_with(" 10."), "{}", at(&stage));
}

// --- the scheduler ----------------------------------------------------------------------------

/// A kernel without `twos`, and with `fo` still to be loaded.
fn no_twos() -> Message {
    let all = SCHEDULERS.iter().map(|scheduler| scheduler.name.to_owned());
    let there: BTreeSet<String> = all.filter(|name| name != "twos").collect();
    let loaded = there.iter().filter(|name| *name != "fo").cloned().collect();
    Message::Machine(Ok(Vec::new()), Some(Schedulers { loaded, there: Some(there) }), None)
}

fn without_twos() -> Stage {
    let mut stage = Stage::web();
    stage.model.update(no_twos());
    stage.does("s");
    stage
}

fn chosen(stage: &Stage) -> &'static str {
    let Some(Prompt::Scheduler { chosen, .. }) = &stage.model.prompt else { panic!() };
    SCHEDULERS[*chosen].name
}

#[test]
fn schedulers() {
    let mut stage = without_twos();
    while chosen(&stage) != "sh" {
        stage.key(KeyCode::Down);
    }
    super::views::everywhere(stage, "scheduler");
}

/// What the kernel has is read behind the table: a plan may be there first.
#[test]
fn a_plan_from_before_the_schedulers_were_known_is_not_applied() {
    let mut stage = Stage::web();
    stage.does("s");
    while chosen(&stage) != "twos" {
        stage.key(KeyCode::Down);
    }
    stage.key(KeyCode::Enter);
    stage.model.update(no_twos());
    stage.key(KeyCode::Tab);
    assert!(matches!(&stage.model.prompt, Some(Prompt::Page(page)) if page.focus == Focus::Apply));
    assert_eq!(stage.key(KeyCode::Enter), []);
    let (tone, text) = stage.notice();
    assert_eq!(tone, Tone::Error);
    assert!(text.starts_with("nothing was changed: ") && text.contains("this kernel has no twos"));
    assert!(stage.model.prompt.is_none());
}

/// Nor is it planned from a form, of a service that is there and of a new one.
#[test]
fn a_form_with_a_scheduler_that_the_kernel_lacks_stays_open() {
    for key in ["e", "A"] {
        let mut stage = without_twos();
        stage.key(KeyCode::Esc);
        stage.does("g");
        stage.does(key);
        let chosen = |stage: &mut Stage| {
            let screen = stage.screen();
            let line = screen.lines().find(|line| line.contains("Scheduler"));
            line.unwrap_or_else(|| panic!("{screen}")).to_owned()
        };
        let on = |stage: &mut Stage, field: &str| {
            for _ in 0..12 {
                if stage.screen().contains(&format!("▌  {field}")) {
                    return;
                }
                stage.key(KeyCode::Tab);
            }
            panic!("{field}: {}", stage.screen());
        };
        if key == "A" {
            on(&mut stage, "Port");
            stage.does("8081");
        }
        on(&mut stage, "Scheduler");
        for _ in 0..SCHEDULERS.len() {
            if chosen(&mut stage).contains("twos") {
                break;
            }
            stage.key(KeyCode::Left);
        }
        assert!(chosen(&mut stage).contains("twos"), "{}", stage.screen());
        assert_eq!(stage.key(KeyCode::Enter), []);
        assert!(matches!(stage.model.prompt, Some(Prompt::Form(_))), "{}", stage.screen());
        assert!(stage.screen().contains("this kernel has no twos"), "{}", stage.screen());
        stage.key(KeyCode::Left);
        let made = stage.key(KeyCode::Enter);
        let planned = matches!(stage.model.prompt, Some(Prompt::Page(_)));
        assert!(planned || !made.is_empty(), "{}", stage.screen());
    }
}

/// On every screen the chosen one is in sight, with what it does at weight 0, and the keys.
#[test]
fn the_chosen_scheduler_is_in_sight_with_its_danger() {
    let mut stage = without_twos();
    for _ in SCHEDULERS {
        stage.key(KeyCode::Up);
    }
    for scheduler in SCHEDULERS {
        assert_eq!(chosen(&stage), scheduler.name);
        for size in SIZES {
            stage.size = size;
            let screen = stage.screen();
            let row = format!(" {:<6}at 0 ", scheduler.name);
            let row = screen.lines().find(|line| line.contains(&row));
            let row = row.unwrap_or_else(|| panic!("{}: {screen}", scheduler.name));
            assert_eq!(row.contains("at 0 refuses"), scheduler.refuses_at_zero, "{row}");
            assert!(screen.contains("Enter applies or asks"), "{screen}");
            let module = match scheduler.name {
                "twos" => "this kernel has no such scheduler".to_owned(),
                "fo" => "ip_vs_fo is not loaded; choosing it loads it".to_owned(),
                name => format!("ip_vs_{name} is loaded"),
            };
            assert!(screen.contains(&module), "{screen}");
        }
        stage.key(KeyCode::Down);
    }
    // What the kernel certainly does not have is not planned.
    assert_eq!(chosen(&stage), "twos");
    assert_eq!(stage.key(KeyCode::Enter), []);
    let (tone, text) = stage.notice();
    assert!(tone == Tone::Error && text.contains("this kernel has no twos"), "{text}");
    assert_eq!(chosen(&stage), "twos", "another can be chosen");
}
