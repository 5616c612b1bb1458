//! The palette: every command by some letters of its name, or by words of what it does.

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use tui_input::{Input, InputRequest};

use super::{Effect, Model, Prompt};
use crate::command::{Command, Spec, available, of_replay};

/// A command that matches what is typed.
#[derive(Clone, Debug)]
pub struct Found {
    /// The command.
    pub spec: &'static Spec,
    /// Which letters of its name were found, by their places.
    pub name: Vec<u32>,
    /// Which of its doc.
    pub doc: Vec<u32>,
}

/// A letter of the name counts for this many of the doc.
const NAME_COUNTS: u32 = 3;

impl Model {
    /// The longest text that makes sense in the palette.
    const LONGEST_SEARCH: usize = 60;

    /// The commands that mean something in this view and match `text`, the best first. Without a
    /// text all, in the order of help.
    pub fn found(&self, text: &str) -> Vec<Found> {
        let mut matcher = Matcher::new(Config::DEFAULT);
        // Of a doc, words: some letters of a whole sentence are found nearly everywhere.
        let pattern =
            |kind| Pattern::new(text.trim(), CaseMatching::Ignore, Normalization::Smart, kind);
        let (in_name, in_doc) = (pattern(AtomKind::Fuzzy), pattern(AtomKind::Substring));
        let mut places = Vec::new();
        let mut buffer = Vec::new();
        let mut look = |wanted: &Pattern, text: &'static str| {
            places.clear();
            let score = wanted.indices(Utf32Str::new(text, &mut buffer), &mut matcher, &mut places);
            places.sort_unstable();
            places.dedup();
            score.map(|score| (score, places.clone()))
        };
        let mut all: Vec<(u32, Found)> = self
            .commands()
            .into_iter()
            .filter(|spec| spec.views.contains(&self.view) && spec.command != Command::Palette)
            .filter_map(|spec| {
                let (name, doc) = (look(&in_name, spec.name), look(&in_doc, spec.doc));
                let by_name = name.as_ref().map_or(0, |(score, _)| score * NAME_COUNTS);
                let score = by_name.max(doc.as_ref().map_or(0, |(score, _)| *score));
                // Fingers type :q, whatever else begins with that letter.
                let by_key = self.keys.of(spec.command).iter().any(|key| key == text.trim());
                let score = if by_key { u32::MAX } else { score };
                if name.is_none() && doc.is_none() && !by_key {
                    return None;
                }
                let places = |found: Option<(u32, Vec<u32>)>| found.map_or(Vec::new(), |f| f.1);
                Some((score, Found { spec, name: places(name), doc: places(doc) }))
            })
            .collect();
        all.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        all.into_iter().map(|(_, found)| found).collect()
    }

    /// The commands that this console has.
    pub fn commands(&self) -> Vec<&'static Spec> {
        if self.replays() { of_replay().collect() } else { available(self.read_only).collect() }
    }

    pub(super) fn ask_palette(&mut self) {
        self.prompt = Some(Prompt::Palette { input: Input::default(), chosen: 0 });
    }

    pub(super) fn typed_in_palette(&mut self, request: InputRequest) {
        let Some(Prompt::Palette { input, chosen }) = &mut self.prompt else { return };
        let full = input.value().len() >= Self::LONGEST_SEARCH;
        if !(full && matches!(request, InputRequest::InsertChar(_))) {
            input.handle(request);
            *chosen = 0;
        }
    }

    /// Another command of those that match.
    pub(super) fn choose_in_palette(&mut self, by: isize) {
        let Some(Prompt::Palette { input, .. }) = &self.prompt else { return };
        let most = self.found(input.value()).len().saturating_sub(1);
        if let Some(Prompt::Palette { chosen, .. }) = &mut self.prompt {
            *chosen = chosen.saturating_add_signed(by).min(most);
        }
    }

    /// Enter: does what is chosen, as its key would.
    pub(super) fn run_chosen(&mut self, text: &str, chosen: usize) -> Vec<Effect> {
        match self.found(text).get(chosen).map(|found| found.spec.command) {
            Some(command) => self.command(command),
            None => Vec::new(),
        }
    }
}
