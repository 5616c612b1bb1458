//! The output formats of `ipvs-tui snapshot`, against what ipvsadm 1.31 really prints and takes.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use insta::assert_snapshot;
use ipvs_tui::ipvs::*;
use ipvs_tui::report;
use ipvs_tui::snapshot::*;
use proptest::collection::vec;
use proptest::prelude::*;

// --- the formats, of a table with one of everything -------------------------------------------

#[test]
fn text_of_one_of_everything() {
    assert_snapshot!(text(&one_of_everything()));
}

#[test]
fn rules_of_one_of_everything() {
    let (lines, notes) = rules(&one_of_everything());
    let left_out = notes.join("\n");
    assert_snapshot!(format!("{lines}--- left out ---\n{left_out}\n"));
}

#[test]
fn json_of_one_of_everything() {
    assert_snapshot!(json(&one_of_everything()));
}

#[test]
fn text_from_proc() {
    assert_snapshot!(text(&from_proc()));
}

#[test]
fn json_from_proc() {
    assert_snapshot!(json(&from_proc()));
}

#[test]
fn rules_are_not_made_up_from_proc() {
    let (lines, notes) = rules(&from_proc());
    assert_eq!(lines, "");
    assert_snapshot!(notes.join("\n"));
}

#[test]
fn rules_tell_what_ipvsadm_cannot_say() {
    let (lines, notes) = rules(&beyond_ipvsadm());
    Ipvsadm::restore(&lines).unwrap();
    let left_out = notes.join("\n");
    assert_snapshot!(format!("{lines}--- left out ---\n{left_out}\n"));
}

#[test]
fn json_keeps_what_a_newer_kernel_says() {
    let parsed: serde_json::Value = serde_json::from_str(&json(&beyond_ipvsadm())).unwrap();
    let unknown = serde_json::json!([{ "number": 20, "hex": "00ff" }]);
    assert_eq!(parsed["services"][1]["unknown_attributes"], unknown);
}

#[test]
fn json_parses_back() {
    let parsed: serde_json::Value = serde_json::from_str(&json(&one_of_everything())).unwrap();
    assert_eq!(parsed["schema"], report::SCHEMA);
    assert_eq!(parsed["taken"], "2026-11-21T03:49:00.25Z");
    let services = parsed["services"].as_array().unwrap();
    assert_eq!(services.len(), one_of_everything().services.len());
    assert_eq!(services[0]["servers"][0]["stats"]["in_bytes"], u64::MAX);
    assert!(json(&one_of_everything()).ends_with("}\n"));
}

/// Scripts rely on a field being there even when it has no value.
#[test]
fn json_has_the_same_fields_whatever_the_source() {
    fn fields(value: &serde_json::Value) -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    }
    let whole: serde_json::Value = serde_json::from_str(&json(&one_of_everything())).unwrap();
    let proc: serde_json::Value = serde_json::from_str(&json(&from_proc())).unwrap();
    let (whole_service, proc_service) = (&whole["services"][0], &proc["services"][0]);
    assert_eq!(fields(&whole), fields(&proc));
    assert_eq!(fields(whole_service), fields(proc_service));
    assert_eq!(fields(&whole_service["servers"][0]), fields(&proc_service["servers"][0]));
}

#[test]
fn a_closed_pipe_is_an_error_value() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let snapshot = one_of_everything();
    let errors = [
        report::text(&snapshot, &mut Closed).unwrap_err(),
        report::rules(&snapshot, &mut Closed).unwrap_err(),
        report::json(&snapshot, &mut Closed).unwrap_err(),
    ];
    assert_eq!(errors.map(|e| e.kind()), [io::ErrorKind::BrokenPipe; 3]);
}

// --- against the real ipvsadm -----------------------------------------------------------------

/// What ipvsadm printed of one table on several kernels (tests/lab/fixtures).
struct Recorded {
    ln: String,
    sn: String,
}

fn recorded() -> Vec<Recorded> {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/lab/fixtures");
    let kernels = std::fs::read_dir(fixtures).unwrap().map(|entry| entry.unwrap().path());
    let read = |kernel: std::path::PathBuf| Recorded {
        // ipvsadm prints the upper half of the marks as negative numbers.
        ln: std::fs::read_to_string(kernel.join("ipvsadm-Ln"))
            .unwrap()
            .replace("FWM  -1 ", "FWM  4294967295 "),
        sn: std::fs::read_to_string(kernel.join("ipvsadm-Sn"))
            .unwrap()
            .replace("-f -1 ", "-f 4294967295 "),
    };
    let recorded: Vec<_> = kernels.map(read).collect();
    assert!(!recorded.is_empty());
    recorded
}

