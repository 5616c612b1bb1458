//! Recordings of the embedded director, cut, damaged, rotated, and played.

mod damage;
mod disk;
mod play;
mod same;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::ipvs::Change;
use crate::kernel::{Reader, Want, Writer, sim};
use crate::outside::Theirs;
use crate::snapshot::Snapshot;

fn about() -> About {
    About {
        program: "ipvs-tui 0.1.0".into(),
        name: "demo".into(),
        interval_ms: 1_000,
        began: "2026-01-01T12:00:00Z".parse().unwrap(),
    }
}

fn director(scenario: &str) -> sim::Director {
    let step = sim::Clock::Step(Duration::from_secs(1));
    sim::Director::open(scenario.parse().unwrap(), 1, step)
}

/// The next so many readings.
fn readings(director: &sim::Director, count: usize) -> Vec<Arc<Snapshot>> {
    let mut reader = director.reader();
    let read = |_| Arc::new(reader.snapshot(&Want::everything()).unwrap());
    (0..count).map(read).collect()
}

/// What a disk holds, part after part, and how much room it has left.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Held>>);

/// The parts, and the room that is left.
type Held = (Vec<Vec<u8>>, Option<usize>);

impl Disk {
    fn parts(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().0.clone()
    }

    /// What is written to now.
    fn bytes(&self) -> Vec<u8> {
        self.parts().pop().unwrap_or_default()
    }

    fn room(&self, bytes: Option<usize>) {
        self.0.lock().unwrap().1 = bytes;
    }
}

impl Tape for Disk {
    fn append(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let (parts, room) = &mut *self.0.lock().unwrap();
        if parts.is_empty() {
            parts.push(Vec::new());
        }
        let fits = room.map_or(bytes.len(), |room| room.min(bytes.len()));
        parts.last_mut().unwrap().extend(&bytes[..fits]);
        if let Some(room) = room {
            *room -= fits;
        }
        if fits < bytes.len() {
            return Err(std::io::Error::from_raw_os_error(28)); // ENOSPC
        }
        Ok(())
    }

    fn cut(&mut self, length: u64) -> std::io::Result<()> {
        if let Some(last) = self.0.lock().unwrap().0.last_mut() {
            last.truncate(usize::try_from(length).unwrap());
        }
        Ok(())
    }

    fn sync(&mut self) -> std::io::Result<()> {
        Ok(())
    }

    fn turn(&mut self, keep: u32) -> Result<(), RecordError> {
        let (parts, _) = &mut *self.0.lock().unwrap();
        parts.push(Vec::new());
        let most = keep as usize + 1;
        let gone = parts.len().saturating_sub(most);
        parts.drain(..gone);
        Ok(())
    }

    fn is_there(&self) -> bool {
        true
    }

    fn name(&self) -> String {
        "rec".into()
    }
}

fn recorder(disk: &Disk, limits: Limits) -> Recorder {
    Recorder::on(Box::new(disk.clone()), 0, limits, about())
}

/// A recording of these readings.
fn recorded(readings: &[Arc<Snapshot>]) -> Vec<u8> {
    let disk = Disk::default();
    let mut recorder = recorder(&disk, Limits::default());
    readings.iter().for_each(|s| recorder.take(&Seen::Snapshot(Arc::clone(s))));
    drop(recorder);
    disk.bytes()
}

fn played(bytes: Vec<u8>) -> Vec<Arc<Snapshot>> {
    let recording = Recording::of(bytes).unwrap();
    recording.steps().filter_map(Step::snapshot).collect()
}

fn as_kept(readings: &[Arc<Snapshot>]) -> Vec<Snapshot> {
    readings.iter().map(|s| kept((**s).clone())).collect()
}

/// A change from outside that the last of `readings` shows.
fn theirs(snapshot: &Snapshot, weight: u32) -> Theirs {
    let entry = &snapshot.services[0];
    let server = &entry.servers[0].server;
    Theirs {
        time: snapshot.taken,
        at: snapshot.at,
        change: Change::weight(entry.service.key, server, weight),
        by: None,
    }
}

fn set_weight(director: &sim::Director, snapshot: &Snapshot, weight: u32) {
    director.writer().apply(&theirs(snapshot, weight).change).unwrap();
}
