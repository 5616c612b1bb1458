//! One blocking route netlink socket.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::time::Duration;

use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket as RawSocket, SocketAddr};
use rustix::net::sockopt::{Timeout, set_socket_timeout};

use super::message::{self, Kind, Request};
use super::{Link, Route, Rule};
use crate::ipvs::Family;
use crate::kernel::KernelError;
use crate::kernel::errno::errno_text;

/// Dumps come in batches of up to 32 KiB.
const BUFFER: usize = 64 * 1024;
/// How long the kernel may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Makes `recv` tell the length of a datagram that does not fit (`linux/socket.h`).
const MSG_TRUNC: i32 = 0x20;

/// Operation not supported: the kernel has no rules, or not this family.
const EOPNOTSUPP: i32 = 95;
/// Address family not supported.
const EAFNOSUPPORT: i32 = 97;

pub(super) struct Socket {
    raw: RawSocket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Socket {
    /// Opens a socket in the network namespace of the calling thread.
    pub(super) fn open() -> Result<Self, KernelError> {
        let failed = |error: std::io::Error| KernelError::system("open a route socket", &error);
        let mut raw = RawSocket::new(NETLINK_ROUTE).map_err(failed)?;
        raw.bind_auto().map_err(failed)?;
        raw.connect(&SocketAddr::new(0, 0)).map_err(failed)?;
        set_socket_timeout(&raw, Timeout::Recv, Some(PATIENCE)).map_err(|e| failed(e.into()))?;
        Ok(Self { raw, sequence: 0, buffer: vec![0; BUFFER] })
    }

    pub(super) fn links(&mut self) -> Result<Vec<Link>, KernelError> {
        let mut all = Vec::new();
        let errno = self.ask(&Request::links(), NLM_F_DUMP, |kind, body| {
            if kind == Kind::Link {
                all.push(message::link(body)?);
            }
            Ok(())
        })?;
        accept(errno, "list the interfaces")?;
        Ok(all)
    }

    pub(super) fn addresses(&mut self) -> Result<Vec<(u32, IpAddr)>, KernelError> {
        let mut all = Vec::new();
        let errno = self.ask(&Request::addresses(), NLM_F_DUMP, |kind, body| {
            if kind == Kind::Address {
                all.extend(message::address(body)?);
            }
            Ok(())
        })?;
        accept(errno, "list the addresses")?;
        Ok(all)
    }

    /// The rules of a family; none where the kernel has no rules, or not the family.
    pub(super) fn rules(&mut self, family: Family) -> Result<Vec<Rule>, KernelError> {
        let mut all = Vec::new();
        let errno = self.ask(&Request::rules(family), NLM_F_DUMP, |kind, body| {
            if kind == Kind::Rule {
                all.extend(message::rule(body)?);
            }
            Ok(())
        })?;
        if matches!(errno, EOPNOTSUPP | EAFNOSUPPORT) {
            return Ok(Vec::new());
        }
        accept(errno, "list the routing rules")?;
        // A kernel without rules of one family answers with those of another.
        all.retain(|rule| rule.family == family);
        Ok(all)
    }

    /// The route to `addr`, of a packet with a firewall mark if one is given.
    pub(super) fn route(&mut self, addr: IpAddr, mark: Option<u32>) -> Result<Route, KernelError> {
        let mut found = None;
        let errno = self.ask(&Request::route(addr, mark), NLM_F_ACK, |kind, body| {
            if kind == Kind::Route {
                found = Some(message::route(body)?);
            }
            Ok(())
        })?;
        Ok(match (errno, found) {
            (0, Some(route)) => route,
            (0, None) => Route::Unknown("the kernel named no route".to_owned()),
            (errno, _) => message::refused(errno),
        })
    }

    /// Sends a request, hands every message of its answer to `take`, and returns the error number
    /// at its end, 0 for success.
    fn ask(
        &mut self,
        request: &Request,
        flags: u16,
        mut take: impl FnMut(Kind, &[u8]) -> Result<(), KernelError>,
    ) -> Result<i32, KernelError> {
        self.sequence = self.sequence.wrapping_add(1);
        let bytes = request.bytes(flags, self.sequence);
        while let Err(error) = self.raw.send(&bytes, 0) {
            if error.kind() != ErrorKind::Interrupted {
                return Err(KernelError::system("ask the kernel for routes", &error));
            }
        }
        loop {
            let length = match self.raw.recv(&mut self.buffer.as_mut_slice(), MSG_TRUNC) {
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(KernelError::system("read the kernel's routes", &error)),
            };
            let Some(datagram) = self.buffer.get(..length) else {
                let detail = format!("{length} bytes where {BUFFER} were expected at most");
                return Err(KernelError::malformed("a route netlink answer", detail));
            };
            if let Some(errno) = message::messages(datagram, self.sequence, &mut take)? {
                return Ok(errno);
            }
        }
    }
}

fn accept(errno: i32, action: &str) -> Result<(), KernelError> {
    match errno {
        0 => Ok(()),
        errno => Err(KernelError::System { action: action.to_owned(), why: errno_text(errno) }),
    }
}