#[test]
fn text_is_what_ipvsadm_prints() {
    for Recorded { ln, sn } in recorded() {
        let mut snapshot = whole(Ipvsadm::restore(&sn).unwrap().services);
        add_counts(&mut snapshot, &ln);
        let ours = text(&snapshot);
        let head = |listing: &str| listing.lines().take(3).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(head(&ours), head(&ln));
        assert_eq!(blocks(&ours, "  -> "), blocks(&ln, "  -> "));
    }
}

#[test]
fn rules_are_what_ipvsadm_saves() {
    for Recorded { sn, .. } in recorded() {
        let snapshot = whole(Ipvsadm::restore(&sn).unwrap().services);
        let (lines, notes) = rules(&snapshot);
        let lines = lines.strip_prefix("--set 900 120 300\n").unwrap();
        assert_eq!(blocks(lines, "-a "), blocks(&sn, "-a "));
        assert_eq!(notes, Vec::<String>::new());
    }
}

/// Gives a snapshot what `ipvsadm -Sn` leaves out and a listing has: connections, table size.
fn add_counts(snapshot: &mut Snapshot, listing: &str) {
    let size = listing.split("(size=").nth(1).unwrap().split(')').next().unwrap();
    snapshot.info = Part::Fresh(Info { version: 0x01_02_01, conn_tab_size: size.parse().unwrap() });
    let mut service: Option<&mut ServiceEntry> = None;
    for line in listing.lines().skip(3) {
        let words: Vec<_> = line.split_whitespace().collect();
        if words[0] == "->" {
            let servers = &mut service.as_mut().unwrap().servers;
            let at = servers.iter_mut().find(|s| s.server.key.to_string() == words[1]);
            let at = at.unwrap();
            (at.active, at.inactive) = (words[4].parse().unwrap(), words[5].parse().unwrap());
        } else {
            let v6 = if words[2] == "IPv6" { " v6" } else { "" };
            let name = format!("{} {}{v6}", words[0], words[1]);
            service = snapshot.services.iter_mut().find(|s| s.service.key.to_string() == name);
        }
    }
}

/// Services with the lines of their servers, in whatever order: ipvsadm's wraps at 32 bits.
fn blocks(listing: &str, server: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut blocks: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut service = String::new();
    for line in listing.lines() {
        if line.starts_with(server) {
            blocks.get_mut(&service).unwrap().insert(line.to_owned());
        } else {
            service = line.to_owned();
            blocks.insert(service.clone(), BTreeSet::new());
        }
    }
    blocks
}

// --- changes as command lines -----------------------------------------------------------------

#[test]
fn changes_as_command_lines() {
    let everything = one_of_everything();
    let mut shown = String::new();
    let mut show = |change: &Change| {
        shown.push_str(&format!("{change}\n{}\n\n", report::command(change)));
    };
    for entry in &everything.services {
        let service = entry.service.clone();
        let key = service.key;
        let editing =
            Change::Service { before: Some(service.clone()), after: Some(service.clone()) };
        show(&editing);
        show(&Change::Service { before: Some(service), after: None });
        show(&Change::Zero(Some(key)));
        for server in entry.servers.iter().map(|s| &s.server) {
            show(&Change::weight(key, server, server.weight + 1));
            show(&Change::Server { service: key, before: Some(server.clone()), after: None });
        }
    }
    show(&Change::Timeouts {
        before: Timeouts { tcp: 900, tcp_fin: 120, udp: 300 },
        after: Timeouts { tcp: 0, tcp_fin: 60, udp: 0 },
    });
    let daemons = everything.daemons.get().unwrap();
    show(&Change::Daemon { before: None, after: Some(daemons[0].clone()) });
    show(&Change::Daemon { before: Some(daemons[0].clone()), after: None });
    show(&Change::Daemon { before: Some(daemons[0].clone()), after: Some(daemons[1].clone()) });
    let sysctl = |name: &str, after: &str| Change::Sysctl {
        name: name.to_owned(),
        before: "0".to_owned(),
        after: after.to_owned(),
    };
    show(&sysctl("expire_quiescent_template", "1"));
    show(&sysctl("sync_threshold", "3\t50"));
    show(&Change::Zero(None));
    show(&Change::Flush);
    assert_snapshot!(shown);
}

/// A command line that does something else is worse than none.
#[test]
fn changes_that_ipvsadm_cannot_make() {
    let mut shown = String::new();
    for entry in &beyond_ipvsadm().services {
        let (service, key) = (entry.service.clone(), entry.service.key);
        let editing = Change::Service { before: Some(service.clone()), after: Some(service) };
        shown.push_str(&format!("{editing}\n{}\n\n", report::command(&editing)));
        for server in entry.servers.iter().map(|s| &s.server) {
            let editing = Change::weight(key, server, server.weight);
            shown.push_str(&format!("{editing}\n{}\n\n", report::command(&editing)));
            let deleting =
                Change::Server { service: key, before: Some(server.clone()), after: None };
            shown.push_str(&format!("{deleting}\n{}\n\n", report::command(&deleting)));
        }
    }
    let everything = Change::Zero(Some("TCP 0.0.0.0:0".parse().unwrap()));
    shown.push_str(&format!("{everything}\n{}\n", report::command(&everything)));
    assert_snapshot!(shown);
}

