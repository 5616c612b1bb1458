//! A second look at what a dump seems to have lost.
//!
//! The kernel dumps a table in batches and remembers between two of them how many entries it has
//! told. One that is deleted meanwhile moves those behind it forward, and one of them is left out
//! without a word. Whoever believed that would let a cursor go, a mark, or a drain.

use super::Reader;
use crate::ipvs::{ServerKey, ServiceKey};
use crate::snapshot::{ServiceEntry, Snapshot};

/// A table or a service with at least so many entries may take more than one batch to dump: some 20
/// fit into one as a rule, 10 where the kernel has no more than a page for it.
const BATCH: usize = 8;
/// So many that are missing are looked for; of more at once, none was left out.
const LOOKS: usize = 8;

/// Puts back what is missing in a reading, and was there in the `last` one, if it is there still.
pub fn mend(reading: &mut Snapshot, last: &Snapshot, reader: &mut dyn Reader) {
    let missing = Missing::of(reading, last);
    if missing.services.len() + missing.servers.len() > LOOKS {
        return;
    }
    for key in missing.services {
        let Ok(Some(entry)) = reader.service(&key) else { continue };
        if let Err(place) = reading.services.binary_search_by(|s| s.service.key.cmp(&key)) {
            reading.services.insert(place, entry);
        }
    }
    for of_one in missing.servers.chunk_by(|(a, _), (b, _)| a == b) {
        let Some((service, _)) = of_one.first() else { continue };
        let Ok(Some(entry)) = reader.service(service) else { continue };
        let known = reading.services.binary_search_by(|s| s.service.key.cmp(service));
        let Some(known) = known.ok().and_then(|place| reading.services.get_mut(place)) else {
            continue;
        };
        for server in of_one.iter().filter_map(|(_, key)| entry.server(key)) {
            let key = server.server.key;
            if let Err(place) = known.servers.binary_search_by(|s| s.server.key.cmp(&key)) {
                known.servers.insert(place, server.clone());
            }
        }
    }
}

/// What a reading lacks that may be there all the same.
#[derive(Debug, Default)]
struct Missing {
    services: Vec<ServiceKey>,
    /// Those of a service one behind the other.
    servers: Vec<(ServiceKey, ServerKey)>,
}

impl Missing {
    /// Both tables are in order.
    fn of(reading: &Snapshot, last: &Snapshot) -> Self {
        let mut missing = Self::default();
        let batches = last.services.len() >= BATCH;
        let mut now = reading.services.iter().peekable();
        for before in &last.services {
            let key = before.service.key;
            while now.next_if(|now| now.service.key < key).is_some() {}
            match now.next_if(|now| now.service.key == key) {
                Some(now) => missing.within(before, now),
                None if batches => missing.services.push(key),
                None => {}
            }
        }
        missing
    }

    fn within(&mut self, before: &ServiceEntry, now: &ServiceEntry) {
        if before.servers.len() < BATCH || before.servers.same_reading(&now.servers) {
            return;
        }
        let service = now.service.key;
        let keys = before.servers.iter().map(|server| server.server.key);
        self.servers.extend(keys.filter(|key| now.server(key).is_none()).map(|key| (service, key)));
    }
}

/// What a director needs that forgets.
#[cfg(test)]
pub(crate) mod forgetful {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::kernel::proc::modules::Schedulers;
    use crate::kernel::proc::owners::Owner;
    use crate::kernel::{Connections, KernelError, Want};

    /// Every second of its readings leaves out a service, as dumps may.
    pub(crate) struct Forgetful {
        pub(crate) reader: Box<dyn Reader>,
        pub(crate) leaves_out: ServiceKey,
        pub(crate) readings: usize,
        /// How often it was asked for one service.
        pub(crate) asked: Arc<AtomicUsize>,
    }

