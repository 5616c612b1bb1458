use super::*;
use crate::connections::tests::{Dice, Services, count, survey, table, web};
use crate::connections::{End, Survey};

const EVEN: Services<'_> =
    &[("TCP 10.0.0.1:80", "wrr", &[("10.1.1.2:80", 10), ("10.1.2.2:80", 10), ("10.1.3.2:80", 10)])];

/// A row of a client of its own, somewhere in its life, at `server`.
fn healthy(dice: &mut Dice, number: usize, server: u32) -> String {
    let client = 0x0A09_0000 + dice.below(5_000) as u32;
    let port = 1_024 + number;
    match dice.below(20) {
        0 => web(client, port, server, "SYN_RECV", 58 + dice.below(3) as u32),
        // A client that went away within its handshake.
        1 if dice.below(20) == 0 => web(client, port, server, "SYN_RECV", dice.below(57) as u32),
        1..12 => web(client, port, server, "ESTABLISHED", dice.below(900) as u32),
        _ => web(client, port, server, "TIME_WAIT", dice.below(120) as u32),
    }
}

fn surveyed(services: Services<'_>, all: &[String], size: usize, seed: u64) -> Survey {
    let mut snapshot = table(services);
    count(&mut snapshot, all);
    let lines = Dice::new(seed).draw(all, size);
    let end = if size >= all.len() { End::Whole } else { End::Budget };
    survey(&lines, end, None, &snapshot)
}

fn signs(services: Services<'_>, all: &[String], size: usize) -> Vec<String> {
    surveyed(services, all, size, 1).signs.iter().map(ToString::to_string).collect()
}

#[test]
fn a_server_that_does_not_answer_stands_out() {
    let mut dice = Dice::new(2);
    let mut all: Vec<String> = (0..9_000)
        .map(|number| {
            let server = 1 + dice.below(3) as u32;
            healthy(&mut dice, number, server)
        })
        .collect();
    for number in 0..1_500 {
        let client = 0x0A0B_0000 + number as u32;
        all.push(web(client, 2_000, 3, "SYN_RECV", dice.below(57) as u32));
    }
    for size in [1_000, all.len()] {
        let told = signs(EVEN, &all, size);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("10.1.3.2:80 of TCP 10.0.0.1:80 does not answer"), "{told:?}");
    }
    // Under the defence against floods states mean something else, but not while it is idle.
    let defended = |secure_tcp: &str| {
        let mut snapshot = table(EVEN);
        count(&mut snapshot, &all);
        let crate::snapshot::Part::Fresh(sysctls) = &mut snapshot.sysctls else { panic!() };
        sysctls.insert("secure_tcp".to_owned(), secure_tcp.to_owned());
        survey(&all, End::Whole, None, &snapshot).signs
    };
    for (secure_tcp, told) in [("0", true), ("1", true), ("2", false), ("3", false)] {
        let silent = defended(secure_tcp).iter().any(|sign| matches!(sign, Sign::Silent { .. }));
        assert_eq!(silent, told, "secure_tcp={secure_tcp}");
    }
    let survey = surveyed(EVEN, &all, 1_000, 1);
    let Sign::Silent { waiting, share, .. } = &survey.signs[0] else { panic!() };
    assert!(waiting.low <= 1_510 && waiting.high.unwrap() >= 1_500, "{waiting:?}");
    assert!(share.low < 0.5 && share.high > 0.42, "{share:?}");
    assert!(survey.signs[0].is_alarm());
}

#[test]
fn where_nobody_answers_no_server_is_blamed() {
    let mut dice = Dice::new(3);
    let mut all: Vec<String> = (0..3_000)
        .map(|number| {
            let server = 1 + dice.below(3) as u32;
            healthy(&mut dice, number, server)
        })
        .collect();
    for number in 0..6_000 {
        all.push(web(0x0B00_0000 + number, 2_000, 1 + number % 3, "SYN_RECV", number % 57));
    }
    let told = signs(EVEN, &all, 2_000);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("TCP 10.0.0.1:80: handshakes are not completed"), "{told:?}");
}

