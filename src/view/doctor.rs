//! What the doctor says: everything in a line each, gravest first, and the selected one told in
//! full, with the commands that put it right.
//!
//! ```text
//! │ 1 error, 2 warnings, 3 notes; 12 s ago               │
//! │ ✗ direct-route server 10.1.9.2 is behind ... on-link │
//! │ ! rr ignores the weights ...          weight-ignored │
//! │ ◌ not checked: the sync daemons ...             sync │
//! │                                                      │
//! │ error: direct-route server 10.1.9.2 is behind ...    │  scrolls
//! └──────────────────────────────────────────────────────┘
//! ```

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use super::sheet::{INDENT, Sheet};
use super::{HitBoxes, Look, place};
use crate::command::Command;
use crate::doctor::{Checked, Finding, On, Outcome, Report, Severity, Unchecked};
use crate::ipvs::{counted, duration, separated};
use crate::journal::clean;
use crate::model::{Hit, Model, Told};

/// Cells for the name of a check.
const NAME: usize = 17;
/// So many services and servers of a finding are named.
const PLACES: usize = 8;

pub(super) fn draw(model: &Model, look: &Look, area: Rect, frame: &mut Frame<'_>) -> HitBoxes {
    let theme = &look.theme;
    let Some(report) = model.doctor.report() else {
        let why = match model.playing {
            Some(_) => "A recording holds no machine: the doctor comes to a running director.",
            None => "The doctor has not come yet.",
        };
        let text = Paragraph::new(format!("\n  {why}")).style(theme.dim);
        frame.render_widget(text, area);
        return HitBoxes::default();
    };
    let told: Vec<Told<'_>> = model.doctor.told().collect();
    // What is told of one needs more room than the lines of the others.
    let rows = told.len().min(usize::from(area.height / 3).max(3));
    let [head, list, rule, detail] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(u16::try_from(rows).unwrap_or(u16::MAX)),
        Constraint::Length(1),
        Constraint::Fill(1),
    ])
    .areas(area);
    frame.render_widget(Line::styled(summary(model, report), theme.dim), head);

    let mut hits = HitBoxes::default();
    let selected = model.doctor.place();
    let top =
        selected.saturating_sub(rows.saturating_sub(1) / 2).min(told.len().saturating_sub(rows));
    for (y, (n, one)) in (list.y..list.bottom()).zip(told.iter().enumerate().skip(top)) {
        let line = row(one, n == selected, look, list.width);
        frame.render_widget(line, Rect { y, height: 1, ..list });
    }
    hits.add_rows(list, top, Hit::Finding);
    let below = told.len().saturating_sub(top + rows);
    if below > 0 {
        let more = Line::styled(format!(" {} more below ", separated(below as u64)), theme.dim);
        frame.render_widget(more.right_aligned(), rule);
    }

    let mut sheet = Sheet::new(look, detail.width);
    match told.get(selected) {
        Some(Told::Finding(finding)) => in_full(model, finding, &mut sheet),
        Some(Told::Unchecked(check, unchecked)) => why_not(check, unchecked, &mut sheet),
        None => {}
    }
    passed(report, &mut sheet);
    let key = model.keys.say(Command::PageDown);
    let page = sheet.draw(key, model.doctor.scroll.top(), detail, frame);
    HitBoxes { rows: page, lines: sheet.lines(), ..hits }
}

/// `1 error, 2 warnings, 3 notes, 1 not checked; 12 s ago`.
fn summary(model: &Model, report: &Report) -> String {
    let count = |severity: Severity| counted(report.count(severity) as u64, severity.name());
    let mut text = format!(
        " {}, {}, {}",
        count(Severity::Error),
        count(Severity::Warning),
        count(Severity::Note)
    );
    let unchecked = report.unchecked().count();
    if unchecked > 0 {
        text.push_str(&format!(", {unchecked} not checked"));
    }
    format!("{text}; looked {} ago", duration(model.since_examined()))
}

