//! How secrets look that nobody told us of: behind their names, by their beginnings, by their length.

use super::STARS;

/// Words in the names of variables, settings and parameters that hold secrets.
const SECRET_NAMES: &[&str] =
    &["key", "token", "secret", "pass", "credential", "auth", "cookie", "session", "signature", "sig"];
/// How keys of well-known kinds begin.
const BEGINNINGS: &[&str] = &[
    "sk-",
    "sess-",
    "sk_",
    "pk-",
    "rk-",
    "gsk_",
    "xai-",
    "hf_",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "AIza",
    "AKIA",
    "eyJ",
    "xoxb-",
    "xoxp-",
    "ya29.",
    "r8_",
    "nvapi-",
    "pplx-",
    "tgp_",
    "fw_",
    "csk-",
    "jina_",
    "sk",
    "Bearer",
    "Basic",
];

/// A line without logins in URLs.
pub(super) fn logins(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let ends =
            after.find(|c: char| c.is_whitespace() || "/?#\"'<>`,;)}]".contains(c)).unwrap_or(after.len());
        match after[..ends].rfind('@') {
            Some(login) => {
                out.push_str(STARS);
                rest = &after[login..];
            }
            None => rest = after,
        }
    }
    out.push_str(rest);
    out
}

/// What the word before makes of this one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Awaits {
    Nothing,
    /// A word that may be the name of a secret: `=` or `is` would make the next its value.
    Sign,
    /// A word that is such a name (`api_key`, `--api-key`): the next is its value, unless it is one of a sentence.
    Loose,
    /// In a list in quotes: what follows the comma is the value.
    Pair,
    /// The next word is the value.
    Value,
    /// A header of several secrets: all of it is the value.
    Rest,
}

/// Headers in which several secrets may follow each other.
const WHOLE: &[&str] = &["cookie", "set-cookie", "authorization", "proxy-authorization"];
/// Words that follow a name in a sentence, and are no secret.
const PROSE: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "by", "can", "cannot", "empty", "for", "from", "given", "has",
    "header", "headers", "in", "instead", "invalid", "is", "it", "missing", "must", "needed", "no", "not",
    "of", "on", "or", "refused", "required", "set", "stands", "the", "there", "to", "too", "unset", "was",
    "with", "without", "wrong",
];

/// A line without words that are, or look like, secrets. A word is a run of what keys are made of.
pub(super) fn line(line: &str) -> String {
    let of_key = |c: char| c.is_ascii_alphanumeric() || "-_.+/=~%*".contains(c);
    let mut out = String::with_capacity(line.len());
    let mut awaits = Awaits::Nothing;
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let ends = rest.find(|c: char| of_key(c) != of_key(first)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(ends);
        rest = after;
        if of_key(first) {
            let (shown, next) = one(word, awaits, after);
            out.push_str(&shown);
            awaits = next;
            continue;
        }
        out.push_str(word);
        awaits = between(word, awaits);
        let takes = matches!(awaits, Awaits::Value | Awaits::Rest);
        let quote = word.chars().next_back().filter(|quote| takes && matches!(quote, '"' | '\'' | '`'));
        if let Some(ends) = quote.and_then(|quote| closing(rest, quote)) {
            let (value, after) = rest.split_at(ends);
            out.push_str(if is_harmless(value) { value } else { STARS });
            (rest, awaits) = (after, Awaits::Nothing);
        } else if awaits == Awaits::Rest && !rest.is_empty() {
            out.push_str(if is_harmless(rest) { rest } else { STARS });
            return out;
        }
    }
    out
}

/// What is awaited after something that is no word.
fn between(mark: &str, awaits: Awaits) -> Awaits {
    let bare = mark.trim_matches(['"', '\'', '\\', ' ', '`']);
    match awaits {
        Awaits::Pair if bare == "," => Awaits::Value,
        Awaits::Pair => Awaits::Nothing,
        // In `a: ["b"]` the value only begins later.
        _ if mark.contains([',', '{', '}', ']', ';', '&', '?']) => Awaits::Nothing,
        _ if mark.contains('[') && !mark.contains(':') => Awaits::Nothing,
        Awaits::Sign | Awaits::Loose if bare.contains([':', '(', ')', '>', '|']) => Awaits::Nothing,
        same => same,
    }
}

