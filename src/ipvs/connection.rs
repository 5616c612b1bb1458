//! A connection or persistence template, as the connection table lists it.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Protocol, ServerKey, ServiceKey};

/// What a connection was addressed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A virtual address and port, also for connections of fwmark services. A template of a
    /// service for every port has port 0.
    Address(ServerKey),
    /// A firewall mark: only templates of fwmark services show it.
    Fwmark(u32),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => fmt::Display::fmt(address, f),
            Self::Fwmark(mark) => f.pad(&format!("FWM {mark}")),
        }
    }
}

/// State of a connection, in the kernel's words (`ip_vs_proto_tcp.c`, `_udp.c`, `_sctp.c` and
/// the template states of `ip_vs_proto.c`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum ConnState {
    /// No state yet; the usual one of templates.
    None,
    /// A template that carries live connections (from kernel 5.0).
    Assured,
    /// TCP and SCTP.
    Established,
    /// TCP: the real server opened it.
    SynSent,
    /// TCP: the client opened it.
    SynRecv,
    /// TCP: one side has closed.
    FinWait,
    /// TCP: both sides have closed.
    TimeWait,
    /// TCP: reset, or closed for good.
    Close,
    /// TCP: the client may still receive.
    CloseWait,
    /// TCP: the last acknowledgement is awaited.
    LastAck,
    /// TCP: awaits a client, for FTP data.
    Listen,
    /// TCP: seen by the defence against floods.
    SynAck,
    /// UDP's only one.
    Udp,
    /// SCTP and what else there is, escaped where it is not printable ASCII.
    Other(Box<str>),
}

/// Every state that has a variant, with the kernel's word.
const STATES: [(&str, ConnState); 13] = [
    ("ESTABLISHED", ConnState::Established),
    ("TIME_WAIT", ConnState::TimeWait),
    ("FIN_WAIT", ConnState::FinWait),
    ("SYN_RECV", ConnState::SynRecv),
    ("UDP", ConnState::Udp),
    ("NONE", ConnState::None),
    ("ASSURED", ConnState::Assured),
    ("CLOSE", ConnState::Close),
    ("CLOSE_WAIT", ConnState::CloseWait),
    ("LAST_ACK", ConnState::LastAck),
    ("SYN_SENT", ConnState::SynSent),
    ("LISTEN", ConnState::Listen),
    ("SYNACK", ConnState::SynAck),
];

impl ConnState {
    /// The state that the kernel calls `word`.
    pub fn new(word: &[u8]) -> Self {
        let known = STATES.iter().find(|(name, _)| name.as_bytes() == word);
        match known {
            Some((_, state)) => state.clone(),
            None => Self::Other(word.escape_ascii().to_string().into()),
        }
    }

    /// The kernel's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Other(word) => word,
            known => STATES.iter().find(|(_, state)| state == known).map_or("?", |(name, _)| name),
        }
    }
}

impl From<String> for ConnState {
    fn from(word: String) -> Self {
        match STATES.iter().find(|(name, _)| *name == word) {
            Some((_, state)) => state.clone(),
            // Already escaped, unless someone has written it by hand.
            None if word.bytes().all(|b| b.is_ascii_graphic()) => Self::Other(word.into()),
            None => Self::new(word.as_bytes()),
        }
    }
}

impl From<ConnState> for String {
    fn from(state: ConnState) -> Self {
        state.as_str().to_owned()
    }
}

impl fmt::Display for ConnState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Which director saw a connection first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// This one.
    Local,
    /// Another one, which told this one's backup sync daemon.
    Sync,
}

impl fmt::Display for Origin {
    /// The kernel's words, `LOCAL` and `SYNC`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Local => "LOCAL",
            Self::Sync => "SYNC",
        })
    }
}

/// What a persistence engine keeps with a template: for `sip`, the Call-ID.
///
/// It comes from the network. Everything but printable ASCII is escaped, with backslashes, in a
/// way that can be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EngineData {
    /// The engine.
    pub engine: Box<str>,
    /// What it keeps.
    pub data: Box<str>,
}

impl EngineData {
    /// Keeps what the kernel printed, escaped.
    pub fn new(engine: &[u8], data: &[u8]) -> Self {
        let escaped = |bytes: &[u8]| bytes.escape_ascii().to_string().into();
        Self { engine: escaped(engine), data: escaped(data) }
    }
}

impl fmt::Display for EngineData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.engine, self.data)
    }
}

/// A row of the connection table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Connection {
    /// Transport protocol; `IP` (0) for templates of fwmark services.
    pub protocol: Protocol,
    /// The client. A template has port 0 and an address masked by the service's netmask.
    pub client: SocketAddr,
    /// What it asked for.
    pub target: Target,
    /// The real server it was given; its family may differ from the client's.
    pub server: ServerKey,
    /// State of the protocol, or of the template.
    pub state: ConnState,
    /// Whether this is no connection but a persistence template.
    pub template: bool,
    /// Seconds until it expires without another packet; 0 also if that is overdue.
    pub expires: u32,
    /// Where it came from; `None` if not asked for.
    pub origin: Option<Origin>,
    /// What the persistence engine keeps with it.
    pub engine: Option<Box<EngineData>>,
}

impl Connection {
    /// The service as the row names it. A connection does not tell whether a firewall mark or a
    /// service for every port (port 0) took it instead; and the template of an FTP service has
    /// port 0, not 21.
    pub fn service(&self) -> ServiceKey {
        match self.target {
            Target::Address(to) => ServiceKey::endpoint(self.protocol, to.addr, to.port),
            Target::Fwmark(mark) => {
                let family = super::Family::of(self.client.ip());
                ServiceKey::Fwmark { family, mark }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_read_back_what_they_print() {
        for (name, state) in STATES {
            assert_eq!(ConnState::new(name.as_bytes()), state);
            assert_eq!(state.as_str(), name);
            assert_eq!(ConnState::from(name.to_owned()), state);
        }
        let odd = ConnState::new(b"C-\x1b[2J");
        assert_eq!(odd.to_string(), r"C-\x1b[2J");
        assert_eq!(ConnState::from(String::from(odd.clone())), odd);
    }
}
