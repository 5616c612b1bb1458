//! A plan before it is applied: what it does, what is dangerous about it, what can be done about
//! that, and what the operator has to say.

use std::time::Duration;

use jiff::SignedDuration;
use tui_input::{Input, InputRequest};

use super::{Copied, Effect, Kind, Model, Prompt, Scroll, Tone};
use crate::ipvs::{Change, Server, ServiceKey};
use crate::journal::{Order, Then};
use crate::plan::{Around, Danger, Level, Offer, Plan, dangers, level, offers};

/// What an operator can say on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Why it is done, for the journal.
    Reason,
    /// After which time a drain is over.
    Timeout,
    /// What happens then.
    Then,
    /// Over which time weights come back.
    Ramp,
    /// The word that the worst plans want typed.
    Word,
}

/// A line of a page that can be filled in.
#[derive(Debug)]
pub struct Line {
    /// What is asked.
    pub ask: Ask,
    /// What was typed. [`Ask::Then`] is chosen instead.
    pub input: Input,
    /// Why it cannot be used.
    pub wrong: Option<String>,
}

/// Where keys go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Focus {
    /// Into the line with this number.
    Line(usize),
    /// To the answer that leaves everything as it is.
    Cancel,
    /// To the answer that applies the plan.
    Apply,
}

/// A plan that is shown before it is applied.
#[derive(Debug)]
pub struct Page {
    /// What it is about.
    pub title: String,
    /// What led here, if something went wrong.
    pub said: Option<String>,
    /// What else could be set until the servers are restored, and whether it shall be.
    pub offers: Vec<(Offer, bool)>,
    /// What has to be known before it is applied, offers that were taken included.
    pub dangers: Vec<Danger>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
    /// What can be said.
    pub lines: Vec<Line>,
    /// Where keys go.
    pub focus: Focus,
    /// How far it is scrolled.
    pub scroll: Scroll,
    /// What happens when a drain's time is up.
    pub then: Then,
    /// The word that the worst plans want typed.
    pub word: &'static str,
    order: Order,
    kind: Kind,
    /// The weights that come back, for a ramp.
    pub(super) restores: Vec<(ServiceKey, Server, u32)>,
    /// Whether it was on the screen.
    pub(super) seen: bool,
}

impl Page {
    /// The longest text that a line takes.
    const LONGEST: usize = 200;

    pub(super) fn new(title: &str, order: Order, kind: Kind) -> Self {
        let lines = vec![Line::new(Ask::Reason)];
        Self {
            title: title.to_owned(),
            said: None,
            offers: Vec::new(),
            dangers: Vec::new(),
            notes: Vec::new(),
            lines,
            focus: Focus::Cancel,
            scroll: Scroll::default(),
            then: Then::Keep,
            word: verb(&order.act.plan),
            order,
            kind,
            restores: Vec::new(),
            seen: false,
        }
    }

    pub(super) fn asking(mut self, asks: &[Ask]) -> Self {
        self.lines.extend(asks.iter().map(|ask| Line::new(*ask)));
        self
    }

    /// The plan with the offers that were taken.
    pub fn plan(&self) -> Plan {
        let taken: Vec<Offer> = self
            .offers
            .iter()
            .filter(|(_, taken)| *taken)
            .map(|(offer, _)| offer.clone())
            .collect();
        self.order.act.plan.with_offers(&taken)
    }

    /// How careful the operator has to be.
    pub fn level(&self) -> Level {
        level(&self.dangers)
    }

    fn line(&self, ask: Ask) -> Option<&Line> {
        self.lines.iter().find(|line| line.ask == ask)
    }

    fn said(&self, ask: Ask) -> &str {
        self.line(ask).map_or("", |line| line.input.value().trim())
    }

    /// A line wants something else; keys go there.
    fn wrong(&mut self, ask: Ask, why: String) {
        if let Some(place) = self.lines.iter().position(|line| line.ask == ask) {
            self.focus = Focus::Line(place);
            if let Some(line) = self.lines.get_mut(place) {
                line.wrong = Some(why);
            }
        }
    }

    fn time(&self, ask: Ask) -> Result<Option<Duration>, String> {
        match self.said(ask) {
            "" => Ok(None),
            text => span(text).map(Some),
        }
    }

    fn move_focus(&mut self, by: isize) {
        let count = self.lines.len() + 2;
        let at = match self.focus {
            Focus::Line(n) => n,
            Focus::Cancel => self.lines.len(),
            Focus::Apply => self.lines.len() + 1,
        };
        let count_signed = isize::try_from(count).unwrap_or(isize::MAX);
        let next = isize::try_from(at).unwrap_or(0).saturating_add(by).rem_euclid(count_signed);
        let next = usize::try_from(next).unwrap_or(0);
        self.focus = match next.checked_sub(self.lines.len()) {
            None => Focus::Line(next),
            Some(0) => Focus::Cancel,
            Some(_) => Focus::Apply,
        };
    }

