//! The configuration files of the programs that own the table, as text.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

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

/// Reads the configuration of an owner whose file is understood here: keepalived's. An owner in a
/// container has other files, so its own root is tried first, which only root may.
pub fn read(root: &ProcRoot, owner: &Owner) -> Option<Config> {
    let (OwnerKind::Keepalived, Some(pid)) = (owner.kind, owner.pid) else { return None };
    let path = owner.config.clone().or(owner.kind.default_config().map(str::to_owned))?;
    let read = |from: &Path| text(from).map_err(|error| (error.kind(), error));
    let Some(inside) = path.strip_prefix('/') else {
        let why = format!("'{path}' is no absolute path");
        return Some(Config { kind: owner.kind, path, text: Part::Unreadable(why) });
    };
    let own = root.path().join(format!("{pid}/root")).join(inside);
    let result = match read(&own) {
        // Without rights its root cannot be seen; most often it is everybody's.
        Err((ErrorKind::PermissionDenied, _)) => read(Path::new(&path)),
        other => other,
    };
    let result = result.map_err(|(_, error)| KernelError::system(format!("read {path}"), &error));
    Some(Config { kind: owner.kind, path, text: Part::from_result(result) })
}

fn text(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(ErrorKind::InvalidInput, "it is no file"));
    }
    file.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it is larger than 4 MiB"));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
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

    #[test]
    fn a_configuration_is_read_where_its_owner_sees_it() {
        let tree = Tree::new();
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
        let tree = Tree::new();
        tree.write("100/root/etc/folder/inside", "");
        let why = |path| match read(&tree.root(), &keepalived(Some(path))).unwrap().text {
            Part::Unreadable(why) => why,
            text => panic!("{text:?}"),
        };
        assert!(why("/etc/none.conf").ends_with("No such file or directory (ENOENT)"));
        assert!(why("/etc/folder").starts_with("cannot read /etc/folder: "));
        assert_eq!(why("lvs.conf"), "'lvs.conf' is no absolute path");
        let ldirectord = Owner { kind: OwnerKind::Ldirectord, ..keepalived(None) };
        assert_eq!(read(&tree.root(), &ldirectord), None);
    }
}
