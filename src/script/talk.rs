//! Where it is told: the report on standard output, everything else on standard error.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::report::Report;
use super::{Exit, json, text};
use crate::cli::Wanted;
use crate::journal::clean;
use crate::kernel::KernelError;

/// Standard output and error, as values.
pub struct Talk<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    width: &'a dyn Fn() -> Option<u16>,
    /// The width of the progress line that stands on the terminal.
    shown: usize,
}

impl<'a> Talk<'a> {
    /// Reports go to `out`, troubles and progress to `err`. `width` is asked for the columns of
    /// the terminal that `err` is, every time; `None` for none.
    pub fn new(
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
        width: &'a dyn Fn() -> Option<u16>,
    ) -> Self {
        Self { out, err, width, shown: 0 }
    }

    /// A line for whoever looks.
    pub(super) fn warn(&mut self, line: &str) {
        self.wipe();
        // Where even standard error is closed there is nobody left to tell.
        let _ = writeln!(self.err, "ipvs-tui: {}", clean(line));
    }

    /// How far it is: rewritten in place on a terminal. Elsewhere only a line that is `new`s.
    pub(super) fn progress(&mut self, line: &str, new: Option<&str>) {
        match (self.width)() {
            Some(width) => {
                // The last column stays free, or the terminal would go to the next line.
                let line = cut(&clean(line), usize::from(width).saturating_sub(1));
                let blank = self.shown.saturating_sub(line.width());
                let _ = write!(self.err, "\r{line}{:blank$}", "");
                let _ = self.err.flush();
                self.shown = line.width();
            }
            None => {
                if let Some(new) = new {
                    let _ = writeln!(self.err, "{}", clean(new));
                }
            }
        }
    }

    /// Takes the progress line away.
    pub(super) fn wipe(&mut self) {
        let shown = std::mem::take(&mut self.shown);
        if shown > 0 {
            let _ = write!(self.err, "\r{:shown$}\r", "");
        }
    }

    /// Tells what came of it, and how the process ends.
    pub(super) fn tell(&mut self, wanted: &Wanted, report: &Report) -> Exit {
        self.wipe();
        let told = if wanted.json { json::json(report) } else { Ok(text::text(report, wanted)) };
        let told = told.and_then(|told| {
            self.out.write_all(&told)?;
            self.out.flush()
        });
        let exit = match told {
            // Whoever reads has seen enough: ipvs-tui drain ... | head
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.warn(&KernelError::system("write what was done", &error).to_string());
                if report.exit == Exit::Done { Exit::Failed } else { report.exit }
            }
            _ => report.exit,
        };
        if let Some(why) = text::trouble(report, wanted).filter(|_| !wanted.json) {
            self.warn(&why);
        }
        exit
    }
}

/// The first `width` columns of a line.
fn cut(line: &str, width: usize) -> String {
    let mut left = width;
    let fits = |c: &char| {
        let columns = c.width().unwrap_or(0);
        let fits = columns <= left;
        left = left.saturating_sub(columns);
        fits
    };
    line.chars().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_stays_on_its_line() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let width = || Some(10);
        let mut talk = Talk::new(&mut out, &mut err, &width);
        talk.progress("one two three", Some("changed"));
        talk.progress("4\u{b1}\u{1b}", None);
        talk.wipe();
        talk.wipe();
        let told = String::from_utf8(err).unwrap();
        assert_eq!(told, "\rone two t\r4\u{b1}\\u{1b} \r        \r");
    }

    #[test]
    fn elsewhere_only_what_is_new_is_told() {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut talk = Talk::new(&mut out, &mut err, &|| None);
        talk.progress("one", Some("emptying"));
        talk.progress("two", None);
        talk.wipe();
        assert_eq!(err, b"emptying\n");
    }
}
