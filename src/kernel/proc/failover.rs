//! Programs that give this machine an address, or take it away, as directors fail and recover.
//! While one runs, a virtual address that is not here may be right where it is: on the active
//! director.

use std::collections::BTreeSet;
use std::fs;

use procfs::process::Process;

use super::cmdline::{self, Args};
use super::file::ProcRoot;
use super::owners::{Namespace, namespace};
use crate::kernel::KernelError;

/// Programs by the names that the kernel knows them by (15 bytes at most).
const PROGRAMS: [&str; 8] =
    ["keepalived", "pacemakerd", "corosync", "heartbeat", "ucarp", "vrrpd", "pulse", "wackamole"];

/// Looks for such programs in the calling thread's network namespace; each is named once. A
/// keepalived that only checks real servers is none.
///
/// # Errors
/// [`KernelError::System`] when the processes cannot be listed, or those of other users are
/// hidden.
pub fn find(root: &ProcRoot) -> Result<Vec<String>, KernelError> {
    let failed = |error: &std::io::Error| {
        KernelError::system("look for programs that move addresses among the processes", error)
    };
    fs::File::open(root.path().join("1/stat")).map_err(|error| failed(&error))?;
    let folders = fs::read_dir(root.path()).map_err(|error| failed(&error))?;
    let here = namespace(&root.net("dev"));
    let found: BTreeSet<&str> = folders
        .filter_map(Result::ok)
        .filter(|folder| folder.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit))
        .filter_map(|folder| Process::new_with_root(folder.path()).ok())
        .filter_map(|process| program(&process, root, here))
        .collect();
    Ok(found.into_iter().map(str::to_owned).collect())
}

/// The program that a process runs, if it is one of these and not known to be elsewhere.
fn program(process: &Process, root: &ProcRoot, here: Option<Namespace>) -> Option<&'static str> {
    let stat = process.stat().ok()?;
    let args = Args::new(process.cmdline().unwrap_or_default());
    let named = |name: &&&str| args.of_program(name, &stat.comm).is_some();
    let name = PROGRAMS.iter().find(named)?;
    if *name == "keepalived" {
        let args = args.of_program(name, &stat.comm)?;
        if cmdline::keepalived_without_vrrp(&args) {
            return None;
        }
    }
    let there = namespace(&root.path().join(format!("{}/net/dev", process.pid())));
    (here.is_none() || there.is_none() || there == here).then_some(*name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::proc::fake::Tree;

    fn process(tree: &Tree, pid: u32, comm: &str, args: &[&str]) {
        let rest = "0 ".repeat(48);
        tree.write(&format!("{pid}/stat"), format!("{pid} ({comm}) S 1 {rest}\n"));
        let cmdline: String = args.iter().map(|arg| format!("{arg}\0")).collect();
        tree.write(&format!("{pid}/cmdline"), cmdline);
    }

    #[test]
    fn programs_that_move_addresses_are_found_by_name() {
        let tree = Tree::new();
        process(&tree, 1, "systemd", &["/sbin/init"]);
        assert_eq!(find(&tree.root()).unwrap(), [""; 0]);
        process(&tree, 7, "keepalived", &["keepalived", "--check", "-n"]);
        process(&tree, 8, "vim", &["vim", "keepalived"]);
        assert_eq!(find(&tree.root()).unwrap(), [""; 0]);
        process(&tree, 9, "pacemakerd", &["/usr/sbin/pacemakerd"]);
        process(&tree, 10, "keepalived", &["/usr/sbin/keepalived", "-D"]);
        process(&tree, 11, "keepalived_vrrp", &["/usr/sbin/keepalived", "-D"]);
        assert_eq!(find(&tree.root()).unwrap(), ["keepalived", "pacemakerd"]);
    }

    #[test]
    fn hidden_processes_are_an_error_and_not_an_absence() {
        assert!(find(&Tree::new().root()).is_err());
    }
}
