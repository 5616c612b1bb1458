//! What `ipvs-tui doctor` writes: for people ([`text()`]) and for programs ([`json()`]), one
//! document, `ipvs-tui/doctor/1`.
//!
//! # The schema
//! Every field is always there, in this order. Fields will be added without a new number; a field
//! that changes its meaning, its unit or its type, or goes, makes it `ipvs-tui/doctor/2`. Texts are
//! for people, and will be worded better.
//!
//! | Field | Type | Meaning |
//! |---|---|---|
//! | `schema` | string | [`SCHEMA`] |
//! | `taken` | string | when the table was read, RFC 3339, UTC |
//! | `source` | string | `netlink`, `proc` or `demo` |
//! | `services`, `servers` | integer | how many there are |
//! | `exit_code` | integer | the process's: 0 nothing or notes, 3 warnings, 4 errors |
//! | `errors`, `warnings`, `notes` | integer | how many findings there are of each severity |
//! | `findings` | array | gravest first |
//! | `findings[].check` | string | the name of the check |
//! | `findings[].severity` | string | `error`, `warning`, `note` |
//! | `findings[].what` | string | in a line |
//! | `findings[].places` | array | empty for the director as a whole |
//! | `findings[].places[].service` | string | `TCP 10.0.0.1:80`, `FWM 5 v6` |
//! | `findings[].places[].server` | string or null | `10.1.1.2:80`; `null` for the service as a whole |
//! | `findings[].more_places` | integer | how many there are beyond the first 1,000, which are named |
//! | `findings[].evidence` | array of strings | what it was seen by |
//! | `findings[].why` | string | why it matters |
//! | `findings[].fixes` | array | how it is put right |
//! | `findings[].fixes[].on` | array of strings | `director`, or the addresses of real servers |
//! | `findings[].fixes[].commands` | array of strings | lines for a shell, in order; `#` begins a comment |
//! | `checks` | array | every check |
//! | `checks[].name`, `.looks_for` | string | |
//! | `checks[].outcome` | string | `found`, `passed`, `partly` (nothing was found in what could be looked at), `not_checked` |
//! | `checks[].not_checked` | array | what it could not look at |
//! | `checks[].not_checked[].what` | string or null | `null` for everything |
//! | `checks[].not_checked[].why` | string | a sentence |

mod document;
mod people;

pub use document::{SCHEMA, json};
pub use people::text;
