//! One entry of the connection table, and how its state moves (`ip_vs_proto_tcp.c`,
//! `ip_vs_proto_udp.c`, `ip_vs_proto_sctp.c`).

use std::fmt;
use std::net::SocketAddr;

use super::Ms;
use super::dest::DestId;
use crate::ipvs::{Forwarding, Protocol, ServerKey, Timeouts};

/// What a packet does to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Segment {
    /// SYN, or INIT for SCTP; from the server SYN-ACK, INIT-ACK.
    Open,
    /// ACK or data; for SCTP also the cookies that end the handshake.
    Data,
    /// FIN, or SHUTDOWN for SCTP.
    Close,
    /// RST, or ABORT for SCTP.
    Reset,
}

/// Which way a packet goes, and whether the director sees the other way at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    In,
    Out,
    /// From the client, on a connection whose replies pass the director by.
    InOnly,
}

/// The state that `/proc/net/ip_vs_conn` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing seen yet, or a template that no established connection has confirmed.
    None,
    /// A template with an established connection.
    Assured,
    /// Any UDP flow.
    Udp,
    /// A TCP connection.
    Tcp(TcpState),
    /// An SCTP association.
    Sctp(SctpState),
}

/// States of a TCP connection that this director reaches. The kernel's others (LISTEN, SYNACK,
/// LAST_ACK) need the FTP helper or `secure_tcp`, or are left only and never entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TcpState {
    Established,
    SynSent,
    SynRecv,
    FinWait,
    TimeWait,
    Close,
    CloseWait,
}

/// States of an SCTP association that clients opening and closing it reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SctpState {
    Init1,
    Init,
    CookieSent,
    CookieReplied,
    Established,
    ShutdownSent,
    ShutdownReceived,
    ShutdownAckSent,
    Rejected,
    Closed,
}

impl fmt::Display for State {
    /// The kernel's names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "NONE",
            Self::Assured => "ASSURED",
            Self::Udp => "UDP",
            Self::Tcp(state) => match state {
                TcpState::Established => "ESTABLISHED",
                TcpState::SynSent => "SYN_SENT",
                TcpState::SynRecv => "SYN_RECV",
                TcpState::FinWait => "FIN_WAIT",
                TcpState::TimeWait => "TIME_WAIT",
                TcpState::Close => "CLOSE",
                TcpState::CloseWait => "CLOSE_WAIT",
            },
            Self::Sctp(state) => match state {
                SctpState::Init1 => "INIT1",
                SctpState::Init => "INIT",
                SctpState::CookieSent => "C-SENT",
                SctpState::CookieReplied => "C-REPLIED",
                SctpState::Established => "ESTABLISHED",
                SctpState::ShutdownSent => "S-SENT",
                SctpState::ShutdownReceived => "S-RECEIVED",
                SctpState::ShutdownAckSent => "S-ACK-SENT",
                SctpState::Rejected => "REJECTED",
                SctpState::Closed => "CLOSED",
            },
        })
    }
}

impl State {
    /// Whether the connection counts as active: TCP while opening and established (4.15 and
    /// later), SCTP while established, UDP never.
    pub(super) fn is_active(self) -> bool {
        use TcpState::{Established, SynRecv, SynSent};
        match self {
            Self::Tcp(state) => matches!(state, Established | SynSent | SynRecv),
            Self::Sctp(state) => state == SctpState::Established,
            Self::None | Self::Assured | Self::Udp => false,
        }
    }

    pub(super) fn is_established(self) -> bool {
        matches!(self, Self::Tcp(TcpState::Established) | Self::Sctp(SctpState::Established))
    }

    /// How long an entry lives after a packet that left it in this state, in seconds.
    pub(super) fn timeout(self, timeouts: &Timeouts) -> u32 {
        match self {
            Self::None | Self::Assured => 2,
            Self::Udp => timeouts.udp,
            Self::Tcp(state) => match state {
                TcpState::Established => timeouts.tcp,
                TcpState::FinWait => timeouts.tcp_fin,
                TcpState::SynSent | TcpState::TimeWait => 120,
                TcpState::SynRecv | TcpState::CloseWait => 60,
                TcpState::Close => 10,
            },
            Self::Sctp(SctpState::Established) => 900,
            Self::Sctp(SctpState::Init1 | SctpState::Rejected) => 4,
            Self::Sctp(_) => 61,
        }
    }

