//! One Rust file, in three readings of equal length: as written, without comments, and without literals either.
//!
//! Reading text instead of a syntax tree keeps tidy quick and free of a parser. The price is paid here, once: whoever
//! searches the right reading is not fooled by a word inside a comment or a string.

use std::ops::Range;

/// A Rust file. Offsets mean the same place in all three readings.
#[derive(Debug)]
pub(crate) struct Source {
    /// The file, relative to the workspace root.
    pub(crate) path: String,
    /// As written.
    pub(crate) text: String,
    /// Comments blanked out.
    pub(crate) spoken: String,
    /// Comments and literals blanked out: what the compiler sees as code.
    pub(crate) code: String,
    /// The stretches that stand under `#[cfg(test)]`.
    tests: Vec<Range<usize>>,
}

impl Source {
    /// Takes a file's text apart.
    pub(crate) fn new(path: String, text: String) -> Self {
        let (spoken, code) = readings(&text);
        let tests = test_items(&code);
        Self { path, text, spoken, code, tests }
    }

    /// The crate the file belongs to, or nothing for a file outside `crates/`.
    pub(crate) fn krate(&self) -> &str {
        let mut steps = self.path.split('/');
        if steps.next() == Some("crates") { steps.next().unwrap_or_default() } else { "" }
    }

    /// Is the file part of what its crate ships? Tests, benches and examples are not.
    pub(crate) fn is_product(&self) -> bool {
        self.path.split('/').nth(2) == Some("src")
            && !self.path.ends_with("/tests.rs")
            && !self.path.contains("/tests/")
    }

    /// Does this offset lie in a `#[cfg(test)]` item?
    pub(crate) fn is_test(&self, offset: usize) -> bool {
        self.tests.iter().any(|range| range.contains(&offset))
    }

    /// The line an offset lies on, counted from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
    }

    /// The module the file is: `crates/x/src/a/b.rs` is `[a, b]`, and `lib.rs` is the empty path.
    pub(crate) fn module(&self) -> Vec<String> {
        let inside = self.path.splitn(4, '/').nth(3).unwrap_or_default();
        let mut steps: Vec<String> = inside.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
        let is_entry = steps.len() == 1 && matches!(steps[0].as_str(), "lib" | "main");
        if is_entry || steps.last().is_some_and(|step| step == "mod") {
            steps.pop();
        }
        steps
    }
}

/// Is this byte part of a name?
pub(crate) fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The places where `word` stands as a whole word.
pub(crate) fn words_at<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = code.as_bytes();
    code.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let after = bytes.get(at + word.len());
        (at == 0 || !in_name(bytes[at - 1])) && !after.is_some_and(|&byte| in_name(byte))
    })
}

/// The offset just behind the brace that closes the one at `open`; the end of the text if none does.
pub(crate) fn behind_brace(code: &str, open: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    code.len()
}

/// Where the item at `start` opens its body, or ends without one: the first brace or semicolon outside of brackets.
pub(crate) fn body_at(code: &str, start: usize) -> usize {
    let mut depth = 0usize;
    for (at, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            b'{' | b';' if depth == 0 => return at,
            _ => {}
        }
    }
    code.len()
}

/// Finds each item under `#[cfg(test)]`, from the attribute to its closing brace or semicolon.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let marks = ["#[cfg(test)]", "#[cfg(all(test,"].into_iter().flat_map(|mark| code.match_indices(mark));
    marks
        .map(|(start, _)| {
            let end = body_at(code, start);
            if code[end..].starts_with('{') { start..behind_brace(code, end) } else { start..end }
        })
        .collect()
}

/// Makes the two blanked readings; newlines stay, so that lines and offsets stay too.
fn readings(text: &str) -> (String, String) {
    let mut spoken = text.as_bytes().to_vec();
    let mut code = spoken.clone();
    let mut at = 0;
    while at < text.len() {
        let Some((kind, end)) = foreign_at(text.as_bytes(), at) else {
            at += 1;
            continue;
        };
        blank(&mut code[at..end]);
        if kind == Foreign::Comment {
            blank(&mut spoken[at..end]);
        }
        at = end;
    }
    (String::from_utf8_lossy(&spoken).into_owned(), String::from_utf8_lossy(&code).into_owned())
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

/// What stands in a source without being code.
#[derive(PartialEq, Eq)]
enum Foreign {
    Comment,
    Literal,
}

/// If a comment or literal begins at `at`: which, and where it ends.
fn foreign_at(text: &[u8], at: usize) -> Option<(Foreign, usize)> {
    let rest = &text[at..];
    match rest {
        [b'/', b'/', ..] => Some((Foreign::Comment, at + find(rest, b"\n").unwrap_or(rest.len()))),
        [b'/', b'*', ..] => Some((Foreign::Comment, at + block_comment(rest))),
        [b'"', ..] => Some((Foreign::Literal, at + quoted(rest, b'"'))),
        [b'r', ..] if begins_word(text, at) => raw_string(rest).map(|len| (Foreign::Literal, at + len)),
        [b'\'', b'\\', ..] => Some((Foreign::Literal, at + quoted(rest, b'\''))),
        // A lifetime has no second quote behind its first letter; a character, of up to four bytes, has.
        [b'\'', first, ..] => {
            let width = match first {
                0xF0.. => 4,
                0xE0.. => 3,
                0xC0.. => 2,
                _ => 1,
            };
            (rest.get(1 + width) == Some(&b'\'')).then_some((Foreign::Literal, at + width + 2))
        }
        _ => None,
    }
}

/// Does a word begin here? The `b` or `c` of `br"..."` and `cr"..."` counts as its beginning.
fn begins_word(text: &[u8], at: usize) -> bool {
    let free = |at: usize| at == 0 || !in_name(text[at - 1]);
    free(at) || (matches!(text[at - 1], b'b' | b'c') && free(at - 1))
}

/// The length of a block comment; they nest.
fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < rest.len() {
        match rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] if depth == 1 => return at + 2,
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a literal with escapes, both quotes included.
fn quoted(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            byte if byte == quote => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of `r"..."` or `r#"..."#`; nothing if it is a name after all, such as `r#type`.
fn raw_string(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|&&byte| byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let body = 2 + hashes;
    Some(find(&rest[body..], &end).map_or(rest.len(), |at| body + at + end.len()))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
