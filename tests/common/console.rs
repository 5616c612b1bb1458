//! A program in a terminal of its own.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};

use super::{Screen, patience, program};

/// How a program is to be started.
pub struct Launch {
    command: CommandBuilder,
    size: (u16, u16),
    silent: bool,
}

impl Launch {
    /// `ipvs-tui` with these arguments, at 80x24, in a UTF-8 locale.
    pub fn new(arguments: &[&str]) -> Self {
        let mut all = vec![program()];
        all.extend(arguments.iter().map(|a| (*a).to_owned()));
        Self::any(&all)
    }

    /// A shell with this script; `$TUI` is `ipvs-tui`.
    pub fn shell(script: &str) -> Self {
        Self::any(&["sh", "-c", script])
    }

    /// Any program. Of the environment it gets only what it needs.
    pub fn any<S: AsRef<str>>(words: &[S]) -> Self {
        let mut command = CommandBuilder::new(words[0].as_ref());
        command.args(words.iter().skip(1).map(AsRef::as_ref));
        command.env_clear();
        for (name, value) in
            [("TUI", program().as_str()), ("TERM", "xterm-256color"), ("LANG", "C.UTF-8")]
        {
            command.env(name, value);
        }
        command.env("PATH", std::env::var("PATH").unwrap_or_default());
        command.cwd("/");
        Self { command, size: (80, 24), silent: false }
    }

    pub fn size(mut self, columns: u16, rows: u16) -> Self {
        self.size = (columns, rows);
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// In a terminal that answers no question: a slow line, a serial one, a recorder.
    pub fn silent(mut self) -> Self {
        self.silent = true;
        self
    }

    pub fn start(self) -> Console {
        let (columns, rows) = self.size;
        let pty = native_pty_system().openpty(size(columns, rows)).unwrap();
        let name = pty.master.tty_name().unwrap();
        // Held open, so that the terminal's modes can be asked for after the program has ended.
        let tty = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let before = modes(&tty);
        let mut reader = pty.master.try_clone_reader().unwrap();
        let keyboard = Arc::new(Mutex::new(pty.master.take_writer().unwrap()));
        let child = pty.slave.spawn_command(self.command).unwrap();
        let tape = Arc::new((Mutex::new(Tape::new(columns, rows)), Condvar::new()));
        let (recorder, answers) = (Arc::clone(&tape), Arc::clone(&keyboard));
        let hangs = Arc::new(AtomicBool::new(false));
        let hanging = Arc::clone(&hangs);
        std::thread::spawn(move || {
            let mut bytes = [0; 8192];
            loop {
                while hanging.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(20));
                }
                let Ok(n @ 1..) = reader.read(&mut bytes) else { break };
                let mut tape = recorder.0.lock().unwrap();
                let answer = tape.take(&bytes[..n]);
                drop(tape);
                recorder.1.notify_all();
                if !self.silent {
                    let _ = answers.lock().unwrap().write_all(answer.as_bytes());
                }
            }
        });
        Console { child, master: pty.master, keyboard, tty, before, tape, hangs, ended: None }
    }
}

/// How long a frame may take from its first byte to its last one. A program that ended in the
/// middle of one never gets there.
const WHOLE: Duration = Duration::from_secs(2);

/// What the program has written so far.
struct Tape {
    parser: vt100::Parser,
    raw: Vec<u8>,
}

impl Tape {
    fn new(columns: u16, rows: u16) -> Self {
        Self { parser: vt100::Parser::new(nonzero(rows), nonzero(columns), 0), raw: Vec::new() }
    }

    /// Takes what the program has written; returns what a terminal answers to it. The only
    /// question that every terminal knows is where the cursor is.
    fn take(&mut self, bytes: &[u8]) -> String {
        const WHERE: &[u8] = b"\x1b[6n";
        let seen = self.raw.len().saturating_sub(WHERE.len() - 1);
        self.parser.process(bytes);
        self.raw.extend_from_slice(bytes);
        let asked = self.raw[seen..].windows(WHERE.len()).filter(|w| *w == WHERE).count();
        let (row, column) = self.parser.screen().cursor_position();
        format!("\x1b[{};{}R", row + 1, column + 1).repeat(asked)
    }

