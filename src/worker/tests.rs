use std::num::NonZero;

use tokio::sync::mpsc::unbounded_channel;

use super::*;
use crate::kernel::again::forgetful::forgetful;
use crate::kernel::sim::{Clock, Director as Embedded};

/// Nobody sees a reading that lacks what is there.
#[test]
fn what_a_dump_left_out_is_put_back_before_it_is_told() {
    let embedded =
        Embedded::open("big:70x2".parse().unwrap(), 1, Clock::Step(Duration::from_secs(1)));
    let reader = Box::new(forgetful(Box::new(embedded.reader())));
    let asked = Arc::clone(&reader.asked);
    let open = move || -> Result<Director, KernelError> {
        Ok(Director { name: "lb1".to_owned(), reader, hand: None, home: None })
    };
    let (reports, mut inbox) = unbounded_channel();
    let mut worker = Worker::start(open, Pace::Asked(NonZero::new(4).unwrap()), reports).unwrap();
    let mut told = Vec::new();
    while told.len() < 4 {
        if let Report::Snapshot(snapshot) = inbox.blocking_recv().unwrap() {
            told.push(snapshot.services.len());
        }
    }
    worker.stop();
    assert_eq!(told, [70; 4]);
    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 2, "two readings lacked it");
}
