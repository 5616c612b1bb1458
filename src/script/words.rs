//! What a change changes, value by value: an operator reviews an edit by what it was and what it
//! shall be.

use std::fmt::Display;

use crate::ipvs::{Change, Server, Service};

/// A line for each value that an edit moves; for what is added or deleted, one line with its
/// values.
pub(super) fn details(change: &Change) -> Vec<String> {
    match change {
        Change::Service { before: Some(before), after: Some(after) } => {
            moved(&service(before), &service(after))
        }
        Change::Server { before: Some(before), after: Some(after), .. } => {
            moved(&server(before), &server(after))
        }
        Change::Service { before, after } => {
            before.iter().chain(after).map(|s| all(&service(s))).collect()
        }
        Change::Server { before, after, .. } => {
            before.iter().chain(after).map(|s| all(&server(s))).collect()
        }
        _ => Vec::new(),
    }
}

/// A value with its name. What is as it usually is goes without saying.
struct Value {
    name: &'static str,
    text: String,
    usual: bool,
}

fn value(name: &'static str, value: impl Display, usual: bool) -> Value {
    Value { name, text: value.to_string(), usual }
}

fn service(service: &Service) -> Vec<Value> {
    let persistent = service.persistent().map_or_else(|| "off".to_owned(), |s| format!("{s} s"));
    let flags = service.scheduler_flags();
    let flags = if flags.is_empty() { "none".to_owned() } else { flags.join(",") };
    let pe = service.pe.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string);
    let ops = if service.one_packet() { "on" } else { "off" };
    vec![
        value("scheduler", &service.scheduler, false),
        value("scheduler flags", &flags, flags == "none"),
        value("persistence", &persistent, persistent == "off"),
        value("netmask", service.netmask, service.netmask.is_host()),
        value("one-packet scheduling", ops, ops == "off"),
        value("persistence engine", &pe, pe == "none"),
    ]
}

fn server(server: &Server) -> Vec<Value> {
    vec![
        value("forwarding", server.forwarding, false),
        value("weight", server.weight, false),
        value("upper threshold", server.upper_threshold, server.upper_threshold == 0),
        value("lower threshold", server.lower_threshold, server.lower_threshold == 0),
        value("tunnel", server.tunnel, server.tunnel == crate::ipvs::Tunnel::default()),
    ]
}

fn moved(before: &[Value], after: &[Value]) -> Vec<String> {
    let both = before.iter().zip(after).filter(|(before, after)| before.text != after.text);
    both.map(|(before, after)| format!("{} {} -> {}", after.name, before.text, after.text))
        .collect()
}

fn all(values: &[Value]) -> String {
    let told = values.iter().filter(|value| !value.usual);
    told.map(|value| format!("{} {}", value.name, value.text)).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::{Forwarding, SchedulerName, ServiceFlags};

    #[test]
    fn every_value_that_moves_is_named() {
        let key = "TCP 10.0.0.1:80".parse().unwrap();
        let wlc = Service::new(key, SchedulerName::new("wlc").unwrap());
        let sh = Service {
            scheduler: SchedulerName::new("sh").unwrap(),
            flags: ServiceFlags::SCHED1 | ServiceFlags::PERSISTENT,
            timeout: 60,
            ..wlc.clone()
        };
        let edit = Change::Service { before: Some(wlc.clone()), after: Some(sh.clone()) };
        let told = [
            "scheduler wlc -> sh",
            "scheduler flags none -> sh-fallback",
            "persistence off -> 60 s",
        ];
        assert_eq!(details(&edit), told);
        let add = Change::Service { before: None, after: Some(sh) };
        let told = "scheduler sh, scheduler flags sh-fallback, persistence 60 s";
        assert_eq!(details(&add), [told]);
        let server = Server::new("10.1.1.2:80".parse().unwrap(), Forwarding::Masq, 3);
        let delete = Change::Server { service: key, before: Some(server.clone()), after: None };
        assert_eq!(details(&delete), ["forwarding Masq, weight 3"]);
        assert_eq!(details(&Change::weight(key, &server, 0)), ["weight 3 -> 0"]);
    }
}
