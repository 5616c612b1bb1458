//! Writes what a package holds beside the program: manual pages, completions, the default settings
//! and the licences of what is linked in.
//!
//!     cargo run --example pages -- FOLDER
//!
//! All of it is made from the program's own tables (the command line in `src/cli.rs`, the settings,
//! the commands) and from what cargo knows, so that none of it can drift; and none of what makes it
//! is in the program.

#![allow(clippy::print_stderr)]

#[path = "third_party.rs"]
mod third_party;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::{Shell, generate_to};
use ipvs_tui::cli::Cli;
use ipvs_tui::command::COMMANDS;
use ipvs_tui::config::SETTINGS;

/// The sections of `ipvs-tui.1` that the command line does not tell.
const MORE: &str = "\
.SH \"EXIT STATUS\"
.TP
.B 0
done, or nothing to do
.TP
.B 1
failed; the sentence on standard error says what and why
.TP
.B 2
wrong arguments, a mistake in a configuration file, or no terminal
.TP
.B 3, 4, 5
of changes from scripts: refused as dangerous, conflict with someone else's change, the time is up
.TP
.B 3, 4
of the doctor: warnings, errors
.TP
.B 128+N
the console was ended by signal N
.SH CAPABILITIES
CAP_NET_ADMIN alone is enough to watch and to change; being root is not needed. \\-\\-netns needs
CAP_SYS_ADMIN too. Without any,
.B ipvs\\-tui watch
shows what /proc shows to everyone.
.SH FILES
.TP
.I /etc/ipvs\\-tui/config.toml
settings and keys for everyone
.TP
.I ~/.config/ipvs\\-tui/config.toml
the same for one user, over it
.TP
.I ~/.config/ipvs\\-tui/themes/NAME.toml
themes
.TP
.I /var/lib/ipvs\\-tui/journal.jsonl
root's journal: who changed what, when and why
.TP
.I ~/.local/state/ipvs\\-tui/journal.jsonl
everyone else's
.SH ENVIRONMENT
.TP
.B XDG_CONFIG_HOME, XDG_STATE_HOME
in place of ~/.config and ~/.local/state
.TP
.B NO_COLOR, COLORTERM, TERM
what colours are shown
.TP
.B LC_ALL, LC_CTYPE, LANG
whether lines are drawn with more than ASCII
.SH \"SEE ALSO\"
.BR ipvsadm (8),
.BR keepalived (8)
";

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: pages FOLDER");
        return ExitCode::from(2);
    };
    match write(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pages: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path) -> anyhow::Result<()> {
    let man = folder.join("man");
    // What an earlier version wrote must not be packed.
    if man.exists() {
        fs::remove_dir_all(&man)?;
    }
    fs::create_dir_all(&man)?;
    clap_mangen::generate_to(Cli::command(), &man)?;
    let page = man.join("ipvs-tui.1");
    let told = fs::read_to_string(&page).context("the manual page of the whole")?;
    fs::write(&page, format!("{told}{MORE}"))?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut Cli::command(), "ipvs-tui", folder)?;
    }
    fs::write(folder.join("config.toml"), settings())?;
    fs::write(folder.join("third-party.txt"), third_party::notice()?)?;
    Ok(())
}

/// Every setting and key, none of which says anything: what is not said is the default.
fn settings() -> String {
    let mut text = "\
# ipvs-tui: settings and keys for everyone on this machine. ~/.config/ipvs-tui/config.toml says
# otherwise for one user, and the command line over both. What is commented out is the default,
# but for journal, which has none; 'ipvs-tui --print-config' prints what holds and where it comes from.
"
    .to_owned();
    for setting in SETTINGS {
        let default = setting.default.unwrap_or("\"/...\"");
        let words =
            format!("\n# {} ({})\n#{} = {default}\n", setting.doc, setting.words, setting.name);
        text.push_str(&words);
    }
    text.push_str("\n#[keys]\n");
    for spec in COMMANDS {
        let keys: Vec<String> = spec.keys.iter().map(|key| format!("{key:?}")).collect();
        text.push_str(&format!("#{} = [{}]  # {}\n", spec.name, keys.join(", "), spec.doc));
    }
    text
}
