//! The look of `ipvsadm -Ln`.

use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;

use crate::ipvs::{Family, Info, ServerKey, ServiceKey};
use crate::snapshot::{ServerEntry, ServiceEntry, Snapshot};

/// Writes the table as `ipvsadm -Ln` (1.31) does, to the byte, trailing blanks included:
///
/// ```text
/// IP Virtual Server version 1.2.1 (size=4096)
/// Prot LocalAddress:Port Scheduler Flags
///   -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
/// TCP  10.0.0.1:443 sh (sh-port) persistent 300 mask 255.255.255.0
///   -> 10.1.1.2:443                 Route   1      12         3
/// ```
///
/// It differs on purpose where ipvsadm is wrong or silent:
/// - A fwmark of 2147483648 or more is not printed as a negative number.
/// - Entries are in the order of their keys. ipvsadm orders by 32-bit differences, which wrap:
///   it puts 192.168.0.1 before 10.0.0.1, and the largest fwmarks before everything.
/// - A protocol other than TCP, UDP and SCTP is `IP_47`, not `?`.
/// - Scheduler flag 3 of sh and mh shows as `flag-3`; ipvsadm prints `sh ()`.
/// - The forwarding method Bypass has its name; ipvsadm prints `(null)`.
/// - What the source could not tell is a `?` where something stands there for certain: the
///   timeout of a persistent service and the flags of an sh or mh service from `/proc`, the
///   version and size that could not be read. A `?` is no number, so that no script takes it
///   for one. The `ops` of an IPv6 service is not there at all, and the `IPv6` of a fwmark is a
///   guess.
///
/// As in ipvsadm, thresholds, tunnel attributes, and the persistence engine of a service that is
/// not persistent are left out.
///
/// # Errors
/// When `out` cannot be written; a closed pipe is [`io::ErrorKind::BrokenPipe`].
pub fn text(snapshot: &Snapshot, out: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let info = snapshot.info.get();
    let version = info.map_or_else(|| "?".to_owned(), Info::version_text);
    let size = info.map_or_else(|| "?".to_owned(), |i| i.conn_tab_size.to_string());
    writeln!(out, "IP Virtual Server version {version} (size={size})")?;
    writeln!(out, "Prot LocalAddress:Port Scheduler Flags")?;
    writeln!(out, "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn")?;
    for entry in &snapshot.services {
        writeln!(out, "{}", service(entry))?;
        for at in &entry.servers {
            writeln!(out, "{}", server(at))?;
        }
    }
    out.flush()
}

/// Some rows of the table in the same look, without its head and without trailing blanks: a
/// service with all its servers, or a server below its service, which is named once.
pub fn rows(snapshot: &Snapshot, wanted: &[(ServiceKey, Option<ServerKey>)]) -> String {
    let mut text = String::new();
    let mut add = |line: String| {
        text.push_str(line.trim_end());
        text.push('\n');
    };
    let mut last = None;
    for (key, of) in wanted {
        let Some(entry) = snapshot.service(key) else { continue };
        if last.replace(*key) != Some(*key) {
            add(service(entry));
        }
        let servers = entry.servers.iter();
        let servers = servers.filter(|at| of.is_none_or(|key| key == at.server.key));
        servers.map(server).for_each(&mut add);
    }
    text
}

/// `  -> 10.1.1.2:443                 Route   1      12         3`.
fn server(at: &ServerEntry) -> String {
    let (key, forwarding) = (at.server.key, at.server.forwarding);
    let (weight, active, inactive) = (at.server.weight, at.active, at.inactive);
    format!("  -> {key:<28} {forwarding:<7} {weight:<6} {active:<10} {inactive:<10}")
}

/// `TCP  10.0.0.1:443 sh (sh-port) persistent 300 mask 255.255.255.0`.
fn service(entry: &ServiceEntry) -> String {
    let service = &entry.service;
    let mut line = match service.key {
        ServiceKey::Endpoint { protocol, addr, port } => {
            format!("{protocol:<4} {}", SocketAddr::new(addr, port))
        }
        ServiceKey::Fwmark { family: Family::V4, mark } => format!("FWM  {mark}"),
        ServiceKey::Fwmark { family: Family::V6, mark } => format!("FWM  {mark} IPv6"),
    };
    line.push(' ');
    line.push_str(service.scheduler.as_str());
    match entry.scheduler_flags() {
        Some(flags) if !flags.is_empty() => line.push_str(&format!(" ({})", flags.join(","))),
        None if matches!(service.scheduler.as_str(), "sh" | "mh") => line.push_str(" (?)"),
        _ => {}
    }
    if service.persistent().is_some() {
        match entry.persistent().flatten() {
            Some(seconds) => line.push_str(&format!(" persistent {seconds}")),
            None => line.push_str(" persistent ?"),
        }
        if !service.netmask.is_host() {
            line.push_str(&format!(" mask {}", service.netmask));
        }
        if let Some(pe) = entry.pe().flatten() {
            line.push_str(&format!(" pe {pe}"));
        }
    }
    if service.one_packet() {
        line.push_str(" ops");
    }
    line
}
