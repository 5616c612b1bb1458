//! What is typed, and the loss of the terminal.
//!
//! crossterm 0.29 never returns from reading a terminal that has gone: it reads nothing over and
//! over, at full speed. So keys are read on a thread of their own, which no signal waits for, and
//! another thread waits for the hang-up, so that the console ends at once.

use std::io;
use std::thread::Builder;

use crossterm::event::{Event, read};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What comes from the terminal.
#[derive(Debug)]
pub enum Input {
    /// A key, or a new size.
    Event(Event),
    /// The terminal is gone: the SSH session broke, or the window was closed.
    Lost,
}

/// Begins to listen. The threads end with the process: a blocked read cannot be called off.
///
/// # Errors
/// When a thread cannot be had.
pub fn listen() -> io::Result<UnboundedReceiver<Input>> {
    let (sender, inputs) = unbounded_channel();
    let hangup = sender.clone();
    Builder::new().name("keys".to_owned()).spawn(move || keys(&sender))?;
    Builder::new().name("hang-up".to_owned()).spawn(move || wait_for_hangup(&hangup))?;
    Ok(inputs)
}

fn keys(sender: &UnboundedSender<Input>) {
    while let Ok(event) = read() {
        if sender.send(Input::Event(event)).is_err() {
            return;
        }
    }
    let _ = sender.send(Input::Lost);
}

fn wait_for_hangup(sender: &UnboundedSender<Input>) {
    let stdin = io::stdin();
    // Nothing is asked for: a hang-up and an error are told unasked.
    let mut watched = [PollFd::new(&stdin, PollFlags::empty())];
    while poll(&mut watched, None) == Err(Errno::INTR) {}
    let _ = sender.send(Input::Lost);
}
