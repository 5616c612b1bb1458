//! `/proc/net/ip_vs` as kernels write it, and as none should.

use super::*;
use crate::ipvs::{Forwarding, Info, Netmask, ServiceFlags};
use crate::snapshot::Known;

/// `ipvsadm -Ln` of the same moment, reduced to what `/proc` tells.
fn ipvsadm_reduced(listing: &str) -> String {
    let mut blocks: Vec<Vec<String>> = Vec::new();
    for line in listing.lines().skip(3) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["->", key, how, numbers @ ..] = words.as_slice() {
            let line = format!("  -> {key} {how} {}", numbers.join(" "));
            blocks.last_mut().unwrap().push(line);
            continue;
        }
        // ipvsadm prints marks as signed numbers.
        let target = match words[0] {
            "FWM" => words[1].parse::<i64>().unwrap() as u32 as i64,
            _ => 0,
        };
        let name = if words[0] == "FWM" { target.to_string() } else { words[1].to_owned() };
        let mut rest = &words[2..];
        let v6 = name.starts_with('[') || rest[0] == "IPv6";
        let mut head = format!("{} {name}", words[0]);
        if rest[0] == "IPv6" {
            head.push_str(" v6");
            rest = &rest[1..];
        }
        head = format!("{head} {}", rest[0]);
        // The kernel hides `ops` of v6 endpoints.
        if rest.contains(&"ops") && !name.starts_with('[') {
            head.push_str(" ops");
        }
        if rest.contains(&"persistent") {
            let mask = rest.iter().position(|w| *w == "mask").map(|at| rest[at + 1]);
            let host = if v6 { "128" } else { "255.255.255.255" };
            head = format!("{head} persistent {}", mask.unwrap_or(host));
        }
        blocks.push(vec![head]);
    }
    sorted_blocks(blocks)
}

fn sorted_blocks(mut blocks: Vec<Vec<String>>) -> String {
    for block in &mut blocks {
        block[1..].sort();
    }
    blocks.sort();
    blocks.concat().join("\n")
}

fn sorted(text: &str) -> String {
    let mut blocks: Vec<Vec<String>> = Vec::new();
    for line in text.lines() {
        if !line.starts_with(' ') {
            blocks.push(Vec::new());
        }
        blocks.last_mut().unwrap().push(line.to_owned());
    }
    sorted_blocks(blocks)
}

#[test]
fn the_table_of_every_kernel_is_what_ipvsadm_shows() {
    for ((kernel, file), (_, listing)) in
        captured!("proc-net-ip_vs").iter().zip(captured!("ipvsadm-Ln"))
    {
        let expected = ipvsadm_reduced(str::from_utf8(listing).unwrap());
        assert_eq!(sorted(&as_ipvsadm(&build(file))), expected, "kernel {kernel}");
    }
}

#[test]
fn a_service_of_6_1_in_every_detail() {
    let (_, file) = captured!("proc-net-ip_vs")[1];
    assert_eq!(
        Table::open(file).unwrap().info(),
        Info { version: 0x01_02_01, conn_tab_size: 4096 }
    );
    let services = build(file);
    assert!(services.is_sorted_by_key(|entry| entry.service.key));
    let find = |key: &str| {
        let key = key.parse().unwrap();
        services.iter().find(|entry| entry.service.key == key).unwrap()
    };

    let https = find("TCP [fd00::1]:443");
    assert_eq!(https.known, Known::Listed);
    assert_eq!(https.service.netmask, Netmask::V6(48));
    assert_eq!(https.service.flags, ServiceFlags::PERSISTENT);
    assert_eq!((https.persistent(), https.pe(), &https.stats), (None, None, &None));
    let tunnel = https.server(&"10.1.4.2:443".parse().unwrap()).unwrap();
    assert_eq!(tunnel.server.forwarding, Forwarding::Tunnel);
    assert_eq!((tunnel.server.weight, tunnel.persistent, tunnel.stats), (3, None, None));

    assert_eq!(find("UDP 10.0.0.1:53").service.flags, ServiceFlags::ONE_PACKET);
    assert_eq!(find("FWM 6 v6").service.netmask, Netmask::V6(64));
    assert_eq!(find("FWM 5").service.netmask, Netmask::V4([255, 255, 0, 0].into()));
    assert!(find("FWM 4294967295").servers.is_empty());
}

fn fault(body: &str) -> String {
    let file = format!("{HEADER}{body}");
    let table = Table::open(file.as_bytes()).unwrap();
    listing::build(table, Moment::default()).unwrap_err().to_string()
}

