//! The blocks of a configuration: a line of words, and the lines between its braces.

/// A line, and what stands between the braces behind it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Node {
    /// From 1.
    pub(super) line: usize,
    words: Vec<String>,
    pub(super) children: Vec<Node>,
    /// Whether it holds on some hosts only (`@name`, `@^name`).
    pub(super) conditional: bool,
}

impl Node {
    pub(super) fn words(&self) -> &[String] {
        &self.words
    }

    /// Its first word, empty if there is none.
    pub(super) fn keyword(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    pub(super) fn children<'a>(&'a self, keyword: &str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.keyword() == keyword)
    }

    /// The last line that begins with `keyword`: the last one counts.
    pub(super) fn child(&self, keyword: &str) -> Option<&Self> {
        self.children.iter().rev().find(|child| child.keyword() == keyword)
    }

    /// The word behind `keyword`.
    pub(super) fn value(&self, keyword: &str) -> Option<&str> {
        self.child(keyword)?.words.get(1).map(String::as_str)
    }

    /// Whether one of these words begins a line anywhere in it.
    pub(super) fn has_any(&self, keywords: &[&str]) -> bool {
        let here = |child: &Self| keywords.contains(&child.keyword()) || child.has_any(keywords);
        self.children.iter().any(here)
    }
}

/// Reads the blocks. What is left out is told in `skipped`. A closing brace too many and an opening
/// one too many are forgiven. Nesting is cut at [`DEEPEST`].
pub(super) fn read(text: &str, skipped: &mut Vec<String>) -> Vec<Node> {
    let mut reading = Reading { open: vec![Node::default()] };
    for (number, line) in (1..).zip(text.lines()) {
        reading.line(number, line, skipped);
    }
    while reading.open.len() > 1 {
        reading.close();
    }
    reading.open.pop().map(|root| root.children).unwrap_or_default()
}

/// Deeper than any configuration is nested.
const DEEPEST: usize = 32;

struct Reading {
    /// The blocks that are open, the file itself first.
    open: Vec<Node>,
}

impl Reading {
    fn line(&mut self, number: usize, line: &str, skipped: &mut Vec<String>) {
        let mut words = words(line);
        let mut conditional = false;
        match words.first().map(String::as_str) {
            Some(word) if word.starts_with("include") && words.len() == 2 => {
                let file = words.get(1).map_or("", String::as_str);
                return skipped.push(format!("line {number}: include {file}"));
            }
            // Its definition, or its use in place of whole lines. In place of a value it is none.
            Some(word) if word.starts_with('$') => {
                return skipped.push(format!("line {number}: a parameter"));
            }
            Some(word) if word.starts_with('~') => {
                return skipped.push(format!("line {number}: a sequence"));
            }
            Some(word) if word.starts_with('@') => {
                skipped.push(format!("line {number}: only where {word}"));
                conditional = true;
                words.remove(0);
            }
            _ => {}
        }
        let mut rest = Vec::new();
        for word in words {
            match word.as_str() {
                "{" => {
                    self.open(Node {
                        line: number,
                        words: std::mem::take(&mut rest),
                        conditional,
                        ..Node::default()
                    });
                }
                "}" => {
                    self.leaf(number, std::mem::take(&mut rest), conditional);
                    self.close();
                }
                _ => rest.push(word),
            }
        }
        self.leaf(number, rest, conditional);
    }

    fn leaf(&mut self, line: usize, words: Vec<String>, conditional: bool) {
        if let (false, Some(block)) = (words.is_empty(), self.open.last_mut()) {
            block.children.push(Node { line, words, conditional, ..Node::default() });
        }
    }

    /// A brace on a line of its own belongs to the line before.
    fn open(&mut self, node: Node) {
        if self.open.len() > DEEPEST {
            return;
        }
        let before = self.open.last_mut().filter(|_| node.words.is_empty());
        let before = before.and_then(|block| block.children.pop_if(|c| c.children.is_empty()));
        self.open.push(before.unwrap_or(node));
    }

    fn close(&mut self) {
        if self.open.len() > 1
            && let Some(node) = self.open.pop()
            && let Some(block) = self.open.last_mut()
        {
            block.children.push(node);
        }
    }
}

/// The words of a line, without what `#` or `!` begins. Braces are words, but for those of a
/// parameter (`${NAME}`); quotes keep blanks together.
fn words(line: &str) -> Vec<String> {
    let mut all = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    let mut parameter = false;
    let mut done = |word: &mut String| {
        if !word.is_empty() {
            all.push(std::mem::take(word));
        }
    };
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => word.push(c),
            '#' | '!' => break,
            '{' if word.ends_with('$') => {
                parameter = true;
                word.push(c);
            }
            '}' if parameter => {
                parameter = false;
                word.push(c);
            }
            '{' | '}' => {
                done(&mut word);
                word.push(c);
                done(&mut word);
            }
            c if c.is_whitespace() => done(&mut word),
            c => word.push(c),
        }
    }
    done(&mut word);
    all
}
