//! Clients of `topology`'s web service, by whom no request goes uncounted.
//!
//! Eight addresses, 10.9.0.2 to 10.9.0.9. From each come short requests, ten a second at most, and
//! at the same time slow ones of three seconds, which keep connections established. Each is made
//! on a connection of its own and read to its end; whatever is not the name of a real server, in
//! time, is a lost request.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use ipvs_tui::kernel::netlink::Namespace;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

const VIRTUAL: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, 1), 80);
const CLIENTS: std::ops::RangeInclusive<u8> = 2..=9;
const PAUSE: Duration = Duration::from_millis(100);
const SLOW: Duration = Duration::from_secs(3);
/// A slow request takes 3 s, on a busy emulated machine 4; what is lost has no answer at all.
const PATIENCE: Duration = Duration::from_secs(15);

/// What became of a request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) ended: Instant,
    /// The real server that answered, or what went wrong.
    pub(crate) answer: Result<String, String>,
}

/// Clients at work. Dropping them ends them too.
pub(crate) struct Load {
    done: Arc<Mutex<Vec<Request>>>,
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start() -> Self {
        let (done, over) = (Arc::default(), Arc::default());
        let mut load = Self { done, over, clients: Vec::new() };
        for host in CLIENTS {
            let from = Ipv4Addr::new(10, 9, 0, host);
            load.client(from, "/", Duration::ZERO, PAUSE);
            // They do not all begin and end at once.
            let wait = SLOW / u32::from(*CLIENTS.end()) * u32::from(host);
            load.client(from, "/cgi-bin/slow", wait, Duration::ZERO);
        }
        load
    }

    fn client(&mut self, from: Ipv4Addr, path: &'static str, wait: Duration, pause: Duration) {
        let (done, over) = (Arc::clone(&self.done), Arc::clone(&self.over));
        self.clients.push(std::thread::spawn(move || {
            Namespace::new("client").enter().unwrap();
            std::thread::sleep(wait);
            while !over.load(Ordering::Relaxed) {
                let answer = request(from, path);
                done.lock().unwrap().push(Request { ended: Instant::now(), answer });
                std::thread::sleep(pause);
            }
        }));
    }

    /// The requests that have ended so far.
    pub(crate) fn so_far(&self) -> Vec<Request> {
        self.done.lock().unwrap().clone()
    }

    /// Begins no more requests, waits for those under way, and returns all.
    pub(crate) fn end(mut self) -> Vec<Request> {
        self.over.store(true, Ordering::Relaxed);
        for client in self.clients.drain(..) {
            client.join().expect("a client has failed by itself");
        }
        self.so_far()
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// Asks the virtual service, and returns the name of the real server that has answered.
fn request(from: Ipv4Addr, path: &str) -> Result<String, String> {
    let failed = |step: &str, error: io::Error| match error.kind() {
        // What connect says when its time is up, and what read says.
        _ if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
            format!("{step}: no answer")
        }
        io::ErrorKind::WouldBlock => format!("{step}: no answer"),
        _ => format!("{step}: {error}"),
    };
    let mut stream = open(from).map_err(|error| failed("connect", error))?;
    let question = format!("GET {path} HTTP/1.0\r\n\r\n");
    stream.write_all(question.as_bytes()).map_err(|error| failed("write", error))?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map_err(|error| failed("read", error))?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let name = answer.split("\r\n\r\n").nth(1).unwrap_or_default().trim_end();
    match answer.split(' ').nth(1) {
        Some("200") if ["rs1", "rs2", "rs3", "rs4"].contains(&name) => Ok(name.to_owned()),
        _ => Err(format!("another answer: {answer:?}")),
    }
}

fn open(from: Ipv4Addr) -> io::Result<TcpStream> {
    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    bind(&socket, &SocketAddrV4::new(from, 0))?;
    connect(&socket, &VIRTUAL)?;
    Ok(TcpStream::from(socket))
}
