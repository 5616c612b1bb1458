//! From what was typed to terms, and what is told about a mistake.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use super::{FIELDS, Filter, Kind, Peer, StateOf, Wants};
use crate::connections::net::Net;
use crate::connections::stage::Stage;
use crate::connections::term::{Field, Relation, Terms, Wanted};
use crate::ipvs::{ConnState, Family, Origin, Protocol};

const KINDS: [(&str, Kind); 8] = [
    ("template", Kind::Template),
    ("connection", Kind::Connection),
    ("orphan", Kind::Orphan),
    ("invalid", Kind::Invalid),
    ("waiting", Kind::Waiting),
    ("ftp-data", Kind::FtpData),
    ("ipv4", Kind::Ipv4),
    ("ipv6", Kind::Ipv6),
];

/// A bit for each.
const MOST: usize = 64;

impl Filter {
    /// Reads what was typed; nothing but blanks is no filter.
    ///
    /// # Errors
    /// A sentence that says what of it cannot be read.
    pub fn read(text: &str) -> Result<Option<Self>, String> {
        let words = text.split_whitespace().count();
        if words > MOST {
            return Err(format!("a filter has {MOST} terms at most, and this one {words}"));
        }
        Ok(Terms::read(text)?.map(Self))
    }

    /// This and another term.
    ///
    /// # Errors
    /// As in [`read`](Self::read).
    pub fn and(filter: Option<&Self>, term: &str) -> Result<Option<Self>, String> {
        let before = filter.map_or("", Self::text);
        if before.split(' ').any(|word| word == term) {
            return Ok(filter.cloned());
        }
        Self::read(&format!("{before} {term}"))
    }
}

impl Wanted for Wants {
    const EXAMPLE: &str = "is:template";
}

impl FromStr for Wants {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(Field { name, sign, relation, value }) = Field::of(text) else {
            return plain(text);
        };
        let word = match name.as_str() {
            "expires" => return expires(relation, value),
            "client" => |value: &str| peer("client", value).map(Self::Client),
            "server" => |value: &str| peer("server", value).map(Self::Server),
            "service" => service,
            "state" => states,
            "proto" => protocol,
            "is" => kind,
            "pe" => engine,
            "origin" => origin,
            // Addresses have colons: 10.0.0.1:80, [fd00::1]:443, :443, even dead:beef.
            _ if sign == ":" && !is_word(&name) => return plain(text),
            _ => {
                return Err(format!(
                    "'{}' names no field: {}",
                    text.escape_debug(),
                    FIELDS.join(", ")
                ));
            }
        };
        if relation != Relation::Equal {
            let value = value.escape_debug();
            return Err(format!("{name} wants a word and no number: write {name}:{value}"));
        }
        word(value)
    }
}

/// A field's name with a slip of the finger in it, and not the beginning of an address.
fn is_word(name: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_alphabetic());
    !name.is_empty() && letters && !name.bytes().all(|b| b.is_ascii_hexdigit())
}

fn plain(text: &str) -> Result<Wants, String> {
    if text.contains('/') {
        return text.parse().map(|net| Wants::Peer(Peer::Network(net)));
    }
    Ok(match address(text) {
        Some(peer) => Wants::Peer(peer),
        None => Wants::Text(text.to_lowercase()),
    })
}

/// `10.9.0.2`, `[fd00::1]`, `10.9.0.2:80`, `:443`.
fn address(text: &str) -> Option<Peer> {
    if let Some(port) = text.strip_prefix(':').and_then(|port| port.parse().ok()) {
        return Some(Peer::Port(port));
    }
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(Peer::Endpoint(socket.ip(), socket.port()));
    }
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>().ok().map(Peer::Address)
}

fn peer(name: &str, value: &str) -> Result<Peer, String> {
    if value.contains('/') {
        return value.parse::<Net>().map(Peer::Network);
    }
    address(value).ok_or_else(|| {
        let value = value.escape_debug();
        format!("{name} wants an address, with a port or a network: {name}:10.9.0.0/16, {name}:10.9.0.2:80, not '{value}'")
    })
}

