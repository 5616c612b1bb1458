//! Which scheduler a service shall have: all that the kernel knows, a line each.

use std::collections::BTreeSet;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::frame::framed;
use super::{HitBoxes, Look};
use crate::ipvs::{SCHEDULERS, Scheduler, Service};
use crate::model::Hit;

pub(super) fn draw(
    service: &Service,
    chosen: usize,
    loaded: Option<&BTreeSet<String>>,
    look: &Look,
    area: Rect,
    hits: &mut HitBoxes,
    frame: &mut Frame<'_>,
) {
    let theme = &look.theme;
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (n, scheduler) in SCHEDULERS.iter().enumerate() {
        // What would have to be loaded first is told in a quieter style, and in words below.
        let there = loaded.is_none_or(|loaded| loaded.contains(scheduler.name));
        let text = if there { theme.text } else { theme.dim };
        let has = if service.scheduler.as_str() == scheduler.name { look.glyphs.live } else { " " };
        let line = Line::from(vec![
            Span::styled(format!(" {has} {:<6}", scheduler.name), theme.service),
            Span::styled(format!("{:<54}", scheduler.doc), text),
            Span::styled(at_zero(scheduler), theme.dim),
        ]);
        lines.push(if n == chosen { line.style(theme.selected) } else { line });
    }
    let mut wanted = service.clone();
    let name = SCHEDULERS.get(chosen).map(|s| s.name).unwrap_or_default();
    if let Ok(scheduler) = crate::ipvs::SchedulerName::new(name) {
        wanted.scheduler = scheduler;
    }
    let flags = match (name, wanted.scheduler_flags()) {
        ("sh" | "mh", flags) if flags.is_empty() => "no flags; * without fallback".to_owned(),
        ("sh" | "mh", flags) => flags.join(", "),
        _ => "* without the fallback flag".to_owned(),
    };
    let there = loaded.map(|loaded| loaded.contains(name));
    let module = match there {
        Some(true) => "loaded",
        Some(false) => "not loaded yet: the kernel loads it when it is chosen",
        None => "",
    };
    let gap = if module.is_empty() { "" } else { "; " };
    lines.push(Line::styled(format!("   {flags}{gap}{module}"), theme.text));
    let toggles = if matches!(name, "sh" | "mh") { "   f fallback   p port" } else { "" };
    lines.push(Line::styled(
        format!("   Up Down   Enter shows the plan{toggles}   Esc leaves it"),
        theme.dim,
    ));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2);
    let title = format!(" Scheduler of {} ", service.key);
    let inner = framed(&title, 78, height, look, area, frame);
    frame.render_widget(Paragraph::new(lines), inner);
    let rows = inner.height.min(u16::try_from(SCHEDULERS.len()).unwrap_or(u16::MAX));
    hits.add_rows(Rect { height: rows, ..inner }, 0, Hit::Answer);
}

/// What becomes of the clients of a server with weight 0.
fn at_zero(scheduler: &Scheduler) -> &'static str {
    match scheduler.name {
        "dh" => "0 refuses",
        _ if scheduler.refuses_at_zero => "0 refuses *",
        _ => "0 drains",
    }
}
