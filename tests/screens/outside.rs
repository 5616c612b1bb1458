//! What others change, and a recording that is played: marks, notices, the journal, time.

use ipvs_tui::command::View;
use ipvs_tui::kernel::Want;
use ipvs_tui::kernel::proc::owners::{Owner, OwnerKind};
use ipvs_tui::keys::Keymap;
use ipvs_tui::model::{Effect, Hit, Item, Message};
use ipvs_tui::outside::{By, Theirs, Watch};
use ipvs_tui::record::{
    About, Machine, Play, Player, Recorder, Recording, Seen, Status, To, Unreadable,
};
use jiff::SignedDuration;

use super::*;

/// A console that is told what others changed, as the worker tells it.
struct Watched {
    stage: Stage,
    watch: Watch,
}

impl Watched {
    fn new(scenario: Scenario) -> Self {
        Self { stage: Stage::new(scenario), watch: Watch::default() }
    }

    fn polls(&mut self, times: usize) {
        for _ in 0..times {
            self.stage.polls(1);
            let last = self.stage.last.clone().unwrap();
            let changes = self.watch.look(&last);
            if !changes.is_empty() {
                let (time, at) = (last.taken, last.at);
                let all = changes.into_iter().map(|change| Theirs { time, at, change, by: None });
                self.theirs(all.collect());
            }
        }
    }

    fn theirs(&mut self, all: Vec<Theirs>) {
        self.stage.model.update(Message::Theirs(all.into()));
    }

    fn sized(mut self, size: (u16, u16)) -> Self {
        self.stage = self.stage.sized(size);
        self
    }
}

fn keepalived() -> Message {
    let owner = Owner {
        kind: OwnerKind::Keepalived,
        pid: Some(812),
        children: vec![813, 814],
        config: Some("/etc/lvs.conf".to_owned()),
        same_namespace: true,
    };
    Message::Machine(Ok(vec![owner]), None, None)
}

/// A weight that flaps, one that was changed once, a server that has gone.
fn bad_day() -> Watched {
    let mut console = Watched::new(Scenario::Incident);
    console.stage.model.update(keepalived());
    console.polls(50);
    console
}

#[test]
fn rows_that_others_changed_are_marked() {
    for size in SIZES {
        let mut console = bad_day().sized(size);
        assert_snapshot!(format!("bad_day_{}x{}", size.0, size.1), console.stage.screen());
    }
    let mut console = bad_day();
    console.stage = console.stage.ascii();
    let screen = console.stage.screen();
    assert!(screen.is_ascii());
    assert_snapshot!("bad_day_ascii", screen);
}

#[test]
fn a_mark_goes_by_itself_and_the_count_stays() {
    let mut console = Watched::new(Scenario::Web);
    console.polls(3);
    console.stage.outside_weight(HTTP, FIRST, 7);
    console.polls(1);
    let marked = |stage: &mut Stage| {
        let screen = stage.screen();
        (screen.contains("Δ  10.1.1.2:80"), screen.contains("  1 outside"))
    };
    assert_eq!(marked(&mut console.stage), (true, true), "{}", console.stage.screen());
    let told = "real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 10 -> 7, from outside";
    assert_eq!(console.stage.notice(), (Tone::Outside, told));
    console.polls(118);
    assert_eq!(marked(&mut console.stage), (true, true));
    // What was done to the selected row is told for as long as it is marked.
    console.stage.model.notice = None;
    let screen = console.stage.screen();
    assert!(screen.contains("10.1.1.2:80: weight 10 → 7, from outside, 1m58s ago"), "{screen}");
    console.polls(4);
    assert_eq!(marked(&mut console.stage), (false, true));
    assert_eq!(console.stage.model.outside.outside(), 1);
}

/// Hosts are bare IPv6: a sign that is a letter or touches it would make another address of it.
#[test]
fn no_sign_is_part_of_an_address() {
    let mut console = Watched::new(Scenario::Web);
    console.polls(3);
    console.stage.outside_weight("TCP [fd00::1]:443", "[fd00::11]:443", 7);
    console.polls(1);
    console.stage = console.stage.ascii();
    let screen = console.stage.screen();
    assert!(screen.contains(" @  [fd00::11]:443 "), "{screen}");
    console.stage.does("2");
    let screen = console.stage.screen();
    assert!(screen.contains(" @  fd00::11 "), "{screen}");
}

