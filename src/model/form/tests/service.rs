//! Each field and rule of a service.

use super::*;

#[test]
fn a_new_service_has_ipvsadms_defaults() {
    let form = Form::add_service(None, Vec::new());
    assert_eq!(form.fields[form.focus].label, "Address");
    let form = with(form, &[("Address", "10.0.0.9"), ("Port", "80")]);
    assert_eq!(made_service(form), service("TCP 10.0.0.9:80", "wlc"));
}

#[test]
fn every_kind_of_service_can_be_added() {
    for (kind, key) in [("UDP", "UDP [fd00::9]:53"), ("SCTP", "SCTP [fd00::9]:53")] {
        let form = Form::add_service(None, Vec::new());
        let form = with(form, &[("Kind", kind), ("Address", "[fd00::9]"), ("Port", "53")]);
        assert_eq!(made_service(form), service(key, "wlc"));
    }
    for (kind, key) in [("mark IPv4", "FWM 5"), ("mark IPv6", "FWM 5 v6")] {
        let form = with(Form::add_service(None, Vec::new()), &[("Kind", kind), ("Mark", "5")]);
        assert!(!applies(&form, "Address") && !applies(&form, "Port"));
        assert_eq!(made_service(form), service(key, "wlc"));
    }
}

#[test]
fn a_service_like_another_takes_its_address_and_scheduler() {
    let mut like = service("UDP 10.0.0.1:53", "sh");
    like.flags = ServiceFlags::SCHED1 | ServiceFlags::HASHED | ServiceFlags::ONE_PACKET;
    let form = Form::add_service(Some(&like), vec![like.key]);
    assert_eq!(form.fields[form.focus].label, "Port");
    let made = made_service(with(form, &[("Port", "5353")]));
    let wanted = service("UDP 10.0.0.1:5353", "sh");
    assert_eq!(made, Service { flags: ServiceFlags::SCHED1, ..wanted });
    // Nobody wants another service that refuses everything.
    let none = service("FWM 5 v6", "none");
    let form = Form::add_service(Some(&none), Vec::new());
    assert_eq!(made_service(with(form, &[("Mark", "6")])), service("FWM 6 v6", "wlc"));
    let odd = Service { key: key("IP_47 10.0.0.1:1"), ..none };
    let form = Form::add_service(Some(&odd), Vec::new());
    assert_eq!(made_service(with(form, &[("Port", "1")])).key, key("TCP 10.0.0.1:1"));
}

#[test]
fn everything_about_a_service_can_be_set() {
    let form = Form::add_service(None, Vec::new());
    let form = with(
        form,
        &[
            ("Kind", "UDP"),
            ("Address", " 10.0.0.9 "),
            ("Port", "0"),
            ("Scheduler", "mh"),
            ("Fallback", "yes"),
            ("Hash the port", "yes"),
            ("Persistent", "yes"),
            ("Timeout", "3600"),
            ("Netmask", "24"),
            ("Engine", "sip"),
            ("One packet", "yes"),
        ],
    );
    let made = made_service(form);
    let flags = ServiceFlags::SCHED1
        | ServiceFlags::SCHED2
        | ServiceFlags::PERSISTENT
        | ServiceFlags::ONE_PACKET;
    let wanted = Service {
        flags,
        timeout: 3600,
        netmask: Netmask::V4([255, 255, 255, 0].into()),
        pe: Some(PeName::new("sip").unwrap()),
        ..service("UDP 10.0.0.9:0", "mh")
    };
    assert_eq!(made, wanted);
    // What it names is gone when it is not persistent any more, and comes back with it.
    let mut form = with(edit_service(made), &[("Persistent", "no")]);
    assert!(!applies(&form, "Timeout") && !applies(&form, "Netmask") && !applies(&form, "Engine"));
    set(&mut form, "Persistent", "yes");
    assert_eq!(form.plan(), Ok(None));
}

#[test]
fn what_is_no_service_is_told_at_its_field() {
    let new = |values: &[(&str, &str)]| {
        let form = Form::add_service(None, vec![key("TCP 10.0.0.1:80"), key("FWM 5")]);
        with(form, &[&[("Address", "10.0.0.9"), ("Port", "80")], values].concat())
    };
    assert_wrong(Form::add_service(None, Vec::new()), "Address", "nothing is typed: write 10.0");
    assert_wrong(new(&[("Address", "10.0.0.9:80")]), "Address", "own field");
    assert_wrong(new(&[("Port", "65536")]), "Port", "'65536' is no port: write a number from 0");
    assert_wrong(new(&[("Port", "")]), "Port", "nothing is typed");
    assert_wrong(new(&[("Address", "10.0.0.1")]), "Port", "TCP 10.0.0.1:80 is there already");
    assert_wrong(new(&[("Kind", "mark IPv4"), ("Mark", "0")]), "Mark", "1 to 4294967295");
    assert_wrong(new(&[("Kind", "mark IPv4"), ("Mark", "5")]), "Mark", "FWM 5 is there already");
    assert_wrong(new(&[("Kind", "mark IPv4"), ("Mark", "0x5")]), "Mark", "firewall mark");
    let sticky = |label, text| new(&[("Persistent", "yes"), (label, text)]);
    assert_wrong(sticky("Timeout", "0"), "Timeout", "from 1 to 2678400");
    assert_wrong(sticky("Timeout", "2678401"), "Timeout", "from 1 to 2678400");
    assert_wrong(sticky("Netmask", "33"), "Netmask", "IPv4 netmask");
    assert_wrong(sticky("Engine", "with blank"), "Engine", "no persistence engine:");
    let six = new(&[("Address", "fd00::1"), ("Persistent", "yes"), ("Netmask", "255.255.255.0")]);
    assert_wrong(six, "Netmask", "a number from 1 to 128");
}

