//! keepalived's configuration, as far as it concerns a doctor: virtual and real servers with their
//! weights, the addresses that VRRP moves, and the sync daemon (`keepalived.conf(5)`).
//!
//! Tolerant: what is not about these is passed over, and what is but is not understood (included
//! files, parameters, lines for one host alone, ranges of addresses) is told as skipped, so that
//! nothing is concluded from its absence.

mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::ipvs::{Family, Protocol, ServiceKey};
use tree::Node;

/// What a configuration says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Keepalived {
    pub(super) servers: Vec<RealServer>,
    /// Addresses that a VRRP instance moves.
    pub(super) addresses: BTreeSet<IpAddr>,
    /// The sync daemon, or why it is not known, as a sentence.
    pub(super) daemon: Option<Result<SyncDaemon, String>>,
    /// What was not understood, with its line.
    pub(super) skipped: Vec<String>,
}

/// A real server of a virtual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RealServer {
    pub(super) service: ServiceKey,
    pub(super) addr: IpAddr,
    pub(super) port: u16,
    /// `None` where a check computes it, or it was not understood.
    pub(super) weight: Option<u32>,
    /// Whether it gets weight 0 instead of being deleted when its check fails.
    pub(super) inhibit: bool,
}

/// `lvs_sync_daemon INTERFACE [inst] INSTANCE [id ID] [maxlen N] [port N] [ttl N] [group ADDR]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SyncDaemon {
    pub(super) interface: String,
    pub(super) id: Option<u32>,
    pub(super) port: Option<u16>,
    pub(super) group: Option<IpAddr>,
}

/// Blocks and words by which a check sets the weight itself.
const COMPUTED: [&str; 5] = ["misc_dynamic", "FILE_CHECK", "track_file", "BFD_CHECK", "track_bfd"];

pub(super) fn parse(text: &str) -> Keepalived {
    let mut read = Keepalived::default();
    let nodes = tree::read(text, &mut read.skipped);
    let mut groups = BTreeMap::new();
    for node in &nodes {
        if let [keyword, name] = node.words()
            && keyword == "virtual_server_group"
        {
            groups.insert(name.clone(), node);
        }
    }
    for node in &nodes {
        match node.keyword() {
            "virtual_server" => read.virtual_server(node, &groups),
            "vrrp_instance" => read.vrrp_instance(node),
            "global_defs" => {
                // The first one counts, and others are ignored (`lvs_syncd_handler`).
                read.daemon = read.daemon.take().or_else(|| sync_daemon(node));
            }
            _ => {}
        }
    }
    // Of a line that is used twice.
    let mut seen = BTreeSet::new();
    read.skipped.retain(|skipped| seen.insert(skipped.clone()));
    read
}

impl Keepalived {
    fn skip(&mut self, node: &Node, why: &str) {
        self.skipped.push(format!("line {}: {why}", node.line));
    }

    fn virtual_server(&mut self, node: &Node, groups: &BTreeMap<String, &Node>) {
        let protocol = match node.value("protocol") {
            None => Protocol::TCP,
            Some(name) => match name.to_ascii_uppercase().as_str() {
                "TCP" => Protocol::TCP,
                "UDP" => Protocol::UDP,
                "SCTP" => Protocol::SCTP,
                _ => return self.skip(node, &format!("protocol {name}")),
            },
        };
        let arguments: Vec<&str> = node.words().iter().skip(1).map(String::as_str).collect();
        let services = match *arguments.as_slice() {
            ["group", name] => match groups.get(name) {
                Some(group) => self.group(group, node, protocol),
                None => {
                    return self.skip(node, &format!("virtual_server_group {name} is not here"));
                }
            },
            _ => match service(&arguments, node, protocol) {
                Some(service) => vec![service],
                None => return self.skip(node, "a virtual server that is not understood"),
            },
        };
        for server in node.children("real_server") {
            for service in &services {
                self.real_server(*service, node, server);
            }
        }
    }

    /// The services of a group.
    fn group(&mut self, group: &Node, server: &Node, protocol: Protocol) -> Vec<ServiceKey> {
        let mut services = Vec::new();
        for entry in &group.children {
            let words: Vec<&str> = entry.words().iter().map(String::as_str).collect();
            match service(&words, server, protocol) {
                Some(service) => services.push(service),
                None => self.skip(entry, "an entry of a group, such as a range"),
            }
        }
        services
    }

