//! One field of a form, and what may be done to it.

use std::borrow::Cow;

use tui_input::{Input, InputRequest};

/// The answers of a switch.
pub(super) const YES: &str = "yes";
const NO: &str = "no";

/// The longest text that makes sense in any field: an IPv6 address has at most 45 characters.
const LONGEST: usize = 64;

/// Names a field within its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Id {
    /// What an edit is about.
    Key,
    Kind,
    Address,
    Port,
    Mark,
    Scheduler,
    Fallback,
    HashPort,
    Persistent,
    Timeout,
    Netmask,
    Engine,
    OnePacket,
    Forwarding,
    Weight,
    Upper,
    Lower,
    TunnelKind,
    TunnelPort,
    Checksum,
    RemoteChecksum,
    Tcp,
    TcpFin,
    Udp,
}

/// One field.
#[derive(Debug)]
pub struct Field {
    /// Its name, one or two words.
    pub label: &'static str,
    /// What it does and which values it takes, in one sentence.
    pub hint: &'static str,
    /// What it means to leave a text empty; empty where that is a mistake.
    pub empty: &'static str,
    /// What is in it.
    pub kind: FieldKind,
    /// Why that will not do.
    pub wrong: Option<String>,
    pub(super) id: Id,
    /// What the entry holds, as the field shows it; none for a new entry.
    was: Option<String>,
}

/// What is in a field.
#[derive(Debug)]
pub enum FieldKind {
    /// Something typed.
    Text(Input),
    /// One of several answers.
    Choice {
        /// Each with what it means, in one line.
        options: Vec<(String, Cow<'static, str>)>,
        /// Which one.
        chosen: usize,
    },
    /// Yes or no.
    Switch(bool),
    /// A key, which no edit can change.
    Fixed(String),
}

impl Field {
    fn new(id: Id, label: &'static str, kind: FieldKind) -> Self {
        Self { label, hint: "", empty: "", kind, wrong: None, id, was: None }
    }

    pub(super) fn text(id: Id, label: &'static str, value: impl Into<String>) -> Self {
        Self::new(id, label, FieldKind::Text(Input::new(value.into())))
    }

    pub(super) fn switch(id: Id, label: &'static str, on: bool) -> Self {
        Self::new(id, label, FieldKind::Switch(on))
    }

    pub(super) fn fixed(label: &'static str, key: &impl ToString) -> Self {
        Self::new(Id::Key, label, FieldKind::Fixed(key.to_string()))
    }

