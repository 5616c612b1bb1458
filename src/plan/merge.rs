//! A change against what the kernel holds now.
//!
//! The kernel replaces whole entries and knows no compare-and-set. So a change is merged field by
//! field with a fresh read: fields that it alters must still hold what it expects; fields that
//! it does not alter keep what the kernel has now, whoever set it.

use std::fmt::{self, Display};

use crate::ipvs::{Change, Daemon, Server, Service, ServiceFlags, Timeouts};

/// What the kernel holds now of the thing a change is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A virtual service, or none with this key.
    Service(Option<Service>),
    /// A real server, or none with this key; or not even the service.
    Server(Option<Server>),
    /// The protocol timeouts.
    Timeouts(Timeouts),
    /// The sync daemon of the change's role, or none.
    Daemon(Option<Daemon>),
    /// A sysctl's value.
    Sysctl(String),
    /// Nothing to compare: counters are zeroed whatever they are.
    Anything,
}

/// What is to be done about a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write this: `before` is what the kernel holds, `after` the whole entry to send.
    Write(Change),
    /// The kernel holds what is wanted already.
    Already,
}

/// Someone else has moved a value: what was expected, what was planned, what was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{subject}: {field} is {found} now, but this change expected {expected} to make it {planned}"
)]
pub struct Conflict {
    /// Which service and server.
    pub subject: String,
    /// Which value.
    pub field: &'static str,
    /// What the plan was made on.
    pub expected: String,
    /// What the plan wants.
    pub planned: String,
    /// What the kernel holds.
    pub found: String,
}

/// Merges `change` with what was `found`.
///
/// # Errors
/// [`Conflict`] for the first field that someone else has moved. Nothing is to be written then.
pub fn merge(change: &Change, found: &Found) -> Result<Step, Conflict> {
    let subject = change.subject();
    let merged = match (change, found) {
        (Change::Service { before, after }, Found::Service(now)) => {
            let merged = whole(&subject, before, after, now, service, Service::same_config)?;
            merged.map(|(before, after)| Change::Service { before, after })
        }
        (Change::Server { service, before, after }, Found::Server(now)) => {
            let merged = whole(&subject, before, after, now, server, PartialEq::eq)?;
            merged.map(|(before, after)| Change::Server { service: *service, before, after })
        }
        (Change::Daemon { before, after }, Found::Daemon(now)) => {
            let merged = whole(&subject, before, after, now, daemon, same_daemon)?;
            merged.map(|(before, after)| Change::Daemon { before, after })
        }
        (Change::Timeouts { before, after }, Found::Timeouts(now)) => {
            let mut fields = Fields::new(&subject);
            let tcp =
                fields.merge("tcp timeout", &before.tcp, &keep(after.tcp, before.tcp), &now.tcp)?;
            let fin = keep(after.tcp_fin, before.tcp_fin);
            let tcp_fin = fields.merge("tcpfin timeout", &before.tcp_fin, &fin, &now.tcp_fin)?;
            let udp =
                fields.merge("udp timeout", &before.udp, &keep(after.udp, before.udp), &now.udp)?;
            let after = Timeouts { tcp, tcp_fin, udp };
            fields.write.then_some(Change::Timeouts { before: *now, after })
        }
        (Change::Sysctl { name, before, after }, Found::Sysctl(now)) => {
            let mut fields = Fields::new(&subject);
            let after = fields.merge("the value", before, after, now)?;
            let (name, before) = (name.clone(), now.clone());
            fields.write.then_some(Change::Sysctl { name, before, after })
        }
        _ => Some(change.clone()),
    };
    Ok(merged.map_or(Step::Already, Step::Write))
}

/// 0 keeps a timeout.
fn keep(wanted: u32, present: u32) -> u32 {
    if wanted == 0 { present } else { wanted }
}

type Merged<T> = Option<(Option<T>, Option<T>)>;

