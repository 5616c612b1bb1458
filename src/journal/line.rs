//! A record as a line, and back.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Id;
use super::record::{DrainEnded, DrainStarted, End, Intent, Outside, Step};

/// The version of the format that is written, and the only one that is read.
pub const VERSION: u64 = 1;
/// The longest line in bytes, newline included. Some 25,000 changes fit in an intent of that
/// length; a longer line is passed over when reading, so that no damage can fill the memory.
pub const MAX_LINE: usize = 16 << 20;

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Something is about to be done.
    Intent(Box<Intent>),
    /// One change is through.
    Step(Box<Step>),
    /// All of them are.
    End(End),
    /// Someone else changed a value.
    Outside(Box<Outside>),
    /// A drain begins.
    DrainStarted(Box<DrainStarted>),
    /// A drain is over.
    DrainEnded(DrainEnded),
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// It stops in the middle: a crash, a full disk, or it is being written just now.
    #[error("it stops in the middle, at byte {0}")]
    Torn(usize),
    /// It is no line of a journal.
    #[error("it is no record of a journal: {0}")]
    Foreign(String),
    /// It says that it is of another version.
    #[error("it is of version {0}, and this program reads version {VERSION}")]
    Version(u64),
    /// It is a record that lacks something or holds something impossible.
    #[error("it is a damaged {record}: {why}")]
    Malformed {
        /// Which record it says it is.
        record: String,
        /// What is wrong.
        why: String,
    },
    /// It is longer than [`MAX_LINE`].
    #[error("it is longer than {MAX_LINE} bytes")]
    TooLong,
    /// It is about an entry or a drain that no line before it began.
    #[error("it belongs to {0}, whose beginning is lost")]
    Orphan(Id),
    /// It begins what was begun before.
    #[error("it begins {0} a second time")]
    Twice(Id),
    /// It is about a change that the entry's plan does not have.
    #[error("it is about change {index} of {id}, whose plan does not have so many")]
    NoSuchChange {
        /// The entry.
        id: Id,
        /// Which change, from 0.
        index: usize,
    },
}

#[derive(Serialize)]
struct Written<'a, T> {
    journal: u64,
    record: &'static str,
    #[serde(flatten)]
    body: &'a T,
}

/// What every line has.
#[derive(Deserialize)]
struct Head<'a> {
    journal: u64,
    #[serde(borrow)]
    record: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Named {
    id: Id,
}

impl Record {
    /// The line, with its newline.
    ///
    /// # Errors
    /// When serde_json refuses, which it has no reason to.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        fn line<T: Serialize>(
            record: &'static str,
            body: &T,
        ) -> Result<Vec<u8>, serde_json::Error> {
            let mut line = serde_json::to_vec(&Written { journal: VERSION, record, body })?;
            line.push(b'\n');
            Ok(line)
        }
        match self {
            Self::Intent(body) => line("intent", body.as_ref()),
            Self::Step(body) => line("step", body.as_ref()),
            Self::End(body) => line("end", body),
            Self::Outside(body) => line("outside", body.as_ref()),
            Self::DrainStarted(body) => line("drain_started", body.as_ref()),
            Self::DrainEnded(body) => line("drain_ended", body),
        }
    }

    /// Reads a line, with or without its newline.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decode(line: &[u8]) -> Result<Self, Flaw> {
        fn body<'a, T: Deserialize<'a>>(record: &str, line: &'a [u8]) -> Result<T, Flaw> {
            let record = || record.to_owned();
            serde_json::from_slice(line)
                .map_err(|error| Flaw::Malformed { record: record(), why: why(&error) })
        }
        let head = head(line)?;
        Ok(match head.record.as_ref() {
            "intent" => Self::Intent(Box::new(body("intent", line)?)),
            "step" => Self::Step(Box::new(body("step", line)?)),
            "end" => Self::End(body("end", line)?),
            "outside" => Self::Outside(Box::new(body("outside", line)?)),
            "drain_started" => Self::DrainStarted(Box::new(body("drain_started", line)?)),
            "drain_ended" => Self::DrainEnded(body("drain_ended", line)?),
            other => {
                let why = "this program knows no such record".to_owned();
                return Err(Flaw::Malformed { record: super::text::clean(other), why });
            }
        })
    }

    /// The id that a line names, whatever else is in it.
    pub(super) fn id_of(line: &[u8]) -> Option<Id> {
        head(line).ok()?;
        serde_json::from_slice::<Named>(line).ok().map(|named| named.id)
    }
}

fn head(line: &[u8]) -> Result<Head<'_>, Flaw> {
    let head: Head<'_> = serde_json::from_slice(line).map_err(|error| {
        // Records are objects: a line that does not open one was never ours.
        if error.is_eof() && line.starts_with(b"{") {
            Flaw::Torn(line.len())
        } else {
            Flaw::Foreign(why(&error))
        }
    })?;
    match head.journal {
        VERSION => Ok(head),
        other => Err(Flaw::Version(other)),
    }
}

/// serde_json's reason. It counts lines within the text, which is always the first here.
fn why(error: &serde_json::Error) -> String {
    super::text::clean(&error.to_string().replace(" at line 1 column ", " at byte "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Tally;

    fn end() -> Record {
        Record::End(End {
            id: "vb2k0".parse().unwrap(),
            time: "2026-11-21T03:49:00Z".parse().unwrap(),
            tally: Tally { made: 2, ..Tally::default() },
            note: String::new(),
        })
    }

    #[test]
    fn the_form_of_a_line_is_kept() {
        let line = String::from_utf8(end().encode().unwrap()).unwrap();
        assert_eq!(
            line,
            concat!(
                r#"{"journal":1,"record":"end","id":"vb2k0","time":"2026-11-21T03:49:00Z","#,
                r#""made":2,"already":0,"refused":0,"unknown":0}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_field_of_a_later_program_is_passed_over() {
        let line = String::from_utf8(end().encode().unwrap()).unwrap();
        let more = line.replace("\"made\"", "\"colour\":[{\"x\":1}],\"made\"");
        assert_ne!(more, line);
        assert_eq!(Record::decode(more.as_bytes()), Ok(end()));
    }

    #[test]
    fn what_is_wrong_with_a_line_is_told() {
        let flaw = |line: &str| Record::decode(line.as_bytes()).unwrap_err();
        assert_eq!(flaw(r#"{"journal":2,"record":"end"}"#), Flaw::Version(2));
        assert_eq!(flaw(r#"{"journal":1,"rec"#), Flaw::Torn(17));
        for foreign in ["", "hello", "\0\0\0", "[1", "{}", r#"{"journal":"1","record":"end"}"#, "7"]
        {
            assert!(matches!(flaw(foreign), Flaw::Foreign(_)), "{foreign:?}: {:?}", flaw(foreign));
        }
        let lacking = flaw(r#"{"journal":1,"record":"end","id":"1"}"#).to_string();
        assert_eq!(lacking, "it is a damaged end: missing field `time` at byte 37");
        let unknown = flaw("{\"journal\":1,\"record\":\"end\\u001b[2J\"}").to_string();
        assert_eq!(unknown, "it is a damaged end\\u{1b}[2J: this program knows no such record");
    }
}
