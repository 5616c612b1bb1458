//! The table for programs: one JSON document, `ipvs-tui/snapshot/1`.
//!
//! # The schema
//! Every field is always there, in this order. Fields will be added without a new number; a
//! field that changes its meaning, its unit or its type, or goes, makes it
//! `ipvs-tui/snapshot/2`.
//!
//! `null` says that there is no such thing (a fwmark service has no `port`) or that it could not
//! be read. What could not be read is listed in `unreadable`, with the reason; and a service
//! whose configuration was read only in part has `complete: false`. The fields marked † are
//! `null` then.
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | `schema` | string | [`SCHEMA`] |
//! | `taken` | string | when the reading began, RFC 3339, UTC |
//! | `took_seconds` | number | how long the reading took |
//! | `source` | string | `netlink`, `proc` or `demo` |
//! | `info` | object or null | what the kernel's IPVS says of itself |
//! | `info.version` | string | `1.2.1` |
//! | `info.connection_table_size` | integer | hash buckets; from kernel 7.2 on their number now, 0 before the first service |
//! | `estimator_running` | boolean or null | `false`: every counter and rate below stands still (`run_estimation`, `est_cpulist`) |
//! | `totals` | stats or null | of the network namespace |
//! | `timeouts` | object or null | of idle connections |
//! | `timeouts.tcp_seconds`, `.tcp_fin_seconds`, `.udp_seconds` | integer | established TCP, TCP after a FIN, UDP |
//! | `daemons` | array or null | synchronisation daemons, none to two |
//! | `daemons[].role` | string | `master` or `backup` |
//! | `daemons[].interface` | string | multicast interface |
//! | `daemons[].sync_id` | integer | 0 to 255 |
//! | `daemons[].max_message_bytes` | integer or null | `null`: not told by this kernel |
//! | `daemons[].group` | string or null | multicast group, IPv4 or IPv6; `null` as above |
//! | `daemons[].port`, `.ttl` | integer or null | `null` as above |
//! | `sysctls` | object or null | `net.ipv4.vs.*` by name; values are strings, as the kernel prints them |
//! | `services` | array | virtual services, in ipvsadm's order |
//! | `unreadable` | array | see below |
//! | `stale` | array | see below |
//!
//! A service, `services[]`:
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | `service` | string | its name: `TCP 10.0.0.1:80`, `TCP [fd00::1]:443`, `FWM 5`, `FWM 5 v6` |
//! | `complete` | boolean | whether its whole configuration could be read |
//! | `family` | string or null | `ipv4` or `ipv6`; `null` for a fwmark service that is not complete |
//! | `protocol` | string or null | `TCP`, `UDP`, `SCTP`, `IP_n`; `null` for a fwmark service |
//! | `address`, `port` | string, integer, or null | `null` for a fwmark service; port 0 means every port |
//! | `fwmark` | integer or null | `null` for any other service |
//! | `scheduler` | string | `wlc`; `none` without one |
//! | `scheduler_flags` † | array of strings | `sh-fallback`, `sh-port`, `mh-fallback`, `mh-port`, `flag-1` to `flag-3` |
//! | `one_packet` | boolean or null | every packet is scheduled by itself; `null` for an IPv6 service that is not complete |
//! | `persistent` | boolean | clients stick to their server |
//! | `persistence_timeout_seconds` † | integer | stored even when not persistent |
//! | `persistence_netmask` | string or null | IPv4 mask that groups clients; `null` for IPv6, and where not persistent and not complete |
//! | `persistence_prefix_length` | integer or null | the same for IPv6 |
//! | `persistence_engine` † | string or null | `sip`; `null` without one |
//! | `flags` † | integer | the kernel's flag bits, all of them |
//! | `active_connections`, `inactive_connections` | integer | of all its servers, now |
//! | `stats` | stats or null | of the service |
//! | `unknown_attributes` | array | what a newer kernel said beyond this schema |
//! | `servers_age_seconds` | number | how much older than `taken` the servers' stats are |
//! | `servers` | array | real servers, by address and port |
//!
//! A real server, `services[].servers[]`:
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | `server` | string | its name: `10.1.1.2:80` |
//! | `family` | string | `ipv4` or `ipv6`; may differ from the service's for a tunnel server |
//! | `address`, `port` | string, integer | |
//! | `forwarding` | string | `Masq`, `Local`, `Tunnel`, `Route`, `Bypass`, `fwd n`; where not complete, Bypass reads as Masq |
//! | `weight` | integer | 0 takes no new clients |
//! | `upper_threshold`, `lower_threshold` † | integer | connections; 0 means none |
//! | `tunnel` † | object or null | `null` where it is not a tunnel server and stores no tunnel attributes |
//! | `tunnel.type` | string | `ipip`, `gue`, `gre`, `tunnel n` |
//! | `tunnel.port` | integer | UDP port of gue, else 0 |
//! | `tunnel.checksum`, `tunnel.remote_checksum` | boolean | |
//! | `tunnel.flags` | integer | the kernel's bits, all of them |
//! | `active_connections`, `inactive_connections` | integer | now |
//! | `persistent_connections` | integer or null | persistence templates now |
//! | `stats` | stats or null | of the server |
//! | `unknown_attributes` | array | as above |
//!
//! `unknown_attributes[]` has `number` (integer, in the kernel's `IPVS_SVC_ATTR_*` or
//! `IPVS_DEST_ATTR_*`) and `hex` (string, its bytes).
//!
//! Stats, refreshed by the kernel every 2 seconds:
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | `connections` | integer | scheduled since the object was made or zeroed |
//! | `in_packets`, `out_packets` | integer | from and to clients; out stays 0 for direct routing and tunnels |
//! | `in_bytes`, `out_bytes` | integer | the same in IP bytes |
//! | `connections_per_second` | integer | the kernel's moving averages; 90 % of a step shows after 16 s |
//! | `in_packets_per_second`, `out_packets_per_second` | integer | |
//! | `in_bytes_per_second`, `out_bytes_per_second` | integer | bytes, not bits |
//!
//! `unreadable[]` has `field` (a path into this document, `services[].stats` for those of every
//! service in which it is `null`) and `reason` (a sentence). `stale[]` has `field` and
//! `age_seconds`: read that much earlier than `taken`, as it changes rarely.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr};

