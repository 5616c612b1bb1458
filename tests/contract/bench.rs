//! A director to try things on, and shorthand to try them.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ipvs_tui::ipvs::{
    Change, Daemon, DaemonRole, Forwarding, Protocol, Server, ServerKey, Service, ServiceFlags,
    ServiceKey,
};
use ipvs_tui::journal::{Author, Book};
use ipvs_tui::kernel::{KernelError, Reader, Want, Writer};
use ipvs_tui::snapshot::{ServerEntry, ServiceEntry, Snapshot};
use ipvs_tui::worker::{Director, Hand};

/// The virtual address, and the port of every real server.
pub(crate) const VIP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 1));
pub(crate) const PORT: u16 = 8_000;

pub(crate) const ENOENT: i32 = 2;
pub(crate) const ESRCH: i32 = 3;
pub(crate) const EEXIST: i32 = 17;
pub(crate) const ENODEV: i32 = 19;
pub(crate) const EINVAL: i32 = 22;

/// What a client meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    /// The real server with this number (see [`server`]) has answered.
    Served(u8),
    /// Connection refused.
    Refused,
}

/// A director that can be read, changed and asked by clients, its table empty at first.
pub(crate) trait Bench {
    fn reader(&mut self) -> &mut dyn Reader;
    fn writer(&mut self) -> &mut dyn Writer;

    /// The same director as the worker owns one, with a journal in memory.
    fn director(&mut self) -> Director;

    /// What someone else says of the whole table, sorted: ipvsadm, where there is one.
    fn judge(&mut self) -> Vec<String>;

    /// Opens a TCP connection from client number `client` (see [`client`]) and keeps it.
    fn connect(&mut self, client: u16, service: &ServiceKey) -> Outcome;

    /// Whether the connection that `client` keeps to `service` still gets an answer.
    fn talk(&mut self, client: u16, service: &ServiceKey) -> bool;

    /// Lets time pass.
    fn wait(&mut self, time: Duration);

    /// An interface that a sync daemon can use.
    fn interface(&self) -> &'static str;

    /// Whether this director has the scheduler.
    fn knows(&self, scheduler: &str) -> bool;
}

/// Real server number `number`, masqueraded, with a weight. Numbers 1 to 4 answer.
pub(crate) fn server(number: u8, weight: u32) -> Server {
    let key = ServerKey::new([10, 99, 1, number].into(), PORT);
    Server::new(key, Forwarding::Masq, weight)
}

/// The address of client number `client`.
pub(crate) fn client(client: u16) -> Ipv4Addr {
    let [high, low] = client.to_be_bytes();
    Ipv4Addr::new(10, 98, high, low)
}

/// A TCP service on the virtual address. Every case has ports of its own, so that connections of
/// another one never meet it.
pub(crate) fn tcp(port: u16) -> ServiceKey {
    ServiceKey::endpoint(Protocol::TCP, VIP, port)
}

/// A service with a scheduler.
pub(crate) fn service(key: ServiceKey, scheduler: &str) -> Service {
    Service::new(key, scheduler.to_owned().try_into().unwrap())
}

pub(crate) fn persistent(service: Service, timeout: u32) -> Service {
    Service { flags: service.flags | ServiceFlags::PERSISTENT, timeout, ..service }
}

/// A sync daemon with everything left to the kernel.
pub(crate) fn daemon(role: DaemonRole, interface: &str) -> Daemon {
    Daemon {
        role,
        interface: interface.to_owned(),
        sync_id: 7,
        max_len: None,
        group: None,
        group6: None,
        port: None,
        ttl: None,
    }
}

/// The number in the kernel's error; panics on any other outcome.
pub(crate) fn errno(result: Result<(), KernelError>) -> i32 {
    match result {
        Err(KernelError::Kernel { errno, .. }) => errno,
        other => panic!("expected the kernel's refusal, got {other:?}"),
    }
}

/// Panics unless nothing was sent.
pub(crate) fn refused(result: Result<(), KernelError>) {
    match result {
        Err(KernelError::Refused { .. }) => (),
        other => panic!("expected to be refused before sending, got {other:?}"),
    }
}

