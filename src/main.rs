//! Arguments in, exit code out.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use ipvs_tui::app::{self, App, End, Face, Frames};
use ipvs_tui::cli::{
    Change, Cli, Console, DemoOptions, Format, JournalFormat, JournalOptions, ListOptions,
    RecordOptions, Replay, ReplayFormat, Verb,
};
use ipvs_tui::config::{self, Charts, Config, ConfigError, Origin, Places};
use ipvs_tui::connections::Budget;
use ipvs_tui::doctor;
use ipvs_tui::glyphs::{self, Glyphs};
use ipvs_tui::ipvs::{ServerKey, ServiceKey};
use ipvs_tui::journal::{self, Author, Place};
use ipvs_tui::kernel::netlink::Namespace;
use ipvs_tui::kernel::proc::ProcRoot;
use ipvs_tui::kernel::{KernelError, Want, sim};
use ipvs_tui::keys::Keymap;
use ipvs_tui::model::{Model, Wall};
use ipvs_tui::open;
use ipvs_tui::record::{About, Player, RecordError, Recorder, Recording, To, When};
use ipvs_tui::report;
use ipvs_tui::script::{self, Talk};
use ipvs_tui::snapshot::{Epoch, Moment, Part, Snapshot};
use ipvs_tui::terminal;
use ipvs_tui::theme::{Choice, Depth, ThemeError, Themes};
use ipvs_tui::view::Look;
use ipvs_tui::worker::{CpuClock, Pace, Report, Resolve, Worker};

/// Something failed while running.
const FAILED: u8 = 1;
/// The command line, or what it was called in, is wrong. clap uses the same.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        None => console(cli.console, None, None),
        Some(Verb::Watch { cycle, netns, record, screen, config }) => {
            let journal = JournalOptions::default();
            let wanted = Console { netns, read_only: true, journal, record, screen, config };
            console(wanted, cycle, None)
        }
        Some(Verb::Replay(wanted)) => replay(&wanted),
        Some(Verb::Journal { format, last, journal }) => print_journal(format, last, journal),
        Some(Verb::Demo { demo, read_only, cycle, screen, polls, speed, record, config }) => {
            let journal = JournalOptions::default();
            let read_only = read_only || cycle.is_some();
            let wanted = Console { netns: None, read_only, journal, record, screen, config };
            let passing = match (polls, speed) {
                (Some(polls), _) => Passing::Asked(polls),
                (None, Some(speed)) => Passing::Fast(speed),
                (None, None) => Passing::Real,
            };
            console(wanted, cycle, Some((demo, passing)))
        }
        Some(Verb::Snapshot { format, netns, demo, of }) => {
            let of = demo.then_some(of);
            snapshot(format, netns.as_ref(), of.as_ref())
        }
        Some(Verb::Doctor { json, netns, journal, demo, of }) => {
            let of = demo.then_some(of);
            examine(json, netns.as_ref(), journal, of.as_ref())
        }
        Some(Verb::Connections(options)) => connections(options),
        Some(Verb::Change(change)) => change_table(*change),
    };
    done.unwrap_or_else(|error| {
        // Where even standard error is closed there is nobody left to tell.
        match error.downcast_ref::<ConfigError>() {
            Some(error) => {
                for line in error.lines() {
                    let _ = writeln!(io::stderr(), "ipvs-tui: {line}");
                }
                ExitCode::from(USAGE)
            }
            None => {
                let _ = writeln!(io::stderr(), "ipvs-tui: {error:#}");
                ExitCode::from(if error.is::<ThemeError>() { USAGE } else { FAILED })
            }
        }
    })
}

/// How time passes for an embedded director.
#[derive(Clone, Copy)]
enum Passing {
    Real,
    /// By an interval with each of so many readings at the start, and with each that is asked for.
    Asked(NonZeroU32),
    /// By so many intervals from one reading to the next.
    Fast(NonZeroU32),
}

