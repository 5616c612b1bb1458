//! What happened, and what is to be done about it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tui_input::InputRequest;

use super::{Copied, Hit, Ticket};
use crate::command::Command;
use crate::connections::{Errand, Told};
use crate::doctor;
use crate::drain::Census;
use crate::ipvs::{ServerKey, ServiceKey};
use crate::journal::{JournalError, News, Order, Written};
use crate::kernel::KernelError;
use crate::kernel::proc::modules::Schedulers;
use crate::kernel::proc::owners::Owner;
use crate::outside::Theirs;
use crate::plan::Outcome;
use crate::record::{Play, Playing, Scene, Status};
use crate::snapshot::{Moment, Snapshot};

/// What happened.
#[derive(Debug)]
pub enum Message {
    /// A poll succeeded; the moment is the console's own clock.
    Snapshot(Arc<Snapshot>, Moment),
    /// A poll failed.
    Unreadable(KernelError, Moment),
    /// A plan is through, or has failed.
    Outcome(Ticket, Box<Outcome>, Written),
    /// What the journal says now.
    Journal(Arc<News>),
    /// The journal cannot be read or written.
    NoJournal(JournalError),
    /// What the connection table says of drained servers.
    Census(Arc<Census>),
    /// What is known of the connection table.
    Connections(Told),
    /// The programs that also write the table, or why they cannot be looked for, the schedulers
    /// that the kernel has, and its release, as far as that can be told.
    Machine(Result<Vec<Owner>, KernelError>, Option<Schedulers>, Option<String>),
    /// Changes that the last snapshot shows and this console did not make.
    Theirs(Arc<Vec<Theirs>>),
    /// How the recording is getting on.
    Recording(Status),
    /// A recording is played at another place; the moment is the console's own clock.
    Scene(Box<Scene>, Moment),
    /// How a recording is being played.
    Playing(Playing),
    /// Something that is worth a sentence.
    Note(String),
    /// What the doctor found.
    Doctor(Box<doctor::Report>),
    /// Time passes.
    Clock(Moment),
    /// The machine has slept for so long; the moment is when that was noticed.
    Slept(Duration, Moment),
    /// A key that the keymap knows.
    Command(Command),
    /// A key while something is typed.
    Typed(InputRequest),
    /// Up, down or Tab in a question: another answer.
    Choose(isize),
    /// A page up or down in a question.
    Scroll(isize),
    /// Enter while something is typed, or an answer to a question.
    Accept,
    /// A key that the keymap does not know, as an operator would name it.
    UnknownKey(String),
    /// This was handed to the terminal's clipboard.
    Copied(String),
    /// Something was clicked.
    Click(Hit),
    /// The wheel of the mouse was turned by so many rows.
    Wheel(isize),
    /// Whether the mouse is listened to now.
    Mouse(bool),
    /// Text was pasted into the terminal.
    Pasted(String),
    /// Another theme is on.
    Theme(String),
    /// What was drawn.
    Drawn {
        /// Rows or lines that fit.
        page: usize,
        /// Lines that there are, in a view that scrolls by lines.
        lines: usize,
        /// Whether nothing could be shown but that the terminal is too small.
        too_small: bool,
    },
}

impl Message {
    /// Whether somebody typed or clicked.
    pub(super) fn is_somebodys(&self) -> bool {
        matches!(
            self,
            Self::Command(_)
                | Self::Typed(_)
                | Self::Choose(_)
                | Self::Scroll(_)
                | Self::Accept
                | Self::UnknownKey(_)
                | Self::Pasted(_)
                | Self::Click(_)
                | Self::Wheel(_)
        )
    }
}

/// What is to be done about a message. The app does it.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Have the worker carry out an order.
    Apply(Ticket, Box<Order>),
    /// Have the worker look at what these drained servers hold.
    Follow(BTreeSet<(ServiceKey, ServerKey)>),
    /// Have the worker look at the connection table.
    Connections(Errand),
    /// Hand something to the terminal's clipboard.
    Copy(Copied),
    /// Listen to the mouse, or leave it to the terminal.
    ToggleMouse,
    /// Have the worker read the kernel now.
    Refresh,
    /// Have the worker play the recording differently.
    Play(Play),
    /// Draw with the next theme.
    NextTheme,
    /// Leave.
    Quit,
}

/// How loud a notice is, the quietest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tone {
    /// Something was done, or is under way.
    Info,
    /// Somebody else did something.
    Outside,
    /// The operator should know, but nothing failed.
    Warning,
    /// Something failed.
    Error,
}

/// One line to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How loud.
    pub tone: Tone,
    /// What is said.
    pub text: String,
    /// When it was said, by the console's clock.
    pub since: Moment,
}
