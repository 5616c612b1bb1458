//! The journal: what it says after crashes, on full disks, with two writers, and of undo.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "journal/any.rs"]
mod any;
#[path = "journal/tools.rs"]
mod tools;

use std::fs;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ipvs_tui::ipvs::Change;
use ipvs_tui::journal::*;
use ipvs_tui::plan::Plan;
use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::{
    Just, ProptestConfig, any as arbitrary, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

use any::record;
use tools::*;

// --- what is written is what is read ----------------------------------------------------------

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_record_comes_back_from_its_line(record in record()) {
        let line = record.encode().unwrap();
        prop_assert_eq!(line.iter().position(|b| *b == b'\n'), Some(line.len() - 1), "one line");
        prop_assert_eq!(Record::decode(&line), Ok(record));
    }

    #[test]
    fn no_prefix_of_a_line_is_taken_for_a_record(record in record()) {
        let line = record.encode().unwrap();
        for cut in 0..line.len() - 1 {
            let flaw = Record::decode(&line[..cut]).unwrap_err();
            let expected = if cut == 0 { matches!(flaw, Flaw::Foreign(_)) } else { flaw == Flaw::Torn(cut) };
            prop_assert!(expected, "cut at {}: {:?}", cut, flaw);
        }
    }

    #[test]
    fn any_bytes_are_read_and_every_line_is_counted(bytes in vec(arbitrary::<u8>(), 0..2000)) {
        let history = read_from(&mut bytes.as_slice(), None).unwrap();
        let mut lines: Vec<&[u8]> = bytes.split(|b| *b == b'\n').collect();
        if lines.last().is_some_and(|l| l.is_empty()) {
            lines.pop();
        }
        prop_assert_eq!(history.lines, lines.len() as u64);
        let damaged = lines.iter().filter(|l| !l.trim_ascii().is_empty()).count();
        prop_assert_eq!(history.damaged_lines, damaged as u64, "none of it is a record");
    }
}

#[test]
fn an_entry_is_read_as_it_was_written() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let act = Act { reason: "kernel update".to_owned(), ..Act::new(plan(3)) };
    let id = journal.begin(act).unwrap();
    let mut written = weight(0);
    if let Change::Server { before: Some(before), .. } = &mut written {
        before.upper_threshold = 77;
    }
    journal.step(id, 0, made(written.clone())).unwrap();
    journal.step(id, 1, StepOutcome::Already).unwrap();
    journal.step(id, 2, refused("no")).unwrap();
    journal.end(id, "").unwrap();

    let history = disk.read();
    assert_eq!((history.lines, history.damaged_lines), (5, 0));
    let entry = history.entry(id).unwrap();
    assert_eq!(entry.intent.reason, "kernel update");
    assert_eq!(entry.intent.scene, scene());
    assert_eq!(entry.intent.pid, 42);
    let states = [State::Made(written.clone()), State::Already, State::Refused("no".to_owned())];
    assert_eq!(entry.states, states);
    assert!(!entry.complete());
    let inverse = entry.inverse().unwrap();
    assert_eq!(inverse.changes, [written.inverse().unwrap()], "as written, not as planned");
}

#[test]
fn a_plan_without_changes_is_an_entry_too() {
    let disk = Disk::default();
    let id = whole(&mut disk.journal(), Act::new(plan(0)), 0);
    let history = disk.read();
    assert_eq!(history.entry(id).unwrap().inverse(), None);
    assert_eq!(history.undoable(&scene()).count(), 0);
}

#[test]
fn records_are_on_the_disk_when_they_are_written() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let drain = journal.drain_started(terms()).unwrap();
    assert_eq!(disk.loose(), 0);
    let id = journal.begin(Act::new(plan(50))).unwrap();
    assert_eq!(disk.loose(), 0);
    for index in 0..40 {
        journal.step(id, index, made(weight(index))).unwrap();
        let loose = if index < 16 { 0 } else { (index + 1) % 16 };
        assert_eq!(disk.loose(), loose, "after change {index} of a long plan");
    }
    journal.step(id, 40, refused("no")).unwrap();
    assert_eq!(disk.loose(), 0);
    journal.end(id, "").unwrap();
    journal.outside((None, None), "x", None, None).unwrap();
    journal.drain_ended(Ending::new(drain, DrainEnd::Kept), "").unwrap();
    assert_eq!(disk.loose(), 0);
}

// --- torn, lost and damaged lines -------------------------------------------------------------

