//! Rows of the connection table, one after the other: for people, for programs, for spreadsheets.
//!
//! Rows are written as they come, so that a table of any size needs no memory here. What rows have
//! in common is put into words once.
//!
//! # The schema
//! `ipvs-tui/connections/1`, one JSON document. Every field is always there, in this order. Fields
//! will be added without a new number; a field that changes its meaning, its unit or its type, or
//! goes, makes it `ipvs-tui/connections/2`.
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | `schema` | string | [`SCHEMA`] |
//! | `taken` | string | when reading began, RFC 3339, UTC |
//! | `filter` | string or null | which rows were asked for |
//! | `connections` | array | the rows, in the order of the kernel's hash |
//! | `connections[].protocol` | string | `TCP`, `UDP`, `SCTP`, `IP_n`; `IP_0` for templates of fwmark services |
//! | `connections[].client_address`, `.client_port` | string, integer | templates have a masked address and port 0 |
//! | `connections[].virtual_address`, `.virtual_port` | string, integer, or null | `null` for templates of fwmark services |
//! | `connections[].fwmark` | integer or null | only of these |
//! | `connections[].server_address`, `.server_port` | string, integer | port 65535 of a template: invalidated |
//! | `connections[].state` | string | the kernel's word |
//! | `connections[].template` | boolean | no connection but a persistence template |
//! | `connections[].expires_seconds` | integer | 0 also if that is overdue |
//! | `connections[].read_seconds` | number | when the row was read, after `taken` |
//! | `connections[].origin` | string or null | `local` or `sync`; `null` if not asked for |
//! | `connections[].engine`, `.engine_data` | string or null | persistence engine and what it keeps, escaped; `null` also where origins were asked for |
//! | `connections[].engine_data_cut` | boolean | there was more of it |
//! | `rows_read`, `rows_listed` | integer | rows looked at, and those that matched the filter |
//! | `whole` | boolean | whether every row of the table was looked at; `false`: the rows are a sample, or the table changed while it was read and many are missing |
//! | `table_rows`, `table_rows_low`, `table_rows_high` | integer or null | rows of the table, with the range in which they lie 95 times in 100; `null` where nothing tells |
//! | `counted_by` | string | who told that: `kernel`, `counters`, `counters_without_templates` |
//! | `repeated_rows`, `skipped_lines` | integer | rows that came twice and were dropped; lines that were no rows |
//! | `read_seconds`, `read_cpu_seconds` | number | time, and CPU time, that reading took |

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::quoted;
use crate::connections::{Lane, Row, Survey, Total};
use crate::ipvs::{Connection, Family, Protocol, Target};

/// Name and number of the schema, the first field of the document.
pub const SCHEMA: &str = "ipvs-tui/connections/1";

const CSV_HEAD: &str = "protocol,client_address,client_port,virtual_address,virtual_port,fwmark,\
                        server_address,server_port,state,template,expires_seconds,origin,engine,\
                        engine_data,read_seconds";

/// In which form rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// ipvsadm's columns.
    Text,
    /// One document of [`SCHEMA`].
    Json,
    /// RFC 4180, with a head: what the document says of each row. New columns come last.
    Csv,
}

/// Writes rows.
pub struct Listing<W> {
    out: W,
    form: Form,
    /// By the lanes' numbers, what of the line is the same for all its rows.
    lanes: Vec<Words>,
    rows: u64,
}

/// What a lane comes to in words: before the state, and behind it.
#[derive(Clone, Debug, Default)]
struct Words {
    protocol: String,
    target: String,
    server: String,
}

impl<W: Write> Listing<W> {
    /// Writes what stands before the rows.
    ///
    /// # Errors
    /// When `out` cannot be written; a closed pipe is [`io::ErrorKind::BrokenPipe`].
    pub fn new(
        mut out: W,
        form: Form,
        taken: Timestamp,
        filter: Option<&str>,
        origins: bool,
    ) -> io::Result<Self> {
        match form {
            Form::Text => {
                let more = if origins { "            origin" } else { "" };
                writeln!(out, "IPVS connection entries")?;
                writeln!(
                    out,
                    "pro expire state       source             virtual            destination{more}"
                )?;
            }
            Form::Csv => write!(out, "{CSV_HEAD}\r\n")?,
            Form::Json => {
                let (schema, filter) = (json!(SCHEMA), json!(filter));
                write!(out, "{{\n  \"schema\": {schema},\n  \"taken\": \"{taken}\",\n")?;
                write!(out, "  \"filter\": {filter},\n  \"connections\": [")?;
            }
        }
        Ok(Self { out, form, lanes: Vec::new(), rows: 0 })
    }

