//! Each field and rule of a real server.

use super::*;

#[test]
fn a_new_server_is_as_most_of_its_siblings() {
    let like = |key: &str, forwarding, weight| Server { forwarding, weight, ..server(key) };
    let add = |key: &str, servers| {
        let form = Form::add_server(&entry(service(key, "wlc"), servers));
        assert_eq!(form.fields[form.focus].label, "Address");
        made_server(with(form, &[("Address", "10.1.9.9")]))
    };
    let (masq, route) = (Forwarding::Masq, Forwarding::Route);
    let siblings = vec![
        like("10.1.1.2:8080", masq, 0),
        like("10.1.2.2:8080", masq, 0),
        like("10.1.3.2:8080", masq, 7),
        like("10.1.4.2:80", route, 7),
    ];
    assert_eq!(add("TCP 10.0.0.1:80", siblings), like("10.1.9.9:8080", masq, 7));
    let siblings = vec![like("10.1.1.2:99", route, 3), like("10.1.2.2:99", route, 4)];
    assert_eq!(add("TCP 10.0.0.1:80", siblings), like("10.1.9.9:80", route, 3));
    assert_eq!(add("FWM 5", Vec::new()), like("10.1.9.9:0", route, 1));
    let odd = vec![like("10.1.1.2:80", Forwarding::Unknown(5), 3)];
    assert_eq!(add("TCP 10.0.0.1:80", odd), like("10.1.9.9:80", route, 3));
}

#[test]
fn everything_about_a_server_can_be_set() {
    let form = with(
        Form::add_server(&web()),
        &[
            ("Address", "[fd00::9]"),
            ("Port", ""),
            ("Forwarding", "Tunnel"),
            ("Weight", "2147483647"),
            ("Upper threshold", "500"),
            ("Lower threshold", "500"),
            ("Tunnel", "gue"),
            ("Tunnel port", "6080"),
            ("Checksum", "yes"),
            ("Remote checksum", "yes"),
        ],
    );
    let wanted = Server {
        key: "[fd00::9]:80".parse().unwrap(),
        forwarding: Forwarding::Tunnel,
        weight: 2_147_483_647,
        upper_threshold: 500,
        lower_threshold: 500,
        tunnel: Tunnel { kind: TunnelKind::Gue, port: 6080, flags: 3 },
    };
    assert_eq!(made_server(form), wanted);
    // What a method or kind of tunnel has no use for stays stored, as in the kernel.
    for (label, value) in [("Forwarding", "Masq"), ("Tunnel", "ipip")] {
        let four = Server { key: "10.1.1.2:80".parse().unwrap(), ..wanted.clone() };
        let form = with(edit_server(four), &[(label, value)]);
        assert!(!applies(&form, "Tunnel port") && !applies(&form, "Checksum"));
        assert_eq!(made_server(form).tunnel.port, 6080);
    }
}

#[test]
fn what_is_no_server_is_told_at_its_field() {
    let new = |values: &[(&str, &str)]| {
        with(Form::add_server(&web()), &[&[("Address", "10.1.9.9")], values].concat())
    };
    assert_wrong(Form::add_server(&web()), "Address", "nothing is typed");
    for address in ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "::ffff:10.0.0.1"] {
        assert_wrong(new(&[("Address", address)]), "Address", "which the kernel refuses");
    }
    assert_wrong(new(&[("Address", "10.1.1.2")]), "Port", "10.1.1.2:80 is there already");
    assert_wrong(new(&[("Port", "http")]), "Port", "'http' is no port");
    assert_wrong(new(&[("Weight", "2147483648")]), "Weight", "from 0 to 2147483647");
    assert_wrong(new(&[("Weight", "-1")]), "Weight", "from 0 to 2147483647");
    assert_wrong(new(&[("Upper threshold", "2147483648")]), "Upper threshold", "threshold");
    assert_wrong(
        new(&[("Lower threshold", "1")]),
        "Lower threshold",
        "above the upper threshold 0",
    );
    let gue = &[("Forwarding", "Tunnel"), ("Tunnel", "gue")];
    assert_wrong(new(gue), "Tunnel port", "needs the UDP port");
    assert_wrong(new(&[gue, &[("Tunnel port", "70000")][..]].concat()), "Tunnel port", "65535");
    assert_wrong(new(&[("Address", "fd00::9")]), "Forwarding", "by Tunnel alone");
    let six = Server { forwarding: Forwarding::Tunnel, ..server("[fd00::9]:80") };
    assert_wrong(with(edit_server(six), &[("Forwarding", "Route")]), "Forwarding", "Tunnel alone");
    let raised = Server { upper_threshold: 9, lower_threshold: 5, ..server("10.1.1.2:80") };
    assert_wrong(with(edit_server(raised), &[("Upper threshold", "4")]), "Lower threshold", "5");
}

#[test]
fn a_number_that_means_nothing_is_told_where_it_stands() {
    let odd = Server { forwarding: Forwarding::Unknown(5), ..server("10.1.1.2:80") };
    assert_wrong(with(edit_server(odd.clone()), &[("Weight", "5")]), "Forwarding", "method 5");
    let made = made_server(with(edit_server(odd), &[("Forwarding", "Masq")]));
    assert_eq!(made, server("10.1.1.2:80"));
    // The field of the tunnel does not apply, so the one with the focus tells it.
    let mut odd = server("10.1.1.2:80");
    odd.tunnel.kind = TunnelKind::Unknown(9);
    assert_wrong(with(edit_server(odd.clone()), &[("Weight", "5")]), "Weight", "tunnel type 9");
    let set = with(edit_server(odd), &[("Forwarding", "Tunnel"), ("Tunnel", "ipip")]);
    assert_eq!(made_server(set).tunnel.kind, TunnelKind::Ipip);
}

#[test]
fn what_the_kernel_does_with_ports_and_families_is_noted() {
    let note = |values: &[(&str, &str)], label: &str| {
        let form = with(Form::add_server(&web()), values);
        form.note(place(&form, label)).unwrap_or_default()
    };
    let route = ("Forwarding", "Route");
    assert!(note(&[("Port", "8080"), route], "Port").contains("ipvsadm stores 80"));
    assert_eq!(note(&[("Port", "80"), route], "Port"), "");
    assert_eq!(note(&[("Port", "8080")], "Port"), "", "Masq maps");
    assert!(note(&[("Address", "fd00::9")], "Address").contains("by Tunnel alone"));
    assert!(note(&[("Address", "fe80::9")], "Address").contains("link-local"));
    assert_eq!(note(&[("Address", "10.1.9.9")], "Address"), "");
}
