//! A plan that can cause an outage, before it is applied; Cancel is the answer that is ready.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::symbols::border;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Wrap};

use super::Look;
use crate::plan::{Danger, Plan};
use crate::report::command;

pub(super) fn draw(
    plan: &Plan,
    dangers: &[Danger],
    apply: bool,
    look: &Look,
    area: Rect,
    frame: &mut Frame<'_>,
) {
    let theme = &look.theme;
    let mut lines: Vec<Line<'_>> = Vec::new();
    for change in &plan.changes {
        lines.push(Line::styled(change.to_string().replace("->", look.glyphs.arrow), theme.text));
    }
    lines.push(Line::default());
    for danger in dangers {
        lines.push(Line::from(vec![
            Span::styled(format!("{} ", look.glyphs.failed), theme.error),
            Span::styled(danger.to_string(), theme.text),
        ]));
    }
    lines.push(Line::default());
    for change in &plan.changes {
        lines.push(Line::styled(command(change), theme.dim));
    }
    let width = area.width.min(76);
    let wrapped: usize = lines.iter().map(|l| l.width() / usize::from(width - 6) + 1).sum();
    let height = u16::try_from(wrapped).unwrap_or(u16::MAX).saturating_add(4);
    let inner = framed(" Apply this? ", width, height, look, area, frame);
    // The answers are always in sight; a long plan is cut before them.
    let [text, _, answers] =
        Layout::vertical([Constraint::Fill(1), Constraint::Length(1), Constraint::Length(1)])
            .areas(inner);
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), text);
    let button = |chosen| if chosen { theme.button } else { theme.dim };
    let answer = Line::from(vec![
        Span::styled("[ Cancel ]", button(!apply)),
        Span::raw("   "),
        Span::styled("[ Apply ]", button(apply)),
        Span::styled("   Tab chooses, Enter answers", theme.dim),
    ]);
    frame.render_widget(answer, answers);
}

/// Draws an empty frame in the middle of `area` and returns its inside.
pub(super) fn framed(
    title: &str,
    width: u16,
    height: u16,
    look: &Look,
    area: Rect,
    frame: &mut Frame<'_>,
) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let x = area.x + (area.width - width) / 2;
    let y = area.y + (area.height - height) / 2;
    let place = Rect { x, y, width, height };
    let set = if look.glyphs.unicode { border::PLAIN } else { ASCII_BORDER };
    let block = Block::bordered()
        .border_set(set)
        .border_style(look.theme.frame)
        .title(Span::styled(title.to_owned(), look.theme.header));
    let inner = block.inner(place);
    frame.render_widget(Clear, place);
    frame.render_widget(block, place);
    inner
}

const ASCII_BORDER: border::Set<'static> = border::Set {
    top_left: "+",
    top_right: "+",
    bottom_left: "+",
    bottom_right: "+",
    vertical_left: "|",
    vertical_right: "|",
    horizontal_top: "-",
    horizontal_bottom: "-",
};