use jiff::Timestamp;
use serde::Serialize;

use super::pretty::Pretty;
use crate::ipvs::{
    self, DaemonRole, Family, Forwarding, Info, Netmask, Protocol, ServiceFlags, ServiceKey,
    Timeouts,
};
use crate::snapshot::{
    self, Known, Moment, Part, ServerEntry, ServiceEntry, Snapshot, Source, Sysctls,
};

/// Name and number of the schema, the first field of the document.
pub const SCHEMA: &str = "ipvs-tui/snapshot/1";

/// Writes `snapshot` as one pretty-printed JSON document of [`SCHEMA`], with a newline at its
/// end. The same snapshot always gives the same bytes. Characters that a terminal would act upon are
/// written as `\u....`.
///
/// # Errors
/// When `out` cannot be written; a closed pipe is [`io::ErrorKind::BrokenPipe`].
pub fn json(snapshot: &Snapshot, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, Pretty::default());
    Document::new(snapshot).serialize(&mut serializer)?;
    out.write_all(b"\n")?;
    out.flush()
}

#[derive(Serialize)]
struct Document<'a> {
    schema: &'static str,
    taken: Timestamp,
    took_seconds: f64,
    source: Source,
    info: Option<InfoFields>,
    estimator_running: Option<bool>,
    totals: Option<Stats>,
    timeouts: Option<TimeoutFields>,
    daemons: Option<Vec<Daemon<'a>>>,
    sysctls: Option<&'a BTreeMap<String, String>>,
    services: Vec<Service<'a>>,
    unreadable: Vec<Unreadable<'a>>,
    stale: Vec<Stale>,
}

impl<'a> Document<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let sysctls: Option<&Sysctls> = snapshot.sysctls.get();
        Self {
            schema: SCHEMA,
            taken: snapshot.taken,
            took_seconds: snapshot.took.as_secs_f64(),
            source: snapshot.source,
            info: snapshot.info.get().map(InfoFields::new),
            estimator_running: sysctls.map(|_| !snapshot.estimator_off()),
            totals: snapshot.totals.get().map(Stats::new),
            timeouts: snapshot.timeouts.get().map(TimeoutFields::new),
            daemons: snapshot.daemons.get().map(|all| all.iter().map(Daemon::new).collect()),
            sysctls,
            services: snapshot.services.iter().map(|s| Service::new(s, snapshot.at)).collect(),
            unreadable: unreadable(snapshot),
            stale: stale(snapshot),
        }
    }
}