// --- any table --------------------------------------------------------------------------------

proptest! {
    #[test]
    fn rules_give_any_table_back(services in vec((any_service(), vec(any_server(), 0..3)), 0..5)) {
        let wanted: Vec<_> = services.into_iter().map(fit).collect();
        let snapshot = whole(wanted.clone());
        let (lines, notes) = rules(&snapshot);
        // Every line is one that ipvsadm takes, or its restore would end there.
        let restored = Ipvsadm::restore(&lines).map_err(TestCaseError::fail)?;
        // And it is the same table wherever no note says otherwise.
        if notes.is_empty() {
            prop_assert_eq!(restored.services, wanted);
        }
    }

    #[test]
    fn most_tables_lose_nothing(services in vec((any_service(), vec(any_server(), 0..3)), 0..5)) {
        let wanted: Vec<_> = services.into_iter().map(fit).map(tame).collect();
        let (lines, notes) = rules(&whole(wanted.clone()));
        prop_assert_eq!(notes, Vec::<String>::new());
        prop_assert_eq!(Ipvsadm::restore(&lines).unwrap().services, wanted);
    }

    #[test]
    fn commands_are_made_of_the_same_options(service in any_service(), server in any_server()) {
        let (service, servers) = fit((service, vec![server]));
        let before = Service::new(service.key, SchedulerName::new("rr").unwrap());
        let change = Change::Service { before: Some(before), after: Some(service.clone()) };
        for line in report::Commands::of(&change).lines {
            let line = line.strip_prefix("ipvsadm -E ").unwrap().replace('\'', "");
            let got = Ipvsadm::restore(&format!("-A {line}")).map_err(TestCaseError::fail)?;
            // The timeout of a service that is not persistent has no effect and no option.
            let timeout = service.persistent().unwrap_or(0);
            prop_assert_eq!(&got.services[0].0, &Service { timeout, ..service.clone() });
        }
        let change = Change::Server {
            service: service.key,
            before: None,
            after: Some(servers[0].clone()),
        };
        for line in report::Commands::of(&change).lines {
            let mut ipvsadm = Ipvsadm::default();
            ipvsadm.services.push((service.clone(), Vec::new()));
            let line = line.strip_prefix("ipvsadm ").unwrap().replace('\'', "");
            ipvsadm.run(&line).map_err(TestCaseError::fail)?;
            let mut wanted = servers[0].clone();
            if wanted.forwarding != Forwarding::Tunnel {
                wanted.tunnel = Tunnel::default();
            } else if wanted.tunnel.kind != TunnelKind::Gue {
                wanted.tunnel.port = 0;
            }
            prop_assert_eq!(&ipvsadm.services[0].1[0], &wanted);
        }
    }
}

fn any_key() -> impl Strategy<Value = ServiceKey> {
    let protocol = prop_oneof![
        4 => Just(Protocol::TCP),
        4 => Just(Protocol::UDP),
        2 => Just(Protocol::SCTP),
        1 => any::<u16>().prop_map(Protocol),
    ];
    let port = prop_oneof![5 => 1..=u16::MAX, 1 => Just(0)];
    let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
    prop_oneof![
        3 => (protocol, any_addr(), port).prop_map(|(p, a, n)| ServiceKey::endpoint(p, a, n)),
        1 => (family, 1..=u32::MAX).prop_map(|(family, mark)| ServiceKey::Fwmark { family, mark }),
    ]
}

fn any_addr() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<[u8; 4]>().prop_map(|a| IpAddr::from(Ipv4Addr::from(a))),
        any::<[u16; 8]>().prop_map(|a| IpAddr::from(Ipv6Addr::from(a))),
    ]
}