/// The console of the kernel's director, or of an embedded one.
fn console(
    wanted: Console,
    cycle: Option<Duration>,
    demo: Option<(DemoOptions, Passing)>,
) -> anyhow::Result<ExitCode> {
    let mut config = configured(wanted.config.config.as_deref())?;
    wanted.over(&mut config);
    let keymap = Keymap::with(&config.bindings(), config.read_only)?;
    let themes = themes(&config)?;
    let mut out = io::stdout().lock();
    if wanted.config.print_config {
        return told(config::print_config(&config, &mut out), "write the settings");
    }
    if wanted.config.print_keys {
        return told(config::print_keys(&config, &keymap, &mut out), "write the keys");
    }
    drop(out);
    let (netns, read_only) = (wanted.netns, config.read_only);
    let no_journal = wanted.journal.no_journal;
    let journal = JournalOptions { journal: config.journal.clone(), no_journal };
    let (step, budget) = (config.interval, config.budget);
    let every = Pace::Every { interval: step, budget, connections: config.connections };
    let (pace, clock) = match &demo {
        Some((_, Passing::Asked(polls))) => (Pace::Asked(*polls), app::Clock::Snapshots),
        Some((_, Passing::Fast(_))) => (every, app::Clock::Snapshots),
        Some((_, Passing::Real)) | None => (every, app::Clock::Real),
    };
    let record = wanted.record;
    let within = netns.as_ref().map(Namespace::prefix);
    // Made-up clients have made-up names.
    let names = demo.is_some().then_some(sim::name_of as Resolve);
    let open = move || {
        let director = match demo {
            Some((demo, Passing::Asked(_))) => open::posing(&demo, read_only, step),
            Some((demo, Passing::Fast(n))) => open::posing(&demo, read_only, step * n.get()),
            Some((demo, Passing::Real)) => open::embedded(&demo, read_only),
            None => open::kernel(netns.as_ref(), read_only, &journal, false)?,
        };
        let recorder = recorder(&record, &director.name, step)?;
        Ok((director, recorder))
    };
    let start = |reports| {
        let mut worker = Worker::recording::<anyhow::Error>(open, pace, reports)?;
        if let Some(names) = names {
            worker.resolve_with(names);
        }
        Ok(worker)
    };
    open_console(start, keymap, &config, themes, clock, |model| {
        model.wall = cycle.map(Wall::new);
        model.doctor.within = within;
    })
}

/// Records what the console of the director `name` sees, if that is wanted.
fn recorder(
    wanted: &RecordOptions,
    name: &str,
    interval: Duration,
) -> anyhow::Result<Option<Recorder>> {
    let Some(path) = &wanted.record else { return Ok(None) };
    let about = About {
        program: format!("ipvs-tui {}", env!("CARGO_PKG_VERSION")),
        name: name.to_owned(),
        interval_ms: u64::try_from(interval.as_millis()).unwrap_or(u64::MAX),
        began: Timestamp::now(),
    };
    let place = Place::at(path).map_err(RecordError::from)?;
    Ok(Some(Recorder::open(place, wanted.limits(), about)?))
}

/// Plays a recording in the console, or prints it.
fn replay(wanted: &Replay) -> anyhow::Result<ExitCode> {
    let recording = Recording::open(&wanted.file)?;
    if let Some(format) = wanted.format {
        return export(&recording, format, wanted);
    }
    let mut config = configured(wanted.config.config.as_deref())?;
    wanted.look.over(&mut config);
    config.watch();
    let keymap = Keymap::of_replay(&config.bindings())?;
    let themes = themes(&config)?;
    let mut out = io::stdout().lock();
    if wanted.config.print_config {
        return told(config::print_config(&config, &mut out), "write the settings");
    }
    if wanted.config.print_keys {
        return told(config::print_keys(&config, &keymap, &mut out), "write the keys");
    }
    drop(out);
    let flaws = recording.told();
    let begun = Instant::now();
    let mut player = Player::new(recording, Moment::default());
    let first = To::Time(player.playing().first);
    let to = match wanted.at {
        Some(when) => player.time(when, &TimeZone::system()).context("there is no such time")?,
        None => first,
    };
    let scene = player.jump(to, Moment::default()).context("the recording cannot be played")?;
    let playing = player.playing();
    let about = scene.about.clone();
    let start = |reports: UnboundedSender<Report>| {
        let _ = reports.send(Report::Scene(Box::new(scene)));
        for flaw in flaws {
            let _ = reports.send(Report::Note(flaw));
        }
        Ok(Worker::replay(String::new(), player, begun, reports)?)
    };
    open_console(start, keymap, &config, themes, app::Clock::Real, |model| {
        model.playing = Some(playing);
        if let Some(about) = &about {
            model.recorded(about);
        }
    })
}

