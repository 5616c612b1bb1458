//! Applying a plan: re-read, compare, write down, write, read back, write down what came of it.
//!
//! The kernel offers no compare-and-set, so every value a plan expects is read right before it is
//! written. All changes are compared before the first is written, so that a plan that cannot be
//! made whole writes nothing, neither to the kernel nor to the journal.

use super::{Director, Hand};
use crate::ipvs::{Change, Daemon, Server, Service};
use crate::journal::{Book, DrainEnd, Ending, Id, JournalError, Order, StepOutcome, Written};
use crate::kernel::{KernelError, Reader, Want, Writer};
use crate::plan::{Failure, Found, Outcome, Plan, Step, merge};
use crate::snapshot::Part;

/// Applies `order`; stops at the first change that fails.
pub fn apply(order: &Order, director: &mut Director) -> (Outcome, Written) {
    let plan = &order.act.plan;
    let mut outcome = Outcome {
        done: Plan { title: plan.title.clone(), changes: Vec::new() },
        already: 0,
        failed: None,
    };
    let mut written = Written::default();
    let first = plan.changes.first();
    let reader = director.reader.as_mut();
    let Some(Hand { writer, book }) = &mut director.hand else {
        outcome.failed = first.map(|change| (change.clone(), Failure::ReadOnly));
        return (outcome, written);
    };
    if plan.changes.is_empty() && order.begins.is_none() {
        // Only drains that end: someone else has ended them.
        written.owed = end_drains(order, book).err();
        return (outcome, written);
    }
    match unmade(plan, reader) {
        Err(failed) => outcome.failed = Some(*failed),
        // Nothing to do is nothing to write down.
        Ok(0) if order.begins.is_none() && order.ends.is_empty() => {
            outcome.already = plan.changes.len();
        }
        Ok(_) => match begin(order, book) {
            Ok((entry, drain)) => {
                written = Written { entry: Some(entry), drain, owed: None };
                let owed = make_all(plan, entry, reader, writer.as_mut(), book, &mut outcome);
                let ended = close(order, (entry, drain), &outcome, book);
                written.owed = owed.and(ended).err();
            }
            // A drain needs no change of its own when the weights are 0 already.
            Err(error) => {
                let failure = Failure::Journal(error.to_string());
                outcome.failed = first.map(|change| (change.clone(), failure));
                written.owed = first.is_none().then_some(error);
            }
        },
    }
    (outcome, written)
}

/// How many changes of `plan` the kernel does not hold yet, as far as that can be told before
/// the first is made.
fn unmade(plan: &Plan, reader: &mut dyn Reader) -> Result<usize, Box<(Change, Failure)>> {
    let mut unmade = 0;
    for (i, change) in plan.changes.iter().enumerate() {
        let earlier = plan.changes.get(..i).unwrap_or_default();
        if leans_on(change, earlier) {
            unmade += 1; // it can only be compared when the earlier one is made
            continue;
        }
        match compare(change, reader) {
            Ok(Step::Write(_)) => unmade += 1,
            Ok(Step::Already) => {}
            Err(failure) => return Err(Box::new((change.clone(), failure))),
        }
    }
    Ok(unmade)
}

/// Writes down what is about to be done.
fn begin(order: &Order, book: &mut Book) -> Result<(Id, Option<Id>), JournalError> {
    let journal = book.journal();
    let mut act = order.act.clone();
    let drain = order.begins.clone().map(|terms| journal.drain_started(terms)).transpose()?;
    act.drain = act.drain.or(drain);
    match journal.begin(act) {
        Ok(entry) => Ok((entry, drain)),
        Err(error) => {
            if let Some(drain) = drain {
                // Kept until it can be written, so that nobody follows a drain that never was.
                let note = "its plan could not be written down";
                let _ = journal.drain_ended(Ending::new(drain, DrainEnd::Cancelled), note);
            }
            Err(error)
        }
    }
}

