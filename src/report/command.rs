//! A change as the command line that would do the same.

use std::borrow::Cow;
use std::fmt;

use super::ipvsadm::{self, Fidelity, Line};
use crate::ipvs::{Change, ServiceKey, shell};
use crate::plan::Plan;

/// The command lines that do what a [`Change`] does, for a shell, to be read, copied or logged.
///
/// Edits say every option, because ipvsadm resets what is left out: `-E` the scheduler,
/// persistence and flags, `-e` the weight, forwarding method, tunnel and thresholds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// Command lines in order, quoted for a POSIX shell. Usually one; two where a daemon is
    /// replaced; none where a line would do something else than the change, or nothing changes.
    pub lines: Vec<String>,
    /// What the lines do not say, or why there are none, as sentences.
    pub notes: Vec<String>,
}

impl Commands {
    /// The command lines for `change`.
    pub fn of(change: &Change) -> Self {
        let mut commands = Self::default();
        match change {
            Change::Service { before, after } => match (before, after) {
                (None, Some(after)) => commands.add(ipvsadm::service("-A", after)),
                (Some(_), Some(after)) => commands.add(ipvsadm::service("-E", after)),
                (Some(before), None) => commands.add(about_service("-D", change, before.key)),
                (None, None) => {}
            },
            Change::Server { service, before, after } => match (before, after) {
                (None, Some(after)) => commands.add(ipvsadm::server("-a", *service, after)),
                (Some(_), Some(after)) => commands.add(ipvsadm::server("-e", *service, after)),
                (Some(before), None) => {
                    let mut line = about_service("-d", change, *service);
                    line.server_key(before.key);
                    commands.add(line);
                }
                (None, None) => {}
            },
            Change::Timeouts { after, .. } => commands.add(ipvsadm::timeouts(*after)),
            Change::Daemon { before, after } => {
                if let Some(before) = before {
                    let mut line = Line::new("--stop-daemon", change.subject());
                    line.words.push(before.role.to_string());
                    commands.add(line);
                }
                if let Some(after) = after {
                    commands.add(ipvsadm::start_daemon(after));
                }
            }
            Change::Sysctl { name, after, .. } => {
                // The kernel separates several values by tabs and takes blanks.
                let value = after.split_whitespace().collect::<Vec<_>>().join(" ");
                let setting = format!("net.ipv4.vs.{name}={value}");
                commands.lines.push(shell(["sysctl", "-w", setting.as_str()]));
            }
            Change::Zero(None) => commands.add(Line::new("-Z", change.subject())),
            Change::Zero(Some(key)) => commands.add(zero(change, *key)),
            Change::Flush => commands.add(Line::new("-C", change.subject())),
        }
        commands
    }

    /// Takes `line` if it does just what is meant, and its notes in any case.
    fn add(&mut self, line: Line) {
        if line.fidelity == Fidelity::Same {
            self.lines.push(line.command_line());
        }
        self.notes.extend(line.notes);
    }
}

impl fmt::Display for Commands {
    /// The notes as comments, then the lines, without a newline at the end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let notes = self.notes.iter().map(|note| Cow::from(format!("# {note}")));
        let lines = self.lines.iter().map(Cow::from);
        f.write_str(&notes.chain(lines).collect::<Vec<_>>().join("\n"))
    }
}

/// The command line for `change`, after comments (`# ...`) that tell what it does not say. Where
/// no command line does the same, the comments stand alone.
pub fn command(change: &Change) -> String {
    Commands::of(change).to_string()
}

/// The command lines for a plan, one a line, notes as comments.
pub fn script(plan: &Plan) -> String {
    plan.changes.iter().map(|change| command(change) + "\n").collect()
}

fn about_service(command: &str, change: &Change, key: ServiceKey) -> Line {
    let mut line = Line::new(command, change.subject());
    line.service_key(key);
    line
}

fn zero(change: &Change, key: ServiceKey) -> Line {
    let mut line = about_service("-Z", change, key);
    if let ServiceKey::Endpoint { addr, port: 0, .. } = key
        && addr.is_unspecified()
    {
        let why = "ipvsadm -Z would zero every counter for this address";
        line.note(Fidelity::Unsayable, why);
    }
    line
}
