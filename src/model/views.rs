//! Going from one view to another, and what the keys that move do elsewhere than among services.

use super::{Effect, Model, Prompt, Row, Tone};
use crate::command::{Command, View};

/// How far a view that is made of lines is scrolled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scroll {
    top: usize,
    page: usize,
    lines: usize,
}

impl Scroll {
    /// The first line on the screen.
    pub fn top(&self) -> usize {
        self.top
    }

    /// Lines further down.
    pub fn below(&self) -> usize {
        self.lines.saturating_sub(self.top + self.page)
    }

    /// The step of a page: one line stays in sight.
    fn step(&self) -> isize {
        isize::try_from(self.page.saturating_sub(1).max(1)).unwrap_or(isize::MAX)
    }

    pub(super) fn by(&mut self, by: isize) {
        let most = self.lines.saturating_sub(self.page);
        self.top = self.top.saturating_add_signed(by).min(most);
    }

    /// Where there was no room to draw anything, the place is kept.
    pub(super) fn fit(&mut self, page: usize, lines: usize) {
        if page == 0 {
            return;
        }
        (self.page, self.lines) = (page, lines);
        self.by(0);
    }
}

/// The first of `count` rows to draw on a page so that the one at `place` is on it: as little is
/// scrolled as is needed, and no further than there are rows.
pub(super) fn top_for(top: usize, place: usize, page: usize, count: usize) -> usize {
    if page == 0 {
        return top;
    }
    let top = top.min(place).max((place + 1).saturating_sub(page));
    top.min(count.saturating_sub(page))
}

impl Model {
    pub(super) fn go_to(&mut self, view: View) {
        self.view = view;
        self.detail = None;
        match view {
            View::Hosts => self.enter_hosts(),
            View::Connections => self.enter_connections(),
            View::Journal => self.follow_log(),
            _ => {}
        }
    }

    /// What was drawn: rows or lines that fit, and lines that there are; of what lies over the view,
    /// if that scrolls.
    pub(super) fn drawn(&mut self, page: usize, lines: usize) {
        if let Some(Prompt::Page(open)) = &mut self.prompt {
            open.seen = !self.too_small;
            return open.scroll.fit(page, lines);
        }
        if let Some(scroll) = &mut self.help {
            return scroll.fit(page, lines);
        }
        match self.view {
            View::Services => match &mut self.detail {
                Some(scroll) => scroll.fit(page, lines),
                None => self.rows.fit(page),
            },
            View::Hosts => self.hosts.fit(page),
            View::Connections => self.connections.fit(page),
            View::Director => self.scroll.fit(page, lines),
            View::Doctor => self.doctor.scroll.fit(page, lines),
            View::Drains => self.drains.scroll.fit(page, lines),
            View::Journal => {
                if let Some(scroll) = &mut self.detail {
                    scroll.fit(page, lines);
                }
            }
        }
    }

    /// Whether nothing is open over the view that would be closed first.
    pub(in crate::model) fn is_bare(&self) -> bool {
        self.prompt.is_none() && self.notice.is_none() && self.frozen.is_none()
    }

