//! A screen as an operator sees it: lines of text, and the table's rows as values.

use std::fmt;

/// A copy of what the terminal shows.
#[derive(Clone)]
pub struct Screen {
    pub vt: vt100::Screen,
    pub lines: Vec<String>,
}

/// A row of the table, read as an operator reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub selected: bool,
    pub marked: bool,
    pub quiesced: bool,
    /// Somebody else has changed it.
    pub changed: bool,
    /// Its weight goes back and forth.
    pub flapping: bool,
    pub name: String,
    pub forwarding: String,
    /// Without the one in parentheses that it had before it was 0.
    pub weight: u64,
    pub active: u64,
    pub inactive: u64,
    /// As shown: it may be a dot.
    pub cps: String,
    /// The lines of values, as drawn.
    pub lines: String,
}

impl Screen {
    pub fn new(vt: &vt100::Screen) -> Self {
        let (_, columns) = vt.size();
        let lines = vt.rows(0, columns.get()).map(|l| l.trim_end().to_owned()).collect();
        Self { vt: vt.clone(), lines }
    }

    pub fn text(&self) -> String {
        self.lines.join("\n")
    }

    pub fn has(&self, text: &str) -> bool {
        self.lines.iter().any(|l| l.contains(text))
    }

    /// Whether `text` stands there, wherever lines were wrapped, and whether or not in a frame.
    pub fn says(&self, text: &str) -> bool {
        let words = self.lines.iter().flat_map(|l| l.split(['│', '|', ' ']));
        words.filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ").contains(text)
    }

    pub fn header(&self) -> &str {
        &self.lines[0]
    }

    /// The heads of the table's columns; empty where there is no table.
    pub fn heads(&self) -> &str {
        let head = self.lines.iter().find(|l| l.contains("Service / real server"));
        head.map_or("", String::as_str)
    }

    /// The last line: what the keys do.
    pub fn footer(&self) -> &str {
        self.lines.last().unwrap()
    }

    /// The rows of the table from the service that begins with `service` to the next one.
    pub fn servers(&self, service: &str) -> Vec<Row> {
        let strip = |l: &str| l.trim_start_matches(['▌', '>', ' ', '▾', 'v', 'Δ', '!']).to_owned();
        let after = self.lines.iter().skip_while(|l| !strip(l).starts_with(service)).skip(1);
        after.map_while(|l| self.row(l)).collect()
    }

    /// The row of `server` beneath `service`.
    pub fn server(&self, service: &str, server: &str) -> Option<Row> {
        self.servers(service).into_iter().find(|r| r.name == server)
    }

    /// The selected server.
    pub fn selected(&self) -> Option<Row> {
        self.lines.iter().filter_map(|l| self.row(l)).find(|r| r.selected)
    }

    /// A line as a server's row. A service's row has its scheduler where a server has `Masq`.
    fn row(&self, line: &str) -> Option<Row> {
        let selected = line.starts_with(['▌', '>']);
        let rest = line.get(line.chars().next()?.len_utf8()..)?;
        let marks = rest.find(|c: char| c.is_ascii_digit() || c == '[')?;
        let (marks, rest) = rest.split_at(marks);
        let marked = marks.contains(['✓', '+']);
        let quiesced = marks.contains(['○', 'o']);
        let (changed, flapping) = (marks.contains('Δ'), marks.contains('↕'));
        let mut words = rest.split_whitespace().filter(|w| !w.starts_with('('));
        let number = |word: Option<&str>| word?.replace(',', "").parse().ok();
        let name = words.next()?.to_owned();
        let forwarding = words.next()?.to_owned();
        if !["Masq", "Route", "Tunnel", "Local"].contains(&forwarding.as_str()) {
            return None;
        }
        Some(Row {
            selected,
            marked,
            quiesced,
            changed,
            flapping,
            name,
            forwarding,
            weight: number(words.next())?,
            active: number(words.next())?,
            inactive: number(words.next())?,
            cps: words.next()?.to_owned(),
            lines: self.values(line),
        })
    }

    /// The part of a row that lies under the head of the first line of values.
    fn values(&self, line: &str) -> String {
        let at = self.heads().find("conns").unwrap_or(usize::MAX);
        line.chars().skip(at).collect()
    }
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, columns) = self.vt.size();
        writeln!(f, "{columns}x{rows}, alternate screen: {}", self.vt.alternate_screen())?;
        for line in &self.lines {
            writeln!(f, "| {line}")?;
        }
        Ok(())
    }
}