fn any_service() -> impl Strategy<Value = Service> {
    let schedulers = SCHEDULERS.iter().map(|s| s.name).chain(["none", "own"]).collect::<Vec<_>>();
    let flags = prop_oneof![9 => 0..0x40_u32, 1 => any::<u32>()];
    let timeout = prop_oneof![8 => 1..5000_u32, 2 => Just(0), 1 => any::<u32>()];
    let mask = prop_oneof![2 => Just(u32::MAX), 2 => any::<u32>()];
    let pe = prop_oneof![3 => Just(None), 1 => Just(Some("sip"))];
    (any_key(), prop::sample::select(schedulers), flags, timeout, mask, 1..=128_u8, pe).prop_map(
        |(key, scheduler, flags, timeout, mask, prefix, pe)| Service {
            key,
            scheduler: SchedulerName::new(scheduler).unwrap(),
            flags: ServiceFlags::from_bits_retain(flags) - ServiceFlags::HASHED,
            timeout,
            netmask: match key.family() {
                Family::V4 => Netmask::V4(Ipv4Addr::from(mask)),
                Family::V6 => Netmask::V6(prefix),
            },
            pe: pe.map(|pe| PeName::new(pe).unwrap()),
        },
    )
}

fn any_server() -> impl Strategy<Value = Server> {
    let forwarding = prop_oneof![
        4 => Just(Forwarding::Masq),
        4 => Just(Forwarding::Tunnel),
        4 => Just(Forwarding::Route),
        1 => (1..8_u32).prop_map(Forwarding::from_number),
    ];
    let weight = prop_oneof![8 => 0..=65_535_u32, 1 => 0..=MAX_WEIGHT];
    let threshold = || prop_oneof![5 => Just(0), 5 => 0..10_000_u32, 1 => any::<u32>()];
    let tunnel = prop_oneof![
        3 => Just(Tunnel::default()),
        3 => (1..=u16::MAX, 0..3_u16).prop_map(|(port, flags)| Tunnel {
            kind: TunnelKind::Gue,
            port,
            flags,
        }),
        2 => (0..2_u16).prop_map(|flags| Tunnel { kind: TunnelKind::Gre, port: 0, flags }),
        1 => (0..4_u8, 0..9_u16, 0..9_u16).prop_map(|(kind, port, flags)| Tunnel {
            kind: TunnelKind::from_number(kind),
            port,
            flags,
        }),
    ];
    (any_addr(), any::<u16>(), forwarding, weight, (threshold(), threshold()), tunnel).prop_map(
        |(addr, port, forwarding, weight, (upper_threshold, lower_threshold), tunnel)| Server {
            key: ServerKey::new(addr, port),
            forwarding,
            weight,
            upper_threshold,
            lower_threshold,
            tunnel,
        },
    )
}

/// Makes generated servers mostly fit their service, as a kernel's would.
fn fit((service, mut servers): (Service, Vec<Server>)) -> (Service, Vec<Server>) {
    for server in &mut servers {
        let foreign = Family::of(server.key.addr) != service.key.family();
        if foreign && server.forwarding != Forwarding::Tunnel {
            server.key.addr = match service.key.family() {
                Family::V4 => Ipv4Addr::new(10, 1, 1, 2).into(),
                Family::V6 => Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, 2).into(),
            };
        }
        if server.forwarding != Forwarding::Masq && server.key.port % 8 != 0 {
            server.key.port = match service.key {
                ServiceKey::Endpoint { port, .. } => port,
                ServiceKey::Fwmark { .. } => server.key.port,
            };
        }
    }
    (service, servers)
}

/// Keeps a table within what ipvsadm can say.
fn tame((mut service, mut servers): (Service, Vec<Server>)) -> (Service, Vec<Server>) {
    if let ServiceKey::Endpoint { protocol, port, .. } = &mut service.key {
        if ![Protocol::TCP, Protocol::UDP, Protocol::SCTP].contains(protocol) {
            *protocol = Protocol::TCP;
        }
        *port = (*port).max(1);
        if *protocol != Protocol::UDP {
            service.flags -= ServiceFlags::ONE_PACKET;
        }
    }
    let persistent = service.flags.contains(ServiceFlags::PERSISTENT);
    service.timeout = if persistent { service.timeout.clamp(1, 2_678_400) } else { 0 };
    service.flags = ServiceFlags::from_bits_truncate(service.flags.bits() & 0x3d);
    for server in &mut servers {
        if !matches!(server.forwarding, Forwarding::Masq | Forwarding::Tunnel) {
            server.forwarding = Forwarding::Route;
        }
        if server.forwarding != Forwarding::Tunnel || server.tunnel.kind != TunnelKind::Gue {
            server.tunnel = Tunnel::default();
        }
        server.tunnel.flags %= 3;
        if server.tunnel.kind == TunnelKind::Gue {
            server.tunnel.port = server.tunnel.port.max(1);
        }
        if let (ServiceKey::Endpoint { port, .. }, true) =
            (service.key, server.forwarding != Forwarding::Masq)
        {
            server.key.port = port;
        }
        server.weight = server.weight.min(65_535);
        server.upper_threshold = server.upper_threshold.min(2_147_483_647);
        server.lower_threshold = server.lower_threshold.min(2_147_483_647);
    }
    (service, servers)
}

