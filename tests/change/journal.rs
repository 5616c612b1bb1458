//! What `ipvs-tui journal --format json` says.

use std::path::Path;

use ipvs_tui::ipvs::Change;
use serde_json::Value;

use crate::common::ipvs_tui;

/// The entries, oldest first.
#[track_caller]
pub(crate) fn entries(journal: &Path) -> Vec<Value> {
    let file = journal.to_str().unwrap();
    let ran = ipvs_tui(&["journal", "--format", "json", "-n", "100000", "--journal", file]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    let mut document: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(document["schema"], ipvs_tui::journal::SCHEMA);
    assert_eq!(document["damaged_lines"], 0, "{}", document["damaged"]);
    serde_json::from_value(document["entries"].take()).unwrap()
}

/// The changes of an entry that it says are made, as they were written.
pub(crate) fn made(entry: &Value) -> Vec<Change> {
    let changes = entry["changes"].as_array().unwrap().iter();
    changes.filter(|c| c["state"] == "made").map(|c| change(&c["written"])).collect()
}

pub(crate) fn change(value: &Value) -> Change {
    serde_json::from_value(value.clone()).unwrap()
}
