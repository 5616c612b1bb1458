//! What the keys do to servers: weights, quiesce, drain, restore.

use super::page::Ask;
use super::{Effect, Kind, Model, Page, Row, Tone};
use crate::command::{Command, View};
use crate::drain::Drain;
use crate::ipvs::{Server, ServerKey, ServiceKey};
use crate::journal::Order;
use crate::plan::{Plan, Wanted, WeightEdit, everywhere};

const NO_SERVER: &str = "select a real server first: weights belong to servers";

impl Model {
    /// The selected real server.
    pub fn selected_server(&self) -> Option<(ServiceKey, ServerKey)> {
        match self.rows.selected()? {
            Row::Server(service, server) => Some((service, server)),
            Row::Service(_) => None,
        }
    }

    /// The marked servers, or the selected one, or those of the selected drain or host, as the
    /// kernel will hold them.
    pub(super) fn targets(&mut self) -> Vec<(ServiceKey, Server)> {
        let mut keys: Vec<(ServiceKey, ServerKey)> = match self.view {
            View::Drains => self.drains.selected().into_iter().flat_map(Drain::servers).collect(),
            View::Services => self.rows.marked().filter_map(server_of).collect(),
            View::Hosts => self.hosts.selected().map(|h| h.servers.clone()).unwrap_or_default(),
            View::Connections | View::Journal | View::Director | View::Doctor => Vec::new(),
        };
        if keys.is_empty() && self.view == View::Services {
            keys.extend(self.selected_server());
        }
        if keys.is_empty() {
            let what = match self.view {
                View::Drains => "select a drain first",
                View::Hosts => "select a host first",
                _ => NO_SERVER,
            };
            self.say(Tone::Info, what);
        }
        let known = |(service, server): (ServiceKey, ServerKey)| {
            self.expected(&service, &server).map(|known| (service, known))
        };
        keys.into_iter().filter_map(known).collect()
    }

    /// A plan with the drains that end with it.
    pub(super) fn order(&self, plan: Plan) -> Order {
        match &self.snapshot {
            Some(now) => self.past.order(plan, now),
            None => Order::new(crate::journal::Act::new(plan)),
        }
    }

    /// Weight 0 for the marked servers, or the selected one.
    pub(super) fn quiesce(&mut self) -> Vec<Effect> {
        let targets = self.targets();
        if targets.is_empty() {
            return Vec::new(); // what is missing was said
        }
        let wanted: Vec<_> = targets.into_iter().map(|(s, server)| (s, server, 0)).collect();
        self.propose_weights(Plan::weights("quiesce", &wanted), "weight 0 already")
    }

    /// Drains the marked servers, or the selected one.
    pub(super) fn drain(&mut self) -> Vec<Effect> {
        let targets = self.targets();
        let name = match targets.as_slice() {
            [] => return Vec::new(),
            [(service, server)] => format!("{} of {service}", server.key),
            many => format!("{} servers", many.len()),
        };
        self.propose_drain(&name, targets)
    }

    /// Drains the selected server's host, or those of the marked ones, in every service.
    pub(super) fn drain_host(&mut self) -> Vec<Effect> {
        let targets = self.targets();
        let mut hosts: Vec<_> = targets.iter().map(|(_, server)| server.key.addr).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let Some(snapshot) = self.snapshot.clone() else { return Vec::new() };
        let all = hosts.iter().flat_map(|host| everywhere(&snapshot, *host));
        let all: Vec<_> = all
            .filter_map(|(service, server)| {
                self.expected(&service, &server.key).map(|known| (service, known))
            })
            .collect();
        let name = match hosts.as_slice() {
            [] => return Vec::new(),
            [host] => format!("{host} everywhere"),
            many => format!("{} hosts everywhere", many.len()),
        };
        self.propose_drain(&name, all)
    }

    fn propose_drain(&mut self, name: &str, targets: Vec<(ServiceKey, Server)>) -> Vec<Effect> {
        let asked = targets.len();
        // One that someone has given a weight meanwhile is drained anew.
        let drains = |(key, server): &(ServiceKey, Server)| {
            server.weight == 0 && self.past.drain_of(key, &server.key).is_some()
        };
        let targets: Vec<_> = targets.into_iter().filter(|target| !drains(target)).collect();
        if targets.is_empty() {
            if asked > 0 {
                let key = self.keys.say(Command::ViewDrains);
                let text = format!("{name}: draining already; {key} shows how far it is");
                self.say(Tone::Info, text);
            }
            return Vec::new();
        }
        let order = self.past.drain(name, &targets);
        let mut page = Page::new(&format!("Drain {name}"), order, Kind::New);
        page.word = "drain";
        let at_0 = targets.iter().filter(|(_, server)| server.weight == 0).count();
        page.notes.extend(match (at_0, targets.len()) {
            (0, _) => None,
            (1, 1) => Some("Its weight is 0 already: what it holds is followed.".to_owned()),
            (at_0, all) => {
                Some(format!("{at_0} of {all} have weight 0 already: what they hold is followed."))
            }
        });
        let page = page.asking(&[Ask::Timeout, Ask::Then]);
        self.turn_to(page, true)
    }

