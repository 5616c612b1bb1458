//! What the kernel's refusals mean for each change, in an operator's words. Shared by netlink and
//! the embedded director.

use rustix::io::Errno;

use crate::ipvs::{Change, Forwarding, Server, Service};

/// What was tried, as a verb that follows "the kernel refused to": `set weight 5`.
pub(crate) fn action(change: &Change) -> String {
    match change {
        Change::Service { before: None, .. } | Change::Server { before: None, .. } => {
            "add it".into()
        }
        Change::Service { after: None, .. } | Change::Server { after: None, .. } => {
            "delete it".into()
        }
        Change::Service { before: Some(before), after: Some(after) } => edit_service(before, after),
        Change::Server { before: Some(before), after: Some(after), .. } => {
            edit_server(before, after)
        }
        Change::Timeouts { .. } => "set them".into(),
        Change::Daemon { after: None, .. } => "stop it".into(),
        Change::Daemon { after: Some(after), .. } => format!("start it on {}", after.interface),
        Change::Sysctl { after, .. } => format!("set it to {after}"),
        Change::Zero(_) => "zero its counters".into(),
        Change::Flush => "delete every service".into(),
    }
}

fn edit_service(before: &Service, after: &Service) -> String {
    if before.scheduler != after.scheduler {
        return format!("switch the scheduler to {}", after.scheduler);
    }
    match (before.persistent(), after.persistent()) {
        (old, Some(timeout)) if old != Some(timeout) => format!("make it persistent {timeout}"),
        (Some(_), None) => "end its persistence".into(),
        _ => "edit it".into(),
    }
}

fn edit_server(before: &Server, after: &Server) -> String {
    let same_but_weight = Server { weight: after.weight, ..before.clone() };
    if before.weight != after.weight && same_but_weight == *after {
        return format!("set weight {}", after.weight);
    }
    let thresholds = |s: &Server| (s.upper_threshold, s.lower_threshold);
    if thresholds(before) != thresholds(after) {
        let (upper, lower) = thresholds(after);
        return format!("set thresholds {upper} and {lower}");
    }
    "edit it".into()
}

/// What `errno` means for `change`, from the kernel's own source (`ip_vs_ctl.c`, 3.10 to 7.3);
/// empty if nothing is known.
pub(crate) fn advice(change: &Change, errno: i32) -> &'static str {
    let errno = Errno::from_raw_os_error(errno);
    match (change, errno) {
        (_, Errno::PERM) => {
            "this needs CAP_NET_ADMIN in the initial user namespace; run as root or with sudo"
        }
        (_, Errno::NOMEM) => "the kernel is out of memory",
        (_, Errno::NOPROTOOPT) => "the IPVS module is being unloaded",
        (_, Errno::AFNOSUPPORT) => "this kernel has no IPv6 in IPVS, or IPv6 is switched off",
        (Change::Service { before: None, .. }, Errno::EXIST) => {
            "someone else has added this service; look at it before changing it"
        }
        (Change::Service { .. } | Change::Zero(_), Errno::SRCH) => {
            "the service is gone; someone else has deleted it"
        }
        (Change::Service { .. }, Errno::NOENT) => {
            "the module of this scheduler or persistence engine (ip_vs_NAME, ip_vs_pe_NAME) cannot be loaded on this kernel"
        }
        (Change::Service { .. }, Errno::INVAL) => {
            "an attribute is out of range; an IPv6 service wants a prefix of 1 to 128 even when it is not persistent, and mh takes at most 4093 real servers"
        }
        (Change::Server { .. }, Errno::SRCH) => "its service is gone; someone else has deleted it",
        (Change::Server { before: None, .. }, Errno::EXIST) => {
            "someone else has added this real server; look at it before changing it"
        }
        (Change::Server { .. }, Errno::NOENT) => {
            "the real server is gone; someone else has deleted it"
        }
        (Change::Server { .. }, Errno::RANGE) => {
            "a weight is 0 to 2147483647, and the lower threshold must not exceed the upper one"
        }
        (Change::Server { service, after: Some(after), .. }, Errno::INVAL) => {
            server_invalid(service.family() == crate::ipvs::Family::of(after.key.addr), after)
        }
        (Change::Daemon { after: Some(_), .. }, Errno::EXIST) => {
            "a sync daemon of this role runs already; stop it first"
        }
        (Change::Daemon { after: None, .. }, Errno::SRCH) => "no sync daemon of this role runs",
        (Change::Daemon { .. }, Errno::NODEV) => "there is no such interface",
        (Change::Daemon { .. }, Errno::INVAL) => {
            "the state is unknown, or a service has real servers of the other address family, which sync daemons exclude"
        }
        (Change::Timeouts { .. }, Errno::INVAL) => {
            "a timeout is too long: at most about 2147483647 divided by the kernel's clock rate (HZ) seconds"
        }
        (Change::Sysctl { .. }, Errno::NOENT) => "this kernel has no such sysctl",
        (Change::Sysctl { .. }, Errno::INVAL) => "the value is out of this sysctl's range",
        (Change::Sysctl { .. }, Errno::ACCESS) => "writing sysctls needs root",
        _ => "",
    }
}

fn server_invalid(same_family: bool, after: &Server) -> &'static str {
    if !same_family && after.forwarding != Forwarding::Tunnel {
        return "a real server of the other address family can only be reached by a tunnel";
    }
    if !same_family {
        return "real servers of the other address family and sync daemons exclude each other";
    }
    "the address must be a unicast or local one, not multicast, broadcast or IPv6 link-local (and lo must be up); a gue tunnel needs a port"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::{ServerKey, ServiceKey};

    fn service() -> Service {
        let key: ServiceKey = "TCP 10.0.0.1:80".parse().unwrap();
        Service::new(key, "rr".to_owned().try_into().unwrap())
    }

    #[test]
    fn actions_are_verbs_that_name_what_changes() {
        let key: ServerKey = "10.1.1.2:80".parse().unwrap();
        let server = Server::new(key, Forwarding::Masq, 10);
        let weight = Change::weight(service().key, &server, 5);
        assert_eq!(action(&weight), "set weight 5");
        let mh = Service { scheduler: "mh".to_owned().try_into().unwrap(), ..service() };
        let switch = Change::Service { before: Some(service()), after: Some(mh) };
        assert_eq!(action(&switch), "switch the scheduler to mh");
        let limited = Server { upper_threshold: 9, weight: 3, ..server.clone() };
        let edit = Change::Server {
            service: service().key,
            before: Some(server.clone()),
            after: Some(limited),
        };
        assert_eq!(action(&edit), "set thresholds 9 and 0");
        let gone = Change::Server { service: service().key, before: Some(server), after: None };
        assert_eq!(action(&gone), "delete it");
    }

    #[test]
    fn the_same_number_means_different_things() {
        let key: ServerKey = "[fd00::1]:80".parse().unwrap();
        let other = Server::new(key, Forwarding::Masq, 1);
        let add = Change::Server { service: service().key, before: None, after: Some(other) };
        assert!(advice(&add, 22).contains("tunnel"));
        assert!(advice(&add, 3).contains("service is gone"));
        let scheduler = Change::Service { before: None, after: Some(service()) };
        assert!(advice(&scheduler, 2).contains("module"));
        assert_eq!(advice(&Change::Flush, 99), "");
    }
}
