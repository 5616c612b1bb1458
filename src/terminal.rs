//! Claims the terminal and gives it back on every road out: quit, panic, signal, error.

mod input;

use std::io::{self, IsTerminal, Write, stdout};
use std::sync::atomic::{AtomicBool, Ordering};

pub use input::{Input, listen};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, Show};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::backend::CrosstermBackend;
use ratatui::{Frame, Terminal as Screen};
use rustix::process::{Signal, kill_current_process_group};

/// Whether the terminal is ours. The only global of the program: a panic on any thread must be
/// able to give the terminal back, and nothing may be drawn after that.
static CLAIMED: AtomicBool = AtomicBool::new(false);

/// The claimed terminal; dropping it gives it back.
pub struct Terminal {
    screen: Screen<CrosstermBackend<io::Stdout>>,
}

/// Whether both ends of a person's terminal are there.
pub fn is_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

impl Terminal {
    /// Claims the terminal: raw mode, alternate screen, no cursor. From here on a panic gives it
    /// back before it is reported.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn claim() -> io::Result<Self> {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let _ = release();
            report(panic);
        }));
        let screen = Screen::new(CrosstermBackend::new(stdout()))?;
        let terminal = Self { screen };
        enter()?;
        Ok(terminal)
    }

    /// Draws a frame, marked so that the terminal shows it at once and whole. Only cells that
    /// changed are sent.
    ///
    /// # Errors
    /// What the terminal says; a lost session is an error here.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        if !CLAIMED.load(Ordering::SeqCst) {
            return Err(io::Error::other("the terminal has been given back"));
        }
        queue!(stdout(), BeginSynchronizedUpdate)?;
        self.screen.draw(draw)?;
        execute!(stdout(), EndSynchronizedUpdate)
    }

    /// Hands `text` to the terminal's clipboard (OSC 52), which works through SSH. A terminal that
    /// does not know that, or is told not to, shows nothing.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(stdout(), CopyToClipboard::to_clipboard_from(text))
    }

    /// Gives the terminal back, stops the whole job as Ctrl-Z does, and claims the terminal again
    /// when the shell brings it back. The next frame is drawn whole.
    ///
    /// # Errors
    /// What the terminal says.
    pub fn suspend(&mut self) -> io::Result<()> {
        release()?;
        kill_current_process_group(Signal::TSTP)?;
        enter()?;
        // Not ratatui's own clear: it asks the terminal where the cursor is, and waits for it.
        execute!(stdout(), Clear(ClearType::All))?;
        self.screen = Screen::new(CrosstermBackend::new(stdout()))?;
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // There is nobody left to tell.
        let _ = release();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    CLAIMED.store(true, Ordering::SeqCst);
    execute!(stdout(), EnterAlternateScreen, Hide)
}

/// Gives the terminal back, once.
fn release() -> io::Result<()> {
    if !CLAIMED.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    let written = execute!(stdout(), EndSynchronizedUpdate, Show, LeaveAlternateScreen);
    let cooked = disable_raw_mode();
    let _ = stdout().flush();
    written.and(cooked)
}
