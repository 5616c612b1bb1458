//! Adding, editing and deleting services and real servers, zeroing counters, setting the protocol
//! timeouts: what each command is about, and the form or plan that it opens.

use super::{Effect, Form, Model, Prompt, Row, Tone};
use crate::command::View;
use crate::drain::Drain;
use crate::ipvs::{Change, ServerKey, ServiceKey};
use crate::kernel::check::Abilities;
use crate::plan::Plan;
use crate::snapshot::{ServerEntry, ServiceEntry};

impl Model {
    /// A real server for the selected service; a service where there is none.
    pub(super) fn ask_add(&mut self) {
        if self.snapshot.as_ref().is_some_and(|s| s.services.is_empty()) {
            return self.ask_add_service();
        }
        let Some(form) = self.selected_entry().map(Form::add_server) else {
            self.say(Tone::Info, "select a service first, or one of its servers");
            return;
        };
        self.open(form);
    }

    /// A service like the selected one.
    pub(super) fn ask_add_service(&mut self) {
        let present = self.snapshot.iter().flat_map(|s| &s.services).map(|e| e.service.key);
        let like = self.selected_entry().map(|entry| &entry.service);
        let form = Form::add_service(like, present.collect());
        self.open(form);
    }

    /// The selected service or real server.
    pub(super) fn ask_edit(&mut self) {
        let entry = self.selected_entry();
        let form = match self.rows.selected() {
            Some(Row::Service(_)) => entry.map(Form::edit_service),
            Some(Row::Server(service, key)) => entry.and_then(|entry| {
                let server = self.expected(&service, &key)?;
                let found = entry.server(&key)?;
                // On top of what is under way to the kernel.
                Some(Form::edit_server(entry, &ServerEntry { server, ..found.clone() }))
            }),
            None => None,
        };
        match form {
            Some(form) => self.open(form),
            None => self.say(Tone::Info, "select a service or a real server first"),
        }
    }

    /// The protocol timeouts.
    pub(super) fn ask_timeouts(&mut self) {
        let Some(present) = self.snapshot.as_ref().and_then(|s| s.timeouts.get()) else {
            self.say(Tone::Error, "the protocol timeouts could not be read");
            return;
        };
        let form = Form::timeouts(*present);
        self.open(form);
    }

    /// What the form comes to; it stays open while something in it is wrong.
    pub(super) fn accept_form(&mut self, mut form: Box<Form>) -> Vec<Effect> {
        match form.plan() {
            Ok(Some(plan)) => self.propose(plan),
            Ok(None) => {
                self.say(Tone::Info, "nothing was altered, and nothing was changed");
                Vec::new()
            }
            Err(_) => {
                self.prompt = Some(Prompt::Form(form));
                Vec::new()
            }
        }
    }

    /// Deletes the marked servers, or the selected one, or the selected service.
    pub(super) fn delete(&mut self) -> Vec<Effect> {
        let mut rows: Vec<Row> = match self.view {
            View::Services => self.rows.marked().copied().collect(),
            _ => {
                let drained = self.drains.selected().into_iter().flat_map(Drain::servers);
                drained.map(|(service, server)| Row::Server(service, server)).collect()
            }
        };
        if rows.is_empty() && self.view == View::Services {
            rows.extend(self.rows.selected());
        }
        if let [Row::Service(service)] = rows[..] {
            return self.delete_service(service);
        }
        let server = |row: &Row| match row {
            Row::Server(service, server) => self.deletion(*service, *server),
            Row::Service(_) => None,
        };
        let changes: Vec<Change> = rows.iter().filter_map(server).collect();
        let title = match &changes[..] {
            [] => {
                self.say(Tone::Info, "select a service or a real server first");
                return Vec::new();
            }
            [one] => one.to_string(),
            all => format!("delete {} real servers", all.len()),
        };
        self.propose(Plan { title, changes })
    }

    /// Its servers first and one by one: the kernel would take them along, and then no undo could
    /// bring them back.
    fn delete_service(&mut self, service: ServiceKey) -> Vec<Effect> {
        if self.edits.busy() {
            self.say(Tone::Info, "a change is under way; delete the service when it is through");
            return Vec::new();
        }
        let Some(entry) = self.snapshot.as_ref().and_then(|s| s.service(&service)) else {
            return Vec::new();
        };
        let servers = entry.servers.iter().map(|s| s.server.key);
        let mut changes: Vec<Change> =
            servers.filter_map(|server| self.deletion(service, server)).collect();
        let count = changes.len();
        let last = Change::Service { before: Some(entry.service.clone()), after: None };
        let title = match count {
            0 => last.to_string(),
            1 => format!("{last} with its real server"),
            n => format!("{last} with its {n} real servers"),
        };
        changes.push(last);
        self.propose(Plan { title, changes })
    }

    /// Zeroes the counters of the selected service and its servers.
    pub(super) fn zero(&mut self) -> Vec<Effect> {
        let Some(key) = self.selected_entry().map(|entry| entry.service.key) else {
            self.say(Tone::Info, "select a service first, or one of its servers");
            return Vec::new();
        };
        let change = Change::Zero(Some(key));
        self.propose(Plan { title: change.to_string(), changes: vec![change] })
    }

    fn deletion(&self, service: ServiceKey, server: ServerKey) -> Option<Change> {
        let before = Some(self.expected(&service, &server)?);
        Some(Change::Server { service, before, after: None })
    }

    /// The selected service, or the service of the selected server.
    fn selected_entry(&self) -> Option<&ServiceEntry> {
        let service = self.rows.selected()?.service();
        self.snapshot.as_ref()?.service(&service)
    }

    fn open(&mut self, form: Form) {
        self.prompt = Some(Prompt::Form(Box::new(form.with(self.abilities()))));
    }

    /// What the kernel can, as far as that is known.
    pub(super) fn abilities(&self) -> Abilities {
        Abilities { schedulers: self.schedulers.clone(), release: self.kernel.clone() }
    }
}
