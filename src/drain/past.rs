//! What the journal tells that a plan has to know: the weights from before, the drains that are
//! open, and what was set for the length of a drain.

use std::collections::{HashMap, HashSet};

use crate::ipvs::{Change, Server, ServerKey, ServiceKey};
use crate::journal::{
    self, Act, DrainEnd, Drained, Ending, History, Id, Order, Scene, Terms, Then,
};
use crate::plan::{Plan, fold};
use crate::snapshot::Snapshot;

type Key = (ServiceKey, ServerKey);

/// What the journal tells of this table.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The weight that a server had before it was set to 0.
    weights: HashMap<Key, u32>,
    /// The drains that are open, with their servers.
    open: Vec<(Id, Vec<Drained>)>,
    /// What was set for the length of drains and not taken back, as one change each.
    extras: Vec<Change>,
}

impl Past {
    /// What `history` tells of the table `scene`.
    pub fn of(history: &History, scene: &Scene) -> Self {
        let mut past = Self::default();
        let mut around = Vec::new();
        let mut with_extras = HashSet::new();
        for entry in history.entries.iter().filter(|e| e.intent.scene.same_table(scene)) {
            entry.made().for_each(|change| past.remember(change));
            let intent = &entry.intent;
            let follows = intent.undoes.is_some_and(|id| with_extras.contains(&id));
            if follows || intent.kind == journal::Kind::Restore || sets_to_0(&intent.plan) {
                let before = around.len();
                around.extend(entry.made().filter(|change| is_extra(change)).cloned());
                if around.len() > before {
                    with_extras.insert(entry.id());
                }
            }
        }
        past.extras = fold(&around);
        let open = history.open_drains(scene);
        past.open = open.map(|drain| (drain.id(), drain.started.servers.clone())).collect();
        for drained in past.open.iter().flat_map(|(_, servers)| servers) {
            // The entry may have been let go; the drain never is.
            if drained.weight > 0 {
                past.weights.entry((drained.service, drained.server)).or_insert(drained.weight);
            }
        }
        past
    }

    /// Remembers the weights of servers that go to 0, and forgets them when they come back.
    fn remember(&mut self, change: &Change) {
        let Change::Server { service, before: Some(before), after } = change else { return };
        let key = (*service, before.key);
        match (before.weight, after.as_ref().map(|a| a.weight)) {
            (1.., Some(0)) => drop(self.weights.insert(key, before.weight)),
            (0, Some(1..)) => drop(self.weights.remove(&key)),
            _ => {}
        }
    }

    /// The weight that a server had before it was set to 0 by this program.
    pub fn weight(&self, service: &ServiceKey, server: &ServerKey) -> Option<u32> {
        self.weights.get(&(*service, *server)).copied()
    }

    /// The open drain that a server belongs to.
    pub fn drain_of(&self, service: &ServiceKey, server: &ServerKey) -> Option<Id> {
        let holds = |d: &Drained| d.service == *service && d.server == *server;
        self.open.iter().find(|(_, servers)| servers.iter().any(holds)).map(|(id, _)| *id)
    }

    /// The order that drains `servers`, which `target` names in an operator's words. Reason,
    /// timeout and what happens then are the caller's to fill in.
    pub fn drain(&self, target: &str, servers: &[(ServiceKey, Server)]) -> Order {
        let zero: Vec<_> = servers.iter().map(|(k, s)| (*k, s.clone(), 0)).collect();
        let mut plan = Plan::weights("drain", &zero);
        plan.title = format!("drain {target}");
        let drained = |(service, server): &(ServiceKey, Server)| Drained {
            service: *service,
            server: server.key,
            weight: match server.weight {
                0 => self.weight(service, &server.key).unwrap_or(0),
                weight => weight,
            },
        };
        let terms = Terms {
            target: target.to_owned(),
            reason: String::new(),
            servers: servers.iter().map(drained).collect(),
            timeout_seconds: None,
            then: Then::Keep,
        };
        let act = Act { kind: journal::Kind::Drain, ..Act::new(plan) };
        Order { act, begins: Some(terms), ends: Vec::new() }
    }

    /// The weights that `servers` had before: those that are at 0, and whose weight is known.
    pub fn weights_of(&self, servers: &[(ServiceKey, Server)]) -> Vec<(ServiceKey, Server, u32)> {
        let known = |(service, server): &(ServiceKey, Server)| {
            let weight = self.weight(service, &server.key)?;
            (server.weight == 0).then(|| (*service, server.clone(), weight))
        };
        servers.iter().filter_map(known).collect()
    }

