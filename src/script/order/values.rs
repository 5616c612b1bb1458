//! Services and real servers as options say them: what is not given stays as it is.

use super::{Made, Stop, one, planned, service};
use crate::cli::{Flags, ServerFields, ServerName, ServiceFields, Without};
use crate::ipvs::{
    Family, Forwarding, Protocol, SchedulerName, Server, Service, ServiceFlags, ServiceKey, Tunnel,
    TunnelKind,
};
use crate::plan::Plan;
use crate::script::{Exit, Ground};

/// Persistence in seconds when none is said, ipvsadm's.
const PERSISTENCE: u32 = 300;

pub(super) fn scheduler(
    key: ServiceKey,
    name: &SchedulerName,
    flags: Option<&Flags>,
    ground: &Ground,
) -> Result<Made, Stop> {
    let (scheduler, flags) = (Some(name.clone()), flags.cloned());
    let fields = ServiceFields { scheduler, flags, ..ServiceFields::default() };
    edit_service(key, &fields, Without::default(), ground)
}

pub(super) fn add_service(
    key: ServiceKey,
    fields: &ServiceFields,
    ground: &Ground,
) -> Result<Made, Stop> {
    let Some(scheduler) = fields.scheduler.clone() else {
        return Err(Stop::usage("a new service needs a scheduler: -s"));
    };
    let new = Service::new(key, scheduler);
    let new = service_with(&new, fields, Without::default()).map_err(Stop::usage)?;
    match ground.snapshot.service(&key) {
        None => planned(Plan::add_service(new), &key.to_string(), "", ground),
        Some(there) if there.service.same_config(&new) => {
            Err(Stop::Nothing(format!("{key}: there already")))
        }
        Some(_) => Err(Stop::Not(
            Exit::Conflict,
            format!("service {key} is there already, with other values; 'edit' changes them"),
        )),
    }
}

pub(super) fn edit_service(
    key: ServiceKey,
    fields: &ServiceFields,
    without: Without,
    ground: &Ground,
) -> Result<Made, Stop> {
    let before = &service(key, &ground.snapshot)?.service;
    let after = service_with(before, fields, without).map_err(Stop::usage)?;
    if before.same_config(&after) {
        return Err(Stop::Nothing(format!("{key}: so already")));
    }
    planned(Plan::service(before.clone(), after), &key.to_string(), "", ground)
}

fn service_with(
    before: &Service,
    fields: &ServiceFields,
    without: Without,
) -> Result<Service, String> {
    let mut after = before.clone();
    if let Some(scheduler) = &fields.scheduler {
        after.scheduler = scheduler.clone();
    }
    if let Some(persistent) = fields.persistent {
        let stored = before.persistent().unwrap_or(PERSISTENCE);
        after.timeout = persistent.unwrap_or(stored);
        after.flags |= ServiceFlags::PERSISTENT;
    }
    if let Some(mask) = fields.netmask {
        after.netmask = mask.of(before.key.family())?;
    }
    if fields.ops {
        if before.key.protocol().is_some_and(|protocol| protocol != Protocol::UDP) {
            return Err("-o is for UDP services and firewall marks".to_owned());
        }
        after.flags |= ServiceFlags::ONE_PACKET;
    }
    if let Some(flags) = &fields.flags {
        after.flags = (after.flags - ServiceFlags::SCHED) | flags.of(&after.scheduler)?;
    }
    if without.persistent {
        after.flags -= ServiceFlags::PERSISTENT;
    }
    if without.ops {
        after.flags -= ServiceFlags::ONE_PACKET;
    }
    if without.pe {
        after.pe = None;
    }
    if let Some(pe) = &fields.pe {
        if after.persistent().is_none() {
            return Err("a persistence engine needs a persistent service: -p".to_owned());
        }
        after.pe = Some(pe.clone());
    }
    Ok(after)
}

pub(super) fn add_server(
    key: ServiceKey,
    name: ServerName,
    fields: &ServerFields,
    ground: &Ground,
) -> Result<Made, Stop> {
    let entry = service(key, &ground.snapshot)?;
    let server = name.key(&key);
    let new = Server::new(server, Forwarding::Route, 1);
    let new = server_with(key, &new, fields).map_err(Stop::usage)?;
    let name = format!("{server} of {key}");
    match entry.server(&server) {
        None => planned(Plan::add_server(key, new), &name, "", ground),
        Some(there) if there.server == new => Err(Stop::Nothing(format!("{name}: there already"))),
        Some(_) => Err(Stop::Not(
            Exit::Conflict,
            format!("real server {name} is there already, with other values; 'edit' changes them"),
        )),
    }
}

pub(super) fn edit_server(
    key: ServiceKey,
    name: ServerName,
    fields: &ServerFields,
    ground: &Ground,
) -> Result<Made, Stop> {
    let server = name.key(&key);
    let before = one(service(key, &ground.snapshot)?, &server)?;
    let after = server_with(key, before, fields).map_err(Stop::usage)?;
    let name = format!("{server} of {key}");
    if *before == after {
        return Err(Stop::Nothing(format!("{name}: so already")));
    }
    planned(Plan::server(key, before.clone(), after), &name, "", ground)
}

