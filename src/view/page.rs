//! A plan before it is applied:
//!
//! ```text
//! ┌ Drain 10.1.2.2 everywhere ───────────────────────────┐
//! │ what went wrong before, if something did             │
//! │ each change                                          │  scrolls
//! │ dangers, and what could be done about them           │
//! │ the ipvsadm commands                                 │
//! │ reason: kernel update____                            │  always in sight
//! │ [ Cancel ]   [ Apply 2 changes ]                     │
//! └──────────────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};
use unicode_width::UnicodeWidthStr;

use super::frame::framed;
use super::{HitBoxes, Look};
use crate::model::{Ask, Focus, Hit, Line as Asked, Page};
use crate::plan::Level;
use crate::report::Commands;

/// Wide enough for an ipvsadm command, narrow enough to be read.
const WIDEST: u16 = 96;
/// The answer that leaves everything as it is.
const CANCEL: &str = "[ Cancel ]";
/// Cells between it and the other one.
const GAP: u16 = 2;

pub(super) fn draw(
    page: &Page,
    look: &Look,
    area: Rect,
    hits: &mut HitBoxes,
    frame: &mut Frame<'_>,
) {
    let width = area.width.saturating_sub(4).clamp(56, WIDEST);
    let inside = usize::from(width.saturating_sub(2));
    let text = text(page, look, inside);
    let answers = page.lines.len() + page.lines.iter().filter(|l| l.wrong.is_some()).count() + 2;
    let answers = u16::try_from(answers).unwrap_or(u16::MAX);
    let height = u16::try_from(text.len()).unwrap_or(u16::MAX).saturating_add(answers + 2);
    let title = format!(" {} ", page.title);
    let inner = framed(&title, width, height, look, area, frame);
    let [upper, lower] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(answers)]).areas(inner);

    let all = text.len();
    let more = u16::try_from(all).unwrap_or(u16::MAX).saturating_sub(upper.height);
    let top = u16::try_from(page.scroll.top()).unwrap_or(u16::MAX).min(more);
    frame.render_widget(Paragraph::new(text).scroll((top, 0)), upper);
    let hint = match more {
        0 => String::new(),
        1 => "PgDn PgUp: 1 more line".to_owned(),
        _ => format!("PgDn PgUp: {more} more lines"),
    };
    let [rule, rest] = Layout::vertical([Constraint::Length(1), Constraint::Fill(1)]).areas(lower);
    frame.render_widget(Line::styled(hint, look.theme.dim).right_aligned(), rule);
    below(page, look, rest, hits, frame);
    (hits.rows, hits.lines) = (upper, all);
}

/// What scrolls, a line each, wrapped to `width`.
fn text<'a>(page: &'a Page, look: &'a Look, width: usize) -> Vec<Line<'a>> {
    let theme = &look.theme;
    let mut lines: Vec<Line<'_>> = Vec::new();
    let mut add = |mark: &str, text: &str, style: Style, mark_style: Style| {
        let indent = mark.width();
        for (n, piece) in wrap(text, width.saturating_sub(indent)).into_iter().enumerate() {
            let mark = match n {
                0 => Span::styled(mark.to_owned(), mark_style),
                _ => Span::styled(" ".repeat(indent), style),
            };
            lines.push(Line::from(vec![mark, Span::styled(piece, style)]));
        }
    };
    if let Some(said) = &page.said {
        add("", said, theme.error, theme.error);
        add("", "", theme.text, theme.text);
    }
    let plan = page.plan();
    for change in &plan.changes {
        let text = change.to_string().replace("->", look.glyphs.arrow);
        add(" ", &text, theme.plan_change, theme.plan_change);
        if let Some(details) = change.details() {
            add("   ", &details, theme.dim, theme.dim);
        }
    }
    if !page.dangers.is_empty() || !page.offers.is_empty() {
        add("", "", theme.text, theme.text);
    }
    for danger in &page.dangers {
        let (mark, style) = match danger.level() {
            Level::Type | Level::Ask => (look.glyphs.failed, theme.error),
            Level::Tell => (look.glyphs.note, theme.warning),
        };
        let text = danger.to_string().replace("->", look.glyphs.arrow);
        add(&format!("{mark} "), &text, theme.text, style);
    }
    for (offer, taken) in &page.offers {
        let taken = if *taken { "[x]" } else { "[ ]" };
        add(&format!("  {} {taken} ", offer.key), &offer.what, theme.text, theme.key);
    }
    for note in &page.notes {
        add("  ", note, theme.dim, theme.dim);
    }
    add("", "", theme.text, theme.text);
    for change in &plan.changes {
        let commands = Commands::of(change);
        for note in commands.notes {
            add(" # ", &note, theme.plan_command, theme.plan_command);
        }
        for line in commands.lines {
            add(" ", &line, theme.plan_command, theme.plan_command);
        }
    }
    lines
}

