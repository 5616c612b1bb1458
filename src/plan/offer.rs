//! What can be set before a plan so that a danger of it goes away.

use super::danger::{Course, Leg, dangers};
use super::{Around, Danger, Plan};
use crate::ipvs::{Change, Service, ServiceFlags, ServiceKey, counted};
use crate::snapshot::{Known, Snapshot};

/// The sysctl that sends persistent clients away from servers of weight 0.
const EXPIRE: &str = "expire_quiescent_template";

/// Something to set along with a plan, if the operator wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// The key that takes it.
    pub key: char,
    /// What it does, from "also set".
    pub what: String,
    /// What is set, before the plan's own changes.
    pub changes: Vec<Change>,
    /// Whether it is meant to go when the servers have their weights again.
    pub until_restored: bool,
}

/// What could be set before `plan`, one offer a key. None where nothing helps: `dh` has no
/// fallback.
pub fn offers(plan: &Plan, around: &Around<'_>) -> Vec<Offer> {
    let found = dangers(plan, around);
    fallback(plan, &found, around).into_iter().chain(expire(&found, around.snapshot)).collect()
}

/// The fallback flag of the services whose hash would refuse the clients of a quiesced server.
fn fallback(plan: &Plan, found: &[Danger], around: &Around<'_>) -> Option<Offer> {
    let course = Course::whole(plan, around.snapshot);
    let refuses = |key: &ServiceKey| {
        let told =
            |d: &Danger| matches!(d, Danger::RefusedClients { service, .. } if service == key);
        found.iter().any(told)
    };
    // Where the plan edits the service itself, the operator has the flag in hand.
    let edits = |key: &ServiceKey| {
        let itself = |c: &Change| matches!(c, Change::Service { .. }) && c.service() == Some(*key);
        plan.changes.iter().any(itself)
    };
    let known = |leg: &Leg<'_>| leg.entry.is_some_and(|e| e.known == Known::Whole);
    let legs = course.services().filter(|leg| refuses(&leg.key) && !edits(&leg.key) && known(leg));
    let services: Vec<&Service> = legs
        .filter_map(|leg| leg.found.service.as_ref())
        .filter(|service| matches!(service.scheduler.as_str(), "sh" | "mh"))
        .collect();
    let names: Vec<&str> = ["sh", "mh"]
        .into_iter()
        .filter(|name| services.iter().any(|s| s.scheduler.as_str() == *name))
        .map(|name| if name == "sh" { "sh-fallback" } else { "mh-fallback" })
        .collect();
    let on = match services.as_slice() {
        [] => return None,
        [one] => one.key.to_string(),
        all => counted(all.len() as u64, "service"),
    };
    let set = |service: &&Service| {
        let before = (*service).clone();
        let after = Service { flags: before.flags | ServiceFlags::SCHED1, ..before.clone() };
        Change::Service { before: Some(before), after: Some(after) }
    };
    Some(Offer {
        key: 'f',
        what: format!(
            "also set {} on {on} until restored: new clients go to the servers that are left",
            names.join(" and ")
        ),
        changes: services.iter().map(set).collect(),
        until_restored: true,
    })
}

fn expire(found: &[Danger], snapshot: &Snapshot) -> Option<Offer> {
    if !found.iter().any(|d| matches!(d, Danger::Templates { .. })) {
        return None;
    }
    let before = snapshot.sysctls.get()?.get(EXPIRE).filter(|value| *value == "0")?.clone();
    let here = |service, server| {
        let told = |d: &Danger| matches!(d, Danger::Templates { service: s, server: t, .. } if (*s, *t) == (service, server));
        found.iter().any(told)
    };
    // Whoever holds on to a server of weight 0 anywhere else has to move too.
    let others = snapshot.services.iter().filter(|e| e.service.persistent().is_some());
    let others = others.flat_map(|e| e.servers.iter().map(|s| (e.service.key, s)));
    let others = others
        .filter(|(_, s)| s.server.weight == 0 && s.persistent.unwrap_or_default() > 0)
        .filter(|(service, s)| !here(*service, s.server.key))
        .count();
    let also = match others {
        0 => String::new(),
        n => format!(", {} of weight 0 among them", counted(n as u64, "other server")),
    };
    Some(Offer {
        key: 'e',
        what: format!(
            "also set net.ipv4.vs.{EXPIRE} = 1 until restored: persistent clients move with their \
             next connection. It counts for every service of this network namespace{also}"
        ),
        changes: vec![Change::Sysctl { name: EXPIRE.to_owned(), before, after: "1".to_owned() }],
        until_restored: true,
    })
}

