use std::sync::atomic::AtomicUsize;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::kernel::Want;
use crate::kernel::proc::modules::Schedulers;
use crate::kernel::proc::owners::Owner;
use crate::kernel::sim;
use crate::snapshot::ServiceEntry;
use crate::worker::{Director, Pace, Request, Worker};

/// A director that counts how often its connection table is opened.
struct Counted {
    reader: Box<dyn Reader>,
    opened: Arc<AtomicUsize>,
}

impl Counted {
    fn new() -> Self {
        let kernel = sim::Director::open(sim::Scenario::Web, 1, sim::Clock::Manual);
        Self { reader: Box::new(kernel.reader()), opened: Arc::default() }
    }
}

impl Reader for Counted {
    fn snapshot(&mut self, want: &Want) -> Result<Snapshot, KernelError> {
        self.reader.snapshot(want)
    }

    fn service(&mut self, key: &ServiceKey) -> Result<Option<ServiceEntry>, KernelError> {
        self.reader.service(key)
    }

    fn connections(&mut self) -> Result<Box<dyn Connections>, KernelError> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.reader.connections()
    }

    fn owners(&mut self) -> Result<Vec<Owner>, KernelError> {
        Ok(Vec::new())
    }

    fn schedulers(&mut self) -> Result<Schedulers, KernelError> {
        Ok(Schedulers::default())
    }

    fn release(&self) -> String {
        self.reader.release()
    }
}

fn wait(inbox: &mut UnboundedReceiver<Report>, enough: impl Fn(&Report) -> bool) {
    while !enough(&inbox.blocking_recv().unwrap()) {}
}

/// The settings hold from the very first poll on, before the console has asked for anything.
#[test]
fn a_budget_of_nothing_opens_the_table_only_when_it_is_asked() {
    let reader = Box::new(Counted::new());
    let opened = Arc::clone(&reader.opened);
    let open = move || -> Result<Director, KernelError> {
        Ok(Director { name: "lb1".to_owned(), reader, hand: None, home: None })
    };
    let (reports, mut inbox) = unbounded_channel();
    let connections = Budget::percent(0.0).unwrap();
    let pace = Pace::Every { interval: Duration::from_secs(3_600), budget: 1.0, connections };
    let worker = Worker::start(open, pace, reports).unwrap();
    // Told behind the first poll.
    wait(&mut inbox, |report| matches!(report, Report::Machine(..)));
    assert_eq!(opened.load(Ordering::Relaxed), 0);
    worker.ask(Request::Connections(Errand::Whole));
    wait(&mut inbox, |report| matches!(report, Report::Connections(Told::Whole(_))));
    assert_eq!(opened.load(Ordering::Relaxed), 1);
}

/// At the limit of processes there is no thread to be had.
#[test]
fn a_thread_that_cannot_be_had_is_told_and_waited_for() {
    let mut reader = Counted::new();
    let snapshot = Arc::new(reader.snapshot(&Want::everything()).unwrap());
    let (reports, mut inbox) = unbounded_channel();
    let mut sampling = Sampling::aside(Budget::default());
    sampling.spawn = |_| Err(io::Error::from_raw_os_error(11));
    for errand in [Errand::Sample(Wish::default()), Errand::Whole] {
        let began = Instant::now();
        sampling.ask(&errand);
        sampling.go_on(&mut reader, &snapshot, &reports);
        let Ok(Report::Connections(Told::Unreadable(error))) = inbox.try_recv() else { panic!() };
        assert!(error.to_string().contains("start the thread that reads"), "{error}");
        // The worker sleeps until then.
        assert!(sampling.wakes().unwrap() >= began + CLOSE);
    }
    assert!(inbox.try_recv().is_err());
}

/// Neither another listing nor a whole pass in between makes the samples before it cost nothing.
#[test]
fn what_samples_took_is_not_forgotten() {
    let mut sampling = Sampling::aside(Budget::default());
    let other = Wish { attention: Attention::Close, origins: true, ..Wish::default() };
    let began = Instant::now();
    sampling.ask(&Errand::Sample(other));
    assert!(sampling.due <= Instant::now(), "nothing was taken yet");
    for _ in 0..6 {
        sampling.ledger.note(sampling.wish.budget, began, Duration::from_millis(200));
    }
    sampling.ask(&Errand::Sample(Wish { origins: false, ..other }));
    assert!(sampling.due >= began + Duration::from_secs(60));
    // A whole pass is through.
    sampling.last = Some((Instant::now(), Duration::ZERO));
    sampling.plan();
    assert!(sampling.due >= began + Duration::from_secs(60));
}
