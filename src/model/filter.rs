//! The filter of the table: what is typed behind `/`, and which rows it lets through.
//!
//! Terms stand side by side with blanks between them, and all must match; `!` negates one.
//!
//! ```text
//! 10.1.2  :443  wlc       text: address, port, protocol, scheduler, forwarding
//! weight:0  active>100    numbers: weight active inact conns cps, with : = > < >= <=
//! is:draining             states: draining quiesced marked changed flapping
//! sched:wlc  fwd:masq  proto:udp  host:10.1.2.2
//! ```
//!
//! A server stands in its service: text, scheduler and protocol of the service are its own. What
//! a row does not have, or what is not known of it (a service has no weight, `/proc` tells no
//! rates), matches neither a term nor its negation.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::str::FromStr;

use crate::connections::term::{Field, Relation, Term, Terms, Wanted};
use crate::ipvs::{Forwarding, Service, ServiceKey};
use crate::snapshot::{ServerEntry, ServiceEntry, Snapshot};

/// What a row has to be in order to show. At least one term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Terms<Wants>);

/// What a server can be, beside its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Weight 0, and a drain follows how it empties.
    Draining,
    /// Weight 0.
    Quiesced,
    /// Marked.
    Marked,
    /// Changed by somebody else a while ago; a service can be that, too.
    Changed,
    /// Its weight goes back and forth.
    Flapping,
}

/// Words are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wants {
    Text(String),
    Number(Number, Relation, u64),
    Is(State),
    Scheduler(String),
    Forwarding(String),
    Protocol(String),
    Host(IpAddr),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Weight,
    Active,
    Inactive,
    Connections,
    Cps,
}

const NUMBERS: [(&str, Number); 6] = [
    ("weight", Number::Weight),
    ("active", Number::Active),
    ("inact", Number::Inactive),
    ("inactive", Number::Inactive),
    ("conns", Number::Connections),
    ("cps", Number::Cps),
];

const STATES: [(&str, State); 5] = [
    ("draining", State::Draining),
    ("quiesced", State::Quiesced),
    ("marked", State::Marked),
    ("changed", State::Changed),
    ("flapping", State::Flapping),
];

const FORWARDING: [Forwarding; 5] = [
    Forwarding::Masq,
    Forwarding::Local,
    Forwarding::Tunnel,
    Forwarding::Route,
    Forwarding::Bypass,
];

const WORDS: [&str; 5] = ["is", "sched", "fwd", "proto", "host"];

const FIELDS: &str = "weight, active, inact, conns, cps, is, sched, fwd, proto or host";

impl Filter {
    /// Reads what was typed; nothing but blanks is no filter.
    ///
    /// # Errors
    /// A sentence that says what of it cannot be read.
    pub fn read(text: &str) -> Result<Option<Self>, String> {
        Ok(Terms::read(text)?.map(Self))
    }

    /// It as it was typed.
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// Whether the last term may be the beginning of one that is still typed, and would find
    /// nothing until it is whole: a field's name, or a scheduler's.
    pub(super) fn is_unfinished(&self, snapshot: &Snapshot) -> bool {
        match self.0.last() {
            Some(Wants::Text(text)) => {
                let mut fields = NUMBERS.iter().map(|(name, _)| *name).chain(WORDS);
                fields.any(|name| name.starts_with(text)) && !contained(text, snapshot)
            }
            Some(Wants::Scheduler(wanted)) => {
                let names = || snapshot.services.iter().map(|s| s.service.scheduler.as_str());
                names().any(|name| name.starts_with(wanted)) && names().all(|name| name != wanted)
            }
            _ => false,
        }
    }

    /// The filter for the rows of one snapshot.
    pub(super) fn over(&self, snapshot: &Snapshot) -> Sieve<'_> {
        let fuzzy = |term: &Term<Wants>| match &term.wants {
            // To leave out what merely resembles a word would hide what nobody named.
            Wants::Text(wanted) if !term.negated => !contained(wanted, snapshot),
            _ => false,
        };
        let terms = self.0.all().iter().map(|term| (term, fuzzy(term))).collect();
        Sieve { terms, rates: !snapshot.estimator_off() }
    }
}

