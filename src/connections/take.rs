//! One pass over the connection table: to its end, to its budget, or until it is called off.

use std::ops::ControlFlow;
use std::time::Duration;

use super::cost::Cost;
use super::sample::Holder;
use crate::kernel::{Connections, KernelError};

/// The clocks that a pass is measured by.
pub trait Clock {
    /// CPU time that the reading thread has taken.
    fn cpu(&mut self) -> Duration;
    /// Time that has passed.
    fn wall(&mut self) -> Duration;
}

/// A clock that stands still: nothing is measured, and no budget is ever spent.
#[derive(Clone, Copy, Debug, Default)]
pub struct Still;

impl Clock for Still {
    fn cpu(&mut self) -> Duration {
        Duration::ZERO
    }

    fn wall(&mut self) -> Duration {
        Duration::ZERO
    }
}

/// How far a pass may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// CPU time; it ends with the page that goes beyond.
    pub cpu: Duration,
    /// Rows that are held.
    pub rows: usize,
}

impl Limits {
    /// To the end of any table that fits into memory: 16 bytes a row make 160 MB.
    pub const WHOLE: Self = Self { cpu: Duration::MAX, rows: 10_000_000 };
    /// More rows would make a sample no better: the error is below half a per cent.
    pub const SAMPLE_ROWS: usize = 100_000;
}

/// Why a pass has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// There is no more.
    Whole,
    /// Its time or its rows are used up.
    Budget,
    /// It was called off.
    Cancelled,
}

/// What a pass came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Why it has ended.
    pub end: End,
    /// CPU time that it took.
    pub cpu: Duration,
    /// Time that it took.
    pub wall: Duration,
    /// Lines that were no rows.
    pub skipped: u64,
}

/// How far a pass is.
pub struct Under<'a> {
    /// What is held.
    pub holder: &'a Holder,
    /// What was learned of the cost.
    pub cost: &'a Cost,
    /// CPU time so far.
    pub cpu: Duration,
    /// Time so far.
    pub wall: Duration,
}

