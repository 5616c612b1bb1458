//! What holds, and where it comes from: `--print-config` and `--print-keys`. Both print a file
//! that means the same when it is read again.

use std::io::{self, Write};

use super::mistake::shown;
use super::settings::list;
use super::{Config, Found, Origin, SETTINGS};
use crate::command::COMMANDS;
use crate::keys::{Key, Keymap};

/// Prints every setting with its value and where it comes from, and the keys that files bind.
///
/// # Errors
/// When `out` cannot be written.
pub fn print_config(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    files(config, out)?;
    for setting in SETTINGS {
        let from = match config.origin(setting.name) {
            Origin::Default => "the default".to_owned(),
            Origin::File(at) => at.to_string(),
            Origin::Arguments => "the command line".to_owned(),
        };
        writeln!(out, "\n# {} ({})", setting.doc, setting.words)?;
        match (setting.show)(config) {
            Some(value) => writeln!(out, "{} = {value}  # {from}", setting.name)?,
            None => writeln!(out, "# {} = ...  # {from}", setting.name)?,
        }
    }
    writeln!(out, "\n# those that files alter; --print-keys prints all of them\n[keys]")?;
    for given in &config.given {
        let Some(spec) = given.command.spec() else { continue };
        let keys = list(given.keys.iter().map(|(key, _)| key.to_string()));
        writeln!(out, "{} = {keys}  # {}", spec.name, given.at)?;
    }
    Ok(())
}

/// Prints every command with its keys, what it does, and which file says so; without those that
/// change anything where the console only watches, and those about recordings where none is played.
///
/// # Errors
/// When `out` cannot be written.
pub fn print_keys(config: &Config, keymap: &Keymap, out: &mut dyn Write) -> io::Result<()> {
    files(config, out)?;
    writeln!(out, "\n[keys]")?;
    let rows: Vec<_> = keymap
        .commands()
        .map(|spec| {
            let keys = list(keymap.keys_of(spec.command));
            (format!("{} = {keys}", spec.name), spec)
        })
        .collect();
    let width = rows.iter().map(|(row, _)| row.chars().count()).max().unwrap_or(0);
    for (row, spec) in rows {
        let given = config.given.iter().find(|given| given.command == spec.command);
        let from = match given {
            Some(given) => format!(" ({})", given.at),
            None => taken(config, spec.keys),
        };
        writeln!(out, "{row:width$}  # {}{from}", spec.doc)?;
    }
    Ok(())
}

/// Which of these default keys files give to other commands.
fn taken(config: &Config, defaults: &[&str]) -> String {
    let taken = |text: &&str| {
        let key: Key = text.parse().ok()?;
        config.given.iter().find_map(|given| {
            let (_, at) = given.keys.iter().find(|(known, _)| *known == key)?;
            let by = COMMANDS.iter().find(|spec| spec.command == given.command)?;
            Some(format!("; {key} is now {}: {at}", by.name))
        })
    };
    defaults.iter().filter_map(taken).collect()
}

fn files(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "# What counts more stands further down; the command line counts most.")?;
    for (path, found) in &config.files {
        let found = match found {
            Found::Read => "",
            Found::NotThere => " (is not there)",
            Found::OutOfReach => " (is in a folder that may not be entered)",
        };
        writeln!(out, "# {}{found}", shown(path))?;
    }
    Ok(())
}
