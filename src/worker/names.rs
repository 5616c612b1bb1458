//! Names of clients, in the background and only when asked for: a name server that does not answer
//! keeps nobody waiting.

use std::net::IpAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::Report;
use crate::connections::Told;

/// How names are looked up; blocks.
pub type Resolve = fn(IpAddr) -> Option<String>;

/// So many are looked up at a time. One that gets no answer blocks its thread for as long as the
/// system's resolver waits, often ten seconds.
const THREADS: usize = 4;
/// One that has waited its turn for this long is not looked up any more: the screen has gone on.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest name (RFC 1035).
const LONGEST: usize = 253;

/// A name that is wanted, and since when.
type Wanted = (Instant, IpAddr);

/// Looks names up. The threads are started when the first is asked for.
pub(super) struct Names {
    reports: UnboundedSender<Report>,
    resolve: Resolve,
    queue: OnceLock<Sender<Wanted>>,
}

impl Names {
    pub(super) fn new(reports: UnboundedSender<Report>) -> Self {
        Self { reports, resolve: system, queue: OnceLock::new() }
    }

    /// Another way to look them up, from before the first is asked for.
    pub(super) fn resolve_with(&mut self, resolve: Resolve) {
        self.resolve = resolve;
    }

    /// The names of these, when they are known.
    pub(super) fn ask(&self, clients: Vec<IpAddr>) {
        let queue = self.queue.get_or_init(|| {
            let (queue, inbox) = channel();
            let inbox = Arc::new(Mutex::new(inbox));
            for _ in 0..THREADS {
                let (inbox, reports, resolve) =
                    (Arc::clone(&inbox), self.reports.clone(), self.resolve);
                let thread = std::thread::Builder::new().name("names".to_owned());
                // Without threads there are no names.
                let _ = thread.spawn(move || work(&inbox, &reports, resolve));
            }
            queue
        });
        for client in clients {
            let _ = queue.send((Instant::now(), client));
        }
    }
}

/// Ends when nobody can ask any more, or listens.
fn work(inbox: &Mutex<Receiver<Wanted>>, reports: &UnboundedSender<Report>, resolve: Resolve) {
    loop {
        // Whoever waits holds the lock; the others wait for it.
        let wanted = inbox.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((since, client)) = wanted else { return };
        let name = (since.elapsed() < PATIENCE).then(|| resolve(client)).flatten();
        let told = vec![(client, name.and_then(|name| clean(client, &name)))];
        if reports.send(Report::Connections(Told::Names(told))).is_err() {
            return;
        }
    }
}

/// `getnameinfo`, as the system is set up: hosts file, name servers, whatever else.
fn system(client: IpAddr) -> Option<String> {
    dns_lookup::lookup_addr(&client).ok()
}

/// A name that harms no terminal: whoever runs the client's network has written it. A client
/// without one is told by its address.
fn clean(client: IpAddr, name: &str) -> Option<String> {
    let name = name.trim_end_matches('.');
    if name.is_empty() || name.parse() == Ok(client) {
        return None;
    }
    let escaped = name.bytes().take(LONGEST).collect::<Vec<u8>>().escape_ascii().to_string();
    Some(escaped.replace(' ', r"\x20"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::mpsc::unbounded_channel;

    fn asked(resolve: Resolve, clients: &[&str]) -> Vec<(IpAddr, Option<String>)> {
        let (reports, mut inbox) = unbounded_channel();
        let mut names = Names::new(reports);
        names.resolve_with(resolve);
        names.ask(clients.iter().map(|client| client.parse().unwrap()).collect());
        let mut all: Vec<_> = clients
            .iter()
            .flat_map(|_| match inbox.blocking_recv() {
                Some(Report::Connections(Told::Names(told))) => told,
                other => panic!("{other:?}"),
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn every_client_is_answered_once_and_harmlessly() {
        let told = asked(
            |client| match client.to_string().as_str() {
                "10.0.0.1" => Some("web.example.".to_owned()),
                "10.0.0.2" => Some("\u{1b}[2Jevil name\u{202e}".to_owned()),
                "10.0.0.3" => Some("10.0.0.3".to_owned()),
                _ => None,
            },
            &["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"],
        );
        let names: Vec<Option<&str>> = told.iter().map(|(_, name)| name.as_deref()).collect();
        let evil = r"\x1b[2Jevil\x20name\xe2\x80\xae";
        assert_eq!(names, [Some("web.example"), Some(evil), None, None]);
    }

    #[test]
    fn the_hosts_file_is_asked() {
        let told = asked(system, &["127.0.0.1"]);
        assert_eq!(told[0].0.to_string(), "127.0.0.1");
    }
}
