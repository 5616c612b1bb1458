//! `/proc`, printed again with the kernel's format strings.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipvs_tui::command::Command;
use ipvs_tui::connections::{By, Cost, End, Holder, Passed, Survey, Told};
use ipvs_tui::ipvs::{Counters, Family, Netmask, Protocol, Rates, ServiceKey, Target};
use ipvs_tui::kernel::proc::conn::{ConnRow, Rows};
use ipvs_tui::kernel::proc::listing;
use ipvs_tui::kernel::proc::stats::{self, PerCpu};
use ipvs_tui::kernel::proc::table::Table;
use ipvs_tui::kernel::proc::{ProcReader, ProcRoot};
use ipvs_tui::kernel::{Reader, Want};
use ipvs_tui::model::Message;
use ipvs_tui::report::connections::{Form, Listing};
use ipvs_tui::snapshot::{Moment, ServiceEntry, Source};

use super::told::{
    Folder, assert_lines, assert_quiet, assert_sentence, console, files_of, one_in_16, print, show,
    snapshot,
};

/// `/proc/net/ip_vs`.
pub fn proc_table(data: &[u8]) {
    let entries = match Table::open(data).and_then(|t| listing::build(t, Moment::default())) {
        Ok(entries) => entries,
        Err(fault) => return assert_sentence(&fault),
    };
    assert!(entries.is_sorted_by(|a, b| a.service.key < b.service.key));
    let lines = data.iter().filter(|b| **b == b'\n').count();
    assert!(entries.iter().map(|e| 1 + e.servers.len()).sum::<usize>() <= lines);

    // A mark of both families is told apart by guessing, which has its own tests.
    let marks = entries.iter().filter_map(|e| match e.service.key {
        ServiceKey::Fwmark { mark, .. } => Some(mark),
        ServiceKey::Endpoint { .. } => None,
    });
    let marks: Vec<u32> = marks.collect();
    if marks.iter().collect::<BTreeSet<_>>().len() == marks.len() {
        let again = printed_table(&entries);
        let table = Table::open(again.as_bytes()).unwrap();
        assert_eq!(listing::build(table, Moment::default()).as_ref(), Ok(&entries), "{again}");
    }
    print(&snapshot(Source::Proc, entries));
}

