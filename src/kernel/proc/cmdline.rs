//! Command lines of other programs: which program it is, and where its configuration lies.

use std::path::Path;

/// Arguments of a process. Whoever started it chose them, so they are only shown, and escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Args(Vec<String>);

impl Args {
    pub(super) fn new(args: Vec<String>) -> Self {
        Self(args)
    }

    /// The arguments of `program`, if this is it: by its own name, as a script of a perl
    /// interpreter, with a title it gave itself (one string with blanks), or, when it was started
    /// under another name, by the name `comm` that the kernel knows. A process without arguments
    /// is a kernel thread or has ended.
    pub(super) fn of_program(&self, program: &str, comm: &str) -> Option<Self> {
        let Self(args) = self;
        let (first, rest) = args.split_first()?;
        if is_named(first, program) {
            return Some(Self(rest.to_vec()));
        }
        if rest.is_empty() && first.contains(' ') {
            let words: Vec<String> = first.split_whitespace().map(str::to_owned).collect();
            return Self(words).of_program(program, comm);
        }
        if file_name(first).starts_with("perl")
            && let Some(script) = rest.iter().position(|arg| is_named(arg, program))
        {
            return Some(Self(rest.iter().skip(script + 1).cloned().collect()));
        }
        (comm == program).then(|| Self(rest.to_vec()))
    }

    /// The value of `--NAME VALUE` or `--NAME=VALUE`.
    pub(super) fn long(&self, name: &str) -> Option<&str> {
        let mut args = self.0.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            match arg.strip_prefix("--").and_then(|arg| arg.strip_prefix(name)) {
                Some("") => return args.next(),
                Some(rest) if rest.starts_with('=') => return rest.get(1..),
                _ => {}
            }
        }
        None
    }

    /// Whether `--NAME` is there.
    pub(super) fn has_long(&self, name: &str) -> bool {
        self.0.iter().any(|arg| arg.strip_prefix("--") == Some(name))
    }

    /// The value of the short option `letter`, empty if it takes none, as getopt finds it.
    /// `valued` are the letters that take a value; `attached` those that take one only without a
    /// blank between.
    pub(super) fn short(&self, letter: char, valued: &str, attached: &str) -> Option<&str> {
        let mut args = self.0.iter().map(String::as_str);
        while let Some(arg) = args.next() {
            let Some(letters) = arg.strip_prefix('-').filter(|rest| !rest.starts_with('-')) else {
                continue;
            };
            for (at, found) in letters.char_indices() {
                let rest = letters.get(at + found.len_utf8()..).unwrap_or_default();
                let takes = valued.contains(found);
                let value = if takes && rest.is_empty() { args.next() } else { Some(rest) };
                if found == letter {
                    return if takes { value } else { Some("") };
                }
                if takes || attached.contains(found) {
                    break;
                }
            }
        }
        None
    }
}

fn file_name(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Titles may end in a colon: `keepalived: ...`.
fn is_named(path: &str, program: &str) -> bool {
    let name = file_name(path);
    name.strip_suffix(':').unwrap_or(name) == program
}

/// Short options of keepalived that take a value, and those that may (`main.c`).
const KEEPALIVED: (&str, &str) = ("uSfpircbAs", "Mgt");

/// Whether keepalived was told to run without health checks, which is without IPVS.
pub(super) fn keepalived_without_checks(args: &Args) -> bool {
    let (valued, attached) = KEEPALIVED;
    let vrrp = args.has_long("vrrp") || args.short('P', valued, attached).is_some();
    vrrp && !args.has_long("all")
}

/// Whether keepalived was told to check real servers alone, which leaves addresses where they are.
pub(super) fn keepalived_without_vrrp(args: &Args) -> bool {
    let (valued, attached) = KEEPALIVED;
    let checks = args.has_long("check") || args.short('C', valued, attached).is_some();
    checks && !keepalived_without_checks(args) && !args.has_long("all")
}

/// The file given to keepalived.
pub(super) fn keepalived_config(args: &Args) -> Option<&str> {
    let (valued, attached) = KEEPALIVED;
    args.short('f', valued, attached).or_else(|| args.long("use-file"))
}

/// The configuration given to ldirectord: a path, or a name that it looks up in `/etc/ha.d`.
pub(super) fn ldirectord_config(args: &Args) -> Option<&str> {
    const COMMANDS: [&str; 7] =
        ["start", "stop", "restart", "try-restart", "reload", "force-reload", "status"];
    let mut plain = args.0.iter().map(String::as_str).filter(|arg| !arg.starts_with('-'));
    plain.find(|arg| !COMMANDS.contains(arg))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split(' ').map(str::to_owned).collect())
    }

    fn keepalived(line: &str) -> Args {
        args(line).of_program("keepalived", "").unwrap()
    }

    #[test]
    fn programs_are_known_by_their_names() {
        let is =
            |line: &str, program: &str, comm: &str| args(line).of_program(program, comm).is_some();
        assert!(is("/usr/sbin/keepalived -n", "keepalived", "lvs-checks"));
        assert!(is("/opt/k-2.3 -n", "keepalived", "keepalived"));
        assert!(is("/usr/bin/perl -w /usr/sbin/ldirectord start", "ldirectord", "ldirectord"));
        assert!(!is("vim keepalived", "keepalived", "vim"));
        assert!(!is("tail -f /var/log/keepalived", "keepalived", "tail"));
        assert_eq!(Args::new(Vec::new()).of_program("keepalived", "keepalived"), None);
        let title = Args::new(vec!["ldirectord /etc/ha.d/web.cf".to_owned()]);
        let title = title.of_program("ldirectord", "perl").unwrap();
        assert_eq!(ldirectord_config(&title), Some("/etc/ha.d/web.cf"));
    }

    #[test]
    fn configurations_are_found_as_the_programs_find_them() {
        for (line, config) in [
            ("keepalived", None),
            ("keepalived -f /a.conf", Some("/a.conf")),
            ("keepalived -f/a.conf", Some("/a.conf")),
            ("keepalived -lDf /a.conf", Some("/a.conf")),
            ("keepalived -p -f -D", None),
            ("keepalived -mMfoo -D", None),
            ("keepalived --use-file /a.conf", Some("/a.conf")),
            ("keepalived --log-detail --use-file=/a.conf", Some("/a.conf")),
            ("keepalived -f", None),
        ] {
            assert_eq!(keepalived_config(&keepalived(line)), config, "{line}");
        }
        for (line, config) in [
            ("ldirectord start", None),
            ("ldirectord -d web.cf start", Some("web.cf")),
            ("ldirectord /etc/ha.d/web.cf restart", Some("/etc/ha.d/web.cf")),
        ] {
            let args = args(line).of_program("ldirectord", "").unwrap();
            assert_eq!(ldirectord_config(&args), config, "{line}");
        }
    }

    #[test]
    fn keepalived_for_vrrp_alone_is_told() {
        assert!(keepalived_without_checks(&keepalived("keepalived -lP")));
        assert!(keepalived_without_checks(&keepalived("keepalived --vrrp -n")));
        assert!(!keepalived_without_checks(&keepalived("keepalived --vrrp --all")));
        assert!(!keepalived_without_checks(&keepalived("keepalived -fPROD -C")));
        assert!(keepalived_without_vrrp(&keepalived("keepalived -fPROD -C")));
        assert!(!keepalived_without_vrrp(&keepalived("keepalived -P -C")));
    }
}
