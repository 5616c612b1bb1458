//! A weight set by hand under a real keepalived: each sentence of [`OwnerKind::consequences`] and
//! [`OwnerKind::about_zero`] is tried.
//!
//! keepalived checks two real servers of the web service, each second; the second one is quiesced
//! by hand.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ipvs_tui::kernel::proc::owners::OwnerKind;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::common::ipvs_tui;
use crate::common::lab::{Lab, sh, table, until, weight};

pub(crate) const SERVICE: &str = "TCP 10.0.0.1:80";
pub(crate) const FIRST: &str = "10.1.1.2:80";
pub(crate) const SECOND: &str = "10.1.2.2:80";
const SORRY: &str = "10.1.4.2:80";
pub(crate) const CONFIG: &str = "/run/keepalived.conf";
const LOG: &str = "/run/keepalived.log";
/// Several checks.
const LONG: Duration = Duration::from_secs(4);

pub(crate) const TCP: &str = "TCP_CHECK {\n connect_timeout 1\n}";

/// A configuration for the two servers at weight 10: what stands in the service, and in the
/// second server.
pub(crate) fn config(service: &str, second: &str) -> String {
    format!(
        "global_defs {{\n script_user root\n enable_script_security\n}}
        virtual_server 10.0.0.1 80 {{
            delay_loop 1
            lvs_sched wlc
            lvs_method NAT
            protocol TCP
            {service}
            real_server 10.1.1.2 80 {{\n weight 10\n {TCP}\n}}
            real_server 10.1.2.2 80 {{\n {second}\n}}
        }}\n"
    )
}

fn plain() -> String {
    config("", &format!("weight 10\n {TCP}"))
}

/// A keepalived at work. Dropping it ends it, with its services.
pub(crate) struct Keepalived(pub(crate) Child);

impl Keepalived {
    /// Starts it on the cluster of `topology`, in place of its services.
    #[track_caller]
    pub(crate) fn start(config: &str) -> Self {
        sh("ipvsadm -C");
        std::fs::write(CONFIG, config).unwrap();
        let log = File::create(LOG).unwrap();
        let words = "--dont-fork --log-console --log-detail --check --use-file";
        let mut command = Command::new("keepalived");
        command.args(words.split(' ')).arg(CONFIG).stdin(Stdio::null());
        command.args(["--pid", "/run/keepalived.pid", "--checkers_pid", "/run/checkers.pid"]);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        let keepalived = Self(command.spawn().unwrap());
        until("keepalived has checked both servers", || {
            log_has(1, "[10.1.1.2]:tcp:80 success") && log_has(1, "Activating healthchecker")
        });
        assert_eq!(weights(), (Some(10), Some(10)), "{}", log_text());
        keepalived
    }

    #[track_caller]
    fn reload(&self, config: &str) {
        std::fs::write(CONFIG, config).unwrap();
        let before = log_text().matches("Reload complete").count();
        self.signal(Signal::HUP);
        until("keepalived has reloaded", || log_has(before + 1, "Reload complete"));
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let _ = self.0.wait();
    }
}

fn log_text() -> String {
    std::fs::read_to_string(LOG).unwrap()
}

fn log_has(times: usize, text: &str) -> bool {
    log_text().matches(text).count() >= times
}

/// Of the first server and the second.
fn weights() -> (Option<u64>, Option<u64>) {
    (weight(SERVICE, FIRST), weight(SERVICE, SECOND))
}

#[track_caller]
fn quiesce(server: &str) {
    let words = ["quiesce", "-t", "10.0.0.1:80", "-r", server, "--yes", "--reason", "test"];
    let ran = ipvs_tui(&words);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(weight(SERVICE, server), Some(0));
}

/// The weights stay what they are, for several checks.
#[track_caller]
fn steady() {
    let before = weights();
    for _ in 0..8 {
        std::thread::sleep(LONG / 8);
        assert_eq!(weights(), before, "{}", log_text());
    }
}

