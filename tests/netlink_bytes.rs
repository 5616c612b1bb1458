//! The netlink room against bytes captured from real kernels (5.10, 6.1, 6.12, 7.2).
//!
//! `tests/lab/fixtures/KERNEL/netlink-*` hold what ipvsadm sent and what the kernel answered, a
//! line a read or write; their first line is the command. `tests/lab/capture` makes them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use ipvs_tui::ipvs::{DaemonRole, Info, ServiceKey, Timeouts};
use ipvs_tui::kernel::netlink::{self, Ack, Command, Request, parse_datagram};
use ipvs_tui::snapshot::{Moment, Part, ServiceEntry, Snapshot, Source};
use netlink_packet_core::{Emitable, NetlinkBuffer, NlasIterator};
use proptest::prelude::*;

const KERNELS: [&str; 4] = ["5.10", "6.1", "6.12", "7.2"];

fn fixture(kernel: &str, name: &str) -> String {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "tests/lab/fixtures", kernel, name].iter().collect();
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

/// One request with everything that came back for it.
struct Exchange {
    sent: Vec<u8>,
    received: Vec<Vec<u8>>,
}

impl Exchange {
    fn header(&self) -> NetlinkBuffer<&[u8]> {
        NetlinkBuffer::new(self.sent.as_slice())
    }

    fn command(&self) -> u8 {
        self.sent[16]
    }

    /// The service that a GET_DEST asks about, found by comparing with our own request.
    fn attributes(&self) -> &[u8] {
        &self.sent[20..]
    }

    /// Every entry that came back, and how it ended.
    fn answer(&self) -> (Vec<(u8, Vec<u8>)>, Ack) {
        let (mut entries, mut end) = (Vec::new(), None);
        for datagram in &self.received {
            let ack =
                parse_datagram(datagram, self.header().sequence_number(), &mut |cmd, body| {
                    entries.push((cmd, body.to_vec()));
                    Ok(())
                });
            end = ack.unwrap().or(end);
        }
        (entries, end.unwrap_or_default())
    }
}

/// The exchanges of one fixture that are with the IPVS family (and not with nlctrl, which is 16).
fn exchanges(kernel: &str, name: &str) -> Vec<Exchange> {
    let mut all: Vec<Exchange> = Vec::new();
    for line in fixture(kernel, &format!("netlink-{name}")).lines().skip(1) {
        let (way, hex) = line.split_once(' ').unwrap();
        match way {
            "send" => all.push(Exchange { sent: bytes(hex), received: Vec::new() }),
            "recv" => all.last_mut().unwrap().received.push(bytes(hex)),
            other => panic!("what is '{other}'?"),
        }
    }
    all.retain(|x| x.header().message_type() > 16);
    assert!(!all.is_empty(), "{kernel} {name} is empty");
    all
}

fn emitted(request: &Request) -> Vec<u8> {
    let mut all = vec![0; request.buffer_len()];
    request.emit(&mut all);
    all
}

/// The key of the service that a request of ipvsadm's is about. ipvsadm sends its whole entry
/// where the key would do, and our decoder wants what replies have; so the key is picked out.
fn asked(exchange: &Exchange, known: &[ServiceEntry]) -> ServiceKey {
    let key = |attributes: &[u8]| {
        let nest = NlasIterator::new(attributes).next().unwrap().unwrap();
        let picked: BTreeMap<u16, Vec<u8>> = NlasIterator::new(nest.value())
            .map(|nla| nla.unwrap())
            .filter(|nla| (1..=5).contains(&nla.kind()))
            .map(|nla| (nla.kind(), nla.value().to_vec()))
            .collect();
        match picked.get(&5) {
            Some(mark) if mark.iter().any(|b| *b != 0) => (picked[&1].clone(), vec![mark.clone()]),
            _ => (picked[&1].clone(), (2..=4).map(|n| picked[&n].clone()).collect()),
        }
    };
    let wanted = key(&exchange.sent[20..]);
    let ours = |k: &ServiceKey| key(&emitted(&Request::service(Command::GetDest, k)));
    known.iter().map(|s| s.service.key).find(|k| ours(k) == wanted).unwrap()
}

