//! How many colours the terminal shows, as far as its environment tells.

/// How many colours the terminal shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Depth {
    /// None: a theme is told by bold, dim, italic, underlined and reversed.
    None,
    /// The 16 whose look the terminal's owner chooses.
    Ansi,
    /// The 240 fixed ones of xterm, besides those 16.
    Indexed,
    /// 24 bits.
    True,
}

/// Terminals that show 24 bits and say so by name: ssh does not carry `COLORTERM` along.
const TRUE_BY_NAME: &[&str] =
    &["alacritty", "contour", "foot", "ghostty", "kitty", "rio", "wezterm"];

/// Terminals without colour, by how their names begin.
const COLOURLESS: &[&str] = &["dumb", "vt52", "vt1", "vt2", "vt3", "vt4"];

impl Depth {
    /// What the environment tells. A `NO_COLOR` that is not empty wins (<https://no-color.org>).
    ///
    /// Limits: `COLORTERM` is believed, except under GNU screen, which inherits it from the
    /// terminal outside and shows no 24 bits itself. A terminal that says nothing has 16.
    pub fn of(env: &dyn Fn(&str) -> Option<String>) -> Self {
        let get = |name: &str| env(name).unwrap_or_default();
        let term = get("TERM");
        if !get("NO_COLOR").is_empty() || COLOURLESS.iter().any(|t| term.starts_with(t)) {
            return Self::None;
        }
        let screen = term.starts_with("screen") && get("TMUX").is_empty();
        let says = matches!(get("COLORTERM").as_str(), "truecolor" | "24bit");
        let named = term.split('-').any(|part| TRUE_BY_NAME.contains(&part));
        if (says && !screen) || named || term.ends_with("-direct") {
            Self::True
        } else if term.ends_with("-256color") {
            Self::Indexed
        } else {
            Self::Ansi
        }
    }

    /// The theme for whoever names none.
    pub fn default_theme(self) -> &'static str {
        match self {
            Self::True | Self::Indexed => "dark",
            Self::Ansi => "ansi",
            Self::None => "mono",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_tells_how_many_colours_there_are() {
        let cases: &[(&[(&str, &str)], Depth)] = &[
            (&[], Depth::Ansi),
            (&[("TERM", "linux")], Depth::Ansi),
            (&[("TERM", "xterm")], Depth::Ansi),
            (&[("TERM", "xterm-256color")], Depth::Indexed),
            (&[("TERM", "tmux-256color"), ("COLORTERM", "")], Depth::Indexed),
            (&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")], Depth::True),
            (&[("TERM", "xterm"), ("COLORTERM", "24bit")], Depth::True),
            (&[("TERM", "xterm"), ("COLORTERM", "yes")], Depth::Ansi),
            (&[("TERM", "xterm-direct")], Depth::True),
            (&[("TERM", "xterm-kitty")], Depth::True),
            (&[("TERM", "screen"), ("COLORTERM", "truecolor")], Depth::Ansi),
            (&[("TERM", "screen-256color"), ("COLORTERM", "truecolor")], Depth::Indexed),
            (
                &[("TERM", "screen-256color"), ("COLORTERM", "truecolor"), ("TMUX", "/tmp/t,1,0")],
                Depth::True,
            ),
            (&[("TERM", "dumb"), ("COLORTERM", "truecolor")], Depth::None),
            (&[("TERM", "vt100")], Depth::None),
            (&[("TERM", "vt220")], Depth::None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "1")], Depth::None),
            (&[("TERM", "xterm-256color"), ("NO_COLOR", "")], Depth::Indexed),
        ];
        for (set, depth) in cases {
            let env = |name: &str| {
                set.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Depth::of(&env), *depth, "{set:?}");
        }
    }
}
