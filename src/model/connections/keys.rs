//! What the keys do to the connection table.

use std::net::IpAddr;
use std::sync::Arc;

use super::{Connections, Entered, Order, Picked};
use crate::command::{Command, View};
use crate::connections::{By, Errand, Filter, Scope};
use crate::model::{Copied, Effect, Model, Prompt, Row, Sieve, Tone};

impl Model {
    /// A command where connections are shown; `None` for those that mean the same everywhere.
    pub(in crate::model) fn command_in_connections(
        &mut self,
        command: Command,
    ) -> Option<Vec<Effect>> {
        let connections = &mut self.connections;
        let page = connections.page().saturating_sub(1).max(1);
        let page = isize::try_from(page).unwrap_or(isize::MAX);
        match command {
            Command::Up => connections.step(-1),
            Command::Down => connections.step(1),
            Command::PageUp => connections.step(-page),
            Command::PageDown => connections.step(page),
            Command::Top => connections.step(isize::MIN),
            Command::Bottom => connections.step(isize::MAX),
            Command::Open => self.open_connection(),
            Command::Filter => self.ask_for(Sieve::Connections(self.connections.filter.clone())),
            Command::GroupBy => self.group_by_next(1),
            Command::GroupByPrevious => self.group_by_next(-1),
            Command::Sort => {
                connections.order = connections.order.next(connections.by);
                connections.reversed = false;
                connections.arrange();
            }
            Command::SortReverse => {
                connections.reversed = !connections.reversed;
                connections.arrange();
            }
            Command::Names => self.toggle_names(),
            Command::WholePass => self.ask_whole(),
            Command::Copy => return Some(self.copy_connection()),
            Command::Close if self.is_bare() => return Some(self.close_connections()),
            _ => return None,
        }
        Some(Vec::new())
    }

    /// The connections of what is selected elsewhere.
    pub(in crate::model) fn connections_of_selected(&mut self) {
        match self.view {
            View::Services => match self.rows.selected() {
                Some(Row::Service(service)) => {
                    self.show_connections(Scope::Service(service), Some(By::Client));
                }
                Some(Row::Server(service, server)) => {
                    let scope = Scope::Places(vec![(service, server)]);
                    self.show_connections(scope, Some(By::Client));
                }
                None => self.say(Tone::Info, "select a service or a real server first"),
            },
            View::Hosts => match self.hosts.selected().map(|host| host.addr) {
                Some(addr) => self.show_connections(Scope::Host(addr), Some(By::Client)),
                None => self.say(Tone::Info, "select a host first"),
            },
            View::Drains => {
                let servers = self.drains.selected().map(|drain| drain.servers().collect());
                match servers {
                    // One by one, the longest timers first: what it waits for.
                    Some(servers) => self.show_connections(Scope::Places(servers), None),
                    None => self.say(Tone::Info, "select a drain first"),
                }
            }
            View::Connections | View::Journal | View::Director | View::Doctor => {}
        }
    }

    /// Into a group, or from a connection to its server.
    fn open_connection(&mut self) {
        let connections = &mut self.connections;
        match connections.picked.clone() {
            Some(Picked::Group(key)) => {
                let narrower = Filter::and(connections.filter.as_ref(), &key.terms());
                // What a group says of itself can be read.
                let Ok(filter) = narrower else { return };
                let before = Entered {
                    by: connections.by,
                    filter: std::mem::replace(&mut connections.filter, filter),
                    picked: connections.picked.take(),
                    order: (connections.order, connections.reversed),
                };
                connections.entered.push(before);
                connections.by = None;
                (connections.order, connections.reversed) = (Order::of(None), false);
                connections.place = 0;
                connections.arrange();
            }
            Some(Picked::Row(..)) => self.open_server_of_row(),
            None => self.say(Tone::Info, "nothing is selected"),
        }
    }

    fn open_server_of_row(&mut self) {
        let connections = &self.connections;
        let place = connections.seen().and_then(|seen| {
            let row = connections.list.rows.get(connections.place)?;
            let lane = seen.survey.rows.get(*row)?.lane_number();
            let place = seen.survey.placement.places_of(lane).next().copied();
            Some(place.ok_or(seen.survey.rows.lanes().get(lane)?.server))
        });
        let row = match place {
            Some(Ok((service, server))) => Row::Server(service, server),
            Some(Err(server)) => {
                let text = format!("real server {server} is not in the table: it was deleted");
                return self.say(Tone::Info, text);
            }
            None => return,
        };
        self.go_to(View::Services);
        if self.select_row(&row) {
            self.open_detail();
        } else {
            self.say(Tone::Info, format!("{row} is gone from the table"));
        }
    }

    fn group_by_next(&mut self, by: isize) {
        let all = By::ALL.map(Some).into_iter().chain([None]).collect::<Vec<_>>();
        let place = all.iter().position(|one| *one == self.connections.by).unwrap_or(0);
        let next = (place + all.len()).saturating_add_signed(by) % all.len();
        self.group_by(all.get(next).copied().flatten());
    }

    pub(in crate::model) fn group_by(&mut self, by: Option<By>) {
        let connections = &mut self.connections;
        connections.by = by;
        (connections.order, connections.reversed) = (Order::of(by), false);
        (connections.picked, connections.place) = (None, 0);
        connections.arrange();
    }

