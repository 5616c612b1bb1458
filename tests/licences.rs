//! What is linked into the program may be given on under the program's own licences. Judged by
//! what its packages say of themselves, without a network.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "package/third_party.rs"]
mod third_party;

/// Licences that ask for no more than to be named, and MPL-2.0, which asks for the source of its
/// own files, unaltered here and named in the package with where it is.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether an SPDX expression can be met with what is allowed. `AND` binds closer than `OR`; an
/// old way to write `OR` is a slash. What cannot be read is not met.
fn allowed(expression: &str) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut rest = words.as_slice();
    any(&mut rest) == Some(true) && rest.is_empty()
}

fn any(words: &mut &[&str]) -> Option<bool> {
    let mut met = all(words)?;
    while let ["OR", rest @ ..] = *words {
        *words = rest;
        met |= all(words)?;
    }
    Some(met)
}

fn all(words: &mut &[&str]) -> Option<bool> {
    let mut met = one(words)?;
    while let ["AND", rest @ ..] = *words {
        *words = rest;
        met &= one(words)?;
    }
    Some(met)
}

fn one(words: &mut &[&str]) -> Option<bool> {
    match *words {
        ["(", rest @ ..] => {
            *words = rest;
            let met = any(words)?;
            let [")", rest @ ..] = *words else { return None };
            *words = rest;
            Some(met)
        }
        // An exception only permits more.
        [name, "WITH", _, rest @ ..] | [name, rest @ ..] => {
            *words = rest;
            (!["AND", "OR", "WITH", ")"].contains(name)).then(|| ALLOWED.contains(name))
        }
        [] => None,
    }
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    for met in [
        "MIT",
        "MIT/GPL-3.0",
        "GPL-3.0-only OR MIT",
        "(MIT OR GPL-3.0-only) AND Unicode-3.0",
        "GPL-3.0-only AND LGPL-3.0-only OR Zlib",
        "Apache-2.0 WITH LLVM-exception OR GPL-2.0-only",
    ] {
        assert!(allowed(met), "{met}");
    }
    for unmet in [
        "",
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "MIT OR",
        "OR MIT",
        "MIT AND",
        "Apache-2.0 WITH",
        "(MIT",
        "MIT)",
        "(MIT OR Zlib) AND GPL-2.0-only",
        "GPL-2.0-only WITH Classpath-exception-2.0",
        "MIT Zlib",
    ] {
        assert!(!allowed(unmet), "{unmet}");
    }
}

#[test]
fn everything_that_is_linked_in_may_be_given_on() {
    let packages = third_party::packages().unwrap();
    assert!(packages.len() > 30, "only {} packages were found", packages.len());
    let names = |name: &str| packages.iter().any(|package| package.name == name);
    assert!(names("ratatui") && !names("insta"), "what is linked in, and not what tests need");
    let mut wrong = Vec::new();
    for package in &packages {
        let of = format!("{} {}", package.name, package.version);
        match &package.licence {
            Some(licence) if allowed(licence) => {}
            Some(licence) => wrong.push(format!("{of}: {licence} ({})", package.source)),
            None => wrong.push(format!("{of} says no licence ({})", package.source)),
        }
    }
    assert!(wrong.is_empty(), "not on the list of what is allowed:\n{}", wrong.join("\n"));
}
