//! How the terms of filters are written, of connections here, of services and lines of the journal
//! elsewhere: `!` before
//! one that shall not match; a field, a relation and a value. Terms stand side by side with blanks
//! between them, and all must match.

use std::str::FromStr;

/// How a value stands to the one that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// `:` or `=`.
    Equal,
    /// `>`
    Above,
    /// `<`
    Below,
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
}

/// Longer signs first.
const RELATIONS: [(&str, Relation); 6] = [
    (">=", Relation::AtLeast),
    ("<=", Relation::AtMost),
    (">", Relation::Above),
    ("<", Relation::Below),
    (":", Relation::Equal),
    ("=", Relation::Equal),
];

impl Relation {
    /// Whether `value` stands so to `wanted`.
    pub fn holds(self, value: u64, wanted: u64) -> bool {
        match self {
            Self::Equal => value == wanted,
            Self::Above => value > wanted,
            Self::Below => value < wanted,
            Self::AtLeast => value >= wanted,
            Self::AtMost => value <= wanted,
        }
    }
}

/// What a term can want of what it is held against.
pub trait Wanted: FromStr<Err = String> {
    /// A term, for the complaint about a `!` with nothing behind it.
    const EXAMPLE: &str;
}

/// A term, and whether it shall not match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term<W> {
    /// Whether there is a `!` before it.
    pub negated: bool,
    /// What it wants.
    pub wants: W,
}

/// The terms of a filter, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms<W> {
    text: String,
    all: Vec<Term<W>>,
}

impl<W: Wanted> Terms<W> {
    /// Reads what was typed; nothing but blanks is no filter.
    ///
    /// # Errors
    /// A sentence that says what of it cannot be read.
    pub fn read(text: &str) -> Result<Option<Self>, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let all: Vec<_> = words.iter().map(|word| Term::read(word)).collect::<Result<_, _>>()?;
        Ok((!all.is_empty()).then(|| Self { text: words.join(" "), all }))
    }
}

impl<W> Terms<W> {
    /// It as it was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Each of them.
    pub fn all(&self) -> &[Term<W>] {
        &self.all
    }

    /// What the last one wants, which may be half typed.
    pub fn last(&self) -> Option<&W> {
        self.all.last().map(|term| &term.wants)
    }
}

impl<W: Wanted> Term<W> {
    fn read(word: &str) -> Result<Self, String> {
        let bare = word.trim_start_matches('!');
        if bare.is_empty() {
            let example = W::EXAMPLE;
            return Err(format!("! wants the term that shall not match, such as !{example}"));
        }
        Ok(Self { negated: (word.len() - bare.len()) % 2 == 1, wants: bare.parse()? })
    }
}

/// A term that names a field: `weight>=5`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// In lower case.
    pub name: String,
    /// As it is written.
    pub sign: &'static str,
    /// What the sign means.
    pub relation: Relation,
    /// As it is written.
    pub value: &'a str,
}

impl<'a> Field<'a> {
    /// The field of a term, if it has one.
    pub fn of(term: &'a str) -> Option<Self> {
        let (name, rest) = term.split_at_checked(term.find([':', '=', '>', '<'])?)?;
        let (sign, relation) = *RELATIONS.iter().find(|(sign, _)| rest.starts_with(sign))?;
        let value = rest.get(sign.len()..)?;
        Some(Self { name: name.to_lowercase(), sign, relation, value })
    }
}
