//! Who else writes the table: keepalived, ldirectord and kube-proxy, found among the processes.
//!
//! The kernel records no owner, so this is circumstantial: a program of the right name in the
//! same network namespace. What each does was read in their sources (keepalived 2.3.4,
//! ldirectord 4.18.0, kube-proxy of Kubernetes' `pkg/proxy/ipvs`) and, for keepalived, tried.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use procfs::process::Process;
use serde::{Deserialize, Serialize};

use super::cmdline::{self, Args};
use super::file::ProcRoot;
use crate::kernel::KernelError;

/// A program that manages IPVS tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerKind {
    /// keepalived, unless it was started for VRRP alone.
    Keepalived,
    /// ldirectord of the Linux-HA resource agents.
    Ldirectord,
    /// kube-proxy in its IPVS mode.
    KubeProxy,
}

impl OwnerKind {
    /// The program's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keepalived => "keepalived",
            Self::Ldirectord => "ldirectord",
            Self::KubeProxy => "kube-proxy",
        }
    }

    /// The configuration file that it reads when it is given none, as it is usually built.
    pub fn default_config(self) -> Option<&'static str> {
        match self {
            Self::Keepalived => Some("/etc/keepalived/keepalived.conf"),
            Self::Ldirectord => Some("/etc/ha.d/ldirectord.cf"),
            Self::KubeProxy => None,
        }
    }

    /// When it would overwrite a weight that was set by hand.
    pub fn consequences(self) -> &'static str {
        match self {
            Self::Keepalived => {
                "keepalived never looks at the kernel's weights: one set by hand stays until \
                 keepalived next acts on that server, which is when its check fails or recovers, \
                 when the quorum changes, at a restart, at a reload that changes its configured \
                 weight, or when a check computes weights. Then keepalived's weight is back."
            }
            Self::Ldirectord => {
                "ldirectord keeps a weight set by hand until the server's check fails and \
                 recovers, or ldirectord is started or reloaded: then the configured weight is \
                 back. A start or reload takes weight 0 for a failed server and may delete it, \
                 which stalls its connections until a check passes."
            }
            Self::KubeProxy => {
                "kube-proxy keeps a weight set by hand until it is restarted: then every \
                 endpoint has weight 1 again. It drains servers and deletes services that are \
                 not its own, and puts schedulers and persistence back at its next sync."
            }
        }
    }

    /// What a weight of 0 can mean that nobody set by hand.
    pub fn about_zero(self) -> &'static str {
        match self {
            Self::Keepalived => {
                "keepalived itself sets weight 0 when a check fails and inhibit_on_failure is \
                 configured: raising it can send clients to a failed server."
            }
            Self::Ldirectord => {
                "ldirectord itself sets weight 0 when a check fails and quiescent is configured: \
                 raising it can send clients to a failed server."
            }
            Self::KubeProxy => {
                "kube-proxy itself sets weight 0 on an endpoint that is being removed, and \
                 deletes it when its connections have ended."
            }
        }
    }

    /// How a change is made that lasts.
    pub fn lasting(self) -> &'static str {
        match self {
            Self::Keepalived => "set the weight in keepalived's configuration and reload it",
            Self::Ldirectord => "set the weight in ldirectord's configuration and reload it",
            Self::KubeProxy => "change the endpoints or readiness of the pods in Kubernetes",
        }
    }
}

/// A program that manages the table, with the processes it consists of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Which program.
    pub kind: OwnerKind,
    /// Its first process. `None` when only its traces were found: kube-proxy's interface without
    /// kube-proxy, which may run where this process cannot look.
    pub pid: Option<u32>,
    /// Processes below the first, such as keepalived's checker; sorted.
    pub children: Vec<u32>,
    /// Its configuration file as given on its command line, control characters escaped. `None`
    /// when none was given: see [`OwnerKind::default_config`].
    pub config: Option<String>,
    /// Whether it is known to be in the same network namespace. If not, that could not be found
    /// out. Programs known to be in another one are not listed.
    pub same_namespace: bool,
}

/// The interface that kube-proxy keeps its service addresses on, in IPVS mode only.
const KUBE_LINK: &str = "kube-ipvs0";