#[test]
fn a_share_far_from_its_weights_is_told_with_both() {
    let mut dice = Dice::new(4);
    // 50% instead of a third.
    let all: Vec<String> = (0..12_000)
        .map(|number| {
            let server = [1, 2, 3, 3][dice.below(4)];
            healthy(&mut dice, number, server)
        })
        .collect();
    let told = signs(EVEN, &all, 3_000);
    assert!(told[0].starts_with("10.1.3.2:80 of TCP 10.0.0.1:80 holds 5"), "{told:?}");
    assert!(told[0].contains("its weight asks for 33%"), "{told:?}");
    // Three times the weight makes that its due, and of one scheduler it is nobody's.
    let heavy: Services<'_> = &[(
        "TCP 10.0.0.1:80",
        "wlc",
        &[("10.1.1.2:80", 1), ("10.1.2.2:80", 1), ("10.1.3.2:80", 2)],
    )];
    assert_eq!(signs(heavy, &all, 3_000), [""; 0]);
    let other: Services<'_> = &[("TCP 10.0.0.1:80", "lblc", EVEN[0].2)];
    assert_eq!(signs(other, &all, 3_000), [""; 0]);
    // A quiesced server holds what it holds.
    let quiesced: Services<'_> = &[(
        "TCP 10.0.0.1:80",
        "wrr",
        &[("10.1.1.2:80", 1), ("10.1.2.2:80", 1), ("10.1.3.2:80", 0)],
    )];
    assert_eq!(signs(quiesced, &all, 3_000), [""; 0]);
}

/// Small samples and small tables, over many seeds, of servers that behave.
#[test]
fn what_behaves_raises_no_alarm() {
    let mut raised = Vec::new();
    for seed in 0..400 {
        let mut dice = Dice::new(seed);
        let rows = [12, 60, 200, 1_000][seed as usize % 4];
        let all: Vec<String> = (0..rows)
            .map(|number| {
                let server = 1 + dice.below(3) as u32;
                healthy(&mut dice, number, server)
            })
            .collect();
        let size = if seed % 8 < 4 { rows } else { rows / 2 };
        let survey = surveyed(EVEN, &all, size, seed);
        raised.extend(survey.signs.iter().map(|sign| format!("{seed}: {sign}")));
    }
    assert!(raised.is_empty(), "{raised:#?}");
}

/// With many servers some get nothing or a lot, by chance: of the rows one by one, and of clients
/// that bring all of theirs to one.
#[test]
fn small_shares_of_many_servers_raise_no_alarm() {
    let names: Vec<String> = (1..=20).map(|server| format!("10.1.{server}.2:80")).collect();
    let servers: Vec<(&str, u32)> = names.iter().map(|name| (name.as_str(), 1)).collect();
    let many: Services<'_> = &[("TCP 10.0.0.1:80", "wrr", &servers)];
    let mut raised = Vec::new();
    for seed in 0..300 {
        let mut dice = Dice::new(seed);
        let (clients, each) = [(100, 1), (45, 40), (400, 2)][seed as usize % 3];
        let mut all = Vec::new();
        for client in 0..clients {
            let server = 1 + dice.below(20) as u32;
            for number in 0..each {
                let (client, port) = (0x0A09_0000 + client, 2_000 + number);
                all.push(web(client, port, server, "ESTABLISHED", 900));
            }
        }
        let survey = surveyed(many, &all, all.len(), seed);
        raised.extend(survey.signs.iter().map(|sign| format!("{seed}: {sign}")));
    }
    assert!(raised.is_empty(), "{raised:#?}");
    // One that is given nothing at all is told, as soon as that is no chance.
    let mut dice = Dice::new(1);
    let all: Vec<String> = (0..4_000)
        .map(|number| {
            let (client, server) = (0x0A09_0000 + number, 1 + dice.below(19) as u32);
            web(client, 2_000, server, "ESTABLISHED", 900)
        })
        .collect();
    let told = signs(many, &all, all.len());
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("10.1.20.2:80 of TCP 10.0.0.1:80 holds 0"), "{told:?}");
}