/// Prints what was recorded. What cannot be played is told on standard error.
fn export(
    recording: &Recording,
    format: ReplayFormat,
    wanted: &Replay,
) -> anyhow::Result<ExitCode> {
    let zone = TimeZone::system();
    for flaw in recording.told() {
        writeln!(io::stderr(), "ipvs-tui: {flaw}")?;
    }
    let first = recording.began().context("the recording holds no snapshot")?;
    let last = recording.last().context("the recording holds no snapshot")?;
    let time = |when: Option<When>, without: Timestamp| match when {
        None => Ok(without),
        Some(when) => {
            let found = when.resolve(first, (first, last.taken), &zone);
            found.context("there is no such time")
        }
    };
    let span = (time(wanted.from, first)?, time(wanted.until, last.taken)?);
    let form = match format {
        ReplayFormat::Text => Format::Text,
        ReplayFormat::Json => Format::Json,
        ReplayFormat::Ipvsadm => Format::Ipvsadm,
        ReplayFormat::Csv => {
            let written = report::csv(recording, span, &mut io::stdout().lock());
            return told(written, "write the recording");
        }
        ReplayFormat::Changes => {
            // A session begins a moment before its first snapshot.
            let from = time(wanted.from, Timestamp::MIN)?;
            let span = (from, time(wanted.until, Timestamp::MAX)?);
            let written = report::changes(recording, span, &zone, &mut io::stdout().lock());
            return told(written, "write the changes");
        }
    };
    match wanted.at {
        None => print_snapshot(&last, form),
        Some(at) => {
            let found = recording.at(time(Some(at), first)?);
            print_snapshot(found.as_ref().unwrap_or(&last), form)
        }
    }
}

/// What files say, without the command line.
fn configured(named: Option<&Path>) -> Result<Config, ConfigError> {
    let uid = rustix::process::geteuid().as_raw();
    Config::load(&Places::of(named, uid, &|name| std::env::var_os(name)))
}

/// The journal that is named on the command line, or else in a file: consoles and scripts share
/// it, so that each can undo and follow what the others did.
fn configured_journal(wanted: JournalOptions) -> Result<JournalOptions, ConfigError> {
    if wanted.journal.is_some() || wanted.no_journal {
        return Ok(wanted);
    }
    Ok(JournalOptions { journal: configured(None)?.journal, ..wanted })
}

/// One change from a script.
fn change_table(change: Change) -> anyhow::Result<ExitCode> {
    let mut wanted = match change.wanted() {
        Ok(wanted) => wanted,
        Err(error) => {
            let _ = error.print();
            return Ok(ExitCode::from(USAGE));
        }
    };
    if wanted.demo.is_none() {
        wanted.journal = configured_journal(wanted.journal)?;
    }
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let width = || {
        let size = rustix::termios::tcgetwinsize(io::stderr()).ok()?;
        Some(size.ws_col).filter(|columns| *columns > 0)
    };
    let mut talk = Talk::new(&mut out, &mut err, &width);
    let exit = match open::director(&wanted) {
        Ok(mut director) => {
            script::run(&wanted, &mut director, &mut talk, &mut script::Real::new())
        }
        Err(error) => script::failed(&wanted, &format!("{error:#}"), &mut talk),
    };
    Ok(ExitCode::from(exit.code()))
}

