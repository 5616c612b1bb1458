//! Single settings below `/proc/sys`, which are the calling thread's network namespace's.

use std::fs;
use std::io::ErrorKind;

use super::file::ProcRoot;
use crate::kernel::KernelError;

/// The value of a setting by its path (`net/ipv4/ip_forward`), trimmed.
///
/// # Errors
/// A sentence: this kernel has no such setting, or it cannot be read.
pub fn read(root: &ProcRoot, path: &str) -> Result<String, String> {
    match fs::read(root.path().join("sys").join(path)) {
        Ok(value) => Ok(String::from_utf8_lossy(&value).trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(format!("there is no /proc/sys/{path}"))
        }
        Err(error) => {
            Err(KernelError::system(format!("read /proc/sys/{path}"), &error).to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::proc::fake::Tree;

    #[test]
    fn a_value_comes_trimmed_and_an_absence_by_name() {
        let tree = Tree::new();
        tree.write("sys/net/ipv4/conf/eth0.100/rp_filter", "1\n");
        assert_eq!(read(&tree.root(), "net/ipv4/conf/eth0.100/rp_filter"), Ok("1".to_owned()));
        let missing = read(&tree.root(), "net/ipv4/ip_forward").unwrap_err();
        assert_eq!(missing, "there is no /proc/sys/net/ipv4/ip_forward");
        let folder = read(&tree.root(), "net/ipv4").unwrap_err();
        assert!(folder.starts_with("cannot read /proc/sys/net/ipv4: "), "{folder}");
    }
}
