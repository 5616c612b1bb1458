//! A file that was cut anywhere, or whose bits have turned.

use super::*;
use crate::record::frame;

/// Two groups, with a change from outside in each.
fn recording() -> (Vec<u8>, Vec<Snapshot>) {
    let readings = readings(&director("dns-udp"), 24);
    let disk = Disk::default();
    for half in readings.chunks(12) {
        // Each session begins a group.
        let length = disk.bytes().len() as u64;
        let tape = Box::new(disk.clone());
        let mut recorder = Recorder::on(tape, length, Limits::default(), about());
        for reading in half {
            recorder.take(&Seen::Snapshot(Arc::clone(reading)));
        }
        recorder.take(&Seen::Theirs(Arc::new(vec![theirs(&half[11], 7)])));
    }
    (disk.bytes(), as_kept(&readings))
}

#[test]
fn a_file_cut_at_any_byte_plays_up_to_the_cut() {
    let (bytes, readings) = recording();
    let title = frame::title().len();
    let ends: Vec<usize> = frame::scan(&bytes, title)
        .frames
        .iter()
        .filter(|f| f.kind.is_snapshot())
        .map(|f| f.at + f.length)
        .collect();
    assert_eq!(ends.len(), readings.len());
    for cut in 0..=bytes.len() {
        let there = ends.iter().filter(|end| **end <= cut).count();
        match Recording::of(bytes[..cut].to_vec()) {
            Ok(recording) => {
                assert_eq!(recording.snapshots(), there, "{cut}");
                if cut % 97 == 0 || cut == bytes.len() {
                    let played: Vec<_> = recording.steps().filter_map(Step::snapshot).collect();
                    assert!(played.iter().zip(&readings).all(|(a, b)| **a == *b), "{cut}");
                    assert_eq!(played.len(), there);
                }
            }
            Err(RecordError::Empty { why, .. }) => {
                assert_eq!(there, 0, "{cut}: {why}");
            }
            Err(other) => panic!("{cut}: {other}"),
        }
    }
}

#[test]
fn a_cut_is_told_and_so_is_damage() {
    let (bytes, _) = recording();
    let cut = Recording::of(bytes[..bytes.len() - 3].to_vec()).unwrap();
    let [damage] = cut.damages() else { panic!("{:?}", cut.damages()) };
    assert!(damage.cut && damage.from + damage.bytes == bytes.len() as u64 - 3, "{damage:?}");

    let title = frame::title().len();
    let third = frame::scan(&bytes, title).frames[3];
    let mut turned = bytes.clone();
    turned[third.at] ^= 4;
    let recording = Recording::of(turned).unwrap();
    let [damage] = recording.damages() else { panic!("{:?}", recording.damages()) };
    assert!(!damage.cut && damage.from < third.at as u64, "{damage:?}");
    // About, two snapshots; then the other session.
    assert_eq!(recording.snapshots(), 2 + 12);
}

/// A bit that turns costs what is behind it in its group, and nothing else; nothing that was not
/// recorded is ever shown.
#[test]
fn turned_bits_show_nothing_that_was_not_recorded() {
    let (bytes, readings) = recording();
    for at in (0..bytes.len()).step_by(3) {
        let mut turned = bytes.clone();
        turned[at] ^= 1 << (at % 8);
        let Ok(recording) = Recording::of(turned) else {
            assert!(at < frame::title().len(), "{at}: only the first line can spoil it all");
            continue;
        };
        if at % 11 == 0 {
            let played: Vec<_> = recording.steps().filter_map(Step::snapshot).collect();
            assert!(played.len() >= 12, "{at}: {}", played.len());
            assert!(played.iter().all(|s| readings.contains(s)), "{at}");
        }
    }
}

/// Frames with a right checksum around noise: a program with a defect wrote them.
#[test]
fn noise_in_good_frames_is_a_flaw_and_no_more() {
    let (bytes, _) = recording();
    let title = frame::title().len();
    for n in 0..400_usize {
        let mut made = frame::title();
        for found in frame::scan(&bytes, title).frames.iter().take(6) {
            let mut payload = bytes[found.at..found.at + found.length].to_vec();
            for step in 0..4 {
                let at = (n * 31 + step * 977) % payload.len().max(1);
                if let Some(byte) = payload.get_mut(at) {
                    *byte = byte.wrapping_mul(17).wrapping_add(n as u8);
                }
            }
            frame::frame(found.kind, &payload, &mut made);
        }
        if let Ok(recording) = Recording::of(made) {
            let flawed = recording.steps().filter(|s| matches!(s, Step::Flawed(_))).count();
            assert!(flawed <= 6);
        }
    }
}

#[test]
fn what_is_foreign_or_newer_is_refused_with_a_sentence() {
    let refused = |bytes: &[u8]| Recording::of(bytes.to_vec()).err().map(|e| e.to_string());
    assert_eq!(
        refused(b"{\"journal\":1}\n").as_deref(),
        Some("the recording is no recording of ipvs-tui")
    );
    assert_eq!(
        refused(b"ipvs-tui recording 2\nwhatever").as_deref(),
        Some(
            "the recording was recorded by a newer ipvs-tui, in format 2; this one reads format 1"
        )
    );
    for (bytes, why) in [
        (&b""[..], "nothing was recorded yet"),
        (b"ipvs-tui rec", "it was cut before the first one"),
        (b"ipvs-tui recording 1\n", "nothing was recorded yet"),
    ] {
        let told = refused(bytes).unwrap();
        assert!(told.starts_with("the recording holds no snapshot"), "{told}");
        assert!(told.ends_with(why), "{told}");
    }
}

/// A later program may add kinds of frames without a new format.
#[test]
fn an_unknown_kind_is_passed_over() {
    let (mut bytes, readings) = recording();
    frame::frame(frame::Kind(b'?'), b"from the future", &mut bytes);
    assert_eq!(played(bytes).len(), readings.len());
}