/// Each record in turn is the last, and is cut at each byte.
#[test]
fn a_record_torn_at_any_byte_is_lost_alone_and_the_rest_is_true() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let drain = journal.drain_started(terms()).unwrap();
    journal.outside((Some(service()), None), "scheduler", Some("rr".into()), None).unwrap();
    let act = Act { kind: Kind::Drain, drain: Some(drain), ..Act::new(plan(3)) };
    let id = journal.begin(act).unwrap();
    journal.step(id, 0, made(weight(0))).unwrap();
    journal.step(id, 1, made(weight(1))).unwrap();
    journal.step(id, 2, made(weight(2))).unwrap();
    journal.end(id, "").unwrap();
    journal.drain_ended(Ending::new(drain, DrainEnd::Restored), "").unwrap();

    let all = disk.bytes();
    let ends: Vec<usize> = (0..all.len()).filter(|i| all[*i] == b'\n').map(|i| i + 1).collect();
    assert_eq!(ends.len(), 8);
    // What is known when so many records are whole.
    let states = ["", "", "", "?--", "M?-", "MM?", "MMM", "MMM", "MMM"];
    for cut in 0..=all.len() {
        let whole = ends.iter().filter(|end| **end <= cut).count();
        let start = whole.checked_sub(1).map_or(0, |last| ends[last]);
        // A record that lacks only its newline is whole.
        let lacks_newline = ends.contains(&(cut + 1));
        let known = whole + usize::from(lacks_newline);
        let torn = cut > start && !lacks_newline;
        let history = read_from(&mut &all[..cut], None).unwrap();
        assert_eq!(shorts(&history), states[known], "cut at {cut}");
        assert_eq!(history.drains.len(), usize::from(known >= 1), "cut at {cut}");
        assert_eq!(history.outside.len(), usize::from(known >= 2), "cut at {cut}");
        assert_eq!(history.open_drains(&scene()).count(), usize::from((1..8).contains(&known)));
        assert_eq!(history.drains.iter().any(|d| d.touched), known >= 3, "cut at {cut}");
        assert_eq!(history.entries.first().is_some_and(|e| e.end.is_some()), known >= 7);
        let flaws: Vec<Flaw> = history.damaged.iter().map(|d| d.flaw.clone()).collect();
        let expected = if torn { vec![Flaw::Torn(cut - start)] } else { vec![] };
        assert_eq!(flaws, expected, "cut at {cut}");

        // The next process writes on, and takes nothing along.
        let next = Disk::holding(&all[..cut]);
        let new = whole_entry(&mut next.journal());
        let after = next.read();
        assert_eq!(after.damaged, history.damaged, "cut at {cut}");
        assert_eq!(after.entries.len(), history.entries.len() + 1, "cut at {cut}");
        assert_eq!(after.entry(new).unwrap().states, [State::Made(weight(0))], "cut at {cut}");
        assert_eq!(&shorts(&after)[..states[known].len()], states[known], "cut at {cut}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Of `changes` changes the first `tried` were made and told; then the process died, or was
    /// through. Some of those lines are damaged afterwards. What the journal says is true.
    #[test]
    fn damage_makes_doubts_and_never_untruths(
        changes in 1_usize..6,
        tried in 0_usize..6,
        ended: bool,
        damaged in vec(arbitrary::<bool>(), 6),
        with in prop_oneof![Just("x"), Just("{\"journal\":1,\"record\":\"step\",\"id\":7}"), Just("\0\0")],
    ) {
        let tried = tried.min(changes);
        let disk = Disk::default();
        let mut journal = disk.journal();
        let id = journal.begin(Act::new(plan(changes))).unwrap();
        for index in 0..tried {
            journal.step(id, index, made(weight(index))).unwrap();
        }
        if ended {
            journal.end(id, "").unwrap();
        }
        let text = disk.text();
        let lines: Vec<&str> = text.lines().enumerate().map(|(number, line)| {
            let step = (1..=tried).contains(&number);
            if step && damaged[number - 1] { with } else { line }
        }).collect();
        let hurt = (0..tried).filter(|i| damaged[*i]).count();
        let history = Disk::holding(lines.join("\n").as_bytes()).read();
        prop_assert_eq!(history.damaged_lines, hurt as u64);
        for (index, state) in history.entries[0].states.iter().enumerate() {
            let unknown = matches!(state, State::Unknown { .. });
            if index < tried {
                let truth = if damaged[index] { unknown } else { *state == State::Made(weight(index)) };
                prop_assert!(truth, "made: {} {:?}", index, state);
            } else if index == tried && !ended {
                prop_assert!(unknown, "may have been sent: {} {:?}", index, state);
            } else if hurt == 0 {
                prop_assert_eq!(state, &State::NotTried, "{}", index);
            } else {
                prop_assert!(unknown || *state == State::NotTried, "{} {:?}", index, state);
            }
        }
    }
}

#[test]
fn a_refusal_ends_the_plan_even_if_the_end_is_not_written() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let id = journal.begin(Act::new(plan(4))).unwrap();
    // Compared beforehand: nothing was written before it either.
    journal.step(id, 2, refused("conflict")).unwrap();
    assert_eq!(shorts(&disk.read()), "--R-");
}

#[test]
fn what_the_kernel_did_not_confirm_stays_in_doubt_and_can_be_taken_back() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let id = journal.begin(Act::new(plan(3))).unwrap();
    journal.step(id, 0, made(weight(0))).unwrap();
    let why = "acknowledged, but not shown".to_owned();
    journal.step(id, 1, StepOutcome::Unknown { change: weight(1), why }).unwrap();
    journal.end(id, "").unwrap();
    let history = disk.read();
    assert_eq!(shorts(&history), "M?-");
    let entry = &history.entries[0];
    assert_eq!(entry.doubts().map(|(index, _)| index).collect::<Vec<_>>(), [1]);
    assert_eq!(entry.inverse().unwrap().changes, [weight(0).inverse().unwrap()]);
    let both = [weight(1).inverse().unwrap(), weight(0).inverse().unwrap()];
    assert_eq!(entry.inverse_with_doubts().unwrap().changes, both, "last first");
}

#[test]
fn a_doubt_can_be_settled_by_the_next_process() {
    let disk = Disk::default();
    let id = disk.journal().begin(Act::new(plan(2))).unwrap();
    assert_eq!(shorts(&disk.read()), "?-");
    let mut next = disk.journal();
    let history = disk.read();
    let doubts: Vec<(usize, StepOutcome)> =
        history.entries[0].doubts().map(|(index, change)| (index, made(change.clone()))).collect();
    next.settle(id, doubts, "found in the kernel").unwrap();
    let history = disk.read();
    assert_eq!(shorts(&history), "M-");
    assert_eq!(history.entries[0].end.as_ref().unwrap().note, "found in the kernel");
    assert_eq!(history.doubtful(&scene()).count(), 0);
    assert!(!disk.locked(), "settling lets go of the lock");
}

