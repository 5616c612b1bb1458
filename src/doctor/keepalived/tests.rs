//! Against keepalived's own samples of style, and against what it would not take.

use proptest::prelude::*;

use super::*;

fn key(text: &str) -> ServiceKey {
    text.parse().unwrap()
}

/// Each server as `SERVICE ADDRESS:PORT WEIGHT`, with `!` behind if it is inhibited.
fn servers(config: &Keepalived) -> Vec<String> {
    let line = |s: &RealServer| {
        let weight = s.weight.map_or_else(|| "?".to_owned(), |weight| weight.to_string());
        let inhibit = if s.inhibit { "!" } else { "" };
        format!("{} {}:{} {weight}{inhibit}", s.service, s.addr, s.port)
    };
    config.servers.iter().map(line).collect()
}

#[test]
fn servers_come_with_their_weights() {
    let config = parse(
        r#"! Configuration File for keepalived
        global_defs {
            router_id lb1   # a comment
            lvs_sync_daemon eth1 inst VI_1 id 7 port 8849 group 224.0.0.90
        }
        vrrp_instance VI_1 {
            virtual_ipaddress {
                10.0.0.1/24 dev eth0 label eth0:1
                10.0.0.2
            }
            virtual_ipaddress_excluded { fd00::1/64 }
        }
        virtual_server 10.0.0.1 80 {
            lvs_sched wlc
            lvs_method NAT
            real_server 10.1.1.2 8080 {
                weight 10
                inhibit_on_failure
                HTTP_GET { url { path / status_code 200 } }
            }
            real_server 10.1.2.2 80
            {
                notify_up "/usr/bin/say 'weight 9' }"
                TCP_CHECK {
                    connect_timeout 3
                }
            }
        }
        virtual_server 10.0.0.1 53 {
            protocol UDP
            inhibit_on_failure
            weight 5
            real_server 10.1.1.2 53 {
            }
            real_server 10.1.2.2 53 { inhibit_on_failure no
                weight 0 }
        }
        virtual_server fwmark 5 { real_server fd00:1::2 0 { weight 3 } }
        virtual_server fd00::1 443 { real_server fd00:1::2 443 { weight 3 } }"#,
    );
    assert_eq!(config.skipped, [""; 0]);
    assert_eq!(
        servers(&config),
        [
            "TCP 10.0.0.1:80 10.1.1.2:8080 10!",
            "TCP 10.0.0.1:80 10.1.2.2:80 1",
            "UDP 10.0.0.1:53 10.1.1.2:53 5!",
            "UDP 10.0.0.1:53 10.1.2.2:53 0",
            "FWM 5 v6 fd00:1::2:0 3",
            "TCP [fd00::1]:443 fd00:1::2:443 3",
        ]
    );
    let addresses: Vec<String> = config.addresses.iter().map(ToString::to_string).collect();
    assert_eq!(addresses, ["10.0.0.1", "10.0.0.2", "fd00::1"]);
    let daemon = SyncDaemon {
        interface: "eth1".into(),
        id: Some(7),
        port: Some(8849),
        group: Some("224.0.0.90".parse().unwrap()),
    };
    assert_eq!(config.daemon, Some(Ok(daemon)));
}

#[test]
fn groups_stand_for_their_services() {
    let config = parse(
        "virtual_server_group WEB {
            10.0.0.1 80
            10.0.0.2-9 80
            fwmark 7
        }
        virtual_server group WEB {
            real_server 10.1.1.2 80 { weight 4 }
        }
        virtual_server group OTHER { real_server 10.1.1.2 80 { weight 4 } }",
    );
    assert_eq!(servers(&config), ["TCP 10.0.0.1:80 10.1.1.2:80 4", "FWM 7 10.1.1.2:80 4"]);
    assert_eq!(config.servers[0].service, key("TCP 10.0.0.1:80"));
    assert_eq!(
        config.skipped,
        [
            "line 3: an entry of a group, such as a range",
            "line 9: virtual_server_group OTHER is not here"
        ]
    );
}

