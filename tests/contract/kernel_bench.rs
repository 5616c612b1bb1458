//! A real kernel as a bench, on one host: the virtual address on a dummy interface, four real
//! servers as listeners on other local addresses, clients on a local network of their own.
//!
//! All packets take the kernel's LOCAL_OUT path, and replies come back the same way, so the
//! servers are masqueraded. `IPVS_TUI_LAB=1` says that this machine's table may be emptied.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ipvs_tui::ipvs::{Change, DaemonRole, ServiceKey};
use ipvs_tui::kernel::netlink::{NetlinkReader, NetlinkWriter};
use ipvs_tui::kernel::proc::ProcRoot;
use ipvs_tui::kernel::{Reader, Writer};

use crate::bench::{Bench, Outcome, PORT, VIP, client, daemon, owned, server};

const INTERFACE: &str = "contract0";

/// How long an answer may take before the connection counts as stalled: the emulated machine is
/// slow, but it retransmits nothing in less.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Runs a case alone, on an empty table with default sysctls.
pub(crate) fn run(case: fn(&mut dyn Bench)) {
    if std::env::var_os("IPVS_TUI_LAB").is_none_or(|value| value != "1") {
        eprintln!("skipped: needs a kernel whose IPVS table may be emptied; see tests/lab");
        return;
    }
    static HOST: OnceLock<()> = OnceLock::new();
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    HOST.get_or_init(prepare_host);
    let root = ProcRoot::default();
    let (reader, writer) = ipvs_tui::kernel::netlink::open(&root).unwrap();
    let mut bench = KernelBench { reader, writer, kept: BTreeMap::new(), _alone: alone };
    bench.reset();
    case(&mut bench);
    bench.reset();
}

fn command(line: &str) {
    let mut words = line.split_whitespace();
    let program = words.next().unwrap();
    let done = Command::new(program).args(words).output();
    let done = done.unwrap_or_else(|error| panic!("{line}: {error}"));
    assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
}

/// Addresses, routes, listeners. They stay for as long as the process lives.
fn prepare_host() {
    command("modprobe ip_vs");
    command("modprobe dummy");
    command("ipr link set lo up");
    // A refusal is an ICMP message; of too many in a second the kernel would swallow some.
    std::fs::write("/proc/sys/net/ipv4/icmp_ratelimit", "0").unwrap();
    command(&format!("ipr link add {INTERFACE} type dummy"));
    command(&format!("ipr link set {INTERFACE} up multicast on"));
    command(&format!("ipr addr add {VIP}/32 dev {INTERFACE}"));
    command("ipr addr add fd99::1/128 dev contract0 nodad");
    command("ipr addr add fd99:1::1/64 dev contract0 nodad");
    command("ipr route add local 10.98.0.0/16 dev lo");
    for number in 1..=4 {
        let addr = server(number, 0).key.addr;
        command(&format!("ipr addr add {addr}/32 dev {INTERFACE}"));
        let listener = TcpListener::bind((addr, PORT)).unwrap();
        std::thread::spawn(move || serve(&listener, number));
    }
}

/// Says who it is, and again for every byte that comes.
fn serve(listener: &TcpListener, number: u8) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        std::thread::spawn(move || {
            let mut byte = [0];
            while stream.write_all(&[number]).is_ok() && stream.read_exact(&mut byte).is_ok() {}
        });
    }
}

struct KernelBench {
    reader: NetlinkReader,
    writer: NetlinkWriter,
    kept: BTreeMap<(u16, ServiceKey), Vec<TcpStream>>,
    _alone: MutexGuard<'static, ()>,
}

impl KernelBench {
    fn reset(&mut self) {
        self.kept.clear();
        self.writer.apply(&Change::Flush).unwrap();
        for role in [DaemonRole::Master, DaemonRole::Backup] {
            let running = Some(daemon(role, INTERFACE));
            // Most cases start none, and the kernel says so.
            let _ = self.writer.apply(&Change::Daemon { before: running, after: None });
        }
        let defaults = [
            ("expire_nodest_conn", "0"),
            ("expire_quiescent_template", "0"),
            ("run_estimation", "1"),
            ("conn_reuse_mode", "1"),
        ];
        for (name, value) in defaults {
            let path = format!("/proc/sys/net/ipv4/vs/{name}");
            if std::path::Path::new(&path).exists() {
                std::fs::write(path, value).unwrap();
            }
        }
    }
}

impl Bench for KernelBench {
    fn reader(&mut self) -> &mut dyn Reader {
        &mut self.reader
    }

    fn writer(&mut self) -> &mut dyn Writer {
        &mut self.writer
    }

    fn director(&mut self) -> ipvs_tui::worker::Director {
        let (reader, writer) = ipvs_tui::kernel::netlink::open(&ProcRoot::default()).unwrap();
        owned(reader, writer)
    }

    fn judge(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        // -S leaves the thresholds out.
        for options in [&["-Sn"][..], &["-Ln", "--thresholds"][..]] {
            let said = Command::new("ipvsadm").args(options).output().unwrap();
            assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
            let text = String::from_utf8(said.stdout).unwrap();
            let rows = text.lines().map(str::trim_end);
            // Active and inactive connections may come and go.
            lines.extend(rows.map(|row| match options {
                ["-Sn"] => row.to_owned(),
                _ => row.split_whitespace().take(4).collect::<Vec<_>>().join(" "),
            }));
        }
        lines.sort_unstable();
        lines
    }

    fn connect(&mut self, number: u16, service: &ServiceKey) -> Outcome {
        let ServiceKey::Endpoint { addr, port, .. } = *service else {
            panic!("{service} takes marked packets, which the bench does not send");
        };
        let from: IpAddr = client(number).into();
        match dial(SocketAddr::new(from, 0), SocketAddr::new(addr, port)) {
            Ok(mut stream) => {
                let mut name = [0];
                stream.read_exact(&mut name).unwrap();
                self.kept.entry((number, *service)).or_default().push(stream);
                Outcome::Served(name[0])
            }
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => Outcome::Refused,
            Err(error) => panic!("client {number}: {error}"),
        }
    }

    fn talk(&mut self, number: u16, service: &ServiceKey) -> bool {
        let streams = self.kept.get_mut(&(number, *service)).unwrap();
        let stream = streams.last_mut().unwrap();
        let mut name = [0];
        stream.write_all(b"?").is_ok() && stream.read_exact(&mut name).is_ok()
    }

    fn wait(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    fn interface(&self) -> &'static str {
        INTERFACE
    }

    fn knows(&self, scheduler: &str) -> bool {
        let module = format!("ip_vs_{scheduler}");
        Command::new("modprobe").arg(module).output().is_ok_and(|done| done.status.success())
    }
}

/// Connects from an address of one's choice, which the standard library cannot.
///
/// A refusal comes back while the socket still sends, and counts as passing: a plain connect would
/// find out with its second SYN, a second later. So ask the socket for errors of that kind too.
fn dial(from: SocketAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    bind(&socket, &from)?;
    match connect(&socket, &to) {
        Ok(()) | Err(rustix::io::Errno::INPROGRESS) => (),
        Err(error) => return Err(error.into()),
    }
    let stream = TcpStream::from(socket);
    let begun = Instant::now();
    while stream.peer_addr().is_err() {
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        if begun.elapsed() > PATIENCE * 4 {
            return Err(ErrorKind::TimedOut.into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
