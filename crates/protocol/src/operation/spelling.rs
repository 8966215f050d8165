//! From the path a caller wrote to the operation meant: every spelling of the base URL leads to the same row.
//!
//! `/v1/x`, `/x`, `/v1/v1/x`, `/openai/v1/x`, `/openai/deployments/{d}/x`, `/anthropic/v1/x`, each with or without a
//! trailing slash; and the one path of a well-known server of its own way, `/inference`. Segments are compared as they were written, nothing is decoded or normalised: a path that is not
//! canonical is refused, so that no two readers of it can disagree.

use std::borrow::Cow;
use std::ops::Range;

use http::Method;

use crate::dialect::Dialect;

use super::Operation;
use super::table::{GENERATE, GENERATE_OTHER, NATIVE, OTHER, ROWS, Row};

/// Which way of writing the base URL was used; anything but `Canonical` is worth one log line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spelling {
    /// `/v1/x`.
    Canonical,
    /// `/x`: the base URL lacks `/v1`.
    Bare,
    /// `/v1/v1/x`: the base URL has `/v1` and the program adds its own.
    Doubled,
    /// `/openai/...` or `/anthropic/...`.
    Prefixed,
    /// `/openai/deployments/{d}/x`.
    Deployment,
    /// A path of another server, for an operation of ours.
    Foreign,
}

/// Paths of servers that do not follow the reference, which programs made for them ask for, and ours for the same thing.
/// (`/inference`: examples/server/README.md of ggml-org/whisper.cpp.)
const FOREIGN: &[(&str, &str)] = &[("/inference", "/audio/transcriptions")];

/// Our path, below `/v1`, for what another server calls by this one.
pub fn foreign(path: &str) -> Option<&'static str> {
    FOREIGN.iter().find(|(theirs, _)| *theirs == path).map(|(_, ours)| *ours)
}

/// A path understood.
#[derive(Clone, Copy, Debug)]
pub struct Found<'p> {
    /// The row of the table.
    pub row: &'static Row,
    /// The path below `/v1`, beginning with a slash, as the caller wrote it.
    pub rest: &'p str,
    /// The model named by the path: a deployment, the id in `/models/{model}`, or what stands before a verb.
    /// Percent-encoding as written.
    pub model: Option<&'p str>,
    /// How the base URL was spelled.
    pub spelling: Spelling,
}

/// Why a path leads nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PathProblem {
    /// Not canonical: what is wrong with it.
    NotCanonical(&'static str),
    /// No operation has this path.
    Unknown {
        /// The known path that looks most like it, if one does.
        nearest: Option<&'static str>,
    },
    /// The path exists, not with this method: the value for `Allow`.
    Method(String),
}

/// Finds the operation for a method and a raw path (no query).
///
/// # Errors
/// [`PathProblem`] when the path is not canonical, unknown, or known with other methods only.
pub fn find<'p>(method: &Method, path: &'p str) -> Result<Found<'p>, PathProblem> {
    let encoded_slash = canonical(path)?;
    let trimmed = if path.len() > 1 { path.strip_suffix('/').unwrap_or(path) } else { path };
    let (rest, model, spelling) = strip_base(trimmed);
    let id = before_verb(rest)
        .map(|place| &rest[place])
        .or_else(|| rest.strip_prefix(MODELS))
        .or_else(|| rest.strip_prefix(MODELS_BETA));
    // What the path names besides a model has no encoded slash, and a model's own slashes make no dot segments.
    let elsewhere = encoded_slash && id.is_none() && (model.is_none() || slashed(rest));
    let climbs = [model, id].into_iter().flatten().any(|name| slashed(name) && has_dot_segments(name));
    if elsewhere || climbs {
        return Err(PathProblem::NotCanonical("an encoded slash is allowed in a model's name only"));
    }
    let found = match_rows(method, rest, spelling)?;
    // A foreign path is written as its own language writes it.
    let spelling = if found.stands_beside() { Spelling::Canonical } else { spelling };
    Ok(Found { row: found, rest, model: model.or(id), spelling })
}

