//! The connection table: how long a search in it is.

use crate::ipvs::{counted, larger_table, separated, wants_newer_kernel};
use crate::snapshot::Part;

use super::command::ipvs_sysctl;
use super::evidence::Evidence;
use super::finding::Finding;
use super::report::Found;

/// Connections a bucket from which a larger table is worth a word. The kernel's own advice
/// (`IP_VS_TAB_BITS` in `net/netfilter/ipvs/Kconfig`) is about one.
const LONG: u64 = 4;
/// And from which every packet pays for it.
const TOO_LONG: u64 = 16;

pub(super) fn check(evidence: &Evidence, found: &mut Found) {
    let snapshot = &evidence.snapshot;
    let servers = snapshot.services.iter().flat_map(|entry| &entry.servers);
    let connections: u64 = servers
        .map(|s| {
            [s.active, s.inactive, s.persistent.unwrap_or(0)].map(u64::from).iter().sum::<u64>()
        })
        .sum();
    let sysctls = match &snapshot.sysctls {
        Part::Unreadable(why) => return found.unchecked(why.clone()),
        read => read.get(),
    };
    let value = |name: &str| sysctls.and_then(|all| all.get(name));
    // From 7.2 on the table grows by itself, up to a limit.
    if value("conn_lfactor").is_some() {
        if let Some(most) = value("conn_max").and_then(|most| most.parse::<u64>().ok()) {
            limit(connections, most, found);
        }
        return;
    }
    match &snapshot.info {
        Part::Unreadable(why) => found.unchecked(why.clone()),
        info => {
            if let Some(info) = info.get() {
                // It came with 6.1.
                let newer = value("run_estimation").is_some();
                size(connections, u64::from(info.conn_tab_size), newer, found);
            }
        }
    }
}

fn size(connections: u64, buckets: u64, newer: bool, found: &mut Found) {
    let Some(chain) = connections.checked_div(buckets).filter(|chain| *chain >= LONG) else {
        return;
    };
    let what = format!("the connection table is small: {chain} connections a bucket");
    let finding = if chain >= TOO_LONG { Finding::warning(what) } else { Finding::note(what) };
    let finding = finding
        .seen(format!("{} in {} buckets", counted(connections, "connection"), separated(buckets)))
        .because(
            "Every packet is looked up in its bucket, one connection after the other: the longer \
             the bucket, the more of the CPU a packet costs. About one connection a bucket is \
             right. The size is set when ip_vs is loaded: at the next boot, or once the table is \
             empty and the modules are unloaded.",
        );
    found.add(match larger_table(connections, buckets, newer) {
        Err(why) => finding.seen(format!("it cannot grow: {why}")),
        Ok(bits) => {
            let warning =
                "# a kernel from before July 2023 takes its default instead of more than 20:";
            let warning = wants_newer_kernel(bits, buckets).then(|| warning.to_owned());
            let set = format!(
                "echo options ip_vs conn_tab_bits={bits} > /etc/modprobe.d/ip_vs-table-size.conf"
            );
            finding.fix(warning.into_iter().chain([set]))
        }
    });
}

fn limit(connections: u64, most: u64, found: &mut Found) {
    if connections.saturating_mul(10) < most.saturating_mul(9) {
        return;
    }
    let twice = most.saturating_mul(2).min(1 << 30).to_string();
    found.add(
        Finding::error("the connection table is full, or nearly")
            .seen(format!("{}, net.ipv4.vs.conn_max = {most}", counted(connections, "connection")))
            .because("Connections beyond conn_max are refused.")
            .fix([ipvs_sysctl("conn_max", &twice)]),
    );
}
