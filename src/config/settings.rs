//! The one table of settings: reading, `--print-config` and what is told about mistakes follow
//! from it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;
use toml::Spanned;
use toml::de::DeValue;

use super::mistake::unknown;
use super::read::{Wrong, said};
use super::{Charts, Config};
use crate::connections::Budget;
use crate::history::Metric;
use crate::journal::acts;
use crate::model::{Column, Scale};

/// A row of the table.
#[derive(Debug)]
pub struct Setting {
    /// Its name in a file.
    pub name: &'static str,
    /// What it wants, in words.
    pub words: &'static str,
    /// The default as it would be written; `None` where nothing written means it.
    pub default: Option<&'static str>,
    /// What it is for.
    pub doc: &'static str,
    pub(super) set: fn(&mut Config, &Value<'_>) -> Result<(), No>,
    pub(super) show: fn(&Config) -> Option<String>,
}

/// A value with its place in the file.
pub(super) type Value<'a> = Spanned<DeValue<'a>>;

/// Why a value does not do.
pub(super) enum No {
    /// It is not what the setting wants.
    Unfit,
    /// Some of its items are wrong.
    These(Vec<Wrong>),
}

const WINDOWS: [(&str, Duration); 3] = [
    ("1m", Duration::from_secs(60)),
    ("5m", Duration::from_secs(300)),
    ("30m", Duration::from_secs(1800)),
];
const RATES: [(&str, Metric); 5] = [
    ("cps", Metric::Cps),
    ("inpps", Metric::InPps),
    ("outpps", Metric::OutPps),
    ("inbps", Metric::InBps),
    ("outbps", Metric::OutBps),
];
const SCALES: [(&str, Scale); 2] = [("server", Scale::Own), ("service", Scale::Service)];
const CHARTS: [(&str, Charts); 2] = [("blocks", Charts::Blocks), ("braille", Charts::Braille)];

/// Every setting but the keys.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "interval",
        words: r#"a time with its unit from "50ms" to "60s""#,
        default: Some(r#""1s""#),
        doc: "how often the director is read",
        set: |config, value| put(&mut config.interval, text(value).and_then(|t| interval(t).ok())),
        show: |config| Some(string(&time(config.interval))),
    },
    Setting {
        name: "budget",
        words: r#"a share of one core from "0.5%" to "100%""#,
        default: Some(r#""5%""#),
        doc: "how much CPU time reading the director may take",
        set: |config, value| put(&mut config.budget, text(value).and_then(|t| budget(t).ok())),
        show: |config| Some(string(&format!("{}%", round(config.budget * 100.0)))),
    },
    Setting {
        name: "theme",
        words: "the name of a theme",
        default: Some(r#""default""#),
        doc: "colours",
        set: |config, value| {
            let name = text(value).filter(|name| !name.is_empty()).map(str::to_owned);
            put(&mut config.theme, name)
        },
        show: |config| Some(string(&config.theme)),
    },
    Setting {
        name: "ascii",
        words: r#""auto", which follows the locale, true or false"#,
        default: Some(r#""auto""#),
        doc: "draw with ASCII characters only",
        set: |config, value| {
            let auto = text(value).filter(|text| *text == "auto").map(|_| None);
            put(&mut config.ascii, auto.or(truth(value).map(Some)))
        },
        show: |config| Some(config.ascii.map_or_else(|| string("auto"), |ascii| ascii.to_string())),
    },
    Setting {
        name: "slow",
        words: "true or false",
        default: Some("false"),
        doc: "draw at most 2 frames a second, for slow lines",
        set: |config, value| put(&mut config.slow, truth(value)),
        show: |config| Some(config.slow.to_string()),
    },
    Setting {
        name: "read_only",
        words: "true or false",
        default: Some("false"),
        doc: "only watch: the console can change nothing",
        set: |config, value| put(&mut config.read_only, truth(value)),
        show: |config| Some(config.read_only.to_string()),
    },
    Setting {
        name: "journal",
        words: "the whole path of a file, from / on",
        default: None,
        doc: "where changes are written down; by default /var/lib/ipvs-tui/journal.jsonl (root) or \
              the state folder",
        set: |config, value| {
            let path = text(value).map(PathBuf::from).filter(|path| is_whole(path));
            put(&mut config.journal, path.map(Some))
        },
        show: |config| config.journal.as_ref().map(|path| string(&path.to_string_lossy())),
    },
    Setting {
        name: "window",
        words: r#""1m", "5m" or "30m""#,
        default: Some(r#""1m""#),
        doc: "the time that lines of values span",
        set: |config, value| put(&mut config.window, choice(value, &WINDOWS)),
        show: |config| word(config.window, &WINDOWS),
    },
    Setting {
        name: "rate",
        words: r#""cps", "inpps", "outpps", "inbps" or "outbps""#,
        default: Some(r#""cps""#),
        doc: "the rate that is shown first",
        set: |config, value| put(&mut config.rate, choice(value, &RATES)),
        show: |config| word(config.rate, &RATES),
    },
    Setting {
        name: "scale",
        words: r#""server" or "service""#,
        default: Some(r#""server""#),
        doc: "what a line of values is scaled to: its own largest value, or its service's",
        set: |config, value| put(&mut config.scale, choice(value, &SCALES)),
        show: |config| word(config.scale, &SCALES),
    },
    Setting {
        name: "connections_budget",
        words: r#"a share of one core from "0%" to "100%""#,
        default: Some(r#""2%""#),
        doc: "how much CPU time looking at the connection table may take; at 0% it is read only \
              when it is asked for",
        set: |config, value| {
            put(&mut config.connections, text(value).and_then(percent).and_then(Budget::percent))
        },
        show: |config| Some(string(&format!("{}%", round(config.connections.in_percent())))),
    },
    Setting {
        name: "mouse",
        words: "true or false",
        default: Some("true"),
        doc: "listen to the mouse; the terminal then selects text with Shift only",
        set: |config, value| put(&mut config.mouse, truth(value)),
        show: |config| Some(config.mouse.to_string()),
    },
    Setting {
        name: "charts",
        words: r#""blocks" or "braille""#,
        default: Some(r#""blocks""#),
        doc: "what lines of values are drawn with",
        set: |config, value| put(&mut config.charts, choice(value, &CHARTS)),
        show: |config| word(config.charts, &CHARTS),
    },
    Setting {
        name: "columns",
        words: "a list of fwd, weight, active, inact, persistent, cps, inpps, outpps, inbps, outbps, \
                upper, lower, share, conns-line, rate-line",
        default: Some(concat!(
            r#"["fwd", "weight", "active", "inact", "cps", "inpps", "outpps", "inbps", "outbps", "#,
            r#""conns-line", "rate-line"]"#
        )),
        doc: "the table's columns from left to right; what has no room is left out",
        set: |config, value| {
            config.columns = column_names(value)?;
            Ok(())
        },
        show: |config| Some(list(config.columns.iter().map(|column| column.name()))),
    },
];

/// Reads an interval as people write it: `1s`, `500ms`, `1.5s`, `1m`.
///
/// # Errors
/// A sentence, when it is none, or none from 50 ms to 60 s.
pub fn interval(text: &str) -> Result<Duration, String> {
    let (least, most) = (Duration::from_millis(50), Duration::from_secs(60));
    let wrong = || "write a time with its unit, from 50ms to 60s, such as 1s or 500ms".to_owned();
    let time: SignedDuration = text.parse().map_err(|_| wrong())?;
    let time = Duration::try_from(time).map_err(|_| wrong())?;
    if time < least || time > most {
        return Err(format!("the interval is {text}; it can be 50ms to 60s"));
    }
    Ok(time)
}

/// Reads a share of one core as people write it: `5%`, `0.5%`.
///
/// # Errors
/// A sentence, when it is none, or none from 0.5% to 100%.
pub fn budget(text: &str) -> Result<f64, String> {
    let wrong = || "write a share of one core in percent, from 0.5% to 100%, such as 5%".to_owned();
    let percent = percent(text).ok_or_else(wrong)?;
    if (0.5..=100.0).contains(&percent) { Ok(percent / 100.0) } else { Err(wrong()) }
}

/// `5%`, `0.5 %`.
fn percent(text: &str) -> Option<f64> {
    text.strip_suffix('%')?.trim().parse().ok()
}

/// Percent as they were written, without what the computer adds.
fn round(percent: f64) -> f64 {
    (percent * 1000.0).round() / 1000.0
}

fn put<T>(field: &mut T, value: Option<T>) -> Result<(), No> {
    *field = value.ok_or(No::Unfit)?;
    Ok(())
}

fn text<'a>(value: &'a Value<'_>) -> Option<&'a str> {
    value.get_ref().as_str()
}

fn truth(value: &Value<'_>) -> Option<bool> {
    value.get_ref().as_bool()
}

fn choice<T: Copy>(value: &Value<'_>, all: &[(&str, T)]) -> Option<T> {
    let word = text(value)?;
    all.iter().find(|(known, _)| *known == word).map(|(_, meant)| *meant)
}

fn word<T: Copy + PartialEq>(value: T, all: &[(&str, T)]) -> Option<String> {
    all.iter().find(|(_, known)| *known == value).map(|(word, _)| string(word))
}

/// A path that means the same from every folder, and names a file.
fn is_whole(path: &Path) -> bool {
    path.is_absolute()
        && path.file_name().is_some()
        && !path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

fn column_names(value: &Value<'_>) -> Result<Vec<Column>, No> {
    let mut columns = Vec::new();
    let mut wrong = Vec::new();
    for item in value.get_ref().as_array().ok_or(No::Unfit)? {
        let Some(text) = text(item) else {
            let is = said(item.get_ref());
            wrong.push(Wrong::new(item, format!("'columns' wants names of columns; this is {is}")));
            continue;
        };
        match Column::named(text) {
            Some(column) if columns.contains(&column) => {
                wrong.push(Wrong::new(item, format!("the column '{text}' stands there twice")));
            }
            Some(column) => columns.push(column),
            None => {
                let known = Column::ALL.iter().map(|(_, name, _)| *name);
                wrong.push(Wrong::new(item, unknown(text, "column", known)));
            }
        }
    }
    if wrong.is_empty() { Ok(columns) } else { Err(No::These(wrong)) }
}

fn time(time: Duration) -> String {
    match time.as_millis() {
        millis if millis % 1000 == 0 => format!("{}s", millis / 1000),
        millis => format!("{millis}ms"),
    }
}

/// A string in TOML.
pub(super) fn string(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if acts(c) => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A list of strings in TOML.
pub(super) fn list<S: AsRef<str>>(items: impl IntoIterator<Item = S>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| string(item.as_ref())).collect();
    format!("[{}]", items.join(", "))
}
