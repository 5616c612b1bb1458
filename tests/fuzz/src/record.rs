//! Recordings, as they are and with every checksum put right: otherwise damage would hide what is
//! behind it from all that follows.

use std::io;
use std::sync::{Arc, Mutex};

use ipvs_tui::command::Command;
use ipvs_tui::kernel::KernelError;
use ipvs_tui::model::Message;
use ipvs_tui::record::{About, Limits, RecordError, Recorder, Recording, Seen, Step, Tape, kept};
use ipvs_tui::report;
use ipvs_tui::snapshot::Snapshot;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::told::{assert_lines, assert_quiet, assert_sentence, console, print, show};

/// A mark, a kind, a length, a checksum.
const HEAD: usize = 10;
const TITLE: &[u8] = b"ipvs-tui recording 1\n";
/// Of so many snapshots everything is tried; the others are only decoded.
const LOOKED_AT: usize = 4;

/// A recording.
pub fn recording(data: &[u8]) {
    played(data.to_vec());
    played(mended(data));
}

/// The first line and the checksums as they should be.
fn mended(data: &[u8]) -> Vec<u8> {
    let mut rest = match data.iter().position(|b| *b == b'\n') {
        Some(end) => &data[end + 1..],
        None => data,
    };
    let mut file = TITLE.to_vec();
    while let Some((head, behind)) = rest.split_first_chunk::<HEAD>() {
        let [_, kind, a, b, c, d, ..] = *head;
        let length = (u32::from_le_bytes([a, b, c, d]) as usize).min(behind.len());
        let (payload, next) = behind.split_at(length);
        let length = (length as u32).to_le_bytes();
        let mut sum = crc32fast::Hasher::new();
        [&[kind], &length[..], payload].iter().for_each(|bytes| sum.update(bytes));
        file.extend([0xF1, kind]);
        file.extend(length);
        file.extend(sum.finalize().to_le_bytes());
        file.extend(payload);
        rest = next;
    }
    file
}

fn played(bytes: Vec<u8>) {
    let length = bytes.len();
    let recording = match Recording::of(bytes) {
        Ok(recording) => recording,
        Err(error) => return assert_sentence(&error),
    };
    assert!((1..=length / HEAD).contains(&recording.snapshots()));
    for damage in recording.damages() {
        assert!(damage.from + damage.bytes <= length as u64, "{damage:?}");
    }
    let mut model = console();
    let mut snapshots: Vec<Arc<Snapshot>> = Vec::new();
    for step in recording.steps() {
        match step {
            Step::Snapshot(snapshot) if snapshots.len() < LOOKED_AT => snapshots.push(snapshot),
            Step::Flawed(flaw) => assert_sentence(&flaw),
            Step::Machine(machine) => {
                let failed = |why| KernelError::System { action: "look".to_owned(), why };
                let owners = machine.owners.map_err(failed);
                let schedulers = machine.schedulers.map(Into::into);
                model.update(Message::Machine(owners, schedulers, machine.release));
            }
            Step::Journal(news) => {
                model.update(Message::Journal(news));
            }
            Step::Theirs(theirs) => {
                model.update(Message::Theirs(Arc::new(theirs)));
            }
            _ => {}
        }
    }
    for snapshot in &snapshots {
        model.update(Message::Snapshot(Arc::clone(snapshot), snapshot.at));
    }
    if let Some(last) = snapshots.last() {
        print(last);
        again(&snapshots);
    }
    for view in [Command::ViewServices, Command::ViewJournal, Command::ViewDirector] {
        model.update(Message::Command(view));
        show(&mut model, (100, 30));
    }
    // Any moment can be gone to.
    let began = recording.began().unwrap();
    assert_eq!(recording.at(Timestamp::MIN).is_some(), recording.at(began).is_some());
    let _ = (recording.at(Timestamp::MAX), recording.last());
    let mut out = Vec::new();
    report::csv(&recording, (Timestamp::MIN, Timestamp::MAX), &mut out).unwrap();
    assert_lines(&out);
    out.clear();
    report::changes(&recording, (Timestamp::MIN, Timestamp::MAX), &TimeZone::UTC, &mut out)
        .unwrap();
    assert_lines(&out);
}

/// What was played can be recorded, and is played as the same.
fn again(snapshots: &[Arc<Snapshot>]) {
    let reel = Reel::default();
    let mut recorder = Recorder::on(Box::new(reel.clone()), 0, Limits::default(), about());
    snapshots.iter().for_each(|one| recorder.take(&Seen::Snapshot(Arc::clone(one))));
    recorder.finish();
    assert_eq!(recorder.status().failing, None);
    recorder.status().failing.iter().for_each(|why| assert_quiet(why));
    let recording = Recording::of(reel.bytes()).unwrap();
    assert_eq!(recording.damages(), []);
    let played: Vec<Snapshot> =
        recording.steps().filter_map(Step::snapshot).map(Arc::unwrap_or_clone).collect();
    let wanted: Vec<Snapshot> = snapshots.iter().map(|one| kept((**one).clone())).collect();
    assert_eq!(played, wanted);
}

/// What the recordings of this say of themselves.
pub fn about() -> About {
    let program = "ipvs-tui 0.1.0".to_owned();
    About { program, name: "demo".to_owned(), interval_ms: 1_000, began: Timestamp::UNIX_EPOCH }
}

/// A tape in memory that is never full.
#[derive(Clone, Default)]
pub struct Reel(Arc<Mutex<Vec<u8>>>);

impl Reel {
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Tape for Reel {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().extend(bytes);
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.lock().unwrap().truncate(length as usize);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn turn(&mut self, _: u32) -> Result<(), RecordError> {
        self.0.lock().unwrap().clear();
        Ok(())
    }

    fn is_there(&self) -> bool {
        true
    }

    fn name(&self) -> String {
        "reel".to_owned()
    }
}
