//! What is sent to the terminal, on a thread of its own: a terminal that stops reading (a line that
//! hangs, Ctrl-S) must keep neither signals nor the director waiting.
//!
//! At most one thing is on its way; whoever draws waits until it has been taken.

use std::io::{self, stdout};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::CLAIMED;

/// How long the end waits for what is on its way. A line that has hung for longer than that is
/// given up.
const PATIENCE: Duration = Duration::from_secs(1);

/// The thread that writes.
pub(super) struct Output {
    queue: Sender<Vec<u8>>,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    sent: Mutex<Sent>,
    moved: Condvar,
}

#[derive(Default)]
struct Sent {
    /// Things that were handed over and not written yet.
    waiting: usize,
    /// Why the terminal takes nothing any more.
    failed: Option<io::ErrorKind>,
}

impl State {
    fn lock(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Output {
    pub(super) fn start() -> io::Result<Self> {
        let (queue, inbox) = channel::<Vec<u8>>();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        Builder::new().name("screen".to_owned()).spawn(move || {
            while let Ok(bytes) = inbox.recv() {
                let written = write_while_claimed(&bytes);
                let mut sent = shared.lock();
                sent.waiting = sent.waiting.saturating_sub(1);
                sent.failed = sent.failed.or(written.err().map(|error| error.kind()));
                shared.moved.notify_all();
            }
        })?;
        Ok(Self { queue, state })
    }

    /// Whether everything was written.
    pub(super) fn is_idle(&self) -> bool {
        self.state.lock().waiting == 0
    }

    /// Has something written, in its turn.
    ///
    /// # Errors
    /// When an earlier write failed: the session is lost.
    pub(super) fn send(&self, bytes: Vec<u8>) -> io::Result<()> {
        let mut sent = self.state.lock();
        if let Some(kind) = sent.failed {
            return Err(kind.into());
        }
        sent.waiting += 1;
        drop(sent);
        self.queue.send(bytes).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Waits until everything was written, but not for long.
    pub(super) fn wait(&self) {
        let sent = self.state.lock();
        let busy = |sent: &mut Sent| sent.waiting > 0 && sent.failed.is_none();
        // Whatever came of it, the end goes on.
        drop(self.state.moved.wait_timeout_while(sent, PATIENCE, busy));
    }
}

/// Held while something is written, so that nothing is drawn over a terminal that was given back.
static WRITING: Mutex<()> = Mutex::new(());

/// Writes a frame, unless the terminal has been given back meanwhile.
fn write_while_claimed(bytes: &[u8]) -> io::Result<()> {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    if CLAIMED.load(Ordering::SeqCst) { write(bytes) } else { Ok(()) }
}

/// Waits until nothing is being written, but not for long: a panic may have struck anywhere.
pub(super) fn settle() {
    let begun = Instant::now();
    while matches!(WRITING.try_lock(), Err(TryLockError::WouldBlock)) && begun.elapsed() < PATIENCE
    {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Writes to the terminal itself, past the lock of standard output: another thread may hold that
/// for as long as the terminal takes nothing.
pub(super) fn write(mut bytes: &[u8]) -> io::Result<()> {
    let terminal = stdout();
    while !bytes.is_empty() {
        match rustix::io::write(&terminal, bytes) {
            Ok(n) => bytes = bytes.get(n..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => wait_for_room(),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether the terminal takes anything now.
pub(super) fn is_ready() -> bool {
    let terminal = stdout();
    let mut watched = [PollFd::new(&terminal, PollFlags::OUT)];
    let soon = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    poll(&mut watched, Some(&soon)).is_ok_and(|ready| ready > 0)
}

fn wait_for_room() {
    let terminal = stdout();
    let mut watched = [PollFd::new(&terminal, PollFlags::OUT)];
    let _ = poll(&mut watched, None);
}
