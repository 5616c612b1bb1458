//! Forms as an operator fills them in.
//!
//! ```text
//! service, server   each field and rule
//! any               for any entry, that an edit alters what was altered and nothing else
//! ```

mod any;
mod server;
mod service;

use super::*;
use crate::ipvs::{Forwarding, Netmask, PeName, SchedulerName, ServiceFlags, Tunnel, TunnelKind};
use crate::snapshot::{Known, Moment};

fn key(text: &str) -> ServiceKey {
    text.parse().unwrap()
}

fn service(text: &str, scheduler: &str) -> Service {
    Service::new(key(text), SchedulerName::new(scheduler).unwrap())
}

fn server(text: &str) -> Server {
    Server::new(text.parse().unwrap(), Forwarding::Masq, 10)
}

fn entry(service: Service, servers: Vec<Server>) -> ServiceEntry {
    let entry = |server| ServerEntry {
        server,
        active: 0,
        inactive: 0,
        persistent: None,
        stats: None,
        unknown: Vec::new(),
    };
    ServiceEntry {
        service,
        known: Known::Whole,
        stats: None,
        servers: servers.into_iter().map(entry).collect(),
        servers_read: Moment::default(),
        unknown: Vec::new(),
    }
}

fn web() -> ServiceEntry {
    let servers = vec![server("10.1.1.2:80"), server("10.1.2.2:80")];
    entry(service("TCP 10.0.0.1:80", "wlc"), servers)
}

fn edit_service(service: Service) -> Form {
    Form::edit_service(&entry(service, Vec::new()))
}

fn edit_server(server: Server) -> Form {
    let entry = entry(service("TCP 10.0.0.1:80", "wlc"), vec![server]);
    Form::edit_server(&entry, &entry.servers[0])
}

fn place(form: &Form, label: &str) -> usize {
    let place = form.fields.iter().position(|f| f.label == label);
    place.unwrap_or_else(|| panic!("there is no {label}"))
}

fn applies(form: &Form, label: &str) -> bool {
    form.applies(place(form, label))
}

fn labels(form: &Form) -> Vec<&str> {
    (0..form.fields.len()).filter(|n| form.applies(*n)).map(|n| form.fields[n].label).collect()
}

/// Goes to a field and types or chooses `value`, as an operator would.
fn set(form: &mut Form, label: &str, value: &str) {
    let place = place(form, label);
    for _ in 0..form.fields.len() {
        if form.focus != place {
            form.next(1);
        }
    }
    assert_eq!(form.focus, place, "{label} cannot be reached: {:?}", labels(form));
    if matches!(form.fields[place].kind, FieldKind::Text(_)) {
        form.typed(InputRequest::DeleteLine);
        for c in value.chars() {
            form.typed(InputRequest::InsertChar(c));
        }
    } else {
        for _ in 0..30 {
            if form.fields[place].value() != value {
                form.choose(1);
            }
        }
    }
    assert_eq!(form.fields[place].value(), value);
}

fn with(mut form: Form, values: &[(&str, &str)]) -> Form {
    for (label, value) in values {
        set(&mut form, label, value);
    }
    form
}

fn made_service(mut form: Form) -> Service {
    match form.plan().map(|plan| plan.unwrap().changes.remove(0)) {
        Ok(Change::Service { after: Some(after), .. }) => after,
        other => panic!("{other:?}: {:#?}", form.fields),
    }
}

fn made_server(mut form: Form) -> Server {
    match form.plan().map(|plan| plan.unwrap().changes.remove(0)) {
        Ok(Change::Server { after: Some(after), .. }) => after,
        other => panic!("{other:?}: {:#?}", form.fields),
    }
}

/// The first wrong field, which has the focus, and why it is wrong.
fn wrong(mut form: Form) -> (&'static str, String) {
    assert_eq!(form.plan(), Err(Wrong));
    let field = &form.fields[form.focus];
    let why = field.wrong.clone().unwrap_or_else(|| panic!("nothing wrong: {:#?}", form.fields));
    (field.label, why)
}

fn assert_wrong(form: Form, label: &str, part: &str) {
    let (at, why) = wrong(form);
    assert!(at == label && why.contains(part), "{at}: {why}");
}

#[test]
fn a_timeout_is_set_and_the_others_stay() {
    let now = Timeouts { tcp: 900, tcp_fin: 120, udp: 0 };
    let mut form = with(Form::timeouts(now), &[("TCP", "600")]);
    let plan = form.plan().unwrap().unwrap();
    assert_eq!(plan.title, "the protocol timeouts: tcp 900 -> 600");
    let after = Timeouts { tcp: 600, ..now };
    assert_eq!(plan.changes, [Change::Timeouts { before: now, after }]);
    assert_wrong(with(Form::timeouts(now), &[("UDP", "00")]), "UDP", "from 1 to 21474836");
    let many = with(Form::timeouts(now), &[("UDP", "2147484")]);
    assert!(many.note(many.focus).is_some_and(|n| n.contains("some kernels")));
    assert_wrong(with(Form::timeouts(now), &[("UDP", "21474837")]), "UDP", "from 1 to 21474836");
}

