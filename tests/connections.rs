//! `ipvs-tui connections`: what is printed is what the kernel has, in ipvsadm's words; a sample
//! says that it is one.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::process::{Command, Output};
use std::time::Duration;

use ipvs_tui::cli::Listed;
use ipvs_tui::connections::{Budget, Clock, Filter};
use ipvs_tui::ipvs::ServiceKey;
use ipvs_tui::kernel::proc::conn::Rows;
use ipvs_tui::kernel::proc::modules::Schedulers;
use ipvs_tui::kernel::proc::owners::Owner;
use ipvs_tui::kernel::sim::{self, Director, Scenario};
use ipvs_tui::kernel::{Connections, KernelError, Reader, Want};
use ipvs_tui::report::connections::Form;
use ipvs_tui::script::{ListError, Listing};
use ipvs_tui::snapshot::{ServiceEntry, Snapshot};

/// A kernel whose table is this text.
struct Fixed {
    director: Box<dyn Reader>,
    rows: &'static [u8],
    origins: &'static [u8],
    /// CPU time that a page takes, in a clock that is read for it.
    spent: std::sync::Arc<std::sync::Mutex<Duration>>,
    page: Duration,
}

struct Pages {
    rest: &'static [u8],
    spent: std::sync::Arc<std::sync::Mutex<Duration>>,
    page: Duration,
}

impl Connections for Pages {
    fn next_rows(&mut self) -> Result<Option<Rows<'_>>, KernelError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        *self.spent.lock().unwrap() += self.page;
        let page = &self.rest[..self.rest.len().min(4_096)];
        let end = page.iter().rposition(|b| *b == b'\n').map_or(page.len(), |at| at + 1);
        let (page, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(Some(Rows::new(page)))
    }
}

impl Reader for Fixed {
    fn snapshot(&mut self, want: &Want) -> Result<Snapshot, KernelError> {
        self.director.snapshot(want)
    }

    fn service(&mut self, key: &ServiceKey) -> Result<Option<ServiceEntry>, KernelError> {
        self.director.service(key)
    }

    fn connections(&mut self) -> Result<Box<dyn Connections>, KernelError> {
        let (spent, page) = (self.spent.clone(), self.page);
        Ok(Box::new(Pages { rest: self.rows, spent, page }))
    }

    fn origins(&mut self) -> Result<Box<dyn Connections>, KernelError> {
        let (spent, page) = (self.spent.clone(), self.page);
        Ok(Box::new(Pages { rest: self.origins, spent, page }))
    }

    fn owners(&mut self) -> Result<Vec<Owner>, KernelError> {
        Ok(Vec::new())
    }

    fn schedulers(&mut self) -> Result<Schedulers, KernelError> {
        Ok(Schedulers::default())
    }

    fn release(&self) -> String {
        self.director.release()
    }
}

struct Watch(std::sync::Arc<std::sync::Mutex<Duration>>);