    impl Reader for Forgetful {
        fn snapshot(&mut self, want: &Want) -> Result<Snapshot, KernelError> {
            let mut snapshot = self.reader.snapshot(want)?;
            self.readings += 1;
            if self.readings.is_multiple_of(2) {
                snapshot.services.retain(|entry| entry.service.key != self.leaves_out);
            }
            Ok(snapshot)
        }

        fn service(&mut self, key: &ServiceKey) -> Result<Option<ServiceEntry>, KernelError> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            self.reader.service(key)
        }

        fn connections(&mut self) -> Result<Box<dyn Connections>, KernelError> {
            self.reader.connections()
        }

        fn owners(&mut self) -> Result<Vec<Owner>, KernelError> {
            self.reader.owners()
        }

        fn schedulers(&mut self) -> Result<Schedulers, KernelError> {
            self.reader.schedulers()
        }

        fn release(&self) -> String {
            self.reader.release()
        }
    }

    /// One over `reader` that leaves out the last service of what it reads now.
    pub(crate) fn forgetful(mut reader: Box<dyn Reader>) -> Forgetful {
        let now = reader.snapshot(&Want::everything()).unwrap();
        let leaves_out = now.services.last().unwrap().service.key;
        Forgetful { reader, leaves_out, readings: 0, asked: Arc::default() }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    use super::forgetful::forgetful;
    use super::*;
    use crate::ipvs::Change;
    use crate::kernel::sim::{Clock, Director};
    use crate::kernel::{Want, Writer};

    /// A director whose readings are as its kernel tells them, and may be altered.
    fn director(scenario: &str) -> (Director, Snapshot) {
        let clock = Clock::Step(Duration::from_secs(1));
        let director = Director::open(scenario.parse().unwrap(), 1, clock);
        let reading = director.reader().snapshot(&Want::everything()).unwrap();
        (director, reading)
    }

    #[test]
    fn what_a_dump_left_out_is_put_back() {
        let (director, last) = director("big:8x2");
        let mut reading = last.clone();
        for place in [7, 5, 0] {
            reading.services.remove(place);
        }
        mend(&mut reading, &last, &mut director.reader());
        let keys = |of: &Snapshot| of.services.iter().map(|s| s.service.key).collect::<Vec<_>>();
        assert_eq!(keys(&reading), keys(&last));
        assert!(reading.services.iter().all(|entry| entry.servers.len() == 2));
    }

    #[test]
    fn a_server_that_was_left_out_is_put_back_and_nothing_else_is_touched() {
        let (director, last) = director("big:2x8");
        let mut reading = last.clone();
        for place in [7, 5, 0] {
            reading.services[1].servers.remove(place);
        }
        reading.services[1].servers[2].server.weight = 77;
        let mut reader = forgetful(Box::new(director.reader()));
        mend(&mut reading, &last, &mut reader);
        assert_eq!(reader.asked.load(Ordering::Relaxed), 1, "all of a service at once");
        let keys =
            |of: &Snapshot| of.services[1].servers.iter().map(|s| s.server.key).collect::<Vec<_>>();
        assert_eq!(keys(&reading), keys(&last));
        assert_eq!(reading.services[1].servers[3].server.weight, 77, "as it was read");
    }

    #[test]
    fn what_is_gone_stays_gone() {
        let (director, last) = director("big:70x2");
        let gone = last.services[5].service.clone();
        let change = Change::Service { before: Some(gone), after: None };
        director.writer().apply(&change).unwrap();
        let mut reading = director.reader().snapshot(&Want::everything()).unwrap();
        let found = reading.clone();
        mend(&mut reading, &last, &mut director.reader());
        assert_eq!(reading, found);
        // A small table is told in one batch, and of many that are missing none was left out.
        for (scenario, missing) in [("big:5x2", 1), ("big:70x2", 20)] {
            let (director, last) = self::director(scenario);
            let mut reading = last.clone();
            reading.services.drain(..missing);
            let found = reading.clone();
            mend(&mut reading, &last, &mut director.reader());
            assert_eq!(reading, found, "{scenario}");
        }
    }
}