#[test]
fn a_service_that_others_changed_is_marked_too() {
    let mut console = Watched::new(Scenario::Web);
    console.polls(2);
    let key = HTTP.parse().unwrap();
    let before = console.stage.last.as_ref().unwrap().service(&key).unwrap().service.clone();
    let after = Service { scheduler: SchedulerName::new("sh").unwrap(), ..before.clone() };
    console.stage.outside(&Change::Service { before: Some(before), after: Some(after) });
    console.polls(1);
    let screen = console.stage.screen();
    assert!(screen.contains("▾ΔTCP 10.0.0.1:80 sh"), "{screen}");
    console.stage.does("/is:changed");
    console.stage.key(KeyCode::Enter);
    let screen = console.stage.screen();
    assert!(screen.contains("TCP 10.0.0.1:80 sh") && !screen.contains("10.0.0.1:443"), "{screen}");
}

#[test]
fn flapping_is_told_once_and_shown_as_long_as_it_lasts() {
    let mut console = Watched::new(Scenario::Incident);
    let mut told = Vec::new();
    for _ in 0..60 {
        console.polls(1);
        let (tone, text) = console.stage.notice();
        if tone == Tone::Warning && !told.contains(&text.to_owned()) {
            told.push(text.to_owned());
        }
    }
    let flaps: Vec<&String> = told.iter().filter(|text| text.contains("flaps")).collect();
    assert_eq!(flaps.len(), 1, "{told:?}");
    assert!(
        flaps[0].starts_with(
            "real server 10.1.4.2:80 of TCP 10.0.0.1:80: its weight flaps between 2 and 10, 4 times"
        ),
        "{flaps:?}"
    );
    console.stage.does("/is:flapping");
    console.stage.key(KeyCode::Enter);
    let screen = console.stage.screen();
    assert!(screen.contains("↕! 10.1.4.2:80") && !screen.contains("10.1.1.2:80"), "{screen}");
}

#[test]
fn a_weight_that_undoes_ours_is_a_warning() {
    let mut console = Watched::new(Scenario::Web);
    console.polls(3);
    console.stage.does("x");
    console.watch = Watch::default(); // the worker knows its own
    console.polls(1);
    assert_eq!(console.stage.weight(HTTP, FIRST), 0);
    console.stage.outside_weight(HTTP, FIRST, 10);
    console.polls(1);
    let told = "real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 0 -> 10, from outside: this \
                program had set it to 0";
    assert_eq!(console.stage.notice(), (Tone::Warning, told));
}

#[test]
fn the_journal_holds_what_came_from_outside() {
    let mut console = bad_day().sized((100, 24));
    console.stage.does("w7");
    let effects = console.stage.key(KeyCode::Enter);
    console.stage.carry_out(effects);
    console.stage.does("5");
    assert_snapshot!("journal_100x24", console.stage.screen());
    console.stage.does("j");
    assert_snapshot!("journal_outside_100x24", console.stage.screen());
    assert!(console.stage.types("u").is_empty(), "it is not ours to take back");
    assert!(console.stage.notice().1.contains("that came from outside"));
    // The line stays selected when another comes above it.
    let place = console.stage.model.item_place();
    console.polls(8);
    assert!(console.stage.model.item_place() > place);
}