/// The format strings of `ip_vs_info_seq_show`.
fn printed_table(entries: &[ServiceEntry]) -> String {
    let mut text = "IP Virtual Server version 1.2.1 (size=4096)\n\
                    Prot LocalAddress:Port Scheduler Flags\n  \
                    -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
        .to_owned();
    for entry in entries {
        let service = &entry.service;
        let _ = match service.key {
            ServiceKey::Endpoint { protocol, addr, port } => {
                write!(text, "{protocol}  {} {} ", printed_endpoint(addr, port), service.scheduler)
            }
            ServiceKey::Fwmark { mark, .. } => {
                write!(text, "FWM  {mark:08X} {} ", service.scheduler)
            }
        };
        if service.one_packet() {
            text.push_str("ops ");
        }
        if service.persistent().is_some() {
            let mask = match service.netmask {
                Netmask::V4(mask) => mask.to_bits(),
                Netmask::V6(prefix) => u32::from(prefix).swap_bytes(),
            };
            let _ = write!(text, "persistent 75000 {mask:08X}");
        }
        text.push('\n');
        for at in &entry.servers {
            let (key, server) = (at.server.key, &at.server);
            let _ = writeln!(
                text,
                "  -> {}      {:<7} {:<6} {:<10} {:<10}",
                printed_endpoint(key.addr, key.port),
                server.forwarding,
                server.weight,
                at.active,
                at.inactive
            );
        }
    }
    text
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

/// `/proc/net/ip_vs_conn` and `ip_vs_conn_sync`.
pub fn proc_conn(data: &[u8]) {
    drawn(data);
    let lines = data.split(|b| *b == b'\n').count() as u64;
    let mut rows = Rows::new(data);
    let found: Vec<ConnRow<'_>> = rows.by_ref().collect();
    assert!(found.len() as u64 + rows.skipped() <= lines);

    // Read in two pieces, cut behind a line as the kernel does, there are the same rows.
    let middle = data.get(..data.len() / 2).unwrap_or_default();
    let middle = middle.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let (first, second) = data.split_at(middle);
    assert!(Rows::new(first).chain(Rows::new(second)).eq(found.iter().copied()));

    for row in found {
        let again = printed_row(&row);
        assert_eq!(ConnRow::parse(&again), Some(row), "{}", again.escape_ascii());
        let connection = row.to_connection();
        assert_quiet(connection.state.as_str());
        assert_quiet(&format!("{} {}", connection.service(), connection.server));
        if let Some(engine) = &connection.engine {
            assert_quiet(&engine.engine);
            assert_quiet(&engine.data);
        }
        let json = serde_json::to_string(&connection).unwrap();
        assert_quiet(&json);
        assert_eq!(serde_json::from_str::<ipvs_tui::ipvs::Connection>(&json).unwrap(), connection);
    }
}

/// What `ipvs-tui connections` prints of these rows; and of some, as drawing is slow, the console's
/// view in every grouping.
fn drawn(data: &[u8]) {
    let mut holder = Holder::default();
    Rows::new(data).for_each(|row| holder.push(&row));
    let passed = Passed {
        end: if data.len() & 1 == 0 { End::Whole } else { End::Budget },
        cpu: Duration::ZERO,
        wall: Duration::from_millis(7),
        skipped: 0,
    };
    let nothing = snapshot(Source::Proc, Vec::new());
    let rows = (holder.finish(), passed, 0);
    let survey = Survey::new(rows, Cost::default(), Some(1_000), &nothing);
    for sign in &survey.signs {
        assert_quiet(&sign.to_string());
    }
    for form in [Form::Text, Form::Csv, Form::Json] {
        let mut out = Vec::new();
        let origins = survey.rows.iter().any(|row| row.origin().is_some());
        let mut lines =
            Listing::new(&mut out, form, jiff::Timestamp::UNIX_EPOCH, None, origins).unwrap();
        lines.extend(survey.rows.lanes());
        survey.rows.iter().for_each(|row| lines.row(&row).unwrap());
        lines.end(&survey).unwrap();
        assert_lines(&out);
        if form == Form::Json {
            serde_json::from_slice::<serde_json::Value>(&out).expect("JSON");
        }
    }
    if !one_in_16(data) {
        return;
    }
    let mut model = console();
    model.update(Message::Snapshot(Arc::new(nothing), Moment::default()));
    model.update(Message::Command(Command::ViewConnections));
    model.update(Message::Connections(Told::Sample(Arc::new(survey))));
    for _ in 0..=By::ALL.len() {
        model.update(Message::Command(Command::Bottom));
        show(&mut model, (100, 30));
        model.update(Message::Command(Command::GroupBy));
    }
}

/// The format string of `ip_vs_conn_seq_show` and that of `ip_vs_conn_sync_seq_show`.
fn printed_row(row: &ConnRow<'_>) -> Vec<u8> {
    let to = match row.target {
        Target::Address(to) => (to.addr, to.port),
        // Where the mark stands, and nothing behind it.
        Target::Fwmark(mark) => match Family::of(row.client) {
            Family::V4 => (IpAddr::V4(mark.into()), 0),
            Family::V6 => (IpAddr::V6((u128::from(mark) << 96).into()), 0),
        },
    };
    let protocol = match row.protocol {
        Protocol(0) => "IP".to_owned(),
        other => other.to_string(),
    };
    let (client, server) = (printed(row.client), printed(row.server.addr));
    let (to, to_port) = (printed(to.0), to.1);
    let mut line = format!(
        "{protocol:<3} {client} {:04X} {to} {to_port:04X} {server} {:04X} ",
        row.client_port, row.server.port
    )
    .into_bytes();
    line.extend(row.state);
    line.push(b' ');
    if let Some(origin) = row.origin {
        line.extend(format!("{origin:<6} ").bytes());
    }
    line.extend(format!("{:7}", row.expires).bytes());
    if let Some((name, data)) = row.engine {
        line.extend([b" ", name, b" ", data].concat());
    }
    line
}

/// `/proc/net/ip_vs_stats` and `ip_vs_stats_percpu`.
pub fn proc_stats(data: &[u8]) {
    let row = |c: Counters| {
        let all = [c.connections, c.in_packets, c.out_packets, c.in_bytes, c.out_bytes];
        all.map(|n| format!("{n:16X}")).join(" ")
    };
    let rates = |r: Rates| {
        let all = [r.connections, r.in_packets, r.out_packets, r.in_bytes, r.out_bytes];
        all.map(|n| format!("{n:16X}")).join(" ")
    };
    match stats::totals(data) {
        Err(fault) => assert_sentence(&fault),
        Ok(read) => {
            let text = format!(
                "   Total Incoming\n   Conns  Packets\n{}\n\n Conns/s   Pkts/s\n{}\n",
                row(read.counters),
                rates(read.rates)
            );
            assert_eq!(stats::totals(text.as_bytes()), Ok(read));
        }
    }
    match stats::per_cpu(data) {
        Err(fault) => assert_sentence(&fault),
        Ok(read) => {
            let PerCpu { cpus, sum } = &read;
            let cpus: String =
                cpus.iter().map(|c| format!("{:3X} {}\n", c.cpu, row(c.counters))).collect();
            let text = format!(
                "       Total\nCPU    Conns\n{cpus}  ~ {}\n\n     Conns/s\n    {}\n",
                row(sum.counters),
                rates(sum.rates)
            );
            assert_eq!(stats::per_cpu(text.as_bytes()), Ok(read));
        }
    }
}

/// The files of [`proc_tree`], in their order. `/proc/7` is a process.
const FILES: [&str; 9] = [
    "thread-self/net/ip_vs",
    "thread-self/net/ip_vs_stats",
    "thread-self/net/dev",
    "modules",
    "sys/net/ipv4/vs/sync_threshold",
    "sys/net/ipv4/vs/est_cpulist",
    "sys/net/ipv4/vs/of_a_later_kernel",
    "7/stat",
    "7/cmdline",
];

/// Files of `/proc`, one behind the other, and the console that reads them.
pub fn proc_tree(data: &[u8]) {
    thread_local! { static TREE: Folder = Folder::new(); }
    TREE.with(|tree| {
        for (name, file) in FILES.into_iter().zip(files_of(data, FILES.len())) {
            // The kernel ends its files with a newline, which the separator has eaten.
            let whole = if name.contains("/net/") { [file, b"\n"].concat() } else { file.to_vec() };
            tree.write(name, &whole);
        }
        tree.write("1/stat", b"1 (init) S 0");
        tree_is_read(tree);
    });
}

fn tree_is_read(tree: &Folder) {
    let mut model = console();
    let mut reader = match ProcReader::open(ProcRoot::new(tree.path())) {
        Ok(reader) => reader,
        Err(error) => return assert_sentence(&error),
    };
    let loaded = reader.schedulers().inspect_err(assert_sentence).ok();
    let owners = reader.owners().inspect_err(assert_sentence);
    for owner in owners.iter().flatten() {
        owner.config.iter().for_each(|path| assert_quiet(path));
    }
    model.update(Message::Machine(owners, loaded, None));
    match reader.snapshot(&Want::everything()) {
        Ok(mut snapshot) => {
            (snapshot.taken, snapshot.took) = Default::default();
            print(&snapshot);
            model.update(Message::Snapshot(snapshot.into(), Moment::default()));
        }
        Err(error) => {
            assert_sentence(&error);
            model.update(Message::Unreadable(error, Moment::default()));
        }
    }
    show(&mut model, (80, 24));
    model.update(Message::Command(Command::ViewDirector));
    show(&mut model, (120, 60));
}