    fn real_server(&mut self, service: ServiceKey, of: &Node, node: &Node) {
        let arguments: Vec<&str> = node.words().iter().skip(1).map(String::as_str).collect();
        let (addr, port) = match *arguments.as_slice() {
            [addr] => (addr.parse(), Ok(0)),
            [addr, port] => (addr.parse(), port.parse()),
            _ => return self.skip(node, "a real server that is not understood"),
        };
        let (Ok(addr), Ok(port)) = (addr, port) else {
            return self.skip(node, "a real server that is not understood");
        };
        let inhibits = |node: &Node| {
            let word = node.child("inhibit_on_failure")?;
            Some(!matches!(word.words().get(1).map(String::as_str), Some("no" | "off" | "false")))
        };
        let inhibit = inhibits(node).or(inhibits(of)).unwrap_or(false);
        let said = node.value("weight").or(of.value("weight"));
        let weight = said.map_or(Ok(1), str::parse).ok();
        if weight.is_none() {
            self.skip(node, "a weight that is not understood");
        }
        // A conditional line may say another weight.
        let certain = !node.has_any(&COMPUTED) && !node.conditional && !of.conditional;
        let certain = certain && !node.children.iter().any(|c| c.conditional);
        let weight = weight.filter(|_| certain);
        self.servers.push(RealServer { service, addr, port, weight, inhibit });
    }

    fn vrrp_instance(&mut self, node: &Node) {
        for block in ["virtual_ipaddress", "virtual_ipaddress_excluded"] {
            let entries = node.children(block).flat_map(|block| &block.children);
            for entry in entries {
                let addr = entry.keyword().split('/').next().unwrap_or_default();
                match addr.parse() {
                    Ok(addr) => drop(self.addresses.insert(addr)),
                    Err(_) => self.skip(entry, "a virtual address that is not understood"),
                }
            }
        }
    }
}

/// `ADDRESS [PORT]` or `fwmark MARK [inet|inet6]`.
fn service(words: &[&str], server: &Node, protocol: Protocol) -> Option<ServiceKey> {
    match *words {
        ["fwmark", mark] => fwmark(mark, family(server)?),
        ["fwmark", mark, "inet"] => fwmark(mark, Family::V4),
        ["fwmark", mark, "inet6"] => fwmark(mark, Family::V6),
        [addr] => Some(ServiceKey::endpoint(protocol, addr.parse().ok()?, 0)),
        [addr, port] => {
            Some(ServiceKey::endpoint(protocol, addr.parse().ok()?, port.parse().ok()?))
        }
        _ => None,
    }
}

fn fwmark(mark: &str, family: Family) -> Option<ServiceKey> {
    let mark = mark.parse().ok().filter(|mark| *mark != 0)?;
    Some(ServiceKey::Fwmark { family, mark })
}

/// The family of a marked service: as it is said, or its servers'. None if it is said by a
/// parameter.
fn family(server: &Node) -> Option<Family> {
    if let Some(said) = server.value("ip_family") {
        let family = if said == "inet6" { Family::V6 } else { Family::V4 };
        return (!said.contains('$')).then_some(family);
    }
    let servers = server.children("real_server").filter_map(|s| s.words().get(1));
    let mut addresses = servers.filter_map(|addr| addr.parse().ok());
    Some(addresses.next().map_or(Family::V4, Family::of))
}

/// The sync daemon of a block of global definitions.
fn sync_daemon(block: &Node) -> Option<Result<SyncDaemon, String>> {
    let mut lines = block.children("lvs_sync_daemon");
    let (line, interface) = lines.find_map(|line| Some((line, line.words().get(1)?)))?;
    if block.conditional || line.conditional {
        let why = format!("line {}: its lvs_sync_daemon counts on some hosts alone", line.line);
        return Some(Err(why));
    }
    if line.words().iter().any(|word| word.contains('$')) {
        return Some(Err(format!("line {}: a parameter of its lvs_sync_daemon", line.line)));
    }
    let mut words = line.words().iter().skip(2).map(String::as_str);
    let interface = interface.clone();
    let mut daemon = SyncDaemon { interface, id: None, port: None, group: None };
    while let Some(word) = words.next() {
        match word {
            "id" => daemon.id = words.next().and_then(|id| id.parse().ok()),
            "port" => daemon.port = words.next().and_then(|port| port.parse().ok()),
            "group" => daemon.group = words.next().and_then(|group| group.parse().ok()),
            "inst" | "maxlen" | "ttl" => drop(words.next()),
            _ => {}
        }
    }
    Some(Ok(daemon))
}

#[cfg(test)]
mod tests;
