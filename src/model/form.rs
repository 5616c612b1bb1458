//! Forms: every field of a service, a real server or the protocol timeouts, to be typed and
//! chosen. A form is a value: it reads nothing, draws nothing and changes nothing; what comes of
//! it is a plan.
//!
//! ```text
//! field      one field, and what may be done to it
//! service    the fields of a service, and the service that they make
//! server     the same of a real server
//! timeouts   the same of the protocol timeouts
//! typed      from text to numbers, addresses and masks
//! ```
//!
//! An edit begins with the entry that the kernel holds and alters what the operator has altered,
//! and nothing else: the kernel replaces whole entries, and what is odd about one (a scheduler of
//! another kernel, a flag without a name) has to survive. So a field that was left alone is never
//! read back from its text, and a field that does not apply is not read at all.

mod field;
mod server;
mod service;
mod timeouts;
mod typed;

use tui_input::InputRequest;

use super::Row;
use crate::ipvs::{Change, Server, ServerKey, Service, ServiceKey, Timeouts};
use crate::kernel::KernelError;
use crate::kernel::check::{Abilities, check};
use crate::plan::Plan;
use crate::snapshot::{ServerEntry, ServiceEntry};
pub use field::{Field, FieldKind};
use field::{Found, Id};

/// Fields to fill in, one of which has the focus.
#[derive(Debug)]
pub struct Form {
    /// What it is for: `Edit a real server`.
    pub title: &'static str,
    /// The fields, those that do not apply now among them.
    pub fields: Vec<Field>,
    /// Which field takes what is typed: one that applies, and that can be altered.
    pub focus: usize,
    what: What,
    /// What the kernel can that it is for.
    kernel: Abilities,
    /// Whether something was found wrong: from then on complaints follow what is typed.
    asked: bool,
}

/// What a form makes, with what it may not collide with.
#[derive(Debug)]
enum What {
    /// A service: `before` is none for a new one, whose key must be none of `present`.
    Service { before: Option<Service>, present: Vec<ServiceKey> },
    /// A real server of `service`, likewise.
    Server { service: ServiceKey, before: Option<Server>, present: Vec<ServerKey> },
    /// The protocol timeouts as they are.
    Timeouts(Timeouts),
}

/// A field is wrong: it says why, and has the focus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wrong;

impl Form {
    /// A new service, with the kind, address and scheduler of `like` proposed; its key must be
    /// none of `present`.
    pub fn add_service(like: Option<&Service>, present: Vec<ServiceKey>) -> Self {
        let fields = service::new(like);
        Self::of("Add a service", fields, What::Service { before: None, present })
    }

    /// Everything about a service but its key.
    pub fn edit_service(entry: &ServiceEntry) -> Self {
        let before = Some(entry.service.clone());
        let what = What::Service { before, present: Vec::new() };
        Self::of("Edit a service", service::present(&entry.service), what)
    }

    /// A new real server, with the forwarding, port and weight that most of its siblings have.
    pub fn add_server(entry: &ServiceEntry) -> Self {
        let present = entry.servers.iter().map(|s| s.server.key).collect();
        let what = What::Server { service: entry.service.key, before: None, present };
        Self::of("Add a real server", server::new(entry), what)
    }

    /// Everything about a real server but its key.
    pub fn edit_server(entry: &ServiceEntry, server: &ServerEntry) -> Self {
        let (service, before) = (entry.service.key, Some(server.server.clone()));
        let fields = server::present(service, &server.server);
        let what = What::Server { service, before, present: Vec::new() };
        Self::of("Edit a real server", fields, what)
    }

    /// The protocol timeouts.
    pub fn timeouts(present: Timeouts) -> Self {
        Self::of("Protocol timeouts", timeouts::present(present), What::Timeouts(present))
    }

    /// The same for a kernel that can no more than this.
    #[must_use]
    pub fn with(self, kernel: Abilities) -> Self {
        Self { kernel, ..self }
    }

    /// The first field to fill in has the focus, or else the first that can be altered.
    fn of(title: &'static str, fields: Vec<Field>, what: What) -> Self {
        let kernel = Abilities::default();
        let mut form = Self { title, fields, focus: 0, what, kernel, asked: false };
        let reachable = |n: &usize| form.reachable(*n);
        let awaits =
            |n: &usize| reachable(n) && form.fields.get(*n).is_some_and(Field::awaits_text);
        let mut all = 0..form.fields.len();
        form.focus = all.clone().find(awaits).or_else(|| all.find(reachable)).unwrap_or_default();
        form
    }

    /// Whether `row` is what it edits, or the service that it adds a server to.
    pub fn is_about(&self, row: &Row) -> bool {
        match &self.what {
            What::Service { before: Some(before), .. } => *row == Row::Service(before.key),
            What::Server { service, before: Some(before), .. } => {
                *row == Row::Server(*service, before.key)
            }
            What::Server { service, before: None, .. } => *row == Row::Service(*service),
            What::Service { before: None, .. } | What::Timeouts(_) => false,
        }
    }

    /// Takes a key for the field with the focus.
    pub fn typed(&mut self, request: InputRequest) {
        if let Some(field) = self.fields.get_mut(self.focus) {
            field.typed(request);
        }
        self.follow();
    }

    /// Whether the field with the focus takes text.
    pub(super) fn is_on_text(&self) -> bool {
        let focused = self.fields.get(self.focus);
        focused.is_some_and(|field| matches!(field.kind, FieldKind::Text(_)))
    }

