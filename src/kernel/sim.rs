//! The embedded director: a simulated kernel that schedules made-up clients, for the demo and
//! for tests.
//!
//! ```text
//! scenario   which table, which clients, who else is at it
//! world      everyone on one clock
//!   traffic  clients, packet by packet        bulk   clients by the crowd, for huge tables
//!   actor    a health checker that interferes
//! state      the simulated kernel: services, servers, trash, connections, timers
//!   edit     changes, with the kernel's error numbers
//!   forward  packets, persistence, thresholds
//!   schedulers/   the kernel's own algorithms
//!   conn, table   connections and how they end    dest   its view of services and servers
//!   meter    counters and averages, copied every 2 seconds
//!   tunables sysctls                              random  chance, from a seed
//! read       snapshots and connection rows          rows   the connection table as text, those
//!                                                          of the crowds made up as they are read
//! ```
//!
//! It behaves like kernel 6.1. What it leaves out: the FTP helper, SIP data, ICMP, fragments,
//! `drop_entry` and `drop_packet`, connection synchronisation, and the memory that all this takes.

mod actor;
mod bulk;
mod conn;
mod dest;
mod edit;
mod forward;
mod meter;
mod random;
mod read;
mod rows;
mod scenario;
mod schedulers;
mod state;
mod table;
#[cfg(test)]
mod tests;
mod traffic;
mod tunables;
mod world;

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

pub use conn::Segment;
pub use forward::{Burst, Flow, Verdict};
pub use scenario::{MOST_SERVERS, MOST_SERVICES, Scenario, ScenarioError};

use super::errno::errno_text;
use super::host::Host;
use super::proc::modules::Schedulers;
use super::proc::owners::Owner;
use super::route::Addresses;
use super::{Connections, KernelError, Reader, Want, Writer, advice, check};
use crate::ipvs::{Change, Connection, Family, Protocol, SCHEDULERS, ServiceKey};
use crate::snapshot::{Epoch, Moment, ServiceEntry, Snapshot};
use bulk::Crowds;
use read::Carried;
use rows::Printed;
use state::Kernel;
use traffic::Traffic;
use world::World;

/// Milliseconds of the simulated clock.
type Ms = u64;

/// How much real time a call makes up for at most. After a longer pause (a suspended console)
/// the simulation carries on from where it was, rather than rush through hours.
const CATCH_UP: Duration = Duration::from_secs(60);

/// The wall clock at which a director opens that is not on the real clock: 2026-01-01 12:00 UTC.
const NEW_YEAR: i64 = 1_767_268_800;

/// The end of a warm-up, played packet by packet so that the rates have settled.
const SETTLING: Ms = 20_000;

/// Load of a `big` director counts as this old, in seconds: about three days.
const BIG_UPTIME: u64 = 259_373;

/// What moves the simulated time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The time that has really passed.
    Real,
    /// [`Director::advance`] alone.
    Manual,
    /// Every snapshot moves it by this much before looking, so that pictures come out alike.
    Step(Duration),
}

/// The director that lives inside this process. Clones share it.
#[derive(Clone)]
pub struct Director {
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    world: World,
    clock: Clock,
    /// Simulated time when it opened, after the warm-up.
    opened_at: Ms,
    opened: Epoch,
    /// Real time that the simulation has made up for.
    caught_up: Duration,
}

impl Director {
    /// Opens a director at work. The same scenario, seed and steps of the clock give the same
    /// snapshots, byte by byte, unless the clock is real.
    pub fn open(scenario: Scenario, seed: u64, clock: Clock) -> Self {
        let setup = scenario.setup();
        let mut kernel = Kernel::new(seed);
        for change in &setup.table {
            // The scenarios' tests see to it that the kernel takes every one.
            let _ = kernel.apply(change);
        }
        let warm_up = setup.warm_up;
        let mut world = World {
            kernel,
            traffic: Traffic::new(seed, setup.sources, warm_up.saturating_sub(SETTLING)),
            crowds: Crowds::new(seed, setup.loads),
            actor: setup.actor,
        };
        world.crowds.settle(&mut world.kernel, BIG_UPTIME);
        world.run_until(warm_up);
        world.kernel.age(setup.age);
        let shared = Shared {
            world,
            clock,
            opened_at: warm_up,
            opened: Epoch::now(),
            caught_up: Duration::ZERO,
        };
        Self { shared: Arc::new(Mutex::new(shared)) }
    }

