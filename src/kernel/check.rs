//! What is refused before it is sent: values that the kernel would take without a word and then
//! handle otherwise than written, or refuse without saying why.

use crate::ipvs::{
    Change, Daemon, Forwarding, MAX_WEIGHT, Server, Service, ServiceKey, Tunnel, TunnelKind,
};

use super::KernelError;
use super::proc::modules::Schedulers;

/// Longest persistence timeout in seconds, 31 days as in ipvsadm: the kernel multiplies by its
/// clock rate in 32 bits, which may wrap from 49 days on.
const LONGEST_TIMEOUT: u32 = 31 * 86_400;

/// Longest interface name: 15 bytes and a NUL (`IP_VS_IFNAME_MAXLEN`).
const LONGEST_INTERFACE: usize = 15;

/// Looks at `change` alone, without asking the kernel.
///
/// # Errors
/// [`KernelError::Refused`] with a sentence that says what would be right.
pub fn check(change: &Change) -> Result<(), KernelError> {
    faults(change).map_err(|why| KernelError::Refused { subject: change.subject(), why })
}

/// What a kernel can, as far as that is known before it is asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// The schedulers that it has; `None` where that cannot be told.
    pub schedulers: Option<Schedulers>,
    /// Its release, as `uname -r` prints it.
    pub release: Option<String>,
}

impl Abilities {
    /// Looks at what this kernel cannot do. Asked for a scheduler that it lacks, it says no more
    /// than that there is no such file.
    ///
    /// # Errors
    /// [`KernelError::Refused`], with what would help.
    pub fn check(&self, change: &Change) -> Result<(), KernelError> {
        if let Some(release) = &self.release {
            fits(change, release)?;
        }
        let (Some(schedulers), Some(name)) = (&self.schedulers, new_scheduler(change)) else {
            return Ok(());
        };
        if schedulers.has(name) != Some(false) {
            return Ok(());
        }
        let why = format!(
            "this kernel has no {name}, neither built in nor as module ip_vs_{name}; choose another"
        );
        Err(KernelError::Refused { subject: change.subject(), why })
    }
}

/// The scheduler that a service shall have and has not now.
pub fn new_scheduler(change: &Change) -> Option<&str> {
    let Change::Service { before, after: Some(after) } = change else { return None };
    let new = before.as_ref().is_none_or(|before| before.scheduler != after.scheduler);
    new.then_some(after.scheduler.as_str())
}

/// Kernels from this one on have `IPVS_DEST_ATTR_TUN_TYPE` and its like.
const TUNNELS: (u32, u32) = (5, 3);

/// Looks at what a kernel of this release (`uname -r`) is too old for: it would take the change
/// and leave that out without a word. Of a release that nobody can read it finds nothing.
///
/// # Errors
/// [`KernelError::Refused`], with the kernel that it takes.
pub fn fits(change: &Change, release: &str) -> Result<(), KernelError> {
    let Change::Server { before, after: Some(after), .. } = change else { return Ok(()) };
    let had = before.as_ref().map_or_else(Tunnel::default, |before| before.tunnel);
    if after.tunnel == had || version(release).is_none_or(|version| version >= TUNNELS) {
        return Ok(());
    }
    let (major, minor) = TUNNELS;
    let why = format!(
        "kernel {release} knows ipip tunnels only, without checksums; others came with {major}.{minor}"
    );
    Err(KernelError::Refused { subject: change.subject(), why })
}

/// The first two numbers of a release.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

fn faults(change: &Change) -> Result<(), String> {
    if let Some(key) = change.service() {
        mark(&key)?;
    }
    match change {
        Change::Service { before, after } => {
            pair(before.as_ref().map(|s| s.key), after.as_ref().map(|s| s.key))?;
            after.as_ref().map_or(Ok(()), |after| service(before.as_ref(), after))
        }
        Change::Server { before, after, .. } => {
            pair(before.as_ref().map(|s| s.key), after.as_ref().map(|s| s.key))?;
            after.as_ref().map_or(Ok(()), server)
        }
        Change::Daemon { before, after } => {
            pair(before.as_ref().map(|d| d.role), after.as_ref().map(|d| d.role))?;
            after.as_ref().map_or(Ok(()), daemon)
        }
        Change::Sysctl { name, after, .. } => sysctl(name, after),
        Change::Timeouts { .. } | Change::Zero(_) | Change::Flush => Ok(()),
    }
}

