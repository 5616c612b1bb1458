//! Any rows at all, and any bytes: what is held is what was printed, and nothing breaks.

use std::net::{IpAddr, SocketAddr};

use proptest::prelude::*;

use super::*;
use crate::ipvs::{ConnState, Connection, EngineData, Origin, Protocol, Target};
use crate::kernel::proc::conn::Rows as Lines;

fn addr(v6: bool) -> BoxedStrategy<IpAddr> {
    if v6 {
        any::<u128>().prop_map(|bits| std::net::Ipv6Addr::from_bits(bits).into()).boxed()
    } else {
        any::<u32>().prop_map(|bits| std::net::Ipv4Addr::from_bits(bits).into()).boxed()
    }
}

prop_compose! {
    /// A row as a kernel can have it.
    fn connection()(v6 in any::<bool>(), other in any::<bool>())(
        client in addr(v6),
        client_port in 1..u16::MAX,
        to in addr(v6),
        ports in any::<(u16, u16)>(),
        server in addr(v6 ^ other),
        protocol in prop::sample::select(vec![6_u16, 17, 132]),
        state in prop::sample::select(vec!["ESTABLISHED", "SYN_RECV", "TIME_WAIT", "UDP", "COOKIE"]),
        template in any::<bool>(),
        mark in prop::option::of(1..u32::MAX),
        expires in 0..100_000_u32,
        origin in prop::option::of(prop::sample::select(vec![Origin::Local, Origin::Sync])),
        engine in prop::option::of(prop::collection::vec(1..=255_u8, 1..90)),
    ) -> Connection {
        let mark = mark.filter(|_| template);
        let (protocol, target) = match mark {
            Some(mark) => (Protocol(0), Target::Fwmark(mark)),
            None => (Protocol(protocol), Target::Address(ServerKey::new(to, ports.0))),
        };
        let keep = |data: Vec<u8>| {
            // The kernel ends a row with a newline, which no Call-ID has.
            let data: Vec<u8> = data.into_iter().map(|b| if b == b'\n' { b' ' } else { b }).collect();
            Box::new(EngineData::new(b"sip", &data))
        };
        Connection {
            protocol,
            client: SocketAddr::new(client, if template { 0 } else { client_port }),
            target,
            server: ServerKey::new(server, ports.1),
            state: ConnState::new(if template { b"NONE" } else { state.as_bytes() }),
            template,
            expires,
            origin,
            // The kernel tells either.
            engine: engine.filter(|_| origin.is_none()).map(keep),
        }
    }
}

/// The row as `ip_vs_conn_seq_show` and `ip_vs_conn_sync_seq_show` print it.
fn printed(row: &Connection) -> Vec<u8> {
    let hex = |addr: IpAddr| match addr {
        IpAddr::V4(v4) => format!("{:08X}", v4.to_bits()),
        IpAddr::V6(v6) => v6.segments().map(|group| format!("{group:04x}")).join(":"),
    };
    let (to, port) = match row.target {
        Target::Address(to) => (hex(to.addr), to.port),
        Target::Fwmark(mark) if row.client.is_ipv4() => (format!("{mark:08X}"), 0),
        Target::Fwmark(mark) => {
            (format!("{:04x}:{:04x}:0000:0000:0000:0000:0000:0000", mark >> 16, mark & 0xFFFF), 0)
        }
    };
    let protocol = match row.protocol {
        Protocol(0) => "IP".to_owned(),
        other => other.to_string(),
    };
    let origin = row.origin.map_or_else(String::new, |origin| format!("{origin:<6} "));
    let mut line = format!(
        "{protocol:<3} {} {:04X} {to} {port:04X} {} {:04X} {:<11} {origin}{:>7}",
        hex(row.client.ip()),
        row.client.port(),
        hex(row.server.addr),
        row.server.port,
        row.state,
        row.expires,
    )
    .into_bytes();
    if let Some(engine) = &row.engine {
        line.extend_from_slice(b" sip ");
        line.extend(unescaped(&engine.data));
    }
    line.push(b'\n');
    line
}

/// Takes [`EngineData`]'s escapes back.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.bytes();
    while let Some(byte) = chars.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match chars.next() {
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(b'n') => b'\n',
            Some(b'x') => {
                let digits = [chars.next().unwrap(), chars.next().unwrap()];
                u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            Some(other) => other,
            None => panic!("{text}"),
        });
    }
    bytes
}

