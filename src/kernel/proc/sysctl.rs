//! The `net.ipv4.vs.*` sysctls: their values, and what is known of those that matter to an
//! operator (`Documentation/networking/ipvs-sysctl.rst`, `ip_vs_ctl.c`, `ip_vs_core.c`).

use std::fs;

use super::file::ProcRoot;
use crate::kernel::KernelError;
use crate::snapshot::Sysctls;

/// What is known of a sysctl.
#[derive(Debug, PartialEq, Eq)]
pub struct Sysctl {
    /// The name below `net.ipv4.vs.`.
    pub name: &'static str,
    /// The kernel's default as it prints it; `None` when it depends on the machine.
    pub default: Option<&'static str>,
    /// What it does, in one line.
    pub doc: &'static str,
}

impl Sysctl {
    /// What is known of `name`, if anything is.
    pub fn find(name: &str) -> Option<&'static Self> {
        SYSCTLS.iter().find(|sysctl| sysctl.name == name)
    }

    /// Whether `value` is not the kernel's default, if that is known.
    pub fn is_changed(&self, value: &str) -> Option<bool> {
        self.default.map(|default| default != value)
    }
}

const fn sysctl(name: &'static str, default: &'static str, doc: &'static str) -> Sysctl {
    Sysctl { name, default: Some(default), doc }
}

const fn machine(name: &'static str, doc: &'static str) -> Sysctl {
    Sysctl { name, default: None, doc }
}

/// The sysctls that matter: what decides over draining first, then what sheds load, then what
/// counts, then the rest. No kernel has all of them.
pub const SYSCTLS: &[Sysctl] = &[
    sysctl(
        "expire_quiescent_template",
        "0",
        "1: a persistent client leaves a weight-0 server with its next connection",
    ),
    sysctl(
        "expire_nodest_conn",
        "0",
        "1: connections of a deleted server are reset; 0: their packets vanish and clients hang",
    ),
    sysctl(
        "conn_reuse_mode",
        "1",
        "1: a client port seen before is scheduled anew; 0: it returns to its old server, even at weight 0; 2: also after FIN_WAIT",
    ),
    sysctl("sloppy_tcp", "0", "1: TCP without a SYN is scheduled, so flows survive a failover"),
    sysctl("sloppy_sctp", "0", "1: SCTP without an INIT is scheduled"),
    sysctl("schedule_icmp", "0", "1: ICMP errors of unknown flows may be scheduled"),
    sysctl(
        "drop_entry",
        "0",
        "random half-open connections are shed: 1, 2 when short of memory; 3 always",
    ),
    sysctl(
        "drop_packet",
        "0",
        "one packet in a few is dropped: 1, 2 when short of memory; 3 always",
    ),
    sysctl("secure_tcp", "0", "stricter TCP states: 1, 2 when short of memory; 3 always"),
    sysctl("amemthresh", "1024", "free memory, in pages, below which modes 1 and 2 set in"),
    sysctl("am_droprate", "10", "in mode 3, drop_packet drops one packet in so many"),
    sysctl("conn_max", "1073741824", "connections are refused beyond so many (from 7.2)"),
    sysctl("run_estimation", "1", "0: every counter and rate of IPVS stands still (from 6.1)"),
    machine(
        "est_cpulist",
        "CPUs that compute the rates; empty: every counter stands still (from 6.2)",
    ),
    sysctl("est_nice", "0", "nice value of the threads that compute the rates (from 6.2)"),
    sysctl("backup_only", "0", "1: no directing while the backup sync daemon runs"),
    sysctl(
        "conntrack",
        "0",
        "1: flows are also tracked by nf_conntrack, for firewall rules, at a cost",
    ),
    sysctl("cache_bypass", "0", "1: without any server, packets go to their original destination"),
    sysctl(
        "nat_icmp_send",
        "0",
        "1: a real server's packet of no connection is answered with an ICMP error",
    ),
    sysctl(
        "snat_reroute",
        "1",
        "1: replies of masqueraded servers are routed anew by their virtual address",
    ),
    sysctl("ignore_tunneled", "0", "1: packets of unknown protocols, such as IPIP, are left alone"),
    sysctl("pmtu_disc", "1", "0: tunnels fragment what is too long instead of telling the sender"),
    sysctl(
        "sync_threshold",
        "3\t50",
        "packets before a connection is first synchronised, and its period",
    ),
    sysctl(
        "sync_refresh_period",
        "0",
        "seconds between synchronisations of an unchanged connection; 0: by packets",
    ),
    sysctl("sync_retries", "0", "how often an unchanged connection is sent again, 0 to 3"),
    sysctl(
        "sync_persist_mode",
        "0",
        "1: of persistent services only the templates are synchronised",
    ),
    sysctl("sync_ports", "1", "sync threads and UDP ports, a power of two up to 64"),
    sysctl("sync_version", "1", "sync message format: 1; 0 for kernels before 2.6.39"),
    machine("sync_qlen_max", "sync messages that wait at most"),
    sysctl("sync_sock_size", "0", "buffer of the sync socket in bytes; 0: the system's default"),
    sysctl("conn_lfactor", "-4", "how full the connection table's buckets get, -8 to 8 (from 7.2)"),
    sysctl("svc_lfactor", "-3", "how full the service table's buckets get, -8 to 8 (from 7.2)"),
];

/// Reads all of them, values as the kernel prints them, trimmed. What this process may not read,
/// or is no file, is left out.
///
/// # Errors
/// [`KernelError::System`] when the folder cannot be listed. Kernels up to 6.1 hide it in network
/// namespaces of unprivileged users.
pub fn read(root: &ProcRoot) -> Result<Sysctls, KernelError> {
    let folder = root.sysctls();
    let failed =
        |error| KernelError::system(format!("list the sysctls in {}", folder.display()), &error);
    let mut sysctls = Sysctls::new();
    for file in fs::read_dir(&folder).map_err(failed)? {
        let file = file.map_err(failed)?;
        let name = file.file_name();
        if let (Some(name), Ok(value)) = (name.to_str(), fs::read(file.path())) {
            let value = String::from_utf8_lossy(&value).trim().to_owned();
            sysctls.insert(name.to_owned(), value);
        }
    }
    Ok(sysctls)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::proc::fake::Tree;

    #[test]
    fn values_come_trimmed_by_name() {
        let tree = Tree::new();
        tree.write("sys/net/ipv4/vs/sync_threshold", "3\t50\n");
        tree.write("sys/net/ipv4/vs/est_cpulist", "\n");
        tree.write("sys/net/ipv4/vs/folder/inside", "1\n");
        let sysctls = read(&tree.root()).unwrap();
        let pairs: Vec<_> = sysctls.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("est_cpulist", ""), ("sync_threshold", "3\t50")]);
        assert_eq!(Sysctl::find("sync_threshold").unwrap().is_changed("3\t50"), Some(false));
    }

    #[test]
    fn a_missing_folder_is_told_by_name() {
        let tree = Tree::new();
        let error = read(&tree.root()).unwrap_err().to_string();
        assert!(error.starts_with("cannot list the sysctls in "), "{error}");
        assert!(error.ends_with("No such file or directory (ENOENT)"), "{error}");
    }

    #[test]
    fn names_are_unique_and_lines_short() {
        for (place, sysctl) in SYSCTLS.iter().enumerate() {
            assert!(SYSCTLS[..place].iter().all(|s| s.name != sysctl.name), "{}", sysctl.name);
            assert!(!sysctl.doc.contains('\n') && sysctl.doc.len() <= 130, "{}", sysctl.doc);
        }
    }
}