/// What can be said, and the answers.
fn below(page: &Page, look: &Look, area: Rect, hits: &mut HitBoxes, frame: &mut Frame<'_>) {
    let theme = &look.theme;
    let mut y = area.y;
    let mut row = |line: Line<'_>, frame: &mut Frame<'_>| {
        if y < area.bottom() {
            frame.render_widget(line, Rect { y, height: 1, ..area });
        }
        y += 1;
        y - 1
    };
    for (n, asked) in page.lines.iter().enumerate() {
        let here = page.focus == Focus::Line(n);
        let label =
            format!("{}{}: ", if here { look.glyphs.cursor } else { " " }, label(asked, page));
        let x = label.width();
        let room = usize::from(area.width).saturating_sub(x + 1);
        let scroll = asked.input.visual_scroll(room);
        let value = match asked.ask {
            Ask::Then => {
                format!("{}{}", page.then, if here { "   Left Right changes" } else { "" })
            }
            _ => asked.input.value().chars().skip(scroll).take(room).collect(),
        };
        let style = if here { theme.focus } else { theme.dim };
        let hint = if asked.input.value().is_empty() && asked.ask != Ask::Then {
            Span::styled(hint(asked.ask), theme.dim)
        } else {
            Span::raw("")
        };
        let line =
            Line::from(vec![Span::styled(label, style), Span::styled(value, theme.input), hint]);
        let at = row(line, frame);
        let shown = Rect { y: at, height: 1, ..area }.intersection(area);
        hits.add(shown, Hit::Plan(Focus::Line(n)));
        if here && asked.ask != Ask::Then {
            let cursor = x + asked.input.visual_cursor().saturating_sub(scroll);
            let x = area.x + u16::try_from(cursor).unwrap_or(0);
            frame.set_cursor_position(Position::new(x.min(area.right().saturating_sub(1)), at));
        }
        if let Some(wrong) = &asked.wrong {
            row(Line::styled(format!("  {wrong}"), theme.error), frame);
        }
    }
    let count = page.plan().changes.len();
    let apply =
        if count <= 1 { "[ Apply ]".to_owned() } else { format!("[ Apply {count} changes ]") };
    let button = |focus| if page.focus == focus { theme.button } else { theme.dim };
    let keys = if page.focus == Focus::Cancel || page.focus == Focus::Apply {
        "  Tab moves, Enter answers, y copies"
    } else {
        "  Tab moves, Esc leaves it"
    };
    let last = Rect { y: area.bottom().saturating_sub(1), height: 1, ..area };
    let mut x = last.x + 1;
    for (text, answer) in [(CANCEL, Focus::Cancel), (&apply, Focus::Apply)] {
        let width = u16::try_from(text.width()).unwrap_or(0);
        hits.add(Rect { x, width, ..last }, Hit::Plan(answer));
        x += width + GAP;
    }
    let answers = Line::from(vec![
        Span::raw(" "),
        Span::styled(CANCEL, button(Focus::Cancel)),
        Span::raw(" ".repeat(GAP.into())),
        Span::styled(apply, button(Focus::Apply)),
        Span::styled(keys, theme.dim),
    ]);
    frame.render_widget(Paragraph::new(answers).wrap(Wrap { trim: false }), last);
}

fn label(asked: &Asked, page: &Page) -> String {
    match asked.ask {
        Ask::Reason => "reason".to_owned(),
        Ask::Timeout => "time limit".to_owned(),
        Ask::Then => "when it is up".to_owned(),
        Ask::Ramp => "over a time".to_owned(),
        Ask::Word => format!("type {} to apply", page.word),
    }
}

fn hint(ask: Ask) -> &'static str {
    match ask {
        Ask::Reason => "(for the journal)",
        Ask::Timeout => "(none; 10m, 1h30m)",
        Ask::Ramp => "(at once; 60s, 5m: in steps)",
        Ask::Then | Ask::Word => "",
    }
}

/// Breaks `text` at blanks into pieces of at most `width` cells; longer words are broken.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(8);
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let mut word = word;
        while let Some(line) = lines.last_mut() {
            let gap = usize::from(!line.is_empty());
            if line.width() + gap + word.width() <= width {
                if gap > 0 {
                    line.push(' ');
                }
                line.push_str(word);
                break;
            }
            if word.width() <= width {
                lines.push(word.to_owned());
                break;
            }
            let room = width.saturating_sub(line.width() + gap);
            if room == 0 {
                lines.push(String::new());
                continue;
            }
            let cut = word.char_indices().nth(room).map_or(word.len(), |(at, _)| at);
            let (front, back) = word.split_at(cut);
            if gap > 0 {
                line.push(' ');
            }
            line.push_str(front);
            lines.push(String::new());
            word = back;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_blanks_and_nothing_is_lost() {
        let text = "a service [2001:db8:1234:5678:9abc:def0:1234:5678]:65535 with a very long name";
        for width in 8..90 {
            let lines = wrap(text, width);
            assert!(lines.iter().all(|l| l.width() <= width), "{width}: {lines:?}");
            assert_eq!(lines.concat().replace(' ', ""), text.replace(' ', ""), "{width}");
        }
    }
}
