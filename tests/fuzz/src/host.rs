//! What surrounds the table: files below `/proc` and beside it, and route netlink; and the doctor,
//! who looks at all of it.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use ipvs_tui::command::Command;
use ipvs_tui::doctor::{self, Evidence};
use ipvs_tui::journal::{Operator, Scene};
use ipvs_tui::kernel::host::Host;
use ipvs_tui::kernel::proc::modules::Schedulers;
use ipvs_tui::kernel::proc::owners::{Owner, OwnerKind};
use ipvs_tui::kernel::proc::{ConnFile, ProcReader, ProcRoot, app, config, failover, setting};
use ipvs_tui::kernel::route::message::{self, Kind};
use ipvs_tui::kernel::route::{Network, Route};
use ipvs_tui::kernel::sim::{Clock, Director, Scenario};
use ipvs_tui::kernel::{Connections, Reader, Want};
use ipvs_tui::model::Message;
use ipvs_tui::report;
use ipvs_tui::snapshot::{Moment, Part, Snapshot};

use super::told::{
    Folder, assert_lines, assert_quiet, assert_sentence, console, files_of, one_in_16, show,
};

/// The files of [`proc_host`], in their order, below a root of which `/proc` is a folder.
const FILES: [&str; 11] = [
    "proc/thread-self/net/ip_vs_app",
    "proc/thread-self/net/ip_vs_status",
    "proc/modules",
    "lib/modules/6.1.0/modules.dep",
    "lib/modules/6.1.0/modules.builtin",
    "proc/sys/net/ipv4/conf/all/rp_filter",
    "proc/7/status",
    "proc/7/root/etc/keepalived/keepalived.conf",
    "etc/passwd",
    "proc/self/loginuid",
    "proc/sys/kernel/random/boot_id",
];

/// A table to look at, with services and servers of every kind that the doctor asks about.
fn table() -> Arc<Snapshot> {
    static TABLE: OnceLock<Arc<Snapshot>> = OnceLock::new();
    let read = || {
        let director = Director::open(Scenario::Web, 1, Clock::Manual);
        Arc::new(director.reader().snapshot(&Want::everything()).unwrap())
    };
    Arc::clone(TABLE.get_or_init(read))
}

fn keepalived() -> Owner {
    Owner {
        kind: OwnerKind::Keepalived,
        pid: Some(7),
        children: Vec::new(),
        config: None,
        same_namespace: true,
    }
}

/// Files one behind the other, the doctor who reads them, and the console that shows what he says.
pub fn proc_host(data: &[u8]) {
    thread_local! { static TREE: Folder = Folder::new(); }
    TREE.with(|tree| {
        for (name, file) in FILES.into_iter().zip(files_of(data, FILES.len())) {
            // The kernel ends its files with a newline, which the separator has eaten.
            let whole = if name.contains("/net/") { [file, b"\n"].concat() } else { file.to_vec() };
            tree.write(name, &whole);
        }
        tree.write("proc/1/stat", b"1 (init) S 0");
        tree.write("proc/sys/kernel/osrelease", b"6.1.0\n");
        tree.write("proc/thread-self/net/ip_vs", TABLE);
        tree.write("proc/thread-self/net/ip_vs_conn", b"Pro FromIP\n");
        let at = |name: &str| tree.path().join(name);
        let (passwd, login) = (lossy(&at("etc/passwd")), lossy(&at("proc/self/loginuid")));
        let operator = Operator::told(0, &|_| None, &passwd, &login, None);
        let scene = Scene::under(&at("proc"), None);
        let line = serde_json::to_string(&(&operator, &scene)).unwrap();
        assert_eq!(serde_json::from_str::<(Operator, Scene)>(&line).unwrap(), (operator, scene));
        surroundings(&ProcRoot::new(at("proc")), one_in_16(data));
    });
}

const TABLE: &[u8] = b"IP Virtual Server version 1.2.1 (size=4096)\n\
    Prot LocalAddress:Port Scheduler Flags\n  \
    -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n\
    TCP  0A000001:0050 wlc \n";