    /// Whether no frame is half drawn.
    fn whole(&self) -> bool {
        let last = |mark: &[u8]| self.raw.windows(mark.len()).rposition(|w| w == mark);
        last(b"\x1b[?2026h") <= last(b"\x1b[?2026l")
    }
}

/// A program in a terminal of its own. Dropping it ends the program.
pub struct Console {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Arc<Mutex<Box<dyn Write + Send>>>,
    tty: OwnedFd,
    before: String,
    tape: Arc<(Mutex<Tape>, Condvar)>,
    hangs: Arc<AtomicBool>,
    ended: Option<ExitStatus>,
}

impl Console {
    /// Types. Keys that are no characters: see the constants of [`key`].
    #[track_caller]
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        let mut keyboard = self.keyboard.lock().unwrap();
        keyboard.write_all(keys.as_bytes()).expect("the terminal takes keys");
        drop(keyboard);
        self
    }

    /// Somebody else writes to the terminal.
    pub fn writes_across(&self, text: &str) {
        rustix::io::write(&self.tty, text.as_bytes()).unwrap();
    }

    /// The terminal takes nothing any more, as a line that hangs, or goes on.
    pub fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        let mut tape = self.tape.0.lock().unwrap();
        tape.parser.set_size(nonzero(rows), nonzero(columns));
        self.master.resize(size(columns, rows)).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.process_id().unwrap()).unwrap()).unwrap()
    }

    /// Everything the program has written.
    pub fn raw(&self) -> Vec<u8> {
        self.tape.0.lock().unwrap().raw.clone()
    }

    /// The screen as it is, behind the frame that is being drawn.
    pub fn screen(&self) -> Screen {
        let half = |tape: &mut Tape| !tape.whole();
        let tape = self.tape.0.lock().unwrap();
        let (tape, _) = self.tape.1.wait_timeout_while(tape, WHOLE, half).unwrap();
        Screen::new(tape.parser.screen())
    }

    /// Waits until the screen is as wanted, and returns it.
    #[track_caller]
    pub fn wait_until(&self, what: &str, wanted: impl Fn(&Screen) -> bool) -> Screen {
        self.wait_for(what, patience(), wanted)
    }

    /// Waits for that long at most.
    #[track_caller]
    pub fn wait_for(
        &self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Screen) -> bool,
    ) -> Screen {
        let begun = Instant::now();
        let mut tape = self.tape.0.lock().unwrap();
        loop {
            if tape.whole() {
                let screen = Screen::new(tape.parser.screen());
                if wanted(&screen) {
                    return screen;
                }
            }
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                let end = tape.raw.len().saturating_sub(300);
                let last = tape.raw[end..].escape_ascii().to_string();
                let screen = Screen::new(tape.parser.screen());
                drop(tape); // the recorder goes on, or the program could not end
                panic!("not within {patience:?}: {what}\n{screen}last bytes: {last}");
            }
            (tape, _) = self.tape.1.wait_timeout(tape, left).unwrap();
        }
    }

    /// Waits for the program's end and returns its exit code.
    #[track_caller]
    pub fn exit_code(&mut self) -> u32 {
        let begun = Instant::now();
        while self.ended.is_none() {
            self.ended = self.child.try_wait().unwrap();
            if self.ended.is_none() && begun.elapsed() > patience() {
                panic!("the program has not ended within {:?}\n{}", patience(), self.screen());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.drain();
        let ended = self.ended.as_ref().unwrap();
        assert_eq!(ended.signal(), None, "ended by a signal instead of an exit code");
        ended.exit_code()
    }

    /// Waits for what the program wrote last: a mark goes the same way behind it.
    fn drain(&self) {
        const MARK: &[u8] = b"\x1b]9999;end\x07";
        rustix::io::write(&self.tty, MARK).unwrap();
        let begun = Instant::now();
        let mut tape = self.tape.0.lock().unwrap();
        while !tape.raw.ends_with(MARK) {
            assert!(begun.elapsed() < patience(), "the terminal has lost its output");
            (tape, _) = self.tape.1.wait_timeout(tape, Duration::from_secs(1)).unwrap();
        }
        let end = tape.raw.len() - MARK.len();
        tape.raw.truncate(end);
    }

    /// Whether the program has ended.
    pub fn has_ended(&mut self) -> bool {
        self.ended.is_some() || self.child.try_wait().unwrap().is_some()
    }

    /// The terminal's modes (raw or not, echo, control characters) are what they were.
    #[track_caller]
    pub fn assert_modes_as_before(&self) {
        assert_eq!(modes(&self.tty), self.before, "the terminal's modes");
    }

    pub fn modes_are_as_before(&self) -> bool {
        modes(&self.tty) == self.before
    }

    /// The terminal is what it was before the program: modes, screen, cursor, colours, and
    /// every private mode that was set is reset.
    #[track_caller]
    pub fn assert_given_back(&self) {
        self.assert_modes_as_before();
        let screen = self.wait_until("the alternate screen is left", |s| !s.vt.alternate_screen());
        assert!(!screen.vt.hide_cursor(), "the cursor is hidden");
        let plain = (vt100::Color::Default, vt100::Color::Default, false, false);
        let vt = &screen.vt;
        assert_eq!((vt.fgcolor(), vt.bgcolor(), vt.bold(), vt.inverse()), plain, "colours");
        let left: Vec<_> = private_modes(&self.raw()).into_iter().filter(|(_, set)| *set).collect();
        // The cursor and the wrapping of lines are on by default.
        let left: Vec<_> = left.into_iter().filter(|(mode, _)| ![25, 7].contains(mode)).collect();
        assert!(left.is_empty(), "private modes left set: {left:?}");
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        if self.ended.is_none() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Keys that are no characters, as an xterm sends them.
pub mod key {
    pub const ENTER: &str = "\r";
    pub const ESC: &str = "\x1b";
    pub const TAB: &str = "\t";
    pub const BACK_TAB: &str = "\x1b[Z";
    pub const UP: &str = "\x1b[A";
    pub const DOWN: &str = "\x1b[B";
    pub const PAGE_DOWN: &str = "\x1b[6~";
    pub const PAGE_UP: &str = "\x1b[5~";
    pub const HOME: &str = "\x1b[H";
    pub const END: &str = "\x1b[F";
    pub const CTRL_C: &str = "\x03";
    pub const CTRL_Z: &str = "\x1a";
    pub const F7: &str = "\x1b[18~";
}

/// The final state of every DEC private mode (`ESC [ ? n h` or `l`) in `raw`.
fn private_modes(raw: &[u8]) -> BTreeMap<u32, bool> {
    let mut modes = BTreeMap::new();
    for sequence in sequences(raw) {
        let Some(numbers) = sequence.strip_prefix('?') else { continue };
        let Some(end) = numbers.chars().last().filter(|c| "hl".contains(*c)) else { continue };
        for number in numbers.trim_end_matches(['h', 'l']).split(';') {
            modes.insert(number.parse().unwrap(), end == 'h');
        }
    }
    modes
}

/// The control sequences (`ESC [ ... letter`) in `raw`, without their introducer.
pub fn sequences(raw: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(raw);
    let whole = |rest: &str| {
        let end = rest.find(|c: char| ('@'..='~').contains(&c))?;
        Some(rest[..=end].to_owned())
    };
    text.split("\x1b[").skip(1).filter_map(whole).collect()
}

fn modes(tty: &OwnedFd) -> String {
    format!("{:?}", rustix::termios::tcgetattr(tty).unwrap())
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn nonzero(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap()
}