/// Makes one change after the other. The error is the journal's.
fn make_all(
    plan: &Plan,
    entry: Id,
    reader: &mut dyn Reader,
    writer: &mut dyn Writer,
    book: &mut Book,
    outcome: &mut Outcome,
) -> Result<(), JournalError> {
    for (index, change) in plan.changes.iter().enumerate() {
        let made = make(change, reader, writer);
        let told = told(&made);
        match made {
            Ok(Some(made)) => outcome.done.changes.push(made),
            Ok(None) => outcome.already += 1,
            Err(stopped) => {
                outcome.done.changes.extend(stopped.made);
                outcome.failed = Some((change.clone(), stopped.failure));
            }
        }
        // Nothing more is tried when what was done cannot be written down.
        book.journal().step(entry, index, told).inspect_err(|error| {
            let next = plan.changes.get(index + 1);
            if let (None, Some(next)) = (&outcome.failed, next) {
                outcome.failed = Some((next.clone(), Failure::Journal(error.to_string())));
            }
        })?;
        if outcome.failed.is_some() {
            break;
        }
    }
    Ok(())
}

/// What is written down about a change.
fn told(made: &Result<Option<Change>, Box<Stopped>>) -> StepOutcome {
    match made {
        Ok(Some(change)) => StepOutcome::Made { change: change.clone() },
        Ok(None) => StepOutcome::Already,
        Err(stopped) => {
            let why = stopped.failure.to_string();
            match (&stopped.made, &stopped.sent) {
                (Some(change), _) | (None, Some(change)) => {
                    StepOutcome::Unknown { change: change.clone(), why }
                }
                (None, None) => StepOutcome::Refused { why },
            }
        }
    }
}

/// Writes down that it is through, and which drains end with it.
fn close(
    order: &Order,
    (entry, drain): (Id, Option<Id>),
    outcome: &Outcome,
    book: &mut Book,
) -> Result<(), JournalError> {
    let journal = book.journal();
    let mut closed = journal.end(entry, "");
    if let (Some(drain), Some(_), []) = (drain, &outcome.failed, outcome.done.changes.as_slice()) {
        // No weight was set, so there is nothing to follow.
        let ending = Ending::new(drain, DrainEnd::Cancelled);
        closed = closed.and(journal.drain_ended(ending, "nothing was changed"));
    }
    if outcome.failed.is_none() {
        closed = closed.and(end_drains(order, book));
    }
    closed
}

fn end_drains(order: &Order, book: &mut Book) -> Result<(), JournalError> {
    let mut ended = Ok(());
    for ending in &order.ends {
        ended = ended.and(book.journal().drain_ended(ending.clone(), ""));
    }
    ended
}

/// Whether an earlier change of the plan touches the same service or server, or the service that
/// this one's server belongs to.
fn leans_on(change: &Change, earlier: &[Change]) -> bool {
    earlier.iter().any(|e| {
        let same_service = change.service().is_some() && e.service() == change.service();
        same_service
            && (e.server().is_none() || change.server().is_none() || e.server() == change.server())
    })
}

fn compare(change: &Change, reader: &mut dyn Reader) -> Result<Step, Failure> {
    Ok(merge(change, &look(change, reader)?)?)
}

/// Why a change was not made whole.
struct Stopped {
    /// What the kernel took without showing it: its inverse has to be offered.
    made: Option<Change>,
    /// What was sent without the kernel's saying what became of it.
    sent: Option<Change>,
    failure: Failure,
}

impl Stopped {
    fn before(failure: Failure) -> Box<Self> {
        Box::new(Self { made: None, sent: None, failure })
    }
}