    /// The state after `segment` went `way` on a connection of `protocol`.
    pub(super) fn after(self, protocol: Protocol, way: Way, segment: Segment) -> Self {
        match (protocol, self) {
            (Protocol::TCP, Self::Tcp(state)) => Self::Tcp(tcp(Some(state), way, segment)),
            (Protocol::TCP, _) => Self::Tcp(tcp(None, way, segment)),
            (Protocol::SCTP, Self::Sctp(state)) => Self::Sctp(sctp(Some(state), way, segment)),
            (Protocol::SCTP, _) => Self::Sctp(sctp(None, way, segment)),
            _ => Self::Udp,
        }
    }
}

/// TCP; `None` is an entry that has seen no packet yet.
fn tcp(state: Option<TcpState>, way: Way, segment: Segment) -> TcpState {
    use TcpState::{Close, CloseWait, Established, FinWait, SynRecv, SynSent, TimeWait};
    let Some(state) = state else {
        return match (way, segment) {
            (Way::Out, Segment::Open) => SynSent,
            (Way::Out, Segment::Data) => Established,
            (Way::Out, Segment::Close) => TimeWait,
            (_, Segment::Open) => SynRecv,
            _ => Close,
        };
    };
    let incoming = way != Way::Out;
    match segment {
        Segment::Open => match state {
            Established => Established,
            SynSent if incoming => Established,
            SynRecv => SynRecv,
            _ if incoming => SynRecv,
            _ => SynSent,
        },
        Segment::Data if matches!(state, Established | SynRecv) => Established,
        Segment::Data => state,
        Segment::Close => match (state, way) {
            (SynSent | Close, _) => state,
            (Established, Way::In) | (CloseWait, Way::In | Way::InOnly) => CloseWait,
            (Established, _) | (FinWait, Way::InOnly | Way::Out) => FinWait,
            (SynRecv | TimeWait | FinWait | CloseWait, _) => TimeWait,
        },
        Segment::Reset => match state {
            SynRecv if incoming => SynRecv,
            SynSent | TimeWait if !incoming => state,
            _ => Close,
        },
    }
}

/// SCTP, for associations that the client opens. `Data` stands for the cookies while it opens,
/// and a second `Close` from the client for the end of the shutdown.
fn sctp(state: Option<SctpState>, way: Way, segment: Segment) -> SctpState {
    use SctpState::{
        Closed, CookieReplied, CookieSent, Established, Init, Init1, Rejected, ShutdownAckSent,
        ShutdownReceived, ShutdownSent,
    };
    let Some(state) = state else {
        return match segment {
            Segment::Open => Init1,
            Segment::Data => Established,
            Segment::Close => ShutdownReceived,
            Segment::Reset => Closed,
        };
    };
    let incoming = way != Way::Out;
    match (segment, way) {
        (Segment::Open, Way::Out) if matches!(state, Init1 | Init) => CookieSent,
        (Segment::Open, _) if incoming => match state {
            Init1 | Init | Rejected | Closed => Init,
            CookieSent | CookieReplied if way == Way::InOnly => Init,
            _ => state,
        },
        (Segment::Data, Way::InOnly) if state.opens() => Established,
        (Segment::Data, Way::In) if state == CookieSent => CookieReplied,
        (Segment::Data, Way::Out) if state == CookieReplied => Established,
        (Segment::Close, Way::Out) => match state {
            Established => ShutdownSent,
            ShutdownReceived => ShutdownAckSent,
            _ => state,
        },
        (Segment::Close, _) => match state {
            Established => ShutdownReceived,
            ShutdownSent | ShutdownAckSent => Closed,
            ShutdownReceived if way == Way::InOnly => Closed,
            _ => state,
        },
        (Segment::Reset, Way::Out) if state == Init1 => Rejected,
        (Segment::Reset, _) => Closed,
        (Segment::Open | Segment::Data, _) => state,
    }
}

impl SctpState {
    /// Whether the association is being opened.
    fn opens(self) -> bool {
        matches!(self, Self::Init1 | Self::Init | Self::CookieSent | Self::CookieReplied)
    }
}

