//! Whether a drained server may be stopped, in an operator's words, with what that rests on.

use std::fmt;
use std::time::Duration;

use crate::ipvs::{counted, duration, separated};

/// How a drained server stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// No snapshot has been looked at yet.
    #[default]
    Unread,
    /// The drain has begun, and its weight is not 0 yet.
    Unquiesced {
        /// The weight it has.
        weight: u32,
    },
    /// The service does not have it any more. What connections it had hang in the table until
    /// their timers end.
    Gone,
    /// Someone else gave it a weight: it takes new connections.
    Raised {
        /// The weight it has now.
        weight: u32,
    },
    /// New connections still reach it, or clients have a way back to it.
    Receiving {
        /// New connections lately; 0 if clients merely could come back.
        new: u64,
        /// How they reach it; several can be at work.
        why: Vec<Why>,
        /// What else is to be known.
        notes: Vec<Note>,
    },
    /// Nothing new comes, and something is left.
    Emptying {
        /// Active connections.
        active: u32,
        /// Inactive connections; which of them still matter, the notes say.
        inactive: u32,
        /// What else is to be known.
        notes: Vec<Note>,
    },
    /// It may be stopped: nobody would notice.
    Safe {
        /// What that rests on.
        basis: Basis,
        /// What else is to be known.
        notes: Vec<Note>,
    },
}

/// A way past weight 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Persistence templates bring their clients back, whatever the weight.
    Templates {
        /// How many.
        count: u32,
        /// The longest lives for so many seconds, unless its client comes back; `None` where the
        /// table was not looked at.
        longest: Option<u32>,
    },
    /// The service is persistent, and its templates could not be counted.
    TemplatesUnread,
    /// A client that reuses the port of an old connection is sent where that one was.
    Reused(Reuse),
    /// UDP clients keep their source port, and so their entry, as long as packets flow.
    Udp {
        /// Packets lately.
        packets: u64,
    },
    /// One-packet scheduling counts every packet as a connection.
    OnePacket,
    /// A sync daemon brings connections of another director here.
    Synced,
    /// Nothing that is known explains it.
    Unknown,
}

/// Which old connections a client may open again, as `conn_reuse_mode` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// With 0, any that has ended.
    Ended,
    /// Without 2, one in FIN_WAIT whose replies pass the director by: there it is the usual end.
    FinWait,
}

/// What [`Verdict::Safe`] rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// The whole table was looked at.
    Table {
        /// Entries left, all of them in TIME_WAIT or CLOSE.
        ended: u32,
    },
    /// The director counts no connection of it at all.
    Counters(Unlooked),
}

/// Why the connection table says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlooked {
    /// It was not read yet.
    NotYet,
    /// It is too large to be read again and again.
    TooLarge {
        /// How many entries it has.
        entries: u64,
    },
    /// What was read is older than the last change.
    Outdated,
    /// Fewer entries were found in it than the counters tell.
    Short {
        /// How many were found.
        found: u32,
    },
}

/// What else is to be known of a drained server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Some of the inactive connections may still carry data.
    Carrying {
        /// How many.
        count: u32,
        /// Seconds until the last of them ends, unless packets come.
        longest: u32,
    },
    /// Direct routing or a tunnel: the director does not see the server close, and waits.
    Late {
        /// Seconds until the last entry ends; without a look at the table, the timeout.
        longest: u32,
    },
    /// Which of the inactive connections still carry data cannot be told.
    Unlooked(Unlooked),
    /// Connections of the same server through other services may be counted too.
    Shared,
    /// `run_estimation` is 0: the counters stand still, and new connections do not show in them.
    CountersStill,
    /// The counters of new connections are not read: `/proc` does not have them.
    CountersUnread,
    /// Templates that are discarded when their client comes back (`expire_quiescent_template`).
    Discarded {
        /// How many.
        templates: u32,
    },
    /// `conn_reuse_mode` is 0, and ended entries are left that a client may open again.
    MayReuse,
}

