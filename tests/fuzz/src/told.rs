//! What is told to an operator or a program: held to steering no terminal.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;
use std::{fs, process, thread};

use ipvs_tui::glyphs;
use ipvs_tui::model::{Message, Model};
use ipvs_tui::report;
use ipvs_tui::snapshot::{Moment, Part, ServiceEntry, Snapshot, Source};
use ipvs_tui::theme::{Depth, Theme, Themes};
use ipvs_tui::view::{HitBoxes, Look, draw};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

/// The longest sentence: a wrong theme lists every key there is.
const LONGEST: usize = 8 << 10;

/// Whether a terminal would act upon `c`, or be turned by it.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[track_caller]
pub fn assert_quiet(text: &str) {
    assert!(!text.contains(steers), "it steers the terminal: {text:?}");
}

/// An error, for whoever has to do something about it.
#[track_caller]
pub fn assert_sentence(error: &impl Display) {
    let text = error.to_string();
    assert!(!text.is_empty() && text.len() <= LONGEST, "{} bytes", text.len());
    assert_quiet(&text);
}

/// What is printed: lines.
#[track_caller]
pub fn assert_lines(printed: &[u8]) {
    let text = std::str::from_utf8(printed).expect("printed is UTF-8");
    text.lines().for_each(assert_quiet);
}

/// A snapshot of these services and nothing else.
pub fn snapshot(source: Source, services: Vec<ServiceEntry>) -> Snapshot {
    let nothing = || "not asked".to_owned();
    Snapshot {
        taken: jiff::Timestamp::UNIX_EPOCH,
        at: Moment::default(),
        took: Duration::ZERO,
        source,
        info: Part::Unreadable(nothing()),
        totals: Part::Unreadable(nothing()),
        timeouts: Part::Unreadable(nothing()),
        daemons: Part::Unreadable(nothing()),
        sysctls: Part::Unreadable(nothing()),
        services,
    }
}

/// Prints a snapshot in every format.
#[track_caller]
pub fn print(snapshot: &Snapshot) {
    let mut out = Vec::new();
    report::text(snapshot, &mut out).unwrap();
    assert_lines(&out);
    out.clear();
    report::json(snapshot, &mut out).unwrap();
    assert_lines(&out);
    serde_json::from_slice::<serde_json::Value>(&out).expect("JSON");
    out.clear();
    let notes = report::rules(snapshot, &mut out).unwrap();
    assert_lines(&out);
    notes.iter().for_each(|note| assert_quiet(note));
}

/// The compiled themes.
pub fn themes() -> &'static Themes {
    static THEMES: OnceLock<Themes> = OnceLock::new();
    THEMES.get_or_init(|| Themes::built_in().unwrap())
}

/// A console that knows nothing yet.
pub fn console() -> Model {
    Model::new("lb1".to_owned(), Duration::from_secs(1), false)
}

/// Draws the screen as it is now, twice, as the app does.
#[track_caller]
pub fn show(model: &mut Model, size: (u16, u16)) {
    static THEME: OnceLock<Theme> = OnceLock::new();
    let theme = THEME.get_or_init(|| themes().get("ansi", Depth::Ansi).unwrap());
    let look = Look { theme: theme.clone(), glyphs: glyphs::UNICODE };
    let mut terminal = Terminal::new(TestBackend::new(size.0, size.1)).unwrap();
    for _ in 0..2 {
        let mut hits = HitBoxes::default();
        terminal.draw(|frame| hits = draw(model, &look, frame)).unwrap();
        let (page, lines) = (hits.rows.height.into(), hits.lines);
        model.update(Message::Drawn { page, lines, too_small: hits.too_small });
    }
    let cells = terminal.backend().buffer().content();
    cells.iter().for_each(|cell| assert_quiet(cell.symbol()));
}

/// Whether this input is one of those that are drawn too: drawing is slow.
pub fn one_in_16(data: &[u8]) -> bool {
    data.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)) & 15 == 0
}

/// What lies between two files of an input.
const NEXT_FILE: &[u8] = b"\n====\n";

/// The first so many files of an input, in their order; those that are not there are empty.
pub fn files_of(data: &[u8], count: usize) -> Vec<&[u8]> {
    let mut rest = data;
    let file = |_| match rest.windows(NEXT_FILE.len()).position(|w| w == NEXT_FILE) {
        Some(end) => {
            let file = &rest[..end];
            rest = &rest[end + NEXT_FILE.len()..];
            file
        }
        None => std::mem::take(&mut rest),
    };
    (0..count).map(file).collect()
}

/// A folder of this thread's own, in memory where that can be had, that goes with it.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let name = format!("ipvs-tui-fuzz-{}-{:?}", process::id(), thread::current().id());
        let path = base.join(name.replace(['(', ')'], ""));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
