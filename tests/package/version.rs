//! What `--version` says: the version, and in a release build from a checkout the commit.
//!
//! Cargo's build script. Builds for tests do without the commit, because each new one would build
//! everything anew; where there is no checkout or no git, the version stands alone.

#![allow(clippy::print_stdout)] // it is how a build script talks to cargo

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo::rerun-if-changed=tests/package/version.rs");
    let released = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    // Without .git of its own the folder may lie in someone else's repository.
    let commit = (released && Path::new(&root).join(".git").exists())
        .then(|| git(&root, &["rev-parse", "--short=12", "HEAD"]))
        .flatten();
    match commit {
        Some(commit) => {
            // Both change with a commit and with a switch to another.
            for name in ["HEAD", "logs/HEAD"] {
                let path = git(&root, &["rev-parse", "--git-path", name]);
                if let Some(path) = path.filter(|path| Path::new(&root).join(path).exists()) {
                    println!("cargo::rerun-if-changed={path}");
                }
            }
            println!("cargo::rustc-env=IPVS_TUI_VERSION={version} ({commit})");
        }
        None => println!("cargo::rustc-env=IPVS_TUI_VERSION={version}"),
    }
}

/// The line that git prints, also to root in a checkout that belongs to someone else.
fn git(root: &str, arguments: &[&str]) -> Option<String> {
    let trusted = format!("safe.directory={root}");
    let asked = Command::new("git").args(["-C", root, "-c", &trusted]).args(arguments).output();
    let answer = asked.ok().filter(|output| output.status.success())?;
    let line = String::from_utf8(answer.stdout).ok()?.trim().to_owned();
    Some(line).filter(|line| !line.is_empty())
}