    /// A reader of it.
    pub fn reader(&self) -> SimReader {
        SimReader { director: self.clone(), last: Carried::new() }
    }

    /// A writer to it.
    pub fn writer(&self) -> SimWriter {
        SimWriter { director: self.clone() }
    }

    /// Lets simulated time pass.
    pub fn advance(&self, time: Duration) {
        self.lock().pass(time);
    }

    /// A client opens a connection to `service` and keeps it: the handshake of TCP and SCTP, one
    /// packet of other protocols. The reply comes at once.
    pub fn connect(&self, client: SocketAddr, service: &ServiceKey) -> Verdict {
        let flow = Flow::to(client, service);
        let first = if flow.protocol == Protocol::UDP { Segment::Data } else { Segment::Open };
        let verdict = self.send(&flow, packet(first));
        if matches!(verdict, Verdict::Forwarded(_)) {
            self.reply(&flow, packet(first));
            if first == Segment::Open {
                self.send(&flow, packet(Segment::Data));
            }
            if flow.protocol == Protocol::SCTP {
                self.reply(&flow, packet(Segment::Data));
            }
        }
        verdict
    }

    /// A client sends packets.
    pub fn send(&self, flow: &Flow, burst: Burst) -> Verdict {
        self.lock().world.kernel.packet_in(flow, burst)
    }

    /// The real server of a connection answers. The director sees that only with masquerading.
    pub fn reply(&self, flow: &Flow, burst: Burst) {
        self.lock().world.kernel.packet_out(flow, burst);
    }

    /// The connection table, ordered by a seeded hash of the client.
    pub fn connections(&self) -> Vec<Connection> {
        self.lock().world.kernel.connections()
    }

    /// The wall clock as the director has it. Unless that is the real one, it stands still between
    /// snapshots.
    pub fn time(&self) -> Timestamp {
        self.lock().now().0
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A panic elsewhere leaves counters at worst one packet short.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One packet with an ordinary header.
fn packet(segment: Segment) -> Burst {
    Burst { segment, packets: 1, bytes: 60 }
}

/// The name of a made-up client; some have none, as everywhere.
pub fn name_of(client: IpAddr) -> Option<String> {
    let dashed: String =
        client.to_string().chars().map(|c| if c.is_ascii_hexdigit() { c } else { '-' }).collect();
    let last = client.to_string().bytes().last()?;
    (!last.is_multiple_of(3)).then(|| format!("host-{dashed}.example.net"))
}

impl Flow {
    /// From `client` to what `service` stands for. Packets for a fwmark service are TCP to port 80
    /// of a documentation address, marked; a service for every port is asked on port 80.
    pub fn to(client: SocketAddr, service: &ServiceKey) -> Self {
        match *service {
            ServiceKey::Endpoint { protocol, addr, port } => {
                let port = if port == 0 { 80 } else { port };
                Self { protocol, client, target: SocketAddr::new(addr, port), mark: 0 }
            }
            ServiceKey::Fwmark { family, mark } => {
                let addr: IpAddr = match family {
                    Family::V4 => Ipv4Addr::new(203, 0, 113, 80).into(),
                    Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 80).into(),
                };
                Self { protocol: Protocol::TCP, client, target: SocketAddr::new(addr, 80), mark }
            }
        }
    }
}

impl Shared {
    fn pass(&mut self, time: Duration) {
        let until = self.world.kernel.now + time.as_millis() as Ms;
        self.world.run_until(until);
    }