/// What the worker owns, of a reader and a writer.
pub(crate) fn owned(reader: impl Reader + 'static, writer: impl Writer + 'static) -> Director {
    let clock = Box::new(|| "2026-11-21T03:00:00Z".parse().unwrap());
    let book = Book::in_memory(Author::present(None), clock);
    let hand = Some(Hand { writer: Box::new(writer), book });
    Director { name: "bench".to_owned(), reader: Box::new(reader), hand, home: None }
}

impl dyn Bench + '_ {
    pub(crate) fn apply(&mut self, change: &Change) -> Result<(), KernelError> {
        self.writer().apply(change)
    }

    pub(crate) fn add(&mut self, service: &Service) -> Result<(), KernelError> {
        self.apply(&Change::Service { before: None, after: Some(service.clone()) })
    }

    /// Edits the service with the key of `after`; what was before does not matter to a kernel.
    pub(crate) fn edit(&mut self, after: &Service) -> Result<(), KernelError> {
        self.apply(&Change::Service { before: Some(after.clone()), after: Some(after.clone()) })
    }

    pub(crate) fn delete(&mut self, key: ServiceKey) -> Result<(), KernelError> {
        self.apply(&Change::Service { before: Some(service(key, "rr")), after: None })
    }

    pub(crate) fn add_server(
        &mut self,
        service: ServiceKey,
        server: &Server,
    ) -> Result<(), KernelError> {
        self.apply(&Change::Server { service, before: None, after: Some(server.clone()) })
    }

    pub(crate) fn edit_server(
        &mut self,
        service: ServiceKey,
        after: &Server,
    ) -> Result<(), KernelError> {
        let after = Some(after.clone());
        self.apply(&Change::Server { service, before: after.clone(), after })
    }

    pub(crate) fn delete_server(
        &mut self,
        service: ServiceKey,
        server: &Server,
    ) -> Result<(), KernelError> {
        self.apply(&Change::Server { service, before: Some(server.clone()), after: None })
    }

    /// Adds a service with servers 1, 2... of the given weights.
    pub(crate) fn farm(&mut self, service: &Service, weights: &[u32]) {
        self.add(service).unwrap();
        for (number, weight) in (1..).zip(weights) {
            self.add_server(service.key, &server(number, *weight)).unwrap();
        }
    }

    pub(crate) fn set_weight(&mut self, service: ServiceKey, number: u8, weight: u32) {
        let before = self.server(service, number).server;
        self.apply(&Change::weight(service, &before, weight)).unwrap();
    }

    pub(crate) fn sysctl(&mut self, name: &str, value: &str) -> Result<(), KernelError> {
        let (name, after) = (name.to_owned(), value.to_owned());
        self.apply(&Change::Sysctl { name, before: String::new(), after })
    }

    pub(crate) fn snapshot(&mut self) -> Snapshot {
        self.reader().snapshot(&Want::everything()).unwrap()
    }

    /// The service as it is now, which must be the same by itself and in the whole.
    pub(crate) fn look(&mut self, key: ServiceKey) -> Option<ServiceEntry> {
        let alone = self.reader().service(&key).unwrap();
        let snapshot = self.snapshot();
        let listed = snapshot.service(&key);
        let config = |entry: &ServiceEntry| {
            let servers = entry.servers.iter().map(|server| server.server.clone());
            (entry.service.clone(), servers.collect::<Vec<_>>())
        };
        assert_eq!(alone.as_ref().map(config), listed.map(config));
        alone
    }

    pub(crate) fn found(&mut self, key: ServiceKey) -> ServiceEntry {
        self.look(key).unwrap_or_else(|| panic!("{key} is not there"))
    }

    /// Real server `number` of a service as it is now.
    pub(crate) fn server(&mut self, key: ServiceKey, number: u8) -> ServerEntry {
        let entry = self.found(key);
        entry.server(&server(number, 0).key).cloned().expect("the server is not there")
    }

    /// Where `clients` fresh clients go, counted by outcome.
    pub(crate) fn spread(
        &mut self,
        key: ServiceKey,
        clients: std::ops::Range<u16>,
    ) -> Vec<Outcome> {
        clients.map(|client| self.connect(client, &key)).collect()
    }
}

/// How often each outcome stands in `outcomes`.
pub(crate) fn tally(outcomes: &[Outcome]) -> std::collections::BTreeMap<Outcome, usize> {
    let mut tally = std::collections::BTreeMap::new();
    for outcome in outcomes {
        *tally.entry(*outcome).or_default() += 1;
    }
    tally
}
