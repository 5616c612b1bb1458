//! Files: rotation, going on, a full disk, and whom not to follow.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::*;
use crate::journal::Place;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ipvs-tui-rec-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(path: &Path, limits: Limits) -> Result<Recorder, RecordError> {
    Recorder::open(Place::at(path).unwrap(), limits, about())
}

fn record(path: &Path, limits: Limits, readings: &[Arc<Snapshot>]) {
    let mut recorder = open(path, limits).unwrap();
    for reading in readings {
        recorder.take(&Seen::Snapshot(Arc::clone(reading)));
        assert_eq!(recorder.status().failing, None);
    }
}

#[test]
fn a_full_file_makes_room_and_all_parts_play_as_one() {
    let folder = Folder::new("rotate");
    let path = folder.file("rec");
    let readings = readings(&director("web"), 200);
    let limits = Limits { most: 5_000, keep: 50 };
    record(&path, limits, &readings);
    let parts = fs::read_dir(&folder.0).unwrap().count();
    assert!(parts > 2, "{parts}");
    for entry in fs::read_dir(&folder.0).unwrap() {
        let meta = entry.unwrap().metadata().unwrap();
        assert!(meta.len() <= 5_000, "{}", meta.len());
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    }
    let recording = Recording::open(&path).unwrap();
    let all: Vec<Snapshot> =
        recording.steps().filter_map(Step::snapshot).map(|s| (*s).clone()).collect();
    assert!(all == as_kept(&readings), "its clock goes on from part to part");
}

#[test]
fn the_oldest_parts_go() {
    let folder = Folder::new("keep");
    let path = folder.file("rec");
    let readings = readings(&director("web"), 200);
    record(&path, Limits { most: 5_000, keep: 1 }, &readings);
    let mut names: Vec<_> =
        fs::read_dir(&folder.0).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["rec", "rec.1"]);
    let recording = Recording::open(&path).unwrap();
    let all: Vec<_> = recording.steps().filter_map(Step::snapshot).collect();
    let kept = as_kept(&readings);
    assert!(all.len() < 200);
    assert_eq!(*all[all.len() - 1], kept[199]);
}

#[test]
fn a_recording_is_gone_on_with_and_its_torn_end_goes() {
    let folder = Folder::new("append");
    let path = folder.file("rec");
    let readings = readings(&director("web"), 20);
    record(&path, Limits::default(), &readings[..10]);
    // A crash in the middle of the last snapshot, before the end was written.
    let length = fs::metadata(&path).unwrap().len();
    let bytes = fs::read(&path).unwrap();
    let last = super::frame::scan(&bytes, super::frame::title().len()).frames[10];
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(last.at as u64 + 3).unwrap();
    assert!((last.at as u64) < length);
    // The next session's clock begins anew.
    let began = jiff::Timestamp::from_second(1_800_000_000).unwrap();
    let mut recorder =
        Recorder::open(Place::at(&path).unwrap(), Limits::default(), About { began, ..about() })
            .unwrap();
    let start = readings[10].at;
    for reading in &readings[10..] {
        let mut reading = (**reading).clone();
        reading.at.0 -= start.0;
        reading.services.iter_mut().for_each(|s| s.servers_read = reading.at);
        recorder.take(&Seen::Snapshot(Arc::new(reading)));
    }
    drop(recorder);
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.damages(), []);
    let all: Vec<_> = recording.steps().filter_map(Step::snapshot).collect();
    assert_eq!(all.len(), 19, "without the torn one");
    assert!(all.windows(2).all(|two| two[0].at < two[1].at), "one clock");
    let apart = all[9].at.since(all[8].at);
    assert_eq!(apart, Duration::from_secs(2), "as the wall clock says");
    assert_eq!(all[9].services[0].servers_read, all[9].at);
}

