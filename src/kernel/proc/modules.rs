//! Which schedulers the kernel has: loaded, as `/proc/modules` tells, and to be loaded, as the lists
//! beside its modules do.

use std::collections::BTreeSet;
use std::fs;

use super::file::ProcRoot;
use crate::kernel::KernelError;

/// Modules of IPVS that are no schedulers: an application helper, and engines by their prefix.
const OTHERS: [&str; 1] = ["ftp"];

/// The schedulers of a kernel, by the names that `ipvsadm -s` takes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schedulers {
    /// Those whose code is loaded. The kernel loads others when a service asks for them.
    pub loaded: BTreeSet<String>,
    /// Every one that it has, loaded or not; `None` where its modules cannot be listed.
    pub there: Option<BTreeSet<String>>,
}

impl Schedulers {
    /// Whether the kernel has this one; `None` where that cannot be told.
    pub fn has(&self, name: &str) -> Option<bool> {
        if name == "none" {
            return Some(true); // no scheduler at all, and so no module
        }
        let there = || self.there.as_ref().map(|there| there.contains(name));
        if self.loaded.contains(name) { Some(true) } else { there() }
    }
}

impl From<BTreeSet<String>> for Schedulers {
    /// Of a kernel of which only the loaded ones are known.
    fn from(loaded: BTreeSet<String>) -> Self {
        Self { loaded, there: None }
    }
}

/// The schedulers whose modules are loaded.
///
/// # Errors
/// [`KernelError::System`] when modules cannot be listed, or IPVS is no module here and so tells
/// nothing of its schedulers.
pub fn loaded(root: &ProcRoot) -> Result<BTreeSet<String>, KernelError> {
    let text = fs::read_to_string(root.path().join("modules"))
        .map_err(|error| KernelError::system("list the kernel's modules", &error))?;
    let names = || text.lines().filter_map(|line| line.split(' ').next());
    if !names().any(|name| name == "ip_vs") {
        return Err(KernelError::System {
            action: "tell which schedulers are loaded".to_owned(),
            why: "IPVS is no module of this kernel".to_owned(),
        });
    }
    Ok(names().filter_map(scheduler).map(str::to_owned).collect())
}

/// Every scheduler that this kernel has, loaded or not: modules that `depmod` lists, and those that
/// are built in. `None` where either list cannot be read, or is not this kernel's: IPVS itself has
/// to be in it. The lists are long (half a megabyte) and change with the installed kernel only, so
/// read them once.
pub fn there(root: &ProcRoot) -> Option<BTreeSet<String>> {
    let release = fs::read_to_string(root.path().join("sys/kernel/osrelease")).ok()?;
    let folder = root.modules().join(release.trim());
    let [listed, builtin] =
        ["modules.dep", "modules.builtin"].map(|name| fs::read_to_string(folder.join(name)));
    let (listed, builtin) = (listed.ok()?, builtin.ok()?);
    let names = || listed.lines().chain(builtin.lines()).filter_map(module);
    if !names().any(|name| name == "ip_vs") {
        return None;
    }
    Some(names().filter_map(scheduler).map(str::to_owned).collect())
}

/// The module that a line is about: `kernel/net/netfilter/ipvs/ip_vs_rr.ko.xz: kernel/...`.
fn module(line: &str) -> Option<&str> {
    let path = line.split(':').next()?;
    path.rsplit('/').next()?.split('.').next()
}

/// The scheduler that a module of IPVS is.
fn scheduler(module: &str) -> Option<&str> {
    let name = module.strip_prefix("ip_vs_")?;
    (!name.starts_with("pe_") && !OTHERS.contains(&name)).then_some(name)
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
        let found = loaded(&tree.root()).unwrap();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["mh", "wlc"]);
        tree.write("modules", line("nf_nat"));
        assert!(loaded(&tree.root()).is_err());
    }

    #[test]
    fn what_can_be_loaded_is_listed_beside_the_modules_or_built_in() {
        let tree = Tree::new();
        let root = ProcRoot::new(tree.path().join("proc"));
        assert_eq!(there(&root), None, "a release that nobody tells");
        tree.write("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
        let folder = "lib/modules/6.1.0-18-amd64";
        let path = |name: &str| format!("kernel/net/netfilter/ipvs/{name}.ko.xz");
        let dep = format!(
            "{}: {}\n{}: {}\n{}: {}\n",
            path("ip_vs_sh"),
            path("ip_vs"),
            path("ip_vs_pe_sip"),
            path("ip_vs"),
            path("ip_vs"),
            path("nf_conntrack"),
        );
        tree.write(&format!("{folder}/modules.dep"), &dep);
        assert_eq!(there(&root), None, "without the list of what is built in nothing is sure");
        tree.write(&format!("{folder}/modules.builtin"), "kernel/net/netfilter/ipvs/ip_vs_rr.ko\n");
        let found = there(&root).unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), ["rr", "sh"]);
        let all = Schedulers { loaded: ["wlc".to_owned()].into(), there: Some(found) };
        let has = ["wlc", "sh", "rr", "twos"].map(|name| all.has(name));
        assert_eq!(has, [Some(true), Some(true), Some(true), Some(false)]);
        assert_eq!(Schedulers::from(all.loaded).has("twos"), None);
        // A list without IPVS is of another kernel, whatever its folder is called.
        tree.write(&format!("{folder}/modules.dep"), "kernel/fs/ext4/ext4.ko: \n");
        assert_eq!(there(&root), None);
    }
}
