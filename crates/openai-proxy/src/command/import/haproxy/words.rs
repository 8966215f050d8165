//! A haproxy.cfg as lines of words, in sections. Comments are gone, quotes and backslashes are understood.

/// One line that says something.
#[derive(Clone)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) words: Vec<String>,
}

impl Line {
    /// The word at a place, or nothing.
    pub(super) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", String::as_str)
    }

    /// The words from a place on, as one text.
    pub(super) fn from(&self, at: usize) -> String {
        self.words.get(at..).unwrap_or_default().join(" ")
    }
}

/// One section: `frontend openai_proxy` and what stands below it.
pub(super) struct Section {
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) number: usize,
    pub(super) lines: Vec<Line>,
}

/// Words that begin a section.
const SECTIONS: &[&str] = &[
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "resolvers",
    "userlist",
    "peers",
    "mailers",
    "cache",
    "program",
    "ring",
    "http-errors",
    "fcgi-app",
    "log-forward",
];

/// Cuts a file into sections. Lines before the first one are no configuration.
pub(super) fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for (index, text) in text.lines().enumerate() {
        let line = Line { number: index + 1, words: words(text) };
        let Some(first) = line.words.first() else { continue };
        if SECTIONS.contains(&first.as_str()) {
            let (kind, name) = (first.clone(), line.word(1).to_owned());
            sections.push(Section { kind, name, number: line.number, lines: Vec::new() });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push(line);
        }
    }
    sections
}

/// The words of one line.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut begun) = (Vec::new(), String::new(), false);
    let (mut quote, mut chars) = (None, text.chars());
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\'', Some('\'')) | ('"', Some('"')) => quote = None,
            ('\'' | '"', None) => (quote, begun) = (Some(c), true),
            // Within single quotes a backslash is one.
            ('\\', None | Some('"')) => {
                word.push_str(&escaped(chars.next()));
                begun = true;
            }
            ('#', None) => break,
            (c, None) if c.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (c, _) => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// What a backslash and this make: blanks, quotes, hashes and backslashes stand for themselves, others keep theirs.
fn escaped(next: Option<char>) -> String {
    match next {
        None => "\\".to_owned(),
        Some(c) if c.is_whitespace() || matches!(c, '\\' | '"' | '\'' | '#') => c.to_string(),
        Some(c) => format!("\\{c}"),
    }
}
