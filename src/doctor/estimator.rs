//! The kernel's estimator, which counters and rates come from.

use super::command::ipvs_sysctl;
use super::evidence::Evidence;
use super::finding::Finding;
use super::report::Found;

/// `est_cpulist` came with 6.2 and `run_estimation` with 6.1: a kernel without them always counts.
pub(super) fn check(evidence: &Evidence, found: &mut Found) {
    let sysctls = match &evidence.snapshot.sysctls {
        crate::snapshot::Part::Unreadable(why) => return found.unchecked(why.clone()),
        read => read.get(),
    };
    let value = |name: &str| sysctls.and_then(|all| all.get(name)).map(String::as_str);
    let why = "Every counter and rate of IPVS stands still, here and in ipvsadm: it looks as if \
               there were no traffic. Weights and connections are live all the same.";
    if value("run_estimation") == Some("0") {
        found.add(
            Finding::warning("the estimator is off: counters and rates stand still")
                .seen("net.ipv4.vs.run_estimation = 0")
                .because(why)
                .fix([ipvs_sysctl("run_estimation", "1")]),
        );
    } else if value("est_cpulist") == Some("") {
        found.add(
            Finding::warning("the estimator has no CPU: counters and rates stand still")
                .seen("net.ipv4.vs.est_cpulist is empty")
                .because(why)
                .fix([ipvs_sysctl("est_cpulist", "0")]),
        );
    }
}