// --- ipvsadm's parser, as far as a restore needs it -------------------------------------------

/// A table as `ipvsadm -R` would make it, with ipvsadm's refusals (parse_options and
/// process_options of ipvsadm 1.31; weights as Debian builds it).
#[derive(Default)]
struct Ipvsadm {
    timeouts: Option<Timeouts>,
    services: Vec<(Service, Vec<Server>)>,
}

impl Ipvsadm {
    fn restore(lines: &str) -> Result<Self, String> {
        let mut table = Self::default();
        for line in lines.lines() {
            table.run(line).map_err(|e| format!("{e} in: {line}"))?;
        }
        Ok(table)
    }

    fn run(&mut self, line: &str) -> Result<(), String> {
        let mut words = line.split_whitespace();
        let command = words.next().ok_or("an empty line")?;
        if command == "--set" {
            let seconds = words.map(|w| number(w, 0, 2_678_400)).collect::<Result<Vec<_>, _>>()?;
            let [tcp, tcp_fin, udp] = seconds[..] else { return Err("three timeouts".into()) };
            self.timeouts = Some(Timeouts { tcp, tcp_fin, udp });
            return Ok(());
        }
        let mut seen = BTreeSet::new();
        let mut once = |option: &str| match seen.insert(option.to_owned()) {
            true => Ok(()),
            false => Err(format!("{option} twice")),
        };
        let mut service: Option<Service> = None;
        let mut server: Option<Server> = None;
        let mut scheduler = "wlc".to_owned();
        let (mut sched_flags, mut forwarding) = (String::new(), Forwarding::Route);
        let (mut weight, mut upper_threshold, mut lower_threshold) = (1, 0, 0);
        let mut tunnel = Tunnel::default();
        let mut tunnel_options = BTreeSet::new();
        let (for_service, for_server) = (command == "-A", command == "-a");
        while let Some(option) = words.next() {
            let mut value = || words.next().ok_or(format!("{option} wants a value"));
            let applies = match option {
                "-t" | "-u" | "--sctp-service" | "-f" | "-6" => true,
                "-s" | "-p" | "-M" | "-o" | "--pe" | "-b" => for_service,
                _ => for_server,
            };
            if !applies {
                return Err(format!("{option} with {command}"));
            }
            once(match option {
                "-t" | "-u" | "--sctp-service" | "-f" => "service",
                "-m" | "-g" | "-i" => "forwarding",
                "--tun-nocsum" | "--tun-csum" | "--tun-remcsum" => "checksum",
                other => other,
            })?;
            match option {
                "-t" => service = Some(endpoint(Protocol::TCP, value()?)?),
                "-u" => service = Some(endpoint(Protocol::UDP, value()?)?),
                "--sctp-service" => service = Some(endpoint(Protocol::SCTP, value()?)?),
                "-f" => {
                    let mark = value()?.parse().map_err(|_| "a mark")?;
                    if mark == 0 {
                        return Err("mark 0".into());
                    }
                    service = Some(bare(ServiceKey::Fwmark { family: Family::V4, mark }));
                }
                "-6" => match service.as_mut() {
                    Some(Service { key: ServiceKey::Fwmark { family, .. }, netmask, .. }) => {
                        *family = Family::V6;
                        *netmask = Netmask::V6(128);
                    }
                    _ => return Err("-6 before -f".into()),
                },
                "-s" => scheduler = value()?.to_owned(),
                "-p" => {
                    let service = service.as_mut().ok_or("-p first")?;
                    service.flags |= ServiceFlags::PERSISTENT;
                    service.timeout = number(value()?, 1, 2_678_400)?;
                }
                "-M" => {
                    let service = service.as_mut().ok_or("-M first")?;
                    service.netmask = match service.key.family() {
                        Family::V4 => Netmask::V4(value()?.parse().map_err(|_| "a mask")?),
                        Family::V6 => Netmask::V6(number(value()?, 1, 128)?.try_into().unwrap()),
                    };
                }
                "-o" => service.as_mut().ok_or("-o first")?.flags |= ServiceFlags::ONE_PACKET,
                "--pe" => {
                    service.as_mut().ok_or("--pe first")?.pe = Some(PeName::new(value()?)?);
                }
                "-b" => sched_flags = value()?.to_owned(),
                "-r" => {
                    let key: ServerKey = value()?.parse().map_err(|e| format!("{e}"))?;
                    server = Some(Server::new(key, Forwarding::Route, 1));
                }
                "-m" => forwarding = Forwarding::Masq,
                "-g" => forwarding = Forwarding::Route,
                "-i" => forwarding = Forwarding::Tunnel,
                "-w" => weight = number(value()?, 0, 2_147_483_647)?,
                "-x" => upper_threshold = number(value()?, 0, 2_147_483_647)?,
                "-y" => lower_threshold = number(value()?, 0, 2_147_483_647)?,
                "--tun-type" => {
                    tunnel_options.insert("type");
                    tunnel.kind = match value()? {
                        "ipip" => TunnelKind::Ipip,
                        "gue" => TunnelKind::Gue,
                        "gre" => TunnelKind::Gre,
                        other => return Err(format!("tunnel type {other}")),
                    };
                }
                "--tun-port" => {
                    tunnel_options.insert("port");
                    tunnel.port = number(value()?, 1, 65_535)?.try_into().unwrap();
                }
                "--tun-nocsum" => _ = tunnel_options.insert("nocsum"),
                "--tun-csum" => {
                    tunnel_options.insert("csum");
                    tunnel.flags = 1;
                }
                "--tun-remcsum" => {
                    tunnel_options.insert("remcsum");
                    tunnel.flags = 2;
                }
                other => return Err(format!("unknown option {other}")),
            }
        }
        let mut service = service.ok_or("no service")?;
        match (command, server) {
            ("-A", None) => {
                service.flags |= flags(&scheduler, &sched_flags)?;
                service.scheduler = SchedulerName::new(&scheduler)?;
                self.add_service(service)
            }
            ("-a", Some(server)) => {
                let server = Server {
                    forwarding,
                    weight,
                    upper_threshold,
                    lower_threshold,
                    tunnel,
                    ..server
                };
                self.add_server(service.key, server, &tunnel_options)
            }
            _ => Err(format!("{command} with or without -r")),
        }
    }

