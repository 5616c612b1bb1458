//! What drained servers hold in the connection table, read on a thread of its own: a pass can
//! take a while, and nobody waits for it, unless everything is to happen in turn.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::Report;
use crate::drain::{affordable, take};
use crate::ipvs::{ServerKey, ServiceKey};
use crate::kernel::Reader;
use crate::snapshot::Snapshot;

/// Between two passes, at least: the connections of a drain do not end faster than that.
const LEAST: Duration = Duration::from_secs(2);
/// A pass that takes a second is followed by a pause of this many: 2% of a core.
const PAUSE: u32 = 50;

/// And at most: what is safe to stop is not to be told much later.
const MOST: Duration = Duration::from_secs(10);

/// Has the connection table counted now and then.
pub(super) struct Counting {
    servers: BTreeSet<(ServiceKey, ServerKey)>,
    in_turn: bool,
    due: Instant,
    /// How long the pass took that is under way, when it is through.
    under_way: Option<Receiver<Duration>>,
}

impl Counting {
    /// On a thread of its own, and no more often than is cheap.
    pub(super) fn aside() -> Self {
        Self { servers: BTreeSet::new(), in_turn: false, due: Instant::now(), under_way: None }
    }

    /// Before every snapshot, whatever it costs.
    pub(super) fn in_turn() -> Self {
        Self { in_turn: true, ..Self::aside() }
    }

    /// These servers are drained.
    pub(super) fn follow(&mut self, servers: BTreeSet<(ServiceKey, ServerKey)>) {
        self.servers = servers;
        self.due = Instant::now();
    }

    /// The services whose counters a drain is judged by.
    pub(super) fn services(&self) -> impl Iterator<Item = ServiceKey> {
        self.servers.iter().map(|(service, _)| *service)
    }

    /// Begins a pass if it is time for one, and a whole pass is cheap enough.
    pub(super) fn go_on(
        &mut self,
        reader: &mut dyn Reader,
        snapshot: &Snapshot,
        reports: &UnboundedSender<Report>,
    ) {
        match self.under_way.as_ref().map(Receiver::try_recv) {
            Some(Err(TryRecvError::Empty)) => return,
            Some(Ok(took)) => {
                self.under_way = None;
                self.due = Instant::now() + LEAST.max(took * PAUSE).min(MOST);
            }
            Some(Err(TryRecvError::Disconnected)) => {
                self.under_way = None;
                self.due = Instant::now() + LEAST * PAUSE;
            }
            None => {}
        }
        if self.servers.is_empty() || Instant::now() < self.due || !affordable(snapshot) {
            return;
        }
        // Without rows a drain is judged by the counters, and says so.
        let Ok(mut pass) = reader.connections() else { return };
        let (servers, at, reports) = (self.servers.clone(), snapshot.at, reports.clone());
        if self.in_turn {
            if let Ok(census) = take(pass.as_mut(), at, &servers) {
                let _ = reports.send(Report::Census(Arc::new(census)));
            }
            return;
        }
        let (through, under_way) = channel();
        let thread = std::thread::Builder::new().name("connections".to_owned());
        let started = thread.spawn(move || {
            let began = Instant::now();
            if let Ok(census) = take(pass.as_mut(), at, &servers) {
                let _ = reports.send(Report::Census(Arc::new(census)));
            }
            let _ = through.send(began.elapsed());
        });
        if started.is_ok() {
            self.under_way = Some(under_way);
        }
    }
}
