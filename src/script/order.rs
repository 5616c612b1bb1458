//! From what is wanted to an order, or why there is none.
//!
//! ```text
//! values   services and servers as options say them
//! undo     an entry of the journal, taken back or made again
//! ```

mod undo;
mod values;

use super::{Exit, Ground};
use crate::cli::{Target, What};
use crate::ipvs::{Server, ServerKey, ServiceKey};
use crate::journal::{DrainEnd, Drained, Ending, Order};
use crate::plan::{Plan, WeightEdit, everywhere};
use crate::snapshot::{ServiceEntry, Snapshot};

/// An order and what belongs to it.
pub(super) struct Made {
    pub(super) order: Order,
    /// What it is, where the plan's own title does not say it.
    pub(super) title: Option<String>,
    /// What it is about, in an operator's words.
    pub(super) name: String,
    /// The servers to follow.
    pub(super) servers: Vec<Drained>,
    /// The weights that come back, for a ramp.
    pub(super) restores: Vec<(ServiceKey, Server, u32)>,
    pub(super) notes: Vec<String>,
    /// Why nothing is to be done, where there is something to follow all the same.
    pub(super) nothing: Option<String>,
}

impl Made {
    fn new(order: Order, name: &str) -> Self {
        Self {
            order,
            title: None,
            name: name.to_owned(),
            servers: Vec::new(),
            restores: Vec::new(),
            notes: Vec::new(),
            nothing: None,
        }
    }
}

/// Why there is no order.
#[derive(Debug)]
pub(super) enum Stop {
    /// It is so already.
    Nothing(String),
    /// It cannot be.
    Not(Exit, String),
}

impl Stop {
    fn failed(why: impl Into<String>) -> Self {
        Self::Not(Exit::Failed, why.into())
    }

    fn usage(why: impl Into<String>) -> Self {
        Self::Not(Exit::Usage, why.into())
    }
}

/// The option that takes the offer with this key, where an option does.
pub(super) fn option(key: char) -> Option<&'static str> {
    match key {
        'f' => Some("--fallback"),
        'e' => Some("--expire-quiescent"),
        _ => None,
    }
}

/// The order for what is wanted.
pub(super) fn make(what: &What, ground: &Ground) -> Result<Made, Stop> {
    match what {
        What::Weight(target, edit) => weight(*target, *edit, ground),
        What::Quiesce(target) => quiesce(*target, ground),
        What::Drain(target, _) => drain(*target, ground),
        What::Restore(target, _) => restore(*target, ground),
        What::Scheduler(key, name, flags) => values::scheduler(*key, name, flags.as_ref(), ground),
        What::AddService(key, fields) => values::add_service(*key, fields, ground),
        What::AddServer(key, server, fields) => values::add_server(*key, *server, fields, ground),
        What::EditService(key, fields, without) => {
            values::edit_service(*key, fields, *without, ground)
        }
        What::EditServer(key, server, fields) => values::edit_server(*key, *server, fields, ground),
        What::Delete(target) => {
            let (name, servers) = servers(*target, &ground.snapshot)?;
            let plan = Plan::delete_servers(&servers);
            Ok(Made::new(ground.past.order(plan, &ground.snapshot), &name))
        }
        What::DeleteService(key) => {
            let plan = Plan::delete_service(service(*key, &ground.snapshot)?);
            Ok(Made::new(ground.past.order(plan, &ground.snapshot), &key.to_string()))
        }
        What::Undo(id) => undo::undo(*id, ground),
    }
}

type Servers = Vec<(ServiceKey, Server)>;

/// The servers that are meant, and their name.
fn servers(target: Target, snapshot: &Snapshot) -> Result<(String, Servers), Stop> {
    match target {
        Target::One(key, server) => {
            let entry = service(key, snapshot)?;
            let server = server.key(&key);
            let found = one(entry, &server)?.clone();
            Ok((format!("{server} of {key}"), vec![(key, found)]))
        }
        Target::Host(host) => {
            let servers = everywhere(snapshot, host);
            if servers.is_empty() {
                return Err(Stop::failed(format!("no service has a real server at {host}")));
            }
            Ok((format!("{host} everywhere"), servers))
        }
    }
}

fn service(key: ServiceKey, snapshot: &Snapshot) -> Result<&ServiceEntry, Stop> {
    snapshot.service(&key).ok_or_else(|| Stop::failed(format!("there is no service {key}")))
}

fn one<'a>(entry: &'a ServiceEntry, key: &ServerKey) -> Result<&'a Server, Stop> {
    let found = entry.server(key).map(|at| &at.server);
    found.ok_or_else(|| {
        let there = entry.servers.iter().map(|at| at.server.key).filter(|k| k.addr == key.addr);
        let there: Vec<String> = there.map(|key| key.to_string()).collect();
        let hint = match there.as_slice() {
            [] => String::new(),
            there => format!("; it has {}", there.join(", ")),
        };
        Stop::failed(format!("service {} has no real server {key}{hint}", entry.service.key))
    })
}