    /// Takes in the lanes that are new among those of the pass.
    pub fn extend(&mut self, lanes: &[Lane]) {
        let new = lanes.get(self.lanes.len()..).unwrap_or_default();
        let words = |lane: &Lane| match self.form {
            Form::Text => Words::text(lane),
            Form::Csv => Words::csv(lane),
            Form::Json => Words::json(lane),
        };
        self.lanes.extend(new.iter().map(words).collect::<Vec<_>>());
    }

    /// Rows written so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes a row of a lane that was taken in.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn row(&mut self, row: &Row<'_>) -> io::Result<()> {
        let Some(words) = self.lanes.get(row.lane_number()) else { return Ok(()) };
        let out = &mut self.out;
        self.rows += 1;
        match self.form {
            Form::Text => text(out, words, row),
            Form::Csv => csv(out, words, row),
            Form::Json => {
                out.write_all(if self.rows > 1 { b",\n    " } else { b"\n    " })?;
                json_row(out, words, row)
            }
        }
    }

    /// Writes what stands behind the rows.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn end(mut self, survey: &Survey) -> io::Result<()> {
        if self.form == Form::Json {
            let all = survey.all();
            let known = all.high.is_some();
            let (value, low) = (known.then_some(all.value), known.then_some(all.low));
            let by = match survey.total {
                Total::Kernel(_) => "kernel",
                Total::Counters(_) => "counters",
                Total::WithoutTemplates(_) => "counters_without_templates",
            };
            let passed = &survey.passed;
            let tail: [(&str, Value); 11] = [
                ("rows_read", json!(survey.rows.len())),
                ("rows_listed", json!(self.rows)),
                ("whole", json!(survey.is_whole())),
                ("table_rows", json!(value)),
                ("table_rows_low", json!(low)),
                ("table_rows_high", json!(all.high)),
                ("counted_by", json!(by)),
                ("repeated_rows", json!(survey.repeated)),
                ("skipped_lines", json!(passed.skipped)),
                ("read_seconds", json!(passed.wall.as_secs_f64())),
                ("read_cpu_seconds", json!(passed.cpu.as_secs_f64())),
            ];
            self.out.write_all(if self.rows > 0 { b"\n  ]" } else { b"]" })?;
            for (name, value) in tail {
                write!(self.out, ",\n  \"{name}\": {value}")?;
            }
            self.out.write_all(b"\n}\n")?;
        }
        self.out.flush()
    }
}

/// One connection in ipvsadm's columns, without a newline.
pub fn line(connection: &Connection) -> String {
    let lane = Lane {
        protocol: connection.protocol,
        target: connection.target,
        server: connection.server,
        family: Family::of(connection.client.ip()),
        template: connection.template,
    };
    let Words { protocol, target, server } = Words::text(&lane);
    let (minutes, seconds) = (connection.expires / 60, connection.expires % 60);
    let (client, state) = (connection.client.to_string(), &connection.state);
    let more = match (connection.origin, &connection.engine) {
        (Some(origin), _) => format!(" {origin}"),
        (None, Some(engine)) => format!(" {engine}"),
        (None, None) => String::new(),
    };
    format!(
        "{protocol:<3} {minutes:02}:{seconds:02}  {state:<11} {client:<18} {target:<18} {server}{more}"
    )
}

/// A protocol as `/proc` and ipvsadm name it.
fn protocol(protocol: Protocol) -> String {
    match protocol {
        Protocol(0) => "IP".to_owned(),
        other => other.to_string(),
    }
}

impl Words {
    /// ipvsadm shows a firewall mark as the address that the kernel prints for it.
    fn text(lane: &Lane) -> Self {
        let target = match (lane.target, lane.family) {
            (Target::Address(to), _) => to.to_string(),
            (Target::Fwmark(mark), Family::V4) => {
                SocketAddr::new(std::net::Ipv4Addr::from_bits(mark).into(), 0).to_string()
            }
            (Target::Fwmark(mark), Family::V6) => {
                let addr = std::net::Ipv6Addr::from_bits(u128::from(mark) << 96);
                SocketAddr::new(addr.into(), 0).to_string()
            }
        };
        let protocol = protocol(lane.protocol);
        Self { protocol, target, server: lane.server.to_string() }
    }