/// Kills what runs on the second server until nothing does: some of it ends by itself meanwhile.
pub(crate) fn stop_second() {
    sh("while pids=$(ipr netns pids rs2) && [ -n \"$pids\" ]; do
            kill -9 $pids 2>/dev/null || true
        done");
}

pub(crate) fn start_second() {
    sh("ipr netns exec rs2 httpd -p 80 -h /run/www/rs2");
}

/// "stays until [...] its check fails or recovers [...] Then keepalived's weight is back."
#[test]
fn a_weight_by_hand_lasts_until_the_check_fails_and_recovers() {
    for inhibit in [false, true] {
        let Some(_lab) = Lab::with("nat") else { return };
        let second =
            format!("weight 10\n {}\n {TCP}", if inhibit { "inhibit_on_failure" } else { "" });
        let _keepalived = Keepalived::start(&config("", &second));

        let before = table();
        let words = ["quiesce", "-t", "10.0.0.1:80", "-r", SECOND, "--dry-run", "--json"];
        let ran = ipvs_tui(&words);
        let document: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {ran:?}"));
        let [owner] = &document["owners"].as_array().unwrap()[..] else { panic!("{document:#}") };
        assert_eq!(owner["name"], "keepalived");
        assert_eq!(owner["text"], OwnerKind::Keepalived.consequences());
        assert_eq!(table(), before, "a dry run");

        quiesce(SECOND);
        steady();
        stop_second();
        until("keepalived has noticed", || log_has(1, "[10.1.2.2]:tcp:80 failed"));
        // "keepalived itself sets weight 0 when a check fails and inhibit_on_failure is configured"
        let failed = if inhibit { Some(0) } else { None };
        until("it has acted", || weights() == (Some(10), failed));
        start_second();
        until("keepalived's weight is back", || weights() == (Some(10), Some(10)));
    }
}

/// What keepalived does by itself looks the same as a weight set by hand.
#[test]
fn a_zero_may_be_keepalived_s_own() {
    let Some(_lab) = Lab::with("nat") else { return };
    let _keepalived =
        Keepalived::start(&config("", &format!("weight 10\n inhibit_on_failure\n {TCP}")));
    stop_second();
    until("it sets weight 0", || weights() == (Some(10), Some(0)));
    // "raising it can send clients to a failed server": nobody takes it back.
    sh("ipvsadm -e -t 10.0.0.1:80 -r 10.1.2.2:80 -m -w 5");
    steady();
    start_second();
    until("keepalived's weight is back", || weights() == (Some(10), Some(10)));
}

/// "at a restart, at a reload that changes its configured weight"; another reload keeps it.
#[test]
fn a_weight_by_hand_outlives_a_reload_unless_its_own_weight_changed_but_no_restart() {
    let Some(_lab) = Lab::with("nat") else { return };
    let keepalived = Keepalived::start(&plain());
    quiesce(SECOND);
    keepalived.reload(&plain());
    steady();
    assert_eq!(weights(), (Some(10), Some(0)));

    sh("ipvsadm -e -t 10.0.0.1:80 -r 10.1.1.2:80 -m -w 3");
    keepalived.reload(&config("", &format!("weight 7\n {TCP}")));
    until("the new configured weight is there", || weights().1 == Some(7));
    assert_eq!(weights().0, Some(3), "the other server's is not touched");

    quiesce(SECOND);
    drop(keepalived);
    assert_eq!(weights(), (None, None), "a clean stop deletes them");
    let _keepalived = Keepalived::start(&plain());
}

/// "when the quorum changes": of a service with a sorry server.
#[test]
fn a_weight_by_hand_ends_when_the_quorum_is_lost_and_gained() {
    let Some(_lab) = Lab::with("nat") else { return };
    let service = "quorum 20\n sorry_server 10.1.4.2 80";
    let _keepalived = Keepalived::start(&config(service, &format!("weight 10\n {TCP}")));
    // Not the one that fails.
    quiesce(FIRST);
    steady();
    stop_second();
    until("the sorry server takes over", || weight(SERVICE, SORRY).is_some());
    until("nobody else does", || weights() == (None, None));
    start_second();
    until("keepalived's weights are back", || weights() == (Some(10), Some(10)));
}

/// "when a check computes weights": a script's exit code less 2.
#[test]
fn a_weight_by_hand_ends_when_a_check_computes_another() {
    let Some(_lab) = Lab::with("nat") else { return };
    sh("printf '#!/bin/sh\\nread code </run/code\\nexit $code\\n' >/run/check
        chmod 755 /run/check
        echo 12 >/run/code");
    let check = "MISC_CHECK {\n misc_path /run/check\n misc_dynamic\n}";
    let _keepalived = Keepalived::start(&config("", &format!("weight 10\n {check}")));
    quiesce(SECOND);
    steady();
    sh("echo 8 >/run/code");
    until("the computed weight is there", || weights() == (Some(10), Some(6)));
}