    /// A command where other things than services are shown; `None` for those that mean the same
    /// everywhere. Nothing acts on a server that is not on the screen.
    pub(super) fn command_elsewhere(&mut self, command: Command) -> Option<Vec<Effect>> {
        if self.view == View::Services {
            return self.command_in_detail(command);
        }
        if self.view == View::Connections
            && let Some(effects) = self.command_in_connections(command)
        {
            return Some(effects);
        }
        if self.view == View::Journal
            && let Some(effects) = self.command_in_detail(command)
        {
            return Some(effects);
        }
        // One row stays in sight.
        let rows = self.hosts.page().saturating_sub(1).max(1);
        let page = match self.view {
            View::Hosts => isize::try_from(rows).unwrap_or(isize::MAX),
            View::Director => self.scroll.step(),
            View::Doctor => self.doctor.scroll.step(),
            View::Drains => self.drains.scroll.step(),
            _ => 10,
        };
        let step = match command {
            Command::PageUp | Command::PageDown if self.view == View::Drains => {
                self.drains.turn(if command == Command::PageUp { -page } else { page });
                return Some(Vec::new());
            }
            // Steps go from one finding to another, pages scroll what is told of it.
            Command::PageUp | Command::PageDown if self.view == View::Doctor => {
                let by = if command == Command::PageUp { -page } else { page };
                self.doctor.scroll.by(by);
                return Some(Vec::new());
            }
            Command::Up => -1,
            Command::Down => 1,
            Command::PageUp => -page,
            Command::PageDown => page,
            Command::Top => isize::MIN,
            Command::Bottom => isize::MAX,
            Command::Undo if self.view == View::Journal => return Some(self.undo_entry()),
            Command::Open if self.view == View::Hosts => {
                self.open_host();
                return Some(Vec::new());
            }
            Command::Open if self.view == View::Drains => {
                self.open_drain();
                return Some(Vec::new());
            }
            Command::Open if self.view == View::Journal => {
                self.open_entry();
                return Some(Vec::new());
            }
            Command::Open if self.view == View::Doctor => {
                self.open_finding();
                return Some(Vec::new());
            }
            Command::Close if self.is_bare() => {
                let filtered = match self.view {
                    View::Hosts => self.clear_filter_of_hosts(),
                    View::Journal => self.clear_filter_of_log(),
                    _ => false,
                };
                if !filtered {
                    self.go_to(View::Services);
                }
                return Some(Vec::new());
            }
            _ if command.spec().is_some_and(|s| !s.views.contains(&self.view)) => {
                let key = self.keys.say(Command::ViewServices);
                let text = format!("not here; {key} shows the services");
                self.say(Tone::Info, text);
                return Some(Vec::new());
            }
            _ => return None,
        };
        match self.view {
            View::Hosts => self.hosts.step(step),
            View::Drains => self.drains.select(step),
            View::Journal => self.select_item(step),
            View::Director => self.scroll.by(step),
            View::Doctor => self.doctor.step(step),
            View::Services | View::Connections => {}
        }
        Some(Vec::new())
    }

    /// Help lies over the table: the keys that move, move it, and the others close it.
    pub(super) fn command_in_help(&mut self, command: Command) {
        let Some(scroll) = &mut self.help else { return };
        match command {
            Command::Up => scroll.by(-1),
            Command::Down => scroll.by(1),
            Command::PageUp => scroll.by(-scroll.step()),
            Command::PageDown => scroll.by(scroll.step()),
            Command::Top => scroll.by(isize::MIN),
            Command::Bottom => scroll.by(isize::MAX),
            _ => self.help = None,
        }
    }

    /// All of the server that holds the selected drain up.
    fn open_drain(&mut self) {
        let worst = self.drains.selected().and_then(|drain| drain.worst());
        let Some((service, server)) = worst.map(|f| (f.service, f.server)) else {
            return self.say(Tone::Info, "select a drain first");
        };
        self.go_to(View::Services);
        if self.select_row(&Row::Server(service, server)) {
            self.open_detail();
        } else {
            let text = format!("real server {server} of {service} is gone from the table");
            self.say(Tone::Info, text);
        }
    }

    /// Shows all of the selected row.
    pub(super) fn open_detail(&mut self) {
        if self.rows.selected().is_some() {
            self.detail = Some(Scroll::default());
        } else {
            self.say(Tone::Info, "select a service or a real server first");
        }
    }

    /// Shows all of the selected entry of the journal.
    fn open_entry(&mut self) {
        if self.item().is_some() {
            self.detail = Some(Scroll::default());
        } else {
            self.no_line();
        }
    }

    /// A command where all of one row or entry is shown: pages scroll it, steps go on to the next.
    fn command_in_detail(&mut self, command: Command) -> Option<Vec<Effect>> {
        let bare = self.is_bare();
        let scroll = self.detail.as_mut()?;
        match command {
            Command::PageUp => scroll.by(-scroll.step()),
            Command::PageDown => scroll.by(scroll.step()),
            Command::Close if bare => self.detail = None,
            Command::Up
            | Command::Down
            | Command::Top
            | Command::Bottom
            | Command::NextService
            | Command::PreviousService => {
                *scroll = Scroll::default();
                return None;
            }
            _ => return None,
        }
        Some(Vec::new())
    }
}