    fn typed(&mut self, request: InputRequest) -> Typed {
        if let Focus::Line(place) = self.focus
            && let Some(line) = self.lines.get_mut(place)
        {
            line.wrong = None;
            match (line.ask, request) {
                (Ask::Then, InputRequest::GoToPrevChar) => self.then = before(self.then),
                (Ask::Then, InputRequest::GoToNextChar | InputRequest::InsertChar(' ')) => {
                    self.then = after(self.then);
                }
                (Ask::Then, _) => {}
                (_, InputRequest::InsertChar(_)) if line.input.value().len() >= Self::LONGEST => {}
                _ => drop(line.input.handle(request)),
            }
            return Typed::Nothing;
        }
        match request {
            InputRequest::GoToPrevChar | InputRequest::GoToNextChar => {
                let other = self.focus == Focus::Cancel;
                self.focus = if other { Focus::Apply } else { Focus::Cancel };
                Typed::Nothing
            }
            InputRequest::InsertChar('y') => Typed::Copy,
            // No letter leaves the page: who types a reason here, and not in its line, would go on
            // typing where letters are commands.
            InputRequest::InsertChar(key) => {
                let offer = self.offers.iter_mut().find(|(offer, _)| offer.key == key);
                offer.map_or(Typed::Astray(key), |(_, taken)| {
                    *taken = !*taken;
                    Typed::Offer
                })
            }
            _ => Typed::Nothing,
        }
    }
}

impl Line {
    fn new(ask: Ask) -> Self {
        Self { ask, input: Input::default(), wrong: None }
    }
}

/// The word for the worst that a plan does.
fn verb(plan: &Plan) -> &'static str {
    let gone = |change: &Change| {
        matches!(change, Change::Service { after: None, .. } | Change::Server { after: None, .. })
    };
    let zero = |change: &Change| matches!(change, Change::Server { after: Some(after), .. } if after.weight == 0);
    match plan.changes.as_slice() {
        changes if changes.iter().any(gone) => "delete",
        changes if changes.iter().any(zero) => "quiesce",
        _ => "apply",
    }
}

enum Typed {
    Nothing,
    Offer,
    Copy,
    /// A letter that is no answer.
    Astray(char),
}

fn after(then: Then) -> Then {
    match then {
        Then::Keep => Then::Restore,
        Then::Restore => Then::Delete,
        Then::Delete => Then::Keep,
    }
}

fn before(then: Then) -> Then {
    after(after(then))
}

/// Reads a span of time as people write it: `90s`, `10m`, `1h30m`.
///
/// # Errors
/// A sentence, when it is none, not above 0, or longer than a week.
pub fn span(text: &str) -> Result<Duration, String> {
    const WEEK: Duration = Duration::from_secs(7 * 86_400);
    let wrong =
        || "write a time with its unit, from 1s to 7d, such as 90s, 10m or 1h30m".to_owned();
    let time: SignedDuration = match text.strip_suffix('d').map(str::parse::<i64>) {
        Some(Ok(days)) => SignedDuration::from_secs(days.saturating_mul(86_400)),
        _ => text.parse().map_err(|_| wrong())?,
    };
    let time = Duration::try_from(time).map_err(|_| wrong())?;
    if time < Duration::from_secs(1) || time > WEEK { Err(wrong()) } else { Ok(time) }
}

impl Model {
    /// Applies a harmless plan at once and asks about any other.
    pub(super) fn propose(&mut self, plan: Plan) -> Vec<Effect> {
        let order = self.order(plan);
        let page = Page::new("Apply this?", order, Kind::New);
        self.turn_to(page, false)
    }

    /// Shows a page, or applies its plan at once where that needs no asking.
    pub(super) fn turn_to(&mut self, mut page: Page, always: bool) -> Vec<Effect> {
        if let Some(around) = self.around() {
            let open = |offer| (offer, false);
            page.offers = offers(&page.order.act.plan, &around).into_iter().map(open).collect();
        }
        page.dangers = self.dangers(&page.plan());
        let level = page.level();
        if level == Level::Tell && !always {
            // What was found is worth a word all the same.
            self.prompt = None;
            return self.start(page.kind, page.order);
        }
        page.focus = if level == Level::Tell { Focus::Apply } else { Focus::Cancel };
        if level == Level::Type {
            page.lines.push(Line::new(Ask::Word));
        }
        self.prompt = Some(Prompt::Page(Box::new(page)));
        Vec::new()
    }

    /// Whether a plan is shown that was not on the screen yet: no key that was typed before answers
    /// it.
    pub fn asks_unseen(&self) -> bool {
        matches!(&self.prompt, Some(Prompt::Page(page)) if !page.seen)
    }

