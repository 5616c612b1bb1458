//! What a process that died left in doubt: looked up in the kernel, and written down.

use jiff::{SignedDuration, Timestamp};

use super::apply::look;
use super::{Director, Hand};
use crate::ipvs::Change;
use crate::journal::{DrainEnd, Ending, Entry, JournalError, News, StepOutcome};
use crate::kernel::Reader;
use crate::plan::{Found, Step, merge};

/// A drain without a plan may be about to get one for this long.
const SETTLED: SignedDuration = SignedDuration::from_secs(60);

/// Settles what the journal leaves in doubt about this table, as far as the kernel tells, and
/// says for each such change what is known now.
///
/// # Errors
/// [`JournalError`] when the journal cannot be read or written. Reading the kernel may fail: then
/// the doubt stays and is told.
pub fn settle(director: &mut Director) -> Result<News, JournalError> {
    let Some(Hand { book, .. }) = &mut director.hand else {
        return Ok(News::default());
    };
    let Some(history) = book.history_at_rest()? else {
        return book.news(Vec::new());
    };
    let scene = book.scene().clone();
    let mut told = Vec::new();
    let mut never_begun = Vec::new();
    // One that told its end knew what it left unknown.
    let orphans: Vec<&Entry> = history.doubtful(&scene).filter(|e| e.end.is_none()).collect();
    for entry in orphans.into_iter().rev() {
        let mut outcomes = Vec::new();
        for (index, change) in entry.doubts() {
            let (outcome, words) = find_out(change, director.reader.as_mut());
            told.push(format!("{change}: interrupted at {}; {words}", entry.intent.time));
            outcomes.push((index, outcome));
        }
        let touched = entry.made().next().is_some()
            || outcomes.iter().any(|(_, o)| !matches!(o, StepOutcome::Refused { .. }));
        never_begun.extend(entry.intent.drain.filter(|_| !touched));
        book.journal().settle(
            entry.id(),
            outcomes,
            "its process ended; settled at a later start",
        )?;
    }
    // A drain whose process died before it set the first weight.
    for drain in history.open_drains(&scene) {
        let old = drain.started.time.checked_add(SETTLED).is_ok_and(|then| then < Timestamp::now());
        if (drain.plans.is_empty() && old) || never_begun.contains(&drain.id()) {
            book.journal()
                .drain_ended(Ending::new(drain.id(), DrainEnd::Cancelled), "never begun")?;
        }
    }
    book.news(told)
}

/// What became of `change`, by what the kernel holds now.
fn find_out(change: &Change, reader: &mut dyn Reader) -> (StepOutcome, String) {
    let unknown = |why: String| {
        let words = format!("it is not known whether it was made: {why}");
        (StepOutcome::Unknown { change: change.clone(), why }, words)
    };
    let found = match look(change, reader) {
        Ok(Found::Anything) => return unknown("the kernel does not show it".to_owned()),
        Ok(found) => found,
        Err(error) => return unknown(error.to_string()),
    };
    match merge(change, &found) {
        Ok(Step::Already) => {
            let made = StepOutcome::Made { change: change.clone() };
            (made, "it was made".to_owned())
        }
        Ok(Step::Write(_)) => {
            let why = "its process ended before the kernel took it".to_owned();
            (StepOutcome::Refused { why }, "it was not made".to_owned())
        }
        Err(conflict) => unknown(format!("{} is {} now", conflict.field, conflict.found)),
    }
}
