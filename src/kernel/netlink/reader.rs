//! Reading a director over netlink, in tiers.
//!
//! A whole poll is a dump of the services and a dump of the servers of each. A poll in tiers
//! reads the services and, of the servers, only those that are asked for or new; the others are
//! carried over as they were read last. (`/proc/net/ip_vs` would bring weights and connections of
//! all for a third of what their dumps cost; of a large table, even that is too much for every
//! second.)

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use jiff::Timestamp;

use super::decode;
use super::request::{Command, Request};
use super::socket::{Ack, Socket};
use crate::ipvs::{Daemon, Info, ServiceKey, Stats, Timeouts};
use crate::kernel::errno::{ENOENT, EPERM, ESRCH};
use crate::kernel::host::Host;
use crate::kernel::proc::modules::Schedulers;
use crate::kernel::proc::owners::Owner;
use crate::kernel::proc::{ProcReader, ProcRoot, sysctl};
use crate::kernel::route::Addresses;
use crate::kernel::{Connections, KernelError, Reader, Want};
use crate::snapshot::{Epoch, Moment, Part, ServiceEntry, Snapshot, Source, Sysctls};

/// Reads everything the kernel tells, with CAP_NET_ADMIN.
pub struct NetlinkReader {
    socket: Socket,
    proc: ProcReader,
    root: ProcRoot,
    opened: Epoch,
    last: Option<Last>,
    /// How many servers the last service had: the next often has as many.
    room: usize,
}

/// What the last poll read that the next one may carry over.
struct Last {
    services: Vec<ServiceEntry>,
    around: Moment,
    info: Part<Info>,
    timeouts: Part<Timeouts>,
    daemons: Part<Vec<Daemon>>,
    sysctls: Part<Sysctls>,
}

impl NetlinkReader {
    /// Opens the IPVS of the calling thread's network namespace.
    ///
    /// # Errors
    /// As [`super::open`].
    pub fn open(root: &ProcRoot) -> Result<Self, KernelError> {
        Self::open_since(root, Epoch::now())
    }

    /// Like [`open`](Self::open), with moments counted from `opened`.
    ///
    /// # Errors
    /// As [`super::open`].
    pub fn open_since(root: &ProcRoot, opened: Epoch) -> Result<Self, KernelError> {
        let proc = ProcReader::open(root.clone())?; // first: it knows IPVS without loading it
        let (socket, root) = (Socket::open()?, root.clone());
        let mut reader = Self { socket, proc, root, opened, last: None, room: 0 };
        reader.info()?; // tells at once whether netlink is permitted
        Ok(reader)
    }

    /// The bare dumps of a poll, as the kernel sends them, without looking inside: what a
    /// benchmark compares a poll with. Returns the bytes of all entries.
    ///
    /// # Errors
    /// [`KernelError`] when the kernel cannot be asked.
    pub fn bare_dumps(&mut self, keys: &[ServiceKey]) -> Result<usize, KernelError> {
        let mut bytes = 0;
        let services = Request::bare(Command::GetService);
        self.socket.dump(services, |entry| {
            bytes += entry.len();
            Ok(())
        })?;
        for key in keys {
            self.socket.dump(Request::service(Command::GetDest, key), |entry| {
                bytes += entry.len();
                Ok(())
            })?;
        }
        Ok(bytes)
    }

    fn now(&self) -> Moment {
        self.opened.elapsed()
    }

    fn services(&mut self) -> Result<Vec<ServiceEntry>, KernelError> {
        let mut all = Vec::new();
        let request = Request::bare(Command::GetService);
        let ack = self.socket.dump(request, |entry| {
            all.push(decode::service(entry)?);
            Ok(())
        })?;
        accept(&ack, "read the virtual services")?;
        sort(&mut all, |s| s.service.key);
        Ok(all)
    }