#[test]
fn the_journal_shows_the_lines_that_match() {
    let mut console = bad_day().sized((100, 24));
    for keys in ["w7", "w8"] {
        console.stage.does(keys);
        let effects = console.stage.key(KeyCode::Enter);
        console.stage.carry_out(effects);
    }
    console.stage.does("5");
    let shown = |console: &Watched| {
        let all = console.stage.model.items();
        let ours = all.iter().filter(|item| matches!(item, Item::Entry(_))).count();
        (ours, all.len() - ours)
    };
    let (ours, theirs) = shown(&console);
    assert!(ours >= 2 && theirs > 2, "{ours} and {theirs}");
    // They follow while it is typed; what cannot be read leaves them as they are.
    console.stage.does("/by");
    assert_eq!(shown(&console), (ours, theirs));
    console.stage.does(":outside");
    assert_eq!(shown(&console), (0, theirs));
    let count = format!("{theirs} of {} lines", ours + theirs);
    assert!(console.stage.screen().contains(&count), "{}", console.stage.screen());
    console.stage.key(KeyCode::Esc);
    assert_eq!(shown(&console), (ours, theirs));
    console.stage.does("/!is:outside is:gone");
    let wrong = "is wants undone, partly (undone in part), failed, unknown or outside, not 'gone'";
    assert!(console.stage.screen().contains(wrong), "{}", console.stage.screen());
    console.stage.key(KeyCode::Enter);
    assert!(console.stage.model.prompt.is_some(), "it cannot be kept");
    console.stage.key(KeyCode::Esc);
    console.stage.does("/weight !by:outside !is:undone !is:failed !is:unknown");
    console.stage.key(KeyCode::Enter);
    assert_eq!(shown(&console), (ours, 0));
    assert_snapshot!("journal_filtered_100x24", console.stage.screen());

    // What is taken back does not match any more, and no other takes its place under the cursor.
    console.stage.does("jku");
    console.stage.applies();
    assert_eq!(shown(&console), (ours, 0), "one is undone, and its undo is new");
    assert_eq!(console.stage.model.item_place(), None, "{}", console.stage.screen());
    assert!(console.stage.types("u").is_empty());
    assert_eq!(console.stage.notice().1, "select a line of the journal first");
    console.stage.does("j");
    assert_eq!(console.stage.model.item_place(), Some(0));
    // What comes from outside meanwhile is in the journal, and shows where it matches.
    console.polls(8);
    assert_eq!(shown(&console), (ours, 0));
    console.stage.does("/");
    for _ in 0..60 {
        console.stage.key(KeyCode::Backspace);
    }
    console.stage.does("by:outside weight");
    console.stage.key(KeyCode::Enter);
    let before = shown(&console);
    console.polls(8);
    assert!(shown(&console).1 > before.1 && before.0 == 0, "{before:?} {:?}", shown(&console));
    console.stage.key(KeyCode::Esc);
    console.stage.key(KeyCode::Esc);
    assert_eq!(console.stage.model.view, View::Journal, "the first shows all again");
    assert!(shown(&console).1 > theirs);
    console.stage.does("/nobody");
    console.stage.key(KeyCode::Enter);
    assert!(console.stage.screen().contains("No line matches."), "{}", console.stage.screen());
    assert!(console.stage.types("u").is_empty());
    assert_eq!(console.stage.notice().1, "no line of the journal matches the filter");
}

/// What is selected stays so while a filter is typed, taken back or kept, wherever it shows.
#[test]
fn a_filter_of_the_journal_keeps_what_is_selected() {
    let mut console = bad_day().sized((100, 24));
    console.stage.does("w7");
    let effects = console.stage.key(KeyCode::Enter);
    console.stage.carry_out(effects);
    console.stage.does("5");
    let of = |console: &Watched| console.stage.model.item().map(|item| format!("{item:?}"));
    console.stage.does("Gk");
    let chosen = of(&console).unwrap();
    let place = console.stage.model.item_place();
    console.stage.does("/w7nothing");
    assert_eq!(of(&console), None);
    console.stage.key(KeyCode::Esc);
    assert_eq!((of(&console), console.stage.model.item_place()), (Some(chosen.clone()), place));
    console.stage.does("/!by:o");
    assert_ne!(of(&console).as_ref(), Some(&chosen), "it is hidden for a while");
    console.stage.does("utsidE-OR-SO");
    console.stage.key(KeyCode::Enter);
    assert_eq!(of(&console), Some(chosen));
    // A click below the last line is on the last.
    console.stage.does("g");
    let last = console.stage.model.items().len() - 1;
    console.stage.model.update(Message::Click(Hit::Entry(999)));
    assert_eq!(console.stage.model.item_place(), Some(last));
}

#[test]
fn others_that_share_the_journal_are_named() {
    let mut console = Watched::new(Scenario::Web);
    console.polls(2);
    let last = console.stage.last.clone().unwrap();
    let (service, server) = keys(HTTP, FIRST);
    let before = last.server(&service, &server).unwrap().server.clone();
    let by = By { id: "vb2k0".parse().unwrap(), who: "bob".to_owned() };
    console.theirs(vec![Theirs {
        time: last.taken,
        at: last.at,
        change: Change::weight(service, &before, 3),
        by: Some(by),
    }]);
    assert!(console.stage.notice().1.ends_with("weight 10 -> 3, by bob, vb2k0"));
    let screen = console.stage.screen();
    assert!(screen.contains("Δ  10.1.1.2:80") && !screen.contains("outside"), "{screen}");
    assert!(console.stage.model.items().is_empty(), "their entry stands in the journal");
}

#[test]
fn all_of_a_server_tells_what_others_did() {
    let mut console = bad_day().sized((100, 36));
    console.stage.does("/10.1.4.2:80");
    console.stage.key(KeyCode::Enter);
    console.stage.key(KeyCode::Enter);
    assert_snapshot!("detail_100x36", console.stage.screen());
    console.stage.key(KeyCode::Esc);
    console.stage.does("6");
    let screen = console.stage.screen();
    assert!(screen.contains("keepalived, pid 812 with 813, 814 below it"), "{screen}");
    assert!(screen.contains("from outside, 0 by programs that share the journal"), "{screen}");
}

