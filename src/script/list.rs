//! The connection table, printed: a bounded sample, or all of it.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::time::Duration;

use crate::cli::Listed;
use crate::connections::{
    Budget, Clock, Cost, End, Holder, Limits, Placement, Places, Scope, Sieve, Survey, Tally,
    Under, take,
};
use crate::ipvs::{counted, duration, separated};
use crate::kernel::ahead::Ahead;
use crate::kernel::{Connections, KernelError, Reader, Want};
use crate::report::connections::Listing as Lines;
use crate::snapshot::Snapshot;

/// How often it is told how far a whole pass is.
const PROGRESS: Duration = Duration::from_millis(250);

/// Why printing has ended early.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The kernel's table cannot be read.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// Nobody takes it; a closed pipe is [`io::ErrorKind::BrokenPipe`].
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// What is printed, and how it is told.
pub struct Listing<'a> {
    /// What is wanted.
    pub wanted: &'a Listed,
    /// Whether standard error is a terminal, on which progress shows.
    pub shows: bool,
    /// What looking at the table may cost in a minute; a sample takes one pass's part of it.
    pub budget: Budget,
    /// Measures the sample.
    pub clock: &'a mut dyn Clock,
}

impl Listing<'_> {
    /// Prints rows to `out`, and to `err` what they stand for.
    ///
    /// # Errors
    /// When the table cannot be read or `out` not be written.
    pub fn run(
        mut self,
        reader: &mut dyn Reader,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> Result<(), ListError> {
        let snapshot = reader.snapshot(&Want::everything())?;
        // Before a whole pass too: it tells what that would cost.
        let sample = self.sample(reader, &snapshot)?;
        if self.wanted.full && !sample.is_whole() {
            let cost = sample
                .whole_pass()
                .map_or_else(String::new, |cost| format!(": about {cost} of one CPU"));
            let quadratic = match sample.shape() {
                crate::connections::Shape::Quadratic => ", as on this kernel it is quadratic",
                _ => "",
            };
            let text = format!("reading all of about {} rows{cost}{quadratic}", sample.all());
            note(err, &text);
            return self.whole(reader, &snapshot, &sample, out, err);
        }
        self.print_sample(&sample, &snapshot, out, err)
    }

    fn open(&self, reader: &mut dyn Reader) -> Result<Box<dyn Connections>, KernelError> {
        if self.wanted.origins { reader.origins() } else { reader.connections() }
    }

    fn sample(
        &mut self,
        reader: &mut dyn Reader,
        snapshot: &Snapshot,
    ) -> Result<Survey, KernelError> {
        let mut pass = self.open(reader)?;
        let total = pass.total();
        let (mut holder, mut cost) = (Holder::uncut(), Cost::default());
        // It was asked for: where the console never looks by itself, the usual pass is taken.
        let budget = if self.budget.is_nothing() { Budget::default() } else { self.budget };
        let limits = Limits { cpu: budget.pass(), rows: Limits::SAMPLE_ROWS };
        let go_on = &mut |_: &Under<'_>| ControlFlow::Continue(());
        let passed = take(pass.as_mut(), &mut holder, &mut cost, limits, self.clock, go_on)?;
        let repeated = holder.repeated();
        Ok(Survey::new((holder.finish(), passed, repeated), cost, total, snapshot))
    }

    fn print_sample(
        &self,
        survey: &Survey,
        snapshot: &Snapshot,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> Result<(), ListError> {
        let filter = self.wanted.filter.as_ref();
        let sieve = Sieve::new(&survey.placement, &Scope::All, filter);
        let text = filter.map(crate::connections::Filter::text);
        let mut lines =
            Lines::new(&mut *out, self.wanted.form, snapshot.taken, text, self.wanted.origins)?;
        lines.extend(survey.rows.lanes());
        let mut found = Tally::default();
        for row in survey.rows.iter().filter(|row| sieve.passes(row)) {
            survey.tally(&mut found, &row);
            lines.row(&row)?;
        }
        lines.end(survey)?;
        self.tell(survey, found, err);
        Ok(())
    }

    /// What the rows that were printed stand for.
    fn tell(&self, survey: &Survey, found: Tally, err: &mut dyn Write) {
        if survey.passed.skipped > 0 {
            let lines = counted(survey.passed.skipped, "line");
            note(err, &format!("{lines} of the table made no sense and were left out"));
        }
        if survey.is_whole() {
            return;
        }
        let all = survey.all();
        let read = separated(survey.rows.len() as u64);
        let part = survey.scale.part().map_or_else(String::new, |part| {
            let digits = usize::from(part < 0.1);
            format!(" ({:.digits$}%)", part * 100.0)
        });
        let cost = survey.whole_pass().map_or_else(String::new, |cost| {
            format!("; --full reads all of it, for about {cost} of one CPU")
        });
        let of = match all.high {
            Some(_) => format!(" of about {all} rows"),
            None => " rows of a table whose size nothing tells".to_owned(),
        };
        note(err, &format!("this is a sample: {read}{of}{part}{cost}"));
        if self.wanted.filter.is_some() {
            let rows = counted(found.rows(), "row");
            let like = survey.scale.count(found);
            note(err, &format!("{rows} match, which makes {like} in the whole table"));
        }
    }

    /// Prints rows while the kernel makes the next ones.
    fn whole(
        self,
        reader: &mut dyn Reader,
        snapshot: &Snapshot,
        sample: &Survey,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> Result<(), ListError> {
        let mut pass = Ahead::new(self.open(reader)?)?;
        let total = pass.total();
        let filter = self.wanted.filter.as_ref();
        let text = filter.map(crate::connections::Filter::text);
        let mut lines =
            Lines::new(&mut *out, self.wanted.form, snapshot.taken, text, self.wanted.origins)?;
        let mut placement = Placement::new(Places::of(snapshot));
        let mut sieve = Sieve::new(&placement, &Scope::All, filter);
        let (mut holder, mut cost) = (Holder::uncut(), Cost::default());
        let (mut next, mut shown) = (0, Duration::ZERO);
        let mut failed = None;
        let look = &mut |under: &Under<'_>| {
            let rows = under.holder.rows();
            placement.extend(rows.lanes());
            sieve.extend(&placement);
            lines.extend(rows.lanes());
            while let Some(row) = rows.get(next) {
                next += 1;
                if sieve.passes(&row)
                    && let Err(error) = lines.row(&row)
                {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            }
            if self.shows && under.wall >= shown + PROGRESS {
                shown = under.wall;
                let (read, time) = (separated(next as u64), duration(under.wall));
                let all = sample.all();
                let _ = write!(err, "\r{read} of about {all} rows in {time}\x1b[K");
                let _ = err.flush();
            }
            ControlFlow::Continue(())
        };
        let passed = take(&mut pass, &mut holder, &mut cost, Limits::WHOLE, self.clock, look);
        if self.shows && shown > Duration::ZERO {
            let _ = write!(err, "\r\x1b[K");
        }
        if let Some(error) = failed {
            return Err(error.into());
        }
        let passed = passed?;
        let repeated = holder.repeated();
        let survey =
            Survey::new((holder.finish(), passed, repeated), *sample.cost(), total, snapshot);
        lines.end(&survey)?;
        if passed.end != End::Whole {
            let rows = separated(Limits::WHOLE.rows as u64);
            note(err, &format!("the table has more than {rows} rows; the rest was left out"));
        } else if !survey.is_whole() {
            let (read, all) = (separated(survey.rows.len() as u64), survey.all());
            let text = "the table changed while it was read, and rows are missing";
            note(err, &format!("{text}: {read} of about {all}; another run may find them"));
        }
        if passed.skipped > 0 {
            let lines = counted(passed.skipped, "line");
            note(err, &format!("{lines} of the table made no sense and were left out"));
        }
        Ok(())
    }
}

/// Where even standard error is closed there is nobody left to tell.
fn note(err: &mut dyn Write, text: &str) {
    let _ = writeln!(err, "ipvs-tui: {text}");
}
