//! Drawing: reads the model, never locks, fetches or writes, and says where things are.
//!
//! ```text
//! ┌ header ──────────────────────────────────────────────┐
//! │ name, version, totals, age of the data               │
//! ├ tabs ────────────────────────────────────────────────┤
//! │ the views, where the screen is high enough           │
//! ├ table ───────────────────────────────────────────────┤
//! │ services with their servers; columns by width        │
//! ├ footer ──────────────────────────────────────────────┤
//! │ a notice, a problem or a prompt                      │
//! │ keys                                                 │
//! └──────────────────────────────────────────────────────┘
//! detail (with siblings), hosts, connections, drains, journal, director, doctor   stand where the table is, when they are asked for
//! help, page, form, scheduler, palette, choose   lie over it, in a frame
//! filter, lines   the filter at the foot; lines of values beside the numbers
//! wall    totals and alarms over the table of a screen that turns by itself      big   large numbers
//! alarms  what needs an operator, below the services or on a wall
//! hits    where things were drawn, for the mouse and for the worker
//! sysctls the director's settings, those that are not at their default first
//! number, place, cells, sheet   numbers and names as text that fits, lines of values, of text
//! ```

mod alarms;
mod big;
mod cells;
mod choose;
mod columns;
mod connections;
mod detail;
mod director;
mod doctor;
mod drains;
mod filter;
mod footer;
mod form;
mod frame;
mod header;
mod help;
mod hits;
mod hosts;
mod journal;
mod lines;
mod number;
mod page;
mod palette;
mod place;
mod scheduler;
mod sheet;
mod siblings;
mod sysctls;
mod table;
mod tabs;
mod wall;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::command::{Command, View};
use crate::glyphs::Glyphs;
use crate::model::{Hit, Model, Prompt};
use crate::theme::Theme;
pub use hits::HitBoxes;

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

/// Draws the whole screen.
pub fn draw(model: &Model, look: &Look, frame: &mut Frame<'_>) -> HitBoxes {
    let area = frame.area();
    frame.buffer_mut().set_style(area, look.theme.base());
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(model, area, frame);
        return HitBoxes { too_small: true, ..HitBoxes::default() };
    }
    let [head, names, top, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(tabs::height(area.height)),
        Constraint::Length(wall::height(model, look, area)),
        Constraint::Fill(1),
        Constraint::Length(footer::height(model, look, area.width)),
    ])
    .areas(area);
    header::draw(model, look, head, frame);
    wall::draw(model, look, area, top, frame);
    let mut hits = match model.view {
        View::Services if model.detail.is_some() => detail::draw(model, look, body, frame),
        View::Services => table::draw(model, look, body, frame),
        View::Hosts => hosts::draw(model, look, body, frame),
        View::Connections => connections::draw(model, look, body, frame),
        View::Director => director::draw(model, look, body, frame),
        View::Drains => drains::draw(model, look, body, frame),
        View::Journal => journal::draw(model, look, body, frame),
        View::Doctor => doctor::draw(model, look, body, frame),
    };
    tabs::draw(model, look, names, &mut hits, frame);
    footer::draw(model, look, foot, frame);
    if model.prompt.is_some() {
        hits.targets.clear(); // nothing but what is asked can be answered
    }
    if let Some(scroll) = model.help {
        hits.add(area, Hit::Answer(0)); // wherever it is clicked, it goes
        (hits.rows, hits.lines) = help::draw(model, scroll, look, area, frame);
    }
    match &model.prompt {
        Some(Prompt::Form(form)) => form::draw(form, look, area, frame),
        Some(Prompt::Page(page)) => {
            page::draw(page, look, area, &mut hits, frame);
        }
        Some(Prompt::Scheduler { service, chosen }) => {
            let all = model.schedulers.as_ref();
            scheduler::draw((service, *chosen), all, look, area, &mut hits, frame);
        }
        Some(Prompt::Palette { input, chosen }) => {
            palette::draw(model, (input, *chosen), look, area, &mut hits, frame);
        }
        Some(Prompt::Columns { all, chosen }) => {
            choose::draw((all, *chosen), look, area, &mut hits, frame);
        }
        Some(
            Prompt::Weight { .. } | Prompt::Time { .. } | Prompt::Filter { .. } | Prompt::WholePass,
        )
        | None => {}
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
