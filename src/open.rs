//! Opens what the command line names: a director with its reader, writer and book, the kernel's or
//! an embedded one; the journal's place.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;

use crate::cli::{DemoOptions, JournalOptions, Wanted};
use crate::journal::{Author, Book, Clock, JournalError, Operator, Place};
use crate::kernel::netlink::{self, Namespace, NetlinkReader};
use crate::kernel::proc::{ProcReader, ProcRoot};
use crate::kernel::{KernelError, Reader, sim};
use crate::snapshot::Epoch;
use crate::worker::{Director, Hand, Home, Opener};

/// A reader of the kernel's table, or of an embedded director's.
///
/// # Errors
/// A namespace that cannot be entered; what the kernel or its `/proc` says.
pub fn reader(
    netns: Option<&Namespace>,
    demo: Option<&DemoOptions>,
) -> anyhow::Result<Box<dyn Reader>> {
    if let Some(demo) = demo {
        return Ok(embedded(demo, true).reader);
    }
    netns.map(Namespace::enter).transpose()?;
    Ok(watcher(&ProcRoot::default(), Epoch::now())?)
}

/// The best reader for watching: netlink where it is permitted, `/proc` where it is not.
///
/// # Errors
/// What the kernel says, but for a lack of rights.
pub fn watcher(root: &ProcRoot, opened: Epoch) -> Result<Box<dyn Reader>, KernelError> {
    match NetlinkReader::open_since(root, opened) {
        Ok(reader) => Ok(Box::new(reader)),
        Err(KernelError::NotPermitted { .. }) => {
            Ok(Box::new(ProcReader::open_since(root.clone(), opened)?))
        }
        Err(error) => Err(error),
    }
}

/// The director that a script changes.
///
/// # Errors
/// What the kernel says; a journal that cannot be written.
pub fn director(wanted: &Wanted) -> anyhow::Result<Director> {
    let Some(demo) = &wanted.demo else {
        return kernel(wanted.netns.as_ref(), false, &wanted.journal, wanted.dry_run);
    };
    let mut director = embedded(demo, false);
    if let (Some(hand), Some(path)) = (&mut director.hand, &wanted.journal.journal) {
        let mut author = Author::present(Some(director.name.clone()));
        author.scene.namespace_inode = None; // no kernel's table
        let clock: Clock = Box::new(Timestamp::now);
        hand.book = open_book(&Place::at(path)?, author, clock, wanted.dry_run)?;
    }
    Ok(director)
}

/// The kernel's director. Runs on the worker's thread, because a socket belongs to the network
/// namespace of the thread that opens it.
///
/// # Errors
/// What the kernel says; a journal that cannot be written.
pub fn kernel(
    netns: Option<&Namespace>,
    read_only: bool,
    journal: &JournalOptions,
    dry_run: bool,
) -> anyhow::Result<Director> {
    if let Some(netns) = netns {
        netns.enter()?;
    }
    let opened = Epoch::now();
    let mut director = entered(netns, read_only, journal, dry_run, opened)?;
    director.home = netns.map(|netns| {
        let (place, journal) = (netns.clone(), journal.clone());
        let open: Opener = Box::new(move |opened| {
            entered(Some(&place), read_only, &journal, dry_run, opened).map_err(|error| {
                let action = format!("open the director of network namespace {place} again");
                KernelError::System { action, why: format!("{error:#}") }
            })
        });
        Home::new(netns.clone(), opened, open)
    });
    Ok(director)
}

/// The director of the network namespace that the calling thread is in.
fn entered(
    netns: Option<&Namespace>,
    read_only: bool,
    journal: &JournalOptions,
    dry_run: bool,
    opened: Epoch,
) -> anyhow::Result<Director> {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let name = netns.map_or(host.clone(), |netns| format!("{host} netns {netns}"));
    let root = ProcRoot::default();
    if !read_only {
        let (reader, writer) = netlink::open_since(&root, opened)?;
        let hand = Hand { writer: Box::new(writer), book: book(netns, journal, dry_run)? };
        return Ok(Director { name, reader: Box::new(reader), hand: Some(hand), home: None });
    }
    Ok(Director { name, reader: watcher(&root, opened)?, hand: None, home: None })
}

/// The embedded director, in real time.
pub fn embedded(demo: &DemoOptions, read_only: bool) -> Director {
    simulated(demo, read_only, sim::Clock::Real, Author::present(None))
}

/// The embedded director for pictures: nothing on the screen tells when, where and by whom they
/// were made.
pub fn posing(demo: &DemoOptions, read_only: bool, step: Duration) -> Director {
    let operator = Operator { name: Some("operator".to_owned()), ..Operator::default() };
    let author = Author { operator, ..Author::present(None) };
    simulated(demo, read_only, sim::Clock::Step(step), author)
}

fn simulated(demo: &DemoOptions, read_only: bool, clock: sim::Clock, author: Author) -> Director {
    let director = sim::Director::open(demo.scenario, demo.seed, clock);
    let wall = director.clone();
    let hand = (!read_only).then(|| Hand {
        writer: Box::new(director.writer()),
        book: Book::in_memory(author, Box::new(move || wall.time())),
    });
    let name = format!("demo {}", demo.scenario);
    Director { name, reader: Box::new(director.reader()), hand, home: None }
}

/// The journal's place: what the operator names, or the default.
///
/// # Errors
/// A path that cannot be a journal's.
pub fn place(named: Option<&Path>) -> Result<Place, JournalError> {
    match named {
        Some(path) => Place::at(path),
        None => Place::of(rustix::process::geteuid().as_raw(), &|name| std::env::var_os(name)),
    }
}

/// The book that changes of the kernel's director are written in. Runs on the worker's thread,
/// which is in the network namespace that the entries name. A dry run makes no file.
fn book(netns: Option<&Namespace>, wanted: &JournalOptions, dry_run: bool) -> anyhow::Result<Book> {
    let author = Author::present(netns.map(ToString::to_string));
    let clock: Clock = Box::new(Timestamp::now);
    if wanted.no_journal {
        return Ok(Book::in_memory(author, clock));
    }
    let opened = place(wanted.journal.as_deref());
    let opened = opened.and_then(|place| open_book(&place, author, clock, dry_run));
    opened.context(
        "nothing can be changed, because it could not be written down; --no-journal goes without, \
         'ipvs-tui watch' only looks",
    )
}

fn open_book(
    place: &Place,
    author: Author,
    clock: Clock,
    dry_run: bool,
) -> Result<Book, JournalError> {
    if dry_run && !place.path().exists() {
        return Ok(Book::in_memory(author, clock));
    }
    let mut book = Book::open(place, author, clock)?;
    if !dry_run {
        book.journal().check()?;
    }
    Ok(book)
}
