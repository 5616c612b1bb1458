//! A console over a recording: what the keys do to time, and coming from elsewhere in it. And how
//! a recording of this console is getting on.

use tui_input::{Input, InputRequest};

use super::{Drains, Effect, Model, Prompt, Tone};
use crate::command::Command;
use crate::history::History;
use crate::ipvs::counted;
use crate::kernel::KernelError;
use crate::record::{Direction, Machine, Play, Scene, Status, To, When};
use crate::snapshot::Moment;

impl Model {
    /// The longest text that makes sense as a time.
    const LONGEST_TIME: usize = 40;

    /// Whether a recording is played, and no director watched.
    pub fn replays(&self) -> bool {
        self.playing.is_some()
    }

    /// What a command does to a recording that is played; `None` for the others.
    pub(super) fn command_in_replay(&mut self, command: Command) -> Option<Vec<Effect>> {
        let play = |play| Some(vec![Effect::Play(play)]);
        match command {
            _ if !self.replays() => None,
            Command::Freeze => play(Play::Pause),
            Command::Back => play(Play::To(To::Snapshot(Direction::Back))),
            Command::Forward => play(Play::To(To::Snapshot(Direction::Forward))),
            Command::NextChange => play(Play::To(To::Change(Direction::Forward))),
            Command::PreviousChange => play(Play::To(To::Change(Direction::Back))),
            Command::Faster => play(Play::Faster(1)),
            Command::Slower => play(Play::Faster(-1)),
            Command::Jump => {
                self.prompt = Some(Prompt::Time { input: Input::default(), wrong: None });
                Some(Vec::new())
            }
            _ => None,
        }
    }

    pub(super) fn typed_in_time(&mut self, request: InputRequest) {
        let Some(Prompt::Time { input, wrong }) = &mut self.prompt else { return };
        let full = input.value().len() >= Self::LONGEST_TIME;
        if !(full && matches!(request, InputRequest::InsertChar(_))) {
            input.handle(request);
        }
        *wrong = None;
    }

    /// Enter: goes to the time that was typed.
    pub(super) fn accept_time(&mut self, input: Input) -> Vec<Effect> {
        match input.value().parse::<When>() {
            Ok(when) => vec![Effect::Play(Play::When(when))],
            Err(wrong) => {
                self.prompt = Some(Prompt::Time { input, wrong: Some(wrong) });
                Vec::new()
            }
        }
    }

    /// Everything is as it was at another place of the recording. What is selected, folded and
    /// filtered stays.
    pub(super) fn take_scene(&mut self, scene: Scene, now: Moment) {
        let Scene { about, machine, news, snapshot, unreadable, history, outside } = scene;
        if let Some(about) = about {
            self.recorded(&about);
        }
        (self.owners, self.looked_for_owners) = (Vec::new(), None);
        (self.schedulers, self.kernel) = (None, None);
        if let Some(Machine { owners, schedulers, release }) = machine {
            let owners = owners.map_err(KernelError::Told);
            self.take_machine(owners, schedulers.map(Into::into), release);
        }
        self.drains = Drains::default();
        (self.news, self.past, self.notice) = (None, crate::drain::Past::default(), None);
        if let Some(news) = news {
            self.read_journal(news);
            self.notice = None; // nothing was resumed
        }
        self.history = History::default();
        self.failure = None;
        self.take_in(&snapshot, now);
        // It holds this snapshot already.
        (self.history, self.outside) = (history, outside);
        self.follow_log();
        if self.rows.filter().is_some() {
            self.arrange();
        }
        if let Some(failed) = unreadable {
            self.failure = Some(KernelError::Told(failed.why));
        }
    }

    /// What is recorded.
    pub fn recorded(&mut self, about: &crate::record::About) {
        self.name.clone_from(&about.name);
        self.interval = std::time::Duration::from_millis(about.interval_ms);
    }

    /// A recording that cannot be written is told once, and when it goes on.
    pub(super) fn take_status(&mut self, status: Status) {
        let failing = |status: &Status| status.failing.is_some();
        let before = self.recording.as_ref().is_some_and(failing);
        match (before, &status.failing) {
            (false, Some(why)) => {
                let text = format!("nothing is recorded: {why}");
                self.say(Tone::Error, text);
            }
            (true, None) => {
                let lost = counted(status.lost, "snapshot");
                self.say(Tone::Warning, format!("recording goes on; {lost} are missing"));
            }
            _ => {}
        }
        self.recording = Some(status);
    }

    /// Something that is worth a sentence.
    pub(super) fn take_note(&mut self, text: String) {
        self.say(Tone::Info, text);
    }
}
