//! `net.ipv4.vs.conntrack` against the forwarding methods.

use crate::ipvs::{Forwarding, counted, separated};
use crate::kernel::proc::owners::OwnerKind;

use super::command::ipvs_sysctl;
use super::evidence::Evidence;
use super::finding::{Finding, Place};
use super::report::Found;

pub(super) fn check(evidence: &Evidence, found: &mut Found) {
    let halves: Vec<Place> = evidence
        .forwarded(&[Forwarding::Route, Forwarding::Tunnel])
        .map(|(service, entry)| Place::server(service.service.key, entry.server.key))
        .collect();
    let masquerades = evidence.forwarded(&[Forwarding::Masq]).next().is_some();
    let kube = evidence.owner(OwnerKind::KubeProxy).is_some();
    if halves.is_empty() && !(masquerades && kube) {
        return;
    }
    match evidence.sysctl("conntrack") {
        // A kernel that was built without it cannot track.
        Err(why) if evidence.snapshot.sysctls.get().is_none() => found.unchecked(why),
        Ok("1") if !halves.is_empty() => found.add(half(evidence, halves, masquerades, kube)),
        Ok("0") if masquerades && kube => found.add(
            Finding::warning("kube-proxy needs connection tracking, and it is off")
                .seen("net.ipv4.vs.conntrack = 0")
                .seen("kube-proxy runs here, which sets it to 1 when it starts")
                .because(
                    "kube-proxy masquerades clients by firewall rules, which see IPVS's \
                     connections only while they are tracked: answers may never come back.",
                )
                .fix([ipvs_sysctl("conntrack", "1")]),
        ),
        _ => {}
    }
}

/// Direct routing and tunnels show the director one half of a connection. Where others may need
/// tracking it is no more than a note: to turn it off would break those.
fn half(evidence: &Evidence, places: Vec<Place>, masquerades: bool, kube: bool) -> Finding {
    let tracked = evidence.host.setting("net/netfilter/nf_conntrack_count");
    let count = tracked.as_ref().ok().and_then(|value| value.parse::<u64>().ok());
    let what = "connection tracking sees half of direct-route and tunnel connections";
    // Where nothing is tracked, no rule asks for it, and the setting has no effect yet.
    let finding = match count {
        Some(1..) if !masquerades && !kube => Finding::warning(what),
        _ => Finding::note(what),
    };
    let servers = counted(places.len() as u64, "direct-route or tunnel server");
    let mut finding =
        finding.seen(format!("net.ipv4.vs.conntrack = 1, {servers}")).at(places).because(
            "The answers do not pass the director, so to nf_conntrack the client's packets after \
             the first are invalid: a firewall that drops invalid packets cuts these services \
             off, and every connection costs a second entry. Masquerading is what tracking is for.",
        );
    finding = match count {
        Some(count) => finding.seen(format!("{} connections are tracked now", separated(count))),
        None => finding.seen("how many connections are tracked cannot be read"),
    };
    if masquerades {
        finding = finding.seen("there are masqueraded servers too, which may need it");
    }
    if kube {
        finding = finding.seen("kube-proxy runs here, and its servers need it");
    }
    if masquerades || kube {
        let both = "where they do, leave it on, and let no firewall drop what is invalid of others";
        return finding.seen(both);
    }
    finding.fix([ipvs_sysctl("conntrack", "0")])
}