/// Keys never change, and a change wants at least one side.
fn pair<K: PartialEq>(before: Option<K>, after: Option<K>) -> Result<(), String> {
    match (before, after) {
        (None, None) => Err("this changes nothing".to_owned()),
        (Some(old), Some(new)) if old != new => {
            Err("the kernel cannot rename it; delete it and add the new one".to_owned())
        }
        _ => Ok(()),
    }
}

fn mark(key: &ServiceKey) -> Result<(), String> {
    if matches!(key, ServiceKey::Fwmark { mark: 0, .. }) {
        return Err(
            "the kernel would take firewall mark 0 for TCP 0.0.0.0:0; write a mark from 1 to 4294967295"
                .to_owned(),
        );
    }
    Ok(())
}

fn service(before: Option<&Service>, after: &Service) -> Result<(), String> {
    let is_new = before.is_none();
    if let Some(protocol) = after.key.protocol()
        && is_new
        && !(1..=255).contains(&protocol.0)
    {
        return Err(format!("IP has no protocol {}; TCP is 6, UDP 17, SCTP 132", protocol.0));
    }
    if after.netmask.family() != after.key.family() {
        return Err(format!(
            "the netmask {} is of the other address family than the service",
            after.netmask
        ));
    }
    let unchanged = before.is_some_and(|before| before.timeout == after.timeout);
    if after.timeout > LONGEST_TIMEOUT && !unchanged {
        return Err(format!(
            "the kernel's clock may wrap at a persistence timeout of {} s; write at most {LONGEST_TIMEOUT} s (31 days)",
            after.timeout
        ));
    }
    Ok(())
}

fn server(after: &Server) -> Result<(), String> {
    if let Forwarding::Unknown(number) = after.forwarding {
        return Err(format!(
            "forwarding method {number} means nothing, but the kernel would take it; write Masq, Local, Tunnel, Route or Bypass"
        ));
    }
    if after.weight > MAX_WEIGHT {
        return Err(format!("weight {} is too large; write 0 to {MAX_WEIGHT}", after.weight));
    }
    let (upper, lower) = (after.upper_threshold, after.lower_threshold);
    if lower > upper {
        return Err(format!(
            "the lower threshold {lower} is above the upper threshold {upper}; write a lower one, or an upper one of at least {lower}"
        ));
    }
    match after.tunnel.kind {
        TunnelKind::Unknown(number) => Err(format!(
            "tunnel type {number} means nothing, but the kernel would take it; write ipip, gue or gre"
        )),
        TunnelKind::Gue if after.tunnel.port == 0 => {
            Err("a gue tunnel needs the UDP port that the real server listens on".to_owned())
        }
        _ => Ok(()),
    }
}

fn daemon(after: &Daemon) -> Result<(), String> {
    let name = &after.interface;
    let printable = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/');
    if name.is_empty() || name.len() > LONGEST_INTERFACE || !printable {
        return Err(format!(
            "'{}' is no interface name: 1 to {LONGEST_INTERFACE} printable characters",
            name.escape_default()
        ));
    }
    if after.sync_id > 255 {
        return Err(format!("sync id {} is too large; write 0 to 255", after.sync_id));
    }
    if after.group.is_some() && after.group6.is_some() {
        return Err("a daemon has one multicast group, of IPv4 or of IPv6".to_owned());
    }
    Ok(())
}

