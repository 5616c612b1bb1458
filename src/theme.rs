//! What things look like. Colour only where it means something; without colour, weight, reverse
//! and the symbols of [`crate::glyphs`] still tell every state.
//!
//! A theme is a TOML file: one of those in `themes/`, which are compiled in, or the operator's own.
//!
//! ```toml
//! inherits = "dark"                       # what is not said here is as there
//! "ui.frame" = "sea"
//! "table.weight" = 136                    # one of the 256
//! "table.weight.zero" = { fg = "yellow", modifiers = ["bold"] }
//!
//! [palette]                               # names for colours, also for those inherited
//! sea = "#5cc2cf"
//!
//! [meta]
//! background = "#2b2b2b"                  # what it is made for, where it paints none
//! ```
//!
//! A key that nobody sets falls back along its dots: `table.weight.zero`, `table.weight`, `table`.
//! A theme and what it inherits from are one in that: a `table` here does not hide a
//! `table.weight` there. Whoever finds a key finds a whole style; styles are not mixed.
//!
//! ```text
//! file     one TOML text, read and checked        builtin  the compiled ones
//! set      all of them: inheritance and fallback; which one is on
//! depth    how many colours the terminal shows    fit      a theme for so many
//! colour   how colours are written, and how alike two look
//! ```

mod builtin;
mod colour;
mod depth;
mod error;
mod file;
mod fit;
mod set;
#[cfg(test)]
mod tests;

use ratatui::style::Style;

pub use colour::rgb;
pub use depth::Depth;
pub use error::{Nearest, ThemeError, Wrong};
pub use set::{Choice, Themes};

/// A key of a theme file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What it styles.
    pub doc: &'static str,
}

/// The one table of what can be styled: the field, its key, and what it is.
macro_rules! keys {
    ($(#[doc = $doc:literal] $field:ident = $key:literal,)+) => {
        /// A style for everything that is drawn, for the colours that the terminal shows.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Theme {
            $(#[doc = $doc] pub $field: Style,)+
        }

        /// Every key of a theme file.
        pub const KEYS: &[Key] = &[$(Key { name: $key, doc: $doc.trim_ascii() },)+];

        /// The fields, in the same order.
        #[cfg(test)]
        const FIELDS: &[&str] = &[$(stringify!($field),)+];

        impl Theme {
            /// The theme of which `style` tells each key.
            fn of<E>(style: impl Fn(&'static str) -> Result<Style, E>) -> Result<Self, E> {
                Ok(Self { $($field: style($key)?,)+ })
            }

            /// Key by key, what `merge` makes of both.
            fn with(&self, other: &Self, merge: impl Fn(Style, Style) -> Style) -> Self {
                Self { $($field: merge(self.$field, other.$field),)+ }
            }

            /// Every key with its style.
            pub fn styles(&self) -> impl Iterator<Item = (&'static str, Style)> {
                [$(($key, self.$field)),+].into_iter()
            }
        }
    };
}

keys! {
    /// What lies under everything; without a colour, the terminal's own.
    background = "ui.background",
    /// What lies under a page, a form or a list over the screen.
    popup = "ui.background.popup",
    /// Everything without a style of its own.
    text = "ui.text",
    /// What is read second: units, hints, servers without traffic.
    dim = "ui.dim",
    /// The director's name, and what heads a paragraph.
    header = "ui.header",
    /// The title of what lies over the screen.
    title = "ui.title",
    /// The label of what is typed or chosen now.
    focus = "ui.focus",
    /// A view that could be opened.
    tab = "ui.tab",
    /// The view that is open.
    tab_active = "ui.tab.active",
    /// The selected row.
    selected = "ui.selected",
    /// The frame of what lies over the screen.
    frame = "ui.frame",
    /// The answer that is chosen.
    button = "ui.button",
    /// A key in a hint.
    key = "ui.key",
    /// What is typed.
    input = "ui.input",
    /// The letters that a filter or the palette found.
    matched = "ui.match",
    /// The heads of the columns.
    head = "table.head",
    /// A virtual service.
    service = "table.service",
    /// The address of a host that serves.
    host = "table.host",
    /// A real server.
    server = "table.server",
    /// The weight of a server that takes connections.
    weight = "table.weight",
    /// A server with weight 0.
    quiesced = "table.weight.zero",
    /// The weight that a quiesced server had before.
    before = "table.weight.before",
    /// A marked server.
    marked = "table.marked",
    /// The sign of a server that is drained.
    draining = "table.draining",
    /// The sign of a server whose weight comes back in steps.
    ramping = "table.ramping",
    /// What somebody else has changed.
    outside = "table.outside",
    /// The sign of a service or server that needs an operator.
    trouble = "table.trouble",
    /// A dot: what cannot be known.
    unknown = "table.unknown",
    /// A server's connections over time.
    connections = "chart.connections",
    /// A server's chosen rate over time.
    rate = "chart.rate",
    /// Both of a whole service.
    chart_service = "chart.service",
    /// The numbers and lines beside a chart.
    axis = "chart.axis",
    /// A time of which nothing is known.
    gap = "chart.gap",
    /// All is well, or was done.
    good = "notice.good",
    /// Look here.
    warning = "notice.warning",
    /// Something failed.
    error = "notice.error",
    /// A drained server that can be taken away.
    drain_safe = "drain.safe",
    /// A drained server that empties.
    drain_emptying = "drain.emptying",
    /// A drained server that still gets clients.
    drain_receiving = "drain.receiving",
    /// An entry of the journal.
    journal_entry = "journal.entry",
    /// An entry that was taken back.
    journal_undone = "journal.undone",
    /// An entry that was not carried out whole.
    journal_failed = "journal.failed",
    /// A change in a plan.
    plan_change = "plan.change",
    /// The ipvsadm commands of a plan.
    plan_command = "plan.command",
    /// The name of a value beside it.
    detail_label = "detail.label",
    /// A value beside its name.
    detail_value = "detail.value",
    /// The state of a connection that carries data.
    connection_open = "connection.open",
    /// The state of one that waits for its end.
    connection_closing = "connection.closing",
    /// The state of a persistence template.
    connection_template = "connection.template",
    /// The name of a setting of the director.
    director_label = "director.label",
    /// Its value.
    director_value = "director.value",
    /// A setting that is not at its default.
    director_alert = "director.alert",
}

impl Theme {
    /// What lies under the whole screen. Painted first: every other style leaves open what it
    /// does not say.
    pub fn base(&self) -> Style {
        self.background.patch(self.text)
    }

    /// What lies under a page, a form or a list.
    pub fn base_popup(&self) -> Style {
        self.background.patch(self.popup).patch(self.text)
    }
}

/// Whether a theme file may name it: a key, or what several keys fall back to.
fn is_key(name: &str) -> bool {
    let group = |key: &Key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    KEYS.iter().any(|key| key.name == name || group(key))
}