impl Clock for Watch {
    fn cpu(&mut self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn wall(&mut self) -> Duration {
        self.cpu()
    }
}

fn fixed(rows: &'static [u8], page: Duration) -> Fixed {
    let director = Director::open(Scenario::Empty, 1, sim::Clock::Manual);
    let (director, spent) = (Box::new(director.reader()), Default::default());
    Fixed { director, rows, origins: rows, spent, page }
}

fn wanted(filter: &str, form: Form, full: bool) -> Listed {
    let filter = Filter::read(filter).unwrap();
    Listed { filter, form, full, origins: false, netns: None, demo: None }
}

/// What goes to standard output and to standard error.
fn listed(reader: &mut Fixed, wanted: &Listed) -> (String, String) {
    listed_within(Budget::default(), reader, wanted)
}

fn listed_within(budget: Budget, reader: &mut Fixed, wanted: &Listed) -> (String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let clock = &mut Watch(reader.spent.clone());
    Listing { wanted, shows: false, budget, clock }.run(reader, &mut out, &mut err).unwrap();
    (String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

const ROWS: [(&str, &[u8]); 4] = [
    ("5.10", include_bytes!("lab/fixtures/5.10/proc-net-ip_vs_conn")),
    ("6.1", include_bytes!("lab/fixtures/6.1/proc-net-ip_vs_conn")),
    ("6.12", include_bytes!("lab/fixtures/6.12/proc-net-ip_vs_conn")),
    ("7.2", include_bytes!("lab/fixtures/7.2/proc-net-ip_vs_conn")),
];
const LISTINGS: [&str; 4] = [
    include_str!("lab/fixtures/5.10/ipvsadm-Lnc"),
    include_str!("lab/fixtures/6.1/ipvsadm-Lnc"),
    include_str!("lab/fixtures/6.12/ipvsadm-Lnc"),
    include_str!("lab/fixtures/7.2/ipvsadm-Lnc"),
];

/// ipvsadm listed the table a moment later: its timers differ, and it leaves engine data out.
fn without_timers(listing: &str) -> BTreeSet<String> {
    let lines = listing.lines().map(|line| {
        let (start, rest) = line.split_at(4);
        let rest = rest.trim_start();
        let rest = if rest.starts_with(|c: char| c.is_ascii_digit()) { &rest[5..] } else { rest };
        let rest = rest.split(" sip ").next().unwrap();
        format!("{start}{}", rest.trim_end())
    });
    lines.collect()
}

#[test]
fn text_is_what_ipvsadm_prints() {
    for ((kernel, rows), theirs) in ROWS.into_iter().zip(LISTINGS) {
        for full in [false, true] {
            let mut reader = fixed(rows, Duration::ZERO);
            let (ours, told) = listed(&mut reader, &wanted("", Form::Text, full));
            assert_eq!(without_timers(&ours), without_timers(theirs), "kernel {kernel}");
            assert_eq!(told, "", "kernel {kernel}: a small table is no sample");
        }
    }
    let (ours, _) =
        listed(&mut fixed(ROWS[1].1, Duration::ZERO), &wanted("pe:any", Form::Text, false));
    assert!(ours.ends_with("10.1.1.2:5060      sip 9b2c41d0@10.9.0.2\n"), "{ours}");
}

#[test]
fn json_holds_every_row_with_units_in_the_names() {
    for (kernel, rows) in ROWS {
        let (ours, _) = listed(&mut fixed(rows, Duration::ZERO), &wanted("", Form::Json, false));
        let document: serde_json::Value = serde_json::from_str(&ours).unwrap();
        let found = document["connections"].as_array().unwrap();
        let lines = rows.iter().filter(|b| **b == b'\n').count() - 1;
        assert_eq!((found.len(), document["whole"].as_bool()), (lines, Some(true)), "{kernel}");
        assert_eq!(document["schema"], "ipvs-tui/connections/1");
        for field in ["rows_read", "rows_listed", "table_rows", "table_rows_low", "table_rows_high"]
        {
            assert_eq!(document[field], lines, "{kernel}: {field}");
        }
        let marks: Vec<_> = found.iter().filter(|row| row["fwmark"] == 5).collect();
        assert_eq!(marks[0]["virtual_address"], serde_json::Value::Null);
        let sip = found.iter().filter(|row| row["engine"] == "sip").count();
        assert_eq!(sip, 2, "{kernel}");
        let first = &found[0];
        for field in ["client_port", "server_port", "expires_seconds"] {
            assert!(first[field].is_u64(), "{kernel}: {field} in {first}");
        }
    }
    let (empty, _) =
        listed(&mut fixed(ROWS[0].1, Duration::ZERO), &wanted("1.2.3.4", Form::Json, false));
    let document: serde_json::Value = serde_json::from_str(&empty).unwrap();
    assert_eq!(document["connections"].as_array().unwrap().len(), 0);
    assert_eq!(document["filter"], "1.2.3.4");
}

/// Splits a line of RFC 4180.
fn fields(line: &str) -> Vec<String> {
    let (mut all, mut field, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, quoted) {
            ('"', true) if chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            ('"', _) => quoted = !quoted,
            (',', false) => all.push(std::mem::take(&mut field)),
            (c, _) => field.push(c),
        }
    }
    all.push(field);
    all
}

#[test]
fn csv_keeps_its_columns_whatever_strangers_write() {
    const HOSTILE: &[u8] =
        b"UDP 0A090002 0000 0A000001 13C4 0A010102 13C4 NONE            294 sip =cmd,\"x\"\x1b[2J\n\
          UDP 0A090003 0000 0A000001 13C4 0A010102 13C4 NONE            294 sip +1,2\n\
          IP  0A090000 0000 00000005 0000 0A010202 0000 NONE            111\n";
    let (ours, _) = listed(&mut fixed(HOSTILE, Duration::ZERO), &wanted("", Form::Csv, false));
    let lines: Vec<Vec<String>> = ours.split_terminator("\r\n").map(fields).collect();
    assert_eq!(lines.len(), 4, "{ours}");
    assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{ours}");
    assert_eq!(lines[0][12..], ["engine", "engine_data", "read_seconds"]);
    assert_eq!(lines[1][13], r#"\x3dcmd,\"x\"\x1b[2J"#);
    assert_eq!(lines[2][13], r"\x2b1,2");
    assert_eq!(lines[3][..6], ["IP", "10.9.0.0", "0", "", "", "5"]);
    for (kernel, rows) in ROWS {
        let (ours, _) = listed(&mut fixed(rows, Duration::ZERO), &wanted("", Form::Csv, false));
        let columns = fields(ours.lines().next().unwrap()).len();
        assert!(ours.split_terminator("\r\n").all(|l| fields(l).len() == columns), "{kernel}");
    }
    // When each row was read.
    let (timed, _) = listed(&mut large(), &wanted("", Form::Csv, false));
    let read = timed.lines().skip(1).map(|line| line.rsplit(',').next().unwrap().parse().unwrap());
    let read: Vec<f64> = read.collect();
    assert!(read.is_sorted() && read[0] < 0.002 && read[read.len() - 1] > 0.19, "{read:?}");
}

#[test]
fn origins_are_told_instead_of_engines() {
    let mut reader = fixed(ROWS[1].1, Duration::ZERO);
    reader.origins = include_bytes!("lab/fixtures/6.1/proc-net-ip_vs_conn_sync");
    let mut wanted = wanted("origin:sync", Form::Text, false);
    wanted.origins = true;
    let (ours, _) = listed(&mut reader, &wanted);
    let rows: Vec<&str> = ours.lines().skip(2).collect();
    assert!(rows.len() == 2 && rows.iter().all(|row| row.ends_with(" SYNC")), "{ours}");
    assert!(ours.lines().nth(1).unwrap().ends_with(" origin"), "{ours}");
}

/// Some 30,000 rows, at a millisecond a page.
fn large() -> Fixed {
    let row = |number: u32| {
        let client = 0x0A09_0000 + number;
        format!("TCP {client:08X} AD06 0A000001 0050 0A010102 0050 ESTABLISHED     900\n")
    };
    let text: String = (0..30_000).map(row).collect();
    fixed(Box::leak(text.into_bytes().into_boxed_slice()), Duration::from_millis(1))
}

#[test]
fn a_sample_says_that_it_is_one_and_what_the_whole_would_cost() {
    let mut reader = large();
    let (ours, told) = listed(&mut reader, &wanted("client:10.9.0.0/24", Form::Text, false));
    // 0.2 s are two hundred pages.
    assert_eq!(*reader.spent.lock().unwrap(), Duration::from_millis(200));
    assert_eq!(ours.lines().count(), 2 + 256);
    assert!(told.contains("this is a sample: 12,400 rows of a table whose size nothing"), "{told}");
    assert!(told.contains("256 rows match, which makes at least 256"), "{told}");
    let mut reader = large();
    let (ours, told) = listed(&mut reader, &wanted("", Form::Text, true));
    assert_eq!(ours.lines().count(), 2 + 30_000);
    assert!(told.starts_with("ipvs-tui: reading all of about at least 12,400 rows"), "{told}");
}

/// What is asked for is looked at also where the console would never look by itself.
#[test]
fn a_sample_keeps_within_the_budget_of_the_settings() {
    for (percent, millis) in [(0.5, 150), (0.1, 30), (10.0, 200), (0.0, 200)] {
        let mut reader = large();
        let budget = Budget::percent(percent).unwrap();
        let (ours, _) = listed_within(budget, &mut reader, &wanted("", Form::Csv, false));
        assert_eq!(*reader.spent.lock().unwrap(), Duration::from_millis(millis), "{percent}%");
        assert_eq!(ours.lines().count() as u64, 1 + millis * 62, "{percent}%");
    }
}

/// Takes so many bytes and no more, as a pipe to `head` does.
struct Closed(usize);

impl std::io::Write for Closed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(left) => {
                self.0 = left;
                Ok(bytes.len())
            }
            None => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_closed_pipe_ends_it() {
    for full in [false, true] {
        let mut reader = large();
        let wanted = wanted("", Form::Csv, full);
        let clock = &mut Watch(reader.spent.clone());
        let listing = Listing { wanted: &wanted, shows: false, budget: Budget::default(), clock };
        let ended = listing.run(&mut reader, &mut Closed(5_000), &mut Vec::new());
        let Err(ListError::Write(error)) = ended else { panic!("{ended:?}") };
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    }
}

fn program(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ipvs-tui"));
    command.arg("connections").args(words).output().unwrap()
}

#[test]
fn the_program_prints_and_refuses() {
    let done = program(&["--demo", "--format", "json", "state:established", "!is:template"]);
    let document: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let rows = document["connections"].as_array().unwrap();
    assert!(rows.len() > 10 && rows.iter().all(|row| row["state"] == "ESTABLISHED"));
    for (words, says) in [
        (&["--demo", "colour:blue"][..], "names no field"),
        (&["--demo", "--origin", "pe:any"], "either where rows came from"),
        (&["--demo", "--netns", "x"], "cannot be used with"),
    ] {
        let done = program(words);
        assert_eq!(done.status.code(), Some(2), "{words:?}");
        assert!(String::from_utf8_lossy(&done.stderr).contains(says), "{words:?}");
    }
}
