//! The one table of commands: name, doc, default keys, whether it changes anything.
//!
//! Keys, help, footer and the README's key table derive from it, so adding a command touches
//! this table and the `match` in [`crate::model`] that carries it out. A mutating command is
//! simply absent where there is no Writer: [`available`] leaves it out.

use std::collections::HashMap;

/// What an operator can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // each has its doc in COMMANDS
pub enum Command {
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    NextService,
    PreviousService,
    Open,
    WeightUp,
    WeightDown,
    WeightUpTen,
    WeightDownTen,
    SetWeight,
    Mark,
    Quiesce,
    Drain,
    DrainHost,
    Restore,
    SetScheduler,
    Undo,
    Redo,
    Edit,
    Add,
    AddService,
    Delete,
    Zero,
    Timeouts,
    Filter,
    Fold,
    Unfold,
    FoldAll,
    Sort,
    SortReverse,
    ViewServices,
    ViewHosts,
    ViewConnections,
    ViewDrains,
    ViewJournal,
    ViewDirector,
    ViewDoctor,
    NextView,
    NextRate,
    NextTheme,
    NextWindow,
    NextScale,
    Columns,
    Connections,
    GroupBy,
    GroupByPrevious,
    Names,
    WholePass,
    Freeze,
    Back,
    Forward,
    Copy,
    CopyCommand,
    Mouse,
    Refresh,
    Faster,
    Slower,
    Jump,
    NextChange,
    PreviousChange,
    Palette,
    Help,
    Close,
    Quit,
}

/// What is on the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum View {
    /// The services with their servers.
    #[default]
    Services,
    /// The real servers by address, each over all its services.
    Hosts,
    /// Who is on this director: the connection table, or a sample of it.
    Connections,
    /// The drains that are followed.
    Drains,
    /// What was changed, by whom.
    Journal,
    /// What belongs to no service: totals, owners of the table, sysctls.
    Director,
    /// The mistakes that the doctor found.
    Doctor,
}

impl View {
    /// All of them, in the order of their keys.
    pub const ALL: [Self; 7] = [
        Self::Services,
        Self::Hosts,
        Self::Connections,
        Self::Drains,
        Self::Journal,
        Self::Director,
        Self::Doctor,
    ];

    /// Its name on the screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Services => "Services",
            Self::Hosts => "Hosts",
            Self::Connections => "Connections",
            Self::Drains => "Drains",
            Self::Journal => "Journal",
            Self::Director => "Director",
            Self::Doctor => "Doctor",
        }
    }

    /// The command that goes there.
    pub fn command(self) -> Command {
        match self {
            Self::Services => Command::ViewServices,
            Self::Hosts => Command::ViewHosts,
            Self::Connections => Command::ViewConnections,
            Self::Drains => Command::ViewDrains,
            Self::Journal => Command::ViewJournal,
            Self::Director => Command::ViewDirector,
            Self::Doctor => Command::ViewDoctor,
        }
    }
}

/// A row of the table.
#[derive(Debug)]
pub struct Spec {
    /// What it is.
    pub command: Command,
    /// Its name for keymap files and the palette.
    pub name: &'static str,
    /// What it does, in one line, beginning with a verb.
    pub doc: &'static str,
    /// Default keys, the one to show first. See [`crate::keys`] for how they are written.
    pub keys: &'static [&'static str],
    /// Whether it can change the kernel's table: absent in watch mode.
    pub mutates: bool,
    /// Whether it is about a recording that is played: absent elsewhere.
    pub replays: bool,
    /// Where it means something. Nothing acts on what is not on the screen.
    pub views: &'static [View],
    /// A word for the footer, if it belongs there.
    pub hint: Option<&'static str>,
}

const fn spec(
    command: Command,
    name: &'static str,
    doc: &'static str,
    keys: &'static [&'static str],
) -> Spec {
    Spec { command, name, doc, keys, mutates: false, replays: false, views: &View::ALL, hint: None }
}

impl Spec {
    const fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// It changes the table, and is about servers and services: where these are shown.
    const fn mutates(self) -> Self {
        Self { mutates: true, views: &[View::Services], ..self }
    }