    fn add_service(&mut self, service: Service) -> Result<(), String> {
        if let ServiceKey::Endpoint { protocol, port, .. } = service.key {
            if port == 0 && service.persistent().is_none() {
                return Err("zero port for a non-persistent service".into());
            }
            if service.one_packet() && protocol != Protocol::UDP {
                return Err("one-packet scheduling is for UDP".into());
            }
        }
        self.services.push((service, Vec::new()));
        Ok(())
    }

    fn add_server(
        &mut self,
        of: ServiceKey,
        mut server: Server,
        options: &BTreeSet<&str>,
    ) -> Result<(), String> {
        if let ServiceKey::Endpoint { port, .. } = of
            && server.forwarding != Forwarding::Masq
        {
            server.key.port = port;
        }
        let tunnelled = server.forwarding == Forwarding::Tunnel;
        if Family::of(server.key.addr) != of.family() && !tunnelled {
            return Err("another family for a server that is no tunnel".into());
        }
        if !options.is_empty() && !tunnelled {
            return Err("tunnel options for a server that is no tunnel".into());
        }
        let allowed: &[&str] = match server.tunnel.kind {
            TunnelKind::Gue => &["type", "port", "nocsum", "csum", "remcsum"],
            TunnelKind::Gre => &["type", "nocsum", "csum"],
            _ => &["type"],
        };
        if let Some(option) = options.iter().find(|o| !allowed.contains(o)) {
            return Err(format!("{option} with {}", server.tunnel.kind));
        }
        if server.tunnel.kind == TunnelKind::Gue && !options.contains("port") {
            return Err("gue without a port".into());
        }
        // The last of this name: a generated table may have several of one.
        let found = self.services.iter_mut().rev().find(|(s, _)| s.key == of);
        found.ok_or("no such service")?.1.push(server);
        Ok(())
    }
}

fn bare(key: ServiceKey) -> Service {
    Service::new(key, SchedulerName::new("wlc").unwrap())
}

fn endpoint(protocol: Protocol, text: &str) -> Result<Service, String> {
    let at: std::net::SocketAddr = text.parse().map_err(|e| format!("{e}: {text}"))?;
    Ok(bare(ServiceKey::endpoint(protocol, at.ip(), at.port())))
}

fn number(text: &str, min: u32, max: u32) -> Result<u32, String> {
    let n = text.parse().ok().filter(|n| (min..=max).contains(n));
    n.ok_or(format!("{text} is not from {min} to {max}"))
}

fn flags(scheduler: &str, list: &str) -> Result<ServiceFlags, String> {
    let mut flags = ServiceFlags::empty();
    for flag in list.split(',').filter(|f| !f.is_empty()) {
        flags |= match (scheduler, flag) {
            (_, "flag-1") | ("sh", "sh-fallback") | ("mh", "mh-fallback") => ServiceFlags::SCHED1,
            (_, "flag-2") | ("sh", "sh-port") | ("mh", "mh-port") => ServiceFlags::SCHED2,
            (_, "flag-3") => ServiceFlags::SCHED3,
            _ => return Err(format!("flag {flag} with {scheduler}")),
        };
    }
    Ok(flags)
}