    /// The order that gives `servers` these weights, takes back what was set for the length of
    /// their drains, and ends these.
    pub fn restore(&self, servers: &[(ServiceKey, Server, u32)], now: &Snapshot) -> Order {
        let mut plan = Plan::weights("restore", servers);
        let title = plan.title.clone();
        plan.changes.extend(self.taken_back(&plan, now));
        plan.title = title;
        let mut order = self.order(plan, now);
        order.act.kind = journal::Kind::Restore;
        order
    }

    /// What was set for the length of drains and is needed no longer when `plan` is through.
    fn taken_back(&self, plan: &Plan, now: &Snapshot) -> Vec<Change> {
        let still = |(service, server): &&Key| {
            let drained = Drained { service: *service, server: *server, weight: 0 };
            !is_over(&drained, plan, now)
        };
        let still: Vec<&Key> = self.weights.keys().filter(still).collect();
        let persistent =
            |key: &ServiceKey| now.service(key).is_some_and(|s| s.service.persistent().is_some());
        let needed = |extra: &Change| match extra.service() {
            Some(service) => still.iter().any(|(s, _)| *s == service),
            None => still.iter().any(|(s, _)| persistent(s)),
        };
        // What someone else has set since is theirs.
        let ours = |extra: &Change| match extra {
            Change::Sysctl { name, after, .. } => {
                now.sysctls.get().and_then(|all| all.get(name)) == Some(after)
            }
            Change::Service { after: Some(after), .. } => now
                .service(&after.key)
                .is_some_and(|s| s.service.flags.contains(after.flags & !s.service.flags)),
            _ => false,
        };
        let last_first = self.extras.iter().rev();
        last_first.filter(|e| !needed(e) && ours(e)).filter_map(Change::inverse).collect()
    }

    /// `plan` with the drains that end with it.
    pub fn order(&self, plan: Plan, now: &Snapshot) -> Order {
        let touches = |d: &Drained| {
            plan.changes.iter().any(|c| c.service() == Some(d.service) && is_about(c, d))
        };
        let ends = self.open.iter().filter(|(_, servers)| {
            // One that was at 0 before has nothing to come back to, and keeps no drain open.
            let idle = |d: &Drained| d.weight == 0 && servers.iter().any(|d| d.weight > 0);
            servers.iter().any(touches) && servers.iter().all(|d| idle(d) || is_over(d, &plan, now))
        });
        let deletes = |d: &Drained| fate(d, &plan) == Some(None);
        let how = |servers: &[Drained]| {
            if servers.iter().any(deletes) { DrainEnd::Deleted } else { DrainEnd::Restored }
        };
        let ends = ends.map(|(id, servers)| Ending::new(*id, how(servers))).collect();
        let drain = self.open.iter().find(|(_, s)| s.iter().any(touches)).map(|(id, _)| *id);
        Order { act: Act { drain, ..Act::new(plan) }, begins: None, ends }
    }
}

/// Whether a plan sets the weight of a server to 0: what else it sets is for as long as that.
fn sets_to_0(plan: &Plan) -> bool {
    plan.changes.iter().any(|change| {
        matches!(change, Change::Server { before: Some(b), after: Some(a), .. }
            if b.weight > 0 && a.weight == 0)
    })
}

fn is_extra(change: &Change) -> bool {
    matches!(change, Change::Sysctl { .. } | Change::Service { before: Some(_), after: Some(_) })
}

/// Whether a change is about a drained server, by itself or with its service.
fn is_about(change: &Change, drained: &Drained) -> bool {
    change.server().is_none_or(|server| server == drained.server)
}

/// What `plan` makes of a drained server: its weight, `None` in it when it is deleted; `None`
/// when it is left alone.
fn fate(drained: &Drained, plan: &Plan) -> Option<Option<u32>> {
    let mut about = plan.changes.iter().filter_map(|change| match change {
        Change::Server { service, after, .. }
            if *service == drained.service && change.server() == Some(drained.server) =>
        {
            Some(after.as_ref().map(|a| a.weight))
        }
        Change::Service { before: Some(before), after: None } if before.key == drained.service => {
            Some(None)
        }
        _ => None,
    });
    about.next_back()
}

/// Whether a drained server is drained no longer when `plan` is through.
fn is_over(drained: &Drained, plan: &Plan, now: &Snapshot) -> bool {
    match fate(drained, plan) {
        Some(fate) => fate != Some(0),
        None => now
            .server(&drained.service, &drained.server)
            .is_none_or(|there| there.server.weight > 0),
    }
}
