//! The filter of the journal: what is typed behind `/`, and which lines it lets through.
//!
//! Terms stand side by side with blanks between them, and all must match; `!` negates one.
//!
//! ```text
//! 10.1.1.2  weight  ticket-4711   text: what was changed, the reason, the entry's name, by whom
//! by:jane  by:outside             who did it, by a part of the name
//! is:undone                       states: undone partly failed unknown outside
//! ```

use std::fmt::{self, Write as _};
use std::str::FromStr;

use super::Item;
use crate::connections::term::{Field, Relation, Terms, Wanted};
use crate::journal::{Entry, State, Undone};

/// What a line has to be in order to show. At least one term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(Terms<Wants>);

/// Words are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wants {
    Text(String),
    By(String),
    Is(Stand),
}

/// How a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stand {
    /// Taken back.
    Undone,
    /// Some of it was taken back.
    Partly,
    /// Not every change of it was made.
    Failed,
    /// Nobody knows of a change whether it was made.
    Unknown,
    /// Seen between two readings, and written down by nobody.
    Outside,
}

const FIELDS: [&str; 2] = ["by", "is"];

const STANDS: [(&str, Stand); 5] = [
    ("undone", Stand::Undone),
    ("partly", Stand::Partly),
    ("failed", Stand::Failed),
    ("unknown", Stand::Unknown),
    ("outside", Stand::Outside),
];

/// Who did what nobody has written down.
const NOBODY: &str = "outside";

impl Filter {
    /// Reads what was typed; nothing but blanks is no filter.
    ///
    /// # Errors
    /// A sentence that says what of it cannot be read.
    pub fn read(text: &str) -> Result<Option<Self>, String> {
        Ok(Terms::read(text)?.map(Self))
    }

    /// It as it was typed.
    pub fn text(&self) -> &str {
        self.0.text()
    }

    /// Whether the last term may be the beginning of a field's name that is still typed.
    pub(super) fn is_unfinished(&self) -> bool {
        matches!(self.0.last(), Some(Wants::Text(text)) if FIELDS.iter().any(|name| name.starts_with(text)))
    }

    /// Whether a line shows.
    pub(super) fn lets(&self, item: &Item<'_>) -> bool {
        // Most terms are text, and what a line says is long.
        let mut said = None;
        self.0.all().iter().all(|term| {
            let found = match &term.wants {
                Wants::Text(wanted) => said.get_or_insert_with(|| words(item)).contains(wanted),
                Wants::By(wanted) => who(item).contains(wanted),
                Wants::Is(stand) => is(item, *stand),
            };
            found != term.negated
        })
    }
}

impl Wanted for Wants {
    const EXAMPLE: &str = "is:undone";
}

impl FromStr for Wants {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = || Self::Text(text.to_lowercase());
        let Some(Field { name, relation, value, .. }) = Field::of(text) else { return Ok(plain()) };
        let value = value.to_lowercase();
        if relation != Relation::Equal || !FIELDS.contains(&name.as_str()) {
            // Addresses have colons, and changes have arrows.
            return Ok(plain());
        }
        if name == "by" {
            let wrong = "by wants a name or a part of one, such as by:root or by:outside";
            return if value.is_empty() { Err(wrong.to_owned()) } else { Ok(Self::By(value)) };
        }
        let known = STANDS.iter().find(|(word, _)| *word == value);
        let wrong = || {
            let found = value.escape_debug();
            format!(
                "is wants undone, partly (undone in part), failed, unknown or outside, not '{found}'"
            )
        };
        known.map(|(_, stand)| Self::Is(*stand)).ok_or_else(wrong)
    }
}

/// What a line tells, in lower case: its entry's name, by whom, what and why.
fn words(item: &Item<'_>) -> String {
    let mut text = who(item);
    let mut say = |what: &dyn fmt::Display| {
        // Into a string nothing fails.
        let _ = write!(text, " {what}");
    };
    match item {
        Item::Outside(_, theirs) => say(theirs),
        Item::Entry(entry) => {
            let intent = &entry.intent;
            say(&intent.id);
            say(&intent.plan.title);
            say(&intent.reason);
            intent.plan.changes.iter().for_each(|change| say(change));
        }
    }
    text.to_lowercase()
}

/// By whom, in lower case: the user, and who called sudo.
fn who(item: &Item<'_>) -> String {
    let Item::Entry(entry) = item else { return NOBODY.to_owned() };
    let operator = &entry.intent.operator;
    let names = [operator.sudo_user.as_deref(), operator.name.as_deref()];
    let names: Vec<&str> = names.into_iter().flatten().collect();
    if names.is_empty() { operator.uid.to_string() } else { names.join(" ").to_lowercase() }
}

fn is(item: &Item<'_>, stand: Stand) -> bool {
    let entry = match item {
        Item::Outside(..) => return stand == Stand::Outside,
        Item::Entry(entry) => entry,
    };
    match stand {
        Stand::Undone => matches!(entry.undone, Undone::By(_)),
        Stand::Partly => matches!(entry.undone, Undone::Partly(_)),
        Stand::Failed => !entry.complete(),
        Stand::Unknown => has_doubts(entry),
        Stand::Outside => false,
    }
}

fn has_doubts(entry: &Entry) -> bool {
    entry.states.iter().any(|state| matches!(state, State::Unknown { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Filter::read(text).unwrap_err()
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        assert!(refused("is:").contains("failed, unknown or outside, not ''"));
        assert!(refused("weight is:\u{1b}[2J").contains("not '\\u{1b}[2j'"));
        assert!(refused("by:").contains("by:root"));
        assert!(refused("!").contains("such as !is:undone"));
        assert_eq!(Filter::read("  "), Ok(None));
    }

    #[test]
    fn what_names_no_field_is_text() {
        for text in ["10.1.1.2:80", "[fd00::1]:443", "weight 10 -> 0", "a=b", "is>undone"] {
            let filter = Filter::read(text).unwrap().unwrap();
            assert!(filter.0.all().iter().all(|term| matches!(term.wants, Wants::Text(_))));
            assert_eq!(filter.text(), text);
        }
    }
}
