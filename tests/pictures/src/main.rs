//! Makes the pictures of the console: from the program in a pty to SVG and PNG.
//!
//! ```text
//! scenes   which pictures there are, and the keys that lead to them
//! stage    plays a scene in a terminal, until nothing moves any more
//! drawing  the terminal's cells as an SVG
//!   font   letters as outlines       shapes   blocks, braille and lines, which have to join
//!   paper  colours
//! raster   the SVG as a small PNG
//! ```
//!
//! The same program gives the same bytes: the embedded director is on a clock that only readings
//! and keys move (`ipvs-tui demo --polls`), letters come from a font in this program, and what a
//! picture shows is waited for and never timed.

mod drawing;
mod font;
mod paper;
mod raster;
mod scenes;
mod shapes;
mod stage;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use std::thread::{self, ScopedJoinHandle};

use anyhow::{Context, bail};

use scenes::{SCENES, Scene};

const USAGE: &str = "usage: pictures PROGRAM FOLDER [--check] [SCENE...]";

/// Larger pictures do not belong in a README.
const MOST: usize = 150 * 1024;

fn main() -> ExitCode {
    match make() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("pictures: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn make() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, folder, rest @ ..] = arguments.as_slice() else { bail!(USAGE) };
    let check = rest.iter().any(|a| a == "--check");
    let names: Vec<&String> = rest.iter().filter(|a| *a != "--check").collect();
    if let Some(name) = names.iter().find(|n| SCENES.iter().all(|s| s.name != n.as_str())) {
        let all: Vec<&str> = SCENES.iter().map(|s| s.name).collect();
        bail!("there is no scene '{name}'; there are {}", all.join(", "));
    }
    let folder = Path::new(folder);
    let chosen = |scene: &&Scene| names.is_empty() || names.iter().any(|n| *n == scene.name);
    let scenes: Vec<&Scene> = SCENES.iter().filter(chosen).collect();
    // All at once: most of the time is spent waiting for screens that stand still.
    let made: Vec<anyhow::Result<Pictures>> = thread::scope(|scope| {
        let run = |scene| scope.spawn(move || pictures(program, scene));
        let running: Vec<_> = scenes.iter().copied().map(run).collect();
        let end = |it: ScopedJoinHandle<'_, _>| it.join().unwrap_or_else(|_| bail!("a defect"));
        running.into_iter().map(end).collect()
    });
    let mut differ = Vec::new();
    for (scene, made) in scenes.iter().zip(made) {
        for (name, bytes) in made.with_context(|| scene.name.to_owned())? {
            let path = folder.join(&name);
            if read(&path)?.as_ref() == Some(&bytes) {
                continue;
            }
            if !check {
                fs::create_dir_all(folder)?;
                fs::write(&path, &bytes).with_context(|| path.display().to_string())?;
            }
            println!("{} {}", if check { "would change" } else { "wrote" }, path.display());
            differ.push(name);
        }
    }
    let stale = if names.is_empty() { stale(folder)? } else { Vec::new() };
    for name in &stale {
        println!("{} belongs to no scene", folder.join(name).display());
    }
    let wrong = check && !(differ.is_empty() && stale.is_empty());
    Ok(if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Names and contents.
type Pictures = [(String, Vec<u8>); 2];

/// The files of a scene.
fn pictures(program: &str, scene: &Scene) -> anyhow::Result<Pictures> {
    let screen = stage::play(program, scene)?;
    let svg = drawing::svg(&screen, scene)?;
    let png = raster::png(&svg)?;
    if png.len() > MOST {
        bail!("the PNG has {} bytes, and may have {MOST}", png.len());
    }
    Ok([(format!("{}.svg", scene.name), svg.into_bytes()), (format!("{}.png", scene.name), png)])
}

fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// Pictures in the folder that no scene makes.
fn stale(folder: &Path) -> anyhow::Result<Vec<String>> {
    let mut stale = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return Ok(stale) };
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let made = name.rsplit_once('.').is_some_and(|(stem, end)| {
            ["svg", "png"].contains(&end) && SCENES.iter().any(|s| s.name == stem)
        });
        if !made {
            stale.push(name);
        }
    }
    stale.sort();
    Ok(stale)
}