proptest! {
    #[test]
    fn what_is_held_is_what_was_printed(rows in prop::collection::vec(connection(), 1..40)) {
        let text: Vec<u8> = rows.iter().flat_map(printed).collect();
        let mut holder = Holder::default();
        let mut lines = Lines::new(&text);
        lines.by_ref().for_each(|row| holder.push(&row));
        prop_assert_eq!(lines.skipped(), 0);
        prop_assert_eq!(holder.repeated(), 0);
        let held: Vec<Connection> =
            holder.rows().iter().map(|row| row.to_connection().unwrap()).collect();
        prop_assert_eq!(held, rows);
    }

    /// Lines that are rows, and bytes that are not, in any order.
    #[test]
    fn hostile_lines_cost_no_other(
        rows in prop::collection::vec(connection(), 1..10),
        junk in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..10),
    ) {
        let mut text = Vec::new();
        let mut ends_within = 0;
        for (row, junk) in rows.iter().zip(junk.iter().cycle()) {
            text.extend(printed(row));
            text.extend_from_slice(junk);
            text.push(b'\n');
            ends_within += junk.iter().filter(|b| **b == b'\n').count() + 1;
        }
        let mut holder = Holder::default();
        let mut lines = Lines::new(&text);
        lines.by_ref().for_each(|row| holder.push(&row));
        prop_assert!(holder.rows().len() + holder.repeated() as usize >= rows.len());
        prop_assert!(lines.skipped() as usize <= ends_within);
        for row in holder.rows().iter() {
            let shown = format!("{:?} {:?}", row.engine(), row.state());
            prop_assert!(shown.bytes().all(|b| (b' '..=b'~').contains(&b)), "{}", shown);
        }
    }

    /// One byte changed anywhere in a table breaks one row or none.
    #[test]
    fn one_wrong_byte_costs_one_row(
        rows in prop::collection::vec(connection(), 3..8),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut text: Vec<u8> = rows.iter().flat_map(printed).collect();
        let at = at.index(text.len());
        text[at] = byte;
        let found = Lines::new(&text).count();
        prop_assert!(found + 2 >= rows.len() && found <= rows.len() + 1, "{} of {}", found, rows.len());
    }

    #[test]
    fn whatever_is_typed_is_a_filter_or_a_sentence(text in "[ -~]{0,40}") {
        if let Err(why) = Filter::read(&text) {
            prop_assert!(!why.is_empty() && why.chars().all(|c| !c.is_control()), "{}", why);
        }
    }

    #[test]
    fn a_filter_and_its_negation_share_nothing(
        rows in prop::collection::vec(connection(), 1..30),
        term in prop::sample::select(vec![
            "is:template", "state:established", "state:closing,syn_recv", "proto:udp", "expires>500",
            "client:10.0.0.0/8", "client:0.0.0.0/1", "10.0.0.0/2", "server:10.1.1.2", ":443",
            "pe:any", "pe:x", "origin:sync", "service:fwm/5", "service:tcp/10.0.0.1:80", "is:orphan",
            "is:ipv6", "a1", "is:waiting", "is:ftp-data", "is:invalid",
        ]),
    ) {
        let lines: Vec<Vec<u8>> = rows.iter().map(printed).collect();
        let mut holder = Holder::default();
        for line in &lines {
            holder.push(&ConnRow::parse(line.strip_suffix(b"\n").unwrap()).unwrap());
        }
        let passed = Passed { end: End::Whole, cpu: Duration::ZERO, wall: Duration::ZERO, skipped: 0 };
        let survey = Survey::new((holder.finish(), passed, 0), Cost::default(), None, &table(&[]));
        let of = |term: &str| {
            let filter = Filter::read(term).unwrap();
            let sieve = Sieve::new(&survey.placement, &Scope::All, filter.as_ref());
            survey.rows.iter().map(|row| sieve.passes(&row)).collect::<Vec<_>>()
        };
        let (with, without) = (of(term), of(&format!("!{term}")));
        for (row, (a, b)) in survey.rows.iter().zip(with.iter().zip(&without)) {
            prop_assert!(!(*a && *b));
            // Only what was not read is in neither.
            let unread = (term.starts_with("pe") && row.origin().is_some())
                || (term.starts_with("origin") && row.origin().is_none());
            prop_assert!(*a || *b || unread, "{}", term);
        }
    }
}
