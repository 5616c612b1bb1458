//! `/proc/modules`: which schedulers the kernel has loaded.

use std::collections::BTreeSet;
use std::fs;

use super::file::ProcRoot;
use crate::kernel::KernelError;

/// Modules of IPVS that are no schedulers: an application helper, and engines by their prefix.
const OTHERS: [&str; 1] = ["ftp"];

/// The schedulers whose modules are loaded. The kernel loads others when a service asks for them.
///
/// # Errors
/// [`KernelError::System`] when modules cannot be listed, or IPVS is no module here and so tells
/// nothing of its schedulers.
pub fn schedulers(root: &ProcRoot) -> Result<BTreeSet<String>, KernelError> {
    let text = fs::read_to_string(root.path().join("modules"))
        .map_err(|error| KernelError::system("list the kernel's modules", &error))?;
    let names = || text.lines().filter_map(|line| line.split(' ').next());
    if !names().any(|name| name == "ip_vs") {
        return Err(KernelError::System {
            action: "tell which schedulers are loaded".to_owned(),
            why: "IPVS is no module of this kernel".to_owned(),
        });
    }
    let scheduler = |name: &str| {
        let name = name.strip_prefix("ip_vs_")?;
        (!name.starts_with("pe_") && !OTHERS.contains(&name)).then(|| name.to_owned())
    };
    Ok(names().filter_map(scheduler).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::proc::fake::Tree;

    #[test]
    fn loaded_schedulers_are_modules_that_are_neither_engines_nor_helpers() {
        let tree = Tree::new();
        let line = |name: &str| format!("{name} 16384 0 - Live 0x0000000000000000\n");
        let all = ["ip_vs_wlc", "ip_vs_pe_sip", "ip_vs_ftp", "ip_vs", "ip_vs_mh", "nf_nat"];
        tree.write("modules", all.map(line).concat());
        let found = schedulers(&tree.root()).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["mh", "wlc"]);
        tree.write("modules", line("nf_nat"));
        assert!(schedulers(&tree.root()).is_err());
    }
}
