//! Claims the terminal and gives it back on every road out: quit, panic, signal, error.

mod input;
mod output;
mod pen;

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicBool, Ordering};

pub use input::{Input, listen};
use output::{Output, write};
use pen::Pen;

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::style::Print;
use crossterm::terminal::{
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use ratatui::Terminal as Screen;
use ratatui::backend::Backend;
use rustix::process::{Signal, kill_current_process_group};

/// Whether the terminal is ours. The only global of the program, with the lock for writing to it:
/// a panic on any thread must be able to give the terminal back, and nothing may be drawn after.
static CLAIMED: AtomicBool = AtomicBool::new(false);

/// Buttons and the wheel, with places beyond column 223 (xterm's modes 1000 and 1006). Not
/// crossterm's own command: it also asks for every move, which a slow line would carry for nothing.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// The claimed terminal; dropping it gives it back.
pub struct Terminal {
    screen: Screen<Pen>,
    output: Output,
    mouse: bool,
}

/// Whether both ends of a person's terminal are there.
pub fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

impl Terminal {
    /// Claims the terminal: raw mode, alternate screen, no cursor, what is pasted told apart from
    /// keys, and the `mouse` if it is wanted. From here on a panic gives it back before it is
    /// reported.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn claim(mouse: bool) -> io::Result<Self> {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let _ = release();
            report(panic);
        }));
        let terminal =
            Self { screen: Screen::new(Pen::default())?, output: Output::start()?, mouse };
        enter(mouse)?;
        Ok(terminal)
    }

    /// Whether the terminal has taken what was sent before. One that takes nothing, a line that
    /// hangs, gets no more: what it shows next is the newest frame then.
    pub fn takes_more(&self) -> bool {
        self.output.is_idle()
    }

    /// Whether the mouse is listened to.
    pub fn listens_to_mouse(&self) -> bool {
        self.mouse
    }

    /// Listens to the mouse, or leaves it to the terminal, which then selects text.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn listen_to_mouse(&mut self, mouse: bool) -> io::Result<()> {
        self.mouse = mouse;
        self.output.send(if mouse { MOUSE_ON } else { MOUSE_OFF }.into())
    }

    /// Draws a frame, marked so that the terminal shows it at once and whole. Only cells that
    /// changed are sent, and nothing at all where none did.
    ///
    /// # Errors
    /// What the terminal says; a lost session is an error here.
    pub fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        if !CLAIMED.load(Ordering::SeqCst) {
            return Err(io::Error::other("the terminal has been given back"));
        }
        self.screen.draw(draw)?;
        let frame = self.screen.backend_mut().frame()?;
        if frame.is_empty() { Ok(()) } else { self.output.send(frame) }
    }

    /// Hands `text` to the terminal's clipboard (OSC 52), which works through SSH. A terminal that
    /// does not know that, or is told not to, shows nothing.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        let mut bytes = Vec::new();
        queue!(bytes, CopyToClipboard::to_clipboard_from(text))?;
        self.output.send(bytes)
    }

    /// Gives the terminal back, stops the whole job as Ctrl-Z does, and claims the terminal again
    /// when the shell brings it back. The next frame is drawn whole.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn suspend(&mut self) -> io::Result<()> {
        self.output.wait();
        release()?;
        kill_current_process_group(Signal::TSTP)?;
        enter(self.mouse)?;
        self.repaint()
    }

    /// Has the next frame drawn whole, on a cleared screen: somebody may have written across it,
    /// as `wall` and the kernel do.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn repaint(&mut self) -> io::Result<()> {
        // Nothing is known of the terminal then.
        self.screen = Screen::new(Pen::default())?;
        self.screen.backend_mut().clear()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.output.wait();
        // There is nobody left to tell.
        let _ = release();
    }
}

fn enter(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    CLAIMED.store(true, Ordering::SeqCst);
    let mut bytes = Vec::new();
    queue!(bytes, EnterAlternateScreen, EnableBracketedPaste, Hide)?;
    if mouse {
        bytes.extend_from_slice(MOUSE_ON.as_bytes());
    }
    write(&bytes)
}

/// Gives the terminal back, once.
fn release() -> io::Result<()> {
    if !CLAIMED.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    output::settle();
    let mut bytes = Vec::new();
    queue!(bytes, EndSynchronizedUpdate, Print(MOUSE_OFF), DisableBracketedPaste, Show)?;
    queue!(bytes, LeaveAlternateScreen)?;
    // A terminal that takes nothing must not keep the process: then its modes have to do.
    let written = if output::is_ready() { write(&bytes) } else { Ok(()) };
    let cooked = disable_raw_mode();
    written.and(cooked)
}