    fn csv(lane: &Lane) -> Self {
        let (server, port) = (lane.server.addr, lane.server.port);
        let target = match lane.target {
            Target::Address(to) => format!("{},{},", to.addr, to.port),
            Target::Fwmark(mark) => format!(",,{mark}"),
        };
        let protocol = protocol(lane.protocol);
        Self { protocol, target, server: format!("{server},{port}") }
    }

    fn json(lane: &Lane) -> Self {
        let (addr, port, mark) = match lane.target {
            Target::Address(to) => (Some(to.addr), Some(to.port), None),
            Target::Fwmark(mark) => (None, None, Some(mark)),
        };
        let (addr, port, mark) = (json!(addr), json!(port), json!(mark));
        let target =
            format!("\"virtual_address\":{addr},\"virtual_port\":{port},\"fwmark\":{mark}");
        let (server, port) = (json!(lane.server.addr), lane.server.port);
        let server = format!("\"server_address\":{server},\"server_port\":{port}");
        Self { protocol: lane.protocol.to_string(), target, server }
    }
}

/// `TCP 01:53  TIME_WAIT   10.9.0.2:44294     10.0.0.1:80        10.1.1.2:80`
fn text(out: &mut impl Write, words: &Words, row: &Row<'_>) -> io::Result<()> {
    let expires = row.expires();
    let (minutes, seconds) = (expires / 60, expires % 60);
    let client = SocketAddr::new(row.client(), row.client_port());
    let Words { protocol, target, server } = words;
    let state = row.state().as_str();
    write!(out, "{protocol:<3} {minutes:02}:{seconds:02}  {state:<11} {client:<18} {target:<18} ")?;
    match (row.origin(), row.engine()) {
        (Some(origin), _) => writeln!(out, "{server:<22} {origin}"),
        (None, Some((engine, _))) => writeln!(out, "{server:<18} {engine}"),
        (None, None) => writeln!(out, "{server}"),
    }
}

fn csv(out: &mut impl Write, words: &Words, row: &Row<'_>) -> io::Result<()> {
    let Words { protocol, target, server } = words;
    let (client, port, expires) = (row.client(), row.client_port(), row.expires());
    let (state, template) = (quoted(row.state().as_str()), row.is_template());
    write!(out, "{protocol},{client},{port},{target},{server},{state},{template},{expires},")?;
    if let Some(origin) = row.origin() {
        write!(out, "{}", if origin == crate::ipvs::Origin::Sync { "sync" } else { "local" })?;
    }
    match row.engine() {
        Some((engine, _)) => {
            write!(out, ",{},{}", quoted(&engine.engine), quoted(&harmless(&engine.data)))?;
        }
        None => out.write_all(b",,")?,
    }
    write!(out, ",{}\r\n", row.read_at().as_secs_f64())
}

/// Strangers choose a Call-ID, and a spreadsheet takes some texts for formulas: their first
/// character is escaped as others are.
fn harmless(text: &str) -> String {
    match text.chars().next() {
        Some(first @ ('=' | '+' | '-' | '@')) => {
            format!("\\x{:02x}{}", u32::from(first), text.get(1..).unwrap_or_default())
        }
        _ => text.to_owned(),
    }
}

fn json_row(out: &mut impl Write, words: &Words, row: &Row<'_>) -> io::Result<()> {
    let Words { protocol, target, server } = words;
    let client: IpAddr = row.client();
    let (port, expires, template) = (row.client_port(), row.expires(), row.is_template());
    let state = json!(row.state().as_str());
    let read = row.read_at().as_secs_f64();
    write!(
        out,
        "{{\"protocol\":\"{protocol}\",\"client_address\":\"{client}\",\"client_port\":{port},\
         {target},{server},\"state\":{state},\"template\":{template},\
         \"expires_seconds\":{expires},\"read_seconds\":{read},"
    )?;
    let origin = json!(row.origin());
    let engine = row.engine();
    let cut = engine.as_ref().is_some_and(|(_, cut)| *cut);
    let name = json!(engine.as_ref().map(|(engine, _)| &*engine.engine));
    let data = json!(engine.as_ref().map(|(engine, _)| &*engine.data));
    write!(
        out,
        "\"origin\":{origin},\"engine\":{name},\"engine_data\":{data},\"engine_data_cut\":{cut}}}"
    )
}