fn strip_base(path: &str) -> (&str, Option<&str>, Spelling) {
    let below = |prefix: &str| path.strip_prefix(prefix).filter(|rest| rest.starts_with('/'));
    if let Some(rest) = foreign(path) {
        (rest, None, Spelling::Foreign)
    } else if let Some(rest) = below("/v1/v1") {
        (rest, None, Spelling::Doubled)
    } else if let Some(rest) = below("/v1") {
        (rest, None, Spelling::Canonical)
    } else if let Some(rest) = below("/openai/deployments") {
        match rest[1..].split_once('/') {
            Some((deployment, tail)) if !deployment.is_empty() => {
                (&rest[1 + deployment.len()..][..1 + tail.len()], Some(deployment), Spelling::Deployment)
            }
            _ => (path, None, Spelling::Bare),
        }
    } else if let Some(rest) =
        below("/openai/v1").or_else(|| below("/anthropic/v1")).or_else(|| below("/openai"))
    {
        (rest, None, Spelling::Prefixed)
    } else {
        (path, None, Spelling::Bare)
    }
}

fn match_rows(method: &Method, rest: &str, spelling: Spelling) -> Result<&'static Row, PathProblem> {
    let by_verb = spelling == Spelling::Bare && rest.starts_with(MODELS_BETA) && before_verb(rest).is_some();
    if *method == Method::POST && (by_verb || runs_a_model(rest)) {
        // A model of OpenAI's is only looked at; whoever writes a verb behind it means to run it.
        return Ok(&GENERATE);
    }
    let mut known: Option<&'static Row> = None;
    let beside = spelling == Spelling::Bare;
    for row in ROWS.iter().filter(|row| row.fits(rest) && (beside || !row.stands_beside())) {
        if row.methods_at(rest).allow(method) || (row.socket && *method == Method::GET) {
            return Ok(row);
        }
        known = Some(match known {
            Some(first) if first.methods != row.methods => first,
            _ => row,
        });
    }
    // Of what is beside `/v1` only some paths are known by name: the others of the same language pass.
    let named = |row: &&Row| !matches!(row.operation, Operation::Generate | Operation::Native);
    if let Some(row) = known.filter(named) {
        return Err(PathProblem::Method(allowed(rest, row)));
    }
    let generate = if before_verb(rest).is_some() { &GENERATE } else { &GENERATE_OTHER };
    let foreign = [("/v1beta/", generate), ("/api/", &NATIVE)];
    let other = match spelling {
        Spelling::Bare => {
            foreign.into_iter().find(|(prefix, _)| rest.starts_with(prefix)).map(|(_, row)| row)
        }
        _ if rest.len() > 1 => Some(&OTHER),
        _ => None,
    };
    match other {
        Some(row) if row.methods.allow(method) => Ok(row),
        Some(row) => Err(PathProblem::Method(row.methods.allow_header())),
        None => Err(PathProblem::Unknown { nearest: nearest(rest) }),
    }
}

/// Where the model stands in `/v1beta/models/{model}:{verb}`, in the same below `/v1`, and in `/model/{model}/converse`. A name may
/// have slashes and colons itself; a verb is one word of letters.
fn before_verb(rest: &str) -> Option<Range<usize>> {
    if let Some(model) = rest.strip_prefix(CONVERSE).and_then(|rest| rest.split('/').next()) {
        return (!model.is_empty()).then_some(CONVERSE.len()..CONVERSE.len() + model.len());
    }
    let before = if rest.starts_with(MODELS) && runs_a_model(rest) { MODELS } else { MODELS_BETA };
    let (model, verb) = rest.strip_prefix(before)?.rsplit_once(':')?;
    let named = !model.is_empty() && !verb.is_empty() && verb.bytes().all(|b| b.is_ascii_alphabetic());
    named.then_some(before.len()..before.len() + model.len())
}

const CONVERSE: &str = "/model/";
const MODELS: &str = "/models/";
const MODELS_BETA: &str = "/v1beta/models/";

/// The verbs that are written behind a model below `/v1` as well, where a name may have colons in it (Gemini API, version 1).
const VERBS: [&str; 5] =
    ["generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents"];

/// Whether a path below `/v1` runs a model in another language than the paths around it.
fn runs_a_model(rest: &str) -> bool {
    let verb = rest.strip_prefix(MODELS).and_then(|rest| rest.rsplit_once(':'));
    verb.is_some_and(|(model, verb)| !model.is_empty() && VERBS.contains(&verb))
}

/// A path with another name, encoded for a path, for the model before its verb; other paths stay as they are.
pub fn rename<'p>(rest: &'p str, model: &str) -> Cow<'p, str> {
    match before_verb(rest) {
        Some(place) => Cow::Owned(format!("{}{}{}", &rest[..place.start], model, &rest[place.end..])),
        None => Cow::Borrowed(rest),
    }
}

/// Whether a request changes which models a server has: [`Row::manages`], for a path as it was written.
pub fn manages(method: &Method, path: &str) -> bool {
    path.starts_with("/api/") && find(method, path).is_ok_and(|found| found.row.manages(method, found.rest))
}