/// An order for a plan, unless there is nothing in it.
fn planned(plan: Plan, name: &str, nothing: &str, ground: &Ground) -> Result<Made, Stop> {
    if plan.changes.is_empty() {
        return Err(Stop::Nothing(format!("{name}: {nothing}")));
    }
    Ok(Made::new(ground.past.order(plan, &ground.snapshot), name))
}

fn weight(target: Target, edit: WeightEdit, ground: &Ground) -> Result<Made, Stop> {
    let (name, servers) = servers(target, &ground.snapshot)?;
    let wanted = edit.for_servers(&servers, &ground.snapshot);
    let wanted = wanted.map_err(|why| Stop::usage(why.to_string()))?;
    let plan = Plan::weights("set", &wanted.changes);
    let made = planned(plan, &name, "that weight already", ground)?;
    Ok(Made { notes: wanted.notes, ..made })
}

fn quiesce(target: Target, ground: &Ground) -> Result<Made, Stop> {
    let (name, servers) = servers(target, &ground.snapshot)?;
    let plan = Plan::drain("quiesce", &servers);
    let nothing = plan.changes.is_empty().then(|| format!("{name}: weight 0 already"));
    let order = ground.past.order(plan, &ground.snapshot);
    let servers = followed(&servers, ground);
    Ok(Made { servers, nothing, ..Made::new(order, &name) })
}

fn drain(target: Target, ground: &Ground) -> Result<Made, Stop> {
    let (name, servers) = servers(target, &ground.snapshot)?;
    // One that someone else gave a weight again is drained anew.
    let draining = |(key, server): &&(ServiceKey, Server)| {
        server.weight == 0 && ground.past.drain_of(key, &server.key).is_some()
    };
    let fresh: Servers = servers.iter().filter(|s| !draining(s)).cloned().collect();
    let mut order = ground.past.drain(&name, &fresh);
    let mut nothing = None;
    if fresh.is_empty() {
        order.begins = None;
        nothing = Some(format!("{name}: draining already"));
    }
    order.ends.extend(overtaken(&fresh, ground));
    let servers = followed(&servers, ground);
    Ok(Made { servers, nothing, ..Made::new(order, &name) })
}

/// Open drains of these servers that others have ended: a weight above 0, or gone.
fn overtaken<'a>(servers: &'a Servers, ground: &'a Ground) -> impl Iterator<Item = Ending> + 'a {
    let now = &ground.snapshot;
    let over = |d: &Drained| now.server(&d.service, &d.server).is_none_or(|s| s.server.weight > 0);
    let here = |d: &Drained| servers.iter().any(|(k, s)| (*k, s.key) == (d.service, d.server));
    let open = ground.news.history.open_drains(&ground.news.scene);
    // One that nothing was done of yet may be another process's, about to set the weights.
    open.filter(move |drain| {
        let servers = &drain.started.servers;
        drain.touched && servers.iter().any(here) && servers.iter().all(over)
    })
    .map(|drain| Ending::new(drain.id(), DrainEnd::Outside))
}

fn followed(servers: &Servers, ground: &Ground) -> Vec<Drained> {
    let drained = |(service, server): &(ServiceKey, Server)| {
        let weight = ground.past.weight(service, &server.key).unwrap_or(server.weight);
        Drained { service: *service, server: server.key, weight }
    };
    servers.iter().map(drained).collect()
}

fn restore(target: Target, ground: &Ground) -> Result<Made, Stop> {
    let (name, servers) = servers(target, &ground.snapshot)?;
    let restores = ground.past.weights_of(&servers);
    let unknown = |(key, server): &&(ServiceKey, Server)| {
        server.weight == 0 && ground.past.weight(key, &server.key).is_none()
    };
    let unknown: Vec<String> = servers
        .iter()
        .filter(unknown)
        .map(|(key, server)| format!("{} of {key}", server.key))
        .collect();
    if restores.is_empty() {
        return Err(match unknown.as_slice() {
            [] => Stop::Nothing(format!("{name}: the weight is not 0")),
            _ => Stop::failed(format!(
                "{name}: the weight from before is not known, as the journal does not say who set \
                 it to 0; 'ipvs-tui weight' sets one"
            )),
        });
    }
    let note =
        |server: &String| format!("{server} stays at 0: its weight from before is not known");
    let notes = unknown.iter().map(note).collect();
    let order = ground.past.restore(&restores, &ground.snapshot);
    Ok(Made { restores, notes, ..Made::new(order, &name) })
}
