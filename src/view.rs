//! Drawing: reads the model, never locks, fetches or writes, and says where things are.
//!
//! ```text
//! ┌ header ──────────────────────────────────────────────┐
//! │ name, version, totals, age of the data               │
//! ├ table ───────────────────────────────────────────────┤
//! │ services with their servers; columns by width        │
//! ├ footer ──────────────────────────────────────────────┤
//! │ a notice, a problem or a prompt                      │
//! │ keys                                                 │
//! └──────────────────────────────────────────────────────┘
//! detail, hosts, drains, journal, director   stand where the table is, when they are asked for
//! help, page, form, scheduler   lie over it, in a frame
//! filter, lines   the filter at the foot; lines of values beside the numbers
//! number, place, cells, sheet   numbers and names as text that fits, lines of values, of text
//! ```

mod cells;
mod columns;
mod detail;
mod director;
mod drains;
mod filter;
mod footer;
mod form;
mod frame;
mod header;
mod help;
mod hosts;
mod journal;
mod lines;
mod number;
mod page;
mod place;
mod scheduler;
mod sheet;
mod sysctls;
mod table;

use std::collections::BTreeSet;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::command::{Command, View};
use crate::glyphs::Glyphs;
use crate::ipvs::ServiceKey;
use crate::model::{Model, Prompt};
use crate::theme::Theme;

/// Below this the screen says so instead of being broken.
const SMALLEST: (u16, u16) = (60, 15);

/// How things look.
#[derive(Clone, Debug)]
pub struct Look {
    /// Colours and weights.
    pub theme: Theme,
    /// Symbols.
    pub glyphs: Glyphs,
}

/// Where things were drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HitBoxes {
    /// The rows of the table, without its head, or the part that scrolls.
    pub rows: Rect,
    /// Lines that there are, in a view that scrolls by lines.
    pub lines: usize,
    /// Whether the first of them shows the service of the servers below it, which have scrolled:
    /// nothing is selected there.
    pub above: bool,
    /// The services of which something is on the screen.
    pub visible: BTreeSet<ServiceKey>,
}

/// Draws the whole screen.
pub fn draw(model: &Model, look: &Look, frame: &mut Frame<'_>) -> HitBoxes {
    let area = frame.area();
    frame.buffer_mut().set_style(area, look.theme.base());
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(model, area, frame);
        return HitBoxes::default();
    }
    let [head, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(footer::height(model, look, area.width)),
    ])
    .areas(area);
    header::draw(model, look, head, frame);
    let hits = match model.view {
        View::Services if model.detail.is_some() => detail::draw(model, look, body, frame),
        View::Services => table::draw(model, look, body, frame),
        View::Hosts => hosts::draw(model, look, body, frame),
        View::Director => director::draw(model, look, body, frame),
        View::Drains => {
            drains::draw(model, look, body, frame);
            HitBoxes::default()
        }
        View::Journal => {
            journal::draw(model, look, body, frame);
            HitBoxes::default()
        }
    };
    footer::draw(model, look, foot, frame);
    if let Some(scrolled) = model.help {
        help::draw(model, scrolled, look, area, frame);
    }
    if let Some(Prompt::Form(form)) = &model.prompt {
        form::draw(form, look, area, frame);
    }
    if let Some(Prompt::Page(page)) = &model.prompt {
        page::draw(page, look, area, frame);
    }
    if let Some(Prompt::Scheduler { service, chosen }) = &model.prompt {
        scheduler::draw(service, *chosen, model.loaded.as_ref(), look, area, frame);
    }
    hits
}

fn too_small(model: &Model, area: Rect, frame: &mut Frame<'_>) {
    let (width, height) = SMALLEST;
    let text = vec![
        Line::raw(format!("{}x{} is too small", area.width, area.height)),
        Line::raw(format!("ipvs-tui wants {width}x{height}")),
        Line::raw(format!("{} quits", model.keys.say(Command::Quit))),
    ];
    frame.render_widget(Paragraph::new(text), area);
}