/// Makes one change. `None` if the kernel holds it already.
fn make(
    change: &Change,
    reader: &mut dyn Reader,
    writer: &mut dyn Writer,
) -> Result<Option<Change>, Box<Stopped>> {
    if let Err(error) = writer.prepare() {
        return Err(Stopped::before(error.into()));
    }
    let change = match compare(change, reader) {
        Ok(Step::Write(change)) => change,
        Ok(Step::Already) => return Ok(None),
        Err(failure) => return Err(Stopped::before(failure)),
    };
    match writer.apply(&change) {
        // Without an answer, only reading back tells what became of it.
        Ok(()) | Err(KernelError::NoAnswer { .. }) => {}
        Err(error) => {
            // Where the kernel did not answer in its own words, it may have taken it.
            let unclear =
                matches!(error, KernelError::System { .. } | KernelError::Malformed { .. });
            let sent = unclear.then_some(change);
            return Err(Box::new(Stopped { made: None, sent, failure: error.into() }));
        }
    }
    let verified = look(&change, reader).map_err(Failure::Kernel).and_then(|found| {
        // Made again, it must come out as already there.
        match merge(&change, &found) {
            Ok(Step::Already) => Ok(()),
            Ok(Step::Write(_)) if found == Found::Anything => Ok(()),
            Ok(Step::Write(again)) => Err(Failure::NotVerified(not_taken(&again))),
            Err(conflict) => Err(Failure::NotVerified(conflict)),
        }
    });
    match verified {
        Ok(()) => Ok(Some(change)),
        Err(failure) => Err(Box::new(Stopped { made: Some(change), sent: None, failure })),
    }
}

/// The kernel still shows what was there before.
fn not_taken(change: &Change) -> crate::plan::Conflict {
    crate::plan::Conflict {
        subject: change.subject(),
        field: "the entry",
        expected: "as it was".to_owned(),
        planned: change.to_string(),
        found: "unchanged".to_owned(),
    }
}

/// Reads what `change` is about from the kernel now.
pub(super) fn look(change: &Change, reader: &mut dyn Reader) -> Result<Found, KernelError> {
    Ok(match change {
        Change::Service { .. } => Found::Service(service(change, reader)?),
        Change::Server { .. } => Found::Server(server(change, reader)?),
        Change::Zero(_) | Change::Flush => Found::Anything,
        Change::Timeouts { .. } => Found::Timeouts(around(reader, |s| s.timeouts)?),
        Change::Daemon { before, after } => {
            let role = before.as_ref().or(after.as_ref()).map(|d| d.role);
            let all: Vec<Daemon> = around(reader, |s| s.daemons)?;
            Found::Daemon(all.into_iter().find(|d| Some(d.role) == role))
        }
        Change::Sysctl { name, .. } => {
            let all = around(reader, |s| s.sysctls)?;
            let value = all.get(name).cloned().ok_or_else(|| KernelError::Refused {
                subject: change.subject(),
                why: "this kernel has no such sysctl".to_owned(),
            })?;
            Found::Sysctl(value)
        }
    })
}

fn service(change: &Change, reader: &mut dyn Reader) -> Result<Option<Service>, KernelError> {
    let Some(key) = change.service() else { return Ok(None) };
    Ok(reader.service(&key)?.map(|entry| entry.service))
}

fn server(change: &Change, reader: &mut dyn Reader) -> Result<Option<Server>, KernelError> {
    let (Some(service), Some(server)) = (change.service(), change.server()) else {
        return Ok(None);
    };
    let entry = reader.service(&service)?;
    Ok(entry.and_then(|e| e.server(&server).map(|s| s.server.clone())))
}

/// A part of the surroundings, read now.
fn around<T>(
    reader: &mut dyn Reader,
    part: impl Fn(crate::snapshot::Snapshot) -> Part<T>,
) -> Result<T, KernelError> {
    let want = Want { detail: Some(Default::default()), surroundings: true };
    match part(reader.snapshot(&want)?) {
        Part::Fresh(value) | Part::Stale { value, .. } => Ok(value),
        Part::Unreadable(why) => Err(KernelError::malformed("the director's state", why)),
    }
}
