//! The whole console: what a kernel and other people may name, and keys.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ipvs_tui::ipvs::{Daemon, DaemonRole};
use ipvs_tui::journal::{News, read_from};
use ipvs_tui::kernel::proc::sysctl::SYSCTLS;
use ipvs_tui::kernel::sim::{Clock, Director, Scenario};
use ipvs_tui::kernel::{KernelError, Reader, Want};
use ipvs_tui::keys::Keymap;
use ipvs_tui::model::{Message, Model};
use ipvs_tui::snapshot::{Moment, Part, Snapshot, UnknownAttribute};

use super::told::{assert_quiet, print, show};

/// Bytes as values; there are always more, which are 0.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn some(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (some, rest) = self.0.split_at(length);
        self.0 = rest;
        some
    }

    fn text(&mut self) -> String {
        String::from_utf8_lossy(self.some()).into_owned()
    }
}

/// Snapshots of the embedded director, a second apart.
fn snapshots() -> &'static [Snapshot] {
    static ALL: OnceLock<Vec<Snapshot>> = OnceLock::new();
    ALL.get_or_init(|| {
        let director = Director::open(Scenario::Web, 1, Clock::Step(Duration::from_secs(1)));
        let mut reader = director.reader();
        (0..6).map(|_| reader.snapshot(&Want::everything()).unwrap()).collect()
    })
}

/// A console on a director whose names and values are `data`'s, in which keys of `data` are
/// pressed. Nothing is carried out.
pub fn screen(data: &[u8]) {
    let mut bytes = Bytes(data);
    let choices = bytes.byte();
    let size = [(60, 15), (80, 24), (120, 36), (200, 60)][usize::from(choices & 3)];
    let watch = choices & 4 != 0;
    // Whoever opens a console has made the name of the director one that can be shown.
    let mut model = Model::new("lb1".to_owned(), Duration::from_secs(1), watch);
    let keymap = Keymap::defaults(watch).unwrap();
    model.keys = keymap.names();
    let mut all = snapshots().to_vec();
    let foreign = Foreign::of(&mut bytes);
    all.iter_mut().for_each(|snapshot| foreign.put_into(snapshot));
    print(all.last().unwrap());

    let pressed: Vec<u8> = std::iter::from_fn(|| Some(bytes.byte()).filter(|b| *b != 0)).collect();
    let history = read_from(&mut bytes.0, None).unwrap();
    model.update(Message::Journal(Arc::new(News { history, ..News::default() })));
    for snapshot in all {
        let at = snapshot.at;
        model.update(Message::Snapshot(Arc::new(snapshot), at));
    }
    if choices & 8 != 0 {
        let error =
            KernelError::Namespace { name: "blue".to_owned(), why: "it is gone".to_owned() };
        model.update(Message::Unreadable(error, Moment(Duration::from_secs(9))));
    }
    show(&mut model, size);
    for pressed in pressed.into_iter().take(32) {
        if let Some(message) = keymap.message(key(pressed), &model) {
            model.update(message);
        }
        if pressed & 7 == 0 {
            show(&mut model, size);
        }
    }
    show(&mut model, size);
    if let Some(notice) = &model.notice {
        assert_quiet(&notice.text);
    }
}

fn key(byte: u8) -> KeyEvent {
    let code = match byte {
        13 => KeyCode::Enter,
        27 => KeyCode::Esc,
        9 => KeyCode::Tab,
        8 | 127 => KeyCode::Backspace,
        128 => KeyCode::Up,
        129 => KeyCode::Down,
        130 => KeyCode::Left,
        131 => KeyCode::Right,
        132 => KeyCode::PageDown,
        133 => KeyCode::PageUp,
        134 => KeyCode::BackTab,
        135 => KeyCode::Home,
        136 => KeyCode::End,
        137..=148 => KeyCode::F(byte - 136),
        1..=26 => return KeyEvent::new(KeyCode::Char((byte + 96) as char), KeyModifiers::CONTROL),
        _ => KeyCode::Char(byte as char),
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}

/// What others name and set.
struct Foreign {
    attribute: UnknownAttribute,
    interface: String,
    /// A sysctl of a later kernel has any name that is a file's.
    sysctls: [(String, String); 2],
}

impl Foreign {
    fn of(bytes: &mut Bytes<'_>) -> Self {
        let attribute = UnknownAttribute { number: 99, bytes: bytes.some().to_vec() };
        let known = SYSCTLS[usize::from(bytes.byte()) % SYSCTLS.len()].name.to_owned();
        let sysctls = [(known, bytes.text()), (bytes.text(), bytes.text())];
        Self { attribute, interface: bytes.text(), sysctls }
    }

    fn put_into(&self, snapshot: &mut Snapshot) {
        let service = &mut snapshot.services[0];
        service.unknown.push(self.attribute.clone());
        service.servers[0].unknown.push(self.attribute.clone());
        snapshot.daemons = Part::Fresh(vec![Daemon {
            role: DaemonRole::Master,
            interface: self.interface.clone(),
            sync_id: 7,
            max_len: None,
            group: None,
            group6: None,
            port: None,
            ttl: None,
        }]);
        if let Part::Fresh(all) | Part::Stale { value: all, .. } = &mut snapshot.sysctls {
            all.extend(self.sysctls.clone());
        }
    }
}