impl Wanted for Wants {
    const EXAMPLE: &str = "weight:0";
}

impl FromStr for Wants {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = || Self::Text(text.to_lowercase());
        let Some(Field { name, sign, relation, value }) = Field::of(text) else {
            return Ok(plain());
        };
        let value = value.to_lowercase();
        if let Some((_, number)) = NUMBERS.iter().find(|(known, _)| *known == name) {
            let n = value.parse().map_err(|_| {
                let found = value.escape_debug();
                format!("{name} wants a number, such as {name}:0 or {name}>5, not '{found}'")
            })?;
            return Ok(Self::Number(*number, relation, n));
        }
        let word = match name.as_str() {
            "is" => state,
            "sched" => scheduler,
            "fwd" => forwarding,
            "proto" => protocol,
            "host" => host,
            // Addresses have colons: 10.0.0.1:80, [fd00::1]:443, even dead:beef.
            _ if sign == ":" && !is_word(&name) => return Ok(plain()),
            _ => return Err(format!("'{}' names no field: {FIELDS}", text.escape_debug())),
        };
        if relation != Relation::Equal {
            let value = value.escape_debug();
            return Err(format!("{name} wants a word and no number: write {name}:{value}"));
        }
        word(&value)
    }
}

/// A field's name with a slip of the finger in it, and not the beginning of an address.
fn is_word(name: &str) -> bool {
    let letters = name.bytes().all(|b| b.is_ascii_alphabetic());
    !name.is_empty() && letters && !name.bytes().all(|b| b.is_ascii_hexdigit())
}

fn state(value: &str) -> Result<Wants, String> {
    let known = STATES.iter().find(|(word, _)| *word == value);
    let wrong = || {
        let found = value.escape_debug();
        format!("is wants draining, quiesced, marked, changed or flapping, not '{found}'")
    };
    known.map(|(_, state)| Wants::Is(*state)).ok_or_else(wrong)
}

/// Kernels carry schedulers of their own, so that any word will do.
fn scheduler(value: &str) -> Result<Wants, String> {
    if value.is_empty() {
        return Err("sched wants a scheduler, such as sched:wlc".to_owned());
    }
    Ok(Wants::Scheduler(value.to_owned()))
}

fn forwarding(value: &str) -> Result<Wants, String> {
    if FORWARDING.iter().any(|method| method.to_string().to_lowercase() == value) {
        return Ok(Wants::Forwarding(value.to_owned()));
    }
    let found = value.escape_debug();
    Err(format!("fwd wants masq, local, tunnel, route or bypass, not '{found}'"))
}

fn protocol(value: &str) -> Result<Wants, String> {
    let number = value.strip_prefix("ip_").is_some_and(|n| n.parse::<u16>().is_ok());
    if number || ["tcp", "udp", "sctp", "fwm"].contains(&value) {
        return Ok(Wants::Protocol(value.to_owned()));
    }
    let found = value.escape_debug();
    Err(format!("proto wants tcp, udp, sctp, fwm or ip_47, not '{found}'"))
}

fn host(value: &str) -> Result<Wants, String> {
    let bare = value.trim_start_matches('[').trim_end_matches(']');
    let found = value.escape_debug();
    let wrong = |_| format!("host wants a server's whole address, such as 10.1.2.2, not '{found}'");
    bare.parse().map(Wants::Host).map_err(wrong)
}

/// A filter over one snapshot.
#[derive(Debug)]
pub(super) struct Sieve<'a> {
    /// Whether a term is text that nothing contains: then its letters in this order will do.
    terms: Vec<(&'a Term<Wants>, bool)>,
    rates: bool,
}

/// A filter over one service.
#[derive(Debug)]
pub(super) struct Sifted<'a> {
    sieve: &'a Sieve<'a>,
    entry: &'a ServiceEntry,
    text: String,
}

impl Sieve<'_> {
    pub(super) fn over<'a>(&'a self, entry: &'a ServiceEntry) -> Sifted<'a> {
        Sifted { sieve: self, entry, text: service_text(&entry.service) }
    }
}

