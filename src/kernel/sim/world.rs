//! The simulated kernel and everyone around it, on one clock.

use super::Ms;
use super::actor::Actor;
use super::bulk::Crowds;
use super::state::Kernel;
use super::traffic::Traffic;
use crate::ipvs::Change;

/// How long a service is without a scheduler while another one is bound, in milliseconds: about
/// what kernels take to wait for packets under way. New connections are refused meanwhile.
const SWITCH: Ms = 8;

/// Who is about to move.
#[derive(Clone, Copy)]
enum Mover {
    Clients,
    Crowds,
    Actor,
}

/// A director at work.
pub(super) struct World {
    pub(super) kernel: Kernel,
    pub(super) traffic: Traffic,
    pub(super) crowds: Crowds,
    pub(super) actor: Option<Actor>,
}

impl World {
    /// Lets everything happen that is due by `until`, in order.
    pub(super) fn run_until(&mut self, until: Ms) {
        loop {
            let due = [
                (self.traffic.next_due(), Mover::Clients),
                (self.crowds.next_due(), Mover::Crowds),
                (self.actor.as_ref().and_then(Actor::next_due), Mover::Actor),
            ];
            let next = due.into_iter().filter_map(|(at, mover)| Some((at?, mover)));
            let Some((at, mover)) = next.min_by_key(|(at, _)| *at).filter(|(at, _)| *at <= until)
            else {
                break;
            };
            self.kernel.run_until(at);
            match (mover, &mut self.actor) {
                (Mover::Actor, Some(actor)) => actor.step(&mut self.kernel, &mut self.traffic),
                (Mover::Crowds, _) => self.crowds.step(&mut self.kernel),
                (_, _) => self.traffic.step(&mut self.kernel),
            }
        }
        self.kernel.run_until(until);
    }

    /// Applies a change, in the time that it takes.
    pub(super) fn apply(&mut self, change: &Change) -> Result<(), rustix::io::Errno> {
        let switched = match change {
            Change::Service { before: Some(_), after: Some(new) } => self
                .kernel
                .services
                .get(&new.key)
                .filter(|service| service.config.scheduler != new.scheduler)
                .map(|_| new.key),
            _ => None,
        };
        self.kernel.apply(change)?;
        if let Some(key) = switched {
            let bound = self.kernel.unbind(&key);
            self.run_until(self.kernel.now + SWITCH);
            self.kernel.rebind(&key, bound);
        }
        Ok(())
    }
}