/// Persistent clients of very different size bring much of the load to one server by chance.
#[test]
fn a_few_large_clients_do_not_make_a_weight_wrong() {
    let persistent: Services<'_> = &[("TCP 10.0.0.1:80", "wlc", EVEN[0].2)];
    let mut raised = Vec::new();
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let mut all = Vec::new();
        for client in 0..120_u32 {
            let server = 1 + dice.below(3) as u32;
            // The largest has a fifth of all.
            let many = 600 / (1 + client as usize);
            for number in 0..many.max(1) {
                let (client, port) = (0x0A09_0000 + client, 2_000 + number);
                all.push(web(client, port, server, "ESTABLISHED", 900));
            }
        }
        let survey = surveyed(persistent, &all, all.len(), seed);
        let off = survey.signs.iter().filter(|sign| matches!(sign, Sign::OffWeight { .. }));
        raised.extend(off.map(|sign| format!("{seed}: {sign}")));
    }
    assert!(raised.is_empty(), "{raised:#?}");
}

#[test]
fn orphans_are_told_by_server() {
    let mut dice = Dice::new(5);
    let mut all: Vec<String> =
        (0..2_000).map(|n| healthy(&mut dice, n, 1 + n as u32 % 3)).collect();
    for number in 0..400 {
        all.push(web(0x0A0C_0000 + number, 3_000, 9, "ESTABLISHED", 800));
    }
    for server in 20..24 {
        all.push(web(0x0A0D_0000, 3_000, server, "ESTABLISHED", 800));
    }
    all.push("UDP 0A090006 AD06 0A000002 0035 0A010102 0035 UDP             222".to_owned());
    let told = signs(EVEN, &all, all.len());
    assert!(told[0].starts_with("400 connections of 10.1.9.2:80, which was deleted"), "{told:?}");
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[3].starts_with("3 connections of 3 servers more"), "{told:?}");
    let told = signs(EVEN, &all, 600);
    assert!(told[0].contains(" ±") && told[0].contains("10.1.9.2:80"), "{told:?}");
    let alone = ["UDP 0A090006 AD06 0A000002 0035 0A010102 0035 UDP             222".to_owned()];
    let told = signs(EVEN, &alone, 1);
    assert!(told[0].starts_with("1 connection to UDP 10.0.0.2:53"), "{told:?}");
    assert!(told[0].ends_with("there is no such service"), "{told:?}");
}

/// A service that has lost all its servers is there still, and so is one that rows do not name.
#[test]
fn a_server_was_deleted_also_where_it_was_the_last() {
    let one = [web(0x0A09_0002, 3_000, 1, "ESTABLISHED", 800)];
    let kept = "1 connection of 10.1.1.2:80, which was deleted from TCP 10.0.0.1";
    for (service, told) in [
        ("TCP 10.0.0.1:80", format!("{kept}:80: its packets go nowhere")),
        ("TCP 10.0.0.1:0", format!("{kept}:0: its packets go nowhere")),
        (
            "FWM 5",
            "1 connection to TCP 10.0.0.1:80 at 10.1.1.2:80, which no service has: its packets go \
             nowhere"
                .to_owned(),
        ),
    ] {
        for servers in [&[][..], &[("10.1.9.2:80", 1)]] {
            let survey = surveyed(&[(service, "wlc", servers)], &one, 1, 1);
            let signs: Vec<String> = survey.signs.iter().map(ToString::to_string).collect();
            assert_eq!(signs, [told.as_str()], "{service}");
        }
    }
    for other in ["TCP 10.0.0.1:81", "UDP 10.0.0.1:0", "TCP 10.0.0.2:0", "FWM 5 v6"] {
        let told = signs(&[(other, "wlc", &[])], &one, 1);
        assert!(told[0].ends_with("there is no such service"), "{other}: {told:?}");
    }
}

/// What has ended or is about to waits for nobody's packets.
#[test]
fn connections_that_end_anyway_are_no_orphans_to_speak_of() {
    let ending = ["TIME_WAIT", "CLOSE", "FIN_WAIT", "LAST_ACK"];
    let row = |(n, state): (usize, &str)| web(0x0A09_0002, 3_000 + n, 9, state, 60);
    let mut all: Vec<String> = ending.into_iter().enumerate().map(row).collect();
    all.push(web(0x0A09_0002, 0, 9, "NONE", 60));
    assert_eq!(signs(EVEN, &all, all.len()), [""; 0]);
    all.push(row((9, "ESTABLISHED")));
    let told = signs(EVEN, &all, all.len());
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("1 connection of 10.1.9.2:80"), "{told:?}");
}