/// Looks for owners of the table in the calling thread's network namespace. It looks at every
/// process, so do it rarely.
///
/// # Errors
/// [`KernelError::System`] when the processes cannot be listed, or those of other users are
/// hidden (`hidepid`), so that finding none would mean nothing.
pub fn find(root: &ProcRoot) -> Result<Vec<Owner>, KernelError> {
    let failed = |error: &std::io::Error| {
        let action = "look for other programs that write the table among the processes";
        KernelError::system(action, error)
    };
    // With hidepid, init cannot be looked at either.
    fs::File::open(root.path().join("1/stat")).map_err(|error| failed(&error))?;
    let folders = fs::read_dir(root.path()).map_err(|error| failed(&error))?;

    let here = namespace(&root.net("dev"));
    let kube_link = has_link(root, KUBE_LINK);
    // Processes that end meanwhile are passed over.
    let suspects: BTreeMap<u32, Suspect> = folders
        .filter_map(Result::ok)
        .filter(|folder| folder.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit))
        .filter_map(|folder| Process::new_with_root(folder.path()).ok())
        .filter_map(|process| Suspect::of(&process, root, kube_link))
        .filter(|suspect| {
            here.is_none() || suspect.namespace.is_none() || suspect.namespace == here
        })
        .map(|suspect| (suspect.pid, suspect))
        .collect();

    let mut owners: BTreeMap<u32, Owner> = BTreeMap::new();
    for suspect in suspects.values() {
        let first = first_of(suspect, &suspects);
        let owner = owners.entry(first.pid).or_insert_with(|| Owner {
            kind: first.kind,
            pid: Some(first.pid),
            children: Vec::new(),
            config: first.config.clone(),
            same_namespace: here.is_some() && first.namespace == here,
        });
        if suspect.pid != first.pid {
            owner.children.push(suspect.pid);
        }
    }
    let mut owners: Vec<Owner> = owners.into_values().collect();
    if kube_link && owners.iter().all(|owner| owner.kind != OwnerKind::KubeProxy) {
        owners.push(Owner {
            kind: OwnerKind::KubeProxy,
            pid: None,
            children: Vec::new(),
            config: None,
            same_namespace: true,
        });
    }
    owners.sort_by_key(|owner| (owner.kind, owner.pid));
    Ok(owners)
}

/// A process that looks like an owner's.
struct Suspect {
    kind: OwnerKind,
    pid: u32,
    parent: u32,
    config: Option<String>,
    namespace: Option<Namespace>,
}

impl Suspect {
    fn of(process: &Process, root: &ProcRoot, kube_link: bool) -> Option<Self> {
        let stat = process.stat().ok()?;
        let args = Args::new(process.cmdline().unwrap_or_default());
        let (kind, config) = if let Some(args) = args.of_program("keepalived", &stat.comm) {
            if cmdline::keepalived_without_checks(&args) {
                return None;
            }
            (OwnerKind::Keepalived, cmdline::keepalived_config(&args).map(shown))
        } else if let Some(args) = args.of_program("ldirectord", &stat.comm) {
            (OwnerKind::Ldirectord, cmdline::ldirectord_config(&args).map(shown))
        } else if let Some(args) = args.of_program("kube-proxy", &stat.comm) {
            if !kube_link && args.long("proxy-mode") != Some("ipvs") {
                return None;
            }
            (OwnerKind::KubeProxy, args.long("config").map(shown))
        } else {
            return None;
        };
        Some(Self {
            kind,
            pid: process.pid().unsigned_abs(),
            parent: stat.ppid.unsigned_abs(),
            config,
            namespace: namespace(&root.path().join(format!("{}/net/dev", process.pid()))),
        })
    }
}

/// A foreign text as it may be shown.
fn shown(text: &str) -> String {
    text.escape_debug().to_string()
}

/// The topmost process of the program that `suspect` belongs to.
fn first_of<'a>(suspect: &'a Suspect, all: &'a BTreeMap<u32, Suspect>) -> &'a Suspect {
    let mut first = suspect;
    // No more steps than there are processes: pids may be reused while they are listed.
    for _ in 0..all.len() {
        match all.get(&first.parent) {
            Some(parent) if parent.kind == suspect.kind => first = parent,
            _ => break,
        }
    }
    first
}

/// What tells one network namespace from another: device and inode of a file in its `/proc/net`.
/// Unlike `/proc/PID/ns/net`, anyone may look at it, whoever owns the process.
pub(super) type Namespace = (u64, u64);