/// The table of a fixture, as the reader would make it.
fn table(kernel: &str) -> Snapshot {
    let (mut services, mut info) = (Vec::<ServiceEntry>::new(), None);
    for exchange in exchanges(kernel, "list") {
        let (entries, ack) = exchange.answer();
        assert_eq!(ack.errno, 0);
        for (command, body) in entries {
            match command {
                1 => services.push(netlink::service(&body).unwrap()),
                5 => {
                    let key = asked(&exchange, &services);
                    let entry = services.iter_mut().find(|s| s.service.key == key).unwrap();
                    entry.servers.push(netlink::server(&body, key.family()).unwrap());
                }
                14 => info = Some(netlink::info(&body).unwrap()),
                other => panic!("command {other}"),
            }
        }
    }
    services.sort_by_key(|s| s.service.key);
    services.iter_mut().for_each(|s| s.servers.sort_by_key(|d| d.server.key));
    Snapshot {
        taken: jiff::Timestamp::UNIX_EPOCH,
        at: Moment::default(),
        took: std::time::Duration::ZERO,
        source: Source::Netlink,
        info: Part::Fresh(info.unwrap()),
        totals: Part::Unreadable("not asked".into()),
        timeouts: Part::Fresh(Timeouts { tcp: 900, tcp_fin: 120, udp: 300 }),
        daemons: Part::Fresh(Vec::new()),
        sysctls: Part::Unreadable("not asked".into()),
        services,
    }
}

/// Lines in an order of their own, services with their servers: ipvsadm's order differs for big
/// marks and high addresses, which it compares in 32 bits.
fn blocks(listing: &str, service: impl Fn(&str) -> bool) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = Vec::new();
    for line in listing.lines() {
        match all.last_mut() {
            Some(block) if !service(line) => block.push(line.trim_end().to_owned()),
            _ => all.push(vec![line.trim_end().to_owned()]),
        }
    }
    all.iter_mut().for_each(|block| block[1..].sort());
    all.sort();
    all
}

#[test]
fn the_captured_table_is_what_ipvsadm_saved() {
    for kernel in KERNELS {
        let mut lines = Vec::new();
        let notes = ipvs_tui::report::rules(&table(kernel), &mut lines).unwrap();
        assert!(notes.is_empty(), "{kernel}: {notes:?}");
        let is_service = |l: &str| l.starts_with("-A");
        // -S leaves thresholds out, and prints marks above INT_MAX as negative.
        let ours: String = String::from_utf8(lines).unwrap();
        let ours: Vec<&str> = ours.lines().filter(|l| !l.starts_with("--set")).collect();
        let ours = ours.iter().map(|l| l.split(" -x ").next().unwrap()).collect::<Vec<_>>();
        let theirs = fixture(kernel, "ipvsadm-Sn").replace("-f -1 ", "-f 4294967295 ");
        assert_eq!(blocks(&ours.join("\n"), is_service), blocks(&theirs, is_service), "{kernel}");
    }
}

