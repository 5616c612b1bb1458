//! What fuzzing begins with: captures of real kernels (`tests/lab/fixtures`), and examples of
//! what people and this program write.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipvs_tui::ipvs::Change;
use ipvs_tui::journal::{Act, DrainEnd, Ending, Kind, News, StepOutcome, read_from};
use ipvs_tui::kernel::proc::owners::{Owner, OwnerKind};
use ipvs_tui::kernel::{Reader, Want, sim};
use ipvs_tui::outside::Theirs;
use ipvs_tui::record::{Limits, Machine, Recorder, Seen, Unreadable};
use jiff::Timestamp;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use super::targets::{Reel, about};
use super::tools::{Disk, made, plan, refused, service, terms, weight};

const KERNELS: [&str; 4] = ["5.10", "6.1", "6.12", "7.2"];

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Every file of a folder whose name begins so, in the order of the names.
fn files(folder: &str, begins: &str) -> Vec<Vec<u8>> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(at(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().unwrap().to_str().unwrap().starts_with(begins));
    paths.sort();
    assert!(!paths.is_empty(), "{folder}/{begins}*");
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// The captures of that name, of every kernel.
fn captured(name: &str) -> Vec<Vec<u8>> {
    KERNELS.iter().flat_map(|kernel| files(&format!("tests/lab/fixtures/{kernel}"), name)).collect()
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// The datagrams that kernels answered ipvsadm with (`netlink-`), or ip (`route-`), each once.
fn datagrams(begins: &str) -> Vec<Vec<u8>> {
    let bytes = |hex: &str| -> Vec<u8> {
        let digits = (0..hex.len() / 2).map(|i| &hex[2 * i..2 * i + 2]);
        digits.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect()
    };
    let lines: String = captured(begins).into_iter().map(text).collect();
    let mut all: Vec<Vec<u8>> =
        lines.lines().filter_map(|line| line.strip_prefix("recv ")).map(bytes).collect();
    all.sort();
    all.dedup();
    all
}

/// `tests/fuzz/src/proc.rs` says in which order the files stand.
fn trees() -> Vec<Vec<u8>> {
    let modules = "ip_vs_wlc 16384 1 - Live 0x0\nip_vs 217088 3 ip_vs_wlc, Live 0x0";
    let devices = "Inter-|   Receive\n face |bytes\n    lo:       0\nkube-ipvs0:  0";
    let stat = |comm: &str| format!("7 ({comm}) S 1 {}", "0 ".repeat(48));
    let processes = [
        ("keepalived", "/usr/sbin/keepalived\0-D\0-f\0/etc/lvs.conf\0"),
        ("perl", "/usr/bin/perl\0-w\0/usr/sbin/ldirectord\0web.cf\0start\0"),
        ("kube-proxy", "kube-proxy\0--proxy-mode=ipvs\0--config=/var/lib/kube/config.conf\0"),
    ];
    let tables = captured("proc-net-ip_vs").into_iter().map(text);
    let tables = tables.filter(|text| text.starts_with("IP Virtual Server"));
    let totals = captured("proc-net-ip_vs_stats").into_iter().map(text);
    let totals = totals.filter(|text| !text.contains("CPU"));
    let both = tables.zip(totals).zip(processes.iter().cycle());
    let tree = |((table, totals), (comm, cmdline)): ((String, String), &(&str, &str))| {
        let stat = stat(comm);
        [
            table.trim_end_matches('\n'),
            totals.trim_end_matches('\n'),
            devices,
            modules,
            "3\t50",
            "0-3",
            "1",
            &stat,
            cmdline,
        ]
        .join("\n====\n")
        .into_bytes()
    };
    both.map(tree).collect()
}

/// `tests/fuzz/src/host.rs` says in which order the files stand.
fn hosts() -> Vec<Vec<u8>> {
    let status = files("tests/lab/fixtures/7.2", "proc-net-ip_vs_status").pop().map(text).unwrap();
    let ipvs = |name: &str| format!("kernel/net/netfilter/ipvs/{name}.ko.xz");
    let listed = format!("{}: {}\n{}:", ipvs("ip_vs_wlc"), ipvs("ip_vs"), ipvs("ip_vs"));
    let configured = text(fs::read(at("tests/fuzz/seeds/keepalived-1.conf")).unwrap());
    let half = configured.len() / 2;
    let configured = [&configured[..], &configured[..half], "virtual_server 10.0.0.1 80 {\n@a b {"];
    let one = |configured: &str| {
        [
            "prot port    usecnt name\nTCP  21      1      ftp              ",
            status.trim_end(),
            "ip_vs_wlc 16384 1 - Live 0x0\nip_vs 217088 3 ip_vs_wlc, Live 0x0",
            &listed,
            &ipvs("ip_vs_rr"),
            "1",
            "Name:\tkeepalived\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0",
            configured,
            "root:x:0:0:root:/root:/bin/bash",
            "1000",
            "4f1c7a8e-5d6b-4c3a-9e2f-1b0a8d7c6e5f",
        ]
        .join("\n====\n")
        .into_bytes()
    };
    configured.map(one).into()
}

/// The README's own example, and one with every kind of value.
fn configs() -> Vec<Vec<u8>> {
    let readme = fs::read_to_string(at("README.md")).unwrap();
    let examples = readme.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut all: Vec<Vec<u8>> = examples.map(|example| example.as_bytes().to_vec()).collect();
    assert!(!all.is_empty());
    all.extend(files("tests/fuzz/seeds", "config-"));
    all
}

/// Journals as this program writes them: of any records, and of records that belong together.
fn journals() -> Vec<Vec<u8>> {
    let mut runner = TestRunner::deterministic();
    let mut some = |n: usize| -> Vec<u8> {
        let record = super::any::record();
        let records = (0..n).map(|_| record.new_tree(&mut runner).unwrap().current());
        records.flat_map(|record| record.encode().unwrap()).collect()
    };
    let mut all: Vec<Vec<u8>> = (0..24).map(|_| some(1)).collect();
    all.extend((0..8).map(|_| some(6)));
    all.push(journal());
    all
}

/// A drain with its plan, an undo, a change by someone else, and a plan that broke off.
fn journal() -> Vec<u8> {
    let disk = Disk::default();
    let mut journal = disk.journal();
    let drain = journal.drain_started(terms()).unwrap();
    let act = Act { drain: Some(drain), kind: Kind::Drain, ..Act::new(plan(1)) };
    let id = journal.begin(act).unwrap();
    journal.step(id, 0, made(weight(0))).unwrap();
    journal.end(id, "").unwrap();
    journal.drain_ended(Ending::new(drain, DrainEnd::Cancelled), "on second thoughts").unwrap();
    let undo = Act { kind: Kind::Undo, undoes: Some(id), ..Act::new(plan(1)) };
    let undo = journal.begin(undo).unwrap();
    journal.step(undo, 0, StepOutcome::Already).unwrap();
    journal.end(undo, "").unwrap();
    let server = "10.1.1.3:80".parse().unwrap();
    let (before, after) = (Some("5".to_owned()), Some("0".to_owned()));
    journal.outside((Some(service()), Some(server)), "weight", before, after).unwrap();
    journal.drain_started(terms()).unwrap();
    let id = journal.begin(Act { reason: "kernel".to_owned(), ..Act::new(plan(3)) }).unwrap();
    journal.step(id, 0, made(weight(0))).unwrap();
    journal.step(id, 1, refused("it is gone")).unwrap();
    disk.bytes()
}

/// Recordings of the embedded director, with everything besides that a recording can hold.
fn recordings() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for (scenario, count) in [("dns-udp", 1), ("dns-udp", 5), ("web", 3), ("incident", 4)] {
        let step = sim::Clock::Step(Duration::from_secs(1));
        let director = sim::Director::open(scenario.parse().unwrap(), 1, step);
        let mut reader = director.reader();
        let reel = Reel::default();
        let mut recorder = Recorder::on(Box::new(reel.clone()), 0, Limits::default(), about());
        let owner = Owner {
            kind: OwnerKind::Keepalived,
            pid: Some(7),
            children: vec![8],
            config: Some("/etc/lvs.conf".to_owned()),
            same_namespace: true,
        };
        let schedulers = Some(["wlc".to_owned()].into());
        let release = Some("6.1.0-13-amd64".to_owned());
        recorder.take(&Seen::Machine(Machine { owners: Ok(vec![owner]), schedulers, release }));
        for _ in 0..count {
            let snapshot = Arc::new(reader.snapshot(&Want::everything()).unwrap());
            let (time, at) = (snapshot.taken, snapshot.at);
            let of = &snapshot.services[0];
            let change = Change::weight(of.service.key, &of.servers[0].server, 7);
            recorder.take(&Seen::Snapshot(Arc::clone(&snapshot)));
            recorder.take(&Seen::Theirs(Arc::new(vec![Theirs { time, at, change, by: None }])));
        }
        let history = read_from(&mut journal().as_slice(), None).unwrap();
        recorder.take(&Seen::Journal(Arc::new(News { history, ..News::default() })));
        let time = Timestamp::UNIX_EPOCH;
        recorder.take(&Seen::Unreadable(Unreadable { time, why: "no IPVS".to_owned() }));
        recorder.missed(2);
        recorder.finish();
        drop(recorder);
        all.push(reel.bytes());
    }
    all.extend(files("tests/fuzz/seeds", "recording-")); // what libFuzzer found
    all
}

/// Names and values of others, a journal, keys: see `tests/fuzz/src/screen.rs`.
fn screens() -> Vec<Vec<u8>> {
    let journal = journal();
    let keys: [&[u8]; 10] = [
        b"jj\x0d\x1b",
        b"g\x81\x81x",
        b"jw+5\x0d\x0d",
        b"2jj\x0d/10.1\x0d",
        b"5jj?\x84\x84",
        b"6\x84\x84\x85",
        b"jdkernel\x09\x0d\x0d",
        b"jej\x09\x0955\x0d",
        b"ao\x09\x0910.0.0.9:80\x0d",
        b":zero\x0d\x0d",
    ];
    let foreign: [&[u8]; 7] = [
        b"\x04\x00\x1b\xff\x7f",
        b"\x06",
        b"\x033\t50",
        b"\x0cnew_\x1b[31m\xe2\x80\xae",
        b"\x08\x1b]0;x\x07\xc2\x9b",
        b"\x07br0\x1b[2J",
        b"",
    ];
    let mut all = Vec::new();
    for (n, keys) in keys.iter().enumerate() {
        let mut one = vec![n as u8];
        // What a text has, its first byte says; that of the sysctl is a number.
        one.extend(foreign.concat());
        one.extend(*keys);
        one.push(0);
        one.extend(&journal);
        all.push(one);
    }
    all
}

/// What a target begins with.
pub(crate) fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "netlink" => datagrams("netlink-"),
        "proc_table" => {
            let mut all = captured("proc-net-ip_vs");
            all.retain(|file| file.starts_with(b"IP Virtual Server"));
            all
        }
        "proc_conn" => captured("proc-net-ip_vs_conn"),
        "proc_stats" => captured("proc-net-ip_vs_stats"),
        "proc_tree" => trees(),
        "proc_host" => hosts(),
        "route" => datagrams("route-"),
        "theme" => [files("themes", ""), files("tests/fuzz/seeds", "theme-")].concat(),
        "config" => configs(),
        "keymap" => files("tests/fuzz/seeds", "keymap-"),
        "journal" => journals(),
        "recording" => recordings(),
        "screen" => screens(),
        other => panic!("no corpus for {other}"),
    }
}