pub(super) fn namespace(file: &Path) -> Option<Namespace> {
    fs::metadata(file).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Whether the namespace has an interface of this name (`/proc/net/dev`).
fn has_link(root: &ProcRoot, name: &str) -> bool {
    let links = fs::read(root.net("dev")).unwrap_or_default();
    links.split(|&b| b == b'\n').any(|line| {
        let link = line.trim_ascii_start().strip_prefix(name.as_bytes());
        link.is_some_and(|rest| rest.starts_with(b":"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::proc::fake::Tree;

    const LINKS: &str = "Inter-|   Receive\n face |bytes\n    lo:       0\n";

    /// A procfs with an init, and this process in the namespace `here`.
    fn tree() -> Tree {
        let tree = Tree::new();
        tree.write("thread-self/net/dev", LINKS);
        process(&tree, 1, 0, "systemd", &["/sbin/init"]);
        tree
    }

    fn process(tree: &Tree, pid: u32, parent: u32, comm: &str, args: &[&str]) {
        let rest = "0 ".repeat(48);
        tree.write(&format!("{pid}/stat"), format!("{pid} ({comm}) S {parent} {rest}\n"));
        let cmdline: String = args.iter().map(|arg| format!("{arg}\0")).collect();
        tree.write(&format!("{pid}/cmdline"), cmdline);
    }

    /// Puts a process into this process's network namespace.
    fn in_namespace(tree: &Tree, pid: u32) {
        let folder = tree.path().join(format!("{pid}/net"));
        fs::create_dir(&folder).unwrap();
        fs::hard_link(tree.path().join("thread-self/net/dev"), folder.join("dev")).unwrap();
    }

    #[test]
    fn nobody_owns_a_table_by_default() {
        let tree = tree();
        process(&tree, 7, 1, "vim", &["vim", "/etc/keepalived/keepalived.conf"]);
        process(&tree, 8, 1, "keepalived", &["keepalived", "-P"]);
        process(&tree, 9, 1, "kube-proxy", &["kube-proxy", "--proxy-mode=iptables"]);
        tree.write("10/stat", "ended meanwhile");
        assert_eq!(find(&tree.root()).unwrap(), []);
    }

    #[test]
    fn owners_come_with_their_processes_and_configuration() {
        let tree = tree();
        let command = ["/usr/sbin/keepalived", "-D", "-f", "/etc/lvs.conf"];
        process(&tree, 100, 1, "keepalived", &command);
        process(&tree, 102, 100, "checks", &command);
        process(&tree, 101, 100, "keepalived", &command);
        for pid in [100, 101, 102] {
            in_namespace(&tree, pid);
        }
        // Its namespace cannot be seen.
        process(&tree, 300, 1, "perl", &["/usr/bin/perl", "/usr/sbin/ldirectord", "a\x1b.cf"]);
        let owners = find(&tree.root()).unwrap();
        let keepalived = Owner {
            kind: OwnerKind::Keepalived,
            pid: Some(100),
            children: vec![101, 102],
            config: Some("/etc/lvs.conf".into()),
            same_namespace: true,
        };
        let ldirectord = Owner {
            kind: OwnerKind::Ldirectord,
            pid: Some(300),
            children: vec![],
            config: Some(r"a\u{1b}.cf".into()),
            same_namespace: false,
        };
        assert_eq!(owners, [keepalived, ldirectord]);
    }

    #[test]
    fn owners_of_other_namespaces_are_not_ours() {
        let tree = tree();
        process(&tree, 100, 1, "keepalived", &["keepalived"]);
        tree.write("100/net/dev", LINKS);
        assert_eq!(find(&tree.root()).unwrap(), []);
    }

    #[test]
    fn kube_proxy_is_told_by_its_interface() {
        let tree = tree();
        tree.write("thread-self/net/dev", format!("{LINKS}kube-ipvs0:       0\n"));
        let found = |tree: &Tree| -> Vec<(OwnerKind, Option<u32>)> {
            find(&tree.root()).unwrap().iter().map(|owner| (owner.kind, owner.pid)).collect()
        };
        assert_eq!(found(&tree), [(OwnerKind::KubeProxy, None)]);
        process(&tree, 50, 1, "kube-proxy", &["kube-proxy", "--config=/var/lib/kube/config.conf"]);
        in_namespace(&tree, 50);
        assert_eq!(found(&tree), [(OwnerKind::KubeProxy, Some(50))]);
    }

    #[test]
    fn hidden_processes_are_an_error_and_not_an_absence() {
        let tree = tree();
        fs::remove_dir_all(tree.path().join("1")).unwrap();
        let error = find(&tree.root()).unwrap_err().to_string();
        assert!(error.starts_with("cannot look for other programs that write the table"));
    }
}