#[test]
fn what_is_no_recording_is_not_touched() {
    let folder = Folder::new("foreign");
    let refused = |path: &Path| open(path, Limits::default()).err().unwrap().to_string();
    for (name, text) in [("notes", "buy milk\n"), ("later", "ipvs-tui recording 9\n\u{1}")] {
        let path = folder.file(name);
        fs::write(&path, text).unwrap();
        let told = refused(&path);
        assert!(told.contains("no recording") || told.contains("newer ipvs-tui"), "{told}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    symlink(folder.file("notes"), folder.file("link")).unwrap();
    assert!(refused(&folder.file("link")).contains("symbolic link"));
    assert!(refused(&folder.file("no/such/folder/rec")).contains("cannot be opened"));
    let path = folder.file("busy");
    let first = open(&path, Limits::default()).unwrap();
    assert!(refused(&path).contains("being recorded into by another"));
    drop(first);
    open(&path, Limits::default()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(refused(&path).contains("everyone may write it"));
    let missing = Recording::open(&folder.file("missing")).err().unwrap().to_string();
    assert!(missing.ends_with("cannot be read: there is no such file"), "{missing}");
}

#[test]
fn a_file_that_was_moved_away_is_not_written_for_nobody() {
    let folder = Folder::new("moved");
    let path = folder.file("rec");
    let readings = readings(&director("dns-udp"), 610);
    let mut recorder = open(&path, Limits::default()).unwrap();
    for (n, reading) in readings.iter().enumerate() {
        if n == 10 {
            fs::rename(&path, folder.file("old")).unwrap();
        }
        recorder.take(&Seen::Snapshot(Arc::clone(reading)));
    }
    drop(recorder);
    // It is noticed at the next group.
    assert_eq!(Recording::open(&folder.file("old")).unwrap().snapshots(), 300);
    assert_eq!(Recording::open(&path).unwrap().snapshots(), 310);
    assert_ne!(fs::metadata(&path).unwrap().ino(), fs::metadata(folder.file("old")).unwrap().ino());
}

/// Another's recording, or a file of anybody's.
#[test]
fn what_stands_in_place_of_a_file_that_was_moved_away_is_left_alone() {
    let folder = Folder::new("taken");
    let path = folder.file("rec");
    let other = folder.file("other");
    record(&other, Limits::default(), &readings(&director("web"), 3));
    let readings = readings(&director("dns-udp"), 400);
    for theirs in [fs::read(&other).unwrap(), b"buy milk\n".to_vec()] {
        let mut recorder = open(&path, Limits::default()).unwrap();
        let mut failing = 0;
        for (n, reading) in readings.iter().enumerate() {
            match n {
                10 => {
                    fs::rename(&path, folder.file("old")).unwrap();
                    fs::write(&path, &theirs).unwrap();
                }
                // It is noticed at the next group, the 300th snapshot.
                320 => {
                    assert_eq!(fs::read(&path).unwrap(), theirs);
                    fs::rename(&path, folder.file("theirs")).unwrap();
                }
                _ => {}
            }
            recorder.take(&Seen::Snapshot(Arc::clone(reading)));
            if let Some(why) = &recorder.status().failing {
                assert!(why.contains("is not empty and is left alone"), "{why}");
                failing += 1;
            }
        }
        assert_eq!((failing, recorder.status().lost), (20, 20));
        drop(recorder);
        assert_eq!(fs::read(folder.file("theirs")).unwrap(), theirs);
        assert_eq!(Recording::open(&folder.file("old")).unwrap().snapshots(), 300);
        let recording = Recording::open(&path).unwrap();
        assert_eq!(recording.snapshots(), 80);
        assert!(recording.steps().any(|s| matches!(s, Step::Lost(l) if l.snapshots == 20)));
        fs::remove_file(&path).unwrap();
    }
}

/// A crash between two of the renames that make room.
#[test]
fn behind_a_part_that_is_missing_the_older_ones_are_played_and_it_is_told() {
    let folder = Folder::new("hole");
    let path = folder.file("rec");
    let readings = readings(&director("web"), 200);
    record(&path, Limits { most: 5_000, keep: 50 }, &readings);
    let whole = Recording::open(&path).unwrap();
    assert_eq!(whole.told(), [""; 0]);
    let held = {
        fs::rename(folder.file("rec.1"), folder.file("held")).unwrap();
        Recording::open(&folder.file("held")).unwrap().snapshots()
    };
    let recording = Recording::open(&path).unwrap();
    assert_eq!(recording.snapshots(), 200 - held);
    let first = recording.steps().find_map(Step::snapshot).unwrap();
    assert_eq!(*first, as_kept(&readings)[0]);
    let told = recording.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].ends_with("rec.1 is missing, and older parts are there: it is not played"));
    // What only has such a name is no part of it.
    fs::write(folder.file("rec.60"), "buy milk\n").unwrap();
    let parts = fs::read_dir(&folder.0).unwrap().count();
    fs::write(folder.file(&format!("rec.{parts}")), "buy milk\n").unwrap();
    assert_eq!(Recording::open(&path).unwrap().snapshots(), 200 - held);
    // The crash may have come before the new file was made.
    fs::remove_file(&path).unwrap();
    let told = Recording::open(&path).unwrap().told();
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn what_a_slow_disk_had_no_time_for_is_told() {
    let readings = readings(&director("web"), 9);
    let disk = Disk::default();
    let mut recorder = recorder(&disk, Limits::default());
    for (n, reading) in readings.iter().enumerate() {
        match n {
            3..5 => continue,
            5 => recorder.missed(2),
            _ => {}
        }
        recorder.take(&Seen::Snapshot(Arc::clone(reading)));
        assert_eq!(recorder.status().failing, None);
    }
    assert_eq!(recorder.status().lost, 2);
    drop(recorder);
    let recording = Recording::of(disk.bytes()).unwrap();
    let lost = recording.steps().find_map(|step| match step {
        Step::Lost(lost) => Some((lost.snapshots, lost.why)),
        _ => None,
    });
    assert_eq!(lost, Some((2, "rec took too long to be written".to_owned())));
    assert_eq!(recording.snapshots(), 7);
}

#[test]
fn a_full_disk_is_told_and_recording_goes_on_when_there_is_room() {
    let readings = readings(&director("web"), 30);
    let disk = Disk::default();
    let mut recorder = recorder(&disk, Limits::default());
    let mut failing = 0;
    for (n, reading) in readings.iter().enumerate() {
        match n {
            10 => disk.room(Some(4)), // in the middle of a frame
            20 => disk.room(None),
            _ => {}
        }
        recorder.take(&Seen::Snapshot(Arc::clone(reading)));
        recorder.take(&Seen::Theirs(Arc::new(vec![theirs(reading, 1)])));
        failing += usize::from(recorder.status().failing.is_some());
        if n == 15 {
            let why = recorder.status().failing.clone().unwrap();
            assert!(why.starts_with("rec cannot be written: No space left on device"), "{why}");
            assert!(why.ends_with("free some space on that disk"), "{why}");
            let whole = Recording::of(disk.bytes()).unwrap();
            assert_eq!(whole.damages(), [], "what was written in part is cut off");
        }
    }
    assert_eq!((failing, recorder.status().lost), (10, 10));
    drop(recorder);
    let recording = Recording::of(disk.bytes()).unwrap();
    let lost: Vec<Lost> = recording
        .steps()
        .filter_map(|step| match step {
            Step::Lost(lost) => Some(lost),
            _ => None,
        })
        .collect();
    assert_eq!((lost.len(), lost[0].snapshots), (1, 10));
    assert!(lost[0].why.contains("No space left"), "{}", lost[0].why);
    let all: Vec<Snapshot> =
        recording.steps().filter_map(Step::snapshot).map(|s| (*s).clone()).collect();
    let kept = as_kept(&readings);
    assert!(all == [&kept[..10], &kept[20..]].concat());
}