#[test]
fn lines_that_belong_nowhere_are_reported_with_their_numbers() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let id = whole_entry(&mut journal);
    let text = disk.text();
    let lines: Vec<&str> = text.lines().collect();
    let lost: Id = "zz".parse().unwrap();
    let orphan = lines[1].replace(&format!("\"{id}\""), "\"zz\"");
    let beyond = lines[1].replace("\"index\":0", "\"index\":9");
    let later = lines[2].replace("\"journal\":1", "\"journal\":2");
    let end_of_drain = Record::DrainEnded(DrainEnded {
        id: lost,
        time: Timestamp::UNIX_EPOCH,
        how: DrainEnd::Kept,
        note: String::new(),
        left: Left::default(),
    });
    let end_of_drain = String::from_utf8(end_of_drain.encode().unwrap()).unwrap();
    let all = [lines[0], "\r", &orphan, &beyond, &later, lines[0], end_of_drain.trim_end(), "hi"];
    let history = Disk::holding(all.join("\n").as_bytes()).read();
    let found: Vec<(u64, Flaw)> =
        history.damaged.iter().map(|d| (d.line, d.flaw.clone())).collect();
    let foreign = "expected value at byte 1".to_owned();
    let expected = [
        (3, Flaw::Orphan(lost)),
        (4, Flaw::NoSuchChange { id, index: 9 }),
        (5, Flaw::Version(2)),
        (6, Flaw::Twice(id)),
        (7, Flaw::Orphan(lost)),
        (8, Flaw::Foreign(foreign)),
    ];
    assert_eq!(found, expected);
    assert_eq!(history.lines, 8);
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let disk = Disk::default();
    whole_entry(&mut disk.journal());
    let entry = disk.bytes();
    let endless = io::repeat(b'x').take(3 * MAX_LINE as u64);
    let mut all = BufReader::new(endless.chain(&b"\n"[..]).chain(entry.as_slice()));
    let history = read_from(&mut all, None).unwrap();
    assert_eq!(history.damaged, [Damage { line: 1, flaw: Flaw::TooLong }]);
    assert_eq!(shorts(&history), "M");
}

#[test]
fn of_very_many_damaged_lines_all_are_counted() {
    let lines = "x\n".repeat(MOST_DAMAGES * 3);
    let history = read_from(&mut lines.as_bytes(), None).unwrap();
    assert_eq!(history.damaged.len(), MOST_DAMAGES);
    assert_eq!(history.damaged_lines, (MOST_DAMAGES * 3) as u64);
    assert!(text_of(&history).ends_with("2000 more lines cannot be used\n"));
}

// --- ids ---------------------------------------------------------------------------------------

#[test]
fn ids_are_never_given_twice() {
    let disk = Disk::default();
    let mut ids = Vec::new();
    for start in [1000, 1000, 5, 2000, 1500] {
        // The clock stands still, and goes back between the processes.
        let mut journal = disk.journal_at(start);
        ids.extend((0..3).map(|_| whole_entry(&mut journal)));
        ids.push(journal.drain_started(terms()).unwrap());
    }
    assert!(ids.is_sorted_by(|a, b| a < b), "{ids:?}");
}

#[test]
fn the_newest_id_is_found_behind_a_long_torn_line() {
    let home = Home::new();
    let place = home.place("j");
    let id = whole_entry(&mut open(&place));
    let mut torn = b"{\"journal\":1,\"record\":\"intent\",\"id\":\"".to_vec();
    torn.extend(vec![b'x'; 300 << 10]);
    append(&place.path(), &torn);
    // The clock has gone back by 50 years.
    let mut journal = Journal::open(&place, author(), Box::new(|| Timestamp::UNIX_EPOCH)).unwrap();
    assert!(whole_entry(&mut journal) > id);
    let history = read(&place).unwrap();
    assert_eq!((shorts(&history).as_str(), history.damaged_lines), ("MM", 1));
}

// --- disks that do not take it -----------------------------------------------------------------

#[test]
fn a_full_disk_is_told_before_anything_is_changed() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let first = whole_entry(&mut journal);
    let length = disk.bytes().len();
    for room in 0..600 {
        disk.truncate(length);
        disk.room(Some(length + room));
        let error = journal.begin(Act::new(plan(1))).unwrap_err().to_string();
        assert!(error.contains("cannot be written: No space left on device"), "{error}");
        assert!(!disk.locked(), "nothing is under way");
    }
    assert_ne!(disk.bytes().last(), Some(&b'\n'), "it was cut in the middle of a line");
    disk.room(None);
    let second = whole_entry(&mut journal);
    let history = disk.read();
    let ids: Vec<Id> = history.entries.iter().map(Entry::id).collect();
    assert_eq!(ids, [first, second]);
    assert_eq!((shorts(&history).as_str(), history.damaged_lines), ("MM", 1));
}

#[test]
fn room_is_made_for_the_outcomes_before_anything_is_changed() {
    let disk = Disk::default();
    disk.reserves(true);
    let mut journal = disk.journal();
    disk.room(Some(3000));
    journal.begin(Act::new(plan(1))).unwrap_err();
    assert_eq!(disk.bytes(), b"", "nothing is written that cannot be followed up");
    journal.check().unwrap_err();
    disk.room(Some(100_000));
    journal.check().unwrap();
    let id = journal.begin(Act::new(plan(20))).unwrap();
    let (intent, reserved) = (disk.bytes().len(), disk.reserved());
    for index in 0..20 {
        journal.step(id, index, made(weight(index))).unwrap();
    }
    journal.end(id, "").unwrap();
    let all = disk.bytes().len();
    assert!(all <= reserved, "{intent} for the intent, {all} in all, {reserved} reserved");
}

#[test]
fn an_outcome_that_cannot_be_written_is_not_forgotten() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let id = journal.begin(Act::new(plan(3))).unwrap();
    journal.step(id, 0, made(weight(0))).unwrap();
    disk.room(Some(disk.bytes().len() + 10));
    journal.step(id, 1, made(weight(1))).unwrap_err();
    journal.end(id, "").unwrap_err();
    assert_eq!(shorts(&disk.read()), "M?-", "true as well, if the process died now");
    assert!(!disk.locked());
    journal.begin(Act::new(plan(1))).unwrap_err();
    disk.room(None);
    journal.check().unwrap();
    assert_eq!(shorts(&disk.read()), "MM-");
    whole_entry(&mut journal);
    assert_eq!(shorts(&disk.read()), "MM-M");
}