#[test]
fn one_client_with_a_third_of_the_table_is_outsized() {
    let mut dice = Dice::new(6);
    let mut all: Vec<String> =
        (0..4_000).map(|n| healthy(&mut dice, n, 1 + n as u32 % 3)).collect();
    for number in 0..2_000 {
        all.push(web(0x0A0E_0001, 2_000 + number, 1 + number as u32 % 3, "ESTABLISHED", 800));
    }
    let told = signs(EVEN, &all, 1_500);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("client 10.14.0.1 has 2,"), "{told:?}");
    // Three proxies that share everything are the usual case behind another balancer.
    let proxies: Vec<String> = (0..3_000)
        .map(|n| web(0x0A0E_0001 + n % 3, 2_000 + n as usize, 1 + n / 3 % 3, "ESTABLISHED", 800))
        .collect();
    assert_eq!(signs(EVEN, &proxies, 1_000), [""; 0]);
}

#[test]
fn a_table_near_its_limits_is_told() {
    let mut dice = Dice::new(7);
    let all: Vec<String> = (0..4_000).map(|n| healthy(&mut dice, n, 1 + n as u32 % 3)).collect();
    let mut snapshot = table(EVEN);
    count(&mut snapshot, &all);
    let told = |snapshot: &Snapshot| {
        let survey = survey(&all[..1_000], End::Budget, None, snapshot);
        survey.signs.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(told(&snapshot), [""; 0]);
    let mut crowded = snapshot.clone();
    crowded.info =
        crate::snapshot::Part::Fresh(crate::ipvs::Info { version: 0, conn_tab_size: 256 });
    let signs = told(&crowded);
    assert!(
        signs[0].contains("256 hash buckets, 15 each") && signs[0].contains("conn_tab_bits=12")
    );
    // A large table is not told to shrink.
    let large = |bits: u32| {
        let rows = Estimate::exact(1 << 25);
        Sign::Crowded { rows, buckets: 1 << bits, grown: false }.to_string()
    };
    assert!(large(12).ends_with("conn_tab_bits=20"), "{}", large(12));
    assert!(large(20).contains("it cannot grow"), "{}", large(20));
    assert!(large(21).ends_with("conn_tab_bits=25"), "{}", large(21));
    let crate::snapshot::Part::Fresh(sysctls) = &mut snapshot.sysctls else { panic!() };
    sysctls.insert("conn_max".to_owned(), "4500".to_owned());
    let signs = told(&snapshot);
    assert!(signs[0].starts_with("the table holds 4,000 ±12 of at most 4,500"), "{signs:?}");
}

/// Names in signs are those of the views that show them.
#[test]
fn signs_know_what_they_are_about() {
    let place: Place = ("TCP 10.0.0.1:80".parse().unwrap(), "10.1.1.2:80".parse().unwrap());
    let share = Share { value: 0.44, low: 0.42, high: 0.46 };
    let sign = Sign::OffWeight { place, held: share, due: 0.333 };
    assert_eq!(sign.about(), About::Server(place));
    assert_eq!(sign.of_itself(), "holds 44% ±2 of the connections, its weight asks for 33%");
    let rows = Estimate::exact(3);
    let row = web(0x0A09_0002, 3_000, 1, "ESTABLISHED", 800);
    let row = crate::kernel::proc::conn::ConnRow::parse(row.as_bytes()).unwrap();
    let (lane, taker) = (Lane::of(&row), Taker::Service(place.0));
    let orphans = Sign::Orphans { lane, taker, rows };
    assert_eq!(orphans.about(), About::Service(place.0));
    assert!(!orphans.is_alarm());
    assert_eq!(
        orphans.of_itself(),
        "3 connections of 10.1.1.2:80, which was deleted: their packets go nowhere"
    );
}
