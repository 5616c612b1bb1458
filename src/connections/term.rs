//! How the terms of filters are written, of connections here and of services elsewhere: `!` before
//! one that shall not match; a field, a relation and a value.

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

/// A term without its signs of negation, and whether it shall not match.
///
/// # Errors
/// A sign with nothing behind it; `example` is what could stand there.
pub fn negation<'a>(word: &'a str, example: &str) -> Result<(bool, &'a str), String> {
    let bare = word.trim_start_matches('!');
    if bare.is_empty() {
        return Err(format!("! wants the term that shall not match, such as !{example}"));
    }
    Ok(((word.len() - bare.len()) % 2 == 1, bare))
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