#[derive(Serialize)]
struct InfoFields {
    version: String,
    connection_table_size: u32,
}

impl InfoFields {
    fn new(info: &Info) -> Self {
        Self { version: info.version_text(), connection_table_size: info.conn_tab_size }
    }
}

#[derive(Serialize)]
struct TimeoutFields {
    tcp_seconds: u32,
    tcp_fin_seconds: u32,
    udp_seconds: u32,
}

impl TimeoutFields {
    fn new(timeouts: &Timeouts) -> Self {
        let Timeouts { tcp, tcp_fin, udp } = *timeouts;
        Self { tcp_seconds: tcp, tcp_fin_seconds: tcp_fin, udp_seconds: udp }
    }
}

#[derive(Serialize)]
struct Daemon<'a> {
    role: DaemonRole,
    interface: &'a str,
    sync_id: u32,
    max_message_bytes: Option<u16>,
    group: Option<IpAddr>,
    port: Option<u16>,
    ttl: Option<u8>,
}

impl<'a> Daemon<'a> {
    fn new(daemon: &'a ipvs::Daemon) -> Self {
        Self {
            role: daemon.role,
            interface: &daemon.interface,
            sync_id: daemon.sync_id,
            max_message_bytes: daemon.max_len,
            group: daemon.group.map(IpAddr::from).or(daemon.group6.map(IpAddr::from)),
            port: daemon.port,
            ttl: daemon.ttl,
        }
    }
}

#[derive(Serialize)]
struct Service<'a> {
    service: String,
    complete: bool,
    family: Option<&'static str>,
    protocol: Option<String>,
    address: Option<IpAddr>,
    port: Option<u16>,
    fwmark: Option<u32>,
    scheduler: &'a str,
    scheduler_flags: Option<Vec<&'static str>>,
    one_packet: Option<bool>,
    persistent: bool,
    persistence_timeout_seconds: Option<u32>,
    persistence_netmask: Option<Ipv4Addr>,
    persistence_prefix_length: Option<u8>,
    persistence_engine: Option<&'a str>,
    flags: Option<u32>,
    active_connections: u64,
    inactive_connections: u64,
    stats: Option<Stats>,
    unknown_attributes: Vec<UnknownAttribute>,
    servers_age_seconds: f64,
    servers: Vec<Server>,
}

impl<'a> Service<'a> {
    fn new(entry: &'a ServiceEntry, now: Moment) -> Self {
        let service = &entry.service;
        let complete = entry.known == Known::Whole;
        let (address, port, fwmark) = match service.key {
            ServiceKey::Endpoint { addr, port, .. } => (Some(addr), Some(port), None),
            ServiceKey::Fwmark { mark, .. } => (None, None, Some(mark)),
        };
        let netmask = Some(service.netmask).filter(|_| netmask_known(entry));
        Self {
            service: service.key.to_string(),
            complete,
            family: Some(family(service.key.family())).filter(|_| family_known(entry)),
            protocol: service.key.protocol().as_ref().map(Protocol::to_string),
            address,
            port,
            fwmark,
            scheduler: service.scheduler.as_str(),
            scheduler_flags: entry.scheduler_flags(),
            one_packet: Some(service.one_packet()).filter(|_| one_packet_known(entry)),
            persistent: service.persistent().is_some(),
            persistence_timeout_seconds: complete.then_some(service.timeout),
            persistence_netmask: match netmask {
                Some(Netmask::V4(mask)) => Some(mask),
                _ => None,
            },
            persistence_prefix_length: match netmask {
                Some(Netmask::V6(prefix)) => Some(prefix),
                _ => None,
            },
            persistence_engine: entry.pe().flatten().map(ipvs::PeName::as_str),
            flags: complete.then(|| (service.flags - ServiceFlags::HASHED).bits()),
            active_connections: entry.active(),
            inactive_connections: entry.inactive(),
            stats: entry.stats.as_ref().map(Stats::new),
            unknown_attributes: entry.unknown.iter().map(UnknownAttribute::new).collect(),
            servers_age_seconds: now.since(entry.servers_read).as_secs_f64(),
            servers: entry.servers.iter().map(|at| Server::new(entry, at)).collect(),
        }
    }
}

