//! Who writes the journal, and about which director.

use std::fmt;
use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The kernel's login uid of a process that nobody logged in for.
const NO_LOGIN: u32 = u32::MAX;

/// Who acts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The real user id of the process.
    pub uid: u32,
    /// Its name in `/etc/passwd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who called sudo, by `SUDO_USER`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sudo_user: Option<String>,
    /// Who logged in, by the kernel's audit (`/proc/self/loginuid`): neither su nor sudo changes
    /// it. `None` for a service, a container, or a kernel without audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// The terminal, `/dev/pts/3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// `SSH_CONNECTION`: client's address and port, server's address and port. sudo takes it out
    /// of the environment unless told to keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_connection: Option<String>,
}

impl Operator {
    /// Who runs this process: the one place that looks at its environment, user and terminal.
    pub fn present() -> Self {
        let env = |name: &str| std::env::var_os(name).map(|v| v.to_string_lossy().into_owned());
        let tty = [io::stdin().as_fd(), io::stdout().as_fd(), io::stderr().as_fd()]
            .into_iter()
            .find_map(|fd| rustix::termios::ttyname(fd, Vec::new()).ok())
            .map(|name| name.to_string_lossy().into_owned());
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let login = text("/proc/self/loginuid");
        let uid = rustix::process::getuid().as_raw();
        Self::told(uid, &env, &text("/etc/passwd"), &login, tty)
    }

    /// Who `env`, the text of `/etc/passwd` and that of `/proc/self/loginuid` say it is.
    pub fn told(
        uid: u32,
        env: &dyn Fn(&str) -> Option<String>,
        passwd: &str,
        login: &str,
        tty: Option<String>,
    ) -> Self {
        let env = |name: &str| env(name).filter(|value| !value.is_empty());
        Self {
            uid,
            name: name_of(uid, passwd),
            sudo_user: env("SUDO_USER"),
            login_uid: login.trim().parse().ok().filter(|uid| *uid != NO_LOGIN),
            tty,
            ssh_connection: env("SSH_CONNECTION"),
        }
    }
}

impl fmt::Display for Operator {
    /// `alice (sudo) on /dev/pts/3 from 192.0.2.7`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.sudo_user, &self.name) {
            (Some(user), _) => write!(f, "{user} (sudo)")?,
            (None, Some(name)) => f.write_str(name)?,
            (None, None) => write!(f, "uid {}", self.uid)?,
        }
        if let Some(tty) = &self.tty {
            write!(f, " on {tty}")?;
        }
        if let Some(client) = self.ssh_connection.as_ref().and_then(|s| s.split(' ').next()) {
            write!(f, " from {client}")?;
        }
        Ok(())
    }
}

/// Which table is changed. A table dies with its network namespace and with its boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scene {
    /// The host's name.
    pub host: String,
    /// The network namespace as the operator named it; `None` for the one the program was
    /// started in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The network namespace's inode, which tells namespaces apart whatever they are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace_inode: Option<u64>,
    /// The kernel's boot id, new at every boot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
}

impl Scene {
    /// The scene of the calling thread, which is the one that holds the director's socket:
    /// namespaces are entered by threads. `namespace` is the operator's name for it.
    pub fn present(namespace: Option<String>) -> Self {
        Self::under(Path::new("/proc"), namespace)
    }

    /// The scene that a `/proc` mounted at `proc` tells.
    pub fn under(proc: &Path, namespace: Option<String>) -> Self {
        let read = |path: &str| fs::read_to_string(proc.join(path)).ok();
        let line = |path: &str| read(path).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
        Self {
            host: line("sys/kernel/hostname").unwrap_or_else(|| "unknown".to_owned()),
            namespace,
            namespace_inode: fs::metadata(proc.join("thread-self/ns/net")).ok().map(|m| m.ino()),
            boot_id: line("sys/kernel/random/boot_id"),
        }
    }

    /// Whether both are about the same table in the same life of it. An unknown boot is never
    /// the same: what is not known to apply is not offered.
    pub fn same_table(&self, other: &Self) -> bool {
        self.boot_id.is_some()
            && self.boot_id == other.boot_id
            && self.host == other.host
            && self.namespace_inode == other.namespace_inode
    }
}

/// Who writes a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Author {
    /// Who acts.
    pub operator: Operator,
    /// On which table.
    pub scene: Scene,
    /// The process.
    pub pid: u32,
}

impl Author {
    /// This process and thread; see [`Operator::present`] and [`Scene::present`].
    pub fn present(namespace: Option<String>) -> Self {
        Self {
            operator: Operator::present(),
            scene: Scene::present(namespace),
            pid: std::process::id(),
        }
    }
}

/// The name of `uid`. Read from the text, because a statically linked program has no name
/// service.
fn name_of(uid: u32, passwd: &str) -> Option<String> {
    let uid = uid.to_string();
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, theirs) = (fields.next()?, fields.next()?, fields.next()?);
        (theirs == uid && !name.is_empty()).then(|| name.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str =
        "root:x:0:0:root:/root:/bin/sh\n\nbroken\nalice:x:1000:1000::/home/alice:\n";

    fn told(uid: u32, env: &[(&str, &str)], login: &str) -> Operator {
        let env: Vec<(String, String)> =
            env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let look = |name: &str| env.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone());
        Operator::told(uid, &look, PASSWD, login, Some("/dev/pts/3".to_owned()))
    }

    #[test]
    fn sudo_does_not_hide_who_acts() {
        let env = [("SUDO_USER", "alice"), ("SSH_CONNECTION", "192.0.2.7 50022 192.0.2.1 22")];
        let who = told(0, &env, "1000\n");
        assert_eq!((who.name.as_deref(), who.login_uid), (Some("root"), Some(1000)));
        assert_eq!(who.to_string(), "alice (sudo) on /dev/pts/3 from 192.0.2.7");
    }

    #[test]
    fn nobody_logged_in_for_a_service() {
        let who = told(4242, &[("SUDO_USER", "")], "4294967295");
        assert_eq!((&who.sudo_user, who.login_uid), (&None, None));
        assert_eq!(who.to_string(), "uid 4242 on /dev/pts/3");
    }

    #[test]
    fn the_present_operator_is_whom_the_kernel_names() {
        assert_eq!(Operator::present().uid, rustix::process::getuid().as_raw());
    }

    #[test]
    fn a_table_dies_with_its_boot_and_its_namespace() {
        let here = Scene {
            host: "lb1".to_owned(),
            namespace: None,
            namespace_inode: Some(7),
            boot_id: Some("b".to_owned()),
        };
        let renamed = Scene { namespace: Some("blue".to_owned()), ..here.clone() };
        assert!(here.same_table(&renamed), "the name of a namespace does not matter");
        for other in [
            Scene { boot_id: Some("c".to_owned()), ..here.clone() },
            Scene { namespace_inode: Some(8), ..here.clone() },
            Scene { host: "lb2".to_owned(), ..here.clone() },
        ] {
            assert!(!here.same_table(&other), "{other:?}");
        }
        let unknown = Scene { boot_id: None, ..here };
        assert!(!unknown.same_table(&unknown));
    }
}