    /// Makes up for real time; the other clocks stand still here.
    fn catch_up(&mut self) {
        if self.clock == Clock::Real {
            let behind = self.opened.elapsed().0.saturating_sub(self.caught_up);
            let whole = Duration::from_millis(behind.as_millis() as u64);
            self.caught_up += whole;
            self.pass(whole.min(CATCH_UP));
        }
    }

    fn now(&self) -> (Timestamp, Moment) {
        if self.clock == Clock::Real {
            return (Timestamp::now(), self.opened.elapsed());
        }
        let since = self.world.kernel.now - self.opened_at;
        let start = Timestamp::from_second(NEW_YEAR).unwrap_or(Timestamp::UNIX_EPOCH);
        let taken = start.checked_add(Duration::from_millis(since)).unwrap_or(start);
        (taken, Moment(Duration::from_millis(since)))
    }
}

/// Reads the embedded director.
pub struct SimReader {
    director: Director,
    /// What the last snapshot told of the servers.
    last: Carried,
}

impl Reader for SimReader {
    /// Of the servers only those that are wanted are fresh, as with a kernel; all else always is.
    fn snapshot(&mut self, want: &Want) -> Result<Snapshot, KernelError> {
        let mut shared = self.director.lock();
        let begun = Instant::now();
        if let Clock::Step(step) = shared.clock {
            shared.pass(step);
        }
        shared.catch_up();
        let (taken, at) = shared.now();
        let mut carried = std::mem::take(&mut self.last);
        match &want.detail {
            Some(wanted) => carried.retain(|key, _| !wanted.contains(key)),
            None => carried.clear(),
        }
        let mut snapshot = shared.world.kernel.snapshot(taken, at, &carried);
        let told = |s: &ServiceEntry| (s.service.key, (s.servers.clone(), s.servers_read));
        self.last = snapshot.services.iter().map(told).collect();
        if shared.clock == Clock::Real {
            snapshot.took = begun.elapsed();
        }
        Ok(snapshot)
    }

    fn service(&mut self, key: &ServiceKey) -> Result<Option<ServiceEntry>, KernelError> {
        let mut shared = self.director.lock();
        shared.catch_up();
        let (_, at) = shared.now();
        Ok(shared.world.kernel.service(key, at))
    }

    /// The rows of this moment: unlike a kernel's, they stand still while they are read.
    fn connections(&mut self) -> Result<Box<dyn Connections>, KernelError> {
        let mut shared = self.director.lock();
        shared.catch_up();
        Ok(Box::new(Printed::new(&shared.world.kernel)))
    }

    /// None: nobody else lives in this process. A scenario's health checker is no program.
    fn owners(&mut self) -> Result<Vec<Owner>, KernelError> {
        Ok(Vec::new())
    }

    fn schedulers(&mut self) -> Result<Schedulers, KernelError> {
        let all: BTreeSet<String> = SCHEDULERS.iter().map(|s| s.name.to_owned()).collect();
        Ok(Schedulers { loaded: all.clone(), there: Some(all) })
    }

    /// Not the release of the kernel below: its pictures are the same on every machine.
    fn release(&self) -> String {
        "embedded; behaves like 6.1".to_owned()
    }

    fn host(&mut self, _: &Addresses, _: &[Owner]) -> Host {
        Host::absent("the embedded director lives in this process and has no network of its own")
    }
}

/// Changes the embedded director.
pub struct SimWriter {
    director: Director,
}

impl Writer for SimWriter {
    fn apply(&mut self, change: &Change) -> Result<(), KernelError> {
        check::check(change)?;
        let mut shared = self.director.lock();
        shared.catch_up();
        shared.world.apply(change).map_err(|errno| match change {
            Change::Sysctl { name, after, .. } => KernelError::System {
                action: format!("set sysctl net.ipv4.vs.{name} to {after}"),
                why: errno_text(errno.raw_os_error()),
            },
            _ => KernelError::Kernel {
                action: advice::action(change),
                subject: change.subject(),
                errno: errno.raw_os_error(),
                text: String::new(),
                advice: advice::advice(change, errno.raw_os_error()).to_owned(),
            },
        })
    }
}