#[test]
fn what_is_owed_is_written_when_the_journal_is_closed() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let id = journal.begin(Act::new(plan(1))).unwrap();
    disk.room(Some(disk.bytes().len()));
    journal.step(id, 0, made(weight(0))).unwrap_err();
    disk.room(None);
    drop(journal);
    assert_eq!(shorts(&disk.read()), "M");
}

#[test]
fn an_intent_that_did_not_reach_the_disk_is_not_acted_upon() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    disk.failing_sync(true);
    let error = journal.begin(Act::new(plan(2))).unwrap_err().to_string();
    assert!(error.ends_with("that disk is failing"), "{error}");
    assert_eq!(shorts(&disk.read()), "?-", "nobody can know, as far as the file goes");
    disk.failing_sync(false);
    journal.check().unwrap();
    let history = disk.read();
    assert_eq!(shorts(&history), "--");
    let note = &history.entries[0].end.as_ref().unwrap().note;
    assert_eq!(note, "not begun: the journal could not be written");
}

#[test]
fn a_plan_that_does_not_fit_in_a_line_is_refused() {
    let disk = Disk::default();
    let title = "x".repeat(MAX_LINE);
    let error = disk.journal().begin(Act::new(Plan { title, changes: Vec::new() })).unwrap_err();
    assert!(matches!(error, JournalError::TooLong { bytes } if bytes > MAX_LINE), "{error}");
    assert_eq!(disk.bytes(), b"");
    assert!(!disk.locked());
}

/// A real file system that is full. Needs root, and the right to mount.
#[test]
fn a_full_file_system_is_told_before_anything_is_changed() {
    let home = Home::new();
    let mount = |args: &[&str]| {
        Command::new("mount").args(args).arg(&home.0).stderr(Stdio::null()).status()
    };
    if !mount(&["-t", "tmpfs", "-o", "size=256k", "tmpfs"]).is_ok_and(|s| s.success()) {
        return; // cannot be tried here
    }
    let unmount = Unmount(home.0.clone());
    let place = home.place("j");
    let mut journal = open(&place);
    journal.check().unwrap();
    let first = whole_entry(&mut journal);
    let filler = fs::File::create(home.0.join("filler")).unwrap();
    let mut full = &filler;
    while full.write_all(&[0; 4096]).is_ok() {}
    let error = journal.begin(Act::new(plan(60))).unwrap_err().to_string();
    assert!(error.ends_with("No space left on device; free some space on that disk"), "{error}");
    filler.set_len(0).unwrap();
    let second = whole_entry(&mut journal);
    let history = read(&place).unwrap();
    let ids: Vec<Id> = history.entries.iter().map(Entry::id).collect();
    assert_eq!(ids, [first, second]);
    drop(filler);
    drop(journal);
    drop(unmount);
}

// --- places ------------------------------------------------------------------------------------

#[test]
fn the_folder_and_the_file_are_made_for_their_owner_and_group_only() {
    let home = Home::new();
    let state = home.0.join("not/there/yet");
    let place = Place::of(1000, &|name| (name == "XDG_STATE_HOME").then(|| state.clone().into()));
    let place = place.unwrap();
    assert_eq!(read(&place).unwrap(), History::default(), "none is as good as an empty one");
    assert_eq!(holder(&place).unwrap(), None);
    whole_entry(&mut open(&place));
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o7777;
    let folder = state.join("ipvs-tui");
    // A stricter umask is the operator's wish.
    let umask = umask();
    assert_eq!(mode(&folder), 0o750 & !umask);
    assert_eq!(mode(&folder.join("journal.jsonl")), 0o640 & !umask);
    assert_eq!(mode(&folder.join("journal.jsonl.lock")), 0o640 & !umask);
    assert_eq!(mode(&home.0.join("not")), 0o700 & !umask);
}

#[test]
fn a_named_file_is_not_put_in_a_folder_that_is_not_there() {
    let home = Home::new();
    let why = refusal(&home.place("not/j"));
    assert!(why.ends_with("name a file in a folder that is there"), "{why}");
    assert!(!home.0.join("not").exists());
}

#[test]
fn a_folder_that_is_a_file_is_told() {
    let home = Home::new();
    fs::write(home.0.join("file"), "").unwrap();
    let why = refusal(&home.place("file/j"));
    assert!(why.contains("cannot be opened: Not a directory"), "{why}");
}

#[test]
fn symbolic_links_are_refused() {
    let home = Home::new();
    fs::create_dir(home.0.join("folder")).unwrap();
    fs::write(home.0.join("target"), "").unwrap();
    symlink("folder", home.0.join("link-folder")).unwrap();
    symlink("target", home.0.join("link")).unwrap();
    symlink("nowhere", home.0.join("dangling")).unwrap();
    for name in ["link-folder/j", "link", "dangling"] {
        let why = refusal(&home.place(name));
        assert!(why.contains("it is a symbolic link"), "{name}: {why}");
    }
    let why = read(&home.place("link")).unwrap_err().to_string();
    assert!(why.contains("it is a symbolic link"), "{why}");
    assert_eq!(fs::read(home.0.join("target")).unwrap(), b"", "nothing was written through it");
    assert!(!home.0.join("nowhere").exists());
    assert_eq!(fs::read_dir(home.0.join("folder")).unwrap().count(), 0);

    symlink("../target", home.0.join("folder/j.lock")).unwrap();
    let mut journal = open(&home.place("folder/j"));
    let why = journal.begin(Act::new(plan(1))).unwrap_err().to_string();
    assert!(why.contains("j.lock is refused as a journal: it is a symbolic link"), "{why}");
}

#[test]
fn only_a_plain_file_is_a_journal() {
    let home = Home::new();
    fs::create_dir(home.0.join("d")).unwrap();
    let fifo = home.0.join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
    for (name, expected) in [("d", "it is a folder"), ("fifo", "it is no plain file")] {
        let why = refusal(&home.place(name));
        assert!(why.contains(expected), "{name}: {why}");
        let why = read(&home.place(name)).unwrap_err().to_string();
        assert!(why.contains(expected), "{name}: {why}");
    }
}

