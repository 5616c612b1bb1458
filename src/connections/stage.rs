//! The stages of a connection's life, over all protocols.

use crate::ipvs::ConnState;

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It is being opened: `SYN_RECV`, `SYN_SENT`, `SYNACK`, SCTP's before `ESTABLISHED`.
    Opening,
    /// `ESTABLISHED` of TCP or SCTP.
    Established,
    /// Half closed, and may still carry data.
    Closing,
    /// Nothing follows: `TIME_WAIT`, `CLOSE`, SCTP's `CLOSED` and `REJECTED`.
    Ended,
    /// UDP, which has no end but its timer.
    Udp,
    /// Another state.
    Other,
    /// No connection but a persistence template.
    Template,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Opening,
        Self::Established,
        Self::Closing,
        Self::Ended,
        Self::Udp,
        Self::Other,
        Self::Template,
    ];

    /// That of a state.
    pub fn of(state: &ConnState, template: bool) -> Self {
        if template {
            return Self::Template;
        }
        match state {
            ConnState::SynRecv | ConnState::SynSent | ConnState::SynAck => Self::Opening,
            ConnState::Established => Self::Established,
            ConnState::CloseWait | ConnState::FinWait | ConnState::LastAck => Self::Closing,
            ConnState::TimeWait | ConnState::Close => Self::Ended,
            ConnState::Udp => Self::Udp,
            ConnState::None | ConnState::Assured | ConnState::Listen => Self::Other,
            ConnState::Other(word) => match &**word {
                "INIT1" | "INIT" | "C-SENT" | "C-REPLIED" | "C-WAIT" | "COOKIE" | "C-ECHOED" => {
                    Self::Opening
                }
                "S-SENT" | "S-RECEIVED" | "S-ACK-SENT" => Self::Closing,
                "REJECTED" | "CLOSED" => Self::Ended,
                _ => Self::Other,
            },
        }
    }

    /// Its place in [`ALL`](Self::ALL).
    pub fn number(self) -> usize {
        self as usize
    }

    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Established => "established",
            Self::Closing => "closing",
            Self::Ended => "ended",
            Self::Udp => "udp",
            Self::Other => "other",
            Self::Template => "templates",
        }
    }

    /// Whether data may still come.
    pub fn may_carry(self) -> bool {
        !matches!(self, Self::Ended | Self::Template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_kernel_has_its_stage() {
        for (stage, words) in [
            (Stage::Opening, "SYN_RECV SYN_SENT SYNACK INIT1 INIT C-SENT COOKIE C-ECHOED C-WAIT"),
            (Stage::Established, "ESTABLISHED"),
            (Stage::Closing, "FIN_WAIT CLOSE_WAIT LAST_ACK S-SENT S-RECEIVED S-ACK-SENT"),
            (Stage::Ended, "TIME_WAIT CLOSE CLOSED REJECTED"),
            (Stage::Udp, "UDP"),
            (Stage::Other, "NONE LISTEN ERR! ? BUG!"),
        ] {
            for word in words.split(' ') {
                let state = ConnState::new(word.as_bytes());
                assert_eq!(Stage::of(&state, false), stage, "{word}");
                assert_eq!(Stage::of(&state, true), Stage::Template);
            }
        }
        for (number, stage) in Stage::ALL.into_iter().enumerate() {
            assert_eq!(stage.number(), number);
        }
    }
}
