//! The journal in a recording: its records, as its own file has them, whenever they are new.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Flaw;
use crate::journal::{
    Doubt, Drain, Entry, Id, News, Record, Scene, State, Step, StepOutcome, read_from,
};

/// So many of the last entries are repeated where a file begins; drains that are open always are.
const REPEATED: usize = 100;

/// What stands before the records.
#[derive(Serialize, Deserialize)]
struct Head {
    scene: Scene,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kept: Option<String>,
}

/// What was written of a journal.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// The checksum of an entry's records, which grow.
    records: HashMap<Id, u32>,
}

impl Told {
    /// What is new in `news`; `None` if nothing is.
    pub(super) fn new_in(&mut self, news: &News) -> Option<Vec<u8>> {
        let first = self.records.is_empty();
        let mut lines = Vec::new();
        let skip = if first { news.history.entries.len().saturating_sub(REPEATED) } else { 0 };
        let drains = news.history.drains.iter();
        let wanted = |drain: &&Drain| drain.open() || !first;
        for drain in drains.filter(wanted) {
            self.tell(drain.id(), drain_lines(drain), &mut lines);
        }
        let of_open = |entry: &Entry| {
            let open = |id: Id| news.history.drains.iter().any(|d| d.id() == id && d.open());
            entry.intent.drain.is_some_and(open)
        };
        for (n, entry) in news.history.entries.iter().enumerate() {
            if n >= skip || of_open(entry) {
                self.tell(entry.id(), entry_lines(entry), &mut lines);
            } else {
                self.records.insert(entry.id(), crc32fast::hash(&entry_lines(entry)));
            }
        }
        if lines.is_empty() && !first {
            return None;
        }
        let head = Head { scene: news.scene.clone(), kept: news.kept.clone() };
        let mut page = serde_json::to_vec(&head).ok()?;
        page.push(b'\n');
        page.extend(lines);
        Some(page)
    }

    fn tell(&mut self, id: Id, told: Vec<u8>, lines: &mut Vec<u8>) {
        let sum = crc32fast::hash(&told);
        if self.records.insert(id, sum) != Some(sum) {
            lines.extend(told);
        }
    }
}

fn encode(records: &[Record]) -> Vec<u8> {
    records.iter().filter_map(|record| record.encode().ok()).flatten().collect()
}

fn drain_lines(drain: &Drain) -> Vec<u8> {
    let mut records = vec![Record::DrainStarted(Box::new(drain.started.clone()))];
    records.extend(drain.ended.clone().map(Record::DrainEnded));
    encode(&records)
}

fn entry_lines(entry: &Entry) -> Vec<u8> {
    let mut records = vec![Record::Intent(Box::new(entry.intent.clone()))];
    for (index, state) in entry.states.iter().enumerate() {
        let outcome = match state {
            State::Made(change) => StepOutcome::Made { change: change.clone() },
            State::Already => StepOutcome::Already,
            State::Refused(why) => StepOutcome::Refused { why: why.clone() },
            State::Unknown { change, doubt: Doubt::Unconfirmed(why) } => {
                StepOutcome::Unknown { change: change.clone(), why: why.clone() }
            }
            State::Unknown { .. } | State::NotTried => continue,
        };
        records.push(Record::Step(Box::new(Step { id: entry.id(), index, outcome })));
    }
    records.extend(entry.end.clone().map(Record::End));
    encode(&records)
}

/// A journal as a recording has told it so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    scene: Scene,
    kept: Option<String>,
    /// The records of each entry and drain, in the order in which they were begun.
    ids: Vec<Id>,
    records: HashMap<Id, Vec<u8>>,
}

impl Pages {
    /// Takes a page in.
    pub(super) fn take(&mut self, page: &[u8]) -> Result<(), Flaw> {
        let mut lines = page.split_inclusive(|byte| *byte == b'\n');
        let head = lines.next().unwrap_or_default();
        let wrong = |e: serde_json::Error| Flaw::json("a page", &e);
        let head: Head = serde_json::from_slice(head).map_err(wrong)?;
        (self.scene, self.kept) = (head.scene, head.kept);
        let mut begun = None;
        for line in lines {
            // A later program's record is passed over, as a journal's reader does.
            let Ok(record) = Record::decode(line) else { continue };
            let id = match &record {
                Record::Intent(intent) => intent.id,
                Record::DrainStarted(started) => started.id,
                Record::Step(step) => step.id,
                Record::End(end) => end.id,
                Record::DrainEnded(ended) => ended.id,
                Record::Outside(_) => continue,
            };
            // Whoever is told anew is told whole.
            if begun != Some(id) {
                begun = Some(id);
                if self.records.insert(id, Vec::new()).is_none() {
                    self.ids.push(id);
                }
            }
            if let Some(records) = self.records.get_mut(&id) {
                records.extend_from_slice(line);
            }
        }
        Ok(())
    }

    /// What the journal says.
    pub(super) fn news(&self) -> News {
        let lines: Vec<u8> =
            self.ids.iter().filter_map(|id| self.records.get(id)).flatten().copied().collect();
        let history = read_from(&mut lines.as_slice(), None).unwrap_or_default();
        News { history, scene: self.scene.clone(), told: Vec::new(), kept: self.kept.clone() }
    }
}
