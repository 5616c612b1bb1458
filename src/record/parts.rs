//! The files that a recording is in.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::RecordError;
use super::error::shown;
use super::frame::{Title, read_title};
use super::tape::part_name;
use crate::journal::Place;

/// More parts are not looked for.
const MOST: u32 = 10_000;
/// A crash while room is made leaves a part out, and the next one perhaps another. Behind so many
/// in a row that are missing, nothing is looked for.
const MOST_MISSING: usize = 8;

/// The files that a recording is in.
pub(super) struct Parts {
    /// Those that are there, the newest first.
    pub(super) files: Vec<(PathBuf, File)>,
    /// Those that are not, though older ones are; as they can be shown.
    pub(super) missing: Vec<String>,
}

impl Parts {
    /// Opens the recording at `path` and its older parts.
    ///
    /// # Errors
    /// [`RecordError`]: there is none, or one that is to be read cannot be.
    pub(super) fn of(path: &Path) -> Result<Self, RecordError> {
        let place = Place::at(path)?;
        let (mut files, mut missing) = (Vec::new(), Vec::new());
        let mut absent = Vec::new(); // since the last that is there
        for number in 0..MOST {
            let name = part_name(&place, number);
            let path = path.with_file_name(&name);
            let opened = match place.readable(&name) {
                // Behind a part that is missing, what is no recording never was a part.
                Ok(Some(file)) => Some(file).filter(|f| absent.is_empty() || is_recording(f)),
                Err(error) if absent.is_empty() => return Err(error.into()),
                Ok(None) | Err(_) => None,
            };
            match opened {
                Some(file) => {
                    files.push((path, file));
                    missing.append(&mut absent);
                }
                None if absent.len() >= MOST_MISSING => break,
                None => absent.push(shown(&path)),
            }
        }
        if files.is_empty() {
            let why = "there is no such file".to_owned();
            return Err(RecordError::System { path: shown(path), action: "read", why });
        }
        Ok(Self { files, missing })
    }
}

/// Whether a file begins as recordings do.
fn is_recording(file: &File) -> bool {
    let mut head = [0; 40];
    let read = file.read_at(&mut head, 0).unwrap_or(0);
    let title = read_title(head.get(..read).unwrap_or_default());
    matches!(title, Title::Ours(_) | Title::Newer(_))
}
