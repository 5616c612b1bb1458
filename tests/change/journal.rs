//! What `ipvs-tui journal --format json` says.

use std::path::Path;

use ipvs_tui::ipvs::Change;
use serde_json::Value;

use crate::common::ipvs_tui;

/// The entries, oldest first. No line of the journal is damaged.
#[track_caller]
pub(crate) fn entries(journal: &Path) -> Vec<Value> {
    let (entries, damaged) = entries_and_damage(journal);
    assert!(damaged.is_empty(), "{damaged:?}");
    entries
}

/// The entries, oldest first, and the damaged lines.
#[track_caller]
pub(crate) fn entries_and_damage(journal: &Path) -> (Vec<Value>, Vec<Value>) {
    let file = journal.to_str().unwrap();
    let ran = ipvs_tui(&["journal", "--format", "json", "-n", "100000", "--journal", file]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let mut document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["schema"], ipvs_tui::journal::SCHEMA);
    let mut list = |name: &str| serde_json::from_value(document[name].take()).unwrap();
    (list("entries"), list("damaged"))
}

/// The changes of an entry that it says are made, as they were written.
pub(crate) fn made(entry: &Value) -> Vec<Change> {
    let changes = entry["changes"].as_array().unwrap().iter();
    changes.filter(|c| c["state"] == "made").map(|c| change(&c["written"])).collect()
}

pub(crate) fn change(value: &Value) -> Change {
    serde_json::from_value(value.clone()).unwrap()
}