#[test]
fn what_everyone_may_write_is_refused() {
    let home = Home::new();
    let chmod = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let place = home.place("j");
    whole_entry(&mut open(&place));
    chmod(&place.path(), 0o666);
    assert!(refusal(&place).contains("everyone may write it"));
    chmod(&place.path(), 0o600);
    chmod(&home.0, 0o777);
    assert!(refusal(&place).contains("everyone may write in it"));
    chmod(&home.0, 0o1777);
    whole_entry(&mut open(&place));
    chmod(&home.0, 0o755);
}

/// Giving a file away needs root.
#[test]
fn what_belongs_to_someone_else_is_refused() {
    let home = Home::new();
    let place = home.place("j");
    whole_entry(&mut open(&place));
    let give = |path: &Path, to| std::os::unix::fs::chown(path, Some(to), None);
    if give(&place.path(), 12345).is_err() {
        return; // cannot be tried here
    }
    assert!(refusal(&place).contains("it belongs to user 12345"));
    give(&place.path(), 0).unwrap();
    give(&home.0, 12345).unwrap();
    assert!(refusal(&place).contains("it belongs to user 12345"));
    give(&home.0, 0).unwrap();
    whole_entry(&mut open(&place));
}

#[test]
fn a_journal_that_was_moved_away_is_begun_anew() {
    let home = Home::new();
    let place = home.place("j");
    let mut journal = open(&place);
    let old = journal.begin(Act::new(plan(1))).unwrap();
    fs::rename(place.path(), home.0.join("j.1")).unwrap();
    journal.step(old, 0, made(weight(0))).unwrap();
    journal.end(old, "").unwrap();
    let moved = read(&home.place("j.1")).unwrap();
    assert_eq!(shorts(&moved), "M", "an entry stays in one file");
    let new = whole_entry(&mut journal);
    assert!(new > old);
    assert_eq!(read(&place).unwrap().entries.len(), 1);
    fs::remove_file(place.path()).unwrap();
    whole_entry(&mut journal);
    assert_eq!(read(&place).unwrap().entries.len(), 1);
}

// --- two writers, and processes that die -------------------------------------------------------

#[test]
fn two_consoles_share_a_journal_and_their_plans_do_not_interleave() {
    let home = Home::new();
    let place = home.place("j");
    let (mut one, mut other) = (open(&place), open(&place));
    let first = one.begin(Act::new(plan(1))).unwrap();
    let error = other.begin(Act::new(plan(1))).unwrap_err();
    let JournalError::Locked { path, holder: told } = &error else { panic!("{error}") };
    assert_eq!(*path, place.path().display().to_string());
    assert_eq!(told.pid, Some(42));
    assert!(told.since.is_some_and(|since| since >= start() && since < end_of_tests()));
    assert!(error.to_string().contains("is locked by process 42 since 2026-11-21T"), "{error}");
    assert_eq!(holder(&place).unwrap().as_ref(), Some(told));
    other.check().unwrap();
    let entries = read(&place).unwrap().entries;
    assert_eq!(entries.len(), 1, "readers need no lock");
    assert!(entries[0].under_way(Some(told)));
    assert!(!entries[0].under_way(None));

    one.step(first, 0, made(weight(0))).unwrap();
    one.end(first, "").unwrap();
    assert_eq!(holder(&place).unwrap(), None);
    let second = whole_entry(&mut other);
    let third = whole_entry(&mut one);
    assert!(first < second && second < third);
    assert_eq!(shorts(&read(&place).unwrap()), "MMM");
}

#[test]
fn a_process_that_is_killed_lets_go_of_the_lock() {
    let home = Home::new();
    let place = home.place("j");
    let mut helper = Helper::start(&place);
    assert_eq!(helper.until(1), ["begun"]);
    let mut journal = open(&place);
    let error = journal.begin(Act::new(plan(1))).unwrap_err();
    let JournalError::Locked { holder: told, .. } = error else { panic!("{error}") };
    assert_eq!(told.pid, Some(helper.child.id()));
    let history = read(&place).unwrap();
    assert!(history.entries[0].under_way(Some(&told)));
    helper.kill();
    assert_eq!(holder(&place).unwrap(), None);
    whole_entry(&mut journal);
}

/// The helper makes a plan of three changes and stops after each thing it does; it is killed at
/// each of these places. What it did to its kernel is compared with what its journal says.
#[test]
fn kill_9_at_any_point_leaves_a_journal_that_tells_the_truth() {
    let steps = ["begun", "sent 0", "told 0", "sent 1", "told 1", "sent 2", "told 2", "ended"];
    let known = ["?--", "?--", "M?-", "M?-", "MM?", "MM?", "MMM", "MMM"];
    for (place_of_death, known) in known.iter().enumerate() {
        let home = Home::new();
        let place = home.place("j");
        let mut helper = Helper::start(&place);
        assert_eq!(helper.until(place_of_death + 1), steps[..=place_of_death]);
        helper.kill();
        let history = read(&place).unwrap();
        let after = steps[place_of_death];
        assert_eq!(shorts(&history), *known, "after {after:?}");
        assert_eq!(history.damaged_lines, 0);
        let entry = &history.entries[0];
        assert_eq!(entry.end.is_some(), after == "ended");
        let kernel = fs::read_to_string(place.path().with_extension("kernel")).unwrap_or_default();
        for (index, state) in entry.states.iter().enumerate() {
            let sent = kernel.lines().any(|l| l == index.to_string());
            match state {
                State::Made(_) => assert!(sent, "after {after:?}: {index} was never sent"),
                State::NotTried => assert!(!sent, "after {after:?}: {index} was sent"),
                State::Unknown { .. } => {}
                other => panic!("after {after:?}: {index} is {other:?}"),
            }
        }
        assert!(entry.inverse_with_doubts().is_some());
        let made = known.matches('M').count();
        assert_eq!(entry.inverse().map_or(0, |p| p.changes.len()), made);
    }
}