fn sign(told: &Told<'_>, look: &Look) -> (&'static str, Style) {
    let (glyphs, theme) = (&look.glyphs, &look.theme);
    match told {
        Told::Finding(finding) => match finding.severity {
            Severity::Error => (glyphs.failed, theme.error),
            Severity::Warning => (glyphs.note, theme.warning),
            Severity::Note => ("-", theme.text),
        },
        Told::Unchecked(..) => (glyphs.late, theme.dim),
    }
}

fn row(told: &Told<'_>, selected: bool, look: &Look, width: u16) -> Line<'static> {
    let theme = &look.theme;
    let (sign, style) = sign(told, look);
    let (text, check) = match told {
        Told::Finding(finding) => (finding.what.clone(), finding.check),
        Told::Unchecked(check, unchecked) => (not_checked(unchecked), check.name),
    };
    let cursor = if selected { look.glyphs.cursor } else { " " };
    let room = usize::from(width).saturating_sub(4 + check.width() + 2);
    let text = place::begin(&clean(&text), room, look.glyphs.ellipsis);
    let fill = " ".repeat(room.saturating_sub(text.width()));
    let of = |style| if selected { theme.selected } else { style };
    Line::from(vec![
        Span::styled(cursor, of(theme.text)),
        Span::styled(format!("{sign} "), of(style)),
        Span::styled(format!("{text}{fill}"), of(theme.text)),
        Span::styled(format!("  {check} "), of(theme.dim)),
    ])
}

/// `not checked of FWM 5: which packets ...`.
fn not_checked(unchecked: &Unchecked) -> String {
    let what = unchecked.what.as_deref().map_or_else(String::new, |what| format!(" of {what}"));
    format!("not checked{what}: {}", unchecked.why)
}

fn in_full(model: &Model, finding: &Finding, sheet: &mut Sheet<'_>) {
    let theme = &sheet.look.theme;
    let arrow = sheet.look.glyphs.arrow;
    let style = match finding.severity {
        Severity::Error => theme.error,
        Severity::Warning => theme.warning,
        Severity::Note => theme.header,
    };
    sheet.say(1, &format!("{}: {}", finding.severity.name(), clean(&finding.what)), style);
    let mut label = "at";
    for place in finding.places.iter().take(PLACES) {
        sheet.pair(label, &place.to_string().replace("->", arrow), theme.text);
        label = "";
    }
    let more = finding.places.len().saturating_sub(PLACES) + finding.more_places;
    if more > 0 {
        sheet.pair("", &format!("and {} more", separated(more as u64)), theme.text);
    }
    let mut label = "seen";
    for line in &finding.evidence {
        sheet.pair(label, &clean(line).replace("->", arrow), theme.text);
        label = "";
    }
    sheet.pair("why", &clean(&finding.why), theme.text);
    for fix in &finding.fixes {
        let on = match &fix.on {
            On::Director => "this director".to_owned(),
            On::Servers(servers) => {
                servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            }
        };
        let key = model.keys.say(Command::Copy);
        sheet.pair("fix", &format!("on {on} ({key} copies it):"), theme.text);
        for command in &fix.commands {
            sheet.say(INDENT, &clean(command), theme.plan_command);
        }
    }
}

fn why_not(check: &Checked, unchecked: &Unchecked, sheet: &mut Sheet<'_>) {
    let theme = &sheet.look.theme;
    let what = unchecked.what.as_deref().unwrap_or("everything that it looks for");
    sheet.say(1, &format!("not checked: {}", check.name), theme.header);
    sheet.pair("looks for", check.looks_for, theme.text);
    sheet.pair("left out", &clean(what), theme.text);
    sheet.pair("why", &clean(&unchecked.why), theme.text);
}

/// What was looked for and is not there.
fn passed(report: &Report, sheet: &mut Sheet<'_>) {
    let passed = report.checks.iter().filter(|check| check.outcome() == Outcome::Passed);
    let passed: Vec<&Checked> = passed.collect();
    if passed.is_empty() {
        return;
    }
    let theme = &sheet.look.theme;
    sheet.head("Looked for and not found");
    for check in passed {
        sheet.wide_pair(check.name, NAME, check.looks_for, theme.dim);
    }
}