/// Undo from the journal begins with what was done last, whatever the wall clock was set to.
#[test]
fn the_newest_entry_is_on_top_also_after_the_clock_was_set_back() {
    let mut stage = Stage::web();
    stage.does("+");
    stage.does("+");
    let mut earlier = stage.director.reader.snapshot(&Want::everything()).unwrap();
    earlier.taken -= SignedDuration::from_hours(1);
    stage.take_in(earlier);
    stage.does("-");
    let times: Vec<_> = stage.model.items().iter().map(Item::time).collect();
    assert_eq!(times.len(), 3);
    assert!(times[0] < times[2] && times[2] < times[1], "{times:?}");
    let newest = stage.model.entries()[0].id();
    stage.does("5u");
    let screen = stage.screen();
    assert!(screen.contains(&format!("Take back {newest}?")), "{screen}");
}

#[test]
fn a_recording_that_fails_is_told() {
    let mut stage = Stage::web();
    let status = |failing: Option<&str>, lost| {
        let failing = failing.map(str::to_owned);
        Message::Recording(Status { name: "/r".into(), bytes: 1_234_567, failing, lost })
    };
    stage.model.update(status(None, 0));
    stage = stage.sized((120, 24));
    assert!(stage.screen().contains("recorded 1.2MB"), "{}", stage.screen());
    stage.model.update(status(Some("/r cannot be written: No space left on device"), 1));
    let why = "nothing is recorded: /r cannot be written: No space left on device";
    assert_eq!(stage.notice(), (Tone::Error, why));
    assert!(stage.screen().contains("not recorded"));
    stage.model.notice = None;
    stage.model.update(status(Some("/r cannot be written: No space left on device"), 2));
    assert_eq!(stage.notice().1, "", "it is told once");
    stage.model.update(status(None, 2));
    assert_eq!(stage.notice(), (Tone::Warning, "recording goes on; 2 snapshots are missing"));
}

// --- a recording that is played ---------------------------------------------------------------