/// Not a test: the process that the tests above kill.
#[test]
#[ignore = "run by other tests, in a process of its own"]
fn helper_process() {
    let Some(path) = std::env::var_os("JOURNAL_HELPER") else { return };
    let path = PathBuf::from(path);
    let kernel = path.with_extension("kernel");
    let mut go = io::stdin().lines();
    let mut say = |text: &str| {
        writeln!(io::stderr(), "{text}").unwrap();
        go.next().unwrap().unwrap();
    };
    let who = Author { pid: std::process::id(), ..author() };
    let place = Place::at(&path).unwrap();
    let mut journal = Journal::open(&place, who, Box::new(Timestamp::now)).unwrap();
    let id = journal.begin(Act::new(plan(3))).unwrap();
    say("begun");
    for index in 0..3 {
        append(&kernel, format!("{index}\n").as_bytes());
        say(&format!("sent {index}"));
        journal.step(id, index, made(weight(index))).unwrap();
        say(&format!("told {index}"));
    }
    journal.end(id, "").unwrap();
    say("ended");
}

// --- undo and redo -----------------------------------------------------------------------------

#[test]
fn what_can_be_undone_and_redone_follows_the_entries_across_sessions() {
    let disk = Disk::default();
    let offered = |disk: &Disk| {
        let history = disk.read();
        let ids = |entries: Vec<&Entry>| entries.iter().map(|e| e.id()).collect::<Vec<_>>();
        let undoable = ids(history.undoable(&scene()).collect());
        (undoable, ids(history.redoable(&scene()).collect()))
    };
    let act = |kind, undoes| Act { kind, undoes, ..Act::new(plan(1)) };
    // Every entry in a process of its own.
    let done = |kind, undoes| whole(&mut disk.journal(), act(kind, undoes), 1);

    let a = done(Kind::New, None);
    let b = done(Kind::New, None);
    assert_eq!(offered(&disk), (vec![b, a], vec![]));
    let undo_b = done(Kind::Undo, Some(b));
    assert_eq!(offered(&disk), (vec![a], vec![undo_b]));
    assert_eq!(disk.read().entry(b).unwrap().undone, Undone::By(undo_b));
    let undo_a = done(Kind::Undo, Some(a));
    assert_eq!(offered(&disk), (vec![], vec![undo_a, undo_b]));
    let redo_a = done(Kind::Redo, Some(undo_a));
    assert_eq!(offered(&disk), (vec![redo_a], vec![undo_b]));
    let undo_again = done(Kind::Undo, Some(redo_a));
    assert_eq!(offered(&disk), (vec![], vec![undo_again, undo_b]));
    let redo_again = done(Kind::Redo, Some(undo_again));
    let redo_b = done(Kind::Redo, Some(undo_b));
    assert_eq!(offered(&disk), (vec![redo_b, redo_again], vec![]));
    let undo_redo = done(Kind::Undo, Some(redo_b));
    assert_eq!(offered(&disk).1, [undo_redo]);
    let new = done(Kind::New, None);
    assert_eq!(offered(&disk), (vec![new, redo_again], vec![]), "something new ends redoing");
}

#[test]
fn an_undo_that_failed_half_way_can_be_tried_again() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let id = whole(&mut journal, Act::new(plan(2)), 2);
    let undo = Act { kind: Kind::Undo, undoes: Some(id), ..Act::new(plan(2)) };

    let conflict = journal.begin(undo.clone()).unwrap();
    journal.step(conflict, 0, refused("moved")).unwrap();
    journal.end(conflict, "").unwrap();
    let history = disk.read();
    assert_eq!(history.entry(id).unwrap().undone, Undone::No);
    assert_eq!(history.undoable(&scene()).map(Entry::id).collect::<Vec<_>>(), [id]);

    let half = journal.begin(undo.clone()).unwrap();
    journal.step(half, 0, made(weight(1).inverse().unwrap())).unwrap();
    journal.step(half, 1, refused("moved")).unwrap();
    journal.end(half, "").unwrap();
    let history = disk.read();
    assert_eq!(history.entry(id).unwrap().undone, Undone::Partly(half));
    assert_eq!(history.undoable(&scene()).map(Entry::id).collect::<Vec<_>>(), [id]);

    let undone = whole(&mut journal, undo.clone(), 2);
    assert_eq!(disk.read().entry(id).unwrap().undone, Undone::By(undone));
    // A later failure does not make it less undone.
    let more = journal.begin(undo).unwrap();
    journal.step(more, 0, made(weight(1))).unwrap();
    journal.end(more, "").unwrap();
    assert_eq!(disk.read().entry(id).unwrap().undone, Undone::By(undone));
}

#[test]
fn what_cannot_be_taken_back_is_not_offered() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let zero = Plan { title: "zero".to_owned(), changes: vec![Change::Zero(None), weight(0)] };
    let id = journal.begin(Act::new(zero)).unwrap();
    journal.step(id, 0, made(Change::Zero(None))).unwrap();
    journal.step(id, 1, made(weight(0))).unwrap();
    journal.end(id, "").unwrap();
    let refused_whole = journal.begin(Act::new(plan(1))).unwrap();
    journal.step(refused_whole, 0, refused("no")).unwrap();
    journal.end(refused_whole, "").unwrap();
    let history = disk.read();
    assert_eq!(history.entries.len(), 2);
    assert!(history.entries.iter().all(|e| e.inverse().is_none()));
    assert_eq!(history.undoable(&scene()).count(), 0);
}