// --- tables -----------------------------------------------------------------------------------

/// A table with one of everything that breaks tools, thresholds included.
fn one_of_everything() -> Snapshot {
    let table = "\
        -A -t 10.0.0.1:80 -s wlc\n\
        -a -t 10.0.0.1:80 -r 10.1.1.2:80 -m -w 10 -x 1000 -y 800\n\
        -a -t 10.0.0.1:80 -r 10.1.2.2:8080 -m -w 0\n\
        -A -t 10.0.0.1:443 -s sh -p 300 -M 255.255.255.0 -b sh-fallback,sh-port\n\
        -a -t 10.0.0.1:443 -r 10.1.1.2:443 -g -w 1\n\
        -a -t 10.0.0.1:443 -r 10.1.2.2:443 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum\n\
        -a -t 10.0.0.1:443 -r 10.1.3.2:443 -i -w 1 --tun-type gre --tun-csum\n\
        -A -u 10.0.0.1:53 -s rr -o\n\
        -a -u 10.0.0.1:53 -r 10.1.1.2:53 -m -w 1\n\
        -A -u 10.0.0.1:5060 -s rr -p 300 --pe sip\n\
        -A --sctp-service 10.0.0.1:9999 -s mh -b mh-port,flag-3\n\
        -a --sctp-service 10.0.0.1:9999 -r 10.1.1.2:9999 -m -w 7 -x 5\n\
        -A -t [2001:db8:1000:2000:3000:4000:5000:6000]:443 -s wrr -p 360 -M 48\n\
        -a -t [2001:db8:1000:2000:3000:4000:5000:6000]:443 -r 10.1.4.2:443 -i -w 3 --tun-type ipip\n\
        -a -t [2001:db8:1000:2000:3000:4000:5000:6000]:443 \
            -r [2001:db8:1000:2000:3000:4000:5000:6001]:443 -g -w 4\n\
        -A -f 5 -s wlc -p 120 -M 255.255.0.0\n\
        -a -f 5 -r 10.1.1.2:0 -g -w 4\n\
        -A -f 5 -6 -s fo -M 64\n\
        -a -f 5 -6 -r [fd00:1::2]:0 -m -w 2\n\
        -A -f 4294967295 -s none\n";
    let mut snapshot = whole(Ipvsadm::restore(table).unwrap().services);
    snapshot.daemons = Part::Fresh(vec![
        Daemon {
            role: DaemonRole::Master,
            interface: "eth1".to_owned(),
            sync_id: 7,
            max_len: Some(1472),
            group: Some(Ipv4Addr::new(224, 0, 0, 81)),
            group6: None,
            port: Some(8848),
            ttl: Some(1),
        },
        Daemon {
            role: DaemonRole::Backup,
            interface: "it's".to_owned(),
            sync_id: 0,
            max_len: None,
            group: None,
            group6: Some("ff02::81".parse().unwrap()),
            port: None,
            ttl: None,
        },
    ]);
    let counters = Counters {
        connections: 12,
        in_packets: 345,
        out_packets: 340,
        in_bytes: u64::MAX,
        out_bytes: 7_000_000_000,
    };
    let rates =
        Rates { connections: 1, in_packets: 2, out_packets: 3, in_bytes: 400, out_bytes: 50_000 };
    let busy = &mut snapshot.services[0];
    busy.stats = Some(Stats { counters, rates });
    busy.servers[0].stats = Some(Stats { counters, rates });
    (busy.servers[0].active, busy.servers[0].inactive) = (1234, 4_294_967_295);
    snapshot
}

/// The same seen through `/proc/net`: little is known, and wrong defaults wait for whoever shows
/// what is not.
fn from_proc() -> Snapshot {
    let mut snapshot = one_of_everything();
    snapshot.source = Source::Proc;
    let why = "needs the capability CAP_NET_ADMIN";
    snapshot.timeouts = Part::Unreadable(format!("reading the timeouts {why}"));
    snapshot.daemons = Part::Unreadable(format!("reading the daemons {why}"));
    snapshot.totals = Part::Unreadable("/proc/net/ip_vs_stats: No such file".to_owned());
    snapshot.sysctls = Part::Unreadable("/proc/sys/net/ipv4/vs: No such file".to_owned());
    snapshot.info = Part::Unreadable("the first line of /proc/net/ip_vs is new".to_owned());
    for entry in &mut snapshot.services {
        entry.known = Known::Listed;
        entry.stats = None;
        entry.service.flags &= ServiceFlags::PERSISTENT | ServiceFlags::ONE_PACKET;
        entry.service.timeout = 0;
        entry.service.pe = None;
        for at in &mut entry.servers {
            (at.stats, at.persistent) = (None, None);
            at.server = Server::new(at.server.key, at.server.forwarding, at.server.weight);
        }
    }
    snapshot
}