    pub(super) fn around(&self) -> Option<Around<'_>> {
        let snapshot = self.snapshot.as_deref()?;
        Some(Around { snapshot, owners: &self.owners })
    }

    /// What `plan` adds to the dangers of the plans under way, which the snapshot does not show
    /// yet: of two servers quiesced in quick succession, the second may be the last.
    fn dangers(&self, plan: &Plan) -> Vec<Danger> {
        let Some(around) = self.around() else { return Vec::new() };
        let mut all = self.edits.under_way();
        if all.changes.is_empty() {
            return dangers(plan, &around);
        }
        let known = dangers(&all, &around);
        all.changes.extend(plan.changes.iter().cloned());
        let mut added = dangers(&all, &around);
        added.retain(|danger| !known.contains(danger));
        added
    }

    /// Computes the dangers of the open page anew: an offer was taken, or the table has moved on.
    pub(super) fn look_again(&mut self) {
        let Some(Prompt::Page(page)) = &self.prompt else { return };
        let found = self.dangers(&page.plan());
        let Some(Prompt::Page(page)) = &mut self.prompt else { return };
        page.dangers = found;
        let word = page.lines.iter().position(|line| line.ask == Ask::Word);
        match (page.level() == Level::Type, word) {
            (true, None) => page.lines.push(Line::new(Ask::Word)),
            (false, Some(place)) if page.focus != Focus::Line(place) => {
                page.lines.remove(place);
            }
            _ => {}
        }
    }

    pub(super) fn typed_on_page(&mut self, request: InputRequest) -> Vec<Effect> {
        let Some(Prompt::Page(page)) = &mut self.prompt else { return Vec::new() };
        match page.typed(request) {
            Typed::Nothing => {}
            Typed::Offer => self.look_again(),
            Typed::Astray(key) => {
                let text = format!("{key} is no answer; Tab goes to what is typed, Esc leaves");
                self.say(Tone::Info, text);
            }
            Typed::Copy => {
                let plan = page.plan();
                return vec![Effect::Copy(Copied::Commands(plan))];
            }
        }
        Vec::new()
    }

    pub(super) fn choose_on_page(&mut self, by: isize) {
        if let Some(Prompt::Page(page)) = &mut self.prompt {
            page.move_focus(by);
        }
    }

    pub(super) fn scroll_page(&mut self, by: isize) {
        if let Some(Prompt::Page(page)) = &mut self.prompt {
            page.scroll.by(by);
        }
    }

    /// Enter: in a line it goes on to the next, on an answer it gives the answer.
    pub(super) fn accept_page(&mut self, mut page: Box<Page>) -> Vec<Effect> {
        match page.focus {
            Focus::Line(n) if page.lines.get(n).is_some_and(|line| line.ask == Ask::Word) => {
                let typed = page.said(Ask::Word) == page.word;
                page.focus = if typed { Focus::Apply } else { Focus::Cancel };
            }
            // From the last line on to the answer that is ready.
            Focus::Line(n) if n + 1 == page.lines.len() && page.level() == Level::Tell => {
                page.focus = Focus::Apply;
            }
            Focus::Line(_) => page.move_focus(1),
            Focus::Cancel => {
                self.say(Tone::Info, "cancelled; nothing was changed");
                return Vec::new();
            }
            Focus::Apply => match self.read_page(&mut page) {
                Ok(effects) => return effects,
                Err((ask, why)) => page.wrong(ask, why),
            },
        }
        self.prompt = Some(Prompt::Page(page));
        Vec::new()
    }

    fn read_page(&mut self, page: &mut Page) -> Result<Vec<Effect>, (Ask, String)> {
        let told = |ask: Ask| move |why: String| (ask, why);
        let timeout = page.time(Ask::Timeout).map_err(told(Ask::Timeout))?;
        let ramp = page.time(Ask::Ramp).map_err(told(Ask::Ramp))?;
        if page.level() == Level::Type && page.said(Ask::Word) != page.word {
            let why = format!("type {} here if you mean it", page.word);
            return Err((Ask::Word, why));
        }
        let mut order = page.order.clone();
        order.act.plan = page.plan();
        order.act.reason = page.said(Ask::Reason).to_owned();
        if let Some(terms) = &mut order.begins {
            terms.reason.clone_from(&order.act.reason);
            terms.timeout_seconds = timeout.map(|time| time.as_secs());
            terms.then = page.then;
        }
        match ramp {
            Some(over) => Ok(self.start_ramp(&page.restores, over, order)),
            None => Ok(self.start(page.kind, order)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [("90s", 90), ("10m", 600), ("1h30m", 5400), ("1d", 86_400)] {
            assert_eq!(span(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "10", "0s", "8d", "-5m", "soon", "1m\u{1b}[2J", "99999999999999999999d"] {
            assert!(span(text).is_err(), "{text:?}");
        }
    }
}