    /// Dumps the servers of `entry`. False if the service is gone: a dump of a missing service
    /// is an empty success, so an empty one is looked up again.
    fn servers(&mut self, entry: &mut ServiceEntry) -> Result<bool, KernelError> {
        let key = entry.service.key;
        let family = key.family();
        // Room for as many as the service before had: where that is right, nothing is moved.
        let mut all = VecDeque::with_capacity(self.room);
        let read = self.now();
        let ack = self.socket.dump(Request::service(Command::GetDest, &key), |server| {
            decode::server_before(server, family, &mut all)
        })?;
        accept(&ack, "read the real servers")?;
        if all.is_empty() && self.one_service(&key)?.is_none() {
            return Ok(false);
        }
        let mut all = Vec::from(all);
        sort(&mut all, |s| s.server.key);
        self.room = all.len();
        entry.servers = all.into();
        entry.servers_read = read;
        Ok(true)
    }

    fn one_service(&mut self, key: &ServiceKey) -> Result<Option<ServiceEntry>, KernelError> {
        let mut found = None;
        let request = Request::service(Command::GetService, key);
        let ack = self.socket.request(request, |_, entry| {
            found = Some(decode::service(entry)?);
            Ok(())
        })?;
        if ack.errno == ESRCH {
            return Ok(None);
        }
        accept(&ack, "read a virtual service")?;
        Ok(found)
    }

    /// Services from the dump, servers from the last poll; dumps for those that are wanted or new.
    fn in_tiers(
        &mut self,
        wanted: &BTreeSet<ServiceKey>,
        last: &[ServiceEntry],
    ) -> Result<Vec<ServiceEntry>, KernelError> {
        let mut services = self.services()?;
        let mut last = last.iter().peekable();
        let mut gone = Vec::new();
        for entry in &mut services {
            let key = entry.service.key;
            while last.next_if(|old| old.service.key < key).is_some() {}
            let known = last.next_if(|old| old.service.key == key);
            match known.filter(|_| !wanted.contains(&key)) {
                Some(old) => {
                    entry.servers = old.servers.clone();
                    entry.servers_read = old.servers_read;
                }
                None if self.servers(entry)? => {}
                None => gone.push(key),
            }
        }
        if !gone.is_empty() {
            services.retain(|s| !gone.contains(&s.service.key));
        }
        Ok(services)
    }

    fn whole(&mut self) -> Result<Vec<ServiceEntry>, KernelError> {
        let mut services = self.services()?;
        let mut failed = None;
        services.retain_mut(|entry| match self.servers(entry) {
            Ok(there) => there && failed.is_none(),
            Err(error) => {
                failed.get_or_insert(error);
                false
            }
        });
        failed.map_or(Ok(services), Err)
    }

    fn info(&mut self) -> Result<Info, KernelError> {
        self.single(Command::GetInfo, "read the IPVS version", decode::info)
    }

    fn timeouts(&mut self) -> Result<Timeouts, KernelError> {
        self.single(Command::GetConfig, "read the protocol timeouts", decode::timeouts)
    }

    fn single<T>(
        &mut self,
        command: Command,
        action: &str,
        decode: impl Fn(&[u8]) -> Result<T, KernelError>,
    ) -> Result<T, KernelError> {
        let mut found = None;
        let ack = self.socket.request(Request::bare(command), |_, payload| {
            found = Some(decode(payload)?);
            Ok(())
        })?;
        accept(&ack, action)?;
        found.ok_or_else(|| {
            KernelError::malformed("an IPVS reply", format!("none came to {action}"))
        })
    }

    fn daemons(&mut self) -> Result<Vec<Daemon>, KernelError> {
        let mut all = Vec::new();
        let ack = self.socket.dump(Request::bare(Command::GetDaemon), |entry| {
            all.push(decode::daemon(entry)?);
            Ok(())
        })?;
        accept(&ack, "read the sync daemons")?;
        all.sort_by_key(|d| d.role);
        Ok(all)
    }

    fn totals(&mut self) -> Result<Stats, KernelError> {
        self.proc.totals()
    }
}

impl Reader for NetlinkReader {
    fn snapshot(&mut self, want: &Want) -> Result<Snapshot, KernelError> {
        match self.look(want) {
            Err(error) if self.reopened(&error)? => self.look(want),
            other => other,
        }
    }