#[test]
fn another_boot_or_namespace_is_another_table() {
    let disk = Disk::default();
    whole_entry(&mut disk.journal());
    disk.journal().drain_started(terms()).unwrap();
    let history = disk.read();
    let counts = |here: &Scene| (history.undoable(here).count(), history.open_drains(here).count());
    assert_eq!(counts(&scene()), (1, 1));
    assert_eq!(counts(&Scene { boot_id: Some("another".to_owned()), ..scene() }), (0, 0));
    assert_eq!(counts(&Scene { namespace_inode: Some(1), ..scene() }), (0, 0));
}

// --- drains ------------------------------------------------------------------------------------

#[test]
fn a_drain_outlives_its_process() {
    let disk = Disk::default();
    let id = disk.journal().drain_started(terms()).unwrap();
    let only = |disk: &Disk| disk.read().open_drains(&scene()).cloned().collect::<Vec<_>>();
    let [drain] = only(&disk).try_into().unwrap();
    assert!(!drain.touched, "no weight was set yet");
    assert_eq!(drain.started.servers, terms().servers);
    assert_eq!(drain.deadline(), Some(drain.started.time + jiff::SignedDuration::from_mins(10)));

    let act = Act { kind: Kind::Drain, drain: Some(id), ..Act::new(plan(1)) };
    let quiesce = whole(&mut disk.journal(), act, 1);
    let [drain] = only(&disk).try_into().unwrap();
    assert!(drain.touched);
    assert_eq!(drain.plans, [quiesce]);

    disk.journal().drain_ended(Ending::new(id, DrainEnd::Restored), "all back").unwrap();
    assert_eq!(only(&disk), []);
    let ended = disk.read().drains[0].ended.clone().unwrap();
    assert_eq!((ended.how, ended.note.as_str()), (DrainEnd::Restored, "all back"));
}

#[test]
fn a_drain_without_a_time_has_no_deadline() {
    let disk = Disk::default();
    disk.journal().drain_started(Terms { timeout_seconds: None, ..terms() }).unwrap();
    disk.journal().drain_started(Terms { timeout_seconds: Some(u64::MAX), ..terms() }).unwrap();
    assert!(disk.read().drains.iter().all(|d| d.deadline().is_none()));
    assert_eq!(disk.read().drains.len(), 2);
}

// --- the last ones of many ---------------------------------------------------------------------

#[test]
fn the_last_entries_are_those_of_the_whole() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let open_drain = journal.drain_started(terms()).unwrap();
    let act = Act { drain: Some(open_drain), ..Act::new(plan(1)) };
    let first = whole(&mut journal, act, 1);
    for turn in 0..20 {
        let over = journal.drain_started(terms()).unwrap();
        let id = whole_entry(&mut journal);
        if turn % 3 == 0 {
            whole(&mut journal, Act { kind: Kind::Undo, undoes: Some(id), ..Act::new(plan(1)) }, 1);
        }
        journal.outside((None, None), "x", None, Some(turn.to_string())).unwrap();
        journal.drain_ended(Ending::new(over, DrainEnd::Kept), "").unwrap();
    }
    // An outcome of an entry long gone is no orphan.
    journal.step(first, 0, made(weight(0))).unwrap();
    let all = disk.read();
    assert_eq!((all.entries.len(), all.outside.len(), all.drains.len()), (28, 20, 21));
    for most in [0, 1, 2, 5, 27, 28, 100] {
        let last = read_from(&mut disk.bytes().as_slice(), Some(most)).unwrap();
        let tail = all.entries.len().saturating_sub(most);
        assert_eq!(last.entries, all.entries[tail..], "{most}");
        assert_eq!(last.outside, all.outside[all.outside.len().saturating_sub(most)..], "{most}");
        assert_eq!((last.damaged_lines, last.lines), (0, all.lines));
        let drains: Vec<Id> = last.drains.iter().map(Drain::id).collect();
        assert_eq!(drains.len(), most.min(20) + 1, "{most}");
        assert_eq!(drains[0], open_drain, "an open one is kept however old");
        assert!(last.drains[0].touched && last.drains[0].plans == [first]);
    }
}

#[test]
fn a_drain_that_is_ended_twice_counts_once() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let id = journal.drain_started(terms()).unwrap();
    journal.drain_ended(Ending::new(id, DrainEnd::Kept), "").unwrap();
    journal.drain_ended(Ending::new(id, DrainEnd::Deleted), "").unwrap();
    let last = read_from(&mut disk.bytes().as_slice(), Some(1)).unwrap();
    let ends: Vec<DrainEnd> = last.drains.iter().map(|d| d.ended.as_ref().unwrap().how).collect();
    assert_eq!(ends, [DrainEnd::Deleted], "the last word counts");
}

