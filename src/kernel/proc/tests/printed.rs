//! Whatever the kernel's format strings can print is read back, and nothing panics.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::ipvs::{Connection, Forwarding, Origin, ServerKey, Target};
use crate::kernel::proc::conn::{ConnRow, Rows};
use crate::kernel::proc::stats;
use crate::kernel::proc::table::{Line, Name, Persistence};

fn an_address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        any::<u32>().prop_map(|bits| IpAddr::V4(bits.into())),
        any::<u128>().prop_map(|bits| IpAddr::V6(bits.into())),
    ]
}

/// As the kernel prints an address: `%08X` or `%pI6`.
fn printed(addr: IpAddr) -> String {
    match addr {
        IpAddr::V4(v4) => format!("{:08X}", v4.to_bits()),
        IpAddr::V6(v6) => v6.segments().map(|s| format!("{s:04x}")).join(":"),
    }
}

fn printed_endpoint(addr: IpAddr, port: u16) -> String {
    match addr {
        IpAddr::V4(_) => format!("{}:{port:04X}", printed(addr)),
        IpAddr::V6(_) => format!("[{}]:{port:04X}", printed(addr)),
    }
}

#[derive(Clone, Debug)]
struct MadeServer {
    addr: IpAddr,
    port: u16,
    forwarding: Forwarding,
    counts: (u32, u32, u32),
}

#[derive(Clone, Debug)]
struct MadeService {
    name: Name,
    scheduler: &'static str,
    ops: bool,
    persistent: Option<(u32, u32, u8)>,
    servers: Vec<MadeServer>,
}

fn a_server() -> impl Strategy<Value = MadeServer> {
    let forwarding = prop::sample::select(vec![
        Forwarding::Masq,
        Forwarding::Local,
        Forwarding::Tunnel,
        Forwarding::Route,
    ]);
    let counts = (0..=i32::MAX as u32, 0..=i32::MAX as u32, 0..=i32::MAX as u32);
    (an_address(), any::<u16>(), forwarding, counts)
        .prop_map(|(addr, port, forwarding, counts)| MadeServer { addr, port, forwarding, counts })
}

fn a_service() -> impl Strategy<Value = MadeService> {
    let protocol = prop::sample::select(vec![6, 17, 132, 47, 255]).prop_map(crate::ipvs::Protocol);
    let name = prop_oneof![
        4 => (protocol, an_address(), any::<u16>()).prop_map(|(p, a, n)| Name::Endpoint(p, a, n)),
        1 => (1..=u32::MAX).prop_map(Name::Fwmark),
    ];
    let scheduler = prop::sample::select(vec!["wlc", "rr", "none", "made-up-15-long"]);
    let persistent = prop::option::of((any::<u32>(), any::<u32>(), 1..=128_u8));
    let servers = prop::collection::vec(a_server(), 0..5);
    (name, scheduler, any::<bool>(), persistent, servers).prop_map(
        |(name, scheduler, ops, persistent, servers)| MadeService {
            name,
            scheduler,
            ops,
            persistent,
            servers,
        },
    )
}

/// The format strings of `ip_vs_info_seq_show`, on a little-endian machine.
fn print_table(services: &[MadeService]) -> String {
    let mut text = HEADER.to_owned();
    for s in services {
        let ops = if s.ops { "ops " } else { "" };
        let v6 = matches!(s.name, Name::Endpoint(_, IpAddr::V6(_), _));
        let _ = match s.name {
            Name::Endpoint(p, a, port) if v6 => {
                write!(text, "{p}  {} {} ", printed_endpoint(a, port), s.scheduler)
            }
            Name::Endpoint(p, a, port) => {
                write!(text, "{p}  {} {} {ops} ", printed_endpoint(a, port), s.scheduler)
            }
            Name::Fwmark(mark) => write!(text, "FWM  {mark:08X} {} {ops}", s.scheduler),
        };
        if let Some((jiffies, mask, prefix)) = s.persistent {
            let mask = if v6 { u32::from(prefix).swap_bytes() } else { mask };
            let _ = write!(text, "persistent {} {mask:08X}", jiffies as i32);
        }
        text.push('\n');
        for d in &s.servers {
            let (weight, active, inactive) = d.counts;
            let _ = writeln!(
                text,
                "  -> {}      {:<7} {weight:<6} {active:<10} {inactive:<10}",
                printed_endpoint(d.addr, d.port),
                d.forwarding
            );
        }
    }
    text
}