    fn service(&mut self, key: &ServiceKey) -> Result<Option<ServiceEntry>, KernelError> {
        let Some(mut entry) = self.one_service(key)? else { return Ok(None) };
        Ok(self.servers(&mut entry)?.then_some(entry))
    }

    /// Netlink has no command for them.
    fn connections(&mut self) -> Result<Box<dyn Connections>, KernelError> {
        self.proc.connections()
    }

    fn origins(&mut self) -> Result<Box<dyn Connections>, KernelError> {
        self.proc.origins()
    }

    fn owners(&mut self) -> Result<Vec<Owner>, KernelError> {
        self.proc.owners()
    }

    fn schedulers(&mut self) -> Result<Schedulers, KernelError> {
        self.proc.schedulers()
    }

    fn release(&self) -> String {
        self.proc.release()
    }

    fn host(&mut self, wanted: &Addresses, owners: &[Owner]) -> Host {
        self.proc.host(wanted, owners)
    }
}

impl NetlinkReader {
    /// Unloading the module takes the family's number along, and loading it again brings another.
    /// Tells whether the socket was opened anew.
    fn reopened(&mut self, error: &KernelError) -> Result<bool, KernelError> {
        if !matches!(error, KernelError::Kernel { errno: ENOENT, .. }) {
            return Ok(false);
        }
        self.last = None;
        ProcReader::open(self.root.clone())?; // asking netlink would load it again
        self.socket = Socket::open()?;
        Ok(true)
    }

    fn look(&mut self, want: &Want) -> Result<Snapshot, KernelError> {
        let (began, taken, at) = (Instant::now(), Timestamp::now(), self.now());
        let last = self.last.take();
        let services = match (&want.detail, &last) {
            (Some(wanted), Some(last)) => self.in_tiers(wanted, &last.services)?,
            _ => self.whole()?,
        };
        let (around, info, timeouts, daemons, sysctls) = match last {
            Some(last) if !want.surroundings => (
                last.around,
                stale(last.info, last.around),
                stale(last.timeouts, last.around),
                stale(last.daemons, last.around),
                stale(last.sysctls, last.around),
            ),
            _ => (
                at,
                Part::from_result(self.info()),
                Part::from_result(self.timeouts()),
                Part::from_result(self.daemons()),
                Part::from_result(sysctl::read(&self.root)),
            ),
        };
        let totals = Part::from_result(self.totals());
        self.last = Some(Last {
            services: services.clone(),
            around,
            info: info.clone(),
            timeouts: timeouts.clone(),
            daemons: daemons.clone(),
            sysctls: sysctls.clone(),
        });
        let (source, took) = (Source::Netlink, began.elapsed());
        Ok(Snapshot { taken, at, took, source, info, totals, timeouts, daemons, sysctls, services })
    }
}

fn stale<T>(part: Part<T>, read: Moment) -> Part<T> {
    match part {
        Part::Fresh(value) => Part::Stale { value, read },
        other => other,
    }
}

/// Sorts by key and drops repetitions: an edit between two batches of a dump can repeat an entry.
fn sort<T, K: Ord>(all: &mut Vec<T>, key: impl Fn(&T) -> K) {
    if all.is_sorted_by(|a, b| key(a) < key(b)) {
        return;
    }
    all.sort_by_cached_key(&key); // an entry is some 300 bytes to move
    all.dedup_by(|a, b| key(a) == key(b));
}

/// Turns the kernel's no to a read into an error.
fn accept(ack: &Ack, action: &str) -> Result<(), KernelError> {
    match ack.errno {
        0 => Ok(()),
        EPERM => Err(KernelError::NotPermitted { action: format!("to {action} over netlink") }),
        errno => Err(KernelError::Kernel {
            action: action.to_owned(),
            subject: "IPVS".to_owned(),
            errno,
            text: ack.text.clone(),
            advice: String::new(),
        }),
    }
}
