//! What came of it, before it is told as text or as JSON.

use super::order::{Made, option};
use super::{Exit, follow::Standing};
use crate::ipvs::Change;
use crate::journal::{Id, Then};
use crate::kernel::KernelError;
use crate::kernel::proc::owners;
use crate::plan::{self, Danger, Failure, Level, Offer};

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    NothingToDo,
    DryRun,
    Refused,
    Conflict,
    Timeout,
    Failed,
}

impl Outcome {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::NothingToDo => "nothing_to_do",
            Self::DryRun => "dry_run",
            Self::Refused => "refused",
            Self::Conflict => "conflict",
            Self::Timeout => "timeout",
            Self::Failed => "failed",
        }
    }

    fn of(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::Done,
            Exit::Failed | Exit::Usage => Self::Failed,
            Exit::Refused => Self::Refused,
            Exit::Conflict => Self::Conflict,
            Exit::Timeout => Self::Timeout,
        }
    }
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Made,
    Already,
    NotMade,
    Unknown,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Already => "already",
            Self::NotMade => "not_made",
            Self::Unknown => "unknown",
        }
    }
}

/// A danger.
pub(super) struct Told {
    pub(super) level: Level,
    pub(super) text: String,
}

impl Told {
    pub(super) fn of(danger: &Danger) -> Self {
        Self { level: danger.level(), text: danger.to_string() }
    }

    pub(super) fn level(&self) -> &'static str {
        match self.level {
            Level::Tell => "tell",
            Level::Ask => "ask",
            Level::Type => "type",
        }
    }
}

/// An offer.
pub(super) struct Offered {
    /// The option that takes it; `None` where this verb takes none.
    pub(super) option: Option<&'static str>,
    pub(super) what: String,
    pub(super) taken: bool,
}

impl Offered {
    /// Only quiesce and drain take offers: what they set is taken back with the weights.
    pub(super) fn of(offer: &Offer, taken: bool, drains: bool) -> Self {
        let option = option(offer.key).filter(|_| drains);
        Self { option, what: offer.what.clone(), taken }
    }
}

/// A program that writes the table too.
pub(super) struct Owning {
    pub(super) name: &'static str,
    pub(super) pid: Option<u32>,
    pub(super) text: &'static str,
}

impl Owning {
    pub(super) fn of(owner: &owners::Owner) -> Self {
        Self { name: owner.kind.name(), pid: owner.pid, text: owner.kind.consequences() }
    }
}

/// Why it stopped, and at which change.
pub(super) struct Why {
    pub(super) change: Option<Change>,
    pub(super) why: String,
}

/// What came of it.
pub(super) struct Report {
    pub(super) exit: Exit,
    pub(super) outcome: Outcome,
    pub(super) title: String,
    pub(super) entry: Option<Id>,
    pub(super) drain: Option<Id>,
    pub(super) changes: Vec<(Change, State)>,
    pub(super) dangers: Vec<Told>,
    pub(super) offers: Vec<Offered>,
    pub(super) owners: Vec<Owning>,
    pub(super) failed: Option<Why>,
    /// Why there was nothing to do.
    pub(super) nothing: Option<String>,
    pub(super) verdict: Option<Standing>,
    pub(super) notes: Vec<String>,
    /// Whether the journal outlives the process, so that the entry can be taken back.
    pub(super) kept: bool,
}

impl Report {
    fn new(exit: Exit, outcome: Outcome, title: &str) -> Self {
        Self {
            exit,
            outcome,
            title: title.to_owned(),
            entry: None,
            drain: None,
            changes: Vec::new(),
            dangers: Vec::new(),
            offers: Vec::new(),
            owners: Vec::new(),
            failed: None,
            nothing: None,
            verdict: None,
            notes: Vec::new(),
            kept: false,
        }
    }

    /// It did not come to a plan.
    pub(super) fn stopped(exit: Exit, title: &str, why: &str) -> Self {
        Self::new(exit, Outcome::of(exit), title).because(None, why)
    }

    /// It is so already.
    pub(super) fn nothing(title: &str, why: &str) -> Self {
        let nothing = Some(why.to_owned());
        Self { nothing, ..Self::new(Exit::Done, Outcome::NothingToDo, title) }
    }

    /// There is a plan, and nothing of it is done.
    pub(super) fn planned(made: &Made) -> Self {
        let plan = &made.order.act.plan;
        let title = made.title.as_deref().unwrap_or(&plan.title);
        Self {
            changes: plan.changes.iter().map(|c| (c.clone(), State::NotMade)).collect(),
            notes: made.notes.clone(),
            ..Self::new(Exit::Done, Outcome::Done, title)
        }
    }

    pub(super) fn ended(self, exit: Exit, outcome: Outcome) -> Self {
        Self { exit, outcome, ..self }
    }

    /// It ended so, whatever was done before.
    pub(super) fn with(self, exit: Exit) -> Self {
        self.ended(exit, Outcome::of(exit))
    }

    pub(super) fn because(self, change: Option<Change>, why: &str) -> Self {
        Self { failed: Some(Why { change, why: why.to_owned() }), ..self }
    }

    /// With why a change failed.
    pub(super) fn failing(self, change: &Change, failure: &Failure) -> Self {
        let exit = match failure {
            Failure::Conflict(_) => Exit::Conflict,
            _ => Exit::Failed,
        };
        self.with(exit).because(Some(change.clone()), &failure.to_string())
    }
}

/// What became of each change of a plan. `begun`: whether the first was tried.
pub(super) fn states(
    changes: &[Change],
    outcome: &plan::Outcome,
    begun: bool,
) -> Vec<(Change, State)> {
    let mut done = outcome.done.changes.iter().peekable();
    let mut stopped = !begun && outcome.failed.is_some();
    let mut state = |change: &Change| {
        if stopped {
            return State::NotMade;
        }
        let failed = outcome.failed.as_ref().filter(|(failed, _)| failed == change);
        if let Some((_, failure)) = failed {
            stopped = true;
            return match failure {
                Failure::NotVerified(_)
                | Failure::Kernel(
                    KernelError::NoAnswer { .. }
                    | KernelError::System { .. }
                    | KernelError::Malformed { .. },
                ) => State::Unknown,
                _ => State::NotMade,
            };
        }
        let made = done.next_if(|made| {
            (made.service(), made.server()) == (change.service(), change.server())
                && made.subject() == change.subject()
        });
        if made.is_some() { State::Made } else { State::Already }
    };
    changes.iter().map(|change| (change.clone(), state(change))).collect()
}

/// What happens when a drain's time is up, in words.
pub(super) fn then_words(then: Then) -> &'static str {
    match then {
        Then::Keep => "weight 0 stays",
        Then::Restore => "the weights come back",
        Then::Delete => "the servers are deleted",
    }
}