proptest! {
    #[test]
    fn what_the_kernel_prints_is_read(services in prop::collection::vec(a_service(), 0..6)) {
        let text = print_table(&services);
        let mut lines = Table::open(text.as_bytes()).unwrap();
        for made in &services {
            let Some(Ok(Line::Service(line))) = lines.next() else { panic!("no service") };
            prop_assert_eq!(line.name, made.name);
            prop_assert_eq!(line.scheduler, made.scheduler);
            let v6 = matches!(made.name, Name::Endpoint(_, IpAddr::V6(_), _));
            prop_assert_eq!(line.one_packet, made.ops && !v6);
            prop_assert_eq!(line.persistence.map(|p| p.jiffies), made.persistent.map(|p| p.0));
            if v6 {
                prop_assert_eq!(line.persistence.and_then(Persistence::prefix), made.persistent.map(|p| p.2));
            } else {
                prop_assert_eq!(line.persistence.map(|p| p.mask), made.persistent.map(|p| p.1));
            }
            for made in &made.servers {
                let Some(Ok(Line::Server(line))) = lines.next() else { panic!("no server") };
                prop_assert_eq!(line.key, ServerKey::new(made.addr, made.port));
                prop_assert_eq!(line.forwarding, made.forwarding);
                prop_assert_eq!((line.weight, line.active, line.inactive), made.counts);
            }
        }
        prop_assert!(lines.next().is_none());
        let table = Table::open(text.as_bytes()).unwrap();
        let entries = listing::build(table, Moment::default()).unwrap();
        prop_assert!(entries.is_sorted_by(|a, b| a.service.key < b.service.key));
        for entry in &entries {
            prop_assert!(entry.servers.is_sorted_by(|a, b| a.server.key < b.server.key));
        }
    }

    #[test]
    fn rows_the_kernel_prints_are_read(
        client in an_address(), client_port in any::<u16>(),
        to in any::<(u128, u16)>(), server in (an_address(), any::<u16>()),
        expires in any::<u32>(), origin in prop::option::of(any::<bool>()),
        engine in prop::option::of("[!-~]{1,15} [ -~]{0,40}"),
    ) {
        // `%-3s %08X %04X %08X %04X %s %04X %-11s %7u%s`, and with `%-6s` before the number.
        let target: IpAddr = if client.is_ipv4() {
            IpAddr::V4((to.0 as u32).into())
        } else {
            IpAddr::V6(to.0.into())
        };
        let origin = origin.map(|sync| if sync { Origin::Sync } else { Origin::Local });
        let (c, t, s) = (printed(client), printed(target), printed(server.0));
        let mut line = format!("TCP {c} {client_port:04X} {t} {:04X} {s} {:04X} {:<11} ", to.1, server.1, "FIN_WAIT");
        if let Some(origin) = origin {
            let _ = write!(line, "{origin:<6} ");
        }
        let _ = write!(line, "{expires:7}");
        if let Some(engine) = &engine {
            let _ = write!(line, " {engine}");
        }
        let row = ConnRow::parse(line.as_bytes()).unwrap();
        prop_assert_eq!((row.client, row.client_port), (client, client_port));
        prop_assert_eq!(row.target, Target::Address(ServerKey::new(target, to.1)));
        prop_assert_eq!(row.server, ServerKey::new(server.0, server.1));
        prop_assert_eq!((row.expires, row.origin, row.state), (expires, origin, &b"FIN_WAIT"[..]));
        let printed = row.engine.map(|(n, d)| [n, b" ", d].concat());
        prop_assert_eq!(printed, engine.map(String::into_bytes));
        let json = serde_json::to_string(&row.to_connection()).unwrap();
        prop_assert_eq!(serde_json::from_str::<Connection>(&json).unwrap(), row.to_connection());
    }

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = stats::totals(&bytes);
        let _ = stats::per_cpu(&bytes);
        Rows::new(&bytes).for_each(|row| drop(row.to_connection()));
        let body = [HEADER.as_bytes(), &bytes].concat();
        for file in [&bytes, &body] {
            if let Ok(table) = Table::open(file) {
                let _ = listing::build(table, Moment::default());
            }
        }
    }

    #[test]
    fn no_damage_makes_a_parser_panic(
        file in 0..4_usize, at in any::<prop::sample::Index>(), with in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut file = [
            captured!("proc-net-ip_vs")[1].1,
            captured!("proc-net-ip_vs_conn")[1].1,
            captured!("proc-net-ip_vs_stats")[1].1,
            captured!("proc-net-ip_vs_stats_percpu")[1].1,
        ][file].to_vec();
        let (at, cut) = (at.index(file.len()), cut.index(file.len()));
        file[at] = with;
        for bytes in [&file[..], &file[..cut]] {
            let _ = stats::totals(bytes);
            let _ = stats::per_cpu(bytes);
            let mut rows = Rows::new(bytes);
            let (found, lines) = (rows.by_ref().count() as u64, bytes.split(|b| *b == b'\n').count() as u64);
            prop_assert!(found + rows.skipped() <= lines);
            if let Ok(table) = Table::open(bytes) {
                let _ = listing::build(table, Moment::default());
            }
        }
    }
}