/// `/proc/net/ip_vs` prints a fwmark without its family.
fn family_known(entry: &ServiceEntry) -> bool {
    entry.known == Known::Whole || matches!(entry.service.key, ServiceKey::Endpoint { .. })
}

/// `/proc/net/ip_vs` never prints `ops` for an IPv6 service, but does for every fwmark.
fn one_packet_known(entry: &ServiceEntry) -> bool {
    let key = entry.service.key;
    entry.known == Known::Whole || key.protocol().is_none() || key.family() == Family::V4
}

/// `/proc/net/ip_vs` prints the mask only of a persistent service.
fn netmask_known(entry: &ServiceEntry) -> bool {
    entry.known == Known::Whole || entry.service.persistent().is_some()
}

#[derive(Serialize)]
struct Server {
    server: String,
    family: &'static str,
    address: IpAddr,
    port: u16,
    forwarding: String,
    weight: u32,
    upper_threshold: Option<u32>,
    lower_threshold: Option<u32>,
    tunnel: Option<Tunnel>,
    active_connections: u32,
    inactive_connections: u32,
    persistent_connections: Option<u32>,
    stats: Option<Stats>,
    unknown_attributes: Vec<UnknownAttribute>,
}

impl Server {
    fn new(of: &ServiceEntry, entry: &ServerEntry) -> Self {
        let server = &entry.server;
        let tunnels = |tunnel: &ipvs::Tunnel| {
            server.forwarding == Forwarding::Tunnel || *tunnel != ipvs::Tunnel::default()
        };
        Self {
            server: server.key.to_string(),
            family: family(Family::of(server.key.addr)),
            address: server.key.addr,
            port: server.key.port,
            forwarding: server.forwarding.to_string(),
            weight: server.weight,
            upper_threshold: of.thresholds(entry).map(|(upper, _)| upper),
            lower_threshold: of.thresholds(entry).map(|(_, lower)| lower),
            tunnel: of.tunnel(entry).filter(tunnels).map(Tunnel::new),
            active_connections: entry.active,
            inactive_connections: entry.inactive,
            persistent_connections: entry.persistent,
            stats: entry.stats.as_ref().map(Stats::new),
            unknown_attributes: entry.unknown.iter().map(UnknownAttribute::new).collect(),
        }
    }
}

#[derive(Serialize)]
struct Tunnel {
    r#type: String,
    port: u16,
    checksum: bool,
    remote_checksum: bool,
    flags: u16,
}

impl Tunnel {
    fn new(tunnel: ipvs::Tunnel) -> Self {
        let ipvs::Tunnel { kind, port, flags } = tunnel;
        Self {
            r#type: kind.to_string(),
            port,
            checksum: flags & ipvs::Tunnel::CSUM != 0,
            remote_checksum: flags & ipvs::Tunnel::REMCSUM != 0,
            flags,
        }
    }
}

#[derive(Serialize)]
struct UnknownAttribute {
    number: u16,
    hex: String,
}

impl UnknownAttribute {
    fn new(attribute: &snapshot::UnknownAttribute) -> Self {
        let hex = attribute.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { number: attribute.number, hex }
    }
}

#[derive(Serialize)]
struct Stats {
    connections: u64,
    in_packets: u64,
    out_packets: u64,
    in_bytes: u64,
    out_bytes: u64,
    connections_per_second: u64,
    in_packets_per_second: u64,
    out_packets_per_second: u64,
    in_bytes_per_second: u64,
    out_bytes_per_second: u64,
}

impl Stats {
    fn new(stats: &ipvs::Stats) -> Self {
        let ipvs::Stats { counters, rates } = *stats;
        Self {
            connections: counters.connections,
            in_packets: counters.in_packets,
            out_packets: counters.out_packets,
            in_bytes: counters.in_bytes,
            out_bytes: counters.out_bytes,
            connections_per_second: rates.connections,
            in_packets_per_second: rates.in_packets,
            out_packets_per_second: rates.out_packets,
            in_bytes_per_second: rates.in_bytes,
            out_bytes_per_second: rates.out_bytes,
        }
    }
}