    /// A choice with `chosen` as the answer, or the first if there is no such.
    pub(super) fn choice(
        id: Id,
        label: &'static str,
        options: Vec<(String, Cow<'static, str>)>,
        chosen: &str,
    ) -> Self {
        let chosen = options.iter().position(|(name, _)| name == chosen).unwrap_or_default();
        Self::new(id, label, FieldKind::Choice { options, chosen })
    }

    pub(super) fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    pub(super) fn empty(self, empty: &'static str) -> Self {
        Self { empty, ..self }
    }

    /// Says what the entry holds where the field proposes something else.
    pub(super) fn holding(self, was: impl Into<String>) -> Self {
        Self { was: Some(was.into()), ..self }
    }

    /// The field of an edit: it shows what the entry holds.
    pub(super) fn held(mut self) -> Self {
        if self.was.is_none() {
            self.was = Some(self.value().to_owned());
        }
        self
    }

    /// What it shows.
    pub fn value(&self) -> &str {
        match &self.kind {
            FieldKind::Text(input) => input.value(),
            FieldKind::Choice { options, chosen } => {
                options.get(*chosen).map_or("", |(name, _)| name.as_str())
            }
            FieldKind::Switch(true) => YES,
            FieldKind::Switch(false) => NO,
            FieldKind::Fixed(value) => value,
        }
    }

    /// What it shows, with the word for an empty text.
    pub fn shown(&self) -> &str {
        self.or_empty(self.value())
    }

    /// What the entry holds, if the operator has altered that.
    pub fn was(&self) -> Option<&str> {
        self.was.as_deref().filter(|was| *was != self.value()).map(|was| self.or_empty(was))
    }

    /// What the chosen answer means, and the hint.
    pub fn doc(&self) -> String {
        let doc = match &self.kind {
            FieldKind::Choice { options, chosen } => options.get(*chosen).map(|(_, doc)| doc),
            _ => None,
        };
        let said = [doc.map_or("", |doc| doc), self.hint];
        said.into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("; ")
    }

    fn or_empty<'a>(&'a self, value: &'a str) -> &'a str {
        if value.is_empty() { self.empty } else { value }
    }

    /// Whether the entry is to take its value: it is new, or the field shows something else.
    pub(super) fn is_given(&self) -> bool {
        self.was.as_deref() != Some(self.value())
    }

    /// Whether it is a text that has to be typed.
    pub(super) fn awaits_text(&self) -> bool {
        let text = matches!(self.kind, FieldKind::Text(_));
        text && self.value().is_empty() && self.empty.is_empty()
    }

    pub(super) fn typed(&mut self, request: InputRequest) {
        match (&mut self.kind, request) {
            (FieldKind::Text(input), request) => {
                let full = input.value().chars().count() >= LONGEST;
                let adds = matches!(request, InputRequest::InsertChar(_) | InputRequest::Yank);
                if !(full && adds) {
                    input.handle(request);
                }
            }
            (_, InputRequest::InsertChar(' ') | InputRequest::GoToNextChar) => self.choose(1),
            (_, InputRequest::GoToPrevChar) => self.choose(-1),
            (FieldKind::Choice { chosen, .. }, InputRequest::GoToStart) => *chosen = 0,
            (FieldKind::Choice { options, chosen }, InputRequest::GoToEnd) => {
                *chosen = options.len().saturating_sub(1);
            }
            (FieldKind::Choice { options, chosen }, InputRequest::InsertChar(c)) => {
                // The next answer that begins so, round about.
                let begins = |(_, (name, _)): &(usize, &(String, _))| {
                    name.chars().next().is_some_and(|first| first.eq_ignore_ascii_case(&c))
                };
                let all = || options.iter().enumerate();
                let found = all().skip(*chosen + 1).chain(all()).find(begins);
                *chosen = found.map_or(*chosen, |(n, _)| n);
            }
            (FieldKind::Switch(on), InputRequest::InsertChar('y' | 'Y')) => *on = true,
            (FieldKind::Switch(on), InputRequest::InsertChar('n' | 'N')) => *on = false,
            _ => {}
        }
    }

    /// Another answer, round about.
    pub(super) fn choose(&mut self, by: isize) {
        match &mut self.kind {
            FieldKind::Choice { options, chosen } => {
                let all = options.len();
                let on = if by < 0 { (*chosen + all).saturating_sub(1) } else { *chosen + 1 };
                *chosen = on.checked_rem(all).unwrap_or_default();
            }
            FieldKind::Switch(on) => *on = !*on,
            FieldKind::Text(_) | FieldKind::Fixed(_) => {}
        }
    }
}

/// What was found wrong, and in which fields.
#[derive(Debug, Default)]
pub(super) struct Found(Vec<(Id, String)>);

impl Found {
    pub(super) fn one(id: Id, why: String) -> Self {
        Self(vec![(id, why)])
    }

    pub(super) fn add(&mut self, id: Id, why: impl Into<String>) {
        self.0.push((id, why.into()));
    }

    /// The value, or a complaint about `id`.
    pub(super) fn take<T>(&mut self, id: Id, read: Result<T, String>) -> Option<T> {
        read.map_err(|why| self.add(id, why)).ok()
    }

    /// The first complaint about `id`.
    pub(super) fn about(&self, id: Id) -> Option<&str> {
        self.0.iter().find(|(about, _)| *about == id).map(|(_, why)| why.as_str())
    }

    /// `value` if nothing was found.
    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}
