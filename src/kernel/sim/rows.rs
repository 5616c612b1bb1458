//! The connection table as `/proc/net/ip_vs_conn` prints it (`ip_vs_conn_seq_show`), so that
//! whoever reads the embedded director reads it as a kernel, by the same parser.

mod crowd;

use std::borrow::Cow;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ipvs::{Connection, Family, Protocol, Target};
use crate::kernel::proc::conn::Rows;
use crate::kernel::{Connections, KernelError};
use crowd::CrowdRows;

use super::state::Kernel;

const HEADER: &str =
    "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n";

/// What one read hands out at most, as the kernel does: a page, cut after a line.
const PAGE: usize = 4_096;
/// No line is longer.
const LONGEST: usize = 192;

/// The table of one moment, being read: single connections first, then those of the crowds.
pub(super) struct Printed {
    text: String,
    used: usize,
    crowd: CrowdRows,
}

impl Printed {
    pub(super) fn new(kernel: &Kernel) -> Self {
        let mut text = HEADER.to_owned();
        for row in kernel.connections() {
            write_line(&mut text, &row);
        }
        Self { text, used: 0, crowd: CrowdRows::new(kernel) }
    }
}

impl Connections for Printed {
    fn next_rows(&mut self) -> Result<Option<Rows<'_>>, KernelError> {
        if self.used == self.text.len() {
            self.text.clear();
            self.used = 0;
            while self.text.len() + LONGEST < PAGE
                && let Some(row) = self.crowd.next()
            {
                write_line(&mut self.text, &row);
            }
        }
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

/// As the kernel's `seq_printf`. Writing to a string does not fail.
fn write_line(out: &mut String, row: &Connection) {
    let (to, port) = match row.target {
        Target::Address(to) => (to.addr, to.port),
        // The mark stands in the first 32 bits of the address.
        Target::Fwmark(mark) => match Family::of(row.client.ip()) {
            Family::V4 => (Ipv4Addr::from_bits(mark).into(), 0),
            Family::V6 => (Ipv6Addr::from_bits(u128::from(mark) << 96).into(), 0),
        },
    };
    let protocol = match row.protocol {
        Protocol::TCP => Cow::Borrowed("TCP"),
        Protocol::UDP => Cow::Borrowed("UDP"),
        Protocol(0) => Cow::Borrowed("IP"),
        Protocol(1) => Cow::Borrowed("ICMP"),
        Protocol(58) => Cow::Borrowed("ICMPv6"),
        other => Cow::Owned(other.to_string()),
    };
    let _ = write!(out, "{protocol:<3} ");
    write_addr(out, row.client.ip());
    let _ = write!(out, " {:04X} ", row.client.port());
    write_addr(out, to);
    let _ = write!(out, " {port:04X} ");
    write_addr(out, row.server.addr);
    let _ = writeln!(out, " {:04X} {:<11} {:>7}", row.server.port, row.state, row.expires);
}

/// Eight hexadecimal digits, or eight full groups without brackets.
fn write_addr(out: &mut String, addr: IpAddr) {
    match addr {
        IpAddr::V4(v4) => {
            let _ = write!(out, "{:08X}", v4.to_bits());
        }
        IpAddr::V6(v6) => {
            for (n, group) in v6.segments().into_iter().enumerate() {
                let _ = write!(out, "{}{group:04x}", if n == 0 { "" } else { ":" });
            }
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
                let mut printed = String::new();
                write_line(&mut printed, &row);
                assert_eq!(printed, bytes);
            }
        }
    }
}
