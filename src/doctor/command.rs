//! Commands as they are pasted into a shell.

use std::net::{IpAddr, SocketAddr};

use crate::ipvs::{
    Family, Forwarding, Protocol, Server, ServerKey, ServiceKey, Tunnel, TunnelKind, shell,
};

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

/// `ipvs-tui add` of a server that is like `server` in all but its key; none where there are no
/// words for what it is.
pub(super) fn add_like(service: &ServiceKey, key: ServerKey, server: &Server) -> Option<String> {
    let words = values(server)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    ipvs_tui("add", service, Some(key), &words)
}

/// Everything that is set of a server and is not what a new one has.
fn values(server: &Server) -> Option<Vec<String>> {
    let method = match server.forwarding {
        Forwarding::Masq => "-m",
        Forwarding::Tunnel => "-i",
        Forwarding::Route => "-g",
        Forwarding::Local | Forwarding::Bypass | Forwarding::Unknown(_) => return None,
    };
    let mut words = vec![method.to_owned(), "-w".to_owned(), server.weight.to_string()];
    for (option, threshold) in [("-x", server.upper_threshold), ("-y", server.lower_threshold)] {
        if threshold != 0 {
            words.extend([option.to_owned(), threshold.to_string()]);
        }
    }
    if server.forwarding == Forwarding::Tunnel {
        words.extend(tunnel(server.tunnel)?);
    }
    Some(words)
}

/// The port counts for GUE alone, and IPIP has no checksum.
fn tunnel(tunnel: Tunnel) -> Option<Vec<String>> {
    let Tunnel { kind, port, flags } = tunnel;
    let mut words = match kind {
        TunnelKind::Ipip => return Some(Vec::new()),
        TunnelKind::Unknown(_) => return None,
        TunnelKind::Gue | TunnelKind::Gre => vec!["--tun-type".to_owned(), kind.to_string()],
    };
    if kind == TunnelKind::Gue {
        words.extend(["--tun-port".to_owned(), port.to_string()]);
    }
    match flags {
        0 => {}
        Tunnel::CSUM => words.push("--tun-csum".to_owned()),
        Tunnel::REMCSUM => words.push("--tun-remcsum".to_owned()),
        _ => return None,
    }
    Some(words)
}
