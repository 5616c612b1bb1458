//! One blocking generic netlink socket with one reused buffer.

use std::time::Duration;

use netlink_packet_core::{
    Emitable, NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_DONE,
    NLMSG_ERROR, NLMSG_NOOP, NLMSG_OVERRUN, NetlinkBuffer, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable, NlasIterator, parse_i32, parse_string, parse_u16,
    parse_u32,
};
use netlink_packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd, nlas::GenlCtrlAttrs};
use netlink_packet_generic::{GenlFamily, GenlMessage};
use netlink_sys::protocols::NETLINK_GENERIC;
use netlink_sys::{Socket as RawSocket, SocketAddr};

use rustix::net::sockopt::{Timeout, set_socket_timeout};

use super::constants::{FAMILY, ack};
use super::request::Request;
use crate::kernel::KernelError;
use crate::kernel::errno::{ENOENT, errno_text};

/// A dump comes in batches as large as the buffer, at most 32 KiB, or of a page if that is smaller
/// (`netlink_dump`). For each batch, and for the end of the dump alone, the kernel takes memory for
/// a full one, which most kernels clear beforehand. With what it puts behind (`skb_shared_info`, 320
/// bytes), this is just 8 KiB, and holds some 20 real servers. With 64 KiB here, dumps of 20 cost
/// the processor 8% more (instructions on 6.1, tests/bench/poll.rs).
const BUFFER: usize = 8 * 1024 - 320;
/// Makes `recv` tell the length of a datagram that does not fit (`linux/socket.h`).
const MSG_TRUNC: i32 = 0x20;
/// How long the kernel may take for an answer. It acknowledges everything but one case: stopping a
/// sync daemon whose thread has not run yet ends in EINTR, for which netlink sends nothing (seen
/// on 5.10 and 7.2). Loading a scheduler's module takes a fraction of this.
const PATIENCE: Duration = Duration::from_secs(5);
/// The netlink and the generic netlink header.
const HEADERS: usize = 20;
/// The netlink header alone.
const HEADER: usize = 16;

/// How the kernel answered a request: `errno` 0 is a yes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    /// The positive error number, 0 for success.
    pub errno: i32,
    /// The kernel's sentence (`NLMSGERR_ATTR_MSG`), and the offset or the missing attribute it
    /// pointed at; empty where it gave none.
    pub text: String,
}

/// Takes what comes before the acknowledgement: the command's number, and the bytes behind the
/// headers.
pub(super) type Take<'a> = dyn FnMut(u8, &[u8]) -> Result<(), KernelError> + 'a;

/// A socket that knows the family's number.
///
/// Never cloned: netlink-sys closes the descriptor when any clone is dropped.
pub struct Socket {
    raw: RawSocket,
    family: u16,
    sequence: u32,
    buffer: Vec<u8>,
    out: Vec<u8>,
}

impl Socket {
    /// Opens a socket in the calling thread's network namespace and looks the family up.
    ///
    /// The look-up makes kernels from 6.1 on load `ip_vs`, so the caller first makes sure that
    /// IPVS is there.
    ///
    /// # Errors
    /// [`KernelError::NoIpvs`] when the family is unknown, [`KernelError::System`] when the
    /// socket cannot be had.
    pub fn open() -> Result<Self, KernelError> {
        let system = |action: &str| {
            let action = action.to_owned();
            move |error: std::io::Error| KernelError::system(action, &error)
        };
        let mut raw = RawSocket::new(NETLINK_GENERIC).map_err(system("open a netlink socket"))?;
        raw.bind_auto().map_err(system("bind the netlink socket"))?;
        raw.connect(&SocketAddr::new(0, 0)).map_err(system("connect to the kernel"))?;
        set_socket_timeout(&raw, Timeout::Recv, Some(PATIENCE))
            .map_err(|e| KernelError::system("set the netlink socket's timeout", &e.into()))?;
        // Without these two the answers are only less wordy, so a refusal does no harm.
        let _ = raw.set_ext_ack(true);
        let _ = raw.set_cap_ack(true);
        let buffer = vec![0; BUFFER];
        let mut socket = Self { raw, family: 0, sequence: 0, buffer, out: Vec::new() };
        socket.family = socket.resolve()?;
        Ok(socket)
    }

