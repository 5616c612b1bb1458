//! Commands as they are pasted into a shell.

use std::net::{IpAddr, SocketAddr};

use crate::ipvs::{Family, Protocol, ServerKey, ServiceKey, shell};

/// `net.ipv4.ip_forward` for `net/ipv4/ip_forward`. A path with a dot in it, as of the interface
/// `eth0.100`, stays as it is, which sysctl takes as well.
pub(super) fn dotted(path: &str) -> String {
    if path.contains('.') { path.to_owned() } else { path.replace('/', ".") }
}

/// Sets settings, each by its path below `/proc/sys`.
pub(super) fn sysctl(settings: &[(&str, &str)]) -> String {
    let words: Vec<String> =
        settings.iter().map(|(path, value)| format!("{}={value}", dotted(path))).collect();
    shell(["sysctl", "-w"].into_iter().chain(words.iter().map(String::as_str)))
}

/// Sets a sysctl of IPVS.
pub(super) fn ipvs_sysctl(name: &str, value: &str) -> String {
    sysctl(&[(&format!("net/ipv4/vs/{name}"), value)])
}

/// Puts an address on an interface, whether it is there already or not.
pub(super) fn hold(addr: IpAddr, device: &str) -> String {
    match addr {
        IpAddr::V4(_) => shell(["ip", "addr", "replace", &format!("{addr}/32"), "dev", device]),
        IpAddr::V6(_) => {
            shell(["ip", "-6", "addr", "replace", &format!("{addr}/128"), "dev", device])
        }
    }
}

/// `ipvs-tui VERB SERVICE [-r SERVER] WORDS`; none for a protocol that has no letter.
pub(super) fn ipvs_tui(
    verb: &str,
    service: &ServiceKey,
    server: Option<ServerKey>,
    words: &[&str],
) -> Option<String> {
    let mut line = vec!["ipvs-tui".to_owned(), verb.to_owned()];
    match *service {
        ServiceKey::Endpoint { protocol, addr, port } => {
            let option = match protocol {
                Protocol::TCP => "-t",
                Protocol::UDP => "-u",
                Protocol::SCTP => "--sctp-service",
                _ => return None,
            };
            line.extend([option.to_owned(), SocketAddr::new(addr, port).to_string()]);
        }
        ServiceKey::Fwmark { family, mark } => {
            line.extend(["-f".to_owned(), mark.to_string()]);
            line.extend((family == Family::V6).then(|| "-6".to_owned()));
        }
    }
    line.extend(server.into_iter().flat_map(|s| ["-r".to_owned(), s.to_string()]));
    line.extend(words.iter().map(|word| (*word).to_owned()));
    Some(shell(line.iter().map(String::as_str)))
}
