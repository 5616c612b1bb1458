//! The configuration files of the programs that own the table, as text.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat};

use super::file::ProcRoot;
use super::owners::{Owner, OwnerKind};
use crate::kernel::KernelError;
use crate::snapshot::Part;

/// A configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whose.
    pub kind: OwnerKind,
    /// Its path, as the owner sees it.
    pub path: String,
    /// What it says.
    pub text: Part<String>,
}

/// No configuration is larger.
const MOST: u64 = 4 << 20;

/// Reads the configuration of an owner whose file is understood here: keepalived's.
///
/// Any local user can start a process of that name with any path, and this program is root most of
/// the time: only what root's processes and our own name is opened.
pub fn read(root: &ProcRoot, owner: &Owner) -> Option<Config> {
    let (OwnerKind::Keepalived, Some(pid)) = (owner.kind, owner.pid) else { return None };
    let path = owner.config.clone().or(owner.kind.default_config().map(str::to_owned))?;
    let text = trusted(root, pid).and_then(|()| seen_by(root, pid, &path));
    Some(Config { kind: owner.kind, path, text: Part::from_result(text) })
}

/// Whether a process is root's or our own, by every user id that it has: a program with the set-uid
/// bit has root's as well, and its arguments from someone else. Says why not.
fn trusted(root: &ProcRoot, pid: u32) -> Result<(), String> {
    let status =
        fs::read_to_string(root.path().join(format!("{pid}/status"))).map_err(|error| {
            KernelError::system(format!("tell whose process {pid} is"), &error).to_string()
        })?;
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    let uids: Result<Vec<u32>, _> = uids.split_whitespace().map(str::parse).collect();
    let Some(uids) = uids.ok().filter(|uids| !uids.is_empty()) else {
        return Err(format!("it does not say whose process {pid} is"));
    };
    let us = rustix::process::geteuid().as_raw();
    match uids.into_iter().find(|uid| *uid != 0 && *uid != us) {
        None => Ok(()),
        Some(uid) => Err(format!(
            "process {pid}, which names it, is user {uid}'s and neither root's nor ours: it is \
             not opened"
        )),
    }
}

/// A file as a process sees it. One in a container has other files, so its own root is tried first,
/// which only root may.
fn seen_by(root: &ProcRoot, pid: u32, path: &str) -> Result<String, String> {
    let Some(inside) = path.strip_prefix('/') else {
        return Err(format!("'{path}' is no absolute path"));
    };
    let own = root.path().join(format!("{pid}/root")).join(inside);
    let result = match text(&own) {
        // Without rights its root cannot be seen; most often it is everybody's.
        Err(error) if error.kind() == ErrorKind::PermissionDenied => text(Path::new(path)),
        other => other,
    };
    result.map_err(|error| KernelError::system(format!("read {path}"), &error).to_string())
}

/// Reads a plain file. Nothing else is opened: a pipe would block until someone writes to it, and a
/// device may take its opening for a command.
fn text(path: &Path) -> io::Result<String> {
    plain(&rustix::fs::stat(path)?)?;
    // It may have been replaced since: then opening it must not block either.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    plain(&rustix::fs::fstat(&file)?)?;
    let mut bytes = Vec::new();
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it is larger than 4 MiB"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn plain(stat: &Stat) -> io::Result<()> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Ok(()),
        _ => Err(io::Error::new(ErrorKind::InvalidInput, "it is no file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::proc::fake::Tree;

    fn keepalived(config: Option<&str>) -> Owner {
        Owner {
            kind: OwnerKind::Keepalived,
            pid: Some(100),
            children: Vec::new(),
            config: config.map(str::to_owned),
            same_namespace: true,
        }
    }

    /// A procfs with the process 100, of these user ids.
    fn tree(uids: [u32; 4]) -> Tree {
        let tree = Tree::new();
        let uids = uids.map(|uid| uid.to_string()).join("\t");
        tree.write("100/status", format!("Name:\tkeepalived\nUid:\t{uids}\nGid:\t0\t0\t0\t0\n"));
        tree
    }

    fn why(tree: &Tree, path: &str) -> String {
        match read(&tree.root(), &keepalived(Some(path))).unwrap().text {
            Part::Unreadable(why) => why,
            text => panic!("{text:?}"),
        }
    }

    #[test]
    fn a_configuration_is_read_where_its_owner_sees_it() {
        let tree = tree([0; 4]);
        tree.write("100/root/etc/keepalived/keepalived.conf", "default");
        tree.write("100/root/etc/lvs.conf", "named");
        let read = |owner: &Owner| read(&tree.root(), owner).unwrap();
        let default = read(&keepalived(None));
        assert_eq!(default.text.get().map(String::as_str), Some("default"));
        assert_eq!(default.path, "/etc/keepalived/keepalived.conf");
        let named = read(&keepalived(Some("/etc/lvs.conf")));
        assert_eq!(named.text.get().map(String::as_str), Some("named"));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let tree = tree([0; 4]);
        tree.write("100/root/etc/folder/inside", "");
        let why = |path| why(&tree, path);
        assert!(why("/etc/none.conf").ends_with("No such file or directory (ENOENT)"));
        assert!(why("/etc/folder").starts_with("cannot read /etc/folder: "));
        assert_eq!(why("lvs.conf"), "'lvs.conf' is no absolute path");
        let ldirectord = Owner { kind: OwnerKind::Ldirectord, ..keepalived(None) };
        assert_eq!(read(&tree.root(), &ldirectord), None);
    }

    /// Opened, the pipe would block this test for ever.
    #[test]
    fn neither_a_pipe_nor_a_device_is_opened() {
        let tree = tree([0; 4]);
        let pipe = tree.path().join("100/root/pipe");
        fs::create_dir_all(tree.path().join("100/root")).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, 0o600.into(), 0).unwrap();
        let link = |name: &str, to: &Path| {
            std::os::unix::fs::symlink(to, tree.path().join("100/root").join(name)).unwrap();
        };
        link("link", &pipe);
        // Where there is no terminal, opening this one says so.
        link("device", Path::new("/dev/tty"));
        for path in ["/pipe", "/link", "/device"] {
            assert_eq!(why(&tree, path), format!("cannot read {path}: it is no file"));
        }
    }

    #[test]
    fn what_another_user_names_is_not_opened() {
        let us = rustix::process::geteuid().as_raw();
        let other = us + 1;
        let says = |uids: [u32; 4]| {
            let tree = tree(uids);
            tree.write("100/root/lvs.conf", "named");
            read(&tree.root(), &keepalived(Some("/lvs.conf"))).unwrap().text
        };
        assert_eq!(says([us; 4]), Part::Fresh("named".to_owned()));
        // The second are those of a program with the set-uid bit.
        for uids in [[other; 4], [other, 0, 0, 0]] {
            let Part::Unreadable(why) = says(uids) else { panic!("read for {uids:?}") };
            assert!(
                why.starts_with(&format!("process 100, which names it, is user {other}'s")),
                "{why}"
            );
        }
        let tree = Tree::new();
        tree.write("100/root/lvs.conf", "named");
        assert!(why(&tree, "/lvs.conf").starts_with("cannot tell whose process 100 is: "));
        tree.write("100/status", "Name:\tkeepalived\n");
        assert_eq!(why(&tree, "/lvs.conf"), "it does not say whose process 100 is");
    }
}
