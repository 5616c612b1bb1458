//! The connection table as `/proc/net/ip_vs_conn` prints it (`ip_vs_conn_seq_show`), so that
//! whoever reads the embedded director reads it as a kernel, by the same parser.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ipvs::{Connection, Family, Protocol, Target};
use crate::kernel::proc::conn::Rows;
use crate::kernel::{Connections, KernelError};

const HEADER: &str =
    "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n";

/// What one read hands out at most, as the kernel does: a page, cut after a line.
const PAGE: usize = 4_096;

/// The table of one moment, being read.
pub(super) struct Printed {
    text: String,
    used: usize,
}

impl Printed {
    pub(super) fn new(connections: &[Connection]) -> Self {
        let mut text = HEADER.to_owned();
        for row in connections {
            text.push_str(&line(row));
        }
        Self { text, used: 0 }
    }
}

impl Connections for Printed {
    fn next_rows(&mut self) -> Result<Option<Rows<'_>>, KernelError> {
        let rest = self.text.as_bytes().get(self.used..).unwrap_or_default();
        if rest.is_empty() {
            return Ok(None);
        }
        let page = rest.get(..PAGE).unwrap_or(rest);
        let end = page.iter().rposition(|b| *b == b'\n').map_or(rest.len(), |newline| newline + 1);
        self.used += end;
        Ok(Some(Rows::new(rest.get(..end).unwrap_or_default())))
    }
}

fn line(row: &Connection) -> String {
    let (to, port) = match row.target {
        Target::Address(to) => (to.addr, to.port),
        // The mark stands in the first 32 bits of the address.
        Target::Fwmark(mark) => match Family::of(row.client.ip()) {
            Family::V4 => (Ipv4Addr::from_bits(mark).into(), 0),
            Family::V6 => (Ipv6Addr::from_bits(u128::from(mark) << 96).into(), 0),
        },
    };
    let protocol = match row.protocol {
        Protocol(0) => "IP".to_owned(),
        Protocol(1) => "ICMP".to_owned(),
        Protocol(58) => "ICMPv6".to_owned(),
        other => other.to_string(),
    };
    format!(
        "{protocol:<3} {} {:04X} {} {port:04X} {} {:04X} {:<11} {:>7}\n",
        addr(row.client.ip()),
        row.client.port(),
        addr(to),
        addr(row.server.addr),
        row.server.port,
        row.state,
        row.expires,
    )
}

/// Eight hexadecimal digits, or eight full groups without brackets.
fn addr(addr: IpAddr) -> String {
    match addr {
        IpAddr::V4(v4) => format!("{:08X}", v4.to_bits()),
        IpAddr::V6(v6) => {
            let mut text = String::with_capacity(39);
            for (n, group) in v6.segments().into_iter().enumerate() {
                // Writing to a string does not fail.
                let _ = write!(text, "{}{group:04x}", if n == 0 { "" } else { ":" });
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::kernel::Reader;
    use crate::kernel::sim::{Clock, Director};

    /// What is read of the printed table is the table, in every scenario with rows.
    #[test]
    fn what_is_printed_reads_back() {
        for name in ["web", "dr-farm", "dns-udp", "incident", "empty"] {
            let director = Director::open(name.parse().unwrap(), 42, Clock::Manual);
            director.advance(Duration::from_secs(7));
            let mut pass = director.reader().connections().unwrap();
            let (mut found, mut pieces) = (Vec::new(), 0);
            while let Some(mut rows) = pass.next_rows().unwrap() {
                found.extend(rows.by_ref().map(|row| row.to_connection()));
                assert_eq!(rows.skipped(), 0, "{name}");
                pieces += 1;
            }
            assert_eq!(found, director.connections(), "{name}");
            assert!(pieces > found.len() / 64, "{name}: {pieces} pieces");
            assert!(director.reader().owners().unwrap().is_empty());
        }
    }

    /// Lines that real kernels printed (`tests/lab/fixtures`) come out alike, to the byte.
    #[test]
    fn lines_are_the_kernels() {
        let printed = [
            include_str!("../../../tests/lab/fixtures/6.1/proc-net-ip_vs_conn"),
            include_str!("../../../tests/lab/fixtures/7.2/proc-net-ip_vs_conn"),
        ];
        for text in printed {
            assert!(text.starts_with(HEADER));
            // Nobody in the embedded director speaks SIP, whose data stand behind.
            for whole in text.lines().skip(1).filter(|line| !line.contains(" sip ")) {
                let bytes = format!("{whole}\n");
                let row = Rows::new(bytes.as_bytes()).next().unwrap().to_connection();
                assert_eq!(line(&row), bytes);
            }
        }
    }
}