/// Nothing is made up of what keepalived would compute or replace.
#[test]
fn what_is_not_understood_is_told_and_not_guessed() {
    let config = parse(
        "include /etc/keepalived/conf.d/*.conf
        $W=10
        virtual_server 10.0.0.1 80 {
            real_server 10.1.1.2 80 { weight $W }
            real_server 10.1.2.2 80 {
                weight 10
                @lb2 weight 20
            }
            real_server 10.1.3.2 80 {
                weight 10
                MISC_CHECK {
                    misc_dynamic
                }
            }
            real_server ${NET}.4 80 { weight 1 }
        }
        @^lb1 virtual_server 10.0.0.2 80 {
            real_server 10.1.1.2 80 { weight 1 }
        }",
    );
    assert_eq!(
        servers(&config),
        [
            "TCP 10.0.0.1:80 10.1.1.2:80 ?",
            "TCP 10.0.0.1:80 10.1.2.2:80 ?",
            "TCP 10.0.0.1:80 10.1.3.2:80 ?",
            "TCP 10.0.0.2:80 10.1.1.2:80 ?",
        ]
    );
    assert_eq!(
        config.skipped,
        [
            "line 1: include /etc/keepalived/conf.d/*.conf",
            "line 2: a parameter",
            "line 7: only where @lb2",
            "line 17: only where @^lb1",
            "line 4: a weight that is not understood",
            "line 15: a real server that is not understood",
        ]
    );
}

#[test]
fn a_sync_daemon_is_not_guessed_either() {
    let daemon = |lines: &str| {
        let daemon = parse(&format!("global_defs {{\n{lines}\n}}")).daemon;
        daemon.map(|daemon| daemon.map(|daemon| daemon.interface))
    };
    let why = |lines: &str| daemon(lines).unwrap().unwrap_err();
    assert_eq!(daemon("router_id lb1"), None);
    assert_eq!(daemon("lvs_sync_daemon eth0 VI_1"), Some(Ok("eth0".to_owned())));
    assert_eq!(why("lvs_sync_daemon $IF VI_1"), "line 2: a parameter of its lvs_sync_daemon");
    why("lvs_sync_daemon eth0 VI_1 id ${ID}");
    assert_eq!(
        why("@node1 lvs_sync_daemon eth0 VI_1\n@node2 lvs_sync_daemon eth1 VI_1"),
        "line 2: its lvs_sync_daemon counts on some hosts alone"
    );
    why("@node1 lvs_sync_daemon eth0 VI_1\nlvs_sync_daemon eth1 VI_1");
    // keepalived takes the first, and says that it ignores others.
    let both = "lvs_sync_daemon eth0 VI_1\n@node2 lvs_sync_daemon eth1 VI_1";
    assert_eq!(daemon(both), Some(Ok("eth0".to_owned())));
    let blocks =
        "global_defs {\nlvs_sync_daemon eth0 VI_1\n}\nglobal_defs {\nlvs_sync_daemon eth1 VI_1\n}";
    assert_eq!(parse(blocks).daemon.unwrap().unwrap().interface, "eth0");
    let some = "@node1 global_defs {\nlvs_sync_daemon eth0 VI_1\n}";
    assert!(parse(some).daemon.unwrap().is_err());
}

#[test]
fn a_family_that_a_parameter_says_is_not_known() {
    let config = parse("virtual_server fwmark 5 { ip_family $F\n real_server 10.1.1.2 0 { } }");
    assert_eq!(config.servers, []);
    assert_eq!(config.skipped, ["line 1: a virtual server that is not understood"]);
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "[a-z0-9 {}#!@$~\"\n./:]{0,200}") {
        let _ = parse(&text);
    }

    /// Braces out of balance cost neither the stack nor anything that was read before.
    #[test]
    fn depth_is_bounded(depth in 0_usize..2_000) {
        let text = format!(
            "virtual_server 10.0.0.1 80 {{ real_server 10.1.1.2 80 {{ weight 3 }} }}\n{}",
            "a {\n".repeat(depth)
        );
        prop_assert_eq!(servers(&parse(&text)), ["TCP 10.0.0.1:80 10.1.1.2:80 3"]);
    }
}