/// A recording of the bad day, an hour ago.
fn recording() -> Recording {
    let folder = std::env::temp_dir().join(format!("ipvs-tui-screens-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let path = folder.join(NUMBER.fetch_add(1, Ordering::Relaxed).to_string());
    let place = ipvs_tui::journal::Place::at(&path).unwrap();
    let about = About {
        program: "ipvs-tui 0.1.0".into(),
        name: "lb1".into(),
        interval_ms: 1_000,
        began: "2026-01-01T12:00:00Z".parse().unwrap(),
    };
    let mut recorder = Recorder::open(place, Default::default(), about).unwrap();
    let mut console = Watched::new(Scenario::Incident);
    let release = Some("6.1.0-13-amd64".to_owned());
    recorder.take(&Seen::Machine(Machine { owners: Ok(Vec::new()), schedulers: None, release }));
    for _ in 0..90 {
        console.stage.polls(1);
        let last = console.stage.last.clone().unwrap();
        let changes = console.watch.look(&last);
        let (time, at) = (last.taken, last.at);
        recorder.take(&Seen::Snapshot(last.into()));
        let all: Vec<Theirs> =
            changes.into_iter().map(|change| Theirs { time, at, change, by: None }).collect();
        if !all.is_empty() {
            recorder.take(&Seen::Theirs(all.into()));
        }
    }
    let why = "the kernel does not answer".to_owned();
    let time = console.stage.last.as_ref().unwrap().taken;
    recorder.take(&Seen::Unreadable(Unreadable { time, why }));
    drop(recorder);
    let recording = Recording::open(&path).unwrap();
    std::fs::remove_file(&path).ok();
    recording
}

/// A console over it, as the app and the worker make it.
struct Played {
    stage: Stage,
    player: Player,
}

impl Played {
    fn new(size: (u16, u16)) -> Self {
        let mut stage = Stage::new(Scenario::Web).sized(size);
        stage.keymap = Keymap::of_replay(&[]).unwrap();
        stage.model.read_only = true;
        stage.model.keys = stage.keymap.names();
        let player = Player::new(recording(), Moment::default());
        stage.model.playing = Some(player.playing());
        let mut played = Self { stage, player };
        played.goes(Play::To(To::Time(played.player.playing().first)));
        played
    }

    fn goes(&mut self, play: Play) {
        let zone = jiff::tz::TimeZone::UTC;
        let now = Moment::default();
        match play {
            Play::Pause => self.player.pause(!self.player.playing().paused, now),
            Play::Faster(by) => self.player.faster(by, now),
            Play::To(to) => self.scene(to),
            Play::When(when) => {
                let to = self.player.time(when, &zone).unwrap();
                self.scene(to);
            }
        }
        self.stage.model.update(Message::Playing(self.player.playing()));
    }

    fn scene(&mut self, to: To) {
        if let Some(scene) = self.player.jump(to, Moment::default()) {
            let now = self.stage.model.now;
            self.stage.model.update(Message::Scene(Box::new(scene), now));
        }
    }

    fn does(&mut self, text: &str) {
        for effect in self.stage.types(text) {
            let Effect::Play(play) = effect else { panic!("{effect:?}") };
            self.goes(play);
        }
    }

    fn enter(&mut self) {
        for effect in self.stage.key(KeyCode::Enter) {
            let Effect::Play(play) = effect else { panic!("{effect:?}") };
            self.goes(play);
        }
    }
}

#[test]
fn a_recording_looks_like_the_console_and_says_that_it_is_none() {
    for size in SIZES {
        let mut played = Played::new(size);
        played.does("nnn");
        assert_snapshot!(format!("replay_{}x{}", size.0, size.1), played.stage.screen());
    }
    let mut played = Played::new((120, 60));
    played.does("p?");
    let screen = played.stage.screen();
    assert!(screen.contains("play the recording faster"), "{screen}");
    assert!(!screen.contains("drain the"), "nothing that writes is there: {screen}");
    assert!(!screen.contains("show its connections"), "a recording holds none: {screen}");
    // It reads nothing there, but a screen that was written across is drawn anew.
    assert!(screen.contains("read and draw everything anew"), "{screen}");
}

#[test]
fn keys_move_time() {
    let mut played = Played::new((80, 24));
    let shown = |played: &Played| played.stage.model.snapshot.as_ref().unwrap().at.0.as_secs();
    let first = shown(&played);
    played.does("]");
    assert_eq!(shown(&played), first + 1);
    played.does("]]][");
    assert_eq!(shown(&played), first + 3);
    played.does(">>");
    assert_eq!(played.player.playing().speed, 5.0);
    played.does("-");
    assert_eq!(played.player.playing().speed, 2.0);
    played.does("J+30s");
    played.enter();
    assert_eq!(shown(&played), first + 33);
    played.does("J12:00:11");
    played.enter();
    assert_eq!(played.player.playing().time.to_string(), "2026-01-01T12:00:11Z");
    played.does("n");
    let change = shown(&played);
    played.does("n");
    assert!(shown(&played) > change);
    played.does("N");
    assert_eq!(shown(&played), change);
    // A key that writes is none here.
    assert!(played.stage.types("x").is_empty());
    assert!(played.stage.notice().1.contains("x does nothing here"));
}

#[test]
fn a_time_that_is_none_is_told_where_it_is_typed() {
    for size in [(60, 15), (80, 24)] {
        let mut played = Played::new(size);
        played.does("J");
        assert_snapshot!(format!("jump_{}x{}", size.0, size.1), played.stage.screen());
        played.does("noon");
        played.enter();
        assert_snapshot!(format!("jump_wrong_{}x{}", size.0, size.1), played.stage.screen());
        played.stage.key(KeyCode::Esc);
        assert!(played.stage.model.prompt.is_none());
    }
}

#[test]
fn coming_from_elsewhere_brings_the_past_and_keeps_what_is_selected() {
    let mut played = Played::new((80, 24));
    played.does("j");
    let selected = played.stage.model.rows.selected();
    played.does("J+60s");
    played.enter();
    assert_eq!(played.stage.model.rows.selected(), selected);
    let known = |played: &Played| {
        let model = &played.stage.model;
        let (service, server) = keys(HTTP, FIRST);
        let past = model.history.server(&service, &server).unwrap();
        let at = model.snapshot.as_ref().unwrap().at;
        let window = std::time::Duration::from_secs(120);
        past.window(Metric::Active, at, window, 120, window).iter().flatten().count()
    };
    assert!(known(&played) >= 60, "{}", known(&played));
    let outside = played.stage.model.outside.outside();
    assert!(outside > 3);
    played.does("J-50s");
    played.enter();
    assert!(known(&played) < 20 && played.stage.model.outside.outside() < outside);
    // The end: the last reading failed.
    played.does("J+1h");
    played.enter();
    let screen = played.stage.screen();
    assert!(screen.contains("the end, not read"), "{screen}");
    assert!(screen.contains("the kernel does not answer"), "{screen}");
    assert!(matches!(played.stage.model.freshness(), Freshness::Failed(_)));
}
