//! The kernel over generic netlink: the family `IPVS`, whole.
//!
//! ```text
//! namespace   enters the network namespace, before any socket exists
//! socket      one blocking socket, one reused buffer: requests, dumps, acknowledgements
//! constants   the numbers of uapi/linux/ip_vs.h
//! attribute   attributes as bytes, for sending
//! request     commands built from the nouns (netlink-packet-generic's GenlFamily)
//! decode      replies to nouns, borrowed, on the polling path
//! usual       a server as kernels always send it, at known places
//! reader      Reader: dumps, in tiers
//! writer      Writer: checks, sends, explains
//! ```
//!
//! Every command of the family, reads included, needs CAP_NET_ADMIN in the initial user
//! namespace, held by whoever opened the socket and by the sender.

mod attribute;
mod constants;
mod decode;
mod namespace;
mod reader;
mod request;
mod socket;
mod usual;
mod writer;

pub use decode::{daemon, info, server, service, timeouts};
pub use namespace::Namespace;
pub use reader::NetlinkReader;
pub use request::{Command, Request};
pub use socket::{Ack, Socket, parse_datagram};
pub use writer::NetlinkWriter;

use crate::kernel::KernelError;
use crate::kernel::proc::ProcRoot;
use crate::snapshot::Epoch;

/// Opens the kernel's IPVS of the calling thread's network namespace, to read and to write.
///
/// # Errors
/// [`KernelError::NoIpvs`] without IPVS, looked up in `/proc/net/ip_vs` first because asking
/// netlink for the family would load the module; [`KernelError::NotPermitted`] without
/// CAP_NET_ADMIN.
pub fn open(root: &ProcRoot) -> Result<(NetlinkReader, NetlinkWriter), KernelError> {
    open_since(root, Epoch::now())
}

/// Like [`open`], with moments counted from `opened`.
///
/// # Errors
/// As [`open`].
pub fn open_since(
    root: &ProcRoot,
    opened: Epoch,
) -> Result<(NetlinkReader, NetlinkWriter), KernelError> {
    Ok((NetlinkReader::open_since(root, opened)?, NetlinkWriter::open(root)?))
}
