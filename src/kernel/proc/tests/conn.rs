//! The connection table as kernels write it, and as strange peers make it look.

use crate::ipvs::{Origin, Target};
use crate::kernel::proc::conn::{ConnRow, Rows};

#[test]
fn connections_of_every_kernel_are_what_ipvsadm_shows() {
    for ((kernel, file), (_, listing)) in
        captured!("proc-net-ip_vs_conn").iter().zip(captured!("ipvsadm-Lnc"))
    {
        let mut expected = Vec::new();
        for line in str::from_utf8(listing).unwrap().lines().skip(2) {
            let words: Vec<&str> = line.split_whitespace().collect();
            expected
                .push(format!("{} {} {} {} {}", words[0], words[2], words[3], words[4], words[5]));
        }
        let mut rows = Rows::new(file);
        let mut found: Vec<String> = rows
            .by_ref()
            .map(|row| {
                let conn = row.to_connection();
                let (protocol, target) = match conn.target {
                    Target::Address(to) => (conn.protocol.to_string(), to.to_string()),
                    Target::Fwmark(mark) if conn.client.is_ipv4() => {
                        ("IP".into(), format!("0.0.0.{mark}:0"))
                    }
                    Target::Fwmark(mark) => ("IP".into(), format!("[0:{mark}::]:0")),
                };
                format!("{protocol} {} {} {target} {}", conn.state, conn.client, conn.server)
            })
            .collect();
        assert_eq!(rows.skipped(), 0);
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "kernel {kernel}");
    }
}

#[test]
fn origins_and_engines_of_every_kernel() {
    for ((kernel, file), (_, synced)) in
        captured!("proc-net-ip_vs_conn").iter().zip(captured!("proc-net-ip_vs_conn_sync"))
    {
        let engines: Vec<String> =
            Rows::new(file).filter_map(|r| Some(r.to_connection().engine?.to_string())).collect();
        assert!(engines.contains(&"sip a84b4c76e66710@client.lab".to_owned()), "kernel {kernel}");
        assert!(Rows::new(file).all(|row| row.origin.is_none()));
        let from_peer = |row: &ConnRow<'_>| row.origin == Some(Origin::Sync);
        assert_eq!(Rows::new(synced).filter(from_peer).count(), 2, "kernel {kernel}");
        assert!(Rows::new(synced).all(|row| row.origin.is_some()));

        let templates = Rows::new(file).filter(ConnRow::is_template);
        assert!(templates.clone().all(|row| row.client_port == 0));
        let marks: Vec<String> = templates
            .clone()
            .filter(|row| matches!(row.target, Target::Fwmark(_)))
            .map(|row| row.service().to_string())
            .collect();
        assert!(marks.contains(&"FWM 5".into()) && marks.contains(&"FWM 6 v6".into()));
        assert_eq!(templates.filter(ConnRow::is_invalidated).count(), 1, "kernel {kernel}");
    }
}

#[test]
fn rows_that_old_kernels_and_strange_peers_write() {
    let parse = |line: &'static str| ConnRow::parse(line.as_bytes());
    // 4.18 and older: a UDP template in UDP's only state, an overdue timer that wrapped.
    let old = parse("UDP 0A090002 0000 0A000001 13C4 0A010102 13C4 UDP         73786976294838206");
    let old = old.unwrap();
    assert!(old.is_template());
    assert_eq!(old.expires, 0);
    // An FTP data connection that waits for its port.
    let ftp = parse("TCP 0A090002 0000 0A000001 0014 0A010102 0014 LISTEN          118").unwrap();
    assert!(!ftp.is_template());
    // A peer's sync message decides what the engine's data are.
    let sip = ConnRow::parse(
        b"UDP 0A090002 0000 0A000001 13C4 0A010102 13C4 NONE            294 sip  a \x1b[2J\xff ",
    );
    let sip = sip.unwrap();
    assert_eq!(sip.engine, Some((&b"sip"[..], &b" a \x1b[2J\xff "[..])));
    assert_eq!(sip.to_connection().engine.unwrap().to_string(), r"sip  a \x1b[2J\xff ");
    for bad in [
        "",
        "TCP",
        "TCP 0A090002 AD06 0A000001 0050 0A010102 0050 TIME_WAIT",
        "TCP 0A090002 AD06 0A000001 0050 0A010102 0050 TIME_WAIT  99999999999999999999",
        "TCP 0A090002 AD06 0A000001 0050 0A010102 0050 TIME_WAIT   LOCAL",
        "TCP 0A09000 AD06 0A000001 0050 0A010102 0050 TIME_WAIT       113",
        "TCP 0A090002 0AD06 0A000001 0050 0A010102 0050 TIME_WAIT       113",
        "XXX 0A090002 AD06 0A000001 0050 0A010102 0050 TIME_WAIT       113",
    ] {
        assert_eq!(parse(bad), None, "{bad}");
    }
}

#[test]
fn bad_rows_are_counted_and_cost_no_other() {
    let row = "TCP 0A090002 AD06 0A000001 0050 0A010102 0050 TIME_WAIT       113\n";
    let file = format!("Pro FromIP   FPrt\n{row}\0\0\n\n{row}TCP 0A090002 AD06 0A");
    let mut rows = Rows::new(file.as_bytes());
    assert_eq!(rows.by_ref().count(), 2);
    assert_eq!(rows.skipped(), 3);
}