    /// It is about a recording that is played.
    const fn replays(self) -> Self {
        Self { replays: true, ..self }
    }

    /// Whether it can be had in the same console as the other.
    pub fn meets(&self, other: &Self) -> bool {
        !(self.replays && other.asks_the_kernel() || self.asks_the_kernel() && other.replays)
    }

    /// Whether there has to be a kernel for it: absent where a recording is played, which holds no
    /// connection table either.
    fn asks_the_kernel(&self) -> bool {
        let asks = self.command == Command::Connections;
        self.mutates || asks || self.views == CONNECTIONS
    }

    const fn also(self, views: &'static [View]) -> Self {
        Self { views, ..self }
    }
}

/// Where the past can be looked at: what these views show is in the history.
const PAST: &[View] = &[View::Services, View::Hosts, View::Director];

/// Where the screen can be held still.
const HELD: &[View] = &[View::Services, View::Hosts, View::Connections, View::Director];

/// Where something is selected.
const ROWS: &[View] =
    &[View::Services, View::Hosts, View::Connections, View::Drains, View::Journal, View::Doctor];

/// Where servers are selected, whose connections can be shown.
const SERVERS: &[View] = &[View::Services, View::Hosts, View::Drains];

/// The connection table.
const CONNECTIONS: &[View] = &[View::Connections];