/// Reads `pass`. After every page `look` is told how far it is, and may call it off.
///
/// # Errors
/// [`KernelError`] when the kernel refuses to go on.
pub fn take(
    pass: &mut dyn Connections,
    holder: &mut Holder,
    cost: &mut Cost,
    limits: Limits,
    clock: &mut dyn Clock,
    look: &mut dyn FnMut(&Under<'_>) -> ControlFlow<()>,
) -> Result<Passed, KernelError> {
    let (cpu_began, began) = (clock.cpu(), clock.wall());
    let (mut cpu, mut wall, mut skipped) = (Duration::ZERO, Duration::ZERO, 0);
    // Where all of it is wanted and the kernel tells its size, nothing has to grow meanwhile.
    if let (Limits::WHOLE, Some(total)) = (limits, pass.total()) {
        holder.reserve(usize::try_from(total).unwrap_or(usize::MAX).min(limits.rows));
    }
    let end = loop {
        let before = holder.rows().len();
        let Some(mut rows) = pass.next_rows()? else { break End::Whole };
        wall = clock.wall().saturating_sub(began);
        holder.piece(wall);
        rows.by_ref().for_each(|row| holder.push(&row));
        skipped += rows.skipped();
        let spent = clock.cpu().saturating_sub(cpu_began);
        cost.page(before, holder.rows().len() - before, spent - cpu);
        cpu = spent;
        if look(&Under { holder, cost, cpu, wall }).is_break() {
            break End::Cancelled;
        }
        if cpu >= limits.cpu || holder.rows().len() >= limits.rows {
            break End::Budget;
        }
    };
    Ok(Passed { end, cpu, wall, skipped })
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;
    use crate::connections::Shape;
    use crate::kernel::proc::conn::Rows;

    /// A table of `rows` rows, 62 a page, on a kernel where every page costs its first and some
    /// for every row before it; the clock goes on with the reading.
    struct Table {
        rows: u32,
        next: u32,
        page: String,
        spent: Duration,
        row: Duration,
    }

    struct Kernel {
        table: Table,
        watch: std::sync::Arc<std::sync::Mutex<Duration>>,
    }

    impl Connections for Kernel {
        fn next_rows(&mut self) -> Result<Option<Rows<'_>>, KernelError> {
            let table = &mut self.table;
            if table.next == table.rows {
                return Ok(None);
            }
            table.page.clear();
            table.spent += Duration::from_micros(60) + table.row * table.next;
            *self.watch.lock().unwrap() = table.spent;
            for number in table.next..(table.next + 62).min(table.rows) {
                table.page += &format!(
                    "TCP {number:08X} AD06 0A000001 0050 0A010102 0050 ESTABLISHED     900\n"
                );
                table.next += 1;
            }
            Ok(Some(Rows::new(table.page.as_bytes())))
        }
    }

    struct Shared(std::sync::Arc<std::sync::Mutex<Duration>>);

    impl Clock for Shared {
        fn cpu(&mut self) -> Duration {
            *self.0.lock().unwrap()
        }

        fn wall(&mut self) -> Duration {
            *self.0.lock().unwrap() * 2
        }
    }

    fn kernel(rows: u32, nanos: u64) -> (Kernel, Shared) {
        let watch = std::sync::Arc::new(std::sync::Mutex::new(Duration::ZERO));
        let table = Table {
            rows,
            next: 0,
            page: String::new(),
            spent: Duration::ZERO,
            row: Duration::from_nanos(nanos),
        };
        (Kernel { table, watch: std::sync::Arc::clone(&watch) }, Shared(watch))
    }

    fn pass(rows: u32, nanos: u64, cpu_ms: u64) -> (Passed, Holder, Cost) {
        let (mut kernel, mut clock) = kernel(rows, nanos);
        let (mut holder, mut cost) = (Holder::default(), Cost::default());
        let limits = Limits { cpu: Duration::from_millis(cpu_ms), rows: Limits::SAMPLE_ROWS };
        let passed = take(&mut kernel, &mut holder, &mut cost, limits, &mut clock, &mut |_| {
            ControlFlow::Continue(())
        });
        (passed.unwrap(), holder, cost)
    }

    #[test]
    fn a_small_table_is_read_whole() {
        let (passed, holder, _) = pass(1_000, 5, 200);
        assert_eq!((passed.end, holder.rows().len()), (End::Whole, 1_000));
        assert_eq!(passed.wall, passed.cpu * 2);
    }

    #[test]
    fn a_quadratic_table_is_left_at_the_budget_and_recognised() {
        let (passed, holder, cost) = pass(1_000_000, 5, 200);
        assert_eq!(passed.end, End::Budget);
        assert!(passed.cpu < Duration::from_millis(202), "{passed:?}");
        assert!((50_000..80_000).contains(&holder.rows().len()), "{}", holder.rows().len());
        assert_eq!(cost.shape(), Shape::Quadratic);
        let whole = cost.expected(0, 1_000_000).unwrap();
        // 16,129 pages of 60 us, and 5 ns for every row before each: 41 s.
        assert!((38..45).contains(&whole.low.as_secs()), "{whole}");
        let (_, _, cost) = pass(1_000_000, 0, 200);
        assert_eq!(cost.shape(), Shape::Linear);
    }

    #[test]
    fn the_rows_held_are_bounded_too() {
        let (passed, holder, _) = pass(1_000_000, 0, 10_000);
        assert_eq!(passed.end, End::Budget);
        assert!((Limits::SAMPLE_ROWS..Limits::SAMPLE_ROWS + 62).contains(&holder.rows().len()));
    }

    #[test]
    fn a_pass_is_called_off_within_a_page() {
        let (mut kernel, mut clock) = kernel(1_000_000, 5);
        let (mut holder, mut cost) = (Holder::default(), Cost::default());
        let mut pages = 0;
        let passed =
            take(&mut kernel, &mut holder, &mut cost, Limits::WHOLE, &mut clock, &mut |_| {
                pages += 1;
                if pages == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
        assert_eq!(passed.unwrap().end, End::Cancelled);
        assert_eq!(holder.rows().len(), 7 * 62);
    }

    #[test]
    fn every_row_knows_when_it_was_read() {
        let (_, holder, _) = pass(1_000, 1_000, 200);
        let rows = holder.finish();
        let times: Vec<Duration> = rows.iter().map(|row| row.read_at()).collect();
        assert!(times.is_sorted() && times[0] < times[999], "{times:?}");
        let pages: VecDeque<Duration> = times.iter().copied().step_by(62).collect();
        assert!(pages.len() > 10);
    }
}