impl Plan {
    /// This plan with what was taken of its offers. They come first: they must stand before the
    /// weights go, and undo, which goes backwards, takes them back last.
    #[must_use]
    pub fn with_offers(&self, taken: &[Offer]) -> Self {
        let offered = taken.iter().flat_map(|offer| offer.changes.iter());
        let changes = offered.chain(&self.changes).cloned().collect();
        Self { title: self.title.clone(), changes }
    }
}

#[cfg(test)]
mod tests {
    use super::super::danger::tests::{around, director, persistent, quiesce, with_sysctl};
    use super::super::{Level, level};
    use super::*;

    fn keys(offers: &[Offer]) -> String {
        offers.iter().map(|offer| offer.key).collect()
    }

    #[test]
    fn a_hash_is_offered_its_fallback_and_then_refuses_nobody() {
        for scheduler in ["sh", "mh"] {
            let snapshot = director(scheduler, &[30, 10]);
            let plan = quiesce(&snapshot, &[0]);
            let offers = offers(&plan, &around(&snapshot));
            assert_eq!(keys(&offers), "f");
            let wanted = format!(
                "also set {scheduler}-fallback on TCP 10.0.0.1:80 until restored: new clients go \
                 to the servers that are left"
            );
            assert_eq!(offers[0].what, wanted);
            let plan = plan.with_offers(&offers);
            assert!(matches!(plan.changes[0], Change::Service { .. }), "set before the weight");
            let left = dangers(&plan, &around(&snapshot));
            assert_eq!(level(&left), Level::Tell, "{left:?}");
            assert!(self::offers(&plan, &around(&snapshot)).is_empty(), "it is set");
            // Undo takes the weight back first.
            assert!(matches!(plan.inverse().unwrap().changes[0], Change::Server { .. }));
        }
    }

    #[test]
    fn one_key_is_for_all_services() {
        let mut snapshot = director("sh", &[1, 1]);
        let mut other = director("mh", &[1, 1]).services.remove(0);
        other.service.key = "TCP 10.0.0.2:80".parse().unwrap();
        snapshot.services.push(other);
        let both = |n: usize| {
            let entry = &snapshot.services[n];
            (entry.service.key, entry.servers[0].server.clone(), 0)
        };
        let plan = Plan::weights("drain", &[both(0), both(1)]);
        let offers = offers(&plan, &around(&snapshot));
        assert_eq!(keys(&offers), "f");
        assert_eq!(offers[0].changes.len(), 2);
        assert!(offers[0].what.starts_with("also set sh-fallback and mh-fallback on 2 services"));
    }

    #[test]
    fn nothing_helps_dh_nor_the_last_server_nor_flags_that_were_not_read() {
        let snapshot = director("dh", &[1, 1]);
        assert_eq!(offers(&quiesce(&snapshot, &[0]), &around(&snapshot)), []);
        let snapshot = director("sh", &[1, 0]);
        assert_eq!(offers(&quiesce(&snapshot, &[0]), &around(&snapshot)), []);
        let mut snapshot = director("sh", &[1, 1]);
        snapshot.services[0].known = Known::Listed;
        assert_eq!(offers(&quiesce(&snapshot, &[0]), &around(&snapshot)), []);
    }

    #[test]
    fn templates_are_offered_to_expire_where_the_sysctl_can_be_read() {
        let mut snapshot = director("wlc", &[1, 1]);
        persistent(&mut snapshot, 300, 31);
        assert_eq!(offers(&quiesce(&snapshot, &[0]), &around(&snapshot)), [], "not readable");
        with_sysctl(&mut snapshot, EXPIRE, "0");
        let plan = quiesce(&snapshot, &[0]);
        let offered = offers(&plan, &around(&snapshot));
        assert_eq!(keys(&offered), "e");
        assert!(offered[0].what.ends_with("of this network namespace"), "{}", offered[0].what);
        let plan = plan.with_offers(&offered);
        let left = dangers(&plan, &around(&snapshot));
        assert!(!left.iter().any(|d| matches!(d, Danger::Templates { .. })), "{left:?}");
        // Another server of weight 0 would lose its clients too.
        let mut snapshot = director("wlc", &[1, 1, 0]);
        persistent(&mut snapshot, 300, 31);
        with_sysctl(&mut snapshot, EXPIRE, "0");
        let offered = offers(&quiesce(&snapshot, &[0]), &around(&snapshot));
        let what = &offered[0].what;
        assert!(what.ends_with("namespace, 1 other server of weight 0 among them"), "{what}");
        with_sysctl(&mut snapshot, EXPIRE, "1");
        assert_eq!(offers(&quiesce(&snapshot, &[0]), &around(&snapshot)), []);
    }
}
