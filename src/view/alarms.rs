//! What needs an operator, worst first: a sentence each, on two lines where one is too short.
//!
//! ```text
//!  ✗ TCP 10.0.0.1:80 refuses clients: every real server has weight 0
//!  ! 10.1.1.2:80 of TCP 10.0.0.1:80 holds 61% ±4% of the connections, its weight
//!    asks for 25%
//!  and 2 more
//! ```
//!
//! Where there is one line for all: ` ✗ TCP 10.0.0.1:80 refuses clients: eve…, and 2 more`.

use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr;

use super::{Look, page, place};
use crate::model::{Alarm, Model, Severity};

/// Blank, sign, blank; and a blank behind.
const MARGIN: u16 = 4;

/// Those that the screen tells. They are of the present: where it is held still there are none.
pub(super) fn shown(model: &Model) -> &[Alarm] {
    if model.frozen.is_some() { &[] } else { model.alarms() }
}

/// The alarms in at most so many lines of so many cells: those that refuse clients stand out.
pub(super) fn lines(alarms: &[Alarm], look: &Look, width: u16, room: usize) -> Vec<Line<'static>> {
    let (theme, glyphs) = (&look.theme, &look.glyphs);
    let trouble = |alarm: &Alarm| {
        let (sign, style) = match alarm.severity {
            Severity::Error => (glyphs.failed, theme.error.add_modifier(Modifier::REVERSED)),
            Severity::Warning => (glyphs.note, theme.warning),
        };
        Trouble { sign, style, text: alarm.text.clone() }
    };
    told(&alarms.iter().map(trouble).collect::<Vec<_>>(), look, width, room)
}

/// A sentence with what stands before it.
pub(super) struct Trouble {
    pub(super) sign: &'static str,
    pub(super) style: Style,
    pub(super) text: String,
}

/// Sentences in at most so many lines of so many cells. Each gets one before any gets its second;
/// what has no room is counted.
pub(super) fn told(all: &[Trouble], look: &Look, width: u16, room: usize) -> Vec<Line<'static>> {
    if let (1, [worst, more @ ..]) = (room, all)
        && !more.is_empty()
    {
        return vec![only(worst, more.len(), look, width.into())];
    }
    let told = if all.len() > room { room.saturating_sub(1) } else { all.len() };
    let more = all.len() - told;
    let mut spare = room.saturating_sub(told + usize::from(more > 0));
    let mut lines = Vec::new();
    for trouble in all.iter().take(told) {
        let pieces = pieces(trouble, look, usize::from(width.saturating_sub(MARGIN)), spare > 0);
        spare -= pieces.len() - 1;
        lines.extend(pieces);
    }
    if more > 0 && room > 0 {
        lines.push(Line::styled(format!(" and {more} more"), look.theme.error));
    }
    lines
}

/// The worst of several sentences and how many others there are, on one line.
fn only(worst: &Trouble, more: usize, look: &Look, width: usize) -> Line<'static> {
    let more = format!(", and {more} more");
    let room = width.saturating_sub(usize::from(MARGIN) + more.width());
    let text = place::begin(&look.glyphs.say(&worst.text), room, look.glyphs.ellipsis);
    Line::styled(format!(" {} {text}{more} ", worst.sign), worst.style)
}

/// A sentence, on one line or two.
fn pieces(trouble: &Trouble, look: &Look, width: usize, two: bool) -> Vec<Line<'static>> {
    let Trouble { sign, style, text } = trouble;
    let (style, glyphs) = (*style, &look.glyphs);
    let text = glyphs.say(text);
    let mut pieces = page::wrap(&text, width).into_iter();
    let first = if two { pieces.next().unwrap_or_default() } else { text.into_owned() };
    let rest = if two { pieces.collect::<Vec<_>>().join(" ") } else { String::new() };
    let fit = |text: &str| place::begin(text, width, glyphs.ellipsis);
    let mut lines = vec![Line::styled(format!(" {sign} {} ", fit(&first)), style)];
    if !rest.is_empty() {
        lines.push(Line::styled(format!("   {} ", fit(&rest)), style));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::glyphs::ASCII;
    use crate::theme::{Depth, Themes};

    fn told_of_three(width: u16, room: usize) -> Vec<String> {
        let alarm =
            |text: &str| Alarm { severity: Severity::Warning, row: None, text: text.to_owned() };
        let alarms = ["one wants two lines of it", "two does not", "three wants two, too"];
        let theme = Themes::built_in().unwrap().get("dark", Depth::True).unwrap();
        let look = Look { theme, glyphs: ASCII };
        let lines = lines(&alarms.map(alarm), &look, width, room);
        let lines = lines.iter().map(|line| line.to_string().trim_end().to_owned());
        lines.collect()
    }

    #[test]
    fn every_alarm_has_a_line_before_any_has_two() {
        let sign = |text: &str| format!(" {} {text}", ASCII.note);
        let (two, three) = (sign("two does not"), sign("three wants two,"));
        let one = [sign("one wants two"), "   lines of it".to_owned()];
        let cut = [sign("one wants two li~"), sign("three wants two,~"), " and 2 more".to_owned()];
        assert_eq!(
            told_of_three(21, 9),
            [&one[..], &[two.clone(), three], &["   too".to_owned()]].concat()
        );
        assert_eq!(told_of_three(21, 4), [&one[..], &[two.clone(), cut[1].clone()]].concat());
        assert_eq!(told_of_three(21, 3), [&cut[..1], &[two], &cut[1..2]].concat());
        assert_eq!(told_of_three(21, 2), [&cut[..1], &cut[2..]].concat());
        assert_eq!(told_of_three(30, 1), [sign("one wants two~, and 2 more")]);
        assert_eq!(told_of_three(21, 0), [""; 0]);
    }
}