/// Every command, in the order in which help lists them.
#[rustfmt::skip]
pub const COMMANDS: &[Spec] = &[
    spec(Command::Up, "up", "select the row above", &["Up", "k"]),
    spec(Command::Down, "down", "select the row below", &["Down", "j"]),
    spec(Command::PageUp, "page-up", "go up a page", &["PageUp", "Ctrl-b"]),
    spec(Command::PageDown, "page-down", "go down a page", &["PageDown", "Ctrl-f"]),
    spec(Command::Top, "top", "go to the first row", &["Home", "g"]),
    spec(Command::Bottom, "bottom", "go to the last row", &["End", "G"]),
    spec(Command::NextService, "next-service", "go to the next service", &["}", "Ctrl-Down"]).also(&[View::Services]),
    spec(Command::PreviousService, "previous-service", "go to the service, or the one before", &["{", "Ctrl-Up"]).also(&[View::Services]),
    spec(Command::Open, "open", "show all of what is selected", &["Enter"]).also(ROWS),
    spec(Command::WeightUp, "weight-up", "raise the weight by 1", &["+", "=", "F7"]).mutates().hint("weight"),
    spec(Command::WeightDown, "weight-down", "lower the weight by 1; 0 quiesces", &["-", "F6"]).mutates(),
    spec(Command::WeightUpTen, "weight-up-ten", "raise the weight by 10", &[">", "F8"]).mutates(),
    spec(Command::WeightDownTen, "weight-down-ten", "lower the weight by 10, to 0 at most", &["<", "F5"]).mutates(),
    spec(Command::SetWeight, "set-weight", "type it: 12, +5, -3, 50% or share 25%", &["w"]).mutates(),
    spec(Command::Mark, "mark", "mark the server, or take its mark away", &["Space"]).mutates().hint("mark"),
    spec(Command::Quiesce, "quiesce", "weight 0 now: no new connections", &["x"]).mutates().also(&[View::Services, View::Hosts]).hint("quiesce"),
    spec(Command::Drain, "drain", "drain the server in this service", &["d"]).mutates().hint("drain"),
    spec(Command::DrainHost, "drain-host", "drain its host in every service", &["D"]).mutates().also(&[View::Services, View::Hosts]).hint("drain"),
    spec(Command::Restore, "restore", "give back the weight from before", &["R"]).mutates().also(&[View::Services, View::Hosts, View::Drains]).hint("restore"),
    spec(Command::SetScheduler, "set-scheduler", "switch the service's scheduler", &["s"]).mutates().hint("scheduler"),
    spec(Command::Undo, "undo", "take back the last change", &["u"]).mutates().also(&View::ALL).hint("undo"),
    spec(Command::Redo, "redo", "make it again", &["U"]).mutates().also(&View::ALL).hint("redo"),
    spec(Command::Edit, "edit", "edit the service or real server", &["e"]).mutates().hint("edit"),
    spec(Command::Add, "add", "add a real server to the service", &["a"]).mutates().hint("add"),
    spec(Command::AddService, "add-service", "add a virtual service", &["A"]).mutates(),
    spec(Command::Delete, "delete", "delete the service, server or marked", &["Delete"]).mutates().also(&[View::Services, View::Drains]),
    spec(Command::Zero, "zero", "zero the counters of the service", &["Z"]).mutates(),
    spec(Command::Timeouts, "timeouts", "set the protocol timeouts", &["S"]).mutates(),
    spec(Command::Filter, "filter", "show only what matches", &["/"]).also(&[View::Services, View::Hosts, View::Connections, View::Journal]).hint("filter"),
    spec(Command::Fold, "fold", "go to the service; fold it", &["Left"]).also(&[View::Services]),
    spec(Command::Unfold, "unfold", "unfold the service", &["Right"]).also(&[View::Services]),
    spec(Command::FoldAll, "fold-all", "fold every service, or unfold all", &["f"]).also(&[View::Services]),
    spec(Command::Sort, "sort", "sort by the next column", &["o"]).also(&[View::Services, View::Hosts, View::Connections]),
    spec(Command::SortReverse, "sort-reverse", "sort the other way round", &["O"]).also(&[View::Services, View::Hosts, View::Connections]),
    spec(Command::Columns, "columns", "choose the table's columns", &["c"]).also(&[View::Services]),
    spec(Command::Connections, "connections", "show its connections", &["C"]).also(SERVERS),
    spec(Command::GroupBy, "group-by", "group connections by the next", &["b"]).also(CONNECTIONS).hint("group"),
    spec(Command::GroupByPrevious, "group-by-previous", "group them by the one before", &["B"]).also(CONNECTIONS),
    spec(Command::Names, "names", "clients by name, or by address again", &["N"]).also(CONNECTIONS).hint("names"),
    spec(Command::WholePass, "whole-pass", "read the whole table, at its cost", &["W"]).also(CONNECTIONS).hint("whole table"),
    spec(Command::ViewServices, "view-services", "services and their servers", &["1"]).hint("services"),
    spec(Command::ViewHosts, "view-hosts", "hosts: real servers over all services", &["2"]),
    spec(Command::ViewConnections, "view-connections", "connections: who is on this director", &["3"]),
    spec(Command::ViewDrains, "view-drains", "drains: how far they are", &["4"]),
    spec(Command::ViewJournal, "view-journal", "journal: who changed what, and undo", &["5"]),
    spec(Command::ViewDirector, "view-director", "director: rates, owners, sysctls", &["6"]),
    spec(Command::ViewDoctor, "view-doctor", "doctor: mistakes, and what helps", &["7"]),
    spec(Command::NextView, "next-view", "the next of these", &["Tab"]),
    spec(Command::NextRate, "next-rate", "show the next rate (CPS, InPPS, ...)", &["t"]).also(&[View::Services, View::Hosts]).hint("rate"),
    spec(Command::NextWindow, "next-window", "lines over 1, 5 or 30 minutes", &["z"]).also(&[View::Services, View::Hosts, View::Director]),
    spec(Command::NextScale, "next-scale", "one scale for a service's lines", &["%"]).also(&[View::Services]),
    spec(Command::Freeze, "freeze", "freeze the screen, or let it go on", &["p"]).also(HELD).hint("go on"),
    spec(Command::Back, "back", "look further back in time", &["["]).also(PAST).hint("back"),
    spec(Command::Forward, "forward", "look less far back", &["]"]).also(PAST).hint("forward"),
    spec(Command::Faster, "faster", "play the recording faster", &[">", "+"]).replays().hint("faster"),
    spec(Command::Slower, "slower", "play it slower", &["<", "-"]).replays().hint("slower"),
    spec(Command::Jump, "jump", "go to a time: 14:30, +5m, -30s", &["J"]).replays().hint("jump"),
    spec(Command::NextChange, "next-change", "go to the next change", &["n"]).replays().hint("change"),
    spec(Command::PreviousChange, "previous-change", "go to the change before", &["N"]).replays(),
    spec(Command::Copy, "copy", "copy the row to the clipboard", &["y"]).also(ROWS),
    spec(Command::CopyCommand, "copy-command", "copy the ipvsadm command that makes it", &["Y"]).also(&[View::Services, View::Hosts]),
    spec(Command::Mouse, "mouse", "let the terminal select text, or not", &["m"]),
    spec(Command::NextTheme, "next-theme", "switch to the next theme", &["T"]),
    spec(Command::Refresh, "refresh", "read and draw everything anew", &["r", "Ctrl-l"]),
    spec(Command::Palette, "palette", "find a command by its name", &[":"]).hint("commands"),
    spec(Command::Help, "help", "show every key", &["?", "F1", "h"]).hint("help"),
    spec(Command::Close, "close", "close what is open", &["Esc"]).hint("close"),
    spec(Command::Quit, "quit", "leave the console", &["q", "Ctrl-c"]).hint("quit"),
];

