//! The mouse: what can be clicked, and what comes of it. The view says where each thing is.

use super::{By, Effect, Focus, Model, Order, Prompt};
use crate::command::View;
use crate::connections;

/// Something on the screen that can be clicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hit {
    /// The name of a view.
    View(View),
    /// The head of a column: sorts by it.
    Head(By),
    /// A row of services and servers, by its place.
    Row(usize),
    /// The sign at the head of a service's row, by the row's place: folds it.
    Fold(usize),
    /// A host, by its place.
    Host(usize),
    /// A connection or a group of them, by its place.
    Connection(usize),
    /// What connections are grouped by; `None` for one by one.
    Grouping(Option<connections::By>),
    /// The head of a column of connections: sorts by it.
    Order(Order),
    /// A drain, by its place.
    Drain(usize),
    /// An entry of the journal, by its place.
    Entry(usize),
    /// Something that the doctor says, by its place.
    Finding(usize),
    /// An answer of what is asked, by its place: chooses it; a second click takes it.
    Answer(usize),
    /// A line or an answer of a plan: goes there; a second click on an answer gives it.
    Plan(Focus),
}

/// Rows that the wheel goes at once.
pub const WHEEL: isize = 3;

impl Model {
    /// Something was clicked.
    pub(super) fn click(&mut self, hit: Hit) -> Vec<Effect> {
        if self.help.take().is_some() {
            return Vec::new(); // it lies over what was meant
        }
        match (hit, &mut self.prompt) {
            (Hit::Answer(place), Some(Prompt::Palette { chosen, .. }))
            | (Hit::Answer(place), Some(Prompt::Scheduler { chosen, .. })) => {
                if *chosen == place {
                    return self.accept();
                }
                *chosen = place;
            }
            (Hit::Plan(Focus::Line(n)), Some(Prompt::Page(page))) => {
                if n < page.lines.len() {
                    page.focus = Focus::Line(n);
                }
            }
            (Hit::Plan(answer), Some(Prompt::Page(page))) => {
                if page.focus == answer {
                    return self.accept();
                }
                page.focus = answer;
            }
            (Hit::Answer(place), Some(Prompt::Columns { chosen, .. })) => {
                *chosen = place;
                self.toggle_column();
            }
            // What is asked is answered by keys, or by what it offers to be clicked.
            (_, Some(_)) | (Hit::Answer(_) | Hit::Plan(_), None) => {}
            (Hit::View(view), None) => self.go_to(view),
            (Hit::Head(by), None) => self.sort_by(by),
            (Hit::Row(place), None) => self.rows.select(place),
            (Hit::Fold(place), None) => {
                self.rows.select(place);
                self.turn_fold();
            }
            (Hit::Host(place), None) => self.hosts.select(place),
            (Hit::Connection(place), None) => self.connections.select(place),
            (Hit::Grouping(by), None) => self.group_by(by),
            (Hit::Order(order), None) => self.order_by(order),
            (Hit::Drain(place), None) => self.drains.select_place(place),
            (Hit::Entry(place), None) => self.select_item_at(place),
            (Hit::Finding(place), None) => self.doctor.select(place),
        }
        Vec::new()
    }

    /// The wheel was turned: down for more than 0.
    pub(super) fn wheel(&mut self, by: isize) {
        if let Some(scroll) = &mut self.help {
            return scroll.by(by);
        }
        if self.prompt.is_some() {
            match &self.prompt {
                Some(Prompt::Page(_)) => self.scroll_page(by),
                _ => self.choose(by.signum()),
            }
            return;
        }
        match (self.view, &mut self.detail) {
            (View::Services | View::Journal, Some(scroll)) => scroll.by(by),
            (View::Services, None) => self.rows.step(by),
            (View::Hosts, _) => self.hosts.step(by),
            (View::Connections, _) => self.connections.step(by),
            (View::Drains, _) => self.drains.turn(by),
            (View::Journal, None) => self.select_item(by),
            (View::Director, _) => self.scroll.by(by),
            (View::Doctor, _) => self.doctor.scroll.by(by),
        }
    }
}
