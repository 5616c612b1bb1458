//! Holds the code to the layers that the map in `src/lib.rs` draws: a module uses only what lies
//! below it. Read from the sources, so that no wall moves unnoticed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first; the map in `src/lib.rs` says the same in words. Within a layer
/// only what [`WITHIN`] names may be used.
const LAYERS: &[&[&str]] = &[
    &["ipvs", "snapshot"],
    &[
        "history",
        "connections",
        "doctor",
        "drain",
        "journal",
        "kernel",
        "outside",
        "plan",
        "record",
    ],
    &["command", "model"],
    &["keys"],
    &["glyphs", "theme", "view", "report"],
    &["config", "cli", "terminal", "worker"],
    &["app", "script", "open"],
];

/// Uses within a layer that the map allows.
const WITHIN: &[(&str, &str)] = &[
    ("snapshot", "ipvs"),
    ("connections", "kernel"), // the rows of the connection table
    ("drain", "connections"),
    ("doctor", "kernel"),
    ("drain", "journal"),
    ("drain", "kernel"), // the rows of the connection table
    ("drain", "plan"),
    ("journal", "plan"),
    ("outside", "journal"), // what other programs wrote down
    ("plan", "kernel"),     // only for KernelError, which a failed plan carries
    ("record", "history"),  // the past that a jump brings along
    ("record", "journal"),
    ("record", "kernel"), // owners of the table
    ("record", "outside"),
    ("model", "command"),
    ("cli", "config"),
    ("view", "glyphs"),
    ("view", "report"), // the ipvsadm commands of a plan
    ("view", "theme"),
];

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, all: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, all);
            } else if path.extension().is_some_and(|e| e == "rs") {
                all.push(path);
            }
        }
    }
    let mut all = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
    all.sort();
    all
}

/// The room a file belongs to: `src/view/table.rs` to `view`.
fn room(path: &Path) -> String {
    let inside = path.strip_prefix(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// A file of tests: `tests.rs`, or one of a folder `tests`.
fn is_test(path: &Path) -> bool {
    let inside = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap();
    inside.ends_with("tests.rs") || inside.components().any(|part| part.as_os_str() == "tests")
}

/// The rooms that a file's code names with `crate::`. Tests may look anywhere, and doc comments
/// may point anywhere.
fn uses(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap();
    let mut found = Vec::new();
    for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
        for after in line.split("crate::").skip(1) {
            let name: String =
                after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if after.starts_with('{') {
                panic!("{}: write one `use crate::room::...` a room", path.display());
            }
            found.push(name);
        }
    }
    found
}

fn layer(room: &str) -> Option<usize> {
    LAYERS.iter().position(|rooms| rooms.contains(&room))
}

#[test]
fn a_room_uses_only_what_lies_below_it() {
    let mut wrong = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for path in sources() {
        let here = room(&path);
        if here == "lib" || here == "main" || is_test(&path) {
            continue;
        }
        let Some(mine) = layer(&here) else {
            wrong.push(format!("{}: '{here}' is in no layer", path.display()));
            continue;
        };
        *seen.entry(here.clone()).or_default() += 1;
        for used in uses(&path) {
            let allowed = used == here
                || WITHIN.contains(&(here.as_str(), used.as_str()))
                || layer(&used).is_some_and(|theirs| theirs < mine);
            if !allowed {
                wrong.push(format!("{}: '{here}' uses '{used}'", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let rooms: usize = LAYERS.iter().map(|l| l.len()).sum();
    assert_eq!(seen.len(), rooms, "a layer names a room that is not there: {seen:?}");
}

#[test]
fn the_map_names_every_room() {
    let map = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let drawn: Vec<&str> = map.lines().filter(|l| l.starts_with("//! |")).collect();
    for (number, rooms) in LAYERS.iter().enumerate() {
        let line = drawn.iter().find(|l| l.starts_with(&format!("//! | {number} |")));
        let line = line.unwrap_or_else(|| panic!("the map has no layer {number}"));
        for room in *rooms {
            assert!(line.contains(&format!("[`{room}`]")), "layer {number} lacks {room}: {line}");
        }
    }
}

#[test]
fn no_file_has_grown_out_of_its_room() {
    for path in sources() {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 600, "{} has {lines} lines: split it", path.display());
    }
}
