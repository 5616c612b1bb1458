//! The reader that needs no rights: whatever `/proc` shows to anyone.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io;
use std::time::Instant;

use jiff::Timestamp;

use super::conn_file::ConnFile;
use super::file::{Buffer, ProcRoot};
use super::listing;
use super::modules::{self, Schedulers};
use super::owners::{self, Owner};
use super::table::Table;
use super::{stats, sysctl, text::Fault};
use crate::ipvs::{Info, ServiceKey, Stats};
use crate::kernel::host::Host;
use crate::kernel::route::Addresses;
use crate::kernel::{self, Connections, KernelError, Reader, Want};
use crate::snapshot::{Epoch, Moment, Part, ServiceEntry, Snapshot, Source, Sysctls};

/// Reads a director through `/proc`, in the network namespace of the thread that calls.
#[derive(Debug)]
pub struct ProcReader {
    root: ProcRoot,
    epoch: Epoch,
    buffer: Buffer,
    sysctls: Option<(Sysctls, Moment)>,
    /// Every scheduler that this kernel has, once that was looked for.
    schedulers: OnceCell<Option<BTreeSet<String>>>,
}

impl ProcReader {
    /// Opens the door, and looks whether there is anything behind it. Nothing is loaded by
    /// looking.
    ///
    /// # Errors
    /// [`KernelError::NoIpvs`] when IPVS is not loaded, [`KernelError::System`] when
    /// `/proc/net/ip_vs` cannot be read.
    pub fn open(root: ProcRoot) -> Result<Self, KernelError> {
        Self::open_since(root, Epoch::now())
    }

    /// Like [`open`](Self::open), with moments counted from `epoch`: readers of one director
    /// share it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_since(root: ProcRoot, epoch: Epoch) -> Result<Self, KernelError> {
        let file = root.net("ip_vs");
        std::fs::File::open(&file).map_err(|error| root.error(&file, &error))?;
        Ok(Self {
            root,
            epoch,
            buffer: Buffer::default(),
            sysctls: None,
            schedulers: OnceCell::new(),
        })
    }

    /// Totals and rates of the network namespace, from `ip_vs_stats`.
    ///
    /// # Errors
    /// [`KernelError`] when the file cannot be read or understood.
    pub fn totals(&mut self) -> Result<Stats, KernelError> {
        read(&self.root, &mut self.buffer, "ip_vs_stats", stats::totals)
    }

    /// Live counters of every CPU, from `ip_vs_stats_percpu`.
    ///
    /// # Errors
    /// [`KernelError`] when the file cannot be read or understood.
    pub fn per_cpu(&mut self) -> Result<stats::PerCpu, KernelError> {
        read(&self.root, &mut self.buffer, "ip_vs_stats_percpu", stats::per_cpu)
    }

    /// The sysctls: read now, or what was read before with its moment.
    fn sysctls(&mut self, now: Moment, fresh: bool) -> Part<Sysctls> {
        if let (false, Some((value, read))) = (fresh, &self.sysctls) {
            return Part::Stale { value: value.clone(), read: *read };
        }
        let result = sysctl::read(&self.root);
        self.sysctls = result.clone().ok().map(|value| (value, now));
        Part::from_result(result)
    }

    fn table(&mut self, at: Moment) -> Result<(Info, Vec<ServiceEntry>), KernelError> {
        read(&self.root, &mut self.buffer, "ip_vs", |file| {
            let table = Table::open(file)?;
            Ok((table.info(), listing::build(table, at)?))
        })
    }
}

impl Reader for ProcReader {
    /// `want.detail` makes no difference: there are no servers' counters in `/proc`.
    fn snapshot(&mut self, want: &Want) -> Result<Snapshot, KernelError> {
        let (taken, began) = (Timestamp::now(), Instant::now());
        let at = self.epoch.elapsed();
        let (info, services) = self.table(at)?;
        let totals = Part::from_result(self.totals());
        let sysctls = self.sysctls(at, want.surroundings);
        Ok(Snapshot {
            taken,
            at,
            took: began.elapsed(),
            source: Source::Proc,
            info: Part::Fresh(info),
            totals,
            timeouts: Part::Unreadable(needs_netlink("the protocol timeouts are")),
            daemons: Part::Unreadable(needs_netlink("the sync daemons are")),
            sysctls,
            services,
        })
    }

    fn service(&mut self, key: &ServiceKey) -> Result<Option<ServiceEntry>, KernelError> {
        let at = self.epoch.elapsed();
        let (_, services) = self.table(at)?;
        Ok(services.into_iter().find(|entry| entry.service.key == *key))
    }

    fn connections(&mut self) -> Result<Box<dyn Connections>, KernelError> {
        Ok(Box::new(ConnFile::open(&self.root, false)?))
    }

    fn origins(&mut self) -> Result<Box<dyn Connections>, KernelError> {
        Ok(Box::new(ConnFile::open(&self.root, true)?))
    }

    fn owners(&mut self) -> Result<Vec<Owner>, KernelError> {
        owners::find(&self.root)
    }

    fn schedulers(&mut self) -> Result<Schedulers, KernelError> {
        let there = self.schedulers.get_or_init(|| modules::there(&self.root)).clone();
        Ok(Schedulers { loaded: modules::loaded(&self.root)?, there })
    }

    fn release(&self) -> String {
        kernel::release()
    }

    fn host(&mut self, wanted: &Addresses, owners: &[Owner]) -> Host {
        Host::read(&self.root, wanted, owners)
    }
}

fn needs_netlink(what: &str) -> String {
    format!("{what} not in /proc: reading them needs netlink and the capability CAP_NET_ADMIN")
}

/// Reads a file of `/proc/net` and parses it; a fault comes back with the file's name.
fn read<T>(
    root: &ProcRoot,
    buffer: &mut Buffer,
    name: &str,
    parse: impl FnOnce(&[u8]) -> Result<T, Fault>,
) -> Result<T, KernelError> {
    let path = root.net(name);
    let failed = |error: io::Error| root.error(&path, &error);
    let bytes = buffer.read(&path).map_err(failed)?;
    parse(bytes).map_err(|fault| fault.in_file(&path))
}
