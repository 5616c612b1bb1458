//! Changing a director over netlink: check, send, explain.

use std::path::PathBuf;

use super::request::{Command, Request};
use super::socket::Socket;
use crate::ipvs::Change;
use crate::kernel::errno::EPERM;
use crate::kernel::proc::ProcRoot;
use crate::kernel::{self, KernelError, Writer, advice, check};

/// Writes with CAP_NET_ADMIN, over a socket of its own so that a dump under way is not disturbed.
pub struct NetlinkWriter {
    socket: Socket,
    sysctls: PathBuf,
    /// The running kernel's, as `uname -r` prints it.
    release: String,
    /// Whether the family's number was looked up for the next message.
    ready: bool,
}

impl NetlinkWriter {
    /// Opens the IPVS of the calling thread's network namespace. The reader has made sure that
    /// it is there and permitted.
    ///
    /// # Errors
    /// As [`super::open`].
    pub fn open(root: &ProcRoot) -> Result<Self, KernelError> {
        let (sysctls, release) = (root.sysctls(), kernel::release());
        Ok(Self { socket: Socket::open()?, sysctls, release, ready: false })
    }

    fn send(&mut self, request: Request, change: &Change) -> Result<(), KernelError> {
        if !std::mem::take(&mut self.ready) {
            self.socket.refresh()?;
        }
        let ack = self.socket.request(request, |_, _| Ok(())).map_err(|error| match error {
            KernelError::NoAnswer { .. } => {
                KernelError::NoAnswer { action: advice::action(change), subject: change.subject() }
            }
            other => other,
        })?;
        match ack.errno {
            0 => Ok(()),
            EPERM => Err(KernelError::NotPermitted { action: format!("to {}", described(change)) }),
            errno => Err(KernelError::Kernel {
                action: advice::action(change),
                subject: change.subject(),
                errno,
                text: ack.text,
                advice: advice::advice(change, errno).to_owned(),
            }),
        }
    }

    fn write_sysctl(&self, name: &str, value: &str) -> Result<(), KernelError> {
        let path = self.sysctls.join(name);
        std::fs::write(&path, value).map_err(|e| {
            KernelError::system(format!("set sysctl net.ipv4.vs.{name} to {value}"), &e)
        })
    }
}

fn described(change: &Change) -> String {
    format!("{} ({})", advice::action(change), change.subject())
}

impl Writer for NetlinkWriter {
    /// Looks the family's number up, which is another after ip_vs was unloaded and loaded.
    fn prepare(&mut self) -> Result<(), KernelError> {
        self.socket.refresh()?;
        self.ready = true;
        Ok(())
    }

    fn apply(&mut self, change: &Change) -> Result<(), KernelError> {
        check::check(change)?;
        check::fits(change, &self.release)?;
        let request = match change {
            Change::Service { before, after } => match (before, after) {
                (None, Some(new)) => Request::put_service(Command::NewService, new),
                (Some(_), Some(new)) => Request::put_service(Command::SetService, new),
                (Some(old), None) => Request::service(Command::DelService, &old.key),
                (None, None) => return Ok(()),
            },
            Change::Server { service, before, after } => match (before, after) {
                (None, Some(new)) => Request::put_server(Command::NewDest, service, new),
                (Some(_), Some(new)) => Request::put_server(Command::SetDest, service, new),
                (Some(old), None) => Request::delete_server(service, &old.key),
                (None, None) => return Ok(()),
            },
            Change::Timeouts { after, .. } => Request::set_timeouts(after),
            Change::Daemon { before, after } => match (before, after) {
                (_, Some(new)) => Request::start_daemon(new),
                (Some(old), None) => Request::stop_daemon(old.role),
                (None, None) => return Ok(()),
            },
            Change::Sysctl { name, after, .. } => return self.write_sysctl(name, after),
            Change::Zero(Some(service)) => Request::service(Command::Zero, service),
            Change::Zero(None) => Request::bare(Command::Zero),
            Change::Flush => Request::bare(Command::Flush),
        };
        self.send(request, change)
    }
}