impl Verdict {
    /// Whether the server is none of the drain's business any more: deleted, or given a weight.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Gone | Self::Raised { .. })
    }

    /// Whether the server may be stopped.
    pub fn is_safe(&self) -> bool {
        matches!(self, Self::Safe { .. } | Self::Gone)
    }

    /// How far it is from safe, the farthest highest: new clients by weight, then by the back
    /// door, then old ones.
    pub(super) fn rank(&self) -> u8 {
        match self {
            Self::Gone => 0,
            Self::Safe { .. } => 1,
            Self::Emptying { .. } => 2,
            Self::Receiving { .. } => 3,
            Self::Unread => 4,
            Self::Unquiesced { .. } => 5,
            Self::Raised { .. } => 6,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let notes = match self {
            Self::Unread => return f.write_str("not looked at yet"),
            Self::Unquiesced { weight } => {
                return write!(f, "not quiesced yet: its weight is {weight}");
            }
            Self::Gone => return f.write_str("gone: the service does not have it any more"),
            Self::Raised { weight } => {
                return write!(f, "taking new clients again: it has weight {weight}");
            }
            Self::Receiving { new, why, notes } => {
                receiving(f, *new, why)?;
                notes
            }
            Self::Emptying { active, inactive, notes } => {
                let (active, inactive) = (separated((*active).into()), (*inactive).into());
                write!(f, "emptying: {active} active, {} inactive left", separated(inactive))?;
                notes
            }
            Self::Safe { basis, notes } => {
                write!(f, "safe to stop ({basis})")?;
                notes
            }
        };
        notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

fn receiving(f: &mut fmt::Formatter<'_>, new: u64, why: &[Why]) -> fmt::Result {
    let maybe = new == 0 && why == [Why::TemplatesUnread];
    f.write_str(if maybe { "may still be receiving: " } else { "still receiving: " })?;
    if new > 0 {
        write!(f, "{}", counted(new, "new connection"))?;
    }
    for (place, why) in why.iter().enumerate() {
        if place > 0 || new > 0 {
            f.write_str("; ")?;
        }
        write!(f, "{why}")?;
    }
    Ok(())
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Templates { count: 1, longest } => {
                f.write_str("1 persistence template brings its client back")?;
                longest.map_or(Ok(()), |s| write!(f, " (it lives {})", seconds(s)))
            }
            Self::Templates { count: n, longest } => {
                write!(f, "{} persistence templates bring clients back", separated(n.into()))?;
                longest.map_or(Ok(()), |s| write!(f, " (the longest lives {})", seconds(s)))
            }
            Self::TemplatesUnread => f.write_str(
                "the service is persistent, and its templates cannot be counted without netlink",
            ),
            Self::Reused(Reuse::Ended) => f.write_str(
                "conn_reuse_mode is 0, so a client that reuses the port of an entry in TIME_WAIT \
                 comes back",
            ),
            Self::Reused(Reuse::FinWait) => f.write_str(
                "conn_reuse_mode has no 2 in it, so a client that reuses the port of an entry in \
                 FIN_WAIT comes back",
            ),
            Self::Udp { packets } => write!(
                f,
                "UDP clients that reuse their port stay while packets flow ({} lately)",
                counted(packets, "packet")
            ),
            Self::OnePacket => f.write_str("with one-packet scheduling every packet counts as one"),
            Self::Synced => {
                f.write_str("the backup sync daemon brings connections of another director")
            }
            Self::Unknown => f.write_str("nothing that is known here explains them"),
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table { ended: 0 } => {
                f.write_str("every entry of the table was looked at: none is left")
            }
            Self::Table { .. } => {
                f.write_str("every entry of the table was looked at: only TIME_WAIT is left")
            }
            Self::Counters(unlooked) => write!(f, "the counters alone: {unlooked}"),
        }
    }
}

impl fmt::Display for Unlooked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYet => f.write_str("the connection table was not read yet"),
            Self::TooLarge { entries } => write!(
                f,
                "the connection table has {} entries, too many to read",
                separated(*entries)
            ),
            Self::Outdated => {
                f.write_str("the connection table was not read since the last change")
            }
            Self::Short { found } => {
                write!(f, "only {} of them were found in the table", separated((*found).into()))
            }
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Carrying { count, longest } => write!(
                f,
                "{} of them may still carry data, the last ends in {}",
                separated(count.into()),
                seconds(longest)
            ),
            Self::Late { longest } => write!(
                f,
                "ends late: the director sees only clients' packets; the last entry goes in {}",
                seconds(longest)
            ),
            Self::Unlooked(unlooked) => {
                write!(f, "which of them still carry data is not known: {unlooked}")
            }
            Self::Shared => f.write_str(
                "connections of this server through other services may be counted with them",
            ),
            Self::CountersStill => f.write_str(
                "the counters stand still (run_estimation is 0), so new connections would not show",
            ),
            Self::CountersUnread => {
                f.write_str("new connections are not counted without netlink, and would not show")
            }
            Self::Discarded { templates: 1 } => {
                f.write_str("1 persistence template is discarded when its client comes back")
            }
            Self::Discarded { templates } => write!(
                f,
                "{} persistence templates are discarded when their clients come back",
                separated(templates.into())
            ),
            Self::MayReuse => f.write_str(
                "conn_reuse_mode is 0, so a client that reuses the port of such an entry comes back",
            ),
        }
    }
}

fn seconds(seconds: u32) -> String {
    duration(Duration::from_secs(seconds.into()))
}