#[test]
fn the_focus_goes_round_past_what_cannot_be_altered() {
    let mut form = edit_server(server("10.1.1.2:80"));
    let mut seen = Vec::new();
    for _ in 0..5 {
        seen.push(form.fields[form.focus].label);
        form.next(1);
    }
    assert_eq!(seen, ["Forwarding", "Weight", "Upper threshold", "Lower threshold", "Forwarding"]);
    form.next(-1);
    form.next(-1);
    assert_eq!(form.fields[form.focus].label, "Lower threshold");
}

#[test]
fn choices_and_switches_take_keys() {
    let mut form = edit_service(service("TCP 10.0.0.1:80", "wlc"));
    let value = |form: &Form| form.fields[form.focus].value().to_owned();
    let keys = |form: &mut Form, request| {
        form.typed(request);
        value(form)
    };
    let key = InputRequest::InsertChar;
    assert_eq!(keys(&mut form, InputRequest::GoToNextChar), "lblc");
    assert_eq!(keys(&mut form, InputRequest::GoToPrevChar), "wlc");
    assert_eq!(keys(&mut form, key('s')), "sh");
    assert_eq!(keys(&mut form, key('s')), "sed");
    assert_eq!(keys(&mut form, key('s')), "sh");
    assert_eq!(keys(&mut form, key('z')), "sh", "nothing begins so");
    assert_eq!(keys(&mut form, InputRequest::GoToStart), "rr");
    assert_eq!(keys(&mut form, InputRequest::GoToPrevChar), "twos");
    assert_eq!(keys(&mut form, key(' ')), "rr");
    form.next(1);
    assert_eq!(form.fields[form.focus].label, "Persistent");
    assert_eq!(keys(&mut form, key(' ')), "yes");
    assert_eq!(keys(&mut form, key('n')), "no");
    assert_eq!(keys(&mut form, key('y')), "yes");
    assert_eq!(keys(&mut form, InputRequest::GoToPrevChar), "no");
}

#[test]
fn a_text_has_an_end() {
    let mut form = Form::add_server(&web());
    for _ in 0..500 {
        form.typed(InputRequest::InsertChar('1'));
    }
    assert_eq!(form.fields[form.focus].value().len(), 64);
    form.typed(InputRequest::DeletePrevChar);
    assert_eq!(form.fields[form.focus].value().len(), 63);
}

/// Complaints follow what is typed, but for what is being typed.
#[test]
fn complaints_go_when_they_are_heeded() {
    let mut form = with(Form::add_server(&web()), &[("Address", "fd00::9"), ("Weight", "x")]);
    assert!(form.fields.iter().all(|f| f.wrong.is_none()), "nothing was entered yet");
    assert_eq!(form.plan(), Err(Wrong));
    let wrong = |form: &Form| -> Vec<&str> {
        form.fields.iter().filter(|f| f.wrong.is_some()).map(|f| f.label).collect()
    };
    assert_eq!(wrong(&form), ["Forwarding", "Weight"]);
    set(&mut form, "Weight", "y");
    assert_eq!(wrong(&form), ["Forwarding"]);
    set(&mut form, "Address", "10.1.9.9");
    assert_eq!(wrong(&form), ["Weight"]);
    set(&mut form, "Weight", "5");
    assert_eq!(wrong(&form), Vec::<&str>::new());
    assert_eq!(made_server(form).weight, 5);
}

#[test]
fn the_title_says_everything_that_is_altered() {
    let mut form = with(edit_server(server("10.1.1.2:80")), &[("Weight", "20")]);
    let plan = form.plan().unwrap().unwrap();
    assert_eq!(plan.title, "real server 10.1.1.2:80 of TCP 10.0.0.1:80: weight 10 -> 20");
    let sticky = Service { flags: ServiceFlags::PERSISTENT, ..service("TCP 10.0.0.1:80", "wlc") };
    let mut form = with(edit_service(sticky), &[("Engine", "sip"), ("Netmask", "")]);
    let title = form.plan().unwrap().unwrap().title;
    assert_eq!(title, "service TCP 10.0.0.1:80: engine none -> sip");
    let mut form = with(Form::add_server(&web()), &[("Address", "10.1.9.9")]);
    let title = form.plan().unwrap().unwrap().title;
    assert_eq!(title, "add real server 10.1.9.9:80 of TCP 10.0.0.1:80");
}

#[test]
fn a_form_knows_its_row() {
    let entry = web();
    let (service, first) = (entry.service.key, &entry.servers[0]);
    let server = Row::Server(service, first.server.key);
    assert!(Form::edit_server(&entry, first).is_about(&server));
    assert!(!Form::edit_server(&entry, &entry.servers[1]).is_about(&server));
    assert!(Form::edit_service(&entry).is_about(&Row::Service(service)));
    assert!(Form::add_server(&entry).is_about(&Row::Service(service)));
    assert!(!Form::add_server(&entry).is_about(&server));
    assert!(!Form::add_service(Some(&entry.service), Vec::new()).is_about(&Row::Service(service)));
}
