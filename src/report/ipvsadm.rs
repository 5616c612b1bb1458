//! ipvsadm's options: how services, real servers, timeouts and daemons are said in them, and what
//! they cannot say.
//!
//! The facts are those of ipvsadm 1.31 (`ipvsadm.c`), tried in a guest:
//! - `ipvsadm -R` takes any command but listings, split at white space without quoting. It has no
//!   comments: its manual's `#` ends the restore at that line. So notes never go among the lines.
//! - An option it refuses ends the restore; an entry the kernel refuses does not.
//! - `-6` must follow `-f` and come before `-M`. `-f` wants the mark in decimal, unsigned.
//! - `-a` and `-e` replace the port of a tunnel or route server by the service's, except under a
//!   fwmark; `-d` does not.
//! - Another address family is for tunnel servers alone, and tunnel options too.
//! - A weight above 65,535 is refused by ipvsadm as released, and taken by Debian's build of it.
//! - `-b flag-3` goes with every scheduler, though `-S` does not write it for sh and mh.

use std::fmt::Display;
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;

use crate::ipvs::{
    Daemon, Family, Forwarding, Netmask, Protocol, Server, ServerKey, Service, ServiceFlags,
    ServiceKey, Timeouts, Tunnel, TunnelKind, shell,
};
use crate::journal::clean;
use crate::snapshot::{Known, Part, Snapshot, UnknownAttribute};

/// The longest timeout that ipvsadm takes, in seconds: 31 days.
const MAX_TIMEOUT: u32 = 31 * 86_400;
/// The largest threshold that ipvsadm takes.
const MAX_THRESHOLD: u32 = i32::MAX as u32;
/// The largest weight that every build of ipvsadm takes.
const MAX_WEIGHT: u32 = 65_535;
/// The largest `--sync-maxlen`: a UDP datagram.
const MAX_SYNC_LEN: u16 = 65_535 - 20 - 8;

/// Writes the lines from which `ipvsadm -R` makes this table: what `ipvsadm -Sn` prints, and what
/// it loses, namely thresholds, scheduler flag 3, the mask of a service that is not persistent,
/// marks above 2147483647, and the protocol timeouts (a first line `--set`).
///
/// Returns the sentences that tell what restoring the lines would not give back; empty when
/// nothing is lost. They belong on stderr, as `ipvsadm -R` takes no comments. Where ipvsadm
/// cannot say a value, the nearest that it takes is written; where it cannot say an entry at all,
/// there is no line for it. Synchronisation daemons are always left to a note: the lines may be
/// meant for another director. A service read from `/proc` gets no line, since most of it is
/// unknown.
///
/// # Errors
/// When `out` cannot be written; a closed pipe is [`io::ErrorKind::BrokenPipe`].
pub fn rules(snapshot: &Snapshot, out: &mut (impl Write + ?Sized)) -> io::Result<Vec<String>> {
    let mut out = BufWriter::new(out);
    let mut notes = Vec::new();
    let mut write = |line: Line, notes: &mut Vec<String>| -> io::Result<bool> {
        let sayable = line.fidelity < Fidelity::Unsayable;
        if sayable {
            writeln!(out, "{}", line.words.join(" "))?;
        }
        notes.extend(line.notes);
        Ok(sayable)
    };

    match &snapshot.timeouts {
        Part::Fresh(value) | Part::Stale { value, .. } => {
            write(timeouts(*value), &mut notes)?;
        }
        Part::Unreadable(why) => notes.push(format!("the protocol timeouts are left out: {why}")),
    }
    for daemon in snapshot.daemons.get().into_iter().flatten() {
        let role = daemon.role;
        let start = start_daemon(daemon);
        notes.push(format!(
            "the {role} sync daemon is left out, as the lines may be meant for another director; \
             it is started with: {}",
            clean(&start.command_line())
        ));
        notes.extend(start.notes);
    }
    let mut unknown: usize = 0;
    for entry in &snapshot.services {
        if entry.known == Known::Listed {
            unknown += 1;
            continue;
        }
        let key = entry.service.key;
        let mut line = service("-A", &entry.service);
        line.unknown(&entry.unknown);
        if !write(line, &mut notes)? {
            match entry.servers.len() {
                0 => {}
                n => notes.push(format!("service {key}: its real servers ({n}) are left out too")),
            }
            continue;
        }
        for at in &entry.servers {
            let mut line = server("-a", key, &at.server);
            line.unknown(&at.unknown);
            write(line, &mut notes)?;
        }
    }
    if unknown > 0 {
        notes.push(format!(
            "services left out: {unknown}; /proc/net/ip_vs tells neither their scheduler flags, \
             persistence timeouts and engines nor thresholds and tunnels: run as root to read all"
        ));
    }
    out.flush()?;
    Ok(notes)
}