#[test]
fn the_last_entries_of_a_long_journal_need_little_memory() {
    const LENGTH: u64 = 64 << 20;
    if std::env::var_os("JOURNAL_MEMORY").is_some() {
        let last = read_from(&mut BufReader::new(Long::new(LENGTH)), Some(5)).unwrap();
        assert_eq!((last.entries.len(), last.damaged_lines), (5, 0));
        assert!(last.lines > 10_000);
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let peak = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
        let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
        assert!(kib < LENGTH / 1024 / 2, "{kib} KiB at most");
        return;
    }
    // In a process of its own, because the others of this one need memory too.
    let me = std::env::current_exe().unwrap();
    let name = "the_last_entries_of_a_long_journal_need_little_memory";
    let status = Command::new(me)
        .args(["--exact", name, "--nocapture"])
        .env("JOURNAL_MEMORY", "1")
        .stdout(Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

// --- what is printed ---------------------------------------------------------------------------

#[test]
fn the_text_tells_each_entry_in_a_paragraph() {
    let text = text_of(&one_of_everything());
    insta::assert_snapshot!(text, @r"
    tppxd  2026-11-21T04:49:02+01:00  alice (sudo) on /dev/pts/3 from 192.0.2.7, host lb1
        real server 10.1.1.0:80 of TCP 10.0.0.1:80: weight 10 -> 0
        reason: slow disk
        made; undone by tppxs

    -      2026-11-21T04:49:06+01:00  someone else, host lb1
        real server 10.1.1.9:80 of TCP 10.0.0.1:80: weight 7 -> 0

    tppxn  2026-11-21T04:49:10+01:00  alice (sudo) on /dev/pts/3 from 192.0.2.7, host lb1
        drain 10.1.1.0 in 1 service, until 2026-11-21T04:59:10+01:00, then restore
        reason: kernel update
        cancelled at 2026-11-21T04:49:09+01:00; undone

    tppxr  2026-11-21T04:49:13+01:00  alice (sudo) on /dev/pts/3 from 192.0.2.7, host lb1
        quiesce 4 servers
        4 changes: 1 made, 1 already so, 1 UNKNOWN, 1 not tried; belongs to drain tppxn
        made: real server 10.1.1.0:80 of TCP 10.0.0.1:80: weight 10 -> 0
        already so: real server 10.1.1.1:80 of TCP 10.0.0.1:80: weight 11 -> 0
        UNKNOWN: real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 12 -> 0, because the process ended before it told what came of it
        not tried: real server 10.1.1.3:80 of TCP 10.0.0.1:80: weight 13 -> 0

    tppxs  2026-11-21T04:49:02+01:00  alice (sudo) on /dev/pts/3 from 192.0.2.7, host lb1
        real server 10.1.1.0:80 of TCP 10.0.0.1:80: weight 10 -> 0
        made; takes back tppxd

    tppxt  2026-11-21T04:49:08+01:00  alice (sudo) on /dev/pts/3 from 192.0.2.7, host lb1
        drain 10.1.1.0 in 1 service
        under way, but no weight was set

    tppxv  2026-11-21T04:49:13+01:00  alice (sudo) on /dev/pts/3 from 192.0.2.7, host lb1
        real server 10.1.1.0:80 of TCP 10.0.0.1:80: weight 10 -> 0
        refused, because the kernel said no

    line 15 cannot be used: it stops in the middle, at byte 17
    ");
}

#[test]
fn the_json_has_every_field() {
    let text = json_of(&one_of_everything());
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(parsed["schema"], SCHEMA);
    let keys = |value: &serde_json::Value| {
        let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys.join(" ")
    };
    assert_eq!(keys(&parsed), "damaged damaged_lines drains entries lines outside schema");
    let entry = "boot_id changes drain ended host id inverse kind line namespace namespace_inode \
                 note operator part_of pid reason time title undoes undone undone_by";
    let drain = "boot_id deadline ended held host how id line namespace namespace_inode note \
                 operator plans reason servers target then time touched verdict";
    let outside = "after before boot_id field host line namespace namespace_inode server service \
                   time";
    let operator = "login_uid name ssh_connection sudo_user tty uid";
    let change = "planned state summary why written";
    for entry_json in parsed["entries"].as_array().unwrap() {
        assert_eq!(keys(entry_json), entry);
        assert_eq!(keys(&entry_json["operator"]), operator);
        for json in entry_json["changes"].as_array().unwrap() {
            assert_eq!(keys(json), change);
        }
    }
    for json in parsed["drains"].as_array().unwrap() {
        assert_eq!(keys(json), drain);
    }
    assert_eq!(keys(&parsed["outside"][0]), outside);
    let states: Vec<&str> = parsed["entries"][1]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["made", "already", "unknown", "not_tried"]);
    assert_eq!(parsed["entries"][1]["inverse"].as_array().unwrap().len(), 1);
    assert_eq!(parsed["damaged"][0]["line"], 15);
}

#[test]
fn nothing_that_is_printed_steers_the_terminal() {
    let evil = "\u{1b}[2J\u{9b}31m\u{202e}\u{7f}\r\n\u{0}";
    let disk = Disk::default();
    let mut who = author();
    who.operator.sudo_user = Some(evil.to_owned());
    who.operator.tty = Some(evil.to_owned());
    who.scene.host = evil.to_owned();
    who.scene.namespace = Some(evil.to_owned());
    let mut journal = Journal::on(Box::new(disk.clone()), "j".into(), who, Box::new(start));
    let sysctl = Change::Sysctl { name: evil.into(), before: evil.into(), after: evil.into() };
    let plan = Plan { title: evil.to_owned(), changes: vec![sysctl; 3] };
    let drain = Terms { target: evil.into(), reason: evil.into(), ..terms() };
    let drain = journal.drain_started(drain).unwrap();
    let id = journal.begin(Act { reason: evil.to_owned(), ..Act::new(plan) }).unwrap();
    journal.step(id, 0, refused(evil)).unwrap();
    journal.end(id, evil).unwrap();
    journal.drain_ended(Ending::new(drain, DrainEnd::Kept), evil).unwrap();
    journal.outside((None, None), evil, Some(evil.into()), Some(evil.into())).unwrap();
    disk.push(b"{\"journal\":1,\"record\":\"\\u001b[2J\"}\n\x1b[2J\n");
    let history = disk.read();
    assert_eq!((history.entries.len(), history.damaged_lines), (1, 2));
    for text in [text_of(&history), json_of(&history)] {
        let acts: Vec<char> = text
            .chars()
            .filter(|c| *c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(c)))
            .collect();
        assert!(acts.is_empty(), "{text}: {acts:?}");
    }
    let parsed: serde_json::Value = serde_json::from_str(&json_of(&history)).unwrap();
    assert_eq!(parsed["entries"][0]["reason"], evil, "JSON loses nothing by it");
}

#[test]
fn of_a_long_plan_only_what_matters_is_told_one_by_one() {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let id = journal.begin(Act::new(plan(50))).unwrap();
    for index in 0..30 {
        journal.step(id, index, made(weight(index))).unwrap();
    }
    journal.step(id, 30, refused("it is gone")).unwrap();
    journal.end(id, "").unwrap();
    let text = text_of(&disk.read());
    assert!(text.contains("50 changes: 30 made, 1 refused, 19 not tried\n"), "{text}");
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.ends_with("weight 40 -> 0, because it is gone\n"), "{text}");
}
