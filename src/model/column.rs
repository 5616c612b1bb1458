//! The columns that the table of services can have. Which of them there is room for, the view
//! finds out.

use crate::history::Metric;

/// A column of the table, beside the name that it always has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Column {
    /// Forwarding method.
    Forwarding,
    /// Weight.
    Weight,
    /// Active connections.
    Active,
    /// Inactive connections.
    Inactive,
    /// Persistence templates, ipvsadm's persistent connections.
    Persistent,
    /// The kernel's average of a rate.
    Rate(Metric),
    /// Upper threshold: so many connections at most; 0 for any number.
    Upper,
    /// Lower threshold: after being full, takes connections again below it.
    Lower,
    /// The share of new connections that a server gets, and the one that its weight asks for.
    Share,
    /// The line of connections over time.
    ConnectionsLine,
    /// The line of the chosen rate over time.
    RateLine,
}

impl Column {
    /// Every column, with its name in files and whether it is there by default, in the default
    /// order.
    pub const ALL: [(Self, &'static str, bool); 15] = [
        (Self::Forwarding, "fwd", true),
        (Self::Weight, "weight", true),
        (Self::Active, "active", true),
        (Self::Inactive, "inact", true),
        (Self::Persistent, "persistent", false),
        (Self::Rate(Metric::Cps), "cps", true),
        (Self::Rate(Metric::InPps), "inpps", true),
        (Self::Rate(Metric::OutPps), "outpps", true),
        (Self::Rate(Metric::InBps), "inbps", true),
        (Self::Rate(Metric::OutBps), "outbps", true),
        (Self::Upper, "upper", false),
        (Self::Lower, "lower", false),
        (Self::Share, "share", false),
        (Self::ConnectionsLine, "conns-line", true),
        (Self::RateLine, "rate-line", true),
    ];

    /// Those that are there by default.
    pub fn defaults() -> Vec<Self> {
        Self::ALL.iter().filter(|(.., shown)| *shown).map(|(column, ..)| *column).collect()
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known, _)| *known == name).map(|(column, ..)| *column)
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(column, ..)| *column == self).map_or("", |(_, name, _)| name)
    }

    /// Its head in the table, in ipvsadm's words where it has one.
    pub fn head(self) -> &'static str {
        match self {
            Self::Forwarding => "Fwd",
            Self::Weight => "Weight",
            Self::Active => "Active",
            Self::Inactive => "InAct",
            Self::Persistent => "Persis",
            Self::Rate(metric) => metric.word(),
            Self::Upper => "Upper",
            Self::Lower => "Lower",
            Self::Share => "Gets/asks",
            Self::ConnectionsLine => "conns",
            Self::RateLine => "rate",
        }
    }

    /// What it tells, in one line.
    pub fn doc(self) -> &'static str {
        match self {
            Self::Forwarding => "forwarding method",
            Self::Weight => "weight; left of a 0, the weight before",
            Self::Active => "active connections",
            Self::Inactive => "inactive connections",
            Self::Persistent => "persistence templates",
            Self::Rate(Metric::InPps) => "packets a second from clients",
            Self::Rate(Metric::OutPps) => "packets a second to clients",
            Self::Rate(Metric::InBps) => "bytes a second from clients",
            Self::Rate(Metric::OutBps) => "bytes a second to clients",
            Self::Rate(_) => "new connections a second",
            Self::Upper => "upper threshold: full at so many connections",
            Self::Lower => "lower threshold: no longer full below it",
            Self::Share => "share of new connections, and its weight's",
            Self::ConnectionsLine => "connections over time",
            Self::RateLine => "the chosen rate over time",
        }
    }

    /// Whether it is a line of values.
    pub fn is_line(self) -> bool {
        matches!(self, Self::ConnectionsLine | Self::RateLine)
    }

    /// Whether it is a rate.
    pub fn is_rate(self) -> bool {
        matches!(self, Self::Rate(_))
    }

    /// Whether a service has nothing to say in it, so that its own name may take the room.
    pub fn is_of_servers(self) -> bool {
        matches!(self, Self::Forwarding | Self::Weight | Self::Upper | Self::Lower | Self::Share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_found_by_its_name() {
        for (column, name, _) in Column::ALL {
            assert_eq!((Column::named(name), column.name()), (Some(column), name));
            assert!(!column.doc().is_empty() && column.head().len() <= 9);
        }
        assert_eq!(Column::defaults().len(), 11);
    }
}