#[test]
fn port_0_wants_persistence() {
    let new = Form::add_service(None, Vec::new());
    let mut form = with(new, &[("Address", "10.0.0.9"), ("Port", "0")]);
    assert_eq!(form.plan(), Err(Wrong));
    assert_eq!(form.fields[form.focus].label, "Persistent");
    form.choose(1);
    assert_eq!(made_service(form).persistent(), Some(300));
    let sticky = Service { flags: ServiceFlags::PERSISTENT, ..service("TCP 10.0.0.1:0", "wlc") };
    assert_wrong(with(edit_service(sticky), &[("Persistent", "no")]), "Persistent", "every port");
    // One that is there without persistence can be edited otherwise.
    let odd = service("TCP 10.0.0.1:0", "wlc");
    assert_eq!(made_service(with(edit_service(odd), &[("Scheduler", "rr")])).timeout, 0);
}

#[test]
fn flags_apply_to_the_schedulers_that_have_them() {
    let mut form = edit_service(service("TCP 10.0.0.1:80", "wlc"));
    for (scheduler, flags) in [("sh", true), ("mh", true), ("dh", false), ("rr", false)] {
        set(&mut form, "Scheduler", scheduler);
        assert_eq!(applies(&form, "Fallback"), flags, "{scheduler}");
        assert_eq!(applies(&form, "Hash the port"), flags, "{scheduler}");
    }
    // They stay with the service, as the kernel keeps them, and so does the one without a name.
    let flags = ServiceFlags::SCHED | ServiceFlags::HASHED;
    let before = Service { flags, ..service("TCP 10.0.0.1:80", "sh") };
    assert_eq!(made_service(with(edit_service(before), &[("Scheduler", "wlc")])).flags, flags);
}

#[test]
fn a_scheduler_of_the_kernels_own_is_kept_and_can_be_left() {
    for name in ["wlc-own", "none"] {
        let form = edit_service(service("TCP 10.0.0.1:80", name));
        let FieldKind::Choice { options, .. } = &form.fields[1].kind else { panic!() };
        assert_eq!(options.len(), 15);
        let made = made_service(with(form, &[("Scheduler", "wrr")]));
        assert_eq!(made.scheduler.as_str(), "wrr");
    }
    let form = edit_service(service("TCP 10.0.0.1:80", "wrr"));
    let FieldKind::Choice { options, .. } = &form.fields[1].kind else { panic!() };
    assert!(options.iter().all(|(name, _)| name != "none"));
}

#[test]
fn one_packet_is_for_udp_and_marks_and_can_be_taken_away() {
    let applies = |key, flags| {
        let form = edit_service(Service { flags, ..service(key, "rr") });
        applies(&form, "One packet")
    };
    let (none, ops) = (ServiceFlags::empty(), ServiceFlags::ONE_PACKET);
    assert!(applies("UDP 10.0.0.1:53", none) && applies("FWM 5", none));
    assert!(!applies("TCP 10.0.0.1:53", none) && !applies("SCTP 10.0.0.1:53", none));
    let odd = Service { flags: ops, ..service("TCP 10.0.0.1:53", "rr") };
    let form = edit_service(odd);
    let note = form.note(place(&form, "One packet"));
    assert!(note.is_some_and(|n| n.contains("without effect")));
    assert_eq!(made_service(with(form, &[("One packet", "no")])).flags, none);
    let mut form = Form::add_service(None, Vec::new());
    assert!(!super::applies(&form, "One packet"));
    set(&mut form, "Kind", "UDP");
    assert!(super::applies(&form, "One packet"));
}

#[test]
fn a_timeout_is_proposed_where_none_is_stored() {
    let form = edit_service(service("TCP 10.0.0.1:80", "wlc"));
    assert_eq!(made_service(with(form, &[("Persistent", "yes")])).persistent(), Some(300));
    let stored = Service { timeout: u32::MAX, ..service("TCP 10.0.0.1:80", "wlc") };
    let made = made_service(with(edit_service(stored), &[("Persistent", "yes")]));
    assert_eq!(made.persistent(), Some(u32::MAX), "what is stored stays, odd or not");
    let zero = Service { flags: ServiceFlags::PERSISTENT, ..service("TCP 10.0.0.1:80", "wlc") };
    assert_eq!(made_service(with(edit_service(zero), &[("Scheduler", "rr")])).timeout, 0);
}

#[test]
fn what_is_odd_but_taken_is_noted() {
    let told = |key: &str, label, value| {
        let sticky = Service { flags: ServiceFlags::PERSISTENT, ..service(key, "wlc") };
        let form = with(edit_service(sticky), &[(label, value)]);
        form.note(place(&form, label)).unwrap_or_default()
    };
    let (tcp, udp) = ("TCP 10.0.0.1:80", "UDP 10.0.0.1:80");
    assert!(told(tcp, "Netmask", "255.0.255.0").contains("not contiguous"));
    assert!(told(tcp, "Netmask", "0.0.0.0").contains("one server"));
    assert_eq!(told(tcp, "Netmask", "255.255.0.0"), "");
    assert!(told(tcp, "Engine", "sip").contains("UDP"));
    assert_eq!(told(udp, "Engine", "sip"), "");
    assert!(told(udp, "Engine", "own").contains("ip_vs_pe_own"));
    let form = with(Form::add_service(None, Vec::new()), &[("Address", "0.0.0.0")]);
    assert!(form.note(form.focus).is_some_and(|n| n.contains("no client")));
}
