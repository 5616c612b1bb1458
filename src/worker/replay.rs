//! A worker over a recording: it tells what was recorded when its time has come, and is asked to
//! stand still, to hurry, or to go elsewhere.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Instant;

use jiff::tz::TimeZone;
use tokio::sync::mpsc::UnboundedSender;

use super::{NEVER, Report, Request};
use crate::ipvs::counted;
use crate::kernel::KernelError;
use crate::record::{About, Direction, Machine, Play, Player, Step, To};
use crate::snapshot::Moment;

/// Plays until it is told to stop, or nobody listens any more.
pub(super) fn run(
    mut player: Player,
    begun: Instant,
    inbox: &Receiver<Request>,
    reports: &UnboundedSender<Report>,
) {
    let now = || Moment(begun.elapsed());
    let tell = |report| reports.send(report).is_ok();
    loop {
        let mut moved = false;
        while let Some(step) = player.next(now()) {
            moved = true;
            if !told(step).into_iter().all(tell) {
                return;
            }
        }
        if moved && !tell(Report::Playing(player.playing())) {
            return;
        }
        let wait = player.due(now()).unwrap_or(NEVER);
        let play = match inbox.recv_timeout(wait) {
            Ok(Request::Play(play)) => play,
            Ok(Request::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            // There is no kernel to be asked.
            Ok(_) | Err(RecvTimeoutError::Timeout) => continue,
        };
        let answer = answer(&mut player, play, now());
        if !(answer.into_iter().all(tell) && tell(Report::Playing(player.playing()))) {
            return;
        }
    }
}

fn answer(player: &mut Player, play: Play, now: Moment) -> Option<Report> {
    let to = match play {
        Play::Pause => {
            let paused = player.playing().paused;
            player.pause(!paused, now);
            return None;
        }
        Play::Faster(by) => {
            player.faster(by, now);
            return None;
        }
        Play::To(to) => Some(to),
        Play::When(when) => player.time(when, &TimeZone::system()),
    };
    let scene = to.and_then(|to| player.jump(to, now));
    Some(match (scene, to) {
        (Some(scene), _) => Report::Scene(Box::new(scene)),
        (None, Some(To::Change(Direction::Forward))) => note("no change was recorded after this"),
        (None, Some(To::Change(Direction::Back))) => note("no change was recorded before this"),
        (None, Some(To::Snapshot(Direction::Forward))) => note("this is the end of the recording"),
        (None, Some(To::Snapshot(Direction::Back))) => note("this is its beginning"),
        (None, _) => note("there is no such time in the recording"),
    })
}

fn note(text: &str) -> Report {
    Report::Note(text.to_owned())
}

/// A step as the worker of a director would have told it.
fn told(step: Step) -> Option<Report> {
    Some(match step {
        Step::Snapshot(snapshot) => Report::Snapshot(snapshot),
        Step::Unreadable(failed) => Report::Unreadable(KernelError::Told(failed.why)),
        Step::Theirs(theirs) => Report::Theirs(theirs.into()),
        Step::Journal(news) => Report::Journal(news),
        Step::Machine(machine) => self::machine(machine),
        Step::About(About { name, program, .. }) => {
            Report::Note(format!("{program} begins to record {name}"))
        }
        Step::Lost(lost) => Report::Note(format!(
            "{} could not be recorded here: {}",
            counted(lost.snapshots, "snapshot"),
            lost.why
        )),
        Step::Flawed(flaw) => Report::Note(format!("the recording is damaged here: {flaw}")),
        Step::End => return None,
    })
}

/// What the machine told, as a report.
pub(super) fn machine(machine: Machine) -> Report {
    let Machine { owners, schedulers, release } = machine;
    Report::Machine(owners.map_err(KernelError::Told), schedulers.map(Into::into), release)
}