#[test]
fn thresholds_connections_and_counters_are_ipvsadms() {
    for kernel in KERNELS {
        let table = table(kernel);
        let numbers = |file: &str| {
            let listing = fixture(kernel, file);
            let rows = listing.lines().filter(|l| l.starts_with("  -> ") && !l.contains("Remote"));
            let mut all: Vec<(String, Vec<u64>)> = rows
                .map(|row| {
                    let mut words = row.split_whitespace().skip(1);
                    let name = words.next().unwrap().to_owned();
                    (name, words.filter_map(|w| w.parse().ok()).collect())
                })
                .collect();
            all.sort();
            all
        };
        let servers = || table.services.iter().flat_map(|s| &s.servers);
        let sorted = |mut all: Vec<(String, Vec<u64>)>| {
            all.sort();
            all
        };

        let ours = servers().map(|s| {
            let server = &s.server;
            let limits = [server.upper_threshold, server.lower_threshold];
            let conns = [s.active, s.inactive];
            let all = limits.into_iter().chain(conns).map(u64::from).collect();
            (server.key.to_string(), all)
        });
        assert_eq!(sorted(ours.collect()), numbers("ipvsadm-Ln--thresholds"), "{kernel}");

        let ours = servers().map(|s| {
            let c = s.stats.expect("every kernel counts").counters;
            let all = vec![c.connections, c.in_packets, c.out_packets, c.in_bytes, c.out_bytes];
            (s.server.key.to_string(), all)
        });
        // The dump was captured after the listing, and a few connections still spoke.
        for (ours, theirs) in sorted(ours.collect()).iter().zip(numbers("ipvsadm-Ln--stats--exact"))
        {
            assert_eq!((&ours.0, ours.1[0]), (&theirs.0, theirs.1[0]), "{kernel}");
            let grown = ours.1.iter().zip(&theirs.1).all(|(o, t)| o >= t && *o < t + 500);
            assert!(grown, "{kernel}: {ours:?} {theirs:?}");
        }

        let ours = servers().map(|s| {
            let counts = [s.server.weight, s.persistent.expect("counted"), s.active, s.inactive];
            (s.server.key.to_string(), counts.map(u64::from).to_vec())
        });
        assert_eq!(sorted(ours.collect()), numbers("ipvsadm-Ln--persistent-conn"), "{kernel}");
    }
}

#[test]
fn no_attribute_of_four_kernels_is_unknown() {
    for kernel in KERNELS {
        let table = table(kernel);
        assert!(table.services.len() > 10, "{kernel}");
        for entry in &table.services {
            assert_eq!(entry.unknown, [], "{kernel} {}", entry.service.key);
            for server in &entry.servers {
                assert_eq!(server.unknown, [], "{kernel} {}", server.server.key);
            }
        }
        // From 7.2 on the table grows as it is needed.
        let conn_tab_size = if kernel == "7.2" { 512 } else { 4096 };
        assert_eq!(table.info, Part::Fresh(Info { version: 0x01_0201, conn_tab_size }));
    }
}

/// What comes as always is read at its places, anything else attribute by attribute: both ways
/// tell the same, whatever the values are.
#[test]
fn both_ways_of_reading_a_server_agree() {
    let v4 = ipvs_tui::ipvs::Family::V4;
    let one_more = |body: &[u8]| {
        let mut longer = body.to_vec();
        longer.extend([8, 0, 99, 0, 1, 2, 3, 4]);
        let length = u16::try_from(longer.len()).unwrap();
        longer[..2].copy_from_slice(&length.to_ne_bytes());
        longer
    };
    let mut compared = 0;
    for kernel in KERNELS {
        let entries = exchanges(kernel, "list").into_iter().flat_map(|x| x.answer().0);
        let servers = entries.filter(|(command, _)| *command == 5).map(|(_, body)| body);
        for (n, body) in servers.enumerate() {
            let places = if n < 3 { body.len() } else { 0 };
            // The first two are the length of it all, which one more makes longer.
            let damaged = (2..places).flat_map(|place| [1, 255].map(|value| (place, value)));
            for (place, value) in std::iter::once((0, 0)).chain(damaged) {
                let mut body = body.clone();
                body[place] ^= value;
                let Ok(mut walked) = netlink::server(&one_more(&body), v4) else {
                    continue;
                };
                if !matches!(&walked.unknown[..], [one] if one.number == 99) {
                    continue; // a header is damaged
                }
                walked.unknown.clear();
                compared += 1;
                assert_eq!(netlink::server(&body, v4), Ok(walked), "{kernel}: {place} {value}");
            }
        }
    }
    assert!(compared > 4_000, "{compared}");
}