impl Sifted<'_> {
    /// Whether the service itself matches; somebody else may have `changed` it.
    pub(super) fn service(&self, changed: bool) -> bool {
        self.all(|wants, fuzzy| match wants {
            Wants::Text(wanted) => Some(found(wanted, &self.text, fuzzy)),
            Wants::Number(number, relation, n) => {
                let (active, inactive) = (self.entry.active(), self.entry.inactive());
                let value = match number {
                    Number::Weight => None,
                    Number::Active => Some(active),
                    Number::Inactive => Some(inactive),
                    Number::Connections => Some(active + inactive),
                    Number::Cps => self.entry.stats.map(|s| s.rates.connections),
                };
                Some(relation.holds(self.known(*number, value)?, *n))
            }
            Wants::Is(State::Changed) => Some(changed),
            Wants::Is(_) | Wants::Forwarding(_) | Wants::Host(_) => None,
            Wants::Scheduler(_) | Wants::Protocol(_) => Some(self.inherited(wants)),
        })
    }

    /// Whether one of its servers does; `is` tells what it is.
    pub(super) fn server(&self, server: &ServerEntry, is: impl Fn(State) -> bool) -> bool {
        self.all(|wants, fuzzy| match wants {
            Wants::Text(wanted) => {
                let within = found(wanted, &self.text, fuzzy);
                Some(within || found(wanted, &server_text(server), fuzzy))
            }
            Wants::Number(number, relation, n) => {
                let (active, inactive) = (u64::from(server.active), u64::from(server.inactive));
                let value = match number {
                    Number::Weight => Some(server.server.weight.into()),
                    Number::Active => Some(active),
                    Number::Inactive => Some(inactive),
                    Number::Connections => Some(active + inactive),
                    Number::Cps => server.stats.map(|s| s.rates.connections),
                };
                Some(relation.holds(self.known(*number, value)?, *n))
            }
            Wants::Is(state) => Some(is(*state)),
            Wants::Host(addr) => Some(server.server.key.addr == *addr),
            Wants::Forwarding(wanted) => {
                Some(server.server.forwarding.to_string().eq_ignore_ascii_case(wanted))
            }
            Wants::Scheduler(_) | Wants::Protocol(_) => Some(self.inherited(wants)),
        })
    }

    /// What of a service holds for its servers too.
    fn inherited(&self, wants: &Wants) -> bool {
        let service = &self.entry.service;
        match wants {
            Wants::Scheduler(wanted) => service.scheduler.as_str().eq_ignore_ascii_case(wanted),
            Wants::Protocol(wanted) => match service.key {
                ServiceKey::Endpoint { protocol, .. } => {
                    protocol.to_string().eq_ignore_ascii_case(wanted)
                }
                ServiceKey::Fwmark { .. } => wanted == "fwm",
            },
            _ => false,
        }
    }

    /// Rates that stand still because the kernel's estimator does are not known.
    fn known(&self, number: Number, value: Option<u64>) -> Option<u64> {
        value.filter(|_| number != Number::Cps || self.sieve.rates)
    }

    fn all(&self, holds: impl Fn(&Wants, bool) -> Option<bool>) -> bool {
        let terms = &self.sieve.terms;
        terms.iter().all(|(term, fuzzy)| holds(&term.wants, *fuzzy) == Some(!term.negated))
    }
}

fn service_text(service: &Service) -> String {
    lower(format_args!("{} {}", service.key, service.scheduler))
}

fn server_text(server: &ServerEntry) -> String {
    lower(format_args!("{} {}", server.server.key, server.server.forwarding))
}

fn lower(text: std::fmt::Arguments<'_>) -> String {
    let mut written = String::with_capacity(64);
    let _ = written.write_fmt(text); // into a string: cannot fail
    written.make_ascii_lowercase();
    written
}

/// Whether any row contains `wanted`.
fn contained(wanted: &str, snapshot: &Snapshot) -> bool {
    snapshot.services.iter().any(|entry| {
        service_text(&entry.service).contains(wanted)
            || entry.servers.iter().any(|server| server_text(server).contains(wanted))
    })
}

fn found(wanted: &str, text: &str, fuzzy: bool) -> bool {
    if !fuzzy {
        return text.contains(wanted);
    }
    let mut left = text.chars();
    wanted.chars().all(|c| left.any(|other| other == c))
}

#[cfg(test)]
mod tests;