fn family(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}

#[derive(Serialize)]
struct Unreadable<'a> {
    field: &'static str,
    reason: &'a str,
}

fn unreadable(snapshot: &Snapshot) -> Vec<Unreadable<'_>> {
    fn part<'a, T>(field: &'static str, part: &'a Part<T>) -> Option<Unreadable<'a>> {
        match part {
            Part::Unreadable(reason) => Some(Unreadable { field, reason }),
            Part::Fresh(_) | Part::Stale { .. } => None,
        }
    }
    let estimator = part("estimator_running", &snapshot.sysctls);
    let parts = [
        part("info", &snapshot.info),
        estimator,
        part("totals", &snapshot.totals),
        part("timeouts", &snapshot.timeouts),
        part("daemons", &snapshot.daemons),
        part("sysctls", &snapshot.sysctls),
    ];

    let services = || snapshot.services.iter();
    let listed = || services().filter(|s| s.known == Known::Listed);
    let listed_servers = listed().any(|s| !s.servers.is_empty());
    let servers = || services().flat_map(|s| &s.servers);
    let missing = [
        ("services[].family", listed().any(|s| !family_known(s)), NOT_LISTED),
        ("services[].scheduler_flags", listed().next().is_some(), NOT_LISTED),
        ("services[].one_packet", listed().any(|s| !one_packet_known(s)), NOT_LISTED),
        ("services[].persistence_timeout_seconds", listed().next().is_some(), IN_JIFFIES),
        ("services[].persistence_netmask", listed().any(|s| !netmask_known(s)), NOT_LISTED),
        ("services[].persistence_prefix_length", listed().any(|s| !netmask_known(s)), NOT_LISTED),
        ("services[].persistence_engine", listed().next().is_some(), NOT_LISTED),
        ("services[].flags", listed().next().is_some(), NOT_LISTED),
        ("services[].stats", services().any(|s| s.stats.is_none()), no_stats(snapshot.source)),
        ("services[].servers[].upper_threshold", listed_servers, NOT_LISTED),
        ("services[].servers[].lower_threshold", listed_servers, NOT_LISTED),
        ("services[].servers[].tunnel", listed_servers, NOT_LISTED),
        (
            "services[].servers[].persistent_connections",
            servers().any(|s| s.persistent.is_none()),
            no_stats(snapshot.source),
        ),
        (
            "services[].servers[].stats",
            servers().any(|s| s.stats.is_none()),
            no_stats(snapshot.source),
        ),
    ];
    let missing = missing.into_iter().filter(|(_, is_missing, _)| *is_missing);
    let missing = missing.map(|(field, _, reason)| Unreadable { field, reason });
    parts.into_iter().flatten().chain(missing).collect()
}

const NOT_LISTED: &str = "/proc/net/ip_vs does not tell it";
const IN_JIFFIES: &str = "/proc/net/ip_vs tells it in jiffies, whose length it does not tell";

fn no_stats(source: Source) -> &'static str {
    match source {
        Source::Proc => NOT_LISTED,
        Source::Netlink | Source::Demo => "not read with this snapshot",
    }
}

#[derive(Serialize)]
struct Stale {
    field: &'static str,
    age_seconds: f64,
}

fn stale(snapshot: &Snapshot) -> Vec<Stale> {
    fn age<T>(part: &Part<T>, now: Moment) -> Option<f64> {
        match part {
            Part::Stale { read, .. } => Some(now.since(*read).as_secs_f64()),
            Part::Fresh(_) | Part::Unreadable(_) => None,
        }
    }
    let now = snapshot.at;
    let ages = [
        ("info", age(&snapshot.info, now)),
        ("totals", age(&snapshot.totals, now)),
        ("timeouts", age(&snapshot.timeouts, now)),
        ("daemons", age(&snapshot.daemons, now)),
        ("sysctls", age(&snapshot.sysctls, now)),
    ];
    let ages = ages.into_iter().filter_map(|(field, age)| Some((field, age?)));
    ages.map(|(field, age_seconds)| Stale { field, age_seconds }).collect()
}