/// The connection table, or a sample of it.
fn connections(options: ListOptions) -> anyhow::Result<ExitCode> {
    let wanted = match options.wanted() {
        Ok(wanted) => wanted,
        Err(error) => {
            let _ = error.print();
            return Ok(ExitCode::from(USAGE));
        }
    };
    let budget = match wanted.demo {
        None => configured(None)?.connections,
        Some(_) => Budget::default(),
    };
    let mut reader = open::reader(wanted.netns.as_ref(), wanted.demo.as_ref())?;
    let (mut err, shows) = (io::stderr(), io::stderr().is_terminal());
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let clock = &mut CpuClock::of_process();
    let listing = script::Listing { wanted: &wanted, shows, budget, clock };
    match listing.run(reader.as_mut(), &mut out, &mut err) {
        Err(script::ListError::Write(error)) => told(Err(error), "write the connections"),
        Err(script::ListError::Kernel(error)) => Err(error.into()),
        Ok(()) => Ok(ExitCode::SUCCESS),
    }
}

/// What came of printing. Whoever reads may have seen enough: `ipvs-tui --print-keys | head`.
fn told(written: io::Result<()>, what: &'static str) -> anyhow::Result<ExitCode> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        other => {
            other.map_err(|e| KernelError::system(what, &e))?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn print_journal(
    format: JournalFormat,
    last: Option<usize>,
    named: Option<PathBuf>,
) -> anyhow::Result<ExitCode> {
    let named = JournalOptions { journal: named, no_journal: false };
    let place = open::place(configured_journal(named)?.journal.as_deref())?;
    let history = match last {
        Some(last) => journal::read_last(&place, last)?,
        None => journal::read(&place)?,
    };
    let mut out = io::stdout().lock();
    let written = match format {
        JournalFormat::Text => journal::text(&history, &TimeZone::system(), &mut out),
        JournalFormat::Json => journal::json(&history, &mut out),
    };
    told(written, "write the journal")
}

/// Looks for mistakes, and prints what was found.
fn examine(
    json: bool,
    netns: Option<&Namespace>,
    journal: Option<PathBuf>,
    demo: Option<&DemoOptions>,
) -> anyhow::Result<ExitCode> {
    let (mut reader, drained) = match demo {
        Some(demo) => (open::embedded(demo, true).reader, BTreeSet::new()),
        None => {
            let drained = drained(netns, journal);
            netns.map(Namespace::enter).transpose()?;
            (open::watcher(&ProcRoot::default(), Epoch::now())?, drained)
        }
    };
    let snapshot = Arc::new(reader.snapshot(&Want::everything())?);
    let owners = Part::from_result(reader.owners());
    let evidence = doctor::gather(reader.as_mut(), snapshot, owners, drained);
    let mut report = doctor::examine(&evidence);
    if let Some(netns) = netns {
        report.run_within(&netns.prefix());
    }
    let mut out = io::stdout().lock();
    let written = match json {
        true => report::doctor_json(&report, &mut out),
        false => report::doctor_text(&report, &mut out),
    };
    told(written, "write the report")?;
    Ok(ExitCode::from(report.exit_code()))
}

/// The servers of open drains, as far as the journal can be read: they only say why a weight is 0.
fn drained(
    netns: Option<&Namespace>,
    journal: Option<PathBuf>,
) -> BTreeSet<(ServiceKey, ServerKey)> {
    let named = JournalOptions { journal, no_journal: false };
    let place = configured_journal(named).ok().and_then(|j| open::place(j.journal.as_deref()).ok());
    let history = place.and_then(|place| journal::read_last(&place, 0).ok()).unwrap_or_default();
    let here = Author::present(netns.map(ToString::to_string)).scene;
    let open = history.open_drains(&here).flat_map(|drain| &drain.started.servers);
    open.map(|drained| (drained.service, drained.server)).collect()
}

fn open_console(
    start: impl FnOnce(UnboundedSender<Report>) -> anyhow::Result<Worker>,
    keymap: Keymap,
    config: &Config,
    themes: Choice,
    clock: app::Clock,
    prepare: impl FnOnce(&mut Model),
) -> anyhow::Result<ExitCode> {
    if !terminal::is_there() {
        let _ = writeln!(
            io::stderr(),
            "ipvs-tui: the console needs a terminal on standard input and output; in a pipe, \
             'ipvs-tui snapshot' prints the table once"
        );
        return Ok(ExitCode::from(USAGE));
    }
    let look = Look { theme: themes.theme().clone(), glyphs: glyphs(config) };
    let frames = Frames::new(config.frames());
    let face = Face { look, themes, frames, mouse: config.mouse };
    let (reports, inbox) = unbounded_channel();
    let worker = start(reports)?;
    let mut model = Model::new(worker.name.clone(), config.interval, worker.read_only);
    model.keys = keymap.names();
    model.budget = config.budget;
    model.rate = config.rate;
    model.window = config.window;
    model.scale = config.scale;
    model.connections.budget = config.connections;
    model.columns.clone_from(&config.columns);
    prepare(&mut model);
    let app = App::new(model, keymap, face, worker, inbox, clock);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(match runtime.block_on(app.run())? {
        End::Quit => ExitCode::SUCCESS,
        End::Signal(number) => ExitCode::from(128 + u8::try_from(number).unwrap_or(0)),
    })
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Every theme, for the colours of this terminal, with the one that is asked for on. A name that
/// no theme has is a mistake in the line that asks for it.
fn themes(config: &Config) -> anyhow::Result<Choice> {
    chosen(config).map_err(|error| match (&error, config.origin("theme")) {
        (ThemeError::Unknown { .. }, Origin::File(line)) => {
            ConfigError::at(line, error.to_string()).into()
        }
        _ => error.into(),
    })
}

fn chosen(config: &Config) -> Result<Choice, ThemeError> {
    let themes = match config_folder() {
        Some(folder) => Themes::with_folder(&folder.join("themes"))?,
        None => Themes::built_in()?,
    };
    // What the files call default follows the terminal.
    let named = Some(config.theme.as_str()).filter(|name| *name != "default");
    themes.choice(named, Depth::of(&env))
}

/// Where the operator's own things are, by the XDG base directories: `~/.config/ipvs-tui`.
fn config_folder() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")))?;
    Some(config.join("ipvs-tui"))
}

fn glyphs(config: &Config) -> Glyphs {
    let locale = env("LC_ALL").or_else(|| env("LC_CTYPE")).or_else(|| env("LANG"));
    let utf8 = locale.is_some_and(|l| {
        let l = l.to_ascii_lowercase();
        l.contains("utf-8") || l.contains("utf8")
    });
    if config.ascii.unwrap_or(!utf8) {
        return glyphs::ASCII;
    }
    Glyphs { braille: config.charts == Charts::Braille, ..glyphs::UNICODE }
}

fn snapshot(
    format: Format,
    netns: Option<&Namespace>,
    demo: Option<&DemoOptions>,
) -> anyhow::Result<ExitCode> {
    let mut reader = open::reader(netns, demo)?;
    print_snapshot(&reader.snapshot(&Want::everything())?, format)
}

fn print_snapshot(snapshot: &Snapshot, format: Format) -> anyhow::Result<ExitCode> {
    let mut out = BufWriter::new(io::stdout().lock());
    let mut left_out = Vec::new();
    let written = match format {
        Format::Text => report::text(snapshot, &mut out),
        Format::Json => report::json(snapshot, &mut out),
        Format::Ipvsadm => report::rules(snapshot, &mut out).map(|told| left_out = told),
    };
    match written.and_then(|()| out.flush()) {
        // Whoever reads has seen enough: ipvs-tui snapshot | head
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(ExitCode::SUCCESS),
        other => other.map_err(|e| KernelError::system("write the snapshot", &e))?,
    }
    for line in left_out {
        writeln!(io::stderr(), "ipvs-tui: {line}")?;
    }
    Ok(ExitCode::SUCCESS)
}