/// The name becomes a path below `/proc/sys/net/ipv4/vs`, so it must not climb out of there.
fn sysctl(name: &str, value: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(format!("'{}' is no sysctl of net.ipv4.vs", name.escape_default()));
    }
    if value.trim().is_empty() {
        return Err("a sysctl wants a value".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ipvs::{Netmask, Protocol, ServerKey};

    fn web() -> Service {
        Service::new("TCP 10.0.0.1:80".parse().unwrap(), "rr".to_owned().try_into().unwrap())
    }

    fn backend() -> Server {
        let key: ServerKey = "10.1.1.2:80".parse().unwrap();
        Server::new(key, Forwarding::Masq, 1)
    }

    fn why(change: &Change) -> String {
        match check(change) {
            Err(KernelError::Refused { why, .. }) => why,
            other => panic!("{change} gave {other:?}"),
        }
    }

    fn add_service(edit: impl Fn(&mut Service)) -> Change {
        let mut after = web();
        edit(&mut after);
        Change::Service { before: None, after: Some(after) }
    }

    fn edit_server(edit: impl Fn(&mut Server)) -> Change {
        let mut after = backend();
        edit(&mut after);
        Change::Server { service: web().key, before: Some(backend()), after: Some(after) }
    }

    #[test]
    fn ordinary_changes_pass() {
        for change in [
            add_service(|_| ()),
            edit_server(|s| s.weight = MAX_WEIGHT),
            edit_server(|s| (s.upper_threshold, s.lower_threshold) = (5, 5)),
            edit_server(|s| s.tunnel = Tunnel { kind: TunnelKind::Gue, port: 6080, flags: 1 }),
            Change::Zero(None),
            Change::Flush,
            Change::Sysctl {
                name: "conn_reuse_mode".into(),
                before: "1".into(),
                after: "0".into(),
            },
        ] {
            assert_eq!(check(&change), Ok(()), "{change}");
        }
    }

    #[test]
    fn mark_0_is_refused_wherever_it_stands() {
        let key = ServiceKey::Fwmark { family: crate::ipvs::Family::V4, mark: 0 };
        let service = Service { key, ..web() };
        for change in [
            Change::Service { before: None, after: Some(service.clone()) },
            Change::Service { before: Some(service), after: None },
            Change::Server { service: key, before: None, after: Some(backend()) },
            Change::Zero(Some(key)),
        ] {
            assert!(why(&change).contains("TCP 0.0.0.0:0"), "{change}");
        }
    }

    #[test]
    fn what_the_kernel_would_swallow_is_refused() {
        let refused = [
            (edit_server(|s| s.forwarding = Forwarding::Unknown(5)), "forwarding method 5"),
            (edit_server(|s| s.tunnel.kind = TunnelKind::Unknown(9)), "tunnel type 9"),
            (edit_server(|s| s.weight = MAX_WEIGHT + 1), "weight 2147483648"),
            (edit_server(|s| s.lower_threshold = 1), "upper threshold 0"),
            (edit_server(|s| s.tunnel.kind = TunnelKind::Gue), "gue tunnel"),
            (add_service(|s| s.netmask = Netmask::V6(64)), "netmask 64"),
            (add_service(|s| s.timeout = u32::MAX), "31 days"),
            (
                add_service(|s| {
                    s.key = ServiceKey::endpoint(Protocol(256), [10, 0, 0, 1].into(), 80);
                }),
                "protocol 256",
            ),
        ];
        for (change, part) in refused {
            assert!(why(&change).contains(part), "{}", why(&change));
        }
    }

    #[test]
    fn an_oddity_that_is_there_already_does_not_forbid_other_edits() {
        let before = Service { timeout: u32::MAX, ..web() };
        let after = Service { scheduler: "wlc".to_owned().try_into().unwrap(), ..before.clone() };
        assert_eq!(check(&Change::Service { before: Some(before), after: Some(after) }), Ok(()));
    }

    #[test]
    fn what_the_kernel_is_too_old_for_is_refused() {
        let gue = Tunnel { kind: TunnelKind::Gue, port: 6080, flags: 0 };
        let change = edit_server(|s| s.tunnel = gue);
        for old in ["5.2.21", "4.18.0-25-generic", "3.10.56"] {
            let told = fits(&change, old).unwrap_err().to_string();
            assert!(told.contains(old) && told.contains("came with 5.3"), "{told}");
            assert_eq!(fits(&edit_server(|s| s.weight = 7), old), Ok(()), "{old}");
        }
        for new in ["5.3.0-76-generic", "5.10.223", "6.1.0-56-cloud-amd64", "7.2.13", "", "custom"]
        {
            assert_eq!(fits(&change, new), Ok(()), "{new}");
        }
    }

    #[test]
    fn nothing_is_renamed() {
        let change = edit_server(|s| s.key.port = 81);
        assert!(why(&change).contains("rename"));
        assert!(why(&Change::Service { before: None, after: None }).contains("nothing"));
    }

    #[test]
    fn a_sysctl_stays_below_its_folder() {
        let change = Change::Sysctl {
            name: "../../../kernel/panic".into(),
            before: "0".into(),
            after: "1".into(),
        };
        assert!(why(&change).contains("no sysctl"));
    }
}
