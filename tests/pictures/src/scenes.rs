//! Which pictures there are. A new one is an entry here.

use crate::paper::{DARK, LIGHT, Paper};

/// A picture: how the demo is started, and the way to what is shown.
pub struct Scene {
    /// The files' name.
    pub name: &'static str,
    /// Columns and rows.
    pub size: (u16, u16),
    /// After `ipvs-tui demo`.
    pub arguments: &'static [&'static str],
    /// Added to the environment.
    pub environment: &'static [(&'static str, &'static str)],
    /// How often the director is read before the first step; a minute fills the lines of values.
    pub polls: u32,
    /// The way.
    pub steps: &'static [Step],
    /// The terminal's colours.
    pub paper: &'static Paper,
}

/// A step. The next one waits until the program has nothing left to do.
pub enum Step {
    /// These keys are typed at once: one change at most, because the next may find it under way.
    /// For keys that are no characters see [`key`].
    Keys(&'static str),
    /// The director is read so many times more, an interval apart: `r`, where that is a command.
    /// What happens by itself (a ramp, a time limit) wants one at a time.
    Polls(usize),
    /// This is on the screen, or there is no picture.
    Shows(&'static str),
}

use Step::{Keys, Polls, Shows};

/// Keys that are no characters, as an xterm sends them.
mod key {
    pub const TAB: &str = "\t";
    pub const ENTER: &str = "\r";
    pub const DOWN: &str = "\x1b[B";
}

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (160, 48);

/// From the reason on a drain's page to Apply.
const TO_APPLY: &str = "\t\t\t\t";

/// Said by terminals that show any colour.
const TRUECOLOR: &[(&str, &str)] = &[("COLORTERM", "truecolor")];

/// A drain under way and a server that is marked, for the colours of each.
const A_DRAIN: &[Step] = &[
    Keys("d"),
    Keys(key::TAB),
    Keys("kernel update"),
    Keys(TO_APPLY),
    Keys(key::ENTER),
    Keys("jj "),
    Polls(10),
    Shows("draining for"),
    Shows("● live"),
];

/// A scene has to have a name and steps; what else it does not say is as here.
const PLAIN: Scene = Scene {
    name: "",
    size: SMALL,
    arguments: &[],
    environment: &[],
    polls: 90,
    steps: &[],
    paper: &DARK,
};

/// Every picture.
pub const SCENES: &[Scene] = &[
    Scene {
        name: "services",
        steps: &[
            Keys("jD"), // the host 10.1.2.2, with the offer for persistent clients
            Shows("Drain 10.1.2.2 everywhere"),
            Keys("e"),
            Keys(key::TAB),
            Keys("kernel update"),
            Keys(TO_APPLY),
            Keys(key::ENTER),
            Keys("k"),
            Polls(28),
            Shows("draining for"),
            Shows("● live"),
        ],
        ..PLAIN
    },
    Scene {
        name: "services-wide",
        size: LARGE,
        arguments: &["--scenario", "dr-farm"],
        steps: &[
            Keys("jjjjjd"),
            Keys(key::TAB),
            Keys("new memory"),
            Keys(TO_APPLY),
            Keys(key::ENTER),
            Polls(20),
            Keys("jjjjw"),
            Keys("20"),
            Keys(key::ENTER),
            Polls(24),
            Shows("draining for"),
            Shows("● live"),
        ],
        ..PLAIN
    },
    Scene {
        name: "incident",
        arguments: &["--scenario", "incident"],
        steps: &[Shows("demo incident"), Shows("● live")],
        ..PLAIN
    },
    Scene {
        name: "drain-page",
        steps: &[
            Keys("Gd"),
            Shows("Drain 10.3.1.7:0 of FWM 5"),
            Shows("f [ ] also set sh-fallback"),
        ],
        ..PLAIN
    },
    Scene {
        name: "drains",
        steps: &[
            Keys("jD"),
            Keys("e"),
            Keys(key::TAB),
            Keys("kernel update"),
            Keys(TO_APPLY),
            Keys(key::ENTER),
            Polls(28),
            Keys("4"),
            Shows("safe to stop"),
        ],
        ..PLAIN
    },
    Scene {
        name: "journal",
        steps: &[
            Keys("+"),
            Polls(6),
            Keys("u"),
            Polls(9),
            Keys("jD"),
            Keys(key::TAB),
            Keys("kernel update"),
            Keys(TO_APPLY),
            Keys(key::ENTER),
            Polls(12),
            Keys("Gw"),
            Keys("3"),
            Keys(key::ENTER),
            Polls(9),
            Keys("5"),
            Keys("j"),
            Shows("reason: kernel update"),
        ],
        ..PLAIN
    },
    Scene {
        name: "help",
        size: (120, 40),
        steps: &[Keys("?"), Shows("leave the console")],
        ..PLAIN
    },
    Scene { name: "edit", steps: &[Keys("}}}}e"), Shows("Edit a")], ..PLAIN },
    Scene {
        name: "scheduler",
        steps: &[Keys("}}}}s"), Keys(key::DOWN), Shows("Scheduler of FWM 5")],
        ..PLAIN
    },
    Scene { name: "hosts", steps: &[Keys("2"), Shows("quiesced 1/2")], ..PLAIN },
    Scene {
        name: "connections",
        steps: &[Keys("3"), Polls(2), Shows("clients"), Shows("● live")],
        ..PLAIN
    },
    Scene {
        name: "connections-incident",
        size: (120, 36),
        arguments: &["--scenario", "incident"],
        polls: 24,
        steps: &[Keys("3"), Keys("bb"), Polls(2), Shows("does not answer"), Shows("● live")],
        ..PLAIN
    },
    Scene {
        name: "doctor",
        arguments: &["--scenario", "incident"],
        steps: &[Keys("7"), Polls(2), Shows("● live")],
        ..PLAIN
    },
    Scene { name: "director", steps: &[Keys("6"), Shows("This director")], ..PLAIN },
    Scene { name: "detail", steps: &[Keys(key::ENTER), Shows("asks")], ..PLAIN },
    Scene { name: "palette", steps: &[Keys(":drain"), Shows("Commands")], ..PLAIN },
    Scene {
        name: "frozen",
        steps: &[Keys("jx"), Polls(30), Keys("[[[[["), Keys("[[[[["), Shows("frozen at")],
        ..PLAIN
    },
    Scene {
        name: "columns",
        size: LARGE,
        steps: &[Keys("c"), Shows("Columns, from left")],
        ..PLAIN
    },
    Scene { name: "filter", steps: &[Keys("/"), Keys("cps>5 10.1"), Shows("Filter:")], ..PLAIN },
    Scene {
        name: "theme-light",
        arguments: &["--theme", "light"],
        environment: TRUECOLOR,
        steps: A_DRAIN,
        paper: &LIGHT,
        ..PLAIN
    },
    Scene {
        name: "theme-gruvbox",
        arguments: &["--theme", "gruvbox"],
        environment: TRUECOLOR,
        steps: A_DRAIN,
        ..PLAIN
    },
    Scene { name: "theme-mono", environment: &[("NO_COLOR", "1")], steps: A_DRAIN, ..PLAIN },
];