/// Adding, deleting and editing are the same for every kind of entry.
fn whole<T: Clone>(
    subject: &str,
    before: &Option<T>,
    after: &Option<T>,
    now: &Option<T>,
    edit: impl Fn(&mut Fields<'_>, &T, &T, &T) -> Result<T, Conflict>,
    same: impl Fn(&T, &T) -> bool,
) -> Result<Merged<T>, Conflict> {
    let conflict = |expected: &str, planned: &str, found: &str| Conflict {
        subject: subject.to_owned(),
        field: "the entry",
        expected: expected.to_owned(),
        planned: planned.to_owned(),
        found: found.to_owned(),
    };
    match (before, after, now) {
        (Some(before), Some(after), Some(now)) => {
            let mut fields = Fields::new(subject);
            let merged = edit(&mut fields, before, after, now)?;
            Ok(fields.write.then(|| (Some(now.clone()), Some(merged))))
        }
        (Some(_), Some(_), None) => Err(conflict("there", "another", "gone")),
        (None, Some(after), None) => Ok(Some((None, Some(after.clone())))),
        (None, Some(after), Some(now)) if same(after, now) => Ok(None),
        (None, Some(_), Some(_)) => Err(conflict("absent", "there", "there with other values")),
        (Some(before), None, Some(now)) => {
            // What is deleted must be what was looked at.
            edit(&mut Fields::new(subject), before, before, now)?;
            if same(before, now) {
                Ok(Some((Some(now.clone()), None)))
            } else {
                Err(conflict("unchanged", "gone", "changed by someone else"))
            }
        }
        (_, None, None) => Ok(None),
        (None, None, Some(now)) => Ok(Some((Some(now.clone()), None))),
    }
}

/// Merges one field after the other and remembers whether there is anything to write.
struct Fields<'a> {
    subject: &'a str,
    write: bool,
}

impl<'a> Fields<'a> {
    fn new(subject: &'a str) -> Self {
        Self { subject, write: false }
    }

    fn merge<T: PartialEq + Clone + Display>(
        &mut self,
        field: &'static str,
        before: &T,
        after: &T,
        now: &T,
    ) -> Result<T, Conflict> {
        if before == after || now == after {
            return Ok(now.clone());
        }
        if now != before {
            return Err(Conflict {
                subject: self.subject.to_owned(),
                field,
                expected: before.to_string(),
                planned: after.to_string(),
                found: now.to_string(),
            });
        }
        self.write = true;
        Ok(after.clone())
    }
}

fn server(
    fields: &mut Fields<'_>,
    before: &Server,
    after: &Server,
    now: &Server,
) -> Result<Server, Conflict> {
    Ok(Server {
        key: now.key,
        forwarding: fields.merge(
            "forwarding",
            &before.forwarding,
            &after.forwarding,
            &now.forwarding,
        )?,
        weight: fields.merge("weight", &before.weight, &after.weight, &now.weight)?,
        upper_threshold: fields.merge(
            "upper threshold",
            &before.upper_threshold,
            &after.upper_threshold,
            &now.upper_threshold,
        )?,
        lower_threshold: fields.merge(
            "lower threshold",
            &before.lower_threshold,
            &after.lower_threshold,
            &now.lower_threshold,
        )?,
        tunnel: fields.merge("tunnel", &before.tunnel, &after.tunnel, &now.tunnel)?,
    })
}

fn service(
    fields: &mut Fields<'_>,
    before: &Service,
    after: &Service,
    now: &Service,
) -> Result<Service, Conflict> {
    let mut flags = now.flags;
    // HASHED is the kernel's own, and bits without a name stay as they are.
    for bit in [ServiceFlags::PERSISTENT, ServiceFlags::ONE_PACKET].into_iter().chain([
        ServiceFlags::SCHED1,
        ServiceFlags::SCHED2,
        ServiceFlags::SCHED3,
    ]) {
        let has = |s: &Service| if s.flags.contains(bit) { Set::On } else { Set::Off };
        let merged = fields.merge(flag_name(bit), &has(before), &has(after), &has(now))?;
        flags.set(bit, merged == Set::On);
    }
    let pe = |s: &Service| Engine(s.pe.as_ref().map(ToString::to_string));
    let engine = fields.merge("persistence engine", &pe(before), &pe(after), &pe(now))?;
    let pe = [after, now].iter().find(|s| pe(s) == engine).and_then(|s| s.pe.clone());
    Ok(Service {
        key: now.key,
        scheduler: fields.merge(
            "scheduler",
            &before.scheduler,
            &after.scheduler,
            &now.scheduler,
        )?,
        flags,
        timeout: fields.merge(
            "persistence timeout",
            &before.timeout,
            &after.timeout,
            &now.timeout,
        )?,
        netmask: fields.merge("netmask", &before.netmask, &after.netmask, &now.netmask)?,
        pe,
    })
}