    /// Sends a request and waits for the kernel's acknowledgement. Replies that come before it
    /// are handed to `reply`, without headers, with their command's number.
    ///
    /// # Errors
    /// What the transport or `reply` say; the kernel's own no is in the [`Ack`].
    pub fn request(
        &mut self,
        request: Request,
        mut reply: impl FnMut(u8, &[u8]) -> Result<(), KernelError>,
    ) -> Result<Ack, KernelError> {
        self.send(request, NLM_F_ACK)?;
        self.receive(&mut reply)
    }

    /// Dumps: hands each entry to `entry`, without headers. A dump of something that is not
    /// there is an empty success, and a dump is never marked as interrupted.
    ///
    /// # Errors
    /// As [`Socket::request`].
    pub fn dump(
        &mut self,
        request: Request,
        mut entry: impl FnMut(&[u8]) -> Result<(), KernelError>,
    ) -> Result<Ack, KernelError> {
        self.send(request, NLM_F_DUMP)?;
        self.receive(&mut |_, payload| entry(payload))
    }

    /// Looks the family up anew: its number changes when the module is loaded again.
    ///
    /// # Errors
    /// As [`Socket::open`].
    pub fn refresh(&mut self) -> Result<(), KernelError> {
        self.family = self.resolve()?;
        Ok(())
    }

    fn resolve(&mut self) -> Result<u16, KernelError> {
        let nlas = vec![GenlCtrlAttrs::FamilyName(FAMILY.to_owned())];
        let message = GenlMessage::from_payload(GenlCtrl { cmd: GenlCtrlCmd::GetFamily, nlas });
        self.transmit(message, NLM_F_ACK)?;
        let mut family = None;
        let answer = self.receive(&mut |_, payload| {
            for nla in NlasIterator::new(payload) {
                let nla =
                    nla.map_err(|e| KernelError::malformed("CTRL_CMD_NEWFAMILY", e.to_string()))?;
                if nla.kind() == netlink_packet_generic::constants::CTRL_ATTR_FAMILY_ID {
                    let id = parse_u16(nla.value());
                    family = Some(id.map_err(|e| {
                        KernelError::malformed("CTRL_ATTR_FAMILY_ID", e.to_string())
                    })?);
                }
            }
            Ok(())
        })?;
        match (answer.errno, family) {
            (0, Some(id)) => Ok(id),
            (0 | ENOENT, _) => Err(KernelError::NoIpvs),
            (errno, _) => Err(KernelError::System {
                action: "look up the netlink family IPVS".into(),
                why: errno_text(errno),
            }),
        }
    }

    fn send(&mut self, request: Request, flags: u16) -> Result<(), KernelError> {
        let mut message = GenlMessage::from_payload(request);
        message.set_resolved_family_id(self.family);
        self.transmit(message, flags)
    }

    fn transmit<F>(&mut self, message: GenlMessage<F>, flags: u16) -> Result<(), KernelError>
    where
        F: GenlFamily + Emitable + std::fmt::Debug,
        GenlMessage<F>: NetlinkSerializable,
    {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::from(message));
        message.finalize();
        self.out.clear();
        self.out.resize(message.buffer_len(), 0);
        message.serialize(&mut self.out);
        loop {
            match self.raw.send(&self.out, 0) {
                Ok(_) => return Ok(()),
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(KernelError::system("ask the kernel over netlink", &e)),
            }
        }
    }

    /// Reads until the answer to the last request is complete. Left-overs of an earlier,
    /// abandoned request carry another sequence number and are passed over.
    fn receive(&mut self, reply: &mut Take<'_>) -> Result<Ack, KernelError> {
        let mut failed = None;
        loop {
            let length = match self.raw.recv(&mut self.buffer.as_mut_slice(), MSG_TRUNC) {
                Ok(length) => length,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                    return Err(KernelError::NoAnswer {
                        action: "answer a request".to_owned(),
                        subject: "IPVS over netlink".to_owned(),
                    });
                }
                Err(e) => return Err(KernelError::system("read the kernel's answer", &e)),
            };
            let Some(datagram) = self.buffer.get(..length) else {
                let detail = format!("{length} bytes where {BUFFER} were expected at most");
                return Err(KernelError::malformed("a netlink answer", detail));
            };
            // An entry that cannot be decoded must not leave the rest of the dump in the socket.
            let ack = parse_datagram(datagram, self.sequence, &mut |command, payload| {
                if failed.is_none() {
                    failed = reply(command, payload).err();
                }
                Ok(())
            })?;
            if let Some(ack) = ack {
                return failed.map_or(Ok(ack), Err);
            }
        }
    }
}