    /// Moves the focus to the next field, or the one before if `by` is negative: round about, past
    /// those that cannot be altered or do not apply.
    pub fn next(&mut self, by: isize) {
        let all = self.fields.len();
        for _ in 0..all {
            let on = if by < 0 { self.focus + all - 1 } else { self.focus + 1 };
            self.focus = on.checked_rem(all).unwrap_or_default();
            if self.reachable(self.focus) {
                break;
            }
        }
    }

    /// Another answer in the field with the focus, if it is a choice or a switch.
    pub fn choose(&mut self, by: isize) {
        if let Some(field) = self.fields.get_mut(self.focus) {
            field.choose(by);
        }
        self.follow();
    }

    /// Whether the field at `index` means anything with the others as they are.
    pub fn applies(&self, index: usize) -> bool {
        self.fields.get(index).is_some_and(|field| match &self.what {
            What::Service { before, .. } => service::applies(self, before.as_ref(), field.id),
            What::Server { .. } => server::applies(self, field.id),
            What::Timeouts(_) => true,
        })
    }

    /// What is to be known of the field at `index` as it is filled in now, and is no mistake.
    pub fn note(&self, index: usize) -> Option<String> {
        let id = self.fields.get(index)?.id;
        match &self.what {
            What::Service { before, .. } => service::note(self, before.as_ref(), id),
            What::Server { service, .. } => server::note(self, service, id),
            What::Timeouts(_) => timeouts::note(self, id),
        }
    }

    /// The plan that it comes to; `None` if nothing is altered.
    ///
    /// # Errors
    /// [`Wrong`] when fields are: each says why, and the first has the focus.
    pub fn plan(&mut self) -> Result<Option<Plan>, Wrong> {
        match self.read() {
            Ok(change) => Ok(change.map(Plan::one)),
            Err(found) => {
                self.asked = true;
                self.complain(&found);
                let first = self.fields.iter().position(|f| f.wrong.is_some());
                self.focus = first.unwrap_or(self.focus);
                Err(Wrong)
            }
        }
    }

    /// What it comes to; `None` if the kernel holds just that.
    fn read(&self) -> Result<Option<Change>, Found> {
        let change = match &self.what {
            What::Service { before, present } => {
                let after = service::read(self, before.as_ref(), present)?;
                Change::Service { before: before.clone(), after: Some(after) }
            }
            What::Server { service, before, present } => {
                let after = Some(server::read(self, *service, before.as_ref(), present)?);
                Change::Server { service: *service, before: before.clone(), after }
            }
            What::Timeouts(before) => {
                let after = timeouts::read(self, *before)?;
                Change::Timeouts { before: *before, after }
            }
        };
        let same = match &change {
            Change::Service { before, after } => before == after,
            Change::Server { before, after, .. } => before == after,
            Change::Timeouts { before, after } => before == after,
            _ => false,
        };
        if same {
            return Ok(None);
        }
        check(&change).map_err(|refused| self.blamed(Self::to_blame(&change), refused))?;
        let unable = if change.server().is_some() { Id::TunnelKind } else { Id::Scheduler };
        self.kernel.check(&change).map_err(|refused| self.blamed(unable, refused))?;
        Ok(Some(change))
    }

    /// A refusal that is about a field. What is odd about an entry may stand in one that does not
    /// apply now: then the one with the focus tells it.
    fn blamed(&self, id: Id, refused: KernelError) -> Found {
        let why = match refused {
            KernelError::Refused { why, .. } => why,
            other => other.to_string(),
        };
        let focused = self.fields.get(self.focus).map_or(Id::Key, |f| f.id);
        Found::one(if self.field(id).is_some() { id } else { focused }, why)
    }

    /// The field that a refusal of [`check`] is about.
    fn to_blame(change: &Change) -> Id {
        match change {
            Change::Service { before, after: Some(after) } => {
                service::to_blame(before.as_ref(), after)
            }
            Change::Server { after: Some(after), .. } => server::to_blame(after),
            _ => Id::Key,
        }
    }

    /// Keeps complaints about other fields true while one is altered. What is being typed is not
    /// complained about until it is entered.
    fn follow(&mut self) {
        if self.asked {
            self.complain(&self.read().err().unwrap_or_default());
        }
        if let Some(field) = self.fields.get_mut(self.focus) {
            field.wrong = None;
        }
    }

    fn complain(&mut self, found: &Found) {
        for field in &mut self.fields {
            field.wrong = found.about(field.id).map(str::to_owned);
        }
    }

    fn reachable(&self, index: usize) -> bool {
        let altered = |f: &Field| !matches!(f.kind, FieldKind::Fixed(_));
        self.fields.get(index).is_some_and(altered) && self.applies(index)
    }

    /// The field with this id, if it is there and applies.
    fn field(&self, id: Id) -> Option<&Field> {
        let place = self.fields.iter().position(|f| f.id == id)?;
        self.fields.get(place).filter(|_| self.applies(place))
    }

    /// What a field shows, whether it applies or not; empty if it is not there.
    fn value(&self, id: Id) -> &str {
        self.fields.iter().find(|f| f.id == id).map_or("", Field::value)
    }

    /// What was typed or chosen for `id`, if the entry is to take it: the field applies, and does
    /// not just show what the entry holds.
    fn given(&self, id: Id) -> Option<&str> {
        self.field(id).filter(|f| f.is_given()).map(|f| f.value().trim())
    }

    /// The same of a switch.
    fn switched(&self, id: Id) -> Option<bool> {
        self.given(id).map(|answer| answer == field::YES)
    }
}

#[cfg(test)]
mod tests;
