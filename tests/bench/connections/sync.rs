//! A large connection table without a single connection: messages of another director's sync
//! daemon, version 1 (`ip_vs_sync.c`), as they go over multicast UDP.

use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

/// Where backup daemons listen.
const GROUP: (Ipv4Addr, u16) = (Ipv4Addr::new(224, 0, 0, 81), 8848);
/// Connections in a message: 36 bytes each fit into an Ethernet frame.
const MOST: usize = 38;
/// Messages at a time, and the pause after them: the receive queue holds about a hundred.
const BURST: usize = 8;
const PAUSE: Duration = Duration::from_millis(4);

/// `IP_VS_CONN_F_INACTIVE` and `_TEMPLATE`.
const INACTIVE: u32 = 0x0100;
const TEMPLATE: u32 = 0x1000;

/// The states of TCP by their numbers (`IP_VS_TCP_S_*`).
const ESTABLISHED: u16 = 1;
const SYN_RECV: u16 = 3;
const FIN_WAIT: u16 = 4;
const TIME_WAIT: u16 = 5;

/// Services, and servers of each.
pub(crate) const SERVICES: u32 = 4;
pub(crate) const SERVERS: u32 = 5;

/// One made-up entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) client: u32,
    pub(crate) port: u16,
    pub(crate) service: u32,
    pub(crate) server: u32,
    state: u16,
    template: bool,
}

fn scramble(value: u64) -> u64 {
    let z = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Entry {
    /// The entry with this number: always the same, and no two alike.
    pub(crate) fn new(number: u32) -> Self {
        let draw = |what: u64, limit: u64| {
            let draw = scramble(scramble(what ^ 0x5eed) ^ u64::from(number)) >> 16;
            u32::try_from(draw % limit).unwrap_or(0)
        };
        let template = draw(1, 30) == 0;
        // One client is busy; number and port make each of its connections another.
        let of = |number: u32| 1_024 + u16::try_from(number % 60_000).unwrap_or(0);
        let (client, port) = match draw(2, 50) {
            0 => (1 + number / 60_000, of(number)),
            _ => (16 + number % 16_384, of(number / 2)),
        };
        let client = if template { 0x10_0000 + number } else { client };
        let state = match draw(3, 10) {
            0 => SYN_RECV,
            1 => FIN_WAIT,
            2..4 => TIME_WAIT,
            _ => ESTABLISHED,
        };
        Self {
            client: 0x0AC8_0000 + client,
            port: if template { 0 } else { port },
            service: draw(4, SERVICES.into()),
            server: draw(5, u64::from(SERVERS) + 2) % SERVERS,
            state,
            template,
        }
    }

    /// The kernel's word for its state.
    pub(crate) fn word(&self) -> &'static str {
        match self.state {
            _ if self.template => "NONE",
            SYN_RECV => "SYN_RECV",
            FIN_WAIT => "FIN_WAIT",
            TIME_WAIT => "TIME_WAIT",
            _ => "ESTABLISHED",
        }
    }

    pub(crate) fn is_template(&self) -> bool {
        self.template
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut flags = if self.template { TEMPLATE } else { 0 };
        if matches!(self.state, FIN_WAIT | TIME_WAIT) && !self.template {
            flags |= INACTIVE;
        }
        let state = if self.template { 0 } else { self.state };
        out.extend_from_slice(&[0, 6]); // IPv4, TCP
        out.extend_from_slice(&36_u16.to_be_bytes());
        out.extend_from_slice(&flags.to_be_bytes());
        for word in [state, self.port, 80, 80] {
            out.extend_from_slice(&word.to_be_bytes());
        }
        let timeout = 3_600_u32; // longer than any test
        for word in [0, timeout, self.client, vip(self.service), rip(self.service, self.server)] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

/// The address of a service.
pub(crate) fn vip(service: u32) -> u32 {
    0x0A00_0001 + service
}

/// The address of a server.
pub(crate) fn rip(service: u32, server: u32) -> u32 {
    0x0A01_0002 + (service << 12) + (server << 4)
}

/// Sends `count` entries, paced.
pub(crate) fn send(count: u32) -> std::io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    let mut entries = (0..count).map(Entry::new).peekable();
    let mut messages = 0;
    while entries.peek().is_some() {
        let some: Vec<Entry> = entries.by_ref().take(MOST).collect();
        let size = u16::try_from(8 + 36 * some.len()).unwrap_or(u16::MAX);
        let mut message = vec![0, 0]; // reserved, sync id
        message.extend_from_slice(&size.to_be_bytes());
        message.extend_from_slice(&[u8::try_from(some.len()).unwrap_or(0), 1, 0, 0]);
        some.iter().for_each(|entry| entry.write(&mut message));
        socket.send_to(&message, GROUP)?;
        messages += 1;
        if messages % BURST == 0 {
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}
