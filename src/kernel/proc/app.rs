//! `/proc/net/ip_vs_app`: the protocol helpers that are loaded (`ip_vs_app_seq_show` in
//! `ip_vs_app.c`). There is one in the kernel, FTP's.

use std::fs;

use super::file::ProcRoot;
use super::text::{Fault, Lines, Words, decimal, protocol};
use crate::ipvs::Protocol;
use crate::kernel::KernelError;

/// A helper on one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its port.
    pub port: u16,
    /// Its name, `ftp`.
    pub name: String,
}

/// Reads the helpers of the calling thread's network namespace.
///
/// # Errors
/// [`KernelError`] when the file cannot be read or understood.
pub fn read(root: &ProcRoot) -> Result<Vec<App>, KernelError> {
    let path = root.net("ip_vs_app");
    let bytes = fs::read(&path).map_err(|error| root.error(&path, &error))?;
    apps(&bytes).map_err(|fault| fault.in_file(&path))
}

/// Takes the file apart.
///
/// # Errors
/// Where it is not what a kernel writes.
pub fn apps(file: &[u8]) -> Result<Vec<App>, Fault> {
    let mut lines = Lines::new(file);
    let header = lines.expect("a header line")?;
    if Words::new(header).next() != Some(b"prot") {
        return Err(Fault::expected(lines.number(), "a header line", header));
    }
    let mut all = Vec::new();
    while let Some(line) = lines.next() {
        let line = line?;
        let app = app(line).ok_or_else(|| Fault::expected(lines.number(), "a helper", line))?;
        all.push(app);
    }
    Ok(all)
}

fn app(line: &[u8]) -> Option<App> {
    let mut words = Words::new(line);
    let protocol = protocol(words.next()?)?;
    let port = u16::try_from(decimal(words.next()?)?).ok()?;
    let _uses = words.next()?;
    let name = std::str::from_utf8(words.next()?).ok()?.to_owned();
    Some(App { protocol, port, name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::proc::fake::Tree;
    use proptest::prelude::*;

    /// As kernel 6.1 wrote it in the lab, before and after `modprobe ip_vs_ftp`.
    const NONE: &str = "prot port    usecnt name\n";
    const FTP: &str = "prot port    usecnt name\nTCP  21      0       ftp              \n";

    #[test]
    fn helpers_are_listed_by_port() {
        assert_eq!(apps(NONE.as_bytes()), Ok(Vec::new()));
        let ftp = App { protocol: Protocol::TCP, port: 21, name: "ftp".to_owned() };
        assert_eq!(apps(FTP.as_bytes()), Ok(vec![ftp]));
    }

    #[test]
    fn what_is_no_listing_is_a_fault_with_its_line() {
        let tree = Tree::new();
        tree.write("thread-self/net/ip_vs_app", format!("{NONE}TCP many\n"));
        let error = read(&tree.root()).unwrap_err().to_string();
        assert!(error.ends_with("line 2: expected a helper, found 'TCP many'"), "{error}");
        assert!(apps(b"").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = apps(&bytes);
        }
    }
}
