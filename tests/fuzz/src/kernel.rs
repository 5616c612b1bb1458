//! Netlink: a datagram, and the bodies of its messages.

use ipvs_tui::ipvs::Family;
use ipvs_tui::kernel::KernelError;
use ipvs_tui::kernel::netlink::{self, Command, Request, parse_datagram};
use ipvs_tui::model::Message;
use ipvs_tui::snapshot::{Moment, Part, ServerEntry, ServiceEntry, Source, UnknownAttribute};
use netlink_packet_core::Emitable;

use super::told::{assert_quiet, assert_sentence, console, print, show, snapshot};

/// The netlink and the generic netlink header.
const HEADERS: usize = 20;

/// A datagram. Its first message says which sequence number is asked for.
pub fn netlink(data: &[u8]) {
    let sequence = data.get(8..12).map_or(0, |b| u32::from_ne_bytes(b.try_into().unwrap()));
    let mut bodies: Vec<Vec<u8>> = Vec::new();
    let ack = parse_datagram(data, sequence, &mut |_, body| {
        bodies.push(body.to_vec());
        Ok(())
    });
    match ack {
        Ok(ack) => {
            assert!(ack.iter().all(|ack| ack.errno >= 0));
            // What the kernel's extended acknowledgement says is told in an error.
            if let Some(ack) = ack.filter(|ack| ack.errno != 0) {
                let (action, subject) = ("set weight 5".to_owned(), "10.0.0.1:80".to_owned());
                let (errno, text, advice) = (ack.errno, ack.text, String::new());
                assert_sentence(&KernelError::Kernel { action, subject, errno, text, advice });
            }
        }
        Err(error) => assert_sentence(&error),
    }
    assert!(bodies.iter().map(|b| b.len() + HEADERS).sum::<usize>() <= data.len());
    // The same bytes as a body too, so that a damaged header does not hide what is behind it.
    bodies.push(data.get(HEADERS..).unwrap_or_default().to_vec());

    let mut all = snapshot(Source::Netlink, Vec::new());
    let mut daemons = Vec::new();
    for body in &bodies {
        all.services.extend(told(netlink::service(body)).inspect(|entry| service(entry, body)));
        let family = all.services.last().map_or(Family::V4, |s| s.service.key.family());
        if let Some(entry) = told(netlink::server(body, family)) {
            server(&entry, body);
            if let Some(service) = all.services.last_mut() {
                service.servers.push(entry);
            }
        }
        daemons.extend(told(netlink::daemon(body)));
        if let Some(info) = told(netlink::info(body)) {
            all.info = Part::Fresh(info);
        }
        if let Some(timeouts) = told(netlink::timeouts(body)) {
            all.timeouts = Part::Fresh(timeouts);
        }
    }
    let anything = !all.services.is_empty() || !daemons.is_empty();
    all.daemons = Part::Fresh(daemons);
    // As the reader leaves them.
    all.services.sort_by_key(|s| s.service.key);
    all.services.dedup_by_key(|s| s.service.key);
    for service in &mut all.services {
        service.servers.sort_by_key(|s| s.server.key);
        service.servers.dedup_by_key(|s| s.server.key);
    }
    print(&all);
    if anything {
        let mut model = console();
        model.update(Message::Snapshot(all.into(), Moment::default()));
        for command in [ipvs_tui::command::Command::Open, ipvs_tui::command::Command::ViewDirector]
        {
            model.update(Message::Command(command));
            show(&mut model, (80, 24));
        }
    }
}

fn told<T>(answer: Result<T, KernelError>) -> Option<T> {
    answer.inspect_err(assert_sentence).ok()
}

fn emitted(request: &Request) -> Vec<u8> {
    let mut all = vec![0; request.buffer_len()];
    request.emit(&mut all);
    all
}

/// Nothing is kept that was not there.
fn bounded(unknown: &[UnknownAttribute], body: &[u8]) {
    let kept: usize = unknown.iter().map(|one| one.bytes.len() + 4).sum();
    assert!(kept <= body.len(), "{kept} bytes of {}", body.len());
}

fn service(entry: &ServiceEntry, body: &[u8]) {
    bounded(&entry.unknown, body);
    assert_quiet(&format!("{} {}", entry.service.key, entry.service.scheduler));
    let sent = emitted(&Request::put_service(Command::SetService, &entry.service));
    let read = netlink::service(&sent).expect("what is sent is what is read");
    assert_eq!(read.service, entry.service);
}

fn server(entry: &ServerEntry, body: &[u8]) {
    bounded(&entry.unknown, body);
    let service = "TCP 10.0.0.1:80".parse().unwrap();
    let sent = emitted(&Request::put_server(Command::SetDest, &service, &entry.server));
    let read = netlink::server(&sent, Family::V4).expect("what is sent is what is read");
    assert_eq!(read.server, entry.server);
}