#[test]
fn faults_name_the_line_and_what_is_wrong() {
    let open = |file: &str| Table::open(file.as_bytes()).err().unwrap().to_string();
    assert_eq!(open(""), "line 1: expected 'IP Virtual Server version', the file ends");
    assert_eq!(open("IP\n"), "line 1: expected 'IP Virtual Server version N (size=N)', found 'IP'");
    assert_eq!(
        open("IP Virtual Server version 1.2.1 (size=4096)\n"),
        "line 2: expected two header lines, the file ends"
    );
    for (body, expected) in [
        ("TCP  0A000001:0050", "line 4: expected a whole line, found 'TCP  0A000001:0050'"),
        (
            "TCP  0A000001:0050\n",
            "line 4: expected a scheduler, the line ends: 'TCP  0A000001:0050'",
        ),
        (
            "  -> 0A010102:0050 Masq 1 0 0\n",
            "line 4: expected a service before its first server, found '  -> 0A010102:0050 Masq 1 0 0'",
        ),
        ("FWM  00000000 rr \n", "line 4: expected a firewall mark, found '00000000'"),
        (
            "TCP  0A000001:0050 wlc  \n  -> 0A010102:0050 Masq 4294967296 0 0\n",
            "line 5: expected a weight from 0 to 2147483647, found '4294967296'",
        ),
        (
            "TCP  0A000001:0050 wlc  \n  -> 0A010102:0050 Masq 1 0\n",
            "line 5: expected inactive connections, the line ends: '0A010102:0050 Masq 1 0'",
        ),
        (
            "TCP  0A000001:0050 wlc  \n  -> 0A010102:0050 Masq 1 0 0 7\n",
            "line 5: expected the end of the line, found '7'",
        ),
        ("TCP  0A000001:0050 w\x01lc  \n", r"line 4: expected a scheduler, found 'w\x01lc'"),
        (
            "TCP  0A000001:0050 wlc  persistent 99999999999 FFFFFFFF\n",
            "line 4: expected jiffies, found '99999999999'",
        ),
        (
            "TCP  [fd00:0000:0000:0000:0000:0000:0000:0001]:01BB wrr persistent 75000 FFFFFF00\n",
            "line 4: expected a netmask or prefix length, found 'FFFFFF00'",
        ),
        (
            "TCP  0A000001:0050 wlc  often\n",
            "line 4: expected 'ops' or 'persistent', found 'often'",
        ),
        ("\0\n", r"line 4: expected a protocol or 'FWM', found '\x00'"),
    ] {
        assert_eq!(fault(body), expected);
    }
}

#[test]
fn counts_below_zero_read_as_none() {
    let file = format!(
        "{HEADER}TCP  0A000001:0050 wlc  \n  -> 0A010102:0050      Masq    1      -1         2         \n"
    );
    let services = build(file.as_bytes());
    assert_eq!((services[0].servers[0].active, services[0].servers[0].inactive), (0, 2));
}

#[test]
fn a_repeated_service_is_one_and_the_later_reading_holds() {
    let one = |weight: u32| {
        format!(
            "TCP  0A000001:0050 wlc  \n  -> 0A010102:0050      Masq    {weight}      0          0         \n"
        )
    };
    let services = build(format!("{HEADER}{}{}", one(1), one(2)).as_bytes());
    assert_eq!(as_ipvsadm(&services), "TCP 10.0.0.1:80 wlc\n  -> 10.1.1.2:80 Masq 2 0 0\n");
}

#[test]
fn one_mark_may_be_a_service_a_family() {
    let v4 = "  -> 0A010102:0000      Route   1      0          0         \n";
    let v6 = "  -> [fd00:0001:0000:0000:0000:0000:0000:0002]:0000      Tunnel  1      0          0         \n";
    for (text, expected) in [
        (
            format!("FWM  00000005 rr \n{v4}FWM  00000005 lc \n{v6}"),
            ["FWM 5 rr", "FWM 5 v6 lc"].as_slice(),
        ),
        // Nothing tells them apart, but they are two.
        ("FWM  00000005 rr \nFWM  00000005 lc \n".into(), &["FWM 5 rr", "FWM 5 v6 lc"]),
        // What has a server that is no tunnel is certain, so the other one turns.
        (format!("FWM  00000005 rr \nFWM  00000005 lc \n{v4}"), &["FWM 5 lc", "FWM 5 v6 rr"]),
        // Repeated.
        (format!("FWM  00000005 rr \n{v4}FWM  00000005 lc \n{v4}"), &["FWM 5 lc"]),
        // The mask of a v6 service is a prefix length.
        ("FWM  00000005 rr persistent 30000 80000000\n".into(), &["FWM 5 v6 rr persistent 128"]),
        (
            "FWM  00000005 rr persistent 30000 FFFFFF00\n".into(),
            &["FWM 5 rr persistent 255.255.255.0"],
        ),
    ] {
        let listed = as_ipvsadm(&build(format!("{HEADER}{text}").as_bytes()));
        let services: Vec<&str> = listed.lines().filter(|l| !l.starts_with(' ')).collect();
        assert_eq!(services, expected, "{text}");
    }
}