/// Takes one datagram apart. Messages with another sequence number are passed over. Returns the
/// acknowledgement if the datagram ends the answer.
///
/// # Errors
/// [`KernelError::Malformed`] for bytes that are no netlink messages, and what `reply` says.
pub fn parse_datagram(
    mut datagram: &[u8],
    sequence: u32,
    reply: &mut Take<'_>,
) -> Result<Option<Ack>, KernelError> {
    while !datagram.is_empty() {
        let malformed = |detail: String| KernelError::malformed("a netlink message", detail);
        let message = NetlinkBuffer::new_checked(datagram).map_err(|e| malformed(e.to_string()))?;
        let length = message.length() as usize;
        let whole = datagram.get(..length).unwrap_or_default();
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or_default();
        if message.sequence_number() != sequence {
            continue;
        }
        let body = whole.get(HEADER..).unwrap_or_default();
        match message.message_type() {
            NLMSG_NOOP => {}
            NLMSG_OVERRUN => return Err(malformed("the kernel reports an overrun".into())),
            NLMSG_ERROR | NLMSG_DONE => {
                let done = message.message_type() == NLMSG_DONE;
                return parse_ack(body, message.flags(), done).map(Some);
            }
            _ => {
                let command = whole.get(HEADER).copied();
                let (Some(command), Some(payload)) = (command, whole.get(HEADERS..)) else {
                    return Err(malformed(format!("{length} bytes hold no generic header")));
                };
                reply(command, payload)?;
            }
        }
    }
    Ok(None)
}

/// Reads NLMSG_ERROR or NLMSG_DONE with the extended acknowledgement behind it. A dump that
/// failed arrives as DONE with a negative code.
fn parse_ack(body: &[u8], flags: u16, done: bool) -> Result<Ack, KernelError> {
    let code = match body.get(..4) {
        Some(code) => parse_i32(code).unwrap_or_default(),
        None if done => 0, // old kernels end a dump with nothing at all
        None => return Err(KernelError::malformed("NLMSG_ERROR", "it holds no code")),
    };
    let errno = code.checked_neg().filter(|errno| *errno >= 0).unwrap_or(0);
    let mut after = body.get(4..).unwrap_or_default();
    if !done {
        // The request stands before the TLVs, whole unless it was capped.
        let capped = flags & NLM_F_CAPPED != 0 || errno == 0;
        let request = after.first_chunk::<4>().filter(|_| !capped);
        let request = request.map_or(HEADER, |length| u32::from_ne_bytes(*length) as usize);
        let skip = request.checked_next_multiple_of(4).unwrap_or(usize::MAX);
        after = after.get(skip..).unwrap_or_default();
    }
    let mut text = String::new();
    if flags & NLM_F_ACK_TLVS != 0 {
        // Advice only: what is not understood here must not hide the error itself.
        for nla in NlasIterator::new(after).map_while(Result::ok) {
            let more = match nla.kind() {
                ack::MSG => parse_string(nla.value()).ok().map(|t| t.escape_debug().to_string()),
                ack::OFFS => parse_u32(nla.value()).ok().map(|o| format!("at offset {o}")),
                ack::MISS_TYPE => {
                    parse_u32(nla.value()).ok().map(|t| format!("attribute {t} is missing"))
                }
                _ => None,
            };
            if let Some(more) = more {
                if !text.is_empty() {
                    text.push_str(", ");
                }
                text.push_str(&more);
            }
        }
    }
    Ok(Ack { errno, text })
}