/// `10.0.0.1:80`, `udp/10.0.0.1:53`, `fwm/5`, `fwm/5/v6`.
fn service(value: &str) -> Result<Wants, String> {
    let wrong = || {
        let value = value.escape_debug();
        format!(
            "service wants an address or a mark: service:10.0.0.1:80, service:udp/10.0.0.1:53, \
             service:fwm/5, not '{value}'"
        )
    };
    let Some((kind, rest)) = value.split_once('/') else {
        return address(value).map(|peer| Wants::Service(None, peer)).ok_or_else(wrong);
    };
    if kind.eq_ignore_ascii_case("fwm") {
        let (mark, family) = match rest.split_once('/') {
            Some((mark, "v6")) => (mark, Some(Family::V6)),
            Some((mark, "v4")) => (mark, Some(Family::V4)),
            Some(_) => return Err(wrong()),
            None => (rest, None),
        };
        return mark.parse().map(|mark| Wants::Mark(mark, family)).map_err(|_| wrong());
    }
    if kind.parse::<IpAddr>().is_ok() {
        return value.parse().map(|net| Wants::Service(None, Peer::Network(net)));
    }
    let protocol = named(kind).ok_or_else(wrong)?;
    address(rest).map(|peer| Wants::Service(Some(protocol), peer)).ok_or_else(wrong)
}

fn states(value: &str) -> Result<Wants, String> {
    let one = |word: &str| {
        let stage = Stage::ALL.into_iter().find(|stage| stage.word().eq_ignore_ascii_case(word));
        // The words that are a state too mean the state.
        match stage.filter(|stage| !matches!(stage, Stage::Established | Stage::Udp)) {
            Some(stage) => Ok(StateOf::Stage(stage)),
            None if word.is_empty() || word.bytes().any(|b| !b.is_ascii_graphic()) => {
                Err("state wants the kernel's word, such as state:syn_recv, or opening, closing, \
                     ended, other"
                    .to_owned())
            }
            None => {
                let state = ConnState::new(word.to_uppercase().as_bytes());
                // Only whole words have a stage: INIT is no half of INIT1.
                let whole = Stage::of(&state, false) != Stage::Other;
                Ok(match state {
                    ConnState::Other(beginning) if !whole => StateOf::Beginning(beginning.into()),
                    state => StateOf::State(state),
                })
            }
        }
    };
    value.split(',').map(one).collect::<Result<_, _>>().map(Wants::States)
}

fn named(word: &str) -> Option<Protocol> {
    let numbered = |word: &str| word.strip_prefix("ip_").and_then(|n| n.parse().ok());
    Some(match word.to_lowercase().as_str() {
        "tcp" => Protocol::TCP,
        "udp" => Protocol::UDP,
        "sctp" => Protocol::SCTP,
        "ip" => Protocol(0),
        other => Protocol(numbered(other)?),
    })
}

fn protocol(value: &str) -> Result<Wants, String> {
    named(value).map(Wants::Protocol).ok_or_else(|| {
        format!("proto wants tcp, udp, sctp, ip or ip_47, not '{}'", value.escape_debug())
    })
}

/// `60`, `60s`, `2m`, `1h`.
fn expires(relation: Relation, value: &str) -> Result<Wants, String> {
    let (digits, unit) = match value.strip_suffix(['s', 'm', 'h']) {
        Some(digits) => (digits, value.chars().last()),
        None => (value, None),
    };
    let by = match unit {
        Some('m') => 60,
        Some('h') => 3_600,
        _ => 1,
    };
    let seconds = digits.parse().ok().and_then(|n: u32| n.checked_mul(by));
    seconds.map(|n| Wants::Expires(relation, n)).ok_or_else(|| {
        let value = value.escape_debug();
        format!("expires wants a time, such as expires>60 or expires<=2m, not '{value}'")
    })
}

fn kind(value: &str) -> Result<Wants, String> {
    let known = KINDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(value));
    known.map(|(_, kind)| Wants::Is(*kind)).ok_or_else(|| {
        let words = KINDS.map(|(word, _)| word).join(", ");
        format!("is wants one of {words}, not '{}'", value.escape_debug())
    })
}

fn engine(value: &str) -> Result<Wants, String> {
    match value {
        "" => Err("pe wants a part of what is kept, such as a Call-ID, or pe:any".to_owned()),
        "any" => Ok(Wants::Engine(None)),
        text => Ok(Wants::Engine(Some(text.to_lowercase()))),
    }
}

fn origin(value: &str) -> Result<Wants, String> {
    match value.to_lowercase().as_str() {
        "sync" => Ok(Wants::Origin(Origin::Sync)),
        "local" => Ok(Wants::Origin(Origin::Local)),
        _ => Err(format!("origin wants sync or local, not '{}'", value.escape_debug())),
    }
}
