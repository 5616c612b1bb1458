//! Which scheduler a service shall have: all that are known, a line each, with what becomes of the
//! clients of a weight-0 server first. Below, what is to be known of the chosen one. On a low screen
//! the list scrolls, so that the chosen one is always in sight.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::frame::framed;
use super::{HitBoxes, Look, place};
use crate::ipvs::{SCHEDULERS, Scheduler, SchedulerName, Service};
use crate::kernel::proc::modules::Schedulers;
use crate::model::Hit;

/// The widest that it is drawn.
const WIDTH: u16 = 78;
/// Cells for a name, and for what becomes of clients at weight 0.
const NAME: usize = 6;
const AT_ZERO: usize = 15;
/// Lines below the list: flags, module, keys.
const BELOW: u16 = 3;

pub(super) fn draw(
    (service, chosen): (&Service, usize),
    known: Option<&Schedulers>,
    look: &Look,
    area: Rect,
    hits: &mut HitBoxes,
    frame: &mut Frame<'_>,
) {
    let theme = &look.theme;
    let height = u16::try_from(SCHEDULERS.len()).unwrap_or(u16::MAX).saturating_add(BELOW + 2);
    let title = format!(" Scheduler of {} ", service.key);
    let inner = framed(&title, WIDTH, height, look, area, frame);
    let [list, below] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(BELOW)]).areas(inner);
    let fit = usize::from(list.height).max(1);
    let top = (chosen + 1).saturating_sub(fit);
    for (y, (n, scheduler)) in (list.y..list.bottom()).zip(SCHEDULERS.iter().enumerate().skip(top))
    {
        let has = service.scheduler.as_str() == scheduler.name;
        let line = row(scheduler, has, known, look, list.width);
        let line = if n == chosen { line.style(theme.selected) } else { line };
        frame.render_widget(line, Rect { y, height: 1, ..list });
    }
    hits.add_rows(list, top, Hit::Answer);
    let name = SCHEDULERS.get(chosen).map(|s| s.name).unwrap_or_default();
    let (module, style) = module(name, known, look);
    let lines = [
        Line::styled(format!("   {}", flags(service, name)), theme.text),
        Line::styled(format!("   {module}"), style),
        Line::styled(keys(name), theme.dim),
    ];
    for (y, line) in (below.y..below.bottom()).zip(lines) {
        frame.render_widget(line, Rect { y, height: 1, ..below });
    }
}

/// `● sh    at 0 refuses *  hash of the source address over 256 slots`.
fn row(
    scheduler: &Scheduler,
    has: bool,
    known: Option<&Schedulers>,
    look: &Look,
    width: u16,
) -> Line<'static> {
    let theme = &look.theme;
    // What would have to be loaded first is told in a quieter style, and in words below.
    let there = known.is_none_or(|known| known.loaded.contains(scheduler.name));
    let text = if there { theme.text } else { theme.dim };
    let sign = if has { look.glyphs.live } else { " " };
    let zero = if scheduler.refuses_at_zero { theme.warning } else { theme.dim };
    let room = usize::from(width).saturating_sub(3 + NAME + AT_ZERO);
    Line::from(vec![
        Span::styled(format!(" {sign} {:<NAME$}", scheduler.name), theme.service),
        Span::styled(format!("{:<AT_ZERO$}", at_zero(scheduler)), zero),
        Span::styled(place::begin(scheduler.doc, room, look.glyphs.ellipsis), text),
    ])
}

/// What becomes of new clients of a server with weight 0.
fn at_zero(scheduler: &Scheduler) -> &'static str {
    match scheduler.name {
        "dh" => "at 0 refuses",
        _ if scheduler.refuses_at_zero => "at 0 refuses *",
        _ => "at 0 drains",
    }
}

/// The flags that the service would have, and what the star says.
fn flags(service: &Service, name: &str) -> String {
    let mut wanted = service.clone();
    if let Ok(scheduler) = SchedulerName::new(name) {
        wanted.scheduler = scheduler;
    }
    match (name, wanted.scheduler_flags()) {
        ("sh" | "mh", flags) if flags.is_empty() => "no flags; * without fallback".to_owned(),
        ("sh" | "mh", flags) => flags.join(", "),
        _ => "* without the fallback flag".to_owned(),
    }
}

/// Whether the kernel has its code. Only what is sure is promised.
fn module(name: &str, known: Option<&Schedulers>, look: &Look) -> (String, Style) {
    let theme = &look.theme;
    let Some(known) = known else { return (String::new(), theme.text) };
    match known.has(name) {
        Some(true) if known.loaded.contains(name) => {
            (format!("ip_vs_{name} is loaded"), theme.text)
        }
        Some(true) => (format!("ip_vs_{name} is not loaded; choosing it loads it"), theme.text),
        Some(false) => ("this kernel has no such scheduler".to_owned(), theme.error),
        None => {
            let text = format!("ip_vs_{name} is loaded when chosen if this kernel has it");
            (text, theme.text)
        }
    }
}

/// The keys; only two schedulers have flags.
fn keys(name: &str) -> String {
    let toggles = if matches!(name, "sh" | "mh") { "f fallback  p port  " } else { "" };
    format!("   Up Down  Enter applies or asks  {toggles}Esc")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{glyphs, theme};

    #[test]
    fn what_is_said_of_a_scheduler_has_room_on_the_narrowest_screen() {
        let look = Look { theme: theme::Theme::default(), glyphs: glyphs::UNICODE };
        for scheduler in SCHEDULERS {
            assert!(scheduler.name.len() < NAME, "{}", scheduler.name);
            assert!(at_zero(scheduler).len() < AT_ZERO, "{}", scheduler.name);
            let name = scheduler.name;
            let loaded = Schedulers { loaded: [name.to_owned()].into(), there: None };
            for known in [Schedulers::default(), loaded] {
                assert!(module(name, Some(&known), &look).0.len() <= 55, "{name}");
            }
            assert!(keys(name).len() <= 58, "{name}");
        }
    }

    #[test]
    fn no_module_is_promised_that_may_not_be_there() {
        let look = Look { theme: theme::Theme::default(), glyphs: glyphs::UNICODE };
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let known = Schedulers { loaded: set(&["wlc"]), there: Some(set(&["wlc", "sh"])) };
        let told = |name, known| module(name, Some(known), &look).0;
        assert_eq!(told("wlc", &known), "ip_vs_wlc is loaded");
        assert_eq!(told("sh", &known), "ip_vs_sh is not loaded; choosing it loads it");
        assert_eq!(told("twos", &known), "this kernel has no such scheduler");
        let unsure = Schedulers { there: None, ..known.clone() };
        assert!(told("twos", &unsure).ends_with("if this kernel has it"));
    }
}
