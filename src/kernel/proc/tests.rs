//! The parsers against what real kernels wrote, against what they could write, and against what
//! no kernel would.

use std::fmt::Write as _;

use super::listing;
use super::table::Table;
use crate::snapshot::{Moment, ServiceEntry};

/// The file `$name` as each kernel of the lab wrote it, all from the same table.
macro_rules! captured {
    ($name:literal) => {
        [
            ("5.10", captured!("5.10", $name)),
            ("6.1", captured!("6.1", $name)),
            ("6.12", captured!("6.12", $name)),
            ("7.2", captured!("7.2", $name)),
        ]
    };
    ($kernel:literal, $name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/lab/fixtures/",
            $kernel,
            "/",
            $name
        ))
        .as_slice()
    };
}

mod conn;
mod printed;
mod rates;
mod reader;
mod stats;
mod table;

const HEADER: &str = "IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
";

fn build(file: &[u8]) -> Vec<ServiceEntry> {
    listing::build(Table::open(file).unwrap(), Moment::default()).unwrap()
}

/// The services as ipvsadm writes them, as far as `/proc` tells.
fn as_ipvsadm(services: &[ServiceEntry]) -> String {
    let mut text = String::new();
    for entry in services {
        let service = &entry.service;
        let _ = write!(text, "{} {}", service.key, service.scheduler);
        if service.one_packet() {
            text.push_str(" ops");
        }
        if service.persistent().is_some() {
            let _ = write!(text, " persistent {}", service.netmask);
        }
        text.push('\n');
        for s in &entry.servers {
            let server = &s.server;
            let _ = writeln!(
                text,
                "  -> {} {} {} {} {}",
                server.key, server.forwarding, server.weight, s.active, s.inactive
            );
        }
    }
    text
}
