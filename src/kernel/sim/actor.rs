//! Someone else at the table: a health checker in the manner of keepalived, and servers that fail.

use std::net::IpAddr;

use super::Ms;
use super::state::Kernel;
use super::traffic::Traffic;
use crate::ipvs::{Change, Server, ServerKey, ServiceKey};

/// One thing that happens.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// A real server stops answering.
    Silence(IpAddr),
    /// It answers again.
    Answer(IpAddr),
    /// The checker takes a server out.
    Remove(ServiceKey, ServerKey),
    /// The checker puts a server in, with the weight of its own configuration.
    Add(ServiceKey, Server),
    /// The checker writes a weight, whatever else is set on the server.
    Weight(ServiceKey, ServerKey, u32),
}

/// A script that repeats.
pub(super) struct Actor {
    script: Vec<(Ms, Act)>,
    period: Ms,
    begun: Ms,
    next: usize,
}

impl Actor {
    /// Plays `script` (times in milliseconds, ascending, below `period`) from `begun` on.
    pub(super) fn new(script: Vec<(Ms, Act)>, period: Ms, begun: Ms) -> Self {
        Self { script, period, begun, next: 0 }
    }

    pub(super) fn next_due(&self) -> Option<Ms> {
        self.script.get(self.next).map(|(at, _)| self.begun + at)
    }

    /// Plays the next step. What the kernel refuses, because an operator was faster, stays as the
    /// operator left it, as with a checker that only compares with its own memory.
    pub(super) fn step(&mut self, kernel: &mut Kernel, traffic: &mut Traffic) {
        let Some((_, act)) = self.script.get(self.next) else { return };
        match act {
            Act::Silence(addr) => {
                traffic.silent.insert(*addr);
            }
            Act::Answer(addr) => {
                traffic.silent.remove(addr);
            }
            Act::Remove(service, key) => {
                let before = current(kernel, service, key);
                let _ = kernel.apply(&Change::Server { service: *service, before, after: None });
            }
            Act::Add(service, server) => {
                let after = Some(server.clone());
                let _ = kernel.apply(&Change::Server { service: *service, before: None, after });
            }
            Act::Weight(service, key, weight) => {
                if let Some(server) = current(kernel, service, key) {
                    let _ = kernel.apply(&Change::weight(*service, &server, *weight));
                }
            }
        }
        self.next += 1;
        if self.next == self.script.len() {
            self.next = 0;
            self.begun += self.period;
        }
    }
}

fn current(kernel: &Kernel, service: &ServiceKey, key: &ServerKey) -> Option<Server> {
    let mut ids = kernel.services.get(service)?.dests.iter();
    ids.find_map(|id| kernel.dests.get(*id).filter(|dest| dest.server.key == *key))
        .map(|dest| dest.server.clone())
}