/// How well a line says what it is meant to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fidelity {
    /// In full, up to values that have no effect as things are.
    Same,
    /// With the nearest value that ipvsadm takes.
    Nearest,
    /// Not at all: ipvsadm would refuse the line or do something else.
    Unsayable,
}

/// One call of ipvsadm, without its name and before any quoting.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) words: Vec<String>,
    /// What the words do not say, as sentences that name the entry.
    pub(super) notes: Vec<String>,
    pub(super) fidelity: Fidelity,
    subject: String,
}

impl Line {
    pub(super) fn new(command: &str, subject: String) -> Self {
        let words = vec![command.to_owned()];
        Self { words, notes: Vec::new(), fidelity: Fidelity::Same, subject }
    }

    /// The whole command line, quoted for a shell.
    pub(super) fn command_line(&self) -> String {
        shell(std::iter::once("ipvsadm").chain(self.words.iter().map(String::as_str)))
    }

    fn word(&mut self, word: impl Display) {
        self.words.push(word.to_string());
    }

    fn option(&mut self, name: &str, value: impl Display) {
        self.word(name);
        self.word(value);
    }

    pub(super) fn note(&mut self, fidelity: Fidelity, why: impl Display) {
        self.fidelity = self.fidelity.max(fidelity);
        self.notes.push(format!("{}: {why}", self.subject));
    }

    /// What a newer kernel said and this program does not know either.
    fn unknown(&mut self, attributes: &[UnknownAttribute]) {
        for attribute in attributes {
            let why =
                format!("the kernel's attribute {} is lost, which is not known", attribute.number);
            self.note(Fidelity::Nearest, why);
        }
    }

    /// `value`, or the nearest within `min..=max` with a note.
    fn clamp(&mut self, what: &str, value: u32, min: u32, max: u32) -> u32 {
        let near = value.clamp(min, max);
        if near != value {
            let why = format!("ipvsadm takes {what} from {min} to {max}, and this is {value}");
            self.note(Fidelity::Nearest, why);
        }
        near
    }

    /// `-t 10.0.0.1:80`, `-f 5 -6`.
    pub(super) fn service_key(&mut self, key: ServiceKey) {
        match key {
            ServiceKey::Endpoint { protocol, addr, port } => {
                match protocol {
                    Protocol::TCP => self.word("-t"),
                    Protocol::UDP => self.word("-u"),
                    Protocol::SCTP => self.word("--sctp-service"),
                    Protocol(n) => {
                        self.note(Fidelity::Unsayable, format!("ipvsadm has no protocol {n}"));
                    }
                }
                self.word(SocketAddr::new(addr, port));
            }
            ServiceKey::Fwmark { family, mark } => {
                self.option("-f", mark);
                if family == Family::V6 {
                    self.word("-6");
                }
            }
        }
    }

    /// `-r 10.1.1.2:80`.
    pub(super) fn server_key(&mut self, key: ServerKey) {
        self.option("-r", key);
    }
}