fn daemon(_: &mut Fields<'_>, _: &Daemon, _: &Daemon, now: &Daemon) -> Result<Daemon, Conflict> {
    Ok(now.clone()) // the kernel has no edit for a running daemon
}

/// The kernel fills in what was left to it, so only what was asked for is compared.
fn same_daemon(wanted: &Daemon, now: &Daemon) -> bool {
    fn asked<T: PartialEq>(wanted: &Option<T>, now: &Option<T>) -> bool {
        wanted.is_none() || wanted == now
    }
    wanted.role == now.role
        && wanted.interface == now.interface
        && wanted.sync_id == now.sync_id
        && asked(&wanted.max_len, &now.max_len)
        && asked(&wanted.group, &now.group)
        && asked(&wanted.group6, &now.group6)
        && asked(&wanted.port, &now.port)
        && asked(&wanted.ttl, &now.ttl)
}

fn flag_name(bit: ServiceFlags) -> &'static str {
    match bit {
        ServiceFlags::PERSISTENT => "persistence",
        ServiceFlags::ONE_PACKET => "one-packet scheduling",
        ServiceFlags::SCHED1 => "scheduler flag 1 (fallback)",
        ServiceFlags::SCHED2 => "scheduler flag 2 (port)",
        ServiceFlags::SCHED3 => "scheduler flag 3",
        _ => "a flag",
    }
}

#[derive(Clone, PartialEq)]
enum Set {
    On,
    Off,
}

impl Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::On { "on" } else { "off" })
    }
}

#[derive(Clone, PartialEq)]
struct Engine(Option<String>);

impl Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_deref().unwrap_or("none"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::{Forwarding, ServiceKey};

    fn server(weight: u32, upper: u32) -> Server {
        let key = "10.1.1.2:80".parse().unwrap();
        let mut server = Server::new(key, Forwarding::Masq, weight);
        server.upper_threshold = upper;
        server
    }

    fn key() -> ServiceKey {
        "TCP 10.0.0.1:80".parse().unwrap()
    }

    fn step(from: u32, to: u32, now: Option<Server>) -> Result<Step, Conflict> {
        merge(&Change::weight(key(), &server(from, 0), to), &Found::Server(now))
    }

    #[test]
    fn an_untouched_field_keeps_what_someone_else_set() {
        let merged = step(10, 11, Some(server(10, 500))).unwrap();
        let (before, after) = (Some(server(10, 500)), Some(server(11, 500)));
        assert_eq!(merged, Step::Write(Change::Server { service: key(), before, after }));
    }

    #[test]
    fn a_moved_field_is_a_conflict_that_tells_all_three_values() {
        let conflict = step(10, 11, Some(server(7, 0))).unwrap_err();
        let told = (conflict.expected.as_str(), conflict.planned.as_str(), conflict.found.as_str());
        assert_eq!(told, ("10", "11", "7"));
        assert!(
            conflict
                .to_string()
                .starts_with("real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight is 7")
        );
    }

    #[test]
    fn what_is_so_already_is_not_written() {
        assert_eq!(step(10, 11, Some(server(11, 0))), Ok(Step::Already));
    }

    #[test]
    fn a_server_that_is_gone_is_not_added_by_an_edit() {
        assert_eq!(step(10, 11, None).unwrap_err().found, "gone");
    }

    #[test]
    fn the_kernels_own_flag_is_no_difference() {
        let scheduler = crate::ipvs::SchedulerName::new("wlc").unwrap();
        let before = Service::new(key(), scheduler);
        let mut after = before.clone();
        after.scheduler = crate::ipvs::SchedulerName::new("mh").unwrap();
        after.flags |= ServiceFlags::SCHED2;
        let mut now = before.clone();
        now.flags |= ServiceFlags::HASHED;
        now.timeout = 77;
        let change = Change::Service { before: Some(before), after: Some(after) };
        let Ok(Step::Write(Change::Service { after: Some(written), .. })) =
            merge(&change, &Found::Service(Some(now)))
        else {
            panic!("not a write");
        };
        assert_eq!(written.scheduler.as_str(), "mh");
        assert_eq!(written.flags, ServiceFlags::HASHED | ServiceFlags::SCHED2);
        assert_eq!(written.timeout, 77, "someone else's timeout stays");
    }
}