/// What names an entry. A template has port 0 and a masked client address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ConnKey {
    /// `Protocol(0)`, IP, for the templates of fwmark services.
    pub(super) protocol: Protocol,
    pub(super) client: SocketAddr,
    /// For the templates of fwmark services, the mark as an address, as the kernel writes it.
    pub(super) target: SocketAddr,
    pub(super) template: bool,
}

/// Names a connection for as long as it is in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ConnId(pub(super) u32);

/// One entry.
#[derive(Clone, Debug)]
pub(super) struct Conn {
    pub(super) key: ConnKey,
    pub(super) dest: DestId,
    /// Where packets go: the destination, with the client's port where it has none.
    pub(super) server: ServerKey,
    /// Copied from the destination when the entry was made: a later edit does not move it.
    pub(super) forwarding: Forwarding,
    pub(super) state: State,
    pub(super) active: bool,
    /// Entries that this template controls.
    pub(super) children: u32,
    /// The template that made it.
    pub(super) template: Option<ConnId>,
    /// Restarted by every packet, in milliseconds.
    pub(super) timeout: Ms,
    pub(super) expires: Ms,
    /// When its earliest timer event is due; later `expires` move on without a new event.
    pub(super) armed: Ms,
    /// A template that is no longer used: not found, and shown with port FFFF.
    pub(super) invalid: bool,
}

impl Conn {
    /// Whether replies pass the director.
    pub(super) fn sees_replies(&self) -> bool {
        self.forwarding == Forwarding::Masq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(protocol: Protocol, steps: &[(Way, Segment)]) -> Vec<String> {
        let mut state = State::None;
        let mut seen = Vec::new();
        for (way, segment) in steps {
            state = state.after(protocol, *way, *segment);
            seen.push(state.to_string());
        }
        seen
    }

    #[test]
    fn masqueraded_tcp_ends_in_time_wait() {
        use Segment::{Close, Data, Open};
        use Way::{In, Out};
        let steps = [(In, Open), (Out, Open), (In, Data), (In, Close), (Out, Close), (In, Data)];
        let states =
            ["SYN_RECV", "SYN_RECV", "ESTABLISHED", "CLOSE_WAIT", "TIME_WAIT", "TIME_WAIT"];
        assert_eq!(walk(Protocol::TCP, &steps), states);
        let server_first =
            [(In, Open), (Out, Open), (In, Data), (Out, Close), (In, Close), (Out, Data)];
        let states = ["SYN_RECV", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "TIME_WAIT", "TIME_WAIT"];
        assert_eq!(walk(Protocol::TCP, &server_first), states);
    }

    #[test]
    fn directly_routed_tcp_ends_in_fin_wait() {
        use Segment::{Close, Data, Open};
        let steps = [Open, Data, Data, Close, Data].map(|segment| (Way::InOnly, segment));
        let states = ["SYN_RECV", "ESTABLISHED", "ESTABLISHED", "FIN_WAIT", "FIN_WAIT"];
        assert_eq!(walk(Protocol::TCP, &steps), states);
    }

    #[test]
    fn sctp_opens_in_four_steps_and_closes_in_three() {
        use Segment::{Close, Data, Open};
        use Way::{In, Out};
        let steps = [
            (In, Open),
            (Out, Open),
            (In, Data),
            (Out, Data),
            (In, Close),
            (Out, Close),
            (In, Close),
        ];
        let states =
            ["INIT1", "C-SENT", "C-REPLIED", "ESTABLISHED", "S-RECEIVED", "S-ACK-SENT", "CLOSED"];
        assert_eq!(walk(Protocol::SCTP, &steps), states);
    }

    #[test]
    fn only_opening_and_established_connections_are_active() {
        let active = |state: State| state.is_active();
        assert!(active(State::Tcp(TcpState::SynRecv)) && active(State::Tcp(TcpState::Established)));
        assert!(!active(State::Tcp(TcpState::CloseWait)) && !active(State::Tcp(TcpState::FinWait)));
        assert!(!active(State::Udp) && !active(State::Sctp(SctpState::Init1)));
        assert!(active(State::Sctp(SctpState::Established)));
    }
}
