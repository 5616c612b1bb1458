//! An entry of the journal, taken back or, where it took one back, made again.

use super::{Made, Stop};
use crate::journal::{Act, DrainEnd, Ending, Entry, Id, Kind, Order, Terms, Undone};
use crate::script::Ground;

pub(super) fn undo(id: Option<Id>, ground: &Ground) -> Result<Made, Stop> {
    let entry = find(id, ground)?;
    let id = entry.id();
    if let Undone::By(by) = entry.undone {
        return Err(Stop::Nothing(format!("{id} was taken back already, by {by}")));
    }
    // With what is in doubt: made or not, the table is afterwards as before.
    let Some(inverse) = entry.inverse_with_doubts() else {
        return Err(Stop::failed(format!("{id} made nothing that can be taken back")));
    };
    let (kind, verb) = match entry.intent.kind {
        Kind::Undo => (Kind::Redo, "redo"),
        _ => (Kind::Undo, "undo"),
    };
    let begins = drained(entry, ground);
    let drain = entry.intent.drain;
    let open = |id: &Id| {
        ground.news.history.open_drains(&ground.news.scene).any(|drain| drain.id() == *id)
    };
    let set_weights = matches!(entry.intent.kind, Kind::Drain | Kind::Redo);
    let ends = drain.filter(|drain| set_weights && open(drain));
    let act = Act {
        kind,
        undoes: Some(id),
        drain: drain.filter(|_| begins.is_none()),
        ..Act::new(inverse)
    };
    let ends = ends.map(|drain| Ending::new(drain, DrainEnd::Cancelled)).into_iter().collect();
    let title = format!("{verb} {id}: {}", entry.intent.plan.title);
    let order = Order { act, begins, ends };
    Ok(Made { title: Some(title), ..Made::new(order, &id.to_string()) })
}

fn find(id: Option<Id>, ground: &Ground) -> Result<&Entry, Stop> {
    let (history, scene) = (&ground.news.history, &ground.news.scene);
    let Some(id) = id else {
        return history.undoable(scene).next().ok_or_else(|| {
            Stop::failed("the journal has no change of this table that can be taken back")
        });
    };
    let missing = |id: Id| {
        Stop::failed(format!(
            "the journal has no entry {id}, or none that is recent enough to be taken back; \
             'ipvs-tui journal' lists them"
        ))
    };
    let entry = history.entry(id).ok_or_else(|| missing(id))?;
    if !entry.intent.scene.same_table(scene) {
        return Err(Stop::failed(format!(
            "{id} is about another table: another host, network namespace or boot"
        )));
    }
    match entry.intent.part_of {
        // A step of a ramp is taken back with all of it.
        Some(first) => history.entry(first).ok_or_else(|| missing(first)),
        None => Ok(entry),
    }
}

/// The drain that begins again when the undo of its beginning is taken back.
fn drained(entry: &Entry, ground: &Ground) -> Option<Terms> {
    let history = &ground.news.history;
    let undone = history.entry(entry.intent.undoes.filter(|_| entry.intent.kind == Kind::Undo)?)?;
    let id =
        undone.intent.drain.filter(|_| matches!(undone.intent.kind, Kind::Drain | Kind::Redo))?;
    let started = &history.drains.iter().find(|drain| drain.id() == id)?.started;
    Some(Terms {
        target: started.target.clone(),
        reason: started.reason.clone(),
        servers: started.servers.clone(),
        timeout_seconds: started.timeout_seconds,
        then: started.then,
    })
}