    pub(in crate::model) fn order_by(&mut self, order: Order) {
        let connections = &mut self.connections;
        connections.reversed = connections.order == order && !connections.reversed;
        connections.order = order;
        connections.arrange();
    }

    fn toggle_names(&mut self) {
        let key = self.keys.say(Command::Names);
        let text = if self.connections.names.toggle() {
            format!(
                "clients by name where they have one, looked up as they are shown; {key} ends it"
            )
        } else {
            "clients by address".to_owned()
        };
        self.say(Tone::Info, text);
    }

    /// The names that what is on the screen lacks.
    pub(in crate::model) fn ask_names(&mut self) -> Vec<Effect> {
        if self.view != View::Connections || !self.connections.names.is_on() {
            return Vec::new();
        }
        let clients = self.connections.clients_shown();
        let missing = self.connections.names.missing(clients, self.now);
        if missing.is_empty() {
            return Vec::new();
        }
        vec![Effect::Connections(Errand::Names(missing))]
    }

    fn copy_connection(&mut self) -> Vec<Effect> {
        let connections = &self.connections;
        let place = connections.place;
        let copied = connections.seen().and_then(|seen| {
            if let Some(one) = connections.list.groups.get(place) {
                let count = seen.survey.scale.count(one.tally);
                return Some(Copied::Text(format!("{}  {count}", one.key)));
            }
            let row = seen.survey.rows.get(*connections.list.rows.get(place)?)?;
            row.to_connection().map(|connection| Copied::Connection(Box::new(connection)))
        });
        self.copied(copied)
    }

    /// One step back: a whole pass that is under way, a group that was entered, a filter, all of
    /// the table, the scope, the view.
    fn close_connections(&mut self) -> Vec<Effect> {
        let connections = &mut self.connections;
        if connections.progress.take().is_some() {
            return vec![Effect::Connections(Errand::CallOff)];
        }
        if let Some(before) = connections.entered.pop() {
            (connections.by, connections.filter) = (before.by, before.filter);
            (connections.order, connections.reversed) = before.order;
            // What was only filtered keeps its cursor.
            connections.picked = before.picked.or_else(|| connections.picked.take());
            connections.arrange();
        } else if connections.filter.take().is_some() || connections.whole.take().is_some() {
            connections.arrange();
        } else {
            let back = connections.from.take().unwrap_or_default();
            connections.scope = Scope::All;
            self.go_to(back);
        }
        Vec::new()
    }

    /// Rows follow what is typed.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(in crate::model) fn connections_typed(&mut self, text: &str) -> Result<(), String> {
        let filter = Filter::read(text)?;
        if !filter.as_ref().is_some_and(Filter::is_unfinished) {
            self.list_only(filter);
        }
        Ok(())
    }

    /// The same when it is kept. In a group it is a step further, from which the way back leads to
    /// the group.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub(in crate::model) fn keep_connections(
        &mut self,
        text: &str,
        before: Option<&Filter>,
    ) -> Result<(), String> {
        let filter = Filter::read(text)?;
        let connections = &mut self.connections;
        if !connections.entered.is_empty() && filter.as_ref() != before {
            let (filter, order) = (before.cloned(), connections.order());
            let step = Entered { by: connections.by, filter, picked: None, order };
            connections.entered.push(step);
        }
        self.list_only(filter);
        Ok(())
    }

    pub(in crate::model) fn list_only(&mut self, filter: Option<Filter>) {
        if self.connections.filter != filter {
            self.connections.filter = filter;
            self.connections.arrange();
        }
    }

    /// Asks whether the whole table shall be read, with what that costs.
    fn ask_whole(&mut self) {
        let connections = &self.connections;
        if connections.progress.is_some() {
            return self.say(Tone::Info, "a whole pass is under way");
        }
        match connections.sample.as_ref().map(|seen| seen.survey.is_whole()) {
            Some(true) => self.say(Tone::Info, "the table is small: this is all of it"),
            Some(false) => self.prompt = Some(Prompt::WholePass),
            None if connections.budget.is_nothing() => self.prompt = Some(Prompt::WholePass),
            None => self.nothing_read(),
        }
    }

    /// Enter: reads it.
    pub(in crate::model) fn read_whole(&mut self) -> Vec<Effect> {
        let of = self.connections.sample().map(crate::connections::Survey::all);
        let progress =
            crate::connections::Progress { rows: 0, of, wall: std::time::Duration::ZERO };
        self.connections.progress = Some(progress);
        vec![Effect::Connections(Errand::Whole)]
    }
}

impl Connections {
    /// The clients on the screen.
    fn clients_shown(&self) -> Vec<IpAddr> {
        let Some(survey) = self.seen().map(|seen| Arc::clone(&seen.survey)) else {
            return Vec::new();
        };
        let (top, page) = (self.top, self.page.max(1));
        let groups = self.list.groups.iter().skip(top).take(page);
        let rows = self.list.rows.iter().skip(top).take(page);
        let of_groups = groups.filter_map(|one| match one.key {
            crate::connections::Key::Client(client) => Some(client),
            _ => None,
        });
        let of_rows = rows.filter_map(|place| survey.rows.get(*place).map(|row| row.client()));
        of_groups.chain(of_rows).collect()
    }
}