/// All methods of all rows that share this path.
fn allowed(rest: &str, first: &Row) -> String {
    let rows = ROWS.iter().filter(|row| row.fits(rest));
    let all = rows.fold(first.methods_at(rest), |all, row| all.and(row.methods_at(rest)));
    all.allow_header()
}

/// Refuses what two readers could read differently; true when an encoded slash or colon of a model's name is inside.
fn canonical(path: &str) -> Result<bool, PathProblem> {
    let bytes = path.as_bytes();
    if bytes.first() != Some(&b'/') {
        return Err(PathProblem::NotCanonical("a path begins with a slash"));
    }
    if is_plain(bytes) {
        return Ok(false);
    }
    if bytes.iter().any(|b| matches!(b, b'\\' | b';' | 0..=0x20 | 0x7f..)) {
        return Err(PathProblem::NotCanonical(
            "a path has no backslash, semicolon, space or control character",
        ));
    }
    if path.contains("//") {
        return Err(PathProblem::NotCanonical("a path has no empty segment"));
    }
    if path.split('/').any(|segment| matches!(segment, "." | "..") || segment.ends_with('.')) {
        return Err(PathProblem::NotCanonical("a path has no dot segment and no trailing dot"));
    }
    encoded(bytes)
}

/// Whether a path has nothing in it that two readers could read differently: letters, digits, and what joins them. Most are so.
fn is_plain(path: &[u8]) -> bool {
    let mut before = 0;
    path.iter().all(|&b| {
        let joins = if before == b'/' { matches!(b, b'-' | b'_') } else { matches!(b, b'-' | b'_' | b'/') };
        before = b;
        joins || b.is_ascii_alphanumeric()
    })
}

/// Checks each percent-encoded byte; the result says whether an encoded slash is among them.
fn encoded(bytes: &[u8]) -> Result<bool, PathProblem> {
    let mut slash = false;
    let mut beyond_ascii = Vec::new();
    for at in memchr::memchr_iter(b'%', bytes) {
        let digits = bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok());
        let byte = digits.filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match byte.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            None => return Err(PathProblem::NotCanonical("a percent sign is followed by two hex digits")),
            Some(b'/') => slash = true,
            Some(b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~') => {
                return Err(PathProblem::NotCanonical("what needs no encoding is not encoded"));
            }
            Some(b'.' | b'\\' | b'%' | b';' | b'?' | b'#' | 0..=0x20 | 0x7f) => {
                return Err(PathProblem::NotCanonical("this character may not be encoded in a path"));
            }
            Some(byte @ 0x80..) => beyond_ascii.push(byte),
            Some(_) => {}
        }
    }
    if std::str::from_utf8(&beyond_ascii).is_err() {
        return Err(PathProblem::NotCanonical("encoded bytes beyond ASCII are UTF-8"));
    }
    Ok(slash)
}

/// Whether an encoded slash is inside.
fn slashed(text: &str) -> bool {
    text.contains("%2F") || text.contains("%2f")
}

/// Whether decoding the slashes would make `.` , `..` or empty segments.
fn has_dot_segments(name: &str) -> bool {
    let decoded = name.replace("%2F", "/").replace("%2f", "/");
    decoded.split('/').any(|segment| matches!(segment, "" | "." | ".."))
}

/// The language to refuse in, before anything else is known of a request.
pub fn dialect_of(path: &str) -> Dialect {
    match path {
        _ if path.starts_with("/v1/messages") || path.starts_with("/anthropic/") => Dialect::Anthropic,
        _ if path.starts_with("/v1beta/") => Dialect::Gemini,
        _ if path.strip_prefix("/v1").is_some_and(runs_a_model) => Dialect::Gemini,
        _ if path.starts_with(CONVERSE) => Dialect::Bedrock,
        _ if path.starts_with("/v2/") => Dialect::Cohere,
        _ if path.starts_with("/api/") => Dialect::Ollama,
        _ => Dialect::OpenAi,
    }
}

/// The known shape that shares the longest beginning with `path`, if that is more than a letter or two.
fn nearest(path: &str) -> Option<&'static str> {
    const ALIKE: usize = 5;
    let shapes =
        ROWS.iter().rev().filter(|row| !row.stands_beside()).map(|row| row.shape.trim_end_matches("/**"));
    let shared =
        |shape: &str| shape.bytes().zip(path.bytes()).take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
    shapes.max_by_key(|shape| shared(shape)).filter(|shape| shared(shape) >= ALIKE)
}