    /// The weights from before the marked servers, or the selected one, were set to 0. A ramp
    /// under way is stopped where it is.
    pub(super) fn restore(&mut self) -> Vec<Effect> {
        let targets = self.targets();
        let Some(snapshot) = self.snapshot.clone() else { return Vec::new() };
        if targets.is_empty() {
            return Vec::new();
        }
        let stopped =
            targets.iter().filter(|(s, server)| self.stop_ramp_of(s, &server.key)).count();
        if stopped > 0 {
            return Vec::new();
        }
        let wanted = self.past.weights_of(&targets);
        if wanted.is_empty() {
            if self.edits.busy() {
                self.say(Tone::Info, "a change is under way; restore when it is through");
                return Vec::new();
            }
            let unknown = targets.iter().any(|(_, server)| server.weight == 0);
            let nothing = if unknown {
                let key = self.keys.say(Command::SetWeight);
                format!(
                    "nothing to restore: this program did not set the weight to 0; {key} sets one"
                )
            } else {
                "nothing to restore: the weight is not 0".to_owned()
            };
            self.say(Tone::Info, nothing);
            return Vec::new();
        }
        let order = self.past.restore(&wanted, &snapshot);
        let mut page = Page::new("Restore", order, Kind::New).asking(&[Ask::Ramp]);
        page.restores = wanted;
        self.turn_to(page, true)
    }

    /// What an edit makes of the weights of `targets`; the error is a sentence.
    pub(super) fn wanted(
        &self,
        edit: WeightEdit,
        targets: &[(ServiceKey, Server)],
    ) -> Result<Wanted, String> {
        let snapshot = self.snapshot.as_deref().ok_or("the director has not been read yet")?;
        edit.for_servers(targets, snapshot).map_err(|why| why.to_string())
    }

    /// One weight edit for the marked servers, or the selected one.
    pub(super) fn set_weights(&mut self, edit: WeightEdit) -> Result<Vec<Effect>, String> {
        let targets = self.targets();
        if targets.is_empty() {
            return Ok(Vec::new()); // what is missing was said
        }
        let wanted = self.wanted(edit, &targets)?;
        let plan = noted(Plan::weights("set", &wanted.changes), &wanted.notes);
        Ok(self.propose_weights(plan, "that weight already"))
    }

    fn propose_weights(&mut self, plan: Plan, nothing: &str) -> Vec<Effect> {
        if plan.changes.is_empty() {
            self.say(Tone::Info, nothing);
            return Vec::new();
        }
        self.propose(plan)
    }

    pub(super) fn step_weight(&mut self, by: i64) -> Vec<Effect> {
        self.stepped(WeightEdit::By(by)).unwrap_or_else(|why| {
            self.say(Tone::Error, why);
            Vec::new()
        })
    }

    fn stepped(&mut self, edit: WeightEdit) -> Result<Vec<Effect>, String> {
        if self.rows.marked().next().is_some() {
            return self.set_weights(edit);
        }
        let targets = self.targets();
        let wanted = self.wanted(edit, &targets)?;
        let Some((service, server, weight)) = wanted.changes.first() else {
            return Ok(Vec::new());
        };
        if server.weight == *weight {
            let text = format!("the weight of {} is {weight} already", server.key);
            self.say(Tone::Info, text);
            return Ok(Vec::new());
        }
        Ok(self.propose(Plan::weight(*service, server, *weight)))
    }
}

/// A plan that tells, in its title, what comes out otherwise than was asked.
pub(super) fn noted(mut plan: Plan, notes: &[String]) -> Plan {
    if !notes.is_empty() {
        plan.title = format!("{} ({})", plan.title, notes.join("; "));
    }
    plan
}

fn server_of(row: &Row) -> Option<(ServiceKey, ServerKey)> {
    match row {
        Row::Server(service, server) => Some((*service, *server)),
        Row::Service(_) => None,
    }
}