/// What netlink lets into the kernel and ipvsadm has no words for.
fn beyond_ipvsadm() -> Snapshot {
    let service = |key: &str, flags: u32, timeout: u32| Service {
        flags: ServiceFlags::from_bits_retain(flags),
        timeout,
        ..bare(key.parse().unwrap())
    };
    let server =
        |key: &str, forwarding: Forwarding| Server::new(key.parse().unwrap(), forwarding, 1);
    let tunnel = |key: &str, kind: TunnelKind, port: u16, flags: u16| Server {
        tunnel: Tunnel { kind, port, flags },
        ..server(key, Forwarding::Tunnel)
    };
    let servers = vec![
        server("10.1.0.1:80", Forwarding::Bypass),
        server("10.1.0.2:80", Forwarding::Local),
        server("10.1.0.3:80", Forwarding::Unknown(5)),
        server("10.1.0.4:8080", Forwarding::Route),
        Server { weight: 65_536, ..server("10.1.0.5:80", Forwarding::Masq) },
        Server { upper_threshold: 3_000_000_000, ..server("10.1.0.6:80", Forwarding::Masq) },
        tunnel("10.1.0.7:80", TunnelKind::Unknown(9), 0, 0),
        tunnel("10.1.0.8:80", TunnelKind::Gue, 0, 0),
        tunnel("10.1.0.9:80", TunnelKind::Gue, 6080, 3),
        tunnel("10.1.0.10:80", TunnelKind::Gre, 6080, 2),
        tunnel("10.1.0.11:80", TunnelKind::Ipip, 0, 1),
        Server {
            tunnel: Tunnel { kind: TunnelKind::Gue, port: 6080, flags: 0 },
            ..server("10.1.0.12:80", Forwarding::Masq)
        },
    ];
    let mut snapshot = whole(vec![
        (service("TCP 10.0.0.1:80", 0, 300), servers),
        (service("TCP 10.0.0.2:0", 0, 0), vec![]),
        (service("TCP 10.0.0.3:80", 0x45, 5_000_000), vec![]),
        (service("TCP 10.0.0.4:80", 1, 0), vec![]),
        (service("IP_47 10.0.0.5:1", 0, 0), vec![server("10.1.0.1:1", Forwarding::Masq)]),
    ]);
    snapshot.timeouts = Part::Fresh(Timeouts { tcp: 3_000_000, tcp_fin: 120, udp: 300 });
    let unknown = |number| vec![UnknownAttribute { number, bytes: vec![0, 0xff] }];
    snapshot.services[1].unknown = unknown(20);
    snapshot.services[0].servers[3].unknown = unknown(16);
    snapshot
}

/// A snapshot that netlink could have brought.
fn whole(services: Vec<(Service, Vec<Server>)>) -> Snapshot {
    let entry = |(service, servers): (Service, Vec<Server>)| ServiceEntry {
        service,
        known: Known::Whole,
        stats: Some(Stats::default()),
        servers: servers
            .into_iter()
            .map(|server| ServerEntry {
                server,
                active: 0,
                inactive: 0,
                persistent: Some(0),
                stats: Some(Stats::default()),
                unknown: Vec::new(),
            })
            .collect(),
        servers_read: Moment(Duration::from_millis(11_500)),
        unknown: Vec::new(),
    };
    let sysctls = [("conntrack", "0"), ("run_estimation", "1"), ("sync_threshold", "3\t50")];
    let sysctls = sysctls.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Snapshot {
        taken: "2026-11-21T03:49:00.25Z".parse().unwrap(),
        at: Moment(Duration::from_secs(12)),
        took: Duration::from_micros(1500),
        source: Source::Netlink,
        info: Part::Fresh(Info { version: 0x01_02_01, conn_tab_size: 4096 }),
        totals: Part::Fresh(Stats::default()),
        timeouts: Part::Fresh(Timeouts { tcp: 900, tcp_fin: 120, udp: 300 }),
        daemons: Part::Fresh(Vec::new()),
        sysctls: Part::Stale { value: sysctls, read: Moment(Duration::from_secs(2)) },
        services: services.into_iter().map(entry).collect(),
    }
}

fn text(snapshot: &Snapshot) -> String {
    let mut out = Vec::new();
    report::text(snapshot, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn rules(snapshot: &Snapshot) -> (String, Vec<String>) {
    let mut out = Vec::new();
    let notes = report::rules(snapshot, &mut out).unwrap();
    (String::from_utf8(out).unwrap(), notes)
}

fn json(snapshot: &Snapshot) -> String {
    let mut out = Vec::new();
    report::json(snapshot, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}
