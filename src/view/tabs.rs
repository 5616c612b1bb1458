//! The names of the views with their keys: ` 1 Services  2 Hosts  4 Drains 2  ...`. The one that
//! is open stands out.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::{HitBoxes, Look};
use crate::command::View;
use crate::model::{Hit, Model};

/// Screens lower than this do without.
const LOWEST: u16 = 20;

/// How many lines the names want.
pub(super) fn height(screen: u16) -> u16 {
    u16::from(screen >= LOWEST)
}

pub(super) fn draw(
    model: &Model,
    look: &Look,
    area: Rect,
    hits: &mut HitBoxes,
    frame: &mut Frame<'_>,
) {
    if area.height == 0 {
        return;
    }
    let theme = &look.theme;
    let mut x = area.x;
    for view in View::ALL {
        let open = view == model.view;
        let (name, key) = (view.name(), model.keys.first(view.command()).unwrap_or(""));
        let (errors, warnings) = model.doctor.counts();
        let count = match view {
            View::Drains => model.drains.open().len(),
            View::Doctor => errors + warnings,
            _ => 0,
        };
        let count = if count > 0 { format!(" {count}") } else { String::new() };
        let style = if open { theme.tab_active } else { theme.tab };
        let gap = if key.is_empty() { "" } else { " " };
        let line = Line::from(vec![
            Span::styled(format!(" {key}{gap}"), if open { style } else { theme.key }),
            Span::styled(format!("{name}{count} "), style),
        ]);
        let width = u16::try_from(line.spans.iter().map(|s| s.content.width()).sum::<usize>());
        let width = width.unwrap_or(u16::MAX);
        let Some(left) = area.right().checked_sub(x).filter(|left| *left > 0) else { break };
        let place = Rect { x, width: width.min(left), height: 1, ..area };
        frame.render_widget(line, place);
        hits.add(place, Hit::View(view));
        x = x.saturating_add(width);
    }
}
