//! What was changed, when, by whom and why, from outside too; newest first, with the selected
//! line told below, as far as there is room, or in full instead of the list.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use super::sheet::Sheet;
use super::{HitBoxes, Look, place};
use crate::command::Command;
use crate::journal::{Entry, Kind, Undone, clean};
use crate::model::{Hit, Item, Model};
use crate::outside::Theirs;

/// Lines for the selected entry.
const DETAIL: u16 = 7;
/// Cells for who did it.
const WHO: usize = 8;

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) -> HitBoxes {
    let theme = &look.theme;
    let items = model.items();
    if let Some(error) = &model.no_journal {
        let text = Line::styled(format!("  {error}"), theme.error);
        frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: false }), area);
        return HitBoxes::default();
    }
    let kept = model.news.as_ref().map(|news| match &news.kept {
        Some(path) => format!(" {path}"),
        None => " not kept: forgotten when the console is left".to_owned(),
    });
    let [head, list, detail] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Length(if items.is_empty() { 0 } else { DETAIL }),
    ])
    .areas(area);
    let mut kept = kept.unwrap_or_default();
    let all = model.all_items();
    if all.iter().any(|item| matches!(item, Item::Outside(..))) {
        kept.push_str("; outside: since this console began");
    }
    frame.render_widget(Line::styled(kept, theme.dim), head);
    if items.is_empty() {
        let text = if all.is_empty() {
            "\n  Nothing was changed on this table yet.".to_owned()
        } else {
            let [filter, close] = [Command::Filter, Command::Close].map(|c| model.keys.say(c));
            format!("\n  No line matches. {filter} changes the filter, {close} shows all.")
        };
        frame.render_widget(Paragraph::new(text).style(theme.dim), list);
        return HitBoxes::default();
    }
    let selected = model.item_place();
    let mut sheet = Sheet::new(look, area.width);
    match model.item() {
        Some(Item::Entry(entry)) => told(entry, &mut sheet),
        Some(Item::Outside(_, theirs)) => told_outside(theirs, model, &mut sheet),
        None => {}
    }
    if let Some(scroll) = model.detail {
        let whole = Rect { height: list.height + detail.height, ..list };
        let key = model.keys.say(Command::PageDown);
        let page = sheet.draw(key, scroll.top(), whole, frame);
        return HitBoxes { rows: page, lines: sheet.lines(), ..HitBoxes::default() };
    }
    let rows = usize::from(list.height);
    let place = selected.unwrap_or_else(|| model.log.place());
    let top =
        place.saturating_sub(rows.saturating_sub(1) / 2).min(items.len().saturating_sub(rows));
    for (y, (n, entry)) in (list.y..list.bottom()).zip(items.iter().enumerate().skip(top)) {
        let line = match entry {
            Item::Entry(entry) => row(entry, selected == Some(n), look, list.width),
            Item::Outside(_, theirs) => outside(theirs, selected == Some(n), look, list.width),
        };
        frame.render_widget(line, Rect { y, height: 1, ..list });
    }
    sheet.draw(model.keys.say(Command::Open), 0, detail, frame);
    let mut hits = HitBoxes::default();
    hits.add_rows(list, top, Hit::Entry);
    hits
}

fn row(entry: &Entry, selected: bool, look: &Look, width: u16) -> Line<'static> {
    let theme = &look.theme;
    let intent = &entry.intent;
    let time = intent.time.to_zoned(jiff::tz::TimeZone::system()).strftime("%m-%d %H:%M:%S");
    let who = intent.operator.sudo_user.clone().or_else(|| intent.operator.name.clone());
    let who = clean(&who.unwrap_or_else(|| intent.operator.uid.to_string()));
    let who = place::begin(&who, WHO, look.glyphs.ellipsis);
    let (state, told) = match (&entry.undone, entry.complete()) {
        (Undone::By(_), _) => ("undone", theme.journal_undone),
        (Undone::Partly(_), _) => ("undone in part", theme.journal_undone),
        (Undone::No, true) => match intent.kind {
            Kind::Undo => ("undo", theme.journal_undone),
            Kind::Redo => ("redo", theme.journal_entry),
            _ => ("", theme.journal_entry),
        },
        (Undone::No, false) => ("not whole", theme.journal_failed),
    };
    let cursor = if selected { look.glyphs.cursor } else { " " };
    let front = format!("{cursor}{:<6} {time} {who:<WHO$} ", intent.id.to_string());
    let state_cells = if state.is_empty() { 0 } else { state.len() + 1 };
    let room = usize::from(width).saturating_sub(front.chars().count() + state_cells);
    let title = clean(&intent.plan.title).replace("->", look.glyphs.arrow);
    let title = place::about(&title, room, look.glyphs.ellipsis);
    let style = if selected { theme.selected } else { theme.journal_entry };
    Line::from(vec![
        Span::styled(front, style),
        Span::styled(format!("{title:<room$}"), style),
        Span::styled(format!(" {state}"), if selected { theme.selected } else { told }),
    ])
}

/// A change that nobody has written down.
fn outside(theirs: &Theirs, selected: bool, look: &Look, width: u16) -> Line<'static> {
    let theme = &look.theme;
    let time = theirs.time.to_zoned(jiff::tz::TimeZone::system()).strftime("%m-%d %H:%M:%S");
    let cursor = if selected { look.glyphs.cursor } else { " " };
    let front = format!("{cursor}{:<6} {time} {:<WHO$} ", "-", "outside");
    let room = usize::from(width).saturating_sub(front.chars().count());
    let what = clean(&theirs.to_string()).replace("->", look.glyphs.arrow);
    let what = place::about(&what, room, look.glyphs.ellipsis);
    let style = if selected { theme.selected } else { theme.outside };
    Line::styled(format!("{front}{what:<room$}"), style)
}

fn told_outside(theirs: &Theirs, model: &Model, sheet: &mut Sheet<'_>) {
    let theme = &sheet.look.theme;
    let what = clean(&theirs.to_string()).replace("->", sheet.look.glyphs.arrow);
    sheet.say(1, "from outside, seen between two readings", theme.header);
    sheet.item(3, &what, theme.text);
    if let Some(values) = theirs.change.details() {
        sheet.item(3, &clean(&values), theme.text);
    }
    let flap = theirs.row().and_then(|(service, server)| model.flaps(&service, &server?));
    if let Some(flap) = flap {
        sheet.item(3, &format!("its weight {flap}"), theme.warning);
    }
    let owners: Vec<&str> = model.owners.iter().map(|owner| owner.kind.name()).collect();
    if !owners.is_empty() {
        let key = model.keys.say(Command::ViewDirector);
        let text = format!("{} may have done it: {key} tells more", owners.join(" or "));
        sheet.item(3, &text, theme.dim);
    }
}

fn told(entry: &Entry, sheet: &mut Sheet<'_>) {
    let theme = &sheet.look.theme;
    let intent = &entry.intent;
    let by = format!("{} by {}", intent.id, clean(&intent.operator.to_string()));
    sheet.say(1, &by, theme.header);
    if !intent.reason.is_empty() {
        sheet.item(3, &format!("reason: {}", clean(&intent.reason)), theme.text);
    }
    for (change, state) in entry.changes() {
        let text = clean(&change.to_string()).replace("->", sheet.look.glyphs.arrow);
        sheet.item(3, &format!("{}: {text}", state.word()), theme.text);
    }
    let ties = entry.ties();
    if !ties.is_empty() {
        sheet.item(3, &ties.join("; "), theme.dim);
    }
}