fn lossy(path: &std::path::Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

fn surroundings(root: &ProcRoot, drawn: bool) {
    let mut host = Host::absent("it was not asked");
    match app::read(root) {
        Err(error) => assert_sentence(&error),
        Ok(apps) => {
            // The format string of `ip_vs_app_seq_show`.
            let row = |app: &app::App| {
                format!("{:<3}  {:<7} 0      {:<17}\n", app.protocol, app.port, app.name)
            };
            let rows: String = apps.iter().map(row).collect();
            assert_eq!(
                app::apps(format!("prot port    usecnt name\n{rows}").as_bytes()).as_ref(),
                Ok(&apps)
            );
            host.apps = Part::Fresh(apps);
        }
    }
    // What it counts is the kernel's own business; that it is read at all is not.
    let _ = ConnFile::open(root, false).unwrap().total();
    host.failover = Part::from_result(failover::find(root));
    let owner = keepalived();
    host.configs = config::read(root, &owner).into_iter().collect();
    let filter = setting::read(root, "net/ipv4/conf/all/rp_filter");
    let filter = filter.as_deref().map_err(String::as_str);
    let host = host.with("net/ipv4/conf/all/rp_filter", filter);
    let mut reader = ProcReader::open(root.clone()).unwrap();
    let schedulers = reader.schedulers().inspect_err(assert_sentence).ok();
    examined(host, owner, schedulers, drawn);
}

/// What the doctor says of a machine; and what the console makes of that, if it is to be drawn.
fn examined(host: Host, owner: Owner, schedulers: Option<Schedulers>, drawn: bool) {
    let owners = vec![owner];
    let evidence = Evidence::new(table(), Part::Fresh(owners.clone()), host, BTreeSet::new());
    let report = doctor::examine(&evidence);
    let mut out = Vec::new();
    report::doctor_text(&report, &mut out).unwrap();
    assert_lines(&out);
    out.clear();
    report::doctor_json(&report, &mut out).unwrap();
    assert_lines(&out);
    serde_json::from_slice::<serde_json::Value>(&out).expect("JSON");
    if !drawn {
        return;
    }
    let mut model = console();
    model.update(Message::Snapshot(table(), Moment::default()));
    model.update(Message::Machine(Ok(owners), schedulers, None));
    model.update(Message::Doctor(Box::new(report)));
    // Every scheduler that there is can be chosen.
    model.update(Message::Command(Command::SetScheduler));
    show(&mut model, (80, 24));
    if let Some(notice) = &model.notice {
        assert_quiet(&notice.text);
    }
    model.update(Message::Command(Command::Close));
    model.update(Message::Command(Command::ViewDoctor));
    show(&mut model, (120, 60));
}

/// Datagrams of route netlink, one behind the other. The first message says which sequence number is
/// asked for.
pub fn route(data: &[u8]) {
    let sequence = data.get(8..12).map_or(0, |b| u32::from_ne_bytes(b.try_into().unwrap()));
    let mut bodies: Vec<(Kind, Vec<u8>)> = Vec::new();
    let ended = message::messages(data, sequence, &mut |kind, body| {
        bodies.push((kind, body.to_vec()));
        Ok(())
    });
    match ended {
        Ok(errno) => {
            assert!(errno.is_none_or(|errno| errno >= 0));
            if let Some(Route::Nowhere(why) | Route::Unknown(why)) = errno.map(message::refused) {
                assert_sentence(&why);
            }
        }
        Err(error) => assert_sentence(&error),
    }
    assert!(bodies.iter().map(|(_, body)| body.len() + HEADER).sum::<usize>() <= data.len());
    // The same bytes as a body too, so that a damaged header does not hide what is behind it.
    let rest = data.get(HEADER..).unwrap_or_default();
    for kind in [Kind::Link, Kind::Address, Kind::Route, Kind::Rule] {
        bodies.push((kind, rest.to_vec()));
    }

    let nowhere = || Route::Nowhere("it is not asked for".to_owned());
    let mut network = Network {
        links: Vec::new(),
        addresses: Vec::new(),
        rules: Vec::new(),
        routes: Default::default(),
        marked: Default::default(),
        outward: nowhere(),
        left_out: 0,
    };
    let wanted = doctor::wanted(&table());
    let mut wanted = wanted.own.into_iter().chain(wanted.others);
    for (kind, body) in &bodies {
        match kind {
            Kind::Link => network.links.extend(told(message::link(body))),
            Kind::Address => network.addresses.extend(told(message::address(body)).flatten()),
            Kind::Rule => network.rules.extend(told(message::rule(body)).flatten()),
            Kind::Route => {
                if let Some(route) = told(message::route(body)) {
                    network.outward = route.clone();
                    let addr: Option<IpAddr> = wanted.next();
                    network.routes.extend(addr.map(|addr| (addr, route)));
                }
            }
            Kind::Other => {}
        }
    }
    let mut host = Host::absent("it was not asked");
    host.network = Part::Fresh(network);
    examined(host, keepalived(), None, one_in_16(data));
}

/// The netlink header.
const HEADER: usize = 16;

fn told<T, E: Display>(answer: Result<T, E>) -> Option<T> {
    answer.inspect_err(assert_sentence).ok()
}