/// The commands there are for a console that can change things, or only watches.
pub fn available(read_only: bool) -> impl Iterator<Item = &'static Spec> {
    COMMANDS.iter().filter(move |spec| !(spec.replays || read_only && spec.mutates))
}

/// The commands there are for a console over a recording: there is no kernel to be read.
pub fn of_replay() -> impl Iterator<Item = &'static Spec> {
    COMMANDS.iter().filter(|spec| !spec.asks_the_kernel())
}

impl Command {
    /// Its row in the table.
    pub fn spec(self) -> Option<&'static Spec> {
        COMMANDS.iter().find(|spec| spec.command == self)
    }

    /// The row of the command with this name.
    pub fn named(name: &str) -> Option<&'static Spec> {
        COMMANDS.iter().find(|spec| spec.name == name)
    }
}

/// Which keys are bound to each command now, as an operator reads them: what help, footer and
/// sentences name. [`crate::keys`] makes it of the keymap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyNames {
    keys: HashMap<Command, Vec<String>>,
}

impl Default for KeyNames {
    fn default() -> Self {
        let keys = |spec: &Spec| spec.keys.iter().map(|key| (*key).to_owned()).collect();
        COMMANDS.iter().map(|spec| (spec.command, keys(spec))).collect()
    }
}

impl FromIterator<(Command, Vec<String>)> for KeyNames {
    fn from_iter<T: IntoIterator<Item = (Command, Vec<String>)>>(all: T) -> Self {
        Self { keys: all.into_iter().collect() }
    }
}

impl KeyNames {
    /// All keys of a command, the one to show first; none if it is not bound.
    pub fn of(&self, command: Command) -> &[String] {
        self.keys.get(&command).map_or(&[], Vec::as_slice)
    }

    /// The key to show.
    pub fn first(&self, command: Command) -> Option<&str> {
        self.of(command).first().map(String::as_str)
    }

    /// The subject of a sentence (`4 shows the drains`): the first key, or the command's name
    /// where no key is bound to it.
    pub fn say(&self, command: Command) -> &str {
        let name = command.spec().map_or("", |spec| spec.name);
        self.first(command).unwrap_or(name)
    }
}

/// The key table of the README, in Markdown; `tests/readme.rs` holds the two together.
pub fn readme_table() -> String {
    let mut table = String::from("| key | command | does |\n| --- | --- | --- |\n");
    for spec in COMMANDS {
        let keys: Vec<String> = spec.keys.iter().map(|key| format!("`{key}`")).collect();
        let row = [keys.join(" "), spec.name.to_owned(), spec.doc.to_owned()];
        let cells: Vec<String> = row.iter().map(|cell| cell.replace('|', "\\|")).collect();
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_fits_the_narrowest_screen() {
        for spec in COMMANDS {
            let keys = spec.keys.join(" ").len();
            assert!(keys <= 16 && spec.doc.len() <= 38, "{}: {keys} {}", spec.name, spec.doc.len());
        }
    }
}