fn server_with(
    service: ServiceKey,
    before: &Server,
    fields: &ServerFields,
) -> Result<Server, String> {
    let forwarding = match fields {
        ServerFields { route: true, .. } => Forwarding::Route,
        ServerFields { tunnel: true, .. } => Forwarding::Tunnel,
        ServerFields { masq: true, .. } => Forwarding::Masq,
        _ => before.forwarding,
    };
    let tunnels = forwarding == Forwarding::Tunnel;
    if Family::of(before.key.addr) != service.family() && !tunnels {
        return Err(
            "a real server of the other address family is reached by a tunnel: -i".to_owned()
        );
    }
    let tunnel = tunnel_with(before.tunnel, fields);
    if tunnel != before.tunnel && !tunnels {
        return Err("--tun-... is for real servers that are reached by a tunnel: -i".to_owned());
    }
    Ok(Server {
        key: before.key,
        forwarding,
        weight: fields.weight.unwrap_or(before.weight),
        upper_threshold: fields.upper.unwrap_or(before.upper_threshold),
        lower_threshold: fields.lower.unwrap_or(before.lower_threshold),
        tunnel,
    })
}

fn tunnel_with(before: Tunnel, fields: &ServerFields) -> Tunnel {
    let kind = fields.tun_type.unwrap_or(before.kind);
    let kept = if kind == TunnelKind::Gue || kind == before.kind { before.port } else { 0 };
    let checksums = Tunnel::CSUM | Tunnel::REMCSUM;
    let flags = match fields {
        ServerFields { tun_nocsum: true, .. } => before.flags & !checksums,
        ServerFields { tun_csum: true, .. } => before.flags & !checksums | Tunnel::CSUM,
        ServerFields { tun_remcsum: true, .. } => before.flags & !checksums | Tunnel::REMCSUM,
        _ => before.flags,
    };
    Tunnel { kind, port: fields.tun_port.unwrap_or(kept), flags }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server() -> Server {
        let tunnel = Tunnel { kind: TunnelKind::Gue, port: 6080, flags: Tunnel::CSUM };
        let new = Server::new("10.1.1.2:80".parse().unwrap(), Forwarding::Tunnel, 7);
        Server { upper_threshold: 100, lower_threshold: 50, tunnel, ..new }
    }

    fn with(fields: &ServerFields) -> Result<Server, String> {
        server_with("TCP 10.0.0.1:80".parse().unwrap(), &server(), fields)
    }

    #[test]
    fn only_what_is_given_changes() {
        assert_eq!(with(&ServerFields::default()), Ok(server()));
        let fields = ServerFields { weight: Some(3), ..ServerFields::default() };
        assert_eq!(with(&fields), Ok(Server { weight: 3, ..server() }));
        let fields = ServerFields { tun_remcsum: true, ..ServerFields::default() };
        assert_eq!(with(&fields).unwrap().tunnel, Tunnel { flags: 2, ..server().tunnel });
        let fields = ServerFields { tun_type: Some(TunnelKind::Gre), ..ServerFields::default() };
        let gre = Tunnel { kind: TunnelKind::Gre, port: 0, flags: Tunnel::CSUM };
        assert_eq!(with(&fields).unwrap().tunnel, gre, "gre has no port");
        let fields = ServerFields { route: true, tun_port: Some(1), ..ServerFields::default() };
        assert!(with(&fields).unwrap_err().contains("-i"));
    }

    #[test]
    fn a_service_keeps_what_is_not_named() {
        let key = "UDP 10.0.0.1:5060".parse().unwrap();
        let before = Service {
            flags: ServiceFlags::PERSISTENT | ServiceFlags::SCHED2 | ServiceFlags::HASHED,
            timeout: 60,
            ..Service::new(key, SchedulerName::new("sh").unwrap())
        };
        let with = |fields: &ServiceFields, without| service_with(&before, fields, without);
        let nothing = ServiceFields::default();
        assert_eq!(with(&nothing, Without::default()), Ok(before.clone()));
        let same = ServiceFields { persistent: Some(None), ..nothing.clone() };
        assert_eq!(with(&same, Without::default()), Ok(before.clone()), "60 s stay");
        let ops = ServiceFields { ops: true, ..nothing.clone() };
        let flags = before.flags | ServiceFlags::ONE_PACKET;
        assert_eq!(with(&ops, Without::default()), Ok(Service { flags, ..before.clone() }));
        let bare = Without { persistent: true, ..Without::default() };
        assert_eq!(with(&nothing, bare).unwrap().persistent(), None);
        let pe = ServiceFields { pe: crate::ipvs::PeName::new("sip").ok(), ..nothing };
        assert!(with(&pe, bare).unwrap_err().contains("-p"));
    }
}
