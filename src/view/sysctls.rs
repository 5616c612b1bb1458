//! The `net.ipv4.vs` sysctls for the view of the director: those that are not at their default
//! first, then the others by what they decide.

use ratatui::text::{Line, Span};

use super::sheet::{INDENT, Sheet};
use crate::ipvs::counted;
use crate::journal::clean;
use crate::kernel::proc::sysctl::{SYSCTLS, Sysctl};
use crate::snapshot::{Part, Sysctls};

/// What groups of [`SYSCTLS`] decide, each by the first of its names.
const GROUPS: &[(&str, &str)] = &[
    ("Draining and deleting", "expire_quiescent_template"),
    ("Packets of no connection", "sloppy_tcp"),
    ("Shedding load", "drop_entry"),
    ("Counting", "run_estimation"),
    ("Forwarding", "backup_only"),
    ("Synchronising", "sync_threshold"),
    ("Hash tables", "conn_lfactor"),
];

pub(super) fn list(part: &Part<Sysctls>, sheet: &mut Sheet<'_>) {
    let theme = &sheet.look.theme;
    let values = match part {
        Part::Unreadable(why) => {
            sheet.head("Sysctls");
            return sheet.say(2, why, theme.warning);
        }
        Part::Fresh(values) | Part::Stale { value: values, .. } => values,
    };
    let changed = |sysctl: &&Sysctl| {
        values.get(sysctl.name).is_some_and(|v| sysctl.is_changed(v) == Some(true))
    };
    let n = SYSCTLS.iter().filter(changed).count();
    if n == 0 {
        sheet.head("Sysctls net.ipv4.vs: all at their defaults");
    } else {
        let (they, verb) = if n == 1 { ("its", "is") } else { ("their", "are") };
        let count = counted(n as u64, "sysctl");
        sheet.head(&format!("Sysctls net.ipv4.vs: {count} {verb} not at {they} default"));
        SYSCTLS.iter().filter(changed).for_each(|sysctl| one(sysctl, values, sheet));
    }
    for sysctl in SYSCTLS {
        if let Some((title, _)) = GROUPS.iter().find(|(_, first)| *first == sysctl.name) {
            let mut group = group(sysctl.name).filter(|s| values.contains_key(s.name));
            if group.any(|s| !changed(&s)) {
                sheet.head(title);
            }
        }
        if !changed(&sysctl) {
            one(sysctl, values, sheet);
        }
    }
    let known = |name: &String| Sysctl::find(name).is_some();
    let others: Vec<String> = values
        .iter()
        .filter(|(name, _)| !known(name))
        .map(|(name, value)| format!("{} {}", clean(name), shown(value)))
        .collect();
    if !others.is_empty() {
        sheet.head("Others");
        sheet.say(2, &others.join(", "), theme.director_value);
    }
}

/// The sysctls from the first of a group up to the next group.
fn group(first: &'static str) -> impl Iterator<Item = &'static Sysctl> {
    let begins = |sysctl: &&Sysctl| GROUPS.iter().any(|(_, name)| *name == sysctl.name);
    let from = SYSCTLS.iter().skip_while(move |s| s.name != first);
    from.take_while(move |s| s.name == first || !begins(s))
}

/// `! conn_reuse_mode  0  (default 1)`, and what it does. A kernel without it has no line.
fn one(sysctl: &Sysctl, values: &Sysctls, sheet: &mut Sheet<'_>) {
    let theme = &sheet.look.theme;
    let Some(value) = values.get(sysctl.name) else { return };
    let (mark, style, note) = match sysctl.is_changed(value) {
        Some(true) => {
            let default = sysctl.default.unwrap_or_default();
            (sheet.look.glyphs.note, theme.director_alert, format!("default {}", shown(default)))
        }
        Some(false) => (" ", theme.director_value, "default".to_owned()),
        None => (" ", theme.director_value, "no fixed default".to_owned()),
    };
    let (name, value) = (sysctl.name, shown(value));
    sheet.line(Line::from(vec![
        Span::styled(format!("{mark} {name:<26}{value:>10}"), style),
        Span::styled(format!("  ({note})"), theme.dim),
    ]));
    sheet.say(INDENT, sysctl.doc, theme.dim);
}

/// On one line, and visible where it is empty. Another program may have set it: what could steer
/// a terminal is escaped.
fn shown(value: &str) -> String {
    if value.is_empty() {
        return "(empty)".to_owned();
    }
    clean(&value.replace('\t', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sysctl_belongs_to_one_group() {
        let grouped: Vec<&str> =
            GROUPS.iter().flat_map(|(_, first)| group(first)).map(|s| s.name).collect();
        let all: Vec<&str> = SYSCTLS.iter().map(|s| s.name).collect();
        assert_eq!(grouped, all);
    }

    #[test]
    fn values_are_one_visible_line() {
        assert_eq!(shown("3\t50"), "3 50");
        assert_eq!(shown(""), "(empty)");
        assert_eq!(shown("\u{1b}[2J"), "\\u{1b}[2J");
    }
}
