//! What is handed to the terminal's clipboard: the selected row as text, or the ipvsadm commands
//! that make it.

use super::{Effect, Item, Model, Row, Tone, from};
use crate::command::View;
use crate::ipvs::{Change, Connection, ServerKey, ServiceKey};
use crate::journal::Entry;
use crate::plan::Plan;

/// Something to copy. Whoever prints knows how it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Copied {
    /// This text.
    Text(String),
    /// The ipvsadm commands of a plan.
    Commands(Plan),
    /// An entry of the journal.
    Entry(Box<Entry>),
    /// A connection.
    Connection(Box<Connection>),
    /// These services and servers, as `ipvsadm -Ln` lists them.
    Rows(Vec<Row>),
}

impl Model {
    /// The rows that a copy is about: the marked ones, or the selected one.
    fn rows_to_copy(&self) -> Vec<Row> {
        let of_servers = |servers: &[(ServiceKey, ServerKey)]| {
            servers.iter().map(|(service, server)| Row::Server(*service, *server)).collect()
        };
        if self.view == View::Hosts {
            return self.hosts.selected().map_or(Vec::new(), |host| of_servers(&host.servers));
        }
        let marked: Vec<Row> = self.rows.marked().copied().collect();
        if marked.is_empty() { self.rows.selected().into_iter().collect() } else { marked }
    }

    pub(super) fn copy(&mut self) -> Vec<Effect> {
        let copied = match self.view {
            View::Services | View::Hosts => {
                let rows = self.rows_to_copy();
                (!rows.is_empty()).then_some(Copied::Rows(rows))
            }
            View::Drains => {
                let now = self.drains.now();
                let drain = self.drains.selected().zip(now);
                drain.map(|(drain, now)| Copied::Text(drain.summary(now)))
            }
            View::Journal => self.item().map(|item| match item {
                Item::Entry(entry) => Copied::Entry(Box::new(entry.clone())),
                Item::Outside(_, theirs) => {
                    Copied::Text(format!("{} {theirs}, {}", theirs.time, from(theirs)))
                }
            }),
            View::Doctor => self.doctor.commands().map(Copied::Text),
            // They have their own.
            View::Connections | View::Director => None,
        };
        self.copied(copied)
    }

    /// The commands that make the rows, as they are on the screen.
    pub(super) fn copy_command(&mut self) -> Vec<Effect> {
        let Some(snapshot) = self.shown().cloned() else { return self.copied(None) };
        let make = |row: Row| match row {
            Row::Service(key) => {
                let entry = snapshot.service(&key)?;
                let service = Change::Service { before: None, after: Some(entry.service.clone()) };
                let servers = entry.servers.iter().map(|s| added(key, &s.server));
                Some(std::iter::once(service).chain(servers).collect::<Vec<_>>())
            }
            Row::Server(service, key) => {
                let server = &snapshot.server(&service, &key)?.server;
                Some(vec![added(service, server)])
            }
        };
        let changes: Vec<Change> =
            self.rows_to_copy().into_iter().filter_map(make).flatten().collect();
        let plan = Plan { title: String::new(), changes };
        let copied = (!plan.changes.is_empty()).then_some(Copied::Commands(plan));
        self.copied(copied)
    }

    pub(super) fn copied(&mut self, what: Option<Copied>) -> Vec<Effect> {
        match what {
            Some(what) => vec![Effect::Copy(what)],
            None => {
                self.say(Tone::Info, "nothing is selected that could be copied");
                Vec::new()
            }
        }
    }
}

fn added(service: ServiceKey, server: &crate::ipvs::Server) -> Change {
    Change::Server { service, before: None, after: Some(server.clone()) }
}
