//! Applying a plan: re-read, compare, write, read back.
//!
//! The kernel offers no compare-and-set, so every value a plan expects is read right before it is
//! written. All changes are compared before the first is written, so that a plan that cannot be
//! made whole writes nothing.

use crate::ipvs::{Change, Daemon, Server, Service};
use crate::kernel::{KernelError, Reader, Want, Writer};
use crate::plan::{Failure, Found, Outcome, Plan, Step, merge};
use crate::snapshot::Part;

/// Applies `plan`; stops at the first change that fails.
pub fn apply(
    plan: &Plan,
    reader: &mut dyn Reader,
    writer: Option<&mut Box<dyn Writer>>,
) -> Outcome {
    let mut outcome = Outcome {
        done: Plan { title: plan.title.clone(), changes: Vec::new() },
        already: 0,
        failed: None,
    };
    let Some(writer) = writer else {
        outcome.failed = plan.changes.first().map(|c| (c.clone(), Failure::ReadOnly));
        return outcome;
    };
    for (i, change) in plan.changes.iter().enumerate() {
        let earlier = plan.changes.get(..i).unwrap_or_default();
        if leans_on(change, earlier) {
            continue; // it can only be compared when the earlier one is made
        }
        if let Err(failure) = compare(change, reader) {
            outcome.failed = Some((change.clone(), failure));
            return outcome;
        }
    }
    for change in &plan.changes {
        match make(change, reader, writer.as_mut()) {
            Ok(Some(made)) => outcome.done.changes.push(made),
            Ok(None) => outcome.already += 1,
            Err(stopped) => {
                outcome.done.changes.extend(stopped.made);
                outcome.failed = Some((change.clone(), stopped.failure));
                break;
            }
        }
    }
    outcome
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

/// Why a change was not made whole, and what was sent of it.
struct Stopped {
    made: Option<Change>,
    failure: Failure,
}

impl Stopped {
    fn at(made: Option<Change>, failure: Failure) -> Box<Self> {
        Box::new(Self { made, failure })
    }
}

/// Makes one change. `None` if the kernel holds it already. An error after the write carries the
/// change along: it was sent, so its inverse has to be offered.
fn make(
    change: &Change,
    reader: &mut dyn Reader,
    writer: &mut dyn Writer,
) -> Result<Option<Change>, Box<Stopped>> {
    let change = match compare(change, reader) {
        Ok(Step::Write(change)) => change,
        Ok(Step::Already) => return Ok(None),
        Err(failure) => return Err(Stopped::at(None, failure)),
    };
    match writer.apply(&change) {
        // Without an answer, only reading back tells what became of it.
        Ok(()) | Err(KernelError::NoAnswer { .. }) => {}
        Err(error) => return Err(Stopped::at(None, error.into())),
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
        Err(failure) => Err(Stopped::at(Some(change), failure)),
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
fn look(change: &Change, reader: &mut dyn Reader) -> Result<Found, KernelError> {
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