#[test]
fn timeouts_and_daemons_are_read() {
    for kernel in KERNELS {
        let (entries, _) = exchanges(kernel, "timeouts").pop().unwrap().answer();
        let (_, body) = entries.first().unwrap();
        let wanted = Timeouts { tcp: 900, tcp_fin: 120, udp: 300 };
        assert_eq!(netlink::timeouts(body).unwrap(), wanted, "{kernel}");

        let dump = exchanges(kernel, "daemons");
        let dump = dump.iter().find(|x| x.command() == Command::GetDaemon.number()).unwrap();
        let (entries, _) = dump.answer();
        let daemons: Vec<_> = entries.iter().map(|(_, b)| netlink::daemon(b).unwrap()).collect();
        let told = |role| daemons.iter().find(|d| d.role == role).unwrap();
        let (master, backup) = (told(DaemonRole::Master), told(DaemonRole::Backup));
        assert_eq!((master.interface.as_str(), master.sync_id), ("br0", 7), "{kernel}");
        assert_eq!((backup.interface.as_str(), backup.sync_id), ("br0", 8), "{kernel}");
        assert_eq!(master.port, Some(8848), "{kernel}: the port is in the machine's order");
        assert_eq!(master.group, Some("224.0.0.81".parse().unwrap()), "{kernel}");
    }
}

#[test]
fn a_refusal_carries_its_number() {
    for (name, errno) in
        [("add-server-exists", 17), ("edit-server-missing", 2), ("edit-service-missing", 3)]
    {
        for kernel in KERNELS {
            let (_, ack) = exchanges(kernel, name).pop().unwrap().answer();
            assert_eq!(ack.errno, errno, "{kernel} {name}");
        }
    }
}

/// What the kernel takes from ipvsadm, it takes from us: the same attributes with the same bytes.
#[test]
fn an_edit_is_sent_as_ipvsadm_sends_it() {
    use ipvs_tui::ipvs::{Forwarding, Server};
    let service: ServiceKey = "TCP 10.0.0.9:80".parse().unwrap();
    let server = Server::new("10.1.1.2:80".parse().unwrap(), Forwarding::Masq, 5);
    let ours = emitted(&Request::put_server(Command::SetDest, &service, &server));
    let theirs = exchanges("6.1", "edit-server").pop().unwrap();
    assert_eq!(theirs.command(), Command::SetDest.number());
    let nest = |message: &[u8], n: usize| -> BTreeMap<u16, Vec<u8>> {
        let nest = NlasIterator::new(message).nth(n).unwrap().unwrap();
        let nlas = NlasIterator::new(nest.value()).map(|nla| nla.unwrap());
        nlas.map(|nla| (nla.kind(), nla.value().to_vec())).collect()
    };
    // ipvsadm sends counts of connections too, which the kernel ignores.
    let mut dest = nest(theirs.attributes(), 1);
    dest.retain(|kind, _| !(7..=9).contains(kind));
    assert_eq!(nest(&ours, 1), dest);
    let service = nest(&ours, 0);
    let whole = nest(theirs.attributes(), 0);
    assert!(service.iter().all(|(kind, value)| whole.get(kind) == Some(value)), "{service:?}");
}

#[test]
fn a_message_cut_anywhere_is_an_error_or_less_and_never_a_panic() {
    for exchange in exchanges("6.1", "list") {
        for datagram in &exchange.received {
            for cut in 0..datagram.len() {
                swallow(&datagram[..cut], exchange.header().sequence_number());
            }
        }
    }
}

/// Every decoder over whatever the datagram holds.
fn swallow(datagram: &[u8], sequence: u32) {
    let _ = parse_datagram(datagram, sequence, &mut |_, body| {
        decode_all(body);
        Ok(())
    });
}

fn decode_all(body: &[u8]) {
    let _ = netlink::service(body);
    let _ = netlink::server(body, ipvs_tui::ipvs::Family::V6);
    let _ = netlink::info(body);
    let _ = netlink::timeouts(body);
    let _ = netlink::daemon(body);
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        swallow(&body, 0);
        decode_all(&body);
    }

    #[test]
    fn damaged_messages_never_panic(place in any::<prop::sample::Index>(), value in any::<u8>(), which in any::<prop::sample::Index>()) {
        let all = exchanges("6.1", "list");
        let exchange = which.get(&all);
        for datagram in &exchange.received {
            let mut damaged = datagram.clone();
            *place.get_mut(&mut damaged) = value;
            swallow(&damaged, exchange.header().sequence_number());
        }
    }
}