/// `-A` or `-E` with every option.
pub(super) fn service(command: &str, service: &Service) -> Line {
    let mut line = Line::new(command, format!("service {}", service.key));
    line.service_key(service.key);
    line.option("-s", &service.scheduler);
    persistence(&mut line, service);
    if let Some(pe) = &service.pe {
        line.option("--pe", pe);
    }
    if service.one_packet() {
        match service.key.protocol() {
            None | Some(Protocol::UDP) => line.word("-o"),
            _ => line.note(
                Fidelity::Nearest,
                "ipvsadm knows one-packet scheduling for UDP and fwmarks alone",
            ),
        }
    }
    let flags = service.scheduler_flags();
    if !flags.is_empty() {
        line.option("-b", flags.join(","));
    }
    let named = ServiceFlags::PERSISTENT
        | ServiceFlags::HASHED
        | ServiceFlags::ONE_PACKET
        | ServiceFlags::SCHED;
    let nameless = (service.flags - named).bits();
    if nameless != 0 {
        line.note(Fidelity::Nearest, format!("ipvsadm has no option for the flags {nameless:#x}"));
    }
    line
}

/// `-p 300 -M 255.255.255.0`.
fn persistence(line: &mut Line, service: &Service) {
    match service.persistent() {
        Some(seconds) => {
            let seconds = line.clamp("a persistence timeout", seconds, 1, MAX_TIMEOUT);
            line.option("-p", seconds);
        }
        None => {
            if matches!(service.key, ServiceKey::Endpoint { port: 0, .. }) {
                line.note(Fidelity::Unsayable, "ipvsadm takes port 0 with persistence alone");
            }
            if service.timeout != 0 {
                let why =
                    format!("its stored timeout {} is lost, which is not in use", service.timeout);
                line.note(Fidelity::Same, why);
            }
        }
    }
    match (service.key.family(), service.netmask) {
        (_, mask) if mask.is_host() && mask.family() == service.key.family() => {}
        (Family::V4, Netmask::V4(mask)) => line.option("-M", mask),
        (Family::V6, Netmask::V6(prefix @ 1..=128)) => line.option("-M", prefix),
        (_, mask) => line.note(Fidelity::Nearest, format!("ipvsadm cannot say the mask {mask}")),
    }
}

/// `-a` or `-e` with every option.
pub(super) fn server(command: &str, of: ServiceKey, server: &Server) -> Line {
    let mut line = Line::new(command, format!("real server {} of {of}", server.key));
    line.service_key(of);
    line.server_key(server.key);
    match server.forwarding {
        Forwarding::Masq => line.word("-m"),
        Forwarding::Tunnel => line.word("-i"),
        Forwarding::Route => line.word("-g"),
        Forwarding::Local => {
            line.word("-g");
            line.note(Fidelity::Nearest, "ipvsadm cannot say Local; Route is nearest");
        }
        other @ (Forwarding::Bypass | Forwarding::Unknown(_)) => {
            let why = format!("ipvsadm has no option for the forwarding method {other}");
            line.note(Fidelity::Unsayable, why);
        }
    }
    if server.forwarding != Forwarding::Tunnel && Family::of(server.key.addr) != of.family() {
        let why = "ipvsadm takes another address family for tunnel servers alone";
        line.note(Fidelity::Unsayable, why);
    }
    if let ServiceKey::Endpoint { port, .. } = of
        && server.forwarding != Forwarding::Masq
        && server.key.port != port
    {
        let why = format!("ipvsadm would put the service's port {port} in its place");
        line.note(Fidelity::Nearest, why);
    }
    line.option("-w", server.weight);
    if server.weight > MAX_WEIGHT {
        let why = format!(
            "ipvsadm 1.31 as released stops at weight {MAX_WEIGHT} and ends a restore here; \
             Debian's takes the weight"
        );
        line.note(Fidelity::Same, why);
    }
    tunnel(&mut line, server);
    for (option, threshold) in [("-x", server.upper_threshold), ("-y", server.lower_threshold)] {
        if threshold != 0 {
            let threshold = line.clamp("a threshold", threshold, 0, MAX_THRESHOLD);
            line.option(option, threshold);
        }
    }
    line
}

