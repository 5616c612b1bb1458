//! Counters and rates, for a server, a service or the whole director.

use serde::{Deserialize, Serialize};

/// Totals since the object was made or zeroed. The kernel refreshes them every 2 seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Connections scheduled; with one-packet scheduling, packets. Synced ones are not counted.
    pub connections: u64,
    /// Packets from clients.
    pub in_packets: u64,
    /// Packets to clients; stays 0 for direct routing and tunnels.
    pub out_packets: u64,
    /// IP bytes from clients.
    pub in_bytes: u64,
    /// IP bytes to clients; stays 0 for direct routing and tunnels.
    pub out_bytes: u64,
}

/// The kernel's own moving averages, refreshed every 2 seconds (`ip_vs_est.c`): a step shows to
/// 25 % after 2 s, 44 % after 4 s, 90 % after 16 s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rates {
    /// Connections a second (CPS).
    pub connections: u64,
    /// Packets a second from clients (InPPS).
    pub in_packets: u64,
    /// Packets a second to clients (OutPPS).
    pub out_packets: u64,
    /// Bytes (not bits) a second from clients (InBPS).
    pub in_bytes: u64,
    /// Bytes (not bits) a second to clients (OutBPS).
    pub out_bytes: u64,
}

/// Counters with their rates, as the kernel sends them together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Totals.
    pub counters: Counters,
    /// Averages a second.
    pub rates: Rates,
}
