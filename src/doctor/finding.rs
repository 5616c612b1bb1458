//! What was found.

use std::net::IpAddr;

use serde::Serialize;

use crate::ipvs::{ServerKey, ServiceKey};

/// How grave a finding is; the greater the graver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing: it may well be meant so.
    Note,
    /// It works, but not as it looks, or not when it matters.
    Warning,
    /// Clients are refused, or lose connections, as things are.
    Error,
}

impl Severity {
    /// `error`, `warning`, `note`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Where in the table something was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The service.
    pub service: ServiceKey,
    /// The real server; `None` for the service as a whole.
    pub server: Option<ServerKey>,
}

impl Place {
    /// A service as a whole.
    pub fn service(service: ServiceKey) -> Self {
        Self { service, server: None }
    }

    /// A real server of a service.
    pub fn server(service: ServiceKey, server: ServerKey) -> Self {
        Self { service, server: Some(server) }
    }
}

impl std::fmt::Display for Place {
    /// `TCP 10.0.0.1:80`, `TCP 10.0.0.1:80 -> 10.1.1.2:80`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.server {
            Some(server) => write!(f, "{} -> {server}", self.service),
            None => write!(f, "{}", self.service),
        }
    }
}

/// On which machine commands are to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// On this director.
    Director,
    /// On each of these real servers.
    Servers(Vec<IpAddr>),
}

/// Commands that put something right, ready to paste into a shell as root. Lines that begin with
/// `#` are comments to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Where.
    pub on: On,
    /// What, in order.
    pub commands: Vec<String>,
}

/// So many places of a finding are named; of a large table it is about all servers.
pub const PLACES: usize = 1_000;

/// A mistake, or something worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The name of the check that found it.
    pub check: &'static str,
    /// How grave it is.
    pub severity: Severity,
    /// What it is, in a line.
    pub what: String,
    /// Which services and servers it is about, [`PLACES`] at most; none for the director as a
    /// whole.
    pub places: Vec<Place>,
    /// How many more there are.
    pub more_places: usize,
    /// What it was seen by, in figures.
    pub evidence: Vec<String>,
    /// Why it matters, in a sentence or two.
    pub why: String,
    /// How it is put right. There may be several parts, and none.
    pub fixes: Vec<Fix>,
}

impl Finding {
    pub(super) fn new(severity: Severity, what: impl Into<String>) -> Self {
        Self {
            check: "",
            severity,
            what: what.into(),
            places: Vec::new(),
            more_places: 0,
            evidence: Vec::new(),
            why: String::new(),
            fixes: Vec::new(),
        }
    }

    pub(super) fn error(what: impl Into<String>) -> Self {
        Self::new(Severity::Error, what)
    }

    pub(super) fn warning(what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, what)
    }

    pub(super) fn note(what: impl Into<String>) -> Self {
        Self::new(Severity::Note, what)
    }

    pub(super) fn at(mut self, places: impl IntoIterator<Item = Place>) -> Self {
        for place in places {
            if self.places.len() < PLACES {
                self.places.push(place);
            } else {
                self.more_places += 1;
            }
        }
        self
    }

    pub(super) fn seen(mut self, evidence: impl Into<String>) -> Self {
        self.evidence.push(evidence.into());
        self
    }

    pub(super) fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// Commands for the director; none adds nothing.
    pub(super) fn fix(self, commands: impl IntoIterator<Item = String>) -> Self {
        self.fix_on(On::Director, commands)
    }

    pub(super) fn fix_on(mut self, on: On, commands: impl IntoIterator<Item = String>) -> Self {
        let commands: Vec<String> = commands.into_iter().collect();
        if !commands.is_empty() {
            self.fixes.push(Fix { on, commands });
        }
        self
    }
}
