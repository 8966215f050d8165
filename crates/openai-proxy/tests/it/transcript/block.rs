//! Reading the fenced blocks of a Markdown file.

/// A fenced block.
pub(super) struct Block {
    /// The first word behind the fence.
    pub(super) language: String,
    /// What stands in it.
    pub(super) text: String,
    /// The line of its first line, from 1.
    pub(super) line: usize,
    /// What is to be run.
    pub(super) steps: Vec<Shell>,
}

/// One thing to run.
pub(super) struct Shell {
    /// What the shell is given.
    pub(super) command: String,
    /// What it shows; `None`: a script, of which only its end counts.
    pub(super) shows: Option<String>,
    /// Where it stands, from 1.
    pub(super) line: usize,
    /// Where what it shows begins and ends, in lines from 0.
    pub(super) shown_at: std::ops::Range<usize>,
}

/// The blocks of a text. A fence may be indented, as in a list.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<(String, usize, usize, Vec<&str>)> = None;
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        match (&mut open, trimmed.strip_prefix("```")) {
            (None, Some(info)) => {
                let language = info.trim().to_owned();
                open = Some((language, number + 2, line.len() - trimmed.len(), Vec::new()));
            }
            (Some((_, _, indent, lines)), None) => lines.push(line.get(*indent..).unwrap_or("")),
            (Some(_), Some(_)) => {
                let Some((language, line, _, lines)) = open.take() else { continue };
                let steps = match language.as_str() {
                    "console" => console(&lines, line),
                    "sh" => {
                        vec![Shell { command: lines.join("\n"), shows: None, line, shown_at: 0..0 }]
                    }
                    _ => Vec::new(),
                };
                found.push(Block { language, text: lines.join("\n") + "\n", line, steps });
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block has no end");
    found
}

/// `$ ` begins a command, a `\` at its end continues it, everything else is what it shows.
fn console(lines: &[&str], first: usize) -> Vec<Shell> {
    let mut steps: Vec<Shell> = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(command) = lines[at].strip_prefix("$ ") else {
            panic!("line {}: a console block shows something before its first command", first + at);
        };
        let line = first + at;
        let mut command = command.to_owned();
        while command.ends_with('\\') && at + 1 < lines.len() {
            at += 1;
            command = format!("{command}\n{}", lines[at]);
        }
        at += 1;
        let ends = (at..lines.len()).find(|&next| lines[next].starts_with("$ ")).unwrap_or(lines.len());
        let shows = Some(lines[at..ends].join("\n"));
        // The block's first line is `first` counted from 1.
        let shown_at = first - 1 + at..first - 1 + ends;
        at = ends;
        steps.push(Shell { command, shows, line, shown_at });
    }
    steps
}
