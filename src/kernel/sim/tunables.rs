//! The `net.ipv4.vs.*` sysctls: their values as text, and the few that the simulation obeys.

use rustix::io::Errno;

use crate::snapshot::Sysctls;

/// Names and defaults of kernel 6.1.
const DEFAULTS: &[(&str, &str)] = &[
    ("am_droprate", "10"),
    ("amemthresh", "1024"),
    ("backup_only", "0"),
    ("cache_bypass", "0"),
    ("conn_reuse_mode", "1"),
    ("conntrack", "0"),
    ("drop_entry", "0"),
    ("drop_packet", "0"),
    ("expire_nodest_conn", "0"),
    ("expire_quiescent_template", "0"),
    ("ignore_tunneled", "0"),
    ("lblc_expiration", "86400"),
    ("lblcr_expiration", "86400"),
    ("nat_icmp_send", "0"),
    ("pmtu_disc", "1"),
    ("run_estimation", "1"),
    ("schedule_icmp", "0"),
    ("secure_tcp", "0"),
    ("sloppy_sctp", "0"),
    ("sloppy_tcp", "0"),
    ("snat_reroute", "1"),
    ("sync_persist_mode", "0"),
    ("sync_ports", "1"),
    ("sync_qlen_max", "16384"),
    ("sync_refresh_period", "0"),
    ("sync_retries", "0"),
    ("sync_sock_size", "0"),
    ("sync_threshold", "3\t50"),
    ("sync_version", "1"),
];

/// The sysctls. Each number is read where it is obeyed; `drop_*`, `conntrack`, `schedule_icmp`,
/// `cache_bypass` and the `sync_*` ones can be set but change nothing here.
#[derive(Clone, Debug)]
pub(super) struct Tunables {
    values: Sysctls,
    /// 0 freezes every counter and rate that a read shows.
    pub(super) run_estimation: bool,
    /// A template of a weight-0 destination is not used for new connections.
    pub(super) expire_quiescent_template: bool,
    /// Connections of a deleted destination end instead of waiting for it to come back.
    pub(super) expire_nodest_conn: bool,
    /// Bit 0: a client's new connection on an old entry is scheduled again, not sent after it.
    /// Bit 1: also when the entry is in FIN_WAIT without replies having been seen.
    pub(super) conn_reuse_mode: i64,
    /// A packet other than SYN or INIT may start an entry.
    pub(super) sloppy_tcp: bool,
    pub(super) sloppy_sctp: bool,
    /// No directing while the backup daemon runs.
    pub(super) backup_only: bool,
    /// In seconds.
    pub(super) lblcr_expiration: u64,
}

impl Default for Tunables {
    fn default() -> Self {
        let values = DEFAULTS
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Self {
            values,
            run_estimation: true,
            expire_quiescent_template: false,
            expire_nodest_conn: false,
            conn_reuse_mode: 1,
            sloppy_tcp: false,
            sloppy_sctp: false,
            backup_only: false,
            lblcr_expiration: 86_400,
        }
    }
}

/// The range that the kernel checks, where it checks one.
fn range(name: &str) -> std::ops::RangeInclusive<i64> {
    match name {
        "drop_entry" | "drop_packet" | "secure_tcp" => 0..=3,
        "sync_version" | "run_estimation" => 0..=1,
        "sync_ports" => 1..=64,
        "lblc_expiration" | "lblcr_expiration" => 0..=i64::from(i32::MAX / 1_000),
        _ => i64::from(i32::MIN)..=i64::from(i32::MAX),
    }
}

impl Tunables {
    pub(super) fn values(&self) -> &Sysctls {
        &self.values
    }

    /// Writes one, as a write to its file would.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), Errno> {
        let stored = self.values.get_mut(name).ok_or(Errno::NOENT)?;
        let numbers = value.split_whitespace().map(str::parse::<i64>);
        let numbers = numbers.collect::<Result<Vec<_>, _>>().map_err(|_| Errno::INVAL)?;
        let number = match (name, numbers.as_slice()) {
            ("sync_threshold", [threshold, period]) if (0..*period).contains(threshold) => {
                *stored = format!("{threshold}\t{period}");
                return Ok(());
            }
            ("sync_threshold", _) => return Err(Errno::INVAL),
            (name, [number]) if range(name).contains(number) => *number,
            _ => return Err(Errno::INVAL),
        };
        *stored = number.to_string();
        let on = number != 0;
        match name {
            "run_estimation" => self.run_estimation = on,
            "expire_quiescent_template" => self.expire_quiescent_template = on,
            "expire_nodest_conn" => self.expire_nodest_conn = on,
            "conn_reuse_mode" => self.conn_reuse_mode = number,
            "sloppy_tcp" => self.sloppy_tcp = on,
            "sloppy_sctp" => self.sloppy_sctp = on,
            "backup_only" => self.backup_only = on,
            "lblcr_expiration" => self.lblcr_expiration = number.unsigned_abs(),
            _ => (),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_parsed_and_ranged() {
        let mut tunables = Tunables::default();
        assert_eq!(tunables.set("conn_reuse_mode", " 0\n"), Ok(()));
        assert_eq!(tunables.values()["conn_reuse_mode"], "0");
        assert_eq!(tunables.conn_reuse_mode, 0);
        assert_eq!(tunables.set("no_such", "1"), Err(Errno::NOENT));
        assert_eq!(tunables.set("drop_entry", "4"), Err(Errno::INVAL));
        assert_eq!(tunables.set("conntrack", "yes"), Err(Errno::INVAL));
        assert_eq!(tunables.set("sync_threshold", "5 3"), Err(Errno::INVAL));
        assert_eq!(tunables.set("sync_threshold", "3 60"), Ok(()));
        assert_eq!(tunables.values()["sync_threshold"], "3\t60");
    }

    /// The fields above repeat the defaults of the table; both must say the same.
    #[test]
    fn fields_agree_with_the_table() {
        let fresh = Tunables::default();
        let mut written = Tunables::default();
        for (name, value) in DEFAULTS {
            assert_eq!(written.set(name, value), Ok(()), "{name}");
        }
        assert_eq!(format!("{fresh:?}"), format!("{written:?}"));
    }
}
