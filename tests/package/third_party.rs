//! The packages that are linked into the program, by `cargo metadata`, which needs no network.

#![allow(unreachable_pub)] // two programs use it
#![allow(clippy::indexing_slicing)] // of JSON: what is not there is null

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

/// A package that is linked in.
#[derive(Debug)]
pub struct Package {
    pub name: String,
    pub version: String,
    /// An SPDX expression, as far as its authors say one.
    pub licence: Option<String>,
    pub source: String,
    /// The texts that its authors ship: licences, copyrights, notices.
    pub texts: Vec<String>,
}

/// Those that the program is linked with on this machine's platform, by name. Not what only tests
/// or builds need.
pub fn packages() -> anyhow::Result<Vec<Package>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let asked = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform"])
        .arg(platform)
        .output()?;
    if !asked.status.success() {
        bail!("cargo metadata: {}", String::from_utf8_lossy(&asked.stderr));
    }
    let told: Value = serde_json::from_slice(&asked.stdout)?;
    let root = told["resolve"]["root"].as_str().context("no root package")?;
    let ids = linked(&told["resolve"]["nodes"], root);
    let all = told["packages"].as_array().context("no packages")?;
    let mut packages = Vec::new();
    for package in all {
        let id = package["id"].as_str().unwrap_or_default();
        if id != root && ids.contains(id) {
            packages.push(read(package)?);
        }
    }
    packages.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
    Ok(packages)
}

/// What `root` needs to run, directly or not.
fn linked<'a>(nodes: &'a Value, root: &'a str) -> BTreeSet<&'a str> {
    let items = |value: &'a Value| value.as_array().map_or(&[][..], Vec::as_slice);
    let of = |id: &str| items(nodes).iter().find(|node| node["id"] == id);
    let mut found = BTreeSet::from([root]);
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        for dependency in of(id).map_or(&[][..], |node| items(&node["deps"])) {
            let normal = items(&dependency["dep_kinds"]).iter().any(|kind| kind["kind"].is_null());
            let Some(next) = dependency["pkg"].as_str().filter(|_| normal) else { continue };
            if found.insert(next) {
                open.push(next);
            }
        }
    }
    found
}

fn read(package: &Value) -> anyhow::Result<Package> {
    let text = |name: &str| package[name].as_str().map(str::to_owned);
    let manifest = text("manifest_path").context("no manifest_path")?;
    let folder = Path::new(&manifest).parent().context("a manifest in no folder")?;
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_uppercase();
        let meant = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
        if path.is_file() && meant.iter().any(|start| name.starts_with(start)) {
            texts.push(String::from_utf8_lossy(&fs::read(&path)?).trim().to_owned());
        }
    }
    texts.sort();
    Ok(Package {
        name: text("name").context("no name")?,
        version: text("version").context("no version")?,
        licence: text("license"),
        source: text("repository").unwrap_or_default(),
        texts,
    })
}

/// What is said before the list. A static program holds glibc too.
const ABOVE: &str = "\
ipvs-tui is made with these packages, whose licences follow, and with Rust's standard library (MIT
OR Apache-2.0). In the Debian package it also holds the GNU C library, which is under the LGPL 2.1
or later (/usr/share/common-licenses/LGPL-2.1): tests/package/deb, in ipvs-tui's source, links it
anew with the C library of the machine where that is run.

";

/// The list of all of them with their licences, each text once.
#[allow(dead_code)] // the licence check reads the packages alone
pub fn notice() -> anyhow::Result<String> {
    let packages = packages()?;
    let mut out = ABOVE.to_owned();
    let mut texts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for package in &packages {
        let Package { name, version, licence, source, .. } = package;
        let licence = licence.as_deref().unwrap_or("see below");
        writeln!(out, "{name} {version}  {licence}  {source}")?;
        for text in &package.texts {
            texts.entry(text).or_default().push(format!("{name} {version}"));
        }
    }
    for (text, of) in texts {
        writeln!(out, "\n{}\n{}\n\n{text}", "=".repeat(78), of.join(", "))?;
    }
    Ok(out)
}