/// One word as it is shown, and what the next is.
fn one(word: &str, awaits: Awaits, after: &str) -> (String, Awaits) {
    let lower = word.to_ascii_lowercase();
    if matches!(lower.as_str(), "bearer" | "basic") {
        return (word.to_owned(), Awaits::Value);
    }
    let named = matches!(awaits, Awaits::Sign | Awaits::Loose);
    if named && word.chars().all(|c| c == '=') {
        return (word.to_owned(), Awaits::Value);
    }
    if named && matches!(lower.as_str(), "is" | "was") {
        return (word.to_owned(), Awaits::Loose);
    }
    let spoken = awaits == Awaits::Loose
        && (PROSE.contains(&lower.as_str()) || !word.contains(|c: char| c.is_ascii_alphanumeric()));
    if matches!(awaits, Awaits::Value | Awaits::Rest) || awaits == Awaits::Loose && !spoken {
        return (if is_harmless(word) { word.to_owned() } else { STARS.to_owned() }, Awaits::Nothing);
    }
    match word.split_once('=') {
        Some((name, "")) if is_secret_name(name) => return (word.to_owned(), Awaits::Value),
        Some((name, _)) if is_secret_name(name) => return (format!("{name}={STARS}"), Awaits::Nothing),
        _ => {}
    }
    let shown = if looks_secret(word) { STARS.to_owned() } else { word.to_owned() };
    let next = if shown == word { named_by(word, &lower, after) } else { Awaits::Nothing };
    (shown, next)
}

/// What a word that is shown says of the next.
fn named_by(word: &str, lower: &str, after: &str) -> Awaits {
    if !is_secret_name(word) {
        return Awaits::Nothing;
    }
    let quoted = after.starts_with(['"', '\'', '\\']);
    let mark = after.trim_start_matches(['"', '\'', '\\', ' ']);
    // In a sentence ("no key: ...") it is no name of a value; as `"key":` or `key=` it is.
    let spoken = word == "key" && !quoted;
    match mark.chars().next() {
        Some(':') if WHOLE.contains(&lower) => Awaits::Rest,
        Some(':') if !spoken => Awaits::Value,
        Some(',') if quoted => Awaits::Pair,
        _ if is_setting(word) => Awaits::Loose,
        _ => Awaits::Sign,
    }
}

/// Whether a name of a secret is that of a setting or an option, and no word of a sentence, no path and no variable.
fn is_setting(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    let name = word.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    let variable = !word.contains(|c: char| c.is_ascii_lowercase());
    let joined = lower.trim_matches('-').contains(['-', '_']) || word.starts_with("--");
    name && !variable && (joined || ["apikey", "password", "passwd"].contains(&lower.as_str()))
}

/// A text without what stands between the first and the last line of a key or certificate in PEM form.
pub(super) fn without_pem(text: &str) -> String {
    let mut out = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let ends = line.contains("-----END ");
        inside &= !ends;
        out.push(if inside && is_base64(line.trim()) { STARS } else { line });
        inside |= !ends && line.contains("-----BEGIN ");
        // A block that was cut off ends with the next line that is none of it.
        inside &= line.contains("-----BEGIN ") || is_base64(line.trim());
    }
    out.join("\n")
}

fn is_base64(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || "+/=".contains(c))
}

/// A line whose control characters are seen and do nothing.
pub(super) fn escaped(line: &str) -> String {
    let shown = |c: char| match c {
        '\t' => c.to_string(),
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    line.chars().map(shown).collect()
}

/// Where a quoted text ends.
fn closing(text: &str, quote: char) -> Option<usize> {
    text.match_indices(quote).map(|(at, _)| at).find(|at| !text[..*at].ends_with('\\'))
}

/// References stay readable, and so do names of variables and what is hidden already.
fn is_harmless(value: &str) -> bool {
    let inner = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(value);
    value == STARS
        || value.len() < 3
        || value == "..."
        || inner.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

pub(super) fn is_secret_name(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let mut parts = lower.split(|c: char| !c.is_ascii_alphanumeric());
    parts.any(|part| SECRET_NAMES.iter().any(|word| part == *word || part == format!("{word}s")))
        || ["apikey", "password", "authorization", "passwd"].iter().any(|word| lower.contains(word))
}

/// A known beginning, or a long run of mixed letters and digits. A request's id is none.
fn looks_secret(word: &str) -> bool {
    const LONG: usize = 20;
    const LONGER: usize = 40;
    if word.starts_with("req_") || word == STARS {
        return false;
    }
    let begins = |part: &str| {
        BEGINNINGS
            .iter()
            .any(|begin| part.len() >= begin.len() + 8 && begin.len() > 2 && part.starts_with(begin))
    };
    let mixed = |part: &str| {
        let digits = part.chars().filter(char::is_ascii_digit).count();
        part.len() >= LONG
            && digits >= 3
            && digits < part.len()
            && part.chars().all(|c| c.is_ascii_alphanumeric())
    };
    // A line of a key in PEM form, without its first and last.
    let long = |part: &str| {
        let has = |fits: fn(&char) -> bool| part.chars().any(|c| fits(&c));
        part.len() >= LONG && has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase)
    };
    if word.len() >= LONGER && is_base64(word) && word.split(['/', '+']).any(long) {
        return true;
    }
    word.split(['/', '=']).any(begins) || word.split(['/', '-', '_', '.', '=', '+', '~', '%']).any(mixed)
}