/// `--tun-type gue --tun-port 6080 --tun-nocsum`.
fn tunnel(line: &mut Line, server: &Server) {
    let Tunnel { kind, port, flags } = server.tunnel;
    if server.forwarding != Forwarding::Tunnel {
        if server.tunnel != Tunnel::default() {
            line.note(
                Fidelity::Same,
                "its stored tunnel attributes are lost, which are not in use",
            );
        }
        return;
    }
    let (wants_port, checksums) = match kind {
        TunnelKind::Ipip => (false, [].as_slice()),
        TunnelKind::Gue => (true, [0, Tunnel::CSUM, Tunnel::REMCSUM].as_slice()),
        TunnelKind::Gre => (false, [0, Tunnel::CSUM].as_slice()),
        TunnelKind::Unknown(n) => {
            return line.note(Fidelity::Unsayable, format!("ipvsadm has no tunnel type {n}"));
        }
    };
    line.option("--tun-type", kind);
    match port {
        0 if wants_port => line.note(Fidelity::Unsayable, "ipvsadm wants a port for gue"),
        port if wants_port => line.option("--tun-port", port),
        0 => {}
        port => line.note(Fidelity::Same, format!("its stored port {port} is lost, not in use")),
    }
    match flags {
        0 if checksums.is_empty() => {}
        flags if !checksums.contains(&flags) => {
            let why = format!("ipvsadm cannot say the tunnel flags {flags:#x} with {kind}");
            line.note(Fidelity::Nearest, why);
        }
        Tunnel::CSUM => line.word("--tun-csum"),
        Tunnel::REMCSUM => line.word("--tun-remcsum"),
        _ => line.word("--tun-nocsum"),
    }
}

/// `--set 900 120 300`.
pub(super) fn timeouts(timeouts: Timeouts) -> Line {
    let mut line = Line::new("--set", "the protocol timeouts".to_owned());
    for seconds in [timeouts.tcp, timeouts.tcp_fin, timeouts.udp] {
        let seconds = line.clamp("a timeout", seconds, 0, MAX_TIMEOUT);
        line.word(seconds);
    }
    line
}

/// `--start-daemon master --mcast-interface eth1 --syncid 7`, and what else is set.
pub(super) fn start_daemon(daemon: &Daemon) -> Line {
    let role = daemon.role;
    let mut line = Line::new("--start-daemon", format!("the {role} sync daemon"));
    line.word(role);
    line.option("--mcast-interface", &daemon.interface);
    let sync_id = line.clamp("a sync id", daemon.sync_id, 0, 255);
    line.option("--syncid", sync_id);
    match daemon.max_len {
        Some(0) | None => {}
        Some(len) if len <= MAX_SYNC_LEN => line.option("--sync-maxlen", len),
        Some(len) => {
            let why = format!("ipvsadm cannot say the message length {len}");
            line.note(Fidelity::Nearest, why);
        }
    }
    let groups = [
        daemon.group.map(|g| (g.to_string(), g.is_multicast())),
        daemon.group6.map(|g| (g.to_string(), g.is_multicast())),
    ];
    let mut groups = groups.into_iter().flatten();
    match groups.next() {
        Some((group, true)) => line.option("--mcast-group", group),
        Some((group, false)) => {
            line.note(Fidelity::Nearest, format!("ipvsadm refuses {group}, no multicast group"));
        }
        None => {}
    }
    if let Some((group, _)) = groups.next() {
        line.note(Fidelity::Nearest, format!("ipvsadm takes one group, not {group} as well"));
    }
    if let Some(port) = daemon.port.filter(|p| *p != 0) {
        line.option("--mcast-port", port);
    }
    if let Some(ttl) = daemon.ttl.filter(|t| *t != 0) {
        line.option("--mcast-ttl", ttl);
    }
    line
}
